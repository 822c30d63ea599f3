//! The simulated guest: it boots from the bytes of its disk, or says why not.

use crate::small_system::SmallSystem;

#[test]
fn a_system_boots_from_its_disk_and_runs_its_activation() {
    let system = SmallSystem::new();
    let guest = system.boot().unwrap();
    assert!(
        guest.console().iter().any(|line| line == "activation done"),
        "{:#?}",
        guest.console()
    );
    let messages = std::fs::read_to_string(system.root().join("var/run/dmesg.boot")).unwrap();
    assert!(messages.contains("activation done\n"), "{messages}");
}

#[test]
fn a_disk_keeps_what_guests_have_written_to_it_but_for_what_a_boot_empties() {
    let system = SmallSystem::with(|rootfs| {
        std::fs::write(rootfs.join("etc/fstab"), "tmpfs\t/tmp\ttmpfs\trw\t0\t0\n").unwrap();
    });
    drop(system.boot().unwrap());
    let written = [
        "etc/new",
        "var/tmp/new",
        "tmp/new",
        "var/run/new",
        "run/new",
    ];
    for file in written {
        std::fs::write(system.root().join(file), "").unwrap();
    }
    // What a guest may leave in the way of the next.
    std::os::unix::fs::symlink(system.directory.path(), system.root().join("tmp/out")).unwrap();
    drop(system.boot().unwrap());
    let kept: Vec<&str> = written
        .into_iter()
        .filter(|file| system.root().join(file).exists())
        .collect();
    assert_eq!(kept, ["etc/new", "var/tmp/new", "run/new"]);
    assert!(system.disk.image.exists());
}

#[test]
fn a_flipped_byte_of_the_system_keeps_the_guest_from_booting() {
    let system = SmallSystem::new();
    let mut bytes = std::fs::read(&system.disk.image).unwrap();
    let at = bytes
        .windows(16)
        .position(|window| window == b"echo activation ")
        .unwrap();
    bytes[at] ^= 1;
    std::fs::write(&system.disk.image, bytes).unwrap();
    let failure = system.boot().unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("volume `fruix-root` is damaged"),
        "{failure}"
    );
    assert!(!system.root().exists());
}

#[test]
fn a_system_without_its_closure_says_what_is_missing() {
    let system = SmallSystem::with(|rootfs| {
        std::fs::remove_dir_all(rootfs.join("frx/store")).unwrap();
    });
    let failure = system.boot().unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the guest did not boot: mountroot: no active system: `/run/current-system` is missing"
    );
}

#[test]
fn a_failing_activation_stops_the_boot_with_its_own_words() {
    let system = SmallSystem::with(|rootfs| {
        let activate = rootfs
            .join(&crate::small_system::CLOSURE[1..])
            .join("activate");
        std::fs::remove_file(&activate).unwrap();
        std::fs::write(activate, "echo cannot mount /var >&2; exit 3\n").unwrap();
    });
    let console = system.boot().unwrap_err().console;
    assert!(
        console.contains(&"cannot mount /var".to_owned())
            && console
                .last()
                .unwrap()
                .contains("activate failed: exit status: 3"),
        "{console:#?}"
    );
}

#[test]
fn an_unprivileged_user_gets_the_same_guest() {
    let test = "an_unprivileged_user_gets_the_same_guest";
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: {test}: these tests run without privilege already");
        return;
    }
    // A copy, because the directory of the build may be closed to others.
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let copy = directory.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let output = std::process::Command::new("su")
        .args(["nobody", "-s", "/bin/sh", "-c"])
        .arg(format!(
            "TMPDIR=/var/tmp exec {} --exact sim_guest::a_system_boots_from_its_disk_and_runs_its_activation \
             ssh::the_fixtures_build_their_base_over_ssh ssh::the_root_of_a_guest_is_its_own \
             escapes::no_attempt_to_leave_the_guest_succeeds",
            copy.display()
        ))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {test}: cannot run su: {error}");
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if text.contains("cannot make user, mount, process and network namespaces") {
        eprintln!("skipped: {test}: this machine allows no user namespaces to others");
        return;
    }
    assert!(
        output.status.success() && text.contains("4 passed"),
        "{text}"
    );
}
