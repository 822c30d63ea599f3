//! A system just large enough to boot, for tests of the simulated guest that
//! want to see all of it.

use fruix_scm::sim::disk::FixtureDisk;
use fruix_scm::sim::guest::{BootFailure, Guest, GuestConfig};
use fruix_scm::sim::port::ReservedPort;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub const CLOSURE: &str = "/frx/store/0123456789abcdef0123456789abcdef01234567-fruix-system-small";

const PROGRAMS: &[&str] = &[
    "sh",
    "cat",
    "ls",
    "mkdir",
    "rm",
    "touch",
    "sleep",
    "env",
    "true",
    "false",
    "ps",
    "kill",
    "head",
    "id",
    "uname",
    "hostname",
    "du",
    "sha256sum",
    "chmod",
    "readlink",
    "setsid",
    "date",
    "df",
];

/// A disk with the small system on it, and everything that belongs to it.
pub struct SmallSystem {
    pub directory: tempfile::TempDir,
    pub disk: FixtureDisk,
    pub port: Arc<ReservedPort>,
}

impl SmallSystem {
    pub fn new() -> Self {
        SmallSystem::with(|_| {})
    }

    /// The fixtures' system in place of the small one.
    pub fn of_the_fixtures() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let disk = FixtureDisk::make(directory.path()).unwrap();
        SmallSystem::of_disk(directory, disk)
    }

    /// The small system as CHANGE leaves its root file system.
    pub fn with(change: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rootfs = directory.path().join("rootfs");
        lay_out(&rootfs);
        change(&rootfs);
        let disk = FixtureDisk::of_rootfs(&rootfs, directory.path()).unwrap();
        SmallSystem::of_disk(directory, disk)
    }

    fn of_disk(directory: tempfile::TempDir, disk: FixtureDisk) -> Self {
        let port = Arc::new(ReservedPort::reserve(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap());
        SmallSystem {
            directory,
            disk,
            port,
        }
    }

    pub fn config(&self) -> GuestConfig {
        GuestConfig {
            name: "small".to_owned(),
            port: self.port.clone(),
            root: self.root(),
        }
    }

    pub fn boot(&self) -> Result<Guest, BootFailure> {
        let mut outcome = None;
        fruix_scm::runtime::wait("booting a small system", Duration::from_secs(30), async {
            outcome = Some(Guest::boot(&self.disk.image, &self.config()).await);
            Ok::<_, fruix_scm::failure::Failure>(())
        })
        .unwrap();
        outcome.unwrap()
    }

    /// The root file system of the disk, which the first boot makes.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }
}

fn lay_out(rootfs: &Path) {
    let closure = rootfs.join(&CLOSURE[1..]);
    let programs = closure.join("profile/bin");
    for directory in [&programs, &closure.join("etc"), &closure.join("boot")] {
        fs::create_dir_all(directory).unwrap();
    }
    for directory in ["run", "etc", "var", "tmp", "usr"] {
        fs::create_dir_all(rootfs.join(directory)).unwrap();
    }
    for name in PROGRAMS {
        symlink(format!("/host/programs/{name}"), programs.join(name)).unwrap();
    }
    symlink("/host/lib", closure.join("profile/lib")).unwrap();
    fs::write(
        closure.join("activate"),
        "#!/bin/sh\nmkdir -p /var/lib/fruix\necho activated > /var/lib/fruix/activation\necho activation done\n",
    )
    .unwrap();
    fs::set_permissions(closure.join("activate"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::write(closure.join("boot/loader.efi"), "loader").unwrap();
    fs::write(closure.join("etc/rc.conf"), "hostname=\"small\"\n").unwrap();
    symlink(CLOSURE, rootfs.join("run/current-system")).unwrap();
    for (link, target) in [
        ("bin", "/run/current-system/profile/bin"),
        ("lib", "/run/current-system/profile/lib"),
        ("boot", "/run/current-system/boot"),
        ("etc/rc.conf", "/run/current-system/etc/rc.conf"),
        ("usr/bin", "/run/current-system/profile/bin"),
        ("usr/lib", "/host/usr/lib"),
    ] {
        symlink(target, rootfs.join(link)).unwrap();
    }
    fs::write(
        rootfs.join("etc/passwd"),
        "root:*:0:0:Charlie &:/root:/bin/sh\n",
    )
    .unwrap();
}
