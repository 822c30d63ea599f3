//! `new NAME`: a first harness, which passes in simulation.

use super::output::print_line;
use crate::failure::{Failure, Key};
use crate::visible::escape;
use clap::Args;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;

/// Write a first harness.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// What it is called: letters, digits, `-`, `_` and `.`; the file is NAME.scm here
    #[arg(value_parser = name)]
    name: String,
}

/// The harness, with `NAME` for its name and `FILE` for that of its file.
const FIRST: &str = include_str!("first.scm");

fn name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix(".scm").unwrap_or(text);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    match name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(fits) {
        true => Ok(name.to_owned()),
        false => Err("a name begins with a letter or digit, and has no other \
                      than letters, digits, `-`, `_` and `.`"
            .to_owned()),
    }
}

/// Write the harness that ARGUMENTS name into the current directory.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = format!("{}.scm", arguments.name);
    let failed = |error: std::io::Error| {
        let failure = |key| Failure::new(key, format!("cannot write `{file}`: {error}"));
        match error.kind() {
            ErrorKind::AlreadyExists => {
                failure(Key::Usage).hint("take another name, or move the file away")
            }
            _ => failure(Key::System),
        }
    };
    let text = FIRST
        .replace("NAME", &arguments.name)
        .replace("FILE", &file);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o777)
        .open(&file)
        .and_then(|mut to| to.write_all(text.as_bytes()))
        .map_err(failed)?;
    print_line(format_args!("{}", escape(&file)))?;
    print_line(format_args!(
        "try it: fruix-scm --simulate {}",
        escape(&file)
    ))
}
