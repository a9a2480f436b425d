//! Which logs may lend their zone to one without.
//!
//! In: the inputs' paths, roles, and the offsets on their lines. Out: the offsets that hold for a directory, if any do.
//! The rule: logs of one directory are of one machine. Where that has no zone, the nearest directories lend theirs, if
//! they agree; but a directory with access logs of its own may be that of another machine, so it borrows only from
//! directories that contain it, that it contains, or that part from it at names of software instead of machines.
//! Invariants: times since the epoch tell no zone and lend none.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::scan::ScannedInput;
use crate::tally::OffsetTable;
use crate::taxonomy::LogRole;
use crate::time::Notation;

/// Directories that are named for what writes into them, or what is in them: `/var/log/nginx` beside `/var/log/haproxy`.
const OF_SOFTWARE: &[&str] = &[
    "access", "apache", "apache2", "caddy", "envoy", "error", "errors", "haproxy", "httpd",
    "lighttpd", "nginx", "php", "php-fpm", "syslog", "tomcat", "traefik", "varnish",
];

/// What is known of a directory.
#[derive(Debug, Clone, Default)]
struct Row {
    offsets: OffsetTable,
    has_entries: bool,
}

/// The directories of all inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Lenders<'i> {
    rows: BTreeMap<&'i Path, Row>,
}

impl<'i> Lenders<'i> {
    /// Looks at the inputs.
    pub(super) fn of(inputs: &'i [ScannedInput]) -> Self {
        let mut lenders = Lenders::default();
        for input in inputs {
            let abouts =
                || input.plan.iter().flat_map(|plan| plan.detected()).map(|one| one.about());
            let has_entries = abouts().any(|about| about.role != LogRole::Error);
            let mut notations = abouts().map(|about| about.notation).peekable();
            let is_epoch = notations.peek().is_some() && notations.all(is_since_epoch);
            let none = OffsetTable::default();
            let offsets = if is_epoch { &none } else { &input.tally.offsets };
            lenders.add(super::directory(input), offsets, has_entries);
        }
        lenders
    }

    fn add(&mut self, directory: &'i Path, offsets: &OffsetTable, has_entries: bool) {
        let row = self.rows.entry(directory).or_default();
        row.offsets.merge(offsets);
        row.has_entries |= has_entries;
    }

    /// The offsets for local times of a directory from `span.0` to `span.1`.
    pub(super) fn table_for(&self, directory: &Path, span: (i64, i64)) -> Option<OffsetTable> {
        let own = self.rows.get(directory)?;
        if !own.offsets.spans.is_empty() {
            return Some(own.offsets.clone());
        }
        let may_lend = |(path, row): &(&&Path, &Row)| {
            !row.offsets.spans.is_empty()
                && (!own.has_entries || may_share_machine(directory, path))
        };
        let n_common = |path: &Path| {
            directory.components().zip(path.components()).take_while(|(a, b)| a == b).count()
        };
        let nearest = self.rows.iter().filter(may_lend).map(|(path, _)| n_common(path)).max()?;
        let near = self.rows.iter().filter(may_lend).filter(|(path, _)| n_common(path) == nearest);
        let mut said: Option<(Option<i32>, Option<i32>)> = None;
        let mut table = OffsetTable::default();
        for (_, row) in near {
            let offsets = (row.offsets.offset_at(span.0), row.offsets.offset_at(span.1));
            if said.is_some_and(|said| said != offsets) {
                return None;
            }
            said = Some(offsets);
            table.merge(&row.offsets);
        }
        Some(table)
    }
}

fn is_since_epoch(notation: Notation) -> bool {
    use Notation::{EpochMicros, EpochMillis, EpochNanos, EpochSeconds};
    matches!(notation, EpochSeconds | EpochMillis | EpochMicros | EpochNanos)
}

/// True where one lies in the other, or where they part at names of software.
fn may_share_machine(one: &Path, other: &Path) -> bool {
    let parting = one.components().zip(other.components()).find(|(a, b)| a != b);
    let is_software = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy().to_ascii_lowercase();
        OF_SOFTWARE.contains(&name.as_str())
    };
    parting.is_none_or(|(a, b)| is_software(a) && is_software(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offset for the first directory: without zone, with or without access logs. The others have the offsets given.
    #[track_caller]
    fn check(own: &str, has_entries: bool, others: &[(&str, i32)], expected: Option<i32>) {
        let mut lenders = Lenders::default();
        lenders.add(Path::new(own), &OffsetTable::default(), has_entries);
        for (path, offset_s) in others {
            let mut offsets = OffsetTable::default();
            offsets.note(*offset_s, 0);
            lenders.add(Path::new(path), &offsets, true);
        }
        let found = lenders.table_for(Path::new(own), (0, 0));
        assert_eq!(found.and_then(|table| table.offset_at(0)), expected, "{own} {others:?}");
    }

    #[test]
    fn a_machine_lends_no_zone_to_another() {
        check("host-a", true, &[("host-b", 7200)], None);
        check("a/log/nginx", true, &[("b/log/nginx", 7200)], None);
        check("host-a", true, &[("host-a", 3600), ("host-b", 7200)], Some(3600));
        check("/var/log", true, &[("/var/log/nginx", 7200)], Some(7200));
        check("/var/log/haproxy", true, &[("/var/log/nginx", 7200)], Some(7200));
        check("/var/log/haproxy", true, &[("/var/log", 7200)], Some(7200));
        check("error", false, &[("access", 7200)], Some(7200));
        check("logs/e", false, &[("logs/a", 7200), ("other/a", 3600)], Some(7200));
        check("logs/e", false, &[("logs/a", 7200), ("logs/b", 3600)], None);
        check("logs/e", false, &[("logs/a", 7200), ("logs/b", 7200)], Some(7200));
    }
}
