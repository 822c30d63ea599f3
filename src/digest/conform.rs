//! Whether a tree is as a manifest says, every word of it.
//!
//! What a manifest records is looked at in the tree, each keyword of each record.
//! What cannot be looked at here is told as not checked: an entry is right only
//! when all that is recorded of it was seen to hold.

use super::algorithm::Algorithm;
use super::compare::{UNCOMPARED, flags, same};
use super::manifest::{self, Manifest, Record, encode};
use super::sums::Checked;
use super::tree::{Entry, Kind};
use super::walk::{self, Facts, Hashing, Seen};
use super::{DigestError, accounts};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What became of each path that RECORDED or the tree BASE has, by path.
///
/// What is `optional` may be missing; of what is below an `ignore` nothing is new;
/// of what is `nochange` only the type counts.
pub(super) fn check(recorded: &Manifest, base: &Path) -> Result<Vec<Checked>, DigestError> {
    let wanted: HashMap<PathBuf, Vec<Algorithm>> = recorded
        .records
        .iter()
        .filter(|record| !record.keywords.contains_key("nochange"))
        .filter_map(|record| {
            let keywords = record.keywords.keys();
            let algorithms: Vec<Algorithm> = keywords
                .filter_map(|keyword| Algorithm::of_keyword(keyword))
                .collect();
            (!algorithms.is_empty()).then(|| (record.path.clone(), algorithms))
        })
        .collect();
    let mut found = walk::explore(&[base], Hashing::These(&wanted));
    let mut there: BTreeMap<PathBuf, Seen> = found
        .pop()
        .expect("one tree was asked for")?
        .into_iter()
        .map(|seen| (seen.entry.path.clone(), seen))
        .collect();
    let mut checked = Vec::new();
    let mut ignored: HashSet<&Path> = HashSet::new();
    for record in &recorded.records {
        if record.keywords.contains_key("ignore") {
            ignored.insert(&record.path);
        }
        let troubles = match there.remove(&record.path) {
            Some(seen) => troubles(record, &seen, base)?,
            None if record.keywords.contains_key("optional") => continue,
            None => vec![format!("missing ({})", kind_of(record))],
        };
        let troubles: Vec<Option<String>> = match troubles.is_empty() {
            true => vec![None],
            false => troubles.into_iter().map(Some).collect(),
        };
        checked.extend(troubles.into_iter().map(|trouble| Checked {
            path: record.path.clone(),
            trouble,
        }));
    }
    let is_ignored = |path: &Path| {
        let mut above = path.ancestors().skip(1);
        above.any(|above| ignored.contains(above))
    };
    checked.extend(
        there
            .into_values()
            .filter(|seen| !is_ignored(&seen.entry.path))
            .map(|seen| Checked {
                trouble: Some(format!("new ({})", kind_name(&seen.entry))),
                path: seen.entry.path,
            }),
    );
    checked.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(checked)
}

fn kind_of(record: &Record) -> &str {
    record.keywords.get("type").map_or("file", String::as_str)
}

fn kind_name(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Directory => "dir",
        Kind::File { .. } => "file",
        Kind::Link { .. } => "link",
        Kind::Special(name, _) => name,
    }
}

/// What is not as RECORD says of what was SEEN in the tree BASE.
fn troubles(record: &Record, seen: &Seen, base: &Path) -> Result<Vec<String>, DigestError> {
    let kind = kind_name(&seen.entry);
    if let Some(recorded) = record.keywords.get("type")
        && recorded != kind
    {
        return Ok(vec![format!("type was {recorded}, is {kind}")]);
    }
    if record.keywords.contains_key("nochange") {
        return Ok(Vec::new());
    }
    if let Err(error @ DigestError::Interrupted { .. }) = &seen.digests {
        return Err(DigestError::Interrupted {
            path: match error {
                DigestError::Interrupted { path } => path.clone(),
                _ => base.to_owned(),
            },
        });
    }
    let mut troubles = Vec::new();
    for (keyword, recorded) in &record.keywords {
        if UNCOMPARED.contains(&keyword.as_str()) {
            continue;
        }
        match value(keyword, recorded, seen, base) {
            Ok(Some(found)) if same(keyword, recorded, &found) => {}
            Ok(Some(found)) => troubles.push(format!("{keyword} was {recorded}, is {found}")),
            Ok(None) => {}
            Err(why) => troubles.push(format!("{keyword} was not checked: {why}")),
        }
    }
    Ok(troubles)
}

/// The value of KEYWORD that what was SEEN has, written as a manifest has it; none
/// where mtree does not compare either, and the reason where it cannot be told.
fn value(
    keyword: &str,
    recorded: &str,
    seen: &Seen,
    base: &Path,
) -> Result<Option<String>, String> {
    let Seen { entry, facts, .. } = seen;
    if let Some(algorithm) = Algorithm::of_keyword(keyword) {
        let digests = seen.digests.as_ref().map_err(ToString::to_string)?;
        let digest = digests.iter().find(|(one, _)| *one == algorithm);
        return match digest {
            Some((_, digest)) => Ok(Some(digest.clone())),
            None => Err("it is no regular file".to_owned()),
        };
    }
    Ok(Some(match keyword {
        "mode" => format!("0{:o}", entry.mode),
        "size" => facts.size.to_string(),
        "uid" => facts.user.to_string(),
        "gid" => facts.group.to_string(),
        "uname" => named(recorded, facts.user, &accounts::USERS)?,
        "gname" => named(recorded, facts.group, &accounts::GROUPS)?,
        // The links of a directory are its file system's business.
        "nlink" if matches!(entry.kind, Kind::Directory) => return Ok(None),
        "nlink" => facts.links.to_string(),
        "inode" => facts.inode.to_string(),
        "time" => format!("{}.{:09}", facts.modified.0, facts.modified.1),
        "link" => match &entry.kind {
            Kind::Link { target } => encode(target.as_os_str().as_bytes()),
            _ => return Err("it is no link".to_owned()),
        },
        "device" => match &entry.kind {
            Kind::Special(_, Some(numbers)) => manifest::device(*numbers),
            _ => return Err("it is no device".to_owned()),
        },
        "flags" => flags_of(&base.join(&entry.path), facts, recorded)?,
        _ => return Err("this program does not look at it".to_owned()),
    }))
}

/// RECORDED, when that is a name of NUMBER, or else the name that NUMBER has.
fn named(recorded: &str, number: u32, directory: &accounts::Directory) -> Result<String, String> {
    match (directory.number)(recorded) {
        None => Err(format!("there is no {} `{recorded}` here", directory.kind)),
        Some(known) if known == number => Ok(recorded.to_owned()),
        Some(_) => Ok((directory.name)(number).unwrap_or_else(|| number.to_string())),
    }
}

/// The flags of the thing at PLACE, by chflags(1)'s names, `none` without any; or
/// why those that are RECORDED cannot be looked at.
#[cfg(any(target_os = "freebsd", target_os = "macos"))]
fn flags_of(_place: &Path, facts: &Facts, recorded: &str) -> Result<String, String> {
    // sys/stat.h; the numbers are part of the file systems' formats.
    const NAMES: [(u32, &str); 16] = [
        (0x0000_0001, "nodump"),
        (0x0000_0002, "uchg"),
        (0x0000_0004, "uappnd"),
        (0x0000_0008, "opaque"),
        (0x0000_0010, "uunlnk"),
        (0x0000_0080, "usystem"),
        (0x0000_0100, "usparse"),
        (0x0000_0200, "uoffline"),
        (0x0000_0400, "ureparse"),
        (0x0000_0800, "uarch"),
        (0x0000_1000, "urdonly"),
        (0x0000_8000, "uhidden"),
        (0x0001_0000, "arch"),
        (0x0002_0000, "schg"),
        (0x0004_0000, "sappnd"),
        (0x0010_0000, "sunlnk"),
    ];
    let known = |flag: &&str| !NAMES.iter().any(|(_, name)| name == flag);
    if let Some(flag) = flags(recorded).into_iter().find(known) {
        return Err(format!("this system knows no flag `{flag}`"));
    }
    let names = NAMES.iter().filter(|(bit, _)| facts.flags & bit != 0);
    Ok(shown(names.map(|(_, name)| *name).collect()))
}

/// The same where few flags have a counterpart, and on some file systems only.
#[cfg(target_os = "linux")]
fn flags_of(place: &Path, _facts: &Facts, recorded: &str) -> Result<String, String> {
    use rustix::fs::{IFlags, Mode, OFlags};
    const NAMES: [(IFlags, &str); 3] = [
        (IFlags::IMMUTABLE, "schg"),
        (IFlags::APPEND, "sappnd"),
        (IFlags::NODUMP, "nodump"),
    ];
    let unknown = |flag: &&str| !NAMES.iter().any(|(_, name)| name == flag);
    if let Some(flag) = flags(recorded).into_iter().find(unknown) {
        return Err(format!("this system has no flag like `{flag}`"));
    }
    let open = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // What cannot be opened, a link or a device, has no such attributes; a file
    // system without them has none set.
    let set = rustix::fs::open(place, open, Mode::empty())
        .ok()
        .and_then(|file| rustix::fs::ioctl_getflags(&file).ok())
        .unwrap_or(IFlags::empty());
    let names = NAMES.iter().filter(|(flag, _)| set.contains(*flag));
    Ok(shown(names.map(|(_, name)| *name).collect()))
}

fn shown(names: Vec<&str>) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(","),
    }
}
