//! Writes a recording while a program runs.
//!
//! The file is written as the calls come, so that one of a process that was killed holds
//! what had been done. What goes wrong with it is told once, and the program goes on.
//! Where a secret became known only after it had been written, the file is written anew
//! when the program ends.

use super::{CallLine, End, Header, Line, boundary, read};
use crate::failure::{Failure, Key};
use crate::guile::outside::{Call, Kind, Watcher, Wish};
use crate::private;
use crate::progress::{Event, tell};
use crate::run::journal::hexadecimal;
use crate::secrets;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A text that has more bytes is kept apart, or with its ends only.
pub const LARGEST: usize = 256 * 1024;
/// So much of each end of it.
const ENDS: usize = 4 * 1024;
/// Of what a port reads no more is held.
const MOST_READ: usize = 64 * 1024 * 1024;

type Output = GzEncoder<BufWriter<File>>;

/// A recording that is being made.
pub struct Recorder {
    path: PathBuf,
    /// The step that goes on, by its names.
    step: fn() -> Vec<String>,
    began: Instant,
    state: RefCell<State>,
}

struct State {
    /// `None` once it could not be written.
    output: Option<Output>,
    /// Where large texts go.
    streams: Option<PathBuf>,
    digest: Sha256,
    step: Vec<String>,
    calls: usize,
    /// Bytes before compression.
    bytes: u64,
    /// How many texts are not whole.
    cut: usize,
    spent: Duration,
    read: BTreeMap<u64, Vec<u8>>,
    /// The ports that have read since that was written.
    unwritten: BTreeSet<u64>,
    /// How many secrets were known when the first line was written.
    secrets: usize,
    trouble: Option<io::Error>,
}

impl State {
    /// Nothing is written to FILE yet, whose large texts go to the folder STREAMS; so many
    /// SECRETS are known.
    fn of(file: File, streams: Option<PathBuf>, secrets: usize) -> State {
        State {
            output: Some(compressed(file)),
            streams,
            digest: Sha256::new(),
            step: Vec::new(),
            calls: 0,
            bytes: 0,
            cut: 0,
            spent: Duration::ZERO,
            read: BTreeMap::new(),
            unwritten: BTreeSet::new(),
            secrets,
            trouble: None,
        }
    }
}

/// What a recording has cost, when it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    pub calls: usize,
    /// The size of the file.
    pub bytes: u64,
    pub spent: Duration,
    /// How long the program ran.
    pub elapsed: Duration,
}

impl Recorder {
    /// Begin a recording in the file at PATH, which is made anew. Large texts are kept in
    /// the folder STREAMS. STEP tells the step that goes on.
    pub fn begin(
        path: &Path,
        streams: Option<&Path>,
        header: &Header,
        step: fn() -> Vec<String>,
    ) -> Result<Recorder, Failure> {
        let cannot = |what: &Path, error: io::Error| {
            Failure::new(
                Key::Usage,
                format!("cannot record to `{}`: {error}", what.display()),
            )
        };
        if let Some(folder) = streams {
            private::create_directory(folder).map_err(|error| cannot(folder, error))?;
        }
        let file = private::options()
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(|error| cannot(path, error))?;
        let recorder = Recorder {
            path: path.to_owned(),
            step,
            began: Instant::now(),
            state: RefCell::new(State::of(
                file,
                streams.map(Path::to_owned),
                secrets::count(),
            )),
        };
        let mut header = serde_json::to_value(header).map_err(Failure::internal)?;
        hide_in(&mut header);
        recorder.state.borrow_mut().write_json(&header);
        Ok(recorder)
    }

    /// The recording cannot be made because of WHY, which is told; the program goes on.
    pub fn give_up(&self, why: &str) {
        let mut state = self.state.borrow_mut();
        if state.output.take().is_some() {
            tell_of(&self.path, why);
        }
    }

    fn write(&self, line: &Line) {
        let mut state = self.state.borrow_mut();
        state.write(line);
        if let Some(error) = state.trouble.take() {
            tell_of(&self.path, &error.to_string());
        }
    }

    /// TEXT, or where that is too large what stands for it.
    fn kept(&self, text: &str) -> Option<String> {
        if text.len() <= LARGEST {
            return None;
        }
        let digest = super::sha256(text.as_bytes());
        let mut state = self.state.borrow_mut();
        if state.keep_apart(&digest, text.as_bytes()) {
            return Some(super::matching::apart(&digest, text.len()));
        }
        let end = boundary(text, ENDS);
        let start = boundary(text, text.len() - ENDS);
        Some(format!(
            "{}\n[… {} bytes in all, sha256 {digest} …]\n{}",
            &text[..end],
            text.len(),
            &text[start..]
        ))
    }

    /// Put what is too large in JSON elsewhere.
    fn make_smaller(&self, json: &mut Json) {
        match json {
            Json::String(text) => {
                if let Some(kept) = self.kept(text) {
                    *text = kept;
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.make_smaller(item)),
            Json::Object(entries) => {
                entries
                    .values_mut()
                    .for_each(|item| self.make_smaller(item));
            }
            _ => {}
        }
    }

    /// The program has ended with STATUS. What the recording has cost, unless it could not
    /// be made.
    pub fn end(&self, status: u8) -> Option<Cost> {
        let began = Instant::now();
        let mut state = self.state.borrow_mut();
        state.write_what_was_read();
        let digest = state.digest.clone().finalize();
        let end = Line::End(End {
            status,
            calls: state.calls,
            sha256: hexadecimal(&digest),
        });
        state.write(&end);
        let output = state.output.take()?;
        let mut written = output.finish().and_then(|mut file| file.flush());
        if written.is_ok() && secrets::count() > state.secrets {
            written = self.write_anew(&mut state);
        }
        if let Err(error) = written {
            tell_of(&self.path, &error.to_string());
            return None;
        }
        if state.cut > 0 {
            tell(Event::Note {
                text: format!(
                    "{} texts are in the recording with their ends only; `--record-streams` keeps them",
                    state.cut
                ),
            });
        }
        Some(Cost {
            calls: state.calls,
            bytes: std::fs::metadata(&self.path).map_or(0, |file| file.len()),
            spent: state.spent + began.elapsed(),
            elapsed: self.began.elapsed(),
        })
    }

    /// Hide in what has been written what nobody knew to be secret then.
    fn write_anew(&self, state: &mut State) -> io::Result<()> {
        let recording = read(&self.path).map_err(io::Error::other)?;
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        {
            let mut again = State::of(file.reopen()?, None, 0);
            let mut header = serde_json::to_value(&recording.header)?;
            hide_in(&mut header);
            again.write_json(&header);
            for (path, text) in &recording.programs {
                again.write(&program_line(path, text));
            }
            for call in recording.calls {
                again.calls += 1;
                if call.is_anytime {
                    again.write(&Line::Anytime(call.name, call.outcome));
                    continue;
                }
                again.stand_in(&call.step);
                let (mut arguments, mut outcome) = (call.arguments, call.outcome);
                hide_in(&mut arguments);
                hide_in(&mut outcome);
                again.write(&Line::Call(CallLine(call.name, arguments, outcome)));
            }
            for (port, bytes) in &recording.read {
                let hidden = hexadecimal(&secrets::hide_bytes(bytes));
                again.write(&match recording.large.get(port) {
                    Some((size, digest)) => Line::Large(*port, *size, digest.clone(), hidden),
                    None => Line::Read(*port, hidden),
                });
            }
            let digest = again.digest.clone().finalize();
            again.write(&Line::End(End {
                status: recording.status.unwrap_or_default(),
                calls: again.calls,
                sha256: hexadecimal(&digest),
            }));
            if let Some(error) = again.trouble.take() {
                return Err(error);
            }
            if let Some(output) = again.output.take() {
                output.finish()?.flush()?;
            }
            state.bytes = again.bytes;
        }
        file.as_file_mut().sync_data()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn compressed(file: File) -> Output {
    GzEncoder::new(BufWriter::new(file), Compression::fast())
}

fn program_line(path: &Path, text: &str) -> Line {
    Line::Program(
        path.to_string_lossy().into_owned(),
        secrets::hide(text).into_owned(),
    )
}

/// Hide what is secret in the texts of JSON.
fn hide_in(json: &mut Json) {
    match json {
        Json::String(text) => {
            if let Cow::Owned(hidden) = secrets::hide(text) {
                *text = hidden;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(hide_in),
        Json::Object(entries) => entries.values_mut().for_each(hide_in),
        _ => {}
    }
}

fn tell_of(path: &Path, why: &str) {
    tell(Event::Note {
        text: format!(
            "there will be no recording in `{}`, and the run goes on: {why}",
            path.display()
        ),
    });
}

impl State {
    fn write(&mut self, line: &Line) {
        match serde_json::to_vec(line) {
            Ok(text) => self.write_text(text),
            Err(error) => self.fail(error.into()),
        }
    }

    fn write_json(&mut self, json: &Json) {
        self.write_text(json.to_string().into_bytes());
    }

    fn write_text(&mut self, mut text: Vec<u8>) {
        let Some(output) = &mut self.output else {
            return;
        };
        text.push(b'\n');
        self.digest.update(&text);
        self.bytes += text.len() as u64;
        if let Err(error) = output.write_all(&text) {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: io::Error) {
        // What was written up to here can be read.
        self.output = None;
        self.trouble = Some(error);
    }

    /// Write BYTES with DIGEST to the folder of what is kept apart; whether they are there.
    fn keep_apart(&mut self, digest: &str, bytes: &[u8]) -> bool {
        let Some(folder) = &self.streams else {
            self.cut += 1;
            return false;
        };
        let file = folder.join(digest);
        let written = private::options()
            .create(true)
            .truncate(true)
            .open(&file)
            .and_then(|mut file| file.write_all(bytes));
        if let Err(error) = &written {
            self.cut += 1;
            let text = format!("cannot keep `{}`: {error}", file.display());
            tell(Event::Note { text });
        }
        written.is_ok()
    }

    /// Write all that the ports have read that have read something new: whole, because
    /// what is secret in it may have come in two parts.
    fn write_what_was_read(&mut self) {
        for port in std::mem::take(&mut self.unwritten) {
            let bytes = self.read.get(&port).map_or(&[][..], Vec::as_slice);
            let hidden = secrets::hide_bytes(bytes).into_owned();
            let line = if hidden.len() > LARGEST {
                let digest = super::sha256(&hidden);
                self.keep_apart(&digest, &hidden);
                Line::Large(port, hidden.len(), digest, hexadecimal(&hidden[..ENDS]))
            } else {
                Line::Read(port, hexadecimal(&hidden))
            };
            self.write(&line);
        }
    }

    /// The calls that come are in STEP.
    fn stand_in(&mut self, step: &[String]) {
        if self.step == step {
            return;
        }
        self.write_what_was_read();
        self.step = step.to_vec();
        let hidden = step.iter().map(|name| secrets::hide(name).into_owned());
        self.write(&Line::Step(hidden.collect()));
        // Whoever kills the process leaves what was done before this step.
        if let Some(Err(error)) = self.output.as_mut().map(Write::flush) {
            self.fail(error);
        }
    }
}

impl Watcher for Recorder {
    fn comes(&self, _: &Call) -> Wish {
        Wish::Make
    }

    fn came(&self, call: &Call, mut outcome: Json) {
        if call.name == "%run-select!" {
            self.give_up("a run in part takes what it passes over from another run");
        }
        if self.state.borrow().output.is_none() {
            return;
        }
        self.state.borrow_mut().calls += 1;
        if call.kind == Kind::Anytime {
            self.write(&Line::Anytime(call.name.to_owned(), outcome));
            return;
        }
        let mut arguments = call.arguments.clone();
        self.make_smaller(&mut arguments);
        self.make_smaller(&mut outcome);
        let step = (self.step)();
        self.state.borrow_mut().stand_in(&step);
        self.write(&Line::Call(CallLine(
            call.name.to_owned(),
            arguments,
            outcome,
        )));
    }

    fn hidden<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        secrets::hide_bytes(bytes)
    }

    fn read(&self, port: u64, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        state.unwritten.insert(port);
        let read = state.read.entry(port).or_default();
        // A port may have no end.
        let room = MOST_READ.saturating_sub(read.len());
        read.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn content(&self, _: u64) -> Option<Vec<u8>> {
        None
    }

    fn program(&self, _: &Path) -> Option<io::Result<String>> {
        None
    }

    fn program_read(&self, path: &Path, text: &str) {
        self.write(&program_line(path, text));
    }

    fn has_program(&self, _: &Path) -> Option<bool> {
        None
    }

    fn took(&self, time: Duration) {
        self.state.borrow_mut().spent += time;
    }
}
