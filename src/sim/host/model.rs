//! The part of XAPI's datamodel that the simulated host has: classes, fields
//! calls and errors, read from `model.txt`, `calls.txt` and `errors.txt`.
//!
//! `model.txt` has a line a field: name, who may write it (`rw` anybody, `new`
//! the constructor, `ro` the host), type, and the default that makes it
//! optional in a constructor. `calls.txt` has a line a call: name, result type
//! and parameters, `?` marking those that may be left out; after `!` the errors
//! that the datamodel declares for the call, after `+` those that hosts give all
//! the same. Getters, setters and the other implicit calls follow from the fields.
//! `enums.txt` has a line an enumeration: its name and values.
//! `errors.txt` has a line an error: its code and parameters, `?` marking those
//! that hosts leave out at times, `+` those that nobody has documented.
//!
//! Source: the published XenAPI datamodel; a test holds the files against it.

use super::value::{ApiError, EPOCH, NULL, Val};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The type of a field, parameter or result.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Text,
    Int,
    Float,
    Bool,
    Date,
    Void,
    Ref(&'static str),
    Enum(&'static str),
    Record(&'static str),
    Set(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// What `event.from` answers.
    Events,
}

/// Who may write a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    Anybody,
    Constructor,
    Host,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub writer: Writer,
    pub kind: Type,
    pub default: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Class {
    pub name: &'static str,
    pub fields: Vec<Field>,
}

impl Class {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

#[derive(Clone, Debug)]
pub struct Parameter {
    #[cfg_attr(not(test), expect(dead_code, reason = "held against the datamodel"))]
    pub name: &'static str,
    pub kind: Type,
    pub required: bool,
}

/// An explicit call; the session, which every call but the login takes first,
/// is not among its parameters.
#[derive(Clone, Debug)]
pub struct Call {
    pub class: &'static str,
    pub name: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "held against the datamodel"))]
    pub result: Type,
    pub parameters: Vec<Parameter>,
    /// The errors that the datamodel declares, and those that it does not.
    pub declared: Vec<&'static str>,
    pub undeclared: Vec<&'static str>,
}

/// Classes by name.
pub fn classes() -> &'static BTreeMap<&'static str, Class> {
    static CLASSES: OnceLock<BTreeMap<&'static str, Class>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let mut classes = BTreeMap::new();
        let mut current: Option<Class> = None;
        for line in include_str!("model.txt").lines() {
            if let Some(name) = line.strip_prefix("class ") {
                if let Some(class) = current.replace(Class {
                    name,
                    fields: Vec::new(),
                }) {
                    classes.insert(class.name, class);
                }
            } else if let Some(class) = &mut current {
                class.fields.push(field(line));
            }
        }
        classes.extend(current.map(|class| (class.name, class)));
        classes
    })
}

/// The class called NAME.
pub fn class(name: &str) -> Option<&'static Class> {
    classes().get(name)
}

/// Explicit calls by `CLASS.NAME`.
pub fn calls() -> &'static BTreeMap<&'static str, Call> {
    static CALLS: OnceLock<BTreeMap<&'static str, Call>> = OnceLock::new();
    CALLS.get_or_init(|| {
        include_str!("calls.txt")
            .lines()
            .map(|line| {
                let (line, undeclared) = line.split_once(" + ").unwrap_or((line, ""));
                let (line, declared) = line.split_once(" ! ").unwrap_or((line, ""));
                let mut words = line.split_whitespace();
                let full = words.next().unwrap_or_default();
                let (class, name) = full.split_once('.').expect("calls.txt names CLASS.CALL");
                let result = kind(words.next().expect("calls.txt gives a result type"));
                let parameters = words
                    .map(|word| {
                        let (name, text) = word.split_once('=').expect("a parameter has a type");
                        Parameter {
                            name: name.trim_end_matches('?'),
                            kind: kind(text),
                            required: !name.ends_with('?'),
                        }
                    })
                    .collect();
                let call = Call {
                    class,
                    name,
                    result,
                    parameters,
                    declared: declared.split_whitespace().collect(),
                    undeclared: undeclared.split_whitespace().collect(),
                };
                (full, call)
            })
            .collect()
    })
}

/// The values of every enumeration, by name.
fn enums() -> &'static BTreeMap<&'static str, Vec<&'static str>> {
    static ENUMS: OnceLock<BTreeMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    ENUMS.get_or_init(|| {
        include_str!("enums.txt")
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                (words.next().unwrap_or_default(), words.collect())
            })
            .collect()
    })
}

/// Errors that any call may end with.
const ANYWHERE: [&str; 11] = [
    "HANDLE_INVALID",
    "INTERNAL_ERROR",
    "MAP_DUPLICATE_KEY",
    "MESSAGE_METHOD_UNKNOWN",
    "MESSAGE_PARAMETER_COUNT_MISMATCH",
    "NOT_IMPLEMENTED",
    "NOT_SIMULATED",
    "SESSION_AUTHENTICATION_FAILED",
    "SESSION_INVALID",
    "TASK_CANCELLED",
    "UUID_INVALID",
];

/// Errors that any operation on a VM may end with, since the host first looks
/// whether it is possible.
const ON_A_VM: [&str; 7] = [
    "OPERATION_BLOCKED",
    "OPERATION_NOT_ALLOWED",
    "OTHER_OPERATION_IN_PROGRESS",
    "VM_BAD_POWER_STATE",
    "VM_IS_SNAPSHOT",
    "VM_IS_TEMPLATE",
    "VM_LACKS_FEATURE",
];

/// ERROR, with which NAME, a call as CALL declares it or an implicit one, has
/// ended; an internal error when that is none of its errors, so that nobody
/// learns from us what no host does.
pub fn held(name: &str, call: Option<&Call>, error: ApiError) -> ApiError {
    let code = error.code.as_str();
    let known = ANYWHERE.contains(&code)
        || call.is_some_and(|call| {
            call.declared.contains(&code)
                || call.undeclared.contains(&code)
                || (call.class == "VM" && ON_A_VM.contains(&code))
        });
    if known {
        well_formed(name, error)
    } else {
        ApiError::internal(format!("{name} has no error {code}"))
    }
}

/// ERROR, with which NAME has ended; an internal error when its parameters are
/// not those of its code.
pub fn well_formed(name: &str, error: ApiError) -> ApiError {
    let given = error.params.len();
    let fits = errors().get(error.code.as_str()).is_some_and(|names| {
        let needed = names.iter().filter(|name| !name.ends_with('?')).count();
        (needed..=names.len()).contains(&given)
    });
    if fits {
        error
    } else {
        ApiError::internal(format!("{name} gives {} {given} parameters", error.code))
    }
}

/// The parameters of every error, by code.
fn errors() -> &'static BTreeMap<&'static str, Vec<&'static str>> {
    static ERRORS: OnceLock<BTreeMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    ERRORS.get_or_init(|| {
        include_str!("errors.txt")
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                (words.next().unwrap_or_default(), words.collect())
            })
            .collect()
    })
}

fn field(line: &'static str) -> Field {
    let (head, default) = match line.split_once(" = ") {
        Some((head, default)) => (head, Some(default)),
        None => (line, None),
    };
    let mut words = head.split_whitespace();
    let name = words.next().expect("model.txt gives a field a name");
    let writer = match words.next() {
        Some("rw") => Writer::Anybody,
        Some("new") => Writer::Constructor,
        _ => Writer::Host,
    };
    Field {
        name,
        writer,
        kind: kind(words.next().expect("model.txt gives a field a type")),
        default,
    }
}

fn kind(text: &'static str) -> Type {
    match text {
        "string" => Type::Text,
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "datetime" => Type::Date,
        "void" => Type::Void,
        "an-event-batch" => Type::Events,
        _ => {
            let (head, rest) = text.split_once(':').expect("a type of model.txt is known");
            match head {
                "ref" => Type::Ref(rest),
                "enum" => Type::Enum(rest),
                "record" => Type::Record(rest),
                "set" => Type::Set(Box::new(kind(rest))),
                "map" => {
                    // The key is one word, or one word with an argument.
                    let split = match rest.split(':').next() {
                        Some(word @ ("ref" | "enum")) => {
                            let after = &rest[word.len() + 1..];
                            word.len() + 1 + after.find(':').expect("a map has a value type")
                        }
                        _ => rest.find(':').expect("a map has a value type"),
                    };
                    Type::Map(
                        Box::new(kind(&rest[..split])),
                        Box::new(kind(&rest[split + 1..])),
                    )
                }
                _ => unreachable!("a type of model.txt is known, not `{text}`"),
            }
        }
    }
}

impl Field {
    /// What the field holds when nobody has said anything.
    pub fn initial(&self) -> Val {
        match self.default {
            Some(text) => initial_from_text(&self.kind, text),
            None => initial(&self.kind),
        }
    }
}

fn initial_from_text(kind: &Type, text: &'static str) -> Val {
    match kind {
        Type::Text => Val::text(text.trim_matches('"')),
        Type::Int => Val::Int(text.parse().unwrap_or(0)),
        Type::Float => Val::Float(text.trim_end_matches('.').parse().unwrap_or(0.0)),
        Type::Bool => Val::Bool(text == "true"),
        Type::Date => Val::Date(text.to_owned()),
        Type::Ref(_) if text == "Null" => Val::text(NULL),
        Type::Ref(_) => Val::text(text),
        Type::Enum(_) => Val::text(text),
        _ => initial(kind),
    }
}

fn initial(kind: &Type) -> Val {
    match kind {
        Type::Text | Type::Enum(_) => Val::text(""),
        Type::Int => Val::Int(0),
        Type::Float => Val::Float(0.0),
        Type::Bool => Val::Bool(false),
        Type::Date => Val::Date(EPOCH.to_owned()),
        Type::Ref(_) => Val::text(NULL),
        Type::Set(_) => Val::Set(Vec::new()),
        Type::Map(..) | Type::Record(_) | Type::Events => Val::empty_map(),
        Type::Void => Val::Void,
    }
}

impl Type {
    /// VALUE, as it came over the wire, as a value of this type. XML-RPC clients
    /// send integers as strings; both dialects may send a date as a string.
    pub fn coerce(&self, value: Val) -> Result<Val, ApiError> {
        let wrong = |value: &Val| {
            ApiError::internal(format!(
                "Expected {}, got '{value:?}'",
                self.name_in_messages()
            ))
        };
        match (self, value) {
            (Type::Enum(name), value @ (Val::Text(_) | Val::Void)) => {
                let text = value.as_text();
                let known = enums()
                    .get(name)
                    .is_none_or(|values| values.contains(&text));
                if known {
                    return Ok(Val::text(text));
                }
                Err(ApiError::internal(format!(
                    "Rpc.Runtime_error(\"Unexpected value for enumeration {name}\", \"{text}\")"
                )))
            }
            (Type::Text | Type::Ref(_), Val::Text(text)) => Ok(Val::Text(text)),
            (Type::Text | Type::Ref(_), Val::Void) => Ok(Val::text("")),
            (Type::Int, Val::Int(number)) => Ok(Val::Int(number)),
            (Type::Int, Val::Text(text)) => text
                .trim()
                .parse()
                .map(Val::Int)
                .map_err(|_| wrong(&Val::Text(text))),
            (Type::Float, Val::Float(number)) => Ok(Val::Float(number)),
            (Type::Float, Val::Int(number)) => Ok(Val::Float(number as f64)),
            (Type::Float, Val::Text(text)) => text
                .trim()
                .parse()
                .map(Val::Float)
                .map_err(|_| wrong(&Val::Text(text))),
            (Type::Bool, Val::Bool(truth)) => Ok(Val::Bool(truth)),
            (Type::Date, Val::Date(text) | Val::Text(text)) => {
                // Hyphens are accepted and forgotten.
                let (day, time) = text.split_once('T').unwrap_or((&text, "00:00:00"));
                Ok(Val::Date(format!(
                    "{}T{}Z",
                    day.replace('-', ""),
                    time.trim_end_matches('Z')
                )))
            }
            (Type::Set(inner), Val::Set(items)) => items
                .into_iter()
                .map(|item| inner.coerce(item))
                .collect::<Result<_, _>>()
                .map(Val::Set),
            (Type::Map(_, inner), Val::Map(entries)) => entries
                .into_iter()
                .map(|(key, value)| Ok((key, inner.coerce(value)?)))
                .collect::<Result<_, _>>()
                .map(Val::Map),
            (Type::Record(_), value @ Val::Map(_)) => Ok(value),
            (_, value) => Err(wrong(&value)),
        }
    }

    fn name_in_messages(&self) -> &'static str {
        match self {
            Type::Text | Type::Ref(_) | Type::Enum(_) => "string",
            Type::Int => "int64",
            Type::Float => "float",
            Type::Bool => "bool",
            Type::Date => "datetime",
            Type::Set(_) => "list",
            Type::Map(..) | Type::Record(_) | Type::Events => "dict",
            Type::Void => "void",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_model_is_understood() {
        let vm = class("VM").unwrap();
        assert_eq!(
            vm.field("power_state").unwrap().initial(),
            Val::text("Halted")
        );
        assert_eq!(
            vm.field("VCPUs_params").unwrap().kind,
            Type::Map(Box::new(Type::Text), Box::new(Type::Text))
        );
        for class in classes().values() {
            for field in &class.fields {
                field.initial();
            }
        }
        assert_eq!(calls()["VM.start"].parameters.len(), 3);
    }

    /// The type TEXT of the published datamodel, as `model.txt` writes it.
    fn published(text: &str) -> String {
        let text = text.trim();
        if let Some(inner) = text.strip_suffix(" set") {
            return format!("set:{}", published(inner));
        }
        if let Some((key, value)) = text
            .strip_prefix('(')
            .and_then(|it| it.strip_suffix(") map"))
            .and_then(|it| it.split_once(" -> "))
        {
            return format!("map:{}:{}", published(key), published(value));
        }
        if let Some(class) = text.strip_suffix(" ref") {
            return format!("ref:{class}");
        }
        if let Some(class) = text.strip_suffix(" record") {
            return format!("record:{class}");
        }
        if let Some(name) = text.strip_prefix("enum ") {
            return format!("enum:{name}");
        }
        text.replace(' ', "-")
    }

    /// The reverse of `kind`.
    fn written(kind: &Type) -> String {
        match kind {
            Type::Text => "string".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Float => "float".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Date => "datetime".to_owned(),
            Type::Void => "void".to_owned(),
            Type::Events => "an-event-batch".to_owned(),
            Type::Ref(class) => format!("ref:{class}"),
            Type::Enum(name) => format!("enum:{name}"),
            Type::Record(class) => format!("record:{class}"),
            Type::Set(inner) => format!("set:{}", written(inner)),
            Type::Map(key, value) => format!("map:{}:{}", written(key), written(value)),
        }
    }

    /// `FRUIX_XENAPI_JSON` names a copy of the published datamodel,
    /// `_data/xenapi.json` of xapi-project.github.io.
    #[test]
    fn fields_calls_and_parameters_are_those_of_the_published_datamodel() {
        let Some(path) = std::env::var_os("FRUIX_XENAPI_JSON") else {
            println!("skipped: FRUIX_XENAPI_JSON does not name the published datamodel");
            return;
        };
        let text = std::fs::read(path).expect("the datamodel can be read");
        let datamodel: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        let named = |list: &'static str, owner: &serde_json::Value, name: &str| {
            owner[list]
                .as_array()
                .into_iter()
                .flatten()
                .find(|it| it["name"] == name)
                .cloned()
                .unwrap_or_else(|| panic!("{} has {list} without `{name}`", owner["name"]))
        };
        let every = serde_json::json!({"name": "XenAPI", "classes": datamodel});
        for class in classes().values() {
            let reference = named("classes", &every, class.name);
            for field in &class.fields {
                let published_field = named("fields", &reference, field.name);
                let place = format!("{}.{}", class.name, field.name);
                assert_eq!(
                    published(published_field["type"].as_str().unwrap()),
                    written(&field.kind),
                    "{place}"
                );
                let writer = match published_field["qualifier"].as_str() {
                    Some("RW") => Writer::Anybody,
                    Some("RO/constructor") => Writer::Constructor,
                    _ => Writer::Host,
                };
                assert_eq!(writer, field.writer, "{place}");
            }
        }
        for (name, call) in calls() {
            let reference = named("classes", &every, call.class);
            let message = named("messages", &reference, call.name);
            assert_eq!(
                published(message["result"][0].as_str().unwrap()),
                written(&call.result),
                "{name}"
            );
            let parameters: Vec<(String, String, bool)> = message["params"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["name"] != "session_id")
                .map(|it| {
                    (
                        it["name"].as_str().unwrap().to_owned(),
                        published(it["type"].as_str().unwrap()),
                        it["required"].as_bool().unwrap(),
                    )
                })
                .collect();
            let ours: Vec<(String, String, bool)> = call
                .parameters
                .iter()
                .map(|it| (it.name.to_owned(), written(&it.kind), it.required))
                .collect();
            assert_eq!(parameters, ours, "{name}");
            let declared: Vec<&str> = reference_errors(&message);
            assert_eq!(declared, call.declared, "{name}");
            for code in &call.undeclared {
                assert!(!declared.contains(code), "{name} declares {code}");
                assert!(errors().contains_key(code), "{code} is not in errors.txt");
            }
        }
    }

    fn reference_errors(message: &serde_json::Value) -> Vec<&str> {
        let errors = message["errors"].as_array();
        let names = errors.into_iter().flatten();
        names.filter_map(|error| error["name"].as_str()).collect()
    }

    /// Beside the datamodel may lie what its source says of errors: `errors`,
    /// codes with the names of their parameters, and `undocumented_codes`.
    #[test]
    fn errors_have_the_parameters_that_are_documented() {
        let beside = std::env::var_os("FRUIX_XENAPI_JSON")
            .map(|path| std::path::Path::new(&path).with_file_name("xapi_errors.json"));
        let Some(text) = beside.and_then(|path| std::fs::read(path).ok()) else {
            println!("skipped: no xapi_errors.json beside what FRUIX_XENAPI_JSON names");
            return;
        };
        let reference: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        for (code, names) in errors() {
            // Ours alone: no host says so.
            if *code == "NOT_SIMULATED" {
                continue;
            }
            // The number in a backend's code is the backend's.
            let general = code.trim_end_matches(|it: char| it.is_ascii_digit() || it == '_');
            let documented = [*code, general]
                .iter()
                .find_map(|code| reference["errors"].get(*code));
            let Some(documented) = documented else {
                let known = reference["undocumented_codes"].as_array().unwrap();
                assert!(known.iter().any(|it| it == code), "there is no {code}");
                assert!(names.iter().all(|name| name.starts_with('+')), "{code}");
                continue;
            };
            let published: Vec<String> = documented
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().replace(' ', "_"))
                .collect();
            let ours: Vec<&str> = names
                .iter()
                .filter(|name| !name.starts_with('+'))
                .map(|name| name.trim_end_matches('?'))
                .collect();
            assert_eq!(published, ours, "{code}");
        }
    }

    #[test]
    fn an_error_that_no_host_gives_is_an_internal_one() {
        let call = &calls()["VM.start"];
        let fine = ApiError::new("VM_BAD_POWER_STATE", ["r", "halted", "running"]);
        assert_eq!(held("VM.start", Some(call), fine.clone()), fine);
        for (error, words) in [
            (
                ApiError::new("VBD_IS_EMPTY", ["r"]),
                "has no error VBD_IS_EMPTY",
            ),
            (
                ApiError::new("VDI_IN_USE", ["r", "s", "t"]),
                "VDI_IN_USE 3 parameters",
            ),
        ] {
            let made = held("VM.start", Some(call), error);
            assert_eq!(made.code, "INTERNAL_ERROR");
            assert!(made.params[0].contains(words), "{made:?}");
        }
    }
}
