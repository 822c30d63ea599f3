//! The parts of definitions and of the forms that splice.

use crate::data::value;
use crate::expand::Expander;
use crate::namespace::keywords::Macro;
use crate::namespace::names;
use crate::namespace::scope::{Binding, Scope};
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};
use std::rc::Rc;

/// What `define` defines.
pub struct Definition {
    pub id: Id,
    pub value: Stx,
}

impl Expander<'_, '_> {
    /// `(define NAME VALUE)`, `(define (NAME . FORMALS) BODY …)`, curried or not.
    pub fn parse_define(&mut self, form: &Stx) -> Result<Definition> {
        let bad = || Trouble::no_match("define", form);
        let Form::List(items, None) = form.form() else {
            return Err(bad());
        };
        let span = form.span();
        let target = items.get(1).ok_or_else(bad)?;
        match target.form() {
            Form::Id(id) => {
                let value = match items.len() {
                    2 => {
                        let no = Stx::atom(value::Value::BoolV(false), span);
                        Stx::list(vec![self.core_stx("if", span), no.clone(), no], span)
                    }
                    3 => items[2].clone(),
                    _ => return Err(bad()),
                };
                Ok(Definition { id: *id, value })
            }
            Form::List(parts, tail) if !parts.is_empty() => {
                let formals = match tail {
                    Some(tail) if parts.len() == 1 => tail.clone(),
                    _ => Stx::new(Form::List(parts[1..].to_vec(), tail.clone()), target.span()),
                };
                let mut lambda = vec![self.core_stx("lambda", span), formals];
                lambda.extend(items[2..].iter().cloned());
                let lambda = Stx::list(lambda, span);
                match parts[0].form() {
                    Form::Id(id) => Ok(Definition {
                        id: *id,
                        value: lambda,
                    }),
                    // Curried: (define ((f a) b) …) is (define (f a) (lambda (b) …)).
                    _ => {
                        let outer =
                            Stx::list(vec![items[0].clone(), parts[0].clone(), lambda], span);
                        self.parse_define(&outer)
                    }
                }
            }
            _ => Err(bad()),
        }
    }

    /// `(define-syntax NAME TRANSFORMER)` or `(define-syntax (NAME . FORMALS) BODY …)`.
    pub fn parse_define_syntax(&mut self, form: &Stx) -> Result<(Id, Stx)> {
        let bad = || Trouble::no_match("define-syntax", form);
        match form.as_list() {
            Some([_, name, value]) if name.as_id().is_some() => {
                Ok((name.as_id().ok_or_else(bad)?, value.clone()))
            }
            Some([_, _, _, ..]) => {
                let definition = self.parse_define(form)?;
                Ok((definition.id, definition.value))
            }
            _ => Err(bad()),
        }
    }

    /// `(define-macro (NAME . FORMALS) BODY …)` or `(define-macro NAME PROCEDURE)`.
    pub fn parse_define_macro(&mut self, form: &Stx, scope: &Scope) -> Result<(Id, Rc<Macro>)> {
        // (defmacro NAME FORMALS BODY …)
        let form = &match form.as_list() {
            Some([head, name, formals, body @ ..])
                if head.as_id().is_some_and(|id| &*id.name() == "defmacro")
                    && name.as_id().is_some() =>
            {
                let span = form.span();
                let target = Stx::improper(vec![name.clone()], formals.clone(), span);
                let mut define = vec![head.clone(), target];
                define.extend(body.iter().cloned());
                Stx::list(define, span)
            }
            _ => form.clone(),
        };
        let definition = self.parse_define(form)?;
        let (transformer, _) = self.transformer_of(&definition.value, scope)?;
        Ok((definition.id, Rc::new(Macro::Unhygienic { transformer })))
    }

    /// `(define-values FORMALS VALUE)`: the names, the rest name, the value.
    pub fn parse_define_values(&mut self, form: &Stx) -> Result<(Vec<Id>, Option<Id>, Stx)> {
        let bad = || Trouble::no_match("define-values", form);
        let Some([_, formals, value]) = form.as_list() else {
            return Err(bad());
        };
        let (ids, rest) = plain_formals(formals).ok_or_else(bad)?;
        Ok((ids, rest, value.clone()))
    }

    /// The forms of `(eval-when (SITUATION …) FORM …)` that count here: all, as
    /// expanding, compiling, loading and evaluating are one thing.
    pub fn eval_when(&mut self, form: &Stx) -> Result<Vec<Stx>> {
        match form.as_list() {
            Some([_, situations, forms @ ..]) if !forms.is_empty() => {
                for situation in situations.as_list().unwrap_or_default() {
                    let name = situation.as_id().map(Id::name);
                    if !matches!(
                        name.as_deref(),
                        Some("expand" | "compile" | "load" | "eval")
                    ) {
                        let message = "invalid situation";
                        return Err(Trouble::syntax("eval-when", message, form, Some(situation)));
                    }
                }
                Ok(forms.to_vec())
            }
            _ => Err(Trouble::no_match("#f", form)),
        }
    }

    /// The forms in the files that `(include FILE …)` names.
    pub fn include(&mut self, form: &Stx) -> Result<Vec<Stx>> {
        let Some([keyword, names @ ..]) = form.as_list() else {
            return Err(Trouble::no_match("include", form));
        };
        let folds = keyword
            .as_id()
            .is_some_and(|id| &*id.name() == "include-ci");
        let mut forms = Vec::new();
        for name in names {
            let Some(file) = name.as_string() else {
                return Err(Trouble::syntax(
                    "include",
                    "not a file name",
                    form,
                    Some(name),
                ));
            };
            let text = self.world.include_text(&file, form.span())?;
            let text = if folds {
                format!("#!fold-case\n{text}")
            } else {
                text
            };
            forms.extend(self.world.read_all(&file, &text)?);
        }
        Ok(forms)
    }

    /// The forms of the clause of `cond-expand` that holds.
    pub fn cond_expand(&mut self, form: &Stx) -> Result<Vec<Stx>> {
        let Some([_, clauses @ ..]) = form.as_list() else {
            return Err(Trouble::no_match("cond-expand", form));
        };
        for clause in clauses {
            let Some([requirement, forms @ ..]) = clause.as_list() else {
                return Err(Trouble::syntax(
                    "cond-expand",
                    "bad clause",
                    form,
                    Some(clause),
                ));
            };
            if self.feature_holds(requirement, form)? {
                return Ok(forms.to_vec());
            }
        }
        Err(Trouble::syntax(
            "cond-expand",
            "unfulfilled cond-expand",
            form,
            None,
        ))
    }

    fn feature_holds(&mut self, requirement: &Stx, form: &Stx) -> Result<bool> {
        if let Some(id) = requirement.as_id() {
            let name = id.name();
            return Ok(&*name == "else" || self.world.has_feature(&name));
        }
        let Some([head, rest @ ..]) = requirement.as_list() else {
            return Err(Trouble::syntax(
                "cond-expand",
                "bad requirement",
                form,
                Some(requirement),
            ));
        };
        let head = head.as_id().map(Id::name);
        match head.as_deref() {
            Some("and") => {
                for requirement in rest {
                    if !self.feature_holds(requirement, form)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Some("or") => {
                for requirement in rest {
                    if self.feature_holds(requirement, form)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Some("not") if rest.len() == 1 => Ok(!self.feature_holds(&rest[0], form)?),
            Some("library") if rest.len() == 1 => {
                let name = names::module_name(&rest[0])?;
                Ok(self.world.can_load(&name))
            }
            _ => Err(Trouble::syntax(
                "cond-expand",
                "bad requirement",
                form,
                Some(requirement),
            )),
        }
    }

    /// `let-syntax` and `letrec-syntax`: the body's forms and their scope.
    pub fn let_syntax(&mut self, form: &Stx, scope: &Scope) -> Result<(Vec<Stx>, Scope)> {
        let bad = || Trouble::syntax("#f", "bad local syntax definition", form, None);
        let Some([head, bindings, forms @ ..]) = form.as_list() else {
            return Err(bad());
        };
        let inner = scope.inner();
        let recursive = head
            .as_id()
            .is_some_and(|id| &*id.name() == "letrec-syntax");
        let mut made = Vec::new();
        for binding in bindings.as_list().ok_or_else(bad)? {
            let Some([name, value]) = binding.as_list() else {
                return Err(bad());
            };
            let name = name.as_id().ok_or_else(bad)?;
            let keyword = self.macro_of(value, if recursive { &inner } else { scope })?;
            if recursive {
                inner.bind(name, Binding::Macro(keyword));
            } else {
                made.push((name, keyword));
            }
        }
        for (name, keyword) in made {
            inner.bind(name, Binding::Macro(keyword));
        }
        Ok((forms.to_vec(), inner))
    }

    /// `(syntax-parameterize ((NAME TRANSFORMER) …) BODY …)`: parameters with
    /// what they mean in the body, and the body.
    #[allow(
        clippy::type_complexity,
        reason = "a list of pairs and a list of forms"
    )]
    pub fn parse_parameterize(
        &mut self,
        form: &Stx,
        scope: &Scope,
    ) -> Result<(Vec<(Rc<Macro>, Rc<Macro>)>, Vec<Stx>)> {
        let bad = || Trouble::syntax("syntax-parameterize", "bad form", form, None);
        let Some([_, bindings, forms @ ..]) = form.as_list() else {
            return Err(bad());
        };
        let mut parameters = Vec::new();
        for binding in bindings.as_list().ok_or_else(bad)? {
            let Some([name, value]) = binding.as_list() else {
                return Err(bad());
            };
            let parameter = match name.as_id().and_then(|id| scope.lookup(id)) {
                Some(Binding::Macro(keyword)) if matches!(&*keyword, Macro::Parameter(_)) => {
                    keyword
                }
                _ => {
                    return Err(Trouble::syntax(
                        "syntax-parameterize",
                        "invalid syntax parameter",
                        form,
                        Some(name),
                    ));
                }
            };
            let meaning = self.macro_of(value, scope)?;
            parameters.push((parameter, meaning));
        }
        Ok((parameters, forms.to_vec()))
    }

    /// Run BODY while the syntax parameters mean what PARAMETERS says.
    pub fn with_parameters<T>(
        &mut self,
        parameters: Vec<(Rc<Macro>, Rc<Macro>)>,
        body: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let swap = |parameter: &Rc<Macro>, meaning: Rc<Macro>| match &**parameter {
            Macro::Parameter(current) => current.replace(meaning),
            _ => meaning,
        };
        let saved: Vec<_> = parameters
            .into_iter()
            .map(|(parameter, meaning)| {
                let before = swap(&parameter, meaning);
                (parameter, before)
            })
            .collect();
        let result = body(self);
        for (parameter, before) in saved.into_iter().rev() {
            swap(&parameter, before);
        }
        result
    }
}

/// `(a b . c)`: the names and the rest name.
pub fn plain_formals(formals: &Stx) -> Option<(Vec<Id>, Option<Id>)> {
    match formals.form() {
        Form::Id(id) => Some((Vec::new(), Some(*id))),
        Form::List(items, tail) => {
            let ids = items.iter().map(Stx::as_id).collect::<Option<Vec<_>>>()?;
            let rest = match tail {
                None => None,
                Some(tail) => Some(tail.as_id()?),
            };
            Some((ids, rest))
        }
        _ => None,
    }
}
