//! The recorded cases: what a real host made of return values and activity inputs.

use super::{Dates, read};

fn convert(text: &str) -> String {
    read(text, Dates::Convert).expect("JSON").to_compact()
}

#[test]
fn return_values_change_as_a_real_host_changes_them() {
    let recorded = [
        (
            r#""2024-01-02T03:04:05.1200000Z""#,
            r#""2024-01-02T03:04:05.12Z""#,
        ),
        (r#""2024-01-02T03:04:05Z""#, r#""2024-01-02T03:04:05Z""#),
        (r#""2024-01-02T03:04:05""#, r#""2024-01-02T03:04:05""#),
        (
            r#""2024-01-02T03:04:05+02:00""#,
            r#""2024-01-02T01:04:05+00:00""#,
        ),
        (r#""2024-01-02""#, r#""2024-01-02""#),
        (
            r#""2024-01-02T03:04:05.123456789Z""#,
            r#""2024-01-02T03:04:05.123456789Z""#,
        ),
        (
            r#"{"when":"2024-01-02T03:04:05+02:00","z":"2024-01-02T03:04:05.1200000Z","plain":"2024-01-02T03:04:05"}"#,
            r#"{"when":"2024-01-02T01:04:05+00:00","z":"2024-01-02T03:04:05.12Z","plain":"2024-01-02T03:04:05"}"#,
        ),
        (
            r#"["2024-01-02T03:04:05.500Z"]"#,
            r#"["2024-01-02T03:04:05.5Z"]"#,
        ),
        (r#""/Date(1704164645000)/""#, r#""2024-01-02T03:04:05Z""#),
        ("12345678901234567890", "12345678901234567890"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        ("1.50", "1.5"),
        ("0.1", "0.1"),
        ("1e3", "1000.0"),
        (
            r#"{"e":1e3,"tiny":1e-7,"long":3.141592653589793238462643}"#,
            r#"{"e":1000.0,"tiny":1E-07,"long":3.141592653589793}"#,
        ),
        ("100.0", "100.0"),
        ("-0.0", "-0.0"),
        (r#""\ud800""#, "\"\u{fffd}\""),
        (
            r#""line\nbreak\ttab\u0000nul\u2028""#,
            r#""line\nbreak\ttab\u0000nul\u2028""#,
        ),
        (r#""\u00e9\u4e2d\ud83d\ude00""#, "\"é中😀\""),
        (r#""<a href='x'>&amp;</a>""#, r#""<a href='x'>&amp;</a>""#),
        ("NaN", r#""NaN""#),
        ("Infinity", r#""Infinity""#),
        (r#"{"x":NaN}"#, r#"{"x":"NaN"}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"b":1,"a":[]}"#, r#"{"b":1,"a":[]}"#),
        (r#"{ "spaced" : [ 1 , 2 ] }"#, r#"{"spaced":[1,2]}"#),
        (r#""00:01:00""#, r#""00:01:00""#),
        (r#""\"quoted\"""#, r#""\"quoted\"""#),
        (
            r#""d2f5a3a0-3c4e-4d5e-9a8b-0123456789ab""#,
            r#""d2f5a3a0-3c4e-4d5e-9a8b-0123456789ab""#,
        ),
    ];
    for (given, expected) in recorded {
        assert_eq!(convert(given), expected, "{given}");
    }
}

#[test]
fn strings_that_only_resemble_a_date_time_stay() {
    for text in [
        "2024-02-30T03:04:05Z",
        "2024-01-02 03:04:05Z",
        "2024-01-02T03:04:60Z",
        "2024-01-02T24:00:01Z",
        "2024-01-02T03:04:05.Z",
        "2024-01-02T03:04:05 Z",
        "0000-01-02T03:04:05Z",
        "0001-01-01T00:00:00+01:00",
        "/Date(x)/",
        "/Date(1704164645000",
        "2024-01-02T03:04:05Zé",
    ] {
        let quoted = format!("\"{text}\"");
        assert_eq!(convert(&quoted), quoted);
    }
}

#[test]
fn unusual_date_times_are_converted_too() {
    assert_eq!(
        convert(r#""2024-01-02T24:00:00Z""#),
        r#""2024-01-03T00:00:00Z""#
    );
    assert_eq!(
        convert(r#""2024-01-02T03:04:05-0130""#),
        r#""2024-01-02T04:34:05+00:00""#
    );
    assert_eq!(
        convert(r#""/Date(1704164645000+0200)/""#),
        r#""2024-01-02T03:04:05+00:00""#
    );
}

#[test]
fn doubles_are_written_like_net_doubles() {
    for (given, expected) in [
        ("1e14", "100000000000000.0"),
        ("1e15", "1E+15"),
        ("1.2345678901234568e17", "1.2345678901234568E+17"),
        ("0.0001", "0.0001"),
        ("0.00001", "1E-05"),
        ("-2.5E-8", "-2.5E-08"),
        ("1e400", "\"Infinity\""),
        ("-0", "0"),
    ] {
        assert_eq!(convert(given), expected);
    }
}

#[test]
fn inputs_keep_their_dates() {
    let text = r#"{"when":"2024-01-02T03:04:05.1200000+02:00","d":1.50}"#;
    assert_eq!(
        read(text, Dates::Keep).expect("JSON").to_compact(),
        r#"{"when":"2024-01-02T03:04:05.1200000+02:00","d":1.5}"#
    );
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        "  ",
        "not json",
        "{\"broken\":",
        "[1,]",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "01",
        "1.",
        "-",
        "\"\\x\"",
        "\"\\u12\"",
        "\"open",
        "\"a\u{1}\"",
        "1 2",
        "'a'",
    ] {
        assert!(read(text, Dates::Convert).is_err(), "{text:?}");
    }
    assert!(read(&"[".repeat(65), Dates::Keep).is_err());
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    assert!(read(&deep, Dates::Keep).is_ok());
}
