//! Optional and keyword arguments, and procedures with several arities.

use crate::expand::Expander;
use crate::expand::forms::{check_distinct, without_documentation};
use crate::namespace::scope::Scope;
use crate::read::reader;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use crate::tree_il::{Core, Local, Signature};
use std::rc::Rc;

/// The formals of a `lambda*`.
struct Formals {
    required: Vec<Id>,
    /// Names with their defaults.
    optional: Vec<(Id, Option<Stx>)>,
    /// Names, keywords and defaults.
    keys: Vec<(Id, Stx, Option<Stx>)>,
    has_keys: bool,
    allow_other_keys: bool,
    rest: Option<Id>,
}

fn parse(formals: &Stx) -> Result<Formals> {
    let mut parsed = Formals {
        required: Vec::new(),
        optional: Vec::new(),
        keys: Vec::new(),
        has_keys: false,
        allow_other_keys: false,
        rest: None,
    };
    let (items, tail): (&[Stx], Option<&Stx>) = match formals.form() {
        Form::Id(id) => {
            parsed.rest = Some(*id);
            return Ok(parsed);
        }
        Form::List(items, tail) => (items, tail.as_ref()),
        _ => {
            return Err(Trouble::syntax(
                "lambda*",
                "invalid argument list",
                formals,
                Some(formals),
            ));
        }
    };
    #[derive(Clone, Copy)]
    enum Part {
        Required,
        Optional,
        Key,
        Rest,
    }
    let mut part = Part::Required;
    for (position, item) in items.iter().enumerate() {
        let culprit = formals.rest(position).unwrap_or_else(|| formals.clone());
        let bad = |part: &Part| {
            let message = match part {
                Part::Optional => "invalid optional argument list",
                Part::Key => "invalid keyword argument list",
                _ => "invalid argument list",
            };
            Trouble::syntax("lambda*", message, formals, Some(&culprit))
        };
        if let Some(word) = item.as_keyword() {
            part = match (word.as_str(), part) {
                ("optional", Part::Required) => Part::Optional,
                ("key", Part::Required | Part::Optional) => {
                    parsed.has_keys = true;
                    Part::Key
                }
                ("allow-other-keys", Part::Key) => {
                    parsed.allow_other_keys = true;
                    Part::Key
                }
                ("rest", Part::Required | Part::Optional | Part::Key)
                    if position + 2 == items.len() && tail.is_none() =>
                {
                    Part::Rest
                }
                (_, part) => return Err(bad(&part)),
            };
            continue;
        }
        let (id, parts): (Id, &[Stx]) = match item.form() {
            Form::Id(id) => (*id, &[]),
            Form::List(parts, None) => match parts.first().and_then(Stx::as_id) {
                Some(id) => (id, &parts[1..]),
                None => return Err(bad(&part)),
            },
            _ => return Err(bad(&part)),
        };
        match part {
            Part::Required if parts.is_empty() => parsed.required.push(id),
            Part::Optional if parts.len() <= 1 => {
                parsed.optional.push((id, parts.first().cloned()));
            }
            Part::Key if parts.len() <= 2 => {
                let keyword = match parts.get(1) {
                    Some(keyword) if keyword.as_keyword().is_some() => keyword.clone(),
                    Some(_) => return Err(bad(&part)),
                    None => Stx::atom(reader::keyword(&id.name()), item.span()),
                };
                parsed.keys.push((id, keyword, parts.first().cloned()));
            }
            Part::Rest if parts.is_empty() && parsed.rest.is_none() => parsed.rest = Some(id),
            _ => return Err(bad(&part)),
        }
    }
    if let Some(tail) = tail {
        match tail.as_id() {
            Some(id) if parsed.rest.is_none() => parsed.rest = Some(id),
            _ => {
                let message = "invalid argument list";
                return Err(Trouble::syntax("lambda*", message, formals, Some(tail)));
            }
        }
    }
    check_distinct(
        parsed
            .required
            .iter()
            .chain(parsed.optional.iter().map(|(id, _)| id))
            .chain(parsed.keys.iter().map(|(id, _, _)| id))
            .chain(parsed.rest.iter()),
        "lambda*",
        formals,
    )?;
    Ok(parsed)
}

pub fn lambda_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    let Some([_, formals, body @ ..]) = stx.as_list() else {
        return Err(Trouble::syntax("lambda*", "bad lambda*", stx, None));
    };
    let formals = parse(formals)?;
    procedure(x, &formals, body, stx, scope)
}

fn procedure(
    x: &mut Expander,
    formals: &Formals,
    body: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let span = stx.span();
    let outer = scope.inside_procedure();
    let parameters: Vec<_> = formals
        .required
        .iter()
        .map(|id| x.bind_local(*id, &outer))
        .collect();
    if formals.optional.is_empty() && !formals.has_keys {
        let rest = formals.rest.map(|id| x.bind_local(id, &outer));
        let code = x.body(without_documentation(body), &outer.inner(), stx)?;
        return Ok(Core::lambda(parameters, rest, code, span).documented(body));
    }
    let arguments = Local::new(Id::named("arguments"));
    let core = from_list(x, formals, &arguments, body, stx, &outer)?;
    let procedure = Core::lambda(parameters, Some(arguments), core, span);
    if let Core::Lambda(lambda) = &procedure {
        *lambda.signature.borrow_mut() = Some(Signature {
            formals: written(formals),
            required: formals.required.len(),
            optional: formals.optional.len(),
            rest: formals.rest.is_some(),
            bounded: !formals.has_keys,
        });
    }
    Ok(procedure.documented(body))
}

/// FORMALS as a program writes them, without defaults.
fn written(formals: &Formals) -> String {
    let name = |id: &Id| id.name().to_string();
    let mut words: Vec<String> = formals.required.iter().map(name).collect();
    if !formals.optional.is_empty() {
        words.push("#:optional".to_owned());
        words.extend(formals.optional.iter().map(|(id, _)| name(id)));
    }
    if formals.has_keys {
        words.push("#:key".to_owned());
        words.extend(formals.keys.iter().map(|(id, _, _)| name(id)));
    }
    if let Some(rest) = &formals.rest {
        if words.is_empty() {
            return name(rest);
        }
        words.push(".".to_owned());
        words.push(name(rest));
    }
    format!("({})", words.join(" "))
}

/// Bind the optional, keyword and rest variables from the list in ARGUMENTS,
/// each default seeing the variables before it, then run BODY.
fn from_list(
    x: &mut Expander,
    formals: &Formals,
    arguments: &Rc<Local>,
    body: &[Stx],
    stx: &Stx,
    scope: &Scope,
) -> Result<Core> {
    let span = stx.span();
    let mut scope = scope.clone();
    let mut bindings: Vec<(Rc<Local>, Core)> = Vec::new();
    let mut left = arguments.clone();
    let local = |local: &Rc<Local>| Core::Local(local.clone());
    for (id, default) in &formals.optional {
        let default = match default {
            Some(default) => x.expand(default, &scope)?,
            None => Core::truth(false, span),
        };
        scope = scope.inner();
        let variable = x.bind_local(*id, &scope);
        let given = if formals.has_keys {
            // A keyword ends the optional arguments.
            x.core_call("%more-positional?", vec![local(&left)], span)
        } else {
            x.core_call("pair?", vec![local(&left)], span)
        };
        let present = Local::new(Id::named("given"));
        bindings.push((present.clone(), given));
        let first = x.core_call("car", vec![local(&left)], span);
        bindings.push((variable, Core::if_(local(&present), first, default)));
        let next = Local::new(Id::named("left"));
        let rest = x.core_call("cdr", vec![local(&left)], span);
        bindings.push((next.clone(), Core::if_(local(&present), rest, local(&left))));
        left = next;
    }
    if let Some(id) = formals.rest {
        scope = scope.inner();
        let variable = x.bind_local(id, &scope);
        bindings.push((variable, local(&left)));
    }
    if formals.has_keys {
        let keywords = formals
            .keys
            .iter()
            .map(|(_, keyword, _)| keyword.clone())
            .collect();
        let check = vec![
            local(&left),
            Core::Constant(Stx::list(keywords, span)),
            Core::truth(formals.allow_other_keys, span),
            Core::truth(formals.rest.is_some(), span),
        ];
        let check = x.core_call("%check-keywords", check, span);
        bindings.push((Local::new(Id::named("_")), check));
        for (id, keyword, default) in &formals.keys {
            let found = Local::new(Id::named("found"));
            let operands = vec![local(&left), Core::Constant(keyword.clone())];
            bindings.push((found.clone(), x.core_call("%keyword-tail", operands, span)));
            let default = match default {
                Some(default) => x.expand(default, &scope)?,
                None => Core::truth(false, span),
            };
            scope = scope.inner();
            let variable = x.bind_local(*id, &scope);
            let value = x.core_call("car", vec![local(&found)], span);
            bindings.push((variable, Core::if_(local(&found), value, default)));
        }
    } else if formals.rest.is_none() {
        let check = x.core_call("%check-no-more", vec![local(&left)], span);
        bindings.push((Local::new(Id::named("_")), check));
    }
    let body = x.body(without_documentation(body), &scope.inner(), stx)?;
    Ok(bindings.into_iter().rev().fold(body, |body, binding| {
        Core::Let(vec![binding], Box::new(body))
    }))
}

pub fn case_lambda(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    clauses(x, stx, scope, "case-lambda")
}

pub fn case_lambda_star(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Core> {
    clauses(x, stx, scope, "case-lambda*")
}

fn clauses(x: &mut Expander, stx: &Stx, scope: &Scope, who: &str) -> Result<Core> {
    let items = stx
        .as_list()
        .ok_or_else(|| Trouble::syntax(who, "bad form", stx, None))?;
    let span = stx.span();
    let arguments = Local::new(Id::named("arguments"));
    let count = Local::new(Id::named("count"));
    let mut tests: Vec<(Core, Core)> = Vec::new();
    let mut signature: Option<Signature> = None;
    for clause in without_documentation(&items[1..]) {
        let Some([formals_stx, body @ ..]) = clause.as_list() else {
            return Err(Trouble::syntax(who, "bad clause", stx, Some(clause)));
        };
        let formals = parse(formals_stx)?;
        if who == "case-lambda" && (formals.has_keys || !formals.optional.is_empty()) {
            return Err(Trouble::syntax(
                who,
                "invalid argument list",
                stx,
                Some(clause),
            ));
        }
        let required = formals.required.len();
        // All clauses are shown; the one that takes least tells what must be given.
        let all = match &signature {
            Some(before) => format!("{} | {}", before.formals, written(&formals)),
            None => written(&formals),
        };
        let least = signature
            .take()
            .filter(|before| before.required <= required);
        let mut least = least.unwrap_or(Signature {
            formals: String::new(),
            required,
            optional: formals.optional.len(),
            rest: formals.rest.is_some(),
            bounded: false,
        });
        least.formals = all;
        signature = Some(least);
        let test = if formals.has_keys && formals.rest.is_none() {
            let operands = vec![
                Core::Local(arguments.clone()),
                Core::Local(count.clone()),
                Core::integer(required, span),
                Core::integer(required + formals.optional.len(), span),
            ];
            x.core_call("%keys-fit?", operands, span)
        } else if formals.rest.is_some() {
            let operands = vec![Core::Local(count.clone()), Core::integer(required, span)];
            x.core_call(">=", operands, span)
        } else if formals.optional.is_empty() {
            let operands = vec![Core::Local(count.clone()), Core::integer(required, span)];
            x.core_call("=", operands, span)
        } else {
            let least = x.core_call(
                ">=",
                vec![Core::Local(count.clone()), Core::integer(required, span)],
                span,
            );
            let most = x.core_call(
                "<=",
                vec![
                    Core::Local(count.clone()),
                    Core::integer(required + formals.optional.len(), span),
                ],
                span,
            );
            Core::if_(least, most, Core::truth(false, span))
        };
        // The required ones come off the list one by one.
        let outer = scope.inside_procedure();
        let mut bindings: Vec<(Rc<Local>, Core)> = Vec::new();
        let mut left = arguments.clone();
        for id in &formals.required {
            let variable = x.bind_local(*id, &outer);
            let first = x.core_call("car", vec![Core::Local(left.clone())], span);
            bindings.push((variable, first));
            let next = Local::new(Id::named("left"));
            let rest = x.core_call("cdr", vec![Core::Local(left.clone())], span);
            bindings.push((next.clone(), rest));
            left = next;
        }
        let body = from_list(x, &formals, &left, body, stx, &outer)?;
        let body = bindings.into_iter().rev().fold(body, |body, binding| {
            Core::Let(vec![binding], Box::new(body))
        });
        tests.push((test, body));
    }
    let none = x.core_call(
        "%no-matching-arity",
        vec![Core::Local(arguments.clone())],
        span,
    );
    let body = tests
        .into_iter()
        .rev()
        .fold(none, |rest, (test, body)| Core::if_(test, body, rest));
    let length = x.core_call("length", vec![Core::Local(arguments.clone())], span);
    let body = Core::Let(vec![(count, length)], Box::new(body));
    let procedure = Core::lambda(Vec::new(), Some(arguments), body, span);
    if let Core::Lambda(lambda) = &procedure {
        *lambda.signature.borrow_mut() = signature;
    }
    // Guile lets the last clause that says something speak for all.
    let clauses = items[1..].iter().filter_map(Stx::as_list);
    Ok(
        clauses.fold(procedure.documented(&items[1..]), |procedure, clause| {
            procedure.documented(&clause[1..])
        }),
    )
}

/// `(define* (NAME . FORMALS) BODY …)`
pub fn define_star(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let bad = || Trouble::no_match("define*", stx);
    let items = stx.as_list().ok_or_else(bad)?;
    let span = stx.span();
    let target = items.get(1).ok_or_else(bad)?;
    let Form::List(parts, tail) = target.form() else {
        let mut define = items.to_vec();
        define[0] = x.core_stx("define", span);
        return Ok(Stx::list(define, span));
    };
    let name = parts.first().ok_or_else(bad)?;
    let formals = match tail {
        Some(tail) if parts.len() == 1 => tail.clone(),
        _ => Stx::new(Form::List(parts[1..].to_vec(), tail.clone()), target.span()),
    };
    let mut lambda = vec![x.core_stx("lambda*", span), formals];
    lambda.extend(items[2..].iter().cloned());
    let lambda = Stx::list(lambda, span);
    if name.as_id().is_none() {
        let outer = Stx::list(vec![items[0].clone(), name.clone(), lambda], span);
        return define_star(x, &outer, &x.world.core_scope.clone());
    }
    Ok(Stx::list(
        vec![x.core_stx("define", span), name.clone(), lambda],
        span,
    ))
}

pub fn define_public(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    public(x, stx, "define")
}

pub fn define_star_public(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    public(x, stx, "define*")
}

fn public(x: &mut Expander, stx: &Stx, definer: &str) -> Result<Stx> {
    let bad = || Trouble::no_match("define-public", stx);
    let span: Span = stx.span();
    let items = stx.as_list().ok_or_else(bad)?;
    let mut name = items.get(1).ok_or_else(bad)?;
    while let Form::List(parts, _) = name.form() {
        name = parts.first().ok_or_else(bad)?;
    }
    let mut define = items.to_vec();
    define[0] = x.core_stx(definer, span);
    Ok(Stx::list(
        vec![
            x.core_stx("begin", span),
            Stx::list(define, span),
            Stx::list(vec![x.core_stx("export", span), name.clone()], span),
        ],
        span,
    ))
}
