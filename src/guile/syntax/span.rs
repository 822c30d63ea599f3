//! Spans: stretches of source texts.

/// A stretch of a source text: which source, and byte offsets into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}
