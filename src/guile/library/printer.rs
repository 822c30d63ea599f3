//! `write` and `display`: values as text.
//!
//! Nothing here recurses over data: what remains to be printed lives on a list.
//! A record's own printer is Scheme; it gets a string port, whose text goes in
//! the record's place.
//!
//! Source: GNU Guile reference manual, "Scheme Write"; forms read off Guile 3.0.8.

use crate::data::bytevectors::{self, Bytevector};
use crate::data::native::{Machine, Raise};
use crate::data::records::{self, type_field};
use crate::data::symbols;
use crate::data::uniform::{self, Element};
use crate::data::value::Value;
use crate::data::{
    arrays, char_sets, characters, number_syntax, numbers, pairs, strings as text, throw_shape,
};
use crate::library::{hash_tables, lists, ports};
use crate::read::reader;
use crate::syntax::object;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::OnceLock;
use steel::gc::ShareableMut;

/// How strings, characters and symbols come out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// So that `read` gives the value back.
    Write,
    /// For people.
    Display,
}

/// VALUE as text; records with printers of their own are shown by their fields.
pub fn plain(value: &Value, style: Style) -> String {
    // Only a record's printer can fail.
    printed(None, value, style).unwrap_or_default()
}

/// VALUE as text, with the help of MACHINE where a record has a printer.
pub fn with_machine(machine: &mut Machine, value: &Value, style: Style) -> Result<String, Raise> {
    if let Some(text) = simple(value, style) {
        return Ok(text);
    }
    let before = IN_USE.replace(Some(style));
    let text = printed(Some(machine), value, style);
    IN_USE.set(before);
    text
}

thread_local! {
    static IN_USE: Cell<Option<Style>> = const { Cell::new(None) };
}

/// How what is being printed comes out, for records' printers that want to know.
pub fn style_in_use() -> Option<Style> {
    IN_USE.get()
}

/// Circles are rare, and looking for them at each pair is not: so the text is begun again
/// when one was met, or when something is nested as deeply as in a circle.
fn printed(machine: Option<&mut Machine>, value: &Value, style: Style) -> Result<String, Raise> {
    let mut printer = Printer {
        out: String::new(),
        style,
        machine,
        around: None,
        is_circular: false,
    };
    printer.print(value)?;
    if printer.is_circular {
        printer.out.clear();
        printer.style = style;
        printer.around = Some(Around::default());
        printer.print(value)?;
    }
    Ok(printer.out)
}

fn simple(value: &Value, style: Style) -> Option<String> {
    match value {
        Value::StringV(string) if style == Style::Display => Some(text::of(string).to_owned()),
        Value::IntV(number) => Some(number.to_string()),
        Value::CharV(character) if style == Style::Display => Some(character.to_string()),
        _ => None,
    }
}

/// What remains to be printed.
enum Task {
    Value(Value),
    /// The rest of a list whose beginning has been printed.
    Rest(Value),
    /// The elements of a vector from this index on.
    Elements(Vec<Value>, usize),
    Text(&'static str),
    Owned(String),
    /// Go on in this style.
    Style(Style),
    /// Go on inside of so many.
    Inside(usize),
}

/// Tasks as many as this come of a circle, or of data nested that deeply.
const DEEP: usize = 10_000;

/// What stands around the place that is being printed: vectors, records, pairs, and in a
/// list all pairs before it.
#[derive(Default)]
struct Around {
    identities: Vec<usize>,
    positions: HashMap<usize, usize>,
}

impl Around {
    /// How far outside VALUE stands when it is among these: 0 for the innermost.
    fn distance(&self, value: &Value) -> Option<usize> {
        let position = self.positions.get(&identity(value)?)?;
        Some(self.identities.len() - 1 - position)
    }

    fn enter(&mut self, value: &Value) {
        let identity = identity(value).unwrap_or_default();
        self.positions.insert(identity, self.identities.len());
        self.identities.push(identity);
    }

    fn leave_to(&mut self, count: usize) {
        for identity in self.identities.drain(count..) {
            self.positions.remove(&identity);
        }
    }
}

/// The address of VALUE when it may contain itself.
fn identity(value: &Value) -> Option<usize> {
    match value {
        Value::Pair(pair) => Some(pair.as_ptr().addr()),
        Value::MutableVector(items) => Some(items.as_ptr_usize()),
        Value::CustomStruct(record) => Some((&raw const **record).addr()),
        _ => None,
    }
}

struct Printer<'m, 'a> {
    out: String,
    style: Style,
    machine: Option<&'m mut Machine<'a>>,
    /// Kept once a circle is suspected.
    around: Option<Around>,
    is_circular: bool,
}

impl Printer<'_, '_> {
    fn print(&mut self, value: &Value) -> Result<(), Raise> {
        let mut tasks = vec![Task::Value(value.clone())];
        while let Some(task) = tasks.pop() {
            if self.around.is_none() && tasks.len() > DEEP {
                self.is_circular = true;
            }
            if self.is_circular && self.around.is_none() {
                return Ok(());
            }
            match task {
                Task::Inside(count) => {
                    if let Some(around) = &mut self.around {
                        around.leave_to(count);
                    }
                }
                Task::Text(text) => self.out.push_str(text),
                Task::Owned(text) => self.out.push_str(&text),
                Task::Style(style) => self.style = style,
                Task::Value(value) => self.start(value, &mut tasks)?,
                Task::Rest(rest) => self.rest(rest, &mut tasks)?,
                Task::Elements(items, index) => {
                    if let Some(item) = items.get(index).cloned() {
                        if index > 0 {
                            self.out.push(' ');
                        }
                        tasks.push(Task::Elements(items, index + 1));
                        tasks.push(Task::Value(item));
                    }
                }
            }
        }
        Ok(())
    }

    /// Print what follows the car of a pair.
    fn rest(&mut self, mut rest: Value, tasks: &mut Vec<Task>) -> Result<(), Raise> {
        loop {
            if let Some(around) = &mut self.around {
                if let Some(distance) = around.distance(&rest) {
                    self.out.push_str(" . ");
                    self.circle(distance);
                    self.out.push(')');
                    return Ok(());
                }
                if pairs::is_pair(&rest) {
                    around.enter(&rest);
                }
            }
            if pairs::is_nil(&rest) {
                self.out.push(')');
                return Ok(());
            }
            let (Some(item), Some(next)) = (pairs::car(&rest).cloned(), pairs::cdr(&rest)) else {
                self.out.push_str(" . ");
                tasks.push(Task::Text(")"));
                tasks.push(Task::Value(rest));
                return Ok(());
            };
            self.out.push(' ');
            if self.atom(&item) {
                rest = next;
            } else {
                tasks.push(Task::Rest(next));
                tasks.push(Task::Value(item));
                return Ok(());
            }
        }
    }

    fn start(&mut self, value: Value, tasks: &mut Vec<Task>) -> Result<(), Raise> {
        if self.atom(&value) {
            return Ok(());
        }
        if let Some(around) = &mut self.around {
            if let Some(distance) = around.distance(&value) {
                self.circle(distance);
                return Ok(());
            }
            tasks.push(Task::Inside(around.identities.len()));
            around.enter(&value);
        } else if matches!(lists::drained(&value), pairs::Tail::Circle) {
            self.is_circular = true;
            return Ok(());
        }
        match &value {
            Value::Pair(_) | Value::ListV(_) => {
                let (Some(item), Some(rest)) = (pairs::car(&value), pairs::cdr(&value)) else {
                    return Ok(());
                };
                self.out.push('(');
                tasks.push(Task::Rest(rest));
                tasks.push(Task::Value(item.clone()));
            }
            Value::MutableVector(items) => {
                self.out.push_str("#(");
                tasks.push(Task::Text(")"));
                tasks.push(Task::Elements(items.get(), 0));
            }
            Value::CustomStruct(_) => self.record(&value, tasks)?,
            Value::Custom(_) if let Some(stx) = object::unwrap(&value) => {
                let machine = &mut self.machine;
                let datum = stx.datum(&mut |items| match machine {
                    Some(machine) => machine.vector(items),
                    None => pairs::list(items),
                });
                self.out.push_str("#<syntax ");
                tasks.push(Task::Text(">"));
                tasks.push(Task::Value(datum));
            }
            Value::Custom(_) => {
                let name = bytevectors::element(&value).map_or("", Element::name);
                let _always_succeeds = write!(self.out, "#{name}(");
                tasks.push(Task::Text(")"));
                tasks.push(Task::Elements(uniform::elements(&value), 0));
            }
            other => {
                let _always_succeeds = write!(self.out, "#<{}>", kind_of_procedure(other));
            }
        }
        Ok(())
    }

    /// Print what refers to something DISTANCE around it, as Guile does.
    fn circle(&mut self, distance: usize) {
        let sign = if distance == 0 { "" } else { "-" };
        let _always_succeeds = write!(self.out, "#{sign}{distance}#");
    }

    /// Print VALUE when it has no parts.
    fn atom(&mut self, value: &Value) -> bool {
        match value {
            Value::StringV(string) => match self.style {
                Style::Display => self.out.push_str(text::of(string)),
                Style::Write => write_string(&mut self.out, text::of(string)),
            },
            Value::SymbolV(name) => write_symbol(&mut self.out, text::of(name)),
            Value::IntV(number) => {
                let _always_succeeds = write!(self.out, "{number}");
            }
            Value::CharV(character) => match self.style {
                Style::Display => self.out.push(*character),
                Style::Write => self.out.push_str(&characters::written(*character)),
            },
            Value::BoolV(true) => self.out.push_str("#t"),
            Value::BoolV(false) => self.out.push_str("#f"),
            Value::Void => self.out.push_str("#<unspecified>"),
            Value::ListV(list) if list.is_empty() => self.out.push_str("()"),
            Value::NumV(number) => self.out.push_str(&numbers::float_text(*number)),
            Value::BigNum(_) | Value::Rational(_) | Value::BigRational(_) | Value::Complex(_) => {
                self.out
                    .push_str(&numbers::text(value, 10).unwrap_or_default());
            }
            Value::Custom(object) => {
                if bytevectors::element(value).is_some_and(|element| element != Element::Vu8)
                    || object::is_syntax(value)
                {
                    return false;
                }
                if Bytevector::with(value, |bytes| write_bytes(&mut self.out, bytes)).is_none() {
                    if char_sets::is_char_set(value) {
                        self.out.push_str("#<charset>");
                    } else {
                        let object = object.read();
                        self.out
                            .push_str(&object.display().unwrap_or_else(|_| "#<object>".to_owned()));
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// The fields of a record are written, also when it is displayed.
    fn write_until_here(&mut self, tasks: &mut Vec<Task>) {
        tasks.push(Task::Style(self.style));
        self.style = Style::Write;
    }

    fn record(&mut self, value: &Value, tasks: &mut Vec<Task>) -> Result<(), Raise> {
        if let Some(text) = hash_tables::shown(value) {
            self.out.push_str(&text);
            return Ok(());
        }
        if let Some(values) = records::several(value) {
            let values: Vec<Value> = values.cloned().collect();
            tasks.push(Task::Text(">"));
            tasks.push(Task::Value(pairs::list(values)));
            self.out.push_str("#<values ");
            return Ok(());
        }
        if let Some((key, arguments)) = records::thrown(value) {
            self.write_until_here(tasks);
            tasks.extend(thrown(&key, &arguments).into_iter().rev());
            return Ok(());
        }
        if let Some(pieces) = arrays::pieces(value) {
            tasks.extend(pieces.into_iter().rev().map(|piece| match piece {
                arrays::Piece::Text(text) => Task::Owned(text),
                arrays::Piece::Element(element) => Task::Value(element),
            }));
            return Ok(());
        }
        let Some(kind) = records::type_of(value) else {
            self.out.push_str("#<object>");
            return Ok(());
        };
        let name = match &kind {
            // A record type.
            Value::SymbolV(_) => {
                let name = records::field(value, type_field::NAME)
                    .map_or_else(String::new, |name| plain(&name, Style::Display));
                let _always_succeeds = write!(self.out, "#<record-type {name}>");
                return Ok(());
            }
            _ => records::field(&kind, type_field::NAME)
                .map_or_else(String::new, |name| plain(&name, Style::Display)),
        };
        let printer = records::type_place(&kind, type_field::PRINTER)
            .filter(|printer| !matches!(printer, Value::BoolV(false)));
        if let (Some(printer), Some(machine)) = (printer, self.machine.as_deref_mut()) {
            let port = ports::string_output();
            machine.call(printer, vec![value.clone(), port.clone()])?;
            self.out.push_str(&ports::string_of(&port));
            return Ok(());
        }
        let _always_succeeds = write!(self.out, "#<{name}");
        self.write_until_here(tasks);
        let fields = records::field(&kind, type_field::FIELDS)
            .and_then(|fields| pairs::to_vec(&fields))
            .unwrap_or_default();
        tasks.push(Task::Text(">"));
        for (index, field) in fields.iter().enumerate().rev() {
            if let Some(content) = records::field(value, index) {
                tasks.push(Task::Value(content));
                tasks.push(Task::Owned(format!(" {}: ", plain(field, Style::Display))));
            }
        }
        Ok(())
    }
}

/// What `throw` made, as the compound exception that it is.
fn thrown(key: &Value, arguments: &Value) -> Vec<Task> {
    let mut tasks = vec![Task::Text("#<&compound-exception components: (")];
    for (index, component) in throw_shape::components(key, arguments)
        .into_iter()
        .enumerate()
    {
        if index > 0 {
            tasks.push(Task::Text(" "));
        }
        tasks.push(Task::Owned(format!("#<{}", component.kind)));
        for (name, value) in component.fields {
            tasks.push(Task::Owned(format!(" {name}: ")));
            tasks.push(Task::Value(value));
        }
        tasks.push(Task::Text(">"));
    }
    tasks.push(Task::Text(")>"));
    tasks
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("#vu8(");
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        let _always_succeeds = write!(out, "{byte}");
    }
    out.push(')');
}

/// Print options that programs can change.
#[derive(Clone, Copy)]
struct Options {
    bars: bool,
    newlines: bool,
}

thread_local! {
    static OPTIONS: std::cell::Cell<Options> =
        const { std::cell::Cell::new(Options { bars: false, newlines: true }) };
}

/// `(print-set! NAME ON)`, as far as it changes anything here.
pub fn set_option(name: &str, on: bool) {
    OPTIONS.with(|options| {
        let mut changed = options.get();
        match name {
            "r7rs-symbols" => changed.bars = on,
            "escape-newlines" => changed.newlines = on,
            _ => {}
        }
        options.set(changed);
    });
}

/// TEXT in quotes, escaped as Guile does.
pub fn write_string(out: &mut String, text: &str) {
    let hex = reader::options().hex_escapes == Some(true);
    let newlines = OPTIONS.with(std::cell::Cell::get).newlines;
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' if newlines => out.push_str("\\n"),
            '\n' => out.push('\n'),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            ' ' => out.push(' '),
            c if c == ' ' || characters::is_graphic(c) => out.push(c),
            c if hex => {
                let _always_succeeds = write!(out, "\\x{:x};", c as u32);
            }
            c => escape(out, c as u32),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, code: u32) {
    let _always_succeeds = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:06x}"),
    };
}

/// The symbol or keyword whose text in the machine is TEXT, as `read` takes it.
fn write_symbol(out: &mut String, text: &str) {
    match symbols::keyword_name(text) {
        Some(name) => {
            out.push_str("#:");
            write_name(out, name);
        }
        None => write_name(out, symbols::name_of(text)),
    }
}

/// NAME, between braces or bars where it would not be read as a symbol's.
fn write_name(out: &mut String, name: &str) {
    if is_plain_symbol(name) {
        out.push_str(name);
        return;
    }
    if OPTIONS.with(std::cell::Cell::get).bars {
        return write_between_bars(out, name);
    }
    out.push_str("#{");
    for character in name.chars() {
        match character {
            '(' | ')' | '[' | ']' | '{' | '}' => {
                let _always_succeeds = write!(out, "\\x{:x};", character as u32);
            }
            c if c == ' ' || characters::is_graphic(c) => out.push(c),
            c => {
                let _always_succeeds = write!(out, "\\x{:x};", c as u32);
            }
        }
    }
    out.push_str("}#");
}

fn write_between_bars(out: &mut String, name: &str) {
    out.push('|');
    for character in name.chars() {
        match character {
            '|' => out.push_str("\\|"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\\' => out.push_str("\\x5c;"),
            c if c == ' ' || characters::is_graphic(c) => out.push(c),
            c => {
                let _always_succeeds = write!(out, "\\x{:x};", c as u32);
            }
        }
    }
    out.push('|');
}

fn is_plain_symbol(name: &str) -> bool {
    let Some(first) = name.chars().next() else {
        return false;
    };
    if first == '|' && OPTIONS.with(std::cell::Cell::get).bars {
        return false;
    }
    if first.is_ascii_digit() || matches!(first, '\'' | '`' | ',') || name == "." {
        return false;
    }
    if matches!(first, '+' | '-' | '.') && number_syntax::parse_number(name, 10).is_some() {
        return false;
    }
    let bars = OPTIONS.with(std::cell::Cell::get).bars;
    let breaks = |c: char| match c {
        '(' | ')' | '[' | ']' | '{' | '}' | '"' | ';' | '#' => true,
        '|' | '\\' => bars,
        c => c.is_whitespace() || !characters::is_graphic(c),
    };
    !name.chars().any(breaks)
}

thread_local! {
    static NAMES: RefCell<HashMap<usize, String>> = RefCell::new(HashMap::new());
}

/// The name and the formals of a procedure, when they are known.
type Describe = fn(&Value) -> Option<(String, String)>;

static DESCRIBE: OnceLock<Describe> = OnceLock::new();

/// Let procedures be printed with what DESCRIBE, which stands on a higher floor,
/// knows of them.
pub fn describe_procedures_by(describe: Describe) {
    DESCRIBE.get_or_init(|| describe);
}

/// What a value that is no data is called between `#<` and `>`.
fn kind_of_procedure(value: &Value) -> String {
    match value {
        Value::BuiltIn(function) => native_name(*function as *const () as usize),
        Value::FuncV(_) | Value::MutFunc(_) | Value::BoxedFunction(_) => "procedure".to_owned(),
        Value::Closure(closure) => {
            let address = closure.as_ptr() as usize;
            match DESCRIBE.get().and_then(|describe| describe(value)) {
                Some((name, formals)) if name.is_empty() => {
                    format!("procedure {address:x} {formals}")
                }
                Some((name, formals)) => format!("procedure {name} {formals}"),
                None => format!("procedure {address:x}"),
            }
        }
        Value::ContinuationFunction(_) => "continuation".to_owned(),
        Value::HeapAllocated(cell) => format!("variable {:x}", cell.as_ptr_usize()),
        _ => "object".to_owned(),
    }
}

fn native_name(address: usize) -> String {
    NAMES.with(|names| {
        let mut names = names.borrow_mut();
        if names.is_empty() {
            for native in crate::library::natives().into_iter().flatten() {
                if let Value::BuiltIn(function) = (native.value)() {
                    let arity = native.arity;
                    let mut parameters = vec!["_".to_owned(); arity.required];
                    if arity.optional > 0 {
                        parameters.push("#:optional".to_owned());
                        parameters.extend(vec!["_".to_owned(); arity.optional]);
                    }
                    let mut list = parameters.join(" ");
                    if arity.rest {
                        list.push_str(if list.is_empty() { "_" } else { " . _" });
                    }
                    let shown = if arity.rest && arity.required + arity.optional == 0 {
                        format!("procedure {} _", native.name)
                    } else {
                        format!("procedure {} ({list})", native.name)
                    };
                    names.entry(function as *const () as usize).or_insert(shown);
                }
            }
        }
        names
            .get(&address)
            .cloned()
            .unwrap_or_else(|| format!("procedure {address:x}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::value::{list_value, string_value, symbol_value};

    #[test]
    fn values_are_written_as_guile_writes_them() {
        let data = list_value(vec![
            symbol_value("a b"),
            string_value("q\"\\\n\u{1}é"),
            Value::CharV(' '),
            Value::NumV(0.5),
            Value::BoolV(false),
            symbol_value("#:key"),
            symbol_value("1+"),
            pairs::cons(Value::IntV(1), Value::IntV(2)),
            pairs::nil(),
        ]);
        assert_eq!(
            plain(&data, Style::Write),
            "(#{a b}# \"q\\\"\\\\\\n\\x01é\" #\\space 0.5 #f #:key #{1+}# (1 . 2) ())"
        );
        assert_eq!(
            plain(&data, Style::Display),
            "(#{a b}# q\"\\\n\u{1}é   0.5 #f #:key #{1+}# (1 . 2) ())"
        );
    }

    #[test]
    fn nesting_of_any_depth_is_printed() {
        let mut deep = pairs::nil();
        for _ in 0..100_000 {
            deep = pairs::list([deep]);
        }
        let text = plain(&deep, Style::Write);
        assert_eq!(text.len(), 200_002);
        // Dropping the nest would recurse; a test's thread has a small stack.
        std::mem::forget(deep);
    }
}
