//! Where the builder versions stand in the text of a module.
//!
//! What a text defines is the language's to say: whoever calls hands in a
//! [`ReadDefinitions`], which the primitives have. Here it is only decided
//! which of the definitions are builder versions, and which of several counts.

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

/// A form at the top level of a text that gives a name its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub way: Way,
    /// Where the expression for the value stands, in bytes.
    pub value: Range<usize>,
}

/// How a form gives a name its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Define,
    /// Only when it has none: `define-once`.
    Once,
    /// `set!`, after a definition.
    Assign,
}

/// Tells what a text defines at its top level, in its order; the error is a line,
/// counted from 1, and what is wrong there.
pub type ReadDefinitions = fn(&str) -> Result<Vec<Definition>, (usize, String)>;

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
pub fn status(path: &Path, definitions: ReadDefinitions) -> Result<Vec<Version>, MediaError> {
    let versions = find(&read(path)?, definitions).map_err(|(line, why)| MediaError::Text {
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

/// The text of the file at PATH.
pub fn read(path: &Path) -> Result<String, MediaError> {
    let bytes = fs::read(path).map_err(|error| MediaError::io("read", path, error))?;
    String::from_utf8(bytes).map_err(|error| MediaError::Text {
        path: path.to_owned(),
        line: error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
        why: "the text is not UTF-8".to_owned(),
    })
}

/// The builder versions that TEXT defines: names that end in `-builder-version`.
/// A name that is defined several times is there several times; where it is
/// assigned to afterwards, the last assignment is what counts.
pub fn find(text: &str, definitions: ReadDefinitions) -> Result<Vec<Version>, (usize, String)> {
    let mut counting: Vec<Definition> = Vec::new();
    for definition in definitions(text)? {
        if !definition.name.ends_with(SUFFIX) {
            continue;
        }
        let known = counting
            .iter()
            .rposition(|known| known.name == definition.name);
        match (definition.way, known) {
            (Way::Once, Some(_)) => {}
            (Way::Define, Some(known)) if counting[known].way == Way::Once => {
                counting[known] = definition;
            }
            (Way::Assign, Some(known)) => counting[known].value = definition.value,
            // Assigning to what another module defines changes nothing here.
            (Way::Assign, None) => {}
            (Way::Define, _) | (Way::Once, None) => counting.push(definition),
        }
    }
    let versions = counting.into_iter().map(|definition| {
        let span = definition.value;
        let before = &text[..span.start];
        Version {
            name: definition.name,
            value: text[span.clone()].to_owned(),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            span,
        }
    });
    Ok(versions.collect())
}

#[cfg(test)]
mod tests {
    use super::super::primitives::definitions;
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        find(text, definitions)
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
            ("(define-once x-builder-version \"7\")", "\"7\""),
            (
                "(define x-builder-version\n  ;; raised (\n  \"a;b\" )",
                "\"a;b\"",
            ),
            ("(define x-builder-version 'v7)", "'v7"),
            ("(define x-builder-version (+ 3 4))", "(+ 3 4)"),
            ("(begin (define x-builder-version #;(old 6) 7))", "7"),
            (
                "(eval-when (expand load) (define x-builder-version 7))",
                "7",
            ),
            ("[define x-builder-version 7]", "7"),
            ("(define #{x-builder-version}# 7)", "7"),
            (
                "(define-values (a x-builder-version) (values 1 \"7\"))",
                "\"7\"",
            ),
            ("#!fold-case\n(define X-Builder-Version 7)", "7"),
            ("#!r6rs\n(define x-builder-version 7)", "7"),
            ("#!curly-infix\n(define x-builder-version 7)", "7"),
            ("\u{feff}(define x-builder-version 7)", "7"),
            (
                "(define x-builder-version 7)\n(set! x-builder-version 12)",
                "12",
            ),
            (
                "(define x-builder-version 7)\n(define-once x-builder-version 12)",
                "7",
            ),
            (
                "(define-once x-builder-version 12)\n(define x-builder-version 7)",
                "7",
            ),
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
            "#| #| |# |# #;(define x-builder-version 7)",
            "1 #! (define x-builder-version 7) !# 2",
            "#;(define x-builder-version 7)",
            "#; #;a (define x-builder-version 7) b",
            "\"(define x-builder-version 7)\"",
            "(set! x-builder-version 7)",
            "(define (x-builder-version) 7)",
            "(define x-builder-versions 7)",
            "(define x-builder-version)",
            // Guile refuses it: a variable has no documentation string.
            "(define x-builder-version \"What it is.\" 7)",
            "(list #\\( 'define 'x-builder-version)",
            "(define old '((define x-builder-version \"3\")))",
            "(define old `((define x-builder-version \"3\")))",
            "(define old #'(define x-builder-version \"3\"))",
            "(define (f) (define x-builder-version 7) 8)",
            "(let () (define x-builder-version 7) 8)",
        ] {
            assert_eq!(values(text), [], "{text}");
        }
    }

    #[test]
    fn the_place_is_that_of_the_value() {
        let text = "#!/usr/bin/guile\n!#\n(define é-builder-version\n  \"7\")";
        let version = &find(text, definitions).unwrap()[0];
        assert_eq!((version.line, version.column), (4, 3));
    }

    #[test]
    fn a_text_that_ends_too_early_is_told_by_its_line() {
        assert_eq!(find("a\n\"b", definitions).unwrap_err().0, 2);
        assert_eq!(find("a\n\n#| b", definitions).unwrap_err().0, 3);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC*|[()\\[\\]#;|\"'`,\\\\a {}!\\n]*") {
            let _ = find(&text, definitions);
        }
    }
}
