//! What is signed of a run: in-toto statements, as JSON.
//!
//! The test result says what was tested, in which configuration, and how each case came
//! out; the provenance says of artifacts how they came to be. Both are functions of what
//! the run has kept, and both say of which kind the run was wherever a reader may look.
//!
//! Source: in-toto Attestation Framework v1 (Statement, ResourceDescriptor), its predicate
//! test-result v0.1; SLSA Provenance v1.

use super::evidence::{Evidence, KeptFile};
use super::model::Outcome;
use super::moment;
use crate::failure::{Failure, Key};
use crate::run::verdict::Verdict;
use crate::visible::escape;
use serde_json::{Map, Value, json};

/// The namespace of the signatures: what is signed for this is signed for nothing else.
pub const NAMESPACE: &str = "fruix-scm/run@v1";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const BUILD_TYPE: &str = "urn:x-fruix-scm:run:1";

/// What is to be signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its file, without `.json`.
    pub name: &'static str,
    pub content: Value,
}

impl Statement {
    /// Its text, which is what is signed.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.content)
    }
}

/// The statements on the run of EVIDENCE, whose folder has FILES, as a run of KIND. Refuse
/// what is of another kind, and what has no result that could be attested.
pub fn statements(
    evidence: &Evidence,
    files: &[KeptFile],
    kind: &str,
) -> Result<Vec<Statement>, Failure> {
    let summary = &evidence.summary;
    let refused = |why: String| {
        Failure::new(
            Key::Usage,
            format!("cannot attest run `{}`: {why}", summary.id),
        )
    };
    if evidence.kind() != kind {
        return Err(refused(format!(
            "it is to be attested as `{kind}`, and was `{}`",
            evidence.kind()
        ))
        .hint(format!("say `--kind {}` if that is meant", evidence.kind())));
    }
    let result = match summary.verdict {
        Verdict::Pass => "PASSED",
        Verdict::Partial => "WARNED",
        Verdict::Fail => "FAILED",
        verdict => {
            return Err(refused(format!(
                "its verdict is `{verdict}`, which says nothing about what was tested"
            )));
        }
    };
    let artifacts = artifacts(evidence, files);
    let mut tested = artifacts.clone();
    tested.extend(images(evidence));
    if tested.is_empty() {
        // What was tested is then what the harness itself is about.
        tested.extend(harness(evidence));
    }
    let mut statements = vec![Statement {
        name: "test-result",
        content: statement(&tested, TEST_RESULT, test_result(evidence, result)),
    }];
    if summary.verdict == Verdict::Pass && !artifacts.is_empty() {
        statements.push(Statement {
            name: "provenance",
            content: statement(&artifacts, PROVENANCE, provenance(evidence, files)),
        });
    }
    Ok(statements)
}

/// What is to be said of the journal in every statement: its head.
pub fn head_of(statement: &Value) -> Option<&str> {
    let predicate = statement.get("predicate")?;
    let places = [
        predicate.pointer("/configuration"),
        predicate.pointer("/runDetails/byproducts"),
    ];
    places
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten()
        .find(|descriptor| descriptor["name"] == JOURNAL)
        .and_then(|descriptor| descriptor.pointer("/digest/sha256")?.as_str())
}

/// The files of the run's folder that STATEMENT names, with their digests.
pub fn files_of(statement: &Value) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut left = vec![statement];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(object) => {
                let file = value.pointer("/annotations/file").and_then(Value::as_str);
                let digest = value.pointer("/digest/sha256").and_then(Value::as_str);
                found.extend(file.zip(digest));
                left.extend(object.values());
            }
            Value::Array(array) => left.extend(array),
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

const JOURNAL: &str = "journal head";

fn statement(subjects: &[Value], kind: &str, predicate: Value) -> Value {
    json!({
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": kind,
        "predicate": predicate,
    })
}

fn test_result(evidence: &Evidence, result: &str) -> Value {
    let (mut passed, mut warned, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for case in evidence.suite().cases {
        let name = match case.group.as_str() {
            "" => escape(&case.name),
            group => escape(&format!("{group}: {}", case.name)),
        };
        match case.outcome {
            Outcome::Passed => passed.push(name),
            Outcome::Skipped(_) | Outcome::KnownFailure(_) => warned.push(name),
            Outcome::Failed(_) | Outcome::Error(_) => failed.push(name),
        }
    }
    let mut configuration = materials(evidence);
    configuration.push(journal(evidence));
    json!({
        "result": result,
        "configuration": configuration,
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    })
}

fn provenance(evidence: &Evidence, files: &[KeptFile]) -> Value {
    let summary = &evidence.summary;
    let program = &evidence.program;
    let pairs = |pairs: &mut dyn Iterator<Item = (&str, &str)>| -> Map<String, Value> {
        pairs
            .map(|(name, value)| (escape(name), escape(value).into()))
            .collect()
    };
    let parameters = pairs(
        &mut evidence
            .parameters
            .iter()
            .map(|parameter| (&*parameter.name, &*parameter.value)),
    );
    let arguments: Vec<String> = program.arguments.iter().map(|word| escape(word)).collect();
    let mut byproducts = vec![journal(evidence)];
    byproducts.extend(
        files
            .iter()
            .filter(|file| !file.is_artifact())
            .map(|file| kept(evidence, file)),
    );
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "harness": escape(&summary.harness),
                "arguments": arguments,
                "parameters": parameters,
            },
            "internalParameters": {
                "run_kind": evidence.kind(),
                "settings": settings(evidence),
            },
            "resolvedDependencies": materials(evidence),
        },
        "runDetails": {
            "builder": {
                "id": format!("urn:x-fruix-scm:builder:{}", evidence.kind()),
                "version": { "fruix-scm": escape(&evidence.tool) },
            },
            "metadata": {
                "invocationId": escape(&summary.id),
                "startedOn": summary.began.map(moment),
                "finishedOn": summary.last.map(moment),
            },
            "byproducts": byproducts,
        },
    })
}

fn settings(evidence: &Evidence) -> Map<String, Value> {
    evidence
        .settings
        .iter()
        .map(|(name, value)| (escape(name), escape(value).into()))
        .collect()
}

/// A resource called NAME, with SHA256 where that is known, and more to be said of it.
fn resource(evidence: &Evidence, name: &str, sha256: &str, more: &[(&str, &str)]) -> Value {
    let mut annotations = Map::new();
    annotations.insert("run_kind".to_owned(), evidence.kind().into());
    annotations.insert("run_id".to_owned(), escape(&evidence.summary.id).into());
    for (name, value) in more {
        annotations.insert((*name).to_owned(), escape(value).into());
    }
    let mut resource = json!({ "name": escape(name) });
    if is_sha256(sha256) {
        resource["digest"] = json!({ "sha256": sha256 });
    }
    resource["annotations"] = annotations.into();
    resource
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn journal(evidence: &Evidence) -> Value {
    resource(
        evidence,
        JOURNAL,
        &evidence.summary.reading.head,
        &[("what", "the digest of the journal's last line")],
    )
}

/// What the run has made: what its record has a SHA-256 of, and the files that it keeps
/// beside logs and pictures.
fn artifacts(evidence: &Evidence, files: &[KeptFile]) -> Vec<Value> {
    let recorded = evidence
        .record
        .iter()
        .filter(|(key, value)| key.starts_with("sha_") && is_sha256(value))
        .map(|(key, value)| {
            let name = key.trim_start_matches("sha_");
            resource(evidence, name, value, &[("record_key", key)])
        });
    let kept = files
        .iter()
        .filter(|file| file.is_artifact())
        .map(|file| kept(evidence, file));
    recorded.chain(kept).collect()
}

fn kept(evidence: &Evidence, file: &KeptFile) -> Value {
    resource(evidence, &file.name, &file.sha256, &[("file", &file.name)])
}

fn images(evidence: &Evidence) -> Vec<Value> {
    evidence
        .images
        .iter()
        .map(|image| resource(evidence, "image", &image.sha256, &[("path", &image.file)]))
        .collect()
}

fn harness(evidence: &Evidence) -> Vec<Value> {
    let program = &evidence.program;
    match is_sha256(&program.sha256) {
        true => vec![resource(
            evidence,
            "harness",
            &program.sha256,
            &[("path", &program.file)],
        )],
        false => Vec::new(),
    }
}

/// What the run was made from: harness, modules, images, stores, tool and settings.
fn materials(evidence: &Evidence) -> Vec<Value> {
    let mut materials = harness(evidence);
    materials.extend(
        evidence
            .modules
            .iter()
            .map(|module| resource(evidence, &module.name, &module.sha256, &[])),
    );
    materials.extend(images(evidence));
    materials.extend(
        evidence
            .record
            .iter()
            .filter(|(key, _)| key.ends_with("_store"))
            .map(|(key, value)| resource(evidence, key, "", &[("path", value)])),
    );
    materials.push(resource(
        evidence,
        "fruix-scm",
        evidence.tool_sha256.as_deref().unwrap_or_default(),
        &[("version", &evidence.tool)],
    ));
    if !evidence.settings.is_empty() {
        let text = Value::from(settings(evidence)).to_string();
        let sha256 = crate::run::sha256(text.as_bytes());
        materials.push(resource(
            evidence,
            "settings",
            &sha256,
            &[
                ("what", "the SHA-256 of the settings as JSON"),
                ("settings", &text),
            ],
        ));
    }
    materials
}
