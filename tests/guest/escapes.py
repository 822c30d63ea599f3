"""Attempts to leave the simulated guest, run in it.

Arguments: a port that listens on this machine's loopback, the name of an abstract
socket of this machine, a process of this machine, the path of a secret file of this
machine, the key of a segment of shared memory of this machine, and what the memory of
this machine's program holds, backwards. `/outer` is a folder of this machine that the
guest has read-only, and `/dev/own` a file of it that stands for a device.

Prints a line an attempt, `held NAME` or `escaped NAME: HOW`, and `attempts=COUNT`.
Nothing is written outside of `/outer` and the guest's own folders: whatever else
could be written is only opened.
"""

import ctypes
import errno
import os
import socket
import struct
import sys
import time

PORT, ABSTRACT, OUTSIDER, SECRET, SHARED, BACKWARDS = sys.argv[1:7]
MARKER = BACKWARDS[::-1].encode()
libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC = 1, 32, 4096, 8192, 16384
NEW = {
    "time": 0x80,
    "mount": 0x20000,
    "cgroup": 0x2000000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
SYS = {
    "mount_setattr": 442,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "clone3": 435,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
    "add_key": 248 if X86 else 217,
    "keyctl": 250 if X86 else 219,
    "bpf": 321 if X86 else 280,
    "perf_event_open": 298 if X86 else 241,
    "userfaultfd": 323 if X86 else 282,
    "syslog": 103 if X86 else 116,
    "swapon": 167 if X86 else 224,
    "init_module": 175 if X86 else 105,
    "pivot_root": 155 if X86 else 41,
    "process_vm_readv": 310 if X86 else 270,
    "ptrace": 101 if X86 else 117,
    "name_to_handle_at": 303 if X86 else 264,
    "clone": 56 if X86 else 220,
}

ATTEMPTS = []


def attempt(function):
    ATTEMPTS.append((function.__name__.replace("_", "-"), function))
    return function


def check(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def call(name, *arguments):
    wide = (ctypes.c_long(it) if isinstance(it, int) else it for it in arguments)
    return check(libc.syscall(ctypes.c_long(SYS[name]), *wide))


def mount(source, target, kind, flags, data=None):
    text = lambda it: it.encode() if it is not None else None
    check(libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(data)))


def mark(path):
    with open(path, "w") as file:
        file.write("escaped")


def opens(path, flags=os.O_WRONLY):
    os.close(os.open(path, flags))


def folder(name):
    path = "/tmp/" + name
    os.makedirs(path, exist_ok=True)
    return path


def others():
    return [entry for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid()]


# Mounts.


@attempt
def writing_to_a_read_only_folder():
    mark("/outer/mark")


@attempt
def changing_the_mode_of_a_read_only_file():
    os.chmod("/outer/file", 0o600)


@attempt
def remounting_it_writable():
    mount(None, "/outer", None, MS_REMOUNT | MS_BIND)
    mark("/outer/mark-remounted")


@attempt
def remounting_what_is_below_it():
    mount(None, "/outer/below", None, MS_REMOUNT | MS_BIND)
    mark("/outer/below/mark")


@attempt
def clearing_the_attribute():
    attributes = struct.pack("QQQQ", 0, MS_RDONLY, 0, 0)
    call("mount_setattr", -100, b"/outer", 0x8000, attributes, len(attributes))


@attempt
def unmounting_it():
    check(libc.umount2(b"/outer", 2))


@attempt
def unmounting_a_device():
    check(libc.umount2(b"/dev/own", 2))


@attempt
def binding_it_elsewhere():
    mount("/outer", folder("bound"), None, MS_BIND | MS_REC)
    mount(None, folder("bound"), None, MS_REMOUNT | MS_BIND)
    mark(folder("bound") + "/mark-bound")


@attempt
def moving_it():
    mount("/outer", folder("moved"), None, MS_MOVE)


@attempt
def mounting_memory():
    mount("tmpfs", folder("memory"), "tmpfs", 0)


@attempt
def mounting_a_new_proc():
    mount("proc", folder("proc"), "proc", 0)


@attempt
def mounting_sysfs():
    mount("sysfs", folder("sys"), "sysfs", 0)


@attempt
def mounting_the_control_groups():
    mount("cgroup2", folder("cgroup"), "cgroup2", 0)
    opens(folder("cgroup") + "/cgroup.procs")


@attempt
def mounting_an_overlay():
    data = f"lowerdir=/outer,upperdir={folder('upper')},workdir={folder('work')}"
    mount("overlay", folder("overlay"), "overlay", 0, data)


@attempt
def mounting_the_new_way():
    call("fsopen", b"tmpfs", 0)


@attempt
def cloning_a_mount():
    call("open_tree", -100, b"/outer", 1)


@attempt
def another_root():
    root = folder("root")
    call("pivot_root", root.encode(), root.encode())


@attempt
def leaving_a_root_of_roots():
    if os.fork() == 0:
        try:
            os.chroot(folder("jail"))
            for _ in range(64):
                os.chdir("..")
            os.chroot(".")
            with open(SECRET):
                os._exit(7)
        except OSError:
            os._exit(0)
    raise_if_exited_with(7)


def raise_if_exited_with(status):
    _, ended = os.wait()
    if os.waitstatus_to_exitcode(ended) != status:
        raise OSError(errno.EPERM, "not so")


@attempt
def a_handle_of_a_file():
    handle = ctypes.create_string_buffer(struct.pack("Ii128s", 128, 0, b""))
    number = ctypes.c_int()
    call("name_to_handle_at", -100, b"/outer/file", handle, ctypes.byref(number), 0)


# Namespaces.


def new_namespace(kind):
    def unshares():
        if os.fork() == 0:
            os._exit(7 if libc.unshare(ctypes.c_int(NEW[kind])) == 0 else 0)
        raise_if_exited_with(7)

    def unshares_in_a_user_namespace():
        if os.fork() == 0:
            flags = ctypes.c_int(NEW[kind] | NEW["user"])
            os._exit(7 if libc.unshare(flags) == 0 else 0)
        raise_if_exited_with(7)

    unshares.__name__ = f"a new {kind} namespace".replace(" ", "_")
    unshares_in_a_user_namespace.__name__ = unshares.__name__ + "_as_another_root"
    attempt(unshares)
    attempt(unshares_in_a_user_namespace)


for kind in NEW:
    new_namespace(kind)


@attempt
def a_new_namespace_by_clone():
    child = libc.syscall(ctypes.c_long(SYS["clone"]), ctypes.c_ulong(NEW["user"] | 17), 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    check(child)
    os.wait()


@attempt
def a_new_namespace_by_clone3():
    arguments = struct.pack("11Q", NEW["user"], 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
    child = libc.syscall(ctypes.c_long(SYS["clone3"]), arguments, len(arguments))
    if child == 0:
        os._exit(0)
    check(child)
    os.wait()


@attempt
def a_new_namespace_by_x32():
    if not X86:
        raise OSError(errno.ENOSYS, "not this processor")
    if os.fork() == 0:
        number = ctypes.c_long(0x40000000 | 272)
        os._exit(7 if libc.syscall(number, ctypes.c_long(NEW["user"])) == 0 else 0)
    raise_if_exited_with(7)


def joins(kind):
    def joining():
        with open(f"/proc/1/ns/{kind}") as namespace:
            check(libc.setns(namespace.fileno(), 0))

    joining.__name__ = f"joining the {kind} namespace of process 1".replace(" ", "_")
    attempt(joining)


for kind in ["user", "mnt", "net", "pid", "cgroup"]:
    joins(kind)


# /proc and /dev.


def opening(path):
    def for_writing():
        opens(path)

    def for_writing_after_a_remount():
        mount(None, "/proc", None, MS_REMOUNT)
        opens(path)

    def for_writing_after_a_bound_remount():
        mount(None, "/proc", None, MS_REMOUNT | MS_BIND)
        opens(path)

    for function in (for_writing, for_writing_after_a_remount, for_writing_after_a_bound_remount):
        function.__name__ = f"opening {path} {function.__name__}"
        attempt(function)


for path in [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sysrq-trigger",
    "/proc/1/oom_score_adj",
]:
    opening(path)


def reading(path):
    def kernel():
        with open(path, "rb") as file:
            os.set_blocking(file.fileno(), False)
            if not file.read(1):
                raise OSError(errno.ENODATA, "nothing")

    kernel.__name__ = f"reading {path}"
    attempt(kernel)


for path in ["/proc/kcore", "/proc/kmsg", "/proc/1/environ", "/proc/1/mem", "/proc/1/maps"]:
    reading(path)


@attempt
def the_command_line_of_process_1():
    with open("/proc/1/cmdline", "rb") as file:
        if not file.read().strip(b"\0"):
            raise OSError(errno.ENODATA, "nothing")


@attempt
def the_root_of_another_process():
    for process in others():
        for way in ("root", "cwd"):
            try:
                with open(f"/proc/{process}/{way}/{SECRET}"):
                    return
            except OSError:
                pass
    raise OSError(errno.ENOENT, "none")


@attempt
def a_node_of_memory():
    os.mknod("/tmp/mem", 0o20600, os.makedev(1, 1))


@attempt
def a_node_of_a_disk():
    os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0))


@attempt
def the_mode_of_a_device():
    os.chmod("/dev/own", 0o600)


@attempt
def the_owner_of_a_device():
    os.chown("/dev/own", 0, 0)


# Memory of others.


@attempt
def memory_of_this_machines_program():
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for process in others():
            try:
                with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as mem:
                    for line in maps:
                        first, last = (int(it, 16) for it in line.split()[0].split("-"))
                        if "r" not in line.split()[1] or last - first > 64 << 20:
                            continue
                        try:
                            mem.seek(first)
                            if MARKER in mem.read(last - first):
                                return
                        except (OSError, ValueError):
                            pass
            except OSError:
                pass
    raise OSError(errno.ENOENT, "none")


@attempt
def the_environment_of_others():
    for process in others():
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                if b"CARGO" in file.read():
                    return
        except OSError:
            pass
    raise OSError(errno.ENOENT, "none")


@attempt
def tracing_process_1():
    call("ptrace", 16, 1, 0, 0)


@attempt
def reading_process_1():
    buffer = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(buffer), 8)
    remote = struct.pack("QQ", 0x400000, 8)
    call("process_vm_readv", 1, local, 1, remote, 1, 0)


@attempt
def a_descriptor_of_process_1():
    call("pidfd_getfd", call("pidfd_open", 1, 0), 0, 0)


@attempt
def shared_memory():
    check(libc.shmget(ctypes.c_int(int(SHARED)), 0, 0))


@attempt
def descriptors_of_others():
    listing = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    names = os.listdir(listing)
    os.close(listing)
    left = []
    for number in map(int, names):
        try:
            # Python has this program open itself.
            path = os.readlink(f"/proc/self/fd/{number}")
            left += [path] if number > 2 and path != sys.argv[0] else []
        except OSError:
            pass
    if not left:
        raise OSError(errno.ENOENT, "none")
    return left


# First of all: later ones open some of their own.
ATTEMPTS.insert(0, ATTEMPTS.pop())

# Sockets.


def connecting(address):
    def this_machines_loopback():
        socket.create_connection((address, int(PORT)), 3).close()

    this_machines_loopback.__name__ = f"connecting to {address}"
    attempt(this_machines_loopback)


for address in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0"]:
    connecting(address)


@attempt
def an_abstract_socket():
    with socket.socket(socket.AF_UNIX) as it:
        it.connect("\0" + ABSTRACT)


def family(number, kind):
    def opens_a_socket():
        with socket.socket(number, kind):
            pass

    opens_a_socket.__name__ = f"a socket of family {number} and kind {kind}"
    attempt(opens_a_socket)


for number, kind in [(40, 1), (17, 3), (38, 5), (16, 3), (2, 3), (10, 3), (29, 3), (31, 3), (44, 3)]:
    # A socket of the routing protocol is the guest's own; it may not change anything.
    if number != 16:
        family(number, kind)


# Processes and the machine.


@attempt
def a_signal_to_a_process_of_this_machine():
    os.kill(int(OUTSIDER), 0)


@attempt
def seeing_a_process_of_this_machine():
    for process in others():
        with open(f"/proc/{process}/status") as status:
            if f"NSpid:\t{OUTSIDER}" in status.read():
                return
    os.stat(f"/proc/{OUTSIDER}")


@attempt
def the_name_of_the_machine():
    check(libc.sethostname(b"escaped", 7))


@attempt
def a_keyring():
    call("keyctl", 0, -5, 1)


@attempt
def a_key():
    call("add_key", b"user", b"escaped", b"x", 1, -4)


@attempt
def the_kernels_log():
    buffer = ctypes.create_string_buffer(64)
    call("syslog", 3, buffer, 64)


@attempt
def a_program_in_the_kernel():
    call("bpf", 0, struct.pack("IIII", 1, 4, 4, 1) + bytes(56), 72)


@attempt
def a_counter_of_events():
    event = struct.pack("IIQ", 1, 112, 1) + bytes(96)
    call("perf_event_open", event, 0, -1, -1, 0)


@attempt
def a_ring():
    call("io_uring_setup", 4, bytes(120))


@attempt
def faults_in_user_space():
    call("userfaultfd", 0)


@attempt
def a_module():
    result = libc.syscall(ctypes.c_long(SYS["init_module"]), b"", 0, b"")
    if result < 0 and ctypes.get_errno() != errno.EPERM:
        return
    check(result)


@attempt
def a_swap_file():
    result = libc.syscall(ctypes.c_long(SYS["swapon"]), b"/nowhere", 0)
    if result < 0 and ctypes.get_errno() != errno.EPERM:
        return
    check(result)


@attempt
def control_groups():
    opens("/sys/fs/cgroup/cgroup.procs")


@attempt
def capabilities_beyond_ones_own():
    kept = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 18
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(lines[name], 16) & ~kept:
            return
    if lines["NoNewPrivs"].strip() != "1" or lines["Seccomp"].strip() != "2":
        return
    raise OSError(errno.EPERM, "none")


# What may not be possible must not be impossible for another reason.
with socket.create_server(("127.0.0.1", 0)) as own:
    socket.create_connection(own.getsockname(), 3).close()
os.chown(folder("own"), 0, 0)
with open("/proc/self/stat") as stat:
    assert stat.read()

for name, function in ATTEMPTS:
    try:
        how = function()
        print(f"escaped {name}: {how}")
    except (OSError, ValueError) as error:
        print(f"held {name}: {error}")
print(f"attempts={len(ATTEMPTS)}")
