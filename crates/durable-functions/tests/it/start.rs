//! What an app writes at its start. The test runs itself again as a child process, because an app takes
//! its settings and its folder from its environment.

use std::fs;
use std::path::Path;
use std::process::Command;

use durable_functions::{AppExt, DurableClient, OrchestrationContext, Orchestrator};
use functions_handler::App;

const CHILD: &str = "DURABLE_FUNCTIONS_START_TEST";
const JOB: Orchestrator<(), ()> = Orchestrator::new("job");

/// Starts an app without logging and without a port, so that it ends by itself; gives its stderr.
fn start(test: &str, setting: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env("FUNCTIONS_APP_ROOT_PATH", root())
        .env("DURABLE_FUNCTIONS_KEPT_INSTANCES", setting)
        .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
        .env_remove("FUNCTIONS_HTTPWORKER_PORT")
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn app() {
    let app = App::new()
        .http("start", async |_: DurableClient| "started")
        .orchestrator(JOB, async |_: OrchestrationContext, (): ()| Ok(()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = runtime.block_on(app.serve());
}

fn folder(name: &str, bindings: &str) {
    fs::create_dir_all(root().join(name)).unwrap();
    let json = format!(r#"{{"bindings":[{bindings}]}}"#);
    fs::write(root().join(name).join("function.json"), json).unwrap();
}

#[test]
fn a_mistake_in_settings_or_bindings_is_reported_at_the_start_and_not_at_the_first_call() {
    let test = "start::a_mistake_in_settings_or_bindings_is_reported_at_the_start_and_not_at_the_first_call";
    if std::env::var_os(CHILD).is_some() {
        return app();
    }
    let trigger =
        r#"{"type":"httpTrigger","name":"req"},{"type":"http","direction":"out","name":"res"}"#;
    folder("job", r#"{"type":"orchestrationTrigger","name":"context"}"#);
    folder("start", trigger);
    let written = start(test, "many");
    for part in [
        "DURABLE_FUNCTIONS_KEPT_INSTANCES is `many`, expected a number",
        r#"start/function.json does not fit the function `start`: add {"type": "durableClient""#,
    ] {
        assert!(written.contains(part), "{part}: {written}");
    }

    folder(
        "start",
        &format!(r#"{trigger},{{"type":"durableClient","name":"starter"}}"#),
    );
    let written = start(test, "7");
    assert!(!written.contains("warning: "), "{written}");
}
