use serde_json::{Value, json};

use super::*;

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("x"), |inner, _| json!([inner]))
}

#[test]
fn an_output_nested_deeper_than_the_host_reads_is_refused_with_its_name() {
    assert!(Answer::new().output("queue", nested(64)).is_ok());
    let error = Answer::new().output("queue", nested(65)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Outputs.queue: the value is nested 65 levels deep, the host reads 64"
    );
    assert!(Answer::new().return_value(nested(100)).is_ok());
}

#[test]
fn brackets_in_strings_do_not_count_as_nesting() {
    let text = format!("\"{}", "[{".repeat(100));
    assert!(Answer::new().output("queue", [&text]).is_ok());
    assert_eq!(depth(&json!({ "a": text, "b": [1] }).to_string()), 2);
}

#[test]
fn nesting_is_the_deepest_level_and_not_the_number_of_brackets() {
    for (json, levels) in [
        (json!(1), 0),
        (json!("["), 0),
        (json!([]), 1),
        (json!([[1], [2], { "a": 3 }]), 2),
        (json!([[[1]], [2]]), 3),
        (json!([[1], [[2]]]), 3),
        (json!({ "a": {}, "b": { "c": {} } }), 3),
        // A bracket in a string closes nothing.
        (json!(["}]}]", [[1]]]), 3),
        (json!({ "}": "]", "b": [[1]] }), 3),
        // A backslash before a quote escapes it, unless it is escaped itself.
        (json!(["\"]", [[1]]]), 3),
        (json!(["\\", "[[", [1]]), 2),
        (json!(["\\\"[[", [1]]), 2),
    ] {
        assert_eq!(depth(&json.to_string()), levels, "{json}");
    }
}

#[test]
fn an_output_named_return_is_refused_because_the_host_ignores_it() {
    assert!(matches!(
        Answer::new().output("$return", 1),
        Err(AnswerError::ReturnIsNoOutput)
    ));
}

#[test]
fn a_value_that_is_no_json_is_refused_with_its_place() {
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    let error = Answer::new().return_value(map).unwrap_err();
    assert!(error.to_string().starts_with("ReturnValue:"), "{error}");
}

#[test]
fn a_second_value_for_an_output_replaces_the_first() {
    let answer = Answer::new()
        .output("a", 1)
        .unwrap()
        .output("b", 2)
        .unwrap()
        .output("a", 3)
        .unwrap();
    assert_eq!(
        serde_json::to_value(answer.outputs()).unwrap(),
        json!({ "a": 3, "b": 2 })
    );
}

#[test]
fn base64_is_told_from_other_text_as_dotnet_does() {
    for text in [
        "",
        "test",
        "1234",
        "order123",
        "true",
        "aGVsbG8=",
        "YQ==",
        "te st",
        "te\nst",
        "ab+/",
        "\r\ntest\t ",
        "AZaz",
        "09+/",
        "abc=",
        "ab==",
        "ab= =",
        "Zm9vYmFy",
    ] {
        assert!(looks_like_base64(&json!(text).to_string()), "{text}");
    }
    for text in [
        "hello",
        "a=bc",
        "a===",
        "tést",
        "ab-_",
        "{\"a\":1}",
        "te\"st",
        // The escapes of a quote and of a line feed end with letters of base64.
        "tes\"",
        "abc\u{8}",
        "ab\\n",
        "=",
        "a==",
        "====",
        "abcd====",
        "=abc",
        "abcde===",
    ] {
        assert!(!looks_like_base64(&json!(text).to_string()), "{text}");
    }
    for value in [
        json!(1234),
        json!(["test"]),
        json!({ "a": "test" }),
        json!(null),
    ] {
        assert!(!looks_like_base64(&value.to_string()), "{value}");
    }
}
