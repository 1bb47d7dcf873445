//! `examples/getting-started` is the app in the README of durable-functions, so that the workspace builds it.
//!
//! `tests/end_to_end/getting_started.rs` runs it, in a folder with the files of the README.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::readme;

fn example() -> PathBuf {
    root().join("examples/getting-started")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file in a folder, by its path from there.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            // What was built by hand, and the task hub of a run.
            true if path.ends_with("target") || path.ends_with(".local-host") => {}
            true => found.extend(files_in(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn the_readme_shows_every_file_of_the_example_word_for_word() {
    let shown = readme::files();
    for (path, content) in &shown {
        let file = fs::read_to_string(example().join(path)).unwrap();
        assert_eq!(*content, file, "{path}");
    }
    // Cargo makes these by the commands of the README.
    let made = ["Cargo.toml", "Cargo.lock", ".gitignore"];
    for file in files_in(&example()) {
        let path = file.strip_prefix(example()).unwrap();
        let is_known = made.iter().any(|made| path == Path::new(made))
            || shown.iter().any(|(shown, _)| path == Path::new(shown));
        assert!(is_known, "{path:?} is not shown");
    }
    assert_eq!(shown.len(), 7);
}

/// The dependencies of a package: name, with version or folder, features, and whether the default ones are on.
fn dependencies(package: &Path) -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(package)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of_app = packages
        .iter()
        .find(|package| package["name"] == "order-app")
        .unwrap();
    let list = of_app["dependencies"].as_array().unwrap();
    list.iter()
        .map(|dependency| {
            let place = match dependency["path"].as_str() {
                // Beside the app the copy of the repository is a link.
                Some(path) => Value::from(fs::canonicalize(path).unwrap().to_str()),
                None => dependency["req"].clone(),
            };
            let features = &dependency["features"];
            let defaults = &dependency["uses_default_features"];
            let what = serde_json::json!([place, features, defaults]);
            (dependency["name"].as_str().unwrap().to_owned(), what)
        })
        .collect()
}

#[cfg(unix)]
#[test]
fn the_commands_of_the_readme_make_the_manifest_of_the_example() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root(), folder.path().join("durable-functions-rust")).unwrap();
    let mut here = folder.path().to_owned();
    for command in readme::commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["cd", into] => here.push(into),
            // The workspace has built it.
            ["cargo", "install", ..] | ["local-host"] => {}
            ["cargo", ref arguments @ ..] => {
                let output = Command::new(env!("CARGO"))
                    .args(arguments)
                    .arg("--offline")
                    .current_dir(&here)
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{command}: {output:?}");
            }
            _ => panic!("`{command}` is not known here"),
        }
    }
    let made = dependencies(&here);
    assert_eq!(made, dependencies(&example()));
    assert_eq!(made.len(), 7);
}
