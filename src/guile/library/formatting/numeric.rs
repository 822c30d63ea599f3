//! The directives that print numbers: `~D ~B ~O ~X ~R ~F ~E ~G ~I ~$`.

use super::complaints::fail;
use super::directives::{Directive, Parameter};
use super::{Arguments, Formatter};
use crate::data::native::Raise;
use crate::data::numbers::{self, Number};
use crate::data::strings as text;
use crate::data::value::Value;
use crate::library::decimals::{Decimal, Unfit};
use crate::library::numerals;

impl Formatter<'_, '_> {
    /// ~d ~b ~o ~x: mincol, padchar, commachar, commawidth, from parameter FIRST on.
    pub(super) fn integer(
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

    pub(super) fn radix(
        &mut self,
        directive: &Directive,
        arguments: &mut Arguments,
    ) -> Result<(), Raise> {
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
    pub(super) fn fixed(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
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
    pub(super) fn localized(
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
    pub(super) fn exponential(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
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
    pub(super) fn general(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
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
    pub(super) fn complex(&mut self, mut directive: Directive, item: &Value) -> Result<(), Raise> {
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
    pub(super) fn money(&mut self, directive: &Directive, item: &Value) -> Result<(), Raise> {
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
    pub(super) fn of(directive: &Directive, overflow: usize) -> Result<Field, Raise> {
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
