//! Regular expressions: the C library's POSIX engine, which is Guile's too.
//!
//! Source: GNU Guile reference manual, "Regular Expressions"; regcomp(3).

use super::args::{self, boolean, fixnum, string};
use super::errors;
use super::text;
use crate::guile::natives::{Machine, Outcome, Raise};
use crate::guile::pairs;
use crate::guile::value::Value;
use crate::natives;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;
use std::rc::Rc;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// A compiled expression.
struct Compiled {
    expression: Box<libc::regex_t>,
    /// How many parts a match has, the whole counted.
    parts: usize,
}

/// How many groups PATTERN has. The structure of regcomp says it too, but is
/// not laid out alike everywhere.
fn count_groups(pattern: &str, extended: bool) -> usize {
    let mut groups = 0;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => groups += usize::from(characters.next() == Some('(') && !extended),
            '(' if extended => groups += 1,
            '[' => {
                if characters.peek() == Some(&'^') {
                    characters.next();
                }
                // A closing bracket that comes first stands for itself.
                if characters.peek() == Some(&']') {
                    characters.next();
                }
                while let Some(inside) = characters.next() {
                    if inside == ']' {
                        break;
                    }
                    if inside == '['
                        && let Some(kind @ (':' | '.' | '=')) = characters.peek().copied()
                    {
                        characters.next();
                        while let Some(part) = characters.next() {
                            if part == kind && characters.peek() == Some(&']') {
                                characters.next();
                                break;
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    groups
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: regcomp filled it, and nobody else has it.
        unsafe { libc::regfree(&raw mut *self.expression) };
    }
}

#[derive(Clone)]
struct Regexp(Rc<Compiled>);

impl Custom for Regexp {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok(format!("#<regexp {:x}>", Rc::as_ptr(&self.0) as usize)))
    }
}

thread_local! {
    /// Expressions that `string-match` compiled: programs use few of them often.
    static KNOWN: RefCell<HashMap<(String, libc::c_int), Regexp>> = RefCell::new(HashMap::new());
}

fn compile(pattern: &str, flags: libc::c_int) -> Result<Regexp, Raise> {
    let known = KNOWN.with(|known| known.borrow().get(&(pattern.to_owned(), flags)).cloned());
    if let Some(known) = known {
        return Ok(known);
    }
    let source = CString::new(pattern).map_err(|_| {
        errors::misc(
            "make-regexp",
            "string contains #\\nul character",
            Vec::new(),
        )
    })?;
    // SAFETY: `regex_t` is plain data that regcomp fills.
    let mut expression: Box<libc::regex_t> = Box::new(unsafe { std::mem::zeroed() });
    // SAFETY: SOURCE is a C string, and the expression is written to.
    let code = unsafe { libc::regcomp(&raw mut *expression, source.as_ptr(), flags) };
    if code != 0 {
        let mut message = [0u8; 256];
        // SAFETY: the buffer is as long as said.
        unsafe {
            libc::regerror(
                code,
                &raw const *expression,
                message.as_mut_ptr().cast(),
                message.len(),
            );
        }
        let end = message.iter().position(|byte| *byte == 0).unwrap_or(0);
        return Err(Raise::throw(
            "regular-expression-syntax",
            vec![
                text::value("make-regexp"),
                text::value(String::from_utf8_lossy(&message[..end])),
                Value::BoolV(false),
                pairs::list([text::value(pattern)]),
            ],
        ));
    }
    let parts = 1 + count_groups(pattern, flags & libc::REG_EXTENDED != 0);
    let regexp = Regexp(Rc::new(Compiled { expression, parts }));
    KNOWN.with(|known| {
        let mut known = known.borrow_mut();
        if known.len() > 256 {
            known.clear();
        }
        known.insert((pattern.to_owned(), flags), regexp.clone());
    });
    Ok(regexp)
}

fn get(value: &Value) -> Option<Regexp> {
    match value {
        Value::Custom(custom) => as_underlying_type::<Regexp>(custom.read().as_ref()).cloned(),
        _ => None,
    }
}

fn flags_of(args: &[Value], from: usize) -> Result<libc::c_int, Raise> {
    let mut flags = libc::REG_EXTENDED;
    for position in from..=args.len() {
        match fixnum(args, position)? as libc::c_int {
            // Guile's regexp/basic takes the extended syntax away.
            BASIC => flags &= !libc::REG_EXTENDED,
            flag => flags |= flag,
        }
    }
    Ok(flags)
}

const BASIC: libc::c_int = 0;

fn make(args: &[Value]) -> Outcome {
    let pattern = string("make-regexp", args, 1)?;
    let regexp = compile(pattern, flags_of(args, 2)?)?;
    Ok(regexp
        .into_steelval()
        .expect("a custom value is always a value"))
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(get(&args[0]).is_some()))
}

/// Match REGEXP against characters from START on of the string in argument 2: Guile's match vector, or #f.
fn execute(
    machine: &mut Machine,
    regexp: &Regexp,
    subject: &Value,
    start: usize,
    flags: libc::c_int,
) -> Outcome {
    let Value::StringV(object) = subject else {
        return Err(errors::expecting("regexp-exec", 2, "string", subject));
    };
    let whole = text::of(object);
    let Some(offset) = text::byte_index(object, start) else {
        return Err(errors::out_of_range(
            "regexp-exec",
            3,
            &Value::IntV(start as isize),
        ));
    };
    let searched = CString::new(&whole[offset..]).map_err(|_| {
        errors::misc(
            "regexp-exec",
            "string contains #\\nul character",
            Vec::new(),
        )
    })?;
    let expression = &regexp.0.expression;
    let groups = regexp.0.parts;
    // SAFETY: `regmatch_t` is plain data.
    let mut matches: Vec<libc::regmatch_t> = vec![unsafe { std::mem::zeroed() }; groups];
    // SAFETY: the expression is compiled, the string ends in a nul, and there is room for the groups.
    let code = unsafe {
        libc::regexec(
            &raw const **expression,
            searched.as_ptr(),
            groups,
            matches.as_mut_ptr(),
            flags,
        )
    };
    if code != 0 {
        return Ok(boolean(false));
    }
    let ascii = whole.is_ascii();
    let index = |byte: libc::regoff_t| -> isize {
        if byte < 0 {
            return -1;
        }
        let byte = offset + byte as usize;
        (if ascii {
            byte
        } else {
            whole[..byte].chars().count()
        }) as isize
    };
    let mut items = vec![subject.clone()];
    for found in &matches {
        items.push(pairs::cons(
            Value::IntV(index(found.rm_so)),
            Value::IntV(index(found.rm_eo)),
        ));
    }
    Ok(machine.vector(items))
}

/// (regexp-exec regexp string [start [flags]])
fn exec(machine: &mut Machine, args: &[Value]) -> Outcome {
    let regexp =
        get(&args[0]).ok_or_else(|| errors::expecting("regexp-exec", 1, "regexp", &args[0]))?;
    string("regexp-exec", args, 2)?;
    let start = match args.get(2) {
        Some(_) => args::size("regexp-exec", args, 3)?,
        None => 0,
    };
    let flags = match args.get(3) {
        Some(_) => fixnum(args, 4)? as libc::c_int,
        None => 0,
    };
    execute(machine, &regexp, &args[1], start, flags)
}

/// (string-match pattern string [start])
fn string_match(machine: &mut Machine, args: &[Value]) -> Outcome {
    let regexp = compile(string("string-match", args, 1)?, libc::REG_EXTENDED)?;
    string("string-match", args, 2)?;
    let start = match args.get(2) {
        Some(_) => args::size("string-match", args, 3)?,
        None => 0,
    };
    execute(machine, &regexp, &args[1], start, 0)
}

fn constant(args: &[Value]) -> Outcome {
    let number = match args::symbol("%regexp-constant", args, 1)? {
        "icase" => libc::REG_ICASE,
        "newline" => libc::REG_NEWLINE,
        "extended" => libc::REG_EXTENDED,
        "notbol" => libc::REG_NOTBOL,
        "noteol" => libc::REG_NOTEOL,
        _ => BASIC,
    };
    Ok(Value::IntV(number as isize))
}

natives! {
    /// (make-regexp pattern flag …) -> regexp
    "make-regexp" (1, rest) => make,
    "regexp?" (1) => predicate,
    /// (regexp-exec regexp string [start [flags]]) -> match or #f
    "regexp-exec" (2, 2) with machine => exec,
    "%string-match" (2, 1) with machine => string_match,
    "%regexp-constant" (1) => constant,
}

#[cfg(test)]
mod tests {
    use super::count_groups;

    #[test]
    fn groups_are_counted_outside_of_brackets_and_quotes() {
        for (pattern, groups) in [
            ("a(b)(c(d))", 3),
            ("\\(a\\)", 0),
            ("[(](x)", 1),
            ("[](](x)", 1),
            ("[^](](x)", 1),
            ("[[:alpha:](](x)", 1),
        ] {
            assert_eq!(count_groups(pattern, true), groups, "{pattern}");
        }
        assert_eq!(count_groups("\\(a\\)(", false), 1);
    }
}
