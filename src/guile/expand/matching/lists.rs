//! Patterns of lists and vectors, and what an ellipsis in them repeats.
//!
//! Source: GNU Guile reference manual, "Pattern Matching".

use super::patterns::{bind_or_compare, ellipsis, one, provided, special_rest, test};
use super::places::Place;
use super::variables::variables;
use super::{Failure, Success};
use crate::expand::Expander;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::Result;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Local};
use std::rc::Rc;

/// What NAMES are bound to in SCOPE; #f for those that the pattern did not bind.
pub(super) fn held(names: &[Id], scope: &Scope, span: Span) -> Vec<Core> {
    names
        .iter()
        .map(|name| match scope.lookup(*name) {
            Some(Binding::Local(local)) => Core::Local(local),
            _ => Core::truth(false, span),
        })
        .collect()
}

#[allow(
    clippy::too_many_arguments,
    reason = "the state of one match, handed on"
)]
pub(super) fn list<'s>(
    x: &mut Expander,
    items: &[Stx],
    tail: Option<&Stx>,
    local: &Rc<Local>,
    span: Span,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let value = || Core::Local(local.clone());
    if items.is_empty() {
        return match tail {
            Some(tail) => one(x, tail, local, scope, failure, success),
            None => {
                let empty = x.core_call("null?", vec![value()], span);
                test(x, empty, scope, &failure, success)
            }
        };
    }
    if let ([step, stars, pattern], None) = (items, tail)
        && stars.as_id().is_some_and(|id| &*id.name() == "***")
    {
        return search(x, step, pattern, local, span, scope, failure, success);
    }
    if let Some(least) = items.get(1).and_then(ellipsis) {
        return repeated(
            x,
            &items[0],
            least,
            &items[2..],
            tail,
            local,
            span,
            scope,
            failure,
            success,
        );
    }
    let is_pair = x.core_call("pair?", vec![value()], span);
    let first = Local::new(Id::named("first"));
    let rest = Local::new(Id::named("rest"));
    let bindings = vec![
        (first.clone(), x.core_call("car", vec![value()], span)),
        (rest.clone(), x.core_call("cdr", vec![value()], span)),
    ];
    x.places.insert(first.number, Place::Car(local.clone()));
    x.places.insert(rest.number, Place::Cdr(local.clone()));
    let items_left = items[1..].to_vec();
    let tail = tail.cloned();
    let fail = failure.clone();
    let matched = one(
        x,
        &items[0],
        &first,
        scope,
        failure.clone(),
        Box::new(move |x, scope| {
            // `(FIRST . (? PRED))` reads as `(FIRST ? PRED)`: what is left is a
            // pattern of its own.
            if tail.is_none() && special_rest(&items_left, scope) {
                let left = Stx::list(items_left, span);
                return one(x, &left, &rest, scope, fail, success);
            }
            list(
                x,
                &items_left,
                tail.as_ref(),
                &rest,
                span,
                scope,
                fail,
                success,
            )
        }),
    )?;
    Ok(Core::if_(
        is_pair,
        Core::Let(bindings, Box::new(matched)),
        failure.core(),
    ))
}

/// `(STEP *** PATTERN)`: somewhere in a tree, below nodes that begin with STEP.
#[allow(
    clippy::too_many_arguments,
    reason = "the state of one match, handed on"
)]
fn search<'s>(
    x: &mut Expander,
    step: &Stx,
    pattern: &Stx,
    local: &Rc<Local>,
    span: Span,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let mut names = Vec::new();
    variables(step, scope, &mut names);
    let steps = names.len();
    variables(pattern, scope, &mut names);
    let (on_the_way, found) = names.split_at(steps);
    let operands = vec![
        Core::Local(local.clone()),
        values_of(x, step, on_the_way, span, scope)?,
        values_of(x, pattern, found, span, scope)?,
        Core::integer(steps, span),
    ];
    let result = Local::new(Id::named("found"));
    let searched = x.core_call("%match-search", operands, span);
    let mut bindings = Vec::new();
    let mut agreements = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let value = Local::new(*name);
        agreements.extend(bind_or_compare(x, *name, &value, span, scope));
        let operands = vec![Core::Local(result.clone()), Core::integer(index, span)];
        bindings.push((value, x.core_call("list-ref", operands, span)));
    }
    let body = success(x, scope)?;
    let body = Core::let_(bindings, provided(agreements, body, &failure));
    Ok(Core::Let(
        vec![(result.clone(), searched)],
        Box::new(Core::if_(Core::Local(result), body, failure.core())),
    ))
}

/// A procedure that matches PATTERN with its argument and returns the list of what
/// NAMES are then, or #f.
fn values_of(
    x: &mut Expander,
    pattern: &Stx,
    names: &[Id],
    span: Span,
    scope: &Scope,
) -> Result<Core> {
    let subject = Local::new(Id::named("subject"));
    let next = Local::new(Id::named("next"));
    let failure = Failure {
        next: next.clone(),
        span,
    };
    let names = names.to_vec();
    let matched = one(
        x,
        pattern,
        &subject,
        &scope.inner(),
        failure,
        Box::new(move |x, scope| {
            let values = held(&names, scope, span);
            Ok(x.core_call("list", values, span))
        }),
    )?;
    let no = Core::lambda(Vec::new(), None, Core::truth(false, span), span);
    let body = Core::Let(vec![(next, no)], Box::new(matched));
    Ok(Core::lambda(vec![subject], None, body, span))
}

/// `(PATTERN ... AFTER …)`
#[allow(
    clippy::too_many_arguments,
    reason = "the state of one match, handed on"
)]
fn repeated<'s>(
    x: &mut Expander,
    pattern: &Stx,
    least: usize,
    after: &[Stx],
    tail: Option<&Stx>,
    local: &Rc<Local>,
    span: Span,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let value = || Core::Local(local.clone());
    // The plain cases need no loop: (NAME ...) and (_ ...).
    if let (Some(id), true, None, 0) = (pattern.as_id(), after.is_empty(), tail, least)
        && !scope.binds(id)
    {
        let is_list = x.core_call("list?", vec![value()], span);
        if &*id.name() != "_" {
            scope.bind(id, Binding::Local(local.clone()));
        }
        return test(x, is_list, scope, &failure, success);
    }
    let mut names = Vec::new();
    variables(pattern, scope, &mut names);
    let count = Local::new(Id::named("count"));
    let length = x.core_call(
        if tail.is_some() {
            "%pairs-count"
        } else {
            "%list-count"
        },
        vec![value(), Core::integer(after.len(), span)],
        span,
    );
    let enough = x.core_call(
        ">=",
        vec![Core::Local(count.clone()), Core::integer(least, span)],
        span,
    );
    let procedure = Local::new(Id::named("match-loop"));
    let rest = Local::new(Id::named("rest"));
    let left = Local::new(Id::named("left"));
    let collected: Vec<_> = names.iter().map(|name| Local::new(*name)).collect();
    let element = Local::new(Id::named("element"));

    // One element: bind the names for it, and go on with what was collected.
    let again = {
        let (names, collected) = (names.clone(), collected.clone());
        let (procedure, rest, left) = (procedure.clone(), rest.clone(), left.clone());
        let inner = scope.inner();
        one(
            x,
            pattern,
            &element,
            &inner,
            failure.clone(),
            Box::new(move |x, scope| {
                let mut operands = vec![
                    x.core_call("cdr", vec![Core::Local(rest)], span),
                    x.core_call("-", vec![Core::Local(left), Core::integer(1, span)], span),
                ];
                for (name, list) in names.iter().zip(&collected) {
                    let item = match scope.lookup(*name) {
                        Some(Binding::Local(local)) => Core::Local(local),
                        _ => Core::truth(false, span),
                    };
                    operands.push(x.core_call("cons", vec![item, Core::Local(list.clone())], span));
                }
                Ok(Core::call(Core::Local(procedure), operands, span))
            }),
        )?
    };
    let first = x.core_call("car", vec![Core::Local(rest.clone())], span);
    let again = Core::Let(vec![(element, first)], Box::new(again));

    // All elements: the collected lists are the values of the names.
    let mut bindings = Vec::new();
    let mut agreements = Vec::new();
    for (name, list) in names.iter().zip(&collected) {
        let all = Local::new(*name);
        agreements.extend(bind_or_compare(x, *name, &all, span, scope));
        bindings.push((
            all,
            x.core_call("reverse", vec![Core::Local(list.clone())], span),
        ));
    }
    let done = list(x, after, tail, &rest, span, scope, failure.clone(), success)?;
    let done = Core::let_(bindings, provided(agreements, done, &failure));

    let finished = x.core_call(
        "=",
        vec![Core::Local(left.clone()), Core::integer(0, span)],
        span,
    );
    let mut parameters = vec![rest, left];
    parameters.extend(collected.iter().cloned());
    let lambda = Core::lambda(parameters, None, Core::if_(finished, done, again), span);
    let mut operands = vec![value(), Core::Local(count.clone())];
    operands.extend(
        collected
            .iter()
            .map(|_| Core::Constant(Stx::list(Vec::new(), span))),
    );
    let start = Core::Letrec(
        vec![(procedure.clone(), lambda)],
        Box::new(Core::call(Core::Local(procedure), operands, span)),
    );
    Ok(Core::Let(
        vec![(count, length)],
        Box::new(Core::if_(enough, start, failure.core())),
    ))
}
