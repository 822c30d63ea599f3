//! Modules as Scheme values, and the natives that ask them things.

use crate::data::native::{self, Machine, Outcome};
use crate::data::pairs;
use crate::data::roots::Root;
use crate::data::value::{self, Value, handle_value, list_value, string_value};
use crate::eval::loader::{self, units};
use crate::expand::{Expander, imports};
use crate::library::{encodings, outside};
use crate::namespace::keywords::{Macro, Transformer};
use crate::namespace::modules::{Import, Module, Name};
use crate::namespace::registry::{self, world};
use crate::namespace::scope::Binding;
use crate::namespace::variables::{VariableValue, variable_of};
use crate::read::errors;
use crate::syntax::identifier::Id;
use crate::syntax::stx;
use crate::tree_il::{Origin, State, Variable};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

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
    /// (%make-empty-module name) -> a module that sees nothing
    "%make-empty-module" (1) => make_empty_module,
    /// (%module-binding module name) -> the variable that NAME is in MODULE, or #f
    "%module-binding" (2) => module_binding,
    /// (%module-own-binding module name) -> the variable that MODULE itself defines as NAME, or #f
    "%module-own-binding" (2) => module_own_binding,
    /// (%module-autoload module name) -> name of the module that has to be loaded for NAME, or #f
    "%module-autoload" (2) => module_autoload,
    /// (%module-add! module name variable) -> nothing
    "%module-add!" (3) => module_add,
    /// (%module-import-of module name) -> the interface that gives NAME its meaning in MODULE, or #f
    "%module-import-of" (2) => module_import_of,
    /// (module-public-interface module) -> what MODULE exports, as a module, or #f when others cannot import it
    "module-public-interface" (1) => module_interface,
    /// (%publish-module! module): others may import MODULE
    "%publish-module!" (1) => publish_module,
    /// (%provide-features module symbols): `cond-expand` knows SYMBOLS where MODULE is imported
    "%provide-features" (2) => provide_features,
    /// (%make-interface name) -> an empty interface called NAME
    "%make-interface" (1) => make_interface,
    /// (%module-version module) -> its version, a list of integers
    "%module-version" (1) => module_version,
    /// (%set-module-version! module version) -> nothing
    "%set-module-version!" (2) => set_module_version,
    /// (%set-module-name! module name) -> nothing
    "%set-module-name!" (2) => set_module_name,
    /// (module-kind module) -> module, interface, directory or what a program has said
    "module-kind" (1) => module_kind,
    /// (set-module-kind! module kind) -> nothing
    "set-module-kind!" (2) => set_module_kind,
    /// (%module-replace! module names) -> nothing
    "%module-replace!" (2) => module_replace,
    /// (%module-replacements module) -> names that replace others' without complaint
    "%module-replacements" (1) => module_replacements,
    /// (variable? object) -> whether OBJECT is a variable
    "variable?" (1) => is_variable,
    /// (%make-variable name) -> a variable that belongs to no module, without value
    "%make-variable" (1) => make_variable,
    /// (%variable-state variable) -> value, perhaps, unbound or the keyword's macro
    "%variable-state" (1) => variable_state,
    /// (%variable-access variable) -> pair of procedures that get and set it, or #f
    "%variable-access" (1) => variable_access,
    /// (%set-variable-access! variable access) -> nothing
    "%set-variable-access!" (2) => set_variable_access,
    /// (%variable-is-set! variable) -> nothing; it holds a value from now on
    "%variable-is-set!" (1) => variable_is_set,
    /// (%variable-forget! variable) -> nothing is known of its value from now on
    "%variable-forget!" (1) => variable_forget,
    /// (%variable-name variable) -> the name it was made with
    "%variable-name" (1) => variable_name,
    /// (macro? object) -> whether OBJECT is a macro
    "macro?" (1) => is_macro,
    /// (macro-name macro) -> its name, or #f
    "macro-name" (1) => macro_name,
    /// (macro-type macro) -> the kind of keyword
    "macro-type" (1) => macro_type,
    /// (macro-transformer macro) -> its transformer, or #f
    "macro-transformer" (1) with machine => macro_transformer,
    /// (%make-macro name transformer) -> a macro
    "%make-macro" (2) => make_macro,
    /// (%bind-macro! module name macro) -> nothing
    "%bind-macro!" (3) => bind_macro,
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
    /// (%r6rs-interface import-set) -> the interface, or the name of a module to be loaded first
    "%r6rs-interface" (1) with machine => r6rs_interface,
    /// (%all-modules) -> every loaded module
    "%all-modules" (0) => all_modules,
    /// (%carried-modules) -> the names of the modules in the binary
    "%carried-modules" (0) => carried_modules,
    /// (command-line) -> the program's name and its arguments
    "command-line" (0) => command_line,
    /// (%set-command-line! list) -> nothing
    "%set-command-line!" (1) => set_command_line,
    /// (%initial-load-path) -> directories in which modules are looked for
    "%initial-load-path" (0) => initial_load_path,
    /// (%set-load-path! directories): modules are looked for in these from now on
    "%set-load-path!" (1) => set_load_path,
    /// (%set-load-extensions! extensions): files of modules end in these from now on
    "%set-load-extensions!" (1) => set_load_extensions,
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

fn module_arg(procedure: &str, args: &[Value], position: usize) -> Result<Module, native::Raise> {
    module_of(&args[position - 1])
        .ok_or_else(|| value::wrong_type(procedure, position, &args[position - 1]))
}

fn name_arg(procedure: &str, args: &[Value], position: usize) -> Result<Name, native::Raise> {
    name_of(&args[position - 1])
        .ok_or_else(|| value::wrong_type(procedure, position, &args[position - 1]))
}

fn symbol_arg(procedure: &str, args: &[Value], position: usize) -> Result<Id, native::Raise> {
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
    let module = module_arg("module-name", args, 1)?;
    let renamed = module.behind().renamed.borrow().clone();
    Ok(symbols(renamed.unwrap_or_else(|| module.name.clone())))
}

fn module_filename(args: &[Value]) -> Outcome {
    let module = module_arg("module-filename", args, 1)?;
    let file = module.file.borrow().clone();
    Ok(file.map_or(Value::BoolV(false), string_value))
}

fn module_named(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-module", args, 1)?;
    Ok(world()
        .existing(&name)
        .map_or(Value::BoolV(false), |module| value_of(&module)))
}

fn module_exists(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-module", args, 1)?;
    Ok(Value::BoolV(world().can_load(&name)))
}

fn make_module(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-module", args, 1)?;
    let world = world();
    let fresh = world.existing(&name).is_none();
    let module = world.module(&name);
    if fresh {
        module.public.set(false);
        let _nothing_refers_to_it_yet = module.import(world.core_import(&module));
        *module.file.borrow_mut() = Some(String::new());
    }
    Ok(value_of(&module))
}

fn make_empty_module(args: &[Value]) -> Outcome {
    let name = name_arg("make-module", args, 1)?;
    let module = world().module(&name);
    *module.file.borrow_mut() = Some(String::new());
    *module.kind.borrow_mut() = Some(Id::named("module"));
    module.public.set(false);
    Ok(value_of(&module))
}

/// A keyword as a value.
struct MacroValue {
    name: Option<Id>,
    binding: Binding,
}

thread_local! {
    /// One value for one variable, with the procedures that reach it.
    static VARIABLES: RefCell<HashMap<Identity, (Value, Option<Root>)>> = RefCell::default();
    static MACROS: RefCell<HashMap<Identity, Value>> = RefCell::default();
}

/// VARIABLE as a value; the same one each time.
fn variable_value(variable: &std::rc::Rc<Variable>) -> Value {
    VARIABLES.with(|values| {
        values
            .borrow_mut()
            .entry(Identity::Global(std::rc::Rc::as_ptr(variable) as usize))
            .or_insert_with(|| {
                let value = VariableValue::Global(variable.clone());
                (handle_value("variable", value), None)
            })
            .0
            .clone()
    })
}

/// What tells a variable or keyword from others: each kind counts on its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    Global(usize),
    Macro(usize),
    Expression(usize),
    Auxiliary(&'static str),
    Special(usize),
    /// What no program binds.
    Other,
}

fn identity_of(binding: &Binding) -> Identity {
    match binding {
        Binding::Macro(keyword) => Identity::Macro(std::rc::Rc::as_ptr(keyword) as usize),
        Binding::Expression(form) => Identity::Expression(form.0),
        Binding::Auxiliary(word) => Identity::Auxiliary(word),
        Binding::Special(special) => Identity::Special(*special as usize),
        Binding::Global(variable) => Identity::Global(std::rc::Rc::as_ptr(variable) as usize),
        Binding::Local(_) | Binding::Pattern(_) | Binding::Ellipsis(_) => Identity::Other,
    }
}

fn macro_value(name: Id, binding: &Binding) -> Value {
    let make = || {
        handle_value(
            "macro",
            MacroValue {
                name: Some(name),
                binding: binding.clone(),
            },
        )
    };
    match identity_of(binding) {
        Identity::Other => make(),
        identity => MACROS.with(|macros| {
            macros
                .borrow_mut()
                .entry(identity)
                .or_insert_with(make)
                .clone()
        }),
    }
}

fn binding_value(name: Id, binding: Option<Binding>) -> Value {
    match binding {
        None => Value::BoolV(false),
        Some(Binding::Global(variable)) => {
            let unknown =
                variable.state.get() == State::Fresh && matches!(variable.origin, Origin::Program);
            if unknown {
                Value::BoolV(false)
            } else {
                variable_value(&variable)
            }
        }
        Some(binding) => {
            let key = identity_of(&binding);
            VARIABLES.with(|values| {
                values
                    .borrow_mut()
                    .entry(key)
                    .or_insert_with(|| {
                        let value = VariableValue::Syntax(name, binding);
                        (handle_value("variable", value), None)
                    })
                    .0
                    .clone()
            })
        }
    }
}

fn module_binding(args: &[Value]) -> Outcome {
    let module = module_arg("module-variable", args, 1)?;
    let name = symbol_arg("module-variable", args, 2)?;
    Ok(binding_value(name, module.lookup(name)))
}

fn module_own_binding(args: &[Value]) -> Outcome {
    let module = module_arg("module-local-variable", args, 1)?;
    let name = symbol_arg("module-local-variable", args, 2)?;
    let own = match module.is_interface() {
        true => module.exported(name),
        false => module.lookup_own(name),
    };
    Ok(binding_value(name, own))
}

fn module_autoload(args: &[Value]) -> Outcome {
    let module = module_arg("module-variable", args, 1)?;
    let name = symbol_arg("module-variable", args, 2)?;
    Ok(world()
        .autoload_for(&module, name)
        .map_or(Value::BoolV(false), symbols))
}

fn module_add(args: &[Value]) -> Outcome {
    let module = module_arg("module-add!", args, 1)?;
    let name = symbol_arg("module-add!", args, 2)?;
    let variable =
        variable_of(&args[2]).ok_or_else(|| value::wrong_type("module-add!", 3, &args[2]))?;
    let binding = match &*variable {
        VariableValue::Global(variable) => Binding::Global(variable.clone()),
        VariableValue::Syntax(_, binding) => binding.clone(),
    };
    module.bind(name, binding);
    Ok(Value::Void)
}

fn module_import_of(args: &[Value]) -> Outcome {
    let module = module_arg("module-import-interface", args, 1)?;
    let name = symbol_arg("module-import-interface", args, 2)?;
    Ok(module
        .import_of(name)
        .map_or(Value::BoolV(false), |import| import_value(&import)))
}

/// What a program sees of an import: an interface.
fn import_value(import: &Import) -> Value {
    if import.is_whole() && !import.autoload {
        return value_of(&match import.module.is_interface() || import.private {
            true => import.module.clone(),
            false => import.module.interface(),
        });
    }
    let interface = Module::new(import.module.name.clone());
    let _nothing_refers_to_it_yet = interface.import(import.clone());
    for name in import.names() {
        interface.export(name, name);
    }
    value_of(&interface.interface())
}

fn module_interface(args: &[Value]) -> Outcome {
    let module = module_arg("module-public-interface", args, 1)?;
    Ok(match module.public.get() {
        true => value_of(&module.interface()),
        false => Value::BoolV(false),
    })
}

fn publish_module(args: &[Value]) -> Outcome {
    let module = module_arg("set-module-public-interface!", args, 1)?;
    module.public.set(true);
    Ok(Value::Void)
}

fn provide_features(args: &[Value]) -> Outcome {
    let module = module_arg("cond-expand-provide", args, 1)?;
    let provided = name_arg("cond-expand-provide", args, 2)?;
    module.behind().features.borrow_mut().extend(provided);
    Ok(Value::Void)
}

fn make_interface(args: &[Value]) -> Outcome {
    let name = name_arg("resolve-interface", args, 1)?;
    Ok(value_of(&Module::new(name).interface()))
}

fn module_version(args: &[Value]) -> Outcome {
    let module = module_arg("module-version", args, 1)?;
    let version = module.behind().version.borrow();
    Ok(list_value(
        version.iter().map(|part| Value::IntV(*part)).collect(),
    ))
}

fn set_module_version(args: &[Value]) -> Outcome {
    let module = module_arg("set-module-version!", args, 1)?;
    let parts = value::list("set-module-version!", args, 2)?;
    *module.version.borrow_mut() = parts
        .iter()
        .filter_map(|part| match part {
            Value::IntV(part) => Some(*part),
            _ => None,
        })
        .collect();
    Ok(Value::Void)
}

fn set_module_name(args: &[Value]) -> Outcome {
    let module = module_arg("set-module-name!", args, 1)?;
    let name = name_arg("set-module-name!", args, 2)?;
    *module.renamed.borrow_mut() = Some(name.clone());
    world().modules.borrow_mut().insert(name, module);
    Ok(Value::Void)
}

fn module_kind(args: &[Value]) -> Outcome {
    let module = module_arg("module-kind", args, 1)?;
    let said = module.kind.borrow().map(Id::symbol);
    Ok(said.unwrap_or_else(|| {
        value::symbol_value(match module.is_interface() {
            true => "interface",
            false => "directory",
        })
    }))
}

fn set_module_kind(args: &[Value]) -> Outcome {
    let module = module_arg("set-module-kind!", args, 1)?;
    *module.kind.borrow_mut() = Some(symbol_arg("set-module-kind!", args, 2)?);
    Ok(Value::Void)
}

fn module_replace(args: &[Value]) -> Outcome {
    let module = module_arg("module-replace!", args, 1)?;
    let mut replaces = module.replaces.borrow_mut();
    for entry in pairs::items(&args[1]) {
        if let Value::SymbolV(name) = entry {
            replaces.push(Id::named(name.as_str()));
        }
    }
    Ok(Value::Void)
}

fn module_replacements(args: &[Value]) -> Outcome {
    let module = module_arg("module-replacements", args, 1)?;
    let names = module.replaces.borrow().clone();
    Ok(symbols(names))
}

fn variable_arg(
    procedure: &str,
    args: &[Value],
) -> Result<std::rc::Rc<VariableValue>, native::Raise> {
    variable_of(&args[0]).ok_or_else(|| value::wrong_type(procedure, 1, &args[0]))
}

fn is_variable(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(variable_of(&args[0]).is_some()))
}

fn make_variable(args: &[Value]) -> Outcome {
    let variable = Variable::fresh(symbol_arg("make-variable", args, 1)?);
    // Programs set it in ways that the compiler does not see.
    variable.assigned.set(true);
    Ok(variable_value(&variable))
}

fn variable_state(args: &[Value]) -> Outcome {
    use crate::tree_il::{Origin, State};
    Ok(match &*variable_arg("variable-ref", args)? {
        VariableValue::Syntax(name, binding) => macro_value(*name, binding),
        VariableValue::Global(variable) => {
            value::symbol_value(match (variable.state.get(), &variable.origin) {
                (State::Defined, _) | (_, Origin::Boot(_)) => "value",
                // The machine knows whether it holds a value.
                (State::Declared, _) => "perhaps",
                (State::Fresh, _) => "unbound",
            })
        }
    })
}

fn access_of(value: &Value) -> Option<Identity> {
    match &*variable_of(value)? {
        VariableValue::Global(variable) => Some(identity_of(&Binding::Global(variable.clone()))),
        VariableValue::Syntax(..) => None,
    }
}

fn variable_access(args: &[Value]) -> Outcome {
    variable_arg("variable-ref", args)?;
    let known = access_of(&args[0]).and_then(|identity| {
        VARIABLES.with(|values| {
            values
                .borrow()
                .get(&identity)
                .and_then(|(_, access)| access.as_ref().map(|access| access.value().clone()))
        })
    });
    Ok(known.unwrap_or(Value::BoolV(false)))
}

fn set_variable_access(args: &[Value]) -> Outcome {
    variable_arg("variable-ref", args)?;
    if let Some(identity) = access_of(&args[0]) {
        VARIABLES.with(|values| {
            if let Some(entry) = values.borrow_mut().get_mut(&identity) {
                entry.1 = Some(Root::of(&args[1]));
            }
        });
    }
    Ok(Value::Void)
}

fn variable_is_set(args: &[Value]) -> Outcome {
    if let VariableValue::Global(variable) = &*variable_arg("variable-set!", args)? {
        variable.state.set(State::Defined);
    }
    Ok(Value::Void)
}

fn variable_forget(args: &[Value]) -> Outcome {
    if let VariableValue::Global(variable) = &*variable_arg("variable-unset!", args)? {
        variable.state.set(State::Declared);
        variable.assigned.set(true);
        let identity = identity_of(&Binding::Global(variable.clone()));
        VARIABLES.with(|values| {
            if let Some(entry) = values.borrow_mut().get_mut(&identity) {
                entry.1 = None;
            }
        });
    }
    Ok(Value::Void)
}

fn variable_name(args: &[Value]) -> Outcome {
    Ok(match &*variable_arg("variable-name", args)? {
        VariableValue::Global(variable) => variable.name.symbol(),
        VariableValue::Syntax(name, _) => name.symbol(),
    })
}

fn macro_of(value: &Value) -> Option<std::rc::Rc<MacroValue>> {
    value::handle::<MacroValue>("macro", std::slice::from_ref(value), 1).ok()
}

fn macro_arg(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<std::rc::Rc<MacroValue>, native::Raise> {
    macro_of(&args[position - 1])
        .ok_or_else(|| value::wrong_type(procedure, position, &args[position - 1]))
}

fn is_macro(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(macro_of(&args[0]).is_some()))
}

fn macro_name(args: &[Value]) -> Outcome {
    Ok(macro_arg("macro-name", args, 1)?
        .name
        .map_or(Value::BoolV(false), Id::symbol))
}

fn macro_type(args: &[Value]) -> Outcome {
    let kind = match &macro_arg("macro-type", args, 1)?.binding {
        Binding::Macro(keyword) => match &**keyword {
            Macro::Parameter(_) => "syntax-parameter",
            _ => "macro",
        },
        Binding::Special(_) | Binding::Expression(_) => "core",
        _ => "macro",
    };
    Ok(value::symbol_value(kind))
}

fn macro_transformer(machine: &mut Machine, args: &[Value]) -> Outcome {
    match &macro_arg("macro-transformer", args, 1)?.binding {
        Binding::Macro(keyword) => transformer(machine, keyword),
        _ => Ok(Value::BoolV(false)),
    }
}

/// The procedure that KEYWORD calls, or #f.
pub fn transformer(machine: &mut Machine, keyword: &Rc<Macro>) -> Outcome {
    let found = match &*keyword.actual() {
        Macro::Procedure { transformer, .. } | Macro::Unhygienic { transformer } => {
            Expander::new(machine, world(), units).transformer(transformer)
        }
        _ => return Ok(Value::BoolV(false)),
    };
    found.map_err(|trouble| trouble.into_raise(&mut |items| machine.vector(items)))
}

fn make_macro(args: &[Value]) -> Outcome {
    let name = match &args[0] {
        Value::SymbolV(name) => Some(Id::named(name.as_str())),
        _ => None,
    };
    Ok(handle_value(
        "macro",
        MacroValue {
            name,
            binding: Binding::Macro(Rc::new(Macro::Procedure {
                transformer: Transformer::made(&args[1], None),
                variable: false,
            })),
        },
    ))
}

fn bind_macro(args: &[Value]) -> Outcome {
    let module = module_arg("module-define!", args, 1)?;
    let name = symbol_arg("module-define!", args, 2)?;
    module.bind(name, macro_arg("module-define!", args, 3)?.binding.clone());
    Ok(Value::Void)
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
    let uses = module.imports.borrow().iter().map(import_value).collect();
    Ok(list_value(uses))
}

fn module_use(args: &[Value]) -> Outcome {
    let module = module_arg("module-use!", args, 1)?;
    let other = module_arg("module-use!", args, 2)?;
    // What is no interface shows everything, as in Guile.
    let private = !other.is_interface() && !other.is_core();
    let mut import = Import::all(other);
    import.private = private;
    let _found_when_used = module.import(import);
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

fn r6rs_interface(machine: &mut native::Machine, args: &[Value]) -> Outcome {
    use crate::expand::Expander;
    use crate::syntax::error::Trouble;
    let set = stx::Stx::from_value(&args[0], loader::no_span(), &|id| id);
    let found = imports::import_set(&mut Expander::new(machine, world(), loader::units), &set);
    match found {
        Ok(import) => Ok(import_value(&import)),
        Err(Trouble::NeedModule(name)) => Ok(symbols(name)),
        Err(trouble) => Err(trouble.into_raise(&mut |items| machine.vector(items))),
    }
}

fn all_modules(_: &[Value]) -> Outcome {
    let world = world();
    let modules = world.modules.borrow().values().map(value_of).collect();
    Ok(list_value(modules))
}

fn carried_modules(_: &[Value]) -> Outcome {
    let world = world();
    let names = world
        .carried_modules()
        .map(|words| list_value(words.map(value::symbol_value).collect()));
    Ok(list_value(names.collect()))
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

fn set_load_path(args: &[Value]) -> Outcome {
    let directories = value::strings("%load-path", args, 1)?;
    *world().load_path.borrow_mut() = directories.into_iter().map(Into::into).collect();
    Ok(Value::Void)
}

fn set_load_extensions(args: &[Value]) -> Outcome {
    *world().load_extensions.borrow_mut() = value::strings("%load-extensions", args, 1)?;
    Ok(Value::Void)
}

fn text_of_file(args: &[Value]) -> Outcome {
    let file = value::string("load", args, 1)?;
    match encodings::read_program(&file) {
        Ok(text) => Ok(string_value(text)),
        Err(_) => Err(errors::no_such_file("open-file", &file)),
    }
}

fn find_in_load_path(args: &[Value]) -> Outcome {
    let file = value::string("primitive-load-path", args, 1)?;
    let world = world();
    let path = world.load_path.borrow();
    let extensions = world.load_extensions.borrow();
    // A name that has an extension, whichever it is, gets no other.
    let extensions: Vec<&str> = match Path::new(&file).extension() {
        Some(_) => vec![""],
        None => extensions.iter().map(String::as_str).collect(),
    };
    let candidates = |directory: &PathBuf| {
        extensions
            .iter()
            .map(|extension| directory.join(format!("{file}{extension}")))
            .find(|candidate| outside::has_program(candidate))
    };
    let found = if Path::new(&file).is_absolute() {
        Some(PathBuf::from(&file)).filter(|file| outside::has_program(file))
    } else {
        path.iter().find_map(candidates)
    };
    Ok(found.map_or(Value::BoolV(false), |path| {
        string_value(path.display().to_string())
    }))
}

fn documentation(args: &[Value]) -> Outcome {
    let module = module_arg("documentation", args, 1)?;
    let name = symbol_arg("documentation", args, 2)?;
    let text = match module.lookup(name) {
        Some(Binding::Global(variable)) => match variable.origin {
            Origin::Native(native) => Some(native.documentation.trim().to_owned()),
            Origin::Boot(number) => world().boot.documentation(number),
            _ => variable.documentation.borrow().clone(),
        },
        _ => None,
    };
    Ok(text.map_or(Value::BoolV(false), string_value))
}

fn features(_: &[Value]) -> Outcome {
    Ok(list_value(
        registry::FEATURES
            .iter()
            .map(|feature| value::symbol_value(feature))
            .collect(),
    ))
}
