//! The guest's root directory: what a system must have to boot, and what the
//! simulator adds where FreeBSD's kernel would provide it.
//!
//! Programs in the fixtures' profile are links to `/host/programs/NAME`. That
//! directory is ours: links to this machine's programs, which appear read-only
//! below `/host` together with the libraries they need. A guest thus runs real
//! programs in a root where `/usr/include` or `/frx/store` are its own.

use super::namespace::Mounts;
use crate::temporary;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// Where programs of this machine are looked for, in this order.
const PROGRAM_PATH: [&str; 7] = [
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
    "/run/current-system/sw/bin",
];

/// Top-level directories of this machine that hold programs and libraries.
const PROGRAM_ROOTS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Stores of this machine whose programs name their libraries by whole paths,
/// so that they must appear in the guest where they are here.
const PROGRAM_STORES: [&str; 2] = ["nix/store", "gnu/store"];

/// Says how far the clock of the guest's world is ahead; see [`crate::sim::clock::Dial`].
pub const DIAL: &str = "host/clock";

/// What is asked about another time than now goes to this machine's `date` as it is.
const DATE: &str = r#"#!/bin/sh
for word; do
    case $word in
    -d* | -ud* | --d* | -f* | --f* | -r* | --ref* | -s* | --s* | -j* | -v* | --v* | --h*)
        exec @DATE@ "$@" ;;
    esac
done
read -r ahead < /host/clock 2> /dev/null
case $ahead in
*[1-9]*) @DATE@ -d "now $ahead seconds" "$@" 2> /dev/null && exit ;;
esac
exec @DATE@ "$@"
"#;

const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

const DEVICE_LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// What a system needs to come up, in the order in which its absence shows.
const REQUIRED: [(&str, &str); 6] = [
    ("/run/current-system", "no active system"),
    ("/run/current-system/activate", "no activation script"),
    ("/bin/sh", "no shell"),
    ("/etc/passwd", "no account database"),
    ("/etc/ssh/ssh_host_ed25519_key", "no SSH host key"),
    ("/root/.ssh/authorized_keys", "no authorized keys for root"),
];

/// Why the system below ROOT cannot boot, or `None` when it can.
///
/// Links are followed as in the guest, so that a link into a store item that
/// the disk lacks is noticed.
pub fn missing(root: &Path) -> Option<String> {
    REQUIRED.iter().find_map(|(path, trouble)| {
        (!exists(root, path)).then(|| format!("{trouble}: `{path}` is missing"))
    })
}

fn exists(root: &Path, path: &str) -> bool {
    resolve(root, Path::new(path)).is_some_and(|found| {
        // A program of this machine is known to exist once `provide` has run.
        found.symlink_metadata().is_ok()
    })
}

/// The path on this machine of PATH in the guest, every link followed below
/// ROOT; `None` when something on the way is missing or loops.
pub fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut pending: Vec<PathBuf> = vec![path.to_owned()];
    let mut resolved = PathBuf::new();
    let mut links = 0;
    while let Some(next) = pending.pop() {
        let mut components = next.components();
        let Some(component) = components.next() else {
            continue;
        };
        let rest = components.as_path().to_owned();
        if !rest.as_os_str().is_empty() {
            pending.push(rest);
        }
        match component {
            Component::RootDir => resolved = PathBuf::new(),
            Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                resolved.pop();
            }
            Component::Normal(name) => {
                let candidate = resolved.join(name);
                let here = root.join(&candidate);
                let metadata = here.symlink_metadata().ok()?;
                if !metadata.is_symlink() {
                    resolved = candidate;
                    continue;
                }
                let target = fs::read_link(&here).ok()?;
                // Below /host the rest is this machine's, which is not mounted
                // here but in the guest.
                if let Ok(outside) = target.strip_prefix("/host") {
                    let programs = root.join("host/programs");
                    if let Ok(name) = outside.strip_prefix("programs") {
                        return programs
                            .join(name)
                            .symlink_metadata()
                            .is_ok()
                            .then(|| programs.join(name));
                    }
                    return Some(root.join("host"));
                }
                links += 1;
                if links > 40 {
                    return None;
                }
                pending.push(target);
            }
        }
    }
    Some(root.join(resolved))
}

/// What `provide` made.
#[derive(Debug)]
pub struct Provided {
    pub mounts: Mounts,
    /// Programs that the system names and this machine lacks.
    pub absent: Vec<String>,
}

/// Top-level directories that are the kernel's and this machine's in each boot, and
/// no part of what lies on the disk.
pub const PROVIDED: [&str; 3] = ["dev", "proc", "host"];

/// Make in ROOT what the kernel and this machine provide: `/dev`, `/proc`,
/// `/host`, and the directory of the dynamic loader; and empty what a boot empties.
///
/// A guest that ran before may have left anything there, so nothing is written
/// through a link of its making.
pub fn provide(root: &Path) -> io::Result<Provided> {
    let mut mounts = Mounts::default();
    for name in PROVIDED {
        remove(&root.join(name))?;
        fs::create_dir(root.join(name))?;
    }
    fs::create_dir(root.join("host/programs"))?;
    directory(root, "root")?;
    for path in emptied(root) {
        let here = directory(root, &path)?;
        // Where it leads elsewhere, other things are there too.
        if here == root.join(&path) {
            empty(&here)?;
        }
    }
    for path in ["tmp", "var/tmp"] {
        fs::set_permissions(directory(root, path)?, fs::Permissions::from_mode(0o1777))?;
    }
    for name in DEVICES {
        let device = Path::new("/dev").join(name);
        if device.exists() {
            let target = root.join("dev").join(name);
            fs::write(&target, b"")?;
            mounts.devices.push((device, target));
        }
    }
    for (name, target) in DEVICE_LINKS {
        link(Path::new(target), &root.join("dev").join(name))?;
    }
    for name in PROGRAM_ROOTS {
        provide_directory(root, name, &mut mounts)?;
        // Programs name the dynamic loader by its whole path, such as
        // /lib64/ld-linux-x86-64.so.2; a system of ours need not know that.
        if name.starts_with("lib") && Path::new("/").join(name).exists() {
            link(&Path::new("/host").join(name), &root.join(name))?;
        }
    }
    for store in PROGRAM_STORES {
        let here = Path::new("/").join(store);
        if here.is_dir() {
            mounts.read_only.push((here, directory(root, store)?));
        }
    }
    let mut absent = Vec::new();
    for name in programs_named(root)? {
        let place = root.join("host/programs").join(&name);
        match program(&name) {
            Some(path) if name == "date" => write_date(&path, &place)?,
            Some(path) => link(&path, &place)?,
            None => absent.push(name),
        }
    }
    Ok(Provided { mounts, absent })
}

/// What a boot of the system in ROOT empties: what its fstab mounts from memory, and
/// `/var/run`, as FreeBSD's rc does. `/run` holds the link that it boots by, and stays.
///
/// Source: fstab(5), rc.d/cleanvar.
fn emptied(root: &Path) -> Vec<String> {
    let fstab = read_text(root, "/etc/fstab");
    let from_memory = fstab.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            [_, place, "tmpfs" | "mfs", ..] if !line.starts_with('#') => place.strip_prefix('/'),
            _ => None,
        }
    });
    let everything = |path: &&str| {
        // Not the root, nor what leads out of it.
        Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
            && !path.is_empty()
    };
    std::iter::once("var/run")
        .chain(from_memory.filter(everything))
        .map(str::to_owned)
        .collect()
}

/// The directory PATH of the guest on this machine, made if it is not there.
fn directory(root: &Path, path: &str) -> io::Result<PathBuf> {
    let mut here = root.to_owned();
    let mut said = PathBuf::from("/");
    for part in Path::new(path).components() {
        said.push(part);
        let next = here.join(part);
        if next.symlink_metadata().is_err() {
            fs::create_dir(&next)?;
        }
        here = resolve(root, &said)
            .filter(|found| found.symlink_metadata().is_ok_and(|it| it.is_dir()))
            .ok_or_else(|| io::Error::other(format!("`{}` is no directory", said.display())))?;
    }
    Ok(here)
}

/// Remove everything in DIRECTORY.
fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        remove(&entry?.path())?;
    }
    Ok(())
}

/// Remove what is at PATH, whatever that is.
fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => temporary::remove_tree(path),
        Ok(_) => fs::remove_file(path),
    }
}

/// Longer than any file that the simulator itself reads of a guest.
const LONGEST: u64 = 1 << 20;

/// The text of the file PATH of the guest; nothing where there is none, or something
/// that a guest cannot boot from, such as a pipe.
pub fn read_text(root: &Path, path: &str) -> String {
    resolve(root, Path::new(path))
        .filter(|found| {
            found
                .symlink_metadata()
                .is_ok_and(|it| it.is_file() && it.len() <= LONGEST)
        })
        .and_then(|found| fs::read_to_string(found).ok())
        .unwrap_or_default()
}

/// Make PLACE a program that is this machine's `date`, the program at PATH, by the
/// clock of the guest's world: programs read the kernel's without anybody knowing.
fn write_date(path: &Path, place: &Path) -> io::Result<()> {
    let text = DATE.replace("@DATE@", &path.display().to_string());
    fs::write(place, text)?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o755))
}

fn provide_directory(root: &Path, name: &str, mounts: &mut Mounts) -> io::Result<()> {
    let here = Path::new("/").join(name);
    let target = root.join("host").join(name);
    let Ok(metadata) = here.symlink_metadata() else {
        return Ok(());
    };
    if metadata.is_symlink() {
        // `/bin` is often a link to `usr/bin`.
        let leads_to = Path::new("/").join(fs::read_link(&here)?);
        return link(&in_guest(&leads_to), &target);
    }
    if metadata.is_dir() {
        fs::create_dir_all(&target)?;
        mounts.read_only.push((here, target));
    }
    Ok(())
}

/// Where PATH of this machine is found in the guest.
fn in_guest(path: &Path) -> PathBuf {
    if PROGRAM_STORES
        .iter()
        .any(|store| path.starts_with(Path::new("/").join(store)))
    {
        return path.to_owned();
    }
    let below = path.strip_prefix("/").unwrap_or(path);
    Path::new("/host").join(below)
}

/// Make LINK lead to TARGET unless something is there already.
fn link(target: &Path, link: &Path) -> io::Result<()> {
    match symlink(target, link) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The names of this machine's programs that links below ROOT lead to.
fn programs_named(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in walkdir::WalkDir::new(root) {
        // A guest may have closed a directory to us.
        let Ok(entry) = entry else { continue };
        if entry.path_is_symlink()
            && let Ok(name) = fs::read_link(entry.path())?.strip_prefix("/host/programs")
            && let [Component::Normal(name)] = name.components().collect::<Vec<_>>()[..]
            && let Some(name) = name.to_str()
        {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Where the program NAME of this machine is found in the guest. Links are
/// followed first: Debian's `awk` leads through `/etc`, which is not there.
fn program(name: &str) -> Option<PathBuf> {
    PROGRAM_PATH
        .iter()
        .filter_map(|directory| fs::canonicalize(Path::new(directory).join(name)).ok())
        .find(|path| {
            let visible = PROGRAM_ROOTS
                .iter()
                .chain(&PROGRAM_STORES)
                .any(|root| path.starts_with(Path::new("/").join(root)));
            let executable = fs::metadata(path)
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
            visible && executable
        })
        .map(|path| in_guest(&path))
}

/// An account as `/etc/passwd` has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub name: String,
    pub home: String,
    pub shell: String,
}

/// The account called NAME in the text of a passwd file. Only root can be
/// served: a user namespace made without privilege has one user.
pub fn account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [user, _, "0", _, _, home, shell] if user == name => Some(Account {
                name: user.to_owned(),
                home: home.to_owned(),
                shell: if shell.is_empty() { "/bin/sh" } else { shell }.to_owned(),
            }),
            _ => None,
        }
    })
}

/// The host name that a system's `/etc/rc.conf` gives it.
pub fn hostname(rc_conf: &str) -> Option<&str> {
    rc_conf.lines().find_map(|line| {
        let value = line.trim().strip_prefix("hostname=")?;
        Some(value.trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_below_the_root_only() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("frx/store/system/bin")).unwrap();
        fs::write(root.join("frx/store/system/bin/tool"), "").unwrap();
        fs::create_dir(root.join("run")).unwrap();
        symlink("/frx/store/system", root.join("run/current-system")).unwrap();
        symlink("/run/current-system/bin", root.join("bin")).unwrap();
        symlink("../../../..", root.join("frx/store/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let resolved = |path: &str| resolve(root, Path::new(path));
        let tool = root.join("frx/store/system/bin/tool");
        assert_eq!(resolved("/bin/tool"), Some(tool.clone()));
        assert_eq!(resolved("/frx/store/up/bin/tool"), Some(tool));
        assert_eq!(resolved("/bin/none"), None);
        assert_eq!(resolved("/loop"), None);
    }

    #[test]
    fn nothing_is_made_or_removed_through_a_link_that_a_guest_has_left() {
        let outside = tempfile::tempdir().unwrap();
        let outside = outside.path();
        fs::create_dir(outside.join("programs")).unwrap();
        fs::write(outside.join("null"), "precious").unwrap();
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::create_dir_all(root.join("var/run/sub")).unwrap();
        fs::create_dir_all(root.join("scratch")).unwrap();
        fs::write(root.join("scratch/old"), "").unwrap();
        let fstab = "none /scratch tmpfs rw 0 0\n/dev/x / ufs rw 1 1\nnone /../.. tmpfs rw 0 0\n";
        fs::write(root.join("etc/fstab"), fstab).unwrap();
        // They look like /home/somebody to the guest's own eyes, and are not below ROOT.
        for name in ["dev", "host", "tmp", "root", "var/tmp"] {
            symlink(outside, root.join(name)).unwrap();
        }
        symlink("/host/programs/../../../escaped", root.join("etc/tool")).unwrap();
        let outcome = provide(root);
        assert!(outcome.is_err(), "/tmp leads nowhere in the guest");
        for name in ["tmp", "root", "var/tmp"] {
            fs::remove_file(root.join(name)).unwrap();
        }
        symlink(outside, root.join("var/run/link")).unwrap();
        fs::create_dir(root.join("elsewhere")).unwrap();
        symlink("/elsewhere", root.join("tmp")).unwrap();
        provide(root).unwrap();
        assert_eq!(
            fs::read_to_string(outside.join("null")).unwrap(),
            "precious"
        );
        assert_eq!(fs::read_dir(outside).unwrap().count(), 2);
        assert!(root.join("dev").symlink_metadata().unwrap().is_dir());
        assert_eq!(fs::read_dir(root.join("var/run")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(root.join("scratch")).unwrap().count(), 0);
        let mode = fs::metadata(root.join("elsewhere")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o7777, 0o1777);
        assert!(!root.parent().unwrap().join("escaped").exists());
        // Once more, as each boot does.
        provide(root).unwrap();
    }

    #[test]
    fn an_account_is_found_by_name_and_only_with_user_id_zero() {
        let passwd = "# comment\nroot:*:0:0:Charlie &:/root:/bin/csh\ndaemon:*:1:1::/root:\n";
        let root = account(passwd, "root").unwrap();
        assert_eq!((&*root.home, &*root.shell), ("/root", "/bin/csh"));
        assert_eq!(account(passwd, "daemon"), None);
        assert_eq!(account(passwd, "roo"), None);
    }
}
