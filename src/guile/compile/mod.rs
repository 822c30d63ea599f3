//! Compiling: core forms as text for Steel, with a map back to the source.

pub mod constants;
pub mod emitter;
pub mod source_map;
