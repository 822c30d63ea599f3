//! A connection to one guest: made, kept alive, lost, closed.
//!
//! Connecting waits for a guest that is still booting: a refused or reset
//! connection is tried again until the deadline. What no waiting mends (a
//! wrong host key, a refused login, something that is not SSH) ends it at once.

use super::error::SshError;
use super::identity::{self, Candidate, Identity};
use super::key;
use super::shell::Shell;
use super::text::visible;
use super::trust::{Expected, Trust};
use crate::clock::{self, Moment};
use russh::AgentAuthError;
use russh::client::{self, AuthResult, DisconnectReason, Handle, Msg};
use russh::keys::key::PrivateKeyWithHashAlg;
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{
    Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Disconnect,
    MethodSet, Preferred, Sig, cipher,
};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How long one attempt may take before another is made.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long to wait between attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// A peer that has said nothing for this long is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// So many unanswered questions end the connection.
const KEEP_ALIVE_MISSES: usize = 4;
/// How long to try to make a lost connection again before it is used.
const RENEWAL: Duration = Duration::from_secs(30);
/// What the server may send ahead of our reading, a channel: twice what OpenSSH
/// grants. Sixteen mebibytes would cost a copy a tenth, as the server keeps them.
const WINDOW: u32 = 4 << 20;
/// The first that both sides have is used. Processors help with AES, which then
/// takes half the time of OpenSSH's own first choice.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];
/// How long ending a command at the other end may take.
const PARTING: Duration = Duration::from_millis(1500);

/// Where a guest answers, and who goes there.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// An IP address or a name.
    pub address: String,
    pub port: u16,
    pub user: String,
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} port {}", self.address, self.port)
    }
}

/// How to get into a guest, as often as needed.
#[derive(Clone, Debug)]
pub struct Login {
    pub destination: Destination,
    pub identity: Identity,
    pub trust: Trust,
    /// The server through which the way leads.
    pub jump: Option<Box<Login>>,
}

/// A login whose keys are ready, so that it can be repeated unattended.
#[derive(Debug)]
struct Way {
    destination: Destination,
    candidates: Vec<Candidate>,
    expected: Expected,
    jump: Option<Box<Way>>,
}

/// A connection whose user is logged in. One that was lost is made again when
/// it is next used; what ran over it is another matter.
pub struct Connection {
    way: Way,
    link: RwLock<Arc<Link>>,
    closed: AtomicBool,
    pub(super) shell: tokio::sync::Mutex<Option<Shell>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Connection({})", self.way.destination)
    }
}

/// One TCP connection, from login to loss.
struct Link {
    handle: Handle<Client>,
    /// Commands at the other end that are being ended.
    partings: Partings,
    ended: Arc<Ended>,
    alive: watch::Receiver<()>,
    socket: OwnedFd,
    /// The link that this one runs through.
    _through: Option<Box<Link>>,
}

impl Link {
    /// Completes when the connection has ended.
    async fn gone(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }
}

/// Tells whoever waits for an answer that none will come.
#[derive(Clone)]
pub(super) struct Lifeline(Arc<Link>);

impl Lifeline {
    /// Completes when the connection has ended.
    pub async fn gone(&self) {
        self.0.gone().await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        cut(&self.socket);
    }
}

/// Ends commands at the other end, beside everything else.
///
/// Closing a channel ends nothing by itself, and OpenSSH's server passes on no
/// signals in root's sessions; a second channel on which `kill` runs works
/// everywhere.
#[derive(Debug, Default)]
pub(super) struct Partings(Mutex<Vec<tokio::task::JoinHandle<()>>>);

impl Partings {
    fn add(&self, parting: tokio::task::JoinHandle<()>) {
        let mut partings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        partings.retain(|parting| !parting.is_finished());
        partings.push(parting);
    }

    async fn wait(&self) {
        let partings = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for parting in partings {
            let _ = clock::limit(PARTING, parting).await;
        }
    }
}

/// A command at the other end. Unless it has ended it is told to when this is
/// dropped: at a deadline, and when the user interrupts.
pub(super) struct Remote {
    output: Option<ChannelWriteHalf<Msg>>,
    /// The command's process group, once it is known.
    pub group: OnceLock<u32>,
    pub ended: bool,
    link: Arc<Link>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remote({:?})", self.group)
    }
}

impl Remote {
    /// Send BYTES to the command; false when the connection has ended. The
    /// library alone would wait for a lost peer to take them.
    pub async fn write(&self, bytes: Vec<u8>) -> bool {
        tokio::select! {
            sent = self.output().data_bytes(bytes) => sent.is_ok(),
            () = self.link.gone() => false,
        }
    }

    /// The half of the channel that writes to the command.
    pub fn output(&self) -> &ChannelWriteHalf<Msg> {
        self.output.as_ref().expect("taken when dropped only")
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let Some(output) = self.output.take().filter(|_| !self.ended) else {
            return;
        };
        let link = self.link.clone();
        let group = self.group.get().copied();
        let parting = crate::runtime::spawn(async move {
            let _ = output.signal(Sig::TERM).await;
            if let Some(group) = group.filter(|group| *group > 1)
                && let Ok(channel) = link.handle.channel_open_session().await
            {
                let command = format!("/bin/sh -c 'kill -TERM -{group}'");
                let _ = channel.exec(false, command).await;
                let _ = channel.eof().await;
                let mut channel = channel;
                let _ =
                    clock::limit(PARTING, async { while channel.wait().await.is_some() {} }).await;
            }
            let _ = output.close().await;
        });
        self.link.partings.add(parting);
    }
}

/// Why a connection has ended, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<Option<String>>);

impl Ended {
    fn set(&self, reason: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
    }

    fn reason(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .unwrap_or_else(|| "the server closed it".to_owned())
    }
}

/// The client's side of the protocol: what russh asks us.
pub(super) struct Client {
    /// Dropped with the connection, which those who wait for it notice.
    _alive: watch::Sender<()>,
    expected: Expected,
    stranger: Arc<Mutex<Option<Stranger>>>,
    ended: Arc<Ended>,
}

/// A host key that was not the expected one.
#[derive(Clone)]
struct Stranger {
    fingerprint: String,
    line: String,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else {
            // We ask for no certificates, so a server that shows one is odd.
            return Ok(false);
        };
        if self.expected.contains(key) {
            return Ok(true);
        }
        *self.stranger.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stranger {
            fingerprint: key::fingerprint(key),
            line: key.to_openssh().unwrap_or_default(),
        });
        Ok(false)
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.ended
                    .set(format!("the server said `{}`", visible(&info.message)));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.ended.set(describe(&error));
                Err(error)
            }
        }
    }
}

/// An error of the protocol as people say it.
fn describe(error: &russh::Error) -> String {
    match error {
        russh::Error::IO(error) => describe_io(error),
        russh::Error::HUP | russh::Error::Disconnect => "the server closed it".to_owned(),
        russh::Error::KeepaliveTimeout => format!(
            "the server has not answered for {} s",
            KEEP_ALIVE.as_secs() * KEEP_ALIVE_MISSES as u64
        ),
        russh::Error::NoCommonAlgo { kind, theirs, .. } => format!(
            "no common algorithm for {kind:?}; the server offers {}",
            visible(&theirs.join(", "))
        ),
        other => visible(&other.to_string()),
    }
}

fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the server closed the connection".to_owned()
        }
        _ => visible(&error.to_string()),
    }
}

/// How an attempt to connect went wrong.
enum Attempt {
    /// Waiting may mend it.
    Again(String),
    Over(SshError),
}

impl Login {
    /// Make what is needed to log in, any number of times, ready.
    async fn way(&self) -> Result<Way, SshError> {
        Ok(Way {
            destination: self.destination.clone(),
            expected: self.trust.expected(&self.destination)?,
            candidates: self.identity.candidates().await?,
            jump: match &self.jump {
                Some(jump) => Some(Box::new(Box::pin(jump.way()).await?)),
                None => None,
            },
        })
    }
}

impl Way {
    /// Log in within LIMIT, trying again while nothing answers.
    async fn link(&self, limit: Duration) -> Result<Link, SshError> {
        let start = Moment::now();
        let mut last = "not tried yet".to_owned();
        while let Some(left) = limit.checked_sub(start.elapsed()) {
            match self.attempt(left.min(ATTEMPT)).await {
                Ok(link) => return Ok(link),
                Err(Attempt::Over(error)) => return Err(error),
                Err(Attempt::Again(reason)) => last = reason,
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                break;
            }
            clock::sleep(PAUSE.min(left)).await;
        }
        Err(SshError::NoAnswer {
            destination: self.destination.clone(),
            waited: limit,
            last,
        })
    }

    /// Log in once, over a connection of our own or through a link to the
    /// server that leads there.
    async fn attempt(&self, limit: Duration) -> Result<Link, Attempt> {
        let start = Moment::now();
        let Some(jump) = &self.jump else {
            let stream = match clock::limit(limit, connected(&self.destination)).await {
                Ok(stream) => stream?,
                Err(_) => return Err(Attempt::Again("connection timed out".to_owned())),
            };
            let trouble = |error: io::Error| Attempt::Again(describe_io(&error));
            stream.set_nodelay(true).map_err(trouble)?;
            let socket = stream.as_fd().try_clone_to_owned().map_err(trouble)?;
            let left = limit.saturating_sub(start.elapsed());
            return attempt(self, stream, socket, None, left).await;
        };
        let through = Box::pin(jump.link(limit)).await.map_err(Attempt::Over)?;
        let socket = through
            .socket
            .try_clone()
            .map_err(|error| Attempt::Again(describe_io(&error)))?;
        let (address, port) = (&self.destination.address, u32::from(self.destination.port));
        let left = limit.saturating_sub(start.elapsed()).max(PAUSE);
        let opening = through
            .handle
            .channel_open_direct_tcpip(address, port, "127.0.0.1", 0);
        let stream = match clock::limit(left, opening).await {
            Ok(Ok(channel)) => channel.into_stream(),
            Ok(Err(error)) => {
                return Err(Attempt::Again(format!(
                    "{} does not lead there: {}",
                    jump.destination,
                    describe(&error)
                )));
            }
            Err(_) => return Err(Attempt::Again("connection timed out".to_owned())),
        };
        attempt(self, stream, socket, Some(Box::new(through)), left).await
    }
}

impl Connection {
    /// Connect as LOGIN says within LIMIT.
    pub async fn open(login: &Login, limit: Duration) -> Result<Connection, SshError> {
        let way = login.way().await?;
        let link = way.link(limit).await?;
        Ok(Connection {
            way,
            link: RwLock::new(Arc::new(link)),
            closed: AtomicBool::new(false),
            shell: tokio::sync::Mutex::new(None),
        })
    }

    pub fn destination(&self) -> &Destination {
        &self.way.destination
    }

    fn link(&self) -> Arc<Link> {
        self.link
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the connection is up as far as we know.
    pub fn is_alive(&self) -> bool {
        !self.link().handle.is_closed()
    }

    /// Whether small packets are sent at once, as they must be for questions
    /// to be answered fast.
    pub fn sends_at_once(&self) -> bool {
        rustix::net::sockopt::tcp_nodelay(&self.link().socket).unwrap_or(false)
    }

    /// Make the connection again within LIMIT when it has been lost.
    pub async fn renew(&self, limit: Duration) -> Result<(), SshError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(SshError::Closed {
                destination: self.destination().clone(),
            });
        }
        if self.is_alive() {
            return Ok(());
        }
        let link = Arc::new(self.way.link(limit).await?);
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
        Ok(())
    }

    /// End the TCP connection without a word, as a failing network does.
    pub fn cut(&self) {
        cut(&self.link().socket);
    }

    /// Say good-bye. What runs over the connection ends.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.shell.lock().await.take();
        let link = self.link();
        link.partings.wait().await;
        let _ = link
            .handle
            .disconnect(Disconnect::ByApplication, "", "")
            .await;
    }

    /// A new channel for running WHAT, as its two halves.
    pub(super) async fn remote(&self, what: &str) -> Result<(ChannelReadHalf, Remote), SshError> {
        self.renew(RENEWAL).await?;
        let link = self.link();
        let (input, output) = self.channel(&link, what).await?.split();
        let remote = Remote {
            output: Some(output),
            group: OnceLock::new(),
            ended: false,
            link,
        };
        Ok((input, remote))
    }

    /// A channel that the guest's subsystem NAME serves, as a stream of bytes.
    pub(super) async fn subsystem(
        &self,
        name: &str,
    ) -> Result<
        (
            impl AsyncRead + AsyncWrite + Unpin + Send + 'static + use<>,
            Lifeline,
        ),
        SshError,
    > {
        let what = format!("the subsystem `{name}`");
        self.renew(RENEWAL).await?;
        let link = self.link();
        let mut channel = self.channel(&link, &what).await?;
        let asking = async {
            channel.request_subsystem(true, name).await.ok()?;
            loop {
                match channel.wait().await? {
                    ChannelMsg::Success => return Some(true),
                    ChannelMsg::Failure | ChannelMsg::Close => return Some(false),
                    _ => {}
                }
            }
        };
        match clock::limit(ATTEMPT, asking).await {
            Ok(Some(true)) => Ok((channel.into_stream(), Lifeline(link))),
            Ok(None) => Err(self.lost(&what)),
            Ok(Some(false)) | Err(_) => Err(SshError::Subsystem {
                destination: self.destination().clone(),
                name: name.to_owned(),
            }),
        }
    }

    async fn channel(&self, link: &Link, what: &str) -> Result<Channel<Msg>, SshError> {
        match clock::limit(ATTEMPT, link.handle.channel_open_session()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(SshError::Channel {
                destination: self.destination().clone(),
                what: what.to_owned(),
                reason: visible(reason.description()),
            }),
            Ok(Err(_)) => Err(self.lost(what)),
            Err(_) => Err(SshError::Channel {
                destination: self.destination().clone(),
                what: what.to_owned(),
                reason: format!("no channel was opened within {} s", ATTEMPT.as_secs()),
            }),
        }
    }

    /// Whether something accepts connections at ADDRESS and PORT as seen from
    /// the server. The server makes the connection, so the guest needs no
    /// program for it; one whose sshd forbids forwarding is an error.
    pub async fn reaches(&self, address: &str, port: u16) -> Result<bool, SshError> {
        let what = format!("a connection to {address} port {port}");
        self.renew(RENEWAL).await?;
        let link = self.link();
        let opening =
            link.handle
                .channel_open_direct_tcpip(address, u32::from(port), "127.0.0.1", 0);
        match clock::limit(ATTEMPT, opening).await {
            Ok(Ok(channel)) => {
                let _ = channel.close().await;
                Ok(true)
            }
            Ok(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)))
            | Err(_) => Ok(false),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(SshError::Channel {
                destination: self.destination().clone(),
                what,
                reason: visible(reason.description()),
            }),
            Ok(Err(_)) => Err(self.lost(&what)),
        }
    }

    /// No shell can be given a NUL character, and it would drop it silently.
    pub(super) fn refuse_nul(&self, what: &str, command: &str) -> Result<(), SshError> {
        if !command.contains('\0') {
            return Ok(());
        }
        Err(SshError::Channel {
            destination: self.destination().clone(),
            what: what.to_owned(),
            reason: "the command holds a NUL character".to_owned(),
        })
    }

    /// The error of WHAT when the connection has ended under it.
    pub(super) fn lost(&self, what: &str) -> SshError {
        SshError::Lost {
            destination: self.destination().clone(),
            what: what.to_owned(),
            reason: self.link().ended.reason(),
        }
    }
}

fn cut(socket: &OwnedFd) {
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
}

/// Ends the connection unless it is taken out: the library's own task would
/// otherwise wait for a silent server for ever.
struct Guarded(Option<OwnedFd>);

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            cut(socket);
        }
    }
}

/// How much of what a server begins with is told when that is not SSH.
const GREETING: usize = 60;

/// What a server begins with.
#[derive(Clone, Debug, Default)]
struct Greeting(Arc<Mutex<Vec<u8>>>);

impl Greeting {
    fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() >= GREETING
    }

    fn take(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = GREETING.saturating_sub(heard.len());
        heard.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What to add to an error, unless the server does speak SSH.
    fn told(&self) -> String {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = heard.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
        if line.is_empty() || line.starts_with(b"SSH-2.0-") {
            return String::new();
        }
        format!("; it said `{}`", visible(&String::from_utf8_lossy(line)))
    }
}

/// A stream whose first bytes are overheard.
struct Overheard<S> {
    stream: S,
    greeting: Greeting,
    listening: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.listening {
            self.greeting.take(&buffer.filled()[before..]);
            self.listening = !self.greeting.is_full();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Speak SSH over STREAM, which SOCKET carries, and log in.
async fn attempt(
    way: &Way,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    socket: OwnedFd,
    through: Option<Box<Link>>,
    limit: Duration,
) -> Result<Link, Attempt> {
    let start = Moment::now();
    let (destination, expected) = (&way.destination, &way.expected);
    let mut guarded = Guarded(Some(socket));

    let ended = Arc::new(Ended::default());
    let stranger = Arc::new(Mutex::new(None));
    let (sender, alive) = watch::channel(());
    let client = Client {
        _alive: sender,
        expected: expected.clone(),
        stranger: stranger.clone(),
        ended: ended.clone(),
    };
    let config = Arc::new(client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-fruix-scm_",
            env!("CARGO_PKG_VERSION")
        ))),
        preferred: Preferred {
            key: Cow::Owned(expected.algorithms()),
            cipher: Cow::Borrowed(CIPHERS),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEP_ALIVE),
        keepalive_max: KEEP_ALIVE_MISSES,
        nodelay: true,
        window_size: WINDOW,
        ..client::Config::default()
    });
    let left = limit.saturating_sub(start.elapsed());
    let greeting = Greeting::default();
    let stream = Overheard {
        stream,
        greeting: greeting.clone(),
        listening: true,
    };
    let handshake = client::connect_stream(config, stream, client);
    let mut handle = match clock::limit(left, handshake).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(error)) => {
            let stranger = stranger
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            return Err(not_shaken(
                destination,
                expected,
                stranger,
                &error,
                &greeting.told(),
            ));
        }
        Err(_) => {
            return Err(Attempt::Again(format!(
                "the server accepted the connection but did not begin SSH{}",
                greeting.told()
            )));
        }
    };
    let left = limit.saturating_sub(start.elapsed()).max(ATTEMPT / 2);
    match clock::limit(left, log_in(&mut handle, destination, &way.candidates)).await {
        Ok(result) => result?,
        Err(_) => {
            return Err(Attempt::Again(
                "the server did not decide about the login".to_owned(),
            ));
        }
    }
    let socket = guarded.0.take().expect("taken only here");
    Ok(Link {
        handle,
        partings: Partings::default(),
        ended,
        alive,
        socket,
        _through: through,
    })
}

async fn connected(destination: &Destination) -> Result<TcpStream, Attempt> {
    let no_address = |reason: String| {
        Attempt::Over(SshError::NoAddress {
            destination: destination.clone(),
            reason,
        })
    };
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((destination.address.as_str(), destination.port))
            .await
            .map_err(|error| no_address(error.to_string()))?
            .collect();
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(Attempt::Again(describe_io(&error))),
        None => Err(no_address("the name has no address".to_owned())),
    }
}

/// What a failed key exchange means, with the server's GREETING in place of SSH.
fn not_shaken(
    destination: &Destination,
    expected: &Expected,
    stranger: Option<Stranger>,
    error: &russh::Error,
    greeting: &str,
) -> Attempt {
    if let Some(stranger) = stranger {
        return Attempt::Over(SshError::Untrusted {
            destination: destination.clone(),
            expected: expected.fingerprints(),
            found: stranger.fingerprint,
            found_line: stranger.line,
        });
    }
    match error {
        // A system that is coming up or going down closes connections.
        russh::Error::IO(_) | russh::Error::HUP | russh::Error::Disconnect => {
            Attempt::Again(format!("{} before SSH began{greeting}", describe(error)))
        }
        other => Attempt::Over(SshError::Protocol {
            destination: destination.clone(),
            reason: format!("{}{greeting}", describe(other)),
        }),
    }
}

/// Offer CANDIDATES until the server takes one.
async fn log_in(
    handle: &mut Handle<Client>,
    destination: &Destination,
    candidates: &[Candidate],
) -> Result<(), Attempt> {
    let again = |error: russh::Error| Attempt::Again(describe(&error));
    let mut methods = MethodSet::empty();
    for candidate in candidates {
        let hash = if candidate.public().algorithm().is_rsa() {
            handle
                .best_supported_rsa_hash()
                .await
                .map_err(again)?
                .unwrap_or(Some(HashAlg::Sha512))
        } else {
            None
        };
        let user = &destination.user;
        let result = match candidate {
            Candidate::Ours(key) => handle
                .authenticate_publickey(user, PrivateKeyWithHashAlg::new(key.clone(), hash))
                .await
                .map_err(again)?,
            Candidate::Agents(key, socket) => {
                let refused = |reason: String| Attempt::Over(SshError::Agent { reason });
                let mut agent = identity::connect(socket)
                    .await
                    .map_err(|error| refused(error.to_string()))?;
                match handle
                    .authenticate_publickey_with(user, (**key).clone(), hash, &mut agent)
                    .await
                {
                    Ok(result) => result,
                    Err(AgentAuthError::Send(_)) => {
                        return Err(Attempt::Again(
                            "the server closed the connection during the login".to_owned(),
                        ));
                    }
                    // Somebody did not confirm it, or it is gone: another may do.
                    Err(AgentAuthError::Key(_)) => continue,
                }
            }
        };
        match result {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { .. } if handle.is_closed() => {
                return Err(Attempt::Again(
                    "the server closed the connection during the login".to_owned(),
                ));
            }
            AuthResult::Failure {
                remaining_methods, ..
            } => methods = remaining_methods,
        }
    }
    let keys: Vec<String> = candidates
        .iter()
        .map(|candidate| key::fingerprint(candidate.public()))
        .collect();
    Err(Attempt::Over(SshError::Refused {
        destination: destination.clone(),
        key: keys.join(" or "),
        methods: methods
            .iter()
            .map(|method| <&str>::from(method).to_owned())
            .collect(),
    }))
}
