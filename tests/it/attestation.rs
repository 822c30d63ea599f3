//! What is signed of a run, read by ssh-keygen and by in-toto's own library.

use crate::support::{Sandbox, hold_no_secret, installed, python_packages};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MAKER: &str = r#"(use-modules (fruix harness))
(harness "maker"
  #:record (source_store sha_kernel)
  (step "make it"
    (call-with-output-file (run-file "kernel") (lambda (port) (display "bytes" port)))
    (check "it is there" (file-exists? (run-file "kernel"))))
  (step "left out" #:skip "no disk" 1)
  (record! 'source_store "/frx/store/abc-source")
  (record! 'sha_kernel
           "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"))
"#;

/// A key of ssh-keygen's in SANDBOX, in the file NAME.
fn key(sandbox: &Sandbox, name: &str) -> Option<PathBuf> {
    let program = installed("ssh-keygen")?;
    let file = sandbox.work().join(name);
    let made = Command::new(program)
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(made.success());
    Some(file)
}

/// The folder of the one run in SANDBOX.
fn folder(sandbox: &Sandbox) -> PathBuf {
    let mut runs = fs::read_dir(sandbox.state().join("runs")).unwrap();
    runs.next().unwrap().unwrap().path()
}

/// What `ssh-keygen -Y verify` says of the statement at FILE, signed for NAMESPACE.
fn keygen_believes(sandbox: &Sandbox, file: &Path, namespace: &str) -> bool {
    let public = fs::read_to_string(sandbox.work().join("key.pub")).unwrap();
    let allowed = sandbox.write("allowed", &format!("me@example.org {public}"));
    let mut signature = file.as_os_str().to_owned();
    signature.push(".sig");
    Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-I",
            "me@example.org",
            "-n",
            namespace,
            "-f",
        ])
        .arg(allowed)
        .arg("-s")
        .arg(signature)
        .stdin(fs::File::open(file).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[test]
fn what_is_signed_is_believed_by_ssh_keygen_and_by_in_totos_library() {
    let sandbox = Sandbox::new();
    let Some(_key) = key(&sandbox, "key") else {
        return;
    };
    sandbox.write("maker.scm", MAKER);
    let _ = sandbox.run(&["maker.scm"]).success();
    let _ = sandbox
        .run(&["runs", "attest", "--key", "key", "--kind", "none"])
        .success();
    let attestations = folder(&sandbox).join("attestations");
    let files = ["test-result.json", "provenance.json"].map(|name| attestations.join(name));
    for file in &files {
        assert!(
            keygen_believes(&sandbox, file, "fruix-scm/run@v1"),
            "{file:?}"
        );
        assert!(!keygen_believes(&sandbox, file, "file"), "{file:?}");
        hold_no_secret("an attestation", &fs::read_to_string(file).unwrap());
    }
    let Some(place) = python_packages(&["in-toto-attestation==0.9.3"]) else {
        return;
    };
    let script = "
import json, sys
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
for name, kind in ((sys.argv[1], test_result_pb2.TestResult), (sys.argv[2], provenance_pb2.Provenance)):
    text = open(name).read()
    Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement())).validate()
    predicate = json_format.ParseDict(json.loads(text)['predicate'], kind())
    if kind is test_result_pb2.TestResult:
        print(predicate.result, list(predicate.passed_tests), list(predicate.warned_tests))
        print(sorted(c.name for c in predicate.configuration))
    else:
        print(predicate.build_definition.build_type, predicate.run_details.builder.id)
    print([s['name'] for s in json.loads(text)['subject']])
";
    let output = Command::new("python3")
        .args(["-c", script])
        .args(&files)
        .env("PYTHONPATH", place)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        told,
        "PASSED ['make it: it is there', 'make it'] ['left out: skipped']\n\
         ['fruix-scm', 'harness', 'journal head', 'source_store']\n\
         ['kernel', 'kernel']\n\
         urn:x-fruix-scm:run:1 urn:x-fruix-scm:builder:none\n\
         ['kernel', 'kernel']\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn verifying_finds_what_was_changed_since_it_was_signed() {
    let sandbox = Sandbox::new();
    let (Some(_key), Some(_other)) = (key(&sandbox, "key"), key(&sandbox, "other")) else {
        return;
    };
    sandbox.write("maker.scm", MAKER);
    let mut command = sandbox.command(&["maker.scm"]);
    command.env("METADATA_OUT", sandbox.work().join("record"));
    assert!(command.output().unwrap().status.success());
    let attest = ["runs", "attest", "--key", "key", "--kind", "none"];
    let _ = sandbox.run(&attest).success();
    let verify = |more: &[&str]| {
        let mut words = vec!["runs", "verify"];
        words.extend(more);
        let outcome = sandbox.run(&words);
        (outcome.status, outcome.stdout)
    };
    let folder = folder(&sandbox);
    let statement = folder.join("attestations/test-result.json");
    let elsewhere = sandbox.work().join("elsewhere.json");
    fs::copy(&statement, &elsewhere).unwrap();
    let (status, told) = verify(&["--signer", "key.pub", "--against", "elsewhere.json"]);
    assert_eq!(status, Some(0), "{told}");
    assert!(
        told.contains("attestations/test-result.json=whole, signed by SHA256:"),
        "{told}"
    );
    assert!(told.contains("head in elsewhere.json=same"), "{told}");
    // The record that the run has written itself is looked at without being named.
    assert!(told.contains("/record=same"), "{told}");
    let (status, told) = verify(&["--signer", "other.pub"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("it is signed by another key"), "{told}");

    let text = fs::read_to_string(&statement).unwrap();
    fs::write(&statement, text.replace("PASSED", "FAILED")).unwrap();
    let (status, told) = verify(&[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.contains("the signature does not hold: it is not of this text"),
        "{told}"
    );
    fs::write(&statement, &text).unwrap();
    fs::write(folder.join("kernel"), "other").unwrap();
    let (status, told) = verify(&[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("`kernel` has changed since"), "{told}");
    fs::write(folder.join("kernel"), "bytes").unwrap();
    assert_eq!(verify(&[]).0, Some(0));

    // A journal that was written anew holds together, and has another head.
    fs::remove_dir_all(&folder).unwrap();
    let _ = sandbox.run(&["maker.scm"]).success();
    let again = fs::read_dir(sandbox.state().join("runs")).unwrap();
    let again = again.last().unwrap().unwrap().path();
    fs::rename(&again, &folder).unwrap();
    fs::create_dir(folder.join("attestations")).unwrap();
    fs::write(folder.join("attestations/test-result.json"), &text).unwrap();
    let (status, told) = verify(&["--against", "elsewhere.json"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("head in elsewhere.json=other"), "{told}");
    let record = fs::read_to_string(sandbox.work().join("record")).unwrap();
    assert!(record.contains("run_id="), "{record}");
    let (status, told) = verify(&["--against", "record"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("head in record=other"), "{told}");
}

#[test]
fn a_simulated_run_is_never_signed_as_a_live_one() {
    let sandbox = Sandbox::new();
    let Some(_key) = key(&sandbox, "key") else {
        return;
    };
    sandbox.write(
        "boot.scm",
        "(use-modules (fruix harness) (fruix machine))
         (harness \"boot\" (boot-approved-machine))",
    );
    let _ = sandbox.run(&["--simulate", "boot.scm"]).success();
    for more in [&[][..], &["--kind", "none"]] {
        let mut words = vec!["runs", "attest", "--key", "key"];
        words.extend(more);
        let refused = sandbox.run(&words).fails_with(2);
        assert!(refused.contains("and was `simulated`"), "{refused}");
    }
    let attestations = folder(&sandbox).join("attestations");
    assert!(!attestations.exists());
    let _ = sandbox
        .run(&["runs", "attest", "--key", "key", "--kind", "simulated"])
        .success();
    let text = fs::read_to_string(attestations.join("test-result.json")).unwrap();
    let statement: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(statement["subject"][0]["name"], "image");
    assert_eq!(
        statement["subject"][0]["annotations"]["run_kind"],
        "simulated"
    );
    hold_no_secret("an attestation", &text);
}

#[test]
fn a_run_that_has_found_nothing_out_has_nothing_to_be_attested() {
    let sandbox = Sandbox::new();
    let Some(_key) = key(&sandbox, "key") else {
        return;
    };
    sandbox.write(
        "bad.scm",
        "(use-modules (fruix harness)) (harness \"bad\" (step \"a\" (car 1)))",
    );
    let _ = sandbox.run(&["bad.scm"]).fails_with(4);
    let attest = ["runs", "attest", "--key", "key", "--kind", "none"];
    let refused = sandbox.run(&attest).fails_with(2);
    assert!(refused.contains("its verdict is `error`"), "{refused}");
    let refused = sandbox
        .run(&["runs", "attest", "--key", "nowhere", "--kind", "none"])
        .fails_with(2);
    assert!(refused.contains("its verdict is `error`"), "{refused}");
}

#[test]
fn an_agent_signs_with_the_key_whose_public_half_is_named() {
    let sandbox = Sandbox::new();
    let (Some(_key), Some(agent)) = (key(&sandbox, "key"), installed("ssh-agent")) else {
        return;
    };
    let socket = sandbox.temporary().join("agent");
    let mut agent = Command::new(agent)
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(sandbox.work().join("key"))
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .unwrap();
    assert!(added.success());
    fs::remove_file(sandbox.work().join("key")).unwrap();
    sandbox.write("maker.scm", MAKER);
    let _ = sandbox.run(&["maker.scm"]).success();
    let mut command = sandbox.command(&["runs", "attest", "--key", "key.pub", "--kind", "none"]);
    let output = command.env("SSH_AUTH_SOCK", &socket).output().unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let file = folder(&sandbox).join("attestations/test-result.json");
    assert!(keygen_believes(&sandbox, &file, "fruix-scm/run@v1"));
}
