//! The timeline document as indented JSON.

use std::io::Write;

use super::{Output, Results, written};
use crate::error::{Error, Result};

/// `--format json`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json;

impl Output for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()> {
        serde_json::to_writer_pretty(&mut *out, results.report)
            .map_err(|error| Error::Output(error.into()))?;
        written(out.write_all(b"\n"))
    }
}
