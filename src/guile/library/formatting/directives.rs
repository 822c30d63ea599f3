//! The text between `~` and the end of a directive: parameters, flags, brackets.

use super::Arguments;
use super::complaints::fail;
use crate::data::native::Raise;
use crate::data::value::{Value, string_value};

/// A parameter between `~` and the directive.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter {
    Absent,
    Number(i64),
    Character(char),
}

pub(super) struct Directive {
    pub(super) name: char,
    pub(super) parameters: Vec<Parameter>,
    pub(super) colon: bool,
    pub(super) at: bool,
}

impl Directive {
    pub(super) fn number(&self, index: usize) -> Option<i64> {
        match self.parameters.get(index) {
            Some(Parameter::Number(number)) => Some(*number),
            Some(Parameter::Character(character)) => Some(*character as i64),
            _ => None,
        }
    }

    pub(super) fn size(&self, index: usize, default: usize) -> usize {
        self.number(index)
            .map_or(default, |number| number.clamp(0, 1 << 24) as usize)
    }

    /// Parameter INDEX, called NAME, which may not be negative.
    pub(super) fn unsigned(&self, index: usize, name: &str) -> Result<Option<usize>, Raise> {
        match self.number(index) {
            Some(number) if number < 0 => Err(fail(
                "~S parameter must be a positive integer",
                vec![string_value(name)],
            )),
            number => Ok(number.map(|number| number.min(1 << 24) as usize)),
        }
    }

    pub(super) fn given_character(&self, index: usize) -> Option<char> {
        match self.parameters.get(index) {
            Some(Parameter::Character(character)) => Some(*character),
            Some(Parameter::Number(code)) => u32::try_from(*code).ok().and_then(char::from_u32),
            _ => None,
        }
    }

    pub(super) fn character(&self, index: usize, default: char) -> char {
        self.given_character(index).unwrap_or(default)
    }
}

/// Read the directive after the tilde at POSITION - 1, when it is whole.
pub(super) fn directive(
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
pub(super) struct Clause {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) default: bool,
}

/// What stands between an opening directive and the one that closes it.
pub(super) struct Bracket {
    pub(super) parts: Vec<Clause>,
    pub(super) close: Directive,
    /// Whether a `~^` is among it.
    pub(super) stops: bool,
}

/// Find the parts of the bracket that has just been opened, up to CLOSE.
pub(super) fn bracket(
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

/// The clause of `~[` that the argument chooses.
pub(super) fn choose<'c>(
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
