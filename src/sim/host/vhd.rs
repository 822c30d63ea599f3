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
