//! Who makes reports of runs while they go on.

use super::journal::Line;
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

/// Somebody who is told of what is kept of runs. What goes wrong with a report is no
/// matter of the run's: a reporter remembers it and says it at the end.
pub trait Reporter: Debug + Send + Sync {
    /// LINE is the newest in the journal of the run ID, which is in FOLDER where it is
    /// kept.
    fn see(&self, id: &str, folder: Option<&Path>, line: &Line);

    /// The run in FOLDER has ended; its journal is complete.
    fn ended(&self, folder: Option<&Path>);

    /// How long it has taken to see so far.
    fn spent(&self) -> Duration;
}
