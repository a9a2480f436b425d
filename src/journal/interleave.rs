//! Several journal files as one, in the order journalctl shows them.
//!
//! In: [`Entries`] of files, each in its own order. Out: all entries, merged; what several files hold comes once.
//! Invariants: the order is journald's: by number within a sequence, by monotonic time within a boot, else by wall
//! clock. It is not transitive where clocks were set back, so nothing is sorted and nothing asserted: a heap always
//! gives the least head.
//! Source: systemd `sd-journal.c`, `compare_with_location`; `journal-file.c`, `journal_file_compare_locations`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::fault::Fault;
use super::file::{Entries, Entry};
use super::object::EntryHead;

/// Merges files by time. Each keeps windows of up to 4.25 MiB and a cache of up to 16 MiB.
pub fn interleave(files: Vec<Entries>) -> Interleaved {
    Interleaved {
        behind: (0..files.len()).rev().collect(),
        files,
        heads: BinaryHeap::new(),
        last: None,
        n_duplicates: 0,
    }
}

/// Entries of several files. Made by [`interleave`].
#[derive(Debug)]
pub struct Interleaved {
    files: Vec<Entries>,
    /// The next entry of each file that has one.
    heads: BinaryHeap<Head>,
    /// Files whose next entry is not known yet.
    behind: Vec<usize>,
    last: Option<EntryHead>,
    n_duplicates: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    entry: EntryHead,
    file: usize,
}

impl Ord for Head {
    /// Greatest is what comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&other.entry, &self.entry).then(other.file.cmp(&self.file))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Interleaved {
    /// The next entry and the index of its file, or a fault of that file. As [`Entries::next_entry`].
    pub fn next_entry(&mut self) -> Option<(usize, Result<Entry<'_>, Fault>)> {
        loop {
            while let Some(&file) = self.behind.last() {
                match self.files[file].advance() {
                    Some(Ok(entry)) => self.heads.push(Head { entry, file }),
                    Some(Err(fault)) => return Some((file, Err(fault))),
                    None => {}
                }
                self.behind.pop();
            }
            let Head { entry, file } = self.heads.pop()?;
            self.behind.push(file);
            if self.last.is_some_and(|last| is_same(&last, &entry)) {
                self.n_duplicates += 1;
                continue;
            }
            self.last = Some(entry);
            return self.files[file].entry().map(|entry| (file, Ok(entry)));
        }
    }

    /// The files, by index.
    pub fn files(&self) -> &[Entries] {
        &self.files
    }

    /// How many entries were left out because the entry before was the same one, from another file.
    pub fn n_duplicates(&self) -> u64 {
        self.n_duplicates
    }
}

/// Which of two entries comes first.
pub fn compare(a: &EntryHead, b: &EntryHead) -> Ordering {
    let mut order = Ordering::Equal;
    if a.seqnum_id == b.seqnum_id {
        order = a.seqnum.cmp(&b.seqnum);
    }
    if order.is_eq() && a.boot_id == b.boot_id {
        order = a.monotonic_us.cmp(&b.monotonic_us);
    }
    order.then(a.realtime_us.cmp(&b.realtime_us)).then(a.xor_hash.cmp(&b.xor_hash))
}

/// True for one entry that two files hold.
fn is_same(a: &EntryHead, b: &EntryHead) -> bool {
    EntryHead { offset: b.offset, ..*a } == *b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::JournalFile;
    use crate::journal::build::build_from;

    fn file(first_seqnum: u64, id: u8, messages: &[&str]) -> Entries {
        let fields: Vec<Vec<Vec<u8>>> =
            messages.iter().map(|text| vec![format!("MESSAGE={text}").into_bytes()]).collect();
        let bytes = build_from(16, first_seqnum, id, &fields);
        JournalFile::from_bytes(bytes).expect("is a journal").entries()
    }

    #[track_caller]
    fn check(files: Vec<Entries>, expected: &[&str], n_duplicates: u64) {
        let mut merged = interleave(files);
        let mut messages = Vec::new();
        while let Some((_, entry)) = merged.next_entry() {
            let message = entry.expect("is whole").get(b"MESSAGE").expect("has one").to_vec();
            messages.push(String::from_utf8(message).expect("is text"));
        }
        assert_eq!(messages, expected);
        assert_eq!(merged.n_duplicates(), n_duplicates);
    }

    #[test]
    fn files_of_one_sequence_merge_by_number() {
        // All built files start at the same time.
        check(vec![file(3, 1, &["c", "d"]), file(1, 1, &["a", "b"])], &["a", "b", "c", "d"], 0);
    }

    #[test]
    fn what_two_files_hold_comes_once() {
        check(vec![file(1, 1, &["a", "b"]), file(1, 1, &["a", "b", "c"])], &["a", "b", "c"], 2);
    }

    #[test]
    fn files_of_other_machines_merge_by_wall_clock() {
        check(vec![file(1, 1, &["a", "c"]), file(9, 2, &["a", "c"])], &["a", "a", "c", "c"], 0);
        check(vec![], &[], 0);
    }
}
