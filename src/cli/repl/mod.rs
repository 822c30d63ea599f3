//! The prompt: a session with the interpreter, under Guile's conventions.
//!
//! A form may take several lines; results are numbered `$1`, `$2`, …; an error
//! opens a level in which it can be looked into; Ctrl-C ends the running form
//! only. Lines that begin with a comma are commands, under Guile's names.
//!
//! [`session`] evaluates and shows, whoever is talking; [`commands`] are the
//! commands. A person talks through rustyline, helped by [`assistant`]; a
//! program through a pipe, or through the socket of [`server`].

mod assistant;
mod commands;
mod server;
mod session;
mod tokens;

use super::arguments::CommandLine;
use super::interpreter::{self, World};
use super::settings::Environment;
use super::{signals, trouble};
use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Interpreter, Stop};
use crate::private;
use assistant::{Assistant, Indent};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor, EventHandler, KeyCode, KeyEvent, Modifiers};
use session::{After, Session, say};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::rc::Rc;

/// Modules whose names a prompt knows from the start.
const IMPORTED: &str = "(use-modules (fruix store))";

/// Talk until the user leaves; gives the exit status.
pub fn run(line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let mut arguments = vec!["fruix-scm".to_owned()];
    arguments.extend(line.program.arguments.iter().cloned());
    let mut interpreter = interpreter::make(line, environment, arguments)?;
    let world = World::prepare(line, environment)?;
    let mut prepare = || -> Result<(), Stop> {
        interpreter.eval_text("prompt", IMPORTED)?;
        super::program::prepare(&line.program, &mut interpreter)?;
        for file in &line.program.load {
            interpreter.load_file(file)?;
        }
        Ok(())
    };
    let status = match prepare() {
        Err(stop) => trouble::show_stop(&stop),
        Ok(()) => {
            let interpreter = Rc::new(RefCell::new(interpreter));
            match &line.program.listen {
                Some(place) => server::serve(place, &interpreter)?,
                None => Prompt::new(interpreter, line, environment)?.converse()?,
            }
        }
    };
    world.end();
    Ok(status)
}

/// A session in which lines come from rustyline.
struct Prompt {
    session: Session,
    editor: Editor<Assistant, DefaultHistory>,
    history: Option<PathBuf>,
    terminal: bool,
}

impl Prompt {
    fn new(
        interpreter: Rc<RefCell<Interpreter>>,
        line: &CommandLine,
        environment: &Environment,
    ) -> Result<Prompt, Failure> {
        let config = Config::builder()
            .history_ignore_space(true)
            .history_ignore_dups(true)
            .and_then(|builder| builder.max_history_size(10_000))
            .map(|builder| builder.completion_type(CompletionType::List).build())
            .map_err(|error| Failure::new(Key::System, format!("cannot open a prompt: {error}")))?;
        let mut editor = Editor::with_config(config)
            .map_err(|error| Failure::new(Key::System, format!("cannot open a prompt: {error}")))?;
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let capable = terminal && environment.get("TERM") != Some("dumb");
        let colours = capable && environment.get("NO_COLOR").is_none();
        editor.set_helper(Some(Assistant::new(
            interpreter.clone(),
            line.program.load_path.clone(),
            colours,
            capable,
        )));
        editor.bind_sequence(
            KeyEvent(KeyCode::Enter, Modifiers::NONE),
            EventHandler::Conditional(Box::new(Indent)),
        );
        let history = environment
            .get("FRUIX_SCM_HISTORY")
            .map(PathBuf::from)
            .or_else(|| history_of_user(environment));
        if let Some(history) = &history {
            // The first session has no history yet, and a broken one is no
            // reason not to talk.
            let _ = history.parent().map(private::create_directory);
            let _ = editor.load_history(history);
        }
        Ok(Prompt {
            session: Session::new(interpreter, terminal),
            editor,
            history,
            terminal,
        })
    }

    fn converse(mut self) -> Result<u8, Failure> {
        if self.terminal {
            say(&format!(
                "fruix-scm {}. Type `,help' for help, `,quit' to leave.\n",
                env!("CARGO_PKG_VERSION")
            ));
        }
        loop {
            signals::forget();
            match self.editor.readline(&self.session.prompt()) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    self.remember(&text);
                    if let After::Leave(status) = self.session.answer(&text) {
                        return Ok(status);
                    }
                    if let Some(assistant) = self.editor.helper_mut() {
                        assistant.learn(self.session.keys());
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                // Ctrl-D leaves a level of errors first, then the prompt.
                Err(ReadlineError::Eof) if self.terminal && self.session.leave_level() => {}
                Err(ReadlineError::Eof) => return Ok(0),
                Err(error) => {
                    return Err(Failure::new(
                        Key::System,
                        format!("cannot read from the terminal: {error}"),
                    ));
                }
            }
        }
    }

    fn remember(&mut self, text: &str) {
        let added = self.editor.add_history_entry(text).unwrap_or(false);
        if added && let Some(history) = &self.history {
            // History is a convenience; a full disk must not end the talk.
            let _ = self.editor.append_history(history);
        }
    }
}

/// The file that keeps the lines of this user's prompts, where he has a home.
fn history_of_user(environment: &Environment) -> Option<PathBuf> {
    let base = environment.base_directory("XDG_STATE_HOME", ".local/state")?;
    let state = base.join("fruix-scm");
    let history = state.join("prompt-history");
    // Its name was also that of a folder for other things. What cannot be moved is
    // no more than lines that are forgotten.
    let before = state.join("history");
    if before.is_file() && !history.exists() {
        let _ = std::fs::rename(before, &history);
    }
    let _ = private::close_directory(&state);
    Some(history)
}
