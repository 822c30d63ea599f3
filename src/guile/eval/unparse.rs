//! Core forms as Scheme text, for a person who asks what a form expands to.
//!
//! Names are shown as the program wrote them; a local whose name is taken by
//! another one around it gets a number, so that what is read is what is meant.

use crate::data::value;
use crate::library::written;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Lambda, Local};
use std::fmt::Write as _;
use std::rc::Rc;

/// CORE as one line of Scheme.
pub fn text(core: &Core) -> String {
    let mut printer = Printer {
        text: String::new(),
        around: Vec::new(),
    };
    printer.core(core);
    printer.text
}

struct Printer {
    text: String,
    /// The locals that are visible, outermost first.
    around: Vec<Rc<Local>>,
}

impl Printer {
    fn core(&mut self, core: &Core) {
        match core {
            Core::Constant(stx) => self.constant(stx),
            Core::Unspecified => self.text.push_str("(if #f #f)"),
            Core::Local(local) => self.local(local),
            Core::Global(variable, _) => self.text.push_str(&variable.name.name()),
            Core::Machine(name) => self.text.push_str(name),
            Core::Deferred(deferred) | Core::Settle(deferred, _) => {
                self.text.push_str(&deferred.variable.name.name());
            }
            Core::SetLocal(local, value) => {
                self.text.push_str("(set! ");
                self.local(local);
                self.last(value);
            }
            Core::SetGlobal(variable, value, _) => {
                let _ = write!(self.text, "(set! {}", variable.name.name());
                self.last(value);
            }
            Core::DefineGlobal(variable, value) => {
                let _ = write!(self.text, "(define {}", variable.name.name());
                self.last(value);
            }
            Core::If(test, consequent, alternative) => {
                self.text.push_str("(if ");
                self.core(test);
                self.text.push(' ');
                self.core(consequent);
                if matches!(**alternative, Core::Unspecified) {
                    self.text.push(')');
                } else {
                    self.last(alternative);
                }
            }
            Core::Lambda(lambda) => self.lambda(lambda),
            Core::Call(operator, operands, _) => {
                self.text.push('(');
                self.core(operator);
                for operand in operands {
                    self.text.push(' ');
                    self.core(operand);
                }
                self.text.push(')');
            }
            Core::Let(bindings, body) => self.bindings("let", bindings, body),
            Core::Letrec(bindings, body) => self.bindings("letrec*", bindings, body),
            Core::Seq(forms) => {
                self.text.push_str("(begin");
                for form in forms {
                    self.text.push(' ');
                    self.core(form);
                }
                self.text.push(')');
            }
        }
    }

    /// The last part of a form, and its end.
    fn last(&mut self, core: &Core) {
        self.text.push(' ');
        self.core(core);
        self.text.push(')');
    }

    fn constant(&mut self, stx: &Stx) {
        if matches!(stx.form(), Form::List(..) | Form::Id(_)) {
            self.text.push('\'');
        }
        let datum = stx.datum(&mut value::list_value);
        // A vector that is only printed may as well be a list with a mark.
        if matches!(stx.form(), Form::Vector(_)) {
            self.text.push('#');
        }
        self.text.push_str(&written(&datum));
    }

    fn local(&mut self, local: &Local) {
        let name = local.name.name();
        let same = |other: &&Rc<Local>| *other.name.name() == *name;
        let innermost = self.around.iter().rev().find(same);
        let shadowed = innermost.is_some_and(|other| other.number != local.number)
            || self.around.iter().filter(same).count() > 1;
        self.text.push_str(&name);
        if shadowed {
            let _ = write!(self.text, "-{}", local.number);
        }
    }

    fn lambda(&mut self, lambda: &Lambda) {
        let before = self.around.len();
        self.around
            .extend(lambda.parameters.iter().chain(&lambda.rest).cloned());
        self.text.push_str("(lambda ");
        match (&lambda.rest, lambda.parameters.is_empty()) {
            (Some(rest), true) => self.local(rest),
            (rest, _) => {
                self.text.push('(');
                for (index, parameter) in lambda.parameters.iter().enumerate() {
                    if index > 0 {
                        self.text.push(' ');
                    }
                    self.local(parameter);
                }
                if let Some(rest) = rest {
                    self.text.push_str(" . ");
                    self.local(rest);
                }
                self.text.push(')');
            }
        }
        self.last(&lambda.body);
        self.around.truncate(before);
    }

    fn bindings(&mut self, kind: &str, bindings: &[(Rc<Local>, Core)], body: &Core) {
        let before = self.around.len();
        let visible = |this: &mut Self| {
            this.around
                .extend(bindings.iter().map(|(local, _)| local.clone()));
        };
        if kind != "let" {
            visible(self);
        }
        let mut values = Vec::new();
        for (_, value) in bindings {
            let outside = std::mem::take(&mut self.text);
            self.core(value);
            values.push(std::mem::replace(&mut self.text, outside));
        }
        if kind == "let" {
            visible(self);
        }
        let _ = write!(self.text, "({kind} (");
        for (index, ((local, _), value)) in bindings.iter().zip(values).enumerate() {
            if index > 0 {
                self.text.push(' ');
            }
            self.text.push('(');
            self.local(local);
            let _ = write!(self.text, " {value})");
        }
        self.text.push(')');
        self.last(body);
        self.around.truncate(before);
    }
}
