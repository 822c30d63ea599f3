//! Bytes read and written.
//!
//! Source: GNU Guile reference manual, "Binary I/O".

use super::or_eof;
use super::text_input::char_ready;
use crate::data::args::{self, integer, unspecified};
use crate::data::bytevectors::{self, Bytevector};
use crate::data::errors;
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::library::ports::{self, State};
use crate::natives;

fn unread_bytes(args: &[Value]) -> Outcome {
    let port = ports::input_port("unget-bytevector", args, 1)?;
    let bytes = bytevectors::bytes("unget-bytevector", args, 2)?;
    port.borrow_mut().push_back_bytes(bytes);
    Ok(unspecified())
}

fn buffered(args: &[Value]) -> Outcome {
    let port = ports::input_port("port-read-buffer", args, 1)?;
    let bytes = port.borrow().unread().to_vec();
    Ok(bytevectors::value(bytes))
}

fn get_u8(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-u8", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("get-u8")?;
    state.fill(1, "get-u8")?;
    let byte = state.unread().first().copied();
    if byte.is_some() {
        state.consume(1);
    }
    or_eof(byte, |byte| Value::IntV(isize::from(byte)))
}

fn lookahead_u8(args: &[Value]) -> Outcome {
    let port = ports::input_port("lookahead-u8", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("lookahead-u8")?;
    state.fill(1, "lookahead-u8")?;
    let byte = state.unread().first().copied();
    or_eof(byte, |byte| Value::IntV(isize::from(byte)))
}

fn u8_ready(args: &[Value]) -> Outcome {
    char_ready(args)
}

fn take_bytes(state: &mut State, count: usize, procedure: &str) -> Result<Option<Vec<u8>>, Raise> {
    let available = state.fill(count, procedure)?.min(count);
    if available == 0 && count > 0 {
        return Ok(None);
    }
    let bytes = state.unread()[..available].to_vec();
    state.consume(available);
    Ok(Some(bytes))
}

fn get_bytevector_n(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-n", args, 1)?;
    let count = args::size("get-bytevector-n", args, 2)?;
    let bytes = take_bytes(&mut port.borrow_mut(), count, "get-bytevector-n")?;
    or_eof(bytes, bytevectors::value)
}

/// (get-bytevector-n! port bytevector start count)
fn get_bytevector_into(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-n!", args, 1)?;
    let start = args::size("get-bytevector-n!", args, 3)?;
    let count = args::size("get-bytevector-n!", args, 4)?;
    let length = Bytevector::with(&args[1], <[u8]>::len)
        .ok_or_else(|| errors::expecting("get-bytevector-n!", 2, "bytevector", &args[1]))?;
    if start + count > length {
        return Err(errors::value_out_of_range("get-bytevector-n!", &args[3]));
    }
    let bytes = take_bytes(&mut port.borrow_mut(), count, "get-bytevector-n!")?;
    or_eof(bytes, |bytes| {
        Bytevector::change(&args[1], |target| {
            target[start..start + bytes.len()].copy_from_slice(&bytes);
        });
        integer(bytes.len())
    })
}

fn get_bytevector_some(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-some", args, 1)?;
    let mut state = port.borrow_mut();
    state.pass_mark("get-bytevector-some")?;
    let available = state.fill(1, "get-bytevector-some")?;
    let bytes = take_bytes(&mut state, available.max(1), "get-bytevector-some")?;
    or_eof(bytes, bytevectors::value)
}

fn get_bytevector_all(args: &[Value]) -> Outcome {
    let port = ports::input_port("get-bytevector-all", args, 1)?;
    let bytes = port.borrow_mut().read_all("get-bytevector-all")?;
    or_eof((!bytes.is_empty()).then_some(bytes), bytevectors::value)
}

fn put_u8(args: &[Value]) -> Outcome {
    let port = ports::output_port("put-u8", args, 1)?;
    let byte = args::size("put-u8", args, 2)?;
    let byte = u8::try_from(byte).map_err(|_| errors::value_out_of_range("put-u8", &args[1]))?;
    port.borrow_mut().put_bytes("put-u8", &[byte])?;
    Ok(unspecified())
}

/// (put-bytevector port bytevector [start [count]])
fn put_bytevector(args: &[Value]) -> Outcome {
    let port = ports::output_port("put-bytevector", args, 1)?;
    let bytes = bytevectors::bytes("put-bytevector", args, 2)?;
    let start = match args.get(2) {
        Some(_) => args::size("put-bytevector", args, 3)?,
        None => 0,
    };
    let count = match args.get(3) {
        Some(_) => args::size("put-bytevector", args, 4)?,
        None => bytes.len().saturating_sub(start),
    };
    let part = bytes
        .get(start..start + count)
        .ok_or_else(|| errors::value_out_of_range("put-bytevector", &args[args.len() - 1]))?;
    port.borrow_mut().put_bytes("put-bytevector", part)?;
    Ok(unspecified())
}

natives! {
    /// (%buffered port) -> the bytes that were read and not taken yet
    "%buffered" (1) => buffered,
    /// (%unread-bytes port bytes) -> have the bytes read next
    "%unread-bytes" (2) => unread_bytes,
    /// (%get-u8 [port]) -> the next byte, or the end-of-file object
    "%get-u8" (0, 1) with ports => get_u8,
    /// (%lookahead-u8 [port]) -> the same, and leave it to be read
    "%lookahead-u8" (0, 1) with ports => lookahead_u8,
    /// (%u8-ready? [port]) -> whether a byte can be read without waiting
    "%u8-ready?" (0, 1) with ports => u8_ready,
    /// (%get-bytevector-n port count) -> up to COUNT bytes, or the end-of-file object
    "%get-bytevector-n" (2) with ports => get_bytevector_n,
    /// (%get-bytevector-n! port bytes start count) -> read up to COUNT bytes into BYTES from START on; how many, or the end-of-file object
    "%get-bytevector-n!" (4) with ports => get_bytevector_into,
    /// (%get-bytevector-some port) -> the bytes that are there, at least one, or the end-of-file object
    "%get-bytevector-some" (1) with ports => get_bytevector_some,
    /// (%get-bytevector-all port) -> the bytes that are left, or the end-of-file object
    "%get-bytevector-all" (1) with ports => get_bytevector_all,
    /// (%put-u8 port byte) -> write a byte
    "%put-u8" (2) with ports => put_u8,
    /// (%put-bytevector port bytes [start [count]]) -> write COUNT bytes from START on
    "%put-bytevector" (2, 2) with ports => put_bytevector,
}
