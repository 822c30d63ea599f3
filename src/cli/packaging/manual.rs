//! The manual page, in troff's man macros.
//!
//! Source: man(7), man-pages(7) for the order of sections.

use super::super::settings::{Settings, variable_name};
use clap::Command;
use clap_mangen::Man;
use std::io;

/// What the description of the command line does not say.
const SECTIONS: &str = include_str!("manual.roff");

/// The page of COMMAND.
pub fn page(mut command: Command) -> io::Result<String> {
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    page.push_str(".SH VERBS\n");
    for verb in command.get_subcommands_mut() {
        write_verb(&mut page, "fruix-scm", verb);
    }
    page.push_str(&SECTIONS.replace(".\\\" SETTINGS\n", &settings()));
    Ok(page)
}

/// A subsection for VERB, which stands behind BEFORE, and for each verb of its own.
fn write_verb(page: &mut String, before: &str, verb: &mut Command) {
    if verb.is_hide_set() || verb.get_name() == "help" {
        return;
    }
    let name = format!("{before} {}", verb.get_name());
    page.push_str(&format!(".SS \"{}\"\n", escaped(&name)));
    let about = verb.get_long_about().or(verb.get_about());
    let about = about.map(|about| about.to_string());
    for paragraph in about.iter().flat_map(|text| text.split("\n\n")) {
        page.push_str(&format!("{}\n.PP\n", escaped(paragraph)));
    }
    let usage = verb.render_usage().to_string();
    page.push_str(&format!(".nf\n{}\n.fi\n", escaped(&usage)));
    for arg in verb.get_arguments() {
        if arg.is_hide_set() || matches!(arg.get_id().as_str(), "help" | "version") {
            continue;
        }
        let value = arg
            .get_value_names()
            .filter(|_| arg.get_action().takes_values())
            .map(|names| names.join(" "));
        let spelled = match (arg.get_long(), arg.get_short(), value) {
            (Some(long), _, Some(value)) => format!("--{long} {value}"),
            (Some(long), _, None) => format!("--{long}"),
            (None, Some(short), Some(value)) => format!("-{short} {value}"),
            (None, Some(short), None) => format!("-{short}"),
            (None, None, value) => value.unwrap_or_else(|| arg.get_id().to_string()),
        };
        let help = arg.get_help().map(|help| help.to_string());
        page.push_str(&format!(
            ".TP\n\\fB{}\\fR\n{}\n",
            escaped(&spelled),
            escaped(&help.unwrap_or_default())
        ));
    }
    for verb in verb.get_subcommands_mut() {
        write_verb(page, &name, verb);
    }
}

/// The variables that stand for settings.
fn settings() -> String {
    Settings::names()
        .map(|(name, meaning)| {
            let variable = escaped(&variable_name(name));
            format!(".TP\n\\fB{variable}\\fR\n{}\n", escaped(meaning))
        })
        .collect()
}

/// TEXT as troff prints it.
fn escaped(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            match line.starts_with(['.', '\'']) {
                true => format!("\\&{line}"),
                false => line,
            }
        })
        .collect();
    lines.join("\n")
}
