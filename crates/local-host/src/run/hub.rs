//! Starting the task hub for the durable functions of the app.

use super::app::Loaded;
use crate::cli::Cli;
use crate::functions::{Binding, Function};
use crate::handler::Handler;
use crate::hub::{
    Continued, DurableFunction, DurableKind, Hub, HubOptions, Input, InputSource, OpenStorage,
    Storage,
};
use crate::log::{LogLevel, Logger};
use anyhow::Context as _;
use std::path::Path;
use std::sync::Arc;

/// The hub's name when host.json gives none, as outside Azure.
const DEFAULT_NAME: &str = "TestHubName";

/// The folder of an app for the state of its task hub.
const STATE_FOLDER: &str = ".local-host";

/// Opens the storage of the app's task hub.
///
/// # Errors
/// It cannot be used.
pub(super) fn open(app: &Loaded, storage: &Storage) -> anyhow::Result<OpenStorage> {
    storage
        .open(name(app))
        .context("The task hub cannot be started")
}

pub(super) async fn start(
    app: &Loaded,
    port: u16,
    storage: Storage,
    open: OpenStorage,
    handler: &Handler,
    log: &Logger,
) -> anyhow::Result<Hub> {
    let options = HubOptions {
        task_hub_name: name(app).to_owned(),
        base_url: format!("http://localhost:{port}"),
        function_timeout: app.host.function_timeout,
        default_version: app.host.default_version.clone(),
        base64_queue_messages: app.host.base64_queue_messages,
        storage,
        ..HubOptions::default()
    };
    let functions = app.functions.usable.iter().filter_map(durable).collect();
    let messages = log.clone();
    let hub = Hub::start_on(
        open,
        options,
        functions,
        Arc::new(handler.clone()),
        Arc::new(move |level, message| messages.system(level, message)),
    )
    .await
    .context("The task hub cannot be started")?;
    report_state(&hub, log);
    Ok(hub)
}

fn name(app: &Loaded) -> &str {
    app.host.hub_name.as_deref().unwrap_or(DEFAULT_NAME)
}

/// Says where the state is, and what goes on.
pub(super) fn report_state(hub: &Hub, log: &Logger) {
    let place = match hub.storage() {
        Storage::Memory { .. } => "in memory".to_owned(),
        Storage::Folder(folder) => format!("in {}", folder.display()),
    };
    log.user(
        LogLevel::Info,
        format!(
            "The state of the task hub is {place}.{}",
            continues(hub.continued_instances())
        ),
    );
}

/// How many instances continue, with the first ids.
fn continues(continued: &Continued) -> String {
    let what = match continued.count {
        0 => return String::new(),
        1 => "1 instance continues".to_owned(),
        more => format!("{more} instances continue"),
    };
    let more = if continued.count > continued.first.len() {
        ", …"
    } else {
        ""
    };
    format!(" {what}: {}{more}", continued.first.join(", "))
}

/// In the folder that the user names, or in one of the app.
pub(super) fn storage(cli: &Cli, root: &Path) -> Storage {
    if cli.ephemeral {
        return Storage::default();
    }
    let folder = cli.state.clone();
    let folder = folder.unwrap_or_else(|| root.join(STATE_FOLDER));
    // Messages name it, and their reader need not know the current directory.
    Storage::Folder(std::path::absolute(&folder).unwrap_or(folder))
}

fn durable(function: &Function) -> Option<DurableFunction> {
    let trigger = function.trigger()?;
    let (kind, property) = match trigger.kind.to_lowercase().as_str() {
        "orchestrationtrigger" => (DurableKind::Orchestrator, "orchestration"),
        "activitytrigger" => (DurableKind::Activity, "activity"),
        "entitytrigger" => (DurableKind::Entity, "entityName"),
        _ => return None,
    };
    let name = trigger.text(property).filter(|name| !name.is_empty());
    Some(DurableFunction {
        folder: function.name.clone(),
        name: name.unwrap_or(&function.name).to_owned(),
        kind,
        binding: trigger.name.clone(),
        inputs: function.inputs().map(input).collect(),
    })
}

fn input(binding: &Binding) -> Input {
    let text = |name| binding.text(name).map(str::to_owned);
    let source = if binding.is_durable_client() {
        InputSource::DurableClient {
            task_hub: text("taskHub"),
            connection: text("connectionName"),
        }
    } else {
        InputSource::Unknown
    };
    Input {
        name: binding.name.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_that_continue_are_counted_and_the_first_are_named() {
        let continued = |count, first: &[&str]| {
            continues(&Continued {
                count,
                first: first.iter().map(|id| (*id).to_owned()).collect(),
            })
        };
        assert_eq!(continued(0, &[]), "");
        assert_eq!(continued(1, &["a"]), " 1 instance continues: a");
        assert_eq!(continued(2, &["a", "b"]), " 2 instances continue: a, b");
        assert_eq!(continued(9, &["a", "b"]), " 9 instances continue: a, b, …");
    }
}
