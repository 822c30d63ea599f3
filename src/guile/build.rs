//! Carries `scheme/guile` in the binary: a sorted table of paths and texts, where
//! the definitions of the language's own module begin in them, and which names module
//! `(guile)` shows.

#[path = "namespace/boot_index.rs"]
mod boot_index;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let scheme = root.join("../../scheme");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=namespace/boot_index.rs");
    println!("cargo::rerun-if-changed={}", scheme.join("guile").display());
    let files = scheme_files(&scheme);
    fs::write(out.join("scheme.rs"), scheme_table(&files))
        .expect("cargo's output directory is writable");
    let names = root.join("namespace/names-of-guile");
    println!("cargo::rerun-if-changed={}", names.display());
    fs::write(out.join("guile_names.rs"), names_table(&names))
        .expect("cargo's output directory is writable");
    fs::write(out.join("build_identity"), identity(&root))
        .expect("cargo's output directory is writable");
    fs::write(out.join("boot.rs"), boot_table(&files))
        .expect("cargo's output directory is writable");
}

/// A number that another build has only of the same sources.
fn identity(root: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    let mut paths: Vec<PathBuf> = WalkDir::new(root)
        .into_iter()
        .chain(WalkDir::new(root.join("../../scheme/guile")))
        .map(|entry| entry.expect("the checkout is readable").into_path())
        .filter(|path| path.is_file())
        .chain([root.join("../../Cargo.lock")])
        .collect();
    paths.sort();
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
        path.strip_prefix(root).unwrap_or(&path).hash(&mut hasher);
        fs::read(&path)
            .expect("the checkout is readable")
            .hash(&mut hasher);
    }
    let target = env::var("TARGET").expect("cargo sets it");
    format!("{target} {:016x}", hasher.finish())
}

/// The Scheme files of the language below FOLDER, as (path below it, path).
fn scheme_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let folder = fs::canonicalize(folder).expect("the checkout has scheme/");
    let mut paths: Vec<PathBuf> = WalkDir::new(folder.join("guile"))
        .into_iter()
        .map(|entry| entry.expect("the checkout is readable").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scm"))
        .collect();
    // Readers search the table by the whole path, so that is its order.
    paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&folder).expect("walked below it");
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

/// The lines of the file at PATH.
fn names_table(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the checkout is readable");
    let mut table = String::from("&[\n");
    for name in text.lines() {
        writeln!(table, "    {name:?},").expect("writing to a string cannot fail");
    }
    table.push(']');
    table
}

/// Where each definition of `scheme/guile/boot` begins, sorted by name.
fn boot_table(files: &[(String, PathBuf)]) -> String {
    let mut lines = Vec::new();
    for (number, (name, path)) in files.iter().enumerate() {
        if !name.starts_with("guile/boot/") {
            continue;
        }
        let text = fs::read_to_string(path).expect("the checkout is readable");
        for found in boot_index::definitions(&text) {
            lines.push((
                found.name.to_owned(),
                format!(
                    "Definition {{ name: Cow::Borrowed({:?}), file: {number}, start: {}, keyword: {} }},\n",
                    found.name, found.start, found.keyword
                ),
            ));
        }
    }
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    let lines: String = lines.into_iter().map(|(_, line)| line).collect();
    format!("&[\n{lines}]")
}
