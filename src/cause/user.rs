//! Rule files (`--rules FILE`): the user's own rows, in JSON.
//!
//! In: text such as `[{"id": "shop.maintenance", "needles": ["maintenance mode"], "cause": "maintenance",
//! "origin": "local_process", "kind": "failure"}]`, or `{"rules": [...]}`. Out: [`Rule`]s, checked.
//! Invariants: what is returned compiles; every complaint names the rule and says what is expected.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use regex::bytes::Regex;
use serde::Deserialize;

use super::{ChangeKind, RULES, Rule, RuleKind, Scope};
use crate::error::{Error, Result};
use crate::taxonomy::{Cause, Origin, Server};

/// Rules that one file may hold.
const MOST_RULES: usize = 500;

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Wrapped { rules: Vec<serde_json::Value> },
    Bare(Vec<serde_json::Value>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    needles: Vec<Step>,
    regex: Option<String>,
    #[serde(default)]
    levels: Vec<String>,
    cause: Option<Cause>,
    origin: Option<Origin>,
    kind: Option<String>,
    for_s: Option<u32>,
    change_kind: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    status: Vec<u16>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    source: String,
}

/// One text, or alternatives.
#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    One(String),
    AnyOf(Vec<String>),
}

/// Parses a rule file: the row shape of the built-in table ([`super::CauseRule`]) as JSON.
///
/// Per row `id` and `needles` are required. A needle is a text or a list of alternatives; all must occur in order, `^`
/// in front of one stands for the start of the message. `kind` is `failure` (default), `final_failure`, `late`,
/// `pressure`, `state_down` (with `for_s`), `state_up`, `lifecycle` (with `change_kind`) or `noise`. The groups `scope`
/// and `detail` of `regex` are captured.
///
/// # Errors
/// [`Error::Rules`], with `path`, the rule and what is wrong with it.
pub fn parse_user_rules(text: &str, path: &Path) -> Result<Vec<Rule>> {
    let refuse = |reason: String| Error::Rules { path: path.to_owned(), reason };
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| refuse(format!("not valid JSON: {error}")))?;
    let Ok(File::Wrapped { rules: rows } | File::Bare(rows)) = serde_json::from_value(json) else {
        return Err(refuse("expected a list of rules, or {\"rules\": [...]}".to_owned()));
    };
    if rows.len() > MOST_RULES {
        return Err(refuse(format!("{} rules, at most {MOST_RULES} are possible", rows.len())));
    }
    let mut ids: HashSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    let mut rules = Vec::with_capacity(rows.len());
    for (row_idx, row) in rows.into_iter().enumerate() {
        let id = row.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
        let rule = serde_json::from_value(row)
            .map_err(|error| error.to_string())
            .and_then(rule_of)
            .map_err(|reason| refuse(format!("rule {} `{id}`: {reason}", row_idx + 1)))?;
        if !ids.insert(id.clone()) {
            return Err(refuse(format!("rule {} `{id}`: the id is taken", row_idx + 1)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule_of(row: Row) -> Result<Rule, String> {
    if row.id.is_empty() {
        return Err("`id` is empty".to_owned());
    }
    let needles: Vec<Vec<Cow<'static, str>>> = row.needles.into_iter().map(step_of).collect();
    let texts = needles.iter().flatten();
    if needles.is_empty()
        || needles.iter().any(Vec::is_empty)
        || texts.clone().any(|text| text.trim_start_matches('^').is_empty())
    {
        return Err("`needles` must hold at least one text, and none may be empty".to_owned());
    }
    if let Some(text) = &row.regex {
        Regex::new(text).map_err(|error| format!("`regex`: {error}"))?;
    }
    let kind = kind_of(row.kind.as_deref(), row.for_s, row.change_kind.as_deref())?;
    let scope = match row.scope.as_deref() {
        None => Scope::None,
        Some(id) => Scope::ALL
            .into_iter()
            .find(|scope| scope.as_str() == id)
            .ok_or_else(|| one_of("scope", id, &Scope::ALL.map(Scope::as_str)))?,
    };
    Ok(Rule {
        id: row.id.into(),
        server: Server::Unknown,
        needles,
        events: &[],
        regex: row.regex.map(Cow::from),
        levels: row.levels.into_iter().map(Cow::from).collect(),
        without_upstream: false,
        cause: row.cause,
        origin: row.origin.unwrap_or(Origin::Unknown),
        kind,
        status: row.status.into(),
        scope,
        note: row.note.into(),
        source: row.source.into(),
    })
}

fn step_of(step: Step) -> Vec<Cow<'static, str>> {
    match step {
        Step::One(text) => vec![text.into()],
        Step::AnyOf(texts) => texts.into_iter().map(Cow::from).collect(),
    }
}

fn kind_of(
    kind: Option<&str>,
    for_s: Option<u32>,
    change_kind: Option<&str>,
) -> Result<RuleKind, String> {
    const KINDS: [&str; 9] = [
        "failure",
        "final_failure",
        "late",
        "pressure",
        "state_down",
        "state_up",
        "lifecycle",
        "trigger",
        "noise",
    ];
    let ids = ChangeKind::ALL.map(ChangeKind::as_str);
    Ok(match kind.unwrap_or("failure") {
        "failure" => RuleKind::Failure,
        "final_failure" => RuleKind::FinalFailure,
        "late" => RuleKind::Late,
        "pressure" => RuleKind::Pressure,
        "state_down" => RuleKind::StateDown { for_s },
        "state_up" => RuleKind::StateUp,
        "noise" => RuleKind::Noise,
        kind @ ("lifecycle" | "trigger") => {
            let id = change_kind.unwrap_or_default();
            let change = ChangeKind::ALL.into_iter().find(|change| change.as_str() == id);
            let change = change.ok_or_else(|| one_of("change_kind", id, &ids))?;
            if kind == "trigger" { RuleKind::Trigger(change) } else { RuleKind::Lifecycle(change) }
        }
        other => return Err(one_of("kind", other, &KINDS)),
    })
}

fn one_of(field: &str, given: &str, known: &[&str]) -> String {
    format!("`{field}` is `{given}`, expected one of: {}", known.join(", "))
}
