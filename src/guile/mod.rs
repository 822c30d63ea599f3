//! The language: GNU Guile 3 as a front end to Steel's virtual machine.
//!
//! A text becomes syntax in [`reader`], core forms in [`expander`], text for the
//! machine in [`emitter`]; [`loader`] feeds that to the machine unit by unit, and
//! [`interpreter`] is what the command line holds in its hand.

mod backtrace;
mod boot;
mod boot_index;
pub mod conditions;
mod constants;
pub mod control;
mod core;
mod emitter;
mod environments;
mod expander;
mod extents;
mod facades;
mod internals;
pub mod interpreter;
pub mod library;
mod loader;
pub mod memory;
mod module_values;
mod modules;
pub mod natives;
mod outline;
pub mod pairs;
pub mod procedures;
pub mod reader;
mod record_natives;
pub mod records;
mod report;
pub mod roots;
mod several;
pub mod source;
mod source_map;
pub mod symbols;
pub mod syntax;
mod syntax_objects;
mod tables;
mod throw_shape;
mod unparse;
pub mod value;
pub mod vm;
pub mod world;
