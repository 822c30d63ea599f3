//! The marker that a variable without a value holds.

use crate::data::value::Value;
use std::rc::Rc;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// What a variable without a value holds.
#[derive(Clone)]
struct Unbound {
    name: Rc<str>,
}

impl Custom for Unbound {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok(format!("#<unbound {}>", self.name)))
    }
}

/// The name of the variable whose marker VALUE is.
pub fn unbound_name(value: &Value) -> Option<Rc<str>> {
    let Value::Custom(custom) = value else {
        return None;
    };
    let custom = custom.read();
    as_underlying_type::<Unbound>(custom.as_ref()).map(|unbound| unbound.name.clone())
}

/// The marker of unbound variable NAME.
pub fn unbound_marker(name: &str) -> Value {
    Unbound { name: name.into() }
        .into_steelval()
        .expect("a custom value is always a value")
}
