//! Where what modules expand to is kept for the next start, and whether it can be.

use super::super::arguments::CommandLine;
use super::super::interpreter::cache_directory;
use super::super::settings::Environment;
use super::{Finding, Verdict};
use crate::guile::shelf::{self, Contents, MOST_BYTES};
use rustix::fs::{Access, access};
use std::io;
use std::path::Path;

/// What there is to be said of it. No run needs it, so nothing about it is trouble.
pub fn examined(line: &CommandLine, environment: &Environment) -> Finding {
    let absent = |text: String| Finding::new(Verdict::Absent, "cache", text);
    let Some(folder) = cache_directory(line, environment) else {
        return absent(
            "what modules expand to is not kept: --no-cache or FRUIX_SCM_NO_CACHE was said, or \
             there is no home"
                .to_owned(),
        );
    };
    let shown = folder.display();
    let contents = shelf::contents(&folder).and_then(|contents| {
        check_writable(&folder)?;
        Ok(contents)
    });
    match contents {
        Ok(Contents { modules: 0, .. }) => Finding::new(
            Verdict::Fine,
            "cache",
            format!("what modules expand to is kept in `{shown}`, which has nothing yet"),
        ),
        Ok(Contents { modules, bytes }) => Finding::new(
            Verdict::Fine,
            "cache",
            format!(
                "what modules expand to is kept in `{shown}`: {modules} modules, {} of at most {}",
                mebibytes(bytes),
                mebibytes(MOST_BYTES)
            ),
        ),
        Err(error) => absent(format!(
            "what modules expand to cannot be kept in `{shown}`, so each start expands them: \
             {error}; set XDG_CACHE_HOME to a directory that may be written"
        )),
    }
}

/// Fail when nothing could be made in FOLDER, or where it is to be made.
fn check_writable(folder: &Path) -> io::Result<()> {
    for place in folder.ancestors() {
        match access(place, Access::WRITE_OK | Access::EXEC_OK) {
            Err(rustix::io::Errno::NOENT) => {}
            // A file, too, may be written and executed.
            Ok(()) if !place.is_dir() => return Err(rustix::io::Errno::NOTDIR.into()),
            other => return other.map_err(io::Error::from),
        }
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
