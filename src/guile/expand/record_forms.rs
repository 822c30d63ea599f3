//! Records of srfi-9 and `(srfi srfi-9 gnu)`.

use crate::data::value::{Value, string_value};
use crate::expand::Expander;
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};

/// What is wrong with the definition STX, at PART.
fn bad(stx: &Stx, message: &str, part: Option<&Stx>) -> Trouble {
    let who = match stx.as_list().and_then(|items| items.first()?.as_id()) {
        Some(head) if &*head.name() == "define-immutable-record-type" => {
            "define-immutable-record-type"
        }
        _ => "define-record-type",
    };
    Trouble::syntax(who, message, stx, part)
}

pub fn define_record_type(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    expand(x, stx, false)
}

pub fn define_immutable_record_type(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    expand(x, stx, true)
}

struct Field {
    name: Id,
    accessor: Option<Stx>,
    modifier: Option<Stx>,
}

/// `(define-record-type TYPE CONSTRUCTOR PREDICATE FIELD …)`. In the immutable
/// kind the second procedure of a field returns a changed copy.
fn expand(x: &mut Expander, stx: &Stx, immutable: bool) -> Result<Stx> {
    let Some([_, name, constructor, predicate, fields @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("#f", stx));
    };
    let span = stx.span();
    let type_id = name
        .as_id()
        .ok_or_else(|| bad(stx, "expected type name", Some(name)))?;
    let invalid = || bad(stx, "invalid constructor spec", Some(constructor));
    let (make, arguments) = match constructor.as_list() {
        Some([make, arguments @ ..]) if make.as_id().is_some() => (
            make,
            arguments
                .iter()
                .map(|argument| argument.as_id().ok_or_else(invalid))
                .collect::<Result<Vec<Id>>>()?,
        ),
        _ => return Err(invalid()),
    };
    if predicate.as_id().is_none() {
        return Err(bad(stx, "expected predicate name", Some(predicate)));
    }
    let fields = fields
        .iter()
        .map(|field| parse_field(field, stx))
        .collect::<Result<Vec<_>>>()?;
    let word = |x: &Expander, word: &str| x.core_stx(word, span);
    let quote = |x: &Expander, datum: Stx| Stx::list(vec![word(x, "quote"), datum], span);
    let define =
        |x: &Expander, name: Stx, value: Stx| Stx::list(vec![word(x, "define"), name, value], span);
    let number = |number: usize| Stx::atom(Value::IntV(number as isize), span);
    let mut forms = vec![word(x, "begin")];

    let names = Stx::list(
        fields
            .iter()
            .map(|field| Stx::id(field.name, span))
            .collect(),
        span,
    );
    let mutable = fields
        .iter()
        .map(|field| match !immutable && field.modifier.is_some() {
            true => Stx::atom(Value::BoolV(true), span),
            false => Stx::id(Id::named("stored"), span),
        })
        .collect();
    let make_type = Stx::list(
        vec![
            word(x, "%make-record-type"),
            quote(x, Stx::id(type_id, span)),
            quote(x, names),
            quote(x, Stx::list(mutable, span)),
        ],
        span,
    );
    let all: Vec<Id> = fields.iter().map(|field| field.name).collect();
    let twice = (1..all.len()).find(|index| all[..*index].contains(&all[*index]));
    let make_type = match twice {
        None => make_type,
        Some(index) => {
            let field = quote(x, Stx::id(all[index], span));
            Stx::list(vec![word(x, "%duplicate-field"), field], span)
        }
    };
    forms.push(define(x, name.clone(), make_type));
    for argument in &arguments {
        if !all.contains(argument) {
            let argument = Stx::id(*argument, span);
            return Err(bad(
                stx,
                "unknown field in constructor spec",
                Some(&argument),
            ));
        }
    }
    let mut call = vec![word(x, "%record"), name.clone()];
    for field in &all {
        call.push(if arguments.contains(field) {
            Stx::id(*field, span)
        } else {
            Stx::atom(Value::BoolV(false), span)
        });
    }
    let formals = Stx::list(
        arguments.iter().map(|id| Stx::id(*id, span)).collect(),
        span,
    );
    let kind = type_id.name();
    let kind = kind
        .trim_start_matches('<')
        .trim_end_matches('>')
        .to_owned();
    // What a program's own say of themselves is nothing, as in Guile.
    let documents = x.world.current.borrow().of_language.get();
    let procedure = |x: &Expander, formals: Stx, said: String, body: Stx| {
        let mut parts = vec![word(x, "lambda"), formals];
        if documents {
            parts.push(Stx::atom(string_value(said), span));
        }
        parts.push(body);
        Stx::list(parts, span)
    };
    let said = format!("Return a new {kind} with these in its fields.");
    let lambda = procedure(x, formals, said, Stx::list(call, span));
    forms.push(define(x, make.clone(), lambda));
    let argument = Stx::id(Id::named("object"), span);
    let call = Stx::list(
        vec![word(x, "%record-is-a?"), argument.clone(), name.clone()],
        span,
    );
    let formals = Stx::list(vec![argument], span);
    let said = format!("Return whether OBJECT is of type {kind}.");
    let lambda = procedure(x, formals, said, call);
    // The argument must not capture a type that happens to have its name.
    let lambda = if type_id == Id::named("object") {
        Stx::list(vec![word(x, "record-predicate"), name.clone()], span)
    } else {
        lambda
    };
    forms.push(define(x, predicate.clone(), lambda));
    // What errors of the procedures that return changed copies name.
    let copier = Id::named(&format!("%%{}-set-fields", type_id.name()));
    let copier = Stx::id(copier, span);
    for (position, field) in fields.iter().enumerate() {
        let maker = |x: &Expander, maker: &str, procedure: &Stx| {
            Stx::list(
                vec![
                    word(x, maker),
                    name.clone(),
                    number(position),
                    quote(x, procedure.clone()),
                ],
                span,
            )
        };
        if let Some(accessor) = &field.accessor {
            let value = maker(x, "%make-accessor", accessor);
            forms.push(define(x, accessor.clone(), value));
        }
        if let Some(modifier) = &field.modifier {
            let value = match immutable {
                true => maker(x, "%make-updater", &copier),
                false => maker(x, "%make-modifier", modifier),
            };
            forms.push(define(x, modifier.clone(), value));
        }
    }
    Ok(Stx::list(forms, span))
}

fn parse_field(field: &Stx, stx: &Stx) -> Result<Field> {
    let invalid = || bad(stx, "invalid field spec", Some(field));
    match field.form() {
        Form::List(items, None)
            if (2..=3).contains(&items.len())
                && items.iter().all(|item| item.as_id().is_some()) =>
        {
            Ok(Field {
                name: items[0].as_id().ok_or_else(invalid)?,
                accessor: items.get(1).cloned(),
                modifier: items.get(2).cloned(),
            })
        }
        _ => Err(invalid()),
    }
}

/// `(set-field RECORD (ACCESSOR …) VALUE)`
pub fn set_field(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Stx> {
    let Some([_, record, path, value]) = stx.as_list() else {
        return Err(Trouble::syntax("set-field", "bad form", stx, None));
    };
    let clause = (path.clone(), value.clone());
    update(x, record, &[clause], stx, scope)
}

/// `(set-fields RECORD ((ACCESSOR …) VALUE) …)`
pub fn set_fields(x: &mut Expander, stx: &Stx, scope: &Scope) -> Result<Stx> {
    let Some([_, record, clauses @ ..]) = stx.as_list() else {
        return Err(Trouble::syntax("set-fields", "bad form", stx, None));
    };
    let clauses = clauses
        .iter()
        .map(|clause| match clause.as_list() {
            Some([path, value]) => Ok((path.clone(), value.clone())),
            _ => Err(Trouble::syntax("set-fields", "bad form", stx, Some(clause))),
        })
        .collect::<Result<Vec<_>>>()?;
    update(x, record, &clauses, stx, scope)
}

fn update(
    x: &mut Expander,
    record: &Stx,
    clauses: &[(Stx, Stx)],
    stx: &Stx,
    scope: &Scope,
) -> Result<Stx> {
    let span: Span = stx.span();
    check_paths(x, clauses, stx, scope)?;
    let mut result = record.clone();
    for (path, value) in clauses {
        let mut accessors = vec![x.core_stx("list", span)];
        accessors.extend(path.as_list().unwrap_or_default().iter().cloned());
        result = Stx::list(
            vec![
                x.core_stx("%record-update", span),
                result,
                Stx::list(accessors, span),
                value.clone(),
            ],
            span,
        );
    }
    Ok(result)
}

/// Whether the paths of CLAUSES name accessors and are about different fields.
fn check_paths(x: &Expander, clauses: &[(Stx, Stx)], stx: &Stx, scope: &Scope) -> Result<()> {
    let who = "set-fields";
    let mut known: Vec<(&Stx, Vec<Id>)> = Vec::new();
    for (path, _) in clauses {
        let getters = path.as_list().ok_or_else(|| Trouble::no_match("#f", stx))?;
        let mut names = Vec::with_capacity(getters.len());
        for getter in getters {
            match getter.as_id() {
                Some(id) if x.is_bound(id, scope) => names.push(id),
                _ => return Err(Trouble::syntax(who, "unknown getter", stx, Some(getter))),
            }
        }
        for (other_path, other) in &known {
            if *other == names {
                return Err(Trouble::syntax(
                    who,
                    "duplicate field path",
                    stx,
                    Some(path),
                ));
            }
            let prefix = match (other.starts_with(&names), names.starts_with(other)) {
                (true, _) => Some(path),
                (_, true) => Some(*other_path),
                _ => None,
            };
            if let Some(prefix) = prefix {
                let message = "one field path is a prefix of another";
                return Err(Trouble::syntax(who, message, stx, Some(prefix)));
            }
        }
        known.push((path, names));
    }
    Ok(())
}
