//! The meta switch `\`: a script's second line holds the arguments that its
//! first line, which carries only one, has no room for.
//!
//! ```text
//! #!/usr/local/bin/fruix-scm \
//! -e main -s
//! !#
//! ```
//!
//! The system runs `fruix-scm \ SCRIPT ARG…`; the `\` is replaced by what the
//! second line of SCRIPT says.
//!
//! Source: the Guile manual, "The Meta Switch".

use crate::failure::{Failure, Key};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// No line of arguments is longer; a file without lines must not fill memory.
const LONGEST_LINE: u64 = 64 * 1024;

/// ARGUMENTS with a leading `\` replaced, or as they are without one.
pub fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let [switch, script, ..] = arguments.as_slice() else {
        return Ok(arguments);
    };
    if switch != "\\" {
        return Ok(arguments);
    }
    let line = second_line(Path::new(script))?;
    let mut expanded: Vec<OsString> = words(&line)
        .map_err(|reason| {
            Failure::new(
                Key::Usage,
                format!(
                    "cannot read the arguments in the second line of `{}`: {reason}",
                    script.to_string_lossy()
                ),
            )
        })?
        .into_iter()
        .map(OsString::from)
        .collect();
    expanded.extend(arguments.into_iter().skip(1));
    Ok(expanded)
}

fn second_line(script: &Path) -> Result<String, Failure> {
    let read = || -> std::io::Result<String> {
        let file = std::fs::File::open(script)?;
        let mut reader = BufReader::new(file.take(LONGEST_LINE));
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        Ok(String::from_utf8_lossy(&line)
            .trim_end_matches('\n')
            .to_owned())
    };
    read().map_err(|error| {
        Failure::new(
            Key::Usage,
            format!("cannot read the script `{}`: {error}", script.display()),
        )
    })
}

/// The arguments that LINE holds: each space ends one, so two in a row enclose
/// an empty one; a backslash quotes what the manual lists.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let quoted = match character {
            ' ' => {
                words.push(String::new());
                continue;
            }
            '\t' => return Err("a tab wants a backslash before it".to_owned()),
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(same @ ('\\' | ' ' | '\t')) => same,
                Some(first @ '0'..='7') => {
                    let mut code = first.to_digit(8).unwrap_or(0);
                    for _ in 0..2 {
                        match characters.next().and_then(|next| next.to_digit(8)) {
                            Some(digit) => code = code * 8 + digit,
                            None => {
                                return Err("`\\` wants three octal digits behind it".to_owned());
                            }
                        }
                    }
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                Some(other) => return Err(format!("`\\{other}` means nothing")),
                None => return Err("it ends in a backslash".to_owned()),
            },
            plain => plain,
        };
        words
            .last_mut()
            .expect("there is always a word being read")
            .push(quoted);
    }
    // A space at the end of the line ends the argument before it and begins none.
    if words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_end_arguments_and_backslashes_quote() {
        assert_eq!(words("-e main -s").unwrap(), ["-e", "main", "-s"]);
        assert_eq!(words("a  b").unwrap(), ["a", "", "b"]);
        assert_eq!(words(r"a\ b\\\n\101 ").unwrap(), ["a b\\\nA"]);
        assert!(words("").unwrap().is_empty());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for line in ["a\tb", r"a\q", r"a\1", "a\\"] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
