//! How a tree differs from what was recorded of one.

use super::manifest::{Manifest, Record};
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
        (Some(recorded), Some(found)) if !same(keyword, wanted, there) => Some(Difference {
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
    differences.extend(
        ["mode", "size", "link", "sha256digest"]
            .into_iter()
            .filter_map(differs),
    );
}

/// Whether KEYWORD says the same in both, however it is written.
fn same(keyword: &str, wanted: &Record, there: &Record) -> bool {
    let (recorded, found) = (&wanted.keywords[keyword], &there.keywords[keyword]);
    match keyword {
        "mode" => {
            let number = |text: &str| u32::from_str_radix(text, 8).ok();
            number(recorded).is_some() && number(recorded) == number(found)
        }
        "link" => wanted.link_target() == there.link_target(),
        "sha256digest" => recorded.eq_ignore_ascii_case(found),
        _ => recorded == found,
    }
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
