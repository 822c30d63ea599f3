//! `log FILE`: what a build's log says, most of all why the build stopped.
//!
//! The log is read once, as it comes, in memory that does not grow with it. It
//! may be compressed: gzip is read here, which logs that `job-follow` keeps are
//! in; for others the program that made them is asked.

use super::output::{print_line, print_text};
use crate::failure::{Failure, Key};
use crate::ssh::build_log::{Cause, How, Outcome, Reader};
use crate::visible::escape;
use clap::Args;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Print what a build's log says.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The log, plain or compressed; `-` is standard input
    file: PathBuf,
    /// Print it as JSON, with what the failed target printed last
    #[arg(long)]
    json: bool,
}

/// Lines longer than this are read in pieces.
const LONGEST_LINE: u64 = 1 << 20;

/// Do what ARGUMENTS say: 0 when the log names no failure, 1 when the build
/// failed, 3 when the log breaks off before it says.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let unreadable = |error: io::Error| {
        Failure::new(
            Key::System,
            format!(
                "cannot read the log `{}`: {error}",
                arguments.file.display()
            ),
        )
    };
    let reader = read(&arguments.file).map_err(unreadable)?;
    let outcome = reader.outcome();
    if arguments.json {
        print_text(&json(&outcome, reader.stage(), reader.warnings()))?;
    } else {
        print(&outcome, reader.stage(), reader.warnings())?;
    }
    Ok(match outcome {
        Outcome::Passed => 0,
        Outcome::Failed(_) => 1,
        Outcome::CutOff => 3,
    })
}

/// What the log at PATH says.
pub fn read(path: &Path) -> io::Result<Reader> {
    let (mut input, mut helper) = opened(path)?;
    let mut reader = Reader::new();
    read_all(&mut *input, &mut reader)?;
    drop(input);
    if let Some(child) = &mut helper
        && !child.wait()?.success()
    {
        reader.torn(b"");
    }
    Ok(reader)
}

/// Give READER all lines of INPUT.
fn read_all(input: &mut dyn BufRead, reader: &mut Reader) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.take(LONGEST_LINE).read_until(b'\n', &mut line);
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // What was compressed has no end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                reader.torn(&line);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        match line.strip_suffix(b"\n") {
            Some(line) => reader.take(line),
            None if line.len() as u64 == LONGEST_LINE => reader.take(&line),
            None => reader.torn(&line),
        }
    }
}

pub type Input = Box<dyn BufRead>;

/// The text of the log at PATH, and the program that decompresses it, where one
/// does.
pub fn opened(path: &Path) -> io::Result<(Input, Option<Child>)> {
    let file: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    };
    let mut file = BufReader::with_capacity(256 << 10, file);
    let start = file.fill_buf()?;
    let program = match start {
        [0x1f, 0x8b, ..] => {
            let decoder = flate2::bufread::MultiGzDecoder::new(file);
            return Ok((Box::new(BufReader::with_capacity(256 << 10, decoder)), None));
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => "bzip2",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        _ => return Ok((Box::new(file), None)),
    };
    if path == Path::new("-") {
        return Err(io::Error::other(format!(
            "it is compressed; write `{program} -dc | fruix-scm log -`"
        )));
    }
    let mut child = Command::new(program)
        .arg("-dc")
        .stdin(File::open(path)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            io::Error::other(format!(
                "`{program}` decompresses it, which does not run: {error}"
            ))
        })?;
    let output = child.stdout.take().expect("it was asked for");
    Ok((
        Box::new(BufReader::with_capacity(256 << 10, output)),
        Some(child),
    ))
}

fn print(outcome: &Outcome, stage: Option<&str>, warnings: u64) -> Result<(), Failure> {
    let stage = match outcome {
        Outcome::Failed(cause) => cause.stage.as_deref(),
        _ => stage,
    };
    print_line(format_args!("stage={}", escape(stage.unwrap_or_default())))?;
    print_line(format_args!("warnings={warnings}"))?;
    match outcome {
        Outcome::Passed => print_line("status=0"),
        Outcome::CutOff => print_line("status=unknown"),
        Outcome::Failed(cause) => {
            let target = cause.target.as_deref().unwrap_or_default();
            print_line(format_args!("target={}", escape(target)))?;
            print_line(how(cause))?;
            print_line(format_args!("cause={}", escape(&cause.told())))
        }
    }
}

fn how(cause: &Cause) -> String {
    match cause.how {
        How::Status(status) => format!("status={status}"),
        How::Signal(signal) => format!("signal={signal}"),
        How::Unsaid => "status=unknown".to_owned(),
    }
}

fn json(outcome: &Outcome, stage: Option<&str>, warnings: u64) -> String {
    let mut said = serde_json::json!({ "stage": stage, "warnings": warnings });
    match outcome {
        Outcome::Passed => said["status"] = 0.into(),
        Outcome::CutOff => said["status"] = serde_json::Value::Null,
        Outcome::Failed(cause) => {
            said["stage"] = cause.stage.clone().into();
            said["target"] = cause.target.clone().into();
            match cause.how {
                How::Status(status) => said["status"] = status.into(),
                How::Signal(signal) => said["signal"] = signal.into(),
                How::Unsaid => said["status"] = serde_json::Value::Null,
            }
            said["cause"] = cause.told().into();
            said["directory"] = cause.directory.clone().into();
            said["line"] = cause.line.into();
            said["lines"] = cause.lines.clone().into();
        }
    }
    format!("{said:#}\n")
}
