//! Which formats an input holds, from its content.
//!
//! In: parts of an input, and what the user said. Out: a [`Plan`].
//! The rule: formats given by the user or by a configuration come first. Then the format that understands most lines of
//! the sample takes them, and the rest is looked at again, until nothing understands more. A known layout is preferred
//! to an inferred one that understands hardly more lines. Readers of formats whose lines identify themselves stand by
//! for lines that turn up later.

use std::path::Path;
use std::sync::Arc;

use globset::GlobMatcher;

use super::apache_access::ApacheAccess;
use super::apache_conf::ApacheConf;
use super::apache_error::ApacheError;
use super::app_log;
use super::nginx_access::NginxAccess;
use super::nginx_conf::NginxConf;
use super::{Directive, FORMATS, FormatBasis, Plan, Proposal, Reader, Sample, understands};
use crate::taxonomy::LogRole;

/// Lines that are tried. Detection is to take milliseconds.
const MAX_SAMPLE_LINES: usize = 1500;

/// Longer lines are cut out of the sample.
const MAX_SAMPLE_LINE_BYTES: usize = 32 << 10;

/// Different formats in one input.
const MAX_READERS: usize = 8;

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
                    NginxAccess::from_body(&format.body, format.escape, FormatBasis::Config)
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
            if let Ok(reader) = ApacheAccess::from_body(&format.body, FormatBasis::Config) {
                readers.push((Arc::new(reader), bound));
            }
        }
        readers
    }
}

/// The plan for an input of which `parts` are known.
pub fn detect(path: &Path, parts: &[&[u8]], choice: &FormatChoice) -> Plan {
    let mut rest = Sample { lines: sample_lines(parts) };
    if parts.len() > 1 && declares_layout(&parts[0][..parts[0].len().min(MAX_SAMPLE_LINE_BYTES)]) {
        // What the other parts hold depends on directives between them and the first one.
        rest.lines = sample_lines(&parts[..1]);
    }
    let n_sampled = rest.lines.len();
    let mut readers: Vec<Arc<dyn Reader>> = Vec::new();
    let mut notes = Vec::new();
    for (reader, bound) in choice.readers(path) {
        let n_accepted = rest.lines.iter().filter(|line| reader.parse(line).is_ok()).count();
        if n_accepted > 0 || bound {
            if n_accepted == 0 && n_sampled > 0 {
                notes.push(format!(
                    "the {} format `{}` fits no line",
                    reader.about().basis.as_str(),
                    reader.about().layout
                ));
            }
            rest.lines.retain(|line| reader.parse(line).is_err());
            readers.push(reader);
        }
    }
    while readers.len() < MAX_READERS && !rest.lines.is_empty() {
        let Some(best) = best_proposal(&rest) else { break };
        let has_messages = readers.iter().any(|reader| reader.about().role == LogRole::Error);
        if has_messages && best.reader.about().layout == app_log::BARE {
            // Lines without a time behind messages that have one continue them.
            break;
        }
        let mut reader = Arc::clone(&best.reader);
        rest.lines.retain(|line| !understands(&mut reader, line));
        notes.extend(best.notes);
        readers.push(best.reader);
    }
    let n_detected = readers.len();
    for standing in FORMATS.iter().filter_map(|format| format.standing_reader()) {
        let about = standing.about();
        let same = |reader: &Arc<dyn Reader>| {
            reader.about().format == about.format && reader.about().layout == about.layout
        };
        if !readers.iter().any(same) {
            readers.push(standing);
        }
    }
    Plan { readers, n_detected, sampled: (n_sampled, n_sampled - rest.lines.len()), notes }
}

/// True when a line of the part is a directive that sets a layout.
fn declares_layout(part: &[u8]) -> bool {
    let standing: Vec<_> = FORMATS.iter().filter_map(|format| format.standing_reader()).collect();
    sample_lines(&[part]).into_iter().filter(|line| line.starts_with(b"#")).any(|line| {
        standing.iter().any(|reader| matches!(reader.directive(line), Some(Directive::Layout(_))))
    })
}

/// The proposal that understands most lines; an inferred layout must understand clearly more than a known one.
fn best_proposal(sample: &Sample<'_>) -> Option<Proposal> {
    let mut best: Option<(Proposal, usize)> = None;
    for format in FORMATS {
        let Some(proposal) = format.propose(sample) else { continue };
        let inferred = proposal.reader.about().basis == FormatBasis::Inferred;
        let weight = proposal.n_accepted * if inferred { 9 } else { 10 };
        if proposal.n_accepted > 0 && weight > best.as_ref().map_or(0, |(_, weight)| *weight) {
            best = Some((proposal, weight));
        }
    }
    best.map(|(proposal, _)| proposal)
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
    fn a_given_format_comes_first() {
        let reader = super::super::nginx_access::parse_spec("$status $msec $remote_addr").unwrap();
        let choice = FormatChoice {
            given: vec![GivenFormat { pattern: None, reader: Arc::new(reader) }],
            ..FormatChoice::default()
        };
        let plan = detect(Path::new("x"), &[b"503 1795210283.328 1.2.3.4\n"], &choice);
        assert_eq!(plan.readers[0].about().basis, FormatBasis::Given);
        assert_eq!((plan.n_detected, plan.sampled), (1, (1, 1)));
    }
}
