//! The filters that the app and its benchmark send: comparisons that are joined with `and`.
//!
//! Invariant: a filter that is not understood as a whole is refused, so that no part of one is ignored.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Ge,
    Gt,
    Le,
    Lt,
}

/// A value of a property, or one that it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Integer(i64),
    Boolean(bool),
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) property: String,
    operator: Operator,
    value: Literal,
}

/// A whole filter. An empty one lets all entities pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    partition: Vec<Comparison>,
    others: Vec<Comparison>,
}

impl Filter {
    /// `None` when the text is not of this kind.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut filter = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (comparison, after) = Comparison::parse(rest)?;
            let list = match comparison.property.as_str() {
                "PartitionKey" => &mut filter.partition,
                _ => &mut filter.others,
            };
            list.push(comparison);
            let after = after.trim_start();
            rest = match after {
                "" => "",
                joined => joined.strip_prefix("and ")?,
            };
        }
        Some(filter)
    }

    /// Whether the partition passes.
    pub(super) fn takes_partition(&self, key: &str) -> bool {
        let pass = |it: &Comparison| it.passes(Some(&Cell::Text(key)));
        self.partition.iter().all(pass)
    }

    /// Whether neither this partition nor any after it passes.
    pub(super) fn ends_before(&self, key: &str) -> bool {
        let is_upper = |it: &&Comparison| {
            matches!(it.operator, Operator::Le | Operator::Lt | Operator::Eq)
                && it.text().is_some_and(|end| key >= end)
        };
        let mut uppers = self.partition.iter().filter(is_upper);
        uppers.any(|it| !it.passes(Some(&Cell::Text(key))))
    }

    /// Where the partitions begin that can pass.
    pub(super) fn first_partition(&self) -> &str {
        let is_lower =
            |it: &&Comparison| matches!(it.operator, Operator::Ge | Operator::Gt | Operator::Eq);
        let lowers = self.partition.iter().filter(is_lower);
        lowers.filter_map(Comparison::text).max().unwrap_or("")
    }

    /// The bounds of the partition key as they stand in the filter: those from below, and those from above.
    pub(super) fn bounds(&self) -> (Option<String>, Option<String>) {
        let bound = |operators: &[Operator]| {
            let mut of_them = self
                .partition
                .iter()
                .filter(|it| operators.contains(&it.operator));
            of_them.find_map(|it| it.text().map(str::to_owned))
        };
        (
            bound(&[Operator::Ge, Operator::Gt, Operator::Eq]),
            bound(&[Operator::Le, Operator::Lt, Operator::Eq]),
        )
    }

    /// The comparisons of everything but the partition key.
    pub(super) fn others(&self) -> &[Comparison] {
        &self.others
    }

    /// Whether an entity of a partition that passes does, too.
    pub(super) fn takes(&self, entity: &Map<String, Json>) -> bool {
        let pass = |it: &Comparison| it.passes(cell(entity, &it.property).as_ref());
        self.others.iter().all(pass)
    }
}

fn cell<'a>(entity: &'a Map<String, Json>, property: &str) -> Option<Cell<'a>> {
    let kind = entity.get(&format!("{property}@odata.type"));
    match entity.get(property)? {
        Json::String(text) if kind.is_some_and(|it| it == "Edm.Int64") => {
            text.parse().ok().map(Cell::Integer)
        }
        Json::String(text) => Some(Cell::Text(text)),
        Json::Number(number) => number.as_i64().map(Cell::Integer),
        Json::Bool(truth) => Some(Cell::Boolean(*truth)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

impl Comparison {
    fn parse(text: &str) -> Option<(Self, &str)> {
        let (property, rest) = text.split_once(' ')?;
        let (operator, rest) = rest.trim_start().split_once(' ')?;
        let operator = match operator {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "ge" => Operator::Ge,
            "gt" => Operator::Gt,
            "le" => Operator::Le,
            "lt" => Operator::Lt,
            _ => return None,
        };
        let (value, rest) = Literal::parse(rest.trim_start())?;
        let property = property.to_owned();
        Some((
            Self {
                property,
                operator,
                value,
            },
            rest,
        ))
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Literal::Text(text) => Some(text),
            Literal::Integer(_) | Literal::Boolean(_) => None,
        }
    }

    /// An entity without the property, or with one of another type, passes no comparison, not even `ne`.
    pub(super) fn passes(&self, cell: Option<&Cell<'_>>) -> bool {
        let order = match (cell, &self.value) {
            (Some(Cell::Text(cell)), Literal::Text(value)) => (*cell).cmp(value.as_str()),
            (Some(Cell::Integer(cell)), Literal::Integer(value)) => cell.cmp(value),
            (Some(Cell::Boolean(cell)), Literal::Boolean(value)) => cell.cmp(value),
            _ => return false,
        };
        match self.operator {
            Operator::Eq => order == Ordering::Equal,
            Operator::Ne => order != Ordering::Equal,
            Operator::Ge => order != Ordering::Less,
            Operator::Gt => order == Ordering::Greater,
            Operator::Le => order != Ordering::Greater,
            Operator::Lt => order == Ordering::Less,
        }
    }
}

impl Literal {
    fn parse(text: &str) -> Option<(Self, &str)> {
        if let Some(mut rest) = text.strip_prefix('\'') {
            let mut value = String::new();
            loop {
                let (before, after) = rest.split_once('\'')?;
                value.push_str(before);
                match after.strip_prefix('\'') {
                    // A doubled quote stands for one.
                    Some(more) => {
                        value.push('\'');
                        rest = more;
                    }
                    None => return Some((Self::Text(value), after)),
                }
            }
        }
        let end = text.find(' ').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let value = match word {
            "true" => Self::Boolean(true),
            "false" => Self::Boolean(false),
            number => Self::Integer(number.strip_suffix('L').unwrap_or(number).parse().ok()?),
        };
        Some((value, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_takes_what_the_service_would() {
        let filter = Filter::parse(
            "PartitionKey ge '2021-01-01' and PartitionKey lt '2021-01-03' and CertNumber ne '' and N gt 5L",
        )
        .unwrap();
        assert_eq!(filter.first_partition(), "2021-01-01");
        assert!(filter.takes_partition("2021-01-02T10"));
        assert!(!filter.takes_partition("2021-01-03"));
        assert!(filter.ends_before("2021-01-03") && !filter.ends_before("2021-01-02z"));
        let takes = |entity: Json| filter.takes(entity.as_object().unwrap());
        assert!(takes(json!({ "CertNumber": "x", "N": 6 })));
        assert!(takes(
            json!({ "CertNumber": "x", "N": "9", "N@odata.type": "Edm.Int64" })
        ));
        assert!(!takes(json!({ "CertNumber": "", "N": 6 })));
        assert!(!takes(json!({ "N": 6 })));
        assert!(!takes(json!({ "CertNumber": null, "N": 6 })));
        assert!(!takes(json!({ "CertNumber": "x", "N": "9" })));
    }

    #[test]
    fn a_filter_that_is_not_understood_is_refused() {
        for text in ["A", "A eq", "A eq 'x", "A like 'x'", "A eq 'x' or A eq 'y'"] {
            assert!(Filter::parse(text).is_none(), "{text}");
        }
        let quoted = Filter::parse("RowKey eq 'it''s'").unwrap();
        assert!(quoted.takes(json!({ "RowKey": "it's" }).as_object().unwrap()));
    }
}
