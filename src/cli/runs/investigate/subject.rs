//! What a run was of, as its folder keeps it: the harness with its modules, the images
//! that it has put on machines, and how both are had again.

use crate::digest;
use crate::embedded;
use crate::failure::{Failure, Key};
use crate::progress::{Event, tell};
use crate::report::evidence::Evidence;
use crate::run::folder::{self, SOURCE};
use crate::run::journal::{Entry, State};
use crate::run::sha256;
use crate::run::verdict::Verdict;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The settings that belong to an image: what is on it, and how to get into it.
const OF_AN_IMAGE: [&str; 4] = ["image", "guest/user", "guest/private-key", "guest/host-key"];

/// A run, as far as it can be looked into.
pub struct Subject {
    pub evidence: Evidence,
    /// Held so that the run is not removed while its harness is used.
    _kept: Option<File>,
}

/// A harness and the modules that it has loaded from files.
pub struct Harness {
    sha256: String,
    /// By name, such as `modules/a/b.scm`.
    modules: BTreeMap<String, String>,
    /// The options and the file that run it.
    pub words: Vec<OsString>,
}

/// What the machines of a run have booted from.
#[derive(Debug, PartialEq, Eq)]
pub struct Images {
    /// By the setting that names it, such as `image` or `machines/router/image`.
    files: BTreeMap<String, Image>,
    /// Other settings that go with them.
    settings: BTreeMap<String, String>,
}

/// An image.
#[derive(Debug, PartialEq, Eq)]
struct Image {
    file: PathBuf,
    /// None where the run has ended before it had looked.
    sha256: Option<String>,
}

impl Subject {
    /// The run in FOLDER.
    pub fn of(folder: &Path) -> Result<Subject, Failure> {
        let evidence = Evidence::of(folder::summary(folder));
        if let Some(why) = unknown(&evidence) {
            return Err(Failure::new(
                Key::Usage,
                format!(
                    "cannot tell what run `{}` was of: {why}",
                    evidence.summary.id
                ),
            ));
        }
        Ok(Subject {
            _kept: folder::keep(folder),
            evidence,
        })
    }

    /// Whether it ran in a simulated world.
    pub fn is_simulated(&self) -> bool {
        is_simulated(&self.evidence)
    }

    /// The options that say which world it acts on, without those about images.
    pub fn options(&self) -> Vec<String> {
        options(&self.evidence)
    }

    /// Its harness, from where it lies when that is as it was, or else from the copies.
    pub fn harness(&self) -> Result<Harness, Failure> {
        let program = &self.evidence.program;
        let source = self.evidence.summary.folder.join(SOURCE);
        let copy = source.join("harness.scm");
        let modules: BTreeMap<String, String> = self.modules().map(|(n, _, d)| (n, d)).collect();
        let damaged = std::iter::once((&copy, &program.sha256))
            .map(|(file, digest)| (file.clone(), digest))
            .chain(
                modules
                    .iter()
                    .map(|(name, digest)| (source.join(name), digest)),
            )
            .find(|(file, digest)| now(file).as_ref() != Some(*digest));
        if let Some((file, _)) = damaged {
            return Err(Failure::new(
                Key::Usage,
                format!(
                    "cannot run the harness of run `{}` again: its copy `{}` is not what was run",
                    self.evidence.summary.id,
                    file.display()
                ),
            )
            .hint("`fruix-scm runs verify` looks at every copy"));
        }
        let mut words: Vec<OsString> = Vec::new();
        let mut place = |directory: &Path| words.extend(["-L".into(), directory.into()]);
        let is_as_it_was = self.lies_as_it_was();
        if !is_as_it_was {
            place(&source.join("modules"));
        }
        for directory in &program.load_path {
            place(Path::new(directory));
        }
        let file: OsString = match (is_as_it_was, program.built_in) {
            (false, _) => copy.into(),
            (true, true) => Path::new(&program.file)
                .file_name()
                .unwrap_or_default()
                .into(),
            (true, false) => program.file.clone().into(),
        };
        words.extend(["-s".into(), file]);
        Ok(Harness {
            sha256: program.sha256.clone(),
            modules,
            words,
        })
    }

    /// The modules of which it has copies: name, file, and digest.
    fn modules(&self) -> impl Iterator<Item = (String, PathBuf, String)> {
        let entries = self.evidence.summary.reading.entries();
        entries.filter_map(|entry| match entry {
            Entry::Module { name, file, sha256 } => {
                Some((name.clone(), PathBuf::from(file), sha256.clone()))
            }
            _ => None,
        })
    }

    /// Whether harness and modules still are where they were, as they were.
    fn lies_as_it_was(&self) -> bool {
        let program = &self.evidence.program;
        let harness = match program.file.strip_prefix("scheme/") {
            Some(path) if program.built_in => {
                embedded::scheme(path).map(|text| sha256(text.as_bytes()))
            }
            _ => now(Path::new(&program.file)),
        };
        harness.as_ref() == Some(&program.sha256)
            && self
                .modules()
                .all(|(_, file, digest)| now(&file).as_ref() == Some(&digest))
    }

    /// Its images, each where a file has the bytes that it had; ELSEWHERE are files that
    /// may be one.
    pub fn images(&self, elsewhere: &[PathBuf]) -> Result<Images, Failure> {
        let mut images = Images {
            files: BTreeMap::new(),
            settings: BTreeMap::new(),
        };
        for (name, value) in of_images(&self.evidence) {
            if !name.ends_with("image") {
                images.settings.insert(name, value);
                continue;
            }
            let known = self.evidence.images.iter();
            let sha256 = known
                .filter(|image| image.file == value)
                .map(|image| image.sha256.clone())
                .next_back();
            let file = match &sha256 {
                Some(sha256) => self.found(Path::new(&value), sha256, elsewhere)?,
                None => PathBuf::from(value),
            };
            images.files.insert(name, Image { file, sha256 });
        }
        Ok(images)
    }

    /// The file with this SHA256: FILE, or one of those ELSEWHERE.
    fn found(&self, file: &Path, sha256: &str, elsewhere: &[PathBuf]) -> Result<PathBuf, Failure> {
        let mut files = std::iter::once(file).chain(elsewhere.iter().map(PathBuf::as_path));
        let found = files.find(|file| {
            if !file.is_file() {
                return false;
            }
            tell(Event::Note {
                text: format!("reading `{}`", file.display()),
            });
            digest::sha256_of_file(file).is_ok_and(|digest| digest.to_string() == sha256)
        });
        found.map(Path::to_owned).ok_or_else(|| {
            Failure::new(
                Key::Usage,
                format!(
                    "cannot run on the image of run `{}` again: `{}` {}; its SHA-256 was {sha256}",
                    self.evidence.summary.id,
                    file.display(),
                    match file.exists() {
                        true => "has other bytes now",
                        false => "is not there any more",
                    }
                ),
            )
            .hint("`--image FILE` names where an image is now")
        })
    }
}

/// Why nobody can know what the run of EVIDENCE was of.
fn unknown(evidence: &Evidence) -> Option<String> {
    let (program, reading) = (&evidence.program, &evidence.summary.reading);
    if let State::Damaged(line) = reading.state {
        return Some(format!("its journal is damaged at line {line}"));
    }
    if evidence.summary.verdict == Verdict::Running {
        return Some("a process works on it".to_owned());
    }
    if program.file.is_empty() {
        return Some("it was started at a prompt, or its program came through a pipe".to_owned());
    }
    if let Some(partial) = &evidence.partial {
        return Some(format!(
            "it was a run in part, which took its steps from run `{}`",
            partial.of
        ));
    }
    let is_of_others = reading
        .entries()
        .any(|entry| matches!(entry, Entry::Resumed { source, .. } if source == "current"));
    is_of_others.then(|| "it went on with files of which no copies were kept".to_owned())
}

fn is_simulated(evidence: &Evidence) -> bool {
    let options = &evidence.program.options;
    options.iter().any(|option| option == "--simulate")
}

/// The options of the run of EVIDENCE, without those about images.
pub fn options(evidence: &Evidence) -> Vec<String> {
    let mut kept = Vec::new();
    let mut options = evidence.program.options.iter().peekable();
    while let Some(option) = options.next() {
        let takes_a_value = ["--set", "--mishap", "--config"].contains(&option.as_str());
        match options.next_if(|_| takes_a_value) {
            Some(setting) if option == "--set" && is_of_an_image(name(setting)) => {}
            value => kept.extend([Some(option), value].into_iter().flatten().cloned()),
        }
    }
    kept
}

/// The settings of the run of EVIDENCE that belong to its images. A simulated run makes
/// an image of its own unless an option names one.
fn of_images(evidence: &Evidence) -> Vec<(String, String)> {
    let named: Vec<&str> = evidence
        .program
        .options
        .windows(2)
        .filter(|pair| pair[0] == "--set")
        .map(|pair| name(&pair[1]))
        .collect();
    // Where an option names a file the settings have where it is.
    let settings = evidence.settings.iter().filter(|(name, _)| {
        is_of_an_image(name) && (!is_simulated(evidence) || named.contains(&name.as_str()))
    });
    settings.cloned().collect()
}

/// The name of a setting that is written `NAME=VALUE`.
fn name(setting: &str) -> &str {
    setting.split_once('=').map_or(setting, |(name, _)| name)
}

fn is_of_an_image(setting: &str) -> bool {
    let own = match setting.strip_prefix("machines/") {
        Some(rest) => rest.split_once('/').map_or(rest, |(_, own)| own),
        None => setting,
    };
    OF_AN_IMAGE.contains(&own)
}

/// The digest of FILE as it is now.
fn now(file: &Path) -> Option<String> {
    fs::read(file).ok().map(|bytes| sha256(&bytes))
}

impl Harness {
    /// Whether it is OTHER, as far as what both have loaded tells.
    pub fn is(&self, other: &Harness) -> bool {
        self.sha256 == other.sha256 && agree(&self.modules, &other.modules)
    }

    /// Whether the run of EVIDENCE was of it.
    pub fn was_of(&self, evidence: &Evidence) -> bool {
        let loaded = evidence.modules.iter();
        let loaded = loaded
            .map(|module| (module.name.clone(), module.sha256.clone()))
            .collect();
        self.sha256 == evidence.program.sha256 && agree(&self.modules, &loaded)
    }
}

/// Whether no name stands for something else in OTHER.
fn agree(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    one.iter()
        .all(|(name, digest)| other.get(name).is_none_or(|theirs| theirs == digest))
}

impl Images {
    /// Whether they are OTHER.
    pub fn are(&self, other: &Images) -> bool {
        let names = |images: &Images| images.files.keys().cloned().collect::<Vec<_>>();
        names(self) == names(other)
            && self
                .files
                .values()
                .zip(other.files.values())
                .all(|(one, other)| one.is(&other.file, other.sha256.as_deref()))
    }

    /// Whether the run of EVIDENCE has put them, and no others, on its machines.
    pub fn were_of(&self, evidence: &Evidence) -> bool {
        let theirs: Vec<(String, String)> = of_images(evidence)
            .into_iter()
            .filter(|(name, _)| name.ends_with("image"))
            .collect();
        theirs.len() == self.files.len()
            && theirs.iter().all(|(name, value)| {
                let seen = evidence.images.iter().find(|seen| seen.file == *value);
                let sha256 = seen.map(|seen| seen.sha256.as_str());
                let own = self.files.get(name);
                own.is_some_and(|own| own.is(Path::new(value), sha256))
            })
    }

    /// The options that have a run put them on its machines.
    pub fn words(&self) -> Vec<OsString> {
        let images = self
            .files
            .iter()
            .map(|(name, image)| (name, image.file.to_string_lossy().into_owned()));
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name, value.clone()));
        images
            .chain(settings)
            .flat_map(|(name, value)| [OsString::from("--set"), format!("{name}={value}").into()])
            .collect()
    }
}

impl Image {
    /// Whether it is the one in FILE, with this digest where that is known.
    fn is(&self, file: &Path, sha256: Option<&str>) -> bool {
        match (&self.sha256, sha256) {
            (Some(one), Some(other)) => one == other,
            _ => self.file == file,
        }
    }
}
