//! `runs diff`: what is different in the second of two runs, down to the bytes of what
//! they have made.

use super::super::output::{print_line, print_text};
use super::super::settings::Environment;
use super::kept;
use crate::digest::likeness::{self, Cause};
use crate::digest::{self, Difference, Manifest};
use crate::failure::Failure;
use crate::report::comparison::{Change, Comparison};
use crate::report::data;
use crate::report::evidence::{Evidence, is_artifact};
use crate::run::folder;
use crate::visible::escape;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Larger files are told to differ, and not in what.
const LARGEST: u64 = 512 << 20;
/// Steps are told whose time has changed by more than this share and so many seconds.
const SHARE: f64 = 0.2;
const SECONDS: f64 = 1.0;

/// An artifact that is not the same.
struct Artifact {
    name: String,
    what: What,
}

enum What {
    New,
    Vanished,
    /// A property of its, such as its mode, a link's target, or with what it shares a file.
    Property(Difference),
    /// Entries of a manifest.
    Manifest(Vec<Difference>),
    /// Its bytes, and what diffoscope says of them, where that is installed.
    Content(Vec<Cause>, Option<String>),
    /// It is too large to be looked into, or cannot be read.
    Unread(String),
}

/// Print how the run in AFTER differs from that in BEFORE: 0 when it has found and made
/// the same, 1 otherwise.
pub fn run(
    before: &Path,
    after: &Path,
    json: bool,
    environment: &Environment,
) -> Result<u8, Failure> {
    let evidence = |folder: &Path| Evidence::of(folder::summary(folder));
    let comparison = Comparison::of(&evidence(before), &evidence(after));
    let artifacts = artifacts(before, after, environment)?;
    let verdict = verdict(&artifacts);
    let status = u8::from(!comparison.is_empty() || !artifacts.is_empty());
    let ids = [folder::id(before), folder::id(after)];
    if json {
        print_text(&data::text(&told(&ids, &comparison, &artifacts, &verdict)))?;
        return Ok(status);
    }
    for (what, changes) in [
        ("circumstance", &comparison.circumstances),
        ("record", &comparison.record),
    ] {
        for change in changes {
            print_line(escape(&format!("{what} {}: {}", change.name, of(change))))?;
        }
    }
    for check in &comparison.checks {
        let group = match check.group.as_str() {
            "" => String::new(),
            group => format!("{group}: "),
        };
        print_line(escape(&format!(
            "check {}: {group}{}",
            check.turn.as_str(),
            check.name
        )))?;
    }
    for step in comparison.durations.iter().filter(|step| {
        let change = (step.after - step.before).abs();
        change >= SECONDS && change >= step.before * SHARE
    }) {
        print_line(escape(&format!(
            "duration {}: was {:.1} s, is {:.1} s",
            step.step, step.before, step.after
        )))?;
    }
    for artifact in &artifacts {
        for line in lines(artifact) {
            print_line(escape(&line))?;
        }
        if let What::Content(_, Some(diffoscope)) = &artifact.what {
            for line in diffoscope.lines() {
                print_line(escape(&format!("  {line}")))?;
            }
        }
    }
    print_line(format_args!("artifacts={verdict}"))?;
    Ok(status)
}

/// What CHANGE is, in words.
pub fn of(change: &Change) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("was {before}, is {after}"),
        (Some(before), None) => format!("vanished, was {before}"),
        (None, after) => format!("new, is {}", after.as_deref().unwrap_or_default()),
    }
}

/// What ARTIFACT is told as, a line each.
fn lines(artifact: &Artifact) -> Vec<String> {
    let line = |told: &dyn std::fmt::Display| format!("artifact {}: {told}", artifact.name);
    match &artifact.what {
        What::New => vec![line(&"new")],
        What::Vanished => vec![line(&"vanished")],
        What::Property(difference) => vec![line(&property(difference))],
        What::Manifest(differences) => differences
            .iter()
            .map(|difference| {
                let path = difference.path.display();
                line(&format!("entry {path}: {}", property(difference)))
            })
            .collect(),
        What::Content(causes, _) => causes.iter().map(|cause| line(cause)).collect(),
        What::Unread(why) => vec![line(why)],
    }
}

/// What DIFFERENCE, of a tree or of a manifest, means.
fn property(difference: &Difference) -> String {
    let what = match difference.keyword.as_str() {
        "time" => "time stamp: ",
        "nlink" | "inode" | HARD_LINK => "hard links: ",
        "link" => "symbolic link: ",
        keyword if is_content(keyword) => "content: ",
        _ => "",
    };
    format!("{what}{}", difference.told())
}

/// The keyword for the file that another name is one of, too.
const HARD_LINK: &str = "hardlink";

fn is_content(keyword: &str) -> bool {
    keyword == "size" || digest::Algorithm::of_keyword(keyword).is_some()
}

/// Whether what was built is the same in spite of DIFFERENCE.
fn is_harmless(difference: &Difference) -> bool {
    let known = ["time", "nlink", "inode", HARD_LINK];
    difference.recorded.is_some()
        && difference.found.is_some()
        && known.contains(&difference.keyword.as_str())
}

/// What is to be said of the artifacts as a whole.
fn verdict(artifacts: &[Artifact]) -> String {
    let mut harmless: Vec<String> = Vec::new();
    for artifact in artifacts {
        match &artifact.what {
            What::Property(difference) if is_harmless(difference) => {
                harmless.push(kind_of(difference));
            }
            What::Manifest(differences) if differences.iter().all(is_harmless) => {
                harmless.extend(differences.iter().map(kind_of));
            }
            What::Content(causes, _) if causes.iter().all(Cause::is_harmless) => {
                harmless.extend(causes.iter().map(|cause| match cause {
                    Cause::Known { what, .. } => what.to_string(),
                    _ => "a date or time in text".to_owned(),
                }));
            }
            _ => return "different".to_owned(),
        }
    }
    harmless.sort();
    harmless.dedup();
    match &harmless[..] {
        [] => "same".to_owned(),
        kinds => format!("same but for {}", kinds.join(", ")),
    }
}

fn kind_of(difference: &Difference) -> String {
    match difference.keyword.as_str() {
        "time" => "time stamps".to_owned(),
        _ => "hard links".to_owned(),
    }
}

fn artifacts(
    before: &Path,
    after: &Path,
    environment: &Environment,
) -> Result<Vec<Artifact>, Failure> {
    let diffoscope = installed("diffoscope", environment);
    let (then, now) = (kept::tree(before)?, kept::tree(after)?);
    // A file is told once, by the first thing about its content that differs.
    let mut found: BTreeMap<(PathBuf, String), Artifact> = BTreeMap::new();
    for difference in digest::compare(&then, &now) {
        let path = difference.path.clone();
        let name = path.to_string_lossy().into_owned();
        if !is_artifact(&name) {
            continue;
        }
        let (keyword, what) = match (&difference.recorded, &difference.found) {
            (None, _) => ("type".to_owned(), What::New),
            (_, None) => ("type".to_owned(), What::Vanished),
            _ if is_content(&difference.keyword) => {
                let (one, other) = (before.join(&path), after.join(&path));
                let content = "content".to_owned();
                if found.contains_key(&(path.clone(), content.clone())) {
                    continue;
                }
                (content, content_of(&one, &other, diffoscope.as_deref()))
            }
            _ => (difference.keyword.clone(), What::Property(difference)),
        };
        found.insert((path, keyword), Artifact { name, what });
    }
    Ok(found.into_values().collect())
}

fn content_of(before: &Path, after: &Path, diffoscope: Option<&Path>) -> What {
    let read = |path: &Path| -> Result<Vec<u8>, String> {
        let size = std::fs::metadata(path)
            .map_err(|error| error.to_string())?
            .len();
        if size > LARGEST {
            return Err("the content differs; it is too large to be looked into".to_owned());
        }
        std::fs::read(path).map_err(|error| error.to_string())
    };
    let (one, other) = match (read(before), read(after)) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(why), _) | (_, Err(why)) => return What::Unread(why),
    };
    if let (Some(one), Some(other)) = (manifest(&one), manifest(&other)) {
        let differences = digest::compare(&one, &other);
        if !differences.is_empty() {
            return What::Manifest(differences);
        }
    }
    let causes = likeness::causes(&one, &other);
    // What is known to be harmless needs nobody to look into it.
    let told = diffoscope
        .filter(|_| !causes.iter().all(Cause::is_harmless))
        .and_then(|program| seen_by(program, before, after));
    What::Content(causes, told)
}

/// The manifest that BYTES are, if they are one.
fn manifest(bytes: &[u8]) -> Option<Manifest> {
    let is_one = bytes.starts_with(b"#mtree") || bytes.starts_with(b".");
    let manifest = is_one.then(|| Manifest::parse_bytes(bytes).ok())??;
    let typed = |record: &digest::Record| record.keywords.contains_key("type");
    (!manifest.records.is_empty() && manifest.records.iter().all(typed)).then_some(manifest)
}

/// The program NAME on the path of ENVIRONMENT.
fn installed(name: &str, environment: &Environment) -> Option<PathBuf> {
    std::env::split_paths(environment.get("PATH")?)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// What diffoscope, at PROGRAM, says of two files; it may need as long as it likes, and
/// Ctrl-C ends it.
fn seen_by(program: &Path, before: &Path, after: &Path) -> Option<String> {
    let output = Command::new(program)
        .args(["--text", "-", "--max-text-report-size", "65536"])
        .args([before, after])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (!text.is_empty()).then_some(text)
}

fn told(
    ids: &[String; 2],
    comparison: &Comparison,
    artifacts: &[Artifact],
    verdict: &str,
) -> Value {
    let changes = |changes: &[Change]| -> Vec<Value> {
        changes
            .iter()
            .map(|change| {
                json!({ "name": change.name, "before": change.before, "after": change.after })
            })
            .collect()
    };
    let prefix = |name: &str| format!("artifact {name}: ").len();
    json!({
        "before": ids[0],
        "after": ids[1],
        "circumstances": changes(&comparison.circumstances),
        "record": changes(&comparison.record),
        "checks": comparison
            .checks
            .iter()
            .map(|check| json!({
                "group": check.group,
                "name": check.name,
                "turn": check.turn.as_str(),
            }))
            .collect::<Vec<_>>(),
        "durations": comparison
            .durations
            .iter()
            .map(|step| json!({
                "step": step.step,
                "before_seconds": step.before,
                "after_seconds": step.after,
            }))
            .collect::<Vec<_>>(),
        "artifacts": artifacts
            .iter()
            .map(|artifact| json!({
                "name": artifact.name,
                "differences": lines(artifact)
                    .iter()
                    .map(|line| &line[prefix(&artifact.name)..])
                    .collect::<Vec<_>>(),
                "diffoscope": match &artifact.what {
                    What::Content(_, told) => told.clone(),
                    _ => None,
                },
            }))
            .collect::<Vec<_>>(),
        "verdict": verdict,
    })
}
