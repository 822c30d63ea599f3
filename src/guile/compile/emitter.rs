//! The emitter: prints core forms as the few forms that Steel's raw engine
//! compiles, and remembers where each call came from.
//!
//! Only `lambda if set! define begin let` and calls are printed, every name is
//! unique, a module's variables are declared before they are set (so that
//! functions may refer forward and definitions may be repeated), and constants
//! that are not simple atoms are globals of their own.

use crate::compile::{constants, source_map};
use crate::data::numbers;
use crate::data::value::Value;
use crate::machine::procedures;
use crate::namespace::registry;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::values::{defines_several, gives_several, procedure_gives_several};
use crate::tree_il::{Core, Lambda, Lifted, Local, Origin, State, Variable};
use std::collections::BTreeMap;
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

/// Guile's comparisons: what each is when the left operand is less than the right one,
/// and when the right one is less. The machine's `<` tells, and is false for what is no
/// number; its others print that, which never ends where it is circular.
const COMPARISONS: [(&str, [bool; 2]); 5] = [
    ("=", [false, false]),
    ("<", [true, false]),
    (">", [false, true]),
    ("<=", [true, false]),
    (">=", [false, true]),
];

/// Guile's names of what the machine has an instruction for that prints an operand
/// which is no number, each with the procedure that does the same and raises.
const CHECKED: [(&str, &str); 2] = [("+", "n.%sum"), ("-", "n.%difference")];

/// Natives that give a number or raise.
const NUMERIC: [&str; 6] = ["+", "-", "*", "quotient", "remainder", "modulo"];

/// How many tests may nest in the consequents of others before one is put into an
/// alternative. One of the passes of Steel's compiler (`FlipNotCondition`) visits
/// each consequent twice and alternatives never, so the work doubles for each.
const CONSEQUENTS: usize = 4;

/// What of `scheme/guile/boot` raises. A call of it is noted before it is made:
/// most are in tail position, where the machine forgets the caller.
const RAISING: &str = "raise-exception";

/// Say of the procedures among BINDINGS what they take and whether they give several values.
fn note_procedures(bindings: &[(Rc<Local>, Core)]) {
    let procedures: Vec<(&Local, &Lambda)> = bindings
        .iter()
        .filter_map(|(local, value)| match value {
            Core::Lambda(lambda) => Some((&**local, &**lambda)),
            _ => None,
        })
        .collect();
    for (local, lambda) in &procedures {
        local.gives_one.set(!local.assigned.get());
        *local.takes.borrow_mut() = Some((lambda.takes(), procedures::shown(local.name, lambda)));
    }
    // Those that call each other give one value unless one of them does not.
    loop {
        let mut changed = false;
        for (local, lambda) in &procedures {
            if local.gives_one.get() && procedure_gives_several(lambda) {
                local.gives_one.set(false);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}

/// Whether making the value of CORE may run what the program wrote.
fn runs_at_once(core: &Core) -> bool {
    !matches!(core, Core::Lambda(_) | Core::Constant(_) | Core::Machine(_))
}

/// Say of BINDINGS, made one after the other, which may be referred to before
/// they have their values: those that come later than a value that runs at once
/// and refers to them, through procedures or not. REACH is what each refers to.
fn note_early(bindings: &[(&Rc<Local>, &Core)], reach: &[BTreeMap<u32, Rc<Local>>]) {
    let positions: BTreeMap<u32, usize> = bindings
        .iter()
        .enumerate()
        .map(|(position, (local, _))| (local.number, position))
        .collect();
    for (position, (_, value)) in bindings.iter().enumerate() {
        if !runs_at_once(value) {
            continue;
        }
        let mut seen = vec![false; bindings.len()];
        let mut next = vec![position];
        while let Some(from) = next.pop() {
            for number in reach[from].keys() {
                if let Some(other) = positions.get(number).copied()
                    && !std::mem::replace(&mut seen[other], true)
                {
                    next.push(other);
                }
            }
        }
        for (other, (local, _)) in bindings.iter().enumerate().skip(position) {
            if seen[other] {
                local.early.set(true);
            }
        }
    }
}

/// What is wanted of the value of LOCAL.
fn wanted_for(local: &Local) -> Wanted {
    if local.holds_several.get() {
        Wanted::Result
    } else {
        Wanted::Value
    }
}

/// Whether CORE costs nothing to be looked at again.
fn is_cheap(core: &Core) -> bool {
    match core {
        Core::Local(local) => !local.assigned.get(),
        Core::Constant(stx) => matches!(stx.form(), Form::Atom(Value::IntV(_) | Value::NumV(_))),
        _ => false,
    }
}

/// Whether a native is called, and not by an instruction of the machine.
fn is_native_call(operator: &Core, operands: usize) -> bool {
    matches!(
        operator,
        Core::Global(variable, _)
            if matches!(variable.origin, Origin::Native(_))
                && instruction(variable, operands).is_none()
    )
}

/// Whether OPERATOR is a procedure that does not take COUNT arguments. The machine would
/// not tell which one it is, and miscompiles the call when it puts the procedure's body
/// in its place.
fn is_misfit(operator: &Core, count: usize) -> bool {
    match operator {
        Core::Local(local) if !local.assigned.get() => {
            let takes = local.takes.borrow();
            takes.as_ref().is_some_and(|(takes, _)| !takes.fits(count))
        }
        Core::Global(variable, _) => variable.takes.get().is_some_and(|takes| !takes.fits(count)),
        _ => false,
    }
}

fn raises(variable: &Variable) -> bool {
    matches!(variable.origin, Origin::Boot(_)) && &*variable.name.name() == RAISING
}

/// Calls that the machine has instructions for: Guile's name, arguments, the
/// machine's name. Its `*` is not among them: it panics when a small fraction
/// meets a large one, as in `(* 1/3 (/ (expt 10 30) 7))`.
const INSTRUCTIONS: &[(&str, usize, &str)] = &[
    ("+", 2, "#%prim.+"),
    ("-", 2, "#%prim.-"),
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

/// Procedures of `scheme/guile/boot` that take more or fewer arguments, each with the
/// number of operands that is usual and the procedure which does the same for those:
/// looking how many there are takes longer than putting a handler in force.
const USUALLY: [(&str, usize, &str); 3] = [
    ("apply", 2, "%apply"),
    ("catch", 3, "%catch"),
    ("with-exception-handler", 2, "%with-procedure-handler"),
];

/// What to call instead of VARIABLE with COUNT operands.
fn usual(variable: &Variable, count: usize) -> Option<Rc<Variable>> {
    if !matches!(variable.origin, Origin::Boot(_)) || variable.assigned.get() {
        return None;
    }
    let name = variable.name.name();
    let (_, _, same) = USUALLY
        .iter()
        .find(|(known, operands, _)| **known == *name && *operands == count)?;
    Some(registry::world().core.variable(Id::named(same)))
}

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
            // Its own parameters say less than the program wrote.
            Core::Lambda(lambda)
                if lambda.signature.borrow().is_some()
                    || lambda.documentation.borrow().is_some() =>
            {
                self.known_lambda(lambda);
            }
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

    /// `(set! …)`, which INNER closes; Steel gives the old value back, Guile nothing
    /// in particular.
    fn assignment(&mut self, wanted: Wanted, inner: impl FnOnce(&mut Self)) {
        if wanted != Wanted::Effect {
            self.text.push_str("(begin ");
        }
        self.text.push_str("(set! ");
        inner(self);
        if wanted != Wanted::Effect {
            self.text.push_str(" %%void)");
        }
    }

    /// VARIABLE has another value: where callers rely on it to give one value, they
    /// go on to get one.
    fn set_single(&mut self, variable: &Variable) {
        let Some(single) = variable.single.borrow().clone() else {
            return;
        };
        let global = &variable.global;
        if variable.gives_one.get() {
            let _ = write!(self.text, " (set! {single} {global})");
        } else {
            let _ = write!(
                self.text,
                " (set! {single} (lambda given (n.%single (#%prim.apply {global} given))))"
            );
        }
    }

    /// The machine's name for VARIABLE where a call of it has to give one value, and
    /// is known to do so: another definition does not change that.
    fn single_name(&mut self, variable: &Rc<Variable>) {
        self.declare(variable);
        let known = variable.single.borrow().clone();
        let single = known.unwrap_or_else(|| {
            let single = variable.global.replacen('g', "s", 1);
            let value = match variable.state.get() {
                State::Defined => variable.global.clone(),
                _ => format!("(n.%unbound {})", constants::number(variable.name)),
            };
            let _ = writeln!(self.prologue, "(define {single} {value})");
            *variable.single.borrow_mut() = Some(single.clone());
            single
        });
        self.text.push_str(&single);
    }

    /// Whether a call of VARIABLE has to go by its other name.
    fn relies_on(&self, variable: &Rc<Variable>, wanted: Wanted) -> bool {
        wanted == Wanted::Value
            && matches!(variable.origin, Origin::Program)
            && variable.gives_one.get()
    }

    /// The value of LOCAL.
    fn local(&mut self, local: &Local) {
        if local.boxed.get() && local.early.get() {
            let (number, name) = (local.number, constants::number(local.name));
            let _ = write!(self.text, "(n.%has-value (#%prim.unbox b{number}) {name})");
        } else if local.boxed.get() {
            let _ = write!(self.text, "(#%prim.unbox b{})", local.number);
        } else {
            let _ = write!(self.text, "l{}", local.number);
        }
    }

    /// The machine's variable for LOCAL: the value, or the cell that holds it.
    fn variable(&mut self, local: &Local) {
        let kind = if local.boxed.get() { 'b' } else { 'l' };
        let _ = write!(self.text, "{kind}{}", local.number);
    }

    fn let_(&mut self, bindings: &[(Rc<Local>, Core)], body: &Core, wanted: Wanted) {
        note_procedures(bindings);
        let kept: Vec<_> = bindings
            .iter()
            .filter(|(local, value)| match value {
                Core::Lambda(lambda) if can_lift(local, lambda) => {
                    self.lift(&[(local, lambda)]);
                    false
                }
                _ => true,
            })
            .collect();
        if kept.is_empty() {
            return self.core(body, wanted);
        }
        self.text.push_str("(let (");
        for (local, value) in kept {
            local.boxed.set(local.assigned.get());
            self.text.push('(');
            self.variable(local);
            self.text.push(' ');
            self.maybe_boxed(local, |this| this.core(value, wanted_for(local)));
            self.text.push(')');
        }
        self.text.push_str(") ");
        let numbers = self.numbers.len();
        for (local, value) in bindings {
            if !local.assigned.get() && self.is_number(value) {
                self.numbers.push(local.number);
            }
        }
        self.core(body, wanted);
        self.numbers.truncate(numbers);
        self.text.push(')');
    }

    fn maybe_boxed(&mut self, local: &Local, value: impl FnOnce(&mut Self)) {
        if local.boxed.get() {
            self.text.push_str("(n.%box ");
            value(self);
            self.text.push(')');
        } else {
            value(self);
        }
    }

    /// `letrec*`. Procedures that are only called become globals; what nothing
    /// refers to before it has its value is a plain variable; the rest lives in
    /// cells. (Steel's own way, `set!` on a captured variable, goes wrong when
    /// the variable is called from within a `let`.)
    fn letrec(&mut self, bindings: &[(Rc<Local>, Core)], body: &Core, wanted: Wanted) {
        note_procedures(bindings);
        let mut liftable = Vec::new();
        let mut kept = Vec::new();
        for (local, value) in bindings {
            match value {
                Core::Lambda(lambda) if can_lift(local, lambda) => {
                    liftable.push((local, &**lambda));
                }
                _ => kept.push((local, value)),
            }
        }
        // Cells first, because the lifted procedures may be given them.
        let mut early: Vec<BTreeMap<u32, Rc<Local>>> = Vec::new();
        let reach = |value: &Core| {
            let mut free = BTreeMap::new();
            free_locals(value, &mut free);
            // What the procedures it calls refer to, it refers to.
            loop {
                let before = free.len();
                for (local, lambda) in &liftable {
                    if free.contains_key(&local.number) {
                        free_of_lambda(lambda, &mut free);
                    }
                }
                if free.len() == before {
                    return free;
                }
            }
        };
        for (position, (local, value)) in kept.iter().enumerate() {
            early.push(reach(value));
            let forward = early[..=position]
                .iter()
                .any(|free| free.contains_key(&local.number));
            local.boxed.set(local.assigned.get() || forward);
        }
        note_early(&kept, &early);
        // A `letrec` whose values all come first makes them in its body.
        if let Core::Let(values, _) = body {
            for (_, value) in values.iter().filter(|(_, value)| runs_at_once(value)) {
                let free = reach(value);
                kept.iter()
                    .filter(|(_, value)| matches!(value, Core::Machine(_)))
                    .filter(|(local, _)| free.contains_key(&local.number))
                    .for_each(|(local, _)| local.early.set(true));
            }
        }
        self.lift(&liftable);
        let cells: Vec<_> = kept.iter().filter(|(local, _)| local.boxed.get()).collect();
        let mut open = 0;
        if !cells.is_empty() {
            self.text.push_str("(let (");
            for (local, _) in &cells {
                let _ = write!(self.text, "(b{} (n.%box %%unset))", local.number);
            }
            self.text.push_str(") ");
            open += 1;
        }
        for (local, value) in &kept {
            if local.boxed.get() {
                let _ = write!(self.text, "(#%prim.set-box! b{} ", local.number);
                self.core(value, wanted_for(local));
                self.text.push_str(") ");
            } else {
                let _ = write!(self.text, "(let ((l{} ", local.number);
                self.core(value, wanted_for(local));
                self.text.push_str(")) ");
                open += 1;
            }
        }
        self.core(body, wanted);
        for _ in 0..open {
            self.text.push(')');
        }
    }

    /// Make globals of procedures that may call each other.
    fn lift(&mut self, group: &[(&Rc<Local>, &Lambda)]) {
        if group.is_empty() {
            return;
        }
        let mut free: Vec<BTreeMap<u32, Rc<Local>>> = group
            .iter()
            .map(|(_, lambda)| {
                let mut free = BTreeMap::new();
                free_of_lambda(lambda, &mut free);
                free
            })
            .collect();
        // A procedure is also given what those it calls have to be given.
        loop {
            let mut changed = false;
            for index in 0..group.len() {
                for other in 0..group.len() {
                    if index != other && free[index].contains_key(&group[other].0.number) {
                        let more = free[other].clone();
                        let before = free[index].len();
                        free[index].extend(more);
                        changed |= free[index].len() != before;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        let members: Vec<u32> = group.iter().map(|(local, _)| local.number).collect();
        for ((local, _), free) in group.iter().zip(free) {
            let captured = free
                .into_values()
                .filter(|local| !members.contains(&local.number))
                .collect();
            *local.lifted.borrow_mut() = Some(Rc::new(Lifted {
                global: format!("f{}", local.number),
                captured,
            }));
        }
        for (local, lambda) in group {
            let Some(lifted) = local.lifted.borrow().clone() else {
                continue;
            };
            let text = std::mem::take(&mut self.text);
            let places = std::mem::take(&mut self.places);
            let consequents = std::mem::take(&mut self.consequents);
            let _ = write!(self.text, "(define {} ", lifted.global);
            self.lambda_with(lambda, &lifted.captured);
            self.text.push_str(")\n");
            let function = std::mem::replace(&mut self.text, text);
            let its_places = std::mem::replace(&mut self.places, places);
            self.consequents = consequents;
            self.functions.push((function, its_places));
        }
    }

    /// See to it that the machine knows VARIABLE. What `scheme/guile/boot`
    /// defines is declared by the units that have to run before this one.
    fn declare(&mut self, variable: &Rc<Variable>) {
        if let Origin::Boot(number) = variable.origin {
            self.boot.push(number);
        }
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

    fn call(&mut self, operator: &Core, operands: &[Core], span: Span, wanted: Wanted) {
        if let (Core::Global(variable, _), [left, right]) = (operator, operands)
            && let Some(less) = comparison(variable)
        {
            return self.comparison(less, variable, [left, right], span);
        }
        if is_misfit(operator, operands.len()) {
            self.place(span);
            match operator {
                Core::Local(local) => {
                    let shown = local.takes.borrow();
                    let shown = shown.as_ref().map_or("", |(_, shown)| shown);
                    let number = constants::number(Id::named(shown));
                    let _ = write!(self.text, "(n.%wrong-count {number}");
                }
                operator => {
                    self.text.push_str("(n.%call ");
                    self.core(operator, Wanted::Value);
                }
            }
            return self.operands(operands);
        }
        match operator {
            Core::Global(variable, _) => {
                self.place(span);
                self.text.push('(');
                match instruction(variable, operands.len()) {
                    Some(name) => {
                        let checked = CHECKED.iter().find(|(guile, _)| {
                            **guile == *variable.name.name()
                                && !operands.iter().all(|operand| self.is_number(operand))
                        });
                        self.text
                            .push_str(checked.map_or(name, |(_, checked)| checked));
                    }
                    None if is_unknown(variable) => {
                        self.text.push_str("(n.%applicable ");
                        self.global_name(variable);
                        self.text.push(')');
                    }
                    None if self.relies_on(variable, wanted) => self.single_name(variable),
                    // An unbound one shows itself when it is called.
                    None => match usual(variable, operands.len()) {
                        Some(same) => self.global_name(&same),
                        None => self.global_name(variable),
                    },
                }
            }
            Core::Local(local) if local.lifted.borrow().is_some() => {
                let lifted = local.lifted.borrow().clone();
                self.place(span);
                self.text.push('(');
                if let Some(lifted) = lifted {
                    self.text.push_str(&lifted.global);
                    for captured in &lifted.captured {
                        self.text.push(' ');
                        self.variable(captured);
                    }
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
            Core::Local(local) if local.takes.borrow().is_some() && !local.assigned.get() => {
                self.place(span);
                self.text.push('(');
                self.core(operator, Wanted::Value);
            }
            Core::Machine(_) => {
                self.place(span);
                self.text.push('(');
                self.core(operator, Wanted::Value);
            }
            _ => {
                self.place(span);
                self.text.push('(');
                self.applicable(operator);
            }
        }
        match (operator, operands) {
            (Core::Global(variable, _), [procedure, arguments @ ..])
                if variable.global == "#%prim.apply" =>
            {
                self.text.push(' ');
                self.applicable(procedure);
                self.operands(arguments);
            }
            (Core::Global(variable, _), [before @ .., last]) if raises(variable) => {
                before.iter().for_each(|operand| self.operand(operand));
                self.text.push(' ');
                self.place(span);
                self.text.push_str("(n.%here ");
                self.core(last, Wanted::Value);
                self.text.push_str("))");
            }
            _ => self.operands(operands),
        }
    }

    /// CORE where a procedure is wanted.
    fn applicable(&mut self, core: &Core) {
        if matches!(core, Core::Lambda(_)) {
            return self.core(core, Wanted::Value);
        }
        self.text.push_str("(n.%applicable ");
        self.core(core, Wanted::Value);
        self.text.push(')');
    }

    /// Whether CORE is certainly a number.
    fn is_number(&self, core: &Core) -> bool {
        match core {
            Core::Constant(stx) => {
                matches!(stx.form(), Form::Atom(value) if numbers::is_number(value))
            }
            Core::Local(local) => self.numbers.contains(&local.number),
            Core::Call(operator, operands, _) => match &**operator {
                Core::Global(variable, _) => {
                    matches!(variable.origin, Origin::Native(_))
                        && !variable.assigned.get()
                        && operands.len() == 2
                        && NUMERIC.iter().any(|known| **known == *variable.name.name())
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Take down the variables that are numbers, or CORE has raised by the time it has
    /// its value.
    fn note_numbers(&mut self, core: &Core) {
        match core {
            Core::Call(operator, operands, _) => {
                let numeric = matches!(
                    &**operator,
                    Core::Global(variable, _)
                        if operands.len() == 2
                            && (comparison(variable).is_some()
                                || instruction(variable, 2).is_some())
                );
                for operand in operands {
                    match operand {
                        Core::Local(local) if numeric && !local.assigned.get() => {
                            self.numbers.push(local.number);
                        }
                        operand => self.note_numbers(operand),
                    }
                }
            }
            Core::If(test, _, _) => self.note_numbers(test),
            _ => {}
        }
    }

    /// A comparison of the two OPERANDS, which is one of LESS when the first or the second
    /// of them is less. Otherwise the native is asked: the machine has made floats of both
    /// when one was, so that they may only seem equal.
    fn comparison(
        &mut self,
        less: [bool; 2],
        variable: &Variable,
        operands: [&Core; 2],
        span: Span,
    ) {
        let apart = !operands.iter().all(|operand| is_cheap(operand));
        if apart {
            self.text.push_str("(let ((left ");
            self.core(operands[0], Wanted::Value);
            self.text.push_str(") (right ");
            self.core(operands[1], Wanted::Value);
            self.text.push_str(")) ");
        }
        let one = |this: &mut Self, name: &str, order: [usize; 2]| {
            this.place(span);
            let _ = write!(this.text, "({name}");
            for index in order {
                this.text.push(' ');
                if apart {
                    this.text.push_str(["left", "right"][index]);
                } else {
                    this.core(operands[index], Wanted::Value);
                }
            }
            this.text.push(')');
        };
        for (order, truth) in [[0, 1], [1, 0]].into_iter().zip(less) {
            self.text.push_str("(if ");
            one(self, "#%prim.<", order);
            self.text.push_str(if truth { " #t " } else { " #f " });
        }
        one(self, &format!("n.{}", variable.name.name()), [0, 1]);
        for _ in 0..2 + usize::from(apart) {
            self.text.push(')');
        }
    }

    fn operands(&mut self, operands: &[Core]) {
        operands.iter().for_each(|operand| self.operand(operand));
        self.text.push(')');
    }

    fn operand(&mut self, operand: &Core) {
        self.text.push(' ');
        self.core(operand, Wanted::Value);
    }

    /// LAMBDA, whose formals can be asked for.
    fn known_lambda(&mut self, lambda: &Lambda) {
        let name = lambda.name.borrow().unwrap_or_else(|| Id::named(""));
        self.named_lambda(name, lambda);
    }

    /// LAMBDA, which is known as NAME.
    fn named_lambda(&mut self, name: Id, lambda: &Lambda) {
        let documentation = lambda.documentation.borrow().clone();
        let number = procedures::announce(name, lambda, documentation);
        self.text.push_str("(n.%named ");
        self.lambda(lambda);
        let _ = write!(self.text, " {number})");
    }

    fn lambda(&mut self, lambda: &Lambda) {
        self.lambda_with(lambda, &[]);
    }

    /// LAMBDA with the variables CAPTURED as parameters before its own.
    fn lambda_with(&mut self, lambda: &Lambda, captured: &[Rc<Local>]) {
        self.text.push_str("(lambda ");
        let given = lambda.rest.as_ref().map(|rest| Local::new(rest.name));
        let bare = captured.is_empty() && lambda.parameters.is_empty();
        match &given {
            Some(given) if bare => {
                self.variable(given);
                self.text.push(' ');
            }
            _ => {
                self.text.push('(');
                for local in captured {
                    self.variable(local);
                    self.text.push(' ');
                }
                for parameter in &lambda.parameters {
                    // Every parameter arrives as a value.
                    parameter.boxed.set(false);
                    self.variable(parameter);
                    self.text.push(' ');
                }
                if let Some(given) = &given {
                    self.text.push_str(". ");
                    self.variable(given);
                }
                self.text.push_str(") ");
            }
        }
        let mut open = false;
        let begin = |this: &mut Self, open: &mut bool| {
            this.text.push_str(if *open { "(" } else { "(let ((" });
            *open = true;
        };
        for parameter in &lambda.parameters {
            if parameter.assigned.get() {
                begin(self, &mut open);
                let number = parameter.number;
                let _ = write!(self.text, "b{number} (n.%box l{number}))");
                parameter.boxed.set(true);
            }
        }
        if let (Some(rest), Some(given)) = (&lambda.rest, &given)
            && is_mentioned(rest, &lambda.body)
        {
            // The machine's rest lists are of its own kind; ours are pairs.
            begin(self, &mut open);
            rest.boxed.set(rest.assigned.get());
            self.variable(rest);
            self.text.push(' ');
            self.maybe_boxed(rest, |this| {
                this.text.push_str("(n.%pairs ");
                this.variable(given);
                this.text.push(')');
            });
            self.text.push(')');
        }
        if open {
            self.text.push_str(") ");
        }
        self.core(&lambda.body, Wanted::Result);
        if open {
            self.text.push(')');
        }
        self.text.push(')');
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

/// Whether LOCAL, which is bound to LAMBDA, is only ever called.
fn can_lift(local: &Local, _lambda: &Lambda) -> bool {
    !local.assigned.get() && !local.escapes.get()
}

/// Mark the locals of CORE that are used other than by being called.
fn find_escapes(core: &Core) {
    match core {
        Core::Local(local) => local.escapes.set(true),
        Core::Call(operator, operands, _) => {
            if !matches!(**operator, Core::Local(_)) {
                find_escapes(operator);
            }
            operands.iter().for_each(find_escapes);
        }
        _ => each_part(core, &mut find_escapes),
    }
}

/// Call VISIT with the parts of CORE.
fn each_part(core: &Core, visit: &mut dyn FnMut(&Core)) {
    match core {
        Core::Constant(_)
        | Core::Unspecified
        | Core::Local(_)
        | Core::Global(..)
        | Core::Machine(_) => {}
        Core::SetLocal(_, value) | Core::SetGlobal(_, value, _) | Core::DefineGlobal(_, value) => {
            visit(value)
        }
        Core::If(test, consequent, alternative) => {
            visit(test);
            visit(consequent);
            visit(alternative);
        }
        Core::Lambda(lambda) => visit(&lambda.body),
        Core::Call(operator, operands, _) => {
            visit(operator);
            operands.iter().for_each(visit);
        }
        Core::Let(bindings, body) | Core::Letrec(bindings, body) => {
            bindings.iter().for_each(|(_, value)| visit(value));
            visit(body);
        }
        Core::Seq(forms) => forms.iter().for_each(visit),
    }
}

/// Whether BODY refers to LOCAL.
fn is_mentioned(local: &Local, body: &Core) -> bool {
    let mut free = BTreeMap::new();
    free_locals(body, &mut free);
    free.contains_key(&local.number)
}

/// The locals that CORE refers to and does not bind. Every local has a number
/// of its own, so what is bound inside can be taken away afterwards.
fn free_locals(core: &Core, free: &mut BTreeMap<u32, Rc<Local>>) {
    match core {
        Core::Local(local) => add_free(local, free),
        Core::SetLocal(local, value) => {
            add_free(local, free);
            free_locals(value, free);
        }
        Core::Lambda(lambda) => free_of_lambda(lambda, free),
        Core::Let(bindings, body) | Core::Letrec(bindings, body) => {
            let mut inside = BTreeMap::new();
            for (_, value) in bindings {
                free_locals(value, &mut inside);
            }
            free_locals(body, &mut inside);
            for (local, _) in bindings {
                inside.remove(&local.number);
            }
            free.extend(inside);
        }
        _ => each_part(core, &mut |part| free_locals(part, free)),
    }
}

fn free_of_lambda(lambda: &Lambda, free: &mut BTreeMap<u32, Rc<Local>>) {
    let mut inside = BTreeMap::new();
    free_locals(&lambda.body, &mut inside);
    for parameter in lambda.parameters.iter().chain(&lambda.rest) {
        inside.remove(&parameter.number);
    }
    free.extend(inside);
}

/// A reference to LOCAL; to a lifted procedure, to what it has to be given.
fn add_free(local: &Rc<Local>, free: &mut BTreeMap<u32, Rc<Local>>) {
    match &*local.lifted.borrow() {
        Some(lifted) => free.extend(
            lifted
                .captured
                .iter()
                .map(|captured| (captured.number, captured.clone())),
        ),
        None => {
            free.insert(local.number, local.clone());
        }
    }
}

/// The line that makes VARIABLE known to the machine, unbound.
pub fn declaration(variable: &Variable) -> String {
    format!(
        "(define {} (n.%unbound {}))\n",
        variable.global,
        constants::number(variable.name)
    )
}

/// What a comparison by VARIABLE is where either operand is less, when it is one of Guile's.
fn comparison(variable: &Variable) -> Option<[bool; 2]> {
    instruction(variable, 2)?;
    let name = variable.name.name();
    COMPARISONS
        .iter()
        .find(|(guile, _)| **guile == *name)
        .map(|(_, less)| *less)
}

/// Whether what VARIABLE holds may be no procedure.
fn is_unknown(variable: &Variable) -> bool {
    matches!(variable.origin, Origin::Program)
        && (variable.takes.get().is_none() || variable.assigned.get())
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
