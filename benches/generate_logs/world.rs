//! The people and things that traffic is made of.
//!
//! In: a seed. Out: clients, agents, referers and requests, each as error lines and as access lines hold it.
//! Invariants: integer arithmetic only; a value is escaped once, when the world is made.

use crate::line::Layout;

pub(crate) const BROWSER_AGENTS: [&str; 14] = [
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
pub(crate) const OTHER_AGENTS: [&str; 8] = [
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Go-http-client/1.1",
    "kube-probe/1.29",
    "status-checker 503 monitor/2 (alerts on 503)",
    "weird \"quoted\" 503 agent/1.0",
    "agent\\with\\backslashes \" 503 197 \"",
    "-",
];
pub(crate) const REFERERS: [&str; 12] = [
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

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// An index of which small ones are more likely: few clients and paths make most of the traffic.
    pub(crate) fn skewed(&mut self, length: usize) -> usize {
        self.index(length).min(self.index(length)).min(self.index(length))
    }
}

/// A value as error lines hold it (raw) and as access lines hold it (escaped).
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) raw: Vec<u8>,
    pub(crate) logged: Vec<u8>,
}

impl Text {
    pub(crate) fn new(layout: Layout, raw: impl Into<Vec<u8>>) -> Self {
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
pub(crate) struct Request {
    pub(crate) host: &'static str,
    /// The whole request line.
    pub(crate) line: Text,
    /// The target alone, raw.
    pub(crate) target: Vec<u8>,
}

impl Request {
    pub(crate) fn new(
        layout: Layout,
        host: &'static str,
        method: &str,
        target: impl Into<Vec<u8>>,
    ) -> Self {
        let target = target.into();
        let mut line = method.as_bytes().to_vec();
        line.push(b' ');
        line.extend(&target);
        line.extend(b" HTTP/1.1");
        Request { host, line: Text::new(layout, line), target }
    }
}

/// The people and things that traffic is made of.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clients: Vec<Vec<u8>>,
    pub(crate) agents: Vec<Text>,
    pub(crate) referers: Vec<Text>,
    /// Files served from disk.
    pub(crate) files: Vec<Request>,
    /// Pages and calls passed to a backend.
    pub(crate) pages: Vec<Request>,
    /// Request lines that are none; answered with 400.
    pub(crate) broken: Vec<Text>,
}

impl World {
    pub(crate) fn new(layout: Layout, random: &mut Random) -> Self {
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
pub(crate) fn client(nth: u64, random: &mut Random) -> Vec<u8> {
    let draw = random.next();
    match nth % 20 {
        0..3 => format!("2001:db8:{:x}:{:x}::{:x}", draw >> 48, draw >> 32 & 0xff, draw & 0xffff),
        3..6 => format!("203.0.113.{}", 1 + draw % 254),
        6..9 => format!("198.51.100.{}", 1 + draw % 254),
        _ => format!("198.{}.{}.{}", 18 + draw % 2, draw >> 8 & 0xff, 1 + (draw >> 16) % 254),
    }
    .into_bytes()
}

pub(crate) fn file(layout: Layout, nth: u64, random: &mut Random) -> Request {
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

pub(crate) fn page(layout: Layout, nth: u64, random: &mut Random) -> Request {
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

/// Who sends a request: client, referer, agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) client: usize,
    pub(crate) referer: Option<usize>,
    pub(crate) agent: usize,
}

impl World {
    pub(crate) fn sender(&self, random: &mut Random) -> Sender {
        let draw = random.next();
        Sender {
            client: random.skewed(self.clients.len()),
            referer: (draw % 5 > 1).then_some((draw >> 8) as usize % self.referers.len()),
            agent: random.skewed(self.agents.len()),
        }
    }

    pub(crate) fn referer(&self, sender: Sender) -> (&[u8], &[u8]) {
        match sender.referer {
            Some(nth) => (&self.referers[nth].raw, &self.referers[nth].logged),
            None => (b"-", b"-"),
        }
    }
}
