//! Reading from a port: its buffer, characters, and what is put back.

use super::waiting::wait_until_readable;
use super::{Buffering, CHUNK, Encoding, PROGRAM_CHUNK, State};
use crate::data::native::Raise;
use crate::data::{errors, memory};
use crate::library::encodings::{self, Decoded};
use crate::library::outside;
use std::os::fd::AsRawFd;

impl State {
    /// Read more from the descriptor; false at the end.
    pub fn refill(&mut self, procedure: &str) -> Result<bool, Raise> {
        if self.shares_position {
            self.flush(procedure)?;
        }
        let Some(input) = &mut self.input else {
            return Ok(false);
        };
        // What is being read may have no end, and what holds it doubles.
        memory::claim(input.bytes.len(), 2)?;
        if self.program.is_some() {
            if std::mem::take(&mut self.program_ended) {
                return Ok(false);
            }
            let missing = std::mem::take(&mut self.wanted);
            self.wanted = match self.buffering {
                Buffering::None => missing.clamp(1, CHUNK),
                _ if self.block_bytes == CHUNK => PROGRAM_CHUNK,
                _ => self.block_bytes.max(1),
            };
            (input.position, self.line, self.column) = self.mark;
            return Err(Raise::Refill);
        }
        let Some(descriptor) = &self.descriptor else {
            return Ok(false);
        };
        if input.position > CHUNK && input.position * 2 > input.bytes.len() {
            input.bytes.drain(..input.position);
            input.valid = input.valid.saturating_sub(input.position);
            input.position = 0;
        }
        let fd = descriptor.as_raw_fd();
        wait_until_readable(fd, procedure)?;
        let old = input.bytes.len();
        let room = match self.buffering {
            Buffering::None => 1,
            Buffering::Line => CHUNK,
            Buffering::Block => self.block_bytes.max(1),
        };
        input.bytes.resize(old + room, 0);
        loop {
            // SAFETY: the buffer has ROOM bytes from OLD on, and the descriptor is ours.
            let count = unsafe { libc::read(fd, input.bytes[old..].as_mut_ptr().cast(), room) };
            if count >= 0 {
                input.bytes.truncate(old + count as usize);
                input.at_end = count == 0;
                if self.number != 0 {
                    outside::port_read(self.number, &input.bytes[old..]);
                }
                return Ok(count > 0);
            }
            let code = errors::last_code();
            if code == libc::EINTR {
                continue;
            }
            input.bytes.truncate(old);
            if code == libc::EAGAIN {
                wait_until_readable(fd, procedure)?;
                input.bytes.resize(old + room, 0);
                continue;
            }
            return Err(errors::system(procedure, code));
        }
    }

    /// CONTENT is all that will be read, and not from the descriptor.
    pub fn has_read_all(&mut self, content: Vec<u8>) {
        let mut descriptor = self.descriptor.take();
        if let Some(descriptor) = &mut descriptor {
            // It is others' too.
            descriptor.revealed += 1;
        }
        if let Some(input) = &mut self.input {
            input.bytes = content;
            input.at_end = true;
        }
    }

    /// Have at least COUNT unread bytes, or all there are.
    pub fn fill(&mut self, count: usize, procedure: &str) -> Result<usize, Raise> {
        loop {
            let available = self.available();
            self.wanted = count.saturating_sub(available);
            if available >= count || !self.refill(procedure)? {
                return Ok(self.available());
            }
        }
    }

    pub fn available(&self) -> usize {
        self.input
            .as_ref()
            .map_or(0, |input| input.bytes.len() - input.position)
    }

    /// The unread bytes that are in the buffer.
    pub fn unread(&self) -> &[u8] {
        self.input
            .as_ref()
            .map_or(&[], |input| &input.bytes[input.position..])
    }

    /// Read on over COUNT bytes.
    pub fn consume(&mut self, count: usize) {
        let Some(input) = &mut self.input else {
            return;
        };
        self.fresh.0 &= count == 0;
        let passed = &input.bytes[input.position..input.position + count];
        let place = (self.line, self.column);
        (self.line, self.column) = place_after(place, passed, self.encoding == Encoding::Utf8);
        input.position += count;
    }

    /// Read on over the byte order mark, where there can be one and is.
    pub fn pass_mark(&mut self, procedure: &str) -> Result<(), Raise> {
        if !self.fresh.0 {
            return Ok(());
        }
        let mut encoding = self.encoding;
        let mark = match self.encoding {
            Encoding::Utf8 => {
                let mark = encodings::UTF8_MARK;
                let mut known = 0;
                // No more is waited for than what could still be the mark.
                while known < mark.len()
                    && self.fill(known + 1, procedure)? > known
                    && self.unread()[known] == mark[known]
                {
                    known += 1;
                }
                if known == mark.len() { known } else { 0 }
            }
            Encoding::Other(name) => {
                self.fill(encodings::LONGEST, procedure)?;
                let (told, rest) = encodings::without_mark(name, self.unread());
                if told != name {
                    encoding = Encoding::Other(told);
                }
                self.available() - rest.len()
            }
            Encoding::Latin1 => 0,
        };
        self.encoding = encoding;
        self.fresh.0 = false;
        if self.shares_position {
            self.fresh.1 = false;
        }
        if let Some(input) = &mut self.input {
            input.position += mark;
            self.mark.0 = input.position;
        }
        Ok(())
    }

    /// The next character and how many bytes it takes, without reading on.
    pub fn peek(&mut self, procedure: &str) -> Result<Option<(char, usize)>, Raise> {
        if self.fresh.0 {
            self.pass_mark(procedure)?;
        }
        if self.available() == 0 && self.fill(1, procedure)? == 0 {
            return Ok(None);
        }
        if let Encoding::Other(name) = self.encoding {
            return self.peek_encoded(name, procedure);
        }
        let first = self.unread()[0];
        if first < 0x80 {
            return Ok(Some((first as char, 1)));
        }
        if self.encoding == Encoding::Latin1 {
            return Ok(Some((char::from(first), 1)));
        }
        let width = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        let available = self.fill(width, procedure)?.min(width);
        match std::str::from_utf8(&self.unread()[..available]) {
            Ok(text) => Ok(text.chars().next().map(|character| (character, width))),
            Err(error) => {
                let bad = error.error_len().unwrap_or(available).max(1);
                if self.refuses_bytes() {
                    return Err(encodings::decoding_error());
                }
                Ok(Some((char::REPLACEMENT_CHARACTER, bad)))
            }
        }
    }

    fn peek_encoded(
        &mut self,
        name: &'static str,
        procedure: &str,
    ) -> Result<Option<(char, usize)>, Raise> {
        self.fill(encodings::LONGEST, procedure)?;
        match encodings::decode_one(name, self.unread()) {
            Decoded::Character(character, width) => Ok(Some((character, width))),
            _ if self.refuses_bytes() => Err(encodings::decoding_error()),
            _ => Ok(Some((char::REPLACEMENT_CHARACTER, 1))),
        }
    }

    pub fn read_char(&mut self, procedure: &str) -> Result<Option<char>, Raise> {
        let next = self.peek(procedure)?;
        Ok(next.map(|(character, width)| {
            self.consume(width);
            character
        }))
    }

    /// Read all there is.
    pub fn read_all(&mut self, procedure: &str) -> Result<Vec<u8>, Raise> {
        while self.refill(procedure)? {}
        let all = self.unread().to_vec();
        self.consume(all.len());
        Ok(all)
    }

    /// Read all there is as text.
    pub fn read_text(&mut self, procedure: &str) -> Result<String, Raise> {
        if matches!(self.encoding, Encoding::Other(_)) || self.refuses_bytes() {
            let mut text = String::new();
            while let Some(character) = self.read_char(procedure)? {
                text.push(character);
            }
            return Ok(text);
        }
        self.pass_mark(procedure)?;
        let bytes = self.read_all(procedure)?;
        Ok(self.decode(&bytes))
    }

    /// What is in the buffer, which is then empty. Nothing is where nobody has
    /// read, though the text of a string port is there.
    pub fn drain(&mut self) -> Vec<u8> {
        if self.fresh.0 {
            return Vec::new();
        }
        let Some(input) = &mut self.input else {
            return Vec::new();
        };
        let unread = input.bytes[input.position..].to_vec();
        input.position = input.bytes.len();
        unread
    }

    /// Forget what was read from outside and not yet by the program.
    pub fn forget_unread(&mut self) {
        if let Some(input) = &mut self.input {
            input.bytes.clear();
            input.position = 0;
            input.valid = 0;
        }
    }

    /// The port is at POSITION now, and at 0 a byte order mark may follow again.
    pub fn has_moved_to(&mut self, position: usize) {
        self.fresh = (position == 0, position == 0);
        if position == 0
            && let Some(name) = &self.encoding_name
            && let Some(encoding) = encodings::named(name)
        {
            // The mark that was there may have told more than the name.
            self.encoding = encoding;
        }
    }

    /// Go back to where the program has read to, when more than that was read
    /// of the file that it now writes.
    pub fn leave_input(&mut self, procedure: &str) -> Result<(), Raise> {
        if !self.shares_position {
            return Ok(());
        }
        self.fresh.0 = false;
        let unread = self.available();
        if unread == 0 {
            return Ok(());
        }
        if let Some(descriptor) = &self.descriptor {
            // SAFETY: moves in a descriptor that is ours.
            let position = unsafe {
                libc::lseek(
                    descriptor.as_raw_fd(),
                    -(unread as libc::off_t),
                    libc::SEEK_CUR,
                )
            };
            if position < 0 {
                return Err(errors::system(procedure, errors::last_code()));
            }
        }
        self.forget_unread();
        Ok(())
    }

    /// BYTES as the text they stand for.
    pub fn decode(&self, bytes: &[u8]) -> String {
        match self.encoding {
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Encoding::Other(_) => {
                encodings::decode(self.encoding, "substitute", bytes).unwrap_or_default()
            }
        }
    }

    /// Put TEXT in front of what is unread.
    pub fn push_back(&mut self, text: &str) {
        let encoded = encodings::encode(self.encoding, "substitute", text).unwrap_or_default();
        // Where the line before had ended is not known any more.
        self.line -= text.matches('\n').count() as isize;
        self.column = self
            .column
            .saturating_sub(text.chars().filter(|c| *c != '\n').count());
        self.push_back_bytes(encoded);
    }

    /// Put BYTES in front of what is unread.
    pub fn push_back_bytes(&mut self, encoded: Vec<u8>) {
        if let Some(input) = &mut self.input {
            if input.position >= encoded.len()
                && input.bytes[input.position - encoded.len()..input.position] == *encoded
            {
                input.position -= encoded.len();
            } else {
                let position = input.position;
                input.bytes.splice(position..position, encoded);
                input.valid = 0;
            }
        }
    }
}

/// Line and column behind BYTES, the first of which is at PLACE. Of a character
/// in UTF-8 the first byte alone is counted.
pub(super) fn place_after(place: (isize, usize), bytes: &[u8], utf8: bool) -> (isize, usize) {
    let (line, mut column) = place;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let mut rest = bytes;
    if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
        column = 0;
        rest = &bytes[last + 1..];
    }
    for byte in rest {
        match byte {
            b'\r' => column = 0,
            b'\t' => column = (column / 8 + 1) * 8,
            0x08 => column = column.saturating_sub(1),
            0x07 => {}
            0x80..=0xbf if utf8 => {}
            _ => column += 1,
        }
    }
    (line + lines as isize, column)
}
