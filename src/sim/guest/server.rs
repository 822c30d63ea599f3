//! The guest's SSH server: sshd's behaviour as far as a harness can see it.
//!
//! Only public keys of the image's `authorized_keys` are accepted. Requests
//! for `exec` run the account's shell with `-c` in the guest's root; the
//! channel carries its input, output, errors and the way it ended. There are
//! no terminals, and forwarding goes to the guest's own loopback only.
//!
//! Source: RFC 4252, RFC 4254 section 6; sshd(8) of FreeBSD.

use super::namespace::Namespace;
use super::system::Account;
use russh::keys::{PrivateKey, PublicKey, ssh_key};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, PublicKeyOffer, Session,
    VerifiedPublicKey, run_stream,
};
use russh::{
    Channel, ChannelId, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf,
    MethodKind, MethodSet, Sig,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CString, OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin};
use tokio::sync::{Mutex, mpsc};

/// FreeBSD's default for a shell that sshd starts (login.conf, `path`).
pub const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/root/bin";

/// Where this machine may have the sftp server that it lends to the guest.
const SFTP_SERVERS: [&str; 4] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/lib/ssh/sftp-server",
];

/// What the server needs to know of the system.
#[derive(Debug)]
pub struct Sshd {
    pub namespace: Arc<Namespace>,
    pub account: Account,
    pub authorized: Vec<PublicKey>,
    /// Whether the guest is being ended from outside.
    down: AtomicBool,
}

impl Sshd {
    pub fn new(namespace: Namespace, account: Account, authorized: Vec<PublicKey>) -> Sshd {
        Sshd {
            namespace: Arc::new(namespace),
            account,
            authorized,
            down: AtomicBool::new(false),
        }
    }

    /// End every process. How they ended nobody is told: there is no network any more.
    pub fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
        self.namespace.end();
    }
}

/// Serve on LISTENER until the returned future is dropped; connections end
/// with it.
pub async fn serve(listener: TcpListener, host_key: PrivateKey, sshd: Arc<Sshd>) {
    let config = Arc::new(Config {
        server_id: russh::SshId::Standard(Cow::Borrowed("SSH-2.0-OpenSSH_9.9 fruix-simulated")),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        // A simulated guest has no secrets worth a slow refusal.
        auth_rejection_time: Duration::from_millis(20),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key],
        inactivity_timeout: None,
        nodelay: true,
        max_auth_attempts: 6,
        ..Config::default()
    });
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else {
                    // Too many open files, or the peer went away: later connections may do.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().unwrap_or(peer);
                let connection = Connection {
                    sshd: sshd.clone(),
                    peer,
                    local,
                    channels: HashMap::new(),
                };
                let config = config.clone();
                connections.spawn(async move {
                    if let Ok(session) = run_stream(config, stream, connection).await {
                        let _ = Ending(session.handle()).run(session).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Ends a session's own task when the server is dropped around it.
struct Ending(Handle);

impl Ending {
    async fn run(
        self,
        session: russh::server::RunningSession<Connection>,
    ) -> Result<(), russh::Error> {
        session.await
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let handle = self.0.clone();
        crate::runtime::spawn(async move {
            let _ = handle
                .disconnect(
                    russh::Disconnect::ByApplication,
                    "the system is going down".to_owned(),
                    String::new(),
                )
                .await;
        });
    }
}

/// One client.
struct Connection {
    sshd: Arc<Sshd>,
    peer: SocketAddr,
    local: SocketAddr,
    channels: HashMap<ChannelId, Arc<Mutex<Work>>>,
}

/// What a channel is doing.
enum Work {
    /// Nothing has been requested yet.
    Idle(Channel<Msg>),
    /// A process runs; the number is that of its stand-in, see `Namespace::command`.
    Running {
        child: libc::pid_t,
    },
    Over,
}

impl Connection {
    fn accepts(&self, user: &str, key: &PublicKey) -> Auth {
        let known = user == self.sshd.account.name
            && self
                .sshd
                .authorized
                .iter()
                .any(|authorized| authorized.key_data() == key.key_data());
        if known { Auth::Accept } else { Auth::reject() }
    }

    /// What sshd puts into the environment of a command.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let account = &self.sshd.account;
        let (peer, local) = (self.peer, self.local);
        vec![
            ("HOME", account.home.clone()),
            ("LOGNAME", account.name.clone()),
            ("USER", account.name.clone()),
            ("PATH", PATH.to_owned()),
            ("SHELL", account.shell.clone()),
            (
                "SSH_CLIENT",
                format!("{} {} {}", peer.ip(), peer.port(), local.port()),
            ),
            (
                "SSH_CONNECTION",
                format!(
                    "{} {} {} {}",
                    peer.ip(),
                    peer.port(),
                    local.ip(),
                    local.port()
                ),
            ),
        ]
    }

    fn start(&self, arguments: &[OsString]) -> std::io::Result<Child> {
        let account = &self.sshd.account;
        let home = CString::new(account.home.clone()).unwrap_or_default();
        let mut command = self
            .sshd
            .namespace
            .command(OsStr::new(&account.shell), &home);
        command
            .args(arguments)
            .envs(self.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn()
    }

    /// Run the account's shell with ARGUMENTS on CHANNEL.
    async fn run(
        &mut self,
        id: ChannelId,
        arguments: &[OsString],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(work) = self.channels.get(&id).cloned() else {
            return session.channel_failure(id);
        };
        let mut state = work.lock().await;
        let Work::Idle(_) = *state else {
            return session.channel_failure(id);
        };
        let child = match self.start(arguments) {
            Ok(child) => child,
            Err(_) => return session.channel_failure(id),
        };
        let number = child.id().unwrap_or_default() as libc::pid_t;
        let Work::Idle(channel) = std::mem::replace(&mut *state, Work::Running { child: number })
        else {
            return Ok(());
        };
        session.channel_success(id)?;
        let (input, output) = channel.split();
        let (sshd, handle) = (self.sshd.clone(), session.handle());
        crate::runtime::spawn(carry(sshd, child, input, output, handle, work.clone()));
        Ok(())
    }

    async fn signal_work(&self, id: ChannelId, signal: libc::c_int) {
        if let Some(work) = self.channels.get(&id)
            && let Work::Running { child } = *work.lock().await
        {
            self.sshd.namespace.signal(child, signal);
        }
    }
}

impl Drop for Connection {
    /// A lost connection hangs up every command that runs in it.
    fn drop(&mut self) {
        for work in self.channels.values() {
            let work = work.clone();
            let sshd = self.sshd.clone();
            crate::runtime::spawn(async move {
                if let Work::Running { child } = *work.lock().await {
                    sshd.namespace.signal(child, libc::SIGHUP);
                }
            });
        }
    }
}

/// Carry bytes between a process and its channel until both are through.
async fn carry(
    sshd: Arc<Sshd>,
    mut child: Child,
    mut input: ChannelReadHalf,
    output: ChannelWriteHalf<Msg>,
    handle: Handle,
    work: Arc<Mutex<Work>>,
) {
    let id = output.id();
    // Reading the channel never waits for the process: the session reads
    // nothing else while a channel's messages are not taken.
    let (to_stdin, stdin_bytes) = mpsc::unbounded_channel();
    let stdin = child.stdin.take();
    crate::runtime::spawn(async move { feed(stdin, stdin_bytes).await });
    let reader = crate::runtime::spawn(async move {
        while let Some(message) = input.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    let _ = to_stdin.send(data.to_vec());
                }
                ChannelMsg::Eof | ChannelMsg::Close => break,
                _ => {}
            }
        }
        drop(to_stdin);
        // The session blocks on a receiver that is full, so keep taking.
        while input.wait().await.is_some() {}
    });
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let streams = async {
        tokio::join!(copy(stdout, &output, None), copy(stderr, &output, Some(1)));
    };
    let exit = async {
        // A signal that comes too late finds a number that nobody has yet.
        let status = child.wait().await;
        *work.lock().await = Work::Over;
        match status {
            _ if sshd.down.load(Ordering::SeqCst) => {}
            Ok(status) => tell_status(&handle, id, status).await,
            Err(_) => {
                let _ = handle.exit_status_request(id, 255).await;
            }
        }
    };
    tokio::join!(streams, exit);
    if !sshd.down.load(Ordering::SeqCst) {
        let _ = handle.eof(id).await;
        let _ = handle.close(id).await;
    }
    reader.abort();
}

async fn tell_status(handle: &Handle, id: ChannelId, status: std::process::ExitStatus) {
    use std::os::unix::process::ExitStatusExt;
    let _ = match (status.code(), status.signal()) {
        (Some(code), _) => handle.exit_status_request(id, code as u32).await,
        (None, Some(signal)) => {
            handle
                .exit_signal_request(
                    id,
                    signal_named(signal),
                    false,
                    String::new(),
                    String::new(),
                )
                .await
        }
        (None, None) => handle.exit_status_request(id, 255).await,
    };
}

async fn feed(stdin: Option<ChildStdin>, mut bytes: mpsc::UnboundedReceiver<Vec<u8>>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(data) = bytes.recv().await {
        if stdin.write_all(&data).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn copy(
    source: Option<impl AsyncRead + Unpin>,
    output: &ChannelWriteHalf<Msg>,
    stream: Option<u32>,
) {
    let Some(mut source) = source else { return };
    let mut buffer = vec![0; 32 << 10];
    loop {
        match source.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let bytes = buffer[..count].to_vec();
                let sent = match stream {
                    None => output.data_bytes(bytes).await,
                    Some(stream) => output.extended_data_bytes(stream, bytes).await,
                };
                if sent.is_err() {
                    return;
                }
            }
        }
    }
}

const SIGNALS: [(libc::c_int, &str); 15] = [
    (libc::SIGABRT, "ABRT"),
    (libc::SIGALRM, "ALRM"),
    (libc::SIGBUS, "BUS"),
    (libc::SIGFPE, "FPE"),
    (libc::SIGHUP, "HUP"),
    (libc::SIGILL, "ILL"),
    (libc::SIGINT, "INT"),
    (libc::SIGKILL, "KILL"),
    (libc::SIGPIPE, "PIPE"),
    (libc::SIGQUIT, "QUIT"),
    (libc::SIGSEGV, "SEGV"),
    (libc::SIGTERM, "TERM"),
    (libc::SIGUSR1, "USR1"),
    (libc::SIGUSR2, "USR2"),
    (libc::SIGCONT, "CONT"),
];

fn signal_named(number: libc::c_int) -> Sig {
    let name = SIGNALS
        .iter()
        .find(|(signal, _)| *signal == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned());
    signal_of(&name)
}

fn signal_of(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        other => Sig::Custom(other.to_owned()),
    }
}

fn number_of(signal: &Sig) -> Option<libc::c_int> {
    let name = match signal {
        Sig::Custom(name) => name.clone(),
        other => format!("{other:?}"),
    };
    SIGNALS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(number, _)| *number)
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.accepts(user, offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.accepts(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels
            .insert(channel.id(), Arc::new(Mutex::new(Work::Idle(channel))));
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        address: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let loopback = match address {
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            address => address.parse().ok().filter(IpAddr::is_loopback),
        };
        let port = u16::try_from(port).unwrap_or(0);
        let namespace = self.sshd.namespace.clone();
        crate::runtime::spawn(async move {
            let Some(address) = loopback else {
                return reply
                    .reject(ChannelOpenFailure::AdministrativelyProhibited)
                    .await;
            };
            let connected =
                tokio::task::spawn_blocking(move || namespace.connect(address, port)).await;
            let stream = connected.map_err(std::io::Error::other).flatten();
            let stream = stream.and_then(|stream| {
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream)
            });
            match stream {
                Ok(mut stream) => {
                    reply.accept().await;
                    let _ = tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream)
                        .await;
                }
                Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            }
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let arguments = [OsString::from("-c"), OsString::from_vec(data.to_vec())];
        self.run(id, &arguments, session).await
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.run(id, &[], session).await
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // FreeBSD's sshd_config accepts no variables from a client.
        session.channel_failure(id)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let server = SFTP_SERVERS
            .iter()
            .find(|path| name == "sftp" && Path::new(path).exists());
        match server {
            Some(path) => {
                let command = format!("exec /host{path}");
                let arguments = [OsString::from("-c"), OsString::from(command)];
                self.run(id, &arguments, session).await
            }
            None => session.channel_failure(id),
        }
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(number) = number_of(&signal) {
            self.signal_work(id, number).await;
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.signal_work(id, libc::SIGHUP).await;
        self.channels.remove(&id);
        Ok(())
    }
}

/// The public keys in the text of an `authorized_keys` file; lines that hold
/// none, or options before one, are passed over as sshd passes over what it
/// cannot read.
pub fn authorized_keys(text: &str) -> Vec<PublicKey> {
    text.lines()
        .filter_map(|line| ssh_key::PublicKey::from_openssh(line.trim()).ok())
        .collect()
}
