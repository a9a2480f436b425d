//! The one error type: what stops a run, or one input of it. Bad log lines are not errors.

use std::io;
use std::path::PathBuf;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What stops a run before or during the scan. Messages start lower case and say what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input could not be opened or read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An output file could not be created or written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing to standard output failed.
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
    /// A temporary file (spill or spool) could not be used.
    #[error("a temporary file cannot be used; choose another place with --temp-dir")]
    Temporary(#[source] io::Error),
    /// No file matched.
    #[error("{0}: no such file, and as a pattern it matches nothing")]
    NoInput(String),
    /// A flag's value is not usable.
    #[error("{flag} {value}: {expected}")]
    Flag {
        /// The flag, as typed.
        flag: &'static str,
        /// Its value, as typed.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// A log format string or a configuration file could not be compiled.
    #[error("{origin}: {reason}")]
    Format {
        /// The flag or file that holds it.
        origin: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A rule file is not usable.
    #[error("{}: {reason}", path.display())]
    Rules {
        /// The rule file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A partial result is not usable.
    #[error("{}: {reason}", path.display())]
    Partial {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The worker threads could not be started.
    #[error("worker threads cannot be started: {0}")]
    Threads(String),
    /// The system gave no random bytes.
    #[error("no random key for --redact: {0}")]
    Random(String),
}
