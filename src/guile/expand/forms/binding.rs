//! Forms that bind variables: `let` in all its kinds, `receive`, `parameterize`.
//!
//! Source: GNU Guile reference manual, "Binding Constructs"; SRFI 8, SRFI 11.

use super::check_distinct;
use crate::expand::Expander;
use crate::expand::definitions::plain_formals;
use crate::namespace::scope::Scope;
use crate::syntax::error::{self, Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Local};
use std::rc::Rc;

/// The names and values of `((NAME VALUE) …)`.
fn bindings(list: &Stx, who: &str, stx: &Stx) -> Result<Vec<(Id, Stx)>> {
    let message = match who {
        "let*" => error::NO_MATCH.to_owned(),
        who => format!("bad {who}"),
    };
    let bad = || Trouble::syntax(who, &message, stx, None);
    list.as_list()
        .ok_or_else(bad)?
        .iter()
        .map(|binding| match binding.as_list() {
            Some([name, value]) => Ok((name.as_id().ok_or_else(bad)?, value.clone())),
            _ => Err(bad()),
        })
        .collect()
}

pub(super) fn let_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, name, list, body @ ..]) if name.as_id().is_some() && !body.is_empty() => {
            let name = name.as_id().ok_or_else(|| Trouble::no_match("let", stx))?;
            named_let(x, name, list, body, stx, scope)
        }
        Some([_, list, body @ ..]) if !body.is_empty() => {
            let pairs = bindings(list, "let", stx)?;
            check_distinct(pairs.iter().map(|(id, _)| id), "let", stx)?;
            let inner = scope.inner();
            let mut made = Vec::with_capacity(pairs.len());
            for (id, value) in pairs {
                let value = x.expand_named(&value, scope, id)?;
                made.push((id, value));
            }
            let made = made
                .into_iter()
                .map(|(id, value)| (x.bind_local(id, &inner), value))
                .collect();
            let body = x.body(body, &inner.inner(), stx)?;
            Ok(Core::let_(made, body))
        }
        _ => Err(Trouble::syntax("let", "bad let", stx, None)),
    }
}

fn named_let(
    x: &mut Expander,
    name: Id,
    list: &Stx,
    body: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let pairs = bindings(list, "let", stx)?;
    check_distinct(pairs.iter().map(|(id, _)| id), "let", stx)?;
    let mut operands = Vec::with_capacity(pairs.len());
    for (id, value) in &pairs {
        operands.push(x.expand_named(value, scope, *id)?);
    }
    let outer = scope.inner();
    let procedure = x.bind_local(name, &outer);
    let inner = outer.inner();
    let parameters = pairs
        .iter()
        .map(|(id, _)| x.bind_local(*id, &inner))
        .collect();
    let body = x.body(body, &inner.inner(), stx)?;
    let lambda = Core::lambda(parameters, None, body, stx.span());
    if let Core::Lambda(lambda) = &lambda {
        *lambda.name.borrow_mut() = Some(name);
    }
    Ok(Core::Letrec(
        vec![(procedure.clone(), lambda)],
        Box::new(Core::call(Core::Local(procedure), operands, stx.span())),
    ))
}

pub(super) fn let_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("let*", stx));
    };
    if body.is_empty() {
        return Err(Trouble::no_match("let*", stx));
    }
    let mut scope = scope.clone();
    let mut made = Vec::new();
    for (id, value) in bindings(list, "let*", stx)? {
        let value = x.expand_named(&value, &scope, id)?;
        scope = scope.inner();
        made.push((x.bind_local(id, &scope), value));
    }
    let body = x.body(body, &scope.inner(), stx)?;
    Ok(made.into_iter().rev().fold(body, |body, binding| {
        Core::Let(vec![binding], Box::new(body))
    }))
}

pub(super) fn letrec(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    letrec_form(x, stx, scope, "letrec")
}

pub(super) fn letrec_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    letrec_form(x, stx, scope, "letrec*")
}

fn letrec_form(x: &mut Expander, stx: &Stx, scope: &Scope, who: &str) -> Result<Core> {
    let bad = || Trouble::syntax(who, &format!("bad {who}"), stx, None);
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(bad());
    };
    if body.is_empty() {
        return Err(bad());
    }
    let pairs = bindings(list, who, stx)?;
    check_distinct(pairs.iter().map(|(id, _)| id), who, stx)?;
    let inner = scope.inner();
    let locals: Vec<_> = pairs
        .iter()
        .map(|(id, _)| x.bind_local(*id, &inner))
        .collect();
    let mut made = Vec::with_capacity(pairs.len());
    for ((id, value), local) in pairs.iter().zip(locals) {
        made.push((local, x.expand_named(value, &inner, *id)?));
    }
    let body = x.body(body, &inner.inner(), stx)?;
    if made.is_empty() {
        return Ok(body);
    }
    let star = who == "letrec*";
    let plain = |value: &Core| matches!(value, Core::Lambda(_));
    let needs_order = |value: &Core| !matches!(value, Core::Lambda(_) | Core::Constant(_));
    let others = made.iter().filter(|(_, value)| !plain(value)).count();
    if star || others < 2 || !made.iter().any(|(_, value)| needs_order(value)) {
        return Ok(Core::Letrec(made, Box::new(body)));
    }
    // All values come first, so that a continuation that enters one again
    // finds the variables as they were.
    let (plain, rest): (Vec<_>, Vec<_>) = made.into_iter().partition(|(_, value)| plain(value));
    let mut bindings: Vec<_> = rest
        .iter()
        .map(|(local, _)| (local.clone(), Core::Machine("%%unset")))
        .collect();
    bindings.extend(plain);
    let mut values = Vec::new();
    let mut forms = Vec::new();
    for (local, value) in rest {
        local.assigned.set(true);
        let given = Local::new(local.name);
        forms.push(Core::SetLocal(local, Box::new(Core::Local(given.clone()))));
        values.push((given, value));
    }
    forms.push(body);
    Ok(Core::Letrec(
        bindings,
        Box::new(Core::Let(values, Box::new(Core::seq(forms)))),
    ))
}

/// Bind FORMALS in INNER to the values of VALUE, an expression in SCOPE.
fn bind_values(
    x: &mut Expander,
    formals: &Stx,
    value: &Stx,
    scope: &Scope,
    inner: &Scope,
    stx: &Stx,
) -> Result<Vec<(Rc<Local>, Core)>> {
    let (ids, rest) = plain_formals(formals)
        .ok_or_else(|| Trouble::syntax("let-values", "bad formals", stx, Some(formals)))?;
    let value = x.expand(value, scope)?;
    let all = Local::of_values();
    let mut made = vec![(all.clone(), value)];
    let locals = ids
        .iter()
        .map(|id| x.bind_local(*id, inner))
        .collect::<Vec<_>>();
    let rest = rest.map(|id| x.bind_local(id, inner));
    if locals.is_empty() && rest.is_none() {
        // Nothing is bound, but the count is checked all the same.
        let check = x.core_call("%values-none", vec![Core::Local(all.clone())], stx.span());
        made.push((Local::new(Id::named("_")), check));
    }
    x.values_bindings(&all, locals, rest, stx.span(), &mut made);
    Ok(made)
}

fn nest(bindings: Vec<(Rc<Local>, Core)>, body: Core) -> Core {
    bindings.into_iter().rev().fold(body, |body, binding| {
        Core::Let(vec![binding], Box::new(body))
    })
}

pub(super) fn let_values(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("let-values", stx));
    };
    let inner = scope.inner();
    let mut made = Vec::new();
    for clause in list
        .as_list()
        .ok_or_else(|| Trouble::no_match("let-values", stx))?
    {
        let Some([formals, value]) = clause.as_list() else {
            return Err(Trouble::no_match("let-values", stx));
        };
        // Values are expanded in SCOPE, names go to INNER: they do not see each other.
        made.extend(bind_values(x, formals, value, scope, &inner, stx)?);
    }
    let body = x.body(body, &inner.inner(), stx)?;
    Ok(nest(made, body))
}

pub(super) fn let_star_values(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("let*-values", stx));
    };
    let mut scope = scope.clone();
    let mut made = Vec::new();
    for clause in list
        .as_list()
        .ok_or_else(|| Trouble::no_match("let*-values", stx))?
    {
        let Some([formals, value]) = clause.as_list() else {
            return Err(Trouble::no_match("let*-values", stx));
        };
        let inner = scope.inner();
        made.extend(bind_values(x, formals, value, &scope, &inner, stx)?);
        scope = inner;
    }
    let body = x.body(body, &scope.inner(), stx)?;
    Ok(nest(made, body))
}

pub(super) fn receive(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, formals, value, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("receive", stx));
    };
    let inner = scope.inner();
    let made = bind_values(x, formals, value, scope, &inner, stx)?;
    let body = x.body(body, &inner.inner(), stx)?;
    Ok(nest(made, body))
}

pub(super) fn thunk(x: &mut Expander, body: &[Stx], stx: &Stx, scope: &Scope) -> Result<Core> {
    let body = x.body(body, &scope.inner(), stx)?;
    Ok(Core::lambda(Vec::new(), None, body, stx.span()))
}

pub(super) fn parameterize(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("parameterize", stx));
    };
    let span = stx.span();
    let mut pairs = Vec::new();
    for binding in list
        .as_list()
        .ok_or_else(|| Trouble::no_match("parameterize", stx))?
    {
        let Some([parameter, value]) = binding.as_list() else {
            return Err(Trouble::no_match("parameterize", stx));
        };
        let operands = vec![x.expand(parameter, scope)?, x.expand(value, scope)?];
        pairs.push(x.core_call("cons", operands, span));
    }
    let body = thunk(x, body, stx, scope)?;
    let pairs = x.core_call("list", pairs, span);
    Ok(x.core_call("%parameterize", vec![pairs, body], span))
}
