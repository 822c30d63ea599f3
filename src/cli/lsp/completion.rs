//! What could stand where the cursor is.

use super::answers::{markup, of_definition, said};
use super::changes::{import, range};
use super::documents::{Analyst, Document};
use super::knowledge::carried_modules;
use crate::cli::repl::tokens::{self, Kind as TokenKind, Place};
use crate::guile::tree::{Tree, trees};
use crate::lsp::analysis::analyse;
use crate::lsp::library::{Library, Name, written};
use crate::lsp::module::{Kind, Module};
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionTextEdit, Documentation, TextEdit,
};
use serde_json::json;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How many names are told at once.
const MOST: usize = 400;

/// How much of a name stands there before names are told that would need an import.
const FOR_IMPORTS: usize = 3;

/// What could stand at byte OFFSET of DOCUMENT.
pub fn complete(analyst: &Analyst, document: &Document, offset: usize) -> CompletionList {
    let text = document.text.as_str();
    let form = form_start(text, offset);
    let (start, place) = tokens::place(&text[form..offset]);
    let start = form + start;
    let word = &text[start..offset];
    let mut items = match place {
        Place::Module(before, _) => modules(analyst, &before, word),
        Place::String(_) => Vec::new(),
        Place::Keyword(procedure, _) => keywords(analyst, document, procedure, word),
        _ => names(analyst, document, (form, offset), word),
    };
    let is_incomplete = items.len() > MOST;
    items.truncate(MOST);
    let place = range(&document.text, &(start..offset));
    for item in &mut items {
        let edit = TextEdit::new(place, item.label.clone());
        item.text_edit = Some(CompletionTextEdit::Edit(edit));
    }
    CompletionList {
        is_incomplete,
        items,
    }
}

/// Where the form at the top level begins that byte OFFSET of TEXT is in: at a bracket at the
/// left margin.
fn form_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind("\n(").map_or(0, |at| at + 1)
}

/// The next words of modules' names that have BEFORE and begin with WORD.
fn modules(analyst: &Analyst, before: &[&str], word: &str) -> Vec<CompletionItem> {
    let files = analyst.documents.files();
    let own = files
        .iter()
        .filter_map(|file| analyst.documents.module(file)?.name.clone())
        .map(|(name, _)| name);
    let next: BTreeSet<String> = carried_modules()
        .chain(own)
        .filter_map(|name| {
            let (start, rest) = name.split_at_checked(before.len())?;
            (start == before).then(|| rest.first().cloned()).flatten()
        })
        .filter(|next| next.starts_with(word))
        .collect();
    next.into_iter()
        .map(|label| CompletionItem {
            label,
            kind: Some(CompletionItemKind::MODULE),
            ..CompletionItem::default()
        })
        .collect()
}

/// The keywords of PROCEDURE that begin with WORD; of the module system's forms where none is
/// called.
fn keywords(
    analyst: &Analyst,
    document: &Document,
    procedure: Option<&str>,
    word: &str,
) -> Vec<CompletionItem> {
    const OF_MODULES: [&str; 7] = [
        "use-module",
        "export",
        "re-export",
        "autoload",
        "select",
        "prefix",
        "hide",
    ];
    const OF_STEPS: [&str; 9] = [
        "proof", "attach", "identity", "inputs", "skip", "attempts", "pause", "timeout", "fails",
    ];
    const OF_PARAMETERS: [&str; 4] = ["type", "default", "unit", "evidence?"];
    let known: Vec<String> = match procedure {
        None | Some("define-module" | "use-modules") => OF_MODULES.map(str::to_owned).to_vec(),
        Some("harness") => vec!["record".to_owned()],
        Some("step") => OF_STEPS.map(str::to_owned).to_vec(),
        Some("define-parameter") => OF_PARAMETERS.map(str::to_owned).to_vec(),
        Some(procedure) => call_of(analyst, document, procedure)
            .map(|call| keywords_in(&call))
            .unwrap_or_default(),
    };
    let labels = known.into_iter().map(|name| format!("#:{name}"));
    labels
        .filter(|label| label.starts_with(word))
        .map(|label| CompletionItem {
            label,
            kind: Some(CompletionItemKind::PROPERTY),
            ..CompletionItem::default()
        })
        .collect()
}

/// How the procedure is called that NAME means in DOCUMENT.
fn call_of(analyst: &Analyst, document: &Document, name: &str) -> Option<String> {
    let (module, _) = analyst.of_document(document);
    if let Some(definition) = module.definition(name) {
        return Some(definition.call.clone());
    }
    let (from, original) = seen(analyst, document, &module)
        .into_iter()
        .find_map(|(seen, from, original)| (&*seen == name).then_some((from, original)))?;
    said(analyst, &from, &original).map(|(said, _)| said.call)
}

/// The keywords in CALL, how a procedure is called.
fn keywords_in(call: &str) -> Vec<String> {
    let (trees, _) = trees(call);
    let items = trees
        .first()
        .and_then(Tree::as_pairs)
        .map_or(&[][..], |(items, _)| items);
    let behind = items
        .iter()
        .skip_while(|item| item.as_keyword() != Some("key"));
    behind
        .skip(1)
        .take_while(|item| item.as_keyword().is_none())
        .filter_map(|item| {
            let name = item.as_symbol().or_else(|| item.head())?;
            Some(name.to_string())
        })
        .collect()
}

/// What the imports of MODULE give: the name that is seen, the module, its name there.
fn seen(analyst: &Analyst, document: &Document, module: &Module) -> Vec<(Rc<str>, Name, Rc<str>)> {
    let view = analyst.view(document.path.as_deref());
    let mut seen = Vec::new();
    for import in &module.imports {
        for name in view
            .exports(&import.module)
            .iter()
            .flat_map(|names| names.iter())
        {
            if let Some(shown) = import.seen_as(name) {
                seen.push((shown, import.module.clone(), name.clone()));
            }
        }
    }
    if !module.pure {
        let given = view.given(module.name.is_none());
        seen.extend(
            given
                .iter()
                .map(|name| (name.clone(), Name::new(), name.clone())),
        );
    }
    seen
}

/// The names that begin with WORD and mean something where the form at PLACE, its beginning
/// and the cursor, has come to; then those that an import would give.
fn names(
    analyst: &Analyst,
    document: &Document,
    (form, offset): (usize, usize),
    word: &str,
) -> Vec<CompletionItem> {
    let (module, _) = analyst.of_document(document);
    let mut told = BTreeSet::new();
    let mut items = Vec::new();
    let mut tell = |item: CompletionItem| {
        if item.label.starts_with(word) && item.label != word && told.insert(item.label.clone()) {
            items.push(item);
        }
    };
    for label in locals(analyst, document, form, offset) {
        tell(CompletionItem {
            label: label.to_string(),
            kind: Some(CompletionItemKind::VARIABLE),
            detail: Some("local".to_owned()),
            sort_text: Some(format!("0{label}")),
            ..CompletionItem::default()
        });
    }
    for definition in &module.definitions {
        let own = of_definition(definition);
        tell(CompletionItem {
            label: definition.name.to_string(),
            kind: Some(kind_of(definition.kind)),
            detail: Some(own.call.clone()),
            documentation: Some(Documentation::MarkupContent(markup(&own, None))),
            sort_text: Some(format!("1{}", definition.name)),
            ..CompletionItem::default()
        });
    }
    let mut known = seen(analyst, document, &module);
    known.sort();
    for (shown, from, original) in known {
        let home = match from.is_empty() {
            true => "(guile)".to_owned(),
            false => written(&from),
        };
        tell(CompletionItem {
            label: shown.to_string(),
            detail: Some(home),
            // What it is, is found out when it is looked at.
            data: Some(json!({"module": from, "name": &*original})),
            sort_text: Some(format!("2{shown}")),
            ..CompletionItem::default()
        });
    }
    if word.len() >= FOR_IMPORTS {
        let all = analyst.knowledge().all_exports();
        let mut more: Vec<_> = all
            .iter()
            .filter(|(name, _)| name.starts_with(word))
            .collect();
        more.sort();
        for (name, modules) in more {
            let Some(from) = modules.first() else {
                continue;
            };
            let Some(edit) = import(&document.text, &module, from) else {
                continue;
            };
            tell(CompletionItem {
                label: name.to_string(),
                detail: Some(format!("{}, to be imported", written(from))),
                data: Some(json!({"module": from, "name": &**name})),
                additional_text_edits: Some(vec![edit]),
                sort_text: Some(format!("3{name}")),
                ..CompletionItem::default()
            });
        }
    }
    items
}

/// What the forms bind that are open at byte OFFSET, in the form that begins at byte FORM.
fn locals(analyst: &Analyst, document: &Document, form: usize, offset: usize) -> BTreeSet<Rc<str>> {
    // The text up to the cursor, its open brackets closed: what follows may be anything.
    let mut text = document.text.as_str()[form..offset].to_owned();
    let mut open = Vec::new();
    for token in tokens::tokens(&text) {
        match token.kind {
            TokenKind::Open => open.push(if token.text(&text) == "[" { ']' } else { ')' }),
            TokenKind::Close => {
                open.pop();
            }
            _ => {}
        }
    }
    let end = text.len();
    text.push_str(" #f");
    text.extend(open.iter().rev());
    let analysis = analyse(&Module::of(&text), &analyst.view(document.path.as_deref()));
    let here = analysis
        .locals
        .iter()
        .filter(|local| local.scope.start < end && end <= local.scope.end);
    here.map(|local| local.name.clone()).collect()
}

fn kind_of(kind: Kind) -> CompletionItemKind {
    match kind {
        Kind::Procedure(_) => CompletionItemKind::FUNCTION,
        Kind::Macro { .. } => CompletionItemKind::KEYWORD,
        Kind::Record => CompletionItemKind::STRUCT,
        Kind::Parameter => CompletionItemKind::PROPERTY,
        Kind::Variable => CompletionItemKind::VARIABLE,
    }
}

/// ITEM with what there is to say about it.
pub fn resolve(analyst: &Analyst, mut item: CompletionItem) -> CompletionItem {
    #[derive(serde::Deserialize)]
    struct Data {
        module: Name,
        name: String,
    }
    let data = item
        .data
        .clone()
        .and_then(|data| serde_json::from_value::<Data>(data).ok());
    if let Some(data) = data
        && let Some((said, home)) = said(analyst, &data.module, &data.name)
    {
        item.kind = Some(match said.kind.as_str() {
            "procedure" => CompletionItemKind::FUNCTION,
            "macro" => CompletionItemKind::KEYWORD,
            _ => CompletionItemKind::VARIABLE,
        });
        item.documentation = Some(Documentation::MarkupContent(markup(&said, Some(&home))));
    }
    item
}
