//! Where each line of a text begins, as Emacs has it.
//!
//! A line stands below what the list around it has so far; how, the list's first word
//! says: so many of its operands are set apart, and what follows them is a body. The
//! words and their numbers are those of Emacs' `scheme-mode`, and for Guile's own forms
//! those that Geiser and Guix give them; a workspace adds its own in `.dir-locals.el`.
//! Lines that begin inside of a string are left alone, and so are comments of three
//! semicolons; what stands behind the first word of a line is never moved.
//!
//! Text is cut into words here as Emacs cuts it, which differs from what the reader
//! reads: `#` is a prefix like a quote, so `#t` and `t` are laid out alike.
//!
//! Source: GNU Emacs Lisp reference manual, "Mode-Specific Indent"; Emacs 28.2, the
//! behaviour of `scheme-mode`, with which a test compares.

use std::collections::HashMap;
use std::ops::Range;

/// How many columns a body stands behind its bracket.
const BODY: usize = 2;

/// The column of a comment of one semicolon that has a line for itself.
const COMMENT: usize = 40;

const TAB: usize = 8;

/// What a list's first word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The first line inside of it is a body's.
    Definition,
    /// So many operands are set apart from the body.
    Apart(usize),
    /// As `let`, which may have a name before its bindings.
    Let,
}

/// Words that Emacs' `scheme-mode` knows.
const OF_EMACS: &[(&str, usize)] = &[
    ("access-components", 1),
    ("assignment-components", 1),
    ("begin", 0),
    ("call-with-input-file", 1),
    ("call-with-output-file", 1),
    ("call-with-port", 1),
    ("call-with-values", 1),
    ("case", 1),
    ("combination-components", 1),
    ("comment-components", 1),
    ("conditional-components", 1),
    ("declaration-components", 1),
    ("define-library", 1),
    ("define-record-type", 1),
    ("define-values", 1),
    ("definition-components", 1),
    ("delay", 0),
    ("delay-components", 1),
    ("disjunction-components", 1),
    ("do", 2),
    ("dynamic-wind", 3),
    ("element", 1),
    ("fluid-let", 1),
    ("in-package", 1),
    ("in-package-components", 1),
    ("lambda", 1),
    ("lambda-components", 1),
    ("lambda-components*", 1),
    ("lambda-components**", 1),
    ("let*", 1),
    ("let*-values", 1),
    ("let-syntax", 1),
    ("let-values", 1),
    ("letrec", 1),
    ("letrec*", 1),
    ("letrec-syntax", 1),
    ("library", 1),
    ("list-search-negative", 1),
    ("list-search-positive", 1),
    ("list-transform-negative", 1),
    ("list-transform-positive", 1),
    ("local-declare", 1),
    ("macro", 1),
    ("make", 1),
    ("make-environment", 0),
    ("mode", 1),
    ("named-lambda", 1),
    ("open-block-components", 1),
    ("parameterize", 1),
    ("pathname-components", 1),
    ("procedure-components", 1),
    ("receive", 2),
    ("root", 1),
    ("sequence", 0),
    ("sequence-components", 1),
    ("style", 1),
    ("syntax-case", 2),
    ("syntax-rules", 1),
    ("syntax-table-define", 2),
    ("unassigned?-components", 1),
    ("unbound?-components", 1),
    ("unless", 1),
    ("using-syntax", 1),
    ("variable-components", 1),
    ("when", 1),
    ("with-input-from-file", 1),
    ("with-input-from-port", 1),
    ("with-input-from-string", 1),
    ("with-mode", 1),
    ("with-output-to-file", 1),
    ("with-output-to-port", 1),
    ("with-output-to-string", 0),
    ("with-values", 1),
    ("λ", 1),
];

/// Words that are Guile's or ours.
const OF_GUILE: &[(&str, usize)] = &[
    ("and-let*", 1),
    ("call-with-escape-continuation", 0),
    ("call-with-input-string", 1),
    ("call-with-output-string", 0),
    ("call-with-prompt", 1),
    ("case-lambda", 0),
    ("case-lambda*", 0),
    ("catch", 1),
    ("eval-when", 1),
    ("guard", 1),
    ("harness", 1),
    ("lambda*", 1),
    ("let/ec", 1),
    ("match", 1),
    ("match-lambda", 0),
    ("match-lambda*", 0),
    ("match-let*", 1),
    ("match-letrec", 1),
    ("parameterize*", 1),
    ("step", 1),
    ("syntax-parameterize", 1),
    ("test-group", 1),
    ("while", 1),
    ("with-exception-handler", 1),
    ("with-fluids", 1),
    ("with-guest", 1),
    ("with-mutex", 1),
    ("with-syntax", 1),
    ("with-throw-handler", 1),
];

/// What the first words of lists say.
#[derive(Clone, Debug)]
pub struct Style(HashMap<String, Method>);

impl Default for Style {
    fn default() -> Style {
        Style::of([OF_EMACS, OF_GUILE].concat().as_slice())
    }
}

impl Style {
    fn of(words: &[(&str, usize)]) -> Style {
        let numbers = words
            .iter()
            .map(|(word, apart)| ((*word).to_owned(), Method::Apart(*apart)));
        let lets = ["let", "match-let"].map(|word| (word.to_owned(), Method::Let));
        Style(numbers.chain(lets).collect())
    }

    /// Learn what `(put 'WORD 'scheme-indent-function NUMBER)` says anywhere in TEXT, which
    /// is a `.dir-locals.el` or the like.
    pub fn learn(&mut self, text: &str) {
        fn walk(style: &mut Style, text: &str, tree: &crate::guile::tree::Tree) {
            let Some((items, tail)) = tree.as_pairs() else {
                return;
            };
            let quoted = |tree: &crate::guile::tree::Tree| match tree.as_list() {
                Some([quote, name]) if quote.as_symbol().is_some_and(|word| &**word == "quote") => {
                    name.as_symbol().map(ToString::to_string)
                }
                _ => None,
            };
            if let [put, word, property, number] = items
                && put.as_symbol().is_some_and(|word| &**word == "put")
                && quoted(property).is_some_and(|name| {
                    matches!(
                        name.as_str(),
                        "scheme-indent-function" | "scheme-indent-hook"
                    )
                })
                && let Some(word) = quoted(word)
            {
                let number = text.get(number.start()..number.end()).unwrap_or_default();
                let method = match number.parse() {
                    Ok(apart) => Some(Method::Apart(apart)),
                    Err(_) if number.ends_with("defun") => Some(Method::Definition),
                    Err(_) if number.ends_with("scheme-let-indent") => Some(Method::Let),
                    Err(_) => None,
                };
                style.0.extend(method.map(|method| (word, method)));
            }
            // A form may stand behind a dot, as in (eval . (put …)).
            let parts = items.iter().chain(tail);
            parts.for_each(|part| walk(style, text, part));
        }
        let (trees, _) = crate::guile::tree::trees(text);
        trees.iter().for_each(|tree| walk(self, text, tree));
    }

    /// What Emacs has to be told so that it lays texts out alike, in Emacs Lisp.
    pub fn for_emacs() -> String {
        let mut lines: Vec<String> = OF_GUILE
            .iter()
            .map(|(word, apart)| format!("(put '{word} 'scheme-indent-function {apart})"))
            .collect();
        lines.push("(put 'match-let 'scheme-indent-function 'scheme-let-indent)".to_owned());
        lines.join("\n")
    }

    fn method(&self, word: &str) -> Option<Method> {
        self.0
            .get(word)
            .copied()
            .or_else(|| (word.len() > 3 && word.starts_with("def")).then_some(Method::Definition))
    }
}

/// TEXT with each line indented, its blank lines empty.
pub fn indented(text: &str, style: &Style) -> String {
    lines(text, style, 0..usize::MAX)
        .into_iter()
        .map(|line| line.text)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line that was indented.
#[derive(Debug)]
pub struct Line {
    pub number: usize,
    pub text: String,
    pub changed: bool,
}

/// The lines of TEXT whose numbers are in WANTED, indented; those before stay as they are.
pub fn lines(text: &str, style: &Style, wanted: Range<usize>) -> Vec<Line> {
    let mut layout = Layout {
        style,
        lists: Vec::new(),
        inside: Inside::Nothing,
        escaped: false,
        datum_comment: None,
    };
    let mut made = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        if number >= wanted.end {
            break;
        }
        let (line, ending) = match line.strip_suffix('\r') {
            Some(line) => (line, "\r"),
            None => (line, ""),
        };
        let shown = match wanted.contains(&number) {
            true => layout.placed(line),
            false => line.to_owned(),
        };
        layout.read(number, &shown);
        if wanted.contains(&number) {
            made.push(Line {
                number,
                changed: shown != line,
                text: shown + ending,
            });
        }
    }
    made
}

/// What a line begins inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// Up to this letter: `"` or `|`.
    String(char),
    /// `#| … |#`, so deep.
    Comment(usize),
}

/// A datum of a list that is open.
#[derive(Clone, Debug)]
struct Item {
    line: usize,
    /// Its column, prefixes included.
    column: usize,
    /// The word that it is, where that is one.
    word: Option<String>,
}

/// A list that is open.
#[derive(Clone, Debug)]
struct List {
    line: usize,
    column: usize,
    /// The first two.
    items: Vec<Item>,
    count: usize,
    last_line: usize,
    /// The column of the first datum, of any depth, in the line of the last one.
    beside_last: usize,
}

struct Layout<'s> {
    style: &'s Style,
    lists: Vec<List>,
    inside: Inside,
    /// The line before ended in a backslash, in a string.
    escaped: bool,
    /// How deep the datum is that `#;` takes out.
    datum_comment: Option<usize>,
}

impl Layout<'_> {
    /// LINE, moved to where it belongs.
    fn placed(&self, line: &str) -> String {
        let rest = line.trim_start_matches([' ', '\t']);
        if self.inside != Inside::Nothing {
            return line.to_owned();
        }
        if rest.is_empty() {
            return String::new();
        }
        if rest.starts_with(";;;") {
            return line.to_owned();
        }
        let column = match rest.starts_with(';') && !rest.starts_with(";;") {
            true => COMMENT,
            false => self.column(),
        };
        // Tabs that lead to the right column stay.
        let blanks = line[..line.len() - rest.len()].chars();
        if blanks.fold(0, after) == column {
            return line.to_owned();
        }
        format!("{}{rest}", " ".repeat(column))
    }

    /// The column where the next line begins.
    fn column(&self) -> usize {
        let Some(list) = self.lists.last() else {
            return 0;
        };
        let Some(first) = list.items.first() else {
            return list.column + 1;
        };
        let on_first_line = list.last_line == list.line;
        let Some(word) = &first.word else {
            // A list or a string at the head.
            return match on_first_line {
                true => first.column,
                false => list.beside_last,
            };
        };
        let usual = match (on_first_line, list.items.get(1)) {
            (true, Some(second)) => second.column,
            (true, None) => first.column,
            (false, _) => list.beside_last,
        };
        let operands = list.count - 1;
        let apart = |apart: usize| {
            let body = list.column + BODY;
            if operands < apart {
                return match operands {
                    0 | 1 => list.column + 2 * BODY,
                    _ => usual,
                };
            }
            match operands == apart && (apart == 0 || body <= usual) {
                true => body,
                false => usual,
            }
        };
        match self.style.method(word) {
            None => usual,
            Some(Method::Definition) if on_first_line => list.column + BODY,
            Some(Method::Definition) => usual,
            Some(Method::Apart(count)) => apart(count),
            Some(Method::Let) => {
                let named = list.items.get(1).is_some_and(|second| {
                    second.line == list.line
                        && second.word.as_ref().is_some_and(|word| {
                            word.starts_with(|c: char| {
                                c.is_ascii_alphanumeric() || "-+*/?!@$%^&_:~".contains(c)
                            })
                        })
                });
                apart(if named { 2 } else { 1 })
            }
        }
    }

    /// Take in LINE, which has this NUMBER.
    fn read(&mut self, number: usize, line: &str) {
        let letters: Vec<char> = line.chars().collect();
        let mut columns = Vec::with_capacity(letters.len() + 1);
        let mut column = 0;
        for letter in &letters {
            columns.push(column);
            column = after(column, *letter);
        }
        columns.push(column);
        // Emacs looks at a line as if nothing were before it: what a string has in it then
        // counts as the first datum.
        let first = match self.inside {
            Inside::String(_) => letters.iter().position(|letter| !letter.is_whitespace()),
            _ => None,
        };
        let mut scan = Scan {
            number,
            letters: &letters,
            columns: &columns,
            at: 0,
            prefix: None,
            first: first.map(|at| columns[at]),
        };
        while scan.at < letters.len() {
            self.step(&mut scan);
        }
        self.escaped = false;
    }

    fn step(&mut self, scan: &mut Scan<'_>) {
        let letter = scan.letters[scan.at];
        match self.inside {
            Inside::String(end) => {
                if letter == '\\' {
                    scan.at += 1;
                } else if letter == end {
                    self.inside = Inside::Nothing;
                }
                scan.at += 1;
                return;
            }
            Inside::Comment(depth) => {
                if scan.has("|#") {
                    self.inside = match depth {
                        1 => Inside::Nothing,
                        _ => Inside::Comment(depth - 1),
                    };
                    scan.at += 2;
                } else if scan.has("#|") {
                    self.inside = Inside::Comment(depth + 1);
                    scan.at += 2;
                } else {
                    scan.at += 1;
                }
                return;
            }
            Inside::Nothing => {}
        }
        match letter {
            ';' => scan.at = scan.letters.len(),
            '#' if scan.has("#|") => {
                self.inside = Inside::Comment(1);
                scan.at += 2;
            }
            '(' | '[' | '{' => {
                let column = scan.columns[scan.at];
                self.item(scan, None);
                self.lists.push(List {
                    line: scan.number,
                    column,
                    items: Vec::new(),
                    count: 0,
                    last_line: scan.number,
                    beside_last: 0,
                });
                scan.at += 1;
            }
            ')' | ']' | '}' => {
                self.lists.pop();
                scan.prefix = None;
                scan.at += 1;
                if self
                    .datum_comment
                    .is_some_and(|depth| self.lists.len() < depth)
                {
                    self.datum_comment = None;
                }
            }
            '"' | '|' => {
                self.item(scan, None);
                self.inside = Inside::String(letter);
                scan.at += 1;
            }
            '\'' | '`' | ',' | '#' => {
                if scan.has("#;") {
                    // The datum is a comment: it does not count in its list.
                    self.datum_comment = Some(self.lists.len());
                    scan.at += 2;
                    return;
                }
                scan.prefix.get_or_insert(scan.columns[scan.at]);
                scan.at += 1;
            }
            '@' if scan.prefix.is_some() => scan.at += 1,
            letter if letter.is_whitespace() => {
                scan.prefix = None;
                scan.at += 1;
            }
            _ => {
                let start = scan.at;
                while let Some(letter) = scan.letters.get(scan.at) {
                    match letter {
                        '\\' => scan.at += 2,
                        '(' | ')' | '[' | ']' | '{' | '}' | '"' | ';' | '|' => break,
                        letter if letter.is_whitespace() => break,
                        _ => scan.at += 1,
                    }
                }
                scan.at = scan.at.min(scan.letters.len());
                let word: String = scan.letters[start..scan.at].iter().collect();
                let end = scan.at;
                scan.at = start;
                self.item(scan, Some(word));
                scan.at = end;
            }
        }
    }

    /// Note the datum that begins here.
    fn item(&mut self, scan: &mut Scan<'_>, word: Option<String>) {
        let column = scan.prefix.take().unwrap_or(scan.columns[scan.at]);
        let first = *scan.first.get_or_insert(column);
        if self.datum_comment == Some(self.lists.len()) {
            self.datum_comment = None;
            return;
        }
        if let Some(list) = self.lists.last_mut() {
            if list.items.len() < 2 {
                list.items.push(Item {
                    line: scan.number,
                    column,
                    word,
                });
            }
            list.count += 1;
            list.last_line = scan.number;
            list.beside_last = first;
        }
    }
}

/// The column behind LETTER, which stands in COLUMN.
fn after(column: usize, letter: char) -> usize {
    match letter {
        '\t' => (column / TAB + 1) * TAB,
        _ => column + 1,
    }
}

/// A line that is being read.
struct Scan<'l> {
    number: usize,
    letters: &'l [char],
    columns: &'l [usize],
    at: usize,
    /// The column of the prefixes before the datum to come.
    prefix: Option<usize>,
    /// The column of the line's first datum.
    first: Option<usize>,
}

impl Scan<'_> {
    fn has(&self, word: &str) -> bool {
        word.chars()
            .enumerate()
            .all(|(index, letter)| self.letters.get(self.at + index) == Some(&letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TEXT is laid out already.
    fn stays(text: &str) {
        let flat: String = text
            .lines()
            .map(|line| line.trim_start().to_owned() + "\n")
            .collect();
        assert_eq!(indented(&flat, &Style::default()), text);
    }

    #[test]
    fn lines_stand_where_emacs_puts_them() {
        stays("(define (f x)\n  (if x\n      1\n      2))\n");
        stays("(let loop ((a 1)\n           (b 2))\n  (loop a\n        b))\n");
        stays("(let ((a 1)\n      (b 2))\n  a)\n");
        stays("(list a\n      b)\n(list\n a\n b)\n");
        stays("'((a . 1)\n  (b . 2))\n#(1\n  2)\n");
        stays("(dynamic-wind\n    (lambda ()\n      1)\n    2\n    3)\n");
        stays("(f #:key 1\n   #:other\n   2)\n");
        stays("(match x\n  ((a b)\n   a)\n  (_ #f))\n");
        stays("(cond ((a)\n       b)\n      (else\n       c))\n");
        stays("(catch 'a\n  (lambda () 1)\n  (lambda _ 2))\n");
        stays("(define-record-type <a>\n  (make-a)\n  a?)\n");
        stays("(receive (a b)\n    (f)\n  (g a))\n");
    }

    #[test]
    fn strings_and_large_comments_stay() {
        let text = "(f \"a\n   b\"\n   c)\n      ;;; d\n(g)\n";
        assert_eq!(indented(text, &Style::default()), text);
        let text = "#|\n   a (\n|#\n(f)\n";
        assert_eq!(indented(text, &Style::default()), text);
    }

    #[test]
    fn a_workspace_has_words_of_its_own() {
        let mut style = Style::default();
        style.learn("((scheme-mode . ((eval . (put 'package 'scheme-indent-function 0)))))");
        let text = "(package\n(name \"a\")\n(b))\n";
        assert_eq!(indented(text, &style), "(package\n  (name \"a\")\n  (b))\n");
        assert_eq!(
            indented(text, &Style::default()),
            "(package\n (name \"a\")\n (b))\n"
        );
    }

    #[test]
    fn only_the_lines_asked_for_are_made() {
        let made = lines("(f\na\nb)\n", &Style::default(), 2..3);
        assert_eq!(made.len(), 1);
        assert_eq!((made[0].number, made[0].text.as_str()), (2, "b)"));
        assert!(!made[0].changed, "it stands below the line before");
    }
}
