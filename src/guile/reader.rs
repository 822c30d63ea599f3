//! The reader: Guile's lexical syntax, for programs and for data.
//!
//! Nothing here recurses over the text: open brackets live on a list of their
//! own, with a limit, so hostile nesting ends in an error and not in an abort.
//! What is read is put together by a [`Build`]: syntax for programs, plain
//! values for `read`.
//!
//! Source: Guile Reference Manual, "Scheme Read" and "Expression Syntax".

mod number;

pub use number::parse_number;

use super::syntax::{Form, Id, Span, Stx};
use super::value::{Value, list_value, pair_value, string_value, symbol_value};
use std::collections::HashMap;

/// How deep brackets may nest.
const DEPTH_LIMIT: usize = 50_000;

/// Why a text cannot be read.
#[derive(Debug, Clone)]
pub struct ReadError {
    pub message: String,
    pub span: Span,
    /// More text could make it right.
    pub incomplete: bool,
}

/// Puts together what is read.
pub trait Build {
    type Node: Clone;
    fn symbol(&mut self, name: &str, span: Span) -> Self::Node;
    fn atom(&mut self, value: Value, span: Span) -> Self::Node;
    fn list(&mut self, items: Vec<Self::Node>, tail: Option<Self::Node>, span: Span) -> Self::Node;
    fn vector(&mut self, items: Vec<Self::Node>, span: Span) -> Self::Node;
    /// The byte that NODE stands for in a bytevector.
    fn byte(&self, node: &Self::Node) -> Option<u8>;
    /// An array written with PREFIX, such as `s32` or `2`.
    fn array(&mut self, prefix: &str, items: Vec<Self::Node>, span: Span) -> Option<Self::Node>;
}

/// Builds syntax.
pub struct SyntaxBuilder;

impl Build for SyntaxBuilder {
    type Node = Stx;

    fn symbol(&mut self, name: &str, span: Span) -> Stx {
        Stx::id(Id::named(name), span)
    }

    fn atom(&mut self, value: Value, span: Span) -> Stx {
        Stx::atom(value, span)
    }

    fn list(&mut self, items: Vec<Stx>, tail: Option<Stx>, span: Span) -> Stx {
        match tail {
            None => Stx::list(items, span),
            Some(tail) => Stx::improper(items, tail, span),
        }
    }

    fn vector(&mut self, items: Vec<Stx>, span: Span) -> Stx {
        Stx::new(Form::Vector(items), span)
    }

    fn byte(&self, node: &Stx) -> Option<u8> {
        match node.form() {
            Form::Atom(Value::IntV(number)) => u8::try_from(*number).ok(),
            _ => None,
        }
    }

    fn array(&mut self, _prefix: &str, _items: Vec<Stx>, _span: Span) -> Option<Stx> {
        None
    }
}

/// Builds values. VECTOR makes a vector, which only the machine can.
pub struct ValueBuilder<'a> {
    pub vector: &'a mut dyn FnMut(Vec<Value>) -> Value,
}

impl Build for ValueBuilder<'_> {
    type Node = Value;

    fn symbol(&mut self, name: &str, _span: Span) -> Value {
        symbol_value(name)
    }

    fn atom(&mut self, value: Value, _span: Span) -> Value {
        value
    }

    fn list(&mut self, items: Vec<Value>, tail: Option<Value>, _span: Span) -> Value {
        match tail {
            None => list_value(items),
            Some(tail) => items
                .into_iter()
                .rev()
                .fold(tail, |tail, item| pair_value(item, tail)),
        }
    }

    fn vector(&mut self, items: Vec<Value>, _span: Span) -> Value {
        (self.vector)(items)
    }

    fn byte(&self, node: &Value) -> Option<u8> {
        match node {
            Value::IntV(number) => u8::try_from(*number).ok(),
            _ => None,
        }
    }

    fn array(&mut self, _prefix: &str, _items: Vec<Value>, _span: Span) -> Option<Value> {
        None
    }
}

/// The one datum that TEXT holds, when it is one without vectors.
pub fn read_value(text: &str) -> Option<Value> {
    let mut has_vector = false;
    let mut vector = |_: Vec<Value>| {
        has_vector = true;
        Value::Void
    };
    let mut builder = ValueBuilder {
        vector: &mut vector,
    };
    let mut reader = Reader::new(text, 0);
    let value = reader.read(&mut builder).ok()??;
    let ended = matches!(reader.read(&mut builder), Ok(None));
    (ended && !has_vector).then_some(value)
}

/// Whether TEXT ends between data: no bracket, string or comment is open.
pub fn is_complete(text: &str) -> bool {
    let mut reader = Reader::new(text, 0);
    loop {
        match reader.read(&mut SyntaxBuilder) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(error) => return !error.incomplete,
        }
    }
}

/// What an open frame waits to become.
enum Kind {
    List(char),
    Vector,
    Bytevector,
    Array(String),
    /// `'x` and its like: the symbol to put in front of one datum.
    Prefix(&'static str),
    /// `#;`: the next datum is dropped.
    Comment,
    /// `#N=`
    Label(u32),
}

struct Frame<N> {
    kind: Kind,
    start: usize,
    items: Vec<N>,
    /// After the dot: `Some(None)` until the datum has come.
    tail: Option<Option<N>>,
}

enum Token<N> {
    Datum(N),
    Open(Kind),
    Close(char),
    Dot,
    End,
}

/// Reads one datum after another from a text.
pub struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    position: usize,
    source: u32,
    fold_case: bool,
    /// `:name` or `name:` as keywords, when `read-set!` asked for it.
    pub keywords: Keywords,
}

/// Further spellings of keywords.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Keywords {
    #[default]
    Guile,
    Prefix,
    Postfix,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of TEXT, the source with number SOURCE.
    pub fn new(text: &'a str, source: u32) -> Self {
        Reader {
            text,
            bytes: text.as_bytes(),
            position: 0,
            source,
            fold_case: false,
            keywords: Keywords::Guile,
        }
    }

    /// A reader that goes on at byte POSITION.
    pub fn at(text: &'a str, source: u32, position: usize) -> Self {
        Reader {
            position,
            ..Reader::new(text, source)
        }
    }

    /// The byte offset after what has been read.
    pub fn position(&self) -> usize {
        self.position
    }

    fn span(&self, start: usize) -> Span {
        Span {
            source: self.source,
            start: start as u32,
            end: self.position as u32,
        }
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ReadError> {
        Err(ReadError {
            message: message.into(),
            span: self.span(start),
            incomplete: false,
        })
    }

    fn ended<T>(&self, start: usize, what: &str) -> Result<T, ReadError> {
        Err(ReadError {
            message: format!("unexpected end of input while {what}"),
            span: self.span(start),
            incomplete: true,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn peek_char(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    /// The next datum, or nothing at the end of the text.
    pub fn read<B: Build>(&mut self, build: &mut B) -> Result<Option<B::Node>, ReadError> {
        let mut frames: Vec<Frame<B::Node>> = Vec::new();
        let mut labels: HashMap<u32, B::Node> = HashMap::new();
        loop {
            let before = self.position;
            let token = self.token(build, &labels)?;
            let mut datum = match token {
                Token::Open(kind) => {
                    if frames.len() >= DEPTH_LIMIT {
                        return self.error(
                            before,
                            format!("data nested deeper than {DEPTH_LIMIT} levels"),
                        );
                    }
                    frames.push(Frame {
                        kind,
                        start: before.max(self.skipped(before)),
                        items: Vec::new(),
                        tail: None,
                    });
                    continue;
                }
                Token::Datum(node) => node,
                Token::Dot => {
                    let position = self.position;
                    match frames.last_mut() {
                        Some(frame)
                            if matches!(frame.kind, Kind::List(_))
                                && frame.tail.is_none()
                                && !frame.items.is_empty() =>
                        {
                            frame.tail = Some(None);
                            continue;
                        }
                        _ => return self.error(position - 1, "unexpected `.`"),
                    }
                }
                Token::Close(closer) => {
                    let position = self.position;
                    let Some(frame) = frames.pop() else {
                        return self.error(position - 1, format!("unexpected `{closer}`"));
                    };
                    let span = self.span(frame.start);
                    let expected = match frame.kind {
                        Kind::List(closer) => closer,
                        Kind::Vector | Kind::Bytevector | Kind::Array(_) => ')',
                        _ => return self.error(position - 1, format!("unexpected `{closer}`")),
                    };
                    if closer != expected {
                        return self.error(
                            position - 1,
                            format!(
                                "mismatched close paren: `{closer}` where `{expected}` was expected"
                            ),
                        );
                    }
                    match frame.kind {
                        Kind::List(_) => match frame.tail {
                            Some(None) => {
                                return self.error(position - 1, "nothing after the dot");
                            }
                            Some(Some(tail)) => build.list(frame.items, Some(tail), span),
                            None => build.list(frame.items, None, span),
                        },
                        Kind::Vector => build.vector(frame.items, span),
                        Kind::Bytevector => {
                            let mut bytes = Vec::with_capacity(frame.items.len());
                            for item in &frame.items {
                                match build.byte(item) {
                                    Some(byte) => bytes.push(byte),
                                    None => {
                                        return self
                                            .error(frame.start, "a bytevector holds bytes only");
                                    }
                                }
                            }
                            build.atom(bytevector(bytes), span)
                        }
                        Kind::Array(prefix) => match build.array(&prefix, frame.items, span) {
                            Some(node) => node,
                            None => {
                                return self.error(
                                    frame.start,
                                    format!("arrays `#{prefix}` are not supported"),
                                );
                            }
                        },
                        _ => unreachable!("other kinds were refused above"),
                    }
                }
                Token::End => match frames.last() {
                    None => return Ok(None),
                    Some(frame) => {
                        let start = frame.start;
                        return self.ended(start, "searching for the end of a list");
                    }
                },
            };
            // The datum completes prefixes around it, then joins its list.
            loop {
                let Some(frame) = frames.last_mut() else {
                    return Ok(Some(datum));
                };
                match frame.kind {
                    Kind::Prefix(symbol) => {
                        let start = frame.start;
                        frames.pop();
                        let span = self.span(start);
                        let symbol_span = Span {
                            end: span.start + 1,
                            ..span
                        };
                        let symbol = build.symbol(symbol, symbol_span);
                        datum = build.list(vec![symbol, datum], None, span);
                    }
                    Kind::Comment => {
                        frames.pop();
                        break;
                    }
                    Kind::Label(number) => {
                        frames.pop();
                        labels.insert(number, datum.clone());
                    }
                    _ => {
                        match &mut frame.tail {
                            None => frame.items.push(datum),
                            Some(tail @ None) => *tail = Some(datum),
                            Some(Some(_)) => {
                                let position = self.position;
                                return self.error(position, "more than one datum after the dot");
                            }
                        }
                        break;
                    }
                }
            }
        }
    }

    /// Where the token that was read from BEFORE on began: after blanks and comments.
    fn skipped(&self, before: usize) -> usize {
        let mut probe = Reader::at(self.text, self.source, before);
        match probe.blanks() {
            Ok(()) => probe.position,
            Err(_) => before,
        }
    }

    /// Skip blanks and comments.
    fn blanks(&mut self) -> Result<(), ReadError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c) => self.position += 1,
                Some(b';') => self.skip_line(),
                Some(b'#') => match self.bytes.get(self.position + 1) {
                    Some(b'|') => self.block_comment()?,
                    Some(b'!') => {
                        if !self.directive()? {
                            return Ok(());
                        }
                    }
                    _ => return Ok(()),
                },
                Some(byte) if byte >= 0x80 => match self.peek_char() {
                    Some(c) if c.is_whitespace() || c == '\u{feff}' => {
                        self.position += c.len_utf8();
                    }
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'\n' {
                return;
            }
            self.position += 1;
        }
    }

    fn block_comment(&mut self) -> Result<(), ReadError> {
        let start = self.position;
        let mut depth = 0;
        loop {
            match (self.peek(), self.bytes.get(self.position + 1)) {
                (Some(b'#'), Some(b'|')) => {
                    depth += 1;
                    self.position += 2;
                }
                (Some(b'|'), Some(b'#')) => {
                    depth -= 1;
                    self.position += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.position += 1,
                (None, _) => return self.ended(start, "reading a `#|` comment"),
            }
        }
    }

    /// `#!…`: a directive or a comment up to `!#`. False when it stands for a datum.
    fn directive(&mut self) -> Result<bool, ReadError> {
        let start = self.position;
        let rest = &self.text[start + 2..];
        let name: &str = {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .unwrap_or(rest.len());
            &rest[..end]
        };
        match name {
            "eof" | "default" | "unspecified" | "optional" | "key" | "rest" | "nil" => {
                if !rest.contains("!#") || name != "eof" && name != "default" {
                    return Ok(false);
                }
            }
            "fold-case" => self.fold_case = true,
            "no-fold-case" => self.fold_case = false,
            "r6rs"
            | "r7rs"
            | "curly-infix"
            | "curly-infix-and-bracket-lists"
            | "hungry-eol-escapes" => {}
            _ => {
                return match rest.find("!#") {
                    Some(offset) => {
                        self.position = start + 2 + offset + 2;
                        Ok(true)
                    }
                    None if start == 0 => {
                        // A script's first line, as systems write it.
                        self.skip_line();
                        Ok(true)
                    }
                    None => {
                        self.position = self.text.len();
                        self.ended(start, "reading a `#! ... !#` comment")
                    }
                };
            }
        }
        self.position = start + 2 + name.len();
        Ok(true)
    }

    fn token<B: Build>(
        &mut self,
        build: &mut B,
        labels: &HashMap<u32, B::Node>,
    ) -> Result<Token<B::Node>, ReadError> {
        self.blanks()?;
        let start = self.position;
        let Some(byte) = self.peek() else {
            return Ok(Token::End);
        };
        let open = |reader: &mut Self, length: usize, kind: Kind| {
            reader.position += length;
            Ok(Token::Open(kind))
        };
        match byte {
            b'(' => open(self, 1, Kind::List(')')),
            b'[' => open(self, 1, Kind::List(']')),
            b')' | b']' => {
                self.position += 1;
                Ok(Token::Close(byte as char))
            }
            b'\'' => open(self, 1, Kind::Prefix("quote")),
            b'`' => open(self, 1, Kind::Prefix("quasiquote")),
            b',' => {
                if self.bytes.get(start + 1) == Some(&b'@') {
                    open(self, 2, Kind::Prefix("unquote-splicing"))
                } else {
                    open(self, 1, Kind::Prefix("unquote"))
                }
            }
            b'"' => {
                let text = self.string()?;
                let span = self.span(start);
                Ok(Token::Datum(build.atom(string_value(text), span)))
            }
            b'#' => self.hash(build, labels),
            b'|' => {
                let name = self.bars()?;
                let span = self.span(start);
                Ok(Token::Datum(build.symbol(&name, span)))
            }
            _ => {
                let token = self.plain_token();
                if token == "." {
                    return Ok(Token::Dot);
                }
                let span = self.span(start);
                Ok(Token::Datum(self.symbol_or_number(build, token, span)))
            }
        }
    }

    fn symbol_or_number<B: Build>(&self, build: &mut B, token: &str, span: Span) -> B::Node {
        let first = token.as_bytes()[0];
        if matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.')
            && let Some(number) = parse_number(token, 10)
        {
            return build.atom(number, span);
        }
        match self.keywords {
            Keywords::Prefix if first == b':' && token.len() > 1 => {
                return build.atom(keyword(&token[1..]), span);
            }
            Keywords::Postfix if token.ends_with(':') && token.len() > 1 => {
                return build.atom(keyword(&token[..token.len() - 1]), span);
            }
            _ => {}
        }
        if self.fold_case {
            build.symbol(&token.to_lowercase(), span)
        } else {
            build.symbol(token, span)
        }
    }

    /// Up to the next delimiter.
    fn plain_token(&mut self) -> &'a str {
        let start = self.position;
        while let Some(byte) = self.peek() {
            match byte {
                b'(' | b')' | b'[' | b']' | b'"' | b';' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c => {
                    break;
                }
                byte if byte >= 0x80 => match self.peek_char() {
                    Some(c) if !c.is_whitespace() => self.position += c.len_utf8(),
                    _ => break,
                },
                _ => self.position += 1,
            }
        }
        &self.text[start..self.position]
    }

    fn bars(&mut self) -> Result<String, ReadError> {
        let start = self.position;
        self.position += 1;
        let mut name = String::new();
        loop {
            match self.peek_char() {
                None => return self.ended(start, "reading a symbol"),
                Some('|') => {
                    self.position += 1;
                    return Ok(name);
                }
                Some('\\') => self.escape(start, &mut name)?,
                Some(c) => {
                    name.push(c);
                    self.position += c.len_utf8();
                }
            }
        }
    }

    fn string(&mut self) -> Result<String, ReadError> {
        let start = self.position;
        self.position += 1;
        let mut text = String::new();
        loop {
            let rest = &self.bytes[self.position..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\'))
                .unwrap_or(rest.len());
            text.push_str(&self.text[self.position..self.position + plain]);
            self.position += plain;
            match self.peek() {
                None => return self.ended(start, "reading a string"),
                Some(b'"') => {
                    self.position += 1;
                    return Ok(text);
                }
                _ => self.escape(start, &mut text)?,
            }
        }
    }

    /// After a backslash in a string or between bars.
    fn escape(&mut self, start: usize, text: &mut String) -> Result<(), ReadError> {
        self.position += 1;
        let Some(c) = self.peek_char() else {
            return self.ended(start, "reading a string");
        };
        self.position += c.len_utf8();
        let plain = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'e' => '\x1b',
            '0' => '\0',
            '"' | '\\' | '|' | '(' | ')' | '\'' => c,
            '\n' => return Ok(()),
            'x' => {
                let digits: String = self.text[self.position..]
                    .chars()
                    .take_while(char::is_ascii_hexdigit)
                    .collect();
                // R6RS and R7RS write `\x41;`, Guile two digits without the semicolon.
                let after = self.bytes.get(self.position + digits.len());
                if !digits.is_empty() && after == Some(&b';') {
                    self.position += digits.len() + 1;
                    return self.code_point(start, &digits, text);
                }
                return self.hex_escape(start, 2, text);
            }
            'u' => return self.hex_escape(start, 4, text),
            'U' => return self.hex_escape(start, 6, text),
            ' ' | '\t' | '\r' if self.blank_to_line_end() => return Ok(()),
            _ => {
                return self.error(
                    self.position - c.len_utf8(),
                    format!("invalid character in escape sequence: {c}"),
                );
            }
        };
        text.push(plain);
        Ok(())
    }

    /// `\` followed by blanks and the end of the line, which R6RS allows.
    fn blank_to_line_end(&mut self) -> bool {
        let rest = &self.text[self.position..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        let ends = rest[blanks..].starts_with('\n');
        if ends {
            self.position += blanks + 1;
        }
        ends
    }

    fn hex_escape(
        &mut self,
        start: usize,
        count: usize,
        text: &mut String,
    ) -> Result<(), ReadError> {
        let digits: String = self.text[self.position..].chars().take(count).collect();
        if digits.len() < count || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.error(start, "invalid character in escape sequence");
        }
        self.position += count;
        self.code_point(start, &digits, text)
    }

    fn code_point(&self, start: usize, digits: &str, text: &mut String) -> Result<(), ReadError> {
        match u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
        {
            Some(c) => {
                text.push(c);
                Ok(())
            }
            None => self.error(start, format!("no character has the number {digits}")),
        }
    }

    /// What begins with `#`, comments apart.
    fn hash<B: Build>(
        &mut self,
        build: &mut B,
        labels: &HashMap<u32, B::Node>,
    ) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        let second = self.bytes.get(start + 1).copied();
        let open = |reader: &mut Self, length: usize, kind: Kind| {
            reader.position += length;
            Ok(Token::Open(kind))
        };
        match second {
            None => {
                self.position += 1;
                self.ended(start, "reading `#`")
            }
            Some(b'(') => open(self, 2, Kind::Vector),
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
            Some(b':') => {
                self.position += 2;
                let name = if self.peek() == Some(b'"') {
                    self.string()?
                } else if self.peek() == Some(b'#')
                    && self.bytes.get(self.position + 1) == Some(&b'{')
                {
                    self.odd_symbol()?
                } else {
                    self.plain_token().to_owned()
                };
                let span = self.span(start);
                Ok(Token::Datum(build.atom(keyword(&name), span)))
            }
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
                    "eof" => super::library::eof_object(),
                    "unspecified" => Value::Void,
                    "nil" => list_value(Vec::new()),
                    name => keyword(name),
                };
                Ok(Token::Datum(build.atom(value, span)))
            }
            Some(b'*') => self.bit_vector(build),
            Some(b'0'..=b'9') => self.label_or_array(build, labels),
            _ => self.hash_word(build),
        }
    }

    /// `#t`, `#vu8(`, `#x1F`, `#nil` and their like.
    fn hash_word<B: Build>(&mut self, build: &mut B) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        self.position += 1;
        let word = self.plain_token();
        let span = self.span(start);
        let open = self.peek() == Some(b'(');
        if open && matches!(word, "vu8" | "u8") {
            self.position += 1;
            return Ok(Token::Open(Kind::Bytevector));
        }
        if open
            && matches!(
                word,
                "s8" | "u16"
                    | "s16"
                    | "u32"
                    | "s32"
                    | "u64"
                    | "s64"
                    | "f32"
                    | "f64"
                    | "c32"
                    | "c64"
                    | "b"
                    | "a"
            )
        {
            self.position += 1;
            return Ok(Token::Open(Kind::Array(word.to_owned())));
        }
        let value = match word {
            "t" | "true" => Value::BoolV(true),
            "f" | "false" => Value::BoolV(false),
            "nil" => list_value(Vec::new()),
            _ => match parse_number(&self.text[start..self.position], 10) {
                Some(number) => number,
                None => return self.error(start, format!("Unknown # object: \"#{word}\"")),
            },
        };
        Ok(Token::Datum(build.atom(value, span)))
    }

    fn bit_vector<B: Build>(&mut self, build: &mut B) -> Result<Token<B::Node>, ReadError> {
        let start = self.position;
        self.position += 2;
        let bits = self.plain_token();
        let span = self.span(start);
        let mut items = Vec::with_capacity(bits.len());
        for bit in bits.bytes() {
            match bit {
                b'0' | b'1' => items.push(build.atom(Value::BoolV(bit == b'1'), span)),
                _ => return self.error(start, format!("Unknown # object: \"#*{bits}\"")),
            }
        }
        match build.array("*", items, span) {
            Some(node) => Ok(Token::Datum(node)),
            None => self.error(start, "bit vectors are not supported in this place"),
        }
    }

    /// `#1=`, `#1#` or `#2(`.
    fn label_or_array<B: Build>(
        &mut self,
        build: &mut B,
        labels: &HashMap<u32, B::Node>,
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
                match labels.get(&number) {
                    Some(node) => Ok(Token::Datum(node.clone())),
                    None => self.error(
                        start,
                        format!("label #{number}# refers to data that contain it; circular data cannot be made here"),
                    ),
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
                if let Some(value) = parse_number(&self.text[start..self.position], 10) {
                    let span = self.span(start);
                    return Ok(Token::Datum(build.atom(value, span)));
                }
                self.error(start, format!("Unknown # object: \"#{digits}{word}\""))
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
                None => return self.ended(start, "reading a symbol"),
                Some('}') if self.bytes.get(self.position + 1) == Some(&b'#') => {
                    self.position += 2;
                    return Ok(name);
                }
                Some('\\') => self.escape(start, &mut name)?,
                Some(c) => {
                    name.push(c);
                    self.position += c.len_utf8();
                }
            }
        }
    }

    fn character(&mut self) -> Result<char, ReadError> {
        let start = self.position;
        self.position += 2;
        let Some(first) = self.peek_char() else {
            return self.ended(start, "reading a character");
        };
        self.position += first.len_utf8();
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
        self.error(start, format!("unknown character name {word}"))
    }
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

/// The keyword called NAME.
pub fn keyword(name: &str) -> Value {
    symbol_value(&format!("#:{name}"))
}

fn bytevector(bytes: Vec<u8>) -> Value {
    super::library::bytevectors::value(bytes)
}
