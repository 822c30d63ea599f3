//! A command with a channel of its own.

use super::connection::Connection;
use super::error::SshError;
use super::line::{Line, Marked, line};
use super::text::visible;
use crate::clock::{self, Moment};
use crate::progress::{self, Event};
use russh::{ChannelMsg, Sig};
use std::time::Duration;

/// More output than this is not kept, and so not accepted; a job's log is the
/// place for more.
const LARGEST_OUTPUT: usize = 256 << 20;
/// How long to wait, after a deadline, to learn what is to be ended.
const ANNOUNCEMENT: Duration = Duration::from_secs(2);
/// Lines longer than this are shown in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// A command line for the user's shell.
    pub command: String,
    /// What stands for the command in messages: it is one of ours, which nobody is
    /// shown.
    pub what: Option<String>,
    /// What the command reads; it sees the end of its input afterwards.
    pub input: Vec<u8>,
    /// Show output line by line as it comes, as that of this source.
    pub live: Option<String>,
    /// Give up after this long.
    pub limit: Option<Duration>,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Exited(u32),
    /// The name of a signal without `SIG`.
    Signaled(String),
}

/// What a command left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub ending: Ending,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Connection {
    /// Run REQUEST and wait for its end. A status other than zero is no error
    /// here; a connection or channel that ends without one is.
    pub async fn run(&self, request: &Request) -> Result<Output, SshError> {
        let what = request
            .what
            .clone()
            .unwrap_or_else(|| format!("`{}`", visible(&request.command)));
        self.refuse_nul(&what, &request.command)?;
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let (mut input, mut remote) = self.remote(&what).await?;
        let Line {
            text,
            input: mut standard_input,
        } = line(&request.command, &mark);
        standard_input.extend_from_slice(&request.input);
        remote
            .output()
            .exec(true, text)
            .await
            .map_err(|_| self.lost(&what))?;
        let start = Moment::now();
        let deadline = request.limit.map(|limit| start + limit);
        let mut out = Stream::new(request.live.as_deref(), &mark);
        let mut err = Stream::new(request.live.as_deref(), &mark);
        let mut ending = None;
        let mut ended = false;
        let listening = async {
            while let Some(message) = input.wait().await {
                match message {
                    ChannelMsg::Data { .. } | ChannelMsg::ExtendedData { .. }
                        if out.bytes.len() + err.bytes.len() > LARGEST_OUTPUT =>
                    {
                        return Err(SshError::TooMuch {
                            destination: self.destination().clone(),
                            what: what.clone(),
                            limit: LARGEST_OUTPUT,
                        });
                    }
                    ChannelMsg::Data { data } => out.take(&data),
                    ChannelMsg::ExtendedData { data, .. } => {
                        err.take(&data);
                        if let Some(group) = err.marked.group {
                            let _ = remote.group.set(group);
                        }
                    }
                    ChannelMsg::ExitStatus { exit_status } => {
                        ending = Some(Ending::Exited(exit_status));
                    }
                    ChannelMsg::ExitSignal { signal_name, .. } => {
                        ending = Some(Ending::Signaled(signal_text(&signal_name)));
                    }
                    ChannelMsg::Failure => {
                        return Err(SshError::Channel {
                            destination: self.destination().clone(),
                            what: what.clone(),
                            reason: "the server refused the request".to_owned(),
                        });
                    }
                    ChannelMsg::Close => break,
                    _ => {}
                }
            }
            ended = true;
            Ok(())
        };
        let feeding = async {
            if !standard_input.is_empty() {
                // A command that ends before it has read everything is no error.
                remote.write(standard_input).await;
            }
            let _ = remote.output().eof().await;
        };
        let work = async {
            tokio::pin!(listening);
            tokio::select! {
                result = &mut listening => result,
                // The input may never be taken; the end of the command decides.
                () = feeding => listening.await,
            }
        };
        let result = match deadline {
            Some(deadline) => clock::limit_at(deadline, work).await.ok(),
            None => Some(work.await),
        };
        match result {
            Some(result) => result?,
            None => {
                // A slow guest may not have said yet which group to end.
                let announcement = async {
                    while remote.group.get().is_none() {
                        match input.wait().await {
                            Some(ChannelMsg::ExtendedData { data, .. }) => {
                                err.take(&data);
                                if let Some(group) = err.marked.group {
                                    let _ = remote.group.set(group);
                                }
                            }
                            Some(_) => {}
                            None => break,
                        }
                    }
                };
                let _ = clock::limit(ANNOUNCEMENT, announcement).await;
                return Err(SshError::Deadline {
                    destination: self.destination().clone(),
                    what,
                    waited: request.limit.unwrap_or_default(),
                    last: last_line(&err.bytes)
                        .unwrap_or_else(|| last_line(&out.bytes).unwrap_or_default()),
                });
            }
        }
        remote.ended = ended;
        out.end();
        err.end();
        match ending {
            Some(ending) => Ok(Output {
                ending,
                stdout: out.bytes,
                stderr: err.bytes,
            }),
            None if self.is_alive() => Err(SshError::Lost {
                destination: self.destination().clone(),
                what,
                reason: "its channel was closed without an exit status".to_owned(),
            }),
            None => Err(self.lost(&what)),
        }
    }
}

fn signal_text(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => visible(name),
        known => format!("{known:?}"),
    }
}

/// The last line of BYTES that says something, as it may be shown.
pub(super) fn last_line(bytes: &[u8]) -> Option<String> {
    let tail = &bytes[bytes.len().saturating_sub(4096)..];
    String::from_utf8_lossy(tail)
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map(visible)
}

/// The last COUNT lines of TEXT, without the empty ones behind them.
pub(super) fn last_lines(text: &str, count: usize) -> Vec<String> {
    let mut lines: Vec<String> = text
        .trim_end()
        .lines()
        .rev()
        .take(count)
        .map(str::to_owned)
        .collect();
    lines.reverse();
    lines
}

/// One of a command's two streams of output.
struct Stream<'a> {
    source: Option<&'a str>,
    bytes: Vec<u8>,
    shown: usize,
    /// Nothing counts before the mark.
    marked: Marked,
}

impl<'a> Stream<'a> {
    fn new(source: Option<&'a str>, mark: &str) -> Self {
        Stream {
            source,
            bytes: Vec::new(),
            shown: 0,
            marked: Marked::new(mark),
        }
    }

    fn take(&mut self, data: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(&self.marked.take(data));
        if self.source.is_none() {
            return;
        }
        let mut search = from;
        while let Some(at) = self.bytes[search..].iter().position(|byte| *byte == b'\n') {
            let end = search + at;
            self.show(end);
            self.shown = end + 1;
            search = end + 1;
        }
        while self.bytes.len() - self.shown > LONGEST_LINE {
            let end = self.shown + LONGEST_LINE;
            self.show(end);
            self.shown = end;
        }
    }

    /// Show what came after the last newline.
    fn end(&mut self) {
        // A server that runs something else, for all who come, says it without a mark.
        if self.bytes.is_empty() && !self.marked.is_past() {
            self.bytes.extend_from_slice(self.marked.noise());
        }
        if self.source.is_some() && self.shown < self.bytes.len() {
            self.show(self.bytes.len());
            self.shown = self.bytes.len();
        }
    }

    fn show(&self, end: usize) {
        if let Some(source) = self.source {
            let line = &self.bytes[self.shown..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            progress::tell(Event::Line {
                source: source.to_owned(),
                text: String::from_utf8_lossy(line).into_owned(),
            });
        }
    }
}
