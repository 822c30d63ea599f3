//! `fruix-scm lsp`: a session led by a client of others, what an editor may do wrong, and
//! two measures: nothing is found wrong with texts that are right, and texts are laid out
//! as Emacs lays them out.

use crate::support::{Sandbox, installed, python_packages, skipped};
use fruix_scm::lsp::indentation::{Style, indented};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use walkdir::WalkDir;

/// A client of the language server protocol.
const PYGLS: &str = "pygls==2.1.1";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Scheme files below FOLDER of the checkout, sorted.
fn scheme_files(folder: &str) -> Vec<PathBuf> {
    let walk = WalkDir::new(root().join(folder)).sort_by_file_name();
    let paths = walk.into_iter().map(|entry| entry.unwrap().into_path());
    let files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "scm"))
        .collect();
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}

const GREETING: &str = "\
(define-module (lib greeting)
  #:export (greet greeting))

(define (greet name)
  \"Return a greeting for NAME.\"
  (string-append (greeting) name))

(define* (greeting #:optional (word \"Hello\"))
  (string-append word \", \"))
";

const MAIN: &str = "\
(use-modules (lib greeting)
             (lib missing))

(define names '(\"a\" \"𝒳\"))
(define (all)
  (greet \"𝒳\" 2)
    (fold cons '() names))
";

#[test]
fn a_client_of_others_is_served() {
    let Some(place) = python_packages(&[PYGLS]) else {
        return;
    };
    let sandbox = Sandbox::new();
    sandbox.write("lib/greeting.scm", GREETING);
    // With a module that is not known nothing is missed; so it is known here.
    sandbox.write(
        "main.scm",
        &MAIN.replace("\n             (lib missing)", ""),
    );
    let output = Command::new("python3")
        .arg(root().join("tests/clients/language_server.py"))
        .arg(env!("CARGO_BIN_EXE_fruix-scm"))
        .arg(sandbox.work())
        .env("PYTHONPATH", &place)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said,
        "\
server fruix-scm
wrong 4:2 arity-mismatch `greet` takes 1 argument, and is given 2
wrong 5:5 unbound-variable `fold` is not bound; (srfi srfi-1) exports it
action Import (srfi srfi-1) for `fold`
wrong 5:2 arity-mismatch `greet` takes 1 argument, and is given 2
hover ```scheme|(greet name)|```|procedure of `(lib greeting)`||```text|Return a greeting for NAME.|```
definition greeting.scm:3:9
references greeting.scm:1:12 greeting.scm:3:9 main.scm:5:3
symbols names:Variable all:Function
completion greet greeting
resolved (greeting #:optional (word \"Hello\"))
layout 6:2
status 0
",
        "{trouble}"
    );
}

/// What the server answers to MESSAGES, whose last may be raw bytes, and its status.
fn answers(sandbox: &Sandbox, messages: &[Value], raw: &[u8]) -> (Option<i32>, Vec<Value>) {
    let mut child = sandbox
        .command(&["lsp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for message in messages {
        let text = match message {
            Value::String(text) => text.clone(),
            message => message.to_string(),
        };
        // The server may have left already.
        let _ = write!(input, "Content-Length: {}\r\n\r\n{text}", text.len());
    }
    let _ = input.write_all(raw);
    drop(input);
    let output = child.wait_with_output().unwrap();
    let mut rest = output.stdout.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let length: usize = head
            .strip_prefix("Content-Length: ")
            .unwrap()
            .parse()
            .unwrap();
        found.push(serde_json::from_slice(&rest[end + 4..end + 4 + length]).unwrap());
        rest = &rest[end + 4 + length..];
    }
    (output.status.code(), found)
}

fn request(id: i32, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn told(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

fn initialize() -> Value {
    request(1, "initialize", json!({"capabilities": {}}))
}

fn opened(uri: &str, text: &str) -> Value {
    let document = json!({"uri": uri, "languageId": "scheme", "version": 1, "text": text});
    told("textDocument/didOpen", json!({"textDocument": document}))
}

fn answer(found: &[Value], id: i32) -> &Value {
    found.iter().find(|message| message["id"] == id).unwrap()
}

#[test]
fn an_editor_that_leaves_without_a_word_is_noticed() {
    let sandbox = Sandbox::new();
    let shutdown = request(2, "shutdown", Value::Null);
    for (messages, status) in [
        (
            vec![initialize(), shutdown.clone(), told("exit", Value::Null)],
            0,
        ),
        (vec![initialize(), shutdown], 0),
        (vec![initialize(), told("exit", Value::Null)], 1),
        (vec![initialize()], 1),
        (vec![told("exit", Value::Null)], 1),
        (vec![], 1),
    ] {
        assert_eq!(
            answers(&sandbox, &messages, b"").0,
            Some(status),
            "{messages:?}"
        );
    }
}

#[test]
fn what_is_no_message_is_refused_and_the_rest_is_answered() {
    let sandbox = Sandbox::new();
    let messages = [
        request(7, "textDocument/hover", json!({})),
        json!("{\"jsonrpc\": "),
        initialize(),
        json!("[1, 2]"),
        request(3, "textDocument/hover", json!({"position": "nowhere"})),
        request(4, "no/such", json!({})),
        request(5, "shutdown", Value::Null),
        request(6, "textDocument/hover", json!({})),
    ];
    let (status, found) = answers(&sandbox, &messages, b"Nonsense\r\n\r\nContent-Le");
    assert_eq!(status, Some(0));
    for (id, code) in [(7, -32002), (3, -32602), (4, -32601), (6, -32600)] {
        assert_eq!(answer(&found, id)["error"]["code"], code, "{found:?}");
    }
    assert!(answer(&found, 1)["result"]["capabilities"].is_object());
    let refused = found
        .iter()
        .filter(|message| message["error"]["code"] == -32700);
    assert!(refused.count() >= 2, "{found:?}");
}

#[test]
fn what_was_cancelled_while_it_waited_is_not_done() {
    let sandbox = Sandbox::new();
    let uri = "file:///nowhere/a.scm";
    let place = json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 1}});
    let messages = [
        initialize(),
        // The interpreter is made and a text is looked at: the rest waits meanwhile.
        opened(uri, "(car '())\n"),
        request(2, "textDocument/hover", place.clone()),
        request(3, "textDocument/hover", place),
        told("$/cancelRequest", json!({"id": 3})),
        request(4, "shutdown", Value::Null),
    ];
    let (_, found) = answers(&sandbox, &messages, b"");
    assert!(
        answer(&found, 2)["result"]["contents"]["value"].is_string(),
        "{found:?}"
    );
    assert_eq!(answer(&found, 3)["error"]["code"], -32800, "{found:?}");
}

#[test]
fn texts_have_names_of_any_kind_and_are_counted_in_utf_16() {
    let sandbox = Sandbox::new();
    let text = "(define 𝒳 \"𝒳𝒳\") (display 𝒳) (undefined-name)\n";
    for uri in ["untitled:Untitled-1", "file:///nowhere/%FF%20a.scm"] {
        let place = json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 28}});
        let messages = [
            initialize(),
            opened(uri, text),
            request(2, "textDocument/definition", place),
        ];
        let (_, found) = answers(&sandbox, &messages, b"");
        let range = &answer(&found, 2)["result"]["range"];
        assert_eq!(range["start"]["character"], 8, "{found:?}");
        assert_eq!(range["end"]["character"], 10, "{found:?}");
        let wrong = found
            .iter()
            .find(|message| message["method"] == "textDocument/publishDiagnostics")
            .unwrap();
        assert_eq!(wrong["params"]["uri"], uri);
        let [it] = &wrong["params"]["diagnostics"].as_array().unwrap()[..] else {
            panic!("{wrong}")
        };
        assert_eq!(it["range"]["start"]["character"], 33);
    }
}

#[test]
fn no_program_and_no_macro_of_one_is_run() {
    let sandbox = Sandbox::new();
    let mark = sandbox.work().join("ran");
    let text = format!(
        "(define-module (evil))\n(define-syntax run (lambda (form) (mkdir {mark:?}) #'1))\n(run)\n(mkdir {mark:?})\n(eval-when (expand load eval) (mkdir {mark:?}))\n"
    );
    let file = sandbox.write("evil.scm", &text);
    let main = sandbox.write("main.scm", "(use-modules (evil))\n(car)\n");
    let outcome = sandbox.run(&[
        "lsp",
        "--check",
        file.to_str().unwrap(),
        main.to_str().unwrap(),
    ]);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let expected = "main.scm:2:1: arity-mismatch: `car` takes 1 argument, and is given 0\n";
    assert!(outcome.stdout.ends_with(expected), "{outcome:?}");
    assert!(!mark.exists());
}

/// What is said against FILES, hints apart.
fn wrong_with(files: &[PathBuf], load_path: &Path) -> Vec<String> {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-L"]);
    command
        .arg(load_path)
        .args(["lsp", "--check"])
        .args(files)
        .current_dir(root());
    let outcome = crate::support::finish(command);
    assert!(matches!(outcome.status, Some(0 | 1)), "{outcome:?}");
    let lines = outcome
        .stdout
        .lines()
        .filter(|line| !line.contains(": unknown-module: "));
    let top = format!("{}/", root().display());
    lines.map(|line| line.replace(&top, "")).collect()
}

#[test]
fn nothing_is_found_wrong_with_our_own_texts() {
    for folder in ["scheme", "fixtures", "tests/scheme"] {
        let found = wrong_with(&scheme_files(folder), &root().join("fixtures/modules"));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// What is found wrong with the programs that Guile runs too: they try what goes wrong.
const TRIED: &[&str] = &[
    "tests/guile/errors-unbound.scm:4:27: unbound-variable: `no-such-variable` is not bound",
    "tests/guile/errors-unbound.scm:5:28: unbound-variable: `no-such-procedure` is not bound",
    "tests/guile/errors-unbound.scm:6:33: unbound-variable: `never-defined` is not bound",
    "tests/guile/procedures-hooks-and-states.scm:15:41: unbound-variable: `car?` is not bound",
];

#[test]
fn nothing_is_found_wrong_with_programs_but_what_they_try() {
    let mut programs = scheme_files("tests/guile");
    // Beside them stand what they import, and where we differ.
    programs.retain(|path| path.parent() == Some(&root().join("tests/guile")));
    let found = wrong_with(&programs, &root().join("tests/guile/modules"));
    assert_eq!(found, TRIED);
}

#[test]
fn texts_are_laid_out_as_emacs_does() {
    let Some(emacs) = installed("emacs") else {
        return skipped("Emacs is not installed");
    };
    let sandbox = Sandbox::new();
    let files: Vec<PathBuf> = ["scheme", "fixtures/modules", "tests/scheme", "tests/lsp"]
        .iter()
        .flat_map(|folder| scheme_files(folder))
        .collect();
    let mut style = Style::default();
    let own = std::fs::read_to_string(root().join("tests/lsp/dir-locals.el")).unwrap();
    style.learn(&own);
    let mut program = format!("(require 'scheme)\n{}\n", Style::for_emacs());
    program.push_str(own.trim_start_matches(|letter| letter != '('));
    program.push_str(
        "\n(setq-default indent-tabs-mode nil)\n(dolist (file command-line-args-left)\n  \
         (with-temp-buffer\n    (insert-file-contents file)\n    (scheme-mode)\n    \
         (let ((inhibit-message t)) (indent-region (point-min) (point-max)))\n    \
         (write-region nil nil file nil 'silent)))\n",
    );
    let program = sandbox.write("layout.el", &program);
    let copies: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(number, file)| {
            // So that Emacs has something to do.
            let text = std::fs::read_to_string(file).unwrap();
            sandbox.write(&format!("{number}.scm"), &text)
        })
        .collect();
    let status = Command::new(emacs)
        .args(["-Q", "--batch", "--load"])
        .arg(program)
        .args(&copies)
        .status()
        .unwrap();
    assert!(status.success());
    let mut differ = Vec::new();
    for (file, copy) in files.iter().zip(&copies) {
        let ours = indented(&std::fs::read_to_string(file).unwrap(), &style);
        let emacs = std::fs::read_to_string(copy).unwrap();
        for (number, (ours, emacs)) in ours.lines().zip(emacs.lines()).enumerate() {
            if ours != emacs {
                let file = file.strip_prefix(root()).unwrap().display();
                differ.push(format!(
                    "{file}:{}:\n  ours  {ours}\n  Emacs {emacs}",
                    number + 1
                ));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "{} lines\n{}",
        differ.len(),
        differ.join("\n")
    );
}

#[test]
fn no_depth_ends_the_server() {
    let sandbox = Sandbox::new();
    let uri = "file:///nowhere/deep.scm";
    for text in [
        "(".repeat(200_000),
        format!("{}{}", "(list ".repeat(20_000), ")".repeat(20_000)),
        "'".repeat(200_000),
        "#~".repeat(40_000),
    ] {
        let document = json!({"textDocument": {"uri": uri}});
        let messages = [
            initialize(),
            opened(uri, &text),
            request(2, "textDocument/documentSymbol", document.clone()),
            request(
                3,
                "textDocument/formatting",
                json!({"textDocument": {"uri": uri}, "options": {"tabSize": 8, "insertSpaces": true}}),
            ),
            request(
                4,
                "textDocument/completion",
                json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 1000}}),
            ),
            request(5, "shutdown", Value::Null),
        ];
        let (status, found) = answers(&sandbox, &messages, b"");
        assert_eq!(status, Some(0), "{}", &text[..10]);
        for id in [2, 3, 4] {
            assert!(
                answer(&found, id)["error"].is_null(),
                "{:?}",
                answer(&found, id)
            );
        }
    }
}
