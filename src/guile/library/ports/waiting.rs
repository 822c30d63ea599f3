//! Waiting until a descriptor can be read or written, with an eye on Ctrl-C.

use crate::data::native::Raise;
use crate::data::{errors, interrupt};
use failure::Failure;
use std::os::fd::RawFd;

pub(super) fn wait_until_readable(fd: RawFd, procedure: &str) -> Result<(), Raise> {
    wait_until(fd, libc::POLLIN, procedure)
}

/// Wait until the descriptor is ready for EVENTS or the user interrupts.
pub fn wait_until(fd: RawFd, events: libc::c_short, procedure: &str) -> Result<(), Raise> {
    loop {
        let mut request = libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        // SAFETY: one descriptor, one request.
        let ready = unsafe { libc::poll(&raw mut request, 1, 100) };
        if ready > 0 || ready < 0 && errors::last_code() != libc::EINTR {
            return Ok(());
        }
        if interrupt::take_interrupt() {
            return Err(Failure::interrupted(&format!("{procedure} on descriptor {fd}")).into());
        }
    }
}
