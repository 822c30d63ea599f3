//! What is read as plain values, for `read`.

use super::{Build, ReadError, Reader};
use crate::data::pairs::{self, is_pair};
use crate::data::value::{Value, list_value, pair_value};
use crate::data::{arrays, symbols, vectors};
use crate::syntax::span::Span;
use std::collections::HashSet;

/// Builds values. VECTOR makes a vector, which only the machine can.
pub struct ValueBuilder<'a> {
    pub vector: &'a mut dyn FnMut(Vec<Value>) -> Value,
    /// Gets each thing with an identity and where it began, when that is wanted.
    pub places: Option<&'a mut Vec<(Value, u32)>>,
    /// Does what `read-hash-extend` has asked for, see [`Build::extension`].
    pub extension: &'a mut dyn FnMut(char, usize) -> Option<Result<(Value, usize), ReadError>>,
}

impl ValueBuilder<'_> {
    fn placed(&mut self, value: Value, span: Span) -> Value {
        if let Some(places) = &mut self.places {
            places.push((value.clone(), span.start));
        }
        value
    }
}

impl Build for ValueBuilder<'_> {
    type Node = Value;

    fn symbol(&mut self, name: &str, _span: Span) -> Value {
        symbols::symbol(name)
    }

    fn atom(&mut self, value: Value, span: Span) -> Value {
        match &value {
            Value::IntV(_) | Value::BoolV(_) | Value::CharV(_) | Value::SymbolV(_) => value,
            _ => self.placed(value, span),
        }
    }

    fn list(&mut self, items: Vec<Value>, tail: Option<Value>, span: Span) -> Value {
        let list = match tail {
            None => list_value(items),
            Some(tail) => items
                .into_iter()
                .rev()
                .fold(tail, |tail, item| pair_value(item, tail)),
        };
        match &list {
            Value::Pair(_) => self.placed(list, span),
            _ => list,
        }
    }

    fn vector(&mut self, items: Vec<Value>, span: Span) -> Value {
        let vector = (self.vector)(items);
        self.placed(vector, span)
    }

    fn extension(
        &mut self,
        c: char,
        position: usize,
        _span: Span,
    ) -> Option<Result<(Value, usize), ReadError>> {
        (self.extension)(c, position)
    }

    fn elements(&self, node: &Value) -> Option<Vec<Value>> {
        pairs::to_vec(node)
    }

    fn value(&self, node: &Value) -> Option<Value> {
        Some(node.clone())
    }

    fn same_symbol(&self, a: &Value, b: &Value) -> bool {
        matches!((a, b), (Value::SymbolV(a), Value::SymbolV(b)) if a == b)
    }

    fn byte(&self, node: &Value) -> Option<u8> {
        match node {
            Value::IntV(number) => u8::try_from(*number).ok(),
            _ => None,
        }
    }

    fn array(&mut self, prefix: &str, items: Vec<Value>, _span: Span) -> Option<Value> {
        arrays::written(self.vector, prefix, &list_value(items))
    }

    fn placeholder(&mut self) -> Option<Value> {
        Some(pair_value(Value::Void, Value::Void))
    }

    fn tie(&mut self, datum: &Value, placeholder: &Value) {
        let hole = pairs::identity(placeholder);
        let is_hole = |value: &Value| is_pair(value) && pairs::identity(value) == hole;
        let mut seen = HashSet::new();
        let mut waiting = vec![datum.clone()];
        while let Some(value) = waiting.pop() {
            if let Some(car) = pairs::car(&value).cloned() {
                if !seen.insert(pairs::identity(&value)) {
                    continue;
                }
                let cdr = pairs::cdr(&value).unwrap_or_else(pairs::nil);
                // What was read is made of pairs that can be changed.
                let _changed = match is_hole(&car) {
                    true => pairs::set_car(&value, datum.clone()),
                    false => {
                        waiting.push(car);
                        true
                    }
                } && match is_hole(&cdr) {
                    true => pairs::set_cdr(&value, datum.clone()),
                    false => {
                        waiting.push(cdr);
                        true
                    }
                };
            } else if let Value::MutableVector(vector) = &value {
                if !seen.insert(Some((vector.as_ptr_usize(), 1))) {
                    continue;
                }
                vectors::change(&value, |items| {
                    for item in items {
                        match is_hole(item) {
                            true => *item = datum.clone(),
                            false => waiting.push(item.clone()),
                        }
                    }
                });
            }
        }
    }
}

/// The one datum that TEXT holds, when it is one without vectors.
pub fn read_value(text: &str) -> Option<Value> {
    let mut has_vector = false;
    let mut vector = |_: Vec<Value>| {
        has_vector = true;
        Value::Void
    };
    let mut builder = ValueBuilder {
        vector: &mut vector,
        places: None,
        extension: &mut |_, _| None,
    };
    let mut reader = Reader::new(text, 0);
    let value = reader.read(&mut builder).ok()??;
    let ended = matches!(reader.read(&mut builder), Ok(None));
    (ended && !has_vector).then_some(value)
}
