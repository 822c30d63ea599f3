//! `doc WHAT`: what a module of fruix-scm says of itself, or of a name that it exports.

use super::arguments::CommandLine;
use super::interpreter;
use super::output::print_line;
use super::settings::Environment;
use super::trouble;
use crate::failure::{Failure, Key};
use crate::guile::value::{Value, list_value, string_value};

/// `doc WHAT`: what the modules say of a Scheme name, or one of them of itself.
pub fn documentation(
    what: &str,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let mut interpreter = interpreter::make(line, environment, vec!["fruix-scm".to_owned()])?;
    let files = crate::embedded::SCHEME
        .iter()
        .map(|(path, _)| string_value((*path).to_owned()))
        .collect();
    let arguments = vec![string_value(what.to_owned()), list_value(files)];
    let module = ["fruix", "documentation"];
    match interpreter.call(&module, "print-documentation", arguments) {
        Ok(Value::BoolV(false)) => {}
        Ok(_) => return Ok(0),
        Err(stop) => return Ok(trouble::show_stop_of_verb(&stop)),
    }
    match interpreter
        .documentation(what)
        .filter(|text| !text.trim().is_empty())
    {
        Some(text) => {
            print_line(text)?;
            Ok(0)
        }
        None => Err(Failure::new(
            Key::Usage,
            format!(
                "cannot document `{what}`: no module of fruix-scm has such a name, or says \
                 anything of it"
            ),
        )
        .hint(
            "`,apropos TEXT` at the prompt finds names that contain TEXT; a module is named as \
             `(fruix guest)`",
        )),
    }
}
