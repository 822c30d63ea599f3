//! Digests of files and trees, beside the tools that people would use instead.

use crate::support::{finish, installed};
use fruix_scm::digest::{
    Checked, Manifest, Sha256, Tree, check, compare, line, sha256_of_file, sha256_of_range, size,
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
        let checked = check(&recorded, &sandbox.tree()).unwrap().checked;
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
            String::from_utf8(line(digest, Path::new(name), false)).unwrap() + "\n"
        })
        .collect();
    assert_eq!(ours, theirs);
    let recorded = sandbox.0.path().join("sums");
    fs::write(&recorded, ours).unwrap();
    let checked = check(&recorded, &sandbox.tree()).unwrap().checked;
    assert_eq!(checked.len(), 3);
    assert!(
        checked.iter().all(|checked| checked.trouble.is_none()),
        "{checked:?}"
    );
    sandbox.write("a.b", "changed");
    fs::remove_file(sandbox.tree().join("glob*?[#\\")).unwrap();
    let checked = check(&recorded, &sandbox.tree()).unwrap().checked;
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
        String::from_utf8(line(tree, "tree".as_ref(), true)).unwrap(),
        Sha256::of(b"next to a/")
    );
    fs::write(&recorded, text).unwrap();
    let checked = check(&recorded, sandbox.0.path()).unwrap().checked;
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

/// What is wrong of what RECORDED, a text, says of the sandbox's tree.
fn troubles(sandbox: &Sandbox, recorded: &str) -> Vec<String> {
    let file = sandbox.0.path().join("recorded");
    fs::write(&file, recorded).unwrap();
    let checklist = check(&file, &sandbox.tree()).unwrap();
    let wrong = checklist
        .checked
        .into_iter()
        .filter_map(|checked| Some(format!("{}: {}", checked.path.display(), checked.trouble?)));
    wrong.filter(|line| !line.contains(": new (")).collect()
}

#[test]
fn an_entry_is_right_only_when_every_word_of_it_was_seen_to_hold() {
    let sandbox = Sandbox::new();
    for (recorded, trouble) in [
        ("./a.b type=file size=10 mode=u=rw,go=r nlink=01", ""),
        ("./a.b type=file size=11", "a.b: size was 11, is 10"),
        ("./a.b type=file nlink=2", "a.b: nlink was 2, is 1"),
        ("./a.b type=dir nlink=2", "a.b: type was dir, is file"),
        ("./a/loader.efi type=file nlink=2", ""),
        ("./a type=dir nlink=77", ""),
        ("./link type=link link=tar\\sget", ""),
        (
            "./link type=link link=tar\\sget/",
            "link: link was tar\\sget/, is tar\\040get",
        ),
        (
            "./a.b type=file uname=nobody-here-has-this-name",
            "a.b: uname was not checked: there is no user `nobody-here-has-this-name` here",
        ),
        (
            "./a.b type=file contents=x",
            "a.b: contents was not checked: this program does not look at it",
        ),
        ("./a.b type=file tags=package=x,y flags=none", ""),
        ("./gone type=file size=1", "gone: missing (file)"),
        ("./gone type=file size=1 optional", ""),
        ("./a.b type=file size=1 nochange", ""),
        ("./a.b type=file size=10 # was size=6", ""),
    ] {
        let expected: Vec<&str> = Some(trouble)
            .filter(|t| !t.is_empty())
            .into_iter()
            .collect();
        assert_eq!(
            troubles(&sandbox, &format!("{recorded}\n")),
            expected,
            "{recorded}"
        );
    }
}

#[test]
fn below_what_is_ignored_nothing_is_new() {
    let sandbox = Sandbox::new();
    let recorded = sandbox.0.path().join("recorded");
    fs::write(&recorded, ". type=dir ignore\n").unwrap();
    let checked = check(&recorded, &sandbox.tree()).unwrap().checked;
    assert_eq!(checked.len(), 1);
    assert_eq!(checked[0].trouble, None);
}

#[test]
fn what_records_nothing_is_no_success() {
    let sandbox = Sandbox::new();
    let recorded = sandbox.0.path().join("recorded");
    for text in ["", "# only a comment\n", "hello\nworld\n", "./a szie=9\n"] {
        fs::write(&recorded, text).unwrap();
        let failure = Failure::from(check(&recorded, &sandbox.tree()).unwrap_err());
        assert_eq!(failure.key(), Key::Digest, "{text}");
    }
}

#[test]
fn a_manifest_that_lacks_contents_stands_for_no_tree() {
    let parse = |text| Manifest::parse(text).unwrap().canonical();
    let why = parse(". type=dir mode=0755\n./a type=file mode=0644 size=1 md5=00\n").unwrap_err();
    assert_eq!(why, "it has no sha256digest of `a`");
    let digest = Sha256::of(b"");
    let whole = format!("./a type=file mode=644 size=00 sha256={digest} time=1.0 uid=0\n");
    assert_eq!(
        parse(&whole).unwrap().to_string(),
        format!("./a type=file mode=0644 size=0 sha256digest={digest}\n")
    );
}

#[test]
fn a_tree_deeper_than_a_path_can_be_is_hashed() {
    let directory = tempfile::tempdir().unwrap();
    let name = "d".repeat(200);
    let mut here = rustix::fs::open(
        directory.path(),
        rustix::fs::OFlags::DIRECTORY,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    for _ in 0..30 {
        rustix::fs::mkdirat(&here, &name, rustix::fs::Mode::RWXU).unwrap();
        here = rustix::fs::openat(
            &here,
            &name,
            rustix::fs::OFlags::DIRECTORY,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
    }
    let tree = Tree::read(directory.path()).unwrap();
    assert_eq!(tree.entries.len(), 31);
    drop(here);
    Command::new("rm")
        .arg("-rf")
        .arg(directory.path())
        .status()
        .unwrap();
}

#[test]
fn names_are_bytes_on_the_command_line() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"n\xffame");
    if fs::write(directory.path().join(name), "x").is_err() {
        println!("skipped: this file system takes no such name");
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_fruix-scm"));
    let output = command
        .current_dir(directory.path())
        .arg("hash")
        .arg(name)
        .output()
        .unwrap();
    let mut expected = Sha256::of(b"x").to_string().into_bytes();
    expected.extend(b"  n\xffame\n");
    assert_eq!(output.stdout, expected);
    fs::write(directory.path().join("sums"), &output.stdout).unwrap();
    let checked = check(&directory.path().join("sums"), directory.path()).unwrap();
    assert_eq!(checked.checked[0].trouble, None);
}
