//! Guile's errors as its own procedures raise them: keys, messages and argument shapes.
//!
//! Source: GNU Guile reference manual, "Error Reporting"; the shapes were read off Guile 3.0.8.

use crate::data::native::Raise;
use crate::data::pairs;
use crate::data::value::{Value, string_value};

fn int(number: usize) -> Value {
    Value::IntV(number as isize)
}

fn throw(
    key: &str,
    procedure: Option<&str>,
    message: &str,
    args: Vec<Value>,
    data: Value,
) -> Raise {
    Raise::throw(
        key,
        vec![
            procedure.map_or(Value::BoolV(false), string_value),
            string_value(message),
            pairs::list(args),
            data,
        ],
    )
}

/// Argument POSITION of PROCEDURE has the wrong type.
#[cold]
pub fn wrong_type(procedure: &str, position: usize, value: &Value) -> Raise {
    throw(
        "wrong-type-arg",
        Some(procedure),
        "Wrong type argument in position ~A: ~S",
        vec![int(position), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// VALUE was called, and is no procedure.
#[cold]
pub fn not_applicable(value: &Value) -> Raise {
    throw(
        "wrong-type-arg",
        None,
        "Wrong type to apply: ~S",
        vec![value.clone()],
        pairs::list([value.clone()]),
    )
}

/// Argument POSITION of PROCEDURE is not a WANTED.
#[cold]
pub fn expecting(procedure: &str, position: usize, wanted: &str, value: &Value) -> Raise {
    throw(
        "wrong-type-arg",
        Some(procedure),
        "Wrong type argument in position ~A (expecting ~A): ~S",
        vec![int(position), string_value(wanted), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// Argument 1 of one of the procedures that Guile's machine has instructions for is not a WANTED.
#[cold]
pub fn first_expecting(procedure: &str, wanted: &str, value: &Value) -> Raise {
    instruction_expecting(procedure, 1, wanted, value)
}

/// The same for argument POSITION.
#[cold]
pub fn instruction_expecting(
    procedure: &str,
    position: usize,
    wanted: &str,
    value: &Value,
) -> Raise {
    throw(
        "wrong-type-arg",
        Some(procedure),
        &format!("Wrong type argument in position {position} (expecting {wanted}): ~S"),
        vec![value.clone()],
        pairs::list([value.clone()]),
    )
}

/// The index of such a procedure is out of range.
#[cold]
pub fn index_out_of_range(procedure: &str, value: &Value) -> Raise {
    throw(
        "out-of-range",
        Some(procedure),
        "Argument 2 out of range: ~S",
        vec![value.clone()],
        pairs::list([value.clone()]),
    )
}

/// What should be put into a uniform vector is none of its elements.
#[cold]
pub fn element_out_of_range(procedure: &str, value: &Value) -> Raise {
    throw(
        "out-of-range",
        Some(procedure),
        "Argument 3 out of range: ~S",
        vec![value.clone()],
        pairs::list([value.clone()]),
    )
}

/// Something that PROCEDURE met is not a WANTED; the position is not known.
#[cold]
pub fn not_a(procedure: &str, wanted: &str, value: &Value) -> Raise {
    throw(
        "wrong-type-arg",
        Some(procedure),
        "Wrong type (expecting ~A): ~S",
        vec![string_value(wanted), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// Something is not a WANTED, and Guile tells neither procedure nor position.
#[cold]
pub fn expected(wanted: &str, value: &Value) -> Raise {
    throw(
        "wrong-type-arg",
        None,
        "Wrong type (expecting ~A): ~S",
        vec![string_value(wanted), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// Argument POSITION of PROCEDURE is out of range.
#[cold]
pub fn out_of_range(procedure: &str, position: usize, value: &Value) -> Raise {
    throw(
        "out-of-range",
        Some(procedure),
        "Argument ~A out of range: ~S",
        vec![int(position), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// VALUE is not one that PROCEDURE can take.
#[cold]
pub fn value_out_of_range(procedure: &str, value: &Value) -> Raise {
    throw(
        "out-of-range",
        Some(procedure),
        "Value out of range: ~S",
        vec![value.clone()],
        pairs::list([value.clone()]),
    )
}

/// What is empty has no element VALUE.
#[cold]
pub fn empty_has_no(value: &Value) -> Raise {
    throw(
        "out-of-range",
        None,
        "Value out of range: ~S",
        vec![value.clone()],
        pairs::list([value.clone()]),
    )
}

/// VALUE should have been from LOW to HIGH.
#[cold]
pub fn not_between(low: isize, high: isize, value: &Value) -> Raise {
    throw(
        "out-of-range",
        None,
        "Value out of range ~S to< ~S: ~S",
        vec![Value::IntV(low), Value::IntV(high), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// VALUE should have been from LOW to HIGH, both included.
#[cold]
pub fn not_from_to(low: isize, high: isize, value: &Value) -> Raise {
    throw(
        "out-of-range",
        None,
        "Value out of range ~S to ~S: ~S",
        vec![Value::IntV(low), Value::IntV(high), value.clone()],
        pairs::list([value.clone()]),
    )
}

/// Division by zero.
#[cold]
pub fn overflow(procedure: &str) -> Raise {
    Raise::throw(
        "numerical-overflow",
        vec![
            string_value(procedure),
            string_value("Numerical overflow"),
            Value::BoolV(false),
            Value::BoolV(false),
        ],
    )
}

/// `(error …)` raised by PROCEDURE: MESSAGE is a format string for ARGS.
#[cold]
pub fn misc(procedure: &str, message: &str, args: Vec<Value>) -> Raise {
    throw(
        "misc-error",
        Some(procedure),
        message,
        args,
        Value::BoolV(false),
    )
}

/// `(error …)` raised by no procedure: MESSAGE is a format string for ARGS.
#[cold]
pub fn misc_without_procedure(message: &str, args: Vec<Value>) -> Raise {
    throw("misc-error", None, message, args, Value::BoolV(false))
}

/// An operation that Scheme values of this machine do not allow; HINT names the way around.
#[cold]
pub fn unsupported(procedure: &str, hint: &str, value: &Value) -> Raise {
    throw(
        "misc-error",
        Some(procedure),
        "cannot change ~S: ~A",
        vec![value.clone(), string_value(hint)],
        Value::BoolV(false),
    )
}

/// What the operating system calls error CODE.
pub fn system_message(code: i32) -> String {
    let text = std::io::Error::from_raw_os_error(code).to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A failed system call of PROCEDURE.
#[cold]
pub fn system(procedure: &str, code: i32) -> Raise {
    throw(
        "system-error",
        Some(procedure),
        "~A",
        vec![string_value(system_message(code))],
        pairs::list([Value::IntV(code as isize)]),
    )
}

/// A failed system call of PROCEDURE, about the file at PATH.
#[cold]
pub fn system_about(procedure: &str, code: i32, path: &str) -> Raise {
    throw(
        "system-error",
        Some(procedure),
        "~A: ~S",
        vec![string_value(system_message(code)), string_value(path)],
        pairs::list([Value::IntV(code as isize)]),
    )
}

/// The error number in ERROR, or that of an input/output error.
pub fn code(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// The error number that the last failed call of the C library left.
pub fn last_code() -> i32 {
    code(&std::io::Error::last_os_error())
}
