//! The journal: what a run did, one datum a line, on disk before the next step.
//!
//! Each line is `DIGEST DATUM`: DATUM is an association list of our own making,
//! read and written with lexpr, and DIGEST the SHA-256 of the line before's
//! digest, a space, and DATUM. So the lines are a chain: a tail that a crash has
//! torn is told from a break in the middle, after which nothing is believed. A
//! chain finds accidents. Who rewrites a whole journal is found where its head,
//! the digest of its last line, was written elsewhere: see [`super::record`].
//!
//! Files are read as bytes, since what a crash leaves behind need not be text.
//! Journals of version 1, which had no digests, can be read and not resumed.

use crate::failure::{Failure, Key};
use crate::secrets;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The version of the journals that are written here.
pub const VERSION: u32 = 2;

/// The name of a journal in the folder of its run.
pub const NAME: &str = "journal.scm";

/// A step's identity: the names of the steps around it and its own, each with
/// ` (2)`, ` (3)` and so on when its name has been there before.
pub type StepPath = Vec<String>;

/// The program that a run is of, as far as it takes to run it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Program {
    /// The harness's file as it was called; a built-in harness has no file.
    pub file: String,
    pub built_in: bool,
    /// The SHA-256 of its text.
    pub sha256: String,
    /// What follows FILE on the command line.
    pub arguments: Vec<String>,
    /// Directories searched for modules, in order.
    pub load_path: Vec<String>,
    /// Where it was started.
    pub directory: String,
    /// The options of fruix-scm that say which world it acts on.
    pub options: Vec<String>,
    /// Where its record was to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_file: Option<String>,
    /// What the runs of one process have in common.
    pub process: String,
    /// Which run of its process it is, from 0 on.
    pub ordinal: u64,
}

/// Of which kind a step is: what of it outlives its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Its value, a datum.
    Result,
    /// What it has changed in the world, where its proof is looked for.
    Effect,
    /// Nothing here: it is attached to again.
    Resource,
}

impl StepKind {
    /// The kind as scripts and listings name it.
    pub fn as_str(self) -> &'static str {
        match self {
            StepKind::Result => "result",
            StepKind::Effect => "effect",
            StepKind::Resource => "resource",
        }
    }

    /// The kind that NAME names.
    pub fn from_name(name: &str) -> Option<StepKind> {
        [StepKind::Result, StepKind::Effect, StepKind::Resource]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// One thing that a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// The first line of every journal.
    Began {
        version: u32,
        run: String,
        harness: String,
        /// `live` or `simulated`: what a machine that it asks for will be.
        world: String,
        tool: String,
        /// The machine that fruix-scm ran on, and its boot.
        client: String,
        program: Box<Program>,
    },
    /// A parameter of the harness, with its value as `write` prints it.
    Parameter {
        name: String,
        value: String,
        /// Where the value comes from.
        origin: String,
        /// Whether what steps give depends on it.
        evidence: bool,
    },
    /// The run does a part of the harness itself and takes the rest from run `of`.
    Partial {
        /// `from` or `only`.
        how: String,
        step: String,
        of: String,
    },
    /// A verb has had the run made, and for what: nobody has begun it for itself.
    MadeFor {
        purpose: String,
    },
    /// What a maintainer has set, by the names of settings; nothing secret is among it.
    Settings {
        settings: Vec<(String, String)>,
    },
    /// The program that has done the run, by its own bytes.
    Tool {
        version: String,
        sha256: String,
    },
    /// A copy of a module's file, `source/NAME` in the run's folder.
    Module {
        name: String,
        file: String,
        sha256: String,
    },
    /// A machine was asked for.
    Machine {
        kind: String,
        host: String,
        name: String,
        vm: String,
        vdi: String,
    },
    /// What the machine boots from.
    Image {
        file: String,
        sha256: String,
    },
    StepBegan {
        step: StepPath,
        kind: StepKind,
        /// The SHA-256 of the step's text.
        text: String,
        /// What the step said it depends on, as `write` prints it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<String>,
        /// What an effect may carry, so that it is found again.
        nonce: String,
        /// Why it is done, in a run that goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    StepPassed {
        step: StepPath,
        milliseconds: u64,
        /// Its values, as `write` prints their list; none for no value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// By what a resource is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<String>,
    },
    StepFailed {
        step: StepPath,
        milliseconds: u64,
        key: String,
        message: String,
    },
    /// A step was not done again.
    StepKept {
        step: StepPath,
        why: String,
    },
    /// A step that the run had done before is not there any more.
    StepVanished {
        step: StepPath,
    },
    /// Somebody let the run go on although this step has failed.
    StepPassedOver {
        step: StepPath,
        how: String,
    },
    /// A check holds.
    Checked {
        what: String,
        /// What was expected and found, of an equality of short data, as `write` prints
        /// it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// A check does not hold. Its step may pass all the same, as one that is known to
    /// fail does.
    CheckFailed {
        what: String,
        /// Where it is written, `FILE:LINE:COLUMN`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actual: Option<String>,
    },
    /// The step says why it is left out.
    Skipped {
        why: String,
    },
    /// The step fails, as it is known to.
    FailedAsKnown {
        why: String,
        message: String,
    },
    Recorded {
        key: String,
        value: String,
    },
    /// The step has promised a clean-up, which ends with the process.
    Promised {
        what: String,
    },
    CleanedUp {
        what: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<String>,
    },
    /// A job was started in a guest, or taken up there.
    JobBegan {
        name: String,
        how: String,
        /// The file in which what it prints is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<String>,
    },
    JobEnded {
        name: String,
        how: String,
    },
    /// What became of the machine at the end.
    Kept {
        machine: bool,
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<u64>,
        /// How to log in to its guest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<String>,
    },
    /// Another process goes on with the run.
    Resumed {
        tool: String,
        client: String,
        /// `pinned` or `current`: with which files.
        source: String,
        /// What was lost or odd about the journal until here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<String>,
    },
    Ended {
        verdict: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        milliseconds: u64,
        /// What keeping the journal and telling of events has taken.
        overhead_microseconds: u64,
    },
    /// An entry of another version, as it stands there.
    #[serde(skip)]
    Unknown(String),
}

/// A parameter of a harness in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// As `write` prints it.
    pub value: String,
    pub origin: String,
    /// Whether what steps give depends on it.
    pub evidence: bool,
}

/// An entry with the time it was written, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub time: u64,
    pub entry: Entry,
}

/// A journal that is being written.
pub struct Journal {
    path: PathBuf,
    file: Option<File>,
    head: String,
    spent: Duration,
    /// When it was last known to be on the disk, and how long that took.
    synced: Instant,
    cost: Duration,
}

/// What was done since the last time is worth waiting for the disk when it took this
/// many times as long as that wait.
const WORTH: u32 = 200;

impl Journal {
    /// A journal that is kept nowhere.
    pub fn nowhere() -> Journal {
        Journal::of(PathBuf::new(), None, String::new())
    }

    fn of(path: PathBuf, file: Option<File>, head: String) -> Journal {
        Journal {
            path,
            file,
            head,
            spent: Duration::ZERO,
            synced: Instant::now(),
            cost: Duration::ZERO,
        }
    }

    /// A new journal in FOLDER.
    pub fn create(folder: &Path) -> Result<Journal, Failure> {
        let path = folder.join(NAME);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| cannot("make", &path, error))?;
        // The name itself is to outlive a crash too.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(Journal::of(path, Some(file), String::new()))
    }

    /// The journal in FOLDER, to go on behind what READING has found whole; what
    /// a crash has torn off its last line goes.
    pub fn open(folder: &Path, reading: &Reading) -> Result<Journal, Failure> {
        let path = folder.join(NAME);
        let open = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            file.set_len(reading.whole_bytes)?;
            file.seek(SeekFrom::End(0))?;
            file.sync_data()?;
            Ok(file)
        };
        let file = open().map_err(|error| cannot("go on with", &path, error))?;
        Ok(Journal::of(path, Some(file), reading.head.clone()))
    }

    /// The digest of the last line; empty before the first.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// How long writing has taken so far.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Add ENTRY, which happens now: see [`Journal::write_line`].
    pub fn write(&mut self, entry: Entry) -> Result<(), Failure> {
        self.write_line(&Line { time: now(), entry })
    }

    /// Add LINE; it is with the operating system when this returns. After a
    /// failure nothing more is kept: a journal with holes would lie.
    pub fn write_line(&mut self, line: &Line) -> Result<(), Failure> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let began = Instant::now();
        let datum = serde_lexpr::to_string(line).map_err(Failure::internal)?;
        let digest = link(&self.head, datum.as_bytes());
        let written = file.write_all(format!("{digest} {datum}\n").as_bytes());
        if let Err(error) = written {
            self.file = None;
            return Err(cannot("write", &self.path, error));
        }
        self.head = digest;
        self.spent += began.elapsed();
        Ok(())
    }

    /// Wait until what was written is on the disk.
    pub fn sync(&mut self) -> Result<(), Failure> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let began = Instant::now();
        if let Err(error) = file.sync_data() {
            self.file = None;
            return Err(cannot("write", &self.path, error));
        }
        self.cost = began.elapsed();
        self.spent += self.cost;
        self.synced = Instant::now();
        Ok(())
    }

    /// The same where losing what was written, with the power of this machine, would
    /// lose more than a moment's work: it is done again then, and asked of the world.
    pub fn sync_what_took_long(&mut self) -> Result<(), Failure> {
        if self.synced.elapsed() < self.cost * WORTH {
            return Ok(());
        }
        self.sync()
    }
}

/// LINE with nothing in it that nobody is to be told.
pub fn hidden(line: Line) -> Line {
    let Ok(datum) = serde_lexpr::to_string(&line) else {
        return line;
    };
    if let Cow::Borrowed(_) = secrets::hide(&datum) {
        return line;
    }
    let value = serde_lexpr::to_value(&line).map(|value| without_secrets(&value));
    let told = value.ok().and_then(|value| line_of(&value.to_string()));
    // Rather than with a secret, it is told without everything.
    told.unwrap_or_else(|| Line {
        time: line.time,
        entry: Entry::Unknown(secrets::MARK.to_owned()),
    })
}

/// VALUE with texts that hold no secret.
fn without_secrets(value: &lexpr::Value) -> lexpr::Value {
    use lexpr::Value;
    match value {
        Value::String(text) => Value::string(secrets::hide(text)),
        Value::Symbol(name) => Value::symbol(secrets::hide(name)),
        Value::Cons(cons) => Value::cons(without_secrets(cons.car()), without_secrets(cons.cdr())),
        Value::Vector(items) => Value::vector(items.iter().map(without_secrets)),
        other => other.clone(),
    }
}

/// The digest of a line with DATUM behind one whose digest is HEAD.
fn link(head: &str, datum: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(head.as_bytes());
    hash.update(b" ");
    hash.update(datum);
    hexadecimal(&hash.finalize())
}

/// BYTES in hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _strings_take_all = write!(digits, "{byte:02x}");
    }
    digits
}

/// In which state a journal was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Every line is there.
    Whole,
    /// The last line was cut short, as by a crash, and left out.
    Torn,
    /// The line with this number is not what was written, and others follow it:
    /// what is from there on proves nothing.
    Damaged(usize),
}

/// What a journal says.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The lines as far as the chain holds; of a damaged journal those behind the
    /// break are in `doubtful`.
    pub lines: Vec<Line>,
    pub doubtful: Vec<Line>,
    pub state: State,
    /// As which version it was written.
    pub version: u32,
    /// The digest of the last of `lines`.
    pub head: String,
    /// How many bytes `lines` take in the file.
    pub whole_bytes: u64,
}

impl Reading {
    /// The first line's account of the program.
    pub fn program(&self) -> Option<&Program> {
        self.entries().find_map(|entry| match entry {
            Entry::Began { program, .. } => Some(&**program),
            _ => None,
        })
    }

    /// The parameters of the harness, each with the value that it had last.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for entry in self.entries() {
            if let Entry::Parameter {
                name,
                value,
                origin,
                evidence,
            } = entry
            {
                parameters.retain(|known| known.name != *name);
                parameters.push(Parameter {
                    name: name.clone(),
                    value: value.clone(),
                    origin: origin.clone(),
                    evidence: *evidence,
                });
            }
        }
        parameters
    }

    /// What the run was made for, when a verb has had it made.
    pub fn purpose(&self) -> Option<&str> {
        self.entries().find_map(|entry| match entry {
            Entry::MadeFor { purpose } => Some(purpose.as_str()),
            _ => None,
        })
    }

    /// What a folder without a journal says.
    pub fn nothing() -> Reading {
        parse(b"")
    }

    /// The entries that are believed.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.lines.iter().map(|line| &line.entry)
    }
}

/// Read the journal in the folder RUN.
pub fn read(run: &Path) -> Result<Reading, Failure> {
    let path = run.join(NAME);
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| cannot("read", &path, error))?;
    Ok(parse(&bytes))
}

/// What the journal BYTES says.
pub fn parse(bytes: &[u8]) -> Reading {
    if bytes.starts_with(b"((time") {
        return first_version(bytes);
    }
    let mut reading = Reading {
        lines: Vec::new(),
        doubtful: Vec::new(),
        state: State::Whole,
        version: VERSION,
        head: String::new(),
        whole_bytes: 0,
    };
    let mut at = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        at += line.len() as u64;
        let linked = (reading.state == State::Whole)
            .then(|| verified(line, &reading.head))
            .flatten();
        match linked {
            Some((digest, line)) => {
                reading.lines.push(line);
                reading.head = digest;
                reading.whole_bytes = at;
            }
            None => {
                if reading.state == State::Whole {
                    reading.state = if at == bytes.len() as u64 {
                        State::Torn
                    } else {
                        State::Damaged(number + 1)
                    };
                }
                let text = String::from_utf8_lossy(line);
                let datum = text
                    .trim_end()
                    .split_once(' ')
                    .map_or("", |(_, datum)| datum);
                if let Some(line) = line_of(datum)
                    && matches!(reading.state, State::Damaged(_))
                {
                    reading.doubtful.push(line);
                }
            }
        }
    }
    let version = match reading.entries().next() {
        Some(Entry::Began { version, .. }) => *version,
        _ => VERSION,
    };
    Reading { version, ..reading }
}

/// The digest and the content of LINE when it is whole and follows HEAD.
fn verified(line: &[u8], head: &str) -> Option<(String, Line)> {
    let line = line.strip_suffix(b"\n")?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (digest, datum) = (&line[..space], &line[space + 1..]);
    let expected = link(head, datum);
    if digest != expected.as_bytes() {
        return None;
    }
    let text = std::str::from_utf8(datum).ok()?;
    Some((expected, line_of(text)?))
}

/// The line that DATUM is; of an entry that is not known, its text.
fn line_of(datum: &str) -> Option<Line> {
    if let Ok(line) = serde_lexpr::from_str(datum) {
        return Some(line);
    }
    let value = lexpr::from_str(datum).ok()?;
    let time = value.get("time")?.as_u64()?;
    Some(Line {
        time,
        entry: Entry::Unknown(value.get("entry")?.to_string()),
    })
}

/// A journal of version 1: lines without digests, of which none is believed.
fn first_version(bytes: &[u8]) -> Reading {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<Line> = Vec::new();
    let mut state = State::Whole;
    let count = text.lines().count();
    for (number, line) in text.lines().enumerate() {
        match first_version_line(line) {
            Some(line) => lines.push(line),
            None if number + 1 == count => state = State::Torn,
            None => {
                if state == State::Whole {
                    state = State::Damaged(number + 1);
                }
            }
        }
    }
    Reading {
        lines,
        doubtful: Vec::new(),
        state,
        version: 1,
        head: String::new(),
        whole_bytes: bytes.len() as u64,
    }
}

fn first_version_line(line: &str) -> Option<Line> {
    let value = lexpr::from_str(line).ok()?;
    let time = value.get("time")?.as_u64()?;
    let entry = value.get("entry")?;
    let (word, fields) = entry.as_pair()?;
    let word = word.as_symbol()?.to_owned();
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let milliseconds = fields
        .get("milliseconds")
        .and_then(|value| value.as_u64())
        .unwrap_or(0);
    let step = || Some(vec![text("step")?]);
    let entry = match word.as_str() {
        "began" => Entry::Began {
            version: 1,
            run: String::new(),
            harness: text("harness")?,
            world: String::new(),
            tool: String::new(),
            client: String::new(),
            program: Box::default(),
        },
        "step-began" => Entry::StepBegan {
            step: step()?,
            kind: StepKind::Result,
            text: String::new(),
            inputs: None,
            nonce: String::new(),
            why: None,
        },
        "step-passed" => Entry::StepPassed {
            step: step()?,
            milliseconds,
            value: None,
            identity: None,
        },
        "step-failed" => Entry::StepFailed {
            step: step()?,
            milliseconds,
            key: String::new(),
            message: text("message")?,
        },
        "checked" => Entry::Checked {
            what: text("what")?,
            value: None,
        },
        "recorded" => Entry::Recorded {
            key: text("key")?,
            value: text("value")?,
        },
        "ended" => Entry::Ended {
            verdict: text("verdict")?,
            message: None,
            milliseconds: 0,
            overhead_microseconds: 0,
        },
        _ => Entry::Unknown(entry.to_string()),
    };
    Some(Line { time, entry })
}

fn cannot(verb: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::new(
        Key::Settings,
        format!(
            "cannot {verb} the journal of a run, `{}`: {error}",
            path.display()
        ),
    )
    .hint("set XDG_STATE_HOME to a directory that may be written")
    .cause(error)
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// SECONDS since 1970 as `20261123T060000Z`, which sorts by time.
pub fn timestamp(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .map_or_else(
            || seconds.to_string(),
            |time| time.format("%Y%m%dT%H%M%SZ").to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn checked(what: &str) -> Entry {
        Entry::Checked {
            what: what.into(),
            value: None,
        }
    }

    /// A journal with these checks, and its bytes.
    fn journal(whats: &[&str]) -> (tempfile::TempDir, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        for what in whats {
            journal.write(checked(what)).unwrap();
        }
        let bytes = fs::read(folder.path().join(NAME)).unwrap();
        (folder, bytes)
    }

    fn whats(lines: &[Line]) -> Vec<String> {
        lines
            .iter()
            .map(|line| match &line.entry {
                Entry::Checked { what, .. } => what.clone(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_time_is_written_as_the_calendar_has_it() {
        // The expectations are what `date -u -d @SECONDS +%Y%m%dT%H%M%SZ` prints.
        assert_eq!(timestamp(0), "19700101T000000Z");
        assert_eq!(timestamp(951_782_400), "20000229T000000Z");
        assert_eq!(timestamp(1_767_225_599), "20251231T235959Z");
        assert_eq!(timestamp(4_107_542_400), "21000301T000000Z");
    }

    #[test]
    fn every_entry_is_read_as_it_was_written() {
        let text = || "a \"b\" λ;#|\n\\".to_owned();
        let step = vec!["one".to_owned(), "two (2)".to_owned()];
        let entries = [
            Entry::Began {
                version: VERSION,
                run: text(),
                harness: text(),
                world: "live".into(),
                tool: text(),
                client: text(),
                program: Box::new(Program {
                    file: text(),
                    built_in: true,
                    arguments: vec![text()],
                    ..Program::default()
                }),
            },
            Entry::StepBegan {
                step: step.clone(),
                kind: StepKind::Effect,
                text: text(),
                inputs: Some(text()),
                nonce: text(),
                why: None,
            },
            Entry::StepPassed {
                step: step.clone(),
                milliseconds: 7,
                value: Some("(1 \"x\")".into()),
                identity: None,
            },
            Entry::StepFailed {
                step: step.clone(),
                milliseconds: 7,
                key: "timeout".into(),
                message: text(),
            },
            Entry::StepKept { step, why: text() },
            Entry::Settings {
                settings: vec![(text(), text()), ("b".into(), String::new())],
            },
            Entry::Tool {
                version: text(),
                sha256: text(),
            },
            Entry::Checked {
                what: text(),
                value: Some(text()),
            },
            Entry::CheckFailed {
                what: text(),
                place: None,
                message: text(),
                expected: Some(text()),
                actual: None,
            },
            Entry::FailedAsKnown {
                why: text(),
                message: text(),
            },
            Entry::Kept {
                machine: true,
                why: text(),
                until: Some(5),
                login: Some(text()),
            },
            Entry::Ended {
                verdict: "pass".into(),
                message: None,
                milliseconds: 1,
                overhead_microseconds: 2,
            },
        ];
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        for entry in &entries {
            journal.write(entry.clone()).unwrap();
        }
        let reading = read(folder.path()).unwrap();
        assert_eq!(reading.state, State::Whole);
        assert_eq!(reading.head, journal.head());
        assert!(reading.entries().eq(&entries), "{reading:#?}");
    }

    #[test]
    fn a_cut_anywhere_loses_one_line_and_is_told() {
        let (_folder, bytes) = journal(&["one", "two", "three"]);
        for cut in 0..bytes.len() {
            let reading = parse(&bytes[..cut]);
            let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(reading.lines.len(), whole, "cut at {cut}");
            let clean = cut == 0 || bytes[cut - 1] == b'\n';
            let expected = if clean { State::Whole } else { State::Torn };
            assert_eq!(reading.state, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_byte_that_changed_in_the_middle_makes_the_journal_damaged() {
        let (_folder, bytes) = journal(&["one", "two", "three"]);
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let last = bytes.len()
            - 1
            - bytes
                .iter()
                .rev()
                .skip(1)
                .position(|byte| *byte == b'\n')
                .unwrap();
        for at in 0..bytes.len() {
            for flip in [1_u8, 0x80] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                let reading = parse(&bad);
                if at < last - 1 {
                    let line = if at < second { 1 } else { 2 };
                    assert_eq!(reading.state, State::Damaged(line), "byte {at}");
                    assert_eq!(reading.lines.len(), line - 1, "byte {at}");
                } else {
                    assert_ne!(reading.state, State::Whole, "byte {at}");
                }
            }
        }
        // A line that was taken out, or put elsewhere, is a break as well.
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(
            parse(&[lines[0], lines[2]].concat()).state,
            State::Torn,
            "the last line does not follow"
        );
        assert_eq!(
            parse(&[lines[1], lines[0], lines[2]].concat()).state,
            State::Damaged(1)
        );
        assert_eq!(
            whats(&parse(&[lines[0], b"x\n", lines[1], lines[2]].concat()).doubtful),
            ["two", "three"]
        );
    }

    #[test]
    fn what_was_torn_off_goes_when_a_journal_is_gone_on_with() {
        let (folder, bytes) = journal(&["one", "two"]);
        fs::write(folder.path().join(NAME), &bytes[..bytes.len() - 5]).unwrap();
        let reading = read(folder.path()).unwrap();
        let mut journal = Journal::open(folder.path(), &reading).unwrap();
        journal.write(checked("three")).unwrap();
        let reading = read(folder.path()).unwrap();
        assert_eq!(reading.state, State::Whole);
        assert_eq!(whats(&reading.lines), ["one", "three"]);
    }

    #[test]
    fn a_journal_of_the_first_version_can_be_read() {
        let text = "((time . 5) (entry began (harness . \"x\")))\n\
                    ((time . 6) (entry step-failed (step . \"a \\\"b\\\"\") (milliseconds . 3) (message . \"no\")))\n\
                    ((time . 7) (entry later (thing . 1)))\n\
                    ((time . 8) (entry ended (verdict . \"fail\")))\n((time";
        let reading = parse(text.as_bytes());
        assert_eq!((reading.version, reading.state), (1, State::Torn));
        assert_eq!(reading.lines.len(), 4);
        assert!(
            matches!(&reading.lines[1].entry, Entry::StepFailed { step, .. } if step == &["a \"b\""])
        );
        assert!(matches!(&reading.lines[2].entry, Entry::Unknown(_)));
    }

    #[test]
    fn an_entry_that_a_later_version_has_is_kept_as_its_text() {
        let datum = "((time . 5) (entry dreamt (of . \"sheep\")))";
        let line = format!("{} {datum}\n", link("", datum.as_bytes()));
        let reading = parse(line.as_bytes());
        assert_eq!(reading.state, State::Whole);
        assert!(matches!(&reading.lines[0].entry, Entry::Unknown(text) if text.contains("sheep")));
    }
}
