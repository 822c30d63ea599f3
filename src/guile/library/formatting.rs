//! `format`, with the directives of `(ice-9 format)`.
//!
//! Source: GNU Guile reference manual, "Formatted Output".

use crate::data::native::{Machine, Outcome, Raise};
use crate::data::numbers::{self, Number};
use crate::data::value::{Value, string_value};
use crate::data::{characters, errors, memory, pairs, strings as text};
use crate::library::decimals::{Decimal, Unfit};
use crate::library::port_natives::deliver;
use crate::library::printer::{self, Style};
use crate::library::{numerals, ports, strings};
use crate::natives;

/// How deep `~{`, `~[` and `~?` may nest.
const DEPTH_LIMIT: usize = 200;

fn fail(message: &str, args: Vec<Value>) -> Raise {
    errors::misc_without_procedure(&format!("{COMPLAINT}{message}"), args)
}

/// A parameter between `~` and the directive.
#[derive(Clone, Debug, PartialEq)]
enum Parameter {
    Absent,
    Number(i64),
    Character(char),
}

struct Directive {
    name: char,
    parameters: Vec<Parameter>,
    colon: bool,
    at: bool,
}

impl Directive {
    fn number(&self, index: usize) -> Option<i64> {
        match self.parameters.get(index) {
            Some(Parameter::Number(number)) => Some(*number),
            Some(Parameter::Character(character)) => Some(*character as i64),
            _ => None,
        }
    }

    fn size(&self, index: usize, default: usize) -> usize {
        self.number(index)
            .map_or(default, |number| number.clamp(0, 1 << 24) as usize)
    }

    /// Parameter INDEX, called NAME, which may not be negative.
    fn unsigned(&self, index: usize, name: &str) -> Result<Option<usize>, Raise> {
        match self.number(index) {
            Some(number) if number < 0 => Err(fail(
                "~S parameter must be a positive integer",
                vec![string_value(name)],
            )),
            number => Ok(number.map(|number| number.min(1 << 24) as usize)),
        }
    }

    fn given_character(&self, index: usize) -> Option<char> {
        match self.parameters.get(index) {
            Some(Parameter::Character(character)) => Some(*character),
            Some(Parameter::Number(code)) => u32::try_from(*code).ok().and_then(char::from_u32),
            _ => None,
        }
    }

    fn character(&self, index: usize, default: char) -> char {
        self.given_character(index).unwrap_or(default)
    }
}

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

/// Read the directive after the tilde at POSITION - 1, when it is whole.
fn directive(
    format: &[char],
    position: &mut usize,
    arguments: &mut Arguments,
) -> Result<Option<Directive>, Raise> {
    let mut parameters = Vec::new();
    let (mut colon, mut at) = (false, false);
    let mut pending = Parameter::Absent;
    let mut any = false;
    loop {
        let Some(&character) = format.get(*position) else {
            return Ok(None);
        };
        *position += 1;
        match character {
            '0'..='9' | '+' | '-'
                if character.is_ascii_digit()
                    || format.get(*position).is_some_and(char::is_ascii_digit) =>
            {
                let mut number = character.to_digit(10).map_or(0, i64::from);
                while let Some(digit) = format.get(*position).and_then(|c| c.to_digit(10)) {
                    number = number.saturating_mul(10).saturating_add(i64::from(digit));
                    *position += 1;
                }
                pending = Parameter::Number(if character == '-' { -number } else { number });
                any = true;
            }
            '\'' => {
                let Some(&quoted) = format.get(*position) else {
                    return Err(fail("missing character after quote", Vec::new()));
                };
                *position += 1;
                pending = Parameter::Character(quoted);
                any = true;
            }
            'v' | 'V' => {
                pending = match arguments.take()? {
                    Value::IntV(number) => Parameter::Number(number as i64),
                    Value::CharV(character) => Parameter::Character(character),
                    _ => Parameter::Absent,
                };
                any = true;
            }
            '#' => {
                pending = Parameter::Number(arguments.rest() as i64);
                any = true;
            }
            ',' => {
                parameters.push(std::mem::replace(&mut pending, Parameter::Absent));
                any = true;
            }
            ':' => colon = true,
            '@' => at = true,
            name => {
                if any {
                    parameters.push(pending);
                }
                return Ok(Some(Directive {
                    name: name.to_ascii_lowercase(),
                    parameters,
                    colon,
                    at,
                }));
            }
        }
    }
}

/// One part of a bracketed directive: where it is, and whether `~:;` precedes it.
struct Clause {
    start: usize,
    end: usize,
    default: bool,
}

/// What stands between an opening directive and the one that closes it.
struct Bracket {
    parts: Vec<Clause>,
    close: Directive,
    /// Whether a `~^` is among it.
    stops: bool,
}

/// Find the parts of the bracket that has just been opened, up to CLOSE.
fn bracket(
    format: &[char],
    position: &mut usize,
    open: char,
    close: char,
) -> Result<Bracket, Raise> {
    let mut nothing = Arguments {
        items: vec![Value::Void; 1 << 6],
        next: 0,
    };
    let mut found = Vec::new();
    let mut start = *position;
    let mut default = false;
    let mut stops = false;
    let mut depth = 0;
    while *position < format.len() {
        if format[*position] != '~' {
            *position += 1;
            continue;
        }
        let end = *position;
        *position += 1;
        nothing.next = 0;
        let Some(directive) = directive(format, position, &mut nothing)? else {
            break;
        };
        if directive.name == open {
            depth += 1;
        } else if directive.name == close {
            if depth == 0 {
                found.push(Clause {
                    start,
                    end,
                    default,
                });
                return Ok(Bracket {
                    parts: found,
                    close: directive,
                    stops,
                });
            }
            depth -= 1;
        } else if directive.name == '^' {
            stops = true;
        } else if directive.name == ';' && depth == 0 {
            found.push(Clause {
                start,
                end,
                default,
            });
            start = *position;
            default = directive.colon;
        }
    }
    Err(fail(&format!("missing ~{close}"), Vec::new()))
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

    /// ~d ~b ~o ~x: mincol, padchar, commachar, commawidth, from parameter FIRST on.
    fn integer(
        &mut self,
        directive: &Directive,
        arguments: &mut Arguments,
        radix: u32,
        first: usize,
    ) -> Result<(), Raise> {
        let item = arguments.take()?;
        let Some(digits) = numbers::text(&item, radix).filter(|_| numbers::is_integer(&item))
        else {
            return Err(fail("argument not an integer", Vec::new()));
        };
        let negative = digits.starts_with('-');
        let plus = directive.at && !negative;
        let group = directive.size(first + 3, 3).max(1);
        let commas = if directive.colon {
            (digits.len() - 1 - usize::from(negative)) / group
        } else {
            0
        };
        let length = digits.len() + usize::from(plus) + commas;
        let width = directive.unsigned(first, "mincol")?.unwrap_or(0);
        self.repeat(
            directive.character(first + 1, ' '),
            width.saturating_sub(length),
        );
        if plus {
            self.put("+");
        }
        if commas == 0 {
            self.put(&digits);
            return Ok(());
        }
        let (head, rest) = digits.split_at(digits.len() % group);
        self.put(head);
        let comma = directive.character(first + 2, ',');
        for (index, part) in rest.as_bytes().chunks(group).enumerate() {
            if head.len() + index * group > usize::from(negative) {
                self.put_character(comma);
            }
            self.put(&String::from_utf8_lossy(part));
        }
        Ok(())
    }

    fn radix(&mut self, directive: &Directive, arguments: &mut Arguments) -> Result<(), Raise> {
        if let Some(radix) = directive.number(0) {
            if !(2..=36).contains(&radix) {
                return Err(fail("radix out of range", Vec::new()));
            }
            return self.integer(directive, arguments, radix as u32, 1);
        }
        let item = arguments.take()?;
        let digits = match numbers::number(&item) {
            Some(Number::Fix(_) | Number::Big(_)) => numbers::text(&item, 10).unwrap_or_default(),
            _ => return Err(fail("argument not an integer: ~S", vec![item])),
        };
        let text = match (directive.at, directive.colon) {
            (true, old) => {
                // A letter for each thousand: nobody wants the text of more than this.
                let number: u64 = digits.parse().unwrap_or(0);
                if !(1..1 << 32).contains(&number) {
                    return Err(fail("only positive integers can be romanized", Vec::new()));
                }
                numerals::roman(number, old)
            }
            (false, false) => numerals::cardinal(&digits),
            (false, true) => numerals::ordinal(&digits),
        };
        self.put(&text);
        Ok(())
    }

    /// ~f: width, digits, scale, overflowchar, padchar.
    fn fixed(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
        let field = Field::of(directive, 3)?;
        let text = match real(item)? {
            Text::Digits(text) => text,
            Text::Special(text) => {
                self.special(&text, &field, None);
                return Ok(());
            }
        };
        let scale = directive.number(2).unwrap_or(0);
        let mut decimal = Decimal::fixed(&text, scale).map_err(unfit)?;
        match field.digits {
            Some(digits) => decimal.have_places(digits).map_err(unfit)?,
            None => decimal.strip(),
        }
        let mut zero = true;
        if let Some(width) = field.width {
            let room = field.digits.is_none_or(|digits| width > digits + 1);
            let length = field.length(&decimal, room);
            self.repeat(field.fill, width.saturating_sub(length));
            let excess = length.saturating_sub(width);
            match (field.digits, field.overflow) {
                (None, _) if excess > 0 && excess <= decimal.behind_point() => {
                    decimal.round(decimal.behind_point() - excess);
                }
                (_, Some(overflow)) if excess > 0 => {
                    self.repeat(overflow, width);
                    return Ok(());
                }
                _ => zero = room,
            }
        }
        self.put_decimal(&decimal, &field, zero);
        Ok(())
    }

    /// DECIMAL without its exponent; one ZERO stands before a bare point.
    fn put_decimal(&mut self, decimal: &Decimal, field: &Field, zero: bool) {
        let (before, behind) = decimal.parts();
        if decimal.negative {
            self.put("-");
        } else if field.plus {
            self.put("+");
        }
        if !before.is_empty() {
            self.put(&before);
        } else if zero {
            self.put("0");
        }
        self.put(".");
        self.put(&behind);
    }

    /// An infinity, or what is no number, with its point where a number's would be.
    fn special(&mut self, text: &str, field: &Field, exponent_digits: Option<usize>) {
        let length = text.len();
        let width = field.width.unwrap_or(0);
        if let Some(overflow) = field.overflow
            && field.width.is_some()
            && width < length
        {
            self.repeat(overflow, width);
            return;
        }
        let digits = field.digits.unwrap_or(0) + exponent_digits.map_or(0, |digits| digits + 2);
        let dot = text.find('.').unwrap_or(length);
        let left = width.saturating_sub(length.max(dot + 1 + digits));
        self.repeat(field.fill, left);
        self.put(text);
        self.repeat(field.fill, width.saturating_sub(left + length));
    }

    /// ~h: width, digits, padchar; the locale, which follows with `:`, is C's.
    fn localized(
        &mut self,
        mut directive: Directive,
        arguments: &mut Arguments,
    ) -> Result<(), Raise> {
        let fill = directive.parameters.get(2).cloned();
        directive.parameters.truncate(2);
        if let Some(fill) = fill {
            directive.parameters.resize(4, Parameter::Absent);
            directive.parameters.push(fill);
        }
        let item = arguments.take()?;
        if std::mem::take(&mut directive.colon) {
            arguments.take()?;
        }
        self.fixed(&directive, &item)
    }

    /// ~e: width, digits, exponent digits, scale, overflowchar, padchar, exponentchar.
    fn exponential(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
        let field = Field::of(directive, 4)?;
        let exponent_digits = directive.unsigned(2, "exponent digits")?;
        let text = match real(item)? {
            Text::Digits(text) => text,
            Text::Special(text) => {
                self.special(&text, &field, exponent_digits);
                return Ok(());
            }
        };
        let scale = directive.number(3).unwrap_or(1);
        let mut decimal = Decimal::with_exponent(&text, scale).map_err(unfit)?;
        // The digits before the point count too.
        let digits = field.digits.map(|digits| match usize::try_from(scale) {
            Ok(scale) if scale > 0 => (digits + 1).saturating_sub(scale),
            _ => digits,
        });
        match digits {
            Some(digits) => decimal.have_places(digits).map_err(unfit)?,
            None => decimal.strip(),
        }
        let exponent = decimal.exponent.unsigned_abs().to_string();
        let exponent_length = exponent.len().max(exponent_digits.unwrap_or(0));
        let mut zero = true;
        if let Some(width) = field.width {
            let room = digits.is_none_or(|digits| width > digits + 1);
            let length = field.length(&decimal, room) + 2 + exponent_length;
            if let Some(overflow) = field.overflow
                && exponent_digits.is_some_and(|digits| exponent.len() > digits)
            {
                self.repeat(overflow, width);
                return Ok(());
            }
            self.repeat(field.fill, width.saturating_sub(length));
            let excess = length.saturating_sub(width);
            match (digits, field.overflow) {
                (None, _) if excess > 0 && excess <= decimal.behind_point() => {
                    decimal.round(decimal.behind_point() - excess);
                }
                (_, Some(overflow)) if excess > 0 => {
                    self.repeat(overflow, width);
                    return Ok(());
                }
                (Some(_), _) => zero = excess == 0,
                (None, _) => {}
            }
        }
        self.put_decimal(&decimal, &field, zero);
        self.put_character(directive.character(6, 'E'));
        self.put(if decimal.exponent < 0 { "-" } else { "+" });
        self.repeat('0', exponent_length - exponent.len());
        self.put(&exponent);
        Ok(())
    }

    /// ~g: as ~f with room for an exponent when the digits suffice, else as ~e.
    fn general(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
        let parameter = |index: usize| directive.number(index);
        let text = match real(item)? {
            Text::Digits(text) => text,
            Text::Special(text) => {
                let field = Field {
                    plus: false,
                    ..Field::of(directive, 4)?
                };
                self.special(&text, &field, directive.unsigned(2, "exponent digits")?);
                return Ok(());
            }
        };
        let mut decimal = Decimal::fixed(&text, 0).map_err(unfit)?;
        decimal.strip();
        let before = match decimal.before_point() {
            0 => -(decimal.leading_zeros() as i64),
            before => before as i64,
        };
        let digits = parameter(1).unwrap_or((decimal.length() as i64).max(before.min(7)));
        let places = digits - before;
        if !(0..=digits).contains(&places) {
            return self.exponential(directive, item);
        }
        let room = parameter(2).map_or(4, |digits| digits + 2);
        let given = |index: usize| directive.parameters.get(index).cloned();
        let fixed = Directive {
            name: 'f',
            parameters: vec![
                parameter(0).map_or(Parameter::Absent, |width| Parameter::Number(width - room)),
                Parameter::Number(places),
                Parameter::Absent,
                given(4).unwrap_or(Parameter::Absent),
                given(5).unwrap_or(Parameter::Absent),
            ],
            colon: directive.colon,
            at: directive.at,
        };
        self.fixed(&fixed, item)?;
        self.repeat(' ', room.max(0) as usize);
        Ok(())
    }

    /// ~i: the real and the imaginary part as ~f.
    fn complex(&mut self, mut directive: Directive, item: &Value) -> Result<(), Raise> {
        if !numbers::is_number(item) {
            return Err(fail("argument not a complex number", Vec::new()));
        }
        let (real, imaginary) =
            numbers::complex_parts(item).unwrap_or_else(|| (item.clone(), Value::IntV(0)));
        self.fixed(&directive, &real)?;
        directive.at = true;
        directive.colon = false;
        self.fixed(&directive, &imaginary)?;
        self.put("i");
        Ok(())
    }

    /// ~$: digits, least digits before the point, width, padchar.
    fn money(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
        let digits = directive.unsigned(0, "digits")?.unwrap_or(2);
        let least = directive.unsigned(1, "mindig")?.unwrap_or(1);
        let field = Field {
            width: Some(directive.unsigned(2, "width")?.unwrap_or(0)),
            digits: Some(digits),
            overflow: None,
            fill: directive.character(3, ' '),
            plus: directive.at,
        };
        let text = match real(item)? {
            Text::Digits(text) => text,
            Text::Special(text) => {
                self.special(&text, &field, None);
                return Ok(());
            }
        };
        let mut decimal = Decimal::fixed(&text, 0).map_err(unfit)?;
        decimal.have_places(digits).map_err(unfit)?;
        let zeros = least.saturating_sub(decimal.before_point());
        let sign = match (decimal.negative, field.plus) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let length = decimal.length() + 1 + sign.len() + zeros;
        let padding = field.width.unwrap_or(0).saturating_sub(length);
        if directive.colon {
            self.put(sign);
            self.repeat(field.fill, padding);
        } else {
            self.repeat(field.fill, padding);
            self.put(sign);
        }
        let (before, behind) = decimal.parts();
        self.repeat('0', zeros);
        self.put(&before);
        self.put(".");
        self.put(&behind);
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

/// The clause of `~[` that the argument chooses.
fn choose<'c>(
    directive: &Directive,
    parts: &'c [Clause],
    arguments: &mut Arguments,
) -> Result<Option<&'c Clause>, Raise> {
    if directive.at {
        let item = arguments.take()?;
        if matches!(item, Value::BoolV(false)) {
            return Ok(None);
        }
        arguments.next -= 1;
        return Ok(parts.first());
    }
    if directive.colon {
        let truth = !matches!(arguments.take()?, Value::BoolV(false));
        return Ok(parts.get(usize::from(truth)));
    }
    let index = match directive.number(0) {
        Some(index) => index,
        None => match arguments.take()? {
            Value::IntV(index) => index as i64,
            other => return Err(fail("argument not a number: ~S", vec![other])),
        },
    };
    Ok(usize::try_from(index)
        .ok()
        .and_then(|index| parts.get(index))
        .or_else(|| parts.last().filter(|part| part.default)))
}

/// How a number is set.
struct Field {
    width: Option<usize>,
    digits: Option<usize>,
    /// What fills the width when the number does not fit.
    overflow: Option<char>,
    fill: char,
    /// A plus is written too.
    plus: bool,
}

impl Field {
    /// What ~f, ~e and ~g say of width and digits, and after those of their own, from
    /// parameter OVERFLOW on, of what fills.
    fn of(directive: &Directive, overflow: usize) -> Result<Field, Raise> {
        Ok(Field {
            width: directive.unsigned(0, "width")?,
            digits: directive.unsigned(1, "digits")?,
            overflow: directive.given_character(overflow),
            fill: directive.character(overflow + 1, ' '),
            plus: directive.at && !directive.colon,
        })
    }

    /// How many characters DECIMAL takes; one more with a ZERO before a bare point.
    fn length(&self, decimal: &Decimal, zero: bool) -> usize {
        decimal.length()
            + 1
            + usize::from(decimal.negative || self.plus)
            + usize::from(zero && decimal.before_point() == 0)
    }
}

/// The text of a number.
enum Text {
    Digits(String),
    /// An infinity, or what is no number.
    Special(String),
}

/// The text of ITEM, which is a number or the text of one.
fn real(item: &Value) -> Result<Text, Raise> {
    if let Value::StringV(string) = item {
        return Ok(Text::Digits(text::of(string).to_owned()));
    }
    match numbers::to_f64(item) {
        Some(float) if float.is_finite() => Ok(Text::Digits(numbers::float_text(float))),
        Some(float) => Ok(Text::Special(numbers::float_text(float))),
        // A complex number has a letter in its text, which nothing can be made of.
        None => match numbers::text(item, 10) {
            Some(text) => Ok(Text::Digits(text)),
            None => Err(fail(
                "argument is not a number or a number string",
                Vec::new(),
            )),
        },
    }
}

fn unfit(unfit: Unfit) -> Raise {
    match unfit {
        Unfit::Character(character) => fail(
            &format!("illegal character `{character}' in number->string"),
            Vec::new(),
        ),
        Unfit::TooLong => fail(
            "number is too long to format (enlarge format:fn-max)",
            Vec::new(),
        ),
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

const COMPLAINT: &str = "FORMAT: ";

fn is_complaint(args: &[Value]) -> bool {
    matches!(args.get(1), Some(Value::StringV(text)) if text.starts_with(COMPLAINT))
}

fn explained(complaint: &[Value], format: &Value) -> String {
    let message = crate::library::displayed(&complaint[1]);
    let mut message = message.trim_start_matches(COMPLAINT).to_owned();
    for value in pairs::items(&complaint[2]) {
        for mark in ["~~~A", "~S"] {
            if message.contains(mark) {
                let shown = crate::library::written(value);
                message = message.replacen(mark, &shown, 1);
                break;
            }
        }
    }
    format!(
        "FORMAT: error with call: (format … {} …)\n        {}\n",
        crate::library::written(format),
        message.replace("~~", "~")
    )
}

natives! {
    /// (format destination format argument …): a string when DESTINATION is #f, else nothing
    "format" (2, rest) with machine_and_ports => format,
}
