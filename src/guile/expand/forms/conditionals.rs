//! Forms that choose: `if`, `cond`, `case`, `and`, `or`, `when`, `unless`.
//!
//! Source: GNU Guile reference manual, "Conditionals"; R7RS, section 4.2.1.

use crate::expand::Expander;
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;
use crate::tree_il::{Core, Local};

pub(super) fn if_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, test, consequent]) => Ok(Core::if_(
            x.expand(test, scope)?,
            x.expand(consequent, scope)?,
            Core::Unspecified,
        )),
        Some([_, test, consequent, alternative]) => Ok(Core::if_(
            x.expand(test, scope)?,
            x.expand(consequent, scope)?,
            x.expand(alternative, scope)?,
        )),
        _ => Err(Trouble::no_match("if", stx)),
    }
}

pub(super) fn cond(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let clauses = stx
        .as_list()
        .ok_or_else(|| Trouble::no_match("cond", stx))?;
    if clauses.len() < 2 {
        return Err(Trouble::no_match("cond", stx));
    }
    cond_clauses(x, &clauses[1..], stx, scope)
}

fn cond_clauses(x: &mut Expander, clauses: &[Stx], stx: &Stx, scope: &Scope) -> Result<Core> {
    let mut made: Vec<Box<dyn FnOnce(Core) -> Core>> = Vec::new();
    let mut last = Core::Unspecified;
    for (index, clause) in clauses.iter().enumerate() {
        let items = clause
            .as_list()
            .filter(|items| !items.is_empty())
            .ok_or_else(|| Trouble::syntax("cond", "invalid clause", stx, Some(clause)))?;
        if x.is_word(&items[0], scope, "else") {
            if index + 1 != clauses.len() {
                return Err(Trouble::syntax(
                    "cond",
                    "else must be the last clause",
                    stx,
                    Some(clause),
                ));
            }
            if items.len() < 2 {
                return Err(Trouble::syntax("cond", "invalid clause", stx, Some(clause)));
            }
            last = Core::seq(x.expand_all(&items[1..], scope)?);
            break;
        }
        let test = x.expand(&items[0], scope)?;
        let span = clause.span();
        match &items[1..] {
            [] => {
                let value = Local::new(Id::named("t"));
                made.push(Box::new(move |rest| {
                    Core::Let(
                        vec![(value.clone(), test)],
                        Box::new(Core::if_(
                            Core::Local(value.clone()),
                            Core::Local(value),
                            rest,
                        )),
                    )
                }));
            }
            [arrow, receiver] if x.is_word(arrow, scope, "=>") => {
                let receiver = x.expand(receiver, scope)?;
                let value = Local::new(Id::named("t"));
                made.push(Box::new(move |rest| {
                    Core::Let(
                        vec![(value.clone(), test)],
                        Box::new(Core::if_(
                            Core::Local(value.clone()),
                            Core::call(receiver, vec![Core::Local(value)], span),
                            rest,
                        )),
                    )
                }));
            }
            // (TEST GUARD => RECEIVER), srfi-61
            [guard, arrow, receiver] if x.is_word(arrow, scope, "=>") => {
                let guard = x.expand(guard, scope)?;
                let receiver = x.expand(receiver, scope)?;
                let all = Local::of_values();
                let value = Local::new(Id::named("t"));
                let apply = Core::Global(x.core_variable("apply"), span);
                let to_list = Core::Global(x.core_variable("%values->list"), span);
                let apply_again = Core::Global(x.core_variable("apply"), span);
                made.push(Box::new(move |rest| {
                    let list = Core::call(to_list, vec![Core::Local(all.clone())], span);
                    let choice = Core::if_(
                        Core::call(apply, vec![guard, Core::Local(value.clone())], span),
                        Core::call(
                            apply_again,
                            vec![receiver, Core::Local(value.clone())],
                            span,
                        ),
                        rest,
                    );
                    Core::Let(
                        vec![(all, test)],
                        Box::new(Core::Let(vec![(value, list)], Box::new(choice))),
                    )
                }));
            }
            [arrow, ..] if x.is_word(arrow, scope, "=>") => {
                return Err(receivers("cond", stx, clause));
            }
            [_, arrow, ..] if x.is_word(arrow, scope, "=>") => {
                return Err(receivers("cond", stx, clause));
            }
            body => {
                let body = Core::seq(x.expand_all(body, scope)?);
                made.push(Box::new(move |rest| Core::if_(test, body, rest)));
            }
        }
    }
    Ok(made
        .into_iter()
        .rev()
        .fold(last, |rest, clause| clause(rest)))
}

fn receivers(who: &str, stx: &Stx, clause: &Stx) -> Trouble {
    Trouble::syntax(
        who,
        "wrong number of receiver expressions",
        stx,
        Some(clause),
    )
}

pub(super) fn case(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, key, clauses @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("case", stx));
    };
    if clauses.is_empty() {
        return Err(Trouble::no_match("case", stx));
    }
    let key = x.expand(key, scope)?;
    let value = Local::new(Id::named("key"));
    let mut made: Vec<(Core, Core)> = Vec::new();
    let mut last = Core::Unspecified;
    for (index, clause) in clauses.iter().enumerate() {
        let Some([data, body @ ..]) = clause.as_list() else {
            return Err(Trouble::syntax("case", "invalid clause", stx, Some(clause)));
        };
        let is_else = x.is_word(data, scope, "else");
        let data = match (is_else, data.as_list()) {
            (true, _) => &[][..],
            (false, Some(data)) => data,
            (false, None) => {
                return Err(Trouble::syntax("case", "invalid clause", stx, Some(clause)));
            }
        };
        let body = match body {
            [arrow, receiver] if x.is_word(arrow, scope, "=>") => {
                let receiver = x.expand(receiver, scope)?;
                Core::call(receiver, vec![Core::Local(value.clone())], clause.span())
            }
            [arrow, ..] if x.is_word(arrow, scope, "=>") => {
                return Err(receivers("case", stx, clause));
            }
            [] => return Err(Trouble::syntax("case", "invalid clause", stx, Some(clause))),
            body => Core::seq(x.expand_all(body, scope)?),
        };
        if is_else {
            if index + 1 != clauses.len() {
                return Err(Trouble::syntax(
                    "case",
                    "else must be the last clause",
                    stx,
                    Some(clause),
                ));
            }
            last = body;
            break;
        }
        let span = clause.span();
        // No string that a program holds is the one in the clause.
        let data: Vec<Stx> = data
            .iter()
            .filter(|datum| datum.as_string().is_none())
            .cloned()
            .collect();
        let test = match &data[..] {
            [] => Core::truth(false, span),
            [datum] => x.core_call(
                "eqv?",
                vec![Core::Local(value.clone()), Core::Constant(datum.clone())],
                span,
            ),
            data => x.core_call(
                "memv",
                vec![
                    Core::Local(value.clone()),
                    Core::Constant(Stx::list(data.to_vec(), span)),
                ],
                span,
            ),
        };
        made.push((test, body));
    }
    let body = made
        .into_iter()
        .rev()
        .fold(last, |rest, (test, body)| Core::if_(test, body, rest));
    Ok(Core::Let(vec![(value, key)], Box::new(body)))
}

pub(super) fn and(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let items = stx.as_list().ok_or_else(|| Trouble::no_match("and", stx))?;
    let mut forms = x.expand_all(&items[1..], scope)?;
    let Some(last) = forms.pop() else {
        return Ok(Core::truth(true, stx.span()));
    };
    Ok(forms.into_iter().rev().fold(last, |rest, form| {
        Core::if_(form, rest, Core::truth(false, stx.span()))
    }))
}

pub(super) fn or(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let items = stx.as_list().ok_or_else(|| Trouble::no_match("or", stx))?;
    let mut forms = x.expand_all(&items[1..], scope)?;
    let Some(last) = forms.pop() else {
        return Ok(Core::truth(false, stx.span()));
    };
    Ok(forms.into_iter().rev().fold(last, |rest, form| {
        let value = Local::new(Id::named("t"));
        Core::Let(
            vec![(value.clone(), form)],
            Box::new(Core::if_(
                Core::Local(value.clone()),
                Core::Local(value),
                rest,
            )),
        )
    }))
}

/// The test and the body of STX, a form of WHO's, `when` or `unless`.
fn one_armed(x: &mut Expander, who: &str, stx: &Stx, scope: &Scope) -> Result<(Core, Core)> {
    match stx.as_list() {
        Some([_, test, body @ ..]) if !body.is_empty() => {
            let test = x.expand(test, scope)?;
            Ok((test, Core::seq(x.expand_all(body, scope)?)))
        }
        _ => Err(Trouble::no_match(who, stx)),
    }
}

pub(super) fn when(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let (test, body) = one_armed(x, "when", stx, scope)?;
    Ok(Core::if_(test, body, Core::Unspecified))
}

pub(super) fn unless(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let (test, body) = one_armed(x, "unless", stx, scope)?;
    Ok(Core::if_(test, Core::Unspecified, body))
}
