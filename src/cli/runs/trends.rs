//! `runs trends`: how long a step took and how it came out, over all runs that are kept,
//! and what of that is to be said of a host with an image.

use super::super::output::{print_line, print_text};
use super::super::screen;
use crate::failure::Failure;
use crate::report::evidence::{Evidence, State};
use crate::report::{data, moment};
use crate::run::folder;
use crate::run::verdict::Verdict;
use crate::visible::escape;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A step in one run, or the run.
struct Point {
    run: String,
    began: u64,
    series: Series,
    outcome: &'static str,
    seconds: Option<f64>,
}

/// What points have in common that can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    harness: String,
    /// Empty for the run as a whole.
    step: String,
    kind: String,
    host: String,
    image: String,
}

/// What is to be said of a series.
#[derive(Default)]
struct Trend {
    runs: usize,
    /// When those began that failed.
    failed: Vec<u64>,
    seconds: Vec<f64>,
}

/// Print the points of the steps of RUNS with PART in their paths, the oldest first, and
/// then a line for each series of them.
pub fn run(runs: &[PathBuf], part: Option<&str>, json: bool) -> Result<u8, Failure> {
    let mut points: Vec<Point> = runs
        .iter()
        .flat_map(|run| points(&Evidence::of(folder::summary(run)), part))
        .collect();
    points.sort_by(|one, other| (one.began, &one.run).cmp(&(other.began, &other.run)));
    let mut trends: BTreeMap<Series, Trend> = BTreeMap::new();
    for point in &points {
        let trend = trends.entry(point.series.clone()).or_default();
        trend.runs += 1;
        if point.outcome == "failed" {
            trend.failed.push(point.began);
        } else if point.outcome == "passed" {
            trend.seconds.extend(point.seconds);
        }
    }
    if json {
        print_text(&data::text(&json!({
            "points": points.iter().map(told_point).collect::<Vec<_>>(),
            "trends": trends
                .iter()
                .map(|(series, trend)| told_trend(series, trend))
                .collect::<Vec<_>>(),
        })))?;
        return Ok(0);
    }
    for point in &points {
        let seconds = point.seconds.map_or("-".to_owned(), length);
        print_line(escape(&format!(
            "{}  {:6}  {seconds:>9}  {}  {}",
            moment(point.began),
            point.outcome,
            point.run,
            title(&point.series)
        )))?;
    }
    for (series, trend) in &trends {
        print_line(escape(&format!("{}: {}", title(series), sentence(trend))))?;
    }
    Ok(0)
}

/// The points of a run: the steps with PART in their paths, or else the run itself.
fn points(evidence: &Evidence, part: Option<&str>) -> Vec<Point> {
    let summary = &evidence.summary;
    let Some(began) = summary.began else {
        return Vec::new();
    };
    let point = |step: String, outcome, seconds| Point {
        run: summary.id.clone(),
        began,
        series: Series {
            harness: summary.harness.clone(),
            step,
            kind: evidence.kind().to_owned(),
            // The simulated host is another one each time.
            host: match evidence.kind() {
                "live" => summary.host.clone(),
                _ => String::new(),
            },
            image: evidence
                .images
                .first()
                .map_or(String::new(), |image| image.sha256.clone()),
        },
        outcome,
        seconds,
    };
    let Some(part) = part else {
        let outcome = match summary.verdict {
            Verdict::Pass => "passed",
            Verdict::Fail => "failed",
            verdict => verdict.as_str(),
        };
        let seconds = summary.duration(summary.last.unwrap_or(began));
        return vec![point(String::new(), outcome, Some(seconds.as_secs_f64()))];
    };
    evidence
        .steps
        .iter()
        .filter(|step| !step.path.is_empty())
        .filter_map(|step| {
            let path = step.path.join(" / ");
            let outcome = match step.state {
                State::Passed => "passed",
                State::Failed { .. } | State::PassedOver { .. } => "failed",
                State::Kept(_) => "kept",
                State::Open => "open",
            };
            let seconds = step
                .milliseconds
                .map(|milliseconds| milliseconds as f64 / 1e3);
            path.contains(part).then(|| point(path, outcome, seconds))
        })
        .collect()
}

fn title(series: &Series) -> String {
    let mut title = series.harness.clone();
    if !series.step.is_empty() {
        title.push_str(&format!(" / {}", series.step));
    }
    let host = series.host.trim_start_matches("https://");
    title.push_str(&format!(" ({}", series.kind));
    for (what, value) in [(" on ", host), (", image ", &series.image)] {
        if !value.is_empty() {
            title.push_str(&format!(
                "{what}{}",
                value.chars().take(30).collect::<String>()
            ));
        }
    }
    title + ")"
}

fn length(seconds: f64) -> String {
    screen::seconds(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn sentence(trend: &Trend) -> String {
    let mut sentence = match (trend.failed.len(), trend.failed.first()) {
        (0, _) | (_, None) => format!("{} runs, none failed", trend.runs),
        (failed, Some(first)) => format!(
            "{} runs, {failed} failed, the first of them {}",
            trend.runs,
            moment(*first)
        ),
    };
    if let (Some(median), Some(last)) = (median(&trend.seconds), trend.seconds.last()) {
        sentence.push_str(&format!(
            "; median {}, last {}",
            length(median),
            length(*last)
        ));
    }
    sentence
}

fn median(seconds: &[f64]) -> Option<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted.get(middle).copied(),
        _ => Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0),
    }
}

fn told_point(point: &Point) -> Value {
    let mut told = told_series(&point.series);
    told["run"] = point.run.clone().into();
    told["began"] = moment(point.began).into();
    told["outcome"] = point.outcome.into();
    told["seconds"] = json!(point.seconds);
    told
}

fn told_trend(series: &Series, trend: &Trend) -> Value {
    let mut told = told_series(series);
    told["runs"] = trend.runs.into();
    told["failed"] = trend.failed.len().into();
    told["first_failed"] = json!(trend.failed.first().copied().map(moment));
    told["median_seconds"] = json!(median(&trend.seconds));
    told["last_seconds"] = json!(trend.seconds.last());
    told
}

fn told_series(series: &Series) -> Value {
    let or_null = |text: &str| match text {
        "" => Value::Null,
        text => text.into(),
    };
    json!({
        "harness": series.harness,
        "step": or_null(&series.step),
        "kind": series.kind,
        "host": or_null(&series.host),
        "image_sha256": or_null(&series.image),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_or_between_the_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn a_trend_says_how_many_failed_and_since_when() {
        let trend = Trend {
            runs: 9,
            failed: vec![86_400],
            seconds: vec![1.0, 3.0, 2.0],
        };
        assert_eq!(
            sentence(&trend),
            "9 runs, 1 failed, the first of them 1970-01-02T00:00:00Z; median 2.0 s, last 2.0 s"
        );
    }
}
