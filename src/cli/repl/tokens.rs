//! Scheme text cut into pieces while it is being typed: for colours, matching
//! brackets, and to know what could stand at the cursor. It never fails: text
//! that is not finished is what an editor mostly sees.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Space,
    Comment,
    String,
    Open,
    Close,
    /// `'`, `` ` ``, `,`, `,@` and their relatives for syntax.
    Quote,
    /// `#:name`.
    Keyword,
    Number,
    /// `#t`, `#\a` and the like.
    Constant,
    Symbol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// The text ends inside: a string without its quote, a comment without its end.
    pub unfinished: bool,
}

impl Token {
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}

/// TEXT in pieces, without gaps.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let (kind, length, unfinished) = first(&text[start..]);
        tokens.push(Token {
            kind,
            start,
            end: start + length,
            unfinished,
        });
        start += length;
    }
    tokens
}

/// A list that is open: where its bracket is, and what is in it so far.
struct List<'t> {
    line: usize,
    column: usize,
    head: Option<&'t str>,
    /// The column of what follows the head on the bracket's line.
    second: Option<usize>,
    items: usize,
}

/// How far the line after TEXT is to be indented, as Scheme is laid out: below
/// what follows the head of the open list, or by two where the head has a body.
/// `None` where no list is open, or a string or comment goes on.
pub fn indentation(text: &str) -> Option<usize> {
    let mut lists: Vec<List<'_>> = Vec::new();
    let (mut line, mut line_start) = (0, 0);
    // A quote and what it quotes are one.
    let mut quoted = false;
    for token in tokens(text) {
        if token.unfinished {
            return None;
        }
        match token.kind {
            Kind::Space | Kind::Comment => {
                let ends = token.text(text).matches('\n').count();
                if ends > 0 {
                    line += ends;
                    line_start = text[..token.end].rfind('\n').map_or(0, |end| end + 1);
                }
                continue;
            }
            Kind::Close => {
                lists.pop();
                quoted = false;
                continue;
            }
            _ => {}
        }
        let column = text[line_start..token.start].chars().count();
        if let Some(list) = lists.last_mut().filter(|_| !quoted) {
            match list.items {
                0 if token.kind == Kind::Symbol => list.head = Some(token.text(text)),
                1 if list.line == line => list.second = Some(column),
                _ => {}
            }
            list.items += 1;
        }
        quoted = token.kind == Kind::Quote;
        if token.kind == Kind::Open {
            lists.push(List {
                line,
                column,
                head: None,
                second: None,
                items: 0,
            });
        }
    }
    let list = lists.last()?;
    Some(match (list.head, list.second) {
        (Some(head), _) if has_body(head) => list.column + 2,
        (Some(_), Some(second)) => second,
        _ => list.column + 1,
    })
}

/// Whether what HEAD begins ends in a body.
fn has_body(head: &str) -> bool {
    const HEADS: [&str; 20] = [
        "lambda",
        "lambda*",
        "case-lambda",
        "let",
        "let*",
        "letrec",
        "letrec*",
        "let-values",
        "let*-values",
        "let-syntax",
        "when",
        "unless",
        "do",
        "case",
        "match",
        "match-lambda",
        "parameterize",
        "begin",
        "catch",
        "step",
    ];
    HEADS.contains(&head)
        || ["define", "with-", "call-with-"]
            .iter()
            .any(|start| head.starts_with(start))
}

/// Kind and length of the first piece of REST, which is not empty.
fn first(rest: &str) -> (Kind, usize, bool) {
    let up_to = |stop: &dyn Fn(char) -> bool| {
        rest.char_indices()
            .find(|(_, letter)| stop(*letter))
            .map_or(rest.len(), |(index, _)| index)
    };
    let letter = rest.chars().next().unwrap_or(' ');
    match letter {
        _ if letter.is_whitespace() => {
            (Kind::Space, up_to(&|letter| !letter.is_whitespace()), false)
        }
        ';' => (Kind::Comment, up_to(&|letter| letter == '\n'), false),
        '"' => string(rest),
        '(' | '[' => (Kind::Open, 1, false),
        ')' | ']' => (Kind::Close, 1, false),
        '\'' | '`' => (Kind::Quote, 1, false),
        ',' if rest.starts_with(",@") => (Kind::Quote, 2, false),
        ',' => (Kind::Quote, 1, false),
        '#' => {
            if rest.starts_with("#|") {
                return block_comment(rest);
            }
            if rest.starts_with("#;") {
                return (Kind::Comment, 2, false);
            }
            if let Some(name) = rest.strip_prefix("#:") {
                return (Kind::Keyword, 2 + word(name), false);
            }
            if let Some(character) = rest.strip_prefix("#\\") {
                let one = character.chars().next().map_or(0, char::len_utf8);
                let more = word(&character[one..]);
                return (Kind::Constant, 2 + one + more, false);
            }
            if ["#'", "#`", "#,"]
                .iter()
                .any(|start| rest.starts_with(start))
            {
                return (Kind::Quote, 2, false);
            }
            (Kind::Constant, 1 + word(&rest[1..]), false)
        }
        _ => {
            let length = word(rest).max(letter.len_utf8());
            let text = &rest[..length];
            let digits = text.trim_start_matches(['+', '-', '.']);
            let kind = if digits.starts_with(|first: char| first.is_ascii_digit()) {
                Kind::Number
            } else {
                Kind::Symbol
            };
            (kind, length, false)
        }
    }
}

/// How far a name or number goes.
fn word(rest: &str) -> usize {
    rest.char_indices()
        .find(|(_, letter)| letter.is_whitespace() || "()[]\";'`,".contains(*letter))
        .map_or(rest.len(), |(index, _)| index)
}

fn string(rest: &str) -> (Kind, usize, bool) {
    let mut escaped = false;
    for (index, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (Kind::String, index + 1, false),
            _ => {}
        }
    }
    (Kind::String, rest.len(), true)
}

fn block_comment(rest: &str) -> (Kind, usize, bool) {
    let mut depth = 0;
    let mut index = 0;
    while index < rest.len() {
        let here = &rest[index..];
        if here.starts_with("#|") {
            depth += 1;
            index += 2;
        } else if here.starts_with("|#") {
            depth -= 1;
            index += 2;
            if depth == 0 {
                return (Kind::Comment, index, false);
            }
        } else {
            index += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    (Kind::Comment, rest.len(), true)
}

/// The other bracket of the one at POSITION, or just before it; the first is
/// the bracket itself. `None` where there is no bracket.
pub fn partner(text: &str, tokens: &[Token], position: usize) -> Option<(usize, Option<usize>)> {
    let bracket = |at: usize| {
        tokens
            .iter()
            .position(|token| token.start == at && matches!(token.kind, Kind::Open | Kind::Close))
    };
    let index = bracket(position).or_else(|| bracket(position.checked_sub(1)?))?;
    let step = |depth: &mut i32, token: &Token| match token.kind {
        Kind::Open => *depth += 1,
        Kind::Close => *depth -= 1,
        _ => {}
    };
    let mut depth = 0;
    let found = if tokens[index].kind == Kind::Open {
        tokens[index..].iter().find(|token| {
            step(&mut depth, token);
            depth == 0
        })
    } else {
        tokens[..=index].iter().rev().find(|token| {
            step(&mut depth, token);
            depth == 0
        })
    };
    let fits = |token: &&Token| {
        let pair = (tokens[index].text(text), token.text(text));
        matches!(pair, ("(", ")") | (")", "(") | ("[", "]") | ("]", "["))
    };
    Some((
        tokens[index].start,
        found.filter(fits).map(|token| token.start),
    ))
}

/// What could stand at the end of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Place<'t> {
    /// The name of a command, behind its comma.
    Command(&'t str),
    /// What follows a command's name: the name, and the word begun.
    Argument(&'t str, &'t str),
    /// A file, or a store item, in a string that is not finished.
    String(&'t str),
    /// A module's name of which these words are there, and the next one begun.
    Module(Vec<&'t str>, &'t str),
    /// A keyword of the procedure whose call this is.
    Keyword(Option<&'t str>, &'t str),
    /// A quoted name.
    Key(&'t str),
    Name(&'t str),
}

/// What could stand at the end of TEXT, and where the word begins.
pub fn place(text: &str) -> (usize, Place<'_>) {
    if let Some(command) = text.strip_prefix(',')
        && !text.contains('\n')
    {
        match command.split_once(char::is_whitespace) {
            None => return (1, Place::Command(command)),
            Some((name, rest)) if !rest.contains('(') && !rest.contains('"') => {
                let start = text.rfind(char::is_whitespace).map_or(0, |index| index + 1);
                return (start, Place::Argument(name, &text[start..]));
            }
            Some(_) => {}
        }
    }
    let tokens = tokens(text);
    let Some(last) = tokens.last() else {
        return (0, Place::Name(""));
    };
    if last.kind == Kind::String && last.unfinished {
        return (last.start + 1, Place::String(&text[last.start + 1..]));
    }
    let begun = matches!(
        last.kind,
        Kind::Symbol | Kind::Number | Kind::Keyword | Kind::Constant
    );
    let start = if begun { last.start } else { text.len() };
    let word = &text[start..];
    let before: Vec<&Token> = tokens
        .iter()
        .filter(|token| token.start < start)
        .filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment))
        .collect();
    if begun && last.kind == Kind::Keyword || word == "#" {
        return (start, Place::Keyword(head(text, &before), word));
    }
    if let Some(words) = module_words(text, &before) {
        return (start, Place::Module(words, word));
    }
    if before
        .last()
        .is_some_and(|token| token.kind == Kind::Quote && token.end == start)
    {
        return (start, Place::Key(word));
    }
    (start, Place::Name(word))
}

/// The first word of the innermost list that is open after TOKENS.
pub fn head<'t>(text: &'t str, tokens: &[&Token]) -> Option<&'t str> {
    let open = innermost(tokens)?;
    let first = tokens.get(open + 1)?;
    (first.kind == Kind::Symbol).then(|| first.text(text))
}

/// Which of TOKENS opens the innermost list that is not closed.
fn innermost(tokens: &[&Token]) -> Option<usize> {
    let mut closed = 0;
    for (index, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            Kind::Close => closed += 1,
            Kind::Open if closed == 0 => return Some(index),
            Kind::Open => closed -= 1,
            _ => {}
        }
    }
    None
}

/// The words so far of the module's name that is being typed, if one is.
fn module_words<'t>(text: &'t str, tokens: &[&Token]) -> Option<Vec<&'t str>> {
    let open = innermost(tokens)?;
    let before = tokens.get(open.checked_sub(1)?)?;
    let word = before.text(text);
    let named = matches!(
        word,
        "use-modules"
            | "import"
            | "@"
            | "@@"
            | "define-module"
            | "resolve-module"
            | "use"
            | "m"
            | "module"
            | "reload"
            | "re"
            | "#:use-module"
            | "#:autoload"
    );
    // Among several modules, or in a list of options such as ((a b) #:select …).
    let listed = before.kind == Kind::Close || before.kind == Kind::Open;
    let of_modules = listed
        && head(text, &tokens[..open])
            .or_else(|| {
                let outer = innermost(&tokens[..open])?;
                head(text, &tokens[..outer])
            })
            .is_some_and(|head| matches!(head, "use-modules" | "import"));
    (named || of_modules).then(|| {
        tokens[open + 1..]
            .iter()
            .map(|token| token.text(text))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brackets_in_strings_and_comments_are_none() {
        let text = r#"(a "(" #\( #| ( |# ; (
            b)"#;
        let tokens = tokens(text);
        assert_eq!(partner(text, &tokens, 0), Some((0, Some(text.len() - 1))));
        assert_eq!(
            partner(text, &tokens, text.len()),
            Some((text.len() - 1, Some(0)))
        );
        assert_eq!(partner("(a]", &super::tokens("(a]"), 0), Some((0, None)));
        assert_eq!(partner("a", &super::tokens("a"), 0), None);
    }

    #[test]
    fn what_could_stand_at_the_cursor_is_known() {
        for (text, start, place) in [
            ("", 0, Place::Name("")),
            ("(ca", 1, Place::Name("ca")),
            (",de", 1, Place::Command("de")),
            (",refs fru", 6, Place::Argument("refs", "fru")),
            ("(load \"/et", 7, Place::String("/et")),
            (
                "(use-modules (ice-9 ma",
                20,
                Place::Module(vec!["ice-9"], "ma"),
            ),
            ("(use-modules (a b) (ice", 20, Place::Module(vec![], "ice")),
            ("(use-modules ((srfi ", 20, Place::Module(vec!["srfi"], "")),
            (",use (fruix ", 12, Place::Module(vec!["fruix"], "")),
            ("(f a #:ke", 5, Place::Keyword(Some("f"), "#:ke")),
            ("(f (g) #", 7, Place::Keyword(Some("f"), "#")),
            ("(store-layout-ref layout 'ho", 26, Place::Key("ho")),
            ("(f \"a\" b", 7, Place::Name("b")),
        ] {
            assert_eq!(super::place(text), (start, place), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_cut_without_gaps(text in "\\PC*|[()\\[\\]\"'`,#;|\\\\ a1\n]*") {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert_eq!(token.start, end);
                prop_assert!(token.end > token.start);
                end = token.end;
            }
            prop_assert_eq!(end, text.len());
            let (start, _) = place(&text);
            prop_assert!(text.is_char_boundary(start));
        }
    }

    #[test]
    fn the_next_line_stands_where_scheme_has_it() {
        for (text, columns) in [
            ("(list 1", Some(6)),
            ("(list", Some(1)),
            ("(define (f x)", Some(2)),
            ("(define (f x)\n  (let ((a 1)", Some(8)),
            ("(define (f x)\n  (if (null? x)", Some(6)),
            ("'((a . 1)", Some(2)),
            ("(f '(1 2", Some(5)),
            ("(f 'a", Some(3)),
            ("(f \"a (", None),
            ("(f #| a", None),
            ("(list 1)", None),
            ("(when x ; why (\n", Some(2)),
            (")))", None),
        ] {
            assert_eq!(indentation(text), columns, "{text}");
        }
    }
}
