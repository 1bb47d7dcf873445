use super::*;

#[test]
fn what_a_real_host_tolerates_is_read() {
    for text in [
        "\u{feff}{\"a\":'x',}",
        "// c\n{ /* c */ \"a\" : \"x\" , }",
        "{a:\"x\"}",
        "  {\"a\":\"x\"}  // end",
    ] {
        assert_eq!(parse_document(text).unwrap().to_compact(), r#"{"a":"x"}"#);
    }
    for (text, compact) in [
        ("[1,2,]", "[1,2]"),
        ("'a'", "\"a\""),
        ("\"a\u{1}\nb\"", r#""a\u0001\nb""#),
        (
            "[NaN,Infinity,-Infinity]",
            r#"["NaN","Infinity","-Infinity"]"#,
        ),
    ] {
        assert_eq!(parse_document(text).unwrap().to_compact(), compact);
    }
    assert_eq!(parse_prefix("{} trailing").unwrap().to_compact(), "{}");
}

#[test]
fn values_change_as_a_real_host_changes_them() {
    for (text, compact) in [
        (r#"{ "spaced" : [ 1 , 2 ] }"#, r#"{"spaced":[1,2]}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (
            r#"{"e":1e3,"tiny":1e-7,"long":3.141592653589793238462643}"#,
            r#"{"e":1000.0,"tiny":1E-07,"long":3.141592653589793}"#,
        ),
        (
            r#"{"when":"2024-01-02T03:04:05+02:00","z":"2024-01-02T03:04:05.1200000Z","plain":"2024-01-02T03:04:05"}"#,
            r#"{"when":"2024-01-02T01:04:05+00:00","z":"2024-01-02T03:04:05.12Z","plain":"2024-01-02T03:04:05"}"#,
        ),
        (r#""\ud800""#, "\"\u{fffd}\""),
        (r#""\u00e9\u4e2d\ud83d\ude00""#, "\"é中😀\""),
        (r#""<a href='x'>&amp;</a>""#, r#""<a href='x'>&amp;</a>""#),
    ] {
        assert_eq!(parse_document(text).unwrap().to_compact(), compact);
    }
}

#[test]
fn errors_name_the_place() {
    for (text, message) in [
        (
            "",
            "Error reading JToken from JsonReader. Path '', line 0, position 0.",
        ),
        (
            "not json",
            "Unexpected character encountered while parsing value: n. Path '', line 0, position 0.",
        ),
        (
            "{\"broken\":",
            "Unexpected end of content while loading JObject. Path 'broken', line 1, position 10.",
        ),
        (
            "{\"bindings\": [",
            "Unexpected end of content while loading JObject. Path 'bindings', line 1, position 14.",
        ),
        (
            "{\"a\": [\n1, {\"b\": ?}]}",
            "Unexpected character encountered while parsing value: ?. Path 'a[1].b', line 2, position 9.",
        ),
    ] {
        assert_eq!(parse_document(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "  ",
        "{",
        "[1",
        "[1 2]",
        "{\"a\"}",
        "{\"a\" 1}",
        "\"open",
        "{} x",
        "1 2",
        "nul",
        "01",
        "01x",
        "1.",
        "-",
        "\"\\q\"",
        "\"\\u12\"",
        "{,}",
        "/* open",
    ] {
        assert!(parse_document(text).is_err(), "{text:?}");
    }
}

#[test]
fn surrogates_are_joined_and_lone_ones_replaced() {
    assert_eq!(
        parse_document(r#""\ud83d\ude00 a\ud800b \ud800\u0041""#).unwrap(),
        Json::String("😀 a\u{fffd}b \u{fffd}A".to_owned())
    );
}

#[test]
fn nesting_is_limited() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_document(&nested(256)).is_ok());
    assert!(parse_document(&nested(257)).is_err());
    assert!(parse_payload(&nested(64)).is_ok());
    assert!(parse_payload(&nested(65)).is_err());
}
