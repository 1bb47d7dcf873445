//! Reading a JSON text of the host into a type of users.
//!
//! Adds one rule to serde's: `()` accepts whatever was sent, without reading it. An orchestration that
//! waits for an event and ignores its payload must not fail because the sender sent one. Untyped waits
//! of the other SDKs do not fail either.

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_json::de::{Read, SliceRead};

/// Reads a whole text.
///
/// # Errors
/// What serde_json says, when the text is not a `T`; never for `()`.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    // Unit takes no memory. Types that do are read directly, or every task would pay for the wrapper.
    if size_of::<T>() > 0 {
        return serde_json::from_slice(text);
    }
    let mut json = serde_json::Deserializer::new(SliceRead::new(text));
    let mut unread = false;
    let value = T::deserialize(Payload {
        json: &mut json,
        unread: &mut unread,
    })?;
    if !unread {
        json.end()?;
    }
    Ok(value)
}

/// Forwards everything except a request for a unit. Serde has a method of its own for that, so the rule
/// works without knowing the type, and costs nothing for other types.
struct Payload<'a, R> {
    json: &'a mut serde_json::Deserializer<R>,
    unread: &'a mut bool,
}

macro_rules! pass_on {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
                self.json.$method(visitor)
            }
        )*
    };
}

impl<'de, R: Read<'de>> Deserializer<'de> for Payload<'_, R> {
    type Error = serde_json::Error;

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        *self.unread = true;
        visitor.visit_unit()
    }

    pass_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_seq deserialize_map deserialize_identifier
        deserialize_ignored_any
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_newtype_struct(name, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_tuple_struct(name, length, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_struct(name, fields, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_enum(name, variants, visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn unit_takes_whatever_was_sent() {
        for text in [
            "null",
            "1",
            r#"{"a":[1,2]}"#,
            r#""x""#,
            "",
            "no JSON at all",
        ] {
            read::<()>(text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn every_other_type_is_read_as_serde_json_reads_it() {
        #[derive(Deserialize, PartialEq, Debug)]
        enum Size {
            Small,
            Exact(u8),
        }
        #[derive(Deserialize, PartialEq, Debug)]
        struct Order {
            size: Size,
            note: Option<String>,
        }
        assert_eq!(
            read::<Order>(br#"{"size":{"Exact":3},"note":null}"#).unwrap(),
            Order {
                size: Size::Exact(3),
                note: None
            }
        );
        assert_eq!(read::<Size>(br#""Small""#).unwrap(), Size::Small);
        assert_eq!(read::<(u8, char)>(br#"[1,"x"]"#).unwrap(), (1, 'x'));
        assert_eq!(read::<Option<u8>>(b"null").unwrap(), None);
        assert_eq!(read::<f64>(b"1.5").unwrap(), 1.5);
        assert_eq!(read::<Value>(b" {\"a\":[1]} ").unwrap(), json!({"a": [1]}));
        assert_eq!(read::<Box<RawValue>>(b"1.50").unwrap().get(), "1.50");
    }

    #[test]
    fn a_text_that_goes_on_behind_its_value_is_refused() {
        assert!(read::<u8>(b"1 2").is_err());
        assert!(read::<u8>(b"").is_err());
        assert!(read::<Option<()>>(b"1 2").is_err());
    }
}
