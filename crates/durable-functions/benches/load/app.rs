//! The app: an orchestration with one activity, a function that starts it, and one that shows its status.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use durable_functions::{
    Activity, ActivityContext, AppExt, DurableClient, OrchestrationContext, Orchestrator, Result,
};
use functions_handler::App;
use local_host::Cli;

const RUN: Orchestrator<u32, u32> = Orchestrator::new("run");
const STEP: Activity<u32, u32> = Activity::new("step");

async fn run(ctx: OrchestrationContext, number: u32) -> Result<u32> {
    Ok(ctx.call(STEP, number).await?)
}

async fn step(_: ActivityContext, number: u32) -> Result<u32> {
    Ok(number + 1)
}

async fn start(client: DurableClient) -> String {
    match client.start(RUN, &1).await {
        Ok(instance) => instance.id().to_owned(),
        Err(error) => error.to_string(),
    }
}

async fn status(client: DurableClient, query: axum::extract::RawQuery) -> String {
    let query = query.0.unwrap_or_default();
    let id = query.strip_prefix("id=").unwrap_or_default();
    match client.status(id).await {
        Ok(Some(status)) => format!("{:?}", status.runtime_status),
        Ok(None) => "Unknown".to_owned(),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn handler() -> ExitCode {
    let app = App::new()
        .http("start", start)
        .http("status", status)
        .orchestrator(RUN, run)
        .activity(STEP, step);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(app.serve()).exit()
}

/// The host of the app in the current folder.
pub(crate) fn host(is_ephemeral: bool) -> ExitCode {
    let cli = Cli {
        port: Some(0),
        address: None,
        cors: None,
        cors_credentials: false,
        allow_host: Vec::new(),
        front_end: false,
        script_root: None,
        no_build: true,
        functions: Vec::new(),
        verbose: false,
        worker: false,
        state: None,
        ephemeral: is_ephemeral,
        no_sample_data: true,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(local_host::run(cli))
}

/// Writes the files of the app.
pub(crate) fn write(folder: &Path) {
    let write = |path: &str, content: serde_json::Value| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.to_string()).unwrap();
    };
    let program = std::env::current_exe().unwrap();
    write(
        "host.json",
        serde_json::json!({
            "version": "2.0",
            "customHandler": { "description": {
                "defaultExecutablePath": program,
                "arguments": ["handler"],
            } },
        }),
    );
    write(
        "local.settings.json",
        serde_json::json!({
            "IsEncrypted": false,
            "Values": {
                "FUNCTIONS_WORKER_RUNTIME": "custom",
                // In production one turn in a thousand is verified, under local-host all.
                "DURABLE_FUNCTIONS_VERIFY_EVERY": "1000",
            },
        }),
    );
    for (name, method) in [("start", "post"), ("status", "get")] {
        write(
            &format!("{name}/function.json"),
            serde_json::json!({ "bindings": [
                { "type": "httpTrigger", "direction": "in", "name": "req", "methods": [method] },
                { "type": "durableClient", "direction": "in", "name": "client" },
                { "type": "http", "direction": "out", "name": "res" },
            ] }),
        );
    }
    for (name, kind, binding) in [
        ("run", "orchestrationTrigger", "context"),
        ("step", "activityTrigger", "input"),
    ] {
        write(
            &format!("{name}/function.json"),
            serde_json::json!({ "bindings": [
                { "type": kind, "direction": "in", "name": binding },
            ] }),
        );
    }
}
