//! XML-RPC: the dialect of hosts without JSON-RPC, and of the results of tasks,
//! which are written in it even to JSON clients.
//!
//! XAPI has it that integers, being of 64 bits, are sent as strings, and answers
//! them without a type; what an integer is, only the datamodel knows.
//!
//! Source: the XML-RPC specification; xapi's `xmlrpc.ml`.

use super::rpc::{Answer, error_of};
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// The body of a call of METHOD; `Err` names what XML cannot hold.
pub fn encode(method: &str, params: &[Value]) -> Result<Vec<u8>, String> {
    let mut text = format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{}</methodName><params>",
        escape(method)
    );
    for param in params {
        text.push_str("<param>");
        write_value(&mut text, param)?;
        text.push_str("</param>");
    }
    text.push_str("</params></methodCall>");
    Ok(text.into_bytes())
}

fn write_value(text: &mut String, value: &Value) -> Result<(), String> {
    text.push_str("<value>");
    match value {
        Value::Null => text.push_str("<nil/>"),
        Value::Bool(truth) => {
            text.push_str(&format!("<boolean>{}</boolean>", u8::from(*truth)));
        }
        Value::Number(number) if number.is_f64() => {
            text.push_str(&format!("<double>{number}</double>"));
        }
        Value::Number(number) => text.push_str(&format!("<string>{number}</string>")),
        Value::String(content) => {
            text.push_str("<string>");
            write_text(text, content)?;
            text.push_str("</string>");
        }
        Value::Array(items) => {
            text.push_str("<array><data>");
            for item in items {
                write_value(text, item)?;
            }
            text.push_str("</data></array>");
        }
        Value::Object(members) => {
            text.push_str("<struct>");
            for (name, member) in members {
                text.push_str("<member><name>");
                write_text(text, name)?;
                text.push_str("</name>");
                write_value(text, member)?;
                text.push_str("</member>");
            }
            text.push_str("</struct>");
        }
    }
    text.push_str("</value>");
    Ok(())
}

fn write_text(text: &mut String, content: &str) -> Result<(), String> {
    let refused = content.chars().find(|character| {
        matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
    });
    if let Some(character) = refused {
        return Err(format!(
            "a text with the character U+{:04X} cannot be sent to a host without JSON-RPC",
            u32::from(character)
        ));
    }
    // A parser turns a bare carriage return into a line feed.
    text.push_str(&escape(content).replace('\r', "&#13;"));
    Ok(())
}

/// Read the body of an answer; `Err` says why it is none.
pub fn decode(body: &[u8]) -> Result<Answer, String> {
    let text = String::from_utf8_lossy(body);
    let root = parse(text.trim_start_matches('\u{feff}').trim())
        .map_err(|reason| format!("the answer is not XML-RPC: {reason}"))?;
    if root.name != "methodResponse" {
        return Err(format!(
            "the answer is not XML-RPC: it is a `{}`",
            root.name
        ));
    }
    if let Some(fault) = root.child("fault").and_then(|fault| fault.child("value")) {
        let fault = value(fault)?;
        return Ok(Answer::Error {
            code: "INTERNAL_ERROR".to_owned(),
            params: vec![fault["faultString"].as_str().unwrap_or_default().to_owned()],
        });
    }
    let result = root
        .child("params")
        .and_then(|params| params.child("param"))
        .and_then(|param| param.child("value"))
        .ok_or("the answer has neither result nor error")?;
    match value(result)? {
        // `system.listMethods` answers without this wrapping.
        Value::Object(mut wrapped) if wrapped.contains_key("Status") => {
            if wrapped["Status"] == "Success" {
                return Ok(Answer::Result(
                    wrapped.remove("Value").unwrap_or(Value::Null),
                ));
            }
            let description = wrapped.get("ErrorDescription").and_then(Value::as_array);
            Ok(error_of(description.into_iter().flatten()))
        }
        bare => Ok(Answer::Result(bare)),
    }
}

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

    /// Values of every kind, with what the two codecs may trip over.
    fn corpus() -> Vec<Value> {
        vec![
            json!(""),
            json!("plain"),
            json!(" leading and trailing "),
            json!("a & b < c > d \" e ' f"),
            json!("]]> &amp; <![CDATA["),
            json!("tab\tline\ncarriage\rboth\r\n"),
            json!("Köln, 東京, 🦀"),
            json!(true),
            json!(false),
            json!(null),
            json!(0.5),
            json!(-1.25e-7),
            json!(60.1),
            json!([]),
            json!({}),
            json!(["a", ["b", []], {"c": {}}]),
            json!({"": "empty", "a:b": "c", "<&>": "escaped", "x": [true, 1.5, null]}),
            json!({"power_state": "Running", "VBDs": ["OpaqueRef:1", "OpaqueRef:2"]}),
        ]
    }

    /// Run PROGRAM with TEXT on its standard input; `None` when there is no Python.
    fn python(program: &str, text: &str) -> Option<String> {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let child = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                assert!(
                    std::env::var_os("FRUIX_SCM_TESTS_MUST_NOT_SKIP").is_none(),
                    "skipped where nothing may skip: {error}"
                );
                println!("skipped: python3 cannot be run: {error}");
                return None;
            }
        };
        child.stdin.take()?.write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn pythons_codec_reads_what_we_write() {
        let mut values = corpus();
        // The datamodel's integers travel as strings, whole.
        values.push(json!(9_007_199_254_740_993_i64));
        let body = encode("VM.test <&>", &values).unwrap();
        let program = "import sys, json, xmlrpc.client
print(json.dumps(xmlrpc.client.loads(sys.stdin.buffer.read())))";
        let Some(read) = python(program, std::str::from_utf8(&body).unwrap()) else {
            return;
        };
        let read: Value = serde_json::from_str(&read).unwrap();
        values.pop();
        values.push(json!("9007199254740993"));
        assert_eq!(read, json!([values, "VM.test <&>"]));
    }

    #[test]
    fn we_read_what_pythons_codec_writes() {
        // Python leaves carriage returns to the parser, which makes line feeds of them.
        let mut values: Vec<Value> = corpus()
            .into_iter()
            .filter(|value| !value.as_str().is_some_and(|text| text.contains('\r')))
            .collect();
        values.extend([json!(2_147_483_647), json!(-2_147_483_648_i64)]);
        let program = "import sys, json, xmlrpc.client
for value in json.load(sys.stdin):
    text = xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True)
    print(json.dumps(text))
print(json.dumps(xmlrpc.client.dumps(
    ({'Status': 'Success', 'Value': xmlrpc.client.DateTime('20240420T12:00:00')},),
    methodresponse=True)))
print(json.dumps(xmlrpc.client.dumps(xmlrpc.client.Fault(1, 'no such method'))))";
        let Some(written) = python(program, &Value::Array(values.clone()).to_string()) else {
            return;
        };
        let answers: Vec<Answer> = written
            .lines()
            .map(|line| {
                let text: String = serde_json::from_str(line).unwrap();
                decode(text.as_bytes()).unwrap_or_else(|reason| panic!("{reason}: {text}"))
            })
            .collect();
        let mut expected: Vec<Answer> = values.into_iter().map(Answer::Result).collect();
        expected.push(Answer::Result(json!("20240420T12:00:00")));
        expected.push(Answer::Error {
            code: "INTERNAL_ERROR".to_owned(),
            params: vec!["no such method".to_owned()],
        });
        assert_eq!(answers, expected);
    }

    #[test]
    fn results_and_errors_of_the_host_are_told_apart() {
        let answer = |value: &str| {
            decode(
                format!(
                    "<?xml version=\"1.0\"?><methodResponse><params><param>{value}</param>\
                     </params></methodResponse>"
                )
                .as_bytes(),
            )
        };
        assert_eq!(
            answer(
                "<value><struct><member><name>Status</name><value>Failure</value></member>\
                 <member><name>ErrorDescription</name><value><array><data>\
                 <value>HANDLE_INVALID</value><value>VM</value></data></array></value></member>\
                 </struct></value>"
            ),
            Ok(Answer::Error {
                code: "HANDLE_INVALID".to_owned(),
                params: vec!["VM".to_owned()]
            })
        );
        // `system.listMethods` is not wrapped.
        assert_eq!(
            answer("<value><array><data><value>a</value></data></array></value>"),
            Ok(Answer::Result(json!(["a"])))
        );
        assert!(decode(b"<!DOCTYPE html><html></html>").is_err());
        assert!(encode("VM.test", &[json!("\u{1}")]).is_err());
    }
}
