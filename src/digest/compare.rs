//! How a tree differs from what was recorded of one.

use super::algorithm::Algorithm;
use super::manifest::{Manifest, Record, decode, values};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// One path that is not as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub path: PathBuf,
    /// The keyword that differs; `type` for what is missing or new.
    pub keyword: String,
    /// What was recorded, `None` for what is new.
    pub recorded: Option<String>,
    /// What is there, `None` for what is missing.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.told())
    }
}

impl Difference {
    /// What differs, without where.
    pub fn told(&self) -> String {
        match (&self.recorded, &self.found) {
            (Some(recorded), None) => format!("missing ({recorded})"),
            (None, Some(found)) => format!("new ({found})"),
            (recorded, found) => format!(
                "{} was {}, is {}",
                self.keyword,
                recorded.as_deref().unwrap_or_default(),
                found.as_deref().unwrap_or_default()
            ),
        }
    }
}

/// How FOUND differs from RECORDED, by path.
///
/// Only keywords that both have are compared: what was recorded without times
/// is not asked for times. Where the type differs nothing else is reported.
pub fn compare(recorded: &Manifest, found: &Manifest) -> Vec<Difference> {
    let index = |manifest: &Manifest| -> BTreeMap<PathBuf, Record> {
        let records = manifest.records.iter();
        records
            .map(|record| (record.path.clone(), record.clone()))
            .collect()
    };
    let (recorded, mut found) = (index(recorded), index(found));
    let mut differences = Vec::new();
    for (path, wanted) in &recorded {
        match found.remove(path) {
            None => differences.push(Difference {
                path: path.clone(),
                keyword: "type".to_owned(),
                recorded: Some(kind(wanted)),
                found: None,
            }),
            Some(there) => compare_records(path, wanted, &there, &mut differences),
        }
    }
    differences.extend(found.into_values().map(|there| Difference {
        keyword: "type".to_owned(),
        recorded: None,
        found: Some(kind(&there)),
        path: there.path,
    }));
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    differences
}

fn kind(record: &Record) -> String {
    let kind = record.keywords.get("type");
    kind.map_or("file", String::as_str).to_owned()
}

fn compare_records(
    path: &Path,
    wanted: &Record,
    there: &Record,
    differences: &mut Vec<Difference>,
) {
    let differs = |keyword: &str| match (wanted.keywords.get(keyword), there.keywords.get(keyword))
    {
        (Some(recorded), Some(found)) if !same(keyword, recorded, found) => Some(Difference {
            path: path.to_owned(),
            keyword: keyword.to_owned(),
            recorded: Some(recorded.clone()),
            found: Some(found.clone()),
        }),
        _ => None,
    };
    if let Some(difference) = differs("type") {
        differences.push(difference);
        return;
    }
    // What is recorded of a reader's conduct, or for people, is no property.
    let keywords = wanted.keywords.keys().map(String::as_str);
    differences.extend(
        keywords
            .filter(|keyword| !UNCOMPARED.contains(keyword))
            .filter_map(differs),
    );
}

/// Keywords that say nothing about what is in a tree.
pub(super) const UNCOMPARED: [&str; 5] = ["type", "ignore", "optional", "nochange", "tags"];

/// Whether RECORDED and FOUND say the same of KEYWORD, however they are written.
pub(super) fn same(keyword: &str, recorded: &str, found: &str) -> bool {
    /// Whether READ understands both, and as the same.
    fn alike<T: PartialEq>(read: impl Fn(&str) -> Option<T>, one: &str, other: &str) -> bool {
        read(one).is_some() && read(one) == read(other)
    }
    match keyword {
        "mode" => alike(values::mode, recorded, found),
        "size" | "nlink" | "uid" | "gid" | "inode" | "cksum" => {
            alike(|text| text.parse::<u64>().ok(), recorded, found)
        }
        // As mtree compares them: to the microsecond.
        "time" => {
            let micro = |text: &str| values::time(text).map(|(s, ns)| (s, ns / 1000));
            alike(micro, recorded, found)
        }
        "device" => alike(values::device, recorded, found),
        "link" => decode(recorded) == decode(found),
        "flags" => flags(recorded) == flags(found),
        keyword if Algorithm::of_keyword(keyword).is_some() => {
            let digits = |text: &str| text.trim_start_matches("0x").to_ascii_lowercase();
            digits(recorded) == digits(found)
        }
        _ => recorded == found,
    }
}

/// The flags in TEXT, each by one of its names, in order.
pub(super) fn flags(text: &str) -> Vec<&str> {
    let mut flags: Vec<&str> = text
        .split(',')
        .filter(|flag| !flag.is_empty() && *flag != "none")
        .map(|flag| match flag {
            // Further names that chflags(1) takes.
            "archived" => "arch",
            "uarchive" => "uarch",
            "sappend" => "sappnd",
            "schange" | "simmutable" => "schg",
            "sunlink" => "sunlnk",
            "uappend" => "uappnd",
            "uchange" | "uimmutable" => "uchg",
            "uunlink" => "uunlnk",
            "hidden" => "uhidden",
            "offline" => "uoffline",
            "rdonly" | "readonly" => "urdonly",
            "reparse" => "ureparse",
            "sparse" => "usparse",
            "system" => "usystem",
            "nonodump" | "dump" => "",
            other => other,
        })
        .filter(|flag| !flag.is_empty())
        .collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_difference_has_its_words() {
        let recorded = Manifest::parse(
            "./gone type=file\n./kind type=dir\n./link type=link link=a\n./mode type=dir mode=0755\n\
             ./same type=file mode=644 size=1\n./size type=file size=1\n",
        );
        let found = Manifest::parse(
            "./kind type=file\n./link type=link link=b\n./mode type=dir mode=0700\n./new type=dir\n\
             ./same type=file mode=0644 time=1.0\n./size type=file size=2\n",
        );
        let shown: Vec<String> = compare(&recorded.unwrap(), &found.unwrap())
            .iter()
            .map(Difference::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "gone: missing (file)",
                "kind: type was dir, is file",
                "link: link was a, is b",
                "mode: mode was 0755, is 0700",
                "new: new (dir)",
                "size: size was 1, is 2",
            ]
        );
    }
}
