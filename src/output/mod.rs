//! Results -> bytes: one file per output, one line in [`OUTPUTS`].
//!
//! In: an [`Analysis`] and its [`Report`]. Out: bytes on a writer.
//! Invariants: log text is hostile: outputs for a terminal strip control characters, JSON is left to `serde_json`.

mod csv;
mod ecs;
mod entries;
mod events;
mod grafana;
mod json;
mod markdown;
mod otlp;
mod prom;
mod records;
mod sarif;
mod text;
mod timesketch;
mod told;

use std::fmt;
use std::io::{self, Write};

use crate::analysis::{Analysis, AnalysisConfig};
use crate::error::Result;
use crate::report::Report;

pub use records::{RowStyle, write_record};
pub use text::sanitize;

/// Everything an output may use.
#[derive(Debug)]
pub struct Results<'r> {
    /// The run's results.
    pub analysis: &'r Analysis,
    /// What was asked for.
    pub config: &'r AnalysisConfig<'r>,
    /// The document.
    pub report: &'r Report,
    /// How wide and how colourful text may be.
    pub style: TextStyle,
}

/// How text is laid out.
#[derive(Debug, Clone, Copy)]
pub struct TextStyle {
    /// Columns.
    pub width: usize,
    /// The terminal shows UTF-8.
    pub unicode: bool,
}

/// One output format.
pub trait Output: fmt::Debug + Sync {
    /// Its name, as `--format` takes it.
    fn name(&self) -> &'static str;
    /// File name extensions that mean it.
    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }
    /// Writes the results.
    ///
    /// # Errors
    /// When the writer fails, or text cannot be read again.
    fn write(&self, results: &Results<'_>, out: &mut dyn Write) -> Result<()>;
}

/// Every output.
pub const OUTPUTS: &[&dyn Output] = &[
    &text::Text,
    &json::Json,
    &entries::Entries,
    &events::Events,
    &markdown::Markdown,
    &csv::Csv,
    &csv::CsvIncidents,
    &timesketch::Timesketch,
    &timesketch::TimesketchCsv,
    &sarif::Sarif,
    &grafana::Grafana,
    &prom::Prom,
    &otlp::Otlp,
    &ecs::Ecs,
];

/// The output with this name.
pub fn by_name(name: &str) -> Option<&'static dyn Output> {
    OUTPUTS.iter().copied().find(|output| output.name() == name)
}

/// The output that a file name's extension means.
pub fn by_extension(extension: &str) -> Option<&'static dyn Output> {
    OUTPUTS.iter().copied().find(|output| output.extensions().contains(&extension))
}

/// Wraps a failure of the writer.
fn written(result: io::Result<()>) -> Result<()> {
    result.map_err(crate::error::Error::Output)
}
