//! `$filter`: comparisons with `eq ne gt ge lt le`, joined by `and or not` and parentheses.
//!
//! A comparison with an absent property is false, whatever the operator, as in Azure.

mod evaluate;
mod expression;
mod lexer;
mod parser;
mod partitions;

use super::entity::Entity;
use expression::{Expression, FilterError};
pub(super) use partitions::Partitions;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter(Expression);

impl Filter {
    /// Parses a filter.
    ///
    /// # Errors [`FilterError`] with the first character that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text).map(Self)
    }

    /// Partitions outside of which no entity passes.
    #[must_use]
    pub(super) fn partitions(&self) -> Partitions {
        Partitions::of(&self.0)
    }

    /// Whether an entity passes.
    #[must_use]
    pub(super) fn matches(&self, entity: &Entity) -> bool {
        evaluate::holds(&self.0, entity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::entity::Property;

    fn entity() -> Entity {
        Entity {
            partition_key: "2021-01-02".to_owned(),
            row_key: "000001".to_owned(),
            timestamp: "2021-01-02T00:00:00Z".to_owned(),
            properties: vec![
                (
                    "CertNumber".to_owned(),
                    Property::String("O'Neil".to_owned()),
                ),
                ("Empty".to_owned(), Property::String(String::new())),
                ("amount".to_owned(), Property::Int32(5)),
                ("big".to_owned(), Property::Int64(5_000_000_000)),
                ("rate".to_owned(), Property::Double(1.5)),
                ("done".to_owned(), Property::Boolean(true)),
            ],
        }
    }

    fn matches(filter: &str) -> bool {
        Filter::parse(filter).unwrap().matches(&entity())
    }

    #[test]
    fn comparisons_hold() {
        for filter in [
            "PartitionKey ge '2021-01-01' and PartitionKey le '2021-01-31' and CertNumber ne ''",
            "CertNumber eq 'O''Neil'",
            "amount eq 5 and amount lt 6 and amount ge 5 and amount ne 4",
            "big gt 4999999999L",
            "amount lt 5.5 and rate eq 1.5",
            "done eq true and done",
            "not (amount eq 4)",
            "not amount eq 4",
            "5 eq amount",
            "Timestamp lt datetime'2022-01-01T00:00:00Z'",
            "amount eq 4 or amount eq 5 and done eq true",
            "(amount eq 4 or amount eq 5) and RowKey eq '000001'",
        ] {
            assert!(matches(filter), "{filter}");
        }
        for filter in [
            "CertNumber eq 'o''neil'",
            "Empty ne ''",
            "amount gt 5",
            "amount eq '5'",
            "done eq false",
            "not done",
            "(amount eq 5 or amount eq 4) and done eq false",
        ] {
            assert!(!matches(filter), "{filter}");
        }
    }

    #[test]
    fn a_comparison_with_an_absent_property_is_false() {
        for operator in ["eq", "ne", "gt", "ge", "lt", "le"] {
            assert!(!matches(&format!("absent {operator} ''")), "{operator}");
        }
        assert!(matches("not (absent eq '')"));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_the_place() {
        for (filter, at) in [
            ("", 0),
            ("a eq", 4),
            ("a eq 'x", 5),
            ("a == 1", 2),
            ("(a eq 1", 7),
            ("a eq 1 b eq 2", 7),
            ("a eq 1 and", 10),
            ("a eq 99999999999", 5),
            ("a eq null", 5),
            ("null ne a", 0),
            ("a eq datetime'nonsense'", 5),
            ("a eq datetime'2021-02-30'", 5),
            ("a eq guid'nonsense'", 5),
            ("a eq guid'c9da6455213d42c99a793e9149a57833'", 5),
            ("a eq X'f'", 5),
            ("a eq binary'zz'", 5),
        ] {
            let error = Filter::parse(filter).unwrap_err();
            assert_eq!(error.at, at, "{filter}: {error}");
        }
        let deep = "not ".repeat(10_000) + "a";
        assert!(Filter::parse(&deep).is_err());
    }

    #[test]
    fn a_chain_may_be_of_any_length() {
        for word in ["or", "and"] {
            let chain = vec!["amount eq 5"; 200_000].join(&format!(" {word} "));
            assert!(matches(&chain), "{word}");
        }
    }
}
