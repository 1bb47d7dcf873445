//! The names of an execution, in one allocation: a short orchestration would otherwise spend more
//! on them than on its turns.

use std::ops::Range;

use crate::wire::Identity;

#[derive(Debug)]
pub(crate) struct Names {
    text: String,
    instance_id: Range<usize>,
    execution_id: Option<Range<usize>>,
    name: Option<Range<usize>>,
    version: Option<Range<usize>>,
}

impl Names {
    pub(crate) fn new(instance_id: &str) -> Self {
        let mut text = String::with_capacity(160);
        text.push_str(instance_id);
        Names {
            instance_id: 0..text.len(),
            text,
            execution_id: None,
            name: None,
            version: None,
        }
    }

    /// Adds what the history says about the execution.
    pub(crate) fn identify(&mut self, identity: &Identity<'_>) {
        self.execution_id = identity.execution_id.map(|id| self.add(id));
        self.name = Some(self.add(identity.name));
        self.version = identity.version.map(|version| self.add(version));
    }

    fn add(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn get(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or("")
    }

    pub(crate) fn instance_id(&self) -> &str {
        self.get(&self.instance_id)
    }

    pub(crate) fn execution_id(&self) -> Option<&str> {
        self.execution_id.as_ref().map(|range| self.get(range))
    }

    /// The orchestrator's name, spelled as the client spelled it.
    pub(crate) fn name(&self) -> &str {
        self.name
            .as_ref()
            .map_or("<unknown>", |range| self.get(range))
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_ref().map(|range| self.get(range))
    }
}
