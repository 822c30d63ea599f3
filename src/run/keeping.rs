//! Whether a machine is kept when its run ends: a decision, and nothing else.
//!
//! What a run has done is kept where doing it again would cost somebody hours,
//! and tidied away where nobody would come back for it.

/// What was asked for about the machine of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Whatever loses no hours of work and leaks nothing in CI.
    #[default]
    Worth,
    /// Keep it, however the run ends.
    Keep,
    /// Keep it unless the run passes.
    KeepOnFailure,
    /// Do not keep it.
    Tidy,
}

/// What is known at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    pub policy: Policy,
    pub passed: bool,
    /// Whether the world ends with this process.
    pub simulated: bool,
    /// Whether nobody would come back: `CI` is set and there is no terminal.
    pub unattended: bool,
    /// A job of this run that still runs in the guest.
    pub job: Option<&'a str>,
    /// How long the finished steps took that a resumed run would not do again.
    pub worth_milliseconds: u64,
    /// From how much on that is worth a machine.
    pub keep_worth_milliseconds: u64,
}

/// What becomes of the machine, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub keep: bool,
    pub why: String,
    /// Whether somebody who sits there may be asked.
    pub open: bool,
}

/// What becomes of the machine of a run that ends like this.
pub fn choose(ending: &Ending) -> Choice {
    let settled = |keep: bool, why: &str| Choice {
        keep,
        why: why.to_owned(),
        open: false,
    };
    if ending.simulated {
        return settled(false, "a simulated world ends with its process");
    }
    match (ending.policy, ending.passed) {
        (Policy::Keep, _) => return settled(true, "--keep was said"),
        (Policy::KeepOnFailure, false) => return settled(true, "--keep=on-failure was said"),
        (Policy::Tidy, _) => return settled(false, "--tidy was said"),
        (_, true) => return settled(false, "the run has passed"),
        (Policy::Worth, false) => {}
    }
    if ending.unattended {
        return settled(false, "CI is set and there is no terminal");
    }
    let open = |keep: bool, why: String| Choice {
        keep,
        why,
        open: true,
    };
    if let Some(job) = ending.job {
        return open(true, format!("the job `{job}` still runs in the guest"));
    }
    let minutes = ending.worth_milliseconds / 60_000;
    if ending.worth_milliseconds >= ending.keep_worth_milliseconds {
        return open(
            true,
            format!(
                "its finished steps took {minutes} minutes, which `runs resume` does not do again"
            ),
        );
    }
    open(
        false,
        format!("its finished steps took {minutes} minutes, less than `keep-worth` says"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Ending = Ending {
        policy: Policy::Worth,
        passed: false,
        simulated: false,
        unattended: false,
        job: None,
        worth_milliseconds: 0,
        keep_worth_milliseconds: 600_000,
    };

    fn keeps(ending: Ending) -> bool {
        choose(&ending).keep
    }

    #[test]
    fn hours_of_work_and_running_jobs_are_kept_and_little_is_not() {
        assert!(!keeps(FAILED));
        assert!(keeps(Ending {
            worth_milliseconds: 600_000,
            ..FAILED
        }));
        assert!(keeps(Ending {
            job: Some("buildworld"),
            ..FAILED
        }));
        assert!(!keeps(Ending {
            worth_milliseconds: 600_000,
            passed: true,
            ..FAILED
        }));
    }

    #[test]
    fn nothing_leaks_in_ci_unless_that_was_asked_for() {
        let ci = Ending {
            unattended: true,
            job: Some("x"),
            worth_milliseconds: 9_000_000,
            ..FAILED
        };
        assert!(!keeps(ci));
        assert!(keeps(Ending {
            policy: Policy::Keep,
            ..ci
        }));
        assert!(keeps(Ending {
            policy: Policy::KeepOnFailure,
            ..ci
        }));
    }

    #[test]
    fn what_was_said_counts_and_asks_nobody() {
        let worth = Ending {
            worth_milliseconds: 9_000_000,
            ..FAILED
        };
        assert!(!keeps(Ending {
            policy: Policy::Tidy,
            ..worth
        }));
        assert!(keeps(Ending {
            policy: Policy::Keep,
            passed: true,
            ..FAILED
        }));
        assert!(!keeps(Ending {
            policy: Policy::KeepOnFailure,
            passed: true,
            ..FAILED
        }));
        assert!(
            !choose(&Ending {
                policy: Policy::Keep,
                ..FAILED
            })
            .open
        );
        assert!(choose(&FAILED).open);
    }

    #[test]
    fn a_simulated_machine_is_never_kept() {
        assert!(!keeps(Ending {
            simulated: true,
            policy: Policy::Keep,
            ..FAILED
        }));
    }
}
