//! What a message is about: the backend in an upstream URL, the host of a request.
//!
//! In: raw context values. Out: sub-slices that are spelled as the access log spells them, and their keys.
//! Source: nginx `ngx_http_upstream.c` (`ngx_http_upstream_log_error`: schema, peer name, `:` for a unix socket, URI).

use std::borrow::Cow;

use crate::fact::hash_short;
use crate::record::ErrorRecord;

/// The peer or group of an `upstream:` URL: `10.0.0.1:80`, `[::1]:80`, `unix:/run/app.sock`, or a group name.
///
/// Takes `http://10.0.0.1:80/x`, `fastcgi://unix:/run/app.sock:`, `http://grp/x`, and the bare `10.0.0.1:53` of the
/// stream module.
pub fn upstream_peer(url: &[u8]) -> &[u8] {
    let rest = match memchr::memmem::find(url, b"://") {
        Some(at) => &url[at + 3..],
        None => url,
    };
    if let Some(path) = rest.strip_prefix(b"unix:") {
        return &rest[..b"unix:".len() + socket_path_bytes(path)];
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    &rest[..end.unwrap_or(rest.len())]
}

/// What Apache's messages call a worker of this name: `app:8080` of `http://app:8080/shop`, `app:80` of `http://app`, and
/// the path of `unix:/run/app.sock|http://localhost`.
///
/// Source: `mod_proxy.h` (`ap_proxy_port_of_scheme`), `proxy_util.c` (`ap_proxy_define_worker`, messages AH00957, AH02454).
pub fn worker_peer(name: &[u8]) -> Cow<'_, [u8]> {
    if let Some(socket) = name.strip_prefix(b"unix:") {
        let end = memchr::memchr(b'|', socket).unwrap_or(socket.len());
        return socket[..end].into();
    }
    let peer = upstream_peer(name);
    let scheme = &name[..memchr::memmem::find(name, b"://").unwrap_or(0)];
    let port: &[u8] = match scheme {
        b"http" | b"ws" | b"h2c" => b":80",
        b"https" | b"wss" | b"h2" => b":443",
        b"ajp" => b":8009",
        b"fcgi" => b":8000",
        b"scgi" => b":4000",
        b"uwsgi" => b":3031",
        _ => b"",
    };
    let has_port = without_port(peer).len() < peer.len();
    if has_port { peer.into() } else { [peer, port].concat().into() }
}

/// `web` of `arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/web/73e2d6bc24d8a067`.
pub fn target_group_name(arn: &[u8]) -> &[u8] {
    let mut parts = arn.split(|byte| *byte == b'/').skip(1);
    parts.next().unwrap_or(arn)
}

/// Length of the socket path before its URI. The `:` between them is missing once nginx has released the address, as
/// in timeouts: then the path is taken to end in `.sock` or `.socket`.
fn socket_path_bytes(path: &[u8]) -> usize {
    if let Some(colon) = memchr::memchr(b':', path) {
        return colon;
    }
    for suffix in [&b".sock/"[..], b".socket/"] {
        if let Some(at) = memchr::memmem::find(path, suffix) {
            return at + suffix.len() - 1;
        }
    }
    path.len()
}

/// The host a request asked for, without port; else the server name where it is a name.
pub fn host_name<'a>(record: &ErrorRecord<'a>) -> Option<&'a [u8]> {
    let host = record.host.map(without_port).filter(|host| !host.is_empty());
    host.or_else(|| record.server.filter(|name| is_real_name(name)))
}

/// `example.com` of `example.com:8080`; `[::1]` of `[::1]:8080`; a bare IPv6 address stays whole.
pub fn without_port(host: &[u8]) -> &[u8] {
    match memchr::memrchr(b':', host) {
        Some(colon)
            if host[colon + 1..].iter().all(u8::is_ascii_digit)
                && (memchr::memchr(b':', host) == Some(colon) || host.starts_with(b"[")) =>
        {
            &host[..colon]
        }
        _ => host,
    }
}

/// Key of a host: hash of its ASCII lower case, without port; 0 for none.
pub fn host_key(host: &[u8]) -> u32 {
    let host = without_port(host);
    let mut lower = [0u8; 256];
    let n = host.len().min(lower.len());
    lower[..n].copy_from_slice(&host[..n]);
    lower[..n].make_ascii_lowercase();
    hash_short(&lower[..n])
}

/// False for what nginx puts in the place of a name: nothing, `_`, a pattern, or the address it listens on.
fn is_real_name(name: &[u8]) -> bool {
    let is_address = name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let is_pattern = matches!(name.first(), Some(b'~' | b'*' | b'.'));
    name != b"_" && !is_address && !is_pattern && memchr::memchr(b':', name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_urls_give_their_peer() {
        let check = |url: &str, peer: &str| {
            assert_eq!(String::from_utf8_lossy(upstream_peer(url.as_bytes())), peer, "{url}");
        };
        check("http://10.0.0.1:80/x?y=http://z/", "10.0.0.1:80");
        check("https://[::1]:8443/", "[::1]:8443");
        check("http://grp/x", "grp");
        check("fastcgi://127.0.0.1:9000", "127.0.0.1:9000");
        check("fastcgi://unix:/run/php.sock:", "unix:/run/php.sock");
        check("fastcgi://unix:/run/php.sock", "unix:/run/php.sock");
        check("http://unix:/run/a.sock:/x:y", "unix:/run/a.sock");
        check("http://unix://run/a/b.sock/user/x", "unix://run/a/b.sock");
        check("10.0.0.1:53", "10.0.0.1:53");
        check("", "");
    }

    #[test]
    fn workers_are_called_as_messages_call_them() {
        let check = |name: &str, peer: &str| {
            assert_eq!(String::from_utf8_lossy(&worker_peer(name.as_bytes())), peer, "{name}");
        };
        check("http://10.0.0.1:8080", "10.0.0.1:8080");
        check("http://app/shop", "app:80");
        check("https://[::1]", "[::1]:443");
        check("ajp://app", "app:8009");
        check("unix:/run/app.sock|http://localhost", "/run/app.sock");
        check("unix:/run/php.sock|fcgi://localhost/", "/run/php.sock");
        check("-", "-");
    }

    #[test]
    fn target_groups_have_a_name() {
        assert_eq!(target_group_name(b"arn:aws:elb:r:1:targetgroup/web/73e2"), b"web");
        assert_eq!(target_group_name(b"web"), b"web");
    }

    #[test]
    fn host_keys_ignore_case_and_port() {
        assert_eq!(host_key(b"EX.test:80"), host_key(b"ex.test"));
        assert_eq!(host_key(b""), 0);
        assert_eq!(without_port(b"[::1]:80"), b"[::1]");
        assert_eq!(without_port(b"[::1]"), b"[::1]");
        assert_eq!(without_port(b"fe80::1"), b"fe80::1");
    }

    #[test]
    fn a_listen_address_is_no_name() {
        for name in ["", "_", "0.0.0.0:80", "10.0.0.1", "[::]:80", "*.ex.test", "~^a"] {
            assert!(!is_real_name(name.as_bytes()), "{name}");
        }
        assert!(is_real_name(b"ex.test"));
        assert!(is_real_name(b"localhost"));
    }
}
