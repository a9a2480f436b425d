//! Log formats: the trait, the registry, and detection from content.
//!
//! In: lines of one input. Out: [`Reader`]s, each of which understands one kind of line, at two speeds.
//! Invariants: a reader is immutable and shared by all workers; `glance` and `parse` are pure functions of the line;
//! `parse` accepts no line that `glance` refuses. A new format is one file here and one line in [`FORMATS`].

pub mod akamai;
pub mod apache_access;
pub mod apache_conf;
pub mod apache_error;
pub mod api_gateway;
pub mod app_log;
pub mod aws_elb;
pub mod aws_elb_table;
pub mod azure;
mod cache_seen;
pub mod caddy;
pub mod caddy_log;
pub mod cloudflare;
pub mod cloudfront;
pub mod csv_declared;
pub mod detect;
pub mod envelope;
pub mod envoy;
pub mod fastly;
pub mod google_lb;
pub mod haproxy_access;
pub mod haproxy_log;
pub mod heroku;
mod iis_arr;
pub mod iis_httperr;
pub mod iis_json;
pub mod iis_native;
pub mod iis_ncsa;
pub mod iis_w3c;
pub mod infer;
mod issued;
pub mod json_access;
mod json_by_values;
pub mod json_declared;
pub(crate) mod json_pairs;
pub mod layout;
mod layout_reader;
pub mod lighttpd_access;
pub mod lighttpd_error;
mod line_ends;
mod log_path;
pub mod nginx_access;
pub mod nginx_conf;
pub mod nginx_error;
mod proposal;
mod scan_run;
pub mod traefik;
pub mod undated;
pub mod varnish_log;
pub mod varnish_ncsa;
pub mod windows_event;
pub mod zoraxy;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::input::{Fragments, Records};
use crate::record::{Record, Skip};
use crate::taxonomy::{LogRole, Server};
use crate::time::{Notation, Stamp};

use json_declared::Declared;

pub use cache_seen::CacheSeen;
pub use detect::{FormatChoice, detect, detect_behind, detect_dated};
pub(crate) use line_ends::LineEnds;
pub use proposal::{Proposal, Sample};
pub(crate) use scan_run::line_at;
use scan_run::scan_run;
pub use scan_run::{Run, Sink, Statuses};

/// Which instant of a request its access line stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// The request line was read.
    Start,
    /// The response was finished.
    End,
}

/// What a reader says of itself, for reports.
#[derive(Debug, Clone)]
pub struct About {
    /// Id of the format in every output, e.g. `nginx_access`.
    pub format: &'static str,
    /// The layout by its usual name (`combined`), or the server's own format string.
    pub layout: String,
    /// The software that writes such lines.
    pub server: Server,
    /// What the lines are for.
    pub role: LogRole,
    /// How times are written.
    pub notation: Notation,
    /// Which instant an access line stamps.
    pub instant: Instant,
    /// How the reader was chosen.
    pub basis: FormatBasis,
    /// Other software whose lines look the same, when the lines do not tell which of the two wrote them. A companion
    /// error log, or the user, may.
    pub ambiguous_with: Option<Server>,
}

/// How a reader was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatBasis {
    /// A flag names it.
    Given,
    /// A server configuration file defines it.
    Config,
    /// The lines have the shape of a known layout.
    Detected,
    /// The layout was worked out from the values in the lines.
    Inferred,
}

impl FormatBasis {
    /// The basis with this id; `Detected` where there is none.
    pub fn from_id(id: &str) -> Self {
        let all = [FormatBasis::Given, FormatBasis::Config, FormatBasis::Inferred];
        all.into_iter().find(|basis| basis.as_str() == id).unwrap_or(FormatBasis::Detected)
    }

    /// The id used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            FormatBasis::Given => "given",
            FormatBasis::Config => "config",
            FormatBasis::Detected => "detected",
            FormatBasis::Inferred => "inferred",
        }
    }
}

/// What the cheap look at a line finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance<'a> {
    /// The bytes of the stamp, in the reader's notation. Not yet checked to be a time. Empty for a message whose first
    /// line has no time: it stands in a later line, or there is none.
    pub stamp: &'a [u8],
    /// The status of an access line; 0 for a message.
    pub status: u16,
}

/// What a directive line does.
#[derive(Debug, Clone)]
pub enum Directive {
    /// It changes nothing for the lines behind it.
    Comment,
    /// The lines behind it are read by this reader. It depends on the line and the reader in force before it, and on
    /// nothing else: where blocks are cut, the reader in force is carried over.
    Layout(Arc<dyn Reader>),
}

/// Understands one kind of line, at two speeds.
pub trait Reader: fmt::Debug + Send + Sync {
    /// What this reader is.
    fn about(&self) -> &About;

    /// Finds the time and the status of a line (without terminator), cheaply.
    ///
    /// Called for every line: no allocation, no look at more than is needed to know that both are at their place.
    fn glance<'a>(&self, line: &'a [u8]) -> Result<Glance<'a>, Skip>;

    /// Parses the stamp that a glance found. Formats whose lines lack part of it (the date, the year) fill it in.
    fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        self.about().notation.parse(text)
    }

    /// What a directive line such as `#Fields:` means for the lines behind it. `None`: the line is no directive.
    fn directive(&self, line: &[u8]) -> Option<Directive> {
        let _ = line;
        None
    }

    /// What directives have told this reader apart from its layout, as a number: readers of equal format, layout,
    /// server and number read every line alike.
    fn carried(&self) -> i64 {
        0
    }

    /// The envelope around the lines, where records may be cut into several, each with an envelope of its own.
    fn fragments(&self) -> Option<&dyn Fragments> {
        None
    }

    /// True for a line that belongs to the record before it whatever it says.
    fn continues(&self, line: &[u8]) -> bool {
        let _ = line;
        false
    }

    /// Understands a whole record: one line, or for messages a line with its continuation lines, without the last terminator.
    fn parse<'a>(&self, record: &'a [u8]) -> Result<Record<'a>, Skip>;

    /// Calls `each`, once, with the record: as `parse`, also where the record is no part of the line but has to be decoded.
    fn read(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        each(self.parse(record));
    }

    /// The text of a message in which causes are looked for, where it can be had for less than the whole record.
    fn message_text<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let _ = record;
        None
    }

    /// Key of the machine that wrote a record, by what stands around it: see [`machine_key`](crate::fact::machine_key).
    fn machine(&self, record: &[u8]) -> u32 {
        let _ = record;
        0
    }

    /// As `read`, for a record that this reader's `glance` has taken.
    fn read_taken(&self, record: &[u8], each: &mut dyn FnMut(Result<Record<'_>, Skip>)) {
        self.read(record, each);
    }

    /// When a line was written, by the local clock of the server, in microseconds. Only for readers whose lines say it
    /// without a zone, which the time of an envelope may then tell.
    fn written_at(&self, line: &[u8]) -> Option<i64> {
        let _ = line;
        None
    }

    /// The reader for such lines of a server whose zone is known, in seconds east of UTC.
    fn in_zone(&self, offset_s: i32) -> Option<Arc<dyn Reader>> {
        let _ = offset_s;
        None
    }

    /// The reader that knows in advance what the lines at the head of the input tell of others. `None`: nothing, or none
    /// that helps.
    fn taught_by(&self, head: &[&[u8]]) -> Option<Arc<dyn Reader>> {
        let _ = head;
        None
    }

    /// The reader for such lines of an input last written at `reference_us`, where their times leave the year or the date
    /// out. `None`: none of these lines does, or it cannot be told.
    fn dated(&self, lines: &[&[u8]], reference_us: i64) -> Option<Arc<dyn Reader>> {
        let _ = (lines, reference_us);
        None
    }

    /// True for a reader that finds its line behind the prefix of a syslog daemon by itself: no envelope has to be taken
    /// off, which takes longer.
    fn reads_behind_prefixes(&self) -> bool {
        false
    }

    /// True for a reader that finds what it knows in the lines of other formats as well: an access reader that takes a line
    /// comes before it, wherever it stands.
    fn is_last_resort(&self) -> bool {
        false
    }

    /// True for a reader of access lines that have no time: that of their envelope is taken.
    fn lacks_time(&self) -> bool {
        false
    }

    /// True for a reader to which the prefix of a syslog daemon is a part of its line: without it, it is none.
    fn holds_prefix(&self) -> bool {
        false
    }

    /// A line without what stands around it.
    fn bare<'a>(&self, line: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Borrowed(line))
    }

    /// The reader that stands in for this one where another reads its bare lines. `None`: this one reads nothing.
    fn around(&self, inner: &Arc<dyn Reader>) -> Option<Arc<dyn Reader>> {
        Some(Arc::clone(inner))
    }

    /// Calls `each` with every field of a record, under the server's own names, raw, in the order of the line.
    fn each_field<'a>(&self, record: &'a [u8], each: &mut dyn FnMut(&str, &'a [u8]));

    /// As `each_field`, also where fields have to be decoded.
    fn read_fields(&self, record: &[u8], each: &mut dyn FnMut(&str, &[u8])) {
        self.each_field(record, &mut |name, value| each(name, value));
    }

    /// Reads lines of `block` from offset `from` until the end, or up to the first line that this reader refuses.
    ///
    /// Returns the offset of that line, or the block's length. Lines end with `\n`; a `\r` before it is not part of
    /// the line. This is the hot loop of the product: it is compiled once per format, so `glance` is a static call.
    fn scan_run(
        &self,
        block: &[u8],
        from: usize,
        statuses: &mut Statuses,
        sink: &mut dyn Sink,
    ) -> usize {
        scan_run(self, block, from, statuses, sink)
    }
}

/// Every log format, in order of preference where two understand equally many lines. A new format is a line here.
pub const FORMATS: &[&dyn Format] = &[
    &nginx_error::NginxErrorFormat,
    &varnish_ncsa::VarnishNcsaFormat,
    &varnish_log::VarnishLogFormat,
    &haproxy_access::HaproxyAccessFormat,
    &iis_ncsa::IisNcsaFormat,
    &nginx_access::NginxAccessFormat,
    &apache_error::ApacheErrorFormat,
    &apache_access::ApacheAccessFormat,
    &traefik::TraefikClfFormat,
    &traefik::JSON,
    &envoy::EnvoyFormat,
    &envoy::JSON,
    &caddy::ACCESS,
    &caddy_log::CaddyLogFormat,
    &cloudflare::HTTP_REQUESTS,
    &csv_declared::CsvDeclaredFormat,
    &fastly::ACCESS,
    &fastly::TEXT,
    &akamai::DATASTREAM,
    &akamai::DATASTREAM_TEXT,
    &azure::FRONT_DOOR,
    &azure::APP_GATEWAY,
    // Before App Service, whose keys are the names of the same columns (`ScStatus`).
    &cloudfront::JSON,
    &azure::APP_SERVICE,
    &iis_json::MODULE,
    &iis_json::COLUMNS,
    &google_lb::ACCESS,
    &api_gateway::JSON,
    &haproxy_log::HaproxyLogFormat,
    &heroku::HerokuRouterFormat,
    &zoraxy::ZoraxyFormat,
    &haproxy_access::JSON_LINES,
    &haproxy_access::JSON_BY_TIMERS,
    &varnish_ncsa::JSON,
    &lighttpd_access::LighttpdAccessFormat,
    &lighttpd_error::LighttpdErrorFormat,
    &json_access::JsonAccessFormat,
    &aws_elb::AwsAlbFormat,
    &aws_elb::AwsClbFormat,
    &aws_elb_table::ALB,
    &api_gateway::ApiGatewayFormat,
    &cloudfront::CloudFrontFormat,
    &iis_w3c::IisW3cFormat,
    &iis_httperr::IisHttperrFormat,
    &iis_native::IisNativeFormat,
    &windows_event::WindowsEventFormat,
    &undated::UndatedAccessFormat,
    &infer::InferredFormat,
    &app_log::AppLogFormat,
];

/// A log format: proposes readers for lines, and names itself for `formats`.
pub trait Format: fmt::Debug + Sync {
    /// Id in every output, e.g. `nginx_error`.
    fn name(&self) -> &'static str;
    /// One line for people: what it is and how it is recognised.
    fn summary(&self) -> &'static str;
    /// The reader that understands most lines of the sample, if any line is understood.
    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal>;
    /// The declaration that the format is, where it is no more than that.
    fn declared(&self) -> Option<&Declared> {
        None
    }
    /// A reader for what a user gives as a log format, if the text is surely meant for this one.
    fn given(&self, spec: &str) -> Option<Result<Arc<dyn Reader>, String>> {
        let _ = spec;
        None
    }
    /// True where its readers are a last resort: see [`Reader::is_last_resort`].
    fn is_last_resort(&self) -> bool {
        false
    }
    /// A reader for lines that may turn up later in any input, if the format's lines identify themselves.
    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        None
    }
}

/// The readers of one input, and how they were found.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Readers in order of preference. The first `n_detected` were found in the sample; the others understand lines
    /// that identify themselves and may turn up anywhere.
    pub readers: Vec<Arc<dyn Reader>>,
    /// How many readers were found in the sample, or given.
    pub n_detected: usize,
    /// Lines of the sample, and how many of them a detected reader understands.
    pub sampled: (usize, usize),
    /// What was worked out, for people.
    pub notes: Vec<String>,
    /// What the sample shows of a cache of nginx.
    pub cache: CacheSeen,
    /// The lines are rows under a heading that names their columns: what it does not tell is not worked out of them.
    pub is_table: bool,
    /// Lines of the sample that look like requests and are read as messages, where no requests are read; else 0.
    pub n_unread_requests: usize,
}

impl Plan {
    /// True when records may go over several lines: those of messages, and what was cut into fragments.
    pub fn has_long_records(&self) -> bool {
        self.detected()
            .any(|reader| reader.about().role != LogRole::Access || reader.fragments().is_some())
    }

    /// The readers found in the sample, or given.
    pub fn detected(&self) -> impl Iterator<Item = &Arc<dyn Reader>> {
        self.readers[..self.n_detected].iter()
    }

    /// True when a line is the first of a record of any reader.
    pub fn starts_record(&self, line: &[u8]) -> bool {
        self.accepting(line).is_some()
    }

    /// Index of the first reader that takes a line (a final `\n` and `\r` are ignored); of a last resort, the first that
    /// comes before it.
    pub fn accepting(&self, line: &[u8]) -> Option<usize> {
        let mut all = self.all_accepting(line);
        let first = all.next()?;
        if !self.readers[first].is_last_resort() {
            return Some(first);
        }
        let comes_before = |index: &usize| {
            let reader = &self.readers[*index];
            !reader.is_last_resort() && reader.about().role == LogRole::Access
        };
        Some(all.find(comes_before).unwrap_or(first))
    }

    /// Indices of all readers that take a line.
    pub fn all_accepting<'l>(&'l self, line: &'l [u8]) -> impl Iterator<Item = usize> + 'l {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let readers = self.readers.iter().enumerate();
        readers.filter(move |(_, reader)| accepts(reader.as_ref(), line)).map(|(index, _)| index)
    }
}

impl Records for Plan {
    fn starts(&self, line: &[u8]) -> bool {
        self.starts_record(line)
    }

    fn fragments(&self) -> Option<&dyn Fragments> {
        self.readers.iter().find_map(|reader| reader.fragments())
    }
}

impl Plan {
    /// This plan with a reader in place of the first one of its format, or behind all where there is none; and the
    /// reader's index.
    #[must_use]
    pub fn with_reader(&self, reader: Arc<dyn Reader>) -> (Plan, usize) {
        let mut plan = self.clone();
        let format = reader.about().format;
        let own = plan.readers.iter().position(|other| other.about().format == format);
        let index = own.unwrap_or(plan.readers.len());
        plan.readers.splice(index..(index + 1).min(plan.readers.len()), [reader]);
        (plan, index)
    }

    /// What a line is as a directive to any of the readers: the first that it changes anything for. `None`: it is none.
    pub fn directive(&self, line: &[u8]) -> Option<Directive> {
        if envelope::is_tail_header(line) {
            return Some(Directive::Comment);
        }
        let mut comment = None;
        for reader in &self.readers {
            match reader.directive(line) {
                Some(Directive::Layout(next)) => return Some(Directive::Layout(next)),
                found => comment = comment.or(found),
            }
        }
        comment
    }
}

/// Puts the reader in charge that a directive calls for. False: the line is no directive.
pub fn follow(reader: &mut Arc<dyn Reader>, line: &[u8]) -> bool {
    match reader.directive(line) {
        Some(Directive::Layout(next)) => {
            *reader = next;
            true
        }
        Some(Directive::Comment) => true,
        None => false,
    }
}

/// True for a record, or a directive, which is followed.
pub fn understands(reader: &mut Arc<dyn Reader>, line: &[u8]) -> bool {
    follow(reader, line) || reads(reader.as_ref(), line)
}

/// True for a record that a reader understands.
pub fn reads(reader: &dyn Reader, line: &[u8]) -> bool {
    let mut understood = false;
    reader.read(line, &mut |result| understood = result.is_ok());
    understood
}

/// True when a reader finds a valid time and status at their place, or the start of a message that has no time.
pub fn accepts(reader: &dyn Reader, line: &[u8]) -> bool {
    let has_time = |stamp: &[u8]| stamp.is_empty() || reader.stamp(stamp).is_some();
    reader.glance(line).is_ok_and(|glance| has_time(glance.stamp))
}
