//! The interpreter as the command line sees it: load a file, evaluate a text,
//! call a procedure, and learn how it ended.
//!
//! An interpreter belongs to one thread, and that thread needs a large stack:
//! make and use it inside [`super::vm::on_large_stack`].

use super::natives::NativeModule;
use super::value::Value;
use crate::failure::{Failure, Key};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an interpreter is made with.
#[derive(Default)]
pub struct Options {
    /// Directories searched for modules before those in the binary: `-L` first, then the environment's.
    pub load_path: Vec<PathBuf>,
    /// The domains' natives, importable as `(fruix native DOMAIN)`.
    pub native_modules: Vec<NativeModule>,
    /// `(command-line)`.
    pub arguments: Vec<String>,
    /// A checkout's `scheme/` to be used instead of the one in the binary.
    pub scheme_directory: Option<PathBuf>,
}

/// Why a program stopped before its end.
#[derive(Debug)]
pub enum Stop {
    /// `(exit)` or `(quit)`, with the status it asked for.
    Quit(u8),
    /// An exception that nothing caught.
    Uncaught(Box<Uncaught>),
}

/// A place in a source text; lines and columns count from 1 and from 0, as Guile prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// The text of the line, when it is at hand.
    pub source: Option<String>,
}

/// An exception that nothing caught, ready to be shown.
#[derive(Debug)]
pub struct Uncaught {
    /// The key that `throw` was given, such as `wrong-type-arg`.
    pub key: String,
    /// The arguments after the key, as `write` prints each.
    pub arguments: Vec<String>,
    /// What happened, as Guile would print it, without location.
    pub message: String,
    /// Where it happened.
    pub location: Option<Location>,
    /// The user's frames, innermost first.
    pub backtrace: Vec<Location>,
    /// What to do, when that is known.
    pub hint: Option<String>,
}

impl Uncaught {
    /// The exit status of a process that ends with this exception.
    pub fn exit_status(&self) -> u8 {
        Key::from_name(&self.key).map_or(4, Key::exit_status)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Uncaught(Box::new(Uncaught {
            key: failure.key().as_str().to_owned(),
            arguments: Vec::new(),
            message: failure.message().to_owned(),
            location: None,
            backtrace: Vec::new(),
            hint: failure.hint_text().map(str::to_owned),
        }))
    }
}

/// Ends a running program from another thread, as Ctrl-C does.
#[derive(Clone)]
pub struct Interrupter {
    // Steel's controller cannot be named outside of Steel, so it is kept in a closure.
    interrupt: Arc<dyn Fn() + Send + Sync>,
}

impl Interrupter {
    /// Make the running program throw `interrupted`.
    pub fn interrupt(&self) {
        (self.interrupt)();
    }
}

/// A Guile with its modules, able to run programs one after the other.
pub struct Interpreter {
    engine: steel::steel_vm::engine::Engine,
}

impl Interpreter {
    /// A fresh interpreter whose current module is `(guile-user)`.
    pub fn new(_options: Options) -> Result<Interpreter, Failure> {
        Ok(Interpreter {
            engine: steel::steel_vm::engine::Engine::new_raw_no_kernel(),
        })
    }

    /// Run the program in the file at PATH.
    pub fn load_file(&mut self, path: &Path) -> Result<(), Stop> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Key::Usage,
                format!("cannot read `{}`: {error}", path.display()),
            )
        })?;
        self.load_text(&path.display().to_string(), &text)
    }

    /// Run the program TEXT, which is called NAME in messages.
    pub fn load_text(&mut self, name: &str, text: &str) -> Result<(), Stop> {
        self.eval_text(name, text).map(drop)
    }

    /// Evaluate every form of TEXT in the current module; the values of the last form.
    pub fn eval_text(&mut self, _name: &str, _text: &str) -> Result<Vec<Value>, Stop> {
        Err(Failure::internal("the expander has not been connected").into())
    }

    /// Call procedure NAME of MODULE, exported or not.
    pub fn call(
        &mut self,
        module: &[&str],
        name: &str,
        _arguments: Vec<Value>,
    ) -> Result<Value, Stop> {
        Err(Failure::internal(format!("no `{name}` in {module:?}")).into())
    }

    /// The current module's name as Guile writes it: `(guile-user)`.
    pub fn current_module_name(&self) -> String {
        "(guile-user)".to_owned()
    }

    /// Make the module called NAME, such as `["fruix", "store"]`, current; it is loaded when needed.
    pub fn set_current_module(&mut self, _name: &[&str]) -> Result<(), Stop> {
        Ok(())
    }

    /// Whether TEXT is whole: every bracket, string and comment in it is closed.
    pub fn is_complete(text: &str) -> bool {
        text.matches('(').count() <= text.matches(')').count()
    }

    /// The names visible in the current module that begin with PREFIX, sorted.
    pub fn completions(&self, _prefix: &str) -> Vec<String> {
        Vec::new()
    }

    /// The documentation of NAME as seen from the current module.
    pub fn documentation(&mut self, _name: &str) -> Option<String> {
        None
    }

    /// VALUE as `write` prints it.
    pub fn written(&self, value: &Value) -> String {
        value.to_string()
    }

    /// VALUE as `display` prints it.
    pub fn displayed(&self, value: &Value) -> String {
        value.to_string()
    }

    /// A handle with which another thread ends the running program.
    pub fn interrupter(&self) -> Interrupter {
        let controller = self.engine.get_thread_state_controller();
        Interrupter {
            interrupt: Arc::new(move || controller.interrupt()),
        }
    }
}
