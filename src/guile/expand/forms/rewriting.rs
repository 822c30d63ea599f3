//! Macros written in Rust: forms that become other forms.

use crate::data::value;
use crate::expand::Expander;
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};

/// `(defmacro* NAME FORMALS BODY …)`
pub(super) fn defmacro_star(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let Some([head, name, formals, body @ ..]) = stx.as_list() else {
        return Err(Trouble::no_match("defmacro*", stx));
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
pub(super) fn load(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let span = stx.span();
    let Some([_, operands @ ..]) = stx.as_list() else {
        return Ok(x.core_stx("%load-file", span));
    };
    let directory = span
        .place()
        .and_then(|place| {
            let file = std::path::Path::new(&place.file);
            crate::library::outside::has_program(file)
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
pub(super) fn define_syntax_rule(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let (pattern, template) = match stx.as_list() {
        Some([_, pattern, template]) => (pattern, template),
        Some([_, pattern, doc, template]) if doc.as_string().is_some() => (pattern, template),
        _ => return Err(Trouble::no_match("define-syntax-rule", stx)),
    };
    let span = stx.span();
    let Form::List(items, tail) = pattern.form() else {
        return Err(Trouble::no_match("define-syntax-rule", stx));
    };
    let name = items
        .first()
        .ok_or_else(|| Trouble::no_match("define-syntax-rule", stx))?
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

pub(super) fn define_inlinable(x: &mut Expander, stx: &Stx, _: &Scope) -> Result<Stx> {
    let items = stx
        .as_list()
        .ok_or_else(|| Trouble::no_match("define-inlinable", stx))?;
    let mut define = items.to_vec();
    define[0] = x.core_stx("define", stx.span());
    Ok(Stx::list(define, stx.span()))
}
