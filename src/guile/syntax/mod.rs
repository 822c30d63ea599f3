//! Syntax: what the reader makes of a program and the expander works on.

pub mod error;
pub mod identifier;
pub mod object;
pub mod source;
pub mod span;
pub mod stx;
