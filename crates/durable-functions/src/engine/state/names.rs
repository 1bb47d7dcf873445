//! The names of an execution, as parts of the request that they came with: a short orchestration
//! would otherwise spend more on copying them than on its turns.

use super::Parent;
use crate::engine::payload::{Payload, Source};
use crate::wire::Identity;

#[derive(Debug, Default)]
pub(super) struct Names {
    instance_id: Payload,
    execution_id: Payload,
    name: Payload,
    version: Payload,
    parent: Option<Box<Parent>>,
}

impl Names {
    pub(super) fn new(instance_id: &str, source: &Source) -> Self {
        Names {
            instance_id: source.payload(Some(instance_id.as_bytes())),
            ..Names::default()
        }
    }

    /// Adds what the history says about the execution.
    pub(super) fn identify(&mut self, identity: &Identity<'_>, source: &Source) {
        let part = |text: Option<&str>| source.payload(text.map(str::as_bytes));
        // Empty is as good as absent: it tells no two executions apart.
        self.execution_id = part(identity.execution_id.filter(|id| !id.is_empty()));
        self.name = part(Some(identity.name));
        self.version = part(identity.version);
        self.parent = identity.parent.as_ref().map(|parent| {
            Box::new(Parent {
                instance_id: parent.instance_id.to_owned(),
                name: parent.name.to_owned(),
            })
        });
    }

    /// Makes them independent of the request of the turn that ends now.
    pub(super) fn detach(&mut self, source: &Source) {
        source.detach(&mut self.instance_id);
        source.detach(&mut self.execution_id);
        source.detach(&mut self.name);
        source.detach(&mut self.version);
    }

    pub(super) fn instance_id<'a>(&'a self, source: &'a Source) -> &'a str {
        text(&self.instance_id, source).unwrap_or("")
    }

    pub(super) fn execution_id<'a>(&'a self, source: &'a Source) -> Option<&'a str> {
        text(&self.execution_id, source)
    }

    /// The orchestrator's name, spelled as the client spelled it.
    pub(super) fn name<'a>(&'a self, source: &'a Source) -> &'a str {
        text(&self.name, source).unwrap_or("<unknown>")
    }

    pub(super) fn version<'a>(&'a self, source: &'a Source) -> Option<&'a str> {
        text(&self.version, source)
    }

    pub(super) fn parent(&self) -> Option<&Parent> {
        self.parent.as_deref()
    }
}

/// All parts were texts when they were read.
fn text<'a>(part: &'a Payload, source: &'a Source) -> Option<&'a str> {
    std::str::from_utf8(source.text(part)?).ok()
}
