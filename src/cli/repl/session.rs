//! One talk with the interpreter: evaluate, show, remember.

use super::super::trouble;
use super::commands;
use super::evaluator::Evaluator;
use super::failure::About;
use crate::guile::interpreter::{self, Stop, Uncaught};
use crate::guile::value::{Value, strings, symbol_value};
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
            results: 0,
            more: None,
            keys: Vec::new(),
            cuts,
        }
    }

    /// What stands before the cursor: `scheme@(guile-user) [1]> `.
    pub fn prompt(&self) -> String {
        let module = self.interpreter.borrow().current_module_name();
        match (self.levels.len(), &self.about) {
            (0, None) => format!("scheme@{module}> "),
            (0, Some(_)) => format!("scheme@{module} [failed]> "),
            (level, _) => format!("scheme@{module} [{level}]> "),
        }
    }

    /// Leave the innermost level of errors, if there is one.
    pub fn leave_level(&mut self) -> bool {
        self.levels.pop().is_some()
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
        match text.trim_start().strip_prefix(',') {
            Some(command) => commands::run(self, command.trim()),
            None => self.evaluate(text),
        }
    }

    pub fn evaluate(&mut self, text: &str) -> After {
        let result = self.interpreter.borrow_mut().eval_text(text);
        self.show(result)
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
                trouble::show_in_brief(&uncaught);
                say("Entering a new prompt.  Type `,bt' for a backtrace or `,q' to continue.\n");
                self.levels.push(Level {
                    error: *uncaught,
                    frame: 0,
                });
                After::GoOn
            }
        }
    }

    /// Call PROCEDURE of (fruix prompt), which prints; what goes wrong is told
    /// and opens no level.
    pub fn command(&mut self, procedure: &str, arguments: Vec<Value>) -> After {
        let called = self
            .interpreter
            .borrow_mut()
            .call(&["fruix", "prompt"], procedure, arguments);
        match called {
            Ok(_) => After::GoOn,
            Err(Stop::Quit(status)) => After::Leave(status),
            Err(Stop::Uncaught(uncaught)) => {
                trouble::show_in_brief(&uncaught);
                After::GoOn
            }
        }
    }

    /// Print VALUE under the next number, and let that number name it.
    fn show_value(&mut self, value: Value) {
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
                    self.command("pretty", vec![value, width]);
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
