//! What a keyword can mean: core forms, macros and the rules of `syntax-rules`.
//!
//! This room only knows which; `expand` does what they say.

use crate::data::roots::Root;
use crate::namespace::scope::Scope;
use crate::syntax::identifier::Id;
use crate::syntax::stx::Stx;
use std::cell::RefCell;
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
        transformer: Root,
        variable: bool,
    },
    /// `identifier-syntax`.
    Identifier {
        reference: Rc<Rules>,
        assignment: Option<Rc<Rules>>,
    },
    /// A procedure from data to data, without hygiene.
    Unhygienic {
        transformer: Root,
    },
    /// A syntax parameter: what it means now.
    Parameter(RefCell<Rc<Macro>>),
}

impl Macro {
    /// What a syntax parameter means now; any other macro means itself.
    pub fn actual(self: &Rc<Macro>) -> Rc<Macro> {
        match &**self {
            Macro::Parameter(current) => current.borrow().clone().actual(),
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
