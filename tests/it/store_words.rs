//! `fruix-scm store WORD`: what a store, its systems and a guest answer.

use crate::fixtures::{closure, item};
use crate::small_system::SmallSystem;
use crate::support::{Outcome, Sandbox, fixtures, installed};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const A: &str = "/frx/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-fruix-system-a";
const B: &str = "/frx/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-library-1.0";
const C: &str = "/frx/store/cccccccccccccccccccccccccccccccccccccccc-library-2.0";

fn ask(sandbox: &Sandbox, root: &Path, words: &[&str]) -> Outcome {
    let root = root.to_str().unwrap();
    let arguments: Vec<&str> = ["store"]
        .iter()
        .chain(words)
        .chain(&["--root", root])
        .copied()
        .collect();
    sandbox.run(&arguments)
}

/// What the fixtures answer to WORDS, a line each.
fn answer(words: &[&str]) -> Vec<String> {
    let answer = ask(&Sandbox::new(), &fixtures().join("root"), words).success();
    answer.lines().map(str::to_owned).collect()
}

fn path(place: &Path) -> String {
    format!(
        "/frx/store/{}",
        place.file_name().unwrap().to_str().unwrap()
    )
}

/// A directory that stands for `/`, with FILES below it: a text, or a link's `-> TARGET`.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        let place = root.path().join(name.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        match contents.strip_prefix("-> ") {
            Some(target) => symlink(target, place).unwrap(),
            None => fs::write(place, contents).unwrap(),
        }
    }
    root
}

#[test]
fn a_system_is_asked_by_any_name_of_its_closure() {
    let system = path(&closure());
    let hash = &system["/frx/store/".len()..][..8];
    let closure = answer(&["closure"]);
    assert!(closure.contains(&system), "{closure:?}");
    for name in [
        &system,
        hash,
        "fruix-system-fruix-validation",
        "/run/current-system",
        "current",
        "1",
    ] {
        assert_eq!(answer(&["closure", name]), closure, "{name}");
    }
    let minimal = path(&item("-fruix-system-fruix-minimal"));
    assert!(answer(&["closure", "2"]).contains(&minimal));
}

#[test]
fn a_switch_is_told_by_what_goes_and_comes() {
    let changes = answer(&["diff", "2"]);
    assert_eq!(
        changes,
        [
            format!("removed  {}", path(&closure())),
            format!("removed  {}", path(&item("-fruix-development-profile-"))),
            format!("removed  {}", path(&item("-freebsd-native-headers-"))),
            format!("added  {}", path(&item("-fruix-system-fruix-minimal"))),
        ]
    );
}

#[test]
fn generations_and_roots_keep_everything_alive() {
    let (system, minimal) = (path(&closure()), path(&item("-fruix-system-fruix-minimal")));
    assert_eq!(
        answer(&["generations"]),
        [format!("1  {system}  current"), format!("2  {minimal}")]
    );
    let roots = answer(&["roots"]);
    assert_eq!(roots.len(), 4, "{roots:?}");
    assert_eq!(roots[0], format!("/run/current-system  {system}"));
    assert_eq!(answer(&["dead"]), [""; 0]);
}

#[test]
fn every_word_answers_in_json() {
    let sandbox = Sandbox::new();
    for words in [
        &["items"][..],
        &["refs"],
        &["referrers", "freebsd-source-default"],
        &["closure"],
        &["du"],
        &["why-depends", "current", "freebsd-source-default"],
        &["diff", "1", "2"],
        &["source"],
        &["generations"],
        &["roots"],
        &["dead"],
        &["builds"],
        &["record"],
        &["verify"],
        &["path", A],
    ] {
        let mut words = words.to_vec();
        words.push("--json");
        let text = ask(&sandbox, &fixtures().join("root"), &words).success();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        match words[0] {
            "source" => assert_eq!(json["source_store"], path(&item("-freebsd-source-"))),
            "path" => assert!(json["version"].is_null() && json["name"] == "fruix-system-a"),
            "du" => {
                let rows = json.as_array().unwrap();
                let bytes = |row: &serde_json::Value| row["bytes"].as_u64().unwrap();
                let (total, items) = rows.split_last().unwrap();
                assert_eq!(bytes(total), items.iter().map(bytes).sum::<u64>());
            }
            _ => assert!(json.is_array(), "{text}"),
        }
    }
}

#[test]
fn a_store_is_verified_against_what_was_recorded_of_it() {
    let sandbox = Sandbox::new();
    let root = root(&[
        (&format!("{A}/.references"), &format!("{A}\n{B}\n")),
        (&format!("{B}/lib"), "one"),
        (&format!("{C}/lib"), "two"),
    ]);
    let record = ask(&sandbox, root.path(), &["record"]).success();
    // The lines are those of `hash`, and it can check them.
    let file = sandbox.write("record", &record);
    let file = file.to_str().unwrap();
    sandbox
        .run(&[
            "hash",
            "--check",
            file,
            "--directory",
            root.path().to_str().unwrap(),
        ])
        .success();
    let verified = ask(&sandbox, root.path(), &["verify", file]).success();
    assert_eq!(verified, format!("ok  {A}\nok  {B}\nok  {C}\n"));

    fs::write(root.path().join(&B[1..]).join("lib"), "eno").unwrap();
    fs::remove_dir_all(root.path().join(&C[1..])).unwrap();
    let new = "/frx/store/dddddddddddddddddddddddddddddddddddddddd-new";
    fs::create_dir(root.path().join(&new[1..])).unwrap();
    fs::write(root.path().join(&new[1..]).join(".references"), C).unwrap();
    let outcome = ask(&sandbox, root.path(), &["verify", file]);
    assert_eq!(outcome.status, Some(1));
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], format!("ok  {A}"));
    assert!(lines[1].starts_with(&format!("changed  {B}  digest is ")));
    assert_eq!(lines[2], format!("unrecorded  {new}"));
    assert_eq!(
        lines[3],
        format!("dangling  {new}  refers to {C}, which is not in the store")
    );
    assert_eq!(
        lines[4],
        format!("missing  {C}  recorded, and not in the store")
    );
}

#[test]
fn generations_are_understood_however_they_name_their_closure() {
    let sandbox = Sandbox::new();
    let folder = "/var/lib/fruix/system";
    let root = root(&[
        (&format!("{A}/x"), ""),
        (&format!("{B}/x"), ""),
        (&format!("{C}/x"), ""),
        (&format!("{folder}/current"), &format!("-> {B}")),
        (&format!("{folder}/rollback-generation"), "10\n"),
        (
            &format!("{folder}/generations/2/closure"),
            &format!("{B}\n"),
        ),
        (
            &format!("{folder}/generations/10/metadata.scm"),
            &format!("((system . \"{A}/activate\"))"),
        ),
        (&format!("{folder}/generations/9/metadata.scm"), "((("),
        ("/run/current-system", "-> ../run/elsewhere"),
        ("/run/elsewhere", &format!("-> {B}/")),
    ]);
    let generations = ask(&sandbox, root.path(), &["generations"]).success();
    assert_eq!(
        generations,
        format!("2  {B}  current\n9\n10  {A}  rollback\n")
    );
    let back = ask(&sandbox, root.path(), &["closure", "rollback"]).success();
    assert_eq!(back, format!("{A}\n"));
    let found = ask(&sandbox, root.path(), &["closure"]).success();
    assert_eq!(found, format!("{B}\n"));
}

#[test]
fn native_builds_are_found_where_they_were_made_and_where_they_were_promoted() {
    let sandbox = Sandbox::new();
    let folder = "/var/lib/fruix/native-builds";
    let result = "/frx/store/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-fruix-native-build-result-x";
    let root = root(&[
        (&format!("{folder}/run-1/artifacts/kernel/x"), ""),
        (&format!("{folder}/run-1/artifacts/world/x"), ""),
        (&format!("{folder}/run-1/promotion.scm"), "((status . ok))"),
        (&format!("{folder}/run-2/status"), ""),
        (&format!("{folder}/latest"), "-> run-1"),
        (
            &format!("{result}/.fruix-native-build-result.scm"),
            "((run-id . \"run-1\"))",
        ),
    ]);
    let builds = ask(&sandbox, root.path(), &["builds"]).success();
    assert_eq!(
        builds,
        format!("run-1  latest  kernel world  yes\nrun-2\n{result}  yes\n")
    );
}

#[test]
fn what_is_not_there_is_told_with_where_it_was_looked_for() {
    let sandbox = Sandbox::new();
    let root = root(&[
        (&format!("{A}/x"), ""),
        ("/run/current-system", "-> /run/current-system"),
        ("/etc", "-> ../../../../../../../../etc"),
    ]);
    for (words, said) in [
        (&["refs", "nothing"][..], "cannot find `nothing`"),
        (&["refs"], "/run/current-system leads to no store path"),
        (&["refs", "/etc/hostname"], "cannot find `/etc/hostname`"),
        (&["refs", C], "cannot find"),
        (&["why-depends", A, A, "--bogus"], "--bogus"),
        (&["source", A], "cannot read `"),
        (&["verify", "nowhere"], "`nowhere`: no such file"),
        (&["path", "/etc"], "does not start with /frx/store/"),
    ] {
        let outcome = ask(&sandbox, root.path(), words);
        assert!(matches!(outcome.status, Some(1 | 2)), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains(said),
            "{words:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_guest_answers_over_ssh_as_its_files_do_here() {
    if installed("mtree").is_none() {
        return;
    }
    let system = SmallSystem::of_the_fixtures();
    let _guest = system.boot().unwrap();
    let sandbox = Sandbox::new();
    let asked = |words: &[&str]| {
        let mut arguments = vec!["store", "--guest"];
        arguments.extend(words);
        let mut command = sandbox.command(&arguments);
        command
            .env("FRUIX_GUEST_ADDRESS", "127.0.0.1")
            .env("FRUIX_GUEST_PORT", system.port.address().port().to_string())
            .env("FRUIX_GUEST_PRIVATE_KEY", &system.disk.private_key)
            .env("FRUIX_GUEST_HOST_KEY", &system.disk.host_key);
        let answer = crate::support::finish(command).success();
        answer.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for words in [
        &["closure"][..],
        &["referrers", "freebsd-source-default"],
        &["source"],
        &["generations"],
        &["roots"],
        &["diff", "2", "current"],
        &["why-depends", "current", "freebsd-source-default"],
        &["du"],
        &["record"],
    ] {
        assert_eq!(asked(words), answer(words), "{words:?}");
    }
}

#[test]
fn what_lives_by_a_link_is_never_called_dead() {
    let sandbox = Sandbox::new();
    let root = root(&[
        // A root behind a relative link, and one in a directory of roots.
        (
            "/frx/var/fruix/gcroots/auto/one",
            &format!("-> ../../../../..{A}"),
        ),
        (
            &format!("{A}/bin/tool"),
            &format!("-> ../../{}/bin/tool", &B[11..]),
        ),
        // An item that is a link, below the root and never on this machine.
        (B, &format!("-> {C}")),
        (&format!("{C}/.references"), ""),
    ]);
    for (words, lines) in [
        (&["refs", A][..], vec![B]),
        (&["refs", B], vec![C]),
        (&["closure", A], vec![A, B, C]),
        (&["referrers", C], vec![B]),
        (&["dead"], vec![]),
        (&["verify"], vec![]),
    ] {
        let answer = ask(&sandbox, root.path(), words).success();
        assert_eq!(answer.lines().collect::<Vec<_>>(), lines, "{words:?}");
    }
    fs::remove_file(root.path().join("frx/var/fruix/gcroots/auto/one")).unwrap();
    let answer = ask(&sandbox, root.path(), &["dead"]).success();
    assert_eq!(answer.lines().collect::<Vec<_>>(), [A, B, C]);
}

#[test]
fn every_name_is_recorded_so_that_it_verifies() {
    let sandbox = Sandbox::new();
    let spaced = format!("{A}-with space");
    let odd = format!("{B}~x@1,y\\z");
    let root = root(&[
        (&format!("{spaced}/.references"), &format!("{odd}\n{C}.\n")),
        (&format!("{odd}/x"), ""),
        (C, "an item that is a file"),
        (&format!("{C}-gone"), "-> /frx/store/nothing"),
    ]);
    let record = sandbox.work().join("record");
    fs::write(&record, ask(&sandbox, root.path(), &["record"]).success()).unwrap();
    let verified = ask(&sandbox, root.path(), &["verify", record.to_str().unwrap()]).success();
    let lines: Vec<&str> = verified.lines().collect();
    assert_eq!(lines.len(), 4, "{verified}");
    assert!(
        lines.iter().all(|line| line.starts_with("ok  ")),
        "{verified}"
    );
    let answer = ask(&sandbox, root.path(), &["refs", &spaced]).success();
    assert_eq!(answer.lines().collect::<Vec<_>>(), [odd.as_str(), C]);
}

#[test]
fn an_ambiguous_beginning_names_those_it_could_mean() {
    let sandbox = Sandbox::new();
    let other = A.replace("-fruix-system-a", "-other");
    let root = root(&[(&format!("{A}/x"), ""), (&format!("{other}/x"), "")]);
    let message = ask(&sandbox, root.path(), &["refs", "AAAA"]).fails_with(1);
    assert!(
        message.contains("cannot tell which `AAAA` is meant"),
        "{message}"
    );
    assert!(message.contains("-other"), "{message}");
    let message = ask(&sandbox, root.path(), &["refs", "bbbb"]).fails_with(1);
    assert!(message.contains("cannot find `bbbb`"), "{message}");
}
