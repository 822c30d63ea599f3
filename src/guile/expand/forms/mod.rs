//! The core forms that are expressions.

mod binding;
mod conditionals;
mod loops;
mod references;
mod rewriting;

use crate::data::value::{self, Value};
use crate::expand::definitions::plain_formals;
use crate::expand::{Expander, lambda_star, macros, matching, quasi, record_forms, syntax_case};
use crate::namespace::keywords::{Expression, Macro, NativeMacro, Special};
use crate::namespace::scope::{self, Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local};
use binding::{
    let_, let_star, let_star_values, let_values, letrec, letrec_star, parameterize, receive, thunk,
};
use conditionals::{and, case, cond, if_, or, unless, when};
use loops::{do_, while_};
pub use references::module_variable;
use references::{at, at_private, define_variable, the_variable};
use rewriting::{define_inlinable, define_syntax_rule, defmacro_star, load};
use std::rc::Rc;

/// A core form that is an expression: how it is expanded.
type ExpandExpression = fn(&mut Expander, &Stx, &Scope) -> Result<Core>;

/// A macro written in Rust: what it rewrites its use to.
type Rewrite = fn(&mut Expander, &Stx, &Scope) -> Result<Stx>;

/// The core forms that are expressions.
static EXPRESSIONS: &[(&str, ExpandExpression)] = &[
    ("quote", quote),
    ("if", if_),
    ("lambda", lambda),
    ("λ", lambda),
    ("let", let_),
    ("let*", let_star),
    ("letrec", letrec),
    ("letrec*", letrec_star),
    ("do", do_),
    ("cond", cond),
    ("case", case),
    ("and", and),
    ("or", or),
    ("when", when),
    ("unless", unless),
    ("quasiquote", quasi::quasiquote),
    ("lambda*", lambda_star::lambda_star),
    ("case-lambda", lambda_star::case_lambda),
    ("case-lambda*", lambda_star::case_lambda_star),
    ("let-values", let_values),
    ("let*-values", let_star_values),
    ("receive", receive),
    ("parameterize", parameterize),
    ("while", while_),
    ("delay", delay),
    ("make-stream-promise", delay),
    ("delay-force", delay_force),
    ("lazy", delay_force),
    ("@", at),
    ("@@", at_private),
    ("syntax", syntax_case::syntax),
    ("quasisyntax", syntax_case::quasisyntax),
    ("syntax-case", syntax_case::syntax_case),
    ("with-syntax", syntax_case::with_syntax),
    ("match", matching::match_),
    ("match-lambda", matching::match_lambda),
    ("match-lambda*", matching::match_lambda_star),
    ("match-let", matching::match_let),
    ("match-let*", matching::match_let_star),
    ("match-letrec", matching::match_letrec),
    ("%all", all),
    ("%the-variable", the_variable),
    ("%define-variable", define_variable),
    (
        "the-environment",
        crate::expand::environment::the_environment,
    ),
    ("with-ellipsis", with_ellipsis),
    ("syntax-error", syntax_error),
    ("current-source-location", current_source_location),
    ("current-filename", current_filename),
];

/// The core forms that bodies and modules treat in their own way.
static SPECIALS: &[(&str, Special)] = &[
    ("begin", Special::Begin),
    ("define", Special::Define),
    ("define-syntax", Special::DefineSyntax),
    ("define-syntax-parameter", Special::DefineSyntaxParameter),
    ("define-macro", Special::DefineMacro),
    ("defmacro", Special::DefineMacro),
    ("define-values", Special::DefineValues),
    ("define-module", Special::DefineModule),
    ("use-modules", Special::UseModules),
    ("import", Special::Import),
    ("export", Special::Export),
    ("export-syntax", Special::Export),
    ("re-export", Special::ReExport),
    ("re-export-syntax", Special::ReExport),
    ("export!", Special::Export),
    ("replace!", Special::Replace),
    ("library", Special::Library),
    ("define-library", Special::Library),
    ("eval-when", Special::EvalWhen),
    ("include", Special::Include),
    ("include-ci", Special::Include),
    ("include-from-path", Special::Include),
    ("cond-expand", Special::CondExpand),
    ("let-syntax", Special::LetSyntax),
    ("letrec-syntax", Special::LetSyntax),
    ("syntax-parameterize", Special::SyntaxParameterize),
    ("set!", Special::Set),
];

/// The macros written in Rust.
static MACROS: &[(&str, Rewrite)] = &[
    ("load", load),
    ("defmacro*", defmacro_star),
    ("defmacro*-public", defmacro_star),
    ("define*", lambda_star::define_star),
    ("define-public", lambda_star::define_public),
    ("define*-public", lambda_star::define_star_public),
    ("define-syntax-rule", define_syntax_rule),
    ("define-inlinable", define_inlinable),
    ("define-integrable", define_inlinable),
    ("define-record-type", record_forms::define_record_type),
    (
        "define-immutable-record-type",
        record_forms::define_immutable_record_type,
    ),
    ("set-field", record_forms::set_field),
    ("set-fields", record_forms::set_fields),
];

/// The words that only mean something inside other forms.
static WORDS: &[&str] = &[
    "else",
    "=>",
    "unquote",
    "unquote-splicing",
    "unsyntax",
    "unsyntax-splicing",
    "syntax-rules",
    "identifier-syntax",
    "...",
    "_",
];

/// The words of module `(guile)` that are syntax.
pub fn table() -> Vec<(&'static str, Binding)> {
    let expressions = EXPRESSIONS
        .iter()
        .enumerate()
        .map(|(number, (name, _))| (*name, Binding::Expression(Expression(number))));
    let specials = SPECIALS
        .iter()
        .map(|(name, special)| (*name, Binding::Special(*special)));
    let macros = MACROS.iter().enumerate().map(|(number, (name, _))| {
        let keyword = Macro::Native(NativeMacro(number));
        (*name, Binding::Macro(Rc::new(keyword)))
    });
    let words = WORDS.iter().map(|word| (*word, Binding::Auxiliary(word)));
    expressions
        .chain(specials)
        .chain(macros)
        .chain(words)
        .collect()
}

impl Expander<'_, '_> {
    /// Expand STX, a use of the core form EXPRESSION.
    pub fn core_form(&mut self, expression: Expression, stx: &Stx, scope: &Scope) -> Result<Core> {
        EXPRESSIONS[expression.0].1(self, stx, scope)
    }

    /// Rewrite STX, a use of the macro REWRITE.
    pub fn rewrite(&mut self, rewrite: NativeMacro, stx: &Stx, scope: &Scope) -> Result<Stx> {
        MACROS[rewrite.0].1(self, stx, scope)
    }
}

/// Whether a use of the macro REWRITE defines something.
pub fn defines(rewrite: NativeMacro) -> bool {
    MACROS[rewrite.0].0.starts_with("def")
}

/// Whether BINDING is the core form called NAME.
pub fn is_core_form(binding: &Binding, name: &str) -> bool {
    matches!(binding, Binding::Expression(expression) if EXPRESSIONS[expression.0].0 == name)
}

fn quote(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, datum]) => Ok(Core::Constant(datum.clone())),
        _ => Err(Trouble::syntax("quote", "bad syntax", stx, None)),
    }
}

fn lambda(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, formals, body @ ..]) = stx.as_list() else {
        return Err(Trouble::syntax("lambda", "bad lambda", stx, None));
    };
    if body.is_empty() {
        return Err(Trouble::syntax("lambda", "bad lambda", stx, None));
    }
    let (ids, rest) = plain_formals(formals).ok_or_else(|| {
        let culprit = first_that_is_no_name(formals);
        Trouble::syntax("lambda", "invalid argument list", formals, Some(&culprit))
    })?;
    check_distinct(ids.iter().chain(rest.iter()), "lambda", formals)?;
    let inner = scope.inside_procedure();
    let parameters = ids.iter().map(|id| x.bind_local(*id, &inner)).collect();
    let rest = rest.map(|id| x.bind_local(id, &inner));
    let code = x.body(without_documentation(body), &inner.inner(), stx)?;
    Ok(Core::lambda(parameters, rest, code, stx.span()).documented(body))
}

/// What makes FORMALS no list of names: the rest of the list from there on.
fn first_that_is_no_name(formals: &Stx) -> Stx {
    let Form::List(items, tail) = formals.form() else {
        return formals.clone();
    };
    match items.iter().position(|item| item.as_id().is_none()) {
        Some(position) => formals.rest(position).unwrap_or_else(|| formals.clone()),
        None => tail.clone().unwrap_or_else(|| formals.clone()),
    }
}

/// BODY without the documentation string at its front.
pub fn without_documentation(body: &[Stx]) -> &[Stx] {
    match body {
        [first, rest @ ..] if first.as_string().is_some() && !rest.is_empty() => rest,
        _ => body,
    }
}

pub fn check_distinct<'i>(ids: impl Iterator<Item = &'i Id>, who: &str, stx: &Stx) -> Result<()> {
    let mut seen: Vec<Id> = Vec::new();
    for id in ids {
        if seen.contains(id) {
            let message = match who {
                "let" | "letrec" | "letrec*" => "duplicate bound variable",
                _ => "duplicate identifier in argument list",
            };
            return Err(Trouble::syntax(who, message, stx, None));
        }
        seen.push(*id);
    }
    Ok(())
}

fn delay(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, body]) = stx.as_list() else {
        return Err(Trouble::no_match("delay", stx));
    };
    let body = thunk(x, std::slice::from_ref(body), stx, scope)?;
    Ok(x.core_call("%make-delayed", vec![body], stx.span()))
}

fn delay_force(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, body]) = stx.as_list() else {
        return Err(Trouble::no_match("delay-force", stx));
    };
    let body = thunk(x, std::slice::from_ref(body), stx, scope)?;
    Ok(x.core_call("%make-delayed-force", vec![body], stx.span()))
}

/// `(%all EXPRESSION)`: its values, all of them, where one would be wanted.
fn all(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, expression]) = stx.as_list() else {
        return Err(Trouble::no_match("%all", stx));
    };
    let all = Local::of_values();
    let value = x.expand(expression, scope)?;
    Ok(Core::Let(
        vec![(all.clone(), value)],
        Box::new(Core::Local(all)),
    ))
}

fn current_filename(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    let span = stx.span();
    Ok(match span.place() {
        Some(place) => Core::Constant(Stx::atom(value::string_value(place.file), span)),
        None => Core::truth(false, span),
    })
}

/// `(syntax-error MESSAGE IRRITANT …)`
fn syntax_error(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    match macros::said_error(stx) {
        Some(message) => {
            let no = Stx::atom(Value::BoolV(false), stx.span());
            Err(Trouble::syntax("#f", &message, &no, None))
        }
        None => Err(Trouble::no_match("syntax-error", stx)),
    }
}

/// `(with-ellipsis IDENTIFIER BODY …)`
fn with_ellipsis(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, dots, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("with-ellipsis", stx));
    };
    let id = dots
        .as_id()
        .ok_or_else(|| Trouble::no_match("with-ellipsis", stx))?;
    let inner = scope.inner();
    inner.bind(Id::named(scope::ELLIPSIS), Binding::Ellipsis(id));
    x.body(body, &inner.inner(), stx)
}

/// With an operand, the place of that; macros ask so where they were used.
fn current_source_location(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    let span = match stx.as_list() {
        Some([_, operand]) => operand.span(),
        _ => stx.span(),
    };
    let Some(place) = span.place() else {
        return Ok(Core::truth(false, span));
    };
    let entry = |name: &str, value: Value| {
        Stx::improper(
            vec![Stx::id(Id::named(name), span)],
            Stx::atom(value, span),
            span,
        )
    };
    Ok(Core::Constant(Stx::list(
        vec![
            entry("line", Value::IntV(place.line as isize - 1)),
            entry("column", Value::IntV(place.column as isize)),
            entry("filename", value::string_value(place.file)),
        ],
        span,
    )))
}
