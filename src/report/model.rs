//! What a report is about when it goes to programs that know nothing of harnesses:
//! suites of cases, each with an outcome.

/// Cases that were looked at together: a run of a harness, a file of tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suite {
    pub name: String,
    /// When it began, in seconds since 1970.
    pub began: Option<u64>,
    pub seconds: Option<f64>,
    /// What else is to be known of it, by name.
    pub properties: Vec<(String, String)>,
    pub cases: Vec<Case>,
}

/// One thing that holds or does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is a case of, such as `OUTER / INNER`; empty when of nothing.
    pub group: String,
    pub name: String,
    /// Where it is written, as far as that is known.
    pub place: Option<Place>,
    pub seconds: Option<f64>,
    pub outcome: Outcome,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    /// From 1 on.
    pub line: u64,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// It was not looked at: why.
    Skipped(String),
    /// It does not hold, which was known beforehand: why.
    KnownFailure(String),
    /// What it is about is not as it should be.
    Failed(Trouble),
    /// It could not be looked at.
    Error(Trouble),
}

/// What is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Of which kind that is, such as the key of an exception.
    pub kind: String,
    pub message: String,
    pub expected: Option<String>,
    pub actual: Option<String>,
}

/// How many cases of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub cases: usize,
    pub failures: usize,
    pub errors: usize,
    /// Known failures among them.
    pub skipped: usize,
}

impl Counts {
    /// The counts of SUITES, all in all.
    pub fn of(suites: &[Suite]) -> Counts {
        let mut counts = Counts::default();
        for case in suites.iter().flat_map(|suite| &suite.cases) {
            counts.cases += 1;
            match case.outcome {
                Outcome::Passed => {}
                Outcome::Skipped(_) | Outcome::KnownFailure(_) => counts.skipped += 1,
                Outcome::Failed(_) => counts.failures += 1,
                Outcome::Error(_) => counts.errors += 1,
            }
        }
        counts
    }
}

impl Place {
    /// The place that TEXT, `FILE:LINE:COLUMN`, names.
    pub fn from_text(text: &str) -> Option<Place> {
        let (rest, _column) = text.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        Some(Place {
            file: file.to_owned(),
            line: line.parse().ok()?,
        })
    }
}
