//! Stand-in for the task hub: it runs nothing.

use crate::invoke::Invoke;
use crate::log::LogLevel;
use std::sync::Arc;
use std::time::Duration;

/// What the task hub needs to know.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// The task hub's name.
    pub task_hub_name: String,
    /// The host's address, such as `http://localhost:7071`.
    pub base_url: String,
    /// The limit of one invocation.
    pub function_timeout: Option<Duration>,
    /// The version of instances that are started without one.
    pub default_version: Option<String>,
}

/// A function of the task hub.
#[derive(Clone, Debug, PartialEq)]
pub struct DurableFunction {
    /// The function's folder.
    pub folder: String,
    /// The name under which it is scheduled.
    pub name: String,
    /// What it is.
    pub kind: DurableKind,
    /// The trigger's parameter name.
    pub binding: String,
}

/// The kinds of functions that a task hub runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurableKind {
    /// An orchestrator.
    Orchestrator,
    /// An activity.
    Activity,
    /// An entity.
    Entity,
}

/// The task hub; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    options: Arc<HubOptions>,
}

impl Hub {
    /// Starts the task hub.
    ///
    /// # Errors
    /// None in this stand-in.
    pub async fn start(
        options: HubOptions,
        functions: Vec<DurableFunction>,
        _invoke: Arc<dyn Invoke>,
        log: Arc<dyn Fn(LogLevel, String) + Send + Sync>,
    ) -> anyhow::Result<Self> {
        if !functions.is_empty() {
            log(
                LogLevel::Warning,
                "There is no task hub in this build.".to_owned(),
            );
        }
        Ok(Self {
            options: Arc::new(options),
        })
    }

    /// The value of a `durableClient` input.
    #[must_use]
    pub fn client_binding(&self, task_hub: Option<&str>, connection: Option<&str>) -> String {
        serde_json::json!({
            "taskHubName": task_hub.unwrap_or(&self.options.task_hub_name),
            "connectionName": connection,
            "httpBaseUrl": format!("{}/runtime/webhooks/durabletask", self.options.base_url),
        })
        .to_string()
    }

    /// Stops the task hub.
    pub async fn stop(&self) {}
}
