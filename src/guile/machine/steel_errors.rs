//! Steel's own errors, translated to what Guile throws.

use crate::data::memory;
use crate::data::value::{Value, list_value, string_value, symbol_value};
use crate::machine::conditions::throw_object;
use steel::gc::ShareableMut;
use steel::rerrs::ErrorKind;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// What Guile throws where Steel reports KIND and MESSAGE.
pub fn translated(kind: ErrorKind, message: &str) -> Value {
    let no = Value::BoolV(false);
    let throw =
        |key: &str, arguments: Vec<Value>| throw_object(symbol_value(key), list_value(arguments));
    if message.contains("Interrupted by user") {
        if memory::was_exhausted() {
            return throw(memory::EXHAUSTED, memory::exhausted_arguments());
        }
        return throw(
            "interrupted",
            vec![
                no,
                string_value("~A"),
                list_value(vec![string_value("interrupted")]),
                list_value(Vec::new()),
            ],
        );
    }
    if message.contains("stack overflow") {
        return throw(
            "stack-overflow",
            vec![no.clone(), string_value("Stack overflow"), no.clone(), no],
        );
    }
    if let Some(name) = unbound_name(message) {
        return throw(
            "unbound-variable",
            vec![
                no.clone(),
                string_value("Unbound variable: ~S"),
                list_value(vec![symbol_value(name)]),
                no,
            ],
        );
    }
    let procedure = message
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_end_matches(':');
    let procedure = match procedure {
        "lte" => "<=",
        procedure => procedure,
    };
    if let Some((_, found)) = message
        .split_once("not a procedure or function type not supported: ")
        .or_else(|| message.split_once("application not a procedure: "))
        .or_else(|| message.split_once("not supported: "))
        .or_else(|| message.split_once("apply expects a function, found: "))
        .or_else(|| message.split_once("apply expected a function, found: "))
    {
        return throw(
            "wrong-type-arg",
            vec![
                no,
                string_value("Wrong type to apply: ~S"),
                list_value(vec![printed(found)]),
                list_value(vec![printed(found)]),
            ],
        );
    }
    let lowered = message.to_lowercase();
    if lowered.contains("divide by zero") || lowered.contains("division by zero") {
        return throw(
            "numerical-overflow",
            vec![
                symbol_value(procedure),
                string_value("Numerical overflow"),
                no.clone(),
                no,
            ],
        );
    }
    if lowered.contains("out of bounds") || lowered.contains("index") && lowered.contains("bound") {
        return throw(
            "out-of-range",
            vec![
                string_value(procedure),
                string_value("Value out of range: ~A"),
                list_value(vec![string_value(message)]),
                list_value(Vec::new()),
            ],
        );
    }
    // Steel has its own words for the one list that has neither.
    if message.contains("empty list")
        && let Some(procedure @ ("car" | "cdr")) = message.get(..3)
    {
        return throw(
            "wrong-type-arg",
            vec![
                string_value(procedure),
                string_value("Wrong type argument in position 1 (expecting pair): ~S"),
                list_value(vec![pairs::nil()]),
                list_value(vec![pairs::nil()]),
            ],
        );
    }
    match kind {
        ErrorKind::ArityMismatch => throw(
            "wrong-number-of-args",
            vec![
                no.clone(),
                string_value("Wrong number of arguments to ~A"),
                list_value(vec![shown(SOME_PROCEDURE)]),
                no,
            ],
        ),
        ErrorKind::TypeMismatch | ErrorKind::ConversionError => {
            let found = message
                .rsplit_once("found: ")
                .or_else(|| message.rsplit_once("Found: "))
                .or_else(|| message.rsplit_once("got: "))
                .map_or(message, |(_, found)| found);
            let (position, found) = culprit(found.trim_end_matches(['`', '.']));
            // Guile counts whatever is no number as the first of `=`.
            let position = if procedure == "=" { 1 } else { position };
            if matches!(procedure, "car" | "cdr") {
                return throw(
                    "wrong-type-arg",
                    vec![
                        string_value(procedure),
                        string_value("Wrong type argument in position 1 (expecting pair): ~S"),
                        list_value(vec![found.clone()]),
                        list_value(vec![found]),
                    ],
                );
            }
            throw(
                "wrong-type-arg",
                vec![
                    string_value(procedure),
                    string_value("Wrong type argument in position ~A: ~S"),
                    list_value(vec![Value::IntV(position), found.clone()]),
                    list_value(vec![found]),
                ],
            )
        }
        _ => throw(
            "misc-error",
            vec![
                no.clone(),
                string_value("~A"),
                list_value(vec![string_value(message)]),
                no,
            ],
        ),
    }
}

/// The name in the marker that an unbound variable holds, when MESSAGE shows one.
fn unbound_name(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("#<unbound ")?;
    // A name may hold `>` itself; the marker's own is followed by no more of one.
    rest.char_indices()
        .filter(|(_, c)| *c == '>')
        .map(|(end, _)| end)
        .find(|end| !rest[end + 1..].starts_with(|c: char| c == '>' || c.is_alphanumeric()))
        .map(|end| &rest[..end])
}

/// The operand that is no number in FOUND, which is one operand or two joined
/// by "and", with its position.
fn culprit(found: &str) -> (isize, Value) {
    if let Some((first, second)) = found.split_once(" and ") {
        let first = printed(first);
        let is_number = matches!(
            first,
            Value::IntV(_)
                | Value::NumV(_)
                | Value::Rational(_)
                | Value::BigNum(_)
                | Value::BigRational(_)
        );
        return if is_number {
            (2, printed(second))
        } else {
            (1, first)
        };
    }
    (1, printed(found))
}

/// What a procedure shows as of which the machine tells nothing.
pub const SOME_PROCEDURE: &str = "#<procedure>";

/// A value of which only its look is left.
struct Shown(String);

impl Custom for Shown {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok(self.0.clone()))
    }
}

/// Steel shows the offending value in its messages and nowhere else; what it
/// printed reads back as the value, as far as it can be read back.
fn printed(text: &str) -> Value {
    // Symbols and lists are shown quoted.
    let text = text.trim().strip_prefix('\'').unwrap_or(text.trim());
    if text == "#<void>" {
        return Value::Void;
    }
    reader::read_value(text).unwrap_or_else(|| shown(text))
}

/// Whether VALUE stands for a procedure of which the machine tells nothing.
pub fn is_some_procedure(value: &Value) -> bool {
    let Value::Custom(custom) = value else {
        return false;
    };
    as_underlying_type::<Shown>(custom.read().as_ref())
        .is_some_and(|shown| shown.0 == SOME_PROCEDURE)
}

/// A value that shows as TEXT.
pub fn shown(text: &str) -> Value {
    Shown(text.to_owned())
        .into_steelval()
        .expect("a custom value is always a value")
}
