//! Answers from a recording in the world's stead.
//!
//! The program asks, call by call; the recording has the calls in the order in which they
//! were made, since a program that is not changed asks for the same things in the same
//! order, and the world that had answered out of order would be another one. A call is
//! the one that comes next when step, name and arguments are the same. What time it is, and
//! what is the same at any time, may be asked oftener or more seldom.
//!
//! At the first call that is another one the program ends, with no handler asked, and
//! whoever replays is told what the recording has next and what was asked.

use super::matching::{digest_of_whole, same};
use super::{Call as Recorded, Recording, boundary};
use crate::failure::{Failure, Key};
use crate::guile::outside::{Call, Kind, Watcher, Wish, datum};
use crate::secrets;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So much is shown of a call.
const SHOWN: usize = 300;

/// A recording that answers.
pub struct Replayer {
    calls: Vec<Recorded>,
    programs: BTreeMap<PathBuf, String>,
    read: BTreeMap<u64, Vec<u8>>,
    /// Whether the recording goes to the end of the program.
    is_whole: bool,
    /// Whether programs that are on this machine are taken from there.
    with_current: bool,
    step: fn() -> Vec<String>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// The call that comes next.
    next: usize,
    /// What the program was ended with.
    ended: Option<String>,
    /// Whether whoever sits at a prompt asks.
    is_at_prompt: bool,
    /// Where the text of each step that goes on stands, as far as that is known.
    places: Vec<Option<String>>,
}

impl Replayer {
    /// One for RECORDING. WITH-CURRENT programs that are on this machine are meant, rather
    /// than those that were recorded. STREAMS is the folder of texts that were kept apart.
    pub fn new(
        mut recording: Recording,
        with_current: bool,
        streams: Option<&Path>,
        step: fn() -> Vec<String>,
    ) -> Result<Replayer, Failure> {
        if let Some(folder) = streams {
            for call in &mut recording.calls {
                bring(&mut call.outcome, folder)?;
            }
            for (port, (_, digest)) in &recording.large {
                if let Ok(bytes) = std::fs::read(folder.join(digest)) {
                    check(&bytes, digest, folder)?;
                    recording.read.insert(*port, bytes);
                }
            }
        }
        Ok(Replayer {
            is_whole: recording.status.is_some(),
            calls: recording.calls,
            programs: recording.programs,
            read: recording.read,
            with_current,
            step,
            state: RefCell::default(),
        })
    }

    /// The step at PATH is about to begin, whose text stands at PLACE.
    pub fn step_comes(&self, path: &[String], place: Option<String>) {
        let places = &mut self.state.borrow_mut().places;
        places.resize(path.len().saturating_sub(1), None);
        places.push(place);
    }

    /// From now on what is asked is refused, and the program goes on.
    pub fn stop_at_prompt(&self) {
        self.state.borrow_mut().is_at_prompt = true;
    }

    /// Whether a prompt asks.
    pub fn is_at_prompt(&self) -> bool {
        self.state.borrow().is_at_prompt
    }

    /// How many calls were answered, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.state.borrow().next, self.calls.len())
    }

    /// The first difference, when the program has met one.
    pub fn difference(&self) -> Option<String> {
        self.state.borrow().ended.clone()
    }

    /// The program has ended. What it has not asked for, if anything.
    pub fn left(&self) -> Option<Failure> {
        let state = self.state.borrow();
        if state.ended.is_some() || state.is_at_prompt {
            return None;
        }
        let Some((index, call)) = self.coming(state.next) else {
            return (!self.is_whole).then(|| Failure::new(Key::Replay, CUT_OFF));
        };
        Some(
            Failure::new(
                Key::Replay,
                format!(
                    "the program has ended, and the recording goes on\n  the recording has next: {}",
                    self.described(index, call)
                ),
            )
            .hint(ANOTHER),
        )
    }

    /// The first call from FROM on that has its time, and its place.
    fn coming(&self, from: usize) -> Option<(usize, &Recorded)> {
        let calls = self.calls.iter().enumerate().skip(from);
        let mut asked = calls.filter(|(_, call)| !call.is_anytime);
        asked.next()
    }

    fn described(&self, index: usize, call: &Recorded) -> String {
        format!(
            "{}{} (call {} of {})",
            shown(&call.name, &call.arguments),
            in_step(&call.step),
            index + 1,
            self.calls.len()
        )
    }

    fn anytime(&self, state: &mut State, name: &str) -> Option<Json> {
        let is_it = |call: &&Recorded| call.is_anytime && call.name == name;
        if let Some(call) = self.calls.get(state.next).filter(is_it) {
            state.next += 1;
            return Some(call.outcome.clone());
        }
        let (before, behind) = self.calls.split_at(state.next);
        let nearest = before.iter().rev().find(is_it);
        let nearest = nearest.or_else(|| behind.iter().find(is_it));
        nearest.map(|call| call.outcome.clone())
    }

    /// The difference between what comes next, which is NEXT, and CALL in STEP.
    fn differs(
        &self,
        next: Option<(usize, &Recorded)>,
        call: &Call,
        step: &[String],
        place: Option<&str>,
    ) -> Failure {
        let mut asked = format!("{}{}", shown(call.name, &call.arguments), in_step(step));
        if let Some(place) = place {
            asked.push_str(&format!(", which stands at {place}"));
        }
        let (what, recorded) = match next {
            Some((index, recorded)) => (
                "the program asks for something else than when it was recorded",
                self.described(index, recorded),
            ),
            None if self.is_whole => (
                "the program asks for more than when it was recorded",
                "nothing".to_owned(),
            ),
            None => (CUT_OFF, "nothing".to_owned()),
        };
        let parted = next.and_then(|(_, recorded)| {
            let is_like = recorded.name == call.name;
            is_like.then(|| parted(&recorded.arguments, &call.arguments))?
        });
        let from = next.map_or(0, |(index, _)| index);
        let elsewhere = self.calls.iter().enumerate().find(|(index, recorded)| {
            *index > from
                && recorded.name == call.name
                && same(&recorded.arguments, &call.arguments, &mut Vec::new())
        });
        let mut told = format!(
            "{what}\n  the recording has next: {recorded}\n  the program asked for:  {asked}"
        );
        if let Some((recorded, asked)) = parted {
            told.push_str(&format!(
                "\n  where they part:        {recorded}\n  and:                    {asked}"
            ));
        }
        if let Some((index, recorded)) = elsewhere {
            told.push_str(&format!(
                "\n  the recording has that later: call {}{}",
                index + 1,
                in_step(&recorded.step)
            ));
        }
        Failure::new(Key::Replay, told).hint(ANOTHER)
    }
}

const CUT_OFF: &str =
    "the recording ends here: the process that made it was killed, or the file was cut off";
const ANOTHER: &str = "run the program as it is now with `--record FILE` for a recording of it";

fn in_step(step: &[String]) -> String {
    match step {
        [] => " outside of steps".to_owned(),
        step => format!(" in step `{}`", step.join(" / ")),
    }
}

/// A call in one line.
fn shown(name: &str, arguments: &Json) -> String {
    let arguments = datum::shown(arguments);
    let inside = arguments
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(&arguments);
    cut(match inside {
        "" => format!("({name})"),
        inside => format!("({name} {inside})"),
    })
}

/// The first place in which ASKED is not RECORDED, in both.
fn parted(recorded: &Json, asked: &Json) -> Option<(String, String)> {
    if same(recorded, asked, &mut Vec::new()) {
        return None;
    }
    match (recorded, asked) {
        (Json::Array(recorded), Json::Array(asked)) => {
            let mut both = recorded.iter().zip(asked);
            both.find_map(|(recorded, asked)| parted(recorded, asked))
                .or_else(|| {
                    let (more, less) = (recorded.len(), asked.len());
                    Some((format!("{more} elements"), format!("{less} elements")))
                })
        }
        (Json::String(recorded), Json::String(asked)) => Some((
            around(recorded, same_bytes(recorded, asked)),
            around(asked, same_bytes(recorded, asked)),
        )),
        _ => Some((cut(datum::shown(recorded)), cut(datum::shown(asked)))),
    }
}

fn same_bytes(one: &str, other: &str) -> usize {
    let bytes = one.bytes().zip(other.bytes());
    bytes.take_while(|(one, other)| one == other).count()
}

/// TEXT around its byte AT.
fn around(text: &str, at: usize) -> String {
    const BEFORE: usize = 30;
    const BEHIND: usize = 60;
    let start = boundary(text, at.saturating_sub(BEFORE));
    let end = boundary(text, at + BEHIND);
    let more = |is: bool| if is { "…" } else { "" };
    format!(
        "{}{:?}{}",
        more(start > 0),
        &text[start..end],
        more(end < text.len())
    )
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Refuse BYTES of FOLDER that have another digest than DIGEST.
fn check(bytes: &[u8], digest: &str, folder: &Path) -> Result<(), Failure> {
    if super::sha256(bytes) == digest {
        return Ok(());
    }
    Err(Failure::new(
        Key::Usage,
        format!(
            "cannot replay with `{}`: it is not what was recorded",
            folder.join(digest).display()
        ),
    ))
}

/// Bring texts that are kept apart in FOLDER into JSON.
fn bring(json: &mut Json, folder: &Path) -> Result<(), Failure> {
    match json {
        Json::String(text) => {
            if let Some(digest) = digest_of_whole(text)
                && let Ok(whole) = std::fs::read_to_string(folder.join(digest))
            {
                check(whole.as_bytes(), digest, folder)?;
                *text = whole;
            }
            Ok(())
        }
        Json::Array(items) => items.iter_mut().try_for_each(|item| bring(item, folder)),
        Json::Object(entries) => entries
            .values_mut()
            .try_for_each(|item| bring(item, folder)),
        _ => Ok(()),
    }
}

impl Watcher for Replayer {
    fn comes(&self, call: &Call) -> Wish {
        let mut state = self.state.borrow_mut();
        if state.is_at_prompt {
            return match call.kind {
                Kind::Anytime => match self.anytime(&mut state, call.name) {
                    Some(outcome) => Wish::Give(outcome),
                    None => Wish::Make,
                },
                _ => Wish::Refuse(Failure::new(
                    Key::Replay,
                    format!(
                        "nothing is asked of the world at the prompt of a replay: {}",
                        shown(call.name, &call.arguments)
                    ),
                )),
            };
        }
        if let Some(told) = &state.ended {
            return Wish::End(Failure::new(Key::Replay, told.clone()).hint(ANOTHER));
        }
        if call.kind == Kind::Anytime {
            return match self.anytime(&mut state, call.name) {
                Some(outcome) => Wish::Give(outcome),
                // A program that never asked is given this machine's.
                None => Wish::Make,
            };
        }
        let step = (self.step)();
        let next = self.coming(state.next);
        let mut learnt = Vec::new();
        if let Some((index, recorded)) = next
            && recorded.name == call.name
            && same(
                &Json::from(recorded.step.to_vec()),
                &Json::from(step.clone()),
                &mut learnt,
            )
            && same(&recorded.arguments, &call.arguments, &mut learnt)
        {
            for (kind, secret) in &learnt {
                secrets::keep(kind, secret);
            }
            state.next = index + 1;
            return Wish::Give(recorded.outcome.clone());
        }
        let place = step
            .len()
            .checked_sub(1)
            .and_then(|last| state.places.get(last));
        let place = place.and_then(Option::as_deref);
        let failure = self.differs(next, call, &step, place);
        state.ended = Some(failure.message().to_owned());
        Wish::End(failure)
    }

    fn came(&self, _: &Call, _: Json) {}

    fn hidden<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        secrets::hide_bytes(bytes)
    }

    fn read(&self, _: u64, _: &[u8]) {}

    fn content(&self, port: u64) -> Option<Vec<u8>> {
        Some(self.read.get(&port).cloned().unwrap_or_default())
    }

    fn program(&self, path: &Path) -> Option<io::Result<String>> {
        if self.with_current && path.is_file() {
            return None;
        }
        Some(match self.programs.get(path) {
            Some(text) => Ok(text.clone()),
            None => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn program_read(&self, _: &Path, _: &str) {}

    fn has_program(&self, path: &Path) -> Option<bool> {
        let current = self.with_current && path.is_file();
        Some(current || self.programs.contains_key(path))
    }

    fn took(&self, _: Duration) {}
}
