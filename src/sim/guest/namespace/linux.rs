//! User, mount, process, network, host name, control group and IPC namespaces.
//!
//! [`Namespace::start`] makes one process, the guest's process 1, which sets up
//! the mounts ([`super::interior`]) and then only waits: for orphans to end, and
//! for the other end of a pipe to close, which happens when the guest is dropped
//! or this program dies in whatever way. When process 1 ends, the kernel ends every other
//! process of the guest. [`Namespace::command`] makes commands that join, and
//! [`Namespace::connect`] reaches what listens on the guest's loopback.
//!
//! Between `clone` and `exec` only the calling thread exists, so everything is
//! computed before and only system calls are made after: no allocation, no
//! lock, no panic.
//!
//! Source: user_namespaces(7), pid_namespaces(7), network_namespaces(7),
//! ioctl_ns(2), signal-safety(7).

use super::Mounts;
use super::confine::{self, Confinement};
use super::interior::{self, Plan};
use crate::sim::clock::sleepers::Trap;
use crate::sim::guest::Ending;
use std::ffi::{CStr, OsStr};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Why there is no namespace.
#[derive(Debug)]
pub struct NamespaceError {
    step: &'static str,
    source: io::Error,
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot {}: {}", self.step, self.source)
    }
}

impl std::error::Error for NamespaceError {}

impl NamespaceError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => {
                "no file descriptors are left: raise the limit (`ulimit -n`)"
            }
            Some(libc::EAGAIN | libc::ENOMEM) => {
                "no processes or memory are left: see `ulimit -u` and the memory of this machine"
            }
            _ if self.step == Step::Prepare.text() => "see what the error says",
            Some(libc::ENOSPC) => {
                "the limit of user namespaces is reached: see the sysctl user.max_user_namespaces"
            }
            _ => {
                "the simulated guest needs Linux user namespaces: see the sysctls \
                 user.max_user_namespaces, kernel.unprivileged_userns_clone and \
                 kernel.apparmor_restrict_unprivileged_userns; in a container allow \
                 unshare(2), mount(2) and seccomp(2)"
            }
        }
    }
}

fn failed(step: Step) -> impl FnOnce(io::Error) -> NamespaceError {
    move |source| NamespaceError {
        step: step.text(),
        source,
    }
}

/// The steps that can fail, numbered so that process 1 can report one in a byte.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(super) enum Step {
    Prepare,
    Clone,
    MapIds,
    Private,
    BindRoot,
    BindHost,
    ReadOnly,
    Device,
    Network,
    Pivot,
    Lock,
    Join,
    Ready,
}

impl Step {
    const ALL: [Step; 13] = [
        Step::Prepare,
        Step::Clone,
        Step::MapIds,
        Step::Private,
        Step::BindRoot,
        Step::BindHost,
        Step::ReadOnly,
        Step::Device,
        Step::Network,
        Step::Pivot,
        Step::Lock,
        Step::Join,
        Step::Ready,
    ];

    fn text(self) -> &'static str {
        match self {
            Step::Prepare => "prepare the guest's namespaces",
            Step::Clone => "make user, mount, process and network namespaces",
            Step::MapIds => "become root in a user namespace",
            Step::Private => "make a mount namespace private",
            Step::BindRoot => "mount the guest's root",
            Step::BindHost => "mount this machine's programs into the guest",
            Step::ReadOnly => "mount this machine's programs read-only",
            Step::Device => "give the guest its devices",
            Step::Network => "give the guest a loopback of its own",
            Step::Pivot => "change to the guest's root",
            Step::Lock => "lock the guest's mounts",
            Step::Join => "join the guest's namespaces",
            Step::Ready => "finish",
        }
    }
}

/// The namespaces of one guest. Dropping it ends every process in them.
#[derive(Debug)]
pub struct Namespace {
    /// Process 1, until it is ended.
    init: Mutex<Option<libc::pid_t>>,
    joined: Arc<Joined>,
    /// Process 1 ends when this closes.
    _lifeline: Option<OwnedFd>,
    /// How programs sleep; without one, in real time.
    trap: Option<Arc<Trap>>,
    /// Where process 1 says that the guest wants to end.
    report: File,
}

/// What a process needs to join.
#[derive(Debug)]
struct Joined {
    /// Open namespaces in the order in which they are joined.
    namespaces: [File; 8],
    confinement: Confinement,
}

impl Joined {
    /// The namespaces in which a socket belongs to the guest.
    fn network(&self) -> &[File] {
        &self.namespaces[..2]
    }
}

impl Namespace {
    /// Make namespaces whose root directory is ROOT, named HOSTNAME.
    pub fn start(
        root: &Path,
        mounts: &Mounts,
        hostname: &str,
    ) -> Result<Namespace, NamespaceError> {
        let plan = Plan::new(root, mounts, hostname).map_err(failed(Step::Prepare))?;
        let confinement = Confinement::new().map_err(failed(Step::Prepare))?;
        let (lifeline_read, lifeline) = pipe().map_err(failed(Step::Prepare))?;
        let (report, report_write) = pipe().map_err(failed(Step::Prepare))?;
        let flags = libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWCGROUP
            | libc::SIGCHLD;
        // Process 1 inherits the mask, so a Ctrl-C meant for us does not reach it.
        let mask = block_signals();
        // SAFETY: the child runs `init` alone, which makes only system calls
        // on memory that exists already, and never returns.
        let pid = unsafe { raw_clone(flags) };
        if pid == 0 {
            interior::init(&plan, lifeline_read.as_raw_fd(), report_write.as_raw_fd());
        }
        let error = io::Error::last_os_error();
        restore_signals(&mask);
        if pid < 0 {
            return Err(failed(Step::Clone)(error));
        }
        let init = pid as libc::pid_t;
        drop((lifeline_read, report_write));
        let mut started = Started {
            init: Some(init),
            lifeline: Some(lifeline),
        };
        let mut report = File::from(report);
        await_report(&mut report)?;
        let open =
            |kind: &str| File::open(format!("/proc/{init}/ns/{kind}")).map_err(failed(Step::Join));
        let locked = open("user")?;
        // The first user namespace gives the right to join the others, and the second
        // one takes it away; the mount namespace comes last because it changes what
        // paths mean.
        let joined = Joined {
            namespaces: [
                parent(&locked).map_err(failed(Step::Join))?,
                open("net")?,
                open("ipc")?,
                open("uts")?,
                open("cgroup")?,
                open("pid")?,
                locked,
                open("mnt")?,
            ],
            confinement,
        };
        // Only now may process 1 hide from everybody, us included.
        let lifeline = started.lifeline.take();
        if let Some(lifeline) = &lifeline {
            File::from(lifeline.try_clone().map_err(failed(Step::Prepare))?)
                .write_all(b"h")
                .map_err(failed(Step::Join))?;
        }
        started.lifeline = lifeline;
        await_report(&mut report)?;
        started.init = None;
        Ok(Namespace {
            init: Mutex::new(Some(init)),
            joined: Arc::new(joined),
            _lifeline: started.lifeline.take(),
            trap: Trap::make().ok().map(Arc::new),
            report,
        })
    }

    /// A command that runs PROGRAM, a path in the guest, in DIRECTORY of the
    /// guest, in a process group of its own and with an empty environment. The
    /// process that is waited for stands for it outside: it ends as PROGRAM
    /// ends, and passes on what [`Namespace::signal`] sends.
    pub fn command(&self, program: &OsStr, directory: &CStr) -> Command {
        let (joined, trap) = (self.joined.clone(), self.trap.clone());
        let directory = directory.to_owned();
        let mut command = Command::new(program);
        command.env_clear();
        // SAFETY: both make only system calls on memory that exists already.
        unsafe {
            command.pre_exec(move || {
                join(&joined, &directory)?;
                trap.as_ref().map_or(Ok(()), |trap| trap.install())
            });
        }
        command
    }

    /// Completes when somebody in the guest has told process 1 to end it.
    pub async fn ended(&self) -> Ending {
        let told = async {
            let report = OwnedFd::from(self.report.try_clone()?);
            let mut receiver = tokio::net::unix::pipe::Receiver::from_owned_fd(report)?;
            receiver.read_u8().await
        };
        match told.await {
            Ok(interior::REBOOT) => Ending::Reboots,
            Ok(_) => Ending::PowersOff,
            // It is ended from outside.
            Err(_) => std::future::pending().await,
        }
    }

    /// End every process in them, whoever else still holds this, and return when they are
    /// gone: what they have written to is about to be another's.
    pub fn end(&self) {
        let init = self
            .init
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(init) = init {
            end(init);
        }
    }

    /// Connect to PORT of ADDRESS, as seen from inside the guest, whose network is a
    /// loopback of its own. Blocks for at most a few seconds.
    pub fn connect(&self, address: IpAddr, port: u16) -> io::Result<TcpStream> {
        let target = SocketAddr::new(address, port);
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair()?;
        let mask = block_signals();
        // SAFETY: the child runs `connect_inside` alone, which makes only system
        // calls on memory that exists already, and never returns.
        let pid = unsafe { raw_clone(libc::SIGCHLD) };
        if pid == 0 {
            confine::hide();
            connect_inside(self.joined.network(), &target, theirs.as_raw_fd());
        }
        let error = io::Error::last_os_error();
        restore_signals(&mask);
        if pid < 0 {
            return Err(error);
        }
        drop(theirs);
        let answer = receive_socket(ours.as_raw_fd());
        reap(pid as libc::pid_t);
        answer
    }

    /// Send SIGNAL to the group of the process that the child numbered CHILD
    /// stands for. The child must not have been waited for.
    pub fn signal(&self, child: libc::pid_t, signal: libc::c_int) {
        let passed = if signal == libc::SIGKILL {
            kill_signal()
        } else {
            signal
        };
        if child > 1 {
            // SAFETY: a plain system call.
            unsafe {
                libc::kill(child, passed);
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process 1 that is ended unless it came up.
struct Started {
    init: Option<libc::pid_t>,
    lifeline: Option<OwnedFd>,
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(init) = self.init {
            self.lifeline = None;
            end(init);
        }
    }
}

/// End process 1, and with it the guest, and wait until the kernel is through.
fn end(init: libc::pid_t) {
    // SAFETY: INIT is a child of ours that nobody else waits for, so its
    // number cannot have been given to another process.
    unsafe {
        libc::kill(init, libc::SIGKILL);
    }
    reap(init);
}

/// Wait for PID, a child of ours that nobody else waits for.
fn reap(pid: libc::pid_t) {
    let mut status = 0;
    // SAFETY: a plain system call on local memory.
    while unsafe { libc::waitpid(pid, &mut status, 0) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// Read what process 1 says of itself.
fn await_report(report: &mut File) -> Result<(), NamespaceError> {
    let mut answer = [0; 5];
    report
        .read_exact(&mut answer)
        .map_err(failed(Step::Clone))?;
    let step = Step::ALL
        .into_iter()
        .find(|step| *step as u8 == answer[0])
        .unwrap_or(Step::Prepare);
    if step == Step::Ready {
        return Ok(());
    }
    let errno = i32::from_ne_bytes([answer[1], answer[2], answer[3], answer[4]]);
    Err(failed(step)(io::Error::from_raw_os_error(errno)))
}

/// The user namespace in which NAMESPACE was made.
fn parent(namespace: &File) -> io::Result<File> {
    const NS_GET_PARENT: libc::c_ulong = 0xb702;
    // SAFETY: the call answers a descriptor, which is then ours.
    unsafe {
        let parent = libc::ioctl(namespace.as_raw_fd(), NS_GET_PARENT as _);
        if parent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(File::from_raw_fd(parent))
    }
}

/// In a new child: make a socket in the NETWORK namespaces, connect it to TARGET, and
/// send it, or the reason why there is none, to DESCRIPTOR.
fn connect_inside(network: &[File], target: &SocketAddr, descriptor: RawFd) -> ! {
    // SAFETY: plain system calls on memory that exists already.
    unsafe {
        let socket = connected(network, target);
        let errno = if socket < 0 {
            *libc::__errno_location()
        } else {
            0
        };
        let mut byte = libc::iovec {
            iov_base: (&raw const errno).cast_mut().cast(),
            iov_len: size_of_val(&errno),
        };
        let mut control = Control::default();
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut byte;
        message.msg_iovlen = 1;
        if socket >= 0 {
            message.msg_control = (&raw mut control).cast();
            message.msg_controllen = size_of::<Control>() as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as _) as _;
            libc::CMSG_DATA(header)
                .cast::<RawFd>()
                .write_unaligned(socket);
            message.msg_controllen = (*header).cmsg_len;
        }
        libc::sendmsg(descriptor, &raw const message, 0);
        libc::_exit(0);
    }
}

/// Room for one descriptor in a message.
#[derive(Default)]
#[repr(C, align(8))]
struct Control([u8; 32]);

/// A socket in the NETWORK namespaces that is connected to TARGET; negative, with
/// `errno`, when there is none.
unsafe fn connected(network: &[File], target: &SocketAddr) -> RawFd {
    // SAFETY: plain system calls on local memory.
    unsafe {
        for namespace in network {
            if libc::setns(namespace.as_raw_fd(), 0) != 0 {
                return -1;
            }
        }
        let family = match target {
            SocketAddr::V4(_) => libc::AF_INET,
            SocketAddr::V6(_) => libc::AF_INET6,
        };
        let socket = libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return -1;
        }
        // A listener whose queue is full does not hold us for minutes.
        let limit = libc::timeval {
            tv_sec: 5,
            tv_usec: 0,
        };
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const limit).cast(),
            size_of_val(&limit) as libc::socklen_t,
        );
        let done = match target {
            SocketAddr::V4(target) => {
                let mut address: libc::sockaddr_in = std::mem::zeroed();
                address.sin_family = libc::AF_INET as libc::sa_family_t;
                address.sin_port = target.port().to_be();
                address.sin_addr.s_addr = u32::from(*target.ip()).to_be();
                libc::connect(
                    socket,
                    (&raw const address).cast(),
                    size_of_val(&address) as libc::socklen_t,
                )
            }
            SocketAddr::V6(target) => {
                let mut address: libc::sockaddr_in6 = std::mem::zeroed();
                address.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                address.sin6_port = target.port().to_be();
                address.sin6_addr.s6_addr = target.ip().octets();
                libc::connect(
                    socket,
                    (&raw const address).cast(),
                    size_of_val(&address) as libc::socklen_t,
                )
            }
        };
        if done == 0 { socket } else { -1 }
    }
}

/// What [`connect_inside`] has sent.
fn receive_socket(descriptor: RawFd) -> io::Result<TcpStream> {
    // SAFETY: plain system calls on local memory; the descriptor that arrives is ours.
    unsafe {
        let mut errno = libc::ECONNREFUSED;
        let mut word = libc::iovec {
            iov_base: (&raw mut errno).cast(),
            iov_len: size_of_val(&errno),
        };
        let mut control = Control::default();
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut word;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<Control>() as _;
        if libc::recvmsg(descriptor, &raw mut message, libc::MSG_CMSG_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if errno != 0 || header.is_null() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let socket = libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned();
        Ok(TcpStream::from_raw_fd(socket))
    }
}

/// In a new child: leave this machine for the guest. The child itself stays
/// outside the process namespace, as joining one takes effect for children
/// only; it forks, and the one that returns from here is its child.
fn join(joined: &Joined, directory: &CStr) -> io::Result<()> {
    // Signals sent to the one that stays wait until it takes them.
    let mask = block_signals();
    // Until a program runs, the memory here is this program's.
    confine::hide();
    // SAFETY: plain system calls on memory that exists already.
    unsafe {
        libc::setsid();
        for namespace in &joined.namespaces {
            if libc::setns(namespace.as_raw_fd(), 0) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        match raw_clone(libc::SIGCHLD) {
            0 => {
                libc::setpgid(0, 0);
                libc::umask(0o022);
                restore_signals(&mask);
                if libc::chdir(directory.as_ptr()) != 0 && libc::chdir(c"/".as_ptr()) != 0 {
                    return Err(io::Error::last_os_error());
                }
                joined.confinement.apply()
            }
            pid if pid < 0 => Err(io::Error::last_os_error()),
            pid => stand_for(pid as libc::pid_t),
        }
    }
}

/// Stand for PID, a process of the guest that leads a group of its own: pass
/// on signals to the group, and end as PID ended.
fn stand_for(pid: libc::pid_t) -> ! {
    // SAFETY: plain system calls on local memory.
    unsafe {
        // The pipes belong to the other one; whoever reads them must see their end.
        close_from(0);
        // The other one does the same; whoever comes first.
        libc::setpgid(pid, pid);
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        let mut status = 0;
        loop {
            let ended = libc::waitpid(pid, &mut status, libc::WNOHANG);
            if ended == pid {
                break;
            }
            if ended < 0 && *libc::__errno_location() != libc::EINTR {
                libc::_exit(255);
            }
            match libc::sigwaitinfo(&all, std::ptr::null_mut()) {
                libc::SIGCHLD => {}
                signal if signal == kill_signal() => {
                    libc::kill(-pid, libc::SIGKILL);
                }
                signal if signal > 0 => {
                    libc::kill(-pid, signal);
                }
                _ => {}
            }
        }
        if libc::WIFSIGNALED(status) {
            let signal = libc::WTERMSIG(status);
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            libc::signal(signal, libc::SIG_DFL);
            let mut only: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut only);
            libc::sigaddset(&mut only, signal);
            libc::kill(libc::getpid(), signal);
            libc::sigprocmask(libc::SIG_UNBLOCK, &only, std::ptr::null_mut());
            libc::_exit(128 + signal);
        }
        libc::_exit(libc::WEXITSTATUS(status));
    }
}

/// Stands for SIGKILL, which nobody can pass on.
fn kill_signal() -> libc::c_int {
    libc::SIGRTMAX()
}

/// `clone` without a new stack, which is `fork` without the C library's hooks.
///
/// # Safety
/// The child may only make system calls until it ends or executes a program.
unsafe fn raw_clone(flags: libc::c_int) -> libc::c_long {
    unsafe {
        libc::syscall(
            libc::SYS_clone,
            flags as libc::c_ulong,
            0usize,
            0usize,
            0usize,
            0usize,
        )
    }
}

/// Close every descriptor from FIRST on.
pub(super) unsafe fn close_from(first: libc::c_uint) {
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) != 0 {
            for descriptor in first..65536 {
                libc::close(descriptor as RawFd);
            }
        }
    }
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: both sets are local memory; the call cannot fail with these arguments.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, &mut before);
        before
    }
}

fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: MASK was filled by `block_signals`.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut());
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors, which are then ours.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}
