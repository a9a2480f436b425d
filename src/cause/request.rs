//! What messages of Apache's modules name of their request beside its client.
//!
//! In: a message. Out: hashes of the request's log id and path; 0 where the message tells none.
//! Invariants: what a client sent stands in quotes before these, so that the last one of each counts.
//! Source: `ModSecurity` 2.9 `apache2/apache2_util.c` (`[uri "..."] [unique_id "..."]` end its messages), `mod_qos` 11.63
//! (`, id=` ends its messages; it is the id of `mod_unique_id`, which `%L` prints as well), Apache httpd 2.4
//! `mod_unique_id.c` (`generate_log_id`), `proxy_util.c` (`ap_proxyerror`: AH00898).

use memchr::memmem;

use crate::fact::{hash_path, hash_short, shortened};
use crate::record::ErrorRecord;

/// Hash of the log id of the request.
pub(super) fn log_id(record: &ErrorRecord<'_>) -> u32 {
    let of_head = record.log_id.filter(|id| *id != b"-");
    let of_module = || quoted(record.message, b"[unique_id \"").or_else(|| qos_id(record.message));
    of_head.or_else(of_module).map_or(0, hash_short)
}

/// Hash of the path of the request, without its query.
pub(super) fn path(record: &ErrorRecord<'_>) -> u32 {
    let of_proxy = || {
        let is_ours = memmem::find(record.message, b"AH00898: ").is_some();
        is_ours.then(|| behind_last(record.message, b" returned by "))?
    };
    let uri = quoted(record.message, b"[uri \"").or_else(of_proxy);
    uri.filter(|uri| uri.starts_with(b"/")).map_or(0, |uri| shortened(hash_path(uri)))
}

/// The text in quotes behind the last of these marks.
fn quoted<'a>(message: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let rest = behind_last(message, mark)?;
    rest.get(..memmem::find(rest, b"\"]")?)
}

/// The id at the end of a message of `mod_qos`.
fn qos_id(message: &[u8]) -> Option<&[u8]> {
    memmem::find(message, b"mod_qos(")?;
    let id = behind_last(message, b", id=")?.trim_ascii_end();
    (!id.is_empty() && !id.contains(&b' ')).then_some(id)
}

fn behind_last<'a>(message: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    memmem::rfind(message, mark).map(|at| &message[at + mark.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, id: Option<&str>, uri: Option<&str>) {
        let record = ErrorRecord { message: message.as_bytes(), ..ErrorRecord::default() };
        assert_eq!(log_id(&record), id.map_or(0, |id| hash_short(id.as_bytes())));
        assert_eq!(path(&record), uri.map_or(0, |uri| shortened(hash_path(uri.as_bytes()))));
    }

    #[test]
    fn modules_name_the_request_at_the_end() {
        check(
            r#"ModSecurity: Access denied with code 503 (phase 1). [data "[uri \x22/b\x22]"] [uri "/x"] [unique_id "awLq"]"#,
            Some("awLq"),
            Some("/x"),
        );
        check(
            "mod_qos(010): access denied, QS_LocRequestLimit* rule: ^/a(3), c=192.0.2.1, id=awLq",
            Some("awLq"),
            None,
        );
        check("AH00898: DNS lookup failure for: a returned by /dns/x", None, Some("/dns/x"));
        check("AH01114: HTTP: failed to make connection to backend: a, id=b", None, None);
    }
}
