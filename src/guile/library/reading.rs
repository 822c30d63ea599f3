//! `read`: the next datum of a port.
//!
//! A file is read whole, so that its text is looked at once. From a terminal
//! or a pipe no more is taken than the datum needs.

use crate::data::native::{Machine, Outcome, Raise};
use crate::data::roots::Root;
use crate::data::value::{self, Value, eof_object};
use crate::data::{args, identity, pairs, records, strings as text};
use crate::library::ports::{self, Encoding, State};
use crate::library::{equality, printer};
use crate::natives;
use crate::read::builder::SyntaxBuilder;
use crate::read::reader::{self, Keywords, Options, ReadError, Reader, ValueBuilder};
use crate::syntax::{object, source};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::rc::Rc;

/// Whether reading the whole of the port cannot block.
fn is_regular(state: &State) -> bool {
    let Some(descriptor) = &state.descriptor else {
        return true;
    };
    // SAFETY: `stat` is plain data, and fstat writes it.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let known = unsafe { libc::fstat(descriptor.as_raw_fd(), &raw mut stat) } == 0;
    known && stat.st_mode & libc::S_IFMT == libc::S_IFREG
}

/// The unread bytes as text; what is not UTF-8 ends it.
fn unread_text(state: &mut State) -> &str {
    let Some(input) = &mut state.input else {
        return "";
    };
    let checked = input.valid.max(input.position);
    if checked < input.bytes.len() {
        let good = match std::str::from_utf8(&input.bytes[checked..]) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        input.valid = checked + good;
    }
    // SAFETY: the bytes from `position` to `valid` have been checked above or before;
    // whoever changes them sets `valid` back, and `position` is between characters.
    unsafe {
        std::str::from_utf8_unchecked(&input.bytes[input.position..input.valid.max(input.position)])
    }
}

fn read_error(state: &State, error: &ReadError, text: &str) -> Raise {
    if let Some(raise) = reader::raise_of(error) {
        return raise;
    }
    let at = (error.span.end as usize).min(text.len());
    let (line, column) = place(line_of(state), state.column, text, at);
    Raise::throw(
        "read-error",
        vec![
            Value::BoolV(false),
            text::value(format!(
                "{}:{}:{}: {}",
                state.name.as_deref().unwrap_or("#<unknown port>"),
                line + 1,
                column + 1,
                error.message
            )),
            pairs::list(error.arguments.clone()),
            Value::BoolV(false),
        ],
    )
}

/// The line that the port is at, which no error counts below the first.
fn line_of(state: &State) -> usize {
    state.line.max(0) as usize
}

/// Line and column, from 0, of byte AT of a TEXT that begins at LINE and COLUMN.
fn place(line: usize, column: usize, text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let characters = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let column = match before.iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => characters(&before[newline + 1..]),
        None => column + characters(before),
    };
    (line + lines, column)
}

/// Where the parts of a datum began. The datum is kept, so that what has the
/// identity of a part is that part.
struct Record {
    _datum: Root,
    name: Option<String>,
    line: usize,
    column: usize,
    text: Rc<str>,
    parts: Vec<(Root, u32)>,
}

/// Data longer than this, in bytes, are read without remembering where.
const LONGEST_WITH_PLACES: usize = 1 << 14;

/// The places of so many data are remembered.
const RECORDS: usize = 128;

thread_local! {
    static PLACES: RefCell<VecDeque<Record>> = const { RefCell::new(VecDeque::new()) };
    static POSITIONS: Cell<bool> = const { Cell::new(true) };
    /// The fluid with what `read-hash-extend` was given.
    static EXTENSIONS: RefCell<Option<Root>> = const { RefCell::new(None) };
}

/// What one text gives: the datum, how much text it took, what directives said, where parts began.
struct Parsed {
    datum: Option<Value>,
    consumed: usize,
    said: Options,
    places: Vec<(Value, u32)>,
}

type Extension<'a> =
    &'a mut dyn FnMut(&mut Machine, char, usize) -> Option<Result<(Value, usize), ReadError>>;

/// One datum from the text that is there.
fn parse(
    machine: &mut Machine,
    text: &str,
    said: Options,
    extension: Extension,
) -> Result<Parsed, ReadError> {
    // Vectors made on the way are held by Rust alone until the datum is whole.
    let mut roots = Vec::new();
    let machine = RefCell::new(machine);
    let mut vector = |items: Vec<Value>| {
        let vector = machine.borrow_mut().vector(items);
        roots.push(vector.as_rooted());
        vector
    };
    let mut places = Vec::new();
    let wanted = text.len() <= LONGEST_WITH_PLACES && POSITIONS.with(Cell::get);
    let mut reader = Reader::with(text, 0, said);
    let datum = reader.read(&mut ValueBuilder {
        vector: &mut vector,
        places: wanted.then_some(&mut places),
        extension: &mut |c, position| extension(&mut machine.borrow_mut(), c, position),
    })?;
    Ok(Parsed {
        datum,
        consumed: reader.position(),
        said: reader.said,
        places,
    })
}

/// Remember where the parts of what was read began.
fn record(state: &State, text: &str, parsed: &Parsed) {
    let Some(datum) = &parsed.datum else { return };
    if parsed.places.is_empty() {
        return;
    }
    let record = Record {
        _datum: Root::of(datum),
        name: state.name.clone(),
        line: line_of(state),
        column: state.column,
        text: text[..parsed.consumed].into(),
        parts: parsed
            .places
            .iter()
            .map(|(part, start)| (Root::of(part), *start))
            .collect(),
    };
    PLACES.with(|places| {
        let mut places = places.borrow_mut();
        if places.len() == RECORDS {
            places.pop_front();
        }
        places.push_back(record);
    });
}

/// (file line column) where OBJECT was read, or #f.
fn read_place(args: &[Value]) -> Outcome {
    let number = |value: &Value| {
        matches!(
            value,
            Value::NumV(_)
                | Value::Rational(_)
                | Value::BigNum(_)
                | Value::BigRational(_)
                | Value::Complex(_)
        )
    };
    let same = |part: &Value| {
        if number(part) {
            equality::is_eqv(part, &args[0])
        } else {
            identity::is_eq(part, &args[0])
        }
    };
    Ok(PLACES.with(|places| {
        for record in places.borrow().iter().rev() {
            if let Some((_, start)) = record.parts.iter().find(|(part, _)| same(part.value())) {
                let (line, column) =
                    place(record.line, record.column, &record.text, *start as usize);
                return pairs::list(vec![
                    record
                        .name
                        .as_deref()
                        .map_or(Value::BoolV(false), text::value),
                    Value::IntV(line as isize),
                    Value::IntV(column as isize),
                ]);
            }
        }
        Value::BoolV(false)
    }))
}

/// What the procedure that `read-hash-extend` was given for C makes of PORT.
pub fn call_extension(machine: &mut Machine, c: char, port: &Value) -> Option<Outcome> {
    let procedure = EXTENSIONS.with(|extensions| {
        let extensions = extensions.borrow();
        let held = records::field(extensions.as_ref()?.value(), 0)?;
        pairs::items(&held)
            .find(|entry| matches!(pairs::car(entry), Some(Value::CharV(known)) if *known == c))
            .and_then(pairs::cdr)
    })?;
    if matches!(procedure, Value::BoolV(false)) {
        return None;
    }
    Some(machine.call(procedure, vec![Value::CharV(c), port.clone()]))
}

/// `read` where characters after `#` may mean what programs have said.
fn read_extended(machine: &mut Machine, port_value: &Value, port: &Rc<RefCell<State>>) -> Outcome {
    let (copy, said) = {
        let mut state = port.borrow_mut();
        state.pass_mark("read")?;
        while state.refill("read")? {}
        (state.decode(state.unread()), state.reading)
    };
    let total = port.borrow().unread().len();
    let mut raised = None;
    let mut extension = |machine: &mut Machine, c: char, position: usize| {
        let consumed = total - port.borrow().unread().len();
        port.borrow_mut().consume(position - consumed.min(position));
        match call_extension(machine, c, port_value) {
            None => None,
            Some(Ok(value)) => Some(Ok((value, total - port.borrow().unread().len()))),
            Some(Err(raise)) => {
                raised = Some(raise);
                Some(Err(ReadError {
                    message: String::new(),
                    arguments: Vec::new(),
                    span: Default::default(),
                    incomplete: false,
                }))
            }
        }
    };
    let parsed = parse(machine, &copy, said, &mut extension);
    if let Some(raise) = raised {
        return Err(raise);
    }
    let mut state = port.borrow_mut();
    let gone = total - state.unread().len();
    match parsed {
        Ok(parsed) => {
            if gone == 0 {
                record(&state, &copy, &parsed);
            }
            state.reading = parsed.said;
            state.consume(parsed.consumed - gone.min(parsed.consumed));
            Ok(parsed.datum.unwrap_or_else(eof_object))
        }
        Err(error) => {
            let raise = read_error(&state, &error, &copy[gone.min(copy.len())..]);
            let end = (error.span.end as usize).min(copy.len());
            state.consume(end - gone.min(end));
            Err(raise)
        }
    }
}

/// How many of BYTES became the first COUNT bytes of the text in which a replacement
/// character stands for what is no UTF-8.
fn bytes_behind(bytes: &[u8], count: usize) -> usize {
    let (mut text, mut behind) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().len();
        if text + valid >= count {
            return behind + (count - text);
        }
        text += valid;
        behind += valid;
        if !chunk.invalid().is_empty() {
            text += char::REPLACEMENT_CHARACTER.len_utf8();
            behind += chunk.invalid().len();
        }
        if text >= count {
            return behind;
        }
    }
    behind
}

fn read(machine: &mut Machine, args: &[Value]) -> Outcome {
    let port = ports::input_port("read", args, 1)?;
    if reader::any_extended() {
        let value = match args.first() {
            Some(port) => port.clone(),
            None => ports::current(ports::Standard::Input),
        };
        return read_extended(machine, &value, &port);
    }
    let mut state = port.borrow_mut();
    state.pass_mark("read")?;
    let mut whole = is_regular(&state);
    if whole {
        while state.refill("read")? {}
    }
    let said = state.reading;
    loop {
        if let Encoding::Other(_) = state.encoding {
            let text = state.read_text("read")?;
            let parsed = parse(machine, &text, said, &mut |_, _, _| None);
            let used = parsed.as_ref().map_or(text.len(), |parsed| parsed.consumed);
            state.push_back(&text[used..]);
            return match parsed {
                Ok(parsed) => {
                    state.reading = parsed.said;
                    Ok(parsed.datum.unwrap_or_else(eof_object))
                }
                Err(error) => Err(read_error(&state, &error, &text)),
            };
        }
        if state.encoding == Encoding::Latin1 && !state.unread().is_ascii() {
            let text = state.decode(state.unread());
            return match parse(machine, &text, said, &mut |_, _, _| None) {
                Ok(parsed) => {
                    state.reading = parsed.said;
                    state.consume(text[..parsed.consumed].chars().count());
                    Ok(parsed.datum.unwrap_or_else(eof_object))
                }
                Err(error) => Err(read_error(&state, &error, &text)),
            };
        }
        let waiting = state.unread().len();
        // What is no UTF-8, and nothing can follow that would complete it, reads as
        // replacement characters.
        if whole && unread_text(&mut state).len() < waiting {
            let text = state.decode(state.unread());
            return match parse(machine, &text, said, &mut |_, _, _| None) {
                Ok(parsed) => {
                    state.reading = parsed.said;
                    let bytes = bytes_behind(state.unread(), parsed.consumed);
                    state.consume(bytes);
                    Ok(parsed.datum.unwrap_or_else(eof_object))
                }
                Err(error) => Err(read_error(&state, &error, &text)),
            };
        }
        let text = unread_text(&mut state);
        let length = text.len();
        let ends_in_bracket = text.ends_with(')');
        match parse(machine, text, said, &mut |_, _, _| None) {
            Ok(parsed)
                if parsed.datum.is_some()
                    && (whole || parsed.consumed < length || ends_in_bracket) =>
            {
                if !parsed.places.is_empty() {
                    let text: String = text[..parsed.consumed].to_owned();
                    record(&state, &text, &parsed);
                }
                state.reading = parsed.said;
                state.consume(parsed.consumed);
                return Ok(parsed.datum.unwrap_or_else(eof_object));
            }
            Ok(parsed) if parsed.datum.is_none() && whole => {
                state.reading = parsed.said;
                state.consume(parsed.consumed);
                return Ok(eof_object());
            }
            Err(error) if whole || !error.incomplete => {
                let text = text.to_owned();
                let raise = read_error(&state, &error, &text);
                let consumed = (error.span.end as usize)
                    .clamp(1, text.len().max(1))
                    .min(text.len());
                state.consume(consumed);
                return Err(raise);
            }
            _ => whole = !state.refill("read")?,
        }
    }
}

fn read_syntax(args: &[Value]) -> Outcome {
    let port = ports::input_port("read-syntax", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("read-syntax")?;
    while state.refill("read-syntax")? {}
    let text = state.decode(state.unread());
    // Places count from the beginning of a source, so the text is put where it stands.
    let before = "\n".repeat(line_of(&state)) + &" ".repeat(state.column);
    let padded: Rc<str> = format!("{before}{text}").into();
    let name = state.name.clone().unwrap_or_default();
    let number = source::add(&name, padded.clone());
    let mut reader = Reader::with(&padded, number, state.reading);
    reader.skip_to(before.len());
    match reader.read(&mut SyntaxBuilder::default()) {
        Ok(found) => {
            state.reading = reader.said;
            let consumed = reader.position() - before.len();
            state.consume(consumed);
            Ok(found.map_or_else(eof_object, |stx| object::wrap(&stx)))
        }
        Err(error) => {
            let mut error = error;
            error.span.end = error.span.end.saturating_sub(before.len() as u32);
            Err(read_error(&state, &error, &text))
        }
    }
}

fn option_slot<'o>(options: &'o mut Options, name: &str) -> Option<&'o mut Option<bool>> {
    Some(match name {
        "case-insensitive" => &mut options.fold_case,
        "r6rs-hex-escapes" => &mut options.hex_escapes,
        "hungry-eol-escapes" => &mut options.hungry,
        "r7rs-symbols" => &mut options.bars,
        "curly-infix" => &mut options.curly,
        _ => return None,
    })
}

fn set_read_option(args: &[Value]) -> Outcome {
    let name = args::symbol("read-set!", args, 1)?;
    let mut options = reader::options();
    match name {
        "keywords" => {
            options.keywords = Some(match &args[1] {
                Value::SymbolV(style) if style.as_str() == "prefix" => Keywords::Prefix,
                Value::SymbolV(style) if style.as_str() == "postfix" => Keywords::Postfix,
                _ => Keywords::Guile,
            });
        }
        "positions" => POSITIONS.with(|positions| positions.set(value::truth(args, 2))),
        name => {
            if let Some(slot) = option_slot(&mut options, name) {
                *slot = Some(value::truth(args, 2));
            }
        }
    }
    reader::set_options(options);
    Ok(Value::Void)
}

fn read_hash_extend(args: &[Value]) -> Outcome {
    let c = args::character("read-hash-extend", args, 1)?;
    EXTENSIONS.with(|extensions| *extensions.borrow_mut() = Some(Root::of(&args[1])));
    reader::extend(c);
    Ok(Value::Void)
}

fn set_print_option(args: &[Value]) -> Outcome {
    let name = args::symbol("print-set!", args, 1)?;
    printer::set_option(name, value::truth(args, 2));
    Ok(Value::Void)
}

natives! {
    /// (%set-print-option! name value) -> nothing
    "%set-print-option!" (2) => set_print_option,
    /// (read [port]) -> the next datum, or the end-of-file object
    "read" (0, 1) with machine_and_ports => read,
    /// (read-syntax [port]) -> the next datum as syntax, or the end-of-file object
    "read-syntax" (0, 1) with ports => read_syntax,
    /// (%set-read-option! name value) -> nothing
    "%set-read-option!" (2) => set_read_option,
    /// (%read-hash-extend character fluid) -> nothing; FLUID holds the procedures
    "%read-hash-extend" (2) => read_hash_extend,
    /// (%read-place object) -> (file line column) where OBJECT was read, or #f
    "%read-place" (1) => read_place,
}
