//! The machine: Steel's virtual machine, calls and continuations, exceptions on their way.

pub mod conditions;
pub mod control;
pub mod extents;
pub mod procedures;
pub mod steel_errors;
pub mod vm;
