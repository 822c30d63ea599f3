//! The prompt: a session with the interpreter, under Guile's conventions.
//!
//! A form may take several lines; results are numbered `$1`, `$2`, …; an error
//! opens a level in which it can be looked into; Ctrl-C ends the running form
//! only. Lines that begin with a comma are commands, under Guile's names.
//!
//! [`session`] evaluates and shows, whoever is talking; [`commands`] are the
//! commands. A person talks through rustyline, helped by [`assistant`]; a
//! program through a pipe, or through the socket of [`server`]. In the middle of a run,
//! where a step has [`failure`], a prompt opens too: what it evaluates with is told
//! apart in [`evaluator`].

mod assistant;
mod commands;
mod deadline;
mod evaluator;
mod failure;
mod geiser;
mod inspection;
mod options;
mod pieces;
pub mod primitives;
mod server;
mod session;
mod streams;
pub(super) mod tokens;

use super::arguments::CommandLine;
use super::interpreter::{self, World};
use super::settings::Environment;
use super::{signals, trouble};
use crate::failure::{Failure, Key};
use crate::guile::interpreter::Stop;
use crate::private;
use assistant::Assistant;
use commands::Command;
use deadline::{Deadline, Over};
use evaluator::Evaluator;
use failure::{About, Decision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor, EventHandler, KeyCode, KeyEvent, Modifiers};
use session::{After, Session, say};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Modules of which a prompt knows the names from the start, as Guile's does; they are
/// loaded when one is used.
const OF_GUILE: [[&str; 2]; 2] = [["ice-9", "session"], ["ice-9", "threads"]];

/// Modules that it imports at once.
const IMPORTED: &str = "(use-modules (ice-9 regex) (fruix store))";

/// Talk until the user leaves; gives the exit status.
pub fn run(line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let mut arguments = vec!["fruix-scm".to_owned()];
    arguments.extend(line.program.arguments.iter().cloned());
    let mut interpreter = interpreter::make(line, environment, arguments)?;
    let world = World::prepare(line, environment)?;
    let mut prepare = || -> Result<(), Stop> {
        for module in OF_GUILE {
            interpreter.import_when_used(&module)?;
        }
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
                None => {
                    let furnishing = Furnishing {
                        environment: environment.clone(),
                        load_path: line.program.load_path.clone(),
                    };
                    Prompt::new(interpreter, &furnishing, &[])?.converse()?
                }
            }
        }
    };
    world.end();
    Ok(status)
}

/// What a prompt finds in the room where it stands.
#[derive(Clone, Default)]
struct Furnishing {
    environment: Environment,
    /// Where modules are that can be completed.
    load_path: Vec<PathBuf>,
}

/// A session in which lines come from rustyline.
struct Prompt<'a> {
    session: Session<'a>,
    editor: Editor<Assistant<'a>, DefaultHistory>,
    history: Option<PathBuf>,
    terminal: bool,
    /// Whether the terminal can do more than take lines.
    capable: bool,
}

/// How long a prompt in a replay stays without a key.
const ALL_DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl<'a> Prompt<'a> {
    /// A prompt that evaluates with INTERPRETER, and has COMMANDS beside those of every
    /// prompt.
    fn new(
        interpreter: Rc<RefCell<dyn Evaluator + 'a>>,
        furnishing: &Furnishing,
        commands: &'static [Command],
    ) -> Result<Prompt<'a>, Failure> {
        let environment = &furnishing.environment;
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
        let assistant = Assistant::new(
            interpreter.clone(),
            commands,
            furnishing.load_path.clone(),
            colours,
            capable,
        );
        editor.bind_sequence(
            KeyEvent(KeyCode::Enter, Modifiers::NONE),
            EventHandler::Conditional(Box::new(assistant.indent())),
        );
        editor.set_helper(Some(assistant));
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
            capable,
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
                Ok(text) => {
                    if let After::Leave(status) = self.take(&text) {
                        return Ok(status);
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

    /// Talk about a failure until somebody decides, or no key was pressed for LIMIT.
    fn talk_about(self, about: About, limit: Duration) -> Decision {
        say(&failure::greeting(&about, limit.as_secs()));
        self.talk(about, limit)
    }

    /// Let somebody look around before the step that ABOUT names.
    fn look_around(self, about: About) {
        say(&failure::greeting_before(&about));
        // Nobody waits for a replay, and whatever is said here ends it.
        self.talk(about, ALL_DAY);
    }

    fn talk(mut self, about: About, limit: Duration) -> Decision {
        self.session.about = Some(about);
        let deadline = Deadline::of(limit);
        let _over = Over(deadline.clone());
        self.editor.bind_sequence(
            rustyline::Event::Any,
            EventHandler::Conditional(Box::new(deadline.clone())),
        );
        loop {
            // Who asks the process to end is not forgotten.
            if !signals::is_asked_to_end() {
                signals::forget();
            }
            let prompt = self.session.prompt();
            let line = if self.capable {
                deadline.while_reading(|| self.editor.readline(&prompt))
            } else {
                say(&prompt);
                match has_input(limit) {
                    true => self.editor.readline(""),
                    false => return late(),
                }
            };
            match line {
                _ if deadline.is_late() => return late(),
                Ok(text) => {
                    if let After::Leave(_) = self.take(&text) {
                        let about = self.session.about.take();
                        return about
                            .and_then(|about| about.decision)
                            .unwrap_or(Decision::Continue);
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) if self.session.leave_level() => {}
                // Nobody is there any more.
                Err(_) => return Decision::Continue,
            }
        }
    }

    /// Do what TEXT says, a line that was entered.
    fn take(&mut self, text: &str) -> After {
        if text.trim().is_empty() {
            return After::GoOn;
        }
        self.remember(text);
        let after = self.session.answer(text);
        if let (After::GoOn, Some(assistant)) = (&after, self.editor.helper_mut()) {
            assistant.learn(self.session.keys());
        }
        after
    }

    fn remember(&mut self, text: &str) {
        let added = self.editor.add_history_entry(text).unwrap_or(false);
        if added && let Some(history) = &self.history {
            // History is a convenience; a full disk must not end the talk.
            let _ = self.editor.append_history(history);
        }
    }
}

/// Nobody has pressed a key for long enough, or the process was asked to end.
fn late() -> Decision {
    if signals::is_asked_to_end() {
        return Decision::Continue;
    }
    say("\nNobody is here: the run fails.\n");
    // The clock has made a signal of its own.
    signals::forget();
    Decision::Late
}

/// Wait until a line can be read, for at most LIMIT.
fn has_input(limit: Duration) -> bool {
    let end = Instant::now() + limit;
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    let stdin = std::io::stdin();
    while Instant::now() < end && !signals::is_asked_to_end() {
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        if matches!(poll(&mut waiting, Some(&moment)), Ok(1)) {
            return true;
        }
        if !signals::is_asked_to_end() {
            // Ctrl-C only begins the line anew.
            signals::forget();
        }
    }
    false
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
