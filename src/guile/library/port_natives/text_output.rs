//! Data and characters written, and what waits to be written.
//!
//! Source: GNU Guile reference manual, "Textual I/O" and "Simple Output".

use crate::data::args::{self, character, integer, string, unspecified};
use crate::data::native::{Machine, Outcome};
use crate::data::value::{Value, symbol_value};
use crate::data::{errors, strings as text};
use crate::library::encodings;
use crate::library::ports::{self, Encoding};
use crate::library::printer::{self, Style};
use crate::natives;

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

fn force_output(args: &[Value]) -> Outcome {
    let port = ports::output_port("force-output", args, 1)?;
    port.borrow_mut().flush("force-output")?;
    Ok(unspecified())
}

fn flush_all(_: &[Value]) -> Outcome {
    ports::flush_all();
    Ok(unspecified())
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
    /// (write-char character [port]) -> write a character
    "write-char" (1, 1) with ports => write_char,
    /// (newline [port]) -> end the line
    "newline" (0, 1) with ports => newline,
    /// (write object [port]) -> write it as `read` reads it
    "write" (1, 1) with machine_and_ports => write,
    /// (display object [port]) -> write it for people: strings and characters without quotes
    "display" (1, 1) with machine_and_ports => display,
    /// (write-line object [port]) -> write it as `write` does, and end the line
    "write-line" (1, 1) with machine_and_ports => write_line,
    /// (%put-string port string [start [count]]) -> write COUNT characters from START on
    "%put-string" (2, 2) with ports => put_string,
    /// (%write-string string [port [start [end]]]) -> write the characters from START up to END
    "%write-string" (1, 3) with ports => write_string,
    /// (%put-char port character) -> write a character
    "%put-char" (2) with ports => put_char,
    /// (force-output [port]) -> have what was written leave the port
    "force-output" (0, 1) with ports => force_output,
    /// (flush-all-ports) -> have what was written leave all ports
    "flush-all-ports" (0) => flush_all,
    /// (simple-format destination format argument …): ~A ~S ~% ~~ only
    "simple-format" (2, rest) with machine_and_ports => simple_format,
    /// (%object->string object [display?]) -> what `write` or, where DISPLAY? is given, `display` writes of it
    "%object->string" (1, 1) with machine => object_to_string,
}
