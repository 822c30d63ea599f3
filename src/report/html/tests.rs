use super::*;
use crate::report::{jsonl, junit, tap};
use crate::run::folder::Summary;
use crate::run::journal::{Entry, Line, Program, Reading, StepKind};

/// A page in which each text from outside is TEXT.
fn page(text: &str) -> Page {
    let text = || text.to_owned();
    let step = vec![text(), text()];
    let began = |step: &[String]| Entry::StepBegan {
        step: step.to_vec(),
        kind: StepKind::Result,
        text: text(),
        inputs: None,
        nonce: text(),
        why: Some(text()),
    };
    let failed = |step: &[String]| Entry::StepFailed {
        step: step.to_vec(),
        milliseconds: 5,
        key: text(),
        message: text(),
    };
    let entries = vec![
        Entry::Began {
            version: 2,
            run: text(),
            harness: text(),
            world: text(),
            tool: text(),
            client: text(),
            program: Box::new(Program {
                file: text(),
                arguments: vec![text()],
                sha256: text(),
                ..Program::default()
            }),
        },
        Entry::Settings {
            settings: vec![(text(), text())],
        },
        Entry::Tool {
            version: text(),
            sha256: text(),
        },
        Entry::Parameter {
            name: text(),
            value: text(),
            origin: text(),
            evidence: true,
        },
        Entry::Module {
            name: text(),
            file: text(),
            sha256: text(),
        },
        Entry::Machine {
            kind: text(),
            host: text(),
            name: text(),
            vm: text(),
            vdi: text(),
        },
        Entry::Image {
            file: text(),
            sha256: text(),
        },
        Entry::Partial {
            how: text(),
            step: text(),
            of: text(),
        },
        began(&step[..1]),
        began(&step),
        Entry::Checked {
            what: text(),
            value: Some(text()),
        },
        Entry::CheckFailed {
            what: text(),
            place: Some(text()),
            message: text(),
            expected: Some(text()),
            actual: Some(text()),
        },
        Entry::Skipped { why: text() },
        Entry::FailedAsKnown {
            why: text(),
            message: text(),
        },
        failed(&step),
        Entry::StepPassedOver {
            step: step.clone(),
            how: text(),
        },
        failed(&step[..1]),
        Entry::Recorded {
            key: text(),
            value: text(),
        },
        Entry::CleanedUp {
            what: text(),
            trouble: Some(text()),
        },
        Entry::Kept {
            machine: true,
            why: text(),
            until: None,
            login: Some(text()),
        },
        Entry::Ended {
            verdict: "fail".into(),
            message: Some(text()),
            milliseconds: 9,
            overhead_microseconds: 1,
        },
    ];
    let reading = Reading {
        lines: entries
            .into_iter()
            .map(|entry| Line { time: 5, entry })
            .collect(),
        head: text(),
        ..Reading::nothing()
    };
    Page {
        evidence: Evidence::of(Summary::of(text(), "/run".into(), reading)),
        excerpts: vec![Excerpt {
            title: text(),
            file: text(),
            cause: Some(text()),
            lines: vec![(1, text()), (7, text())],
            marked: Some(7),
        }],
        pictures: vec![Picture {
            file: text(),
            png: text().into_bytes(),
        }],
        files: vec![KeptFile {
            name: text(),
            bytes: 3,
            sha256: text(),
        }],
    }
}

/// The tags of DOCUMENT with the names of their attributes.
fn skeleton(document: &str) -> Vec<String> {
    document
        .split('<')
        .skip(1)
        .map(|tag| {
            let tag = tag.split_once('>').expect("a tag ends").0;
            // What stands between quotes is a value.
            tag.split('"').step_by(2).collect()
        })
        .collect()
}

/// What a reader of TAP makes of LINE: a comment, a result with its number and directive,
/// or the name of something in YAML.
fn shape_of_tap(line: &str) -> String {
    if line.starts_with('#') {
        return "#".to_owned();
    }
    if line.starts_with(' ') {
        return line.split(':').next().unwrap_or_default().to_owned();
    }
    let head = line.split(" - ").next().unwrap_or_default();
    let (mut is_escaped, mut directive) = (false, "");
    for (at, letter) in line.char_indices() {
        if letter == '#' && !is_escaped {
            directive = line[at..].split(' ').nth(1).unwrap_or_default();
            break;
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    format!("{head} {directive}")
}

/// What somebody would write who wants a report to say or do something else.
const HOSTILE: [&str; 9] = [
    "</title></style><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> ' onload='x",
    "a\nok 99 - forged\n1..1\nBail out!",
    "]]> <!-- &lt; &#x3c;script> --> <![CDATA[",
    "\u{1b}[2J\u{0}\u{7f}\u{85}\u{fffe}\u{1ffff}\u{fdd0}",
    "\u{202e}gnp.exe\u{2066}",
    "# TODO not really # SKIP all",
    "...\n---\nname: x",
    "x{expression(alert(1))} url(https://example.org/) javascript:alert(1)",
];

#[test]
fn no_text_from_outside_changes_what_a_page_is_made_of() {
    let harmless = text(&[page("harmless")]);
    for hostile in HOSTILE {
        let attacked = text(&[page(hostile)]);
        assert_eq!(skeleton(&attacked), skeleton(&harmless), "{hostile}");
        let commands = |letter: char| letter != '\n' && letter.is_control();
        assert!(!attacked.contains(commands), "{hostile:?}");
        assert!(
            !attacked.contains(['\u{202e}', '\u{2066}', '\u{fffe}', '\u{fdd0}']),
            "{hostile:?}"
        );
    }
}

#[test]
fn no_text_from_outside_changes_what_junit_tap_and_json_are_made_of() {
    let suite = |text: &str| [page(text).evidence.suite()];
    let harmless = suite("harmless");
    for hostile in HOSTILE {
        let attacked = suite(hostile);
        assert_eq!(
            skeleton(&junit::text(&attacked)),
            skeleton(&junit::text(&harmless)),
            "{hostile}"
        );
        let shape = |text: String| -> Vec<String> { text.lines().map(shape_of_tap).collect() };
        assert_eq!(
            shape(tap::text(&attacked)),
            shape(tap::text(&harmless)),
            "{hostile}"
        );
        let page = page(hostile);
        let lines = jsonl::text(&page.evidence.summary);
        assert_eq!(
            lines.lines().count(),
            page.evidence.summary.reading.lines.len()
        );
        for line in lines.lines() {
            let said: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(said["run"], *hostile);
        }
    }
}

#[test]
fn the_policy_names_the_style_that_is_there_and_lets_nothing_be_fetched() {
    let document = text(&[page("x")]);
    let style = document
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    let digest = base64(Sha256::digest(style));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; img-src data:;");
    assert!(document.contains(&policy), "{document}");
    assert!(!document.contains("<script") && !document.contains(" style="));
    for reference in ["href=\"", "src=\""] {
        for place in document.split(reference).skip(1) {
            assert!(place.starts_with('#') || place.starts_with("data:image/png;"));
        }
    }
}

#[test]
fn a_page_says_what_kind_of_run_it_was_and_marks_the_first_cause() {
    let document = text(&[page("simulated")]);
    assert!(document.contains("This run was simulated: it says nothing about a live machine."));
    assert!(document.contains("<mark>7: simulated</mark>"));
    assert!(document.contains("⋮"));
}
