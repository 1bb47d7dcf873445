//! Starting the task hub for the durable functions of the app.

use super::app::Loaded;
use crate::functions::Function;
use crate::handler::Handler;
use crate::hub::{DurableFunction, DurableKind, FINISHED_INSTANCES, Hub, HubOptions};
use crate::log::Logger;
use std::sync::Arc;

/// The hub's name when host.json gives none, as outside Azure.
const DEFAULT_NAME: &str = "TestHubName";

pub(super) async fn start(
    app: &Loaded,
    port: u16,
    handler: &Handler,
    log: &Logger,
) -> anyhow::Result<Hub> {
    let options = HubOptions {
        task_hub_name: app
            .host
            .hub_name
            .clone()
            .unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        base_url: format!("http://localhost:{port}"),
        function_timeout: app.host.function_timeout,
        default_version: app.host.default_version.clone(),
        base64_queue_messages: app.host.base64_queue_messages,
        finished_instances: FINISHED_INSTANCES,
    };
    let functions = app.functions.usable.iter().filter_map(durable).collect();
    let log = log.clone();
    Hub::start(
        options,
        functions,
        Arc::new(handler.clone()),
        Arc::new(move |level, message| log.system(level, message)),
    )
    .await
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
    })
}
