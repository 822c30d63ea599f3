//! A report as one page: without scripts, and without anything from elsewhere.
//!
//! The page's own policy (Content-Security-Policy) lets a browser fetch nothing: its
//! style is named by its digest, its pictures are in it. What comes from outside goes
//! through [`shown`], wherever it stands. A step is an item of a flat list, because
//! browsers nest elements some hundreds deep only.

mod steps;

use super::evidence::{Evidence, KeptFile};
use super::{base64, moment};
use crate::run::journal::State;
use crate::run::verdict::Verdict;
use crate::visible::escape;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// A run, and what of its files the page shows.
#[derive(Clone, Debug)]
pub struct Page {
    pub evidence: Evidence,
    pub excerpts: Vec<Excerpt>,
    pub pictures: Vec<Picture>,
    pub files: Vec<KeptFile>,
}

/// Lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    pub title: String,
    /// Its file in the folder of the run.
    pub file: String,
    /// Why the work of which it is the log failed.
    pub cause: Option<String>,
    /// With their numbers; gaps between them are left out.
    pub lines: Vec<(u64, String)>,
    /// The number of the line that tells the first cause.
    pub marked: Option<u64>,
}

/// A picture, as PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub file: String,
    pub png: Vec<u8>,
}

/// PAGES as one document.
pub fn text(pages: &[Page]) -> String {
    let mut out = String::new();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        base64(Sha256::digest(STYLE))
    );
    let title = match pages {
        [page] => format!(
            "{} {}",
            word(page.evidence.summary.verdict),
            page.evidence.summary.harness
        ),
        pages => format!("{} runs", pages.len()),
    };
    let title: String = title.chars().take(64).collect();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        shown(&title)
    );
    for (number, page) in pages.iter().enumerate() {
        Writer {
            out: &mut out,
            page,
            number,
        }
        .article();
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// TEXT fit to stand in an element or an attribute.
fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in escape(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The same with its lines.
fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(shown).collect();
    lines.join("\n")
}

fn word(verdict: Verdict) -> String {
    verdict.as_str().to_uppercase()
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "good",
        Verdict::Fail | Verdict::Error | Verdict::Damaged => "bad",
        _ => "odd",
    }
}

/// MILLISECONDS as a reader wants them.
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{}.{:01} s", seconds, milliseconds % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

struct Writer<'a> {
    out: &'a mut String,
    page: &'a Page,
    /// Which of the pages it is: identifiers are the document's.
    number: usize,
}

impl Writer<'_> {
    fn say(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn article(&mut self) {
        let summary = &self.page.evidence.summary;
        let verdict = summary.verdict;
        let name = match summary.harness.as_str() {
            "" => &summary.id,
            name => name,
        };
        self.say("<article>");
        self.say(&format!(
            "<header>\n<h1><span class=\"verdict {}\">{}</span> {}</h1>",
            class(verdict),
            word(verdict),
            shown(name)
        ));
        if let Some(message) = &summary.message {
            self.say(&format!(
                "<p class=\"trouble\">{}</p>",
                shown_lines(message)
            ));
        }
        for notice in self.notices() {
            self.say(&format!("<p class=\"notice\">{}</p>", shown(&notice)));
        }
        self.facts();
        self.navigation();
        self.say("</header>");
        self.timeline();
        self.record();
        self.logs();
        self.pictures();
        self.files();
        self.circumstances();
        self.say("</article>");
    }

    /// What a reader must not overlook.
    fn notices(&self) -> Vec<String> {
        let evidence = &self.page.evidence;
        let mut notices = Vec::new();
        match evidence.kind() {
            "live" => {}
            "none" => notices.push("This run has asked for no machine.".to_owned()),
            kind => notices.push(format!(
                "This run was {kind}: it says nothing about a live machine."
            )),
        }
        if let Some(partial) = &evidence.partial {
            notices.push(format!(
                "This run is one in part, {} step `{}`; the rest was taken from run {}.",
                partial.how, partial.step, partial.of
            ));
        }
        for step in &evidence.summary.passed_over {
            notices.push(format!("The step `{step}` was passed over by hand."));
        }
        match evidence.summary.reading.state {
            State::Whole => {}
            State::Torn => notices.push("The journal's last line was torn and is left out.".into()),
            State::Damaged(line) => notices.push(format!(
                "The journal is damaged at line {line}: nothing of the run is believed."
            )),
        }
        notices
    }

    fn facts(&mut self) {
        let evidence = &self.page.evidence;
        let summary = &evidence.summary;
        let mut facts: Vec<(&str, String)> = vec![("Kind", evidence.kind().to_owned())];
        for machine in &evidence.machines {
            let name = match machine.name.as_str() {
                "" => String::new(),
                name => format!(" ({name})"),
            };
            facts.push(("Host", machine.host.clone()));
            facts.push(("VM", format!("{}{name}", machine.vm)));
            facts.push(("Disk", machine.vdi.clone()));
        }
        for image in &evidence.images {
            facts.push(("Image", format!("{}, SHA-256 {}", image.file, image.sha256)));
        }
        if let Some(began) = summary.began {
            facts.push(("Began", moment(began)));
            let took = summary.duration(summary.last.unwrap_or(began));
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            facts.push(("Took", duration(took)));
        }
        facts.push(("Run", summary.id.clone()));
        self.list(&facts);
    }

    fn list(&mut self, facts: &[(&str, String)]) {
        self.say("<dl>");
        for (name, value) in facts {
            self.say(&format!(
                "<dt>{}</dt><dd class=\"value\">{}</dd>",
                shown(name),
                shown(value)
            ));
        }
        self.say("</dl>");
    }

    fn navigation(&mut self) {
        let number = self.number;
        let page = self.page;
        let parts = [
            ("steps", "Steps", true),
            ("record", "Record", !page.evidence.record.is_empty()),
            ("logs", "Logs", !page.excerpts.is_empty()),
            ("pictures", "Console picture", !page.pictures.is_empty()),
            ("files", "Files", !page.files.is_empty()),
            ("circumstances", "Circumstances", true),
        ];
        self.say(&format!(
            "<nav aria-label=\"Parts of run {}\">\n<ul>",
            number + 1
        ));
        for (part, title, _) in parts.into_iter().filter(|(_, _, is_there)| *is_there) {
            self.say(&format!(
                "<li><a href=\"#{part}-{number}\">{title}</a></li>"
            ));
        }
        self.say("</ul>\n</nav>");
    }

    fn section(&mut self, part: &str, title: &str) {
        let number = self.number;
        self.say(&format!(
            "<section id=\"{part}-{number}\">\n<h2>{}</h2>",
            shown(title)
        ));
    }

    fn record(&mut self) {
        let record = &self.page.evidence.record;
        if record.is_empty() {
            return;
        }
        self.section("record", "Record");
        let rows: Vec<Vec<String>> = record
            .iter()
            .map(|(key, value)| vec![key.clone(), value.clone()])
            .collect();
        self.table(&["Key", "Value"], &rows);
        self.say("</section>");
    }

    fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let head: String = head
            .iter()
            .map(|cell| format!("<th scope=\"col\">{cell}</th>"))
            .collect();
        self.say(&format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>"));
        for row in rows {
            let cells: String = row
                .iter()
                .map(|cell| format!("<td class=\"value\">{}</td>", shown(cell)))
                .collect();
            self.say(&format!("<tr>{cells}</tr>"));
        }
        self.say("</tbody>\n</table>");
    }

    fn logs(&mut self) {
        if self.page.excerpts.is_empty() {
            return;
        }
        self.section("logs", "Logs");
        for excerpt in &self.page.excerpts {
            self.say(&format!("<h3>{}</h3>", shown(&excerpt.title)));
            if let Some(cause) = &excerpt.cause {
                self.say(&format!(
                    "<p>First cause: <strong class=\"bad\">{}</strong></p>",
                    shown(cause)
                ));
            }
            let mut text = String::new();
            let mut expected = None;
            for (number, line) in &excerpt.lines {
                if expected.is_some_and(|expected| expected != *number) {
                    text.push_str("⋮\n");
                }
                expected = Some(number + 1);
                let _ = match excerpt.marked == Some(*number) {
                    true => writeln!(text, "<mark>{number}: {}</mark>", shown(line)),
                    false => writeln!(text, "{number}: {}", shown(line)),
                };
            }
            self.say(&format!(
                "<pre tabindex=\"0\">{}</pre>\n<p class=\"soft\">From <code>{}</code></p>",
                text.trim_end(),
                shown(&excerpt.file)
            ));
        }
        self.say("</section>");
    }

    fn pictures(&mut self) {
        if self.page.pictures.is_empty() {
            return;
        }
        self.section("pictures", "Console picture");
        for picture in &self.page.pictures {
            let file = shown(&picture.file);
            self.say(&format!(
                "<figure><img src=\"data:image/png;base64,{}\" alt=\"The screen of the machine, \
                 {file}\"><figcaption>{file}</figcaption></figure>",
                base64(&picture.png)
            ));
        }
        self.say("</section>");
    }

    fn files(&mut self) {
        if self.page.files.is_empty() {
            return;
        }
        self.section("files", "Files");
        let rows: Vec<Vec<String>> = self
            .page
            .files
            .iter()
            .map(|file| {
                vec![
                    file.name.clone(),
                    file.bytes.to_string(),
                    file.sha256.clone(),
                ]
            })
            .collect();
        self.table(&["Name", "Bytes", "SHA-256"], &rows);
        self.say("</section>");
    }

    /// By what the run can be had again, and believed.
    fn circumstances(&mut self) {
        self.section("circumstances", "Circumstances");
        let evidence = &self.page.evidence;
        let program = &evidence.program;
        let mut facts: Vec<(&str, String)> = vec![
            ("Harness", program.file.clone()),
            ("Its SHA-256", program.sha256.clone()),
        ];
        if !program.arguments.is_empty() {
            facts.push(("Arguments", program.arguments.join(" ")));
        }
        facts.push(("Tool", evidence.tool.clone()));
        facts.extend(
            evidence
                .tool_sha256
                .iter()
                .map(|tool| ("Its SHA-256", tool.clone())),
        );
        facts.push(("Worked on", evidence.client.clone()));
        if let Some((kept, why)) = &evidence.kept {
            let what = if *kept { "kept" } else { "tidied away" };
            facts.push(("Machine", format!("{what}: {why}")));
        }
        facts.push(("Journal's head", evidence.summary.reading.head.clone()));
        let lines = evidence.summary.reading.lines.len();
        facts.push(("Journal's lines", lines.to_string()));
        facts.retain(|(_, value)| !value.is_empty());
        self.list(&facts);
        let rows = |pairs: &mut dyn Iterator<Item = (&str, &str)>| -> Vec<Vec<String>> {
            pairs
                .map(|(name, value)| vec![name.to_owned(), value.to_owned()])
                .collect()
        };
        let parameters = rows(
            &mut evidence
                .parameters
                .iter()
                .map(|parameter| (&*parameter.name, &*parameter.value)),
        );
        let settings = rows(
            &mut evidence
                .settings
                .iter()
                .map(|(name, value)| (&**name, &**value)),
        );
        let modules = rows(
            &mut evidence
                .modules
                .iter()
                .map(|module| (&*module.name, &*module.sha256)),
        );
        let clean_ups = rows(&mut evidence.clean_ups.iter().map(|clean_up| {
            let trouble = clean_up.trouble.as_deref();
            (&*clean_up.what, trouble.unwrap_or("done"))
        }));
        for (title, second, rows) in [
            ("Parameter", "Value", parameters),
            ("Setting", "Value", settings),
            ("Module", "SHA-256", modules),
            ("Clean-up", "Outcome", clean_ups),
        ] {
            if !rows.is_empty() {
                self.say(&format!("<h3>{title}s</h3>"));
                self.table(&[title, second], &rows);
            }
        }
        self.say("</section>");
    }
}

#[cfg(test)]
mod tests;
