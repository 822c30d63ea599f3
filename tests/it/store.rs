//! The store of the fixtures: items, references and what follows from them.

use crate::fixtures::{closure, item};
use crate::support::{finish, fixtures, installed};
use fruix_scm::failure::{Failure, Key};
use fruix_scm::store::{Store, StorePath};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn store() -> Store {
    Store::below(&fixtures().join("root"))
}

fn base(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn names(items: &[String]) -> Vec<String> {
    let mut names: Vec<String> = items
        .iter()
        .map(|item| StorePath::from_base(item).unwrap().name().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_closure_holds_everything_that_is_referred_to() {
    let found = store().closure(&base(&closure())).unwrap();
    assert_eq!(
        names(&found),
        [
            "freebsd-bootloader-15.0-STABLE",
            "freebsd-native-headers-15.0-STABLE",
            "freebsd-native-kernel-15.0-STABLE",
            "freebsd-native-world-15.0-STABLE",
            "freebsd-source-default",
            "fruix-development-profile-fruix-validation",
            "fruix-guile-extra-3.0",
            "fruix-guile-runtime-3.0",
            "fruix-profile-fruix-validation",
            "fruix-shepherd-runtime-1.0.9",
            "fruix-system-fruix-validation",
        ]
    );
}

#[test]
fn every_reference_of_the_fixtures_is_in_their_store_and_every_link_is_a_reference() {
    let store = store();
    let items = store.items().unwrap();
    for item in &items {
        let references = store.references(item).unwrap();
        for reference in &references {
            assert!(items.contains(reference), "{item} refers to {reference}");
        }
        for entry in walkdir::WalkDir::new(store.place(item)) {
            let entry = entry.unwrap();
            let target = fs::read_link(entry.path()).unwrap_or_default();
            if let Ok(path) = target.to_string_lossy().parse::<StorePath>() {
                assert!(
                    references.contains(&path.base()) || path.base() == *item,
                    "{} leads to {path}, which is not among the references of {item}",
                    entry.path().display()
                );
            }
        }
    }
}

#[test]
fn a_chain_of_references_explains_a_dependency() {
    let (system, world) = (base(&closure()), base(&item("-freebsd-native-world-")));
    let headers = base(&item("-freebsd-native-headers-"));
    let chain = store().why(&system, &world).unwrap().unwrap();
    assert_eq!(chain, [system, world.clone()]);
    assert_eq!(store().why(&world, &headers).unwrap(), None);
}

#[test]
fn referrers_are_those_that_refer_directly() {
    let headers = base(&item("-freebsd-native-headers-"));
    assert_eq!(
        names(&store().referrers(&headers).unwrap().items),
        [
            "fruix-development-profile-fruix-validation",
            "fruix-system-fruix-validation"
        ]
    );
}

#[test]
fn two_systems_differ_by_what_one_has_more() {
    let minimal = base(&item("-fruix-system-fruix-minimal"));
    let changes = store().changes(&minimal, &base(&closure())).unwrap();
    assert_eq!(changes.changed, []);
    assert_eq!(names(&changes.removed), ["fruix-system-fruix-minimal"]);
    assert_eq!(
        names(&changes.added),
        [
            "freebsd-native-headers-15.0-STABLE",
            "fruix-development-profile-fruix-validation",
            "fruix-system-fruix-validation",
        ]
    );
}

/// A store of COUNT items in which each refers to the next three.
fn large_store(count: usize) -> (tempfile::TempDir, Store, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::below(root.path());
    let items: Vec<String> = (0..count)
        .map(|number| format!("{number:040x}-item-{number}"))
        .collect();
    for (number, item) in items.iter().enumerate() {
        fs::create_dir_all(store.place(item)).unwrap();
        let next = items.iter().skip(number + 1).take(3);
        let lines: String = next.map(|item| format!("/frx/store/{item}\n")).collect();
        fs::write(store.place(item).join(".references"), lines).unwrap();
    }
    (root, store, items)
}

#[test]
fn the_closure_of_a_thousand_items_is_there_within_a_second() {
    let (_root, store, items) = large_store(1_000);
    let began = Instant::now();
    assert_eq!(store.closure(&items[0]).unwrap(), items);
    let elapsed = began.elapsed();
    assert!(elapsed.as_secs_f64() < 1.0, "{elapsed:?}");
}

#[test]
fn items_without_a_list_refer_to_where_their_links_lead() {
    let (_root, store, items) = large_store(2);
    fs::remove_file(store.place(&items[0]).join(".references")).unwrap();
    assert!(store.references(&items[0]).unwrap().is_empty());
    let target = format!("/frx/store/{}/bin/x", items[1]);
    symlink(target, store.place(&items[0]).join("x")).unwrap();
    assert_eq!(store.references(&items[0]).unwrap(), [items[1].clone()]);
}

#[test]
fn references_that_run_in_a_circle_or_nowhere_do_no_harm() {
    let (_root, store, items) = large_store(3);
    let missing = format!("{:040x}-missing", 99);
    let text = format!(
        "(\"/frx/store/{}\" \"/frx/store/{missing}\" \"/frx/store/../x\")",
        items[0]
    );
    fs::write(store.place(&items[2]).join(".references"), text).unwrap();
    let closure = store.closure(&items[1]).unwrap();
    assert_eq!(closure.len(), 4);
    assert!(closure.contains(&missing));
}

#[test]
fn an_item_is_found_by_path_name_or_first_digits() {
    let store = store();
    let path = item("-freebsd-source-default");
    let name = base(&path);
    let inside = format!("/frx/store/{name}/tree/Makefile");
    for text in [name.as_str(), &name[..6], &inside, path.to_str().unwrap()] {
        assert_eq!(store.find(text).unwrap(), name);
    }
    let failure = Failure::from(store.find("ffff").unwrap_err());
    assert_eq!(failure.key(), Key::Store);
    assert!(
        failure.message().starts_with("cannot find `ffff` in `"),
        "{failure}"
    );
    assert!(failure.hint_text().is_some());
}

#[test]
fn real_guile_understands_metadata_as_we_do() {
    let Some(guile) = installed("guile") else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(guile);
    command
        .current_dir(scratch.path())
        .env("GUILE_AUTO_COMPILE", "0")
        .arg("-L")
        .arg(top.join("scheme"))
        .arg(top.join("tests/scheme/fruix/metadata-test.scm"));
    finish(command).success();
}

#[test]
fn the_command_line_tells_what_a_layout_says() {
    let sandbox = crate::support::Sandbox::new();
    let closure = closure().display().to_string();
    let lines = sandbox.run(&["store", &closure]).success();
    let source = base(&item("-freebsd-source-default"));
    for line in [
        "init_mode=shepherd-pid1".to_owned(),
        "native_base_store_count=3".to_owned(),
        "host_base_stores=".to_owned(),
        format!("source_store=/frx/store/{source}"),
        format!("source_root=/frx/store/{source}/tree"),
    ] {
        assert!(
            lines.lines().any(|shown| shown == line),
            "{line} not in\n{lines}"
        );
    }
    let json = sandbox.run(&["store", "--json", &closure]).success();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["development_store_count"], 1);
    assert_eq!(json["source_store"], format!("/frx/store/{source}"));
}

#[test]
fn what_a_layout_says_that_is_not_understood_is_told_by_line() {
    let sandbox = crate::support::Sandbox::new();
    let source = format!("/frx/store/{}", base(&item("-freebsd-source-default")));
    let layout = sandbox.write(
        "layout.scm",
        &format!(
            "((host-base-stores . (\"/elsewhere\"))\n 42\n \"x\"\n\n \
             (native-base-stores . 17)\n (colour . red)\n (source-stores {source:?}))\n"
        ),
    );
    let layout = layout.to_str().unwrap();
    let outcome = sandbox.run(&["store", layout]);
    assert_eq!(
        outcome.stderr,
        format!(
            "{layout}:1: no key and value: 42\n\
             {layout}:1: no key and value: \"x\"\n\
             {layout}:1: no store path in host-base-stores: /elsewhere\n\
             {layout}:5: no store path in native-base-stores: 17\n"
        )
    );
    let lines = outcome.success();
    assert!(lines.contains("unknown_keys=colour\n"), "{lines}");
    let json = sandbox.run(&["store", "--json", layout]).success();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["troubles"][3]["line"], 5);
    assert_eq!(
        json["troubles"][3]["text"],
        "no store path in native-base-stores: 17"
    );
}

#[test]
fn a_layout_and_its_source_are_found_below_a_root() {
    let sandbox = crate::support::Sandbox::new();
    let closure = closure();
    let (root, below) = closure.to_str().unwrap().split_once("/frx/").unwrap();
    let closure = format!("/frx/{below}");
    let lines = sandbox.run(&["store", &closure, "--root", root]).success();
    assert!(lines.contains("-freebsd-source-default/tree\n"), "{lines}");
}

#[test]
fn a_missing_or_malformed_layout_is_one_message_and_a_status() {
    let sandbox = crate::support::Sandbox::new();
    let cut = sandbox.write("cut.scm", "((host-base-stores . (\"/frx/store/a\"");
    let other = sandbox.write("other.scm", "((colour . red))");
    let missing = sandbox.work().join("missing.scm");
    for (file, words) in [
        (&missing, "no such file"),
        (&cut, "cannot read `"),
        (&other, "it has the keys colour and no store path"),
    ] {
        let file = file.display().to_string();
        let message = sandbox.run(&["store", &file]).fails_with(1);
        assert!(
            message.contains(words) && message.contains(&file),
            "{message}"
        );
        assert!(message.contains("hint: "), "{message}");
    }
}
