//! Pseudonyms in place of personal data: clients, users, query strings, secrets, e-mail addresses.
//!
//! In: text of logs, and what a record says which part of it is. Out: the text with pseudonyms such as `client-5f0c27a1d4`.
//! Invariants: the same value has the same pseudonym all over a run, whatever output it is in. Pseudonyms are keyed hashes,
//! so that without the key nobody finds an address by trying all of them. Addresses are replaced wherever they stand,
//! except those that the record itself names as a server's or backend's: what must be repaired stays readable.
//!
//! The key is random for every run. With `--reproducible` it is a digest of what was found in the inputs: whoever has the
//! logs can work it out, whoever has only the document cannot.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use hmac::{Hmac, Mac};
use regex::{Captures, Regex};
use sha2::Sha256;

use crate::error::{Error, Result};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Hexadecimal digits of a pseudonym: a million clients have distinct ones.
const DIGITS: usize = 10;

/// Shown in place of a line that no reader understands: what of it is personal cannot be told.
pub const NOT_SHOWN: &str = "(not shown: --redact)";

/// What stands where a pseudonym is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// Address or name of a client.
    Client,
    /// Name of a user.
    User,
    /// Query of a request target, without `?`.
    Query,
    /// A secret, or an id made to be unique.
    Token,
    /// An e-mail address.
    Email,
}

impl Personal {
    const fn prefix(self) -> &'static str {
        match self {
            Personal::Client => "client",
            Personal::User => "user",
            Personal::Query => "query",
            Personal::Token => "token",
            Personal::Email => "email",
        }
    }
}

/// Where the key of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    /// Nothing is replaced.
    #[default]
    None,
    /// A new key for every run.
    RandomKey,
    /// A key made of what the inputs hold.
    ContentKey,
}

impl Redaction {
    /// As documents tell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Redaction::None => "none",
            Redaction::RandomKey => "random_key",
            Redaction::ContentKey => "content_key",
        }
    }
}

/// What a record says of its own text.
#[derive(Debug, Clone, Default)]
pub struct Parts<'r> {
    /// Values that are replaced as a whole.
    pub personal: Vec<(Personal, &'r [u8])>,
    /// Values that name servers and backends: addresses in them stay.
    pub servers: Vec<&'r [u8]>,
}

/// Puts pseudonyms in place of personal data.
pub struct Redactor {
    key: [u8; KEY_BYTES],
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key must not get into a message by accident.
        out.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// What is replaced in any text. Alternatives that come first win.
static PATTERNS: LazyLock<Regex> = LazyLock::new(|| {
    let secret = r"token|api[_-]?key|secret|passw(?:or)?d|pwd|session(?:[_-]?id)?|phpsessid|authorization|jwt|signature|cookie";
    let pattern = [
        r#"://(?P<login>[^/\s@"'<>]+)@"#.to_owned(),
        r"(?P<email>[A-Za-z0-9._%+\-]+(?:@|%40)[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+)".to_owned(),
        format!(
            r#"(?i:{secret})["']?\s*[=:]\s*["']?(?:(?i:bearer|basic)\s+)?(?P<value>[^\s"'&,;}}\])|]+)"#
        ),
        r"\b(?i:bearer|basic)\s+(?P<bearer>[A-Za-z0-9._~+/=\-]{8,})".to_owned(),
        r#"\?(?P<query>(?:[^\s"'<>\\]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})+)"#.to_owned(),
        r"(?P<ipv6>(?:\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}|::(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{1,4})(?:(?:\.\d{1,3}){3})?)".to_owned(),
        r"\b(?P<ipv4>\d{1,3}(?:\.\d{1,3}){3})\b".to_owned(),
        r"\b(?P<token>[A-Za-z0-9_\-]{16,}(?:\.[A-Za-z0-9_\-]{6,}){0,3})".to_owned(),
    ];
    Regex::new(&pattern.join("|")).expect("a constant, which the tests compile")
});

impl Redactor {
    /// With a new key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(|error| Error::Random(error.to_string()))?;
        Ok(Redactor { key })
    }

    /// With a given key.
    pub const fn keyed(key: [u8; KEY_BYTES]) -> Self {
        Redactor { key }
    }

    /// The pseudonym of a value; an empty value, and `-`, has none.
    pub fn pseudonym(&self, what: Personal, value: &[u8]) -> String {
        if matches!(value, b"" | b"-") {
            return String::from_utf8_lossy(value).into_owned();
        }
        // As the standard has it, a key is filled up with zeros to a block.
        let mut block = [0; 64];
        block[..KEY_BYTES].copy_from_slice(&self.key);
        let mac = Hmac::<Sha256>::new(&block.into())
            .chain_update(what.prefix())
            .chain_update([0])
            .chain_update(value);
        let mut hex = format!("{:x}", mac.finalize().into_bytes());
        hex.truncate(DIGITS);
        format!("{}-{hex}", what.prefix())
    }

    /// The pseudonym of a client, which may stand with its port.
    pub fn client(&self, text: &str) -> String {
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return self.address(address);
        }
        match text.parse::<SocketAddr>() {
            Ok(address) => format!("{}:{}", self.address(address.ip()), address.port()),
            Err(_) => self.pseudonym(Personal::Client, text.as_bytes()),
        }
    }

    fn address(&self, address: IpAddr) -> String {
        self.pseudonym(Personal::Client, address.to_canonical().to_string().as_bytes())
    }

    /// A text of which nothing is known.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.text_but(text, &[])
    }

    /// A request target: its query, and what is personal in its path.
    pub fn target(&self, path: &str, query: Option<&str>) -> String {
        let path = self.text(path);
        match query {
            Some(query) => format!("{path}?{}", self.pseudonym(Personal::Query, query.as_bytes())),
            None => path.into_owned(),
        }
    }

    /// A record, of which a reader knows the parts.
    pub fn record(&self, record: &[u8], parts: &Parts<'_>) -> String {
        let mut ranges: Vec<(usize, usize, Personal)> = Vec::new();
        for (what, value) in parts.personal.iter().filter(|(_, value)| !value.is_empty()) {
            let range = |start: usize| (start, start + value.len(), *what);
            match place_in(record, value) {
                Some(start) => ranges.push(range(start)),
                // It was decoded, and stands there as it is, if at all.
                None => ranges.extend(memchr::memmem::find_iter(record, value).map(range)),
            }
        }
        ranges.sort_unstable_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let servers = servers(parts);
        let mut text = String::with_capacity(record.len());
        let mut at = 0;
        for (start, end, what) in ranges {
            if start < at {
                continue;
            }
            text.push_str(&self.text_but(&String::from_utf8_lossy(&record[at..start]), &servers));
            let value = String::from_utf8_lossy(&record[start..end]);
            match what {
                Personal::Client => text.push_str(&self.client(&value)),
                _ => text.push_str(&self.pseudonym(what, &record[start..end])),
            }
            at = end;
        }
        text.push_str(&self.text_but(&String::from_utf8_lossy(&record[at..]), &servers));
        text
    }

    fn text_but<'t>(&self, text: &'t str, servers: &[IpAddr]) -> Cow<'t, str> {
        PATTERNS.replace_all(text, |found: &Captures<'_>| self.replaced(found, servers))
    }

    /// What stands in place of a match: the match itself, with the part that is personal replaced.
    fn replaced(&self, found: &Captures<'_>, servers: &[IpAddr]) -> String {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        let from = found.get(0).map_or(0, |whole| whole.start());
        let with = |name: &str, what: Personal| {
            let part = found.name(name)?;
            let new = self.pseudonym(what, part.as_str().as_bytes());
            let (start, end) = (part.start() - from, part.end() - from);
            Some(format!("{}{new}{}", &whole[..start], &whole[end..]))
        };
        with("login", Personal::Token)
            .or_else(|| with("email", Personal::Email))
            .or_else(|| with("value", Personal::Token))
            .or_else(|| with("query", Personal::Query))
            .or_else(|| {
                let bearer = found.name("bearer")?.as_str();
                // "Basic authentication" is no secret.
                let is_secret = bearer.bytes().any(|byte| byte.is_ascii_digit() || byte == b'=');
                if is_secret { with("bearer", Personal::Token) } else { None }
            })
            .or_else(|| found.name("ipv6").and_then(|part| self.ipv6(part.as_str(), servers)))
            .or_else(|| found.name("ipv4").and_then(|part| self.ipv4(part.as_str(), servers)))
            .or_else(|| {
                let part = found.name("token")?;
                if is_token(part.as_str()) { with("token", Personal::Token) } else { None }
            })
            .unwrap_or_else(|| whole.to_owned())
    }

    /// The longest start of a text that is an address, replaced. `None`: there is none, or it is a server's.
    fn ipv6(&self, text: &str, servers: &[IpAddr]) -> Option<String> {
        let mut end = text.len();
        while text[..end].bytes().filter(|byte| *byte == b':').count() >= 2 {
            if let Ok(address) = text[..end].parse::<Ipv6Addr>() {
                let address = IpAddr::V6(address);
                return (!servers.contains(&address))
                    .then(|| format!("{}{}", self.address(address), &text[end..]));
            }
            end = text[..end].rfind([':', '.'])?;
        }
        None
    }

    fn ipv4(&self, text: &str, servers: &[IpAddr]) -> Option<String> {
        let address: Ipv4Addr = text.parse().ok()?;
        // A network, or the version of a browser.
        let [_, rest @ ..] = address.octets();
        let address = IpAddr::V4(address);
        (rest != [0; 3] && !servers.contains(&address)).then(|| self.address(address))
    }
}

/// Where a part of a record starts. `None`: it is not a part of these bytes.
fn place_in(record: &[u8], part: &[u8]) -> Option<usize> {
    let start = part.as_ptr().addr().checked_sub(record.as_ptr().addr())?;
    (record.get(start..start + part.len())? == part).then_some(start)
}

/// Addresses of servers that are not those of the client.
fn servers(parts: &Parts<'_>) -> Vec<IpAddr> {
    let of = |text: &[u8]| -> Vec<IpAddr> {
        let text = String::from_utf8_lossy(text);
        let found = PATTERNS.captures_iter(&text);
        found
            .filter_map(|found| {
                let part = found.name("ipv4").or_else(|| found.name("ipv6"))?;
                part.as_str().parse().ok()
            })
            .collect()
    };
    let clients = parts.personal.iter().filter(|(what, _)| *what == Personal::Client);
    let clients: Vec<IpAddr> = clients.flat_map(|(_, value)| of(value)).collect();
    let servers = parts.servers.iter().flat_map(|value| of(value));
    servers.filter(|address| !clients.contains(address)).collect()
}

/// True for what was made to be unique: a UUID, a signed token, a long mix of letters and digits.
fn is_token(text: &str) -> bool {
    let mixed = |part: &str| {
        let n_digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() >= 16 && n_digits >= 3 && part.len() - n_digits >= 3
    };
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_uuid = is_hex && lengths == [8, 4, 4, 4, 12];
    is_uuid || text.starts_with("eyJ") || text.split(['-', '_', '.']).any(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDACTOR: Redactor = Redactor::keyed([7; KEY_BYTES]);

    /// The text with the digits of pseudonyms left out.
    fn shape(text: &str) -> String {
        static DIGITS: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new("(client|user|query|token|email)-[0-9a-f]{10}").expect("a pattern")
        });
        DIGITS.replace_all(text, "<$1>").into_owned()
    }

    #[test]
    fn a_pseudonym_is_the_start_of_an_hmac() {
        // python3: hmac.new(bytes([7] * 32), b"client\\0203.0.113.9", "sha256")
        assert_eq!(REDACTOR.client("203.0.113.9"), "client-2eab00c88e");
    }

    #[test]
    fn personal_data_is_replaced_in_any_text() {
        for (text, expected) in [
            ("client: 203.0.113.9, server: a", "client: <client>, server: a"),
            ("[client 203.0.113.9:4711] x", "[client <client>:4711] x"),
            ("from 2001:db8::bd5a, at 21:30:09", "from <client>, at 21:30:09"),
            ("src:2001:db8::1: denied", "src:<client>: denied"),
            ("[2001:db8::1]:443", "[<client>]:443"),
            ("::ffff:203.0.113.9 ::1", "<client> <client>"),
            ("mail to a.b+c@example.org now", "mail to <email> now"),
            ("/u/a%40example.org/x", "/u/<email>/x"),
            ("\"GET /a?x=1&y=2 HTTP/1.1\" 503", "\"GET /a?<query> HTTP/1.1\" 503"),
            (r#"{"uri":"/a?x=1","n":1}"#, r#"{"uri":"/a?<query>","n":1}"#),
            (r#"\"GET /a?x=1\" 2"#, r#"\"GET /a?<query>\" 2"#),
            ("is it up? yes", "is it up? yes"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer <token>"),
            ("token=s3cr3t; next", "token=<token>; next"),
            (r#""api_key": "s3cr3t""#, r#""api_key": "<token>""#),
            ("Basic authentication failed", "Basic authentication failed"),
            ("basic dXNlcjpwYXNz1=", "basic <token>"),
            ("postgres://app:pw@db:5432/x", "postgres://<token>@db:5432/x"),
            ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id <token>"),
            ("id 557f5ea3f853bb01f2c1618d3aadf734", "id <token>"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "<token>.c2ln"),
            ("Chrome/120.0.0.0 Safari", "Chrome/120.0.0.0 Safari"),
            ("web-shop-7d9f8b6c5-x2x9k is up", "web-shop-7d9f8b6c5-x2x9k is up"),
            ("upstream_response_time_seconds_total", "upstream_response_time_seconds_total"),
            ("version 1.2.3.4.5 300.1.1.1", "version <client>.5 300.1.1.1"),
        ] {
            assert_eq!(shape(&REDACTOR.text(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_value_has_one_pseudonym_under_a_key_and_another_under_another() {
        let client = REDACTOR.client("203.0.113.9");
        assert_eq!(REDACTOR.text("203.0.113.9 x"), format!("{client} x"));
        assert_eq!(REDACTOR.client("203.0.113.9:80"), format!("{client}:80"));
        assert_eq!(REDACTOR.client("::ffff:203.0.113.9"), client);
        assert_ne!(REDACTOR.client("203.0.113.8"), client);
        assert_ne!(Redactor::keyed([8; KEY_BYTES]).client("203.0.113.9"), client);
        let random = || Redactor::random().unwrap().client("203.0.113.9");
        assert_ne!(random(), random());
        assert_eq!(REDACTOR.pseudonym(Personal::Query, b"-"), "-");
    }

    #[test]
    fn what_a_record_names_as_a_server_stays_and_its_own_parts_go() {
        let line = b"10.0.0.7 bob GET /a id=5&u=x via 10.0.0.5:8080 10.0.0.9 to 10.0.0.7";
        let parts = Parts {
            personal: vec![
                (Personal::Client, &line[..8]),
                (Personal::User, &line[9..12]),
                (Personal::Query, &line[20..28]),
            ],
            servers: vec![&line[33..46], b"10.0.0.7"],
        };
        let text = REDACTOR.record(line, &parts);
        let expected = "<client> <user> GET /a <query> via 10.0.0.5:8080 <client> to <client>";
        assert_eq!(shape(&text), expected);
    }
}
