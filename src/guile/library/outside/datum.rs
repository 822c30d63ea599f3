//! Values of calls that go outside, as plain data, and back.
//!
//! What JSON has stands for itself: booleans, small integers, strings, lists. The rest is
//! an object with one entry, whose name says what it is:
//!
//! | | |
//! |---|---|
//! | `null` | the unspecified value |
//! | `{"s": name}` | a symbol or keyword |
//! | `{"n": text}` | any other number, as it is written |
//! | `{"c": text}` | a character |
//! | `{"b": digits}` | a bytevector, in hexadecimal digits |
//! | `{"p": [item …, tail]}` | pairs that do not end in the empty list |
//! | `{"v": [item …]}` | a vector |
//! | `{"m": [value …]}` | no values, or several |
//! | `{"h": [kind, number]}` | something of a domain's own, by the order in which it came |
//! | `{"o": {…}}` | a port |
//! | `{"e": 1}` | the end-of-file object |
//! | `{"x": what}` | what is no datum |
//!
//! An outcome is `{"v": value}`, `{"f": failure}` or `{"t": [key, argument …]}`.

use super::{Watcher, port_content};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::{
    Value, eof_object, handle_identity, numbered_handle, pair_value, string_value, symbol_value,
};
use crate::data::{bytevectors, number_syntax, numbers, pairs, records, vectors};
use crate::library::{ports, written};
use failure::{Detail, Failure, Key};
use serde_json::{Map, Value as Json, json};
use std::cell::{Cell, RefCell};

/// How many parts a value may have: one that has more may have no end.
const MOST: usize = 4_000_000;

/// How deep they may nest: readers of JSON go down twice as far.
const DEEPEST: usize = 50;

thread_local! {
    /// The number of the handle or port that came last.
    static NUMBER: Cell<u64> = const { Cell::new(FIRST) };
    /// The kinds of handles that were given back, each of which stays.
    static KINDS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Those before are the standard ports.
const FIRST: u64 = 9;

/// Handles and ports are counted from here.
pub(super) fn begin() {
    NUMBER.with(|number| number.set(FIRST));
}

fn next_number() -> u64 {
    NUMBER.with(|number| {
        number.set(number.get() + 1);
        number.get()
    })
}

struct Writer<'a> {
    watcher: &'a dyn Watcher,
    left: usize,
    depth: usize,
}

/// The list of VALUES.
pub fn list(values: &[Value], watcher: &dyn Watcher) -> Json {
    let mut writer = Writer {
        watcher,
        left: MOST,
        depth: 0,
    };
    Json::Array(values.iter().map(|value| writer.value(value)).collect())
}

/// What a call came to.
pub fn outcome(outcome: &Outcome, watcher: &dyn Watcher) -> Json {
    let mut writer = Writer {
        watcher,
        left: MOST,
        depth: 0,
    };
    match outcome {
        Ok(value) => json!({ "v": writer.value(value) }),
        Err(Raise::Failure(failure)) => json!({ "f": writer.failure(failure) }),
        Err(Raise::Throw { key, args }) => {
            let mut thrown = vec![Json::from(key.as_str())];
            thrown.extend(args.iter().map(|value| writer.value(value)));
            json!({ "t": thrown })
        }
        Err(_) => json!({ "x": "an exception object" }),
    }
}

impl Writer<'_> {
    fn text(&self, text: &str) -> String {
        let hidden = self.watcher.hidden(text.as_bytes());
        String::from_utf8_lossy(&hidden).into_owned()
    }

    fn value(&mut self, value: &Value) -> Json {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || self.depth == DEEPEST {
            return json!({ "x": "more than can be kept" });
        }
        self.depth += 1;
        let json = self.value_within(value);
        self.depth -= 1;
        json
    }

    fn value_within(&mut self, value: &Value) -> Json {
        match value {
            Value::BoolV(truth) => Json::Bool(*truth),
            Value::IntV(number) => Json::from(*number as i64),
            Value::StringV(text) => Json::from(self.text(text)),
            Value::SymbolV(name) => json!({ "s": self.text(name) }),
            Value::CharV(letter) => json!({ "c": letter.to_string() }),
            Value::Void => Json::Null,
            Value::Pair(_) => self.pairs(value),
            _ if pairs::is_nil(value) => Json::Array(Vec::new()),
            _ if numbers::is_number(value) => json!({ "n": written(value) }),
            Value::MutableVector(_) => {
                let items = vectors::with(value, <[Value]>::to_vec).unwrap_or_default();
                let items: Vec<Json> = items.iter().map(|item| self.value(item)).collect();
                json!({ "v": items })
            }
            Value::Custom(_) => self.custom(value),
            _ => match records::several(value) {
                Some(values) => {
                    let values: Vec<Json> = values.map(|value| self.value(value)).collect();
                    json!({ "m": values })
                }
                None => json!({ "x": "an object of the program" }),
            },
        }
    }

    fn pairs(&mut self, list: &Value) -> Json {
        let mut items = Vec::new();
        let mut rest = list.clone();
        while let (Some(first), Some(next)) = (pairs::car(&rest).cloned(), pairs::cdr(&rest)) {
            items.push(self.value(&first));
            rest = next;
            if self.left == 0 {
                break;
            }
        }
        if pairs::is_nil(&rest) {
            return Json::Array(items);
        }
        items.push(self.value(&rest));
        json!({ "p": items })
    }

    fn custom(&mut self, value: &Value) -> Json {
        if let Some(bytes) = bytevectors::Bytevector::with(value, <[u8]>::to_vec) {
            return json!({ "b": digits(&self.watcher.hidden(&bytes)) });
        }
        if let Some((kind, number)) = handle_identity(value, next_number) {
            return match kind {
                "eof" => json!({ "e": 1 }),
                kind => json!({ "h": [kind, number] }),
            };
        }
        match ports::seen_outside(value, next_number) {
            Some(seen) => {
                let name = seen.name.as_deref().map(|name| self.text(name));
                if let Some(read) = &seen.read_already {
                    self.watcher.read(seen.number, read);
                }
                json!({ "o": {
                    "number": seen.number, "mode": seen.mode, "name": name,
                    "encoding": seen.encoding, "child": seen.child, "passed": seen.passed,
                } })
            }
            None => json!({ "x": "an object" }),
        }
    }

    fn failure(&self, failure: &Failure) -> Json {
        let details: Vec<Json> = failure
            .details()
            .iter()
            .map(|(name, detail)| json!([name, self.detail(detail)]))
            .collect();
        json!({
            "key": failure.key().as_str(),
            "message": self.text(failure.message()),
            "details": details,
            "hint": failure.hint_text().map(|hint| self.text(hint)),
        })
    }

    fn detail(&self, detail: &Detail) -> Json {
        match detail {
            Detail::Text(text) => Json::from(self.text(text)),
            Detail::Integer(number) => Json::from(*number),
            Detail::List(details) => {
                Json::Array(details.iter().map(|detail| self.detail(detail)).collect())
            }
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _strings_take_all = write!(digits, "{byte:02x}");
    }
    digits
}

/// What [`digits`] has made DIGITS of.
pub fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// What OUTCOME, which [`outcome`] has made, stands for.
pub fn given(outcome: &Json, machine: Option<&mut Machine>) -> Outcome {
    let mut reader = Reader { machine };
    let read = match outcome
        .as_object()
        .and_then(|entries| entries.iter().next())
    {
        Some((name, content)) => match name.as_str() {
            "v" => return reader.value(content).ok_or_else(|| lost(content)),
            "f" => failure_of(content).map(Raise::Failure),
            "t" => reader.thrown(content),
            _ => None,
        },
        None => None,
    };
    Err(read.unwrap_or_else(|| lost(outcome)))
}

/// What CONTENT stands for cannot be given back.
fn lost(content: &Json) -> Raise {
    let mut shown = content.to_string();
    if let Some((end, _)) = shown.char_indices().nth(200) {
        shown.truncate(end);
        shown.push('…');
    }
    Raise::End(
        Failure::new(
            Key::Replay,
            format!("the recording does not hold what a call gave: {shown}"),
        )
        .hint("it was no datum, or the recording is of another version"),
    )
}

struct Reader<'a, 'b> {
    machine: Option<&'a mut Machine<'b>>,
}

impl Reader<'_, '_> {
    fn value(&mut self, json: &Json) -> Option<Value> {
        Some(match json {
            Json::Null => Value::Void,
            Json::Bool(truth) => Value::BoolV(*truth),
            Json::Number(number) => Value::IntV(isize::try_from(number.as_i64()?).ok()?),
            Json::String(text) => string_value(text.as_str()),
            Json::Array(items) => pairs::list(self.values(items)?),
            Json::Object(entries) => {
                let (name, content) = entries.iter().next()?;
                self.marked(name, content)?
            }
        })
    }

    fn values(&mut self, items: &[Json]) -> Option<Vec<Value>> {
        items.iter().map(|item| self.value(item)).collect()
    }

    fn marked(&mut self, name: &str, content: &Json) -> Option<Value> {
        Some(match name {
            "s" => symbol_value(content.as_str()?),
            "n" => number_syntax::parse_number(content.as_str()?, 10)?,
            "c" => Value::CharV(content.as_str()?.chars().next()?),
            "b" => bytevectors::value(bytes_of(content.as_str()?)?),
            "p" => {
                let mut items = self.values(content.as_array()?)?;
                let tail = items.pop()?;
                items
                    .into_iter()
                    .rev()
                    .fold(tail, |tail, item| pair_value(item, tail))
            }
            "v" => {
                let items = self.values(content.as_array()?)?;
                self.machine.as_mut()?.vector(items)
            }
            "m" => records::values(self.values(content.as_array()?)?),
            "h" => {
                let kind = content.get(0)?.as_str()?;
                numbered_handle(kept_kind(kind), content.get(1)?.as_u64()?)
            }
            "o" => port_of(content.as_object()?)?,
            "e" => eof_object(),
            _ => return None,
        })
    }

    fn thrown(&mut self, content: &Json) -> Option<Raise> {
        let (key, arguments) = content.as_array()?.split_first()?;
        let arguments = self.values(arguments)?;
        Some(Raise::throw(key.as_str()?, arguments))
    }
}

fn kept_kind(kind: &str) -> &'static str {
    KINDS.with(|kinds| {
        let mut kinds = kinds.borrow_mut();
        if let Some(known) = kinds.iter().find(|known| **known == kind) {
            return *known;
        }
        // There are as many kinds as domains make handles.
        let kept: &'static str = Box::leak(kind.to_owned().into_boxed_str());
        kinds.push(kept);
        kept
    })
}

fn port_of(seen: &Map<String, Json>) -> Option<Value> {
    let number = seen.get("number")?.as_u64()?;
    let text = |name: &str| seen.get(name).and_then(Json::as_str).map(str::to_owned);
    ports::seen_again(ports::Seen {
        number,
        mode: text("mode")?,
        name: text("name"),
        encoding: text("encoding"),
        child: seen.get("child").and_then(Json::as_i64),
        passed: seen.get("passed").and_then(Json::as_u64).unwrap_or(0) as usize,
        read_already: Some(port_content(number).unwrap_or_default()),
    })
}

fn failure_of(content: &Json) -> Option<Failure> {
    let key = Key::from_name(content.get("key")?.as_str()?)?;
    let mut failure = Failure::new(key, content.get("message")?.as_str()?);
    for entry in content.get("details")?.as_array()? {
        failure = failure.detail(entry.get(0)?.as_str()?, detail_of(entry.get(1)?)?);
    }
    Some(match content.get("hint").and_then(Json::as_str) {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

fn detail_of(content: &Json) -> Option<Detail> {
    Some(match content {
        Json::String(text) => Detail::Text(text.clone()),
        Json::Number(number) => Detail::Integer(number.as_i64()?),
        Json::Array(items) => Detail::List(items.iter().map(detail_of).collect::<Option<_>>()?),
        _ => return None,
    })
}

/// JSON as one line for whoever reads of a call, nearly as `write` prints it.
pub fn shown(json: &Json) -> String {
    match json {
        Json::Null => "*unspecified*".to_owned(),
        Json::Bool(truth) => if *truth { "#t" } else { "#f" }.to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("{text:?}"),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("({})", items.join(" "))
        }
        Json::Object(entries) => match entries.iter().next() {
            Some((name, content)) => shown_marked(name, content),
            None => "#<nothing>".to_owned(),
        },
    }
}

fn shown_marked(name: &str, content: &Json) -> String {
    let text = || content.as_str().unwrap_or_default().to_owned();
    match (name, content) {
        ("s" | "n", _) => text(),
        ("c", _) => format!("#\\{}", text()),
        ("b", _) => format!("#<{} bytes>", text().len() / 2),
        ("p", Json::Array(items)) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            match items.split_last() {
                Some((tail, items)) => format!("({} . {tail})", items.join(" ")),
                None => "()".to_owned(),
            }
        }
        ("v", items) => format!("#{}", shown(items)),
        ("h", Json::Array(parts)) => {
            let kind = parts.first().and_then(Json::as_str).unwrap_or_default();
            let number = parts.get(1).and_then(Json::as_u64).unwrap_or(0);
            format!("#<{kind} {number}>")
        }
        ("o", port) => format!("#<port {}>", port["name"].as_str().unwrap_or("")),
        ("e", _) => "#<eof>".to_owned(),
        ("x", _) => format!("#<{}>", text()),
        (_, content) => shown(content),
    }
}
