//! The names of the gRPC service for durable clients and workers.

/// The path of the service; the name of a method follows.
pub const PATH: &str = "/TaskHubSidecarService/";

/// The metadata that names the task hub of a call.
pub const TASK_HUB: &str = "durable-taskhub";

/// The metadata that names the storage connection of a call.
pub const CONNECTION: &str = "durable-connectionname";

/// The metadata that names the task hub to the Durable Task Scheduler and its emulator.
pub const SIDECAR_TASK_HUB: &str = "taskhub";
