//! Work of hours as its user meets it: what is shown of it, how long it will take,
//! and the jobs of a guest from another process.

use crate::support::{Outcome, Sandbox, mode, settings_text};
use fruix_scm::sim::{Simulation, SimulationOptions};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A harness that does STEPS with the guest in `guest`.
fn harness(name: &str, steps: &str) -> String {
    format!(
        "(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine) (fruix ssh))
(harness {name:?}
  (let ((guest (boot-approved-machine)))
    {steps}))
"
    )
}

/// A build of three stages, of a thousand lines each, that ends with STATUS.
fn build(status: u8) -> String {
    format!(
        r#"(sh "for stage in 1 2 3; do
                  echo \">>> stage $stage.1: part\"
                  i=0; while test $i -lt 1000; do i=$((i + 1)); echo \"cc -c file$stage-$i.c\"; done
                done
                echo \"the end\"
                exit {status}")"#
    )
}

/// Run a harness of STEPS in a simulation, with OPTIONS before it.
fn simulated(sandbox: &Sandbox, steps: &str, options: &[&str]) -> Outcome {
    sandbox.write("work.scm", &harness("work", steps));
    let mut arguments = vec!["--simulate"];
    arguments.extend(options);
    arguments.push("work.scm");
    sandbox.run(&arguments)
}

/// The lines of TEXT that contain WHAT.
fn count(text: &str, what: &str) -> usize {
    text.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn without_a_terminal_a_log_says_stages_unless_more_or_less_is_asked_for() {
    let job = format!(r#"(guest-run-job guest "make" {} #:live "make")"#, build(0));
    for (options, lines, stages) in [
        (&[] as &[&str], 0, 3),
        (&["--live=stages"], 0, 3),
        (&["--live=all"], 3000, 3),
        (&["--live=none"], 0, 0),
    ] {
        let outcome = simulated(&Sandbox::new(), &job, options);
        let told = (
            count(&outcome.stderr, "cc -c file"),
            count(&outcome.stderr, ">>> stage"),
        );
        assert_eq!(told, (lines, stages), "{options:?}\n{}", outcome.stderr);
        outcome.success();
    }
    let outcome = Sandbox::new().run(&["--live=some", "-c", "0"]);
    let stderr = outcome.fails_with(2);
    for word in ["all", "stages", "none"] {
        assert!(stderr.contains(word), "{stderr}");
    }
}

#[test]
fn a_command_that_prints_more_than_a_few_lines_is_cut_short_aloud() {
    for (count_of_lines, shown, cut) in [(150, 150, 0), (5000, 200, 1)] {
        let command = format!(
            r#"(guest-run guest '("sh" "-c" "i=0; while test $i -lt {count_of_lines}; do i=$((i + 1)); echo part $i; done") #:live "parts")"#
        );
        let outcome = simulated(&Sandbox::new(), &command, &[]);
        let stderr = outcome.stderr.clone();
        outcome.success();
        assert_eq!(count(&stderr, "parts| part "), shown, "{stderr}");
        assert_eq!(count(&stderr, "--live=all"), cut, "{stderr}");
    }
}

#[test]
fn a_job_that_fails_shows_its_last_lines_and_where_its_log_is() {
    let job = format!(r#"(guest-run-job guest "make" {} #:live "make")"#, build(7));
    for options in [&[] as &[&str], &["--live=none"], &["--live=all"]] {
        let sandbox = Sandbox::new();
        let outcome = simulated(&sandbox, &job, options);
        assert!(
            outcome
                .stdout
                .contains("FAIL work: job `make` ended with status 7 in the guest; last: the end"),
            "{}",
            outcome.stdout
        );
        let stderr = outcome.fails_with(1);
        // What has been shown already is not shown again.
        for line in ["make| the end", "make| cc -c file3-1000.c"] {
            assert_eq!(count(&stderr, line), 1, "{options:?}: {line}\n{stderr}");
        }
        assert!(
            stderr.contains("/var/tmp/fruix-jobs/make/log in the guest"),
            "{stderr}"
        );
        let logs = files(&sandbox.state().join("runs"), "make.log.gz");
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert!(stderr.contains(&*logs[0].to_string_lossy()), "{stderr}");
        let log = fruix_scm::ssh::archive::read(&logs[0], 0, u64::MAX).unwrap();
        assert_eq!(String::from_utf8(log).unwrap().lines().count(), 3004);
    }
}

#[test]
fn two_jobs_of_a_name_have_a_log_each() {
    let sandbox = Sandbox::new();
    let job = |word: &str| format!(r#"(guest-run-job guest "part" '("echo" {word:?}))"#);
    simulated(&sandbox, &(job("one") + &job("two")), &[]).success();
    let runs = sandbox.state().join("runs");
    for (name, text) in [("part.log.gz", "one\n"), ("part.2.log.gz", "two\n")] {
        let log = fruix_scm::ssh::archive::read(&files(&runs, name)[0], 0, u64::MAX).unwrap();
        assert_eq!(String::from_utf8(log).unwrap(), text);
    }
}

/// The files called NAME below DIRECTORY.
fn files(directory: &std::path::Path, name: &str) -> Vec<PathBuf> {
    walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name() == name)
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// The files of estimates in SANDBOX, as their paths say what they are of.
fn estimates(sandbox: &Sandbox) -> Vec<String> {
    let directory = sandbox.state().join("estimates");
    let mut found: Vec<String> = walkdir::WalkDir::new(&directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            assert_eq!(mode(entry.path()), 0o600);
            assert_eq!(mode(entry.path().parent().unwrap()), 0o700);
            let path = entry.path().strip_prefix(&directory).unwrap();
            path.to_string_lossy().into_owned()
        })
        .collect();
    found.sort();
    found
}

#[test]
fn estimates_are_kept_by_kind_host_harness_job_and_number_of_jobs() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    let steps = r#"(guest-run-job guest "one" '("make" "-j" "3" "-v"))
                   (guest-run-job guest "one" (sh "make -j4 -v"))
                   (guest-run-job guest "one" '("echo" "-j"))"#;
    for name in ["first", "second"] {
        sandbox.write("work.scm", &harness(name, steps));
        sandbox.run(&["work.scm"]).success();
    }
    sandbox.run(&["--simulate", "work.scm"]).success();
    let host = simulation.settings().host.replace(':', "%3A");
    let host = host.replace('/', "%2F");
    let mut expected = Vec::new();
    for place in [
        format!("live/{host}/first"),
        format!("live/{host}/second"),
        "simulated/%/second".to_owned(),
    ] {
        expected.extend(["3", "4", "any"].map(|jobs| format!("{place}/one/{jobs}")));
    }
    assert_eq!(estimates(&sandbox), expected);
    // The prompt keeps its lines beside them.
    let mut prompt = sandbox.command::<&str>(&[]);
    prompt.stdin(std::fs::File::open(sandbox.write("lines", "(+ 1 2)\n")).unwrap());
    crate::support::finish(prompt).success();
    assert!(sandbox.state().join("prompt-history").is_file());
}

/// A guest in which the job `long` runs, from a harness that waits.
struct Site {
    // The harness ends before its host.
    harness: Child,
    simulation: Simulation,
    sandbox: Sandbox,
}

impl Site {
    fn new() -> Site {
        let simulation = Simulation::start(SimulationOptions::default()).unwrap();
        let sandbox = Sandbox::new();
        sandbox.write("fruix-scm.scm", &settings_text(&simulation));
        let steps = r#"(job-start guest "long"
                         (sh "echo '>>> stage 1.1: part'
                              until test -e /var/tmp/go; do sleep 0.1; done
                              echo \"the end\"; exit 3"))
                       (guest-run-job guest "short" '("printf" "a\\033[2Jb\n"))
                       (guest-run guest '("touch" "/var/tmp/ready"))
                       (display "ready\n") (force-output)
                       (sleep 100)"#;
        sandbox.write("work.scm", &harness("work", steps));
        let harness = sandbox
            .command(&["work.scm"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut site = Site {
            harness,
            simulation,
            sandbox,
        };
        let mut line = String::new();
        let stdout = site.harness.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        assert_eq!(line, "ready\n");
        site
    }

    fn jobs(&self, arguments: &[&str]) -> Outcome {
        let mut all = vec!["jobs"];
        all.extend(arguments);
        self.sandbox.run(&all)
    }

    /// Let the job `long` end.
    fn go(&self) {
        let program = r#"(begin (use-modules (fruix guest) (fruix guest settings))
                           (guest-run (connect-to-guest-of-settings) '("touch" "/var/tmp/go")))"#;
        self.sandbox.run(&["-c", program]).success();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.harness.kill();
        let _ = self.harness.wait();
    }
}

#[test]
fn the_jobs_of_a_guest_are_listed_followed_and_ended_from_another_process() {
    let site = Site::new();
    let listed = site.jobs(&[]).success();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].starts_with("long  running  began=20"), "{listed}");
    assert!(lines[0].ends_with("  >>> stage 1.1: part"), "{listed}");
    assert!(
        lines[1].starts_with("short  finished  status=0  "),
        "{listed}"
    );
    assert!(lines[1].ends_with("a\\x1b[2Jb"), "{listed}");

    let json = site.jobs(&["--json"]).success();
    let jobs: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(jobs[0]["name"], "long");
    assert_eq!(jobs[0]["state"], "running");
    assert_eq!(jobs[0]["status"], serde_json::Value::Null);
    assert_eq!(jobs[0]["log"], "/var/tmp/fruix-jobs/long/log");
    assert_eq!(jobs[1]["status"], 0);

    // The guest can be named, and is proven all the same.
    let port = site.simulation.settings().guest_port;
    let address = format!("127.0.0.1:{port}");
    let there = site.jobs(&["list", "--guest", &address]).success();
    assert_eq!(there.lines().count(), 2, "{there}");
    let stranger = "guest/host-key=ssh-ed25519 \
                    AAAAC3NzaC1lZDI1NTE5AAAAIKrBQOiQjmJ3qxqnsGu1cjfTcvVhzU4MSyhUIEUeWCqz";
    let refused = site.jobs(&["--guest", &address, "--set", stranger]);
    assert_eq!(refused.stdout, "");
    let stderr = refused.fails_with(3);
    assert!(stderr.contains("key"), "{stderr}");
    assert!(!stderr.contains(".scm:"), "a place of ours: {stderr}");

    site.go();
    let copy = site.sandbox.work().join("copy");
    let followed = site.jobs(&["follow", "long", "--copy", "copy"]);
    assert!(
        followed.stderr.contains("long| >>> stage 1.1: part"),
        "{}",
        followed.stderr
    );
    assert_eq!(
        followed.status,
        Some(1),
        "a job that failed is a check that failed"
    );
    assert_eq!(
        followed.stdout.lines().collect::<Vec<_>>()[..3],
        ["job=long", "end=finished", "status=3"]
    );
    assert_eq!(
        std::fs::read_to_string(copy).unwrap(),
        ">>> stage 1.1: part\nthe end\n"
    );
    let json = site.jobs(&["follow", "--json", "short"]).success();
    let result: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&result["end"], &result["status"]),
        (&"finished".into(), &0.into())
    );
    assert_eq!(
        site.simulation.host().count("session"),
        1,
        "only the harness's"
    );
}

#[test]
fn a_job_that_is_ended_leaves_nothing_when_it_is_to_be_forgotten() {
    let site = Site::new();
    let found = site.jobs(&["end", "long"]).success();
    assert!(found.starts_with("long  running  "), "{found}");
    let listed = site.jobs(&[]).success();
    assert!(listed.starts_with("long  gone  "), "{listed}");
    site.jobs(&["end", "long", "--forget"]).success();
    assert!(!site.jobs(&[]).success().contains("long"));
    for action in ["follow", "end"] {
        let stderr = site.jobs(&[action, "long"]).fails_with(2);
        assert!(stderr.contains("no job called `long`"), "{stderr}");
    }
}

#[test]
fn where_no_guest_runs_there_are_no_jobs_and_it_is_said_why() {
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    let sandbox = Sandbox::new();
    let stderr = sandbox.run(&["jobs"]).fails_with(3);
    assert!(stderr.contains("guest/private-key"), "{stderr}");
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    let began = Instant::now();
    let stderr = sandbox.run(&["jobs"]).fails_with(3);
    assert!(stderr.contains("is halted"), "{stderr}");
    assert!(stderr.contains("--guest"), "{stderr}");
    assert!(began.elapsed() < Duration::from_secs(20), "it has waited");
    assert_eq!(simulation.host().count("session"), 0, "a session is left");
    let stderr = sandbox.run(&["jobs", "--simulate"]).fails_with(2);
    assert!(stderr.contains("--simulate"), "{stderr}");
    let stderr = sandbox.run(&["jobs", "--guest", "a:b"]).fails_with(2);
    assert!(stderr.contains("`a:b`"), "{stderr}");
}

#[test]
fn a_job_whose_start_was_cut_off_is_listed_and_can_be_started() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "torn.scm",
        r#"(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine))
(harness "torn"
  (let ((guest (boot-approved-machine)))
    ;; Files were made, and nothing was written into them.
    (guest-run-script guest
                      "umask 077; mkdir -p \"$1\" && cd \"$1\" && : > began && : > boot && : > pid &&
                       : > status && echo : > script"
                      '("/var/tmp/fruix-jobs/torn"))
    (step "it is listed"
      (claim (equal? (map (lambda (job) (assq-ref job 'name)) (job-list guest)) '("torn"))))
    (step "it can be started"
      (guest-run-job guest "torn" '("true")))))"#,
    );
    let outcome = sandbox.run(&["--simulate", "torn.scm"]);
    let stderr = outcome.stderr.clone();
    assert!(outcome.success().ends_with("PASS torn\n"), "{stderr}");
}
