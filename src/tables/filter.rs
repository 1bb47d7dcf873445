//! OData filters, built from typed parts.
//!
//! Invariant: a filter holds property names that passed [`PropertyName::parse`] and values that were written as
//! literals of their type, so that no value can end its literal and change the query. The SDK's own filter is a
//! plain string; only this module makes one.

use std::fmt;

use super::names::PropertyName;

/// A value that a property is compared with; it becomes a literal of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `Edm.String`: quoted, quotes inside doubled.
    Text(String),
    /// `Edm.Int64`.
    Int64(i64),
    /// `Edm.Boolean`.
    Boolean(bool),
    /// `Edm.Binary`.
    Binary(Vec<u8>),
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int64(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Int64(number) => write!(f, "{number}L"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Binary(bytes) => {
                f.write_str("X'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
        }
    }
}

/// A filter on the entities of a table. Its text, by [`Display`](fmt::Display), is the value of `$filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// Entities whose property is greater than or equal to the value.
    pub fn ge(property: &PropertyName, value: impl Into<Value>) -> Self {
        Self::compare(property, "ge", &value.into())
    }

    /// Entities whose property is greater than the value.
    pub fn gt(property: &PropertyName, value: impl Into<Value>) -> Self {
        Self::compare(property, "gt", &value.into())
    }

    /// Entities whose property is less than the value.
    pub fn lt(property: &PropertyName, value: impl Into<Value>) -> Self {
        Self::compare(property, "lt", &value.into())
    }

    /// Entities whose property is equal to the value.
    pub fn eq(property: &PropertyName, value: impl Into<Value>) -> Self {
        Self::compare(property, "eq", &value.into())
    }

    /// Entities whose property is less than or equal to the value.
    pub fn le(property: &PropertyName, value: impl Into<Value>) -> Self {
        Self::compare(property, "le", &value.into())
    }

    /// Entities that have the property, with another value than this one.
    pub fn ne(property: &PropertyName, value: impl Into<Value>) -> Self {
        Self::compare(property, "ne", &value.into())
    }

    /// Entities that pass both filters.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        // Comparisons bind closer than `and`, and this builder joins with nothing else: no brackets are needed.
        Self(format!("{} and {}", self.0, other.0))
    }

    fn compare(property: &PropertyName, operator: &str, value: &Value) -> Self {
        Self(format!("{} {operator} {value}", property.as_str()))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> PropertyName {
        PropertyName::parse(text).unwrap()
    }

    #[test]
    fn parts_are_joined_as_the_service_reads_them() {
        let filter = Filter::ge(&PropertyName::PARTITION_KEY, "2021-01-01")
            .and(Filter::le(&PropertyName::PARTITION_KEY, "2021-01-31"))
            .and(Filter::ne(&name("CertNumber"), ""));
        assert_eq!(
            filter.to_string(),
            "PartitionKey ge '2021-01-01' and PartitionKey le '2021-01-31' and CertNumber ne ''"
        );
    }

    #[test]
    fn values_become_literals_of_their_type() {
        let filter = |value: Value| Filter::ne(&name("A"), value).to_string();
        assert_eq!(
            filter("x' or A ne '".into()),
            "A ne 'x'' or A ne '''".to_owned()
        );
        assert_eq!(filter((-5_i64).into()), "A ne -5L");
        assert_eq!(filter(true.into()), "A ne true");
        assert_eq!(filter(vec![0, 0xaf].into()), "A ne X'00af'");
    }

    /// Reads one string literal as OData does and returns its value and what follows it.
    fn literal(text: &str) -> Option<(String, &str)> {
        let mut rest = text.strip_prefix('\'')?;
        let mut value = String::new();
        loop {
            let quote = rest.find('\'')?;
            let (before, after) = rest.split_at(quote);
            value.push_str(before);
            match after.strip_prefix("''") {
                Some(more) => {
                    value.push('\'');
                    rest = more;
                }
                None => return Some((value, after.strip_prefix('\'')?)),
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_its_literal(value in "[' a-z=()%+\u{0}\u{2019}]{0,40}") {
            let filter = Filter::ne(&name("A"), value.as_str()).to_string();
            let (read, rest) = literal(filter.strip_prefix("A ne ").unwrap()).unwrap();
            prop_assert_eq!(read, value);
            prop_assert_eq!(rest, "");
        }
    }
}
