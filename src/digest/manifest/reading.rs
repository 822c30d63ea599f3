//! Reading the language of mtree(5), as NetBSD's and FreeBSD's mtree(8) do.
//!
//! A `#` begins a comment, a `\\` at the end of a line goes on with the next, and
//! neither does after another `\\`. Names without a slash are in the directory that
//! was named last and not left by `..`; names with one are paths from the top.
//!
//! Stricter than mtree is only: what stands after the `..` that leaves the top is
//! refused, where mtree passes over it.

use super::super::algorithm::Algorithm;
use super::{decode, values};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, PathBuf};

type Keywords = BTreeMap<String, String>;

/// Keywords without a value.
const FLAGS: [&str; 3] = ["ignore", "optional", "nochange"];

/// Keywords with a value that are no digests: mtree's, and those that libarchive
/// writes besides.
const VALUED: [&str; 16] = [
    "contents",
    "device",
    "flags",
    "gid",
    "gname",
    "inode",
    "link",
    "mode",
    "nlink",
    "resdevice",
    "size",
    "tags",
    "time",
    "type",
    "uid",
    "uname",
];

/// The records in BYTES, of several of a path the last; the error has the number of
/// the line.
pub(super) fn records(bytes: &[u8]) -> Result<BTreeMap<PathBuf, Keywords>, (usize, String)> {
    let mut reading = Reading::default();
    let mut pending: Option<Vec<u8>> = None;
    let mut number = 0;
    for raw in bytes.split(|byte| *byte == b'\n') {
        number += 1;
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let comment = (0..raw.len()).find(|at| raw[*at] == b'#' && !is_escaped(raw, *at));
        if comment == Some(0) && pending.is_none() {
            continue;
        }
        let mut line = &raw[..comment.unwrap_or(raw.len())];
        let goes_on = line.last() == Some(&b'\\') && !is_escaped(line, line.len() - 1);
        if goes_on {
            line = &line[..line.len() - 1];
        }
        pending.get_or_insert_default().extend_from_slice(line);
        if !goes_on {
            let whole = pending.take().unwrap_or_default();
            reading.line(&plain(&whole)).map_err(|why| (number, why))?;
        }
    }
    if let Some(whole) = pending {
        reading.line(&plain(&whole)).map_err(|why| (number, why))?;
    }
    Ok(reading.records)
}

/// Whether an odd number of backslashes stands before AT in LINE.
fn is_escaped(line: &[u8], at: usize) -> bool {
    line[..at]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count()
        % 2
        == 1
}

/// LINE as text: bytes beyond ASCII, which writers should have escaped, escaped.
fn plain(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for (at, byte) in line.iter().enumerate() {
        if byte.is_ascii() {
            text.push(*byte as char);
            continue;
        }
        if is_escaped(line, at) {
            text.pop();
        }
        text.push_str(&format!("\\{byte:03o}"));
    }
    text
}

/// The name of KEYWORD in a record; `None` for what is no keyword.
fn canonical_keyword(keyword: &str) -> Option<&str> {
    if let Some(algorithm) = Algorithm::of_keyword(keyword) {
        return Some(algorithm.keyword());
    }
    let known = FLAGS.contains(&keyword) || VALUED.contains(&keyword);
    match keyword {
        "content" => Some("contents"),
        keyword => known.then_some(keyword),
    }
}

#[derive(Default)]
struct Reading {
    /// What `/set` said.
    defaults: Keywords,
    /// Where names without a slash are.
    directory: PathBuf,
    /// Whether `..` has left the top.
    left: bool,
    records: BTreeMap<PathBuf, Keywords>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace());
        let end = line
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(line.len());
        let (first, rest) = line.split_at(end);
        match first {
            "" => Ok(()),
            "/set" => {
                self.defaults.extend(keywords(rest)?);
                Ok(())
            }
            "/unset" => self.unset(rest),
            ".." => self.leave(),
            name if name.starts_with('/') => {
                Err(format!("`{name}` is neither /set nor /unset, and no name"))
            }
            name => self.name(name, rest),
        }
    }

    fn unset(&mut self, words: &str) -> Result<(), String> {
        for word in words.split_ascii_whitespace() {
            if word == "all" {
                self.defaults.clear();
                continue;
            }
            let keyword = canonical_keyword(word).ok_or_else(|| unknown(word))?;
            self.defaults.remove(keyword);
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), String> {
        // FreeBSD's own specifications leave the top at their end.
        if !self.directory.pop() {
            if self.left || self.records.is_empty() {
                return Err("`..` leads above the top".to_owned());
            }
            self.left = true;
        }
        Ok(())
    }

    fn name(&mut self, name: &str, rest: &str) -> Result<(), String> {
        let decoded = PathBuf::from(OsString::from_vec(decode(name)));
        let leads_out = |part: Component| part == Component::ParentDir;
        if decoded.components().any(leads_out) || decoded.is_absolute() {
            return Err(format!("`{name}` leads out of the tree"));
        }
        let relative: PathBuf = decoded
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect();
        let whole = decoded.as_os_str().as_bytes().contains(&b'/');
        if !whole && self.left {
            return Err(format!(
                "`{name}` stands after the `..` that leaves the top"
            ));
        }
        let path = if whole {
            relative
        } else {
            self.directory.join(relative)
        };
        let mut values = self.defaults.clone();
        values.extend(keywords(rest)?);
        if !whole && values.get("type").is_some_and(|kind| kind == "dir") {
            self.directory.clone_from(&path);
        }
        self.records.insert(path, values);
        Ok(())
    }
}

fn unknown(keyword: &str) -> String {
    format!("`{keyword}` is no keyword")
}

/// The keywords in WORDS with their values: `size=6`, or, as mtree reads it, `size 6`.
fn keywords(words: &str) -> Result<Keywords, String> {
    let blank = |c: char| c.is_ascii_whitespace();
    let mut found = Keywords::new();
    let mut rest = words;
    loop {
        rest = rest.trim_start_matches(|c: char| blank(c) || c == '=');
        if rest.is_empty() {
            return Ok(found);
        }
        let end = rest
            .find(|c: char| blank(c) || c == '=')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let keyword = canonical_keyword(word).ok_or_else(|| unknown(word))?;
        if FLAGS.contains(&keyword) {
            found.insert(keyword.to_owned(), String::new());
            rest = after;
            continue;
        }
        let after = after
            .strip_prefix('=')
            .unwrap_or(after)
            .trim_start_matches(blank);
        let (value, after) = after.split_at(after.find(blank).unwrap_or(after.len()));
        if value.is_empty() {
            return Err(format!("`{word}` has no value"));
        }
        if !is_value(keyword, value) {
            return Err(format!("`{value}` is no {keyword}"));
        }
        found.insert(keyword.to_owned(), value.to_owned());
        rest = after;
    }
}

/// Whether VALUE is one that KEYWORD can have.
fn is_value(keyword: &str, value: &str) -> bool {
    match keyword {
        "type" => ["block", "char", "dir", "fifo", "file", "link", "socket"].contains(&value),
        "mode" => values::mode(value).is_some(),
        "time" => values::time(value).is_some(),
        "size" | "nlink" | "cksum" | "inode" => value.parse::<u64>().is_ok(),
        "uid" | "gid" => value.parse::<u32>().is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;

    fn paths(text: &[u8]) -> Vec<String> {
        let manifest = Manifest::parse_bytes(text).unwrap();
        let paths = manifest
            .records
            .iter()
            .map(|record| format!("{:?}", record.path));
        paths.collect()
    }

    #[test]
    fn the_top_may_be_left_once_and_at_the_end() {
        let text = b". type=dir\n    a   type=file\n..\n";
        assert_eq!(paths(text), ["\"\"", "\"a\""]);
        let more = Manifest::parse_bytes(b". type=dir\n..\n..\n");
        assert_eq!(more.unwrap_err().0, 3);
        let after = Manifest::parse_bytes(b". type=dir\n..\na type=file\n");
        assert_eq!(after.unwrap_err().0, 3);
    }

    #[test]
    fn comments_and_ends_of_lines_are_mtrees() {
        for text in [
            // A comment may follow anything, and end in a backslash.
            &b"./a type=file # size=9 \\\n./b type=file\n"[..],
            b"# ./dir\\\n./a type=file\n./b type=file\n",
            // A backslash that is escaped does not continue the line.
            b"./a type=link link=tail\\\\\n./b type=file\n",
            b"./a type=file \\\n   mode=0644\n./b type=file",
            b"./a\ttype=file\r\n./b type file\r\n",
        ] {
            assert_eq!(
                paths(text),
                ["\"a\"", "\"b\""],
                "{}",
                String::from_utf8_lossy(text)
            );
        }
        assert_eq!(paths(b"./a\\#b type=file\n"), ["\"a#b\""]);
    }

    #[test]
    fn bytes_that_nobody_escaped_are_part_of_a_name() {
        assert_eq!(paths("./a\u{a0}b type=file".as_bytes()), ["\"a\\u{a0}b\""]);
        assert_eq!(paths(b"./\xffz type=file"), ["\"\\xFFz\""]);
    }

    #[test]
    fn what_is_no_keyword_or_no_value_is_refused_by_its_line() {
        for (text, why) in [
            ("./a szie=9", "`szie` is no keyword"),
            ("/set all", "`all` is no keyword"),
            (
                "/sit uid=0",
                "`/sit` is neither /set nor /unset, and no name",
            ),
            ("./a size=0x5", "`0x5` is no size"),
            ("./a mode=9", "`9` is no mode"),
            ("./a type=folder", "`folder` is no type"),
            ("./a size", "`size` has no value"),
        ] {
            assert_eq!(Manifest::parse(text).unwrap_err(), (1, why.to_owned()));
        }
    }

    #[test]
    fn defaults_are_set_and_unset() {
        let text = "/set uid=5 mode=0600\n./a type=file\n/unset uid\n./b type=file\n/unset all\n./c type=file\n";
        let manifest = Manifest::parse(text).unwrap();
        let keys: Vec<Vec<&str>> = manifest
            .records
            .iter()
            .map(|record| record.keywords.keys().map(String::as_str).collect())
            .collect();
        assert_eq!(
            keys,
            [
                vec!["mode", "type", "uid"],
                vec!["mode", "type"],
                vec!["type"]
            ]
        );
    }
}
