//! Symbols, numbers and brackets: what a datum begins with.

use super::options::Keywords;
use super::{Build, Kind, Labels, ReadError, Reader, keyword};
use crate::data::number_syntax::parse_number;
use crate::data::value::string_value;
use crate::syntax::span::Span;

pub(super) enum Token<N> {
    Datum(N),
    Open(Kind),
    Close(char),
    Dot,
    End,
}

impl<'a> Reader<'a> {
    pub(super) fn token<B: Build>(
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

    pub(super) fn folded<'t>(&self, word: &'t str) -> std::borrow::Cow<'t, str> {
        match self.fold_case {
            true => word.to_lowercase().into(),
            false => word.into(),
        }
    }

    /// Whether BYTE ends a word, and is not part of it.
    pub(super) fn is_delimiter(&self, byte: u8) -> bool {
        match byte {
            b'(' | b')' | b'[' | b']' | b'"' | b';' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c => true,
            b'{' | b'}' => self.curly,
            _ => false,
        }
    }

    /// Up to the next delimiter.
    pub(super) fn plain_token(&mut self) -> &'a str {
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
}
