//! Ports: strings, bytevectors, files, pipes and the three standard ones.
//!
//! A port holds bytes and, when it stands for something of the operating
//! system, a descriptor. Text is UTF-8 unless the port's encoding says Latin-1.
//! Reading from a descriptor that may block watches for Ctrl-C.
//!
//! Source: GNU Guile reference manual, "Input and Output".

mod input;
mod output;
mod programs;
mod standard;
mod waiting;

use crate::data::native::Raise;
use crate::data::records;
use crate::data::roots::Root;
use crate::data::value::Value;
use crate::library::encodings;
use crate::read::reader;
pub use programs::{
    close, flush_to_program, listen_for_closing, of_program, refill_from_program, tell_of_closing,
    wants_flush,
};
pub use standard::{Standard, current, input_port, output_port, set_current};
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};
pub use waiting::wait_until;

/// How the bytes of a port stand for characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Latin1,
    /// Any that the C library knows, by its name.
    Other(&'static str),
}

/// What the encoding of ports for bytes is called.
const BYTES_ENCODING: &str = "ISO-8859-1";

/// When what was written leaves the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffering {
    None,
    Line,
    Block,
}

/// How much is read and written at once.
pub const CHUNK: usize = 64 * 1024;

/// How many bytes a program behind a port is asked for.
const PROGRAM_CHUNK: usize = 1024;

#[derive(Default)]
pub struct Input {
    /// What has been read from the descriptor, or all there is.
    pub bytes: Vec<u8>,
    pub position: usize,
    /// The bytes from `position` to here are known to be UTF-8.
    pub valid: usize,
    at_end: bool,
}

#[derive(Default)]
pub struct Output {
    pub bytes: Vec<u8>,
    /// Where the next byte goes, when that is not the end.
    pub at: Option<usize>,
    /// Nothing is kept.
    void: bool,
}

/// A descriptor that is closed with its port, unless somebody still goes by its number.
/// Unlike an `OwnedFd` it does not mind when the program has closed it by that before.
pub struct Descriptor {
    number: RawFd,
    /// To how many the number was told.
    pub revealed: isize,
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.number
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(owned: OwnedFd) -> Descriptor {
        Descriptor {
            number: owned.into_raw_fd(),
            revealed: 0,
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.revealed <= 0 {
            // SAFETY: a descriptor is closed by number; one that is closed already gives an
            // error.
            unsafe { libc::close(self.number) };
        }
    }
}

/// What sort of port one is: Guile's name of its port type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    String,
    Void,
    BytesInput,
    BytesOutput,
    Soft,
    /// Of the program's own procedures for bytes.
    Custom,
}

/// A port's insides.
pub struct State {
    pub kind: Kind,
    pub input: Option<Input>,
    pub output: Option<Output>,
    pub descriptor: Option<Descriptor>,
    /// Where writing goes when it is not where reading comes from.
    pub writes_to: Option<Descriptor>,
    pub name: Option<String>,
    pub mode: String,
    /// Below zero where newlines were put back that had not been read.
    pub line: isize,
    pub column: usize,
    pub closed: bool,
    pub encoding: Encoding,
    pub encoding_name: Option<String>,
    pub buffering: Buffering,
    /// How many bytes are read at once and wait to be written.
    pub block_bytes: usize,
    /// The process at the other end of a pipe.
    pub child: Option<libc::pid_t>,
    pub strategy: &'static str,
    /// What directives that were read from here have said.
    pub reading: reader::Options,
    /// What the program made a port of, when it did.
    pub program: Option<Rc<Program>>,
    /// Position, line and column where the procedure that reads began, to which
    /// it goes back when the program has been asked for more.
    mark: (usize, isize, usize),
    /// How many bytes the program is asked for.
    wanted: usize,
    /// The program has just said that there is no more.
    program_ended: bool,
    /// The port is at its beginning for reading and for writing, so that a byte order mark may follow.
    fresh: (bool, bool),
    /// What is read and what is written are at one place of a file.
    shares_position: bool,
    /// An association list of what the program noted about the port.
    pub properties: Option<Root>,
    /// By which somebody tells it who sees what comes from outside; zero before.
    pub number: u64,
}

/// The procedures of the program behind a port. What they close over is theirs
/// as long as the port lives.
pub struct Program {
    /// how many bytes are wanted -> bytevector, empty at the end
    pub read: Option<Root>,
    /// bytevector -> nothing
    pub write: Option<Root>,
    /// offset whence -> position
    pub seek: Option<Root>,
    /// () -> nothing
    pub close: Option<Root>,
}

/// A port as a Scheme value.
#[derive(Clone)]
pub struct Port(pub Rc<RefCell<State>>);

impl Custom for Port {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        let state = self.0.borrow();
        let direction = match (&state.input, &state.output) {
            (Some(_), Some(_)) => "input-output",
            (Some(_), None) => "input",
            _ => "output",
        };
        if state.closed {
            return Some(Ok(format!(
                "#<closed: file {:x}>",
                Rc::as_ptr(&self.0) as usize
            )));
        }
        if state.program.is_some() {
            return Some(Ok(format!(
                "#<{direction}: file {:x}>",
                Rc::as_ptr(&self.0) as usize
            )));
        }
        Some(Ok(match (&state.name, &state.descriptor) {
            (Some(name), Some(fd)) => format!("#<{direction}: {name} {}>", fd.as_raw_fd()),
            (None, Some(fd)) => format!("#<{direction}: file {}>", fd.as_raw_fd()),
            _ => format!("#<{direction}: string {:x}>", Rc::as_ptr(&self.0) as usize),
        }))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.program.is_some() {
            return;
        }
        // A program that forgets to close a file still finds its text there.
        let _nobody_listens = self.flush("close-port");
    }
}

impl State {
    fn new() -> State {
        State {
            kind: Kind::String,
            input: None,
            output: None,
            descriptor: None,
            writes_to: None,
            name: None,
            mode: String::new(),
            line: 0,
            column: 0,
            closed: false,
            encoding: Encoding::Utf8,
            encoding_name: None,
            buffering: Buffering::Block,
            block_bytes: CHUNK,
            child: None,
            strategy: match default_now(Default::Strategy) {
                Some(Value::SymbolV(name)) => strategy_named(name.as_str()),
                _ => "substitute",
            },
            reading: reader::Options::default(),
            program: None,
            mark: (0, 0, 0),
            wanted: 0,
            program_ended: false,
            fresh: (true, true),
            shares_position: false,
            properties: None,
            number: 0,
        }
    }

    /// What comes next is read and written in another encoding, which may begin with its mark.
    pub fn may_have_mark(&mut self) {
        self.fresh = (true, true);
    }

    /// Whether bytes that stand for nothing are an error: there is no way to show them.
    pub fn refuses_bytes(&self) -> bool {
        self.strategy != "substitute"
    }

    /// Close the port; false when it was closed before.
    pub fn close(&mut self) -> Result<bool, Raise> {
        let closed = self.close_but_descriptor();
        self.close_descriptor();
        closed
    }

    /// Close the port, and let what it reads and writes stay open; false when it was
    /// closed before.
    fn close_but_descriptor(&mut self) -> Result<bool, Raise> {
        if self.closed {
            return Ok(false);
        }
        let flushed = self.flush("close-port");
        self.closed = true;
        self.writes_to = None;
        flushed.map(|()| true)
    }

    fn close_descriptor(&mut self) {
        if let Some(mut descriptor) = self.descriptor.take() {
            descriptor.revealed = 0;
        }
    }
}

/// RAISE, with the port among ARGUMENTS or the current one where it tells of characters
/// that have no bytes, or of bytes that are no character.
pub fn named_in(raise: Raise, arguments: &[Value]) -> Raise {
    let Raise::Throw { key, mut args } = raise else {
        return raise;
    };
    let standard = match &*key {
        encodings::DECODING_ERROR => Standard::Input,
        encodings::ENCODING_ERROR => Standard::Output,
        _ => return Raise::Throw { key, args },
    };
    if let Some(port @ Value::BoolV(false)) = args.get_mut(3) {
        let given = arguments.iter().find(|argument| get(argument).is_some());
        *port = given.cloned().unwrap_or_else(|| current(standard));
    }
    Raise::Throw { key, args }
}

/// What programs bind around the opening of ports.
#[derive(Clone, Copy)]
pub enum Default {
    Encoding,
    Strategy,
}

thread_local! {
    static DEFAULTS: RefCell<[Option<Root>; 2]> = const { RefCell::new([None, None]) };
}

/// From now on FLUID holds WHICH.
pub fn set_default(which: Default, fluid: &Value) {
    DEFAULTS.with(|defaults| defaults.borrow_mut()[which as usize] = Some(Root::of(fluid)));
}

/// The fluid that holds WHICH, where a program has asked for it.
pub fn default_fluid(which: Default) -> Option<Value> {
    DEFAULTS.with(|defaults| {
        let defaults = defaults.borrow();
        defaults[which as usize]
            .as_ref()
            .map(|fluid| fluid.value().clone())
    })
}

/// What WHICH is now, where a program has asked for its fluid.
pub fn default_now(which: Default) -> Option<Value> {
    records::field(&default_fluid(which)?, 0)
}

/// The strategy called NAME.
pub fn strategy_named(name: &str) -> &'static str {
    match name {
        "error" => "error",
        "escape" => "escape",
        _ => "substitute",
    }
}

thread_local! {
    static OPEN: RefCell<Vec<Weak<RefCell<State>>>> = const { RefCell::new(Vec::new()) };
    static CURRENT: RefCell<[Option<Value>; 3]> = const { RefCell::new([None, None, None]) };
}

fn value(state: State) -> Value {
    let port = Port(Rc::new(RefCell::new(state)));
    if port.0.borrow().descriptor.is_some() {
        OPEN.with(|open| {
            let mut open = open.borrow_mut();
            if open.len() > 64 {
                open.retain(|port| port.strong_count() > 0);
            }
            open.push(Rc::downgrade(&port.0));
        });
    }
    port.into_steelval()
        .expect("a custom value is always a value")
}

/// Hand everything written to any port to the operating system, as at exit.
pub fn flush_all() {
    let open: Vec<_> = OPEN.with(|open| open.borrow().clone());
    for port in open.iter().filter_map(Weak::upgrade) {
        if let Ok(mut state) = port.try_borrow_mut() {
            // At exit a broken pipe has nobody to hear of it.
            let _nobody_listens = state.flush("force-output");
        }
    }
}

/// Every port that stands for a descriptor and is open.
pub fn all_open() -> Vec<Value> {
    // The standard ones are made when they are first asked for.
    for which in [Standard::Input, Standard::Output, Standard::Error] {
        current(which);
    }
    let open: Vec<_> = OPEN.with(|open| open.borrow().clone());
    open.iter()
        .filter_map(Weak::upgrade)
        .filter(|port| port.try_borrow().is_ok_and(|state| !state.closed))
        .map(|port| {
            Port(port)
                .into_steelval()
                .expect("a custom value is always a value")
        })
        .collect()
}

/// A port to read TEXT from.
pub fn string_input(text: &str) -> Value {
    let mut state = State::new();
    state.mode = "r".to_owned();
    state.input = Some(Input {
        bytes: text.as_bytes().to_vec(),
        position: 0,
        valid: text.len(),
        at_end: true,
    });
    value(state)
}

/// A port to read BYTES from.
pub fn bytes_input(bytes: Vec<u8>) -> Value {
    let mut state = State::new();
    state.kind = Kind::BytesInput;
    state.mode = "r".to_owned();
    state.encoding = Encoding::Latin1;
    state.input = Some(Input {
        bytes,
        at_end: true,
        ..Input::default()
    });
    value(state)
}

/// A port that keeps what is written to it.
pub fn string_output() -> Value {
    let mut state = State::new();
    state.mode = "w".to_owned();
    state.output = Some(Output::default());
    value(state)
}

/// A port that keeps the bytes that are written to it.
pub fn bytes_output() -> Value {
    let mut state = State::new();
    state.kind = Kind::BytesOutput;
    state.mode = "w".to_owned();
    state.encoding = Encoding::Latin1;
    state.encoding_name = Some(BYTES_ENCODING.to_owned());
    state.output = Some(Output::default());
    value(state)
}

/// A port for nothing.
pub fn void(mode: &str) -> Value {
    let mut state = State::new();
    state.kind = Kind::Void;
    state.mode = mode.to_owned();
    if mode.contains('r') || mode.contains('+') {
        state.input = Some(Input {
            at_end: true,
            ..Input::default()
        });
    }
    if !mode.contains('r') || mode.contains(['w', '+']) {
        state.output = Some(Output {
            bytes: Vec::new(),
            at: None,
            void: true,
        });
    }
    value(state)
}

/// What was written to a string port so far.
pub fn string_of(port: &Value) -> String {
    decoded(port).and_then(Result::ok).unwrap_or_default()
}

/// What was written to a string port so far, or what its bytes raise that stand for nothing.
pub fn decoded(port: &Value) -> Option<Result<String, Raise>> {
    with(port, |state| {
        let bytes = state
            .output
            .as_ref()
            .map_or(&[][..], |output| &output.bytes);
        encodings::decode(state.encoding, state.strategy, bytes)
    })
}

/// A port for DESCRIPTOR, which it owns from now on; MODE as in `open-file`.
pub fn descriptor(descriptor: OwnedFd, mode: &str, name: Option<String>) -> Value {
    value(descriptor_state(descriptor, mode, name))
}

fn descriptor_state(descriptor: impl Into<Descriptor>, mode: &str, name: Option<String>) -> State {
    let mut state = State::new();
    state.kind = Kind::File;
    state.mode = mode.to_owned();
    state.name = name;
    let both = mode.contains('+');
    if mode.contains('r') || both {
        state.input = Some(Input::default());
    }
    if mode.contains('w') || mode.contains('a') || both {
        state.output = Some(Output::default());
    }
    if mode.contains('b') {
        state.encoding = Encoding::Latin1;
    }
    if mode.contains('0') {
        state.buffering = Buffering::None;
    } else if mode.contains('l') {
        state.buffering = Buffering::Line;
    }
    let descriptor = descriptor.into();
    // SAFETY: asks for a place in a descriptor that is ours.
    state.shares_position =
        both && unsafe { libc::lseek(descriptor.as_raw_fd(), 0, libc::SEEK_CUR) } >= 0;
    state.descriptor = Some(descriptor);
    state
}

/// A port as somebody sees it who watches what comes from outside.
pub struct Seen {
    pub number: u64,
    pub mode: String,
    pub name: Option<String>,
    /// The name of its encoding; `None` for bytes.
    pub encoding: Option<String>,
    pub child: Option<i64>,
    /// How much of what was read the program has had.
    pub passed: usize,
    /// What was read before it was seen.
    pub read_already: Option<Vec<u8>>,
}

thread_local! {
    /// Ports that were seen again, by their numbers.
    static SEEN: RefCell<HashMap<u64, Weak<RefCell<State>>>> = RefCell::default();
}

/// The port that VALUE is, which gets NEXT's number when it has none yet.
pub fn seen_outside(value: &Value, next: impl FnOnce() -> u64) -> Option<Seen> {
    with(value, |state| {
        let is_new = state.number == 0;
        if is_new {
            state.number = next();
        }
        let of_file = is_new && state.descriptor.is_some();
        Seen {
            number: state.number,
            mode: state.mode.clone(),
            name: state.name.clone(),
            encoding: match (state.encoding, &state.encoding_name) {
                (_, Some(name)) => Some(name.clone()),
                (Encoding::Utf8, None) => Some("UTF-8".to_owned()),
                (Encoding::Latin1, None) => None,
                (Encoding::Other(name), None) => Some(name.to_owned()),
            },
            child: state.child.map(i64::from),
            passed: state.input.as_ref().map_or(0, |input| input.position),
            read_already: match &state.input {
                Some(input) if of_file => Some(input.bytes.clone()),
                _ => None,
            },
        }
    })
}

/// A port that nothing is behind and that stands for the one that SEEN tells of: it
/// reads what that has read, and drops what is written to it.
pub fn seen_again(seen: Seen) -> Option<Value> {
    let known = SEEN.with(|ports| ports.borrow().get(&seen.number).and_then(Weak::upgrade));
    if let Some(known) = known {
        return Port(known).into_steelval().ok();
    }
    let mut state = State::new();
    state.kind = Kind::File;
    state.number = seen.number;
    state.name = seen.name;
    state.child = seen.child.and_then(|child| child.try_into().ok());
    state.encoding = match &seen.encoding {
        Some(name) => encodings::named(name)?,
        None => Encoding::Latin1,
    };
    state.encoding_name = seen.encoding;
    let both = seen.mode.contains('+');
    if both || seen.mode.contains('r') {
        state.input = Some(Input {
            bytes: seen.read_already.unwrap_or_default(),
            at_end: true,
            ..Input::default()
        });
        let there = state.available();
        state.consume(seen.passed.min(there));
    }
    if both || seen.mode.contains(['w', 'a']) {
        state.output = Some(Output {
            void: true,
            ..Output::default()
        });
    }
    state.mode = seen.mode;
    let number = state.number;
    let port = value(state);
    SEEN.with(|ports| {
        Some(
            ports
                .borrow_mut()
                .insert(number, Rc::downgrade(&get(&port)?)),
        )
    });
    Some(port)
}

/// A port for a pipe to or from process CHILD.
pub fn pipe(fd: OwnedFd, mode: &str, child: libc::pid_t) -> Value {
    let mut state = descriptor_state(fd, mode, None);
    state.child = Some(child);
    value(state)
}

/// A port that reads as INPUT and writes as OUTPUT, which are ports no more.
pub fn join(input: &Value, output: &Value) -> Option<Value> {
    let (input, output) = (get(input)?, get(output)?);
    let (mut input, mut output) = (input.borrow_mut(), output.borrow_mut());
    let mut state = descriptor_state(input.descriptor.take()?, "r+", None);
    state.writes_to = output.descriptor.take();
    state.child = input.child.take();
    input.closed = true;
    output.closed = true;
    Some(value(state))
}

/// The state behind VALUE, when it is a port.
pub fn get(value: &Value) -> Option<Rc<RefCell<State>>> {
    match value {
        Value::Custom(custom) => {
            as_underlying_type::<Port>(custom.read().as_ref()).map(|port| port.0.clone())
        }
        _ => None,
    }
}

/// Do something with the port that VALUE is.
pub fn with<T>(value: &Value, body: impl FnOnce(&mut State) -> T) -> Option<T> {
    get(value).map(|state| body(&mut state.borrow_mut()))
}
