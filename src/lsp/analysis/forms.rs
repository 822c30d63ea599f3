//! Forms that are known: each looks at its operands as the form evaluates them.
//!
//! Nothing comes back where a form is not written as it has to be; the caller then leaves
//! the whole of it unjudged.

use super::{LocalKind, Meaning, Sense, Walk};
use crate::guile::tree::{Shape, Tree};
use crate::lsp::formals::Formals;
use crate::lsp::forms::Form;
use crate::lsp::module::definition;

impl Walk<'_> {
    /// Look at TREE, which is a FORM with OPERANDS.
    pub(super) fn known_form(&mut self, form: Form, tree: &Tree, operands: &[Tree]) -> Option<()> {
        let end = tree.end();
        match form {
            Form::Data | Form::Header => {}
            Form::Quasi => self.quasi(operands.first()?, 1),
            Form::Each => self.each(operands),
            Form::Splicing => match self.scopes.is_empty() {
                true => operands.iter().for_each(|form| self.top(form)),
                false => self.each(operands),
            },
            Form::Body(expressions) => {
                let (first, body) = operands.split_at_checked(expressions)?;
                self.each(first);
                self.each_or_body(body, end);
            }
            Form::Skip(words) => self.each(operands.get(words..)?),
            Form::Lambda => self.procedure(operands.first()?, &operands[1..], end)?,
            Form::CaseLambda => {
                for clause in operands {
                    if clause.as_text().is_some() {
                        continue;
                    }
                    let (formals, body) = clause.as_list()?.split_first()?;
                    self.procedure(formals, body, clause.end())?;
                }
            }
            Form::Let => match operands.first()?.as_symbol() {
                Some(_) => self.named_let(operands, end)?,
                None => self.parallel_let(operands, end)?,
            },
            Form::LetSequential => {
                let (bindings, body) = operands.split_first()?;
                let scopes = self.scopes.len();
                for binding in bindings.as_list()? {
                    let (name, value) = name_and_value(binding)?;
                    value.into_iter().for_each(|value| self.expression(value));
                    self.open(end);
                    self.bind(name, LocalKind::Variable)?;
                }
                self.body(body, end);
                self.scopes.truncate(scopes);
            }
            Form::LetRecursive => {
                let (bindings, body) = operands.split_first()?;
                self.open(end);
                let bindings = bindings.as_list()?;
                for binding in bindings {
                    self.bind(name_and_value(binding)?.0, LocalKind::Variable)?;
                }
                for binding in bindings {
                    name_and_value(binding)?
                        .1
                        .into_iter()
                        .for_each(|value| self.expression(value));
                }
                self.body(body, end);
                self.close();
            }
            Form::LetValues => {
                let (bindings, body) = operands.split_first()?;
                let bindings = bindings.as_list()?;
                for binding in bindings {
                    self.expression(binding.as_list()?.get(1)?);
                }
                self.open(end);
                for binding in bindings {
                    let formals = Formals::of(binding.as_list()?.first()?)?;
                    self.parameters(&formals)?;
                }
                self.body(body, end);
                self.close();
            }
            Form::LetValuesSequential => {
                let (bindings, body) = operands.split_first()?;
                let scopes = self.scopes.len();
                for binding in bindings.as_list()? {
                    let [formals, value] = binding.as_list()? else {
                        return None;
                    };
                    self.expression(value);
                    self.open(end);
                    self.parameters(&Formals::of(formals)?)?;
                }
                self.body(body, end);
                self.scopes.truncate(scopes);
            }
            Form::LetSyntax => {
                let (bindings, body) = operands.split_first()?;
                self.open(end);
                for binding in bindings.as_list()? {
                    let (name, value) = name_and_value(binding)?;
                    self.bind(name, LocalKind::Macro)?;
                    value.into_iter().for_each(|value| self.unjudged(value));
                }
                self.body(body, end);
                self.close();
            }
            Form::Receive => {
                let [formals, value, body @ ..] = operands else {
                    return None;
                };
                self.expression(value);
                self.procedure(formals, body, end)?;
            }
            Form::Recursive => {
                let (target, body) = operands.split_first()?;
                self.open(end);
                match target.as_pairs() {
                    Some((parts, tail)) => {
                        let (name, parameters) = parts.split_first()?;
                        self.bind(name, LocalKind::Variable)?;
                        self.open(end);
                        self.parameters(&Formals::of_parts(parameters, tail)?)?;
                        self.body(body, end);
                        self.close();
                    }
                    None => {
                        self.bind(target, LocalKind::Variable)?;
                        self.each(body);
                    }
                }
                self.close();
            }
            Form::Define => self.definition(tree, operands)?,
            Form::DefineValues => {
                self.each(operands.get(1..)?);
            }
            Form::DefineRecord => {}
            Form::DefineKeyword => operands
                .iter()
                .skip(1)
                .for_each(|operand| self.unjudged(operand)),
            Form::Set => self.assignment(operands)?,
            Form::Cond => operands
                .iter()
                .try_for_each(|clause| self.cond_clause(clause))?,
            Form::Case => {
                self.expression(operands.first()?);
                for clause in &operands[1..] {
                    let (_, body) = clause.as_list()?.split_first()?;
                    self.behind_arrow(body);
                }
            }
            Form::Do => self.do_loop(operands, end)?,
            Form::Guard => {
                let (handlers, body) = operands.split_first()?;
                let (name, clauses) = handlers.as_list()?.split_first()?;
                self.open(handlers.end());
                self.bind(name, LocalKind::Variable)?;
                clauses
                    .iter()
                    .try_for_each(|clause| self.cond_clause(clause))?;
                self.close();
                self.body(body, end);
            }
            Form::Parameterize => {
                let (bindings, body) = operands.split_first()?;
                for binding in bindings.as_list()? {
                    self.each(binding.as_list().filter(|pair| pair.len() == 2)?);
                }
                self.body(body, end);
            }
            Form::AndLet => {
                let (clauses, body) = operands.split_first()?;
                let scopes = self.scopes.len();
                for clause in clauses.as_list()? {
                    match clause.as_list() {
                        Some([name, value]) if name.as_symbol().is_some() => {
                            self.expression(value);
                            self.open(end);
                            self.bind(name, LocalKind::Variable)?;
                        }
                        Some([value]) => self.expression(value),
                        Some(_) => return None,
                        None => self.expression(clause),
                    }
                }
                self.body(body, end);
                self.scopes.truncate(scopes);
            }
            Form::While => {
                self.open(end);
                let scope = self.scopes.last_mut()?;
                scope.maybe.extend(["break".into(), "continue".into()]);
                let (test, body) = operands.split_first()?;
                self.expression(test);
                self.body(body, end);
                self.close();
            }
            Form::Named => {
                let (name, body) = operands.split_first()?;
                self.open(end);
                self.bind(name, LocalKind::Variable)?;
                self.body(body, end);
                self.close();
            }
            Form::Match => {
                self.expression(operands.first()?);
                operands[1..]
                    .iter()
                    .try_for_each(|clause| self.match_clause(clause))?;
            }
            Form::MatchLambda => {
                operands
                    .iter()
                    .try_for_each(|clause| self.match_clause(clause))?;
            }
            Form::MatchLet | Form::MatchLetSequential | Form::MatchLetRecursive => {
                self.match_let(form, operands, end)?;
            }
            Form::Cut => {
                for operand in operands {
                    if !operand
                        .as_symbol()
                        .is_some_and(|name| matches!(&**name, "<>" | "<...>"))
                    {
                        self.expression(operand);
                    }
                }
            }
            Form::Harness => {
                let (name, rest) = operands.split_first()?;
                self.expression(name);
                let rest = match rest.split_first() {
                    Some((first, rest)) if first.as_text().is_some() && !rest.is_empty() => rest,
                    _ => rest,
                };
                match rest {
                    [record, _, body @ ..] if record.as_keyword().is_some() => self.body(body, end),
                    body => self.body(body, end),
                }
            }
            Form::Step => {
                let (name, mut rest) = operands.split_first()?;
                self.expression(name);
                while let [option, value, more @ ..] = rest
                    && option.as_keyword().is_some()
                {
                    self.expression(value);
                    rest = more;
                }
                self.body(rest, end);
            }
            Form::DefineParameter => {
                let mut rest = operands.get(1..)?;
                while let [option, value, more @ ..] = rest {
                    match option.as_keyword() {
                        Some("default") => self.expression(value),
                        Some(_) => {}
                        None => {
                            rest = &rest[1..];
                            continue;
                        }
                    }
                    rest = more;
                }
            }
            Form::Record => {
                for entry in operands {
                    match entry.as_list() {
                        Some([_, value]) => self.expression(value),
                        Some(_) => return None,
                        None => self.expression(entry),
                    }
                }
            }
            Form::Opaque | Form::Composing => {
                operands.iter().for_each(|operand| self.unjudged(operand));
            }
        }
        Some(())
    }

    pub(super) fn each(&mut self, operands: &[Tree]) {
        operands.iter().for_each(|operand| self.expression(operand));
    }

    /// A body that may define something, unless it stands at the top level: there what it
    /// defines is the module's.
    fn each_or_body(&mut self, body: &[Tree], end: usize) {
        match self.scopes.is_empty() {
            true => self.each(body),
            false => self.body(body, end),
        }
    }

    fn quasi(&mut self, tree: &Tree, depth: usize) {
        match tree.shape() {
            Shape::List(items, tail) => {
                let depth = match tree.head().map(|word| &**word) {
                    Some("unquote" | "unquote-splicing") if items.len() == 2 => {
                        if depth == 1 {
                            return self.expression(&items[1]);
                        }
                        depth - 1
                    }
                    Some("quasiquote") if items.len() == 2 => depth + 1,
                    _ => depth,
                };
                items
                    .iter()
                    .chain(tail)
                    .for_each(|item| self.quasi(item, depth));
            }
            Shape::Vector(items) => items.iter().for_each(|item| self.quasi(item, depth)),
            _ => {}
        }
    }

    /// A procedure with FORMALS.
    fn procedure(&mut self, formals: &Tree, body: &[Tree], end: usize) -> Option<()> {
        let formals = Formals::of(formals)?;
        self.open(end);
        self.parameters(&formals)?;
        self.body(body, end);
        self.close();
        Some(())
    }

    /// Look at the values in BINDINGS, which do not see their names.
    fn values_of(&mut self, bindings: &[Tree]) -> Option<()> {
        for binding in bindings {
            name_and_value(binding)?
                .1
                .into_iter()
                .for_each(|value| self.expression(value));
        }
        Some(())
    }

    fn parallel_let(&mut self, operands: &[Tree], end: usize) -> Option<()> {
        let (bindings, body) = operands.split_first()?;
        let bindings = bindings.as_list()?;
        self.values_of(bindings)?;
        self.open(end);
        for binding in bindings {
            self.bind(name_and_value(binding)?.0, LocalKind::Variable)?;
        }
        self.body(body, end);
        self.close();
        Some(())
    }

    fn named_let(&mut self, operands: &[Tree], end: usize) -> Option<()> {
        let [name, bindings, body @ ..] = operands else {
            return None;
        };
        let bindings = bindings.as_list()?;
        self.values_of(bindings)?;
        self.open(end);
        self.bind(name, LocalKind::Variable)?;
        self.open(end);
        for binding in bindings {
            self.bind(name_and_value(binding)?.0, LocalKind::Variable)?;
        }
        self.body(body, end);
        self.close();
        self.close();
        Some(())
    }

    /// A form of `define`'s kind; the name is bound already.
    fn definition(&mut self, tree: &Tree, operands: &[Tree]) -> Option<()> {
        let made = definition(tree.as_list()?, "")?;
        if let Some(name) = made.name.as_symbol()
            && let Sense::Known(meaning @ Meaning::Own) = self.sense(name)
        {
            self.occurs(made.name, name, meaning);
        }
        let (target, body) = operands.split_first()?;
        if target.as_symbol().is_some() {
            self.each(body);
            return Some(());
        }
        // (define ((f a) b) …): the outer list's parameters see the inner one's.
        let mut lists = Vec::new();
        let mut inner = target;
        while let Some((parts, tail)) = inner.as_pairs() {
            let (first, parameters) = parts.split_first()?;
            lists.push(Formals::of_parts(parameters, tail)?);
            inner = first;
        }
        let scopes = self.scopes.len();
        for formals in lists.iter().rev() {
            self.open(tree.end());
            self.parameters(formals)?;
        }
        self.body(body, tree.end());
        self.scopes.truncate(scopes);
        Some(())
    }

    fn assignment(&mut self, operands: &[Tree]) -> Option<()> {
        let [target, value] = operands else {
            return None;
        };
        // In (set! (getter object) value) the first is what would get the value.
        self.expression(target);
        self.expression(value);
        Some(())
    }

    fn cond_clause(&mut self, clause: &Tree) -> Option<()> {
        let (test, body) = clause.as_list()?.split_first()?;
        if test.as_symbol().is_none_or(|word| &**word != "else") {
            self.expression(test);
        }
        self.behind_arrow(body);
        Some(())
    }

    /// Look at BODY, expressions that may begin with an arrow, or have one behind a guard.
    fn behind_arrow(&mut self, body: &[Tree]) {
        for form in body {
            if form.as_symbol().is_none_or(|word| &**word != "=>") {
                self.expression(form);
            }
        }
    }

    fn do_loop(&mut self, operands: &[Tree], end: usize) -> Option<()> {
        let [bindings, test, body @ ..] = operands else {
            return None;
        };
        let bindings = bindings.as_list()?;
        for binding in bindings {
            self.expression(binding.as_list()?.get(1)?);
        }
        self.open(end);
        for binding in bindings {
            self.bind(binding.as_list()?.first()?, LocalKind::Variable)?;
        }
        for binding in bindings {
            self.each(binding.as_list()?.get(2..)?);
        }
        self.each(test.as_list()?);
        self.each(body);
        self.close();
        Some(())
    }

    fn match_let(&mut self, form: Form, operands: &[Tree], end: usize) -> Option<()> {
        let scopes = self.scopes.len();
        let (mut bindings, mut body) = operands.split_first()?;
        let name = bindings.as_symbol().map(|_| bindings);
        if name.is_some() {
            (bindings, body) = body.split_first()?;
        }
        let bindings: Vec<(&Tree, &Tree)> = bindings
            .as_list()?
            .iter()
            .map(|binding| match binding.as_list() {
                Some([pattern, value]) => Some((pattern, value)),
                _ => None,
            })
            .collect::<Option<_>>()?;
        match form {
            Form::MatchLetSequential => {
                for (pattern, value) in bindings {
                    self.expression(value);
                    self.open(end);
                    self.pattern(pattern)?;
                }
            }
            Form::MatchLetRecursive => {
                self.open(end);
                bindings
                    .iter()
                    .try_for_each(|(pattern, _)| self.pattern(pattern))?;
                bindings
                    .iter()
                    .for_each(|(_, value)| self.expression(value));
            }
            _ => {
                bindings
                    .iter()
                    .for_each(|(_, value)| self.expression(value));
                self.open(end);
                if let Some(name) = name {
                    self.bind(name, LocalKind::Variable)?;
                    self.open(end);
                }
                bindings
                    .iter()
                    .try_for_each(|(pattern, _)| self.pattern(pattern))?;
            }
        }
        self.body(body, end);
        self.scopes.truncate(scopes);
        Some(())
    }
}

/// The name and the value of BINDING, `(name value)`.
fn name_and_value(binding: &Tree) -> Option<(&Tree, Option<&Tree>)> {
    match binding.as_list()? {
        [name, value] => Some((name, Some(value))),
        [name] => Some((name, None)),
        _ => None,
    }
}
