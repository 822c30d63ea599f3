//! The user's procedures that an error went through, and where each was.
//!
//! Steel says exactly where the innermost procedure was. For the others it looks
//! the place of a call up among those of the procedure that was called, so its
//! answer only tells that procedure. Where each called the next is then read off
//! the text, when there is one such call; otherwise the procedure's own place has
//! to do. Where the machine knows no place at all, the one procedure that can stand
//! between those it knows is found in the same way.

use crate::eval::outline::DEFINING;
use crate::read::builder::SyntaxBuilder;
use crate::read::reader::Reader;
use crate::syntax::identifier::Id;
use crate::syntax::source;
use crate::syntax::span::Span;
use crate::syntax::stx::{Form, Stx};
use std::collections::HashMap;

/// A procedure that was at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub place: Span,
    /// The name that the text defines it by; none for a form at the top level.
    pub procedure: Option<Id>,
}

/// The frames for TRACE, innermost first. TRACE has a place inside of each procedure
/// at work, outermost first. The last is exact, or is where the machine would have
/// gone on after the native called NATIVE; the default span stands for a place that
/// nobody knows; RAISER is the native called there when the program has raised itself.
/// TOP is the form at the top level that led to them. The procedures of the library only
/// count for what they were called by.
pub fn frames(trace: &[Span], native: Option<Id>, raiser: Option<Id>, top: Span) -> Vec<Frame> {
    let mut texts = Texts::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut called: Option<Region> = None;
    for (index, place) in trace.iter().rev().enumerate() {
        let region = match *place == Span::default() {
            true => None,
            false => texts.region(*place),
        };
        let Some(region) = region else {
            continue;
        };
        let call = match &called {
            None if index == 0 => Some(texts.exact(*place, native)),
            called => called
                .as_ref()
                .and_then(|called| only_call(&region.form, called.name?)),
        };
        let again = called
            .as_ref()
            .is_some_and(|called| called.form.span() == region.form.span());
        let frame = Frame {
            place: call.unwrap_or_else(|| region.form.span()),
            procedure: region.name,
        };
        called = Some(region);
        // A procedure that runs several times is told once for each call known.
        let told = frames.last() == Some(&frame) || (again && call.is_none());
        if !told && !is_library(*place) {
            frames.push(frame);
        }
    }
    let top_is_known = frames
        .last()
        .is_some_and(|frame| frame.procedure.is_none() && frame.place.within(top));
    if !top_is_known && top != Span::default() && top.place().is_some() {
        let call = called
            .and_then(|called| called.name)
            .and_then(|name| only_call(&texts.region(top)?.form, name));
        frames.push(Frame {
            place: call.unwrap_or(top),
            procedure: None,
        });
    }
    // The innermost may be lost, and only what it called be known: that stands in a
    // procedure without a name in the caller's text, or in one that the caller calls.
    if trace.last() == Some(&Span::default())
        && let (Some(name), Some(caller)) = (native.or(raiser), frames.first().copied())
        && let Some(region) = texts.region(caller.place)
    {
        let way = texts.between(&region.form, name, caller.place.source);
        match (only_call(&region.form, name), way) {
            (Some(place), None) if caller.place == region.form.span() => frames[0].place = place,
            (Some(place), None) => frames.insert(0, Frame { place, ..caller }),
            (None, Some(way)) => drop(frames.splice(0..0, way)),
            _ => {}
        }
    }
    texts.fill(&mut frames);
    frames
}

/// Let FRAMES begin at PLACE, which whoever raised the error has said, in the procedure
/// that it stands in.
pub fn begin_at(frames: &mut Vec<Frame>, place: Span) {
    let mut texts = Texts::default();
    let Some(region) = texts.region(place) else {
        return;
    };
    let frame = Frame {
        place,
        procedure: region.name,
    };
    match frames.first_mut() {
        Some(first) if first.place.within(region.form.span()) && first.procedure == region.name => {
            *first = frame;
        }
        _ => frames.insert(0, frame),
    }
    texts.fill(frames);
}

/// So many procedures in a row may be found though the machine knows none of them.
const LONGEST_WAY: usize = 4;

/// Where so many ways lead to a call, nobody can tell which it was.
const MOST_WAYS: usize = 100;

/// Whether PLACE is in a file that the binary carries.
fn is_library(place: Span) -> bool {
    source::get(place.source).is_some_and(|source| is_of_library(&source.name))
}

/// Whether the file called NAME is one that the binary carries.
pub fn is_of_library(name: &str) -> bool {
    name.starts_with("guile/") || name.starts_with("fruix/")
}

/// The part of a text that defines one procedure, or a form at the top level.
struct Region {
    form: Stx,
    name: Option<Id>,
}

/// The forms of the texts looked at so far.
#[derive(Default)]
struct Texts(HashMap<u32, Vec<Stx>>);

impl Texts {
    /// Where the native called NATIVE was called, when the machine goes on at PLACE.
    fn exact(&mut self, place: Span, native: Option<Id>) -> Span {
        let called = native.and_then(|name| {
            let form = self.form_at(place)?;
            let head = parts(&form).next().and_then(Stx::as_id);
            if head == Some(name) {
                return None;
            }
            only_call(&form, name).or_else(|| only_call(&self.region(place)?.form, name))
        });
        called.unwrap_or(place)
    }

    /// The form that begins and ends as PLACE does.
    fn form_at(&mut self, place: Span) -> Option<Stx> {
        let mut here = self
            .forms(place.source)
            .iter()
            .find(|form| place.within(form.span()))?;
        while here.span() != place {
            here = parts(here).find(|part| place.within(part.span()))?;
        }
        Some(here.clone())
    }

    fn forms(&mut self, source: u32) -> &[Stx] {
        self.0.entry(source).or_insert_with(|| {
            let Some(text) = source::get(source) else {
                return Vec::new();
            };
            let mut reader = Reader::new(&text.text, source);
            std::iter::from_fn(|| reader.read(&mut SyntaxBuilder::default()).ok().flatten())
                .collect()
        })
    }

    /// Find, where the place of one of FRAMES is not known, what it called: the one before
    /// it, or a procedure that the machine has lost between them.
    fn fill(&mut self, frames: &mut Vec<Frame>) {
        let mut at = 1;
        while at < frames.len() {
            let called = frames[at - 1];
            let caller = &mut frames[at];
            at += 1;
            let (Some(name), Some(region)) = (called.procedure, self.region(caller.place)) else {
                continue;
            };
            if caller.place != region.form.span() {
                continue;
            }
            if let Some(call) = only_call(&region.form, name) {
                caller.place = call;
            } else if let Some(way) = self.between(&region.form, name, called.place.source) {
                let outermost = way.last().and_then(|frame| frame.procedure);
                if let Some(call) = outermost.and_then(|name| only_call(&region.form, name)) {
                    caller.place = call;
                }
                frames.splice(at - 1..at - 1, way);
            }
        }
    }

    /// The procedures in the text SOURCE through which CALLER calls NAME, the innermost
    /// first, each at one place, when there is one such way that is the shortest.
    fn between(&mut self, caller: &Stx, name: Id, source: u32) -> Option<Vec<Frame>> {
        let mut procedures = Vec::new();
        let mut open: Vec<&Stx> = self.forms(source).iter().collect();
        while let Some(form) = open.pop() {
            if let Some(own) = defined(form) {
                procedures.push((form, own));
            }
            open.extend(parts(form));
        }
        let mut ways = vec![(name, Vec::new())];
        for _ in 0..LONGEST_WAY {
            ways = ways
                .into_iter()
                .flat_map(|(name, way)| {
                    procedures.iter().filter_map(move |(form, own)| {
                        let place = only_call(form, name).filter(|_| *own != name)?;
                        let mut way: Vec<Frame> = way.clone();
                        way.push(Frame {
                            place,
                            procedure: Some(*own),
                        });
                        Some((*own, way))
                    })
                })
                .collect();
            let mut there = ways
                .iter()
                .filter(|(own, _)| only_call(caller, *own).is_some());
            match (there.next(), there.next()) {
                (None, _) if (1..=MOST_WAYS).contains(&ways.len()) => {}
                (Some((_, way)), None) => return Some(way.clone()),
                _ => return None,
            }
        }
        None
    }

    /// The innermost definition around PLACE, or the form at the top level.
    fn region(&mut self, place: Span) -> Option<Region> {
        let forms = self.forms(place.source);
        let mut here = forms.iter().find(|form| place.within(form.span()))?;
        let mut region = Region {
            form: here.clone(),
            name: defined(here),
        };
        while let Some(inner) = parts(here).find(|part| place.within(part.span())) {
            here = inner;
            if let Some(name) = defined(here) {
                region = Region {
                    form: here.clone(),
                    name: Some(name),
                };
            }
        }
        Some(region)
    }
}

fn parts(form: &Stx) -> Box<dyn Iterator<Item = &Stx> + '_> {
    match form.form() {
        Form::List(items, tail) => Box::new(items.iter().chain(tail)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The name of the procedure that FORM defines.
fn defined(form: &Stx) -> Option<Id> {
    let items = form.as_list()?;
    let (head, what) = (items.first()?.as_id()?, items.get(1)?);
    if !DEFINING.contains(&&*head.name()) {
        return None;
    }
    let mut what = what;
    // (define ((curried a) b) …)
    while let Form::List(parts, _) = what.form() {
        what = parts.first()?;
    }
    what.as_id()
}

/// Where FORM calls NAME, when it does so at one place.
fn only_call(form: &Stx, name: Id) -> Option<Span> {
    fn calls(form: &Stx, name: Id, found: &mut Vec<Span>) {
        let head = parts(form).next().and_then(Stx::as_id);
        if head.is_some_and(|head| head == name) {
            found.push(form.span());
        }
        for part in parts(form) {
            calls(part, name, found);
        }
    }
    let mut found = Vec::new();
    match defined(form) {
        // The part behind the head of a definition: its name is not a call.
        Some(_) => parts(form)
            .skip(2)
            .for_each(|part| calls(part, name, &mut found)),
        None => calls(form, name, &mut found),
    }
    match found[..] {
        [only] => Some(only),
        _ => None,
    }
}
