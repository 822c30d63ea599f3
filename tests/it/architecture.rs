//! The sentences of docs/architecture.md that must stay true, each held by a test.
//! Most of them are absences, which nobody notices when they end.

use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

const DOMAINS: &[&str] = &["xapi", "ssh", "rootfs", "media", "digest", "store", "lsp"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below FOLDER with one of EXTENSIONS, as (path from the top, text).
fn files(folder: &str, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let found: Vec<_> = WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| {
            path.is_file()
                && path
                    .extension()
                    .is_some_and(|extension| extensions.iter().any(|known| extension == *known))
        })
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().to_owned(), text)
        })
        .collect();
    assert!(!found.is_empty(), "nothing to look at in {folder}");
    found
}

/// The lines of a Rust file that the compiler sees outside its unit tests.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// Every place in src/ where one of WORDS occurs and ALLOWED says no.
fn trespasses(words: &[&str], allowed: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files("src", &["rs"]) {
        if allowed(&path) || path.ends_with("build.rs") {
            continue;
        }
        for (number, line) in code(&text) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}

fn nothing(found: Vec<String>) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn only_the_language_and_primitives_name_steel() {
    nothing(trespasses(&["steel::", "use steel"], |path| {
        path.starts_with("src/guile") || path.ends_with("primitives.rs")
    }));
}

#[test]
fn only_the_runtime_blocks() {
    nothing(trespasses(&["block_on"], |path| {
        path == Path::new("src/runtime.rs")
    }));
}

#[test]
fn domains_do_not_know_each_other() {
    for domain in DOMAINS {
        let others: Vec<String> = DOMAINS
            .iter()
            .filter(|other| *other != domain)
            .chain(&["sim", "run", "cli"])
            .map(|other| format!("crate::{other}::"))
            .collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        nothing(trespasses(&others, |path| {
            !path.starts_with(Path::new("src").join(domain))
        }));
    }
}

/// What of the program a report is made with: what was kept, and how text is shown.
const BESIDE_REPORTS: &[&str] = &["failure", "report", "run", "visible"];

#[test]
fn reports_are_functions_of_what_is_kept() {
    let mut found = Vec::new();
    for (path, text) in files("src/report", &["rs"]) {
        for (number, line) in code(&text) {
            let knows_others = line.split("crate::").skip(1).any(|word| {
                let end = word.find(|c: char| !c.is_ascii_lowercase() && c != '_');
                !BESIDE_REPORTS.contains(&&word[..end.unwrap_or(word.len())])
            });
            let acts = [
                "std::fs",
                "std::env",
                "std::process",
                "std::net",
                "Instant",
                "SystemTime",
            ];
            if knows_others || acts.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    nothing(found);
}

#[test]
fn runs_do_not_know_how_they_are_reported() {
    nothing(trespasses(&["crate::report::"], |path| {
        !path.starts_with("src/run")
    }));
}

#[test]
fn the_language_knows_no_domain() {
    let domains: Vec<String> = DOMAINS
        .iter()
        .chain(&["sim", "run", "cli"])
        .map(|domain| format!("crate::{domain}::"))
        .collect();
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    nothing(trespasses(&domains, |path| !path.starts_with("src/guile")));
}

/// The rooms of the language on their floors, the lowest first.
const ROOMS: &[&str] = &[
    "data",
    "syntax",
    "read",
    "library",
    "tree_il",
    "namespace",
    "machine",
    "compile",
    "expand",
    "kept",
    "eval",
];

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

#[test]
fn in_the_language_every_import_runs_downwards() {
    let mut upwards = Vec::new();
    for (path, text) in files("src/guile", &["rs"]) {
        let room = path.components().nth(2).unwrap().as_os_str();
        let Some(own) = floor(room.to_str().unwrap()) else {
            continue;
        };
        for (number, line) in code(&text) {
            let mut said = |what: &str| {
                upwards.push(format!(
                    "{}:{number}: {what}: {}",
                    path.display(),
                    line.trim()
                ));
            };
            if line.contains("super::super") || line.contains("crate::{") {
                said("does not name the room");
            }
            for word in line.split("crate::").skip(1) {
                let end = word.find(|c: char| !c.is_ascii_lowercase() && c != '_');
                if floor(&word[..end.unwrap_or(word.len())]).is_some_and(|other| other > own) {
                    said("imports upwards");
                }
            }
        }
    }
    nothing(upwards);
}

#[test]
fn the_rooms_of_the_language_are_its_folders() {
    let mut folders: Vec<String> = fs::read_dir(root().join("src/guile"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut rooms = ROOMS.to_vec();
    rooms.sort_unstable();
    assert_eq!(folders, rooms);
}

#[test]
fn no_file_of_the_language_or_in_scheme_has_more_than_900_lines() {
    let mut long = Vec::new();
    for folder in ["src/guile", "scheme"] {
        for (path, text) in files(folder, &["rs", "scm"]) {
            let lines = text.lines().count();
            if lines > 900 {
                long.push(format!(
                    "{}: {lines} lines; cut it into files that each hold one matter",
                    path.display()
                ));
            }
        }
    }
    nothing(long);
}

#[test]
fn every_primitive_says_how_it_is_called() {
    let (mut primitives, mut silent) = (0, Vec::new());
    for (path, text) in files("src", &["rs"]) {
        let mut listed = false;
        let mut call = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            listed = line == "natives! {" || listed && line != "}";
            let line = line.trim();
            if !listed || line.starts_with("natives!") {
                continue;
            }
            if let Some(words) = line.strip_prefix("///") {
                call.get_or_insert(words.trim());
            } else if let Some(name) = line
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            {
                primitives += 1;
                // One entry a line, so that each has words of its own.
                let said = call.take().is_some_and(|call: &str| {
                    let rest = call
                        .strip_prefix('(')
                        .and_then(|call| call.strip_prefix(name));
                    rest.is_some_and(|rest| rest.starts_with([' ', ')']))
                });
                if !said || line.matches("=>").count() > 1 {
                    silent.push(format!("{}:{}: {line}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(primitives > 800, "only {primitives} primitives were found");
    nothing(silent);
}

/// What reaches the world: its natives go outside unless they say that they do not.
const REACHING: &[&str] = &[
    "src/cli/primitives.rs",
    "src/digest/primitives.rs",
    "src/guile/library/files.rs",
    "src/guile/library/posix.rs",
    "src/guile/library/processes.rs",
    "src/guile/library/signals.rs",
    "src/guile/library/sockets.rs",
    "src/media/primitives.rs",
    "src/rootfs/primitives.rs",
    "src/ssh/primitives.rs",
    "src/store/primitives.rs",
    "src/xapi/primitives.rs",
];

#[test]
fn natives_that_reach_the_world_are_recorded_unless_they_say_that_they_only_compute() {
    let mut tables = 0;
    let mut silent = Vec::new();
    for (path, text) in files("src", &["rs"]) {
        let is_domain = path.ends_with("primitives.rs")
            && DOMAINS
                .iter()
                .any(|it| path.starts_with(Path::new("src").join(it)));
        if !is_domain && !REACHING.iter().any(|it| path == Path::new(it)) {
            continue;
        }
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            if line.ends_with("natives! {") {
                tables += 1;
                if lines[number + 1] != "outside;" {
                    silent.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }
    assert_eq!(tables, REACHING.len() + 1, "one file has two tables");
    nothing(silent);
}

#[test]
fn only_the_command_line_prints_or_chooses_an_exit_status() {
    let of_the_command_line =
        |path: &Path| path.starts_with("src/cli") || path == Path::new("src/main.rs");
    nothing(trespasses(
        &["println!(", "eprintln!(", " print!(", "dbg!("],
        of_the_command_line,
    ));
    nothing(trespasses(&["process::exit("], |path| {
        // A Scheme program's `primitive-exit` is the program's choice.
        of_the_command_line(path) || path.starts_with("src/guile/library")
    }));
}

#[test]
fn only_the_command_line_and_scheme_programs_read_the_environment() {
    nothing(trespasses(
        &["env::var(", "env::vars", "env::args"],
        |path| {
            // A Scheme program's `getenv` and `environ` are the program's reading.
            path.starts_with("src/cli") || path.starts_with("src/guile/library")
        },
    ));
}

#[test]
fn the_guile_library_never_mentions_fruix() {
    for (path, text) in files("scheme", &["scm"]) {
        if path.starts_with("scheme/guile") {
            assert!(
                !text.to_lowercase().contains("fruix"),
                "{} mentions Fruix",
                path.display()
            );
        }
    }
}

/// What reaches out of this process.
const OUTWARD: &[&str] = &["xapi", "ssh", "run", "local"];

fn is_outward(path: &Path) -> bool {
    OUTWARD
        .iter()
        .any(|folder| path.starts_with(Path::new("src").join(folder)))
}

#[test]
fn nobody_asks_whether_the_world_is_simulated() {
    // A run says what kind of world it had, as a word that it was given.
    let asks = [
        "crate::sim",
        "is_simulated",
        "simulated()",
        "WorldClock",
        "clock::Hand",
    ];
    nothing(trespasses(&asks, |path| !is_outward(path)));
    for (path, text) in files("scheme/fruix", &["scm"]) {
        let own = path == Path::new("scheme/fruix/simulation.scm");
        assert!(
            own || !text.contains("(fruix simulation)") && !text.contains("native simulation"),
            "{} asks the simulation",
            path.display()
        );
    }
}

#[test]
fn what_waits_or_gives_up_goes_by_the_one_clock() {
    let others = ["tokio::time::", "thread::sleep", "wait_timeout"];
    nothing(trespasses(&others, |path| !is_outward(path)));
    // In the clock of the simulated world the hand is held, and nowhere else.
    nothing(trespasses(&["Hand::take", ".leap("], |path| {
        path.starts_with("src/sim/clock") || path == Path::new("src/clock.rs")
    }));
}

#[test]
fn nothing_of_the_tests_is_compiled_into_the_binary() {
    nothing(trespasses(&["tests/"], |_| false));
}

#[test]
fn the_top_level_holds_what_the_design_names() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "scheme",
        "tests",
        "fixtures",
        "docs",
        "README.md",
        "LICENSE",
        ".ci",
        ".gitignore",
        ".git",
        "target",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(
            allowed.iter().any(|known| name == *known),
            "{name:?} is not part of the design's top level"
        );
    }
}

#[test]
fn every_test_file_is_part_of_the_suite() {
    let suite = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for (path, _) in files("tests/it", &["rs"]) {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if path.parent() == Some(Path::new("tests/it")) && stem != "main" {
            assert!(
                suite.contains(&format!("mod {stem};")),
                "{} is never run",
                path.display()
            );
        }
    }
}

/// The dependencies that the manifest in FOLDER names.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let section = manifest
        .split("\n[dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .unwrap_or_default();
    section
        .lines()
        .filter(|line| line.contains('='))
        .map(|line| line.split(['=', '.']).next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn every_dependency_is_used() {
    for (folder, members) in [("", &["src/failure", "src/guile"][..]), ("src/guile", &[])] {
        let sources: String = files(if folder.is_empty() { "src" } else { folder }, &["rs"])
            .into_iter()
            .filter(|(path, _)| !members.iter().any(|member| path.starts_with(member)))
            .map(|(_, text)| text)
            .collect();
        let packages = dependencies(folder);
        assert!(!packages.is_empty(), "no dependencies in `{folder}`");
        for package in packages {
            // Some packages and their libraries have different names.
            let library = match package.as_str() {
                "md-5" => "md5".to_owned(),
                "steel-core" => "steel".to_owned(),
                other => other.replace('-', "_"),
            };
            assert!(
                sources.contains(&format!("{library}::"))
                    || sources.contains(&format!("use {library}")),
                "{package} is in the manifest of `{folder}` and nowhere in its sources"
            );
        }
    }
}
