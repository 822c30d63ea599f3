//! The way into a guest: one connection from its first byte to its loss.
//!
//! A way is made ready once ([`Login::way`]) and gone as often as needed: over a
//! connection of our own, through other servers, or through a command. What no
//! waiting mends (a wrong host key, a refused login, something that is not SSH)
//! ends an attempt for good; everything else is tried again. A server that is
//! silent though it was asked is taken to be gone.
//!
//! Source: RFC 4252, RFC 4253; OpenSSH's PROTOCOL; ssh_config(5) for what leads
//! there.

use super::config::AddressFamily;
use super::connection::{Destination, Partings};
use super::error::SshError;
use super::identity::{self, Candidate, Held, Identity};
use super::key;
use super::text::visible;
use super::trust::{Expected, Trust};
use crate::clock::{self, Moment};
use russh::AgentAuthError;
use russh::client::{self, AuthResult, DisconnectReason, Handle};
use russh::keys::key::PrivateKeyWithHashAlg;
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{MethodSet, Preferred, cipher, kex};
use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::sync::watch;

/// How long one attempt may take before another is made.
pub(super) const ATTEMPT: Duration = Duration::from_secs(10);
/// How long to wait between attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// A peer that has said nothing for this long is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// So many unanswered questions end the connection.
const KEEP_ALIVE_MISSES: usize = 3;
/// A peer that has said nothing for this long is gone, though it was asked: what
/// keeps alive waits itself while the peer takes nothing.
const SILENCE: Duration = Duration::from_secs(20);
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

/// How to get into a guest, as often as needed.
#[derive(Clone, Debug)]
pub struct Login {
    pub destination: Destination,
    pub identity: Identity,
    pub trust: Trust,
    /// The way there, where it is not a connection of our own.
    pub proxy: Option<Proxy>,
    pub address_family: AddressFamily,
    /// The address of this machine from which to connect.
    pub bind_address: Option<String>,
}

/// What leads to a server.
#[derive(Clone, Debug)]
pub enum Proxy {
    /// Another server.
    Jump(Box<Login>),
    /// A command for /bin/sh, whose input and output the connection is.
    Command(Vec<u8>),
}

impl Login {
    /// How to log in at DESTINATION over a connection of our own.
    pub fn direct(destination: Destination, identity: Identity, trust: Trust) -> Login {
        Login {
            destination,
            identity,
            trust,
            proxy: None,
            address_family: AddressFamily::Any,
            bind_address: None,
        }
    }
}

/// A login whose keys are ready, so that it can be repeated unattended.
#[derive(Debug)]
pub(super) struct Way {
    pub destination: Destination,
    candidates: Vec<Candidate>,
    /// Why other keys that were named are none of them.
    troubles: Vec<String>,
    expected: Expected,
    proxy: Option<Through>,
    address_family: AddressFamily,
    bind_address: Option<String>,
    /// How many of the candidates a server has refused before it lost patience.
    refused: AtomicUsize,
}

/// What leads there, ready.
#[derive(Debug)]
enum Through {
    Jump(Box<Way>),
    Command(Vec<u8>),
}

/// One TCP connection, from login to loss.
pub(super) struct Link {
    pub handle: Handle<Client>,
    /// Commands at the other end that are being ended.
    pub partings: Partings,
    pub ended: Arc<Ended>,
    alive: watch::Receiver<()>,
    pub socket: OwnedFd,
    /// When it was last heard of.
    pub heard: Heard,
    /// Somebody waited in vain for an answer: it is not to be used again.
    suspect: AtomicBool,
    /// The program that is the way there.
    _program: Option<tokio::process::Child>,
    /// The link that this one runs through.
    _through: Option<Box<Link>>,
}

impl Link {
    /// Whether it is up as far as we know.
    pub fn is_alive(&self) -> bool {
        !self.suspect.load(Ordering::SeqCst) && !self.handle.is_closed()
    }

    /// End it without a word: as a failing network does, or because it seems to
    /// have failed.
    pub fn cut(&self) {
        self.suspect.store(true, Ordering::SeqCst);
        cut(&self.socket);
    }

    /// Completes when the connection has ended.
    pub async fn gone(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        cut(&self.socket);
    }
}

/// Why a connection has ended, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<Option<String>>);

impl Ended {
    pub fn set(&self, reason: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
    }

    pub fn reason(&self) -> String {
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
    /// Why its certificate will not do, where it showed one.
    certificate: Option<String>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let (key, problem) = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                if self.expected.contains(key) {
                    return Ok(true);
                }
                (key.clone(), None)
            }
            PublicKeyOrCertificate::Certificate(certificate) => {
                let key = PublicKey::from(certificate.public_key().clone());
                match self.expected.vouched(certificate) {
                    Ok(()) => return Ok(true),
                    // The key alone may be a known one, as for ssh.
                    Err(_) if self.expected.contains(&key) => return Ok(true),
                    Err(problem) => (key, Some(problem)),
                }
            }
        };
        *self.stranger.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stranger {
            fingerprint: key::fingerprint(&key),
            line: key.to_openssh().unwrap_or_default(),
            certificate: problem,
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
pub(super) fn describe(error: &russh::Error) -> String {
    match error {
        russh::Error::IO(error) => describe_io(error),
        russh::Error::HUP | russh::Error::Disconnect => "the server closed it".to_owned(),
        russh::Error::KeepaliveTimeout => format!(
            "the server has not answered for {} s",
            KEEP_ALIVE.as_secs() * (KEEP_ALIVE_MISSES as u64 + 1)
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
    pub(super) async fn way(&self) -> Result<Way, SshError> {
        let expected = self.trust.expected(&self.destination)?;
        let (candidates, troubles) = self.identity.candidates().await?;
        Ok(Way {
            destination: self.destination.clone(),
            candidates,
            troubles,
            expected,
            proxy: match &self.proxy {
                Some(Proxy::Jump(jump)) => {
                    Some(Through::Jump(Box::new(Box::pin(jump.way()).await?)))
                }
                Some(Proxy::Command(command)) => Some(Through::Command(command.clone())),
                None => None,
            },
            address_family: self.address_family,
            bind_address: self.bind_address.clone(),
            refused: AtomicUsize::new(0),
        })
    }
}

impl Way {
    /// Log in within LIMIT, trying again while nothing answers.
    pub async fn link(&self, limit: Duration) -> Result<Link, SshError> {
        self.link_again(limit, false).await
    }

    /// The same; AGAIN: there was a connection, and so there is a server of that
    /// name, though just now its name may have no address.
    pub async fn link_again(&self, limit: Duration, again: bool) -> Result<Link, SshError> {
        let start = Moment::now();
        let mut last = "not tried yet".to_owned();
        while let Some(left) = limit.checked_sub(start.elapsed()) {
            match self.attempt(left.min(ATTEMPT)).await {
                Ok(link) => return Ok(link),
                Err(Attempt::Over(error @ SshError::NoAddress { .. })) if again => {
                    last = error.to_string();
                }
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
        let trouble = |error: io::Error| Attempt::Again(describe_io(&error));
        let jump = match &self.proxy {
            None => {
                let stream = match clock::limit(limit, self.connected()).await {
                    Ok(stream) => stream?,
                    Err(_) => return Err(Attempt::Again("connection timed out".to_owned())),
                };
                stream.set_nodelay(true).map_err(trouble)?;
                let socket = stream.as_fd().try_clone_to_owned().map_err(trouble)?;
                let left = limit.saturating_sub(start.elapsed());
                return attempt(self, stream, (socket, None, None), left).await;
            }
            Some(Through::Command(command)) => {
                let (stream, program) = started(command).map_err(trouble)?;
                let socket = stream.as_fd().try_clone_to_owned().map_err(trouble)?;
                return attempt(self, stream, (socket, None, Some(program)), limit).await;
            }
            Some(Through::Jump(jump)) => jump,
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
        attempt(self, stream, (socket, Some(Box::new(through)), None), left).await
    }

    async fn connected(&self) -> Result<TcpStream, Attempt> {
        let destination = &self.destination;
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
                .filter(|address| match self.address_family {
                    AddressFamily::Any => true,
                    AddressFamily::Inet => address.is_ipv4(),
                    AddressFamily::Inet6 => address.is_ipv6(),
                })
                .collect();
        let mut last = None;
        for address in addresses {
            match self.connected_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(Attempt::Again(describe_io(&error))),
            None => Err(no_address("the name has no address".to_owned())),
        }
    }

    async fn connected_to(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let Some(ours) = &self.bind_address else {
            return TcpStream::connect(address).await;
        };
        let ours: Vec<SocketAddr> = tokio::net::lookup_host((ours.as_str(), 0)).await?.collect();
        let ours = ours
            .into_iter()
            .find(|ours| ours.is_ipv4() == address.is_ipv4())
            .ok_or_else(|| io::Error::other("BindAddress is of another family"))?;
        let socket = match address.is_ipv4() {
            true => TcpSocket::new_v4()?,
            false => TcpSocket::new_v6()?,
        };
        socket.bind(ours)?;
        socket.connect(address).await
    }
}

/// COMMAND, which runs in /bin/sh, as a stream of its output and input, and the
/// program; it is ended with it.
fn started(command: &[u8]) -> io::Result<(UnixStream, tokio::process::Child)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let theirs = OwnedFd::from(theirs);
    let program = tokio::process::Command::new("/bin/sh")
        .arg("-c")
        // As ssh does, so that ending the shell ends the command.
        .arg(OsString::from_vec([b"exec ", command].concat()))
        .stdin(theirs.try_clone()?)
        .stdout(theirs)
        .kill_on_drop(true)
        .spawn()?;
    Ok((UnixStream::from_std(ours)?, program))
}

pub(super) fn cut(socket: &OwnedFd) {
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

/// When something came from the other end last, by this machine's clock: the world's
/// may leap over any silence.
#[derive(Clone, Debug)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

impl Heard {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub fn ago(&self) -> Duration {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}

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
    heard: Heard,
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.heard.now();
        }
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

/// Speak SSH over STREAM, which a socket carries, and log in. A link or a program
/// that leads there lives as long as what comes of it.
async fn attempt(
    way: &Way,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (socket, through, program): (OwnedFd, Option<Box<Link>>, Option<tokio::process::Child>),
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
            kex: Cow::Owned(key_exchanges()),
            key: Cow::Owned(expected.algorithms()),
            host_key_certificates: Cow::Owned(expected.certificate_algorithms()),
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
    let heard = Heard(Arc::new(Mutex::new(Instant::now())));
    let stream = Overheard {
        stream,
        greeting: greeting.clone(),
        listening: true,
        heard: heard.clone(),
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
    match clock::limit(left, log_in(&mut handle, way)).await {
        Ok(result) => result?,
        Err(_) => {
            return Err(Attempt::Again(
                "the server did not decide about the login".to_owned(),
            ));
        }
    }
    let socket = guarded.0.take().expect("taken only here");
    if let Ok(socket) = socket.try_clone() {
        crate::runtime::spawn(watch_over(
            socket,
            heard.clone(),
            alive.clone(),
            ended.clone(),
        ));
    }
    Ok(Link {
        handle,
        partings: Partings::default(),
        ended,
        alive,
        socket,
        heard,
        suspect: AtomicBool::new(false),
        _program: program,
        _through: through,
    })
}

/// Cut SOCKET when nothing has come for too long, until the connection ends.
async fn watch_over(
    socket: OwnedFd,
    heard: Heard,
    mut alive: watch::Receiver<()>,
    ended: Arc<Ended>,
) {
    loop {
        tokio::select! {
            changed = alive.changed() => if changed.is_err() { return },
            () = clock::machine::sleep(Duration::from_secs(1)) => {}
        }
        if heard.ago() > SILENCE {
            ended.set(format!(
                "the server has not answered for {} s",
                SILENCE.as_secs()
            ));
            cut(&socket);
            return;
        }
    }
}

/// The key exchanges that we know, the best first: those that the library has by
/// itself, and behind them the curves that some servers insist on.
fn key_exchanges() -> Vec<kex::Name> {
    let mut names = Preferred::DEFAULT.kex.into_owned();
    let place = names.iter().position(|name| *name == kex::DH_GEX_SHA256);
    names.splice(
        place.map_or(0..0, |place| place..place),
        [
            kex::ECDH_SHA2_NISTP256,
            kex::ECDH_SHA2_NISTP384,
            kex::ECDH_SHA2_NISTP521,
        ],
    );
    names
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
            certificate: stranger.certificate,
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

/// Offer the keys of WAY until the server takes one. A server that loses patience
/// is offered the others when it is asked again.
async fn log_in(handle: &mut Handle<Client>, way: &Way) -> Result<(), Attempt> {
    let (destination, candidates) = (&way.destination, &way.candidates);
    let again = |error: russh::Error| Attempt::Again(describe(&error));
    let mut methods = MethodSet::empty();
    let tried = way.refused.load(Ordering::SeqCst).min(candidates.len());
    for (index, candidate) in candidates.iter().enumerate().skip(tried) {
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
        let certificate = candidate.certificate.as_deref().cloned();
        let result = match (&candidate.key, certificate) {
            (Held::Ours(key), None) => handle
                .authenticate_publickey(user, PrivateKeyWithHashAlg::new(key.clone(), hash))
                .await
                .map_err(again)?,
            (Held::Ours(key), Some(certificate)) => handle
                .authenticate_openssh_cert(user, key.clone(), certificate)
                .await
                .map_err(again)?,
            (Held::Agents(key, socket), certificate) => {
                let refused = |reason: String| Attempt::Over(SshError::Agent { reason });
                let mut agent = identity::connect(socket)
                    .await
                    .map_err(|error| refused(error.to_string()))?;
                let asked = match certificate {
                    None => {
                        handle
                            .authenticate_publickey_with(user, (**key).clone(), hash, &mut agent)
                            .await
                    }
                    Some(certificate) => {
                        handle
                            .authenticate_certificate_with(user, certificate, hash, &mut agent)
                            .await
                    }
                };
                match asked {
                    Ok(result) => result,
                    Err(AgentAuthError::Send(_)) => return Err(impatient(way, index)),
                    // Somebody did not confirm it, or it is gone: another may do.
                    Err(AgentAuthError::Key(_)) => continue,
                }
            }
        };
        match result {
            AuthResult::Success => {
                // The same key is to be the first one another time.
                way.refused.store(index, Ordering::SeqCst);
                return Ok(());
            }
            AuthResult::Failure { .. } if handle.is_closed() => return Err(impatient(way, index)),
            AuthResult::Failure {
                remaining_methods, ..
            } => methods = remaining_methods,
        }
    }
    way.refused.store(0, Ordering::SeqCst);
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
        troubles: way.troubles.clone(),
    }))
}

/// The server has ended the connection when it was offered key INDEX: servers take
/// a few keys only. The next attempt offers those behind them.
fn impatient(way: &Way, index: usize) -> Attempt {
    let before = way.refused.load(Ordering::SeqCst);
    // One that was the first of its attempt did not cost the server its patience.
    way.refused
        .store(if index > before { index } else { 0 }, Ordering::SeqCst);
    Attempt::Again("the server closed the connection during the login".to_owned())
}
