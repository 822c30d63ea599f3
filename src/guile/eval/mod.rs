//! Evaluation: loading programs and modules, and what comes of it.

pub mod backtrace;
pub mod environments;
pub mod internals;
pub mod interpreter;
pub mod loader;
pub mod module_values;
pub mod outline;
pub mod record_natives;
pub mod report;
pub mod unparse;
