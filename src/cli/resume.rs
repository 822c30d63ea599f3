//! `runs resume`: goes on with a run that has not passed.
//!
//! The command line that began it stands in its journal, and copies of the
//! harness and of the modules that were loaded from files in its folder. Where
//! those files are as they were, they are run; where they have changed, somebody
//! says which are meant.

use super::arguments::{self, CommandLine, Conduct};
use super::interpreter::runs_directory;
use super::settings::Environment;
use super::{program, runs};
use crate::embedded;
use crate::failure::{Failure, Key};
use crate::progress::{self, Event, tell};
use crate::run::folder::{self, SOURCE, Summary};
use crate::run::journal::{Entry, Program, Reading, State, VERSION};
use crate::run::verdict::Verdict;
use crate::run::{Resume, sha256, tool_version};
use crate::secrets;
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Go on with a run that was killed, interrupted or failed: what is proven is not
/// done again.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The run, or how its identifier begins; the newest that has not passed without ID
    id: Option<String>,
    /// Where files or parameters have changed, use those that the run began with
    #[arg(long, conflicts_with = "with_current")]
    pinned: bool,
    /// Where files or parameters have changed, use them as they are now
    #[arg(long)]
    with_current: bool,
    #[command(flatten)]
    conduct: Conduct,
}

/// How long somebody may think about which files are meant.
const PATIENCE: Duration = Duration::from_secs(300);

/// Go on with the run that ARGUMENTS name, behind the options of ASKED.
pub fn run(
    arguments: &Arguments,
    asked: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let mut conduct = arguments.conduct.clone().or(&asked.world.conduct);
    conduct.reports = conduct.reports.within(&environment.directory);
    let folder = match &arguments.id {
        Some(id) => runs::find(Some(id), environment)?,
        None => newest(environment)?,
    };
    let summary = folder::summary(&folder);
    let program = resumable(&summary)?.clone();
    let mut environment = environment.clone();
    environment.directory = PathBuf::from(&program.directory);
    // Relative names in the harness mean what they meant.
    std::env::set_current_dir(&environment.directory).map_err(|error| {
        Failure::new(
            Key::Usage,
            format!(
                "cannot resume run `{}` where it was started, `{}`: {error}",
                summary.id, program.directory
            ),
        )
    })?;
    if program.options.iter().any(|option| option == "--simulate") {
        tell(Event::Note {
            text: format!(
                "run `{}` was simulated, and its world ended with its process: it begins anew",
                summary.id
            ),
        });
        let mut line = command_line(&program, &folder, false)?;
        line.world.conduct = conduct.or(&line.world.conduct);
        return program::run(&line, &environment);
    }
    if let Some(Entry::Began { tool, .. }) = summary.reading.entries().next()
        && *tool != tool_version()
    {
        tell(Event::Note {
            text: format!("the run began with {tool}; this is {}", tool_version()),
        });
    }
    let changed = changed(&summary, &program);
    let current = if changed.is_empty() {
        arguments.with_current
    } else {
        which(arguments, &summary.id, &changed)?
    };
    let pinned = !current && !changed.is_empty();
    let mut line = command_line(&program, &folder, pinned || program.file == "-c")?;
    line.world.conduct = conduct.or(&line.world.conduct);
    line.resume = Some(Resume {
        folder,
        current,
        decided: arguments.pinned || arguments.with_current || !changed.is_empty(),
        process: program.process.clone(),
        parameters: summary.reading.parameters(),
    });
    program::run(&line, &environment)
}

/// The newest run that has not passed and that nobody works on.
fn newest(environment: &Environment) -> Result<PathBuf, Failure> {
    let directory = runs_directory(environment).ok_or_else(runs::no_place)?;
    folder::list(&directory)?
        .into_iter()
        .rev()
        .find(|folder| {
            let summary = folder::summary(folder);
            // One that was killed before its first line has done nothing.
            summary.reading.entries().next().is_some()
                && !matches!(summary.verdict, Verdict::Pass | Verdict::Running)
                && taken_from(&summary.reading).is_none()
        })
        .ok_or_else(|| {
            Failure::new(
                Key::Usage,
                format!(
                    "cannot resume a run: none in `{}` is unfinished",
                    directory.display()
                ),
            )
        })
}

/// The program of the run that SUMMARY tells of, when that can be gone on with.
fn resumable(summary: &Summary) -> Result<&Program, Failure> {
    let refused = |why: String| {
        Failure::new(
            Key::Usage,
            format!("cannot resume run `{}`: {why}", summary.id),
        )
    };
    if let State::Damaged(line) = summary.reading.state {
        return Err(refused(format!(
            "its journal is damaged at line {line}, and what it says from there on proves nothing"
        ))
        .hint("`fruix-scm runs show` prints what can be read; begin it anew"));
    }
    if summary.reading.entries().next().is_none() {
        return Err(refused(
            "its journal says nothing: it was killed before it had begun".to_owned(),
        )
        .hint("run the harness anew"));
    }
    if summary.reading.version != VERSION {
        return Err(refused(format!(
            "its journal is of version {}, and this is version {VERSION}",
            summary.reading.version
        )));
    }
    if let Some(of) = taken_from(&summary.reading) {
        return Err(refused(format!(
            "it was a run in part, which took its steps from run `{of}`"
        ))
        .hint("run the harness once more with the same `--from` or `--only`, and `--of`"));
    }
    match summary.verdict {
        Verdict::Pass => return Err(refused("it has passed".to_owned())),
        Verdict::Running => {
            return Err(refused("a process works on it".to_owned()));
        }
        _ => {}
    }
    match summary.reading.program() {
        Some(program) if holds_a_secret(program) => Err(refused(
            "what its command line had is secret, and is not kept".to_owned(),
        )
        .hint("begin it anew; a secret comes from a file or a variable")),
        Some(program) if !program.file.is_empty() => Ok(program),
        _ => Err(refused(
            "it was started at a prompt, and nobody knows its program".to_owned(),
        )),
    }
}

fn holds_a_secret(program: &Program) -> bool {
    let mut words = program.arguments.iter().chain(&program.options);
    words.any(|word| word.contains(secrets::MARK))
}

/// The run that READING, of a run in part, took steps from.
fn taken_from(reading: &Reading) -> Option<&str> {
    reading.entries().find_map(|entry| match entry {
        Entry::Partial { of, .. } => Some(of.as_str()),
        _ => None,
    })
}

/// The files of the run that are not as they were when it began.
fn changed(summary: &Summary, program: &Program) -> Vec<String> {
    let mut changed = Vec::new();
    if program.file != "-c" && now(program) != Some(program.sha256.clone()) {
        changed.push(program.file.clone());
    }
    for entry in summary.reading.entries() {
        if let Entry::Module {
            file, sha256: then, ..
        } = entry
            && digest(Path::new(file)).as_ref() != Some(then)
        {
            changed.push(file.clone());
        }
    }
    changed
}

/// The digest of the harness as it is now.
fn now(program: &Program) -> Option<String> {
    if program.built_in {
        let path = program.file.strip_prefix("scheme/")?;
        return embedded::scheme(path).map(|text| sha256(text.as_bytes()));
    }
    digest(Path::new(&program.file))
}

fn digest(file: &Path) -> Option<String> {
    std::fs::read(file).ok().map(|bytes| sha256(&bytes))
}

/// Whether the files as they are now are meant, where CHANGED are others than
/// before.
fn which(arguments: &Arguments, id: &str, changed: &[String]) -> Result<bool, Failure> {
    for file in changed {
        tell(Event::Note {
            text: format!("`{file}` has changed since the run began"),
        });
    }
    if arguments.pinned || arguments.with_current {
        return Ok(arguments.with_current);
    }
    let answer = progress::ask_line(
        "Go on with the files that the run began with (pinned), or as they are now (current)?",
        PATIENCE,
    );
    match answer.as_deref().map(str::trim) {
        Some("pinned" | "p") => Ok(false),
        Some("current" | "c") => Ok(true),
        _ => Err(Failure::new(
            Key::Usage,
            format!(
                "cannot resume run `{id}`: {} changed since it began",
                match changed {
                    [file] => format!("`{file}` has"),
                    files => format!("{} files have", files.len()),
                }
            ),
        )
        .hint("say `--pinned` for those that it began with, `--with-current` for those of now")),
    }
}

/// The command line of PROGRAM, with the copies in FOLDER when it is to be PINNED.
fn command_line(program: &Program, folder: &Path, pinned: bool) -> Result<CommandLine, Failure> {
    let source = folder.join(SOURCE);
    let mut words: Vec<OsString> = program.options.iter().map(OsString::from).collect();
    if pinned {
        words.extend(["-L".into(), source.join("modules").into()]);
    }
    for directory in &program.load_path {
        words.extend(["-L".into(), directory.into()]);
    }
    words.push("-s".into());
    words.push(if pinned {
        source.join("harness.scm").into()
    } else if program.built_in {
        Path::new(&program.file)
            .file_name()
            .unwrap_or_default()
            .into()
    } else {
        program.file.clone().into()
    });
    words.extend(program.arguments.iter().map(OsString::from));
    arguments::parse(words)
        .map_err(|error| Failure::new(Key::Usage, format!("cannot resume the run: {error}")))
}
