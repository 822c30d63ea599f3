//! Symbols and keywords.
//!
//! Which is which, `data::symbols` knows. A symbol that `make-symbol` made is in no table, so it is `eq?` only to itself.

use crate::data::args::{self, boolean, string, symbol};
use crate::data::native::Outcome;
use crate::data::symbols::{self, keyword_name};
use crate::data::value::Value;
use crate::data::{errors, identity, pairs, strings, strings as text};
use crate::library::equality::hash_text;
use crate::natives;
use std::cell::Cell;

/// Whether VALUE is a keyword.
pub fn is_keyword(value: &Value) -> bool {
    matches!(value, Value::SymbolV(text) if keyword_name(text).is_some())
}

fn symbol_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(
        matches!(&args[0], Value::SymbolV(text) if keyword_name(text).is_none()),
    ))
}

fn keyword_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_keyword(&args[0])))
}

fn to_string(args: &[Value]) -> Outcome {
    symbol("symbol->string", args, 1).map(strings::constant)
}

fn from_string(args: &[Value]) -> Outcome {
    string("string->symbol", args, 1).map(symbols::symbol)
}

fn from_string_ci(args: &[Value]) -> Outcome {
    string("string-ci->symbol", args, 1).map(|name| symbols::symbol(&name.to_lowercase()))
}

fn uninterned(args: &[Value]) -> Outcome {
    string("make-symbol", args, 1)
        .map(|name| Value::SymbolV(symbols::text_of(name).into_owned().into()))
}

fn interned_predicate(args: &[Value]) -> Outcome {
    let name = symbol("symbol-interned?", args, 1)?;
    Ok(boolean(identity::is_eq(&args[0], &symbols::symbol(name))))
}

fn append(args: &[Value]) -> Outcome {
    let mut name = String::new();
    for item in args {
        match item {
            Value::SymbolV(part) if keyword_name(part).is_none() => {
                name.push_str(symbols::name_of(text::of(part)));
            }
            other => return Err(errors::expecting("symbol->string", 1, "symbol", other)),
        }
    }
    Ok(symbols::symbol(&name))
}

fn from_list(args: &[Value]) -> Outcome {
    let mut name = String::new();
    for item in args::list("list->symbol", args, 1)? {
        match item {
            Value::CharV(character) => name.push(character),
            other => return Err(errors::not_a("list->symbol", "character", &other)),
        }
    }
    Ok(symbols::symbol(&name))
}

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn gensym(args: &[Value]) -> Outcome {
    let prefix = match args.first() {
        Some(_) => string("gensym", args, 1)?,
        None => " g",
    };
    let count = COUNT.with(|count| count.replace(count.get() + 1));
    Ok(symbols::symbol(&format!("{prefix}{}", count + 100)))
}

fn hash(args: &[Value]) -> Outcome {
    let hash = hash_text(symbol("symbol-hash", args, 1)?);
    Ok(Value::IntV((hash >> 3) as isize))
}

fn ordered(procedure: &str, args: &[Value], holds: fn(&str, &str) -> bool) -> Outcome {
    let mut all = true;
    for position in 1..=args.len() {
        let name = symbol(procedure, args, position)?;
        if position > 1 {
            all &= holds(symbol(procedure, args, position - 1)?, name);
        }
    }
    Ok(boolean(all))
}

fn less(args: &[Value]) -> Outcome {
    ordered("symbol<?", args, |a, b| a < b)
}

fn same(args: &[Value]) -> Outcome {
    ordered("symbol=?", args, |a, b| a == b)
}

fn symbol_to_keyword(args: &[Value]) -> Outcome {
    match &args[0] {
        Value::SymbolV(name) if keyword_name(name).is_none() => {
            Ok(symbols::keyword(symbols::name_of(text::of(name))))
        }
        other => Err(errors::expected("symbol", other)),
    }
}

fn keyword_to_symbol(args: &[Value]) -> Outcome {
    let name = match &args[0] {
        Value::SymbolV(text) => keyword_name(text),
        _ => None,
    };
    match (name, &args[0]) {
        (Some(name), _) => Ok(symbols::symbol(name)),
        (None, other) => Err(errors::expecting("keyword->symbol", 1, "keyword", other)),
    }
}

fn to_characters(args: &[Value]) -> Outcome {
    let name = symbol("%symbol->list", args, 1)?;
    Ok(pairs::list(
        name.chars().map(Value::CharV).collect::<Vec<_>>(),
    ))
}

natives! {
    /// (symbol? object) -> whether it is a symbol
    "symbol?" (1) => symbol_predicate,
    /// (keyword? object) -> whether it is a keyword
    "keyword?" (1) => keyword_predicate,
    /// (symbol->string symbol) -> its name
    "symbol->string" (1) => to_string,
    /// (string->symbol string) -> the symbol of that name
    "string->symbol" (1) => from_string,
    /// (string-ci->symbol string) -> the symbol of that name, in lower case where reading folds case
    "string-ci->symbol" (1) => from_string_ci,
    /// (make-symbol string) -> a new symbol that no other of that name is the same as
    "make-symbol" (1) => uninterned,
    /// (string->uninterned-symbol string) -> the same
    "string->uninterned-symbol" (1) => uninterned,
    /// (symbol-interned? symbol) -> whether it is the one that is read by its name
    "symbol-interned?" (1) => interned_predicate,
    /// (symbol-append symbol …) -> the symbol whose name is all of theirs, one after the other
    "symbol-append" (0, rest) => append,
    /// (list->symbol list) -> the symbol whose name the characters in LIST are
    "list->symbol" (1) => from_list,
    /// (gensym [prefix]) -> a symbol nobody used before
    "gensym" (0, 1) => gensym,
    /// (symbol-hash symbol) -> a number, the same for the same symbol
    "symbol-hash" (1) => hash,
    /// (%symbol->list symbol) -> the characters of its name
    "%symbol->list" (1) => to_characters,
    /// (symbol<? symbol …) -> whether each name comes before the next
    "symbol<?" (0, rest) => less,
    /// (%symbol=? symbol …) -> whether all are the same
    "%symbol=?" (0, rest) => same,
    /// (symbol->keyword symbol) -> the keyword of that name
    "symbol->keyword" (1) => symbol_to_keyword,
    /// (keyword->symbol keyword) -> the symbol of that name
    "keyword->symbol" (1) => keyword_to_symbol,
}
