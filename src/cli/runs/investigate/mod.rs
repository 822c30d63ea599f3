//! `runs investigate`: whose fault it is that a run has failed.
//!
//! It makes the four runs of {harness, image} × {as it was good, now}, or finds them made:
//! journals say of which harness, image and options a run was, so nothing else is kept,
//! and whoever begins again after an interrupt goes on. Each is made by a process of its
//! own, one after the other: they need the same machine. What they say together is
//! [`crate::report::blame`]'s, what a run was of [`subject`]'s.

mod subject;

use super::super::child::{self, End};
use super::super::output::{print_line, print_text};
use super::super::settings::Environment;
use super::{find, kept};
use crate::failure::{Failure, Key};
use crate::progress::{Event, tell};
use crate::report::blame::{Answer, Answers, Blame, ORDER, Side};
use crate::report::comparison::{Change, Comparison};
use crate::report::data;
use crate::report::evidence::Evidence;
use crate::run::folder::{self, Summary};
use crate::run::journal::{self, State};
use crate::run::verdict::Verdict;
use crate::visible::escape;
use clap::Args;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use subject::{Harness, Images, Subject};

/// Say whether the harness, the product or the lab is at fault that run ID has failed
///
/// Runs what is needed of {harness, image} as they were in the run that was good last, and
/// as they are in run ID; what is made already is not made again.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The run that failed, or how its identifier begins; the newest that failed without ID
    id: Option<String>,
    /// The run that was good; the last one of the same harness before ID unless given
    #[arg(long, value_name = "ID")]
    good: Option<String>,
    /// A file that may be an image of theirs, which is known by its bytes; may be repeated
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Make all four runs, also when fewer tell it
    #[arg(long)]
    all: bool,
    /// Say what there is and what would be run, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// How often a run that says nothing is made.
const ATTEMPTS: usize = 2;

/// Do what ARGUMENTS say.
pub fn run(arguments: &Arguments, environment: &Environment) -> Result<u8, Failure> {
    let (directory, runs) = kept(environment)?;
    let failed = match &arguments.id {
        Some(id) => Subject::of(&find(Some(id), environment)?)?,
        None => newest_failure(&directory, &runs)?,
    };
    check_failed(&failed)?;
    let good = match &arguments.good {
        Some(id) => Subject::of(&find(Some(id), environment)?)?,
        None => last_good(&failed, &runs)?,
    };
    check_good(&good, &failed)?;
    let elsewhere: Vec<PathBuf> = arguments
        .image
        .iter()
        .map(|file| environment.directory.join(file))
        .collect();
    let mut investigation = Investigation::of(good, failed, &elsewhere, directory)?;
    if arguments.dry_run {
        investigation.look_for_all()?;
    } else {
        investigation.go(arguments.all)?;
    }
    match arguments.json {
        true => print_text(&data::text(&investigation.told()))?,
        false => investigation.print()?,
    }
    let decided = Blame::of(&investigation.answers);
    Ok(match decided {
        Some(Blame::Unclear) => Key::Partial.exit_status(),
        _ => 0,
    })
}

/// The newest of RUNS, which are in DIRECTORY, that has failed and was not made to find
/// out about another one.
fn newest_failure(directory: &Path, runs: &[PathBuf]) -> Result<Subject, Failure> {
    let has_failed = |folder: &&PathBuf| {
        let summary = folder::summary(folder);
        says_something(summary.verdict) && summary.reading.purpose().is_none()
    };
    let found = runs.iter().rev().find(has_failed).ok_or_else(|| {
        Failure::new(
            Key::Usage,
            format!("no run in `{}` has failed", directory.display()),
        )
    })?;
    Subject::of(found)
}

/// Whether a run that ended so has met something that could be a fault.
fn says_something(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Error | Verdict::NotReady)
}

fn check_failed(run: &Subject) -> Result<(), Failure> {
    let Summary { id, verdict, .. } = &run.evidence.summary;
    match says_something(*verdict) {
        true => Ok(()),
        false => Err(Failure::new(
            Key::Usage,
            format!("cannot investigate run `{id}`: its verdict is `{verdict}`"),
        )
        .hint("name a run with the verdict `fail`, `error` or `not-ready`")),
    }
}

fn check_good(good: &Subject, failed: &Subject) -> Result<(), Failure> {
    let (then, now) = (&good.evidence.summary, &failed.evidence.summary);
    let why = if then.verdict != Verdict::Pass {
        format!("its verdict is `{}`", then.verdict)
    } else if then.harness != now.harness {
        format!(
            "it was of harness `{}`, not `{}`",
            then.harness, now.harness
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(
        Key::Usage,
        format!("cannot take run `{}` for the good one: {why}", then.id),
    ))
}

/// The last of RUNS before that of FAILED that was of the same harness, in the same kind
/// of world, and good. Those that were made to find out about others may be of images of
/// long ago.
fn last_good(failed: &Subject, runs: &[PathBuf]) -> Result<Subject, Failure> {
    let now = &failed.evidence.summary;
    let good = runs.iter().rev().find_map(|folder| {
        let summary = folder::summary(folder);
        let is_good = summary.harness == now.harness
            && summary.verdict == Verdict::Pass
            && summary.reading.purpose().is_none()
            && summary.began <= now.began;
        let subject = is_good.then(|| Subject::of(folder).ok())??;
        (subject.is_simulated() == failed.is_simulated()).then_some(subject)
    });
    good.ok_or_else(|| {
        Failure::new(
            Key::Usage,
            format!(
                "cannot investigate run `{}`: no run of `{}` before it has passed",
                now.id, now.harness
            ),
        )
        .hint("`--good ID` names one that was good")
    })
}

/// One of the four runs.
struct Cell {
    harness: Side,
    image: Side,
    /// What runs it.
    command: Vec<OsString>,
    run: Option<Summary>,
    was_found: bool,
    /// How the process ended that was to make it and has left no run.
    without_run: Option<End>,
    /// Held so that it is not removed before all four are there.
    _kept: Option<File>,
}

/// What is found out about a run that failed.
struct Investigation {
    good: Subject,
    failed: Subject,
    /// As they were good, and as they are now.
    harnesses: [Harness; 2],
    images: [Images; 2],
    same_harness: bool,
    same_images: bool,
    /// Where runs are kept.
    directory: PathBuf,
    cells: Vec<Cell>,
    answers: Answers,
}

impl Investigation {
    fn of(
        good: Subject,
        failed: Subject,
        elsewhere: &[PathBuf],
        directory: PathBuf,
    ) -> Result<Investigation, Failure> {
        let harnesses = [good.harness()?, failed.harness()?];
        let images = [good.images(elsewhere)?, failed.images(elsewhere)?];
        let mut investigation = Investigation {
            same_harness: harnesses[0].is(&harnesses[1]),
            same_images: images[0].are(&images[1]),
            good,
            failed,
            harnesses,
            images,
            directory,
            cells: Vec::new(),
            answers: Answers::default(),
        };
        for (harness, image) in ORDER {
            let command = investigation.command(harness, image);
            investigation.cells.push(Cell {
                harness,
                image,
                command,
                run: None,
                was_found: false,
                without_run: None,
                _kept: None,
            });
        }
        Ok(investigation)
    }

    /// The words that run HARNESS on IMAGE; all else is as in the run that failed.
    fn command(&self, harness: Side, image: Side) -> Vec<OsString> {
        let options = self.failed.options().into_iter().map(OsString::from);
        let arguments = &self.failed.evidence.program.arguments;
        options
            .chain(self.images[image as usize].words())
            // The next one needs the machine.
            .chain((!self.failed.is_simulated()).then(|| "--tidy".into()))
            .chain(self.harnesses[harness as usize].words.iter().cloned())
            .chain(arguments.iter().map(OsString::from))
            .collect()
    }

    /// Whether a run of HARNESS on IMAGE is one of those of cell AT, too: where nothing
    /// has changed there are not four.
    fn is_the_same(&self, at: usize, harness: Side, image: Side) -> bool {
        let cell = &self.cells[at];
        (self.same_harness || cell.harness == harness) && (self.same_images || cell.image == image)
    }

    /// Find or make the runs, until they tell whose fault it is, or ALL.
    fn go(&mut self, all: bool) -> Result<(), Failure> {
        for at in 0..self.cells.len() {
            let is_enough = !all && Blame::of(&self.answers).is_some();
            if self.taken_from_before(at) || is_enough {
                continue;
            }
            self.tell_of(at);
            self.find(at)?;
            for _ in 0..ATTEMPTS {
                if self.is_answered(at) {
                    break;
                }
                self.make(at)?;
            }
            self.answer(at);
        }
        Ok(())
    }

    /// Find the runs that are made already.
    fn look_for_all(&mut self) -> Result<(), Failure> {
        for at in 0..self.cells.len() {
            if !self.taken_from_before(at) {
                let found = self.newest_of(at)?;
                self.take(
                    at,
                    found.filter(|run| run.verdict != Verdict::Running),
                    true,
                );
                if self.cells[at].run.is_some() {
                    self.answer(at);
                }
            }
        }
        Ok(())
    }

    fn tell_of(&self, at: usize) {
        let cell = &self.cells[at];
        tell(Event::Note {
            text: format!(
                "harness {}, image {}: {}",
                cell.harness,
                cell.image,
                child::shown(&cell.command)
            ),
        });
    }

    /// Take for cell AT what an earlier one has said that is the same, if one has.
    fn taken_from_before(&mut self, at: usize) -> bool {
        let (harness, image) = (self.cells[at].harness, self.cells[at].image);
        let same = (0..at).find(|before| self.is_the_same(*before, harness, image));
        let said = same.map(|same| &self.cells[same]).and_then(|cell| {
            let answer = self.answers.get(cell.harness, cell.image)?;
            Some((cell.run.clone(), cell.without_run, answer))
        });
        let Some((run, without_run, answer)) = said else {
            return false;
        };
        self.answers.set(harness, image, answer);
        let cell = &mut self.cells[at];
        (cell.run, cell.without_run, cell.was_found) = (run, without_run, true);
        true
    }

    /// Look for a run of cell AT that is made already; one that goes on is waited for.
    fn find(&mut self, at: usize) -> Result<(), Failure> {
        let mut found = self.newest_of(at)?;
        if let Some(run) = found.take_if(|run| run.verdict == Verdict::Running) {
            tell(Event::Note {
                text: format!("waiting for run `{}`, on which a process works", run.id),
            });
            let folder = run.folder.clone();
            child::until("waiting for a run", || !folder::is_held(&folder))?;
            found = self.newest_of(at)?;
        }
        if let Some(run) = &found {
            tell(Event::Note {
                text: format!("run `{}` is there already: {}", run.id, run.verdict),
            });
        }
        self.take(at, found, true);
        Ok(())
    }

    /// Make a run of cell AT, or go on with one that is live and was cut short.
    fn make(&mut self, at: usize) -> Result<(), Failure> {
        let began = journal::now();
        let open = self.cells[at].run.as_ref().filter(|run| {
            !self.failed.is_simulated()
                && matches!(run.verdict, Verdict::Interrupted | Verdict::Lost)
        });
        let words: Vec<OsString> = match open {
            Some(run) => ["runs", "resume", &run.id, "--pinned", "--tidy"]
                .map(OsString::from)
                .into(),
            None => self.cells[at].command.clone(),
        };
        let (harness, image) = (self.cells[at].harness, self.cells[at].image);
        let purpose = format!(
            "investigating run `{}`: harness {harness}, image {image}",
            self.failed.evidence.summary.id
        );
        let mut command = child::fruix_scm(&words, &purpose)?;
        command.current_dir(&self.failed.evidence.program.directory);
        let end = child::run("the harness", command)?;
        let found = self
            .newest_of(at)?
            .filter(|run| run.last.is_some_and(|last| last >= began));
        if found
            .as_ref()
            .is_some_and(|run| run.verdict == Verdict::Interrupted)
        {
            // Somebody has ended that one process: he means all of it.
            return Err(Failure::interrupted("investigating a run"));
        }
        let without_run = found.is_none().then_some(end);
        self.take(at, found, false);
        self.cells[at].without_run = without_run;
        Ok(())
    }

    fn take(&mut self, at: usize, run: Option<Summary>, was_found: bool) {
        let cell = &mut self.cells[at];
        cell._kept = run.as_ref().and_then(|run| {
            // One that may be gone on with is not held.
            (run.verdict == Verdict::Pass || says_something(run.verdict))
                .then(|| folder::keep(&run.folder))?
        });
        (cell.run, cell.was_found) = (run, was_found);
    }

    fn is_answered(&self, at: usize) -> bool {
        self.answer_of(at) != Answer::Nothing
    }

    fn answer(&mut self, at: usize) {
        let (harness, image) = (self.cells[at].harness, self.cells[at].image);
        self.answers.set(harness, image, self.answer_of(at));
    }

    /// What cell AT has said: a run that failed is one that found the system or the
    /// script at fault, or that ended as the one did that is looked into.
    fn answer_of(&self, at: usize) -> Answer {
        match self.cells[at].run.as_ref().map(|run| run.verdict) {
            Some(Verdict::Pass) => Answer::Passed,
            Some(Verdict::Fail | Verdict::Error) => Answer::Failed,
            Some(verdict)
                if says_something(verdict) && verdict == self.failed.evidence.summary.verdict =>
            {
                Answer::Failed
            }
            _ => Answer::Nothing,
        }
    }

    /// The newest run that was made of cell AT since the one that failed.
    fn newest_of(&self, at: usize) -> Result<Option<Summary>, Failure> {
        let failed = &self.failed.evidence;
        let since = failed.summary.last.unwrap_or_default();
        let stamp = journal::timestamp(since);
        let runs = folder::list(&self.directory)?;
        let newer = runs
            .iter()
            .rev()
            .filter(|folder| folder::is_id(&folder::id(folder)))
            .take_while(|folder| *folder::id(folder) >= *stamp);
        let (harness, image) = (self.cells[at].harness, self.cells[at].image);
        let mut newest = None;
        for folder in newer {
            let summary = folder::summary(folder);
            let is_older = [&self.good, &self.failed]
                .iter()
                .any(|known| known.evidence.summary.id == summary.id)
                || summary.began.is_none_or(|began| began < since);
            if is_older {
                continue;
            }
            let evidence = Evidence::of(summary);
            let is_it = is_alike(&evidence, failed)
                && self.harnesses[harness as usize].was_of(&evidence)
                && self.images[image as usize].were_of(&evidence);
            if !is_it {
                continue;
            }
            let summary = evidence.summary;
            match summary.verdict {
                // One that says something counts before one that was cut short later.
                Verdict::Interrupted | Verdict::Lost | Verdict::Partial => {
                    newest = newest.or(Some(summary));
                }
                _ => return Ok(Some(summary)),
            }
        }
        Ok(newest)
    }

    /// What has changed, as far as that is known, beside harness and image, from the good
    /// run to what was made of the same harness and image now.
    fn differences(&self) -> Vec<Change> {
        let made = self.cells.iter().find(|cell| self.is_both_good(cell));
        let Some(run) = made.and_then(|cell| cell.run.clone()) else {
            return Vec::new();
        };
        let made = Evidence::of(run);
        let changed = Comparison::of(&self.good.evidence, &made).circumstances;
        let is_simulated = self.failed.is_simulated();
        let is_told = |change: &Change| {
            let name = change.name.as_str();
            let of_a_world = ["host", "vm", "vdi", "setting ", "image_sha256"];
            !(name == "verdict"
                || name == "setting image"
                || is_simulated && of_a_world.iter().any(|it| name.starts_with(it)))
        };
        let options = (self.good.options(), self.failed.options());
        let options = (options.0 != options.1).then(|| Change {
            name: "options".to_owned(),
            before: Some(options.0.join(" ")),
            after: Some(options.1.join(" ")),
        });
        changed.into_iter().filter(is_told).chain(options).collect()
    }

    fn is_both_good(&self, cell: &Cell) -> bool {
        (cell.harness, cell.image) == (Side::Good, Side::Good)
    }

    fn ids(&self) -> (&str, &str) {
        (
            &self.good.evidence.summary.id,
            &self.failed.evidence.summary.id,
        )
    }

    /// What is found out, as data.
    fn told(&self) -> Value {
        let (good, failed) = self.ids();
        let blame = Blame::of(&self.answers);
        let cells: Vec<Value> = self
            .cells
            .iter()
            .map(|cell| {
                json!({
                    "harness": cell.harness.as_str(),
                    "image": cell.image.as_str(),
                    "verdict": cell.run.as_ref().map(|run| run.verdict.as_str()),
                    "run": cell.run.as_ref().map(|run| &run.id),
                    "failing_step": cell.run.as_ref().and_then(|run| run.failed.last()),
                    "found": cell.was_found,
                    "status_without_run": cell.without_run.map(End::status),
                    "command": child::shown(&cell.command),
                })
            })
            .collect();
        let differences: Vec<Value> = self
            .differences()
            .iter()
            .map(|change| {
                json!({ "name": change.name, "before": change.before, "after": change.after })
            })
            .collect();
        json!({
            "good_run": good,
            "failed_run": failed,
            "harness_changed": !self.same_harness,
            "image_changed": !self.same_images,
            "runs": cells,
            "fault": blame.map(Blame::as_str),
            "reason": blame.map(Blame::reason),
            "differences": differences,
        })
    }

    fn print(&self) -> Result<(), Failure> {
        let (good, failed) = self.ids();
        print_line(format_args!("good_run={}", escape(good)))?;
        print_line(format_args!("failed_run={}", escape(failed)))?;
        let changed = |same: bool| if same { "no" } else { "yes" };
        print_line(format_args!(
            "harness_changed={}",
            changed(self.same_harness)
        ))?;
        print_line(format_args!("image_changed={}", changed(self.same_images)))?;
        for cell in &self.cells {
            let name = format!("harness_{}_image_{}", cell.harness, cell.image);
            print_line(format_args!("{name}={}", escape(&outcome(cell))))?;
            print_line(format_args!(
                "{name}_command={}",
                escape(&child::shown(&cell.command))
            ))?;
        }
        let Some(blame) = Blame::of(&self.answers) else {
            return Ok(());
        };
        for change in self.differences() {
            print_line(escape(&format!(
                "changed={}: {}",
                change.name,
                super::diff::of(&change)
            )))?;
        }
        print_line(format_args!("fault={}", blame.as_str()))?;
        print_line(format_args!("reason={}", blame.reason()))
    }
}

/// What has become of CELL, in words.
fn outcome(cell: &Cell) -> String {
    match (&cell.run, cell.without_run) {
        (Some(run), _) => {
            let step = run
                .failed
                .last()
                .map(|step| format!(" at {}", step.join(" / ")));
            format!("{} {}{}", run.verdict, run.id, step.unwrap_or_default())
        }
        (None, Some(end)) => format!("none, the process ended with status {}", end.status()),
        (None, None) => "not made".to_owned(),
    }
}

/// Whether the run of EVIDENCE was one as that of FAILED, but for its harness's text and
/// its images.
fn is_alike(evidence: &Evidence, failed: &Evidence) -> bool {
    let (summary, program) = (&evidence.summary, &evidence.program);
    let is_known = |name: &str, value: &str| {
        let known = failed.parameters.iter().find(|known| known.name == name);
        known.is_none_or(|known| known.value == value)
    };
    summary.harness == failed.summary.harness
        && matches!(summary.reading.state, State::Whole | State::Torn)
        && evidence.partial.is_none()
        && program.arguments == failed.program.arguments
        && subject::options(evidence) == subject::options(failed)
        && evidence
            .parameters
            .iter()
            .filter(|parameter| parameter.evidence)
            .all(|parameter| is_known(&parameter.name, &parameter.value))
}
