//! What the binary carries of `scheme/guile`.

/// Every file of `scheme/guile`, as (path below `scheme`, text), sorted by path.
pub static SCHEME: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scheme.rs"));

/// The text of the file at PATH, such as `guile/srfi/srfi-1.scm`.
pub fn scheme(path: &str) -> Option<&'static str> {
    find(SCHEME, path)
}

/// The text at PATH in FILES, which are sorted by path.
pub fn find(files: &'static [(&str, &str)], path: &str) -> Option<&'static str> {
    files
        .binary_search_by(|(name, _)| name.cmp(&path))
        .ok()
        .map(|index| files[index].1)
}
