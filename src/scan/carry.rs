//! What directives carry from one block of an input to the next: the readers in force.
//!
//! In: the plan of an input, and its directive lines in order. Out: the plan in force at any place.
//! Invariants: a carry is at most one reader, which stands in for the plan's reader of the same format; a carry that
//! changes nothing equals none. Blocks are scanned under an assumed carry, so carries compare.

use std::sync::Arc;

use crate::format::aws_elb::CONTROL_MESSAGE;
use crate::format::{Directive, Plan, Reader};

/// Directive lines that lead from the plan of an input to a carry, in order.
pub(super) type Directives = Arc<Vec<Vec<u8>>>;

/// The reader that directives have put in place of one of the plan's, and the directives that it takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Carry(Option<(Arc<dyn Reader>, Directives)>);

impl PartialEq for Carry {
    fn eq(&self, other: &Carry) -> bool {
        match (&self.0, &other.0) {
            (Some((one, _)), Some((other, _))) => same_reader(one.as_ref(), other.as_ref()),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Carry {
    /// The directives that it takes; none for that of the plan itself.
    fn directives(&self) -> Directives {
        self.0.as_ref().map(|(_, directives)| Arc::clone(directives)).unwrap_or_default()
    }
}

/// Readers that directives put in force from a place of an input on.
#[derive(Debug, Clone)]
pub(super) struct LayoutRow {
    /// Offset of the first fact under them.
    pub from: u64,
    /// The readers.
    pub plan: Arc<Plan>,
    /// The directives that lead to them.
    pub directives: Directives,
}

/// What a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// No directive.
    NoDirective,
    /// A directive that leaves the readers as they are.
    Unchanged,
    /// A directive that changes them: this one is in charge of the lines behind it.
    Changed {
        /// Index of the reader.
        in_charge: usize,
    },
}

/// The readers in force at some place of an input.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    base: Arc<Plan>,
    /// What stands in for the plan's own reader.
    pub carry: Carry,
    /// The plan with it.
    pub plan: Arc<Plan>,
}

impl InForce {
    /// The readers in force where a carry is.
    pub(super) fn new(base: &Arc<Plan>, carry: Carry) -> Self {
        let plan = match &carry.0 {
            Some((reader, _)) => Arc::new(base.with_reader(Arc::clone(reader)).0),
            None => Arc::clone(base),
        };
        InForce { base: Arc::clone(base), carry, plan }
    }

    /// The readers in force behind these directives.
    pub(super) fn behind(base: &Arc<Plan>, directives: &[Vec<u8>]) -> Self {
        let mut in_force = InForce::new(base, Carry::default());
        for line in directives {
            in_force.step(line);
        }
        in_force
    }

    /// Follows a line that no reader takes.
    pub(super) fn follow(&mut self, line: &[u8]) -> Followed {
        let before = self.carry.directives();
        let followed = self.step(line);
        if let (Followed::Changed { .. }, Some((reader, directives))) =
            (followed, &mut self.carry.0)
        {
            *directives = needed(&self.base, &before, line, reader.as_ref());
        }
        followed
    }

    fn step(&mut self, line: &[u8]) -> Followed {
        if !may_be_directive(line) {
            return Followed::NoDirective;
        }
        let reader = match self.plan.directive(line) {
            Some(Directive::Layout(reader)) => reader,
            Some(Directive::Comment) => return Followed::Unchanged,
            None => return Followed::NoDirective,
        };
        let format = reader.about().format;
        let current = self.plan.readers.iter().find(|other| other.about().format == format);
        if current.is_some_and(|current| same_reader(current.as_ref(), reader.as_ref())) {
            return Followed::Unchanged;
        }
        let (plan, index) = self.base.with_reader(Arc::clone(&reader));
        let own = self.base.readers.get(index);
        let is_own = own.is_some_and(|own| same_reader(own.as_ref(), reader.as_ref()));
        (self.carry, self.plan) = if is_own {
            (Carry::default(), Arc::clone(&self.base))
        } else {
            (Carry(Some((reader, Directives::default()))), Arc::new(plan))
        };
        Followed::Changed { in_charge: index }
    }

    /// Follows the directives of a whole block, without a look at its other lines.
    pub(super) fn pass(&mut self, block: &[u8]) {
        let first = may_be_directive(block);
        let others = memchr::memmem::find_iter(block, b"\n#").map(|newline| newline + 1);
        for start in first.then_some(0).into_iter().chain(others) {
            let rest = &block[start..];
            let line = memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
            if self.plan.accepting(line).is_none() {
                self.follow(line.strip_suffix(b"\r").unwrap_or(line));
            }
        }
    }
}

/// The cheap look at a line.
pub(super) fn may_be_directive(line: &[u8]) -> bool {
    match line {
        // The last: the rest of a cell that ended in a line break.
        [b'#', ..] | [0xef, 0xbb, 0xbf, b'#', ..] | [b'"'] => true,
        [b'-' | b'=', ..] => line.starts_with(b"-- ") || line.starts_with(b"==> "),
        [b'E', ..] if line.starts_with(CONTROL_MESSAGE) => true,
        // A record beside those of the log.
        [b'{' | b' ' | b'\r', ..] => line.trim_ascii_start().starts_with(b"{"),
        // A heading of columns, perhaps.
        [b'A'..=b'Z' | b'a'..=b'z' | b'"' | b'@' | b'_', ..] => {
            memchr::memchr3(b',', b'\t', b';', line).is_some()
                && (!line.contains(&b' ') || memchr::memmem::find(line, b" [").is_some())
        }
        // A row of a table that is no record of the log.
        [b'0'..=b'9', ..] => line.contains(&b','),
        _ => false,
    }
}

/// What it takes of the directives so far, and of the last one, to get to a reader: a layout replaces the ones before it.
fn needed(base: &Arc<Plan>, before: &[Vec<u8>], last: &[u8], reader: &dyn Reader) -> Directives {
    let mut lines = [before, &[last.to_vec()]].concat();
    let leads = |lines: &[Vec<u8>]| {
        let carry = InForce::behind(base, lines).carry.0;
        carry.is_some_and(|(other, _)| same_reader(other.as_ref(), reader))
    };
    let mut index = 0;
    while index + 1 < lines.len() {
        let line = lines.remove(index);
        if !leads(&lines) {
            lines.insert(index, line);
            index += 1;
        }
    }
    Arc::new(lines)
}

/// The plans that carries stand for. Layouts come back again and again, so recent plans are shared.
pub(super) fn plans_of(base: &Arc<Plan>, layouts: Vec<(u64, Carry)>) -> Vec<LayoutRow> {
    const RECENT: usize = 8;
    let mut recent: Vec<InForce> = Vec::new();
    let mut plans = Vec::with_capacity(layouts.len());
    for (from, carry) in layouts {
        let known = recent.iter().find(|known| known.carry == carry).cloned();
        let in_force = known.unwrap_or_else(|| {
            let new = InForce::new(base, carry);
            recent.truncate(RECENT - 1);
            recent.insert(0, new.clone());
            new
        });
        let directives = in_force.carry.directives();
        plans.push(LayoutRow { from, plan: in_force.plan, directives });
    }
    plans
}

/// True for readers that read every line alike.
fn same_reader(one: &dyn Reader, other: &dyn Reader) -> bool {
    let (about, others) = (one.about(), other.about());
    about.format == others.format
        && about.layout == others.layout
        && about.server == others.server
        && one.carried() == other.carried()
}
