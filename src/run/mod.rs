//! A run of a harness: its steps as they happen, and what of them is kept.
//!
//! [`journal`] is what a run did, on disk step by step, so that a process that is
//! killed leaves what it had done; [`folder`] is where that and copies of the
//! sources are, [`logs`] which of the logs there are of which step. [`steps`] decides
//! what another process, which goes on with the run, does again, [`selection`] which a
//! run in part does at all, [`keeping`] whether its machine stays. [`record`] is what it
//! found out, as `key=value` lines in a fixed order; [`verdict`] how it ended. A
//! [`reporter`] is told of it all.
//! What a step is belongs to the harness (`scheme/fruix/harness.scm`); showing it
//! belongs to `cli`.

pub mod folder;
pub mod journal;
pub mod keeping;
pub mod logs;
pub mod primitives;
pub mod record;
pub mod recording;
pub mod reporter;
pub mod selection;
pub mod steps;
mod tool;
pub mod verdict;

use crate::clock::Stopwatch;
use crate::failure::{Failure, Key};
use crate::progress::{self, Event, tell};
use crate::visible::escape;
use journal::{Entry, Journal, Line, Parameter, Program, State, StepKind, StepPath};
use keeping::{Choice, Ending, Policy};
use record::{Destination, Record, What};
use reporter::Reporter;
use selection::{Part, Selecting, Selection};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use steps::{Decision, End, Evidence, History};
use verdict::Verdict;

/// What the command line knows of the runs of this process.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Where the folders of runs are; without one nothing is kept.
    pub directory: Option<PathBuf>,
    /// Whether a machine that is asked for is a simulated one.
    pub simulated: bool,
    pub program: Program,
    /// The text of the harness.
    pub text: Vec<u8>,
    pub policy: Policy,
    /// Whether `CI` is set and there is no terminal.
    pub unattended: bool,
    /// Whether somebody sits there whom a failure may ask: there is a terminal, and
    /// `CI` is not set.
    pub attended: bool,
    /// The folder of the run that this process goes on with, and with which files.
    pub resume: Option<Resume>,
    /// How many runs are kept.
    pub most_runs: Option<usize>,
    /// The parameters that the program has declared, with the values it goes by.
    pub parameters: Vec<Parameter>,
    /// What the run is made for, when a verb has it made.
    pub purpose: Option<String>,
    /// What of the harness is to be done, when not all is.
    pub selection: Option<Selection>,
    /// What a maintainer has set, by the names of settings.
    pub settings: Vec<(String, String)>,
    /// Whether a recording answers: then nothing is kept, and nothing is written.
    pub replayed: bool,
    /// Who makes reports of the runs.
    pub reporter: Option<Arc<dyn Reporter>>,
}

/// How a run is gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    pub folder: PathBuf,
    /// Whether with the files that are there now, instead of those it began with.
    pub current: bool,
    /// Whether somebody has said that, and so also which values of parameters count
    /// where they have changed.
    pub decided: bool,
    /// What the runs of the process that began it have in common.
    pub process: String,
    /// The parameters that the run has had so far.
    pub parameters: Vec<Parameter>,
}

/// A machine that a run has asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `live`, `simulated` or `local`.
    pub kind: String,
    pub host: String,
    pub name: String,
    pub vm: String,
    pub vdi: String,
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: host {}, VM {}",
            self.kind, self.host, self.vm
        )?;
        if !self.name.is_empty() {
            write!(formatter, " (`{}`)", self.name)?;
        }
        write!(formatter, ", VDI {}", self.vdi)
    }
}

/// A check that does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedCheck {
    pub what: String,
    /// Where it is written, `FILE:LINE:COLUMN`.
    pub place: Option<String>,
    pub message: String,
    /// Of an equality, as `write` prints it, cut where it is long.
    pub expected: Option<String>,
    pub actual: Option<String>,
}

/// A harness that is running.
pub struct Run {
    name: String,
    id: String,
    folder: Option<PathBuf>,
    /// Held as long as this process works on the run.
    _held: Option<File>,
    context: Context,
    record: Record,
    journal: Journal,
    history: History,
    resumed: bool,
    frames: Vec<Frame>,
    destination: Option<Destination>,
    machine: Option<Machine>,
    image_sha256: String,
    /// Jobs of this run that have not been seen to end.
    jobs: Vec<String>,
    passed_over: Vec<String>,
    /// The step that has failed last, which may be tried again.
    failed: Option<Frame>,
    modules: Vec<String>,
    began: Stopwatch,
    selecting: Option<Selecting>,
    /// A parameter that has another value than it had when steps were done.
    parameter: Option<String>,
}

/// A step that goes on; the outermost frame is the harness.
struct Frame {
    path: StepPath,
    began: Stopwatch,
    /// How often each name has been there in it.
    counts: HashMap<String, u32>,
    /// The step in it, or before it, that has another value than it had.
    suspect: Option<String>,
    /// What it gave before, where it is done again.
    before: Option<End>,
    /// Whether somebody has said before what it gives, or something in it.
    was_passed_over: bool,
    nonce: String,
    /// Whether it is taken from another run.
    taken: bool,
}

impl Frame {
    fn new(path: StepPath, suspect: Option<String>) -> Frame {
        Frame {
            path,
            began: Stopwatch::start(),
            counts: HashMap::new(),
            suspect,
            before: None,
            was_passed_over: false,
            nonce: String::new(),
            taken: false,
        }
    }
}

/// What is to be done with a step that was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Do it; it has begun.
    Do,
    /// It was kept; its values, as `write` prints their list.
    Kept(Option<String>),
    /// Ask its proof, then say `step_proven` or `step_begins`.
    Prove,
    /// Ask its proof, then say `step_proven` or `step_refused`: it is not to be done.
    OnlyProve,
    /// Attach, then say `step_begins` with whether that went well.
    Attach,
    /// Nothing more of the harness is to be done.
    Enough,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// An exception of this key, and what it says.
    Failed {
        key: String,
        message: String,
    },
}

impl Run {
    /// Begin a run of the harness NAME that promises to record KEYS, in that
    /// order, or go on with the one that CONTEXT names. The record of a run that
    /// passes is also written to METADATA_FILE; that of an earlier run there goes.
    pub fn begin(
        name: &str,
        keys: Vec<String>,
        context: &Context,
        metadata_file: Option<&Path>,
    ) -> Result<Run, Failure> {
        let taken = context
            .selection
            .as_ref()
            .map(|selection| selection::taken_from(selection, name, context))
            .transpose()?;
        let destination = metadata_file
            .map(|file| Destination::of(What::Record, file))
            .transpose()?;
        if let Some(destination) = &destination {
            destination.clear()?;
        }
        let mut run = Run {
            name: name.to_owned(),
            id: format!("{}-{name}", journal::timestamp(journal::now())),
            folder: None,
            _held: None,
            context: context.clone(),
            record: Record::new(keys),
            journal: Journal::nowhere(),
            history: History::default(),
            resumed: false,
            frames: vec![Frame::new(Vec::new(), None)],
            destination,
            machine: None,
            image_sha256: String::new(),
            jobs: Vec::new(),
            passed_over: Vec::new(),
            failed: None,
            modules: Vec::new(),
            began: Stopwatch::start(),
            selecting: None,
            parameter: None,
        };
        if let Some((history, selecting)) = taken {
            (run.history, run.selecting) = (history, Some(selecting));
        }
        match &context.resume {
            Some(resume) => run.go_on(resume)?,
            None => {
                if let Err(failure) = run.open_folder() {
                    not_kept(&failure);
                }
            }
        }
        Ok(run)
    }

    /// Make the folder and the journal of a new run.
    fn open_folder(&mut self) -> Result<(), Failure> {
        let Some(directory) = self.context.directory.clone() else {
            return Ok(());
        };
        if let Some(most) = self.context.most_runs {
            // One more is about to come.
            folder::prune(&directory, most.saturating_sub(1))?;
        }
        let (id, folder) = folder::create(&directory, &self.name)?;
        self._held = folder::hold(&folder)?;
        self.journal = Journal::create(&folder)?;
        (self.id, self.folder) = (id, Some(folder));
        self.keep(Entry::Began {
            version: journal::VERSION,
            run: self.id.clone(),
            harness: self.name.clone(),
            world: if self.context.simulated {
                "simulated"
            } else {
                "live"
            }
            .to_owned(),
            tool: tool_version(),
            client: client(),
            program: Box::new(self.context.program.clone()),
        });
        if let Some(purpose) = self.context.purpose.clone() {
            self.keep(Entry::MadeFor { purpose });
        }
        if !self.context.settings.is_empty() {
            let settings = self.context.settings.clone();
            self.keep(Entry::Settings { settings });
        }
        for parameter in self.context.parameters.clone() {
            self.keep_parameter(parameter);
        }
        if let (Some(selection), Some(selecting)) = (&self.context.selection, &self.selecting) {
            let entry = Entry::Partial {
                how: selection.how.as_str().to_owned(),
                step: selection.step.clone(),
                of: selecting.of.clone(),
            };
            self.keep(entry);
        }
        self.sync();
        if !self.context.text.is_empty() {
            let text = self.context.text.clone();
            self.copy_source("harness.scm", &text);
        }
        Ok(())
    }

    /// Take up the run in the folder that RESUME names.
    fn go_on(&mut self, resume: &Resume) -> Result<(), Failure> {
        let refused = |why: &str| {
            Failure::new(
                Key::Usage,
                format!("cannot resume run `{}`: {why}", folder::id(&resume.folder)),
            )
        };
        let held =
            folder::hold(&resume.folder)?.ok_or_else(|| refused("another process works on it"))?;
        let reading = journal::read(&resume.folder)?;
        let trouble = match reading.state {
            State::Whole => None,
            State::Torn => Some("the last line was torn and is left out".to_owned()),
            State::Damaged(line) => {
                return Err(refused(&format!("its journal is damaged at line {line}")));
            }
        };
        if let Some(trouble) = &trouble {
            tell(Event::Note {
                text: format!("journal of run `{}`: {trouble}", folder::id(&resume.folder)),
            });
        }
        self.history = History::of(reading.entries());
        self.journal = Journal::open(&resume.folder, &reading)?;
        self.id = folder::id(&resume.folder);
        self.folder = Some(resume.folder.clone());
        self._held = Some(held);
        self.resumed = true;
        self.keep(Entry::Resumed {
            tool: tool_version(),
            client: client(),
            source: if resume.current { "current" } else { "pinned" }.to_owned(),
            trouble,
        });
        for parameter in self.context.parameters.clone() {
            self.parameter(parameter);
        }
        self.sync();
        Ok(())
    }

    /// PARAMETER, which the program has declared, is one of this run; in one that goes
    /// on, a value that steps depend on and that has changed makes them suspect.
    pub fn parameter(&mut self, parameter: Parameter) {
        let before = self.context.resume.as_ref().and_then(|resume| {
            resume
                .parameters
                .iter()
                .find(|known| known.name == parameter.name)
        });
        if before.is_some_and(|before| before.value == parameter.value) {
            return;
        }
        if before.is_some() && parameter.evidence {
            self.parameter.get_or_insert_with(|| parameter.name.clone());
        }
        self.keep_parameter(parameter);
    }

    fn keep_parameter(&mut self, parameter: Parameter) {
        self.keep(Entry::Parameter {
            name: parameter.name,
            value: parameter.value,
            origin: parameter.origin,
            evidence: parameter.evidence,
        });
    }

    /// Write ENTRY to the journal. A journal that cannot be written is told
    /// and goes without: it must not end the hours of work that it is about.
    fn keep(&mut self, entry: Entry) {
        let line = journal::hidden(Line {
            time: journal::now(),
            entry,
        });
        if let Err(failure) = self.journal.write_line(&line) {
            not_kept(&failure);
        }
        if let Some(reporter) = &self.context.reporter {
            reporter.see(&self.id, self.folder.as_deref(), &line);
        }
    }

    fn sync(&mut self) {
        if let Err(failure) = self.journal.sync() {
            not_kept(&failure);
        }
    }

    /// The run's identifier, which is the name of its folder.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder of the run, where it is kept.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Whether another process has worked on it before.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The name under which a copy of the module in the file at PATH is kept: where
    /// it is below the directories that are searched for modules, if it is there.
    pub fn module_name(&self, path: &Path) -> Option<String> {
        let program = &self.context.program;
        // What `-L` names may be relative, and so are the names of its files then.
        let path = Path::new(&program.directory).join(path);
        program
            .load_path
            .iter()
            .filter_map(|directory| path.strip_prefix(directory).ok())
            .find(|relative| {
                relative
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)))
            })
            .map(|relative| format!("modules/{}", relative.display()))
    }

    /// Keep a copy of the module NAME, whose file at PATH has TEXT.
    pub fn module(&mut self, name: &str, path: &str, text: &[u8]) {
        if self.folder.is_none() || self.modules.iter().any(|known| known == name) {
            return;
        }
        self.modules.push(name.to_owned());
        if self.resumed {
            return;
        }
        self.copy_source(name, text);
        self.keep(Entry::Module {
            name: name.to_owned(),
            file: path.to_owned(),
            sha256: sha256(text),
        });
    }

    fn copy_source(&mut self, name: &str, text: &[u8]) {
        let Some(folder) = &self.folder else { return };
        let path = folder.join(folder::SOURCE).join(name);
        let write = || -> std::io::Result<()> {
            if let Some(parent) = path.parent() {
                crate::private::create_directory(parent)?;
            }
            std::fs::write(&path, text)
        };
        if let Err(error) = write() {
            tell(Event::Note {
                text: format!("cannot keep a copy of `{name}` for `runs resume`: {error}"),
            });
        }
    }

    /// The run has asked for MACHINE: everybody is told where it will act.
    pub fn asked_for(&mut self, machine: Machine) {
        tell(Event::Note {
            text: machine.to_string(),
        });
        self.keep(Entry::Machine {
            kind: machine.kind.clone(),
            host: machine.host.clone(),
            name: machine.name.clone(),
            vm: machine.vm.clone(),
            vdi: machine.vdi.clone(),
        });
        tool::look();
        // With several machines the record names the first.
        self.machine.get_or_insert(machine);
    }

    /// The machine boots from the image in FILE, which has this digest.
    pub fn boots_from(&mut self, file: &str, sha256: &str) {
        tell(Event::Note {
            text: format!("image {file}, sha256 {sha256}"),
        });
        self.keep(Entry::Image {
            file: file.to_owned(),
            sha256: sha256.to_owned(),
        });
        if self.image_sha256.is_empty() {
            sha256.clone_into(&mut self.image_sha256);
        }
    }

    /// A step called NAME, of KIND, with a text of this digest, comes up; steps may
    /// nest. INPUTS is what it says it depends on, as `write` prints it.
    pub fn step_comes(
        &mut self,
        name: &str,
        kind: StepKind,
        text: &str,
        inputs: Option<&str>,
    ) -> Result<Begun, Failure> {
        if self.selecting.as_ref().is_some_and(Selecting::is_enough) {
            return Ok(Begun::Enough);
        }
        let outer = self
            .frames
            .last_mut()
            .expect("the harness is the outermost frame");
        let count = outer.counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let mut path = outer.path.clone();
        path.push(match count {
            1 => name.to_owned(),
            count => format!("{name} ({count})"),
        });
        let suspect = outer.suspect.clone();
        let part = self
            .selecting
            .as_mut()
            .map(|selecting| selecting.part(&path));
        let past = self.history.meet(&path);
        let evidence = Evidence {
            kind,
            text,
            inputs,
            suspect: suspect.as_deref(),
            parameter: self.parameter.as_deref(),
        };
        let decision = match part {
            Some(Part::Chosen | Part::Around) => Decision::Do(None),
            Some(Part::Taken) | None => steps::decide(past, &evidence),
        };
        if part == Some(Part::Taken)
            && kind != StepKind::Resource
            && let Some(why) = decision.why_done()
        {
            return Err(self.not_taken(&path, &why));
        }
        let mut frame = Frame::new(path, suspect);
        frame.taken = part == Some(Part::Taken);
        frame.before = past.and_then(|past| past.end.clone());
        frame.was_passed_over = past.is_some_and(|past| past.passed_over);
        // What it may have left in the world is looked for by its nonce; what is done
        // again because that is doubtful must not find it.
        frame.nonce = match past {
            Some(past) if decision.goes_on(past) => past.nonce.clone(),
            _ => fresh_nonce(),
        };
        self.frames.push(frame);
        Ok(match decision {
            Decision::Do(why) => {
                self.step_begins(kind, text, inputs, why);
                Begun::Do
            }
            Decision::Finish(why) | Decision::Enter(why) => {
                self.step_begins(kind, text, inputs, Some(why));
                Begun::Do
            }
            Decision::Keep(why) => {
                let value = self.frames.last().and_then(|frame| frame.before.clone());
                let why = match &self.selecting {
                    Some(selecting) => format!("taken from run `{}`", selecting.of),
                    None => why,
                };
                self.step_kept(&why);
                Begun::Kept(value.and_then(|end| end.value))
            }
            Decision::Prove if part.is_some() => Begun::OnlyProve,
            Decision::Prove => Begun::Prove,
            Decision::Attach => Begun::Attach,
        })
    }

    /// The failure for the step at PATH, which is to be passed over and cannot be had
    /// from the other run: WHY.
    fn not_taken(&self, path: &StepPath, why: &str) -> Failure {
        let of = self
            .selecting
            .as_ref()
            .map_or("", |selecting| selecting.of.as_str());
        Failure::new(
            Key::Usage,
            format!(
                "cannot pass over step `{}`: run `{of}` does not have it to be taken: {why}",
                path.join(" / ")
            ),
        )
        .hint("begin with that step, by `--from`, or take from another run, by `--of`")
    }

    /// The step that came up last is not done, and cannot be passed over: WHY.
    pub fn step_refused(&mut self, why: &str) -> Result<(), Failure> {
        let frame = self.pop_step()?;
        Err(self.not_taken(&frame.path, why))
    }

    /// Whether nothing more of the harness is to be done.
    pub fn is_enough(&self) -> bool {
        self.selecting.as_ref().is_some_and(Selecting::is_enough)
    }

    /// The step that came up last begins, because of WHY where it was done before.
    pub fn step_begins(
        &mut self,
        kind: StepKind,
        text: &str,
        inputs: Option<&str>,
        why: Option<String>,
    ) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.began = Stopwatch::start();
        if kind == StepKind::Effect && why.is_some() {
            // It is done anew, with all that is in it.
            frame.nonce = fresh_nonce();
            frame.suspect.get_or_insert_with(|| frame.path.join(" / "));
        }
        let (step, nonce) = (frame.path.clone(), frame.nonce.clone());
        tell(Event::StepStarted {
            name: step.last().cloned().unwrap_or_default(),
        });
        if let Some(why) = &why
            && kind != StepKind::Resource
        {
            tell(Event::Note {
                text: format!("again: {why}"),
            });
        }
        self.keep(Entry::StepBegan {
            step,
            kind,
            text: text.to_owned(),
            inputs: inputs.map(str::to_owned),
            nonce,
            why,
        });
        // Before anything is changed it is known what was about to be.
        if kind == StepKind::Effect {
            self.sync();
        }
    }

    /// The step that came up last, an effect, is not done: its proof gave VALUE.
    pub fn step_proven(&mut self, why: &str, value: Option<String>) {
        let before = self.frames.last().and_then(|frame| frame.before.clone());
        self.step_kept(why);
        if let Some(before) = before
            && before.value != value
        {
            // The world has something else than this run has left there.
            self.suspect("what a proof found");
        }
    }

    /// From now on what the innermost step does is suspect because of CAUSE.
    fn suspect(&mut self, cause: &str) {
        if let Some(frame) = self.frames.last_mut() {
            frame.suspect.get_or_insert_with(|| cause.to_owned());
        }
    }

    /// The step that came up last is not done: WHY. What was recorded in it before
    /// is recorded.
    pub fn step_kept(&mut self, why: &str) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let past = self.history.get(&frame.path).cloned();
        tell(Event::StepKept {
            name: frame.path.last().cloned().unwrap_or_default(),
            why: why.to_owned(),
        });
        self.keep(Entry::StepKept {
            step: frame.path.clone(),
            why: why.to_owned(),
        });
        if let Some(past) = past {
            if past.passed_over {
                self.passed_over.push(frame.path.join(" / "));
            }
            for (key, value) in past.records {
                // The harness may have stopped to announce it.
                if let Err(failure) = self.record.set(&key, &value) {
                    tell(Event::Note {
                        text: failure.message().to_owned(),
                    });
                }
            }
        }
    }

    /// What the step that came up last may leave in the world to be found again.
    pub fn step_nonce(&self) -> &str {
        self.frames.last().map_or("", |frame| &frame.nonce)
    }

    /// The identifier of the run that has done the step that came up last, or does it:
    /// what it has left in the world may bear that.
    pub fn step_run(&self) -> &str {
        match &self.selecting {
            Some(selecting) if self.frames.last().is_some_and(|frame| frame.taken) => &selecting.of,
            _ => &self.id,
        }
    }

    /// The run that steps are taken from.
    pub fn taken_from(&self) -> Option<&str> {
        self.selecting
            .as_ref()
            .map(|selecting| selecting.of.as_str())
    }

    /// The step that began last has ended well, with VALUE, or is known by IDENTITY.
    pub fn step_passed(
        &mut self,
        value: Option<String>,
        identity: Option<String>,
    ) -> Result<(), Failure> {
        let frame = self.pop_step()?;
        let elapsed = frame.began.elapsed();
        let name = frame.path.last().cloned().unwrap_or_default();
        let is_other = frame
            .before
            .as_ref()
            .is_some_and(|before| (&before.value, &before.identity) != (&value, &identity));
        if is_other || frame.was_passed_over {
            self.suspect(&name);
        }
        tell(Event::StepPassed { name, elapsed });
        if let Some(selecting) = &mut self.selecting {
            selecting.ends(&frame.path);
        }
        self.keep(Entry::StepPassed {
            step: frame.path,
            milliseconds: milliseconds(elapsed),
            value,
            identity,
        });
        if let Err(failure) = self.journal.sync_what_took_long() {
            not_kept(&failure);
        }
        Ok(())
    }

    /// The step that began last has ended with an exception of KEY that says
    /// MESSAGE.
    pub fn step_failed(&mut self, key: &str, message: &str) -> Result<(), Failure> {
        let frame = self.pop_step()?;
        let elapsed = frame.began.elapsed();
        tell(Event::StepFailed {
            name: frame.path.last().cloned().unwrap_or_default(),
            elapsed,
            message: message.to_owned(),
        });
        self.keep(Entry::StepFailed {
            step: frame.path.clone(),
            milliseconds: milliseconds(elapsed),
            key: key.to_owned(),
            message: message.to_owned(),
        });
        self.sync();
        self.failed = Some(frame);
        Ok(())
    }

    /// The step that has failed last begins again where it was, because of WHY.
    pub fn step_again(
        &mut self,
        kind: StepKind,
        text: &str,
        inputs: Option<&str>,
        why: String,
    ) -> Result<(), Failure> {
        let mut frame = self
            .failed
            .take()
            .ok_or_else(|| Failure::new(Key::Usage, "no step has failed"))?;
        frame.counts.clear();
        self.frames.push(frame);
        self.step_begins(kind, text, inputs, Some(why));
        Ok(())
    }

    fn pop_step(&mut self) -> Result<Frame, Failure> {
        if self.frames.len() < 2 {
            return Err(Failure::new(Key::Usage, "no step is running"));
        }
        Ok(self.frames.pop().expect("it was just counted"))
    }

    /// Somebody lets the run go on although a step has failed; HOW says in which way.
    pub fn passed_over(&mut self, step: StepPath, how: &str) {
        self.passed_over.push(step.join(" / "));
        self.keep(Entry::StepPassedOver {
            step,
            how: how.to_owned(),
        });
        self.sync();
    }

    /// The steps that were passed over by hand.
    pub fn steps_passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The path of the step that goes on.
    pub fn current_step(&self) -> StepPath {
        self.frames
            .last()
            .map(|frame| frame.path.clone())
            .unwrap_or_default()
    }

    /// A check that WHAT describes holds.
    /// VALUE is what was expected and found, where that is short.
    pub fn check_passed(&mut self, what: &str, value: Option<String>) {
        tell(Event::CheckPassed {
            what: what.to_owned(),
        });
        self.keep(Entry::Checked {
            what: what.to_owned(),
            value,
        });
    }

    /// The check CHECK does not hold; whoever makes it decides what follows from that.
    pub fn check_failed(&mut self, check: FailedCheck) {
        self.keep(Entry::CheckFailed {
            what: check.what,
            place: check.place,
            message: check.message,
            expected: check.expected,
            actual: check.actual,
        });
    }

    /// The step that goes on is left out because of WHY.
    pub fn skipped(&mut self, why: &str) {
        self.keep(Entry::Skipped {
            why: why.to_owned(),
        });
    }

    /// The step that goes on fails, which says MESSAGE, as it is known to because of WHY.
    pub fn failed_as_known(&mut self, why: &str, message: &str) {
        self.keep(Entry::FailedAsKnown {
            why: why.to_owned(),
            message: message.to_owned(),
        });
    }

    /// A clean-up called WHAT was promised.
    pub fn promised(&mut self, what: &str) {
        self.keep(Entry::Promised {
            what: what.to_owned(),
        });
    }

    /// The clean-up called WHAT has been done, with TROUBLE when it failed.
    pub fn cleaned_up(&mut self, what: &str, trouble: Option<&str>) {
        tell(Event::Note {
            text: match trouble {
                None => format!("clean-up: {what}"),
                Some(trouble) => format!("clean-up `{what}` failed: {trouble}"),
            },
        });
        self.keep(Entry::CleanedUp {
            what: what.to_owned(),
            trouble: trouble.map(str::to_owned),
        });
    }

    /// The clean-up called WHAT is left out, and WHY.
    pub fn left_out(&mut self, what: &str, why: &str) {
        tell(Event::Note {
            text: format!("clean-up `{what}` is left out: {why}"),
        });
        self.keep(Entry::CleanedUp {
            what: what.to_owned(),
            trouble: Some(format!("left out: {why}")),
        });
    }

    /// A job called NAME goes on in the guest; HOW says whether it was started or
    /// taken up, and LOG is the file that keeps what it prints.
    pub fn job_began(&mut self, name: &str, how: &str, log: Option<&str>) {
        self.jobs.push(name.to_owned());
        self.keep(Entry::JobBegan {
            name: name.to_owned(),
            how: how.to_owned(),
            log: log.map(str::to_owned),
        });
        self.sync();
    }

    /// The job called NAME has ended; HOW says in which way.
    pub fn job_ended(&mut self, name: &str, how: &str) {
        self.jobs.retain(|job| job != name);
        self.keep(Entry::JobEnded {
            name: name.to_owned(),
            how: how.to_owned(),
        });
    }

    /// The jobs of this run that have not been seen to end.
    pub fn jobs(&self) -> &[String] {
        &self.jobs
    }

    /// Put VALUE into the record as KEY.
    pub fn record(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        self.record.set(key, value)?;
        self.keep(Entry::Recorded {
            key: key.to_owned(),
            value: value.to_owned(),
        });
        Ok(())
    }

    /// What has been recorded so far, in the promised order.
    pub fn record_entries(&self) -> Vec<(String, String)> {
        self.record.entries()
    }

    /// Whether the machine of this run, which has PASSED or not, is to be kept;
    /// KEEP_WORTH is how long finished steps must have taken to be worth that.
    pub fn choose_keeping(&mut self, passed: bool, keep_worth: Duration) -> Choice {
        // A part is done to do another one next.
        let passed = passed && self.selecting.is_none();
        let own = match (&self.folder, passed) {
            (Some(folder), false) => journal::read(folder)
                .map(|reading| History::of(reading.entries()).worth_milliseconds())
                .unwrap_or(0),
            _ => 0,
        };
        let worth = match self.selecting {
            Some(_) => own + self.history.worth_milliseconds(),
            None => own,
        };
        keeping::choose(&Ending {
            policy: self.context.policy,
            passed,
            simulated: self.context.simulated,
            unattended: self.context.unattended,
            job: self.jobs.first().map(String::as_str),
            worth_milliseconds: worth,
            keep_worth_milliseconds: milliseconds(keep_worth),
        })
    }

    /// What has become of the machine: kept UNTIL a time in seconds since 1970,
    /// with the words that LOGIN has for getting into it, or not; WHY.
    pub fn machine_kept(
        &mut self,
        machine: bool,
        why: &str,
        until: Option<u64>,
        login: Option<String>,
    ) {
        self.keep(Entry::Kept {
            machine,
            why: why.to_owned(),
            until,
            login,
        });
        self.sync();
    }

    /// Of which kind the run's machine is: `none` without one.
    pub fn kind(&self) -> &str {
        self.machine
            .as_ref()
            .map_or("none", |machine| &machine.kind)
    }

    /// End the run. One that passed must have recorded every key it promised;
    /// then its record goes to the metadata file, as does that of a partial one, which
    /// says so. Gives the verdict and what there is to say of it: what a hand has passed
    /// over never passes, nor does what was taken from another run.
    pub fn finish(&mut self, outcome: &Outcome) -> Result<(Verdict, Option<String>), Failure> {
        let vanished = match &self.selecting {
            // What was not done has not vanished.
            Some(_) => Vec::new(),
            None => self.history.vanished().into_iter().cloned().collect(),
        };
        for step in vanished {
            tell(Event::Note {
                text: format!(
                    "step `{}` of before is not there any more",
                    step.join(" / ")
                ),
            });
            self.keep(Entry::StepVanished { step });
        }
        let (verdict, message) = match (outcome, &self.selecting) {
            (Outcome::Passed, Some(selecting)) => {
                if !selecting.is_reached() {
                    return Err(Failure::new(
                        Key::Usage,
                        format!(
                            "cannot do step `{}`: no step of `{}` that came up is called so",
                            selecting.step(),
                            self.name
                        ),
                    )
                    .hint("`--list` tells the steps"));
                }
                if selecting.goes_to_the_end() {
                    self.record.check_complete(&self.name)?;
                }
                (Verdict::Partial, Some(selecting.to_string()))
            }
            (Outcome::Passed, None) if !self.passed_over.is_empty() => (
                Verdict::Partial,
                Some(format!(
                    "passed over by hand: {}",
                    self.passed_over.join(", ")
                )),
            ),
            (Outcome::Passed, None) => {
                self.record.check_complete(&self.name)?;
                (Verdict::Pass, None)
            }
            (Outcome::Failed { key, message }, _) => (Verdict::of_key(key), Some(message.clone())),
        };
        // What has met a machine is worth to be told by which program.
        if let Some(sha256) = self.machine.as_ref().and_then(|_| tool::sha256()) {
            self.keep(Entry::Tool {
                version: tool_version(),
                sha256,
            });
        }
        let reporting = self.context.reporter.as_ref();
        let overhead = self.journal.spent()
            + progress::spent()
            + reporting.map_or(Duration::ZERO, |reporter| reporter.spent());
        self.keep(Entry::Ended {
            verdict: verdict.as_str().to_owned(),
            message: message.clone(),
            milliseconds: milliseconds(self.began.elapsed()),
            overhead_microseconds: u64::try_from(overhead.as_micros()).unwrap_or(u64::MAX),
        });
        self.sync();
        if matches!(verdict, Verdict::Pass | Verdict::Partial)
            && let Some(destination) = &self.destination
        {
            let mut entries = self.record.entries();
            if verdict == Verdict::Partial {
                // Nobody is to take it for the record of a run that passed.
                entries.push(("verdict".to_owned(), verdict.as_str().to_owned()));
                entries.push((
                    "partial".to_owned(),
                    escape(message.as_deref().unwrap_or_default()),
                ));
            }
            entries.extend(self.provenance());
            destination.write(&entries)?;
        }
        if let Some(reporter) = &self.context.reporter {
            reporter.ended(self.folder.as_deref());
        }
        Ok((verdict, message))
    }

    /// What stands behind the harness's own keys in the metadata file: where the
    /// run was, of what, and the head of its journal.
    fn provenance(&self) -> Vec<(String, String)> {
        let machine = self.machine.clone().unwrap_or_default();
        let entries = [
            ("run_kind", self.kind().to_owned()),
            ("run_id", self.id.clone()),
            ("host", machine.host),
            ("vm", machine.vm),
            ("vdi", machine.vdi),
            ("image_sha256", self.image_sha256.clone()),
            ("harness_sha256", self.context.program.sha256.clone()),
            ("journal_sha256", self.journal.head().to_owned()),
            ("tool_version", tool_version()),
        ];
        entries.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// How long the run has gone on in this process.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

fn fresh_nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// The version of fruix-scm, as records name it.
pub fn tool_version() -> String {
    format!("fruix-scm {}", env!("CARGO_PKG_VERSION"))
}

/// This machine and its boot, so that runs of several machines are told apart.
fn client() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// The SHA-256 of BYTES in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    journal::hexadecimal(&sha2::Sha256::digest(bytes))
}

fn not_kept(failure: &Failure) {
    tell(Event::Note {
        text: format!("this run is not kept: {failure}"),
    });
}

fn milliseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
