//! Members of host.json that have the wrong kind of value.
//!
//! A real host flattens the file and finds nothing under the expected key. It reports a missing handler, or
//! runs without the setting. Here the error names the member.

use crate::app_file::AppFile;
use crate::json::Json;

/// The kinds of value that a member may have, besides null.
#[derive(Clone, Copy)]
enum Kind {
    Object,
    /// A string, a number or a boolean.
    Scalar,
    /// An array of scalars, or one as text.
    List,
}

use Kind::{List, Object, Scalar};

const HANDLER: &str = r#"{"description": {"defaultExecutablePath": "handler"}}"#;
const DESCRIPTION: &str = r#"{"defaultExecutablePath": "handler"}"#;

/// Each member that local-host reads, with an example; outer ones first.
const MEMBERS: &[(&[&str], Kind, &str)] = &[
    (&["version"], Scalar, r#""2.0""#),
    (&["functionTimeout"], Scalar, r#""00:10:00""#),
    (&["functions"], List, r#"["submit"]"#),
    (
        &["extensionBundle"],
        Object,
        r#"{"id": "…", "version": "…"}"#,
    ),
    (&["customHandler"], Object, HANDLER),
    (
        &["customHandler", "initializationTimeout"],
        Scalar,
        r#""00:00:30""#,
    ),
    (
        &["customHandler", "enableForwardingHttpRequest"],
        Scalar,
        "false",
    ),
    (&["customHandler", "description"], Object, DESCRIPTION),
    (
        &["customHandler", "description", "defaultExecutablePath"],
        Scalar,
        r#""handler""#,
    ),
    (
        &["customHandler", "description", "workingDirectory"],
        Scalar,
        r#""app""#,
    ),
    (
        &["customHandler", "description", "workerDirectory"],
        Scalar,
        r#""app""#,
    ),
    (
        &["customHandler", "description", "defaultWorkerPath"],
        Scalar,
        r#""main.js""#,
    ),
    (
        &["customHandler", "description", "arguments"],
        List,
        r#"["--flag"]"#,
    ),
    (
        &["customHandler", "description", "workerArguments"],
        List,
        r#"["--flag"]"#,
    ),
    (
        &[
            "customHandler",
            "description",
            "useStdErrorStreamForErrorsOnly",
        ],
        Scalar,
        "true",
    ),
    (
        &["extensions"],
        Object,
        r#"{"http": {"routePrefix": "api"}}"#,
    ),
    (&["extensions", "http"], Object, r#"{"routePrefix": "api"}"#),
    (&["extensions", "http", "routePrefix"], Scalar, r#""api""#),
    (
        &["extensions", "http", "customHeaders"],
        Object,
        r#"{"X-Frame-Options": "DENY"}"#,
    ),
    (
        &["extensions", "durableTask"],
        Object,
        r#"{"hubName": "MyHub"}"#,
    ),
    (
        &["extensions", "durableTask", "hubName"],
        Scalar,
        r#""MyHub""#,
    ),
    (
        &["extensions", "durableTask", "defaultVersion"],
        Scalar,
        r#""1.0""#,
    ),
    (
        &["extensions", "durableTask", "storageProvider"],
        Object,
        r#"{"queueClientMessageEncoding": "Base64"}"#,
    ),
    (
        &[
            "extensions",
            "durableTask",
            "storageProvider",
            "queueClientMessageEncoding",
        ],
        Scalar,
        r#""Base64""#,
    ),
    (&["extensions", "queues"], Object, r#"{"batchSize": 16}"#),
    (&["extensions", "queues", "batchSize"], Scalar, "16"),
    (&["extensions", "queues", "newBatchThreshold"], Scalar, "8"),
    (
        &["extensions", "queues", "maxPollingInterval"],
        Scalar,
        r#""00:00:02""#,
    ),
    (
        &["extensions", "queues", "visibilityTimeout"],
        Scalar,
        r#""00:00:30""#,
    ),
    (&["extensions", "queues", "maxDequeueCount"], Scalar, "5"),
    (
        &["extensions", "queues", "messageEncoding"],
        Scalar,
        r#""base64""#,
    ),
];

/// # Errors
/// The first member with a value of the wrong kind, with its place and an example.
pub(super) fn check(file: &AppFile) -> anyhow::Result<()> {
    for (member, kind, example) in MEMBERS {
        let Some(value) = find(file.json(), member) else {
            continue;
        };
        let expected = match kind {
            _ if fits(value, *kind) => continue,
            Kind::Object => "an object",
            Kind::Scalar => "a single value",
            Kind::List => "an array (a real host ignores anything else)",
        };
        return Err(file.error(
            member,
            format!("expected {expected}, for example {example}"),
        ));
    }
    Ok(())
}

fn find<'a>(json: &'a Json, member: &[&str]) -> Option<&'a Json> {
    member
        .iter()
        .try_fold(json, |json, name| json.as_object()?.get_ignoring_case(name))
}

fn fits(value: &Json, kind: Kind) -> bool {
    let is_scalar = |value: &Json| !matches!(value, Json::Array(_) | Json::Object(_));
    match (kind, value) {
        (_, Json::Null) | (Kind::Object, Json::Object(_)) => true,
        (Kind::Scalar, value) => is_scalar(value),
        (Kind::List, Json::Array(items)) => items.iter().all(is_scalar),
        (Kind::List, value) => value
            .as_text()
            .is_some_and(|text| text.trim_start().starts_with('[')),
        (Kind::Object, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn check_text(text: &str) -> Result<(), String> {
        let file = AppFile::parse(Path::new("host.json"), text.to_owned()).unwrap();
        check(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn values_of_the_wrong_kind_are_named_with_their_place() {
        for (text, expected) in [
            (
                "{\"version\":\"2.0\",\n \"customHandler\": \"handler\"}",
                "host.json:2:19: customHandler: expected an object, for example {\"description\"",
            ),
            (
                r#"{"customHandler":{"description":"handler"}}"#,
                "host.json:1:33: customHandler.description: expected an object",
            ),
            (
                r#"{"CUSTOMHANDLER":{"description":{"defaultExecutablePath":["h"]}}}"#,
                "host.json:1:58: customHandler.description.defaultExecutablePath: expected a single value",
            ),
            (
                r#"{"customHandler":{"description":{"arguments":"a b"}}}"#,
                "host.json:1:46: customHandler.description.arguments: expected an array",
            ),
            (
                r#"{"functions":[{}]}"#,
                "host.json:1:14: functions: expected an array",
            ),
            (
                r#"{"extensions":[]}"#,
                "host.json:1:15: extensions: expected an object",
            ),
            (
                r#"{"extensions":{"http":{"routePrefix":{}}}}"#,
                "extensions.http.routePrefix",
            ),
            (r#"{"functionTimeout":["00:05:00"]}"#, "functionTimeout"),
        ] {
            let error = check_text(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn all_other_values_are_accepted() {
        for text in [
            "{}",
            r#"{"version":2.0,"functionTimeout":-1,"customHandler":null}"#,
            r#"{"customHandler":{"description":{"defaultExecutablePath":"h","arguments":["a",1]}}}"#,
            r#"{"customHandler":{"description":{"arguments":"[\"a\"]"}},"functions":[]}"#,
            r#"{"logging":"x","unknown":[{}]}"#,
        ] {
            assert_eq!(check_text(text), Ok(()), "{text}");
        }
    }
}
