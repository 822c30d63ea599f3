//! Scopes: which binding an identifier means.

use crate::data::roots::Root;
use crate::namespace::keywords::{Expression, Macro, Special};
use crate::namespace::modules::Module;
use crate::syntax::identifier::{Alias, Id};
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local, Origin, State, Variable};
use std::cell::RefCell;
use std::rc::Rc;

/// What an identifier can mean.
#[derive(Clone)]
pub enum Binding {
    Local(Rc<Local>),
    Global(Rc<Variable>),
    /// A core form that is an expression.
    Expression(Expression),
    /// A core form that matters to bodies and modules: definitions, `begin` and their like.
    Special(Special),
    Macro(Rc<Macro>),
    /// `else`, `=>` and other words that only mean something inside other forms.
    Auxiliary(&'static str),
    Pattern(Rc<PatternVariable>),
    /// Which identifier is the ellipsis here; bound to [`ELLIPSIS`].
    Ellipsis(Id),
}

/// The name that `with-ellipsis` binds; no program can write it.
pub const ELLIPSIS: &str = "#ellipsis ";

/// A variable of a `syntax-case` pattern.
pub struct PatternVariable {
    pub local: Rc<Local>,
    pub depth: usize,
    /// What gets it, where it belongs to an environment.
    pub outside: Option<Root>,
}

impl PatternVariable {
    /// The core form for what it has matched.
    pub fn value(&self) -> Core {
        match &self.outside {
            None => Core::Local(self.local.clone()),
            Some(get) => {
                let get = Stx::new(Form::Opaque(get.clone()), Span::default());
                Core::call(Core::Constant(get), Vec::new(), Span::default())
            }
        }
    }
}

impl Binding {
    /// Whether the two are one binding.
    pub fn same(&self, other: &Binding) -> bool {
        match (self, other) {
            (Binding::Local(a), Binding::Local(b)) => Rc::ptr_eq(a, b),
            (Binding::Global(a), Binding::Global(b)) => Rc::ptr_eq(a, b),
            (Binding::Expression(a), Binding::Expression(b)) => a == b,
            (Binding::Special(a), Binding::Special(b)) => a == b,
            (Binding::Macro(a), Binding::Macro(b)) => Rc::ptr_eq(a, b),
            (Binding::Auxiliary(a), Binding::Auxiliary(b)) => a == b,
            (Binding::Pattern(a), Binding::Pattern(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Whether this is a module's variable that nothing has defined.
    fn is_only_referred_to(&self) -> bool {
        matches!(self, Binding::Global(variable)
            if variable.state.get() != State::Defined
                && variable.defined_at.get().is_none()
                && matches!(variable.origin, Origin::Program))
    }
}

/// A chain of frames that ends in a module.
#[derive(Clone)]
pub struct Scope(Rc<Frame>);

pub enum Frame {
    Local {
        bindings: RefCell<Vec<(Id, Binding)>>,
        parent: Scope,
        /// Whether what is inside runs when the procedure is called.
        procedure: bool,
    },
    Module(Module),
}

impl Scope {
    pub fn of_module(module: &Module) -> Scope {
        Scope(Rc::new(Frame::Module(module.clone())))
    }

    /// A frame inside this one.
    pub fn inner(&self) -> Scope {
        self.frame(false)
    }

    /// A frame inside this one, for a procedure's parameters.
    pub fn inside_procedure(&self) -> Scope {
        self.frame(true)
    }

    fn frame(&self, procedure: bool) -> Scope {
        Scope(Rc::new(Frame::Local {
            bindings: RefCell::default(),
            parent: self.clone(),
            procedure,
        }))
    }

    /// What tells this scope from others.
    pub fn address(&self) -> usize {
        match &*self.0 {
            Frame::Module(module) => module.address(),
            Frame::Local { .. } => Rc::as_ptr(&self.0) as usize,
        }
    }

    pub fn frame_of(&self) -> &Frame {
        &self.0
    }

    pub fn is_module(&self) -> bool {
        matches!(&*self.0, Frame::Module(_))
    }

    pub fn module(&self) -> Module {
        let mut scope = self;
        loop {
            match &*scope.0 {
                Frame::Module(module) => return module.clone(),
                Frame::Local { parent, .. } => scope = parent,
            }
        }
    }

    /// Bind ID in this frame; a second binding replaces the first.
    pub fn bind(&self, id: Id, binding: Binding) {
        match &*self.0 {
            Frame::Module(module) => module.bind(id, binding),
            Frame::Local { bindings, .. } => {
                let id = id.marked();
                let mut bindings = bindings.borrow_mut();
                match bindings.iter_mut().find(|(bound, _)| *bound == id) {
                    Some(entry) => entry.1 = binding,
                    None => bindings.push((id, binding)),
                }
            }
        }
    }

    /// Whether ID is bound in this very frame.
    pub fn binds(&self, id: Id) -> bool {
        match &*self.0 {
            Frame::Module(module) => module.defines(id),
            Frame::Local { bindings, .. } => {
                let id = id.marked();
                bindings.borrow().iter().any(|(bound, _)| *bound == id)
            }
        }
    }

    /// What ID means here, if anything.
    pub fn lookup(&self, id: Id) -> Option<Binding> {
        self.lookup_from(id, Some(false))
    }

    /// What ID means here; LATER tells whether it was met inside a procedure, and is
    /// nothing where only the moment counts.
    fn lookup_from(&self, id: Id, mut later: Option<bool>) -> Option<Binding> {
        let mut scope = self;
        let marked = id.marked();
        loop {
            match &*scope.0 {
                Frame::Local {
                    bindings,
                    parent,
                    procedure,
                } => {
                    if let Some((_, binding)) = bindings
                        .borrow()
                        .iter()
                        .rev()
                        .find(|(bound, _)| *bound == marked)
                    {
                        return Some(binding.clone());
                    }
                    later = later.map(|later| later | procedure);
                    scope = parent;
                }
                Frame::Module(module) => {
                    let binding = if later == Some(true) {
                        module.lookup_later(id)
                    } else {
                        module.lookup(id)
                    };
                    if binding.is_some() {
                        return binding;
                    }
                    let alias = id.alias()?;
                    return alias.scope().lookup_from(alias.inner, later);
                }
            }
        }
    }

    /// What is bound between here and the module, innermost first, each name once.
    pub fn visible(&self) -> Vec<(Id, Binding)> {
        let mut seen = std::collections::HashSet::new();
        let mut found = Vec::new();
        let mut scope = self;
        while let Frame::Local {
            bindings, parent, ..
        } = &*scope.0
        {
            for (id, binding) in bindings.borrow().iter().rev() {
                if !matches!(binding, Binding::Ellipsis(_)) && seen.insert(*id) {
                    found.push((*id, binding.clone()));
                }
            }
            scope = parent;
        }
        found
    }

    /// Which identifier is the ellipsis here, when it is not the usual one.
    pub fn ellipsis(&self) -> Option<Id> {
        match self.lookup(Id::named(ELLIPSIS)) {
            Some(Binding::Ellipsis(id)) => Some(id),
            _ => None,
        }
    }

    /// The module and the name that an identifier without binding belongs to.
    pub fn home(&self, id: Id) -> (Module, Id) {
        match id.alias() {
            None => (self.module(), id),
            Some(alias) => alias.scope().home(alias.inner),
        }
    }

    /// `free-identifier=?`, A seen from here and B from OTHER.
    pub fn same_meaning(&self, a: Id, other: &Scope, b: Id) -> bool {
        // What is going to be defined is compared as what it is now.
        // A module's variable that was only referred to means nothing yet.
        let meaning = |scope: &Scope, id: Id| {
            scope
                .lookup_from(id, None)
                .filter(|binding| !binding.is_only_referred_to())
        };
        match (meaning(self, a), meaning(other, b)) {
            (Some(a), Some(b)) => a.same(&b),
            (None, None) => a.base() == b.base(),
            _ => false,
        }
    }
}

thread_local! {
    /// Where the macro was defined that brought in each alias, by the alias's number.
    static DEFINED_IN: RefCell<Vec<Scope>> = RefCell::default();
}

impl Alias {
    /// Where the macro was defined.
    pub fn scope(&self) -> Scope {
        DEFINED_IN.with(|scopes| scopes.borrow()[self.number as usize].clone())
    }
}

impl Id {
    /// The alias for this name in EXPANSION of a macro defined in SCOPE.
    pub fn introduced(self, expansion: u32, scope: &Scope) -> Id {
        let (id, fresh) = self.alias_at(expansion, scope.address());
        if fresh {
            DEFINED_IN.with(|scopes| scopes.borrow_mut().push(scope.clone()));
        }
        id
    }

    /// The identifier called NAME with the same history as this one.
    pub fn sibling(self, name: Id) -> Id {
        match self.alias() {
            None => name,
            Some(alias) => alias
                .inner
                .sibling(name)
                .introduced(alias.expansion, &alias.scope()),
        }
    }
}
