//! The names of an execution, as parts of the request that they came with: a short orchestration
//! would otherwise spend more on copying them than on its turns.

use super::payload::{Payload, Source};
use super::state::State;
use crate::wire::Identity;

#[derive(Debug, Default)]
pub(crate) struct Names {
    instance_id: Payload,
    execution_id: Payload,
    name: Payload,
    version: Payload,
}

impl Names {
    pub(crate) fn new(instance_id: &str, source: &Source) -> Self {
        Names {
            instance_id: source.payload(Some(instance_id.as_bytes())),
            ..Names::default()
        }
    }

    /// Cuts the ties to the request of the turn that ends now.
    pub(crate) fn detach(&mut self, source: &Source) {
        source.detach(&mut self.instance_id);
        source.detach(&mut self.execution_id);
        source.detach(&mut self.name);
        source.detach(&mut self.version);
    }
}

impl State {
    /// Adds what the history says about the execution.
    pub(crate) fn identify(&mut self, identity: &Identity<'_>) {
        let part = |text: Option<&str>| self.source.payload(text.map(str::as_bytes));
        // Empty is as good as absent: it tells no two executions apart.
        self.names.execution_id = part(identity.execution_id.filter(|id| !id.is_empty()));
        self.names.name = part(Some(identity.name));
        self.names.version = part(identity.version);
    }

    pub(crate) fn instance_id(&self) -> &str {
        self.text(&self.names.instance_id).unwrap_or("")
    }

    pub(crate) fn execution_id(&self) -> Option<&str> {
        self.text(&self.names.execution_id)
    }

    /// The orchestrator's name, spelled as the client spelled it.
    pub(crate) fn name(&self) -> &str {
        self.text(&self.names.name).unwrap_or("<unknown>")
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.text(&self.names.version)
    }

    /// All of them were texts when they were read.
    fn text<'a>(&'a self, part: &'a Payload) -> Option<&'a str> {
        std::str::from_utf8(self.source.text(part)?).ok()
    }
}
