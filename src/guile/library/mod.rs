//! Guile's own procedures as natives: the part of module `(guile)` that is
//! neither syntax nor control flow.

use super::natives::Native;
use super::value::Value;

/// The natives of module `(guile)`, list by list. A later list does not
/// replace a name of an earlier one; each name occurs once.
pub fn natives() -> Vec<&'static [Native]> {
    Vec::new()
}

/// What reading returns at the end of a port.
pub fn eof_object() -> Value {
    thread_local! {
        static EOF: Value = super::value::handle_value("eof", ());
    }
    EOF.with(Value::clone)
}

/// VALUE as `write` prints it.
pub fn written(value: &Value) -> String {
    match value {
        Value::StringV(text) => format!("{:?}", text.as_str()),
        _ => displayed(value),
    }
}

/// VALUE as `display` prints it.
pub fn displayed(value: &Value) -> String {
    match value {
        Value::StringV(text) | Value::SymbolV(text) => text.to_string(),
        _ => value.to_string(),
    }
}
