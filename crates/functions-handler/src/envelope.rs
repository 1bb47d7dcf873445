//! The two JSON documents of an invocation: `{"Data","Metadata"}` in, `{"Outputs","Logs",
//! "ReturnValue"}` out. Both are read and written in one pass.

use std::borrow::Cow;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The largest body taken from the host or from a function, in bytes. A real host takes 100 MB
/// from a client, which base64 and JSON escapes enlarge; beyond this there is a mistake.
pub(crate) const MAX_BODY: usize = 256 << 20;

/// The request of the host, its values still JSON text.
#[derive(Deserialize)]
#[serde(expecting = "a JSON object with the members `Data` and `Metadata`")]
pub(crate) struct Request<'a> {
    #[serde(borrow, rename = "Data")]
    pub(crate) data: Members<'a>,
    // A real host always sends it; a person with curl need not.
    #[serde(borrow, default, rename = "Metadata")]
    pub(crate) metadata: Option<Unread<'a>>,
}

/// A JSON object whose members are not looked at: `Metadata` has one for each property of a client's
/// JSON body, millions if the client likes, and few functions ask for any.
pub(crate) struct Unread<'a>(pub(crate) &'a RawValue);

impl<'de: 'a, 'a> Deserialize<'de> for Unread<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?;
        if value.get().starts_with('{') {
            Ok(Self(value))
        } else {
            Err(D::Error::custom("`Metadata`: expected a JSON object"))
        }
    }
}

/// The value of a member of the object `json`; of a name that occurs twice the last counts, as
/// everywhere in JSON.
pub(crate) fn member<'a>(json: &'a str, name: &str) -> Option<&'a RawValue> {
    let [value] = members(json, &[name]);
    value
}

/// The same for several names.
pub(crate) fn members<'a, const N: usize>(
    json: &'a str,
    names: &[&str; N],
) -> [Option<&'a RawValue>; N] {
    struct Find<'n, const N: usize>(&'n [&'n str; N]);

    impl<'de, const N: usize> Visitor<'de> for Find<'_, N> {
        type Value = [Option<&'de RawValue>; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                let mut known = self.0.iter().zip(&mut found);
                match known.find(|(known, _)| **known == name) {
                    Some((_, value)) => *value = Some(map.next_value()?),
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(found)
        }
    }

    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_map(Find(names)).unwrap_or([None; N])
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a JSON object in the order of the document.
#[derive(Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// The answer to the host. All three members are always there: the host waits for ever on an
/// answer that is empty or null.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply<'a, O> {
    pub(crate) outputs: O,
    pub(crate) logs: &'a [String],
    pub(crate) return_value: Option<&'a RawValue>,
}

/// A JSON document as an answer to the host.
pub(crate) fn response(status: StatusCode, json: Vec<u8>) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, JSON)], json).into_response()
}
