//! What the forms of the language and of the carried modules do with their operands.
//!
//! A macro that is not in this table is not looked into. Nor is one of a user's: what it
//! does with its operands only running it could tell.

/// How the operands of a form are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// They are data.
    Data,
    /// They are data but for what is unquoted.
    Quasi,
    /// Each is an expression.
    Each,
    /// So many expressions, then a body.
    Body(usize),
    /// Some words that are data, then a body.
    Skip(usize),
    Lambda,
    CaseLambda,
    Let,
    LetSequential,
    LetRecursive,
    LetValues,
    LetValuesSequential,
    LetSyntax,
    Receive,
    Recursive,
    Define,
    DefineValues,
    DefineRecord,
    DefineKeyword,
    Set,
    Cond,
    Case,
    Do,
    Guard,
    /// Pairs of two expressions, then a body.
    Parameterize,
    AndLet,
    While,
    /// A name, then a body that it is bound in.
    Named,
    Match,
    MatchLambda,
    MatchLet,
    MatchLetSequential,
    MatchLetRecursive,
    /// What is partly applied, with slots.
    Cut,
    /// Forms at the top level of another's.
    Splicing,
    /// Which module this is, what it imports and exports.
    Header,
    /// (harness NAME DOC #:record (KEY ...) BODY ...)
    Harness,
    /// (step NAME #:OPTION EXPRESSION ... BODY ...); the body is one at the top level, too.
    Step,
    /// (define-parameter NAME DOC #:OPTION ...)
    DefineParameter,
    /// (record NAME (NAME EXPRESSION) ...)
    Record,
    /// It is not looked into; it defines none but the names that it is given.
    Opaque,
    /// It is not looked into, and makes names of those that it is given.
    Composing,
}

/// The form that NAME is where MODULE, a carried one, exports it.
pub fn carried(module: &[String], name: &str) -> Option<Form> {
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    // Modules that have other forms by the usual names.
    match (&module[..], name) {
        (["srfi", "srfi-71"], _) => return Some(Form::Opaque),
        (["rnrs", ..], "define-record-type") => return Some(Form::Composing),
        _ => {}
    }
    usual(name)
}

/// The form that is usually called NAME.
pub fn usual(name: &str) -> Option<Form> {
    Some(match name {
        "quote" | "@" | "@@" | "the-environment" => Form::Data,
        "quasiquote" => Form::Quasi,
        "if"
        | "and"
        | "or"
        | "delay"
        | "delay-force"
        | "make-promise"
        | "lazy"
        | "eager"
        | "cons-stream"
        | "stream-cons"
        | "assert"
        | "future"
        | "with-mutex"
        | "monitor"
        | "parallel"
        | "begin-thread"
        | "false-if-exception"
        | "unwind-protect"
        | "time"
        | "reset"
        | "claim"
        | "test-assert"
        | "test-equal"
        | "test-eqv"
        | "test-eq"
        | "test-approximate"
        | "test-error"
        | "test-with-runner"
        | "test-end"
        | "test-begin"
        | "test-group-with-cleanup"
        | "fail"
        | "add-to-load-path"
        | "start-stack"
        | "test-skip"
        | "test-expect-fail"
        | "trace"
        | "untrace" => Form::Each,
        "check" | "check-equal" | "check-true" | "collect-checks" | "sxml->string" => Form::Each,
        "begin" => Form::Splicing,
        "when" | "unless" | "with-guest" => Form::Body(1),
        "eval-when" => Form::Skip(1),
        "lambda" | "lambda*" | "λ" => Form::Lambda,
        "case-lambda" | "case-lambda*" => Form::CaseLambda,
        "let" => Form::Let,
        "let*" => Form::LetSequential,
        "letrec" | "letrec*" => Form::LetRecursive,
        "let-values" => Form::LetValues,
        "let*-values" => Form::LetValuesSequential,
        "let-syntax" | "letrec-syntax" | "syntax-parameterize" => Form::LetSyntax,
        "receive" => Form::Receive,
        "rec" => Form::Recursive,
        "define" | "define*" | "define-public" | "define*-public" | "define-private"
        | "define-once" | "define-inlinable" | "define-integrable" => Form::Define,
        "define-values" => Form::DefineValues,
        "define-record-type" | "define-immutable-record-type" => Form::DefineRecord,
        "define-syntax"
        | "define-syntax-rule"
        | "define-syntax-parameter"
        | "define-syntax-public"
        | "define-macro"
        | "defmacro"
        | "defmacro*"
        | "defmacro-public"
        | "defmacro*-public"
        | "define-alias" => Form::DefineKeyword,
        "set!" => Form::Set,
        "cond" => Form::Cond,
        "case" => Form::Case,
        "do" => Form::Do,
        "guard" => Form::Guard,
        "parameterize" | "parameterize*" | "with-fluids" | "fluid-let" => Form::Parameterize,
        "and-let*" => Form::AndLet,
        "while" => Form::While,
        "let/ec" | "let/cc" | "let-escape-continuation" | "shift" => Form::Named,
        "match" => Form::Match,
        "match-lambda" | "match-lambda*" => Form::MatchLambda,
        "match-let" => Form::MatchLet,
        "match-let*" => Form::MatchLetSequential,
        "match-letrec" | "match-letrec*" => Form::MatchLetRecursive,
        "cut" | "cute" => Form::Cut,
        "define-module"
        | "use-modules"
        | "import"
        | "export"
        | "re-export"
        | "export!"
        | "re-export-and-replace!"
        | "export-syntax"
        | "re-export-syntax"
        | "use-syntax"
        | "library"
        | "define-library" => Form::Header,
        "harness" => Form::Harness,
        "step" | "test-group" => Form::Step,
        "define-parameter" => Form::DefineParameter,
        "record" => Form::Record,
        "define-structure"
        | "define-condition-type"
        | "define-enumeration"
        | "define-peg-string-patterns"
        | "define-peg-pattern"
        | "define-foreign-object-type"
        | "define-wrapped-pointer-type" => Form::Composing,
        word if includes(word) => Form::Composing,
        "cond-expand"
        | "syntax-case"
        | "syntax-rules"
        | "syntax"
        | "quasisyntax"
        | "with-syntax"
        | "identifier-syntax"
        | "condition"
        | "define-class"
        | "define-exception-type"
        | "define-method"
        | "define-generic"
        | "define-accessor"
        | "set-field"
        | "set-fields"
        | "sxml-match"
        | "sxml-match-let"
        | "define-stream"
        | "stream-lambda"
        | "stream-match"
        | "stream-let"
        | "pmatch"
        | "%" => Form::Opaque,
        _ => return None,
    })
}

/// Whether the definitions of a form at the top level that holds others are the module's.
pub fn holds_definitions(name: &str) -> bool {
    matches!(
        name,
        "if" | "when"
            | "unless"
            | "cond"
            | "case"
            | "and"
            | "or"
            | "cond-expand"
            | "false-if-exception"
    )
}

/// Whether a form with this word takes in the text of files, whose names follow it.
pub fn includes(name: &str) -> bool {
    matches!(name, "include" | "include-ci" | "include-from-path")
}

/// Whether a text that has this word anywhere may come to define names that it does not
/// write as definitions.
pub fn reaches_into_modules(name: &str) -> bool {
    includes(name)
        || matches!(
            name,
            "load"
                | "load-from-path"
                | "primitive-load"
                | "primitive-load-path"
                | "include-library-declarations"
                | "set-current-module"
                | "module-define!"
                | "module-add!"
                | "module-use!"
                | "module-use-interfaces!"
                | "module-ensure-local-variable!"
                | "beautify-user-module!"
                | "save-module-excursion"
                | "load-extension"
                | "define-public!"
                | "environment-define"
        )
}
