//! The language: GNU Guile 3 as a front end to Steel's virtual machine.
//!
//! A text becomes syntax in `read`, core forms in `expand`, text for the machine in
//! `compile`; `eval` feeds that to the machine unit by unit, and [`interpreter`] is
//! what the command line holds in its hand.
//!
//! The rooms stand on floors, and every import runs downwards. From the bottom:
//! `data`, `syntax`, `read`, `library`, `tree_il`, `namespace`, `machine`, `compile`,
//! `expand`, `kept`, `eval`. Others use only what is named here.

mod carried;
mod compile;
#[doc(hidden)]
pub mod data;
mod eval;
mod expand;
mod kept;
#[doc(hidden)]
pub mod library;
mod machine;
mod namespace;
mod read;
mod syntax;
mod tree_il;

pub use data::{memory, native as natives, pairs, value};
pub use eval::interpreter;
pub use kept::shelf;
pub use library::outside;
pub use machine::vm;
pub use read::builder::SyntaxBuilder;
pub use read::reader;
pub use read::tree;
pub use syntax::source;
pub use syntax::stx::Stx;

/// The Scheme files of the language that the binary carries, as (path below `scheme`, text).
pub fn modules() -> &'static [(&'static str, &'static str)] {
    carried::SCHEME
}
