//! The JSON-RPC dialects of xapi: 1.0 and 2.0, byte by byte as xapi writes them.
//!
//! Numbers are bare, special floats are the literals `NaN` and `Infinity`
//! that no standard knows, and nothing is separated by white space.

use super::value::{ApiError, Val};
use serde_json::Value;
use std::fmt::Write;

/// A call as it came in.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub method: String,
    pub params: Vec<Val>,
    pub id: Value,
    pub version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

/// Read a call; `Err` says why xapi would answer 500.
pub fn parse_request(body: &[u8]) -> Result<Request, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Value::Object(mut members) = value else {
        return Err("a call is an object".to_owned());
    };
    let version = match members.get("jsonrpc") {
        None => Version::One,
        Some(Value::String(text)) if text == "2.0" => Version::Two,
        Some(_) => return Err("unknown version of JSON-RPC".to_owned()),
    };
    let id = match members.remove("id") {
        Some(id @ (Value::String(_) | Value::Number(_))) => id,
        _ => return Err("the id is an integer or a string".to_owned()),
    };
    let Some(Value::String(method)) = members.remove("method") else {
        return Err("a call names its method".to_owned());
    };
    let params = match members.remove("params") {
        Some(Value::Array(items)) => items.into_iter().map(from_json).collect(),
        Some(object @ Value::Object(_)) if version == Version::Two => vec![from_json(object)],
        None | Some(Value::Null) if version == Version::Two => Vec::new(),
        _ => return Err("params is an array".to_owned()),
    };
    Ok(Request {
        method,
        params,
        id,
        version,
    })
}

fn from_json(value: Value) -> Val {
    match value {
        Value::Null => Val::Nil,
        Value::Bool(truth) => Val::Bool(truth),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Val::Int(integer),
            None => Val::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Val::Text(text),
        Value::Array(items) => Val::Set(items.into_iter().map(from_json).collect()),
        Value::Object(members) => Val::Map(
            members
                .into_iter()
                .map(|(key, value)| (key, from_json(value)))
                .collect(),
        ),
    }
}

/// The reply to a call.
pub fn reply(version: Version, id: &Value, outcome: &Result<Val, ApiError>) -> String {
    let mut text = String::new();
    match (version, outcome) {
        (Version::Two, Ok(value)) => {
            text.push_str(r#"{"jsonrpc":"2.0","result":"#);
            write_value(&mut text, value);
            let _ = write!(text, r#","id":{id}}}"#);
        }
        (Version::Two, Err(error)) => {
            let code = Value::from(error.code.as_str());
            let data = Value::from(error.params.clone());
            let _ = write!(
                text,
                r#"{{"jsonrpc":"2.0","error":{{"code":1,"message":{code},"data":{data}}},"id":{id}}}"#
            );
        }
        (Version::One, Ok(value)) => {
            text.push_str(r#"{"result":"#);
            write_value(&mut text, value);
            let _ = write!(text, r#","error":null,"id":{id}}}"#);
        }
        (Version::One, Err(error)) => {
            let description = Value::from(error.description());
            let _ = write!(text, r#"{{"result":null,"error":{description},"id":{id}}}"#);
        }
    }
    text
}

fn write_value(text: &mut String, value: &Val) {
    match value {
        Val::Text(content) | Val::Date(content) => write_string(text, content),
        Val::Int(number) | Val::SmallInt(number) => {
            let _ = write!(text, "{number}");
        }
        Val::Float(number) if number.is_nan() => text.push_str("NaN"),
        Val::Float(number) if number.is_infinite() => {
            text.push_str(if *number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            });
        }
        Val::Float(number) => {
            let _ = write!(text, "{number:?}");
        }
        Val::Bool(truth) => {
            let _ = write!(text, "{truth}");
        }
        Val::Set(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Val::Map(entries) => {
            text.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(text, key);
                text.push(':');
                write_value(text, item);
            }
            text.push('}');
        }
        Val::Void => text.push_str(r#""""#),
        Val::Nil => text.push_str("null"),
    }
}

fn write_string(text: &mut String, content: &str) {
    text.push_str(&Value::from(content).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_those_that_xapi_writes() {
        let id = Value::from(0);
        let good = Ok(Val::text("OpaqueRef:1"));
        assert_eq!(
            reply(Version::Two, &id, &good),
            r#"{"jsonrpc":"2.0","result":"OpaqueRef:1","id":0}"#
        );
        let bad = Err(ApiError::new("SESSION_INVALID", ["OpaqueRef:2"]));
        assert_eq!(
            reply(Version::Two, &id, &bad),
            r#"{"jsonrpc":"2.0","error":{"code":1,"message":"SESSION_INVALID","data":["OpaqueRef:2"]},"id":0}"#
        );
        assert_eq!(
            reply(Version::One, &id, &bad),
            r#"{"result":null,"error":["SESSION_INVALID","OpaqueRef:2"],"id":0}"#
        );
        assert_eq!(
            reply(Version::One, &id, &Ok(Val::Float(f64::NAN))),
            r#"{"result":NaN,"error":null,"id":0}"#
        );
    }

    #[test]
    fn a_call_without_an_id_is_refused() {
        assert!(parse_request(br#"{"method":"x","params":[],"id":null}"#).is_err());
        assert!(parse_request(br#"{"method":"x","params":[]}"#).is_err());
        assert!(parse_request(br#"{"jsonrpc":"2.0","method":"x","id":1}"#).is_ok());
    }
}
