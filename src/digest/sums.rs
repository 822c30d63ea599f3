//! Lists of sums, as GNU's, BSD's and perl's tools print them, and checking recorded
//! digests of any kind.
//!
//! A list is read line by line, as GNU's `sha256sum --check` reads one: what is no
//! sum is told and does not change how the other lines are read.
//!
//! Source: coreutils manual, "cksum common options"; sha256(1) of FreeBSD; distinfo
//! in the FreeBSD Porter's Handbook.

use super::algorithm::Algorithm;
use super::{DigestError, Manifest, Sha256, Tree, conform, digest_of_file};
use flate2::read::MultiGzDecoder;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The line that `sha256sum` prints for PATH: digest, two spaces, name. A tree
/// ends in `/`. Names that would break the line are written as sha256sum does, and
/// all others byte by byte.
///
/// ```
/// use fruix_scm::digest::{Sha256, line};
/// let shown = line(Sha256([0; 32]), "a\nb".as_ref(), false);
/// assert!(shown.starts_with(b"\\0000") && shown.ends_with(b"  a\\nb"));
/// ```
pub fn line(digest: Sha256, path: &Path, is_tree: bool) -> Vec<u8> {
    let mut name = path.as_os_str().as_bytes().to_vec();
    if is_tree && !name.ends_with(b"/") {
        name.push(b'/');
    }
    let mut escaped = Vec::with_capacity(name.len());
    for byte in &name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            byte => escaped.push(*byte),
        }
    }
    let mark = if escaped == name { "" } else { "\\" };
    let mut line = format!("{mark}{digest}  ").into_bytes();
    line.extend(escaped);
    line
}

/// What became of one recorded path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub path: PathBuf,
    /// What is wrong, `None` when all is as recorded.
    pub trouble: Option<String>,
}

/// What became of all that a file records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checklist {
    pub checked: Vec<Checked>,
    /// The numbers of lines in a list that are no sums.
    pub odd: Vec<usize>,
}

/// Check what the file RECORDED says, paths being relative to BASE.
///
/// RECORDED is a list of sums, in which a name that ends in `/` is a tree by its
/// SHA-256, or a manifest of the tree BASE; it may be compressed by gzip.
pub fn check(recorded: &Path, base: &Path) -> Result<Checklist, DigestError> {
    let bytes = contents(recorded)?;
    let unclear = |(line, why)| DigestError::Recorded {
        path: recorded.to_owned(),
        line,
        why,
    };
    if !begins_like_a_manifest(&bytes) {
        let (sums, odd) = parse(&bytes);
        if !sums.is_empty() {
            let checked = check_sums(sums, base);
            return Ok(Checklist { checked, odd });
        }
        let manifest = Manifest::parse_bytes(&bytes);
        let says_something = |manifest: &Manifest| {
            let mut records = manifest.records.iter();
            records.any(|record| !record.keywords.is_empty())
        };
        return match manifest {
            Ok(manifest) if says_something(&manifest) => Ok(Checklist {
                checked: conform::check(&manifest, base)?,
                odd: Vec::new(),
            }),
            Ok(_) => Err(unclear((1, "no line is a sum".to_owned()))),
            Err((line, why)) => Err(unclear((
                line,
                format!("no line is a sum, and as a manifest: {why}"),
            ))),
        };
    }
    let manifest = Manifest::parse_bytes(&bytes).map_err(unclear)?;
    Ok(Checklist {
        checked: conform::check(&manifest, base)?,
        odd: Vec::new(),
    })
}

/// The bytes of the file at PATH, decompressed.
fn contents(path: &Path) -> Result<Vec<u8>, DigestError> {
    let fail = |error| DigestError::io("read", path, error);
    let bytes = fs::read(path).map_err(fail)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    // No manifest is so large; a file may be made to look as if.
    const MOST: u64 = 1 << 30;
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(MOST)
        .read_to_end(&mut plain)
        .map_err(fail)?;
    Ok(plain)
}

/// Whether the first line that says something is one of a manifest.
fn begins_like_a_manifest(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"#mtree") {
        return true;
    }
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.next().is_some_and(|line| {
        let first = line.split(u8::is_ascii_whitespace).next().unwrap_or(line);
        first == b"." || first == b"/set" || first == b"/unset" || first.starts_with(b"./")
    })
}

/// What a line of a list says of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// The digest, in lower case.
    Sum(Algorithm, String),
    Size(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum {
    path: PathBuf,
    said: Said,
}

/// The sums in BYTES, and the numbers of lines that are none.
fn parse(bytes: &[u8]) -> (Vec<Sum>, Vec<usize>) {
    let (mut sums, mut odd) = (Vec::new(), Vec::new());
    let mut reversed = None;
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"TIMESTAMP = ") {
            continue;
        }
        match parse_line(line, &mut reversed) {
            Some(sum) => sums.push(sum),
            None => odd.push(index + 1),
        }
    }
    (sums, odd)
}

/// The sum in LINE. REVERSED says, once it is known, whether one space stands
/// between sum and name, as BSD's `-r` writes them; the two forms do not mix, or a
/// name could begin with a space unseen.
fn parse_line(line: &[u8], reversed: &mut Option<bool>) -> Option<Sum> {
    let start = line
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let line = &line[start..];
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    if let Some(sum) = tagged(line, escaped) {
        return Some(sum);
    }
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let algorithm = Algorithm::of_digits(digits)?;
    let (digest, rest) = line.split_at(digits);
    let rest = match rest {
        [b' ' | b'\t', rest @ ..] => rest,
        _ => return None,
    };
    let name = match rest {
        [b' ' | b'*', name @ ..] if !name.is_empty() && *reversed != Some(true) => {
            *reversed = Some(false);
            name
        }
        _ if *reversed == Some(false) => return None,
        rest => {
            *reversed = Some(true);
            rest
        }
    };
    Some(Sum {
        path: name_of(name, escaped)?,
        said: Said::Sum(algorithm, lower(digest)?),
    })
}

/// `SHA256 (name) = sum`, as BSD's tools, openssl's `SHA2-256(name)= sum` and the
/// distinfo of a port have it.
fn tagged(line: &[u8], escaped: bool) -> Option<Sum> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let tag = std::str::from_utf8(&line[..open]).ok()?;
    let tag = tag.strip_suffix(' ').unwrap_or(tag);
    let name = line.get(open + 1..close)?;
    let rest = line[close + 1..].trim_ascii_start();
    let value = lower(rest.strip_prefix(b"=")?.trim_ascii_start())?;
    let said = match tag {
        "SIZE" => Said::Size(value.parse().ok()?),
        tag => {
            let algorithm = Algorithm::of_name(tag)?;
            let digits = value.bytes().all(|byte| byte.is_ascii_hexdigit());
            if value.len() != algorithm.digits() || !digits {
                return None;
            }
            Said::Sum(algorithm, value)
        }
    };
    Some(Sum {
        path: name_of(name, escaped)?,
        said,
    })
}

fn lower(digest: &[u8]) -> Option<String> {
    Some(std::str::from_utf8(digest).ok()?.to_ascii_lowercase())
}

/// The path that NAME stands for; none where an escape is none.
fn name_of(name: &[u8], escaped: bool) -> Option<PathBuf> {
    let path = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
    if name.is_empty() || name.contains(&0) {
        return None;
    }
    if !escaped {
        return Some(path(name.to_owned()));
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
    Some(path(plain))
}

/// What became of each of SUMS, all files of all trees hashed in parallel.
fn check_sums(sums: Vec<Sum>, base: &Path) -> Vec<Checked> {
    let is_tree = |sum: &Sum| {
        sum.path.as_os_str().as_bytes().ends_with(b"/")
            && matches!(sum.said, Said::Sum(Algorithm::Sha256, _))
    };
    let places: Vec<PathBuf> = sums
        .iter()
        .filter(|sum| is_tree(sum))
        .map(|sum| base.join(&sum.path))
        .collect();
    let trees: Vec<&Path> = places.iter().map(PathBuf::as_path).collect();
    let mut trees = Tree::read_all(&trees).into_iter();
    sums.into_iter()
        .map(|sum| {
            let place = base.join(&sum.path);
            let trouble = match &sum.said {
                Said::Size(recorded) => match fs::metadata(&place) {
                    Ok(found) if found.len() == *recorded => None,
                    Ok(found) => Some(format!("size is {}, recorded {recorded}", found.len())),
                    Err(error) => Some(DigestError::io("read", place, error).to_string()),
                },
                Said::Sum(algorithm, recorded) => {
                    let found = if is_tree(&sum) {
                        trees
                            .next()
                            .expect("every tree was read")
                            .map(|tree| tree.sha256().to_string())
                    } else {
                        digest_of_file(&place, *algorithm)
                    };
                    match found {
                        Ok(found) if found == *recorded => None,
                        Ok(found) => Some(format!("digest is {found}, recorded {recorded}")),
                        Err(error) => Some(error.to_string()),
                    }
                }
            };
            Checked {
                path: sum.path,
                trouble,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn names(text: &str) -> (Vec<String>, Vec<usize>) {
        let (sums, odd) = parse(text.as_bytes());
        let names = sums.iter().map(|sum| sum.path.display().to_string());
        (names.collect(), odd)
    }

    #[test]
    fn every_form_of_a_sum_is_read() {
        for (line, name) in [
            (format!("{SUM}  a b"), "a b"),
            (format!("{SUM} *a"), "a"),
            (format!("{SUM} a"), "a"),
            (format!("  {SUM}  a\r"), "a"),
            (format!("\\{SUM}  a\\\\b\\nc"), "a\\b\nc"),
            (format!("{}  a", SUM.to_uppercase()), "a"),
            (format!("SHA256 (a (1)) = {SUM}"), "a (1)"),
            (format!("\\SHA256 (a\\\\b) = {SUM}"), "a\\b"),
            (format!("SHA256(a)= {SUM}"), "a"),
            (format!("SHA2-256(a)= {SUM}"), "a"),
            (format!("MD5 (a) = {}", &SUM[..32]), "a"),
            (format!("RMD160 (a) = {}", &SUM[..40]), "a"),
            (format!("{}  a", &SUM[..40]), "a"),
            ("SIZE (a) = 12".to_owned(), "a"),
        ] {
            let found = names(&format!("# a comment\n\n{line}\n"));
            assert_eq!(found, (vec![name.to_owned()], vec![]), "{line}");
        }
    }

    #[test]
    fn what_is_no_sum_is_told_by_its_line_and_the_others_are_read() {
        let text = format!("hello\n{SUM}  a\n{SUM} b\n{SUM}x  c\n\\{SUM}  \\d\n{SUM}  e");
        assert_eq!(
            names(&text),
            (vec!["a".to_owned(), "e".to_owned()], vec![1, 3, 4, 5])
        );
    }
}
