//! The key of a submission: the header `Idempotency-Key` (draft 07 of the IETF) or `Operation-Id` (Azure's guidelines
//! for REST APIs).

use axum::http::{HeaderMap, HeaderName, StatusCode};
use job_api::ApiError;

use crate::jobs::Identity;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const OPERATION_ID: HeaderName = HeaderName::from_static("operation-id");

/// The longest `Idempotency-Key` in characters, quotation marks not counted.
const MAX_KEY: usize = 255;
/// The longest `Operation-Id` in characters: what every storage provider of Durable Functions can keep as an id.
const MAX_OPERATION_ID: usize = 100;

/// Reads the key of a request.
///
/// # Errors
/// 400 when a key is malformed or there twice, and when both headers are there: each would give the job another id.
pub(super) fn read(headers: &HeaderMap) -> Result<Identity, ApiError> {
    let key = only(headers, &IDEMPOTENCY_KEY).map_err(|()| invalid_key())?;
    let operation_id = only(headers, &OPERATION_ID).map_err(|()| invalid_operation_id())?;
    match (key, operation_id) {
        (None, None) => Ok(Identity::Random),
        (Some(_), Some(_)) => Err(bad_request(
            "TwoKeys",
            "Send either the header Idempotency-Key or the header Operation-Id, not both.",
        )),
        (Some(text), None) => {
            let key = idempotency_key(text).ok_or_else(invalid_key)?;
            Ok(Identity::IdempotencyKey(key))
        }
        (None, Some(text)) => {
            let id = Some(text).filter(|text| is_operation_id(text));
            let id = id.ok_or_else(invalid_operation_id)?;
            Ok(Identity::OperationId(id.to_owned()))
        }
    }
}

/// The value of a header that may be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

/// A string as RFC 8941 writes it, in quotation marks, or the same without them, as most clients send it. Both forms
/// of a text are the same key.
///
/// Parameters after a string are refused: the draft has none, and to ignore one could make two keys the same.
fn idempotency_key(text: &str) -> Option<String> {
    let key = match text.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None if text.chars().all(is_bare) => text.to_owned(),
        None => return None,
    };
    (1..=MAX_KEY).contains(&key.len()).then_some(key)
}

/// The text up to the closing quotation mark, which must be the last character.
fn quoted(rest: &str) -> Option<String> {
    let mut chars = rest.chars();
    let mut key = String::new();
    while let Some(next) = chars.next() {
        match next {
            '"' => return chars.as_str().is_empty().then_some(key),
            '\\' => key.push(chars.next().filter(|it| matches!(it, '"' | '\\'))?),
            ' '..='~' => key.push(next),
            _ => return None,
        }
    }
    None
}

/// Any visible ASCII character apart from those that mean something in a structured header.
fn is_bare(character: char) -> bool {
    character.is_ascii_graphic() && !matches!(character, '"' | '\\' | ',' | ';')
}

/// It stands in addresses and is the instance id: only what needs no escaping anywhere, and no `.` and `..`, which a
/// client takes for steps in a path.
fn is_operation_id(text: &str) -> bool {
    let allowed = |byte| u8::is_ascii_alphanumeric(&byte) || b"._~-".contains(&byte);
    (1..=MAX_OPERATION_ID).contains(&text.len())
        && text.bytes().all(allowed)
        && !matches!(text, "." | "..")
}

fn invalid_key() -> ApiError {
    bad_request(
        "InvalidIdempotencyKey",
        "The header Idempotency-Key must be one string of 1 to 255 ASCII characters, such as \
         \"8e03978e-40d5-43e8-bc93-6894a57f9324\".",
    )
}

fn invalid_operation_id() -> ApiError {
    bad_request(
        "InvalidOperationId",
        "The header Operation-Id must be 1 to 100 characters of A-Z, a-z, 0-9 and ._~-, and not . or ..",
    )
}

fn bad_request(code: &'static str, text: &'static str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    fn key(value: &str) -> Result<Identity, ApiError> {
        read(&headers(&[("idempotency-key", value)]))
    }

    #[test]
    fn a_key_is_the_same_with_and_without_quotation_marks() {
        for (value, expected) in [
            ("\"a-1\"", "a-1"),
            ("a-1", "a-1"),
            (" a-1 ", "a-1"),
            (r#""a \"b\" \\ c, d; e""#, r#"a "b" \ c, d; e"#),
            ("AbC+/==", "AbC+/=="),
            ("\" \"", " "),
        ] {
            let expected = Identity::IdempotencyKey(expected.to_owned());
            assert_eq!(key(value), Ok(expected), "{value}");
        }
        let longest = "k".repeat(255);
        assert!(key(&longest).is_ok());
        assert!(key(&format!("\"{longest}\"")).is_ok());
    }

    #[test]
    fn a_malformed_key_is_refused_with_the_name_of_its_header() {
        for value in [
            "",
            " ",
            "\"\"",
            "\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\";p=1",
            "\"a\", \"b\"",
            "a, b",
            "a b",
            "a;b",
            r#""a\b""#,
            r#""a\"#,
            "ä",
            "\"ä\"",
            "\"a\tb\"",
            &"k".repeat(256),
            &format!("\"{}\"", "k".repeat(256)),
        ] {
            assert_eq!(key(value), Err(invalid_key()), "{value}");
        }
        let twice = headers(&[("idempotency-key", "a"), ("idempotency-key", "a")]);
        assert_eq!(read(&twice), Err(invalid_key()));
    }

    #[test]
    fn an_operation_id_is_1_to_100_unreserved_characters() {
        let operation_id = |value: &str| read(&headers(&[("operation-id", value)]));
        for value in ["a", "...", "-", "AZaz09._~-", &"x".repeat(100)] {
            let expected = Identity::OperationId(value.to_owned());
            assert_eq!(operation_id(value), Ok(expected));
        }
        for value in [
            "",
            " ",
            ".",
            "..",
            "@counter@1",
            "a@b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a+b",
            "a%2Fb",
            "a b",
            "a'b",
            "\"a\"",
            "a,b",
            "a:b",
            "ä",
            &"x".repeat(101),
        ] {
            assert_eq!(operation_id(value), Err(invalid_operation_id()), "{value}");
        }
        let twice = headers(&[("operation-id", "a"), ("operation-id", "a")]);
        assert_eq!(read(&twice), Err(invalid_operation_id()));
    }

    #[test]
    fn both_headers_at_once_are_refused_and_none_is_a_random_id() {
        let both = headers(&[("idempotency-key", "a"), ("operation-id", "a")]);
        assert!(read(&both).is_err());
        assert_eq!(read(&headers(&[])), Ok(Identity::Random));
    }
}
