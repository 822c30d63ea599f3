//! Builder versions in the fixtures' media.scm, and disk images.

use crate::support::{finish, fixtures, installed};
use fruix_scm::failure::{Failure, Key};
use fruix_scm::media::{
    BUILDERS, Check, Fit, Stale, bump, check, inspect, record, record_file, status,
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
        let versions = status(&self.media()).unwrap();
        versions.into_iter().map(|version| version.value).collect()
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_four_versions_are_found_where_they_stand() {
    let modules = Modules::new();
    let versions = status(&modules.media()).unwrap();
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
fn a_layout_that_changes_under_a_version_that_does_not_is_stale() {
    let modules = Modules::new();
    let file = record_file(&modules.media());
    let old = lines("bin -> a\nusr/include -> old\nsbin -> b");
    let new = lines("bin -> a\nsbin -> b\nusr/include -> new\nusr/share/mk -> c");
    let states = |layout: &[String]| {
        let versions = status(&modules.media()).unwrap();
        let checked = check(&versions, layout, &file).unwrap();
        checked
            .into_iter()
            .map(|(_, check)| check)
            .collect::<Vec<Check>>()
    };
    assert_eq!(states(&old), vec![Check::Unrecorded; 4]);
    record(&status(&modules.media()).unwrap(), &old, &file).unwrap();
    assert_eq!(states(&old), vec![Check::Current; 4]);
    let stale = Check::Stale(Stale {
        added: lines("usr/include -> new\nusr/share/mk -> c"),
        removed: lines("usr/include -> old"),
    });
    assert_eq!(states(&new), vec![stale.clone(); 4]);
    bump(&modules.media(), &["image-builder-version".to_owned()]).unwrap();
    let raised = Check::Raised {
        from: "\"9\"".to_owned(),
    };
    assert_eq!(states(&new), [raised, stale.clone(), stale.clone(), stale]);
    record(&status(&modules.media()).unwrap(), &new, &file).unwrap();
    assert_eq!(states(&new), vec![Check::Current; 4]);
}

#[test]
fn a_damaged_record_is_a_failure_with_its_path() {
    let modules = Modules::new();
    let file = record_file(&modules.media());
    fs::write(&file, "((image-builder-version . 7)").unwrap();
    let failure = Failure::from(check(&[], &[], &file).unwrap_err());
    assert_eq!(failure.key(), Key::Media);
    assert!(failure.message().contains(&file.display().to_string()));
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
