//! Reads route parameters with serde. Invariant: every error names its parameter.

use std::collections::HashMap;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_path_to_error::Segment;

/// A route parameter is missing or cannot be read.
#[derive(Debug)]
pub(super) struct ParamsError {
    param: Option<String>,
    problem: Problem,
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

impl ParamsError {
    /// Whether the type is wrong, and not what the client sent: no request could be read into it.
    pub(super) fn is_of_the_type(&self) -> bool {
        matches!(self.problem, Problem::Type(_))
    }
}

/// Reads the parameters that are present.
pub(super) fn read<T: DeserializeOwned>(
    params: &HashMap<String, Option<String>>,
) -> Result<T, ParamsError> {
    let present: Vec<_> = params
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), Param(value.as_deref()?))))
        .collect();
    serde_path_to_error::deserialize(Params(&present)).map_err(|error| {
        let key = error.path().iter().find_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        let problem = error.into_inner();
        let param = match (&problem, present.as_slice()) {
            (Problem::Missing(name), _) => Some((*name).to_owned()),
            (Problem::Type(_), _) => key,
            (Problem::Other(_), [(name, _)]) => Some((*name).to_owned()),
            (Problem::Other(_), _) => key,
        };
        ParamsError { param, problem }
    })
}

/// serde's error, in the words of route parameters.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("missing")]
    Missing(&'static str),
    /// The type that is asked for can hold no route parameters.
    #[error("{0}")]
    Type(&'static str),
    #[error("{0}")]
    Other(String),
}

const NO_SEQUENCE: &str = "they have names and no order, so that no tuple and no sequence can hold them; use a struct \
                           with their names";
const NO_SINGLE_VALUE: &str =
    "there are several, so that no single value can hold them; use a struct with their names";
const TEXT_ONLY: &str = "it is one text, so that no tuple, sequence, map or struct can hold it; use a string or a number";

impl serde::de::Error for Problem {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::Other(problem.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// All parameters: a map, or the only one of them when a single value is asked for.
struct Params<'a>(&'a [(&'a str, Param<'a>)]);

impl<'a> Params<'a> {
    fn only(&self) -> Result<Param<'a>, Problem> {
        match self.0 {
            [(_, value)] => Ok(*value),
            [] => Err(Problem::custom("expected one, found none")),
            _ => Err(Problem::Type(NO_SINGLE_VALUE)),
        }
    }
}

/// Methods for what the type must not ask for.
macro_rules! refuse_types {
    ($why:ident; $($method:ident($($argument:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* _: V) -> Result<V::Value, Problem> {
            Err(Problem::Type($why))
        }
    )*};
}

macro_rules! forward_to_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Params<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(MapDeserializer::new(self.0.iter().copied()))
    }

    forward_to_only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.0.is_empty() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    refuse_types! { NO_SEQUENCE; deserialize_bytes() deserialize_byte_buf() deserialize_seq() deserialize_tuple(usize)
    deserialize_tuple_struct(&'static str, usize) }

    forward_to_deserialize_any! {
        unit_struct map struct identifier ignored_any
    }
}

/// The text of one parameter, parsed into what is asked for.
#[derive(Clone, Copy)]
struct Param<'a>(&'a str);

impl IntoDeserializer<'_, Problem> for Param<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parse {
    ($($method:ident $visit:ident $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Problem::custom(format!("`{}` is not {}", self.0, $expected))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Param<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_str(self.0)
    }

    parse! {
        deserialize_bool visit_bool "`true` or `false`";
        deserialize_i8 visit_i8 "an integer from -128 to 127";
        deserialize_i16 visit_i16 "an integer of 16 bits";
        deserialize_i32 visit_i32 "an integer of 32 bits";
        deserialize_i64 visit_i64 "an integer of 64 bits";
        deserialize_i128 visit_i128 "an integer of 128 bits";
        deserialize_u8 visit_u8 "an integer from 0 to 255";
        deserialize_u16 visit_u16 "a non-negative integer of 16 bits";
        deserialize_u32 visit_u32 "a non-negative integer of 32 bits";
        deserialize_u64 visit_u64 "a non-negative integer of 64 bits";
        deserialize_u128 visit_u128 "a non-negative integer of 128 bits";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
        deserialize_char visit_char "one character";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant by its name, which is without data.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let name_of_variant = IntoDeserializer::<Problem>::into_deserializer(self.0);
        name_of_variant.deserialize_enum(name, variants, visitor)
    }

    refuse_types! { TEXT_ONLY; deserialize_seq() deserialize_tuple(usize)
    deserialize_tuple_struct(&'static str, usize) deserialize_map()
    deserialize_struct(&'static str, &'static [&'static str]) }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn params(values: &[(&str, Option<&str>)]) -> HashMap<String, Option<String>> {
        let owned = |text: &str| text.to_owned();
        let values = values.iter();
        values
            .map(|(name, value)| (owned(name), value.map(owned)))
            .collect()
    }

    fn error<T: DeserializeOwned + fmt::Debug>(values: &[(&str, Option<&str>)]) -> String {
        read::<T>(&params(values)).unwrap_err().to_string()
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Query,
        Data(u8),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(i128);

    #[derive(Debug, Deserialize, PartialEq)]
    struct Route {
        kind: Kind,
        id: Option<Id>,
        #[serde(default)]
        text: String,
        ratio: Option<f64>,
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let route = params(&[
            ("kind", Some("query")),
            ("id", Some("-7")),
            ("text", Some("a%2Fb")),
            ("ratio", None),
            ("other", Some("x")),
        ]);
        let expected = Route {
            kind: Kind::Query,
            id: Some(Id(-7)),
            text: "a%2Fb".to_owned(),
            ratio: None,
        };
        assert_eq!(read::<Route>(&route).unwrap(), expected);

        let one = params(&[("id", Some("7")), ("absent", None)]);
        assert_eq!(read::<Id>(&one).unwrap(), Id(7));
        assert_eq!(read::<Option<u8>>(&one).unwrap(), Some(7));
        assert_eq!(read::<String>(&one).unwrap(), "7");
        let map = HashMap::from([("id".to_owned(), 7)]);
        assert_eq!(read::<HashMap<String, u64>>(&one).unwrap(), map);
        assert_eq!(read::<Option<u8>>(&params(&[])).unwrap(), None);
        read::<()>(&one).unwrap();
        let kind = params(&[("kind", Some("query"))]);
        assert_eq!(read::<Kind>(&kind).unwrap(), Kind::Query);
    }

    #[test]
    fn every_error_names_its_parameter() {
        let query = ("kind", Some("query"));
        for (found, expected) in [
            (
                error::<Route>(&[query, ("id", Some("x"))]),
                "Invalid route parameter `id`: `x` is not an integer of 128 bits.",
            ),
            (
                error::<Route>(&[query, ("ratio", Some("half"))]),
                "Invalid route parameter `ratio`: `half` is not a number.",
            ),
            (
                error::<Route>(&[("id", Some("1"))]),
                "Invalid route parameter `kind`: missing.",
            ),
            (
                error::<Route>(&[("kind", Some("x")), ("id", Some("1"))]),
                "Invalid route parameter `kind`: unknown variant `x`, expected `query` or `data`.",
            ),
            (
                error::<Route>(&[("kind", Some("data")), ("id", Some("1"))]),
                "Invalid route parameter `kind`: invalid type: unit variant, expected newtype variant.",
            ),
            (
                error::<Kind>(&[("kind", Some("data"))]),
                "Invalid route parameter `kind`: invalid type: unit variant, expected newtype variant.",
            ),
            (
                error::<u8>(&[("n", Some("256"))]),
                "Invalid route parameter `n`: `256` is not an integer from 0 to 255.",
            ),
            (
                error::<u8>(&[("a", Some("1")), ("b", Some("2"))]),
                "Invalid route parameters: there are several, so that no single value can hold them; use a struct with \
                 their names.",
            ),
            (
                error::<u8>(&[("a", None)]),
                "Invalid route parameters: expected one, found none.",
            ),
        ] {
            assert_eq!(found, expected);
        }
    }

    /// With any other answer the author of the function would look for the mistake in the request.
    #[test]
    fn a_type_that_can_hold_no_parameters_is_distinguished_from_a_bad_request() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code)] // Read by serde only.
        struct Pair(String, String);
        #[derive(Debug, Deserialize)]
        #[allow(dead_code)] // Read by serde only.
        struct Lists {
            a: Vec<u8>,
        }
        fn is_of_the_type<T: DeserializeOwned + fmt::Debug>() -> bool {
            let two = params(&[("a", Some("x")), ("b", Some("y"))]);
            read::<T>(&two).unwrap_err().is_of_the_type()
        }
        assert!(is_of_the_type::<(String, String)>());
        assert!(is_of_the_type::<Pair>());
        assert!(is_of_the_type::<Vec<String>>());
        assert!(is_of_the_type::<String>());
        assert!(is_of_the_type::<Lists>());
        assert!(is_of_the_type::<HashMap<String, (u8, u8)>>());
        assert!(!is_of_the_type::<HashMap<String, u8>>());
        assert!(!is_of_the_type::<Route>());
        assert_eq!(
            error::<Lists>(&[("a", Some("1")), ("b", Some("2"))]),
            "Invalid route parameter `a`: it is one text, so that no tuple, sequence, map or struct can hold it; use a \
             string or a number."
        );
    }
}
