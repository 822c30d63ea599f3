//! The language: GNU Guile 3 as a front end to Steel's virtual machine.

pub mod conditions;
pub mod interpreter;
pub mod library;
pub mod natives;
pub mod pairs;
pub mod records;
pub mod symbols;
pub mod value;
pub mod vm;
