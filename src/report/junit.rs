//! JUnit's XML, as continuous integration reads it.
//!
//! There is no one specification; what is written here is what Jenkins' schema
//! (junit-10.xsd), GitLab, Buildkite and junitparser have in common. What could not
//! stand in XML, or command a terminal, is spelled out.

use super::model::{Case, Counts, Outcome, Suite, Trouble};
use super::{moment, shown_lines};
use crate::visible::escape;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// SUITES as a document.
pub fn text(suites: &[Suite]) -> String {
    let mut bytes = Vec::new();
    document(&mut Writer::new_with_indent(&mut bytes, b' ', 1), suites)
        .expect("a vector takes whatever is written");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("it was made of strings")
}

type Out<'a> = Writer<&'a mut Vec<u8>>;

fn document(out: &mut Out, suites: &[Suite]) -> io::Result<()> {
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let seconds: Vec<f64> = suites.iter().filter_map(|suite| suite.seconds).collect();
    out.create_element("testsuites")
        .with_attributes(borrowed(&counts(suites)))
        .with_attributes(borrowed(&time(Some(seconds.iter().sum()))))
        .write_inner_content(|out| {
            for suite in suites {
                write_suite(out, suite)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_suite(out: &mut Out, suite: &Suite) -> io::Result<()> {
    let mut attributes = vec![("name", escape(&suite.name))];
    attributes.extend(counts(std::slice::from_ref(suite)));
    attributes.extend(time(suite.seconds));
    // The schema's times have no zone; UTC is what is meant.
    attributes.extend(suite.began.map(|began| {
        let began = moment(began);
        ("timestamp", began.trim_end_matches('Z').to_owned())
    }));
    out.create_element("testsuite")
        .with_attributes(borrowed(&attributes))
        .write_inner_content(|out| {
            if !suite.properties.is_empty() {
                out.create_element("properties")
                    .write_inner_content(|out| {
                        for (name, value) in &suite.properties {
                            out.create_element("property")
                                .with_attribute(("name", escape(name).as_str()))
                                .with_attribute(("value", escape(value).as_str()))
                                .write_empty()?;
                        }
                        Ok(())
                    })?;
            }
            for case in &suite.cases {
                write_case(out, case, &suite.name)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_case(out: &mut Out, case: &Case, suite: &str) -> io::Result<()> {
    let group = match case.group.as_str() {
        "" => suite,
        group => group,
    };
    let mut attributes = vec![("name", escape(&case.name)), ("classname", escape(group))];
    attributes.extend(time(case.seconds));
    if let Some(place) = &case.place {
        attributes.push(("file", escape(&place.file)));
        attributes.push(("line", place.line.to_string()));
    }
    let element = out
        .create_element("testcase")
        .with_attributes(borrowed(&attributes));
    match &case.outcome {
        Outcome::Passed => element.write_empty()?,
        Outcome::Skipped(why) | Outcome::KnownFailure(why) => {
            element.write_inner_content(|out| {
                out.create_element("skipped")
                    .with_attribute(("message", escape(why).as_str()))
                    .write_empty()?;
                Ok(())
            })?
        }
        Outcome::Failed(trouble) => {
            element.write_inner_content(|out| write_trouble(out, "failure", trouble))?
        }
        Outcome::Error(trouble) => {
            element.write_inner_content(|out| write_trouble(out, "error", trouble))?
        }
    };
    Ok(())
}

fn write_trouble(out: &mut Out, name: &str, trouble: &Trouble) -> io::Result<()> {
    let mut body = shown_lines(&trouble.message);
    for (what, value) in [("expected", &trouble.expected), ("actual", &trouble.actual)] {
        if let Some(value) = value {
            body.push_str(&format!("\n{what}: {}", shown_lines(value)));
        }
    }
    out.create_element(name)
        .with_attribute(("message", escape(&trouble.message).as_str()))
        .with_attribute(("type", escape(&trouble.kind).as_str()))
        .write_text_content(BytesText::new(&body))?;
    Ok(())
}

fn counts(suites: &[Suite]) -> Vec<(&'static str, String)> {
    let counts = Counts::of(suites);
    [
        ("tests", counts.cases),
        ("failures", counts.failures),
        ("errors", counts.errors),
        ("skipped", counts.skipped),
    ]
    .map(|(name, count)| (name, count.to_string()))
    .into()
}

fn time(seconds: Option<f64>) -> Vec<(&'static str, String)> {
    seconds
        .map(|seconds| ("time", format!("{seconds:.3}")))
        .into_iter()
        .collect()
}

fn borrowed<'a>(attributes: &'a [(&'a str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
}
