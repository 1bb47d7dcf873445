//! One binding of a `function.json`.

use crate::json::{Json, JsonObject};

/// The direction of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `in`, the default.
    In,
    /// `out`.
    Out,
    /// `inout`.
    InOut,
}

/// A binding; names of properties do not depend on case.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// `name`: the key in `Data` or `Outputs`.
    pub name: String,
    /// `type` as written.
    pub kind: String,
    /// `direction`.
    pub direction: Direction,
    properties: JsonObject,
}

impl Binding {
    pub(super) fn new(
        name: &str,
        kind: &str,
        direction: Direction,
        properties: JsonObject,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            direction,
            properties,
        }
    }

    /// Whether this is a trigger: a type that ends with "trigger", in any case.
    #[must_use]
    pub fn is_trigger(&self) -> bool {
        self.kind.to_lowercase().ends_with("trigger")
    }

    /// Whether the type is this one, in any case.
    #[must_use]
    pub fn is_type(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// Whether this is the durable client, under its new or its old name.
    #[must_use]
    pub fn is_durable_client(&self) -> bool {
        self.is_type("durableClient") || self.is_type("orchestrationClient")
    }

    /// Whether `dataType` is `binary`.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.text("dataType")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("binary"))
    }

    /// A property, its name in any case.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Json> {
        self.properties.get_ignoring_case(name)
    }

    /// A property that is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.property(name).and_then(Json::as_text)
    }
}
