//! Debian's packages of modules for Guile: which of them load here.

use crate::support::{installed, skipped};
use std::path::Path;
use std::process::Command;

/// Package, modules that load here, modules that load under Guile. What is missing is
/// told by `tests/modules`, and why in `docs/guile.md`.
const LOADED: [(&str, usize, usize); 10] = [
    ("guile-json", 4, 4),
    ("guile-library", 30, 30),
    ("guile-semver", 3, 3),
    ("guile-bytestructures", 18, 18),
    ("guile-gcrypt", 11, 11),
    ("guile-git", 40, 42),
    ("guile-ssh", 2, 16),
    ("guile-sqlite3", 1, 1),
    ("mcron", 7, 7),
    ("mes", 10, 24),
];

#[test]
fn debian_s_modules_load_as_many_as_did() {
    if installed("guile").is_none() || installed("python3").is_none() {
        return skipped("guile or python3 is not installed");
    }
    for (package, _, _) in LOADED {
        let known = Command::new("dpkg").args(["-s", package]).output();
        if !known.is_ok_and(|output| output.status.success()) {
            return skipped(&format!("{package} is not installed"));
        }
    }
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules"))
        .args(["--ours", env!("CARGO_BIN_EXE_fruix-scm"), "--package"])
        .args(LOADED.map(|(package, _, _)| package))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    for (package, here, by_guile) in LOADED {
        let line = format!("modules={package} loaded here={here} loaded by Guile={by_guile} ");
        assert!(printed.contains(&line), "expected {line:?} in:\n{printed}");
    }
}
