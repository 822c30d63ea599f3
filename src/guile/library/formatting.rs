//! `format`, with the directives of `(ice-9 format)`.
//!
//! Source: GNU Guile reference manual, "Formatted Output".

use super::characters;
use super::numbers::{self, Number};
use super::port_natives::deliver;
use super::ports;
use super::printer::{self, Style};
use super::strings;
use super::text;
use crate::guile::natives::{Machine, Outcome, Raise};
use crate::guile::pairs;
use crate::guile::value::{Value, string_value};
use crate::natives;

/// How deep `~{`, `~[` and `~?` may nest.
const DEPTH_LIMIT: usize = 200;

fn fail(message: &str, args: Vec<Value>) -> Raise {
    Raise::throw(
        "misc-error",
        vec![
            Value::BoolV(false),
            string_value(format!("{COMPLAINT}{message}")),
            pairs::list(args),
            Value::BoolV(false),
        ],
    )
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

    fn character(&self, index: usize, default: char) -> char {
        match self.parameters.get(index) {
            Some(Parameter::Character(character)) => *character,
            Some(Parameter::Number(code)) => u32::try_from(*code)
                .ok()
                .and_then(char::from_u32)
                .unwrap_or(default),
            _ => default,
        }
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

/// Read the directive after the tilde at POSITION - 1.
fn directive(
    format: &[char],
    position: &mut usize,
    arguments: &mut Arguments,
) -> Result<Directive, Raise> {
    let mut parameters = Vec::new();
    let (mut colon, mut at) = (false, false);
    let mut pending = Parameter::Absent;
    let mut any = false;
    loop {
        let Some(&character) = format.get(*position) else {
            return Err(fail("tilde at the end of the format string", Vec::new()));
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
                return Ok(Directive {
                    name: name.to_ascii_lowercase(),
                    parameters,
                    colon,
                    at,
                });
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
        let directive = directive(format, position, &mut nothing)?;
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

            let directive = directive(format, &mut position, arguments)?;
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
                'f' => self.fixed(&directive, arguments)?,
                'h' => self.localized(directive, arguments)?,
                'e' => self.exponential(&directive, arguments)?,
                'g' => self.general(&directive, arguments)?,
                '$' => self.money(&directive, arguments)?,
                'i' => {
                    let item = arguments.take()?;
                    self.put(&numbers::text(&item, 10).unwrap_or_default());
                }
                'c' => {
                    let item = arguments.take()?;
                    let Value::CharV(character) = item else {
                        return Err(fail("~~c expects a character: ~S", vec![item]));
                    };
                    if directive.at {
                        self.put(&characters::written(character));
                    } else if directive.colon {
                        // A control character as the key that is held down with it.
                        match character as u32 {
                            code @ 0..=31 => {
                                self.put_character('^');
                                self.put_character((b'@' + code as u8) as char);
                            }
                            127 => self.put("#\\del"),
                            _ => self.put_character(character),
                        }
                    } else {
                        self.put_character(character);
                    }
                }
                'p' => {
                    if directive.colon {
                        arguments.next = arguments.next.saturating_sub(1);
                    }
                    let one = matches!(arguments.take()?, Value::IntV(1));
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
                    if directive.at {
                        self.put_character('\n');
                    }
                    if !directive.colon {
                        while format
                            .get(position)
                            .is_some_and(|c| c.is_whitespace() && *c != '\n')
                        {
                            position += 1;
                        }
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
        let text = printer::with_machine(self.machine, &item, style)?;
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
        let Some(digits) = numbers::text(&item, radix) else {
            return Err(fail("argument not a number: ~S", vec![item]));
        };
        let (negative, digits) = match digits.strip_prefix('-') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, digits),
        };
        let digits = if directive.colon && digits.chars().all(|c| c.is_ascii_alphanumeric()) {
            let comma = directive.character(first + 2, ',');
            let group = directive.size(first + 3, 3).max(1);
            let mut grouped = String::new();
            let count = digits.len();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (count - index) % group == 0 {
                    grouped.push(comma);
                }
                grouped.push(digit);
            }
            grouped
        } else {
            digits
        };
        let sign = if negative {
            "-"
        } else if directive.at {
            "+"
        } else {
            ""
        };
        let text = format!("{sign}{digits}");
        let width = directive.size(first, 0);
        let fill = directive.character(first + 1, ' ');
        self.repeat(fill, width.saturating_sub(text.chars().count()));
        self.put(&text);
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
        let number = match &item {
            Value::IntV(number) => *number,
            _ => return Err(fail("argument not an integer: ~S", vec![item])),
        };
        let text = match (directive.at, directive.colon) {
            (true, old) => roman(number, old),
            (false, false) => Some(cardinal(number)),
            (false, true) => Some(ordinal(number)),
        };
        match text {
            Some(text) => self.put(&text),
            None => self.put(&number.to_string()),
        }
        Ok(())
    }

    /// A real argument's sign and decimal digits, or its text when it has none.
    fn real(&mut self, arguments: &mut Arguments) -> Result<Result<Decimal, String>, Raise> {
        let item = arguments.take()?;
        match &item {
            Value::StringV(string) => {
                let text = text::of(string);
                match crate::guile::reader::parse_number(text, 10)
                    .as_ref()
                    .and_then(numbers::to_f64)
                {
                    Some(float) if float.is_finite() => Ok(Ok(Decimal::of(float))),
                    Some(_) => Ok(Err(text.to_owned())),
                    None => Err(fail(
                        "argument is not a number or a number string: ~S",
                        vec![item.clone()],
                    )),
                }
            }
            other => match numbers::number(other) {
                Some(Number::Complex(..)) | None => {
                    Err(fail("argument not a real number: ~S", vec![item.clone()]))
                }
                Some(_) => {
                    let float = numbers::to_f64(other).unwrap_or(0.0);
                    if float.is_finite() {
                        Ok(Ok(Decimal::of(float)))
                    } else {
                        Ok(Err(numbers::float_text(float)))
                    }
                }
            },
        }
    }

    fn pad(&mut self, text: &str, width: Option<i64>, fill: char, overflow: Option<char>) {
        let length = text.chars().count();
        let width = width.map_or(0, |width| width.clamp(0, 1 << 24) as usize);
        match overflow {
            Some(character) if width > 0 && length > width => self.repeat(character, width),
            _ => {
                self.repeat(fill, width.saturating_sub(length));
                self.put(text);
            }
        }
    }

    /// ~f: width, digits, scale, overflowchar, padchar.
    fn fixed(&mut self, directive: &Directive, arguments: &mut Arguments) -> Result<(), Raise> {
        let width = directive.number(0);
        let fill = directive.character(4, ' ');
        let overflow = match directive.parameters.get(3) {
            Some(Parameter::Character(character)) => Some(*character),
            _ => None,
        };
        let mut decimal = match self.real(arguments)? {
            Ok(decimal) => decimal,
            Err(text) => {
                self.pad(&text, width, fill, overflow);
                return Ok(());
            }
        };
        decimal.point += directive.number(2).unwrap_or(0);
        let mut digits = directive
            .number(1)
            .map(|digits| digits.clamp(0, 1 << 16) as usize);
        if let Some(digits) = digits {
            decimal.round(digits as i64);
        } else if let Some(width) = width {
            // As many digits as there is room for; all where there is too little anyway.
            let whole = decimal.point.max(1) + i64::from(decimal.negative || directive.at) + 1;
            let room = width - whole;
            if room >= 0 && decimal.fraction_digits() as i64 > room {
                decimal.round(room);
                digits = (room == 0).then_some(0);
            }
        }
        let mut text = decimal.fixed(digits);
        if directive.at && !decimal.negative {
            text.insert(0, '+');
        }
        if let Some(width) = width
            && text.chars().count() as i64 > width
            && (text.starts_with("0.") || text.starts_with("-0."))
        {
            text = text.replacen("0.", ".", 1);
        }
        self.pad(&text, width, fill, overflow);
        Ok(())
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
        self.fixed(&directive, arguments)?;
        if directive.colon {
            arguments.take()?;
        }
        Ok(())
    }

    /// ~e: width, digits, exponent digits, scale, overflowchar, padchar, exponentchar.
    fn exponential(
        &mut self,
        directive: &Directive,
        arguments: &mut Arguments,
    ) -> Result<(), Raise> {
        let width = directive.number(0);
        let fill = directive.character(5, ' ');
        let overflow = match directive.parameters.get(4) {
            Some(Parameter::Character(character)) => Some(*character),
            _ => None,
        };
        let mut decimal = match self.real(arguments)? {
            Ok(decimal) => decimal,
            Err(text) => {
                self.pad(&text, width, fill, overflow);
                return Ok(());
            }
        };
        let scale = directive.number(3).unwrap_or(1);
        let mut exponent = if decimal.is_zero() {
            0
        } else {
            decimal.point - scale
        };
        decimal.point = if decimal.is_zero() { 1 } else { scale };
        let digits = directive
            .number(1)
            .map(|digits| digits.clamp(0, 1 << 16) as usize);
        if let Some(digits) = digits {
            let places = if scale > 0 {
                digits as i64 - (scale - 1)
            } else {
                digits as i64
            };
            decimal.round(places.max(0));
            if decimal.point > scale && !decimal.is_zero() {
                decimal.point = scale;
                exponent += 1;
            }
            let places = places.max(0) as usize;
            let mantissa = decimal.fixed(Some(places));
            return {
                self.finish_exponential(
                    directive, &decimal, mantissa, exponent, width, fill, overflow,
                );
                Ok(())
            };
        }
        let mantissa = decimal.fixed(None);
        self.finish_exponential(
            directive, &decimal, mantissa, exponent, width, fill, overflow,
        );
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // One caller's parts of one number.
    fn finish_exponential(
        &mut self,
        directive: &Directive,
        decimal: &Decimal,
        mut mantissa: String,
        exponent: i64,
        width: Option<i64>,
        fill: char,
        overflow: Option<char>,
    ) {
        if directive.at && !decimal.negative {
            mantissa.insert(0, '+');
        }
        let mark = directive.character(6, 'E');
        let size = directive.size(2, 1);
        let sign = if exponent < 0 { '-' } else { '+' };
        let text = format!("{mantissa}{mark}{sign}{:0size$}", exponent.abs());
        self.pad(&text, width, fill, overflow);
    }

    /// ~g: as ~f with room for an exponent when the number is of ordinary size, else as ~e.
    fn general(&mut self, directive: &Directive, arguments: &mut Arguments) -> Result<(), Raise> {
        let item = arguments
            .items
            .get(arguments.next)
            .cloned()
            .unwrap_or(Value::Void);
        let size = numbers::to_f64(&item).unwrap_or(0.0).abs();
        let digits = directive.number(1);
        let ordinary = size == 0.0 || (0.1..1e7).contains(&size);
        if !ordinary {
            return self.exponential(directive, arguments);
        }
        let exponent_room = directive.number(2).map_or(4, |digits| digits + 2);
        let whole = if size == 0.0 {
            1
        } else {
            size.log10().floor() as i64 + 1
        };
        let fixed = Directive {
            name: 'f',
            parameters: vec![
                directive.number(0).map_or(Parameter::Absent, |width| {
                    Parameter::Number((width - exponent_room).max(0))
                }),
                digits.map_or(Parameter::Absent, |digits| {
                    Parameter::Number((digits - whole).max(0))
                }),
            ],
            colon: false,
            at: directive.at,
        };
        self.fixed(&fixed, arguments)?;
        self.repeat(' ', exponent_room as usize);
        Ok(())
    }

    /// ~$: digits, least digits before the point, width, padchar.
    fn money(&mut self, directive: &Directive, arguments: &mut Arguments) -> Result<(), Raise> {
        let digits = directive.size(0, 2);
        let whole = directive.size(1, 1);
        let width = directive.size(2, 0);
        let fill = directive.character(3, ' ');
        let mut decimal = match self.real(arguments)? {
            Ok(decimal) => decimal,
            Err(text) => {
                self.pad(&text, Some(width as i64), fill, None);
                return Ok(());
            }
        };
        decimal.round(digits as i64);
        let negative = decimal.negative;
        decimal.negative = false;
        let mut text = decimal.fixed(Some(digits));
        let before = text.find('.').unwrap_or(text.len());
        text.insert_str(0, &"0".repeat(whole.saturating_sub(before)));
        let sign = if negative {
            "-"
        } else if directive.at {
            "+"
        } else {
            ""
        };
        let padding = width.saturating_sub(text.len() + sign.len());
        if directive.colon {
            self.put(sign);
            self.repeat(fill, padding);
        } else {
            self.repeat(fill, padding);
            self.put(sign);
        }
        self.put(&text);
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

/// A real number as decimal digits: 0.DIGITS times ten to the power of POINT.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn of(number: f64) -> Decimal {
        let scientific = format!("{:e}", number.abs());
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let digits: Vec<u8> = mantissa
            .bytes()
            .filter(u8::is_ascii_digit)
            .map(|digit| digit - b'0')
            .collect();
        let zero = digits.iter().all(|digit| *digit == 0);
        Decimal {
            negative: number.is_sign_negative(),
            digits: if zero { Vec::new() } else { digits },
            point: if zero {
                0
            } else {
                exponent.parse::<i64>().unwrap_or(0) + 1
            },
        }
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn fraction_digits(&self) -> usize {
        (self.digits.len() as i64 - self.point).max(0) as usize
    }

    /// Keep PLACES digits behind the point; half is rounded up.
    fn round(&mut self, places: i64) {
        let keep = self.point + places;
        if keep < 0 {
            self.digits.clear();
            self.point = 0;
            return;
        }
        let keep = keep as usize;
        if keep >= self.digits.len() {
            return;
        }
        let up = self.digits[keep] >= 5;
        self.digits.truncate(keep);
        if up {
            let mut index = keep;
            loop {
                if index == 0 {
                    self.digits.insert(0, 1);
                    self.point += 1;
                    break;
                }
                index -= 1;
                if self.digits[index] == 9 {
                    self.digits[index] = 0;
                } else {
                    self.digits[index] += 1;
                    break;
                }
            }
        }
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 0;
        }
    }

    /// The digits with a point; PLACES behind it, or as many as there are.
    fn fixed(&self, places: Option<usize>) -> String {
        let digit = |index: i64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| self.digits.get(index))
                .map_or('0', |digit| (b'0' + digit) as char)
        };
        let mut text = String::new();
        if self.negative {
            text.push('-');
        }
        if self.point <= 0 {
            text.push('0');
        }
        for index in 0..self.point {
            text.push(digit(index));
        }
        text.push('.');
        let places = places.unwrap_or_else(|| self.fraction_digits().max(1));
        for place in 0..places as i64 {
            text.push(digit(self.point + place));
        }
        text
    }
}

fn roman(number: isize, old: bool) -> Option<String> {
    if !(1..5000).contains(&number) {
        return None;
    }
    const OLD: &[(isize, &str)] = &[
        (1000, "M"),
        (500, "D"),
        (100, "C"),
        (50, "L"),
        (10, "X"),
        (5, "V"),
        (1, "I"),
    ];
    const NEW: &[(isize, &str)] = &[
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = number;
    let mut text = String::new();
    for (value, letters) in if old { OLD } else { NEW } {
        while rest >= *value {
            text.push_str(letters);
            rest -= value;
        }
    }
    Some(text)
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const GROUPS: [&str; 7] = [
    "",
    "thousand",
    "million",
    "billion",
    "trillion",
    "quadrillion",
    "quintillion",
];

fn below_thousand(number: usize) -> String {
    let mut words = Vec::new();
    if number >= 100 {
        words.push(format!("{} hundred", SMALL[number / 100]));
    }
    let rest = number % 100;
    if rest >= 20 {
        let tens = TENS[rest / 10];
        words.push(match rest % 10 {
            0 => tens.to_owned(),
            ones => format!("{tens}-{}", SMALL[ones]),
        });
    } else if rest > 0 {
        words.push(SMALL[rest].to_owned());
    }
    words.join(" ")
}

fn cardinal(number: isize) -> String {
    if number == 0 {
        return SMALL[0].to_owned();
    }
    let mut rest = number.unsigned_abs();
    let mut groups = Vec::new();
    let mut index = 0;
    while rest > 0 {
        let group = rest % 1000;
        if group > 0 {
            let words = below_thousand(group);
            groups.push(if index == 0 {
                words
            } else {
                format!("{words} {}", GROUPS[index])
            });
        }
        rest /= 1000;
        index += 1;
    }
    groups.reverse();
    let text = groups.join(", ");
    if number < 0 {
        format!("minus {text}")
    } else {
        text
    }
}

fn ordinal(number: isize) -> String {
    let text = cardinal(number);
    let split = text.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (front, last) = text.split_at(split);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        word => match word.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{word}th"),
        },
    };
    format!("{front}{last}")
}

/// (format destination format argument …), or without destination.
fn format(machine: &mut Machine, args: &[Value]) -> Outcome {
    let complain = |message: &str, what: &Value| {
        Err(Raise::throw(
            "misc-error",
            vec![
                Value::BoolV(false),
                string_value(message),
                pairs::list([what.clone()]),
                Value::BoolV(false),
            ],
        ))
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
        case: None,
    };
    let mut arguments = Arguments {
        items: args[2..].to_vec(),
        next: 0,
    };
    let ran = formatter.run(&format, &mut arguments);
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
            Err(Raise::throw(
                "misc-error",
                vec![
                    Value::BoolV(false),
                    string_value("error in format"),
                    pairs::nil(),
                    Value::BoolV(false),
                ],
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
    let message = super::displayed(&complaint[1]);
    let mut message = message.trim_start_matches(COMPLAINT).to_owned();
    for value in pairs::items(&complaint[2]) {
        for mark in ["~~~A", "~S"] {
            if message.contains(mark) {
                let shown = super::written(value);
                message = message.replacen(mark, &shown, 1);
                break;
            }
        }
    }
    format!(
        "FORMAT: error with call: (format … {} …)\n        {}\n",
        super::written(format),
        message.replace("~~", "~")
    )
}

natives! {
    /// (format destination format argument …): a string when DESTINATION is #f, else nothing
    "format" (2, rest) with machine_and_ports => format,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_by_their_decimal_digits() {
        for (number, places, wanted) in [
            (3.15159, 2, "3.15"),
            (2.675, 2, "2.68"),
            (0.005, 2, "0.01"),
            (99.999, 2, "100.00"),
            (-1.5, 0, "-2."),
            (1e-9, 3, "0.000"),
        ] {
            let mut decimal = Decimal::of(number);
            decimal.round(places);
            assert_eq!(decimal.fixed(Some(places as usize)), wanted);
        }
    }

    #[test]
    fn numbers_have_english_and_roman_names() {
        assert_eq!(
            cardinal(1_234_567),
            "one million, two hundred thirty-four thousand, five hundred sixty-seven"
        );
        assert_eq!(ordinal(22), "twenty-second");
        assert_eq!(ordinal(40), "fortieth");
        assert_eq!(roman(1994, false).as_deref(), Some("MCMXCIV"));
    }
}
