//! Files between here and the guest, verified on both sides.
//!
//! The bytes go over sftp ([`super::sftp`]). Meanwhile both sides compute the
//! SHA-256 of what lies on their disks, and a copy counts only when the two are
//! the same; until then it is called `….part`. A transfer that was cut, by a
//! lost connection or the end of this process, goes on where it stopped. Holes
//! of a sparse file are kept: those of a file that is sent are not sent, and
//! blocks of zeros become holes in a file that is fetched.

use super::connection::{Connection, Outage, Remote};
use super::error::SshError;
use super::line::{Marked, line};
use super::run::{Ending, Request, last_line};
use super::sftp::{Opened, Sftp};
use super::shell::Question;
use super::text::{quote_all, visible};
use crate::clock;
use crate::progress::{self, Event};
use russh::{ChannelMsg, ChannelReadHalf};
use russh_sftp::protocol::OpenFlags;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the guest may take for hashing a file after it has all of it.
const HASHING: Duration = Duration::from_secs(3600);
/// How much is read here at once, and how much must be zero to become a hole.
const PIECE: usize = 1 << 20;
const HOLE: usize = 64 << 10;
static ZEROS: [u8; HOLE] = [0; HOLE];
/// After so many bytes more, and a share of what is left, the guest goes on
/// hashing: each time costs it a process.
const HASHED_TOGETHER: u64 = 16 << 20;
const SHARE_TOGETHER: u64 = 4;
/// The unit of what the guest hashes; `dd` counts in it.
const UNIT: u64 = 1 << 20;

/// `digest`, a shell function: prints the SHA-256 of its input or of its
/// arguments, one line for each, whose first 64 digits count. OpenSSL's, which
/// FreeBSD's base has, is three times as fast as coreutils'.
pub(super) const DIGEST: &str = "digest() {
if command -v openssl > /dev/null 2>&1; then openssl dgst -sha256 -r \"$@\"
elif command -v sha256 > /dev/null 2>&1; then sha256 -q \"$@\"
else sha256sum \"$@\"; fi
}
";

/// Hashes the file `$1` as far as the lines of its input say: where to go on
/// and how much to take.
const FOLLOW: &str = "while read -r skip count; do
dd if=\"$1\" bs=1048576 skip=\"$skip\" count=\"$count\" 2> /dev/null < /dev/null
done | digest";

impl Connection {
    /// Copy the file REMOTE of the guest to LOCAL. Answers its SHA-256.
    pub async fn fetch(&self, remote: &str, local: &Path) -> Result<String, SshError> {
        let what = format!("fetch `{remote}`");
        let path = beside(local);
        let mut found = (String::new(), String::new());
        let mut before = None;
        // What an earlier transfer left may be of another file: then once more
        // from the beginning.
        for _ in 0..2 {
            let mut part = Part::open(&path).map_err(local_trouble(&path))?;
            let mut digest = None;
            let mut outage = Outage::new(self);
            let mode = loop {
                let before = part.done();
                match self.fetch_rest(remote, &mut part, &mut digest, &what).await {
                    Ok(mode) => break mode,
                    Err(error) => outage.wait(error, part.done() > before).await?,
                }
            };
            found = (digest.unwrap_or_default(), part.digest());
            if found.0 == found.1 {
                let mode = fs::Permissions::from_mode(mode);
                fs::set_permissions(&path, mode).map_err(local_trouble(&path))?;
                fs::rename(&path, local).map_err(local_trouble(local))?;
                return Ok(found.0);
            }
            let _ = fs::remove_file(&path);
            let changes = before.is_some_and(|before| before != found.0);
            if changes {
                return Err(SshError::RemoteFile {
                    destination: self.destination().clone(),
                    path: remote.to_owned(),
                    reason: "it changes while it is copied".to_owned(),
                });
            }
            before = Some(found.0.clone());
        }
        Err(self.differs(remote, &found.0, &found.1))
    }

    /// Bring PART up to all of REMOTE, whose digest by the guest goes to
    /// DIGEST. Answers the mode of REMOTE.
    async fn fetch_rest(
        &self,
        remote: &str,
        part: &mut Part,
        digest: &mut Option<String>,
        what: &str,
    ) -> Result<u32, SshError> {
        let sftp = self.sftp().await?;
        let Some(attributes) = sftp.stat(remote).await? else {
            return Err(sftp.refused(remote, "No such file or directory".to_owned()));
        };
        if !attributes.is_regular() {
            return Err(sftp.refused(remote, "not a regular file".to_owned()));
        }
        let size = attributes.len();
        let opened = sftp.open(remote, OpenFlags::READ).await?;
        let hashing = async {
            if digest.is_none() {
                *digest = Some(self.digest_in_guest(remote).await?);
            }
            Ok(())
        };
        let reading = part.take_from(&sftp, &opened, size, what);
        tokio::try_join!(hashing, reading)?;
        sftp.close(&opened).await?;
        Ok(attributes.permissions.unwrap_or(0o644) & 0o777)
    }

    /// Copy the file LOCAL to REMOTE in the guest. Answers its SHA-256.
    pub async fn send(&self, local: &Path, remote: &str) -> Result<String, SshError> {
        let what = format!("send `{}`", local.display());
        let source = File::open(local).map_err(local_trouble(local))?;
        let metadata = source.metadata().map_err(local_trouble(local))?;
        if !metadata.is_file() {
            let error = io::Error::other("not a regular file");
            return Err(local_trouble(local)(error));
        }
        let size = metadata.len();
        // A second reader, so that hashing does not hold up sending.
        let path = local.to_owned();
        let hashing = tokio::task::spawn_blocking(move || hash_of(&path));
        let part = format!("{remote}.part");
        let mode = metadata.permissions().mode() & 0o777;
        let mut there = String::new();
        let mut here = None;
        let mut hashing = Some(hashing);
        for _ in 0..2 {
            let mut outage = Outage::new(self);
            let (sftp, digest) = loop {
                // How far it came: what the server has confirmed.
                let reached = AtomicU64::new(0);
                match self
                    .send_rest(local, remote, &part, size, &what, &reached)
                    .await
                {
                    Ok((sftp, digest)) => break (sftp, digest),
                    Err(error) => {
                        let moved = reached.load(Ordering::Relaxed) > 0;
                        if let Err(error) = outage.wait(error, moved).await {
                            return Err(self.with_room(error, &part).await);
                        }
                    }
                }
            };
            if let Some(hashing) = hashing.take() {
                let digest = hashing.await.unwrap_or_else(|error| Err(error.into()));
                here = Some(digest.map_err(local_trouble(local))?);
            }
            if here.as_deref() == Some(&digest) {
                self.put_in_place(&sftp, &part, remote, mode).await?;
                return Ok(digest);
            }
            sftp.remove(&part).await?;
            there = digest;
        }
        Err(self.differs(remote, &here.unwrap_or_default(), &there))
    }

    /// Give PART in the guest the mode MODE and move it to REMOTE.
    async fn put_in_place(
        &self,
        sftp: &Sftp<'_>,
        part: &str,
        remote: &str,
        mode: u32,
    ) -> Result<(), SshError> {
        let put = async |sftp: &Sftp<'_>| {
            sftp.set_mode(part, mode).await?;
            sftp.replace(part, remote).await
        };
        let mut outage = Outage::new(self);
        let mut outcome = put(sftp).await;
        while let Err(error) = outcome {
            outage.wait(error, false).await?;
            outcome = async {
                let sftp = self.sftp().await?;
                // It may have been moved before the connection was lost.
                match sftp.stat(part).await? {
                    Some(_) => put(&sftp).await,
                    None => Ok(()),
                }
            }
            .await;
        }
        Ok(())
    }

    /// Bring PART in the guest up to all of LOCAL, which is to become REMOTE.
    /// Answers the session for what comes next and PART's digest by the guest.
    async fn send_rest(
        &self,
        local: &Path,
        remote: &str,
        part: &str,
        size: u64,
        what: &str,
        reached: &AtomicU64,
    ) -> Result<(Sftp<'_>, String), SshError> {
        let sftp = self.sftp().await?;
        if sftp.stat(remote).await?.is_some_and(|found| found.is_dir()) {
            return Err(sftp.refused(remote, "it is a directory".to_owned()));
        }
        let mut done = sftp.stat(part).await?.map_or(0, |found| found.len());
        let opened = sftp
            .open(part, OpenFlags::WRITE | OpenFlags::CREATE)
            .await?;
        if done > size {
            sftp.set(&opened, Some(0), None).await?;
            done = 0;
        }
        let mut follower = Follower::start(self, part).await?;
        let (sender, mut pieces) = mpsc::channel(2);
        let piece = sftp.write_size as usize;
        let path = local.to_owned();
        let reader =
            tokio::task::spawn_blocking(move || read_pieces(&path, done, size, piece, &sender));
        let (told, mut confirmed) = tokio::sync::watch::channel(done);
        let mut batch = Vec::new().into_iter();
        let writing = async {
            let pieces = tokio::sync::Mutex::new((&mut pieces, &mut batch));
            sftp.write(
                &opened,
                || async {
                    let mut place = pieces.lock().await;
                    let (pieces, batch) = &mut *place;
                    loop {
                        if let Some(piece) = batch.next() {
                            return Some(piece);
                        }
                        **batch = Vec::into_iter(pieces.recv().await?);
                    }
                },
                |end| {
                    told.send_replace(end);
                    reached.store(end, Ordering::Relaxed);
                    tell(what, end, size);
                },
            )
            .await?;
            // What comes after the last data is a hole.
            sftp.set(&opened, Some(size), None).await?;
            told.send_replace(size);
            sftp.close(&opened).await?;
            drop(told);
            Ok::<_, SshError>(())
        };
        let following = async {
            loop {
                let ready = *confirmed.borrow_and_update();
                follower.hash_up_to(ready, size).await;
                if confirmed.changed().await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        tokio::try_join!(writing, following)?;
        reader
            .await
            .unwrap_or_else(|error| Err(error.into()))
            .map_err(local_trouble(local))?;
        tell(what, size, size);
        let digest = follower.end(size).await?;
        Ok((sftp, digest))
    }

    async fn digest_in_guest(&self, remote: &str) -> Result<String, SshError> {
        let output = self
            .run(&Request {
                command: command(&format!("{DIGEST}digest < \"$1\""), &[remote]),
                what: Some(format!("the digest of `{}`", visible(remote))),
                limit: Some(HASHING),
                ..Request::default()
            })
            .await?;
        self.digest_said(remote, &output.stdout, &output.stderr)
    }

    fn digest_said(&self, path: &str, out: &[u8], err: &[u8]) -> Result<String, SshError> {
        first_digest(out).ok_or_else(|| SshError::RemoteFile {
            destination: self.destination().clone(),
            path: path.to_owned(),
            reason: last_line(err).unwrap_or_else(|| {
                format!(
                    "no SHA-256 but `{}`",
                    visible(&String::from_utf8_lossy(out))
                )
            }),
        })
    }

    pub(super) async fn script(
        &self,
        script: &str,
        arguments: &[&str],
    ) -> Result<String, SshError> {
        let set = quote_all(["set", "--"].iter().chain(arguments));
        let question = Question::Named {
            what: format!(
                "a question about `{}`",
                visible(arguments.first().copied().unwrap_or_default())
            ),
            script: format!("{set}\n{script}"),
        };
        let answers = self
            .ask_again(std::slice::from_ref(&question), HASHING)
            .await?;
        let answer = &answers[0];
        if answer.ending == Ending::Exited(0) {
            return Ok(String::from_utf8_lossy(&answer.stdout).into_owned());
        }
        Err(SshError::RemoteFile {
            destination: self.destination().clone(),
            path: arguments.first().copied().unwrap_or_default().to_owned(),
            reason: last_line(&answer.stderr).unwrap_or_else(|| "it said nothing".to_owned()),
        })
    }

    /// ERROR of writing PATH, with the room that is left there when it may be
    /// the reason: sftp has no word for a full disk. Then what is at PATH goes: a
    /// part that does not fit is no beginning.
    async fn with_room(&self, error: SshError, path: &str) -> SshError {
        let SshError::RemoteFile { destination, .. } = &error else {
            return error;
        };
        let room = self
            .script(
                "df -Pk \"$(dirname \"$1\")\" | awk 'END { print $4 }'",
                &[path],
            )
            .await;
        match room.map(|room| room.trim().parse::<u64>()) {
            Ok(Ok(kibibytes)) if kibibytes < 1024 => {
                // The disk is as full whether or not this can be done.
                let _ = self.script("rm -f -- \"$1\"", &[path]).await;
                SshError::RemoteFile {
                    destination: destination.clone(),
                    path: path.to_owned(),
                    reason: format!("no space left on device ({} bytes free)", kibibytes << 10),
                }
            }
            _ => error,
        }
    }

    pub(super) fn differs(&self, remote: &str, expected: &str, found: &str) -> SshError {
        SshError::RemoteFile {
            destination: self.destination().clone(),
            path: remote.to_owned(),
            reason: format!("the copy has SHA-256 {found}, the original {expected}"),
        }
    }
}

/// SCRIPT with ARGUMENTS as `$1` and so on, for /bin/sh.
fn command(script: &str, arguments: &[&str]) -> String {
    let set = quote_all(["set", "--"].iter().chain(arguments));
    format!("{set}\n{script}")
}

fn first_digest(text: &[u8]) -> Option<String> {
    let digits = text.get(..64)?;
    digits
        .iter()
        .all(u8::is_ascii_hexdigit)
        .then(|| String::from_utf8_lossy(digits).into_owned())
}

/// What has come of a file that is fetched, and the digest of it.
struct Part {
    path: PathBuf,
    /// The file and its state, away while a thread writes.
    state: Option<PartState>,
}

struct PartState {
    file: File,
    done: u64,
    digest: Sha256,
}

impl Part {
    fn open(path: &Path) -> io::Result<Part> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut digest = Sha256::new();
        let done = hash_into(&mut file, &mut digest)?;
        Ok(Part {
            path: path.to_owned(),
            state: Some(PartState { file, done, digest }),
        })
    }

    /// Take what is missing up to SIZE from OPENED. What a kernel makes up when it is
    /// read says that it is empty, and is read to its end.
    async fn take_from(
        &mut self,
        sftp: &Sftp<'_>,
        opened: &Opened,
        size: u64,
        what: &str,
    ) -> Result<(), SshError> {
        let mut state = self.state.take().expect("put back by whoever took it");
        if state.done > size {
            state.file.set_len(0).map_err(local_trouble(&self.path))?;
            state.done = 0;
            state.digest = Sha256::new();
        }
        let mut told = state.done;
        let from = state.done;
        let (sender, pieces) = mpsc::channel(32);
        let end = if size == 0 { u64::MAX } else { size };
        let writer = tokio::task::spawn_blocking(move || state.write(pieces, end));
        let take = |piece: Vec<u8>| {
            told += piece.len() as u64;
            tell(what, told, size.max(told));
            let sent = sender.send(piece);
            async move { sent.await.is_ok() }
        };
        let read = match size {
            0 => sftp.read_to_end(opened, take).await,
            size => sftp.read(opened, from, size, take).await,
        };
        drop(sender);
        let (state, written) = writer.await.expect("the writer has no way to panic");
        self.state = Some(state);
        written.map_err(local_trouble(&self.path))?;
        read
    }

    /// How many bytes have come.
    fn done(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.done)
    }

    fn digest(&mut self) -> String {
        let state = self.state.take();
        state.map_or_else(String::new, |state| hexadecimal(state.digest))
    }
}

impl PartState {
    /// Write PIECES, of a file of SIZE bytes, as they come.
    fn write(
        mut self,
        mut pieces: mpsc::Receiver<Vec<u8>>,
        size: u64,
    ) -> (PartState, io::Result<()>) {
        let written = (|| {
            while let Some(piece) = pieces.blocking_recv() {
                // Zeros need not be written to be read.
                for run in runs(&piece) {
                    self.file
                        .write_all_at(&piece[run.clone()], self.done + run.start as u64)?;
                }
                self.done += piece.len() as u64;
                self.digest.update(&piece);
            }
            // Also what an earlier file left behind the end goes, and what is
            // said to be there is.
            self.file.set_len(self.done.min(size))
        })();
        (self, written)
    }
}

/// The parts of PIECE that are no blocks of zeros.
fn runs(piece: &[u8]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, block) in piece.chunks(HOLE).enumerate() {
        let start = index * HOLE;
        if *block == ZEROS[..block.len()] {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == start => run.end += block.len(),
            _ => runs.push(start..start + block.len()),
        }
    }
    runs
}

/// Reads the parts of the file at PATH from FROM to SIZE that are not holes,
/// and sends them in PIECE bytes each with its offset.
fn read_pieces(
    path: &Path,
    from: u64,
    size: u64,
    piece: usize,
    sender: &mpsc::Sender<Vec<(u64, Vec<u8>)>>,
) -> io::Result<()> {
    let file = File::open(path)?;
    let mut at = from;
    while at < size {
        let Some((start, end)) = next_data(&file, at)? else {
            break;
        };
        at = start;
        let end = end.min(size);
        while at < end {
            let count = (end - at).min(PIECE.max(piece) as u64) as usize;
            let mut pieces = Vec::with_capacity(count.div_ceil(piece));
            let all = at + count as u64;
            while at < all {
                let bytes = read_at(&file, at, (all - at).min(piece as u64) as usize)?;
                let next = at + bytes.len() as u64;
                pieces.push((at, bytes));
                at = next;
            }
            if sender.blocking_send(pieces).is_err() {
                // Whoever wanted them has gone, and says why.
                return Ok(());
            }
        }
    }
    Ok(())
}

/// COUNT bytes of FILE from AT on, into memory that need not be zeroed before.
fn read_at(file: &File, at: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        let next = at + bytes.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut bytes), next) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(count);
    Ok(bytes)
}

/// The first run of data in FILE at or after AT.
fn next_data(file: &File, at: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::SeekFrom::{Data, Hole};
    let start = match rustix::fs::seek(file, Data(at)) {
        Ok(start) => start,
        Err(rustix::io::Errno::NXIO) => return Ok(None),
        // A file system that knows no holes has data everywhere.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP) => {
            return Ok(Some((at, u64::MAX)));
        }
        Err(error) => return Err(error.into()),
    };
    let end = rustix::fs::seek(file, Hole(start))?;
    Ok(Some((start, end)))
}

/// A command in the guest that hashes a file while it grows.
struct Follower<'a> {
    connection: &'a Connection,
    input: ChannelReadHalf,
    remote: Remote,
    path: String,
    hashed: u64,
    mark: String,
}

impl<'a> Follower<'a> {
    async fn start(connection: &'a Connection, path: &str) -> Result<Follower<'a>, SshError> {
        let what = format!("the digest of `{path}`");
        let (input, remote) = connection.remote(&what).await?;
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let line = line(&command(&format!("{DIGEST}{FOLLOW}"), &[path]), &mark);
        remote
            .output()
            .exec(false, line.text)
            .await
            .map_err(|_| connection.lost(&what))?;
        if !line.input.is_empty() {
            remote.write(line.input).await;
        }
        Ok(Follower {
            mark,
            connection,
            input,
            remote,
            path: path.to_owned(),
            hashed: 0,
        })
    }

    /// Let it go on: the file has READY of its SIZE bytes.
    async fn hash_up_to(&mut self, ready: u64, size: u64) {
        let units = if ready >= size {
            size.div_ceil(UNIT)
        } else {
            ready / UNIT
        };
        let count = units - (self.hashed / UNIT).min(units);
        let left = size.saturating_sub(self.hashed);
        let enough = HASHED_TOGETHER.max(left / SHARE_TOGETHER);
        if count == 0 || (ready < size && count * UNIT < enough) {
            return;
        }
        let line = format!("{} {count}\n", self.hashed / UNIT);
        // A connection that is lost shows where the answer is awaited.
        self.remote.write(line.into_bytes()).await;
        self.hashed = units * UNIT;
    }

    /// The digest, once all of SIZE bytes are there.
    async fn end(mut self, size: u64) -> Result<String, SshError> {
        self.hash_up_to(size, size).await;
        let what = format!("the digest of `{}`", self.path);
        let _ = self.remote.output().eof().await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut out_mark, mut err_mark) = (Marked::new(&self.mark), Marked::new(&self.mark));
        let listening = async {
            while let Some(message) = self.input.wait().await {
                match message {
                    ChannelMsg::Data { data } if out.len() < PIECE => {
                        out.extend_from_slice(&out_mark.take(&data));
                    }
                    ChannelMsg::ExtendedData { data, .. } if err.len() < PIECE => {
                        err.extend_from_slice(&err_mark.take(&data));
                    }
                    ChannelMsg::Close => return true,
                    _ => {}
                }
            }
            false
        };
        match clock::limit(HASHING, listening).await {
            // A server that runs something else says so without a mark.
            Ok(ended) => {
                self.remote.ended = ended;
                out.extend_from_slice(out_mark.noise());
            }
            Err(_) => {
                return Err(SshError::Deadline {
                    destination: self.connection.destination().clone(),
                    what,
                    waited: HASHING,
                    last: last_line(&err).unwrap_or_default(),
                });
            }
        }
        if !self.remote.ended {
            return Err(self.connection.lost(&what));
        }
        self.connection.digest_said(&self.path, &out, &err)
    }
}

fn tell(what: &str, done: u64, total: u64) {
    progress::tell(Event::Transfer {
        what: what.to_owned(),
        done,
        total: Some(total),
    });
}

/// Where a file is until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

pub(super) fn local_trouble(path: &Path) -> impl FnOnce(io::Error) -> SshError + '_ {
    move |error| SshError::Local {
        path: path.to_owned(),
        error,
    }
}

pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    hash_into(&mut File::open(path)?, &mut digest)?;
    Ok(hexadecimal(digest))
}

fn hash_into(file: &mut File, digest: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut size = 0;
    file.seek(SeekFrom::Start(0))?;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(size);
        }
        digest.update(&buffer[..count]);
        size += count as u64;
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_zeros_are_left_out_and_others_written_together() {
        let mut piece = vec![0; 4 * HOLE + 10];
        assert!(runs(&piece).is_empty());
        for at in [0, HOLE, 4 * HOLE + 3] {
            piece[at] = 1;
        }
        assert_eq!(runs(&piece), [0..2 * HOLE, 4 * HOLE..4 * HOLE + 10]);
        assert!(runs(&[]).is_empty());
    }
}
