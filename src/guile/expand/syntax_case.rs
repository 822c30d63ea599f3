//! `syntax-case` and its company, and the transformers written with it.
//!
//! A transformer is evaluated and called in the machine that runs the program,
//! in the middle of whatever that is doing; see `Machine::call`.

use crate::data::value::{self, Value};
use crate::expand::forms::is_core_form;
use crate::expand::syntax_primitives::{self, VariableTransformer};
use crate::expand::{Expander, patterns};
use crate::machine::vm;
use crate::namespace::keywords::{Ellipsis, Macro, PatternContext, Transformer};
use crate::namespace::scope::{Binding, PatternVariable, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::{self, Id};
use crate::syntax::stx::{Form, Stx};
use crate::syntax::{object, span};
use crate::tree_il::{Core, Local};
use std::rc::Rc;

impl Expander<'_, '_> {
    /// The value of STX, an expression in SCOPE, now.
    pub fn evaluate_now(&mut self, stx: &Stx, scope: &Scope) -> Result<Value> {
        let core = self.expand(stx, scope)?;
        self.value_of(&core)
    }

    /// The value of CORE.
    pub fn value_of(&mut self, core: &Core) -> Result<Value> {
        let mut value = Value::Void;
        for unit in (self.compile)(self, core)? {
            let text = value::string_value(unit.text);
            value = self
                .machine
                .call(vm::evaluator(), vec![text])
                .map_err(Trouble::Raise)?;
        }
        Ok(value)
    }

    /// The transformer that STX, an expression in SCOPE, gives, with what it gives. Where
    /// what modules expand to is written down, the transformer knows its expression.
    pub fn transformer_of(&mut self, stx: &Stx, scope: &Scope) -> Result<(Transformer, Value)> {
        let core = Rc::new(self.expand(stx, scope)?);
        let value = self.value_of(&core)?;
        let transformer = procedure_in(&value);
        let core = self.world.writes_down.get().then_some(core);
        Ok((Transformer::made(&transformer, core), value))
    }

    /// The procedure that TRANSFORMER is, evaluated when it is first wanted.
    pub fn transformer(&mut self, transformer: &Transformer) -> Result<Value> {
        if let Some(value) = transformer.value() {
            return Ok(value.clone());
        }
        let core = transformer.core.as_ref().map(|core| (**core).clone());
        let value = match core {
            Some(core) => procedure_in(&self.value_of(&core)?),
            None => Value::Void,
        };
        transformer.set(&value);
        Ok(value)
    }

    /// The macro whose transformer STX evaluates to.
    pub fn procedural_macro(&mut self, stx: &Stx, scope: &Scope) -> Result<Rc<Macro>> {
        let (transformer, value) = self.transformer_of(stx, scope)?;
        let variable =
            value::handle::<VariableTransformer>("", std::slice::from_ref(&value), 1).is_ok();
        if !variable && !value.is_function() {
            let value = Stx::from_value(&value, stx.span(), &|id| id);
            return Err(Trouble::syntax(
                "#f",
                "nonprocedure transformer",
                &value,
                None,
            ));
        }
        Ok(Rc::new(Macro::Procedure {
            transformer,
            variable,
        }))
    }

    /// What TRANSFORMER makes of STX, used in SCOPE.
    pub fn call_transformer(
        &mut self,
        transformer: Value,
        stx: &Stx,
        scope: &Scope,
    ) -> Result<Stx> {
        let argument = object::wrap(stx);
        let machine = &mut *self.machine;
        let result = syntax_primitives::during_expansion(scope, || {
            machine.call(transformer, vec![argument])
        });
        let value = result.map_err(Trouble::Raise)?;
        let expanded = Stx::from_value(&value, stx.span(), &|id| id);
        Ok(patterns::placed(expanded, stx.span()))
    }

    /// What TRANSFORMER, a procedure from data to data, makes of STX.
    pub fn call_unhygienic(&mut self, transformer: Value, stx: &Stx, _: &Scope) -> Result<Stx> {
        let items = stx
            .as_list()
            .ok_or_else(|| Trouble::syntax("define-macro", "bad use", stx, None))?
            .to_vec();
        let machine = &mut *self.machine;
        let arguments = items[1..]
            .iter()
            .map(|item| item.datum(&mut |items| machine.vector(items)))
            .collect();
        let value = machine
            .call(transformer, arguments)
            .map_err(Trouble::Raise)?;
        Ok(Stx::from_value(&value, stx.span(), &|id| id))
    }
}

/// The procedure in VALUE, which a transformer's expression has given.
fn procedure_in(value: &Value) -> Value {
    match value::handle::<VariableTransformer>("", std::slice::from_ref(value), 1) {
        Ok(variable) => variable.0.value().clone(),
        Err(_) => value.clone(),
    }
}

fn context(literals: Vec<Id>, scope: &Scope) -> PatternContext {
    PatternContext {
        literals,
        ellipsis: scope.ellipsis().map_or(Ellipsis::Usual, Ellipsis::Custom),
        scope: scope.clone(),
    }
}

pub fn syntax_case(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, expression, literals, clauses @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("syntax-case", stx));
    };
    let literals: Vec<Id> = literals
        .as_list()
        .ok_or_else(|| Trouble::no_match("syntax-case", stx))?
        .iter()
        .map(|literal| {
            literal
                .as_id()
                .ok_or_else(|| Trouble::no_match("syntax-case", stx))
        })
        .collect::<Result<_>>()?;
    let value = x.expand(expression, scope)?;
    let subject = Local::new(Id::named("syntax"));
    let body = match_clauses(x, &subject, &literals, clauses, stx, scope)?;
    Ok(Core::Let(vec![(subject, value)], Box::new(body)))
}

fn match_clauses(
    x: &mut Expander,
    subject: &Rc<Local>,
    literals: &[Id],
    clauses: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let span = stx.span();
    let Some((clause, rest)) = clauses.split_first() else {
        return Ok(x.core_call(
            "%no-syntax-clause",
            vec![Core::Local(subject.clone())],
            span,
        ));
    };
    let (pattern, fender, output) = match clause.as_list() {
        Some([pattern, output]) => (pattern, None, output),
        Some([pattern, fender, output]) => (pattern, Some(fender), output),
        _ => {
            return Err(Trouble::syntax(
                "syntax-case",
                "invalid clause",
                stx,
                Some(clause),
            ));
        }
    };
    let context = context(literals.to_vec(), scope);
    if let Some(complaint) = patterns::complaint(pattern, &context) {
        return Err(Trouble::syntax("syntax-case", complaint, pattern, None));
    }
    let variables = patterns::variables(pattern, &context, 0);
    let names = variables.iter().map(|(id, _)| *id).collect();
    let number = syntax_primitives::add_pattern(pattern.clone(), context, names);
    let found = Local::new(Id::named("found"));
    let matching = x.core_call(
        "%syntax-match",
        vec![Core::Local(subject.clone()), Core::integer(number, span)],
        span,
    );
    let inner = scope.inner();
    let mut bindings = Vec::new();
    for (position, (id, depth)) in variables.iter().enumerate() {
        let local = Local::new(*id);
        let operands = vec![Core::Local(found.clone()), Core::integer(position, span)];
        bindings.push((local.clone(), x.core_call("%nth", operands, span)));
        inner.bind(
            *id,
            Binding::Pattern(Rc::new(PatternVariable {
                local,
                depth: *depth,
                outside: None,
            })),
        );
    }
    let output_core = x.expand(output, &inner)?;
    let rest = match_clauses(x, subject, literals, rest, stx, scope)?;
    let body = match fender {
        None => Core::if_(
            Core::Local(found.clone()),
            Core::let_(bindings, output_core),
            rest,
        ),
        Some(fender) => {
            let fender = x.expand(fender, &inner)?;
            let next = Local::new(Id::named("next"));
            let go_on = |next: &Rc<Local>| Core::call(Core::Local(next.clone()), Vec::new(), span);
            let test = Core::if_(fender, output_core, go_on(&next));
            let body = Core::if_(
                Core::Local(found.clone()),
                Core::let_(bindings, test),
                go_on(&next),
            );
            let lambda = Core::lambda(Vec::new(), None, rest, span);
            Core::Let(vec![(next, lambda)], Box::new(body))
        }
    };
    Ok(Core::Let(vec![(found, matching)], Box::new(body)))
}

/// `(with-syntax ((PATTERN EXPRESSION) …) BODY …)`
pub fn with_syntax(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, bindings, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("with-syntax", stx));
    };
    let span = stx.span();
    let mut patterns = Vec::new();
    let mut list = vec![x.core_stx("list", span)];
    for binding in bindings
        .as_list()
        .ok_or_else(|| Trouble::no_match("with-syntax", stx))?
    {
        let Some([pattern, expression]) = binding.as_list() else {
            return Err(Trouble::no_match("with-syntax", stx));
        };
        patterns.push(pattern.clone());
        list.push(expression.clone());
    }
    let mut let_ = vec![x.core_stx("let", span), Stx::list(Vec::new(), span)];
    let_.extend(body.iter().cloned());
    let clause = Stx::list(vec![Stx::list(patterns, span), Stx::list(let_, span)], span);
    let case = Stx::list(
        vec![
            x.core_stx("syntax-case", span),
            Stx::list(list, span),
            Stx::list(Vec::new(), span),
            clause,
        ],
        span,
    );
    x.expand(&case, scope)
}

/// The pattern variables in TEMPLATE.
fn template_variables(template: &Stx, scope: &Scope, found: &mut Vec<(Id, Rc<PatternVariable>)>) {
    match template.form() {
        Form::Id(id) => {
            if let Some(Binding::Pattern(variable)) = scope.lookup(*id)
                && !found.iter().any(|(known, _)| known == id)
            {
                found.push((*id, variable));
            }
        }
        Form::List(items, tail) => {
            for item in items.iter().chain(tail) {
                template_variables(item, scope, found);
            }
        }
        Form::Vector(items) => {
            for item in items {
                template_variables(item, scope, found);
            }
        }
        Form::Atom(_) | Form::Opaque(_) => {}
    }
}

pub fn syntax(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, template]) => template_core(x, template, stx, scope),
        _ => Err(Trouble::syntax("syntax", "bad `syntax' form", stx, None)),
    }
}

/// What makes syntax of TEMPLATE, which FORM asks for.
fn template_core(x: &mut Expander, template: &Stx, form: &Stx, scope: &Scope) -> Result<Core> {
    let span = template.span();
    let mut variables = Vec::new();
    template_variables(template, scope, &mut variables);
    let depths: Vec<(Id, usize)> = variables
        .iter()
        .map(|(id, variable)| (*id, variable.depth))
        .collect();
    let context = context(Vec::new(), scope);
    if let Some(complaint) = patterns::template_complaint(template, &depths, &context) {
        return Err(Trouble::syntax("syntax", complaint, form, None));
    }
    if let (Some(id), [(name, variable)]) = (template.as_id(), &variables[..])
        && id == *name
    {
        return Ok(variable.value());
    }
    let number = syntax_primitives::add_template(template.clone(), context, depths);
    let mut operands = vec![Core::integer(number, span)];
    operands.extend(variables.into_iter().map(|(_, variable)| variable.value()));
    Ok(x.core_call("%syntax-template", operands, span))
}

/// ``#`TEMPLATE``: the unsyntaxed parts become pattern variables of their own.
pub fn quasisyntax(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, template]) = stx.as_list() else {
        return Err(Trouble::no_match("quasisyntax", stx));
    };
    let inner = scope.inner();
    let mut bindings = Vec::new();
    let template = replace_unsyntax(x, template, 0, scope, &inner, &mut bindings)?;
    let word = x.core_stx("syntax", stx.span());
    let form = Stx::list(vec![word, template.clone()], stx.span());
    let body = template_core(x, &template, &form, &inner)?;
    Ok(Core::let_(bindings, body))
}

fn replace_unsyntax(
    x: &mut Expander,
    template: &Stx,
    depth: usize,
    scope: &Scope,
    inner: &Scope,
    bindings: &mut Vec<(Rc<Local>, Core)>,
) -> Result<Stx> {
    let span = template.span();
    match template.form() {
        Form::Vector(items) => {
            let items = replace_all(x, items, depth, scope, inner, bindings)?;
            Ok(Stx::new(Form::Vector(items), span))
        }
        Form::List(items, tail) => {
            if tail.is_none() && items.len() == 2 {
                if x.is_word(&items[0], scope, "unsyntax") {
                    if depth == 0 {
                        let value = x.expand(&items[1], scope)?;
                        return Ok(variable(value, 0, inner, bindings, span));
                    }
                    let part = replace_unsyntax(x, &items[1], depth - 1, scope, inner, bindings)?;
                    return Ok(Stx::list(vec![items[0].clone(), part], span));
                }
                let nested = items[0].as_id().and_then(|id| scope.lookup(id));
                if nested.is_some_and(|binding| is_core_form(&binding, "quasisyntax")) {
                    let part = replace_unsyntax(x, &items[1], depth + 1, scope, inner, bindings)?;
                    return Ok(Stx::list(vec![items[0].clone(), part], span));
                }
            }
            // (a . #,b) reads as (a unsyntax b).
            if let [before @ .., word, last] = &items[..]
                && tail.is_none()
                && depth == 0
                && !before.is_empty()
                && x.is_word(word, scope, "unsyntax")
            {
                let filled = replace_all(x, before, depth, scope, inner, bindings)?;
                let value = x.expand(last, scope)?;
                let end = variable(value, 0, inner, bindings, span);
                return Ok(Stx::improper(filled, end, span));
            }
            let filled = replace_all(x, items, depth, scope, inner, bindings)?;
            match tail {
                None => Ok(Stx::list(filled, span)),
                Some(tail) => {
                    let tail = replace_unsyntax(x, tail, depth, scope, inner, bindings)?;
                    Ok(Stx::improper(filled, tail, span))
                }
            }
        }
        _ => Ok(template.clone()),
    }
}

fn replace_all(
    x: &mut Expander,
    items: &[Stx],
    depth: usize,
    scope: &Scope,
    inner: &Scope,
    bindings: &mut Vec<(Rc<Local>, Core)>,
) -> Result<Vec<Stx>> {
    let mut filled = Vec::with_capacity(items.len());
    for item in items {
        match item.as_list() {
            Some([head, expressions @ ..])
                if depth == 0 && x.is_word(head, scope, "unsyntax-splicing") =>
            {
                for expression in expressions {
                    let value = x.expand(expression, scope)?;
                    let span = item.span();
                    filled.push(variable(value, 1, inner, bindings, span));
                    filled.push(x.core_stx("...", span));
                }
            }
            _ => filled.push(replace_unsyntax(x, item, depth, scope, inner, bindings)?),
        }
    }
    Ok(filled)
}

/// A fresh pattern variable bound to VALUE.
fn variable(
    value: Core,
    depth: usize,
    inner: &Scope,
    bindings: &mut Vec<(Rc<Local>, Core)>,
    span: span::Span,
) -> Stx {
    let id = Id::named("unsyntaxed").introduced(identifier::fresh_expansion(), inner);
    let local = Local::new(id);
    bindings.push((local.clone(), value));
    inner.bind(
        id,
        Binding::Pattern(Rc::new(PatternVariable {
            local,
            depth,
            outside: None,
        })),
    );
    Stx::id(id, span)
}
