//! Which formats an input holds, from its content.
//!
//! In: parts of an input, and what the user said. Out: a [`Plan`].
//! The rule: formats given by the user or by a configuration come first. Then the format that understands most lines of
//! the sample takes them, and the rest is looked at again, until nothing understands more. A known layout is preferred
//! to an inferred one that understands hardly more lines. Readers of formats whose lines identify themselves stand by
//! for lines that turn up later.

mod around;
mod best;
mod sources;
mod taught;
mod unread;

use std::path::Path;
use std::sync::Arc;

use globset::GlobMatcher;

use self::around::best_envelope;
use self::best::best_proposal;
use self::taught::teach;
use self::unread::n_unread_requests;
use super::apache_conf::ApacheConf;
use super::apache_error::ApacheError;
use super::app_log;
use super::envelope::{Indented, Messages, envelopes, is_tail_header, latest_year_shown};
use super::infer::heading::heading_of;
use super::nginx_conf::NginxConf;
use super::{
    CacheSeen, Directive, FORMATS, FormatBasis, Plan, Reader, Sample, apache_access, issued,
    nginx_access, reads, understands,
};
use crate::record::Record;
use crate::taxonomy::LogRole;
use crate::time::format_offset;

/// Lines that are tried. Detection is to take milliseconds.
const MAX_SAMPLE_LINES: usize = 1500;

/// Longer lines are cut out of the sample.
const MAX_SAMPLE_LINE_BYTES: usize = 32 << 10;

/// Different formats in one input.
const MAX_READERS: usize = 8;

/// Envelopes around each other.
const MAX_ENVELOPES: usize = 2;

/// A format the user gave.
#[derive(Debug, Clone)]
pub struct GivenFormat {
    /// The files it is for; `None` for all.
    pub pattern: Option<GlobMatcher>,
    /// The reader.
    pub reader: Arc<dyn Reader>,
}

/// What the user said of formats.
#[derive(Debug, Clone, Default)]
pub struct FormatChoice {
    /// By flag.
    pub given: Vec<GivenFormat>,
    /// From the configuration of nginx.
    pub nginx_conf: Option<NginxConf>,
    /// From the configuration of Apache.
    pub apache_conf: Option<ApacheConf>,
}

impl FormatChoice {
    /// Readers for a file, and whether each is bound to it by name.
    fn readers(&self, path: &Path) -> Vec<(Arc<dyn Reader>, bool)> {
        let text = path.to_string_lossy();
        let name = path.file_name().map(Path::new);
        let bound = |pattern: &GlobMatcher| {
            pattern.is_match(path) || name.is_some_and(|name| pattern.is_match(name))
        };
        let mut readers = Vec::new();
        for given in &self.given {
            match &given.pattern {
                Some(pattern) if bound(pattern) => readers.push((Arc::clone(&given.reader), true)),
                Some(_) => {}
                None => readers.push((Arc::clone(&given.reader), false)),
            }
        }
        if let Some(conf) = &self.nginx_conf {
            let named = conf.formats_for(&text);
            let bound = !named.is_empty();
            let formats = if bound {
                named
            } else {
                conf.formats.iter().filter(|format| !format.in_stream).collect()
            };
            for format in formats {
                if let Ok(reader) =
                    nginx_access::of_body(&format.body, format.escape, FormatBasis::Config)
                {
                    readers.push((Arc::new(reader), bound));
                }
            }
        }
        readers.extend(self.apache_readers(&text));
        readers
    }

    /// Readers for a file from Apache's configuration: those of its own directives, else every access format.
    fn apache_readers(&self, path: &str) -> Vec<(Arc<dyn Reader>, bool)> {
        let Some(conf) = &self.apache_conf else { return Vec::new() };
        let mut readers: Vec<(Arc<dyn Reader>, bool)> = Vec::new();
        let named = conf.formats_for(path);
        let error_format = conf.error_log_for(path).and_then(|log| log.format.as_deref());
        if let Some(body) = error_format
            && let Ok(reader) = ApacheError::from_format(body, FormatBasis::Config)
        {
            readers.push((Arc::new(reader), true));
        }
        let bound = !named.is_empty();
        let formats = if bound { named } else { conf.formats.iter().collect() };
        for format in formats {
            if let Ok(reader) = apache_access::of_body(&format.body, FormatBasis::Config) {
                readers.push((Arc::new(reader), bound));
            }
        }
        readers
    }
}

/// The plan for an input of which `parts` are known.
pub fn detect(path: &Path, parts: &[&[u8]], choice: &FormatChoice) -> Plan {
    detect_dated(path, parts, choice, None)
}

/// As [`detect`], for an input last written at `modified_us` (UTC), which decides the year of lines that have none and
/// stand among none that have one.
pub fn detect_dated(
    path: &Path,
    parts: &[&[u8]],
    choice: &FormatChoice,
    modified_us: Option<i64>,
) -> Plan {
    let head = parts.first().copied().unwrap_or_default();
    detect_taught((path, modified_us), parts, choice, head)
}

/// As [`detect_dated`], for lines behind the head: which ones these are depends on reading, so none is told by others.
pub fn detect_behind(
    path: &Path,
    lines: &[u8],
    choice: &FormatChoice,
    modified_us: Option<i64>,
) -> Plan {
    detect_taught((path, modified_us), &[lines], choice, b"")
}

/// The plan for an input whose readers learn from `head`.
fn detect_taught(
    (path, modified_us): (&Path, Option<i64>),
    parts: &[&[u8]],
    choice: &FormatChoice,
    head: &[u8],
) -> Plan {
    let mut rest = Sample::of(sample_lines(parts));
    if parts.len() > 1 && declares_layout(&parts[0][..parts[0].len().min(MAX_SAMPLE_LINE_BYTES)]) {
        // What the other parts hold depends on directives between them and the first one.
        rest.lines = sample_lines(&parts[..1]);
    }
    rest.lines.retain(|line| !is_tail_header(line));
    let n_sampled = rest.lines.len();
    let sampled = rest.lines.clone();
    let given = choice.readers(path);
    let mut found = Found::default();
    for (reader, bound) in &given {
        let n_accepted = rest.lines.iter().filter(|line| reader.parse(line).is_ok()).count();
        if n_accepted > 0 || *bound {
            if n_accepted == 0 && n_sampled > 0 {
                found.notes.push(format!(
                    "the {} format `{}` fits no line",
                    reader.about().basis.as_str(),
                    reader.about().layout
                ));
            }
            rest.lines.retain(|line| reader.parse(line).is_err());
            found.readers.push(Arc::clone(reader));
        }
    }
    let shown_us = latest_year_shown(&rest.lines);
    let reference_us = shown_us.or(modified_us);
    let setting = Setting { given: &given, reference_us, is_of_source: false };
    found.add_all(&mut rest, &setting, 0);
    if found.is_yearless {
        let basis = if shown_us.is_some() { "other lines" } else { "the time of the file" };
        found.notes.push(format!("years and dates that lines leave out are taken from {basis}"));
    }
    found.zone_by_ids(&sampled);
    let Found { mut readers, standby, notes, .. } = found;
    let n_detected = readers.len();
    readers.extend(standby);
    for standing in FORMATS.iter().filter_map(|format| format.standing_reader()) {
        add_missing(&mut readers, standing);
    }
    teach(&mut readers[..n_detected], head);
    let cache = CacheSeen::of(&readers[..n_detected], head);
    let is_table = heading_of(&sampled).is_some();
    let all = sampled;
    let sampled = (n_sampled, n_sampled - rest.lines.len());
    let n_unread_requests = n_unread_requests(&all, &readers[..n_detected]);
    Plan { readers, n_detected, sampled, notes, cache, is_table, n_unread_requests }
}

/// Adds a reader unless there is one of its format and layout.
fn add_missing(readers: &mut Vec<Arc<dyn Reader>>, reader: Arc<dyn Reader>) {
    let about = reader.about();
    let same = |other: &Arc<dyn Reader>| {
        other.about().format == about.format && other.about().layout == about.layout
    };
    if !readers.iter().any(same) {
        readers.push(reader);
    }
}

/// What is known of an input besides its lines.
#[derive(Clone, Copy)]
struct Setting<'s> {
    given: &'s [(Arc<dyn Reader>, bool)],
    reference_us: Option<i64>,
    /// The lines are those of one source.
    is_of_source: bool,
}

/// Readers found for lines.
#[derive(Default)]
struct Found {
    readers: Vec<Arc<dyn Reader>>,
    /// Readers for lines that may turn up later.
    standby: Vec<Arc<dyn Reader>>,
    notes: Vec<String>,
    /// Times without a year are among them.
    is_yearless: bool,
}

impl Found {
    /// Adds readers for the rest of a sample: lines in envelopes first, up to two around each other, then bare lines,
    /// then what is in an envelope and says nothing that a format knows.
    fn add_all(&mut self, rest: &mut Sample<'_>, setting: &Setting<'_>, depth: usize) {
        loop {
            self.add_wrapped(rest, setting, depth);
            let n_before = rest.lines.len();
            self.add_bare(rest, setting);
            // Envelopes around few of the lines are around most of what is left.
            if rest.lines.len() == n_before || rest.lines.is_empty() || depth >= MAX_ENVELOPES {
                break;
            }
        }
        if !rest.lines.is_empty() {
            let stamped = envelopes(setting.reference_us).into_iter().find(|envelope| {
                let has_time = |line: &&&[u8]| {
                    envelope.open(line).is_some_and(|opened| opened.stamp.is_some())
                };
                rest.lines.iter().filter(has_time).count() * 2 > rest.lines.len()
            });
            if let Some(reader) = stamped.and_then(|envelope| Messages::new(envelope, standing())) {
                rest.lines.retain(|line| !reads(&reader, line));
                self.readers.push(Arc::new(reader));
            }
        }
    }

    /// Adds readers for lines in envelopes.
    fn add_wrapped(&mut self, rest: &mut Sample<'_>, setting: &Setting<'_>, depth: usize) {
        while depth < MAX_ENVELOPES && self.readers.len() < MAX_READERS && !rest.lines.is_empty() {
            let mut around = envelopes(setting.reference_us);
            let is_indented = |line: &&[u8]| line[0].is_ascii_whitespace();
            if depth == 0 && self.readers.is_empty() && rest.lines.iter().all(is_indented) {
                around.push(Arc::new(Indented));
            }
            let Some(inside) = best_envelope(around, &rest.lines, setting, depth) else { break };
            let n_before = rest.lines.len();
            self.take(inside, rest);
            if rest.lines.len() == n_before {
                break;
            }
        }
    }

    /// Adds readers for bare lines.
    fn add_bare(&mut self, rest: &mut Sample<'_>, setting: &Setting<'_>) {
        while self.readers.len() < MAX_READERS && !rest.lines.is_empty() {
            let Some(best) = best_proposal(rest) else { break };
            let has_messages =
                self.readers.iter().any(|reader| reader.about().role != LogRole::Access);
            let needs_no_time = has_messages || (rest.is_dated_outside && rest.is_in_sure_envelope);
            if needs_no_time && best.reader.about().layout == app_log::BARE {
                // Lines without a time behind messages that have one continue them; those with a time around them are
                // messages as they are, whoever writes the next one.
                break;
            }
            let dated = setting.reference_us.and_then(|at| best.reader.dated(&rest.lines, at));
            self.is_yearless |= dated.is_some();
            let found = dated.unwrap_or(best.reader);
            let mut reader = Arc::clone(&found);
            rest.lines.retain(|line| !understands(&mut reader, line) && !reader.continues(line));
            self.notes.extend(best.notes);
            self.readers.push(found);
        }
    }

    /// Gives readers of times without a zone the zone that ids in their lines tell.
    fn zone_by_ids(&mut self, lines: &[&[u8]]) {
        for reader in &mut self.readers {
            let is_zoneless = |line: &&[u8]| match reader.parse(line) {
                Ok(Record::Access(record)) => record.stamp.offset_s.is_none(),
                _ => false,
            };
            let has_zone = !lines.iter().take(100).any(is_zoneless);
            let found = if has_zone { None } else { issued::zone_of(reader.as_ref(), lines) };
            if let Some((offset_s, zoned)) =
                found.and_then(|offset_s| Some((offset_s, reader.in_zone(offset_s)?)))
            {
                *reader = zoned;
                self.notes.push(format!(
                    "the zone {} is that of the times in the ids of requests",
                    format_offset(offset_s)
                ));
            }
        }
    }

    fn take(&mut self, other: Found, rest: &mut Sample<'_>) {
        rest.lines.retain(|line| !other.readers.iter().any(|reader| reads(reader.as_ref(), line)));
        self.readers.extend(other.readers);
        self.standby.extend(other.standby);
        self.notes.extend(other.notes);
        self.is_yearless |= other.is_yearless;
    }
}

/// Readers of lines that identify themselves.
fn standing() -> Vec<Arc<dyn Reader>> {
    FORMATS.iter().filter_map(|format| format.standing_reader()).collect()
}

/// True when a line of the part is a directive that sets a layout.
fn declares_layout(part: &[u8]) -> bool {
    let standing: Vec<_> = FORMATS.iter().filter_map(|format| format.standing_reader()).collect();
    sample_lines(&[part]).into_iter().filter(|line| line.starts_with(b"#")).any(|line| {
        standing.iter().any(|reader| matches!(reader.directive(line), Some(Directive::Layout(_))))
    })
}

/// Complete, non-blank lines of the parts; the last one of each may be cut and is left out if it lacks its terminator
/// and is not the only one.
fn sample_lines<'a>(parts: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut lines = Vec::new();
    let per_part = MAX_SAMPLE_LINES / parts.len().max(1);
    for part in parts {
        let part = part.strip_prefix(b"\xef\xbb\xbf").unwrap_or(part);
        let usable = part
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter(|line| !line.trim_ascii().is_empty() && line.len() <= MAX_SAMPLE_LINE_BYTES);
        lines.extend(usable.take(if parts.len() == 1 {
            MAX_SAMPLE_LINES
        } else {
            per_part.max(300)
        }));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
        let got: Vec<_> = plan
            .detected()
            .map(|reader| (reader.about().format, reader.about().basis.as_str()))
            .collect();
        assert_eq!(got, expected);
    }

    const ACCESS: &str =
        "1.2.3.4 - - [20/Nov/2026:21:29:42 +0000] \"GET / HTTP/1.1\" 503 197 \"-\" \"curl\"\n";
    const ERROR: &str = "2026/11/20 21:29:42 [error] 1#1: *1 limiting requests, excess: 1.0 by zone \"z\", client: 1.2.3.4, server: a, request: \"GET / HTTP/1.1\", host: \"a\"\n";

    #[test]
    fn formats_are_told_from_content() {
        check(ACCESS, &[("nginx_access", "detected")]);
        check(ERROR, &[("nginx_error", "detected")]);
        check(
            &format!("{ACCESS}{ACCESS}{ERROR}"),
            &[("nginx_access", "detected"), ("nginx_error", "detected")],
        );
        check("nothing\nof\nthe kind\n", &[]);
        check("", &[]);
    }

    #[test]
    fn prefixes_are_no_columns() {
        let access = ACCESS.replace('\n', " \"10.0.0.1:80\" \"502\" 0.001 0.002 4f\n");
        let inside = [("nginx_error", "detected"), ("nginx_access", "inferred")];
        let own = |prefix: &str| {
            let lines = format!("{prefix}{access}{prefix}{access}{prefix}{ERROR}");
            let plan = detect(Path::new("x"), &[lines.as_bytes()], &FormatChoice::default());
            let mut got: Vec<_> = plan
                .detected()
                .map(|reader| (reader.about().format, reader.about().basis.as_str()))
                .collect();
            got.sort_unstable_by_key(|(_, basis)| *basis);
            got
        };
        assert_eq!(own("2026-11-20T21:29:42.123456789Z "), inside);
        assert_eq!(own("web-1  | "), inside);
        // A name in front of columns with bars between them is a column.
        let bars =
            "a.example | 203.0.113.7 | 20/Nov/2026:21:29:42 +0000 | GET / HTTP/1.1 | 503 | 197\n";
        let plan = detect(Path::new("x"), &[bars.repeat(3).as_bytes()], &FormatChoice::default());
        let layout = &plan.readers[0].about().layout;
        assert!(layout.starts_with("$host | $remote_addr | "), "{layout}");
    }

    #[test]
    fn apache_lines_are_told_from_nginx_lines() {
        let mark = ACCESS.replace("503 197", "304 -");
        check(&format!("{ACCESS}{mark}"), &[("apache_access", "detected")]);
        let error = "[Fri Nov 20 21:29:42.1 2026] [core:error] [pid 1:tid 2] AH1: x\n";
        check(error, &[("apache_error", "detected")]);
    }

    #[test]
    fn apache_configuration_names_the_format_of_a_file() {
        let conf = ApacheConf::parse(b"CustomLog logs/brief.log \"%t %>s %D\"");
        let choice = FormatChoice { apache_conf: Some(conf), ..FormatChoice::default() };
        let line = b"[20/Nov/2026:21:29:42 +0000] 503 1500\n";
        let plan = detect(Path::new("/tmp/brief.log.1"), &[line], &choice);
        let about = plan.readers[0].about();
        assert_eq!((about.format, about.basis), ("apache_access", FormatBasis::Config));
        assert_eq!(about.layout, "%t %>s %D");
    }

    #[test]
    fn ids_of_requests_tell_the_zone() {
        // 0x69203f5a is 10:30:50 UTC; one id comes from a client.
        let line = |id: &str| {
            format!(
                "haproxy[1]: 192.0.2.1:5000 [21/Nov/2025:11:30:50.547] web app/a1 0/0/0/23/23 503 217 - - ---- 2/2/1/0/0 0/0 \
                 {{{id}}} \"GET / HTTP/1.1\"\n"
            )
        };
        let own = line("C0000201:1388_7F00001E:1F90_69203F5A_0003:790E");
        let offset_of = |text: &str| {
            let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
            match plan.readers[0].parse(own.trim_end().as_bytes()) {
                Ok(Record::Access(record)) => record.stamp.offset_s,
                _ => None,
            }
        };
        assert_eq!(offset_of(&own.repeat(6)), Some(3600));
        assert_eq!(offset_of(&own.repeat(4)), None);
        let foreign = line("C0000201:1388_7F00001E:1F90_00003F5A_0003:790E");
        assert_eq!(offset_of(&(own.repeat(6) + &foreign)), None);
    }

    #[test]
    fn lines_that_hold_a_prefix_are_no_messages_among_messages() {
        let router = "2026-08-15T06:05:00.1+00:00 heroku[router]: at=error code=H10 method=GET path=/ fwd=1.2.3.4 status=503 bytes=\n";
        let dyno = "2026-08-15T06:05:00.2+00:00 heroku[web.1]: Process running mem=120M(23%)\n";
        let own = [("syslog", "detected"), ("heroku_router", "detected")];
        check(&format!("{router}{dyno}"), &own);
        check(&format!("{dyno}{dyno}{dyno}{router}"), &own);
        check(router, &own[1..]);
    }

    #[test]
    fn a_given_format_comes_first() {
        let reader = nginx_access::parse_spec("$status $msec $remote_addr").unwrap();
        let choice = FormatChoice {
            given: vec![GivenFormat { pattern: None, reader: Arc::new(reader) }],
            ..FormatChoice::default()
        };
        let plan = detect(Path::new("x"), &[b"503 1795210283.328 1.2.3.4\n"], &choice);
        assert_eq!(plan.readers[0].about().basis, FormatBasis::Given);
        assert_eq!((plan.n_detected, plan.sampled), (1, (1, 1)));
    }
}
