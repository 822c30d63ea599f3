//! Variables of modules: declared, set and referred to.

use super::{Emitter, Wanted};
use crate::compile::constants;
use crate::machine::procedures;
use crate::syntax::span::Span;
use crate::tree_il::{Deferred, Origin, State, Variable};
use std::fmt::Write as _;
use std::rc::Rc;

impl Emitter<'_> {
    /// `(set! …)`, which INNER closes; Steel gives the old value back, Guile nothing
    /// in particular.
    pub(super) fn assignment(&mut self, wanted: Wanted, inner: impl FnOnce(&mut Self)) {
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
    pub(super) fn set_single(&mut self, variable: &Variable) {
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
    pub(super) fn single_name(&mut self, variable: &Rc<Variable>) {
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
    pub(super) fn relies_on(&self, variable: &Rc<Variable>, wanted: Wanted) -> bool {
        wanted == Wanted::Value
            && matches!(variable.origin, Origin::Program)
            && variable.gives_one.get()
    }

    /// See to it that the machine knows VARIABLE. What `scheme/guile/boot`
    /// defines is declared by the units that have to run before this one.
    pub(super) fn declare(&mut self, variable: &Rc<Variable>) {
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

    pub(super) fn global_name(&mut self, variable: &Rc<Variable>) {
        self.declare(variable);
        self.text.push_str(&variable.global);
    }

    /// What stands for DEFERRED: it asks for the procedure and calls that. Steel never
    /// sees two of a kind as different code.
    pub(super) fn deferred(&mut self, deferred: &Rc<Deferred>) {
        let count = deferred.parameters;
        let kind = if deferred.rest { "more" } else { "just" };
        let maker = format!("%%{kind}-{count}");
        if constants::is_first_stand_in(&maker) {
            let given: String = (0..count).map(|index| format!(" a{index}")).collect();
            let (formals, call) = match deferred.rest {
                false => (format!("({given})"), format!("((n.%entered k){given})")),
                true => (
                    match count {
                        0 => "rest".to_owned(),
                        _ => format!("({given} . rest)"),
                    },
                    format!("(#%prim.apply (n.%entered k){given} rest)"),
                ),
            };
            // What is set is left as it is by Steel's compiler.
            let _ = writeln!(
                self.prologue,
                "(define {maker} %%no)\n(set! {maker} (lambda (k) (lambda {formals} {call})))"
            );
        }
        let number = procedures::announce_deferred(deferred);
        let _ = write!(self.text, "(n.%deferred ({maker} {number}) {number})");
    }

    /// The procedure that DEFERRED is, in the place of what stood for it.
    pub(super) fn settle(&mut self, deferred: &Deferred, number: usize) {
        let variable = &deferred.variable;
        self.text.push_str("(begin (n.%settle ");
        self.named_lambda(variable.name, &deferred.lambda);
        let _ = write!(self.text, " {number})");
        let single = variable.single.borrow();
        for name in std::iter::once(&variable.global).chain(&*single) {
            let _ = write!(self.text, " (set! {name} (n.%settled {name} {number}))");
        }
        self.text.push_str(" %%void)");
    }

    /// A reference to VARIABLE where its value is wanted.
    pub(super) fn global(&mut self, variable: &Rc<Variable>, span: Span) {
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
}

/// The line that makes VARIABLE known to the machine, unbound.
pub fn declaration(variable: &Variable) -> String {
    format!(
        "(define {} (n.%unbound {}))\n",
        variable.global,
        constants::number(variable.name)
    )
}
