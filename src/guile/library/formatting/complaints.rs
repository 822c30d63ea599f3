//! What `format` says of a format that is wrong: where in it, and why.

use crate::data::native::Raise;
use crate::data::value::Value;
use crate::data::{errors, pairs};

pub(super) fn fail(message: &str, args: Vec<Value>) -> Raise {
    errors::misc_without_procedure(&format!("{COMPLAINT}{message}"), args)
}

const COMPLAINT: &str = "FORMAT: ";

pub(super) fn is_complaint(args: &[Value]) -> bool {
    matches!(args.get(1), Some(Value::StringV(text)) if text.starts_with(COMPLAINT))
}

pub(super) fn explained(complaint: &[Value], format: &Value) -> String {
    let message = crate::library::displayed(&complaint[1]);
    let mut message = message.trim_start_matches(COMPLAINT).to_owned();
    for value in pairs::items(&complaint[2]) {
        for mark in ["~~~A", "~S"] {
            if message.contains(mark) {
                let shown = crate::library::written(value);
                message = message.replacen(mark, &shown, 1);
                break;
            }
        }
    }
    format!(
        "FORMAT: error with call: (format … {} …)\n        {}\n",
        crate::library::written(format),
        message.replace("~~", "~")
    )
}
