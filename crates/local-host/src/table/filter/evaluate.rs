//! Whether an expression holds for an entity.

use super::expression::{Comparison, Expression, Operand};
use crate::table::entity::{Entity, Property};
use crate::table::moment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::cmp::Ordering;

pub(super) fn holds(expression: &Expression, entity: &Entity) -> bool {
    match expression {
        Expression::Not(inner) => !holds(inner, entity),
        Expression::And(parts) => parts.iter().all(|part| holds(part, entity)),
        Expression::Or(parts) => parts.iter().any(|part| holds(part, entity)),
        Expression::Truth(operand) => value(operand, entity) == Some(Property::Boolean(true)),
        Expression::Compare(left, comparison, right) => {
            match (value(left, entity), value(right, entity)) {
                (Some(left), Some(right)) => compare(&left, *comparison, &right),
                _ => false,
            }
        }
    }
}

fn value(operand: &Operand, entity: &Entity) -> Option<Property> {
    match operand {
        Operand::Name(name) => entity.get(name),
        Operand::Literal(value) => Some(value.clone()),
    }
}

fn compare(left: &Property, comparison: Comparison, right: &Property) -> bool {
    // Values of different types are not equal and have no order.
    let Some(order) = order(left, right) else {
        return comparison == Comparison::NotEqual;
    };
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
    }
}

fn order(left: &Property, right: &Property) -> Option<Ordering> {
    use Property::{Binary, Boolean, DateTime, Double, Guid, String};
    match (left, right) {
        (String(left), String(right)) | (Guid(left), Guid(right)) => Some(left.cmp(right)),
        (Binary(left), Binary(right)) => {
            let bytes = |text: &str| STANDARD.decode(text).ok();
            Some(bytes(left)?.cmp(&bytes(right)?))
        }
        (DateTime(left), DateTime(right)) => Some(moment::read(left)?.cmp(&moment::read(right)?)),
        (Boolean(left), Boolean(right)) => Some(left.cmp(right)),
        (Double(left), Double(right)) => left.partial_cmp(right),
        (Double(left), right) => left.partial_cmp(&float(integer(right)?)),
        (left, Double(right)) => float(integer(left)?).partial_cmp(right),
        (left, right) => Some(integer(left)?.cmp(&integer(right)?)),
    }
}

fn integer(value: &Property) -> Option<i64> {
    match value {
        Property::Int32(number) => Some(i64::from(*number)),
        Property::Int64(number) => Some(*number),
        _ => None,
    }
}

/// Precision beyond 2^53 is lost, as in every comparison of an integer with a double.
fn float(number: i64) -> f64 {
    number as f64
}
