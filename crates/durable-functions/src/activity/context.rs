//! What an activity knows of its invocation.

/// What an activity knows of its invocation.
///
/// Activities run at least once: after a crash or a time-out the host can run the same call again,
/// so what an activity does should be safe to repeat.
#[derive(Clone, Debug)]
pub struct ActivityContext {
    pub(crate) function_name: String,
    pub(crate) invocation_id: String,
    pub(crate) instance_id: Option<String>,
}

impl ActivityContext {
    /// A context for tests and other hosts than the custom handler.
    pub fn new(function_name: impl Into<String>, invocation_id: impl Into<String>) -> Self {
        ActivityContext {
            function_name: function_name.into(),
            invocation_id: invocation_id.into(),
            instance_id: None,
        }
    }

    /// The name of the activity's function.
    pub fn function_name(&self) -> &str {
        &self.function_name
    }

    /// The id of this invocation, the same as in the host's log. A retry has another one.
    pub fn invocation_id(&self) -> &str {
        &self.invocation_id
    }

    /// The id of the orchestration instance that called, for logs.
    ///
    /// The host lets an input with a property `instanceId` overwrite it, so it must decide nothing.
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }
}
