//! The query of a request: names without case, several values per name.

use super::uri::decode_component;
use crate::json::JsonObject;

/// The parameters of a query in the order of their first appearance, each under the spelling of its
/// last one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query(Vec<(String, Vec<String>)>);

impl Query {
    /// Parses a query with or without its question mark.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let pairs = text.strip_prefix('?').unwrap_or(text).split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode_component(name), decode_component(value));
            let known = query
                .0
                .iter_mut()
                .find(|(known, _)| known.to_lowercase() == name.to_lowercase());
            match known {
                Some((known, values)) => {
                    *known = name;
                    values.push(value);
                }
                None => query.0.push((name, vec![value])),
            }
        }
        query
    }

    /// Whether there is a parameter of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Name and values, joined with commas: the form of `Data`.
    #[must_use]
    pub fn joined(&self) -> JsonObject {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.join(",")))
            .collect()
    }

    /// Name and last value: the form of `Metadata`.
    #[must_use]
    pub fn last(&self) -> JsonObject {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.last().cloned().unwrap_or_default()))
            .collect()
    }
}
