//! Disk images over HTTP: importing one into a VDI.
//!
//! The host answers `200 OK` before it has read a byte, so the head is sent
//! first, the answer read, and then the body sent. Only the task tells how the
//! import ended; a second answer in the middle of the stream means that it
//! failed, and ends the sending.
//!
//! Source: xapi's `import_raw_vdi.ml`; xen-api issue 4603.

use super::approved;
use super::body::{self, Body, Piece, Source};
use super::error::XapiError;
use super::extents::Extents;
use super::http::{self, Connection, Endpoint, Head};
use super::lock;
use super::session::{REQUEST_TIMEOUT, Session};
use super::task;
use super::vhd::{self, Stream};
use crate::clock;
use crate::progress::{self, Event};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How much is read and sent at once: what TLS puts into one record. More gives the
/// host time to go to sleep in between, and waking it costs both sides.
const ROOM: usize = 16 << 10;

/// What a format may cost beside the data, however little data there is.
const FRAME: u64 = 64 << 10;

/// How long after the last byte the task may take, in spans of the session's
/// patience, and after a failure the task may take to say why.
const FLUSH: u32 = 10;
const EXPLANATION: Duration = Duration::from_secs(30);

/// How long after the last byte the host is given to close the connection before
/// its task is asked.
const PARTING: Duration = Duration::from_secs(1);

/// How many times a host may send us to another.
const REDIRECTS: usize = 3;

/// How an image travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Sparse where the disk is known to be full of zeros, every byte otherwise.
    Automatic,
    /// Every byte. The only way onto a disk that may hold old data.
    Raw,
    /// A VHD stream: the blocks of 2 MiB that hold data.
    Vhd,
    /// XAPI's own chunks: the groups of 4 KiB that hold data. The fewest bytes,
    /// and less well trodden.
    Chunked,
}

impl Format {
    /// The format called NAME.
    pub fn from_name(name: &str) -> Option<Format> {
        Some(match name {
            "automatic" => Format::Automatic,
            "raw" => Format::Raw,
            "vhd" => Format::Vhd,
            "chunked" => Format::Chunked,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Format::Automatic => "automatic",
            Format::Raw => "raw",
            Format::Vhd => "vhd",
            Format::Chunked => "chunked",
        }
    }
}

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub format: Format,
    pub image_bytes: u64,
    pub sent_bytes: u64,
    pub elapsed: Duration,
}

/// Write the raw disk image at IMAGE onto the VDI that REFERENCE points at, from
/// its beginning.
pub async fn import(
    session: &Session,
    reference: &str,
    image: &Path,
    format: Format,
) -> Result<Imported, XapiError> {
    let start = Instant::now();
    let unreadable = |error: io::Error| XapiError::File {
        path: image.display().to_string(),
        reason: error.to_string(),
    };
    let file = File::open(image).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(XapiError::File {
            path: image.display().to_string(),
            reason: "it is not a file".to_owned(),
        });
    }
    let total = metadata.len();
    let uuid = session.uuid("VDI", reference).await?;
    let tried = format!("import `{}` into VDI `{uuid}`", image.display());
    approved::check_object(session, "import_raw_vdi", "VDI", reference).await?;
    let record = session
        .call_within("VDI.get_record", vec![json!(reference)], session.patience())
        .await?;
    check_target(session, &record, &uuid, image, total, &tried).await?;
    let zeros = session.is_fresh(reference) && fills_with_zeros(session, &record).await?;
    if !zeros && matches!(format, Format::Vhd | Format::Chunked) {
        return Err(XapiError::Settings {
            message: format!(
                "cannot import `{}` into VDI `{uuid}` as {}: the VDI may hold old data, which \
                 would stay where the image has zeros",
                image.display(),
                format.name()
            ),
            hint: "import it raw, or into a VDI that this session has created".to_owned(),
        });
    }
    let extents = if zeros && format != Format::Raw {
        Extents::worth_sending(&file, total).map_err(unreadable)?
    } else {
        Extents::default()
    };
    let vhd = Stream::new(&extents, size_of(&record).next_multiple_of(vhd::BLOCK));
    let chunked = body::chunks_length(&extents);
    let format = match format {
        Format::Automatic if !zeros => Format::Raw,
        Format::Automatic => cheapest(total, vhd.length(), chunked),
        chosen => chosen,
    };
    // From now on nobody knows what is on the disk.
    session.no_longer_fresh(reference);
    let task = task::create(session, &label(&uuid)).await?;
    let source = Source {
        file: &file,
        length: total,
        image,
    };
    let sent = async {
        let query = match format {
            Format::Vhd => "format=vhd",
            Format::Chunked => "format=raw&chunked=true",
            _ => "format=raw",
        };
        let target = format!("/import_raw_vdi?vdi={uuid}&{query}");
        match format {
            Format::Vhd => {
                let length = vhd.length();
                let connection = open(session, &target, &task, Some(length), &tried).await?;
                send(session, connection, source, vhd.pieces(), length, &tried).await
            }
            Format::Chunked => {
                let connection = open(session, &target, &task, None, &tried).await?;
                let pieces = body::chunks(&extents);
                send(session, connection, source, pieces, chunked, &tried).await
            }
            _ => {
                let connection = open(session, &target, &task, Some(total), &tried).await?;
                let all = std::iter::once(Piece::Image(0, total));
                send(session, connection, source, all, total, &tried).await
            }
        }
    }
    .await;
    conclude(session, &task, sent, &tried)
        .await
        .map(|sent_bytes| Imported {
            format,
            image_bytes: total,
            sent_bytes,
            elapsed: start.elapsed(),
        })
}

/// What the task of an import into the VDI with this UUID is called.
fn label(uuid: &str) -> String {
    format!("fruix-scm import into {uuid}")
}

/// What the task of reading the VDI with this UUID back is called.
pub(super) fn export_label(uuid: &str) -> String {
    format!("fruix-scm export of {uuid}")
}

/// End the transfers of the VDI with this UUID that a run before us has left; one that
/// never reached the host would be pending for ever. Hosts may not obey, and then keep
/// the disk until the connection ends.
pub(super) async fn end_others(session: &Session, uuid: &str) -> Result<(), XapiError> {
    let tasks = session
        .call_within("task.get_all_records", Vec::new(), session.patience())
        .await?;
    let ours = [label(uuid), export_label(uuid)];
    for (task, record) in tasks.as_object().into_iter().flatten() {
        let is_pending = matches!(record["status"].as_str(), Some("pending" | "cancelling"));
        let name = record["name_label"].as_str().unwrap_or_default();
        if is_pending && ours.iter().any(|label| label == name) {
            session.register_task(task, true);
            task::abandon(session, task).await;
        }
    }
    Ok(())
}

/// How an image of TOTAL bytes travels best, with the lengths that it would have
/// as VHD and in chunks. What hosts know best is taken unless it costs more than
/// a hundredth.
fn cheapest(total: u64, vhd: u64, chunked: u64) -> Format {
    let least = chunked.min(total);
    let is_cheap = |length: u64| length <= least + (least / 100).max(FRAME);
    if is_cheap(total) {
        Format::Raw
    } else if is_cheap(vhd) && total <= vhd::LARGEST {
        Format::Vhd
    } else {
        Format::Chunked
    }
}

/// Whether a new VDI like the one with RECORD is full of zeros. Raw volumes of
/// LVM and some appliances hand out what was there before.
///
/// Source: xapi's `sm_fs_ops.ml`.
async fn fills_with_zeros(session: &Session, record: &Value) -> Result<bool, XapiError> {
    let sr = session
        .call_within(
            "SR.get_record",
            vec![record["SR"].clone()],
            session.patience(),
        )
        .await?;
    Ok(match sr["type"].as_str().unwrap_or_default() {
        "lvm" | "lvmoiscsi" | "lvmohba" => {
            sr["sm_config"]["use_vhd"] == "true" && record["sm_config"]["type"] != "raw"
        }
        "equal" | "cslg" => false,
        _ => true,
    })
}

/// The size of the VDI with RECORD in bytes.
pub(super) fn size_of(record: &Value) -> u64 {
    record["virtual_size"].as_u64().unwrap_or(0)
}

/// Whether the VDI can take TOTAL bytes now. Asking first costs nothing; the
/// host would tell only after the whole image has been sent.
async fn check_target(
    session: &Session,
    record: &Value,
    uuid: &str,
    image: &Path,
    total: u64,
    tried: &str,
) -> Result<(), XapiError> {
    let vdi_bytes = size_of(record);
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
            .call_within("VBD.get_record", vec![json!(vbd)], session.patience())
            .await?;
        if vbd["currently_attached"] == true {
            let vm = vbd["VM"].as_str().unwrap_or_default();
            let name = session
                .call_within("VM.get_name_label", vec![json!(vm)], session.patience())
                .await?;
            return Err(XapiError::refused(
                tried.to_owned(),
                "VDI_IN_USE".to_owned(),
                vec![
                    uuid.to_owned(),
                    format!("attached to VM `{}`", name.as_str().unwrap_or_default()),
                ],
            ));
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
    length: Option<u64>,
    tried: &str,
) -> Result<Connection, XapiError> {
    let mut endpoint = session.endpoint();
    let cookie = session.cookie(task);
    let length = length.map(|length| length.to_string());
    for _ in 0..=REDIRECTS {
        let mut headers = vec![("Cookie", cookie.as_str()), ("Connection", "close")];
        if let Some(length) = &length {
            headers.push(("Content-Length", length));
        }
        let request = endpoint.head("PUT", target, &headers)?;
        let mut connection = endpoint.connect().await?;
        let Some(rest) = session.pass_fence(&mut connection, request).await? else {
            continue;
        };
        let exchange = async {
            connection.send(&rest).await?;
            connection.read_head().await
        };
        let head = match clock::limit(session.patience(), exchange).await {
            Err(_) => {
                return Err(XapiError::Timeout {
                    tried: tried.to_owned(),
                    limit: session.patience(),
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
            // It has read nothing but a part of the head.
            REQUEST_TIMEOUT => {}
            301 | 302 | 307 | 308 => {
                endpoint = redirected(&endpoint, &head, tried)?;
                if !endpoint.is_trusted().await? {
                    // The pool knows its hosts; what it does not list stays a stranger.
                    session.learn_certificates().await?;
                    endpoint = session.endpoint().at(endpoint.host(), endpoint.port());
                }
            }
            _ => return Err(session.http_refusal(&mut connection, &head, tried).await),
        }
    }
    Err(XapiError::Protocol {
        tried: tried.to_owned(),
        reason: "the hosts send us from one to another, or do not wait for the end of a request"
            .to_owned(),
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

/// How far a transfer came.
pub(super) enum Sent {
    /// Every byte has been taken.
    All(u64),
    /// The host ended it: with a second answer, or by closing the connection.
    CutShort { sent: u64, reason: String },
}

/// Send PIECES, TOTAL bytes in all.
async fn send(
    session: &Session,
    connection: Connection,
    source: Source<'_>,
    pieces: impl Iterator<Item = Piece>,
    total: u64,
    tried: &str,
) -> Result<Sent, XapiError> {
    let (read, write, answer) = connection.split();
    let patience = session.patience();
    let mut sender = Sender {
        session,
        read,
        write,
        answer,
        what: format!("import `{}`", source.image.display()),
        tried,
        patience,
        done: 0,
        total,
        told: Instant::now(),
    };
    sender.tell();
    let mut body = Body::new(source, pieces);
    let mut buffer = vec![0; ROOM];
    loop {
        let count = body.next(&mut buffer)?;
        if count == 0 {
            break;
        }
        if let Some(cut_short) = sender.put(&buffer[..count]).await? {
            return Ok(cut_short);
        }
    }
    if let Err(error) = sender.write.flush().await {
        return Ok(sender.cut_short(error.to_string()));
    }
    sender.tell();
    // The host closes the connection when the task has ended, and is then asked
    // how; whatever else comes, the task knows too.
    let _ = clock::limit(PARTING, sender.read.read_buf(&mut sender.answer)).await;
    Ok(Sent::All(sender.done))
}

/// A body on its way, and the host's side of the connection, which should be quiet.
struct Sender<'a> {
    session: &'a Session,
    read: http::ReadSide,
    write: http::WriteSide,
    answer: Vec<u8>,
    what: String,
    tried: &'a str,
    patience: Duration,
    done: u64,
    total: u64,
    told: Instant,
}

impl Sender<'_> {
    /// Send BYTES; answers how it ended when it did.
    async fn put(&mut self, bytes: &[u8]) -> Result<Option<Sent>, XapiError> {
        // A disk that may be somebody else's at any moment is not written to.
        lock::stands(self.session)?;
        // Anything that comes back while we send is bad news.
        let outcome = tokio::select! {
            biased;
            news = self.read.read_buf(&mut self.answer) => Err(news),
            outcome = clock::limit(self.patience, self.write.write_all(bytes)) => Ok(outcome),
        };
        match outcome {
            Ok(Ok(Ok(()))) => self.done += bytes.len() as u64,
            Ok(Ok(Err(error))) => return Ok(Some(self.cut_short(error.to_string()))),
            Ok(Err(_)) => {
                return Err(XapiError::Timeout {
                    tried: self.tried.to_owned(),
                    limit: self.patience,
                    last: format!(
                        "the host has taken {} of {} bytes and no more",
                        self.done, self.total
                    ),
                });
            }
            Err(news) => return Ok(Some(self.cut_short(bad_news(news, &self.answer)))),
        }
        if self.told.elapsed() > Duration::from_millis(100) {
            self.tell();
        }
        Ok(None)
    }

    fn cut_short(&self, reason: String) -> Sent {
        Sent::CutShort {
            sent: self.done,
            reason,
        }
    }

    fn tell(&mut self) {
        self.told = Instant::now();
        progress::tell(Event::Transfer {
            what: self.what.clone(),
            done: self.done,
            total: Some(self.total),
        });
    }
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
pub(super) async fn conclude(
    session: &Session,
    task: &str,
    sent: Result<Sent, XapiError>,
    tried: &str,
) -> Result<u64, XapiError> {
    match sent {
        Ok(Sent::All(count)) => {
            let limit = session.patience() * FLUSH;
            task::wait(session, task, limit, tried, |_| {})
                .await
                .map(|_| count)
        }
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
            let refused = matches!(error, XapiError::Http { .. });
            if refused
                && let Err(better @ XapiError::Refused { .. }) =
                    task::wait(session, task, Duration::from_secs(3), tried, |_| {}).await
            {
                return Err(better);
            }
            task::abandon(session, task).await;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_that_hosts_know_best_is_taken_unless_it_costs_more_than_a_hundredth() {
        const GIB: u64 = 1 << 30;
        for (total, vhd, chunked, expected) in [
            (30 * GIB, GIB + GIB / 200, GIB, Format::Vhd),
            (30 * GIB, GIB + GIB / 50, GIB, Format::Chunked),
            (30 * GIB, 2 * GIB, GIB, Format::Chunked),
            (GIB, GIB + GIB / 200, GIB + 12, Format::Raw),
            (GIB, GIB + GIB / 200, GIB - GIB / 200, Format::Raw),
            (8 << 20, 70 << 10, 12, Format::Chunked),
            (8 << 20, 60 << 10, 12, Format::Vhd),
            (vhd::LARGEST + GIB, GIB, GIB, Format::Chunked),
        ] {
            assert_eq!(
                cheapest(total, vhd, chunked),
                expected,
                "{total} {vhd} {chunked}"
            );
        }
    }
}
