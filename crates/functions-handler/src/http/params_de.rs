//! The serde deserializer behind [`Params`](super::Params). Every error names its parameter.

use std::collections::HashMap;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// A route parameter is missing or cannot be read.
#[derive(Debug)]
pub(super) struct ParamsError {
    param: Option<String>,
    problem: String,
}

impl ParamsError {
    fn named(mut self, param: &str) -> Self {
        self.param.get_or_insert_with(|| param.to_owned());
        self
    }
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            Some(param) => write!(f, "Invalid route parameter `{param}`: {}.", self.problem),
            None => write!(f, "Invalid route parameters: {}.", self.problem),
        }
    }
}

impl std::error::Error for ParamsError {}

impl serde::de::Error for ParamsError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self {
            param: None,
            problem: problem.to_string(),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            param: Some(field.to_owned()),
            problem: "missing".to_owned(),
        }
    }
}

/// All parameters that are present.
pub(super) struct ParamsDeserializer<'a> {
    present: Vec<(&'a str, &'a str)>,
}

impl<'a> ParamsDeserializer<'a> {
    pub(super) fn new(params: &'a HashMap<String, Option<String>>) -> Self {
        let present = params
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
            .collect();
        Self { present }
    }

    /// For a single value as target: the only parameter.
    fn only(&self) -> Result<ParamDeserializer<'a>, ParamsError> {
        match self.present.as_slice() {
            [(name, value)] => Ok(ParamDeserializer { name, value }),
            params => Err(ParamsError::custom(format!(
                "expected one, found {}",
                params.len()
            ))),
        }
    }
}

macro_rules! forward_to_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for ParamsDeserializer<'_> {
    type Error = ParamsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_map(Entries {
            rest: self.present.into_iter(),
            current: None,
        })
    }

    forward_to_only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        if self.present.is_empty() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParamsError> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Entries<'a> {
    rest: std::vec::IntoIter<(&'a str, &'a str)>,
    current: Option<(&'a str, &'a str)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ParamsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ParamsError> {
        self.current = self.rest.next();
        self.current
            .map(|(name, _)| {
                let name: StrDeserializer<'_, ParamsError> = name.into_deserializer();
                seed.deserialize(name)
            })
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ParamsError> {
        let (name, value) = self
            .current
            .take()
            .ok_or_else(|| ParamsError::custom("no value"))?;
        seed.deserialize(ParamDeserializer { name, value })
    }
}

/// One parameter.
struct ParamDeserializer<'a> {
    name: &'a str,
    value: &'a str,
}

macro_rules! parse {
    ($($method:ident $visit:ident $kind:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
            let value: $kind = self.value.parse().map_err(|_| {
                ParamsError::custom(format!("`{}` is not {}", self.value, $expected)).named(self.name)
            })?;
            visitor.$visit(value).map_err(|error: ParamsError| error.named(self.name))
        }
    )*};
}

impl<'de> Deserializer<'de> for ParamDeserializer<'_> {
    type Error = ParamsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor
            .visit_str(self.value)
            .map_err(|error: ParamsError| error.named(self.name))
    }

    parse! {
        deserialize_bool visit_bool bool, "`true` or `false`";
        deserialize_i8 visit_i8 i8, "an integer from -128 to 127";
        deserialize_i16 visit_i16 i16, "an integer of 16 bits";
        deserialize_i32 visit_i32 i32, "an integer of 32 bits";
        deserialize_i64 visit_i64 i64, "an integer of 64 bits";
        deserialize_i128 visit_i128 i128, "an integer of 128 bits";
        deserialize_u8 visit_u8 u8, "an integer from 0 to 255";
        deserialize_u16 visit_u16 u16, "a non-negative integer of 16 bits";
        deserialize_u32 visit_u32 u32, "a non-negative integer of 32 bits";
        deserialize_u64 visit_u64 u64, "a non-negative integer of 64 bits";
        deserialize_u128 visit_u128 u128, "a non-negative integer of 128 bits";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
        deserialize_char visit_char char, "one character";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParamsError> {
        let name = self.name;
        visitor
            .visit_enum(Variant(self.value))
            .map_err(|error: ParamsError| error.named(name))
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant without data, by name.
struct Variant<'a>(&'a str);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = ParamsError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), ParamsError> {
        let name: StrDeserializer<'_, ParamsError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = ParamsError;

    fn unit_variant(self) -> Result<(), ParamsError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, ParamsError> {
        Err(no_data())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ParamsError> {
        Err(no_data())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ParamsError> {
        Err(no_data())
    }
}

fn no_data() -> ParamsError {
    ParamsError::custom("a route parameter cannot hold a variant with data")
}
