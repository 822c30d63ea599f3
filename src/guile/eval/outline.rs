//! Which names a text is going to define at its top level.
//!
//! A procedure may call what is defined further down, also when an import has
//! that name: in Guile the module's own definition is found when the call is
//! made. Our references are settled when the procedure is expanded, so the names
//! to come have to be known by then. They are found by looking at brackets and
//! words only; what a macro defines is not seen.

use crate::syntax::identifier::Id;
use std::collections::HashSet;
use std::rc::Rc;

/// The names of one text, part by part: `define-module` begins a new one.
pub struct Outline(Vec<(usize, Rc<HashSet<Id>>)>);

impl Outline {
    pub fn of(text: &str) -> Outline {
        let mut parts = vec![(0, HashSet::new())];
        Scan {
            bytes: text.as_bytes(),
            position: 0,
        }
        .run(text, &mut parts);
        Outline(
            parts
                .into_iter()
                .map(|(start, names)| (start, Rc::new(names)))
                .collect(),
        )
    }

    /// The names of the part that POSITION is in; a `define-module` that begins
    /// there is not in force yet.
    pub fn at(&self, position: usize) -> &Rc<HashSet<Id>> {
        let after = self.0.partition_point(|(start, _)| *start < position);
        &self.0[after.max(1) - 1].1
    }
}

/// Forms whose parts are at the top level too.
const SPLICING: [&str; 3] = ["begin", "define-library", "library"];

/// Forms whose second part is the name, or begins with it.
pub const DEFINING: [&str; 4] = ["define", "define*", "define-public", "define*-public"];

struct Scan<'t> {
    bytes: &'t [u8],
    position: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn run(&mut self, text: &str, parts: &mut Vec<(usize, HashSet<Id>)>) {
        // How deep we are, and how many of the outermost forms splice.
        let (mut depth, mut splicing) = (0_usize, 0_usize);
        while let Some(byte) = self.peek() {
            match byte {
                b'(' | b'[' => {
                    let start = self.position;
                    self.position += 1;
                    let top = depth == splicing;
                    depth += 1;
                    if !top {
                        continue;
                    }
                    let word = self.word(text);
                    if SPLICING.contains(&word) {
                        splicing += 1;
                    } else if DEFINING.contains(&word) {
                        while matches!(self.peek(), Some(b'(' | b'[' | b' ' | b'\n' | b'\t')) {
                            depth += usize::from(matches!(self.peek(), Some(b'(' | b'[')));
                            self.position += 1;
                        }
                        let name = self.word(text);
                        if let (false, Some((_, names))) = (name.is_empty(), parts.last_mut()) {
                            names.insert(Id::named(name));
                        }
                    } else if word == "define-module" {
                        parts.push((start, HashSet::new()));
                    }
                }
                b')' | b']' => {
                    self.position += 1;
                    depth = depth.saturating_sub(1);
                    splicing = splicing.min(depth);
                }
                b'"' => self.past_string(),
                b'|' => self.past(b"|"),
                b';' => self.past(b"\n"),
                b'#' => self.past_hash(),
                _ => self.position += 1,
            }
        }
    }

    /// The word that begins here.
    fn word<'t>(&mut self, text: &'t str) -> &'t str {
        let start = self.position;
        while self.peek().is_some_and(|byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'(' | b')' | b'[' | b']' | b'"' | b';')
        }) {
            self.position += 1;
        }
        text.get(start..self.position).unwrap_or_default()
    }

    /// Go on after the next END.
    fn past(&mut self, end: &[u8]) {
        self.position += 1;
        while self.position < self.bytes.len() && !self.bytes[self.position..].starts_with(end) {
            self.position += 1;
        }
        self.position += end.len();
    }

    fn past_string(&mut self) {
        self.position += 1;
        while let Some(byte) = self.peek() {
            self.position += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
    }

    fn past_hash(&mut self) {
        match self.bytes.get(self.position + 1) {
            Some(b'|') => {
                let mut nested = 0;
                while self.position < self.bytes.len() {
                    let rest = &self.bytes[self.position..];
                    let step = if rest.starts_with(b"#|") {
                        nested += 1;
                        2
                    } else if rest.starts_with(b"|#") {
                        nested -= 1;
                        2
                    } else {
                        1
                    };
                    self.position += step;
                    if nested == 0 {
                        break;
                    }
                }
            }
            // A script's head; other words after `#!` are single.
            Some(b'!')
                if matches!(self.bytes.get(self.position + 2), Some(b'/' | b' ' | b'\n')) =>
            {
                self.past(b"!#");
            }
            Some(b'\\') => self.position += 3,
            Some(_) | None => self.position += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, position: usize) -> Vec<String> {
        let mut names: Vec<String> = Outline::of(text)
            .at(position)
            .iter()
            .map(|id| id.name().to_string())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn definitions_at_the_top_level_are_found_and_others_are_not() {
        let text = "#!/bin/guile -s\n(define no 1)\n!#\n(define a 1) (define ((b x) y) (define c 2))\n\
             #| (define no 1) #| |# |# ; (define no 2)\n(let () (define no 1)) \"(define no 1)\" #\\( \n\
             (begin (define* (d #:key x) x))(display \"\\\"(define no 1)\")(define |e f| 1)";
        assert_eq!(names(text, 0), ["a", "b", "d", "|e"]);
    }

    #[test]
    fn each_module_of_a_text_has_its_own() {
        let text = "(define a 1)\n(define-module (m))\n(define-public b 2)\n";
        assert_eq!(names(text, 0), ["a"]);
        assert_eq!(names(text, 40), ["b"]);
    }
}
