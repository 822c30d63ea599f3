//! Decimal digits as the directives of `(ice-9 format)` move, cut and round them.
//!
//! Guile works on the text of a number, and where a number ends in zeros, or
//! begins with them, its results show it. So do these.

/// No number has more digits than this, as in Guile.
const MOST_DIGITS: usize = 400;

/// The digits of a number: `dot` of them stand before the point.
#[derive(Debug, Clone)]
pub struct Decimal {
    pub negative: bool,
    digits: Vec<u8>,
    dot: usize,
    /// The power of ten beside the digits; 0 where there is none.
    pub exponent: i64,
}

/// Why a text has no digits to print.
#[derive(Debug)]
pub enum Unfit {
    /// It has a character that no number has.
    Character(char),
    TooLong,
}

/// What was read of a text, before it is brought into a form.
struct Parsed {
    decimal: Decimal,
    leading_zeros: usize,
    zero: bool,
    has_exponent: bool,
}

fn parse(text: &str) -> Result<Parsed, Unfit> {
    let mut decimal = Decimal {
        negative: false,
        digits: Vec::new(),
        dot: 0,
        exponent: 0,
    };
    let (mut dot, mut leading_zeros, mut zero) = (None, 0, true);
    let mut exponent: Option<String> = None;
    let mut exponent_is_negative = false;
    for character in text.chars() {
        match (character, &mut exponent) {
            ('0'..='9', Some(exponent)) => exponent.push(character),
            ('0'..='9', None) => {
                zero &= character == '0';
                leading_zeros += usize::from(zero);
                decimal.digits.push(character as u8 - b'0');
            }
            ('+' | '-', None) => decimal.negative = character == '-',
            ('+' | '-', Some(_)) => exponent_is_negative = character == '-',
            ('.', _) => dot = Some(decimal.digits.len()),
            ('e' | 'E', _) => exponent = Some(exponent.take().unwrap_or_default()),
            ('d' | '#', _) => {}
            (space, _) if space.is_whitespace() => {}
            (other, _) => return Err(Unfit::Character(other)),
        }
    }
    if decimal.digits.len() > MOST_DIGITS {
        return Err(Unfit::TooLong);
    }
    decimal.dot = dot.unwrap_or(decimal.digits.len());
    if zero {
        leading_zeros = 0;
        decimal.dot = 0;
        decimal.digits = vec![0];
    }
    let has_exponent = exponent.as_ref().is_some_and(|text| !text.is_empty());
    let exponent = exponent.map_or(0, |text| text.parse::<i64>().unwrap_or(0));
    decimal.exponent = if exponent_is_negative {
        -exponent
    } else {
        exponent
    };
    Ok(Parsed {
        decimal,
        leading_zeros,
        zero,
        has_exponent,
    })
}

impl Decimal {
    /// TEXT without an exponent, times ten to the power of SCALE.
    pub fn fixed(text: &str, scale: i64) -> Result<Decimal, Unfit> {
        let Parsed {
            mut decimal,
            mut leading_zeros,
            zero,
            has_exponent,
        } = parse(text)?;
        if leading_zeros > 0 && decimal.dot > 0 {
            let gone = leading_zeros.min(decimal.dot);
            decimal.digits.drain(..gone);
            decimal.dot -= gone;
            leading_zeros -= gone;
        }
        let shift = scale.saturating_add(decimal.exponent);
        decimal.exponent = 0;
        if zero || scale == 0 && !has_exponent {
            return Ok(decimal);
        }
        let length = decimal.digits.len();
        let dot = (decimal.dot as i64).saturating_add(shift);
        if dot > length as i64 {
            decimal.append_zeros(dot as usize - length)?;
            decimal.dot = decimal.digits.len();
        } else if dot < 0 {
            decimal.prepend_zeros(dot.unsigned_abs() as usize)?;
            decimal.dot = 0;
        } else if leading_zeros > 0 {
            let shift = shift.max(0) as usize;
            let gone = leading_zeros.min(shift);
            decimal.digits.drain(..gone);
            decimal.dot = shift - gone;
        } else {
            decimal.dot = dot as usize;
        }
        Ok(decimal)
    }

    /// TEXT with an exponent, which leaves SCALE digits before the point.
    pub fn with_exponent(text: &str, scale: i64) -> Result<Decimal, Unfit> {
        let Parsed {
            mut decimal,
            leading_zeros,
            zero,
            ..
        } = parse(text)?;
        let below_one = if leading_zeros > 0 {
            leading_zeros as i64 - decimal.dot as i64 + 1
        } else {
            i64::from(decimal.dot == 0)
        };
        if leading_zeros > 0 {
            decimal.digits.drain(..leading_zeros);
            decimal.dot = 1;
        } else if decimal.dot == 0 {
            decimal.dot = 1;
        }
        decimal.exponent += decimal.dot as i64 - scale - below_one;
        if zero {
            decimal.exponent = 0;
            decimal.dot = 1;
        } else if scale < 0 {
            decimal.prepend_zeros(scale.unsigned_abs() as usize)?;
            decimal.dot = 0;
        } else {
            let missing = (scale as usize).saturating_sub(decimal.dot);
            decimal.append_zeros(missing)?;
            decimal.dot = scale as usize;
        }
        Ok(decimal)
    }

    fn append_zeros(&mut self, count: usize) -> Result<(), Unfit> {
        if count > MOST_DIGITS - self.digits.len().min(MOST_DIGITS) {
            return Err(Unfit::TooLong);
        }
        self.digits.resize(self.digits.len() + count, 0);
        Ok(())
    }

    fn prepend_zeros(&mut self, count: usize) -> Result<(), Unfit> {
        if count > MOST_DIGITS - self.digits.len().min(MOST_DIGITS) {
            return Err(Unfit::TooLong);
        }
        self.digits.splice(0..0, std::iter::repeat_n(0, count));
        Ok(())
    }

    /// How many digits there are.
    pub fn length(&self) -> usize {
        self.digits.len()
    }

    /// How many digits stand before the point.
    pub fn before_point(&self) -> usize {
        self.dot
    }

    /// How many digits stand behind the point.
    pub fn behind_point(&self) -> usize {
        self.digits.len().saturating_sub(self.dot)
    }

    /// How many zeros it begins with; none when it is zero.
    pub fn leading_zeros(&self) -> usize {
        self.digits
            .iter()
            .position(|digit| *digit != 0)
            .unwrap_or(0)
    }

    /// Have PLACES digits behind the point.
    pub fn have_places(&mut self, places: usize) -> Result<(), Unfit> {
        match places.checked_sub(self.behind_point()) {
            Some(missing) => self.append_zeros(missing)?,
            None => self.round(places),
        }
        Ok(())
    }

    /// Keep PLACES digits behind the point, of which there are more; half is rounded up.
    pub fn round(&mut self, places: usize) {
        let keep = places + self.dot;
        let Some(first) = self.digits.get(keep) else {
            return;
        };
        let up = *first >= 5;
        self.digits.truncate(keep);
        if !up {
            return;
        }
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
        self.dot += 1;
    }

    /// Take away the zeros at the end, except for one behind the point.
    pub fn strip(&mut self) {
        self.digits.push(0);
        while self.digits.len() > self.dot + 1 && self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }

    /// The digits before the point, and those behind it.
    pub fn parts(&self) -> (String, String) {
        let text = |digits: &[u8]| {
            digits
                .iter()
                .map(|digit| char::from(b'0' + digit))
                .collect()
        };
        let (before, behind) = self.digits.split_at(self.dot.min(self.digits.len()));
        (text(before), text(behind))
    }
}

#[cfg(test)]
mod tests {
    use crate::library::decimals::Decimal;

    fn shown(decimal: &Decimal) -> String {
        let (before, behind) = decimal.parts();
        format!("{before}.{behind}")
    }

    #[test]
    fn numbers_are_rounded_by_their_decimal_digits() {
        for (number, places, wanted) in [
            ("3.15159", 2, "3.15"),
            ("2.675", 2, "2.68"),
            ("0.005", 2, ".01"),
            ("99.999", 2, "100.00"),
            ("1.5", 0, "2."),
            ("1.0e-9", 3, ".000"),
            ("0.0", 2, ".00"),
            ("12", 2, "12.00"),
        ] {
            let mut decimal = Decimal::fixed(number, 0).expect("it is a number");
            decimal.have_places(places).expect("it is short");
            assert_eq!(shown(&decimal), wanted, "{number}");
        }
    }

    #[test]
    fn an_exponent_leaves_as_many_digits_before_the_point_as_asked() {
        for (number, scale, wanted, exponent) in [
            ("31415.9", 1, "3.14159", 4),
            ("0.00123", 1, "1.23", -3),
            ("123.0", 2, "12.30", 1),
            ("1.0e21", 1, "1.0", 21),
            ("0.0", 1, "0.", 0),
        ] {
            let decimal = Decimal::with_exponent(number, scale).expect("it is a number");
            assert_eq!(
                (shown(&decimal).as_str(), decimal.exponent),
                (wanted, exponent)
            );
        }
    }
}
