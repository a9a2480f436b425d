//! Whether the first lines of an input show that nginx keeps answers of backends.
//!
//! In: the head of an input and its readers. Out: [`CacheSeen`].
//! Only the head counts, which is the same bytes for a file and for a stream of it.
//! A layout without `$upstream_cache_status` shows an answer from the cache like one of the server's own: without a backend.
//! Good answers tell the two apart: where a cache is, those of one kind of path now have a backend and now have none.
//! Files beside a backend (`try_files`) look the same; then it is not known who gave an answer without a backend either.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Reader;
use crate::fact::{hash_name, hash_path};
use crate::record::{AccessRecord, Field, Record};
use crate::taxonomy::{LogRole, Server};

/// So many good answers without a backend, where others of the path have one, show a cache.
const MIN_KEPT: usize = 2;

/// So many good answers of backends, and none of those, show that there is none.
const MIN_ANSWERED: usize = 20;

/// So many lines without a word of a backend in a row: the layout has none.
const MAX_SILENT: usize = 100;

/// Bytes of the head whose lines are looked at.
pub(super) const HEAD_BYTES: usize = 256 << 10;

/// Kinds of paths that are counted.
const MAX_PATHS: usize = 1024;

/// What good answers show of a cache; what is later goes before what is earlier, of two samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheSeen {
    /// Nothing.
    #[default]
    Unknown,
    /// Paths that have backends always have one.
    None,
    /// Paths that have backends have answers without one.
    Some,
}

impl CacheSeen {
    /// Every value.
    pub const ALL: [CacheSeen; 3] = [CacheSeen::Unknown, CacheSeen::None, CacheSeen::Some];

    /// What the whole lines of a head show that these readers understand.
    pub(super) fn of(readers: &[Arc<dyn Reader>], head: &[u8]) -> CacheSeen {
        let head = &head[..head.len().min(HEAD_BYTES)];
        let n_whole = memchr::memrchr(b'\n', head).unwrap_or(0);
        let readers: Vec<_> = readers.iter().filter(|reader| is_nginx(reader)).collect();
        if readers.is_empty() {
            return CacheSeen::Unknown;
        }
        let mut paths: BTreeMap<(u64, u64), (usize, usize)> = BTreeMap::new();
        let mut n_silent = 0;
        for line in head[..n_whole].split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(Record::Access(record)) = readers.iter().find_map(|it| it.parse(line).ok())
            else {
                continue;
            };
            // Lines of one reader have the same columns.
            n_silent = if tells_of_backend(&record) { 0 } else { n_silent + 1 };
            if n_silent == MAX_SILENT && readers.len() == 1 {
                break;
            }
            let is_good = (200..300).contains(&record.status)
                && matches!(record.request().0, b"" | b"GET" | b"HEAD");
            let Some(has_backend) = has_backend(&record).filter(|_| is_good) else { continue };
            let host = record.value(Field::Host).map_or(0, hash_name);
            let key = (host, hash_path(record.target_parts().0));
            if paths.len() < MAX_PATHS || paths.contains_key(&key) {
                let (n_answered, n_kept) = paths.entry(key).or_default();
                *n_answered += usize::from(has_backend);
                *n_kept += usize::from(!has_backend);
            }
        }
        let n_answered: usize = paths.values().map(|(n_answered, _)| n_answered).sum();
        let mixed = paths.values().filter(|(n_answered, _)| *n_answered > 0);
        let n_kept: usize = mixed.map(|(_, n_kept)| n_kept).sum();
        match (n_answered, n_kept) {
            (_, MIN_KEPT..) => CacheSeen::Some,
            (MIN_ANSWERED.., 0) => CacheSeen::None,
            _ => CacheSeen::Unknown,
        }
    }
}

/// Whether a reader is one of nginx's access lines.
fn is_nginx(reader: &Arc<dyn Reader>) -> bool {
    reader.about().role == LogRole::Access && reader.about().server == Server::Nginx
}

/// The columns that tell whether a backend was asked, the surest first.
const OF_BACKEND: [Field; 3] =
    [Field::UpstreamStatus, Field::UpstreamAddr, Field::UpstreamResponseTime];

/// True where a line has a column of a backend.
fn tells_of_backend(record: &AccessRecord<'_>) -> bool {
    OF_BACKEND.into_iter().any(|field| record.raw(field).is_some())
}

/// Whether a backend was asked. `None`: the layout does not tell, or tells of the cache itself.
fn has_backend(record: &AccessRecord<'_>) -> Option<bool> {
    if record.raw(Field::UpstreamCacheStatus).is_some() {
        return None;
    }
    let told = OF_BACKEND.into_iter().find(|field| record.raw(*field).is_some())?;
    Some(record.value(told).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::nginx_access::parse_spec;

    #[track_caller]
    fn check(rows: &[(usize, &str)], expected: CacheSeen) {
        let reader = parse_spec("$msec $status $upstream_status $request_uri").unwrap();
        let reader: Arc<dyn Reader> = Arc::new(reader);
        let line = |rest: &str| format!("1795210283.328 {rest}\n").into_bytes();
        let lines: Vec<Vec<u8>> =
            rows.iter().flat_map(|(n, rest)| std::iter::repeat_n(line(rest), *n)).collect();
        assert_eq!(CacheSeen::of(&[reader], &lines.concat()), expected, "{rows:?}");
    }

    #[test]
    fn good_answers_with_and_without_a_backend_show_a_cache() {
        check(&[(9, "200 200 /a/1"), (2, "200 - /a/2")], CacheSeen::Some);
        check(&[(30, "200 200 /a/1"), (9, "200 - /b.css"), (9, "503 - /a/1")], CacheSeen::None);
        check(&[(30, "200 200 /a/1"), (1, "200 - /a/1")], CacheSeen::Unknown);
        check(&[(9, "200 200 /a/1")], CacheSeen::Unknown);
        check(&[(9, "200 - /a/1")], CacheSeen::Unknown);
    }
}
