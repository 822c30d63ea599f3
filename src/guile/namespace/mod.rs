//! Modules, scopes and bindings: which thing a name means.

pub mod boot;
pub mod boot_index;
pub mod guile_names;
pub mod keywords;
pub mod modules;
pub mod names;
pub mod registry;
pub mod scope;
pub mod variables;
