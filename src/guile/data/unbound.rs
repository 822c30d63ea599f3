//! The marker that a variable without a value holds.

use crate::data::value::Value;
use std::rc::Rc;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// What the machine shows of the marker when a program calls it, about the name. No
/// other value shows these characters: text that has them is escaped.
const BEFORE: &str = "\u{1}#<unbound ";
const AFTER: &str = ">\u{1}";

/// The name of the variable whose marker SHOWN is.
pub fn shown_name(shown: &str) -> Option<&str> {
    shown.trim().strip_prefix(BEFORE)?.strip_suffix(AFTER)
}

/// What a variable without a value holds.
#[derive(Clone)]
struct Unbound {
    name: Rc<str>,
}

impl Custom for Unbound {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok(format!("{BEFORE}{}{AFTER}", self.name)))
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
