//! Ports: strings, bytevectors, files, pipes and the three standard ones.
//!
//! A port holds bytes and, when it stands for something of the operating
//! system, a descriptor. Text is UTF-8 unless the port's encoding says Latin-1.
//! Reading from a descriptor that may block watches for Ctrl-C.
//!
//! Source: GNU Guile reference manual, "Input and Output".

use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::{Machine, Raise};
use crate::data::roots::Root;
use crate::data::value::Value;
use crate::data::{errors, interrupt, memory, records};
use crate::library::encodings::{self, Decoded};
use crate::read::reader;
use failure::Failure;
use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// How the bytes of a port stand for characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Latin1,
    /// Any that the C library knows, by its name.
    Other(&'static str),
}

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

/// A descriptor that is closed with its port. Unlike an `OwnedFd` it does not
/// mind when the program has closed it by its number before.
pub struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(owned: OwnedFd) -> Descriptor {
        Descriptor(owned.into_raw_fd())
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: a descriptor is closed by number; one that is closed already gives an error.
        unsafe { libc::close(self.0) };
    }
}

/// A port's insides.
pub struct State {
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
        }
    }

    /// Read more from the descriptor; false at the end.
    pub fn refill(&mut self, procedure: &str) -> Result<bool, Raise> {
        if self.shares_position {
            self.flush(procedure)?;
        }
        let Some(input) = &mut self.input else {
            return Ok(false);
        };
        // What is being read may have no end, and what holds it doubles.
        memory::claim(input.bytes.len(), 2)?;
        if self.program.is_some() {
            if std::mem::take(&mut self.program_ended) {
                return Ok(false);
            }
            let missing = std::mem::take(&mut self.wanted);
            self.wanted = match self.buffering {
                Buffering::None => missing.clamp(1, CHUNK),
                _ if self.block_bytes == CHUNK => PROGRAM_CHUNK,
                _ => self.block_bytes.max(1),
            };
            (input.position, self.line, self.column) = self.mark;
            return Err(Raise::Refill);
        }
        let Some(descriptor) = &self.descriptor else {
            return Ok(false);
        };
        if input.position > CHUNK && input.position * 2 > input.bytes.len() {
            input.bytes.drain(..input.position);
            input.valid = input.valid.saturating_sub(input.position);
            input.position = 0;
        }
        let fd = descriptor.as_raw_fd();
        wait_until_readable(fd, procedure)?;
        let old = input.bytes.len();
        let room = match self.buffering {
            Buffering::None => 1,
            Buffering::Line => CHUNK,
            Buffering::Block => self.block_bytes.max(1),
        };
        input.bytes.resize(old + room, 0);
        loop {
            // SAFETY: the buffer has ROOM bytes from OLD on, and the descriptor is ours.
            let count = unsafe { libc::read(fd, input.bytes[old..].as_mut_ptr().cast(), room) };
            if count >= 0 {
                input.bytes.truncate(old + count as usize);
                input.at_end = count == 0;
                return Ok(count > 0);
            }
            let code = errors::last_code();
            if code == libc::EINTR {
                continue;
            }
            input.bytes.truncate(old);
            if code == libc::EAGAIN {
                wait_until_readable(fd, procedure)?;
                input.bytes.resize(old + room, 0);
                continue;
            }
            return Err(errors::system(procedure, code));
        }
    }

    /// Have at least COUNT unread bytes, or all there are.
    pub fn fill(&mut self, count: usize, procedure: &str) -> Result<usize, Raise> {
        loop {
            let available = self.available();
            self.wanted = count.saturating_sub(available);
            if available >= count || !self.refill(procedure)? {
                return Ok(self.available());
            }
        }
    }

    pub fn available(&self) -> usize {
        self.input
            .as_ref()
            .map_or(0, |input| input.bytes.len() - input.position)
    }

    /// The unread bytes that are in the buffer.
    pub fn unread(&self) -> &[u8] {
        self.input
            .as_ref()
            .map_or(&[], |input| &input.bytes[input.position..])
    }

    /// Read on over COUNT bytes.
    pub fn consume(&mut self, count: usize) {
        let Some(input) = &mut self.input else {
            return;
        };
        self.fresh.0 &= count == 0;
        let passed = &input.bytes[input.position..input.position + count];
        let place = (self.line, self.column);
        (self.line, self.column) = place_after(place, passed, self.encoding == Encoding::Utf8);
        input.position += count;
    }

    /// Read on over the byte order mark, where there can be one and is.
    pub fn pass_mark(&mut self, procedure: &str) -> Result<(), Raise> {
        if !self.fresh.0 {
            return Ok(());
        }
        let mut encoding = self.encoding;
        let mark = match self.encoding {
            Encoding::Utf8 => {
                let mark = encodings::UTF8_MARK;
                let mut known = 0;
                // No more is waited for than what could still be the mark.
                while known < mark.len()
                    && self.fill(known + 1, procedure)? > known
                    && self.unread()[known] == mark[known]
                {
                    known += 1;
                }
                if known == mark.len() { known } else { 0 }
            }
            Encoding::Other(name) => {
                self.fill(encodings::LONGEST, procedure)?;
                let (told, rest) = encodings::without_mark(name, self.unread());
                if told != name {
                    encoding = Encoding::Other(told);
                }
                self.available() - rest.len()
            }
            Encoding::Latin1 => 0,
        };
        self.encoding = encoding;
        self.fresh.0 = false;
        if self.shares_position {
            self.fresh.1 = false;
        }
        if let Some(input) = &mut self.input {
            input.position += mark;
            self.mark.0 = input.position;
        }
        Ok(())
    }

    /// The next character and how many bytes it takes, without reading on.
    pub fn peek(&mut self, procedure: &str) -> Result<Option<(char, usize)>, Raise> {
        if self.fresh.0 {
            self.pass_mark(procedure)?;
        }
        if self.available() == 0 && self.fill(1, procedure)? == 0 {
            return Ok(None);
        }
        if let Encoding::Other(name) = self.encoding {
            return self.peek_encoded(name, procedure);
        }
        let first = self.unread()[0];
        if first < 0x80 {
            return Ok(Some((first as char, 1)));
        }
        if self.encoding == Encoding::Latin1 {
            return Ok(Some((char::from(first), 1)));
        }
        let width = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        let available = self.fill(width, procedure)?.min(width);
        match std::str::from_utf8(&self.unread()[..available]) {
            Ok(text) => Ok(text.chars().next().map(|character| (character, width))),
            Err(error) => {
                let bad = error.error_len().unwrap_or(available).max(1);
                if self.refuses_bytes() {
                    return Err(encodings::decoding_error());
                }
                Ok(Some((char::REPLACEMENT_CHARACTER, bad)))
            }
        }
    }

    fn peek_encoded(
        &mut self,
        name: &'static str,
        procedure: &str,
    ) -> Result<Option<(char, usize)>, Raise> {
        self.fill(encodings::LONGEST, procedure)?;
        match encodings::decode_one(name, self.unread()) {
            Decoded::Character(character, width) => Ok(Some((character, width))),
            _ if self.refuses_bytes() => Err(encodings::decoding_error()),
            _ => Ok(Some((char::REPLACEMENT_CHARACTER, 1))),
        }
    }

    pub fn read_char(&mut self, procedure: &str) -> Result<Option<char>, Raise> {
        let next = self.peek(procedure)?;
        Ok(next.map(|(character, width)| {
            self.consume(width);
            character
        }))
    }

    /// Read all there is.
    pub fn read_all(&mut self, procedure: &str) -> Result<Vec<u8>, Raise> {
        while self.refill(procedure)? {}
        let all = self.unread().to_vec();
        self.consume(all.len());
        Ok(all)
    }

    /// Read all there is as text.
    pub fn read_text(&mut self, procedure: &str) -> Result<String, Raise> {
        if matches!(self.encoding, Encoding::Other(_)) || self.refuses_bytes() {
            let mut text = String::new();
            while let Some(character) = self.read_char(procedure)? {
                text.push(character);
            }
            return Ok(text);
        }
        self.pass_mark(procedure)?;
        let bytes = self.read_all(procedure)?;
        Ok(self.decode(&bytes))
    }

    /// What is in the buffer, which is then empty. Nothing is where nobody has
    /// read, though the text of a string port is there.
    pub fn drain(&mut self) -> Vec<u8> {
        if self.fresh.0 {
            return Vec::new();
        }
        let Some(input) = &mut self.input else {
            return Vec::new();
        };
        let unread = input.bytes[input.position..].to_vec();
        input.position = input.bytes.len();
        unread
    }

    /// Forget what was read from outside and not yet by the program.
    pub fn forget_unread(&mut self) {
        if let Some(input) = &mut self.input {
            input.bytes.clear();
            input.position = 0;
            input.valid = 0;
        }
    }

    /// The port is at POSITION now, and at 0 a byte order mark may follow again.
    pub fn has_moved_to(&mut self, position: usize) {
        self.fresh = (position == 0, position == 0);
        if position == 0
            && let Some(name) = &self.encoding_name
            && let Some(encoding) = encodings::named(name)
        {
            // The mark that was there may have told more than the name.
            self.encoding = encoding;
        }
    }

    /// Go back to where the program has read to, when more than that was read
    /// of the file that it now writes.
    pub fn leave_input(&mut self, procedure: &str) -> Result<(), Raise> {
        if !self.shares_position {
            return Ok(());
        }
        self.fresh.0 = false;
        let unread = self.available();
        if unread == 0 {
            return Ok(());
        }
        if let Some(descriptor) = &self.descriptor {
            // SAFETY: moves in a descriptor that is ours.
            let position = unsafe {
                libc::lseek(
                    descriptor.as_raw_fd(),
                    -(unread as libc::off_t),
                    libc::SEEK_CUR,
                )
            };
            if position < 0 {
                return Err(errors::system(procedure, errors::last_code()));
            }
        }
        self.forget_unread();
        Ok(())
    }

    /// BYTES as the text they stand for.
    pub fn decode(&self, bytes: &[u8]) -> String {
        match self.encoding {
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Encoding::Other(_) => {
                encodings::decode(self.encoding, "substitute", bytes).unwrap_or_default()
            }
        }
    }

    /// Put TEXT in front of what is unread.
    pub fn push_back(&mut self, text: &str) {
        let encoded = encodings::encode(self.encoding, "substitute", text).unwrap_or_default();
        // Where the line before had ended is not known any more.
        self.line -= text.matches('\n').count() as isize;
        self.column = self
            .column
            .saturating_sub(text.chars().filter(|c| *c != '\n').count());
        self.push_back_bytes(encoded);
    }

    /// Put BYTES in front of what is unread.
    pub fn push_back_bytes(&mut self, encoded: Vec<u8>) {
        if let Some(input) = &mut self.input {
            if input.position >= encoded.len()
                && input.bytes[input.position - encoded.len()..input.position] == *encoded
            {
                input.position -= encoded.len();
            } else {
                let position = input.position;
                input.bytes.splice(position..position, encoded);
                input.valid = 0;
            }
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

    /// Write TEXT.
    pub fn put(&mut self, procedure: &str, text: &str) -> Result<(), Raise> {
        if self.output.is_none() {
            return Ok(());
        }
        let place = (self.line, self.column);
        (self.line, self.column) = place_after(place, text.as_bytes(), true);
        let plain = match self.encoding {
            Encoding::Utf8 => true,
            Encoding::Latin1 => text.is_ascii(),
            Encoding::Other(_) => false,
        };
        if plain {
            return self.put_bytes(procedure, text.as_bytes());
        }
        let mut bytes = match self.encoding {
            Encoding::Other(name) if std::mem::take(&mut self.fresh.1) => {
                encodings::byte_order_mark(name).to_vec()
            }
            _ => Vec::new(),
        };
        match encodings::encode(self.encoding, self.strategy, text) {
            Ok(encoded) => {
                bytes.extend(encoded);
                self.put_bytes(procedure, &bytes)
            }
            // What comes before the character that cannot be put is written.
            Err(raise) => {
                let begins = |end: usize| encodings::encode(self.encoding, "error", &text[..end]);
                let before = text
                    .char_indices()
                    .rev()
                    .find_map(|(end, _)| begins(end).ok());
                bytes.extend(before.unwrap_or_default());
                self.put_bytes(procedure, &bytes)?;
                Err(raise)
            }
        }
    }

    pub fn put_bytes(&mut self, procedure: &str, bytes: &[u8]) -> Result<(), Raise> {
        self.leave_input(procedure)?;
        let Some(output) = &mut self.output else {
            return Ok(());
        };
        if output.void {
            return Ok(());
        }
        match output.at {
            // The program went back in a string port.
            Some(at) => {
                let end = (at + bytes.len()).min(output.bytes.len());
                output.bytes.splice(at..end, bytes.iter().copied());
                output.at = Some(at + bytes.len());
            }
            None => output.bytes.extend_from_slice(bytes),
        }
        if self.descriptor.is_none() && self.program.is_none() {
            return Ok(());
        }
        let leaves = match self.buffering {
            Buffering::None => true,
            Buffering::Line => bytes.contains(&b'\n') || output.bytes.len() > CHUNK,
            Buffering::Block => output.bytes.len() >= self.block_bytes,
        };
        if leaves {
            self.flush(procedure)
        } else {
            Ok(())
        }
    }

    /// Hand what was written to the operating system.
    pub fn flush(&mut self, procedure: &str) -> Result<(), Raise> {
        if self.program.is_some() {
            // The native that is running hands it over when it is done with the port.
            WANTS_FLUSH.with(|wants| wants.set(true));
            return Ok(());
        }
        let (Some(output), Some(descriptor)) = (
            &mut self.output,
            self.writes_to.as_ref().or(self.descriptor.as_ref()),
        ) else {
            return Ok(());
        };
        let bytes = std::mem::take(&mut output.bytes);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            // SAFETY: REST is a live slice, and the descriptor is ours.
            let count =
                unsafe { libc::write(descriptor.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
            if count >= 0 {
                rest = &rest[count as usize..];
                continue;
            }
            match errors::last_code() {
                libc::EINTR => {}
                libc::EAGAIN => wait_until(descriptor.as_raw_fd(), libc::POLLOUT, procedure)?,
                code => return Err(errors::system(procedure, code)),
            }
        }
        Ok(())
    }

    /// Close the port; false when it was closed before.
    pub fn close(&mut self) -> Result<bool, Raise> {
        if self.closed {
            return Ok(false);
        }
        let flushed = self.flush("close-port");
        self.closed = true;
        self.descriptor = None;
        self.writes_to = None;
        flushed.map(|()| true)
    }
}

/// Line and column behind BYTES, the first of which is at PLACE. Of a character
/// in UTF-8 the first byte alone is counted.
fn place_after(place: (isize, usize), bytes: &[u8], utf8: bool) -> (isize, usize) {
    let (line, mut column) = place;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let mut rest = bytes;
    if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
        column = 0;
        rest = &bytes[last + 1..];
    }
    for byte in rest {
        match byte {
            b'\r' => column = 0,
            b'\t' => column = (column / 8 + 1) * 8,
            0x08 => column = column.saturating_sub(1),
            0x07 => {}
            0x80..=0xbf if utf8 => {}
            _ => column += 1,
        }
    }
    (line + lines as isize, column)
}

fn wait_until_readable(fd: RawFd, procedure: &str) -> Result<(), Raise> {
    wait_until(fd, libc::POLLIN, procedure)
}

/// Wait until the descriptor is ready for EVENTS or the user interrupts.
pub fn wait_until(fd: RawFd, events: libc::c_short, procedure: &str) -> Result<(), Raise> {
    loop {
        let mut request = libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        // SAFETY: one descriptor, one request.
        let ready = unsafe { libc::poll(&raw mut request, 1, 100) };
        if ready > 0 || ready < 0 && errors::last_code() != libc::EINTR {
            return Ok(());
        }
        if interrupt::take_interrupt() {
            return Err(Failure::interrupted(&format!("{procedure} on descriptor {fd}")).into());
        }
    }
}

thread_local! {
    /// The port that a native reads, when the program is behind it.
    static READ: RefCell<Option<Rc<RefCell<State>>>> = const { RefCell::new(None) };
    /// The ports of the program that something was written to.
    static WRITTEN: RefCell<Vec<Rc<RefCell<State>>>> = const { RefCell::new(Vec::new()) };
    static WANTS_FLUSH: Cell<bool> = const { Cell::new(false) };
}

/// Ask the program for what the port that is being read has next.
pub fn refill_from_program(machine: &mut Machine) -> Result<(), Raise> {
    let Some(port) = READ.with(|port| port.borrow_mut().take()) else {
        return Ok(());
    };
    let Some(program) = port.borrow().program.clone() else {
        return Ok(());
    };
    let Some(read) = &program.read else {
        return Ok(());
    };
    let wanted = Value::IntV(port.borrow().wanted as isize);
    let bytes = machine.call(read.value().clone(), vec![wanted])?;
    let bytes = Bytevector::with(&bytes, <[u8]>::to_vec).unwrap_or_default();
    let mut state = port.borrow_mut();
    state.program_ended = bytes.is_empty();
    if let Some(input) = &mut state.input {
        if input.position > CHUNK {
            input.bytes.drain(..input.position);
            input.position = 0;
            input.valid = 0;
        }
        input.bytes.extend(bytes);
    }
    Ok(())
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

/// Whether a port of the program has something that should leave it.
#[inline]
pub fn wants_flush() -> bool {
    WANTS_FLUSH.with(Cell::get)
}

/// Hand what was written to ports of the program to its procedures.
pub fn flush_to_program(machine: &mut Machine) -> Result<(), Raise> {
    WANTS_FLUSH.with(|wants| wants.set(false));
    let ports = WRITTEN.with(|ports| std::mem::take(&mut *ports.borrow_mut()));
    for port in ports {
        hand_over(machine, &port)?;
    }
    Ok(())
}

fn hand_over(machine: &mut Machine, port: &Rc<RefCell<State>>) -> Result<(), Raise> {
    let (bytes, program) = {
        let mut state = port.borrow_mut();
        let bytes = state
            .output
            .as_mut()
            .map(|output| std::mem::take(&mut output.bytes));
        (bytes.unwrap_or_default(), state.program.clone())
    };
    match program.as_ref().and_then(|program| program.write.as_ref()) {
        Some(write) if !bytes.is_empty() => {
            machine.call(write.value().clone(), vec![bytevectors::value(bytes)])?;
        }
        _ => {}
    }
    Ok(())
}

/// Close a port; what the program is behind hears of it.
pub fn close(machine: &mut Machine, port: &Rc<RefCell<State>>) -> Result<bool, Raise> {
    let program = port.borrow().program.clone();
    let Some(program) = program else {
        return port.borrow_mut().close();
    };
    if port.borrow().closed {
        return Ok(false);
    }
    hand_over(machine, port)?;
    port.borrow_mut().closed = true;
    if let Some(close) = &program.close {
        machine.call(close.value().clone(), Vec::new())?;
    }
    Ok(true)
}

/// A port that PROGRAM is behind.
pub fn of_program(program: Program, name: &str) -> Value {
    let mut state = State::new();
    state.encoding = Encoding::Utf8;
    state.name = Some(name.to_owned());
    if program.read.is_some() {
        state.mode.push('r');
        state.input = Some(Input::default());
    }
    if program.write.is_some() {
        state.mode.push('w');
        state.output = Some(Output::default());
    }
    state.program = Some(Rc::new(program));
    value(state)
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

/// A port for nothing.
pub fn void(mode: &str) -> Value {
    let mut state = State::new();
    state.mode = mode.to_owned();
    if mode.contains('r') || mode.contains('+') {
        state.input = Some(Input {
            at_end: true,
            ..Input::default()
        });
    }
    if !mode.contains('r') || mode.contains('+') {
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
    with(port, |state| {
        state.output.as_ref().map_or_else(String::new, |output| {
            String::from_utf8_lossy(&output.bytes).into_owned()
        })
    })
    .unwrap_or_default()
}

/// A port for DESCRIPTOR, which it owns from now on; MODE as in `open-file`.
pub fn descriptor(descriptor: OwnedFd, mode: &str, name: Option<String>) -> Value {
    value(descriptor_state(descriptor, mode, name))
}

fn descriptor_state(descriptor: impl Into<Descriptor>, mode: &str, name: Option<String>) -> State {
    let mut state = State::new();
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

/// The standard ports.
#[derive(Clone, Copy)]
pub enum Standard {
    Input,
    Output,
    Error,
}

/// The current input, output or error port.
pub fn current(which: Standard) -> Value {
    CURRENT.with(|current| {
        current.borrow_mut()[which as usize]
            .get_or_insert_with(|| standard(which))
            .clone()
    })
}

/// Make PORT the current one; the one before.
pub fn set_current(which: Standard, port: Value) -> Value {
    let before = current(which);
    CURRENT.with(|current| current.borrow_mut()[which as usize] = Some(port));
    before
}

fn standard(which: Standard) -> Value {
    let fd = which as RawFd;
    // SAFETY: descriptors 0 to 2 are the process's own for its whole life. The
    // port gets a handle that is never dropped by itself (see below), so
    // they stay open for everybody else.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut state = descriptor_state(owned, if fd == 0 { "r" } else { "w" }, None);
    state.name =
        Some(["standard input", "standard output", "standard error"][fd as usize].to_owned());
    // SAFETY: asks about a descriptor number.
    let terminal = unsafe { libc::isatty(fd) } == 1;
    state.buffering = match which {
        Standard::Error => Buffering::None,
        _ if terminal => Buffering::Line,
        _ => Buffering::Block,
    };
    let port = value(state);
    // One clone that lives as long as the process keeps the descriptor open.
    std::mem::forget(get(&port));
    port
}

/// The port that argument POSITION is, open and for reading.
pub fn input_port(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Rc<RefCell<State>>, Raise> {
    let default;
    let port = match args.get(position - 1) {
        Some(port) => port,
        None => {
            default = current(Standard::Input);
            &default
        }
    };
    match get(port) {
        Some(state) if state.borrow().input.is_some() && !state.borrow().closed => {
            if state.borrow().program.is_some() {
                let mut here = state.borrow_mut();
                let position = here.input.as_ref().map_or(0, |input| input.position);
                here.mark = (position, here.line, here.column);
                READ.with(|read| *read.borrow_mut() = Some(state.clone()));
            }
            Ok(state)
        }
        _ => Err(errors::expecting(
            procedure,
            position,
            "open input port",
            port,
        )),
    }
}

/// The port that argument POSITION is, open and for writing.
pub fn output_port(
    procedure: &str,
    args: &[Value],
    position: usize,
) -> Result<Rc<RefCell<State>>, Raise> {
    let default;
    let port = match args.get(position - 1) {
        Some(Value::BoolV(true)) | None => {
            default = current(Standard::Output);
            &default
        }
        Some(port) => port,
    };
    match get(port) {
        Some(state) if state.borrow().output.is_some() && !state.borrow().closed => {
            if state.borrow().program.is_some() {
                WRITTEN.with(|written| {
                    let mut written = written.borrow_mut();
                    if !written.iter().any(|port| Rc::ptr_eq(port, &state)) {
                        written.push(state.clone());
                    }
                });
            }
            Ok(state)
        }
        _ => Err(errors::wrong_type(procedure, position, port)),
    }
}
