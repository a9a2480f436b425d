//! Who generated these 503s, since when, why, and what to do next.
//!
//! The library behind the `logscan503` program. Data flows one way, and a module imports only floors below its own:
//! bytes → blocks → lines → records → facts → tallies and fact store → attribution → incidents → timeline → report.
//! `ARCHITECTURE.md` in the repository is the map.

// Floor 0: words, instants, bytes, places.
pub mod bytes;
pub mod error;
pub mod evidence;
pub mod positioned;
pub mod taxonomy;
pub mod time;
// Floor 1: bytes -> blocks of whole lines.
pub mod input;
pub mod journal;
pub mod redact;
// Floor 2: what a line says.
pub mod format;
pub mod record;
// Floor 3: what it means.
pub mod cause;
pub mod fact;
pub mod verdict;
// Floor 4: what merges.
pub mod store;
pub mod tally;
// Floor 5: inputs -> tallies and facts, on all cores.
pub mod scan;
// Floor 6: facts -> verdicts.
pub mod attribute;
// Floor 7: verdicts -> incidents.
pub mod incident;
// The floors so far, put together.
pub mod analysis;
// Floor 8: what is said about it.
pub mod report;
// Floor 9: what is written.
pub mod output;
// Floor 10: what a user types.
pub mod cli;

pub use error::{Error, Result};
