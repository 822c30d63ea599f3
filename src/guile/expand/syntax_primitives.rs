//! Syntax as Scheme values, for transformers written in Scheme.

use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::{self, Value, list_value, string_value};
use crate::data::{pairs, roots};
use crate::expand::patterns::{self, Match, Matches};
use crate::library::displayed;
use crate::namespace::keywords::PatternContext;
use crate::namespace::registry;
use crate::namespace::scope::Scope;
use crate::syntax::error;
use crate::syntax::identifier::{Id, fresh_expansion};
use crate::syntax::object::{to_stx, unwrap, wrap};
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

crate::natives! {
    /// (%syntax-match syntax pattern) -> list of what the pattern's variables match, or #f
    "%syntax-match" (2) => syntax_match,
    /// (%syntax-template template value ...) -> the template filled with the values
    "%syntax-template" (1, rest) => syntax_template,
    /// (%nth list index) -> element of LIST
    "%nth" (2) => nth,
    /// (syntax->datum syntax) -> the datum without its history
    "syntax->datum" (1) with machine => syntax_to_datum,
    /// (datum->syntax template-identifier datum) -> DATUM as syntax where the identifier stands
    "datum->syntax" (2, rest) => datum_to_syntax,
    /// (identifier? object) -> whether OBJECT is syntax for a name
    "identifier?" (1) => is_identifier,
    /// (syntax? object) -> whether OBJECT is syntax
    "syntax?" (1) => is_syntax,
    /// (free-identifier=? a b) -> whether both mean the same binding
    "free-identifier=?" (2) => free_identifier_same,
    /// (bound-identifier=? a b) -> whether binding one would bind the other
    "bound-identifier=?" (2) => bound_identifier_same,
    /// (generate-temporaries list) -> as many fresh identifiers
    "generate-temporaries" (1) => generate_temporaries,
    /// (syntax-source syntax) -> alist of filename, line and column, or #f
    "syntax-source" (1) => syntax_source,
    /// (make-variable-transformer procedure) -> a transformer that also sees set! forms
    "make-variable-transformer" (1) => make_variable_transformer,
    /// (syntax-violation who message form [subform]) -> raises a syntax error
    "syntax-violation" (3, 1) with machine => syntax_violation,
    /// (%syntax-expression syntax) -> what it is about, one level of it
    "%syntax-expression" (1) with machine => syntax_expression,
    /// (%syntax-list syntax) -> the elements of SYNTAX as a list, or #f
    "%syntax-list" (1) => syntax_list,
}

/// A pattern that compiled programs refer to by number.
pub struct Pattern {
    pub pattern: Stx,
    pub context: PatternContext,
    pub variables: Vec<Id>,
}

/// A template, and the variables whose values the program hands over.
pub struct Template {
    pub template: Stx,
    pub context: PatternContext,
    pub variables: Vec<(Id, usize)>,
}

thread_local! {
    static PATTERNS: RefCell<Vec<Rc<Pattern>>> = RefCell::default();
    static TEMPLATES: RefCell<Vec<Rc<Template>>> = RefCell::default();
    /// The expansions under way: their number, and where the macro was used.
    static EXPANSIONS: RefCell<Vec<(u32, Scope)>> = RefCell::default();
    static TEMPORARIES: Cell<u32> = const { Cell::new(0) };
}

pub fn add_pattern(pattern: Stx, context: PatternContext, variables: Vec<Id>) -> usize {
    PATTERNS.with(|patterns| {
        let mut patterns = patterns.borrow_mut();
        patterns.push(Rc::new(Pattern {
            pattern,
            context,
            variables,
        }));
        patterns.len() - 1
    })
}

pub fn add_template(template: Stx, context: PatternContext, variables: Vec<(Id, usize)>) -> usize {
    TEMPLATES.with(|templates| {
        let mut templates = templates.borrow_mut();
        templates.push(Rc::new(Template {
            template,
            context,
            variables,
        }));
        templates.len() - 1
    })
}

/// The pattern with NUMBER.
pub fn pattern(number: usize) -> Option<Rc<Pattern>> {
    PATTERNS.with(|patterns| patterns.borrow().get(number).cloned())
}

/// The template with NUMBER.
pub fn template(number: usize) -> Option<Rc<Template>> {
    TEMPLATES.with(|templates| templates.borrow().get(number).cloned())
}

/// Run BODY as one expansion of a macro used in SCOPE.
pub fn during_expansion<T>(scope: &Scope, body: impl FnOnce() -> T) -> T {
    EXPANSIONS.with(|expansions| {
        expansions
            .borrow_mut()
            .push((fresh_expansion(), scope.clone()));
    });
    let result = body();
    EXPANSIONS.with(|expansions| expansions.borrow_mut().pop());
    result
}

/// The expansion under way, or one of its own for code that runs outside of macros.
pub fn current_expansion() -> (u32, Scope) {
    EXPANSIONS
        .with(|expansions| expansions.borrow().last().cloned())
        .unwrap_or_else(|| {
            let module = registry::world().current.borrow().clone();
            (0, Scope::of_module(&module))
        })
}

fn number(args: &[Value], position: usize) -> usize {
    match &args[position] {
        Value::IntV(number) => usize::try_from(*number).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn syntax_match(args: &[Value]) -> Outcome {
    let Some(pattern) = pattern(number(args, 1)) else {
        return Err(value::wrong_type("syntax-case", 2, &args[1]));
    };
    let stx = to_stx(&args[0]);
    let (_, scope) = current_expansion();
    let mut found = Matches::new();
    if !patterns::matches(&pattern.pattern, &stx, &pattern.context, &scope, &mut found) {
        return Ok(Value::BoolV(false));
    }
    Ok(list_value(
        pattern
            .variables
            .iter()
            .map(|variable| {
                found
                    .get(&variable.marked())
                    .map_or(Value::BoolV(false), match_value)
            })
            .collect(),
    ))
}

pub fn match_value(found: &Match) -> Value {
    match found {
        Match::One(stx) => wrap_unless_atom(stx),
        Match::Many(_, many) => list_value(many.iter().map(match_value).collect()),
    }
}

fn wrap_unless_atom(stx: &Stx) -> Value {
    wrap(stx)
}

fn value_match(value: &Value, depth: usize) -> Match {
    if depth == 0 {
        return Match::One(to_stx(value));
    }
    match pairs::to_vec(value) {
        Some(items) => Match::Many(
            depth,
            items
                .iter()
                .map(|item| value_match(item, depth - 1))
                .collect(),
        ),
        // A wrapped list, as transformers may hand one over.
        None => match to_stx(value).form() {
            Form::List(items, None) => Match::Many(
                depth,
                items
                    .iter()
                    .map(|item| value_match(&wrap(item), depth - 1))
                    .collect(),
            ),
            _ => Match::Many(depth, Vec::new()),
        },
    }
}

fn syntax_template(args: &[Value]) -> Outcome {
    let Some(template) = template(number(args, 0)) else {
        return Err(value::wrong_type("syntax", 1, &args[0]));
    };
    let mut found = Matches::new();
    for ((variable, depth), value) in template.variables.iter().zip(&args[1..]) {
        found.insert(variable.marked(), value_match(value, *depth));
    }
    let (expansion, _) = current_expansion();
    let mut rename = |id: Id| id.introduced(expansion, &template.context.scope);
    let (filled, made) = match patterns::instantiate_telling(
        &template.template,
        &found,
        &template.context,
        &mut rename,
    ) {
        Ok(filled) => filled,
        Err(trouble) => return Err(trouble.into_raise(&mut list_value)),
    };
    Ok(opened(&filled, &made))
}

/// FILLED as a value: the lists that the template has MADE are lists of syntax, so
/// that `map` works on them; what was matched is syntax.
fn opened(filled: &Stx, made: &HashSet<usize>) -> Value {
    let Form::List(items, tail) = filled.form() else {
        return wrap(filled);
    };
    if !made.contains(&filled.address()) {
        return wrap(filled);
    }
    let values: Vec<Value> = items.iter().map(|item| opened(item, made)).collect();
    let tail = tail
        .as_ref()
        .map_or_else(pairs::nil, |tail| opened(tail, made));
    pairs::list_with_tail(values, tail)
}

fn nth(args: &[Value]) -> Outcome {
    pairs::items(&args[0])
        .nth(number(args, 1))
        .cloned()
        .ok_or_else(|| value::wrong_type("list-ref", 1, &args[0]))
}

fn syntax_to_datum(machine: &mut Machine, args: &[Value]) -> Outcome {
    Ok(to_stx(&args[0]).datum(&mut |items| machine.vector(items)))
}

fn datum_to_syntax(args: &[Value]) -> Outcome {
    let place = match &args[0] {
        Value::BoolV(false) => None,
        value => Some(to_stx(value)),
    };
    let span = place.as_ref().map(Stx::span).unwrap_or_default();
    let id = place.as_ref().and_then(Stx::as_id);
    let stx = Stx::from_value(&args[1], span, &|name| match id {
        Some(id) => id.sibling(name),
        None => name,
    });
    Ok(wrap(&stx))
}

fn id_of(value: &Value) -> Option<Id> {
    unwrap(value).and_then(|stx| stx.as_id())
}

fn is_identifier(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(id_of(&args[0]).is_some()))
}

fn is_syntax(args: &[Value]) -> Outcome {
    Ok(Value::BoolV(unwrap(&args[0]).is_some()))
}

fn two_ids(procedure: &str, args: &[Value]) -> Result<(Id, Id), Raise> {
    let a = id_of(&args[0]).ok_or_else(|| value::wrong_type(procedure, 1, &args[0]))?;
    let b = id_of(&args[1]).ok_or_else(|| value::wrong_type(procedure, 2, &args[1]))?;
    Ok((a, b))
}

fn free_identifier_same(args: &[Value]) -> Outcome {
    let (a, b) = two_ids("free-identifier=?", args)?;
    let (_, scope) = current_expansion();
    Ok(Value::BoolV(scope.same_meaning(a, &scope, b)))
}

fn bound_identifier_same(args: &[Value]) -> Outcome {
    let (a, b) = two_ids("bound-identifier=?", args)?;
    Ok(Value::BoolV(a.marked() == b.marked()))
}

fn generate_temporaries(args: &[Value]) -> Outcome {
    let count = match pairs::length(&args[0]) {
        Some(count) => count,
        None => match to_stx(&args[0]).form() {
            Form::List(items, None) => items.len(),
            _ => return Err(value::wrong_type("generate-temporaries", 1, &args[0])),
        },
    };
    let (_, scope) = current_expansion();
    Ok(list_value(
        (0..count)
            .map(|_| {
                let number = TEMPORARIES.with(|temporaries| {
                    temporaries.set(temporaries.get() + 1);
                    temporaries.get()
                });
                let id = Id::named(&format!("t-{number}")).introduced(fresh_expansion(), &scope);
                wrap(&Stx::id(id, Span::default()))
            })
            .collect(),
    ))
}

fn syntax_source(args: &[Value]) -> Outcome {
    let place = unwrap(&args[0]).and_then(|stx| stx.span().place());
    Ok(place.map_or(Value::BoolV(false), |place| {
        value::alist_value(vec![
            ("filename", string_value(place.file)),
            ("line", Value::IntV(place.line as isize - 1)),
            ("column", Value::IntV(place.column as isize)),
        ])
    }))
}

/// A transformer that also wants `set!` forms.
pub struct VariableTransformer(pub roots::Root);

fn make_variable_transformer(args: &[Value]) -> Outcome {
    Ok(value::handle_value(
        "variable-transformer",
        VariableTransformer(roots::Root::of(&args[0])),
    ))
}

fn syntax_violation(machine: &mut Machine, args: &[Value]) -> Outcome {
    let who = match &args[0] {
        Value::SymbolV(name) | Value::StringV(name) => name.to_string(),
        _ => "#f".to_owned(),
    };
    let message = match &args[1] {
        Value::StringV(text) => text.to_string(),
        other => displayed(other),
    };
    let form = to_stx(&args[2]);
    let subform = args.get(3).map(to_stx);
    Err(
        error::Trouble::syntax(&who, &message, &form, subform.as_ref())
            .into_raise(&mut |items| machine.vector(items)),
    )
}

fn syntax_list(args: &[Value]) -> Outcome {
    Ok(match to_stx(&args[0]).form() {
        Form::List(items, None) => list_value(items.iter().map(wrap).collect()),
        _ => Value::BoolV(false),
    })
}

fn syntax_expression(machine: &mut Machine, args: &[Value]) -> Outcome {
    let stx = to_stx(&args[0]);
    Ok(match stx.form() {
        Form::List(items, tail) => {
            let tail = tail.as_ref().map_or_else(pairs::nil, wrap);
            pairs::list_with_tail(items.iter().map(wrap).collect::<Vec<_>>(), tail)
        }
        Form::Vector(items) => {
            let items = items.iter().map(wrap).collect();
            machine.vector(items)
        }
        _ => stx.datum(&mut |items| machine.vector(items)),
    })
}
