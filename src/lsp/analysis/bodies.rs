//! Bodies: what they define is known in all of them.

use super::{Head, LocalKind, Walk};
use crate::guile::tree::Tree;
use crate::lsp::formals::Formals;
use crate::lsp::forms::Form;
use crate::lsp::module::{Kind, definitions, symbols_in};

impl Walk<'_> {
    /// Look at FORMS, a body that ends at byte END, in a scope of its own.
    pub(super) fn body(&mut self, forms: &[Tree], end: usize) {
        self.open(end);
        forms.iter().for_each(|form| self.announce(form));
        forms.iter().for_each(|form| self.expression(form));
        self.close();
    }

    /// Bind what FORM defines, which stands in a body.
    fn announce(&mut self, form: &Tree) {
        let (Some(name), Some(items)) = (form.head(), form.as_list()) else {
            return;
        };
        match self.head(name) {
            Head::Form(Form::Splicing) => items[1..].iter().for_each(|form| self.announce(form)),
            Head::Form(Form::Skip(skipped)) => {
                items
                    .iter()
                    .skip(1 + skipped)
                    .for_each(|form| self.announce(form));
            }
            Head::Form(
                Form::Define | Form::DefineValues | Form::DefineKeyword | Form::DefineRecord,
            ) => self.announce_definitions(form),
            Head::Form(Form::Composing) => self.innermost_is_open(),
            // What is defined within `let-syntax` is defined outside of it, too.
            Head::Form(Form::Opaque | Form::LetSyntax) => self.maybe_bound(form),
            Head::Form(_) | Head::Value(_) => {}
            Head::Unknown { rules } => {
                self.maybe_bound(form);
                if !rules && name.starts_with("def") {
                    self.innermost_is_open();
                }
            }
        }
    }

    fn innermost_is_open(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.open = true;
        }
    }

    fn maybe_bound(&mut self, form: &Tree) {
        if let Some(scope) = self.scopes.last_mut() {
            for operand in form.as_list().unwrap_or_default().iter().skip(1) {
                symbols_in(operand, &mut scope.maybe);
            }
        }
    }

    fn announce_definitions(&mut self, form: &Tree) {
        let mut found = Vec::new();
        definitions(form, "", &mut found);
        if found.is_empty() {
            return self.maybe_bound(form);
        }
        for made in found {
            let Some(name) = name_at(form, made.place.start) else {
                continue;
            };
            let kind = match made.kind {
                Kind::Procedure(Some(arity)) => LocalKind::Procedure(arity),
                Kind::Macro { .. } => LocalKind::Macro,
                _ => LocalKind::Variable,
            };
            let _bound_once = self.bind(&name, kind);
        }
    }

    /// Bind the parameters of FORMALS in the innermost scope; what they are given by default
    /// sees those before.
    pub(super) fn parameters(&mut self, formals: &Formals) -> Option<()> {
        for parameter in &formals.parameters {
            if let Some(default) = &parameter.default {
                self.expression(default);
            }
            self.bind(&parameter.name, LocalKind::Variable)?;
        }
        Some(())
    }
}

/// The symbol in TREE that stands at byte START.
fn name_at(tree: &Tree, start: usize) -> Option<Tree> {
    if tree.as_symbol().is_some() && tree.start() == start {
        return Some(tree.clone());
    }
    let (items, tail) = tree.as_pairs()?;
    items
        .iter()
        .chain(tail)
        .filter(|item| item.start() <= start && start < item.end())
        .find_map(|item| name_at(item, start))
}
