//! Lines of requests that no reader takes for such: what a run should not pass over in silence.
//!
//! In: sampled lines, and the readers found. Out: how many lines of requests are read as messages that no format knows.

use std::sync::Arc;

use super::super::envelope::MESSAGES;
use super::super::{Reader, reads};
use crate::record::SERVED_METHODS;
use crate::taxonomy::{LogRole, Server};

/// How many of the lines are such; 0 where they are less than half of all, or where requests are read as well.
pub(super) fn n_unread_requests(lines: &[&[u8]], readers: &[Arc<dyn Reader>]) -> usize {
    let is_plain = |reader: &Arc<dyn Reader>| {
        let about = reader.about();
        about.server == Server::Unknown && about.layout.starts_with(MESSAGES)
    };
    let has_access = readers.iter().any(|reader| reader.about().role == LogRole::Access);
    if has_access || !readers.iter().any(is_plain) {
        return 0;
    }
    // What an error line quotes is read.
    let known: Vec<_> = readers.iter().filter(|reader| !is_plain(reader)).collect();
    let is_unread = |line: &[u8]| !known.iter().any(|reader| reads(reader.as_ref(), line));
    let n_requests = lines.iter().filter(|line| is_request(line) && is_unread(line)).count();
    if n_requests * 2 >= lines.len() { n_requests } else { 0 }
}

/// True for a line with a method, a target and a status.
fn is_request(line: &[u8]) -> bool {
    let has_method = SERVED_METHODS.iter().any(|method| {
        memchr::memmem::find_iter(line, method).any(|at| {
            let before = at.checked_sub(1).map_or(b' ', |before| line[before]);
            let behind = &line[at + method.len()..];
            // `GET /`, or a value by itself.
            !before.is_ascii_alphanumeric()
                && (behind.starts_with(b" /")
                    || behind.first().is_some_and(|byte| b"\"\\".contains(byte)))
        })
    });
    let mut words = line.split(|byte| !byte.is_ascii_alphanumeric());
    has_method
        && memchr::memchr(b'/', line).is_some()
        && words.any(|word| matches!(word, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_a_method_a_target_and_a_status() {
        for line in [
            r#"Nov 22 13:09:23 lb app: {"q":"x","rq":"GET /a HTTP/1.1","rc":503}"#,
            r#"{"log":"{\"m\":\"POST\",\"u\":\"/a\",\"s\":\"503\"}\n"}"#,
        ] {
            assert!(is_request(line.as_bytes()), "{line}");
        }
        for line in ["Nov 22 13:09:23 lb app: GETTING /a 503", "job 503 of /var/spool", "GET /a"] {
            assert!(!is_request(line.as_bytes()), "{line}");
        }
    }
}
