//! Syntax: what the reader makes of a program and the expander works on.
//!
//! A piece of syntax knows where it stands in its source. An identifier is a
//! plain symbol, or an alias: a name that a macro brought in, which means what
//! it means where the macro was defined. Aliases are how hygiene is kept.

use crate::data::arrays;
use crate::data::roots::Root;
use crate::data::symbols;
use crate::data::value::{Value, list_value, pair_value};
use crate::syntax::identifier::Id;
use crate::syntax::object;
use crate::syntax::span::Span;
use std::collections::HashSet;
use std::rc::Rc;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// A piece of syntax.
#[derive(Clone)]
pub struct Stx(Rc<Node>);

struct Node {
    span: Span,
    form: Form,
}

pub enum Form {
    Id(Id),
    /// Anything that stands for itself: numbers, strings, characters, keywords, booleans.
    Atom(Value),
    /// A value that was put into a form by a program, such as a procedure.
    Opaque(Root),
    /// The elements, and what follows the dot.
    List(Vec<Stx>, Option<Stx>),
    Vector(Vec<Stx>),
}

/// An array among syntax. What holds its elements is made when the datum is,
/// since only the machine makes vectors.
pub struct ArrayLiteral {
    prefix: String,
    items: Vec<Stx>,
}

impl Custom for ArrayLiteral {}

impl ArrayLiteral {
    /// The array `#PREFIX(ITEMS)`; nothing when there is none of that prefix.
    pub fn value(prefix: &str, items: Vec<Stx>) -> Option<Value> {
        let literal = ArrayLiteral {
            prefix: prefix.to_owned(),
            items,
        };
        literal.made(&mut |_| Value::Void)?;
        literal.into_steelval().ok()
    }

    fn made(&self, vector: &mut dyn FnMut(Vec<Value>) -> Value) -> Option<Value> {
        let items = self.items.iter().map(|item| item.datum(vector)).collect();
        arrays::written(vector, &self.prefix, &list_value(items))
    }

    fn datum(value: &Value, vector: &mut dyn FnMut(Vec<Value>) -> Value) -> Option<Value> {
        let Value::Custom(literal) = value else {
            return None;
        };
        as_underlying_type::<ArrayLiteral>(literal.read().as_ref())?.made(vector)
    }
}

impl Stx {
    pub fn new(form: Form, span: Span) -> Stx {
        Stx(Rc::new(Node { span, form }))
    }

    pub fn id(id: Id, span: Span) -> Stx {
        Stx::new(Form::Id(id), span)
    }

    pub fn atom(value: Value, span: Span) -> Stx {
        Stx::new(Form::Atom(value), span)
    }

    pub fn list(items: Vec<Stx>, span: Span) -> Stx {
        Stx::new(Form::List(items, None), span)
    }

    /// ITEMS followed by TAIL, which may be a list.
    pub fn improper(mut items: Vec<Stx>, tail: Stx, span: Span) -> Stx {
        if items.is_empty() {
            return tail;
        }
        match tail.form() {
            Form::List(more, rest) => {
                items.extend(more.iter().cloned());
                Stx::new(Form::List(items, rest.clone()), span)
            }
            _ => Stx::new(Form::List(items, Some(tail)), span),
        }
    }

    pub fn form(&self) -> &Form {
        &self.0.form
    }

    pub fn span(&self) -> Span {
        self.0.span
    }

    /// Where it is in memory.
    pub fn address(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }

    /// The same piece of syntax in the same memory?
    pub fn same(&self, other: &Stx) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub fn as_id(&self) -> Option<Id> {
        match self.form() {
            Form::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// The elements of a proper list.
    pub fn as_list(&self) -> Option<&[Stx]> {
        match self.form() {
            Form::List(items, None) => Some(items),
            _ => None,
        }
    }

    /// The name of a keyword such as `#:key`.
    pub fn as_keyword(&self) -> Option<String> {
        match self.form() {
            Form::Atom(Value::SymbolV(text)) => symbols::keyword_name(text).map(str::to_owned),
            _ => None,
        }
    }

    pub fn as_string(&self) -> Option<String> {
        match self.form() {
            Form::Atom(Value::StringV(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    pub fn is_false(&self) -> bool {
        matches!(self.form(), Form::Atom(Value::BoolV(false)))
    }

    /// Everything after the first N elements of a list.
    pub fn rest(&self, n: usize) -> Option<Stx> {
        match self.form() {
            Form::List(items, tail) if items.len() >= n => Some(match tail {
                Some(tail) if items.len() == n => tail.clone(),
                _ => Stx::new(Form::List(items[n..].to_vec(), tail.clone()), self.span()),
            }),
            _ => None,
        }
    }

    /// The datum: identifiers become symbols. VECTOR makes a vector of values.
    pub fn datum(&self, vector: &mut dyn FnMut(Vec<Value>) -> Value) -> Value {
        match self.form() {
            Form::Id(id) => id.symbol(),
            Form::Atom(value @ Value::Custom(_)) => {
                ArrayLiteral::datum(value, vector).unwrap_or_else(|| value.clone())
            }
            Form::Atom(value) => value.clone(),
            Form::Opaque(value) => value.value().clone(),
            Form::Vector(items) => {
                let items = items.iter().map(|item| item.datum(vector)).collect();
                vector(items)
            }
            Form::List(items, None) => {
                list_value(items.iter().map(|item| item.datum(vector)).collect())
            }
            Form::List(items, Some(tail)) => {
                let tail = tail.datum(vector);
                items
                    .iter()
                    .rev()
                    .fold(tail, |tail, item| pair_value(item.datum(vector), tail))
            }
        }
    }

    /// The syntax for VALUE; symbols become what IDENTIFIER makes of them.
    ///
    /// Where VALUE contains itself the syntax holds it as it is.
    pub fn from_value(value: &Value, span: Span, identifier: &dyn Fn(Id) -> Id) -> Stx {
        let mut made = 0;
        Conversion {
            span,
            identifier,
            around: None,
            made: &mut made,
        }
        .stx(value)
        .unwrap_or_else(|| {
            Conversion {
                span,
                identifier,
                around: Some(HashSet::new()),
                made: &mut made,
            }
            .stx(value)
            .expect("one that knows where it is goes on to the end")
        })
    }
}

/// Data on their way to syntax.
struct Conversion<'a> {
    span: Span,
    identifier: &'a dyn Fn(Id) -> Id,
    /// The pairs and vectors around the place, once a circle is suspected.
    around: Option<HashSet<usize>>,
    made: &'a mut usize,
}

impl Conversion<'_> {
    /// Data that are no circles are rarely larger.
    const LARGE: usize = 1 << 14;

    /// The syntax for all VALUES, or nothing where there are suspiciously many.
    fn all<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> Option<Vec<Stx>> {
        values.map(|value| self.stx(value)).collect()
    }

    fn opaque(&self, value: &Value) -> Stx {
        Stx::new(Form::Opaque(Root::of(value)), self.span)
    }

    fn stx(&mut self, value: &Value) -> Option<Stx> {
        *self.made += 1;
        if self.around.is_none() && *self.made > Self::LARGE {
            return None;
        }
        if let Some(stx) = object::unwrap(value) {
            return Some(stx);
        }
        let span = self.span;
        Some(match value {
            Value::SymbolV(name) if symbols::keyword_name(name).is_some() => {
                Stx::atom(value.clone(), span)
            }
            Value::SymbolV(name) => Stx::id((self.identifier)(Id::named(name.as_str())), span),
            Value::ListV(items) => Stx::list(self.all(items.iter())?, span),
            Value::Pair(_) => {
                let mut items = Vec::new();
                let mut inside = Vec::new();
                let mut rest = value.clone();
                while let Value::Pair(pair) = &rest {
                    if let Some(around) = &mut self.around {
                        let address = pair.as_ptr().addr();
                        if !around.insert(address) {
                            break;
                        }
                        inside.push(address);
                    }
                    items.push(self.stx(&pair.car())?);
                    let next = pair.cdr();
                    rest = next;
                }
                let tail = match &rest {
                    // Begun already.
                    Value::Pair(_) => self.opaque(&rest),
                    rest => self.stx(rest)?,
                };
                if let Some(around) = &mut self.around {
                    inside.iter().for_each(|address| {
                        around.remove(address);
                    });
                }
                if items.is_empty() {
                    return Some(tail);
                }
                Stx::improper(items, tail, span)
            }
            Value::MutableVector(vector) => {
                let address = vector.as_ptr_usize();
                if self
                    .around
                    .as_mut()
                    .is_some_and(|around| !around.insert(address))
                {
                    return Some(self.opaque(value));
                }
                let items = vector.borrow(|items| items.clone());
                let items = self.all(items.iter())?;
                if let Some(around) = &mut self.around {
                    around.remove(&address);
                }
                Stx::new(Form::Vector(items), span)
            }
            Value::Closure(_)
            | Value::CustomStruct(_)
            | Value::HeapAllocated(_)
            | Value::VectorV(_)
            | Value::Custom(_)
            | Value::ContinuationFunction(_) => self.opaque(value),
            _ => Stx::atom(value.clone(), span),
        })
    }
}
