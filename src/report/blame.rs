//! Whose fault a failure is: of the harness, of the product (the image), or of what
//! both are on and in (the lab).
//!
//! Four runs tell it: each of {harness, image} as it was when a run was good last, and
//! as it is now. What one of them tells is decided here and nowhere else; making them is
//! the matter of `cli`.
//!
//! Source: openqa-investigate, which makes the same four.

use std::fmt;

/// Of when a harness or an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Of the run that was good.
    Good,
    /// Of the run that failed.
    Now,
}

impl Side {
    /// The side as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Good => "good",
            Side::Now => "now",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What a run of the four has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Passed,
    Failed,
    /// It has ended, and said nothing of harness and product.
    Nothing,
}

/// What the four runs have said; none where one was not made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// By harness, then by image; the good one first.
    cells: [[Option<Answer>; 2]; 2],
}

impl Answers {
    /// What HARNESS on IMAGE has said.
    pub fn get(&self, harness: Side, image: Side) -> Option<Answer> {
        self.cells[harness as usize][image as usize]
    }

    /// HARNESS on IMAGE has said ANSWER.
    pub fn set(&mut self, harness: Side, image: Side, answer: Answer) {
        self.cells[harness as usize][image as usize] = Some(answer);
    }
}

/// The four, in the order in which they are made: what both were and are now says most.
pub const ORDER: [(Side, Side); 4] = [
    (Side::Now, Side::Now),
    (Side::Good, Side::Good),
    (Side::Good, Side::Now),
    (Side::Now, Side::Good),
];

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Harness,
    Product,
    /// Each of both fails without the other.
    Both,
    /// Neither fails without the other.
    Together,
    Lab,
    /// What has failed does not fail now.
    NotAgain,
    /// What the runs say does not fit together, or too few of them say something.
    Unclear,
}

impl Blame {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Blame::Harness => "harness",
            Blame::Product => "product",
            Blame::Both => "harness and product",
            Blame::Together => "harness with product",
            Blame::Lab => "lab",
            Blame::NotAgain => "none",
            Blame::Unclear => "unclear",
        }
    }

    /// Why: what the runs have said that leads there.
    pub fn reason(self) -> &'static str {
        match self {
            Blame::Harness => {
                "the harness of now fails on the image that was good, and the harness that was \
                 good passes on the image of now"
            }
            Blame::Product => {
                "the harness that was good fails on the image of now, and the harness of now \
                 passes on the image that was good"
            }
            Blame::Both => {
                "the harness of now fails on the image that was good, and the harness that was \
                 good fails on the image of now: each has a fault of its own"
            }
            Blame::Together => {
                "only the harness of now on the image of now fails: each passes with the other \
                 as it was, so they do not agree with one another"
            }
            Blame::Lab => {
                "the harness and the image that were good fail now, so something else has \
                 changed: host, network, settings, parameters, or fruix-scm"
            }
            Blame::NotAgain => {
                "the harness and the image that failed pass now: the failure comes and goes, or \
                 the lab had it and has it no more"
            }
            Blame::Unclear => {
                "what the runs say does not lead anywhere: some say nothing of harness and \
                 product, or a failure comes and goes"
            }
        }
    }

    /// What ANSWERS say, as far as they are there; none where those that are not there
    /// would say more.
    pub fn of(answers: &Answers) -> Option<Blame> {
        use Answer::{Failed, Nothing, Passed};
        let both_now = answers.get(Side::Now, Side::Now)?;
        if both_now != Failed {
            return Some(match both_now {
                Passed => Blame::NotAgain,
                _ => Blame::Unclear,
            });
        }
        let both_good = answers.get(Side::Good, Side::Good)?;
        let image_now = answers.get(Side::Good, Side::Now);
        let harness_now = answers.get(Side::Now, Side::Good);
        if both_good != Passed {
            // What fails with both as they were cannot pass with one of them changed.
            let fits = both_good == Failed && ![image_now, harness_now].contains(&Some(Passed));
            return Some(match fits {
                true => Blame::Lab,
                false => Blame::Unclear,
            });
        }
        Some(match (image_now?, harness_now?) {
            (Nothing, _) | (_, Nothing) => Blame::Unclear,
            (Failed, Passed) => Blame::Product,
            (Passed, Failed) => Blame::Harness,
            (Failed, Failed) => Blame::Both,
            (Passed, Passed) => Blame::Together,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of runs that answered so: both now, both good, the image now, the
    /// harness now; `p`assed, `f`ailed, `n`othing, or `-` not made.
    fn blame(said: &str) -> Option<Blame> {
        let mut answers = Answers::default();
        for ((harness, image), letter) in ORDER.into_iter().zip(said.chars()) {
            let answer = match letter {
                'p' => Answer::Passed,
                'f' => Answer::Failed,
                'n' => Answer::Nothing,
                _ => continue,
            };
            answers.set(harness, image, answer);
        }
        Blame::of(&answers)
    }

    #[test]
    fn four_runs_tell_whose_fault_it_is() {
        for (said, expected) in [
            ("fpfp", Blame::Product),
            ("fppf", Blame::Harness),
            ("fpff", Blame::Both),
            ("fppp", Blame::Together),
            ("ffff", Blame::Lab),
            ("pppp", Blame::NotAgain),
            ("ffpf", Blame::Unclear),
            ("fpnf", Blame::Unclear),
            ("fnff", Blame::Unclear),
            ("nppp", Blame::Unclear),
        ] {
            assert_eq!(blame(said), Some(expected), "{said}");
        }
    }

    #[test]
    fn no_more_runs_are_asked_for_than_tell_it() {
        assert_eq!(blame("----"), None);
        assert_eq!(blame("p---"), Some(Blame::NotAgain));
        assert_eq!(blame("f---"), None);
        assert_eq!(blame("ff--"), Some(Blame::Lab));
        assert_eq!(blame("fp--"), None);
        assert_eq!(blame("fpf-"), None);
    }
}
