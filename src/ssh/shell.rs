//! One long-lived `/bin/sh` in the guest that answers small questions.
//!
//! Starting a channel and a login shell for every question costs more than
//! most questions; a shell that is there already answers a builtin in the time
//! of a round trip. It is started clean, with `env -i` and no start-up files.
//! Questions are sent together and answered in order; each answer ends with a
//! line on both streams that holds a number nobody can guess, so any bytes may
//! come before it. What a child that an earlier question has left behind prints
//! meanwhile belongs to nobody, and is dropped.
//!
//! A shell that misses a deadline, or whose asker has gone away, is thrown
//! away with what runs in it, and the next question gets a new one.
//!
//! Source: POSIX.1-2017, Shell Command Language; FreeBSD's sh(1), in which
//! `printf` and `test` are builtins too.

use super::connection::{Connection, Outage, Remote};
use super::error::SshError;
use super::run::{Ending, Output, last_line};
use super::text::{quote, quote_all, visible};
use crate::clock::{self, Moment};
use russh::{ChannelMsg, ChannelReadHalf};
use std::time::Duration;
use tokio::sync::mpsc;

/// Small questions have small answers; files are fetched in other ways.
pub const LARGEST_ANSWER: usize = 64 << 20;

/// What the shell is started with. The login shell may be csh, whose words
/// for this are the same.
const START: &str = "exec env -i HOME=\"$HOME\" PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin LC_ALL=C TZ=UTC TERM=dumb /bin/sh";

/// How long the server may take to end the shell.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something to put to the shell.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A program or builtin and its arguments.
    Words(Vec<String>),
    /// A text for the shell to read.
    Script(String),
    /// One of ours, which nobody is shown: WHAT it is about stands for it.
    Named { what: String, script: String },
}

/// Builtins that would change the shell itself or end it.
const RECKLESS: [&str; 26] = [
    ".", ":", "alias", "bg", "break", "cd", "chdir", "command", "continue", "eval", "exec", "exit",
    "export", "fg", "hash", "read", "readonly", "return", "set", "shift", "times", "trap",
    "ulimit", "umask", "unset", "wait",
];

impl Question {
    /// As a command of the shell. A script runs in a process of its own, so
    /// that neither its syntax errors nor its `exit` reach the shell.
    fn command(&self) -> String {
        match self {
            Question::Words(words) if words.is_empty() => ":".to_owned(),
            Question::Words(words) => {
                let line = quote_all(words);
                match words.first() {
                    Some(first) if !RECKLESS.contains(&first.as_str()) => line,
                    _ => format!("( {line} )"),
                }
            }
            Question::Script(text) | Question::Named { script: text, .. } => {
                format!("( eval {} )", quote(text))
            }
        }
    }

    fn shown(&self) -> String {
        let text = match self {
            Question::Words(words) => quote_all(words),
            Question::Script(text) => text.clone(),
            Question::Named { what, .. } => return what.clone(),
        };
        format!("`{}`", visible(&text))
    }
}

/// A running shell.
#[derive(Debug)]
pub struct Shell {
    remote: Remote,
    pieces: mpsc::UnboundedReceiver<Piece>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    secret: String,
    count: u64,
}

#[derive(Debug)]
enum Piece {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

impl Connection {
    /// As [`Connection::ask`], for questions that change nothing: when the
    /// connection is lost under them they are put again over a new one.
    pub async fn ask_again(
        &self,
        questions: &[Question],
        limit: Duration,
    ) -> Result<Vec<Output>, SshError> {
        let mut outage = Outage::new(self);
        loop {
            match self.ask(questions, limit).await {
                Ok(answers) => return Ok(answers),
                Err(error) => outage.wait(error, false).await?,
            }
        }
    }

    /// Put QUESTIONS to the guest's shell, all at once, and return the answers
    /// in the same order. Their standard input is empty.
    pub async fn ask(
        &self,
        questions: &[Question],
        limit: Duration,
    ) -> Result<Vec<Output>, SshError> {
        for question in questions {
            self.refuse_nul(&question.shown(), &question.command())?;
        }
        let deadline = Moment::now() + limit;
        let mut place = self.shell.lock().await;
        // Out of its place while it works: an asker who goes away in the
        // middle takes it with him.
        let kept = place
            .take()
            .filter(|shell| self.is_alive() && !shell.pieces.is_closed());
        let starting = async {
            match kept {
                Some(shell) => Ok(shell),
                None => Shell::start(self).await,
            }
        };
        let mut shell = match clock::limit_at(deadline, starting).await {
            Ok(shell) => shell?,
            Err(_) => {
                return Err(SshError::Deadline {
                    destination: self.destination().clone(),
                    what: "/bin/sh".to_owned(),
                    waited: limit,
                    last: String::new(),
                });
            }
        };
        let mut answers = Vec::with_capacity(questions.len() + 1);
        // Nothing is asked first, whose answer is what has come since the last one.
        let nothing = Question::Words(Vec::new());
        let all: Vec<&Question> = std::iter::once(&nothing).chain(questions).collect();
        let first = match clock::limit_at(deadline, shell.send(self, &all)).await {
            Ok(first) => first?,
            Err(_) => {
                return Err(SshError::Deadline {
                    destination: self.destination().clone(),
                    what: "/bin/sh".to_owned(),
                    waited: limit,
                    last: String::new(),
                });
            }
        };
        for (index, question) in all.into_iter().enumerate() {
            let mark = format!("{} {} ", shell.secret, first + index as u64);
            let answer = clock::limit_at(deadline, shell.answer(self, &mark, question)).await;
            match answer {
                Ok(answer) => answers.push(answer?),
                Err(_) => {
                    return Err(SshError::Deadline {
                        destination: self.destination().clone(),
                        what: question.shown(),
                        waited: limit,
                        last: last_line(&shell.stderr)
                            .or_else(|| last_line(&shell.stdout))
                            .unwrap_or_default(),
                    });
                }
            }
        }
        *place = Some(shell);
        answers.remove(0);
        Ok(answers)
    }
}

impl Shell {
    /// End it, and wait a moment until the server has noticed.
    pub(super) async fn leave(mut self) {
        let _ = self.remote.output().eof().await;
        let gone = async { while self.pieces.recv().await.is_some() {} };
        let _ = clock::limit(PATIENCE, gone).await;
        // It is over for the server once both sides have said so.
        let _ = self.remote.output().close().await;
        self.remote.ended = true;
    }

    async fn start(connection: &Connection) -> Result<Shell, SshError> {
        let what = "/bin/sh";
        let (input, remote) = connection.remote(what).await?;
        remote
            .output()
            .exec(false, START)
            .await
            .map_err(|_| connection.lost(what))?;
        let (sender, pieces) = mpsc::unbounded_channel();
        crate::runtime::spawn(listen(input, sender));
        let mut shell = Shell {
            remote,
            pieces,
            stdout: Vec::new(),
            stderr: Vec::new(),
            secret: uuid::Uuid::new_v4().simple().to_string(),
            count: 0,
        };
        // Its number is that of its process group, for the day it must be ended.
        let number = Question::Script("echo $$".to_owned());
        shell.send(connection, &[&number]).await?;
        let mark = format!("{} 0 ", shell.secret);
        let answer = shell.answer(connection, &mark, &number).await?;
        if let Ok(group) = String::from_utf8_lossy(&answer.stdout).trim().parse() {
            let _ = shell.remote.group.set(group);
        }
        Ok(shell)
    }

    /// Send QUESTIONS and return the number of the first.
    async fn send(
        &mut self,
        connection: &Connection,
        questions: &[&Question],
    ) -> Result<u64, SshError> {
        let first = self.count;
        let mut text = String::new();
        for question in questions {
            let mark = format!("{} {}", self.secret, self.count);
            text.push_str(&format!(
                "{} </dev/null\nprintf '{mark} %d\\n' $?; printf '{mark} -\\n' >&2\n",
                question.command()
            ));
            self.count += 1;
        }
        if self.remote.write(text.into_bytes()).await {
            Ok(first)
        } else {
            Err(connection.lost("/bin/sh"))
        }
    }

    /// Collect the answer that ends with MARK.
    async fn answer(
        &mut self,
        connection: &Connection,
        mark: &str,
        question: &Question,
    ) -> Result<Output, SshError> {
        let mut out = Answer::new(mark);
        let mut err = Answer::new(mark);
        loop {
            let status = out.find(&self.stdout);
            if let (Some(status), Some(rest)) = (status, err.find(&self.stderr)) {
                let ending = self.stdout[status.clone()]
                    .iter()
                    .fold(0u32, |number, digit| {
                        number.wrapping_mul(10).wrapping_add(u32::from(digit & 15))
                    });
                let stdout = take_answer(&mut self.stdout, out.start, status.end + 1);
                let stderr = take_answer(&mut self.stderr, err.start, rest.end + 1);
                return Ok(Output {
                    ending: Ending::Exited(ending),
                    stdout,
                    stderr,
                });
            }
            if self.stdout.len() > LARGEST_ANSWER || self.stderr.len() > LARGEST_ANSWER {
                return Err(SshError::TooMuch {
                    destination: connection.destination().clone(),
                    what: question.shown(),
                    limit: LARGEST_ANSWER,
                });
            }
            match self.pieces.recv().await {
                Some(Piece::Stdout(bytes)) => self.stdout.extend(bytes),
                Some(Piece::Stderr(bytes)) => self.stderr.extend(bytes),
                None if connection.is_alive() => {
                    let said = last_line(&self.stderr).or_else(|| last_line(&self.stdout));
                    if self.remote.group.get().is_none() {
                        // It has never answered: the server runs something else.
                        return Err(SshError::Channel {
                            destination: connection.destination().clone(),
                            what: "/bin/sh".to_owned(),
                            reason: match said {
                                Some(line) => format!("it said `{line}` instead"),
                                None => "it ended at once".to_owned(),
                            },
                        });
                    }
                    return Err(SshError::Lost {
                        destination: connection.destination().clone(),
                        what: question.shown(),
                        reason: match said {
                            Some(line) => format!("the guest's /bin/sh ended: {line}"),
                            None => "the guest's /bin/sh ended".to_owned(),
                        },
                    });
                }
                None => return Err(connection.lost(&question.shown())),
            }
        }
    }
}

/// Looks for the mark in a growing buffer without looking twice at a byte.
struct Answer<'a> {
    mark: &'a [u8],
    searched: usize,
    /// Where the mark begins, once found.
    start: usize,
}

impl<'a> Answer<'a> {
    fn new(mark: &'a str) -> Self {
        Answer {
            mark: mark.as_bytes(),
            searched: 0,
            start: 0,
        }
    }

    /// Where what follows the mark on its line lies in BUFFER.
    fn find(&mut self, buffer: &[u8]) -> Option<std::ops::Range<usize>> {
        let found = find(&buffer[self.searched..], self.mark);
        let Some(at) = found else {
            self.searched = buffer
                .len()
                .saturating_sub(self.mark.len())
                .max(self.searched);
            return None;
        };
        self.start = self.searched + at;
        self.searched = self.start;
        let from = self.start + self.mark.len();
        let length = buffer[from..].iter().position(|byte| *byte == b'\n')?;
        Some(from..from + length)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        from += haystack[from..].iter().position(|byte| *byte == first)?;
        if haystack[from..].starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
}

/// Take what comes before START out of BUFFER and forget all before END.
fn take_answer(buffer: &mut Vec<u8>, start: usize, end: usize) -> Vec<u8> {
    let rest = buffer.split_off(end);
    let mut answer = std::mem::replace(buffer, rest);
    answer.truncate(start);
    answer
}

/// Take what the shell prints at once: a channel that is not read holds up
/// every other channel of its connection.
async fn listen(mut input: ChannelReadHalf, pieces: mpsc::UnboundedSender<Piece>) {
    while let Some(message) = input.wait().await {
        let piece = match message {
            ChannelMsg::Data { data } => Piece::Stdout(data.to_vec()),
            ChannelMsg::ExtendedData { data, .. } => Piece::Stderr(data.to_vec()),
            ChannelMsg::Close | ChannelMsg::Failure => break,
            _ => continue,
        };
        if pieces.send(piece).is_err() {
            break;
        }
    }
    drop(pieces);
    while input.wait().await.is_some() {}
}
