//! Macros: what a keyword can be bound to, and one step of expansion.

use super::super::roots::Root;
use super::super::syntax::{Id, Stx};
use super::patterns::Rules;
use super::scope::{Binding, Scope};
use super::{Expander, Result, Trouble};
use std::cell::RefCell;
use std::rc::Rc;

/// A macro.
pub enum Macro {
    Rules(Rc<Rules>),
    /// Rewritten in Rust.
    Native(fn(&mut Expander, &Stx, &Scope) -> Result<Stx>),
    /// A transformer procedure; VARIABLE when it also wants `set!` forms.
    Procedure {
        transformer: Root,
        variable: bool,
    },
    /// `identifier-syntax`.
    Identifier {
        reference: Rc<Rules>,
        assignment: Option<Rc<Rules>>,
    },
    /// A procedure from data to data, without hygiene.
    Unhygienic {
        transformer: Root,
    },
    /// A syntax parameter: what it means now.
    Parameter(RefCell<Rc<Macro>>),
}

impl Macro {
    /// What a syntax parameter means now; any other macro means itself.
    pub fn actual(self: &Rc<Macro>) -> Rc<Macro> {
        match &**self {
            Macro::Parameter(current) => current.borrow().clone().actual(),
            _ => self.clone(),
        }
    }

    /// Whether `(set! KEYWORD value)` is the macro's business.
    pub fn wants_assignments(self: &Rc<Macro>) -> bool {
        match &*self.actual() {
            Macro::Procedure { variable, .. } => *variable,
            Macro::Identifier { assignment, .. } => assignment.is_some(),
            _ => false,
        }
    }
}

/// What `(syntax-error "MESSAGE" IRRITANT …)` says.
pub fn said_error(stx: &Stx) -> Option<String> {
    let [_, message, irritants @ ..] = stx.as_list()? else {
        return None;
    };
    let mut text = message.as_string()?;
    for irritant in irritants {
        let datum = irritant.datum(&mut super::super::value::list_value);
        text.push(' ');
        text.push_str(&super::super::library::written(&datum));
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
            Macro::Native(rewrite) => rewrite(self, stx, scope),
            Macro::Procedure { transformer, .. } => {
                self.call_transformer(transformer.value().clone(), stx, scope)
            }
            Macro::Unhygienic { transformer } => {
                self.call_unhygienic(transformer.value().clone(), stx, scope)
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
                        Some(Binding::Special(super::Special::Set))
                    )
                {
                    return assignment.expand(stx, scope);
                }
                match stx.form() {
                    super::super::syntax::Form::List(items, tail) => {
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
            Macro::Parameter(_) => unreachable!("`actual` looks through parameters"),
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
                context: super::patterns::PatternContext {
                    literals,
                    ellipsis: super::patterns::Ellipsis::Usual,
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
