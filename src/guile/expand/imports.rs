//! What `use-modules`, `define-module` and `import` say: imports and exports.

use crate::data::errors;
use crate::data::native::Raise;
use crate::data::roots::Root;
use crate::data::tables::HashMap;
use crate::data::value::{Value, list_value, string_value};
use crate::expand::Expander;
use crate::namespace::modules::{Import, Module, Name, Progress};
use crate::namespace::names::module_name;
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};

/// `#:export` and, as old code writes it, `:export`.
pub fn option_keyword(stx: &Stx) -> Option<String> {
    stx.as_keyword().or_else(|| {
        stx.as_id()
            .and_then(|id| id.name().strip_prefix(':').map(str::to_owned))
    })
}

pub fn need(x: &Expander, name: Name) -> Result<Module> {
    x.world.loaded(&name).ok_or(Trouble::NeedModule(name))
}

/// What `(use-modules SPEC)` imports.
pub fn import_of(x: &mut Expander, spec: &Stx, scope: &Scope) -> Result<Import> {
    let bad =
        |part: Option<&Stx>| Trouble::syntax("use-modules", "bad module specification", spec, part);
    let items = spec
        .as_list()
        .filter(|items| !items.is_empty())
        .ok_or_else(|| bad(None))?;
    if items[0].as_list().is_none() {
        let module = need(x, module_name(spec)?)?;
        return Ok(Import::all(module));
    }
    let module = need(x, module_name(&items[0])?)?;
    let mut import = Import::all(module);
    let mut rest = items[1..].iter();
    while let Some(item) = rest.next() {
        let keyword = option_keyword(item).ok_or_else(|| bad(Some(item)))?;
        let value = rest.next().ok_or_else(|| bad(Some(item)))?;
        match keyword.as_str() {
            "select" => {
                let mut select = HashMap::default();
                for entry in value.as_list().ok_or_else(|| bad(Some(value)))? {
                    let (there, here) = renamed(entry).ok_or_else(|| bad(Some(entry)))?;
                    let whole = import.module.progress.get() == Progress::Ready;
                    if whole && import.module.exported_itself(there).is_none() {
                        return Err(Trouble::Raise(no_binding(there, &import.module)));
                    }
                    select.insert(here, there);
                }
                import.select = Some(select);
            }
            "hide" => {
                for entry in value.as_list().ok_or_else(|| bad(Some(value)))? {
                    import
                        .hide
                        .push(entry.as_id().ok_or_else(|| bad(Some(entry)))?.base());
                }
            }
            "prefix" => {
                import.prefix = Some(
                    value
                        .as_id()
                        .ok_or_else(|| bad(Some(value)))?
                        .name()
                        .to_string(),
                );
            }
            "renamer" => rename_all(x, &mut import, value, scope)?,
            "version" => {
                let wanted: Vec<isize> = value
                    .as_list()
                    .unwrap_or_default()
                    .iter()
                    .filter_map(integer_of)
                    .collect();
                let version = import.module.version.borrow();
                if !version.is_empty() && !version.starts_with(&wanted) {
                    return Err(Trouble::Raise(wrong_version(&import.module)));
                }
            }
            _ => return Err(bad(Some(item))),
        }
    }
    Ok(import)
}

pub fn integer_of(stx: &Stx) -> Option<isize> {
    match stx.form() {
        Form::Atom(Value::IntV(number)) => Some(*number),
        _ => None,
    }
}

/// `NAME` or `(NAME . HERE)`: the name there and the name here.
fn renamed(entry: &Stx) -> Option<(Id, Id)> {
    match entry.form() {
        Form::Id(id) => Some((id.base(), id.base())),
        Form::List(items, Some(here)) if items.len() == 1 => {
            Some((items[0].as_id()?.base(), here.as_id()?.base()))
        }
        _ => None,
    }
}

/// Apply the procedure that VALUE evaluates to, to every name.
fn rename_all(x: &mut Expander, import: &mut Import, value: &Stx, scope: &Scope) -> Result<()> {
    let procedure = Root::of(&x.evaluate_now(value, scope)?);
    let names: Vec<(Id, Id)> = match &import.select {
        Some(select) => select.iter().map(|(here, there)| (*here, *there)).collect(),
        None => import
            .module
            .exported_names()
            .into_iter()
            .map(|name| (name, name))
            .collect(),
    };
    let mut select = HashMap::default();
    for (here, there) in names {
        let renamed = x
            .machine
            .call(procedure.value().clone(), vec![here.symbol()])
            .map_err(Trouble::Raise)?;
        if let Value::SymbolV(name) = renamed {
            select.insert(Id::named(name.as_str()), there);
        }
    }
    import.select = Some(select);
    Ok(())
}

/// What Guile throws for a module whose version is not the one that is wanted.
fn wrong_version(module: &Module) -> Raise {
    Raise::throw(
        "misc-error",
        vec![
            Value::BoolV(false),
            string_value("incompatible module version already loaded: ~S"),
            list_value(vec![list_value(
                module.name.iter().map(|word| word.symbol()).collect(),
            )]),
            Value::BoolV(false),
        ],
    )
}

fn no_binding(name: Id, module: &Module) -> Raise {
    Raise::throw(
        "unbound-variable",
        vec![
            string_value("resolve-interface"),
            string_value("no binding `~A' in module ~A"),
            list_value(vec![
                name.symbol(),
                list_value(module.name.iter().map(|word| word.symbol()).collect()),
            ]),
            Value::BoolV(false),
        ],
    )
}

/// `#:autoload MODULE (NAME …)`: the names are there; the module is loaded when one is used.
pub fn autoload(x: &mut Expander, spec: &Stx, names: &Stx) -> Result<Import> {
    let name = module_name(spec)?;
    let loaded = x.world.loaded(&name);
    let is_loaded = loaded.is_some();
    let names: Vec<Id> = names
        .as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.as_id().map(Id::base))
        .collect();
    let mut import = Import::autoload(loaded.unwrap_or_else(|| Module::new(name)), &names);
    import.autoload = !is_loaded;
    Ok(import)
}

/// An import set of R6RS and R7RS.
pub fn import_set(x: &mut Expander, set: &Stx) -> Result<Import> {
    let bad = || Trouble::syntax("import", "bad import set", set, None);
    let items = set
        .as_list()
        .filter(|items| !items.is_empty())
        .ok_or_else(bad)?;
    let head = items[0].as_id().map(Id::name);
    let nested = items.get(1).is_some_and(|inner| inner.as_list().is_some());
    match head.as_deref() {
        Some("only") if nested => {
            let import = import_set(x, &items[1])?;
            let wanted: Vec<Id> = items[2..]
                .iter()
                .filter_map(Stx::as_id)
                .map(Id::base)
                .collect();
            let map = name_map(&import);
            let mut select = HashMap::default();
            for name in wanted {
                let there = *map
                    .get(&name)
                    .ok_or_else(|| Trouble::Raise(no_binding(name, &import.module)))?;
                select.insert(name, there);
            }
            Ok(selected(import, select))
        }
        Some("except") if nested => {
            let import = import_set(x, &items[1])?;
            let mut map = name_map(&import);
            for name in items[2..].iter().filter_map(Stx::as_id) {
                map.remove(&name.base());
            }
            Ok(selected(import, map))
        }
        Some("prefix") if nested => {
            let import = import_set(x, &items[1])?;
            let prefix = items.get(2).and_then(Stx::as_id).ok_or_else(bad)?.name();
            let map = name_map(&import)
                .into_iter()
                .map(|(here, there)| (Id::named(&format!("{prefix}{}", here.name())), there))
                .collect();
            Ok(selected(import, map))
        }
        Some("rename") if nested => {
            let import = import_set(x, &items[1])?;
            let mut map = name_map(&import);
            for pair in &items[2..] {
                let Some([from, to]) = pair.as_list() else {
                    return Err(bad());
                };
                let (from, to) = (
                    from.as_id().ok_or_else(bad)?.base(),
                    to.as_id().ok_or_else(bad)?.base(),
                );
                if let Some(there) = map.remove(&from) {
                    map.insert(to, there);
                }
            }
            Ok(selected(import, map))
        }
        Some("for") if nested => import_set(x, &items[1]),
        Some("library") if nested => Ok(Import::all(need(x, module_name(&items[1])?)?)),
        _ => Ok(Import::all(need(x, module_name(set)?)?)),
    }
}

fn name_map(import: &Import) -> HashMap<Id, Id> {
    match &import.select {
        Some(select) => select.clone(),
        None => import
            .module
            .exported_names()
            .into_iter()
            .map(|name| (name, name))
            .collect(),
    }
}

fn selected(mut import: Import, select: HashMap<Id, Id>) -> Import {
    import.select = Some(select);
    import
}

/// The names that MODULE says it exports of others are others': what has no meaning in
/// it, or one of its own, is an error. What is still being loaded is trusted.
pub fn check_re_exports(module: &Module, names: &[Stx]) -> Result<()> {
    if module.of_language.get() || module.imports_are_coming() {
        return Ok(());
    }
    let named = names.iter().filter_map(|entry| match entry.form() {
        Form::Id(id) => Some(*id),
        Form::List(items, _) => items.first()?.as_id(),
        _ => None,
    });
    for name in named {
        let problem = match (module.lookup_own(name), module.lookup(name)) {
            (Some(_), _) => "re-exporting local variable: ~S",
            (None, None) => "Undefined variable: ~S",
            (None, Some(_)) => continue,
        };
        return Err(Trouble::Raise(errors::misc_without_procedure(
            problem,
            vec![name.symbol()],
        )));
    }
    Ok(())
}

pub fn export_names(module: &Module, names: &[Stx], form: &Stx) -> Result<()> {
    for entry in names {
        match entry.form() {
            Form::Id(id) => module.export(*id, id.base()),
            Form::List(items, Some(external)) if items.len() == 1 => {
                match (items[0].as_id(), external.as_id()) {
                    (Some(internal), Some(external)) => module.export(internal, external.base()),
                    _ => return Err(Trouble::syntax("export", "bad export", form, Some(entry))),
                }
            }
            Form::Atom(_) => {}
            _ => return Err(Trouble::syntax("export", "bad export", form, Some(entry))),
        }
    }
    Ok(())
}

pub fn replace_names(module: &Module, names: &[Stx]) {
    let mut replaces = module.replaces.borrow_mut();
    replaces.extend(names.iter().filter_map(Stx::as_id).map(Id::base));
}
