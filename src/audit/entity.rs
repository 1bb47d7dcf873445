//! One property of one entity, read tolerantly.
//!
//! The counted column may be absent (an emulator leaves it out), `null` (the service sends that for an entity without
//! it), a string, an Int32 (a JSON number) or an Int64 (a JSON string). Absent and `null` are no value. All else
//! counts by its text, so that the same number is one value whether it was stored as Int32, Int64 or String.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The text of the entity's column, borrowed from the entity where it has no escapes. `None` when it has no value.
///
/// # Errors
/// When the entity is not a JSON object, or the column holds an array or an object.
pub(super) fn value<'a>(
    entity: &'a RawValue,
    column: &str,
) -> Result<Option<Cow<'a, str>>, serde_json::Error> {
    serde_json::Deserializer::from_str(entity.get()).deserialize_map(EntityVisitor { column })
}

struct EntityVisitor<'c> {
    column: &'c str,
}

impl<'de> Visitor<'de> for EntityVisitor<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_column) = map.next_key_seed(NameIs(self.column))? {
            if is_column {
                found = map.next_value_seed(Scalar)?;
            } else {
                // Annotations such as `odata.etag` or `<column>@odata.type`.
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct NameIs<'c>(&'c str);

impl<'de> DeserializeSeed<'de> for NameIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a property")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, a boolean or null")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(truth.to_string())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entity: &str) -> Result<Option<String>, serde_json::Error> {
        let raw: Box<RawValue> = serde_json::from_str(entity).unwrap();
        value(&raw, "id").map(|found| found.map(Cow::into_owned))
    }

    #[test]
    fn an_absent_or_null_column_is_no_value() {
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(
            read(r#"{"ID":"other case","idx":1,"odata.etag":"x"}"#).unwrap(),
            None
        );
        assert_eq!(read(r#"{"id":null}"#).unwrap(), None);
    }

    #[test]
    fn the_same_number_is_one_value_in_every_type() {
        for entity in [
            r#"{"id":42}"#,
            r#"{"id":"42"}"#,
            r#"{"id@odata.type":"Edm.Int64","id":"42"}"#,
            r#"{"odata.etag":"W/\"x\"","id":"\u0034\u0032"}"#,
            r#"{"\u0069d":"42"}"#,
        ] {
            assert_eq!(read(entity).unwrap().as_deref(), Some("42"), "{entity}");
        }
        assert_eq!(read(r#"{"id":-7}"#).unwrap().as_deref(), Some("-7"));
        assert_eq!(read(r#"{"id":1.5}"#).unwrap().as_deref(), Some("1.5"));
        assert_eq!(read(r#"{"id":true}"#).unwrap().as_deref(), Some("true"));
    }

    #[test]
    fn strings_are_kept_exactly() {
        assert_eq!(read(r#"{"id":""}"#).unwrap().as_deref(), Some(""));
        assert_eq!(read(r#"{"id":" 042 "}"#).unwrap().as_deref(), Some(" 042 "));
        assert_eq!(
            read(r#"{"id":"O'Brien \"é\" \ud83d\ude00"}"#)
                .unwrap()
                .as_deref(),
            Some("O'Brien \"é\" 😀")
        );
    }

    #[test]
    fn what_no_table_sends_is_an_error() {
        for entity in [r#"{"id":[]}"#, r#"{"id":{}}"#, "[]", "1", "null"] {
            assert!(read(entity).is_err(), "{entity}");
        }
    }

    #[test]
    fn a_plain_string_is_borrowed() {
        let raw: Box<RawValue> = serde_json::from_str(r#"{"id":"plain"}"#).unwrap();
        assert!(matches!(
            value(&raw, "id").unwrap(),
            Some(Cow::Borrowed("plain"))
        ));
    }
}
