//! docs/exploring.md, run: what is typed there prints what stands there.
//!
//! With `FRUIX_SCM_REWRITE_DOCS` set the page is written anew from what is
//! printed, for a person to read before it is committed.

use crate::support::{Sandbox, finish};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exploring.md")
}

/// Where a line of input begins in a session.
const PROMPT: &str = "scheme@(guile-user)";

/// What a line of a session asks for, when it is one that was typed.
fn typed(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(PROMPT)?;
    rest.strip_prefix("> ")
        .or_else(|| rest.strip_prefix(" [1]> "))
}

/// All inputs in one session; what each printed, stdout and stderr together.
fn session(inputs: &[String]) -> Vec<String> {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command::<&str>(&[]);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped());
    // One stream, in the order of printing, as on a terminal.
    let merged = sandbox.work().join("merged");
    let file = fs::File::create(&merged).unwrap();
    command.stderr(file.try_clone().unwrap()).stdout(file);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (number, input) in inputs.iter().enumerate() {
        writeln!(stdin, "{input}\n(display \"<<{number}>>\\n\")").unwrap();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let mut rest = fs::read_to_string(merged).unwrap();
    let mut outputs = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        let mark = format!("<<{number}>>\n");
        let (output, after) = rest
            .split_once(&mark)
            .unwrap_or_else(|| panic!("no answer to {input}: {rest}"));
        outputs.push(output.to_owned());
        rest = after.to_owned();
    }
    outputs
}

fn console(line: &str) -> String {
    let sandbox = Sandbox::new();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[0], "fruix-scm");
    let mut command = sandbox.command(&words[1..]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    finish(command).success()
}

#[test]
fn the_walk_through_prints_what_it_says() {
    let text = fs::read_to_string(page()).unwrap();
    let mut inside = "";
    let mut inputs = Vec::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            inside = kind;
        } else if inside == "scheme-session"
            && let Some(input) = typed(line)
        {
            inputs.push(input.to_owned());
        }
    }
    assert!(inputs.len() > 10);
    let mut outputs = session(&inputs).into_iter();
    let mut rewritten = String::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            inside = kind;
        } else if inside == "scheme-session" && typed(line).is_none()
            || inside == "console" && !line.starts_with("$ ")
        {
            continue;
        }
        rewritten.push_str(line);
        rewritten.push('\n');
        if inside == "scheme-session" && typed(line).is_some() {
            rewritten.push_str(&outputs.next().unwrap());
        } else if let Some(command) = line.strip_prefix("$ ") {
            rewritten.push_str(&console(command));
        }
    }
    if std::env::var_os("FRUIX_SCM_REWRITE_DOCS").is_some() {
        fs::write(page(), &rewritten).unwrap();
    }
    assert_eq!(text, rewritten, "docs/exploring.md is not what is printed");
}
