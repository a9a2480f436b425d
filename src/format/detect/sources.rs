//! Readers for single sources of lines in an envelope: containers, units, programs, files.
//!
//! In: lines in an envelope, and the readers that were found for all of them together. Out: readers for sources whose own
//! lines say something else.
//! The rule: most sources of one envelope share readers. A source gets its own where its lines alone show another server or
//! layout than the reader that would take them; a layout that was worked out gives way only to a known one, or to one
//! worked out from enough lines.
//! Invariants: a source that the sample does not show is read by the shared readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::envelope::Envelope;
use super::super::{FormatBasis, Reader, Sample, reads};
use super::{Found, Setting};
use crate::taxonomy::LogRole;

/// Sources that are looked at one by one, those with most lines.
const MAX_SOURCES: usize = 12;

/// Lines from which the layout of one source is worked out against that of all.
const LEAST_LINES: usize = 20;

/// A reader for one source.
pub(super) struct OfSource {
    pub(super) source: Vec<u8>,
    pub(super) reader: Arc<dyn Reader>,
}

/// Readers for the sources that need their own.
pub(super) fn readers_of_sources(
    envelope: &Arc<dyn Envelope>,
    lines: &[&[u8]],
    shared: &Found,
    setting: &Setting<'_>,
    depth: usize,
) -> Vec<OfSource> {
    // What inner lines are is found out once per envelope: not in the middle of another source.
    let mut groups: BTreeMap<&[u8], Vec<_>> = BTreeMap::new();
    for line in lines {
        let (Some(source), Some(opened)) = (envelope.source(line), envelope.open(line)) else {
            continue;
        };
        groups.entry(source).or_default().push(opened.inner);
    }
    if groups.len() < 2 || setting.is_of_source {
        return Vec::new();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(source, inner)| (std::cmp::Reverse(inner.len()), *source));
    groups.truncate(MAX_SOURCES);
    groups.sort_by_key(|(source, _)| *source);
    let setting = Setting { is_of_source: true, ..*setting };
    let mut own = Vec::new();
    for (source, inner) in groups {
        let is_given =
            |line: &&[u8]| setting.given.iter().any(|(reader, _)| reads(reader.as_ref(), line));
        let lines: Vec<&[u8]> = inner
            .iter()
            .map(|line| &**line)
            .filter(|line| !line.trim_ascii().is_empty() && !is_given(line))
            .collect();
        let mut found = Found::default();
        found.add_all(&mut Sample::of(lines.clone()), &setting, depth + 1);
        for reader in found.readers {
            if reader.about().role == LogRole::Access && is_needed(&reader, &lines, &shared.readers)
            {
                own.push(OfSource { source: source.to_vec(), reader });
            }
        }
    }
    own
}

/// True when a shared reader would take lines of this one for something else.
fn is_needed(own: &Arc<dyn Reader>, lines: &[&[u8]], shared: &[Arc<dyn Reader>]) -> bool {
    let taken: Vec<_> = lines.iter().filter(|line| reads(own.as_ref(), line)).collect();
    let about = own.about();
    let is_inferred = about.basis == FormatBasis::Inferred;
    if is_inferred && taken.len() < LEAST_LINES {
        return false;
    }
    taken.iter().any(|line| {
        let other = shared.iter().find(|reader| reads(reader.as_ref(), line));
        other.is_some_and(|other| {
            let others = other.about();
            let is_same = others.format == about.format
                && others.layout == about.layout
                && others.server == about.server
                && others.ambiguous_with == about.ambiguous_with;
            !is_same && (!is_inferred || others.basis == FormatBasis::Inferred)
        })
    })
}
