//! The schema of the timeline document, and what a change may do to it.
//!
//! That every document of these tests validates is checked where they are read: `Said::json`.

use serde_json::Value;

use crate::support::{Fixture, run_in};

/// The schema of version 1.0, as it was published. Never edited: a field that is added since is in the types only.
const PUBLISHED: &str = include_str!("schema/timeline-1.0.json");

fn printed() -> Value {
    let fixture = Fixture::new();
    fixture.run(&["schema"], b"").json()
}

#[test]
fn the_schema_is_printed_and_is_itself_valid() {
    let schema = printed();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::meta::validate(&schema).expect("is a schema");
}

#[test]
fn a_document_that_breaks_the_schema_is_told() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut document = run_in(root, &["--format", "json", "fixtures/incident"], b"").json();
    let validator = jsonschema::validator_for(&printed()).expect("is a schema");
    assert!(validator.is_valid(&document));
    document["incidents"][0]["impact"]["entries"] = "many".into();
    assert!(!validator.is_valid(&document));
}

#[test]
fn documents_of_all_later_minor_versions_can_be_read_by_readers_of_1_0() {
    let published: Value = serde_json::from_str(PUBLISHED).expect("JSON");
    let broken = breaks(&published, &printed());
    assert_eq!(broken, Vec::<String>::new(), "removing, renaming or retyping a field is major");
}

#[test]
fn a_breaking_change_is_noticed() {
    let published: Value = serde_json::from_str(PUBLISHED).expect("JSON");
    let path = "/$defs/IncidentInfo/properties";
    let breaks_when = |change: fn(&mut serde_json::Map<String, Value>)| {
        let mut changed = published.clone();
        change(changed.pointer_mut(path).and_then(Value::as_object_mut).expect("is an object"));
        !breaks(&published, &changed).is_empty()
    };
    assert!(breaks_when(|fields| drop(fields.remove("title"))), "removed");
    assert!(breaks_when(|fields| fields["title"]["type"] = "integer".into()), "retyped");
    assert!(breaks_when(|fields| fields["origin"]["$ref"] = "#/$defs/Gap".into()), "replaced");
    assert!(!breaks_when(|fields| drop(fields.insert("further".into(), true.into()))), "added");
    assert!(!breaks_when(|fields| fields["title"]["description"] = "other words".into()), "said");
}

/// Where a reader of `old` documents is misled by `new` ones.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    compare("", old, new, &mut broken);
    let definitions = old["$defs"].as_object().expect("definitions");
    for (name, definition) in definitions {
        compare(name, definition, &new["$defs"][name], &mut broken);
    }
    broken
}

/// Compares what a schema asks for; annotations do not count.
fn compare(at: &str, old: &Value, new: &Value, broken: &mut Vec<String>) {
    for keyword in ["type", "$ref", "const", "format"] {
        if old[keyword] != new[keyword] {
            broken.push(format!("{at}: {keyword}: {} -> {}", old[keyword], new[keyword]));
        }
    }
    for (field, schema) in old["properties"].as_object().into_iter().flatten() {
        match new["properties"].get(field) {
            Some(now) => compare(&format!("{at}.{field}"), schema, now, broken),
            None => broken.push(format!("{at}.{field}: removed")),
        }
    }
    let required = |schema: &Value| -> Vec<String> {
        let names = schema["required"].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let now = required(new);
    for field in required(old).into_iter().filter(|field| !now.contains(field)) {
        broken.push(format!("{at}.{field}: no longer always there"));
    }
    for keyword in ["items", "additionalProperties", "patternProperties"] {
        match (old.get(keyword), new.get(keyword)) {
            (Some(old), Some(new)) => compare(&format!("{at}[{keyword}]"), old, new, broken),
            (Some(_), None) => broken.push(format!("{at}: {keyword} is gone")),
            _ => {}
        }
    }
    if let Some(old_parts) = old["anyOf"].as_array() {
        let none = Vec::new();
        let new_parts = new["anyOf"].as_array().unwrap_or(&none);
        for (index, part) in old_parts.iter().enumerate() {
            let now = new_parts.get(index).unwrap_or(&Value::Null);
            compare(&format!("{at}|{index}"), part, now, broken);
        }
    }
}
