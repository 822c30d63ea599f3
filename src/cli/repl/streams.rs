//! Stdout and stderr of the process, led elsewhere for a while.

use std::io;
use std::os::fd::RawFd;

/// The process's own streams, kept while something else is in their place.
pub struct Streams {
    kept: Vec<(RawFd, RawFd)>,
}

impl Streams {
    /// Let what goes to each of STREAMS, which are 1 and 2 or one of them, go to TARGET
    /// until this is dropped.
    pub fn lead(streams: &[RawFd], target: RawFd) -> io::Result<Streams> {
        let mut led = Streams { kept: Vec::new() };
        for stream in streams {
            // SAFETY: duplicating a descriptor touches no memory.
            let kept = unsafe { libc::fcntl(*stream, libc::F_DUPFD_CLOEXEC, 3) };
            if kept < 0 {
                return Err(io::Error::last_os_error());
            }
            led.kept.push((*stream, kept));
            // SAFETY: as above; both descriptors are open.
            if unsafe { libc::dup2(target, *stream) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(led)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for (stream, kept) in &self.kept {
            // SAFETY: as above; what cannot be put back stays as it is.
            unsafe {
                libc::dup2(*kept, *stream);
                libc::close(*kept);
            }
        }
    }
}
