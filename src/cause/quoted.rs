//! Names in quotes, as texts in any language have them.
//!
//! In: a message. Out: the first quoted text that may be a name. Whatever stands around it is translated; names are not.

/// Longer texts are no names.
const MAX_BYTES: usize = 256;

/// Marks that open a quoted text, and what closes it. Those of ASCII open one only where no word goes on, since they are
/// apostrophes as well.
const MARKS: [(&str, &[&str]); 9] = [
    ("'", &["'"]),
    ("\"", &["\""]),
    // As JSON has the first one.
    ("\\u0027", &["\\u0027"]),
    ("\u{201e}", &["\u{201c}", "\u{201d}"]),
    ("\u{201c}", &["\u{201d}"]),
    ("\u{ab}", &["\u{bb}"]),
    ("\u{2018}", &["\u{2019}"]),
    ("\u{201a}", &["\u{2018}", "\u{2019}"]),
    ("\u{300c}", &["\u{300d}"]),
];

/// The first text in quotes that is no number. French puts blanks inside of its marks, which are left out.
pub(super) fn quoted_name(text: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let opened = MARKS.iter().find(|(open, _)| rest.starts_with(open.as_bytes()));
        let Some((open, closing)) = opened else {
            at += 1;
            continue;
        };
        let is_plain = open.len() == 1;
        at += open.len();
        let before = at.checked_sub(2).and_then(|before| text.get(before));
        if is_plain && before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80) {
            continue;
        }
        let inside = &text[at..text.len().min(at + MAX_BYTES)];
        let end = closing
            .iter()
            .filter_map(|close| {
                Some((memchr::memmem::find(inside, close.as_bytes())?, close.len()))
            })
            .min();
        let Some((length, close)) = end else { continue };
        let name = trimmed(&inside[..length]);
        at += length + close;
        let is_number = name.iter().all(u8::is_ascii_digit) || name.starts_with(b"0x");
        if !is_number && !name.contains(&b'\n') {
            return Some(name);
        }
    }
    None
}

/// Without blanks at the ends, those included at which no line is broken.
fn trimmed(mut text: &[u8]) -> &[u8] {
    loop {
        let before = text.len();
        text = text.trim_ascii();
        for blank in ["\u{a0}", "\u{202f}"] {
            text = text.strip_prefix(blank.as_bytes()).unwrap_or(text);
            text = text.strip_suffix(blank.as_bytes()).unwrap_or(text);
        }
        if text.len() == before {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_quotes_of_any_language() {
        for (text, expected) in [
            ("Ein Prozess f\u{fc}r den Anwendungspool 'Shop Pool' hat", Some("Shop Pool")),
            ("Un processus du pool d'applications 'ShopPool' a", Some("ShopPool")),
            ("le pool \u{ab}\u{a0}ShopPool\u{a0}\u{bb} a", Some("ShopPool")),
            ("Der Pool \u{201e}ShopPool\u{201c} wird", Some("ShopPool")),
            ("Prozess-ID '7712' im Anwendungspool \"ShopPool\"", Some("ShopPool")),
            ("code '0xc0000005'", None),
            ("L'identit\u{e9} du pool ShopPool n'est pas valide", None),
            ("pool \\u0027ShopPool\\u0027 x", Some("ShopPool")),
            ("'", None),
            ("''", None),
        ] {
            assert_eq!(quoted_name(text.as_bytes()), expected.map(str::as_bytes), "{text}");
        }
    }
}
