//! `jobs`: the long work that a guest does, whoever started it: list, follow, end.
//!
//! The procedures are Scheme's, `(fruix job)`. The guest is the one of the settings,
//! or the one at `--guest`; either shows the pinned host key before anything is said.

use super::arguments::CommandLine;
use super::interpreter::{self, World};
use super::live::Live;
use super::output::print_line;
use super::settings::Environment;
use super::trouble;
use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Interpreter, Stop};
use crate::guile::value::{Value, list_value, string_value, symbol_value};
use crate::visible::escape;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// List, follow or end the jobs of a guest.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The guest at ADDRESS[:PORT], which shows the host key of the settings; the guest of the settings unless given
    #[arg(long, global = true, value_name = "ADDRESS")]
    guest: Option<String>,
    /// Print JSON instead
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

/// What is done with jobs; they are listed unless something else is said.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Print a line for each job: name, state, when it began, what it printed last
    List,
    /// Show what job NAME prints until it ends; status 1 when it fails
    Follow {
        name: String,
        /// Show so much of what it prints
        #[arg(long, value_name = "WHAT")]
        live: Option<Live>,
        /// Write its log, from the first line on, to FILE
        #[arg(long, value_name = "FILE")]
        copy: Option<PathBuf>,
    },
    /// End job NAME and every process of it, and print how it was found
    End {
        name: String,
        /// Remove its log and everything else that is kept of it in the guest
        #[arg(long)]
        forget: bool,
    },
}

impl Arguments {
    /// What is to be shown of a job's output.
    pub fn live(&self) -> Option<Live> {
        match self.action {
            Some(Action::Follow { live, .. }) => live,
            _ => None,
        }
    }
}

/// Where jobs are; each is a thin face of procedures in here.
const MODULE: &[&str] = &["fruix", "job"];

/// Do what ARGUMENTS say; a job that is followed and fails is a check that failed.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    if line.world.simulate {
        return Err(Failure::new(
            Key::Usage,
            "cannot look for jobs with --simulate: a simulated guest begins and ends with its program",
        )
        .hint("let `fruix-scm simulate` serve a host, and name it in the settings"));
    }
    let mut line = line.clone();
    if let Some(guest) = &arguments.guest {
        line.world.settings.extend(settings_for(guest)?);
    }
    let mut interpreter = interpreter::make(&line, environment, vec!["fruix-scm".to_owned()])?;
    let world = World::prepare(&line, environment)?;
    let status = match act(arguments, &mut interpreter) {
        Ok((text, status)) => {
            for line in text.lines() {
                print_line(escape(line))?;
            }
            status
        }
        Err(stop) => trouble::show_stop_of_verb(&stop),
    };
    drop(interpreter);
    world.end();
    Ok(status)
}

/// The settings that GUEST, an address with or without a port, stands for.
fn settings_for(guest: &str) -> Result<Vec<String>, Failure> {
    let wrong = || {
        Failure::new(
            Key::Usage,
            format!("--guest takes ADDRESS or ADDRESS:PORT, and not `{guest}`"),
        )
        .hint("an IPv6 address with a port is written [ADDRESS]:PORT")
    };
    let (address, port) = match guest.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
            match rest {
                "" => (address, None),
                _ => (address, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            }
        }
        None => match guest.split_once(':') {
            // More than one colon: an IPv6 address.
            Some((address, port)) if !port.contains(':') => (address, Some(port)),
            _ => (guest, None),
        },
    };
    if address.is_empty() {
        return Err(wrong());
    }
    let mut settings = vec![format!("guest/address={address}")];
    if let Some(port) = port {
        port.parse::<u16>().map_err(|_| wrong())?;
        settings.push(format!("guest/port={port}"));
    }
    Ok(settings)
}

/// What there is to print, and the status.
fn act(arguments: &Arguments, interpreter: &mut Interpreter) -> Result<(String, u8), Stop> {
    let connect = "connect-to-guest-of-settings";
    let guest = interpreter.call(&["fruix", "guest", "settings"], connect, Vec::new())?;
    match &arguments.action {
        None | Some(Action::List) => {
            let jobs = interpreter.call(MODULE, "job-list", vec![guest])?;
            let text = said(arguments, interpreter, "job-list", vec![jobs])?;
            Ok((text, 0))
        }
        Some(Action::Follow { name, copy, .. }) => {
            interpreter.call(MODULE, "job-find", vec![guest.clone(), text(name)])?;
            let job = interpreter.call(MODULE, "job-attach", vec![guest, text(name)])?;
            let mut asked = vec![job, symbol_value("#:live"), text(name)];
            if let Some(copy) = copy {
                asked.extend([symbol_value("#:copy"), text(&copy.to_string_lossy())]);
            }
            let result = interpreter.call(MODULE, "job-follow", asked)?;
            let passed = interpreter.call(MODULE, "job-result-passed?", vec![result.clone()])?;
            let text = said(
                arguments,
                interpreter,
                "job-result",
                vec![text(name), result],
            )?;
            Ok((text, u8::from(!matches!(passed, Value::BoolV(true)))))
        }
        Some(Action::End { name, forget }) => {
            let found = interpreter.call(MODULE, "job-find", vec![guest.clone(), text(name)])?;
            let job = interpreter.call(MODULE, "job-attach", vec![guest, text(name)])?;
            let forget = [symbol_value("#:forget?"), Value::BoolV(*forget)];
            let asked = std::iter::once(job).chain(forget).collect();
            interpreter.call(MODULE, "job-end!", asked)?;
            // How it was found says what was ended, if it had not ended by itself.
            let text = said(
                arguments,
                interpreter,
                "job-list",
                vec![list_value(vec![found])],
            )?;
            Ok((text, 0))
        }
    }
}

fn text(text: &str) -> Value {
    string_value(text)
}

/// What the procedure `WHAT->json` or `WHAT->lines` makes of VALUES.
fn said(
    arguments: &Arguments,
    interpreter: &mut Interpreter,
    what: &str,
    values: Vec<Value>,
) -> Result<String, Stop> {
    let text = if arguments.json {
        interpreter.call(MODULE, &format!("{what}->json"), values)?
    } else {
        let lines = interpreter.call(MODULE, &format!("{what}->lines"), values)?;
        interpreter.call(&["guile"], "string-join", vec![lines, string_value("\n")])?
    };
    Ok(interpreter.displayed(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_an_address_with_or_without_a_port() {
        for (guest, address, port) in [
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:2222", "192.0.2.1", Some("2222")),
            ("guest.example:22", "guest.example", Some("22")),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:2222", "2001:db8::1", Some("2222")),
        ] {
            let mut expected = vec![format!("guest/address={address}")];
            expected.extend(port.map(|port| format!("guest/port={port}")));
            assert_eq!(settings_for(guest).unwrap(), expected);
        }
        for guest in ["", ":22", "a:b", "a:99999", "[::1", "[::1]22", "[]:1"] {
            let failure = settings_for(guest).unwrap_err();
            assert_eq!(failure.key().exit_status(), 2, "{guest}");
        }
    }
}
