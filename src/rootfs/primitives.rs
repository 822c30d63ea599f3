//! `(fruix native rootfs)`: planning, making and verifying a rootfs.

use super::{Closure, Development, Entry, Occupied, Owners, Plan, What};
use crate::guile::natives::Outcome;
use crate::guile::value::{
    Value, alist_value, list_value, pair_value, string, string_value, symbol_value, truth,
};
use std::path::Path;

crate::natives! {
    outside;
    /// (%rootfs-plan closure development?) -> list of entries
    ///
    /// What the rootfs of CLOSURE is made of, in order, each entry an
    /// association list with `type` (directory, link or file), `path`, `rule`
    /// and, as the type has them, `target`, `source` and `mode`.
    "%rootfs-plan" (2) => rootfs_plan,
    /// (%rootfs-populate closure rootfs development? replace?) -> alist
    ///
    /// Make the rootfs of CLOSURE in the directory ROOTFS; how many entries
    /// were `made`, `kept` and `replaced`.
    "%rootfs-populate" (4) => rootfs_populate,
    /// (%rootfs-verify closure rootfs development? any-owner?) -> list of differences
    ///
    /// How ROOTFS differs from what CLOSURE asks for; each difference an
    /// association list with `path`, `rule`, `reason`, `wanted` and `found`.
    "%rootfs-verify" (4) => rootfs_verify,
    /// (%rootfs-closure-place closure) -> pair of strings
    ///
    /// The directory that stands for `/` where CLOSURE is, which may be a link,
    /// and what the system itself calls the closure.
    "%rootfs-closure-place" (1) => closure_place,
}

fn planned(
    procedure: &str,
    args: &[Value],
    development: usize,
) -> Result<Plan, crate::guile::natives::Raise> {
    let closure = Closure::read(Path::new(&string(procedure, args, 1)?))?;
    let development = if truth(args, development) {
        Development::Required
    } else {
        Development::AsTheClosure
    };
    Ok(super::plan(&closure, development)?)
}

fn path_value(path: &Path) -> Value {
    string_value(path.to_string_lossy())
}

fn entry_value(entry: &Entry) -> Value {
    let mode_value = |mode: u32| Value::IntV(mode as isize);
    let mut fields = match &entry.what {
        What::Directory { mode } => {
            vec![
                ("type", symbol_value("directory")),
                ("mode", mode_value(*mode)),
            ]
        }
        What::Link { target } => {
            vec![
                ("type", symbol_value("link")),
                ("target", path_value(target)),
            ]
        }
        What::File { source, mode } => vec![
            ("type", symbol_value("file")),
            ("source", path_value(source)),
            ("mode", mode_value(*mode)),
        ],
    };
    fields.insert(1, ("path", path_value(&entry.path)));
    fields.push(("rule", symbol_value(entry.rule.name())));
    alist_value(fields)
}

fn rootfs_plan(args: &[Value]) -> Outcome {
    let plan = planned("%rootfs-plan", args, 2)?;
    Ok(list_value(plan.entries.iter().map(entry_value).collect()))
}

fn rootfs_populate(args: &[Value]) -> Outcome {
    let name = "%rootfs-populate";
    let rootfs = string(name, args, 2)?;
    let occupied = if truth(args, 4) {
        Occupied::Replace
    } else {
        Occupied::Refuse
    };
    let population = super::populate(&planned(name, args, 3)?, Path::new(&rootfs), occupied)?;
    let count = |number: usize| Value::IntV(number as isize);
    Ok(alist_value(vec![
        ("made", count(population.made)),
        ("kept", count(population.kept)),
        ("replaced", count(population.replaced)),
    ]))
}

fn closure_place(args: &[Value]) -> Outcome {
    let closure = string("%rootfs-closure-place", args, 1)?;
    let (root, name) = Closure::place(Path::new(&closure))?;
    Ok(pair_value(path_value(&root), path_value(&name)))
}

fn rootfs_verify(args: &[Value]) -> Outcome {
    let name = "%rootfs-verify";
    let rootfs = string(name, args, 2)?;
    let owners = match truth(args, 4) {
        true => Owners::Any,
        false => Owners::Root,
    };
    let differences = super::verify(&planned(name, args, 3)?, Path::new(&rootfs), owners)?;
    let values = differences.iter().map(|difference| {
        alist_value(vec![
            ("path", path_value(&difference.path)),
            ("rule", symbol_value(difference.rule.name())),
            ("reason", string_value(difference.rule.reason())),
            ("wanted", string_value(difference.wanted.as_str())),
            ("found", string_value(difference.found.as_str())),
        ])
    });
    Ok(list_value(values.collect()))
}
