//! The prompt: rustyline in front of the interpreter, with Guile's conventions.
//!
//! A form may take several lines; results are numbered `$1`, `$2`, …; an error
//! is shown and the prompt stays alive; Ctrl-C ends the running form only.
//! Lines that begin with a comma are commands to the prompt itself, under
//! Guile's names and abbreviations.

use super::arguments::CommandLine;
use super::interpreter::{self, World};
use super::settings::Environment;
use super::{screen, signals, trouble};
use crate::failure::{Failure, Key};
use crate::guile::interpreter::{Interpreter, Stop, Uncaught};
use crate::guile::value::{Value, symbol_value};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter, MatchingBracketHighlighter};
use rustyline::hint::HistoryHinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper, Hinter};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

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
        for file in &line.program.load {
            interpreter.load_file(file)?;
        }
        Ok(())
    };
    let status = match prepare() {
        Err(stop) => trouble::show_stop(&stop),
        Ok(()) => Prompt::new(interpreter, environment)?.converse()?,
    };
    world.end();
    Ok(status)
}

struct Prompt {
    interpreter: Rc<RefCell<Interpreter>>,
    editor: Editor<Assistant, DefaultHistory>,
    history: Option<PathBuf>,
    results: usize,
    last_error: Option<Uncaught>,
}

impl Prompt {
    fn new(interpreter: Interpreter, environment: &Environment) -> Result<Prompt, Failure> {
        let interpreter = Rc::new(RefCell::new(interpreter));
        let config = Config::builder().history_ignore_space(true).build();
        let mut editor = Editor::with_config(config)
            .map_err(|error| Failure::new(Key::System, format!("cannot open a prompt: {error}")))?;
        let colours = std::io::stdout().is_terminal()
            && environment.get("NO_COLOR").is_none()
            && environment.get("TERM") != Some("dumb");
        editor.set_helper(Some(Assistant {
            interpreter: interpreter.clone(),
            brackets: colours.then(MatchingBracketHighlighter::new),
            hinter: HistoryHinter::new(),
        }));
        let history = environment
            .get("FRUIX_SCM_HISTORY")
            .map(PathBuf::from)
            .or_else(|| {
                environment
                    .base_directory("XDG_STATE_HOME", ".local/state")
                    .map(|base| base.join("fruix-scm/history"))
            });
        if let Some(history) = &history {
            // The first session has no history yet, and a broken one is no
            // reason not to talk.
            let _ = history.parent().map(std::fs::create_dir_all);
            let _ = editor.load_history(history);
        }
        Ok(Prompt {
            interpreter,
            editor,
            history,
            results: 0,
            last_error: None,
        })
    }

    fn converse(mut self) -> Result<u8, Failure> {
        if std::io::stdin().is_terminal() {
            println!(
                "fruix-scm {}. Type `,help' for help, `,quit' to leave.",
                env!("CARGO_PKG_VERSION")
            );
        }
        loop {
            signals::forget();
            let level = if self.last_error.is_some() {
                " [1]"
            } else {
                ""
            };
            let prompt = format!(
                "scheme@{}{level}> ",
                self.interpreter.borrow().current_module_name()
            );
            match self.editor.readline(&prompt) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    self.remember(&text);
                    if let Some(status) = self.answer(&text) {
                        return Ok(status);
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                // Ctrl-D leaves the error's level first, then the prompt.
                Err(ReadlineError::Eof)
                    if self.last_error.is_some() && std::io::stdin().is_terminal() =>
                {
                    self.last_error = None;
                }
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

    /// Do what TEXT says; a status means that the user leaves.
    fn answer(&mut self, text: &str) -> Option<u8> {
        if let Some(command) = text.trim_start().strip_prefix(',') {
            return self.command(command.trim());
        }
        let result = self.interpreter.borrow_mut().eval_text("prompt", text);
        self.show(result)
    }

    fn show(&mut self, result: Result<Vec<Value>, Stop>) -> Option<u8> {
        match result {
            Ok(values) => {
                for value in values {
                    if !matches!(value, Value::Void) {
                        self.show_value(value);
                    }
                }
                None
            }
            Err(Stop::Quit(status)) => Some(status),
            Err(Stop::Uncaught(uncaught)) => {
                trouble::show_uncaught(&uncaught);
                if self.last_error.is_none() && std::io::stdin().is_terminal() {
                    eprintln!("Type `,bt' for a backtrace or `,q' to continue.");
                }
                self.last_error = Some(*uncaught);
                None
            }
        }
    }

    /// Print VALUE under the next number, and let that number name it.
    fn show_value(&mut self, value: Value) {
        self.results += 1;
        let name = format!("${}", self.results);
        let mut interpreter = self.interpreter.borrow_mut();
        let width = terminal_width().saturating_sub(name.len() + 3);
        let arguments = vec![value.clone(), Value::IntV(width as isize)];
        let text = match interpreter.call(&["fruix", "prompt"], "value->text", arguments) {
            Ok(text) => interpreter.displayed(&text),
            // A printer that fails must not hide the value.
            Err(_) => interpreter.written(&value),
        };
        let indent = format!("\n{}", " ".repeat(name.len() + 3));
        let safe: Vec<String> = text.lines().map(screen::escape).collect();
        println!("{name} = {}", safe.join(&indent));
        let module = interpreter.eval_text("prompt", "(current-module)");
        if let Some(module) = module.ok().and_then(|mut values| values.pop()) {
            let arguments = vec![module, symbol_value(&name), value];
            // The name is a convenience; the value has been shown.
            let _ = interpreter.call(&["guile"], "module-define!", arguments);
        }
    }

    fn command(&mut self, command: &str) -> Option<u8> {
        let (name, argument) = command
            .split_once(char::is_whitespace)
            .map_or((command, ""), |(name, rest)| (name, rest.trim()));
        match name {
            "help" | "h" => print!("{HELP}"),
            // In an error's level `,q' leaves that level, as in Guile.
            "quit" | "q" => {
                return match self.last_error.take() {
                    Some(_) if std::io::stdin().is_terminal() => None,
                    _ => Some(0),
                };
            }
            "backtrace" | "bt" => match &self.last_error {
                Some(error) => {
                    for frame in &error.backtrace {
                        println!("  {}", trouble::place(frame));
                    }
                }
                None => println!("There is no error to look into."),
            },
            "error-message" | "error" => match &self.last_error {
                Some(error) => trouble::show_uncaught(error),
                None => println!("There is no error to look into."),
            },
            "describe" | "d" => {
                let found = self.interpreter.borrow_mut().documentation(argument);
                match found {
                    Some(text) => println!("{text}"),
                    None => println!("`{argument}' has no documentation."),
                }
            }
            "apropos" | "a" => {
                let names = self.interpreter.borrow().completions("");
                for name in names.iter().filter(|name| name.contains(argument)) {
                    println!("{name}");
                }
            }
            "module" | "m" if argument.is_empty() => {
                println!("{}", self.interpreter.borrow().current_module_name());
            }
            "module" | "m" => {
                return self.answer(&format!(
                    "(set-current-module (resolve-module '{argument}))"
                ));
            }
            "use" | "import" => return self.answer(&format!("(use-modules {argument})")),
            "load" | "l" => {
                let file = argument.trim_matches('"');
                let result = self
                    .interpreter
                    .borrow_mut()
                    .load_file(std::path::Path::new(file));
                return self.show(result.map(|()| Vec::new()));
            }
            "time" | "t" => {
                let began = Instant::now();
                let status = self.answer(argument);
                println!(";; {:.6} s", began.elapsed().as_secs_f64());
                return status;
            }
            "pretty-print" | "pp" => {
                return self.answer(argument);
            }
            _ => println!(
                "There is no command `,{}'; `,help' lists them.",
                screen::escape(name)
            ),
        }
        let _ = std::io::stdout().flush();
        None
    }
}

const HELP: &str = "\
,help (,h)                 this list
,quit (,q)                 leave, or leave an error's level
,describe (,d) NAME        the documentation of NAME
,apropos (,a) TEXT         the names that contain TEXT
,module (,m) [MODULE]      the current module, or go to another one
,use MODULE                import MODULE
,load (,l) FILE            load FILE
,backtrace (,bt)           where the last error struck
,error-message (,error)    the last error again
,time (,t) FORM            evaluate FORM and say how long it took
,pretty-print (,pp) FORM   evaluate FORM and print it over several lines
Anything else is Scheme; (use-modules (fruix store)) has been done.
";

fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

/// What rustyline asks while a line is edited.
#[derive(Helper, Hinter)]
struct Assistant {
    interpreter: Rc<RefCell<Interpreter>>,
    brackets: Option<MatchingBracketHighlighter>,
    #[rustyline(Hinter)]
    hinter: HistoryHinter,
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        // A command is a line; only what may be a form can go on.
        if text.trim_start().starts_with(',') || Interpreter::is_complete(text) {
            Ok(ValidationResult::Valid(None))
        } else {
            Ok(ValidationResult::Incomplete)
        }
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let start = line[..position]
            .rfind(|letter: char| letter.is_whitespace() || "()[]'`,\"".contains(letter))
            .map_or(0, |index| index + 1);
        let candidates = self
            .interpreter
            .borrow()
            .completions(&line[start..position])
            .into_iter()
            .map(|name| Pair {
                display: name.clone(),
                replacement: name,
            })
            .collect();
        Ok((start, candidates))
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, position: usize) -> Cow<'l, str> {
        match &self.brackets {
            Some(brackets) => brackets.highlight(line, position),
            None => Cow::Borrowed(line),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match &self.brackets {
            Some(_) => Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")),
            None => Cow::Borrowed(""),
        }
    }

    fn highlight_char(&self, line: &str, position: usize, kind: CmdKind) -> bool {
        self.brackets
            .as_ref()
            .is_some_and(|brackets| brackets.highlight_char(line, position, kind))
    }
}
