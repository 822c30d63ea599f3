//! Says what a live run would use, where each value comes from, and what it lacks.

use super::arguments::CommandLine;
use super::interpreter;
use super::output::print_line;
use super::settings::{Environment, Setting, Settings, variable_name};
use super::trouble;
use crate::failure::{Failure, Key};
use crate::visible::escape;
use std::path::Path;

/// What a live run of a harness cannot do without.
const NEEDED: &[&str] = &[
    "host",
    "user",
    "password-file",
    "certificate-sha256",
    "approved/vms",
    "approved/vdis",
    "vm",
    "vdi",
    "image",
    "guest/private-key",
    "guest/host-key",
];

/// `--show-settings`: a line for each setting, `NAME=VALUE  (SOURCE)`.
pub fn show_settings(line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let settings = read(line, environment)?;
    for (name, meaning) in Settings::names() {
        match settings.get(name) {
            Some((setting, source)) => {
                print_line(format_args!(
                    "{name}={}  ({source})",
                    escape(&setting.to_string())
                ))?;
            }
            None => print_line(format_args!(
                "{name}=  (not set: {meaning}; {})",
                variable_name(name)
            ))?,
        }
    }
    Ok(0)
}

/// `doctor`: what is set, what is missing, and which files cannot be used.
/// Touches neither the host nor the guest.
pub fn run(line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let settings = read(line, environment)?;
    let mut troubles = 0;
    for (name, _) in Settings::names() {
        let verdict = match settings.get(name) {
            Some((setting, source)) => match unusable(name, setting) {
                None => format!("ok    {name}={}  ({source})", escape(&setting.to_string())),
                Some(why) => {
                    troubles += 1;
                    format!(
                        "BAD   {name}={}  ({source}): {why}",
                        escape(&setting.to_string())
                    )
                }
            },
            None if NEEDED.contains(&name) => {
                troubles += 1;
                format!("LACKS {name}  ({})", variable_name(name))
            }
            None => format!("-     {name}"),
        };
        print_line(verdict)?;
    }
    if troubles == 0 {
        return Ok(0);
    }
    Err(Failure::new(
        Key::Settings,
        format!("a live run is not ready: {troubles} settings are missing or cannot be used"),
    )
    .hint("docs/operating.md shows a settings file; --simulate needs none"))
}

/// Why SETTING, called NAME, cannot be used, as far as this machine can tell.
fn unusable(name: &str, setting: &Setting) -> Option<String> {
    match (name, setting) {
        ("password-file" | "image" | "guest/private-key", Setting::Text(path)) => {
            std::fs::File::open(Path::new(path))
                .err()
                .map(|error| error.to_string())
        }
        ("approved/vms" | "approved/vdis", Setting::Texts(uuids)) if uuids.is_empty() => {
            Some("nothing is approved".to_owned())
        }
        _ => None,
    }
}

fn read(line: &CommandLine, environment: &Environment) -> Result<Settings, Failure> {
    Settings::read(
        environment,
        line.world.config.as_deref(),
        &line.world.settings,
    )
}

/// `doc NAME`: the documentation of a Scheme name, looked for in every module
/// that harness authors import.
pub fn documentation(
    name: &str,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let mut interpreter = interpreter::make(line, environment, vec!["fruix-scm".to_owned()])?;
    let modules: Vec<String> = crate::embedded::SCHEME
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("fruix/")?.strip_suffix(".scm"))
        .map(|name| format!("(fruix {})", name.replace('/', " ")))
        .collect();
    let import = format!("(use-modules {})", modules.join(" "));
    if let Err(stop) = interpreter.eval_text("doc", &import) {
        return Ok(trouble::show_stop_of_verb(&stop));
    }
    match interpreter.documentation(name) {
        Some(text) => {
            print_line(text)?;
            Ok(0)
        }
        None => Err(Failure::new(
            Key::Usage,
            format!("cannot document `{name}`: no module of fruix-scm exports it with a docstring"),
        )
        .hint("`,apropos TEXT` at the prompt finds names that contain TEXT")),
    }
}
