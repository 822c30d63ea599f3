//! Builder versions in the fixtures' media.scm, and disk images.

use crate::support::{finish, fixtures, installed};
use fruix_scm::failure::{Failure, Key};
use fruix_scm::media::primitives::definitions;
use fruix_scm::media::{
    BUILDERS, Check, Fit, History, Layout, MediaError, Raised, Stale, Survey, check, inspect, note,
    record_file, status,
};
use gpt::disk::LogicalBlockSize;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of the fixtures' modules that may be changed.
struct Modules(tempfile::TempDir);

impl Modules {
    fn new() -> Self {
        let modules = Modules(tempfile::tempdir().unwrap());
        let from = fixtures().join("modules/fruix/system/freebsd");
        fs::create_dir_all(modules.media().parent().unwrap()).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = modules.media().with_file_name(path.file_name().unwrap());
            fs::copy(path, to).unwrap();
        }
        modules
    }

    fn media(&self) -> PathBuf {
        self.0.path().join("fruix/system/freebsd/media.scm")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.media()).unwrap()
    }

    fn write(&self, text: &str) {
        fs::write(self.media(), text).unwrap();
    }

    fn values(&self) -> Vec<String> {
        let versions = status(&self.media(), definitions).unwrap();
        versions.into_iter().map(|version| version.value).collect()
    }
}

/// Raise NAMES in the file at PATH, whatever stood for something before.
fn bump(path: &Path, names: &[String]) -> Result<Vec<Raised>, MediaError> {
    fruix_scm::media::bump(path, names, definitions, |_, _| false)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// What a module makes whose version has VALUE and whose layout is LINES.
fn survey(value: &str, lines: &str) -> Survey {
    Survey {
        versions: vec![("image-builder-version".to_owned(), value.to_owned())],
        layouts: vec![Layout {
            closure: "fruix-system-x".to_owned(),
            identity: "1".to_owned(),
            lines: lines.lines().map(str::to_owned).collect(),
        }],
    }
}

#[test]
fn the_four_versions_are_found_where_they_stand() {
    let modules = Modules::new();
    let versions = status(&modules.media(), definitions).unwrap();
    let names: Vec<&str> = versions
        .iter()
        .map(|version| version.name.as_str())
        .collect();
    assert_eq!(names, BUILDERS);
    let text = modules.text();
    for version in &versions {
        let line = text.lines().nth(version.line - 1).unwrap();
        assert!(
            line[version.column - 1..].starts_with(&version.value),
            "{line}"
        );
    }
}

#[test]
fn a_bump_changes_the_chosen_values_and_no_other_byte() {
    let modules = Modules::new();
    let before = modules.text();
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(modules.media(), mode.clone()).unwrap();
    bump(&modules.media(), &["install-builder-version".to_owned()]).unwrap();
    let expected = before.replace(
        "(define install-builder-version \"7\")",
        "(define install-builder-version \"8\")",
    );
    assert_eq!(modules.text(), expected);
    assert_eq!(
        fs::metadata(modules.media()).unwrap().permissions().mode() & 0o777,
        0o640
    );
    bump(&modules.media(), &[]).unwrap();
    assert_eq!(modules.values(), ["\"10\"", "\"9\"", "\"6\"", "\"5\""]);
}

#[test]
fn guile_sees_the_raised_versions() {
    let Some(guile) = installed("guile") else {
        return;
    };
    let modules = Modules::new();
    bump(&modules.media(), &[]).unwrap();
    let mut command = Command::new(guile);
    command
        .env("GUILE_AUTO_COMPILE", "0")
        .arg("-L")
        .arg(modules.0.path())
        .args([
            "-c",
            "(use-modules (fruix system freebsd media)) (write (map cdr (media-builder-versions)))",
        ]);
    assert_eq!(finish(command).success(), "(\"10\" \"8\" \"6\" \"5\")");
}

#[test]
fn a_version_that_cannot_be_raised_leaves_the_file_as_it_was() {
    let modules = Modules::new();
    let text = modules.text().replace("\"4\"", "(number->string 4)");
    modules.write(&text);
    let failure = Failure::from(bump(&modules.media(), &[]).unwrap_err());
    assert_eq!(failure.key(), Key::Media);
    assert!(
        failure
            .message()
            .contains("`installer-iso-builder-version`"),
        "{failure}"
    );
    assert!(
        failure
            .message()
            .ends_with("(number->string 4) is neither an integer nor a string")
    );
    assert_eq!(modules.text(), text);
    for (names, why) in [
        ("no-such-builder-version", "the file does not define it"),
        (
            "image-builder-version",
            "the file defines it more than once",
        ),
    ] {
        modules.write(&format!("{text}\n(define image-builder-version 1)\n"));
        let error = bump(&modules.media(), &[names.to_owned()]).unwrap_err();
        assert!(error.to_string().ends_with(why), "{error}");
    }
}

#[test]
fn a_bump_through_a_link_leaves_the_link() {
    let modules = Modules::new();
    let link = modules.0.path().join("link.scm");
    symlink(modules.media(), &link).unwrap();
    bump(&link, &[]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(modules.values()[0], "\"10\"");
}

#[test]
fn each_value_is_judged_by_what_it_has_stood_for() {
    let modules = Modules::new();
    let file = record_file(&modules.media());
    let state = |value: &str, lines: &str| {
        let checked = check(&survey(value, lines), &file, &History::default()).unwrap();
        checked[0].check.clone()
    };
    let remember = |value: &str, lines: &str| note(&survey(value, lines), &file, |_| true).unwrap();
    assert!(matches!(state("9", "a\nb"), Check::Unknown { .. }));
    remember("9", "a\nb");
    assert_eq!(state("9", "a\nb"), Check::Current);
    let stale = Check::Stale(Stale {
        why: "the layout has changed".to_owned(),
        closure: "fruix-system-x".to_owned(),
        added: lines("c"),
        removed: lines("b"),
    });
    assert_eq!(state("9", "a\nc"), stale);
    let raised = Check::Raised {
        from: "9".to_owned(),
    };
    assert_eq!(state("10", "a\nc"), raised);
    remember("10", "a\nc");
    // A second change after a version was raised.
    assert!(matches!(state("10", "a\nd"), Check::Stale(_)));
    // Going back to what a value stood for is no change; going lower is none to know.
    assert_eq!(state("9", "a\nb"), Check::Current);
    assert!(matches!(state("8", "a\nc"), Check::Stale(_)));
    // Two branches gave one value to two layouts.
    remember("10", "a\nd");
    assert!(matches!(state("10", "a\nd"), Check::Stale(_)));
    assert!(matches!(state("10", "a\nc"), Check::Stale(_)));
}

#[test]
fn a_closure_with_other_contents_proves_nothing_unless_the_layout_is_the_same() {
    let modules = Modules::new();
    let file = record_file(&modules.media());
    note(&survey("9", "a"), &file, |_| true).unwrap();
    let with = |identity: &str, closure: &str, lines: &str| {
        let mut survey = survey("9", lines);
        survey.layouts[0].identity = identity.to_owned();
        survey.layouts[0].closure = closure.to_owned();
        check(&survey, &file, &History::default()).unwrap()[0]
            .check
            .clone()
    };
    assert_eq!(with("2", "fruix-system-x", "a"), Check::Current);
    assert!(matches!(
        with("2", "fruix-system-x", "b"),
        Check::Unknown { .. }
    ));
    assert!(matches!(
        with("1", "fruix-system-y", "a"),
        Check::Unknown { .. }
    ));
}

#[test]
fn a_version_that_is_no_more_is_told() {
    let modules = Modules::new();
    let file = record_file(&modules.media());
    note(&survey("9", "a"), &file, |_| true).unwrap();
    let checked = check(&Survey::default(), &file, &History::default()).unwrap();
    assert_eq!(checked[0].check, Check::Gone);
}

#[test]
fn a_damaged_record_is_a_failure_with_its_path() {
    let modules = Modules::new();
    let file = record_file(&modules.media());
    fs::write(&file, "((image-builder-version . 7)").unwrap();
    let error = check(&Survey::default(), &file, &History::default()).unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.key(), Key::Media);
    assert!(failure.message().contains("media.layouts.scm"));
}

#[test]
fn a_bump_keeps_further_names_and_the_owner_of_the_file() {
    use std::os::unix::fs::MetadataExt;
    let modules = Modules::new();
    let other = modules.0.path().join("other.scm");
    fs::hard_link(modules.media(), &other).unwrap();
    bump(&modules.media(), &[]).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), modules.text());
    fs::remove_file(&other).unwrap();
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give files away");
        return;
    }
    std::os::unix::fs::chown(modules.media(), Some(1234), Some(5)).unwrap();
    bump(&modules.media(), &[]).unwrap();
    let metadata = fs::metadata(modules.media()).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 5));
}

/// An image of SIZE bytes with the two partitions that a Fruix image has.
fn image(directory: &Path, size: u64) -> PathBuf {
    let path = directory.join("disk.img");
    let file = fs::File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    file.set_len(size).unwrap();
    let mut disk = gpt::GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(file, None)
        .unwrap();
    let kinds = [
        ("efiboot", 1024 * 1024, gpt::partition_types::EFI),
        (
            "fruix-root",
            4 * 1024 * 1024,
            gpt::partition_types::FREEBSD_UFS,
        ),
    ];
    for (label, size, kind) in kinds {
        disk.add_partition(label, size, kind, 0, None).unwrap();
    }
    disk.write().unwrap();
    path
}

#[test]
fn an_image_tells_its_size_and_labels() {
    let directory = tempfile::tempdir().unwrap();
    let size = 16 * 1024 * 1024;
    let image = inspect(&image(directory.path(), size)).unwrap();
    assert_eq!(image.size_bytes, size);
    assert!(image.backup_at_end);
    let labels: Vec<&str> = image.partitions.iter().map(|p| p.label.as_str()).collect();
    assert_eq!(labels, ["efiboot", "fruix-root"]);
    let root = image.partition("fruix-root").unwrap();
    assert_eq!(root.size_bytes, 4 * 1024 * 1024);
    assert_eq!(root.kind, "516E7CB6-6ECF-11D6-8FF8-00022D09712B");
    assert_eq!(image.fit(size), Fit::Exact);
    assert_eq!(image.fit(size - 512), Fit::TooLarge { by: 512 });
    assert_eq!(image.fit(size + 512), Fit::Smaller { by: 512 });
}

#[test]
fn a_damaged_copy_of_the_table_a_cut_image_and_overlaps_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let size: u64 = 1 << 23;
    let path = image(directory.path(), size);
    let good = fs::read(&path).unwrap();
    let last = size as usize - 512;
    for at in [last, last + 40, last + 88, last - 32 * 512] {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, bytes).unwrap();
        let image = inspect(&path).unwrap();
        assert!(!image.backup_at_end);
        let trouble = image.backup_trouble.unwrap();
        assert!(trouble.contains("is damaged"), "byte {at}: {trouble}");
    }
    fs::write(&path, &good[..(6 << 20)]).unwrap();
    let error = inspect(&path).unwrap_err().to_string();
    assert!(error.ends_with("it was cut"), "{error}");
    // A disk that has grown: the copy is whole, and no longer at the end.
    let mut longer = good.clone();
    longer.resize(good.len() + 4096, 0);
    fs::write(&path, longer).unwrap();
    let image = inspect(&path).unwrap();
    assert!(!image.backup_at_end && image.backup_trouble.is_none());
}

#[test]
fn what_is_no_image_is_told_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("disk.img");
    let why = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        inspect(&path).unwrap_err().to_string()
    };
    assert!(why(b"tiny").ends_with("it has 4 bytes, too few for a partition table"));
    assert!(why(&[0; 64 * 1024]).ends_with("it has no GUID partition table"));
    let good = fs::read(image(directory.path(), 1 << 23)).unwrap();
    for at in [512 + 17, 512 + 40, 512 + 80, 512 + 84, 1024 + 40] {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        assert!(
            why(&bytes).contains("cannot read the disk image"),
            "byte {at}"
        );
    }
}

#[test]
fn the_command_line_shows_and_raises_versions() {
    let modules = Modules::new();
    let sandbox = crate::support::Sandbox::new();
    let file = modules.media().display().to_string();
    let status = sandbox.run(&["builder", "status", &file]).success();
    let shown = format!("image-builder-version=\"9\"  {file}:24:31");
    assert_eq!(status.lines().next(), Some(shown.as_str()));
    let bump = ["builder", "bump", &file, "installer-iso", "--no-record"];
    assert_eq!(
        sandbox.run(&bump).success(),
        "installer-iso-builder-version: \"4\" -> \"5\"\n"
    );
    assert_eq!(modules.values(), ["\"9\"", "\"7\"", "\"5\"", "\"5\""]);
    let missing = ["builder", "status", "/nonexistent/media.scm"];
    let message = sandbox.run(&missing).fails_with(1);
    assert!(
        message.contains("cannot read `/nonexistent/media.scm`"),
        "{message}"
    );
}
