//! Modules that only give names of module `(guile)` a home: their words are
//! part of the language here, so importing them costs nothing. A file of the
//! same name in `scheme/guile` or on the load path comes first.

/// Module names, and what each exports.
pub const FACADES: &[(&str, &[&str])] = &[
    (
        "ice-9 match",
        &[
            "match",
            "match-lambda",
            "match-lambda*",
            "match-let",
            "match-let*",
            "match-letrec",
        ],
    ),
    ("ice-9 receive", &["receive"]),
    (
        "ice-9 optargs",
        &[
            "lambda*",
            "define*",
            "define*-public",
            "let-optional",
            "let-optional*",
            "let-keywords",
            "let-keywords*",
            "defmacro*",
        ],
    ),
    (
        "ice-9 curried-definitions",
        &["define", "define*", "define-public", "define*-public"],
    ),
    (
        "ice-9 control",
        &[
            "call/ec",
            "let/ec",
            "call/cc",
            "%",
            "abort",
            "shift",
            "reset",
            "shift*",
            "reset*",
            "call-with-escape-continuation",
        ],
    ),
    ("srfi srfi-0", &["cond-expand"]),
    ("srfi srfi-8", &["receive"]),
    ("srfi srfi-9", &["define-record-type"]),
    (
        "srfi srfi-9 gnu",
        &[
            "set-record-type-printer!",
            "define-immutable-record-type",
            "set-field",
            "set-fields",
        ],
    ),
    ("srfi srfi-11", &["let-values", "let*-values"]),
    ("srfi srfi-16", &["case-lambda"]),
    ("srfi srfi-23", &["error"]),
    ("srfi srfi-26", &["cut", "cute"]),
    ("srfi srfi-30", &[]),
    (
        "srfi srfi-34",
        &["with-exception-handler", "raise", "guard"],
    ),
    ("srfi srfi-39", &["make-parameter", "parameterize"]),
    ("srfi srfi-46", &["syntax-rules"]),
    ("srfi srfi-55", &["require-extension"]),
    ("srfi srfi-61", &["cond"]),
    ("srfi srfi-62", &[]),
    ("srfi srfi-87", &["case"]),
    ("system syntax", &["syntax-source"]),
];

/// What the module called NAME, words parted by blanks, exports.
pub fn exports(name: &str) -> Option<&'static [&'static str]> {
    FACADES
        .iter()
        .find(|(facade, _)| *facade == name)
        .map(|(_, exports)| *exports)
}
