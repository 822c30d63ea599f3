//! Which names module `(guile)` shows: those of Guile 3.0.8, as `list-names` beside this
//! file has written them down, and those that its NEWS says joined them up to 3.0.10.
//!
//! What the language is made of besides is for its own modules, or has its home in one.

/// The names of Guile 3.0.8, sorted by their bytes.
static NAMES: &[&str] = include!(concat!(env!("OUT_DIR"), "/guile_names.rs"));

/// What joined them up to 3.0.10, sorted.
///
/// Source: NEWS of Guile, "New interfaces and functionality" of 3.0.9 and 3.0.10.
const SINCE: [&str; 20] = [
    "%load-hook-with-arguments",
    "%load-verbosely-with-arguments",
    "AT_EACCESS",
    "AT_REMOVEDIR",
    "IN6ADDR_ANY",
    "IN6ADDR_LOOPBACK",
    "IPPROTO_IPV6",
    "IPV6_V6ONLY",
    "SEEK_DATA",
    "SEEK_HOLE",
    "chmodat",
    "chownat",
    "mkdirat",
    "open-fdes-at",
    "openat",
    "renameat",
    "spawn",
    "statat",
    "symlinkat",
    "unlinkat",
];

/// Whether `(guile)` shows NAME, provided that there is such a thing here.
pub fn shows(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok() || SINCE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(NAMES.is_sorted());
        assert!(shows("car") && shows("call-with-output-string") && shows("spawn"));
        assert!(!shows("fold") && !shows("string-match") && !shows("%record"));
    }
}
