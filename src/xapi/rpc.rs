//! The two dialects of calls, and JSON-RPC as XAPI speaks it: writing calls,
//! and reading answers with the tolerance that real hosts ask for.
//!
//! Hosts send the literals `NaN` and `Infinity`, members twice, errors in the
//! form of version 1 for a call of version 2, and fields and enumeration
//! values that are younger than any client. What is XML-RPC is in [`super::xml`].
//!
//! Source: xapi's `jsonrpc_server.ml`; xen-api issues named in the tests.

use super::xml;
use serde_json::{Value, json};

/// How calls are written. Hosts before XenServer 7.3 offer XML-RPC alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    #[default]
    Json,
    Xml,
}

impl Dialect {
    /// Where calls are sent to.
    pub fn path(self) -> &'static str {
        match self {
            Dialect::Json => "/jsonrpc",
            Dialect::Xml => "/RPC2",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Dialect::Json => "application/json",
            Dialect::Xml => "text/xml",
        }
    }

    /// The body of a call of METHOD; `Err` says what in it cannot be written.
    pub fn encode(self, id: u64, method: &str, params: &[Value]) -> Result<Vec<u8>, String> {
        match self {
            Dialect::Json => Ok(encode(id, method, params)),
            Dialect::Xml => xml::encode(method, params),
        }
    }

    /// Read the body of the answer to the call ID; `Err` says why it is none. In
    /// XML-RPC calls have no ID.
    pub fn decode(self, body: &[u8], id: u64) -> Result<Answer, String> {
        match self {
            Dialect::Json => decode(body, id),
            Dialect::Xml => xml::decode(body),
        }
    }
}

fn encode(id: u64, method: &str, params: &[Value]) -> Vec<u8> {
    json!({"id": id, "jsonrpc": "2.0", "method": method, "params": params})
        .to_string()
        .into_bytes()
}

/// What a host answered: a result, or an error code with its parameters.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Result(Value),
    Error { code: String, params: Vec<String> },
}

fn decode(body: &[u8], id: u64) -> Result<Answer, String> {
    let text = String::from_utf8_lossy(body);
    let text = without_special_floats(&text);
    let Value::Object(mut members) =
        serde_json::from_str(&text).map_err(|error| format!("the answer is not JSON: {error}"))?
    else {
        return Err("the answer is not an object".to_owned());
    };
    // An error of what could not be read has no ID.
    match members.get("id") {
        None | Some(Value::Null) => {}
        Some(answered) if *answered == json!(id) || *answered == json!(id.to_string()) => {}
        Some(other) => {
            return Err(format!(
                "the answer is that to call {other}, and call {id} was sent"
            ));
        }
    }
    match members.remove("error") {
        None | Some(Value::Null) => members
            .remove("result")
            .map(Answer::Result)
            .ok_or_else(|| "the answer has neither result nor error".to_owned()),
        Some(Value::Array(description)) => Ok(error_of(description.iter())),
        Some(Value::Object(error)) => {
            let data = error.get("data").and_then(Value::as_array);
            let code = error.get("message").unwrap_or(&Value::Null);
            Ok(error_of(
                std::iter::once(code).chain(data.into_iter().flatten()),
            ))
        }
        Some(other) => Ok(error_of(std::iter::once(&other))),
    }
}

pub(super) fn error_of<'a>(description: impl Iterator<Item = &'a Value>) -> Answer {
    let mut parts = description.map(|part| match part {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Answer::Error {
        code: parts.next().unwrap_or_default(),
        params: parts.collect(),
    }
}

/// TEXT with the literals `NaN`, `Infinity` and `-Infinity`, which are no JSON,
/// as strings of the same name; old hosts send those strings themselves.
fn without_special_floats(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        // Up to the next string; nothing inside a string is touched.
        let outside = rest.find('"').unwrap_or(rest.len());
        replace_literals(&mut result, &rest[..outside]);
        rest = &rest[outside..];
        if rest.is_empty() {
            return result;
        }
        let end = end_of_string(rest);
        result.push_str(&rest[..end]);
        rest = &rest[end..];
    }
}

fn replace_literals(result: &mut String, part: &str) {
    if !part.contains(['N', 'I']) {
        result.push_str(part);
        return;
    }
    let quoted = part
        .replace("-Infinity", "\"-\u{0}\"")
        .replace("Infinity", "\"Infinity\"")
        .replace("NaN", "\"NaN\"")
        .replace('\u{0}', "Infinity");
    result.push_str(&quoted);
}

/// The length of the string literal at the beginning of TEXT.
fn end_of_string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut index = 1;
    while index < bytes.len() {
        match bytes[index] {
            b'\\' => index += 2,
            b'"' => return index + 1,
            _ => index += 1,
        }
    }
    bytes.len()
}

/// The text of a task's result, which is an XML-RPC value even here:
/// `<value>OpaqueRef:…</value>`, `<value></value>`, or nothing on old hosts.
pub fn task_result(fragment: &str) -> Result<Value, String> {
    if fragment.trim().is_empty() {
        return Ok(Value::String(String::new()));
    }
    xml::value_of_fragment(fragment)
}

/// Whether REFERENCE, as hosts of all ages write it, points at nothing.
pub fn is_null(reference: &str) -> bool {
    reference.is_empty() || reference == "OpaqueRef:NULL" || reference.starts_with("Ref:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(body: &str) -> Value {
        match decode(body.as_bytes(), 1) {
            Ok(Answer::Result(value)) => value,
            other => panic!("no result: {other:?}"),
        }
    }

    #[test]
    fn special_floats_are_read_and_strings_are_left_alone() {
        assert_eq!(
            result(
                r#"{"result":{"a":NaN,"b":-Infinity,"c":[Infinity],"NaN":"a NaN \" Infinity"}}"#
            ),
            json!({"a": "NaN", "b": "-Infinity", "c": ["Infinity"], "NaN": "a NaN \" Infinity"})
        );
    }

    // XCP-ng 8.3 sends `restrict_vtpm` twice (xcp#685).
    #[test]
    fn a_member_that_comes_twice_is_no_error() {
        assert_eq!(
            result(r#"{"jsonrpc":"2.0","result":{"x":"1","x":"2"},"id":1}"#),
            json!({"x": "2"})
        );
    }

    #[test]
    fn integers_keep_all_their_bits() {
        assert_eq!(
            result(r#"{"result":[9007199254740993,-9223372036854775808]}"#),
            json!([9_007_199_254_740_993_i64, i64::MIN])
        );
    }

    #[test]
    fn errors_of_both_versions_are_understood() {
        let expected = Answer::Error {
            code: "HANDLE_INVALID".to_owned(),
            params: vec!["VM".to_owned(), "OpaqueRef:1".to_owned()],
        };
        let two = br#"{"jsonrpc":"2.0","error":{"code":1,"message":"HANDLE_INVALID","data":["VM","OpaqueRef:1"]},"id":0}"#;
        let one = br#"{"result":null,"error":["HANDLE_INVALID","VM","OpaqueRef:1"],"id":0}"#;
        assert_eq!(decode(two, 0), Ok(expected));
        assert_eq!(decode(one, 0), decode(two, 0));
    }

    #[test]
    fn the_answer_to_another_call_is_none() {
        let answer = br#"{"jsonrpc":"2.0","result":"x","id":99999}"#;
        assert!(decode(answer, 99999).is_ok());
        assert!(decode(answer, 3).unwrap_err().contains("99999"));
        assert!(decode(br#"{"result":"x","id":null}"#, 3).is_ok());
        assert!(decode(br#"{"result":"x","id":"3"}"#, 3).is_ok());
    }

    #[test]
    fn the_page_of_xo_lite_is_not_taken_for_an_answer() {
        assert!(decode(b"<!DOCTYPE html><html></html>", 0).is_err());
    }
}
