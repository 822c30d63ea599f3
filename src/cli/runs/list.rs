//! `runs list`: a line a run, newest first.

use super::super::output::{print_line, print_text};
use super::super::screen;
use super::super::settings::Environment;
use crate::failure::Failure;
use crate::report::{data, moment};
use crate::run::folder::{self, Summary};
use crate::run::journal;
use crate::run::verdict::Verdict;
use crate::visible::escape;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Print a line for each of RUNS, or all of them as JSON.
pub fn run(runs: &[PathBuf], json: bool, environment: &Environment) -> Result<u8, Failure> {
    let now = journal::now();
    let mut summaries: Vec<Summary> = runs.iter().map(|run| folder::summary(run)).collect();
    // A run whose journal does not say it began when its identifier does, and what has
    // no such identifier is told last.
    summaries.sort_by_key(|summary| {
        let stamp = match summary.id.split_once('-') {
            Some((stamp, _)) if folder::is_id(&summary.id) => stamp.to_owned(),
            _ => String::new(),
        };
        let began = summary.began.map_or(stamp, journal::timestamp);
        std::cmp::Reverse((began, summary.id.clone()))
    });
    if json {
        let runs: Vec<_> = summaries
            .iter()
            .map(|summary| data::run(summary, now))
            .collect();
        print_text(&data::text(&runs.into()))?;
        return Ok(0);
    }
    let rows: Vec<[String; 7]> = summaries
        .iter()
        .map(|summary| row(summary, now).map(|cell| escape(&cell)))
        .collect();
    let widths: Vec<usize> = (0..6)
        .map(|column| {
            rows.iter()
                .map(|row| width(&row[column]))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let colours = std::io::stdout().is_terminal()
        && environment.get("NO_COLOR").is_none()
        && environment.get("TERM") != Some("dumb");
    for (row, summary) in rows.iter().zip(&summaries) {
        print_line(line(row, &widths, summary.verdict, colours))?;
    }
    Ok(0)
}

/// What stands in the columns of the line of SUMMARY; nothing unknown is left empty.
fn row(summary: &Summary, now: u64) -> [String; 7] {
    let or_dash = |text: &str| match text {
        "" => "-".to_owned(),
        text => text.to_owned(),
    };
    [
        summary.began.map_or("-".to_owned(), moment),
        match summary.began {
            Some(_) => screen::seconds(summary.duration(now)),
            None => "-".to_owned(),
        },
        or_dash(&summary.kind),
        or_dash(summary.host.trim_start_matches("https://")),
        summary.verdict.to_string(),
        summary.id.clone(),
        match summary.verdict {
            Verdict::Pass => String::new(),
            _ => summary
                .failed
                .last()
                .map_or(String::new(), |step| step.join(" / ")),
        },
    ]
}

/// The cells of ROW below one another, at most WIDTHS wide.
fn line(row: &[String; 7], widths: &[usize], verdict: Verdict, colours: bool) -> String {
    let mut text = String::new();
    for (column, cell) in row.iter().enumerate() {
        let room = widths.get(column).copied().unwrap_or(0);
        let gap = " ".repeat(room.saturating_sub(width(cell)));
        let cell = match column {
            VERDICT if colours => painted(verdict, cell),
            _ => cell.clone(),
        };
        // How long something took is read from its end.
        match column {
            DURATION => text.push_str(&format!("{gap}{cell}  ")),
            _ => text.push_str(&format!("{cell}{gap}  ")),
        }
    }
    text.trim_end().to_owned()
}

const DURATION: usize = 1;
const VERDICT: usize = 4;

fn width(text: &str) -> usize {
    text.chars().count()
}

fn painted(verdict: Verdict, text: &str) -> String {
    let colour = match verdict {
        Verdict::Pass => "32",
        Verdict::Running => "34",
        Verdict::Partial | Verdict::NotReady | Verdict::Interrupted => "33",
        Verdict::Fail | Verdict::Error | Verdict::Damaged | Verdict::Lost => "31",
    };
    format!("\x1b[{colour}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_one_another_also_in_colour() {
        let cells = |duration: &str, verdict: &str| {
            ["when", duration, "none", "-", verdict, "id", ""].map(str::to_owned)
        };
        let widths = [4, 6, 4, 1, 9, 2];
        assert_eq!(
            line(&cells("1.0 s", "pass"), &widths, Verdict::Pass, false),
            "when   1.0 s  none  -  pass       id"
        );
        assert_eq!(
            line(&cells("10.0 s", "fail"), &widths, Verdict::Fail, true),
            "when  10.0 s  none  -  \x1b[31mfail\x1b[0m       id"
        );
    }
}
