//! The mistakes that are found in an app's folder.

use tempfile::TempDir;

use super::*;

use crate::routing::AuthLevel;

const HTTP: Kind = http(false);
const OTHER: Kind = Kind::Other { trigger_type: None };
const CLIENT: Kind = http(true);

const fn http(takes_durable_client: bool) -> Kind {
    Kind::Http {
        trigger: HttpTrigger {
            methods: None,
            route: None,
            auth_level: None,
        },
        takes_durable_client,
    }
}

fn activity() -> Kind {
    Kind::Other {
        trigger_type: Some("activityTrigger"),
    }
}

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
        .map(|(name, kind)| ((*name).to_owned(), kind.clone()))
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

const HTTP_TRIGGER: &str = r#"{"bindings":[{"type":"httpTrigger","name":"req"},
    {"type":"http","direction":"out","name":"res"}]}"#;
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
    let json =
        |kind: &str| format!(r#"{{"bindings":[{{"type":"{kind}","name":"inputTrigger"}}]}}"#);
    let root = app(&[("count/function.json", &json("orchestrationTrigger"))]);
    one(
        &said(&root, &[("count", activity())], &[]),
        &[
            "function `count`",
            "is `orchestrationTrigger`",
            r#"write "type": "activityTrigger""#,
            "`functions --write`",
        ],
    );
    let root = app(&[("count/function.json", &json("ActivityTrigger"))]);
    assert_eq!(said(&root, &[("count", activity())], &[]), [""; 0]);
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
            r#"write { "bindings": [ { "type": "httpTrigger", "direction": "in", "name": "req""#,
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
    let found = said(&root, &[("hello", HTTP)], &[]);
    one(
        &found[..1],
        &["`hello`", "is `queueTrigger`", r#""type": "httpTrigger""#],
    );
    one(
        &found[1..],
        &[r#"{"type": "http", "direction": "out", "name": "res"}"#],
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
        let json = format!(
            r#"{{"Bindings":[{{"Type":"httpTrigger"}},{{"type":"{kind}"}},
            {{"type":"http","DIRECTION":"Out","name":"res"}}]}}"#
        );
        let root = app(&[("start/function.json", &json)]);
        assert!(said(&root, &[("start", CLIENT)], &[]).is_empty(), "{kind}");
    }
    // The names of members have no case either.
    let root = app(&[(
        "start/function.json",
        r#"{"BINDINGS":[{"TYPE":"httpTrigger"},{"Type":"http","direction":"out","Name":"res"}]}"#,
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
    let http = HttpTrigger::default;
    assert_eq!(Kind::http::<(u8, String)>(http()), HTTP);
    // Not the crate's own type, whose path begins with the crate.
    assert_eq!(
        Kind::http::<(u8, durable_functions::client::DurableClient)>(http()),
        CLIENT
    );
}

/// The text of a folder made for this function.
fn made(kind: &Kind) -> String {
    let text = function_json::new(kind).unwrap();
    // What was written is never changed again.
    let again = function_json::mend(&text, kind).unwrap();
    assert_eq!((again.text, again.differences), (text.clone(), Vec::new()));
    text
}

fn routed() -> Kind {
    Kind::Http {
        trigger: HttpTrigger {
            methods: Some(vec![axum::http::Method::GET, axum::http::Method::POST]),
            route: Some("orders/{id?}".to_owned()),
            auth_level: None,
        },
        takes_durable_client: true,
    }
}

#[test]
fn a_new_file_has_what_the_registration_knows_and_the_key_of_the_function() {
    let expected = r#"{
  "bindings": [
    {
      "type": "httpTrigger",
      "direction": "in",
      "name": "req",
      "authLevel": "function",
      "methods": ["get", "post"],
      "route": "orders/{id?}"
    },
    {
      "type": "durableClient",
      "direction": "in",
      "name": "client"
    },
    {
      "type": "http",
      "direction": "out",
      "name": "res"
    }
  ]
}
"#;
    assert_eq!(made(&routed()), expected);
    let expected = r#"{
  "bindings": [
    {
      "type": "activityTrigger",
      "direction": "in",
      "name": "inputTrigger"
    }
  ]
}
"#;
    assert_eq!(made(&activity()), expected);
    assert!(!made(&HTTP).contains("methods"));
    assert_eq!(function_json::new(&OTHER), None);
}

#[test]
fn what_the_registration_does_not_know_stays_with_its_comments() {
    let before = r#"{
    // Ours.
    "retry": {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:01"},
    "Bindings": [
        // The queue is drained at night.
        {"type": "queue", "direction": "out", "name": "audit", "queueName": "audit"},
        {
            "Type": "HTTPTRIGGER", // old
            "authLevel": "anonymous",
            "methods": ["post", "GET"],
            "name": "request",
            "route": "order"
        },
        {"type": "http", "direction": "out", "name": "$return"},
    ],
}
"#;
    let mended = function_json::mend(before, &routed()).unwrap();
    let expected = r#"{
    // Ours.
    "retry": {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:01"},
    "Bindings": [
        // The queue is drained at night.
        {"type": "queue", "direction": "out", "name": "audit", "queueName": "audit"},
        {
            "Type": "HTTPTRIGGER", // old
            "authLevel": "anonymous",
            "methods": ["post", "GET"],
            "name": "request",
            "route": "orders/{id?}"
        },
        {"type": "http", "direction": "out", "name": "res"},
        {
            "type": "durableClient",
            "direction": "in",
            "name": "client",
        },
    ],
}
"#;
    assert_eq!(mended.text, expected);
    assert_eq!(mended.differences.len(), 3, "{:?}", mended.differences);
    let again = function_json::mend(expected, &routed()).unwrap();
    assert_eq!(again.differences, Vec::<String>::new());
}

/// One difference of this text, which is gone from the mended text.
fn mended(before: &str, kind: &Kind, word: &str) -> String {
    let mended = function_json::mend(before, kind).unwrap();
    one(&mended.differences, &[word]);
    let again = function_json::mend(&mended.text, kind).unwrap();
    assert_eq!(again.differences, Vec::<String>::new(), "{}", mended.text);
    mended.text
}

#[test]
fn the_trigger_of_an_activity_is_renamed_unless_another_binding_needs_its_name() {
    let file = |others: &str| {
        format!(r#"{{"bindings": [{{"type": "activityTrigger", "name": "order"}}{others}]}}"#)
    };
    let text = mended(&file(""), &activity(), r#""name": "orderTrigger""#);
    assert_eq!(text, file("").replace(r#""order""#, r#""orderTrigger""#));
    let blob = r#", {"type": "blob", "name": "page", "path": "pages/{order}"}"#;
    let kept = function_json::mend(&file(blob), &activity()).unwrap();
    assert_eq!(kept.differences, Vec::<String>::new());
    assert_eq!(kept.text, file(blob));
}

#[test]
fn a_return_binding_is_removed_where_it_hides_the_answer() {
    let before = r#"{"bindings": [{"type": "TRIGGER", "name": "t"}, {"type": "queue", "direction": "out", "name": "$return"}]}"#;
    for kind in ["orchestrationTrigger", "entityTrigger"] {
        let before = before.replace("TRIGGER", kind);
        let kind = Kind::Other {
            trigger_type: Some(kind),
        };
        assert!(!mended(&before, &kind, "remove the binding `$return`").contains("$return"));
    }
}

#[test]
fn an_auth_level_counts_only_when_the_registration_names_it() {
    let level = |auth_level| Kind::Http {
        trigger: HttpTrigger {
            auth_level,
            ..HttpTrigger::default()
        },
        takes_durable_client: false,
    };
    let file = made(&level(Some(AuthLevel::Anonymous)));
    assert!(file.contains(r#""authLevel": "anonymous""#), "{file}");
    assert!(
        function_json::mend(&file, &level(None))
            .unwrap()
            .differences
            .is_empty()
    );
    mended(
        &file,
        &level(Some(AuthLevel::Admin)),
        r#"write "authLevel": "admin""#,
    );
}

#[test]
fn a_wrong_direction_is_mended() {
    let file = made(&activity()).replace(r#""in""#, r#""out""#);
    mended(&file, &activity(), r#"write "direction": "in""#);
    let file = made(&HTTP).replace(r#""out""#, r#""in""#);
    mended(&file, &HTTP, r#"write "direction": "out""#);
}

#[test]
fn a_text_that_is_no_function_json_is_not_touched() {
    for text in ["", "[]", "{}", r#"{"bindings": {}}"#, "{", "\u{feff}"] {
        assert!(function_json::mend(text, &HTTP).is_err(), "{text}");
    }
    let marked = format!("\u{feff}{}", made(&activity()));
    let text = mended(
        &marked.replace("inputTrigger", "input"),
        &activity(),
        "name",
    );
    assert!(text.starts_with("\u{feff}{"));
}

#[test]
fn the_command_is_told_from_a_start_by_the_host() {
    let of = |arguments: &[&str]| Command::of(arguments.iter().map(Into::into));
    assert_eq!(of(&[]), None);
    assert_eq!(of(&["--functions"]), None);
    let (write, folder) = (false, None);
    assert_eq!(
        of(&["functions"]),
        Some(Command::Functions { write, folder })
    );
    let (write, folder) = (true, Some("apps/one".into()));
    let expected = Some(Command::Functions { write, folder });
    assert_eq!(of(&["functions", "--write", "apps/one"]), expected);
    assert_eq!(of(&["functions", "apps/one", "--write"]), expected);
    for wrong in ["--writes", "-h"] {
        assert_eq!(of(&["functions", wrong]), Some(Command::Wrong));
    }
}

/// Writes the files of an app with one activity, and gives what was left in its folder.
#[cfg(unix)]
fn write(root: &TempDir) -> (u8, Vec<String>) {
    let registered = [("charge".to_owned(), activity())].into();
    let command = Command::of(["functions".into(), "--write".into()]).unwrap();
    let code = command.run(root.path(), &registered, &mut Vec::new());
    let files = fs::read_dir(root.path().join("charge")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    (code, names.collect())
}

const UNNAMED: &str =
    r#"{"bindings": [{"type": "activityTrigger", "direction": "in", "name": "order"}]}"#;

#[cfg(unix)]
#[test]
fn a_file_is_replaced_in_one_step_also_behind_a_link() {
    let root = app(&[("shared.json", UNNAMED), ("charge/empty", "")]);
    let (link, target) = (
        root.path().join("charge/function.json"),
        root.path().join("shared.json"),
    );
    std::os::unix::fs::symlink(&target, &link).unwrap();
    // A text that was opened before stays what it was: the file is another one, and never half written.
    let mut opened = fs::File::open(&target).unwrap();
    let (code, mut files) = write(&root);
    files.sort();
    assert_eq!(code, 0);
    assert_eq!(files, ["empty", "function.json"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(
        fs::read_to_string(&target)
            .unwrap()
            .contains("orderTrigger")
    );
    assert_eq!(std::io::read_to_string(&mut opened).unwrap(), UNNAMED);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_read_only_is_not_replaced() {
    let root = app(&[("charge/function.json", UNNAMED)]);
    let file = root.path().join("charge/function.json");
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    let (code, files) = write(&root);
    assert_eq!(code, 1);
    assert_eq!(files, ["function.json"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), UNNAMED);
}
