//! How far a build is, and how long it will take: from its log so far, and from
//! how the same work went before.
//!
//! A build says in which stage it is but not how much is left. The one before
//! printed about the same lines, so the share of them that has come tells how
//! far this one is, and the time the other then still took how long it will
//! take. What is kept of a run is a file of a hundred lines or so.

use super::build_log;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a run's progress is noted: after so many lines, and then at fewer
/// and fewer places, so that about this many remain.
const PLACES: usize = 100;

/// How a run went: after how many lines how many seconds had passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History(Vec<(u64, f64)>);

impl History {
    /// The history in the file at PATH; none when there is no such file.
    pub fn read(path: &Path) -> Option<History> {
        let text = fs::read_to_string(path).ok()?;
        let places = text
            .lines()
            .map(|line| {
                let (lines, seconds) = line.split_once(' ')?;
                Some((lines.parse().ok()?, seconds.parse().ok()?))
            })
            .collect::<Option<Vec<(u64, f64)>>>()?;
        let rising = places
            .windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1);
        (rising && !places.is_empty()).then_some(History(places))
    }

    /// Replace the file at PATH by this history.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text: String = self
            .0
            .iter()
            .map(|(lines, seconds)| format!("{lines} {seconds:.1}\n"))
            .collect();
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&part, text)?;
        fs::rename(part, path)
    }

    /// How many seconds had passed after LINES lines, and how many in all.
    fn seconds_at(&self, lines: u64) -> Option<(f64, f64)> {
        let (_, all) = *self.0.last()?;
        let after = self.0.partition_point(|(at, _)| *at < lines);
        let (Some(&(high, late)), Some(&(low, early))) = (
            self.0.get(after),
            self.0.get(after.wrapping_sub(1)).or(Some(&(0, 0.0))),
        ) else {
            return Some((all, all));
        };
        let share = (lines - low) as f64 / (high - low).max(1) as f64;
        Some((early + (late - early) * share, all))
    }
}

/// Reads a log as it comes.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub lines: u64,
    pub warnings: u64,
    pub stage: Option<String>,
    before: Option<History>,
    own: History,
    /// Every how many lines the time is noted.
    step: u64,
}

impl Reading {
    pub fn new(before: Option<History>) -> Reading {
        Reading {
            before,
            step: 16,
            ..Reading::default()
        }
    }

    /// Take LINE, which came when the work had been going on for ELAPSED.
    pub fn take(&mut self, line: &str, elapsed: Duration) {
        self.lines += 1;
        if line.contains("warning: ") {
            self.warnings += 1;
        }
        if let Some((number, name)) = build_log::stage(line) {
            self.stage = Some(match number {
                Some(number) => format!("{number} {name}"),
                None => name.to_owned(),
            });
        }
        if self.lines.is_multiple_of(self.step) {
            self.own.0.push((self.lines, elapsed.as_secs_f64()));
            if self.own.0.len() == 2 * PLACES {
                self.step *= 2;
                let step = self.step;
                self.own.0.retain(|(lines, _)| lines.is_multiple_of(step));
            }
        }
    }

    /// What is done, as a share of all, and the time that is left.
    pub fn left(&self, elapsed: Duration) -> Option<(f64, Duration)> {
        let (then, all) = self.before.as_ref()?.seconds_at(self.lines)?;
        if all <= 0.0 {
            return None;
        }
        // A machine that is slower now was slower so far. Early on that says
        // little, so it counts as much as has been done.
        let done = (then / all).clamp(0.0, 1.0);
        let pace = if then > 0.0 {
            (elapsed.as_secs_f64() / then).clamp(0.1, 10.0)
        } else {
            1.0
        };
        let pace = 1.0 + (pace - 1.0) * done.sqrt();
        Some((done, Duration::from_secs_f64((all - then).max(0.0) * pace)))
    }

    /// The history of this run, which has taken ELAPSED and ended well.
    pub fn history(&self, elapsed: Duration) -> History {
        let mut history = self.own.clone();
        history.0.push((self.lines, elapsed.as_secs_f64()));
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A run of LINES lines, one every PACE seconds.
    fn run(before: Option<History>, lines: u64, pace: f64) -> Reading {
        let mut reading = Reading::new(before);
        for line in 1..=lines {
            reading.take("cc -c file.c", seconds(line as f64 * pace));
        }
        reading
    }

    #[test]
    fn the_run_before_tells_what_is_left() {
        let before = run(None, 10_000, 0.1).history(seconds(1000.0));
        assert!(before.0.len() <= 2 * PLACES + 1, "{}", before.0.len());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history/make");
        assert_eq!(History::read(&path), None);
        before.write(&path).unwrap();
        let before = History::read(&path).unwrap();

        let same = run(Some(before.clone()), 2500, 0.1);
        let (done, left) = same.left(seconds(250.0)).unwrap();
        assert!((done - 0.25).abs() < 0.01, "{done}");
        assert!((left.as_secs_f64() - 750.0).abs() < 10.0, "{left:?}");
        // At half the pace the rest takes longer than it did.
        let slow = run(Some(before.clone()), 5000, 0.2);
        let (_, left) = slow.left(seconds(1000.0)).unwrap();
        assert!(left.as_secs_f64() > 750.0, "{left:?}");
        // More lines than before: the end is near, and nothing is negative.
        let longer = run(Some(before), 12_000, 0.1);
        assert_eq!(longer.left(seconds(1200.0)).unwrap(), (1.0, seconds(0.0)));
        assert_eq!(run(None, 10, 0.1).left(seconds(1.0)), None);
    }

    #[test]
    fn a_history_that_makes_no_sense_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        for text in ["", "many 1\n", "10 5.0\n5 6.0\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(History::read(&path), None, "{text:?}");
        }
    }

    #[test]
    fn stages_and_warnings_are_counted() {
        let mut reading = Reading::new(None);
        for line in [
            ">>> stage 4.2: building libraries",
            "a.c:1:2: warning: unused variable 'x' [-Wunused-variable]",
            "cc -Wall -c warning.c",
        ] {
            reading.take(line, seconds(1.0));
        }
        assert_eq!(
            (reading.lines, reading.warnings, reading.stage.as_deref()),
            (3, 1, Some("4.2 building libraries"))
        );
    }
}
