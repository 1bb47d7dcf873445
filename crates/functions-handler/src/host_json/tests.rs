//! The file, flattened.

use super::*;

fn parse(text: &str) -> HostJson {
    HostJson::parse(Path::new("host.json"), text).unwrap()
}

#[test]
fn values_are_found_by_their_path_in_any_case() {
    let json = parse(
        r#"{"a":{"B":["x",2,true,null,{"c":1.50}],"empty":{}},"when":"2024-10-24T12:00:00.120Z"}"#,
    );
    for (key, value) in [
        ("a:b:0", "x"),
        ("A:B:1", "2"),
        ("a:b:2", "True"),
        ("a:b:3", ""),
        ("a:b:4:C", "1.50"),
        ("when", "2024-10-24T12:00:00.120Z"),
    ] {
        assert_eq!(json.get(key), Some(value), "{key}");
    }
    assert_eq!(json.get("a"), None);
    assert!(json.has("a") && json.has("A:b") && !json.has("a:empty") && !json.has("whe"));
    assert_eq!(
        json.children("a:b"),
        [("0", "x"), ("1", "2"), ("2", "True"), ("3", "")]
    );
    // By number: the text "10" is less than "2".
    let digits: Vec<_> = (0..12).map(|digit| digit.to_string()).collect();
    let json = parse(&format!(r#"{{"digits":[{}]}}"#, digits.join(",")));
    assert_eq!(json.list("digits").unwrap(), digits);
}

#[test]
fn what_the_host_s_json_library_reads_is_read() {
    let json = parse("\u{feff}{ // c\n 'a': 'x', b: NaN, /* c */ \"c\": [1, 2,], }");
    assert_eq!(json.get("a"), Some("x"));
    assert_eq!(json.get("b"), Some("NaN"));
    assert_eq!(json.list("c").unwrap(), ["1", "2"]);
    for text in [
        "{\"a\":1 \"b\":2}",
        "{\"a\":+1}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":1",
    ] {
        assert!(
            matches!(
                HostJson::parse(Path::new("host.json"), text),
                Err(HostJsonError::Json { .. })
            ),
            "{text}"
        );
    }
}

#[test]
fn variables_replace_values_and_lists_as_a_whole() {
    let mut json = parse(r#"{"a":{"b":"x","list":["1","2"]},"functions":["f"]}"#);
    json.override_from([
        ("AzureFunctionsJobHost__a__b", "y"),
        ("AZUREFUNCTIONSJOBHOST__A__LIST", " [\"3\"]"),
        ("AzureFunctionsJobHost:c", "z"),
        ("OtherPrefix__a__b", "no"),
        ("AzureFunctionsJobHost", "no"),
    ]);
    assert_eq!(json.get("a:b"), Some("y"));
    assert_eq!(json.get("c"), Some("z"));
    assert_eq!(json.list("a:list").unwrap(), ["3"]);
    assert_eq!(json.list("functions").unwrap(), ["f"]);
    assert!(json.list("none").unwrap().is_empty());
    json.override_from([("AzureFunctionsJobHost__a__list", "[1")]);
    assert_eq!(
        json.list("a:list").unwrap_err().to_string(),
        "AzureFunctionsJobHost__a__list is `[1`, expected a JSON array such as [\"a\", \"b\"]"
    );
}

#[test]
fn a_value_that_is_not_a_time_span_is_named_with_its_place() {
    let json = parse(
        r#"{"customHandler":{"initializationTimeout":"soon","other":"00:00:07","empty":""}}"#,
    );
    assert_eq!(
        json.time_span("customhandler:initializationtimeout")
            .unwrap_err()
            .to_string(),
        "customHandler.initializationTimeout in host.json is `soon`, expected a time span such as \
         \"00:00:30\" (hours, minutes, seconds)"
    );
    let read = json.time_span("customHandler:other").unwrap();
    assert_eq!(read, Some(Duration::from_secs(7)));
    for absent in ["customHandler:none", "customHandler:empty"] {
        assert_eq!(json.time_span(absent).unwrap(), None, "{absent}");
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    let text = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(HostJson::parse(Path::new("host.json"), &text).is_err());
}
