//! Where the definitions of a text of `scheme/guile/boot` begin.
//!
//! Compiled into the build script as well, which writes the index of the texts
//! that the binary carries: making it anew at every start would be felt.

/// A definition of a text.
pub struct Found<'t> {
    pub name: &'t str,
    /// Where its bracket opens, in bytes.
    pub start: usize,
    /// Whether it defines a macro.
    pub keyword: bool,
}

/// The definitions of TEXT. Each begins with `(define` at the start of a line, and
/// nothing else does.
pub fn definitions(text: &str) -> impl Iterator<Item = Found<'_>> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(position, _)| position + 1))
        .filter_map(|start| {
            let rest = text[start..].strip_prefix("(define")?;
            let (definer, rest) = rest.split_once(' ')?;
            let name = rest.trim_start_matches('(');
            let end = name
                .find(|c: char| c.is_whitespace() || c == ')' || c == '(')
                .unwrap_or(name.len());
            Some(Found {
                name: &name[..end],
                start,
                keyword: definer.starts_with("-syntax"),
            })
        })
}
