//! Modules: tables of bindings, what each exports, and what each sees of others.

use super::core::{State, Variable};
use super::expander::scope::Binding;
use super::syntax::Id;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A module's name: `(ice-9 match)`.
pub type Name = Vec<Id>;

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

pub struct Data {
    pub name: Name,
    table: RefCell<HashMap<Id, Binding>>,
    pub imports: RefCell<Vec<Import>>,
    /// The name others see, to the name it has here.
    pub exports: RefCell<HashMap<Id, Id>>,
    pub progress: Cell<Progress>,
    /// `(guile)` itself: names come into being when they are asked for.
    core: Cell<bool>,
    pub documentation: RefCell<Option<String>>,
    pub file: RefCell<Option<String>>,
    /// Names that replace others' without complaint.
    pub replaces: RefCell<Vec<Id>>,
    /// Names that the text being loaded defines further down.
    announced: RefCell<Option<Rc<HashSet<Id>>>>,
    /// Bindings found by looking at imports; emptied when imports change.
    found: RefCell<HashMap<Id, Binding>>,
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
            self.module.lookup(external)
        } else {
            self.module.exported(external)
        }
    }

    /// The names this import brings.
    pub fn names(&self) -> Vec<Id> {
        let prefix = self.prefix.as_deref().unwrap_or("");
        let here = |name: Id| Id::named(&format!("{prefix}{}", name.name()));
        match &self.select {
            Some(select) => select.keys().map(|name| here(*name)).collect(),
            None => self
                .module
                .exported_names()
                .into_iter()
                .filter(|name| !self.hide.contains(name))
                .map(here)
                .collect(),
        }
    }
}

impl Module {
    pub fn new(name: Name) -> Module {
        Module(Rc::new(Data {
            name,
            table: RefCell::default(),
            imports: RefCell::default(),
            exports: RefCell::default(),
            progress: Cell::new(Progress::Ready),
            core: Cell::new(false),
            documentation: RefCell::default(),
            file: RefCell::default(),
            replaces: RefCell::default(),
            announced: RefCell::default(),
            found: RefCell::default(),
        }))
    }

    /// The module `(guile)`.
    pub fn core() -> Module {
        let module = Module::new(vec![Id::named("guile")]);
        module.0.core.set(true);
        module
    }

    pub fn is_core(&self) -> bool {
        self.0.core.get()
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

    /// The binding of NAME inside a procedure, which runs when all is defined.
    pub fn lookup_later(&self, name: Id) -> Option<Binding> {
        if !self.announces(name) {
            return self.lookup(name);
        }
        self.lookup_own(name)
            .or_else(|| Some(Binding::Global(self.variable(name))))
    }

    fn announces(&self, name: Id) -> bool {
        let announced = self.0.announced.borrow();
        announced
            .as_ref()
            .is_some_and(|names| names.contains(&name))
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
        if let Some(binding) = self.0.found.borrow().get(&name) {
            return Some(binding.clone());
        }
        // The last import that has the name wins; `(guile)` comes first and so is weakest.
        let binding = self
            .0
            .imports
            .borrow()
            .iter()
            .rev()
            .find_map(|import| import.lookup(name))?;
        self.0.found.borrow_mut().insert(name, binding.clone());
        Some(binding)
    }

    /// The binding of NAME made here.
    pub fn lookup_own(&self, name: Id) -> Option<Binding> {
        if let Some(binding) = self.0.table.borrow().get(&name) {
            return Some(binding.clone());
        }
        if self.is_core() && !name.is_alias() {
            let binding = super::world::core_binding(name)?;
            self.0.table.borrow_mut().insert(name, binding.clone());
            return Some(binding);
        }
        None
    }

    /// The binding that others see as NAME.
    pub fn exported(&self, name: Id) -> Option<Binding> {
        if self.is_core() {
            return self.lookup_own(name);
        }
        let internal = *self.0.exports.borrow().get(&name)?;
        match self.lookup(internal) {
            Some(binding) => Some(binding),
            // Exported before it is defined.
            None => Some(Binding::Global(self.variable(internal))),
        }
    }

    pub fn exported_names(&self) -> Vec<Id> {
        if self.is_core() {
            return super::world::core_names();
        }
        self.0.exports.borrow().keys().copied().collect()
    }

    /// Every name defined here.
    pub fn own_names(&self) -> Vec<Id> {
        self.0.table.borrow().keys().copied().collect()
    }

    /// Every name a program in this module can use.
    pub fn visible_names(&self) -> Vec<Id> {
        let mut names = self.own_names();
        if self.is_core() {
            names.extend(super::world::core_names());
        }
        for import in self.0.imports.borrow().iter() {
            names.extend(import.names());
        }
        names
    }

    pub fn bind(&self, name: Id, binding: Binding) {
        self.0.found.borrow_mut().remove(&name);
        self.0.table.borrow_mut().insert(name, binding);
    }

    pub fn unbind(&self, name: Id) {
        self.0.table.borrow_mut().remove(&name);
    }

    /// The variable NAME of this module itself, made when it is not there.
    pub fn variable(&self, name: Id) -> Rc<Variable> {
        if let Some(Binding::Global(variable)) = self.lookup_own(name) {
            return variable;
        }
        let variable = Variable::fresh(name.base());
        self.bind(name, Binding::Global(variable.clone()));
        variable
    }

    /// Whether NAME is defined here, not merely referred to.
    pub fn defines(&self, name: Id) -> bool {
        match self.lookup_own(name) {
            Some(Binding::Global(variable)) => variable.state.get() == State::Defined,
            Some(_) => true,
            None => false,
        }
    }

    pub fn import(&self, import: Import) {
        if import.module.same(self) {
            return;
        }
        self.0.found.borrow_mut().clear();
        let mut imports = self.0.imports.borrow_mut();
        // A name that was referred to before it was imported was taken for a
        // variable of this module; the import gives it its meaning now.
        let mut table = self.0.table.borrow_mut();
        if !self.is_core() {
            table.retain(|name, binding| match binding {
                Binding::Global(variable) => {
                    variable.state.get() != State::Fresh
                        || self.announces(*name)
                        || import.lookup(*name).is_none()
                }
                _ => true,
            });
        }
        imports.push(import);
    }

    pub fn export(&self, internal: Id, external: Id) {
        self.0.exports.borrow_mut().insert(external, internal);
    }
}

impl std::ops::Deref for Module {
    type Target = Data;

    fn deref(&self) -> &Data {
        &self.0
    }
}
