//! Where a raw disk image holds data: what lies outside need not be sent to a
//! disk that is full of zeros.
//!
//! Holes of the file are skipped by `SEEK_DATA` where the file system knows
//! them, and what is left is read and looked at in groups of 4 KiB. The result
//! has a bit a group, 1 MiB of memory for an image of 32 GiB.
//!
//! Source: lseek(2).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The unit in which data is told from zeros.
pub const GROUP: u64 = 4096;

/// Which groups of an image hold something other than zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extents {
    bits: Vec<u64>,
    length: u64,
}

impl Extents {
    /// Look at the LENGTH bytes of FILE.
    pub fn of(file: &File, length: u64) -> io::Result<Extents> {
        let groups = length.div_ceil(GROUP);
        let mut extents = Extents {
            bits: vec![0; groups.div_ceil(64) as usize],
            length,
        };
        let mut buffer = vec![0; 1 << 20];
        let mut offset = 0;
        while let Some(start) = next_data(file, offset, length)? {
            // Groups are looked at whole, though data may begin within one.
            offset = start / GROUP * GROUP;
            let limit = (length - offset).min(buffer.len() as u64) as usize;
            file.read_exact_at(&mut buffer[..limit], offset)?;
            for (index, group) in buffer[..limit].chunks(GROUP as usize).enumerate() {
                if !is_zero(group) {
                    extents.set(offset / GROUP + index as u64);
                }
            }
            offset += limit as u64;
        }
        Ok(extents)
    }

    fn set(&mut self, group: u64) {
        self.bits[(group / 64) as usize] |= 1 << (group % 64);
    }

    /// Whether GROUP, counted from 0, holds data.
    pub fn has(&self, group: u64) -> bool {
        self.bits
            .get((group / 64) as usize)
            .is_some_and(|word| word >> (group % 64) & 1 == 1)
    }

    /// The runs of groups with data, as offset and length in bytes, none longer
    /// than LONGEST; the last may reach beyond the image's end.
    pub fn runs(&self, longest: u64) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for group in (0..self.length.div_ceil(GROUP)).filter(|group| self.has(*group)) {
            match runs.last_mut() {
                Some((offset, length))
                    if *offset + *length == group * GROUP && *length + GROUP <= longest =>
                {
                    *length += GROUP;
                }
                _ => runs.push((group * GROUP, GROUP)),
            }
        }
        runs
    }
}

/// Where the next data at or after OFFSET begins, if there is any before LENGTH.
fn next_data(file: &File, offset: u64, length: u64) -> io::Result<Option<u64>> {
    if offset >= length {
        return Ok(None);
    }
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(start) => Ok((start < length).then_some(start)),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        // The file system does not know its holes: everything is data.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => Ok(Some(offset)),
        Err(error) => Err(error.into()),
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    rest.iter().all(|byte| *byte == 0)
        && chunks.iter().all(|chunk| u128::from_ne_bytes(*chunk) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    #[test]
    fn holes_and_written_zeros_are_no_data() {
        let mut file = tempfile::tempfile().unwrap();
        let length = (10 << 20) + 100;
        file.set_len(length).unwrap();
        for (offset, bytes) in [
            (0, vec![1; 1]),
            (3 << 20, vec![0; 8192]),
            (5 << 20, vec![7; 8193]),
            (length - 1, vec![9; 1]),
        ] {
            file.seek(SeekFrom::Start(offset)).unwrap();
            file.write_all(&bytes).unwrap();
        }
        let extents = Extents::of(&file, length).unwrap();
        assert_eq!(
            extents.runs(1 << 20),
            [(0, 4096), (5 << 20, 12288), (10 << 20, 4096)]
        );
        assert_eq!(
            extents.runs(8192)[1..3],
            [(5 << 20, 8192), ((5 << 20) + 8192, 4096)]
        );
    }
}
