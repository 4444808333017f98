//! The file: found, gone on with, written to, put aside.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::super::chain::{self, Head, first_of};
use super::OpenError;

pub(super) struct ChainFile {
    path: PathBuf,
    file: File,
    /// Held as long as this process writes.
    _lock: File,
    length: u64,
    /// The number of the file's first line.
    first: u64,
    /// The beginning of a line that could not be written stands behind the last whole one.
    torn: bool,
}

impl ChainFile {
    /// Opens `path`, takes away a line that was torn off, and finds the head of the chain. Also gives the bytes taken.
    pub(super) fn open(path: &Path) -> Result<(Self, Head, u64), OpenError> {
        let failed = |error| OpenError::File { path: path.to_owned(), error };
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = open(Path::new(&lock_path)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut file = open(path).map_err(failed)?;
        // A file that was made just now is on the disk when its directory is.
        sync_directory(path).map_err(failed)?;
        let (mut last, torn) = chain::last_line(&mut file).map_err(failed)?;
        let mut length = file.metadata().map_err(failed)?.len();
        if torn > 0 {
            length -= torn;
            file.set_len(length).map_err(failed)?;
        }
        let mut from = path.to_owned();
        if last.is_none() {
            // Put aside and not begun anew: the chain's end is in the file before.
            let aside = chain::files(path).map_err(failed)?.into_iter().rev().find(|other| other != path);
            if let Some(aside) = aside {
                last = chain::last_line(&mut File::open(&aside).map_err(failed)?).map_err(failed)?.0;
                from = aside;
            }
        }
        let head = match last {
            Some(line) => Head::of(&line).ok_or(OpenError::Foreign { path: from })?,
            None => Head::START,
        };
        let first = match length {
            0 => head.seq.saturating_add(1),
            _ => {
                let mut begin = [0; 64];
                file.seek(SeekFrom::Start(0)).map_err(failed)?;
                let count = file.read(&mut begin).map_err(failed)?;
                first_of(begin.get(..count).unwrap_or_default())
                    .ok_or(OpenError::Foreign { path: path.to_owned() })?
            }
        };
        Ok((Self { path: path.to_owned(), file, _lock: lock, length, first, torn: false }, head, torn))
    }

    /// Writes whole lines, or takes back what was written of them.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        if let Err(error) = self.file.write_all(lines) {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fails if the path no longer leads to the file that is written.
    #[cfg(unix)]
    pub(super) fn check_place(&self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let own = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) == (own.dev(), own.ino()) => Ok(()),
            _ => Err(io::Error::other("the file was moved, deleted or replaced: put it back, or restart")),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn check_place(&self) -> io::Result<()> {
        Ok(())
    }

    /// Puts the file, which was synced, aside and begins the next one, whose first line is `next`. The directory is not synced.
    pub(super) fn rotate(&mut self, next: u64) -> io::Result<()> {
        let aside = chain::aside(&self.path, self.first);
        // Never over another file; only this process has the lock.
        if aside.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        fs::rename(&self.path, &aside)?;
        match open(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => {
                fs::rename(&aside, &self.path)?;
                return Err(error);
            }
        }
        (self.length, self.first) = (0, next);
        Ok(())
    }

    pub(super) fn sync_directory(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
