//! Which names a text is going to define at its top level.
//!
//! A procedure may call what is defined further down, also when an import has
//! that name: in Guile the module's own definition is found when the call is
//! made. Our references are settled when the procedure is expanded, so the names
//! to come have to be known by then. They are found by looking at brackets and
//! words only. What a macro's use may define is kept with the macro's name: whether
//! it does, is known once that name has a meaning.

use crate::data::tables::HashMap;
use crate::syntax::identifier::Id;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// The names of one text, part by part: `define-module` begins a new one.
pub struct Outline(Vec<Part>);

#[derive(Default)]
struct Part {
    /// Where it begins.
    start: usize,
    names: RefCell<Rc<HashSet<Id>>>,
    /// What forms may define that begin with neither a definer nor something known,
    /// by their first word.
    uses: RefCell<HashMap<Id, Use>>,
    /// The keywords that are defined here.
    keywords: HashSet<Id>,
}

/// What the uses of one word may define.
#[derive(Clone, Default)]
struct Use {
    /// Names after a definer inside of them.
    inner: Vec<Id>,
    /// Names that they are given.
    given: Vec<Id>,
}

/// What a form that begins with a word does with definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing is known of the word yet.
    Unknown,
    /// It makes none at the top level.
    Expression,
    /// It hands on those that it holds.
    Holds,
    /// It makes some of what it is given.
    Defines,
}

impl Outline {
    /// The outline of TEXT.
    pub fn of(text: &str) -> Outline {
        let mut parts = vec![Part::default()];
        Scan {
            bytes: text.as_bytes(),
            position: 0,
        }
        .run(text, &mut parts);
        Outline(parts)
    }

    /// The names of the part that POSITION is in; a `define-module` that begins
    /// there is not in force yet. ROLE tells what a word does there now.
    pub fn at(&self, position: usize, role: &mut dyn FnMut(Id) -> Role) -> Rc<HashSet<Id>> {
        let after = self.0.partition_point(|part| part.start < position);
        self.0[after.max(1) - 1].names(role)
    }
}

impl Part {
    fn names(&self, role: &mut dyn FnMut(Id) -> Role) -> Rc<HashSet<Id>> {
        let mut known = HashSet::new();
        self.uses.borrow_mut().retain(|word, uses| {
            let role = match role(*word) {
                // Its definition has not come yet.
                Role::Unknown if self.keywords.contains(word) => Role::Defines,
                role => role,
            };
            match role {
                Role::Unknown => return true,
                Role::Expression => {}
                Role::Holds => known.extend(uses.inner.drain(..)),
                Role::Defines => known.extend(uses.inner.drain(..).chain(uses.given.drain(..))),
            }
            false
        });
        let mut names = self.names.borrow_mut();
        if !known.is_empty() {
            known.extend(names.iter());
            *names = Rc::new(known);
        }
        names.clone()
    }

    fn define(&mut self, name: &str) {
        if !name.is_empty() {
            Rc::make_mut(self.names.get_mut()).insert(Id::named(name));
        }
    }
}

/// Forms whose parts are at the top level too.
const SPLICING: [&str; 3] = ["begin", "define-library", "library"];

/// Forms whose second part is the name, or begins with it.
pub const DEFINING: [&str; 8] = [
    "define",
    "define*",
    "define-public",
    "define*-public",
    "define-private",
    "define-once",
    "define-inlinable",
    "define-integrable",
];

/// Forms whose second part is the name of a keyword, or begins with it.
const DEFINING_KEYWORDS: [&str; 6] = [
    "define-syntax",
    "define-syntax-rule",
    "define-syntax-parameter",
    "define-syntax-public",
    "define-macro",
    "defmacro",
];

/// Forms that define a record type and its procedures.
const DEFINING_RECORDS: [&str; 2] = ["define-record-type", "define-immutable-record-type"];

/// What is done with the words of the outermost form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// They do not matter.
    Skipped,
    /// Those of its first list are names.
    Values,
    /// Those of a record type, of its constructor, and all but the first of a field.
    Record,
    /// They are operands of this word.
    Use(Id),
}

struct Scan<'t> {
    bytes: &'t [u8],
    position: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn run(&mut self, text: &str, parts: &mut Vec<Part>) {
        // How deep we are, and how many of the outermost forms splice.
        let (mut depth, mut splicing) = (0_usize, 0_usize);
        let mut form = Form::Skipped;
        // How many lists the outermost form has so far, and how many words the last one.
        let (mut lists, mut words) = (0_usize, 0_usize);
        while let Some(byte) = self.peek() {
            let part = parts.last_mut().expect("there is always one");
            match byte {
                b'(' | b'[' => {
                    let start = self.position;
                    self.position += 1;
                    let top = depth == splicing;
                    depth += 1;
                    if depth == splicing + 2 {
                        (lists, words) = (lists + 1, 0);
                    }
                    if !top {
                        self.inside(text, form, &mut depth, splicing, part);
                        continue;
                    }
                    let word = self.word(text);
                    form = Form::Skipped;
                    lists = 0;
                    if SPLICING.contains(&word) {
                        splicing += 1;
                    } else if DEFINING.contains(&word) {
                        depth += self.skip_to_name();
                        part.define(self.word(text));
                    } else if DEFINING_KEYWORDS.contains(&word) {
                        depth += self.skip_to_name();
                        let name = self.word(text);
                        part.keywords.insert(Id::named(name));
                    } else if word == "define-values" {
                        form = Form::Values;
                    } else if DEFINING_RECORDS.contains(&word) {
                        form = Form::Record;
                    } else if word == "define-module" {
                        parts.push(Part {
                            start,
                            ..Part::default()
                        });
                    } else if !word.is_empty() {
                        form = Form::Use(Id::named(word));
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
                b if is_delimiter(b) || matches!(b, b'\'' | b'`' | b',') => self.position += 1,
                _ => match form {
                    Form::Values if lists == 1 && depth > splicing + 1 => {
                        part.define(self.word(text));
                    }
                    Form::Record if depth == splicing + 1 => part.define(self.word(text)),
                    Form::Record if depth == splicing + 2 => {
                        words += 1;
                        let name = self.word(text);
                        if (words == 1) == (lists == 1) {
                            part.define(name);
                        }
                    }
                    Form::Use(of) if depth == splicing + 1 => {
                        let name = self.word(text);
                        let mut uses = part.uses.borrow_mut();
                        uses.entry(of).or_default().given.push(Id::named(name));
                    }
                    _ => self.past_word(),
                },
            }
        }
    }

    /// What a list that opens inside of FORM says: the one after its bracket is a word.
    fn inside(
        &mut self,
        text: &str,
        form: Form,
        depth: &mut usize,
        splicing: usize,
        part: &mut Part,
    ) {
        let Form::Use(of) = form else {
            return;
        };
        let operand = *depth == splicing + 2;
        let word = self.word(text);
        if word.starts_with("define") {
            *depth += self.skip_to_name();
            let name = self.word(text);
            if !name.is_empty() {
                let mut uses = part.uses.borrow_mut();
                uses.entry(of).or_default().inner.push(Id::named(name));
            }
        } else if operand && word.is_empty() {
            *depth += self.skip_to_name();
            let name = self.word(text);
            if !name.is_empty() {
                let mut uses = part.uses.borrow_mut();
                uses.entry(of).or_default().given.push(Id::named(name));
            }
        } else if operand {
            let mut uses = part.uses.borrow_mut();
            uses.entry(of).or_default().given.push(Id::named(word));
        }
    }

    /// Go to the name that a definition gives, which may stand in brackets; how many
    /// of these have been opened.
    fn skip_to_name(&mut self) -> usize {
        let mut opened = 0;
        while let Some(byte @ (b'(' | b'[' | b' ' | b'\n' | b'\t' | b'\r')) = self.peek() {
            opened += usize::from(matches!(byte, b'(' | b'['));
            self.position += 1;
        }
        opened
    }

    /// The word that begins here.
    fn word<'t>(&mut self, text: &'t str) -> &'t str {
        let start = self.position;
        self.past_word();
        text.get(start..self.position).unwrap_or_default()
    }

    fn past_word(&mut self) {
        while self.peek().is_some_and(|byte| !is_delimiter(byte)) {
            self.position += 1;
        }
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

fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'(' | b')' | b'[' | b']' | b'"' | b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, position: usize) -> Vec<String> {
        names_where(text, position, &mut |_| Role::Unknown)
    }

    fn names_where(text: &str, position: usize, role: &mut dyn FnMut(Id) -> Role) -> Vec<String> {
        let mut names: Vec<String> = Outline::of(text)
            .at(position, role)
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

    #[test]
    fn what_a_use_may_define_depends_on_what_its_word_does() {
        let text =
            "(both (define (f x) (g x)) (define ((g x) y) x))(later h \"no\" (i (no)) ((j)))";
        let role = |both: Role, later: Role| {
            names_where(text, 0, &mut |word| match &*word.name() {
                "both" => both,
                _ => later,
            })
        };
        assert_eq!(role(Role::Holds, Role::Expression), ["f", "g"]);
        assert_eq!(role(Role::Expression, Role::Defines), ["h", "i", "j"]);
        assert_eq!(role(Role::Unknown, Role::Holds), Vec::<String>::new());
        let defined = format!("{text}(define-syntax later 1)");
        assert_eq!(names(&defined, 0), ["h", "i", "j"]);
    }

    #[test]
    fn records_and_values_define_all_that_they_name() {
        let text = "(define-record-type <r> (make a) r? (a r-a) (b r-b r-b!))\n\
             (define-values (x . y) (f 1))";
        assert_eq!(
            names(text, 0),
            [".", "<r>", "make", "r-a", "r-b", "r-b!", "r?", "x", "y"]
        );
    }
}
