//! Keys of methods, and when two of them may be of one request.
//!
//! In: a method as a log spells it. Out: a short key.
//! Invariants: 0 stands for none; the keys of GET and HEAD differ in the lowest bit alone.

use super::hash_short;

/// Short key of a method; 0 for none. A cache asks with GET for what it was asked for with HEAD: both keys differ in the
/// lowest bit alone.
pub fn method_key(method: &[u8]) -> u16 {
    let is_head = method == b"HEAD";
    let hash = hash_short(if is_head { b"GET" } else { method }) as u16;
    if method.is_empty() { 0 } else { asked_method(hash).max(2) | u16::from(is_head) }
}

/// The key of the method that a cache asks with, where it was asked with the method of this key.
pub const fn asked_method(key: u16) -> u16 {
    key & !1
}

/// True when two lines may be of one request by their methods, as [`method_key`] gives them.
pub const fn methods_agree(one: u16, other: u16) -> bool {
    one == 0 || other == 0 || asked_method(one) == asked_method(other)
}

/// True when two lines that one server wrote name different methods.
pub const fn methods_differ(one: u16, other: u16) -> bool {
    one != 0 && other != 0 && one != other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_another_method_than_get_but_may_become_it() {
        let [get, head, post] = [&b"GET"[..], b"HEAD", b"POST"].map(method_key);
        assert!(methods_agree(get, head) && methods_differ(get, head));
        assert!(!methods_agree(get, post) && methods_differ(get, post));
        assert!(methods_agree(0, post) && !methods_differ(0, post));
        assert_eq!((method_key(b""), asked_method(head)), (0, get));
    }
}
