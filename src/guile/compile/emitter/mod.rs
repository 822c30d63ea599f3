//! The emitter: prints core forms as the few forms that Steel's raw engine
//! compiles, and remembers where each call came from.
//!
//! Only `lambda if set! define begin let` and calls are printed, every name is
//! unique, a module's variables are declared before they are set (so that
//! functions may refer forward and definitions may be repeated), and constants
//! that are not simple atoms are globals of their own.

mod bindings;
mod calls;
mod free_variables;
mod globals;
mod instructions;

use crate::compile::{constants, source_map};
use crate::data::value::Value;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::values::{defines_several, gives_several};
use crate::tree_il::{Core, Origin, State, Variable};
use free_variables::find_escapes;
pub use globals::declaration;
use instructions::{is_misfit, is_native_call};
use std::fmt::Write as _;
use std::rc::Rc;

/// A piece of program for the machine.
pub struct Unit {
    /// Declarations and constants, when they have to run before other units.
    pub prologue: String,
    pub text: String,
    /// The part of the text that declares things, which must run only once.
    pub once: std::ops::Range<usize>,
    /// Variables that hold a value once the unit has run.
    pub defines: Vec<Rc<Variable>>,
    /// What it refers to of `scheme/guile/boot`, by number.
    pub boot: Vec<usize>,
}

/// How many tests may nest in the consequents of others before one is put into an
/// alternative. One of the passes of Steel's compiler (`FlipNotCondition`) visits
/// each consequent twice and alternatives never, so the work doubles for each.
const CONSEQUENTS: usize = 4;

/// Print CORE as a unit. WANTED gets the definitions of `scheme/guile/boot`
/// that have to run before; these share constants with the unit, so its prologue
/// is then APART, as it always is for such a definition itself.
pub fn unit(core: &Core, wanted: &mut Vec<Rc<Variable>>, apart: bool) -> Unit {
    let mut emitter = Emitter {
        text: String::new(),
        places: Vec::new(),
        prologue: String::new(),
        functions: Vec::new(),
        boot: Vec::new(),
        defines: Vec::new(),
        wanted,
        consequents: 0,
        numbers: Vec::new(),
        defining: Vec::new(),
        names_locals: !apart,
    };
    find_escapes(core);
    emitter.top(core);
    let number = source_map::reserve();
    let mut text = format!(";u{number}\n");
    let begin = text.len();
    let mut prologue = emitter.prologue;
    if !apart && emitter.wanted.is_empty() {
        text.push_str(&prologue);
        prologue.clear();
    }
    let mut places = Vec::new();
    let main = (emitter.text, emitter.places);
    let mut end = text.len();
    for (part, its_places) in emitter.functions.into_iter().chain(std::iter::once(main)) {
        end = text.len();
        let offset = text.len() as u32;
        text.push_str(&part);
        places.extend(
            its_places
                .into_iter()
                .map(|(position, span)| (position + offset, span)),
        );
    }
    source_map::record(number, places);
    Unit {
        prologue,
        text,
        once: begin..end,
        boot: emitter.boot,
        defines: emitter.defines,
    }
}

struct Emitter<'w> {
    text: String,
    places: Vec<(u32, Span)>,
    /// Declarations and constants that come first.
    prologue: String,
    /// Local procedures that have become globals, with their places.
    functions: Vec<(String, Vec<(u32, Span)>)>,
    defines: Vec<Rc<Variable>>,
    boot: Vec<usize>,
    wanted: &'w mut Vec<Rc<Variable>>,
    /// The variables whose definitions this is in.
    defining: Vec<Rc<Variable>>,
    /// In how many consequents this stands, since the last alternative.
    consequents: usize,
    /// The local variables, by number, that certainly hold a number here.
    numbers: Vec<u32>,
    /// Whether local procedures are known by their names: those of `scheme/guile/boot`
    /// are nobody's to see.
    names_locals: bool,
}

impl Unit {
    /// The text for running the unit once more: what declares is blank, so that
    /// places stay where they are.
    pub fn again(&self) -> String {
        let mut text = self.text.clone();
        let blank: String = self.text[self.once.clone()]
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
            .collect();
        text.replace_range(self.once.clone(), &blank);
        text
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Value,
    /// A value that is what the procedure gives.
    Result,
    Effect,
}

impl Emitter<'_> {
    /// Whether the value of CORE may be several. A procedure that is going to be
    /// defined by this unit has no second name yet.
    fn may_give_several(&self, core: &Core) -> bool {
        let pending = |variable: &Variable| {
            matches!(variable.origin, Origin::Program)
                && variable.state.get() != State::Defined
                && !self
                    .defining
                    .iter()
                    .any(|own| std::ptr::eq(&**own, variable))
        };
        gives_several(core, &pending)
    }

    fn top(&mut self, core: &Core) {
        match core {
            // What a program is given at once can be asked for its arguments.
            Core::Lambda(lambda) => self.known_lambda(lambda),
            core => self.core(core, Wanted::Result),
        }
        self.text.push('\n');
    }

    fn core(&mut self, core: &Core, wanted: Wanted) {
        if wanted == Wanted::Value && self.may_give_several(core) {
            self.text.push_str("(n.%single ");
            self.core(core, Wanted::Result);
            self.text.push(')');
            return;
        }
        match core {
            Core::Constant(stx) => self.constant(stx),
            Core::Unspecified => self.text.push_str("%%void"),
            Core::Local(local) => self.local(local),
            Core::Global(variable, span) => self.global(variable, *span),
            Core::Machine(name) => self.text.push_str(name),
            Core::Deferred(deferred) => self.deferred(deferred),
            Core::Settle(deferred, number) => self.settle(deferred, *number),
            Core::SetLocal(local, value) => {
                let prefix = if wanted != Wanted::Effect {
                    "(begin "
                } else {
                    ""
                };
                let _ = write!(self.text, "{prefix}(#%prim.set-box! b{} ", local.number);
                self.core(value, Wanted::Value);
                self.text.push(')');
                if wanted != Wanted::Effect {
                    self.text.push_str(" %%void)");
                }
            }
            Core::SetGlobal(variable, value, span) => {
                if variable.state.get() != State::Defined {
                    // Guile refuses to set what has never been defined.
                    self.text.push_str("(begin ");
                    self.global(variable, *span);
                    self.text.push(' ');
                }
                let undefined = variable.state.get() != State::Defined;
                variable.gives_one.set(false);
                self.assignment(wanted, |this| {
                    this.global_name(variable);
                    this.text.push(' ');
                    this.core(value, Wanted::Value);
                    this.text.push(')');
                    this.set_single(variable);
                });
                if undefined {
                    self.text.push(')');
                }
            }
            Core::DefineGlobal(variable, value) => {
                match &**value {
                    Core::Lambda(lambda) => {
                        let several = defines_several(variable, lambda);
                        variable.gives_one.set(!variable.assigned.get() && !several);
                        variable.takes.set(Some(lambda.takes()));
                    }
                    Core::Deferred(deferred) => {
                        let one = !variable.assigned.get() && deferred.gives_one;
                        variable.gives_one.set(one);
                        variable.takes.set(Some(deferred.takes));
                    }
                    _ => variable.gives_one.set(false),
                }
                self.declare(variable);
                self.defining.push(variable.clone());
                self.assignment(wanted, |this| {
                    this.text.push_str(&variable.global);
                    this.text.push(' ');
                    match &**value {
                        Core::Lambda(lambda) if matches!(variable.origin, Origin::Program) => {
                            this.named_lambda(variable.name, lambda);
                        }
                        _ => this.core(value, Wanted::Value),
                    }
                    this.text.push(')');
                    this.defining.pop();
                    this.set_single(variable);
                });
                self.defines.push(variable.clone());
            }
            Core::If(test, consequent, alternative) => {
                let depth = self.consequents;
                let apart = depth >= CONSEQUENTS;
                if apart {
                    self.text.push_str("(if %%no %%void ");
                    self.consequents = 0;
                }
                self.text.push_str("(if ");
                self.core(test, Wanted::Value);
                self.text.push(' ');
                let numbers = self.numbers.len();
                self.note_numbers(test);
                self.consequents += 1;
                self.core(consequent, wanted);
                self.text.push(' ');
                // Nobody looks twice at alternatives.
                self.consequents = 0;
                self.core(alternative, wanted);
                self.text.push_str(if apart { "))" } else { ")" });
                self.consequents = depth;
                self.numbers.truncate(numbers);
            }
            Core::Lambda(lambda) if self.is_known(lambda) => self.known_lambda(lambda),
            Core::Lambda(lambda) => self.lambda(lambda),
            // The machine forgets where it was when a native is called in tail
            // position, and a native is not worth forgetting it for.
            Core::Call(operator, operands, span)
                if wanted == Wanted::Result
                    && (is_native_call(operator, operands.len())
                        || is_misfit(operator, operands.len())) =>
            {
                self.text.push_str("(let ((result ");
                self.call(operator, operands, *span, wanted);
                self.text.push_str(")) result)");
            }
            Core::Call(operator, operands, span) => self.call(operator, operands, *span, wanted),
            Core::Let(bindings, body) => self.let_(bindings, body, wanted),
            Core::Letrec(bindings, body) => self.letrec(bindings, body, wanted),
            Core::Seq(forms) => {
                self.text.push_str("(begin");
                let last = forms.len().saturating_sub(1);
                for (index, form) in forms.iter().enumerate() {
                    self.text.push(' ');
                    self.core(
                        form,
                        if index == last {
                            wanted
                        } else {
                            Wanted::Effect
                        },
                    );
                }
                self.text.push(')');
            }
        }
    }

    fn place(&mut self, span: Span) {
        if span != Span::default() {
            self.places.push((self.text.len() as u32, span));
        }
    }

    fn constant(&mut self, stx: &Stx) {
        match stx.form() {
            // The machine packs some integers into instructions of 24 bits.
            Form::Atom(Value::IntV(number)) if number.unsigned_abs() < 1 << 22 => {
                let _ = write!(self.text, "{number}");
            }
            Form::Atom(Value::BoolV(true)) => self.text.push_str("#true"),
            Form::Atom(Value::BoolV(false)) => self.text.push_str("#false"),
            Form::Atom(Value::Void) => self.text.push_str("%%void"),
            Form::Atom(Value::CharV(c)) if c.is_ascii_alphanumeric() => {
                let _ = write!(self.text, "#\\{c}");
            }
            Form::Atom(Value::StringV(text))
                if text
                    .chars()
                    .all(|c| !c.is_control() && c != '"' && c != '\\') =>
            {
                let _ = write!(self.text, "\"{text}\"");
            }
            Form::List(items, None) if items.is_empty() => self.text.push_str("%%nil"),
            _ => {
                let (name, fresh) = constants::global(stx);
                if fresh {
                    let _ = writeln!(
                        self.prologue,
                        "(define {name} (n.%constant {}))",
                        &name[1..]
                    );
                }
                self.text.push_str(&name);
            }
        }
    }
}
