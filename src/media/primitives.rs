//! `(fruix native media)`: builder versions, layouts and disk images.

use super::{Check, Fit, Scratch, Stale, Version};
use crate::guile::natives::Outcome;
use crate::guile::value::{
    Value, alist_value, handle, handle_value, integer, list_value, string, string_value, strings,
    symbol_value,
};
use std::path::Path;

crate::natives! {
    /// (%media-builder-versions file) -> list of alists
    ///
    /// The builder versions that FILE defines, each with `name`, `value` as it
    /// is written, `line` and `column`.
    "%media-builder-versions" (1) => builder_versions,
    /// (%media-builder-bump file names) -> list of alists
    ///
    /// Raise the versions called NAMES, all when there are none, in FILE; for
    /// each its `name`, `before` and `after`.
    "%media-builder-bump" (2) => builder_bump,
    /// (%media-builder-check file layout record) -> list of alists
    ///
    /// How each builder version of FILE stands when the visible layout is
    /// LAYOUT, a list of lines, and RECORD is where layouts are recorded: its
    /// `name`, `value`, `line`, `state` (current, unrecorded, raised, stale),
    /// and lines `added` and `removed`.
    "%media-builder-check" (3) => builder_check,
    /// (%media-builder-record file layout record names) -> number of versions
    ///
    /// Record in the file RECORD that the builder versions of FILE called NAMES,
    /// all when there are none, stand for LAYOUT.
    "%media-builder-record" (4) => builder_record,
    /// (%media-record-file file) -> string
    ///
    /// Where the layouts of FILE are recorded.
    "%media-record-file" (1) => record_file,
    /// (%media-scratch) -> scratch
    ///
    /// A temporary directory with a reference closure in it; it is gone when
    /// nothing refers to the scratch any more, or by %media-scratch-discard.
    "%media-scratch" (0) => scratch,
    /// (%media-scratch-closure scratch) -> string
    ///
    /// Where the reference closure is.
    "%media-scratch-closure" (1) => scratch_closure,
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
    /// `size-bytes`, `backup-at-end?` and `partitions` of the raw disk image
    /// FILE, each with `number`, `label`, `type`, `start-bytes`, `size-bytes`.
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

fn builder_versions(args: &[Value]) -> Outcome {
    let file = string("%media-builder-versions", args, 1)?;
    let versions = super::status(Path::new(&file))?;
    let values = versions
        .iter()
        .map(|version| alist_value(version_fields(version)));
    Ok(list_value(values.collect()))
}

fn builder_bump(args: &[Value]) -> Outcome {
    let name = "%media-builder-bump";
    let file = string(name, args, 1)?;
    let raised = super::bump(Path::new(&file), &strings(name, args, 2)?)?;
    let values = raised.iter().map(|raised| {
        alist_value(vec![
            ("name", symbol_value(&raised.name)),
            ("before", string_value(raised.before.as_str())),
            ("after", string_value(raised.after.as_str())),
        ])
    });
    Ok(list_value(values.collect()))
}

fn builder_check(args: &[Value]) -> Outcome {
    let name = "%media-builder-check";
    let versions = super::status(Path::new(&string(name, args, 1)?))?;
    let (layout, record) = (strings(name, args, 2)?, string(name, args, 3)?);
    let checked = super::check(&versions, &layout, Path::new(&record))?;
    let values = checked.iter().map(|(version, check)| {
        let mut fields = version_fields(version);
        let (state, stale) = match check {
            Check::Current => ("current", Stale::default()),
            Check::Unrecorded => ("unrecorded", Stale::default()),
            Check::Raised { .. } => ("raised", Stale::default()),
            Check::Stale(stale) => ("stale", stale.clone()),
        };
        fields.push(("state", symbol_value(state)));
        fields.push(("added", lines_value(&stale.added)));
        fields.push(("removed", lines_value(&stale.removed)));
        alist_value(fields)
    });
    Ok(list_value(values.collect()))
}

fn builder_record(args: &[Value]) -> Outcome {
    let name = "%media-builder-record";
    let mut versions = super::status(Path::new(&string(name, args, 1)?))?;
    let (layout, record) = (strings(name, args, 2)?, string(name, args, 3)?);
    let names = strings(name, args, 4)?;
    versions.retain(|version| names.is_empty() || names.contains(&version.name));
    super::record(&versions, &layout, Path::new(&record))?;
    Ok(number(versions.len() as u64))
}

fn record_file(args: &[Value]) -> Outcome {
    let file = string("%media-record-file", args, 1)?;
    let record = super::record_file(Path::new(&file));
    Ok(string_value(record.to_string_lossy()))
}

fn scratch(_: &[Value]) -> Outcome {
    Ok(handle_value("media-scratch", Scratch::new()?))
}

fn scratch_closure(args: &[Value]) -> Outcome {
    let scratch = handle::<Scratch>("%media-scratch-closure", args, 1)?;
    Ok(string_value(scratch.closure()?.to_string_lossy()))
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
