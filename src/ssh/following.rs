//! What becomes of a job's log while it is followed: shown, copied, kept, read.

use super::archive::{self, Archive};
use super::build_log::{Cause, Outcome, Reader};
use super::error::SshError;
use super::estimate::{History, Reading};
use super::job::Follow;
use super::run::last_line;
use super::text::visible;
use super::transfer::local_trouble;
use crate::clock::Moment;
use crate::progress::{self, Event};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How much of a log's end is given to whoever followed it.
const TAIL: usize = 256 << 10;
/// Lines longer than this are shown in pieces.
const LONGEST_LINE: usize = 64 << 10;
/// How often whoever watches is told how far the work is.
const TELLING: Duration = Duration::from_millis(100);
/// How often he is told of work that prints nothing.
const BEAT: Duration = Duration::from_secs(1);
/// A job that is older than this when it is first seen has printed lines whose
/// time is not known.
const FRESH: Duration = Duration::from_secs(30);

/// What has been read of a log.
pub(super) struct Progress {
    pub offset: u64,
    /// The end of the log.
    pub tail: Vec<u8>,
    live: Option<String>,
    copy: Option<(File, PathBuf)>,
    keep: Option<(Archive, PathBuf)>,
    history: Option<PathBuf>,
    /// A line that has not ended yet.
    line: Vec<u8>,
    reading: Reading,
    /// Looks for the cause of a failure.
    reader: Reader,
    /// Whether the reader has had all of the log so far.
    from_the_start: bool,
    /// When the job began, once that is known, and whether we were there.
    began: Option<(Moment, bool)>,
    told: Option<Instant>,
}

impl Progress {
    /// Begin to follow as FOLLOW says the job that has NUMBER. Its log, where it is
    /// kept, decides where.
    pub fn begin(follow: &mut Follow, number: &str) -> Result<Progress, SshError> {
        let copy = match follow.copy.take() {
            None => None,
            Some(path) => {
                let file = File::options().create(true).append(true).open(&path);
                Some((file.map_err(local_trouble(&path))?, path))
            }
        };
        let before = follow.history.as_deref().and_then(History::read);
        let mut reading = Reading::new(before);
        let mut reader = Reader::new();
        let mut tail = Vec::new();
        let mut from_the_start = follow.offset == 0;
        let keep = match follow.keep.take() {
            None => None,
            Some(path) => {
                let archive = Archive::open(&path, number).map_err(local_trouble(&path))?;
                follow.offset = archive.offset();
                archive::replay(&path, |line| {
                    reading.take(|| Duration::ZERO);
                    reader.take(line);
                })
                .map_err(local_trouble(&path))?;
                tail = archive::tail(&path, TAIL as u64).map_err(local_trouble(&path))?;
                from_the_start = true;
                Some((archive, path))
            }
        };
        Ok(Progress {
            offset: follow.offset,
            tail,
            live: follow.live.take(),
            copy,
            keep,
            history: follow.history.take(),
            line: Vec::new(),
            reading,
            reader,
            from_the_start,
            began: None,
            told: None,
        })
    }

    /// The job has been there for AGE, as a look has just shown. Whoever watches sees
    /// that it goes on, though it prints nothing.
    pub fn aged(&mut self, age: Duration) {
        if self.began.is_none() {
            let fresh = age < FRESH && self.offset == 0;
            self.began = Some((Moment::now().before(age), fresh));
            self.tell();
        } else if self.told.is_none_or(|told| told.elapsed() >= BEAT) {
            self.told = Some(Instant::now());
            self.tell();
        }
    }

    pub fn warnings(&self) -> u64 {
        self.reader.warnings()
    }

    /// The first cause of the failure that the log tells. Only where all of it was
    /// read does its absence mean anything: see [`Progress::read_it_all`].
    pub fn cause(&self) -> Option<Cause> {
        match self.reader.outcome() {
            Outcome::Failed(cause) => Some(cause),
            Outcome::Passed | Outcome::CutOff => None,
        }
    }

    /// Whether the cause was looked for from the first line on.
    pub fn read_it_all(&self) -> bool {
        self.from_the_start
    }

    /// Take BYTES, which come next.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), SshError> {
        if let Some((copy, path)) = &mut self.copy {
            copy.write_all(bytes).map_err(local_trouble(path))?;
        }
        if let Some((archive, path)) = &mut self.keep {
            archive.take(bytes).map_err(local_trouble(path))?;
        }
        self.offset += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        let mut rest = bytes;
        if !self.line.is_empty()
            && let Some(at) = memchr::memchr(b'\n', rest)
        {
            let (piece, behind) = rest.split_at(at + 1);
            rest = behind;
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(piece);
            self.end_lines(&line);
            line.clear();
            self.line = line;
        }
        if let Some(at) = memchr::memrchr(b'\n', rest) {
            let (lines, behind) = rest.split_at(at + 1);
            rest = behind;
            self.end_lines(lines);
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LONGEST_LINE {
            let line = std::mem::take(&mut self.line);
            self.end_line(&line);
        }
        if let Some((archive, path)) = &mut self.keep {
            let told = archive.tell_cause(self.reader.cause());
            told.map_err(local_trouble(path))?;
        }
        Ok(())
    }

    /// LINES have come, all with their newlines.
    fn end_lines(&mut self, lines: &[u8]) {
        self.reader.take_lines(lines);
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            self.show_line(&lines[from..end]);
            from = end + 1;
        }
    }

    /// LINE, or what there is of it, has come.
    fn end_line(&mut self, line: &[u8]) {
        self.reader.take(line);
        self.show_line(line);
    }

    /// Count LINE, which has been read, and show it to whoever watches.
    fn show_line(&mut self, line: &[u8]) {
        let began = self.began;
        self.reading.take(|| elapsed(began));
        if let Some(source) = &self.live {
            if self.told.is_none_or(|told| told.elapsed() >= TELLING) {
                self.told = Some(Instant::now());
                self.tell();
            }
            progress::tell(Event::Line {
                source: source.clone(),
                text: String::from_utf8_lossy(line).into_owned(),
            });
        }
    }

    /// Tell how far the work is.
    fn tell(&self) {
        let Some(source) = &self.live else { return };
        let elapsed = elapsed(self.began);
        progress::tell(Event::Work {
            source: source.clone(),
            stage: self.reader.stage().map(visible),
            lines: self.reading.lines,
            warnings: self.reader.warnings(),
            elapsed,
            outlook: self.reading.outlook(elapsed),
            last: last_line(&self.tail).unwrap_or_default(),
        });
    }

    /// Nothing more comes. When it ended WELL, how it went is kept.
    pub fn end(&mut self, well: bool) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.end_line(&line);
        }
        let extra = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..extra);
        if let Some((archive, path)) = &mut self.keep {
            let told = archive.tell_cause(self.reader.cause());
            note(told.and_then(|()| archive.close_member()), path);
        }
        if let (true, Some(path), Some((_, true))) = (well, &self.history, self.began) {
            note(self.reading.history(elapsed(self.began)).write(path), path);
        }
        if let Some(source) = self.live.take() {
            progress::tell(Event::WorkEnded { source });
        }
    }
}

/// How long the job that BEGAN has been going on, where it is known.
fn elapsed(began: Option<(Moment, bool)>) -> Duration {
    began.map_or(Duration::ZERO, |(began, _)| began.elapsed())
}

impl Drop for Progress {
    /// An interrupt or a lost guest ends following in the middle.
    fn drop(&mut self) {
        self.end(false);
    }
}

/// Say that PATH could not be written: the work itself goes on.
fn note(written: io::Result<()>, path: &std::path::Path) {
    if let Err(error) = written {
        progress::tell(Event::Note {
            text: format!("cannot write `{}`: {error}", path.display()),
        });
    }
}
