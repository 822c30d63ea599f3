//! Forms that run again: `do` and `while`.
//!
//! Source: GNU Guile reference manual, "Iteration".

use crate::data::value::Value;
use crate::expand::Expander;
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::{self, Id};
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local};

/// `(do ((NAME INIT STEP) …) (TEST RESULT …) BODY …)`
pub(super) fn do_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, list, end, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("do", stx));
    };
    let mut names = Vec::new();
    let mut steps = Vec::new();
    let mut operands = Vec::new();
    for clause in list.as_list().ok_or_else(|| Trouble::no_match("do", stx))? {
        let (name, init, step) = match clause.as_list() {
            Some([name, init]) => (name, init, name),
            Some([name, init, step]) => (name, init, step),
            _ => return Err(Trouble::no_match("do", stx)),
        };
        names.push(name.as_id().ok_or_else(|| Trouble::no_match("do", stx))?);
        operands.push(x.expand(init, scope)?);
        steps.push(step.clone());
    }
    let Some([test, results @ ..]) = end.as_list() else {
        return Err(Trouble::no_match("do", stx));
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

/// `(while TEST BODY …)`; `break` and `continue` only cost where they occur.
pub(super) fn while_(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([head, test, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("while", stx));
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
