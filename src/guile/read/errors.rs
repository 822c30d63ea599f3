//! What Guile throws for texts that are not there or cannot be read.

use crate::data::native::Raise;
use crate::data::value::{Value, list_value, string_value};
use crate::read::reader::{self, ReadError};
use crate::syntax::span::Span;

/// What Guile throws when FILE is not there.
pub fn no_such_file(procedure: &str, file: &str) -> Raise {
    Raise::throw(
        "system-error",
        vec![
            string_value(procedure),
            string_value("~A: ~S"),
            list_value(vec![
                string_value("No such file or directory"),
                string_value(file),
            ]),
            list_value(vec![Value::IntV(2)]),
        ],
    )
}

/// What Guile throws for a text that cannot be read.
pub fn read_error(error: &ReadError) -> Raise {
    let shown = Span {
        start: error.span.end,
        ..error.span
    };
    let place = shown.place().map_or_else(String::new, |place| {
        format!("{}:{}:{}: ", place.file, place.line, place.column + 1)
    });
    if let Some(raise) = reader::raise_of(error) {
        return raise;
    }
    Raise::throw(
        "read-error",
        vec![
            Value::BoolV(false),
            string_value(format!("{place}{}", error.message)),
            list_value(error.arguments.clone()),
            Value::BoolV(false),
        ],
    )
}
