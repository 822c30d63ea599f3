//! `--listen=PATH`: the prompt on a UNIX socket, for editors.
//!
//! Guile's REPL server speaks plain text: a prompt, a line, an answer. So does
//! this one; Geiser's Guile support can connect to it. Whoever may write to the
//! socket runs programs as this user, so the socket belongs to the user alone,
//! and no port of the network is opened. One connection is served at a time,
//! because a session's output is the process's own; others wait.
//!
//! Source: the Guile manual, "REPL Servers".

use super::super::signals;
use super::pieces;
use super::session::{After, Session, say};
use super::streams::Streams;
use crate::failure::{Failure, Key};
use crate::guile::interpreter::Interpreter;
use crate::runtime;
use std::cell::RefCell;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// Nobody waits this long; what ends the waiting is Ctrl-C or a connection.
const FOREVER: Duration = Duration::from_secs(3600 * 24 * 365);

/// How often a session that waits for a line looks whether it was interrupted.
const PATIENCE: Duration = Duration::from_millis(200);

/// Serve sessions with INTERPRETER on the socket PLACE until interrupted.
pub fn serve(place: &Path, interpreter: &Rc<RefCell<Interpreter>>) -> Result<u8, Failure> {
    let socket = Socket::open(place)?;
    eprintln!("listening={}", place.display());
    loop {
        let what = format!("listening on `{}`", place.display());
        let accepted = runtime::wait(&what, FOREVER, async {
            socket.listener.accept().await.map_err(|error| {
                Failure::new(Key::System, format!("cannot listen on a socket: {error}"))
            })
        });
        match accepted {
            Ok((stream, _)) => {
                let session = Session::new(interpreter.clone(), false);
                if let After::Leave(status) = talk(session, stream)? {
                    return Ok(status);
                }
            }
            Err(failure) if failure.key() == Key::Interrupted => return Ok(0),
            Err(failure) => return Err(failure),
        }
    }
}

/// A socket that is removed when it is no longer served.
struct Socket {
    listener: UnixListener,
    place: PathBuf,
}

impl Socket {
    fn open(place: &Path) -> Result<Socket, Failure> {
        let fail = |why: String| {
            Failure::new(
                Key::Usage,
                format!("cannot listen on `{}`: {why}", place.display()),
            )
            .hint("name a socket in a directory of your own: --listen=./repl.socket")
        };
        let text = place.to_string_lossy();
        if text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fail(
                "a port would let everyone on this machine in".to_owned(),
            ));
        }
        if place.exists() && std::os::unix::net::UnixStream::connect(place).is_err() {
            use std::os::unix::fs::FileTypeExt;
            let socket = std::fs::symlink_metadata(place)
                .is_ok_and(|metadata| metadata.file_type().is_socket());
            if !socket {
                return Err(fail("something else is there".to_owned()));
            }
            // Nobody answers: it was left behind.
            let _ = std::fs::remove_file(place);
        }
        // The socket is the user's from its first moment.
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let listener = runtime::enter(|| UnixListener::bind(place));
        rustix::process::umask(before);
        Ok(Socket {
            listener: listener.map_err(|error| fail(error.to_string()))?,
            place: place.to_owned(),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may have been removed meanwhile.
        let _ = std::fs::remove_file(&self.place);
    }
}

/// Talk over STREAM until one side leaves; `,quit` ends the talk, `(exit)` the server.
fn talk(mut session: Session<'_>, stream: UnixStream) -> Result<After, Failure> {
    let fail = |error| Failure::new(Key::System, format!("cannot serve a socket: {error}"));
    let stream = stream.into_std().map_err(fail)?;
    stream.set_nonblocking(false).map_err(fail)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
    let streams = Streams::lead(&[1, 2], stream.as_raw_fd()).map_err(fail)?;
    let mut reader = BufReader::new(stream);
    say(&format!(
        "fruix-scm {}, a Guile 3.0\nEnter `,help' for help.\n",
        env!("CARGO_PKG_VERSION")
    ));
    let mut pending = String::new();
    let after = loop {
        signals::forget();
        if pending.is_empty() {
            say(&session.prompt());
        }
        let line = match next_line(&mut reader) {
            Next::Line(line) => line,
            Next::Interrupted => break After::Leave(0),
            Next::Gone => break After::GoOn,
        };
        pending.push_str(&line);
        if pending.trim().is_empty() {
            pending.clear();
        } else if pieces::is_whole(&pending) {
            let text = std::mem::take(&mut pending);
            let leaves = matches!(text.trim(), ",q" | ",quit");
            match session.answer(text.trim()) {
                After::Leave(_) if leaves => break After::GoOn,
                After::Leave(status) => break After::Leave(status),
                After::GoOn => {}
            }
        }
    };
    drop(streams);
    Ok(after)
}

enum Next {
    Line(String),
    Interrupted,
    /// The other side has gone, in one way or another.
    Gone,
}

fn next_line(reader: &mut impl BufRead) -> Next {
    let mut line = Vec::new();
    loop {
        match reader.read_until(b'\n', &mut line) {
            Ok(_) if line.is_empty() => return Next::Gone,
            Ok(_) => return Next::Line(String::from_utf8_lossy(&line).into_owned()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::TimedOut
                        | io::ErrorKind::Interrupted
                ) =>
            {
                if runtime::take_interrupt() {
                    return Next::Interrupted;
                }
            }
            Err(_) => return Next::Gone,
        }
    }
}
