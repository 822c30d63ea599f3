//! Calls, and procedures, which are what is called.

use super::bindings::is_cheap;
use super::free_variables::is_mentioned;
use super::instructions::{
    CHECKED, NUMERIC, comparison, instruction, is_misfit, is_unknown, raises, usual,
};
use super::{Emitter, Wanted};
use crate::compile::constants;
use crate::data::numbers;
use crate::machine::procedures;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Form;
use crate::tree_il::{Core, Lambda, Local, Origin, Variable};
use std::fmt::Write as _;
use std::rc::Rc;

impl Emitter<'_> {
    pub(super) fn call(&mut self, operator: &Core, operands: &[Core], span: Span, wanted: Wanted) {
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
    pub(super) fn is_number(&self, core: &Core) -> bool {
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
    pub(super) fn note_numbers(&mut self, core: &Core) {
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

    /// Whether programs can ask more of LAMBDA than the machine knows: its name, or what
    /// it takes where that is more than its own parameters say.
    pub(super) fn is_known(&self, lambda: &Lambda) -> bool {
        self.names_locals && lambda.name.borrow().is_some()
            || lambda.signature.borrow().is_some()
            || lambda.documentation.borrow().is_some()
    }

    /// LAMBDA, whose formals can be asked for.
    pub(super) fn known_lambda(&mut self, lambda: &Lambda) {
        let name = lambda.name.borrow().unwrap_or_else(|| Id::named(""));
        self.named_lambda(name, lambda);
    }

    /// The number by which LAMBDA is reported, which is known as NAME.
    pub(super) fn announced(name: Id, lambda: &Lambda) -> usize {
        procedures::announce(name, lambda, lambda.documentation.borrow().clone())
    }

    /// LAMBDA, which is known as NAME.
    pub(super) fn named_lambda(&mut self, name: Id, lambda: &Lambda) {
        let number = Self::announced(name, lambda);
        self.text.push_str("(n.%named ");
        self.lambda(lambda);
        let _ = write!(self.text, " {number})");
    }

    pub(super) fn lambda(&mut self, lambda: &Lambda) {
        self.lambda_with(lambda, &[]);
    }

    /// LAMBDA with the variables CAPTURED as parameters before its own.
    pub(super) fn lambda_with(&mut self, lambda: &Lambda, captured: &[Rc<Local>]) {
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
        // What a procedure defines is not defined by running this unit.
        let defined = self.defines.len();
        self.core(&lambda.body, Wanted::Result);
        self.defines.truncate(defined);
        if open {
            self.text.push(')');
        }
        self.text.push(')');
    }
}
