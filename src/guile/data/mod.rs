//! Values: what programs compute with, and the types of the primitives that Rust gives them.
//!
//! Nothing here knows of syntax, modules or the machine that runs programs.

pub mod args;
pub mod arrays;
pub mod bitvectors;
pub mod builtins;
pub mod bytevectors;
pub mod char_sets;
pub mod characters;
pub mod circles;
pub mod clock;
pub mod errors;
pub mod identity;
pub mod interrupt;
pub mod limits;
pub mod memory;
pub mod native;
pub mod number_syntax;
pub mod numbers;
pub mod pairs;
pub mod records;
pub mod roots;
pub mod strings;
pub mod symbols;
pub mod tables;
pub mod throw_shape;
pub mod unbound;
pub mod uniform;
pub mod value;
pub mod vectors;
