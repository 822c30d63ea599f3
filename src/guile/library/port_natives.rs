//! What Scheme does with ports.
//!
//! Source: GNU Guile reference manual, "Input and Output"; R6RS libraries, section 8.

use crate::data::args::{self, boolean, character, fixnum, integer, string, unspecified};
use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::roots::Root;
use crate::data::value::{Value, eof_object, string_value, symbol_value};
use crate::data::{errors, identity, numbers, pairs, records, strings as text};
use crate::library::ports::{self, Buffering, Encoding, Program, Standard, State};
use crate::library::printer::{self, Style};
use crate::library::{encodings, opening, processes};
use crate::natives;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

fn or_eof<T>(found: Option<T>, value: impl FnOnce(T) -> Value) -> Outcome {
    Ok(found.map_or_else(eof_object, value))
}

/// Whether VALUE is what reading gives at the end.
pub fn is_eof(value: &Value) -> bool {
    identity::is_eq(value, &eof_object())
}

// Which ports there are.

/// Make PORT the current one; the one before.
pub fn set_current_port(which: Standard, port: &Value) -> Outcome {
    if ports::get(port).is_none() {
        return Err(errors::wrong_type("set-current-port", 1, port));
    }
    Ok(ports::set_current(which, port.clone()))
}

/// The port whose procedure PROCEDURE is: `current-output-port` and its kin are parameters.
pub fn standard_port(procedure: &Value) -> Option<Standard> {
    thread_local! {
        static KNOWN: Vec<(Value, Standard)> = NATIVES
            .iter()
            .filter_map(|native| {
                let which = match native.name {
                    "current-input-port" => Standard::Input,
                    "current-output-port" => Standard::Output,
                    "current-error-port" | "current-warning-port" => Standard::Error,
                    _ => return None,
                };
                Some(((native.value)(), which))
            })
            .collect();
    }
    if !matches!(procedure, Value::BuiltIn(_)) {
        return None;
    }
    KNOWN.with(|known| {
        known
            .iter()
            .find(|(native, _)| identity::is_eq(native, procedure))
            .map(|(_, which)| *which)
    })
}

fn current(args: &[Value], which: Standard) -> Outcome {
    match args.first() {
        Some(port) => set_current_port(which, port),
        None => Ok(ports::current(which)),
    }
}

fn current_input(args: &[Value]) -> Outcome {
    current(args, Standard::Input)
}
fn current_output(args: &[Value]) -> Outcome {
    current(args, Standard::Output)
}
fn current_error(args: &[Value]) -> Outcome {
    current(args, Standard::Error)
}

fn set_current(args: &[Value], which: Standard, procedure: &str) -> Outcome {
    if ports::get(&args[0]).is_none() {
        return Err(errors::wrong_type(procedure, 1, &args[0]));
    }
    Ok(ports::set_current(which, args[0].clone()))
}

fn set_current_input(args: &[Value]) -> Outcome {
    set_current(args, Standard::Input, "set-current-input-port")
}
fn set_current_output(args: &[Value]) -> Outcome {
    set_current(args, Standard::Output, "set-current-output-port")
}
fn set_current_error(args: &[Value]) -> Outcome {
    set_current(args, Standard::Error, "set-current-error-port")
}

fn test(args: &[Value], holds: fn(&State) -> bool) -> Outcome {
    Ok(boolean(
        ports::with(&args[0], |state| holds(state)).unwrap_or(false),
    ))
}

fn port_predicate(args: &[Value]) -> Outcome {
    test(args, |_| true)
}
fn input_predicate(args: &[Value]) -> Outcome {
    test(args, |state| state.input.is_some())
}
fn output_predicate(args: &[Value]) -> Outcome {
    test(args, |state| state.output.is_some())
}
fn file_predicate(args: &[Value]) -> Outcome {
    test(args, |state| state.descriptor.is_some())
}

fn state<T>(
    procedure: &str,
    args: &[Value],
    body: impl FnOnce(&mut State) -> Result<T, Raise>,
) -> Result<T, Raise> {
    match ports::get(&args[0]) {
        Some(state) => body(&mut state.borrow_mut()),
        None => Err(errors::expecting(procedure, 1, "port", &args[0])),
    }
}

fn closed_predicate(args: &[Value]) -> Outcome {
    state("port-closed?", args, |state| Ok(boolean(state.closed)))
}

fn eof_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_eof(&args[0])))
}

fn the_eof_object(_: &[Value]) -> Outcome {
    Ok(eof_object())
}

// Making and closing.

fn open_input_string(args: &[Value]) -> Outcome {
    string("open-input-string", args, 1).map(ports::string_input)
}

fn open_output_string(_: &[Value]) -> Outcome {
    Ok(ports::string_output())
}

fn get_output_string(args: &[Value]) -> Outcome {
    match ports::get(&args[0]) {
        Some(state) if state.borrow().output.is_some() && !state.borrow().closed => {
            Ok(text::value(ports::string_of(&args[0])))
        }
        Some(state) if state.borrow().closed => Err(errors::expecting(
            "get-output-string",
            1,
            "open output string port",
            &args[0],
        )),
        _ => Err(errors::wrong_type("get-output-string", 1, &args[0])),
    }
}

fn open_input_bytes(args: &[Value]) -> Outcome {
    bytevectors::bytes("open-bytevector-input-port", args, 1).map(ports::bytes_input)
}

fn output_bytes(args: &[Value]) -> Outcome {
    state("get-output-bytevector", args, |state| {
        Ok(bytevectors::value(
            state
                .output
                .as_ref()
                .map(|output| output.bytes.clone())
                .unwrap_or_default(),
        ))
    })
}

fn take_output_bytes(args: &[Value]) -> Outcome {
    state("get-output-bytevector", args, |state| {
        Ok(bytevectors::value(
            state
                .output
                .as_mut()
                .map(|output| std::mem::take(&mut output.bytes))
                .unwrap_or_default(),
        ))
    })
}

fn void_port(args: &[Value]) -> Outcome {
    string("%make-void-port", args, 1).map(ports::void)
}

/// Open the file at argument 1 in MODE.
fn open(procedure: &str, args: &[Value], mode: &str) -> Outcome {
    let path = args::path(procedure, args, 1)?;
    let name = string(procedure, args, 1)?;
    let flags = match (mode.chars().next(), mode.contains('+')) {
        (Some('r'), false) => libc::O_RDONLY,
        (Some('r'), true) => libc::O_RDWR,
        (Some('w'), plus) => {
            (if plus { libc::O_RDWR } else { libc::O_WRONLY }) | libc::O_CREAT | libc::O_TRUNC
        }
        (Some('a'), plus) => {
            (if plus { libc::O_RDWR } else { libc::O_WRONLY }) | libc::O_CREAT | libc::O_APPEND
        }
        _ => return Err(errors::value_out_of_range(procedure, &string_value(mode))),
    };
    let descriptor = opening::open(procedure, path, flags | libc::O_CLOEXEC, 0o666)?
        .map_err(|code| errors::system_about("open-file", code, name))?;
    let port = ports::descriptor(descriptor, mode, Some(name.to_owned()));
    match ports::default_now(ports::Default::Encoding).filter(|_| !mode.contains('b')) {
        Some(Value::StringV(name)) => {
            ports::with(&port, |state| set_encoding(state, text::of(&name))).transpose()?;
        }
        Some(Value::BoolV(false)) => {
            ports::with(&port, |state| state.encoding = Encoding::Latin1);
        }
        _ => {}
    }
    let mut guess = false;
    let mut keywords = args.iter().skip(1).peekable();
    while let Some(keyword) = keywords.next() {
        let refused = |message: &str| {
            Err(Raise::throw(
                "keyword-argument-error",
                vec![
                    text::value(procedure),
                    text::value(message),
                    pairs::nil(),
                    pairs::list([keyword.clone()]),
                ],
            ))
        };
        let word = match keyword {
            Value::SymbolV(word) if word.as_str().starts_with("#:") => Some(word),
            _ => None,
        };
        if keywords.peek().is_none() {
            return refused("Keyword argument has no value");
        }
        let Some(keyword) = word else {
            return refused("Invalid keyword");
        };
        {
            match keyword.as_str() {
                "#:encoding" => {
                    if let Some(Value::StringV(encoding)) = keywords.next() {
                        ports::with(&port, |state| set_encoding(state, text::of(encoding)))
                            .transpose()?;
                    }
                }
                "#:guess-encoding" => {
                    guess = !matches!(keywords.next(), Some(Value::BoolV(false)) | None);
                }
                "#:binary" => {
                    if !matches!(keywords.next(), Some(Value::BoolV(false)) | None) {
                        ports::with(&port, |state| {
                            state.encoding = Encoding::Latin1;
                            state.encoding_name = None;
                        });
                    }
                }
                _ => return refused("Unrecognized keyword"),
            }
        }
    }
    if guess {
        ports::with(&port, guess_encoding).transpose()?;
    }
    Ok(port)
}

/// Let a mark or a comment at the beginning say what the encoding is.
fn guess_encoding(state: &mut State) -> Result<(), Raise> {
    state.fill(encodings::COMMENTED + encodings::LONGEST_NAME, "open-file")?;
    if state.unread().starts_with(encodings::UTF8_MARK) {
        set_encoding(state, "UTF-8")?;
        return state.pass_mark("open-file");
    }
    match encodings::named_in_comment(state.unread()) {
        Some(name) => set_encoding(state, &name),
        None => Ok(()),
    }
}

fn open_file(args: &[Value]) -> Outcome {
    let mode = string("open-file", args, 2)?.to_owned();
    let mut rest = vec![args[0].clone()];
    rest.extend(args.iter().skip(2).cloned());
    open("open-file", &rest, &mode)
}

fn open_input_file(args: &[Value]) -> Outcome {
    open("open-input-file", args, "r")
}

fn open_output_file(args: &[Value]) -> Outcome {
    open("open-output-file", args, "w")
}

fn close(machine: &mut Machine, args: &[Value]) -> Outcome {
    match ports::get(&args[0]) {
        Some(port) => ports::close(machine, &port).map(boolean),
        None => Err(errors::expecting("close-port", 1, "port", &args[0])),
    }
}

fn close_either(machine: &mut Machine, args: &[Value]) -> Outcome {
    if let Value::IntV(fd) = args[0] {
        // SAFETY: closing a descriptor by number is what the caller asks for.
        return Ok(boolean(unsafe { libc::close(fd as libc::c_int) } == 0));
    }
    close(machine, args)
}

/// (%make-program-port name read write seek close)
fn of_program(args: &[Value]) -> Outcome {
    let procedure = |index: usize| {
        (!matches!(args[index], Value::BoolV(false))).then(|| Root::of(&args[index]))
    };
    Ok(ports::of_program(
        Program {
            read: procedure(1),
            write: procedure(2),
            seek: procedure(3),
            close: procedure(4),
        },
        string("make-custom-port", args, 1)?,
    ))
}

/// (%port-properties port) and (%port-properties port alist)
fn properties(args: &[Value]) -> Outcome {
    state("port-properties", args, |state| {
        if let Some(properties) = args.get(1) {
            state.properties = Some(Root::of(properties));
        }
        Ok(state
            .properties
            .as_ref()
            .map_or_else(pairs::nil, |properties| properties.value().clone()))
    })
}

// Reading text.

fn read_char(args: &[Value]) -> Outcome {
    let port = ports::input_port("read-char", args, 1)?;
    let next = port.borrow_mut().read_char("read-char")?;
    or_eof(next, Value::CharV)
}

fn peek_char(args: &[Value]) -> Outcome {
    let port = ports::input_port("peek-char", args, 1)?;
    let next = port.borrow_mut().peek("peek-char")?;
    or_eof(next, |(character, _)| Value::CharV(character))
}

fn unread_char(args: &[Value]) -> Outcome {
    let character = character("unread-char", args, 1)?;
    let port = ports::input_port("unread-char", args, 2)?;
    port.borrow_mut()
        .push_back(character.encode_utf8(&mut [0; 4]));
    Ok(unspecified())
}

fn unread_string(args: &[Value]) -> Outcome {
    let text = string("unread-string", args, 1)?;
    let port = ports::input_port("unread-string", args, 2)?;
    port.borrow_mut().push_back(text);
    Ok(unspecified())
}

fn unread_bytes(args: &[Value]) -> Outcome {
    let port = ports::input_port("unget-bytevector", args, 1)?;
    let bytes = bytevectors::bytes("unget-bytevector", args, 2)?;
    port.borrow_mut().push_back_bytes(bytes);
    Ok(unspecified())
}

fn char_ready(args: &[Value]) -> Outcome {
    let port = ports::input_port("char-ready?", args, 1)?;
    let state = port.borrow();
    if state.available() > 0 {
        return Ok(boolean(true));
    }
    let Some(descriptor) = &state.descriptor else {
        return Ok(boolean(true));
    };
    let mut request = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor, one request.
    Ok(boolean(unsafe { libc::poll(&raw mut request, 1, 0) } > 0))
}

/// Read up to DELIMITER: what came before it, and whether it was there.
fn line(state: &mut State, delimiter: u8, procedure: &str) -> Result<(String, bool), Raise> {
    if matches!(state.encoding, Encoding::Other(_)) || state.refuses_bytes() {
        let mut line = String::new();
        while let Some(character) = state.read_char(procedure)? {
            if character == char::from(delimiter) {
                return Ok((line, true));
            }
            line.push(character);
        }
        return Ok((line, false));
    }
    state.pass_mark(procedure)?;
    let mut searched = 0;
    loop {
        let unread = state.unread();
        if let Some(at) = unread[searched..]
            .iter()
            .position(|byte| *byte == delimiter)
        {
            let line = unread[..searched + at].to_vec();
            state.consume(line.len() + 1);
            return Ok((state.decode(&line), true));
        }
        searched = unread.len();
        if !state.refill(procedure)? {
            let line = state.unread().to_vec();
            state.consume(line.len());
            return Ok((state.decode(&line), false));
        }
    }
}

/// (%read-line [port])
fn line_and_end(args: &[Value]) -> Outcome {
    let port = ports::input_port("%read-line", args, 1)?;
    let (line, delimited) = line(&mut port.borrow_mut(), b'\n', "%read-line")?;
    let end = match delimited {
        true => Value::CharV('\n'),
        false => eof_object(),
    };
    let found = delimited || !line.is_empty();
    Ok(pairs::cons(
        or_eof(found.then_some(line), text::value)?,
        end,
    ))
}

/// (read-line [port [handle-delim]])
fn read_line(args: &[Value]) -> Outcome {
    let port = ports::input_port("read-line", args, 1)?;
    let mut state = port.borrow_mut();
    let handling = match args.get(1) {
        Some(_) => args::symbol("read-line", args, 2)?,
        None => "trim",
    };
    let (line, delimited) = line(&mut state, b'\n', "read-line")?;
    let found = delimited || !line.is_empty();
    match handling {
        "trim" => or_eof(found.then_some(line), text::value),
        "concat" => or_eof(found.then_some(line), |line| {
            text::value(if delimited { format!("{line}\n") } else { line })
        }),
        "peek" => {
            if delimited {
                state.push_back("\n");
            }
            or_eof(found.then_some(line), text::value)
        }
        "split" => {
            let delimiter = if delimited {
                Value::CharV('\n')
            } else {
                eof_object()
            };
            let line = if found {
                text::value(line)
            } else {
                eof_object()
            };
            Ok(pairs::cons(line, delimiter))
        }
        _ => Err(errors::misc(
            "read-line",
            "unexpected handle-delim value: ~S",
            vec![args[1].clone()],
        )),
    }
}

/// (%read-delimited delimiters port): text before a delimiter and the delimiter, or the eof object for it.
fn read_delimited(args: &[Value]) -> Outcome {
    let delimiters: Vec<char> = string("read-delimited", args, 1)?.chars().collect();
    let port = ports::input_port("read-delimited", args, 2)?;
    let mut state = port.borrow_mut();
    let mut text = String::new();
    loop {
        match state.peek("read-delimited")? {
            None => return Ok(pairs::cons(text::value(text), eof_object())),
            Some((character, width)) => {
                state.consume(width);
                if delimiters.contains(&character) {
                    return Ok(pairs::cons(text::value(text), Value::CharV(character)));
                }
                text.push(character);
            }
        }
    }
}

fn read_characters(state: &mut State, count: usize, procedure: &str) -> Result<String, Raise> {
    let mut text = String::new();
    for _ in 0..count {
        match state.read_char(procedure)? {
            Some(character) => text.push(character),
            None => break,
        }
    }
    Ok(text)
}

/// (get-string-n port count)
fn get_string_n(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-string-n", args, 1)?;
    let count = args::size("get-string-n", args, 2)?;
    let text = read_characters(&mut port.borrow_mut(), count, "get-string-n")?;
    or_eof(
        (count == 0 || !text.is_empty()).then_some(text),
        text::value,
    )
}

fn get_string_all(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-string-all", args, 1)?;
    let text = port.borrow_mut().read_text("get-string-all")?;
    Ok(text::value(text))
}

/// (read-string [port [limit]]) of (ice-9 rdelim), and (read-string count [port]) of R7RS.
fn read_string(args: &[Value]) -> Outcome {
    if let Some(Value::IntV(count)) = args.first() {
        let port = ports::input_port("read-string", args, 2)?;
        let text = read_characters(
            &mut port.borrow_mut(),
            (*count).max(0) as usize,
            "read-string",
        )?;
        return or_eof(
            (*count == 0 || !text.is_empty()).then_some(text),
            text::value,
        );
    }
    let port = ports::input_port("read-string", args, 1)?;
    let mut state = port.borrow_mut();
    match args.get(1) {
        Some(Value::IntV(limit)) => {
            let text = read_characters(&mut state, (*limit).max(0) as usize, "read-string")?;
            Ok(text::value(text))
        }
        _ => {
            let text = state.read_text("read-string")?;
            Ok(text::value(text))
        }
    }
}

fn drain_input(args: &[Value]) -> Outcome {
    let port = ports::input_port("drain-input", args, 1)?;
    let mut state = port.borrow_mut();
    let bytes = state.drain();
    Ok(text::value(state.decode(&bytes)))
}

// Reading bytes.

fn get_u8(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-u8", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("get-u8")?;
    state.fill(1, "get-u8")?;
    let byte = state.unread().first().copied();
    if byte.is_some() {
        state.consume(1);
    }
    or_eof(byte, |byte| Value::IntV(isize::from(byte)))
}

fn lookahead_u8(args: &[Value]) -> Outcome {
    let port = ports::input_port("lookahead-u8", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("lookahead-u8")?;
    state.fill(1, "lookahead-u8")?;
    let byte = state.unread().first().copied();
    or_eof(byte, |byte| Value::IntV(isize::from(byte)))
}

fn u8_ready(args: &[Value]) -> Outcome {
    char_ready(args)
}

fn take_bytes(state: &mut State, count: usize, procedure: &str) -> Result<Option<Vec<u8>>, Raise> {
    let available = state.fill(count, procedure)?.min(count);
    if available == 0 && count > 0 {
        return Ok(None);
    }
    let bytes = state.unread()[..available].to_vec();
    state.consume(available);
    Ok(Some(bytes))
}

fn get_bytevector_n(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-n", args, 1)?;
    let count = args::size("get-bytevector-n", args, 2)?;
    let bytes = take_bytes(&mut port.borrow_mut(), count, "get-bytevector-n")?;
    or_eof(bytes, bytevectors::value)
}

/// (get-bytevector-n! port bytevector start count)
fn get_bytevector_into(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-n!", args, 1)?;
    let start = args::size("get-bytevector-n!", args, 3)?;
    let count = args::size("get-bytevector-n!", args, 4)?;
    let length = Bytevector::with(&args[1], <[u8]>::len)
        .ok_or_else(|| errors::expecting("get-bytevector-n!", 2, "bytevector", &args[1]))?;
    if start + count > length {
        return Err(errors::value_out_of_range("get-bytevector-n!", &args[3]));
    }
    let bytes = take_bytes(&mut port.borrow_mut(), count, "get-bytevector-n!")?;
    or_eof(bytes, |bytes| {
        Bytevector::change(&args[1], |target| {
            target[start..start + bytes.len()].copy_from_slice(&bytes);
        });
        integer(bytes.len())
    })
}

fn get_bytevector_some(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-some", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("get-bytevector-some")?;
    let available = state.fill(1, "get-bytevector-some")?;
    let bytes = take_bytes(&mut state, available.max(1), "get-bytevector-some")?;
    or_eof(bytes, bytevectors::value)
}

fn get_bytevector_all(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-all", args, 1)?;
    let bytes = port.borrow_mut().read_all("get-bytevector-all")?;
    or_eof((!bytes.is_empty()).then_some(bytes), bytevectors::value)
}

// Writing.

fn write_char(args: &[Value]) -> Outcome {
    let character = character("write-char", args, 1)?;
    let port = ports::output_port("write-char", args, 2)?;
    port.borrow_mut()
        .put("write-char", character.encode_utf8(&mut [0; 4]))?;
    Ok(unspecified())
}

fn newline(args: &[Value]) -> Outcome {
    let port = ports::output_port("newline", args, 1)?;
    port.borrow_mut().put("newline", "\n")?;
    Ok(unspecified())
}

/// (%printing-style) -> write, display or #f
fn printing_style(_: &[Value]) -> Outcome {
    Ok(match printer::style_in_use() {
        Some(Style::Write) => symbol_value("write"),
        Some(Style::Display) => symbol_value("display"),
        None => Value::BoolV(false),
    })
}

fn print(machine: &mut Machine, args: &[Value], procedure: &str, style: Style) -> Outcome {
    let port = ports::output_port(procedure, args, 2)?;
    if let (Value::StringV(string), Style::Display) = (&args[0], style) {
        port.borrow_mut().put(procedure, text::of(string))?;
        return Ok(unspecified());
    }
    let mut text = printer::with_machine(machine, &args[0], style)?;
    let encoding = port.borrow().encoding;
    if style == Style::Write && encoding != Encoding::Utf8 && !text.is_ascii() {
        text = escape_for(encoding, &text);
    }
    port.borrow_mut().put(procedure, &text)?;
    Ok(unspecified())
}

/// TEXT, which was written, with an escape for each character of a string that ENCODING has
/// no bytes for, and the number of each such character on its own. Symbols have no escapes.
fn escape_for(encoding: Encoding, text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut in_string = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let has_bytes = encodings::encode_one(encoding, character).is_some();
        if escaped.ends_with("#\\") && !in_string {
            match has_bytes {
                true => escaped.push(character),
                false => escaped.push_str(&format!("{:o}", character as u32)),
            }
        } else if has_bytes || !in_string {
            in_string ^= character == '"';
            escaped.push(character);
            if in_string && character == '\\' {
                escaped.extend(characters.next());
            }
        } else {
            escaped.push_str(&encodings::escaped(character));
        }
    }
    escaped
}

fn write(machine: &mut Machine, args: &[Value]) -> Outcome {
    print(machine, args, "write", Style::Write)
}

fn display(machine: &mut Machine, args: &[Value]) -> Outcome {
    print(machine, args, "display", Style::Display)
}

fn write_line(machine: &mut Machine, args: &[Value]) -> Outcome {
    print(machine, args, "write-line", Style::Display)?;
    newline(&args[1..])
}

/// (put-string port string [start [count]])
fn put_string(args: &[Value]) -> Outcome {
    let port = ports::output_port("put-string", args, 1)?;
    let text = string("put-string", args, 2)?;
    let start = match args.get(2) {
        Some(_) => args::size("put-string", args, 3)?,
        None => 0,
    };
    let part: String = match args.get(3) {
        Some(_) => text
            .chars()
            .skip(start)
            .take(args::size("put-string", args, 4)?)
            .collect(),
        None if start == 0 => {
            port.borrow_mut().put("put-string", text)?;
            return Ok(unspecified());
        }
        None => text.chars().skip(start).collect(),
    };
    port.borrow_mut().put("put-string", &part)?;
    Ok(unspecified())
}

/// (write-string string [port [start [end]]])
fn write_string(args: &[Value]) -> Outcome {
    let Value::StringV(string) = &args[0] else {
        return Err(errors::expecting("write-string", 1, "string", &args[0]));
    };
    let port = ports::output_port("write-string", &args[..args.len().min(2)], 2)?;
    let range = args::range("write-string", args, 3, text::length(string))?;
    port.borrow_mut()
        .put("write-string", text::part(string, range))?;
    Ok(unspecified())
}

fn put_char(args: &[Value]) -> Outcome {
    let port = ports::output_port("put-char", args, 1)?;
    let character = character("put-char", args, 2)?;
    port.borrow_mut()
        .put("put-char", character.encode_utf8(&mut [0; 4]))?;
    Ok(unspecified())
}

fn put_u8(args: &[Value]) -> Outcome {
    let port = ports::output_port("put-u8", args, 1)?;
    let byte = args::size("put-u8", args, 2)?;
    let byte = u8::try_from(byte).map_err(|_| errors::value_out_of_range("put-u8", &args[1]))?;
    port.borrow_mut().put_bytes("put-u8", &[byte])?;
    Ok(unspecified())
}

/// (put-bytevector port bytevector [start [count]])
fn put_bytevector(args: &[Value]) -> Outcome {
    let port = ports::output_port("put-bytevector", args, 1)?;
    let bytes = bytevectors::bytes("put-bytevector", args, 2)?;
    let start = match args.get(2) {
        Some(_) => args::size("put-bytevector", args, 3)?,
        None => 0,
    };
    let count = match args.get(3) {
        Some(_) => args::size("put-bytevector", args, 4)?,
        None => bytes.len().saturating_sub(start),
    };
    let part = bytes
        .get(start..start + count)
        .ok_or_else(|| errors::value_out_of_range("put-bytevector", &args[args.len() - 1]))?;
    port.borrow_mut().put_bytes("put-bytevector", part)?;
    Ok(unspecified())
}

fn force_output(args: &[Value]) -> Outcome {
    let port = ports::output_port("force-output", args, 1)?;
    port.borrow_mut().flush("force-output")?;
    Ok(unspecified())
}

fn flush_all(_: &[Value]) -> Outcome {
    ports::flush_all();
    Ok(unspecified())
}

// Properties.

fn filename(args: &[Value]) -> Outcome {
    state("port-filename", args, |state| {
        Ok(state
            .name
            .as_ref()
            .map_or(Value::BoolV(false), string_value))
    })
}

fn set_filename(args: &[Value]) -> Outcome {
    state("set-port-filename!", args, |state| {
        state.name = match &args[1] {
            Value::StringV(name) => Some(text::of(name).to_owned()),
            _ => None,
        };
        Ok(unspecified())
    })
}

fn port_line(args: &[Value]) -> Outcome {
    state("port-line", args, |state| Ok(Value::IntV(state.line)))
}

fn port_column(args: &[Value]) -> Outcome {
    state("port-column", args, |state| Ok(integer(state.column)))
}

fn set_line(args: &[Value]) -> Outcome {
    let line = fixnum(args, 2)?;
    state("set-port-line!", args, |state| {
        state.line = line;
        Ok(unspecified())
    })
}

fn set_column(args: &[Value]) -> Outcome {
    let column = args::size("set-port-column!", args, 2)?;
    state("set-port-column!", args, |state| {
        state.column = column;
        Ok(unspecified())
    })
}

fn port_mode(args: &[Value]) -> Outcome {
    state("port-mode", args, |state| {
        Ok(text::value(state.mode.clone()))
    })
}

fn set_encoding(state: &mut State, name: &str) -> Result<(), Raise> {
    state.encoding =
        encodings::named(name).ok_or_else(|| encodings::unknown("set-port-encoding!", name))?;
    state.encoding_name = Some(name.to_uppercase());
    state.may_have_mark();
    Ok(())
}

fn encoding(args: &[Value]) -> Outcome {
    state("port-encoding", args, |state| {
        Ok(text::value(state.encoding_name.clone().unwrap_or_else(
            || {
                match state.encoding {
                    Encoding::Utf8 => "UTF-8",
                    Encoding::Latin1 => "ISO-8859-1",
                    Encoding::Other(name) => name,
                }
                .to_owned()
            },
        )))
    })
}

fn set_port_encoding(args: &[Value]) -> Outcome {
    let name = string("set-port-encoding!", args, 2)?.to_owned();
    state("set-port-encoding!", args, |state| {
        set_encoding(state, &name)?;
        Ok(unspecified())
    })
}

fn strategy(args: &[Value]) -> Outcome {
    Ok(match ports::get(&args[0]) {
        Some(state) => symbol_value(state.borrow().strategy),
        None => symbol_value("substitute"),
    })
}

fn set_strategy(args: &[Value]) -> Outcome {
    let name = args::symbol("set-port-conversion-strategy!", args, 2)?;
    if let Some(port) = ports::get(&args[0]) {
        port.borrow_mut().strategy = ports::strategy_named(name);
    } else if let (Value::BoolV(false), Some(fluid)) =
        (&args[0], ports::default_fluid(ports::Default::Strategy))
    {
        let _a_fluid_has_one_field = records::set_field(&fluid, 0, args[1].clone());
    }
    Ok(unspecified())
}

/// (%default-strategy-in fluid)
fn default_strategy(args: &[Value]) -> Outcome {
    ports::set_default(ports::Default::Strategy, &args[0]);
    Ok(args[0].clone())
}

/// (%default-encoding-in fluid)
fn default_encoding(args: &[Value]) -> Outcome {
    ports::set_default(ports::Default::Encoding, &args[0]);
    Ok(args[0].clone())
}

fn setvbuf(args: &[Value]) -> Outcome {
    let buffering = match &args[1] {
        Value::SymbolV(name) => match name.as_str() {
            "none" => Buffering::None,
            "line" => Buffering::Line,
            "block" => Buffering::Block,
            _ => return Err(errors::value_out_of_range("setvbuf", &args[1])),
        },
        other => return Err(errors::wrong_type("setvbuf", 2, other)),
    };
    let block_bytes = match args.get(2) {
        Some(_) => Some(args::size("setvbuf", args, 3)?.min(ports::CHUNK)),
        None => None,
    };
    state("setvbuf", args, |state| {
        if state.closed {
            return Err(errors::wrong_type("setvbuf", 1, &args[0]));
        }
        state.flush("setvbuf")?;
        state.buffering = buffering;
        state.block_bytes = block_bytes.unwrap_or(ports::CHUNK);
        Ok(unspecified())
    })
}

fn fileno(args: &[Value]) -> Outcome {
    state("fileno", args, |state| match &state.descriptor {
        Some(descriptor) => Ok(Value::IntV(descriptor.as_raw_fd() as isize)),
        None => Err(errors::wrong_type("fileno", 1, &args[0])),
    })
}

fn is_terminal(args: &[Value]) -> Outcome {
    Ok(boolean(
        ports::with(&args[0], |state| {
            state.descriptor.as_ref().is_some_and(|descriptor| {
                // SAFETY: asks about a descriptor that is ours.
                unsafe { libc::isatty(descriptor.as_raw_fd()) == 1 }
            })
        })
        .unwrap_or(false),
    ))
}

/// (seek port offset whence)
pub fn seek(machine: &mut Machine, args: &[Value]) -> Outcome {
    let offset = fixnum(args, 2)?;
    let whence = fixnum(args, 3)?;
    if let Value::IntV(fd) = args[0] {
        // SAFETY: moves in a descriptor, which the caller names by number.
        let position = unsafe {
            libc::lseek(
                fd as libc::c_int,
                offset as libc::off_t,
                whence as libc::c_int,
            )
        };
        return match position {
            position if position >= 0 => Ok(Value::IntV(position as isize)),
            _ => Err(errors::system("seek", errors::last_code())),
        };
    }
    let port =
        ports::get(&args[0]).ok_or_else(|| errors::expecting("seek", 1, "port", &args[0]))?;
    let program = port.borrow().program.clone();
    if let Some(program) = program {
        let Some(seek) = &program.seek else {
            return Err(errors::misc(
                "seek",
                "port is not seekable",
                vec![args[0].clone()],
            ));
        };
        ports::flush_to_program(machine)?;
        let unread = port.borrow().available() as isize;
        let moves = !(offset == 0 && whence == 1);
        let offset = if moves && whence == 1 {
            offset - unread
        } else {
            offset
        };
        let position = machine.call(
            seek.value().clone(),
            vec![Value::IntV(offset), Value::IntV(whence)],
        )?;
        if moves {
            let mut state = port.borrow_mut();
            state.forget_unread();
            state.has_moved_to(match position {
                Value::IntV(position) => position.max(0) as usize,
                _ => usize::MAX,
            });
            return Ok(position);
        }
        return numbers::subtract(&position, &Value::IntV(unread));
    }
    let mut state = port.borrow_mut();
    state.flush("seek")?;
    let unread = state.available();
    if let Some(descriptor) = &state.descriptor {
        let fd = descriptor.as_raw_fd();
        let asks = offset == 0 && whence == 1;
        let distance = if whence == 1 && !asks {
            offset - unread as isize
        } else {
            offset
        };
        // SAFETY: moves in a descriptor that is ours.
        let position = unsafe { libc::lseek(fd, distance as libc::off_t, whence as libc::c_int) };
        if position < 0 {
            return Err(errors::system("seek", errors::last_code()));
        }
        if asks {
            return Ok(Value::IntV(position as isize - unread as isize));
        }
        state.forget_unread();
        state.has_moved_to(position as usize);
        return Ok(Value::IntV(position as isize));
    }
    let state = &mut *state;
    let (current, length) = match (&state.input, &state.output) {
        (Some(input), _) => (input.position, input.bytes.len()),
        (None, Some(output)) => (output.at.unwrap_or(output.bytes.len()), output.bytes.len()),
        (None, None) => (0, 0),
    };
    let base = match whence {
        0 => 0,
        1 => current as isize,
        _ => length as isize,
    };
    let position = usize::try_from(base + offset)
        .ok()
        .filter(|position| *position <= length)
        .ok_or_else(|| errors::out_of_range("seek", 2, &args[1]))?;
    match (&mut state.input, &mut state.output) {
        (Some(input), _) => {
            input.position = position;
            input.valid = 0;
        }
        (None, Some(output)) => output.at = (position < length).then_some(position),
        (None, None) => {}
    }
    if !(offset == 0 && whence == 1) {
        state.has_moved_to(position);
    }
    Ok(integer(position))
}

fn ftell(machine: &mut Machine, args: &[Value]) -> Outcome {
    seek(machine, &[args[0].clone(), Value::IntV(0), Value::IntV(1)])
}

/// (open-fdes->port fd mode): `fdopen`.
fn fdopen(args: &[Value]) -> Outcome {
    let fd = fixnum(args, 1)?;
    let mode = string("fdopen", args, 2)?;
    // SAFETY: asks for the flags of a descriptor.
    if unsafe { libc::fcntl(fd as libc::c_int, libc::F_GETFD) } < 0 {
        return Err(errors::system("fdopen", errors::last_code()));
    }
    // SAFETY: the caller hands the descriptor over.
    let descriptor = unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) };
    Ok(ports::descriptor(descriptor, mode, None))
}

fn pipe(_: &[Value]) -> Outcome {
    let (read, write) = processes::pipe("pipe")?;
    Ok(pairs::cons(
        ports::descriptor(read, "r", None),
        ports::descriptor(write, "w", None),
    ))
}

fn simple_format(machine: &mut Machine, args: &[Value]) -> Outcome {
    let format = string("simple-format", args, 2)?.to_owned();
    let mut rest = args[2..].iter();
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '~' {
            out.push(character);
            continue;
        }
        let mut next = |directive: char| {
            rest.next().ok_or_else(|| {
                errors::misc(
                    "simple-format",
                    "FORMAT: Missing argument for ~~~A",
                    vec![Value::CharV(directive)],
                )
            })
        };
        match characters.next() {
            Some(directive @ ('a' | 'A')) => {
                let value = next(directive)?;
                out.push_str(&printer::with_machine(machine, value, Style::Display)?)
            }
            Some(directive @ ('s' | 'S')) => {
                let value = next(directive)?;
                out.push_str(&printer::with_machine(machine, value, Style::Write)?)
            }
            Some('%') => out.push('\n'),
            // A tilde at the end stands for itself.
            Some('~') | None => out.push('~'),
            Some(other) => {
                return Err(errors::misc(
                    "simple-format",
                    "FORMAT: Unsupported format option ~~~A - use (ice-9 format) instead",
                    vec![Value::CharV(other)],
                ));
            }
        }
    }
    if rest.next().is_some() {
        return Err(errors::misc(
            "simple-format",
            "FORMAT: ~A superfluous arguments",
            vec![integer(rest.count() + 1)],
        ));
    }
    deliver(args, "simple-format", out)
}

/// Put TEXT where the first argument of a format procedure says.
pub fn deliver(args: &[Value], procedure: &str, text: String) -> Outcome {
    if let Value::BoolV(false) = args[0] {
        return Ok(text::value(text));
    }
    let port = ports::output_port(procedure, args, 1)?;
    port.borrow_mut().put(procedure, &text)?;
    Ok(unspecified())
}

/// (object->string value [display?]) without Scheme's help where none is needed.
fn object_to_string(machine: &mut Machine, args: &[Value]) -> Outcome {
    let style = if args::given_truth(args, 2).is_some() {
        Style::Display
    } else {
        Style::Write
    };
    printer::with_machine(machine, &args[0], style).map(text::value)
}

natives! {
    /// (%printing-style) -> write or display while the one or the other prints, or #f
    "%printing-style" (0) => printing_style,
    "current-input-port" (0, 1) => current_input, "current-output-port" (0, 1) => current_output,
    "current-error-port" (0, 1) => current_error, "current-warning-port" (0, 1) => current_error,
    "set-current-input-port" (1) => set_current_input, "set-current-output-port" (1) => set_current_output,
    "set-current-error-port" (1) => set_current_error, "set-current-warning-port" (1) => set_current_error,
    "port?" (1) => port_predicate, "input-port?" (1) => input_predicate, "output-port?" (1) => output_predicate,
    "file-port?" (1) => file_predicate, "port-closed?" (1) => closed_predicate,
    "eof-object?" (1) => eof_predicate, "%eof-object" (0) => the_eof_object,
    "open-input-string" (1) => open_input_string, "open-output-string" (0) => open_output_string,
    "get-output-string" (1) => get_output_string,
    "%open-input-bytevector" (1, rest) => open_input_bytes, "%output-bytevector" (1) => output_bytes,
    "%take-output-bytevector" (1) => take_output_bytes,
    "%make-void-port" (1) => void_port,
    /// (open-file name mode [#:encoding e] …) -> port
    "open-file" (2, rest) => open_file,
    "open-input-file" (1, rest) => open_input_file, "open-output-file" (1, rest) => open_output_file,
    "close-port" (1) with machine => close, "close-input-port" (1) with machine => close, "close-output-port" (1) with machine => close,
    "close" (1) with machine => close_either,
    "read-char" (0, 1) with ports => read_char, "peek-char" (0, 1) with ports => peek_char,
    "unread-char" (1, 1) => unread_char, "unread-string" (1, 1) => unread_string,
    "%unread-bytes" (2) => unread_bytes,
    "char-ready?" (0, 1) with ports => char_ready,
    /// (read-line [port [handle-delim]]) -> the next line, or the end-of-file object
    ///
    /// HANDLE-DELIM says what becomes of the newline: trim, concat, peek or split.
    "read-line" (0, 2) with ports => read_line,
    "%next-line" (0, 2) with ports => read_line, "%read-line" (0, 1) with ports => line_and_end, "%read-delimited" (1, 1) with ports => read_delimited,
    "%read-string" (0, 2) with ports => read_string, "%get-string-n" (2) with ports => get_string_n, "%get-string-all" (1) with ports => get_string_all,
    "drain-input" (1) with ports => drain_input,
    "%get-u8" (0, 1) with ports => get_u8, "%lookahead-u8" (0, 1) with ports => lookahead_u8, "%u8-ready?" (0, 1) with ports => u8_ready,
    "%get-bytevector-n" (2) with ports => get_bytevector_n, "%get-bytevector-n!" (4) with ports => get_bytevector_into,
    "%get-bytevector-some" (1) with ports => get_bytevector_some, "%get-bytevector-all" (1) with ports => get_bytevector_all,
    "write-char" (1, 1) with ports => write_char, "newline" (0, 1) with ports => newline,
    "write" (1, 1) with machine_and_ports => write, "display" (1, 1) with machine_and_ports => display,
    "write-line" (1, 1) with machine_and_ports => write_line,
    "%put-string" (2, 2) with ports => put_string, "%write-string" (1, 3) with ports => write_string, "%put-char" (2) with ports => put_char,
    "%put-u8" (2) with ports => put_u8, "%put-bytevector" (2, 2) with ports => put_bytevector,
    "force-output" (0, 1) with ports => force_output, "flush-all-ports" (0) => flush_all,
    "port-filename" (1) => filename, "set-port-filename!" (2) => set_filename,
    "port-line" (1) => port_line, "port-column" (1) => port_column,
    "set-port-line!" (2) => set_line, "set-port-column!" (2) => set_column,
    "port-mode" (1) => port_mode, "port-encoding" (1) => encoding, "set-port-encoding!" (2) => set_port_encoding,
    /// (%default-strategy-in fluid) -> FLUID, which holds the conversion strategy of new ports
    "%default-strategy-in" (1) => default_strategy,
    /// (%default-encoding-in fluid) -> FLUID, which holds the encoding of new ports of files
    "%default-encoding-in" (1) => default_encoding,
    "port-conversion-strategy" (1) => strategy, "set-port-conversion-strategy!" (2) => set_strategy,
    "setvbuf" (2, 1) with ports => setvbuf, "fileno" (1) => fileno, "port->fdes" (1) => fileno, "isatty?" (1) => is_terminal,
    "seek" (3) with machine => seek, "ftell" (1) with machine => ftell,
    /// (%make-program-port name read write seek close) -> a port that procedures are behind
    "%make-program-port" (5) => of_program,
    /// (%port-properties port [alist]) -> the association list noted with PORT
    "%port-properties" (1, 1) => properties, "fdopen" (2) => fdopen, "%pipe" (0) => pipe,
    /// (simple-format destination format argument …): ~A ~S ~% ~~ only
    "simple-format" (2, rest) with machine_and_ports => simple_format,
    "%object->string" (1, 1) with machine => object_to_string,
}
