//! The patterns of `match`: which names they bind.
//!
//! Source: GNU Guile reference manual, "Pattern Matching".

use super::{LocalKind, Walk};
use crate::guile::tree::{Shape, Tree};

impl Walk<'_> {
    /// Bind the names of PATTERN in the innermost scope.
    pub(super) fn pattern(&mut self, pattern: &Tree) -> Option<()> {
        match pattern.shape() {
            Shape::Symbol(name) if is_mark(name) => {}
            Shape::Symbol(_) => self.bind(pattern, LocalKind::Variable)?,
            Shape::List(items, tail) => match (pattern.head().map(|word| &**word), tail) {
                (Some("quote"), None) if items.len() == 2 => {}
                (Some("quasiquote"), None) if items.len() == 2 => self.quasi_pattern(&items[1])?,
                (Some("?"), None) => {
                    self.expression(items.get(1)?);
                    items
                        .iter()
                        .skip(2)
                        .try_for_each(|item| self.pattern(item))?;
                }
                (Some("="), None) if items.len() == 3 => {
                    self.expression(&items[1]);
                    self.pattern(&items[2])?;
                }
                (Some("$" | "struct" | "@" | "object"), None) => {
                    self.expression(items.get(1)?);
                    for item in &items[2..] {
                        // (@ type (field pattern) …)
                        match (pattern.head().map(|word| &**word), item.as_list()) {
                            (Some("@" | "object"), Some([_, inner])) => self.pattern(inner)?,
                            _ => self.pattern(item)?,
                        }
                    }
                }
                (Some("and" | "or" | "not" | "get!" | "set!"), None) => {
                    items[1..].iter().try_for_each(|item| self.pattern(item))?;
                }
                _ => {
                    items
                        .iter()
                        .chain(tail)
                        .try_for_each(|item| self.pattern(item))?;
                }
            },
            Shape::Vector(items) => items.iter().try_for_each(|item| self.pattern(item))?,
            _ => {}
        }
        Some(())
    }

    /// Bind the names that are unquoted in PATTERN.
    fn quasi_pattern(&mut self, pattern: &Tree) -> Option<()> {
        match pattern.shape() {
            Shape::List(items, tail) => match pattern.head().map(|word| &**word) {
                Some("unquote" | "unquote-splicing") if items.len() == 2 => self.pattern(&items[1]),
                _ => items
                    .iter()
                    .chain(tail)
                    .try_for_each(|item| self.quasi_pattern(item)),
            },
            Shape::Vector(items) => items.iter().try_for_each(|item| self.quasi_pattern(item)),
            _ => Some(()),
        }
    }

    /// Look at (PATTERN BODY …) or (PATTERN (=> FAILURE) BODY …).
    pub(super) fn match_clause(&mut self, clause: &Tree) -> Option<()> {
        let (pattern, body) = clause.as_list()?.split_first()?;
        self.open(clause.end());
        self.pattern(pattern)?;
        let body = match body.split_first() {
            Some((first, rest)) if first.head().is_some_and(|word| &**word == "=>") => {
                self.bind(first.as_list()?.get(1)?, LocalKind::Variable)?;
                rest
            }
            _ => body,
        };
        self.body(body, clause.end());
        self.close();
        Some(())
    }
}

/// Whether NAME in a pattern stands for how often something is there, or for anything.
fn is_mark(name: &str) -> bool {
    let counted = |start: &str| {
        name.strip_prefix(start)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(
        name,
        "_" | "..." | "___" | "***" | "**1" | "..=" | "..*" | "=.."
    ) || counted("..")
        || counted("__")
}
