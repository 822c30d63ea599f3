//! Opening a file by name, so that the user can interrupt it.
//!
//! A FIFO opens once somebody opens its other end, which may be never, and the system
//! takes the call up again after a signal. So another thread makes it, and is left to
//! wait when the user has enough.

use crate::data::native::Raise;
use crate::data::{errors, interrupt};
use failure::Failure;
use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Open PATH, for a new file with MODE; the code of the error where that fails.
pub fn open(
    procedure: &str,
    path: CString,
    flags: libc::c_int,
    mode: libc::c_uint,
) -> Result<Result<OwnedFd, i32>, Raise> {
    if !may_wait(&path, flags) {
        return Ok(open_now(&path, flags, mode));
    }
    let (tell, opened) = mpsc::channel();
    let what = format!("{procedure} of `{}`", path.to_string_lossy());
    std::thread::spawn(move || {
        // Whoever has gone away does not want it, and then it is closed.
        let _ = tell.send(open_now(&path, flags, mode));
    });
    loop {
        match opened.recv_timeout(Duration::from_millis(50)) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(libc::EIO)),
        }
        if interrupt::take_interrupt() {
            return Err(Failure::interrupted(&what).into());
        }
    }
}

/// Whether opening PATH waits for somebody else.
fn may_wait(path: &CString, flags: libc::c_int) -> bool {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::FileTypeExt;
    let name = std::ffi::OsStr::from_bytes(path.as_bytes());
    flags & libc::O_NONBLOCK == 0
        && std::fs::metadata(name).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

fn open_now(path: &CString, flags: libc::c_int, mode: libc::c_uint) -> Result<OwnedFd, i32> {
    // SAFETY: PATH is a C string that lives through the call.
    let fd = unsafe { libc::open(path.as_ptr(), flags, mode) };
    if fd < 0 {
        return Err(errors::last_code());
    }
    // SAFETY: open gave this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
