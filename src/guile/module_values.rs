//! Modules as Scheme values, and the natives that ask them things.

use super::expander::scope::Binding;
use super::modules::{Import, Module, Name};
use super::natives::Outcome;
use super::pairs;
use super::syntax::Id;
use super::value::{self, Value, handle_value, list_value, string_value};
use super::world::world;
use std::cell::RefCell;
use std::collections::HashMap;

crate::natives! {
    /// (current-module) -> the module in which forms are evaluated now
    "current-module" (0) => current_module,
    /// (%set-current-module! module) -> the module that was current
    "%set-current-module!" (1) => set_current_module,
    /// (module? object) -> whether OBJECT is a module
    "module?" (1) => is_module,
    /// (module-name module) -> its name, a list of symbols
    "module-name" (1) => module_name,
    /// (module-filename module) -> the file it was defined in, or #f
    "module-filename" (1) => module_filename,
    /// (%module-named name) -> the module when it is loaded, or #f
    "%module-named" (1) => module_named,
    /// (%module-exists? name) -> whether there is such a module, loaded or not
    "%module-exists?" (1) => module_exists,
    /// (%make-module name) -> the module, made empty when it is not there
    "%make-module" (1) => make_module,
    /// (%module-state module name exported-only?) -> value, syntax, unbound or #f
    "%module-state" (3) => module_state,
    /// (%module-local? module name) -> whether NAME is defined by MODULE itself
    "%module-local?" (2) => module_local,
    /// (%module-names module) -> names that MODULE defines
    "%module-names" (1) => module_names,
    /// (%module-exports module) -> names that MODULE exports
    "%module-exports" (1) => module_exports,
    /// (%module-uses module) -> modules that MODULE imports
    "%module-uses" (1) => module_uses,
    /// (%module-use! module other) -> nothing
    "%module-use!" (2) => module_use,
    /// (module-export! module names) -> nothing
    "module-export!" (2) => module_export,
    /// (%module-remove! module name) -> nothing
    "%module-remove!" (2) => module_remove,
    /// (%all-modules) -> every loaded module
    "%all-modules" (0) => all_modules,
    /// (command-line) -> the program's name and its arguments
    "command-line" (0) => command_line,
    /// (%set-command-line! list) -> nothing
    "%set-command-line!" (1) => set_command_line,
    /// (%initial-load-path) -> directories in which modules are looked for
    "%initial-load-path" (0) => initial_load_path,
    /// (%add-to-load-path! directory) -> nothing
    "%add-to-load-path!" (1) => add_to_load_path,
    /// (%text-of-file name) -> its text
    "%text-of-file" (1) => text_of_file,
    /// (%find-in-load-path name) -> the file's path, or #f
    "%find-in-load-path" (1) => find_in_load_path,
    /// (%documentation module name) -> documentation of a binding, or #f
    "%documentation" (2) => documentation,
    /// (%features) -> what cond-expand takes for granted
    "%features" (0) => features,
}

thread_local! {
    static VALUES: RefCell<HashMap<usize, Value>> = RefCell::default();
}

/// MODULE as a value; the same one each time.
pub fn value_of(module: &Module) -> Value {
    VALUES.with(|values| {
        values
            .borrow_mut()
            .entry(module.address())
            .or_insert_with(|| handle_value("module", module.clone()))
            .clone()
    })
}

/// The module that VALUE is.
pub fn module_of(value: &Value) -> Option<Module> {
    value::handle::<Module>("module", std::slice::from_ref(value), 1)
        .ok()
        .map(|module| (*module).clone())
}

/// The module name that VALUE, a list of symbols, is.
pub fn name_of(value: &Value) -> Option<Name> {
    let words = pairs::to_vec(value)?;
    words
        .iter()
        .map(|word| match word {
            Value::SymbolV(name) => Some(Id::named(name.as_str())),
            Value::IntV(number) => Some(Id::named(&number.to_string())),
            _ => None,
        })
        .collect()
}

fn module_arg(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Module, super::natives::Raise> {
    module_of(&args[position - 1])
        .ok_or_else(|| value::wrong_type(procedure, position, &args[position - 1]))
}

fn name_arg(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Name, super::natives::Raise> {
    name_of(&args[position - 1])
        .ok_or_else(|| value::wrong_type(procedure, position, &args[position - 1]))
}

fn symbol_arg(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Id, super::natives::Raise> {
    match &args[position - 1] {
        Value::SymbolV(name) => Ok(Id::named(name.as_str())),
        other => Err(value::wrong_type(procedure, position, other)),
    }
}

fn symbols(names: Vec<Id>) -> Value {
    list_value(
        names
            .into_iter()
            .filter(|name| !name.is_alias())
            .map(Id::symbol)
            .collect(),
    )
}

fn current_module(_: &[Value]) -> Outcome {
    Ok(value_of(&world().current.borrow()))
}

fn set_current_module(args: &[Value]) -> Outcome {
    let module = module_arg("set-current-module", args, 1)?;
    let before = world().current.replace(module);
    Ok(value_of(&before))
}

fn is_module(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(module_of(&args[0]).is_some()))
}

fn module_name(args: &[Value]) -> Outcome {
    Ok(symbols(module_arg("module-name", args, 1)?.name.clone()))
}

fn module_filename(args: &[Value]) -> Outcome {
    let module = module_arg("module-filename", args, 1)?;
    let file = module.file.borrow().clone();
    Ok(file.map_or(Value::BoolV(false), string_value))
}

fn module_named(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-module", args, 1)?;
    Ok(world()
        .loaded(&name)
        .map_or(Value::BoolV(false), |module| value_of(&module)))
}

fn module_exists(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-module", args, 1)?;
    Ok(Value::BoolV(world().can_load(&name)))
}

fn make_module(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-module", args, 1)?;
    let world = world();
    let fresh = world.loaded(&name).is_none();
    let module = world.module(&name);
    if fresh {
        module.import(Import::all(world.core.clone()));
        *module.file.borrow_mut() = Some(String::new());
    }
    Ok(value_of(&module))
}

fn module_state(args: &[Value]) -> Outcome {
    let module = module_arg("module-ref", args, 1)?;
    let name = symbol_arg("module-ref", args, 2)?;
    let binding = if value::truth(args, 3) {
        module.exported(name)
    } else {
        module.lookup(name)
    };
    Ok(match binding {
        None => Value::BoolV(false),
        Some(Binding::Global(variable)) => match (variable.state.get(), &variable.origin) {
            (super::core::State::Defined, _) | (_, super::core::Origin::Boot(_)) => {
                value::symbol_value("value")
            }
            // Declared: the machine knows whether it holds a value.
            (super::core::State::Declared, _) => value::symbol_value("perhaps"),
            _ => value::symbol_value("unbound"),
        },
        Some(_) => value::symbol_value("syntax"),
    })
}

fn module_local(args: &[Value]) -> Outcome {
    let module = module_arg("module-local-variable", args, 1)?;
    let name = symbol_arg("module-local-variable", args, 2)?;
    Ok(Value::BoolV(module.defines(name)))
}

fn module_names(args: &[Value]) -> Outcome {
    let module = module_arg("module-map", args, 1)?;
    let names = module
        .own_names()
        .into_iter()
        .filter(|name| module.defines(*name))
        .collect();
    Ok(symbols(names))
}

fn module_exports(args: &[Value]) -> Outcome {
    Ok(symbols(
        module_arg("module-exports", args, 1)?.exported_names(),
    ))
}

fn module_uses(args: &[Value]) -> Outcome {
    let module = module_arg("module-uses", args, 1)?;
    let uses = module
        .imports
        .borrow()
        .iter()
        .map(|import| value_of(&import.module))
        .collect();
    Ok(list_value(uses))
}

fn module_use(args: &[Value]) -> Outcome {
    let module = module_arg("module-use!", args, 1)?;
    let other = module_arg("module-use!", args, 2)?;
    module.import(Import::all(other));
    Ok(Value::Void)
}

fn module_export(args: &[Value]) -> Outcome {
    let module = module_arg("module-export!", args, 1)?;
    for entry in pairs::items(&args[1]) {
        match entry {
            Value::SymbolV(name) => {
                let id = Id::named(name.as_str());
                module.export(id, id);
            }
            _ => {
                if let (Some(Value::SymbolV(internal)), Some(Value::SymbolV(external))) =
                    (pairs::car(entry), pairs::cdr(entry).as_ref())
                {
                    module.export(Id::named(internal.as_str()), Id::named(external.as_str()));
                }
            }
        }
    }
    Ok(Value::Void)
}

fn module_remove(args: &[Value]) -> Outcome {
    let module = module_arg("module-remove!", args, 1)?;
    let name = symbol_arg("module-remove!", args, 2)?;
    module.unbind(name);
    Ok(Value::Void)
}

fn all_modules(_: &[Value]) -> Outcome {
    let world = world();
    let modules = world.modules.borrow().values().map(value_of).collect();
    Ok(list_value(modules))
}

fn strings(texts: Vec<String>) -> Value {
    list_value(texts.into_iter().map(string_value).collect())
}

fn command_line(_: &[Value]) -> Outcome {
    Ok(strings(world().arguments.borrow().clone()))
}

fn set_command_line(args: &[Value]) -> Outcome {
    *world().arguments.borrow_mut() = value::strings("set-program-arguments", args, 1)?;
    Ok(Value::Void)
}

fn initial_load_path(_: &[Value]) -> Outcome {
    Ok(strings(
        world()
            .load_path
            .borrow()
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
    ))
}

fn add_to_load_path(args: &[Value]) -> Outcome {
    let directory = value::string("add-to-load-path", args, 1)?;
    world().load_path.borrow_mut().insert(0, directory.into());
    Ok(Value::Void)
}

fn text_of_file(args: &[Value]) -> Outcome {
    let file = value::string("load", args, 1)?;
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(string_value(text)),
        Err(_) => Err(super::world::no_such_file("open-file", &file)),
    }
}

fn find_in_load_path(args: &[Value]) -> Outcome {
    let file = value::string("primitive-load-path", args, 1)?;
    let world = world();
    let path = world.load_path.borrow();
    let found = path.iter().find_map(|directory| {
        ["", ".scm"]
            .into_iter()
            .map(|extension| directory.join(format!("{file}{extension}")))
            .find(|candidate| candidate.is_file())
    });
    Ok(found.map_or(Value::BoolV(false), |path| {
        string_value(path.display().to_string())
    }))
}

fn documentation(args: &[Value]) -> Outcome {
    let module = module_arg("documentation", args, 1)?;
    let name = symbol_arg("documentation", args, 2)?;
    let text = match module.lookup(name) {
        Some(Binding::Global(variable)) => match variable.origin {
            super::core::Origin::Native(native) => Some(native.documentation.trim().to_owned()),
            super::core::Origin::Boot(number) => world().boot.documentation(number),
            _ => variable.documentation.borrow().clone(),
        },
        _ => None,
    };
    Ok(text.map_or(Value::BoolV(false), string_value))
}

fn features(_: &[Value]) -> Outcome {
    Ok(list_value(
        super::world::FEATURES
            .iter()
            .map(|feature| value::symbol_value(feature))
            .collect(),
    ))
}
