//! What the binary carries beside the language: Scheme modules, harnesses and fixtures.
//!
//! Set `FRUIX_SCM_SCHEME` to a checkout's `scheme/` to try changes there
//! without building; the caller that reads the environment passes it on.

/// Every file of `scheme/fruix` and `scheme/harness`, as (path below `scheme`, text), sorted by path.
pub static SCHEME: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scheme.rs"));

/// `fixtures/` as a tar archive.
pub static FIXTURES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fixtures.tar"));

/// The text of the Scheme file at PATH, such as `fruix/store.scm`.
///
/// ```
/// assert!(fruix_scm::embedded::scheme("no/such/file.scm").is_none());
/// ```
pub fn scheme(path: &str) -> Option<&'static str> {
    SCHEME
        .binary_search_by(|(name, _)| name.cmp(&path))
        .ok()
        .map(|index| SCHEME[index].1)
}
