//! What a handler says at its start about the app's folder.

use std::fs;
use std::process::{Command, Output};

use functions_handler::{App, ServeError, logs};

const CHILD: &str = "FUNCTIONS_HANDLER_APP_FOLDER_TEST";

#[test]
fn missing_folders_and_missing_functions_are_reported_with_and_without_logging() {
    if let Some(logging) = std::env::var_os(CHILD) {
        if logging == "on" {
            logs::init().unwrap();
        }
        let app = App::new()
            .http("hello", async || "x")
            .http("good-bye", async || "x");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let error = runtime.block_on(app.serve());
        // Without a port nothing is served, so the process ends by itself.
        assert!(matches!(error, ServeError::MissingPort));
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("host.json"),
        r#"{"customHandler":{"typo":1}}"#,
    )
    .unwrap();
    for name in ["hello", "Good-bye"] {
        let json = r#"{"bindings":[{"type":"httpTrigger","name":"req"},
            {"type":"http","direction":"out","name":"res"}]}"#;
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("function.json"), json).unwrap();
    }
    let start = |logging: &str| -> Output {
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "app_folder::missing_folders_and_missing_functions_are_reported_with_and_without_logging",
                "--nocapture",
            ])
            .env(CHILD, logging)
            .env("FUNCTIONS_APP_ROOT_PATH", root.path())
            .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
            .env_remove("FUNCTIONS_HTTPWORKER_PORT")
            .env_remove("RUST_LOG")
            .output()
            .unwrap()
    };
    for (logging, word) in [("on", "WARN"), ("off", "warning: ")] {
        let output = start(logging);
        let text = match logging {
            "on" => output.stdout,
            _ => output.stderr,
        };
        let text = String::from_utf8(text).unwrap();
        for said in [
            "the folder `Good-bye` has a function.json",
            "`good-bye` is registered, but there is no",
            "unknown key `typo`",
        ] {
            let line = text.lines().find(|line| line.contains(said));
            assert!(
                line.is_some_and(|line| line.contains(word)),
                "{said}: {text}"
            );
        }
        assert!(!text.contains("`hello`"), "{text}");
    }
}
