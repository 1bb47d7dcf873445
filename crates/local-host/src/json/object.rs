//! JSON objects that keep the order of their members.

use super::Json;
use indexmap::IndexMap;

/// An object: members in the order in which they were first set, names unique.
#[derive(Clone, Debug, Default, PartialEq)]
// In a box: a map is three times as large as the other variants of `Json`.
pub struct JsonObject(Box<IndexMap<String, Json>>);

impl JsonObject {
    /// An empty object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member. An equal name (case counts) keeps its place and gets the new value.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        self.0.insert(name.into(), value.into());
    }

    /// The member with exactly this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// The member of this name in any case; of several the last, as .NET binds them.
    #[must_use]
    pub fn get_ignoring_case(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Removes the member that [`Self::get_ignoring_case`] finds.
    pub fn take_ignoring_case(&mut self, name: &str) -> Option<Json> {
        let at = self
            .0
            .keys()
            .rposition(|known| known.eq_ignore_ascii_case(name))?;
        self.0.shift_remove_index(at).map(|(_, value)| value)
    }

    /// Removes the first member if it has exactly this name.
    pub fn remove_first(&mut self, name: &str) {
        if self.0.first().is_some_and(|(known, _)| known == name) {
            self.0.shift_remove_index(0);
        }
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same members with other values.
    pub(super) fn map(self, change: impl Fn(Json) -> Json) -> Self {
        self.0
            .into_iter()
            .map(|(name, value)| (name, change(value)))
            .collect()
    }
}

impl<N: Into<String>, V: Into<Json>> FromIterator<(N, V)> for JsonObject {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(members: I) -> Self {
        let members = members.into_iter();
        let members = members.map(|(name, value)| (name.into(), value.into()));
        Self(Box::new(members.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_document;

    #[test]
    fn members_keep_their_order_and_the_last_of_equal_names_wins() {
        let json = parse_document(r#"{"z":1,"a":2,"z":3}"#).unwrap();
        assert_eq!(json.to_compact(), r#"{"z":3,"a":2}"#);
    }
}
