//! XAPI's values and errors as the simulated host holds them, before either
//! RPC dialect writes them down.

/// A value of the XenAPI type system.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    Text(String),
    Int(i64),
    /// The one place where xapi writes `<i4>`: the counts of `event.from`.
    SmallInt(i64),
    Float(f64),
    Bool(bool),
    /// A date in XAPI's compact form, `20240420T12:00:00Z`.
    Date(String),
    Set(Vec<Val>),
    Map(Vec<(String, Val)>),
    Void,
    Nil,
}

impl Val {
    pub fn text(text: impl Into<String>) -> Val {
        Val::Text(text.into())
    }

    pub fn empty_map() -> Val {
        Val::Map(Vec::new())
    }

    pub fn texts<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Val {
        Val::Set(items.into_iter().map(Val::text).collect())
    }

    pub fn map_of<K: Into<String>>(entries: impl IntoIterator<Item = (K, Val)>) -> Val {
        Val::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }

    /// The text of a string, reference, enumeration or date; empty otherwise.
    pub fn as_text(&self) -> &str {
        match self {
            Val::Text(text) | Val::Date(text) => text,
            _ => "",
        }
    }

    pub fn as_int(&self) -> i64 {
        match self {
            Val::Int(number) | Val::SmallInt(number) => *number,
            _ => 0,
        }
    }

    pub fn as_bool(&self) -> bool {
        matches!(self, Val::Bool(true))
    }

    pub fn as_float(&self) -> f64 {
        match self {
            Val::Float(number) => *number,
            Val::Int(number) => *number as f64,
            _ => 0.0,
        }
    }

    pub fn items(&self) -> &[Val] {
        match self {
            Val::Set(items) => items,
            _ => &[],
        }
    }

    pub fn entries(&self) -> &[(String, Val)] {
        match self {
            Val::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under KEY of a map.
    pub fn get(&self, key: &str) -> Option<&Val> {
        self.entries()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Put VALUE under KEY of a map, in place of what was there.
    pub fn put(&mut self, key: &str, value: Val) {
        if let Val::Map(entries) = self {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some(entry) => entry.1 = value,
                None => entries.push((key.to_owned(), value)),
            }
        }
    }

    /// Take KEY out of a map.
    pub fn remove(&mut self, key: &str) {
        if let Val::Map(entries) = self {
            entries.retain(|(name, _)| name != key);
        }
    }
}

/// The reference to nothing.
pub const NULL: &str = "OpaqueRef:NULL";

/// An error as XAPI reports it: a code and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub code: String,
    pub params: Vec<String>,
}

impl ApiError {
    pub fn new<P: Into<String>>(
        code: impl Into<String>,
        params: impl IntoIterator<Item = P>,
    ) -> ApiError {
        ApiError {
            code: code.into(),
            params: params.into_iter().map(Into::into).collect(),
        }
    }

    pub fn internal(text: impl Into<String>) -> ApiError {
        ApiError::new("INTERNAL_ERROR", [text.into()])
    }

    pub fn handle_invalid(class: &str, reference: &str) -> ApiError {
        ApiError::new("HANDLE_INVALID", [class, reference])
    }

    /// Code and parameters as one list.
    pub fn description(&self) -> Vec<String> {
        std::iter::once(self.code.clone())
            .chain(self.params.iter().cloned())
            .collect()
    }
}

/// A fresh random reference.
pub fn new_ref() -> String {
    format!("OpaqueRef:{}", uuid::Uuid::new_v4())
}

/// A fresh random UUID.
pub fn new_uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub const EPOCH: &str = "19700101T00:00:00Z";

/// Now, in XAPI's form.
pub fn now() -> Val {
    Val::Date(date(crate::clock::seconds_since_1970()))
}

/// SECONDS since 1970 in XAPI's form.
pub fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days since 1970-01-01.
    let shifted = days as i64 + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_have_no_hyphens_and_end_in_z() {
        assert_eq!(date(0), "19700101T00:00:00Z");
        assert_eq!(date(951_782_400), "20000229T00:00:00Z");
        assert_eq!(date(1_713_614_400), "20240420T12:00:00Z");
        assert_eq!(date(1_735_689_599), "20241231T23:59:59Z");
    }
}
