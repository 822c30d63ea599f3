//! The language of mtree(5), written in one canonical way and read tolerantly.
//!
//! Written: one line an entry, `./path type=… mode=… …`, sorted by bytes as
//! `LC_ALL=C sort` would, names in vis(3)'s octal form. Links have no mode,
//! because systems disagree on it. Read: that, what `mtree -c` and `mtree -C`
//! print, the METALOG of a FreeBSD installation, its `BSD.root.dist` and kin, and
//! what bsdtar writes.

mod reading;
pub(super) mod values;

use super::Sha256;
use super::tree::{Entry, Kind, Tree};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What is recorded of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Relative to the top, which itself is the empty path.
    pub path: PathBuf,
    /// Keywords and values as recorded, but that a digest is here called by the
    /// longer of its names: `sha256digest` for `sha256`.
    pub keywords: BTreeMap<String, String>,
}

/// What is recorded of a tree, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub records: Vec<Record>,
}

/// The order in which a canonical line shows keywords.
const SHOWN: [&str; 6] = ["type", "mode", "size", "link", "device", "sha256digest"];

impl Manifest {
    /// What is recorded of TREE.
    pub(super) fn of(tree: &Tree) -> Self {
        let records = tree.entries.iter().map(|entry| {
            let fields = SHOWN
                .iter()
                .filter_map(|keyword| Some(((*keyword).to_owned(), field(entry, keyword)?)));
            Record {
                path: entry.path.clone(),
                keywords: fields.collect(),
            }
        });
        Manifest {
            records: records.collect(),
        }
    }

    /// Understand TEXT; the error has the number of the line.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        Manifest::parse_bytes(text.as_bytes())
    }

    /// Understand BYTES, which need not be UTF-8: names are bytes.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, (usize, String)> {
        let mut manifest = Manifest {
            records: reading::records(bytes)?
                .into_iter()
                .map(|(path, keywords)| Record { path, keywords })
                .collect(),
        };
        manifest.sort();
        Ok(manifest)
    }

    /// What of a manifest stands for the tree, as [`Tree::manifest`] writes it:
    /// so a tree that mtree has recorded elsewhere has the digest it has here. The
    /// error says what is not recorded that would have to be.
    pub fn canonical(mut self) -> Result<Self, String> {
        for record in &mut self.records {
            let kind = record.keywords.get("type").cloned().unwrap_or_default();
            let needed: &[&str] = match kind.as_str() {
                "file" => &["mode", "size", "sha256digest"],
                "link" => &["link"],
                "char" | "block" => &["mode", "device"],
                "" => &["type"],
                _ => &["mode"],
            };
            record
                .keywords
                .retain(|keyword, _| keyword == "type" || needed.contains(&keyword.as_str()));
            for keyword in needed {
                let Some(value) = record.keywords.get_mut(*keyword) else {
                    let path = record.path.display();
                    return Err(format!("it has no {keyword} of `{path}`"));
                };
                let canonical = match *keyword {
                    "mode" => values::mode(value).map(|mode| format!("0{mode:o}")),
                    "size" => value.parse().ok().map(|size: u64| size.to_string()),
                    "device" => values::device(value).map(device),
                    "link" => Some(encode(&decode(value))),
                    "sha256digest" => value.parse().ok().map(|sha256: Sha256| sha256.to_string()),
                    _ => Some(value.clone()),
                };
                *value = canonical.ok_or_else(|| {
                    format!("`{value}` is no {keyword} of `{}`", record.path.display())
                })?;
            }
        }
        self.sort();
        Ok(self)
    }

    /// The digest of the manifest's text.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.to_string().as_bytes())
    }

    fn sort(&mut self) {
        self.records.sort_by_cached_key(Record::to_string);
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records
            .iter()
            .try_for_each(|record| writeln!(formatter, "{record}"))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(formatter, &self.path, |keyword| {
            self.keywords.get(keyword).map(Cow::from)
        })
    }
}

/// What a line about PATH begins with, and is sorted by.
pub(super) fn place(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return ". ".to_owned();
    }
    let mut place = String::with_capacity(path.as_os_str().len() + 3);
    place.push_str("./");
    encode_into(&mut place, path.as_os_str().as_bytes());
    place.push(' ');
    place
}

/// The value of KEYWORD that ENTRY has in a manifest, if any.
fn field(entry: &Entry, keyword: &str) -> Option<String> {
    Some(match (keyword, &entry.kind) {
        ("type", Kind::Directory) => "dir".to_owned(),
        ("type", Kind::File { .. }) => "file".to_owned(),
        ("type", Kind::Link { .. }) => "link".to_owned(),
        ("type", Kind::Special(name, _)) => (*name).to_owned(),
        ("device", Kind::Special(_, Some(numbers))) => device(*numbers),
        ("mode", kind) if !matches!(kind, Kind::Link { .. }) => format!("0{:o}", entry.mode),
        ("size", Kind::File { size, .. }) => size.to_string(),
        ("sha256digest", Kind::File { sha256, .. }) => sha256.to_string(),
        ("link", Kind::Link { target }) => encode(target.as_os_str().as_bytes()),
        _ => return None,
    })
}

/// The major and minor number of a device as a manifest has them.
pub(super) fn device((major, minor): (u32, u32)) -> String {
    format!("native,{major},{minor}")
}

/// The lines of ENTRIES, which are in a manifest's order.
pub(super) fn text(entries: &[Entry]) -> String {
    let mut text = String::with_capacity(entries.len() * 128);
    for entry in entries {
        line(&mut text, &entry.path, |keyword| {
            field(entry, keyword).map(Cow::from)
        })
        .expect("a string takes every character");
        text.push('\n');
    }
    text
}

/// What a manifest has on PATH in one line, without its end.
fn line<'v>(
    out: &mut impl fmt::Write,
    path: &Path,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> fmt::Result {
    out.write_str(place(path).trim_end())?;
    for keyword in SHOWN {
        if let Some(value) = value(keyword) {
            for part in [" ", keyword, "=", &*value] {
                out.write_str(part)?;
            }
        }
    }
    Ok(())
}

impl Record {
    /// The recorded digest, where there is a readable one.
    pub fn sha256(&self) -> Option<Sha256> {
        self.keywords.get("sha256digest")?.parse().ok()
    }

    /// Where a recorded link leads.
    pub fn link_target(&self) -> Option<PathBuf> {
        let target = self.keywords.get("link")?;
        Some(OsString::from_vec(decode(target)).into())
    }
}

/// BYTES as vis(3) shows them with VIS_OCTAL, VIS_WHITE and VIS_GLOB.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode_into(&mut text, bytes);
    text
}

fn encode_into(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_graphic() && !b"\\*?[#".contains(&byte) {
            text.push(byte as char);
        } else {
            write!(text, "\\{byte:03o}").expect("a string takes every character");
        }
    }
}

/// What strunvis(3) makes of TEXT.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let octal = rest
            .iter()
            .take(3)
            .take_while(|digit| (b'0'..=b'7').contains(*digit))
            .count();
        if octal > 0 {
            let value = rest[..octal]
                .iter()
                .fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            bytes.push(value as u8);
            rest = &rest[octal..];
            continue;
        }
        let (decoded, used) = match rest {
            [b'M', b'-', byte, ..] => (byte | 0x80, 3),
            [b'M', b'^', byte, ..] => (control(*byte) | 0x80, 3),
            [b'^', byte, ..] => (control(*byte), 2),
            [b's', ..] => (b' ', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'r', ..] => (b'\r', 1),
            [b'a', ..] => (7, 1),
            [b'b', ..] => (8, 1),
            [b'v', ..] => (11, 1),
            [b'f', ..] => (12, 1),
            [b'E', ..] => (27, 1),
            [byte, ..] => (*byte, 1),
            [] => (b'\\', 0),
        };
        bytes.push(decoded);
        rest = &rest[used..];
    }
    bytes
}

fn control(byte: u8) -> u8 {
    if byte == b'?' { 0x7f } else { byte & 0x1f }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_survives_writing_and_reading(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&bytes)), bytes);
        }

        #[test]
        fn no_text_is_too_strange_to_be_read(text in "\\PC*|[./=\\\\ \\na-z0-9]*") {
            let _ = Manifest::parse(&text);
        }
    }

    #[test]
    fn what_mtree_prints_is_understood() {
        let text = "\
#\tmachine: vm

# .
/set type=file mode=0755
.               type=dir
    a.b         mode=04755 size=1 \\
                sha256=01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b
# ./a
/set type=file mode=0644
a               type=dir mode=0755
    b*?[\\#\\\\\\M-C\\M-) \\
                size=2
# ./a
..
l               type=link link=tar\\sget
";
        assert_eq!(
            Manifest::parse(text).unwrap().to_string(),
            "\
. type=dir mode=0755
./a type=dir mode=0755
./a.b type=file mode=04755 size=1 \
sha256digest=01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b
./a/b\\052\\077\\133\\043\\134\\303\\251 type=file mode=0644 size=2
./l type=link mode=0644 link=tar\\sget
"
        );
    }

    #[test]
    fn of_two_records_in_a_metalog_the_later_one_stands() {
        let text = "\
#mtree 2.0
./bin/cat type=file uname=root gname=wheel mode=0555 size=1
./bin/cat type=file uname=root gname=wheel mode=0555 size=2
";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.records.len(), 1);
        assert_eq!(manifest.records[0].keywords["size"], "2");
    }

    #[test]
    fn a_record_that_leads_out_of_the_tree_is_refused_by_its_line() {
        for text in [
            "./a type=dir\n./a/../../b type=file\n",
            "a type=dir\n..\n..\n..\n",
        ] {
            let (line, why) = Manifest::parse(text).unwrap_err();
            assert!(line > 1, "{why}");
        }
    }
}
