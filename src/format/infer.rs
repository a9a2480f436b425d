//! Works out the layout of access lines from the values in them, without flags.
//!
//! In: sampled lines. Out: [`Inferred`], a format string in the syntax of nginx `log_format`.
//! Invariants: the result was tried on the sample and fits most of its access lines; a column that could be one of
//! several variables is called `$unknown_N`, never guessed.
//!
//! In words: cut each line in several ways; keep the way in which most lines have the same literal text around their
//! values; profile each column of values; name the columns by label, by shape, and by how they move together.

mod columns;
pub(in crate::format) mod heading;
mod matcher;
mod names;
pub(in crate::format) mod telltale;
mod tokens;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use self::columns::Naming;
use self::heading::{Heading, heading_of};
use self::tokens::{Cut, SEPARATORS, Tokens, common_labels, cut, is_key_byte};
use self::values::{Column, Kind, item_kind};
use super::apache_access::evidence;
use super::app_log;
use super::layout::nginx_variable;
use super::layout_reader::LayoutReader;
use super::nginx_access;
use super::varnish_log;
use super::{Format, FormatBasis, Proposal, Reader, Sample};
use crate::record::{Escape, Field};
use crate::taxonomy::Server;

/// More lines do not make an inference better, only slower. A whole sample fits: of a part of it, which part it is would
/// depend on the order of lines.
pub const MAX_LINES: usize = 1500;
/// What the values of no other server look like: durations with three decimals. Apache can put `%{sec}t.%{msec_frac}t`
/// where nginx has `$msec`, and it logs the ids that others hand on.
const OF_NGINX_ALONE: &[&str] = &["$upstream_", "$request_time", "$limit_", "$proxy_"];
/// What nginx has no word for, and times that it cannot write: with a fraction, or without a zone.
const OF_NO_NGINX: &[&str] = &["$apache_", "$time_local_variant", "$time_epoch_"];
/// Longer lines are no help either.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// A layout is worth having when it fits this share of the access lines, in percent.
const MIN_FIT_PERCENT: usize = 60;
/// Starts of lines that say who asked for what, and how it ended.
const HEADS: &[&str] = &[
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $unknown_1"#,
    r#"$unknown_1 $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $unknown_2"#,
];
/// Layouts that a sample may mix.
const MAX_MIXED: usize = 4;
/// Layouts with more columns than this are no access logs.
const MAX_COLUMNS: usize = 64;

/// A layout worked out from lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// The layout in the syntax of nginx `log_format`; columns not identified are `$unknown_1`, `$unknown_2`, ...
    pub body: String,
    /// How values are escaped.
    pub escape: Escape,
    /// How many lines of the sample fit the layout, by the matcher of this module.
    pub n_accepted_estimate: usize,
    /// What was inferred on less than certainty, one sentence each, for people.
    pub notes: Vec<String>,
}

/// Infers the layout of most access lines of a sample. `None`: no layout with a time and a status fits 60 % of them.
///
/// Lines that cannot be access lines of any layout (no time or no status anywhere) are not counted against it.
pub fn infer_layout(sample: &Sample<'_>) -> Option<Inferred> {
    let lines = access_like(sample);
    let best = best_layout(&lines, heading_of(&sample.lines).as_ref())?;
    (best.n_accepted_estimate * 100 >= lines.len() * MIN_FIT_PERCENT).then_some(best)
}

/// What a label stands for whose values look like it, as in lines of text. `Field::Other`: it is no usual one.
pub(in crate::format) fn field_of_label(label: &str, values: Vec<&[u8]>) -> Field {
    if !names::is_label(label) {
        return Field::Other;
    }
    let column = Column::new(Some(label.to_owned()), 0, values);
    if column.n_present() == 0 {
        return Field::Other;
    }
    names::variables_for(label, &column).map_or(Field::Other, |name| nginx_variable(name).0)
}

/// Columns by their keys and values, with the fields that are known; all have as many values.
pub(in crate::format) type Keyed<'a> = (String, Vec<&'a [u8]>, Option<Field>);

/// The fields of columns that have none yet, by their values and by how these move together. Their keys are an operator's
/// own: they prove nothing.
pub(in crate::format) fn fields_by_values(columns: Vec<Keyed<'_>>) -> Vec<Option<Field>> {
    let names = columns.iter().map(|(_, _, field)| names::variable_of_field((*field)?)).collect();
    let column = |(key, values, _)| Column::new(Some(key), 0, values);
    let columns: Vec<Column<'_>> = columns.into_iter().map(column).collect();
    let naming = Naming::beside(&columns, names);
    naming.names.iter().map(|name| name.map(|name| nginx_variable(name).0)).collect()
}

/// True for a note of what was inferred of a column.
pub fn is_about_column(note: &str) -> bool {
    note.starts_with("column ")
}

/// Works out layouts that no other format knows.
#[derive(Debug, Clone, Copy)]
pub struct InferredFormat;

impl Format for InferredFormat {
    fn name(&self) -> &'static str {
        "inferred"
    }

    fn summary(&self) -> &'static str {
        "access log of an unknown layout, worked out from the values in its lines"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        if sample.is_beyond_inference() {
            return None;
        }
        let inferred = infer_layouts(sample, 1).pop();
        let mut inferred = by_head(sample, inferred.as_ref()).or(inferred)?;
        let basis = FormatBasis::Inferred;
        inferred.body = as_apache_means(sample, inferred.body);
        let accepted = |reader: &LayoutReader| {
            sample.lines.iter().filter(|line| reader.parse(line).is_ok()).count()
        };
        let mut reader = nginx_access::of_body(&inferred.body, inferred.escape, basis).ok()?;
        let mut n_accepted = accepted(&reader);
        // A list of what each backend answered is nginx's alone, whatever else the lines look like.
        let has = |variable: &&str| inferred.body.contains(*variable);
        let is_nginx = ["$upstream_status", "$upstream_addr"].iter().any(has);
        let is_of_nginx_alone = OF_NGINX_ALONE.iter().any(has);
        let is_surely_known;
        let writer = if is_nginx && !has(&"$apache_") {
            is_surely_known = true;
            Some(Server::Nginx)
        } else if OF_NO_NGINX.iter().any(has) {
            is_surely_known = true;
            Some(Server::Apache)
        } else {
            let writer = evidence::writer_of(sample);
            is_surely_known = writer.is_some();
            let is_apache = || {
                !is_of_nginx_alone
                    && (evidence::is_surely_apache(sample)
                        || has(&"$time_iso8601") && has_times_of_no_nginx(sample, &reader))
            };
            writer.or_else(|| is_apache().then_some(Server::Apache))
        };
        match writer {
            Some(Server::Apache) => {
                if let Ok(mut other) = nginx_access::of_apache(&inferred.body, basis) {
                    if !is_surely_known {
                        // A script in nginx may write such times, and `escape=json` such quotes.
                        other.about.ambiguous_with = Some(Server::Nginx);
                    }
                    let n_others = accepted(&other);
                    if n_others >= n_accepted {
                        (reader, n_accepted) = (other, n_others);
                    }
                }
            }
            None if !is_of_nginx_alone => {
                reader.about.ambiguous_with = Some(Server::Apache);
            }
            _ => {}
        }
        Some(Proposal { reader: Arc::new(reader), n_accepted, notes: inferred.notes })
    }
}

/// True where all times are in a notation like that of `$time_iso8601`, and none is as nginx writes it: `%z` has no colon in
/// the zone.
fn has_times_of_no_nginx(sample: &Sample<'_>, reader: &LayoutReader) -> bool {
    let mut n_times = 0usize;
    sample.lines.iter().filter_map(|line| reader.parse_access(line).ok()).all(|record| {
        n_times += 1;
        record.raw(Field::Time).is_some_and(is_time_of_no_nginx)
    }) && n_times > 0
}

/// True for a time in a notation like that of `$time_iso8601` that nginx does not write by itself.
pub(in crate::format) fn is_time_of_no_nginx(time: &[u8]) -> bool {
    let behind = time.get(19..).unwrap_or_default();
    let zone = behind.iter().position(|byte| b"+-".contains(byte)).map(|at| &behind[at..]);
    zone.is_some_and(|zone| !zone.contains(&b':'))
}

/// What is plain at the start of most lines where the rest is not: how they go on stays one column without a name.
/// `None`: most lines go on alike, in the layout that was found or in a few others.
fn by_head(sample: &Sample<'_>, found: Option<&Inferred>) -> Option<Inferred> {
    let lines = access_like(sample);
    let is_fit = |n: usize| n > 0 && n * 100 >= lines.len() * MIN_FIT_PERCENT;
    if found.is_some_and(|found| is_fit(found.n_accepted_estimate)) {
        return None;
    }
    let (body, n_accepted_estimate) = HEADS
        .iter()
        .map(|body| {
            let matcher = matcher::Matcher::new(body, Escape::Default);
            (*body, lines.iter().filter(|line| matcher.fits(line)).count())
        })
        .max_by_key(|(_, n)| *n)
        .filter(|(_, n)| is_fit(*n))?;
    let n_found: usize =
        infer_layouts(sample, MAX_MIXED).iter().map(|one| one.n_accepted_estimate).sum();
    let note = "what stands behind the size has no layout that most lines share".to_owned();
    (!is_fit(n_found)).then(|| Inferred {
        body: body.to_owned(),
        escape: escape_of(&lines),
        n_accepted_estimate,
        notes: vec![note],
    })
}

/// A layout with the name that Apache has for what one backend answered, where the lines are surely its own. Varnish
/// escapes as Apache does: beside words of a cache, it is not known whose status that is.
fn as_apache_means(sample: &Sample<'_>, body: String) -> String {
    if body.contains("$upstream_addr") || !evidence::is_surely_apache(sample) {
        return body;
    }
    let is_of_cache = body.contains("$upstream_cache_status");
    let name = if is_of_cache { "$unknown_status" } else { "$apache_proxy_status" };
    body.replace("$upstream_status", name)
}

/// Infers up to `max` layouts of a sample that mixes several, the most frequent first.
pub fn infer_layouts(sample: &Sample<'_>, max: usize) -> Vec<Inferred> {
    let mut lines = access_like(sample);
    let heading = heading_of(&sample.lines);
    let n_total = lines.len();
    let mut found = Vec::new();
    while found.len() < max && !lines.is_empty() {
        let Some(best) = best_layout(&lines, heading.as_ref()) else { break };
        // What fits one line in twenty is rather noise than a layout.
        if best.n_accepted_estimate * 20 < n_total {
            break;
        }
        let matcher = matcher::Matcher::new(&best.body, best.escape);
        lines.retain(|line| !matcher.fits(line));
        found.push(best);
    }
    found
}

/// The lines that may be access lines: not messages of an error log, not JSON, and with a status somewhere.
fn access_like<'a>(sample: &Sample<'a>) -> Vec<&'a [u8]> {
    let keep = |line: &&&[u8]| {
        let is_message =
            line.get(..19).is_some_and(|head| crate::time::parse_nginx_error(head).is_some())
                && line.get(19..21) == Some(b" [")
                || app_log::is_message(line)
                || varnish_log::is_raw(line);
        let has_status = line
            .split(|byte| !byte.is_ascii_alphanumeric())
            .any(|word| word.len() == 3 && item_kind(word) == Kind::Status);
        line.len() <= MAX_LINE_BYTES && !line.starts_with(b"{") && !is_message && has_status
    };
    // Spread over the sample, so that an outage at its end is seen.
    let kept: Vec<&[u8]> = sample.lines.iter().filter(keep).copied().collect();
    let step = kept.len().div_ceil(MAX_LINES).max(1);
    kept.into_iter().step_by(step).collect()
}

fn best_layout(lines: &[&[u8]], heading: Option<&Heading>) -> Option<Inferred> {
    if lines.is_empty() {
        return None;
    }
    if let Some(heading) = heading {
        let separator = SEPARATORS.iter().find(|other| **other == [heading.separator])?;
        let how = Cut::Separator(separator, Vec::new());
        return layout_by(lines, &how, Some(heading)).map(|(_, inferred)| inferred);
    }
    let mut cuts = vec![Cut::Blanks];
    let labels = common_labels(lines);
    if labels.len() >= 3 {
        cuts.push(Cut::Labels(labels));
    }
    for separator in SEPARATORS {
        let n_with = lines
            .iter()
            .filter(|line| memchr::memmem::find_iter(line, separator).take(3).count() == 3)
            .count();
        if n_with * 2 > lines.len() {
            cuts.push(Cut::Separator(separator, Vec::new()));
        }
    }
    let mut best: Option<(usize, Inferred)> = None;
    for how in cuts {
        for how in refinements(lines, how) {
            let Some((score, inferred)) = layout_by(lines, &how, None) else { continue };
            if best.as_ref().is_none_or(|(so_far, _)| score > *so_far) {
                best = Some((score, inferred));
            }
        }
    }
    best.map(|(_, inferred)| inferred)
}

/// The cut itself and, where the lines suggest them, finer or more tolerant variants.
fn refinements(lines: &[&[u8]], how: Cut) -> Vec<Cut> {
    let mut variants = Vec::new();
    match &how {
        Cut::Blanks => {
            let cut_lines: Vec<Tokens<'_>> = lines.iter().map(|line| cut(line, &how)).collect();
            let (_, n_common) = common_shape(&cut_lines);
            if n_common * 10 < lines.len() * 9 {
                variants.extend(longest_common_head(&cut_lines).map(Cut::BlanksThenRest));
            }
        }
        Cut::Separator(separator, _) => {
            let cut_lines: Vec<Tokens<'_>> = lines.iter().map(|line| cut(line, &how)).collect();
            let (shape, _) = common_shape(&cut_lines);
            let rows: Vec<&Tokens<'_>> =
                cut_lines.iter().filter(|tokens| tokens.literals == shape).collect();
            let compound: Vec<usize> =
                (0..shape.len().saturating_sub(1)).filter(|idx| is_compound(&rows, *idx)).collect();
            if !compound.is_empty() {
                variants.push(Cut::Separator(separator, compound));
            }
        }
        Cut::BlanksThenRest(_) | Cut::Labels(_) => {}
    }
    variants.push(how);
    variants
}

/// True for a column whose values are several values, the same number of them in each line.
fn is_compound(rows: &[&Tokens<'_>], idx: usize) -> bool {
    let mut shape: Option<Vec<&[u8]>> = None;
    rows.iter().all(|row| {
        let value = row.values[idx];
        let inner = cut(value, &Cut::Blanks);
        inner.values.len() > 1
            && item_kind(value) == Kind::Text
            && *shape.get_or_insert_with(|| inner.literals.clone()) == inner.literals
    })
}

/// The most frequent literal text, and in how many lines it occurs.
fn common_shape<'a>(cut_lines: &[Tokens<'a>]) -> (Vec<&'a [u8]>, usize) {
    let mut counts: BTreeMap<&[&[u8]], usize> = BTreeMap::new();
    for tokens in cut_lines {
        *counts.entry(&tokens.literals).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(shape, count)| (*count, shape.len()));
    most.map_or((Vec::new(), 0), |(shape, count)| (shape.to_vec(), count))
}

/// After how many values the lines stop being alike, if they have at least three alike in nine of ten lines.
fn longest_common_head(cut_lines: &[Tokens<'_>]) -> Option<usize> {
    let longest = cut_lines.iter().map(|tokens| tokens.values.len()).max()?.min(MAX_COLUMNS);
    (3..longest).rev().find(|n_values| {
        let mut counts: BTreeMap<&[&[u8]], usize> = BTreeMap::new();
        for tokens in cut_lines {
            if tokens.values.len() > *n_values {
                *counts.entry(&tokens.literals[..=*n_values]).or_default() += 1;
            }
        }
        counts.values().max().is_some_and(|count| count * 10 >= cut_lines.len() * 9)
    })
}

/// The layout of the lines when cut in one way, and how good it is. Under a heading, its names alone say what columns are.
fn layout_by(lines: &[&[u8]], how: &Cut, heading: Option<&Heading>) -> Option<(usize, Inferred)> {
    let cut_lines: Vec<Tokens<'_>> = lines.iter().map(|line| cut(line, how)).collect();
    let (shape, n_common) = common_shape(&cut_lines);
    let n_columns = shape.len().checked_sub(1)?;
    if !(3..=MAX_COLUMNS).contains(&n_columns)
        || n_common * 20 < lines.len()
        || heading.is_some_and(|heading| heading.names.len() != n_columns)
    {
        return None;
    }
    let rows: Vec<&Tokens<'_>> =
        cut_lines.iter().filter(|tokens| tokens.literals == shape).collect();
    let mut literals: Vec<Vec<u8>> = shape.iter().map(|literal| literal.to_vec()).collect();
    let columns: Vec<Column<'_>> = (0..n_columns)
        .map(|idx| {
            let mut values: Vec<&[u8]> = rows.iter().map(|row| row.values[idx]).collect();
            let wrap = literals[idx].last().copied().filter(|byte| b"\"[".contains(byte));
            if let Some(heading) = heading {
                return Column::new(heading.names.get(idx).cloned(), wrap.unwrap_or(0), values);
            }
            peel_label(&mut literals[idx], &mut values);
            Column::new(label_of(&literals[idx]), wrap.unwrap_or(0), values)
        })
        .collect();
    let naming = match heading {
        Some(_) => Naming::of_labels(&columns)?,
        None => Naming::of(&columns)?,
    };
    let escape = escape_of(lines);
    let (body, n_named) = write_body(&literals, &columns, &naming)?;
    let matcher = matcher::Matcher::new(&body, escape);
    let n_accepted_estimate = lines.iter().filter(|line| matcher.fits(line)).count();
    if n_accepted_estimate == 0 {
        return None;
    }
    let notes = naming.notes.clone();
    let score = n_accepted_estimate * (10 + n_named);
    Some((score, Inferred { body, escape, n_accepted_estimate, notes }))
}

/// Moves a text that all values start with, such as `Client ` or `origin:`, to the literal before them.
fn peel_label(literal: &mut Vec<u8>, values: &mut [&[u8]]) {
    let Some(first) = values.first() else { return };
    if item_kind(first) != Kind::Text && item_kind(first) != Kind::Word {
        return;
    }
    let in_bracket = literal.last() == Some(&b'[');
    let Some(key) = tokens::key_length(first) else { return };
    let length = match &first[key..] {
        [b':' | b'=', b' ', ..] => key + 2,
        [b':' | b'=', ..] => key + 1,
        [b' ', ..] if in_bracket => key + 1,
        _ => return,
    };
    let prefix = first[..length].to_vec();
    // `id=7&status=503` is a query string.
    let is_query = |value: &&[u8]| prefix.ends_with(b"=") && value.contains(&b'&');
    if !values.iter().all(|value| value.starts_with(&prefix) && !is_query(value)) {
        return;
    }
    literal.extend_from_slice(&prefix);
    for value in values {
        *value = &value[length..];
    }
}

/// The key at the end of the text before a value: `rt` of ` rt="`.
fn label_of(literal: &[u8]) -> Option<String> {
    let text = literal.trim_ascii_end();
    let text = text.strip_suffix(b"[").unwrap_or(text);
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    let text = text.trim_ascii_end();
    let marked = text.strip_suffix(b"=").or_else(|| text.strip_suffix(b":"));
    let text = marked.unwrap_or(text);
    let start = text.iter().rposition(|byte| !is_key_byte(*byte)).map_or(0, |at| at + 1);
    let in_bracket = start > 0 && text[start - 1] == b'[';
    let key = &text[start..];
    let is_word = key.contains(&b'_') && literal.ends_with(b" ");
    let is_key = (marked.is_some() || in_bracket || is_word)
        && key.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte));
    is_key.then(|| String::from_utf8_lossy(key).into_owned())
}

fn escape_of(lines: &[&[u8]]) -> Escape {
    let has = |needle: &[u8]| lines.iter().any(|line| memchr::memmem::find(line, needle).is_some());
    if has(b"\\\"") || (has(b"\\\\") && !has(b"\\x")) { Escape::Json } else { Escape::Default }
}

/// Writes the format string, and counts its named columns. `None`: a literal cannot be written in such a string.
fn write_body(
    literals: &[Vec<u8>],
    columns: &[Column<'_>],
    naming: &Naming<'_, '_>,
) -> Option<(String, usize)> {
    let (mut body, mut n_unknown, mut n_named) = (String::new(), 0, 0);
    for (idx, literal) in literals.iter().enumerate() {
        let text = std::str::from_utf8(literal).ok()?;
        if text.contains('$') || (text.is_empty() && idx > 0 && idx < columns.len()) {
            return None;
        }
        body.push_str(text);
        let Some(column) = columns.get(idx) else { break };
        let next_is_name_byte = literals
            .get(idx + 1)
            .and_then(|next| next.first())
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let (open, close) = if next_is_name_byte { ("{", "}") } else { ("", "") };
        match naming.names[idx] {
            Some(name) => {
                n_named += 1;
                let _ = write!(body, "${open}{name}{close}");
            }
            // `ADDR - USER [TIME]`: the dash is text of the format.
            None if is_combined_dash(naming, idx, column) => body.push('-'),
            None => {
                n_unknown += 1;
                let _ = write!(body, "${open}unknown_{n_unknown}{close}");
            }
        }
    }
    // Where the request line is no column of its own, its three parts were found. A line of garbage has others, so
    // the whole is the better name, unless a blank after it would end it too early.
    let parts = "$request_method $request_uri $server_protocol";
    let is_whole = body.split_once(parts).is_some_and(|(_, after)| !after.starts_with(" $"));
    let whole = if is_whole { body.replace(parts, "$request") } else { body };
    Some((whole, n_named))
}

fn is_combined_dash(naming: &Naming<'_, '_>, idx: usize, column: &Column<'_>) -> bool {
    column.values.iter().all(|value| *value == b"-")
        && idx.checked_sub(1).and_then(|before| naming.names[before]) == Some("remote_addr")
        && naming.names.get(idx + 2).copied().flatten().is_some_and(columns::is_local)
}
