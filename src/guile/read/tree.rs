//! Texts as trees with places, for tools that look at programs without running them.
//!
//! A tree knows where it stands in its text and nothing of what its words mean. What
//! Guix's reader extensions write (`#~x`, `#$x`, `#+x`) is read as the forms that they
//! stand for.

use crate::data::symbols;
use crate::data::value::Value;
use crate::read::reader::{Build, Reader};
use crate::syntax::span::Span;
use std::rc::Rc;

/// A datum of a text, and where it stands.
#[derive(Clone, Debug)]
pub struct Tree(Rc<Node>);

#[derive(Debug)]
struct Node {
    shape: Shape,
    start: u32,
    end: u32,
}

/// What a tree is.
#[derive(Debug)]
pub enum Shape {
    Symbol(Rc<str>),
    /// `#:name`
    Keyword(Rc<str>),
    Text(Rc<str>),
    /// A number, a character, an array and the like.
    Other,
    /// The elements, and what stands behind the dot.
    List(Vec<Tree>, Option<Tree>),
    Vector(Vec<Tree>),
}

impl Tree {
    fn new(shape: Shape, span: Span) -> Tree {
        Tree(Rc::new(Node {
            shape,
            start: span.start,
            end: span.end,
        }))
    }

    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// Where it begins, in bytes.
    pub fn start(&self) -> usize {
        self.0.start as usize
    }

    /// Where it ends, in bytes.
    pub fn end(&self) -> usize {
        self.0.end as usize
    }

    pub fn as_symbol(&self) -> Option<&Rc<str>> {
        match self.shape() {
            Shape::Symbol(name) => Some(name),
            _ => None,
        }
    }

    pub fn as_keyword(&self) -> Option<&str> {
        match self.shape() {
            Shape::Keyword(name) => Some(name),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self.shape() {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a proper list.
    pub fn as_list(&self) -> Option<&[Tree]> {
        match self.shape() {
            Shape::List(items, None) => Some(items),
            _ => None,
        }
    }

    /// The elements of a list, and what stands behind its dot.
    pub fn as_pairs(&self) -> Option<(&[Tree], Option<&Tree>)> {
        match self.shape() {
            Shape::List(items, tail) => Some((items, tail.as_ref())),
            _ => None,
        }
    }

    /// The first word of a list.
    pub fn head(&self) -> Option<&Rc<str>> {
        self.as_pairs()?.0.first()?.as_symbol()
    }
}

/// Why a text cannot be read on, and where that showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub message: String,
    /// Where the datum that cannot be read begins, in bytes.
    pub start: usize,
    pub end: usize,
}

/// The data of TEXT up to its end, or up to what cannot be read.
pub fn trees(text: &str) -> (Vec<Tree>, Option<Trouble>) {
    trees_from(text, 0)
}

/// The same from byte START on.
pub fn trees_from(text: &str, start: usize) -> (Vec<Tree>, Option<Trouble>) {
    let mut reader = Reader::at(text, 0, start);
    let mut trees = Vec::new();
    loop {
        match reader.read(&mut TreeBuilder) {
            Ok(Some(tree)) => trees.push(tree),
            Ok(None) => return (trees, None),
            Err(error) => {
                let mut message = error.message.clone();
                for argument in &error.arguments {
                    let shown = match argument {
                        Value::CharV(c) => c.to_string(),
                        Value::StringV(text) => text.to_string(),
                        other => other.to_string(),
                    };
                    message = message.replacen("~A", &shown, 1).replacen("~S", &shown, 1);
                }
                let trouble = Trouble {
                    message,
                    start: error.span.start as usize,
                    end: error.span.end as usize,
                };
                return (trees, Some(trouble));
            }
        }
    }
}

struct TreeBuilder;

impl Build for TreeBuilder {
    type Node = Tree;

    fn symbol(&mut self, name: &str, span: Span) -> Tree {
        Tree::new(Shape::Symbol(name.into()), span)
    }

    fn atom(&mut self, value: Value, span: Span) -> Tree {
        let shape = match &value {
            Value::StringV(text) => Shape::Text(text.as_str().into()),
            Value::SymbolV(text) => match symbols::keyword_name(text.as_str()) {
                Some(name) => Shape::Keyword(name.into()),
                None => Shape::Other,
            },
            _ => Shape::Other,
        };
        Tree::new(shape, span)
    }

    fn list(&mut self, items: Vec<Tree>, tail: Option<Tree>, span: Span) -> Tree {
        Tree::new(Shape::List(items, tail), span)
    }

    fn vector(&mut self, items: Vec<Tree>, span: Span) -> Tree {
        Tree::new(Shape::Vector(items), span)
    }

    fn elements(&self, node: &Tree) -> Option<Vec<Tree>> {
        node.as_list().map(<[Tree]>::to_vec)
    }

    fn value(&self, _: &Tree) -> Option<Value> {
        None
    }

    fn name(&self, node: &Tree) -> Option<String> {
        node.as_symbol().map(|name| name.to_string())
    }

    fn same_symbol(&self, a: &Tree, b: &Tree) -> bool {
        a.as_symbol().is_some() && a.as_symbol() == b.as_symbol()
    }

    fn byte(&self, _: &Tree) -> Option<u8> {
        // Whether the elements of a bytevector fit is not looked at.
        Some(0)
    }

    fn array(&mut self, _: &str, _: Vec<Tree>, span: Span) -> Option<Tree> {
        Some(Tree::new(Shape::Other, span))
    }

    fn reads_gexps(&self) -> bool {
        true
    }

    fn placeholder(&mut self) -> Option<Tree> {
        // A datum that holds itself is only looked at up to there.
        Some(Tree::new(Shape::Other, Span::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_where_its_parts_stand() {
        let text = "(define (f . rest)\n  '(\"é\" #:key 1.5))";
        let (trees, trouble) = trees(text);
        assert_eq!(trouble, None);
        let [form] = &trees[..] else {
            panic!("{trees:?}")
        };
        let [define, head, quoted] = form.as_list().unwrap() else {
            panic!()
        };
        assert_eq!(&text[define.start()..define.end()], "define");
        let (names, tail) = head.as_pairs().unwrap();
        assert_eq!(names[0].as_symbol().unwrap().as_ref(), "f");
        assert_eq!(tail.unwrap().as_symbol().unwrap().as_ref(), "rest");
        assert_eq!(&text[quoted.start()..quoted.end()], "'(\"é\" #:key 1.5)");
        let data = quoted.as_list().unwrap()[1].as_list().unwrap();
        assert_eq!(data[0].as_text(), Some("é"));
        assert_eq!(data[1].as_keyword(), Some("key"));
        assert!(matches!(data[2].shape(), Shape::Other));
    }

    #[test]
    fn what_cannot_be_read_leaves_what_stood_before() {
        let (found, trouble) = trees("(a)\n(b (c)");
        assert_eq!(found.len(), 1);
        assert_eq!(trouble.unwrap().start, 4);
        let (_, trouble) = trees("(a]");
        assert!(trouble.unwrap().message.contains(']'));
    }

    #[test]
    fn gexps_are_the_forms_that_they_stand_for() {
        let (found, trouble) = trees("#~(f #$x #$@y #+z #+@w)");
        assert_eq!(trouble, None);
        assert_eq!(&**found[0].head().unwrap(), "gexp");
        let inside = found[0].as_list().unwrap()[1].as_list().unwrap();
        let heads: Vec<&str> = inside[1..]
            .iter()
            .map(|tree| &**tree.head().unwrap())
            .collect();
        assert_eq!(
            heads,
            [
                "ungexp",
                "ungexp-splicing",
                "ungexp-native",
                "ungexp-native-splicing"
            ]
        );
    }
}
