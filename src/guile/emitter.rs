//! The emitter: prints core forms as the few forms that Steel's raw engine
//! compiles, and remembers where each call came from.
//!
//! Only `lambda if set! define begin let` and calls are printed, every name is
//! unique, a module's variables are declared before they are set (so that
//! functions may refer forward and definitions may be repeated), and constants
//! that are not simple atoms are globals of their own.

use super::constants;
use super::core::{Core, Lambda, Local, Origin, State, Variable};
use super::source_map;
use super::syntax::{Form, Id, Span, Stx};
use super::value::Value;
use std::fmt::Write as _;
use std::rc::Rc;

/// A piece of program for the machine.
pub struct Unit {
    pub text: String,
    /// Variables that hold a value once the unit has run.
    pub defines: Vec<Rc<Variable>>,
}

/// Calls that the machine has instructions for: Guile's name, arguments, the
/// machine's name.
const INSTRUCTIONS: &[(&str, usize, &str)] = &[
    ("+", 2, "#%prim.+"),
    ("-", 2, "#%prim.-"),
    ("*", 2, "#%prim.*"),
    ("=", 2, "#%prim.="),
    ("<", 2, "#%prim.<"),
    (">", 2, "#%prim.>"),
    ("<=", 2, "#%prim.<="),
    (">=", 2, "#%prim.>="),
    ("car", 1, "#%prim.car"),
    ("cdr", 1, "#%prim.cdr"),
    ("not", 1, "#%prim.not"),
    ("null?", 1, "#%prim.null?"),
];

/// Print CORE as a unit. WANTED gets the definitions of `scheme/guile/boot`
/// that have to run before.
pub fn unit(core: &Core, wanted: &mut Vec<Rc<Variable>>) -> Unit {
    let mut emitter = Emitter {
        text: String::new(),
        places: Vec::new(),
        prologue: String::new(),
        defines: Vec::new(),
        wanted,
    };
    emitter.top(core);
    let number = source_map::reserve();
    let mut text = format!(";u{number}\n");
    text.push_str(&emitter.prologue);
    let offset = text.len() as u32;
    text.push_str(&emitter.text);
    let places = emitter
        .places
        .into_iter()
        .map(|(position, span)| (position + offset, span))
        .collect();
    source_map::record(number, places);
    Unit {
        text,
        defines: emitter.defines,
    }
}

struct Emitter<'w> {
    text: String,
    places: Vec<(u32, Span)>,
    /// Declarations and constants that come first.
    prologue: String,
    defines: Vec<Rc<Variable>>,
    wanted: &'w mut Vec<Rc<Variable>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Value,
    Effect,
}

impl Emitter<'_> {
    fn top(&mut self, core: &Core) {
        self.core(core, Wanted::Value);
        self.text.push('\n');
    }

    fn core(&mut self, core: &Core, wanted: Wanted) {
        match core {
            Core::Constant(stx) => self.constant(stx),
            Core::Unspecified => self.text.push_str("%%void"),
            Core::Local(local) => self.local(local),
            Core::Global(variable, span) => self.global(variable, *span),
            Core::Machine(name) => self.text.push_str(name),
            Core::SetLocal(local, value) => self.assignment(wanted, |this| {
                this.local(local);
                this.text.push(' ');
                this.core(value, Wanted::Value);
            }),
            Core::SetGlobal(variable, value, span) => {
                if variable.state.get() != State::Defined {
                    // Guile refuses to set what has never been defined.
                    self.text.push_str("(begin ");
                    self.global(variable, *span);
                    self.text.push(' ');
                }
                let undefined = variable.state.get() != State::Defined;
                self.assignment(wanted, |this| {
                    this.global_name(variable);
                    this.text.push(' ');
                    this.core(value, Wanted::Value);
                });
                if undefined {
                    self.text.push(')');
                }
            }
            Core::DefineGlobal(variable, value) => {
                self.declare(variable);
                self.assignment(wanted, |this| {
                    this.text.push_str(&variable.global);
                    this.text.push(' ');
                    this.core(value, Wanted::Value);
                });
                self.defines.push(variable.clone());
            }
            Core::If(test, consequent, alternative) => {
                self.text.push_str("(if ");
                self.core(test, Wanted::Value);
                self.text.push(' ');
                self.core(consequent, wanted);
                self.text.push(' ');
                self.core(alternative, wanted);
                self.text.push(')');
            }
            Core::Lambda(lambda) => self.lambda(lambda),
            Core::Call(operator, operands, span) => self.call(operator, operands, *span),
            Core::Let(bindings, body) => {
                self.text.push_str("(let (");
                for (local, value) in bindings {
                    self.text.push('(');
                    self.local(local);
                    self.text.push(' ');
                    self.core(value, Wanted::Value);
                    self.text.push(')');
                }
                self.text.push_str(") ");
                self.core(body, wanted);
                self.text.push(')');
            }
            Core::Letrec(bindings, body) => {
                self.text.push_str("(let (");
                for (local, _) in bindings {
                    self.text.push('(');
                    self.local(local);
                    self.text.push_str(" %%unset)");
                }
                self.text.push_str(") ");
                for (local, value) in bindings {
                    self.text.push_str("(set! ");
                    self.local(local);
                    self.text.push(' ');
                    self.core(value, Wanted::Value);
                    self.text.push(')');
                }
                self.core(body, wanted);
                self.text.push(')');
            }
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

    /// `(set! …)`; Steel gives the old value back, Guile nothing in particular.
    fn assignment(&mut self, wanted: Wanted, inner: impl FnOnce(&mut Self)) {
        if wanted == Wanted::Value {
            self.text.push_str("(begin ");
        }
        self.text.push_str("(set! ");
        inner(self);
        self.text.push(')');
        if wanted == Wanted::Value {
            self.text.push_str(" %%void)");
        }
    }

    fn local(&mut self, local: &Local) {
        let _ = write!(self.text, "l{}", local.number);
    }

    /// See to it that the machine knows VARIABLE. What `scheme/guile/boot`
    /// defines is declared by the units that have to run before this one.
    fn declare(&mut self, variable: &Rc<Variable>) {
        if variable.state.get() != State::Fresh {
            return;
        }
        variable.state.set(State::Declared);
        if let Origin::Boot(_) = variable.origin {
            self.wanted.push(variable.clone());
        } else {
            self.prologue.push_str(&declaration(variable));
        }
    }

    fn global_name(&mut self, variable: &Rc<Variable>) {
        self.declare(variable);
        self.text.push_str(&variable.global);
    }

    /// A reference to VARIABLE where its value is wanted.
    fn global(&mut self, variable: &Rc<Variable>, span: Span) {
        let certain =
            variable.state.get() == State::Defined || !matches!(variable.origin, Origin::Program);
        if certain {
            self.global_name(variable);
        } else {
            self.place(span);
            self.text.push_str("(n.%bound ");
            self.global_name(variable);
            self.text.push(')');
        }
    }

    fn place(&mut self, span: Span) {
        if span != Span::default() {
            self.places.push((self.text.len() as u32, span));
        }
    }

    fn call(&mut self, operator: &Core, operands: &[Core], span: Span) {
        match operator {
            Core::Global(variable, _) => {
                self.place(span);
                self.text.push('(');
                match instruction(variable, operands.len()) {
                    Some(name) => self.text.push_str(name),
                    // An unbound one shows itself when it is called.
                    None => self.global_name(variable),
                }
            }
            // Steel miscompiles an immediate call of a lambda with a rest parameter.
            Core::Lambda(lambda) => {
                let procedure = Local::new(Id::named("procedure"));
                self.text.push_str("(let ((");
                self.local(&procedure);
                self.text.push(' ');
                self.lambda(lambda);
                self.text.push_str(")) ");
                self.place(span);
                self.text.push('(');
                self.local(&procedure);
                self.operands(operands);
                self.text.push(')');
                return;
            }
            _ => {
                self.place(span);
                self.text.push('(');
                self.core(operator, Wanted::Value);
            }
        }
        self.operands(operands);
    }

    fn operands(&mut self, operands: &[Core]) {
        for operand in operands {
            self.text.push(' ');
            self.core(operand, Wanted::Value);
        }
        self.text.push(')');
    }

    fn lambda(&mut self, lambda: &Lambda) {
        self.text.push_str("(lambda ");
        match &lambda.rest {
            None => {
                self.text.push('(');
                for parameter in &lambda.parameters {
                    self.local(parameter);
                    self.text.push(' ');
                }
                self.text.push_str(") ");
                self.core(&lambda.body, Wanted::Value);
            }
            Some(rest) => {
                // The machine's rest lists are of its own kind; ours are pairs.
                let given = Local::new(rest.name);
                if lambda.parameters.is_empty() {
                    self.local(&given);
                } else {
                    self.text.push('(');
                    for parameter in &lambda.parameters {
                        self.local(parameter);
                        self.text.push(' ');
                    }
                    self.text.push_str(". ");
                    self.local(&given);
                    self.text.push(')');
                }
                self.text.push_str(" (let ((");
                self.local(rest);
                self.text.push_str(" (n.%pairs ");
                self.local(&given);
                self.text.push_str("))) ");
                self.core(&lambda.body, Wanted::Value);
                self.text.push(')');
            }
        }
        self.text.push(')');
    }

    fn constant(&mut self, stx: &Stx) {
        match stx.form() {
            Form::Atom(Value::IntV(number)) => {
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

/// The line that makes VARIABLE known to the machine, unbound.
pub fn declaration(variable: &Variable) -> String {
    format!(
        "(define {} (n.%unbound {}))\n",
        variable.global,
        constants::unbound_name(variable.name)
    )
}

/// The machine's instruction for a call of VARIABLE with COUNT arguments.
fn instruction(variable: &Variable, count: usize) -> Option<&'static str> {
    if matches!(variable.origin, Origin::Program | Origin::Boot(_)) || variable.assigned.get() {
        return None;
    }
    let name = variable.name.name();
    INSTRUCTIONS
        .iter()
        .find(|(guile, arity, _)| **guile == *name && *arity == count)
        .map(|(_, _, machine)| *machine)
}
