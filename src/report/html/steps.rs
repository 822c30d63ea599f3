//! The timeline: steps with their checks, in the order of time.

use super::super::evidence::{Check, CheckOutcome, State, Step};
use super::{Writer, duration, shown, shown_lines};

/// Checks that hold are folded away where there are more of them.
const SHOWN_CHECKS: usize = 3;
/// How wide the bar of the whole run is.
const WIDTH: u64 = 1000;
/// Steps further inside are shown as far inside as this.
const DEEPEST: usize = 4;

impl Writer<'_> {
    pub(super) fn timeline(&mut self) {
        self.section("steps", "Steps");
        let steps = &self.page.evidence.steps;
        let count = steps.iter().filter(|step| !step.path.is_empty()).count();
        let checks: usize = steps.iter().map(|step| step.checks.len()).sum();
        self.say(&format!(
            "<p class=\"soft\">{count} steps, {checks} checks.</p>"
        ));
        self.say("<ol class=\"steps\">");
        for step in steps {
            if !step.path.is_empty() || !step.checks.is_empty() {
                self.step(step);
            }
        }
        self.say("</ol>\n</section>");
    }

    fn step(&mut self, step: &Step) {
        let (sign, class, word) = match &step.state {
            State::Open => ("…", "odd", "open"),
            State::Passed => ("✓", "good", "passed"),
            State::Failed { .. } => ("✗", "bad", "failed"),
            State::Kept(_) => ("=", "soft", "kept"),
            State::PassedOver { .. } => ("!", "bad", "passed over"),
        };
        let depth = step.path.len().saturating_sub(1).min(DEEPEST);
        self.say(&format!("<li class=\"d{depth}\">"));
        if let Some(name) = step.path.last() {
            let time = match step.milliseconds {
                Some(milliseconds) => duration(milliseconds),
                None => word.to_owned(),
            };
            self.say(&format!(
                "<div class=\"head\"><span class=\"sign {class}\" role=\"img\" aria-label=\"{word}\">\
                 {sign}</span> <span class=\"name\">{}</span> <span class=\"time\">{time}</span></div>",
                shown(name)
            ));
            self.bar(step);
        }
        let again = step.why.as_ref().map(|why| format!("Done again: {why}"));
        let kept = match &step.state {
            State::Kept(why) => Some(format!("Not done again: {why}")),
            State::PassedOver { how, .. } => Some(format!("Passed over by hand: {how}")),
            _ => None,
        };
        for said in again.iter().chain(&kept) {
            self.say(&format!("<p class=\"soft\">{}</p>", shown(said)));
        }
        let is_told = step
            .checks
            .iter()
            .any(|check| matches!(check.outcome, CheckOutcome::Fails { .. }));
        match &step.state {
            State::Failed { message, .. } | State::PassedOver { message, .. }
                if !is_told && !step.has_inner =>
            {
                self.say(&format!(
                    "<p class=\"trouble\">{}</p>",
                    shown_lines(message)
                ));
            }
            _ => {}
        }
        self.checks(&step.checks);
        self.say("</li>");
    }

    fn bar(&mut self, step: &Step) {
        let whole = self.page.evidence.milliseconds;
        let Some(milliseconds) = step.milliseconds.filter(|_| whole > 0) else {
            return;
        };
        let part = |milliseconds: u64| {
            let part = u128::from(milliseconds) * u128::from(WIDTH) / u128::from(whole);
            u64::try_from(part).unwrap_or(WIDTH).min(WIDTH)
        };
        let (from, width) = (part(step.offset), part(milliseconds).max(2));
        self.say(&format!(
            "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} 4\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\" focusable=\"false\"><rect x=\"{}\" width=\"{width}\" \
             height=\"4\"></rect></svg>",
            from.min(WIDTH - width)
        ));
    }

    fn checks(&mut self, checks: &[Check]) {
        let holds = |check: &&Check| matches!(check.outcome, CheckOutcome::Holds(_));
        let (good, others): (Vec<&Check>, Vec<&Check>) = checks.iter().partition(holds);
        if !others.is_empty() {
            self.say("<ul class=\"checks\">");
            for check in others {
                self.check(check);
            }
            self.say("</ul>");
        }
        if good.is_empty() {
            return;
        }
        let is_folded = good.len() > SHOWN_CHECKS;
        if is_folded {
            self.say(&format!(
                "<details><summary>{} checks hold</summary>",
                good.len()
            ));
        }
        self.say("<ul class=\"checks\">");
        for check in good {
            self.check(check);
        }
        self.say("</ul>");
        if is_folded {
            self.say("</details>");
        }
    }

    fn check(&mut self, check: &Check) {
        let what = shown(&check.what);
        match &check.outcome {
            CheckOutcome::Holds(value) => {
                let value = value
                    .as_ref()
                    .map(|value| format!(": <span class=\"value\">{}</span>", shown(value)));
                self.say(&format!(
                    "<li><span class=\"good\">✓</span> {what}{}</li>",
                    value.unwrap_or_default()
                ));
            }
            CheckOutcome::Skipped(why) => self.say(&format!(
                "<li><span class=\"soft\">–</span> skipped: {}</li>",
                shown(why)
            )),
            CheckOutcome::KnownFailure { why, message } => self.say(&format!(
                "<li><span class=\"odd\">~</span> fails, as is known ({}): {}</li>",
                shown(why),
                shown(message)
            )),
            CheckOutcome::Fails {
                message,
                expected,
                actual,
            } => {
                self.say(&format!(
                    "<li><span class=\"bad\">✗</span> {what}\n<p class=\"trouble\">{}</p>",
                    shown_lines(message)
                ));
                let mut facts = Vec::new();
                for (name, value) in [
                    ("expected", expected),
                    ("actual", actual),
                    ("where", &check.place),
                ] {
                    facts.extend(value.iter().map(|value| (name, value.clone())));
                }
                if !facts.is_empty() {
                    self.list(&facts);
                }
                self.say("</li>");
            }
        }
    }
}
