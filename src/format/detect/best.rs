//! Which format understands most lines of a sample.
//!
//! In: a [`Sample`]. Out: the best proposal of all of [`FORMATS`].
//! The rule: the most lines win, of several formats the first in [`FORMATS`]; an inferred layout must understand clearly more
//! than a known one. A last resort gives way to an access format that is the best of the others: to one that was worked out,
//! if that fits half as many lines.
//! Invariants: the order in which formats are tried, and that they give up early, change how long it takes, not what is found.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::format::proposal::{INFERRED_WEIGHT, KNOWN_WEIGHT};
use crate::format::{FORMATS, Format, FormatBasis, Proposal, Sample, understands};
use crate::taxonomy::LogRole;

/// Lines that tell which format is tried first.
const TRIAL_LINES: usize = 16;

/// Lines at the start of which those that are directives are tried besides.
const MAX_HEAD_LINES: usize = 8;

/// What understands most lines so far.
struct Best {
    proposal: Proposal,
    /// What these lines count.
    weight: usize,
    /// Index of its format.
    index: usize,
}

impl Best {
    /// How many lines the format at `index` has to understand to go before it.
    fn least(&self, index: usize) -> usize {
        // Formats that stand before the best one need no more than it has.
        let more = self.weight / KNOWN_WEIGHT + usize::from(index > self.index);
        self.weight.div_ceil(KNOWN_WEIGHT).max(more)
    }
}

/// The proposal that understands most lines, if any does.
pub(super) fn best_proposal(sample: &Sample<'_>) -> Option<Proposal> {
    let mut best: Option<Best> = None;
    let others = |index: &usize| !FORMATS[*index].is_last_resort();
    for (order, index) in order_of_trial(sample).into_iter().filter(others).enumerate() {
        let least = best.as_ref().map_or(0, |best| best.least(index));
        // Nothing can understand more lines than there are.
        if least > sample.lines.len() {
            continue;
        }
        let propose = |least| FORMATS[index].propose(&sample.clone().with_least(least));
        // What comes first in the trial understands nearly all lines, or is tried again.
        let nearly_all = sample.lines.len() - sample.lines.len() / 8;
        let at_once = if order == 0 { propose(nearly_all) } else { None };
        let Some(proposal) = at_once.or_else(|| propose(least)) else { continue };
        let weight = weight_of(&proposal);
        let is_better = best.as_ref().is_none_or(|best| {
            weight > best.weight || (weight == best.weight && index < best.index)
        });
        if weight > 0 && is_better {
            best = Some(Best { proposal, weight, index });
        }
    }
    last_resort(sample, best.as_ref()).or_else(|| {
        best.map(|best| best_of_several(sample, &best.proposal).unwrap_or(best.proposal))
    })
}

/// What a last resort proposes, where the best of the other formats does not go before it.
fn last_resort(sample: &Sample<'_>, best: Option<&Best>) -> Option<Proposal> {
    let access = best.filter(|best| best.proposal.reader.about().role == LogRole::Access);
    let is_known = |best: &Best| best.proposal.reader.about().basis != FormatBasis::Inferred;
    // A layout that was worked out has a time, which lines for the last resort lack.
    let goes_before = |best: &Best, n: usize| is_known(best) || best.proposal.n_accepted * 2 >= n;
    if access.is_some_and(|best| goes_before(best, sample.lines.len())) {
        return None;
    }
    let proposals = FORMATS.iter().enumerate().filter(|(_, format)| format.is_last_resort());
    let proposals = proposals.filter_map(|(index, format)| {
        let least = best.map_or(0, |best| best.least(index));
        format.propose(&sample.clone().with_least(least))
    });
    Proposal::best(proposals).filter(|resort| {
        !access.is_some_and(|best| goes_before(best, resort.n_accepted))
            && best.is_none_or(|best| best.weight < weight_of(resort))
    })
}

/// The best of several formats whose lines identify themselves, where these together understand as much as a layout that was
/// worked out: one that fits the lines of several logs is none of theirs.
fn best_of_several(sample: &Sample<'_>, inferred: &Proposal) -> Option<Proposal> {
    if inferred.reader.about().basis != FormatBasis::Inferred {
        return None;
    }
    let known_access = |format: &'static dyn Format, sample: &Sample<'_>| {
        let proposal = format.propose(sample).filter(|proposal| proposal.n_accepted > 0)?;
        let about = proposal.reader.about();
        let is_known = about.role == LogRole::Access && about.basis == FormatBasis::Detected;
        is_known.then_some(proposal)
    };
    // A few lines tell whether it is worth the time.
    let step = sample.lines.len().div_ceil(4 * TRIAL_LINES).max(1);
    let few = Sample::of(sample.lines.iter().step_by(step).copied().collect());
    let standing = FORMATS.iter().copied().filter(|format| format.standing_reader().is_some());
    let standing: Vec<_> = standing.filter(|one| known_access(*one, &few).is_some()).collect();
    if standing.len() < 2 {
        return None;
    }
    let mut known: Vec<_> =
        standing.into_iter().filter_map(|format| known_access(format, sample)).collect();
    let mut readers: Vec<_> = known.iter().map(|proposal| Arc::clone(&proposal.reader)).collect();
    // Each follows every directive.
    let is_known = |line: &&&[u8]| {
        readers.iter_mut().filter_map(|reader| understands(reader, line).then_some(())).count() > 0
    };
    let n_known = sample.lines.iter().filter(is_known).count();
    if n_known * KNOWN_WEIGHT < weight_of(inferred) {
        return None;
    }
    known.sort_by_key(|proposal| Reverse(proposal.n_accepted));
    known.into_iter().next()
}

/// What the lines count that a proposal understands.
fn weight_of(proposal: &Proposal) -> usize {
    let is_inferred = proposal.reader.about().basis == FormatBasis::Inferred;
    proposal.n_accepted * if is_inferred { INFERRED_WEIGHT } else { KNOWN_WEIGHT }
}

/// Indices of all formats, those first that understand most of a few lines: what the best one understands lets the others
/// give up early.
fn order_of_trial(sample: &Sample<'_>) -> Vec<usize> {
    let step = sample.lines.len() / TRIAL_LINES;
    if step < 4 {
        return (0..FORMATS.len()).collect();
    }
    // A directive tells more than a line that it is about.
    let is_head = |line: &&&[u8]| line.starts_with(b"#");
    let head = sample.lines.iter().take(MAX_HEAD_LINES).filter(is_head);
    let few = Sample::of(head.chain(sample.lines.iter().step_by(step)).copied().collect());
    let mut weights = [0; FORMATS.len()];
    for (format, weight) in FORMATS.iter().zip(&mut weights) {
        *weight = format.propose(&few).as_ref().map_or(0, weight_of);
        if *weight == few.lines.len() * KNOWN_WEIGHT {
            break;
        }
    }
    let mut order: Vec<usize> = (0..FORMATS.len()).collect();
    order.sort_by_key(|index| Reverse(weights[*index]));
    order
}
