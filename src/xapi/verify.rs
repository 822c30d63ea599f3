//! Reading a VDI back: whole, or the blocks that hold data, to compare them with
//! the image that was written.
//!
//! A VDI that is asked for as VHD comes without its zeros, so a large image with
//! little in it is compared in little time. What does not come must hold zeros
//! in the image too. A host that cannot write VHD is asked for every byte.
//!
//! Source: xapi's `export_raw_vdi.ml`.

use super::error::XapiError;
use super::extents::{Extents, GROUP};
use super::http::{Connection, Endpoint};
use super::rpc::is_null;
use super::session::Session;
use super::task;
use super::transfer::{Sent, conclude, export_label, size_of};
use super::vhd::{self, SECTOR};
use crate::clock;
use crate::progress::{self, Event};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How much is compared at once.
const PIECE: usize = 1 << 20;

/// Read the VDI that REFERENCE points at back and compare it with the raw disk
/// image at IMAGE, which may be shorter. Answers how many bytes are the same.
pub async fn verify(session: &Session, reference: &str, image: &Path) -> Result<u64, XapiError> {
    let image = Image::open(image)?;
    let record = super::vm::record(session, "VDI", reference).await?;
    let size = size_of(&record);
    if size < image.length {
        return Err(image.differs(format!(
            "the VDI ends after {size} of {} bytes",
            image.length
        )));
    }
    if size <= vhd::LARGEST {
        match verify_blocks(session, reference, &image).await {
            Err(XapiError::Protocol { .. }) => {}
            outcome => return outcome,
        }
    }
    verify_whole(session, reference, &image).await
}

/// The image with which is compared.
struct Image<'a> {
    path: &'a Path,
    file: File,
    length: u64,
}

impl<'a> Image<'a> {
    fn open(path: &'a Path) -> Result<Image<'a>, XapiError> {
        let unreadable = |error: io::Error| XapiError::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Ok(Image { path, file, length })
    }

    fn what(&self) -> String {
        format!("verify `{}`", self.path.display())
    }

    fn unreadable(&self, error: io::Error) -> XapiError {
        XapiError::File {
            path: self.path.display().to_string(),
            reason: error.to_string(),
        }
    }

    fn differs(&self, state: String) -> XapiError {
        XapiError::WrongState {
            tried: self.what(),
            state,
        }
    }

    /// Compare BYTES of the VDI with what the image has at OFFSET, as far as it
    /// goes; BUFFER is room to read into.
    fn compare(&self, bytes: &[u8], offset: u64, buffer: &mut Vec<u8>) -> Result<(), XapiError> {
        let count = self.length.saturating_sub(offset).min(bytes.len() as u64) as usize;
        buffer.resize(count, 0);
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|error| self.unreadable(error))?;
        if buffer[..] == bytes[..count] {
            return Ok(());
        }
        let at = buffer
            .iter()
            .zip(bytes)
            .position(|(one, other)| one != other);
        Err(self.difference(offset + at.unwrap_or(0) as u64))
    }

    fn difference(&self, at: u64) -> XapiError {
        self.differs(format!("the VDI differs from the image at byte {at}"))
    }
}

/// Tells how far a comparison has come.
struct Teller<'a> {
    image: &'a Image<'a>,
    told: Instant,
}

impl Teller<'_> {
    fn tell(&mut self, done: u64) {
        if self.told.elapsed() > Duration::from_millis(100) || done >= self.image.length {
            self.told = Instant::now();
            progress::tell(Event::Transfer {
                what: self.image.what(),
                done: done.min(self.image.length),
                total: Some(self.image.length),
            });
        }
    }
}

async fn verify_whole(
    session: &Session,
    reference: &str,
    image: &Image<'_>,
) -> Result<u64, XapiError> {
    let mut buffer = Vec::with_capacity(PIECE);
    let mut teller = Teller {
        image,
        told: Instant::now(),
    };
    let mut at = 0;
    let mut trouble = None;
    let read = export_raw(session, reference, |piece| {
        if trouble.is_none() && at < image.length {
            trouble = image.compare(piece, at, &mut buffer).err();
        }
        at += piece.len() as u64;
        teller.tell(at);
    })
    .await?;
    match trouble {
        Some(error) => Err(error),
        None if read < image.length => Err(image.differs(format!(
            "the VDI ends after {read} of {} bytes",
            image.length
        ))),
        None => Ok(image.length),
    }
}

async fn verify_blocks(
    session: &Session,
    reference: &str,
    image: &Image<'_>,
) -> Result<u64, XapiError> {
    let extents =
        Extents::of(&image.file, image.length).map_err(|error| image.unreadable(error))?;
    let mut export = Export::open(session, reference, "vhd").await?;
    let mut verdict = None;
    let read = compare_blocks(&mut export, image, &extents, &mut verdict).await;
    let Export { task, tried, .. } = &export;
    let outcome = conclude(session, task, read.map(Sent::All), tried).await;
    match verdict {
        // A difference is the news, whatever ending the transfer early has led to.
        Some(error) => Err(error),
        None => outcome.map(|_| image.length),
    }
}

/// Compare what EXPORT brings with IMAGE; the first difference goes to VERDICT.
/// Answers how many bytes have come.
async fn compare_blocks(
    export: &mut Export,
    image: &Image<'_>,
    extents: &Extents,
    verdict: &mut Option<XapiError>,
) -> Result<u64, XapiError> {
    let layout = export.layout().await?;
    let mut buffer = Vec::with_capacity(PIECE);
    let mut teller = Teller {
        image,
        told: Instant::now(),
    };
    // What does not come is zeros, and must be in the image.
    let groups_a_block = layout.block_bytes / GROUP;
    let missing = (0..image.length.div_ceil(layout.block_bytes))
        .filter(|block| !layout.has(*block))
        .flat_map(|block| block * groups_a_block..(block + 1) * groups_a_block)
        .find(|group| extents.has(*group));
    if let Some(group) = missing {
        *verdict = Some(image.difference(group * GROUP));
    }
    for (place, block) in &layout.blocks {
        export.skip_to(*place).await?;
        let bitmap = export.take(layout.bitmap_bytes()).await?;
        let mut data = export.take(layout.block_bytes as usize).await?;
        for (sector, bytes) in data.chunks_mut(SECTOR as usize).enumerate() {
            if bitmap[sector / 8] & (0x80 >> (sector % 8)) == 0 {
                bytes.fill(0);
            }
        }
        let offset = block * layout.block_bytes;
        if verdict.is_none() && offset < image.length {
            *verdict = image.compare(&data, offset, &mut buffer).err();
        }
        teller.tell(offset + layout.block_bytes);
    }
    export.skip_to_end().await?;
    teller.tell(image.length);
    Ok(export.taken)
}

/// A VDI on its way to us.
struct Export {
    connection: Connection,
    endpoint: Endpoint,
    task: String,
    tried: String,
    patience: Duration,
    /// What has come and nobody has taken, and how much has been taken.
    pending: Vec<u8>,
    taken: u64,
}

impl Export {
    /// Ask for the VDI that REFERENCE points at in FORMAT.
    async fn open(session: &Session, reference: &str, format: &str) -> Result<Export, XapiError> {
        let uuid = session.uuid("VDI", reference).await?;
        let tried = format!("read VDI `{uuid}`");
        if is_null(reference) {
            return Err(XapiError::refused(
                tried,
                "HANDLE_INVALID".to_owned(),
                vec!["VDI".to_owned(), reference.to_owned()],
            ));
        }
        let task = task::create(session, &export_label(&uuid)).await?;
        let target = format!("/export_raw_vdi?vdi={uuid}&format={format}");
        let patience = session.patience();
        let opened = async {
            let endpoint = session.endpoint();
            let request = endpoint.head(
                "GET",
                &target,
                &[("Cookie", &session.cookie(&task)), ("Connection", "close")],
            )?;
            let mut connection = endpoint.connect().await?;
            let lost = |reason: String| XapiError::Connection {
                tried: tried.clone(),
                reason: format!("`{}`: {reason}", endpoint.url()),
            };
            let exchange = async {
                connection.send(&request).await?;
                connection.read_head().await
            };
            let head = match clock::limit(patience, exchange).await {
                Ok(head) => head.map_err(|error| lost(error.to_string()))?,
                Err(_) => {
                    return Err(XapiError::Timeout {
                        tried: tried.clone(),
                        limit: patience,
                        last: format!("`{}` has not answered", endpoint.url()),
                    });
                }
            };
            if head.status != 200 {
                return Err(session.http_refusal(&mut connection, &head, &tried).await);
            }
            Ok((connection, endpoint))
        }
        .await;
        match opened {
            Ok((connection, endpoint)) => Ok(Export {
                connection,
                endpoint,
                task,
                tried,
                patience,
                pending: Vec::new(),
                taken: 0,
            }),
            Err(error) => {
                task::abandon(session, &task).await;
                Err(error)
            }
        }
    }

    /// The next bytes, whichever have come; none at the end.
    async fn piece(&mut self) -> Result<Vec<u8>, XapiError> {
        let piece = if self.pending.is_empty() {
            clock::limit(self.patience, self.connection.read_piece())
                .await
                .map_err(|_| XapiError::Timeout {
                    tried: self.tried.clone(),
                    limit: self.patience,
                    last: format!("{} bytes had come", self.taken),
                })?
                .map_err(|error| XapiError::Connection {
                    tried: self.tried.clone(),
                    reason: format!("`{}`: {error}", self.endpoint.url()),
                })?
        } else {
            std::mem::take(&mut self.pending)
        };
        self.taken += piece.len() as u64;
        Ok(piece)
    }

    /// The next SIZE bytes.
    async fn take(&mut self, size: usize) -> Result<Vec<u8>, XapiError> {
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let mut piece = self.piece().await?;
            if piece.is_empty() {
                return Err(self.broken("it ends in the middle"));
            }
            let rest = piece.split_off(piece.len().min(size - bytes.len()));
            self.taken -= rest.len() as u64;
            self.pending = rest;
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    /// Pass over what comes before PLACE, counted from the beginning.
    async fn skip_to(&mut self, place: u64) -> Result<(), XapiError> {
        let Some(mut left) = place.checked_sub(self.taken) else {
            return Err(self.broken("its parts are not in order"));
        };
        while left > 0 {
            left -= self.take(left.min(PIECE as u64) as usize).await?.len() as u64;
        }
        Ok(())
    }

    async fn skip_to_end(&mut self) -> Result<(), XapiError> {
        while !self.piece().await?.is_empty() {}
        Ok(())
    }

    fn broken(&self, reason: &str) -> XapiError {
        XapiError::Protocol {
            tried: self.tried.clone(),
            reason: format!("what the host sends as VHD is none: {reason}"),
        }
    }

    /// What stands before the blocks.
    async fn layout(&mut self) -> Result<vhd::Layout, XapiError> {
        let footer = self.take(SECTOR as usize).await?;
        let Some(header_at) = vhd::header_place(&footer) else {
            return Err(self.broken("it has no footer of a dynamic disk in front"));
        };
        self.skip_to(header_at).await?;
        let header = self.take(vhd::HEADER_BYTES).await?;
        let Some(table) = vhd::table_place(&header) else {
            return Err(self.broken("its header makes no sense"));
        };
        self.skip_to(table.at).await?;
        let entries = self.take(table.entries as usize * 4).await?;
        Ok(vhd::Layout::new(&entries, table.block_bytes))
    }
}

/// Read the raw bytes of the VDI that REFERENCE points at, giving each piece
/// to SINK. Answers how many there were.
pub async fn export_raw(
    session: &Session,
    reference: &str,
    mut sink: impl FnMut(&[u8]),
) -> Result<u64, XapiError> {
    let mut export = Export::open(session, reference, "raw").await?;
    let read = async {
        loop {
            let piece = export.piece().await?;
            if piece.is_empty() {
                return Ok(export.taken);
            }
            sink(&piece);
        }
    }
    .await;
    conclude(session, &export.task, read.map(Sent::All), &export.tried).await
}
