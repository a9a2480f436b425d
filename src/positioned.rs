//! Reads at places of a file, which leave alone where it is read from next.
//!
//! In: an open file and an offset. Out: bytes.

use std::fs::File;
use std::io;

/// Reads at most `buffer.len()` bytes at `offset`; fewer only at the end of the file.
pub(crate) fn read_at_most(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Fills `buffer` from `offset`, or fails.
pub fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let n = read_at_most(file, offset, buffer)?;
    if n == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(mut file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    use std::io::{Seek, SeekFrom};
    // `seek_read` moves the place that streams are read from next.
    let next = file.stream_position()?;
    let n = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
    file.seek(SeekFrom::Start(next))?;
    Ok(n)
}
