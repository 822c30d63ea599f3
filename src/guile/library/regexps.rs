//! Regular expressions: the C library's POSIX engine, which is Guile's too.
//!
//! What a character is, is a matter of the locale there, and the process's is
//! C's, where it is a byte. So text outside of ASCII is compiled and searched
//! in a locale of UTF-8 that only this thread uses, and only for the call. In
//! ASCII the two agree, and bytes are several times faster.
//!
//! Source: GNU Guile reference manual, "Regular Expressions"; regcomp(3),
//! uselocale(3).

use crate::data::args::{self, boolean, fixnum, string};
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::value::Value;
use crate::data::{errors, pairs, strings as text};
use crate::natives;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ops::Range;
use std::rc::Rc;
use std::sync::OnceLock;
use steel::gc::ShareableMut;
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type};

/// What the C library made of a pattern.
struct Expression(Box<libc::regex_t>);

impl Expression {
    /// PATTERN compiled, or what regcomp says against it.
    fn compile(pattern: &CStr, flags: libc::c_int) -> Result<Expression, String> {
        // SAFETY: `regex_t` is plain data that regcomp fills.
        let mut expression: Box<libc::regex_t> = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: PATTERN is a C string, and the expression is written to.
        let code = unsafe { libc::regcomp(&raw mut *expression, pattern.as_ptr(), flags) };
        if code == 0 {
            return Ok(Expression(expression));
        }
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
        Err(String::from_utf8_lossy(&message[..end]).into_owned())
    }

    /// Where the first match in TEXT and its groups are, PARTS in all.
    fn search(
        &self,
        text: &CStr,
        parts: usize,
        flags: libc::c_int,
    ) -> Option<Vec<libc::regmatch_t>> {
        // SAFETY: `regmatch_t` is plain data.
        let mut matches: Vec<libc::regmatch_t> = vec![unsafe { std::mem::zeroed() }; parts];
        // SAFETY: the expression is compiled, the string ends in a nul, and there is room for the parts.
        let code = unsafe {
            libc::regexec(
                &raw const *self.0,
                text.as_ptr(),
                parts,
                matches.as_mut_ptr(),
                flags,
            )
        };
        (code == 0).then_some(matches)
    }
}

impl Drop for Expression {
    fn drop(&mut self) {
        // SAFETY: regcomp filled it, and nobody else has it.
        unsafe { libc::regfree(&raw mut *self.0) };
    }
}

/// A locale whose characters are those of UTF-8. It is never freed.
struct Utf8(libc::locale_t);

// SAFETY: a locale object may be used by any number of threads; nobody changes it.
unsafe impl Send for Utf8 {}
// SAFETY: as above.
unsafe impl Sync for Utf8 {}

/// Call ACTION where characters are those of UTF-8: this thread's locale is
/// another one meanwhile. Without such a locale on the machine they stay bytes.
fn in_utf8<T>(action: impl FnOnce() -> T) -> T {
    static LOCALE: OnceLock<Option<Utf8>> = OnceLock::new();
    struct Restore(libc::locale_t);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: it is what uselocale said was in use before.
            unsafe { libc::uselocale(self.0) };
        }
    }
    let locale = LOCALE.get_or_init(|| {
        [c"C.UTF-8", c"en_US.UTF-8", c"UTF-8"]
            .into_iter()
            .find_map(|name| {
                // SAFETY: NAME is a C string, and there is no locale to start from.
                let locale = unsafe {
                    libc::newlocale(
                        libc::LC_CTYPE_MASK | libc::LC_COLLATE_MASK,
                        name.as_ptr(),
                        std::ptr::null_mut(),
                    )
                };
                (!locale.is_null()).then_some(Utf8(locale))
            })
    });
    let _restore = locale
        .as_ref()
        // SAFETY: the locale was made above and lives as long as the process.
        .map(|locale| Restore(unsafe { libc::uselocale(locale.0) }));
    action()
}

/// PATTERN with the characters outside of ASCII that its ranges mean spelled
/// out: the GNU C library knows no order of them in its own locale of UTF-8,
/// and refuses such ranges.
fn without_wide_ranges(characters: &[char], structure: &Structure) -> String {
    let mut spelled = String::new();
    let mut position = 0;
    for bracket in &structure.brackets {
        spelled.extend(&characters[position..bracket.start]);
        position = bracket.start;
        while position < bracket.end {
            let rest = &characters[position..bracket.end];
            if let ['[', kind @ (':' | '.' | '='), ..] = rest {
                let end = rest
                    .windows(2)
                    .skip(2)
                    .position(|pair| pair == [*kind, ']'])
                    .map_or(rest.len(), |at| at + 4);
                spelled.extend(&rest[..end]);
                position += end;
            } else if let [low, '-', high, ..] = *rest
                && low <= high
                && !high.is_ascii()
            {
                let mut first = low;
                if low.is_ascii() {
                    spelled.extend([low, '-', '\u{7f}']);
                    first = '\u{80}';
                }
                spelled.extend(first..=high);
                position += 3;
            } else {
                spelled.push(rest[0]);
                position += 1;
            }
        }
    }
    spelled.extend(&characters[position..]);
    spelled
}

/// A pattern, compiled as often as its texts need.
struct Compiled {
    pattern: CString,
    flags: libc::c_int,
    /// For text in ASCII; a pattern outside of it has none.
    bytes: Option<Expression>,
    characters: OnceCell<Option<Expression>>,
    /// How many parts a match has, the whole counted.
    parts: usize,
}

impl Compiled {
    fn new(pattern: CString, flags: libc::c_int) -> Result<Compiled, String> {
        let text: Vec<char> = pattern.to_string_lossy().chars().collect();
        let structure = structure(&text, flags & libc::REG_EXTENDED != 0);
        let (bytes, characters) = if pattern.to_bytes().is_ascii() {
            (Some(Expression::compile(&pattern, flags)?), OnceCell::new())
        } else {
            let spelled = without_wide_ranges(&text, &structure);
            let spelled = CString::new(spelled).expect("the pattern has no nul to be copied");
            let expression = in_utf8(|| Expression::compile(&spelled, flags))?;
            (None, OnceCell::from(Some(expression)))
        };
        Ok(Compiled {
            pattern,
            flags,
            bytes,
            characters,
            parts: 1 + structure.groups,
        })
    }

    fn search(&self, text: &CStr, flags: libc::c_int) -> Option<Vec<libc::regmatch_t>> {
        if let Some(expression) = &self.bytes
            && text.to_bytes().is_ascii()
        {
            return expression.search(text, self.parts, flags);
        }
        in_utf8(|| {
            self.characters
                .get_or_init(|| Expression::compile(&self.pattern, self.flags).ok())
                .as_ref()?
                .search(text, self.parts, flags)
        })
    }
}

/// What has to be known of a pattern beside what regcomp makes of it. The
/// structure of regcomp counts groups too, but is not laid out alike everywhere.
#[derive(Default)]
struct Structure {
    groups: usize,
    /// What the bracket expressions hold, without their brackets and `^`.
    brackets: Vec<Range<usize>>,
}

fn structure(pattern: &[char], extended: bool) -> Structure {
    let mut structure = Structure::default();
    let mut position = 0;
    while position < pattern.len() {
        match pattern[position] {
            '\\' => {
                position += 1;
                if !extended && pattern.get(position) == Some(&'(') {
                    structure.groups += 1;
                }
            }
            '(' if extended => structure.groups += 1,
            '[' => {
                position += 1;
                if pattern.get(position) == Some(&'^') {
                    position += 1;
                }
                let start = position;
                // A closing bracket that comes first stands for itself.
                if pattern.get(position) == Some(&']') {
                    position += 1;
                }
                while position < pattern.len() && pattern[position] != ']' {
                    if let ['[', kind @ (':' | '.' | '='), ..] = pattern[position..] {
                        position += 2;
                        while position < pattern.len()
                            && !pattern[position..].starts_with(&[kind, ']'])
                        {
                            position += 1;
                        }
                        position += 1;
                    }
                    position += 1;
                }
                structure.brackets.push(start..position.min(pattern.len()));
            }
            _ => {}
        }
        position += 1;
    }
    structure
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
    let compiled = Compiled::new(source, flags).map_err(|message| {
        Raise::throw(
            "regular-expression-syntax",
            vec![
                text::value("make-regexp"),
                text::value(message),
                Value::BoolV(false),
                pairs::list([text::value(pattern)]),
            ],
        )
    })?;
    let regexp = Regexp(Rc::new(compiled));
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
    let Some(matches) = regexp.0.search(&searched, flags) else {
        return Ok(boolean(false));
    };
    let ascii = whole.is_ascii();
    let index = |byte: libc::regoff_t| -> isize {
        if byte < 0 {
            return -1;
        }
        let byte = offset + byte as usize;
        (if ascii {
            byte
        } else {
            // Where there is no UTF-8, a match can end inside of a character.
            whole
                .char_indices()
                .take_while(|(start, character)| start + character.len_utf8() <= byte)
                .count()
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
    /// (regexp? object) -> whether it is a compiled regular expression
    "regexp?" (1) => predicate,
    /// (regexp-exec regexp string [start [flags]]) -> match or #f
    "regexp-exec" (2, 2) with machine => exec,
    /// (%string-match pattern string [start]) -> the match of an extended regular expression from START on, or #f
    "%string-match" (2, 1) with machine => string_match,
    /// (%regexp-constant name) -> the number that a flag of regular expressions has
    "%regexp-constant" (1) => constant,
}

#[cfg(test)]
mod tests {
    use crate::library::regexps::{structure, without_wide_ranges};

    fn letters(pattern: &str) -> Vec<char> {
        pattern.chars().collect()
    }

    #[test]
    fn ranges_outside_of_ascii_are_spelled_out_and_others_kept() {
        for (pattern, spelled) in [
            ("[é-ë]x", "[éêë]x"),
            ("é-ë[^a-zé-ê-]", "é-ë[^a-zéê-]"),
            ("[~-\u{81}]", "[~-\u{7f}\u{80}\u{81}]"),
            ("[]à-á][[:alpha:]à-á]", "[]àá][[:alpha:]àá]"),
            ("\\[é-ë", "\\[é-ë"),
        ] {
            let letters = letters(pattern);
            let structure = structure(&letters, true);
            assert_eq!(without_wide_ranges(&letters, &structure), spelled);
        }
    }

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
            assert_eq!(
                structure(&letters(pattern), true).groups,
                groups,
                "{pattern}"
            );
        }
        assert_eq!(structure(&letters("\\(a\\)("), false).groups, 1);
    }
}
