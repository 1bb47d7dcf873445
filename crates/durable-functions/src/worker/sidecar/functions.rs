//! The functions of a worker, by name.

use std::fmt;
use std::sync::Arc;

use durable_protocol::messages::{
    ActivityFilter, EntityFilter, OrchestrationFilter, WorkItemFilters,
};

use super::WorkerError;
use super::version::{VersionMatch, Versioning};
use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::entity::AnyEntity;
use crate::functions::Registered;
use crate::name::same_name;

#[derive(Default)]
pub(super) struct Functions {
    pub(super) orchestrators: Vec<OrchestratorFunction>,
    pub(super) activities: Vec<ActivityFunction>,
    entities: Vec<Arc<dyn AnyEntity>>,
    pub(super) versioning: Option<Versioning>,
    /// The version of sub-orchestrations that the code gives none.
    pub(super) default_version: Option<String>,
}

impl Functions {
    pub(super) fn add(&mut self, function: Registered) {
        match function {
            Registered::Orchestrator(function) => self.orchestrators.push(function),
            Registered::Activity(function) => self.activities.push(function),
            Registered::Entity(function) => self.entities.push(function),
        }
    }

    /// Two functions of one kind must not have the same name.
    pub(super) fn check(&self) -> Result<(), WorkerError> {
        for (kind, names) in [
            ("orchestrator", self.orchestrator_names()),
            ("activity", self.activity_names()),
            ("entity", self.entity_names()),
        ] {
            for (index, name) in names.iter().enumerate() {
                if names
                    .iter()
                    .skip(index + 1)
                    .any(|other| same_name(name, other))
                {
                    return Err(WorkerError::DuplicateFunction { kind, name });
                }
            }
        }
        Ok(())
    }

    pub(super) fn orchestrator(&self, name: &str) -> Option<&OrchestratorFunction> {
        self.orchestrators
            .iter()
            .find(|it| same_name(it.name(), name))
    }

    pub(super) fn activity(&self, name: &str) -> Option<&ActivityFunction> {
        self.activities.iter().find(|it| same_name(it.name(), name))
    }

    pub(super) fn entity(&self, name: &str) -> Option<&Arc<dyn AnyEntity>> {
        self.entities.iter().find(|it| same_name(it.name(), name))
    }

    /// What the sidecar is asked for.
    pub(super) fn filters(&self) -> WorkItemFilters {
        let strict = |it: &&Versioning| it.runs == VersionMatch::Strict;
        let versions: Vec<_> = self.versioning.iter().filter(strict).collect();
        let versions: Vec<_> = versions.iter().map(|it| it.version.clone()).collect();
        let orchestration = |name: &str| OrchestrationFilter {
            name: name.to_owned(),
            versions: versions.clone(),
        };
        let activity = |name: &str| ActivityFilter {
            name: name.to_owned(),
            versions: versions.clone(),
        };
        // The names in the ids of entities are in lower case.
        let entity = |name: &str| EntityFilter {
            name: name.to_lowercase(),
        };
        WorkItemFilters {
            orchestrations: self
                .orchestrator_names()
                .into_iter()
                .map(orchestration)
                .collect(),
            activities: self.activity_names().into_iter().map(activity).collect(),
            entities: self.entity_names().into_iter().map(entity).collect(),
        }
    }

    fn orchestrator_names(&self) -> Vec<&'static str> {
        self.orchestrators.iter().map(|it| it.name()).collect()
    }

    fn activity_names(&self) -> Vec<&'static str> {
        self.activities.iter().map(|it| it.name()).collect()
    }

    fn entity_names(&self) -> Vec<&'static str> {
        self.entities.iter().map(|it| it.name()).collect()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("orchestrators", &self.orchestrator_names())
            .field("activities", &self.activity_names())
            .field("entities", &self.entity_names())
            .finish()
    }
}
