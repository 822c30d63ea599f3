//! Carries `scheme/` and `fixtures/` in the binary; the language carries its own part.
//!
//! `scheme/` becomes a sorted table of paths and texts; `fixtures/` one tar
//! archive, because a Fruix tree is made of links and links do not survive as
//! texts. Both are sorted and stamped with time 0, so equal sources give equal
//! binaries.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-changed=scheme/fruix");
    println!("cargo::rerun-if-changed=scheme/harness");
    println!("cargo::rerun-if-changed=fixtures");
    let scheme = scheme_files(&root.join("scheme"));
    fs::write(out.join("scheme.rs"), scheme_table(&scheme))
        .expect("cargo's output directory is writable");
    fs::write(out.join("fixtures.tar"), archive(&root.join("fixtures")))
        .expect("cargo's output directory is writable");
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("the checkout is readable").into_path())
        .collect()
}

/// The Scheme files below FOLDER that are not the language's, as (path below it, path).
fn scheme_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut paths = entries(folder);
    // Readers search the table by the whole path, so that is its order.
    paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    let guile = folder.join("guile");
    paths.retain(|path| {
        path.extension().is_some_and(|extension| extension == "scm") && !path.starts_with(&guile)
    });
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(folder).expect("walked below it");
            let name = name.to_str().expect("names in scheme/ are ASCII");
            (name.to_owned(), path)
        })
        .collect()
}

fn scheme_table(files: &[(String, PathBuf)]) -> String {
    let mut table = String::from("&[\n");
    for (name, path) in files {
        writeln!(table, "    ({name:?}, include_str!({path:?})),")
            .expect("writing to a string cannot fail");
    }
    table.push(']');
    table
}

fn archive(folder: &Path) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.mode(tar::HeaderMode::Deterministic);
    for path in entries(folder) {
        let name = path.strip_prefix(folder).expect("walked below it");
        builder
            .append_path_with_name(&path, name)
            .unwrap_or_else(|error| panic!("cannot pack {}: {error}", path.display()));
    }
    builder.into_inner().expect("a vector takes every byte")
}
