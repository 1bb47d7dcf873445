//! The names of the host's gRPC service for durable clients.

/// The path of the service; the name of a method follows.
pub const PATH: &str = "/TaskHubSidecarService/";

/// The metadata that names the task hub of a call.
pub const TASK_HUB: &str = "durable-taskhub";

/// The metadata that names the storage connection of a call.
pub const CONNECTION: &str = "durable-connectionname";
