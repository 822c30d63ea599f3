//! Where in files of known formats stands what is not what was built.
//!
//! Whatever the bytes say of offsets and lengths is believed as far as there are bytes.

use super::Place;
use std::ops::Range;

/// The places of BYTES of which it is known what stands there.
pub fn places(bytes: &[u8]) -> Vec<(Place, Range<usize>)> {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => elf_places(bytes),
        [b'M', b'Z', ..] => pe_places(bytes).unwrap_or_default(),
        [0x1f, 0x8b, ..] => vec![(Place::GzipTimeStamp, 4..8)],
        _ if bytes.starts_with(ARCHIVE) => archive_places(bytes),
        _ => Vec::new(),
    }
}

/// The sections of BYTES by name, where the format has such.
pub fn sections(bytes: &[u8]) -> Vec<(String, Range<usize>)> {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => elf_sections(bytes).unwrap_or_default(),
        [b'M', b'Z', ..] => pe_sections(bytes)
            .unwrap_or_default()
            .into_iter()
            .map(|section| (section.name, section.at))
            .collect(),
        _ => Vec::new(),
    }
}

/// COUNT bytes at AT as a number, the least significant first unless BIG.
fn number(bytes: &[u8], at: usize, count: usize, big: bool) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(count)?)?;
    let mut value: u64 = 0;
    for index in 0..count {
        let byte = bytes[if big { index } else { count - 1 - index }];
        value = (value << 8) | u64::from(byte);
    }
    usize::try_from(value).ok()
}

fn text(bytes: &[u8], at: usize) -> Option<String> {
    let bytes = bytes.get(at..)?;
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn range(start: usize, length: usize) -> Option<Range<usize>> {
    Some(start..start.checked_add(length)?)
}

fn elf_sections(bytes: &[u8]) -> Option<Vec<(String, Range<usize>)>> {
    let wide = *bytes.get(4)? == 2;
    let big = *bytes.get(5)? == 2;
    let word = if wide { 8 } else { 4 };
    let read = |at, count| number(bytes, at, count, big);
    let table = read(if wide { 0x28 } else { 0x20 }, word)?;
    let counts = if wide { 0x3a } else { 0x2e };
    let (size, count, names) = (read(counts, 2)?, read(counts + 2, 2)?, read(counts + 4, 2)?);
    let header = |index: usize| {
        let at = table.checked_add(index.checked_mul(size)?)?;
        (at < bytes.len()).then_some(at)
    };
    // In a header: name, type, flags, address, offset, size.
    let (offset_at, size_at) = if wide { (0x18, 0x20) } else { (0x10, 0x14) };
    let place = |index: usize| {
        let header = header(index)?;
        range(
            read(header + offset_at, word)?,
            read(header + size_at, word)?,
        )
    };
    let names = place(names)?;
    let mut sections = Vec::new();
    for index in 0..count {
        let name = names.start.checked_add(read(header(index)?, 4)?)?;
        // Type 8 takes no room in the file.
        if read(header(index)? + 4, 4)? != 8 {
            sections.push((text(bytes, name)?, place(index)?));
        }
    }
    Some(sections)
}

fn elf_places(bytes: &[u8]) -> Vec<(Place, Range<usize>)> {
    let sections = elf_sections(bytes).unwrap_or_default();
    sections
        .into_iter()
        .filter_map(|(name, at)| match name.as_str() {
            // Behind three words and the name `GNU`.
            ".note.gnu.build-id" => Some((Place::ElfBuildId, at.start.checked_add(16)?..at.end)),
            // The checksum of the file that is named stands at its end.
            ".gnu_debuglink" => Some((Place::ElfDebugLink, at.end.checked_sub(4)?..at.end)),
            _ => None,
        })
        .collect()
}

struct PeSection {
    name: String,
    address: usize,
    at: Range<usize>,
}

/// Where the headers of a PE file begin, behind its signature.
fn pe_header(bytes: &[u8]) -> Option<usize> {
    let at = number(bytes, 0x3c, 4, false)?;
    (bytes.get(at..at.checked_add(4)?)? == b"PE\0\0").then_some(at + 4)
}

fn pe_sections(bytes: &[u8]) -> Option<Vec<PeSection>> {
    let header = pe_header(bytes)?;
    let read = |at, count| number(bytes, at, count, false);
    let count = read(header + 2, 2)?;
    let table = (header + 20).checked_add(read(header + 16, 2)?)?;
    (0..count)
        .map(|index| {
            let section = table + index * 40;
            let name = bytes.get(section..section + 8)?;
            let name = String::from_utf8_lossy(name);
            Some(PeSection {
                name: name.trim_end_matches('\0').to_owned(),
                address: read(section + 12, 4)?,
                at: range(read(section + 20, 4)?, read(section + 16, 4)?)?,
            })
        })
        .collect()
}

fn pe_places(bytes: &[u8]) -> Option<Vec<(Place, Range<usize>)>> {
    let header = pe_header(bytes)?;
    let read = |at, count| number(bytes, at, count, false);
    let optional = header + 20;
    let mut places = vec![(Place::PeTimeStamp, header + 4..header + 8)];
    // PE32 or PE32+; what is neither has no more of these.
    let directories = match read(optional, 2) {
        Some(0x10b) => optional + 96,
        Some(0x20b) => optional + 112,
        _ => return Some(places),
    };
    places.push((Place::PeCheckSum, optional + 64..optional + 68));
    let sections = pe_sections(bytes)?;
    let count = read(directories - 4, 4)?;
    // The directories of exports and of debugging data have a time each.
    for (index, size, entries) in [(0, 40, false), (6, 28, true)] {
        if index >= count {
            continue;
        }
        let directory = directories + index * 8;
        let (Some(address), Some(length)) = (read(directory, 4), read(directory + 4, 4)) else {
            continue;
        };
        let file = sections.iter().find_map(|section| {
            let inside = address.checked_sub(section.address)?;
            (inside < section.at.len()).then_some(section.at.start + inside)
        });
        let Some(file) = file.filter(|_| length > 0) else {
            continue;
        };
        let many = if entries { length / size } else { 1 };
        for entry in 0..many {
            let at = file + entry * size + 4;
            if at + 4 > bytes.len() {
                break;
            }
            places.push((Place::PeTimeStamp, at..at + 4));
        }
    }
    Some(places)
}

const ARCHIVE: &[u8] = b"!<arch>\n";

fn archive_places(bytes: &[u8]) -> Vec<(Place, Range<usize>)> {
    let mut places = Vec::new();
    let mut at = ARCHIVE.len();
    while let Some(header) = bytes.get(at..at + 60) {
        places.push((Place::ArchiveTimeStamp, at + 16..at + 28));
        let size = String::from_utf8_lossy(&header[48..58]);
        let Ok(size) = size.trim().parse::<usize>() else {
            break;
        };
        // Members begin at even places.
        let Some(next) = (at + 60).checked_add(size) else {
            break;
        };
        at = next + next % 2;
    }
    places
}
