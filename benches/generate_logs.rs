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

use std::collections::VecDeque;
use std::fs::{File, create_dir_all};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use serde_json::Value;

use crate::line::{Answer, Attempt, Layout, clf, clock, push_combined, push_json, push_upstream};
use crate::truth::{Fault, Truth, incidents, report};
use crate::world::{Random, Request, Sender, World};

#[path = "generate_logs/line.rs"]
mod line;
#[path = "generate_logs/truth.rs"]
mod truth;
#[path = "generate_logs/world.rs"]
mod world;

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
