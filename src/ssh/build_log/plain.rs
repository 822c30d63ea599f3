//! A line without what terminals and wrappers add to it.

/// LINE without what commands a terminal.
pub(super) fn without_escapes(line: &str) -> std::borrow::Cow<'_, str> {
    if memchr::memchr2(0x1b, 0x08, line.as_bytes()).is_none() {
        return line.into();
    }
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{8}' => {
                out.pop();
            }
            '\u{1b}' => match letters.next() {
                // CSI: parameters, and then one letter.
                Some('[') => {
                    while letters
                        .next()
                        .is_some_and(|letter| !('\u{40}'..='\u{7e}').contains(&letter))
                    {
                    }
                }
                // OSC: a string that BEL or ST ends.
                Some(']') => {
                    while let Some(letter) = letters.next() {
                        if letter == '\u{7}' {
                            break;
                        }
                        if letter == '\u{1b}' {
                            letters.next_if_eq(&'\\');
                            break;
                        }
                    }
                }
                // A set of characters: one more letter.
                Some('(' | ')' | '#' | '%') => {
                    letters.next();
                }
                _ => {}
            },
            other => out.push(other),
        }
    }
    out.into()
}

/// LINE without the time that some wrappers put before each line:
/// `2026-11-30T05:00:00.0000000Z `, `[00:12:34] `, `Nov 30 05:00:00 `.
pub(super) fn without_time(line: &str) -> &str {
    let Some(first) = line.bytes().next() else {
        return line;
    };
    let text = match first {
        b'[' => &line[1..],
        b'0'..=b'9' | b'A'..=b'Z' => line,
        _ => return line,
    };
    let mut rest = text;
    let mut dated = false;
    // A day of the week, a month, a day, a year or date; then the time of day.
    for _ in 0..5 {
        let end = rest.find([' ', ']']).unwrap_or(rest.len());
        let word = &rest[..end];
        let behind = &rest[end..];
        if is_time(word) {
            return match (first, behind.strip_prefix("] "), behind.strip_prefix(' ')) {
                (b'[', Some(said), _) => said,
                (b'0'..=b'9' | b'A'..=b'Z', _, Some(said)) => said,
                _ => line,
            };
        }
        dated = is_date(word, dated);
        let Some(behind) = behind.strip_prefix(' ').filter(|_| dated) else {
            return line;
        };
        rest = behind.trim_start_matches(' ');
    }
    line
}

/// Whether WORD is a time of day, behind its date or not: `05:00:00`,
/// `05:00:00.123`, `2026-11-30T05:00:00Z`.
fn is_time(word: &str) -> bool {
    let time = match word.split_once('T') {
        Some((date, time)) if is_date(date, false) => time,
        _ => word,
    };
    let bytes = time.as_bytes();
    bytes.len() >= 8
        && b"00:00:00"
            .iter()
            .zip(bytes)
            .all(|(form, byte)| match form {
                b'0' => byte.is_ascii_digit(),
                form => form == byte,
            })
        && bytes[8..]
            .iter()
            .all(|byte| byte.is_ascii_digit() || b".,+-:Z".contains(byte))
        && !time.ends_with(':')
}

/// Whether WORD is a date or, behind another one when DATED, a part of it.
fn is_date(word: &str, dated: bool) -> bool {
    const NAMES: [&str; 19] = [
        "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let word = word.trim_end_matches(',');
    let numbers: Vec<&str> = word.split(['-', '/']).collect();
    let digits = numbers
        .iter()
        .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    NAMES.contains(&word)
        || (digits && numbers.len() == 3)
        || (digits && dated && numbers.len() == 1 && word.len() <= 4)
}
