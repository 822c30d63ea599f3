//! Which variables a pattern binds.

use super::patterns::{ellipsis, is_special, special_rest, word};
use crate::namespace::scope::Scope;
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};

/// The names that PATTERN binds.
pub(super) fn variables(pattern: &Stx, scope: &Scope, names: &mut Vec<Id>) {
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
