//! What one target of a build has printed: of its lines the last, and those that may
//! be the cause of its failure.

use super::line::{self, Said};
use super::weight::Weight;
use std::collections::VecDeque;

/// How many lines of a target are kept.
const KEPT: usize = 20;
/// So many lines that may be the cause are kept of one target.
pub(super) const SUSPECTS: usize = 16;
/// How much of a line is kept.
const LONGEST: usize = 2 << 10;

/// What one target has printed.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub name: String,
    /// The line of the log that came last for it.
    pub last: u64,
    /// Commands are counted: errors of a later one count.
    pub command: u64,
    pub suspects: VecDeque<Suspect>,
    pub tail: VecDeque<String>,
    /// The last lines before a failure that make did not mind. bmake may say so
    /// late, behind what the next command has printed.
    pub forgiven: VecDeque<String>,
    /// The last suspect announces the next line, which is to be added to it.
    pub continues: bool,
}

/// A line that may be the cause.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub weight: Weight,
    command: u64,
    pub at: u64,
    pub text: String,
}

impl Target {
    /// Keep LINE as the last.
    pub fn keep(&mut self, line: &str) {
        let mut place = if self.tail.len() == KEPT {
            self.tail.pop_front().unwrap_or_default()
        } else {
            String::new()
        };
        place.clear();
        place.push_str(cut(line.trim_end()));
        self.tail.push_back(place);
    }

    /// Keep LINE, which comes as the AT-th of the log, as one that may be the cause.
    pub fn suspect(&mut self, line: &str, weight: Weight, at: u64) {
        let line = line.trim();
        self.continues = false;
        // Of one command and one file the first counts, unless a later says more.
        if self.suspects.iter().rev().any(|other| {
            other.command == self.command
                && other.weight >= weight
                && place(&other.text) == place(line)
        }) {
            return;
        }
        if self.suspects.len() == SUSPECTS {
            let oldest = self.suspects.front().map(|suspect| suspect.command);
            // The first errors of the last command are worth more than its last.
            if oldest == Some(self.command) {
                return;
            }
            self.suspects.pop_front();
        }
        self.continues = line.ends_with(':');
        self.suspects.push_back(Suspect {
            weight,
            command: self.command,
            at,
            text: cut(line).to_owned(),
        });
    }

    /// Whether LINE goes on with what the last suspect has announced, under its name
    /// once more: `configure: error: in \`/s':`.
    pub fn goes_on(&self, line: &str) -> bool {
        let last = self.suspects.back().filter(|_| self.continues);
        last.is_some_and(|last| place(&last.text) == place(line.trim()))
    }

    /// The line that says most of why TARGET, whose lines these are, failed.
    pub fn best(&self, target: Option<&str>) -> Option<(Weight, String)> {
        let stem = target
            .map(|target| target.rsplit('/').next().unwrap_or(target))
            .and_then(|name| name.rsplit_once('.'))
            .map(|(stem, _)| format!("{stem}."));
        let names = |suspect: &&Suspect| {
            stem.as_ref().is_some_and(|stem| {
                let file = suspect.text.split(':').next().unwrap_or_default();
                file.rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .starts_with(stem)
            })
        };
        let of_last = |suspects: Vec<&Suspect>| {
            let command = suspects.last()?.command;
            let most = suspects
                .iter()
                .filter(|suspect| suspect.command == command)
                .map(|suspect| suspect.weight)
                .max()?;
            suspects
                .into_iter()
                .find(|suspect| suspect.command == command && suspect.weight == most)
                .map(|suspect| (suspect.weight, suspect.text.clone()))
        };
        let every = of_last(self.suspects.iter().collect());
        // What only names a place of the target's own source may lead to an error.
        of_last(self.suspects.iter().filter(names).collect())
            .filter(|own| own.0 >= Weight::Error || every.as_ref().is_none_or(|it| it.0 <= own.0))
            .or(every)
            .or_else(|| best_of(&self.tail))
            .or_else(|| best_of(&self.forgiven))
    }
}

/// What comes before the first colon of TEXT: a file, or a program.
fn place(text: &str) -> &str {
    text.split(':').next().unwrap_or(text)
}

/// The last line that tells of a failure; or the first of a driver; or the
/// last that a program says under its name; or the last.
fn best_of(tail: &VecDeque<String>) -> Option<(Weight, String)> {
    let weighed: Vec<(Weight, &String)> = tail
        .iter()
        .map(|line| {
            let weight = match line::read(line, false) {
                Said::Other(weight) => weight,
                Said::Makefile { .. } => Weight::Tool,
                Said::OtherBranch => Weight::Nothing,
                _ => Weight::Words,
            };
            (weight, line)
        })
        .collect();
    let most = weighed.iter().map(|(weight, _)| *weight).max()?;
    let mut of_most = weighed.iter().filter(|(weight, _)| *weight == most);
    let (weight, line) = match most {
        Weight::Nothing => return None,
        Weight::Driver => of_most.next()?,
        _ => of_most.next_back()?,
    };
    Some((*weight, line.trim().to_owned()))
}

/// As much of LINE as is kept.
pub(super) fn cut(line: &str) -> &str {
    if line.len() <= LONGEST {
        return line;
    }
    let mut end = LONGEST;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}
