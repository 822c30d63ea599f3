//! Every command of the prompt, each entered at a terminal.

use crate::support::{Sandbox, talk};
use crate::terminal::Terminal;
use std::collections::BTreeSet;

/// What is entered, and what then is on the screen; in this order. What stands first is
/// a command, or prepares the next.
const ENTERED: &[(&str, &str)] = &[
    (",help all", "Anything else is Scheme"),
    (",help inspect", ",inspect (,i) FORM"),
    (",help -c trace", ",trace (,tr) FORM"),
    (",help nosuch", "There is no command `,nosuch'"),
    (",show version", "a Guile 3.0"),
    (",apropos string-pad-r", "string-pad-right"),
    (",describe string-join", "(string-join"),
    (",describe (fruix wait)", "wait-for-tcp-port"),
    (",describe cond-expand", "is a macro"),
    (",module (ice-9 match)", "scheme@(ice-9 match)>"),
    (",m (guile-user)", "scheme@(guile-user)>"),
    (",import (srfi srfi-1)", "scheme@(guile-user)>"),
    (",import", "(srfi srfi-1)"),
    ("(define (half x) (/ x 2))", "scheme@(guile-user)>"),
    (
        "(define (quarter x) (half (half x)))",
        "scheme@(guile-user)>",
    ),
    (",binding", "quarter  #<procedure quarter (x)>"),
    (",in (srfi srfi-1) (first '(one two))", "$1 = one"),
    (",load fixtures/nosuch.scm", "No such file"),
    (",reload (srfi srfi-1)", "scheme@(guile-user)>"),
    (",expand (unless #t 'never)", "(if #t (if #f #f) 'never)"),
    (",time (quarter 8)", "s real time"),
    (",trace (quarter 8)", "trace: |  (half 4)"),
    (",profile (quarter 8)", "  half"),
    (",inspect (list 'a (vector 'b 'c))", "a list of 2"),
    ("1", "a vector of 2"),
    ("u", "a list of 2"),
    ("q", "scheme@(guile-user)>"),
    (",pretty-print '(pretty printed)", "(pretty printed)"),
    (",more", "There is nothing more to show."),
    (",gc", "nothing refers to it"),
    (",statistics", "processor"),
    (",option", "value-history         #t"),
    (",option value-history #f", "scheme@(guile-user)>"),
    ("'not-numbered", "\nnot-numbered"),
    (",option value-history #t", "scheme@(guile-user)>"),
    ("(quarter 'x)", "scheme@(guile-user) [1]>"),
    (",backtrace", "(quarter 'x)\n*  0"),
    (",bt 1", "*  0"),
    (",bt -1", "   1  prompt"),
    (",up", "1  prompt"),
    (",down", "0  prompt"),
    (",frame 1", "1  prompt"),
    (",locals", "local variables"),
    (",error-message", "In procedure /"),
    (",quit", "scheme@(guile-user)>"),
    (",store fixtures/root", "items=12"),
    (",refs", "/frx/store/"),
    (",referrers 5193aa63", "/frx/store/300cf499"),
    (",closure", "/frx/store/5193aa63"),
    (",du", "39772  total"),
    (
        ",why-depends current freebsd-source-default",
        "/frx/store/6d22cc7d",
    ),
    (",diff current 2", "removed"),
    (",source", "local-tree"),
    (",items", "/frx/store/"),
    (",generations", "current"),
    (",roots", "/frx"),
    (",dead", "\n"),
    (",builds", "\n"),
    (",verify nosuch-record", "nosuch-record"),
];

/// The longest name of each command that `,help' tells of.
fn commands() -> BTreeSet<String> {
    let text = talk(&Sandbox::new(), ",help all\n").stdout;
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(','))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_command_that_help_tells_of_answers_at_a_terminal() {
    let entered: BTreeSet<String> = ENTERED
        .iter()
        .filter_map(|(line, _)| line.strip_prefix(','))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    let told = commands();
    assert!(told.len() > 40, "{told:?}");
    for command in &told {
        assert!(entered.contains(command), "`,{command}' is not tried here");
    }
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    for (line, shown) in ENTERED {
        terminal.presses("C-l");
        terminal.enters(line);
        // Behind what was entered, up to the next prompt.
        terminal.shows_behind(line, shown);
    }
}

#[test]
fn what_is_pasted_without_brackets_and_what_is_typed_ahead_is_not_lost() {
    let Some(terminal) = Terminal::open("TERM=xterm") else {
        return;
    };
    let text =
        "(define a 1)\n(define b 2)\n(define (c)\n        (list a b\n              3))\n(c)\n";
    terminal.pastes(text);
    let screen = terminal.shows("$1 = (1 2 3)");
    // Its indentation is its own.
    assert!(screen.contains("\n        (list a b\n"), "{screen}");
    terminal.enters("(begin (sleep 1) 'slept)");
    terminal.enters("(+ a 41)");
    terminal.enters("(+ a 42)");
    terminal.shows("$2 = slept");
    terminal.shows("$3 = 42");
    terminal.shows("$4 = 43");
}
