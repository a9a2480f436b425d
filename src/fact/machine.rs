//! Keys of machines, of application pools and of sites: what several logs write in their own ways.
//!
//! In: names as lines or envelopes have them. Out: keys that are equal where both mean the same.

use super::hash_short;

/// What an envelope, or the line itself, calls the machine that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine<'a> {
    /// A host.
    Host(&'a [u8]),
    /// A pod of Kubernetes.
    Pod(&'a [u8]),
    /// A machine of Windows, as its events and the column `s-computername` of IIS call it.
    Computer(&'a [u8]),
}

/// A `NetBIOS` name is cut to this many bytes (Microsoft, naming conventions for computers), and of any case.
const NETBIOS_BYTES: usize = 15;

/// Key of a machine; 0 for none. Of a host the first label counts, since some write its domain and some do not; an
/// address says nothing, since a machine has several.
pub fn machine_key(machine: Machine<'_>) -> u32 {
    let (kind, key) = match machine {
        Machine::Pod(name) => (1, hash_short(name)),
        Machine::Host(name) => (0, hash_short(first_label(name))),
        Machine::Computer(name) => {
            let label = first_label(name);
            let mut netbios = [0u8; NETBIOS_BYTES];
            let n = label.len().min(NETBIOS_BYTES);
            netbios[..n].copy_from_slice(&label[..n]);
            netbios.make_ascii_lowercase();
            (0, hash_short(&netbios[..n]))
        }
    };
    // The lowest bit tells hosts from pods.
    if key == 0 { 0 } else { (key & !1 | kind).max(2) }
}

/// What tells a host from others: `web1` of `web1.example.com`; empty for an address, or a name that any host has.
fn first_label(name: &[u8]) -> &[u8] {
    let is_address = memchr::memchr(b':', name).is_some()
        || name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let label = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    if is_address || matches!(label, b"-" | b"localhost") { b"" } else { label }
}

/// True when two lines may be of one machine, as [`machine_key`] gives it: one names none, both name the same, or one
/// names a host and the other a pod.
pub const fn machines_agree(one: u32, other: u32) -> bool {
    one == 0 || other == 0 || one == other || (one ^ other) & 1 == 1
}

/// Key of an IIS site, by its number, as which `W3SVC1` and `1` are the same, or by its name, of any case and with `+` for a
/// space; 0 for none.
pub fn site_key(name: &[u8]) -> u32 {
    let is_service = name.get(..5).is_some_and(|head| head.eq_ignore_ascii_case(b"W3SVC"));
    let number = if is_service { &name[5..] } else { name };
    if number.is_empty() {
        return 0;
    }
    // The lowest bit tells names from numbers.
    if number.iter().all(u8::is_ascii_digit) {
        (hash_short(number) & !1).max(2)
    } else {
        pool_key(name) | 1
    }
}

/// Whether two keys of [`site_key`] are of different sites. `None`: a number and a name do not tell.
pub const fn sites_differ(one: u32, other: u32) -> Option<bool> {
    if (one ^ other) & 1 == 1 { None } else { Some(one != other) }
}

/// Key of an application pool of IIS: of any case, and as HTTP.sys writes it, whose logs have `+` for a space.
pub fn pool_key(name: &[u8]) -> u32 {
    let plain = |byte: &u8| if *byte == b'+' { b' ' } else { byte.to_ascii_lowercase() };
    hash_short(&name.iter().map(plain).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_have_numbers_or_names() {
        let differ = |one: &str, other: &str| {
            sites_differ(site_key(one.as_bytes()), site_key(other.as_bytes()))
        };
        assert_eq!(differ("W3SVC1", "1"), Some(false));
        assert_eq!(differ("W3SVC1", "W3SVC2"), Some(true));
        assert_eq!(differ("Default+Web+Site", "DEFAULT WEB SITE"), Some(false));
        assert_eq!(differ("Shop", "Api"), Some(true));
        assert_eq!(differ("Shop", "1"), None);
        assert_eq!(site_key(b"W3SVC"), 0);
        assert_eq!(site_key(b""), 0);
    }

    #[test]
    fn machines_agree_unless_both_name_another() {
        use Machine::{Computer, Host, Pod};
        let check = |one: Machine<'_>, other: Machine<'_>, expected: bool| {
            assert_eq!(machines_agree(machine_key(one), machine_key(other)), expected);
        };
        check(Host(b"web1"), Host(b"web1"), true);
        check(Host(b"web1"), Host(b"web1.example.com"), true);
        check(Host(b"web1"), Host(b"web2"), false);
        check(Host(b"web1"), Pod(b"web-5d8f7-aaaaa"), true);
        check(Pod(b"web-5d8f7-bbbbb"), Pod(b"web-5d8f7-aaaaa"), false);
        check(Computer(b"WEB1"), Computer(b"web1.example.com"), true);
        check(Computer(b"SHOP-FRONTEND-0"), Computer(b"shop-frontend-01.example.com"), true);
        check(Computer(b"WEB1"), Computer(b"WEB2"), false);
        for nobody in ["", "-", "localhost", "10.0.0.7", "fe80::1"] {
            check(Host(b"web1"), Host(nobody.as_bytes()), true);
            check(Computer(b"WEB1"), Computer(nobody.as_bytes()), true);
        }
    }
}
