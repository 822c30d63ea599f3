//! The forms of `(fruix xapi methods)`, held against the published datamodel.

use crate::support::Sandbox;
use lexpr::Value as Datum;
use serde_json::Value;
use std::collections::BTreeMap;

/// The datamodel's classes by name; `FRUIX_XENAPI_JSON` names a copy.
fn datamodel() -> Option<BTreeMap<String, Value>> {
    let Some(path) = std::env::var_os("FRUIX_XENAPI_JSON") else {
        // Nobody can install it, so this may be skipped everywhere.
        println!("skipped: FRUIX_XENAPI_JSON does not name the published datamodel");
        return None;
    };
    let text = std::fs::read(path).expect("the datamodel can be read");
    let classes: Vec<Value> = serde_json::from_slice(&text).expect("it is JSON");
    let name = |class: &Value| class["name"].as_str().unwrap_or_default().to_owned();
    Some(classes.into_iter().map(|it| (name(&it), it)).collect())
}

/// What a form says.
struct Form {
    procedure: String,
    method: String,
    parameters: Vec<(String, String)>,
    result: String,
}

fn forms() -> Vec<Form> {
    let sandbox = Sandbox::new();
    let written = sandbox
        .run(&[
            "-c",
            "(begin (use-modules (fruix xapi)) (write (xapi-methods)))",
        ])
        .success();
    let data = lexpr::from_str(&written).expect("it is a datum");
    let entry = |form: &Datum, name: &str| form.get(name).expect("the form has it").clone();
    data.list_iter()
        .expect("it is a list")
        .map(|form| Form {
            procedure: entry(form, "procedure").to_string(),
            method: entry(form, "method").as_str().unwrap().to_owned(),
            parameters: entry(form, "parameters")
                .list_iter()
                .unwrap()
                .map(|pair| {
                    let (name, kind) = pair.as_pair().unwrap();
                    (name.to_string().replace('-', "_"), written_type(kind))
                })
                .collect(),
            result: written_type(&entry(form, "result")),
        })
        .collect()
}

/// A type of a form, as the datamodel writes it.
fn written_type(kind: &Datum) -> String {
    let Some(mut words) = kind.list_iter() else {
        return kind.to_string();
    };
    let head = words.next().map(ToString::to_string).unwrap_or_default();
    let rest: Vec<String> = words.map(written_type).collect();
    match (head.as_str(), &rest[..]) {
        ("enum", [name]) => format!("enum {name}"),
        ("map", [key, value]) => format!("({key} -> {value}) map"),
        (head, [inner]) => format!("{inner} {head}"),
        other => panic!("a type cannot be {other:?}"),
    }
}

fn named<'a>(owner: &'a Value, list: &str, name: &str) -> &'a Value {
    owner[list]
        .as_array()
        .into_iter()
        .flatten()
        .find(|it| it["name"] == name)
        .unwrap_or_else(|| panic!("{} has {list} without `{name}`", owner["name"]))
}

#[test]
fn every_form_is_a_method_of_the_datamodel_with_its_parameters_and_result() {
    let forms = forms();
    assert!(forms.len() > 60, "{} forms", forms.len());
    let Some(classes) = datamodel() else { return };
    for form in forms {
        let (class, name) = form.method.split_once('.').expect("CLASS.METHOD");
        let class = &classes[class];
        let message = named(class, "messages", name);
        if form.result == "constructed" {
            hold_constructor(&form, class);
            continue;
        }
        assert_eq!(message["result"][0], form.result, "{}", form.procedure);
        let published: Vec<&Value> = message["params"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|parameter| parameter["name"] != "session_id")
            .collect();
        let given: Vec<(String, String)> = published
            .iter()
            .take(form.parameters.len())
            .map(|it| {
                let text = |name: &str| it[name].as_str().unwrap().to_owned();
                (text("name"), text("type"))
            })
            .collect();
        assert_eq!(form.parameters, given, "{}", form.procedure);
        // What a form leaves out, the host must not need.
        for parameter in published.iter().skip(form.parameters.len()) {
            assert_eq!(parameter["required"], false, "{}", form.procedure);
        }
    }
}

fn hold_constructor(form: &Form, class: &Value) {
    for (name, kind) in &form.parameters {
        let field = named(class, "fields", name);
        assert_eq!(field["type"], kind.as_str(), "{}: {name}", form.procedure);
        assert_ne!(
            field["qualifier"], "RO/runtime",
            "{}: {name}",
            form.procedure
        );
    }
    let needed = class["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|field| field["qualifier"] != "RO/runtime" && field.get("default").is_none());
    for field in needed {
        let name = field["name"].as_str().unwrap();
        assert!(
            form.parameters.iter().any(|(known, _)| known == name),
            "{} lacks {name}",
            form.procedure
        );
    }
}

#[test]
fn every_form_has_a_docstring_and_wrong_arguments_are_named() {
    let sandbox = Sandbox::new();
    let output = sandbox
        .run(&[
            "--simulate",
            "-c",
            r#"(begin
                 (use-modules (fruix xapi) (fruix settings) (fruix machine) (fruix harness))
                 (for-each
                  (lambda (form)
                    (let ((name (assq-ref form 'procedure)))
                      (unless (procedure-documentation
                               (module-ref (resolve-module '(fruix xapi)) name))
                        (display name))))
                  (xapi-methods))
                 (define session
                   (xapi-login #:host (setting 'host)
                               #:user (setting 'user)
                               #:password-file (setting 'password-file)
                               #:certificate-sha256 (setting 'certificate-sha256)
                               #:approved-vms (setting 'approved/vms)
                               #:approved-vdis (setting 'approved/vdis)))
                 (define vm (xapi-vm-find session (setting 'vm)))
                 (define (caught thunk)
                   (catch #t thunk
                     (lambda (key who text arguments . rest)
                       (list key who (apply simple-format #f text arguments)))))
                 (define (show value) (write value) (newline))
                 (show (xapi-vm-power-state session vm))
                 (show (xapi-vm-guest-metrics session vm))
                 (show (integer? (xapi-vdi-size session (xapi-vdi-find session (setting 'vdi)))))
                 (show (caught (lambda () (xapi-vm-set-memory session vm "much"))))
                 (show (caught (lambda () (xapi-vdi-create session #:name "x"))))
                 (define sr (xapi-pool-default-sr session (car (car (xapi-pools session)))))
                 (define template (car (xapi-vms-named session "Other install media")))
                 (define clone (xapi-vm-clone session template "mine" #:timeout-seconds 20))
                 (xapi-vm-provision session clone)
                 (xapi-vm-set-memory-limits session clone
                                            #:static-min 268435456 #:dynamic-min 268435456
                                            #:dynamic-max 536870912 #:static-max 536870912)
                 (xapi-vm-set-boot session clone '(("order" . "c") ("firmware" . "bios")))
                 (define disk (xapi-vdi-create session #:sr sr #:name "mine" #:size-bytes 1))
                 (xapi-vbd-create session #:vm clone #:vdi disk #:userdevice "0" #:bootable #t)
                 (define network (xapi-ref (xapi-vif-record session
                                                            (car (xapi-vm-interfaces session vm)))
                                           'network))
                 (xapi-vif-create session #:vm clone #:network network)
                 (show (xapi-ref (xapi-vm-record session clone) 'HVM_boot_params "firmware"))
                 (show (length (xapi-vm-disks session clone)))
                 (define before (xapi-vm-snapshot session clone "before"))
                 (xapi-vm-revert session before)
                 (xapi-vm-destroy-with-disks session before)
                 (xapi-vm-destroy-with-disks session clone)
                 (show (length (xapi-leftovers session))))"#,
        ])
        .success();
    assert_eq!(
        output,
        "\"Halted\"\n#f\n#t\n\
         (wrong-type-arg xapi-vm-set-memory \"Wrong type argument value, which takes an integer: \\\"much\\\"\")\n\
         (misc-error xapi-vdi-create \"the keyword #:sr is needed\")\n\
         \"bios\"\n1\n0\n"
    );
}
