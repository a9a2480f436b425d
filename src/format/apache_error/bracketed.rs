//! Error lines whose head is a row of brackets: the default formats of Apache 2.2 and 2.4, and `mod_jk`'s.
//!
//! In: a record. Out: its [`Parts`]. Brackets are told by what they hold, so their order does not matter; the level
//! must be among them. The name of a site may stand bare before them, and the client at the end of the message.

use super::{LEVELS, Parts, is_numbered, split_referrer, take_client, take_errno};
use crate::record::Skip;

/// The shortest time: `2026-11-20 21:21:41`.
const LEAST_STAMP_BYTES: usize = 19;

/// The longest time: `Fri Nov 20 21:21:41.755305 2026 +0100`, with room for nanoseconds.
const MOST_STAMP_BYTES: usize = 42;

/// Nobody adds more brackets to a format.
const MAX_ADDED: usize = 8;

/// Cuts a record into its parts. The time is checked for shape only.
pub(super) fn parts(record: &[u8]) -> Result<Parts<'_>, Skip> {
    let (stamp, rest) = take_bracket(record).ok_or(Skip::Shape)?;
    if !(LEAST_STAMP_BYTES..=MOST_STAMP_BYTES).contains(&stamp.len()) || !has_clock(stamp) {
        return Err(Skip::Shape);
    }
    let parts = Parts { stamp, ..Parts::default() };
    behind_stamp(parts, rest)
}

/// As [`parts`], for a record without a time. Nothing but its brackets tells such a line, so it must show the module, or
/// as 2.2 has none the client; and no bracket may stand before the level.
pub(super) fn timeless_parts(record: &[u8]) -> Result<Parts<'_>, Skip> {
    let (inside, behind) = take_bracket(record).ok_or(Skip::Shape)?;
    let mut head = Parts::default();
    take_group(inside, &mut head);
    let next = behind.strip_prefix(b" ").unwrap_or(behind);
    let is_known = match memchr::memchr(b':', inside) {
        Some(_) => next.starts_with(b"[pid ") || take_client(next).is_some(),
        None => take_client(next).is_some(),
    };
    if head.level.is_empty() || !is_known {
        return Err(Skip::Shape);
    }
    behind_stamp(Parts::default(), record)
}

/// Cuts what follows the time.
fn behind_stamp<'a>(mut parts: Parts<'a>, mut rest: &'a [u8]) -> Result<Parts<'a>, Skip> {
    if let Some(behind) = behind_name(rest) {
        rest = behind;
    }
    while let Some((inside, behind)) = take_bracket(rest.strip_prefix(b" ").unwrap_or(rest)) {
        if !take_group(inside, &mut parts) && !is_of_head(inside, behind) {
            break;
        }
        if parts.host.is_none() {
            parts.host = host_of(inside);
        }
        rest = behind;
    }
    if parts.level.is_empty() {
        return Err(Skip::Shape);
    }
    let mut rest = without_source_file(rest.strip_prefix(b" ").unwrap_or(rest));
    if let Some((client, behind)) = take_client(rest) {
        (parts.client, rest) = (Some(client), behind);
    }
    // Wrapped lines may break here.
    let rest = if rest.starts_with(b"\n") { rest.trim_ascii_start() } else { rest };
    let (message, referrer) = split_referrer(rest);
    (parts.message, parts.text, parts.referrer) = (message, message, referrer);
    if let Some(errno) = take_errno(message) {
        parts.errno = Some(errno);
        let behind = &message[errno.len()..];
        let behind = behind.strip_prefix(b":").unwrap_or(behind);
        parts.text = behind.strip_prefix(b" ").unwrap_or(behind);
        if parts.client.is_none()
            && let Some((client, text)) = take_client(parts.text)
        {
            (parts.client, parts.text) = (Some(client), text);
        }
    }
    if parts.client.is_none()
        && let Some((client, text)) = take_last_client(parts.text)
    {
        let n_behind = parts.text.len() - text.len();
        parts.message = &parts.message[..parts.message.len() - n_behind];
        (parts.client, parts.text) = (Some(client), text);
    }
    if parts.host.is_none() {
        parts.host = take_bracket(parts.text).and_then(|(inside, _)| host_of(inside));
    }
    Ok(parts)
}

/// What follows the name of a site that stands before the brackets, `%v [%-m:%l]`.
fn behind_name(rest: &[u8]) -> Option<&[u8]> {
    let name = rest.strip_prefix(b" ")?;
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:*".contains(byte);
    let end = name.iter().position(|byte| !is_of_name(byte))?;
    let is_site = name[..end].iter().any(|byte| matches!(byte, b'.' | b':'));
    let (inside, _) = take_bracket(name[end..].strip_prefix(b" ")?)?;
    let colon = inside.iter().position(|byte| *byte == b':')?;
    (is_site && LEVELS.contains(&&inside[colon + 1..])).then(|| &name[end..])
}

/// `[client ADDRESS]` at the end of a message, where an operator put it: the address, and the text before it.
fn take_last_client(text: &[u8]) -> Option<(&[u8], &[u8])> {
    // What ends a further line is no longer the operator's.
    let is_one_line = memchr::memchr(b'\n', text).is_none();
    let open = memchr::memrchr(b'[', text.strip_suffix(b"]").filter(|_| is_one_line)?)?;
    let address = text[open..text.len() - 1].strip_prefix(b"[client ")?;
    let is_of_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    let is_address = address.len() > 2 && address.iter().all(is_of_address);
    Some((address, text[..open].strip_suffix(b" ")?)).filter(|_| is_address)
}

/// The name of the site in `[vhost %v]`, as the manual writes it.
fn host_of(inside: &[u8]) -> Option<&[u8]> {
    let name = inside.strip_prefix(b"vhost ")?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:*".contains(byte);
    (!name.is_empty() && name.iter().all(is_name)).then_some(name)
}

/// `[inside]` at the start of a line.
fn take_bracket(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = text.strip_prefix(b"[")?;
    let close = memchr::memchr3(b']', b'\n', b'[', rest).filter(|close| rest[*close] == b']')?;
    Some((&rest[..close], &rest[close + 1..]))
}

/// True for a bracket that an `ErrorLogFormat` puts between the level and what Apache writes behind it, such as
/// `[vhost %v]`: the client, the error number or the number of the message follows, or another such bracket.
fn is_of_head(inside: &[u8], mut behind: &[u8]) -> bool {
    if is_peer(inside) {
        return false;
    }
    for _ in 0..MAX_ADDED {
        let rest = behind.strip_prefix(b" ").unwrap_or(behind);
        if is_numbered(rest) || take_errno(rest).is_some() {
            return true;
        }
        let Some((next, further)) = take_bracket(rest) else { return false };
        if is_peer(next) {
            return take_client(rest).is_some();
        }
        behind = further;
    }
    false
}

/// True for what `%a` stands in.
fn is_peer(inside: &[u8]) -> bool {
    inside.starts_with(b"client ") || inside.starts_with(b"remote ")
}

/// True for text with `hh:mm:ss` in it.
fn has_clock(stamp: &[u8]) -> bool {
    stamp.windows(8).any(|clock| {
        clock.iter().enumerate().all(|(at, byte)| match at {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
    })
}

/// Takes over what a bracket of the head holds. `false`: the bracket belongs to the message.
fn take_group<'a>(inside: &'a [u8], parts: &mut Parts<'a>) -> bool {
    if parts.pid.is_empty()
        && let Some((pid, tid)) = process_of(inside)
    {
        (parts.pid, parts.tid) = (pid, tid);
        return true;
    }
    if !parts.level.is_empty() {
        // The manual's example with log ids, `[R:%L] [C:%{C}L]`, behind the level.
        let is_request = inside.starts_with(b"R:");
        let id = inside.strip_prefix(b"R:").or_else(|| inside.strip_prefix(b"C:"));
        let Some(id) = id.filter(|id| is_log_id(id)) else { return false };
        if is_request {
            parts.request_id = id;
        }
        return true;
    }
    let (module, level) = match memchr::memrchr(b':', inside) {
        Some(colon) => (&inside[..colon], &inside[colon + 1..]),
        None => (&inside[..0], inside),
    };
    let is_module = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if LEVELS.contains(&level) && module.iter().all(is_module) {
        (parts.module, parts.level) = (module, level);
    }
    // Before the level, other brackets (a virtual host, a log id) are passed over.
    !inside.starts_with(b"client ")
}

/// `pid 1`, `pid 1:tid 2`, and `mod_jk`'s `1:2`.
fn process_of(inside: &[u8]) -> Option<(&[u8], &[u8])> {
    let (is_named, rest) = match inside.strip_prefix(b"pid ") {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let (pid, tid) = match memchr::memchr(b':', rest) {
        Some(colon) => {
            let tid = &rest[colon + 1..];
            (&rest[..colon], if is_named { tid.strip_prefix(b"tid ")? } else { tid })
        }
        None if is_named => (rest, &rest[..0]),
        None => return None,
    };
    let is_number = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    (!pid.is_empty() && is_number(pid) && is_number(tid)).then_some((pid, tid))
}

/// True for the letters of a log id: the server's own and `mod_unique_id`'s are Base64 in one alphabet or another.
fn is_log_id(id: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/@_-".contains(byte);
    !id.is_empty() && id.iter().all(is_letter)
}

/// The rest of a line behind `file.c(123): `, which is written at level debug and below.
fn without_source_file(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\n')).unwrap_or(text.len());
    let Some(name) = text[..end].strip_suffix(b"):") else { return text };
    let Some(open) = memchr::memchr(b'(', name) else { return text };
    let is_number = name.len() > open + 1 && name[open + 1..].iter().all(u8::is_ascii_digit);
    if is_number && name[..open].ends_with(b".c") {
        text.get(end + 1..).unwrap_or_default()
    } else {
        text
    }
}
