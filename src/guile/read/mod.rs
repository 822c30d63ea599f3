//! Reading: from text to syntax and to data.

pub mod builder;
pub mod errors;
pub mod reader;
pub mod tree;
