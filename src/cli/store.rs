//! `store LAYOUT`: what a closure's store layout says.

use super::arguments::CommandLine;
use super::interpreter;
use super::screen::escape;
use super::settings::Environment;
use super::trouble;
use crate::failure::Failure;
use crate::guile::interpreter::{Interpreter, Stop};
use crate::guile::value::string_value;
use clap::Args;
use std::path::PathBuf;

/// Print what a store layout says, as key=value lines.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// A store-layout.scm, the metadata folder it is in, or a closure
    layout: PathBuf,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Do what ARGUMENTS say.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let mut interpreter = interpreter::make(line, environment, vec!["fruix-scm".to_owned()])?;
    match text(arguments, &mut interpreter) {
        Ok(text) => {
            for line in text.lines() {
                println!("{}", escape(line));
            }
            Ok(0)
        }
        Err(stop) => Ok(trouble::show_stop(&stop)),
    }
}

fn text(arguments: &Arguments, interpreter: &mut Interpreter) -> Result<String, Stop> {
    let module = &["fruix", "store"];
    let file = string_value(arguments.layout.to_string_lossy());
    let layout = interpreter.call(module, "load-store-layout", vec![file])?;
    if arguments.json {
        let text = interpreter.call(module, "store-layout->json", vec![layout])?;
        return Ok(interpreter.displayed(&text));
    }
    let lines = interpreter.call(module, "store-layout->lines", vec![layout])?;
    let separator = string_value("\n");
    let text = interpreter.call(&["guile"], "string-join", vec![lines, separator])?;
    Ok(interpreter.displayed(&text))
}
