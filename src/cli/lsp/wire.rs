//! Messages as they come over stdin, read beside the work.

use lsp_server::{Message, Response};
use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// What came.
pub enum Incoming {
    Message(Message),
    /// Something that is no message, and why.
    Malformed(String),
}

/// How much in a row may be no message before it is no editor that writes.
const MALFORMED_LIMIT: usize = 100;

/// What comes over stdin, until that ends.
pub fn incoming() -> Receiver<Incoming> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut malformed = 0;
        let mut input = io::stdin().lock();
        loop {
            let incoming = match Message::read(&mut input) {
                Ok(Some(message)) => {
                    malformed = 0;
                    let is_exit =
                        matches!(&message, Message::Notification(it) if it.method == "exit");
                    if sender.send(Incoming::Message(message)).is_err() || is_exit {
                        return;
                    }
                    continue;
                }
                Ok(None) => return,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Incoming::Malformed(error.to_string())
                }
                Err(_) => return,
            };
            malformed += 1;
            if malformed > MALFORMED_LIMIT || sender.send(incoming).is_err() || at_end(&mut input) {
                return;
            }
        }
    });
    receiver
}

fn at_end(input: &mut dyn BufRead) -> bool {
    input.fill_buf().map_or(true, <[u8]>::is_empty)
}

/// Write MESSAGE to stdout; whether somebody still reads there.
pub fn send(message: Message) -> bool {
    message.write(&mut io::stdout().lock()).is_ok()
}

/// Say that what came is no message: to whom, nobody knows.
pub fn refuse(why: &str) -> bool {
    let answer = serde_json::json!({
        "jsonrpc": "2.0",
        "id": null,
        "error": {"code": lsp_server::ErrorCode::ParseError as i32, "message": why},
    });
    let text = answer.to_string();
    let mut output = io::stdout().lock();
    io::Write::write_all(
        &mut output,
        format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes(),
    )
    .and_then(|()| io::Write::flush(&mut output))
    .is_ok()
}

/// Answer a request with RESPONSE; whether somebody still reads.
pub fn respond(response: Response) -> bool {
    send(Message::Response(response))
}
