//! Where `functionTimeout` comes from, and what is made of the odd.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Reads with this host.json in the working directory.
fn with_file(file: &str, variables: &[(&str, &str)]) -> Result<Option<Duration>, Problem> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("host.json"), file).unwrap();
    read(&environment(variables), directory.path())
}

fn seconds(read: Result<Option<Duration>, Problem>) -> Option<u64> {
    read.unwrap().map(|timeout| timeout.as_secs())
}

#[test]
fn the_file_decides() {
    for (file, timeout) in [
        (
            r#"{"version":"2.0","functionTimeout":"00:10:00"}"#,
            Some(600),
        ),
        (r#"{"functionTimeout":"1.00:00:00"}"#, Some(86_400)),
        (r#"{"FUNCTIONTIMEOUT":"00:00:03"}"#, Some(3)),
        (r#"{"functionTimeout":"-1"}"#, None),
        (r#"{"functionTimeout":-1}"#, None),
        (r#"{"functionTimeout":null}"#, Some(1800)),
        (r#"{"functionTimeout":""}"#, Some(1800)),
        (r#"{"version":"2.0"}"#, Some(1800)),
        // Not the one at the top.
        (
            r#"{"extensions":{"functionTimeout":"00:00:03"}}"#,
            Some(1800),
        ),
    ] {
        assert_eq!(seconds(with_file(file, &[])), timeout, "{file}");
    }
}

#[test]
fn a_file_with_comments_trailing_commas_and_a_byte_order_mark_is_read() {
    let file = "\u{feff}{
        // the host is patient
        \"functionTimeout\": \"00:07:00\", /* minutes */
        \"functions\": [\"a\", \"b\",],
    }";
    assert_eq!(seconds(with_file(file, &[])), Some(420));
}

#[test]
fn the_default_is_half_an_hour_and_five_minutes_on_the_consumption_plan() {
    assert_eq!(seconds(with_file("{}", &[])), Some(1800));
    let sku = |sku| [("WEBSITE_SKU", sku)];
    assert_eq!(seconds(with_file("{}", &sku("Dynamic"))), Some(300));
    assert_eq!(seconds(with_file("{}", &sku("ElasticPremium"))), Some(1800));
    let none = tempfile::tempdir().unwrap();
    assert_eq!(seconds(read(&environment(&[]), none.path())), Some(1800));
}

#[test]
fn the_environment_overrides_the_file_in_any_case() {
    for name in [
        "AzureFunctionsJobHost__functionTimeout",
        "azurefunctionsjobhost__functiontimeout",
        "AzureFunctionsJobHost:functionTimeout",
    ] {
        let timeout = with_file(r#"{"functionTimeout":"00:10:00"}"#, &[(name, "00:00:20")]);
        assert_eq!(seconds(timeout), Some(20), "{name}");
    }
    let timeout = |value| {
        with_file(
            r#"{"functionTimeout":"00:10:00"}"#,
            &[("AzureFunctionsJobHost__functionTimeout", value)],
        )
    };
    assert_eq!(seconds(timeout("-1")), None);
    // As in .NET an empty setting is one: it unsets what the file says.
    assert_eq!(seconds(timeout("")), Some(1800));
}

#[test]
fn the_app_s_root_is_where_the_host_says() {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("host.json"),
        r#"{"functionTimeout":"00:00:09"}"#,
    )
    .unwrap();
    let variables = [("FUNCTIONS_APP_ROOT_PATH", root.path().to_str().unwrap())];
    let timeout = with_file(r#"{"functionTimeout":"00:00:03"}"#, &variables);
    assert_eq!(seconds(timeout), Some(9));
    // Started by hand.
    let timeout = with_file(
        r#"{"functionTimeout":"00:00:03"}"#,
        &[("FUNCTIONS_APP_ROOT_PATH", "")],
    );
    assert_eq!(seconds(timeout), Some(3));
}

#[test]
fn a_value_that_is_no_time_is_named_with_its_place_and_an_example() {
    for value in ["soon", "00:00:00", "00:00:00.5", "24:24:00", "-2", "true"] {
        let json = if value == "true" {
            value.to_owned()
        } else {
            format!("\"{value}\"")
        };
        let file = format!(r#"{{"functionTimeout":{json}}}"#);
        let problem = with_file(&file, &[]).unwrap_err().to_string();
        for part in [
            "functionTimeout in ",
            "host.json",
            "00:10:00",
            "-1 for no limit",
        ] {
            assert!(problem.contains(part), "{problem}");
        }
        let problem = with_file("{}", &[("AzureFunctionsJobHost__functionTimeout", value)]);
        let problem = problem.unwrap_err().to_string();
        let start = format!("AzureFunctionsJobHost__functionTimeout is `{value}`");
        assert!(problem.starts_with(&start), "{problem}");
    }
}

#[test]
fn a_file_that_is_no_json_object_is_named() {
    for (file, reason) in [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ("", "is not a JSON object"),
    ] {
        let problem = with_file(file, &[]).unwrap_err().to_string();
        assert!(
            problem.contains("host.json") && problem.contains(reason),
            "{problem}"
        );
    }
}

#[test]
fn what_cannot_be_read_costs_a_warning_and_not_the_start() {
    let wrong = |extra: (&str, &str)| {
        function_timeout(&environment(&[
            ("AzureFunctionsJobHost__functionTimeout", "soon"),
            extra,
        ]))
    };
    assert_eq!(wrong(("A", "b")), Some(DEFAULT));
    assert_eq!(wrong(("WEBSITE_SKU", "Dynamic")), Some(DEFAULT_DYNAMIC));
}
