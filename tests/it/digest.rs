//! Digests of files and trees, beside the tools that people would use instead.

use crate::support::{finish, installed};
use fruix_scm::digest::{
    Checked, Sha256, Tree, check, compare, line, sha256_of_file, sha256_of_range, size,
};
use fruix_scm::failure::{Failure, Key};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tree with everything that makes manifests hard.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        let sandbox = Sandbox(tempfile::tempdir().unwrap());
        for directory in ["", "a", "a b", "empty"] {
            let path = sandbox.tree().join(directory);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        sandbox.write("a.b", "next to a/");
        sandbox.write("a/loader_lua.efi", "loader");
        sandbox.write("a b/new\nline", "");
        sandbox.write("glob*?[#\\", "é");
        fs::hard_link(
            sandbox.tree().join("a/loader_lua.efi"),
            sandbox.tree().join("a/loader.efi"),
        )
        .unwrap();
        symlink("tar get", sandbox.tree().join("link")).unwrap();
        symlink("/nowhere", sandbox.tree().join("dangling")).unwrap();
        sandbox
    }

    fn tree(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.tree().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    fn read(&self) -> Tree {
        Tree::read(&self.tree()).unwrap()
    }
}

#[test]
fn a_manifest_is_sorted_lines_without_times_or_owners() {
    let efi = Sha256::of(b"loader");
    let (next, nothing, e) = (
        Sha256::of(b"next to a/"),
        Sha256::of(b""),
        Sha256::of("é".as_bytes()),
    );
    assert_eq!(
        Sandbox::new().read().manifest().to_string(),
        format!(
            "\
. type=dir mode=0755
./a type=dir mode=0755
./a.b type=file mode=0644 size=10 sha256digest={next}
./a/loader.efi type=file mode=0644 size=6 sha256digest={efi}
./a/loader_lua.efi type=file mode=0644 size=6 sha256digest={efi}
./a\\040b type=dir mode=0755
./a\\040b/new\\012line type=file mode=0644 size=0 sha256digest={nothing}
./dangling type=link link=/nowhere
./empty type=dir mode=0755
./glob\\052\\077\\133\\043\\134 type=file mode=0644 size=2 sha256digest={e}
./link type=link link=tar\\040get
"
        )
    );
}

#[test]
fn the_digest_of_a_tree_depends_on_the_tree_alone() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    assert_eq!(one.read().sha256(), other.read().sha256());
    fs::set_permissions(other.tree().join("a.b"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_ne!(one.read().sha256(), other.read().sha256());
}

#[test]
fn names_of_one_file_are_recognised_and_weigh_once() {
    let sandbox = Sandbox::new();
    let names = ["a/loader.efi", "a/loader_lua.efi"].map(PathBuf::from);
    assert_eq!(sandbox.read().hard_links, [names.to_vec()]);
    let size = size(&sandbox.tree()).unwrap();
    assert_eq!((size.bytes, size.files), (10 + 6 + 2, 4));
}

#[test]
fn mtree_agrees_with_the_manifest_until_a_byte_changes() {
    let Some(mtree) = installed("mtree") else {
        return;
    };
    let sandbox = Sandbox::new();
    let manifest = sandbox.0.path().join("manifest");
    fs::write(&manifest, sandbox.read().manifest().to_string()).unwrap();
    let verify = || {
        let mut command = Command::new(&mtree);
        command
            .arg("-f")
            .arg(&manifest)
            .arg("-p")
            .arg(sandbox.tree());
        finish(command)
    };
    verify().success();
    sandbox.write("a.b", "next to A/");
    assert!(verify().fails_with(2).is_empty());
}

#[test]
fn what_mtree_records_is_checked() {
    let Some(mtree) = installed("mtree") else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut command = Command::new(mtree);
    command
        .args(["-c", "-k", "type,link,size,mode,sha256digest", "-p"])
        .arg(sandbox.tree());
    let recorded = sandbox.0.path().join("recorded");
    fs::write(&recorded, finish(command).success()).unwrap();
    let troubles = || -> Vec<Checked> {
        let checked = check(&recorded, &sandbox.tree()).unwrap();
        checked
            .into_iter()
            .filter(|checked| checked.trouble.is_some())
            .collect()
    };
    assert_eq!(troubles(), []);
    fs::remove_file(sandbox.tree().join("link")).unwrap();
    let troubles = troubles();
    assert_eq!(troubles[0].trouble.as_deref(), Some("missing (link)"));
    assert_eq!(troubles.len(), 1);
}

#[test]
fn lines_are_those_of_sha256sum_and_it_accepts_them() {
    let Some(sha256sum) = installed("sha256sum") else {
        return;
    };
    let sandbox = Sandbox::new();
    let names = ["a.b", "a b/new\nline", "glob*?[#\\"];
    let mut command = Command::new(&sha256sum);
    command.current_dir(sandbox.tree()).args(names);
    let theirs = finish(command).success();
    let ours: String = names
        .iter()
        .map(|name| {
            let digest = sha256_of_file(&sandbox.tree().join(name)).unwrap();
            line(digest, Path::new(name), false) + "\n"
        })
        .collect();
    assert_eq!(ours, theirs);
    let recorded = sandbox.0.path().join("sums");
    fs::write(&recorded, ours).unwrap();
    let checked = check(&recorded, &sandbox.tree()).unwrap();
    assert_eq!(checked.len(), 3);
    assert!(
        checked.iter().all(|checked| checked.trouble.is_none()),
        "{checked:?}"
    );
    sandbox.write("a.b", "changed");
    fs::remove_file(sandbox.tree().join("glob*?[#\\")).unwrap();
    let checked = check(&recorded, &sandbox.tree()).unwrap();
    assert!(
        checked[0]
            .trouble
            .as_ref()
            .unwrap()
            .starts_with("digest is ")
    );
    assert!(
        checked[2]
            .trouble
            .as_ref()
            .unwrap()
            .contains("No such file")
    );
}

#[test]
fn a_list_may_name_trees_and_be_of_freebsds_form() {
    let sandbox = Sandbox::new();
    let recorded = sandbox.0.path().join("sums");
    let tree = sandbox.read().sha256();
    let text = format!(
        "{}\nSHA256 (tree/a.b) = {}\n",
        line(tree, "tree".as_ref(), true),
        Sha256::of(b"next to a/")
    );
    fs::write(&recorded, text).unwrap();
    let checked = check(&recorded, sandbox.0.path()).unwrap();
    assert_eq!(checked.len(), 2);
    assert!(
        checked.iter().all(|checked| checked.trouble.is_none()),
        "{checked:?}"
    );
}

#[test]
fn a_range_is_hashed_and_one_beyond_the_end_is_refused() {
    let sandbox = Sandbox::new();
    let file = sandbox.tree().join("a.b");
    assert_eq!(sha256_of_range(&file, 5..7).unwrap(), Sha256::of(b"to"));
    let error = sha256_of_range(&file, 5..11).unwrap_err().to_string();
    assert!(error.ends_with("up to byte 11: it has 10"), "{error}");
}

#[test]
fn two_trees_are_compared_with_reasons() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    let differences = || compare(&one.read().manifest(), &other.read().manifest());
    assert_eq!(differences(), []);
    other.write("a/more", "");
    fs::remove_file(other.tree().join("link")).unwrap();
    symlink("elsewhere", other.tree().join("link")).unwrap();
    let shown: Vec<String> = differences().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "a/more: new (file)",
            "link: link was tar\\040get, is elsewhere"
        ]
    );
}

#[test]
fn what_cannot_be_read_is_a_failure_with_its_path() {
    let sandbox = Sandbox::new();
    let missing = sandbox.tree().join("missing");
    for error in [
        sha256_of_file(&missing).unwrap_err(),
        Tree::read(&missing).unwrap_err(),
    ] {
        let failure = Failure::from(error);
        assert_eq!(failure.key(), Key::Digest);
        let words = format!("cannot read `{}`: No such file", missing.display());
        assert!(failure.message().starts_with(&words), "{failure}");
    }
}
