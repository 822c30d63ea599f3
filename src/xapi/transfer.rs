//! Disk images over HTTP: importing one into a VDI, and reading one back.
//!
//! The host answers `200 OK` before it has read a byte, so the head is sent
//! first, the answer read, and then the body sent. Only the task tells how the
//! import ended; a second answer in the middle of the stream means that it
//! failed, and ends the sending.
//!
//! Source: xapi's `import_raw_vdi.ml`; xen-api issue 4603.

use super::approved;
use super::error::XapiError;
use super::http::{self, Connection, Endpoint, Head};
use super::rpc::is_null;
use super::session::{CALL, Session};
use super::task;
use crate::progress::{self, Event};
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How much is read and sent at once.
const PIECE: usize = 1 << 20;

/// How long the host may take to say 200.
const ANSWER: Duration = Duration::from_secs(60);

/// How long the host may take no byte at all.
const STALL: Duration = Duration::from_secs(60);

/// How long after the last byte the task may take, and after a failure the
/// task may take to say why.
const FLUSH: Duration = Duration::from_secs(600);
const EXPLANATION: Duration = Duration::from_secs(30);

/// How many times a host may send us to another.
const REDIRECTS: usize = 3;

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub image_bytes: u64,
    pub sent_bytes: u64,
    pub elapsed: Duration,
}

/// Write the raw disk image at IMAGE into the VDI that REFERENCE points at,
/// from its beginning, every byte: a VDI may hold old data.
pub async fn import_raw(
    session: &Session,
    reference: &str,
    image: &Path,
) -> Result<Imported, XapiError> {
    let start = Instant::now();
    let unreadable = |error: io::Error| XapiError::File {
        path: image.display().to_string(),
        reason: error.to_string(),
    };
    let mut file = File::open(image).await.map_err(unreadable)?;
    let metadata = file.metadata().await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(XapiError::File {
            path: image.display().to_string(),
            reason: "it is not a file".to_owned(),
        });
    }
    let total = metadata.len();
    let uuid = session.uuid("VDI", reference).await?;
    let tried = format!("import `{}` into VDI `{uuid}`", image.display());
    approved::check_object(session, "import_raw_vdi", "VDI", reference, false).await?;
    check_target(session, reference, &uuid, image, total, &tried).await?;
    let task = task::create(session, &format!("fruix-scm import into {uuid}")).await?;
    let target = format!("/import_raw_vdi?vdi={uuid}&format=raw");
    let sent = async {
        let connection = open(session, &target, &task, total, &tried).await?;
        send(connection, &mut file, total, image, &tried).await
    }
    .await;
    conclude(session, &task, sent, &tried)
        .await
        .map(|sent_bytes| Imported {
            image_bytes: total,
            sent_bytes,
            elapsed: start.elapsed(),
        })
}

/// Whether the VDI can take TOTAL bytes now. Asking first costs nothing; the
/// host would tell only after the whole image has been sent.
async fn check_target(
    session: &Session,
    reference: &str,
    uuid: &str,
    image: &Path,
    total: u64,
    tried: &str,
) -> Result<(), XapiError> {
    let record = session
        .call_within("VDI.get_record", vec![json!(reference)], CALL)
        .await?;
    let vdi_bytes = match &record["virtual_size"] {
        Value::String(text) => text.parse().unwrap_or(0),
        number => number.as_u64().unwrap_or(0),
    };
    if total > vdi_bytes {
        return Err(XapiError::TooLarge {
            image: image.display().to_string(),
            image_bytes: total,
            vdi: uuid.to_owned(),
            vdi_bytes,
        });
    }
    let vbds = record["VBDs"].as_array();
    for vbd in vbds.into_iter().flatten().filter_map(Value::as_str) {
        let vbd = session
            .call_within("VBD.get_record", vec![json!(vbd)], CALL)
            .await?;
        if vbd["currently_attached"] == true {
            let vm = vbd["VM"].as_str().unwrap_or_default();
            let name = session
                .call_within("VM.get_name_label", vec![json!(vm)], CALL)
                .await?;
            return Err(XapiError::Refused {
                tried: tried.to_owned(),
                code: "VDI_IN_USE".to_owned(),
                params: vec![
                    uuid.to_owned(),
                    format!("attached to VM `{}`", name.as_str().unwrap_or_default()),
                ],
            });
        }
    }
    Ok(())
}

/// Send the head of an import and read the host's answer, following it to
/// another host of the pool that shows a pinned certificate.
async fn open(
    session: &Session,
    target: &str,
    task: &str,
    total: u64,
    tried: &str,
) -> Result<Connection, XapiError> {
    let mut endpoint = session.endpoint();
    let length = total.to_string();
    for _ in 0..=REDIRECTS {
        let request = endpoint.head(
            "PUT",
            target,
            &[
                ("Cookie", &session.cookie(task)),
                ("Content-Length", &length),
                ("Connection", "close"),
            ],
        )?;
        let mut connection = endpoint.connect().await?;
        let exchange = async {
            connection.send(&request).await?;
            connection.read_head().await
        };
        let head = match tokio::time::timeout(ANSWER, exchange).await {
            Err(_) => {
                return Err(XapiError::Timeout {
                    tried: tried.to_owned(),
                    limit: ANSWER,
                    last: format!("`{}` has not answered", endpoint.url()),
                });
            }
            Ok(Err(error)) => {
                return Err(XapiError::Connection {
                    tried: tried.to_owned(),
                    reason: format!("`{}`: {error}", endpoint.url()),
                });
            }
            Ok(Ok(head)) => head,
        };
        match head.status {
            200 => return Ok(connection),
            301 | 302 | 307 | 308 => endpoint = redirected(&endpoint, &head, tried)?,
            status => {
                return Err(XapiError::Protocol {
                    tried: tried.to_owned(),
                    reason: format!(
                        "`{}` answered HTTP {status} {}",
                        endpoint.url(),
                        head.reason
                    ),
                });
            }
        }
    }
    Err(XapiError::Protocol {
        tried: tried.to_owned(),
        reason: "the hosts send us from one to another".to_owned(),
    })
}

/// Where HEAD sends us; whoever is there must show a pinned certificate too.
fn redirected(from: &Endpoint, head: &Head, tried: &str) -> Result<Endpoint, XapiError> {
    let location = head.header("location").unwrap_or_default();
    let there = Endpoint::new(location, Vec::new()).map_err(|_| XapiError::Protocol {
        tried: tried.to_owned(),
        reason: format!("`{}` sends us to `{location}`", from.url()),
    })?;
    Ok(from.at(there.host(), there.port()))
}

/// How far sending the body came.
enum Sent {
    /// Every byte has been taken.
    All(u64),
    /// The host ended it: with a second answer, or by closing the connection.
    CutShort { sent: u64, reason: String },
}

async fn send(
    connection: Connection,
    file: &mut File,
    total: u64,
    image: &Path,
    tried: &str,
) -> Result<Sent, XapiError> {
    let (mut read, mut write, early) = connection.split();
    let what = format!("import `{}`", image.display());
    let tell = |done: u64| {
        progress::tell(Event::Transfer {
            what: what.clone(),
            done,
            total: Some(total),
        });
    };
    let mut told = Instant::now();
    tell(0);
    let mut answer = early;
    let mut piece = vec![0; PIECE];
    let mut done: u64 = 0;
    while done < total {
        let limit = (total - done).min(PIECE as u64) as usize;
        let count = file
            .read(&mut piece[..limit])
            .await
            .map_err(|error| XapiError::File {
                path: image.display().to_string(),
                reason: error.to_string(),
            })?;
        if count == 0 {
            return Err(XapiError::File {
                path: image.display().to_string(),
                reason: format!("it has become shorter: {done} of {total} bytes are left"),
            });
        }
        // Anything that comes back while we send is bad news.
        let outcome = tokio::select! {
            biased;
            news = read.read_buf(&mut answer) => Err(news),
            outcome = tokio::time::timeout(STALL, write.write_all(&piece[..count])) => Ok(outcome),
        };
        match outcome {
            Ok(Ok(Ok(()))) => done += count as u64,
            Ok(Ok(Err(error))) => {
                return Ok(Sent::CutShort {
                    sent: done,
                    reason: error.to_string(),
                });
            }
            Ok(Err(_)) => {
                return Err(XapiError::Timeout {
                    tried: tried.to_owned(),
                    limit: STALL,
                    last: format!("the host has taken {done} of {total} bytes and no more"),
                });
            }
            Err(news) => {
                return Ok(Sent::CutShort {
                    sent: done,
                    reason: bad_news(news, &answer),
                });
            }
        }
        if told.elapsed() > Duration::from_millis(100) {
            told = Instant::now();
            tell(done);
        }
    }
    if let Err(error) = write.flush().await {
        return Ok(Sent::CutShort {
            sent: done,
            reason: error.to_string(),
        });
    }
    tell(done);
    Ok(Sent::All(done))
}

/// What it means that the host said something while we were sending.
fn bad_news(news: io::Result<usize>, answer: &[u8]) -> String {
    match news {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.to_string(),
        Ok(count) if count > 0 => match http::parse_head(answer) {
            Ok(Some((head, _))) => {
                format!("the host answered HTTP {} {}", head.status, head.reason)
            }
            _ => "the host answered in the middle of the image".to_owned(),
        },
        _ => "the host closed the connection".to_owned(),
    }
}

/// Ask the task how it ended; it knows better than the connection.
async fn conclude(
    session: &Session,
    task: &str,
    sent: Result<Sent, XapiError>,
    tried: &str,
) -> Result<u64, XapiError> {
    match sent {
        Ok(Sent::All(count)) => task::wait(session, task, FLUSH, tried, |_| {})
            .await
            .map(|_| count),
        Ok(Sent::CutShort { sent, reason }) => {
            let lost = || XapiError::Connection {
                tried: tried.to_owned(),
                reason: format!("{reason} after {sent} bytes"),
            };
            match task::wait(session, task, EXPLANATION, tried, |_| {}).await {
                // The task says why; that it waits on means that it does not know.
                Err(error @ XapiError::Refused { .. }) => Err(error),
                _ => Err(lost()),
            }
        }
        Err(error) => {
            // A refusal with a status has often left its reason in the task.
            let refused = matches!(error, XapiError::Protocol { .. });
            if refused
                && let Err(better @ XapiError::Refused { .. }) =
                    task::wait(session, task, Duration::from_secs(3), tried, |_| {}).await
            {
                return Err(better);
            }
            task::cancel(session, task).await;
            task::destroy(session, task).await;
            Err(error)
        }
    }
}

/// Read the VDI that REFERENCE points at back and compare it with the raw disk
/// image at IMAGE, which may be shorter. Answers how many bytes are the same.
pub async fn verify(session: &Session, reference: &str, image: &Path) -> Result<u64, XapiError> {
    let unreadable = |error: io::Error| XapiError::File {
        path: image.display().to_string(),
        reason: error.to_string(),
    };
    let file = std::fs::File::open(image).map_err(unreadable)?;
    let total = file.metadata().map_err(unreadable)?.len();
    let mut expected = io::BufReader::with_capacity(PIECE, file);
    let mut compared: u64 = 0;
    let mut trouble = None;
    let what = format!("verify `{}`", image.display());
    let mut told = Instant::now();
    export_raw(session, reference, |piece| {
        let count = (total - compared).min(piece.len() as u64) as usize;
        if trouble.is_some() || count == 0 {
            return;
        }
        let mut wanted = vec![0; count];
        if let Err(error) = io::Read::read_exact(&mut expected, &mut wanted) {
            trouble = Some(unreadable(error));
            return;
        }
        match wanted
            .iter()
            .zip(piece)
            .position(|(one, other)| one != other)
        {
            None => compared += count as u64,
            Some(at) => {
                trouble = Some(XapiError::WrongState {
                    tried: format!("verify `{}`", image.display()),
                    state: format!(
                        "the VDI differs from the image at byte {}",
                        compared + at as u64
                    ),
                });
            }
        }
        if told.elapsed() > Duration::from_millis(100) || compared == total {
            told = Instant::now();
            progress::tell(Event::Transfer {
                what: what.clone(),
                done: compared,
                total: Some(total),
            });
        }
    })
    .await?;
    match trouble {
        Some(error) => Err(error),
        None if compared < total => Err(XapiError::WrongState {
            tried: what,
            state: format!("the VDI ends after {compared} of {total} bytes"),
        }),
        None => Ok(compared),
    }
}

/// Read the raw bytes of the VDI that REFERENCE points at, giving each piece
/// to SINK. Answers how many there were.
pub async fn export_raw(
    session: &Session,
    reference: &str,
    mut sink: impl FnMut(&[u8]),
) -> Result<u64, XapiError> {
    let uuid = session.uuid("VDI", reference).await?;
    let tried = format!("read VDI `{uuid}`");
    if is_null(reference) {
        return Err(XapiError::Refused {
            tried,
            code: "HANDLE_INVALID".to_owned(),
            params: vec!["VDI".to_owned(), reference.to_owned()],
        });
    }
    let task = task::create(session, &format!("fruix-scm export of {uuid}")).await?;
    let target = format!("/export_raw_vdi?vdi={uuid}&format=raw");
    let read = async {
        let endpoint = session.endpoint();
        let lost = |error: io::Error| XapiError::Connection {
            tried: tried.clone(),
            reason: format!("`{}`: {error}", endpoint.url()),
        };
        let request = endpoint.head(
            "GET",
            &target,
            &[("Cookie", &session.cookie(&task)), ("Connection", "close")],
        )?;
        let mut connection = endpoint.connect().await?;
        connection.send(&request).await.map_err(lost)?;
        let head = connection.read_head().await.map_err(lost)?;
        if head.status != 200 {
            return Err(XapiError::Protocol {
                tried: tried.clone(),
                reason: format!("the host answered HTTP {} {}", head.status, head.reason),
            });
        }
        let mut count = 0;
        loop {
            let piece = tokio::time::timeout(STALL, connection.read_piece())
                .await
                .map_err(|_| XapiError::Timeout {
                    tried: tried.clone(),
                    limit: STALL,
                    last: format!("{count} bytes had come"),
                })?
                .map_err(lost)?;
            if piece.is_empty() {
                return Ok(count);
            }
            sink(&piece);
            count += piece.len() as u64;
        }
    }
    .await;
    conclude(session, &task, read.map(Sent::All), &tried).await
}
