//! The SRFI-64 tests of `tests/scheme`, each run by the binary in a directory
//! of its own. They find the fixtures by these variables:
//!
//! * `FRUIX_SCM_TEST_ROOT` stands for `/`, with a store below it;
//! * `FRUIX_SCM_TEST_CLOSURE` is a development system's closure;
//! * `FRUIX_SCM_TEST_MODULES` is a copy of Fruix's modules that may be changed.

use crate::fixtures::closure;
use crate::support::{Sandbox, finish, fixtures};
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// The tests that need nothing but files; what needs a guest runs beside one.
const TESTS: [&str; 6] = [
    "digest",
    "media",
    "metadata",
    "parameters",
    "rootfs",
    "store",
];

fn copy_modules(to: &Path) {
    let from = fixtures().join("modules");
    for entry in WalkDir::new(&from).into_iter().map(Result::unwrap) {
        let place = to.join(entry.path().strip_prefix(&from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(place).unwrap();
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn tests_written_in_scheme_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scheme/fruix");
    let mut failed = Vec::new();
    for name in TESTS {
        let test = folder.join(format!("{name}-test.scm"));
        let sandbox = Sandbox::new();
        let modules = sandbox.temporary().join("modules");
        copy_modules(&modules);
        let mut command = sandbox.command(&[&test]);
        command
            .env("FRUIX_SCM_TEST_ROOT", fixtures().join("root"))
            .env("FRUIX_SCM_TEST_CLOSURE", closure())
            .env("FRUIX_SCM_TEST_MODULES", modules);
        let outcome = finish(command);
        if outcome.status != Some(0) {
            let (stdout, stderr) = (&outcome.stdout, &outcome.stderr);
            failed.push(format!("{}\n{stdout}{stderr}", test.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
