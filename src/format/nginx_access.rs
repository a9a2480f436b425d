//! nginx access logs: the layouts in common use, and readers for any `log_format`.
//!
//! In: lines without terminator. Out: records by way of a [`Layout`].
//! Invariants: [`LAYOUTS`] goes from special to general, so that of two layouts that fit a line the telling one wins.
//! Source: nginx `ngx_http_log_module.c`; the row comments name where each layout comes from.

pub(in crate::format) mod backend_times;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use self::backend_times::BackendTimes;
use super::apache_access::evidence;
use super::layout::Layout;
use super::layout_reader::{AS_CUT, LayoutReader};
use super::nginx_conf::log_format_of_directive;
use super::{About, Format, FormatBasis, Instant, Proposal, Reader, Sample};
use crate::bytes::{is_absent, is_peer_address, upstream_items};
use crate::record::{AccessRecord, Escape, Field};
use crate::taxonomy::{LogRole, Server};

macro_rules! combined {
    () => {
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#
    };
}

/// nginx's built-in layout, in force where `access_log` names none.
pub const COMBINED: &str = combined!();

/// Layouts by their usual names: name and text, tried in this order, all with default escaping.
pub const LAYOUTS: &[(&str, &str)] = &[
    // ingress-nginx, the default since 0.20.
    (
        "upstreaminfo",
        concat!(
            combined!(),
            " $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"
        ),
    ),
    // ingress-nginx before canaries.
    (
        "upstreaminfo_without_alternative",
        concat!(
            combined!(),
            " $request_length $request_time [$proxy_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"
        ),
    ),
    // ingress-nginx before 0.26.
    (
        "upstreaminfo_real_ip",
        r#"$remote_addr - [$the_real_ip] - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"#,
    ),
    // ingress-nginx before 0.20.
    (
        "upstreaminfo_real_ip_without_alternative",
        r#"$remote_addr - [$the_real_ip] - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"#,
    ),
    // ingress-nginx before it gave requests ids (0.15).
    (
        "upstreaminfo_without_id",
        concat!(
            combined!(),
            " $request_length $request_time [$proxy_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status"
        ),
    ),
    (
        "upstreaminfo_real_ip_without_id",
        r#"$remote_addr - [$the_real_ip] - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status"#,
    ),
    // ingress-nginx, TCP and UDP services.
    (
        "log_stream",
        "[$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time",
    ),
    // nginx blog, "Using NGINX Logging for Application Performance Monitoring".
    (
        "apm",
        r#""$time_local" client=$remote_addr method=$request_method request="$request" request_length=$request_length status=$status bytes_sent=$bytes_sent body_bytes_sent=$body_bytes_sent referer=$http_referer user_agent="$http_user_agent" upstream_addr=$upstream_addr upstream_status=$upstream_status request_time=$request_time upstream_response_time=$upstream_response_time upstream_connect_time=$upstream_connect_time upstream_header_time=$upstream_header_time"#,
    ),
    // NGINX Amplify documentation.
    (
        "main_ext",
        concat!(
            combined!(),
            r#" "$http_x_forwarded_for" "$host" sn="$server_name" rt=$request_time ua="$upstream_addr" us="$upstream_status" ut="$upstream_response_time" ul="$upstream_response_length" cs=$upstream_cache_status"#
        ),
    ),
    // nginx documentation, "Configuring Logging"; as printed there, no blank before `rt=`.
    (
        "upstream_time",
        concat!(
            combined!(),
            r#"rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time""#
        ),
    ),
    // The same, with the blank that most people add.
    (
        "upstream_time_spaced",
        concat!(
            combined!(),
            r#" rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time""#
        ),
    ),
    // Nginx Proxy Manager, proxy hosts.
    (
        "proxy_manager",
        r#"[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $server] "$http_user_agent" "$http_referer""#,
    ),
    // Nginx Proxy Manager, other hosts.
    (
        "proxy_manager_standard",
        r#"[$time_local] $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "$http_user_agent" "$http_referer""#,
    ),
    // BunkerWeb.
    (
        "bunkerweb",
        r#"$host $remote_addr - $request_id $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
    ),
    // AWS Elastic Beanstalk, enhanced health.
    (
        "healthd",
        r#"$msec"$uri"$status"$request_time"$upstream_response_time"$http_x_forwarded_for"#,
    ),
    ("combined_times_pipe", concat!(combined!(), " $request_time $upstream_response_time $pipe")),
    ("combined_times", concat!(combined!(), " $request_time $upstream_response_time")),
    ("combined_request_time", concat!(combined!(), " $request_time")),
    (
        "main_times",
        concat!(combined!(), r#" "$http_x_forwarded_for" $request_time $upstream_response_time"#),
    ),
    ("main_request_time", concat!(combined!(), r#" "$http_x_forwarded_for" $request_time"#)),
    // omnibus-gitlab: combined with the compression ratio.
    ("gitlab_access", concat!(combined!(), " $gzip_ratio")),
    // nginx-proxy.
    ("vhost_upstream", concat!("$host ", combined!(), r#" "$upstream_addr""#)),
    ("vhost_combined", concat!("$host ", combined!())),
    // Only where the lines bear marks of nginx: it is Debian's layout for Apache.
    (WITH_PORT, concat!("$host:$server_port ", combined!())),
    // Combined with who was asked; `main` unless the values are addresses of peers.
    ("combined_upstream", concat!(combined!(), r#" "$upstream_addr""#)),
    // nginx's own packages and container image.
    ("main", concat!(combined!(), r#" "$http_x_forwarded_for""#)),
    // Built into nginx.
    ("combined", COMBINED),
    ("common", r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#),
];

const WITH_PORT: &str = "vhost_port_combined";

/// Layouts of [`LAYOUTS`] whose lines Apache writes as well.
const SHARED_WITH_APACHE: &[&str] = &["vhost_combined", "main", "combined", "common"];

/// A reader for a layout of [`LAYOUTS`]. `None`: no layout has this name.
pub fn named(name: &str) -> Option<LayoutReader> {
    let (_, body) = LAYOUTS.iter().find(|row| row.0 == name)?;
    of_body(body, Escape::Default, FormatBasis::Given).ok()
}

/// A reader for the text of a `log_format`: its strings put together without a separator.
///
/// # Errors
///
/// Says in words why such lines cannot be read; see [`Layout::compile`].
pub fn of_body(body: &str, escape: Escape, basis: FormatBasis) -> Result<LayoutReader, String> {
    let layout = Layout::compile(body, escape)?;
    let known = LAYOUTS.iter().find(|row| row.1 == body && escape == Escape::Default);
    let about = About {
        format: NginxAccessFormat::NAME,
        layout: known.map_or(body, |row| row.0).to_owned(),
        server: Server::Nginx,
        role: LogRole::Access,
        notation: layout.notation(),
        instant: Instant::End,
        basis,
        ambiguous_with: None,
    };
    Ok(LayoutReader { layout, about, finish: AS_CUT })
}

/// A reader for a layout of [`LAYOUTS`] found in lines that may as well be Apache's: it reads the escapes of both.
fn of_either(name: &str, body: &str) -> Result<LayoutReader, String> {
    let mut reader = of_body(body, Escape::Apache, FormatBasis::Detected)?;
    name.clone_into(&mut reader.about.layout);
    reader.about.ambiguous_with = Some(Server::Apache);
    Ok(reader)
}

/// The readers of [`LAYOUTS`]: of nginx's own lines, and of those that may be Apache's. Compiled once, for all inputs.
static READERS: LazyLock<Vec<[LayoutReader; 2]>> = LazyLock::new(|| {
    let readers = |(name, body): &(&str, &str)| {
        let own = of_body(body, Escape::Default, FormatBasis::Detected).ok()?;
        Some([own, of_either(name, body).ok()?])
    };
    let readers: Vec<_> = LAYOUTS.iter().filter_map(readers).collect();
    debug_assert_eq!(readers.len(), LAYOUTS.len(), "every layout compiles");
    readers
});

/// A reader for lines that Apache writes, in a layout told in nginx's words because it was worked out from them.
pub(super) fn of_apache(body: &str, basis: FormatBasis) -> Result<LayoutReader, String> {
    let mut reader = of_body(body, Escape::Apache, basis)?;
    reader.about.format = "apache_access";
    reader.about.server = Server::Apache;
    reader.about.instant = Instant::Start;
    reader.finish = client_of_forwarded;
    Ok(reader)
}

/// Takes the first address of the forwarded ones for the client where a layout has no other.
fn client_of_forwarded(record: &mut AccessRecord<'_>) -> bool {
    if record.raw(Field::RemoteAddr).is_none()
        && let Some(list) = record.raw(Field::ForwardedFor)
    {
        let first = list.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        let is_address =
            std::str::from_utf8(first).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
        if is_address {
            record.set(Field::RemoteAddr, first);
        }
    }
    true
}

/// True where the column behind the agent, which in layouts of the same shape has the address of the backend or those of
/// forwarding proxies, does not hold the former: by its values, and because there are fewer backends than clients.
fn shows_no_backend(name: &str, reader: &LayoutReader, sample: &Sample<'_>) -> bool {
    if name != "vhost_upstream" && name != "combined_upstream" {
        return false;
    }
    let (mut clients, mut peers, mut groups) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut has_forwarded = false;
    for access in sample.lines.iter().filter_map(|line| reader.parse_access(line).ok()) {
        let Some(listed) = access.value(Field::UpstreamAddr) else { continue };
        clients.extend(access.value(Field::RemoteAddr));
        for item in upstream_items(listed).filter(|item| !is_absent(item)) {
            let is_peer = is_peer_address(item);
            (if is_peer { &mut peers } else { &mut groups }).insert(item);
            let is_ip = std::str::from_utf8(item).is_ok_and(|item| item.parse::<IpAddr>().is_ok());
            has_forwarded |= is_ip;
        }
    }
    // In front of the host nothing else is usual there.
    let is_usual = name == "vhost_upstream" && !has_forwarded;
    let is_shown = !has_forwarded && peers.len() < clients.len() && groups.len() <= peers.len();
    !is_usual && !is_shown
}

/// True where the columns behind the duration of the request, which have no keys, hold something else than layouts of the
/// same shape have there: anything fits a column without a key.
fn shows_no_times(name: &str, reader: &LayoutReader, sample: &Sample<'_>) -> bool {
    if !["combined_times", "combined_times_pipe", "main_times"].contains(&name) {
        return false;
    }
    let mut times = BackendTimes::default();
    let mut is_pipe = true;
    for line in &sample.lines {
        let Ok(access) = reader.parse_access(line) else { continue };
        let value = access.raw(Field::UpstreamResponseTime).unwrap_or_default();
        times.note(value, access.status, access.duration_us());
        is_pipe &= line.ends_with(b" p") || line.ends_with(b" .");
    }
    !times.are_shown() || (name == "combined_times_pipe" && !is_pipe)
}

/// Recognises nginx access lines by trying [`LAYOUTS`].
#[derive(Debug, Clone, Copy)]
pub struct NginxAccessFormat;

impl NginxAccessFormat {
    const NAME: &'static str = "nginx_access";
}

impl Format for NginxAccessFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "nginx access log: combined, main, ingress-nginx and other layouts in common use, or a given log_format"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let mut best: Option<(&LayoutReader, usize)> = None;
        let writer = evidence::writer_of(sample);
        for ((name, _), [own, either]) in LAYOUTS.iter().zip(&*READERS) {
            let reader = match writer {
                Some(Server::Apache) if SHARED_WITH_APACHE.contains(name) => continue,
                None | Some(Server::Apache) if *name == WITH_PORT => continue,
                None if SHARED_WITH_APACHE.contains(name) => either,
                _ => own,
            };
            let n_accepted = sample.count(|line| reader.parse_access(line).is_ok());
            let is_more = n_accepted > best.as_ref().map_or(0, |(_, most)| *most);
            let is_other =
                || shows_no_backend(name, reader, sample) || shows_no_times(name, reader, sample);
            if is_more && !is_other() {
                best = Some((reader, n_accepted));
            }
        }
        best.and_then(|(reader, n_accepted)| Proposal::counted(reader.clone(), n_accepted))
    }

    fn standing_reader(&self) -> Option<Arc<dyn Reader>> {
        let reader = of_body(COMBINED, Escape::Default, FormatBasis::Detected).ok()?;
        Some(Arc::new(reader))
    }
}

/// A reader for what a user gives as a log format: the name of a layout of [`LAYOUTS`], the text of a format, with
/// `escape=json ` or `escape=none ` before it where the configuration says so, or a whole `log_format ...;` directive.
///
/// # Errors
///
/// Says in words what is wrong.
///
/// # Examples
///
/// ```
/// use logscan503::format::nginx_access::parse_spec;
///
/// assert!(parse_spec("combined").is_ok());
/// assert!(parse_spec("escape=json $msec $status $request_uri").is_ok());
/// assert!(parse_spec("log_format brief '$msec ' '$status';").is_ok());
/// ```
pub fn parse_spec(spec: &str) -> Result<LayoutReader, String> {
    let spec = spec.trim();
    if spec.split_whitespace().next() == Some("log_format") {
        let format = log_format_of_directive(spec)?;
        return of_body(&format.body, format.escape, FormatBasis::Given);
    }
    let (escape, body) = match spec.split_once(char::is_whitespace) {
        Some(("escape=default", body)) => (Escape::Default, body.trim_start()),
        Some(("escape=json", body)) => (Escape::Json, body.trim_start()),
        Some(("escape=none", body)) => (Escape::None, body.trim_start()),
        _ => (Escape::Default, spec),
    };
    if body.contains('$') {
        return of_body(body, escape, FormatBasis::Given);
    }
    named(body).ok_or_else(|| {
        let names: Vec<&str> = LAYOUTS.iter().map(|row| row.0).collect();
        format!("expected the text of a log_format, or one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str =
        r#"10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] "GET /a HTTP/1.1" 503 190 "-" "curl/8""#;

    #[track_caller]
    fn check_proposal(lines: &[String], layout: Option<&str>) {
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let proposal = NginxAccessFormat.propose(&sample);
        assert_eq!(proposal.as_ref().map(|found| found.reader.about().layout.as_str()), layout);
        if let Some(proposal) = proposal {
            assert_eq!(proposal.reader.about().basis, FormatBasis::Detected);
            assert_eq!(proposal.n_accepted, lines.len());
        }
    }

    #[test]
    fn layouts_are_known_by_their_lines() {
        let rows = [
            ("", Some("combined")),
            (r#" "10.1.1.1, 10.1.1.2""#, Some("main")),
            (" 0.012", Some("combined_request_time")),
            (" 0.012 0.004, 0.008", Some("combined_times")),
            (" 0.012 0.011 .", Some("combined_times_pipe")),
            // Anything may be absent, and anything may stand behind a duration.
            (" 0.012 -", None),
            (" 0.012 - .", None),
            (" 0.012 PASSED", None),
            (" 0.012 5f0c6ad1b8f1a5b2c3d4e5f60718293a", None),
            (" 0.012 [5f0c6ad1b8f1a5b2c3d4e5f60718293a]", None),
            (" 0.012 0.011 HIT", None),
            (" 0.012 www.example.com 5f0c", None),
            (r#" "-" 0.012 441"#, None),
            (" 2.34", Some("gitlab_access")),
            (r#" "-" 0.012"#, Some("main_request_time")),
            (r#" "-" 0.012 0.011"#, Some("main_times")),
            (
                " 34 0.000 [shop-web-80] [] - - - - 5f0c6ad1b8f1a5b2c3d4e5f60718293a",
                Some("upstreaminfo"),
            ),
            (" 34 0.000 [shop-web-80] - - - - 5f0c", Some("upstreaminfo_without_alternative")),
            (" 34 0.000 [shop-web-80] - - - -", Some("upstreaminfo_without_id")),
            (
                " 34 9.000 [shop-web-80] 10.1.1.1:80, 10.1.1.2:80 0, 0 5.000, 4.000 504, 504",
                Some("upstreaminfo_without_id"),
            ),
            (r#" rt=0.001 uct="-" uht="-" urt="0.001, 0.002""#, Some("upstream_time_spaced")),
            // What no known layout has is not forced into one.
            (" 12060", None),
            (r#" "-" "-" "-""#, None),
        ];
        for (end, layout) in rows {
            check_proposal(&[format!("{START}{end}")], layout);
        }
        check_proposal(&[format!("a.example {START}")], Some("vhost_combined"));
        check_proposal(&[format!(r#"a.example {START} "10.0.0.1:80""#)], Some("vhost_upstream"));
        // Who was asked, or who asked through proxies.
        check_proposal(&[format!(r#"a.example {START} "192.0.2.9""#)], None);
        let from = |client: &str, end: &str| {
            format!("{} \"{end}\"", START.replacen("10.0.0.1", client, 1))
        };
        let both = |one: &str, other: &str| [from("192.0.2.7", one), from("192.0.2.8", other)];
        check_proposal(&both("10.0.0.1:80", "10.0.0.1:80"), Some("combined_upstream"));
        check_proposal(&both("10.0.0.1:80", "10.0.0.1:80, app"), Some("combined_upstream"));
        check_proposal(&both("203.0.113.1:4711", "203.0.113.2:4712"), Some("main"));
        check_proposal(&both("10.0.0.1:80", "203.0.113.2"), Some("main"));
        check_proposal(&both("-", "-"), Some("main"));
        let common = START.split_inclusive("190").next().unwrap_or_default();
        check_proposal(&[common.to_owned()], Some("common"));
    }

    #[test]
    fn the_layout_of_most_lines_is_proposed() {
        let lines = [format!("{START} 0.012"), START.to_owned(), START.to_owned()];
        let sample = Sample::of(lines.iter().map(String::as_bytes).collect());
        let proposal = NginxAccessFormat.propose(&sample).expect("known lines");
        assert_eq!((proposal.reader.about().layout.as_str(), proposal.n_accepted), ("combined", 2));
    }

    #[test]
    fn apache_may_log_the_forwarded_client_alone() {
        let body = r#"$http_x_forwarded_for - - [$time_local] "$request" $status"#;
        let reader = of_apache(body, FormatBasis::Inferred).expect("valid");
        for (list, client) in [
            ("192.0.2.7, 10.9.9.9", Some("192.0.2.7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("unknown, 10.9.9.9", None),
        ] {
            let line = format!(r#"{list} - - [20/Nov/2026:21:29:42 +0000] "GET /a HTTP/1.1" 503"#);
            let record = reader.parse_access(line.as_bytes()).expect("of this layout");
            assert_eq!(record.value(Field::RemoteAddr), client.map(str::as_bytes), "{list}");
        }
    }

    #[test]
    fn every_known_layout_compiles_under_its_own_name() {
        for (index, (name, body)) in LAYOUTS.iter().enumerate() {
            let reader = named(name).expect(name);
            assert_eq!(reader.about().layout, *name);
            assert!(LAYOUTS[..index].iter().all(|row| row.0 != *name && row.1 != *body), "{name}");
        }
        assert!(named("nonsense").is_none());
    }

    #[test]
    fn specs_are_names_texts_or_directives() {
        #[track_caller]
        fn check(spec: &str, layout: &str, escape: Escape) {
            let reader = parse_spec(spec).expect(spec);
            assert_eq!(reader.about().layout, layout);
            assert_eq!(reader.layout().escape(), escape);
            assert_eq!(reader.about().basis, FormatBasis::Given);
        }
        check("combined", "combined", Escape::Default);
        check(COMBINED, "combined", Escape::Default);
        check(" $msec $status ", "$msec $status", Escape::Default);
        check("escape=json $msec $status", "$msec $status", Escape::Json);
        check("log_format a escape=none '$msec ' '$status';", "$msec $status", Escape::None);
        assert!(parse_spec("combine").is_err_and(|told| told.contains("upstreaminfo")));
        assert!(parse_spec("$status").is_err_and(|told| told.contains("no time")));
        assert!(parse_spec("log_format a").is_err());
    }

    #[test]
    fn fields_are_mapped() {
        let reader =
            parse_spec("$msec $status $http_host $req_id $limit_req_status $args").expect("valid");
        let line = b"1795210283.328 503 a.example 5f0c REJECTED x=1";
        let record = reader.parse_access(line).expect("of this layout");
        for (field, value) in [
            (Field::Host, "a.example"),
            (Field::RequestId, "5f0c"),
            (Field::LimitReqStatus, "REJECTED"),
            (Field::Args, "x=1"),
        ] {
            assert_eq!(record.value(field), Some(value.as_bytes()));
        }
    }
}
