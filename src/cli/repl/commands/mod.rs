//! The prompt's commands: lines that begin with a comma.
//!
//! Names, abbreviations and groups are Guile's where Guile has the command. Those that
//! look at data are Scheme's, `(fruix prompt)` and its neighbours; here are the ones that
//! change the session. [`table`] lists them all, and help is made from that.
//!
//! Source: the Guile manual, "REPL Commands".

mod debugging;
mod help;
mod table;

use super::failure;
use super::session::{After, Session, say};
use crate::guile::value::{Value, string_value};
use crate::visible::escape;
pub use table::COMMANDS;

/// A command: its names, the longest first, what may follow, and what it does.
pub struct Command {
    pub names: &'static [&'static str],
    pub group: Group,
    pub usage: &'static str,
    pub does: &'static str,
    pub run: Run,
}

/// Which commands a command is told with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Help,
    Module,
    Language,
    Profile,
    Debug,
    Inspect,
    System,
    Store,
    /// At the prompt in the middle of a run.
    Run,
    /// For editors; no person is told of it.
    Editor,
}

impl Group {
    /// The groups that are told of, in their order.
    const TOLD: [Group; 9] = [
        Group::Run,
        Group::Help,
        Group::Module,
        Group::Language,
        Group::Profile,
        Group::Debug,
        Group::Inspect,
        Group::System,
        Group::Store,
    ];

    fn name(self) -> &'static str {
        match self {
            Group::Help => "help",
            Group::Module => "module",
            Group::Language => "language",
            Group::Profile => "profile",
            Group::Debug => "debug",
            Group::Inspect => "inspect",
            Group::System => "system",
            Group::Store => "store",
            Group::Run => "run",
            Group::Editor => "editor",
        }
    }
}

pub enum Run {
    Session(fn(&mut Session<'_>, &str) -> After),
    /// A procedure of a module, which prints, and is given the rest of the line.
    Scheme(&'static [&'static str], &'static str),
    /// A word of (fruix store words): the command's first name.
    Word,
}

/// The commands that SESSION has; the first of a name counts.
fn of(session: &Session<'_>) -> impl Iterator<Item = &'static Command> + use<> {
    let about = match &session.about {
        Some(_) => failure::COMMANDS,
        None => &[],
    };
    about.iter().chain(COMMANDS)
}

/// Do what TEXT says, a command without its comma.
pub fn run(session: &mut Session<'_>, text: &str) -> After {
    let text = text.trim();
    let (name, argument) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(name, rest)| (name, rest.trim()));
    let Some(known) = of(session).find(|known| known.names.contains(&name)) else {
        return session.foreign_command(name, argument);
    };
    match known.run {
        Run::Session(run) => run(session, argument),
        Run::Scheme(module, procedure) => {
            session.command(module, procedure, vec![string_value(argument)])
        }
        Run::Word => {
            let width = Value::IntV(session.width() as isize);
            let arguments = vec![string_value(known.names[0]), string_value(argument), width];
            session.command(PROMPT, "prompt-word", arguments)
        }
    }
}

/// The module of most of the commands that are Scheme's.
const PROMPT: &[&str] = &["fruix", "prompt"];

/// Say that there is no command NAME.
pub fn unknown(name: &str) -> After {
    say(&format!(
        "Unknown meta command: {}; `,help' lists them.\n",
        escape(name)
    ));
    After::GoOn
}
