//! The partitions that a filter can match, so that a query reads no others.
//!
//! Invariant: no entity outside of them passes the filter. Inside of them, the filter decides.

use super::expression::{Comparison, Expression, Operand};
use crate::table::entity::Property;

/// Partition keys from `start` on and below `end`. By default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::table) struct Partitions {
    pub(in crate::table) start: String,
    pub(in crate::table) end: Option<String>,
}

impl Partitions {
    /// Those of comparisons of the `PartitionKey` with a text that must all hold.
    pub(super) fn of(expression: &Expression) -> Self {
        let mut partitions = Self::default();
        partitions.narrow(expression);
        partitions
    }

    fn narrow(&mut self, expression: &Expression) {
        match expression {
            // As deep as the parser allows.
            Expression::And(parts) => parts.iter().for_each(|part| self.narrow(part)),
            Expression::Compare(
                Operand::Name(name),
                comparison,
                Operand::Literal(Property::String(key)),
            ) if name == "PartitionKey" => self.compare(*comparison, key),
            Expression::Compare(
                Operand::Literal(Property::String(key)),
                comparison,
                Operand::Name(name),
            ) if name == "PartitionKey" => self.compare(mirrored(*comparison), key),
            Expression::Compare(..)
            | Expression::Not(_)
            | Expression::Or(_)
            | Expression::Truth(_) => {}
        }
    }

    fn compare(&mut self, comparison: Comparison, key: &str) {
        match comparison {
            Comparison::Equal => {
                self.start_at(key.to_owned());
                self.end_below(after(key));
            }
            Comparison::NotEqual => {}
            Comparison::Greater => self.start_at(after(key)),
            Comparison::GreaterOrEqual => self.start_at(key.to_owned()),
            Comparison::Less => self.end_below(key.to_owned()),
            Comparison::LessOrEqual => self.end_below(after(key)),
        }
    }

    fn start_at(&mut self, key: String) {
        if key > self.start {
            self.start = key;
        }
    }

    fn end_below(&mut self, key: String) {
        if self.end.as_ref().is_none_or(|end| key < *end) {
            self.end = Some(key);
        }
    }
}

/// The first key after this one.
fn after(key: &str) -> String {
    format!("{key}\0")
}

/// The comparison with its sides exchanged.
fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal | Comparison::NotEqual => comparison,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use crate::table::entity::Entity;

    fn partitions(filter: &str) -> (String, Option<String>) {
        let partitions = Filter::parse(filter).unwrap().partitions();
        (partitions.start, partitions.end)
    }

    #[test]
    fn a_range_of_days_is_read_from_its_first_to_its_last() {
        for (filter, start, end) in [
            (
                "PartitionKey ge '2' and PartitionKey lt '3' and a ne ''",
                "2",
                Some("3"),
            ),
            (
                "PartitionKey ge '2' and PartitionKey le '3'",
                "2",
                Some("3\0"),
            ),
            (
                "PartitionKey gt '2' and PartitionKey eq '3'",
                "3",
                Some("3\0"),
            ),
            (
                "('2' le PartitionKey) and ('3' gt PartitionKey and a)",
                "2",
                Some("3"),
            ),
            ("PartitionKey gt '2'", "2\0", None),
            ("PartitionKey ge '2' and PartitionKey ge '1'", "2", None),
        ] {
            let expected = (start.to_owned(), end.map(str::to_owned));
            assert_eq!(partitions(filter), expected, "{filter}");
        }
        for filter in [
            "PartitionKey ge '2' or a",
            "not (PartitionKey ge '2')",
            "PartitionKey ne '2'",
            "PartitionKey ge 2",
            "RowKey ge '2' and partitionkey ge '2'",
        ] {
            assert_eq!(partitions(filter), (String::new(), None), "{filter}");
        }
    }

    #[test]
    fn no_entity_that_passes_is_outside() {
        let keys = ["", "1", "2", "2\0", "20", "3", "é"];
        let comparisons = keys.iter().flat_map(|key| {
            ["eq", "ne", "gt", "ge", "lt", "le"].map(|operator| {
                [
                    format!("PartitionKey {operator} '{key}'"),
                    format!("'{key}' {operator} PartitionKey"),
                ]
            })
        });
        let comparisons: Vec<_> = comparisons.flatten().collect();
        for left in &comparisons {
            for right in &comparisons {
                let filter = Filter::parse(&format!("{left} and {right}")).unwrap();
                let partitions = filter.partitions();
                for key in keys {
                    let entity = Entity {
                        partition_key: key.to_owned(),
                        row_key: String::new(),
                        timestamp: String::new(),
                        properties: Vec::new(),
                    };
                    let inside = *key >= *partitions.start
                        && partitions.end.as_ref().is_none_or(|end| key < end.as_str());
                    assert!(
                        inside || !filter.matches(&entity),
                        "{left} and {right}: {key}"
                    );
                }
            }
        }
    }
}
