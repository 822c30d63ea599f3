//! How much of what work in a guest prints is shown: each line, or only its stages
//! and, where no bar can move, a heartbeat.
//!
//! A build prints tens of thousands of lines. On a terminal a bar shows the last
//! one; a log of a run that somebody reads later wants to say where the build was,
//! and that it was alive. What the work printed last when it failed comes whatever
//! was shown before, and the whole of it is in its log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What is shown of a guest's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Live {
    /// Every line
    All,
    /// The stages of a build, and how far it is
    Stages,
    /// Nothing, until it fails
    None,
}

/// How often work says that it goes on, where no bar does.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How many lines of a command that is no job are shown where its stages are
/// wanted: it has none, and prints little, or it is a build after all.
const FEW: u64 = 200;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    Shown,
    Hidden,
    /// Hidden, as those after it; say so.
    FirstHidden,
}

/// What has been shown.
#[derive(Debug)]
pub struct Output {
    live: Live,
    /// Whether bars move.
    bars: bool,
    /// Jobs, and how old each was when it was last told of.
    jobs: HashMap<String, Duration>,
    /// The source of the line that came last.
    last: String,
    /// Other commands: their lines, and when one was last shown.
    commands: HashMap<String, (u64, Instant)>,
}

impl Output {
    /// What is WANTED, or else what suits a screen with or without BARS.
    pub fn new(wanted: Option<Live>, bars: bool) -> Output {
        Output {
            live: wanted.unwrap_or(Live::Stages),
            bars,
            jobs: HashMap::new(),
            last: String::new(),
            commands: HashMap::new(),
        }
    }

    /// Whether a bar shows how far a job is.
    pub fn has_bars(&self) -> bool {
        self.bars && self.live != Live::None
    }

    /// What becomes of the line TEXT of SOURCE, which has come NOW.
    pub fn line(&mut self, source: &str, text: &str, now: Instant) -> Showing {
        if self.last != source {
            source.clone_into(&mut self.last);
        }
        match self.live {
            Live::All => return Showing::Shown,
            Live::None => return Showing::Hidden,
            Live::Stages => {}
        }
        if text.starts_with(">>> ") {
            return Showing::Shown;
        }
        if self.jobs.contains_key(source) {
            return Showing::Hidden;
        }
        if self.bars {
            return Showing::Shown;
        }
        let (lines, shown) = self.commands.entry(source.to_owned()).or_insert((0, now));
        *lines += 1;
        if *lines <= FEW || now.duration_since(*shown) >= HEARTBEAT {
            *shown = now;
            return Showing::Shown;
        }
        match *lines == FEW + 1 {
            true => Showing::FirstHidden,
            false => Showing::Hidden,
        }
    }

    /// The job SOURCE goes on, and has done so for ELAPSED: whether to say so.
    pub fn beats(&mut self, source: &str, elapsed: Duration) -> bool {
        let Some(told) = self.jobs.get_mut(source) else {
            self.jobs.insert(source.to_owned(), elapsed);
            return false;
        };
        if self.bars || self.live == Live::None || elapsed.saturating_sub(*told) < HEARTBEAT {
            return false;
        }
        *told = elapsed;
        true
    }

    /// Whether the last lines of SOURCE are what was shown last.
    pub fn has_shown_all_of(&self, source: &str) -> bool {
        self.live == Live::All && self.last == source
    }

    /// The job SOURCE has ended.
    pub fn ended(&mut self, source: &str) {
        self.jobs.remove(source);
    }

    /// Another step has begun or ended: its commands are others.
    pub fn step(&mut self) {
        self.commands.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of COUNT lines of `make` are shown, of a job or of a command.
    fn shown(output: &mut Output, job: bool, count: usize) -> usize {
        let now = Instant::now();
        if job {
            output.beats("make", Duration::ZERO);
        }
        (0..count)
            .filter(|at| {
                let text = match at % 1000 {
                    0 => ">>> stage 1: libraries",
                    _ => "cc -c file.c",
                };
                output.line("make", text, now) == Showing::Shown
            })
            .count()
    }

    #[test]
    fn forty_thousand_lines_are_forty_stages() {
        for (wanted, bars, job, expected) in [
            (None, false, true, 40),
            (None, true, true, 40),
            (Some(Live::All), false, true, 40_000),
            (Some(Live::All), true, true, 40_000),
            (Some(Live::None), false, true, 0),
            // A command that is no job has no bar: on a terminal it is seen.
            (None, true, false, 40_000),
            (Some(Live::None), true, false, 0),
            (None, false, false, 200 + 39 + 1),
        ] {
            let mut output = Output::new(wanted, bars);
            let seen = shown(&mut output, job, 40_000);
            assert_eq!(seen, expected, "{wanted:?} bars {bars} job {job}");
        }
    }

    #[test]
    fn a_job_says_once_a_minute_that_it_goes_on_where_no_bar_does() {
        for (wanted, bars, expected) in [
            (None, false, 119),
            (Some(Live::All), false, 119),
            (Some(Live::None), false, 0),
            (None, true, 0),
        ] {
            let mut output = Output::new(wanted, bars);
            // It is taken up when it is an hour old, and told of each second.
            let beats = (3600..3600 + 7200 - 1)
                .filter(|second| output.beats("make", Duration::from_secs(*second)))
                .count();
            assert_eq!(beats, expected, "{wanted:?} bars {bars}");
        }
    }

    #[test]
    fn what_a_command_prints_beyond_a_few_lines_is_left_out_aloud_and_the_next_step_begins_anew() {
        let mut output = Output::new(None, false);
        let now = Instant::now();
        let mut line = || output.line("cat", "x", now);
        assert!((0..200).all(|_| line() == Showing::Shown));
        assert_eq!(line(), Showing::FirstHidden);
        assert_eq!(line(), Showing::Hidden);
        let later = now + Duration::from_secs(61);
        assert_eq!(output.line("cat", "x", later), Showing::Shown);
        assert_eq!(output.line("cat", "x", later), Showing::Hidden);
        output.step();
        assert_eq!(output.line("cat", "x", later), Showing::Shown);
    }
}
