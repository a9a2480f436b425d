//! Values of keys in JSON text, found without building it.

use memchr::memmem;

/// The value of the first such key: a string without its quotes, still escaped, or the text of another scalar.
/// An object or list gives its text up to the first comma.
///
/// Inside a string a quote is escaped, so that no text passes for a key.
pub(in crate::format) fn value<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut from = 0;
    while let Some(at) = memmem::find(&text[from..], key) {
        let (start, end) = (from + at, from + at + key.len());
        from = end;
        let is_quoted = start > 0 && text[start - 1] == b'"' && text.get(end) == Some(&b'"');
        if !is_quoted || start > 1 && text[start - 2] == b'\\' {
            continue;
        }
        let Some(rest) = text[end + 1..].trim_ascii_start().strip_prefix(b":") else { continue };
        let rest = rest.trim_ascii_start();
        if let Some(string) = rest.strip_prefix(b"\"") {
            return Some(&string[..string_end(string)]);
        }
        let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b'\n'));
        return Some(rest[..end.unwrap_or(rest.len())].trim_ascii());
    }
    None
}

/// Index of the quote that ends a string; its length without one.
fn string_end(string: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &string[at..]) {
        if string[at + found] == b'"' {
            return at + found;
        }
        at += found + 2;
        if at > string.len() {
            break;
        }
    }
    string.len()
}
