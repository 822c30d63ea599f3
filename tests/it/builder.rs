//! `builder check`, `bump` and `record` as people and hooks of git call them.

use crate::fixtures::closure;
use crate::small_system::SmallSystem;
use crate::support::{Outcome, Sandbox, finish, fixtures, installed};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const MEDIA: &str = "modules/fruix/system/freebsd/media.scm";

/// A copy of the fixtures' modules, in which versions and layouts are changed.
struct Tree(Sandbox);

impl Tree {
    fn new() -> Tree {
        let tree = Tree(Sandbox::new());
        let from = fixtures().join("modules/fruix/system/freebsd");
        fs::create_dir_all(tree.media().parent().unwrap()).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(
                &path,
                tree.media().with_file_name(path.file_name().unwrap()),
            )
            .unwrap();
        }
        tree
    }

    fn recorded() -> Tree {
        let tree = Tree::new();
        tree.builder(&["record"]).success();
        tree
    }

    fn top(&self) -> PathBuf {
        self.0.work()
    }

    fn media(&self) -> PathBuf {
        self.top().join(MEDIA)
    }

    fn record(&self) -> PathBuf {
        self.media().with_file_name("media.layouts.scm")
    }

    fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.media()).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        fs::write(self.media(), text.replace(from, to)).unwrap();
    }

    fn change_activation(&self, from: &str, to: &str) {
        let entry = |name| format!("(link-entry \"activate\" (current-system-file \"{name}\"))");
        self.change(&entry(from), &entry(to));
    }

    fn raise(&self, name: &str, from: &str, to: &str) {
        let define = |value| format!("(define {name}-builder-version \"{value}\")");
        self.change(&define(from), &define(to));
    }

    fn builder(&self, words: &[&str]) -> Outcome {
        self.builder_in(&self.top(), MEDIA, words)
    }

    fn builder_in(&self, directory: &Path, file: &str, words: &[&str]) -> Outcome {
        let mut arguments = vec!["builder", words[0], file];
        arguments.extend(&words[1..]);
        let mut command = self.0.command(&arguments);
        command.current_dir(directory);
        finish(command)
    }

    /// What is said of the image's version, and whether that is a success.
    fn image(&self) -> (String, bool) {
        let outcome = self.builder(&["check"]);
        let passed = outcome.status == Some(0);
        let line = outcome
            .stdout
            .lines()
            .find(|line| line.starts_with("image-builder-version="))
            .unwrap_or_else(|| panic!("{outcome:?}"));
        let said = line.split_once("  ").unwrap().1;
        let short = said.split([':', ';']).next().unwrap();
        (short.to_owned(), passed)
    }

    fn git(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new("git");
        command
            .current_dir(self.top())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.top())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(words);
        finish(command)
    }

    fn commit(&self) {
        self.git(&["add", "-A"]).success();
        self.git(&["commit", "-q", "-m", "change"]).success();
    }
}

fn said(text: &str, passed: bool) -> (String, bool) {
    (text.to_owned(), passed)
}

#[test]
fn what_nobody_recorded_cannot_be_checked() {
    let tree = Tree::new();
    assert_eq!(tree.image(), said("cannot be checked", false));
    tree.builder(&["record"]).success();
    assert_eq!(tree.image(), said("current", true));
}

#[test]
fn a_version_raised_by_hand_does_not_switch_the_check_off() {
    let tree = Tree::recorded();
    tree.change_activation("activate", "act2");
    assert_eq!(tree.image(), said("must rise", false));
    for (name, from, to) in [
        ("image", "9", "9.1"),
        ("install", "7", "8"),
        ("installer-image", "5", "6"),
        ("installer-iso", "4", "5"),
    ] {
        tree.raise(name, from, to);
    }
    assert_eq!(tree.image(), said("raised from \"9\"", true));
    assert_eq!(tree.image(), said("current", true));
    tree.change_activation("act2", "act3");
    assert_eq!(tree.image(), said("must rise", false));
    // Back to what both values stood for.
    tree.change_activation("act3", "act2");
    assert_eq!(tree.image(), said("current", true));
    tree.raise("image", "9.1", "8");
    assert_eq!(tree.image(), said("must rise", false));
}

#[test]
fn every_change_of_the_layout_is_seen() {
    let tree = Tree::recorded();
    let good = fs::read_to_string(tree.media()).unwrap();
    for (from, to) in [
        // A target below the store, which masks of hashes and names must not hide.
        (
            "(link-entry \"run/current-system\" (store-name-of closure))",
            "(link-entry \"run/current-system\" (string-append (store-name-of closure) \"/profile\"))",
        ),
        // Only lean systems have it.
        (
            "(if development? (development-entries) '())",
            "(if development? (development-entries) (list (link-entry \"usr/lean\" \"/x\")))",
        ),
        // The closures that come along have no such file.
        (
            "(\"passwd\" . #o644)",
            "(\"passwd\" . #o644) (\"services\" . #o644)",
        ),
        // The contents of another file.
        (
            "(follow root (string-append etc \"/\" file))",
            "(follow root (string-append etc \"/group\"))",
        ),
        ("(\"group\" . #o644)", "(\"group\" . #o664)"),
        // A target that is other by a slash only.
        (
            "(link-entry directory (current-system-file \"profile\" directory))",
            "(link-entry directory (current-system-file \"profile\" directory \"\"))",
        ),
    ] {
        fs::write(tree.media(), &good).unwrap();
        tree.change(from, to);
        assert_eq!(tree.image(), said("must rise", false), "{to}");
    }
    for (from, to) in [
        (";; Part of each", ";; A part of each"),
        (
            "\"Return true when CLOSURE is that of a development system.\"",
            "\"services\"",
        ),
    ] {
        fs::write(tree.media(), &good).unwrap();
        tree.change(from, to);
        assert_eq!(tree.image(), said("current", true), "{to}");
    }
}

#[test]
fn a_module_that_ends_the_program_has_not_been_checked() {
    for call in ["(exit 0)", "(quit)", "(primitive-exit 0)"] {
        let tree = Tree::recorded();
        let text = fs::read_to_string(tree.media()).unwrap();
        fs::write(tree.media(), format!("{text}\n{call}\n")).unwrap();
        for words in [&["check"][..], &["record"], &["bump"]] {
            let outcome = tree.builder(words);
            assert_ne!(outcome.status, Some(0), "{call} {words:?} {outcome:?}");
            assert!(outcome.stderr.contains("media.scm"), "{outcome:?}");
        }
        // Nothing was raised.
        let now = fs::read_to_string(tree.media()).unwrap();
        assert_eq!(now, format!("{text}\n{call}\n"));
    }
}

#[test]
fn the_file_may_be_named_from_anywhere_and_the_record_is_beside_it() {
    let tree = Tree::new();
    let home = tree.media().parent().unwrap().to_owned();
    let elsewhere = tree.top().join("other/fruix/system/freebsd");
    fs::create_dir_all(&elsewhere).unwrap();
    symlink(tree.media(), elsewhere.join("media.scm")).unwrap();
    tree.builder_in(&elsewhere, "media.scm", &["record"])
        .success();
    assert!(tree.record().is_file());
    assert!(!elsewhere.join("media.layouts.scm").exists());
    for (directory, file) in [
        (&home, "media.scm"),
        (&home, "./media.scm"),
        (&home, "../freebsd/media.scm"),
        (&elsewhere, "./media.scm"),
    ] {
        tree.builder_in(directory, file, &["check"]).success();
    }
}

#[test]
fn a_version_that_is_gone_and_one_that_is_set_later_are_told() {
    let tree = Tree::recorded();
    let text = fs::read_to_string(tree.media()).unwrap();
    fs::write(
        tree.media(),
        format!("{text}\n(set! image-builder-version (string-append \"1\" \"2\"))\n"),
    )
    .unwrap();
    let message = tree.builder(&["bump", "image"]).fails_with(1);
    assert!(message.contains("image-builder-version"), "{message}");
    let renamed = text.replace("install-builder-version", "setup-builder-version");
    fs::write(tree.media(), renamed).unwrap();
    let outcome = tree.builder(&["check"]);
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stdout.contains(
            "install-builder-version=\"7\"  is recorded, and the module does not define it"
        ),
        "{outcome:?}"
    );
}

#[test]
fn a_closure_of_ones_own_is_a_reference_as_well() {
    let tree = Tree::new();
    let closure = closure().display().to_string();
    tree.builder(&["record", "--closure", &closure]).success();
    tree.builder(&["check", "--closure", &closure]).success();
    let outcome = tree.builder(&["check"]);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
}

#[test]
fn the_closure_of_a_guest_is_a_reference_as_well() {
    let tree = Tree::new();
    let system = SmallSystem::of_the_fixtures();
    let _guest = system.boot().unwrap();
    let ask = |word: &str| {
        let mut command = tree.0.command(&["builder", word, MEDIA, "--guest"]);
        command
            .current_dir(tree.top())
            .env("FRUIX_GUEST_ADDRESS", "127.0.0.1")
            .env("FRUIX_GUEST_PORT", system.port.address().port().to_string())
            .env("FRUIX_GUEST_PRIVATE_KEY", &system.disk.private_key)
            .env("FRUIX_GUEST_HOST_KEY", &system.disk.host_key);
        finish(command)
    };
    ask("record").success();
    ask("check").success();
    tree.change_activation("activate", "act2");
    let outcome = ask("check");
    assert!(outcome.stdout.contains("must rise"), "{outcome:?}");
}

#[test]
fn two_branches_that_raise_alike_make_a_merge_that_must_rise_again() {
    if installed("git").is_none() {
        return;
    }
    let tree = Tree::recorded();
    tree.git(&["init", "-q"]).success();
    tree.commit();
    tree.git(&["branch", "other"]).success();
    tree.change_activation("activate", "act2");
    tree.builder(&["bump"]).success();
    tree.commit();
    tree.git(&["checkout", "-q", "other"]).success();
    tree.change("\"usr/share/misc\"", "\"usr/share/miscellany\"");
    tree.builder(&["bump"]).success();
    tree.commit();
    let merged = tree.git(&["merge", "-q", "-"]);
    assert_ne!(
        merged.status,
        Some(0),
        "records are merged by hand: {merged:?}"
    );
    // With git's marks in it, and with either side alone.
    assert_eq!(tree.image(), said("must rise", false));
    for side in ["--ours", "--theirs"] {
        let record = "modules/fruix/system/freebsd/media.layouts.scm";
        tree.git(&["checkout", side, "--", record]).success();
        assert_eq!(tree.image(), said("must rise", false), "{side}");
    }
    tree.builder(&["bump"]).success();
    assert_eq!(tree.image(), said("current", true));
}

#[test]
fn what_was_raised_and_committed_without_a_record_is_found_in_git() {
    if installed("git").is_none() {
        return;
    }
    let tree = Tree::recorded();
    tree.git(&["init", "-q"]).success();
    tree.commit();
    tree.change_activation("activate", "act2");
    tree.raise("image", "9", "10");
    tree.commit();
    tree.change_activation("act2", "act3");
    assert_eq!(tree.image(), said("must rise", false));
    tree.change_activation("act3", "act2");
    assert_eq!(tree.image().0, "current");
}

#[test]
fn a_hook_checks_what_is_staged() {
    if installed("git").is_none() {
        return;
    }
    let tree = Tree::recorded();
    tree.git(&["init", "-q"]).success();
    tree.commit();
    tree.builder(&["check", "--staged"]).success();
    tree.change_activation("activate", "act2");
    tree.git(&["add", "-A"]).success();
    // The work tree is right again; what would be committed is not.
    tree.builder(&["bump"]).success();
    tree.builder(&["check"]).success();
    let outcome = tree.builder(&["check", "--staged"]);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("must rise"), "{outcome:?}");
    // As git calls it: with its own variables, from the top.
    let hook = tree.top().join(".git/hooks/pre-commit");
    let binary = env!("CARGO_BIN_EXE_fruix-scm");
    fs::write(
        &hook,
        format!("#!/bin/sh\nexec {binary} builder check --staged {MEDIA}\n"),
    )
    .unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(tree.git(&["commit", "-q", "-m", "stale"]).status, Some(0));
    tree.git(&["add", "-A"]).success();
    tree.git(&["commit", "-q", "-m", "raised"]).success();
}
