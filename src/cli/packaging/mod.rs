//! `completions SHELL` and `man`: what a package installs beside the binary.
//!
//! Both are made from the same description that reads the command line, so
//! they cannot fall behind it. The script that a shell is given asks the binary itself
//! what could follow, with a variable of the environment; [`candidates`] answers.

mod candidates;
mod manual;

pub use candidates::programs;

use super::arguments;
use super::output::print_text;
use crate::failure::{Failure, Key};
use clap_complete::env::{CompleteEnv, Shells};

/// The variable with which a shell asks what could follow; its value is the shell's name.
const VARIABLE: &str = "FRUIX_SCM_COMPLETE";

const NAME: &str = "fruix-scm";

/// Answer a shell that asks what could follow, and end the process; do nothing when none
/// asks.
pub fn answer_shell() {
    CompleteEnv::with_factory(candidates::command)
        .var(VARIABLE)
        .bin(NAME)
        .completer(NAME)
        .complete();
}

/// Print the completion script for SHELL.
pub fn completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let failed = |why: String| Failure::new(Key::System, format!("cannot make the script: {why}"));
    let shells = Shells::builtins();
    let completer = shells
        .completer(&shell.to_string())
        .ok_or_else(|| failed(format!("`{shell}` is unknown")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, NAME, NAME, NAME, &mut script)
        .map_err(|error| failed(error.to_string()))?;
    print_text(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Print the manual page of the whole command line, a section for each verb.
pub fn manual_page() -> Result<u8, Failure> {
    let page = manual::page(arguments::description()).map_err(|error| {
        Failure::new(Key::System, format!("cannot make the manual page: {error}"))
    })?;
    print_text(&page)?;
    Ok(0)
}
