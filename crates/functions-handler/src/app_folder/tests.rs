//! The mistakes that are found in an app's folder.

use tempfile::TempDir;

use super::*;

const HTTP: Kind = Kind::Http {
    takes_durable_client: false,
};
const OTHER: Kind = Kind::Other { trigger_type: None };
const CLIENT: Kind = Kind::Http {
    takes_durable_client: true,
};

/// A folder with these files.
fn app(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn said(root: &TempDir, registered: &[(&str, Kind)], variables: &[(&str, &str)]) -> Vec<String> {
    let root = ("FUNCTIONS_APP_ROOT_PATH", root.path().to_str().unwrap());
    let environment = variables
        .iter()
        .chain([&root])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let registered = registered
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), *kind))
        .collect();
    mistakes(&environment, &registered)
}

/// One mistake, with these words in it.
fn one(said: &[String], words: &[&str]) {
    assert_eq!(said.len(), 1, "{said:?}");
    for word in words {
        assert!(said[0].contains(word), "{word}: {said:?}");
    }
}

const HTTP_TRIGGER: &str = r#"{"bindings":[{"type":"httpTrigger","name":"req"}]}"#;
const QUEUE: &str = r#"{"bindings":[{"type":"queueTrigger","name":"order"}]}"#;

#[test]
fn folders_and_functions_that_agree_are_no_mistake() {
    let root = app(&[
        ("host.json", "{}"),
        ("hello/function.json", HTTP_TRIGGER),
        ("on-order/function.json", QUEUE),
        ("notes/readme.txt", ""),
        ("broken/function.json", "{"),
    ]);
    let registered = [("hello", HTTP), ("on-order", OTHER), ("broken", HTTP)];
    assert_eq!(said(&root, &registered, &[]), Vec::<String>::new());
}

#[test]
fn a_function_that_needs_another_trigger_is_named() {
    let activity = Kind::Other {
        trigger_type: Some("activityTrigger"),
    };
    let json = |kind: &str| format!(r#"{{"bindings":[{{"type":"{kind}","name":"input"}}]}}"#);
    let root = app(&[("count/function.json", &json("orchestrationTrigger"))]);
    one(
        &said(&root, &[("count", activity)], &[]),
        &["function `count`", "trigger `activityTrigger`", "has none"],
    );
    let root = app(&[("count/function.json", &json("ActivityTrigger"))]);
    assert_eq!(said(&root, &[("count", activity)], &[]), [""; 0]);
}

#[test]
fn a_folder_without_a_function_is_named() {
    let root = app(&[("hello/function.json", HTTP_TRIGGER)]);
    one(
        &said(&root, &[], &[]),
        &[
            "folder `hello`",
            "no function `hello`",
            "404",
            "register it",
        ],
    );
    one(
        &said(&root, &[("Hello", HTTP)], &[])[..1],
        &["folder `hello`", "`Hello` is", "letter by letter"],
    );
}

#[test]
fn a_function_without_a_folder_is_named_with_the_file_that_is_missing() {
    let root = app(&[("host.json", "{}"), ("hello/readme.txt", "")]);
    let file = Path::new("hello").join("function.json");
    one(
        &said(&root, &[("hello", HTTP)], &[]),
        &[
            "`hello` is registered",
            file.to_str().unwrap(),
            "never calls it",
        ],
    );
}

#[test]
fn folders_that_host_json_leaves_out_are_no_mistake() {
    let root = app(&[
        ("host.json", r#"{"functions":["Hello"]}"#),
        ("hello/function.json", HTTP_TRIGGER),
        ("other/function.json", QUEUE),
    ]);
    assert!(said(&root, &[("hello", HTTP)], &[]).is_empty());
    // The list is compared without case: the host loads `hello`.
    one(&said(&root, &[], &[]), &["folder `hello`"]);
    let all = [("AzureFunctionsJobHost__functions", "[]")];
    one(&said(&root, &[("hello", HTTP)], &all), &["folder `other`"]);
}

#[test]
fn a_handler_outside_of_an_app_s_folder_says_nothing() {
    let root = app(&[("readme.txt", "")]);
    assert!(said(&root, &[("hello", HTTP)], &[]).is_empty());
}

#[test]
fn an_http_function_without_an_http_trigger_is_named() {
    let root = app(&[("hello/function.json", QUEUE)]);
    one(
        &said(&root, &[("hello", HTTP)], &[]),
        &["`hello`", "HTTP function", "no httpTrigger"],
    );
}

#[test]
fn a_durable_client_without_its_binding_is_named_with_the_binding() {
    let root = app(&[("start/function.json", HTTP_TRIGGER)]);
    one(
        &said(&root, &[("start", CLIENT)], &[]),
        &[
            "`start`",
            "DurableClient",
            r#"{"type": "durableClient", "direction": "in""#,
        ],
    );
    for kind in ["durableClient", "DURABLECLIENT", "orchestrationClient"] {
        let json = format!(r#"{{"Bindings":[{{"Type":"httpTrigger"}},{{"type":"{kind}"}}]}}"#);
        let root = app(&[("start/function.json", &json)]);
        assert!(said(&root, &[("start", CLIENT)], &[]).is_empty(), "{kind}");
    }
    // The names of members have no case either.
    let root = app(&[(
        "start/function.json",
        r#"{"BINDINGS":[{"TYPE":"httpTrigger"}]}"#,
    )]);
    one(&said(&root, &[("start", CLIENT)], &[]), &["DurableClient"]);
}

#[test]
fn an_unknown_key_of_custom_handler_is_named_with_the_known_ones() {
    let root = app(&[(
        "host.json",
        r#"{"customHandler":{"Description":{"defaultExecutablePath":"h","arguments":["a"],
            "workingDir":{"a":1,"b":2}},"enableForwardingHttpRequest":false,"initialisationTimeout":"00:01:00"}}"#,
    )]);
    let found = said(&root, &[], &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("customHandler has the unknown key `initialisationTimeout`")
            && found[0].contains("initializationTimeout"),
        "{found:?}"
    );
    assert!(
        found[1].contains("customHandler.description has the unknown key `workingDir`")
            && found[1].contains("workingDirectory"),
        "{found:?}"
    );
}

#[test]
fn the_type_of_the_durable_client_is_found_among_the_arguments() {
    mod durable_functions {
        pub(super) mod client {
            pub(in super::super) struct DurableClient;
        }
    }
    assert_eq!(Kind::http::<(u8, String)>(), HTTP);
    // Not the crate's own type, whose path begins with the crate.
    assert_eq!(
        Kind::http::<(u8, durable_functions::client::DurableClient)>(),
        CLIENT
    );
}
