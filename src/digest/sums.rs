//! Lines as `sha256sum` prints them, and checking recorded digests of any kind.

use super::{DigestError, Manifest, Sha256, Tree, compare, sha256_of_file};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The line that `sha256sum` prints for PATH: digest, two spaces, name. A tree
/// ends in `/`. Names that would break the line are written as sha256sum does.
///
/// ```
/// use fruix_scm::digest::{Sha256, line};
/// let shown = line(Sha256([0; 32]), "a\nb".as_ref(), false);
/// assert!(shown.starts_with("\\0000") && shown.ends_with("  a\\nb"));
/// ```
pub fn line(digest: Sha256, path: &Path, is_tree: bool) -> String {
    let mut name = path.to_string_lossy().into_owned();
    if is_tree && !name.ends_with('/') {
        name.push('/');
    }
    let escaped = name
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    let mark = if escaped == name { "" } else { "\\" };
    format!("{mark}{digest}  {escaped}")
}

/// What became of one recorded path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub path: PathBuf,
    /// What is wrong, `None` when all is as recorded.
    pub trouble: Option<String>,
}

/// Check what the file RECORDED says, paths being relative to BASE.
///
/// RECORDED is a list as `sha256sum` or FreeBSD's `sha256` prints it, in which
/// a name that ends in `/` is a tree, or a manifest of the tree BASE.
pub fn check(recorded: &Path, base: &Path) -> Result<Vec<Checked>, DigestError> {
    let bytes = fs::read(recorded).map_err(|error| DigestError::io("read", recorded, error))?;
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    match lines.map(parse).collect::<Option<Vec<_>>>() {
        Some(sums) if !sums.is_empty() => Ok(check_sums(sums, base)),
        _ => check_manifest(&Manifest::read(recorded)?, base),
    }
}

fn parse(line: &[u8]) -> Option<(Sha256, PathBuf)> {
    let text = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_owned()));
    if let Some(rest) = line.strip_prefix(b"SHA256 (") {
        let at = rest.windows(4).rposition(|part| part == b") = ")?;
        let digest = std::str::from_utf8(&rest[at + 4..]).ok()?.parse().ok()?;
        return Some((digest, text(&rest[..at])));
    }
    let escaped = line.first() == Some(&b'\\');
    let line = if escaped { &line[1..] } else { line };
    let (digest, rest) = line.split_at_checked(64)?;
    let digest = std::str::from_utf8(digest).ok()?.parse().ok()?;
    let name = rest.strip_prefix(b"  ").or(rest.strip_prefix(b" *"))?;
    if name.is_empty() {
        return None;
    }
    if !escaped {
        return Some((digest, text(name)));
    }
    let mut plain = Vec::new();
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some((digest, text(&plain)))
}

/// What became of each of SUMS, all files of all trees hashed in parallel.
fn check_sums(sums: Vec<(Sha256, PathBuf)>, base: &Path) -> Vec<Checked> {
    let is_tree = |path: &Path| path.as_os_str().as_bytes().ends_with(b"/");
    let places: Vec<PathBuf> = sums.iter().map(|(_, path)| base.join(path)).collect();
    let trees: Vec<&Path> = places
        .iter()
        .map(PathBuf::as_path)
        .filter(|place| is_tree(place))
        .collect();
    let mut trees = Tree::read_all(&trees).into_iter();
    sums.into_iter()
        .zip(&places)
        .map(|((recorded, path), place)| {
            let found = if is_tree(place) {
                trees
                    .next()
                    .expect("every tree was read")
                    .map(|tree| tree.sha256())
            } else {
                sha256_of_file(place)
            };
            let trouble = match found {
                Ok(found) if found == recorded => None,
                Ok(found) => Some(format!("digest is {found}, recorded {recorded}")),
                Err(error) => Some(error.to_string()),
            };
            Checked { path, trouble }
        })
        .collect()
}

fn check_manifest(recorded: &Manifest, base: &Path) -> Result<Vec<Checked>, DigestError> {
    let differences = compare(recorded, &Tree::read(base)?.manifest());
    let different: HashSet<&Path> = differences
        .iter()
        .map(|difference| difference.path.as_path())
        .collect();
    let mut checked: Vec<Checked> = recorded
        .records
        .iter()
        .filter(|record| !different.contains(record.path.as_path()))
        .map(|record| Checked {
            path: record.path.clone(),
            trouble: None,
        })
        .collect();
    checked.extend(differences.into_iter().map(|difference| Checked {
        trouble: Some(difference.told()),
        path: difference.path,
    }));
    checked.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(checked)
}
