//! Patterns and templates of `syntax-rules` and `syntax-case`.

use crate::data::memory;
use crate::data::native::Raise;
use crate::data::value::{Value, list_value, string_value};
use crate::expand::syntax_primitives;
use crate::library::equality::same_atom;
use crate::namespace::keywords::{Ellipsis, PatternContext, Rules};
use crate::namespace::scope::Scope;
use crate::syntax::error::{Result, Trouble};
use crate::syntax::identifier::{self, Id};
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What a pattern variable has matched.
#[derive(Clone)]
pub enum Match {
    One(Stx),
    /// Under that many ellipses in the pattern: a match for each round of the
    /// outermost.
    Many(usize, Vec<Match>),
}

impl Match {
    fn level(&self) -> usize {
        match self {
            Match::One(_) => 0,
            Match::Many(level, _) => *level,
        }
    }

    /// What is left of this match in the given ROUNDS, the outermost first.
    fn within(&self, rounds: &[usize]) -> Option<&Match> {
        rounds.iter().try_fold(self, |found, round| match found {
            Match::Many(_, many) => many.get(*round),
            Match::One(_) => None,
        })
    }
}

pub type Matches = HashMap<Id, Match>;

impl PatternContext {
    pub fn is_ellipsis(&self, stx: &Stx) -> bool {
        let Some(id) = stx.as_id() else {
            return false;
        };
        match &self.ellipsis {
            Ellipsis::Usual => is_usual_ellipsis(id) && !self.literals.contains(&id),
            Ellipsis::Custom(custom) => custom.marked() == id.marked(),
            Ellipsis::None => false,
        }
    }

    fn is_literal(&self, id: Id) -> bool {
        self.literals.contains(&id)
    }

    /// Refuse a clause of FORM, a `syntax-rules`, whose PATTERN or TEMPLATE can
    /// never do. Errors are of the `syntax-case` that Guile makes of FORM.
    pub fn check_clause(&self, pattern: &Stx, template: &Stx, form: &Stx) -> Result<()> {
        let Some(rest) = pattern.rest(1) else {
            return Ok(());
        };
        let span = form.span();
        let trouble = |who: &str, complaint: &str, shown: Stx| {
            Err(Trouble::syntax(who, complaint, &shown, None))
        };
        if let Some(complaint) = complaint(&rest, self) {
            // The keyword's place does not count.
            let keyword = vec![Stx::id(Id::named("dummy"), span)];
            let shown = match rest.form() {
                Form::List(items, tail) => Stx::new(
                    Form::List([&keyword, &items[..]].concat(), tail.clone()),
                    span,
                ),
                _ => Stx::improper(keyword, rest.clone(), span),
            };
            return trouble("syntax-case", complaint, shown);
        }
        if let Some(complaint) = template_complaint(template, &variables(&rest, self, 0), self) {
            let word = Stx::id(Id::named("syntax"), span);
            return trouble(
                "syntax",
                complaint,
                Stx::list(vec![word, template.clone()], span),
            );
        }
        Ok(())
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
    misplaces_ellipsis(pattern, context).then_some(MISPLACED_ELLIPSIS)
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
                found.insert(id.marked(), Match::One(stx.clone()));
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
            for (variable, depth) in variables(repeated, context, 0) {
                let many = rounds
                    .iter_mut()
                    .filter_map(|round| round.remove(&variable))
                    .collect();
                found.insert(variable.marked(), Match::Many(depth + 1, many));
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
    instantiate_telling(template, found, context, rename).map(|(filled, _)| filled)
}

/// The same, with the addresses of the lists that the template itself has made:
/// the others came with what was matched.
pub fn instantiate_telling(
    template: &Stx,
    found: &Matches,
    context: &PatternContext,
    rename: &mut dyn FnMut(Id) -> Id,
) -> Result<(Stx, HashSet<usize>)> {
    let mut filling = Template {
        context,
        found,
        rename,
        whole: template,
        rounds: Vec::new(),
        made: HashSet::new(),
    };
    let filled = filling.fill(template, true)?;
    Ok((filled, filling.made))
}

/// A template being filled. A variable that has matched under some ellipses
/// takes as many of the innermost ellipses around its place in the template;
/// those further out repeat it as it is.
struct Template<'a> {
    context: &'a PatternContext,
    found: &'a Matches,
    rename: &'a mut dyn FnMut(Id) -> Id,
    whole: &'a Stx,
    /// In which round each ellipsis around the present place is, the outermost first.
    rounds: Vec<usize>,
    /// Where the lists are that have been made.
    made: HashSet<usize>,
}

impl Template<'_> {
    fn fill(&mut self, template: &Stx, ellipses: bool) -> Result<Stx> {
        match template.form() {
            Form::Id(id) => match self.found.get(&id.marked()) {
                Some(found) => self.matched(found, template),
                None => Ok(Stx::id((self.rename)(*id), template.span())),
            },
            Form::Atom(_) | Form::Opaque(_) => Ok(template.clone()),
            Form::Vector(items) => Ok(Stx::new(
                Form::Vector(self.fill_all(items, ellipses)?),
                template.span(),
            )),
            Form::List(items, tail) => {
                if ellipses && let Some(literally) = escaped(items, tail.as_ref(), self.context) {
                    return self.fill(literally, false);
                }
                let filled = self.fill_all(items, ellipses)?;
                let filled = match tail {
                    None => Stx::list(filled, template.span()),
                    // With nothing before it the end is what was matched.
                    Some(tail) if filled.is_empty() => return self.fill(tail, ellipses),
                    Some(tail) => {
                        let tail = self.fill(tail, ellipses)?;
                        Stx::improper(filled, tail, template.span())
                    }
                };
                self.made.insert(filled.address());
                Ok(filled)
            }
        }
    }

    fn matched(&self, found: &Match, template: &Stx) -> Result<Stx> {
        let one = self
            .rounds
            .len()
            .checked_sub(found.level())
            .and_then(|outside| found.within(&self.rounds[outside..]));
        match one {
            Some(Match::One(stx)) => Ok(stx.clone()),
            _ => Err(self.trouble(MISSING_ELLIPSIS, template)),
        }
    }

    fn fill_all(&mut self, items: &[Stx], ellipses: bool) -> Result<Vec<Stx>> {
        memory::check().map_err(Trouble::Raise)?;
        let mut filled = Vec::with_capacity(items.len());
        let mut index = 0;
        while index < items.len() {
            let item = &items[index];
            let depth = if ellipses {
                following_ellipses(items, index, self.context)
            } else {
                0
            };
            index += 1 + depth;
            if depth == 0 {
                filled.push(self.fill(item, ellipses)?);
            } else {
                self.repeat(item, depth, &mut filled)?;
            }
        }
        Ok(filled)
    }

    fn repeat(&mut self, item: &Stx, depth: usize, filled: &mut Vec<Stx>) -> Result<()> {
        let mut lists = Vec::new();
        self.driving(item, self.rounds.len() + depth, true, &mut lists);
        let Some((first, others)) = lists.split_first() else {
            return Err(self.trouble(EXTRA_ELLIPSIS, item));
        };
        if others.iter().any(|other| other.len() != first.len()) {
            return Err(Trouble::Raise(unequal_lengths(&lists)));
        }
        for round in 0..first.len() {
            self.rounds.push(round);
            if depth > 1 {
                self.repeat(item, depth - 1, filled)?;
            } else {
                filled.push(self.fill(item, true)?);
            }
            self.rounds.pop();
        }
        Ok(())
    }

    /// The matches that the next ellipsis goes through: those of the variables
    /// in ITEM, which stands under DEPTH ellipses, whose innermost ellipses
    /// include it.
    fn driving<'m>(
        &'m self,
        item: &Stx,
        depth: usize,
        ellipses: bool,
        lists: &mut Vec<&'m [Match]>,
    ) {
        match item.form() {
            Form::Id(id) => {
                let outside = |found: &Match| depth.checked_sub(found.level());
                if let Some(found) = self.found.get(&id.marked())
                    && let Some(outside) = outside(found)
                    && outside <= self.rounds.len()
                    && let Some(Match::Many(_, many)) = found.within(&self.rounds[outside..])
                {
                    lists.push(many);
                }
            }
            Form::List(items, tail) => {
                if ellipses && let Some(literally) = escaped(items, tail.as_ref(), self.context) {
                    return self.driving(literally, depth, false, lists);
                }
                self.driving_all(items, depth, ellipses, lists);
                if let Some(tail) = tail {
                    self.driving(tail, depth, ellipses, lists);
                }
            }
            Form::Vector(items) => self.driving_all(items, depth, ellipses, lists),
            Form::Atom(_) | Form::Opaque(_) => {}
        }
    }

    fn driving_all<'m>(
        &'m self,
        items: &[Stx],
        depth: usize,
        ellipses: bool,
        lists: &mut Vec<&'m [Match]>,
    ) {
        let mut index = 0;
        while index < items.len() {
            let more = if ellipses {
                following_ellipses(items, index, self.context)
            } else {
                0
            };
            self.driving(&items[index], depth + more, ellipses, lists);
            index += 1 + more;
        }
    }

    fn trouble(&self, message: &str, at: &Stx) -> Trouble {
        Trouble::syntax("syntax", message, self.whole, Some(at))
    }
}

const MISSING_ELLIPSIS: &str = "missing ellipsis";
const EXTRA_ELLIPSIS: &str = "extra ellipsis";
const MISPLACED_ELLIPSIS: &str = "misplaced ellipsis";

/// What `(... TEMPLATE)` says to take as it is.
fn escaped<'a>(items: &'a [Stx], tail: Option<&Stx>, context: &PatternContext) -> Option<&'a Stx> {
    match items {
        [dots, literally] if tail.is_none() && context.is_ellipsis(dots) => Some(literally),
        _ => None,
    }
}

/// How many ellipses follow the item at INDEX.
fn following_ellipses(items: &[Stx], index: usize, context: &PatternContext) -> usize {
    items[index + 1..]
        .iter()
        .take_while(|next| context.is_ellipsis(next))
        .count()
}

/// Guile fills templates with `map`, which is what complains of lists that
/// differ in length.
fn unequal_lengths(lists: &[&[Match]]) -> Raise {
    let list = list_value(
        lists[1]
            .iter()
            .map(syntax_primitives::match_value)
            .collect(),
    );
    Raise::throw(
        "wrong-type-arg",
        vec![
            string_value("map"),
            string_value("List of wrong length: ~S"),
            list_value(vec![list]),
            Value::BoolV(false),
        ],
    )
}

/// What is wrong with TEMPLATE where each of VARIABLES has matched under as many
/// ellipses as it says: too few ellipses over one of them, or an ellipsis over none.
pub fn template_complaint(
    template: &Stx,
    variables: &[(Id, usize)],
    context: &PatternContext,
) -> Option<&'static str> {
    TemplateCheck {
        context,
        variables,
        used: Vec::new(),
    }
    .check(template, true)
    .err()
}

struct TemplateCheck<'a> {
    context: &'a PatternContext,
    variables: &'a [(Id, usize)],
    /// Whether a variable goes with each ellipsis around the present place.
    used: Vec<bool>,
}

impl TemplateCheck<'_> {
    fn check(&mut self, template: &Stx, ellipses: bool) -> std::result::Result<(), &'static str> {
        match template.form() {
            Form::Id(id) => {
                if let Some((_, level)) = self.variables.iter().find(|(known, _)| known == id) {
                    let outside = self.used.len().checked_sub(*level);
                    let outside = outside.ok_or(MISSING_ELLIPSIS)?;
                    self.used[outside..].fill(true);
                } else if ellipses && self.context.is_ellipsis(template) {
                    return Err(MISPLACED_ELLIPSIS);
                }
                Ok(())
            }
            Form::Atom(_) | Form::Opaque(_) => Ok(()),
            Form::Vector(items) => self.check_all(items, ellipses),
            Form::List(items, tail) => {
                if ellipses && let Some(literally) = escaped(items, tail.as_ref(), self.context) {
                    return self.check(literally, false);
                }
                self.check_all(items, ellipses)?;
                tail.as_ref()
                    .map_or(Ok(()), |tail| self.check(tail, ellipses))
            }
        }
    }

    fn check_all(
        &mut self,
        items: &[Stx],
        ellipses: bool,
    ) -> std::result::Result<(), &'static str> {
        let mut index = 0;
        while index < items.len() {
            let more = if ellipses {
                following_ellipses(items, index, self.context)
            } else {
                0
            };
            let around = self.used.len();
            self.used.resize(around + more, false);
            self.check(&items[index], ellipses)?;
            if self.used.drain(around..).any(|used| !used) {
                return Err(EXTRA_ELLIPSIS);
            }
            index += 1 + more;
        }
        Ok(())
    }
}

impl Rules {
    /// Read `(syntax-rules (LITERAL …) CLAUSE …)`, which stands in SCOPE.
    pub fn parse(form: &Stx, scope: &Scope) -> Result<Rc<Rules>> {
        let bad = || Trouble::no_match("syntax-rules", form);
        let items = form.as_list().ok_or_else(bad)?;
        let mut index = 1;
        let mut ellipsis = scope.ellipsis().map_or(Ellipsis::Usual, Ellipsis::Custom);
        if let Some(custom) = items.get(1).and_then(Stx::as_id) {
            ellipsis = Ellipsis::Custom(custom);
            index = 2;
        }
        let words = items.get(index).and_then(Stx::as_list).ok_or_else(bad)?;
        let mut clauses = Vec::new();
        for clause in &items[index + 1..] {
            if clause.as_string().is_some() {
                continue;
            }
            match clause.as_list() {
                Some([pattern, template]) if matches!(pattern.form(), Form::List(items, _) if !items.is_empty()) =>
                {
                    clauses.push((pattern.clone(), template.clone()));
                }
                _ => return Err(bad()),
            }
        }
        let mut context = PatternContext {
            literals: Vec::new(),
            ellipsis,
            scope: scope.clone(),
        };
        for word in words {
            match word.as_id() {
                Some(id) if !context.is_ellipsis(word) => context.literals.push(id),
                _ => {
                    return Err(Trouble::syntax(
                        "syntax-case",
                        "invalid literals list",
                        form,
                        None,
                    ));
                }
            }
        }
        for (pattern, template) in &clauses {
            context.check_clause(pattern, template, form)?;
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
                let expansion = identifier::fresh_expansion();
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
        Err(Trouble::no_match(&who, usage))
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
