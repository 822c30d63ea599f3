//! Whole machines over HTTP: `GET /export` and `PUT /import`, in xapi's XVA.
//!
//! An XVA is a tar(5) of `ova.xml`, which has the records of a VM and of what
//! belongs to it, and of the disks in pieces of a mebibyte, `Ref:7/00000042`, each
//! with the SHA-1 of it behind it; pieces of zeros are left out, but for the first
//! and the last. References to anything else are null.
//!
//! Left out: zstd, snapshots of the machine, its memory and its firmware's TPM.
//!
//! Source: xapi's `export.ml`, `import.ml`, `stream_vdi.ml`.

use super::database::{Record, is_null, record_value};
use super::disks;
use super::domains;
use super::model;
use super::server::{Connection, Request};
use super::state::{Shared, State};
use super::tasks;
use super::transfer::{
    Body, io_error, is_admitted, not_simulated, open_disk, open_disk_in, the_task,
};
use super::value::{ApiError, NULL, Val, new_uuid};
use super::xml;
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The size of a piece of a disk.
const PIECE: u64 = 1 << 20;
/// The size of tar's blocks.
const BLOCK: usize = 512;
/// Larger is no `ova.xml`.
const LARGEST_TABLE: u64 = 64 << 20;
/// How much of an import is read at once.
const READ: usize = 256 << 10;
const TABLE: &str = "ova.xml";

/// The classes whose objects go along, in the order of the table.
const CLASSES: [&str; 6] = ["VM", "VBD", "VIF", "network", "VDI", "SR"];

/// Answer an export to its end.
pub async fn export(
    shared: &Arc<Shared>,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    let task = the_task(shared, request, "VM.export");
    if !is_admitted(shared, request, &task, connection).await? {
        return Ok(());
    }
    let begun = async {
        let compressed = match request.parameter("use_compression") {
            Some("true" | "gzip") => true,
            Some("zstd") => return Err(not_simulated("export?use_compression=zstd")),
            _ => false,
        };
        let vm = the_vm(shared, request)?;
        let busy = domains::begin(shared, &vm, "export", &task).await?;
        Ok((compressed, vm, busy))
    };
    let (compressed, vm, busy) = match begun.await {
        Ok(begun) => begun,
        Err(error) => {
            tasks::finish(shared, &task, Err(error));
            return connection.refuse("500 Internal Error").await;
        }
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-cache, no-store\r\n\
         task-id: {task}\r\ncontent-type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"export.xva\"\r\n\r\n"
    );
    connection.send(head.as_bytes()).await?;
    let mut out = Out {
        connection,
        gzip: compressed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
    };
    let sent = send_machine(shared, &vm, &mut out, &task).await;
    drop(busy);
    let outcome = sent.as_ref().map(|()| Val::Void).map_err(|_| io_error());
    tasks::finish(shared, &task, outcome);
    sent
}

/// The VM that the request names by reference or UUID.
fn the_vm(shared: &Shared, request: &Request) -> Result<String, ApiError> {
    shared.with(|state| match request.parameter("ref") {
        Some(vm) => state.db.get("VM", vm).map(|_| vm.to_owned()),
        None => {
            let uuid = request.parameter("uuid").unwrap_or("");
            state.db.by_uuid("VM", uuid)
        }
    })
}

/// The archive on its way out.
struct Out<'a> {
    connection: &'a mut Connection,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Out<'_> {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.gzip {
            None => self.connection.send(bytes).await,
            Some(gzip) => {
                gzip.write_all(bytes)?;
                let ready = std::mem::take(gzip.get_mut());
                self.connection.send(&ready).await
            }
        }
    }

    /// A file of the archive.
    async fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut head = tar::Header::new_ustar();
        head.set_path(name)?;
        head.set_mode(0o644);
        head.set_size(bytes.len() as u64);
        head.set_cksum();
        self.send(head.as_bytes()).await?;
        self.send(bytes).await?;
        self.send(&vec![0; padding(bytes.len() as u64)]).await
    }

    async fn end(&mut self) -> io::Result<()> {
        self.send(&[0; 2 * BLOCK]).await?;
        match self.gzip.take() {
            None => Ok(()),
            Some(gzip) => {
                let rest = gzip.finish()?;
                self.connection.send(&rest).await
            }
        }
    }
}

/// How many zeros follow SIZE bytes in a tar.
fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

async fn send_machine(shared: &Shared, vm: &str, out: &mut Out<'_>, task: &str) -> io::Result<()> {
    let (table, objects) = shared.with(|state| machine(state, vm));
    out.file(TABLE, xml::fragment(&objects).as_bytes()).await?;
    let disks: Vec<(&String, &String)> = table
        .iter()
        .filter(|(reference, _)| shared.with(|state| is_disk(state, reference)))
        .collect();
    for (index, (vdi, name)) in disks.iter().enumerate() {
        let (disk, size) = open_disk(shared, vdi).map_err(|error| io::Error::other(error.code))?;
        send_disk(&disk, size, name, out).await?;
        tasks::set_progress(shared, task, (index + 1) as f64 / disks.len() as f64 * 0.99);
    }
    out.end().await
}

async fn send_disk(disk: &File, size: u64, name: &str, out: &mut Out<'_>) -> io::Result<()> {
    let pieces = size.div_ceil(PIECE);
    let mut piece = vec![0; PIECE as usize];
    for number in 0..pieces {
        let start = number * PIECE;
        let bytes = &mut piece[..(size - start).min(PIECE) as usize];
        disk.read_exact_at(bytes, start)?;
        let edge = number == 0 || number + 1 == pieces;
        if !edge && bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        let file = format!("{name}/{number:08}");
        out.file(&file, bytes).await?;
        out.file(&format!("{file}.checksum"), digest(bytes).as_bytes())
            .await?;
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    Sha1::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether REFERENCE is a VDI whose data goes along.
fn is_disk(state: &State, reference: &str) -> bool {
    state.db.exists("VDI", reference) && !is_on_cd(state, &state.db.text("VDI", reference, "SR"))
}

fn is_on_cd(state: &State, sr: &str) -> bool {
    state.db.text("SR", sr, "content_type") == "iso"
}

/// VM and what belongs to it: the name of each object in the archive by its
/// reference, and the table of all of them.
fn machine(state: &State, vm: &str) -> (BTreeMap<String, String>, Val) {
    let mut found: Vec<(&'static str, String)> = vec![("VM", vm.to_owned())];
    for (class, field) in [("VBD", "VBDs"), ("VIF", "VIFs")] {
        let devices = state.db.refs("VM", vm, field);
        found.extend(devices.into_iter().map(|device| (class, device)));
    }
    let mut behind = |class: &'static str, field: &str, target: &'static str| {
        let mut targets: Vec<String> = found
            .iter()
            .filter(|(of, _)| *of == class)
            .map(|(_, reference)| state.db.text(class, reference, field))
            .filter(|reference| !is_null(reference))
            .collect();
        targets.sort();
        targets.dedup();
        found.extend(targets.into_iter().map(|reference| (target, reference)));
    };
    behind("VIF", "network", "network");
    behind("VBD", "VDI", "VDI");
    behind("VDI", "SR", "SR");
    let names: BTreeMap<String, String> = found
        .iter()
        .enumerate()
        .map(|(number, (_, reference))| (reference.clone(), format!("Ref:{number}")))
        .collect();
    found.sort_by_key(|(class, _)| CLASSES.iter().position(|known| known == class));
    let objects = found.iter().map(|(class, reference)| {
        let mut record = state.db.get(class, reference).cloned().unwrap_or_default();
        if *class == "VM" {
            record.insert("power_state", Val::text("Halted"));
        }
        Val::map_of([
            ("class", Val::text(*class)),
            ("id", Val::text(&names[reference])),
            ("snapshot", renamed(record_value(&record), &names)),
        ])
    });
    let version = Val::map_of([
        ("hostname", Val::text("localhost")),
        ("date", Val::text("2026-01-01")),
        ("product_version", Val::text("8.3.0")),
        ("product_brand", Val::text("XCP-ng")),
        ("build_number", Val::text("simulated")),
        ("xapi_major", Val::SmallInt(1)),
        ("xapi_minor", Val::SmallInt(20)),
        ("export_vsn", Val::SmallInt(2)),
    ]);
    let table = Val::map_of([
        ("version", version),
        ("objects", Val::Set(objects.collect())),
    ]);
    (names, table)
}

/// VALUE with references as NAMES has them, and null for all others.
fn renamed(value: Val, names: &BTreeMap<String, String>) -> Val {
    let name = |text: String| match text.starts_with("OpaqueRef:") || text.starts_with("Ref:") {
        true => names.get(&text).cloned().unwrap_or_else(|| NULL.to_owned()),
        false => text,
    };
    match value {
        Val::Text(text) => Val::Text(name(text)),
        Val::Set(items) => Val::Set(items.into_iter().map(|it| renamed(it, names)).collect()),
        Val::Map(entries) => Val::Map(
            entries
                .into_iter()
                .map(|(key, item)| (name(key), renamed(item, names)))
                .collect(),
        ),
        other => other,
    }
}

/// Answer an import to its end.
pub async fn import(
    shared: &Arc<Shared>,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    let task = the_task(shared, request, "VM.import");
    if !is_admitted(shared, request, &task, connection).await? {
        return Ok(());
    }
    if request.header("transfer-encoding").is_some() {
        let error = ApiError::new::<String>("IMPORT_ERROR_CANNOT_HANDLE_CHUNKED", []);
        tasks::finish(shared, &task, Err(error));
        return connection.refuse("403 Forbidden").await;
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-cache, no-store\r\n\
         task-id:{task}\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    connection.send(head.as_bytes()).await?;
    let mut made = Made::default();
    let body = Body::new(connection, shared, &task);
    let mut archive = Archive::new(body, request.content_length());
    let outcome = receive_machine(shared, request, &mut archive, &mut made).await;
    drop(archive);
    if outcome.is_err() {
        shared.with(|state| made.remove(shared, state));
    }
    let failed = outcome.is_err();
    let outcome = outcome.map_err(|error| model::well_formed("an import", error));
    tasks::finish(shared, &task, outcome.map(|vm| Val::texts([vm])));
    if failed {
        connection.refuse("500 Internal Error").await?;
    }
    Ok(())
}

/// What an import has made so far.
#[derive(Default)]
struct Made {
    vm: Option<String>,
    disks: Vec<String>,
}

impl Made {
    fn remove(&self, shared: &Shared, state: &mut State) {
        if let Some(vm) = &self.vm {
            for (class, field) in [("VBD", "VBDs"), ("VIF", "VIFs")] {
                for device in state.db.refs("VM", vm, field) {
                    state.db.delete(class, &device);
                }
            }
            state.db.delete("VM", vm);
        }
        for vdi in &self.disks {
            disks::forget(shared, state, vdi);
        }
    }
}

/// The archive on its way in.
struct Archive<'a> {
    body: Body<'a>,
    /// How much has not come yet, where the client says how long it is.
    left: Option<u64>,
    gzip: Option<GzDecoder<Vec<u8>>>,
    plain: Vec<u8>,
    begun: bool,
    ended: bool,
}

impl<'a> Archive<'a> {
    fn new(body: Body<'a>, length: Option<u64>) -> Archive<'a> {
        Archive {
            body,
            left: length,
            gzip: None,
            plain: Vec::new(),
            begun: false,
            ended: false,
        }
    }

    /// The next SIZE bytes.
    async fn take(&mut self, size: usize) -> Result<Vec<u8>, ApiError> {
        let mut room = vec![0; READ];
        while self.plain.len() < size {
            // No more than is needed: whoever sends an archive may not end behind it.
            let most = match &self.gzip {
                None if self.begun => (size - self.plain.len()).min(READ),
                None => 2,
                Some(_) => BLOCK,
            };
            let most = most.min(self.left.unwrap_or(u64::MAX) as usize);
            let count = self.body.read(&mut room[..most]).await?;
            self.left = self.left.map(|left| left - count as u64);
            if count == 0 {
                // What has come may not all have been given out.
                if let Some(gzip) = self.gzip.as_mut().filter(|_| !self.ended) {
                    self.ended = true;
                    let _ = gzip.try_finish();
                    self.plain.append(gzip.get_mut());
                    continue;
                }
                return Err(ApiError::new::<String>("IMPORT_ERROR_PREMATURE_EOF", []));
            }
            let bytes = &room[..count];
            if !std::mem::replace(&mut self.begun, true) && bytes == [0x1f, 0x8b] {
                self.gzip = Some(GzDecoder::new(Vec::new()));
            }
            match &mut self.gzip {
                None => self.plain.extend_from_slice(bytes),
                Some(gzip) => {
                    gzip.write_all(bytes).map_err(|_| io_error())?;
                    self.plain.append(gzip.get_mut());
                }
            }
        }
        let rest = self.plain.split_off(size);
        Ok(std::mem::replace(&mut self.plain, rest))
    }

    /// The name and size of the next file; none at the end.
    async fn next(&mut self) -> Result<Option<(String, u64)>, ApiError> {
        let block = self.take(BLOCK).await?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let head = tar::Header::from_byte_slice(&block);
        let name = head
            .path()
            .ok()
            .and_then(|path| path.to_str().map(str::to_owned));
        name.zip(head.entry_size().ok())
            .map(Some)
            .ok_or_else(|| ApiError::new("IMPORT_ERROR", ["the archive is no tar"]))
    }

    /// What a file of SIZE bytes holds.
    async fn contents(&mut self, size: u64) -> Result<Vec<u8>, ApiError> {
        let bytes = self.take(size as usize).await?;
        self.take(padding(size)).await?;
        Ok(bytes)
    }
}

/// Make what ARCHIVE holds. Answers the VM.
async fn receive_machine(
    shared: &Arc<Shared>,
    request: &Request,
    archive: &mut Archive<'_>,
    made: &mut Made,
) -> Result<String, ApiError> {
    let unexpected = |found: &str| {
        ApiError::new(
            "IMPORT_ERROR_UNEXPECTED_FILE",
            [TABLE.to_owned(), found.to_owned()],
        )
    };
    let table = match archive.next().await? {
        Some((name, size)) if name == TABLE && size <= LARGEST_TABLE => {
            archive.contents(size).await?
        }
        Some((name, _)) => return Err(unexpected(&name)),
        None => return Err(unexpected("")),
    };
    let objects = std::str::from_utf8(&table)
        .map_err(|error| error.to_string())
        .and_then(xml::parse_fragment)
        .map_err(|error| ApiError::new("IMPORT_ERROR", [error]))?;
    let (vm, disks) = shared.with(|state| make(shared, state, request, &objects, made))?;
    let mut last: Option<(String, Vec<u8>)> = None;
    while let Some((name, size)) = archive.next().await? {
        if size > PIECE {
            return Err(unexpected(&name));
        }
        let bytes = archive.contents(size).await?;
        if let Some(of) = name.strip_suffix(".checksum") {
            let whole = last
                .as_ref()
                .is_some_and(|(name, piece)| name == of && digest(piece).as_bytes() == bytes);
            if !whole {
                return Err(ApiError::new::<String>(
                    "IMPORT_ERROR_SOME_CHECKSUMS_FAILED",
                    [],
                ));
            }
            continue;
        }
        // Newer hosts write another kind of sum.
        if name.ends_with(".xxhash") {
            continue;
        }
        let place = name.split_once('/').and_then(|(id, number)| {
            let (disk, size) = disks.get(id)?;
            let start = number.parse::<u64>().ok()?.checked_mul(PIECE)?;
            (start + bytes.len() as u64 <= *size).then_some((disk, start))
        });
        let Some((disk, start)) = place else {
            return Err(unexpected(&name));
        };
        disk.write_all_at(&bytes, start).map_err(|_| io_error())?;
        last = Some((name, bytes));
    }
    Ok(vm)
}

/// The disks of an archive, by its names for them, with their sizes.
type Disks = BTreeMap<String, (File, u64)>;

/// Make the machine of TABLE as REQUEST wants it, without its disks' data.
fn make(
    shared: &Shared,
    state: &mut State,
    request: &Request,
    table: &Val,
    made: &mut Made,
) -> Result<(String, Disks), ApiError> {
    let restores = request.parameter("restore") == Some("true");
    let sr = the_sr(state, request)?;
    let objects = table.get("objects").map(Val::items).unwrap_or_default();
    let of_class = |class: &'static str| {
        objects.iter().filter_map(move |object| {
            (object.get("class")?.as_text() == class)
                .then(|| Some((object.get("id")?.as_text(), object.get("snapshot")?)))?
        })
    };
    // What an archive calls each object, and what it is here.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut disks = Disks::new();
    for (id, network) in of_class("network") {
        let name = network.get("name_label").map_or("", Val::as_text);
        let known = state
            .db
            .all("network")
            .find(|(_, object)| object.record["name_label"].as_text() == name)
            .map(|(reference, _)| reference.clone());
        let network = match known {
            Some(network) => network,
            None => state
                .db
                .insert("network", fields("network", network, &names)?),
        };
        names.insert(id.to_owned(), network);
    }
    let on_cd: Vec<&str> = of_class("SR")
        .filter(|(_, sr)| sr.get("content_type").map_or("", Val::as_text) == "iso")
        .map(|(id, _)| id)
        .collect();
    for (id, vdi) in of_class("VDI") {
        if on_cd.contains(&vdi.get("SR").map_or("", Val::as_text)) {
            // A CD stays where it is, if it is there.
            let uuid = vdi.get("uuid").map_or("", Val::as_text);
            if let Ok(known) = state.db.by_uuid("VDI", uuid) {
                names.insert(id.to_owned(), known);
            }
            continue;
        }
        let mut record = vdi.clone();
        record.put("SR", Val::text(&sr));
        let vdi = disks::create_vdi_in(shared, state, &record)?;
        made.disks.push(vdi.clone());
        disks.insert(id.to_owned(), open_disk_in(shared, state, &vdi)?);
        names.insert(id.to_owned(), vdi);
    }
    let mut machines = of_class("VM");
    let (Some((id, record)), None) = (machines.next(), machines.next()) else {
        return Err(ApiError::new(
            "IMPORT_ERROR",
            ["the archive holds not one machine"],
        ));
    };
    let vm = super::snapshots::imported(state, fields("VM", record, &names)?);
    made.vm = Some(vm.clone());
    if restores && let Some(uuid) = record.get("uuid") {
        if let Ok(known) = state.db.by_uuid("VM", uuid.as_text()) {
            return Err(ApiError::new("DUPLICATE_VM", [known]));
        }
        state.db.set("VM", &vm, "uuid", uuid.clone());
    } else {
        let mut config = state.db.field("VM", &vm, "other_config");
        config.put("mac_seed", Val::text(new_uuid()));
        state.db.set("VM", &vm, "other_config", config);
    }
    names.insert(id.to_owned(), vm.clone());
    for class in ["VBD", "VIF"] {
        for (_, device) in of_class(class) {
            let mut record: Record = fields(class, device, &names)?.into_iter().collect();
            super::snapshots::own_device(&mut record, &vm);
            if class == "VIF" && !restores {
                record.insert("MAC", Val::text(disks::random_mac()));
                record.insert("MAC_autogenerated", Val::Bool(true));
            }
            if class == "VBD" {
                record.insert("device", Val::text(""));
                let empty = is_null(record["VDI"].as_text());
                record.insert("empty", Val::Bool(empty));
            }
            state.db.insert(class, record);
        }
    }
    Ok((vm, disks))
}

/// The SR that disks go to: the one that is named, or the pool's default.
fn the_sr(state: &State, request: &Request) -> Result<String, ApiError> {
    let sr = match (request.parameter("sr_id"), request.parameter("sr_uuid")) {
        (Some(sr), _) => sr.to_owned(),
        (None, Some(uuid)) => state.db.by_uuid("SR", uuid)?,
        (None, None) => {
            let pool = state.db.all("pool").next().map(|(pool, _)| pool.clone());
            let sr = state
                .db
                .text("pool", &pool.unwrap_or_default(), "default_SR");
            if is_null(&sr) {
                return Err(ApiError::new("DEFAULT_SR_NOT_FOUND", [sr]));
            }
            sr
        }
    };
    state.db.get("SR", &sr).map(|_| sr)
}

/// RECORD of an archive as the fields of an object of CLASS, with references as NAMES
/// has them.
fn fields(
    class: &'static str,
    record: &Val,
    names: &BTreeMap<String, String>,
) -> Result<Vec<(&'static str, Val)>, ApiError> {
    let model = model::class(class).expect("an archive has classes of the model");
    model
        .fields
        .iter()
        .filter(|field| !["uuid", "allowed_operations", "current_operations"].contains(&field.name))
        .filter_map(|field| Some((field, record.get(field.name)?)))
        .map(|(field, value)| {
            Ok((
                field.name,
                field.kind.coerce(renamed(value.clone(), names))?,
            ))
        })
        .collect()
}
