//! Patterns and templates of `syntax-rules` and `syntax-case`.

use super::super::syntax::{Form, Id, Span, Stx};
use super::super::value::Value;
use super::scope::Scope;
use super::{Result, Trouble};
use std::collections::HashMap;
use std::rc::Rc;

/// What a pattern variable has matched.
#[derive(Clone)]
pub enum Match {
    One(Stx),
    Many(Vec<Match>),
}

pub type Matches = HashMap<Id, Match>;

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

impl PatternContext {
    pub fn is_ellipsis(&self, stx: &Stx) -> bool {
        let Some(id) = stx.as_id() else {
            return false;
        };
        match &self.ellipsis {
            Ellipsis::Usual => is_usual_ellipsis(id) && !self.literals.contains(&id),
            Ellipsis::Custom(custom) => *custom == id,
            Ellipsis::None => false,
        }
    }

    fn is_literal(&self, id: Id) -> bool {
        self.literals.contains(&id)
    }
}

fn is_usual_ellipsis(id: Id) -> bool {
    &*id.name() == "..."
}

fn is_underscore(id: Id) -> bool {
    &*id.name() == "_"
}

/// The variables of PATTERN with their ellipsis depths, in order.
pub fn variables(pattern: &Stx, context: &PatternContext, depth: usize) -> Vec<(Id, usize)> {
    let mut found = Vec::new();
    collect(pattern, context, depth, &mut found);
    found
}

/// What is wrong with PATTERN: a variable that occurs twice, or an ellipsis
/// where there is nothing to repeat.
pub fn complaint(pattern: &Stx, context: &PatternContext) -> Option<&'static str> {
    let mut names: Vec<Id> = variables(pattern, context, 0)
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Some("duplicate pattern variable");
    }
    misplaces_ellipsis(pattern, context).then_some("misplaced ellipsis")
}

fn misplaces_ellipsis(pattern: &Stx, context: &PatternContext) -> bool {
    let in_list = |items: &[Stx]| {
        let allowed = (1..items.len()).find(|index| context.is_ellipsis(&items[*index]));
        items
            .iter()
            .enumerate()
            .any(|(index, item)| Some(index) != allowed && misplaces_ellipsis(item, context))
    };
    match pattern.form() {
        Form::Id(_) => context.is_ellipsis(pattern),
        Form::List(items, tail) => {
            in_list(items)
                || tail
                    .as_ref()
                    .is_some_and(|tail| misplaces_ellipsis(tail, context))
        }
        Form::Vector(items) => in_list(items),
        Form::Atom(_) | Form::Opaque(_) => false,
    }
}

fn collect(pattern: &Stx, context: &PatternContext, depth: usize, found: &mut Vec<(Id, usize)>) {
    match pattern.form() {
        Form::Id(id) => {
            if !context.is_literal(*id) && !is_underscore(*id) && !context.is_ellipsis(pattern) {
                found.push((*id, depth));
            }
        }
        Form::List(items, tail) => {
            collect_all(items, context, depth, found);
            if let Some(tail) = tail {
                collect(tail, context, depth, found);
            }
        }
        Form::Vector(items) => collect_all(items, context, depth, found),
        Form::Atom(_) | Form::Opaque(_) => {}
    }
}

fn collect_all(
    items: &[Stx],
    context: &PatternContext,
    depth: usize,
    found: &mut Vec<(Id, usize)>,
) {
    for (index, item) in items.iter().enumerate() {
        if context.is_ellipsis(item) {
            continue;
        }
        let repeated = items
            .get(index + 1)
            .is_some_and(|next| context.is_ellipsis(next));
        collect(item, context, depth + usize::from(repeated), found);
    }
}

/// Match STX, which stands in SCOPE, against PATTERN.
pub fn matches(
    pattern: &Stx,
    stx: &Stx,
    context: &PatternContext,
    scope: &Scope,
    found: &mut Matches,
) -> bool {
    match pattern.form() {
        Form::Id(id) => {
            if context.is_literal(*id) {
                return stx
                    .as_id()
                    .is_some_and(|other| context.scope.same_meaning(*id, scope, other));
            }
            if !is_underscore(*id) {
                found.insert(*id, Match::One(stx.clone()));
            }
            true
        }
        Form::List(items, tail) => match stx.form() {
            Form::List(given, given_tail) => match_list(
                items,
                tail.as_ref(),
                given,
                given_tail.as_ref(),
                stx,
                context,
                scope,
                found,
            ),
            _ => match_list(
                items,
                tail.as_ref(),
                &[],
                Some(stx),
                stx,
                context,
                scope,
                found,
            ),
        },
        Form::Vector(items) => match stx.form() {
            Form::Vector(given) => match_list(items, None, given, None, stx, context, scope, found),
            _ => false,
        },
        Form::Atom(expected) => match stx.form() {
            Form::Atom(given) => same_atom(expected, given),
            _ => false,
        },
        Form::Opaque(_) => false,
    }
}

/// `equal?` for data that stand for themselves.
pub fn same_atom(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::NumV(a), Value::NumV(b)) => a == b,
        (Value::IntV(a), Value::IntV(b)) => a == b,
        (Value::IntV(_), Value::NumV(_)) | (Value::NumV(_), Value::IntV(_)) => false,
        _ => a == b,
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "a list pattern and a list are four things, and the context three"
)]
fn match_list(
    items: &[Stx],
    tail: Option<&Stx>,
    given: &[Stx],
    given_tail: Option<&Stx>,
    whole: &Stx,
    context: &PatternContext,
    scope: &Scope,
    found: &mut Matches,
) -> bool {
    let ellipsis = (1..items.len()).find(|index| context.is_ellipsis(&items[*index]));
    match ellipsis {
        None => {
            if given.len() < items.len() {
                return false;
            }
            if !items
                .iter()
                .zip(given)
                .all(|(pattern, stx)| matches(pattern, stx, context, scope, found))
            {
                return false;
            }
            match_rest(
                tail,
                &given[items.len()..],
                given_tail,
                whole,
                context,
                scope,
                found,
            )
        }
        Some(index) => {
            let before = &items[..index - 1];
            let repeated = &items[index - 1];
            let after = &items[index + 1..];
            if given.len() < before.len() + after.len() {
                return false;
            }
            if tail.is_none() && given_tail.is_some() {
                return false;
            }
            let count = given.len() - before.len() - after.len();
            if !before
                .iter()
                .zip(given)
                .all(|(pattern, stx)| matches(pattern, stx, context, scope, found))
            {
                return false;
            }
            let mut rounds: Vec<Matches> = Vec::with_capacity(count);
            for stx in &given[before.len()..before.len() + count] {
                let mut round = Matches::new();
                if !matches(repeated, stx, context, scope, &mut round) {
                    return false;
                }
                rounds.push(round);
            }
            for (variable, _) in variables(repeated, context, 0) {
                let many = rounds
                    .iter_mut()
                    .filter_map(|round| round.remove(&variable))
                    .collect();
                found.insert(variable, Match::Many(many));
            }
            let rest = &given[before.len() + count..];
            if !after
                .iter()
                .zip(rest)
                .all(|(pattern, stx)| matches(pattern, stx, context, scope, found))
            {
                return false;
            }
            match_rest(
                tail,
                &rest[after.len()..],
                given_tail,
                whole,
                context,
                scope,
                found,
            )
        }
    }
}

fn match_rest(
    tail: Option<&Stx>,
    given: &[Stx],
    given_tail: Option<&Stx>,
    whole: &Stx,
    context: &PatternContext,
    scope: &Scope,
    found: &mut Matches,
) -> bool {
    match tail {
        None => given.is_empty() && given_tail.is_none(),
        Some(tail) => {
            let rest = match (given, given_tail) {
                ([], Some(given_tail)) => given_tail.clone(),
                _ => Stx::new(
                    Form::List(given.to_vec(), given_tail.cloned()),
                    whole.span(),
                ),
            };
            matches(tail, &rest, context, scope, found)
        }
    }
}

/// Fill TEMPLATE with what FOUND says; other identifiers become what RENAME
/// makes of them.
pub fn instantiate(
    template: &Stx,
    found: &Matches,
    context: &PatternContext,
    rename: &mut dyn FnMut(Id) -> Id,
) -> Result<Stx> {
    Template {
        context,
        rename,
        whole: template,
    }
    .fill(template, found, true)
}

struct Template<'a> {
    context: &'a PatternContext,
    rename: &'a mut dyn FnMut(Id) -> Id,
    whole: &'a Stx,
}

impl Template<'_> {
    fn fill(&mut self, template: &Stx, found: &Matches, ellipses: bool) -> Result<Stx> {
        match template.form() {
            Form::Id(id) => match found.get(id) {
                Some(Match::One(stx)) => Ok(stx.clone()),
                Some(Match::Many(_)) => Err(self.trouble("missing ellipsis", template)),
                None => Ok(Stx::id((self.rename)(*id), template.span())),
            },
            Form::Atom(_) | Form::Opaque(_) => Ok(template.clone()),
            Form::Vector(items) => Ok(Stx::new(
                Form::Vector(self.fill_all(items, found, ellipses)?),
                template.span(),
            )),
            Form::List(items, tail) => {
                if ellipses
                    && tail.is_none()
                    && items.len() == 2
                    && self.context.is_ellipsis(&items[0])
                {
                    return self.fill(&items[1], found, false);
                }
                let filled = self.fill_all(items, found, ellipses)?;
                match tail {
                    None => Ok(Stx::list(filled, template.span())),
                    Some(tail) => {
                        let tail = self.fill(tail, found, ellipses)?;
                        Ok(Stx::improper(filled, tail, template.span()))
                    }
                }
            }
        }
    }

    fn fill_all(&mut self, items: &[Stx], found: &Matches, ellipses: bool) -> Result<Vec<Stx>> {
        let mut filled = Vec::with_capacity(items.len());
        let mut index = 0;
        while index < items.len() {
            let item = &items[index];
            index += 1;
            let mut depth = 0;
            while ellipses
                && items
                    .get(index)
                    .is_some_and(|next| self.context.is_ellipsis(next))
            {
                depth += 1;
                index += 1;
            }
            if depth == 0 {
                filled.push(self.fill(item, found, ellipses)?);
            } else {
                self.repeat(item, found, depth, &mut filled)?;
            }
        }
        Ok(filled)
    }

    fn repeat(
        &mut self,
        item: &Stx,
        found: &Matches,
        depth: usize,
        filled: &mut Vec<Stx>,
    ) -> Result<()> {
        let mut names = Vec::new();
        self.repeated_names(item, found, &mut names);
        if names.is_empty() {
            return Err(self.trouble("extra ellipsis", item));
        }
        let count = names
            .iter()
            .filter_map(|name| match &found[name] {
                Match::Many(many) => Some(many.len()),
                Match::One(_) => None,
            })
            .max()
            .unwrap_or(0);
        for round in 0..count {
            let mut inner = found.clone();
            for name in &names {
                if let Match::Many(many) = &found[name] {
                    match many.get(round) {
                        Some(one) => {
                            inner.insert(*name, one.clone());
                        }
                        None => {
                            return Err(self.trouble("incompatible ellipsis match counts", item));
                        }
                    }
                }
            }
            if depth > 1 {
                self.repeat(item, &inner, depth - 1, filled)?;
            } else {
                filled.push(self.fill(item, &inner, true)?);
            }
        }
        Ok(())
    }

    /// The variables in ITEM that stand for several matches.
    fn repeated_names(&self, item: &Stx, found: &Matches, names: &mut Vec<Id>) {
        match item.form() {
            Form::Id(id) => {
                if matches!(found.get(id), Some(Match::Many(_))) && !names.contains(id) {
                    names.push(*id);
                }
            }
            Form::List(items, tail) => {
                for item in items.iter().chain(tail) {
                    self.repeated_names(item, found, names);
                }
            }
            Form::Vector(items) => {
                for item in items {
                    self.repeated_names(item, found, names);
                }
            }
            Form::Atom(_) | Form::Opaque(_) => {}
        }
    }

    fn trouble(&self, message: &str, at: &Stx) -> Trouble {
        Trouble::syntax("syntax", message, self.whole, Some(at))
    }
}

/// One `syntax-rules`, ready to expand.
pub struct Rules {
    pub context: PatternContext,
    pub clauses: Vec<(Stx, Stx)>,
    /// The keyword's place in a pattern is ignored; identifier macros match whole.
    pub whole: bool,
}

impl Rules {
    /// Read `(syntax-rules (LITERAL …) CLAUSE …)`, which stands in SCOPE.
    pub fn parse(form: &Stx, scope: &Scope) -> Result<Rc<Rules>> {
        let bad = || {
            Trouble::syntax(
                "syntax-rules",
                "source expression failed to match any pattern",
                form,
                None,
            )
        };
        let items = form.as_list().ok_or_else(bad)?;
        let mut index = 1;
        let mut ellipsis = scope.ellipsis().map_or(Ellipsis::Usual, Ellipsis::Custom);
        if let Some(custom) = items.get(1).and_then(Stx::as_id) {
            ellipsis = Ellipsis::Custom(custom);
            index = 2;
        }
        let literals: Vec<Id> = items
            .get(index)
            .and_then(Stx::as_list)
            .ok_or_else(bad)?
            .iter()
            .map(|literal| literal.as_id().ok_or_else(bad))
            .collect::<Result<_>>()?;
        let mut clauses = Vec::new();
        for clause in &items[index + 1..] {
            if clause.as_string().is_some() {
                continue;
            }
            match clause.as_list() {
                Some([pattern, template]) => clauses.push((pattern.clone(), template.clone())),
                _ => {
                    return Err(Trouble::syntax(
                        "syntax-rules",
                        "source expression failed to match any pattern",
                        form,
                        Some(clause),
                    ));
                }
            }
        }
        let context = PatternContext {
            literals,
            ellipsis,
            scope: scope.clone(),
        };
        for (pattern, _) in &clauses {
            // The keyword's place does not count.
            let rest = match pattern.form() {
                Form::List(items, tail) if !items.is_empty() => {
                    let mut items = items.clone();
                    items[0] = Stx::id(Id::named("_"), pattern.span());
                    Stx::new(Form::List(items, tail.clone()), pattern.span())
                }
                _ => continue,
            };
            if let Some(complaint) = complaint(&rest, &context) {
                return Err(Trouble::syntax("syntax-case", complaint, pattern, None));
            }
        }
        Ok(Rc::new(Rules {
            context,
            clauses,
            whole: false,
        }))
    }

    /// One clause without literals.
    pub fn of_one(pattern: &Stx, template: &Stx, scope: &Scope) -> Rc<Rules> {
        Rc::new(Rules {
            context: PatternContext {
                literals: Vec::new(),
                ellipsis: Ellipsis::Usual,
                scope: scope.clone(),
            },
            clauses: vec![(pattern.clone(), template.clone())],
            whole: false,
        })
    }

    /// Expand USE, which stands in SCOPE.
    pub fn expand(&self, usage: &Stx, scope: &Scope) -> Result<Stx> {
        for (pattern, template) in &self.clauses {
            let mut found = Matches::new();
            let matched = if self.whole {
                matches(pattern, usage, &self.context, scope, &mut found)
            } else {
                match (pattern.rest(1), usage.rest(1)) {
                    (Some(pattern), Some(stx)) => {
                        matches(&pattern, &stx, &self.context, scope, &mut found)
                    }
                    _ => matches(pattern, usage, &self.context, scope, &mut found),
                }
            };
            if matched {
                let expansion = super::super::syntax::fresh_expansion();
                let mut rename = |id: Id| id.introduced(expansion, &self.context.scope);
                let result = instantiate(template, &found, &self.context, &mut rename)?;
                return Ok(placed(result, usage.span()));
            }
        }
        let who = usage
            .as_list()
            .and_then(|items| items.first())
            .and_then(Stx::as_id)
            .or_else(|| match usage.form() {
                Form::List(items, _) => items.first().and_then(Stx::as_id),
                _ => usage.as_id(),
            })
            .map_or_else(|| "syntax-rules".into(), Id::name);
        Err(Trouble::syntax(
            &who,
            "source expression failed to match any pattern",
            usage,
            None,
        ))
    }
}

/// The outermost form of an expansion stands where the macro was used, so that
/// errors point into the program and not into the macro.
pub fn placed(stx: Stx, span: Span) -> Stx {
    match stx.form() {
        Form::List(items, tail) => Stx::new(Form::List(items.clone(), tail.clone()), span),
        _ => stx,
    }
}
