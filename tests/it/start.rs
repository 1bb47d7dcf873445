//! The handler binary at its start.

use std::process::{Command, Output};

fn start(settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_handler"))
        .env_clear()
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn a_missing_setting_stops_the_start_and_is_named_with_an_example() {
    let output = start(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "0")]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("AuditStorage: the setting is missing. Example: AuditStorage="),
        "{text}"
    );
}

#[test]
fn a_malformed_setting_stops_the_start_and_its_value_is_not_shown() {
    let output = start(&[
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "0"),
        (
            "AuditStorage",
            "AccountName=myaccount;AccountKey=c2VjcmV0!!",
        ),
        ("MaxSpanDays", "many"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("AuditStorage: AccountKey is not base64. Example:"),
        "{text}"
    );
    assert!(
        text.contains("MaxSpanDays: expected a number of days"),
        "{text}"
    );
    assert!(
        !text.contains("c2VjcmV0") && !text.contains("many"),
        "{text}"
    );
}

#[test]
fn without_a_host_the_handler_says_how_it_is_started() {
    let output = start(&[("AuditStorage", "UseDevelopmentStorage=true")]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("FUNCTIONS_CUSTOMHANDLER_PORT is not set"),
        "{text}"
    );
}

#[test]
fn a_query_timeout_above_the_function_timeout_is_said_at_the_start_with_both_names() {
    let start = |timeout| {
        let output = start(&[
            ("AuditStorage", "UseDevelopmentStorage=true"),
            ("AzureFunctionsJobHost__functionTimeout", timeout),
        ]);
        String::from_utf8(output.stdout).unwrap()
    };
    let text = start("00:05:00");
    let warning = text
        .lines()
        .find(|line| line.contains("QueryTimeoutSeconds"));
    assert!(
        warning.is_some_and(|line| line.contains("WARN") && line.contains("functionTimeout")),
        "{text}"
    );
    let text = start("00:10:00");
    assert!(!text.contains("QueryTimeoutSeconds"), "{text}");
}
