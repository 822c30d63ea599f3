//! Numbers in English words and in Roman letters.

const OLD_ROMAN: &[(u64, &str)] = &[
    (1000, "M"),
    (500, "D"),
    (100, "C"),
    (50, "L"),
    (10, "X"),
    (5, "V"),
    (1, "I"),
];

const ROMAN: &[(u64, &str)] = &[
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

const THOUSANDS: [&str; 22] = [
    "",
    " thousand",
    " million",
    " billion",
    " trillion",
    " quadrillion",
    " quintillion",
    " sextillion",
    " septillion",
    " octillion",
    " nonillion",
    " decillion",
    " undecillion",
    " duodecillion",
    " tredecillion",
    " quattuordecillion",
    " quindecillion",
    " sexdecillion",
    " septendecillion",
    " octodecillion",
    " novemdecillion",
    " vigintillion",
];

/// NUMBER in Roman letters; in the OLD way no letter is subtracted.
pub fn roman(number: u64, old: bool) -> String {
    let mut rest = number;
    let mut text = String::new();
    for (value, letters) in if old { OLD_ROMAN } else { ROMAN } {
        while rest >= *value {
            text.push_str(letters);
            rest -= value;
        }
    }
    text
}

fn below_hundred(number: usize) -> String {
    match (number / 10, number % 10) {
        (0 | 1, _) => SMALL[number].to_owned(),
        (tens, 0) => TENS[tens].to_owned(),
        (tens, ones) => format!("{}-{}", TENS[tens], SMALL[ones]),
    }
}

fn below_thousand(number: usize) -> String {
    match (number / 100, number % 100) {
        (0, rest) => below_hundred(rest),
        (hundreds, 0) => format!("{} hundred", SMALL[hundreds]),
        (hundreds, rest) => format!("{} hundred {}", SMALL[hundreds], below_hundred(rest)),
    }
}

/// The number that the decimal digits of TEXT, perhaps after a minus, are, in words.
pub fn cardinal(text: &str) -> String {
    if let Some(text) = text.strip_prefix('-') {
        return format!("minus {}", cardinal(text));
    }
    let digits = text.trim_start_matches('0');
    if digits.is_empty() {
        return SMALL[0].to_owned();
    }
    let groups = digits.len().div_ceil(3);
    let mut words = Vec::new();
    for group in (0..groups).rev() {
        let end = digits.len() - group * 3;
        let value: usize = digits[end.saturating_sub(3)..end].parse().unwrap_or(0);
        if value > 0 {
            words.push(match THOUSANDS.get(group) {
                Some(name) => format!("{}{name}", below_thousand(value)),
                None => format!(
                    "{} times ten to the {} power",
                    below_thousand(value),
                    ordinal(&(group * 3).to_string())
                ),
            });
        }
    }
    words.join(", ")
}

/// The place in a row that the digits of TEXT, perhaps after a minus, are, in words.
pub fn ordinal(text: &str) -> String {
    if let Some(text) = text.strip_prefix('-') {
        return format!("minus {}", ordinal(text));
    }
    let split = text.len().saturating_sub(2);
    let (hundreds, rest) = text.split_at(split);
    let rest: usize = rest.parse().unwrap_or(0);
    let hundreds = if hundreds.bytes().all(|digit| digit == b'0') {
        None
    } else {
        Some(cardinal(&format!("{hundreds}00")))
    };
    match (hundreds, rest) {
        (Some(hundreds), 0) => format!("{hundreds}th"),
        (Some(hundreds), rest) => format!("{hundreds} {}", small_ordinal(rest)),
        (None, rest) => small_ordinal(rest),
    }
}

/// The word for place NUMBER, which is less than a hundred.
fn small_ordinal(number: usize) -> String {
    let text = below_hundred(number);
    let split = text.rfind('-').map_or(0, |at| at + 1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_english_and_roman_names() {
        assert_eq!(
            cardinal("1234567"),
            "one million, two hundred thirty-four thousand, five hundred sixty-seven"
        );
        assert_eq!(cardinal("-100"), "minus one hundred");
        for (number, wanted) in [
            ("0", "zeroth"),
            ("22", "twenty-second"),
            ("40", "fortieth"),
            ("100", "one hundredth"),
            ("1001", "one thousand first"),
        ] {
            assert_eq!(ordinal(number), wanted);
        }
        assert_eq!(roman(1994, false), "MCMXCIV");
        assert_eq!(roman(4, true), "IIII");
    }
}
