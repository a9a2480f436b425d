//! Writes large, realistic nginx logs whose truth is known.
//!
//! In: flags. Out: `access.log`, `error.log` and `truth.json` in one directory.
//! Invariants: one seed gives the same bytes on every machine (integer arithmetic only, an own generator of random
//! numbers, no clock). Every 503 is written together with the error lines that nginx would write, so the truth is
//! known by construction, and never inferred from the lines.
//! Source: wording of the error lines from nginx, `ngx_http_upstream.c`, `ngx_http_limit_req_module.c`; escaping from
//! `ngx_http_log_module.c`.
//!
//! `cargo run --release --example generate_logs -- --bytes 1GiB --out target/logs`

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, create_dir_all};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

/// 2026-06-01T05:00:00Z; the logs stay within that month.
const FIRST_SECOND: u64 = 5 * 3600;
/// Requests per second that the span of the log is chosen for, until it reaches eight hours.
const USUAL_RATE: u64 = 200;
/// Traffic per twenty-fourth of the log, in percent of the mean.
const SHAPE: [u64; 24] = [
    62, 70, 81, 95, 108, 112, 118, 121, 126, 119, 108, 97, 92, 101, 115, 124, 131, 122, 110, 99,
    91, 80, 71, 66,
];
/// How many of the latest failing requests clients repeat.
const RETRIED: usize = 14;
/// Pause of a group after all its peers failed (`fail_timeout`).
const FAIL_TIMEOUT_US: u64 = 10_000_000;
/// What is handed to the system in one piece.
const CHUNK_BYTES: usize = 1 << 20;

const BROWSER_AGENTS: [&str; 14] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 Edg/125.0.2535.92",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:126.0) Gecko/20100101 Firefox/126.0",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "okhttp/4.12.0",
];
const OTHER_AGENTS: [&str; 8] = [
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Go-http-client/1.1",
    "kube-probe/1.29",
    "status-checker 503 monitor/2 (alerts on 503)",
    "weird \"quoted\" 503 agent/1.0",
    "agent\\with\\backslashes \" 503 197 \"",
    "-",
];
const REFERERS: [&str; 12] = [
    "https://shop.example.com/",
    "https://shop.example.com/category/shoes?page=2&sort=price",
    "https://shop.example.com/cart?step=2",
    "https://www.example.com/blog/2026/05/how-we-ship",
    "https://www.google.com/",
    "https://www.bing.com/search?q=example+shop",
    "https://news.example.net/item?id=40213311",
    "https://account.example.com/login?next=%2Forders",
    "https://status.example.com/incidents/503?code=503",
    "https://example.com/a b\"c",
    "https://duckduckgo.com/",
    "android-app://com.example.shop/",
];

/// How access lines are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// nginx `combined`: nothing about the upstream.
    Combined,
    /// `combined "$upstream_addr" "$upstream_status" $upstream_response_time $request_time $request_id`.
    Upstream,
    /// One JSON object per line, as `escape=json` writes it.
    Json,
}

impl Layout {
    /// Mean length of a line, measured; only used to choose the span of the log.
    const fn usual_line_bytes(self) -> u64 {
        match self {
            Layout::Combined => 240,
            Layout::Upstream => 304,
            Layout::Json => 528,
        }
    }

    const fn sees_upstream(self) -> bool {
        !matches!(self, Layout::Combined)
    }
}

#[derive(Debug, Parser)]
#[command(about = "Writes large nginx logs whose truth is known")]
struct Flags {
    /// Size of access.log, e.g. 1GiB, 256MiB, 10MB
    #[arg(long, default_value = "1GiB", value_parser = parse_size)]
    bytes: u64,
    /// Same seed, same bytes
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Share of 503s among the lines, 0 to 0.5
    #[arg(long, default_value = "0.017", value_parser = parse_share)]
    share: u64,
    /// Layout of access lines
    #[arg(long, value_enum, default_value_t = Layout::Combined)]
    format: Layout,
    /// Directory to write to; created when it is missing
    #[arg(long)]
    out: PathBuf,
}

/// Reads `1GiB` as bytes.
fn parse_size(text: &str) -> Result<u64, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(at);
    let scale = match unit {
        "" | "B" => 1,
        "KB" => 1000,
        "KiB" | "K" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" | "M" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" | "G" => 1 << 30,
        _ => return Err("expected a size such as 256MiB or 1GiB".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a number first".to_owned())?;
    number.checked_mul(scale).ok_or_else(|| "too large".to_owned())
}

/// Reads a share as parts per million, so that no later step needs a float.
fn parse_share(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=0.5).contains(&share) => Ok((share * 1e6).round() as u64),
        _ => Err("expected a share from 0 to 0.5".to_owned()),
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// An index of which small ones are more likely: few clients and paths make most of the traffic.
    fn skewed(&mut self, length: usize) -> usize {
        self.index(length).min(self.index(length)).min(self.index(length))
    }
}

/// A value as error lines hold it (raw) and as access lines hold it (escaped).
#[derive(Debug, Clone)]
struct Text {
    raw: Vec<u8>,
    logged: Vec<u8>,
}

impl Text {
    fn new(layout: Layout, raw: impl Into<Vec<u8>>) -> Self {
        let raw = raw.into();
        let mut logged = Vec::with_capacity(raw.len());
        for &byte in &raw {
            match (layout, byte) {
                (Layout::Json, b'"' | b'\\') => logged.extend([b'\\', byte]),
                (Layout::Json, 0..0x20) => logged.extend(format!("\\u{byte:04X}").bytes()),
                (Layout::Json, _) => logged.push(byte),
                (_, b'"' | b'\\' | 0..0x20 | 0x7f..) => {
                    logged.extend(format!("\\x{byte:02X}").bytes());
                }
                _ => logged.push(byte),
            }
        }
        Text { raw, logged }
    }
}

/// What a client asks for.
#[derive(Debug, Clone)]
struct Request {
    host: &'static str,
    /// The whole request line.
    line: Text,
    /// The target alone, raw.
    target: Vec<u8>,
}

impl Request {
    fn new(layout: Layout, host: &'static str, method: &str, target: impl Into<Vec<u8>>) -> Self {
        let target = target.into();
        let mut line = method.as_bytes().to_vec();
        line.push(b' ');
        line.extend(&target);
        line.extend(b" HTTP/1.1");
        Request { host, line: Text::new(layout, line), target }
    }
}

/// One try at a backend: `$upstream_addr`, `$upstream_status`, milliseconds.
type Attempt = (&'static str, u16, u64);

/// What an access line says.
#[derive(Debug)]
struct Answer<'a> {
    client: &'a [u8],
    request: &'a [u8],
    host: &'static str,
    status: u16,
    body_bytes: u64,
    referer: &'a [u8],
    agent: &'a [u8],
    attempts: &'a [Attempt],
    request_ms: u64,
}

/// How a 503 came to be, by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NoLiveUpstreams,
    RateLimited,
    UpstreamTimeout,
    Relayed,
    Refused,
}

impl Fault {
    const fn truth(self) -> (&'static str, &'static str) {
        match self {
            Fault::NoLiveUpstreams => ("proxy", "no_live_upstreams"),
            Fault::RateLimited => ("local_process", "rate_limited"),
            Fault::UpstreamTimeout => ("proxy", "upstream_timeout"),
            Fault::Relayed => ("upstream", "upstream_503"),
            Fault::Refused => ("proxy", "upstream_refused"),
        }
    }

    /// What the lines of this layout can tell: a relayed 503 leaves no error line.
    const fn decidable(self, layout: Layout) -> bool {
        layout.sees_upstream() || !matches!(self, Fault::Relayed)
    }
}

/// A burst of failing requests.
#[derive(Debug)]
struct Incident {
    fault: Fault,
    host: &'static str,
    /// Part of the log, in millionths of its bytes.
    from_ppm: u64,
    to_ppm: u64,
    requests: Vec<Request>,
    entries: u64,
    first_second: u64,
    last_second: u64,
}

/// What was written.
#[derive(Debug, Default)]
struct Truth {
    lines: u64,
    error_lines: u64,
    by_status: BTreeMap<u16, u64>,
    actual: BTreeMap<(&'static str, &'static str), u64>,
    decidable: BTreeMap<(&'static str, Option<&'static str>), u64>,
}

/// The logs under construction.
#[derive(Debug)]
struct Logs<A: Write, E: Write> {
    layout: Layout,
    random: Random,
    /// Microseconds since the start of the month.
    now_us: u64,
    stamp: Vec<u8>,
    stamp_second: u64,
    connection: u64,
    access: A,
    error: E,
    page: Vec<u8>,
    /// Lines of the worker that has not flushed its buffer yet, and until when it keeps them.
    held: Vec<u8>,
    held_until_us: u64,
    error_page: Vec<u8>,
    written: u64,
    /// The first of [`PEERS`] that answers: the group of an incident is silent while it is down.
    first_peer: usize,
    truth: Truth,
}

impl<A: Write, E: Write> Logs<A, E> {
    /// Ends an access line at the present instant.
    fn answer(&mut self, answer: &Answer<'_>) -> io::Result<()> {
        let second = self.now_us / 1_000_000;
        if second != self.stamp_second {
            self.stamp_second = second;
            self.stamp = clf(second).into_bytes();
        }
        let holding = !self.held.is_empty() || self.held_until_us > self.now_us;
        let draw = self.random.next();
        let held = holding && self.now_us < self.held_until_us && draw & 1 == 0;
        if !holding && draw.is_multiple_of(6000) {
            self.held_until_us = self.now_us + 300_000 + draw % 1_500_000;
        }
        if holding && self.now_us >= self.held_until_us {
            self.page.append(&mut self.held);
        }
        let line = if held { &mut self.held } else { &mut self.page };
        let before = line.len();
        let id = (draw, self.random.0);
        match self.layout {
            Layout::Json => push_json(line, &self.stamp, answer, id),
            Layout::Combined => push_combined(line, &self.stamp, answer),
            Layout::Upstream => {
                push_combined(line, &self.stamp, answer);
                push_upstream(line, answer, id);
            }
        }
        line.push(b'\n');
        self.written += (line.len() - before) as u64;
        self.truth.lines += 1;
        *self.truth.by_status.entry(answer.status).or_default() += 1;
        if self.page.len() >= CHUNK_BYTES {
            self.access.write_all(&self.page)?;
            self.page.clear();
        }
        Ok(())
    }

    /// Writes a line of the error log about a request at the present instant.
    fn complain(
        &mut self,
        message: &str,
        client: &[u8],
        request: &Request,
        peer: Option<&str>,
        referer: &[u8],
    ) -> io::Result<()> {
        let line = &mut self.error_page;
        let second = self.now_us / 1_000_000;
        let (day, hour, minute, second) = clock(second);
        let pid = 2211 + self.connection % 2;
        write!(
            line,
            "2026/06/{day:02} {hour:02}:{minute:02}:{second:02} [error] {pid}#{pid}: *{} {message}, client: ",
            self.connection
        )?;
        line.extend(client);
        line.extend(b", server: ");
        line.extend(request.host.as_bytes());
        line.extend(b", request: \"");
        line.extend(&request.line.raw);
        if let Some(peer) = peer {
            line.extend(b"\", upstream: \"http://");
            line.extend(peer.as_bytes());
            line.extend(&request.target);
        }
        line.extend(b"\", host: \"");
        line.extend(request.host.as_bytes());
        line.push(b'"');
        if referer != b"-" {
            line.extend(b", referrer: \"");
            line.extend(referer);
            line.push(b'"');
        }
        line.push(b'\n');
        self.truth.error_lines += 1;
        if line.len() >= CHUNK_BYTES {
            self.error.write_all(line)?;
            line.clear();
        }
        Ok(())
    }

    fn count(&mut self, fault: Fault) {
        let (origin, cause) = fault.truth();
        *self.truth.actual.entry((origin, cause)).or_default() += 1;
        let told =
            if fault.decidable(self.layout) { (origin, Some(cause)) } else { ("unknown", None) };
        *self.truth.decidable.entry(told).or_default() += 1;
    }

    fn finish(&mut self) -> io::Result<()> {
        self.page.append(&mut self.held);
        self.access.write_all(&self.page)?;
        self.error.write_all(&self.error_page)?;
        self.access.flush()?;
        self.error.flush()
    }
}

/// Day of the month, hour, minute and second.
const fn clock(second: u64) -> (u64, u64, u64, u64) {
    (1 + second / 86_400, second / 3600 % 24, second / 60 % 60, second % 60)
}

fn clf(second: u64) -> String {
    let (day, hour, minute, second) = clock(second);
    format!("{day:02}/Jun/2026:{hour:02}:{minute:02}:{second:02} +0000")
}

fn rfc3339(second: u64) -> String {
    let (day, hour, minute, second) = clock(second);
    format!("2026-06-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn push_number(line: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[at..]);
}

fn push_seconds(line: &mut Vec<u8>, ms: u64) {
    push_number(line, ms / 1000);
    let ms = ms % 1000;
    line.extend([
        b'.',
        b'0' + (ms / 100) as u8,
        b'0' + (ms / 10 % 10) as u8,
        b'0' + (ms % 10) as u8,
    ]);
}

fn push_hex(line: &mut Vec<u8>, value: u64) {
    for place in (0..16).rev() {
        line.push(b"0123456789abcdef"[(value >> (place * 4) & 15) as usize]);
    }
}

/// An nginx list variable: one item per attempt, `-` for none.
fn push_list(line: &mut Vec<u8>, attempts: &[Attempt], item: impl Fn(&mut Vec<u8>, &Attempt)) {
    if attempts.is_empty() {
        line.push(b'-');
    }
    for (nth, attempt) in attempts.iter().enumerate() {
        if nth > 0 {
            line.extend(b", ");
        }
        item(line, attempt);
    }
}

fn push_combined(line: &mut Vec<u8>, stamp: &[u8], answer: &Answer<'_>) {
    line.extend_from_slice(answer.client);
    line.extend_from_slice(b" - - [");
    line.extend_from_slice(stamp);
    line.extend_from_slice(b"] \"");
    line.extend_from_slice(answer.request);
    line.extend_from_slice(b"\" ");
    push_number(line, u64::from(answer.status));
    line.push(b' ');
    push_number(line, answer.body_bytes);
    line.extend_from_slice(b" \"");
    line.extend_from_slice(answer.referer);
    line.extend_from_slice(b"\" \"");
    line.extend_from_slice(answer.agent);
    line.push(b'"');
}

fn push_upstream(line: &mut Vec<u8>, answer: &Answer<'_>, id: (u64, u64)) {
    line.extend_from_slice(b" \"");
    push_list(line, answer.attempts, |line, attempt| line.extend_from_slice(attempt.0.as_bytes()));
    line.extend_from_slice(b"\" \"");
    push_list(line, answer.attempts, |line, attempt| push_number(line, u64::from(attempt.1)));
    line.extend_from_slice(b"\" ");
    push_list(line, answer.attempts, |line, attempt| push_seconds(line, attempt.2));
    line.push(b' ');
    push_seconds(line, answer.request_ms);
    line.push(b' ');
    push_hex(line, id.0);
    push_hex(line, id.1);
}

fn push_json(line: &mut Vec<u8>, stamp: &[u8], answer: &Answer<'_>, id: (u64, u64)) {
    // With escape=json an absent header is the empty string, not "-".
    let or_empty = |value: &'_ [u8]| if value == b"-" { 0 } else { value.len() };
    line.extend_from_slice(b"{\"time_local\":\"");
    line.extend_from_slice(stamp);
    line.extend_from_slice(b"\",\"remote_addr\":\"");
    line.extend_from_slice(answer.client);
    line.extend_from_slice(b"\",\"request\":\"");
    line.extend_from_slice(answer.request);
    line.extend_from_slice(b"\",\"status\":\"");
    push_number(line, u64::from(answer.status));
    line.extend_from_slice(b"\",\"body_bytes_sent\":\"");
    push_number(line, answer.body_bytes);
    line.extend_from_slice(b"\",\"request_time\":\"");
    push_seconds(line, answer.request_ms);
    line.extend_from_slice(b"\",\"upstream_addr\":\"");
    if !answer.attempts.is_empty() {
        push_list(line, answer.attempts, |line, attempt| {
            line.extend_from_slice(attempt.0.as_bytes());
        });
    }
    line.extend_from_slice(b"\",\"upstream_status\":\"");
    if !answer.attempts.is_empty() {
        push_list(line, answer.attempts, |line, attempt| push_number(line, u64::from(attempt.1)));
    }
    line.extend_from_slice(b"\",\"upstream_response_time\":\"");
    if !answer.attempts.is_empty() {
        push_list(line, answer.attempts, |line, attempt| push_seconds(line, attempt.2));
    }
    line.extend_from_slice(b"\",\"http_host\":\"");
    line.extend_from_slice(answer.host.as_bytes());
    line.extend_from_slice(b"\",\"http_referrer\":\"");
    line.extend_from_slice(&answer.referer[..or_empty(answer.referer)]);
    line.extend_from_slice(b"\",\"http_user_agent\":\"");
    line.extend_from_slice(&answer.agent[..or_empty(answer.agent)]);
    line.extend_from_slice(b"\",\"request_id\":\"");
    push_hex(line, id.0);
    push_hex(line, id.1);
    line.extend_from_slice(b"\"}");
}

/// The people and things that traffic is made of.
#[derive(Debug)]
struct World {
    clients: Vec<Vec<u8>>,
    agents: Vec<Text>,
    referers: Vec<Text>,
    /// Files served from disk.
    files: Vec<Request>,
    /// Pages and calls passed to a backend.
    pages: Vec<Request>,
    /// Request lines that are none; answered with 400.
    broken: Vec<Text>,
}

impl World {
    fn new(layout: Layout, random: &mut Random) -> Self {
        let text = |value: &&str| Text::new(layout, *value);
        let mut agents: Vec<Text> = BROWSER_AGENTS.iter().map(text).collect();
        for build in 0..20 {
            let (major, patch) = (110 + random.below(16), random.below(6000));
            agents.push(Text::new(layout, format!(
                "Mozilla/5.0 (Linux; Android 1{}; SM-A{}5F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{patch}.{build} Mobile Safari/537.36",
                build % 5, 10 + build
            )));
        }
        agents.extend(OTHER_AGENTS.iter().map(text));
        World {
            clients: (0..3200).map(|nth| client(nth, random)).collect(),
            agents,
            referers: REFERERS.iter().map(text).collect(),
            files: (0..900).map(|nth| file(layout, nth, random)).collect(),
            pages: (0..3100).map(|nth| page(layout, nth, random)).collect(),
            broken: [
                &b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\xA7\x1E\"\\\xEE"[..],
                b"\x03\x00\x00/*\xE0\x00\x00\x00\x00\x00Cookie: mstshash=Administr",
                b"GET /cgi-bin/503 503 HTTP/9.9",
                b"",
                b"-",
                b"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1",
            ]
            .map(|line| Text::new(layout, line))
            .to_vec(),
        }
    }
}

/// Addresses of the ranges kept for documentation and benchmarks (RFC 2544, 3849, 5737).
fn client(nth: u64, random: &mut Random) -> Vec<u8> {
    let draw = random.next();
    match nth % 20 {
        0..3 => format!("2001:db8:{:x}:{:x}::{:x}", draw >> 48, draw >> 32 & 0xff, draw & 0xffff),
        3..6 => format!("203.0.113.{}", 1 + draw % 254),
        6..9 => format!("198.51.100.{}", 1 + draw % 254),
        _ => format!("198.{}.{}.{}", 18 + draw % 2, draw >> 8 & 0xff, 1 + (draw >> 16) % 254),
    }
    .into_bytes()
}

fn file(layout: Layout, nth: u64, random: &mut Random) -> Request {
    let hash = random.next() >> 32;
    let target = match nth % 6 {
        0 => format!("/assets/app.{hash:08x}.js"),
        1 => format!("/assets/site.{hash:08x}.css?v={}", hash % 90),
        2 => format!("/img/products/{}/{hash:08x}.webp?w=640&q=80", hash % 700),
        3 => format!("/img/hero-{}.jpg", hash % 4000),
        4 => format!("/fonts/inter-{hash:08x}.woff2"),
        _ => format!("/media/503/{hash:08x}.png"),
    };
    Request::new(layout, "www.example.com", "GET", target)
}

fn page(layout: Layout, nth: u64, random: &mut Random) -> Request {
    let id = random.below(90_000) + 1000;
    let (host, method, target) = match nth % 14 {
        0..3 => ("shop.example.com", "GET", format!("/product/{id}?ref=list&pos={}", id % 48)),
        3 => (
            "shop.example.com",
            "GET",
            format!("/category/c{}?page={}&sort=price", id % 90, id % 12),
        ),
        4 => {
            ("shop.example.com", "GET", format!("/search?q=red+shoes+{}&page={}", id % 400, id % 9))
        }
        5 => ("shop.example.com", "POST", format!("/cart/items?sku={id}")),
        6 => ("api.example.com", "GET", format!("/api/v1/orders/{id}?expand=items")),
        7 => ("api.example.com", "GET", format!("/api/v2/users/{id}/recommendations?limit=20")),
        8 => ("api.example.com", "POST", format!("/api/v1/events?batch={}", id % 700)),
        9 => {
            ("account.example.com", "GET", format!("/account/orders?page={}&status=503", id % 300))
        }
        10 => ("api.example.com", "GET", format!("/api/v1/errors/503?code=503&n={}", id % 300)),
        11 => ("shop.example.com", "GET", format!("/orders/503?id={id}")),
        12 => (
            "blog.example.com",
            "GET",
            format!("/2026/05/{id}-caf%C3%A9/?utm_source=news&utm_campaign=may"),
        ),
        _ => ("shop.example.com", "HEAD", format!("/stock/{id}")),
    };
    Request::new(layout, host, method, target)
}

/// The four incidents. Paths of one never occur in another, nor in ordinary traffic.
fn incidents(layout: Layout, share_ppm: u64, span_s: u64) -> Vec<Incident> {
    // Some five minutes each, or longer where the share could not be reached in that time.
    let width_ppm = (300 * 1_000_000 / span_s).clamp(10_000, 40_000).max(share_ppm * 10 / 28);
    let make = |fault, host, from_ppm, target: &dyn Fn(u64) -> Vec<u8>| Incident {
        fault,
        host,
        from_ppm,
        to_ppm: from_ppm + width_ppm,
        requests: (0..48).map(|nth| Request::new(layout, host, "GET", target(nth))).collect(),
        entries: 0,
        first_second: 0,
        last_second: 0,
    };
    vec![
        make(Fault::NoLiveUpstreams, "api.example.com", 150_000, &|nth| match nth % 8 {
            7 => format!("/api/v1/checkout?note=say-\"hi\"-{nth}").into_bytes(),
            _ => format!("/api/v1/checkout/{}?step={}", 4000 + nth * 7, nth % 4).into_bytes(),
        }),
        make(Fault::RateLimited, "search.example.com", 360_000, &|nth| match nth % 8 {
            7 => format!("/find?q=back\\slash{nth}").into_bytes(),
            _ => format!("/find?q=term{nth}&page={}", nth % 5).into_bytes(),
        }),
        make(Fault::UpstreamTimeout, "reports.example.com", 580_000, &|nth| {
            format!("/reports/{}/export?from=2026-05-01&to=2026-05-31", 100 + nth).into_bytes()
        }),
        make(Fault::Relayed, "blog.example.com", 790_000, &|nth| {
            format!("/comments/{}?after={}", 7000 + nth * 3, nth).into_bytes()
        }),
    ]
}

/// Who sends a request: client, referer, agent.
#[derive(Debug, Clone, Copy)]
struct Sender {
    client: usize,
    referer: Option<usize>,
    agent: usize,
}

impl World {
    fn sender(&self, random: &mut Random) -> Sender {
        let draw = random.next();
        Sender {
            client: random.skewed(self.clients.len()),
            referer: (draw % 5 > 1).then_some((draw >> 8) as usize % self.referers.len()),
            agent: random.skewed(self.agents.len()),
        }
    }

    fn referer(&self, sender: Sender) -> (&[u8], &[u8]) {
        match sender.referer {
            Some(nth) => (&self.referers[nth].raw, &self.referers[nth].logged),
            None => (b"-", b"-"),
        }
    }
}

/// Writes the two logs and tells the truth about them.
///
/// The clock moves with the bytes written: a share of the log is a share of its span, stretched by [`SHAPE`].
fn generate(
    (layout, bytes, seed, share_ppm): (Layout, u64, u64, u64),
    access: impl Write,
    error: impl Write,
) -> io::Result<Value> {
    let mut random = Random(seed);
    let world = World::new(layout, &mut random);
    let n_lines = (bytes / layout.usual_line_bytes()).max(1);
    let span_s = (n_lines / USUAL_RATE).clamp(1800, 8 * 3600);
    let mean_gap_us = span_s * 1_000_000 / n_lines;
    let mut incidents = incidents(layout, share_ppm, span_s);
    let width_ppm = incidents[0].to_ppm - incidents[0].from_ppm;
    let fail_ppm = share_ppm * 1_000_000 / (4 * width_ppm);
    let mut logs = Logs {
        layout,
        random,
        now_us: FIRST_SECOND * 1_000_000,
        stamp: Vec::new(),
        stamp_second: 0,
        connection: 71_000,
        access,
        error,
        page: Vec::with_capacity(CHUNK_BYTES + 4096),
        held: Vec::new(),
        held_until_us: 0,
        error_page: Vec::with_capacity(CHUNK_BYTES + 4096),
        written: 0,
        first_peer: 0,
        truth: Truth::default(),
    };
    let mut retries: VecDeque<(Sender, usize)> = VecDeque::new();
    let (mut current, mut next_try_us) = (0, 0);
    while logs.written < bytes {
        let at_ppm = (u128::from(logs.written) * 1_000_000 / u128::from(bytes)) as u64;
        let gap_us = mean_gap_us * 100 / SHAPE[(at_ppm * 24 / 1_000_000) as usize];
        logs.now_us += logs.random.below(2 * gap_us + 1);
        logs.connection += logs.random.below(2);
        while current < incidents.len() && at_ppm >= incidents[current].to_ppm {
            current += 1;
            retries.clear();
        }
        let down = incidents.get(current).is_some_and(|incident| {
            incident.fault == Fault::NoLiveUpstreams && at_ppm >= incident.from_ppm
        });
        logs.first_peer = if down { REFUSING_GROUP.len() } else { 0 };
        let sender = world.sender(&mut logs.random);
        match incidents.get_mut(current) {
            Some(incident)
                if at_ppm >= incident.from_ppm && logs.random.below(1_000_000) < fail_ppm =>
            {
                let second = logs.now_us / 1_000_000;
                if incident.entries == 0 {
                    incident.first_second = second;
                }
                incident.entries += 1;
                incident.last_second = second;
                if incident.fault == Fault::NoLiveUpstreams && logs.now_us >= next_try_us {
                    next_try_us = logs.now_us + FAIL_TIMEOUT_US;
                    logs.refuse(&world, sender, incident.host, REFUSING_GROUP)?;
                } else {
                    // Two of three failing requests are one that failed just before.
                    let nth = logs.random.index(3 * RETRIED / 2);
                    let (sender, request) = retries
                        .get(nth)
                        .copied()
                        .unwrap_or((sender, logs.random.index(incident.requests.len())));
                    if nth >= retries.len() {
                        retries.push_front((sender, request));
                        retries.truncate(RETRIED);
                    }
                    logs.fail(&world, sender, incident.fault, &incident.requests[request])?;
                }
            }
            _ if logs.random.below(20_000) == 0 => logs.background(&world, sender)?,
            _ => logs.ordinary(&world, sender)?,
        }
    }
    logs.finish()?;
    Ok(report((layout, seed), &logs.truth, logs.written, &incidents))
}

/// Two peers, each refusing in turn.
const REFUSING_GROUP: &[Attempt] = &[("10.0.1.11:8080", 502, 0), ("10.0.1.12:8080", 502, 0)];
/// The one backend of the account service.
const REFUSING_PEER: &[Attempt] = &[("10.0.5.51:8080", 502, 0)];
/// Peers of the backends that answer.
const PEERS: [&str; 6] = [
    "10.0.1.11:8080",
    "10.0.1.12:8080",
    "10.0.2.21:8080",
    "10.0.3.31:8080",
    "10.0.3.32:8080",
    "10.0.4.41:9000",
];
const REFUSED: &str = "connect() failed (111: Connection refused) while connecting to upstream";

impl<A: Write, E: Write> Logs<A, E> {
    /// One failing request of an incident.
    fn fail(
        &mut self,
        world: &World,
        sender: Sender,
        fault: Fault,
        request: &Request,
    ) -> io::Result<()> {
        let client = &world.clients[sender.client];
        let (raw_referer, referer) = world.referer(sender);
        let draw = self.random.next();
        // The size of error_page /50x.html, of nginx's own page, or of what the backend says.
        let (body_bytes, request_ms, attempts): (u64, u64, &[Attempt]) = match fault {
            Fault::NoLiveUpstreams | Fault::Refused => {
                let message = "no live upstreams while connecting to upstream";
                self.complain(message, client, request, Some("api_backend"), raw_referer)?;
                (497, 0, &[("api_backend", 502, 0)])
            }
            Fault::RateLimited => {
                let excess = (20 + draw % 9, draw >> 8 & 511);
                let message = format!(
                    "limiting requests, excess: {}.{:03} by zone \"search\"",
                    excess.0, excess.1
                );
                self.complain(&message, client, request, None, raw_referer)?;
                (197, 0, &[])
            }
            Fault::UpstreamTimeout => {
                let message = "upstream timed out (110: Connection timed out) while reading response header from upstream";
                self.complain(message, client, request, Some(PEERS[2]), raw_referer)?;
                let ms = 60_000 + draw % 4;
                (497, ms, &[(PEERS[2], 504, ms)])
            }
            Fault::Relayed => {
                let ms = 2 + draw % 30;
                (90 + draw % 170, ms, &[(PEERS[3], 503, ms)])
            }
        };
        self.count(fault);
        self.now_us += draw >> 60;
        self.answer(&Answer {
            client,
            request: &request.line.logged,
            host: request.host,
            status: 503,
            body_bytes,
            referer,
            agent: &world.agents[sender.agent].logged,
            attempts,
            request_ms,
        })
    }

    /// A request for which every peer of `attempts` refuses the connection. Its target occurs nowhere else.
    fn refuse(
        &mut self,
        world: &World,
        sender: Sender,
        host: &'static str,
        attempts: &'static [Attempt],
    ) -> io::Result<()> {
        let target = format!("/status/ping?n={}", self.random.next() >> 24);
        let request = Request::new(self.layout, host, "GET", target);
        let client = &world.clients[sender.client];
        for (peer, ..) in attempts {
            self.complain(REFUSED, client, &request, Some(peer), world.referer(sender).0)?;
        }
        self.count(Fault::Refused);
        self.answer(&Answer {
            client,
            request: &request.line.logged,
            host,
            status: 503,
            body_bytes: 497,
            referer: world.referer(sender).1,
            agent: &world.agents[sender.agent].logged,
            attempts,
            request_ms: 0,
        })
    }

    /// A rare single failure that belongs to no incident: relayed, refused, or a 502 with its error line.
    fn background(&mut self, world: &World, sender: Sender) -> io::Result<()> {
        let kind = self.random.below(10);
        if kind > 5 && kind < 9 {
            return self.refuse(world, sender, "account.example.com", REFUSING_PEER);
        }
        let target = format!("/account/profile?u={}", self.random.next() >> 24);
        let request = Request::new(self.layout, "account.example.com", "GET", target);
        if kind < 6 {
            return self.fail(world, sender, Fault::Relayed, &request);
        }
        let client = &world.clients[sender.client];
        let message =
            "upstream prematurely closed connection while reading response header from upstream";
        self.complain(message, client, &request, Some(PEERS[5]), world.referer(sender).0)?;
        self.answer(&Answer {
            client,
            request: &request.line.logged,
            host: request.host,
            status: 502,
            body_bytes: 157,
            referer: world.referer(sender).1,
            agent: &world.agents[sender.agent].logged,
            attempts: &[(PEERS[5], 502, 12)],
            request_ms: 12,
        })
    }

    /// A request that is not a 503, whatever its text says.
    fn ordinary(&mut self, world: &World, sender: Sender) -> io::Result<()> {
        let draw = self.random.next();
        let (ms, peer) = (
            1 + (draw >> 40) % 180,
            PEERS[self.first_peer + (draw >> 32) as usize % (PEERS.len() - self.first_peer)],
        );
        let agent = &world.agents[sender.agent].logged[..];
        let client = &world.clients[sender.client][..];
        if draw.is_multiple_of(1000) {
            let request = &world.broken[(draw >> 16) as usize % world.broken.len()].logged;
            return self.answer(&Answer {
                client,
                request,
                host: "_",
                status: 400,
                body_bytes: 157,
                referer: b"-",
                agent: b"-",
                attempts: &[],
                request_ms: 0,
            });
        }
        let from_disk = (draw >> 10) % 4 == 1;
        let pool = if from_disk { &world.files } else { &world.pages };
        let request = &pool[self.random.skewed(pool.len())];
        let status = match draw % 1000 {
            1..=790 => 200,
            791..=880 => 304,
            881..=925 => 404,
            926..=955 => 301,
            956..=975 => 302,
            976..=983 => 206,
            984..=989 => 499,
            990..=993 => 403,
            994..=997 => 401,
            _ => 500,
        };
        let body_bytes = match status {
            304 | 499 => 0,
            _ if request.line.raw.starts_with(b"HEAD") => 0,
            404 | 403 | 301 | 302 => 153 + (draw >> 20) % 9,
            // One answer in 256 is 503 bytes long; the others are spread over five orders of magnitude.
            _ if draw >> 56 == 0 => 503,
            _ => (draw >> 20 & 0xff_ffff) >> (draw >> 48 & 15),
        };
        if status == 404 && from_disk && (draw >> 24) % 16 == 1 {
            let message = format!(
                "open() \"/srv/www{}\" failed (2: No such file or directory)",
                String::from_utf8_lossy(&request.target)
            );
            self.complain(&message, client, request, None, world.referer(sender).0)?;
        }
        let attempt = [(peer, status, ms)];
        self.answer(&Answer {
            client,
            request: &request.line.logged,
            host: request.host,
            status,
            body_bytes,
            referer: world.referer(sender).1,
            agent,
            attempts: if from_disk { &[] } else { &attempt },
            request_ms: if from_disk { 0 } else { ms },
        })
    }
}

fn report(
    (layout, seed): (Layout, u64),
    truth: &Truth,
    bytes: u64,
    incidents: &[Incident],
) -> Value {
    let incident = |incident: &Incident| {
        let (origin, cause) = incident.fault.truth();
        json!({
            "origin": origin, "cause": cause, "decidable": incident.fault.decidable(layout),
            "host": incident.host, "entries": incident.entries,
            "first_at": rfc3339(incident.first_second), "last_at": rfc3339(incident.last_second),
        })
    };
    json!({
        "format": format!("{layout:?}").to_lowercase(), "seed": seed, "bytes": bytes,
        "lines": truth.lines, "error_lines": truth.error_lines,
        "by_status": truth.by_status.iter().map(|(status, n)| (status.to_string(), json!(n))).collect::<serde_json::Map<_, _>>(),
        // What these lines can tell: relayed 503s are unknown where the layout has no upstream field.
        "entries": truth.decidable.iter().map(|((origin, cause), n)| json!({"origin": origin, "cause": cause, "count": n})).collect::<Vec<_>>(),
        // What happened.
        "actual": truth.actual.iter().map(|((origin, cause), n)| json!({"origin": origin, "cause": cause, "count": n})).collect::<Vec<_>>(),
        "incidents": incidents.iter().filter(|it| it.entries > 0).map(incident).collect::<Vec<_>>(),
    })
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    create_dir_all(&flags.out)?;
    // Pages are large already; the writers only add the final flush.
    let create = |name: &str| File::create(flags.out.join(name)).map(BufWriter::new);
    let what = (flags.format, flags.bytes, flags.seed, flags.share);
    let truth = generate(what, create("access.log")?, create("error.log")?)?;
    let mut file = create("truth.json")?;
    serde_json::to_writer_pretty(&mut file, &truth)?;
    file.write_all(b"\n")?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use siphasher::sip::SipHasher13;

    use super::*;

    fn logs(layout: Layout, seed: u64) -> (Vec<u8>, Vec<u8>, Value) {
        let (mut access, mut error) = (Vec::new(), Vec::new());
        let truth = generate((layout, 4 << 20, seed, 17_000), &mut access, &mut error);
        (access, error, truth.expect("a vector takes any bytes"))
    }

    fn hash(bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new();
        hasher.write(bytes);
        hasher.finish()
    }

    #[test]
    fn same_seed_gives_the_same_bytes_and_another_seed_others() {
        let (one, two, other) =
            (logs(Layout::Upstream, 7), logs(Layout::Upstream, 7), logs(Layout::Upstream, 8));
        assert_eq!((hash(&one.0), hash(&one.1)), (hash(&two.0), hash(&two.1)));
        assert_eq!(one.2, two.2);
        assert_ne!(hash(&one.0), hash(&other.0));
    }

    #[test]
    fn truth_agrees_with_the_lines() {
        for (layout, mark) in [
            (Layout::Combined, "\" 503 "),
            (Layout::Upstream, "\" 503 "),
            (Layout::Json, "\"status\":\"503\""),
        ] {
            let (access, error, truth) = logs(layout, 7);
            let lines: Vec<_> = access.split_inclusive(|byte| *byte == b'\n').collect();
            let failed =
                lines.iter().filter(|line| memchr::memmem::find(line, mark.as_bytes()).is_some());
            let entries = truth["entries"].as_array().expect("an array");
            let sum: u64 = entries.iter().filter_map(|entry| entry["count"].as_u64()).sum();
            assert_eq!(truth["lines"], lines.len());
            assert_eq!(truth["bytes"], access.len());
            assert_eq!(truth["error_lines"], memchr::memchr_iter(b'\n', &error).count());
            assert_eq!(truth["by_status"]["503"], failed.count());
            assert_eq!(truth["by_status"]["503"], sum);
            assert_eq!(truth["incidents"].as_array().map(Vec::len), Some(4));
            let unknown = entries.iter().any(|entry| entry["origin"] == "unknown");
            assert_eq!(unknown, layout == Layout::Combined);
        }
    }

    #[test]
    fn sizes_and_shares_are_read() {
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        assert_eq!(parse_size("10MB"), Ok(10_000_000));
        assert!(parse_size("ten").is_err());
        assert_eq!(parse_share("0.017"), Ok(17_000));
        assert!(parse_share("0.6").is_err());
    }
}
