//! `format`, with the directives of `(ice-9 format)`.
//!
//! Source: GNU Guile reference manual, "Formatted Output".

mod complaints;
mod directives;
mod numeric;

use crate::data::native::{Machine, Outcome, Raise};
use crate::data::numbers;
use crate::data::value::Value;
use crate::data::{characters, errors, memory, pairs, strings as text};
use crate::library::port_natives::deliver;
use crate::library::printer::{self, Style};
use crate::library::{ports, strings};
use crate::natives;
use complaints::{explained, fail, is_complaint};
use directives::{Bracket, Directive, bracket, choose, directive};

/// How deep `~{`, `~[` and `~?` may nest.
const DEPTH_LIMIT: usize = 200;

/// The arguments and how far they have been used.
struct Arguments {
    items: Vec<Value>,
    next: usize,
}

impl Arguments {
    fn take(&mut self) -> Result<Value, Raise> {
        let item = self.items.get(self.next).cloned();
        self.next += 1;
        item.ok_or_else(|| fail("missing argument(s)", Vec::new()))
    }

    fn rest(&self) -> usize {
        self.items.len().saturating_sub(self.next)
    }
}

struct Formatter<'m, 'a> {
    machine: &'m mut Machine<'a>,
    out: String,
    /// The column that the next character goes to.
    column: usize,
    depth: usize,
    /// Whether more was to be put than there is memory for.
    too_much: bool,
    /// What `~(` asked for; each piece of output is converted by itself.
    case: Option<Case>,
}

/// How output between `~(` and `~)` is converted.
#[derive(Clone, Copy)]
enum Case {
    Down,
    Up,
    /// The first letter of every word.
    Words,
    /// The first letter alone.
    First,
    /// Not any more: `~^` has been passed.
    Kept,
}

impl Case {
    fn asked_by(directive: &Directive) -> Case {
        match (directive.colon, directive.at) {
            (false, false) => Case::Down,
            (true, true) => Case::Up,
            (true, false) => Case::Words,
            (false, true) => Case::First,
        }
    }

    fn converted(self, text: &str) -> String {
        match self {
            Case::Down => text.chars().map(characters::downcase).collect(),
            Case::Up => text.chars().map(characters::upcase).collect(),
            Case::Words => strings::to_title(text),
            Case::First => {
                let mut letters = 0;
                text.chars()
                    .map(|character| {
                        letters += usize::from(character.is_alphabetic());
                        match letters {
                            0 => character,
                            1 => characters::upcase(character),
                            _ => characters::downcase(character),
                        }
                    })
                    .collect()
            }
            Case::Kept => text.to_owned(),
        }
    }
}

impl Formatter<'_, '_> {
    /// Write TEXT as one piece. As in Guile a line that ends inside of it does
    /// not start the columns again.
    fn put(&mut self, text: &str) {
        match self.case {
            None => self.out.push_str(text),
            Some(case) => self.out.push_str(&case.converted(text)),
        }
        self.column += text.chars().count();
    }

    /// End the conversion of case but for its `~)`, where STOPS. Guile passes a
    /// `~^` when it looks for the end of a bracket, so one inside of it counts.
    fn keep_case_if(&mut self, stops: bool) {
        if stops && self.case.is_some() {
            self.case = Some(Case::Kept);
        }
    }

    fn put_character(&mut self, character: char) {
        self.put(character.encode_utf8(&mut [0; 4]));
        if character == '\n' {
            self.column = 0;
        }
    }

    fn run(&mut self, format: &[char], arguments: &mut Arguments) -> Result<(), Raise> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(fail("directives are nested too deeply", Vec::new()));
        }
        let end = self.run_level(format, arguments);
        self.depth -= 1;
        end
    }

    fn run_level(&mut self, format: &[char], arguments: &mut Arguments) -> Result<(), Raise> {
        let mut position = 0;
        while position < format.len() {
            let character = format[position];
            position += 1;
            if character != '~' {
                // Literal text comes one character at a time, so capitalizing
                // makes all of it upper case.
                self.put_character(character);
                continue;
            }

            let Some(directive) = directive(format, &mut position, arguments)? else {
                self.put("~");
                break;
            };
            match directive.name {
                'a' => self.object(&directive, arguments, Style::Display)?,
                's' => self.object(&directive, arguments, Style::Write)?,
                'y' => {
                    let item = arguments.take()?;
                    let text = printer::with_machine(self.machine, &item, Style::Write)?;
                    // It is printed past the conversion of case.
                    self.out.push_str(&text);
                    self.out.push('\n');
                    self.column = 0;
                }
                'd' => self.integer(&directive, arguments, 10, 0)?,
                'b' => self.integer(&directive, arguments, 2, 0)?,
                'o' => self.integer(&directive, arguments, 8, 0)?,
                'x' => self.integer(&directive, arguments, 16, 0)?,
                'r' => self.radix(&directive, arguments)?,
                'f' => self.fixed(&directive, &arguments.take()?)?,
                'h' => self.localized(directive, arguments)?,
                'e' => self.exponential(&directive, &arguments.take()?)?,
                'g' => self.general(&directive, &arguments.take()?)?,
                '$' => self.money(&directive, &arguments.take()?)?,
                'i' => self.complex(directive, &arguments.take()?)?,
                'c' => {
                    let item = match directive.given_character(0) {
                        Some(character) => Value::CharV(character),
                        None => arguments.take()?,
                    };
                    let Value::CharV(character) = item else {
                        return Err(fail("~~c expects a character", Vec::new()));
                    };
                    match (directive.at, directive.colon) {
                        (true, false) => self.put(&characters::written(character)),
                        // A control character as the key that is held down with it.
                        (false, true) => match character as u32 {
                            code @ 0..=31 => {
                                self.put("^");
                                self.put_character((b'@' + code as u8) as char);
                            }
                            code @ 127.. => {
                                self.put("#\\");
                                self.put(&format!("{code:o}"));
                            }
                            _ => self.put_character(character),
                        },
                        _ => self.put_character(character),
                    }
                }
                'p' => {
                    if directive.colon {
                        arguments.next = arguments.next.saturating_sub(1);
                    }
                    let item = arguments.take()?;
                    if !numbers::is_number(&item) {
                        return Err(fail("~~p expects a number argument", Vec::new()));
                    }
                    let one = numbers::to_f64(&item) == Some(1.0);
                    self.put(match (directive.at, one) {
                        (true, true) => "y",
                        (true, false) => "ies",
                        (false, true) => "",
                        (false, false) => "s",
                    });
                }
                '%' => {
                    self.repeat('\n', directive.size(0, 1));
                    self.column = 0;
                }
                '&' => {
                    let count = directive.size(0, 1);
                    let at_start = self.column == 0;
                    self.repeat('\n', count.saturating_sub(usize::from(at_start)));
                    self.column = 0;
                }
                '|' => {
                    self.repeat('\u{c}', directive.size(0, 1));
                    self.column = 0;
                }
                '~' => self.repeat('~', directive.size(0, 1)),
                '_' => self.repeat(' ', directive.size(0, 1)),
                '/' => self.repeat('\t', directive.size(0, 1)),
                't' => self.tabulate(&directive),
                '\n' => {
                    if directive.at && !directive.colon {
                        self.put_character('\n');
                    }
                    // The last character of the format is never passed over.
                    while position + 1 < format.len() && format[position].is_whitespace() {
                        if directive.colon && !directive.at {
                            self.put_character(format[position]);
                        }
                        position += 1;
                    }
                }
                '*' => {
                    if directive.at {
                        arguments.next = directive.size(0, 0);
                    } else if directive.colon {
                        arguments.next = arguments
                            .next
                            .checked_sub(directive.size(0, 1))
                            .ok_or_else(|| {
                                fail("~~:* goes before the first argument", Vec::new())
                            })?;
                    } else {
                        arguments.next += directive.size(0, 1);
                    }
                }
                '?' | 'k' => {
                    let inner = match arguments.take()? {
                        Value::StringV(format) => text::of(&format).chars().collect::<Vec<_>>(),
                        other => return Err(fail("~~? expects a format string: ~S", vec![other])),
                    };
                    if directive.at {
                        self.run(&inner, arguments)?;
                    } else {
                        let list = arguments.take()?;
                        let mut inside = Arguments {
                            items: pairs::to_vec(&list).ok_or_else(|| {
                                fail("~~? expects a list: ~S", vec![list.clone()])
                            })?,
                            next: 0,
                        };
                        self.run(&inner, &mut inside)?;
                    }
                }
                '^' => {
                    let stop = match (
                        directive.number(0),
                        directive.number(1),
                        directive.number(2),
                    ) {
                        (Some(low), Some(middle), Some(high)) => low <= middle && middle <= high,
                        (Some(a), Some(b), None) => a == b,
                        (Some(count), None, None) => count == 0,
                        // What it stops is the conversion, not the format.
                        _ if self.case.is_some() => {
                            self.keep_case_if(true);
                            false
                        }
                        _ => arguments.rest() == 0,
                    };
                    if stop {
                        return Ok(());
                    }
                }
                '(' => self.case = Some(Case::asked_by(&directive)),
                ')' => {
                    if self.case.take().is_none() {
                        return Err(fail("missing ~~(", Vec::new()));
                    }
                }
                '[' => {
                    let Bracket { parts, stops, .. } = bracket(format, &mut position, '[', ']')?;
                    self.keep_case_if(stops);
                    if let Some(part) = choose(&directive, &parts, arguments)? {
                        self.run(&format[part.start..part.end], arguments)?;
                    }
                }
                '{' => {
                    let Bracket {
                        parts,
                        close,
                        stops,
                    } = bracket(format, &mut position, '{', '}')?;
                    self.keep_case_if(stops);
                    let body = format[parts[0].start..parts[parts.len() - 1].end].to_vec();
                    self.iterate(&directive, &close, body, arguments)?;
                }
                '!' => {}
                'q' => {
                    let message = "fruix-scm format, with the directives of (ice-9 format)\n";
                    self.put(message);
                }
                other => {
                    return Err(fail(
                        "unsupported directive ~~~A",
                        vec![Value::CharV(other)],
                    ));
                }
            }
        }
        Ok(())
    }

    fn repeat(&mut self, character: char, count: usize) {
        if memory::claim(count, character.len_utf8()).is_err() {
            self.too_much = true;
            return;
        }
        self.put(&character.to_string().repeat(count));
    }

    /// ~a and ~s: mincol, colinc, minpad, padchar.
    fn object(
        &mut self,
        directive: &Directive,
        arguments: &mut Arguments,
        style: Style,
    ) -> Result<(), Raise> {
        let item = arguments.take()?;
        let mut text = printer::with_machine(self.machine, &item, style)?;
        if directive.colon && text.starts_with("#<") {
            // What cannot be read back is shown as a string, which can.
            let unreadable = std::mem::take(&mut text);
            printer::write_string(&mut text, &unreadable);
        }
        let width = directive.size(0, 0);
        let step = directive.size(1, 1).max(1);
        let mut padding = directive.size(2, 0);
        let length = text.chars().count();
        while length + padding < width {
            padding += step;
        }
        let fill = directive.character(3, ' ');
        if directive.at {
            self.repeat(fill, padding);
            self.put(&text);
        } else {
            self.put(&text);
            self.repeat(fill, padding);
        }
        Ok(())
    }

    fn tabulate(&mut self, directive: &Directive) {
        let column = self.column;
        let step = directive.size(1, 1);
        let spaces = if directive.at {
            let relative = directive.size(0, 1);
            let after = column + relative;
            if step > 1 {
                relative + (step - after % step) % step
            } else {
                relative
            }
        } else {
            let wanted = directive.size(0, 1);
            if column < wanted {
                wanted - column
            } else if step == 0 {
                0
            } else {
                (step - (column - wanted) % step) % step
            }
        };
        self.repeat(directive.character(2, ' '), spaces);
    }

    fn iterate(
        &mut self,
        directive: &Directive,
        close: &Directive,
        body: Vec<char>,
        arguments: &mut Arguments,
    ) -> Result<(), Raise> {
        let body = if body.is_empty() {
            match arguments.take()? {
                Value::StringV(format) => text::of(&format).chars().collect(),
                other => return Err(fail("~~{ expects a format string: ~S", vec![other])),
            }
        } else {
            body
        };
        // Closed with `~:}` it runs once, and as elsewhere only for arguments.
        let unlimited = if close.colon { 1 } else { usize::MAX };
        let limit = directive
            .number(0)
            .map_or(unlimited, |limit| limit.max(0) as usize);
        let own;
        let mut local;
        let inside: &mut Arguments = if directive.at {
            arguments
        } else {
            own = arguments.take()?;
            local = Arguments {
                items: pairs::to_vec(&own)
                    .ok_or_else(|| fail("expected a list argument: ~S", vec![own.clone()]))?,
                next: 0,
            };
            &mut local
        };
        let mut count = 0;
        while count < limit && inside.rest() > 0 {
            if directive.colon {
                let item = inside.take()?;
                let mut one = Arguments {
                    items: pairs::to_vec(&item)
                        .ok_or_else(|| fail("expected a list of lists: ~S", vec![item.clone()]))?,
                    next: 0,
                };
                self.run(&body, &mut one)?;
            } else {
                let before = inside.next;
                self.run(&body, inside)?;
                if inside.next == before && limit == usize::MAX {
                    return Err(fail("iteration uses no arguments", Vec::new()));
                }
            }
            count += 1;
        }
        Ok(())
    }
}

/// (format destination format argument …), or without destination.
fn format(machine: &mut Machine, args: &[Value]) -> Outcome {
    let complain = |message: &str, what: &Value| {
        Err(errors::misc_without_procedure(message, vec![what.clone()]))
    };
    if !matches!(args[0], Value::BoolV(_)) && ports::with(&args[0], |_| ()).is_none() {
        return complain("format: bad destination `~~a' ~S", &args[0]);
    }
    let Value::StringV(format) = &args[1] else {
        return complain("format: expected a string for format string ~S", &args[1]);
    };
    let format: Vec<char> = text::of(format).chars().collect();
    let column = match &args[0] {
        Value::BoolV(false) => 0,
        Value::BoolV(true) => ports::with(&ports::current(ports::Standard::Output), |state| {
            state.column
        })
        .unwrap_or(0),
        port => ports::with(port, |state| state.column).unwrap_or(0),
    };
    let mut formatter = Formatter {
        machine,
        out: String::new(),
        column,
        depth: 0,
        too_much: false,
        case: None,
    };
    let mut arguments = Arguments {
        items: args[2..].to_vec(),
        next: 0,
    };
    let ran = formatter.run(&format, &mut arguments);
    if formatter.too_much {
        return Err(memory::exhausted());
    }
    let out = formatter.out;
    match ran {
        Ok(_) => deliver(args, "format", out),
        Err(Raise::Throw {
            key,
            args: complaint,
        }) if key == "misc-error" && is_complaint(&complaint) => {
            // As in Guile, what is wrong is told where errors are, and thrown is that it is.
            let explanation = explained(&complaint, &args[1]);
            deliver(
                &[ports::current(ports::Standard::Error)],
                "format",
                explanation,
            )?;
            Err(errors::misc_without_procedure(
                "error in format",
                Vec::new(),
            ))
        }
        Err(raise) => Err(raise),
    }
}

natives! {
    /// (format destination format argument …): a string when DESTINATION is #f, else nothing
    "format" (2, rest) with machine_and_ports => format,
}
