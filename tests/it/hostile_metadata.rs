//! Metadata and stores that mean harm, or were damaged: what they say is told
//! or refused, and nothing else happens.

use crate::support::{Outcome, Sandbox};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const ITEM: &str = "/frx/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-freebsd-source-a";

/// Ended by itself, without a panic and without a command to the terminal.
fn harmless(outcome: Outcome) -> (i32, String) {
    let status = outcome.status.expect("the process was not killed");
    let said = outcome.stdout + &outcome.stderr;
    assert!([0, 1, 2].contains(&status), "{status}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    let commands = |letter: char| letter.is_control() && !"\n\t".contains(letter);
    assert!(!said.contains(commands), "{said:?}");
    (status, said)
}

fn layout(text: &str) -> (i32, String) {
    let sandbox = Sandbox::new();
    let file = sandbox.write("store-layout.scm", text);
    harmless(sandbox.run(&["store", file.to_str().unwrap()]))
}

#[test]
fn nesting_as_deep_as_a_file_allows_is_read_or_refused() {
    let deep = 100_000;
    let (open, close) = ("(".repeat(deep), ")".repeat(deep));
    layout(&format!("{open}{close}"));
    layout(&open);
    layout(&"'".repeat(deep));
    let (open, close) = ("(".repeat(40_000), ")".repeat(40_000));
    let (status, said) = layout(&format!(
        "((host-base-stores . (\"{ITEM}\")) (deep . {open}{close}))"
    ));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("host_base_store_count=1"), "{said}");
}

#[test]
fn a_hundred_thousand_keys_flat_or_nested_hide_no_role() {
    let keys = |spelt: &str| -> String {
        let key = |number| format!("({spelt}{number} . {number})\n");
        (0..100_000).map(key).collect()
    };
    let role = format!("(materialized-source-stores \"{ITEM}\")");
    for text in [
        format!("({}{role})", keys("key-")),
        format!("((nested {} {role}))", keys("key_")),
    ] {
        let (status, said) = layout(&text);
        assert_eq!(status, 0, "{}", &said[said.len().saturating_sub(500)..]);
        assert!(said.contains(&format!("source_store={ITEM}\n")));
    }
}

#[test]
fn what_a_string_holds_is_shown_and_not_obeyed() {
    let (status, said) = layout(&format!(
        "((materialized-source-stores \"{ITEM}\")
          (init-mode . \"a\\x1b[2J\\x07b\"))"
    ));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("\\x1b[2J"), "{said}");
}

#[test]
fn a_path_that_leads_out_of_its_item_is_no_store_path() {
    let out = format!("{ITEM}/../../../etc");
    let (_, said) = layout(&format!(
        "((host-base-stores \"{out}\" \"/etc/passwd\" \"../x\") (native-base-stores \"{ITEM}\"))"
    ));
    assert!(said.contains("host_base_store_count=0"), "{said}");
    // Nor is a source's recorded root, even where there is a Makefile.
    let root = tempfile::tempdir().unwrap();
    let store = root.path().join(&ITEM[1..]);
    fs::create_dir_all(store.join("metadata")).unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/Makefile"), "").unwrap();
    fs::write(
        store.join("metadata/store-layout.scm"),
        format!("((source-stores \"{ITEM}\") (effective-source-root . \"{out}\"))"),
    )
    .unwrap();
    let root = root.path().to_str().unwrap();
    let outcome = Sandbox::new().run(&["store", "source", ITEM, "--root", root]);
    let (status, said) = harmless(outcome);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("cannot find the source tree"), "{said}");
}

/// A store with links in circles, and names that no item has.
fn confused(root: &Path) {
    let store = root.join("frx/store");
    let item = root.join(&ITEM[1..]);
    fs::create_dir_all(&item).unwrap();
    symlink(".", item.join("loop")).unwrap();
    symlink("../../../../../../../../etc", item.join("out")).unwrap();
    symlink(ITEM, item.join("self")).unwrap();
    fs::write(item.join("a\n\x1b[2Jb"), "x").unwrap();
    for name in ["x", "bbbb-\x1b[2J", "..a"] {
        fs::create_dir(store.join(name)).unwrap();
    }
    let strange = format!("{}-a\nb\x1b[31m", "b".repeat(40));
    fs::create_dir(store.join(strange)).unwrap();
    fs::create_dir_all(root.join("run")).unwrap();
    symlink("/run/b", root.join("run/current-system")).unwrap();
    symlink("/run/current-system", root.join("run/b")).unwrap();
    let roots = root.join("frx/var/fruix/gcroots");
    fs::create_dir_all(&roots).unwrap();
    symlink(ITEM, roots.join("a\n\x1b[2J")).unwrap();
    symlink("../gcroots", roots.join("circle")).unwrap();
    let generations = root.join("var/lib/fruix/system");
    fs::create_dir_all(&generations).unwrap();
    symlink("generations", generations.join("generations")).unwrap();
}

#[test]
fn a_store_of_circles_and_strange_names_answers_every_word() {
    let sandbox = Sandbox::new();
    let root = tempfile::tempdir().unwrap();
    confused(root.path());
    let root = root.path().to_str().unwrap();
    for words in [
        &["items"][..],
        &["refs", ITEM],
        &["referrers", ITEM],
        &["closure", ITEM],
        &["closure"],
        &["du", ITEM],
        &["diff", ITEM, ITEM],
        &["source", ITEM],
        &["generations"],
        &["roots"],
        &["dead"],
        &["builds"],
        &["record"],
        &["verify"],
    ] {
        for json in [false, true] {
            let mut arguments = vec!["store", "--root", root];
            arguments.extend(words);
            if json {
                arguments.push("--json");
            }
            let (status, said) = harmless(sandbox.run(&arguments));
            if json && status == 0 {
                serde_json::from_str::<serde_json::Value>(&said).unwrap();
            }
        }
    }
    let (_, items) = harmless(sandbox.run(&["store", "--root", root, "items"]));
    assert_eq!(items, format!("{ITEM}\n"));
}
