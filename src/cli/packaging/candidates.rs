//! What could stand in an argument, for shells: harnesses, runs, settings, mishaps, names
//! that are documented.

use super::super::arguments;
use super::super::interpreter::runs_directory;
use super::super::settings::{Environment, Settings};
use crate::embedded;
use crate::guile::SyntaxBuilder;
use crate::guile::reader::Reader;
use crate::sim::mishap;
use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use std::collections::BTreeSet;
use std::ffi::OsStr;

/// The command line as shells complete it.
pub fn command() -> Command {
    let values = |values: fn() -> Vec<CompletionCandidate>| ArgValueCandidates::new(values);
    arguments::description()
        .mut_arg("settings", |arg| arg.add(values(settings)))
        .mut_arg("mishap", |arg| arg.add(values(mishaps)))
        .mut_subcommand("simulate", |verb| {
            verb.mut_arg("mishap", |arg| arg.add(values(mishaps)))
        })
        .mut_subcommand("doc", |verb| {
            verb.mut_arg("name", |arg| arg.add(values(documented)))
        })
        .mut_subcommand("runs", |verb| {
            verb.mut_subcommands(|verb| {
                verb.mut_args(|arg| match arg.get_id().as_str() {
                    "id" | "run" | "good" => arg.add(values(runs)),
                    _ => arg,
                })
            })
        })
        // Where a program begins is not clap's to find; what it could be, is.
        .arg(Arg::new("FILE").add(ArgValueCompleter::new(programs)))
        .arg(Arg::new("ARG").num_args(0..))
}

/// The built-in harnesses and the files that begin with BEGUN.
pub fn programs(begun: &OsStr) -> Vec<CompletionCandidate> {
    let harnesses = embedded::SCHEME
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("harness/"))
        .filter(|name| begun.to_str().is_some_and(|begun| name.starts_with(begun)))
        .map(|name| CompletionCandidate::new(name).help(Some("a built-in harness".into())));
    let files = PathCompleter::any().complete(begun);
    harnesses.chain(files).collect()
}

fn settings() -> Vec<CompletionCandidate> {
    Settings::names()
        .map(|(name, meaning)| {
            CompletionCandidate::new(format!("{name}=")).help(Some(meaning.into()))
        })
        .collect()
}

fn mishaps() -> Vec<CompletionCandidate> {
    mishap::names().map(CompletionCandidate::new).collect()
}

/// The identifiers of the runs that are kept, the newest first.
fn runs() -> Vec<CompletionCandidate> {
    let folders = runs_directory(&Environment::of_process())
        .and_then(|directory| std::fs::read_dir(directory).ok());
    let mut names: Vec<String> = folders
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_by(|one, other| other.cmp(one));
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The modules of fruix-scm and the names that they export.
fn documented() -> Vec<CompletionCandidate> {
    let mut names = BTreeSet::new();
    for (path, text) in embedded::SCHEME {
        let Some(module) = path
            .strip_suffix(".scm")
            .filter(|it| it.starts_with("fruix/"))
        else {
            continue;
        };
        names.insert(format!("({})", module.replace('/', " ")));
        names.extend(exported(text));
    }
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The names that TEXT, a module's, exports.
fn exported(text: &str) -> Vec<String> {
    let head = Reader::new(text, 0).read(&mut SyntaxBuilder::default());
    let Ok(Some(head)) = head else {
        return Vec::new();
    };
    let items = head.as_list().unwrap_or_default();
    let clauses = items.windows(2).filter(|pair| {
        pair[0]
            .as_keyword()
            .is_some_and(|keyword| keyword.as_str() == "export")
    });
    clauses
        .flat_map(|pair| pair[1].as_list().unwrap_or_default())
        .filter_map(|name| name.as_id())
        .map(|id| id.name().to_string())
        .collect()
}
