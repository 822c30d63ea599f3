//! User, mount, process, host name and IPC namespaces.
//!
//! [`Namespace::start`] makes one process, the guest's process 1, which sets up
//! the mounts and then only waits: for orphans to end, and for the other end of
//! a pipe to close, which happens when the guest is dropped or this program
//! dies in whatever way. When process 1 ends, the kernel ends every other
//! process of the guest. [`Namespace::command`] makes commands that join.
//!
//! Between `clone` and `exec` only the calling thread exists, so everything is
//! computed before and only system calls are made after: no allocation, no
//! lock, no panic.
//!
//! Source: user_namespaces(7), pid_namespaces(7), mount_namespaces(7),
//! signal-safety(7).

use super::Mounts;
use crate::sim::clock::sleepers::Trap;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use std::ffi::{CStr, CString, OsStr};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::process::Command;

/// Why there is no namespace.
#[derive(Debug)]
pub struct NamespaceError {
    step: &'static str,
    source: io::Error,
}

impl NamespaceError {
    /// What the operating system said, and whether that is about this process's
    /// means and not about namespaces.
    pub fn want(self) -> Result<io::Error, Self> {
        match self.source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN) => Ok(self.source),
            _ => Err(self),
        }
    }
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot {}: {}", self.step, self.source)
    }
}

impl std::error::Error for NamespaceError {}

fn failed(step: Step) -> impl FnOnce(io::Error) -> NamespaceError {
    move |source| NamespaceError {
        step: step.text(),
        source,
    }
}

/// The steps that can fail, numbered so that process 1 can report one in a byte.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
enum Step {
    Prepare,
    Clone,
    MapIds,
    Private,
    BindRoot,
    BindHost,
    ReadOnly,
    Device,
    Pivot,
    Join,
    Ready,
}

impl Step {
    const ALL: [Step; 11] = [
        Step::Prepare,
        Step::Clone,
        Step::MapIds,
        Step::Private,
        Step::BindRoot,
        Step::BindHost,
        Step::ReadOnly,
        Step::Device,
        Step::Pivot,
        Step::Join,
        Step::Ready,
    ];

    fn text(self) -> &'static str {
        match self {
            Step::Prepare => "prepare the guest's namespaces",
            Step::Clone => "make user, mount and process namespaces",
            Step::MapIds => "become root in a user namespace",
            Step::Private => "make a mount namespace private",
            Step::BindRoot => "mount the guest's root",
            Step::BindHost => "mount this machine's programs into the guest",
            Step::ReadOnly => "mount this machine's programs read-only",
            Step::Device => "give the guest its devices",
            Step::Pivot => "change to the guest's root",
            Step::Join => "join the guest's namespaces",
            Step::Ready => "finish",
        }
    }
}

/// The namespaces of one guest. Dropping it ends every process in them.
#[derive(Debug)]
pub struct Namespace {
    init: libc::pid_t,
    joined: Arc<Joined>,
    /// Process 1 ends when this closes.
    lifeline: Option<OwnedFd>,
    /// How programs sleep; without one, in real time.
    trap: Option<Arc<Trap>>,
}

/// Open namespaces in the order in which they are joined, and the process that
/// keeps them.
#[derive(Debug)]
struct Joined([File; 5]);

impl Namespace {
    /// Make namespaces whose root directory is ROOT, named HOSTNAME.
    pub fn start(
        root: &Path,
        mounts: &Mounts,
        hostname: &str,
    ) -> Result<Namespace, NamespaceError> {
        let plan = Plan::new(root, mounts, hostname).map_err(failed(Step::Prepare))?;
        let (lifeline_read, lifeline) = pipe().map_err(failed(Step::Prepare))?;
        let (report, report_write) = pipe().map_err(failed(Step::Prepare))?;
        let flags = libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::SIGCHLD;
        // Process 1 inherits the mask, so a Ctrl-C meant for us does not reach it.
        let mask = block_signals();
        // SAFETY: the child runs `init` alone, which makes only system calls
        // on memory that exists already, and never returns.
        let pid = unsafe { raw_clone(flags) };
        if pid == 0 {
            init(&plan, lifeline_read.as_raw_fd(), report_write.as_raw_fd());
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
        let mut answer = [0; 5];
        File::from(report)
            .read_exact(&mut answer)
            .map_err(failed(Step::Clone))?;
        let step = Step::ALL
            .into_iter()
            .find(|step| *step as u8 == answer[0])
            .unwrap_or(Step::Prepare);
        if step != Step::Ready {
            let errno = i32::from_ne_bytes([answer[1], answer[2], answer[3], answer[4]]);
            return Err(failed(step)(io::Error::from_raw_os_error(errno)));
        }
        let open =
            |kind: &str| File::open(format!("/proc/{init}/ns/{kind}")).map_err(failed(Step::Join));
        // The user namespace gives the right to join the others; the mount
        // namespace comes last because it changes what paths mean.
        let joined = Joined([
            open("user")?,
            open("ipc")?,
            open("uts")?,
            open("pid")?,
            open("mnt")?,
        ]);
        started.init = None;
        Ok(Namespace {
            init,
            joined: Arc::new(joined),
            lifeline: started.lifeline.take(),
            trap: Trap::make().ok().map(Arc::new),
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
        self.lifeline = None;
        end(self.init);
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
        let mut status = 0;
        while libc::waitpid(init, &mut status, 0) < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
    }
}

/// Everything process 1 needs, computed before it exists.
struct Plan {
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
    root: CString,
    proc: CString,
    read_only: Vec<(CString, CString)>,
    devices: Vec<(CString, CString)>,
    hostname: Vec<u8>,
}

impl Plan {
    fn new(root: &Path, mounts: &Mounts, hostname: &str) -> io::Result<Plan> {
        let text = |path: &Path| {
            CString::new(path.as_os_str().as_bytes())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
        };
        let pairs = |pairs: &[(PathBuf, PathBuf)]| {
            pairs
                .iter()
                .map(|(source, target)| Ok((text(source)?, text(target)?)))
                .collect::<io::Result<Vec<_>>>()
        };
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        Ok(Plan {
            // The one user there is without privilege: whoever runs us is root
            // in the guest. For real root the same, so that both see one guest.
            uid_map: format!("0 {uid} 1\n").into_bytes(),
            gid_map: format!("0 {gid} 1\n").into_bytes(),
            root: text(root)?,
            proc: text(&root.join("proc"))?,
            read_only: pairs(&mounts.read_only)?,
            devices: pairs(&mounts.devices)?,
            hostname: hostname.as_bytes().to_vec(),
        })
    }
}

/// Process 1 of the guest. Only system calls from here on.
fn init(plan: &Plan, lifeline: RawFd, report: RawFd) -> ! {
    let (step, errno) = match set_up(plan) {
        Ok(()) => (Step::Ready, 0),
        Err((step, error)) => (step, error.raw_os_error()),
    };
    let mut answer = [0; 5];
    answer[0] = step as u8;
    answer[1..].copy_from_slice(&errno.to_ne_bytes());
    // SAFETY: plain system calls on local memory.
    unsafe {
        libc::write(report, answer.as_ptr().cast(), answer.len());
        if step != Step::Ready {
            libc::_exit(1);
        }
        libc::setsid();
        // Orphans of the guest end without anybody waiting for them.
        let mut ignore: libc::sigaction = std::mem::zeroed();
        ignore.sa_sigaction = libc::SIG_IGN;
        libc::sigaction(libc::SIGCHLD, &ignore, std::ptr::null_mut());
        // Whatever this program had open is none of the guest's business; the
        // lifeline's other end among it would keep us alive for ever.
        libc::dup2(lifeline, 0);
        close_from(1);
        let mut byte = 0u8;
        while libc::read(0, (&raw mut byte).cast(), 1) < 0
            && *libc::__errno_location() == libc::EINTR
        {}
        libc::_exit(0);
    }
}

type SetUp = Result<(), (Step, rustix::io::Errno)>;

fn set_up(plan: &Plan) -> SetUp {
    let at = |step| move |error| (step, error);
    // A process without privilege must give up setgroups before it maps groups.
    let _ = write_file(c"/proc/self/setgroups", b"deny");
    write_file(c"/proc/self/uid_map", &plan.uid_map).map_err(at(Step::MapIds))?;
    write_file(c"/proc/self/gid_map", &plan.gid_map).map_err(at(Step::MapIds))?;

    rustix::mount::mount_change(
        c"/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(at(Step::Private))?;
    let root = plan.root.as_c_str();
    rustix::mount::mount_bind_recursive(root, root).map_err(at(Step::BindRoot))?;
    for (source, target) in &plan.read_only {
        rustix::mount::mount_bind_recursive(source.as_c_str(), target.as_c_str())
            .map_err(at(Step::BindHost))?;
        make_read_only(target).map_err(at(Step::ReadOnly))?;
    }
    for (source, target) in &plan.devices {
        rustix::mount::mount_bind(source.as_c_str(), target.as_c_str())
            .map_err(at(Step::Device))?;
    }
    // Read-only: to real root the kernel's settings below /proc/sys would
    // otherwise be writable. A container that hides parts of its own /proc may
    // not mount another; the guest then has none, and few programs mind.
    let _ = rustix::mount::mount(
        c"proc",
        plan.proc.as_c_str(),
        c"proc",
        MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        None,
    );
    let _ = rustix::system::sethostname(&plan.hostname);

    let pivot = at(Step::Pivot);
    rustix::process::chdir(root).map_err(pivot)?;
    match rustix::process::pivot_root(c".", c".") {
        Ok(()) => rustix::mount::unmount(c".", UnmountFlags::DETACH).map_err(at(Step::Pivot))?,
        // The first root of a machine that runs from memory cannot be pivoted
        // away; it can be covered.
        Err(rustix::io::Errno::INVAL) => {
            rustix::mount::mount_move(c".", c"/").map_err(at(Step::Pivot))?;
            rustix::process::chroot(c".").map_err(at(Step::Pivot))?;
        }
        Err(error) => return Err((Step::Pivot, error)),
    }
    rustix::process::chdir(c"/").map_err(at(Step::Pivot))
}

fn write_file(path: &CStr, contents: &[u8]) -> rustix::io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, contents).map(|_| ())
}

/// Make the mounts at and below TARGET read-only.
fn make_read_only(target: &CStr) -> rustix::io::Result<()> {
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    const RDONLY: u64 = 1;
    const NOSUID: u64 = 2;
    let attributes = Attributes {
        set: RDONLY | NOSUID,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    // Unlike a remount this reaches the mounts below, and keeps the flags that
    // a user namespace may not change.
    // SAFETY: the structure is the kernel's `struct mount_attr`, version 0.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        // SAFETY: the calling thread's own errno.
        Err(rustix::io::Errno::from_raw_os_error(unsafe {
            *libc::__errno_location()
        }))
    }
}

/// In a new child: leave this machine for the guest. The child itself stays
/// outside the process namespace, as joining one takes effect for children
/// only; it forks, and the one that returns from here is its child.
fn join(joined: &Joined, directory: &CStr) -> io::Result<()> {
    // Signals sent to the one that stays wait until it takes them.
    let mask = block_signals();
    // SAFETY: plain system calls on memory that exists already.
    unsafe {
        libc::setsid();
        for namespace in &joined.0 {
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
                Ok(())
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
unsafe fn close_from(first: libc::c_uint) {
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
