//! The complete log of a job, kept here: compressed, with an index.
//!
//! The log is a file of gzip members, which `zcat` reads whole. Beside it
//! stands `….index`: which job it is of, and a line for each member, with the
//! byte of the log at which the member begins, the byte of the file, and the
//! stage that the build was in; and the first cause of failure, once one is
//! known. A member is closed every few mebibytes and at the start of each stage,
//! and only then counts: whoever comes back after this process was killed cuts
//! off what does not, and goes on in the guest's log at exactly that byte. The
//! log of another job takes the place of what is there.
//!
//! Source: RFC 1952, section 2.2 (a file is a series of members).

use super::build_log::{self, Cause};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How much of the log one member holds at most.
const MEMBER: u64 = 4 << 20;
/// A stage that begins this soon after another shares its member.
const SMALLEST: u64 = 64 << 10;

/// One member of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The byte of the log at which it begins.
    pub log: u64,
    /// The byte of the file at which it begins.
    pub file: u64,
    /// The last stage that was announced before it, or in its first line.
    pub stage: String,
}

/// A log that is being kept.
pub struct Archive {
    encoder: GzEncoder<File>,
    index: File,
    /// The bytes of the log so far.
    log: u64,
    /// Where the open member begins.
    begun: Member,
    stage: String,
    /// The cause that the index tells.
    cause: Option<Cause>,
    /// A line that has not ended yet.
    line: Vec<u8>,
}

fn index_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".index");
    PathBuf::from(name)
}

/// What the index of a log says.
#[derive(Debug, Default)]
struct Index {
    /// What tells the job from another that had its name.
    number: Option<String>,
    /// The whole members.
    members: Vec<Member>,
    /// The end of the last of them, in the log and in the file.
    log: u64,
    file: u64,
    cause: Option<Cause>,
}

impl Index {
    /// The index of the log at PATH.
    fn read(path: &Path) -> io::Result<Index> {
        let mut index = Index::default();
        let file = match File::open(index_path(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(index),
            Err(error) => return Err(error),
        };
        for line in BufReader::new(file).lines() {
            let line = line?;
            // A line that was cut off belongs to a member that does not count.
            let whole = match line.split_once(' ') {
                Some(("job", number)) => {
                    index.number = Some(number.to_owned());
                    true
                }
                Some(("cause", cause)) => match serde_json::from_str(cause) {
                    Ok(cause) => {
                        index.cause = cause;
                        true
                    }
                    Err(_) => false,
                },
                _ => index.member(&line).is_some(),
            };
            if !whole {
                break;
            }
        }
        Ok(index)
    }

    /// Take a LINE for a member; `None` when it is none that follows.
    fn member(&mut self, line: &str) -> Option<()> {
        let mut fields = line.splitn(5, ' ');
        let mut number = || fields.next()?.parse::<u64>().ok();
        let (log, file, log_end, file_end) = (number()?, number()?, number()?, number()?);
        let stage = fields.next()?.to_owned();
        if (log, file) != (self.log, self.file) {
            return None;
        }
        (self.log, self.file) = (log_end, file_end);
        self.members.push(Member { log, file, stage });
        Some(())
    }
}

impl Archive {
    /// The archive at PATH of the log of the job that has NUMBER, to be gone on
    /// with; new, where what is there is of another job.
    pub fn open(path: &Path, number: &str) -> io::Result<Archive> {
        let found = Index::read(path)?;
        let found = match found.number.as_deref() == Some(number) {
            true => found,
            false => Index::default(),
        };
        let mut file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path)?;
        file.set_len(found.file)?;
        file.seek(SeekFrom::Start(found.file))?;
        let mut index = File::create(index_path(path))?;
        index.write_all(format!("job {}\n", number.replace(['\n', '\r'], " ")).as_bytes())?;
        let ends = found
            .members
            .iter()
            .skip(1)
            .map(|member| (member.log, member.file));
        for (member, end) in found
            .members
            .iter()
            .zip(ends.chain([(found.log, found.file)]))
        {
            write_entry(&mut index, member, end)?;
        }
        let stage = found
            .members
            .last()
            .map_or("-".to_owned(), |last| last.stage.clone());
        let mut archive = Archive {
            encoder: GzEncoder::new(file, Compression::fast()),
            index,
            log: found.log,
            begun: Member {
                log: found.log,
                file: found.file,
                stage: stage.clone(),
            },
            stage,
            cause: None,
            line: Vec::new(),
        };
        archive.tell_cause(found.cause.as_ref())?;
        Ok(archive)
    }

    /// Where to go on in the log.
    pub fn offset(&self) -> u64 {
        self.log
    }

    /// Keep BYTES, which come next in the log.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.is_empty() && piece.starts_with(b">>> ") {
                let line = String::from_utf8_lossy(piece).into_owned();
                if let Some((number, name)) = build_log::stage(&line) {
                    self.stage = match number {
                        Some(number) => format!("stage {number}: {name}"),
                        None => name.to_owned(),
                    };
                    if self.log - self.begun.log >= SMALLEST {
                        self.close_member()?;
                    }
                    if self.log == self.begun.log {
                        self.begun.stage.clone_from(&self.stage);
                    }
                }
            }
            self.line.clear();
            if !piece.ends_with(b"\n") {
                self.line.push(b'.');
            }
            self.encoder.write_all(piece)?;
            self.log += piece.len() as u64;
            if self.log - self.begun.log >= MEMBER {
                self.close_member()?;
            }
        }
        Ok(())
    }

    /// Write CAUSE, which what was taken so far tells, into the index.
    pub fn tell_cause(&mut self, cause: Option<&Cause>) -> io::Result<()> {
        if self.cause.as_ref() == cause {
            return Ok(());
        }
        // What the index tells must stand in members that count.
        self.close_member()?;
        let line = format!("cause {}\n", serde_json::to_string(&cause)?);
        self.index.write_all(line.as_bytes())?;
        self.cause = cause.cloned();
        Ok(())
    }

    /// Close the open member, so that what it holds counts.
    pub fn close_member(&mut self) -> io::Result<()> {
        if self.log == self.begun.log {
            return Ok(());
        }
        self.encoder.try_finish()?;
        let file = self.encoder.get_ref().try_clone()?;
        let end = self.encoder.get_mut().stream_position()?;
        self.encoder = GzEncoder::new(file, Compression::fast());
        write_entry(&mut self.index, &self.begun, (self.log, end))?;
        self.begun = Member {
            log: self.log,
            file: end,
            stage: self.stage.clone(),
        };
        Ok(())
    }
}

fn write_entry(index: &mut File, member: &Member, end: (u64, u64)) -> io::Result<()> {
    let line = format!(
        "{} {} {} {} {}\n",
        member.log,
        member.file,
        end.0,
        end.1,
        member.stage.replace(['\n', '\r'], " ")
    );
    index.write_all(line.as_bytes())
}

/// Give every line of the log kept at PATH, without its newline, to TAKE.
pub fn replay(path: &Path, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let index = Index::read(path)?;
    if index.file == 0 {
        return Ok(());
    }
    let file = BufReader::new(File::open(path)?).take(index.file);
    let mut log = BufReader::new(flate2::bufread::MultiGzDecoder::new(file));
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? > 0 {
        take(line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
    }
    Ok(())
}

/// The members of the log kept at PATH.
pub fn members(path: &Path) -> io::Result<Vec<Member>> {
    Index::read(path).map(|index| index.members)
}

/// The first cause of failure that the log kept at PATH tells, if it tells one.
pub fn cause(path: &Path) -> io::Result<Option<Cause>> {
    Index::read(path).map(|index| index.cause)
}

/// The last bytes of the log kept at PATH, COUNT at most.
pub fn tail(path: &Path, count: u64) -> io::Result<Vec<u8>> {
    let end = Index::read(path)?.log;
    read(path, end.saturating_sub(count), count)
}

/// COUNT bytes of the log kept at PATH from byte FROM on, or as many as there
/// are. Only the members that hold them are read.
pub fn read(path: &Path, from: u64, count: u64) -> io::Result<Vec<u8>> {
    let Index {
        members, log: end, ..
    } = Index::read(path)?;
    let mut bytes = Vec::new();
    let first = members.partition_point(|member| member.log <= from);
    let Some(first) = first.checked_sub(1).map(|index| &members[index]) else {
        return Ok(bytes);
    };
    if from >= end {
        return Ok(bytes);
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(first.file))?;
    let mut log = flate2::read::MultiGzDecoder::new(BufReader::new(file));
    io::copy(&mut (&mut log).take(from - first.log), &mut io::sink())?;
    log.take(count.min(end - from)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of LINES lines in three stages.
    fn log(lines: usize) -> Vec<u8> {
        let mut log = Vec::new();
        for number in 0..lines {
            if number % (lines / 3) == 0 {
                log.extend(format!(">>> stage {}.1: part\n", number * 3 / lines).bytes());
            }
            log.extend(format!("cc -c file{number}.c\n").bytes());
        }
        log
    }

    #[test]
    fn a_log_is_read_from_any_byte_and_whole_by_gzip() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.gz");
        let log = log(300_000);
        let mut archive = Archive::open(&path, "a").unwrap();
        for piece in log.chunks(10_007) {
            archive.take(piece).unwrap();
        }
        archive.close_member().unwrap();
        for (from, count) in [(0, 10), (5_000_000, 1_000_000), (log.len() as u64 - 5, 99)] {
            let end = (from + count).min(log.len() as u64);
            assert!(read(&path, from, count).unwrap() == log[from as usize..end as usize]);
        }
        assert_eq!(read(&path, log.len() as u64, 1).unwrap(), b"");
        let mut whole = Vec::new();
        flate2::read::MultiGzDecoder::new(File::open(&path).unwrap())
            .read_to_end(&mut whole)
            .unwrap();
        assert!(whole == log);
        let stages: Vec<String> = members(&path)
            .unwrap()
            .into_iter()
            .map(|m| m.stage)
            .collect();
        for stage in ["stage 0.1: part", "stage 1.1: part", "stage 2.1: part"] {
            assert!(stages.iter().any(|found| found == stage), "{stages:?}");
        }
    }

    #[test]
    fn what_was_not_closed_when_the_process_was_killed_is_asked_for_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.gz");
        let log = log(300_000);
        let mut offset = 0;
        // Each of them is killed in the middle of a member.
        for end in [1_000_000, 1_100_000, 5_500_000, log.len()] {
            let mut archive = Archive::open(&path, "a").unwrap();
            offset = archive.offset();
            archive.take(&log[offset as usize..end]).unwrap();
            if end == log.len() {
                archive.close_member().unwrap();
            }
            std::mem::forget(archive);
        }
        // The last of them had closed what came before the stage that it was in.
        let stage = b">>> stage 2.1";
        let begun = log.windows(stage.len()).position(|line| line == stage);
        assert_eq!(Some(offset as usize), begun);
        assert!(read(&path, 0, u64::MAX).unwrap() == log);
    }

    #[test]
    fn the_log_of_another_job_takes_the_place_of_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.gz");
        let log = b"a.c:1: error: x\n*** [a.o] Error code 1\n";
        let found = build_log::cause(std::str::from_utf8(log).unwrap());
        for number in ["one", "two"] {
            let mut archive = Archive::open(&path, number).unwrap();
            assert_eq!(archive.offset(), 0);
            assert_eq!(cause(&path).unwrap(), None);
            archive.take(log).unwrap();
            archive.tell_cause(found.as_ref()).unwrap();
            // Whoever comes later is told without reading the log.
            assert_eq!(cause(&path).unwrap(), found);
        }
        assert_eq!(read(&path, 0, u64::MAX).unwrap(), log);
        assert_eq!(tail(&path, 4).unwrap(), b"e 1\n");
        let again = Archive::open(&path, "two").unwrap();
        assert_eq!(again.offset(), log.len() as u64);
        drop(again);
        assert_eq!(cause(&path).unwrap(), found);
    }
}
