//! A digest of the cause table, so that two documents can be told to rest on the same one.
//!
//! In: the rules of a [`CauseMatcher`], in order. Out: 32 bytes that differ when any field of any rule does.

use sha2::{Digest, Sha256};

use super::{CauseMatcher, Rule, RuleKind};
use crate::taxonomy::Cause;

impl CauseMatcher {
    /// The SHA-256 digest of all rules.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        for rule in self.rules() {
            write_rule(rule, &mut bytes);
        }
        Sha256::digest(&bytes).into()
    }
}

/// Appends every field of a rule; what may be of any length is led by its length.
fn write_rule(rule: &Rule, out: &mut Vec<u8>) {
    // All of them, so that none that is added can be forgotten.
    let Rule {
        id,
        server,
        needles,
        events,
        regex,
        levels,
        without_upstream,
        cause,
        origin,
        kind,
        status,
        scope,
        note,
        source,
    } = rule;
    let count = |n: usize, out: &mut Vec<u8>| out.extend_from_slice(&(n as u32).to_le_bytes());
    let text = |text: &str, out: &mut Vec<u8>| {
        count(text.len(), out);
        out.extend_from_slice(text.as_bytes());
    };
    let (detail, for_s) = match kind {
        RuleKind::Lifecycle(change) | RuleKind::Trigger(change) => (change.as_str(), None),
        RuleKind::StateDown { for_s } => ("", *for_s),
        RuleKind::Failure
        | RuleKind::FinalFailure
        | RuleKind::Late
        | RuleKind::Pressure
        | RuleKind::StateUp
        | RuleKind::Noise => ("", None),
    };
    let cause = cause.map_or("", Cause::as_str);
    for name in [id, server.as_str(), cause, origin.as_str(), kind.as_str(), detail] {
        text(name, out);
    }
    for told in [scope.as_str(), regex.as_deref().unwrap_or_default(), note, source] {
        text(told, out);
    }
    count(needles.len(), out);
    for texts in needles.iter().chain([levels]) {
        count(texts.len(), out);
        for needle in texts {
            text(needle, out);
        }
    }
    count(events.len(), out);
    for event in *events {
        text(event.provider, out);
        count(event.ids.len(), out);
        out.extend(event.ids.iter().flat_map(|id| id.to_le_bytes()));
    }
    count(status.len(), out);
    out.extend(status.iter().flat_map(|status| status.to_le_bytes()));
    let flags = [regex.is_some(), *without_upstream, for_s.is_some()];
    out.extend(flags.map(u8::from));
    count(for_s.unwrap_or_default() as usize, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::RULES;

    #[test]
    fn every_field_tells() {
        let rule = Rule::from(&RULES[0]);
        let written = |rule: &Rule| {
            let mut out = Vec::new();
            write_rule(rule, &mut out);
            out
        };
        let changed: [fn(&mut Rule); 6] = [
            |rule| rule.id = "other".into(),
            |rule| rule.needles.push(vec!["x".into()]),
            |rule| rule.regex = Some("".into()),
            |rule| rule.without_upstream ^= true,
            |rule| rule.status = vec![599].into(),
            |rule| rule.note = "other".into(),
        ];
        for change in changed {
            let mut other = rule.clone();
            change(&mut other);
            assert_ne!(written(&other), written(&rule));
        }
    }
}
