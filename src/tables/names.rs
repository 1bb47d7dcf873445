//! Names of tables and properties, checked against the table service's rules.
//!
//! Names come from settings and go into a URL or a filter; a value of these types is safe in both.

use std::borrow::Cow;

/// The longest name of a property, in characters, as the table service allows it.
const MAX_NAME: usize = 255;

/// Words of the filter language: a property with such a name could not be told from an operator or a literal.
const RESERVED: [&str; 12] = [
    "and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "true", "false", "null",
];

/// The name of a table property: a letter or `_`, then letters, digits and `_`, at most 255 characters, as the table
/// service requires, and no word of the filter language. Names are case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyName(Cow<'static, str>);

impl PropertyName {
    /// Checks a name. `None` when it is not the name of a property.
    pub fn parse(name: &str) -> Option<Self> {
        let mut characters = name.chars();
        let first = characters.next()?;
        let valid = (first.is_alphabetic() || first == '_')
            && characters.all(|c| c.is_alphanumeric() || c == '_')
            && name.chars().count() <= MAX_NAME
            && !RESERVED.contains(&name);
        valid.then(|| Self(name.to_owned().into()))
    }

    /// The property that all tables are partitioned by.
    pub const PARTITION_KEY: Self = Self(Cow::Borrowed("PartitionKey"));

    /// The property that identifies an entity within its partition.
    pub const ROW_KEY: Self = Self(Cow::Borrowed("RowKey"));

    /// A name that stands in the code, and obeys the rules: a test must pass it to [`parse`](Self::parse).
    pub(crate) const fn fixed(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a table: a letter, then letters and digits, 3 to 63 ASCII characters in all, as the table service
/// requires; `tables` is reserved. Names are not case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

impl TableName {
    /// Checks a name. `None` when it is not the name of a table.
    pub fn parse(name: &str) -> Option<Self> {
        let valid = (3..=63).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
            && !name.eq_ignore_ascii_case("tables");
        valid.then(|| Self(name.to_owned()))
    }

    /// Whether both name the same table.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_names_that_the_service_allows_are_property_names() {
        for good in ["A", "_", "_a1", "CertNumber", "ÄrgerNr1", &"a".repeat(255)] {
            assert!(PropertyName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "1a",
            "a b",
            "a-b",
            "a.b",
            "a'b",
            "a ne '' or a",
            "and",
            "null",
            "a\n",
            "a(",
            &"a".repeat(256),
        ] {
            assert!(PropertyName::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn only_names_that_the_service_allows_are_table_names() {
        for good in ["audit", "a1b", "Audit2021", &"a".repeat(63)] {
            assert!(TableName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "1audit",
            "au-dit",
            "au_dit",
            "ärger",
            "tables",
            "Tables",
            "a/b",
            "audit()",
            &"a".repeat(64),
        ] {
            assert!(TableName::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_brings_syntax_along(text in ".{0,12}") {
            if let Some(name) = PropertyName::parse(&text) {
                prop_assert!(name.as_str().chars().all(|c| c.is_alphanumeric() || c == '_'));
            }
        }
    }
}
