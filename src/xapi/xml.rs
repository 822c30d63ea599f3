//! XML-RPC values, as the results of tasks are written even to JSON clients.
//!
//! Source: the XML-RPC specification; xapi's `xmlrpc.ml`, which leaves out the
//! type of strings and integers.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// The value of FRAGMENT, `<value>…</value>`. What has no type is a string.
pub fn value_of_fragment(fragment: &str) -> Result<Value, String> {
    let element = parse(fragment)?;
    if element.name == "value" {
        value(&element)
    } else {
        Err(format!("expected a value, got `{}`", element.name))
    }
}

#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// No answer nests deeper; the bound keeps a hostile one off the stack.
const DEEPEST: usize = 100;

fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if open.len() <= DEEPEST => open.push(Element {
                name: tag.name().as_ref().to_owned(),
                ..Element::default()
            }),
            Event::Start(_) => return Err("too many elements in each other".to_owned()),
            Event::Empty(tag) => top(&mut open).children.push(Element {
                name: tag.name().as_ref().to_owned(),
                ..Element::default()
            }),
            Event::End(_) => {
                let element = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Err("an element ends that has not begun".to_owned()),
                }
            }
            Event::Text(part) => top(&mut open).text.push_str(&part.xml10_content()),
            Event::CData(part) => top(&mut open).text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match (reference.resolve_char_ref(), &*reference) {
                    (Ok(Some(character)), _) => character,
                    (_, "amp") => '&',
                    (_, "lt") => '<',
                    (_, "gt") => '>',
                    (_, "quot") => '"',
                    (_, "apos") => '\'',
                    (_, other) => return Err(format!("unknown entity `{other}`")),
                };
                top(&mut open).text.push(character);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut root), true) => root
            .children
            .pop()
            .ok_or_else(|| "there is no element".to_owned()),
        _ => Err("the text ends before its elements do".to_owned()),
    }
}

fn top(open: &mut [Element]) -> &mut Element {
    open.last_mut()
        .expect("the root stays open until the text ends")
}

fn value(element: &Element) -> Result<Value, String> {
    let Some(inner) = element.children.first() else {
        return Ok(Value::String(element.text.clone()));
    };
    let text = inner.text.trim();
    match inner.name.as_str() {
        "string" => Ok(Value::String(inner.text.clone())),
        "dateTime.iso8601" => Ok(Value::String(text.to_owned())),
        "int" | "i4" | "i8" => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| format!("`{text}` is no integer")),
        "double" => {
            let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
            // JSON has no name for the special ones; see `rpc`.
            Ok(serde_json::Number::from_f64(number).map_or_else(
                || Value::from(number.to_string().replace("inf", "Infinity")),
                Value::Number,
            ))
        }
        "boolean" => Ok(Value::Bool(text == "1")),
        "nil" => Ok(Value::Null),
        "array" => inner
            .child("data")
            .map_or(&[][..], |data| &data.children)
            .iter()
            .map(value)
            .collect::<Result<_, _>>()
            .map(Value::Array),
        "struct" => {
            let mut members = Map::new();
            for member in &inner.children {
                let name = member.child("name").ok_or("a member has no name")?;
                let content = member.child("value").ok_or("a member has no value")?;
                members.insert(name.text.clone(), value(content)?);
            }
            Ok(Value::Object(members))
        }
        other => Err(format!("a value cannot be a `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_results_of_tasks_are_read() {
        for (fragment, expected) in [
            ("<value>OpaqueRef:1</value>", json!("OpaqueRef:1")),
            ("<value></value>", json!("")),
            ("<value/>", json!("")),
            (
                "<value><array><data><value>a &amp; b</value><value><i4>3</i4></value></data></array></value>",
                json!(["a & b", 3]),
            ),
            (
                "<value><struct><member><name>k</name><value><boolean>1</boolean></value></member></struct></value>",
                json!({"k": true}),
            ),
            ("<value><double>nan</double></value>", json!("NaN")),
        ] {
            assert_eq!(value_of_fragment(fragment), Ok(expected), "{fragment}");
        }
    }

    #[test]
    fn broken_fragments_are_errors() {
        for fragment in ["", "OpaqueRef:1", "<value>", "<a/>", "<value><x/></value>"] {
            assert!(value_of_fragment(fragment).is_err(), "{fragment}");
        }
    }
}
