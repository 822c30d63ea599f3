//! What is sent of an image: bytes of ours and ranges of the file, one after the
//! other, taken in buffers of a size that suits the wire.

use super::error::XapiError;
use super::extents::Extents;
use std::fs::File;
use std::io;
use std::iter;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A piece of a body.
#[derive(Debug, PartialEq)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// OFFSET and LENGTH in the image; zeros beyond its end.
    Image(u64, u64),
}

/// The image that is sent.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a File,
    pub length: u64,
    pub image: &'a Path,
}

impl Source<'_> {
    /// Fill BUFFER with what is at OFFSET; zeros beyond the end.
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), XapiError> {
        let there = self.length.saturating_sub(offset).min(buffer.len() as u64) as usize;
        buffer[there..].fill(0);
        self.file
            .read_exact_at(&mut buffer[..there], offset)
            .map_err(|error| XapiError::File {
                path: self.image.display().to_string(),
                reason: match error.kind() {
                    io::ErrorKind::UnexpectedEof => {
                        "it has become shorter while it was sent".to_owned()
                    }
                    _ => error.to_string(),
                },
            })
    }
}

/// PIECES of SOURCE, and how far they have been taken.
pub struct Body<'a, Pieces> {
    source: Source<'a>,
    pieces: Pieces,
    current: Option<Piece>,
}

impl<'a, Pieces: Iterator<Item = Piece>> Body<'a, Pieces> {
    pub fn new(source: Source<'a>, pieces: Pieces) -> Body<'a, Pieces> {
        Body {
            source,
            pieces,
            current: None,
        }
    }

    /// Put the next bytes into BUFFER and answer how many; 0 at the end. What is
    /// ours does not share a buffer with the image, which is so read at the
    /// boundaries of its pages.
    pub fn next(&mut self, buffer: &mut [u8]) -> Result<usize, XapiError> {
        loop {
            let Some(piece) = self.current.take().or_else(|| self.pieces.next()) else {
                return Ok(0);
            };
            let count = match piece {
                Piece::Bytes(mut bytes) => {
                    let count = bytes.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&bytes[..count]);
                    if count < bytes.len() {
                        bytes.drain(..count);
                        self.current = Some(Piece::Bytes(bytes));
                    }
                    count
                }
                Piece::Image(offset, length) => {
                    let count = length.min(buffer.len() as u64) as usize;
                    self.source.read(&mut buffer[..count], offset)?;
                    if (count as u64) < length {
                        let taken = count as u64;
                        self.current = Some(Piece::Image(offset + taken, length - taken));
                    }
                    count
                }
            };
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

/// No chunk is longer: hosts take less than 2 GiB, and this is plenty.
const LONGEST_CHUNK: u64 = 1 << 20;

const CHUNK_HEAD: u64 = 12;

/// EXTENTS in XAPI's own framing: offset and length, little-endian, in front of
/// each run, and zeros in their place at the end.
///
/// Source: xapi's `sparse_dd`, `Chunked`.
pub fn chunks(extents: &Extents) -> impl Iterator<Item = Piece> + '_ {
    extents
        .runs(LONGEST_CHUNK)
        .flat_map(|(offset, length)| {
            [
                Piece::Bytes(chunk_head(offset, length)),
                Piece::Image(offset, length),
            ]
        })
        .chain(iter::once_with(|| Piece::Bytes(chunk_head(0, 0))))
}

/// How many bytes [`chunks`] are.
pub fn chunks_length(extents: &Extents) -> u64 {
    let runs = extents.runs(LONGEST_CHUNK);
    runs.map(|(_, length)| CHUNK_HEAD + length).sum::<u64>() + CHUNK_HEAD
}

fn chunk_head(offset: u64, length: u64) -> Vec<u8> {
    let mut head = offset.to_le_bytes().to_vec();
    head.extend((length as u32).to_le_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn pieces_come_in_buffers_of_any_size_and_the_image_ends_in_zeros() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcdefgh").unwrap();
        let source = Source {
            file: &file,
            length: 8,
            image: Path::new("image"),
        };
        for size in 1..20 {
            let pieces = vec![
                Piece::Bytes(b"123".to_vec()),
                Piece::Image(2, 4),
                Piece::Bytes(Vec::new()),
                Piece::Image(6, 4),
            ];
            let mut body = Body::new(source, pieces.into_iter());
            let mut all: Vec<u8> = Vec::new();
            let mut buffer = vec![b'-'; size];
            loop {
                let count = body.next(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                all.extend(&buffer[..count]);
            }
            assert_eq!(all, b"123cdefgh\0\0", "{size}");
        }
    }
}
