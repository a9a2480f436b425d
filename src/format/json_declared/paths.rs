//! Keys and paths as formats declare them, and as objects spell them.
//!
//! In: a key of an object, or an object, and a declared path. Out: whether they agree, or the value there.

use super::super::json_pairs::{Pairs, items};

/// Separates the keys of a path.
pub(super) const DEEPER: char = '>';

/// True for a key as declared, whatever its case, and whether its words are joined by `_`, `-` or nothing.
pub(in crate::format) fn is_key(spelled: &[u8], declared: &str) -> bool {
    let letters = |key| <[u8]>::iter(key).filter(|byte| !matches!(byte, b'_' | b'-'));
    letters(spelled)
        .map(u8::to_ascii_lowercase)
        .eq(letters(declared.as_bytes()).map(u8::to_ascii_lowercase))
}

/// True for a key that spells a whole path: exports of tables have `httpRequest.status` or `httpRequest_status` for
/// `httpRequest>status`.
pub(in crate::format) fn is_flat_key(spelled: &[u8], path: &str) -> bool {
    fn letters(key: &[u8]) -> impl Iterator<Item = u8> {
        let is_letter = |byte: &&u8| !matches!(byte, b'_' | b'-' | b'.' | b'>');
        key.iter().filter(is_letter).map(u8::to_ascii_lowercase)
    }
    path.contains(DEEPER)
        && spelled.iter().any(|byte| matches!(byte, b'.' | b'_'))
        && letters(spelled).eq(letters(path.as_bytes()))
}

/// The key and the value at a path of an object, or of the key that spells the path.
pub(in crate::format) fn at_path<'a>(object: &'a [u8], path: &str) -> Option<(&'a [u8], &'a [u8])> {
    nested_at(object, path).or_else(|| {
        let is_object = path.contains(DEEPER) && object.trim_ascii_start().starts_with(b"{");
        let mut pairs = Pairs::of(object).map_while(Result::ok).filter(|_| is_object);
        pairs.find(|(key, _)| is_flat_key(key, path))
    })
}

fn nested_at<'a>(object: &'a [u8], path: &str) -> Option<(&'a [u8], &'a [u8])> {
    let (key, deeper) = match path.split_once(DEEPER) {
        Some((key, deeper)) => (key, Some(deeper)),
        None => (path, None),
    };
    let (spelled, value) = if object.trim_ascii_start().starts_with(b"[") {
        (object, items(object).nth(key.parse().ok()?)?)
    } else {
        Pairs::of(object).map_while(Result::ok).find(|(name, _)| is_key(name, key))?
    };
    match deeper {
        Some(deeper) => nested_at(value, deeper),
        None => Some((spelled, value)),
    }
}
