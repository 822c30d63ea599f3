//! What the analysis of a text asks about modules outside of it.

use super::formals::Arity;
use std::collections::HashSet;
use std::rc::Rc;

/// The words of a module's name.
pub type Name = Vec<String>;

/// What a name is that a module exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nature {
    Procedure(Arity),
    /// A form that is not looked into, unless it is in the table of forms.
    Macro {
        /// It is one of the modules that the binary carries.
        carried: bool,
        /// It can define no name but those that it is given.
        rules: bool,
    },
    Variable,
    /// Nobody knows; it may be a macro.
    Unknown,
}

/// Modules, by their names.
pub trait Library {
    /// The names that MODULE exports; nothing when there is no such module, or nobody
    /// knows them all.
    fn exports(&self, module: &[String]) -> Option<Rc<HashSet<Rc<str>>>>;

    /// Whether there is such a MODULE.
    fn is_there(&self, module: &[String]) -> bool;

    /// The names that a program sees which imports nothing; those of the language's own
    /// module when PROGRAM is false.
    fn given(&self, program: bool) -> Rc<HashSet<Rc<str>>>;

    /// What MODULE exports as NAME.
    fn nature(&self, module: &[String], name: &str) -> Nature;

    /// The modules that export NAME, the most usual first.
    fn exporters(&self, name: &str) -> Vec<Name>;
}

/// MODULE as Scheme writes it.
pub fn written(module: &[String]) -> String {
    format!("({})", module.join(" "))
}
