//! The parsed form of a filter.

use crate::table::entity::Property;

/// A filter that cannot be read, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("$filter, character {at}: {message}")]
pub(in crate::table) struct FilterError {
    pub(super) at: usize,
    pub(super) message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Not(Box<Expression>),
    /// A chain of any length is one expression. As a tree, its depth would be its length.
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Compare(Operand, Comparison, Operand),
    /// A property or literal that stands for itself.
    Truth(Operand),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Name(String),
    Literal(Property),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}
