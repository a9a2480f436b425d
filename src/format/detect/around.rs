//! Which envelope is around the lines of a sample, and what is in it.
//!
//! In: envelopes that may be, and lines. Out: readers for the lines in the best of them.
//! The rule: the envelope wins whose lines known readers take most of; one that lines show as such needs no known readers.

use std::cmp::Reverse;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::super::envelope::{Envelope, MESSAGES, Messages, Opened, Wrapped, zone_of};
use super::super::haproxy_access::HaproxyAccessFormat;
use super::super::{About, FormatBasis, Reader, Sample, app_log, reads};
use super::best::best_proposal;
use super::sources::{OfSource, readers_of_sources};
use super::{Found, Setting, add_missing, standing};
use crate::taxonomy::{LogRole, Server};
use crate::time::Notation;

/// The readers for the lines in that envelope `around` most of them, if one is around at least half.
pub(super) fn best_envelope(
    around: Vec<Arc<dyn Envelope>>,
    lines: &[&[u8]],
    setting: &Setting<'_>,
    depth: usize,
) -> Option<Found> {
    let whole: Vec<_> = standing().into_iter().filter(|reader| reader.holds_prefix()).collect();
    let is_whole = |line: &&[u8]| whole.iter().any(|reader| reads(reader.as_ref(), line));
    let lines: Vec<_> = lines.iter().copied().filter(|line| !is_whole(line)).collect();
    let lines = &lines[..];
    let judge = |envelope: Arc<dyn Envelope>| Fitting::of(envelope, lines, setting, depth);
    // Side by side where workers are there for it: streams are looked at by threads of their own.
    let mut fitting: Vec<Fitting<'_>> = if rayon::current_thread_index().is_some() {
        around.into_par_iter().filter_map(judge).collect()
    } else {
        around.into_iter().filter_map(judge).collect()
    };
    // Of several that fit as well, the first.
    fitting.sort_by_key(|fitting| Reverse(fitting.weight));
    fitting.into_iter().find_map(|Fitting { envelope, opened, inside, .. }| {
        let own = readers_of_sources(&envelope, lines, &inside, setting, depth);
        let found = wrapped(&envelope, &opened, inside, own, lines);
        (!found.readers.is_empty()).then_some(found)
    })
}

/// An envelope that is around lines, and what is in it.
struct Fitting<'l> {
    envelope: Arc<dyn Envelope>,
    opened: Vec<Opened<'l>>,
    inside: Found,
    /// Lines in it that known readers take, and all lines in it.
    weight: (usize, usize),
}

impl<'l> Fitting<'l> {
    /// `None`: it is around too few of the lines, or what is in it says no more than the lines as they are.
    fn of(
        envelope: Arc<dyn Envelope>,
        lines: &[&'l [u8]],
        setting: &Setting<'_>,
        depth: usize,
    ) -> Option<Self> {
        // Indented lines go on with the one before.
        let n_starts = lines.iter().filter(|line| !line[0].is_ascii_whitespace()).count();
        let mut opened = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            opened.extend(envelope.open(line));
            if (opened.len() + lines.len() - index - 1) * 2 < n_starts {
                return None;
            }
        }
        if opened.is_empty() {
            return None;
        }
        let stamps: Vec<_> = opened.iter().filter_map(|opened| opened.stamp).collect();
        if !envelope.is_shown_by(&stamps) {
            return None;
        }
        let inner = opened.iter().map(|opened| &*opened.inner);
        let mut rest = Sample::of(inner.filter(|line| !line.trim_ascii().is_empty()).collect());
        rest.is_dated_outside = envelope.notation().is_some();
        rest.is_in_sure_envelope = envelope.is_certain();
        let all = rest.lines.clone();
        let mut inside = Found::default();
        for (reader, _) in setting.given {
            if all.iter().any(|line| reads(reader.as_ref(), line)) {
                rest.lines.retain(|line| !reads(reader.as_ref(), line));
                inside.readers.push(Arc::clone(reader));
            }
        }
        inside.add_all(&mut rest, setting, depth + 1);
        let is_told = |reader: &&Arc<dyn Reader>| {
            let about = reader.about();
            let is_plain = about.layout.starts_with(MESSAGES) && about.server == Server::Unknown;
            let is_its_own = envelope.is_like_messages() && about.server == Server::Application;
            !is_plain && !is_its_own
        };
        let is_known = |reader: &&Arc<dyn Reader>| {
            reader.about().basis != FormatBasis::Inferred && is_told(reader)
        };
        // A message that holds a time, a request and a status of its own is no application's own line.
        let is_shown = |reader: &&Arc<dyn Reader>| {
            let about = reader.about();
            // Columns of CloudFront are laid out only where one holds what no other server writes.
            let is_request =
                about.layout.contains("$request") || about.server == Server::CloudFront;
            let is_access = about.role == LogRole::Access && is_request;
            is_known(reader)
                || (is_access && envelope.shows_layout(&about.layout) && is_told(reader))
        };
        let n_taken = |is_meant: &dyn Fn(&&Arc<dyn Reader>) -> bool| {
            let readers: Vec<_> = inside.readers.iter().filter(is_meant).collect();
            let takes = |line: &&&[u8]| readers.iter().any(|reader| reads(reader.as_ref(), line));
            all.iter().filter(takes).count()
        };
        // Any text may be a bare line, which says nothing for one envelope against another.
        let n_known = n_taken(&|reader: &&Arc<dyn Reader>| {
            is_known(reader) && !reader.about().layout.starts_with(app_log::BARE)
        });
        if n_taken(&is_shown) * 2 < opened.len() {
            let sample = Sample::of(lines.to_vec());
            let names_no_host = opened.iter().all(|opened| opened.origin.is_none());
            if !envelope.is_certain()
                || is_known_bare(&sample, opened.len())
                || (names_no_host && is_access_bare(&sample, opened.len()))
            {
                return None;
            }
        }
        let weight = (n_known, opened.len());
        Some(Fitting { envelope, opened, inside, weight })
    }
}

/// True when a known format takes at least so many lines as they are.
fn is_known_bare(sample: &Sample<'_>, least: usize) -> bool {
    best_proposal(&sample.clone().with_least(least)).is_some_and(|best| {
        best.reader.about().basis != FormatBasis::Inferred && best.n_accepted >= least
    })
}

/// True when the lines as they are show a layout of access lines: the first of its keys looks like the tag of a program,
/// as in `2026-11-20T21:29:42+00:00 client: 192.0.2.7, code: 503`.
fn is_access_bare(sample: &Sample<'_>, n_opened: usize) -> bool {
    best_proposal(sample).is_some_and(|best| {
        let about = best.reader.about();
        about.role == LogRole::Access
            && about.layout.contains("$request")
            && best.n_accepted * 10 >= n_opened * 9
    })
}

/// Puts an envelope around readers, and adds one for the other lines in it.
fn wrapped(
    envelope: &Arc<dyn Envelope>,
    opened: &[Opened<'_>],
    inside: Found,
    own: Vec<OfSource>,
    lines: &[&[u8]],
) -> Found {
    let stamps = || opened.iter().filter_map(|opened| envelope.stamp(opened.stamp?));
    let n_zoned = stamps().filter(|stamp| stamp.offset_s.is_some()).count();
    let has_zone = n_zoned * 2 > opened.len();
    // Who is called so writes no lines of another server, whatever layout its lines have.
    let is_of_haproxy = || {
        let is_such = |line: &&[u8]| envelope.source(line).is_some_and(is_called_haproxy);
        !lines.is_empty() && lines.iter().all(is_such)
    };
    let wrap = |reader: &Arc<dyn Reader>| -> Arc<dyn Reader> {
        let is_access = reader.about().role == LogRole::Access;
        let zone = (n_zoned > 0).then(|| zone_of(reader.as_ref(), envelope.as_ref(), opened));
        let zone = zone.flatten().filter(|_| is_access);
        let zoned = zone.and_then(|offset_s| reader.in_zone(offset_s));
        let reader = zoned.as_ref().unwrap_or(reader);
        if reads_by_itself(reader.as_ref(), opened, lines) && (zone.is_none() || zoned.is_some()) {
            return Arc::clone(reader);
        }
        let wrapped = Wrapped::new(Arc::clone(envelope), Arc::clone(reader), has_zone);
        let wrapped = wrapped.of_zone(zone);
        if is_access && is_unnamed(reader.about()) && is_of_haproxy() {
            let format = HaproxyAccessFormat::NAME;
            return Arc::new(wrapped.of_server(Server::Haproxy, format));
        }
        Arc::new(wrapped)
    };
    // Readers of one source come first: the others would take its lines for something else.
    let of_source = |own: &OfSource| -> Arc<dyn Reader> {
        let wrapped = Wrapped::new(Arc::clone(envelope), Arc::clone(&own.reader), has_zone);
        Arc::new(wrapped.of_source(&own.source))
    };
    let bound: Vec<_> = own.iter().map(of_source).collect();
    let mut known = inside.readers.clone();
    known.extend(inside.standby.iter().cloned());
    for reader in standing() {
        add_missing(&mut known, reader);
    }
    let mut found = Found {
        readers: bound.into_iter().chain(inside.readers.iter().map(wrap)).collect(),
        standby: known[inside.readers.len()..].iter().map(wrap).collect(),
        notes: inside.notes,
        is_yearless: inside.is_yearless
            || (envelope.notation() == Some(Notation::Syslog) && !has_zone),
    };
    known.extend(own.into_iter().map(|own| own.reader));
    let messages = if stamps().next().is_some() {
        Messages::new(Arc::clone(envelope), known)
    } else if envelope.is_certain() && opened.iter().all(|opened| opened.stamp.is_none()) {
        Messages::undated(Arc::clone(envelope), known)
    } else {
        None
    };
    if let Some(messages) = messages {
        if lines.iter().any(|line| reads(&messages, line)) {
            found.readers.push(Arc::new(messages));
        } else {
            found.standby.push(Arc::new(messages));
        }
    }
    let n_opened = opened.len();
    found.notes.push(format!(
        "{n_opened} of {} sampled lines are in {}",
        lines.len(),
        envelope.name()
    ));
    found
}

/// True for the layouts that servers share, or of which nothing tells whose they are.
fn is_unnamed(about: &About) -> bool {
    matches!(about.server, Server::Nginx | Server::Apache | Server::Unknown)
}

/// True for `HOST haproxy` and `HOST docker/haproxy`, and a unit of that name.
fn is_called_haproxy(source: &[u8]) -> bool {
    let name = source.rsplit(|byte| b" /".contains(byte)).next().unwrap_or(source);
    name.strip_suffix(b".service").unwrap_or(name) == b"haproxy"
}

/// True for a reader that needs no envelope taken off: it reads the lines as they are, prefixes and all.
fn reads_by_itself(reader: &dyn Reader, opened: &[Opened<'_>], lines: &[&[u8]]) -> bool {
    reader.reads_behind_prefixes() && {
        let n_inside = opened.iter().filter(|opened| reads(reader, &opened.inner)).count();
        n_inside > 0 && lines.iter().filter(|line| reads(reader, line)).count() >= n_inside
    }
}
