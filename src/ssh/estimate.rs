//! How far a build is, and how long it will take: from its log so far, and from
//! how the same work went before.
//!
//! A build says in which stage it is but not how much is left. The one before
//! printed about the same lines, so the share of them that has come tells how
//! far this one is, and the time the other then still took how long it will
//! take. What is kept of a run is a file of a hundred lines or so.

use crate::private;
use crate::progress::Outlook;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
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
                let seconds: f64 = seconds.parse().ok()?;
                let sound = seconds.is_finite() && seconds >= 0.0;
                Some((lines.parse().ok()?, sound.then_some(seconds)?))
            })
            .collect::<Option<Vec<(u64, f64)>>>()?;
        let rising = places
            .windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1);
        (rising && !places.is_empty()).then_some(History(places))
    }

    /// Replace the file at PATH, for this user alone, by this history.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text: String = self
            .0
            .iter()
            .map(|(lines, seconds)| format!("{lines} {seconds:.1}\n"))
            .collect();
        let directory = path.parent().unwrap_or(Path::new("."));
        private::create_directory(directory)?;
        // Two runs may end at once: each writes a file of its own first.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
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

/// The file below DIRECTORY for the history of what WORDS tell from all other work,
/// such as the host and the job. Each is a folder of its name, the last the file,
/// whatever letters it has.
pub fn file(directory: &Path, words: &[String]) -> PathBuf {
    let mut path = directory.to_owned();
    path.extend(words.iter().map(|word| file_name(word)));
    path
}

/// WORD as the name of a file: as URIs write what is no plain letter, and with its
/// digest in place of its end where it is long.
fn file_name(word: &str) -> String {
    /// Names may be of 255 bytes.
    const LONGEST: usize = 150;
    let mut name = String::new();
    for (at, byte) in word.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => name.push_str("%2E"),
            b'.' | b'_' | b'-' => name.push(byte.into()),
            plain if plain.is_ascii_alphanumeric() => name.push(plain.into()),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    if name.is_empty() {
        // No other word is written so.
        return "%".to_owned();
    }
    if name.len() > LONGEST {
        let digest = Sha256::digest(word.as_bytes());
        name.truncate(LONGEST - 33);
        name.push('%');
        name.extend(digest[..16].iter().map(|byte| format!("{byte:02x}")));
    }
    name
}

/// Reads a log as it comes.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub lines: u64,
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

    /// A line came; NOW tells how long the work had been going on.
    pub fn take(&mut self, now: impl FnOnce() -> Duration) {
        self.lines += 1;
        if self.lines.is_multiple_of(self.step) {
            self.own.0.push((self.lines, now().as_secs_f64()));
            if self.own.0.len() == 2 * PLACES {
                self.step *= 2;
                let step = self.step;
                self.own.0.retain(|(lines, _)| lines.is_multiple_of(step));
            }
        }
    }

    /// What the run before says when this one has been going on for ELAPSED.
    pub fn outlook(&self, elapsed: Duration) -> Outlook {
        let Some(before) = &self.before else {
            return Outlook::Unknown;
        };
        let (Some((then, all)), Some(&(lines, _))) =
            (before.seconds_at(self.lines), before.0.last())
        else {
            return Outlook::Unknown;
        };
        // With its last line the other had not ended yet: it had when its time was over.
        let time = Duration::try_from_secs_f64(all).unwrap_or(Duration::MAX);
        if self.lines > lines || (self.lines == lines && elapsed >= time) {
            return Outlook::Past { before: time };
        }
        // A machine that is slower now was slower so far. Early on that says
        // little, so it counts as much as has been done.
        let done = if all > 0.0 {
            (then / all).clamp(0.0, 1.0)
        } else {
            self.lines as f64 / lines.max(1) as f64
        };
        let pace = if then > 0.0 {
            (elapsed.as_secs_f64() / then).clamp(0.1, 10.0)
        } else {
            1.0
        };
        let pace = 1.0 + (pace - 1.0) * done.sqrt();
        let left = match self.lines == lines {
            true => time.saturating_sub(elapsed),
            false => {
                Duration::try_from_secs_f64((all - then).max(0.0) * pace).unwrap_or(Duration::MAX)
            }
        };
        Outlook::Left { done, left }
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
            reading.take(|| seconds(line as f64 * pace));
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

        let left = |lines, pace: f64| {
            let reading = run(Some(before.clone()), lines, pace);
            match reading.outlook(seconds(lines as f64 * pace)) {
                Outlook::Left { done, left } => (done, left.as_secs_f64()),
                other => panic!("{other:?}"),
            }
        };
        let (done, same) = left(2500, 0.1);
        assert!((done - 0.25).abs() < 0.01, "{done}");
        assert!((same - 750.0).abs() < 10.0, "{same}");
        // At half the pace the rest takes longer than it did.
        let (_, slow) = left(5000, 0.2);
        assert!(slow > 750.0, "{slow}");
        // Its last line has come early: the other went on for some time behind it.
        let (_, last) = left(10_000, 0.09);
        assert!((last - 100.0).abs() < 1.0, "{last}");
        assert_eq!(run(None, 10, 0.1).outlook(seconds(1.0)), Outlook::Unknown);
    }

    #[test]
    fn behind_the_end_of_the_run_before_nothing_is_promised() {
        let before = run(None, 100, 1.0).history(seconds(120.0));
        let past = Outlook::Past {
            before: seconds(120.0),
        };
        for (lines, elapsed) in [(101, 101.0), (100, 120.0), (5000, 7200.0)] {
            let reading = run(Some(before.clone()), lines, 1.0);
            assert_eq!(reading.outlook(seconds(elapsed)), past, "{lines} {elapsed}");
        }
    }

    #[test]
    fn work_that_differs_in_any_word_has_a_file_of_its_own() {
        let words = |host: &str, job: &str| [host.to_owned(), job.to_owned()];
        let place = |host: &str, job: &str| file(Path::new("/state"), &words(host, job));
        assert_eq!(
            place("https://xcp.example:443", "build world"),
            Path::new("/state/https%3A%2F%2Fxcp.example%3A443/build%20world")
        );
        let long = "x".repeat(400);
        let mut seen = std::collections::HashSet::new();
        for host in [
            "..",
            ".",
            "",
            "%",
            "%2E",
            "a/b",
            "a%2Fb",
            &long,
            &format!("{long}y"),
        ] {
            let path = place(host, "job");
            assert_eq!(path.components().count(), 4, "{path:?}");
            assert!(path.components().all(|part| part.as_os_str().len() < 200));
            assert!(seen.insert(path), "{host}");
        }
    }

    #[test]
    fn a_history_that_makes_no_sense_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        for text in [
            "",
            "many 1\n",
            "10 5.0\n5 6.0\n",
            "1 inf\n",
            "1 -1\n",
            "1 NaN\n",
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(History::read(&path), None, "{text:?}");
        }
    }
}
