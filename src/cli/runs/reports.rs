//! Reports of runs: `runs report`, and the options that have a program's runs reported
//! while they go on and when they end.
//!
//! Both read the folder of the run and make the same of it ([`kept`]), so a report that is
//! made afterwards says what the one at the end said.

use super::super::settings::Environment;
use super::super::trouble;
use super::kept;
use crate::failure::{Failure, Key};
use crate::progress::{Event, tell};
use crate::report::{html, jsonl, junit, tap};
use crate::run::folder;
use crate::run::journal::Line;
use crate::run::record::{Destination, What};
use crate::run::reporter::Reporter;
use clap::Args;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where reports go.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Report to FILE as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Report to FILE as TAP 14
    #[arg(long, value_name = "FILE")]
    tap: Option<PathBuf>,
    /// Report to FILE as a page that stands for itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Tell FILE of each event as it happens, as JSON Lines
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
}

impl Files {
    /// What is said here, and what OTHER says of the rest.
    pub fn or(self, other: &Files) -> Files {
        Files {
            junit: self.junit.or(other.junit.clone()),
            tap: self.tap.or(other.tap.clone()),
            html: self.html.or(other.html.clone()),
            events: self.events.or(other.events.clone()),
        }
    }

    /// The same, where relative names are those of DIRECTORY.
    pub fn within(&self, directory: &Path) -> Files {
        let within = |file: &Option<PathBuf>| file.as_ref().map(|file| directory.join(file));
        Files {
            junit: within(&self.junit),
            tap: within(&self.tap),
            html: within(&self.html),
            events: within(&self.events),
        }
    }

    /// Refuse reports where there is no program whose runs they could be of.
    pub fn refuse_without_program(&self) -> Result<(), Failure> {
        match self.each().next() {
            None => Ok(()),
            Some((format, _)) => Err(Failure::new(
                Key::Usage,
                format!("cannot report to `--{}` at a prompt", format.option()),
            )
            .hint("name a program, or report a run afterwards with `runs report`")),
        }
    }

    fn each(&self) -> impl Iterator<Item = (Format, &PathBuf)> {
        [
            (Format::Junit, &self.junit),
            (Format::Tap, &self.tap),
            (Format::Html, &self.html),
            (Format::Events, &self.events),
        ]
        .into_iter()
        .filter_map(|(format, file)| Some((format, file.as_ref()?)))
    }

    fn destinations(&self) -> Result<Vec<(Format, Destination)>, Failure> {
        self.each()
            .map(|(format, file)| Ok((format, Destination::of(What::Report, file)?)))
            .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Junit,
    Tap,
    Html,
    Events,
}

impl Format {
    fn option(self) -> &'static str {
        match self {
            Format::Junit => "junit",
            Format::Tap => "tap",
            Format::Html => "html",
            Format::Events => "events",
        }
    }

    /// The report on the runs of PAGES.
    fn text(self, pages: &[html::Page]) -> String {
        let suites = || -> Vec<_> { pages.iter().map(|page| page.evidence.suite()).collect() };
        match self {
            Format::Junit => junit::text(&suites()),
            Format::Tap => tap::text(&suites()),
            Format::Html => html::text(pages),
            Format::Events => pages
                .iter()
                .map(|page| jsonl::text(&page.evidence.summary))
                .collect(),
        }
    }
}

/// Report the run in FOLDER to FILES.
pub fn run(folder: &Path, files: &Files) -> Result<u8, Failure> {
    let destinations = files.destinations()?;
    if destinations.is_empty() {
        return Err(Failure::new(
            Key::Usage,
            "cannot report a run: no file is named for the report",
        )
        .hint("say `--html FILE`, `--junit FILE`, `--tap FILE` or `--events FILE`"));
    }
    let pages = [kept::page(folder, folder::summary(folder))];
    for (format, destination) in &destinations {
        destination.write_text(format.text(&pages))?;
    }
    Ok(0)
}

/// Makes reports of the runs of this process.
#[derive(Debug)]
pub struct Reports {
    /// Those that are written at the end of a run.
    whole: Vec<(Format, Destination)>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where events go as they happen.
    events: Option<(File, PathBuf)>,
    /// The runs whose events are told.
    told: Vec<String>,
    /// The folders of those that have ended.
    ended: Vec<PathBuf>,
    is_written: bool,
    spent: Duration,
    /// What has gone wrong first.
    trouble: Option<Failure>,
}

impl Reports {
    /// Have the runs of this process reported to FILES, where any is named. What earlier
    /// runs have left there goes, and what could not be written is refused.
    pub fn begin(
        files: &Files,
        environment: &Environment,
    ) -> Result<Option<Arc<Reports>>, Failure> {
        let mut whole = files.within(&environment.directory).destinations()?;
        if whole.is_empty() {
            return Ok(None);
        }
        if super::runs_directory(environment).is_none() {
            return Err(super::no_place());
        }
        let mut state = State::default();
        for (format, destination) in &whole {
            destination.clear()?;
            if *format == Format::Events {
                state.events = Some((destination.open()?, destination.path().to_owned()));
            }
        }
        whole.retain(|(format, _)| *format != Format::Events);
        let reports = Arc::new(Reports {
            whole,
            state: Mutex::new(state),
        });
        let reporter = Some(Arc::clone(&reports) as Arc<dyn Reporter>);
        crate::run::primitives::update(|context| context.reporter = reporter);
        Ok(Some(reports))
    }

    /// The status with which the process ends that would end with STATUS: a report that
    /// is missing is no success.
    pub fn end(&self, status: u8) -> u8 {
        let is_written = self.state().is_written;
        if !is_written {
            // Nothing was run, and who looks for a report finds that.
            self.write();
        }
        match self.state().trouble.take() {
            None => status,
            Some(failure) => match (status, trouble::show_error(&failure.into())) {
                (0, trouble) => trouble,
                (status, _) => status,
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Write the reports on all runs that have ended.
    fn write(&self) {
        let folders = self.state().ended.clone();
        let pages: Vec<html::Page> = folders
            .iter()
            .map(|folder| kept::page(folder, folder::told(folder)))
            .collect();
        for (format, destination) in &self.whole {
            let written = destination.write_text(format.text(&pages));
            self.remember(written);
        }
        self.state().is_written = true;
    }

    fn remember(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.state().trouble.get_or_insert(failure);
        }
    }
}

impl Reporter for Reports {
    fn see(&self, id: &str, folder: Option<&Path>, line: &Line) {
        let began = Instant::now();
        let mut state = self.state();
        let is_new = !state.told.iter().any(|told| told == id);
        let Some((file, path)) = &mut state.events else {
            return;
        };
        // Of a run that this process goes on with everything is told.
        let text = match folder.filter(|_| is_new) {
            Some(folder) => jsonl::text(&folder::told(folder)),
            None => jsonl::line(id, line),
        };
        let written = file.write_all(text.as_bytes()).map_err(|error| {
            let path = path.display();
            Failure::new(
                Key::Settings,
                format!("cannot write the report to `{path}`: {error}"),
            )
        });
        if let Err(failure) = written {
            // Events with a hole would tell another story.
            state.events = None;
            state.trouble.get_or_insert(failure);
        }
        if is_new {
            state.told.push(id.to_owned());
        }
        state.spent += began.elapsed();
    }

    fn ended(&self, folder: Option<&Path>) {
        let began = Instant::now();
        match folder {
            Some(folder) => {
                let mut state = self.state();
                if !state.ended.iter().any(|known| known == folder) {
                    state.ended.push(folder.to_owned());
                }
            }
            None => self.remember(Err(Failure::new(
                Key::Settings,
                "cannot report a run: it was not kept",
            ))),
        }
        self.write();
        let names: Vec<String> = self
            .whole
            .iter()
            .map(|(_, destination)| destination.path().display().to_string())
            .collect();
        if !names.is_empty() {
            tell(Event::Note {
                text: format!(
                    "reported in {:.4} s: {}",
                    began.elapsed().as_secs_f64(),
                    names.join(", ")
                ),
            });
        }
    }

    fn spent(&self) -> Duration {
        self.state().spent
    }
}
