//! What a keyword can mean: core forms, macros and the rules of `syntax-rules`.
//!
//! This room only knows which; `expand` does what they say.

use crate::data::roots::Root;
use crate::data::value::Value;
use crate::namespace::scope::Scope;
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;
use crate::tree_il::Core;
use std::cell::{LazyCell, OnceCell, RefCell};
use std::rc::Rc;

/// A core form that is an expression: its place among those of the expander.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression(pub usize);

/// A macro written in Rust: its place among those of the expander.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeMacro(pub usize);

/// Core forms that bodies and modules treat in their own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    Begin,
    Define,
    DefineSyntax,
    DefineSyntaxParameter,
    DefineMacro,
    DefineValues,
    DefineModule,
    UseModules,
    Export,
    ReExport,
    Replace,
    ExportSyntax,
    Library,
    EvalWhen,
    Include,
    CondExpand,
    LetSyntax,
    SyntaxParameterize,
    Set,
    Import,
}

impl Special {
    /// Whether it gives names a meaning in the module where it stands.
    pub fn defines(self) -> bool {
        matches!(
            self,
            Special::Define
                | Special::DefineSyntax
                | Special::DefineSyntaxParameter
                | Special::DefineMacro
                | Special::DefineValues
        )
    }
}

/// A macro.
pub enum Macro {
    Rules(Rc<Rules>),
    /// Rewritten in Rust.
    Native(NativeMacro),
    /// A transformer procedure; VARIABLE when it also wants `set!` forms.
    Procedure {
        transformer: Transformer,
        variable: bool,
    },
    /// `identifier-syntax`.
    Identifier {
        reference: Rc<Rules>,
        assignment: Option<Rc<Rules>>,
    },
    /// A procedure from data to data, without hygiene.
    Unhygienic {
        transformer: Transformer,
    },
    /// A syntax parameter: what it means now.
    Parameter(RefCell<Rc<Macro>>),
    /// One that was written down in another process, and is read when it is needed.
    Kept(LazyCell<Rc<Macro>, Box<dyn FnOnce() -> Rc<Macro>>>),
}

/// A transformer procedure, or what gives it when it is first called.
pub struct Transformer {
    made: OnceCell<Root>,
    /// The expression whose value it is, where somebody writes that down.
    pub core: Option<LazyCore>,
}

/// A core form that may have to be read first.
pub type LazyCore = LazyCell<Rc<Core>, Box<dyn FnOnce() -> Rc<Core>>>;

impl Transformer {
    /// The transformer VALUE, to which CORE has been evaluated.
    pub fn made(value: &Value, core: Option<Rc<Core>>) -> Transformer {
        Transformer {
            made: Root::of(value).into(),
            core: core.map(|core| LazyCell::new(Box::new(move || core) as _)),
        }
    }

    /// The one to which CORE evaluates.
    pub fn to_be_made(core: LazyCore) -> Transformer {
        Transformer {
            made: OnceCell::new(),
            core: Some(core),
        }
    }

    /// The procedure, if it has been made.
    pub fn value(&self) -> Option<&Value> {
        self.made.get().map(Root::value)
    }

    /// Say that the procedure is VALUE.
    pub fn set(&self, value: &Value) {
        let _another_was_faster = self.made.set(Root::of(value));
    }
}

impl Macro {
    /// What a syntax parameter means now; any other macro means itself.
    pub fn actual(self: &Rc<Macro>) -> Rc<Macro> {
        match &**self {
            Macro::Parameter(current) => current.borrow().clone().actual(),
            Macro::Kept(kept) => (**kept).clone().actual(),
            _ => self.clone(),
        }
    }

    /// Whether `(set! KEYWORD value)` is the macro's business.
    pub fn wants_assignments(self: &Rc<Macro>) -> bool {
        match &*self.actual() {
            Macro::Procedure { variable, .. } => *variable,
            Macro::Identifier { assignment, .. } => assignment.is_some(),
            _ => false,
        }
    }
}

/// How to read a pattern: its literals, its ellipsis, and where it stands.
pub struct PatternContext {
    pub literals: Vec<Id>,
    pub ellipsis: Ellipsis,
    pub scope: Scope,
}

/// Which identifier is the ellipsis.
#[derive(Clone)]
pub enum Ellipsis {
    /// `...`, unless it is bound or a literal.
    Usual,
    Custom(Id),
    /// Inside `(... ...)`.
    None,
}

/// One `syntax-rules`, ready to expand.
pub struct Rules {
    pub context: PatternContext,
    pub clauses: Vec<(Stx, Stx)>,
    /// The keyword's place in a pattern is ignored; identifier macros match whole.
    pub whole: bool,
}
