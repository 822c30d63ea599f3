//! Puts together syntax from what is read.

use crate::data::value::Value;
use crate::data::{strings, symbols};
use crate::read::reader::{Build, ReadError};
use crate::syntax::identifier::Id;
use crate::syntax::span::Span;
use crate::syntax::stx::{ArrayLiteral, Form, Stx};

/// Builds syntax.
#[derive(Default)]
pub struct SyntaxBuilder<'a> {
    /// Does what `read-hash-extend` has asked for, see [`Build::extension`].
    pub extension:
        Option<&'a mut dyn FnMut(char, usize, Span) -> Option<Result<(Stx, usize), ReadError>>>,
}

impl Build for SyntaxBuilder<'_> {
    type Node = Stx;

    fn symbol(&mut self, name: &str, span: Span) -> Stx {
        Stx::id(Id::named(&symbols::text_of(name)), span)
    }

    fn atom(&mut self, value: Value, span: Span) -> Stx {
        // A literal is not the program's to change.
        Stx::atom(
            match &value {
                Value::StringV(string) => strings::constant(string.as_str()),
                _ => value,
            },
            span,
        )
    }

    fn list(&mut self, items: Vec<Stx>, tail: Option<Stx>, span: Span) -> Stx {
        match tail {
            None => Stx::list(items, span),
            Some(tail) => Stx::improper(items, tail, span),
        }
    }

    fn extension(
        &mut self,
        c: char,
        position: usize,
        span: Span,
    ) -> Option<Result<(Stx, usize), ReadError>> {
        self.extension.as_mut()?(c, position, span)
    }

    fn vector(&mut self, items: Vec<Stx>, span: Span) -> Stx {
        Stx::new(Form::Vector(items), span)
    }

    fn elements(&self, node: &Stx) -> Option<Vec<Stx>> {
        node.as_list().map(<[Stx]>::to_vec)
    }

    fn value(&self, node: &Stx) -> Option<Value> {
        match node.form() {
            Form::Atom(value) => Some(value.clone()),
            Form::Id(id) => Some(id.symbol()),
            _ => None,
        }
    }

    fn same_symbol(&self, a: &Stx, b: &Stx) -> bool {
        a.as_id().is_some() && a.as_id() == b.as_id()
    }

    fn byte(&self, node: &Stx) -> Option<u8> {
        match node.form() {
            Form::Atom(Value::IntV(number)) => u8::try_from(*number).ok(),
            _ => None,
        }
    }

    fn array(&mut self, prefix: &str, items: Vec<Stx>, span: Span) -> Option<Stx> {
        ArrayLiteral::value(prefix, items).map(|literal| Stx::atom(literal, span))
    }
}
