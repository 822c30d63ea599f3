//! The digest of one file, or of a range of its bytes.

use super::algorithm::{Algorithm, Hasher};
use super::{DigestError, Sha256};
use crate::runtime;
use sha2::Digest as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// Large enough that system calls do not count, small enough for the cache.
pub(super) const CHUNK: usize = 128 * 1024;

/// The SHA-256 of the contents of the file at PATH.
pub fn sha256_of_file(path: &Path) -> Result<Sha256, DigestError> {
    let file = File::open(path).map_err(|error| DigestError::io("read", path, error))?;
    sha256_of_reader(file, path, &mut vec![0; CHUNK]).map(|(digest, _)| digest)
}

/// The digest of the file at PATH by ALGORITHM, as it is written.
pub(super) fn digest_of_file(path: &Path, algorithm: Algorithm) -> Result<String, DigestError> {
    let fail = |error| DigestError::io("read", path, error);
    let mut file = File::open(path).map_err(fail)?;
    let (mut hasher, mut buffer) = (Hasher::new(algorithm), vec![0; CHUNK]);
    loop {
        if runtime::take_interrupt() {
            return Err(DigestError::Interrupted {
                path: path.to_owned(),
            });
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(error)),
        }
    }
}

/// The SHA-256 of the bytes RANGE of the file at PATH.
pub fn sha256_of_range(path: &Path, range: Range<u64>) -> Result<Sha256, DigestError> {
    let fail = |error: io::Error| DigestError::io("read", path, error);
    let mut file = File::open(path).map_err(fail)?;
    let length = range.end.saturating_sub(range.start);
    file.seek(SeekFrom::Start(range.start)).map_err(fail)?;
    let (digest, count) =
        sha256_of_reader(Read::take(&mut file, length), path, &mut vec![0; CHUNK])?;
    if count < length {
        return Err(DigestError::Range {
            path: path.to_owned(),
            end: range.end,
            size: file.seek(SeekFrom::End(0)).map_err(fail)?,
        });
    }
    Ok(digest)
}

/// The digest and number of the bytes that READER, opened at PATH, has left.
/// BUFFER is the caller's, so that a tree of small files needs only one.
pub(super) fn sha256_of_reader(
    mut reader: impl Read,
    path: &Path,
    buffer: &mut [u8],
) -> Result<(Sha256, u64), DigestError> {
    let mut hasher = sha2::Sha256::new();
    let mut count = 0;
    loop {
        if runtime::take_interrupt() {
            return Err(DigestError::Interrupted {
                path: path.to_owned(),
            });
        }
        match reader.read(buffer) {
            Ok(0) => return Ok((Sha256(hasher.finalize().into()), count)),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                count += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(DigestError::io("read", path, error)),
        }
    }
}
