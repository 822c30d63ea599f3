//! The clock of a simulated world: what leaps, what does not, and what it leaves.

use crate::support::{Outcome, Sandbox, finish};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Far less than any wait below, and far more than any of them takes.
const SECONDS: Duration = Duration::from_secs(100);

/// What a harness prints whose body, with `guest` bound, is BODY.
fn run(arguments: &[&str], body: &str) -> Outcome {
    let sandbox = Sandbox::new();
    sandbox.write(
        "clock.scm",
        &format!(
            r#"(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine) (fruix ssh)
              (fruix wait) (fruix xapi) (ice-9 match))
(define (seconds-of thunk)
  (let ((start (get-internal-real-time)))
    (thunk)
    (exact->inexact (/ (- (get-internal-real-time) start) internal-time-units-per-second))))
(define (say what) (write what) (newline))
(harness "clock"
  (let ((guest (boot-approved-machine)))
    {body}))"#
        ),
    );
    let mut all = vec!["--simulate"];
    all.extend(arguments);
    all.push("clock.scm");
    finish(sandbox.command(&all))
}

fn lines(outcome: Outcome) -> Vec<String> {
    let stdout = outcome.success();
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn two_hours_pass_in_seconds_for_whoever_waits_for_a_job_of_the_guest() {
    let began = Instant::now();
    let said = lines(run(
        &[],
        r#"(let* ((before (guest-output guest '("date" "+%s")))
                  (took (seconds-of
                         (lambda ()
                           (job-start guest "late" (sh "sleep 7200; echo made > /var/tmp/made"))
                           (wait-for-file "/var/tmp/made" guest #:timeout 10000))))
                  (after (guest-output guest '("date" "+%s"))))
             (say (<= 7200 took 7300))
             (say (<= 7199 (- (string->number after) (string->number before)) 7310))
             (say (<= -10 (- (current-time) (string->number after)) 10)))"#,
    ));
    assert_eq!(said, ["#t", "#t", "#t", "run_kind=simulated", "PASS clock"]);
    assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
}

#[test]
fn a_job_is_followed_through_a_long_silence_and_a_command_sleeps_them_away() {
    let began = Instant::now();
    let said = lines(run(
        &[],
        r#"(let ((took (seconds-of
                        (lambda ()
                          (say (job-result-status
                                (guest-run-job guest "quiet" (sh "sleep 900; sleep 900; exit 0"))))))))
             (say (<= 1800 took 1830)))
           (say (<= 3600 (seconds-of (lambda () (guest-run guest '("sleep" "3600") #:timeout 4000))) 3610))
           (say (<= 3600 (seconds-of (lambda () (sleep 3600))) 3610))"#,
    ));
    assert_eq!(
        said,
        ["0", "#t", "#t", "#t", "run_kind=simulated", "PASS clock"]
    );
    assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
}

#[test]
fn no_time_is_leapt_over_while_the_guest_computes() {
    let said = lines(run(
        &[],
        // Some seconds of work; looking for its end once takes a hundredth of one.
        r#"(job-start guest "busy"
             (sh "i=0; while test $i -lt 2000000; do i=$((i + 1)); done; echo made > /var/tmp/made"))
           (wait-for-file "/var/tmp/made" guest #:timeout 60)
           (say 'made)"#,
    ));
    assert_eq!(said, ["made", "run_kind=simulated", "PASS clock"]);
}

#[test]
fn a_guest_that_computes_for_ever_meets_its_deadline_all_the_same() {
    let outcome = run(
        &[],
        r#"(job-start guest "endless" (sh "while :; do :; done"))
           (wait-for-file "/var/tmp/never" guest #:timeout 3)"#,
    );
    assert!(
        outcome
            .stdout
            .contains("FAIL clock: waited 3 s for `/var/tmp/never` in the guest"),
        "{}",
        outcome.stdout
    );
    outcome.fails_with(3);
}

#[test]
fn a_deadline_on_a_command_comes_before_what_would_have_ended_it_later() {
    let began = Instant::now();
    let outcome = run(&[], r#"(guest-run guest '("sleep" "100000") #:timeout 2)"#);
    assert!(
        outcome.stdout.contains("FAIL clock: "),
        "{}",
        outcome.stdout
    );
    outcome.fails_with(3);
    assert!(began.elapsed() > Duration::from_secs(2));
    assert!(began.elapsed() < SECONDS);
}

#[test]
fn alarms_of_the_guest_go_off_in_the_worlds_time() {
    let began = Instant::now();
    let said = lines(run(
        &[],
        r#"(define (status command)
             (seconds-of
              (lambda ()
                (say (ssh-result-status (ssh-run guest command #:timeout-seconds 20000))))))
           (say (<= 3600 (status '("timeout" "3600" "sleep" "7200")) 3620))
           (say (<= 1800 (status '("timeout" "3600" "sleep" "1800")) 1820))"#,
    ));
    assert_eq!(
        said,
        ["124", "#t", "0", "#t", "run_kind=simulated", "PASS clock"]
    );
    assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
}

#[test]
fn mishaps_come_at_their_moment_and_each_time_at_the_same_one() {
    // The host answers every 600 s until it is gone.
    let body = r#"(let* ((session (log-in-to-host))
                         (answers (lambda ()
                                    (catch #t
                                      (lambda () (xapi-call session "pool.get_all") #t)
                                      (lambda _ #f)))))
                    (let loop ((count 0))
                      (if (answers)
                          (begin (sleep 600) (loop (+ count 1)))
                          (say count))))"#;
    let began = Instant::now();
    let of = |outcome: Outcome| outcome.stdout.lines().next().unwrap_or_default().to_owned();
    let counts: Vec<String> = (0..2)
        .map(|_| of(run(&["--mishap", "host-dies=6000"], body)))
        .collect();
    assert_eq!(counts, ["10", "10"]);
    assert!(began.elapsed() < 2 * SECONDS, "{:?}", began.elapsed());
}

#[test]
fn a_served_world_goes_as_time_does_and_leaps_when_told() {
    let sandbox = Sandbox::new();
    let mut served = sandbox
        .command(&["simulate", "--control"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut control = served.stdin.take().unwrap();
    let mut said = BufReader::new(served.stdout.take().unwrap()).lines();
    let mut site = HashMap::new();
    for line in said.by_ref().map_while(Result::ok) {
        let (key, value) = line.split_once('=').unwrap();
        site.insert(key.to_owned(), value.to_owned());
        if key == "ready" {
            break;
        }
    }
    sandbox.write(
        "fruix-scm.scm",
        &format!(
            r#"((host . {:?}) (user . {:?}) (password-file . {:?}) (certificate-sha256 . {:?})
 (approved (vms {:?}) (vdis {:?})) (vm . {:?}) (vdi . {:?}) (image . {:?})
 (guest (user . "root") (port . {}) (private-key . {:?}) (host-key . {:?})))"#,
            site["url"],
            site["user"],
            site["password_file"],
            site["fingerprint"],
            site["vm"],
            site["vdi"],
            site["vm"],
            site["vdi"],
            site["image"],
            site["guest_port"],
            site["guest_private_key"],
            site["guest_host_key"],
        ),
    );
    sandbox.write(
        "client.scm",
        r#"(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine) (fruix ssh) (fruix wait))
(harness "client"
  (let ((guest (boot-approved-machine)))
    (job-start guest "late" (sh "sleep 36000; echo made > /var/tmp/made"))
    (sleep 1)
    (display (guest-exists? guest "/var/tmp/made"))
    (display (guest-output guest '("date" "+ %s\n")))
    (newline)
    (force-output)
    (wait-for-file "/var/tmp/made" guest #:timeout 60)
    (display (guest-output guest '("date" "+%s")))
    (newline)))"#,
    );
    let mut client = sandbox
        .command(&["client.scm"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut next = || heard.next().unwrap().unwrap();
    let before = next();
    let (made, before) = before.split_once(' ').unwrap();
    assert_eq!(made, "#f");
    writeln!(control, "advance 36000\nmishap nonsense\nadvance soon").unwrap();
    let mut answer = || said.next().unwrap().unwrap();
    assert_eq!(answer(), "advanced=36000");
    assert!(answer().starts_with("error=no mishap is called `nonsense`"));
    assert!(answer().starts_with("error=cannot advance by `soon`"));
    let after = next();
    assert_eq!(next(), "PASS client");
    let number = |text: &str| text.trim().parse::<i64>().unwrap();
    let passed = number(&after) - number(before);
    // The job had begun when the first date was asked for.
    assert!((35_990..36_120).contains(&passed), "{passed}");
    assert!(client.wait().unwrap().success());
    // SAFETY: a plain system call; the child has not been waited for.
    unsafe { libc::kill(served.id() as libc::pid_t, libc::SIGINT) };
    assert!(served.wait().unwrap().success());
}
