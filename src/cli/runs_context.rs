//! What the runs of this process are told of the command line: where they are
//! kept, what they are runs of, and what becomes of their machines.

use super::arguments::{CommandLine, World};
use super::child;
use super::interpreter::{load_path, runs_directory};
use super::settings::{Environment, Setting, Settings, Source};
use crate::failure::{Failure, Key};
use crate::run::journal::Program;
use crate::run::keeping::Policy;
use crate::run::{Context, sha256};
use crate::visible::without_user;
use std::io::IsTerminal;
use std::path::Path;

/// How many runs are kept unless the setting `keep-runs` says otherwise.
const MOST_RUNS: usize = 1000;

/// What runs are told that are of no file: those of the prompt and of verbs.
pub fn of_line(line: &CommandLine, environment: &Environment) -> Context {
    Context {
        directory: runs_directory(environment),
        simulated: line.world.simulate,
        program: Program {
            file: String::new(),
            built_in: false,
            sha256: String::new(),
            arguments: line.program.arguments.clone(),
            load_path: load_path(line, environment)
                .iter()
                .map(|path| absolute(path, environment))
                .collect(),
            directory: environment.directory.to_string_lossy().into_owned(),
            options: options(&line.world, environment),
            metadata_file: environment
                .get("METADATA_OUT")
                .map(|file| absolute(Path::new(file), environment)),
            process: match &line.resume {
                Some(resume) => resume.process.clone(),
                None => uuid::Uuid::new_v4().to_string(),
            },
            ordinal: 0,
        },
        text: Vec::new(),
        policy: policy(&line.world),
        unattended: is_unattended(environment),
        attended: is_attended(environment),
        resume: line.resume.clone(),
        most_runs: Some(MOST_RUNS),
        parameters: Vec::new(),
        purpose: environment.get(child::PURPOSE).map(str::to_owned),
        selection: None,
        settings: Vec::new(),
        replayed: false,
        reporter: None,
    }
}

/// What runs are told that are of the program called FILE, with this TEXT.
pub fn of_program(context: &mut Context, file: &str, built_in: bool, text: &[u8]) {
    file.clone_into(&mut context.program.file);
    context.program.built_in = built_in;
    context.program.sha256 = sha256(text);
    text.clone_into(&mut context.text);
}

/// What SETTINGS say of runs.
pub fn with_settings(context: &mut Context, settings: &Settings) {
    if let Some((Setting::Count(count), _)) = settings.get("keep-runs") {
        context.most_runs = usize::try_from(*count).ok();
    }
    context.settings = settings
        .entries()
        .map(|(name, setting, _)| (name.to_owned(), without_user(&setting.to_string())))
        .collect();
    // Another shell, which goes on with the run, has other variables.
    for (name, setting, source) in settings.entries() {
        if matches!(source, Source::Variable(_)) {
            context.program.options.push("--set".to_owned());
            context.program.options.push(format!("{name}={setting}"));
        }
    }
}

fn absolute(path: &Path, environment: &Environment) -> String {
    environment
        .directory
        .join(path)
        .to_string_lossy()
        .into_owned()
}

/// The options that say which world a run acts on, as they are written.
pub fn options(world: &World, environment: &Environment) -> Vec<String> {
    let mut options = Vec::new();
    if world.simulate {
        options.push("--simulate".to_owned());
    }
    for mishap in &world.mishap {
        options.extend(["--mishap".to_owned(), mishap.clone()]);
    }
    if let Some(config) = &world.config {
        options.extend(["--config".to_owned(), absolute(config, environment)]);
    }
    for setting in &world.settings {
        options.extend(["--set".to_owned(), setting.clone()]);
    }
    options
}

fn policy(world: &World) -> Policy {
    match (world.conduct.keep.as_deref(), world.conduct.tidy) {
        (Some("on-failure"), _) => Policy::KeepOnFailure,
        (Some(_), _) => Policy::Keep,
        (None, true) => Policy::Tidy,
        (None, false) => Policy::Worth,
    }
}

/// Whether nobody would come back for a machine: `CI` is set and there is no
/// terminal.
fn is_unattended(environment: &Environment) -> bool {
    environment.get("CI").is_some() && !has_terminal()
}

/// Whether somebody sits there whom a failure may ask.
fn is_attended(environment: &Environment) -> bool {
    environment.get("CI").is_none() && has_terminal()
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Refuse what LINE says of keeping a machine that ends with this process.
pub fn check_keeping(line: &CommandLine) -> Result<(), Failure> {
    if line.world.conduct.keep.is_none() || !line.world.simulate {
        return Ok(());
    }
    let file = line
        .program
        .script
        .as_ref()
        .map_or("FILE".into(), |file| file.to_string_lossy());
    Err(Failure::new(
        Key::Usage,
        "cannot keep a simulated machine: its world ends with this process",
    )
    .hint(format!(
        "`fruix-scm simulate` serves one that stays; `fruix-scm --config SETTINGS --keep {file}`, \
         with settings for what it prints, runs against that"
    )))
}
