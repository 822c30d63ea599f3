//! A connection to one guest: made, kept alive, lost, closed.
//!
//! Connecting waits for a guest that is still booting: a refused or reset
//! connection is tried again until the deadline. What no waiting mends (a
//! wrong host key, a refused login, something that is not SSH) ends it at once.

use super::error::SshError;
use super::link::{ATTEMPT, Link, Login, Way};
use super::shell::Shell;
use super::text::visible;
use crate::clock::{self, Moment};
use russh::client::Msg;
use russh::{
    Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Disconnect, Sig,
};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a lost connection is made again before what needs it is given up, unless
/// somebody says otherwise.
pub const OUTAGE: Duration = Duration::from_secs(600);
/// How long a guest that answers may take to open a channel.
const CHANNEL: Duration = Duration::from_secs(60);
/// How long to wait for a session that a server has left, where it gives few.
const SESSIONS: Duration = Duration::from_millis(1500);
/// So many failures in a row of a connection that is there are no outage.
const MOST_ODD: usize = 20;
/// The pause between attempts that fail at once.
const PAUSE: Duration = Duration::from_millis(200);
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

/// A connection whose user is logged in. One that was lost is made again when
/// it is next used; what ran over it is another matter.
pub struct Connection {
    way: Way,
    link: RwLock<Arc<Link>>,
    closed: AtomicBool,
    /// How long a lost connection is made again.
    outage: Duration,
    /// Held by whoever makes it again.
    renewing: tokio::sync::Mutex<()>,
    pub(super) shell: tokio::sync::Mutex<Option<Shell>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Connection({})", self.way.destination)
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

/// Ends commands at the other end, beside everything else.
///
/// Closing a channel ends nothing by itself, and OpenSSH's server passes on no
/// signals in root's sessions; a second channel on which `kill` runs works
/// everywhere.
#[derive(Debug, Default)]
pub(super) struct Partings(Mutex<Vec<tokio::task::JoinHandle<()>>>);

/// How many commands at the other ends are being ended, of all connections.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Wait until no command that was given up stays at its other end, for LIMIT at
/// most: a process that ends before that would leave them behind.
pub async fn settle(limit: Duration) {
    let settled = async {
        while !is_settled() {
            clock::machine::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = clock::limit(limit, settled).await;
}

/// Whether there is something to wait for in [`settle`].
pub fn is_settled() -> bool {
    UNDER_WAY.load(Ordering::SeqCst) == 0
}

/// One of those commands.
struct UnderWay;

impl UnderWay {
    fn begin() -> UnderWay {
        UNDER_WAY.fetch_add(1, Ordering::SeqCst);
        UnderWay
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
}

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
        let under_way = UnderWay::begin();
        let parting = crate::runtime::spawn(async move {
            let _under_way = under_way;
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

impl Connection {
    /// Connect as LOGIN says within LIMIT.
    pub async fn open(login: &Login, limit: Duration) -> Result<Connection, SshError> {
        let way = login.way().await?;
        let link = way.link(limit).await?;
        Ok(Connection {
            way,
            link: RwLock::new(Arc::new(link)),
            closed: AtomicBool::new(false),
            outage: OUTAGE,
            renewing: tokio::sync::Mutex::new(()),
            shell: tokio::sync::Mutex::new(None),
        })
    }

    /// The same, which is made again for OUTAGE at most when it is lost.
    pub fn with_outage(self, outage: Duration) -> Connection {
        Connection { outage, ..self }
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
        self.link().is_alive()
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
        let _renewing = self.renewing.lock().await;
        if self.is_alive() {
            return Ok(());
        }
        let link = Arc::new(self.way.link_again(limit, true).await?);
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
        Ok(())
    }

    /// End the TCP connection without a word, as a failing network does, or because
    /// an answer that should have come has not.
    pub fn cut(&self) {
        self.link().cut();
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

    /// A new channel for running WHAT, as its two halves. A connection that has
    /// been lost, or on which no channel opens, is made again first: nothing has
    /// been asked yet.
    pub(super) async fn remote(&self, what: &str) -> Result<(ChannelReadHalf, Remote), SshError> {
        let (link, channel) = self.opened(what).await?;
        let (input, output) = channel.split();
        let remote = Remote {
            output: Some(output),
            group: OnceLock::new(),
            ended: false,
            link,
        };
        Ok((input, remote))
    }

    /// A channel for WHAT, and the link that it runs over.
    async fn opened(&self, what: &str) -> Result<(Arc<Link>, Channel<Msg>), SshError> {
        let mut outage = Outage::new(self);
        loop {
            let opening = async {
                self.renew(outage.left()).await?;
                let link = self.link();
                let start = Moment::now();
                loop {
                    match self.channel(&link, what).await {
                        // Where the server gives one session only, our shell has it, or
                        // one that has just ended and is not forgotten yet.
                        Err(SshError::Channel { .. }) if start.elapsed() < SESSIONS => {
                            self.give_up_shell().await;
                            clock::sleep(PAUSE / 2).await;
                        }
                        channel => return Ok((link, channel?)),
                    }
                }
            };
            match opening.await {
                Ok(opened) => return Ok(opened),
                Err(error) => outage.wait(error, false).await?,
            }
        }
    }

    /// End the shell that is kept for questions, unless it works.
    async fn give_up_shell(&self) {
        if let Ok(mut place) = self.shell.try_lock()
            && let Some(shell) = place.take()
        {
            shell.leave().await;
        }
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
        let (link, mut channel) = self.opened(&what).await?;
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
            Err(_) => Err(self.suspected(&link, &what)),
            Ok(Some(false)) => Err(SshError::Subsystem {
                destination: self.destination().clone(),
                name: name.to_owned(),
            }),
        }
    }

    async fn channel(&self, link: &Link, what: &str) -> Result<Channel<Msg>, SshError> {
        let opening = async {
            let opening = link.handle.channel_open_session();
            tokio::pin!(opening);
            let start = Moment::now();
            loop {
                match clock::limit(ATTEMPT, &mut opening).await {
                    Err(_) if link.heard.ago() < ATTEMPT && start.elapsed() < CHANNEL => {}
                    opened => return opened,
                }
            }
        };
        match opening.await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(SshError::Channel {
                destination: self.destination().clone(),
                what: what.to_owned(),
                reason: match reason {
                    // OpenSSH's word for it, which says nothing.
                    ChannelOpenFailure::ConnectFailed => {
                        "it opens no more sessions on one connection: see MaxSessions in its \
                         sshd_config(5)"
                            .to_owned()
                    }
                    other => visible(other.description()),
                },
            }),
            Ok(Err(_)) => Err(self.lost(what)),
            // A guest that answers at all is only slow.
            Err(_) if link.heard.ago() < ATTEMPT => Err(SshError::Channel {
                destination: self.destination().clone(),
                what: what.to_owned(),
                reason: format!("no channel was opened within {} s", CHANNEL.as_secs()),
            }),
            Err(_) => Err(self.suspected(link, what)),
        }
    }

    /// LINK has not answered in time when WHAT was asked: it is not used again.
    fn suspected(&self, link: &Link, what: &str) -> SshError {
        link.ended.set(format!(
            "the server has not answered for {} s",
            ATTEMPT.as_secs()
        ));
        link.cut();
        self.lost(what)
    }

    /// Whether something accepts connections at ADDRESS and PORT as seen from
    /// the server. The server makes the connection, so the guest needs no
    /// program for it; one whose sshd forbids forwarding is an error.
    pub async fn reaches(&self, address: &str, port: u16) -> Result<bool, SshError> {
        let what = format!("a connection to {address} port {port}");
        self.renew(self.outage).await?;
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

/// Whether waiting and connecting again may mend ERROR.
pub(super) fn passing(error: &SshError) -> bool {
    matches!(error, SshError::Lost { .. } | SshError::NoAnswer { .. })
}

/// A time in which a connection is lost and work that can go on waits.
pub(super) struct Outage<'a> {
    connection: &'a Connection,
    limit: Duration,
    since: Option<Moment>,
    /// How often it failed while the connection was there.
    odd: usize,
}

impl<'a> Outage<'a> {
    /// As long as CONNECTION is made again by itself.
    pub fn new(connection: &'a Connection) -> Outage<'a> {
        Outage::within(connection, connection.outage)
    }

    pub fn within(connection: &'a Connection, limit: Duration) -> Outage<'a> {
        Outage {
            connection,
            limit,
            since: None,
            odd: 0,
        }
    }

    /// How long it may still go on.
    pub fn left(&self) -> Duration {
        let passed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.limit.saturating_sub(passed)
    }

    /// Something has come: what fails next is another outage.
    pub fn over(&mut self) {
        self.since = None;
        self.odd = 0;
    }

    /// Wait until the connection is there again, after ERROR; ERROR itself where
    /// that mends nothing, or has taken too long. MOVED: the work had gone on.
    pub async fn wait(&mut self, error: SshError, moved: bool) -> Result<(), SshError> {
        if !passing(&error) {
            return Err(error);
        }
        if moved {
            self.over();
        }
        self.since.get_or_insert_with(Moment::now);
        let left = self.left();
        self.odd += usize::from(self.connection.is_alive());
        if left.is_zero() || self.odd > MOST_ODD {
            return Err(error);
        }
        // One that fails at once, again and again, is not to be asked all the time.
        clock::sleep(PAUSE.min(left)).await;
        self.connection.renew(left).await
    }
}
