//! The files that the host and Core Tools read agree with the functions of the handler.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use function_app::settings::Settings;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> Value {
    serde_json::from_slice(&fs::read(root().join(file)).unwrap()).unwrap()
}

/// Every function folder and its bindings.
fn folders() -> BTreeMap<String, Vec<Value>> {
    fs::read_dir(root())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let file = root().join(&name).join("function.json");
            file.exists().then(|| {
                let bindings = read(&format!("{name}/function.json"))["bindings"]
                    .as_array()
                    .unwrap()
                    .clone();
                (name, bindings)
            })
        })
        .collect()
}

fn local_settings() -> BTreeMap<String, String> {
    serde_json::from_value(read("local.settings.json")["Values"].clone()).unwrap()
}

#[test]
fn every_folder_is_a_registered_function_and_the_other_way_round() {
    let settings = local_settings();
    let settings = Settings::read(|name| settings.get(name).cloned()).unwrap();
    let app = format!("{:?}", function_app::app(settings).unwrap());
    for name in folders().keys() {
        assert!(app.contains(&format!("{name:?}")), "{name} is not in {app}");
        let file = format!("src/functions/{}.rs", name.replace('-', "_"));
        assert!(root().join(&file).exists(), "{file}");
    }
    assert_eq!(app.matches('"').count(), 2 * folders().len(), "{app}");
}

#[test]
fn bindings_are_as_the_handler_needs_them() {
    for (name, bindings) in folders() {
        // A declared `$return` makes the host decode text as base64 and take an orchestrator's answer for null.
        assert!(
            bindings.iter().all(|binding| binding["name"] != "$return"),
            "{name}"
        );
        let file = format!("src/functions/{}.rs", name.replace('-', "_"));
        let source = fs::read_to_string(root().join(file)).unwrap();
        let uses_client = source.contains("DurableClient") || source.contains("JobTarget");
        let client = json!({ "type": "durableClient", "direction": "in", "name": "starter" });
        assert_eq!(bindings.contains(&client), uses_client, "{name}");
        let trigger = &bindings[0];
        if trigger["type"] == "httpTrigger" {
            assert_eq!(trigger["authLevel"], "function", "{name}");
            assert!(
                bindings.contains(&json!({ "type": "http", "direction": "out", "name": "res" })),
                "{name}"
            );
        } else if trigger["type"] == "timerTrigger" {
            let client = json!({ "type": "durableClient", "direction": "in", "name": "starter" });
            assert_eq!(bindings[1..], [client], "{name}");
        } else {
            assert_eq!(bindings.len(), 1 + usize::from(uses_client), "{name}");
        }
    }
}

#[test]
fn local_settings_start_the_built_handler_on_the_emulator() {
    let values = local_settings();
    assert_eq!(values["FUNCTIONS_WORKER_RUNTIME"], "custom");
    assert_eq!(values["AzureWebJobsStorage"], "UseDevelopmentStorage=true");
    assert_eq!(
        values["AzureFunctionsJobHost__customHandler__description__defaultExecutablePath"],
        "target/release/handler"
    );
}

#[test]
fn one_scan_ends_before_the_host_kills_the_handler() {
    let timeout = read("host.json")["functionTimeout"]
        .as_str()
        .unwrap()
        .to_owned();
    let seconds = timeout.split(':').fold(0, |seconds, part| {
        seconds * 60 + part.parse::<u64>().unwrap()
    });
    let settings = local_settings();
    let settings = Settings::read(|name| settings.get(name).cloned()).unwrap();
    assert!(settings.query.deadline.as_secs() < seconds);
}

/// Without Base64, two characters in one message slow down every instance of the task hub.
#[test]
fn the_shipped_host_json_makes_every_character_harmless_in_the_task_hub() {
    let provider = &read("host.json")["extensions"]["durableTask"]["storageProvider"];
    assert_eq!(provider["queueClientMessageEncoding"], "Base64");
}

/// Core Tools match each line as a prefix of the path, `*` within one folder; a line with `!` always wins.
#[test]
fn a_publish_holds_host_json_the_function_folders_and_the_binary_only() {
    let text = fs::read_to_string(root().join(".funcignore")).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let (kept, left_out): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.starts_with('!'));
    assert_eq!(left_out, ["/*"]);
    let kept: BTreeSet<String> = kept
        .iter()
        .map(|line| line.trim_start_matches("!/").to_owned())
        .collect();
    let mut expected: BTreeSet<String> = folders().into_keys().collect();
    expected.extend(["host.json".to_owned(), "handler".to_owned()]);
    assert_eq!(kept, expected);

    // As a prefix, a name must not let anything else through.
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let let_through = kept.iter().any(|kept| name.starts_with(kept.as_str()));
        assert_eq!(let_through, kept.contains(&name), "{name}");
    }
}
