//! What an exception that nothing caught is said to be.

use crate::data::records::{self, type_field};
use crate::data::value::Value;
use crate::data::{memory, pairs};
use crate::eval::interpreter::Location;
use crate::library::{displayed, written};
use crate::namespace::modules;
use crate::namespace::registry::World;
use crate::syntax::{error, identifier};
use failure::Key;

/// The keys for which Guile registers the printer of messages.
const KEYS_OF_GUILE: [&str; 18] = [
    "goops-error",
    "host-not-found",
    "misc-error",
    "no-data",
    "no-recovery",
    "null-pointer-error",
    "out-of-memory",
    "out-of-range",
    "program-error",
    "read-error",
    "regular-expression-syntax",
    "signal",
    "stack-overflow",
    "system-error",
    "try-again",
    "unbound-variable",
    "wrong-number-of-args",
    "wrong-type-arg",
];

/// Whether what is thrown to KEY is a procedure, a message and what stands in
/// it. With any other key it may look like that and mean something else.
fn has_message(key: &str) -> bool {
    KEYS_OF_GUILE.contains(&key) || Key::from_name(key).is_some()
}

/// What `print-exception` prints.
pub fn printed(key: &str, arguments: &[Value], object: &Value) -> String {
    match (key, arguments) {
        ("syntax-error", [who, message, place, form, subform, ..]) => {
            let entry = |name: &str| {
                pairs::items(place).find_map(|entry| match pairs::car(entry) {
                    Some(Value::SymbolV(key)) if key.as_str() == name => pairs::cdr(entry),
                    _ => None,
                })
            };
            let place = match (entry("line"), entry("column")) {
                (Some(Value::IntV(line)), Some(Value::IntV(column))) => format!(
                    "{}:{}:{column}",
                    entry("filename").map_or_else(|| "unknown file".into(), |f| displayed(&f)),
                    line + 1
                ),
                _ => "unknown location".to_owned(),
            };
            let who = match who {
                Value::BoolV(false) => String::new(),
                who => format!("{}: ", displayed(who)),
            };
            let form = match subform {
                Value::BoolV(false) => format!("in form {}", written(form)),
                subform => format!("in subform {} of {}", written(subform), written(form)),
            };
            format!("Syntax error:\n{place}: {who}{} {form}", displayed(message))
        }
        _ => message(key, arguments, object),
    }
}

/// The message, as Guile prints it after the place.
pub fn message(key: &str, arguments: &[Value], object: &Value) -> String {
    match (key, arguments) {
        ("%exception", _) if records::type_of(object).is_some() => components(object),
        ("syntax-error", [who, message, _, form, subform, ..]) => {
            let mut text = String::from("Syntax error: ");
            if displayed(who) != "#f" {
                text.push_str(&format!("{}: ", displayed(who)));
            }
            text.push_str(&displayed(message));
            match subform {
                Value::BoolV(false) => text.push_str(&format!(" in form {}", written(form))),
                subform => text.push_str(&format!(
                    " in subform {} of {}",
                    written(subform),
                    written(form)
                )),
            }
            text
        }
        ("keyword-argument-error", [_, message, _, keywords]) => {
            let culprit = pairs::car(keywords)
                .map_or_else(String::new, |culprit| format!(": {}", written(culprit)));
            format!("{}{culprit}", displayed(message))
        }
        (_, [procedure, Value::StringV(template), rest, ..]) if has_message(key) => {
            let body = format(template, &pairs::to_vec(rest).unwrap_or_default());
            match procedure {
                Value::BoolV(false) => body,
                procedure => format!("In procedure {}: {body}", displayed(procedure)),
            }
        }
        _ => {
            let arguments: Vec<_> = arguments.iter().map(written).collect();
            format!(
                "Throw to key `{key}' with args `({})'.",
                arguments.join(" ")
            )
        }
    }
}

/// An exception object, one component a line, as Guile shows it.
fn components(object: &Value) -> String {
    let kind_name = |record: &Value| {
        records::type_of(record)
            .and_then(|kind| records::field(&kind, type_field::NAME))
            .map_or_else(String::new, |name| displayed(&name))
    };
    let parts = match kind_name(object).as_str() {
        "&compound-exception" => records::field(object, 0)
            .and_then(|list| pairs::to_vec(&list))
            .unwrap_or_default(),
        _ => vec![object.clone()],
    };
    let mut text = String::from("ERROR:");
    for (position, part) in parts.iter().enumerate() {
        text.push_str(&format!("\n  {}. {}", position + 1, kind_name(part)));
        let fields = records::type_of(part)
            .and_then(|kind| records::field(&kind, type_field::FIELDS))
            .and_then(|fields| pairs::to_vec(&fields))
            .unwrap_or_default();
        let value = |index: usize| {
            records::field(part, index).map_or_else(String::new, |value| written(&value))
        };
        match fields.len() {
            0 => {}
            1 => text.push_str(&format!(": {}", value(0))),
            _ => {
                text.push(':');
                for (index, field) in fields.iter().enumerate() {
                    text.push_str(&format!("\n      {}: {}", displayed(field), value(index)));
                }
            }
        }
    }
    text
}

/// `simple-format` for messages: `~A`, `~S`, `~%`, `~~`.
pub fn format(template: &str, arguments: &[Value]) -> String {
    let mut arguments = arguments.iter();
    let mut text = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        if c != '~' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('A' | 'a') => {
                text.push_str(&arguments.next().map_or_else(|| "~A".into(), displayed));
            }
            Some('S' | 's') => {
                text.push_str(&arguments.next().map_or_else(|| "~S".into(), written));
            }
            Some('%') => text.push('\n'),
            Some('~') => text.push('~'),
            Some(other) => {
                text.push('~');
                text.push(other);
            }
            None => text.push('~'),
        }
    }
    text
}

/// Where an exception says that it is: a syntax error, and what has its place among
/// its details, in the form that `syntax-source` gives.
pub fn place_in(key: &str, arguments: &[Value]) -> Option<Location> {
    let place = match key {
        "syntax-error" => arguments.get(2)?,
        _ if has_message(key) => arguments.get(3)?,
        _ => return None,
    };
    let entry = |name: &str| {
        pairs::items(place).find_map(|entry| match pairs::car(entry) {
            Some(Value::SymbolV(key)) if key.as_str() == name => pairs::cdr(entry),
            _ => None,
        })
    };
    let number = |value: Value| match value {
        Value::IntV(number) => u32::try_from(number).ok(),
        _ => None,
    };
    Some(Location {
        file: displayed(&entry("filename")?),
        line: number(entry("line")?)? + 1,
        column: number(entry("column")?)?,
        source: None,
    })
}

/// Where a module that does not exist was looked for.
fn missing_module(key: &str, arguments: &[Value], world: &World) -> Option<String> {
    if key != "misc-error" || displayed(arguments.get(1)?) != error::NO_MODULE {
        return None;
    }
    let name = pairs::car(arguments.get(2)?)?;
    let words: Vec<String> = pairs::items(name).map(displayed).collect();
    let path = world.load_path.borrow();
    let directories: Vec<String> = path
        .iter()
        .map(|directory| format!("`{}`", directory.display()))
        .collect();
    Some(format!(
        "looked for {}.scm in {}the modules of fruix-scm; -L DIR adds a directory",
        words.join("/"),
        if directories.is_empty() {
            String::new()
        } else {
            format!("{} and ", directories.join(", "))
        }
    ))
}

/// What may help: the name that was meant, or the module that has it.
pub fn hint(key: &str, arguments: &[Value], world: &World) -> Option<String> {
    let details = arguments.get(3);
    if let Some(details) = details
        && let Some(hint) = pairs::items(details).find_map(|entry| match pairs::car(entry) {
            Some(Value::SymbolV(name)) if name.as_str() == "hint" => pairs::cdr(entry),
            _ => None,
        })
    {
        return Some(displayed(&hint));
    }
    if let Some(hint) = missing_module(key, arguments, world) {
        return Some(hint);
    }
    if key == memory::EXHAUSTED {
        return Some(memory::HOW_TO_RAISE.to_owned());
    }
    if key != "unbound-variable" {
        return None;
    }
    let name = match pairs::car(arguments.get(2)?) {
        Some(Value::SymbolV(name)) => name.to_string(),
        _ => return None,
    };
    if let Some(module) = module_with(&name, world) {
        return Some(format!("add (use-modules {module})"));
    }
    let module = world.current.borrow().clone();
    nearest(
        &name,
        module
            .visible_names()
            .iter()
            .map(|id| id.name().to_string()),
    )
    .map(|similar| format!("did you mean `{similar}`?"))
}

/// A module that exports NAME but has not been imported: of several, one of the program's
/// rather than one of the language's, and what Guile calls its own rather than a standard's.
fn module_with(name: &str, world: &World) -> Option<String> {
    let id = identifier::Id::named(name);
    let loaded: Vec<(usize, String)> = world
        .modules
        .borrow()
        .values()
        .filter(|module| !module.is_core() && module.exports.borrow().contains_key(&id))
        .map(|module| {
            let family = module
                .name
                .first()
                .map_or_else(Default::default, |id| id.name());
            (rank(&family), modules::written(&module.name))
        })
        .collect();
    let carried = world.all_carried().filter_map(|(path, text)| {
        let path = path.strip_suffix(".scm")?;
        let module = path.strip_prefix("guile/").unwrap_or(path);
        if module.starts_with("boot/") {
            return None;
        }
        // A module's header is its first form; names stand in it as words.
        let header = &text[..text.find("\n\n").unwrap_or(text.len())];
        let start = header.find("(define-module")?;
        header[start..]
            .split(|c: char| c.is_whitespace() || c == '(' || c == ')')
            .any(|word| word == name)
            .then(|| {
                let family = module.split('/').next().unwrap_or(module);
                (rank(family), format!("({})", module.replace('/', " ")))
            })
    });
    carried.chain(loaded).min().map(|(_, module)| module)
}

/// How late modules whose names begin with FAMILY are thought of.
fn rank(family: &str) -> usize {
    match family {
        "ice-9" | "srfi" => 1,
        "scheme" | "rnrs" | "system" | "oop" => 2,
        _ => 0,
    }
}

/// The one of NAMES that NAME was probably meant to be.
fn nearest(name: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let limit = match name.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        _ => 2,
    };
    names
        .filter(|candidate| candidate != name && !candidate.starts_with('%'))
        .filter_map(|candidate| {
            let distance = distance(name, &candidate, limit)?;
            Some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Damerau's distance between A and B, when it is at most LIMIT.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    for (index, cell) in rows[0].iter_mut().enumerate() {
        *cell = index;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    let distance = rows[a.len()][b.len()];
    (distance <= limit).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let names = ["string-append", "string-length", "string-index"];
        let found = nearest("string-apend", names.iter().map(|name| (*name).to_owned()));
        assert_eq!(found.as_deref(), Some("string-append"));
        assert_eq!(
            nearest("zzzzzz", names.iter().map(|name| (*name).to_owned())),
            None
        );
    }
}
