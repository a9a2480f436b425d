//! Files, standard input and gzip streams -> blocks of whole lines. This floor knows only bytes.
//!
//! In: the paths a user gave. Out: [`Source`]s in canonical order, and blocks cut at line ends with their byte offsets.
//! Invariants: offsets count decoded bytes, which are those of UTF-8 where the file is UTF-16; a plain file is read up to the length it had when it was opened, so a
//! growing file gives one consistent picture; no file is read that was not named or found in a named directory.

mod aligned;
mod copies;
mod events_xml;
#[cfg(feature = "evtx")]
mod evtx;
mod expand;
mod fragments;
mod journal;
mod range;
mod spool;
mod stdin;
mod stream;
mod text;
mod unwrap;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::positioned::read_at_most;

pub use copies::{drop_copies, is_copy, is_name_of_copy, originals};
pub use expand::expand;
pub use fragments::{CutLines, Fragment, Fragments, Piece, Pieces, pieces_of_record};
pub use range::{RANGE_BYTES, RangeReader};
pub use spool::{Spool, SpooledLine};
pub use stdin::Stdin;
pub use stream::{BLOCK_BYTES, BlockReader, OpenStream, open_stream};

pub use crate::positioned::read_exact_at;
pub use unwrap::Breaks;

/// What the lines of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Lines of the input.
    #[default]
    Line,
    /// Entries of a journal that was no text.
    Entry,
    /// Records that were wrapped: their offsets are those of the input, and so many line breaks of it are in them.
    Record(Breaks),
}

/// The longest line that is looked at, in bytes. A longer one counts as one line that was not understood.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// How far a record may reach over its continuation lines, in bytes: a continuation line belongs to the nearest record
/// start before it if it starts less than this after it. Purely a matter of positions, so it holds however a file is cut.
pub const MAX_RECORD_BYTES: usize = 64 << 10;

/// Tells where records start.
pub trait Records {
    /// True for a line that starts a record, if nothing before it goes on.
    fn starts(&self, line: &[u8]) -> bool;

    /// The envelope around lines that may be pieces of a longer one; `None` where none are.
    fn fragments(&self) -> Option<&dyn Fragments> {
        None
    }
}

impl<F: Fn(&[u8]) -> bool> Records for F {
    fn starts(&self, line: &[u8]) -> bool {
        self(line)
    }
}

/// Tells lines that start a record from continuation lines; `None` where every line is a record.
pub type RecordStart<'f> = Option<&'f dyn Records>;

/// How the bytes of an input are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// gzip, with any number of members.
    Gzip,
}

impl Compression {
    /// The id used in outputs; `None` for plain files.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
        }
    }
}

/// Where the bytes of an input come from.
#[derive(Debug)]
pub enum Origin {
    /// A regular file that can be read at any position.
    Plain(File),
    /// Anything that can only be read forwards: a compressed file, a file in UTF-16, an export whose records are
    /// wrapped, or a named pipe.
    Stream(File, Compression),
    /// A binary journal file, or an event log of Windows: read forwards, entry by entry.
    Journal(File),
    /// Standard input.
    Stdin,
}

/// One input of a run.
#[derive(Debug)]
pub struct Source {
    /// The path as given, or found in a directory; `-` for standard input.
    pub path: PathBuf,
    /// Where the bytes come from; or why they cannot be had.
    pub origin: io::Result<Origin>,
    /// Stored length in bytes; 0 where it is not known beforehand.
    pub bytes: u64,
    /// When it was last written, microseconds UTC: what decides years that lines leave out.
    pub modified_us: Option<i64>,
    /// Whoever started the run named it, rather than a directory that it is in.
    pub is_named: bool,
    /// Files beside it that hold the same, and are left out.
    pub copies: Vec<PathBuf>,
}

impl Source {
    /// Opens a path and looks at its first bytes to see how it is packed. Failures are kept, not returned: the other
    /// inputs of a run go on.
    pub fn open(path: &Path) -> Source {
        let mut source = Source {
            path: path.to_owned(),
            origin: Ok(Origin::Stdin),
            bytes: 0,
            modified_us: None,
            is_named: true,
            copies: Vec::new(),
        };
        source.origin = open_file(path, &mut source.bytes, &mut source.modified_us);
        source
    }

    /// Standard input.
    pub fn stdin() -> Source {
        let modified_us = micros_of(SystemTime::now());
        Source {
            path: PathBuf::from("-"),
            origin: Ok(Origin::Stdin),
            bytes: 0,
            modified_us,
            is_named: true,
            copies: Vec::new(),
        }
    }

    /// True when the records of this input cannot be read again at their offsets.
    pub fn is_stream(&self) -> bool {
        matches!(self.origin, Ok(Origin::Stream(..) | Origin::Journal(_) | Origin::Stdin))
    }

    /// How the input is packed.
    pub fn compression(&self) -> Compression {
        match self.origin {
            Ok(Origin::Stream(_, compression)) => compression,
            _ => Compression::None,
        }
    }
}

/// Microseconds since the epoch.
fn micros_of(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

fn open_file(path: &Path, bytes: &mut u64, modified_us: &mut Option<i64>) -> io::Result<Origin> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    }
    if !metadata.is_file() {
        return Ok(Origin::Stream(file, Compression::None));
    }
    *bytes = metadata.len();
    *modified_us = metadata.modified().ok().and_then(micros_of);
    let mut head = [0u8; journal::SNIFFED_BYTES];
    let n = read_at_most(&file, 0, &mut head)?;
    match head[..n] {
        [0x1f, 0x8b, ..] => Ok(Origin::Stream(file, Compression::Gzip)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(unsupported("zstd", "zstd -dc")),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Err(unsupported("xz", "xz -dc")),
        [b'B', b'Z', b'h', ..] => Err(unsupported("bzip2", "bzip2 -dc")),
        _ if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ibl")) => {
            Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "is a central binary log of IIS, which only Microsoft Log Parser reads; export it as W3C first",
            ))
        }
        #[cfg(not(feature = "evtx"))]
        [b'E', b'l', b'f', b'F', b'i', b'l', b'e', 0, ..] => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "is an event log of Windows, which this build does not read; use: wevtutil qe FILE /lf /f:xml",
        )),
        _ if text::is_utf16(&head[..n]) => Ok(Origin::Stream(file, Compression::None)),
        _ => Ok(match journal::form_of(&head[..n]) {
            Some(form) if form.is_packed() => Origin::Journal(file),
            Some(_) => Origin::Stream(file, Compression::None),
            None if unwrap::breaks_of(&head[..n]).is_some() || events_xml::is_glued(&head[..n]) => {
                Origin::Stream(file, Compression::None)
            }
            None => Origin::Plain(file),
        }),
    }
}

fn unsupported(packer: &str, command: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "is packed with {packer}, which is not read directly; use: {command} FILE | logscan503"
        ),
    )
}
