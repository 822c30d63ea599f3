//! What a run's journal is evidence of, put in order for whoever reads a report.
//!
//! One walk over the lines makes it: of a step that was done again, in the same process
//! or in another one, the last time counts.

use super::cases;
use super::model::Suite;
use crate::run::Machine;
use crate::run::folder::Summary;
use crate::run::journal::{Entry, Line, Parameter, Program, StepKind, StepPath};
use std::collections::HashMap;

/// A run, as its report tells it.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub summary: Summary,
    pub program: Program,
    /// The version of fruix-scm, and the SHA-256 of its program where it is known.
    pub tool: String,
    pub tool_sha256: Option<String>,
    /// The machine that fruix-scm ran on.
    pub client: String,
    pub machines: Vec<Machine>,
    pub images: Vec<Image>,
    pub modules: Vec<Module>,
    pub settings: Vec<(String, String)>,
    pub parameters: Vec<Parameter>,
    /// The keys of the record and their values, in the order in which they were found out.
    pub record: Vec<(String, String)>,
    /// Which part of the harness was done, and from which run the rest was taken.
    pub partial: Option<Partial>,
    /// In the order in which they first began; the first, without a name, is the harness.
    pub steps: Vec<Step>,
    pub clean_ups: Vec<CleanUp>,
    /// What became of the machine: whether it was kept, and why.
    pub kept: Option<(bool, String)>,
    /// How long the report tells of, in milliseconds of the run.
    pub milliseconds: u64,
}

/// What a machine boots from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub file: String,
    pub sha256: String,
}

/// A module of which a copy was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    pub name: String,
    pub sha256: String,
}

/// A run in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    pub how: String,
    pub step: String,
    pub of: String,
}

/// A file that the run has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl KeptFile {
    /// Whether it is what the harness has made, and more than what was seen on the way.
    pub fn is_artifact(&self) -> bool {
        is_artifact(&self.name)
    }
}

/// Whether the file NAME of a run's folder is one that the harness has made: not a log, a
/// picture, or what finds a guest.
pub fn is_artifact(name: &str) -> bool {
    let seen = [".log", ".log.gz", ".log.gz.index", ".png"];
    name != "known_hosts" && !seen.iter().any(|ending| name.ends_with(ending))
}

/// A clean-up, and what went wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanUp {
    pub what: String,
    pub trouble: Option<String>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub path: StepPath,
    pub kind: StepKind,
    /// When it began: milliseconds that steps before it took.
    pub offset: u64,
    pub milliseconds: Option<u64>,
    pub state: State,
    /// How often it began.
    pub attempts: u32,
    /// Why it was done again, if it was.
    pub why: Option<String>,
    pub checks: Vec<Check>,
    /// Whether other steps stand in it.
    pub has_inner: bool,
    /// Whether it has not come up again when the step around it was done again.
    stale: bool,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not ended.
    Open,
    Passed,
    Failed {
        key: String,
        message: String,
    },
    /// It was not done again: why.
    Kept(String),
    /// It has failed, and somebody let the run go on: how.
    PassedOver {
        how: String,
        message: String,
    },
}

/// A check, or what a step says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub what: String,
    /// `FILE:LINE:COLUMN`.
    pub place: Option<String>,
    pub outcome: CheckOutcome,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It holds; what was expected and found, where that is known.
    Holds(Option<String>),
    Fails {
        message: String,
        expected: Option<String>,
        actual: Option<String>,
    },
    /// The step is left out: why.
    Skipped(String),
    /// The step fails, as it is known to: why.
    KnownFailure { why: String, message: String },
}

impl Evidence {
    /// What the journal that SUMMARY tells of is evidence of.
    pub fn of(summary: Summary) -> Evidence {
        let mut walk = Walk::new();
        let mut evidence = Evidence {
            program: summary.reading.program().cloned().unwrap_or_default(),
            parameters: summary.reading.parameters(),
            tool: String::new(),
            tool_sha256: None,
            client: String::new(),
            machines: Vec::new(),
            images: Vec::new(),
            modules: Vec::new(),
            settings: Vec::new(),
            record: Vec::new(),
            partial: None,
            steps: Vec::new(),
            clean_ups: Vec::new(),
            kept: None,
            milliseconds: 0,
            summary,
        };
        let lines = std::mem::take(&mut evidence.summary.reading.lines);
        for line in &lines {
            evidence.see(line);
            walk.see(&line.entry);
        }
        evidence.summary.reading.lines = lines;
        evidence.milliseconds = walk.now;
        evidence.steps = walk.end();
        evidence
    }

    fn see(&mut self, line: &Line) {
        match &line.entry {
            Entry::Began { tool, client, .. } | Entry::Resumed { tool, client, .. } => {
                self.tool.clone_from(tool);
                self.client.clone_from(client);
                self.clean_ups.clear();
            }
            Entry::Tool { version, sha256 } => {
                self.tool.clone_from(version);
                self.tool_sha256 = Some(sha256.clone());
            }
            Entry::Settings { settings } => self.settings.clone_from(settings),
            Entry::Module { name, sha256, .. } => self.modules.push(Module {
                name: name.clone(),
                sha256: sha256.clone(),
            }),
            Entry::Machine {
                kind,
                host,
                name,
                vm,
                vdi,
            } => {
                let machine = Machine {
                    kind: kind.clone(),
                    host: host.clone(),
                    name: name.clone(),
                    vm: vm.clone(),
                    vdi: vdi.clone(),
                };
                if !self.machines.contains(&machine) {
                    self.machines.push(machine);
                }
            }
            Entry::Image { file, sha256 } => {
                let image = Image {
                    file: file.clone(),
                    sha256: sha256.clone(),
                };
                if !self.images.contains(&image) {
                    self.images.push(image);
                }
            }
            Entry::Recorded { key, value } => {
                match self.record.iter_mut().find(|(known, _)| known == key) {
                    Some((_, known)) => known.clone_from(value),
                    None => self.record.push((key.clone(), value.clone())),
                }
            }
            Entry::Partial { how, step, of } => {
                self.partial = Some(Partial {
                    how: how.clone(),
                    step: step.clone(),
                    of: of.clone(),
                });
            }
            Entry::CleanedUp { what, trouble } => self.clean_ups.push(CleanUp {
                what: what.clone(),
                trouble: trouble.clone(),
            }),
            Entry::Kept { machine, why, .. } => self.kept = Some((*machine, why.clone())),
            _ => {}
        }
    }

    /// The run as a suite of cases.
    pub fn suite(&self) -> Suite {
        cases::suite(self)
    }

    /// Of which kind the run's machine was: `none` without one. A run on machines of
    /// several kinds is as live as the least of them.
    pub fn kind(&self) -> &str {
        self.machines
            .iter()
            .find(|machine| machine.kind != "live")
            .or(self.machines.first())
            .map_or("none", |machine| &machine.kind)
    }
}

/// The steps, while the lines are gone through.
struct Walk {
    steps: Vec<Step>,
    /// Where each path is in `steps`.
    known: HashMap<StepPath, usize>,
    /// Which steps stand directly in which.
    inner: HashMap<usize, Vec<usize>>,
    open: Vec<usize>,
    /// Milliseconds so far.
    now: u64,
}

impl Walk {
    fn new() -> Walk {
        let mut walk = Walk {
            steps: Vec::new(),
            known: HashMap::new(),
            inner: HashMap::new(),
            open: vec![0],
            now: 0,
        };
        walk.step(&StepPath::new());
        walk
    }

    /// Where the step at PATH is, which is there from now on.
    fn step(&mut self, path: &StepPath) -> usize {
        if let Some(at) = self.known.get(path) {
            return *at;
        }
        let at = self.steps.len();
        self.steps.push(Step {
            path: path.clone(),
            kind: StepKind::Result,
            offset: self.now,
            milliseconds: None,
            state: State::Open,
            attempts: 0,
            why: None,
            checks: Vec::new(),
            has_inner: false,
            stale: false,
        });
        self.known.insert(path.clone(), at);
        if let Some((_, outer)) = path.split_last()
            && let Some(outer) = self.known.get(outer)
        {
            self.steps[*outer].has_inner = true;
            self.inner.entry(*outer).or_default().push(at);
        }
        at
    }

    /// What stands in the step at AT counts as gone, or not, until it comes up.
    fn mark(&mut self, at: usize, stale: bool) {
        let mut left = self.inner.get(&at).cloned().unwrap_or_default();
        while let Some(inner) = left.pop() {
            self.steps[inner].stale = stale;
            left.extend(self.inner.get(&inner).into_iter().flatten());
        }
    }

    fn close(&mut self, at: usize) {
        if let Some(depth) = self.open.iter().rposition(|open| *open == at) {
            self.open.truncate(depth.max(1));
        }
    }

    fn ended(&mut self, path: &StepPath, milliseconds: u64, state: State) {
        let at = self.step(path);
        let step = &mut self.steps[at];
        step.milliseconds = Some(milliseconds);
        step.state = state;
        self.now = self.now.max(step.offset + milliseconds);
        self.close(at);
    }

    fn check(&mut self, what: &str, place: Option<String>, outcome: CheckOutcome) {
        let at = *self.open.last().expect("the harness is always open");
        self.steps[at].checks.push(Check {
            what: what.to_owned(),
            place,
            outcome,
        });
    }

    fn see(&mut self, entry: &Entry) {
        match entry {
            Entry::Resumed { .. } => {
                self.open.truncate(1);
                self.steps[0].checks.clear();
            }
            Entry::StepBegan {
                step, kind, why, ..
            } => {
                let at = self.step(step);
                let now = self.now;
                let found = &mut self.steps[at];
                let again = found.attempts > 0;
                found.attempts += 1;
                found.kind = *kind;
                found.offset = now;
                found.why.clone_from(why);
                found.milliseconds = None;
                found.state = State::Open;
                found.stale = false;
                found.checks.clear();
                if again {
                    self.mark(at, true);
                }
                self.open.push(at);
            }
            Entry::StepPassed {
                step, milliseconds, ..
            } => self.ended(step, *milliseconds, State::Passed),
            Entry::StepFailed {
                step,
                milliseconds,
                key,
                message,
            } => {
                let state = State::Failed {
                    key: key.clone(),
                    message: message.clone(),
                };
                self.ended(step, *milliseconds, state);
            }
            Entry::StepKept { step, why } => {
                let at = self.step(step);
                self.steps[at].state = State::Kept(why.clone());
                self.steps[at].stale = false;
                self.mark(at, false);
                self.close(at);
            }
            Entry::StepVanished { step } => {
                if let Some(at) = self.known.get(step) {
                    self.steps[*at].stale = true;
                }
            }
            Entry::StepPassedOver { step, how } => {
                let at = self.step(step);
                let message = match &self.steps[at].state {
                    State::Failed { message, .. } => message.clone(),
                    _ => String::new(),
                };
                self.steps[at].state = State::PassedOver {
                    how: how.clone(),
                    message,
                };
            }
            Entry::Checked { what, value } => {
                self.check(what, None, CheckOutcome::Holds(value.clone()));
            }
            Entry::CheckFailed {
                what,
                place,
                message,
                expected,
                actual,
            } => {
                let outcome = CheckOutcome::Fails {
                    message: message.clone(),
                    expected: expected.clone(),
                    actual: actual.clone(),
                };
                self.check(what, place.clone(), outcome);
            }
            Entry::Skipped { why } => {
                self.check("skipped", None, CheckOutcome::Skipped(why.clone()));
            }
            Entry::FailedAsKnown { why, message } => {
                let outcome = CheckOutcome::KnownFailure {
                    why: why.clone(),
                    message: message.clone(),
                };
                // The check in which it failed is that failure.
                let at = *self.open.last().expect("the harness is always open");
                self.steps[at].checks.retain(|check| {
                    !matches!(&check.outcome, CheckOutcome::Fails { message: said, .. }
                        if said == message)
                });
                self.check("fails, as is known", None, outcome);
            }
            _ => {}
        }
    }

    fn end(self) -> Vec<Step> {
        self.steps.into_iter().filter(|step| !step.stale).collect()
    }
}
