//! What is said about the word at a place: documentation, definition, references; and the
//! outline of a text.

use super::changes::range;
use super::documents::{Analyst, Document, is_same, uri_of};
use super::knowledge::Said;
use crate::lsp::analysis::{Analysis, Meaning, Occurrence};
use crate::lsp::library::{Name, written};
use crate::lsp::module::{Definition, Kind, Module};
use crate::lsp::text::Text;
use lsp_types::{
    DocumentSymbol, Hover, HoverContents, Location, MarkupContent, MarkupKind, SymbolKind,
};
use std::collections::BTreeSet;

/// The word at byte OFFSET that has a meaning.
fn occurrence(analysis: &Analysis, offset: usize) -> Option<&Occurrence> {
    let before = analysis
        .occurrences
        .partition_point(|word| word.place.start <= offset);
    analysis.occurrences[..before]
        .iter()
        .rev()
        .find(|word| offset <= word.place.end)
}

/// What is said about what MODULE exports as NAME.
pub fn said(analyst: &Analyst, module: &Name, name: &str) -> Option<(Said, Name)> {
    if let Some(origin) = analyst.origin(module, name) {
        let text = analyst.documents.module(&origin.path)?;
        let home = text
            .name
            .as_ref()
            .map_or_else(|| module.clone(), |(name, _)| name.clone());
        if !analyst.knowledge().carries(&home) {
            return Some((of_definition(&origin.definition), home));
        }
    }
    let said = analyst.knowledge().documentation(module, name)?;
    let home = match module.is_empty() {
        true => vec!["guile".to_owned()],
        false => module.clone(),
    };
    Some((said, home))
}

pub fn of_definition(definition: &Definition) -> Said {
    Said {
        call: definition.call.clone(),
        kind: definition.kind.word().to_owned(),
        text: definition
            .documentation
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// SAID as an editor shows it; HOME is the module, of which a text that is none has no name.
pub fn markup(said: &Said, home: Option<&Name>) -> MarkupContent {
    let of = home.map_or_else(String::new, |home| format!(" of `{}`", written(home)));
    let text = match said.text.trim() {
        "" => String::new(),
        // The text has its own line breaks and layout, which Markdown would not keep.
        text => format!("\n\n```text\n{}\n```", text.replace("```", "'''")),
    };
    MarkupContent {
        kind: MarkupKind::Markdown,
        value: format!("```scheme\n{}\n```\n{}{of}{text}", said.call, said.kind),
    }
}

pub fn hover(analyst: &Analyst, document: &Document, offset: usize) -> Option<Hover> {
    let (module, analysis) = analyst.of_document(document);
    let word = occurrence(&analysis, offset)?;
    let contents = match &word.meaning {
        Meaning::Local(number) => {
            let local = &analysis.locals[*number];
            let line = document.text.place(local.place.start).line + 1;
            MarkupContent {
                kind: MarkupKind::Markdown,
                value: format!(
                    "```scheme\n{}\n```\nlocal, bound in line {line}",
                    local.name
                ),
            }
        }
        Meaning::Own => {
            let definition = module.definition(&word.name)?;
            markup(
                &of_definition(definition),
                module.name.as_ref().map(|(name, _)| name),
            )
        }
        Meaning::Imported(from, original) => {
            let (said, home) = said(analyst, from, original)?;
            markup(&said, Some(&home))
        }
    };
    Some(Hover {
        contents: HoverContents::Markup(contents),
        range: Some(range(&document.text, &word.place)),
    })
}

pub fn definition(analyst: &Analyst, document: &Document, offset: usize) -> Option<Location> {
    let (module, analysis) = analyst.of_document(document);
    if let Some(import) = module
        .imports
        .iter()
        .find(|import| import.place.contains(&offset))
    {
        // The name of a module leads to its beginning.
        let path = analyst.documents.file_of(&import.module)?;
        return Some(Location::new(uri_of(&path)?, lsp_types::Range::default()));
    }
    let word = occurrence(&analysis, offset)?;
    let here = |place| Location::new(document.uri.clone(), range(&document.text, place));
    match &word.meaning {
        Meaning::Local(number) => Some(here(&analysis.locals[*number].place)),
        Meaning::Own => Some(here(&module.definition(&word.name)?.place)),
        Meaning::Imported(from, original) => {
            let origin = analyst.origin(from, original)?;
            let text = analyst.documents.text(&origin.path)?;
            Some(Location::new(
                uri_of(&origin.path)?,
                range(&text, &origin.definition.place),
            ))
        }
    }
}

/// Where in the workspace the word at OFFSET is meant; without DECLARATION, not where it is
/// bound.
pub fn references(
    analyst: &Analyst,
    document: &Document,
    offset: usize,
    declaration: bool,
) -> Vec<Location> {
    let (module, analysis) = analyst.of_document(document);
    let Some(word) = occurrence(&analysis, offset) else {
        return Vec::new();
    };
    // The home of the name, and the name that it has there.
    let target = match &word.meaning {
        Meaning::Local(_) => None,
        Meaning::Own => module
            .name
            .as_ref()
            .map(|(name, _)| (name.clone(), word.name.clone())),
        Meaning::Imported(from, original) => Some(match analyst.origin(from, original) {
            Some(origin) => {
                let home = analyst.documents.module(&origin.path);
                let home = home.and_then(|home| Some(home.name.as_ref()?.0.clone()));
                (
                    home.unwrap_or_else(|| (**from).clone()),
                    origin.definition.name,
                )
            }
            None => ((**from).clone(), original.clone()),
        }),
    };
    let bound = |module: &Module, analysis: &Analysis, word: &Occurrence| match &word.meaning {
        Meaning::Local(number) => analysis.locals[*number].place == word.place,
        Meaning::Own => module
            .definitions
            .iter()
            .any(|definition| definition.place == word.place),
        Meaning::Imported(..) => false,
    };
    let Some((home, name)) = target else {
        let same = |other: &&Occurrence| {
            other.meaning == word.meaning
                && other.name == word.name
                && (declaration || !bound(&module, &analysis, other))
        };
        let here = analysis.occurrences.iter().filter(same);
        return here
            .map(|other| Location::new(document.uri.clone(), range(&document.text, &other.place)))
            .collect();
    };
    let mut found = Vec::new();
    let mut search = |uri: lsp_types::Uri, text: &Text, module: &Module, analysis: &Analysis| {
        let own = module.name.as_ref().map(|(name, _)| name);
        for other in &analysis.occurrences {
            if is_same((&other.meaning, own), &other.name, (&home, &name))
                && (declaration || !bound(module, analysis, other))
            {
                found.push(Location::new(uri.clone(), range(text, &other.place)));
            }
        }
    };
    let open: BTreeSet<_> = analyst
        .documents
        .all_open()
        .filter_map(|document| document.path.clone())
        .collect();
    for document in analyst.documents.all_open() {
        let (module, analysis) = analyst.of_document(document);
        search(document.uri.clone(), &document.text, &module, &analysis);
    }
    for path in analyst
        .documents
        .files()
        .iter()
        .filter(|path| !open.contains(*path))
    {
        let Some(text) = analyst.documents.text(path) else {
            continue;
        };
        // A renamed import still names what it renames.
        if !text.as_str().contains(&*name) {
            continue;
        }
        let (module, analysis) = analyst.analyse(text.as_str(), Some(path));
        if let Some(uri) = uri_of(path) {
            search(uri, &text, &module, &analysis);
        }
    }
    found
}

/// The definitions of DOCUMENT.
pub fn symbols(analyst: &Analyst, document: &Document) -> Vec<DocumentSymbol> {
    let (module, _) = analyst.of_document(document);
    let shown = module.definitions.iter().map(|definition| {
        #[allow(
            deprecated,
            reason = "the protocol's type has a field that nobody sets now"
        )]
        DocumentSymbol {
            name: definition.name.to_string(),
            detail: Some(definition.call.clone()).filter(|call| **call != *definition.name),
            kind: match definition.kind {
                Kind::Procedure(_) => SymbolKind::FUNCTION,
                Kind::Macro { .. } => SymbolKind::OPERATOR,
                Kind::Record => SymbolKind::STRUCT,
                Kind::Parameter => SymbolKind::PROPERTY,
                Kind::Variable => SymbolKind::VARIABLE,
            },
            tags: None,
            deprecated: None,
            range: range(&document.text, &definition.form),
            selection_range: range(&document.text, &definition.place),
            children: None,
        }
    });
    // A symbol without a name is none to the protocol.
    shown.filter(|symbol| !symbol.name.is_empty()).collect()
}
