//! The settings: one file, then `FRUIX_*` variables, then options, and for
//! every value where it came from.
//!
//! The file is an association list of our own making, so lexpr reads it:
//! `$XDG_CONFIG_HOME/fruix-scm/config.scm`, then `./fruix-scm.scm`, then
//! `--config FILE`; a later one overrides an earlier one value by value.
//! Secrets are never settings: a setting may name the file that holds one.
//!
//! One machine stands at the top of the list. Others stand by name in the section
//! `machines`, each with those of the settings that are a machine's own
//! ([`OF_A_MACHINE`]); `machines/NAME/vm` is what such a one is called.

use crate::failure::{Failure, Key};
use crate::sim::{SimulatedMachine, SimulationSettings};
use lexpr::Value as Datum;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Variable(String),
    Option,
    Simulation,
    /// A parameter of the program, which has the setting's name; this is where its value
    /// comes from.
    Parameter(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(formatter, "{}", path.display()),
            Source::Variable(name) => write!(formatter, "${name}"),
            Source::Option => write!(formatter, "--set"),
            Source::Simulation => write!(formatter, "--simulate"),
            Source::Parameter(origin) => formatter.write_str(origin),
        }
    }
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    /// A path; `~/` and paths relative to the settings file are resolved.
    File,
    /// A whole number greater than zero.
    Count,
    /// A list of strings.
    Texts,
    /// A string, or a list of strings.
    OneOrMore,
    /// A list of paths.
    Files,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    Text(String),
    Count(i64),
    Texts(Vec<String>),
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Text(text) => formatter.write_str(text),
            Setting::Count(number) => write!(formatter, "{number}"),
            Setting::Texts(texts) => formatter.write_str(&texts.join(" ")),
        }
    }
}

/// Every setting there is: its name (a section and a name are joined by `/`),
/// its shape, and what it means.
const KNOWN: &[(&str, Shape, &str)] = &[
    (
        "host",
        Shape::Text,
        "the XCP-ng host, as https://ADDRESS[:PORT]",
    ),
    ("user", Shape::Text, "the user to log in to the host as"),
    (
        "password-file",
        Shape::File,
        "a file whose first line is that user's password",
    ),
    (
        "certificate-sha256",
        Shape::OneOrMore,
        "the SHA-256 fingerprint of the host's certificate, or those of its pool",
    ),
    ("vm", Shape::Text, "the UUID of the VM to run in"),
    ("vdi", Shape::Text, "the UUID of that VM's disk"),
    (
        "image",
        Shape::File,
        "the raw disk image to put on that disk",
    ),
    (
        "disk-change",
        Shape::Text,
        "\"overwrite\" that disk, or \"replace\" it by a fresh one and keep it",
    ),
    (
        "approved/vms",
        Shape::Texts,
        "the UUIDs of the VMs that a run may touch",
    ),
    (
        "approved/vdis",
        Shape::Texts,
        "the UUIDs of the VDIs that a run may overwrite",
    ),
    (
        "guest/user",
        Shape::Text,
        "the user to log in to the guest as",
    ),
    ("guest/port", Shape::Count, "the guest's SSH port"),
    (
        "guest/address",
        Shape::Text,
        "the guest's address, when no agent tells it",
    ),
    (
        "guest/lease-files",
        Shape::Files,
        "files in which DHCP servers keep their leases",
    ),
    (
        "guest/private-key",
        Shape::File,
        "the private SSH key that the guest accepts",
    ),
    (
        "guest/host-key",
        Shape::Text,
        "the guest's SSH host key, as `ssh-ed25519 AAAA…`",
    ),
    (
        "build-jobs",
        Shape::Count,
        "how many jobs `make` runs side by side in the guest",
    ),
    (
        "lock-seconds",
        Shape::Count,
        "for how long a run locks its machine, each time it renews that",
    ),
    (
        "boot-timeout-seconds",
        Shape::Count,
        "how long a guest may take to answer",
    ),
    (
        "import-timeout-seconds",
        Shape::Count,
        "how long a disk import may take",
    ),
    (
        "build-timeout-seconds",
        Shape::Count,
        "how long one step of a build may take",
    ),
    (
        "build-stall-seconds",
        Shape::Count,
        "how long a step of a build may neither print nor use the processor",
    ),
    (
        "keep-worth-seconds",
        Shape::Count,
        "from how much finished work on a run that failed keeps its machine (600)",
    ),
    (
        "keep-lease-seconds",
        Shape::Count,
        "for how long a machine is kept (43200)",
    ),
    (
        "keep-runs",
        Shape::Count,
        "how many runs are kept on this machine (1000)",
    ),
    (
        "prompt",
        Shape::Text,
        "\"on\" or \"off\": whether a prompt opens at a terminal where a step fails (on)",
    ),
    (
        "prompt-seconds",
        Shape::Count,
        "how long that prompt waits for a key (1800)",
    ),
];

/// The section of a settings file that holds values of parameters of harnesses.
pub const PARAMETERS: &str = "parameters";

/// The section of the machines that have names.
const MACHINES: &str = "machines";

/// The settings that may be a machine's own, and their sections.
const OF_A_MACHINE: &[&str] = &["vm", "vdi", "image", "disk-change", "guest"];

/// The settings that speak of no host.
const OF_THIS_MACHINE: &[&str] = &["keep-runs", "prompt", "prompt-seconds"];

/// The shape of the setting called NAME, and what it means.
fn known(name: &str) -> Option<(Shape, &'static str)> {
    let name = match name.strip_prefix("machines/") {
        None => name,
        Some(rest) => rest
            .split_once('/')
            .filter(|(machine, _)| is_machine_name(machine))
            .map(|(_, name)| name)
            .filter(|name| OF_A_MACHINE.contains(&name.split('/').next().unwrap_or(name)))?,
    };
    let found = KNOWN.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, shape, meaning)| (*shape, *meaning))
}

fn is_machine_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

/// `guest/private-key` as the environment spells it: `FRUIX_GUEST_PRIVATE_KEY`.
pub fn variable_name(name: &str) -> String {
    format!(
        "FRUIX_{}",
        name.replace(['/', '-'], "_").to_ascii_uppercase()
    )
}

/// What the caller knows of the world; tests give a small one.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub variables: BTreeMap<String, String>,
    pub directory: PathBuf,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Environment {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The same without VARIABLES.
    pub fn without(&self, variables: &[&str]) -> Environment {
        let mut environment = self.clone();
        environment
            .variables
            .retain(|name, _| !variables.contains(&name.as_str()));
        environment
    }

    fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// The XDG base directory that VARIABLE names, or its default below `$HOME`.
    pub fn base_directory(&self, variable: &str, default: &str) -> Option<PathBuf> {
        self.get(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| self.home().map(|home| home.join(default)))
    }
}

/// The settings of a run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<String, (Setting, Source)>,
    read: Vec<PathBuf>,
}

impl Settings {
    /// Read the settings: files in order, then variables, then OPTIONS, each
    /// `NAME=VALUE`.
    pub fn read(
        environment: &Environment,
        config: Option<&Path>,
        options: &[String],
    ) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for (path, must_exist) in files(environment, config) {
            settings.merge_file(environment, &path, must_exist)?;
        }
        settings.merge_variables(environment)?;
        for option in options {
            settings.merge_option(environment, option)?;
        }
        Ok(settings)
    }

    /// The settings that a simulated host asks for; files, variables and
    /// options that speak of a real host are left out on purpose.
    pub fn of_simulation(
        simulated: &SimulationSettings,
        environment: &Environment,
        options: &[String],
    ) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        let text = |value: &str| Setting::Text(value.to_owned());
        for (name, value) in [
            ("host", text(&simulated.host)),
            ("user", text(&simulated.user)),
            (
                "password-file",
                text(&simulated.password_file.to_string_lossy()),
            ),
            ("certificate-sha256", text(&simulated.certificate_sha256)),
            ("vm", text(&simulated.vm)),
            ("vdi", text(&simulated.vdi)),
            ("image", text(&simulated.image.to_string_lossy())),
            (
                "approved/vms",
                Setting::Texts(simulated.approved_vms.clone()),
            ),
            (
                "approved/vdis",
                Setting::Texts(simulated.approved_vdis.clone()),
            ),
            ("guest/user", text(&simulated.guest_user)),
            (
                "guest/port",
                Setting::Count(i64::from(simulated.guest_port)),
            ),
            (
                "guest/private-key",
                text(&simulated.guest_private_key.to_string_lossy()),
            ),
            ("guest/host-key", text(&simulated.guest_host_key)),
        ] {
            settings
                .values
                .insert(name.to_owned(), (value, Source::Simulation));
        }
        // What speaks of this machine and its user holds for every run; a file that
        // cannot be read troubles those that need it.
        if let Ok(mut own) = Settings::read(environment, None, &[]) {
            for name in OF_THIS_MACHINE {
                if let Some((name, value)) = own.values.remove_entry(*name) {
                    settings.values.insert(name, value);
                }
            }
        }
        for option in options {
            settings.merge_option(environment, option)?;
        }
        Ok(settings)
    }

    /// The value called NAME, with where it came from.
    pub fn get(&self, name: &str) -> Option<(&Setting, &Source)> {
        self.values
            .get(name)
            .map(|(setting, source)| (setting, source))
    }

    /// The setting called NAME, if there is one and TEXT fits it, is TEXT from now on: the
    /// program has a parameter of that name, whose value comes from ORIGIN.
    pub fn follow_parameter(
        &mut self,
        environment: &Environment,
        name: &str,
        text: &str,
        origin: &str,
    ) {
        if let Some((shape, _)) = known(name)
            && let Ok(setting) = parse(shape, text, environment)
        {
            let source = Source::Parameter(origin.to_owned());
            self.values.insert(name.to_owned(), (setting, source));
        }
    }

    /// The names of the machines in the section of that name.
    pub fn machines(&self) -> impl Iterator<Item = &str> {
        let names = self.values.keys().filter_map(|name| {
            let (machine, _) = name.strip_prefix("machines/")?.split_once('/')?;
            Some(machine)
        });
        names.collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// Whether a machine can be called NAME.
    pub fn check_machine_name(name: &str) -> Result<(), Failure> {
        if is_machine_name(name) {
            return Ok(());
        }
        Err(Failure::new(
            Key::Usage,
            format!(
                "a machine cannot be called `{name}`: a name has letters, digits, `-`, `_` and `.`"
            ),
        ))
    }

    /// What a maintainer would write about MACHINE, which a simulated host has too.
    pub fn add_simulated(&mut self, machine: &SimulatedMachine) {
        let text = |value: &str| Setting::Text(value.to_owned());
        for (name, value) in [
            ("vm", text(&machine.vm)),
            ("vdi", text(&machine.vdi)),
            ("guest/port", Setting::Count(i64::from(machine.guest_port))),
        ] {
            let name = format!("{MACHINES}/{}/{name}", machine.name);
            self.values.insert(name, (value, Source::Simulation));
        }
        for (name, uuid) in [
            ("approved/vms", &machine.vm),
            ("approved/vdis", &machine.vdi),
        ] {
            if let Some((Setting::Texts(approved), _)) = self.values.get_mut(name) {
                approved.push(uuid.clone());
            }
        }
    }

    /// Every value that is set, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Setting, &Source)> {
        self.values
            .iter()
            .map(|(name, (setting, source))| (name.as_str(), setting, source))
    }

    /// Every setting there is, with what it means.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
        KNOWN.iter().map(|(name, _, meaning)| (*name, *meaning))
    }

    /// The failure for a setting that is needed and not there.
    pub fn missing(&self, name: &str) -> Failure {
        let meaning = known(name).map_or("unknown", |(_, meaning)| meaning);
        let looked = if self.read.is_empty() {
            "no settings file was found".to_owned()
        } else {
            let files: Vec<String> = self
                .read
                .iter()
                .map(|path| format!("`{}`", path.display()))
                .collect();
            format!("looked in {}", files.join(", "))
        };
        Failure::new(
            Key::Settings,
            match name.starts_with("machines/") {
                true => format!("no setting `{name}` ({meaning}): {looked}"),
                false => format!(
                    "no setting `{name}` ({meaning}): {looked}, and {} is not set",
                    variable_name(name)
                ),
            },
        )
        .detail("setting", name)
        .hint(
            "write it to `./fruix-scm.scm`, as docs/operating.md shows, or try the same script with --simulate",
        )
    }

    fn merge_file(
        &mut self,
        environment: &Environment,
        path: &Path,
        must_exist: bool,
    ) -> Result<(), Failure> {
        let Some(datum) = read_file(path, must_exist)? else {
            return Ok(());
        };
        let bad = |what: String| unusable(path, what);
        let base = path.parent().unwrap_or(Path::new("."));
        for (name, value) in flatten(&datum).map_err(bad)? {
            let (shape, _) = known(&name).ok_or_else(|| bad(unknown(&name)))?;
            let setting = convert(shape, &value, environment, base)
                .map_err(|what| bad(format!("`{name}` {what}")))?;
            self.values
                .insert(name, (setting, Source::File(path.to_owned())));
        }
        self.read.push(path.to_owned());
        Ok(())
    }

    fn merge_variables(&mut self, environment: &Environment) -> Result<(), Failure> {
        for (name, shape, _) in KNOWN {
            let variable = variable_name(name);
            if let Some(text) = environment.get(&variable) {
                let setting = parse(*shape, text, environment).map_err(|what| {
                    Failure::new(Key::Settings, format!("variable {variable} {what}"))
                })?;
                self.values
                    .insert((*name).to_owned(), (setting, Source::Variable(variable)));
            }
        }
        Ok(())
    }

    fn merge_option(&mut self, environment: &Environment, option: &str) -> Result<(), Failure> {
        let bad = |what: String| Failure::new(Key::Usage, format!("--set {what}"));
        let (name, text) = option
            .split_once('=')
            .ok_or_else(|| bad("takes NAME=VALUE".to_owned()))?;
        let (shape, _) = known(name).ok_or_else(|| bad(format!("`{name}`: {}", unknown(name))))?;
        let setting =
            parse(shape, text, environment).map_err(|what| bad(format!("`{name}` {what}")))?;
        self.values
            .insert(name.to_owned(), (setting, Source::Option));
        Ok(())
    }
}

/// The settings files that there may be, a later one of which overrides an earlier one,
/// and whether each must be there.
pub fn files(environment: &Environment, config: Option<&Path>) -> Vec<(PathBuf, bool)> {
    let of_user = environment
        .base_directory("XDG_CONFIG_HOME", ".config")
        .map(|base| (base.join("fruix-scm/config.scm"), false));
    let of_directory = (environment.directory.join("fruix-scm.scm"), false);
    let named = config.map(|config| (environment.directory.join(config), true));
    of_user
        .into_iter()
        .chain([of_directory])
        .chain(named)
        .collect()
}

/// The datum in the settings file at PATH; none when there is no such file, unless it
/// MUST EXIST.
pub fn read_file(path: &Path, must_exist: bool) -> Result<Option<Datum>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Failure::new(
                Key::Settings,
                format!("cannot read settings `{}`: {error}", path.display()),
            )
            .cause(error));
        }
    };
    lexpr::from_str(&text).map(Some).map_err(|error| {
        unusable(path, error.to_string()).hint("settings are one association list")
    })
}

fn unusable(path: &Path, what: String) -> Failure {
    Failure::new(
        Key::Settings,
        format!("cannot use settings `{}`: {what}", path.display()),
    )
    .detail("file", path.to_string_lossy().into_owned())
}

fn unknown(name: &str) -> String {
    if name == "password" {
        return "a password is not a setting; name the file that holds it as `password-file`"
            .to_owned();
    }
    let nearest = KNOWN
        .iter()
        .map(|(known, _, _)| (distance(name, known), *known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, nearest)) => format!("there is no setting `{name}`; did you mean `{nearest}`?"),
        None => format!(
            "there is no setting `{name}`; --show-settings lists them, and a parameter of a harness \
             stands in ({PARAMETERS} ({name} . VALUE))"
        ),
    }
}

/// How many letters must be inserted, removed or replaced to turn one word into the other.
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// The entries of a settings list; a section's entries get its name before theirs.
fn flatten(datum: &Datum) -> Result<Vec<(String, Datum)>, String> {
    let mut entries = Vec::new();
    for entry in items(datum).ok_or("it is not an association list")? {
        let (key, value) = entry
            .as_pair()
            .ok_or_else(|| format!("`{entry}` is not a pair"))?;
        let key = key
            .as_symbol()
            .ok_or_else(|| format!("`{key}` is not a symbol"))?;
        if key == PARAMETERS {
            for inner in items(value).ok_or_else(|| format!("`{key}` is not a list"))? {
                inner
                    .as_pair()
                    .and_then(|(name, _)| name.as_symbol())
                    .ok_or_else(|| format!("`{inner}` in `{key}` is not a named value"))?;
            }
        } else if key == MACHINES {
            for machine in items(value).ok_or_else(|| format!("`{key}` is not a list"))? {
                let (name, value) = machine
                    .as_pair()
                    .and_then(|(name, value)| Some((name.as_symbol()?, value)))
                    .ok_or_else(|| format!("`{machine}` in `{key}` is not a named list"))?;
                if !is_machine_name(name) {
                    return Err(format!("`{name}` in `{key}` cannot be a machine's name"));
                }
                for (own, value) in flatten(value)? {
                    entries.push((format!("{key}/{name}/{own}"), value));
                }
            }
        } else if KNOWN.iter().any(|(name, _, _)| {
            name.split_once('/')
                .is_some_and(|(section, _)| section == key)
        }) {
            for inner in items(value).ok_or_else(|| format!("`{key}` is not a list"))? {
                let (name, value) = inner
                    .as_pair()
                    .and_then(|(name, value)| Some((name.as_symbol()?, value)))
                    .ok_or_else(|| format!("`{inner}` in `{key}` is not a named value"))?;
                entries.push((format!("{key}/{name}"), value.clone()));
            }
        } else {
            entries.push((key.to_owned(), value.clone()));
        }
    }
    Ok(entries)
}

fn items(datum: &Datum) -> Option<Vec<&Datum>> {
    datum.list_iter().map(Iterator::collect)
}

fn convert(
    shape: Shape,
    datum: &Datum,
    environment: &Environment,
    base: &Path,
) -> Result<Setting, String> {
    match shape {
        Shape::Text => datum
            .as_str()
            .map(|text| Setting::Text(text.to_owned()))
            .ok_or_else(|| format!("takes a string, and has {datum}")),
        Shape::File => datum
            .as_str()
            .map(|text| Setting::Text(resolve(text, environment, base)))
            .ok_or_else(|| format!("takes a path as a string, and has {datum}")),
        Shape::Count => datum
            .as_i64()
            .filter(|number| *number > 0)
            .map(Setting::Count)
            .ok_or_else(|| format!("takes a whole number above zero, and has {datum}")),
        Shape::OneOrMore if datum.is_string() => convert(Shape::Text, datum, environment, base),
        Shape::Files => match convert(Shape::Texts, datum, environment, base)? {
            Setting::Texts(paths) => Ok(Setting::Texts(
                paths
                    .iter()
                    .map(|path| resolve(path, environment, base))
                    .collect(),
            )),
            other => Ok(other),
        },
        Shape::Texts | Shape::OneOrMore => items(datum)
            .and_then(|items| {
                items
                    .into_iter()
                    .map(|item| item.as_str().map(str::to_owned))
                    .collect::<Option<Vec<String>>>()
            })
            .map(Setting::Texts)
            .ok_or_else(|| format!("takes strings, and has {datum}")),
    }
}

fn parse(shape: Shape, text: &str, environment: &Environment) -> Result<Setting, String> {
    match shape {
        Shape::Text => Ok(Setting::Text(text.to_owned())),
        Shape::File => Ok(Setting::Text(resolve(
            text,
            environment,
            &environment.directory,
        ))),
        Shape::Count => text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .map(Setting::Count)
            .ok_or_else(|| format!("takes a whole number above zero, and has `{text}`")),
        Shape::Texts | Shape::OneOrMore | Shape::Files => Ok(Setting::Texts(
            text.split([',', ' '])
                .filter(|word| !word.is_empty())
                .map(|word| match shape {
                    Shape::Files => resolve(word, environment, &environment.directory),
                    _ => word.to_owned(),
                })
                .collect(),
        )),
    }
}

/// The file that TEXT names, relative to the directory BASE; `~/` is the home.
pub fn resolve(text: &str, environment: &Environment, base: &Path) -> String {
    let path = match (text.strip_prefix("~/"), environment.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.join(text),
    };
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(folder: &Path, variables: &[(&str, &str)]) -> Environment {
        Environment {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            directory: folder.to_owned(),
        }
    }

    #[test]
    fn a_later_source_overrides_an_earlier_one_value_by_value() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("fruix-scm.scm"),
            r#"((host . "https://one") (user . "root")
                (approved (vms "a" "b"))
                (guest (port . 2222) (private-key . "id_guest")))"#,
        )
        .unwrap();
        let world = environment(folder.path(), &[("FRUIX_HOST", "https://two")]);
        let settings = Settings::read(&world, None, &["guest/port=22".to_owned()]).unwrap();
        let value = |name| settings.get(name).unwrap().0.to_string();
        assert_eq!(value("host"), "https://two");
        assert_eq!(value("user"), "root");
        assert_eq!(value("guest/port"), "22");
        assert_eq!(value("approved/vms"), "a b");
        assert_eq!(
            value("guest/private-key"),
            folder.path().join("id_guest").to_string_lossy()
        );
        assert_eq!(settings.get("host").unwrap().1.to_string(), "$FRUIX_HOST");
    }

    #[test]
    fn machines_have_names_and_settings_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join("fruix-scm.scm"), text).unwrap();
        write(
            r#"((machines (router (vm . "v1") (image . "router.img") (guest (port . 2222)))
                          (client (vm . "v2"))))"#,
        );
        let world = environment(folder.path(), &[]);
        let options = ["machines/client/vdi=d2".to_owned()];
        let settings = Settings::read(&world, None, &options).unwrap();
        let value = |name| settings.get(name).unwrap().0.to_string();
        assert_eq!(value("machines/router/vm"), "v1");
        assert_eq!(value("machines/router/guest/port"), "2222");
        assert_eq!(value("machines/client/vdi"), "d2");
        assert_eq!(
            value("machines/router/image"),
            folder.path().join("router.img").to_string_lossy()
        );
        assert_eq!(
            settings.machines().collect::<Vec<_>>(),
            ["client", "router"]
        );
        for (text, said) in [
            (
                "((machines (router (host . \"x\"))))",
                "machines/router/host",
            ),
            (
                "((machines (router (approved (vms \"x\")))))",
                "machines/router/approved/vms",
            ),
            (
                "((machines (a/b (vm . \"x\"))))",
                "cannot be a machine's name",
            ),
            ("((machines router))", "is not a named list"),
        ] {
            write(text);
            let failure = Settings::read(&world, None, &[]).unwrap_err();
            assert!(failure.message().contains(said), "{failure}");
        }
    }

    #[test]
    fn a_misspelt_setting_names_the_one_that_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("fruix-scm.scm"), "((hots . \"x\"))").unwrap();
        let failure = Settings::read(&environment(folder.path(), &[]), None, &[]).unwrap_err();
        assert!(
            failure.message().contains("did you mean `host`?"),
            "{failure}"
        );
        assert_eq!(failure.key().exit_status(), 3);
    }

    #[test]
    fn a_password_is_refused_as_a_setting() {
        let world = environment(Path::new("/nonexistent"), &[]);
        let failure = Settings::read(&world, None, &["password=secret".to_owned()]).unwrap_err();
        assert!(failure.message().contains("password-file"), "{failure}");
        assert!(!failure.message().contains("secret"), "{failure}");
    }

    #[test]
    fn a_missing_setting_says_where_it_was_looked_for() {
        let settings = Settings::default();
        let failure = settings.missing("host");
        assert!(failure.message().contains("no settings file was found"));
        assert!(failure.message().contains("FRUIX_HOST"));
    }
}
