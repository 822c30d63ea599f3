//! `replay`: a program runs again as it was recorded, and no world is asked.

use super::arguments::CommandLine;
use super::program::{self, Script};
use super::settings::Environment;
use super::trouble;
use crate::failure::{Failure, Key};
use crate::guile::outside;
use crate::progress::{Event, tell};
use crate::run::primitives;
use crate::run::recording::replayer::Replayer;
use crate::run::recording::{self, Header, Program};
use crate::run::tool_version;
use clap::Args;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What to replay.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// What `--record` has made
    file: PathBuf,
    /// Run this program, as it is now, in the place of the one that was recorded
    harness: Option<PathBuf>,
    /// Stop before STEP, a name of a step or its path with ` / `, at a prompt
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// Take texts that the recording does not hold whole from DIR, as `--record-streams` has made it
    #[arg(long, value_name = "DIR")]
    streams: Option<PathBuf>,
}

/// Variables that say where modules are: those of the recording count.
const LOAD_PATHS: [&str; 2] = ["FRUIX_SCM_LOAD_PATH", "GUILE_LOAD_PATH"];

/// Do what ARGUMENTS say.
pub fn run(
    arguments: &Arguments,
    asked: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let recording = recording::read(&arguments.file)?;
    let header = recording.header.clone();
    let with_current = arguments.harness.is_some();
    let script = script(arguments.harness.as_deref(), &header.program)?;
    let line = line(asked, &header.program, script.as_ref());
    tell_of(&arguments.file, &header);
    let replayer = Rc::new(Replayer::new(
        recording,
        with_current,
        arguments.streams.as_deref(),
        primitives::current_step,
    )?);
    super::repl::primitives::stop_at(arguments.until.clone(), replayer.clone());
    outside::watch(Some(replayer.clone()));
    let prepare = || {
        primitives::update(|context| {
            context.directory = None;
            context.replayed = true;
            context.simulated = header.world == "simulated";
            context.attended = false;
            context.unattended = true;
        });
    };
    let environment = environment.without(&LOAD_PATHS);
    let status = program::run_without_world(&line, &environment, script, prepare);
    outside::watch(None);
    let status = status?;
    if replayer.is_at_prompt() {
        return Ok(0);
    }
    let (answered, all) = replayer.progress();
    if let Some(failure) = replayer.left() {
        let left = trouble::show_error(&failure.into());
        // What has failed has its reason to ask for less.
        return Ok(if status == 0 { left } else { status });
    }
    if replayer.difference().is_some() {
        // It has been told where it was met, which a harness may have hidden.
        return Ok(Key::Replay.exit_status());
    }
    tell(Event::Note {
        text: format!("replayed: {answered} of {all} calls were answered from the recording"),
    });
    if let Some(step) = &arguments.until {
        return Err(Failure::new(
            Key::Usage,
            format!("the program has ended, and no step was called `{step}`"),
        ));
    }
    Ok(status)
}

fn tell_of(file: &Path, header: &Header) {
    tell(Event::Note {
        text: format!(
            "replaying {}: recorded at {} ({}); nothing outside is asked or changed",
            file.display(),
            crate::run::journal::timestamp(header.began),
            header.world
        ),
    });
    let tool = tool_version();
    if header.tool != tool {
        tell(Event::Note {
            text: format!("it was recorded by {}; this is {tool}", header.tool),
        });
    }
}

/// The program to be run: HARNESS, or else the one that was recorded.
fn script(harness: Option<&Path>, recorded: &Program) -> Result<Option<Script>, Failure> {
    if let Some(harness) = harness {
        return program::find(harness).map(Some);
    }
    if let Some(text) = &recorded.built_in {
        // It lives as long as the process, as those that are carried do.
        let text: &'static str = Box::leak(text.clone().into_boxed_str());
        return Ok(Some(Script::BuiltIn(recorded.file.clone(), text)));
    }
    Ok((!recorded.file.is_empty()).then(|| Script::File(PathBuf::from(&recorded.file))))
}

/// The command line of the program that was recorded, which is now SCRIPT.
fn line(asked: &CommandLine, recorded: &Program, script: Option<&Script>) -> CommandLine {
    let mut line = CommandLine::default();
    let load_path = recorded.load_path.iter().map(PathBuf::from);
    let program = &mut line.program;
    program.script = script.map(|_| PathBuf::from(&recorded.written));
    program.expression = recorded.expression.clone();
    program.entry = recorded.entry.clone();
    program.load = recorded.loads.iter().map(PathBuf::from).collect();
    program.loads_before = recorded.loads_before;
    program.load_path = load_path.chain(asked.program.load_path.clone()).collect();
    program.extensions = recorded.extensions.clone();
    program.use_srfi = recorded.use_srfi.clone();
    program.r6rs = recorded.r6rs;
    program.r7rs = recorded.r7rs;
    program.arguments = recorded.arguments.clone();
    program.no_cache = asked.program.no_cache;
    program.memory_limit = asked.program.memory_limit;
    line
}
