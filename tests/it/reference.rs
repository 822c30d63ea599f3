//! docs/reference is what the modules say of themselves, and each says something of
//! everything that it exports.

use crate::support::Sandbox;
use std::path::{Path, PathBuf};

/// The modules of scheme/fruix that authors import, as (name, page).
fn modules() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    walkdir::WalkDir::new(root.join("scheme/fruix"))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter_map(|path| {
            let path = path.strip_prefix(root.join("scheme")).unwrap();
            let name = path.to_str()?.strip_suffix(".scm")?.to_owned();
            let internal = ["fruix/harness/", "fruix/prompt/"];
            if internal.iter().any(|folder| name.starts_with(folder)) {
                return None;
            }
            let page = root.join(format!("docs/reference/{}.md", name.replace('/', "-")));
            Some((format!("({})", name.replace('/', " ")), page))
        })
        .collect()
}

#[test]
fn the_pages_of_the_reference_are_what_the_modules_say() {
    let sandbox = Sandbox::new();
    let modules = modules();
    assert!(modules.len() > 15);
    for (module, page) in &modules {
        let said = sandbox.run(&["doc", module]).success();
        assert!(said.starts_with(&format!("# {module}\n\n")), "{said}");
        assert!(
            !said.contains("(nothing is said about it)"),
            "{module} exports what it says nothing about\n{said}"
        );
        let written = std::fs::read_to_string(page).unwrap_or_default();
        assert!(
            written == said,
            "{} is not what {module} says: docs/reference/regenerate writes it",
            page.display()
        );
    }
    let pages = page_count(modules[0].1.parent().unwrap());
    assert_eq!(pages, modules.len(), "a page is of no module");
}

fn page_count(folder: &Path) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            path.extension().is_some_and(|extension| extension == "md")
        })
        .count()
}

#[test]
fn every_word_of_a_harness_is_documented_with_module_kind_and_place() {
    let sandbox = Sandbox::new();
    for (word, kind) in [
        ("harness", "macro"),
        ("step", "macro"),
        ("claim", "macro"),
        ("check-equal", "macro"),
        ("define-parameter", "macro"),
        ("run-identifier", "variable"),
        ("ssh-result-status", "procedure"),
        ("boot-approved-machine", "procedure"),
    ] {
        let said = sandbox.run(&["doc", word]).success();
        let second = said.lines().nth(1).unwrap();
        assert!(
            second.starts_with(&format!("    {kind} of (fruix "))
                && second.contains(", scheme/fruix/"),
            "{said}"
        );
        assert!(said.lines().nth(3).unwrap().len() > 10, "{said}");
    }
    let told = sandbox.run(&["doc", "guest-rn"]).fails_with(2);
    assert!(told.contains("cannot document `guest-rn`"), "{told}");
}

#[test]
fn every_procedure_of_guiles_modules_says_something_of_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scheme/guile");
    let modules: Vec<String> = walkdir::WalkDir::new(&root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scm"))
        // Parts that a module includes are none.
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.contains("\n(define-module ") || text.starts_with("(define-module ")
        })
        .map(|path| path.strip_prefix(&root).unwrap().with_extension(""))
        .filter(|path| !path.starts_with("boot"))
        .map(|path| format!("({})", path.to_str().unwrap().replace('/', " ")))
        .collect();
    let program = format!(
        r#"(define said-of (@@ (ice-9 documentation) said-of))
           (define seen (make-hash-table))
           (for-each
            (lambda (name)
              (module-for-each
               (lambda (symbol variable)
                 (when (variable-bound? variable)
                   (let ((value (variable-ref variable)))
                     (when (and (procedure? value) (not (hashq-ref seen value)))
                       (hashq-set! seen value #t)
                       (unless (said-of value)
                         (simple-format #t "~A ~A\n" name symbol))))))
               (resolve-interface name)))
            '((guile) {}))
           (when (< (hash-count (const #t) seen) 2500)
             (error "too few procedures were seen"))"#,
        modules.join(" ")
    );
    let silent = Sandbox::new().run(&["-c", &program]).success();
    assert_eq!(silent, "", "these say nothing of themselves");
}
