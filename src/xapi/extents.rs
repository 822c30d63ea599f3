//! Where a raw disk image holds data: what lies outside need not be sent to a
//! disk that is full of zeros.
//!
//! Holes of the file are skipped by `SEEK_DATA` where the file system knows
//! them, and what is left is read and looked at in groups of 4 KiB. The result
//! has a bit a group, 1 MiB of memory for an image of 32 GiB. Where samples find
//! nothing but data outside the holes, the holes are all there is to know, and
//! the image is spared being read twice.
//!
//! Source: lseek(2).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The unit in which data is told from zeros.
pub const GROUP: u64 = 4096;

/// How many words of bits a processor takes at once: 64 MiB of the image.
const PART: usize = 256;

/// How much is read at once: what stays near the processor.
const ROOM: usize = 64 << 10;

/// More would wait for memory.
const MOST_PROCESSORS: usize = 4;

/// Which groups of an image hold something other than zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extents {
    bits: Vec<u64>,
}

impl Extents {
    /// What is worth sending of the LENGTH bytes of FILE: every group with data,
    /// and no more than the file system has allocated.
    pub fn worth_sending(file: &File, length: u64) -> io::Result<Extents> {
        match Extents::allocated(file, length)? {
            Some(extents) => Ok(extents),
            None => Extents::of(file, length),
        }
    }

    /// What the file system has allocated, unless a sample of it holds zeros.
    fn allocated(file: &File, length: u64) -> io::Result<Option<Extents>> {
        let is_solid = AtomicBool::new(true);
        let extents = Extents::by_parts(length, |start, end, part, buffer| {
            if is_solid.load(Ordering::Relaxed) && !mark_allocated(file, start, end, part, buffer)?
            {
                is_solid.store(false, Ordering::Relaxed);
            }
            Ok(())
        })?;
        Ok(is_solid.into_inner().then_some(extents))
    }

    /// Which of the groups of the LENGTH bytes of FILE hold data.
    pub fn of(file: &File, length: u64) -> io::Result<Extents> {
        Extents::by_parts(length, |start, end, part, buffer| {
            mark_data(file, start, end, part, buffer)
        })
    }

    /// The bits that MARK sets for an image of LENGTH bytes. It is given where a
    /// part of the image begins and ends, the bits that stand for it, and room to
    /// read into; several processors take one part after the other.
    fn by_parts(
        length: u64,
        mark: impl Fn(u64, u64, &mut [u64], &mut [u8]) -> io::Result<()> + Sync,
    ) -> io::Result<Extents> {
        let mut bits = vec![0; length.div_ceil(GROUP).div_ceil(64) as usize];
        let parts = Mutex::new(bits.chunks_mut(PART).enumerate());
        let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let look = || {
                let mut buffer = vec![0; ROOM];
                while let Some((index, part)) = next() {
                    let start = (index * PART * 64) as u64 * GROUP;
                    let end = length.min(start + (part.len() * 64) as u64 * GROUP);
                    mark(start, end, part, &mut buffer)?;
                }
                io::Result::Ok(())
            };
            let others: Vec<_> = (1..processors.min(MOST_PROCESSORS))
                .map(|_| scope.spawn(look))
                .collect();
            others.into_iter().fold(look(), |outcome, other| {
                let joined = other.join().unwrap_or_else(|panic| resume_unwind(panic));
                outcome.and(joined)
            })
        })?;
        Ok(Extents { bits })
    }

    /// Whether GROUP, counted from 0, holds data.
    pub fn has(&self, group: u64) -> bool {
        self.bits
            .get((group / 64) as usize)
            .is_some_and(|word| word >> (group % 64) & 1 == 1)
    }

    /// The runs of groups with data, as offset and length in bytes, none longer
    /// than LONGEST; the last may reach beyond the image's end.
    pub fn runs(&self, longest: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut group = 0;
        std::iter::from_fn(move || {
            let first = self.next_group(group)?;
            let limit = first + longest / GROUP;
            group = first + 1;
            while group < limit && self.has(group) {
                group += 1;
            }
            Some((first * GROUP, (group - first) * GROUP))
        })
    }

    /// The first group with data at or after GROUP.
    pub fn next_group(&self, group: u64) -> Option<u64> {
        let first = (group / 64) as usize;
        let masked = self.bits.get(first)? & (u64::MAX << (group % 64));
        if masked != 0 {
            return Some(first as u64 * 64 + u64::from(masked.trailing_zeros()));
        }
        let rest = self.bits.iter().enumerate().skip(first + 1);
        rest.filter(|(_, word)| **word != 0)
            .map(|(index, word)| index as u64 * 64 + u64::from(word.trailing_zeros()))
            .next()
    }
}

/// Set the bits of the groups that are allocated in PART, which stands for what
/// FILE has from START to END; false when a sample, read into BUFFER, holds zeros.
fn mark_allocated(
    file: &File,
    start: u64,
    end: u64,
    part: &mut [u64],
    buffer: &mut [u8],
) -> io::Result<bool> {
    let mut offset = start;
    while let Some(data) = next_data(file, offset, end)? {
        offset = next_hole(file, data, end)?;
        // Groups counted from START.
        let (first, last) = ((data - start) / GROUP, (offset - start).div_ceil(GROUP));
        for group in first..last {
            part[(group / 64) as usize] |= 1 << (group % 64);
        }
        for word in first / 64..last.div_ceil(64) {
            // Somewhere in each 64 groups, so that no pattern is missed.
            let which = start / GROUP / 64 + word;
            let sample = word * 64 + (which.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58);
            if !(first..last).contains(&sample) {
                continue;
            }
            let place = start + sample * GROUP;
            let there = (end - place).min(GROUP) as usize;
            file.read_exact_at(&mut buffer[..there], place)?;
            if is_zero(&buffer[..there]) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Set the bits of the groups that hold data in PART, which stands for what FILE
/// has from START to END; BUFFER is room to read into.
fn mark_data(
    file: &File,
    start: u64,
    end: u64,
    part: &mut [u64],
    buffer: &mut [u8],
) -> io::Result<()> {
    let mut offset = start;
    while let Some(data) = next_data(file, offset, end)? {
        // Groups are looked at whole, though data may begin within one.
        offset = data / GROUP * GROUP;
        let limit = (end - offset).min(buffer.len() as u64) as usize;
        file.read_exact_at(&mut buffer[..limit], offset)?;
        for content in buffer[..limit].chunks(GROUP as usize) {
            if !is_zero(content) {
                let group = (offset - start) / GROUP;
                part[(group / 64) as usize] |= 1 << (group % 64);
            }
            offset += content.len() as u64;
        }
    }
    Ok(())
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

/// Where the data at OFFSET ends, at LENGTH at the latest.
fn next_hole(file: &File, offset: u64, length: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(offset)) {
        Ok(end) => Ok(end.min(length)),
        // The file system does not know its holes.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => Ok(length),
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
            extents.runs(1 << 20).collect::<Vec<_>>(),
            [(0, 4096), (5 << 20, 12288), (10 << 20, 4096)]
        );
        assert_eq!(
            extents.runs(8192).collect::<Vec<_>>()[1..3],
            [(5 << 20, 8192), ((5 << 20) + 8192, 4096)]
        );
    }
    #[test]
    fn an_image_that_is_solid_outside_its_holes_is_not_read_and_any_other_is() {
        let length = 64 << 20;
        let file = tempfile::tempfile().unwrap();
        file.set_len(length).unwrap();
        for place in [0, 5 << 20, length - (1 << 20)] {
            file.write_all_at(&[7; 1 << 20], place).unwrap();
        }
        let exact = Extents::of(&file, length).unwrap();
        assert_eq!(
            Extents::allocated(&file, length).unwrap(),
            Some(exact.clone())
        );
        assert_eq!(Extents::worth_sending(&file, length).unwrap(), exact);
        // Zeros that take room on the disk are found, and not sent.
        file.write_all_at(&[0; 1 << 20], 9 << 20).unwrap();
        assert_eq!(Extents::allocated(&file, length).unwrap(), None);
        assert_eq!(Extents::worth_sending(&file, length).unwrap(), exact);
    }
}
