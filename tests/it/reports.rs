//! Reports of runs, read by what others have written for their formats.

use crate::support::{Sandbox, finish, hold_no_secret, installed, python_packages, skipped};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A harness in which everything happens that a report can tell, with names that want to
/// be more than names.
const HOSTILE: &str = r##"(use-modules (fruix harness))
(harness "<script src=http://leak.example/x></script> & \"it\""
  #:record (release sha_kernel)
  (step "outer </title><img src=http://leak.example/y onerror=alert(1)>"
    (step "good"
      (check "it is so # TODO" #t)
      (check-equal "sum" (+ 1 2) 3)
      (claim (string=? "a" "a")))
    (step "left out" #:skip "no disk\nok 99 - forged" (fail "no"))
    (step "known" #:fails "issue 12" (claim (= 1 2))))
  (record! 'release "14.2 <x>")
  (record! 'sha_kernel
           "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  (step "\x1b[2J\u202e bad"
    (collect-checks
      (check-equal "numbers" 1 2)
      (check "]]> <!-- " #f)
      (check "it goes on" #t))))
"##;

const GOOD: &str = r#"(use-modules (fruix harness))
(harness "good"
  (step "look" (check "it is so" #t))
  (step "try" (catch 'check-failed (lambda () (step "inner" (claim (= 1 2)))) (const #f)))
  (step "do"))
"#;

const FORMATS: [(&str, &str); 4] = [
    ("--junit", "junit.xml"),
    ("--tap", "run.tap"),
    ("--html", "report.html"),
    ("--events", "events.jsonl"),
];

/// The options that report to files whose names begin with BEGINNING.
fn options(beginning: &str) -> Vec<String> {
    FORMATS
        .iter()
        .flat_map(|(option, file)| [(*option).to_owned(), format!("{beginning}{file}")])
        .collect()
}

/// A run of TEXT, with its reports; gives a function that reads one of them.
fn reported(text: &str, status: i32) -> (Sandbox, impl Fn(&str) -> String) {
    let sandbox = Sandbox::new();
    sandbox.write("it.scm", text);
    let mut words = options("");
    words.push("it.scm".to_owned());
    let outcome = sandbox.run(&words);
    assert_eq!(outcome.status, Some(status), "{}", outcome.stderr);
    let work = sandbox.work();
    let read = move |name: &str| fs::read_to_string(work.join(name)).unwrap();
    (sandbox, read)
}

/// What COMMAND prints; it has to end well.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[test]
fn a_report_made_afterwards_is_the_one_that_was_made_at_the_end() {
    for (text, status) in [(HOSTILE, 1), (GOOD, 0)] {
        let (sandbox, read) = reported(text, status);
        let mut words = vec!["runs".to_owned(), "report".to_owned()];
        words.extend(options("later-"));
        let _ = sandbox.run(&words).success();
        for (_, file) in FORMATS {
            assert_eq!(read(file), read(&format!("later-{file}")), "{file}");
        }
    }
}

#[test]
fn a_suite_is_green_if_and_only_if_its_run_has_passed() {
    let (_sandbox, read) = reported(GOOD, 0);
    let junit = read("junit.xml");
    assert!(
        junit.contains("failures=\"0\" errors=\"0\" skipped=\"1\""),
        "{junit}"
    );
    for (text, status, expected) in [
        (
            "(step \"a\" (check \"no\" #f))",
            1,
            "failures=\"1\" errors=\"0\"",
        ),
        (
            "(fail \"outside of steps\")",
            1,
            "failures=\"1\" errors=\"0\"",
        ),
        (
            "(step \"a\" (step \"b\" (car 1)))",
            4,
            "failures=\"0\" errors=\"1\"",
        ),
        (
            "(step \"a\" 1) (throw 'xapi-error #f \"~A\" '(\"x\") '())",
            3,
            "failures=\"0\" errors=\"1\"",
        ),
    ] {
        let text = format!("(use-modules (fruix harness))\n(harness \"it\" {text})");
        let (_sandbox, read) = reported(&text, status);
        let junit = read("junit.xml");
        assert!(junit.contains(expected), "{text}\n{junit}");
        assert!(read("run.tap").contains("\nnot ok "), "{text}");
    }
}

#[test]
fn a_killed_run_leaves_its_events_and_is_reported_as_lost() {
    let sandbox = Sandbox::new();
    sandbox.write("old.xml", "the report of an earlier run");
    sandbox.write(
        "it.scm",
        "(use-modules (fruix harness))
         (harness \"it\" (step \"a\" 1) (step \"b\" (kill (getpid) SIGKILL)))",
    );
    let killed = sandbox.run(&["--junit", "old.xml", "--events", "events.jsonl", "it.scm"]);
    assert_eq!(killed.status, None);
    assert!(!sandbox.work().join("old.xml").exists());
    let events = fs::read_to_string(sandbox.work().join("events.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["what"], "step-began");
    assert_eq!(last["step"], serde_json::json!(["b"]));
    let _ = sandbox
        .run(&["runs", "report", "--junit", "new.xml", "--html", "new.html"])
        .success();
    let junit = fs::read_to_string(sandbox.work().join("new.xml")).unwrap();
    assert!(junit.contains("name=\"verdict\" value=\"lost\""), "{junit}");
    assert!(junit.contains("failures=\"0\" errors=\"1\""), "{junit}");
    let html = fs::read_to_string(sandbox.work().join("new.html")).unwrap();
    assert!(html.contains(">LOST</span>"), "{html}");
}

#[test]
fn a_report_that_cannot_be_written_is_refused_or_no_success() {
    let sandbox = Sandbox::new();
    sandbox.write("good.scm", GOOD);
    let refused = sandbox
        .run(&["--html", "nowhere/x.html", "good.scm"])
        .fails_with(3);
    assert!(
        refused.contains("cannot write the report to `"),
        "{refused}"
    );
    let refused = sandbox.run(&["--html", "x.html"]).fails_with(2);
    assert!(refused.contains("at a prompt"), "{refused}");
    let _ = sandbox.run(&["good.scm"]).success();
    let refused = sandbox.run(&["runs", "report"]).fails_with(2);
    assert!(refused.contains("no file is named"), "{refused}");
    if cfg!(target_os = "linux") {
        let outcome = sandbox.run(&["--tap", "/dev/full", "good.scm"]);
        assert_eq!(outcome.status, Some(3), "{}", outcome.stderr);
        assert!(
            outcome.stdout.ends_with("PASS good\n"),
            "{}",
            outcome.stdout
        );
    }
    // What is no harness has nothing to be reported, and whoever looks finds that.
    sandbox.write("plain.scm", "(display 1)");
    let _ = sandbox.run(&["--junit", "none.xml", "plain.scm"]).success();
    let none = fs::read_to_string(sandbox.work().join("none.xml")).unwrap();
    assert!(none.contains("tests=\"0\""), "{none}");
}

#[test]
fn a_run_that_is_gone_on_with_is_reported_from_its_beginning() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "it.scm",
        "(use-modules (fruix harness))
         (harness \"it\"
           (step \"first\" (check \"good\" #t) 1)
           (step \"second\" (check \"it is there\" (file-exists? \"there\"))))",
    );
    let _ = sandbox.run(&["it.scm"]).fails_with(1);
    sandbox.write("there", "");
    let mut words = vec!["runs".to_owned(), "resume".to_owned()];
    words.extend(options(""));
    let _ = sandbox.run(&words).success();
    let mut words = vec!["runs".to_owned(), "report".to_owned()];
    words.extend(options("later-"));
    let _ = sandbox.run(&words).success();
    let read = |name: &str| fs::read_to_string(sandbox.work().join(name)).unwrap();
    for (_, file) in FORMATS {
        assert_eq!(read(file), read(&format!("later-{file}")), "{file}");
    }
    assert!(read("events.jsonl").starts_with("{\"schema\":1,"));
    assert_eq!(
        read("events.jsonl").matches("\"what\":\"began\"").count(),
        1
    );
    assert!(read("junit.xml").contains("tests=\"4\" failures=\"0\" errors=\"0\""));
}

#[test]
fn two_harnesses_of_a_program_are_two_suites_of_one_report() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "two.scm",
        "(use-modules (fruix harness))
         (harness \"one\" (step \"a\" (check \"x\" #t)))
         (harness \"two\" (step \"b\" (check \"y\" #t)))",
    );
    let mut words = options("");
    words.push("two.scm".to_owned());
    let _ = sandbox.run(&words).success();
    let read = |name: &str| fs::read_to_string(sandbox.work().join(name)).unwrap();
    assert_eq!(read("junit.xml").matches("<testsuite ").count(), 2);
    assert!(read("run.tap").contains("\n1..4\n"));
    assert_eq!(read("report.html").matches("<article>").count(), 2);
    assert_eq!(
        read("events.jsonl").matches("\"what\":\"began\"").count(),
        2
    );
}

#[test]
fn junitparser_reads_what_is_written_for_junit() {
    let Some(place) = python_packages(&["junitparser==5.0.3"]) else {
        return;
    };
    let (sandbox, _read) = reported(HOSTILE, 1);
    let script = "
import sys
from junitparser import JUnitXml, Failure, Skipped
xml = JUnitXml.fromfile(sys.argv[1])
suite = next(iter(xml))
print(suite.name)
print(suite.tests, suite.failures, suite.errors, suite.skipped)
properties = {p.name: p.value for p in suite.properties()}
print(properties['verdict'], properties['record.release'])
for case in suite:
    results = [type(r).__name__ + ':' + (r.message or '') for r in case.result]
    print(case.classname, '|', case.name, '|', results)
";
    let told = printed(
        Command::new("python3")
            .args(["-c", script])
            .arg(sandbox.work().join("junit.xml"))
            .env("PYTHONPATH", place),
    );
    for expected in [
        "<script src=http://leak.example/x></script> & \"it\"\n9 2 0 2\nfail 14.2 <x>\n",
        "/ good | it is so # TODO | []",
        "['Skipped:no disk\\\\x0aok 99 - forged']",
        "['Failure:numbers: expected 2, found 1']",
        "\\x1b[2J\\u{202e} bad | ]]> <!--  | ['Failure:",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[test]
fn perls_prove_counts_what_is_written_as_tap() {
    let Some(prove) = installed("prove") else {
        return;
    };
    let (sandbox, read) = reported(HOSTILE, 1);
    // Those of before 2023 know of no version behind 13, of which the stream is one too.
    let text = read("run.tap");
    let older = text.replacen("TAP version 14\n", "TAP version 13\n", 1);
    assert_ne!(older, text);
    sandbox.write("run.tap", &older);
    let output = Command::new(prove)
        .args(["--verbose", "run.tap"])
        .current_dir(sandbox.work())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(!told.contains("Parse errors"), "{told}");
    assert!(told.contains("Tests: 9 Failed: 2"), "{told}");
    assert!(told.contains("Failed tests:  7-8"), "{told}");
    assert!(!output.status.success());
}

#[test]
fn a_validator_of_html_has_nothing_to_say_about_a_page() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("html-validate-9");
    if !place.exists() {
        let fresh = place.with_extension(std::process::id().to_string());
        let installed = Command::new("npm")
            .args(["install", "--silent", "--no-fund", "--prefix"])
            .arg(&fresh)
            .arg("html-validate@9")
            .output();
        match installed {
            Ok(output) if output.status.success() => drop(fs::rename(&fresh, &place)),
            other => return skipped(&format!("html-validate cannot be installed: {other:?}")),
        }
    }
    let (sandbox, _read) = reported(HOSTILE, 1);
    sandbox.write(
        ".htmlvalidate.json",
        r#"{"root": true, "extends": ["html-validate:standard", "html-validate:a11y"]}"#,
    );
    let told = Command::new(place.join("node_modules/.bin/html-validate"))
        .arg("report.html")
        .current_dir(sandbox.work())
        .output()
        .unwrap();
    assert!(
        told.status.success(),
        "{}{}",
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr)
    );
}

/// Chromium without a screen, that fetches what it wants through a proxy of ours.
fn chromium(program: &Path, profile: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--proxy-bypass-list=<-loopback>",
        ])
        .arg(format!("--proxy-server=127.0.0.1:{port}"))
        .arg(format!("--user-data-dir={}", profile.display()));
    command
}

#[test]
fn a_browser_shows_a_page_and_fetches_nothing_for_it() {
    let Some(program) = installed("chromium") else {
        return;
    };
    let (sandbox, _read) = reported(HOSTILE, 1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(String::new()));
    std::thread::spawn({
        let asked = Arc::clone(&asked);
        move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut bytes = [0; 4096];
                let mut stream = stream;
                let count = stream.read(&mut bytes).unwrap_or(0);
                asked
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        }
    });
    let page = format!("file://{}", sandbox.work().join("report.html").display());
    let profile = |name: &str| sandbox.temporary().join(name);
    let tree = printed(
        chromium(&program, &profile("tree"), port)
            .arg("--dump-dom")
            .arg(&page),
    );
    for expected in [
        "<h1><span class=\"verdict bad\">FAIL</span> &lt;script src=http://leak.example/x&gt;",
        "<p class=\"notice\">This run has asked for no machine.</p>",
        "<dt>expected</dt><dd class=\"value\">2</dd>",
        "<dt>actual</dt><dd class=\"value\">1</dd>",
        "<td class=\"value\">14.2 &lt;x&gt;</td>",
    ] {
        assert!(tree.contains(expected), "{expected}\n{tree}");
    }
    // The browser has made no more of it than what was written.
    for element in ["<script", "<img", "<iframe"] {
        assert!(!tree.contains(element), "{element}\n{tree}");
    }
    // Pictures for whoever wants to look: a desk, and a phone at night.
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, more) in [
        ("report-desk.png", &["--window-size=1200,1400"][..]),
        (
            "report-phone.png",
            &[
                "--window-size=500,1800",
                "--blink-settings=preferredColorScheme=0",
            ],
        ),
    ] {
        let shot = shots.join(name);
        let _ = fs::remove_file(&shot);
        let _ = printed(
            chromium(&program, &profile(name), port)
                .args(more)
                .arg(format!("--screenshot={}", shot.display()))
                .arg(&page),
        );
        assert!(fs::metadata(&shot).unwrap().len() > 10_000, "{name}");
    }
    let asked = asked.lock().unwrap();
    assert!(!asked.contains("leak.example"), "{asked}");
}

#[test]
fn a_simulated_build_that_fails_is_reported_with_its_first_cause_and_no_secret() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "build.scm",
        r#"(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine))
(harness "build"
  (let ((guest (boot-approved-machine)))
    (step "build the world"
      (guest-run-job guest "world"
        '("sh" "-c" "for i in 1 2 3 4 5 6 7 8 9; do echo \"cc -c $i.c\"; done
echo 'x.c:1:2: error: no <b>such</b> thing'; printf '\\033[2J\\377\\n'
echo '*** [x.o] Error code 1'; echo 'make: stopped in /usr/src'; exit 1")))))
"#,
    );
    let mut command = sandbox.command(&["--simulate"]);
    command.args(options("")).arg("build.scm");
    let _ = finish(command).fails_with(1);
    for (_, file) in FORMATS {
        let text = fs::read_to_string(sandbox.work().join(file)).unwrap();
        hold_no_secret(file, &text);
        let commands = |letter: char| letter != '\n' && letter.is_control();
        assert!(!text.contains(commands), "{file}");
        assert!(text.contains("simulated"), "{file}\n{text}");
    }
    let html = fs::read_to_string(sandbox.work().join("report.html")).unwrap();
    for expected in [
        "This run was simulated: it says nothing about a live machine.",
        "First cause: <strong class=\"bad\">x.c:1:2: error: no &lt;b&gt;such&lt;/b&gt; thing",
        "<mark>10: x.c:1:2: error: no &lt;b&gt;such&lt;/b&gt; thing</mark>",
        "11: \\x1b[2J\u{fffd}",
        "<img src=\"data:image/png;base64,",
        "<td class=\"value\">world.log.gz</td>",
        "<dt>Image</dt>",
    ] {
        assert!(html.contains(expected), "{expected}\n{html}");
    }
}

#[test]
fn secrets_in_every_place_are_in_no_report_journal_or_attestation() {
    // Where people put them although they do not belong there, and where they do.
    let sandbox = Sandbox::new();
    let secret = fruix_scm::sim::SECRET_MARK;
    sandbox.write("password", &format!("{secret}-password\n"));
    let Some(keygen) = installed("ssh-keygen") else {
        return;
    };
    let made = Command::new(keygen)
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(sandbox.work().join("key"))
        .status();
    assert!(made.unwrap().success());
    sandbox.write(
        "fruix-scm.scm",
        &format!(
            "((host . \"https://root:{secret}-url@127.0.0.1:1\") (user . \"root\")
             (password-file . \"password\") (certificate-sha256 . \"{}\")
             (approved (vms \"a\") (vdis \"b\")) (vm . \"a\") (vdi . \"b\") (image . \"password\")
             (guest (private-key . \"key\") (host-key . \"ssh-ed25519 AAAA\")))",
            ["AA"; 32].join(":")
        ),
    );
    sandbox.write(
        "boot.scm",
        "(use-modules (fruix harness) (fruix machine))
         (harness \"boot\" (step \"try\" (boot-approved-machine)))",
    );
    let mut command = sandbox.command(&options(""));
    command
        .arg("boot.scm")
        .env("FRUIX_PASSWORD", format!("{secret}-variable"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("`https://…@127.0.0.1:1` does not name a host: user and password"),
        "{told}"
    );
    hold_no_secret("stderr", &told);
    let mut files = 0;
    for entry in walkdir::WalkDir::new(sandbox.state()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let text = fs::read(entry.path()).unwrap();
            hold_no_secret("the state", &String::from_utf8_lossy(&text));
            files += 1;
        }
    }
    assert!(files > 1);
    for (_, file) in FORMATS {
        let text = fs::read_to_string(sandbox.work().join(file)).unwrap();
        assert!(text.contains("boot"), "{file}");
        hold_no_secret(file, &text);
    }
    // What was put there for this is not what a test has leaked.
    for name in ["password", "key", "fruix-scm.scm"] {
        fs::remove_file(sandbox.work().join(name)).unwrap();
    }
}

#[test]
fn the_documentation_names_each_kind_of_event() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(root.join("src/run/journal.rs")).unwrap();
    let page = fs::read_to_string(root.join("docs/reports.md")).unwrap();
    let entries = source.split_once("pub enum Entry {").unwrap().1;
    let entries = entries.split_once("#[serde(skip)]").unwrap().0;
    let mut names = 0;
    for line in entries.lines() {
        let Some(name) = line
            .strip_prefix("    ")
            .and_then(|line| line.strip_suffix(" {"))
        else {
            continue;
        };
        if !name.starts_with(char::is_uppercase) {
            continue;
        }
        // As serde writes it, with hyphens.
        let mut event = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !event.is_empty() {
                event.push('-');
            }
            event.extend(letter.to_lowercase());
        }
        assert!(page.contains(&format!("`{event}`")), "{event}");
        names += 1;
    }
    assert!(names > 20, "{names}");
}

/// The jobs that docs/ci.md shows: the schema that checks each, and its text.
fn jobs_of_the_documentation() -> Vec<(&'static str, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let text = fs::read_to_string(page).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let blocks: Vec<String> = blocks
        .map(|block| block.split_once("```").unwrap().0.to_owned())
        .collect();
    let schemas = [
        "vendor.github-workflows",
        "vendor.gitlab-ci",
        "vendor.buildkite",
    ];
    assert_eq!(blocks.len(), schemas.len());
    schemas.into_iter().zip(blocks).collect()
}

#[test]
fn the_jobs_of_the_documentation_are_valid_and_what_they_run_leaves_reports() {
    let Some(place) = python_packages(&["check-jsonschema==0.39.0"]) else {
        return;
    };
    // What each job runs, as the service would hand it to a shell.
    let script = "
import sys
from ruamel.yaml import YAML
job = YAML(typ='safe').load(open(sys.argv[1]))
if 'jobs' in job:
    commands = [s['run'] for s in job['jobs']['simulated']['steps'] if 'run' in s]
elif 'simulated' in job:
    commands = ['set -e\\n' + '\\n'.join(job['simulated']['script'])]
else:
    commands = [job['steps'][0]['command']]
print(next(c for c in commands if 'fruix-scm' in c))
";
    for (schema, text) in jobs_of_the_documentation() {
        let sandbox = Sandbox::new();
        let file = sandbox.write("job.yml", &text);
        let python = || {
            let mut command = Command::new("python3");
            command.env("PYTHONPATH", &place);
            command
        };
        let _ = printed(
            python()
                .args(["-m", "check_jsonschema", "--builtin-schema", schema])
                .arg(&file),
        );
        let commands = printed(python().args(["-c", script]).arg(&file));
        sandbox.write("job.sh", &commands);
        for (harness, status) in [
            (GOOD, 0),
            (
                "(use-modules (fruix harness)) (harness \"it\" (throw 'xapi-error #f \"no\" '() '()))",
                3,
            ),
        ] {
            // The harness of that name in this directory comes before the one that ships.
            sandbox.write("phase20.scm", harness);
            let path = std::env::var("PATH").unwrap();
            let binary = Path::new(env!("CARGO_BIN_EXE_fruix-scm")).parent().unwrap();
            let output = Command::new("sh")
                .args(["-e", "job.sh"])
                .current_dir(sandbox.work())
                .env("HOME", sandbox.work())
                .env("TMPDIR", sandbox.temporary())
                .env("CI", "true")
                .env("PATH", format!("{}:{path}", binary.display()))
                .output()
                .unwrap();
            assert_eq!(
                output.status.code(),
                Some(status),
                "{schema}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            for name in ["report.html", "junit.xml", "events.jsonl"] {
                let report = sandbox.work().join("reports").join(name);
                assert!(fs::metadata(&report).unwrap().len() > 0, "{schema}: {name}");
            }
        }
    }
}
