//! Reading a chain from its first line to its last.
//!
//! 1. One pass, one line in memory; nothing is parsed but the beginning of a line, and checkpoints.
//! 2. The first problem ends it and names a record. To tell a moved record from a missing one, the rest is searched
//!    for its number.
//! 3. What lies behind the last line feed was never acknowledged, or is being written: it is told, not refused.
//! 4. A server may put its file aside meanwhile: which file comes next is looked up when its turn comes.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::checkpoint::Signed;
use super::{CheckpointPublicKey, Hash, Head, Link, Own, encode, hash};

/// A longer line is none of ours.
const LONGEST: u64 = 64 << 20;
/// How often progress is told, in lines.
const TOLD_EVERY: u64 = 65_536;

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// A line is not one of a chain.
    #[error("record {seq} cannot be read")]
    Unreadable {
        /// The record that should be there.
        seq: u64,
    },
    /// The content of a record is not what the next one was chained to.
    #[error("record {seq} was altered, or the one behind it")]
    Altered {
        /// The record.
        seq: u64,
    },
    /// Records are not there.
    #[error("records {from} to {to} are missing")]
    Missing {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A record is not where it belongs.
    #[error("record {seq} is out of order: {found} stands in its place")]
    Reordered {
        /// The record that should be there.
        seq: u64,
        /// The one that is.
        found: u64,
    },
    /// A checkpoint's signature is wrong: something up to it was altered.
    #[error("the signature of checkpoint {seq} is wrong: something before it was altered")]
    Signature {
        /// The checkpoint.
        seq: u64,
    },
    /// A checkpoint is signed by a key that was not given.
    #[error("checkpoint {seq} is signed by a key that was not given")]
    UnknownKey {
        /// The checkpoint.
        seq: u64,
    },
    /// No checkpoint came where one had to.
    #[error("the checkpoint that is due after record {after} is missing")]
    NoCheckpoint {
        /// The last one, or zero.
        after: u64,
    },
    /// The chain does not reach, or does not contain, the head that was expected.
    #[error("the chain ends at record {end}, record {expected} was expected: it was cut off")]
    Truncated {
        /// The expected record.
        expected: u64,
        /// The last that is there.
        end: u64,
    },
    /// The record at the expected place is another.
    #[error("record {seq} is not the one that was expected")]
    Unexpected {
        /// The record.
        seq: u64,
    },
}

/// Why a chain is not good, or was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("{} cannot be read: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The chain is broken.
    #[error("{}, line {line}: {broken}", .file.display())]
    Broken {
        /// In which file.
        file: PathBuf,
        /// In which of its lines.
        line: u64,
        /// What is wrong.
        broken: Broken,
    },
}

/// How far the reading has come.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes read.
    pub bytes: u64,
    /// Of so many.
    pub of: u64,
    /// Records read.
    pub records: u64,
}

/// A chain that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The number of its first record: above one, earlier files were not given.
    pub first: u64,
    /// Its end: keep it, to find later that something was cut off.
    pub head: Head,
    /// How many records it has.
    pub records: u64,
    /// How many checkpoints were checked.
    pub checkpoints: u64,
    /// How many records no checkpoint covers yet.
    pub uncovered: u64,
    /// How many bytes lie behind the last whole line.
    pub torn: u64,
}

/// Checks a chain.
#[derive(Clone, Debug, Default)]
#[must_use = "`files` checks"]
pub struct Verify {
    keys: Vec<CheckpointPublicKey>,
    expect: Option<Head>,
}

struct Reading<'a> {
    verify: &'a Verify,
    file: PathBuf,
    line: u64,
    head: Head,
    report: Report,
    covered: Option<(u64, u64)>,
}

impl Verify {
    /// Checkpoints have to be signed by this key, or another that is given.
    pub fn key(mut self, key: CheckpointPublicKey) -> Self {
        self.keys.push(key);
        self
    }

    /// The chain has to contain this head.
    pub fn expect(mut self, head: Head) -> Self {
        self.expect = Some(head);
        self
    }

    /// Reads these files in their order, and no others.
    ///
    /// # Errors
    /// [`VerifyError`] names the first problem.
    pub fn files(&self, files: &[PathBuf], progress: impl FnMut(Progress)) -> Result<Report, VerifyError> {
        let last = files.last().map_or(Path::new(""), PathBuf::as_path);
        self.read(files.iter().map(|file| open(file)), length(files), last, progress)
    }

    /// Reads the log whose newest lines are in `path`, what is put aside meanwhile included.
    ///
    /// # Errors
    /// [`VerifyError`] names the first problem.
    pub fn log(&self, path: &Path, progress: impl FnMut(Progress)) -> Result<Report, VerifyError> {
        let all = super::files(path).map_err(|error| VerifyError::File { file: path.to_owned(), error })?;
        self.read(Self::log_files(path), length(&all), path, progress)
    }

    /// The files of the log whose newest lines are in `path`, in their order, each opened when its turn comes: those that
    /// were put aside, then `path`. `None` behind that is no end: when `path` is put aside, the next follows.
    pub fn log_files(path: &Path) -> impl Iterator<Item = Result<(PathBuf, File), VerifyError>> + use<> {
        let path = path.to_owned();
        let (mut aside, mut is_newest) = (None, false);
        std::iter::from_fn(move || {
            loop {
                // Opened before the others are listed: if none is new among them, this is the next.
                let newest = open(&path);
                let all = match super::files(&path) {
                    Ok(all) => all,
                    Err(error) => return Some(Err(VerifyError::File { file: path.clone(), error })),
                };
                let next = all.into_iter().find(|file| *file != path && aside.as_ref() < Some(file));
                if let Some(next) = next {
                    let opened = open(&next);
                    aside = Some(next);
                    if std::mem::take(&mut is_newest) {
                        // That was read as `path`.
                        continue;
                    }
                    return Some(opened);
                }
                if is_newest {
                    return None;
                }
                // Between two files there may be none for a moment.
                let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
                is_newest = !matches!(&newest, Err(VerifyError::File { error, .. }) if is_gone(error));
                return is_newest.then_some(newest);
            }
        })
    }

    fn read(
        &self,
        mut files: impl Iterator<Item = Result<(PathBuf, File), VerifyError>>,
        of: u64,
        last: &Path,
        mut progress: impl FnMut(Progress),
    ) -> Result<Report, VerifyError> {
        let mut told = Progress { of, ..Progress::default() };
        let report =
            Report { first: 0, head: Head::START, records: 0, checkpoints: 0, uncovered: 0, torn: 0 };
        let mut reading =
            Reading { verify: self, file: PathBuf::new(), line: 0, head: Head::START, report, covered: None };
        let mut line = Vec::with_capacity(4096);
        while let Some(opened) = files.next() {
            let (name, file) = opened?;
            let is_last = name == last;
            let mut reader = BufReader::with_capacity(1 << 20, file);
            (reading.file, reading.line) = (name, 0);
            loop {
                line.clear();
                let count = reader
                    .by_ref()
                    .take(LONGEST)
                    .read_until(b'\n', &mut line)
                    .map_err(|error| VerifyError::File { file: reading.file.clone(), error })?;
                if count == 0 {
                    break;
                }
                told.bytes += count as u64;
                told.of = told.of.max(told.bytes);
                reading.line += 1;
                let Some(whole) = line.strip_suffix(b"\n") else {
                    if is_last && (count as u64) < LONGEST {
                        reading.report.torn = count as u64;
                        break;
                    }
                    return Err(reading.broken(Broken::Unreadable { seq: reading.head.seq + 1 }));
                };
                if let Err(broken) = reading.take(whole) {
                    let told = reading.broken(broken.clone());
                    let Broken::Missing { from, .. } = broken else { return Err(told) };
                    // It may stand somewhere behind.
                    let found = Link::read(whole).map_or(0, |link| link.seq);
                    return Err(match is_behind(reader, files, from) {
                        true => reading.broken(Broken::Reordered { seq: from, found }),
                        false => told,
                    });
                }
                if reading.report.records.is_multiple_of(TOLD_EVERY) {
                    told.records = reading.report.records;
                    progress(told);
                }
            }
            if is_last {
                break;
            }
        }
        told.records = reading.report.records;
        progress(told);
        reading.end()
    }
}

impl Reading<'_> {
    fn broken(&self, broken: Broken) -> VerifyError {
        VerifyError::Broken { file: self.file.clone(), line: self.line, broken }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Broken> {
        let next = self.head.seq.saturating_add(1);
        let link = Link::read(line).ok_or(Broken::Unreadable { seq: next })?;
        if self.report.records == 0 {
            self.report.first = link.seq;
            if link.seq == 1 && link.prev != encode(&Head::START.hash) {
                return Err(Broken::Altered { seq: 1 });
            }
            if link.seq == 0 {
                return Err(Broken::Unreadable { seq: 1 });
            }
        } else if link.seq > next {
            return Err(Broken::Missing { from: next, to: link.seq - 1 });
        } else if link.seq < next {
            return Err(Broken::Reordered { seq: next, found: link.seq });
        } else if link.prev != encode(&self.head.hash) {
            return Err(Broken::Altered { seq: self.head.seq });
        }
        self.checkpoint(&link)?;
        self.head = Head { seq: link.seq, hash: hash(line) };
        self.report.records += 1;
        match self.verify.expect {
            Some(expected) if expected.seq == link.seq && expected != self.head => {
                Err(Broken::Unexpected { seq: link.seq })
            }
            _ => Ok(()),
        }
    }

    fn checkpoint(&mut self, link: &Link<'_>) -> Result<(), Broken> {
        let Some(signed) = Signed::read(link.rest) else {
            self.report.uncovered += 1;
            // A start whose checkpoint comes next: the one that was due may have been torn off by the end before it.
            let is_start = matches!(Own::read(link.rest), Some(Ok(Own::Opened(_))));
            return match self.covered {
                Some((after, every))
                    if !self.verify.keys.is_empty() && !is_start && self.report.uncovered > every =>
                {
                    Err(Broken::NoCheckpoint { after })
                }
                _ => Ok(()),
            };
        };
        let signed = signed.map_err(|()| Broken::Unreadable { seq: link.seq })?;
        if !self.verify.keys.is_empty() {
            let mut before: Hash = [0; 32];
            if self.report.records > 0 {
                before = self.head.hash;
            } else if let Ok(prev) = format!("0:{}", String::from_utf8_lossy(link.prev)).parse::<Head>() {
                before = prev.hash;
            }
            let before = Head { seq: link.seq.saturating_sub(1), hash: before };
            match signed.is_good(&before, &self.verify.keys) {
                Some(true) => {}
                Some(false) => return Err(Broken::Signature { seq: link.seq }),
                None => return Err(Broken::UnknownKey { seq: link.seq }),
            }
        }
        self.report.checkpoints += 1;
        self.report.uncovered = 0;
        self.covered = Some((link.seq, signed.every));
        Ok(())
    }

    fn end(mut self) -> Result<Report, VerifyError> {
        self.report.head = self.head;
        if let Some(expected) = self.verify.expect
            && expected.seq > self.head.seq
        {
            let broken = Broken::Truncated { expected: expected.seq, end: self.head.seq };
            return Err(self.broken(broken));
        }
        if let Some(expected) = self.verify.expect
            && expected.seq < self.report.first
            && expected != Head::START
        {
            return Err(self.broken(Broken::Missing { from: expected.seq, to: self.report.first - 1 }));
        }
        if !self.verify.keys.is_empty() && self.report.checkpoints == 0 && self.report.records > 0 {
            return Err(self.broken(Broken::NoCheckpoint { after: 0 }));
        }
        Ok(self.report)
    }
}

fn open(file: &Path) -> Result<(PathBuf, File), VerifyError> {
    match File::open(file) {
        Ok(opened) => Ok((file.to_owned(), opened)),
        Err(error) => Err(VerifyError::File { file: file.to_owned(), error }),
    }
}

fn length(files: &[PathBuf]) -> u64 {
    files.iter().map(|file| file.metadata().map_or(0, |meta| meta.len())).sum()
}

fn is_behind(
    reader: BufReader<File>,
    rest: impl Iterator<Item = Result<(PathBuf, File), VerifyError>>,
    seq: u64,
) -> bool {
    let others = rest.map_while(|opened| opened.ok().map(|(_, file)| BufReader::new(file)));
    std::iter::once(reader).chain(others).any(|mut reader| {
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return false,
                Ok(_) if Link::read(&line).is_some_and(|link| link.seq == seq) => return true,
                Ok(_) => {}
            }
        }
    })
}
