//! `(fruix native media)`: builder versions, layouts and disk images.

use super::{
    Check, Definition, Fit, History, Layout, Record, Scratch, Stale, Survey, Version, Way,
};
use crate::guile::natives::{Outcome, Raise};
use crate::guile::reader::Reader;
use crate::guile::value::{
    Value, alist_value, handle, handle_value, integer, list, list_value, string, string_value,
    strings, symbol_value,
};
use crate::guile::{Stx, SyntaxBuilder};
use std::path::Path;

crate::natives! {
    outside;
    /// (%media-builder-versions file) -> list of alists
    ///
    /// The builder versions that FILE defines, each with `name`, `value` as it
    /// is written, `line` and `column`.
    "%media-builder-versions" (1) => builder_versions,
    /// (%media-builder-bump file names record) -> list of alists
    ///
    /// Raise the versions called NAMES, all when there are none, in FILE, to
    /// values that the file RECORD does not know of; for each its `name`,
    /// `before` and `after`.
    "%media-builder-bump" (3) => builder_bump,
    /// (%media-replace file text) -> #t
    ///
    /// Put TEXT in place of FILE, which keeps its mode, owner and names.
    "%media-replace" (2) => replace,
    /// (%media-builder-check survey record) -> list of alists
    ///
    /// How each builder version of SURVEY stands, given what the file RECORD
    /// says: its `name`, `value`, `state` (current, unknown, raised, stale,
    /// gone), `why`, and lines `added` and `removed`. SURVEY is a list of two:
    /// versions as lists (NAME VALUE), and layouts as lists (CLOSURE IDENTITY
    /// LINE ...).
    "%media-builder-check" (2) => builder_check,
    /// (%media-builder-record survey record names) -> #t
    ///
    /// Record in the file RECORD that the builder versions of SURVEY called
    /// NAMES stand for its layouts; without NAMES all do, and the record forgets
    /// versions that are no more.
    "%media-builder-record" (3) => builder_record,
    /// (%media-record-file file) -> string
    ///
    /// Where the layouts of FILE are recorded.
    "%media-record-file" (1) => record_file,
    /// (%media-scratch) -> scratch
    ///
    /// A temporary directory with a reference closure in it; it is gone when
    /// nothing refers to the scratch any more, or by %media-scratch-discard.
    "%media-scratch" (0) => scratch,
    /// (%media-scratch-closures scratch words) -> list of strings
    ///
    /// Where the reference closures are; the last has files of all names that are
    /// in WORDS, the strings of a module's text.
    "%media-scratch-closures" (2) => scratch_closures,
    /// (%media-peculiar lines words) -> list of strings
    ///
    /// LINES, a layout made from that last closure, without what a name gets that
    /// the module does not treat unlike others.
    "%media-peculiar" (2) => peculiar,
    /// (%media-scratch-root scratch) -> string
    ///
    /// A directory that stands for `/`, with the reference closures in it.
    "%media-scratch-root" (1) => scratch_root,
    /// (%media-scratch-rootfs scratch) -> string
    ///
    /// Where a rootfs may be made; nothing is there at first.
    "%media-scratch-rootfs" (1) => scratch_rootfs,
    /// (%media-scratch-discard scratch) -> #t
    ///
    /// Remove the temporary directory now.
    "%media-scratch-discard" (1) => scratch_discard,
    /// (%media-image file) -> alist
    ///
    /// `size-bytes`, `backup-at-end?`, `backup-trouble`, a string or #f, and
    /// `partitions` of the raw disk image FILE, each with `number`, `label`, `type`, `start-bytes`, `size-bytes`.
    "%media-image" (1) => image,
    /// (%media-image-fit file vdi-bytes) -> pair of symbol and integer
    ///
    /// How the image FILE suits a disk of VDI-BYTES: `exact`, `smaller` or
    /// `too-large`, and by how many bytes.
    "%media-image-fit" (2) => image_fit,
}

fn number(count: u64) -> Value {
    Value::IntV(isize::try_from(count).unwrap_or(isize::MAX))
}

fn lines_value(lines: &[String]) -> Value {
    list_value(
        lines
            .iter()
            .map(|line| string_value(line.as_str()))
            .collect(),
    )
}

fn version_fields(version: &Version) -> Vec<(&'static str, Value)> {
    vec![
        ("name", symbol_value(&version.name)),
        ("value", string_value(version.value.as_str())),
        ("line", number(version.line as u64)),
        ("column", number(version.column as u64)),
    ]
}

/// What the Scheme text TEXT defines at its top level: the one place where media
/// ask the language how a text is read.
pub fn definitions(text: &str) -> Result<Vec<Definition>, (usize, String)> {
    // As the loader does, after a mark of the byte order.
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut reader = Reader::at(text, 0, start);
    let mut found = Vec::new();
    loop {
        let form = reader.read(&mut SyntaxBuilder::default());
        match form {
            Ok(Some(form)) => collect(&form, &mut found),
            Ok(None) => return Ok(found),
            Err(error) => {
                let before = text.get(..error.span.start as usize).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let mut message = error.message;
                for argument in &error.arguments {
                    let shown = match argument {
                        Value::StringV(text) => text.to_string(),
                        other => other.to_string(),
                    };
                    for hole in ["~A", "~S"] {
                        if message.contains(hole) {
                            message = message.replacen(hole, &shown, 1);
                            break;
                        }
                    }
                }
                return Err((line, message));
            }
        }
    }
}

/// Add what FORM, at the top level, defines.
fn collect(form: &Stx, found: &mut Vec<Definition>) {
    // Forms within forms at the top level, in the order of the text.
    let mut pending = vec![form.clone()];
    while let Some(form) = pending.pop() {
        let Some([head, rest @ ..]) = form.as_list() else {
            continue;
        };
        let Some(head) = head.as_id() else { continue };
        let way = match (&*head.name(), rest) {
            ("begin", forms) | ("eval-when", [_, forms @ ..]) => {
                pending.extend(forms.iter().rev().cloned());
                continue;
            }
            ("define-values", [names, expression]) => {
                several(names, expression, found);
                continue;
            }
            ("define" | "define-public" | "define*" | "define*-public", [_, _]) => Way::Define,
            ("define-once", [_, _]) => Way::Once,
            ("set!", [_, _]) => Way::Assign,
            _ => continue,
        };
        if let Some(name) = rest[0].as_id() {
            found.push(definition(&name.name(), way, &rest[1]));
        }
    }
}

fn definition(name: &str, way: Way, value: &Stx) -> Definition {
    let span = value.span();
    Definition {
        name: name.to_owned(),
        way,
        value: span.start as usize..span.end as usize,
    }
}

/// `define-values`: where the values stand one by one, each name has its own.
fn several(names: &Stx, expression: &Stx, found: &mut Vec<Definition>) {
    let Some(names) = names.as_list() else { return };
    let parts = match expression.as_list() {
        Some([values, parts @ ..])
            if values.as_id().is_some_and(|id| &*id.name() == "values")
                && parts.len() == names.len() =>
        {
            parts
        }
        _ => &[],
    };
    for (index, name) in names.iter().enumerate() {
        if let Some(name) = name.as_id() {
            let value = parts.get(index).unwrap_or(expression);
            found.push(definition(&name.name(), Way::Define, value));
        }
    }
}

/// What `media-survey` of (fruix media) returned, VALUE, as the core takes it.
pub fn survey(value: &Value) -> Result<Survey, Raise> {
    let name = "media-survey";
    let parts = list(name, std::slice::from_ref(value), 1)?;
    let [versions, layouts] = parts.as_slice() else {
        return Err(crate::guile::value::wrong_type(name, 1, value));
    };
    let rows = |value: &Value| -> Result<Vec<Vec<String>>, Raise> {
        list(name, std::slice::from_ref(value), 1)?
            .iter()
            .map(|row| strings(name, std::slice::from_ref(row), 1))
            .collect()
    };
    let mut survey = Survey::default();
    for row in rows(versions)? {
        if let [name, value] = row.as_slice() {
            survey.versions.push((name.clone(), value.clone()));
        }
    }
    for row in rows(layouts)? {
        if let [closure, identity, lines @ ..] = row.as_slice() {
            survey.layouts.push(Layout {
                closure: closure.clone(),
                identity: identity.clone(),
                lines: lines.iter().cloned().collect(),
            });
        }
    }
    Ok(survey)
}

fn builder_versions(args: &[Value]) -> Outcome {
    let file = string("%media-builder-versions", args, 1)?;
    let versions = super::status(Path::new(&file), definitions)?;
    let values = versions
        .iter()
        .map(|version| alist_value(version_fields(version)));
    Ok(list_value(values.collect()))
}

fn builder_bump(args: &[Value]) -> Outcome {
    let name = "%media-builder-bump";
    let (file, record) = (string(name, args, 1)?, string(name, args, 3)?);
    let known = Record::read(Path::new(&record))?;
    let raised = super::bump(
        Path::new(&file),
        &strings(name, args, 2)?,
        definitions,
        |name, value| known.knows(name, value),
    )?;
    let values = raised.iter().map(|raised| {
        alist_value(vec![
            ("name", symbol_value(&raised.name)),
            ("before", string_value(raised.before.as_str())),
            ("after", string_value(raised.after.as_str())),
        ])
    });
    Ok(list_value(values.collect()))
}

fn replace(args: &[Value]) -> Outcome {
    let name = "%media-replace";
    super::replace(Path::new(&string(name, args, 1)?), &string(name, args, 2)?)?;
    Ok(Value::BoolV(true))
}

fn builder_check(args: &[Value]) -> Outcome {
    let name = "%media-builder-check";
    let survey = survey(args.first().unwrap_or(&Value::Void))?;
    let record = string(name, args, 2)?;
    let checked = super::check(&survey, Path::new(&record), &History::default())?;
    let values = checked.iter().map(|checked| {
        let (state, stale) = match &checked.check {
            Check::Current => ("current", Stale::default()),
            Check::Unknown { why } => ("unknown", because(why.clone())),
            Check::Committed => (
                "unknown",
                because("it was committed, and no layout is recorded of it".to_owned()),
            ),
            Check::Gone => ("gone", Stale::default()),
            Check::Raised { from } => ("raised", because(from.clone())),
            Check::Stale(stale) => ("stale", stale.clone()),
        };
        alist_value(vec![
            ("name", symbol_value(&checked.name)),
            ("value", string_value(checked.value.as_str())),
            ("state", symbol_value(state)),
            ("why", string_value(stale.why.as_str())),
            ("added", lines_value(&stale.added)),
            ("removed", lines_value(&stale.removed)),
        ])
    });
    Ok(list_value(values.collect()))
}

fn because(why: String) -> Stale {
    Stale {
        why,
        ..Stale::default()
    }
}

fn builder_record(args: &[Value]) -> Outcome {
    let name = "%media-builder-record";
    let survey = survey(args.first().unwrap_or(&Value::Void))?;
    let (record, names) = (string(name, args, 2)?, strings(name, args, 3)?);
    let record = Path::new(&record);
    match names.is_empty() {
        true => super::record(&survey, record)?,
        false => super::note(&survey, record, |name| {
            names.iter().any(|wanted| wanted == name)
        })?,
    }
    Ok(Value::BoolV(true))
}

fn record_file(args: &[Value]) -> Outcome {
    let file = string("%media-record-file", args, 1)?;
    let record = super::record_file(Path::new(&file));
    Ok(string_value(record.to_string_lossy()))
}

fn scratch(_: &[Value]) -> Outcome {
    Ok(handle_value("media-scratch", Scratch::new()?))
}

fn scratch_closures(args: &[Value]) -> Outcome {
    let name = "%media-scratch-closures";
    let scratch = handle::<Scratch>(name, args, 1)?;
    let closures = scratch.closures(&strings(name, args, 2)?)?;
    let values = closures
        .iter()
        .map(|closure| string_value(closure.to_string_lossy()));
    Ok(list_value(values.collect()))
}

fn scratch_root(args: &[Value]) -> Outcome {
    let scratch = handle::<Scratch>("%media-scratch-root", args, 1)?;
    Ok(string_value(scratch.root()?.to_string_lossy()))
}

/// Layout LINES made from the ample closure without what says nothing.
fn peculiar(args: &[Value]) -> Outcome {
    let name = "%media-peculiar";
    let lines = strings(name, args, 1)?.into_iter().collect();
    let names = super::ample::names(&strings(name, args, 2)?);
    let left: Vec<String> = super::ample::peculiar(&lines, &names).into_iter().collect();
    Ok(lines_value(&left))
}

fn scratch_rootfs(args: &[Value]) -> Outcome {
    let scratch = handle::<Scratch>("%media-scratch-rootfs", args, 1)?;
    Ok(string_value(scratch.rootfs()?.to_string_lossy()))
}

fn scratch_discard(args: &[Value]) -> Outcome {
    handle::<Scratch>("%media-scratch-discard", args, 1)?.discard()?;
    Ok(Value::BoolV(true))
}

fn image(args: &[Value]) -> Outcome {
    let file = string("%media-image", args, 1)?;
    let image = super::inspect(Path::new(&file))?;
    let partitions = image.partitions.iter().map(|partition| {
        alist_value(vec![
            ("number", number(u64::from(partition.number))),
            ("label", string_value(partition.label.as_str())),
            ("type", string_value(partition.kind.as_str())),
            ("start-bytes", number(partition.start_bytes)),
            ("size-bytes", number(partition.size_bytes)),
        ])
    });
    Ok(alist_value(vec![
        ("size-bytes", number(image.size_bytes)),
        ("backup-at-end?", Value::BoolV(image.backup_at_end)),
        (
            "backup-trouble",
            image
                .backup_trouble
                .map_or(Value::BoolV(false), string_value),
        ),
        ("partitions", list_value(partitions.collect())),
    ]))
}

fn image_fit(args: &[Value]) -> Outcome {
    let name = "%media-image-fit";
    let image = super::inspect(Path::new(&string(name, args, 1)?))?;
    let vdi_bytes = u64::try_from(integer(name, args, 2)?)
        .map_err(|_| crate::guile::value::wrong_type(name, 2, &args[1]))?;
    let (fit, by) = match image.fit(vdi_bytes) {
        Fit::Exact => ("exact", 0),
        Fit::Smaller { by } => ("smaller", by),
        Fit::TooLarge { by } => ("too-large", by),
    };
    Ok(crate::guile::value::pair_value(
        symbol_value(fit),
        number(by),
    ))
}
