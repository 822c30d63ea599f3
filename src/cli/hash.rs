//! `hash FILE|TREE…`: SHA-256 digests, as `sha256sum` prints them.

use super::output::{print_bytes, print_line, print_text};
use super::trouble;
use crate::digest::{self, Tree};
use crate::failure::{Failure, Key};
use crate::visible::escape;
use clap::Args;
use std::path::{Path, PathBuf};

/// How many lines that are no sums are told.
const TOLD: usize = 20;

/// Print the SHA-256 of files and trees.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Files, or directories, whose digest is that of their manifest
    #[arg(required_unless_present = "check")]
    paths: Vec<PathBuf>,
    /// Print the manifest of one directory instead, in mtree's language
    #[arg(long, conflicts_with = "check")]
    manifest: bool,
    /// Check what FILE records: sums as GNU's, BSD's and perl's tools print them, a
    /// manifest, or a METALOG
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    check: Option<PathBuf>,
    /// Where the paths in the checked FILE begin
    #[arg(long, value_name = "DIR", requires = "check", default_value = ".")]
    directory: PathBuf,
}

/// Do what ARGUMENTS say; a digest that differs is a check that failed.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    if let Some(recorded) = &arguments.check {
        return check(recorded, &arguments.directory);
    }
    if arguments.manifest {
        let [tree] = arguments.paths.as_slice() else {
            return Err(Failure::new(
                Key::Usage,
                "hash --manifest takes one directory",
            ));
        };
        print_text(&Tree::read(tree)?.text())?;
        return Ok(0);
    }
    for path in &arguments.paths {
        let is_tree = path.is_dir();
        let sha256 = if is_tree {
            Tree::read(path)?.sha256()
        } else {
            digest::sha256_of_file(path)?
        };
        print_bytes(&digest::line(sha256, path, is_tree))?;
    }
    Ok(0)
}

fn check(recorded: &Path, directory: &Path) -> Result<u8, Failure> {
    let mut wrong = 0;
    let checklist = digest::check(recorded, directory)?;
    for checked in checklist.checked {
        let path = match checked.path.as_os_str().is_empty() {
            true => Path::new("."),
            false => &checked.path,
        };
        let path = path.display();
        let verdict = match checked.trouble {
            None => format!("{path}: OK"),
            Some(trouble) => {
                wrong += 1;
                format!("{path}: FAILED: {trouble}")
            }
        };
        print_line(escape(&verdict))?;
    }
    let odd: Vec<String> = checklist
        .odd
        .iter()
        .map(|line| format!("{}:{line}: this line is no sum", recorded.display()))
        .collect();
    trouble::warn(&odd.join("\n"), TOLD);
    Ok(u8::from(wrong > 0))
}
