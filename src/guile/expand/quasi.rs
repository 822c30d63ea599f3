//! `quasiquote`.

use crate::expand::Expander;
use crate::expand::forms::is_core_form;
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::Core;

pub fn quasiquote(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, template]) => fill(x, template, 0, scope),
        _ => Err(Trouble::syntax("quasiquote", "bad form", stx, None)),
    }
}

/// TEMPLATE has nothing to be filled in?
fn is_constant(x: &Expander, template: &Stx, scope: &Scope) -> bool {
    match template.form() {
        Form::List(items, tail) => {
            !(!items.is_empty()
                && (x.is_word(&items[0], scope, "unquote")
                    || x.is_word(&items[0], scope, "unquote-splicing")))
                && items
                    .iter()
                    .chain(tail)
                    .all(|item| is_constant(x, item, scope))
                && !has_dotted_unquote(x, items, scope)
        }
        Form::Vector(items) => items.iter().all(|item| is_constant(x, item, scope)),
        _ => true,
    }
}

/// `(a . ,b)` reads as `(a unquote b)`.
fn has_dotted_unquote(x: &Expander, items: &[Stx], scope: &Scope) -> bool {
    items.len() > 2 && x.is_word(&items[items.len() - 2], scope, "unquote")
}

fn fill(x: &mut Expander, template: &Stx, depth: usize, scope: &Scope) -> Result<Core> {
    if is_constant(x, template, scope) {
        return Ok(Core::Constant(template.clone()));
    }
    let span = template.span();
    match template.form() {
        Form::Vector(items) => {
            let list = fill_list(x, items, None, template, depth, scope)?;
            Ok(x.core_call("list->vector", vec![list], span))
        }
        Form::List(items, tail) => {
            if tail.is_none() && items.len() == 2 {
                if x.is_word(&items[0], scope, "unquote") {
                    if depth == 0 {
                        return x.expand(&items[1], scope);
                    }
                    return rebuild(x, items, template, depth - 1, scope);
                }
                if x.is_word(&items[0], scope, "quasiquote") || is_quasiquote(x, &items[0], scope) {
                    return rebuild(x, items, template, depth + 1, scope);
                }
            }
            fill_list(x, items, tail.as_ref(), template, depth, scope)
        }
        _ => Ok(Core::Constant(template.clone())),
    }
}

fn is_quasiquote(_x: &Expander, stx: &Stx, scope: &Scope) -> bool {
    let Some(id) = stx.as_id() else { return false };
    scope
        .lookup(id)
        .is_some_and(|binding| is_core_form(&binding, "quasiquote"))
}

fn rebuild(
    x: &mut Expander,
    items: &[Stx],
    template: &Stx,
    depth: usize,
    scope: &Scope,
) -> Result<Core> {
    let head = Core::Constant(items[0].clone());
    let inner = fill(x, &items[1], depth, scope)?;
    Ok(x.core_call("list", vec![head, inner], template.span()))
}

fn fill_list(
    x: &mut Expander,
    items: &[Stx],
    tail: Option<&Stx>,
    template: &Stx,
    depth: usize,
    scope: &Scope,
) -> Result<Core> {
    let span = template.span();
    let dotted = tail.is_none() && has_dotted_unquote(x, items, scope);
    let (items, mut result) = if dotted {
        let last = &items[items.len() - 1];
        let value = if depth == 0 {
            x.expand(last, scope)?
        } else {
            let inner = fill(x, last, depth - 1, scope)?;
            let word = Core::Constant(items[items.len() - 2].clone());
            x.core_call("list", vec![word, inner], span)
        };
        (&items[..items.len() - 2], value)
    } else {
        let end = match tail {
            Some(tail) => fill(x, tail, depth, scope)?,
            None => Core::Constant(Stx::list(Vec::new(), span)),
        };
        (items, end)
    };
    for (index, item) in items.iter().enumerate().rev() {
        let splice = item
            .as_list()
            .filter(|parts| !parts.is_empty() && x.is_word(&parts[0], scope, "unquote-splicing"));
        let several = item.as_list().filter(|parts| {
            depth == 0
                && !parts.is_empty()
                && parts.len() != 2
                && x.is_word(&parts[0], scope, "unquote")
        });
        if let Some(parts) = several {
            for operand in x.expand_all(&parts[1..], scope)?.into_iter().rev() {
                result = x.core_call("cons", vec![operand, result], span);
            }
            continue;
        }
        result = match splice {
            Some(parts) if depth == 0 => {
                let mut operands = x.expand_all(&parts[1..], scope)?;
                let ends_here = index + 1 == items.len() && !dotted && tail.is_none();
                if ends_here && operands.len() == 1 {
                    // Guile shares the last spliced list as it is.
                    operands.remove(0)
                } else {
                    operands.push(result);
                    x.core_call("append", operands, span)
                }
            }
            Some(parts) => {
                let parts = parts.to_vec();
                let head = Core::Constant(parts[0].clone());
                let mut operands = vec![head];
                for part in &parts[1..] {
                    operands.push(fill(x, part, depth - 1, scope)?);
                }
                let item = x.core_call("list", operands, span);
                x.core_call("cons", vec![item, result], span)
            }
            None => {
                // `,a b` forms: (unquote a) inside a longer list is handled by `fill`.
                let item = fill(x, item, depth, scope)?;
                x.core_call("cons", vec![item, result], span)
            }
        };
    }
    Ok(result)
}
