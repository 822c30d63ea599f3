//! One talk with the interpreter: evaluate, show, remember.

use super::super::trouble;
use super::commands;
use super::evaluator::Evaluator;
use super::failure::About;
use super::inspection::Inspection;
use super::options::{OnError, Options};
use super::pieces::{self, Piece};
use crate::failure::Key;
use crate::guile::interpreter::{self, Stop, Uncaught};
use crate::guile::value::{Value, string_value, strings, symbol_value};
use crate::visible::escape;
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

/// Whether the talk goes on.
pub enum After {
    GoOn,
    Leave(u8),
}

/// An error that is being looked into.
pub struct Level {
    pub error: Uncaught,
    /// The frame that `,frame` has chosen, the innermost being 0.
    pub frame: usize,
}

pub struct Session<'a> {
    interpreter: Rc<RefCell<dyn Evaluator + 'a>>,
    /// The failure that is talked about, in the middle of a run.
    pub about: Option<About>,
    pub levels: Vec<Level>,
    pub options: Options,
    /// The value that is looked into, if one is.
    pub inspection: Option<Inspection>,
    results: usize,
    /// What has not been shown yet of the last result.
    more: Option<More>,
    /// Keys of the association lists and layouts that were shown.
    keys: Vec<String>,
    /// Whether long results are cut: only for people, who can ask for more.
    cuts: bool,
}

/// A result of which only the beginning has been shown.
struct More {
    number: usize,
    lines_shown: usize,
}

/// Print TEXT; nobody is left to tell when the other side has gone.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl<'a> Session<'a> {
    pub fn new(interpreter: Rc<RefCell<dyn Evaluator + 'a>>, cuts: bool) -> Session<'a> {
        Session {
            interpreter,
            about: None,
            levels: Vec::new(),
            options: Options::default(),
            inspection: None,
            results: 0,
            more: None,
            keys: Vec::new(),
            cuts,
        }
    }

    /// What stands before the cursor: `scheme@(guile-user) [1]> `.
    pub fn prompt(&self) -> String {
        if self.inspection.is_some() {
            return "inspect> ".to_owned();
        }
        if let Some(prompt) = &self.options.prompt {
            return escape(prompt);
        }
        let module = self.interpreter.borrow().current_module_name();
        match (self.levels.len(), &self.about) {
            (0, None) => format!("scheme@{module}> "),
            (0, Some(about)) => format!("scheme@{module} [{}]> ", about.where_it_is),
            (level, _) => format!("scheme@{module} [{level}]> "),
        }
    }

    /// Leave what is looked into, or else the innermost level of errors, if there is one.
    pub fn leave_level(&mut self) -> bool {
        self.inspection.take().is_some() || self.levels.pop().is_some()
    }

    pub fn interpreter(&self) -> std::cell::RefMut<'_, dyn Evaluator + 'a> {
        self.interpreter.borrow_mut()
    }

    /// Keys to complete, from what was shown last.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Do what TEXT says.
    pub fn answer(&mut self, text: &str) -> After {
        match self.inspection.is_some() {
            true => self.look_on(text.trim()),
            false => self.evaluate(text),
        }
    }

    /// Do each piece of TEXT, forms and commands, before the next is looked at. What is
    /// unreadable ends it.
    pub fn evaluate(&mut self, text: &str) -> After {
        let mut at = 0;
        while let Some(piece) = pieces::next(text, at) {
            let after = match piece {
                Piece::Command(range) => {
                    at = range.end;
                    commands::run(self, &text[range])
                }
                Piece::Form(range) => {
                    at = range.end;
                    let result = self.interpreter().eval_part(text, range);
                    self.show(result)
                }
                Piece::Unreadable(range) => {
                    at = text.len();
                    let result = self.interpreter().eval_part(text, range);
                    self.show_unless_unread(result)
                }
                Piece::Begun => {
                    let result = self.interpreter().eval_part(text, at..text.len());
                    at = text.len();
                    self.show_unless_unread(result)
                }
            };
            if let After::Leave(_) = after {
                return after;
            }
        }
        After::GoOn
    }

    /// As `show`; but a text or file that cannot be read is no error of the program's, and
    /// opens no level.
    pub fn show_unless_unread(&mut self, result: Result<Vec<Value>, Stop>) -> After {
        let unread = ["read-error", Key::Usage.as_str()];
        match result {
            Err(Stop::Uncaught(uncaught)) if unread.contains(&uncaught.key.as_str()) => {
                trouble::show_in_brief(&uncaught);
                After::GoOn
            }
            other => self.show(other),
        }
    }

    /// Evaluate TEXT, which a command is short for: nobody has written it, so what is
    /// wrong is told without its place, and opens no level.
    pub fn perform(&mut self, text: &str) -> After {
        let result = self.interpreter().eval_text(text);
        match result {
            Err(Stop::Uncaught(mut uncaught)) => {
                uncaught.location = None;
                trouble::show_in_brief(&uncaught);
                After::GoOn
            }
            other => self.show(other),
        }
    }

    pub fn show(&mut self, result: Result<Vec<Value>, Stop>) -> After {
        match result {
            Ok(values) => {
                for value in values {
                    if !matches!(value, Value::Void) {
                        self.show_value(value);
                    }
                }
                After::GoOn
            }
            Err(Stop::Quit(status)) => After::Leave(status),
            Err(Stop::Uncaught(uncaught)) => {
                match self.options.on_error {
                    OnError::Debug => self.open_level(*uncaught),
                    OnError::Backtrace => trouble::show_uncaught(&uncaught),
                    OnError::Report => trouble::show_in_brief(&uncaught),
                    OnError::Pass => {}
                }
                After::GoOn
            }
        }
    }

    fn open_level(&mut self, error: Uncaught) {
        trouble::show_in_brief(&error);
        say("Entering a new prompt.  Type `,bt' for a backtrace or `,q' to continue.\n");
        self.levels.push(Level { error, frame: 0 });
    }

    /// Call PROCEDURE of MODULE, which prints; what goes wrong is told and opens no level.
    pub fn command(&mut self, module: &[&str], procedure: &str, arguments: Vec<Value>) -> After {
        let called = self.interpreter().call(module, procedure, arguments);
        match called {
            Ok(_) => After::GoOn,
            Err(Stop::Quit(status)) => After::Leave(status),
            Err(Stop::Uncaught(uncaught)) => {
                trouble::show_in_brief(&uncaught);
                After::GoOn
            }
        }
    }

    /// Run command NAME, which a program has added with `define-meta-command', with what
    /// stands behind it, TEXT.
    pub fn foreign_command(&mut self, name: &str, text: &str) -> After {
        let arguments = vec![string_value(name), string_value(text)];
        let module = &["system", "repl", "command"];
        let called = self
            .interpreter()
            .call(module, "run-added-command", arguments);
        match called {
            Ok(Value::BoolV(false)) => commands::unknown(name),
            Ok(_) => After::GoOn,
            Err(stop) => self.show(Err(stop)),
        }
    }

    /// Show the options, one, or set it, as TEXT says.
    pub fn option(&mut self, text: &str) -> After {
        say(&self.options.answer(text));
        After::GoOn
    }

    /// Print VALUE under the next number, and let that number name it.
    fn show_value(&mut self, value: Value) {
        if !self.options.value_history {
            let (lines, _) = self.lines("", value, true);
            say(&format!("{}\n", lines.join("\n")));
            return;
        }
        self.results += 1;
        let number = self.results;
        let name = format!("${number}");
        let mut interpreter = self.interpreter.borrow_mut();
        // The names are a convenience; the value is shown all the same.
        let arguments = vec![symbol_value(&name), value.clone()];
        let _ = interpreter.call(&["fruix", "prompt"], "remember-value", arguments);
        if let Ok(keys) = interpreter.call(&["fruix", "prompt"], "value-keys", vec![value.clone()])
            && let Ok(keys) = strings("value-keys", &[keys], 1)
            && !keys.is_empty()
        {
            self.keys = keys;
        }
        drop(interpreter);
        let (lines, cut) = self.lines(&name, value, !self.cuts);
        let page = self.page();
        let shown = if self.cuts {
            lines.len().min(page)
        } else {
            lines.len()
        };
        let indent = " ".repeat(name.len() + 3);
        let mut text = format!("{name} = ");
        for (index, line) in lines[..shown].iter().enumerate() {
            if index > 0 {
                text.push_str(&indent);
            }
            text.push_str(line);
            text.push('\n');
        }
        self.more = None;
        if shown < lines.len() || cut {
            text.push_str(&format!("{indent}… (type `,more' to see more)\n"));
            self.more = Some(More {
                number,
                lines_shown: shown,
            });
        }
        say(&text);
    }

    /// VALUE as lines that fit behind NAME, safe to be shown, and whether some of it is missing.
    fn lines(&self, name: &str, value: Value, whole: bool) -> (Vec<String>, bool) {
        let mut interpreter = self.interpreter.borrow_mut();
        let width = self.width().saturating_sub(name.len() + 3);
        let module = &["fruix", "prompt"];
        let cut = !whole
            && matches!(
                interpreter.call(module, "value-cut?", vec![value.clone()]),
                Ok(Value::BoolV(true))
            );
        let arguments = vec![
            value.clone(),
            Value::IntV(width as isize),
            Value::BoolV(whole),
        ];
        let text = match interpreter.call(module, "value->text", arguments) {
            Ok(text) => interpreter::displayed(&text),
            // A printer that fails must not hide the value.
            Err(_) => interpreter::written(&value),
        };
        (text.lines().map(escape).collect(), cut)
    }

    /// Show the next page of a result that was cut.
    pub fn show_more(&mut self) {
        let Some(More {
            number,
            lines_shown,
        }) = self.more.take()
        else {
            say("There is nothing more to show.\n");
            return;
        };
        let name = format!("${number}");
        let value = self.interpreter.borrow_mut().eval_text(&name);
        let Some(value) = value.ok().and_then(|mut values| values.pop()) else {
            return;
        };
        let (lines, _) = self.lines(&name, value, true);
        let end = lines.len().min(lines_shown + self.page());
        let indent = " ".repeat(name.len() + 3);
        let mut text = String::new();
        for line in lines.get(lines_shown..end).unwrap_or_default() {
            text.push_str(&format!("{indent}{line}\n"));
        }
        if end < lines.len() {
            let left = lines.len() - end;
            text.push_str(&format!("{indent}… ({left} more lines; `,more')\n"));
            self.more = Some(More {
                number,
                lines_shown: end,
            });
        }
        say(&text);
    }

    /// Evaluate TEXT and print each value over as many lines as it wants.
    pub fn pretty_print(&mut self, text: &str) -> After {
        let result = self.interpreter.borrow_mut().eval_text(text);
        match result {
            Ok(values) => {
                for value in values {
                    let width = Value::IntV(self.width() as isize);
                    self.command(&["fruix", "prompt"], "pretty", vec![value, width]);
                }
                After::GoOn
            }
            failed => self.show(failed),
        }
    }

    pub fn width(&self) -> usize {
        size().0
    }

    /// Lines of a result that are shown before the user asks for more.
    fn page(&self) -> usize {
        size().1.saturating_sub(4).max(8)
    }
}

/// Columns and rows of the terminal, or what a program may expect of one.
fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let or = |length: Option<u16>, otherwise: usize| {
        length
            .map(usize::from)
            .filter(|length| *length > 0)
            .unwrap_or(otherwise)
    };
    (
        or(size.map(|size| size.ws_col), 80),
        or(size.map(|size| size.ws_row), 24),
    )
}
