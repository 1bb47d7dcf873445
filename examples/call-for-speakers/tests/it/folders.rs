//! The files that the host reads agree with the registrations.

use std::{collections::BTreeSet, fs, path::Path};

use call_for_speakers::{app, settings::Settings};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The name of each function folder, and its function.json.
fn folders() -> Vec<(String, Value)> {
    let entries = fs::read_dir(root()).unwrap();
    let folders = entries.filter_map(|entry| {
        let entry = entry.unwrap();
        let file = fs::read(entry.path().join("function.json")).ok()?;
        let name = entry.file_name().into_string().unwrap();
        Some((name, serde_json::from_slice(&file).unwrap()))
    });
    folders.collect()
}

#[test]
fn every_folder_is_a_registered_function_and_has_its_file() {
    let app = format!("{:?}", app(Settings::read(|_| None).unwrap()));
    for (name, _) in folders() {
        assert!(app.contains(&format!("{name:?}")), "{name} is not in {app}");
        let file = format!("src/functions/{}.rs", name.replace('-', "_"));
        assert!(root().join(&file).exists(), "{file}");
    }
    assert_eq!(app.matches('"').count(), 2 * folders().len(), "{app}");
}

/// Their keys are the only protection. Each function has one of its own, so those who decide need not share that of the
/// speakers.
#[test]
fn every_http_function_needs_a_key() {
    let mut http = BTreeSet::new();
    for (name, json) in folders() {
        let trigger = &json["bindings"][0];
        if trigger["type"] == "httpTrigger" {
            assert_eq!(trigger["authLevel"], "function", "{name}");
            http.insert(name);
        }
    }
    let expected = ["get-status", "submit", "submit-decision"];
    assert_eq!(http, BTreeSet::from(expected.map(str::to_owned)));
}
