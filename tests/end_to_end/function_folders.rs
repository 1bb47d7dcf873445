//! The command `functions` of a handler, run as a process of its own.
//!
//! - The function folders of this repository are those that their programs ask for.
//! - An empty folder gets what the program needs, and a file that differs is mended.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::support::build;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the command of `program` on the app in `folder`.
fn functions(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .arg("functions")
        .args(arguments)
        // Of the function app; the others have no settings.
        .env("AuditStorage", "UseDevelopmentStorage=true")
        .env("JOURNAL_FOLDER", folder)
        .env("FUNCTIONS_APP_ROOT_PATH", folder)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    format!("{}{errors}", String::from_utf8_lossy(&output.stdout))
}

/// The folders of an app, which are the functions of its program.
fn agree(program: &Path, folder: &Path) {
    let output = functions(program, folder, &[]);
    let said = text(&output);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}: {said}",
        folder.display()
    );
    assert_eq!(said, "");
}

#[test]
fn the_folders_of_the_function_app_are_those_that_its_handler_asks_for() {
    agree(Path::new(env!("CARGO_BIN_EXE_handler")), repository());
}

#[test]
fn the_folders_of_the_crash_test_are_those_that_its_handler_asks_for() {
    agree(
        &build::crash_test(),
        &repository().join("tests/apps/crash-test"),
    );
}

#[test]
fn the_folders_of_the_misbehaving_app_are_those_that_its_handler_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    for from in [
        repository().to_owned(),
        repository().join("tests/apps/misbehaving"),
    ] {
        copy(&from, folder.path());
    }
    agree(&build::misbehaving(), folder.path());
}

#[test]
fn the_folders_of_the_examples_are_those_that_their_programs_ask_for() {
    agree(
        &build::order_app(),
        &build::examples().join("getting-started"),
    );
    let speakers = "call-for-speakers";
    agree(
        &build::example_app(speakers),
        &build::examples().join(speakers),
    );
    for name in build::example_names() {
        let folder = build::examples().join(&name);
        // A worker has no folders.
        if fs::read_dir(&folder)
            .unwrap()
            .any(|entry| entry.unwrap().path().join("function.json").exists())
        {
            agree(&build::example_app(&name), &folder);
        }
    }
}

#[test]
fn an_empty_folder_gets_every_file_and_a_file_that_differs_is_mended() {
    let (program, shipped) = (
        build::order_app(),
        build::examples().join("getting-started"),
    );
    let folder = tempfile::tempdir().unwrap();

    let output = functions(&program, folder.path(), &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("start-order/function.json: it is missing"),
        "{said}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let output = functions(&program, folder.path(), &["--write"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    agree(&program, folder.path());
    for function in ["start-order", "order-status", "place-order"] {
        let file = Path::new(function).join("function.json");
        let (written, shipped) = (folder.path().join(&file), shipped.join(&file));
        assert_eq!(
            fs::read_to_string(written).unwrap(),
            fs::read_to_string(shipped).unwrap()
        );
    }

    let file = folder.path().join("start-order/function.json");
    let right = fs::read_to_string(&file).unwrap();
    fs::write(&file, right.replace("\"orders\"", "\"order\"")).unwrap();
    let output = functions(&program, folder.path(), &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(r#"write "route": "orders" into the binding `httpTrigger`"#),
        "{said}"
    );
    // The folder can be an argument as well.
    let path = folder.path().to_str().unwrap();
    let output = functions(&program, Path::new("/nowhere"), &[path, "--write"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), right);
}

#[test]
fn a_folder_without_a_function_is_named_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("old")).unwrap();
    let file = folder.path().join("old/function.json");
    fs::write(&file, "{}").unwrap();
    let output = functions(&build::order_app(), folder.path(), &["--write"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("old: no function of this name is registered"),
        "{said}"
    );
    assert!(file.exists());
}

#[test]
fn wrong_arguments_get_the_usage_and_exit_code_2() {
    let output = functions(&build::order_app(), repository(), &["--wirte"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).starts_with("usage: functions"),
        "{}",
        text(&output)
    );
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let file: PathBuf = entry.path().join("function.json");
        if file.exists() {
            let folder = to.join(entry.file_name());
            fs::create_dir(&folder).unwrap();
            fs::copy(file, folder.join("function.json")).unwrap();
        }
    }
}
