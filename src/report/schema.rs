//! The JSON Schema (2020-12) of the timeline document.
//!
//! In: the types of [`Report`]. Out: the schema, as `logscan503 schema` prints it.
//! Invariants: generated from the types, so that the two cannot differ. It describes what is written: a field that may be
//! left out is not required, and a reader must ignore fields that it does not know.

use schemars::Schema;
use schemars::generate::SchemaSettings;

use super::{Report, SCHEMA, SCHEMA_VERSION};

/// The schema of the document.
pub fn timeline_schema() -> Schema {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    schema.insert("title".to_owned(), format!("{SCHEMA} {SCHEMA_VERSION}").into());
    schema
}
