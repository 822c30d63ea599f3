//! What the errors of XAPI mean: the names of their parameters, a sentence, and what
//! to do. Read from `refusals.txt`, which has a line a code with the names, and below
//! it, for what operators meet, `says` and `hint`. An error that has no sentence is
//! told by its code's words.
//!
//! Source: the codes and names are those of xapi's `datamodel_errors.ml`, which `xe`
//! prints as well; the sentences are ours.

use std::collections::HashMap;
use std::sync::OnceLock;

/// What is known of an error.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The names of its parameters, in order.
    pub names: Vec<&'static str>,
    says: Option<&'static str>,
    pub hint: Option<&'static str>,
}

fn meanings() -> &'static HashMap<&'static str, Meaning> {
    static MEANINGS: OnceLock<HashMap<&'static str, Meaning>> = OnceLock::new();
    MEANINGS.get_or_init(|| {
        let mut meanings: HashMap<&str, Meaning> = HashMap::new();
        let mut code = "";
        for line in include_str!("refusals.txt").lines() {
            if let Some(text) = line.strip_prefix("  says ") {
                meanings.entry(code).or_default().says = Some(text);
            } else if let Some(text) = line.strip_prefix("  hint ") {
                meanings.entry(code).or_default().hint = Some(text);
            } else {
                let mut words = line.split_whitespace();
                code = words.next().unwrap_or_default();
                meanings.entry(code).or_default().names = words.collect();
            }
        }
        meanings
    })
}

/// What CODE means. The number at the end of a storage backend's code is the
/// backend's own.
pub fn meaning(code: &str) -> Option<&'static Meaning> {
    meanings().get(code).or_else(|| {
        code.starts_with("SR_BACKEND_FAILURE_")
            .then(|| meanings().get("SR_BACKEND_FAILURE"))?
    })
}

/// What CODE says, as a sentence without its full stop.
pub fn sentence(code: &str) -> String {
    match meaning(code).and_then(|meaning| meaning.says) {
        Some(says) => says.to_owned(),
        None => code.to_lowercase().replace('_', " "),
    }
}

/// The class of the object that the parameter called NAME of CODE refers to, among
/// all its PARAMS; `None` when it is no reference.
pub fn class_of<'a>(code: &str, name: &str, params: &'a [String]) -> Option<&'a str> {
    let known = |class: &'static str| Some(class);
    match name.to_lowercase().as_str() {
        "vm" => known("VM"),
        "vdi" => known("VDI"),
        "vbd" => known("VBD"),
        "vif" => known("VIF"),
        "sr" => known("SR"),
        "host" => known("host"),
        "network" => known("network"),
        "pif" => known("PIF"),
        "pbd" => known("PBD"),
        "task" | "operation_ref" => known("task"),
        // The class is said beside it.
        "object" | "handle" | "ref" => {
            let names = &meaning(code)?.names;
            let at = names.iter().position(|it| ["class", "type"].contains(it))?;
            params.get(at).map(String::as_str)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_in_words() {
        assert_eq!(
            meaning("HOST_NOT_ENOUGH_FREE_MEMORY").unwrap().names,
            ["needed", "available"]
        );
        assert!(sentence("SR_FULL").contains("full"));
        assert_eq!(sentence("NO_SUCH_THING"), "no such thing");
        assert_eq!(
            meaning("SR_BACKEND_FAILURE_1234").unwrap().names,
            ["status", "stdout", "stderr"]
        );
        assert!(meaning("NO_HOSTS_AVAILABLE").unwrap().hint.is_some());
    }

    #[test]
    fn a_parameter_refers_to_the_class_beside_it() {
        let params = ["VM", "OpaqueRef:1", "start", "OpaqueRef:2"].map(str::to_owned);
        let class = |name| class_of("OTHER_OPERATION_IN_PROGRESS", name, &params);
        assert_eq!(class("object"), Some("VM"));
        assert_eq!(class("operation_ref"), Some("task"));
        assert_eq!(class("operation_type"), None);
    }
}
