//! The core forms that are expressions.

use crate::data::value::{self, Value};
use crate::expand::definitions::plain_formals;
use crate::expand::{Expander, lambda_star, macros, matching, quasi, record_forms, syntax_case};
use crate::namespace::keywords::{Expression, Macro, NativeMacro, Special};
use crate::namespace::names;
use crate::namespace::scope::{self, Binding, Scope};
use crate::syntax::error::{self, Result, Trouble};
use crate::syntax::identifier::{self, Id};
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local};
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
    ("the-environment", super::environment::the_environment),
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

fn bad(who: &str, stx: &Stx) -> Trouble {
    Trouble::syntax(
        who,
        "source expression failed to match any pattern",
        stx,
        None,
    )
}

fn quote(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, datum]) => Ok(Core::Constant(datum.clone())),
        _ => Err(Trouble::syntax("quote", "bad syntax", stx, None)),
    }
}

fn if_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, test, consequent]) => Ok(Core::if_(
            x.expand(test, scope)?,
            x.expand(consequent, scope)?,
            Core::Unspecified,
        )),
        Some([_, test, consequent, alternative]) => Ok(Core::if_(
            x.expand(test, scope)?,
            x.expand(consequent, scope)?,
            x.expand(alternative, scope)?,
        )),
        _ => Err(bad("if", stx)),
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

/// The names and values of `((NAME VALUE) …)`.
fn bindings(list: &Stx, who: &str, stx: &Stx) -> Result<Vec<(Id, Stx)>> {
    let message = match who {
        "let*" => error::NO_MATCH.to_owned(),
        who => format!("bad {who}"),
    };
    let bad = || Trouble::syntax(who, &message, stx, None);
    list.as_list()
        .ok_or_else(bad)?
        .iter()
        .map(|binding| match binding.as_list() {
            Some([name, value]) => Ok((name.as_id().ok_or_else(bad)?, value.clone())),
            _ => Err(bad()),
        })
        .collect()
}

fn let_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    match stx.as_list() {
        Some([_, name, list, body @ ..]) if name.as_id().is_some() && !body.is_empty() => {
            let name = name.as_id().ok_or_else(|| bad("let", stx))?;
            named_let(x, name, list, body, stx, scope)
        }
        Some([_, list, body @ ..]) if !body.is_empty() => {
            let pairs = bindings(list, "let", stx)?;
            check_distinct(pairs.iter().map(|(id, _)| id), "let", stx)?;
            let inner = scope.inner();
            let mut made = Vec::with_capacity(pairs.len());
            for (id, value) in pairs {
                let value = x.expand_named(&value, scope, id)?;
                made.push((id, value));
            }
            let made = made
                .into_iter()
                .map(|(id, value)| (x.bind_local(id, &inner), value))
                .collect();
            let body = x.body(body, &inner.inner(), stx)?;
            Ok(Core::let_(made, body))
        }
        _ => Err(Trouble::syntax("let", "bad let", stx, None)),
    }
}

fn named_let(
    x: &mut Expander,
    name: Id,
    list: &Stx,
    body: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let pairs = bindings(list, "let", stx)?;
    check_distinct(pairs.iter().map(|(id, _)| id), "let", stx)?;
    let mut operands = Vec::with_capacity(pairs.len());
    for (id, value) in &pairs {
        operands.push(x.expand_named(value, scope, *id)?);
    }
    let outer = scope.inner();
    let procedure = x.bind_local(name, &outer);
    let inner = outer.inner();
    let parameters = pairs
        .iter()
        .map(|(id, _)| x.bind_local(*id, &inner))
        .collect();
    let body = x.body(body, &inner.inner(), stx)?;
    let lambda = Core::lambda(parameters, None, body, stx.span());
    if let Core::Lambda(lambda) = &lambda {
        *lambda.name.borrow_mut() = Some(name);
    }
    Ok(Core::Letrec(
        vec![(procedure.clone(), lambda)],
        Box::new(Core::call(Core::Local(procedure), operands, stx.span())),
    ))
}

fn let_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(bad("let*", stx));
    };
    if body.is_empty() {
        return Err(bad("let*", stx));
    }
    let mut scope = scope.clone();
    let mut made = Vec::new();
    for (id, value) in bindings(list, "let*", stx)? {
        let value = x.expand_named(&value, &scope, id)?;
        scope = scope.inner();
        made.push((x.bind_local(id, &scope), value));
    }
    let body = x.body(body, &scope.inner(), stx)?;
    Ok(made.into_iter().rev().fold(body, |body, binding| {
        Core::Let(vec![binding], Box::new(body))
    }))
}

fn letrec(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    letrec_form(x, stx, scope, "letrec")
}

fn letrec_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    letrec_form(x, stx, scope, "letrec*")
}

fn letrec_form(x: &mut Expander, stx: &Stx, scope: &Scope, who: &str) -> Result<Core> {
    let bad = || Trouble::syntax(who, &format!("bad {who}"), stx, None);
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(bad());
    };
    if body.is_empty() {
        return Err(bad());
    }
    let pairs = bindings(list, who, stx)?;
    check_distinct(pairs.iter().map(|(id, _)| id), who, stx)?;
    let inner = scope.inner();
    let locals: Vec<_> = pairs
        .iter()
        .map(|(id, _)| x.bind_local(*id, &inner))
        .collect();
    let mut made = Vec::with_capacity(pairs.len());
    for ((id, value), local) in pairs.iter().zip(locals) {
        made.push((local, x.expand_named(value, &inner, *id)?));
    }
    let body = x.body(body, &inner.inner(), stx)?;
    if made.is_empty() {
        return Ok(body);
    }
    let star = who == "letrec*";
    let plain = |value: &Core| matches!(value, Core::Lambda(_));
    let needs_order = |value: &Core| !matches!(value, Core::Lambda(_) | Core::Constant(_));
    let others = made.iter().filter(|(_, value)| !plain(value)).count();
    if star || others < 2 || !made.iter().any(|(_, value)| needs_order(value)) {
        return Ok(Core::Letrec(made, Box::new(body)));
    }
    // All values come first, so that a continuation that enters one again
    // finds the variables as they were.
    let (plain, rest): (Vec<_>, Vec<_>) = made.into_iter().partition(|(_, value)| plain(value));
    let mut bindings: Vec<_> = rest
        .iter()
        .map(|(local, _)| (local.clone(), Core::Machine("%%unset")))
        .collect();
    bindings.extend(plain);
    let mut values = Vec::new();
    let mut forms = Vec::new();
    for (local, value) in rest {
        local.assigned.set(true);
        let given = Local::new(local.name);
        forms.push(Core::SetLocal(local, Box::new(Core::Local(given.clone()))));
        values.push((given, value));
    }
    forms.push(body);
    Ok(Core::Letrec(
        bindings,
        Box::new(Core::Let(values, Box::new(Core::seq(forms)))),
    ))
}

/// `(do ((NAME INIT STEP) …) (TEST RESULT …) BODY …)`
fn do_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, end, body @ ..]) = stx.as_list() else {
        return Err(bad("do", stx));
    };
    let mut names = Vec::new();
    let mut steps = Vec::new();
    let mut operands = Vec::new();
    for clause in list.as_list().ok_or_else(|| bad("do", stx))? {
        let (name, init, step) = match clause.as_list() {
            Some([name, init]) => (name, init, name),
            Some([name, init, step]) => (name, init, step),
            _ => return Err(bad("do", stx)),
        };
        names.push(name.as_id().ok_or_else(|| bad("do", stx))?);
        operands.push(x.expand(init, scope)?);
        steps.push(step.clone());
    }
    let Some([test, results @ ..]) = end.as_list() else {
        return Err(bad("do", stx));
    };
    let procedure = Local::new(Id::named("do-loop"));
    let inner = scope.inner();
    let parameters = names.iter().map(|id| x.bind_local(*id, &inner)).collect();
    let test = x.expand(test, &inner)?;
    let results = Core::seq(x.expand_all(results, &inner)?);
    let mut again = x.expand_all(body, &inner)?;
    let steps = x.expand_all(&steps, &inner)?;
    again.push(Core::call(
        Core::Local(procedure.clone()),
        steps,
        stx.span(),
    ));
    let body = Core::if_(test, results, Core::seq(again));
    let lambda = Core::lambda(parameters, None, body, stx.span());
    Ok(Core::Letrec(
        vec![(procedure.clone(), lambda)],
        Box::new(Core::call(Core::Local(procedure), operands, stx.span())),
    ))
}

fn cond(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let clauses = stx.as_list().ok_or_else(|| bad("cond", stx))?;
    if clauses.len() < 2 {
        return Err(bad("cond", stx));
    }
    cond_clauses(x, &clauses[1..], stx, scope)
}

fn cond_clauses(x: &mut Expander, clauses: &[Stx], stx: &Stx, scope: &Scope) -> Result<Core> {
    let mut made: Vec<Box<dyn FnOnce(Core) -> Core>> = Vec::new();
    let mut last = Core::Unspecified;
    for (index, clause) in clauses.iter().enumerate() {
        let items = clause
            .as_list()
            .filter(|items| !items.is_empty())
            .ok_or_else(|| Trouble::syntax("cond", "invalid clause", stx, Some(clause)))?;
        if x.is_word(&items[0], scope, "else") {
            if index + 1 != clauses.len() {
                return Err(Trouble::syntax(
                    "cond",
                    "else must be the last clause",
                    stx,
                    Some(clause),
                ));
            }
            if items.len() < 2 {
                return Err(Trouble::syntax("cond", "invalid clause", stx, Some(clause)));
            }
            last = Core::seq(x.expand_all(&items[1..], scope)?);
            break;
        }
        let test = x.expand(&items[0], scope)?;
        let span = clause.span();
        match &items[1..] {
            [] => {
                let value = Local::new(Id::named("t"));
                made.push(Box::new(move |rest| {
                    Core::Let(
                        vec![(value.clone(), test)],
                        Box::new(Core::if_(
                            Core::Local(value.clone()),
                            Core::Local(value),
                            rest,
                        )),
                    )
                }));
            }
            [arrow, receiver] if x.is_word(arrow, scope, "=>") => {
                let receiver = x.expand(receiver, scope)?;
                let value = Local::new(Id::named("t"));
                made.push(Box::new(move |rest| {
                    Core::Let(
                        vec![(value.clone(), test)],
                        Box::new(Core::if_(
                            Core::Local(value.clone()),
                            Core::call(receiver, vec![Core::Local(value)], span),
                            rest,
                        )),
                    )
                }));
            }
            // (TEST GUARD => RECEIVER), srfi-61
            [guard, arrow, receiver] if x.is_word(arrow, scope, "=>") => {
                let guard = x.expand(guard, scope)?;
                let receiver = x.expand(receiver, scope)?;
                let all = Local::of_values();
                let value = Local::new(Id::named("t"));
                let apply = Core::Global(x.core_variable("apply"), span);
                let to_list = Core::Global(x.core_variable("%values->list"), span);
                let apply_again = Core::Global(x.core_variable("apply"), span);
                made.push(Box::new(move |rest| {
                    let list = Core::call(to_list, vec![Core::Local(all.clone())], span);
                    let choice = Core::if_(
                        Core::call(apply, vec![guard, Core::Local(value.clone())], span),
                        Core::call(
                            apply_again,
                            vec![receiver, Core::Local(value.clone())],
                            span,
                        ),
                        rest,
                    );
                    Core::Let(
                        vec![(all, test)],
                        Box::new(Core::Let(vec![(value, list)], Box::new(choice))),
                    )
                }));
            }
            [arrow, ..] if x.is_word(arrow, scope, "=>") => {
                return Err(receivers("cond", stx, clause));
            }
            [_, arrow, ..] if x.is_word(arrow, scope, "=>") => {
                return Err(receivers("cond", stx, clause));
            }
            body => {
                let body = Core::seq(x.expand_all(body, scope)?);
                made.push(Box::new(move |rest| Core::if_(test, body, rest)));
            }
        }
    }
    Ok(made
        .into_iter()
        .rev()
        .fold(last, |rest, clause| clause(rest)))
}

fn receivers(who: &str, stx: &Stx, clause: &Stx) -> Trouble {
    Trouble::syntax(
        who,
        "wrong number of receiver expressions",
        stx,
        Some(clause),
    )
}

fn case(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, key, clauses @ ..]) = stx.as_list() else {
        return Err(bad("case", stx));
    };
    if clauses.is_empty() {
        return Err(bad("case", stx));
    }
    let key = x.expand(key, scope)?;
    let value = Local::new(Id::named("key"));
    let mut made: Vec<(Core, Core)> = Vec::new();
    let mut last = Core::Unspecified;
    for (index, clause) in clauses.iter().enumerate() {
        let Some([data, body @ ..]) = clause.as_list() else {
            return Err(Trouble::syntax("case", "invalid clause", stx, Some(clause)));
        };
        let is_else = x.is_word(data, scope, "else");
        let data = match (is_else, data.as_list()) {
            (true, _) => &[][..],
            (false, Some(data)) => data,
            (false, None) => {
                return Err(Trouble::syntax("case", "invalid clause", stx, Some(clause)));
            }
        };
        let body = match body {
            [arrow, receiver] if x.is_word(arrow, scope, "=>") => {
                let receiver = x.expand(receiver, scope)?;
                Core::call(receiver, vec![Core::Local(value.clone())], clause.span())
            }
            [arrow, ..] if x.is_word(arrow, scope, "=>") => {
                return Err(receivers("case", stx, clause));
            }
            [] => return Err(Trouble::syntax("case", "invalid clause", stx, Some(clause))),
            body => Core::seq(x.expand_all(body, scope)?),
        };
        if is_else {
            if index + 1 != clauses.len() {
                return Err(Trouble::syntax(
                    "case",
                    "else must be the last clause",
                    stx,
                    Some(clause),
                ));
            }
            last = body;
            break;
        }
        let span = clause.span();
        // No string that a program holds is the one in the clause.
        let data: Vec<Stx> = data
            .iter()
            .filter(|datum| datum.as_string().is_none())
            .cloned()
            .collect();
        let test = match &data[..] {
            [] => Core::truth(false, span),
            [datum] => x.core_call(
                "eqv?",
                vec![Core::Local(value.clone()), Core::Constant(datum.clone())],
                span,
            ),
            data => x.core_call(
                "memv",
                vec![
                    Core::Local(value.clone()),
                    Core::Constant(Stx::list(data.to_vec(), span)),
                ],
                span,
            ),
        };
        made.push((test, body));
    }
    let body = made
        .into_iter()
        .rev()
        .fold(last, |rest, (test, body)| Core::if_(test, body, rest));
    Ok(Core::Let(vec![(value, key)], Box::new(body)))
}

fn and(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let items = stx.as_list().ok_or_else(|| bad("and", stx))?;
    let mut forms = x.expand_all(&items[1..], scope)?;
    let Some(last) = forms.pop() else {
        return Ok(Core::truth(true, stx.span()));
    };
    Ok(forms.into_iter().rev().fold(last, |rest, form| {
        Core::if_(form, rest, Core::truth(false, stx.span()))
    }))
}

fn or(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let items = stx.as_list().ok_or_else(|| bad("or", stx))?;
    let mut forms = x.expand_all(&items[1..], scope)?;
    let Some(last) = forms.pop() else {
        return Ok(Core::truth(false, stx.span()));
    };
    Ok(forms.into_iter().rev().fold(last, |rest, form| {
        let value = Local::new(Id::named("t"));
        Core::Let(
            vec![(value.clone(), form)],
            Box::new(Core::if_(
                Core::Local(value.clone()),
                Core::Local(value),
                rest,
            )),
        )
    }))
}

fn when(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, test, body @ ..]) = stx.as_list() else {
        return Err(bad("when", stx));
    };
    if body.is_empty() {
        return Err(bad("when", stx));
    }
    let test = x.expand(test, scope)?;
    Ok(Core::if_(
        test,
        Core::seq(x.expand_all(body, scope)?),
        Core::Unspecified,
    ))
}

fn unless(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, test, body @ ..]) = stx.as_list() else {
        return Err(bad("unless", stx));
    };
    if body.is_empty() {
        return Err(bad("unless", stx));
    }
    let test = x.expand(test, scope)?;
    Ok(Core::if_(
        test,
        Core::Unspecified,
        Core::seq(x.expand_all(body, scope)?),
    ))
}

/// Bind FORMALS in INNER to the values of VALUE, an expression in SCOPE.
fn bind_values(
    x: &mut Expander,
    formals: &Stx,
    value: &Stx,
    scope: &Scope,
    inner: &Scope,
    stx: &Stx,
) -> Result<Vec<(Rc<Local>, Core)>> {
    let (ids, rest) = plain_formals(formals)
        .ok_or_else(|| Trouble::syntax("let-values", "bad formals", stx, Some(formals)))?;
    let value = x.expand(value, scope)?;
    let all = Local::of_values();
    let mut made = vec![(all.clone(), value)];
    let locals = ids
        .iter()
        .map(|id| x.bind_local(*id, inner))
        .collect::<Vec<_>>();
    let rest = rest.map(|id| x.bind_local(id, inner));
    if locals.is_empty() && rest.is_none() {
        // Nothing is bound, but the count is checked all the same.
        let check = x.core_call("%values-none", vec![Core::Local(all.clone())], stx.span());
        made.push((Local::new(Id::named("_")), check));
    }
    x.values_bindings(&all, locals, rest, stx.span(), &mut made);
    Ok(made)
}

fn nest(bindings: Vec<(Rc<Local>, Core)>, body: Core) -> Core {
    bindings.into_iter().rev().fold(body, |body, binding| {
        Core::Let(vec![binding], Box::new(body))
    })
}

fn let_values(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(bad("let-values", stx));
    };
    let inner = scope.inner();
    let mut made = Vec::new();
    for clause in list.as_list().ok_or_else(|| bad("let-values", stx))? {
        let Some([formals, value]) = clause.as_list() else {
            return Err(bad("let-values", stx));
        };
        // Values are expanded in SCOPE, names go to INNER: they do not see each other.
        made.extend(bind_values(x, formals, value, scope, &inner, stx)?);
    }
    let body = x.body(body, &inner.inner(), stx)?;
    Ok(nest(made, body))
}

fn let_star_values(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(bad("let*-values", stx));
    };
    let mut scope = scope.clone();
    let mut made = Vec::new();
    for clause in list.as_list().ok_or_else(|| bad("let*-values", stx))? {
        let Some([formals, value]) = clause.as_list() else {
            return Err(bad("let*-values", stx));
        };
        let inner = scope.inner();
        made.extend(bind_values(x, formals, value, &scope, &inner, stx)?);
        scope = inner;
    }
    let body = x.body(body, &scope.inner(), stx)?;
    Ok(nest(made, body))
}

fn receive(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, formals, value, body @ ..]) = stx.as_list() else {
        return Err(bad("receive", stx));
    };
    let inner = scope.inner();
    let made = bind_values(x, formals, value, scope, &inner, stx)?;
    let body = x.body(body, &inner.inner(), stx)?;
    Ok(nest(made, body))
}

fn thunk(x: &mut Expander, body: &[Stx], stx: &Stx, scope: &Scope) -> Result<Core> {
    let body = x.body(body, &scope.inner(), stx)?;
    Ok(Core::lambda(Vec::new(), None, body, stx.span()))
}

fn parameterize(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, body @ ..]) = stx.as_list() else {
        return Err(bad("parameterize", stx));
    };
    let span = stx.span();
    let mut pairs = Vec::new();
    for binding in list.as_list().ok_or_else(|| bad("parameterize", stx))? {
        let Some([parameter, value]) = binding.as_list() else {
            return Err(bad("parameterize", stx));
        };
        let operands = vec![x.expand(parameter, scope)?, x.expand(value, scope)?];
        pairs.push(x.core_call("cons", operands, span));
    }
    let body = thunk(x, body, stx, scope)?;
    let pairs = x.core_call("list", pairs, span);
    Ok(x.core_call("%parameterize", vec![pairs, body], span))
}

/// `(while TEST BODY …)`; `break` and `continue` only cost where they occur.
fn while_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([head, test, body @ ..]) = stx.as_list() else {
        return Err(bad("while", stx));
    };
    let span = stx.span();
    let word = |x: &Expander, word: &str| x.core_stx(word, span);
    let here = |name: &str| {
        let id = Id::named(name);
        Stx::id(head.as_id().map_or(id, |head| head.sibling(id)), span)
    };
    let (leave, again) = (here("break"), here("continue"));
    let escape = |x: &Expander, name: &Stx, forms: Vec<Stx>| {
        let mut lambda = vec![word(x, "lambda"), Stx::list(vec![name.clone()], span)];
        lambda.extend(forms);
        Stx::list(vec![word(x, "call/ec"), Stx::list(lambda, span)], span)
    };
    let mut forms = body.to_vec();
    forms.push(Stx::atom(Value::BoolV(true), span));
    let continues = body
        .iter()
        .chain([test])
        .any(|form| mentions(form, "continue"));
    let fresh = |name: &str| {
        let expansion = identifier::fresh_expansion();
        Stx::id(Id::named(name).introduced(expansion, scope), span)
    };
    let procedure = fresh("while-loop");
    let no = Stx::atom(Value::BoolV(false), span);
    let once_more = Stx::list(vec![procedure.clone()], span);
    let mut round = vec![word(x, "begin")];
    round.extend(forms);
    let when = if continues {
        // `continue` leaves the round, test and all, with a true value.
        let k = fresh("k");
        let yes = Stx::atom(Value::BoolV(true), span);
        let leave_round = Stx::list(
            vec![
                word(x, "lambda"),
                Stx::list(Vec::new(), span),
                Stx::list(vec![k.clone(), yes], span),
            ],
            span,
        );
        let round = Stx::list(
            vec![
                word(x, "if"),
                test.clone(),
                Stx::list(round, span),
                no.clone(),
            ],
            span,
        );
        let bound = Stx::list(vec![again, leave_round], span);
        let inside = Stx::list(
            vec![word(x, "let"), Stx::list(vec![bound], span), round],
            span,
        );
        let once = escape(x, &k, vec![inside]);
        vec![word(x, "if"), once, once_more, no]
    } else {
        round.push(once_more);
        vec![word(x, "if"), test.clone(), Stx::list(round, span), no]
    };
    let looping = Stx::list(
        vec![
            word(x, "let"),
            procedure,
            Stx::list(Vec::new(), span),
            Stx::list(when, span),
        ],
        span,
    );
    let whole = if body
        .iter()
        .chain([test])
        .any(|form| mentions(form, "break"))
    {
        // `break` without arguments gives a true value.
        let k = fresh("leave");
        let leaving = Stx::list(vec![word(x, "%while-break"), k.clone()], span);
        let bound = Stx::list(vec![Stx::list(vec![leave, leaving], span)], span);
        let inside = Stx::list(vec![word(x, "let"), bound, looping], span);
        escape(x, &k, vec![inside])
    } else {
        looping
    };
    x.expand(&whole, scope)
}

/// Whether the word NAME occurs anywhere in STX.
fn mentions(stx: &Stx, name: &str) -> bool {
    match stx.form() {
        Form::Id(id) => &*id.name() == name,
        Form::List(items, tail) => items.iter().chain(tail).any(|item| mentions(item, name)),
        Form::Vector(items) => items.iter().any(|item| mentions(item, name)),
        _ => false,
    }
}

fn delay(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, body]) = stx.as_list() else {
        return Err(bad("delay", stx));
    };
    let body = thunk(x, std::slice::from_ref(body), stx, scope)?;
    Ok(x.core_call("%make-delayed", vec![body], stx.span()))
}

fn delay_force(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, body]) = stx.as_list() else {
        return Err(bad("delay-force", stx));
    };
    let body = thunk(x, std::slice::from_ref(body), stx, scope)?;
    Ok(x.core_call("%make-delayed-force", vec![body], stx.span()))
}

fn at(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    module_reference(x, stx, scope, false)
}

fn at_private(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    module_reference(x, stx, scope, true)
}

/// The variable that `(@ MODULE NAME)` or `(@@ MODULE NAME)` names, when TARGET is that.
pub fn module_variable(
    x: &mut Expander,
    target: &Stx,
    scope: &Scope,
) -> Result<Option<Rc<crate::tree_il::Variable>>> {
    let head = target
        .as_list()
        .and_then(|parts| parts.first()?.as_id())
        .and_then(|id| scope.lookup(id));
    let named = |binding: &Binding| is_core_form(binding, "@") || is_core_form(binding, "@@");
    if !head.as_ref().is_some_and(named) {
        return Ok(None);
    }
    Ok(match x.expand(target, scope)? {
        Core::Global(variable, _) => Some(variable),
        _ => None,
    })
}

/// `(@@ @@ MODULE EXPRESSION)`: EXPRESSION, in which what nothing binds around it means
/// what MODULE makes of it.
fn expression_of_module(x: &mut Expander, stx: &Stx, scope: &Scope) -> Option<Result<Core>> {
    let [at, again, name, expression] = stx.as_list()? else {
        return None;
    };
    if at.as_id()?.name() != again.as_id()?.name() {
        return None;
    }
    let mut expand = || {
        let name = names::module_name(name)?;
        let module = x.world.existing(&name).ok_or(Trouble::NeedModule(name))?;
        let inside = Scope::of_module(&module).inner();
        for (id, binding) in scope.visible() {
            inside.bind(id, binding);
        }
        x.expand(expression, &inside)
    };
    Some(expand())
}

fn module_reference(x: &mut Expander, stx: &Stx, scope: &Scope, private: bool) -> Result<Core> {
    if private && let Some(result) = expression_of_module(x, stx, scope) {
        return result;
    }
    let Some([_, name, variable]) = stx.as_list() else {
        return Err(bad("@", stx));
    };
    let name = names::module_name(name)?;
    let id = variable.as_id().ok_or_else(|| bad("@", stx))?.base();
    let known = match private {
        true => x.world.existing(&name),
        false => x.world.loaded(&name),
    };
    let module = known.ok_or(Trouble::NeedModule(name))?;
    let binding = if private {
        module.lookup(id)
    } else {
        module.exported(id)
    };
    match binding {
        None if private => Ok(Core::Global(module.variable(id), stx.span())),
        // Unbound when used, as in Guile.
        None => {
            let name = Core::Constant(Stx::id(id, stx.span()));
            Ok(x.core_call("%no-export", vec![name], stx.span()))
        }
        binding => x.reference(id, binding, stx, scope),
    }
}

/// The machine's variable that a form holds as a value.
fn held_variable(stx: &Stx) -> Result<Rc<crate::tree_il::Variable>> {
    use crate::namespace::variables::{VariableValue, variable_of};
    let held = stx.as_list().and_then(|items| items.get(1));
    if let Some(Form::Opaque(value)) = held.map(Stx::form)
        && let Some(variable) = variable_of(value.value())
        && let VariableValue::Global(variable) = &*variable
    {
        return Ok(variable.clone());
    }
    Err(bad("%the-variable", stx))
}

/// `(%the-variable VARIABLE)`: its value
fn the_variable(_: &mut Expander, stx: &Stx, _: &Scope) -> Result<Core> {
    Ok(Core::Global(held_variable(stx)?, stx.span()))
}

/// `(%define-variable VARIABLE VALUE)`
fn define_variable(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let variable = held_variable(stx)?;
    variable.assigned.set(true);
    let value = stx
        .as_list()
        .and_then(|items| items.get(2))
        .ok_or_else(|| bad("%define-variable", stx))?;
    let value = x.expand(value, scope)?;
    Ok(Core::DefineGlobal(variable, Box::new(value)))
}

/// `(%all EXPRESSION)`: its values, all of them, where one would be wanted.
fn all(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, expression]) = stx.as_list() else {
        return Err(bad("%all", stx));
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
        None => Err(bad("syntax-error", stx)),
    }
}

/// `(with-ellipsis IDENTIFIER BODY …)`
fn with_ellipsis(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, dots, body @ ..]) = stx.as_list() else {
        return Err(bad("with-ellipsis", stx));
    };
    let id = dots.as_id().ok_or_else(|| bad("with-ellipsis", stx))?;
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

/// `(defmacro* NAME FORMALS BODY …)`
fn defmacro_star(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let Some([head, name, formals, body @ ..]) = stx.as_list() else {
        return Err(bad("defmacro*", stx));
    };
    let span = stx.span();
    let mut lambda = vec![x.core_stx("lambda*", span), formals.clone()];
    lambda.extend(body.iter().cloned());
    let define = Stx::list(
        vec![
            x.core_stx("define-macro", span),
            name.clone(),
            Stx::list(lambda, span),
        ],
        span,
    );
    if head
        .as_id()
        .is_none_or(|head| &*head.name() != "defmacro*-public")
    {
        return Ok(define);
    }
    let export = Stx::list(vec![x.core_stx("export", span), name.clone()], span);
    Ok(Stx::list(
        vec![x.core_stx("begin", span), define, export],
        span,
    ))
}

/// `(load FILE)`: a relative name counts from the file in which this stands.
fn load(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let span = stx.span();
    let Some([_, operands @ ..]) = stx.as_list() else {
        return Ok(x.core_stx("%load-file", span));
    };
    let directory = span
        .place()
        .and_then(|place| {
            let file = std::path::Path::new(&place.file);
            file.is_file()
                .then(|| file.parent().map(|parent| parent.display().to_string()))
                .flatten()
        })
        .unwrap_or_default();
    let mut call = vec![
        x.core_stx("%load-relative", span),
        Stx::atom(value::string_value(directory), span),
    ];
    call.extend(operands.iter().cloned());
    Ok(Stx::list(call, span))
}

/// `(define-syntax-rule (NAME . PATTERN) [DOCUMENTATION] TEMPLATE)`
fn define_syntax_rule(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let (pattern, template) = match stx.as_list() {
        Some([_, pattern, template]) => (pattern, template),
        Some([_, pattern, doc, template]) if doc.as_string().is_some() => (pattern, template),
        _ => return Err(bad("define-syntax-rule", stx)),
    };
    let span = stx.span();
    let Form::List(items, tail) = pattern.form() else {
        return Err(bad("define-syntax-rule", stx));
    };
    let name = items
        .first()
        .ok_or_else(|| bad("define-syntax-rule", stx))?
        .clone();
    let mut ignored = items.clone();
    ignored[0] = Stx::id(Id::named("_"), span);
    let pattern = Stx::new(Form::List(ignored, tail.clone()), pattern.span());
    let rules = Stx::list(
        vec![
            x.core_stx("syntax-rules", span),
            Stx::list(Vec::new(), span),
            Stx::list(vec![pattern, template.clone()], span),
        ],
        span,
    );
    Ok(Stx::list(
        vec![x.core_stx("define-syntax", span), name, rules],
        span,
    ))
}

fn define_inlinable(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let items = stx.as_list().ok_or_else(|| bad("define-inlinable", stx))?;
    let mut define = items.to_vec();
    define[0] = x.core_stx("define", stx.span());
    Ok(Stx::list(define, stx.span()))
}
