//! Modules: tables of bindings, what each exports, and what each sees of others.

use crate::data::tables::HashMap;
use crate::namespace::scope::Binding;
use crate::namespace::{guile_names, registry};
use crate::syntax::identifier::Id;
use crate::tree_il::{Home, Origin, State, Variable};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

/// A module's name: `(ice-9 match)`.
pub type Name = Vec<Id>;

thread_local! {
    /// How often any module has changed what it exports.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    /// Variables that stand for imported ones until they are defined, each with
    /// the one whose value it has so far, as long as the machine does not know.
    static BORROWED: RefCell<Vec<(Rc<Variable>, Rc<Variable>)>> = RefCell::default();
    /// The same, for whoever writes down what modules expand to.
    static NOTED: RefCell<Vec<(Rc<Variable>, Rc<Variable>)>> = RefCell::default();
}

/// What has been borrowed for variables of the module called NAME since somebody asked,
/// where what modules expand to is written down.
pub fn take_noted(name: &[Id]) -> Vec<(Rc<Variable>, Rc<Variable>)> {
    NOTED.with(|noted| {
        let of_module = |(variable, _): &mut (Rc<Variable>, Rc<Variable>)| {
            variable
                .home
                .get()
                .is_some_and(|home| *home.module == *name)
        };
        noted.borrow_mut().extract_if(.., of_module).collect()
    })
}

/// VARIABLE has to be given what FOUND holds.
pub fn borrow(variable: Rc<Variable>, found: Rc<Variable>) {
    BORROWED.with(|borrowed| borrowed.borrow_mut().push((variable, found)));
}

/// The variables that have to be given what is imported, each once.
pub fn take_borrowed() -> Vec<(Rc<Variable>, Rc<Variable>)> {
    BORROWED.with(RefCell::take)
}

/// What modules have found in others may no longer be true.
fn exports_changed() {
    CHANGES.with(|changes| changes.set(changes.get() + 1));
}

/// NAME as Guile writes it.
pub fn written(name: &[Id]) -> String {
    let words: Vec<_> = name.iter().map(|word| word.name().to_string()).collect();
    format!("({})", words.join(" "))
}

#[derive(Clone)]
pub struct Module(Rc<Data>);

/// How far loading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Made by a program, or loaded.
    Ready,
    /// Its file is being loaded, by the load with this number.
    Loading(u64),
}

/// Where a module's names come from that nothing has bound in it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supply {
    /// From nowhere.
    None,
    /// All that the language is made of.
    Language,
    /// What of that Guile's module `(guile)` shows.
    Guile,
}

pub struct Data {
    pub name: Name,
    table: RefCell<HashMap<Id, Binding>>,
    pub imports: RefCell<Vec<Import>>,
    /// The name others see, to the name it has here.
    pub exports: RefCell<HashMap<Id, Id>>,
    pub progress: Cell<Progress>,
    /// Where names come from when they are first asked for.
    supply: Supply,
    pub documentation: RefCell<Option<String>>,
    pub file: RefCell<Option<String>>,
    /// Names that replace others' without complaint.
    pub replaces: RefCell<Vec<Id>>,
    /// Names that the text being loaded defines further down.
    announced: RefCell<Option<Rc<HashSet<Id>>>>,
    /// The same once that text has been read to its end: what of it is still not
    /// defined was taken for a name by mistake, and means what is imported.
    foretold: RefCell<Option<Rc<HashSet<Id>>>>,
    /// What `cond-expand` knows in modules that import this one.
    pub features: RefCell<Vec<Id>>,
    /// `#:version`.
    pub version: RefCell<Vec<isize>>,
    /// What happens when two imports have one name: the policies in order.
    pub duplicates: RefCell<Vec<Id>>,
    /// The module whose exports this one is the public interface of.
    base: Option<Module>,
    interface: RefCell<Option<Module>>,
    /// It is one of the language's own, which see what `(guile)` does not show.
    pub of_language: Cell<bool>,
    /// Others may import it: something has made it a module, not merely asked
    /// for one of that name.
    pub public: Cell<bool>,
    /// What `set-module-name!` and `set-module-kind!` have said.
    pub renamed: RefCell<Option<Name>>,
    pub kind: RefCell<Option<Id>>,
    /// Variables of other modules that wait for what this module will define,
    /// by the name it has here: a module of a cycle refers to what is not there yet.
    waiting: RefCell<HashMap<Id, Vec<Waiting>>>,
    /// What is being looked for among the imports now: modules may import each other.
    sought: RefCell<Vec<Id>>,
    /// Bindings found by looking at imports, as of that many changes of exports.
    found: RefCell<HashMap<Id, Binding>>,
    found_at: Cell<u64>,
    /// What its file and those it builds on say, where that is all that it is made of.
    pub digest: Cell<Option<Digest>>,
    /// Its name, for variables.
    shared_name: OnceCell<Rc<[Id]>>,
}

/// A digest of a text and of what that builds on.
pub type Digest = [u8; 32];

/// A reference of MODULE to NAME that what another module will define satisfies.
#[derive(Clone)]
pub struct Waiting {
    pub module: Module,
    pub name: Id,
    pub placeholder: Rc<Variable>,
}

/// What a module sees of another.
#[derive(Clone)]
pub struct Import {
    pub module: Module,
    /// Only these: the name here, to the name there.
    pub select: Option<HashMap<Id, Id>>,
    pub hide: Vec<Id>,
    /// Renames by `#:renamer` or R6RS `rename`: here to there, in place of the plain name.
    pub prefix: Option<String>,
    /// See everything, exported or not.
    pub private: bool,
    /// Names for which an import not yet loaded is wanted (`#:autoload`).
    pub autoload: bool,
}

impl Import {
    pub fn all(module: Module) -> Import {
        Import {
            module,
            select: None,
            hide: Vec::new(),
            prefix: None,
            private: false,
            autoload: false,
        }
    }

    /// NAMES of MODULE, which is loaded when one of them is used.
    pub fn autoload(module: Module, names: &[Id]) -> Import {
        Import {
            select: Some(names.iter().map(|name| (*name, *name)).collect()),
            autoload: true,
            ..Import::all(module)
        }
    }

    /// The name in the exporting module of what is NAME here.
    fn external(&self, name: Id) -> Option<Id> {
        let name = match &self.prefix {
            Some(prefix) => Id::named(name.name().strip_prefix(prefix.as_str())?),
            None => name,
        };
        if self.hide.contains(&name) {
            return None;
        }
        match &self.select {
            Some(select) => select.get(&name).copied(),
            None => Some(name),
        }
    }

    fn lookup(&self, name: Id) -> Option<Binding> {
        let external = self.external(name)?;
        if self.private {
            return self.module.lookup(external);
        }
        if self.autoload {
            return registry::world()
                .loaded(&self.module.name)?
                .exported(external);
        }
        match self.is_whole() {
            true => self.module.exported(external),
            false => self.module.exported_itself(external),
        }
    }

    /// Whether the name comes with its module's wish to replace others.
    fn replaces(&self, name: Id) -> bool {
        self.external(name)
            .is_some_and(|name| self.module.replaces.borrow().contains(&name))
    }

    /// Whether nothing of the module is left out or renamed.
    pub fn is_whole(&self) -> bool {
        self.select.is_none() && self.prefix.is_none() && self.hide.is_empty()
    }

    /// The names this import brings.
    pub fn names(&self) -> Vec<Id> {
        let prefix = self.prefix.as_deref().unwrap_or("");
        let here = |name: Id| Id::named(&format!("{prefix}{}", name.name()));
        match &self.select {
            Some(select) => select.keys().map(|name| here(*name)).collect(),
            None => self
                .module
                .public_names()
                .into_iter()
                .filter(|name| !self.hide.contains(name))
                .map(here)
                .collect(),
        }
    }
}

impl Module {
    pub fn new(name: Name) -> Module {
        Module::with(name, None, Supply::None)
    }

    fn with(name: Name, base: Option<Module>, supply: Supply) -> Module {
        Module(Rc::new(Data {
            name,
            base,
            interface: RefCell::default(),
            public: Cell::new(true),
            version: RefCell::default(),
            features: RefCell::default(),
            duplicates: RefCell::default(),
            renamed: RefCell::default(),
            kind: RefCell::default(),
            waiting: RefCell::default(),
            table: RefCell::default(),
            imports: RefCell::default(),
            exports: RefCell::default(),
            progress: Cell::new(Progress::Ready),
            supply,
            of_language: Cell::new(false),
            documentation: RefCell::default(),
            file: RefCell::default(),
            replaces: RefCell::default(),
            announced: RefCell::default(),
            foretold: RefCell::default(),
            sought: RefCell::default(),
            found: RefCell::default(),
            found_at: Cell::new(0),
            digest: Cell::new(None),
            shared_name: OnceCell::new(),
        }))
    }

    /// The module in which everything is that the language is made of. It says that it
    /// is `(guile)`, which is what programs know of it.
    pub fn language() -> Module {
        Module::with(vec![Id::named("guile")], None, Supply::Language)
    }

    /// The module `(guile)`.
    pub fn guile() -> Module {
        Module::with(vec![Id::named("guile")], None, Supply::Guile)
    }

    /// Whether this is `(guile)`, or the module behind it.
    pub fn is_core(&self) -> bool {
        self.0.supply != Supply::None
    }

    /// What this module exports, as a module; `(guile)` is its own.
    pub fn interface(&self) -> Module {
        if self.is_core() || self.0.base.is_some() {
            return self.clone();
        }
        self.0
            .interface
            .borrow_mut()
            .get_or_insert_with(|| {
                Module::with(self.name.clone(), Some(self.clone()), Supply::None)
            })
            .clone()
    }

    /// The module that this one is the public interface of, or this one itself.
    pub fn behind(&self) -> &Module {
        self.0.base.as_ref().unwrap_or(self)
    }

    pub fn is_interface(&self) -> bool {
        self.0.base.is_some()
    }

    pub fn same(&self, other: &Module) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }

    /// The binding of NAME here or in what this module imports.
    pub fn lookup(&self, name: Id) -> Option<Binding> {
        match self.lookup_own(name) {
            // What was only foretold does not hide what is imported, and where the machine
            // has never heard of it, it is not bound.
            Some(Binding::Global(variable))
                if variable.state.get() != State::Defined && self.foretold(name) =>
            {
                self.imported(name).or_else(|| {
                    (variable.state.get() == State::Declared).then_some(Binding::Global(variable))
                })
            }
            // What is still to be defined does not hide what is imported yet.
            Some(Binding::Global(variable))
                if variable.state.get() != State::Defined && self.announces(name) =>
            {
                Some(self.imported(name).unwrap_or(Binding::Global(variable)))
            }
            Some(binding) => Some(binding),
            None => self.imported(name),
        }
    }

    /// The binding of NAME inside a procedure, which may run before all is defined
    /// or after that: what is going to be defined means what is imported until then.
    pub fn lookup_later(&self, name: Id) -> Option<Binding> {
        if !self.announces(name) {
            return self.lookup(name);
        }
        if let Some(own) = self.lookup_own(name) {
            return Some(own);
        }
        let found = match self.imported(name) {
            Some(Binding::Global(found)) => found,
            None => return Some(Binding::Global(self.variable(name))),
            // Guile expands one form after the other.
            keyword => return keyword,
        };
        let variable = self.variable(name);
        let has_value =
            found.state.get() == State::Defined || !matches!(found.origin, Origin::Program);
        if has_value {
            if registry::world().writes_down.get() {
                let pair = (variable.clone(), found.clone());
                NOTED.with(|noted| noted.borrow_mut().push(pair));
            }
            borrow(variable.clone(), found);
        }
        Some(Binding::Global(variable))
    }

    /// Whether the text that is being loaded defines NAME further down.
    pub fn announces(&self, name: Id) -> bool {
        let announced = self.0.announced.borrow();
        announced
            .as_ref()
            .is_some_and(|names| names.contains(&name))
    }

    fn foretold(&self, name: Id) -> bool {
        let foretold = self.0.foretold.borrow();
        foretold.as_ref().is_some_and(|names| names.contains(&name))
    }

    /// Tell that the text has been read to its end.
    pub fn no_more_to_announce(&self) {
        let announced = self.0.announced.take();
        if announced.is_some() {
            *self.0.foretold.borrow_mut() = announced;
        }
    }

    /// Tell that NAMES are going to be defined.
    pub fn announce(&self, names: &Rc<HashSet<Id>>) {
        let mut announced = self.0.announced.borrow_mut();
        if !announced
            .as_ref()
            .is_some_and(|before| Rc::ptr_eq(before, names))
        {
            *announced = Some(names.clone());
        }
    }

    fn imported(&self, name: Id) -> Option<Binding> {
        if name.is_alias() {
            return None;
        }
        if self.0.base.is_some() {
            return self.exported(name);
        }
        let changes = CHANGES.with(Cell::get);
        if self.0.found_at.replace(changes) != changes {
            self.0.found.borrow_mut().clear();
        }
        if let Some(binding) = self.0.found.borrow().get(&name) {
            return Some(binding.clone());
        }
        let binding = self.choose(name)?;
        self.0.found.borrow_mut().insert(name, binding.clone());
        Some(binding)
    }

    /// What the imports give for NAME. `(guile)` comes first and is weakest; of
    /// the others the last wins, unless a policy says otherwise.
    fn choose(&self, name: Id) -> Option<Binding> {
        if self.0.sought.borrow().contains(&name) {
            return None;
        }
        self.0.sought.borrow_mut().push(name);
        let chosen = self.choose_among_imports(name);
        self.0.sought.borrow_mut().pop();
        chosen
    }

    fn choose_among_imports(&self, name: Id) -> Option<Binding> {
        let imports = self.0.imports.borrow();
        let mut chosen: Option<(&Import, Binding)> = None;
        for import in imports.iter() {
            let Some(binding) = import.lookup(name) else {
                continue;
            };
            chosen = Some(match chosen {
                Some((before, old)) if !old.same(&binding) && !before.module.is_core() => {
                    if self.prefers_first(before, import, name) {
                        (before, old)
                    } else {
                        (import, binding)
                    }
                }
                _ => (import, binding),
            });
        }
        chosen.map(|(_, binding)| binding)
    }

    fn prefers_first(&self, first: &Import, second: &Import, name: Id) -> bool {
        for policy in self.0.duplicates.borrow().iter() {
            match &*policy.name() {
                "replace" => match (first.replaces(name), second.replaces(name)) {
                    (true, false) => return true,
                    (false, true) => return false,
                    _ => {}
                },
                "first" => return true,
                "last" => return false,
                _ => {}
            }
        }
        self.0.duplicates.borrow().is_empty() && first.replaces(name) && !second.replaces(name)
    }

    /// Two imports that both have NAME, where the policy is to complain of that.
    pub fn conflict(&self, name: Id) -> Option<(Module, Module)> {
        let checks = self
            .0
            .duplicates
            .borrow()
            .iter()
            .any(|policy| &*policy.name() == "check");
        if !checks || self.lookup_own(name).is_some() {
            return None;
        }
        let imports = self.0.imports.borrow();
        let mut found: Option<(&Import, Binding)> = None;
        for import in imports.iter() {
            let Some(binding) = import.lookup(name) else {
                continue;
            };
            match &found {
                Some((before, old)) if !old.same(&binding) => {
                    return Some((before.module.clone(), import.module.clone()));
                }
                _ => found = Some((import, binding)),
            }
        }
        None
    }

    /// The import that gives NAME its meaning.
    pub fn import_of(&self, name: Id) -> Option<Import> {
        if self.lookup_own(name).is_some() {
            return None;
        }
        let binding = self.lookup(name)?;
        self.0
            .imports
            .borrow()
            .iter()
            .rev()
            .find(|import| {
                import
                    .lookup(name)
                    .is_some_and(|found| found.same(&binding))
            })
            .cloned()
    }

    /// Who waits for what this module calls NAME inside.
    pub fn waiting_for(&self, name: Id) -> Vec<Waiting> {
        let waiting = self.0.waiting.borrow();
        if waiting.is_empty() {
            return Vec::new();
        }
        self.0
            .exports
            .borrow()
            .iter()
            .filter(|(_, internal)| **internal == name)
            .filter_map(|(external, _)| waiting.get(external))
            .flatten()
            .cloned()
            .collect()
    }

    /// A reference to NAME that nothing binds yet: a variable of this module,
    /// and of a module that is being loaded when that will turn out to have it.
    pub fn placeholder(&self, name: Id) -> Rc<Variable> {
        let variable = self.variable(name);
        for import in self.0.imports.borrow().iter() {
            if import.module.progress.get() != Progress::Ready
                && let Some(external) = import.external(name)
            {
                let mut waiting = import.module.behind().waiting.borrow_mut();
                waiting.entry(external).or_default().push(Waiting {
                    module: self.clone(),
                    name,
                    placeholder: variable.clone(),
                });
            }
        }
        variable
    }

    /// The binding of NAME made here.
    pub fn lookup_own(&self, name: Id) -> Option<Binding> {
        let name = name.marked();
        if let Some(binding) = self.0.table.borrow().get(&name) {
            return Some(binding.clone());
        }
        if name.is_alias() {
            return None;
        }
        let binding = match self.0.supply {
            Supply::None => None,
            Supply::Language => registry::core_binding(name),
            Supply::Guile => registry::guile_binding(name),
        }?;
        self.0.table.borrow_mut().insert(name, binding.clone());
        Some(binding)
    }

    /// The binding that others see as NAME: what the public interface itself has, what
    /// the module says that it exports, and what the interface imports.
    pub fn exported(&self, name: Id) -> Option<Binding> {
        if self.is_core() {
            return self.lookup_own(name);
        }
        if let Some(base) = &self.0.base {
            return self
                .lookup_own(name)
                .or_else(|| base.exported_by_name(name))
                .or_else(|| self.choose(name));
        }
        let interface = self.0.interface.borrow().clone();
        match interface {
            Some(interface) => interface.exported(name),
            None => self.exported_by_name(name),
        }
    }

    /// The same without what the interface imports, of which an import that chooses or
    /// renames gets nothing.
    pub fn exported_itself(&self, name: Id) -> Option<Binding> {
        if self.is_core() {
            return self.lookup_own(name);
        }
        let interface = match self.is_interface() {
            true => Some(self.clone()),
            false => self.0.interface.borrow().clone(),
        };
        interface
            .and_then(|interface| interface.lookup_own(name))
            .or_else(|| self.behind().exported_by_name(name))
    }

    fn exported_by_name(&self, name: Id) -> Option<Binding> {
        let internal = *self.0.exports.borrow().get(&name)?;
        match self.lookup(internal) {
            Some(binding) => Some(binding),
            // Exported before it is defined.
            None => Some(Binding::Global(self.variable(internal))),
        }
    }

    pub fn exported_names(&self) -> Vec<Id> {
        if self.is_core() {
            return self.own_names();
        }
        if self.0.base.is_some() {
            return self.own_names();
        }
        match &*self.0.interface.borrow() {
            Some(interface) => interface.own_names(),
            None => self.0.exports.borrow().keys().copied().collect(),
        }
    }

    /// The names that others see, those included that the public interface imports.
    fn public_names(&self) -> Vec<Id> {
        let mut names = self.exported_names();
        let interface = match self.is_interface() {
            true => Some(self.clone()),
            false => self.0.interface.borrow().clone(),
        };
        for import in interface.iter().flat_map(|i| i.imports.borrow().clone()) {
            names.extend(import.names());
        }
        names
    }

    /// Every name defined here.
    pub fn own_names(&self) -> Vec<Id> {
        let mut names: Vec<Id> = self.0.table.borrow().keys().copied().collect();
        if self.is_core() {
            let supplied = registry::core_names().into_iter();
            names.extend(supplied.filter(|name| {
                self.0.supply == Supply::Language || guile_names::shows(&name.name())
            }));
            names.sort_unstable();
            names.dedup();
        }
        if let Some(base) = &self.0.base {
            names.extend(base.0.exports.borrow().keys());
            names.sort_unstable();
            names.dedup();
        }
        names
    }

    /// Every name a program in this module can use.
    pub fn visible_names(&self) -> Vec<Id> {
        let mut names = self.own_names();
        for import in self.0.imports.borrow().iter() {
            names.extend(import.names());
        }
        names
    }

    /// It is no longer only what its file has made of it.
    pub fn altered(&self) {
        let module = self.behind();
        if module.progress.get() == Progress::Ready {
            module.digest.set(None);
        }
    }

    /// VARIABLE is known in this module by KEY.
    pub fn is_home_of(&self, variable: &Variable, key: Id) {
        let module = self.shared_name.get_or_init(|| self.name.clone().into());
        let _it_had_another = variable.home.set(Home {
            module: module.clone(),
            key: key.marked(),
        });
    }

    pub fn bind(&self, name: Id, binding: Binding) {
        self.altered();
        if let Binding::Global(variable) = &binding {
            self.is_home_of(variable, name);
        }
        self.insert(name, binding);
    }

    fn insert(&self, name: Id, binding: Binding) {
        if self
            .0
            .table
            .borrow_mut()
            .insert(name.marked(), binding)
            .is_some()
        {
            exports_changed();
        }
    }

    pub fn unbind(&self, name: Id) {
        self.altered();
        self.0.table.borrow_mut().remove(&name.marked());
        exports_changed();
    }

    /// The variable NAME of this module itself, made when it is not there.
    pub fn variable(&self, name: Id) -> Rc<Variable> {
        if let Some(Binding::Global(variable)) = self.lookup_own(name) {
            return variable;
        }
        let variable = Variable::fresh(name.base());
        self.is_home_of(&variable, name);
        self.insert(name, Binding::Global(variable.clone()));
        variable
    }

    /// Whether NAME is defined here, not merely referred to.
    pub fn defines(&self, name: Id) -> bool {
        let own = match &self.0.base {
            Some(_) => self.exported(name),
            None => self.lookup_own(name),
        };
        match own {
            Some(Binding::Global(variable)) => {
                variable.state.get() == State::Defined
                    || !matches!(variable.origin, Origin::Program)
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Import; the variables that programs have referred to already, each with
    /// the one that it turns out to be.
    pub fn import(&self, import: Import) -> Vec<(Rc<Variable>, Rc<Variable>)> {
        if import.module.same(self) {
            return Vec::new();
        }
        let again = |known: &Import| {
            known.is_whole()
                && !known.autoload
                && known.private == import.private
                && known.module.behind().same(import.module.behind())
        };
        if import.is_whole() && self.0.imports.borrow().iter().any(again) {
            return Vec::new();
        }
        self.altered();
        self.0.found.borrow_mut().clear();
        let mut imports = self.0.imports.borrow_mut();
        // A name that was referred to before it was imported was taken for a
        // variable of this module; the import gives it its meaning now.
        let mut table = self.0.table.borrow_mut();
        let mut known = Vec::new();
        if !self.is_core() {
            table.retain(|name, binding| match binding {
                Binding::Global(variable)
                    if variable.state.get() != State::Defined
                        && !self.announces(*name)
                        && matches!(variable.origin, Origin::Program) =>
                {
                    match import.lookup(*name) {
                        None => true,
                        Some(Binding::Global(found)) if variable.state.get() == State::Declared => {
                            known.push((variable.clone(), found));
                            false
                        }
                        Some(_) => variable.state.get() == State::Declared,
                    }
                }
                _ => true,
            });
        }
        imports.push(import);
        known
    }

    /// Whether an import is of a module that is still being loaded.
    pub fn imports_are_coming(&self) -> bool {
        let imports = self.0.imports.borrow();
        imports
            .iter()
            .any(|import| import.autoload || import.module.progress.get() != Progress::Ready)
    }

    pub fn export(&self, internal: Id, external: Id) {
        self.altered();
        self.0.public.set(true);
        let before = self.0.exports.borrow_mut().insert(external, internal);
        if before != Some(internal) {
            exports_changed();
        }
    }
}

impl std::ops::Deref for Module {
    type Target = Data;

    fn deref(&self) -> &Data {
        &self.0
    }
}
