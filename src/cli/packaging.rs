//! `completions SHELL` and `man`: what a package installs beside the binary.
//!
//! Both are made from the same description that reads the command line, so
//! they cannot fall behind it.

use super::arguments::CommandLine;
use crate::failure::{Failure, Key};
use clap::CommandFactory;
use std::io::Write;

/// Print the completion script for SHELL.
pub fn completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "fruix-scm", &mut script);
    print(&script)
}

/// Print the manual page of the whole command line, a section for each verb.
pub fn manual_page() -> Result<u8, Failure> {
    let failed = |error| Failure::new(Key::System, format!("cannot make the manual page: {error}"));
    let mut command = CommandLine::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(failed)?;
    print(&page)
}

/// A reader that has seen enough, such as `head`, is no trouble.
fn print(text: &[u8]) -> Result<u8, Failure> {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(
            Key::System,
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(0),
    }
}
