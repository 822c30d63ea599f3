//! Words on their way into a shell, and a guest's words on their way to a person.

use std::borrow::Cow;

/// Plain words that begin or end something in one shell or another.
const RESERVED: [&str; 18] = [
    "case", "coproc", "do", "done", "elif", "else", "end", "esac", "fi", "for", "foreach",
    "function", "if", "in", "select", "then", "until", "while",
];

/// WORD as one word for `/bin/sh`, whatever is in it.
///
/// ```
/// use fruix_scm::ssh::quote;
/// assert_eq!(quote("/usr/include"), "/usr/include");
/// assert_eq!(quote("it's"), r"'it'\''s'");
/// assert_eq!(quote(""), "''");
/// ```
///
/// Source: POSIX.1-2017, Shell Command Language, 2.2.2 "Single-Quotes".
pub fn quote(word: &str) -> Cow<'_, str> {
    // A word of these characters means itself in every shell; `~` and `=` do
    // not everywhere. Reserved words mean themselves only when quoted.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:,+@%-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) && !RESERVED.contains(&word) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// WORDS as one command line for `/bin/sh`.
pub fn quote_all(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&quote(word.as_ref()));
    }
    line
}

/// TEXT of a stranger as it may stand in a message: one line, nothing that a
/// terminal would obey, not longer than a few lines.
pub fn visible(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut out = String::new();
    for character in text.trim_end().chars() {
        if out.len() > LONGEST {
            out.push('…');
            break;
        }
        match character {
            '\n' => out.push_str(" / "),
            '\t' => out.push(' '),
            // Besides control characters: those that turn writing around, and
            // so make a line read as another.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("\\u{{{:x}}}", character as u32));
            }
            control if control.is_control() => {
                out.push_str(&format!("\\x{:02x}", control as u32));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_every_quoted_word_as_it_was(
            words in proptest::collection::vec("[^\0]{0,12}", 1..6)
        ) {
            let script = format!("printf '%s\\0' {}", quote_all(&words));
            let output = Command::new("/bin/sh").arg("-c").arg(&script).output().unwrap();
            let expected: Vec<u8> = words
                .iter()
                .flat_map(|word| std::ffi::OsStr::new(word).as_bytes().iter().copied().chain([0]))
                .collect();
            prop_assert_eq!(output.stdout, expected);
        }

        #[test]
        fn nothing_visible_is_a_control_character(text in ".{0,60}") {
            prop_assert!(!visible(&text).chars().any(char::is_control));
        }
    }

    #[test]
    fn words_that_a_shell_would_take_apart_are_quoted() {
        let cases = [
            ("a b", "'a b'"),
            ("$HOME", "'$HOME'"),
            ("*", "'*'"),
            ("~root", "'~root'"),
            ("A=1", "'A=1'"),
            ("-n", "-n"),
            ("if", "'if'"),
            ("a-b", "a-b"),
            ("a\nb", "'a\nb'"),
            ("''", r"''\'''\'''"),
        ];
        for (word, quoted) in cases {
            assert_eq!(quote(word), quoted);
        }
    }

    #[test]
    fn escape_sequences_of_a_guest_are_shown_and_not_obeyed() {
        assert_eq!(visible("\x1b[2Jgone\r\n"), "\\x1b[2Jgone");
        assert_eq!(visible("one\ntwo\n"), "one / two");
        assert_eq!(visible("\u{202e}txt.exe"), "\\u{202e}txt.exe");
    }
}
