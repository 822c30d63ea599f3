//! When one is sure of a revision: a decision, and nothing else.
//!
//! A revision is good when the harness has passed on it so often as was asked for, and bad
//! as soon as it has failed so often, whichever comes first. So a failure that comes once
//! in five times is found with many passes and one failure, and a harness that now and
//! then fails for nothing is outvoted with more failures.
//!
//! Source: git-bisect(1), "bisect run", for what statuses mean.

use super::super::child::End;
use serde::{Deserialize, Serialize};

/// How often is often enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// So many passes make a revision good.
    pub passes: u32,
    /// So many failures make it bad.
    pub failures: u32,
    /// So often in a row it is tried once more when the world was not ready.
    pub retries: u32,
    /// Whether one on which the world is never ready is bad, instead of left out.
    pub not_ready_is_bad: bool,
}

/// What the harness has said of a revision once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Passed,
    Failed,
    NotReady,
    /// Nobody can tell by it.
    Untold,
}

/// What a revision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Good,
    Bad,
    /// It cannot be told, and is left out.
    Skip,
}

impl Verdict {
    /// The word that git has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Skip => "skip",
        }
    }
}

impl Answer {
    /// What a harness has said that ended so; none where that ends the bisection.
    pub fn of(end: End) -> Option<Answer> {
        match end {
            // What was to be done of it, by `--only` or `--from`, held.
            End::Exited(0 | 5) => Some(Answer::Passed),
            End::Exited(3) | End::Killed(_) => Some(Answer::NotReady),
            End::Exited(4 | 70 | 125) => Some(Answer::Untold),
            End::Exited(2 | 128..) => None,
            End::Exited(_) => Some(Answer::Failed),
        }
    }
}

/// What a command has said that ended so and was to make an image: the verdict, or that
/// there is one; none where it ends the bisection.
pub fn of_command(end: End) -> Option<Option<Verdict>> {
    match end {
        End::Exited(0) => Some(None),
        End::Exited(125) => Some(Some(Verdict::Skip)),
        End::Exited(1..128) => Some(Some(Verdict::Bad)),
        _ => None,
    }
}

impl Rule {
    /// What a revision is of which the harness has said ANSWERS, and why; none while one
    /// is not sure.
    pub fn decide(&self, answers: &[Answer]) -> Option<(Verdict, String)> {
        let count = |what| answers.iter().filter(|answer| **answer == what).count();
        let (passes, failures) = (count(Answer::Passed), count(Answer::Failed));
        let told = format!("passed {passes}, failed {failures}");
        if failures >= self.failures as usize {
            return Some((Verdict::Bad, told));
        }
        if passes >= self.passes as usize {
            return Some((Verdict::Good, told));
        }
        if answers.contains(&Answer::Untold) {
            let why = "the harness could not be run to its end".to_owned();
            return Some((Verdict::Skip, why));
        }
        let in_a_row = answers.iter().rev();
        let in_a_row = in_a_row.take_while(|answer| **answer == Answer::NotReady);
        if in_a_row.count() > self.retries as usize {
            let verdict = match self.not_ready_is_bad {
                true => Verdict::Bad,
                false => Verdict::Skip,
            };
            return Some((verdict, "the world was never ready".to_owned()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(passes: u32, failures: u32, said: &str) -> Option<Verdict> {
        let rule = Rule {
            passes,
            failures,
            retries: 2,
            not_ready_is_bad: false,
        };
        let answers: Vec<Answer> = said
            .chars()
            .map(|letter| match letter {
                'p' => Answer::Passed,
                'f' => Answer::Failed,
                'n' => Answer::NotReady,
                _ => Answer::Untold,
            })
            .collect();
        rule.decide(&answers).map(|(verdict, _)| verdict)
    }

    #[test]
    fn one_is_sure_when_one_of_both_was_seen_often_enough() {
        for (passes, failures, said, expected) in [
            (1, 1, "", None),
            (1, 1, "p", Some(Verdict::Good)),
            (1, 1, "f", Some(Verdict::Bad)),
            (5, 1, "pppp", None),
            (5, 1, "ppppf", Some(Verdict::Bad)),
            (5, 1, "ppppp", Some(Verdict::Good)),
            (3, 3, "fpfp", None),
            (3, 3, "fpfpf", Some(Verdict::Bad)),
            (3, 3, "fpfpp", Some(Verdict::Good)),
        ] {
            assert_eq!(
                decided(passes, failures, said),
                expected,
                "{passes} {failures} {said}"
            );
        }
    }

    #[test]
    fn trouble_is_tried_once_more_and_then_left_out() {
        assert_eq!(decided(1, 1, "nn"), None);
        assert_eq!(decided(1, 1, "nnp"), Some(Verdict::Good));
        assert_eq!(decided(1, 1, "nnn"), Some(Verdict::Skip));
        assert_eq!(decided(2, 1, "nnpnn"), None);
        assert_eq!(decided(1, 1, "u"), Some(Verdict::Skip));
        let never = Rule {
            passes: 1,
            failures: 1,
            retries: 0,
            not_ready_is_bad: true,
        };
        let (verdict, _) = never.decide(&[Answer::NotReady]).unwrap();
        assert_eq!(verdict, Verdict::Bad);
    }

    #[test]
    fn statuses_are_read_as_git_reads_them_but_for_those_that_say_more() {
        let harness = |status| Answer::of(End::Exited(status));
        assert_eq!(harness(0), Some(Answer::Passed));
        assert_eq!(harness(1), Some(Answer::Failed));
        assert_eq!(harness(2), None);
        assert_eq!(harness(3), Some(Answer::NotReady));
        assert_eq!(harness(4), Some(Answer::Untold));
        assert_eq!(harness(125), Some(Answer::Untold));
        assert_eq!(harness(127), Some(Answer::Failed));
        assert_eq!(harness(130), None);
        assert_eq!(Answer::of(End::Killed(9)), Some(Answer::NotReady));
        let command = |status| of_command(End::Exited(status));
        assert_eq!(command(0), Some(None));
        assert_eq!(command(1), Some(Some(Verdict::Bad)));
        assert_eq!(command(125), Some(Some(Verdict::Skip)));
        assert_eq!(command(127), Some(Some(Verdict::Bad)));
        assert_eq!(command(128), None);
        assert_eq!(of_command(End::Killed(9)), None);
    }
}
