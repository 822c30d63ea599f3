//! What a run is called when it has ended, or has not.

use crate::failure::Key;
use std::fmt;

/// What is to be said of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was done, and everything held.
    Pass,
    /// The system is not as it should be.
    Fail,
    /// What was done held, and not everything was done, or a failure was passed
    /// over by hand.
    Partial,
    /// The world was not ready for it.
    NotReady,
    /// The harness, or fruix-scm, is at fault.
    Error,
    Interrupted,
    /// Its journal does not hold together.
    Damaged,
    /// A process works on it.
    Running,
    /// Its process is gone and has not said how it ended.
    Lost,
}

const ALL: [Verdict; 9] = [
    Verdict::Pass,
    Verdict::Fail,
    Verdict::Partial,
    Verdict::NotReady,
    Verdict::Error,
    Verdict::Interrupted,
    Verdict::Damaged,
    Verdict::Running,
    Verdict::Lost,
];

impl Verdict {
    /// The verdict as listings and records name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Partial => "partial",
            Verdict::NotReady => "not-ready",
            Verdict::Error => "error",
            Verdict::Interrupted => "interrupted",
            Verdict::Damaged => "damaged",
            Verdict::Running => "running",
            Verdict::Lost => "lost",
        }
    }

    /// The verdict that a journal calls NAME; a name that is not known is no pass.
    pub fn from_name(name: &str) -> Verdict {
        ALL.into_iter()
            .find(|verdict| verdict.as_str() == name)
            .unwrap_or(Verdict::Error)
    }

    /// The verdict on a harness that ended with an exception of KEY.
    pub fn of_key(key: &str) -> Verdict {
        match Key::from_name(key).map_or(4, Key::exit_status) {
            1 => Verdict::Fail,
            2 | 3 => Verdict::NotReady,
            5 => Verdict::Partial,
            130 => Verdict::Interrupted,
            _ => Verdict::Error,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_whose_turn_it_is() {
        assert_eq!(Verdict::of_key("check-failed"), Verdict::Fail);
        assert_eq!(Verdict::of_key("xapi-error"), Verdict::NotReady);
        assert_eq!(Verdict::of_key("interrupted"), Verdict::Interrupted);
        assert_eq!(Verdict::of_key("wrong-type-arg"), Verdict::Error);
        for verdict in ALL {
            assert_eq!(Verdict::from_name(verdict.as_str()), verdict);
        }
        assert_eq!(Verdict::from_name("passed"), Verdict::Error);
    }
}
