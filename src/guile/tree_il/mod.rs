//! Core forms: what the expander leaves behind and the emitter prints.

pub mod values;

use crate::data::native::Native;
use crate::data::value;
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::Stx;
use std::cell::{Cell, LazyCell, OnceCell, RefCell};
use std::rc::Rc;

/// A program without macros, modules and scopes.
pub enum Core {
    /// A datum that stands for itself.
    Constant(Stx),
    Unspecified,
    Local(Rc<Local>),
    Global(Rc<Variable>, Span),
    SetLocal(Rc<Local>, Box<Core>),
    SetGlobal(Rc<Variable>, Box<Core>, Span),
    DefineGlobal(Rc<Variable>, Box<Core>),
    If(Box<Core>, Box<Core>, Box<Core>),
    Lambda(Rc<Lambda>),
    Call(Box<Core>, Vec<Core>, Span),
    /// Bindings whose values do not see each other.
    Let(Vec<(Rc<Local>, Core)>, Box<Core>),
    /// Bindings made one after the other, each seeing all (`letrec*`).
    Letrec(Vec<(Rc<Local>, Core)>, Box<Core>),
    Seq(Vec<Core>),
    /// A global of the machine's own, by its name there.
    Machine(&'static str),
    /// A procedure that is compiled when it is first called.
    Deferred(Rc<Deferred>),
    /// A deferred procedure at last: it takes the place of what stood for it, which the
    /// machine knows by that number.
    Settle(Rc<Deferred>, usize),
}

/// A procedure of a module's that is compiled when it is first called. Until then a
/// small one stands for it that takes as many arguments.
pub struct Deferred {
    /// What it is defined as.
    pub variable: Rc<Variable>,
    /// How the machine calls it: with so many arguments, and perhaps with more.
    pub parameters: usize,
    pub rest: bool,
    pub takes: Takes,
    /// It gives one value, as long as nobody changes it.
    pub gives_one: bool,
    pub lambda: LazyCell<Rc<Lambda>, Box<dyn FnOnce() -> Rc<Lambda>>>,
}

pub struct Lambda {
    pub parameters: Vec<Rc<Local>>,
    pub rest: Option<Rc<Local>>,
    pub body: Core,
    pub name: RefCell<Option<Id>>,
    /// What the program wrote, where that says more than the parameters.
    pub signature: RefCell<Option<Signature>>,
    /// The string at the front of its body.
    pub documentation: RefCell<Option<String>>,
    pub span: Span,
}

/// The arguments of a procedure with optional ones or keywords.
pub struct Signature {
    pub formals: String,
    pub required: usize,
    pub optional: usize,
    pub rest: bool,
    /// It takes no more than these, neither keywords nor what another clause takes.
    pub bounded: bool,
}

/// How many arguments a procedure takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    pub least: usize,
    pub most: Option<usize>,
}

impl Takes {
    pub fn fits(self, count: usize) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }
}

impl Lambda {
    pub fn takes(&self) -> Takes {
        match &*self.signature.borrow() {
            Some(signature) => Takes {
                least: signature.required,
                most: (signature.bounded && !signature.rest)
                    .then_some(signature.required + signature.optional),
            },
            None => Takes {
                least: self.parameters.len(),
                most: self.rest.is_none().then_some(self.parameters.len()),
            },
        }
    }
}

/// A local variable.
pub struct Local {
    pub name: Id,
    pub number: u32,
    /// `set!` changes it.
    pub assigned: Cell<bool>,
    /// It is used other than by being called.
    pub escapes: Cell<bool>,
    /// It lives in a cell of the machine.
    pub boxed: Cell<bool>,
    /// Something may refer to it before it has its value.
    pub early: Cell<bool>,
    /// It holds all values of an expression.
    pub holds_several: Cell<bool>,
    /// It is a procedure that certainly gives one value.
    pub gives_one: Cell<bool>,
    /// It is a procedure that takes so many arguments, and shows as this.
    pub takes: RefCell<Option<(Takes, String)>>,
    /// It is a procedure that has become a global of the machine.
    pub lifted: RefCell<Option<Rc<Lifted>>>,
}

/// A local procedure that nobody holds as a value: a global of the machine,
/// which is given the variables it refers to before its own arguments.
pub struct Lifted {
    pub global: String,
    pub captured: Vec<Rc<Local>>,
}

thread_local! {
    static LOCALS: Cell<u32> = const { Cell::new(0) };
}

impl Local {
    pub fn new(name: Id) -> Rc<Local> {
        Local::made(name, false)
    }

    /// A variable for all values of an expression.
    pub fn of_values() -> Rc<Local> {
        Local::made(Id::named("values"), true)
    }

    /// One that ASSIGNED says is set, and HOLDS_SEVERAL holds all values of an expression.
    pub fn known(name: Id, assigned: bool, holds_several: bool) -> Rc<Local> {
        let local = Local::made(name, holds_several);
        local.assigned.set(assigned);
        local
    }

    fn made(name: Id, holds_several: bool) -> Rc<Local> {
        let number = LOCALS.with(|locals| {
            locals.set(locals.get() + 1);
            locals.get()
        });
        Rc::new(Local {
            name,
            number,
            assigned: Cell::new(false),
            escapes: Cell::new(false),
            boxed: Cell::new(false),
            early: Cell::new(false),
            holds_several: Cell::new(holds_several),
            gives_one: Cell::new(false),
            takes: RefCell::new(None),
            lifted: RefCell::new(None),
        })
    }
}

/// How far a module's variable has come in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The machine does not know it.
    Fresh,
    /// It holds the marker that says it is unbound, or may.
    Declared,
    /// It certainly holds a value.
    Defined,
}

/// Where the value of a variable comes from.
pub enum Origin {
    Program,
    /// A function in Rust.
    Native(&'static Native),
    /// A definition of `scheme/guile/boot`, compiled when first used.
    Boot(usize),
    /// A global of the machine's own.
    Machine,
}

/// A module's variable.
pub struct Variable {
    pub name: Id,
    /// What the machine calls it.
    pub global: String,
    pub state: Cell<State>,
    /// Changed by `set!` or defined twice.
    pub assigned: Cell<bool>,
    /// It is a procedure that gives one value, as long as nobody changes it.
    pub gives_one: Cell<bool>,
    /// What the machine calls a procedure that does what this does and goes on to
    /// give one value, once a caller relies on that.
    pub single: RefCell<Option<String>>,
    /// It is a procedure that takes so many arguments.
    pub takes: Cell<Option<Takes>>,
    pub origin: Origin,
    pub documentation: RefCell<Option<String>>,
    pub defined_at: Cell<Option<Span>>,
    /// Where another process finds what is the same to its programs.
    pub home: OnceCell<Home>,
}

/// The name of a module and what stands for a variable in it.
pub struct Home {
    pub module: Rc<[Id]>,
    pub key: Id,
}

thread_local! {
    static GLOBALS: Cell<u32> = const { Cell::new(0) };
}

impl Variable {
    /// A variable of a program's module.
    pub fn fresh(name: Id) -> Rc<Variable> {
        let number = GLOBALS.with(|globals| {
            globals.set(globals.get() + 1);
            globals.get()
        });
        Variable::with(name, format!("g{number}"), State::Fresh, Origin::Program)
    }

    pub fn with(name: Id, global: String, state: State, origin: Origin) -> Rc<Variable> {
        Rc::new(Variable {
            name,
            global,
            state: Cell::new(state),
            assigned: Cell::new(false),
            gives_one: Cell::new(false),
            single: RefCell::new(None),
            takes: Cell::new(None),
            origin,
            documentation: RefCell::new(None),
            defined_at: Cell::new(None),
            home: OnceCell::new(),
        })
    }
}

impl Core {
    pub fn call(operator: Core, operands: Vec<Core>, span: Span) -> Core {
        Core::Call(Box::new(operator), operands, span)
    }

    pub fn machine(name: &'static str, operands: Vec<Core>, span: Span) -> Core {
        Core::call(Core::Machine(name), operands, span)
    }

    pub fn if_(test: Core, consequent: Core, alternative: Core) -> Core {
        Core::If(Box::new(test), Box::new(consequent), Box::new(alternative))
    }

    pub fn lambda(
        parameters: Vec<Rc<Local>>,
        rest: Option<Rc<Local>>,
        body: Core,
        span: Span,
    ) -> Core {
        Core::Lambda(Rc::new(Lambda {
            parameters,
            rest,
            body,
            name: RefCell::new(None),
            signature: RefCell::new(None),
            documentation: RefCell::new(None),
            span,
        }))
    }

    /// A procedure with what the string at the front of BODY says.
    pub fn documented(self, body: &[Stx]) -> Core {
        if let (Core::Lambda(lambda), [first, _, ..]) = (&self, body)
            && let Some(text) = first.as_string()
        {
            *lambda.documentation.borrow_mut() = Some(text);
        }
        self
    }

    pub fn seq(mut forms: Vec<Core>) -> Core {
        match forms.len() {
            0 => Core::Unspecified,
            1 => forms.remove(0),
            _ => Core::Seq(forms),
        }
    }

    pub fn let_(bindings: Vec<(Rc<Local>, Core)>, body: Core) -> Core {
        if bindings.is_empty() {
            body
        } else {
            Core::Let(bindings, Box::new(body))
        }
    }

    pub fn truth(value: bool, span: Span) -> Core {
        Core::Constant(Stx::atom(value::Value::BoolV(value), span))
    }

    pub fn integer(number: usize, span: Span) -> Core {
        Core::Constant(Stx::atom(value::Value::IntV(number as isize), span))
    }
}
