//! Disks over HTTP: `PUT /import_raw_vdi` and `GET /export_raw_vdi`.
//!
//! The `200 OK` of an import is sent before the body is read and before the
//! VDI is attached, so it says nothing: what went wrong later is in the task,
//! and perhaps in a second response in the middle of the stream.
//!
//! Source: xapi's `import_raw_vdi.ml`.

use super::calls::check_session;
use super::database::is_null;
use super::disks;
use super::model;
use super::server::{Connection, Request};
use super::state::{Shared, State};
use super::tasks;
use super::value::{ApiError, Val};
use super::vhd;
use crate::clock::{self, Moment};
use crate::sim::mishap::Mishap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

/// How much of a body is read at once.
const PIECE: usize = 256 << 10;

/// Answer an import to its end, whatever that is.
pub async fn import(
    shared: &Arc<Shared>,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    let task = the_task(shared, request, "VDI.import");
    let session = request.parameter("session_id").unwrap_or("");
    if !is_admitted(shared, request, &task, connection).await? {
        return Ok(());
    }
    let redirects = [Mishap::Redirect, Mishap::RedirectToStranger];
    if let Some(elsewhere) = connection.elsewhere
        && redirects.iter().any(|it| shared.config.has(it))
    {
        // Before a byte of the body is read; the cookie is the client's to repeat.
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: https://{elsewhere}{}?{}\r\n\
             content-length: 0\r\nConnection: close\r\n\r\n",
            request.path, request.query
        );
        return connection.send(head.as_bytes()).await;
    }
    let format = request.parameter("format").unwrap_or("raw");
    let chunked = request.parameter("chunked") == Some("true");
    let refusal = if !["raw", "vhd", "qcow2", "tar"].contains(&format) {
        Some(format!("Unknown format {format}"))
    } else if chunked && format != "raw" {
        Some(format!("Cannot handle chunked {}", format.to_uppercase()))
    } else {
        request
            .header("transfer-encoding")
            .map(|encoding| format!("Cannot handle encoding: {encoding}"))
    };
    if let Some(text) = refusal {
        tasks::finish(shared, &task, Err(ApiError::internal(text)));
        return connection.refuse("404 Not Found").await;
    }
    let vdi = match the_vdi(shared, request) {
        Some(vdi) => vdi,
        None => match imported(shared, request, format) {
            Ok(vdi) => vdi,
            Err(error) => {
                tasks::finish(shared, &task, Err(error));
                return connection.refuse("400 Bad Request").await;
            }
        },
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-cache, no-store\r\n\
         task-id:{task}\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    connection.send(head.as_bytes()).await?;
    let outcome = match attach(shared, &vdi).await {
        Err(error) => Err(error),
        Ok(vbd) => {
            let uuid = shared.with(|state| state.db.text("VDI", &vdi, "uuid"));
            disks::forget_system(shared, &uuid);
            let audit = &shared.config.audit;
            let change = audit.begin("import_raw_vdi", session, &[Val::text(&vdi)]);
            let mut body = Body::new(connection, shared, &task);
            let outcome = match format {
                "raw" if chunked => receive_chunked(shared, &vdi, &mut body).await,
                "raw" => receive_raw(shared, &vdi, request, &mut body).await,
                "vhd" => receive_vhd(shared, &vdi, request, &mut body).await,
                other => Err(not_simulated(&format!("import_raw_vdi?format={other}"))),
            };
            // The disk stays attached for a moment, as it does on a real host.
            shared.with(|state| state.db.delete("VBD", &vbd));
            audit.end(
                change,
                outcome
                    .as_ref()
                    .err()
                    .map_or("", |error| error.code.as_str()),
            );
            outcome
        }
    };
    let failed = outcome.is_err();
    shared.with(|state| {
        let sr = state.db.text("VDI", &vdi, "SR");
        disks::refresh_sr(shared, state, &sr);
    });
    let outcome = outcome.map_err(|error| model::well_formed("an import", error));
    tasks::finish(shared, &task, outcome.map(|()| Val::text(vdi)));
    let cut = |mishap: &Mishap| matches!(mishap, Mishap::ImportCut { .. });
    if failed && !shared.config.mishaps().iter().any(cut) {
        connection.refuse("500 Internal Error").await?;
    }
    Ok(())
}

/// The task that the client made for this, or a new one.
pub(super) fn the_task(shared: &Shared, request: &Request, label: &str) -> String {
    request
        .parameter("task_id")
        .filter(|task| shared.with(|state| state.db.exists("task", task)))
        .map_or_else(|| tasks::create(shared, label, ""), str::to_owned)
}

/// Whether REQUEST is of a session; one that is not is refused, and its TASK fails.
pub(super) async fn is_admitted(
    shared: &Shared,
    request: &Request,
    task: &str,
    connection: &mut Connection,
) -> io::Result<bool> {
    let session = request.parameter("session_id").unwrap_or("");
    if check_session(shared, session).is_ok() {
        return Ok(true);
    }
    let error = ApiError::new::<String>("SESSION_AUTHENTICATION_FAILED", []);
    tasks::finish(shared, task, Err(error));
    connection.refuse("401 Unauthorized").await?;
    Ok(false)
}

/// The VDI that the request names by reference or UUID.
fn the_vdi(shared: &Shared, request: &Request) -> Option<String> {
    let name = request.parameter("vdi").filter(|name| !is_null(name))?;
    shared.with(|state| {
        if state.db.exists("VDI", name) {
            Some(name.to_owned())
        } else {
            state.db.by_uuid("VDI", name).ok()
        }
    })
}

/// A new VDI for what is to come, in the SR that the request names.
fn imported(shared: &Shared, request: &Request, format: &str) -> Result<String, ApiError> {
    let sr = match (request.parameter("sr_id"), request.parameter("sr_uuid")) {
        (Some(sr), _) => sr.to_owned(),
        (None, Some(uuid)) => shared.with(|state| state.db.by_uuid("SR", uuid))?,
        (None, None) => return Err(ApiError::new::<String>("VDI_MISSING", [])),
    };
    shared.with(|state| state.db.get("SR", &sr).map(drop))?;
    let size = match (format, request.content_length()) {
        ("raw", Some(size)) => size,
        ("vhd" | "qcow2", _) => {
            let format = format.to_uppercase();
            return Err(ApiError::internal(format!(
                "Importing a {format} directly into an SR not yet supported"
            )));
        }
        _ => return Err(ApiError::internal("Not enough info supplied to import")),
    };
    let record = Val::map_of([
        ("name_label", Val::text("Imported VDI")),
        ("SR", Val::text(sr)),
        ("virtual_size", Val::Int(size as i64)),
        ("type", Val::text("user")),
        ("sharable", Val::Bool(false)),
        ("read_only", Val::Bool(false)),
        ("other_config", Val::empty_map()),
    ]);
    disks::create_vdi(shared, &record).map(|vdi| vdi.as_text().to_owned())
}

/// How long a transfer waits for the one before it to let go of the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// Attach VDI to the control domain, as the host does for a transfer.
async fn attach(shared: &Shared, vdi: &str) -> Result<String, ApiError> {
    let end = Moment::now() + PATIENCE;
    let mut news = shared.watch();
    loop {
        news.borrow_and_update();
        match shared.with(|state| try_attach(shared, state, vdi)) {
            Err(error) if error.code == "VDI_IN_USE" => {
                tokio::select! {
                    () = clock::sleep_until(end) => return Err(error),
                    changed = news.changed() => if changed.is_err() { return Err(error) },
                }
            }
            outcome => return outcome,
        }
    }
}

fn try_attach(shared: &Shared, state: &mut State, vdi: &str) -> Result<String, ApiError> {
    disks::check_attach(state, vdi, "", true)?;
    if shared.config.has(&Mishap::SrFull) {
        return Err(no_space());
    }
    let control_domain = state.marks.control_domain.clone();
    Ok(state.db.insert(
        "VBD",
        [
            ("VM", Val::text(control_domain)),
            ("VDI", Val::text(vdi)),
            ("userdevice", Val::text("autodetect")),
            ("mode", Val::text("RW")),
            ("type", Val::text("Disk")),
            ("currently_attached", Val::Bool(true)),
        ],
    ))
}

/// What vhd-tool says about everything.
pub(super) fn io_error() -> ApiError {
    ApiError::new("VDI_IO_ERROR", ["Device I/O errors"])
}

/// WHAT hosts do and this one does not.
pub(super) fn not_simulated(what: &str) -> ApiError {
    ApiError::new("NOT_SIMULATED", [what])
}

/// The file that VDI is kept in, and the size of the disk.
pub(super) fn open_disk(shared: &Shared, vdi: &str) -> Result<(File, u64), ApiError> {
    shared.with(|state| open_disk_in(shared, state, vdi))
}

/// The same in STATE.
pub(super) fn open_disk_in(
    shared: &Shared,
    state: &State,
    vdi: &str,
) -> Result<(File, u64), ApiError> {
    let path = shared.config.disk(&state.db.text("VDI", vdi, "uuid"));
    let size = state.db.field("VDI", vdi, "virtual_size").as_int() as u64;
    let disk = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|_| io_error())?;
    Ok((disk, size))
}

/// The body of an import, with whatever befalls it on its way.
pub(super) struct Body<'a> {
    connection: &'a mut Connection,
    shared: &'a Arc<Shared>,
    task: &'a str,
    taken: u64,
}

impl<'a> Body<'a> {
    pub fn new(connection: &'a mut Connection, shared: &'a Arc<Shared>, task: &'a str) -> Body<'a> {
        Body {
            connection,
            shared,
            task,
            taken: 0,
        }
    }

    /// Put the next bytes into ROOM, as many as have come; none at the end.
    pub async fn read(&mut self, room: &mut [u8]) -> Result<usize, ApiError> {
        if tasks::is_cancelled(self.shared, self.task) {
            return Err(ApiError::new("TASK_CANCELLED", [self.task]));
        }
        let mut limit = room.len();
        for mishap in self.shared.config.mishaps() {
            let (Mishap::ImportStalls { bytes }
            | Mishap::ImportCut { bytes }
            | Mishap::ImportFillsUp { bytes }) = mishap
            else {
                continue;
            };
            let left = bytes.saturating_sub(self.taken);
            if left > 0 {
                limit = limit.min(left as usize);
                continue;
            }
            return Err(match mishap {
                Mishap::ImportStalls { .. } => self.stall().await,
                Mishap::ImportCut { .. } => io_error(),
                _ => no_space(),
            });
        }
        let mut count = 0;
        while count < limit {
            match self.connection.read(&mut room[count..limit]).await {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(_) => return Err(io_error()),
            }
        }
        self.taken += count as u64;
        Ok(count)
    }

    /// Take nothing until somebody ends the task.
    async fn stall(&self) -> ApiError {
        while self.shared.with(|state| state.db.exists("task", self.task))
            && !tasks::is_cancelled(self.shared, self.task)
        {
            clock::sleep(Duration::from_millis(50)).await;
        }
        ApiError::new("TASK_CANCELLED", [self.task])
    }

    /// Fill ROOM.
    async fn fill(&mut self, room: &mut [u8]) -> Result<(), ApiError> {
        let mut filled = 0;
        while filled < room.len() {
            match self.read(&mut room[filled..]).await? {
                0 => return Err(io_error()),
                count => filled += count,
            }
        }
        Ok(())
    }

    async fn take(&mut self, size: usize) -> Result<Vec<u8>, ApiError> {
        let mut bytes = vec![0; size];
        self.fill(&mut bytes).await?;
        Ok(bytes)
    }

    /// Read on to the place TO of the body.
    async fn skip(&mut self, to: u64) -> Result<(), ApiError> {
        let mut left = to.checked_sub(self.taken).ok_or_else(io_error)?;
        let mut room = vec![0; left.min(PIECE as u64) as usize];
        while left > 0 {
            let count = left.min(PIECE as u64) as usize;
            self.fill(&mut room[..count]).await?;
            left -= count as u64;
        }
        Ok(())
    }
}

fn no_space() -> ApiError {
    ApiError::new(
        "SR_BACKEND_FAILURE_44",
        ["", "There is insufficient space", ""],
    )
}

/// Exactly Content-Length bytes from the beginning of the disk on.
async fn receive_raw(
    shared: &Arc<Shared>,
    vdi: &str,
    request: &Request,
    body: &mut Body<'_>,
) -> Result<(), ApiError> {
    let (disk, size) = open_disk(shared, vdi)?;
    let expected = request.content_length().unwrap_or(size);
    if expected == 0 {
        // Xen Orchestra's probe for a redirection: the head counts, the rest fails.
        return Err(io_error());
    }
    let mut room = vec![0; PIECE];
    let mut done = 0;
    while done < expected {
        if shared.config.has(&Mishap::ImportFails) && done >= expected / 2 {
            return Err(io_error());
        }
        let limit = (expected - done).min(PIECE as u64) as usize;
        let count = body.read(&mut room[..limit]).await?;
        if count == 0 || done + count as u64 > size {
            return Err(io_error());
        }
        write(&disk, &room[..count], done)?;
        done += count as u64;
        tasks::set_progress(shared, body.task, done as f64 / expected as f64 * 0.99);
    }
    flush(disk).await
}

/// Write BYTES to DISK at OFFSET. It goes no further than the kernel's memory, so
/// it is done at once.
fn write(disk: &File, bytes: &[u8], offset: u64) -> Result<(), ApiError> {
    disk.write_all_at(bytes, offset).map_err(|_| io_error())
}

/// Have everything on DISK.
async fn flush(disk: File) -> Result<(), ApiError> {
    match tokio::task::spawn_blocking(move || disk.sync_all()).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(io_error()),
    }
}

/// XAPI's own framing: offset and length in front of each piece, zeros at the end.
async fn receive_chunked(
    shared: &Arc<Shared>,
    vdi: &str,
    body: &mut Body<'_>,
) -> Result<(), ApiError> {
    let (disk, size) = open_disk(shared, vdi)?;
    let mut room = vec![0; PIECE];
    loop {
        if shared.config.has(&Mishap::ImportFails) && body.taken > 0 {
            return Err(io_error());
        }
        let mut head = [0; 12];
        body.fill(&mut head).await?;
        let (offset, length) = head.split_at(8);
        let mut offset = u64::from_le_bytes(offset.try_into().map_err(|_| io_error())?);
        let length = u32::from_le_bytes(length.try_into().map_err(|_| io_error())?);
        if offset == 0 && length == 0 {
            return flush(disk).await;
        }
        let aligned = offset % 512 == 0 && length % 512 == 0;
        let inside = offset
            .checked_add(u64::from(length))
            .is_some_and(|end| end <= size);
        if !aligned || !inside || length > i32::MAX as u32 {
            return Err(io_error());
        }
        let mut left = length as usize;
        while left > 0 {
            let count = left.min(PIECE);
            body.fill(&mut room[..count]).await?;
            write(&disk, &room[..count], offset)?;
            offset += count as u64;
            left -= count;
        }
    }
}

/// A VHD stream of Content-Length bytes, whose last 512 are its footer.
async fn receive_vhd(
    shared: &Arc<Shared>,
    vdi: &str,
    request: &Request,
    body: &mut Body<'_>,
) -> Result<(), ApiError> {
    let (disk, size) = open_disk(shared, vdi)?;
    let length = request.content_length().ok_or_else(io_error)?;
    let front = body.take(vhd::FOOTER).await?;
    let layout = vhd::footer(&front).ok_or_else(io_error)?;
    body.skip(layout.header_at).await?;
    let table = vhd::header(&body.take(vhd::HEADER).await?).ok_or_else(io_error)?;
    body.skip(table.at).await?;
    let table_bytes = table.entries as usize * 4;
    if table_bytes > 16 << 20 {
        return Err(io_error());
    }
    let entries = body.take(table_bytes).await?;
    let mut blocks: Vec<(u64, u64)> = (0..table.entries as usize)
        .map(|block| (u64::from(vhd::number(&entries, block * 4)), block as u64))
        .filter(|(sector, _)| *sector != u64::from(u32::MAX))
        .collect();
    blocks.sort_unstable();
    let block_bytes = u64::from(table.block_bytes);
    let sectors = table.block_bytes as usize / 512;
    let bitmap_bytes = sectors.div_ceil(8).next_multiple_of(512);
    let count = blocks.len();
    let mut bitmap = vec![0; bitmap_bytes];
    let mut room = vec![0; PIECE];
    for (index, (sector, block)) in blocks.into_iter().enumerate() {
        if shared.config.has(&Mishap::ImportFails) && index >= count / 2 {
            return Err(io_error());
        }
        body.skip(sector * 512).await?;
        body.fill(&mut bitmap).await?;
        // Eight sectors are a byte of the bitmap.
        for (part, bits) in bitmap[..sectors / 8].chunks(PIECE / 512 / 8).enumerate() {
            let piece = &mut room[..bits.len() * 8 * 512];
            body.fill(piece).await?;
            let start = block * block_bytes + (part * PIECE) as u64;
            for (first, count) in vhd::runs(bits, bits.len() * 8) {
                let (from, to) = (first * 512, (first + count) * 512);
                if start + to as u64 > size {
                    return Err(io_error());
                }
                write(&disk, &piece[from..to], start + from as u64)?;
            }
        }
        tasks::set_progress(shared, body.task, (index + 1) as f64 / count as f64 * 0.99);
    }
    let last = length
        .checked_sub(vhd::FOOTER as u64)
        .ok_or_else(io_error)?;
    body.skip(last).await?;
    let back = body.take(vhd::FOOTER).await?;
    if vhd::footer(&back).is_none() {
        return Err(io_error());
    }
    flush(disk).await
}

/// The bytes of a VDI, until the connection ends.
pub async fn export(
    shared: &Arc<Shared>,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    let task = the_task(shared, request, "VDI.export");
    if !is_admitted(shared, request, &task, connection).await? {
        return Ok(());
    }
    let format = request.parameter("format").unwrap_or("raw");
    let refusal = match format {
        "raw" | "vhd" => ApiError::new::<String>("VDI_MISSING", []),
        other => not_simulated(&format!("export_raw_vdi?format={other}")),
    };
    let vdi = the_vdi(shared, request);
    let Some(vdi) = vdi.filter(|_| refusal.code == "VDI_MISSING") else {
        tasks::finish(shared, &task, Err(refusal));
        return connection.refuse("500 Internal Error").await;
    };
    let Ok((disk, size)) = open_disk(shared, &vdi) else {
        tasks::finish(shared, &task, Err(io_error()));
        return connection.refuse("500 Internal Error").await;
    };
    let uuid = shared.with(|state| state.db.text("VDI", &vdi, "uuid"));
    let content_type = if format == "vhd" {
        "application/vhd"
    } else {
        "application/octet-stream"
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-cache, no-store\r\n\
         task-id:{task}\r\ncontent-type: {content_type}\r\n\
         content-disposition: attachment; filename=\"{uuid}.{format}\"\r\n\r\n"
    );
    connection.send(head.as_bytes()).await?;
    let sent = if format == "vhd" {
        send_vhd(shared, &disk, size, connection, &task).await
    } else {
        send_raw(shared, &disk, size, connection, &task).await
    };
    // Whoever asked may have gone away: then the task has failed, and says so.
    let outcome = sent.as_ref().map(|()| Val::Void).map_err(|_| io_error());
    tasks::finish(shared, &task, outcome);
    sent
}

/// Every byte of the disk.
async fn send_raw(
    shared: &Arc<Shared>,
    disk: &File,
    size: u64,
    connection: &mut Connection,
    task: &str,
) -> io::Result<()> {
    let mut done = 0;
    let mut piece = vec![0; PIECE];
    while done < size {
        let limit = (size - done).min(PIECE as u64) as usize;
        let count = disk.read_at(&mut piece[..limit], done)?;
        if count == 0 {
            break;
        }
        connection.send(&piece[..count]).await?;
        done += count as u64;
        tasks::set_progress(shared, task, done as f64 / size as f64);
    }
    Ok(())
}

/// The blocks of the disk that hold data, as a dynamic VHD.
async fn send_vhd(
    shared: &Arc<Shared>,
    disk: &File,
    size: u64,
    connection: &mut Connection,
    task: &str,
) -> io::Result<()> {
    let blocks = vhd::blocks_with_data(disk, size)?;
    let (front, back) = vhd::frame(size, &blocks);
    connection.send(&front).await?;
    let mut data = vec![0; vhd::BLOCK as usize];
    for (index, block) in blocks.iter().enumerate() {
        let start = block * vhd::BLOCK;
        let there = (size - start).min(vhd::BLOCK) as usize;
        disk.read_exact_at(&mut data[..there], start)?;
        data[there..].fill(0);
        connection.send(&vhd::full_bitmap(there)).await?;
        connection.send(&data).await?;
        tasks::set_progress(shared, task, (index + 1) as f64 / blocks.len() as f64);
    }
    connection.send(&back).await
}
