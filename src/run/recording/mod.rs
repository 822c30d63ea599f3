//! Recordings: all that came from outside while a program ran, in one file.
//!
//! [`recorder`] writes one beside a run, [`replayer`] answers from one in the world's
//! stead. A recording is lines of JSON, compressed as gzip(1) does, so that `gzip -dc`
//! shows it. The first line says what it is of ([`Header`]), the last one how the program
//! ended; between them stand, as they came:
//!
//! | | |
//! |---|---|
//! | `{"step": [name …]}` | the step in which the next calls are |
//! | `{"call": [name, [argument …], outcome]}` | a call of a primitive, with what it came to |
//! | `{"anytime": [name, outcome]}` | one that may come at any time, such as what asks for that |
//! | `{"program": [path, text]}` | a program or module that was loaded from a file |
//! | `{"read": [port, bytes]}` | all that a port has read up to here, in hexadecimal digits |
//! | `{"large": [port, size, sha256, bytes]}` | the same, of which only the beginning is here |
//! | `{"end": {…}}` | `status`, `calls`, and `sha256` of all lines before |
//!
//! Arguments and outcomes are as [`crate::guile::outside::datum`] has them. A text that is
//! too large to go into a bug report stands there with its beginning and its end and the
//! digest of the whole, which is a file of that name where somebody wants it kept.
//!
//! Secrets are hidden ([`crate::secrets`]) before anything is matched or written.

pub mod matching;
pub mod recorder;
pub mod replayer;

use super::journal::hexadecimal;
use super::sha256;
use crate::failure::{Failure, Key};
use crate::guile::outside::datum::bytes_of;
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The version of the format; another one is not read.
pub const VERSION: u64 = 1;

/// How many bytes of a line are read: one that has more is no recording's.
const LONGEST: usize = 1 << 28;

/// What a recording is of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// The version of the format; the name of this entry tells what the file is.
    #[serde(rename = "fruix-scm-recording")]
    pub version: u64,
    /// What recorded it.
    pub tool: String,
    /// When, in seconds since 1970.
    pub began: u64,
    pub program: Program,
    /// Of which kind its machines were.
    pub world: String,
}

/// The program that was recorded, as the command line named it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Program {
    /// FILE, absolute, or the name of a built-in harness; empty for an expression alone.
    pub file: String,
    /// As it was written.
    pub written: String,
    /// The text of a built-in harness.
    pub built_in: Option<String>,
    pub expression: Option<String>,
    pub entry: Option<String>,
    /// What follows it.
    pub arguments: Vec<String>,
    /// Files of `-l`, and how many of them come first.
    pub loads: Vec<String>,
    pub loads_before: Option<usize>,
    pub load_path: Vec<String>,
    pub extensions: Vec<String>,
    pub use_srfi: Vec<u16>,
    pub r6rs: bool,
    pub r7rs: bool,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub step: Rc<[String]>,
    pub name: String,
    pub arguments: Json,
    pub outcome: Json,
    /// Whether it may come at any time.
    pub is_anytime: bool,
}

/// What a recording holds.
#[derive(Debug)]
pub struct Recording {
    pub header: Header,
    pub calls: Vec<Call>,
    /// Texts of programs, by their paths.
    pub programs: BTreeMap<PathBuf, String>,
    /// What ports have read, by their numbers.
    pub read: BTreeMap<u64, Vec<u8>>,
    /// The sizes and digests of what ports have read that is not whole here.
    pub large: BTreeMap<u64, (usize, String)>,
    /// The status of the process; `None` when it was killed, or the file was cut off.
    pub status: Option<u8>,
}

/// A line of a recording, but for the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Step(Vec<String>),
    Call(CallLine),
    Anytime(String, Json),
    Program(String, String),
    Read(u64, String),
    /// All that a port has read is so many bytes with this digest, and begins so.
    Large(u64, usize, String, String),
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
struct CallLine(String, Json, Json);

#[derive(Debug, Serialize, Deserialize)]
struct End {
    status: u8,
    calls: usize,
    sha256: String,
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(
        Key::Usage,
        format!("cannot replay `{}`: {why}", path.display()),
    )
}

/// Read the recording in the file at PATH.
pub fn read(path: &Path) -> Result<Recording, Failure> {
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, error))?;
    let mut lines = Lines {
        reader: BufReader::new(GzDecoder::new(BufReader::new(file))),
        text: Vec::new(),
        digest: Sha256::new(),
    };
    let header = match lines.next() {
        Some(line) => header(line).map_err(|why| unreadable(path, why))?,
        None => {
            return Err(
                unreadable(path, "it is no recording, or its beginning is lost")
                    .hint("`fruix-scm --record FILE HARNESS` makes one"),
            );
        }
    };
    let mut recording = Recording {
        header,
        calls: Vec::new(),
        programs: BTreeMap::new(),
        read: BTreeMap::new(),
        large: BTreeMap::new(),
        status: None,
    };
    let mut step: Rc<[String]> = Rc::new([]);
    let mut number = 1;
    while recording.status.is_none() {
        let before = lines.digest.clone();
        let Some(line) = lines.next() else {
            break;
        };
        number += 1;
        let line: Line = match serde_json::from_slice(line) {
            Ok(line) => line,
            // The process was killed while it wrote this.
            Err(error) if error.is_eof() => break,
            Err(error) => {
                return Err(
                    unreadable(path, format!("line {number} of it says nothing: {error}"))
                        .hint("it is damaged, or not the work of this program"),
                );
            }
        };
        let bytes = |digits: &str| {
            bytes_of(digits)
                .ok_or_else(|| unreadable(path, format!("line {number} of it is damaged")))
        };
        match line {
            Line::Step(path) => step = path.into(),
            Line::Call(CallLine(name, arguments, outcome)) => recording.calls.push(Call {
                step: step.clone(),
                name,
                arguments,
                outcome,
                is_anytime: false,
            }),
            Line::Anytime(name, outcome) => recording.calls.push(Call {
                step: step.clone(),
                name,
                arguments: Json::Array(Vec::new()),
                outcome,
                is_anytime: true,
            }),
            Line::Program(path, text) => {
                recording.programs.insert(path.into(), text);
            }
            Line::Read(port, digits) => {
                recording.read.insert(port, bytes(&digits)?);
                recording.large.remove(&port);
            }
            Line::Large(port, size, digest, digits) => {
                recording.read.insert(port, bytes(&digits)?);
                recording.large.insert(port, (size, digest));
            }
            Line::End(end) => {
                let is_whole = end.calls == recording.calls.len()
                    && end.sha256 == hexadecimal(&before.finalize());
                if !is_whole {
                    return Err(unreadable(path, "it is not as it was written"));
                }
                recording.status = Some(end.status);
            }
        }
    }
    Ok(recording)
}

/// What the first LINE says, or what is wrong with it.
fn header(line: &[u8]) -> Result<Header, String> {
    let said: Json = serde_json::from_slice(line).map_err(|_| "it is no recording".to_owned())?;
    let Some(version) = said.get("fruix-scm-recording").and_then(Json::as_u64) else {
        return Err("it is no recording".to_owned());
    };
    if version != VERSION {
        let tool = said.get("tool").and_then(Json::as_str).unwrap_or("another");
        return Err(format!(
            "it is of version {version} of the format, made by {tool}; this program reads \
             version {VERSION}"
        ));
    }
    serde_json::from_value(said).map_err(|error| format!("its first line says nothing: {error}"))
}

struct Lines<R> {
    reader: R,
    text: Vec<u8>,
    /// Of all lines that were read.
    digest: Sha256,
}

impl<R: BufRead> Lines<R> {
    /// The next line, without its end; what is torn off or cannot be decompressed is none.
    fn next(&mut self) -> Option<&[u8]> {
        use std::io::Read;
        self.text.clear();
        let mut reader = (&mut self.reader).take(LONGEST as u64);
        // What came before an error stands in the text, without an end.
        let _whole_or_not = reader.read_until(b'\n', &mut self.text);
        if self.text.last() != Some(&b'\n') {
            return None;
        }
        self.digest.update(&self.text);
        self.text.pop();
        Some(&self.text)
    }
}

/// The last place in TEXT, up to byte AT, at which it may be cut.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|place| text.is_char_boundary(*place))
        .unwrap_or(0)
}
