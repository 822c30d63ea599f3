//! Character encodings other than UTF-8 and Latin-1, by the C library's iconv.
//!
//! Source: iconv(3); GNU Guile reference manual, "Encoding".

use crate::data::args::{self, string};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{bytevectors, errors, memory, strings as text};
use crate::library::outside;
use crate::library::ports::Encoding;
use crate::natives;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;
use std::io::Read;

/// What the beginning of some bytes stands for.
pub enum Decoded {
    /// A character, and how many bytes it takes.
    Character(char, usize),
    /// More bytes are needed.
    Incomplete,
    /// Nothing.
    Invalid,
}

/// No character takes more bytes than this.
pub const LONGEST: usize = 8;

struct Converter(libc::iconv_t);

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: the descriptor came from iconv_open and is closed once.
        unsafe { libc::iconv_close(self.0) };
    }
}

impl Converter {
    fn new(to: &str, from: &str) -> Option<Converter> {
        let (to, from) = (CString::new(to).ok()?, CString::new(from).ok()?);
        // SAFETY: both are C strings that live through the call.
        let descriptor = unsafe { libc::iconv_open(to.as_ptr(), from.as_ptr()) };
        (descriptor as isize != -1).then_some(Converter(descriptor))
    }

    /// Convert INPUT whole: the result, or the error number.
    fn convert(&self, input: &[u8], output: &mut [u8]) -> Result<usize, i32> {
        let mut source = input.as_ptr().cast_mut().cast::<libc::c_char>();
        let mut source_left = input.len();
        let mut target = output.as_mut_ptr().cast::<libc::c_char>();
        let mut target_left = output.len();
        // SAFETY: pointers and lengths are those of the two slices; iconv does not write its input.
        let count = unsafe {
            libc::iconv(
                self.0,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
            libc::iconv(
                self.0,
                &raw mut source,
                &raw mut source_left,
                &raw mut target,
                &raw mut target_left,
            )
        };
        if count == usize::MAX {
            return Err(errors::last_code());
        }
        // What could only be put approximately is not put.
        if count > 0 {
            return Err(libc::EILSEQ);
        }
        Ok(output.len() - target_left)
    }
}

fn with_converter<T>(to: &str, from: &str, body: impl FnOnce(&Converter) -> T) -> Option<T> {
    thread_local! {
        static CONVERTERS: RefCell<HashMap<(String, String), Converter>> = RefCell::default();
    }
    CONVERTERS.with(|converters| {
        let mut converters = converters.borrow_mut();
        let key = (to.to_owned(), from.to_owned());
        if !converters.contains_key(&key) {
            converters.insert(key.clone(), Converter::new(to, from)?);
        }
        converters.get(&key).map(body)
    })
}

/// The encoding called NAME; nothing when there is none.
pub fn named(name: &str) -> Option<Encoding> {
    thread_local! {
        static NAMES: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }
    let upper = name.to_uppercase();
    match upper.as_str() {
        "UTF-8" | "UTF8" => return Some(Encoding::Utf8),
        "ISO-8859-1" | "ISO8859-1" | "ISO_8859-1" | "LATIN1" | "LATIN-1" => {
            return Some(Encoding::Latin1);
        }
        _ => {}
    }
    with_converter("UTF-32LE", &upper, |_| ())?;
    NAMES.with(|names| {
        let mut names = names.borrow_mut();
        let known = names.iter().find(|known| **known == upper).copied();
        Some(Encoding::Other(known.unwrap_or_else(|| {
            // A program uses a few encodings, and their names stay.
            let name: &'static str = Box::leak(upper.into_boxed_str());
            names.push(name);
            name
        })))
    })
}

/// The character at the beginning of BYTES, of which there are some, in encoding NAME.
pub fn decode_one(name: &str, bytes: &[u8]) -> Decoded {
    let name = match name {
        "UTF-16" | "UCS-2" => "UTF-16BE",
        "UTF-32" | "UCS-4" => "UTF-32BE",
        name => name,
    };
    for width in 1..=bytes.len().min(LONGEST) {
        let mut output = [0; 8];
        let converted = with_converter("UTF-32LE", name, |converter| {
            converter.convert(&bytes[..width], &mut output)
        });
        match converted {
            Some(Ok(4)) => {
                let code = u32::from_le_bytes([output[0], output[1], output[2], output[3]]);
                return match char::from_u32(code) {
                    Some(character) => Decoded::Character(character, width),
                    None => Decoded::Invalid,
                };
            }
            Some(Ok(_) | Err(libc::EINVAL)) => {}
            Some(Err(_)) | None => return Decoded::Invalid,
        }
    }
    if bytes.len() >= LONGEST {
        Decoded::Invalid
    } else {
        Decoded::Incomplete
    }
}

/// The bytes of CHARACTER in ENCODING; nothing when it has none there.
pub fn encode_one(encoding: Encoding, character: char) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Utf8 => Some(character.encode_utf8(&mut [0; 4]).as_bytes().to_vec()),
        Encoding::Latin1 => u8::try_from(character as u32).ok().map(|byte| vec![byte]),
        Encoding::Other(name) => {
            let name = match name {
                "UTF-16" | "UCS-2" => "UTF-16BE",
                "UTF-32" | "UCS-4" => "UTF-32BE",
                name => name,
            };
            let mut output = [0; 16];
            let source = (character as u32).to_le_bytes();
            let length = with_converter(name, "UTF-32LE", |converter| {
                converter.convert(&source, &mut output)
            })?
            .ok()?;
            Some(output[..length].to_vec())
        }
    }
}

/// The mark that text in UTF-8 may begin with.
pub const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// The mark that text in encoding NAME begins with.
pub fn byte_order_mark(name: &str) -> &'static [u8] {
    match name {
        "UTF-16" => &[0xfe, 0xff],
        "UTF-32" => &[0, 0, 0xfe, 0xff],
        _ => &[],
    }
}

/// CHARACTER as it is put where it has no bytes of its own and the port escapes.
pub fn escaped(character: char) -> String {
    match character as u32 {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:06x}"),
    }
}

/// The key of an error for a character that cannot be put.
pub const ENCODING_ERROR: &str = "encoding-error";

/// The key of an error for bytes that stand for nothing.
pub const DECODING_ERROR: &str = "decoding-error";

/// Guile's error for CHARACTER, which cannot be put; the port is named further out.
pub fn encoding_error(character: char) -> Raise {
    Raise::throw(
        ENCODING_ERROR,
        vec![
            text::value("put-char"),
            text::value("conversion to port encoding failed"),
            Value::IntV(libc::EILSEQ as isize),
            Value::BoolV(false),
            Value::CharV(character),
        ],
    )
}

/// Guile's error for bytes that stand for nothing; the port is named further out.
pub fn decoding_error() -> Raise {
    Raise::throw(
        DECODING_ERROR,
        vec![
            text::value("peek-char"),
            text::value("input decoding error"),
            Value::IntV(libc::EILSEQ as isize),
            Value::BoolV(false),
        ],
    )
}

/// TEXT in ENCODING; STRATEGY says what happens to characters that have no bytes there.
pub fn encode(encoding: Encoding, strategy: &str, text: &str) -> Result<Vec<u8>, Raise> {
    if encoding == Encoding::Utf8 {
        return Ok(text.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match encode_one(encoding, character) {
            Some(encoded) => bytes.extend(encoded),
            None => match strategy {
                "error" => return Err(encoding_error(character)),
                "escape" => bytes.extend(encode(encoding, "substitute", &escaped(character))?),
                _ => bytes.extend(encode_one(encoding, '?').unwrap_or_default()),
            },
        }
    }
    Ok(bytes)
}

/// BYTES in ENCODING as text; STRATEGY says what happens to bytes that stand for nothing.
pub fn decode(encoding: Encoding, strategy: &str, bytes: &[u8]) -> Result<String, Raise> {
    match encoding {
        Encoding::Utf8 => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => Ok(text),
            Err(_) if strategy == "error" => Err(decoding_error()),
            Err(_) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        },
        Encoding::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Encoding::Other(name) => {
            let mut text = String::new();
            let (name, mut rest) = without_mark(name, bytes);
            while !rest.is_empty() {
                match decode_one(name, rest) {
                    Decoded::Character(character, width) => {
                        text.push(character);
                        rest = &rest[width..];
                    }
                    _ if strategy == "error" => return Err(decoding_error()),
                    _ => {
                        text.push(char::REPLACEMENT_CHARACTER);
                        rest = &rest[1..];
                    }
                }
            }
            Ok(text)
        }
    }
}

/// BYTES after their byte order mark, and the encoding that it tells.
pub fn without_mark<'a>(name: &'static str, bytes: &'a [u8]) -> (&'static str, &'a [u8]) {
    match name {
        "UTF-16" => match bytes {
            [0xff, 0xfe, rest @ ..] => ("UTF-16LE", rest),
            [0xfe, 0xff, rest @ ..] => ("UTF-16BE", rest),
            _ => ("UTF-16BE", bytes),
        },
        "UTF-32" => match bytes {
            [0xff, 0xfe, 0, 0, rest @ ..] => ("UTF-32LE", rest),
            [0, 0, 0xfe, 0xff, rest @ ..] => ("UTF-32BE", rest),
            _ => ("UTF-32BE", bytes),
        },
        name => (name, bytes),
    }
}

/// In how many bytes of a text a comment may name its encoding, and how many the name may
/// have besides.
pub const COMMENTED: usize = 500;
pub const LONGEST_NAME: usize = 64;

/// The encoding that a comment near the beginning of TEXT names, as in `coding: latin-1`.
pub fn named_in_comment(text: &[u8]) -> Option<String> {
    let head = &text[..text.len().min(COMMENTED + LONGEST_NAME)];
    let head: String = head.iter().map(|byte| char::from(*byte)).collect();
    let mut from = 0;
    while let Some(at) = head[from..].find("coding").map(|at| at + from) {
        from = at + "coding".len();
        if at >= COMMENTED {
            break;
        }
        let Some(rest) = head[from..].strip_prefix([':', '=']) else {
            continue;
        };
        let name: String = rest
            .trim_start_matches([' ', '\t'])
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_.:".contains(*c))
            .collect();
        let line = head[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let block = head[..at]
            .rfind("#!")
            .is_some_and(|open| !head[open..at].contains("!#"));
        if !name.is_empty() && (block || head[line..at].contains(';')) {
            return Some(name.to_uppercase());
        }
    }
    None
}

/// The text of the program at PATH, which may name its encoding in a comment.
pub fn read_program(path: impl AsRef<std::path::Path>) -> std::io::Result<String> {
    let path = path.as_ref();
    outside::program(path, || program_at(path))
}

fn program_at(path: &std::path::Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    // A device has no end.
    let most = memory::limit() as u64 / 4;
    if file.take(most).read_to_end(&mut bytes)? as u64 == most {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    if bytes.starts_with(UTF8_MARK) {
        bytes.drain(..UTF8_MARK.len());
    }
    let encoding = named_in_comment(&bytes)
        .and_then(|name| named(&name))
        .unwrap_or(Encoding::Utf8);
    if encoding != Encoding::Utf8 {
        return decode(encoding, "substitute", &bytes)
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData));
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// (%encoding-in-comment text): the encoding that a comment of TEXT names, or #f
fn in_comment(args: &[Value]) -> Outcome {
    let text = string("file-encoding", args, 1)?;
    Ok(named_in_comment(text.as_bytes()).map_or(Value::BoolV(false), text::value))
}

fn wanted(procedure: &str, args: &[Value], position: usize) -> Result<Encoding, Raise> {
    let name = string(procedure, args, position)?;
    named(name).ok_or_else(|| unknown(procedure, name))
}

/// Guile's error for an encoding that nobody knows.
pub fn unknown(procedure: &str, name: &str) -> Raise {
    errors::misc(
        procedure,
        "invalid or unknown character encoding ~s",
        vec![text::value(name)],
    )
}

fn strategy(args: &[Value], position: usize) -> Result<&str, Raise> {
    match args.get(position - 1) {
        Some(_) => args::symbol("string->bytevector", args, position),
        None => Ok("error"),
    }
}

/// (%encode-string string encoding [strategy])
fn encode_string(args: &[Value]) -> Outcome {
    let text = string("string->bytevector", args, 1)?;
    let encoding = wanted("string->bytevector", args, 2)?;
    let mut bytes = match encoding {
        Encoding::Other(name) => byte_order_mark(name).to_vec(),
        _ => Vec::new(),
    };
    bytes.extend(encode(encoding, strategy(args, 3)?, text)?);
    Ok(bytevectors::value(bytes))
}

/// (%decode-bytes bytevector encoding [strategy])
fn decode_bytes(args: &[Value]) -> Outcome {
    let bytes = bytevectors::bytes("bytevector->string", args, 1)?;
    let encoding = wanted("bytevector->string", args, 2)?;
    let strategy = strategy(args, 3)?;
    // As in Guile, where only this way leads through a port.
    let rest = match bytes.strip_prefix(UTF8_MARK) {
        Some(rest) if encoding == Encoding::Utf8 && strategy != "error" => rest,
        _ => &bytes,
    };
    decode(encoding, strategy, rest).map(text::value)
}

natives! {
    /// (%encode-string string encoding [strategy]) -> bytevector
    "%encode-string" (2, 1) => encode_string,
    /// (%encoding-in-comment text) -> the encoding that a comment names, or #f
    "%encoding-in-comment" (1) => in_comment,
    /// (%decode-bytes bytevector encoding [strategy]) -> string
    "%decode-bytes" (2, 1) => decode_bytes,
}
