//! What becomes of a job's processes, whatever happens to its leader, its clock or
//! its user.

use crate::openssh::{Sshd, output_of, wait};
use fruix_scm::ssh::Connection;
use fruix_scm::ssh::job::{End, Follow};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn start(connection: &Connection, directory: &Path, script: &str) -> String {
    wait(connection.start_job(directory.to_str().unwrap(), script)).unwrap()
}

fn following(directory: &Path, boot: Option<String>) -> Follow {
    crate::ssh::following(directory.to_str().unwrap(), boot)
}

/// How many processes of this machine are `sleep SECONDS`.
fn sleeping(seconds: &str) -> usize {
    let processes = output_of(Command::new("ps").args(["-ax", "-o", "stat=,args="]));
    processes
        .lines()
        .filter(|line| !line.starts_with('Z') && line.ends_with(&format!(" sleep {seconds}")))
        .count()
}

#[test]
fn ending_a_job_ends_every_process_of_its_session() {
    let Some(sshd) = Sshd::start("guest_jobs::ending_a_job") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let job = sshd.path("job");
    // One that shrugs off TERM, one in a process group of its own, one whose parent is
    // gone.
    start(
        &connection,
        &job,
        "trap '' TERM; sleep 7641 & set -m; sleep 7641 & (sleep 7641 &); sleep 7641; sleep 7641",
    );
    let began = Instant::now();
    while sleeping("7641") < 4 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}",
            sleeping("7641")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    wait(connection.end_job(job.to_str().unwrap())).unwrap();
    assert_eq!(sleeping("7641"), 0);
    // There is nothing more to end, and none is no error.
    wait(connection.end_job(job.to_str().unwrap())).unwrap();
    wait(connection.end_job("/no/such/job")).unwrap();
}

/// Starts sshd below a process that adopts orphans and waits for none of them, so that
/// those which have ended stay listed.
const WAITS_FOR_NOBODY: &str = "exec python3 -c '
import ctypes, subprocess, sys
control = ctypes.CDLL(None).prctl
control(36, 1, 0, 0, 0)
subprocess.call(sys.argv[1:], preexec_fn=lambda: control(1, 9, 0, 0, 0))' \"$@\"";

#[test]
fn a_job_is_gone_when_none_of_its_processes_is_left_and_not_before() {
    for line in ["exec \"$@\"", WAITS_FOR_NOBODY] {
        let Some(sshd) = Sshd::start_with("guest_jobs::a_job_is_gone", line) else {
            return;
        };
        let connection = sshd.connect("ed25519", "ed25519").unwrap();
        let job = sshd.path("job");
        let boot = start(
            &connection,
            &job,
            "kill -9 $PPID; sleep 3; echo still here; exit 0",
        );
        let began = Instant::now();
        let followed = wait(connection.follow_job(following(&job, Some(boot)))).unwrap();
        assert_eq!(followed.end, End::Gone);
        assert!(
            began.elapsed() > Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(followed.tail, b"still here\n");
        let other = sshd.path("other");
        start(&connection, &other, "kill -9 $PPID; sleep 7643; :");
        wait(connection.end_job(other.to_str().unwrap())).unwrap();
        assert_eq!(sleeping("7643"), 0);
    }
}

#[test]
fn files_of_a_job_have_the_modes_that_a_command_gives_them() {
    let Some(sshd) = Sshd::start("guest_jobs::files_of_a_job") else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let job = sshd.path("job");
    let script = "umask; mkdir d; : > f; ls -ld d f | cut -c 1-10";
    let boot = start(&connection, &job, script);
    let followed = wait(connection.follow_job(following(&job, Some(boot)))).unwrap();
    assert_eq!(followed.end, End::Finished(0));
    let said = String::from_utf8(followed.tail).unwrap();
    assert!(said.ends_with("022\ndrwxr-xr-x\n-rw-r--r--\n"), "{said}");
    let mode = output_of(Command::new("stat").args(["-c", "%a"]).arg(job.join("log")));
    assert_eq!(mode, "600");
}

/// An sshd in which /proc has no boot_id, and sysctl(8) answers as FreeBSD's does: from
/// the files `boottime` and `boot_id`.
const FREEBSD: &str = r#"mkdir bin
cat > bin/sysctl <<'END'
#!/bin/sh
cd DIRECTORY || exit 1
case "$*" in
'-n kern.boot_id') test -s boot_id && cat boot_id ;;
'-n kern.boottime') echo "{ sec = $(cat boottime), usec = 123 } Mon Nov 30 00:00:00 2026" ;;
*) exit 1 ;;
esac
END
sed -i "s,DIRECTORY,$PWD," bin/sysctl; chmod 755 bin/sysctl
echo 1764000000 > boottime
export PATH=$PATH:/sbin:/usr/sbin
exec unshare -m sh -c 'mount --make-rprivate / &&
mount -t tmpfs none /proc/sys/kernel/random &&
mount --bind bin/sysctl "$(readlink -f "$(command -v sysctl)")" && exec "$@"' sh "$@""#;

#[test]
fn a_clock_that_is_set_is_no_reboot_and_another_number_is_one() {
    if output_of(Command::new("sh").args(["-c", "PATH=$PATH:/sbin:/usr/sbin command -v sysctl"]))
        .is_empty()
        || output_of(Command::new("id").arg("-u")) != "0"
    {
        crate::support::skipped("a sysctl of our own cannot be put in place of this machine's");
        return;
    }
    let Some(sshd) = Sshd::start_with("guest_jobs::a_clock_that_is_set", FREEBSD) else {
        return;
    };
    let connection = sshd.connect("ed25519", "ed25519").unwrap();
    let job = sshd.path("job");
    let clock = sshd.path("boottime");
    let script = format!(
        "echo 1765000000 > {}; sleep 3; echo alive; exit 5",
        clock.display()
    );
    let boot = start(&connection, &job, &script);
    assert_eq!(boot, "1764000000");
    let followed = wait(connection.follow_job(following(&job, Some(boot)))).unwrap();
    assert_eq!(
        (followed.end, &*followed.tail),
        (End::Finished(5), &b"alive\n"[..])
    );

    // One that is still there is ended, whatever the clock says.
    let other = sshd.path("other");
    start(&connection, &other, "sleep 7642");
    fs::write(&clock, "1766000000\n").unwrap();
    wait(connection.end_job(other.to_str().unwrap())).unwrap();
    assert_eq!(sleeping("7642"), 0);

    // Where the kernel draws a number, that decides; the clock does not matter.
    fs::write(sshd.path("boot_id"), "one\n").unwrap();
    let third = sshd.path("third");
    let boot = start(&connection, &third, "sleep 7643");
    assert_eq!(boot, "id:one");
    fs::write(sshd.path("boot_id"), "two\n").unwrap();
    let followed = wait(connection.follow_job(following(&third, Some(boot)))).unwrap();
    assert_eq!(followed.end, End::Rebooted);
    wait(connection.end_job(third.to_str().unwrap())).unwrap();
    assert_eq!(sleeping("7643"), 0);
}
