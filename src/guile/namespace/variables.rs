//! Variables as Scheme values.

use crate::data::value::{self, Value};
use crate::namespace::scope::Binding;
use crate::syntax::identifier::Id;
use crate::tree_il::Variable;
use std::rc::Rc;

/// A variable as Scheme sees it: one of the machine's, or a keyword.
pub enum VariableValue {
    Global(Rc<Variable>),
    Syntax(Id, Binding),
}

/// The variable that VALUE is.
pub fn variable_of(value: &Value) -> Option<Rc<VariableValue>> {
    value::handle::<VariableValue>("variable", std::slice::from_ref(value), 1).ok()
}
