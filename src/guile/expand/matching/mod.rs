//! `(ice-9 match)`: patterns become tests and bindings.
//!
//! Source: Guile Reference Manual, "Pattern Matching".

mod lists;
mod patterns;
mod places;
mod variables;

use crate::expand::Expander;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Local};
use patterns::one;
pub use places::Place;
use std::rc::Rc;
use variables::variables;

/// What is done when a pattern has matched.
type Success<'s> = Box<dyn FnOnce(&mut Expander, &Scope) -> Result<Core> + 's>;

/// Where control goes when a pattern does not match: a procedure without arguments.
#[derive(Clone)]
struct Failure {
    next: Rc<Local>,
    span: Span,
}

impl Failure {
    fn core(&self) -> Core {
        Core::call(Core::Local(self.next.clone()), Vec::new(), self.span)
    }
}

fn bad(stx: &Stx, part: Option<&Stx>) -> Trouble {
    Trouble::syntax("match", "bad form", stx, part)
}

/// `(match EXPRESSION CLAUSE …)`
pub fn match_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, expression, clauses @ ..]) = stx.as_list() else {
        return Err(bad(stx, None));
    };
    let value = x.expand(expression, scope)?;
    let subject = Local::new(Id::named("value"));
    let body = match_clauses(x, &subject, clauses, stx, scope)?;
    Ok(Core::Let(vec![(subject, value)], Box::new(body)))
}

/// `(match-lambda CLAUSE …)`
pub fn match_lambda(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, clauses @ ..]) = stx.as_list() else {
        return Err(bad(stx, None));
    };
    let subject = Local::new(Id::named("value"));
    let body = match_clauses(x, &subject, clauses, stx, scope)?;
    Ok(Core::lambda(vec![subject], None, body, stx.span()))
}

/// `(match-lambda* CLAUSE …)`
pub fn match_lambda_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, clauses @ ..]) = stx.as_list() else {
        return Err(bad(stx, None));
    };
    let subject = Local::new(Id::named("values"));
    let body = match_clauses(x, &subject, clauses, stx, scope)?;
    Ok(Core::lambda(Vec::new(), Some(subject), body, stx.span()))
}

/// `(match-let ((PATTERN VALUE) …) BODY …)`, named or not.
pub fn match_let(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, name, bindings, body @ ..]) if name.as_id().is_some() => {
            let span = stx.span();
            let mut patterns = Vec::new();
            let mut values = Vec::new();
            for binding in bindings.as_list().ok_or_else(|| bad(stx, Some(bindings)))? {
                let Some([pattern, value]) = binding.as_list() else {
                    return Err(bad(stx, Some(binding)));
                };
                patterns.push(pattern.clone());
                values.push(x.expand(value, scope)?);
            }
            let outer = scope.inner();
            let procedure = x.bind_local(name.as_id().ok_or_else(|| bad(stx, None))?, &outer);
            let parameters: Vec<_> = patterns
                .iter()
                .map(|_| Local::new(Id::named("value")))
                .collect();
            let body = match_all(x, &patterns, &parameters, body, stx, &outer)?;
            let lambda = Core::lambda(parameters, None, body, span);
            Ok(Core::Letrec(
                vec![(procedure.clone(), lambda)],
                Box::new(Core::call(Core::Local(procedure), values, span)),
            ))
        }
        Some([_, bindings, body @ ..]) => {
            let mut patterns = Vec::new();
            let mut made = Vec::new();
            for binding in bindings.as_list().ok_or_else(|| bad(stx, Some(bindings)))? {
                let Some([pattern, value]) = binding.as_list() else {
                    return Err(bad(stx, Some(binding)));
                };
                patterns.push(pattern.clone());
                made.push((Local::new(Id::named("value")), x.expand(value, scope)?));
            }
            let locals: Vec<_> = made.iter().map(|(local, _)| local.clone()).collect();
            let body = match_all(x, &patterns, &locals, body, stx, scope)?;
            Ok(Core::let_(made, body))
        }
        _ => Err(bad(stx, None)),
    }
}

/// `(match-let* ((PATTERN VALUE) …) BODY …)`
pub fn match_let_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([head, bindings, body @ ..]) = stx.as_list() else {
        return Err(bad(stx, None));
    };
    let bindings = bindings.as_list().ok_or_else(|| bad(stx, Some(bindings)))?;
    let span = stx.span();
    match bindings {
        [] => x.body(body, &scope.inner(), stx),
        [first, rest @ ..] => {
            let Some([pattern, value]) = first.as_list() else {
                return Err(bad(stx, Some(first)));
            };
            let mut inner = vec![head.clone(), Stx::list(rest.to_vec(), span)];
            inner.extend(body.iter().cloned());
            let inner = Stx::list(inner, span);
            let value = x.expand(value, scope)?;
            let local = Local::new(Id::named("value"));
            let body = match_all(
                x,
                std::slice::from_ref(pattern),
                std::slice::from_ref(&local),
                &[inner],
                stx,
                scope,
            )?;
            Ok(Core::Let(vec![(local, value)], Box::new(body)))
        }
    }
}

/// `(match-letrec ((PATTERN VALUE) …) BODY …)`: the values see the variables of all
/// patterns, which get what they match when all values are there.
pub fn match_letrec(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, bindings, body @ ..]) = stx.as_list() else {
        return Err(bad(stx, None));
    };
    let mut pairs = Vec::new();
    let mut names = Vec::new();
    for binding in bindings.as_list().ok_or_else(|| bad(stx, Some(bindings)))? {
        let Some([pattern, value]) = binding.as_list() else {
            return Err(bad(stx, Some(binding)));
        };
        variables(pattern, scope, &mut names);
        pairs.push((pattern.clone(), value));
    }
    let outer = scope.inner();
    let locals: Vec<_> = names.iter().map(|id| x.bind_local(*id, &outer)).collect();
    let mut made = Vec::new();
    let mut patterns = Vec::new();
    for (pattern, value) in pairs {
        let local = Local::new(Id::named("value"));
        made.push((local.clone(), x.expand(value, &outer)?));
        patterns.push((pattern, local));
    }
    let failing = Local::new(Id::named("no-match"));
    let failure = Failure {
        next: failing.clone(),
        span: stx.span(),
    };
    let subject = made
        .first()
        .map_or(Core::Unspecified, |(local, _)| Core::Local(local.clone()));
    let variables = locals.clone();
    let body_scope = outer.inner();
    let success: Success = Box::new(move |x, matched| {
        let mut forms = Vec::new();
        for (name, variable) in names.iter().zip(&variables) {
            if let Some(Binding::Local(found)) = matched.lookup(*name) {
                variable.assigned.set(true);
                let value = Box::new(Core::Local(found));
                forms.push(Core::SetLocal(variable.clone(), value));
            }
        }
        forms.push(x.body(body, &body_scope, stx)?);
        Ok(Core::seq(forms))
    });
    let matched = sequence(x, patterns, &outer.inner(), failure, success)?;
    let error = x.core_call("%match-error", vec![subject], stx.span());
    let error = Core::lambda(Vec::new(), None, error, stx.span());
    let matched = Core::Let(vec![(failing, error)], Box::new(matched));
    let unset = locals.into_iter().map(|local| (local, Core::Unspecified));
    Ok(Core::let_(unset.collect(), Core::let_(made, matched)))
}

/// Match every pattern with its local, then BODY.
fn match_all(
    x: &mut Expander,
    patterns: &[Stx],
    locals: &[Rc<Local>],
    body: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let failing = Local::new(Id::named("no-match"));
    let failure = Failure {
        next: failing.clone(),
        span: stx.span(),
    };
    let all: Vec<(Stx, Rc<Local>)> = patterns
        .iter()
        .cloned()
        .zip(locals.iter().cloned())
        .collect();
    let success: Success = Box::new(move |x, scope| x.body(body, &scope.inner(), stx));
    let matched = sequence(x, all, &scope.inner(), failure, success)?;
    let subject = locals
        .first()
        .map_or(Core::Unspecified, |local| Core::Local(local.clone()));
    let error = x.core_call("%match-error", vec![subject], stx.span());
    let error = Core::lambda(Vec::new(), None, error, stx.span());
    Ok(Core::Let(vec![(failing, error)], Box::new(matched)))
}

fn match_clauses(
    x: &mut Expander,
    subject: &Rc<Local>,
    clauses: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let Some((clause, rest)) = clauses.split_first() else {
        return Ok(x.core_call(
            "%match-error",
            vec![Core::Local(subject.clone())],
            stx.span(),
        ));
    };
    let Some([pattern, body @ ..]) = clause.as_list() else {
        return Err(bad(stx, Some(clause)));
    };
    let next = Local::new(Id::named("next"));
    let failure = Failure {
        next: next.clone(),
        span: clause.span(),
    };
    let inner = scope.inner();
    // (PATTERN (=> FAILURE) BODY …)
    let body = match body.first().and_then(Stx::as_list) {
        Some([arrow, name])
            if body.len() > 1 && x.is_word(arrow, scope, "=>") && name.as_id().is_some() =>
        {
            if let Some(id) = name.as_id() {
                inner.bind(id, Binding::Local(next.clone()));
            }
            &body[1..]
        }
        _ => body,
    };
    let success: Success = Box::new(|x, scope| {
        if body.is_empty() {
            return Ok(Core::Unspecified);
        }
        x.body(body, &scope.inner(), clause)
    });
    let matched = one(x, pattern, subject, &inner, failure, success)?;
    let rest = match_clauses(x, subject, rest, stx, scope)?;
    let lambda = Core::lambda(Vec::new(), None, rest, clause.span());
    Ok(Core::Let(vec![(next, lambda)], Box::new(matched)))
}

/// Match the patterns one after the other.
fn sequence<'s>(
    x: &mut Expander,
    mut patterns: Vec<(Stx, Rc<Local>)>,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    if patterns.is_empty() {
        return success(x, scope);
    }
    let (pattern, local) = patterns.remove(0);
    let again = failure.clone();
    one(
        x,
        &pattern,
        &local,
        scope,
        failure,
        Box::new(move |x, scope| sequence(x, patterns, scope, again, success)),
    )
}
