//! Who wrote lines whose layout both nginx and Apache have: combined, common, and those with a host in front.
//!
//! In: sampled lines. Out: the server, if something in the lines is written by one of the two only.
//! Source: Apache `server/util.c` (`ap_escape_logitem`), `mod_log_config.c` (`log_bytes_sent`), Debian `apache2.conf`;
//! nginx `ngx_http_log_module.c` (`ngx_http_log_escape`), `ngx_http_request.h` (status codes of its own).

use crate::format::Sample;
use crate::taxonomy::Server;

/// Statuses that nginx alone logs: closed without a response, HTTP/0.9 answers, TLS errors, clients that went away.
const NGINX_STATUSES: [&[u8]; 8] = [b"000", b"009", b"444", b"494", b"495", b"496", b"497", b"499"];

/// The server whose marks the lines bear. `None`: no line bears a mark, or the marks contradict each other.
pub fn writer_of(sample: &Sample<'_>) -> Option<Server> {
    let by_port = || shows_port_alone(sample).then_some(Server::Apache);
    surely_writer_of(sample).or_else(by_port)
}

/// True where lines have escapes or sizes that Apache alone writes, and none a mark of nginx's. Sizes that include headers
/// are no such mark: nginx has `$bytes_sent`.
pub fn is_surely_apache(sample: &Sample<'_>) -> bool {
    let is_nginx = |line: &&[u8]| writer_of_line(line) == Some(Server::Nginx);
    let is_apache = |line: &&[u8]| {
        let has_no_size = || Tail::of(line).is_some_and(|tail| tail.size == b"-");
        escapes_of(line) == Some(Server::Apache) || has_no_size()
    };
    sample.lines.iter().any(is_apache) && !sample.lines.iter().any(is_nginx)
}

/// True where a port behind the host is all that speaks for Apache: it stands so in Debian's `vhost_combined`, and nginx can
/// be told to write it.
pub(super) fn shows_port_alone(sample: &Sample<'_>) -> bool {
    let has_mark = |line: &&[u8]| writer_of_line(line).is_some();
    sample.lines.iter().any(|line| has_host_and_port(line) && Tail::of(line).is_some())
        && !sample.lines.iter().any(has_mark)
}

fn surely_writer_of(sample: &Sample<'_>) -> Option<Server> {
    let (mut n_apache, mut n_nginx) = (0usize, 0usize);
    for line in &sample.lines {
        match writer_of_line(line) {
            Some(Server::Apache) => n_apache += 1,
            Some(_) => n_nginx += 1,
            None => {}
        }
    }
    if n_apache > 4 * n_nginx {
        Some(Server::Apache)
    } else if n_nginx > 4 * n_apache {
        Some(Server::Nginx)
    } else {
        None
    }
}

fn writer_of_line(line: &[u8]) -> Option<Server> {
    let tail = Tail::of(line)?;
    if let Some(server) = escapes_of(line) {
        return Some(server);
    }
    if tail.size == b"-" || tail.counts_headers() {
        return Some(Server::Apache);
    }
    if memchr::memmem::find(line, b"(internal dummy connection)").is_some() {
        return Some(Server::Apache);
    }
    NGINX_STATUSES.contains(&tail.status).then_some(Server::Nginx)
}

/// Whether sizes include the response headers, as in Debian's layouts (`%O`): then responses without a body have one.
/// `None`: the sample has no such responses.
pub(super) fn sizes_include_headers(sample: &Sample<'_>) -> Option<bool> {
    let bodiless = sample.lines.iter().filter_map(|line| Tail::of(line)).filter(Tail::has_no_body);
    let (mut n_sized, mut n_empty) = (0usize, 0usize);
    for tail in bodiless {
        if tail.counts_headers() {
            n_sized += 1;
        } else {
            n_empty += 1;
        }
    }
    (n_sized + n_empty > 0).then_some(n_sized > 9 * n_empty)
}

/// The part of a line that all these layouts share: `] "request" status size`.
struct Tail<'a> {
    request: &'a [u8],
    status: &'a [u8],
    size: &'a [u8],
}

impl<'a> Tail<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let rest = &line[memchr::memmem::find(line, b"] \"")? + 3..];
        let mut end = memchr::memchr(b'"', rest)?;
        while end > 0 && rest[end - 1] == b'\\' {
            end += 1 + memchr::memchr(b'"', &rest[end + 1..])?;
        }
        let behind = rest[end..].strip_prefix(b"\" ")?;
        let (status, behind) = behind.split_at_checked(3)?;
        let size = behind.strip_prefix(b" ")?.split(|byte| *byte == b' ').next()?;
        let is_size = size == b"-" || (!size.is_empty() && size.iter().all(u8::is_ascii_digit));
        (is_size && status.iter().all(u8::is_ascii_digit)).then_some(Tail {
            request: &rest[..end],
            status,
            size,
        })
    }

    fn has_no_body(&self) -> bool {
        self.request.starts_with(b"HEAD ") || matches!(self.status, b"204" | b"304")
    }

    fn counts_headers(&self) -> bool {
        self.has_no_body() && !matches!(self.size, b"-" | b"0")
    }
}

/// nginx escapes `"` and `\` as `\x22` and `\x5C`, with upper-case digits; Apache as `\"` and `\\`, with lower-case ones.
fn escapes_of(line: &[u8]) -> Option<Server> {
    let mut rest = line;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        match rest[at + 1..] {
            [b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'v', ..] => return Some(Server::Apache),
            [b'x', b'2', b'2', ..] | [b'x', b'5', b'C', ..] => return Some(Server::Nginx),
            [b'x', a, b, ..] if [a, b].iter().any(|digit| matches!(digit, b'a'..=b'f')) => {
                return Some(Server::Apache);
            }
            [b'x', a, b, ..] if [a, b].iter().any(|digit| matches!(digit, b'A'..=b'F')) => {
                return Some(Server::Nginx);
            }
            _ => rest = &rest[at + 1..],
        }
    }
    None
}

/// True for `host:port address `: Debian's `vhost_combined`.
fn has_host_and_port(line: &[u8]) -> bool {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (Some(host), Some(client)) = (words.next(), words.next()) else { return false };
    let Some(colon) = memchr::memrchr(b':', host) else { return false };
    let port = &host[colon + 1..];
    colon > 0
        && (1..=5).contains(&port.len())
        && port.iter().all(u8::is_ascii_digit)
        && client.len() > 1
        && std::str::from_utf8(client).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], writer: Option<Server>, includes_headers: Option<bool>) {
        let sample = Sample::of(lines.iter().map(|line| line.as_bytes()).collect());
        assert_eq!(writer_of(&sample), writer, "{lines:?}");
        assert_eq!(sizes_include_headers(&sample), includes_headers, "{lines:?}");
    }

    #[test]
    fn marks_of_either_server() {
        const START: &str = "10.0.0.1 - - [20/Nov/2026:21:29:42 +0000] ";
        let line = |end: &str| format!("{START}{end}");
        let plain = line(r#""GET / HTTP/1.1" 200 12 "-" "agent""#);
        let one = |end: &str, writer, headers| check(&[&plain, &line(end)], writer, headers);
        let (apache, nginx) = (Some(Server::Apache), Some(Server::Nginx));
        one(r#""GET / HTTP/1.1" 200 12 "-" "agent""#, None, None);
        one(r#""GET / HTTP/1.1" 304 - "-" "agent""#, apache, Some(false));
        one(r#""GET / HTTP/1.1" 304 0 "-" "agent""#, None, Some(false));
        one(r#""GET / HTTP/1.1" 304 180 "-" "agent""#, apache, Some(true));
        one(r#""HEAD / HTTP/1.1" 200 180 "-" "agent""#, apache, Some(true));
        one(r#""GET /\"x\" HTTP/1.1" 200 12 "-" "agent""#, apache, None);
        one(r#""GET / HTTP/1.1" 200 12 "-" "a\\b""#, apache, None);
        one(r#""\x16\x03\xf9" 400 12 "-" "-""#, apache, None);
        one(r#""\x16\x03\xF9" 400 12 "-" "-""#, nginx, None);
        one(r#""GET / HTTP/1.1" 200 12 "-" "a\x22b""#, nginx, None);
        one(r#""GET / HTTP/1.1" 499 0 "-" "agent""#, nginx, None);
        check(&[&format!("a.example:80 {plain}")], apache, None);
        let quoting = line(r#""GET / HTTP/1.1" 200 12 "-" "a\x22b""#);
        check(&[&format!("a.example:80 {plain}"), &format!("a.example:80 {quoting}")], nginx, None);
        check(&[&format!("a.example {plain}")], None, None);
        check(&["no access line - \\\"", ""], None, None);
    }
}
