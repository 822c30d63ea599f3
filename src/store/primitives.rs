//! `(fruix native store)`: store paths and references.

use super::{Identity, Store, StorePath};
use crate::guile::natives::{Outcome, Raise};
use crate::guile::value::{
    Value, alist_value, handle, handle_value, list_value, pair_value, string, string_value, strings,
};
use std::path::Path;
use std::rc::Rc;

crate::natives! {
    outside;
    /// (%store-path-parse text) -> alist
    ///
    /// The parts of the store path TEXT: `hash`, `name`, `package`, and
    /// `version`, `output` and `below`, each #f when it has none.
    "%store-path-parse" (1) with inside => store_path_parse,
    /// (%store-path? text) -> boolean
    ///
    /// Whether TEXT is a store path.
    "%store-path?" (1) with inside => is_store_path,
    /// (%store-path-make kind name output payload) -> string
    ///
    /// The store path of what these four identify, in a scheme of our own.
    "%store-path-make" (4) with inside => store_path_make,
    /// (%store-told text origin) -> store
    ///
    /// The store that TEXT, from ORIGIN, tells of: a line with a store path is
    /// an item, indented lines after it hold what it refers to.
    "%store-told" (2) => store_told,
    /// (%store-items root) -> list of strings
    ///
    /// The store paths of the items in the store below ROOT, sorted. Here and
    /// below, ROOT may be a store that was told of.
    "%store-items" (1) => store_items,
    /// (%store-find root text) -> string
    ///
    /// The store path of the item that TEXT names.
    "%store-find" (2) => store_find,
    /// (%store-references root item) -> list of strings
    ///
    /// What ITEM refers to.
    "%store-references" (2) => store_references,
    /// (%store-all-references root) -> list of pairs
    ///
    /// Each item, and a list of what it refers to or, where that cannot be told,
    /// a string that says why.
    "%store-all-references" (1) => store_all_references,
    /// (%store-dead root roots) -> list of strings
    ///
    /// The items that none of ROOTS, store paths, leads to.
    "%store-dead" (2) => store_dead,
    /// (%store-referrers root item) -> pair of lists
    ///
    /// What refers to ITEM, and pairs of items of which that cannot be told and
    /// why.
    "%store-referrers" (2) => store_referrers,
    /// (%store-closure root item) -> list of strings
    ///
    /// ITEM and everything it leads to.
    "%store-closure" (2) => store_closure,
    /// (%store-why root item other) -> list of strings or #f
    ///
    /// A shortest chain of references from ITEM to OTHER.
    "%store-why" (3) => store_why,
    /// (%store-changes root before after) -> alist
    ///
    /// How the closures differ: `added`, `removed`, and `changed` as pairs.
    "%store-changes" (3) => store_changes,
}

fn path_value(base: &str) -> Value {
    string_value(format!("{}/{base}", super::STORE_DIRECTORY))
}

fn paths_value(bases: &[String]) -> Value {
    list_value(bases.iter().map(|base| path_value(base)).collect())
}

fn parse(text: &str) -> Result<StorePath, super::StoreError> {
    Ok(text.parse::<StorePath>()?)
}

/// The store that argument 1 is or names by its root.
fn store(name: &str, args: &[Value]) -> Result<Rc<Store>, Raise> {
    match handle::<Store>(name, args, 1) {
        Ok(store) => Ok(store),
        Err(_) => Ok(Rc::new(Store::below(Path::new(&string(name, args, 1)?)))),
    }
}

/// That store, and the item that argument POSITION names.
fn item(name: &str, args: &[Value], position: usize) -> Result<(Rc<Store>, String), Raise> {
    let store = store(name, args)?;
    let item = store.find(&string(name, args, position)?)?;
    Ok((store, item))
}

fn store_path_parse(args: &[Value]) -> Outcome {
    let path = parse(&string("%store-path-parse", args, 1)?)?;
    let optional = |text: Option<&str>| text.map_or(Value::BoolV(false), string_value);
    Ok(alist_value(vec![
        ("hash", string_value(path.hash())),
        ("name", string_value(path.name())),
        ("package", string_value(path.package())),
        ("version", optional(path.version())),
        ("output", optional(path.output())),
        ("below", optional(path.below())),
    ]))
}

fn is_store_path(args: &[Value]) -> Outcome {
    let text = string("%store-path?", args, 1)?;
    Ok(Value::BoolV(parse(&text).is_ok()))
}

fn store_path_make(args: &[Value]) -> Outcome {
    let field = |position| string("%store-path-make", args, position);
    let identity = Identity {
        kind: field(1)?,
        name: field(2)?,
        output: field(3)?,
        payload: field(4)?,
    };
    Ok(string_value(identity.path()?.to_string()))
}

fn store_items(args: &[Value]) -> Outcome {
    Ok(paths_value(&store("%store-items", args)?.items()?))
}

fn store_told(args: &[Value]) -> Outcome {
    let name = "%store-told";
    let store = Store::told(&string(name, args, 1)?, &string(name, args, 2)?);
    Ok(handle_value("store", store))
}

fn store_find(args: &[Value]) -> Outcome {
    let (_, item) = item("%store-find", args, 2)?;
    Ok(path_value(&item))
}

fn store_references(args: &[Value]) -> Outcome {
    let (store, item) = item("%store-references", args, 2)?;
    Ok(paths_value(&store.references(&item)?))
}

fn store_referrers(args: &[Value]) -> Outcome {
    let (store, item) = item("%store-referrers", args, 2)?;
    let referrers = store.referrers(&item)?;
    let unread = referrers
        .unread
        .iter()
        .map(|(item, error)| pair_value(path_value(item), string_value(error.to_string())));
    Ok(pair_value(
        paths_value(&referrers.items),
        list_value(unread.collect()),
    ))
}

fn store_all_references(args: &[Value]) -> Outcome {
    let all = store("%store-all-references", args)?.all_references()?;
    let values = all.into_iter().map(|(item, references)| {
        let told = match references {
            Ok(references) => paths_value(&references),
            Err(error) => string_value(error.to_string()),
        };
        pair_value(path_value(&item), told)
    });
    Ok(list_value(values.collect()))
}

fn store_dead(args: &[Value]) -> Outcome {
    let name = "%store-dead";
    let store = store(name, args)?;
    Ok(paths_value(&store.dead(&strings(name, args, 2)?)?))
}

fn store_closure(args: &[Value]) -> Outcome {
    let (store, item) = item("%store-closure", args, 2)?;
    Ok(paths_value(&store.closure(&item)?))
}

fn store_why(args: &[Value]) -> Outcome {
    let (store, from) = item("%store-why", args, 2)?;
    let (_, to) = item("%store-why", args, 3)?;
    let chain = store.why(&from, &to)?;
    Ok(chain.map_or(Value::BoolV(false), |chain| paths_value(&chain)))
}

fn store_changes(args: &[Value]) -> Outcome {
    let (store, before) = item("%store-changes", args, 2)?;
    let (_, after) = item("%store-changes", args, 3)?;
    let changes = store.changes(&before, &after)?;
    let changed = changes
        .changed
        .iter()
        .map(|(before, after)| pair_value(path_value(before), path_value(after)));
    Ok(alist_value(vec![
        ("added", paths_value(&changes.added)),
        ("removed", paths_value(&changes.removed)),
        ("changed", list_value(changed.collect())),
    ]))
}
