use super::*;

fn said(log: &str) -> (Option<String>, How, Option<String>, String) {
    let cause = cause(log).expect("a cause");
    (cause.target, cause.how, cause.directory, cause.summary)
}

#[test]
fn a_log_without_failure_has_no_cause() {
    for log in [
        "",
        ">>> World build completed on Mon\n*** not one\n",
        "ERROR: ctfmerge: no ctf sections found to merge\n",
        "*** [x] Error code 1 (ignored)\n",
        "gmake: [Makefile:2: clean] Error 1 (ignored)\n",
        "a.c:1:1: error: in a probe\n===> lib/a\ncc -c b.c\n",
    ] {
        assert_eq!(outcome(log.as_bytes()), Outcome::Passed, "{log}");
    }
}

#[test]
fn a_log_that_breaks_off_is_told_from_one_that_ends() {
    for log in [
        "cc -c a.c\ncc -c b",
        ">>> World build started on Mon\ncc -c a.c\n",
        "gmake[1]: Entering directory '/s'\ncc -c a.c\n",
    ] {
        assert_eq!(outcome(log.as_bytes()), Outcome::CutOff, "{log}");
    }
    let log = ">>> Kernel build for GENERIC started on Mon\ncc -c a.c\n\
               >>> Kernel build for GENERIC completed on Mon\n";
    assert_eq!(outcome(log.as_bytes()), Outcome::Passed);
}

#[test]
fn what_looks_like_an_error_is_weighed_by_its_form() {
    for (line, weight) in [
        ("a.c:1:2: error: x", Weight::Error),
        ("/usr/src/x y/a.c:1:2: fatal error: x", Weight::Error),
        ("a.c:1: warning: label 'error: x'", Weight::Nothing),
        ("a.c:1:2: error: macro 'warning: x'", Weight::Error),
        ("cc -DX=\"error: x\" -c a.c", Weight::Words),
        ("echo \"ERROR: nothing\"", Weight::Words),
        ("ld: error: undefined symbol: x", Weight::Error),
        ("/usr/bin/ld: cannot find -lq", Weight::Error),
        (
            "main.c:(.text+0x9): undefined reference to `f'",
            Weight::Error,
        ),
        (
            "cc: error: linker command failed with exit code 1",
            Weight::Driver,
        ),
        ("collect2: error: ld returned 1 exit status", Weight::Driver),
        ("cc1: all warnings being treated as errors", Weight::Driver),
        ("a.y:12: syntax error", Weight::Place),
        ("./a.go:3:5: undefined: foo", Weight::Place),
        ("12:30: lunch", Weight::Tool),
        ("error[E0308]: mismatched types", Weight::Error),
        ("CMake Error at CMakeLists.txt:3 (message):", Weight::Error),
        ("configure: error: no compiler", Weight::Error),
        ("ModuleNotFoundError: No module named 'x'", Weight::Error),
        ("cp: x: No such file or directory", Weight::Failure),
        ("checking for x... not found", Weight::Words),
        (
            "Assertion failed: (x), function f, file F.cpp, line 1.",
            Weight::Crash,
        ),
        ("cc1plus: a.c:1: f: Assertion `x' failed.", Weight::Crash),
        (
            "c++: error: unable to execute command: Killed",
            Weight::Crash,
        ),
        (
            "Required tool cap_mkdb not found in PATH (/sbin)",
            Weight::Error,
        ),
        ("t.cc:3:40:   required from here", Weight::Nothing),
        (
            "tar: Error is not recoverable: exiting now",
            Weight::Nothing,
        ),
        (
            "tar: Error exit delayed from previous errors.",
            Weight::Nothing,
        ),
        ("no such key in spec at p.pl line 2.", Weight::Failure),
        (
            "not a number at p.pl line 2, <STDIN> line 7.",
            Weight::Failure,
        ),
        (
            "BEGIN failed--compilation aborted at p.pl line 1.",
            Weight::Driver,
        ),
        ("we meet at noon in line 2.", Weight::Words),
        ("FAIL: parse", Weight::Failure),
        ("XFAIL: parse", Weight::Tool),
        ("=> SHA256 Checksum mismatch for x.tar.gz.", Weight::Failure),
        ("sys/y:main  ->  failed: expected 1 got 2", Weight::Failure),
        ("    1 | int error: x", Weight::Nothing),
        ("1 error generated.", Weight::Nothing),
        ("3 warnings and 1 error generated.", Weight::Nothing),
    ] {
        assert_eq!(weight::weight(line), weight, "{line}");
    }
}

#[test]
fn the_time_before_a_line_is_left_out() {
    for time in [
        "2026-11-30T05:00:00.1234567Z ",
        "2026-11-30 05:00:00 ",
        "[2026-11-30 05:00:00] ",
        "[00:12:34] ",
        "05:00:00.123 ",
        "Nov 30 05:00:00 ",
        "Mon Nov  2 05:00:00 ",
    ] {
        assert_eq!(plain::without_time(&format!("{time}a.c:1: x")), "a.c:1: x");
    }
    for line in [
        "12:30:15: lunch",
        "12:30 lunch",
        "May be",
        "Sun Microsystems",
        "[12/345] cc -c a.c",
        "[ 42%] Building",
        "1 error generated.",
        "2026-11-30",
    ] {
        assert_eq!(plain::without_time(line), line);
    }
}

#[test]
fn warnings_are_counted_and_errors_about_warnings_are_not() {
    for (line, warnings) in [
        ("a.c:1:2: warning: unused", 1),
        ("a.c:1:2: \u{1b}[35mwarning: \u{1b}[munused", 1),
        ("ld: warning: old", 1),
        ("a.c:1:2: error: not the 'warning: x'", 0),
        ("1 warning generated.", 0),
        ("cc -Wall -c warning.c", 0),
    ] {
        let mut reader = Reader::new();
        reader.take(line.as_bytes());
        assert_eq!(reader.warnings(), warnings, "{line}");
    }
}

#[test]
fn stages_are_told_with_their_numbers_and_linkers_lines_are_none() {
    assert_eq!(
        stage(">>> stage 4.2: building libraries"),
        Some((Some("4.2"), "building libraries"))
    );
    assert_eq!(
        stage(">>> World build completed on Mon Nov 23 07:00:00 UTC 2026"),
        Some((
            None,
            "World build completed on Mon Nov 23 07:00:00 UTC 2026"
        ))
    );
    for line in [
        ">>> --------------",
        "===> lib/libc",
        ">>> referenced by widget.c:14 (/s/widget.c:14)",
        ">>>               widget.o:(main)",
        ">>> defined at a.c:1",
    ] {
        assert_eq!(stage(line), None, "{line}");
    }
}

#[test]
fn targets_are_told_apart_however_many_there_are() {
    // The error of one stands before hundreds of others.
    let mut log = String::from("--- a.o ---\na.c:1:1: error: the cause\n");
    for number in 0..1000 {
        log += &format!("--- b{number}.o ---\ncc -c b{number}.c\n");
    }
    log += "--- a.o ---\n*** [a.o] Error code 1\n";
    assert_eq!(said(&log).3, "a.c:1:1: error: the cause");
}

#[test]
fn a_reader_keeps_little_of_a_log_that_is_all_errors() {
    let mut reader = Reader::new();
    for number in 0..20_000 {
        reader.take(format!("--- target-{number} ---").as_bytes());
        reader.take(format!("f{number}.c:1:1: error: {}", "x".repeat(5000)).as_bytes());
    }
    let kept: usize = reader
        .targets
        .iter()
        .flat_map(|target| {
            target
                .tail
                .iter()
                .chain(target.suspects.iter().map(|it| &it.text))
        })
        .map(String::len)
        .sum();
    assert!(kept < 1 << 20, "{kept}");
    assert!(reader.by_name.len() <= TARGETS);
}

#[test]
fn a_signal_and_want_of_memory_are_told() {
    let told = |log: &str| cause(log).unwrap().told();
    assert_eq!(
        told("c++ -o x\n*** [x] Signal 9\n"),
        "`x` was ended by signal 9, killed, as the kernel does for want of memory; last: c++ -o x"
    );
    assert!(told("c++: error: unable to execute command: Killed\nc++: error: linker command failed due to signal (use -v)\n*** [x] Error code 1\n").contains("want of memory"));
    assert!(told("Killed\n*** [x] Error code 137\n").contains("want of memory"));
    assert!(!told("a.c:1: error: x\n*** [x] Error code 1\n").contains("memory"));
}
