//! The file protocol: what a transfer asks of the guest's sftp server.
//!
//! Requests are sent ahead of their answers, as many as keep the connection
//! busy; answers come back in order. One session is one channel, and an error
//! tells a server's refusal, which no waiting mends, from a lost connection.
//!
//! Source: draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL, section 4.

use super::connection::{Connection, Lifeline};
use super::error::SshError;
use super::text::visible;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use russh_sftp::client::error::Error;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much one request moves where the server does not say what it takes.
const PLAIN: u32 = 32 << 10;
/// More than this in one request gains nothing.
const LARGEST: u64 = 255 << 10;
/// How many bytes may be on their way. With more the server keeps more in memory
/// than stays near its processor, and a copy takes a tenth longer.
const AHEAD: usize = 4 << 20;
/// How long one answer may take.
const ANSWER_SECONDS: u64 = 60;
/// A renaming that puts a file in the place of another; OpenSSH's server and
/// FreeBSD's have it.
const REPLACE: &str = "posix-rename@openssh.com";

/// More than this no start-up file prints.
const MOST_NOISE: usize = 1 << 20;

/// A stream in which nothing counts before the server's first packet: where the
/// server is a program, the login shell starts it, and the shell's start-up files
/// may print something. OpenSSH gives up then.
struct Quieted<S> {
    stream: S,
    /// What has come, until the first packet is found in it.
    waiting: Option<Vec<u8>>,
    /// What comes next.
    ready: VecDeque<u8>,
    noise: Arc<Mutex<Vec<u8>>>,
}

impl<S> Quieted<S> {
    fn new(stream: S, noise: Arc<Mutex<Vec<u8>>>) -> Quieted<S> {
        Quieted {
            stream,
            waiting: Some(Vec::new()),
            ready: VecDeque::new(),
            noise,
        }
    }

    /// Look for the first packet: a length, SSH_FXP_VERSION, and version 3.
    fn look(&mut self) {
        let Some(bytes) = &mut self.waiting else {
            return;
        };
        let found = bytes.windows(9).position(|window| {
            let length = u32::from_be_bytes([window[0], window[1], window[2], window[3]]);
            (5..1 << 16).contains(&length) && window[4..] == [2, 0, 0, 0, 3]
        });
        let mut noise = self.noise.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(at) => {
                self.ready.extend(&bytes[at..]);
                bytes.truncate(at);
                *noise = std::mem::take(bytes);
                self.waiting = None;
            }
            None if bytes.len() > MOST_NOISE => {
                self.ready.extend(bytes.iter());
                self.waiting = None;
            }
            None => noise.clone_from(bytes),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Quieted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.ready.is_empty() {
                let count = self.ready.len().min(buffer.remaining());
                let bytes: Vec<u8> = self.ready.drain(..count).collect();
                buffer.put_slice(&bytes);
                return Poll::Ready(Ok(()));
            }
            if self.waiting.is_none() {
                return Pin::new(&mut self.stream).poll_read(context, buffer);
            }
            let mut piece = [0; 4096];
            let mut read = ReadBuf::new(&mut piece);
            match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    let bytes = read.filled().to_vec();
                    if let Some(waiting) = &mut self.waiting {
                        waiting.extend(bytes);
                    }
                    self.look();
                }
                other => return other,
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Quieted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A session with the guest's sftp server.
#[derive(Clone)]
pub(super) struct Sftp<'a> {
    session: Arc<RawSftpSession>,
    connection: &'a Connection,
    lifeline: Lifeline,
    pub read_size: u32,
    pub write_size: u32,
    /// Whether the server knows [`REPLACE`].
    replaces: bool,
}

/// A file that is open in the guest.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    handle: String,
    path: String,
}

impl Connection {
    pub(super) async fn sftp(&self) -> Result<Sftp<'_>, SshError> {
        let (stream, lifeline) = self.subsystem("sftp").await?;
        let noise = Arc::new(Mutex::new(Vec::new()));
        let session = RawSftpSession::new_with_config(
            Quieted::new(stream, noise.clone()),
            Config {
                request_timeout_secs: ANSWER_SECONDS,
                max_packet_len: 1 << 20,
                ..Config::default()
            },
        );
        let mut sftp = Sftp {
            session: Arc::new(session),
            connection: self,
            lifeline,
            read_size: PLAIN,
            write_size: PLAIN,
            replaces: false,
        };
        let said = sftp.unless_gone(sftp.session.init()).await;
        let noise = std::mem::take(&mut *noise.lock().unwrap_or_else(PoisonError::into_inner));
        let noise = super::run::last_line(&noise);
        if let (Err(_), Some(line)) = (&said, &noise)
            && self.is_alive()
        {
            return Err(SshError::Channel {
                destination: self.destination().clone(),
                what: "the sftp server".to_owned(),
                reason: format!("it said `{line}` instead"),
            });
        }
        let version = sftp.answered("the sftp server", said)?;
        sftp.replaces = version.extensions.contains_key(REPLACE);
        if version
            .extensions
            .contains_key(russh_sftp::extensions::LIMITS)
            && let Ok(limits) = sftp.unless_gone(sftp.session.limits()).await
        {
            let size = |limit: u64| match limit {
                0 => PLAIN,
                limit => limit.min(LARGEST) as u32,
            };
            sftp.read_size = size(limits.max_read_len);
            sftp.write_size = size(limits.max_write_len);
        }
        Ok(sftp)
    }
}

impl Sftp<'_> {
    /// What is at PATH, links followed; `None` when nothing is.
    pub async fn stat(&self, path: &str) -> Result<Option<FileAttributes>, SshError> {
        let said = self.unless_gone(self.session.stat(path)).await;
        self.maybe(path, said.map(|found| found.attrs))
    }

    /// What is at PATH itself, a link or not.
    pub async fn lstat(&self, path: &str) -> Result<Option<FileAttributes>, SshError> {
        let said = self.unless_gone(self.session.lstat(path)).await;
        self.maybe(path, said.map(|found| found.attrs))
    }

    fn maybe<T>(&self, path: &str, said: Result<T, Error>) -> Result<Option<T>, SshError> {
        match said {
            Err(Error::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
            said => self.answered(path, said).map(Some),
        }
    }

    pub async fn open(&self, path: &str, flags: OpenFlags) -> Result<Opened, SshError> {
        let opening = self.session.open(path, flags, FileAttributes::empty());
        let said = self.unless_gone(opening).await;
        Ok(Opened {
            handle: self.answered(path, said)?.handle,
            path: path.to_owned(),
        })
    }

    pub async fn close(&self, opened: &Opened) -> Result<(), SshError> {
        let closing = self.session.close(opened.handle.as_str());
        let said = self.unless_gone(closing).await;
        self.answered(&opened.path, said).map(drop)
    }

    /// Give the file the length SIZE, and MODE where it is known.
    pub async fn set(
        &self,
        opened: &Opened,
        size: Option<u64>,
        mode: Option<u32>,
    ) -> Result<(), SshError> {
        let attributes = FileAttributes {
            size,
            permissions: mode,
            ..FileAttributes::empty()
        };
        let setting = self.session.fsetstat(opened.handle.as_str(), attributes);
        let said = self.unless_gone(setting).await;
        self.answered(&opened.path, said).map(drop)
    }

    /// Give what is at PATH the mode MODE.
    pub async fn set_mode(&self, path: &str, mode: u32) -> Result<(), SshError> {
        let attributes = FileAttributes {
            permissions: Some(mode),
            ..FileAttributes::empty()
        };
        let said = self
            .unless_gone(self.session.setstat(path, attributes))
            .await;
        self.answered(path, said).map(drop)
    }

    /// Give what is at PATH the mode MODE, and the time of its last change, in seconds
    /// since 1970.
    pub async fn set_mode_and_time(
        &self,
        path: &str,
        mode: u32,
        time: u64,
    ) -> Result<(), SshError> {
        let time = u32::try_from(time).unwrap_or(u32::MAX);
        let attributes = FileAttributes {
            permissions: Some(mode),
            atime: Some(time),
            mtime: Some(time),
            ..FileAttributes::empty()
        };
        let said = self
            .unless_gone(self.session.setstat(path, attributes))
            .await;
        self.answered(path, said).map(drop)
    }

    /// Remove the file PATH, if there is one.
    pub async fn remove(&self, path: &str) -> Result<(), SshError> {
        let said = self.unless_gone(self.session.remove(path)).await;
        self.maybe(path, said).map(drop)
    }

    /// Move the file FROM to TO, in the place of what is there.
    pub async fn replace(&self, from: &str, to: &str) -> Result<(), SshError> {
        if !self.replaces {
            // The protocol's own word takes no place that is taken.
            self.remove(to).await?;
            let said = self.unless_gone(self.session.rename(from, to)).await;
            return self.answered(to, said).map(drop);
        }
        let replacing = async {
            match self
                .session
                .extended(REPLACE, two_strings(from, to))
                .await?
            {
                Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
                Packet::Status(status) => Err(Error::Status(status)),
                _ => Err(Error::UnexpectedPacket),
            }
        };
        let said = self.unless_gone(replacing).await;
        self.answered(to, said)
    }

    /// The names in the directory PATH with what each is, `.` and `..` left out.
    pub async fn list(&self, path: &str) -> Result<Vec<(String, FileAttributes)>, SshError> {
        let said = self.unless_gone(self.session.opendir(path)).await;
        let handle = self.answered(path, said)?.handle;
        let mut names = Vec::new();
        loop {
            match self
                .unless_gone(self.session.readdir(handle.as_str()))
                .await
            {
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => break,
                said => names.extend(
                    self.answered(path, said)?
                        .files
                        .into_iter()
                        .filter(|file| file.filename != "." && file.filename != "..")
                        .map(|file| (file.filename, file.attrs)),
                ),
            }
        }
        let said = self.unless_gone(self.session.close(handle)).await;
        self.answered(path, said)?;
        Ok(names)
    }

    pub async fn read_link(&self, path: &str) -> Result<String, SshError> {
        let said = self.unless_gone(self.session.readlink(path)).await;
        let name = self.answered(path, said)?.files.into_iter().next();
        name.map(|file| file.filename)
            .ok_or_else(|| self.refused(path, "the server names no target".to_owned()))
    }

    /// Read OPENED from byte FROM to byte END, and give each piece, in order,
    /// to TAKE; it answers false to stop.
    pub async fn read<F: Future<Output = bool>>(
        &self,
        opened: &Opened,
        from: u64,
        end: u64,
        mut take: impl FnMut(Vec<u8>) -> F,
    ) -> Result<(), SshError> {
        let most = (AHEAD / self.read_size as usize).max(2);
        let mut answers = FuturesOrdered::new();
        let mut next = from;
        loop {
            while next < end && answers.len() < most {
                let size = (end - next).min(u64::from(self.read_size)) as u32;
                answers.push_back(self.read_piece(&opened.handle, next, size));
                next += u64::from(size);
            }
            if answers.is_empty() {
                return Ok(());
            }
            let said = self.next_of(&mut answers).await;
            if !take(self.answered(&opened.path, said)?).await {
                return Ok(());
            }
        }
    }

    /// Read OPENED, which does not say how long it is, from its beginning, and give
    /// each piece to TAKE as [`Sftp::read`] does.
    pub async fn read_to_end<F: Future<Output = bool>>(
        &self,
        opened: &Opened,
        mut take: impl FnMut(Vec<u8>) -> F,
    ) -> Result<(), SshError> {
        let mut offset = 0;
        loop {
            let asking = self
                .session
                .read(opened.handle.as_str(), offset, self.read_size);
            let piece = match self.unless_gone(asking).await {
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => {
                    return Ok(());
                }
                said => self.answered(&opened.path, said)?.data,
            };
            offset += piece.len() as u64;
            if piece.is_empty() || !take(piece).await {
                return Ok(());
            }
        }
    }

    /// SIZE bytes at OFFSET: a server may answer with fewer at once.
    async fn read_piece(&self, handle: &str, offset: u64, size: u32) -> Result<Vec<u8>, Error> {
        let mut piece = self.session.read(handle, offset, size).await?.data;
        while piece.len() < size as usize {
            let (offset, left) = (offset + piece.len() as u64, size - piece.len() as u32);
            let more = self.session.read(handle, offset, left).await?.data;
            if more.is_empty() {
                return Err(Error::UnexpectedPacket);
            }
            piece.extend(more);
        }
        piece.truncate(size as usize);
        Ok(piece)
    }

    /// Write what NEXT gives, each piece with its offset, to OPENED; TOLD hears
    /// up to which byte the server has it.
    pub async fn write<F: Future<Output = Option<(u64, Vec<u8>)>>>(
        &self,
        opened: &Opened,
        mut next: impl FnMut() -> F,
        mut told: impl FnMut(u64),
    ) -> Result<(), SshError> {
        let most = (AHEAD / self.write_size as usize).max(2);
        let mut answers = FuturesOrdered::new();
        let mut more = true;
        while more || !answers.is_empty() {
            while more && answers.len() < most {
                match next().await {
                    Some((offset, bytes)) => {
                        let end = offset + bytes.len() as u64;
                        let handle = opened.handle.as_str();
                        let session = &self.session;
                        let mut answer = Box::pin(async move {
                            session.write(handle, offset, bytes).await.map(|_| end)
                        });
                        // Asking once sends it, so that the next piece is read
                        // while this one is on its way.
                        match futures_util::poll!(&mut answer) {
                            std::task::Poll::Ready(said) => {
                                told(self.answered(&opened.path, said)?)
                            }
                            std::task::Poll::Pending => answers.push_back(answer),
                        }
                    }
                    None => more = false,
                }
            }
            if !answers.is_empty() {
                let said = self.next_of(&mut answers).await;
                told(self.answered(&opened.path, said)?);
            }
        }
        Ok(())
    }

    /// What ASKING brings. The library alone would wait its time for the answer
    /// of a server that is gone.
    async fn unless_gone<T>(
        &self,
        asking: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            said = asking => said,
            () = self.lifeline.gone() => Err(Error::UnexpectedBehavior("gone".to_owned())),
        }
    }

    async fn next_of<T>(
        &self,
        answers: &mut FuturesOrdered<impl Future<Output = Result<T, Error>>>,
    ) -> Result<T, Error> {
        let next = async { answers.next().await.unwrap_or(Err(Error::UnexpectedPacket)) };
        self.unless_gone(next).await
    }

    pub fn refused(&self, path: &str, reason: String) -> SshError {
        SshError::RemoteFile {
            destination: self.connection.destination().clone(),
            path: path.to_owned(),
            reason,
        }
    }

    /// What the server SAID about PATH, or the error that it is.
    fn answered<T>(&self, path: &str, said: Result<T, Error>) -> Result<T, SshError> {
        said.map_err(|error| match error {
            Error::Status(status) => match status.status_code {
                StatusCode::Eof => {
                    self.refused(path, "it ended early: another has changed it".to_owned())
                }
                // OpenSSH's word for every error that the protocol has no
                // number for; a full disk is the usual one.
                StatusCode::Failure => self.refused(
                    path,
                    "the server answered `Failure`, as it does when the disk is full".to_owned(),
                ),
                code if status.error_message.is_empty() => self.refused(path, code.to_string()),
                _ => self.refused(path, visible(&status.error_message)),
            },
            Error::Timeout => {
                // It may be the network that is silent.
                self.connection.cut();
                self.connection
                    .lost(&format!("the transfer of `{}`", visible(path)))
            }
            Error::Limited(reason) => self.refused(path, visible(&reason)),
            // The session's task ends with the connection; or the server broke
            // the protocol, which ends the session as well.
            _ => self
                .connection
                .lost(&format!("the transfer of `{}`", visible(path))),
        })
    }
}

/// ONE and OTHER as the protocol writes strings: each behind its length.
fn two_strings(one: &str, other: &str) -> Vec<u8> {
    [one, other]
        .into_iter()
        .flat_map(|text| [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat())
        .collect()
}
