//! The reader: Guile's lexical syntax, for programs and for data.
//!
//! Nothing here recurses over the text: open brackets live on a list of their
//! own, with a limit, so hostile nesting ends in an error and not in an abort.
//! What is read is put together by a [`Build`]: syntax for programs, plain
//! values for `read`.
//!
//! Source: Guile Reference Manual, "Scheme Read" and "Expression Syntax".

pub use crate::data::number_syntax::{exponent_out_of_range, parse_number};

use crate::data::pairs::{self, is_pair};
use crate::data::value::{self, Value, list_value, pair_value, string_value};
use crate::data::{arrays, bitvectors, bytevectors, native, symbols, vectors};
use crate::read::builder::SyntaxBuilder;
use crate::syntax::span::Span;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// How deep brackets may nest.
const DEPTH_LIMIT: usize = 50_000;

/// Why a text cannot be read.
#[derive(Debug, Clone)]
pub struct ReadError {
    /// What Guile says, with `~A` and `~S` for the arguments.
    pub message: String,
    pub arguments: Vec<Value>,
    /// From where it began to where it showed.
    pub span: Span,
    /// More text could make it right.
    pub incomplete: bool,
}

/// What `read-options` says, for all reading or, by a directive, for one text.
#[derive(Clone, Copy, Default)]
pub struct Options {
    pub fold_case: Option<bool>,
    pub keywords: Option<Keywords>,
    /// `\x41;` instead of two digits.
    pub hex_escapes: Option<bool>,
    /// A line continued in a string leaves out the blanks that begin the next.
    pub hungry: Option<bool>,
    /// `|a b|` is a symbol.
    pub bars: Option<bool>,
    pub curly: Option<bool>,
    pub bracket_lists: Option<bool>,
}

thread_local! {
    static OPTIONS: Cell<Options> = const { Cell::new(Options {
        fold_case: None,
        keywords: None,
        hex_escapes: None,
        hungry: None,
        bars: None,
        curly: None,
        bracket_lists: None,
    }) };
}

/// The options for all reading.
pub fn options() -> Options {
    OPTIONS.with(Cell::get)
}

pub fn set_options(options: Options) {
    OPTIONS.with(|slot| slot.set(options));
}

/// The messages of the errors that are none of the reader's own.
const NOT_A_BYTE: &str = "a bytevector holds bytes only";
const NO_CHARACTER: &str = "no character has this number";

/// What Guile throws for ERROR where it is no `read-error`.
pub fn raise_of(error: &ReadError) -> Option<native::Raise> {
    use crate::data::native::Raise;
    let found = error.arguments.first().cloned().unwrap_or(Value::Void);
    if error.message == NO_CHARACTER {
        return Some(Raise::throw(
            "out-of-range",
            vec![
                string_value("integer->char"),
                string_value("Argument 1 out of range: ~S"),
                list_value(vec![found.clone()]),
                list_value(vec![found]),
            ],
        ));
    }
    if error.message != NOT_A_BYTE {
        return None;
    }
    let procedure = string_value("bytevector-u8-set!");
    let irritants = list_value(vec![found.clone()]);
    Some(match found {
        Value::IntV(_) | Value::BigNum(_) => Raise::throw(
            "out-of-range",
            vec![
                procedure,
                string_value("Value out of range: ~S"),
                irritants.clone(),
                irritants,
            ],
        ),
        found => Raise::throw(
            "wrong-type-arg",
            vec![
                procedure,
                string_value("Wrong type argument in position ~A: ~S"),
                list_value(vec![Value::IntV(3), found]),
                irritants,
            ],
        ),
    })
}

/// Puts together what is read.
pub trait Build {
    type Node: Clone;
    fn symbol(&mut self, name: &str, span: Span) -> Self::Node;
    fn atom(&mut self, value: Value, span: Span) -> Self::Node;
    fn list(&mut self, items: Vec<Self::Node>, tail: Option<Self::Node>, span: Span) -> Self::Node;
    fn vector(&mut self, items: Vec<Self::Node>, span: Span) -> Self::Node;
    /// The elements of NODE, when it is a list.
    fn elements(&self, node: &Self::Node) -> Option<Vec<Self::Node>>;
    /// NODE as a value, when that is plain to see.
    fn value(&self, node: &Self::Node) -> Option<Value>;
    /// Whether two nodes are one symbol.
    fn same_symbol(&self, a: &Self::Node, b: &Self::Node) -> bool;
    /// The byte that NODE stands for in a bytevector.
    fn byte(&self, node: &Self::Node) -> Option<u8>;
    /// What a procedure that `read-hash-extend` was given for C makes of the
    /// text from byte POSITION on, and where that ends; nothing without one.
    fn extension(
        &mut self,
        _c: char,
        _position: usize,
        _span: Span,
    ) -> Option<Result<(Self::Node, usize), ReadError>> {
        None
    }
    /// An array written with PREFIX, such as `s32` or `2`.
    fn array(&mut self, prefix: &str, items: Vec<Self::Node>, span: Span) -> Option<Self::Node>;
    /// What stands for a labelled datum within itself, where that can be had.
    fn placeholder(&mut self) -> Option<Self::Node> {
        None
    }
    /// Put DATUM where it holds PLACEHOLDER.
    fn tie(&mut self, _datum: &Self::Node, _placeholder: &Self::Node) {}
}

/// Builds values. VECTOR makes a vector, which only the machine can.
pub struct ValueBuilder<'a> {
    pub vector: &'a mut dyn FnMut(Vec<Value>) -> Value,
    /// Gets each thing with an identity and where it began, when that is wanted.
    pub places: Option<&'a mut Vec<(Value, u32)>>,
    /// Does what `read-hash-extend` has asked for, see [`Build::extension`].
    pub extension: &'a mut dyn FnMut(char, usize) -> Option<Result<(Value, usize), ReadError>>,
}

impl ValueBuilder<'_> {
    fn placed(&mut self, value: Value, span: Span) -> Value {
        if let Some(places) = &mut self.places {
            places.push((value.clone(), span.start));
        }
        value
    }
}

impl Build for ValueBuilder<'_> {
    type Node = Value;

    fn symbol(&mut self, name: &str, _span: Span) -> Value {
        symbols::symbol(name)
    }

    fn atom(&mut self, value: Value, span: Span) -> Value {
        match &value {
            Value::IntV(_) | Value::BoolV(_) | Value::CharV(_) | Value::SymbolV(_) => value,
            _ => self.placed(value, span),
        }
    }

    fn list(&mut self, items: Vec<Value>, tail: Option<Value>, span: Span) -> Value {
        let list = match tail {
            None => list_value(items),
            Some(tail) => items
                .into_iter()
                .rev()
                .fold(tail, |tail, item| pair_value(item, tail)),
        };
        match &list {
            Value::Pair(_) => self.placed(list, span),
            _ => list,
        }
    }

    fn vector(&mut self, items: Vec<Value>, span: Span) -> Value {
        let vector = (self.vector)(items);
        self.placed(vector, span)
    }

    fn extension(
        &mut self,
        c: char,
        position: usize,
        _span: Span,
    ) -> Option<Result<(Value, usize), ReadError>> {
        (self.extension)(c, position)
    }

    fn elements(&self, node: &Value) -> Option<Vec<Value>> {
        pairs::to_vec(node)
    }

    fn value(&self, node: &Value) -> Option<Value> {
        Some(node.clone())
    }

    fn same_symbol(&self, a: &Value, b: &Value) -> bool {
        matches!((a, b), (Value::SymbolV(a), Value::SymbolV(b)) if a == b)
    }

    fn byte(&self, node: &Value) -> Option<u8> {
        match node {
            Value::IntV(number) => u8::try_from(*number).ok(),
            _ => None,
        }
    }

    fn array(&mut self, prefix: &str, items: Vec<Value>, _span: Span) -> Option<Value> {
        arrays::written(self.vector, prefix, &list_value(items))
    }

    fn placeholder(&mut self) -> Option<Value> {
        Some(pair_value(Value::Void, Value::Void))
    }

    fn tie(&mut self, datum: &Value, placeholder: &Value) {
        let hole = pairs::identity(placeholder);
        let is_hole = |value: &Value| is_pair(value) && pairs::identity(value) == hole;
        let mut seen = HashSet::new();
        let mut waiting = vec![datum.clone()];
        while let Some(value) = waiting.pop() {
            if let Some(car) = pairs::car(&value).cloned() {
                if !seen.insert(pairs::identity(&value)) {
                    continue;
                }
                let cdr = pairs::cdr(&value).unwrap_or_else(pairs::nil);
                // What was read is made of pairs that can be changed.
                let _changed = match is_hole(&car) {
                    true => pairs::set_car(&value, datum.clone()),
                    false => {
                        waiting.push(car);
                        true
                    }
                } && match is_hole(&cdr) {
                    true => pairs::set_cdr(&value, datum.clone()),
                    false => {
                        waiting.push(cdr);
                        true
                    }
                };
            } else if let Value::MutableVector(vector) = &value {
                if !seen.insert(Some((vector.as_ptr_usize(), 1))) {
                    continue;
                }
                vectors::change(&value, |items| {
                    for item in items {
                        match is_hole(item) {
                            true => *item = datum.clone(),
                            false => waiting.push(item.clone()),
                        }
                    }
                });
            }
        }
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
        places: None,
        extension: &mut |_, _| None,
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
        match reader.read(&mut SyntaxBuilder::default()) {
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
    /// `{a + b}`
    Curly,
    /// `[a b]`, where brackets are not parentheses.
    Bracket,
    /// `#;`: the next datum is dropped.
    Comment,
    /// `#N=`
    Label(u32),
    /// `f(x)`, `f[x]` or `f{x}` within curly braces, up to the bracket named;
    /// what is applied is the first of the items.
    Applied(char),
}

/// What `#N=` has given a number to.
enum Label<N> {
    /// Still being read; with what stands for it meanwhile, once it was asked for.
    Open(Option<N>),
    Known(N),
}

type Labels<N> = HashMap<u32, Label<N>>;

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
    /// What directives in this text have said.
    pub said: Options,
    fold_case: bool,
    keywords: Keywords,
    hex_escapes: bool,
    hungry: bool,
    bars: bool,
    curly: bool,
    bracket_lists: bool,
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
        Reader::with(text, source, Options::default())
    }

    /// The same, where directives have SAID something before.
    pub fn with(text: &'a str, source: u32, said: Options) -> Self {
        let mut reader = Reader {
            text,
            bytes: text.as_bytes(),
            position: 0,
            source,
            said,
            fold_case: false,
            keywords: Keywords::Guile,
            hex_escapes: false,
            hungry: false,
            bars: false,
            curly: false,
            bracket_lists: false,
        };
        reader.heed();
        reader
    }

    /// Let the options for all reading and what this text says take effect.
    fn heed(&mut self) {
        let (said, all) = (self.said, options());
        let on = |said: Option<bool>, all: Option<bool>| said.or(all).unwrap_or(false);
        self.fold_case = on(said.fold_case, all.fold_case);
        self.keywords = said.keywords.or(all.keywords).unwrap_or_default();
        self.hex_escapes = on(said.hex_escapes, all.hex_escapes);
        self.hungry = on(said.hungry, all.hungry);
        self.bars = on(said.bars, all.bars);
        self.curly = on(said.curly, all.curly);
        self.bracket_lists = on(said.bracket_lists, all.bracket_lists);
    }

    /// A reader that goes on at byte POSITION.
    pub fn at(text: &'a str, source: u32, position: usize) -> Self {
        Reader {
            position,
            ..Reader::new(text, source)
        }
    }

    /// Go on at byte POSITION.
    pub fn skip_to(&mut self, position: usize) {
        self.position = position;
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
            arguments: Vec::new(),
            span: self.span(start),
            incomplete: false,
        })
    }

    fn refuse<T>(
        &self,
        start: usize,
        message: &str,
        arguments: Vec<Value>,
    ) -> Result<T, ReadError> {
        Err(ReadError {
            message: message.to_owned(),
            arguments,
            span: self.span(start),
            incomplete: false,
        })
    }

    /// The text has ended too early, which MESSAGE says.
    fn ended<T>(&mut self, start: usize, message: &str) -> Result<T, ReadError> {
        self.position = self.text.len();
        Err(ReadError {
            message: message.to_owned(),
            arguments: Vec::new(),
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
        let mut labels: Labels<B::Node> = HashMap::new();
        'data: loop {
            let before = self.position;
            let token = self.token(build, &mut labels)?;
            let mut datum = match token {
                Token::Open(kind) => {
                    if frames.len() >= DEPTH_LIMIT {
                        return self.error(
                            before,
                            format!("data nested deeper than {DEPTH_LIMIT} levels"),
                        );
                    }
                    if let Kind::Label(number) = kind {
                        labels.insert(number, Label::Open(None));
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
                            if matches!(
                                frame.kind,
                                Kind::List(_) | Kind::Vector | Kind::Curly | Kind::Applied(_)
                            ) && frame.tail.is_none() =>
                        {
                            frame.tail = Some(None);
                            continue;
                        }
                        Some(frame) if frame.tail.is_some() => {
                            return self.refuse(
                                position - 1,
                                "missing close paren: ~A",
                                vec![Value::CharV('.')],
                            );
                        }
                        _ => build.symbol(".", self.span(position - 1)),
                    }
                }
                Token::Close(closer) => {
                    let position = self.position;
                    let Some(frame) = frames.pop() else {
                        return self.error(position - 1, format!("unexpected \"{closer}\""));
                    };
                    let span = self.span(frame.start);
                    let expected = match frame.kind {
                        Kind::List(closer) | Kind::Applied(closer) => closer,
                        Kind::Vector | Kind::Bytevector | Kind::Array(_) => ')',
                        Kind::Curly => '}',
                        Kind::Bracket => ']',
                        _ => return self.error(position - 1, format!("unexpected \"{closer}\"")),
                    };
                    if closer != expected {
                        return self.refuse(
                            position - 1,
                            "mismatched close paren: ~A",
                            vec![Value::CharV(closer)],
                        );
                    }
                    match frame.kind {
                        Kind::List(_) => match frame.tail {
                            Some(None) => {
                                return self
                                    .error(position - 1, format!("unexpected \"{closer}\""));
                            }
                            Some(Some(tail)) if frame.items.is_empty() => tail,
                            Some(Some(tail)) => build.list(frame.items, Some(tail), span),
                            None => build.list(frame.items, None, span),
                        },
                        Kind::Curly => infix(build, frame.items, frame.tail.flatten(), span),
                        Kind::Applied(closer) => {
                            let mut items = frame.items;
                            let mut tail = frame.tail.flatten();
                            match closer {
                                ']' => items.insert(0, build.symbol("$bracket-apply$", span)),
                                '}' if items.len() > 1 => {
                                    let inner = items.split_off(1);
                                    items.push(infix(build, inner, tail.take(), span));
                                }
                                _ => {}
                            }
                            build.list(items, tail, span)
                        }
                        Kind::Bracket => {
                            let mut items = frame.items;
                            items.insert(0, build.symbol("$bracket-list$", span));
                            build.list(items, frame.tail.flatten(), span)
                        }
                        Kind::Vector => {
                            let mut items = frame.items;
                            match frame.tail.flatten().map(|tail| build.elements(&tail)) {
                                None => {}
                                Some(Some(more)) => items.extend(more),
                                Some(None) => {
                                    return self.error(frame.start, "a vector ends in a dot");
                                }
                            }
                            build.vector(items, span)
                        }
                        Kind::Bytevector => {
                            let mut bytes = Vec::with_capacity(frame.items.len());
                            for item in &frame.items {
                                match build.byte(item) {
                                    Some(byte) => bytes.push(byte),
                                    None => {
                                        let found = build.value(item);
                                        return self.refuse(
                                            frame.start,
                                            NOT_A_BYTE,
                                            found.into_iter().collect(),
                                        );
                                    }
                                }
                            }
                            build.atom(bytevector(bytes), span)
                        }
                        Kind::Array(prefix) => match build.array(&prefix, frame.items, span) {
                            Some(node) => node,
                            None if prefix.contains(":-") => {
                                return self.error(
                                    frame.start + 1 + prefix.len(),
                                    "array length must be non-negative",
                                );
                            }
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
                        let message = match frame.kind {
                            Kind::Prefix("quote") => "quoted expression",
                            Kind::Prefix("quasiquote") => "quasiquoted expression",
                            Kind::Prefix("unquote") => "unquoted expression",
                            Kind::Prefix("unquote-splicing") => "subexpression of ,@",
                            Kind::Prefix("syntax") => "syntax expression",
                            Kind::Prefix("quasisyntax") => "quasisyntax expression",
                            Kind::Prefix("unsyntax") => "unsyntax expression",
                            Kind::Prefix(_) => "unsyntax-splicing expression",
                            Kind::Comment => "#; comment",
                            Kind::Label(_) => "array",
                            _ if matches!(frame.tail, Some(None)) => "tail of improper list",
                            _ => "",
                        };
                        if !message.is_empty() {
                            return self.ended(
                                start,
                                &format!("unexpected end of input while reading {message}"),
                            );
                        }
                        let closer = match frame.kind {
                            Kind::List(closer) | Kind::Applied(closer) => closer,
                            Kind::Curly => '}',
                            Kind::Bracket => ']',
                            _ => ')',
                        };
                        self.position = self.text.len();
                        return Err(ReadError {
                            message: "unexpected end of input while searching for: ~A".to_owned(),
                            arguments: vec![Value::CharV(closer)],
                            span: self.span(start),
                            incomplete: true,
                        });
                    }
                },
            };
            // Within curly braces a bracket right after the datum applies it.
            if self.curly && frames.iter().any(|frame| matches!(frame.kind, Kind::Curly)) {
                let closer = match self.peek() {
                    Some(b'(') => Some(')'),
                    Some(b'[') => Some(']'),
                    Some(b'{') => Some('}'),
                    _ => None,
                };
                if let Some(closer) = closer {
                    frames.push(Frame {
                        kind: Kind::Applied(closer),
                        start: self.position,
                        items: vec![datum],
                        tail: None,
                    });
                    self.position += 1;
                    continue 'data;
                }
            }
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
                        if let Some(Label::Open(Some(placeholder))) =
                            labels.insert(number, Label::Known(datum.clone()))
                        {
                            build.tie(&datum, &placeholder);
                        }
                    }
                    _ => {
                        match &mut frame.tail {
                            None => frame.items.push(datum),
                            Some(tail @ None) => *tail = Some(datum),
                            Some(Some(_)) => {
                                let text = &self.text[..self.position];
                                let start = before.max(self.skipped(before)).min(text.len());
                                let first = text[start..].chars().next().unwrap_or(' ');
                                self.position = start + first.len_utf8();
                                return self.refuse(
                                    start,
                                    "missing close paren: ~A",
                                    vec![Value::CharV(first)],
                                );
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
                    Some(b'|') if !extended('|') => self.block_comment()?,
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
                (None, _) => return self.ended(start, "unterminated `#| ... |#' comment"),
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
            "fold-case" => self.said.fold_case = Some(true),
            "no-fold-case" => self.said.fold_case = Some(false),
            "r6rs" => {
                self.said = Options {
                    fold_case: Some(false),
                    keywords: Some(Keywords::Guile),
                    hex_escapes: Some(true),
                    hungry: Some(true),
                    bars: self.said.bars,
                    curly: Some(false),
                    bracket_lists: Some(false),
                };
            }
            "curly-infix" => self.said.curly = Some(true),
            "curly-infix-and-bracket-lists" => {
                self.said.curly = Some(true);
                self.said.bracket_lists = Some(true);
            }
            _ => {
                return match rest.find("!#") {
                    Some(offset) => {
                        self.position = start + 2 + offset + 2;
                        Ok(true)
                    }
                    None if start == 0 && rest.trim_start().starts_with('/') => {
                        // A script's first line, as systems write it.
                        self.skip_line();
                        Ok(true)
                    }
                    None => self.ended(start, "unterminated `#! ... !#' comment"),
                };
            }
        }
        self.heed();
        self.position = start + 2 + name.len();
        Ok(true)
    }

    fn token<B: Build>(
        &mut self,
        build: &mut B,
        labels: &mut Labels<B::Node>,
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
            b'[' if self.bracket_lists => open(self, 1, Kind::Bracket),
            b'[' => open(self, 1, Kind::List(']')),
            b'{' if self.curly => open(self, 1, Kind::Curly),
            b'}' if self.curly => {
                self.position += 1;
                Ok(Token::Close('}'))
            }
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
            b'|' if self.bars => {
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
                return build.atom(keyword(&self.folded(&token[1..])), span);
            }
            Keywords::Postfix if token.ends_with(':') && token.len() > 1 => {
                return build.atom(keyword(&self.folded(&token[..token.len() - 1])), span);
            }
            _ => {}
        }
        build.symbol(&self.folded(token), span)
    }

    fn folded<'t>(&self, word: &'t str) -> std::borrow::Cow<'t, str> {
        match self.fold_case {
            true => word.to_lowercase().into(),
            false => word.into(),
        }
    }

    /// Whether BYTE ends a word, and is not part of it.
    fn is_delimiter(&self, byte: u8) -> bool {
        match byte {
            b'(' | b')' | b'[' | b']' | b'"' | b';' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c => true,
            b'{' | b'}' => self.curly,
            _ => false,
        }
    }

    /// Up to the next delimiter.
    fn plain_token(&mut self) -> &'a str {
        let start = self.position;
        while let Some(byte) = self.peek() {
            match byte {
                byte if self.is_delimiter(byte) => break,
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
                None => {
                    return self.ended(start, "unexpected end of input while reading symbol");
                }
                Some('|') => {
                    self.position += 1;
                    return Ok(name);
                }
                Some('\\') => self.escape(start, &mut name, true)?,
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
                None => return self.ended(start, "unexpected end of input while reading string"),
                Some(b'"') => {
                    self.position += 1;
                    return Ok(text);
                }
                _ => self.escape(start, &mut text, false)?,
            }
        }
    }

    /// After a backslash in a string or between bars.
    fn escape(
        &mut self,
        start: usize,
        text: &mut String,
        between_bars: bool,
    ) -> Result<(), ReadError> {
        self.position += 1;
        let Some(c) = self.peek_char() else {
            return self.ended(start, "unexpected end of input while reading string");
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
            '"' | '\\' | '|' | '(' | ')' => c,
            '\n' => {
                if self.hungry {
                    let rest = &self.text[self.position..];
                    self.position += rest.len() - rest.trim_start_matches([' ', '\t']).len();
                }
                return Ok(());
            }
            'x' => {
                let digits: String = self.text[self.position..]
                    .chars()
                    .take_while(char::is_ascii_hexdigit)
                    .collect();
                // R6RS and R7RS write `\x41;`, Guile two digits without the semicolon.
                let after = self.bytes.get(self.position + digits.len());
                if self.hex_escapes || between_bars {
                    self.position += digits.len();
                    return match after {
                        Some(b';') if !digits.is_empty() => {
                            self.position += 1;
                            self.code_point(start, &digits, text)
                        }
                        _ => self.bad_escape(start),
                    };
                }
                return self.hex_escape(start, 2, text);
            }
            'u' => return self.hex_escape(start, 4, text),
            'U' => return self.hex_escape(start, 6, text),
            ' ' | '\t' | '\r' if self.hungry && self.blank_to_line_end() => return Ok(()),
            _ => {
                return self.refuse(
                    self.position - c.len_utf8(),
                    "invalid character in escape sequence: ~S",
                    vec![Value::CharV(c)],
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
        let digits: String = self.text[self.position..]
            .chars()
            .take(count)
            .take_while(char::is_ascii_hexdigit)
            .collect();
        self.position += digits.len();
        if digits.len() < count {
            return self.bad_escape(start);
        }
        self.code_point(start, &digits, text)
    }

    /// The character that comes next does not belong into an escape.
    fn bad_escape<T>(&mut self, start: usize) -> Result<T, ReadError> {
        match self.peek_char() {
            None => self.ended(
                start,
                "unexpected end of input in character escape sequence",
            ),
            Some(c) => {
                self.position += c.len_utf8();
                self.refuse(
                    start,
                    "invalid character in escape sequence: ~S",
                    vec![Value::CharV(c)],
                )
            }
        }
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
            Some(b':') => {
                self.position += 2;
                self.blanks()?;
                let name = if self.peek() == Some(b'"') {
                    self.string()?
                } else if self.peek() == Some(b'#')
                    && self.bytes.get(self.position + 1) == Some(&b'{')
                {
                    self.odd_symbol()?
                } else {
                    let word = self.plain_token();
                    if word.is_empty() && self.peek().is_none() {
                        return self.ended(start, "unexpected end of input while reading keyword");
                    }
                    self.folded(word).into_owned()
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
                    "eof" => value::eof_object(),
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
fn extended(c: char) -> bool {
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

/// Whether any character was extended.
pub fn any_extended() -> bool {
    EXTENDED.with(|extended| !extended.borrow().is_empty())
}

/// Whether A and B are one symbol, or lists of such.
fn is_same<B: Build>(build: &B, a: &B::Node, b: &B::Node) -> bool {
    match (build.elements(a), build.elements(b)) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| is_same(build, a, b))
        }
        _ => build.same_symbol(a, b),
    }
}

/// `{a + b + c}` as `(+ a b c)`.
fn infix<B: Build>(
    build: &mut B,
    mut items: Vec<B::Node>,
    tail: Option<B::Node>,
    span: Span,
) -> B::Node {
    if tail.is_some() || items.len() > 3 && items.len() % 2 == 0 {
        items.insert(0, build.symbol("$nfx$", span));
        return build.list(items, tail, span);
    }
    match items.len() {
        1 => items.remove(0),
        0 | 2 => build.list(items, None, span),
        count => {
            let regular = (1..count)
                .step_by(2)
                .all(|position| is_same(build, &items[1], &items[position]));
            if !regular {
                items.insert(0, build.symbol("$nfx$", span));
                return build.list(items, None, span);
            }
            let mut call = vec![items[1].clone()];
            call.extend(items.into_iter().step_by(2));
            build.list(call, None, span)
        }
    }
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

/// The keyword called NAME.
pub fn keyword(name: &str) -> Value {
    symbols::keyword(name)
}

fn bytevector(bytes: Vec<u8>) -> Value {
    bytevectors::value(bytes)
}
