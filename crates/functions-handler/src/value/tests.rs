//! The value rule against values written as the host writes them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn value(raw: &str) -> Value<'_> {
    Value::new("Data", "msg", raw)
}

/// A string as the host writes it: JSON text of the string, in a JSON string.
fn string_on_the_wire(text: &str) -> String {
    in_a_string(&json!(text).to_string())
}

fn in_a_string(json: &str) -> String {
    json!(json).to_string()
}

#[test]
fn text_without_escapes_is_borrowed_from_the_request() {
    let history = "CgxvbmUtYWN0aXZpdHkaGgj/+A==".repeat(1000);
    let raw = string_on_the_wire(&history);
    let text = value(&raw).text().unwrap().unwrap();
    assert!(matches!(text, Cow::Borrowed(_)));
    assert_eq!(text, history);
    assert_eq!(text.as_ptr(), raw[3..].as_ptr());
}

#[test]
fn every_kind_of_dotnet_value_reads_as_text() {
    for (raw, text) in [
        (r#""\"hello\"""#, Some("hello")),
        (r#""\"\"""#, Some("")),
        (r#""\"{\\\"id\\\":7}\"""#, Some(r#"{"id":7}"#)),
        (r#""\"\\\"Tokyo\\\"\"""#, Some(r#""Tokyo""#)),
        (r#""\"null\"""#, Some("null")),
        (r#""null""#, None),
        ("null", None),
        (r#""5""#, Some("5")),
        (r#""true""#, Some("true")),
        (r#""[\"a\",\"b\"]""#, Some(r#"["a","b"]"#)),
        (r#""2024-10-24T12:34:56""#, Some("2024-10-24T12:34:56")),
    ] {
        assert_eq!(value(raw).text().unwrap().as_deref(), text, "{raw}");
    }
}

#[test]
fn an_object_as_text_is_an_error_that_names_the_binding() {
    let error = value(r#"{"a":1}"#).text().unwrap_err();
    assert!(
        error.to_string().starts_with("Data.msg: expected text"),
        "{error}"
    );
    assert_eq!(error.name(), "msg");
}

#[test]
fn a_string_that_no_host_writes_is_an_error() {
    assert!(value(r#""\"abc\\\"""#).text().is_err());
    assert!(value(r#""\"abc""#).text().is_err());
}

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    id: u32,
}

#[test]
fn json_reads_objects_and_the_json_inside_strings() {
    assert_eq!(
        value(r#"{"id":7}"#).json::<Order>().unwrap(),
        Order { id: 7 }
    );
    assert_eq!(
        value(&string_on_the_wire(r#"{"id":7}"#))
            .json::<Order>()
            .unwrap(),
        Order { id: 7 }
    );
    assert_eq!(value(r#""[1,2]""#).json::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(value(r#""5""#).json::<u8>().unwrap(), 5);
    assert_eq!(value(r#""\"5\"""#).json::<u8>().unwrap(), 5);
    assert_eq!(value(r#""null""#).json::<Option<Order>>().unwrap(), None);
    assert_eq!(value(r#""\"hello\"""#).json::<String>().unwrap(), "hello");
    assert_eq!(
        value(r#""2024-10-24T12:34:56""#).json::<String>().unwrap(),
        "2024-10-24T12:34:56"
    );
}

#[test]
fn a_json_error_names_the_binding_and_what_was_expected() {
    let error = value(r#"{"id":"x"}"#)
        .json::<Order>()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("Data.msg: ") && error.contains("u32"),
        "{error}"
    );
    let error = value(&string_on_the_wire(r#"{"id":"x"}"#))
        .json::<Order>()
        .unwrap_err()
        .to_string();
    assert!(error.contains("u32"), "{error}");
    let error = value(&string_on_the_wire("no JSON"))
        .json::<Order>()
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected struct Order"), "{error}");
}

#[test]
fn bytes_are_base64_without_further_quotes() {
    assert_eq!(
        value(r#""SGVsbG8=""#).bytes().unwrap().as_deref(),
        Some(b"Hello".as_slice())
    );
    assert_eq!(
        value(r#""""#).bytes().unwrap().as_deref(),
        Some(b"".as_slice())
    );
    assert_eq!(value(r#""null""#).bytes().unwrap(), None);
    for raw in [r#""\"SGVsbG8=\"""#, r#""a b""#, "{}", "5"] {
        let error = value(raw).bytes().unwrap_err().to_string();
        assert!(error.starts_with("Data.msg: expected base64"), "{error}");
    }
}

#[test]
fn debug_shows_no_content() {
    assert_eq!(
        format!("{:?}", value(r#""\"code=KEY\"""#)),
        "Data.msg (14 bytes)"
    );
}

proptest! {
    #[test]
    fn any_text_survives_the_host_s_encoding(text in any::<String>()) {
        let raw = string_on_the_wire(&text);
        let decoded = value(&raw).text().unwrap();
        prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
        prop_assert_eq!(value(&raw).json::<String>().unwrap(), text);
    }

    #[test]
    fn text_that_the_host_escapes_differently_survives_too(text in any::<String>()) {
        // Every UTF-16 unit as \uXXXX, in both layers.
        let escape = |text: &str| {
            let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{units}\"")
        };
        let raw = escape(&escape(&text));
        let decoded = value(&raw).text().unwrap();
        prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn any_bytes_survive_the_host_s_encoding(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
        prop_assume!(bytes != [0x9e, 0xe9, 0x65]);
        let raw = json!(STANDARD.encode(&bytes)).to_string();
        prop_assert_eq!(value(&raw).bytes().unwrap(), Some(bytes));
    }

    #[test]
    fn any_array_survives_the_host_s_encoding(items in prop::collection::vec(any::<String>(), 0..5)) {
        let raw = in_a_string(&json!(items).to_string());
        prop_assert_eq!(value(&raw).json::<Vec<String>>().unwrap(), items);
    }

    #[test]
    fn no_json_text_makes_a_value_panic(text in any::<String>(), nested in any::<bool>()) {
        let raw = json!(text).to_string();
        let raw = if nested { in_a_string(&raw) } else { raw };
        let value = value(&raw);
        let _ = (value.text(), value.bytes(), value.json::<serde_json::Value>(), value.json::<Order>());
    }
}
