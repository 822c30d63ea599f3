//! Macros: what a keyword can be bound to, and one step of expansion.

use crate::data::value;
use crate::expand::{Expander, forms};
use crate::namespace::keywords::{self, Macro, Rules};
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::{self, Stx};
use std::rc::Rc;

/// What `(syntax-error "MESSAGE" IRRITANT …)` says.
pub fn said_error(stx: &Stx) -> Option<String> {
    let [_, message, irritants @ ..] = stx.as_list()? else {
        return None;
    };
    let mut text = message.as_string()?;
    for irritant in irritants {
        let datum = irritant.datum(&mut value::list_value);
        text.push(' ');
        text.push_str(&crate::library::written(&datum));
    }
    Some(text)
}

impl Expander<'_, '_> {
    /// Rewrite STX, a use of KEYWORD in SCOPE, once.
    pub fn expand_once(&mut self, keyword: &Rc<Macro>, stx: &Stx, scope: &Scope) -> Result<Stx> {
        self.count_expansion(stx)?;
        match &*keyword.actual() {
            Macro::Rules(rules) => {
                let expanded = rules.expand(stx, scope)?;
                // An error that the macro's template asks for is one of its use.
                if let Some(head) = expanded.as_list().and_then(|items| items.first()?.as_id())
                    && &*head.name() == "syntax-error"
                    && matches!(scope.lookup(head), Some(Binding::Expression(_)))
                    && let Some(message) = said_error(&expanded)
                {
                    let keyword = stx
                        .as_list()
                        .and_then(|items| items.first()?.as_id())
                        .map_or_else(|| "#f".into(), Id::name);
                    return Err(Trouble::syntax(&keyword, &message, stx, None));
                }
                Ok(expanded)
            }
            Macro::Native(rewrite) => self.rewrite(*rewrite, stx, scope),
            Macro::Procedure { transformer, .. } => {
                let transformer = self.transformer(transformer)?;
                self.call_transformer(transformer, stx, scope)
            }
            Macro::Unhygienic { transformer } => {
                let transformer = self.transformer(transformer)?;
                self.call_unhygienic(transformer, stx, scope)
            }
            Macro::Identifier {
                reference,
                assignment,
            } => {
                if let Some(items) = stx.as_list()
                    && let (Some(assignment), [_, _, _]) = (assignment, items)
                    && let Some(head) = items[0].as_id()
                    && matches!(
                        scope.lookup(head),
                        Some(Binding::Special(keywords::Special::Set))
                    )
                {
                    return assignment.expand(stx, scope);
                }
                match stx.form() {
                    stx::Form::List(items, tail) => {
                        let mut items = items.clone();
                        items[0] = reference.expand(&items[0], scope)?;
                        Ok(match tail {
                            None => Stx::list(items, stx.span()),
                            Some(tail) => Stx::improper(items, tail.clone(), stx.span()),
                        })
                    }
                    _ => reference.expand(stx, scope),
                }
            }
            Macro::Parameter(_) | Macro::Kept(_) => {
                unreachable!("`actual` looks through parameters and what is kept")
            }
        }
    }

    /// Make a macro of what stands on the right of `define-syntax`.
    pub fn macro_of(&mut self, form: &Stx, scope: &Scope) -> Result<Rc<Macro>> {
        if let Some(id) = form.as_id()
            && let Some(Binding::Macro(existing)) = scope.lookup(id)
        {
            return Ok(existing);
        }
        if let Some(head) = form.as_list().and_then(|items| items.first()?.as_id()) {
            match scope.lookup(head) {
                Some(Binding::Auxiliary("syntax-rules")) => {
                    return Ok(Rc::new(Macro::Rules(Rules::parse(form, scope)?)));
                }
                Some(Binding::Auxiliary("identifier-syntax")) => {
                    return self.identifier_syntax(form, scope);
                }
                Some(Binding::Auxiliary("er-macro-transformer")) => {
                    return Err(Trouble::syntax(
                        "define-syntax",
                        "explicit renaming transformers are not known to Guile",
                        form,
                        None,
                    ));
                }
                _ => {}
            }
        }
        // A macro may give the `syntax-rules`.
        if let Some(Binding::Macro(keyword)) = self.head(form, scope)
            && form.as_list().is_some()
        {
            let expanded = self.expand_once(&keyword, form, scope)?;
            return self.macro_of(&expanded, scope);
        }
        self.procedural_macro(form, scope)
    }

    fn identifier_syntax(&mut self, form: &Stx, scope: &Scope) -> Result<Rc<Macro>> {
        let items = form.as_list().unwrap_or_default();
        let bad = || Trouble::syntax("identifier-syntax", "bad form", form, None);
        let rules = |pattern: Stx, template: Stx, literals: Vec<Id>| {
            Rc::new(Rules {
                context: keywords::PatternContext {
                    literals,
                    ellipsis: keywords::Ellipsis::Usual,
                    scope: scope.clone(),
                },
                clauses: vec![(pattern, template)],
                whole: true,
            })
        };
        let any = Stx::id(Id::named("_"), form.span());
        match items {
            [_, template] => Ok(Rc::new(Macro::Identifier {
                reference: rules(any, template.clone(), Vec::new()),
                assignment: None,
            })),
            [_, reference, assignment] => {
                let reference = match reference.as_list() {
                    Some([_, template]) => rules(any, template.clone(), Vec::new()),
                    _ => return Err(bad()),
                };
                let assignment = match assignment.as_list() {
                    Some([pattern, template]) => {
                        let literals = pattern
                            .as_list()
                            .and_then(|items| items.first()?.as_id())
                            .into_iter()
                            .collect();
                        rules(pattern.clone(), template.clone(), literals)
                    }
                    _ => return Err(bad()),
                };
                Ok(Rc::new(Macro::Identifier {
                    reference,
                    assignment: Some(assignment),
                }))
            }
            _ => Err(bad()),
        }
    }
}

/// Whether a use of KEYWORD may define something: what it gives names a definer, or is
/// not known before it is used.
pub fn may_define(keyword: &Rc<Macro>) -> bool {
    defines(keyword, &mut Vec::new())
}

fn defines(keyword: &Rc<Macro>, seen: &mut Vec<*const Macro>) -> bool {
    let keyword = keyword.actual();
    if seen.contains(&Rc::as_ptr(&keyword)) {
        return false;
    }
    seen.push(Rc::as_ptr(&keyword));
    match &*keyword {
        Macro::Rules(rules) => rules
            .clauses
            .iter()
            .any(|(_, template)| names_definer(template, &rules.context.scope, seen)),
        Macro::Native(native) => forms::defines(*native),
        Macro::Procedure { .. } | Macro::Unhygienic { .. } => true,
        Macro::Identifier { .. } | Macro::Parameter(_) | Macro::Kept(_) => false,
    }
}

fn names_definer(template: &Stx, scope: &Scope, seen: &mut Vec<*const Macro>) -> bool {
    match template.form() {
        stx::Form::Id(id) => match scope.lookup(*id) {
            Some(Binding::Special(special)) => special.defines(),
            Some(Binding::Macro(keyword)) => defines(&keyword, seen),
            _ => false,
        },
        stx::Form::List(items, tail) => items
            .iter()
            .chain(tail)
            .any(|item| names_definer(item, scope, seen)),
        stx::Form::Vector(items) => items.iter().any(|item| names_definer(item, scope, seen)),
        _ => false,
    }
}

/// The macro that FORM, a definition of `scheme/guile/boot`, makes in SCOPE; only
/// `syntax-rules` occur there.
pub fn boot_keyword(form: &Stx, scope: &Scope) -> Option<Rc<Macro>> {
    let rules = match form.as_list()? {
        // (define-syntax-rule (name . pattern) template)
        [head, pattern, .., template] if &*head.as_id()?.name() == "define-syntax-rule" => {
            Rules::of_one(pattern, template, scope)
        }
        [_, _, rules] => Rules::parse(rules, scope).ok()?,
        _ => return None,
    };
    Some(Rc::new(Macro::Rules(rules)))
}
