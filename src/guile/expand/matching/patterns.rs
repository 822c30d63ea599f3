//! The tests and bindings that a pattern asks for.
//!
//! Source: GNU Guile reference manual, "Pattern Matching".

use super::lists::{held, list};
use super::places::{Place, place_procedure};
use super::variables::variables;
use super::{Failure, Success, bad, sequence};
use crate::data::value;
use crate::expand::Expander;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local};
use std::rc::Rc;

/// A word of the pattern language, unless the program has given the name another meaning.
pub(super) fn word(stx: &Stx, scope: &Scope) -> Option<Rc<str>> {
    let id = stx.as_id()?;
    match scope.lookup(id) {
        Some(Binding::Local(_) | Binding::Pattern(_)) => None,
        _ => Some(id.name()),
    }
}

/// How often an ellipsis wants its pattern at least, when STX is one.
pub(super) fn ellipsis(stx: &Stx) -> Option<usize> {
    let name = stx.as_id()?.name();
    match &*name {
        "..." | "___" => Some(0),
        "..1" | "__1" | "**1" => Some(1),
        _ => None,
    }
}

pub(super) fn test<'s>(
    x: &mut Expander,
    test: Core,
    scope: &Scope,
    failure: &Failure,
    success: Success<'s>,
) -> Result<Core> {
    Ok(Core::if_(test, success(x, scope)?, failure.core()))
}

/// Match PATTERN with the value of LOCAL; its variables are bound in SCOPE.
pub(super) fn one<'s>(
    x: &mut Expander,
    pattern: &Stx,
    local: &Rc<Local>,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let span = pattern.span();
    let value = || Core::Local(local.clone());
    match pattern.form() {
        Form::Id(id) => {
            if &*id.name() == "_" {
                return success(x, scope);
            }
            // The same name twice: both must be equal.
            if scope.binds(*id)
                && let Some(Binding::Local(earlier)) = scope.lookup(*id)
            {
                let same = x.core_call("equal?", vec![Core::Local(earlier), value()], span);
                return test(x, same, scope, &failure, success);
            }
            scope.bind(*id, Binding::Local(local.clone()));
            success(x, scope)
        }
        Form::Atom(_) | Form::Opaque(_) => {
            let same = x.core_call(
                "equal?",
                vec![value(), Core::Constant(pattern.clone())],
                span,
            );
            test(x, same, scope, &failure, success)
        }
        Form::Vector(items) => {
            let is_vector = x.core_call("vector?", vec![value()], span);
            let list = Local::new(Id::named("list"));
            let as_list = x.core_call("vector->list", vec![value()], span);
            let inside = Stx::list(items.clone(), span);
            x.places.insert(list.number, Place::Elements(local.clone()));
            let matched = one(x, &inside, &list, scope, failure.clone(), success)?;
            Ok(Core::if_(
                is_vector,
                Core::Let(vec![(list, as_list)], Box::new(matched)),
                failure.core(),
            ))
        }
        Form::List(items, tail) => {
            if items.is_empty() {
                let empty = x.core_call("null?", vec![value()], span);
                return test(x, empty, scope, &failure, success);
            }
            if tail.is_none()
                && let Some(word) = word(&items[0], scope)
                && is_special(&word, items)
            {
                return special(x, &word, pattern, items, local, scope, failure, success);
            }
            list(
                x,
                items,
                tail.as_ref(),
                local,
                span,
                scope,
                failure,
                success,
            )
        }
    }
}

/// Whether ITEMS, what is left of a list pattern, is a special pattern.
pub(super) fn special_rest(items: &[Stx], scope: &Scope) -> bool {
    items.len() > 1 && word(&items[0], scope).is_some_and(|word| is_special(&word, items))
}

pub(super) fn is_special(word: &str, items: &[Stx]) -> bool {
    let ellipsis_next = items.get(1).is_some_and(|next| ellipsis(next).is_some());
    !ellipsis_next
        && match word {
            "quote" | "quasiquote" => items.len() == 2,
            "and" | "or" | "not" => true,
            "?" | "$" | "struct" | "@" | "object" => items.len() >= 2,
            "=" => items.len() == 3,
            "set!" | "get!" => items.len() == 2,
            _ => false,
        }
}

#[allow(
    clippy::too_many_arguments,
    reason = "the state of one match, handed on"
)]
fn special<'s>(
    x: &mut Expander,
    word: &str,
    pattern: &Stx,
    items: &[Stx],
    local: &Rc<Local>,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let span = pattern.span();
    let value = || Core::Local(local.clone());
    let with_value = |patterns: &[Stx]| -> Vec<(Stx, Rc<Local>)> {
        patterns
            .iter()
            .map(|pattern| (pattern.clone(), local.clone()))
            .collect()
    };
    match word {
        "quote" => {
            let datum = &items[1];
            let same = if datum.as_id().is_some() {
                "eq?"
            } else {
                "equal?"
            };
            let same = x.core_call(same, vec![value(), Core::Constant(datum.clone())], span);
            test(x, same, scope, &failure, success)
        }
        "quasiquote" => quasi(x, &items[1], local, scope, failure, success),
        "and" => sequence(x, with_value(&items[1..]), scope, failure, success),
        "or" => alternatives(x, &items[1..], local, span, scope, failure, success),
        "not" => {
            // The other way round: matching fails, failing goes on.
            let matched = Local::new(Id::named("not-matched"));
            let go_on = Failure {
                next: matched.clone(),
                span,
            };
            let fail = failure.clone();
            let inverse = sequence(
                x,
                with_value(&items[1..]),
                &scope.inner(),
                go_on,
                Box::new(move |_, _| Ok(fail.core())),
            )?;
            let lambda = Core::lambda(Vec::new(), None, success(x, scope)?, span);
            Ok(Core::Let(vec![(matched, lambda)], Box::new(inverse)))
        }
        "?" => {
            let predicate = x.expand(&items[1], scope)?;
            let holds = Core::call(predicate, vec![value()], span);
            let rest = with_value(&items[2..]);
            let fail = failure.clone();
            test(
                x,
                holds,
                scope,
                &failure,
                Box::new(move |x, scope| sequence(x, rest, scope, fail, success)),
            )
        }
        "=" => {
            let procedure = x.expand(&items[1], scope)?;
            let result = Local::new(Id::named("result"));
            let call = Core::call(procedure, vec![value()], span);
            let body = one(x, &items[2], &result, scope, failure, success)?;
            Ok(Core::Let(vec![(result, call)], Box::new(body)))
        }
        "$" | "struct" => {
            let kind = x.expand(&items[1], scope)?;
            let is_a = x.core_call("%record-is-a?", vec![value(), kind], span);
            let fields = items[2..]
                .iter()
                .enumerate()
                .map(|(position, pattern)| {
                    let field = Local::new(Id::named("field"));
                    x.places
                        .insert(field.number, Place::Field(local.clone(), position));
                    let operands = vec![value(), Core::integer(position, span)];
                    let get = x.core_call("%record-field", operands, span);
                    (pattern.clone(), field, get)
                })
                .collect();
            record(x, is_a, fields, scope, failure, success)
        }
        "@" | "object" => {
            let kind = x.expand(&items[1], scope)?;
            let is_a = x.core_call("%record-is-a?", vec![value(), kind], span);
            let mut fields = Vec::new();
            for clause in &items[2..] {
                let Some([name, pattern]) = clause.as_list() else {
                    return Err(bad(pattern, Some(clause)));
                };
                let kind = x.expand(&items[1], scope)?;
                let index = x.core_call(
                    "%field-index",
                    vec![
                        kind,
                        Core::Constant(name.clone()),
                        Core::Constant(Stx::atom(value::string_value("match"), span)),
                    ],
                    span,
                );
                let get = x.core_call("%record-field", vec![value(), index], span);
                fields.push((pattern.clone(), Local::new(Id::named("field")), get));
            }
            record(x, is_a, fields, scope, failure, success)
        }
        // (set! NAME) and (get! NAME) want the place the value was taken from.
        _ => {
            let name = items[1]
                .as_id()
                .ok_or_else(|| bad(pattern, Some(&items[1])))?;
            let procedure = place_procedure(x, local, word == "set!", span).ok_or_else(|| {
                Trouble::syntax("match", "the value was taken from no place", pattern, None)
            })?;
            let bound = x.bind_local(name, scope);
            let body = success(x, scope)?;
            Ok(Core::Let(vec![(bound, procedure)], Box::new(body)))
        }
    }
}

fn record<'s>(
    x: &mut Expander,
    is_a: Core,
    fields: Vec<(Stx, Rc<Local>, Core)>,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let mut patterns = Vec::new();
    let mut bindings = Vec::new();
    for (pattern, local, get) in fields {
        patterns.push((pattern, local.clone()));
        bindings.push((local, get));
    }
    let matched = sequence(x, patterns, scope, failure.clone(), success)?;
    Ok(Core::if_(
        is_a,
        Core::let_(bindings, matched),
        failure.core(),
    ))
}

/// `(or PATTERN …)`: whichever matches first binds the variables.
fn alternatives<'s>(
    x: &mut Expander,
    patterns: &[Stx],
    local: &Rc<Local>,
    span: Span,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let mut names = Vec::new();
    for pattern in patterns {
        variables(pattern, scope, &mut names);
    }
    names.retain(|name| !scope.binds(*name));
    let go_on = Local::new(Id::named("matched"));
    let mut result = failure.core();
    for pattern in patterns.iter().rev() {
        let next = Local::new(Id::named("next"));
        let fail = Failure {
            next: next.clone(),
            span,
        };
        let wanted = names.clone();
        let target = go_on.clone();
        let matched = one(
            x,
            pattern,
            local,
            &scope.inner(),
            fail,
            Box::new(move |_, scope| {
                let operands = held(&wanted, scope, span);
                Ok(Core::call(Core::Local(target), operands, span))
            }),
        )?;
        let lambda = Core::lambda(Vec::new(), None, result, span);
        result = Core::Let(vec![(next, lambda)], Box::new(matched));
    }
    let parameters = names
        .iter()
        .map(|name| {
            let parameter = Local::new(*name);
            scope.bind(*name, Binding::Local(parameter.clone()));
            parameter
        })
        .collect();
    let body = success(x, scope)?;
    let lambda = Core::lambda(parameters, None, body, span);
    Ok(Core::Let(vec![(go_on, lambda)], Box::new(result)))
}

/// Bind NAME to VALUE; when the pattern has bound it before, the test that the
/// two agree.
pub(super) fn bind_or_compare(
    x: &mut Expander,
    name: Id,
    value: &Rc<Local>,
    span: Span,
    scope: &Scope,
) -> Option<Core> {
    match scope.lookup(name) {
        Some(Binding::Local(earlier)) if scope.binds(name) => {
            let both = vec![Core::Local(earlier), Core::Local(value.clone())];
            Some(x.core_call("equal?", both, span))
        }
        _ => {
            scope.bind(name, Binding::Local(value.clone()));
            None
        }
    }
}

pub(super) fn provided(tests: Vec<Core>, body: Core, failure: &Failure) -> Core {
    tests
        .into_iter()
        .rev()
        .fold(body, |body, test| Core::if_(test, body, failure.core()))
}

fn quasi<'s>(
    x: &mut Expander,
    pattern: &Stx,
    local: &Rc<Local>,
    scope: &Scope,
    failure: Failure,
    success: Success<'s>,
) -> Result<Core> {
    let span = pattern.span();
    one(
        x,
        &unquasi(pattern, scope, x, span),
        local,
        scope,
        failure,
        success,
    )
}

/// The plain pattern that means the same as quasi-pattern PATTERN.
fn unquasi(pattern: &Stx, scope: &Scope, x: &Expander, span: Span) -> Stx {
    let quote = |datum: &Stx| Stx::list(vec![x.core_stx("quote", span), datum.clone()], span);
    match pattern.form() {
        Form::Id(_) if ellipsis(pattern).is_some() => pattern.clone(),
        Form::Id(_) => quote(pattern),
        Form::Vector(items) => Stx::new(
            Form::Vector(
                items
                    .iter()
                    .map(|item| unquasi(item, scope, x, span))
                    .collect(),
            ),
            span,
        ),
        Form::List(items, tail) => {
            let head = items.first().and_then(|item| word(item, scope));
            if items.len() == 2 && tail.is_none() && head.as_deref() == Some("unquote") {
                return items[1].clone();
            }
            let mut plain = Vec::new();
            let mut end = tail.as_ref().map(|tail| unquasi(tail, scope, x, span));
            let mut rest = &items[..];
            // (a . ,b) reads as (a unquote b).
            if let [before @ .., unquote, last] = rest
                && !before.is_empty()
                && tail.is_none()
                && word(unquote, scope).as_deref() == Some("unquote")
            {
                end = Some(last.clone());
                rest = before;
            }
            for (position, item) in rest.iter().enumerate() {
                if let Some([splice, inner]) = item.as_list()
                    && word(splice, scope).as_deref() == Some("unquote-splicing")
                {
                    if position + 1 == rest.len() && end.is_none() {
                        end = Some(inner.clone());
                    } else {
                        plain.push(inner.clone());
                        plain.push(Stx::id(Id::named("..."), span));
                    }
                    continue;
                }
                plain.push(unquasi(item, scope, x, span));
            }
            match end {
                Some(end) if plain.is_empty() => end,
                // A tail that is a name must stay a tail, whatever its form.
                Some(end) => Stx::new(Form::List(plain, Some(end)), span),
                None => Stx::list(plain, span),
            }
        }
        Form::Atom(_) | Form::Opaque(_) => pattern.clone(),
    }
}
