//! Reading a VHD stream the way vhd-tool does: from the front to the back,
//! checking every checksum, writing the sectors whose bit is set.
//!
//! Source: Microsoft's Virtual Hard Disk Image Format Specification, 1.0.

/// What a stream begins with.
pub const FOOTER: usize = 512;
pub const HEADER: usize = 1024;

/// The fields of a footer and a header that a reader needs.
#[derive(Debug, PartialEq)]
pub struct Layout {
    /// Where the header begins.
    pub header_at: u64,
}

/// The fields of the header of a dynamic disk.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub at: u64,
    pub entries: u32,
    pub block_bytes: u32,
}

/// The footer in BYTES, when it is a sound one of a dynamic disk.
pub fn footer(bytes: &[u8]) -> Option<Layout> {
    let sound = bytes.len() == FOOTER
        && bytes.starts_with(b"conectix")
        && checksum(bytes, 64) == number(bytes, 64)
        && number(bytes, 60) == 3;
    sound.then(|| Layout {
        header_at: u64::from_be_bytes(bytes[16..24].try_into().unwrap_or_default()),
    })
}

/// The header in BYTES, when it is a sound one.
pub fn header(bytes: &[u8]) -> Option<Table> {
    let block_bytes = number(bytes, 32);
    let sound = bytes.len() == HEADER
        && bytes.starts_with(b"cxsparse")
        && checksum(bytes, 36) == number(bytes, 36)
        && block_bytes.is_power_of_two()
        && (4096..=64 << 20).contains(&block_bytes);
    sound.then(|| Table {
        at: u64::from_be_bytes(bytes[16..24].try_into().unwrap_or_default()),
        entries: number(bytes, 28),
        block_bytes,
    })
}

/// The big-endian number at OFFSET.
pub fn number(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..offset + 4)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

/// The complement of the sum of BYTES without the checksum itself at OFFSET.
fn checksum(bytes: &[u8], offset: usize) -> u32 {
    !bytes
        .iter()
        .enumerate()
        .filter(|(index, _)| !(offset..offset + 4).contains(index))
        .fold(0_u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)))
}

/// The runs of sectors whose bits are set, as first sector and count.
pub fn runs(bitmap: &[u8], sectors: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for sector in 0..sectors {
        if bitmap[sector / 8] & (0x80 >> (sector % 8)) == 0 {
            continue;
        }
        match runs.last_mut() {
            Some((first, count)) if *first + *count == sector => *count += 1,
            _ => runs.push((sector, 1)),
        }
    }
    runs
}

/// The size of a block's data in what the host writes.
pub const BLOCK: u64 = 2 << 20;

/// The numbers of the blocks of FILE, SIZE bytes long, in which the file system
/// has data.
pub fn blocks_with_data(file: &std::fs::File, size: u64) -> std::io::Result<Vec<u64>> {
    let mut blocks = Vec::new();
    let mut offset = 0;
    while offset < size {
        match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) if data < size => {
                blocks.push(data / BLOCK);
                offset = (data / BLOCK + 1) * BLOCK;
            }
            Ok(_) | Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(blocks)
}

/// What stands before and after BLOCKS in the VHD of a disk of SIZE bytes.
pub fn frame(size: u64, blocks: &[u64]) -> (Vec<u8>, Vec<u8>) {
    const TABLE_AT: usize = 2048;
    let entries = size.div_ceil(BLOCK) as usize;
    let mut back = b"conectix".to_vec();
    back.extend(2_u32.to_be_bytes());
    back.extend(0x0001_0000_u32.to_be_bytes());
    back.extend((FOOTER as u64).to_be_bytes());
    back.extend([0; 4]);
    back.extend(b"tap\0");
    back.extend(0x0001_0003_u32.to_be_bytes());
    back.extend([0; 4]);
    back.extend(size.to_be_bytes());
    back.extend(size.to_be_bytes());
    back.extend([0, 0, 16, 63]);
    back.extend(3_u32.to_be_bytes());
    back.extend([0; 4]);
    back.resize(FOOTER, 0);
    put_checksum(&mut back, 64);

    let mut header = b"cxsparse".to_vec();
    header.extend([0xff; 8]);
    header.extend((TABLE_AT as u64).to_be_bytes());
    header.extend(0x0001_0000_u32.to_be_bytes());
    header.extend((entries as u32).to_be_bytes());
    header.extend((BLOCK as u32).to_be_bytes());
    header.resize(HEADER, 0);
    put_checksum(&mut header, 36);

    let mut front = back.clone();
    front.extend(header);
    front.resize(TABLE_AT, 0);
    let data_at = TABLE_AT + (entries * 4).next_multiple_of(512);
    front.resize(data_at, 0xff);
    for (index, block) in blocks.iter().enumerate() {
        let offset = data_at as u64 + index as u64 * (BLOCK + 512);
        let at = TABLE_AT + *block as usize * 4;
        front[at..at + 4].copy_from_slice(&((offset / 512) as u32).to_be_bytes());
    }
    (front, back)
}

fn put_checksum(bytes: &mut [u8], at: usize) {
    let sum = bytes
        .iter()
        .fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    bytes[at..at + 4].copy_from_slice(&(!sum).to_be_bytes());
}

/// The bitmap of a block whose first BYTES are on the disk.
pub fn full_bitmap(bytes: usize) -> Vec<u8> {
    let sectors = bytes / 512;
    (0..512)
        .map(|index: usize| match sectors.saturating_sub(index * 8) {
            0 => 0,
            left @ 1..8 => 0xff << (8 - left),
            _ => 0xff,
        })
        .collect()
}
