//! Names of pod and container before a line, as `stern` and `kubetail` print them.

use super::prefix::optional_stamp;
use super::{Envelope, Opened};
use crate::fact::Machine;
use crate::time::Notation;

/// `POD CONTAINER LINE`: `stern`, and what others print before an object in JSON. With `-t` a time stands before the line.
#[derive(Debug)]
pub struct Stern;

impl Envelope for Stern {
    fn name(&self) -> &'static str {
        "names of pod and container"
    }

    fn notation(&self) -> Option<Notation> {
        Some(Notation::Iso8601)
    }

    fn shows_layout(&self, _: &str) -> bool {
        true
    }

    fn open<'a>(&self, record: &'a [u8]) -> Option<Opened<'a>> {
        let is_name = |word: &[u8]| {
            let is_part = |byte: &u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
            };
            word.first().is_some_and(u8::is_ascii_lowercase) && word.iter().all(is_part)
        };
        let mut words = record.splitn(3, |byte| *byte == b' ');
        let (pod, container, inner) = (words.next()?, words.next()?, words.next()?);
        let is_pod = is_name(pod) && pod.len() > 5 && memchr::memchr(b'-', pod).is_some();
        let is_line = matches!(inner.first()?, b'{' | b'[' | b'"' | b'0'..=b'9');
        (is_pod && is_name(container) && is_line).then(|| {
            let (stamp, inner) = optional_stamp(inner);
            Opened { inner: inner.into(), stamp, origin: Some(container), level: b"" }
        })
    }

    fn machine<'a>(&self, record: &'a [u8]) -> Option<Machine<'a>> {
        record.split(|byte| *byte == b' ').next().map(Machine::Pod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pods_are_told_from_words() {
        let check = |line: &str, inner: Option<&str>| {
            let opened = Stern.open(line.as_bytes()).map(|opened| opened.inner.into_owned());
            assert_eq!(opened.as_deref(), inner.map(str::as_bytes), "{line}");
        };
        check("web-687cf57f46-dx6v7 web {\"a\":1}", Some("{\"a\":1}"));
        check("web-0 istio-proxy [2026-01-01T00:00:00Z] x", None);
        check("gateway-0 istio-proxy [2026-01-01T00:00:00Z] x", Some("[2026-01-01T00:00:00Z] x"));
        check("starting web {\"a\":1}", None);
        check("web-687cf57f46-dx6v7 did not start", None);
    }
}
