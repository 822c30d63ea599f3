//! The XML-RPC dialect of xapi: reading calls and writing replies.
//!
//! Strings and integers are written without a type, control characters are
//! dropped, the names of struct members are not escaped, and an error is a
//! struct with `Status` `Failure`, never a fault.

use super::value::{ApiError, Val};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fmt::Write;

/// Read a call: the method and its parameters. `Err` says why xapi would
/// answer 500.
pub fn parse_request(body: &[u8]) -> Result<(String, Vec<Val>), String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let root = parse_element(text)?;
    if root.name != "methodCall" {
        return Err(format!("expected methodCall, got {}", root.name));
    }
    let method = root
        .child("methodName")
        .ok_or("a call names its method")?
        .text
        .trim()
        .to_owned();
    let params = match root.child("params") {
        None => Vec::new(),
        Some(params) => params
            .children
            .iter()
            .map(|param| {
                param
                    .child("value")
                    .ok_or_else(|| "a param has a value".to_owned())
                    .and_then(value)
            })
            .collect::<Result<_, _>>()?,
    };
    Ok((method, params))
}

/// The reply to METHOD.
pub fn reply(method: &str, outcome: &Result<Val, ApiError>) -> String {
    let mut text = String::from(r#"<?xml version="1.0"?><methodResponse><params><param>"#);
    match outcome {
        // The one call whose result is not wrapped.
        Ok(value) if method == "system.listMethods" => write_value(&mut text, value),
        Ok(value) => write_value(
            &mut text,
            &Val::map_of([("Status", Val::text("Success")), ("Value", value.clone())]),
        ),
        Err(error) => write_value(
            &mut text,
            &Val::map_of([
                ("Status", Val::text("Failure")),
                ("ErrorDescription", Val::texts(error.description())),
            ]),
        ),
    }
    text.push_str("</param></params></methodResponse>");
    text
}

/// VALUE as a fragment, as the result of a task holds it.
pub fn fragment(value: &Val) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

/// Read a value that stands alone, as `fragment` writes it.
pub fn parse_fragment(text: &str) -> Result<Val, String> {
    value(&parse_element(text)?)
}

fn write_value(text: &mut String, value: &Val) {
    text.push_str("<value>");
    match value {
        Val::Text(content) => write_text(text, content),
        Val::Int(number) => {
            let _ = write!(text, "{number}");
        }
        Val::SmallInt(number) => {
            let _ = write!(text, "<i4>{number}</i4>");
        }
        Val::Float(number) if number.is_nan() => text.push_str("<double>nan</double>"),
        Val::Float(number) if number.is_infinite() => {
            let sign = if *number > 0.0 { "" } else { "-" };
            let _ = write!(text, "<double>{sign}inf</double>");
        }
        Val::Float(number) => {
            let _ = write!(text, "<double>{number}</double>");
        }
        Val::Bool(truth) => {
            let _ = write!(text, "<boolean>{}</boolean>", u8::from(*truth));
        }
        Val::Date(content) => {
            let _ = write!(text, "<dateTime.iso8601>{content}</dateTime.iso8601>");
        }
        Val::Set(items) => {
            text.push_str("<array><data>");
            for item in items {
                write_value(text, item);
            }
            text.push_str("</data></array>");
        }
        Val::Map(entries) => {
            text.push_str("<struct>");
            for (key, item) in entries {
                let _ = write!(text, "<member><name>{key}</name>");
                write_value(text, item);
                text.push_str("</member>");
            }
            text.push_str("</struct>");
        }
        Val::Void => {}
        Val::Nil => text.push_str("<nil/>"),
    }
    text.push_str("</value>");
}

fn write_text(text: &mut String, content: &str) {
    for character in content.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\t' | '\n' | '\r' => text.push(character),
            control if (control as u32) < 0x20 => {}
            other => text.push(other),
        }
    }
}

/// An element with what is in it.
#[derive(Debug, Default)]
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

/// No call of a client nests deeper; a bound keeps a hostile one off the stack.
const DEEPEST: usize = 100;

fn parse_element(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                if open.len() > DEEPEST {
                    return Err("too many elements in each other".to_owned());
                }
                open.push(Element {
                    name: tag.name().as_ref().to_owned(),
                    ..Element::default()
                });
            }
            Event::Empty(tag) => {
                let name = tag.name().as_ref().to_owned();
                if let Some(parent) = open.last_mut() {
                    parent.children.push(Element {
                        name,
                        ..Element::default()
                    });
                }
            }
            Event::End(_) => {
                let element = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Err("an element ends that has not begun".to_owned()),
                }
            }
            Event::Text(part) => {
                let part = part.xml10_content();
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&part);
                }
            }
            Event::CData(part) => {
                let part = part.xml10_content();
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&part);
                }
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    _ => match &*reference {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return Err("an entity nobody has declared".to_owned()),
                    },
                };
                if let Some(element) = open.last_mut() {
                    element.text.push(character);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if open.len() != 1 {
        return Err("the text ends before its elements do".to_owned());
    }
    open.pop()
        .and_then(|mut top| top.children.pop())
        .ok_or_else(|| "there is no element".to_owned())
}

fn value(element: &Element) -> Result<Val, String> {
    let Some(inner) = element.children.first() else {
        return Ok(Val::text(element.text.clone()));
    };
    match inner.name.as_str() {
        "string" => Ok(Val::text(inner.text.clone())),
        "int" | "i4" | "i8" => inner
            .text
            .trim()
            .parse()
            .map(Val::Int)
            .map_err(|_| format!("`{}` is no integer", inner.text)),
        "double" => inner
            .text
            .trim()
            .parse()
            .map(Val::Float)
            .map_err(|_| format!("`{}` is no number", inner.text)),
        "boolean" => Ok(Val::Bool(inner.text.trim() == "1")),
        "dateTime.iso8601" => Ok(Val::Date(inner.text.trim().to_owned())),
        "nil" => Ok(Val::Nil),
        "array" => inner
            .child("data")
            .ok_or("an array has data")?
            .children
            .iter()
            .map(value)
            .collect::<Result<_, _>>()
            .map(Val::Set),
        "struct" => inner
            .children
            .iter()
            .map(|member| {
                let name = member.child("name").ok_or("a member has a name")?;
                let content = member.child("value").ok_or("a member has a value")?;
                Ok((name.text.clone(), value(content)?))
            })
            .collect::<Result<_, String>>()
            .map(Val::Map),
        other => Err(format!("a value cannot be a {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_the_python_client_is_understood() {
        let body = "<?xml version='1.0'?>\n<methodCall>\n<methodName>VM.start</methodName>\n\
            <params>\n<param>\n<value><string>a &lt; b</string></value>\n</param>\n\
            <param>\n<value><boolean>1</boolean></value>\n</param>\n\
            <param>\n<value>42</value></param><param><value><struct><member><name>k</name>\
            <value><int>7</int></value></member></struct></value></param></params>\n</methodCall>\n";
        assert_eq!(
            parse_request(body.as_bytes()).unwrap(),
            (
                "VM.start".to_owned(),
                vec![
                    Val::text("a < b"),
                    Val::Bool(true),
                    Val::text("42"),
                    Val::map_of([("k", Val::Int(7))]),
                ]
            )
        );
    }

    #[test]
    fn strings_and_integers_are_written_without_a_type() {
        assert_eq!(
            fragment(&Val::Set(vec![
                Val::text("<a>\u{1}"),
                Val::Int(8_589_934_592),
                Val::SmallInt(3),
                Val::Bool(true),
                Val::Void,
            ])),
            "<value><array><data><value>&lt;a&gt;</value><value>8589934592</value>\
             <value><i4>3</i4></value><value><boolean>1</boolean></value><value></value>\
             </data></array></value>"
        );
    }
}
