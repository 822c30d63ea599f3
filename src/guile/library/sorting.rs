//! Sorting without calling Scheme: when the order is one of the well-known
//! procedures and all items are of its kind.

use crate::data::identity::is_eq;
use crate::data::native::{Machine, Outcome};
use crate::data::value::Value;
use crate::data::{characters, numbers, pairs, strings as text, vectors};
use crate::library::strings;
use crate::natives;
use std::cmp::Ordering;

/// An order that Rust knows.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Number,
    Text,
    Character,
}

struct Known {
    procedure: Value,
    order: Order,
    descending: bool,
}

/// The well-known procedures; those that hold for equal items are left out of
/// none: a stable sort by `<=` is one by `<` with equal items turned round,
/// which nobody can see in numbers, strings and characters.
fn known(procedure: &Value) -> Option<(Order, bool)> {
    thread_local! {
        static KNOWN: Vec<Known> = {
            let mut known = Vec::new();
            for native in numbers::natives().into_iter().chain(strings::natives()).flatten().chain(characters::NATIVES) {
                let (order, descending) = match native.name {
                    "<" | "<=" => (Order::Number, false),
                    ">" | ">=" => (Order::Number, true),
                    "string<?" => (Order::Text, false),
                    "string>?" => (Order::Text, true),
                    "char<?" => (Order::Character, false),
                    "char>?" => (Order::Character, true),
                    _ => continue,
                };
                known.push(Known { procedure: (native.value)(), order, descending });
            }
            known
        };
    }
    KNOWN.with(|known| {
        known
            .iter()
            .find(|known| is_eq(&known.procedure, procedure))
            .map(|known| (known.order, known.descending))
    })
}

fn compare(order: Order, a: &Value, b: &Value) -> Ordering {
    match (order, a, b) {
        (Order::Number, Value::IntV(a), Value::IntV(b)) => a.cmp(b),
        (Order::Text, Value::StringV(a), Value::StringV(b)) => text::of(a).cmp(text::of(b)),
        (Order::Character, Value::CharV(a), Value::CharV(b)) => a.cmp(b),
        (Order::Number, a, b) => numbers::compare("<", a, b)
            .ok()
            .flatten()
            .unwrap_or(Ordering::Equal),
        _ => Ordering::Equal,
    }
}

fn is_sortable(order: Order, value: &Value) -> bool {
    match (order, value) {
        (Order::Number, Value::NumV(number)) => !number.is_nan(),
        (Order::Number, Value::Complex(_)) => false,
        (Order::Number, value) => numbers::is_number(value),
        (Order::Text, value) => matches!(value, Value::StringV(_)),
        (Order::Character, value) => matches!(value, Value::CharV(_)),
    }
}

/// (%sort-natively items less?) -> sorted list or vector, or #f
fn sort_natively(machine: &mut Machine, args: &[Value]) -> Outcome {
    let no = Ok(Value::BoolV(false));
    let Some((order, descending)) = known(&args[1]) else {
        return no;
    };
    let vector = vectors::with(&args[0], <[Value]>::to_vec);
    let is_vector = vector.is_some();
    let Some(mut items) = vector.or_else(|| pairs::to_vec(&args[0])) else {
        return no;
    };
    if !items.iter().all(|item| is_sortable(order, item)) {
        return no;
    }
    items.sort_by(|a, b| {
        if descending {
            compare(order, b, a)
        } else {
            compare(order, a, b)
        }
    });
    Ok(if is_vector {
        machine.vector(items)
    } else {
        pairs::list(items)
    })
}

natives! {
    /// (%sort-natively items less?) -> sorted list or vector, or #f when that takes calls of LESS?
    "%sort-natively" (2) with machine => sort_natively,
}
