//! Store paths: parsing and showing them.

use std::fmt;
use std::str::FromStr;

/// Where items are.
pub const STORE_DIRECTORY: &str = "/frx/store";

/// Names of outputs that are told apart from the end of a version.
const OUTPUTS: &[&str] = &["bin", "debug", "dev", "doc", "include", "lib", "static"];

/// `/frx/store/<hash>-<name>`, and perhaps a path below it.
///
/// ```
/// use fruix_scm::store::StorePath;
/// let path: StorePath = "/frx/store/12d7704362e95afc2697db63f168b878e082b372-freebsd-source-default/tree"
///     .parse()
///     .unwrap();
/// assert_eq!(path.name(), "freebsd-source-default");
/// assert_eq!(path.below(), Some("tree"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath {
    hash: String,
    name: String,
    below: Option<String>,
}

/// The text is not a store path; WHY says where it ends to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAStorePath {
    pub text: String,
    pub why: &'static str,
}

impl fmt::Display for NotAStorePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "cannot read `{}` as a store path: {}",
            self.text, self.why
        )
    }
}

impl std::error::Error for NotAStorePath {}

impl StorePath {
    /// The item called BASE, such as `<hash>-<name>`, without a directory.
    pub fn from_base(base: &str) -> Result<Self, NotAStorePath> {
        let refuse = |why| {
            Err(NotAStorePath {
                text: base.to_owned(),
                why,
            })
        };
        let Some((hash, name)) = base.split_once('-') else {
            return refuse("there is no `-`");
        };
        if hash.len() != 40 && hash.len() != 64 {
            return refuse("the hash has neither 40 nor 64 digits");
        }
        if !hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return refuse("the hash is not lower-case hexadecimal");
        }
        if name.is_empty() {
            return refuse("the name is empty");
        }
        if name.contains('/') || name.chars().any(char::is_control) {
            return refuse("the name has a character that no name has");
        }
        Ok(StorePath {
            hash: hash.to_owned(),
            name: name.to_owned(),
            below: None,
        })
    }

    /// The digits in front: 40, or 64 for older objects.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What follows the hash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path below the item, without a leading slash.
    pub fn below(&self) -> Option<&str> {
        self.below.as_deref()
    }

    /// `<hash>-<name>`.
    pub fn base(&self) -> String {
        format!("{}-{}", self.hash, self.name)
    }

    /// The item itself, without what is below it.
    pub fn item(&self) -> String {
        format!("{STORE_DIRECTORY}/{}", self.base())
    }

    /// The name before the version.
    pub fn package(&self) -> &str {
        self.split().0
    }

    /// From the first digit after a `-` on, without the output.
    pub fn version(&self) -> Option<&str> {
        self.split().1
    }

    /// A name of an output at the end, such as `debug`.
    pub fn output(&self) -> Option<&str> {
        self.split().2
    }

    fn split(&self) -> (&str, Option<&str>, Option<&str>) {
        let (rest, output) = match self.name.rsplit_once('-') {
            Some((rest, last)) if OUTPUTS.contains(&last) => (rest, Some(last)),
            _ => (self.name.as_str(), None),
        };
        let version = rest
            .match_indices('-')
            .map(|(index, _)| index)
            .find(|index| rest[index + 1..].starts_with(|first: char| first.is_ascii_digit()));
        match version {
            Some(index) => (&rest[..index], Some(&rest[index + 1..]), output),
            None => (rest, None, output),
        }
    }
}

impl FromStr for StorePath {
    type Err = NotAStorePath;

    fn from_str(text: &str) -> Result<Self, NotAStorePath> {
        let refuse = |why| NotAStorePath {
            text: text.to_owned(),
            why,
        };
        let rest = text
            .strip_prefix(STORE_DIRECTORY)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(|| refuse("it does not start with /frx/store/"))?;
        let (base, below) = match rest.split_once('/') {
            Some((base, below)) => (base, Some(below.trim_matches('/'))),
            None => (rest, None),
        };
        let below = below.filter(|below| !below.is_empty());
        if below.is_some_and(|below| below.split('/').any(|part| part == "..")) {
            return Err(refuse("`..` leads out of the item"));
        }
        let item = StorePath::from_base(base).map_err(|error| refuse(error.why))?;
        Ok(StorePath {
            below: below.map(str::to_owned),
            ..item
        })
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.item())?;
        match &self.below {
            Some(below) => write!(formatter, "/{below}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "12d7704362e95afc2697db63f168b878e082b372";

    fn parse(rest: &str) -> Result<StorePath, NotAStorePath> {
        format!("/frx/store/{rest}").parse()
    }

    #[test]
    fn a_name_is_taken_apart() {
        for (name, package, version, output) in [
            (
                "freebsd-source-default",
                "freebsd-source-default",
                None,
                None,
            ),
            (
                "freebsd-native-kernel-15.0-STABLE",
                "freebsd-native-kernel",
                Some("15.0-STABLE"),
                None,
            ),
            ("guile-3.0.10-debug", "guile", Some("3.0.10"), Some("debug")),
            (
                "fruix-guile-runtime-3.0",
                "fruix-guile-runtime",
                Some("3.0"),
                None,
            ),
        ] {
            let path = parse(&format!("{HASH}-{name}")).unwrap();
            assert_eq!(
                (path.package(), path.version(), path.output()),
                (package, version, output)
            );
        }
    }

    #[test]
    fn older_objects_have_64_digits() {
        let hash = "ab".repeat(32);
        assert_eq!(parse(&format!("{hash}-x")).unwrap().hash(), hash);
    }

    #[test]
    fn what_is_no_store_path_is_told_why() {
        for (rest, why) in [
            (HASH.to_owned(), "there is no `-`"),
            (format!("{HASH}-"), "the name is empty"),
            (format!("{}-x", &HASH[1..]), "neither 40 nor 64"),
            (
                format!("{}-x", HASH.to_uppercase()),
                "not lower-case hexadecimal",
            ),
            (format!("{HASH}-x/../../etc"), "leads out of the item"),
            (format!("{HASH}-a\nb"), "a character that no name has"),
        ] {
            let error = parse(&rest).unwrap_err();
            assert!(error.why.contains(why), "{rest}: {error}");
        }
        let elsewhere = format!("/gnu/store/{HASH}-x").parse::<StorePath>();
        assert!(elsewhere.is_err());
    }

    proptest! {
        #[test]
        fn what_was_parsed_shows_as_it_was(name in "[a-zA-Z0-9+._?=-]{1,30}", below in "(/[a-z]{1,5}){0,3}") {
            let text = format!("/frx/store/{HASH}-{name}{below}");
            prop_assert_eq!(text.parse::<StorePath>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC*|/frx/store/\\PC*") {
            let _ = text.parse::<StorePath>();
        }
    }
}
