//! Files and directories: what POSIX gives, under Guile's names.
//!
//! Source: GNU Guile reference manual, "File System".

use crate::data::args::{self, boolean, fixnum, integer, path, string, unspecified};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::{Value, symbol_value};
use crate::data::{errors, pairs, strings as text};
use crate::library::ports::State;
use crate::library::{opening, port_natives, ports, random};
use crate::natives;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The outcome of a system call that gives 0 or -1.
fn done(procedure: &str, result: libc::c_int) -> Outcome {
    if result < 0 {
        Err(errors::system(procedure, errors::last_code()))
    } else {
        Ok(unspecified())
    }
}

// What is there.

fn file_exists(args: &[Value]) -> Outcome {
    let path = path("file-exists?", args, 1)?;
    // SAFETY: PATH is a C string.
    Ok(boolean(
        unsafe { libc::access(path.as_ptr(), libc::F_OK) } == 0,
    ))
}

fn file_is_directory(args: &[Value]) -> Outcome {
    Ok(boolean(
        Path::new(string("file-is-directory?", args, 1)?).is_dir(),
    ))
}

fn access(args: &[Value]) -> Outcome {
    let path = path("access?", args, 1)?;
    let mode = fixnum(args, 2)?;
    // SAFETY: PATH is a C string.
    Ok(boolean(
        unsafe { libc::access(path.as_ptr(), mode as libc::c_int) } == 0,
    ))
}

#[allow(clippy::unnecessary_cast)] // The types of these fields differ between systems.
fn stat_vector(machine: &mut Machine, stat: &libc::stat) -> Value {
    let number = |number: i64| Value::IntV(number as isize);
    let mode = stat.st_mode as u32;
    let kind = match mode & libc::S_IFMT as u32 {
        kind if kind == libc::S_IFREG as u32 => "regular",
        kind if kind == libc::S_IFDIR as u32 => "directory",
        kind if kind == libc::S_IFLNK as u32 => "symlink",
        kind if kind == libc::S_IFBLK as u32 => "block-special",
        kind if kind == libc::S_IFCHR as u32 => "char-special",
        kind if kind == libc::S_IFIFO as u32 => "fifo",
        kind if kind == libc::S_IFSOCK as u32 => "socket",
        _ => "unknown",
    };
    machine.vector(vec![
        number(stat.st_dev as i64),
        number(stat.st_ino as i64),
        number(i64::from(mode)),
        number(stat.st_nlink as i64),
        number(i64::from(stat.st_uid)),
        number(i64::from(stat.st_gid)),
        number(stat.st_rdev as i64),
        number(stat.st_size as i64),
        number(stat.st_atime as i64),
        number(stat.st_mtime as i64),
        number(stat.st_ctime as i64),
        number(stat.st_blksize as i64),
        number(stat.st_blocks as i64),
        symbol_value(kind),
        number(i64::from(mode & 0o7777)),
        number(stat.st_atime_nsec as i64),
        number(stat.st_mtime_nsec as i64),
        number(stat.st_ctime_nsec as i64),
    ])
}

fn stat_with(machine: &mut Machine, procedure: &str, args: &[Value], follow: bool) -> Outcome {
    // SAFETY: `stat` is plain data for which all zeros is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    let fd = match &args[0] {
        Value::IntV(fd) => Some(*fd as libc::c_int),
        port => ports::get(port)
            .and_then(|state| state.borrow().descriptor.as_ref().map(AsRawFd::as_raw_fd)),
    };
    let result = match fd {
        // SAFETY: writes to STAT.
        Some(fd) => unsafe { libc::fstat(fd, &raw mut stat) },
        None => {
            let path = path(procedure, args, 1)?;
            // SAFETY: PATH is a C string, and STAT is written to.
            unsafe {
                if follow {
                    libc::stat(path.as_ptr(), &raw mut stat)
                } else {
                    libc::lstat(path.as_ptr(), &raw mut stat)
                }
            }
        }
    };
    if result < 0 {
        if let Some(Value::BoolV(false)) = args.get(1) {
            return Ok(boolean(false));
        }
        let code = errors::last_code();
        return Err(match &args[0] {
            Value::StringV(name) => errors::system_about(procedure, code, text::of(name)),
            _ => errors::system(procedure, code),
        });
    }
    Ok(stat_vector(machine, &stat))
}

fn stat(machine: &mut Machine, args: &[Value]) -> Outcome {
    stat_with(machine, "stat", args, true)
}

fn lstat(machine: &mut Machine, args: &[Value]) -> Outcome {
    stat_with(machine, "lstat", args, false)
}

fn readlink(args: &[Value]) -> Outcome {
    let name = string("readlink", args, 1)?;
    std::fs::read_link(name)
        .map(|target| text::value(target.to_string_lossy()))
        .map_err(|error| errors::system("readlink", errors::code(&error)))
}

fn canonicalize(args: &[Value]) -> Outcome {
    let name = string("canonicalize-path", args, 1)?;
    std::fs::canonicalize(name)
        .map(|target| text::value(target.to_string_lossy()))
        .map_err(|error| errors::system("canonicalize-path", errors::code(&error)))
}

// Making, moving and removing.

macro_rules! on_one_path {
    ($($function:ident $name:literal $call:expr;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let path = path($name, args, 1)?;
            let call: unsafe extern "C" fn(*const libc::c_char) -> libc::c_int = $call;
            // SAFETY: PATH is a C string that lives through the call.
            done($name, unsafe { call(path.as_ptr()) })
        } )*
    };
}

on_one_path! {
    delete_file "delete-file" libc::unlink;
    rmdir "rmdir" libc::rmdir;
    chdir "chdir" libc::chdir;
    chroot "chroot" libc::chroot;
}

macro_rules! on_two_paths {
    ($($function:ident $name:literal $call:expr;)*) => {
        $( fn $function(args: &[Value]) -> Outcome {
            let (old, new) = (path($name, args, 1)?, path($name, args, 2)?);
            let call: unsafe extern "C" fn(*const libc::c_char, *const libc::c_char) -> libc::c_int = $call;
            // SAFETY: both are C strings that live through the call.
            done($name, unsafe { call(old.as_ptr(), new.as_ptr()) })
        } )*
    };
}

on_two_paths! {
    rename "rename-file" libc::rename;
    symlink "symlink" libc::symlink;
    link "link" libc::link;
}

fn mkdir(args: &[Value]) -> Outcome {
    let path = path("mkdir", args, 1)?;
    let mode = match args.get(1) {
        Some(_) => fixnum(args, 2)?,
        None => 0o777,
    };
    // SAFETY: PATH is a C string.
    done("mkdir", unsafe {
        libc::mkdir(path.as_ptr(), mode as libc::mode_t)
    })
}

/// The descriptor that argument 1 is or stands for, or `None` when it is a name.
pub fn descriptor_argument(args: &[Value]) -> Option<libc::c_int> {
    match &args[0] {
        Value::IntV(fd) => Some(*fd as libc::c_int),
        port => ports::get(port)
            .and_then(|state| state.borrow().descriptor.as_ref().map(AsRawFd::as_raw_fd)),
    }
}

fn chmod(args: &[Value]) -> Outcome {
    let mode = fixnum(args, 2)? as libc::mode_t;
    if let Some(fd) = descriptor_argument(args) {
        // SAFETY: changes what a descriptor stands for.
        return done("chmod", unsafe { libc::fchmod(fd, mode) });
    }
    let path = path("chmod", args, 1)?;
    // SAFETY: PATH is a C string.
    done("chmod", unsafe { libc::chmod(path.as_ptr(), mode) })
}

fn chown_with(
    procedure: &str,
    args: &[Value],
    call: unsafe extern "C" fn(*const libc::c_char, libc::uid_t, libc::gid_t) -> libc::c_int,
) -> Outcome {
    let (user, group) = (fixnum(args, 2)?, fixnum(args, 3)?);
    if let Some(fd) = descriptor_argument(args) {
        // SAFETY: changes what a descriptor stands for.
        return done(procedure, unsafe {
            libc::fchown(fd, user as libc::uid_t, group as libc::gid_t)
        });
    }
    let path = path(procedure, args, 1)?;
    // SAFETY: PATH is a C string.
    done(procedure, unsafe {
        call(path.as_ptr(), user as libc::uid_t, group as libc::gid_t)
    })
}

fn chown(args: &[Value]) -> Outcome {
    chown_with("chown", args, libc::chown)
}

fn lchown(args: &[Value]) -> Outcome {
    chown_with("lchown", args, libc::lchown)
}

/// (utime path [access [modification [access-ns [modification-ns [flags]]]]])
fn utime(args: &[Value]) -> Outcome {
    let path = path("utime", args, 1)?;
    let part = |position: usize| -> Result<Option<isize>, Raise> {
        match args.get(position - 1) {
            Some(Value::IntV(number)) => Ok(Some(*number)),
            None | Some(Value::Void | Value::BoolV(false)) => Ok(None),
            Some(other) => Err(errors::wrong_type("utime", position, other)),
        }
    };
    let time = |seconds: Option<isize>, nanoseconds: Option<isize>| libc::timespec {
        tv_sec: seconds.unwrap_or(0) as libc::time_t,
        tv_nsec: match seconds {
            Some(_) => nanoseconds.unwrap_or(0) as _,
            None => libc::UTIME_NOW as _,
        },
    };
    let times = [time(part(2)?, part(4)?), time(part(3)?, part(5)?)];
    let flags = part(6)?.unwrap_or(0) as libc::c_int;
    // SAFETY: PATH is a C string and TIMES are two of them.
    done("utime", unsafe {
        libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), flags)
    })
}

fn copy_file(args: &[Value]) -> Outcome {
    let (from, to) = (string("copy-file", args, 1)?, string("copy-file", args, 2)?);
    std::fs::copy(from, to)
        .map(|_| unspecified())
        .map_err(|error| errors::system("copy-file", errors::code(&error)))
}

fn truncate(machine: &mut Machine, args: &[Value]) -> Outcome {
    if args.len() < 2 {
        if matches!(args[0], Value::StringV(_)) {
            return Err(errors::misc(
                "truncate-file",
                "must supply length if OBJECT is a filename",
                Vec::new(),
            ));
        }
        let nowhere_else = [
            args[0].clone(),
            Value::IntV(0),
            Value::IntV(libc::SEEK_CUR as isize),
        ];
        let here = port_natives::seek(machine, &nowhere_else)?;
        return truncate(machine, &[args[0].clone(), here]);
    }
    if let Some(done) = ports::with(&args[0], |state| truncate_text(state, args)).flatten() {
        return done;
    }
    let length = args::size("truncate-file", args, 2)? as libc::off_t;
    if let Some(fd) = descriptor_argument(args) {
        ports::with(&args[0], |state| {
            state.leave_input("truncate-file")?;
            state.flush("truncate-file")
        })
        .transpose()?;
        // SAFETY: changes what a descriptor stands for.
        return done("truncate-file", unsafe { libc::ftruncate(fd, length) });
    }
    let path = path("truncate-file", args, 1)?;
    // SAFETY: PATH is a C string.
    done("truncate-file", unsafe {
        libc::truncate(path.as_ptr(), length)
    })
}

/// Shorten what was written to a port that keeps it, where STATE is of such.
fn truncate_text(state: &mut State, args: &[Value]) -> Option<Outcome> {
    if state.descriptor.is_some() || state.program.is_some() {
        return None;
    }
    let output = state.output.as_mut()?;
    Some(args::size("truncate-file", args, 2).and_then(|length| {
        let position = output.at.unwrap_or(output.bytes.len());
        if length < position {
            return Err(errors::value_out_of_range("truncate-file", &args[1]));
        }
        output.bytes.truncate(length);
        output.at = Some(position).filter(|at| *at < output.bytes.len());
        Ok(unspecified())
    }))
}

fn mkfifo(args: &[Value]) -> Outcome {
    let path = path("mknod", args, 1)?;
    // SAFETY: PATH is a C string.
    done("mknod", unsafe { libc::mkfifo(path.as_ptr(), 0o666) })
}

fn umask(args: &[Value]) -> Outcome {
    let mask = match args.first() {
        Some(_) => fixnum(args, 1)? as libc::mode_t,
        None => {
            // SAFETY: the mask can only be read by setting it.
            let old = unsafe { libc::umask(0) };
            // SAFETY: puts the mask back.
            unsafe { libc::umask(old) };
            return Ok(integer(old as usize));
        }
    };
    // SAFETY: has no other effect.
    Ok(integer(unsafe { libc::umask(mask) } as usize))
}

fn sync(_: &[Value]) -> Outcome {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::sync() };
    Ok(unspecified())
}

fn fsync(args: &[Value]) -> Outcome {
    ports::with(&args[0], |state| state.flush("fsync")).transpose()?;
    match descriptor_argument(args) {
        // SAFETY: the descriptor is open or the call fails.
        Some(fd) => done("fsync", unsafe { libc::fsync(fd) }),
        None => Err(errors::wrong_type("fsync", 1, &args[0])),
    }
}

// Temporary files.

/// A template's text with its six X replaced by the system, and what CALL gave.
fn from_template(
    procedure: &str,
    args: &[Value],
    call: impl Fn(*mut libc::c_char) -> libc::c_int,
) -> Result<(String, libc::c_int), Raise> {
    let mut template = path(procedure, args, 1)?.into_bytes_with_nul();
    let result = call(template.as_mut_ptr().cast());
    if result < 0 {
        return Err(errors::system(procedure, errors::last_code()));
    }
    template.pop();
    Ok((String::from_utf8_lossy(&template).into_owned(), result))
}

/// (mkstemp template [mode]) -> port; (mkstemp! template) changes TEMPLATE as well.
fn mkstemp(args: &[Value]) -> Outcome {
    let mode = match args.get(1) {
        Some(_) => string("mkstemp", args, 2)?.to_owned(),
        None => "w+".to_owned(),
    };
    // SAFETY: the template is a writable C string.
    let (name, fd) = from_template("mkstemp", args, |template| unsafe {
        libc::mkstemp(template)
    })?;
    // SAFETY: mkstemp gave this descriptor to us alone.
    let descriptor = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: as above.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    Ok(ports::descriptor(descriptor, &mode, Some(name)))
}

fn mkstemp_in_place(args: &[Value]) -> Outcome {
    let port = mkstemp(args)?;
    if let (Value::StringV(template), Some(name)) = (
        &args[0],
        ports::with(&port, |state| state.name.clone()).flatten(),
    ) {
        text::change(template, |text| *text = name);
    }
    Ok(port)
}

fn mkdtemp(args: &[Value]) -> Outcome {
    let (name, _) = from_template("mkdtemp", args, |template| {
        // SAFETY: the template is a writable C string.
        if unsafe { libc::mkdtemp(template) }.is_null() {
            -1
        } else {
            0
        }
    })?;
    Ok(text::value(name))
}

fn tmpnam(_: &[Value]) -> Outcome {
    let directory = std::env::temp_dir();
    loop {
        let name = directory.join(format!("file{:016x}", random::chance()));
        if !name.exists() {
            return Ok(text::value(name.to_string_lossy()));
        }
    }
}

fn tmpfile(_: &[Value]) -> Outcome {
    tempfile::tempfile()
        .map(|file| ports::descriptor(OwnedFd::from(file), "w+", None))
        .map_err(|error| errors::system("tmpfile", errors::code(&error)))
}

// Directories.

/// (%directory-entries path) -> the names in the directory, `.` and `..` first.
fn entries(args: &[Value]) -> Outcome {
    let name = string("opendir", args, 1)?;
    let directory =
        std::fs::read_dir(name).map_err(|error| errors::system("opendir", errors::code(&error)))?;
    let mut names = vec![text::value("."), text::value("..")];
    for entry in directory {
        let entry = entry.map_err(|error| errors::system("readdir", errors::code(&error)))?;
        names.push(text::value(String::from_utf8_lossy(
            entry.file_name().as_bytes(),
        )));
    }
    Ok(pairs::list(names))
}

fn getcwd(_: &[Value]) -> Outcome {
    std::env::current_dir()
        .map(|directory| text::value(directory.to_string_lossy()))
        .map_err(|error| errors::system("getcwd", errors::code(&error)))
}

// Names.

/// (basename name [suffix]): the last part of NAME, which keeps the slashes that
/// say it is a directory. As in Guile the suffix is looked for at the end of
/// NAME as a whole, so it may be all of the last part.
fn basename(args: &[Value]) -> Outcome {
    let name = string("basename", args, 1)?;
    let base = match name.trim_end_matches('/').rfind('/') {
        Some(slash) => &name[slash + 1..],
        None if name == "/" || name == "//" => "/",
        None => name.trim_start_matches('/'),
    };
    let kept = match args.get(1) {
        Some(_) => {
            let suffix = string("basename", args, 2)?;
            if name.ends_with(suffix) {
                base.len()
                    .checked_sub(suffix.len())
                    .ok_or_else(|| errors::value_out_of_range("basename", &args[1]))?
            } else {
                base.len()
            }
        }
        None => base.len(),
    };
    Ok(text::value(&base[..kept]))
}

fn dirname(args: &[Value]) -> Outcome {
    let name = string("dirname", args, 1)?;
    let stripped = name.trim_end_matches('/');
    if stripped.is_empty() {
        return Ok(text::value(if name.is_empty() { "." } else { "/" }));
    }
    Ok(text::value(match stripped.rfind('/') {
        None => ".",
        Some(at) => {
            let directory = stripped[..at].trim_end_matches('/');
            if directory.is_empty() { "/" } else { directory }
        }
    }))
}

fn absolute(args: &[Value]) -> Outcome {
    Ok(boolean(
        string("absolute-file-name?", args, 1)?.starts_with('/'),
    ))
}

// Users and groups.

/// TEXT of the C library, or nothing.
fn c_text(text: *const libc::c_char) -> Value {
    if text.is_null() {
        return text::value("");
    }
    // SAFETY: the C library's strings end in a nul.
    text::value(unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

fn passwd_vector(machine: &mut Machine, entry: *const libc::passwd) -> Option<Value> {
    if entry.is_null() {
        return None;
    }
    // SAFETY: the library's entry stays until the next call, and this thread makes none before.
    let entry = unsafe { &*entry };
    Some(machine.vector(vec![
        c_text(entry.pw_name),
        c_text(entry.pw_passwd),
        integer(entry.pw_uid as usize),
        integer(entry.pw_gid as usize),
        c_text(entry.pw_gecos),
        c_text(entry.pw_dir),
        c_text(entry.pw_shell),
    ]))
}

/// (%getpw name-or-id): without argument the next entry.
fn getpw(machine: &mut Machine, args: &[Value]) -> Outcome {
    let entry = match args.first() {
        // SAFETY: reads the next entry of the account database.
        None => unsafe { libc::getpwent() },
        // SAFETY: looks a number up.
        Some(Value::IntV(id)) => unsafe { libc::getpwuid(*id as libc::uid_t) },
        Some(_) => {
            let name = path("getpwnam", args, 1)?;
            // SAFETY: NAME is a C string.
            unsafe { libc::getpwnam(name.as_ptr()) }
        }
    };
    found(passwd_vector(machine, entry), args, "getpw")
}

fn found(entry: Option<Value>, args: &[Value], procedure: &str) -> Outcome {
    match entry {
        Some(entry) => Ok(entry),
        None if args.is_empty() => Ok(boolean(false)),
        None => Err(errors::misc(procedure, "entry not found", Vec::new())),
    }
}

fn getgr(machine: &mut Machine, args: &[Value]) -> Outcome {
    let entry = match args.first() {
        // SAFETY: reads the next entry of the group database.
        None => unsafe { libc::getgrent() },
        // SAFETY: looks a number up.
        Some(Value::IntV(id)) => unsafe { libc::getgrgid(*id as libc::gid_t) },
        Some(_) => {
            let name = path("getgrnam", args, 1)?;
            // SAFETY: NAME is a C string.
            unsafe { libc::getgrnam(name.as_ptr()) }
        }
    };
    let vector = if entry.is_null() {
        None
    } else {
        // SAFETY: as for getpw.
        let entry = unsafe { &*entry };
        let mut members = Vec::new();
        let mut member = entry.gr_mem;
        // SAFETY: the list of members ends in a null pointer.
        while !member.is_null() && !unsafe { *member }.is_null() {
            // SAFETY: as above.
            members.push(c_text(unsafe { *member }));
            // SAFETY: as above.
            member = unsafe { member.add(1) };
        }
        Some(machine.vector(vec![
            c_text(entry.gr_name),
            c_text(entry.gr_passwd),
            integer(entry.gr_gid as usize),
            pairs::list(members),
        ]))
    };
    found(vector, args, "getgr")
}

fn setpw(_: &[Value]) -> Outcome {
    // SAFETY: begins the account database again.
    unsafe { libc::setpwent() };
    Ok(unspecified())
}

fn setgr(_: &[Value]) -> Outcome {
    // SAFETY: begins the group database again.
    unsafe { libc::setgrent() };
    Ok(unspecified())
}

fn gethostname(_: &[Value]) -> Outcome {
    let mut name = [0u8; 256];
    // SAFETY: the buffer's last byte stays zero.
    if unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } < 0 {
        return Err(errors::system("gethostname", errors::last_code()));
    }
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    Ok(text::value(String::from_utf8_lossy(&name[..end])))
}

fn uname(machine: &mut Machine, _: &[Value]) -> Outcome {
    // SAFETY: `utsname` is plain data for which all zeros is a value.
    let mut name: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: writes to NAME.
    if unsafe { libc::uname(&raw mut name) } < 0 {
        return Err(errors::system("uname", errors::last_code()));
    }
    Ok(machine.vector(vec![
        c_text(name.sysname.as_ptr()),
        c_text(name.nodename.as_ptr()),
        c_text(name.release.as_ptr()),
        c_text(name.version.as_ptr()),
        c_text(name.machine.as_ptr()),
    ]))
}

fn strerror(args: &[Value]) -> Outcome {
    Ok(text::value(errors::system_message(fixnum(args, 1)? as i32)))
}

/// (fcntl port command [value])
fn fcntl(args: &[Value]) -> Outcome {
    let fd = descriptor_argument(args).ok_or_else(|| errors::wrong_type("fcntl", 1, &args[0]))?;
    let command = fixnum(args, 2)? as libc::c_int;
    let value = match args.get(2) {
        Some(_) => fixnum(args, 3)? as libc::c_int,
        None => 0,
    };
    // SAFETY: the commands that Guile offers take an integer.
    let result = unsafe { libc::fcntl(fd, command, value) };
    if result < 0 {
        return Err(errors::system("fcntl", errors::last_code()));
    }
    Ok(Value::IntV(result as isize))
}

/// (flock port operation)
fn flock(args: &[Value]) -> Outcome {
    let fd = descriptor_argument(args).ok_or_else(|| errors::wrong_type("flock", 1, &args[0]))?;
    let operation = fixnum(args, 2)? as libc::c_int;
    // SAFETY: the descriptor is open or the call fails.
    done("flock", unsafe { libc::flock(fd, operation) })
}

/// (open path flags [mode]) -> port; `open-fdes` gives the descriptor itself.
fn open_descriptor(procedure: &str, args: &[Value]) -> Result<OwnedFd, Raise> {
    let path: CString = path(procedure, args, 1)?;
    let flags = fixnum(args, 2)? as libc::c_int;
    let mode = match args.get(2) {
        Some(_) => fixnum(args, 3)?,
        None => 0o666,
    };
    let name = string(procedure, args, 1)?;
    opening::open(procedure, path, flags, mode as libc::c_uint)?
        .map_err(|code| errors::system_about(procedure, code, name))
}

fn open(args: &[Value]) -> Outcome {
    let descriptor = open_descriptor("open", args)?;
    let flags = fixnum(args, 2)? as libc::c_int;
    let mode = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => "r",
        libc::O_WRONLY => "w",
        _ => "r+",
    };
    Ok(ports::descriptor(
        descriptor,
        mode,
        Some(string("open", args, 1)?.to_owned()),
    ))
}

fn open_fdes(args: &[Value]) -> Outcome {
    use std::os::fd::IntoRawFd;
    open_descriptor("open-fdes", args).map(|fd| Value::IntV(fd.into_raw_fd() as isize))
}

/// (dup2 old new)
fn dup2(args: &[Value]) -> Outcome {
    let (old, new) = (fixnum(args, 1)?, fixnum(args, 2)?);
    // SAFETY: duplicates a descriptor by number, as the caller asks.
    done("dup2", unsafe {
        libc::dup2(old as libc::c_int, new as libc::c_int)
    })
}

fn dup(args: &[Value]) -> Outcome {
    let fd = descriptor_argument(args).ok_or_else(|| errors::wrong_type("dup", 1, &args[0]))?;
    // SAFETY: duplicates an open descriptor, or fails.
    let new = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if new < 0 {
        return Err(errors::system("dup", errors::last_code()));
    }
    if matches!(args[0], Value::IntV(_)) {
        return Ok(Value::IntV(new as isize));
    }
    let mode = ports::with(&args[0], |state| state.mode.clone()).unwrap_or_default();
    // SAFETY: fcntl gave this descriptor to us alone.
    Ok(ports::descriptor(
        unsafe { OwnedFd::from_raw_fd(new) },
        &mode,
        None,
    ))
}

/// (redirect-port old new): NEW's descriptor stands for what OLD's does.
fn redirect_port(args: &[Value]) -> Outcome {
    let old = descriptor_argument(args)
        .ok_or_else(|| errors::wrong_type("redirect-port", 1, &args[0]))?;
    let new = descriptor_argument(&args[1..])
        .ok_or_else(|| errors::wrong_type("redirect-port", 2, &args[1]))?;
    ports::with(&args[0], |state| state.flush("redirect-port")).transpose()?;
    ports::with(&args[1], |state| state.flush("redirect-port")).transpose()?;
    // SAFETY: both are open descriptors.
    done("redirect-port", unsafe { libc::dup2(old, new) })
}

natives! {
    outside;
    /// (file-exists? name) -> whether there is a file of that name
    "file-exists?" (1) => file_exists,
    /// (file-is-directory? name) -> whether there is a directory of that name
    "file-is-directory?" (1) => file_is_directory,
    /// (access? name how) -> whether this process may do what HOW says, a sum of R_OK, W_OK and X_OK, or F_OK
    "access?" (2) => access,
    /// (stat file [throw?]) -> what is known of a file, given by name, port or descriptor; #f where there is none and THROW? is #f
    "stat" (1, 1) with machine => stat,
    /// (lstat name [throw?]) -> the same, of a symbolic link itself
    "lstat" (1, 1) with machine => lstat,
    /// (readlink name) -> where a symbolic link leads
    "readlink" (1) => readlink,
    /// (canonicalize-path name) -> the absolute name without links, `.` and `..`
    "canonicalize-path" (1) => canonicalize,
    /// (delete-file name) -> remove the file
    "delete-file" (1) => delete_file,
    /// (rmdir name) -> remove the directory, which is empty
    "rmdir" (1) => rmdir,
    /// (chdir name) -> make it the working directory
    "chdir" (1) => chdir,
    /// (chroot name) -> make it the root directory of this process
    "chroot" (1) => chroot,
    /// (rename-file old new) -> give the file another name
    "rename-file" (2) => rename,
    /// (symlink old new) -> make NEW a symbolic link to OLD
    "symlink" (2) => symlink,
    /// (link old new) -> give the file OLD the name NEW besides
    "link" (2) => link,
    /// (mkdir name [mode]) -> make a directory, with these permissions but for those of the umask
    "mkdir" (1, 1) => mkdir,
    /// (chmod file mode) -> set the permissions
    "chmod" (2) => chmod,
    /// (chown file owner group) -> set owner and group by number; -1 leaves one as it is
    "chown" (3) => chown,
    /// (%lchown name owner group) -> set owner and group of a symbolic link itself
    "%lchown" (3) => lchown,
    /// (utime name [accessed [modified [accessed-nanoseconds [modified-nanoseconds [flags]]]]]) -> set the times of a file, in seconds, to now unless given
    "utime" (1, 5) => utime,
    /// (copy-file old new) -> copy the file's content
    "copy-file" (2) => copy_file,
    /// (truncate-file file [length]) -> cut the file, or fill it with zeros, to LENGTH bytes, or to where a port is
    "truncate-file" (1, 1) with machine => truncate,
    /// (%mkfifo name) -> make a FIFO
    "%mkfifo" (1) => mkfifo,
    /// (umask [mode]) -> the permissions that new files do not get; set them to MODE
    "umask" (0, 1) => umask,
    /// (sync) -> have all that was written go to the disks
    "sync" (0) => sync,
    /// (fsync port) -> have what was written to this file go to the disk
    "fsync" (1) => fsync,
    /// (mkstemp template [mode]) -> a port of a new file, named by TEMPLATE with its six X replaced
    "mkstemp" (1, 1) => mkstemp,
    /// (mkstemp! template [mode]) -> the same; TEMPLATE is changed to the name
    "mkstemp!" (1, 1) => mkstemp_in_place,
    /// (mkdtemp template) -> the name of a new directory, TEMPLATE with its six X replaced
    "mkdtemp" (1) => mkdtemp,
    /// (tmpnam) -> a name that no file has
    "tmpnam" (0) => tmpnam,
    /// (tmpfile) -> a port of a new file without a name
    "tmpfile" (0) => tmpfile,
    /// (%directory-entries name) -> the names in a directory, `.` and `..` first
    "%directory-entries" (1) => entries,
    /// (getcwd) -> the working directory
    "getcwd" (0) => getcwd,
    /// (basename name [suffix]) -> what follows the last slash, without SUFFIX
    "basename" (1, 1) with inside => basename,
    /// (dirname name) -> what precedes the last slash, `.` where there is none
    "dirname" (1) with inside => dirname,
    /// (absolute-file-name? name) -> whether it begins at the root
    "absolute-file-name?" (1) with inside => absolute,
    /// (%getpw [user]) -> the account of a name or number, or the next one, as a vector
    "%getpw" (0, 1) with machine => getpw,
    /// (%getgr [group]) -> the group of a name or number, or the next one, as a vector
    "%getgr" (0, 1) with machine => getgr,
    /// (%setpw) -> begin with the first account again
    "%setpw" (0) => setpw,
    /// (%setgr) -> begin with the first group again
    "%setgr" (0) => setgr,
    /// (gethostname) -> the name of this machine
    "gethostname" (0) => gethostname,
    /// (uname) -> a vector of the system's name, this machine's, release, version and hardware
    "uname" (0) with machine => uname,
    /// (strerror number) -> what an error number of the system means
    "strerror" (1) with inside => strerror,
    /// (fcntl object command [value]) -> what the system call of that name gives
    "fcntl" (2, 1) => fcntl,
    /// (flock file operation) -> lock the file or let go of it: LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB
    "flock" (2) => flock,
    /// (open name flags [mode]) -> a port of the file, opened with FLAGS such as O_RDWR
    "open" (2, 1) => open,
    /// (open-fdes name flags [mode]) -> a descriptor of the file, opened with FLAGS
    "open-fdes" (2, 1) => open_fdes,
    /// (dup2 old new) -> make the descriptor NEW a copy of OLD
    "dup2" (2) => dup2,
    /// (dup object) -> a new port or descriptor for the same file
    "dup" (1) => dup,
    /// (redirect-port from to) -> have the descriptor of TO lead where that of FROM does
    "redirect-port" (2) => redirect_port,
}
