//! Where the builder versions stand in the text of a module.
//!
//! Only as much of Scheme's syntax is known here as it takes to tell a
//! definition from a comment or a string that looks like one.

use super::MediaError;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// The constants that every `media.scm` defines.
pub const BUILDERS: [&str; 4] = [
    "image-builder-version",
    "install-builder-version",
    "installer-image-builder-version",
    "installer-iso-builder-version",
];

const SUFFIX: &str = "-builder-version";

/// One constant, and where its value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub name: String,
    /// The value as the text has it, with its quotes.
    pub value: String,
    /// Counted from 1.
    pub line: usize,
    /// Characters before the value in its line, counted from 1.
    pub column: usize,
    pub(super) span: Range<usize>,
}

/// The builder versions in the file at PATH, in the file's order.
pub fn status(path: &Path) -> Result<Vec<Version>, MediaError> {
    let versions = find(&read(path)?).map_err(|(line, why)| MediaError::Text {
        path: path.to_owned(),
        line,
        why,
    })?;
    if versions.is_empty() {
        return Err(MediaError::Version {
            path: path.to_owned(),
            name: BUILDERS[0].to_owned(),
            why: "the file defines no builder version".to_owned(),
        });
    }
    Ok(versions)
}

pub(super) fn read(path: &Path) -> Result<String, MediaError> {
    let bytes = fs::read(path).map_err(|error| MediaError::io("read", path, error))?;
    String::from_utf8(bytes).map_err(|error| MediaError::Text {
        path: path.to_owned(),
        line: error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
        why: "the text is not UTF-8",
    })
}

/// The definitions of names that end in `-builder-version` in TEXT; the error
/// is a line and what is wrong there.
pub fn find(text: &str) -> Result<Vec<Version>, (usize, &'static str)> {
    let tokens = tokens(text).map_err(|(at, why)| (line_of(text, at), why))?;
    let mut versions = Vec::new();
    for (index, window) in tokens.windows(3).enumerate() {
        let [open, define, name] = window else {
            continue;
        };
        let defines = matches!(&text[define.span.clone()], "define" | "define-public");
        let name_text = &text[name.span.clone()];
        if open.kind != Kind::Open
            || define.kind != Kind::Atom
            || name.kind != Kind::Atom
            || !defines
            || !name_text.ends_with(SUFFIX)
        {
            continue;
        }
        let Some(span) = value_span(&tokens[index + 3..]) else {
            continue;
        };
        let before = &text[..span.start];
        versions.push(Version {
            name: name_text.to_owned(),
            value: text[span.clone()].to_owned(),
            line: line_of(text, span.start),
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            span,
        });
    }
    Ok(versions)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// The last datum before the parenthesis that ends the definition; one before
/// it is a documentation string.
fn value_span(tokens: &[Token]) -> Option<Range<usize>> {
    let mut depth = 0;
    let mut start = None;
    let mut last = None;
    for token in tokens {
        let begin = *start.get_or_insert(token.span.start);
        match token.kind {
            Kind::Close if depth == 0 => return last,
            Kind::Close => depth -= 1,
            Kind::Open => depth += 1,
            Kind::Prefix => continue,
            Kind::Atom | Kind::Text => {}
        }
        if depth == 0 {
            last = Some(begin..token.span.end);
            start = None;
        }
    }
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    /// A quote or another mark that belongs to the datum after it.
    Prefix,
    Atom,
    Text,
}

#[derive(Debug)]
struct Token {
    kind: Kind,
    span: Range<usize>,
}

/// The tokens of TEXT without comments; the error is a place and what is wrong there.
fn tokens(text: &str) -> Result<Vec<Token>, (usize, &'static str)> {
    let bytes = text.as_bytes();
    let mut tokens: Vec<Token> = Vec::new();
    // Where a datum that `#;` hides begins: (how many tokens there were, depth).
    let mut hidden: Vec<(usize, i64)> = Vec::new();
    let mut depth: i64 = 0;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (kind, end) = match rest {
            [byte, ..] if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            [b';', ..] => {
                at = line_end(bytes, at);
                continue;
            }
            [b'#', b'|', ..] => {
                at = block_end(bytes, at).ok_or((at, "a block comment does not end"))?;
                continue;
            }
            [b'#', b'!', ..] if at == 0 => {
                let end = text
                    .find("!#")
                    .ok_or((0, "a script's header does not end"))?;
                at = end + 2;
                continue;
            }
            [b'#', b';', ..] => {
                hidden.push((tokens.len(), depth));
                at += 2;
                continue;
            }
            [b'"', ..] => (
                Kind::Text,
                text_end(bytes, at).ok_or((at, "a string does not end"))?,
            ),
            [b'(' | b'[', ..] => (Kind::Open, at + 1),
            [b')' | b']', ..] => (Kind::Close, at + 1),
            [b'#', b'(', ..] => (Kind::Open, at + 2),
            [b'\'' | b'`', ..] => (Kind::Prefix, at + 1),
            [b',', b'@', ..] => (Kind::Prefix, at + 2),
            [b',', ..] => (Kind::Prefix, at + 1),
            [b'#', b'\\', ..] => (Kind::Atom, character_end(text, at)),
            [b'#', b'{', ..] => match text[at..].find("}#") {
                Some(length) => (Kind::Atom, at + length + 2),
                None => return Err((at, "an odd symbol does not end")),
            },
            _ => (Kind::Atom, atom_end(bytes, at)),
        };
        match kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            _ => {}
        }
        tokens.push(Token {
            kind,
            span: at..end,
        });
        at = end;
        // One datum ends one `#;`, the innermost.
        if kind != Kind::Prefix
            && let Some((count, level)) = hidden.last()
            && depth == *level
        {
            tokens.truncate(*count);
            hidden.pop();
        }
    }
    Ok(tokens)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| at + length)
}

fn block_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'#', b'|', ..] => {
                depth += 1;
                at += 2;
            }
            [b'|', b'#', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn character_end(text: &str, at: usize) -> usize {
    let first = text[at + 2..].chars().next().map_or(0, char::len_utf8);
    atom_end(text.as_bytes(), at + 2 + first)
}

fn atom_end(bytes: &[u8], at: usize) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"()[]\";'`,".contains(byte);
    bytes[at..]
        .iter()
        .position(ends)
        .map_or(bytes.len(), |length| {
            at + length.max(usize::from(length == 0 && ends(&bytes[at])))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        find(text)
            .unwrap()
            .into_iter()
            .map(|version| (version.name, version.value))
            .collect()
    }

    #[test]
    fn a_definition_is_found_in_whatever_form_it_has() {
        for (text, value) in [
            ("(define x-builder-version 7)", "7"),
            ("(define-public x-builder-version \"7\")", "\"7\""),
            (
                "(define x-builder-version\n  ;; raised (\n  \"a;b\" )",
                "\"a;b\"",
            ),
            ("(define x-builder-version \"What it is.\" 7)", "7"),
            ("(define x-builder-version 'v7)", "'v7"),
            ("(define x-builder-version (+ 3 4))", "(+ 3 4)"),
            ("(begin (define x-builder-version #;(old 6) 7))", "7"),
            ("[define x-builder-version 7]", "7"),
        ] {
            assert_eq!(
                values(text),
                [("x-builder-version".to_owned(), value.to_owned())],
                "{text}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_definition_is_not_one() {
        for text in [
            "; (define x-builder-version 7)",
            "#| #| |# (define x-builder-version 7) |#",
            "#;(define x-builder-version 7)",
            "#; #;a (define x-builder-version 7)",
            "\"(define x-builder-version 7)\"",
            "(set! x-builder-version 7)",
            "(define (x-builder-version) 7)",
            "(define x-builder-versions 7)",
            "(list #\\( 'define 'x-builder-version)",
        ] {
            assert_eq!(values(text), [], "{text}");
        }
    }

    #[test]
    fn the_place_is_that_of_the_value() {
        let text = "#!/usr/bin/guile\n!#\n(define é-builder-version\n  \"7\")";
        let version = &find(text).unwrap()[0];
        assert_eq!((version.line, version.column), (4, 3));
    }

    #[test]
    fn a_text_that_ends_too_early_is_told_by_its_line() {
        assert_eq!(find("a\n\"b").unwrap_err(), (2, "a string does not end"));
        assert_eq!(
            find("a\n\n#| b").unwrap_err(),
            (3, "a block comment does not end")
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC*|[()\\[\\]#;|\"'`,\\\\a {}!\\n]*") {
            let _ = find(&text);
        }
    }
}
