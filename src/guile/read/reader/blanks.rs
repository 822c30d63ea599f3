//! What stands between data: blanks, comments, and directives such as `#!fold-case`.

use super::hash::extended;
use super::options::{Keywords, Options};
use super::{ReadError, Reader};

impl<'a> Reader<'a> {
    /// Where the token that was read from BEFORE on began: after blanks and comments.
    pub(super) fn skipped(&self, before: usize) -> usize {
        let mut probe = Reader::at(self.text, self.source, before);
        match probe.blanks() {
            Ok(()) => probe.position,
            Err(_) => before,
        }
    }

    /// Skip blanks and comments.
    pub(super) fn blanks(&mut self) -> Result<(), ReadError> {
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

    pub(super) fn block_comment(&mut self) -> Result<(), ReadError> {
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
}
