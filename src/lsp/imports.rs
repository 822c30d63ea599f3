//! What a text imports, and by which names it sees that.
//!
//! Source: GNU Guile reference manual, "Using Guile Modules"; R6RS, 7.1; R7RS, 5.2.

use super::library::Name;
use crate::guile::tree::{Shape, Tree};
use std::ops::Range;
use std::rc::Rc;

/// One module that a text imports.
#[derive(Clone, Debug)]
pub struct Import {
    pub module: Name,
    /// Where the module's name stands.
    pub place: Range<usize>,
    /// What is done with the names that the module exports, in this order.
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug)]
pub enum Filter {
    /// These, by other names.
    Only(Vec<Renamed>),
    Except(Vec<Rc<str>>),
    Rename(Vec<Renamed>),
    Prefix(Rc<str>),
    /// A procedure computes the names.
    Unknown,
}

/// A name, and the one that it gets.
#[derive(Clone, Debug)]
pub struct Renamed {
    pub from: Rc<str>,
    pub to: Rc<str>,
    /// Where the first stands.
    pub place: Range<usize>,
}

impl Import {
    /// Whether the names that are seen follow from those that are exported.
    pub fn is_known(&self) -> bool {
        !self
            .filters
            .iter()
            .any(|filter| matches!(filter, Filter::Unknown))
    }

    /// By which name the text sees what the module exports as NAME, if it does.
    pub fn seen_as(&self, name: &Rc<str>) -> Option<Rc<str>> {
        let mut seen = name.clone();
        for filter in &self.filters {
            match filter {
                Filter::Only(names) => {
                    seen = names.iter().find(|name| name.from == seen)?.to.clone();
                }
                Filter::Except(names) => {
                    if names.contains(&seen) {
                        return None;
                    }
                }
                Filter::Rename(names) => {
                    if let Some(name) = names.iter().find(|name| name.from == seen) {
                        seen = name.to.clone();
                    }
                }
                Filter::Prefix(prefix) => seen = format!("{prefix}{seen}").into(),
                Filter::Unknown => return None,
            }
        }
        Some(seen)
    }

    /// The names that are asked for one by one, where the first filter does that.
    pub fn asked_for(&self) -> &[Renamed] {
        match self.filters.first() {
            Some(Filter::Only(names)) => names,
            _ => &[],
        }
    }
}

/// The words of the module's name that TREE is: numbers stand for versions, and for
/// SRFIs, `(srfi 1)`.
pub fn module_name(tree: &Tree, text: &str) -> Option<Name> {
    let mut name = Name::new();
    for word in tree.as_list()? {
        match word.shape() {
            Shape::Symbol(word) => name.push(word.to_string()),
            Shape::Other => name.push(text.get(word.start()..word.end())?.to_owned()),
            Shape::List(..) => break,
            _ => return None,
        }
    }
    if let [first, second, ..] = &mut name[..]
        && first == "srfi"
    {
        let number = second.trim_start_matches(':');
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            *second = format!("srfi-{number}");
            name.truncate(2);
        }
    }
    (!name.is_empty()).then_some(name)
}

/// The import that TREE says in `use-modules` or behind `#:use-module`: a module's name, or
/// a list that begins with one.
pub fn of_guile(tree: &Tree, text: &str) -> Option<Import> {
    let items = tree.as_list()?;
    let first = items.first()?;
    if first.as_list().is_none() {
        return plain(tree, text);
    }
    let mut import = plain(first, text)?;
    let mut prefix = None;
    for pair in items[1..].chunks(2) {
        let [option, value] = pair else { return None };
        match (
            option
                .as_keyword()
                .or(option.as_symbol().map(|name| &**name))?,
            value,
        ) {
            ("select" | ":select", value) => {
                import.filters.insert(0, Filter::Only(renamed(value)?));
            }
            ("hide" | ":hide", value) => import.filters.push(Filter::Except(names(value)?)),
            ("prefix" | ":prefix", value) => {
                prefix = Some(Filter::Prefix(value.as_symbol()?.clone()))
            }
            ("renamer" | ":renamer", value) => prefix = Some(renamer(value)),
            _ => {}
        }
    }
    import.filters.extend(prefix);
    Some(import)
}

/// What `#:renamer VALUE` does.
fn renamer(value: &Tree) -> Filter {
    match value.as_list() {
        Some([word, quoted])
            if word
                .as_symbol()
                .is_some_and(|word| &**word == "symbol-prefix-proc") =>
        {
            quoted
                .as_list()
                .and_then(|quoted| quoted.get(1)?.as_symbol())
                .map_or(Filter::Unknown, |prefix| Filter::Prefix(prefix.clone()))
        }
        _ => Filter::Unknown,
    }
}

/// The import set that TREE says in `import`.
pub fn of_report(tree: &Tree, text: &str) -> Option<Import> {
    let items = tree.as_list()?;
    let word = items.first()?.as_symbol().map(|word| &**word);
    if let (
        Some(word @ ("only" | "except" | "prefix" | "rename" | "library" | "for")),
        Some(inner),
    ) = (word, items.get(1).filter(|inner| inner.as_list().is_some()))
    {
        let rest = &items[2..];
        let mut import = match word {
            "library" => plain(inner, text)?,
            _ => of_report(inner, text)?,
        };
        match word {
            "only" => import
                .filters
                .push(Filter::Only(rest.iter().map(same).collect::<Option<_>>()?)),
            "except" => import.filters.push(Filter::Except(
                rest.iter().map(symbol).collect::<Option<_>>()?,
            )),
            "prefix" => import.filters.push(Filter::Prefix(symbol(rest.first()?)?)),
            "rename" => import.filters.push(Filter::Rename(
                rest.iter().map(pair).collect::<Option<_>>()?,
            )),
            _ => {}
        }
        return Some(import);
    }
    // Guile's own way is understood there too.
    of_guile(tree, text)
}

fn plain(tree: &Tree, text: &str) -> Option<Import> {
    Some(Import {
        module: module_name(tree, text)?,
        place: tree.start()..tree.end(),
        filters: Vec::new(),
    })
}

/// The names that behind `#:autoload` stand for themselves.
pub fn of_autoload(module: &Tree, list: &Tree, text: &str) -> Option<Import> {
    let mut import = plain(module, text)?;
    import.filters.push(Filter::Only(renamed(list)?));
    Some(import)
}

fn names(tree: &Tree) -> Option<Vec<Rc<str>>> {
    tree.as_list()?.iter().map(symbol).collect()
}

/// Names, each of them a word or a pair of words.
fn renamed(tree: &Tree) -> Option<Vec<Renamed>> {
    tree.as_list()?
        .iter()
        .map(|item| same(item).or_else(|| pair(item)))
        .collect()
}

fn symbol(tree: &Tree) -> Option<Rc<str>> {
    tree.as_symbol().cloned()
}

fn same(tree: &Tree) -> Option<Renamed> {
    let name = symbol(tree)?;
    Some(Renamed {
        from: name.clone(),
        to: name,
        place: tree.start()..tree.end(),
    })
}

/// `(from to)`, or `(from . to)` as Guile has it.
fn pair(tree: &Tree) -> Option<Renamed> {
    let (from, to) = match tree.as_pairs()? {
        ([from, to], None) => (from, to),
        ([from], Some(to)) => (from, to),
        _ => return None,
    };
    Some(Renamed {
        from: symbol(from)?,
        to: symbol(to)?,
        place: from.start()..from.end(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guile::tree::trees;

    fn seen(import: &Import, names: &[&str]) -> Vec<String> {
        let names = names
            .iter()
            .filter_map(|name| import.seen_as(&Rc::from(*name)));
        names.map(|name| name.to_string()).collect()
    }

    #[test]
    fn names_are_seen_as_the_import_says() {
        for (text, module, expected) in [
            ("(a b)", "(a b)", vec!["x", "y", "z"]),
            ("((a b) #:select (x (y . w)))", "(a b)", vec!["x", "w"]),
            (
                "((a b) #:prefix p: #:hide (x))",
                "(a b)",
                vec!["p:y", "p:z"],
            ),
            (
                "((a b) #:select (x) #:renamer (symbol-prefix-proc 'q-))",
                "(a b)",
                vec!["q-x"],
            ),
        ] {
            let import = of_guile(&trees(text).0[0], text).unwrap();
            assert_eq!(super::super::library::written(&import.module), module);
            assert_eq!(seen(&import, &["x", "y", "z"]), expected, "{text}");
        }
        for (text, expected) in [
            ("(only (a b) x)", vec!["x"]),
            ("(prefix (except (a b) x) p-)", vec!["p-y", "p-z"]),
            ("(rename (a b) (x w))", vec!["w", "y", "z"]),
            ("(only)", vec!["x", "y", "z"]),
        ] {
            let import = of_report(&trees(text).0[0], text).unwrap();
            assert_eq!(seen(&import, &["x", "y", "z"]), expected, "{text}");
        }
        let import = of_guile(&trees("((a) #:renamer f)").0[0], "((a) #:renamer f)").unwrap();
        assert!(!import.is_known());
    }

    #[test]
    fn srfis_have_two_names() {
        for text in ["(srfi 1)", "(srfi :1 lists)", "(srfi srfi-1)"] {
            let name = module_name(&trees(text).0[0], text).unwrap();
            assert_eq!(name, ["srfi", "srfi-1"], "{text}");
        }
    }
}
