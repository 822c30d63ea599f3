//! Raw disk images: their size, their partitions, and the VDI they are meant for.

use super::MediaError;
use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const SECTOR: u64 = 512;

/// What is known of a raw disk image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskImage {
    pub size_bytes: u64,
    pub partitions: Vec<Partition>,
    /// Whether the table's copy stands, whole, at the very end of the image, as it
    /// does when image and disk are of one size.
    pub backup_at_end: bool,
    /// What is wrong with the table's copy, which a system falls back on.
    pub backup_trouble: Option<String>,
}

/// One entry of a GUID partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub number: u32,
    /// The partition's name, which FreeBSD shows as `/dev/gpt/LABEL`.
    pub label: String,
    /// The type's GUID, upper case.
    pub kind: String,
    pub start_bytes: u64,
    pub size_bytes: u64,
}

/// How an image suits a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Exact,
    /// The image leaves so many bytes of the disk unused.
    Smaller {
        by: u64,
    },
    /// The image has so many bytes more than the disk.
    TooLarge {
        by: u64,
    },
}

impl DiskImage {
    /// The partition called LABEL.
    pub fn partition(&self, label: &str) -> Option<&Partition> {
        self.partitions
            .iter()
            .find(|partition| partition.label == label)
    }

    /// How the image suits a VDI of VDI-BYTES.
    ///
    /// ```
    /// use fruix_scm::media::{DiskImage, Fit};
    /// let image = DiskImage { size_bytes: 10, partitions: vec![], backup_at_end: true, backup_trouble: None };
    /// assert_eq!(image.fit(8), Fit::TooLarge { by: 2 });
    /// ```
    pub fn fit(&self, vdi_bytes: u64) -> Fit {
        match self.size_bytes.checked_sub(vdi_bytes) {
            Some(0) => Fit::Exact,
            Some(by) => Fit::TooLarge { by },
            None => Fit::Smaller {
                by: vdi_bytes - self.size_bytes,
            },
        }
    }
}

/// Read the table of the raw image at PATH.
pub fn inspect(path: &Path) -> Result<DiskImage, MediaError> {
    let fail = |error| MediaError::io("read", path, error);
    let unknown = |why: String| MediaError::Image {
        path: path.to_owned(),
        why,
    };
    let mut file = File::open(path).map_err(fail)?;
    let size_bytes = file.seek(SeekFrom::End(0)).map_err(fail)?;
    if size_bytes < 34 * SECTOR {
        return Err(unknown(format!(
            "it has {size_bytes} bytes, too few for a partition table"
        )));
    }
    let told = |why| match why {
        Ok(why) => unknown(why),
        Err(error) => fail(error),
    };
    look_at_header(&mut file, size_bytes).map_err(told)?;
    let backup_trouble = look_at_backup(&mut file, size_bytes).map_err(told)?;
    let disk = GptConfig::new()
        .writable(false)
        .logical_block_size(LogicalBlockSize::Lb512)
        .only_valid_headers(false)
        .open_from_device(file)
        .map_err(|error| unknown(error.to_string()))?;
    let primary = disk
        .primary_header()
        .map_err(|error| unknown(format!("its partition table is damaged: {error}")))?;
    let backup_at_end = primary
        .backup_lba
        .checked_add(1)
        .and_then(|sectors| sectors.checked_mul(SECTOR))
        == Some(size_bytes);
    // A table that knows more of the disk than there is was cut off its image.
    let known = primary.backup_lba.max(primary.last_usable);
    let wanted = known.saturating_add(1).saturating_mul(SECTOR);
    if wanted > size_bytes {
        return Err(unknown(format!(
            "it ends at byte {size_bytes}, and its partition table tells of {wanted}: it was cut"
        )));
    }
    let mut partitions: Vec<Partition> = Vec::new();
    for (number, partition) in disk.partitions() {
        let end = partition.last_lba.checked_add(1).filter(|end| {
            *end > partition.first_lba
                && end.checked_mul(SECTOR).is_some_and(|end| end <= size_bytes)
        });
        let Some(end) = end else {
            return Err(unknown(format!(
                "partition {number} `{}` does not lie in the image",
                partition.name
            )));
        };
        let start_bytes = partition.first_lba * SECTOR;
        let size_bytes = (end - partition.first_lba) * SECTOR;
        let overlaps = |other: &&Partition| {
            start_bytes < other.start_bytes + other.size_bytes
                && other.start_bytes < start_bytes + size_bytes
        };
        if let Some(other) = partitions.iter().find(overlaps) {
            return Err(unknown(format!(
                "partitions {} `{}` and {number} `{}` overlap",
                other.number,
                other.label,
                partition.name.trim_end_matches('\0')
            )));
        }
        partitions.push(Partition {
            number: *number,
            label: partition.name.trim_end_matches('\0').to_owned(),
            kind: partition.part_type_guid.guid.to_string().to_uppercase(),
            start_bytes,
            size_bytes,
        });
    }
    Ok(DiskImage {
        size_bytes,
        partitions,
        backup_at_end: backup_at_end && backup_trouble.is_none(),
        backup_trouble,
    })
}

/// Look at what the library would believe: its table's place and size decide
/// how much memory it takes.
fn look_at_header(file: &mut File, size_bytes: u64) -> Result<(), Result<String, std::io::Error>> {
    let mut header = [0; 92];
    file.seek(SeekFrom::Start(SECTOR)).map_err(Err)?;
    file.read_exact(&mut header).map_err(Err)?;
    if !header.starts_with(b"EFI PART") {
        return Err(Ok("it has no GUID partition table".to_owned()));
    }
    let number = |at| number(&header, at, 4);
    let (count, size) = (number(80), number(84));
    if count > 1024 || !(128..=4096).contains(&size) || count * size > size_bytes {
        return Err(Ok(format!(
            "its partition table is damaged: {count} entries of {size} bytes"
        )));
    }
    Ok(())
}

/// The little-endian number of so many BYTES at AT.
fn number(header: &[u8], at: usize, bytes: usize) -> u64 {
    let field = header.get(at..at + bytes).unwrap_or_default();
    field
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What is wrong with the copy of the partition table that the header tells of: a
/// system that finds the table damaged has only that. A copy beyond the image's end
/// is told elsewhere.
fn look_at_backup(
    file: &mut File,
    size_bytes: u64,
) -> Result<Option<String>, Result<String, std::io::Error>> {
    let mut sector = |at: u64, length: u64| -> Result<Option<Vec<u8>>, std::io::Error> {
        let start = at.checked_mul(SECTOR);
        let end = start.and_then(|start| start.checked_add(length));
        let (Some(start), Some(_)) = (start, end.filter(|end| *end <= size_bytes)) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    };
    let Some(primary) = sector(1, SECTOR).map_err(Err)? else {
        return Ok(None);
    };
    let place = number(&primary, 32, 8);
    let Some(copy) = sector(place, SECTOR).map_err(Err)? else {
        return Ok(None);
    };
    let crc = |bytes: &[u8]| u64::from(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes));
    let damaged = |why: &str| {
        Ok(Some(format!(
            "the copy of its partition table, in sector {place}, is damaged: {why}"
        )))
    };
    if !copy.starts_with(b"EFI PART") {
        return damaged("there is none");
    }
    let length = number(&copy, 12, 4) as usize;
    if !(92..=512).contains(&length) {
        return damaged("its header has an odd size");
    }
    let mut header = copy[..length].to_vec();
    header[16..20].fill(0);
    if crc(&header) != number(&copy, 16, 4) || number(&copy, 24, 8) != place {
        return damaged("the checksum of its header is another");
    }
    let (count, size) = (number(&copy, 80, 4), number(&copy, 84, 4));
    let bytes = count.saturating_mul(size);
    let entries = match bytes <= 1024 * 4096 {
        true => sector(number(&copy, 72, 8), bytes).map_err(Err)?,
        false => None,
    };
    match entries {
        Some(entries) if crc(&entries) != number(&copy, 88, 4) => {
            damaged("the checksum of its entries is another")
        }
        // Both tables have the same entries, so the same checksum of them.
        Some(_) if number(&copy, 88, 4) != number(&primary, 88, 4) => {
            damaged("its entries are others than the table's")
        }
        Some(_) => Ok(None),
        None => damaged("its entries do not lie in the image"),
    }
}
