//! Everything one interpreter knows: its modules, where it looks for more, the
//! natives and Scheme definitions that make up module `(guile)`.

use crate::carried;
use crate::data::builtins;
use crate::data::native::{Native, NativeModule};
use crate::data::tables::HashMap;
use crate::data::value::Value;
use crate::library::encodings;
use crate::namespace::boot::Boot;
use crate::namespace::guile_names;
use crate::namespace::keywords::Macro;
use crate::namespace::modules::{self, Import, Module, Name, Progress, written};
use crate::namespace::scope::{Binding, Scope};
use crate::read::builder::SyntaxBuilder;
use crate::read::errors::{no_such_file, read_error};
use crate::read::reader::Reader;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Origin, State, Variable};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub struct World {
    /// All that the language is made of: natives, syntax, `scheme/guile/boot`. Programs
    /// see `guile`; the language's own modules see this one.
    pub core: Module,
    pub core_scope: Scope,
    /// Module `(guile)`.
    pub guile: Module,
    pub current: RefCell<Module>,
    pub modules: RefCell<HashMap<Name, Module>>,
    /// What `%load-path` holds.
    pub load_path: RefCell<Vec<PathBuf>>,
    /// What `%load-extensions` holds.
    pub load_extensions: RefCell<Vec<String>>,
    scheme_directory: Option<PathBuf>,
    /// The modules that the binary carries beside those of the language.
    carried: &'static [(&'static str, &'static str)],
    natives: HashMap<&'static str, &'static Native>,
    words: RefCell<HashMap<&'static str, Binding>>,
    pub boot: Boot,
    boot_keyword: MakeKeyword,
    pub arguments: RefCell<Vec<String>>,
    loads: Cell<u64>,
    /// What modules expand to is written down for other processes.
    pub writes_down: Cell<bool>,
    /// Modules that a form has named itself, and files it has included with the file it
    /// stands in, while that is so.
    pub used: RefCell<Vec<Module>>,
    pub included: RefCell<Vec<(String, Option<String>, String)>>,
}

/// The family of modules that stand before the load path: they are this language's halves
/// of an editor's protocol, and files of these names, which the editor brings, are halves
/// of another's.
const OURS_FIRST: &str = "geiser";

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// The macro that a definition of `scheme/guile/boot` makes in a scope.
pub type MakeKeyword = fn(&Stx, &Scope) -> Option<Rc<Macro>>;

/// What module `(guile)` is made of; it comes from higher floors.
pub struct CoreParts {
    pub natives: Vec<&'static [Native]>,
    /// Its syntax.
    pub words: Vec<(&'static str, Binding)>,
    pub keyword: MakeKeyword,
}

/// A file that defines a module.
pub struct ModuleFile {
    pub name: String,
    pub text: Rc<str>,
    /// It is one of `scheme/`.
    pub own: bool,
    /// It is one of `scheme/guile`.
    pub of_language: bool,
}

/// The world of the interpreter that runs on this thread.
pub fn world() -> Rc<World> {
    WORLD.with(|world| {
        world
            .borrow()
            .clone()
            .expect("an interpreter has been made on this thread")
    })
}

/// Make WORLD the one that natives of this thread see.
pub fn enter(world: &Rc<World>) {
    WORLD.with(|slot| *slot.borrow_mut() = Some(world.clone()));
}

/// What the language itself binds NAME to.
pub fn core_binding(name: Id) -> Option<Binding> {
    let world = WORLD.with(|world| world.borrow().clone())?;
    world.core_binding(name)
}

/// What module `(guile)` binds NAME to.
pub fn guile_binding(name: Id) -> Option<Binding> {
    if !guile_names::shows(&name.name()) {
        return None;
    }
    let world = WORLD.with(|world| world.borrow().clone())?;
    world.core.lookup_own(name)
}

/// Every name of the language itself.
pub fn core_names() -> Vec<Id> {
    let Some(world) = WORLD.with(|world| world.borrow().clone()) else {
        return Vec::new();
    };
    let mut names: Vec<Id> = world.natives.keys().map(|name| Id::named(name)).collect();
    names.extend(world.words.borrow().keys().map(|name| Id::named(name)));
    names.extend(world.boot.names().map(Id::named));
    names.extend(MACHINE.iter().map(|(name, _)| Id::named(name)));
    names
}

/// Procedures that are the machine's own, where no native has the name.
const MACHINE: &[(&str, &str)] = &[
    ("%load", "%%load"),
    ("%machine-apply", "#%prim.apply"),
    ("%machine-call/cc", "#%prim.call/cc"),
    ("%machine-try", "#%prim.call-with-exception-handler"),
    ("+", "#%prim.+"),
    ("-", "#%prim.-"),
    ("=", "#%prim.="),
    ("<", "#%prim.<"),
    (">", "#%prim.>"),
    ("<=", "#%prim.<="),
    (">=", "#%prim.>="),
    ("car", "#%prim.car"),
    ("cdr", "#%prim.cdr"),
    ("not", "#%prim.not"),
    ("null?", "#%prim.null?"),
];

impl World {
    pub fn new(
        load_path: Vec<PathBuf>,
        scheme_directory: Option<PathBuf>,
        native_modules: &[NativeModule],
        arguments: Vec<String>,
        carried: &'static [(&'static str, &'static str)],
        core_parts: CoreParts,
    ) -> Rc<World> {
        let core = Module::language();
        let guile = Module::guile();
        let mut by_name = HashMap::default();
        by_name.reserve(2048);
        for native in core_parts.natives.iter().copied().flatten() {
            by_name.entry(native.name).or_insert(native);
        }
        let user = Module::new(vec![Id::named("guile-user")]);
        let _nothing_refers_to_it_yet = user.import(Import::all(guile.clone()));
        let compiler = Module::new(vec![
            Id::named("system"),
            Id::named("base"),
            Id::named("compile"),
        ]);
        let compilers = ["compile", "compile-file"].map(Id::named);
        let _nothing_refers_to_it_yet = user.import(Import::autoload(compiler, &compilers));
        let boot = Boot::new(scheme_directory.as_deref());
        let world = Rc::new(World {
            core_scope: Scope::of_module(&core),
            core: core.clone(),
            guile: guile.clone(),
            current: RefCell::new(user.clone()),
            modules: RefCell::default(),
            load_path: RefCell::new(load_path),
            load_extensions: RefCell::new(vec![".scm".to_owned(), String::new()]),
            scheme_directory,
            carried,
            natives: by_name,
            words: RefCell::new(core_parts.words.into_iter().collect()),
            boot_keyword: core_parts.keyword,
            boot,
            arguments: RefCell::new(arguments),
            loads: Cell::new(0),
            writes_down: Cell::new(false),
            used: RefCell::default(),
            included: RefCell::default(),
        });
        for module in [&guile, &core] {
            module.digest.set(Some(modules::Digest::default()));
        }
        for module in [&guile, &user] {
            let name = module.name.clone();
            world.modules.borrow_mut().insert(name, module.clone());
        }
        let internal: Name = ["guile", "internal"].map(Id::named).to_vec();
        world.modules.borrow_mut().insert(internal, core);
        for native_module in native_modules {
            let name: Name = native_module
                .name
                .iter()
                .map(|word| Id::named(word))
                .collect();
            let module = Module::new(name.clone());
            for native in native_module.natives {
                let id = Id::named(native.name);
                let variable = native_variable(native);
                module.is_home_of(&variable, id);
                module.bind(id, Binding::Global(variable));
                module.export(id, id);
            }
            module.digest.set(Some(modules::Digest::default()));
            world.modules.borrow_mut().insert(name, module);
        }
        world
    }

    /// Every native with the machine's name for it.
    pub fn native_globals(
        &self,
        native_modules: &[NativeModule],
    ) -> Vec<(String, &'static Native)> {
        self.natives
            .values()
            .copied()
            .chain(native_modules.iter().flat_map(|module| module.natives))
            .map(|native| (native_global(native), native))
            .collect()
    }

    fn core_binding(&self, name: Id) -> Option<Binding> {
        let text = name.name();
        if let Some(word) = self.words.borrow().get(&*text) {
            return Some(word.clone());
        }
        if let Some((number, keyword)) = self.boot.find(&text) {
            if keyword {
                let form = self.boot.form(number).ok()?;
                return (self.boot_keyword)(&form, &self.core_scope).map(Binding::Macro);
            }
            return Some(Binding::Global(Variable::with(
                name,
                format!("d{number}"),
                State::Fresh,
                Origin::Boot(number),
            )));
        }
        if let Some(native) = self.natives.get(&*text) {
            return Some(Binding::Global(native_variable(native)));
        }
        MACHINE
            .iter()
            .find(|(guile, _)| **guile == *text)
            .map(|(guile, machine)| {
                let variable =
                    Variable::with(name, (*machine).to_owned(), State::Defined, Origin::Machine);
                // Those with a name of ours call what they are given.
                variable.gives_one.set(!guile.starts_with('%'));
                Binding::Global(variable)
            })
    }

    /// How MODULE sees `(guile)`: the language's own see all of what is behind it.
    pub fn core_import(&self, module: &Module) -> Import {
        Import::all(match module.of_language.get() {
            true => self.core.clone(),
            false => self.guile.clone(),
        })
    }

    /// A number for a load that begins, so that a module knows whether its load goes on.
    pub fn begin_load(&self) -> u64 {
        self.loads.set(self.loads.get() + 1);
        let number = self.loads.get();
        ACTIVE.with(|active| active.borrow_mut().insert(number));
        number
    }

    /// The module called NAME, when it is there, whole, and one to import from.
    pub fn loaded(&self, name: &[Id]) -> Option<Module> {
        self.existing(name).filter(|module| module.public.get())
    }

    /// The module called NAME, when it is there and whole.
    pub fn existing(&self, name: &[Id]) -> Option<Module> {
        self.modules
            .borrow()
            .get(name)
            .filter(|module| match module.progress.get() {
                Progress::Ready => true,
                // A cycle: take what is there so far.
                Progress::Loading(load) => is_active(load),
            })
            .cloned()
    }

    /// The module called NAME, made empty when it is not there.
    pub fn module(&self, name: &[Id]) -> Module {
        if let Some(module) = self.modules.borrow().get(name) {
            return module.clone();
        }
        let module = Module::new(name.to_vec());
        self.modules
            .borrow_mut()
            .insert(name.to_vec(), module.clone());
        module
    }

    pub fn forget(&self, name: &[Id]) {
        self.modules.borrow_mut().remove(name);
    }

    /// The file that defines module NAME.
    pub fn find_module(&self, name: &[Id]) -> Option<ModuleFile> {
        let words: Vec<_> = name.iter().map(|word| word.name().to_string()).collect();
        let relative = words.join("/");
        if words.first().is_some_and(|family| family == OURS_FIRST)
            && let Some(file) = self.carried_module(&words)
        {
            return Some(file);
        }
        for directory in self.load_path.borrow().iter() {
            let extensions = self.load_extensions.borrow();
            let known = extensions.iter().map(String::as_str);
            for extension in known.chain([".sls", ".sld"]) {
                let path = directory.join(format!("{relative}{extension}"));
                if let Ok(text) = encodings::read_program(&path) {
                    return Some(ModuleFile {
                        name: path.display().to_string(),
                        text: text.into(),
                        own: false,
                        of_language: false,
                    });
                }
            }
        }
        self.carried_module(&words)
    }

    /// The module whose name is WORDS, when it is carried.
    fn carried_module(&self, words: &[String]) -> Option<ModuleFile> {
        let relative = words.join("/");
        let family = format!("{}/", words.first()?);
        let beside = self
            .carried
            .iter()
            .any(|(path, _)| path.starts_with(&family));
        let name = match beside {
            true => format!("{relative}.scm"),
            false => format!("guile/{relative}.scm"),
        };
        let text = self.own_file(&name)?;
        Some(ModuleFile {
            name,
            text,
            own: true,
            of_language: !beside,
        })
    }

    /// The names of all modules that are carried, as words.
    pub fn carried_modules(&self) -> impl Iterator<Item = impl Iterator<Item = &'static str>> {
        self.all_carried().filter_map(|(path, _)| {
            let path = path.strip_prefix("guile/").unwrap_or(path);
            let name = path.strip_suffix(".scm")?;
            (!name.starts_with("boot/")).then(|| name.split('/'))
        })
    }

    /// How to import the module called NAME once a name is used that the head of its
    /// file says it exports.
    pub fn import_when_used(&self, name: &[Id]) -> Result<Import> {
        let head = match self.find_module(name) {
            Some(file) => self.read_head(&file)?,
            None => None,
        };
        let Some(items) = head.as_ref().and_then(Stx::as_list) else {
            return Err(Trouble::Raise(no_such_file("use-modules", &written(name))));
        };
        let exported = items
            .windows(2)
            .filter(|pair| {
                pair[0].as_keyword().is_some_and(|keyword| {
                    matches!(keyword.as_str(), "export" | "re-export" | "replace")
                })
            })
            .flat_map(|pair| pair[1].as_list().unwrap_or_default());
        let names: Vec<Id> = exported
            .filter_map(|entry| match entry.form() {
                Form::List(_, Some(external)) => external.as_id(),
                _ => entry.as_id(),
            })
            .collect();
        Ok(Import::autoload(Module::new(name.to_vec()), &names))
    }

    fn read_head(&self, file: &ModuleFile) -> Result<Option<Stx>> {
        let number = source::add(&file.name, file.text.clone());
        Reader::new(&file.text, number)
            .read(&mut SyntaxBuilder::default())
            .map_err(|error| Trouble::Raise(read_error(&error)))
    }

    /// The text of a file of `scheme/`.
    pub fn own_file(&self, path: &str) -> Option<Rc<str>> {
        match &self.scheme_directory {
            Some(directory) => std::fs::read_to_string(directory.join(path))
                .ok()
                .map(Into::into),
            None => carried::scheme(path)
                .or_else(|| carried::find(self.carried, path))
                .map(Into::into),
        }
    }

    /// Every Scheme file that the binary carries, as (path, text).
    pub fn all_carried(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        carried::SCHEME.iter().chain(self.carried)
    }

    /// A form has named MODULE itself.
    pub fn uses(&self, module: &Module) {
        if self.writes_down.get() {
            self.used.borrow_mut().push(module.clone());
        }
    }

    /// Whether there is a module called NAME, loaded or not.
    pub fn can_load(&self, name: &[Id]) -> bool {
        self.loaded(name).is_some() || self.find_module(name).is_some()
    }

    /// A module that MODULE autoloads for NAME.
    pub fn autoload_for(&self, module: &Module, name: Id) -> Option<Name> {
        let imports = module.imports.borrow();
        imports
            .iter()
            .find(|import| {
                import.autoload
                    && import.names().contains(&name)
                    && self.loaded(&import.module.name).is_none()
                    && self.can_load(&import.module.name)
            })
            .map(|import| import.module.name.clone())
    }

    /// The text of FILE, which a form at SPAN includes.
    pub fn include_text(&self, file: &str, span: Span) -> Result<String> {
        let from = source::get(span.source).map(|source| source.name.clone());
        let text = self.included_text(file, from.as_deref())?;
        if self.writes_down.get() {
            let mut included = self.included.borrow_mut();
            included.push((file.to_owned(), from, text.clone()));
        }
        Ok(text)
    }

    /// The text of FILE, which a form of the file FROM includes.
    pub fn included_text(&self, file: &str, from: Option<&str>) -> Result<String> {
        let mut candidates = Vec::new();
        if let Some(directory) = from.and_then(|from| Path::new(from).parent()) {
            let beside = directory.join(file);
            if self.current.borrow().of_language.get()
                && let Some(text) = beside.to_str().and_then(|path| self.own_file(path))
            {
                return Ok(text.to_string());
            }
            candidates.push(beside);
        }
        candidates.push(PathBuf::from(file));
        candidates.extend(
            self.load_path
                .borrow()
                .iter()
                .map(|directory| directory.join(file)),
        );
        for candidate in &candidates {
            if let Ok(text) = encodings::read_program(candidate) {
                return Ok(text);
            }
        }
        Err(Trouble::Raise(no_such_file("include", file)))
    }

    /// Every form of TEXT.
    pub fn read_all(&self, name: &str, text: &str) -> Result<Vec<Stx>> {
        let text: Rc<str> = text.into();
        let number = source::add(name, text.clone());
        let mut reader = Reader::new(&text, number);
        let mut forms = Vec::new();
        loop {
            match reader.read(&mut SyntaxBuilder::default()) {
                Ok(Some(form)) => forms.push(form),
                Ok(None) => return Ok(forms),
                Err(error) => return Err(Trouble::Raise(read_error(&error))),
            }
        }
    }

    /// Whether `cond-expand` takes NAME for granted, or a module that the
    /// current one imports brings it.
    pub fn has_feature(&self, name: &str) -> bool {
        if FEATURES.contains(&name) {
            return true;
        }
        let of_srfi = name.starts_with("srfi-");
        self.current.borrow().imports.borrow().iter().any(|import| {
            let provided = import.module.behind().features.borrow();
            provided.iter().any(|feature| &*feature.name() == name)
                || of_srfi && matches!(&import.module.name[..], [_, word] if &*word.name() == name)
        })
    }
}

/// What `cond-expand` takes for granted.
pub const FEATURES: &[&str] = &[
    "guile",
    "guile-2",
    "guile-2.2",
    "guile-3",
    "guile-3.0",
    "r5rs",
    "r6rs",
    "r7rs",
    "exact-closed",
    "ieee-float",
    "full-unicode",
    "ratios",
    "srfi-0",
    "srfi-4",
    "srfi-6",
    "srfi-13",
    "srfi-14",
    "srfi-16",
    "srfi-23",
    "srfi-30",
    "srfi-39",
    "srfi-46",
    "srfi-55",
    "srfi-61",
    "srfi-62",
    "srfi-87",
    "srfi-105",
    "fruix-scm",
];

/// The native that VALUE is, when it is one of module `(guile)`, or the one
/// that has the name of VALUE, which is the machine's own.
pub fn native_of(value: &Value) -> Option<&'static Native> {
    let world = WORLD.with(|world| world.borrow().clone())?;
    match value {
        Value::BuiltIn(function) => world
            .natives
            .values()
            .copied()
            .find(|native| matches!((native.value)(), Value::BuiltIn(other) if std::ptr::fn_addr_eq(other, *function))),
        Value::FuncV(function) => MACHINE
            .iter()
            .filter_map(|(name, global)| Some((name, global.strip_prefix("#%prim.")?)))
            .find(|(_, primitive)| matches!(builtins::steel_primitive(primitive), Value::FuncV(other) if std::ptr::fn_addr_eq(other, *function)))
            .and_then(|(name, _)| world.natives.get(name).copied()),
        _ => None,
    }
}

/// Whether the machine has a procedure of its own called NAME.
pub fn machine_has(name: &str) -> bool {
    MACHINE.iter().any(|(known, _)| *known == name)
}

/// The procedure that the native called NAME is, when it is one of module `(guile)`.
pub fn native_called(name: &str) -> Option<Value> {
    let world = WORLD.with(|world| world.borrow().clone())?;
    world.natives.get(name).map(|native| (native.value)())
}

fn native_global(native: &'static Native) -> String {
    format!("n.{}", native.name)
}

fn native_variable(native: &'static Native) -> Rc<Variable> {
    Variable::with(
        Id::named(native.name),
        native_global(native),
        State::Defined,
        Origin::Native(native),
    )
}

thread_local! {
    /// The loads that go on.
    static ACTIVE: RefCell<HashSet<u64>> = RefCell::default();
}

/// Whether the load with NUMBER still goes on.
pub fn is_active(number: u64) -> bool {
    ACTIVE.with(|active| active.borrow().contains(&number))
}

/// The load with NUMBER has ended.
pub fn end_load(number: u64) {
    ACTIVE.with(|active| active.borrow_mut().remove(&number));
}
