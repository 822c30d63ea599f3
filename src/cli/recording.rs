//! `--record`: a program's run is recorded, for `replay`.

use super::arguments::CommandLine;
use super::interpreter::load_path;
use super::program::Script;
use super::settings::{Environment, Setting, Settings};
use crate::failure::{Failure, Key};
use crate::guile::outside;
use crate::progress::{Event, tell};
use crate::run::recording::recorder::Recorder;
use crate::run::recording::{Header, Program, VERSION};
use crate::run::{primitives, tool_version};
use crate::secrets;
use std::path::Path;
use std::rc::Rc;

/// A recording that goes on.
pub struct Recording {
    recorder: Rc<Recorder>,
    file: String,
}

/// Refuse to record what is no program.
pub fn refuse_without_program(line: &CommandLine) -> Result<(), Failure> {
    if line.world.record.is_none() {
        return Ok(());
    }
    Err(Failure::new(
        Key::Usage,
        "cannot record: there is no program to be recorded",
    )
    .hint("`fruix-scm --record FILE HARNESS` records what HARNESS does"))
}

impl Recording {
    /// Begin the recording that LINE asks for, if any, of SCRIPT.
    pub fn begin(
        line: &CommandLine,
        environment: &Environment,
        script: Option<&Script>,
    ) -> Result<Option<Recording>, Failure> {
        let Some(file) = &line.world.record else {
            return Ok(None);
        };
        if line.resume.is_some() {
            return Err(Failure::new(
                Key::Usage,
                "cannot record a run that is gone on with: what it has done is not in the recording",
            ));
        }
        keep_secrets(line, environment);
        let path = environment.directory.join(file);
        let streams = line.world.record_streams.as_ref();
        let streams = streams.map(|folder| environment.directory.join(folder));
        let recorder = Rc::new(Recorder::begin(
            &path,
            streams.as_deref(),
            &header(line, environment, script),
            primitives::current_step,
        )?);
        outside::watch(Some(recorder.clone()));
        Ok(Some(Recording {
            recorder,
            file: file.display().to_string(),
        }))
    }

    /// The program has ended with STATUS.
    pub fn end(self, status: u8) {
        outside::watch(None);
        let Some(cost) = self.recorder.end(status) else {
            return;
        };
        let share = 100.0 * cost.spent.as_secs_f64() / cost.elapsed.as_secs_f64().max(1e-9);
        tell(Event::Note {
            text: format!(
                "recorded in {}: {} calls, {} bytes; that took {:.1} ms, {share:.2} % of the run",
                self.file,
                cost.calls,
                cost.bytes,
                cost.spent.as_secs_f64() * 1e3,
            ),
        });
        tell(Event::Note {
            text: format!("  run it again: fruix-scm replay {}", self.file),
        });
    }
}

fn header(line: &CommandLine, environment: &Environment, script: Option<&Script>) -> Header {
    let program = &line.program;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (file, built_in) = match script {
        Some(Script::File(path)) => (text(path), None),
        Some(Script::BuiltIn(name, text)) => (name.clone(), Some((*text).to_owned())),
        None => (String::new(), None),
    };
    Header {
        version: VERSION,
        tool: tool_version(),
        began: crate::clock::seconds_since_1970(),
        world: if line.world.simulate {
            "simulated"
        } else {
            "live"
        }
        .to_owned(),
        program: Program {
            file,
            written: program.script.as_deref().map(text).unwrap_or_default(),
            built_in,
            expression: program.expression.clone(),
            entry: program.entry.clone(),
            arguments: program.arguments.clone(),
            loads: program.load.iter().map(|file| text(file)).collect(),
            loads_before: program.loads_before,
            load_path: load_path(line, environment)
                .iter()
                .map(|folder| text(folder))
                .collect(),
            extensions: program.extensions.clone(),
            use_srfi: program.use_srfi.clone(),
            r6rs: program.r6rs,
            r7rs: program.r7rs,
        },
    }
}

/// Let nobody be told of what the environment, the command line and its program's
/// arguments say that is secret by its name. A name of a file is none.
fn keep_secrets(line: &CommandLine, environment: &Environment) {
    for (name, value) in &environment.variables {
        if secrets::is_name_of_one(name) {
            keep_unless_file("variable", value, &environment.directory);
        }
    }
    for setting in &line.world.settings {
        if let Some((name, value)) = setting.split_once('=')
            && secrets::is_name_of_one(name)
        {
            keep_unless_file("setting", value, &environment.directory);
        }
    }
    let mut arguments = line.program.arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(option) = argument.strip_prefix("--") else {
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, arguments.as_slice().first().map(String::as_str)),
        };
        if secrets::is_name_of_one(name)
            && let Some(value) = value
        {
            keep_unless_file("argument", value, &environment.directory);
        }
    }
}

/// What is in the file that VALUE names is secret then, and VALUE itself when there is none.
fn keep_unless_file(kind: &str, value: &str, directory: &Path) {
    let path = directory.join(value);
    if path.is_file() {
        keep_file(kind, &path);
    } else if !value.starts_with('/') {
        secrets::keep(kind, value);
    }
}

/// Larger files hold no secret.
const LARGEST: u64 = 64 * 1024;

fn keep_file(kind: &str, path: &Path) {
    let is_small = std::fs::metadata(path).is_ok_and(|file| file.len() <= LARGEST);
    if is_small && let Ok(text) = std::fs::read_to_string(path) {
        secrets::keep(kind, &text);
        if let Some(line) = text.lines().next().filter(|_| kind == "password") {
            secrets::keep(kind, line);
        }
    }
}

/// Let nobody be told of what is in the files of SETTINGS that hold secrets.
pub fn keep_secrets_of(settings: &Settings) {
    for (name, setting, _) in settings.entries() {
        let Setting::Text(value) = setting else {
            continue;
        };
        let last = name.rsplit('/').next().unwrap_or(name);
        match last {
            "password-file" => keep_file("password", Path::new(value)),
            "private-key" => keep_file("private key", Path::new(value)),
            _ if secrets::is_name_of_one(last) => secrets::keep("setting", value),
            _ => {}
        }
    }
}
