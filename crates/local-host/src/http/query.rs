//! The query of a request: names without case, several values per name.

use super::uri::decode_component;
use crate::json::JsonObject;
use indexmap::IndexMap;

/// The parameters of a query in the order of their first appearance, each under the spelling of its
/// last one. The key is the name in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query(IndexMap<String, Parameter>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Parameter {
    name: String,
    values: Vec<String>,
}

impl Query {
    /// Parses a query with or without its question mark.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let pairs = text.strip_prefix('?').unwrap_or(text).split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode_component(name), decode_component(value));
            let parameter = query.0.entry(name.to_lowercase()).or_default();
            parameter.name = name;
            parameter.values.push(value);
        }
        query
    }

    /// Whether there is a parameter of this name.
    #[must_use]
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }

    /// The values of a parameter, in order.
    #[must_use]
    pub(crate) fn values(&self, name: &str) -> &[String] {
        let parameter = self.0.get(&name.to_lowercase());
        parameter.map_or(&[], |parameter| &parameter.values)
    }

    /// The last value of a parameter.
    #[must_use]
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().map(String::as_str)
    }

    /// Name and values, joined with commas: the form of `Data`.
    #[must_use]
    pub(crate) fn joined(&self) -> JsonObject {
        self.0
            .values()
            .map(|parameter| (parameter.name.as_str(), parameter.values.join(",")))
            .collect()
    }

    /// Name and last value: the form of `Metadata`.
    #[must_use]
    pub(crate) fn last(&self) -> JsonObject {
        self.0
            .values()
            .map(|parameter| {
                let last = parameter.values.last().cloned();
                (parameter.name.as_str(), last.unwrap_or_default())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn names_are_equal_in_any_case_and_the_last_spelling_counts() {
        let query = Query::parse("?a=1&b=2&A=3&É=4&é=5&&c");
        let compact = |object| Json::Object(object).to_compact();
        assert_eq!(
            compact(query.joined()),
            r#"{"A":"1,3","b":"2","é":"4,5","c":""}"#
        );
        assert_eq!(compact(query.last()), r#"{"A":"3","b":"2","é":"5","c":""}"#);
        assert!(query.contains("a") && query.contains("É") && !query.contains("d"));
    }

    /// Comparing every name with every other would take hours for this number.
    #[test]
    fn the_time_for_a_query_grows_with_its_length_only() {
        const COUNT: usize = 200_000;
        let text: Vec<String> = (0..COUNT).map(|n| format!("p{n}=1")).collect();
        let query = Query::parse(&text.join("&"));
        assert_eq!(query.last().iter().count(), COUNT);
    }
}
