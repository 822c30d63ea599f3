//! Changes that are offered to a text: imports that were forgotten, and its layout.

use super::documents::{Analyst, Document};
use crate::lsp::analysis::FindingKind;
use crate::lsp::indentation::{self, Style};
use crate::lsp::library::{Library, written};
use crate::lsp::module::{LastImport, Module};
use crate::lsp::text::{Place, Text};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Diagnostic, DiagnosticSeverity,
    NumberOrString, Position, Range, TextEdit, WorkspaceEdit,
};
use std::collections::HashMap;

/// How many modules are offered for one name.
const OFFERS: usize = 8;

pub fn position(place: Place) -> Position {
    Position::new(place.line, place.column)
}

pub fn place(position: Position) -> Place {
    Place {
        line: position.line,
        column: position.character,
    }
}

pub fn range(text: &Text, bytes: &std::ops::Range<usize>) -> Range {
    Range::new(
        position(text.place(bytes.start)),
        position(text.place(bytes.end)),
    )
}

/// What is wrong with DOCUMENT, as editors show it.
pub fn diagnostics(analyst: &Analyst, document: &Document) -> Vec<Diagnostic> {
    let (_, analysis) = analyst.of_document(document);
    let shown = analysis.findings.iter().map(|finding| Diagnostic {
        range: range(&document.text, &finding.place),
        severity: Some(match finding.kind {
            FindingKind::Unreadable(_) | FindingKind::NotExported(..) => DiagnosticSeverity::ERROR,
            FindingKind::Unbound(..) | FindingKind::WrongArity { .. } => {
                DiagnosticSeverity::WARNING
            }
            FindingKind::UnknownModule(_) => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.kind.code().to_owned())),
        source: Some("fruix-scm".to_owned()),
        message: finding.kind.message(),
        ..Diagnostic::default()
    });
    shown.collect()
}

/// The imports that would give what is missed in WANTED, a part of DOCUMENT.
pub fn imports(analyst: &Analyst, document: &Document, wanted: Range) -> Vec<CodeActionOrCommand> {
    let (module, analysis) = analyst.of_document(document);
    let (from, to) = (
        document.text.offset(place(wanted.start)),
        document.text.offset(place(wanted.end)),
    );
    let view = analyst.view(document.path.as_deref());
    let mut actions = Vec::new();
    for finding in &analysis.findings {
        let FindingKind::Unbound(name, _) = &finding.kind else {
            continue;
        };
        if finding.place.start > to || finding.place.end < from {
            continue;
        }
        for (number, exporter) in view.exporters(name).into_iter().take(OFFERS).enumerate() {
            let Some(edit) = import(&document.text, &module, &exporter) else {
                continue;
            };
            #[allow(
                clippy::mutable_key_type,
                reason = "the protocol's type, whose key is not changed"
            )]
            let changes = HashMap::from([(document.uri.clone(), vec![edit])]);
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: format!("Import {} for `{name}`", written(&exporter)),
                kind: Some(CodeActionKind::QUICKFIX),
                is_preferred: Some(number == 0),
                edit: Some(WorkspaceEdit {
                    changes: Some(changes),
                    ..WorkspaceEdit::default()
                }),
                ..CodeAction::default()
            }));
        }
    }
    actions
}

/// The change that lets MODULE, whose text is TEXT, import WANTED.
pub fn import(text: &Text, module: &Module, wanted: &[String]) -> Option<TextEdit> {
    let name = written(wanted);
    let indented = |start: usize| {
        let line = text.line(text.line_of(start));
        " ".repeat(text.as_str()[line.start..start].chars().count())
    };
    let (at, new) = match &module.last_import {
        Some(LastImport::Clause { end, start }) => {
            (*end, format!("\n{}#:use-module {name}", indented(*start)))
        }
        Some(LastImport::Module { end, start }) => (*end, format!("\n{}{name}", indented(*start))),
        // What a library of a report imports is for a hand to say.
        None if module.pure => return None,
        None => {
            let first = module.trees.first().map_or(0, |tree| tree.start());
            (first, format!("(use-modules {name})\n\n"))
        }
    };
    let at = position(text.place(at));
    Some(TextEdit::new(Range::new(at, at), new))
}

/// The changes that indent the lines of TEXT that WANTED covers.
pub fn layout(text: &Text, style: &Style, wanted: Option<Range>) -> Vec<TextEdit> {
    let lines = match wanted {
        None => 0..usize::MAX,
        Some(range) => {
            // A range that ends before a line's first letter does not cover it.
            let end =
                range.end.line + u32::from(range.end.character > 0 || range.end == range.start);
            range.start.line as usize..end as usize
        }
    };
    let made = indentation::lines(text.as_str(), style, lines);
    let changed = made.into_iter().filter(|line| line.changed).map(|line| {
        let old = text.line(line.number);
        let new = line.text.strip_suffix('\r').unwrap_or(&line.text);
        // What stands behind the blanks is the same.
        let kept = new.trim_start_matches([' ', '\t']);
        let blank = old.start..old.end.saturating_sub(kept.len()).max(old.start);
        TextEdit::new(
            range(text, &blank),
            new[..new.len() - kept.len()].to_owned(),
        )
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(text: &str) -> String {
        let module = Module::of(text);
        let mut text = Text::new(text.to_owned());
        let wanted = ["srfi".to_owned(), "srfi-1".to_owned()];
        let edit = import(&text, &module, &wanted).unwrap();
        text.replace(
            place(edit.range.start),
            place(edit.range.end),
            &edit.new_text,
        );
        text.as_str().to_owned()
    }

    #[test]
    fn an_import_joins_those_that_are_there() {
        for (before, after) in [
            ("(car x)\n", "(use-modules (srfi srfi-1))\n\n(car x)\n"),
            (
                ";;; a\n\n(car x)\n",
                ";;; a\n\n(use-modules (srfi srfi-1))\n\n(car x)\n",
            ),
            (
                "(use-modules (a)\n             (b))\n",
                "(use-modules (a)\n             (b)\n             (srfi srfi-1))\n",
            ),
            (
                "(define-module (m)\n  #:export (a))\n",
                "(define-module (m)\n  #:use-module (srfi srfi-1)\n  #:export (a))\n",
            ),
            (
                "(define-module (m)\n  #:use-module ((a) #:select (b))\n  #:export (a))\n",
                "(define-module (m)\n  #:use-module ((a) #:select (b))\n  #:use-module (srfi srfi-1)\n  #:export (a))\n",
            ),
        ] {
            assert_eq!(imported(before), after);
        }
    }

    #[test]
    fn a_layout_changes_nothing_but_blanks() {
        let mut text = Text::new("(f\n      a\n   \n b)\n".to_owned());
        let edits = layout(&text, &Style::default(), None);
        assert_eq!(edits.len(), 2, "{edits:?}");
        for edit in edits.iter().rev() {
            text.replace(
                place(edit.range.start),
                place(edit.range.end),
                &edit.new_text,
            );
        }
        assert_eq!(text.as_str(), "(f\n a\n\n b)\n");
    }
}
