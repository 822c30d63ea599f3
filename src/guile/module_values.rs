//! Modules as Scheme values, and the natives that ask them things.

use super::modules::{Module, Name};
use super::pairs;
use super::syntax::Id;
use super::value::{Value, handle_value};
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static VALUES: RefCell<HashMap<usize, Value>> = RefCell::default();
}

/// MODULE as a value; the same one each time.
pub fn value_of(module: &Module) -> Value {
    VALUES.with(|values| {
        values
            .borrow_mut()
            .entry(module.address())
            .or_insert_with(|| handle_value("module", module.clone()))
            .clone()
    })
}

/// The module that VALUE is.
pub fn module_of(value: &Value) -> Option<Module> {
    super::value::handle::<Module>("module", std::slice::from_ref(value), 1)
        .ok()
        .map(|module| (*module).clone())
}

/// The module name that VALUE, a list of symbols, is.
pub fn name_of(value: &Value) -> Option<Name> {
    let words = pairs::to_vec(value)?;
    words
        .iter()
        .map(|word| match word {
            Value::SymbolV(name) => Some(Id::named(name.as_str())),
            Value::IntV(number) => Some(Id::named(&number.to_string())),
            _ => None,
        })
        .collect()
}
