//! The simulated disk: make one from a directory, read one back.
//!
//! A raw image with a GPT, an EFI partition named `efiboot` and a root
//! partition named `fruix-root`, as Fruix's images have. Inside the partitions
//! the format is ours, not UFS or FAT: a sector of text with length and SHA-256,
//! then a tar archive. That is enough for the one thing the simulator needs to
//! be true: the guest comes from the bytes of the disk, and a byte that changed
//! on the way is noticed.
//!
//! Source: UEFI specification, "GUID Partition Table Disk Layout"; the crates
//! `gpt` and `tar`.

use crate::failure::{Failure, Key};
use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The label of the partition that firmware starts from.
pub const EFI_LABEL: &str = "efiboot";
/// The label of the partition that holds the system.
pub const ROOT_LABEL: &str = "fruix-root";

const SECTOR_BYTES: u64 = 512;
const EFI_BYTES: u64 = 4 << 20;
const HEADER_BYTES: usize = SECTOR_BYTES as usize;
const MAGIC: &str = "fruix-simulated-volume 1\n";

/// Why a disk cannot be made or read.
#[derive(Debug)]
pub enum DiskError {
    /// WHAT was tried on PATH.
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The partition table is damaged or missing.
    PartitionTable { reason: String },
    /// There is no partition with this label.
    NoPartition { label: &'static str },
    /// The volume's first sector is not what `write` makes.
    VolumeHeader { label: &'static str },
    /// The volume's bytes are not those that were written.
    Digest {
        label: &'static str,
        expected: String,
        found: String,
    },
    /// The system does not fit the disk.
    TooSmall { needed: u64, available: u64 },
}

impl fmt::Display for DiskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskError::Io { what, path, source } => {
                write!(formatter, "cannot {what} `{}`: {source}", path.display())
            }
            DiskError::PartitionTable { reason } => {
                write!(formatter, "partition table is corrupt or missing: {reason}")
            }
            DiskError::NoPartition { label } => {
                write!(formatter, "no partition is labelled `{label}`")
            }
            DiskError::VolumeHeader { label } => {
                write!(formatter, "volume `{label}` has no valid header")
            }
            DiskError::Digest {
                label,
                expected,
                found,
            } => write!(
                formatter,
                "volume `{label}` is damaged: its header says SHA-256 {expected}, its bytes have {found}"
            ),
            DiskError::TooSmall { needed, available } => write!(
                formatter,
                "the system needs {needed} bytes, the disk has room for {available}"
            ),
        }
    }
}

impl std::error::Error for DiskError {}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        Failure::new(Key::Simulator, format!("simulated disk: {error}")).cause(error)
    }
}

fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DiskError + 'a {
    move |source| DiskError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

fn table_error(error: impl fmt::Display) -> DiskError {
    DiskError::PartitionTable {
        reason: error.to_string(),
    }
}

/// Write a disk of SIZE_BYTES to IMAGE whose root file system is the tree
/// below ROOTFS and whose EFI partition carries LOADER. The image is sparse.
pub fn write(image: &Path, size_bytes: u64, rootfs: &Path, loader: &[u8]) -> Result<(), DiskError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(image)
        .map_err(io_error("create", image))?;
    let size_bytes = size_bytes / SECTOR_BYTES * SECTOR_BYTES;
    file.set_len(size_bytes)
        .map_err(io_error("set the size of", image))?;
    let least = EFI_BYTES + (4 << 20);
    if size_bytes < least {
        return Err(DiskError::TooSmall {
            needed: least,
            available: size_bytes,
        });
    }
    let (mut file, volumes) = write_partition_table(file, size_bytes)?;

    let mut efi = tar::Builder::new(Vec::new());
    let mut header = tar_header(0o755, loader.len() as u64, tar::EntryType::Regular);
    efi.append_data(&mut header, "EFI/BOOT/BOOTX64.EFI", loader)
        .map_err(io_error("pack", image))?;
    let efi = efi.into_inner().map_err(io_error("pack", image))?;
    write_volume(&mut file, image, volumes.efi, |out| out.write_all(&efi))?;
    write_volume(&mut file, image, volumes.root, |out| pack(rootfs, out))?;
    file.sync_data().map_err(io_error("write", image))
}

/// Where a volume lies on the disk.
#[derive(Clone, Copy, Debug)]
struct Extent {
    start: u64,
    length: u64,
}

struct Volumes {
    efi: Extent,
    root: Extent,
}

fn write_partition_table(mut file: File, size_bytes: u64) -> Result<(File, Volumes), DiskError> {
    let last_sector = u32::try_from(size_bytes / SECTOR_BYTES - 1).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(last_sector)
        .overwrite_lba0(&mut file)
        .map_err(table_error)?;
    let mut table = GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(file, None)
        .map_err(table_error)?;
    let alignment = (1 << 20) / SECTOR_BYTES;
    table
        .add_partition(
            EFI_LABEL,
            EFI_BYTES,
            gpt::partition_types::EFI,
            0,
            Some(alignment),
        )
        .map_err(table_error)?;
    let first = alignment + EFI_BYTES / SECTOR_BYTES;
    let last = table.header().last_usable;
    table
        .add_partition_at(
            ROOT_LABEL,
            2,
            first,
            last - first + 1,
            gpt::partition_types::FREEBSD_UFS,
            0,
        )
        .map_err(table_error)?;
    let file = table.write().map_err(table_error)?;
    let volumes = Volumes {
        efi: Extent {
            start: alignment * SECTOR_BYTES,
            length: EFI_BYTES,
        },
        root: Extent {
            start: first * SECTOR_BYTES,
            length: (last - first + 1) * SECTOR_BYTES,
        },
    };
    Ok((file, volumes))
}

/// Counts and hashes what passes, and refuses what would not fit.
struct VolumeWriter<'a> {
    out: BufWriter<&'a mut File>,
    digest: Sha256,
    written: u64,
    room: u64,
}

impl Write for VolumeWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let total = self.written + bytes.len() as u64;
        if total <= self.room {
            self.out.write_all(bytes)?;
            self.digest.update(bytes);
        }
        // Beyond the room bytes are only counted, so that the error can say
        // how much would have been needed.
        self.written = total;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write_volume(
    file: &mut File,
    image: &Path,
    extent: Extent,
    contents: impl FnOnce(&mut VolumeWriter<'_>) -> io::Result<()>,
) -> Result<(), DiskError> {
    let room = extent.length - HEADER_BYTES as u64;
    file.seek(SeekFrom::Start(extent.start + HEADER_BYTES as u64))
        .map_err(io_error("write", image))?;
    let (digest, written) = {
        let mut writer = VolumeWriter {
            out: BufWriter::with_capacity(256 << 10, &mut *file),
            digest: Sha256::new(),
            written: 0,
            room,
        };
        contents(&mut writer)
            .and_then(|()| writer.flush())
            .map_err(io_error("write", image))?;
        (writer.digest, writer.written)
    };
    if written > room {
        return Err(DiskError::TooSmall {
            needed: written,
            available: room,
        });
    }
    let header = volume_header(written, &hex(&digest.finalize()));
    file.seek(SeekFrom::Start(extent.start))
        .and_then(|_| file.write_all(&header))
        .map_err(io_error("write", image))
}

fn volume_header(length: u64, sha256: &str) -> Vec<u8> {
    let mut header = format!("{MAGIC}length={length}\nsha256={sha256}\n").into_bytes();
    header.resize(HEADER_BYTES, 0);
    header
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tar_header(mode: u32, size: u64, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o7777);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header
}

/// Write the tree below ROOTFS to OUT as a tar archive: sorted, owned by root,
/// stamped alike, so that equal trees give equal bytes.
fn pack(rootfs: &Path, out: &mut VolumeWriter<'_>) -> io::Result<()> {
    let mut archive = tar::Builder::new(out);
    let mut seen: HashMap<(u64, u64), PathBuf> = HashMap::new();
    for entry in walkdir::WalkDir::new(rootfs)
        .min_depth(1)
        .sort_by_file_name()
    {
        let entry = entry?;
        let path = entry.path();
        let name = path.strip_prefix(rootfs).expect("walked below it");
        let metadata = fs::symlink_metadata(path)?;
        let mode = metadata.permissions().mode();
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let mut header = tar_header(0o777, 0, tar::EntryType::Symlink);
            archive.append_link(&mut header, name, fs::read_link(path)?)?;
        } else if kind.is_dir() {
            let mut header = tar_header(mode, 0, tar::EntryType::Directory);
            archive.append_data(&mut header, name, io::empty())?;
        } else if kind.is_file() {
            let identity = (metadata.dev(), metadata.ino());
            if metadata.nlink() > 1
                && let Some(first) = seen.get(&identity)
            {
                let mut header = tar_header(mode, 0, tar::EntryType::Link);
                archive.append_link(&mut header, name, first)?;
                continue;
            }
            seen.insert(identity, name.to_owned());
            let mut header = tar_header(mode, metadata.len(), tar::EntryType::Regular);
            archive.append_data(&mut header, name, File::open(path)?)?;
        } else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{}` is a device, socket or pipe", path.display()),
            ));
        }
    }
    archive.into_inner()?.flush()
}

/// A disk whose partition table and volumes have been found whole.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    root: Extent,
}

/// Read the disk in IMAGE as firmware and loader would: the partition table,
/// both volumes, every byte of them against its digest.
pub fn open(image: &Path) -> Result<Disk, DiskError> {
    let mut file = File::open(image).map_err(io_error("open", image))?;
    // The primary table must be whole. The secondary one is where the image
    // ended, which on a larger disk is not the end.
    let table = GptConfig::new()
        .logical_block_size(LogicalBlockSize::Lb512)
        .open_from_device(Seekable(&mut file))
        .map_err(table_error)?;
    table.primary_header().map_err(table_error)?;
    let extent = |label: &'static str| {
        table
            .partitions()
            .values()
            .find(|partition| partition.name == label && partition.last_lba >= partition.first_lba)
            .and_then(|partition| {
                let length = (partition.last_lba - partition.first_lba).checked_add(1)?;
                Some(Extent {
                    start: partition.first_lba.checked_mul(SECTOR_BYTES)?,
                    length: length.checked_mul(SECTOR_BYTES)?,
                })
            })
            .ok_or(DiskError::NoPartition { label })
    };
    let efi = extent(EFI_LABEL)?;
    let root = extent(ROOT_LABEL)?;
    read_volume(image, EFI_LABEL, efi)?;
    let root = read_volume(image, ROOT_LABEL, root)?;
    Ok(Disk {
        image: image.to_owned(),
        root,
    })
}

/// The `gpt` crate asks for `Write` even where it only reads.
#[derive(Debug)]
struct Seekable<'a>(&'a mut File);

impl Read for Seekable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Seekable<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

impl Write for Seekable<'_> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Check the volume at EXTENT and answer where its archive lies.
fn read_volume(image: &Path, label: &'static str, extent: Extent) -> Result<Extent, DiskError> {
    let invalid = || DiskError::VolumeHeader { label };
    let mut file = File::open(image).map_err(io_error("open", image))?;
    file.seek(SeekFrom::Start(extent.start))
        .map_err(io_error("read", image))?;
    let mut header = vec![0; HEADER_BYTES];
    file.read_exact(&mut header)
        .map_err(io_error("read", image))?;
    let text = header.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| invalid())?;
    let fields = text.strip_prefix(MAGIC).ok_or_else(invalid)?;
    let (length, expected) = fields
        .strip_prefix("length=")
        .and_then(|rest| rest.split_once("\nsha256="))
        .and_then(|(length, sha256)| {
            Some((length.parse::<u64>().ok()?, sha256.strip_suffix('\n')?))
        })
        .ok_or_else(invalid)?;
    // Writing it again and comparing refuses every other spelling, so there is
    // no byte of the header that does not matter.
    if header != volume_header(length, expected) || length > extent.length - HEADER_BYTES as u64 {
        return Err(invalid());
    }
    let mut digest = Sha256::new();
    let mut left = length;
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut buffer[..wanted])
            .map_err(io_error("read", image))?;
        digest.update(&buffer[..wanted]);
        left -= wanted as u64;
    }
    let found = hex(&digest.finalize());
    if found != expected {
        return Err(DiskError::Digest {
            label,
            expected: expected.to_owned(),
            found,
        });
    }
    Ok(Extent {
        start: extent.start + HEADER_BYTES as u64,
        length,
    })
}

impl Disk {
    /// Unpack the root file system into DIRECTORY, which exists and is empty.
    pub fn unpack(&self, directory: &Path) -> Result<(), DiskError> {
        let mut file = File::open(&self.image).map_err(io_error("open", &self.image))?;
        file.seek(SeekFrom::Start(self.root.start))
            .map_err(io_error("read", &self.image))?;
        let mut archive = tar::Archive::new(BufReader::with_capacity(
            256 << 10,
            file.take(self.root.length),
        ));
        archive.set_preserve_permissions(true);
        archive.set_preserve_mtime(true);
        archive.set_unpack_xattrs(false);
        archive
            .unpack(directory)
            .map_err(io_error("unpack the system into", directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const SIZE: u64 = 16 << 20;

    fn small_tree(directory: &Path) -> PathBuf {
        let root = directory.join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/rc.conf"), "hostname=\"small\"\n").unwrap();
        fs::set_permissions(root.join("etc/rc.conf"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(root.join("etc/rc.conf"), root.join("etc/rc.copy")).unwrap();
        symlink("/run/current-system/activate", root.join("activate")).unwrap();
        root
    }

    fn image_of(directory: &Path) -> PathBuf {
        let image = directory.join("disk.img");
        write(&image, SIZE, &small_tree(directory), b"loader").unwrap();
        image
    }

    fn flip(image: &Path, offset: u64) {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(image)
            .unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&[byte[0] ^ 0x10]).unwrap();
    }

    #[test]
    fn a_tree_comes_back_from_the_disk_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let image = image_of(directory.path());
        let out = directory.path().join("out");
        fs::create_dir(&out).unwrap();
        open(&image).unwrap().unpack(&out).unwrap();
        let metadata = fs::metadata(out.join("etc/rc.conf")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        assert_eq!(
            metadata.ino(),
            fs::metadata(out.join("etc/rc.copy")).unwrap().ino()
        );
        assert_eq!(
            fs::read_link(out.join("activate")).unwrap(),
            Path::new("/run/current-system/activate")
        );
    }

    #[test]
    fn equal_trees_give_equal_volumes() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        let header = |directory: &Path| {
            let bytes = fs::read(image_of(directory)).unwrap();
            let start = ((1 << 20) + EFI_BYTES) as usize;
            bytes[start..start + HEADER_BYTES].to_vec()
        };
        assert_eq!(header(one.path()), header(two.path()));
    }

    #[test]
    fn one_flipped_byte_anywhere_in_a_volume_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let image = image_of(directory.path());
        let root = (1 << 20) + EFI_BYTES;
        let offsets = [
            // Header: magic, length, digest, padding; archive: first and later bytes.
            (1 << 20) + 3,
            (1 << 20) + 513,
            root,
            root + 32,
            root + 60,
            root + 511,
            root + 512,
            root + 1700,
        ];
        for offset in offsets {
            flip(&image, offset);
            assert!(open(&image).is_err(), "byte {offset} flipped unnoticed");
            flip(&image, offset);
        }
        open(&image).unwrap();
    }

    #[test]
    fn a_damaged_partition_table_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let image = image_of(directory.path());
        for offset in [512, 512 + 72, 1024 + 40] {
            flip(&image, offset);
            let error = open(&image).unwrap_err();
            assert!(
                matches!(error, DiskError::PartitionTable { .. }),
                "byte {offset}: {error}"
            );
            flip(&image, offset);
        }
    }

    #[test]
    fn a_larger_disk_holds_the_image_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let image = image_of(directory.path());
        let file = OpenOptions::new().write(true).open(&image).unwrap();
        file.set_len(4 * SIZE).unwrap();
        open(&image).unwrap();
    }

    #[test]
    fn a_system_that_does_not_fit_says_how_much_it_needs() {
        let directory = tempfile::tempdir().unwrap();
        let root = small_tree(directory.path());
        fs::write(root.join("large"), vec![7; 12 << 20]).unwrap();
        let error = write(&directory.path().join("disk.img"), SIZE, &root, b"").unwrap_err();
        match error {
            DiskError::TooSmall { needed, available } => {
                assert!(needed > 12 << 20 && available < needed);
            }
            other => panic!("{other}"),
        }
    }
}
