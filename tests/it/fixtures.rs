//! The fixtures: the miniature FreeBSD tree builds as FreeBSD would, and the
//! Guile modules are Guile's.

use crate::support::{Outcome, Sandbox, finish, fixtures, installed};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use walkdir::WalkDir;

/// The item of the fixture store whose name contains PART.
pub fn item(part: &str) -> PathBuf {
    let store = fixtures().join("root/frx/store");
    let mut found = fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(part));
    let item = found.next().unwrap_or_else(|| panic!("no item {part}"));
    assert!(found.next().is_none(), "more than one item {part}");
    item
}

/// The closure that the simulated guest boots.
pub fn closure() -> PathBuf {
    let name = fs::read_link(fixtures().join("root/run/current-system")).unwrap();
    fixtures()
        .join("root")
        .join(name.strip_prefix("/").unwrap())
}

/// Everything below DIRECTORY: path to (type, mode, link target, contents).
pub fn listing(directory: &Path) -> BTreeMap<String, String> {
    WalkDir::new(directory)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(directory).unwrap();
            let mode = entry.metadata().unwrap().mode() & 0o7777;
            let what = match entry.file_type() {
                kind if kind.is_dir() => format!("directory {mode:o}"),
                kind if kind.is_symlink() => {
                    format!("link {}", fs::read_link(entry.path()).unwrap().display())
                }
                _ => format!("file {mode:o} {:?}", fs::read(entry.path()).unwrap()),
            };
            (path.display().to_string(), what)
        })
        .collect()
}

struct Build {
    sandbox: Sandbox,
    make: PathBuf,
    umask: &'static str,
    options: &'static [&'static str],
}

impl Build {
    fn new(make: PathBuf, umask: &'static str, options: &'static [&'static str]) -> Self {
        Build {
            sandbox: Sandbox::new(),
            make,
            umask,
            options,
        }
    }

    fn stage(&self) -> PathBuf {
        self.sandbox.work().join("stage")
    }

    fn objects(&self) -> PathBuf {
        self.sandbox.work().join("obj")
    }

    fn run(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Outcome {
        let mut command = Command::new("sh");
        command
            .args(["-c", "umask $0 && exec \"$@\"", self.umask])
            .arg(&self.make)
            .arg("-C")
            .arg(item("-freebsd-source-default").join("tree"))
            .args(self.options)
            .args(arguments)
            .env_clear()
            .env("HOME", self.sandbox.work())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("MAKEOBJDIRPREFIX", self.objects())
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        finish(command)
    }

    fn installing(&self, target: &str) -> Outcome {
        let destination = format!("DESTDIR={}", self.stage().display());
        self.run(&[], &["DB_FROM_SRC=yes", &destination, target])
    }

    fn everything(&self) {
        self.run(&[], &["buildworld"]).success();
        self.run(&[], &["buildkernel"]).success();
        for target in ["installworld", "distribution", "installkernel"] {
            self.installing(target).success();
        }
    }
}

fn makes() -> Vec<PathBuf> {
    ["make", "bmake"]
        .into_iter()
        .filter_map(installed)
        .collect()
}

#[test]
fn every_make_umask_and_number_of_jobs_gives_the_same_bytes() {
    let mut first: Option<BTreeMap<String, String>> = None;
    for make in makes() {
        for (umask, options) in [("022", &["-j4"][..]), ("077", &[])] {
            let build = Build::new(make.clone(), umask, options);
            build.everything();
            let result = listing(&build.stage());
            for artifact in [
                "boot/kernel/kernel",
                "usr/include/sys/param.h",
                "usr/share/mk/bsd.prog.mk",
                "boot/loader.efi",
                "boot/defaults/loader.conf",
                "boot/lua/loader.lua",
                "etc/master.passwd",
            ] {
                assert!(result.contains_key(artifact), "{artifact} is missing");
            }
            match &first {
                None => first = Some(result),
                Some(first) => assert_eq!(&result, first),
            }
        }
    }
}

#[test]
fn the_loader_has_two_names_and_the_objects_their_place() {
    for make in makes() {
        let build = Build::new(make, "022", &["-j4"]);
        let output = build.run(&[], &["buildworld"]).success();
        build.installing("installworld").success();
        let inode = |name| {
            fs::metadata(build.stage().join("boot").join(name))
                .unwrap()
                .ino()
        };
        assert_eq!(inode("loader.efi"), inode("loader_lua.efi"));
        let source = item("-freebsd-source-default").join("tree");
        let place = format!(
            "{}{}/amd64.amd64",
            build.objects().display(),
            source.display()
        );
        assert!(
            Path::new(&place).join("lib/libc/libc.a").is_file(),
            "{place}"
        );
        let stages: Vec<_> = output
            .lines()
            .filter(|line| line.starts_with(">>> "))
            .collect();
        for stage in [
            ">>> stage 1.1: ",
            ">>> stage 4.2: building libraries",
            ">>> World built in ",
        ] {
            assert!(
                stages.iter().any(|line| line.starts_with(stage)),
                "{stages:#?}"
            );
        }
    }
}

#[test]
fn what_freebsd_refuses_is_refused_in_its_words() {
    for make in makes() {
        let build = Build::new(make, "022", &[]);
        let refuses = |environment: &[(&str, &str)], arguments: &[&str], words: &str| {
            let outcome = build.run(environment, arguments);
            assert_ne!(outcome.status, Some(0), "{arguments:?} was not refused");
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        };
        refuses(
            &[],
            &["MAKEOBJDIRPREFIX=/x", "buildworld"],
            "MAKEOBJDIRPREFIX can only be set in environment or src-env.conf(5), not as a global",
        );
        for variable in ["CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS"] {
            refuses(
                &[(variable, "-I/run/current-development/usr/include")],
                &["buildworld"],
                "'llvm/Config/abi-breaking.h' file not found",
            );
        }
        refuses(&[], &["buildkernel"], "run buildworld");
        refuses(&[], &["installkernel"], "No kernel \"GENERIC\" to install");
        refuses(
            &[],
            &["DB_FROM_SRC=yes", "DESTDIR=/nowhere", "installworld"],
            "run buildworld first",
        );
        refuses(
            &[],
            &["DB_FROM_SRC=no", "installworld"],
            "ERROR: Please set DESTDIR!",
        );
        refuses(
            &[],
            &["KERNCONF=NONE", "buildkernel"],
            "Missing kernel configuration file(s) (NONE)",
        );
        if !account_exists("smmsp") {
            refuses(
                &[],
                &["installworld"],
                "user is missing, see /usr/src/UPDATING.",
            );
        }
    }
}

fn account_exists(name: &str) -> bool {
    let mut id = Command::new("id");
    id.args(["-u", name]);
    finish(id).status == Some(0)
}

#[test]
fn real_guile_loads_the_modules_without_a_warning() {
    let Some(guile) = installed("guile") else {
        return;
    };
    let mut command = Command::new(guile);
    command
        .env("GUILE_AUTO_COMPILE", "0")
        .env("XDG_CACHE_HOME", "/nonexistent")
        .arg("-L")
        .arg(fixtures().join("modules"))
        .args([
            "-c",
            "(use-modules (fruix system freebsd media))
             (write (map car (media-builder-versions)))
             (write (map string? (list image-builder-version install-builder-version
                                       installer-image-builder-version
                                       installer-iso-builder-version)))",
        ]);
    let outcome = finish(command);
    assert_eq!(outcome.stderr, "");
    assert_eq!(
        outcome.success(),
        "(image install installer-image installer-iso)(#t #t #t #t)"
    );
}

#[test]
fn every_link_of_the_store_leads_to_something_of_the_store_or_the_host() {
    let root = fixtures().join("root");
    for entry in WalkDir::new(root.join("frx/store")) {
        let entry = entry.unwrap();
        if !entry.path_is_symlink() {
            continue;
        }
        let target = fs::read_link(entry.path()).unwrap();
        let there = match target.strip_prefix("/") {
            Ok(rest) if rest.starts_with("host") => continue,
            Ok(rest) => root.join(rest),
            Err(_) => entry.path().parent().unwrap().join(&target),
        };
        assert!(
            fs::symlink_metadata(&there).is_ok(),
            "{} leads to {}",
            entry.path().display(),
            target.display()
        );
    }
}

#[test]
fn the_source_store_records_the_digest_of_its_tree() {
    // As unpacked: a checkout's modes depend on the umask.
    let scratch = fruix_scm::media::Scratch::new().unwrap();
    let store = scratch
        .root()
        .unwrap()
        .join("frx/store")
        .join(item("-freebsd-source-default").file_name().unwrap());
    let digest = fruix_scm::digest::Tree::read(&store.join("tree"))
        .unwrap()
        .sha256();
    let info = fs::read_to_string(store.join(".freebsd-source-info.scm")).unwrap();
    let line = format!("(source-tree-sha256 . \"{digest}\")");
    assert!(info.contains(&line), "wanted: {line}");
}
