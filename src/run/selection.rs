//! A run in part: which steps it does itself, and which it takes from another run.
//!
//! What is done is what the step that was named holds, and with `--from` what follows
//! it. Everything else is passed over: a result is taken from the other run's journal,
//! an effect must be proven in the world, a resource is attached to or made again. What
//! cannot be had so is refused, never done. Such a run is partial and passes nothing.

use super::journal::{self, Entry, State, StepPath};
use super::steps::History;
use super::verdict::Verdict;
use super::{Context, folder};
use crate::failure::{Failure, Key};
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// How much of a run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A step and what follows it.
    From,
    /// A step, and then nothing more.
    Only,
}

impl How {
    /// As the command line and the journal write it.
    pub fn as_str(self) -> &'static str {
        match self {
            How::From => "from",
            How::Only => "only",
        }
    }

    /// What NAME says.
    pub fn from_name(name: &str) -> Option<How> {
        [How::From, How::Only]
            .into_iter()
            .find(|how| how.as_str() == name)
    }
}

/// What of a harness is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub how: How,
    /// A step's name, or its path with ` / ` between the names.
    pub step: String,
    /// The steps that it is in, as far as somebody knows.
    pub around: StepPath,
    /// The harnesses of the program, as far as somebody knows: those that the other run
    /// is not of are passed by.
    pub harnesses: Vec<String>,
    /// The folder of the run that the rest is taken from.
    pub of: PathBuf,
}

impl Selection {
    /// The harness of the program that the other run is of, when that is not NAME.
    pub fn is_of_another(&self, name: &str) -> Option<String> {
        let harness = folder::summary(&self.of).harness;
        (harness != name && self.harnesses.contains(&harness)).then_some(harness)
    }
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is done.
    Chosen,
    /// It is entered, since what is chosen is in it.
    Around,
    /// It is taken from the other run.
    Taken,
}

/// A selection while its run goes on.
#[derive(Clone, Debug)]
pub struct Selecting {
    how: How,
    step: String,
    /// The identifier of the run that is taken from.
    pub of: String,
    /// The steps that the one that was named was in.
    around: HashSet<StepPath>,
    /// The step that was named, once it has come up.
    reached: Option<StepPath>,
    ended: bool,
}

impl Selecting {
    /// What SELECTION means beside the run OF with HISTORY.
    pub fn new(selection: &Selection, of: String, history: &History) -> Selecting {
        let names: StepPath = selection.step.split(" / ").map(str::to_owned).collect();
        let mut around: HashSet<StepPath> = (1..names.len())
            .map(|length| names[..length].to_vec())
            .chain((1..=selection.around.len()).map(|length| selection.around[..length].to_vec()))
            .collect();
        for path in history.paths() {
            if is_called(path, &selection.step) {
                around.extend((1..path.len()).map(|length| path[..length].to_vec()));
            }
        }
        Selecting {
            how: selection.how,
            step: selection.step.clone(),
            of,
            around,
            reached: None,
            ended: false,
        }
    }

    /// What becomes of the step at PATH, which comes up.
    pub fn part(&mut self, path: &StepPath) -> Part {
        if let Some(reached) = &self.reached
            && (self.how == How::From || path.starts_with(reached))
        {
            return Part::Chosen;
        }
        if self.reached.is_none() && is_called(path, &self.step) {
            self.reached = Some(path.clone());
            return Part::Chosen;
        }
        if self.around.contains(path) {
            return Part::Around;
        }
        Part::Taken
    }

    /// The step at PATH has ended.
    pub fn ends(&mut self, path: &StepPath) {
        self.ended |= self.reached.as_ref() == Some(path);
    }

    /// Whether nothing more is to be done.
    pub fn is_enough(&self) -> bool {
        self.how == How::Only && self.ended
    }

    /// Whether the step that was named has come up.
    pub fn is_reached(&self) -> bool {
        self.reached.is_some()
    }

    /// Whether everything behind the step that was named is done, so that nothing may
    /// be missing at the end.
    pub fn goes_to_the_end(&self) -> bool {
        self.how == How::From
    }

    /// The step that was named.
    pub fn step(&self) -> &str {
        &self.step
    }
}

impl fmt::Display for Selecting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, of) = (&self.step, &self.of);
        match self.how {
            How::From => write!(
                formatter,
                "from step `{step}` on; what comes before is taken from run `{of}`"
            ),
            How::Only => write!(
                formatter,
                "only step `{step}`; what comes before is taken from run `{of}`"
            ),
        }
    }
}

/// What the run that SELECTION names has done, for a run in part of the harness NAME, of
/// which CONTEXT tells.
pub fn taken_from(
    selection: &Selection,
    name: &str,
    context: &Context,
) -> Result<(History, Selecting), Failure> {
    let summary = folder::summary(&selection.of);
    let refused = |why: String| {
        Failure::new(
            Key::Usage,
            format!("cannot take steps from run `{}`: {why}", summary.id),
        )
    };
    if let State::Damaged(line) = summary.reading.state {
        return Err(refused(format!("its journal is damaged at line {line}")));
    }
    if summary.reading.version != journal::VERSION {
        return Err(refused(format!(
            "its journal is of version {}",
            summary.reading.version
        )));
    }
    if summary.verdict == Verdict::Running {
        return Err(refused("a process works on it".to_owned()));
    }
    if summary.harness != name {
        return Err(refused(format!(
            "it is of the harness `{}`, and this is `{name}`",
            summary.harness
        )));
    }
    let simulated = summary
        .reading
        .entries()
        .any(|entry| matches!(entry, Entry::Began { world, .. } if world == "simulated"));
    if simulated != context.simulated {
        let kind = |simulated| if simulated { "simulated" } else { "live" };
        return Err(refused(format!(
            "it was {}, and this run is {}",
            kind(simulated),
            kind(context.simulated)
        )));
    }
    for before in summary.reading.parameters() {
        let now = context
            .parameters
            .iter()
            .find(|known| known.name == before.name);
        if let Some(now) = now
            && now.evidence
            && now.value != before.value
        {
            return Err(refused(format!(
                "its parameter `{}` was {}, and is {} now, from {}",
                before.name, before.value, now.value, now.origin
            )));
        }
    }
    let history = History::of(summary.reading.entries());
    let selecting = Selecting::new(selection, summary.id, &history);
    Ok((history, selecting))
}

/// Whether the step at PATH is the one that somebody calls STEP.
fn is_called(path: &StepPath, step: &str) -> bool {
    path.last().is_some_and(|name| name == step) || path.join(" / ") == step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::StepKind;

    fn path(text: &str) -> StepPath {
        text.split('/').map(str::to_owned).collect()
    }

    fn selecting(how: How, step: &str) -> Selecting {
        let entries: Vec<Entry> = ["a", "b", "b/c", "b/d", "e"]
            .map(|step| Entry::StepBegan {
                step: path(step),
                kind: StepKind::Result,
                text: String::new(),
                inputs: None,
                nonce: String::new(),
                why: None,
            })
            .into();
        let selection = Selection {
            how,
            step: step.to_owned(),
            around: match step {
                "x" => path("e"),
                _ => Vec::new(),
            },
            harnesses: Vec::new(),
            of: PathBuf::new(),
        };
        Selecting::new(&selection, "x".to_owned(), &History::of(entries.iter()))
    }

    fn parts(mut selecting: Selecting, steps: &[&str]) -> Vec<Part> {
        steps
            .iter()
            .map(|step| selecting.part(&path(step)))
            .collect()
    }

    #[test]
    fn from_a_step_on_everything_is_done_and_what_is_around_it_is_entered() {
        use Part::{Around, Chosen, Taken};
        assert_eq!(
            parts(selecting(How::From, "c"), &["a", "b", "b/c", "b/d", "e"]),
            [Taken, Around, Chosen, Chosen, Chosen]
        );
        // Also where the other run never came so far.
        assert_eq!(
            parts(selecting(How::From, "e / f"), &["a", "b", "e", "e/f", "g"]),
            [Taken, Taken, Around, Chosen, Chosen]
        );
        // And where only the text tells what is around it.
        assert_eq!(
            parts(selecting(How::From, "x"), &["a", "b", "e", "e/x"]),
            [Taken, Taken, Around, Chosen]
        );
    }

    #[test]
    fn only_a_step_is_done_with_what_it_holds_and_then_it_is_enough() {
        use Part::{Chosen, Taken};
        let mut selecting = selecting(How::Only, "b");
        assert_eq!(selecting.part(&path("a")), Taken);
        assert_eq!(selecting.part(&path("b")), Chosen);
        assert_eq!(selecting.part(&path("b/c")), Chosen);
        selecting.ends(&path("b/c"));
        assert!(!selecting.is_enough());
        selecting.ends(&path("b"));
        assert!(selecting.is_enough());
    }
}
