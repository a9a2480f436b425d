//! Access lines that were pasted without their time: `"GET / HTTP/1.1" 503 UC 0 95 2 - ...`, `at=error code=H12 ...`.
//!
//! In: lines of proxies whose fields decide, cut in front, or with the time taken out. Out: messages without a time that
//! hold what the fields say ([`ErrorRecord::told`]).
//! A request without a time is no entry: it belongs to no second, so nothing can be counted or joined. What its own
//! fields decide holds all the same. The line gets a made-up time, is read by its format, and is judged by the table of
//! its server; the time is dropped again.
//! What tells such a line stands in lines with a time as well: those are for the readers that see it (a last resort).
//! Invariants: the text of such a line holds what clients sent and never is a message that causes are looked for in.

use std::sync::Arc;

use memchr::memmem;

use super::envoy::{self, EnvoyFormat};
use super::haproxy_access::HaproxyAccessFormat;
use super::heroku::HerokuRouterFormat;
use super::iis_httperr::IisHttperrFormat;
use super::nginx_access::NginxAccessFormat;
use super::traefik::TraefikClfFormat;
use super::{
    About, FORMATS, Format, FormatBasis, Glance, Instant, Proposal, Reader, Sample, heroku,
};
use crate::bytes::parse_status;
use crate::record::{AccessRecord, ErrorRecord, Field, Record, Skip};
use crate::taxonomy::{Cause, LogRole, Origin, Server};
use crate::time::Notation;
use crate::verdict::{self, Openness};

/// Lines of a format from which its reader is learned.
const MAX_LINES: usize = 200;

/// Words that are looked at in a line.
const MAX_WORDS: usize = 64;

/// A line with a made-up time, and the format whose line it then is.
type Restored = (&'static dyn Format, Vec<u8>);

/// A line as each format that may have written it would have it.
fn restored(line: &[u8]) -> impl Iterator<Item = Restored> {
    let one: [Option<Restored>; 6] = [
        heroku::pairs_of(line).map(|pairs| {
            let time = b"1970-01-01T00:00:00+00:00 heroku[router]: ";
            // A code says that the router made the response: with 503, where the line is cut before it.
            let is_cut = memmem::find(pairs, b" status=").is_none();
            let end = if is_cut { &b" status=503"[..] } else { b"" };
            (&HerokuRouterFormat as &dyn Format, [time, pairs, end].concat())
        }),
        envoy_line(line).map(|text| (&EnvoyFormat as &dyn Format, text)),
        haproxy_line(line).map(|text| (&HaproxyAccessFormat as &dyn Format, text)),
        ingress_line(line).map(|text| (&NginxAccessFormat as &dyn Format, text)),
        traefik_line(line).map(|text| (&TraefikClfFormat as &dyn Format, text)),
        memmem::find(line, b" HTTP/")
            .map(|_| (&IisHttperrFormat as &dyn Format, [b"1970-01-01 00:00:00 ", line].concat())),
    ];
    one.into_iter().flatten().chain(json_lines(line)).chain(pairs_as_json(line))
}

/// An operator's format of Envoy in pairs, `method=GET response_flags=UT status=504 ...`, as an object.
fn pairs_as_json(line: &[u8]) -> Option<Restored> {
    const FLAGS: [&[u8]; 2] = [b"response_flags", b"response_flag"];
    let mut text = b"{\"start_time\":\"1970-01-01T00:00:00Z\"".to_vec();
    let mut has_flags = false;
    for word in line.split(|byte| *byte == b' ') {
        let Some(equals) = memchr::memchr(b'=', word) else { continue };
        let (key, value) = (&word[..equals], &word[equals + 1..]);
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if !key.iter().all(is_plain) || !value.iter().all(is_plain) {
            continue;
        }
        let is_flags = FLAGS.contains(&key);
        has_flags |= is_flags && (value == b"-" || envoy::are_known_flags(value));
        let key = match key {
            _ if is_flags => FLAGS[0],
            b"status_details" | b"response_code_details" => b"response_code_details",
            b"upstream" => b"upstream_host",
            key => key,
        };
        text.extend_from_slice(&[b",\"", key, b"\":\"", value, b"\""].concat());
    }
    text.push(b'}');
    has_flags.then_some((&envoy::JSON as &dyn Format, text))
}

/// Words and where they start.
fn words(line: &[u8]) -> Vec<(usize, &[u8])> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(|byte| *byte == b' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
        if words.len() == MAX_WORDS {
            break;
        }
    }
    words
}

/// Envoy's line from the request on: what tells it is the flags behind the status, with the details or the counts
/// behind them.
fn envoy_line(line: &[u8]) -> Option<Vec<u8>> {
    let words = words(line);
    let word = |index: usize| words.get(index).map_or(&b""[..], |(_, word)| *word);
    let is_count = |index| !word(index).is_empty() && word(index).iter().all(u8::is_ascii_digit);
    let is_status = |index: &usize| {
        if parse_status(word(*index)).is_none() {
            return false;
        }
        let has_request = memmem::rfind(&line[..words[*index].0], b" HTTP/").is_some();
        let (flags, details) = (word(index + 1), word(index + 2));
        if flags == b"-" {
            is_details(details) || (has_request && (index + 2..index + 5).all(is_count))
        } else {
            // Istio before 1.5: what its mixer said, then the failure of the transport.
            let has_reasons = details == b"\"-\"" && word(index + 3).starts_with(b"\"");
            envoy::are_known_flags(flags) && (is_details(details) || has_request || has_reasons)
        }
    };
    let (at, tail) = match (0..words.len()).find(is_status) {
        Some(index) => (words[index].0, line[words[index].0..].to_vec()),
        None => details_first(line, &words)?,
    };
    let head = &line[..at];
    let request = memmem::find(head, b" HTTP/").map_or(&b"- -"[..], |end| {
        let quote = memchr::memchr(b'"', &head[..end]);
        &head[quote.map_or(0, |quote| quote + 1)..end]
    });
    // Details that end the line have nothing behind them.
    Some([b"[1970-01-01T00:00:00.000Z] \"", request, b" HTTP/1.1\" ", &tail, b" -"].concat())
}

/// A line with the flags behind the details, `503 upstream_reset_before_response_started{local reset} LR`, the other way
/// round; and where its status stands.
fn details_first(line: &[u8], words: &[(usize, &[u8])]) -> Option<(usize, Vec<u8>)> {
    let pairs = words.windows(2);
    let index = pairs.into_iter().position(|pair| {
        pair[0].1.len() == 3 && parse_status(pair[0].1).is_some() && is_details(pair[1].1)
    })?;
    let behind = words.get(index + 2..)?.iter().take(4);
    let (flags_at, flags) = behind.into_iter().find(|(_, word)| envoy::are_known_flags(word))?;
    let (at, status) = words[index];
    // Blanks in details are written as `_`.
    let mut details = line[words[index + 1].0..*flags_at].trim_ascii().to_vec();
    details.iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'_');
    Some((at, [status, b" ", flags, b" ", &details].concat()))
}

/// `via_upstream`, `upstream_reset_before_response_started{connection_failure}`
fn is_details(word: &[u8]) -> bool {
    let name = word.split(|byte| *byte == b'{').next().unwrap_or(word);
    memchr::memchr(b'_', name).is_some()
        && name.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b':'))
}

/// `HAProxy`'s line from the frontend on: what tells it is the five timers between server and status.
fn haproxy_line(line: &[u8]) -> Option<Vec<u8>> {
    let words = words(line);
    let is_timer = |timer: &[u8]| {
        let digits = timer.strip_prefix(b"-").or(timer.strip_prefix(b"+")).unwrap_or(timer);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    let are_timers = |word: &[u8]| {
        word.split(|byte| *byte == b'/').count() == 5
            && word.split(|byte| *byte == b'/').all(is_timer)
    };
    let at = (2..words.len()).find(|index| {
        are_timers(words[*index].1) && memchr::memchr(b'/', words[index - 1].1).is_some()
    })?;
    let tail = &line[words[at - 2].0..];
    Some([b"0.0.0.0:0 [01/Jan/1970:00:00:00.000] ", tail].concat())
}

/// A line of ingress-nginx from the request on: what tells it is the name of the backend in brackets.
fn ingress_line(line: &[u8]) -> Option<Vec<u8>> {
    let quote = memchr::memchr(b'"', line)?;
    // Brackets before the request are of other columns, and of a time.
    memmem::find(&line[quote..], b"] [")?;
    Some([b"- - - [01/Jan/1970:00:00:00 +0000] ", &line[quote..]].concat())
}

/// Traefik's line from the request on: it ends in a duration.
fn traefik_line(line: &[u8]) -> Option<Vec<u8>> {
    let quote = memchr::memchr(b'"', line)?;
    line.ends_with(b"ms").then(|| [b"- - - [01/Jan/1970:00:00:00 +0000] ", &line[quote..]].concat())
}

/// An object with a time under the key that each format has for it, in front of what stands there.
fn json_lines(line: &[u8]) -> impl Iterator<Item = Restored> {
    let inside = line.trim_ascii().strip_prefix(b"{").unwrap_or_default();
    let declared = FORMATS.iter().filter_map(|format| Some((*format, format.declared()?)));
    declared.filter(move |(_, declared)| !inside.is_empty() && declared.owns(line)).filter_map(
        move |(format, declared)| {
            let is_plain = |path: &&str| !path.contains('>');
            let plain = declared.time.iter().filter(|time| time.clock.is_none());
            let key = plain.map(|time| time.path).find(is_plain)?;
            let time = format!("{{\"{key}\":\"1970-01-01T00:00:00Z\",");
            Some((format, [time.as_bytes(), inside].concat()))
        },
    )
}

/// What a line says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    /// Who made the response and why, where the fields decide both and it is a failure.
    verdict: Option<(Origin, Cause)>,
    /// Where the backend is named in the line.
    upstream: Option<(usize, usize)>,
}

fn told_by(about: &About, access: &AccessRecord<'_>, line: &[u8]) -> Told {
    let row = verdict::RULES.get(usize::from(verdict::own_verdict(about, access)));
    // Whether a cluster is missing for good or not there yet, other lines would tell: of one line it stays open.
    let decided = row.filter(|row| {
        row.openness != Openness::Open && access.status >= 500 && row.id != "envoy.no_cluster"
    });
    let upstream = access.value(Field::UpstreamAddr).and_then(|name| {
        let at = memmem::find(line, name)?;
        Some((at, at + name.len()))
    });
    let verdict = decided.and_then(|row| {
        let unreached = || {
            let flags = access.value(Field::ResponseFlags).unwrap_or_default();
            // The reason, where a line has one, stands right behind flags and mixer: elsewhere are words of clients.
            let failed_tls = [b" ", flags, b" \"-\" \"TLS error"].concat();
            match memmem::find(line, &failed_tls) {
                Some(_) => Cause::UpstreamTls,
                None => Cause::UpstreamRefused,
            }
        };
        // Without a duration, what could not be connected counts as refused, as in Envoy's own messages.
        let is_unreached = row.id == "envoy.connect_failed" && access.duration_us().is_none();
        Some((row.origin, row.cause.or_else(|| is_unreached.then(unreached))?))
    });
    Told { verdict, upstream }
}

/// Reads such lines.
#[derive(Debug, Clone)]
pub struct UndatedAccess {
    about: About,
    /// Readers of restored lines, by the names of their formats.
    readers: Vec<(&'static str, Arc<dyn Reader>)>,
}

impl UndatedAccess {
    /// The reader for such lines. It reads nothing where none of them is one.
    fn learn(lines: &[&[u8]]) -> Self {
        let mut about = About {
            format: UndatedAccessFormat::NAME,
            layout: "undated".to_owned(),
            server: Server::Unknown,
            role: LogRole::Error,
            notation: Notation::Iso8601,
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        let mut of_formats: Vec<(&'static dyn Format, Vec<Vec<u8>>)> = Vec::new();
        for (format, text) in lines.iter().flat_map(|line| restored(line)) {
            match of_formats.iter_mut().find(|(other, _)| other.name() == format.name()) {
                Some((_, texts)) if texts.len() >= MAX_LINES => {}
                Some((_, texts)) => texts.push(text),
                None => of_formats.push((format, vec![text])),
            }
        }
        let reader_of = |(format, texts): &(&'static dyn Format, Vec<Vec<u8>>)| {
            let lines = texts.iter().map(Vec::as_slice).collect();
            Some((format.name(), format.propose(&Sample::of(lines))?.reader))
        };
        let readers: Vec<_> = of_formats.iter().filter_map(reader_of).collect();
        // Of several servers none is that of the log.
        if let [(_, reader)] = &readers[..] {
            about.server = reader.about().server;
        }
        UndatedAccess { about, readers }
    }

    /// What a line says. `None`: it is no line of a format known here.
    fn told(&self, line: &[u8]) -> Option<Told> {
        if self.readers.is_empty() {
            return None;
        }
        restored(line).find_map(|(format, text)| {
            let (_, reader) = self.readers.iter().find(|(name, _)| *name == format.name())?;
            let mut told = None;
            reader.read(&text, &mut |result| {
                if let Ok(Record::Access(access)) = &result {
                    told = Some(told_by(reader.about(), access, line));
                }
            });
            told
        })
    }
}

impl Reader for UndatedAccess {
    fn about(&self) -> &About {
        &self.about
    }

    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip> {
        self.told(line).map(|_| Glance { stamp: b"", status: 0 }).ok_or(Skip::Shape)
    }

    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip> {
        let line = record.split(|byte| *byte == b'\n').next().unwrap_or(record);
        let told = self.told(line).ok_or(Skip::Shape)?;
        Ok(Record::Error(ErrorRecord {
            message: if told.verdict.is_some() { line } else { b"" },
            upstream: told.upstream.map(|(from, to)| &line[from..to]),
            told: told.verdict,
            ..ErrorRecord::default()
        }))
    }

    fn is_last_resort(&self) -> bool {
        true
    }

    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8])) {
        each("message", record);
    }
}

/// Recognises access lines without their time.
#[derive(Debug)]
pub struct UndatedAccessFormat;

impl UndatedAccessFormat {
    const NAME: &'static str = "undated_access";
}

impl Format for UndatedAccessFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "access lines pasted without their time: Heroku, Envoy, HAProxy, Traefik, ingress-nginx, HTTP.sys, and formats in JSON"
    }

    fn is_last_resort(&self) -> bool {
        true
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        if sample.is_beyond(|line| restored(line).next().is_some()) {
            return None;
        }
        Proposal::of(UndatedAccess::learn(&sample.lines), sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::CauseMatcher;

    #[track_caller]
    fn check(line: &str, origin: Origin, cause: Cause, upstream: &str) {
        let reader = UndatedAccess::learn(&[line.as_bytes()]);
        let Ok(Record::Error(record)) = reader.parse(line.as_bytes()) else {
            panic!("not read: {line}");
        };
        assert_eq!(record.told, Some((origin, cause)), "{line}");
        assert_eq!(String::from_utf8_lossy(record.upstream.unwrap_or_default()), upstream);
        assert!(CauseMatcher::built_in().match_message(&record).is_some());
    }

    #[test]
    fn fields_decide_without_a_time() {
        use Cause::{NoLiveUpstreams, Upstream503, UpstreamReset, UpstreamTimeout};
        let proxy = Origin::Proxy;
        for start in
            ["\"GET /a HTTP/1.1\"", "GET /a HTTP/1.1\"", "[...Z] \"GET /a HTTP/2\" /b HTTP/2"]
        {
            let line = format!(
                "{start} 503 UC 0 95 2 - \"192.0.2.9\" \"curl/8\" \"-\" \"a.test\" \"10.0.0.5:80\""
            );
            check(&line, proxy, UpstreamReset, "10.0.0.5:80");
        }
        check("503 UH no_healthy_upstream", proxy, NoLiveUpstreams, "");
        let unreached =
            "the log has 503 UF upstream_reset_before_response_started{connection_failure}";
        check(unreached, proxy, Cause::UpstreamRefused, "");
        let old_mesh =
            "503 UF,URX \"-\" \"TLS error: 268435703:SSL routines:WRONG_VERSION_NUMBER\"";
        check(old_mesh, proxy, Cause::UpstreamTls, "");
        let other = "503 upstream_reset_before_response_started{local reset} LR";
        check(other, proxy, UpstreamReset, "");
        check(
            "\"GET /a HTTP/1.1\" 503 190 \"-\" \"curl/8\" 90 0.010 [default-app-80] [] 10.0.0.5:80 190 0.010 503 cc30e5d47f23e3a117181ff94479bc6f",
            Origin::Upstream,
            Upstream503,
            "10.0.0.5:80",
        );
        check(
            "\"GET /?status=504 HTTP/1.1\" 503 - via_upstream - \"-\" 0 14 1 1 \"-\" \"curl\" \"-\" \"a.test\" \"10.0.0.5:80\" inbound|80||",
            Origin::Upstream,
            Upstream503,
            "10.0.0.5:80",
        );
        check(
            "at=error code=H12 desc=\"Request timeout\" method=GET path=\"/\" host=a.test dyno=web.1 connect=1ms service=30000ms status=503 bytes=0",
            proxy,
            UpstreamTimeout,
            "web.1",
        );
        check(
            "fe_sni~ be_app/<NOSRV> 0/-1/-1/-1/0 503 3288 - - SC-- 18/8/0/0/0 0/0 \"GET / HTTP/1.1\"",
            proxy,
            NoLiveUpstreams,
            "be_app",
        );
        check(
            r#"{"RequestMethod":"GET","RequestPath":"/","DownstreamStatus":503,"OriginStatus":0,"ServiceURL":""}"#,
            proxy,
            NoLiveUpstreams,
            "",
        );
    }

    #[test]
    fn lines_that_decide_nothing_hold_no_message() {
        let line = "\"GET /no%20live%20upstreams HTTP/1.1\" 200 - via_upstream - \"-\" 0 14 1 1 \"-\" \"no live upstreams\" \"-\" \"a.test\" \"10.0.0.5:80\"";
        let reader = UndatedAccess::learn(&[line.as_bytes()]);
        let Ok(Record::Error(record)) = reader.parse(line.as_bytes()) else { panic!("not read") };
        assert_eq!((record.told, record.message), (None, &b""[..]));
        for line in [
            "",
            "503 Service Unavailable",
            "\"GET / HTTP/1.1\" 503 - \"-\" \"curl/8\"",
            "\"GET / HTTP/1.1\" 503 197 \"-\" \"curl/8\"",
            "got 503 UC from the mesh",
            "{\"status\":503,\"msg\":\"x\"}",
            "at=error the end",
            "[10.0.0.5:80] [502] 192.0.2.1 - - [20/Nov/2026:21:29:51 +0000] \"GET / HTTP/1.1\" 503 95 \"-\" \"curl/8\"",
        ] {
            assert!(reader.parse(line.as_bytes()).is_err(), "{line}");
            let own = UndatedAccess::learn(&[line.as_bytes()]);
            assert!(own.parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn every_outcome_of_the_tables_has_a_row() {
        let matcher = CauseMatcher::built_in();
        let lacking = verdict::RULES.iter().filter(|row| {
            let told = row.cause.map(|cause| (row.origin, cause));
            let record = ErrorRecord { told, ..ErrorRecord::default() };
            row.openness != Openness::Open
                && told.is_some()
                && matcher.match_message(&record).is_none()
        });
        assert_eq!(lacking.map(|row| row.id).collect::<Vec<_>>(), [""; 0]);
    }
}
