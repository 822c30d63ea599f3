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
    /// Whether the table's copy stands at the very end of the image, as it does
    /// when image and disk are of one size.
    pub backup_at_end: bool,
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
    /// let image = DiskImage { size_bytes: 10, partitions: vec![], backup_at_end: true };
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
    look_at_header(&mut file, size_bytes).map_err(|why| match why {
        Ok(why) => unknown(why),
        Err(error) => fail(error),
    })?;
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
    let mut partitions = Vec::new();
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
        partitions.push(Partition {
            number: *number,
            label: partition.name.trim_end_matches('\0').to_owned(),
            kind: partition.part_type_guid.guid.to_string().to_uppercase(),
            start_bytes: partition.first_lba * SECTOR,
            size_bytes: (end - partition.first_lba) * SECTOR,
        });
    }
    Ok(DiskImage {
        size_bytes,
        partitions,
        backup_at_end,
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
    let number = |at: usize| {
        u64::from(u32::from_le_bytes([
            header[at],
            header[at + 1],
            header[at + 2],
            header[at + 3],
        ]))
    };
    let (count, size) = (number(80), number(84));
    if count > 1024 || !(128..=4096).contains(&size) || count * size > size_bytes {
        return Err(Ok(format!(
            "its partition table is damaged: {count} entries of {size} bytes"
        )));
    }
    Ok(())
}
