//! Strings and symbols in bars, with their escapes.
//!
//! Source: GNU Guile reference manual, "String Syntax"; R7RS, section 6.7.

use super::{ReadError, Reader};
use crate::data::value::Value;

impl<'a> Reader<'a> {
    pub(super) fn bars(&mut self) -> Result<String, ReadError> {
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

    pub(super) fn string(&mut self) -> Result<String, ReadError> {
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
    pub(super) fn escape(
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
}
