//! What begins with `#`: booleans, characters, keywords, vectors, arrays, labels.

use super::tokens::Token;
use super::{Build, Kind, Label, Labels, NO_CHARACTER, ReadError, Reader, keyword};
use crate::data::number_syntax::parse_number;
use crate::data::value::{self, Value, list_value, string_value};
use crate::data::{bitvectors, bytevectors};

/// What stands behind the `#` of Guix's forms for code that is built elsewhere, the
/// longer first, and the forms.
///
/// Source: GNU Guix reference manual, "G-Expressions".
const GEXPS: [(&str, &str); 5] = [
    ("~", "gexp"),
    ("$@", "ungexp-splicing"),
    ("$", "ungexp"),
    ("+@", "ungexp-native-splicing"),
    ("+", "ungexp-native"),
];

impl<'a> Reader<'a> {
    /// What begins with `#`, comments apart.
    pub(super) fn hash<B: Build>(
        &mut self,
        build: &mut B,
        labels: &mut Labels<B::Node>,
    ) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        let second = self.bytes.get(start + 1).copied();
        if let Some(c) = self.text[start + 1..].chars().next()
            && extended(c)
        {
            let after = start + 1 + c.len_utf8();
            if let Some(made) = build.extension(c, after, self.span(start)) {
                let (node, position) = made?;
                self.position = position.clamp(after, self.text.len());
                return Ok(Token::Datum(node));
            }
        }
        let open = |reader: &mut Self, length: usize, kind: Kind| {
            reader.position += length;
            Ok(Token::Open(kind))
        };
        match second {
            None => self.ended(start, "unexpected end of input after #"),
            Some(b'(') => open(self, 2, Kind::Vector),
            // An extension that has been taken back.
            Some(b'|') => {
                self.block_comment()?;
                self.token(build, labels)
            }
            Some(b';') => open(self, 2, Kind::Comment),
            Some(b'\'') => open(self, 2, Kind::Prefix("syntax")),
            Some(b'`') => open(self, 2, Kind::Prefix("quasisyntax")),
            Some(b',') => {
                if self.bytes.get(start + 2) == Some(&b'@') {
                    open(self, 3, Kind::Prefix("unsyntax-splicing"))
                } else {
                    open(self, 2, Kind::Prefix("unsyntax"))
                }
            }
            Some(b'\\') => {
                let c = self.character()?;
                let span = self.span(start);
                Ok(Token::Datum(build.atom(Value::CharV(c), span)))
            }
            Some(b':') => open(self, 2, Kind::Keyword),
            Some(b'{') => {
                let name = self.odd_symbol()?;
                let span = self.span(start);
                Ok(Token::Datum(build.symbol(&name, span)))
            }
            Some(b'!') => {
                self.position += 2;
                let name = self.plain_token().to_owned();
                let span = self.span(start);
                let value = match name.as_str() {
                    "eof" => value::eof_object(),
                    "unspecified" => Value::Void,
                    "nil" => list_value(Vec::new()),
                    name => keyword(name),
                };
                Ok(Token::Datum(build.atom(value, span)))
            }
            Some(b'*') => self.bit_vector(build),
            Some(b'~' | b'$' | b'+') if build.reads_gexps() => {
                let word = &self.text[start + 1..];
                let (length, symbol) = GEXPS
                    .iter()
                    .find(|(written, _)| word.starts_with(written))
                    .map_or((1, "gexp"), |(written, symbol)| (written.len(), *symbol));
                open(self, 1 + length, Kind::Prefix(symbol))
            }
            Some(b'0'..=b'9') => self.label_or_array(build, labels),
            _ => self.hash_word(build),
        }
    }

    /// `#t`, `#vu8(`, `#x1F`, `#nil` and their like.
    fn hash_word<B: Build>(&mut self, build: &mut B) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        self.position += 1;
        if let Some(value) = self.boolean() {
            let span = self.span(start);
            return Ok(Token::Datum(build.atom(Value::BoolV(value), span)));
        }
        let word = self.plain_token();
        let span = self.span(start);
        let open = self.peek() == Some(b'(');
        if open && word == "vu8" {
            self.position += 1;
            return Ok(Token::Open(Kind::Bytevector));
        }
        if open && is_array_type(word) {
            self.position += 1;
            return Ok(Token::Open(Kind::Array(word.to_owned())));
        }
        let value = match word {
            "nil" => list_value(Vec::new()),
            _ => match parse_number(&self.text[start..self.position], 10) {
                Some(number) => number,
                None => return self.unknown(start, word),
            },
        };
        Ok(Token::Datum(build.atom(value, span)))
    }

    fn bit_vector<B: Build>(&mut self, build: &mut B) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        self.position += 2;
        let bits = self.plain_token();
        let span = self.span(start);
        match bitvectors::parse(bits) {
            Some(bits) => Ok(Token::Datum(build.atom(bitvectors::value(bits), span))),
            None => self.unknown(start, "*"),
        }
    }

    /// `#1=`, `#1#` or `#2(`.
    fn label_or_array<B: Build>(
        &mut self,
        build: &mut B,
        labels: &mut Labels<B::Node>,
    ) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        self.position += 1;
        let digits: String = self.text[self.position..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        self.position += digits.len();
        let number: u32 = match digits.parse() {
            Ok(number) => number,
            Err(_) => return self.error(start, "a label's number is too large"),
        };
        match self.peek() {
            Some(b'=') => {
                self.position += 1;
                Ok(Token::Open(Kind::Label(number)))
            }
            Some(b'#') => {
                self.position += 1;
                match labels.get_mut(&number) {
                    Some(Label::Known(node)) => Ok(Token::Datum(node.clone())),
                    Some(Label::Open(placeholder)) => {
                        if placeholder.is_none() {
                            *placeholder = build.placeholder();
                        }
                        match placeholder {
                            Some(node) => Ok(Token::Datum(node.clone())),
                            None => self.error(
                                start,
                                format!("label #{number}# refers to data that contain it; a program's text cannot hold circular data"),
                            ),
                        }
                    }
                    None => self.error(start, format!("there is no label #{number}=")),
                }
            }
            Some(b'(') => {
                self.position += 1;
                Ok(Token::Open(if number == 1 {
                    Kind::Vector
                } else {
                    Kind::Array(digits)
                }))
            }
            _ => {
                let word = self.plain_token();
                if self.peek() == Some(b'(') && is_array_type(word) {
                    self.position += 1;
                    let prefix = self.text[start + 1..self.position - 1].to_owned();
                    return Ok(Token::Open(Kind::Array(prefix)));
                }
                if let Some(value) = parse_number(&self.text[start..self.position], 10) {
                    let span = self.span(start);
                    return Ok(Token::Datum(build.atom(value, span)));
                }
                let word = format!("{digits}{word}");
                self.unknown(start, &word)
            }
        }
    }

    /// `#{odd symbol}#`
    fn odd_symbol(&mut self) -> Result<String, ReadError> {
        let start = self.position;
        self.position += 2;
        let mut name = String::new();
        loop {
            match self.peek_char() {
                None => return self.ended(start, "end of input while reading symbol"),
                Some('}') if self.bytes.get(self.position + 1) == Some(&b'#') => {
                    self.position += 2;
                    return Ok(name);
                }
                Some('\\') => match self.text[self.position + 1..].chars().next() {
                    Some('x') => self.escape(start, &mut name, true)?,
                    Some(c) => {
                        name.push(c);
                        self.position += 1 + c.len_utf8();
                    }
                    None => return self.ended(start, "end of input while reading symbol"),
                },
                Some(c) => {
                    name.push(c);
                    self.position += c.len_utf8();
                }
            }
        }
    }

    /// After `#`: `t`, `f` and their long forms; what follows is another datum.
    fn boolean(&mut self) -> Option<bool> {
        let rest = &self.bytes[self.position..];
        let begins = |word: &str| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        };
        let array = begins("f32") || begins("f64");
        for (word, value) in [("true", true), ("false", false), ("t", true), ("f", false)] {
            if begins(word) && !array {
                self.position += word.len();
                return Some(value);
            }
        }
        None
    }

    /// `#WORD` means nothing.
    fn unknown<T>(&mut self, start: usize, word: &str) -> Result<T, ReadError> {
        let first = word.chars().next();
        let (message, shown) = match first {
            Some('b' | 'B' | 'o' | 'O' | 'd' | 'D' | 'x' | 'X' | 'e' | 'E' | 'i' | 'I') => {
                ("unknown # object: ~S", format!("#{word}"))
            }
            Some(c) => {
                self.position = start + 1 + c.len_utf8();
                ("Unknown # object: ~S", format!("#{c}"))
            }
            None => match self.peek_char() {
                Some(c) => {
                    self.position += c.len_utf8();
                    ("Unknown # object: ~S", format!("#{c}"))
                }
                None => return self.ended(start, "unexpected end of input after #"),
            },
        };
        self.refuse(start, message, vec![string_value(shown)])
    }

    fn character(&mut self) -> Result<char, ReadError> {
        let start = self.position;
        self.position += 2;
        let Some(first) = self.peek_char() else {
            return self.ended(start, "unexpected end of input after #\\");
        };
        let delimiter = self.peek().is_some_and(|byte| self.is_delimiter(byte));
        self.position += first.len_utf8();
        // One that ends words does not begin a name.
        if delimiter {
            return Ok(first);
        }
        let more = self.plain_token();
        if more.is_empty() {
            return Ok(first);
        }
        let word = &self.text[start + 2..self.position];
        if let Some(c) = named_character(word) {
            return Ok(c);
        }
        // A combining mark is shown on a dotted circle.
        if first == '\u{25cc}' && more.chars().count() == 1 {
            return Ok(more.chars().next().expect("counted just above"));
        }
        let digits = |digits: &str, radix| u64::from_str_radix(digits, radix);
        let number = match word.strip_prefix('x') {
            Some(hexadecimal) => digits(hexadecimal, 16),
            None => digits(word, 8),
        };
        if let Ok(number) = number {
            let number = isize::try_from(number).unwrap_or(isize::MAX);
            return self.refuse(start, NO_CHARACTER, vec![Value::IntV(number)]);
        }
        self.refuse(start, "unknown character name ~a", vec![string_value(word)])
    }
}

thread_local! {
    static EXTENDED: std::cell::RefCell<Vec<char>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Whether `read-hash-extend` was told about C.
pub(super) fn extended(c: char) -> bool {
    EXTENDED.with(|extended| extended.borrow().contains(&c))
}

/// Characters that `read-hash-extend` was told about; procedures say what they mean.
pub fn extend(c: char) {
    EXTENDED.with(|extended| {
        let mut extended = extended.borrow_mut();
        if !extended.contains(&c) {
            extended.push(c);
        }
    });
}

/// Whether TEXT may hold what a program has said how to read.
pub fn meets_extension(text: &str) -> bool {
    EXTENDED.with(|extended| {
        let extended = extended.borrow();
        !extended.is_empty()
            && text
                .match_indices('#')
                .any(|(position, _)| text[position + 1..].starts_with(&extended[..]))
    })
}

/// Whether any character was extended.
pub fn any_extended() -> bool {
    EXTENDED.with(|extended| !extended.borrow().is_empty())
}

/// Whether WORD is what stands between `#2` and the elements of an array: `f64`, `@1:2`.
fn is_array_type(word: &str) -> bool {
    let end = word.find(['@', ':']).unwrap_or(word.len());
    let (kind, bounds) = word.split_at(end);
    let known = matches!(
        kind,
        "" | "a"
            | "b"
            | "vu8"
            | "u8"
            | "s8"
            | "u16"
            | "s16"
            | "u32"
            | "s32"
            | "u64"
            | "s64"
            | "f32"
            | "f64"
            | "c32"
            | "c64"
    );
    let numbers = bounds
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '@' | ':' | '-'));
    known && numbers && !word.is_empty()
}

/// The character called WORD in `#\WORD`.
pub fn named_character(word: &str) -> Option<char> {
    let c = match word {
        "nul" | "null" => '\0',
        "alarm" | "bel" => '\x07',
        "backspace" | "bs" => '\x08',
        "tab" | "ht" => '\t',
        "linefeed" | "newline" | "nl" | "lf" => '\n',
        "vtab" | "vt" => '\x0b',
        "page" | "ff" | "np" => '\x0c',
        "return" | "cr" => '\r',
        "escape" | "altmode" | "esc" => '\x1b',
        "space" | "sp" => ' ',
        "delete" | "del" | "rubout" => '\x7f',
        "soh" => '\x01',
        "stx" => '\x02',
        "etx" => '\x03',
        "eot" => '\x04',
        "enq" => '\x05',
        "ack" => '\x06',
        "so" => '\x0e',
        "si" => '\x0f',
        "dle" => '\x10',
        "dc1" => '\x11',
        "dc2" => '\x12',
        "dc3" => '\x13',
        "dc4" => '\x14',
        "nak" => '\x15',
        "syn" => '\x16',
        "etb" => '\x17',
        "can" => '\x18',
        "em" => '\x19',
        "sub" => '\x1a',
        "fs" => '\x1c',
        "gs" => '\x1d',
        "rs" => '\x1e',
        "us" => '\x1f',
        _ => {
            let mut chars = word.chars();
            let first = chars.next()?;
            if chars.next().is_none() {
                return Some(first);
            }
            return match first {
                'x' => u32::from_str_radix(&word[1..], 16)
                    .ok()
                    .and_then(char::from_u32),
                '0'..='7' => u32::from_str_radix(word, 8).ok().and_then(char::from_u32),
                _ => {
                    let lowered = word.to_lowercase();
                    (lowered != word)
                        .then(|| named_character(&lowered))
                        .flatten()
                }
            };
        }
    };
    Some(c)
}

pub(super) fn bytevector(bytes: Vec<u8>) -> Value {
    bytevectors::value(bytes)
}
