//! `,help`, made from the table of commands.

use super::super::session::{After, Session, say};
use super::{Command, Group, of};
use crate::visible::escape;

/// List the commands, those of a group, or one.
pub fn help(session: &mut Session<'_>, text: &str) -> After {
    let known: Vec<&Command> = of(session).collect();
    let group = Group::TOLD.into_iter().find(|group| group.name() == text);
    let shown = match (text, text.strip_prefix("-c")) {
        ("" | "all", _) => {
            let mut shown = String::new();
            for group in Group::TOLD {
                shown.push_str(&listed(&known, group));
            }
            shown.push_str("Anything else is Scheme");
            shown.push_str(match session.about {
                None => "; (use-modules (fruix store)) has been done.\n",
                Some(_) => ", evaluated in the run.\n",
            });
            shown
        }
        (_, None) if group.is_some() => {
            group.map_or_else(String::new, |group| listed(&known, group))
        }
        (_, named) => told(&known, named.unwrap_or(text).trim()),
    };
    say(&shown);
    After::GoOn
}

/// The commands of GROUP among KNOWN under its name; nothing when there are none.
fn listed(known: &[&Command], group: Group) -> String {
    let lines: String = known
        .iter()
        .filter(|command| command.group == group)
        .map(|command| line(known, command))
        .collect();
    match lines.is_empty() {
        true => lines,
        false => format!("{}:\n{lines}", group.name()),
    }
}

/// What the command NAME does.
fn told(known: &[&Command], name: &str) -> String {
    let name = name.trim_start_matches(',');
    match known.iter().find(|command| command.names.contains(&name)) {
        Some(command) => line(known, command),
        None => format!(
            "There is no command `,{}', and no group of that name.\n",
            escape(name)
        ),
    }
}

/// COMMAND in one line: its name, a shorter one, what may follow, what it does.
fn line(known: &[&Command], command: &Command) -> String {
    let mut call = format!(",{}", command.names[0]);
    let short = command.names.get(1).filter(|short| {
        // Another command may have that name here.
        known
            .iter()
            .find(|other| other.names.contains(short))
            .is_some_and(|other| std::ptr::eq(*other, command))
    });
    if let Some(short) = short {
        call.push_str(&format!(" (,{short})"));
    }
    if !command.usage.is_empty() {
        call.push_str(&format!(" {}", command.usage));
    }
    format!("  {call:30} {}\n", command.does)
}
