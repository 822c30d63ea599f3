//! What a session evaluates with: the interpreter, when nothing runs, or, in the
//! middle of a program that has called us, the machine that runs it.
//!
//! In the middle of a program, handlers of that program are in force. So there
//! everything is evaluated by two procedures of `(fruix prompt failure)`, which let
//! nothing out.

use crate::failure::{Failure, Key};
use crate::guile::interpreter::{self, Interpreter, Stop, Uncaught};
use crate::guile::natives::{Machine, Raise};
use crate::guile::value::{Value, list, list_value, optional_string, string, string_value};
use std::ops::Range;
use std::path::Path;

/// Evaluates what is typed, and knows what names mean.
pub trait Evaluator {
    /// The values of the last form of TEXT, evaluated in the current module.
    fn eval_text(&mut self, text: &str) -> Result<Vec<Value>, Stop>;

    /// The values of PART of TEXT, a form or more, evaluated in the current module; places
    /// are those in TEXT.
    fn eval_part(&mut self, text: &str, part: Range<usize>) -> Result<Vec<Value>, Stop>;

    /// Call procedure NAME of MODULE, exported or not.
    fn call(&mut self, module: &[&str], name: &str, arguments: Vec<Value>) -> Result<Value, Stop>;

    fn load_file(&mut self, path: &Path) -> Result<(), Stop>;

    /// What the forms of TEXT expand to.
    fn expanded(&mut self, text: &str) -> Result<Vec<String>, Stop>;

    fn documentation(&mut self, name: &str) -> Option<String>;

    fn current_module_name(&self) -> String;

    /// The names visible in the current module that begin with PREFIX.
    fn completions(&self, prefix: &str) -> Vec<String>;
}

impl Evaluator for Interpreter {
    fn eval_text(&mut self, text: &str) -> Result<Vec<Value>, Stop> {
        Interpreter::eval_text(self, "prompt", text)
    }

    fn eval_part(&mut self, text: &str, part: Range<usize>) -> Result<Vec<Value>, Stop> {
        Interpreter::eval_part(self, "prompt", text, part)
    }

    fn call(&mut self, module: &[&str], name: &str, arguments: Vec<Value>) -> Result<Value, Stop> {
        Interpreter::call(self, module, name, arguments)
    }

    fn load_file(&mut self, path: &Path) -> Result<(), Stop> {
        Interpreter::load_file(self, path)
    }

    fn expanded(&mut self, text: &str) -> Result<Vec<String>, Stop> {
        Interpreter::expanded(self, text)
    }

    fn documentation(&mut self, name: &str) -> Option<String> {
        Interpreter::documentation(self, name)
    }

    fn current_module_name(&self) -> String {
        Interpreter::current_module_name(self)
    }

    fn completions(&self, prefix: &str) -> Vec<String> {
        Interpreter::completions(self, prefix)
    }
}

/// The machine in the middle of a program.
pub struct Within<'a, 'm> {
    machine: &'a mut Machine<'m>,
    /// Evaluates a text.
    evaluate: Value,
    /// Calls a procedure, given its module, its name and its arguments.
    apply: Value,
    /// What left the program's own extent, such as a continuation of it; nothing more
    /// is evaluated then.
    way_out: Option<Raise>,
}

impl<'a, 'm> Within<'a, 'm> {
    /// MACHINE, with the procedures of `(fruix prompt failure)`.
    pub fn new(machine: &'a mut Machine<'m>, evaluate: Value, apply: Value) -> Within<'a, 'm> {
        Within {
            machine,
            evaluate,
            apply,
            way_out: None,
        }
    }

    /// What the native that talks has to raise, if the talk has left it.
    pub fn take_way_out(&mut self) -> Option<Raise> {
        self.way_out.take()
    }

    fn answer(&mut self, procedure: Value, arguments: Vec<Value>) -> Result<Vec<Value>, Stop> {
        if self.way_out.is_some() {
            return Err(Stop::Quit(0));
        }
        match self.machine.call(procedure, arguments) {
            Ok(answer) => said(&answer),
            Err(raise) => {
                self.way_out = Some(raise);
                Err(Stop::Quit(0))
            }
        }
    }
}

/// The values in ANSWER, `(values VALUE …)`, or what went wrong, `(raised KEY MESSAGE
/// HINT)` or `(quit)`.
fn said(answer: &Value) -> Result<Vec<Value>, Stop> {
    const NAME: &str = "evaluate";
    let odd = |_: Raise| Stop::from(Failure::internal("an answer of a strange shape"));
    let mut items = list(NAME, std::slice::from_ref(answer), 1).map_err(odd)?;
    if items.is_empty() {
        return Err(odd(Raise::Refill));
    }
    let rest = items.split_off(1);
    match interpreter::written(&items[0]).as_str() {
        "values" => Ok(rest),
        "quit" => Err(Stop::Quit(0)),
        _ => Err(Stop::Uncaught(Box::new(Uncaught {
            key: string(NAME, &rest, 1).map_err(odd)?,
            arguments: Vec::new(),
            message: string(NAME, &rest, 2).map_err(odd)?,
            location: None,
            backtrace: Vec::new(),
            hint: optional_string(NAME, &rest, 3).map_err(odd)?,
        }))),
    }
}

impl Evaluator for Within<'_, '_> {
    fn eval_text(&mut self, text: &str) -> Result<Vec<Value>, Stop> {
        self.answer(self.evaluate.clone(), vec![string_value(text)])
    }

    fn eval_part(&mut self, text: &str, part: Range<usize>) -> Result<Vec<Value>, Stop> {
        self.eval_text(&text[part])
    }

    fn call(&mut self, module: &[&str], name: &str, arguments: Vec<Value>) -> Result<Value, Stop> {
        let arguments = vec![
            string_value(format!("({})", module.join(" "))),
            string_value(name),
            list_value(arguments),
        ];
        let values = self.answer(self.apply.clone(), arguments)?;
        Ok(values.into_iter().next().unwrap_or(Value::Void))
    }

    fn load_file(&mut self, path: &Path) -> Result<(), Stop> {
        self.call(
            &["guile"],
            "primitive-load",
            vec![string_value(path.to_string_lossy())],
        )
        .map(drop)
    }

    fn expanded(&mut self, _: &str) -> Result<Vec<String>, Stop> {
        Err(Failure::new(
            Key::Usage,
            "cannot expand a form in the middle of a program",
        )
        .into())
    }

    fn documentation(&mut self, name: &str) -> Option<String> {
        interpreter::documentation(name)
    }

    fn current_module_name(&self) -> String {
        interpreter::current_module_name()
    }

    fn completions(&self, prefix: &str) -> Vec<String> {
        interpreter::completions(prefix)
    }
}
