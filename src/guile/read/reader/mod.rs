//! The reader: Guile's lexical syntax, for programs and for data.
//!
//! Nothing here recurses over the text: open brackets live on a list of their
//! own, with a limit, so hostile nesting ends in an error and not in an abort.
//! What is read is put together by a [`Build`]: syntax for programs, plain
//! values for `read`.
//!
//! Source: Guile Reference Manual, "Scheme Read" and "Expression Syntax".

mod blanks;
mod hash;
mod options;
mod strings;
mod tokens;
mod values;

pub use crate::data::number_syntax::{exponent_out_of_range, parse_number};
use crate::data::value::{Value, list_value, string_value};
use crate::data::{native, symbols};
use crate::read::builder::SyntaxBuilder;
use crate::syntax::span::Span;
use hash::bytevector;
pub use hash::{any_extended, extend, meets_extension, named_character};
pub use options::{Keywords, Options, options, set_options};
use std::collections::HashMap;
use tokens::Token;
pub use values::{ValueBuilder, read_value};

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
    /// The symbol that NODE is.
    fn name(&self, node: &Self::Node) -> Option<String> {
        match self.value(node)? {
            Value::SymbolV(symbol) => {
                let name = crate::data::strings::of(&symbol);
                symbols::keyword_name(name)
                    .is_none()
                    .then(|| symbols::name_of(name).to_owned())
            }
            _ => None,
        }
    }
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
    /// Whether what Guix's extensions of the reader write is understood without them.
    fn reads_gexps(&self) -> bool {
        false
    }
    /// What stands for a labelled datum within itself, where that can be had.
    fn placeholder(&mut self) -> Option<Self::Node> {
        None
    }
    /// Put DATUM where it holds PLACEHOLDER.
    fn tie(&mut self, _datum: &Self::Node, _placeholder: &Self::Node) {}
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
    /// `#:`: the next datum is a symbol, after which the keyword is called.
    Keyword,
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
                            Kind::Keyword => "keyword",
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
                    Kind::Keyword => {
                        let start = frame.start;
                        frames.pop();
                        let Some(name) = build.name(&datum) else {
                            let written = &self.text[start + 2..self.position];
                            let found = read_value(written).or_else(|| build.value(&datum));
                            return self.refuse(
                                self.position,
                                "keyword prefix #: not followed by a symbol: ~a",
                                found.into_iter().collect(),
                            );
                        };
                        datum = build.atom(keyword(&name), self.span(start));
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

/// The keyword called NAME.
pub fn keyword(name: &str) -> Value {
    symbols::keyword(name)
}
