//! Says what a run would use, where each value comes from, what it lacks, and what
//! there is to be seen at the host. Nothing is changed anywhere.
//!
//! Each thing is a [`Finding`]; the host's are looked for in [`host`], what ssh_config(5)
//! says of the guest in [`guest`], and where modules are kept in [`cache`].

mod cache;
mod guest;
mod host;

use super::arguments::CommandLine;
use super::interpreter::World;
use super::output::print_line;
use super::settings::{Environment, Setting, Settings, Source, variable_name};
use crate::failure::{Failure, Key};
use crate::runtime;
use crate::sim::guest::require_namespaces;
use crate::ssh::{Destination, Identity, Trust};
use crate::visible::escape;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one look at something may take.
const LOOK: Duration = Duration::from_secs(15);

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

/// What is so without a setting that may be absent.
const WITHOUT: &[(&str, &str)] = &[
    ("disk-change", "the disk is overwritten"),
    ("guest/user", "root"),
    ("guest/port", "22, or what ~/.ssh/config says"),
    ("guest/address", "it is looked for through the host"),
    ("guest/lease-files", "no DHCP server is asked"),
    ("build-jobs", "8"),
    ("lock-seconds", "300"),
    ("boot-timeout-seconds", "300"),
    ("import-timeout-seconds", "86400"),
    ("build-timeout-seconds", "21600"),
    ("build-stall-seconds", "3600"),
];

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq)]
struct Finding {
    verdict: Verdict,
    /// A setting, or what was looked at: `host`, `lock of the VM`.
    subject: String,
    /// What a setting is, and where that comes from.
    value: Option<(String, String)>,
    /// What was found, and what it matters for.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// Not as a run needs it.
    Bad,
    /// Needed, and not there.
    Lacking,
    /// Not there, and not needed, or not to be looked at.
    Absent,
}

impl Verdict {
    /// As it stands in the first column, and in JSON.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Verdict::Fine => ("ok", "ok"),
            Verdict::Bad => ("BAD", "bad"),
            Verdict::Lacking => ("LACKS", "lacks"),
            Verdict::Absent => ("-", "absent"),
        }
    }

    fn is_trouble(self) -> bool {
        matches!(self, Verdict::Bad | Verdict::Lacking)
    }
}

impl Finding {
    fn new(verdict: Verdict, subject: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding {
            verdict,
            subject: subject.into(),
            value: None,
            text: text.into(),
        }
    }

    fn line(&self) -> String {
        let (word, _) = self.verdict.words();
        let mut line = format!("{word:<5} {}", self.subject);
        if let Some((value, source)) = &self.value {
            line += &format!("={value}  ({source})");
        }
        if !self.text.is_empty() {
            line += &format!(": {}", self.text);
        }
        escape(&line)
    }
}

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
    for (name, setting, source) in settings.entries() {
        if !Settings::names().any(|(known, _)| known == name) {
            print_line(format_args!(
                "{name}={}  ({source})",
                escape(&setting.to_string())
            ))?;
        }
    }
    Ok(0)
}

/// `doctor`: what is set and what it is for, what is missing, and what the host has,
/// one line each, or as JSON. With `--simulate` the same of a simulated host.
pub fn run(json: bool, line: &CommandLine, environment: &Environment) -> Result<u8, Failure> {
    super::signals::listen()?;
    let mut findings = Vec::new();
    if line.world.simulate {
        let (world, settings) = World::with_settings(line, environment)?;
        findings.push(simulation(true));
        findings.extend(examined(&settings, environment)?);
        findings.push(cache::examined(line, environment));
        world.end();
    } else {
        findings.extend(examined(&read(line, environment)?, environment)?);
        findings.push(simulation(false));
        findings.push(cache::examined(line, environment));
    }
    if json {
        let array: Vec<_> = findings.iter().map(as_json).collect();
        print_line(json!(array))?;
    } else {
        for finding in &findings {
            print_line(finding.line())?;
        }
    }
    let troubles = findings
        .iter()
        .filter(|finding| finding.verdict.is_trouble())
        .count();
    let (run, hint) = match line.world.simulate {
        true => (
            "a simulated run",
            "what a simulation lacks, no setting mends",
        ),
        false => (
            "a live run",
            "docs/operating.md shows a settings file; --simulate needs none",
        ),
    };
    let how_many = match troubles {
        0 => return Ok(0),
        1 => "one thing is missing or not as it should be".to_owned(),
        more => format!("{more} things are missing or not as they should be"),
    };
    Err(Failure::new(Key::Settings, format!("{run} is not ready: {how_many}")).hint(hint))
}

fn as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "subject": finding.subject,
        "verdict": finding.verdict.words().1,
        "value": finding.value.as_ref().map(|(value, _)| value),
        "source": finding.value.as_ref().map(|(_, source)| source),
        "text": finding.text,
    })
}

/// What SETTINGS say, and what there is at the host that they name.
fn examined(settings: &Settings, environment: &Environment) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for (name, meaning) in Settings::names() {
        findings.push(match settings.get(name) {
            Some((setting, source)) => found(name, setting, source, environment)?,
            None if NEEDED.contains(&name) => Finding::new(
                Verdict::Lacking,
                name,
                format!("{meaning}; set it there, or as {}", variable_name(name)),
            ),
            None => Finding::new(Verdict::Absent, name, absent(name, meaning)),
        });
    }
    findings.extend(guest::examined(settings, environment));
    findings.extend(host::examined(settings)?);
    Ok(findings)
}

fn absent(name: &str, meaning: &str) -> String {
    match WITHOUT.iter().find(|(known, _)| *known == name) {
        Some((_, instead)) => format!("{meaning}; without it: {instead}"),
        None => format!("{meaning}; may be absent"),
    }
}

fn found(
    name: &str,
    setting: &Setting,
    source: &Source,
    environment: &Environment,
) -> Result<Finding, Failure> {
    let (verdict, text) = match unusable(name, setting, environment)? {
        None => (Verdict::Fine, String::new()),
        Some(why) => (Verdict::Bad, why),
    };
    Ok(Finding {
        value: Some((setting.to_string(), source.to_string())),
        ..Finding::new(verdict, name, text)
    })
}

/// Why SETTING, called NAME, cannot be used, as far as this machine can tell.
fn unusable(
    name: &str,
    setting: &Setting,
    environment: &Environment,
) -> Result<Option<String>, Failure> {
    let tell = |trouble: Result<(), Failure>| match trouble {
        Err(failure) if failure.key() == Key::Interrupted => Err(failure),
        other => Ok(other.err().map(|failure| failure.message().to_owned())),
    };
    match (name, setting) {
        ("password-file" | "image", Setting::Text(path)) => Ok(std::fs::File::open(path)
            .err()
            .map(|error| error.to_string())),
        ("guest/private-key", Setting::Text(path)) => {
            let identity = Identity {
                agent: environment.get("SSH_AUTH_SOCK").map(PathBuf::from),
                ..Identity::file(path)
            };
            tell(runtime::wait(
                "looking at a private key",
                LOOK,
                identity.check(),
            ))
        }
        ("guest/host-key", Setting::Text(line)) => {
            // A pinned key is the same wherever the guest is.
            let nowhere = Destination {
                address: String::new(),
                port: 0,
                user: String::new(),
            };
            let expected = Trust::Pinned(line.clone()).expected(&nowhere);
            tell(expected.map(drop).map_err(Failure::from))
        }
        ("approved/vms" | "approved/vdis", Setting::Texts(uuids)) if uuids.is_empty() => {
            Ok(Some("nothing is approved".to_owned()))
        }
        ("guest/lease-files", Setting::Texts(files)) => Ok(files.iter().find_map(|file| {
            let error = std::fs::File::open(Path::new(file)).err()?;
            Some(format!("`{file}`: {error}"))
        })),
        _ => Ok(None),
    }
}

/// Whether this machine can simulate a guest, which is NEEDED or not.
fn simulation(needed: bool) -> Finding {
    let subject = "simulation";
    match require_namespaces() {
        Ok(()) => Finding::new(
            Verdict::Fine,
            subject,
            "this machine lets --simulate make a guest's namespaces",
        ),
        Err(failure) if needed => Finding::new(Verdict::Bad, subject, failure.message().to_owned()),
        Err(failure) => Finding::new(
            Verdict::Absent,
            subject,
            format!("{}; a live run needs none", failure.message()),
        ),
    }
}

fn read(line: &CommandLine, environment: &Environment) -> Result<Settings, Failure> {
    Settings::read(
        environment,
        line.world.config.as_deref(),
        &line.world.settings,
    )
}
