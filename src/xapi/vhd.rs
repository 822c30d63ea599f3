//! A raw disk image as a VHD stream of known length.
//!
//! The host reads a dynamic VHD from the front to the back and writes only the
//! sectors whose bit is set, so zeros cost nothing. The layout is the one xapi
//! itself writes: footer, header, block table, blocks, footer. Only for a disk
//! that is full of zeros: what is not sent stays as it is.
//!
//! Source: Microsoft's Virtual Hard Disk Image Format Specification, 1.0;
//! xapi's `vhd_format.ml`.

use super::body::Piece;
use super::extents::{Extents, GROUP};
use std::time::{SystemTime, UNIX_EPOCH};

/// The size of a block's data.
pub const BLOCK: u64 = 2 << 20;

/// A sector, the unit of bitmaps and offsets.
pub const SECTOR: u64 = 512;

pub const HEADER_BYTES: usize = 1024;

/// A block's bitmap: a bit a sector.
const BITMAP: u64 = BLOCK / SECTOR / 8;

const HEADER_AT: u64 = 512;
const TABLE_AT: u64 = 2048;

/// Seconds from 1970 to 2000, from which VHD counts.
const EPOCH: u64 = 946_684_800;

/// Larger disks the format cannot hold.
pub const LARGEST: u64 = 2040 << 30;

/// A plan of the stream for an image with EXTENTS on a disk of SIZE bytes.
pub struct Stream<'a> {
    extents: &'a Extents,
    size: u64,
    /// The blocks that hold data, in order.
    blocks: Vec<u64>,
    identity: [u8; 16],
    created: u32,
}

impl<'a> Stream<'a> {
    /// SIZE is a multiple of a sector and not smaller than the image.
    pub fn new(extents: &'a Extents, size: u64) -> Stream<'a> {
        let groups_a_block = BLOCK / GROUP;
        let mut next = 0;
        let blocks = std::iter::from_fn(|| {
            let block = extents.next_group(next)? / groups_a_block;
            next = (block + 1) * groups_a_block;
            (block * BLOCK < size).then_some(block)
        })
        .collect();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs());
        Stream {
            extents,
            size,
            blocks,
            identity: uuid::Uuid::new_v4().into_bytes(),
            created: now.saturating_sub(EPOCH) as u32,
        }
    }

    /// How many bytes the whole stream has.
    pub fn length(&self) -> u64 {
        self.data_at() + self.blocks.len() as u64 * (BITMAP + BLOCK) + SECTOR
    }

    fn entries(&self) -> u64 {
        self.size.div_ceil(BLOCK)
    }

    fn data_at(&self) -> u64 {
        TABLE_AT + (self.entries() * 4).next_multiple_of(SECTOR)
    }

    /// The stream, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        let mut front = self.footer();
        front.extend(self.header());
        front.resize(TABLE_AT as usize, 0);
        front.extend(self.table());
        let blocks = self.blocks.iter().flat_map(|block| {
            [
                Piece::Bytes(self.bitmap(*block)),
                Piece::Image(block * BLOCK, BLOCK),
            ]
        });
        std::iter::once(Piece::Bytes(front))
            .chain(blocks)
            .chain(std::iter::once_with(|| Piece::Bytes(self.footer())))
    }

    fn footer(&self) -> Vec<u8> {
        let mut footer = Vec::with_capacity(SECTOR as usize);
        footer.extend(b"conectix");
        footer.extend(2_u32.to_be_bytes()); // features: the reserved bit, always set
        footer.extend(0x0001_0000_u32.to_be_bytes()); // version of the format
        footer.extend(HEADER_AT.to_be_bytes());
        footer.extend(self.created.to_be_bytes());
        // Readers take the size from the geometry unless they know the creator.
        footer.extend(b"tap\0");
        footer.extend(0x0001_0003_u32.to_be_bytes());
        footer.extend([0; 4]); // host system
        footer.extend(self.size.to_be_bytes());
        footer.extend(self.size.to_be_bytes());
        footer.extend(geometry(self.size));
        footer.extend(3_u32.to_be_bytes()); // dynamic
        footer.extend([0; 4]); // the checksum
        footer.extend(self.identity);
        footer.resize(SECTOR as usize, 0);
        let sum = checksum(&footer);
        footer[64..68].copy_from_slice(&sum);
        footer
    }

    fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(1024);
        header.extend(b"cxsparse");
        header.extend(u64::MAX.to_be_bytes());
        header.extend(TABLE_AT.to_be_bytes());
        header.extend(0x0001_0000_u32.to_be_bytes());
        header.extend((self.entries() as u32).to_be_bytes());
        header.extend((BLOCK as u32).to_be_bytes());
        header.resize(1024, 0);
        let sum = checksum(&header);
        header[36..40].copy_from_slice(&sum);
        header
    }

    fn table(&self) -> Vec<u8> {
        let mut table = vec![0xff; (self.data_at() - TABLE_AT) as usize];
        for (index, block) in self.blocks.iter().enumerate() {
            let offset = self.data_at() + index as u64 * (BITMAP + BLOCK);
            let at = *block as usize * 4;
            table[at..at + 4].copy_from_slice(&((offset / SECTOR) as u32).to_be_bytes());
        }
        table
    }

    /// The bits of the sectors that hold data, the first sector's highest.
    fn bitmap(&self, block: u64) -> Vec<u8> {
        let mut bitmap = vec![0; BITMAP as usize];
        let sectors_a_group = GROUP / SECTOR;
        for (index, byte) in bitmap.iter_mut().enumerate() {
            // Eight sectors are a group, so a byte is all or nothing.
            let group = (block * BLOCK + index as u64 * sectors_a_group * SECTOR) / GROUP;
            if self.extents.has(group) {
                *byte = 0xff;
            }
        }
        bitmap
    }
}

/// Cylinders, heads and sectors of a disk of SIZE bytes, as the format wants them.
fn geometry(size: u64) -> [u8; 4] {
    let total = (size / SECTOR).min(65535 * 16 * 255);
    let (cylinders_times_heads, heads, sectors) = if total >= 65535 * 16 * 63 {
        (total / 255, 16, 255)
    } else {
        let mut sectors = 17;
        let mut product = total / sectors;
        let mut heads = product.div_ceil(1024).max(4);
        if product >= heads * 1024 || heads > 16 {
            sectors = 31;
            heads = 16;
            product = total / sectors;
        }
        if product >= heads * 1024 {
            sectors = 63;
            heads = 16;
            product = total / sectors;
        }
        (product, heads, sectors)
    };
    let cylinders = ((cylinders_times_heads / heads) as u16).to_be_bytes();
    [cylinders[0], cylinders[1], heads as u8, sectors as u8]
}

/// Where the header is, by FOOTER, when it is one of a dynamic disk.
pub fn header_place(footer: &[u8]) -> Option<u64> {
    let is_dynamic = footer.starts_with(b"conectix") && word(footer, 60) == 3;
    is_dynamic.then(|| long(footer, 16))
}

/// The table of blocks, as a header tells of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table {
    pub at: u64,
    pub entries: u32,
    pub block_bytes: u64,
}

/// The table that HEADER tells of, when both make sense.
pub fn table_place(header: &[u8]) -> Option<Table> {
    let table = Table {
        at: long(header, 16),
        entries: word(header, 28),
        block_bytes: u64::from(word(header, 32)),
    };
    let makes_sense = header.starts_with(b"cxsparse")
        && table.block_bytes.is_power_of_two()
        && (GROUP..=64 << 20).contains(&table.block_bytes)
        // 2040 GiB in the smallest blocks that anybody uses.
        && u64::from(table.entries) * table.block_bytes <= 2 * LARGEST;
    makes_sense.then_some(table)
}

/// Which blocks a stream has and where.
#[derive(Debug)]
pub struct Layout {
    pub block_bytes: u64,
    /// Place in the stream and number, in the order of the stream.
    pub blocks: Vec<(u64, u64)>,
    present: Vec<bool>,
}

impl Layout {
    /// What the table with these ENTRIES, four bytes each, says.
    pub fn new(entries: &[u8], block_bytes: u64) -> Layout {
        let places: Vec<u32> = entries
            .chunks_exact(4)
            .map(|entry| word(entry, 0))
            .collect();
        let mut blocks: Vec<(u64, u64)> = (0_u64..)
            .zip(&places)
            .filter(|(_, place)| **place != u32::MAX)
            .map(|(block, place)| (u64::from(*place) * SECTOR, block))
            .collect();
        blocks.sort_unstable();
        Layout {
            block_bytes,
            blocks,
            present: places.iter().map(|place| *place != u32::MAX).collect(),
        }
    }

    pub fn has(&self, block: u64) -> bool {
        self.present.get(block as usize).copied().unwrap_or(false)
    }

    /// The size of the bitmap in front of each block.
    pub fn bitmap_bytes(&self) -> usize {
        (self.block_bytes / SECTOR / 8).next_multiple_of(SECTOR) as usize
    }
}

/// The big-endian number at OFFSET of BYTES; 0 beyond their end.
fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..offset + 4)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

fn long(bytes: &[u8], offset: usize) -> u64 {
    u64::from(word(bytes, offset)) << 32 | u64::from(word(bytes, offset + 4))
}

/// The complement of the sum of BYTES, whose own place holds zeros.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let sum = bytes
        .iter()
        .fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    (!sum).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xapi::body::{Body, Source};
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::process::{Command, Output};

    /// Write the stream for the image at RAW to VHD as it is sent; its length.
    fn write_stream(raw: &Path, vhd: &Path) -> u64 {
        let image = File::open(raw).unwrap();
        let size = image.metadata().unwrap().len();
        let extents = Extents::of(&image, size).unwrap();
        let stream = Stream::new(&extents, size);
        let source = Source {
            file: &image,
            length: size,
            image: raw,
        };
        let mut body = Body::new(source, stream.pieces());
        let mut file = File::create(vhd).unwrap();
        let mut buffer = vec![0; 100_000];
        loop {
            let count = body.next(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).unwrap();
        }
        assert_eq!(file.metadata().unwrap().len(), stream.length());
        stream.length()
    }

    /// `qemu-img` with ARGUMENTS in DIRECTORY; `None` where there is none.
    fn qemu(directory: &Path, arguments: &[&str]) -> Option<Output> {
        match Command::new("qemu-img")
            .args(arguments)
            .current_dir(directory)
            .output()
        {
            Ok(output) => Some(output),
            Err(error) => {
                println!("skipped: qemu-img cannot be run: {error}");
                None
            }
        }
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn qemu_finds_the_stream_sound_and_the_image_in_it_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let (raw, vhd) = (directory.path().join("image"), directory.path().join("vhd"));
        // The size of an image, where it has 512 bytes of data, and its blocks.
        let cases: [(u64, Vec<u64>, u64); 6] = [
            (2 * MIB, vec![], 0),
            (2 * MIB, vec![0], 1),
            (
                64 * MIB,
                vec![0, 512, 3 * MIB + 4096, 17 * MIB - 512, 64 * MIB - 512],
                4,
            ),
            // Every other sector of one block, and both sides of its ends.
            (
                8 * MIB,
                (1..=4097)
                    .map(|sector| 2 * MIB - 512 + sector / 2 * 1024)
                    .collect(),
                3,
            ),
            // More blocks than one sector of the table holds, not in a row.
            (
                600 * MIB,
                (0..100).map(|index| index * 6 * MIB + 5 * MIB).collect(),
                100,
            ),
            (5000 * MIB, vec![4999 * MIB], 1),
        ];
        for (size, places, blocks) in cases {
            let image = File::create(&raw).unwrap();
            image.set_len(size).unwrap();
            for place in &places {
                let content = [(place / 512 % 251) as u8 + 1; 512];
                image.write_all_at(&content, *place).unwrap();
            }
            let length = write_stream(&raw, &vhd);
            let frame = 3072 + (size.div_ceil(BLOCK) * 4).next_multiple_of(SECTOR);
            assert!(length <= frame + blocks * (BLOCK + 512), "{size}: {length}");
            // The format has no more to check than what opening it looks at.
            let Some(checked) = qemu(directory.path(), &["check", "-f", "vpc", "vhd"]) else {
                return;
            };
            let said = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(
                checked.status.success() || said.contains("does not support checks"),
                "{said}"
            );
            let ask = |arguments: &[&str]| qemu(directory.path(), arguments).unwrap();
            let told = ask(&["info", "-f", "vpc", "vhd"]);
            let text = String::from_utf8_lossy(&told.stdout).into_owned();
            assert!(text.contains(&format!("({size} bytes)")), "{told:?}");
            let compared = ask(&["compare", "-f", "raw", "-F", "vpc", "image", "vhd"]);
            assert!(compared.status.success(), "{size}: {compared:?}");
            let converted = ask(&["convert", "-f", "vpc", "-O", "raw", "vhd", "back"]);
            assert!(converted.status.success(), "{size}: {converted:?}");
            let same = ask(&["compare", "-f", "raw", "-F", "raw", "image", "back"]);
            let same = same.status;
            assert!(same.success(), "{size}: the image that comes back differs");
        }
    }
}
