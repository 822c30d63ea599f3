//! What the folder of a run has for a report: its journal's evidence, and of its files
//! what a reader wants to see.

use super::super::log as build_log;
use super::log::{each_line, title};
use crate::digest::{self, Manifest};
use crate::failure::Failure;
use crate::report::evidence::{Evidence, KeptFile, State, Step};
use crate::report::html::{Excerpt, Page, Picture};
use crate::run::folder::{SOURCE, Summary};
use crate::run::journal;
use crate::run::logs::{self, Log};
use crate::run::verdict::Verdict;
use crate::secrets;
use crate::ssh::build_log::{Cause, Outcome};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use walkdir::WalkDir;

/// Where attestations of a run are, in its folder.
pub const ATTESTATIONS: &str = "attestations";

/// What is in the folder of a run that the harness has not put there.
const OURS: [&str; 4] = [journal::NAME, "lock", SOURCE, ATTESTATIONS];

/// How many lines are shown before and behind the one that tells the cause.
const BEFORE: u64 = 20;
const BEHIND: u64 = 8;
/// How many of the last lines are shown.
const LAST: usize = 12;
/// Of a console, which has no cause.
const LAST_OF_CONSOLE: usize = 80;
/// Longer lines are cut.
const LONGEST_LINE: usize = 1000;
/// Larger pictures are named only.
const LARGEST_PICTURE: u64 = 4 << 20;

/// The run in FOLDER, which SUMMARY tells of.
pub fn page(folder: &Path, summary: Summary) -> Page {
    let evidence = Evidence::of(summary);
    let files = files(folder);
    let has_passed = evidence.summary.verdict == Verdict::Pass;
    let mut excerpts = Vec::new();
    if !has_passed {
        let logs = logs::of_run(folder, &evidence.summary.reading);
        let failing = logs
            .iter()
            .filter(|log| is_of_a_failure(log, &evidence.steps));
        excerpts.extend(failing.map(excerpt));
        let consoles = files
            .iter()
            .filter(|file| file.name.starts_with("console") && file.name.ends_with(".log"));
        excerpts.extend(consoles.map(|file| console(folder, &file.name)));
    }
    let pictures = files
        .iter()
        .filter(|file| file.name.ends_with(".png") && file.bytes <= LARGEST_PICTURE)
        .filter_map(|file| {
            Some(Picture {
                file: file.name.clone(),
                png: std::fs::read(folder.join(&file.name)).ok()?,
            })
        })
        .collect();
    Page {
        evidence,
        excerpts,
        pictures,
        files,
    }
}

/// What the run in FOLDER has kept beside its journal and its sources, by name.
pub fn files(folder: &Path) -> Vec<KeptFile> {
    WalkDir::new(folder)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            entry.depth() != 1 || !OURS.iter().any(|name| entry.file_name() == *name)
        })
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let name = entry.path().strip_prefix(folder).ok()?;
            Some(KeptFile {
                name: name.to_string_lossy().into_owned(),
                bytes: entry.metadata().ok()?.len(),
                sha256: digest::sha256_of_file(entry.path()).ok()?.to_string(),
            })
        })
        .collect()
}

/// The folder of a run as a tree, without what is ours. With which other name a file
/// is one stands as `hardlink` in each of them.
pub fn tree(folder: &Path) -> Result<Manifest, Failure> {
    let tree = digest::Tree::read(folder)?;
    let mut manifest = tree.manifest();
    manifest.records.retain(|record| {
        let first = record.path.components().next();
        first.is_some_and(|first| !OURS.iter().any(|name| first.as_os_str() == *name))
    });
    let shared: HashMap<&Path, &Path> = tree
        .hard_links
        .iter()
        .flat_map(|names| names.iter().map(|name| (&**name, &*names[0])))
        .collect();
    for record in &mut manifest.records {
        // What is a file of its own is one with itself.
        let first = shared.get(&*record.path).copied().unwrap_or(&record.path);
        let first = first.to_string_lossy().into_owned();
        record.keywords.insert("hardlink".to_owned(), first);
    }
    Ok(manifest)
}

fn is_of_a_failure(log: &Log, steps: &[Step]) -> bool {
    let step = steps.iter().find(|step| step.path == log.step);
    step.is_some_and(|step| !matches!(step.state, State::Passed | State::Kept(_)))
}

fn excerpt(log: &Log) -> Excerpt {
    let cause = match build_log::read(&log.file).map(|reader| reader.outcome()) {
        Ok(Outcome::Failed(cause)) => Some(cause),
        _ => None,
    };
    let marked = cause.as_ref().map(|cause| first_told(&log.file, cause));
    let file = log.file.file_name().unwrap_or_default();
    Excerpt {
        title: title(log),
        file: file.to_string_lossy().into_owned(),
        cause: cause.as_ref().map(Cause::told),
        lines: lines(&log.file, marked, LAST),
        marked,
    }
}

fn console(folder: &Path, name: &str) -> Excerpt {
    Excerpt {
        title: "what the console has told last".to_owned(),
        file: name.to_owned(),
        cause: None,
        lines: lines(&folder.join(name), None, LAST_OF_CONSOLE),
        marked: None,
    }
}

/// The number of the line in FILE that says what CAUSE sums up, or else of that in which
/// the failure is told.
fn first_told(file: &Path, cause: &Cause) -> u64 {
    let (mut number, mut found) = (0, None);
    // What cannot be read any more has no lines to be marked.
    let _ = each_line(file, |line| {
        number += 1;
        if number <= cause.line && String::from_utf8_lossy(line).trim() == cause.summary.trim() {
            found = Some(number);
        }
        Ok(())
    });
    found.unwrap_or(cause.line)
}

/// The lines of FILE around the one with the number MARKED, and the LAST ones.
fn lines(file: &Path, marked: Option<u64>, last: usize) -> Vec<(u64, String)> {
    let mut kept = BTreeMap::new();
    let mut tail = VecDeque::new();
    let mut hidden = secrets::Lines::default();
    let mut number = 0;
    let _ = each_line(file, |line| {
        number += 1;
        let is_near = marked.is_some_and(|marked| {
            (marked.saturating_sub(BEFORE)..=marked + BEHIND).contains(&number)
        });
        if tail.len() == last {
            tail.pop_front();
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(LONGEST_LINE)]);
        let text = hidden.hide(&text);
        if is_near {
            kept.insert(number, text.clone());
        }
        tail.push_back((number, text));
        Ok(())
    });
    kept.extend(tail);
    kept.into_iter().collect()
}
