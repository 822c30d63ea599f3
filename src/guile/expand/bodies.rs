//! Bodies: definitions and expressions in any order, as Guile allows.

use crate::expand::Expander;
use crate::expand::definitions::Definition;
use crate::namespace::keywords::{Macro, Special};
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Local};
use std::collections::VecDeque;
use std::rc::Rc;

enum Item {
    Define(Rc<Local>, Stx, Scope),
    Values(Vec<Rc<Local>>, Option<Rc<Local>>, Stx, Scope),
    Expression(Stx, Scope),
    /// `syntax-parameterize`: its forms, with the parameters set while they are expanded.
    Parameterized(Vec<(Rc<Macro>, Rc<Macro>)>, Vec<Stx>, Scope, Stx),
}

impl Expander<'_, '_> {
    /// Expand FORMS, the body of WHOLE; SCOPE is a frame of the body's own.
    pub fn body(&mut self, forms: &[Stx], scope: &Scope, whole: &Stx) -> Result<Core> {
        let mut queue: VecDeque<(Stx, Scope)> = forms
            .iter()
            .map(|form| (form.clone(), scope.clone()))
            .collect();
        if queue.is_empty() {
            return Err(Trouble::syntax("#f", "no expressions in body", whole, None));
        }
        let mut items: Vec<Item> = Vec::new();
        while let Some((form, inner)) = queue.pop_front() {
            match self.head(&form, &inner) {
                Some(Binding::Macro(keyword)) => {
                    let expanded = self.expand_once(&keyword, &form, &inner)?;
                    queue.push_front((expanded, inner));
                }
                Some(Binding::Special(special)) => {
                    if let Some(item) =
                        self.body_special(special, &form, &inner, scope, &mut queue, whole)?
                    {
                        items.push(item);
                    }
                }
                _ => items.push(Item::Expression(form, inner)),
            }
        }
        self.body_of_items(items, whole)
    }

    fn body_special(
        &mut self,
        special: Special,
        form: &Stx,
        inner: &Scope,
        frame: &Scope,
        queue: &mut VecDeque<(Stx, Scope)>,
        whole: &Stx,
    ) -> Result<Option<Item>> {
        let bad = |message: &str| Trouble::syntax("#f", message, form, None);
        let splice = |forms: Vec<Stx>, scope: &Scope, queue: &mut VecDeque<(Stx, Scope)>| {
            for form in forms.into_iter().rev() {
                queue.push_front((form, scope.clone()));
            }
        };
        match special {
            Special::Begin => {
                let items = form.as_list().ok_or_else(|| bad("unexpected syntax"))?;
                if items.len() == 1 && queue.is_empty() {
                    return Err(Trouble::syntax("#f", "empty body", whole, None));
                }
                splice(items[1..].to_vec(), inner, queue);
                Ok(None)
            }
            Special::Define => {
                let Definition { id, value } = self.parse_define(form)?;
                let home = match (frame.binds(id), inner.address() == frame.address()) {
                    (true, true) => {
                        let message = "invalid or duplicate identifier in definition";
                        return Err(Trouble::syntax("#f", message, whole, None));
                    }
                    // A second one, inside `let-syntax`, is that form's own.
                    (true, false) => inner,
                    (false, _) => frame,
                };
                let local = self.bind_local(id, home);
                Ok(Some(Item::Define(local, value, inner.clone())))
            }
            Special::DefineSyntax => {
                let (id, value) = self.parse_define_syntax(form)?;
                let keyword = self.macro_of(&value, inner)?;
                frame.bind(id, Binding::Macro(keyword));
                Ok(None)
            }
            Special::DefineSyntaxParameter => {
                let (id, value) = self.parse_define_syntax(form)?;
                let keyword = self.macro_of(&value, inner)?;
                frame.bind(
                    id,
                    Binding::Macro(Rc::new(Macro::Parameter(keyword.into()))),
                );
                Ok(None)
            }
            Special::DefineMacro => {
                let (id, keyword) = self.parse_define_macro(form, inner)?;
                frame.bind(id, Binding::Macro(keyword));
                Ok(None)
            }
            Special::DefineValues => {
                let (ids, rest, value) = self.parse_define_values(form)?;
                let locals = ids.iter().map(|id| self.bind_local(*id, frame)).collect();
                let rest = rest.map(|id| self.bind_local(id, frame));
                Ok(Some(Item::Values(locals, rest, value, inner.clone())))
            }
            Special::EvalWhen => {
                let forms = self.eval_when(form)?;
                splice(forms, inner, queue);
                Ok(None)
            }
            Special::Include => {
                let forms = self.include(form)?;
                splice(forms, inner, queue);
                Ok(None)
            }
            Special::CondExpand => {
                let forms = self.cond_expand(form)?;
                splice(forms, inner, queue);
                Ok(None)
            }
            Special::LetSyntax => {
                let (forms, scope) = self.let_syntax(form, inner)?;
                splice(forms, &scope, queue);
                Ok(None)
            }
            Special::SyntaxParameterize => {
                let (parameters, forms) = self.parse_parameterize(form, inner)?;
                Ok(Some(Item::Parameterized(
                    parameters,
                    forms,
                    inner.clone(),
                    form.clone(),
                )))
            }
            _ => Ok(Some(Item::Expression(form.clone(), inner.clone()))),
        }
    }

    fn body_of_items(&mut self, items: Vec<Item>, whole: &Stx) -> Result<Core> {
        let last_definition = items
            .iter()
            .rposition(|item| matches!(item, Item::Define(..) | Item::Values(..)));
        let mut bindings: Vec<(Rc<Local>, Core)> = Vec::new();
        let mut expressions: Vec<Core> = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let before = last_definition.is_some_and(|last| index < last);
            match item {
                Item::Define(local, value, scope) => {
                    let value = self.expand_named(&value, &scope, local.name)?;
                    bindings.push((local, value));
                }
                Item::Values(locals, rest, value, scope) => {
                    let value = self.expand(&value, &scope)?;
                    let span = whole.span();
                    // All values at once, then each variable takes its own.
                    let all = Local::of_values();
                    bindings.push((all.clone(), value));
                    self.values_bindings(&all, locals, rest, span, &mut bindings);
                }
                Item::Expression(form, scope) => {
                    let core = self.expand(&form, &scope)?;
                    if before {
                        bindings.push((Local::new(Id::named("_")), core));
                    } else {
                        expressions.push(core);
                    }
                }
                Item::Parameterized(parameters, forms, scope, form) => {
                    let core = self.with_parameters(parameters, |this| {
                        this.body(&forms, &scope.inner(), &form)
                    })?;
                    if before {
                        bindings.push((Local::new(Id::named("_")), core));
                    } else {
                        expressions.push(core);
                    }
                }
            }
        }
        if expressions.is_empty() && last_definition.is_some() {
            let message = "body should end with an expression";
            return Err(Trouble::syntax("#f", message, whole, None));
        }
        let body = Core::seq(expressions);
        Ok(if bindings.is_empty() {
            body
        } else {
            letrec(bindings, body)
        })
    }

    /// Bind LOCALS and REST to the values that ALL holds.
    pub fn values_bindings(
        &self,
        all: &Rc<Local>,
        locals: Vec<Rc<Local>>,
        rest: Option<Rc<Local>>,
        span: Span,
        bindings: &mut Vec<(Rc<Local>, Core)>,
    ) {
        let count = locals.len();
        if count == 0 && rest.is_none() {
            let mut operands = vec![Core::Local(all.clone())];
            operands.extend([Core::integer(0, span), Core::integer(0, span)]);
            operands.push(Core::truth(false, span));
            let none = self.core_call("%values-item", operands, span);
            bindings.push((Local::new(Id::named("_")), none));
        }
        for (position, local) in locals.into_iter().enumerate() {
            let operands = vec![
                Core::Local(all.clone()),
                Core::integer(position, span),
                Core::integer(count, span),
                Core::truth(rest.is_some(), span),
            ];
            bindings.push((local, self.core_call("%values-item", operands, span)));
        }
        if let Some(rest) = rest {
            let operands = vec![Core::Local(all.clone()), Core::integer(count, span)];
            bindings.push((rest, self.core_call("%values-tail", operands, span)));
        }
    }

    /// Expand VALUE; a procedure is called NAME.
    pub fn expand_named(&mut self, value: &Stx, scope: &Scope, name: Id) -> Result<Core> {
        let core = self.expand(value, scope)?;
        if let Core::Lambda(lambda) = &core {
            lambda.name.borrow_mut().get_or_insert(name);
        }
        Ok(core)
    }
}

/// `letrec*`, with plain `let` for the bindings that nothing before refers to.
pub fn letrec(bindings: Vec<(Rc<Local>, Core)>, body: Core) -> Core {
    Core::Letrec(bindings, Box::new(body))
}
