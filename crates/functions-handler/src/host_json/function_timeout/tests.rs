//! Where `functionTimeout` comes from, and how unusual values are read.

use std::fs;
use std::path::Path;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Reads with this host.json in the app's folder.
fn with_file(file: &str, variables: &[(&str, &str)]) -> Result<Option<Duration>, HostJsonError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("host.json"), file).unwrap();
    in_folder(folder.path(), variables)
}

fn in_folder(folder: &Path, variables: &[(&str, &str)]) -> Result<Option<Duration>, HostJsonError> {
    let mut variables = variables.to_vec();
    variables.push(("FUNCTIONS_APP_ROOT_PATH", folder.to_str().unwrap()));
    read(&environment(&variables))
}

fn seconds(read: Result<Option<Duration>, HostJsonError>) -> Option<u64> {
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
        // .NET reads days, and four parts.
        (r#"{"functionTimeout":"7"}"#, Some(604_800)),
        (r#"{"functionTimeout":7}"#, Some(604_800)),
        (r#"{"functionTimeout":"1:02:03:04"}"#, Some(93_784)),
        (r#"{"functionTimeout":" 00:00:03 "}"#, Some(3)),
        (r#"{"functionTimeout":"-1.00:00:00"}"#, None),
        (r#"{"functionTimeout":" -1 "}"#, None),
        // The last counts, in whatever case.
        (
            r#"{"functionTimeout":"00:00:03","FunctionTimeout":"00:00:04"}"#,
            Some(4),
        ),
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
        // no limit
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
    let in_lower_case = [("website_sku", "dynamic")];
    assert_eq!(seconds(with_file("{}", &in_lower_case)), Some(300));
    assert_eq!(seconds(with_file("{}", &sku("ElasticPremium"))), Some(1800));
    assert_eq!(
        seconds(with_file("{}", &sku("FlexConsumption"))),
        Some(1800)
    );
    let none = tempfile::tempdir().unwrap();
    assert_eq!(seconds(in_folder(none.path(), &[])), Some(1800));
}

#[test]
fn the_consumption_plan_has_ten_minutes_at_most_and_no_unlimited_time() {
    let dynamic = |value: &str| {
        let file = format!(r#"{{"functionTimeout":"{value}"}}"#);
        with_file(&file, &[("WEBSITE_SKU", "Dynamic")])
    };
    assert_eq!(seconds(dynamic("00:10:00")), Some(600));
    assert_eq!(seconds(dynamic("")), Some(300));
    for value in ["00:10:01", "-1", "7", "00:00:00"] {
        let problem = dynamic(value).unwrap_err().to_string();
        assert!(problem.contains("Consumption plan"), "{problem}");
    }
    // Flex Consumption is not the Consumption plan.
    let flex = with_file(
        r#"{"functionTimeout":"01:00:00"}"#,
        &[("WEBSITE_SKU", "FlexConsumption")],
    );
    assert_eq!(seconds(flex), Some(3600));
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
    // As in .NET an empty setting is a setting: it removes the value of the file.
    assert_eq!(seconds(timeout("")), Some(1800));
}

/// Tests run in this crate's folder, which has no host.json, so the result is the default.
#[test]
fn without_a_setting_of_the_host_the_app_s_root_is_the_working_directory() {
    for variables in [&[][..], &[("FUNCTIONS_APP_ROOT_PATH", "")]] {
        assert_eq!(environment(variables).app_folder(), Path::new("."));
        assert_eq!(seconds(read(&environment(variables))), Some(1800));
    }
}

#[test]
fn a_value_that_is_no_time_is_named_with_its_place_and_an_example() {
    for value in [
        "soon",
        "00:00:00",
        "00:00:00.5",
        "24:24:00",
        "-2",
        "+5",
        "+00:00:05",
        " ",
        "--1",
        "True",
    ] {
        let json = match value {
            "True" => "true".to_owned(),
            _ => format!("\"{value}\""),
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
fn a_value_that_cannot_be_read_is_a_warning_and_the_default_is_taken() {
    let wrong = |extra: (&str, &str)| {
        function_timeout(&environment(&[
            ("AzureFunctionsJobHost__functionTimeout", "soon"),
            extra,
        ]))
    };
    assert_eq!(wrong(("A", "b")), Some(DEFAULT));
    assert_eq!(wrong(("WEBSITE_SKU", "Dynamic")), Some(DEFAULT_DYNAMIC));
}
