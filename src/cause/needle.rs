//! Texts that a rule looks for in a message.
//!
//! In: needles of rows, `^` in front of those that count at the start of a message only. Out: where they end in a message.

use std::borrow::Cow;

use memchr::memmem::Finder;

/// The most telling step: the one whose shortest alternative is longest.
pub(super) fn anchor_step<'a>(steps: &'a [Vec<Cow<'static, str>>]) -> &'a [Cow<'static, str>] {
    let shortest = |step: &&Vec<Cow<'static, str>>| step.iter().map(|text| text.len()).min();
    steps.iter().max_by_key(shortest).map_or(&[], Vec::as_slice)
}

/// A needle's text, and whether it stands for the start of a message only (`^`).
pub(super) fn split_needle(needle: &str) -> (&str, bool) {
    match needle.strip_prefix('^') {
        Some(text) => (text, true),
        None => (needle, false),
    }
}

/// A needle ready to be searched for: building a searcher costs more than searching a message.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
    at_start: bool,
}

impl Needle {
    pub(super) fn new(needle: &str) -> Self {
        let (text, at_start) = split_needle(needle);
        Needle { finder: Finder::new(text.as_bytes()).into_owned(), at_start }
    }

    /// Where the first occurrence from `at` on ends.
    pub(super) fn end_in(&self, message: &[u8], at: usize) -> Option<usize> {
        let text = self.finder.needle();
        if self.at_start {
            return (at == 0 && message.starts_with(text)).then_some(text.len());
        }
        self.finder.find(&message[at..]).map(|found| at + found + text.len())
    }
}
