//! The language: GNU Guile 3 as a front end to Steel's virtual machine.

pub mod interpreter;
pub mod natives;
pub mod pairs;
pub mod symbols;
pub mod value;
pub mod vm;
