//! What readers learn from the head of an input.
//!
//! In: readers and a head. Out: readers that know what its lines tell of others.

use std::sync::Arc;

use super::super::Reader;
use super::super::cache_seen::HEAD_BYTES;

/// Lines of a head that readers learn from.
const TEACHING_LINES: usize = 300;

/// Lets readers learn from the whole lines of a head, which a file and a stream share.
pub(super) fn teach(readers: &mut [Arc<dyn Reader>], head: &[u8]) {
    let head = &head[..head.len().min(HEAD_BYTES)];
    let n_whole = memchr::memrchr(b'\n', head).unwrap_or(0);
    let lines = head[..n_whole].split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines: Vec<_> = lines.take(TEACHING_LINES).collect();
    for reader in readers {
        if let Some(taught) = reader.taught_by(&lines) {
            *reader = taught;
        }
    }
}
