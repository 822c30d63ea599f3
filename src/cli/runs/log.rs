//! `runs log`: what jobs printed in the guest, as far as a run has kept it.

use super::super::log::opened;
use super::super::output::{print_bytes, print_line};
use crate::failure::{Failure, Key};
use crate::run::folder;
use crate::run::logs::{self, Log};
use crate::visible::escape;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::path::Path;

/// Lines longer than this are printed in pieces.
const LONGEST_LINE: u64 = 1 << 20;

/// Print the logs of the run in FOLDER that are of the step or job with PART in its
/// name, one after the other.
pub fn run(folder: &Path, part: Option<&str>) -> Result<u8, Failure> {
    let all = logs::of_run(folder, &super::read(folder));
    let wanted: Vec<&Log> = match part {
        Some(part) => logs::of_step(&all, part),
        None => all.iter().collect(),
    };
    if wanted.is_empty() {
        return Err(nothing(folder, part, &all));
    }
    for log in &wanted {
        if wanted.len() > 1 {
            print_line(escape(&format!("==> {}", title(log))))?;
        }
        each_line(&log.file, print_bytes)?;
    }
    Ok(0)
}

/// What LOG is, in words.
pub fn title(log: &Log) -> String {
    match &log.step[..] {
        [] => format!("job {}", log.job),
        step => format!("{}: job {}", step.join(" / "), log.job),
    }
}

fn nothing(folder: &Path, part: Option<&str>, all: &[Log]) -> Failure {
    let id = folder::id(folder);
    let failure = Failure::new(
        Key::Usage,
        match part {
            Some(part) => format!("run `{id}` has kept no log of a step or job `{part}`"),
            None => format!("run `{id}` has kept no log"),
        },
    );
    match all {
        [] => failure.hint("only jobs in a guest have logs; `fruix-scm runs show` tells the rest"),
        all => {
            let titles: Vec<String> = all.iter().map(title).collect();
            failure.hint(format!("it has those of {}", titles.join(", ")))
        }
    }
}

/// The last COUNT lines of LOG.
pub fn tail(log: &Log, count: usize) -> Result<Vec<String>, Failure> {
    let mut last = VecDeque::new();
    each_line(&log.file, |line| {
        if last.len() == count {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(line).into_owned());
        Ok(())
    })?;
    Ok(last.into())
}

/// Call BODY with each line of the log in FILE. One that is still being written ends where
/// it ends.
pub fn each_line(
    file: &Path,
    mut body: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let unreadable = |error: io::Error| {
        Failure::new(
            Key::System,
            format!("cannot read the log `{}`: {error}", file.display()),
        )
    };
    let (mut input, _helper) = opened(file).map_err(unreadable)?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        let is_over = match read {
            Ok(count) => count == 0,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(error) => return Err(unreadable(error)),
        };
        if !line.is_empty() {
            body(line.strip_suffix(b"\n").unwrap_or(&line))?;
        }
        if is_over {
            return Ok(());
        }
    }
}
