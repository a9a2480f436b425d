//! An `ErrorLogFormat` of an operator's own, worked out from the lines that it prints.
//!
//! In: lines. Out: the text of an `ErrorLogFormat` that prints such lines, if some of them hold numbered messages of Apache
//! and they are rows of JSON, of `key=value`, or of columns with one separator. What a value is, its looks tell: an
//! operator's names count only to tell addresses and numbers apart.
//! Invariants: only lines with a numbered message are looked at, so that the logs of others are left alone.

use std::collections::HashMap;

use super::{LEVELS, is_numbered, take_errno};
use crate::bytes::{is_absent, is_peer_address};
use crate::record::is_log_id;
use crate::time::Notation;

/// So many lines with a message tell enough.
const MAX_LINES: usize = 200;

/// Of so many lines one at least must have a numbered message.
const MAX_PER_MESSAGE: usize = 20;

/// Fewer values than these beside each other may be text.
const MIN_VALUES: usize = 3;

/// What may part columns; the longer ones first.
const SEPARATORS: [&str; 7] = [" | ", " || ", "|", "\t", ";", " - ", ","];

/// A value, and the text between it and the one before.
#[derive(Debug, Clone, Copy)]
struct Cell<'a> {
    before: &'a [u8],
    value: &'a [u8],
}

/// Where a value stands: from, and up to.
type Place = (usize, usize);

/// A line as a row of values.
#[derive(Debug, Clone)]
struct Row<'a> {
    cells: Vec<Cell<'a>>,
    /// What follows the last value.
    tail: &'a [u8],
}

/// The text of the format; see the head of this file. `None`: the lines are not of that kind.
pub(super) fn work_out(lines: &[&[u8]]) -> Option<String> {
    let told: Vec<&[u8]> =
        lines.iter().copied().filter(|line| has_numbered_message(line)).take(MAX_LINES).collect();
    if told.len() < MIN_VALUES || told.len() * MAX_PER_MESSAGE < lines.len().min(MAX_LINES) {
        return None;
    }
    of_keys(&told, json_row).or_else(|| of_keys(&told, pairs_row)).or_else(|| of_columns(&told))
}

/// True for a line with `AHnnnnn: ` in it.
fn has_numbered_message(line: &[u8]) -> bool {
    memchr::memmem::find_iter(line, b"AH").any(|at| is_numbered(&line[at..]))
}

/// The format of lines that name their values.
fn of_keys<'a>(lines: &[&'a [u8]], row_of: fn(&'a [u8]) -> Option<Row<'a>>) -> Option<String> {
    let rows: Vec<Row<'a>> = lines.iter().filter_map(|line| row_of(line)).collect();
    if rows.len() * 2 < lines.len() {
        return None;
    }
    // What is empty may be left out with its name: most lines of the longest rows tell.
    let mut kinds: HashMap<Vec<&[u8]>, Vec<&Row<'a>>> = HashMap::new();
    for row in &rows {
        let names = row.cells.iter().map(|cell| cell.before).collect();
        kinds.entry(names).or_default().push(row);
    }
    let (names, rows) = kinds
        .into_iter()
        .filter(|(names, same)| names.len() >= MIN_VALUES && same.len() * 8 >= rows.len())
        .max_by_key(|(names, same)| (names.len(), same.len(), std::cmp::Reverse(names.clone())))?;
    let columns: Vec<(&[u8], Vec<&[u8]>)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (*name, rows.iter().map(|row| row.cells[at].value).collect()))
        .collect();
    let items = items_of(&columns)?;
    let mut body = String::new();
    let mut is_quoted = false;
    for ((before, _), item) in columns.iter().zip(items) {
        // The quote that ends a value stands with it, what leads to the next one with that: either may be left out.
        let (end, start) = before.split_at(usize::from(is_quoted && before.starts_with(b"\"")));
        push_literal(&mut body, end)?;
        body.push_str(if body.is_empty() { "" } else { "% " });
        push_literal(&mut body, start)?;
        body.push_str(&item);
        is_quoted = before.ends_with(b"\"");
    }
    push_literal(&mut body, rows[0].tail)?;
    Some(body)
}

/// The format of lines whose values stand between separators; the message is the last.
fn of_columns(lines: &[&[u8]]) -> Option<String> {
    SEPARATORS.iter().find_map(|separator| {
        let finder = memchr::memmem::Finder::new(separator);
        let split = |line: &[u8]| -> Option<Vec<Place>> {
            let mut places = Vec::new();
            let mut from = 0;
            for at in finder.find_iter(line) {
                if is_message(&line[from..]) {
                    return Some(places);
                }
                places.push((from, at));
                from = at + separator.len();
            }
            is_message(&line[from..]).then_some(places)
        };
        let rows: Vec<(&[u8], Vec<Place>)> =
            lines.iter().filter_map(|line| Some((*line, split(line)?))).collect();
        let n_columns = rows.iter().map(|(_, places)| places.len()).max()?;
        let is_whole = rows.iter().all(|(_, places)| places.len() == n_columns);
        if !is_whole || n_columns < MIN_VALUES || rows.len() * 2 < lines.len() {
            return None;
        }
        let mut columns: Vec<(&[u8], Vec<&[u8]>)> = vec![(b"", Vec::new()); n_columns];
        for (line, places) in &rows {
            for ((_, values), (from, to)) in columns.iter_mut().zip(places) {
                values.push(&line[*from..*to]);
            }
        }
        columns.push((b"", rows.iter().map(|_| &b"AH00000: x"[..]).collect()));
        let mut body = String::new();
        for (at, item) in items_of(&columns)?.into_iter().enumerate() {
            body.push_str(if at == 0 { "" } else { "% " });
            body.push_str(&item);
            if at < n_columns {
                push_literal(&mut body, separator.as_bytes())?;
            }
        }
        Some(body)
    })
}

/// True for text that begins with the number of a message, or with an error number before it.
fn is_message(text: &[u8]) -> bool {
    let behind = take_errno(text).map_or(text, |errno| &text[errno.len()..]);
    is_numbered(behind.strip_prefix(b": ").unwrap_or(behind))
}

/// `{"key": "value", "key": 1}`, as `ErrorLogFormat` prints it: Apache escapes no quotes, so that a value ends where a
/// key or the end of the line follows.
fn json_row(line: &[u8]) -> Option<Row<'_>> {
    line.trim_ascii_start().strip_prefix(b"{")?;
    let is_between = |byte: &u8| b"{}, \t\"".contains(byte);
    let key = |at: usize| -> Option<usize> {
        let open = at + line[at..].iter().position(|byte| *byte == b'"')?;
        let close = open + 1 + line[open + 1..].iter().position(|byte| *byte == b'"')?;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.@ ".contains(byte);
        let colon = close + 1 + leading(&line[close + 1..], |byte| *byte == b' ');
        let is_key = close > open + 1 && line[open + 1..close].iter().all(is_name);
        (is_key && line.get(colon) == Some(&b':'))
            .then(|| colon + 1 + leading(&line[colon + 1..], |byte| *byte == b' '))
    };
    let is_end = |at: usize| line[at..].iter().all(|byte| b"} \t\r".contains(byte));
    let (mut cells, mut from, mut at) = (Vec::new(), 0, 0);
    loop {
        let value = key(at)?;
        if !line[from..at].iter().all(is_between) {
            return None;
        }
        let (start, end) = if line.get(value) == Some(&b'"') {
            let follows = |quote: usize| {
                let comma = quote + 1 + leading(&line[quote + 1..], |byte| *byte == b' ');
                is_end(quote + 1)
                    || (line.get(comma) == Some(&b',')
                        && line[comma + 1..].trim_ascii_start().starts_with(b"\"")
                        && key(comma + 1).is_some())
            };
            let quotes = memchr::memchr_iter(b'"', &line[value + 1..]);
            let end = quotes.map(|quote| value + 1 + quote).find(|quote| follows(*quote))?;
            (value + 1, end)
        } else {
            (value, value + leading(&line[value..], u8::is_ascii_alphanumeric))
        };
        cells.push(Cell { before: &line[from..start], value: &line[start..end] });
        (from, at) = (end, end + usize::from(line.get(end) == Some(&b'"')));
        if is_end(at) {
            return Some(Row { cells, tail: &line[from..] });
        }
    }
}

/// `key=value key="value"`: a value ends where a key or the end of the line follows.
fn pairs_row(line: &[u8]) -> Option<Row<'_>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(byte);
    let is_gap = |byte: &u8| b" \t,;|".contains(byte);
    // Behind the gap and `key=` at `at`.
    let key = |at: usize| -> Option<usize> {
        let gap = leading(&line[at..], is_gap);
        let name = leading(&line[at + gap..], is_name);
        let is_key = name > 0 && (gap > 0 || at == 0) && line.get(at + gap + name) == Some(&b'=');
        is_key.then_some(at + gap + name + 1)
    };
    let (mut cells, mut from, mut at) = (Vec::new(), 0, 0);
    while at < line.len() {
        let value = key(at)?;
        let is_over = |end: usize| end == line.len() || key(end).is_some();
        let (start, end, next) = if line.get(value) == Some(&b'"') {
            let quotes = memchr::memchr_iter(b'"', &line[value + 1..]);
            let end = quotes.map(|quote| value + 1 + quote).find(|quote| is_over(quote + 1))?;
            (value + 1, end, end + 1)
        } else {
            let end = (value..=line.len()).find(|end| is_over(*end))?;
            (value, end, end)
        };
        cells.push(Cell { before: &line[from..start], value: &line[start..end] });
        (from, at) = (end, next);
    }
    (!cells.is_empty()).then_some(Row { cells, tail: &line[from..] })
}

/// How many bytes at the start pass.
fn leading(text: &[u8], passes: impl Fn(&u8) -> bool) -> usize {
    text.iter().position(|byte| !passes(byte)).unwrap_or(text.len())
}

/// What lines of Apache itself have beside a message and a level, and applications that quote them rarely have.
const OF_APACHE: [&str; 5] = ["module", "pid", "tid", "errno", "id"];

/// What prints the time as Apache does by itself.
const CTIME: &str = "%{u}t";

/// The items of columns, each with the text before it. `None`: no time, no message or no level, or nothing else of Apache's.
fn items_of(columns: &[(&[u8], Vec<&[u8]>)]) -> Option<Vec<String>> {
    let mut seen: Vec<&str> = Vec::new();
    let items: Vec<String> = columns
        .iter()
        .map(|(name, values)| {
            let present: Vec<&[u8]> =
                values.iter().copied().filter(|value| !is_absent(value)).collect();
            let item = item_of(name, &present, &seen);
            if let Some((kind, _)) = &item {
                seen.push(kind);
            }
            // Of text that nothing uses; `%k` prints no blanks either.
            item.map_or_else(|| "%-v".to_owned(), |(_, text)| text)
        })
        .collect();
    let has = |kind: &str| seen.contains(&kind);
    let is_apaches = OF_APACHE.iter().any(|kind| has(kind))
        || has("module:level")
        || items.iter().any(|item| item.contains(CTIME));
    let has_level = has("level") || has("module:level");
    (has("time") && has("message") && has_level && is_apaches).then_some(items)
}

/// The kind of an item, by the values that are there, and how a format writes it.
fn item_of(name: &[u8], values: &[&[u8]], seen: &[&'static str]) -> Option<(&'static str, String)> {
    let all =
        |test: &dyn Fn(&[u8]) -> bool| !values.is_empty() && values.iter().all(|value| test(value));
    let is_new = |kind: &str| !seen.contains(&kind);
    let name = name.to_ascii_lowercase();
    let is_named = |words: &[&str]| {
        words.iter().any(|word| memchr::memmem::find(&name, word.as_bytes()).is_some())
    };
    let bracketed = all(&|value| value.starts_with(b"[") && value.ends_with(b"]"));
    let (open, close) = if bracketed { ("[", "]") } else { ("", "") };
    let bare = |value: &[u8]| -> Vec<u8> {
        if bracketed { value[1..value.len() - 1].to_vec() } else { value.to_vec() }
    };
    let times = [
        (Notation::Ctime, CTIME),
        (Notation::Iso8601, "%{cu}t"),
        (Notation::ClfVariant, "%{%d/%b/%Y:%H:%M:%S}t"),
    ];
    let time =
        times.iter().find(|(notation, _)| all(&|value| notation.parse(&bare(value)).is_some()));
    if let Some((_, item)) = time {
        return is_new("time").then(|| ("time", format!("{open}{item}{close}")));
    }
    if all(&|value| LEVELS.contains(&&*bare(value))) {
        return Some(("level", format!("{open}%-l{close}")));
    }
    let is_module_and_level = |value: &[u8]| {
        let value = bare(value);
        value.iter().position(|byte| *byte == b':').is_some_and(|colon| {
            LEVELS.contains(&&value[colon + 1..]) && is_module(&value[..colon])
        })
    };
    if all(&is_module_and_level) {
        return Some(("module:level", format!("{open}%-m:%l{close}")));
    }
    if is_new("message")
        && values.iter().filter(|value| is_message(value)).count() * 2 > values.len()
    {
        return Some(("message", "%M".to_owned()));
    }
    if all(&|value| {
        take_errno(value).is_some_and(|errno| errno.len() == value.len()) || is_errno(value)
    }) {
        return Some(("errno", "%-E".to_owned()));
    }
    if let Some(process) = process_of(&name, values, &bare) {
        let kind = if process.contains("%P") { "pid" } else { "tid" };
        let is_wanted = is_new(kind) && (kind == "tid" || is_new("tid"));
        return is_wanted.then(|| (kind, format!("{open}{process}{close}")));
    }
    let is_client = |value: &[u8]| {
        let address = std::str::from_utf8(value).unwrap_or_default();
        is_peer_address(value)
            || address.parse::<std::net::IpAddr>().is_ok()
            // Apache writes the port of IPv6 behind a colon as well.
            || address.rsplit_once(':').is_some_and(|(address, port)| {
                port.parse::<u16>().is_ok() && address.parse::<std::net::IpAddr>().is_ok()
            })
    };
    if all(&is_client) {
        let is_own = is_named(&["server", "local", "listen", "vhost", "host_ip"]);
        return (is_new("client") && !is_own).then(|| ("client", "%-a".to_owned()));
    }
    if all(&|value| is_log_id(value)) {
        let is_new = is_new("id") && !is_named(&["conn"]);
        return is_new.then(|| ("id", "%-L".to_owned()));
    }
    let is_url = |value: &[u8]| value.starts_with(b"http://") || value.starts_with(b"https://");
    if all(&is_url) {
        return Some(("referer", "%-{Referer}i".to_owned()));
    }
    (is_named(&["mod"]) && all(&is_module)).then(|| ("module", "%-m".to_owned()))
}

fn is_module(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
}

/// `(111)Connection refused` and nothing else.
fn is_errno(value: &[u8]) -> bool {
    take_errno(&[value, b": "].concat()).is_some_and(|errno| errno.len() == value.len())
}

/// `pid 1:tid 2`, `pid 1`, `1:2` or a number: what prints it.
fn process_of(
    name: &[u8],
    values: &[&[u8]],
    bare: &dyn Fn(&[u8]) -> Vec<u8>,
) -> Option<&'static str> {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let parted = |value: &[u8], mark: &[u8]| {
        let at = memchr::memmem::find(value, mark)?;
        Some((value[..at].to_vec(), value[at + mark.len()..].to_vec()))
    };
    let is_pair = |value: &[u8], mark: &[u8]| {
        parted(value, mark).is_some_and(|(pid, tid)| is_number(&pid) && is_number(&tid))
    };
    let all = |test: &dyn Fn(&[u8]) -> bool| {
        !values.is_empty() && values.iter().all(|value| test(&bare(value)))
    };
    let behind_pid = |value: &[u8]| value.strip_prefix(b"pid ").unwrap_or_default().to_vec();
    if all(&|value| is_pair(&behind_pid(value), b":tid ")) {
        return Some(r"pid\ %P:tid\ %T");
    }
    if all(&|value| is_number(&behind_pid(value))) {
        return Some(r"pid\ %P");
    }
    if all(&|value| is_pair(value, b":")) {
        return Some("%P:%T");
    }
    if !all(&is_number) {
        return None;
    }
    // Without a name it may be the count of a connection's requests.
    let is_large = values.iter().any(|value| bare(value).len() >= MIN_VALUES);
    let names = |words: &[&str]| {
        words.iter().any(|word| memchr::memmem::find(name, word.as_bytes()).is_some())
    };
    if names(&["tid", "thread"]) {
        Some("%T")
    } else if names(&["pid", "proc"]) || (!name.iter().any(u8::is_ascii_alphabetic) && is_large) {
        Some("%P")
    } else {
        None
    }
}

/// Adds text that a format prints as it is. `None`: not text.
fn push_literal(body: &mut String, text: &[u8]) -> Option<()> {
    for letter in std::str::from_utf8(text).ok()?.chars() {
        match letter {
            '%' => body.push_str("%%"),
            '\t' => body.push_str("\\t"),
            ' ' | '\\' => body.extend(['\\', letter]),
            _ => body.push(letter),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        assert_eq!(work_out(&lines).as_deref(), expected);
    }

    #[test]
    fn json_is_worked_out() {
        check(
            &[
                r#"{"time":"2026-11-22 19:18:35.24","module":"core","level":"notice","pid":"7","tid":"7","client":"-","errno":"-","log_id":"-","msg":"AH00094: Command line: 'apache2'"}"#,
                r#"{"time":"2026-11-22 19:18:39.24","module":"proxy","level":"error","pid":"7","tid":"8","client":"-","errno":"(111)Connection refused","log_id":"-","msg":"AH00957: http: attempt to connect to 127.0.0.1:23272 (127.0.0.1:23272) failed"}"#,
                r#"{"time":"2026-11-22 19:18:39.25","module":"proxy_http","level":"error","pid":"7","tid":"8","client":"198.51.100.22:0","errno":"-","log_id":"awNAD2MW2GzIiqnH78U5fgAAAEY","msg":"AH01114: HTTP: a "name": x"}"#,
            ],
            Some(
                r#"{"time":"%{cu}t"% ,"module":"%-m"% ,"level":"%-l"% ,"pid":"%P"% ,"tid":"%T"% ,"client":"%-a"% ,"errno":"%-E"% ,"log_id":"%-L"% ,"msg":"%M"}"#,
            ),
        );
    }

    #[test]
    fn pairs_are_worked_out() {
        check(
            &[
                r#"ts="2026-11-22 19:18:35.24" level=error what="[proxy:error]" by="[pid 7:tid 9]" from=- msg="(111)Connection refused: AH00957: http: x failed""#,
                r#"ts="2026-11-22 19:18:35.24" level=error what="[proxy:error]" by="[pid 7:tid 9]" from=- msg="AH00959: x""#,
                r#"ts="2026-11-22 19:18:35.24" level=error what="[proxy_http:error]" by="[pid 7:tid 9]" from=[2001:db8::1]:5 msg="AH01114: x""#,
            ],
            Some(
                r#"ts="%{cu}t"% \ level=%-l% \ what="[%-m:%l]"% \ by="[pid\ %P:tid\ %T]"% \ from=%-a% \ msg="%M""#,
            ),
        );
    }

    #[test]
    fn columns_are_worked_out() {
        check(
            &[
                "2026-11-22 19:17:16.38|mpm_prefork|notice|6190:6190|-|-|AH00163: configured",
                "2026-11-22 19:17:25.30|proxy|error|6200:6200|-|-|(111)Connection refused: AH00957: uwsgi: x | y",
                "2026-11-22 19:17:25.30|proxy_http|error|6200:6200|203.0.113.71:0|awM_xa85TnHcRKS_jfdrugAAAAc|AH01114: x",
            ],
            Some("%{cu}t|% %-v|% %-l|% %P:%T|% %-a|% %-L|% %M"),
        );
        // The count of a connection's requests is no process.
        check(
            &[
                "Sun Nov 22 19:17:16.38 2026\terror\t1\tAH00957: x",
                "Sun Nov 22 19:17:16.39 2026\terror\t12\tAH00957: x",
                "Sun Nov 22 19:17:16.39 2026\terror\t3\tAH00957: x",
            ],
            Some(r"%{u}t\t% %-l\t% %-v\t% %M"),
        );
    }

    #[test]
    fn other_lines_are_left_alone() {
        check(&["a|b|c|d"; 5], None);
        check(&["AH00957: x"; 5], None);
        check(&["a=1 b=2 msg=\"AH00957: x\""; 5], None);
        check(&["{\"msg\": \"AH00957: x\", \"a\": {\"b\": 1}}"; 5], None);
        check(&["{\"a\": \"AH00957: x\""; 5], None);
    }
}
