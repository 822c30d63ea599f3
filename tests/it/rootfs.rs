//! Making a rootfs, and its agreement with Fruix's own media.scm.

use crate::fixtures::{closure, item, listing};
use crate::support::{finish, fixtures, installed};
use fruix_scm::failure::{Failure, Key};
use fruix_scm::rootfs::{
    Closure, Development, Difference, Occupied, Owners, Plan, Population, RootfsError, plan,
    populate, verify,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

struct Sandbox {
    directory: tempfile::TempDir,
    plan: Plan,
}

impl Sandbox {
    fn with_closure(closure: &Path) -> Self {
        let closure = Closure::read(closure).unwrap();
        Sandbox {
            directory: tempfile::tempdir().unwrap(),
            plan: plan(&closure, Development::AsTheClosure).unwrap(),
        }
    }

    fn new() -> Self {
        Sandbox::with_closure(&closure())
    }

    fn rootfs(&self) -> PathBuf {
        self.directory.path().join("rootfs")
    }

    fn file(&self, path: &str) -> PathBuf {
        self.rootfs().join(path)
    }

    fn try_populate(&self, occupied: Occupied) -> Result<Population, RootfsError> {
        populate(&self.plan, &self.rootfs(), occupied)
    }

    fn populate(&self) -> Population {
        self.try_populate(Occupied::Refuse).unwrap()
    }

    fn listing(&self) -> BTreeMap<String, String> {
        listing(&self.rootfs())
    }

    /// How it differs, owners aside: who runs the tests need not be root.
    fn differences(&self) -> Vec<Difference> {
        verify(&self.plan, &self.rootfs(), Owners::Any).unwrap()
    }

    fn refusal(&self) -> String {
        self.try_populate(Occupied::Refuse).unwrap_err().to_string()
    }
}

/// What media.scm's own procedure makes of CLOSURE under GUILE, real or ours.
fn made_by(guile: &Path, closure: &Path) -> BTreeMap<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let rootfs = directory.path().join("rootfs");
    let mut command = Command::new(guile);
    command
        .env("GUILE_AUTO_COMPILE", "0")
        .arg("-L")
        .arg(fixtures().join("modules"))
        .args([
            "-c",
            "(use-modules (fruix system freebsd media))
             (apply populate-rootfs-from-closure (cdr (command-line)))",
        ])
        .arg(closure)
        .arg(&rootfs);
    finish(command).success();
    listing(&rootfs)
}

#[test]
fn media_scm_under_guile_makes_the_same_tree_entry_for_entry() {
    let Some(guile) = installed("guile") else {
        return;
    };
    for closure in [closure(), item("-fruix-system-fruix-minimal")] {
        let ours = Sandbox::with_closure(&closure);
        ours.populate();
        assert_eq!(ours.listing(), made_by(&guile, &closure));
    }
}

#[test]
fn media_scm_loaded_here_makes_the_same_tree_entry_for_entry() {
    let binary = Path::new(env!("CARGO_BIN_EXE_fruix-scm"));
    for closure in [closure(), item("-fruix-system-fruix-minimal")] {
        let ours = Sandbox::with_closure(&closure);
        ours.populate();
        assert_eq!(ours.listing(), made_by(binary, &closure));
    }
}

#[test]
fn a_development_system_gets_the_compatibility_links_and_a_lean_one_does_not() {
    let rootfs = Sandbox::new();
    rootfs.populate();
    let target = |path: &str| fs::read_link(rootfs.file(path)).unwrap();
    assert_eq!(
        target("usr/include"),
        Path::new("/run/current-system/development-profile/usr/include")
    );
    assert_eq!(
        target("usr/share/mk"),
        Path::new("/run/current-system/development-profile/usr/share/mk")
    );
    let lean = Sandbox::with_closure(&item("-fruix-system-fruix-minimal"));
    lean.populate();
    assert!(!lean.listing().contains_key("usr/include"));
}

#[test]
fn a_second_population_changes_nothing() {
    let rootfs = Sandbox::new();
    let first = rootfs.populate();
    let before = rootfs.listing();
    let second = rootfs.populate();
    assert_eq!(rootfs.listing(), before);
    assert_eq!((second.made, second.kept), (0, first.made));
}

#[test]
fn a_population_that_was_cut_short_is_completed() {
    let rootfs = Sandbox::new();
    rootfs.populate();
    let whole = rootfs.listing();
    // What a kill leaves: later entries missing, a file half written, a file
    // linked into place whose first name is still there.
    fs::remove_file(rootfs.file("usr/local/bin/fruix")).unwrap();
    fs::remove_file(rootfs.file("etc/passwd")).unwrap();
    fs::write(rootfs.file("etc/.fruix-scm.part.passwd"), "root:").unwrap();
    fs::hard_link(
        rootfs.file("etc/group"),
        rootfs.file("etc/.fruix-scm.part.group"),
    )
    .unwrap();
    rootfs.populate();
    assert_eq!(rootfs.listing(), whole);
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_made() {
    let rootfs = Sandbox::new();
    fs::create_dir(rootfs.rootfs()).unwrap();
    symlink("/elsewhere", rootfs.file("usr")).unwrap();
    let before = rootfs.listing();
    let message = rootfs.refusal();
    assert!(
        message.contains("/usr` a directory: there is a link to `/elsewhere`"),
        "{message}"
    );
    assert_eq!(rootfs.listing(), before);
}

#[test]
fn a_link_in_the_rootfs_is_never_followed_out_of_it() {
    let outside = tempfile::tempdir().unwrap();
    for name in ["etc", "boot", "run"] {
        let rootfs = Sandbox::new();
        fs::create_dir(rootfs.rootfs()).unwrap();
        symlink(outside.path(), rootfs.file(name)).unwrap();
        for occupied in [Occupied::Refuse, Occupied::Replace] {
            rootfs.try_populate(occupied).unwrap_err();
        }
        assert!(listing(outside.path()).is_empty(), "{name} was followed");
    }
}

#[test]
fn other_contents_are_given_up_only_when_told() {
    let rootfs = Sandbox::new();
    rootfs.populate();
    let whole = rootfs.listing();
    fs::write(rootfs.file("etc/passwd"), "mine").unwrap();
    fs::remove_file(rootfs.file("run/current-system")).unwrap();
    symlink("/frx/store/other", rootfs.file("run/current-system")).unwrap();
    let message = rootfs.refusal();
    assert!(
        message.contains("there is a link to `/frx/store/other`"),
        "{message}"
    );
    assert_eq!(
        fs::read_to_string(rootfs.file("etc/passwd")).unwrap(),
        "mine"
    );
    let population = rootfs.try_populate(Occupied::Replace).unwrap();
    assert_eq!((population.made, population.replaced), (0, 2));
    assert_eq!(rootfs.listing(), whole);
}

#[test]
fn a_fifo_in_the_way_is_told_and_given_up_when_told() {
    let rootfs = Sandbox::new();
    rootfs.populate();
    let whole = rootfs.listing();
    for name in ["etc/passwd", "etc/rc.conf"] {
        fs::remove_file(rootfs.file(name)).unwrap();
        let status = Command::new("mkfifo").arg(rootfs.file(name)).status();
        assert!(status.unwrap().success());
    }
    let message = rootfs.refusal();
    assert!(
        message.contains("neither directory, link nor file"),
        "{message}"
    );
    let population = rootfs.try_populate(Occupied::Replace).unwrap();
    assert_eq!((population.made, population.replaced), (0, 2));
    assert_eq!(rootfs.listing(), whole);
}

#[test]
fn a_directory_is_never_given_up() {
    let rootfs = Sandbox::new();
    fs::create_dir_all(rootfs.file("bin/mine")).unwrap();
    let error = rootfs.try_populate(Occupied::Replace).unwrap_err();
    assert!(
        error.to_string().contains("there is a directory"),
        "{error}"
    );
    let hint = Failure::from(error).hint_text().map(str::to_owned);
    assert_eq!(hint.as_deref(), Some("move it away"));
    assert!(rootfs.file("bin/mine").is_dir());
}

#[test]
fn every_difference_is_found_and_explained() {
    let rootfs = Sandbox::new();
    rootfs.populate();
    let differences = || rootfs.differences();
    assert_eq!(differences(), []);
    fs::remove_file(rootfs.file("activate")).unwrap();
    fs::remove_file(rootfs.file("bin")).unwrap();
    symlink("/usr/bin", rootfs.file("bin")).unwrap();
    fs::write(rootfs.file("etc/group"), "").unwrap();
    let loose = fs::Permissions::from_mode(0o644);
    fs::set_permissions(rootfs.file("etc/master.passwd"), loose).unwrap();
    let shown: Vec<String> = differences()
        .iter()
        .map(|difference| {
            let (wanted, found) = (&difference.wanted, &difference.found);
            format!("{}: {wanted} | {found}", difference.path.display())
        })
        .map(|line| line.replace(&closure().display().to_string(), "CLOSURE"))
        .collect();
    assert_eq!(
        shown,
        [
            "activate: a link to `/run/current-system/activate` | nothing",
            "bin: a link to `/run/current-system/profile/bin` | a link to `/usr/bin`",
            "etc/group: the contents of `CLOSURE/etc/group` | other contents",
            "etc/master.passwd: mode 600 | mode 644",
        ]
    );
}

#[test]
fn a_slash_at_the_end_of_a_link_is_a_difference() {
    let rootfs = Sandbox::new();
    rootfs.populate();
    fs::remove_file(rootfs.file("etc/shells")).unwrap();
    symlink("/run/current-system/etc/shells/", rootfs.file("etc/shells")).unwrap();
    assert_eq!(rootfs.differences().len(), 1);
    assert!(rootfs.refusal().contains("there is a link to"));
    let replaced = rootfs.try_populate(Occupied::Replace).unwrap();
    assert_eq!(replaced.replaced, 1);
    assert_eq!(rootfs.differences(), []);
}

#[test]
fn owners_are_part_of_a_rootfs() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give files away");
        return;
    }
    let rootfs = Sandbox::new();
    rootfs.populate();
    let shown = || -> Vec<String> {
        let differences = verify(&rootfs.plan, &rootfs.rootfs(), Owners::Root).unwrap();
        let shown = differences.iter();
        shown
            .map(|one| format!("{}: {} | {}", one.path.display(), one.wanted, one.found))
            .collect()
    };
    assert_eq!(shown(), Vec::<String>::new());
    for file in ["etc", "etc/master.passwd"] {
        std::os::unix::fs::chown(rootfs.file(file), Some(1234), Some(5)).unwrap();
    }
    assert_eq!(
        shown(),
        [
            "etc: owner 0:0 | owner 1234:5",
            "etc/master.passwd: owner 0:0 | owner 1234:5"
        ]
    );
    assert!(rootfs.refusal().contains("another owner"));
    rootfs.try_populate(Occupied::Replace).unwrap();
    assert_eq!(shown(), ["etc: owner 0:0 | owner 1234:5"]);
}

#[test]
fn loops_and_long_names_in_a_closure_hinder_nothing() {
    let root = tempfile::tempdir().unwrap();
    let long = "n".repeat(255);
    let closure = made_closure(root.path(), std::slice::from_ref(&long));
    symlink("loop", closure.join("etc/loop")).unwrap();
    fs::remove_dir_all(closure.join("usr/local")).unwrap();
    symlink("local", closure.join("usr/local")).unwrap();
    let rootfs = Sandbox::with_closure(&closure);
    rootfs.populate();
    assert_eq!(
        fs::read_link(rootfs.file("etc/loop")).unwrap(),
        Path::new("/run/current-system/etc/loop")
    );
    let path = Path::new("etc").join(&long);
    fs::remove_file(rootfs.rootfs().join(&path)).unwrap();
    fs::write(rootfs.rootfs().join(&path), "").unwrap();
    rootfs.try_populate(Occupied::Replace).unwrap();
    assert_eq!(rootfs.differences(), []);
}

#[test]
fn what_cannot_be_copied_is_told_before_anything_is_made() {
    let root = tempfile::tempdir().unwrap();
    let closure = made_closure(root.path(), &[]);
    let passwd = closure.join("etc/passwd");
    let refuse = |why: &str| {
        let rootfs = Sandbox::with_closure(&closure);
        let message = rootfs.refusal();
        assert!(message.contains(why), "{message}");
        assert_eq!(rootfs.listing().len(), 0);
    };
    fs::remove_file(&passwd).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &passwd,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    refuse("it is no regular file");
    fs::remove_file(&passwd).unwrap();
    symlink("/nowhere", &passwd).unwrap();
    refuse("No such file");
}

#[test]
fn a_closure_may_be_named_by_the_link_in_its_root() {
    let link = fixtures().join("root/run/current-system");
    assert_eq!(
        Closure::read(&link).unwrap(),
        Closure::read(&closure()).unwrap()
    );
}

#[test]
fn what_is_no_closure_is_a_failure_with_a_hint() {
    let empty = tempfile::tempdir().unwrap();
    for (path, words) in [
        (empty.path().to_owned(), "it has no `profile`"),
        (empty.path().join("missing"), "No such file"),
    ] {
        let failure = Failure::from(Closure::read(&path).unwrap_err());
        assert_eq!(failure.key(), Key::Rootfs);
        assert!(failure.message().contains(words), "{failure}");
        assert!(failure.hint_text().is_some());
    }
}

/// A closure in a store of its own with FILES below `etc` and `usr/local`.
fn made_closure(root: &Path, files: &[String]) -> PathBuf {
    let name = format!("{}-fruix-system-made", "0".repeat(40));
    let closure = root.join("frx/store").join(name);
    for directory in ["profile", "boot/kernel", "etc", "usr/local"] {
        fs::create_dir_all(closure.join(directory)).unwrap();
    }
    fs::write(closure.join("activate"), "").unwrap();
    for account in ["passwd", "master.passwd", "group", "login.conf"] {
        fs::write(closure.join("etc").join(account), account).unwrap();
    }
    for file in files {
        for top in ["etc", "usr/local"] {
            let path = closure.join(top).join(file);
            // A name that is a directory already, or below a file, is left out.
            if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() {
                fs::write(path, file).unwrap();
            }
        }
    }
    closure
}

#[test]
fn a_population_killed_at_any_point_and_run_again_ends_right() {
    let root = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..3000)
        .map(|number| format!("{}/{number}", number % 7))
        .collect();
    let closure = made_closure(root.path(), &files);
    let rootfs = Sandbox::with_closure(&closure);
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fruix-scm"));
        command
            .args(["rootfs", "populate"])
            .arg(&closure)
            .arg(rootfs.rootfs());
        command
    };
    let mut killed = 0;
    for milliseconds in [3, 6, 9, 12, 15, 20, 25, 30] {
        let mut child = command().stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(
        killed > 0,
        "every population ended before it could be killed"
    );
    finish(command()).success();
    assert_eq!(rootfs.differences(), []);
    let leftover = rootfs
        .listing()
        .into_keys()
        .find(|path| path.contains(".part."));
    assert_eq!(leftover, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_closure_is_populated_as_planned_and_twice_alike(
        files in prop::collection::vec("[a-c \\n\\x1b*é]{1,3}(/[a-c.]{1,2}x){0,2}", 0..12)
    ) {
        let root = tempfile::tempdir().unwrap();
        let rootfs = Sandbox::with_closure(&made_closure(root.path(), &files));
        let first = rootfs.populate();
        prop_assert_eq!(first.made, rootfs.plan.entries.len());
        prop_assert_eq!(rootfs.differences(), []);
        let listing = rootfs.listing();
        prop_assert_eq!(listing.len(), rootfs.plan.entries.len());
        let second = rootfs.populate();
        prop_assert_eq!((second.made, second.kept), (0, first.made));
        prop_assert_eq!(rootfs.listing(), listing);
    }
}
