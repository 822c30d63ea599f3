//! XML read into events, for `(sxml simple)`; what names and references mean is decided
//! there.
//!
//! Source: <https://docs.rs/quick-xml>; Extensible Markup Language (XML) 1.0.

use crate::data::args::string;
use crate::data::native::{Outcome, Raise};
use crate::data::symbols::symbol;
use crate::data::value::Value;
use crate::data::{errors, pairs, strings as text};
use crate::natives;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

fn refused(message: impl std::fmt::Display) -> Raise {
    errors::misc("%xml-events", "~A", vec![text::value(message.to_string())])
}

/// (start NAME (ATTRIBUTE . VALUE) …), the values as they are written.
fn start(element: &BytesStart) -> Result<Value, Raise> {
    let mut event = vec![symbol("start"), text::value(element.name().as_ref())];
    for attribute in element.attributes() {
        let attribute = attribute.map_err(refused)?;
        let name = text::value(attribute.key.as_ref());
        event.push(pairs::cons(name, text::value(&*attribute.value)));
    }
    Ok(pairs::list(event))
}

fn event(kind: &str, content: &str) -> Value {
    pairs::list(vec![symbol(kind), text::value(content)])
}

/// (%xml-events text): a list of (start name (attribute . value) …), (end name),
/// (text string), (reference name), (instruction text), (doctype text).
fn xml_events(args: &[Value]) -> Outcome {
    let source = string("%xml-events", args, 1)?;
    let mut reader = Reader::from_str(source);
    let mut events = Vec::new();
    loop {
        match reader.read_event().map_err(refused)? {
            Event::Start(element) => events.push(start(&element)?),
            Event::Empty(element) => {
                events.push(start(&element)?);
                events.push(event("end", element.name().as_ref()));
            }
            Event::End(element) => events.push(event("end", element.name().as_ref())),
            Event::Text(content) => events.push(event("text", &content.xml10_content())),
            Event::CData(content) => events.push(event("text", &content.xml10_content())),
            Event::GeneralRef(name) => events.push(event("reference", name.as_ref())),
            Event::PI(content) => events.push(event("instruction", content.as_ref())),
            Event::Decl(content) => events.push(event("instruction", content.as_ref())),
            Event::DocType(content) => events.push(event("doctype", content.as_ref())),
            Event::Comment(_) => {}
            Event::Eof => return Ok(pairs::list(events)),
        }
    }
}

natives! {
    /// (%xml-events text) -> what TEXT consists of
    "%xml-events" (1) => xml_events,
}
