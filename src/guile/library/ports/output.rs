//! Writing to a port: encoding, buffering, flushing.

use super::input::place_after;
use super::programs::WANTS_FLUSH;
use super::waiting::wait_until;
use super::{Buffering, CHUNK, Encoding, State};
use crate::data::errors;
use crate::data::native::Raise;
use crate::library::encodings;
use std::os::fd::AsRawFd;

impl State {
    /// Write TEXT.
    pub fn put(&mut self, procedure: &str, text: &str) -> Result<(), Raise> {
        if self.output.is_none() {
            return Ok(());
        }
        let place = (self.line, self.column);
        (self.line, self.column) = place_after(place, text.as_bytes(), true);
        let plain = match self.encoding {
            Encoding::Utf8 => true,
            Encoding::Latin1 => text.is_ascii(),
            Encoding::Other(_) => false,
        };
        if plain {
            return self.put_bytes(procedure, text.as_bytes());
        }
        let mut bytes = match self.encoding {
            Encoding::Other(name) if std::mem::take(&mut self.fresh.1) => {
                encodings::byte_order_mark(name).to_vec()
            }
            _ => Vec::new(),
        };
        match encodings::encode(self.encoding, self.strategy, text) {
            Ok(encoded) => {
                bytes.extend(encoded);
                self.put_bytes(procedure, &bytes)
            }
            // What comes before the character that cannot be put is written.
            Err(raise) => {
                let begins = |end: usize| encodings::encode(self.encoding, "error", &text[..end]);
                let before = text
                    .char_indices()
                    .rev()
                    .find_map(|(end, _)| begins(end).ok());
                bytes.extend(before.unwrap_or_default());
                self.put_bytes(procedure, &bytes)?;
                Err(raise)
            }
        }
    }

    pub fn put_bytes(&mut self, procedure: &str, bytes: &[u8]) -> Result<(), Raise> {
        self.leave_input(procedure)?;
        let Some(output) = &mut self.output else {
            return Ok(());
        };
        if output.void {
            return Ok(());
        }
        match output.at {
            // The program went back in a string port.
            Some(at) => {
                let end = (at + bytes.len()).min(output.bytes.len());
                output.bytes.splice(at..end, bytes.iter().copied());
                output.at = Some(at + bytes.len());
            }
            None => output.bytes.extend_from_slice(bytes),
        }
        if self.descriptor.is_none() && self.program.is_none() {
            return Ok(());
        }
        let leaves = match self.buffering {
            Buffering::None => true,
            Buffering::Line => bytes.contains(&b'\n') || output.bytes.len() > CHUNK,
            Buffering::Block => output.bytes.len() >= self.block_bytes,
        };
        if leaves {
            self.flush(procedure)
        } else {
            Ok(())
        }
    }

    /// Hand what was written to the operating system.
    pub fn flush(&mut self, procedure: &str) -> Result<(), Raise> {
        if self.program.is_some() {
            // The native that is running hands it over when it is done with the port.
            WANTS_FLUSH.with(|wants| wants.set(true));
            return Ok(());
        }
        let (Some(output), Some(descriptor)) = (
            &mut self.output,
            self.writes_to.as_ref().or(self.descriptor.as_ref()),
        ) else {
            return Ok(());
        };
        let bytes = std::mem::take(&mut output.bytes);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            // SAFETY: REST is a live slice, and the descriptor is ours.
            let count =
                unsafe { libc::write(descriptor.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
            if count >= 0 {
                rest = &rest[count as usize..];
                continue;
            }
            match errors::last_code() {
                libc::EINTR => {}
                libc::EAGAIN => wait_until(descriptor.as_raw_fd(), libc::POLLOUT, procedure)?,
                code => return Err(errors::system(procedure, code)),
            }
        }
        Ok(())
    }
}
