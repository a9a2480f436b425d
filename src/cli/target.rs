//! Where the result goes: standard output, a file that is replaced as a whole, or whatever else a path names.
//!
//! A path that cannot be written fails before anything is read.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::args::{ColorWhen, ResultArgs};
use crate::error::{Error, Result};
use crate::output::{Output, Results};

/// Bytes written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// An opened place for the result.
pub(super) struct Target {
    output: &'static dyn Output,
    place: Place,
}

enum Place {
    Stdout(ColorWhen),
    /// Written beside its final path, and put there as a whole, with these permissions.
    Replaced {
        path: PathBuf,
        file: NamedTempFile,
        permissions: Option<Permissions>,
    },
    /// A device or a pipe: written as it is, never replaced.
    Special {
        path: PathBuf,
        file: File,
    },
}

impl Target {
    /// Makes sure the result can be written.
    pub(super) fn open(args: &ResultArgs, output: &'static dyn Output) -> Result<Self> {
        let place = match &args.output {
            None => Place::Stdout(args.color),
            Some(path) => {
                place_of(path).map_err(|source| Error::Write { path: path.clone(), source })?
            }
        };
        Ok(Target { output, place })
    }

    /// True when the output is the summary for people.
    pub(super) fn is_text(&self) -> bool {
        self.output.name() == "text"
    }

    /// Writes the results.
    pub(super) fn write(self, results: &Results<'_>) -> Result<()> {
        let is_text = self.is_text();
        match self.place {
            Place::Stdout(color) => {
                let choice = match color {
                    ColorWhen::Auto => anstream::ColorChoice::Auto,
                    ColorWhen::Always => anstream::ColorChoice::Always,
                    ColorWhen::Never => anstream::ColorChoice::Never,
                };
                let stdout = io::stdout();
                if is_text {
                    let mut out = anstream::AutoStream::new(stdout, choice);
                    self.output.write(results, &mut out)?;
                    return out.flush().map_err(Error::Output);
                }
                let mut out = io::BufWriter::with_capacity(BUFFER_BYTES, stdout.lock());
                self.output.write(results, &mut out)?;
                out.flush().map_err(Error::Output)
            }
            Place::Special { path, file } => write_file(self.output, results, &file, &path),
            Place::Replaced { path, file, permissions } => {
                write_file(self.output, results, file.as_file(), &path)?;
                put_in_place(file, permissions, &path)
            }
        }
    }
}

/// An opened file that is replaced as a whole.
pub(super) struct FileTarget(Place);

impl FileTarget {
    /// Makes sure the file can be written.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let place = place_of(path);
        place.map(FileTarget).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Writes the file.
    pub(super) fn write(self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let buffered = |file: &File, path: &Path| {
            let mut out = io::BufWriter::with_capacity(BUFFER_BYTES, file);
            let written = write(&mut out).and_then(|()| out.flush().map_err(Error::Output));
            written.map_err(|error| said_of(path, error))
        };
        match self.0 {
            Place::Stdout(_) => Ok(()),
            Place::Special { path, file } => buffered(&file, &path),
            Place::Replaced { path, file, permissions } => {
                buffered(file.as_file(), &path)?;
                put_in_place(file, permissions, &path)
            }
        }
    }
}

/// Gives a written file its permissions and its name.
fn put_in_place(file: NamedTempFile, permissions: Option<Permissions>, path: &Path) -> Result<()> {
    let fault = |source: io::Error| Error::Write { path: path.to_owned(), source };
    if let Some(permissions) = permissions.or_else(readable_by_all) {
        file.as_file().set_permissions(permissions).map_err(fault)?;
    }
    file.persist(path).map_err(|error| fault(error.error))?;
    Ok(())
}

fn place_of(path: &Path) -> io::Result<Place> {
    let Ok(metadata) = fs::metadata(path) else { return replaced(path, None) };
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Ok(Place::Special {
            path: path.to_owned(),
            file: File::options().write(true).open(path)?,
        });
    }
    // What a link points to is replaced, not the link.
    replaced(&path.canonicalize()?, Some(metadata.permissions()))
}

fn replaced(path: &Path, permissions: Option<Permissions>) -> io::Result<Place> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let file = tempfile::Builder::new()
        .prefix(".logscan503-")
        .tempfile_in(directory.unwrap_or(Path::new(".")))?;
    Ok(Place::Replaced { path: path.to_owned(), file, permissions })
}

fn write_file(output: &dyn Output, results: &Results<'_>, file: &File, path: &Path) -> Result<()> {
    let fault = |source: io::Error| Error::Write { path: path.to_owned(), source };
    let mut out = io::BufWriter::with_capacity(BUFFER_BYTES, file);
    if output.name() == "text" {
        // A file has no colours.
        let mut page = Vec::new();
        output.write(results, &mut page)?;
        for part in anstream::adapter::strip_bytes(&page) {
            out.write_all(part).map_err(fault)?;
        }
    } else {
        output.write(results, &mut out).map_err(|error| said_of(path, error))?;
    }
    out.flush().map_err(fault)
}

/// A fault of writing, said of the file: outputs do not know where they write to. A reader that closes a named pipe is one
/// that has enough, as at standard output.
fn said_of(path: &Path, error: Error) -> Error {
    match error {
        Error::Output(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Error::Write { path: path.to_owned(), source }
        }
        other => other,
    }
}

/// Temporary files are made private; a fresh result should be readable like any other file.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is nothing to set")]
fn readable_by_all() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all() -> Option<Permissions> {
    None
}
