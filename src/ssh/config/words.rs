//! The words of a line of ssh_config(5), and the patterns in them.
//!
//! Source: OpenSSH's misc.c (`strdelim`, `argv_split`) and match.c.

/// The blanks between words.
const BLANKS: [u8; 4] = *b" \t\r\n";

fn is_blank(byte: u8) -> bool {
    BLANKS.contains(&byte)
}

fn without_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(*byte));
    &text[start.unwrap_or(text.len())..]
}

/// The keyword at the beginning of LINE and what comes behind it; one `=` may
/// stand between them. `None` where a quotation has no end.
pub fn keyword(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = line;
    let mut word = next(&mut rest)?;
    if word.is_empty() {
        word = next(&mut rest)?;
    }
    Some((word, rest))
}

/// Take the next word off TEXT, as `strdelim` does: words end at blanks, one `=`
/// or a quotation, which is a word; empty at the end.
pub fn next(text: &mut &[u8]) -> Option<Vec<u8>> {
    let whole = *text;
    let end = whole
        .iter()
        .position(|byte| is_blank(*byte) || *byte == b'"' || *byte == b'=');
    let Some(end) = end else {
        *text = &[];
        return Some(whole.to_vec());
    };
    if whole[end] == b'"' {
        // What stands before the quotation belongs to it.
        let behind = &whole[end + 1..];
        let close = behind.iter().position(|byte| *byte == b'"')?;
        let word = [&whole[..end], &behind[..close]].concat();
        *text = without_blanks(&behind[close + 1..]);
        return Some(word);
    }
    let mut rest = without_blanks(&whole[end + 1..]);
    if whole[end] != b'='
        && let Some(behind) = rest.strip_prefix(b"=")
    {
        rest = without_blanks(behind);
    }
    *text = rest;
    Some(whole[..end].to_vec())
}

/// The words of TEXT up to a comment: blanks between them, quotations of either
/// kind in them, a backslash before what would end one. `None` where a quotation
/// has no end.
pub fn split(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] == b' ' || text[at] == b'\t' {
            at += 1;
            continue;
        }
        if text[at] == b'#' {
            break;
        }
        let mut word = Vec::new();
        let mut quotation = None;
        while let Some(byte) = text.get(at) {
            match (byte, quotation) {
                (b'\\', _) => {
                    let escaped = text.get(at + 1).filter(|next| {
                        matches!(next, b'\'' | b'"' | b'\\')
                            || (**next == b' ' && quotation.is_none())
                    });
                    match escaped {
                        Some(next) => {
                            word.push(*next);
                            at += 1;
                        }
                        None => word.push(b'\\'),
                    }
                }
                (b' ' | b'\t', None) => break,
                (b'"' | b'\'', None) => quotation = Some(*byte),
                (byte, Some(quote)) if *byte == quote => quotation = None,
                (byte, _) => word.push(*byte),
            }
            at += 1;
        }
        if quotation.is_some() {
            return None;
        }
        words.push(word);
    }
    Some(words)
}

/// Whether NAME fits PATTERN, in which `*` stands for any text and `?` for any
/// letter.
pub fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what follows the last star does not fit.
    let (mut at, mut star, mut index) = (0, None, 0);
    while at < name.len() {
        match pattern.get(index) {
            Some(b'*') => {
                star = Some((index, at));
                index += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[at] => {
                index += 1;
                at += 1;
            }
            _ => match star {
                Some((place, from)) => {
                    star = Some((place, from + 1));
                    index = place + 1;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[index..].iter().all(|letter| *letter == b'*')
}

/// Whether NAME fits the list PATTERNS, with commas between them: one of them and
/// none that begins with `!`.
pub fn fits_list(patterns: &[u8], name: &[u8]) -> bool {
    let mut found = false;
    for pattern in patterns.split(|byte| *byte == b',') {
        match pattern.strip_prefix(b"!") {
            Some(pattern) if fits(pattern, name) => return false,
            Some(_) => {}
            None => found |= fits(pattern, name),
        }
    }
    found
}

/// The same for names of hosts, in which case makes no difference.
pub fn fits_host(patterns: &[u8], name: &[u8]) -> bool {
    fits_list(&patterns.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<Vec<String>> {
        let words = split(text.as_bytes())?;
        Some(
            words
                .into_iter()
                .map(|word| String::from_utf8(word).unwrap())
                .collect(),
        )
    }

    #[test]
    fn quotations_and_backslashes_are_read_as_since_openssh_8_7() {
        for (text, expected) in [
            ("a b\tc", vec!["a", "b", "c"]),
            ("'~/my key' x # y", vec!["~/my key", "x"]),
            ("~/my\\ key", vec!["~/my key"]),
            ("~/\"my key\"/k", vec!["~/my key/k"]),
            ("\"a\\\"b\"", vec!["a\"b"]),
            ("\"a\\\\b\\c\"", vec!["a\\b\\c"]),
            ("x#y", vec!["x#y"]),
            ("\"\"", vec![""]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert_eq!(words("\"a"), None);
        assert_eq!(words("it's"), None);
    }

    #[test]
    fn keywords_end_at_a_blank_or_one_equals_sign() {
        for (line, word, rest) in [
            ("Port 4", "Port", "4"),
            ("Port=4", "Port", "4"),
            ("Port\t=\t4", "Port", "4"),
            ("Port = = 4", "Port", "= 4"),
            ("  Port 4", "Port", "4"),
            ("\"Port\" 4", "Port", "4"),
            ("Port", "Port", ""),
        ] {
            let (found, behind) = keyword(line.as_bytes()).unwrap();
            assert_eq!(
                (&found[..], behind),
                (word.as_bytes(), rest.as_bytes()),
                "{line}"
            );
        }
    }

    #[test]
    fn stars_and_question_marks_match_as_in_file_names() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("10.0.*.?", "10.0.3.7", true),
            ("10.0.*.?", "10.0.3.77", false),
            ("*a*b", "xaxb", true),
            ("*a*b", "xbxa", false),
            ("GUEST", "guest", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
        assert!(fits_host(b"GUEST,!other", b"guest"));
        assert!(!fits_host(b"*,!guest", b"guest"));
        assert!(!fits_host(b"!other", b"guest"));
    }
}
