//! What comes from outside: calls of natives that ask the world, and somebody who watches.
//!
//! A native says in its table whether what it gives is the program's own or comes from
//! outside, as [`natives!`](crate::natives) has it. Whoever embeds the language may put a
//! [`Watcher`] beside the program, who then sees each call that goes outside with its
//! arguments and what it gave, as plain data, and may answer in the world's stead. Texts of
//! programs and what ports read are told apart from calls: neither the loader nor a buffer
//! asks in an order that the program has chosen.
//!
//! Values are made into data in [`datum`]. What cannot be (a procedure, a hash table) stands
//! there as what it is, and cannot be given back.

pub mod datum;

use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use failure::Failure;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What sort of call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It asks the world, or changes it.
    Asks,
    /// It keeps account in this process, too: that is done whoever answers.
    Accounts,
    /// It asks for what is the same at each time, or is the time: when and how often a
    /// program does that says nothing of it.
    Anytime,
}

/// A call that goes outside.
#[derive(Clone, Debug)]
pub struct Call {
    /// The native's name.
    pub name: &'static str,
    pub kind: Kind,
    /// The list of its arguments.
    pub arguments: Json,
}

/// What a watcher wants of a call that is about to be made.
pub enum Wish {
    /// Make it.
    Make,
    /// Let this, which [`datum::outcome`] has made, be its outcome.
    Give(Json),
    /// Let it fail with this.
    Refuse(Failure),
    /// End the program with this, whatever handlers it has.
    End(Failure),
}

/// Whoever watches what comes from outside.
pub trait Watcher {
    /// CALL is about to be made.
    fn comes(&self, call: &Call) -> Wish;
    /// CALL has been made, and OUTCOME is what it came to.
    fn came(&self, call: &Call, outcome: Json);
    /// The same text, or bytes, without what nobody is to be told.
    fn hidden<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]>;
    /// The port NUMBER has read BYTES.
    fn read(&self, port: u64, bytes: &[u8]);
    /// All that the port NUMBER will read, when nothing is read from outside.
    fn content(&self, port: u64) -> Option<Vec<u8>>;
    /// The text of the program in the file at PATH; `None` when that is to be read.
    fn program(&self, path: &Path) -> Option<io::Result<String>>;
    /// TEXT is what the file at PATH holds, a program.
    fn program_read(&self, path: &Path, text: &str);
    /// Whether there is a program at PATH; `None` when that is to be looked at.
    fn has_program(&self, path: &Path) -> Option<bool>;
    /// Watching a call has taken so long, the call itself left out.
    fn took(&self, time: Duration);
}

thread_local! {
    static WATCHER: RefCell<Option<Rc<dyn Watcher>>> = const { RefCell::new(None) };
    /// Whether a call is being made: what it calls itself belongs to it.
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// From now on WATCHER sees what this thread asks of the world; nobody when it is `None`.
pub fn watch(watcher: Option<Rc<dyn Watcher>>) {
    datum::begin();
    WATCHER.with(|slot| *slot.borrow_mut() = watcher);
}

fn watcher() -> Option<Rc<dyn Watcher>> {
    WATCHER.with(|slot| slot.borrow().clone())
}

struct Within(());

impl Within {
    fn begin() -> Within {
        WITHIN.with(|within| within.set(true));
        Within(())
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.with(|within| within.set(false));
    }
}

/// What FUNCTION, the native called NAME, gives for ARGUMENTS, or the watcher.
#[doc(hidden)]
pub fn ask(
    kind: Kind,
    name: &'static str,
    arguments: &[Value],
    function: impl FnOnce(&[Value]) -> Outcome,
) -> Outcome {
    match watcher() {
        Some(watcher) if !WITHIN.with(Cell::get) => {
            let began = Instant::now();
            let call = call(kind, name, arguments, &*watcher);
            match begin(&*watcher, &call, began)? {
                None => end(&*watcher, &call, made(|| function(arguments))),
                Some(outcome) => {
                    if kind == Kind::Accounts {
                        let _what_was_given_counts = made(|| function(arguments));
                    }
                    datum::given(&outcome, None)
                }
            }
        }
        _ => function(arguments),
    }
}

/// The same for one that the machine is lent to.
#[doc(hidden)]
pub fn ask_with(
    kind: Kind,
    name: &'static str,
    machine: &mut Machine,
    arguments: &[Value],
    function: impl FnOnce(&mut Machine, &[Value]) -> Outcome,
) -> Outcome {
    match watcher() {
        Some(watcher) if !WITHIN.with(Cell::get) => {
            let began = Instant::now();
            let call = call(kind, name, arguments, &*watcher);
            match begin(&*watcher, &call, began)? {
                None => end(&*watcher, &call, made(|| function(machine, arguments))),
                Some(outcome) => datum::given(&outcome, Some(machine)),
            }
        }
        _ => function(machine, arguments),
    }
}

fn call(kind: Kind, name: &'static str, arguments: &[Value], watcher: &dyn Watcher) -> Call {
    Call {
        name,
        kind,
        arguments: datum::list(arguments, watcher),
    }
}

fn begin(watcher: &dyn Watcher, call: &Call, began: Instant) -> Result<Option<Json>, Raise> {
    let wish = watcher.comes(call);
    watcher.took(began.elapsed());
    match wish {
        Wish::Make => Ok(None),
        Wish::Give(outcome) => Ok(Some(outcome)),
        Wish::Refuse(failure) => Err(Raise::Failure(failure)),
        Wish::End(failure) => Err(Raise::End(failure)),
    }
}

fn made<T>(make: impl FnOnce() -> T) -> T {
    let _within = Within::begin();
    make()
}

fn end(watcher: &dyn Watcher, call: &Call, outcome: Outcome) -> Outcome {
    let began = Instant::now();
    watcher.came(call, datum::outcome(&outcome, watcher));
    watcher.took(began.elapsed());
    outcome
}

/// The bytes that MAKE gives, which are no value, for the native called NAME.
pub fn bytes(name: &'static str, make: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, Raise> {
    use crate::data::bytevectors;
    let value = ask(Kind::Asks, name, &[], |_| Ok(bytevectors::value(make())))?;
    bytevectors::bytes(name, &[value], 1)
}

/// The copy of this process that goes on here is watched by nobody.
pub fn forget_in_copy() {
    WATCHER.with(|slot| {
        // What it holds is the other process's to end.
        std::mem::forget(slot.borrow_mut().take());
    });
}

/// Whether somebody answers in the world's stead.
pub fn is_answered() -> bool {
    watcher().is_some_and(|watcher| watcher.content(STANDARD_INPUT).is_some())
}

/// The numbers of the standard ports.
pub const STANDARD_INPUT: u64 = 1;

/// Tell that port NUMBER has read BYTES.
pub fn port_read(number: u64, bytes: &[u8]) {
    if let Some(watcher) = watcher() {
        watcher.read(number, bytes);
    }
}

/// What port NUMBER will read, when somebody answers in the world's stead.
pub fn port_content(number: u64) -> Option<Vec<u8>> {
    watcher()?.content(number)
}

/// The text of the program at PATH, which READ reads.
pub fn program(path: &Path, read: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
    let Some(watcher) = watcher() else {
        return read();
    };
    if let Some(text) = watcher.program(path) {
        return text;
    }
    let text = read()?;
    watcher.program_read(path, &text);
    Ok(text)
}

/// Whether there is a program at PATH.
pub fn has_program(path: &Path) -> bool {
    watcher()
        .and_then(|watcher| watcher.has_program(path))
        .unwrap_or_else(|| path.is_file())
}
