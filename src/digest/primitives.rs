//! `(fruix native digest)`: digests, manifests and sizes.

use super::{Manifest, Tree};
use crate::guile::natives::{Outcome, Raise};
use crate::guile::value::{
    Value, alist_value, integer, list_value, string, string_value, strings, symbol_value,
};
use std::path::Path;

crate::natives! {
    outside;
    /// (%digest-file file) -> string
    ///
    /// The SHA-256 of the contents of FILE, as 64 hexadecimal digits.
    "%digest-file" (1) => digest_file,
    /// (%digest-range file start end) -> string
    ///
    /// The SHA-256 of the bytes of FILE from START up to but without END.
    "%digest-range" (3) => digest_range,
    /// (%digest-string string) -> string
    ///
    /// The SHA-256 of STRING's UTF-8 bytes.
    "%digest-string" (1) with inside => digest_string,
    /// (%digest-tree tree) -> alist
    ///
    /// `sha256` of the directory TREE, its `manifest`, the number of its
    /// `entries`, and `hard-links`: lists of names of one file.
    "%digest-tree" (1) => digest_tree,
    /// (%digest-trees trees) -> list of strings
    ///
    /// The `sha256` of each of the directories TREES, hashed in parallel.
    "%digest-trees" (1) => digest_trees,
    /// (%digest-manifest manifest) -> alist
    ///
    /// The text MANIFEST, ours or mtree's, as it stands for a tree: `sha256`,
    /// the canonical `manifest`, and the number of `bytes` in its files.
    "%digest-manifest" (1) with inside => digest_manifest,
    /// (%digest-compare recorded found) -> list of differences
    ///
    /// How the manifest FOUND differs from the manifest RECORDED, both texts;
    /// each difference an association list with `path`, `keyword`, `recorded`
    /// and `found`, the last two #f where there is nothing.
    "%digest-compare" (2) with inside => digest_compare,
    /// (%digest-check file base) -> list of (path . trouble or #f)
    ///
    /// Check what is recorded in FILE, its paths relative to BASE.
    "%digest-check" (2) => digest_check,
    /// (%digest-size path) -> alist
    ///
    /// `bytes`, `allocated-bytes` and `files` of the file or tree PATH.
    "%digest-size" (1) => digest_size,
}

fn digest_file(args: &[Value]) -> Outcome {
    let file = string("%digest-file", args, 1)?;
    let digest = super::sha256_of_file(Path::new(&file))?;
    Ok(string_value(digest.to_string()))
}

fn digest_range(args: &[Value]) -> Outcome {
    let name = "%digest-range";
    let bound = |position| -> Result<u64, Raise> {
        u64::try_from(integer(name, args, position)?)
            .map_err(|_| crate::guile::value::wrong_type(name, position, &args[position - 1]))
    };
    let file = string(name, args, 1)?;
    let digest = super::sha256_of_range(Path::new(&file), bound(2)?..bound(3)?)?;
    Ok(string_value(digest.to_string()))
}

fn digest_string(args: &[Value]) -> Outcome {
    let text = string("%digest-string", args, 1)?;
    Ok(string_value(super::Sha256::of(text.as_bytes()).to_string()))
}

fn digest_tree(args: &[Value]) -> Outcome {
    let tree = Tree::read(Path::new(&string("%digest-tree", args, 1)?))?;
    let groups = tree.hard_links.iter().map(|names| {
        let names = names
            .iter()
            .map(|name| string_value(name.to_string_lossy()));
        list_value(names.collect())
    });
    Ok(alist_value(vec![
        ("sha256", string_value(tree.sha256().to_string())),
        ("manifest", string_value(tree.text())),
        ("entries", Value::IntV(tree.entries.len() as isize)),
        ("hard-links", list_value(groups.collect())),
    ]))
}

fn digest_trees(args: &[Value]) -> Outcome {
    let names = strings("%digest-trees", args, 1)?;
    let tops: Vec<&Path> = names.iter().map(Path::new).collect();
    let digests = Tree::read_all(&tops)
        .into_iter()
        .map(|tree| Ok(string_value(tree?.sha256().to_string())))
        .collect::<Result<Vec<Value>, Raise>>()?;
    Ok(list_value(digests))
}

fn digest_manifest(args: &[Value]) -> Outcome {
    let manifest = manifest("%digest-manifest", args, 1)?
        .canonical()
        .map_err(|why| super::DigestError::Incomplete { why })?;
    let bytes: u64 = manifest
        .records
        .iter()
        .filter_map(|record| record.keywords.get("size")?.parse::<u64>().ok())
        .fold(0, u64::saturating_add);
    Ok(alist_value(vec![
        ("sha256", string_value(manifest.sha256().to_string())),
        ("manifest", string_value(manifest.to_string())),
        (
            "bytes",
            Value::IntV(isize::try_from(bytes).unwrap_or(isize::MAX)),
        ),
    ]))
}

fn manifest(name: &str, args: &[Value], position: usize) -> Result<Manifest, Raise> {
    let text = string(name, args, position)?;
    Manifest::parse(&text).map_err(|(line, why)| {
        Raise::from(super::DigestError::Recorded {
            path: "manifest".into(),
            line,
            why,
        })
    })
}

fn digest_compare(args: &[Value]) -> Outcome {
    let name = "%digest-compare";
    let differences = super::compare(&manifest(name, args, 1)?, &manifest(name, args, 2)?);
    let optional = |text: Option<String>| text.map_or(Value::BoolV(false), string_value);
    let values = differences.into_iter().map(|difference| {
        alist_value(vec![
            ("path", string_value(difference.path.to_string_lossy())),
            ("keyword", symbol_value(&difference.keyword)),
            ("recorded", optional(difference.recorded)),
            ("found", optional(difference.found)),
        ])
    });
    Ok(list_value(values.collect()))
}

fn digest_check(args: &[Value]) -> Outcome {
    let name = "%digest-check";
    let (file, base) = (string(name, args, 1)?, string(name, args, 2)?);
    let checked = super::check(Path::new(&file), Path::new(&base))?;
    let values = checked.checked.into_iter().map(|checked| {
        let trouble = checked.trouble.map_or(Value::BoolV(false), string_value);
        crate::guile::value::pair_value(string_value(checked.path.to_string_lossy()), trouble)
    });
    Ok(list_value(values.collect()))
}

fn digest_size(args: &[Value]) -> Outcome {
    let size = super::size(Path::new(&string("%digest-size", args, 1)?))?;
    let count = |number: u64| Value::IntV(isize::try_from(number).unwrap_or(isize::MAX));
    Ok(alist_value(vec![
        ("bytes", count(size.bytes)),
        ("allocated-bytes", count(size.allocated_bytes)),
        ("files", count(size.files)),
    ]))
}
