//! `,inspect`: a value is looked into, part by part.
//!
//! What parts a value has is Scheme's to say, `(fruix prompt inspection)`.

use super::session::{After, Session, say};
use crate::guile::value::{Value, list};
use crate::visible::escape;

const MODULE: &[&str] = &["fruix", "prompt", "inspection"];

const HELP: &str = "  NUMBER             look into that part
  up (u)             back to the value whose part this is
  print (p)          all of it, over several lines
  write (w)          all of it, as `write' prints it
  display (d)        all of it, as `display' prints it
  parts (l)          its parts again
  help (h, ?)        this list
  quit (q, c)        back to the prompt
";

/// A value that is looked into, behind those whose part it is.
pub struct Inspection(Vec<Value>);

impl Session<'_> {
    /// Look into the value of the form TEXT.
    pub fn inspect(&mut self, text: &str) -> After {
        let result = self.interpreter().eval_text(text);
        match result {
            Ok(values) => match values.into_iter().next() {
                Some(value) => {
                    self.inspection = Some(Inspection(vec![value]));
                    self.show_parts()
                }
                None => {
                    say("There is no value to look into.\n");
                    After::GoOn
                }
            },
            failed => self.show(failed),
        }
    }

    /// Do what TEXT, a line, says about the value that is looked into.
    pub fn look_on(&mut self, text: &str) -> After {
        let Some(Inspection(values)) = &mut self.inspection else {
            return After::GoOn;
        };
        let Some(value) = values.last().cloned() else {
            return After::GoOn;
        };
        match text.trim_start_matches(',') {
            "quit" | "q" | "continue" | "cont" | "c" => self.inspection = None,
            "help" | "h" | "?" => say(HELP),
            "parts" | "l" => return self.show_parts(),
            "up" | "u" => {
                if values.len() > 1 {
                    values.pop();
                }
                return self.show_parts();
            }
            "print" | "p" => return self.say_of("pretty-print", value),
            "write" | "w" => return self.say_of("write", value),
            "display" | "d" => return self.say_of("display", value),
            text => match text.parse::<isize>() {
                Ok(number) => return self.look_into(value, number),
                Err(_) => say(&format!(
                    "Unknown command: {}; `help' lists them.\n",
                    escape(text)
                )),
            },
        }
        After::GoOn
    }

    fn look_into(&mut self, value: Value, number: isize) -> After {
        let arguments = vec![value, Value::IntV(number)];
        let part = self
            .interpreter()
            .call(MODULE, "part-of-inspected", arguments);
        let part = match part {
            Ok(found) => list("part-of-inspected", &[found], 1)
                .unwrap_or_default()
                .pop(),
            Err(stop) => return self.show(Err(stop)),
        };
        match (part, &mut self.inspection) {
            (Some(part), Some(Inspection(values))) => {
                values.push(part);
                self.show_parts()
            }
            _ => {
                say(&format!("There is no part {number}.\n"));
                After::GoOn
            }
        }
    }

    fn show_parts(&mut self) -> After {
        let width = Value::IntV(self.width() as isize);
        let value = self.inspection.as_ref().and_then(|it| it.0.last().cloned());
        match value {
            Some(value) => self.command(MODULE, "print-inspected", vec![value, width]),
            None => After::GoOn,
        }
    }

    fn say_of(&mut self, how: &str, value: Value) -> After {
        let after = self.command(MODULE, &format!("inspected-{how}"), vec![value]);
        say("\n");
        after
    }
}
