//! The interpreter as the command line sees it: load a file, evaluate a text,
//! call a procedure, and learn how it ended.
//!
//! An interpreter belongs to one thread, and that thread needs a large stack:
//! make and use it inside [`crate::machine::vm::on_large_stack`].

use crate::compile::{constants, source_map};
use crate::data::limits::{self, Controls};
use crate::data::native::{Native, NativeModule};
use crate::data::roots::Root;
use crate::data::value::{self, Value, list_value};
use crate::data::{clock, interrupt, memory, pairs, records};
use crate::eval::loader::{self, Load};
use crate::eval::{backtrace, report};
use crate::expand::{forms, macros, syntax_primitives};
use crate::kept::{self, shelf::Shelf};
use crate::library::{encodings, ports};
use crate::machine::{conditions, control, extents, procedures, steel_errors, vm};
use crate::namespace::modules::{self, Progress};
use crate::namespace::registry as world;
use crate::namespace::registry::{CoreParts, World};
use crate::namespace::scope::Binding;
use crate::read::reader;
use crate::syntax::identifier::Id;
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::tree_il::Origin;
use failure::{Failure, Key};
use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use steel::SteelErr;
use steel::parser::span::Span as MachineSpan;
use steel::steel_vm::engine::Engine;

/// The natives of module `(guile)`. Where two lists have a name, the first counts.
fn natives() -> Vec<&'static [Native]> {
    let mut lists = vec![
        super::internals::NATIVES,
        control::NATIVES,
        extents::NATIVES,
        procedures::NATIVES,
        super::module_values::NATIVES,
        super::record_natives::NATIVES,
        syntax_primitives::NATIVES,
        super::environments::NATIVES,
    ];
    lists.extend(crate::library::natives());
    lists
}

/// What an interpreter is made with.
#[derive(Default)]
pub struct Options {
    /// Directories searched for modules before those in the binary: `-L` first, then the environment's.
    pub load_path: Vec<PathBuf>,
    /// The domains' natives, importable as `(fruix native DOMAIN)`.
    pub native_modules: Vec<NativeModule>,
    /// `(command-line)`.
    pub arguments: Vec<String>,
    /// The Scheme modules that are carried beside the language's own, as (path, text),
    /// sorted by path: `("fruix/store.scm", …)` is `(fruix store)`.
    pub modules: &'static [(&'static str, &'static str)],
    /// Tells whether the user has interrupted and nobody has dealt with that yet.
    pub is_interrupted: Option<fn() -> bool>,
    /// The clock that programs go by; without one it is the machine's.
    pub clock: Option<clock::Clock>,
    /// A checkout's `scheme/` to be used instead of the one in the binary.
    pub scheme_directory: Option<PathBuf>,
    /// Where what modules expand to is kept for other processes; nowhere unless given.
    pub kept: Option<PathBuf>,
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

/// A procedure that was at work, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub location: Location,
    /// The name that its text defines it by; none for a form at the top level.
    pub procedure: Option<String>,
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
    pub backtrace: Vec<Frame>,
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
    resume: Arc<dyn Fn() + Send + Sync>,
}

impl Interrupter {
    /// Make the running program throw `interrupted`.
    pub fn interrupt(&self) {
        (self.interrupt)();
    }

    /// Let the program go on that was told to throw `interrupted` and has not yet.
    pub fn resume(&self) {
        (self.resume)();
    }
}

/// A Guile with its modules, able to run programs one after the other.
pub struct Interpreter {
    engine: Engine,
    world: Rc<World>,
    /// The procedure that runs a load to its end.
    load: Root,
}

impl Interpreter {
    /// A fresh interpreter whose current module is `(guile-user)`.
    pub fn new(options: Options) -> Result<Interpreter, Failure> {
        constants::reset();
        if let Some(ask) = options.is_interrupted {
            interrupt::ask_by(ask);
        }
        if let Some(clock) = options.clock {
            clock::go_by(clock);
        }
        // What a checkout says changes while somebody works on it.
        let shelf = options
            .kept
            .filter(|_| options.scheme_directory.is_none())
            .map(|folder| Shelf::at(&folder, &options.native_modules));
        let mut engine = vm::engine();
        let world = World::new(
            options.load_path,
            options.scheme_directory,
            &options.native_modules,
            options.arguments,
            options.modules,
            CoreParts {
                natives: natives(),
                words: forms::table(),
                keyword: macros::boot_keyword,
            },
        );
        world::enter(&world);
        world.writes_down.set(shelf.is_some());
        kept::keep_on(shelf);
        for (global, native) in world.native_globals(&options.native_modules) {
            engine.register_value(&global, (native.value)());
        }
        let controller = engine.get_thread_state_controller();
        extents::set_resume(move || controller.resume());
        let controller = engine.get_thread_state_controller();
        let other = engine.get_thread_state_controller();
        memory::watch(move || controller.interrupt(), move || other.resume());
        let controller = engine.get_thread_state_controller();
        let other = engine.get_thread_state_controller();
        limits::control_by(Controls {
            interrupt: Arc::new(move || controller.interrupt()),
            resume: Arc::new(move || other.resume()),
        });
        let load = vm::load_procedure(&mut engine)
            .map_err(|error| Failure::internal(format!("the glue does not compile: {error}")))?;
        Ok(Interpreter {
            engine,
            world,
            load: Root::of(&load),
        })
    }

    /// Run the program in the file at PATH.
    pub fn load_file(&mut self, path: &Path) -> Result<(), Stop> {
        let text = encodings::read_program(path).map_err(|error| {
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
    pub fn eval_text(&mut self, name: &str, text: &str) -> Result<Vec<Value>, Stop> {
        self.eval_part(name, text, 0..text.len())
    }

    /// Evaluate every form in PART of TEXT, in bytes, in the current module; the values of
    /// the last form. Places are those in TEXT.
    pub fn eval_part(
        &mut self,
        name: &str,
        text: &str,
        part: Range<usize>,
    ) -> Result<Vec<Value>, Stop> {
        world::enter(&self.world);
        let load = Load::of_part(&self.world, name, text[..part.end].into(), part.start);
        let load = value::handle_value("load", RefCell::new(load));
        let before = self.world.current.borrow().clone();
        let running = value::handle::<RefCell<Load>>("load", std::slice::from_ref(&load), 1);
        let result = self.run(self.load.value().clone(), vec![load]);
        if result.is_ok() && running.is_ok_and(|load| load.borrow().goes_on()) {
            return Err(
                Failure::internal(format!("the machine has ended before `{name}` has")).into(),
            );
        }
        if result.is_err() && self.world.current.borrow().progress.get() != Progress::Ready {
            // The error came from a module that was being loaded.
            *self.world.current.borrow_mut() = before;
        }
        result.map(|value| records::values_list(&value))
    }

    /// What every form of TEXT expands to in the current module, as text; nothing is run
    /// but the macros.
    pub fn expanded(&mut self, text: &str) -> Result<Vec<String>, Stop> {
        world::enter(&self.world);
        let shown = Rc::new(RefCell::new(Vec::new()));
        let load = Load::showing(&self.world, "expand", text.into(), shown.clone());
        let load = value::handle_value("load", RefCell::new(load));
        self.run(self.load.value().clone(), vec![load])?;
        Ok(shown.take())
    }

    /// Call procedure NAME of MODULE, exported or not.
    pub fn call(
        &mut self,
        module: &[&str],
        name: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, Stop> {
        // Some natives are only for the machine to call, so it is asked to.
        let text = format!(
            "(lambda args (apply (@@ ({}) {name}) args))",
            module.join(" ")
        );
        let procedure = self.eval_text("call", &text)?;
        let procedure = procedure.into_iter().next().unwrap_or(Value::Void);
        // Whatever goes wrong comes from no form that somebody has written.
        loader::set_current_form(Span::default());
        self.run(procedure, arguments)
    }

    /// Let go of everything, at the end of the process. What domains hold ends
    /// now; where there is only memory, the process's end frees it faster.
    pub fn finish(self) {
        if !value::domain_handles_were_made() {
            std::mem::forget(self);
        }
    }

    /// Run PROCEDURE in the machine.
    fn run(&mut self, procedure: Value, arguments: Vec<Value>) -> Result<Value, Stop> {
        world::enter(&self.world);
        control::begin_run();
        let result = self.engine.call_function_with_args(procedure, arguments);
        ports::flush_all();
        result.map_err(|error| {
            let stop = self.stop(&error);
            if extents::any() {
                self.clean_up("(%leave-all)");
            }
            let was_exhausted = |uncaught: &Uncaught| {
                [steel_errors::STACK_OVERFLOW, memory::EXHAUSTED].contains(&&*uncaught.key)
            };
            if matches!(&stop, Stop::Uncaught(uncaught) if was_exhausted(uncaught)) {
                self.clean_up("(%forget-frames)");
            }
            ports::flush_all();
            stop
        })
    }

    /// Run TEXT, of module `(guile)`, after an error has left the machine.
    fn clean_up(&mut self, text: &str) {
        let Ok(forms) = self.world.read_all("leaving", text) else {
            return;
        };
        for form in forms {
            let load = Load::of_form(&self.world, form, Some(&self.world.core));
            let load = value::handle_value("load", RefCell::new(load));
            let procedure = self.load.value().clone();
            control::begin_run();
            // What goes wrong here must not hide what went wrong before.
            if let Err(error) = self.engine.call_function_with_args(procedure, vec![load]) {
                drop(conditions::caught(&error));
                self.engine.get_thread_state_controller().resume();
            }
        }
    }

    /// The current module's name as Guile writes it: `(guile-user)`.
    pub fn current_module_name(&self) -> String {
        world::enter(&self.world);
        current_module_name()
    }

    /// Make the module called NAME, such as `["fruix", "store"]`, current; it is loaded when needed.
    pub fn set_current_module(&mut self, name: &[&str]) -> Result<(), Stop> {
        self.eval_text("module", &format!("(@@ ({}) car)", name.join(" ")))?;
        let name: Vec<Id> = name.iter().map(|word| Id::named(word)).collect();
        *self.world.current.borrow_mut() = self.world.module(&name);
        Ok(())
    }

    /// Let the current module see what the module called NAME exports, which is loaded
    /// when one of these names is used.
    pub fn import_when_used(&mut self, name: &[&str]) -> Result<(), Failure> {
        world::enter(&self.world);
        let name: Vec<Id> = name.iter().map(|word| Id::named(word)).collect();
        let import = self.world.import_when_used(&name).map_err(|_| {
            Failure::internal(format!("{} is not carried", modules::written(&name)))
        })?;
        let _nothing_refers_to_it_yet = self.world.current.borrow().import(import);
        Ok(())
    }

    /// Whether TEXT is whole: every bracket, string and comment in it is closed.
    pub fn is_complete(text: &str) -> bool {
        reader::is_complete(text)
    }

    /// The names visible in the current module that begin with PREFIX, sorted.
    pub fn completions(&self, prefix: &str) -> Vec<String> {
        world::enter(&self.world);
        completions(prefix)
    }

    /// The names that the language's own modules see: those of `(guile)`, and what that is
    /// made of.
    pub fn language_names(&self) -> Vec<String> {
        world::enter(&self.world);
        let names = world::core_names().into_iter();
        names.map(|name| name.name().to_string()).collect()
    }

    /// The documentation of NAME as seen from the current module.
    pub fn documentation(&mut self, name: &str) -> Option<String> {
        world::enter(&self.world);
        documentation(name)
    }

    /// VALUE as `write` prints it.
    pub fn written(&self, value: &Value) -> String {
        written(value)
    }

    /// VALUE as `display` prints it.
    pub fn displayed(&self, value: &Value) -> String {
        displayed(value)
    }

    /// A handle with which another thread ends the running program.
    pub fn interrupter(&self) -> Interrupter {
        let controller = self.engine.get_thread_state_controller();
        let other = self.engine.get_thread_state_controller();
        Interrupter {
            interrupt: Arc::new(move || controller.interrupt()),
            resume: Arc::new(move || other.resume()),
        }
    }

    /// What the machine's ERROR, which nothing caught, means to the user.
    fn stop(&mut self, error: &SteelErr) -> Stop {
        let raising = conditions::caught(error);
        self.engine.get_thread_state_controller().resume();
        let object = raising.object();
        let (key, arguments) = conditions::key_and_arguments(&object);
        let (key, mut arguments) = (
            key.to_string(),
            pairs::to_vec(&arguments).unwrap_or_default(),
        );
        if key == "quit" {
            return Stop::Quit(exit_status(arguments.first()));
        }
        let trace: Vec<Span> = raising
            .trace
            .spans
            .iter()
            .map(|span| self.written_at(*span).unwrap_or_default())
            .collect();
        if key == "wrong-number-of-args"
            && let Some(culprits) = arguments.get_mut(2)
            && pairs::car(culprits).is_some_and(steel_errors::is_some_procedure)
            && let Some(procedure) = raising
                .trace
                .spans
                .last()
                .and_then(|span| self.called_at(*span))
        {
            *culprits = list_value(vec![procedure]);
        }
        let native = raising.trace.native.map(Id::named);
        let raiser = raising.trace.raiser.map(Id::named);
        let form = loader::current_form();
        // A place in the library says nothing to whoever called it.
        let said =
            report::place_in(&key, &arguments).filter(|said| !backtrace::is_of_library(&said.file));
        let mut frames = backtrace::frames(&trace, native, raiser, form);
        if key != "syntax-error"
            && let Some(said) = &said
            && let Some(place) = source::at(&said.file, said.line, said.column)
        {
            backtrace::begin_at(&mut frames, place);
        }
        let backtrace: Vec<Frame> = frames
            .into_iter()
            .filter_map(|frame| {
                Some(Frame {
                    location: location(frame.place.place()?),
                    procedure: frame.procedure.map(|name| name.name().to_string()),
                })
            })
            .collect();
        let message = report::message(&key, &arguments, &object);
        let hint = report::hint(&key, &arguments, &self.world);
        Stop::Uncaught(Box::new(Uncaught {
            arguments: arguments
                .iter()
                .map(|argument| self.written(argument))
                .collect(),
            message,
            location: said.or_else(|| backtrace.first().map(|frame| frame.location.clone())),
            backtrace,
            hint,
            key,
        }))
    }

    /// The procedure that is called where the machine was, when it has a name there.
    fn called_at(&self, span: MachineSpan) -> Option<Value> {
        let text = self.engine.get_source(&span.source_id()?)?;
        let call = text.get(span.start() as usize..)?.strip_prefix('(')?;
        let operator = call.split([' ', '(', ')', '\n']).next()?;
        if !operator.starts_with(['g', 'd']) {
            return None;
        }
        self.engine
            .extract_value(operator)
            .ok()
            .filter(Value::is_function)
    }

    /// What the user wrote where the machine was.
    fn written_at(&self, span: MachineSpan) -> Option<Span> {
        let text = self.engine.get_source(&span.source_id()?)?;
        source_map::find(&text, span.start()).filter(|span| span.place().is_some())
    }
}

// What natives may ask too, of the interpreter that runs them.

/// The current module's name as Guile writes it.
pub fn current_module_name() -> String {
    modules::written(&world::world().current.borrow().name)
}

/// The names visible in the current module that begin with PREFIX, sorted.
pub fn completions(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = world::world()
        .current
        .borrow()
        .visible_names()
        .into_iter()
        .map(|name| name.name().to_string())
        .filter(|name| {
            name.starts_with(prefix) && (prefix.starts_with('%') || !name.starts_with('%'))
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The documentation of NAME as seen from the current module or, when it is not seen there,
/// of the language's own procedure of that name, whichever module is its home.
pub fn documentation(name: &str) -> Option<String> {
    let world = world::world();
    let module = world.current.borrow().clone();
    let name = Id::named(name);
    match module.lookup(name).or_else(|| world.core.lookup(name))? {
        Binding::Global(variable) => match variable.origin {
            Origin::Native(native) => Some(native.documentation.trim().to_owned()),
            Origin::Boot(number) => world.boot.documentation(number),
            _ => variable.documentation.borrow().clone(),
        },
        _ => None,
    }
}

/// VALUE as `write` prints it.
pub fn written(value: &Value) -> String {
    crate::library::written(value)
}

/// VALUE as `display` prints it.
pub fn displayed(value: &Value) -> String {
    crate::library::displayed(value)
}

fn location(place: source::Place) -> Location {
    Location {
        file: place.file,
        line: place.line,
        column: place.column,
        source: Some(place.text),
    }
}

/// The status that `(exit ARGUMENT)` asks for.
fn exit_status(argument: Option<&Value>) -> u8 {
    match argument {
        None | Some(Value::BoolV(true)) => 0,
        Some(Value::BoolV(false)) => 1,
        Some(Value::IntV(number)) => (*number & 0xff) as u8,
        // Guile cannot make a status of one that does not fit.
        Some(Value::BigNum(_)) => 1,
        Some(_) => 0,
    }
}
