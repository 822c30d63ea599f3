//! What a procedure takes, as its text says it.

use crate::guile::tree::Tree;
use std::rc::Rc;

/// How many arguments a procedure takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    pub required: usize,
    /// The most; nothing when there is no such number.
    pub most: Option<usize>,
}

impl Arity {
    /// Whether COUNT arguments fit.
    pub fn takes(self, count: usize) -> bool {
        count >= self.required && self.most.is_none_or(|most| count <= most)
    }
}

/// The parameters of a procedure.
#[derive(Clone, Debug)]
pub struct Formals {
    pub arity: Arity,
    /// The names that are bound, and the expressions that they are given by default: each
    /// of these sees the names before it.
    pub parameters: Vec<Parameter>,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Tree,
    pub default: Option<Tree>,
}

impl Parameter {
    pub fn text(&self) -> &Rc<str> {
        self.name.as_symbol().expect("only symbols are taken in")
    }
}

impl Formals {
    /// The formals that TREE writes, of `lambda` and of `lambda*` alike; nothing when it is
    /// none.
    pub fn of(tree: &Tree) -> Option<Formals> {
        if tree.as_symbol().is_some() {
            return Some(Formals {
                arity: Arity {
                    required: 0,
                    most: None,
                },
                parameters: vec![plain(tree)],
            });
        }
        let (items, tail) = tree.as_pairs()?;
        Formals::of_parts(items, tail)
    }

    /// The formals that are ITEMS, with TAIL behind the dot.
    pub fn of_parts(items: &[Tree], tail: Option<&Tree>) -> Option<Formals> {
        let mut parameters = Vec::new();
        let (mut required, mut optional, mut rest) = (0, 0, tail.is_some());
        let mut part = "";
        for item in items {
            if let Some(keyword) = item.as_keyword() {
                match keyword {
                    "optional" => part = "optional",
                    "key" => (part, rest) = ("key", true),
                    "rest" => (part, rest) = ("rest", true),
                    "allow-other-keys" => rest = true,
                    _ => return None,
                }
                continue;
            }
            if item.as_symbol().is_some() {
                parameters.push(plain(item));
            } else {
                let parts = item.as_list()?;
                parts.first()?.as_symbol()?;
                if part.is_empty() {
                    return None;
                }
                parameters.push(Parameter {
                    name: parts[0].clone(),
                    default: parts.get(1).cloned(),
                });
            }
            match part {
                "" => required += 1,
                "optional" => optional += 1,
                _ => {}
            }
        }
        if let Some(tail) = tail {
            tail.as_symbol()?;
            parameters.push(plain(tail));
        }
        Some(Formals {
            arity: Arity {
                required,
                most: (!rest).then_some(required + optional),
            },
            parameters,
        })
    }
}

fn plain(name: &Tree) -> Parameter {
    Parameter {
        name: name.clone(),
        default: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guile::tree::trees;

    #[test]
    fn formals_say_how_many_arguments_fit() {
        for (text, required, most) in [
            ("()", 0, Some(0)),
            ("(a b)", 2, Some(2)),
            ("(a . b)", 1, None),
            ("all", 0, None),
            ("(a #:optional b (c 1))", 1, Some(3)),
            ("(a #:key (b 1) c)", 1, None),
            ("(a #:optional b #:rest c)", 1, None),
        ] {
            let formals = Formals::of(&trees(text).0[0]).unwrap();
            assert_eq!(formals.arity, Arity { required, most }, "{text}");
        }
        for text in ["(a 1)", "((a 1))", "(a . 1)", "\"a\"", "(#:what a)"] {
            assert!(Formals::of(&trees(text).0[0]).is_none(), "{text}");
        }
    }
}
