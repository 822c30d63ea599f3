//! What an exception that `throw` made is, in the terms of (ice-9 exceptions).
//!
//! Guile makes a compound of simple exceptions from a key and its arguments;
//! ours answers as that compound, and is printed as it.

use crate::data::pairs;
use crate::data::value::{Value, list_value, symbol_value};

/// A simple exception: the name of its type, and its fields with their values.
pub struct Component {
    pub kind: &'static str,
    pub fields: Vec<(&'static str, Value)>,
}

fn component(kind: &'static str, fields: Vec<(&'static str, Value)>) -> Component {
    Component { kind, fields }
}

/// What `(throw KEY ARGUMENTS …)` raises.
pub fn components(key: &Value, arguments: &Value) -> Vec<Component> {
    let given = pairs::to_vec(arguments).unwrap_or_default();
    let name = match key {
        Value::SymbolV(name) => name.as_str(),
        _ => "",
    };
    let irritants = component("&irritants", vec![("irritants", arguments.clone())]);
    let mut components = match (name, &given[..]) {
        ("quit", _) => {
            let code = match given.first() {
                Some(Value::IntV(code)) => Value::IntV(*code),
                Some(Value::BoolV(false)) => Value::IntV(1),
                _ => Value::IntV(0),
            };
            vec![
                component("&quit-exception", vec![("code", code)]),
                irritants,
            ]
        }
        ("syntax-error", [origin, message, _, form, subform, ..]) => {
            let fields = vec![("form", form.clone()), ("subform", subform.clone())];
            vec![
                component("&syntax", fields),
                component("&origin", vec![("origin", origin.clone())]),
                component("&message", vec![("message", message.clone())]),
            ]
        }
        (_, [origin, message, irritants, ..]) => vec![
            component(kind_of(name), Vec::new()),
            component("&origin", vec![("origin", origin.clone())]),
            component("&message", vec![("message", message.clone())]),
            component("&irritants", vec![("irritants", irritants.clone())]),
        ],
        _ => vec![component(kind_of(name), Vec::new()), irritants],
    };
    components.push(component(
        "&exception-with-kind-and-args",
        vec![("kind", key.clone()), ("args", arguments.clone())],
    ));
    components
}

fn kind_of(key: &str) -> &'static str {
    match key {
        "wrong-type-arg"
        | "out-of-range"
        | "wrong-number-of-args"
        | "keyword-argument-error"
        | "goops-error"
        | "program-error"
        | "regular-expression-syntax" => "&assertion-failure",
        "numerical-overflow" | "stack-overflow" => "&implementation-restriction",
        "unbound-variable" => "&undefined-variable",
        "read-error" => "&lexical",
        "system-error" | "host-not-found" | "no-data" | "no-recovery" | "try-again"
        | "getaddrinfo-error" => "&external-error",
        _ => "&error",
    }
}

/// The components as Scheme has them: lists of the type's name and the fields' values.
pub fn as_list(key: &Value, arguments: &Value) -> Value {
    let shape = |component: Component| {
        let mut parts = vec![symbol_value(component.kind)];
        parts.extend(component.fields.into_iter().map(|(_, value)| value));
        list_value(parts)
    };
    list_value(components(key, arguments).into_iter().map(shape).collect())
}
