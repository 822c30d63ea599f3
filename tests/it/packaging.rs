//! What a package installs beside the binary: completion scripts, as shells use them, and
//! the manual page.

use crate::support::{Sandbox, installed};
use std::path::Path;
use std::process::{Command, Stdio};

/// What SHELL offers behind WORDS, the last of which is begun; nothing where it is not
/// installed.
fn offered(shell: &str, sandbox: &Sandbox, words: &[&str]) -> Option<Vec<String>> {
    let program = installed(shell)?;
    let script = sandbox.run(&["completions", shell]).success();
    let script = sandbox.write(&format!("completions.{shell}"), &script);
    let script = script.display();
    let asked = match shell {
        "fish" => format!(
            "source {script}; complete -C \"fruix-scm {}\"",
            words.join(" ")
        ),
        _ => format!(
            "source {script}; COMP_WORDS=(fruix-scm {}); COMP_CWORD={}; COMP_TYPE=9; \
             _clap_complete_fruix_scm fruix-scm '{}' before; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len(),
            words[words.len() - 1],
        ),
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_fruix-scm"));
    let path = std::env::var("PATH").unwrap();
    let output = Command::new(program)
        .arg("-c")
        .arg(asked)
        .current_dir(sandbox.work())
        .env(
            "PATH",
            format!("{}:{path}", binary.parent().unwrap().display()),
        )
        .env("HOME", sandbox.state().ancestors().nth(3).unwrap())
        .env_remove("XDG_STATE_HOME")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // Fish tells what each is behind a tab.
    let words = text
        .lines()
        .map(|line| line.split('\t').next().unwrap().trim());
    Some(
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

#[test]
fn shells_complete_verbs_options_harnesses_runs_settings_mishaps_and_names() {
    let sandbox = Sandbox::new();
    let run = "20260101T000000Z-0123";
    std::fs::create_dir_all(sandbox.state().join("runs").join(run)).unwrap();
    sandbox.write("mine.scm", "");
    for shell in ["bash", "fish"] {
        for (words, expected) in [
            (&["bui"][..], "builder"),
            (&["phase20-1"], "phase20-1.scm"),
            (&["min"], "mine.scm"),
            (&["hash", "--man"], "--manifest"),
            (&["runs", "show", "2026"], run),
            (&["runs", "resume", "2026"], run),
            (&["runs", "investigate", "2026"], run),
            (&["runs", "investigate", "--good", "2026"], run),
            (&["bisect", "phase20-1"], "phase20-1.scm"),
            (&["--simulate", "--mishap", "guest-h"], "guest-hangs"),
            (&["doc", "guest-run-j"], "guest-run-job"),
            (&["store", "--root", "DIR", "why"], "why-depends"),
        ] {
            let Some(offered) = offered(shell, &sandbox, words) else {
                break;
            };
            assert!(
                offered.iter().any(|word| word == expected),
                "{shell}: {words:?} {offered:?}"
            );
        }
    }
    // What a shell makes of `=' is its own affair; what it is told is ours.
    let mut command = sandbox.command(&["--", "fruix-scm", "--set", "guest/us"]);
    command
        .env("FRUIX_SCM_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("_CLAP_IFS", "\n");
    assert_eq!(crate::support::finish(command).success(), "guest/user=");
}

#[test]
fn every_shell_has_a_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = Sandbox::new().run(&["completions", shell]).success();
        assert!(script.contains("FRUIX_SCM_COMPLETE"), "{shell}: {script}");
    }
}

#[test]
fn the_manual_page_tells_of_every_verb_and_setting_and_of_statuses_and_files() {
    let page = Sandbox::new().run(&["man"]).success();
    for section in [
        "NAME",
        "SYNOPSIS",
        "OPTIONS",
        "VERBS",
        "\"EXIT STATUS\"",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
    ] {
        assert!(page.contains(&format!(".SH {section}\n")), "{section}");
    }
    for verb in [
        "simulate",
        "test",
        "rootfs plan",
        "runs resume",
        "runs investigate",
        "bisect",
        "doctor",
    ] {
        assert!(
            page.contains(&format!(".SS \"fruix\\-scm {verb}\"")),
            "{verb}"
        );
    }
    let settings = Sandbox::new().run(&["--show-settings"]).success();
    assert!(page.contains("FRUIX_GUEST_USER"), "{settings}");
    // No pages of other names are spoken of.
    assert!(!page.contains("fruix\\-scm\\-store(1)"));
    if let Some(man) = installed("man") {
        let sandbox = Sandbox::new();
        let file = sandbox.write("fruix-scm.1", &page);
        let output = Command::new(man)
            .args(["--warnings", "-l"])
            .arg(file)
            .env("MANPAGER", "cat")
            .env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success());
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert_eq!(warnings, "");
    }
}
