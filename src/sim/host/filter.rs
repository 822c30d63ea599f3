//! The expressions of `get_all_records_where`, such as
//! `field "name_label" = "fruix" and not (field "is_a_template" = "true")`.
//!
//! `and` and `or` bind alike and to the left, `not` binds tighter. A field is compared as
//! xapi's database writes it: sets in brackets, booleans as `true` and `false`.
//!
//! Source: xapi's `db_filter_parse.mly` and `db_filter_lex.mll`.

use super::database::Record;
use super::value::Val;

/// An expression.
#[derive(Debug, PartialEq)]
pub enum Filter {
    Constant(bool),
    Equal(Term, Term),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
}

#[derive(Debug, PartialEq)]
pub enum Term {
    Literal(String),
    Field(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(&'static str),
    Text(String),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (literal, after) = quoted.split_once('"')?;
            tokens.push(Token::Text(literal.to_owned()));
            rest = after.trim_start();
            continue;
        }
        let words = ["=", "(", ")", "true", "false", "field", "and", "or", "not"];
        let word = words.into_iter().find(|word| rest.starts_with(word))?;
        tokens.push(Token::Word(word));
        rest = rest[word.len()..].trim_start();
    }
    tokens.reverse();
    Some(tokens)
}

/// The expression that TEXT is; `None` when it is none.
pub fn parse(text: &str) -> Option<Filter> {
    let mut tokens = tokens(text)?;
    let filter = expression(&mut tokens)?;
    tokens.is_empty().then_some(filter)
}

fn expression(tokens: &mut Vec<Token>) -> Option<Filter> {
    let mut left = factor(tokens)?;
    loop {
        match tokens.last() {
            Some(Token::Word("and")) => {
                tokens.pop();
                left = Filter::And(Box::new(left), Box::new(factor(tokens)?));
            }
            Some(Token::Word("or")) => {
                tokens.pop();
                left = Filter::Or(Box::new(left), Box::new(factor(tokens)?));
            }
            _ => return Some(left),
        }
    }
}

fn factor(tokens: &mut Vec<Token>) -> Option<Filter> {
    // As deep as anybody writes; the stack has an end.
    if tokens.len() > 10_000 {
        return None;
    }
    match tokens.pop()? {
        Token::Word("not") => factor(tokens).map(|it| Filter::Not(Box::new(it))),
        Token::Word("true") => Some(Filter::Constant(true)),
        Token::Word("false") => Some(Filter::Constant(false)),
        Token::Word("(") => {
            let inner = expression(tokens)?;
            (tokens.pop()? == Token::Word(")")).then_some(inner)
        }
        first => {
            let left = term(first, tokens)?;
            if tokens.pop()? != Token::Word("=") {
                return None;
            }
            let next = tokens.pop()?;
            Some(Filter::Equal(left, term(next, tokens)?))
        }
    }
}

fn term(first: Token, tokens: &mut Vec<Token>) -> Option<Term> {
    match first {
        Token::Text(literal) => Some(Term::Literal(literal)),
        Token::Word("field") => match tokens.pop()? {
            Token::Text(name) => Some(Term::Field(name)),
            Token::Word(_) => None,
        },
        Token::Word(_) => None,
    }
}

impl Filter {
    /// Whether RECORD is meant; `Err` is a field that it does not have.
    pub fn holds(&self, record: &Record) -> Result<bool, String> {
        Ok(match self {
            Filter::Constant(value) => *value,
            Filter::Equal(left, right) => left.value(record)? == right.value(record)?,
            Filter::And(left, right) => left.holds(record)? && right.holds(record)?,
            Filter::Or(left, right) => left.holds(record)? || right.holds(record)?,
            Filter::Not(inner) => !inner.holds(record)?,
        })
    }
}

impl Term {
    fn value(&self, record: &Record) -> Result<String, String> {
        match self {
            Term::Literal(text) => Ok(text.clone()),
            // The database nests some names with underscores between.
            Term::Field(name) => {
                let name = name.replace("__", "_");
                record
                    .get(name.as_str())
                    .map(written)
                    .ok_or_else(|| name.clone())
            }
        }
    }
}

/// VALUE as xapi's database writes it.
fn written(value: &Val) -> String {
    match value {
        Val::Text(text) | Val::Date(text) => text.clone(),
        Val::Int(number) | Val::SmallInt(number) => number.to_string(),
        Val::Float(number) => number.to_string(),
        Val::Bool(truth) => truth.to_string(),
        Val::Set(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|it| format!("'{}'", written(it)))
                .collect();
            format!("({})", items.join(" "))
        }
        Val::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("('{key}' '{}')", written(value)))
                .collect();
            format!("({})", entries.join(" "))
        }
        Val::Void | Val::Nil => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_xapi_reads_them() {
        let record: Record = [
            ("name_label", Val::text("fruix")),
            ("is_a_template", Val::Bool(false)),
            ("VBDs", Val::Set(Vec::new())),
        ]
        .into_iter()
        .collect();
        let holds = |text: &str| parse(text).unwrap().holds(&record);
        for (text, expected) in [
            ("true", true),
            ("not true", false),
            (r#"field "name_label" = "fruix""#, true),
            (
                r#"field "is_a_template" = "false" and field "name_label"="x""#,
                false,
            ),
            (r#"not (field "name_label" = "x") or false"#, true),
            (r#"field "VBDs" = "()""#, true),
        ] {
            assert_eq!(holds(text), Ok(expected), "{text}");
        }
        assert!(holds(r#"field "nonsense" = "x""#).is_err());
        for text in ["", "field", "true true", r#"field "x" ="#, "(true", r#""x"#] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_none());
    }
}
