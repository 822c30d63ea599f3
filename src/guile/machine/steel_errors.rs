//! Steel's own errors, translated to what Guile throws.

use crate::data::memory::Exhausted;
use crate::data::value::{Value, list_value, string_value, symbol_value};
use crate::data::{interrupt, memory, pairs, unbound};
use crate::machine::conditions::throw_object;
use crate::read::reader;
use std::borrow::Cow;
use steel::gc::ShareableMut;
use steel::rerrs::ErrorKind;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// How Steel's machine begins to say that it cannot call a value, which follows.
const NOT_CALLED: [(ErrorKind, &str); 5] = [
    (
        ErrorKind::BadSyntax,
        "Function application not a procedure or function type not supported: ",
    ),
    (
        ErrorKind::BadSyntax,
        "TailCall - Application not a procedure or function type",
    ),
    (ErrorKind::TypeMismatch, "application not a procedure: "),
    (
        ErrorKind::TypeMismatch,
        "apply expected a function, found: ",
    ),
    (ErrorKind::Generic, "apply expects a function, found: "),
];

/// How Steel begins to say which operand is not of the type that an instruction
/// takes, each with Guile's name of the procedure.
const WRONG_OPERANDS: [(&str, &str); 14] = [
    ("=", "= expects two numbers, found: "),
    ("+", "+ expected all numbers, found: "),
    ("+", "+ expected a number, found: "),
    ("+", "+ expects numbers, found: "),
    ("+", "add expected a number, found: "),
    ("-", "- expected all numbers, found: "),
    ("-", "- expected a number, found: "),
    ("-", "sub expected a number, found: "),
    ("*", "multiply expected an number, found: "),
    ("<=", "lte expected an number, found: "),
    ("<=", "lte expected a number, found: "),
    ("car", "car expected a list or pair, found: "),
    ("cdr", "cdr expects a list, found: "),
    ("cdr", "cdr expected a list or pair, found: "),
];

/// What Steel says of the one list that has neither car nor cdr.
const EMPTY_LISTS: [(&str, &str); 2] = [
    ("car", "car resulted in an error - empty list"),
    ("cdr", "cdr expects a non empty list"),
];

/// The fields of an error: its key and what goes with it.
fn thrown(key: &str, arguments: Vec<Value>) -> Value {
    throw_object(symbol_value(key), list_value(arguments))
}

/// What Guile throws where Steel reports KIND and MESSAGE. Only what Steel itself
/// has written decides, kind and beginning: what follows is the program's data.
pub fn translated(kind: ErrorKind, message: &str) -> Value {
    let no = || Value::BoolV(false);
    let after = |said: &str| message.strip_prefix(said);
    if kind == ErrorKind::Generic {
        if is_interruption(message)
            && let Some(exhausted) = memory::was_exhausted()
        {
            return match exhausted {
                // A budget that nobody holds the program to any more is no limit of its own.
                Exhausted::Memory | Exhausted::Budget => {
                    thrown(memory::EXHAUSTED, memory::exhausted_arguments())
                }
                Exhausted::Frames => stack_overflow(),
            };
        }
        if is_interruption(message) {
            // It has arrived, and is not to arrive once more elsewhere.
            let _ = interrupt::take_interrupt();
            return thrown(
                "interrupted",
                vec![
                    no(),
                    string_value("~A"),
                    list_value(vec![string_value("interrupted")]),
                    list_value(Vec::new()),
                ],
            );
        }
        if matches!(message, "stack overflowed!" | "call/cc: stack overflowed!")
            || after("stack overflow! The rust call stack").is_some()
        {
            return stack_overflow();
        }
    }
    let not_called = NOT_CALLED
        .iter()
        .filter(|(known, _)| *known == kind)
        .find_map(|(_, said)| after(said));
    if let Some(found) = not_called {
        // One of the sentences goes on after a line's end.
        let found = found
            .trim_start()
            .strip_prefix("not supported: ")
            .unwrap_or(found);
        return not_a_procedure(found);
    }
    if kind == ErrorKind::ArityMismatch {
        return thrown(
            "wrong-number-of-args",
            vec![
                no(),
                string_value("Wrong number of arguments to ~A"),
                list_value(vec![shown(SOME_PROCEDURE)]),
                no(),
            ],
        );
    }
    if let Some((procedure, _)) = EMPTY_LISTS.iter().find(|(_, said)| *said == message) {
        return not_a_pair(procedure, pairs::nil());
    }
    let operand = WRONG_OPERANDS
        .iter()
        .find_map(|(procedure, said)| Some((*procedure, after(said)?)));
    if let Some((procedure, found)) = operand {
        let (position, found) = culprit(found);
        // Guile counts whatever is no number as the first of `=`.
        let position = if procedure == "=" { 1 } else { position };
        if matches!(procedure, "car" | "cdr") {
            return not_a_pair(procedure, found);
        }
        return thrown(
            "wrong-type-arg",
            vec![
                string_value(procedure),
                string_value("Wrong type argument in position ~A: ~S"),
                list_value(vec![Value::IntV(position), found.clone()]),
                list_value(vec![found]),
            ],
        );
    }
    match kind {
        ErrorKind::TypeMismatch | ErrorKind::ConversionError => {
            let (procedure, _) = message.split_once(' ').unwrap_or((message, ""));
            let found = message
                .split_once("ound: ")
                .map_or(message, |(_, found)| found);
            thrown(
                "wrong-type-arg",
                vec![
                    string_value(procedure),
                    string_value("Wrong type argument in position ~A: ~S"),
                    list_value(vec![Value::IntV(1), printed(found)]),
                    list_value(vec![printed(found)]),
                ],
            )
        }
        _ => thrown(
            "misc-error",
            vec![
                no(),
                string_value("~A"),
                list_value(vec![string_value(message)]),
                no(),
            ],
        ),
    }
}

/// The key of what Guile throws when a recursion is too deep.
pub const STACK_OVERFLOW: &str = "stack-overflow";

fn stack_overflow() -> Value {
    let no = || Value::BoolV(false);
    thrown(
        STACK_OVERFLOW,
        vec![no(), string_value("Stack overflow"), no(), no()],
    )
}

/// Whether MESSAGE, of a generic error, is what the machine says when somebody has
/// interrupted it.
pub fn is_interruption(message: &str) -> bool {
    message.starts_with("Thread: ") && message.ends_with(" - Interrupted by user")
}

fn not_a_procedure(found: &str) -> Value {
    if let Some(name) = unbound::shown_name(found) {
        return thrown(
            "unbound-variable",
            vec![
                Value::BoolV(false),
                string_value("Unbound variable: ~S"),
                list_value(vec![symbol_value(name)]),
                Value::BoolV(false),
            ],
        );
    }
    thrown(
        "wrong-type-arg",
        vec![
            Value::BoolV(false),
            string_value("Wrong type to apply: ~S"),
            list_value(vec![printed(found)]),
            list_value(vec![printed(found)]),
        ],
    )
}

fn not_a_pair(procedure: &str, found: Value) -> Value {
    thrown(
        "wrong-type-arg",
        vec![
            string_value(procedure),
            string_value("Wrong type argument in position 1 (expecting pair): ~S"),
            list_value(vec![found.clone()]),
            list_value(vec![found]),
        ],
    )
}

/// The operand that is no number in FOUND, which is one operand or two joined
/// by "and", with its position.
fn culprit(found: &str) -> (isize, Value) {
    // A string among the operands may hold the word, too.
    let two = found
        .match_indices(" and ")
        .map(|(at, word)| (&found[..at], &found[at + word.len()..]))
        .find(|(first, _)| reads(first));
    if let Some((first, second)) = two.or_else(|| found.split_once(" and ")) {
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
    let text = &*with_labels_in_place(unquoted(text));
    match text {
        "#<void>" => Value::Void,
        // Nothing of a record is shown but that it is one.
        "(guile-record)" => shown("#<record>"),
        text => reader::read_value(text).unwrap_or_else(|| shown(text)),
    }
}

/// TEXT, in which Steel shows what occurs twice on lines of their own before the value, as
/// `#0=#(1 #0#)` and then `#0#`, with each of these where it first occurs.
fn with_labels_in_place(text: &str) -> Cow<'_, str> {
    let mut definitions = Vec::new();
    let mut rest = text;
    while let Some((label, more)) = rest
        .strip_prefix('#')
        .and_then(|after| after.split_once('='))
        .filter(|(label, _)| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()))
    {
        let Some((definition, after)) = more.split_once('\n') else {
            break;
        };
        definitions.push((label, definition));
        rest = after;
    }
    if definitions.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut whole = rest.to_owned();
    for (label, definition) in definitions {
        whole = whole.replacen(&format!("#{label}#"), &format!("#{label}={definition}"), 1);
    }
    Cow::Owned(whole)
}

/// TEXT without the quote with which symbols and lists are shown.
fn unquoted(text: &str) -> &str {
    text.trim().strip_prefix('\'').unwrap_or(text.trim())
}

/// Whether TEXT is the look of one whole value.
fn reads(text: &str) -> bool {
    reader::read_value(unquoted(text)).is_some()
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
