//! The files that a chain lies in: the one that is written, and those that were put aside before it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// How many digits the number behind a file's name has.
const DIGITS: usize = 20;

/// What the file at `path`, whose first line has the number `first`, is called when it is put aside.
pub(in crate::audit) fn aside(path: &Path, first: u64) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{first:0DIGITS$}"));
    PathBuf::from(name)
}

/// All files of the chain whose newest lines are in `path`, in order. The last may not be there.
///
/// # Errors
/// The directory cannot be read.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut all = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        let number = other.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
        if number.is_some_and(|number| number.len() == DIGITS && number.bytes().all(|b| b.is_ascii_digit())) {
            all.push(entry.path());
        }
    }
    all.sort();
    if path.exists() {
        all.push(path.to_owned());
    }
    Ok(all)
}

/// The last whole line of a file, without its line feed, and how many bytes lie behind it.
///
/// # Errors
/// The file cannot be read.
pub(in crate::audit) fn last_line(file: &mut File) -> io::Result<(Option<Vec<u8>>, u64)> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut window = 64 << 10;
    loop {
        let start = length.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.take(length - start).read_to_end(&mut tail)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n');
        if let Some(end) = end {
            let before = tail.get(..end).unwrap_or_default();
            let begin = before.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            if begin.is_some() || start == 0 {
                let torn = (tail.len() - end - 1) as u64;
                return Ok((before.get(begin.unwrap_or(0)..).map(<[u8]>::to_vec), torn));
            }
        } else if start == 0 {
            return Ok((None, length));
        }
        window = window.saturating_mul(4);
    }
}
