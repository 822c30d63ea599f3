//! `(ice-9 match)`: patterns become tests and bindings.
//!
//! Source: Guile Reference Manual, "Pattern Matching".

use crate::data::value;
use crate::expand::Expander;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local};
use std::rc::Rc;

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

/// Where a value was taken from, for the patterns `(get! NAME)` and `(set! NAME)`.
#[derive(Clone)]
pub enum Place {
    Car(Rc<Local>),
    Cdr(Rc<Local>),
    Field(Rc<Local>, usize),
    /// A list made of the vector's elements.
    Elements(Rc<Local>),
}

/// The procedure that gets or sets the place from which LOCAL was taken.
fn place_procedure(x: &mut Expander, local: &Local, sets: bool, span: Span) -> Option<Core> {
    let place = x.places.get(&local.number)?.clone();
    let (getter, setter, mut operands) = match place {
        Place::Field(record, index) => (
            "%record-field",
            "%set-record-field!",
            vec![Core::Local(record), Core::integer(index, span)],
        ),
        Place::Cdr(pair) => ("cdr", "set-cdr!", vec![Core::Local(pair)]),
        Place::Car(pair) => {
            let mut index = 0;
            let mut at = pair.clone();
            while let Some(Place::Cdr(before)) = x.places.get(&at.number) {
                at = before.clone();
                index += 1;
            }
            match x.places.get(&at.number) {
                Some(Place::Elements(vector)) => (
                    "vector-ref",
                    "vector-set!",
                    vec![Core::Local(vector.clone()), Core::integer(index, span)],
                ),
                _ => ("car", "set-car!", vec![Core::Local(pair)]),
            }
        }
        Place::Elements(_) => return None,
    };
    if !sets {
        let body = x.core_call(getter, operands, span);
        return Some(Core::lambda(Vec::new(), None, body, span));
    }
    let given = Local::new(Id::named("value"));
    operands.push(Core::Local(given.clone()));
    let body = x.core_call(setter, operands, span);
    Some(Core::lambda(vec![given], None, body, span))
}

/// A word of the pattern language, unless the program has given the name another meaning.
fn word(stx: &Stx, scope: &Scope) -> Option<Rc<str>> {
    let id = stx.as_id()?;
    match scope.lookup(id) {
        Some(Binding::Local(_) | Binding::Pattern(_)) => None,
        _ => Some(id.name()),
    }
}

/// How often an ellipsis wants its pattern at least, when STX is one.
fn ellipsis(stx: &Stx) -> Option<usize> {
    let name = stx.as_id()?.name();
    match &*name {
        "..." | "___" => Some(0),
        "..1" | "__1" | "**1" => Some(1),
        _ => None,
    }
}

fn test<'s>(
    x: &mut Expander,
    test: Core,
    scope: &Scope,
    failure: &Failure,
    success: Success<'s>,
) -> Result<Core> {
    Ok(Core::if_(test, success(x, scope)?, failure.core()))
}

/// Match PATTERN with the value of LOCAL; its variables are bound in SCOPE.
fn one<'s>(
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
fn special_rest(items: &[Stx], scope: &Scope) -> bool {
    items.len() > 1 && word(&items[0], scope).is_some_and(|word| is_special(&word, items))
}

fn is_special(word: &str, items: &[Stx]) -> bool {
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

/// What NAMES are bound to in SCOPE; #f for those that the pattern did not bind.
fn held(names: &[Id], scope: &Scope, span: Span) -> Vec<Core> {
    names
        .iter()
        .map(|name| match scope.lookup(*name) {
            Some(Binding::Local(local)) => Core::Local(local),
            _ => Core::truth(false, span),
        })
        .collect()
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

/// The names that PATTERN binds.
fn variables(pattern: &Stx, scope: &Scope, names: &mut Vec<Id>) {
    match pattern.form() {
        Form::Id(id) => {
            if &*id.name() != "_" && ellipsis(pattern).is_none() && !names.contains(id) {
                names.push(*id);
            }
        }
        Form::Atom(_) | Form::Opaque(_) => {}
        Form::Vector(items) => items.iter().for_each(|item| variables(item, scope, names)),
        Form::List(items, tail) => {
            if tail.is_none()
                && !items.is_empty()
                && let Some(word) = word(&items[0], scope)
                && is_special(&word, items)
            {
                match &*word {
                    "quote" => {}
                    "quasiquote" => quasi_variables(&items[1], scope, names),
                    "and" | "or" | "not" => {
                        items[1..]
                            .iter()
                            .for_each(|item| variables(item, scope, names));
                    }
                    "@" | "object" => {
                        for clause in &items[2..] {
                            if let Some([_, pattern]) = clause.as_list() {
                                variables(pattern, scope, names);
                            }
                        }
                    }
                    "set!" | "get!" => variables(&items[1], scope, names),
                    _ => items[2..]
                        .iter()
                        .for_each(|item| variables(item, scope, names)),
                }
                return;
            }
            let special = (1..items.len())
                .find(|index| tail.is_none() && special_rest(&items[*index..], scope));
            if let Some(index) = special {
                items[..index]
                    .iter()
                    .for_each(|item| variables(item, scope, names));
                let rest = Stx::list(items[index..].to_vec(), pattern.span());
                return variables(&rest, scope, names);
            }
            items
                .iter()
                .filter(|item| item.as_id().is_none_or(|id| &*id.name() != "***"))
                .chain(tail)
                .for_each(|item| variables(item, scope, names));
        }
    }
}

fn quasi_variables(pattern: &Stx, scope: &Scope, names: &mut Vec<Id>) {
    match pattern.form() {
        Form::List(items, tail) => {
            if let (Some(word), 2) = (
                items.first().and_then(|item| word(item, scope)),
                items.len(),
            ) && matches!(&*word, "unquote" | "unquote-splicing")
            {
                variables(&items[1], scope, names);
                return;
            }
            items
                .iter()
                .chain(tail)
                .for_each(|item| quasi_variables(item, scope, names));
        }
        Form::Vector(items) => items
            .iter()
            .for_each(|item| quasi_variables(item, scope, names)),
        _ => {}
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "the state of one match, handed on"
)]
fn list<'s>(
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

/// Bind NAME to VALUE; when the pattern has bound it before, the test that the
/// two agree.
fn bind_or_compare(
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

fn provided(tests: Vec<Core>, body: Core, failure: &Failure) -> Core {
    tests
        .into_iter()
        .rev()
        .fold(body, |body, test| Core::if_(test, body, failure.core()))
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
