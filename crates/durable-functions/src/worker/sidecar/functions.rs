//! The functions of a worker, by name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use durable_protocol::messages::{
    ActivityFilter, EntityBatchRequest, EntityBatchResult, EntityFilter, OrchestrationFilter,
    WorkItemFilters,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::WorkerError;
use super::version::{VersionMatch, Versioning};
use crate::EntityFunction;
use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::entity::on_thread;
use crate::name::same_name;
use crate::time_limit::TimeLimit;

#[derive(Default)]
pub(super) struct Functions {
    pub(super) orchestrators: Vec<OrchestratorFunction>,
    pub(super) activities: Vec<ActivityFunction>,
    entities: Vec<Arc<dyn Batches>>,
    pub(super) versioning: Option<Versioning>,
    /// The version of sub-orchestrations that the code gives none.
    pub(super) default_version: Option<String>,
}

/// A batch that runs; `None` when its thread ended without an answer.
pub(super) type RunningBatch = Pin<Box<dyn Future<Output = Option<EntityBatchResult>> + Send>>;

/// An entity function with the type of its state erased.
pub(super) trait Batches: Send + Sync {
    fn name(&self) -> &'static str;
    fn run(&self, request: EntityBatchRequest, time_limit: TimeLimit) -> RunningBatch;
}

struct Typed<S>(Arc<EntityFunction<S>>);

impl<S> Batches for Typed<S>
where
    S: Default + Serialize + DeserializeOwned + 'static,
{
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run(&self, request: EntityBatchRequest, time_limit: TimeLimit) -> RunningBatch {
        let function = Arc::clone(&self.0);
        Box::pin(async move { on_thread(function, request, time_limit).await.ok() })
    }
}

impl Functions {
    pub(super) fn add_entity<S>(&mut self, function: EntityFunction<S>)
    where
        S: Default + Serialize + DeserializeOwned + 'static,
    {
        self.entities.push(Arc::new(Typed(Arc::new(function))));
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

    pub(super) fn entity(&self, name: &str) -> Option<&dyn Batches> {
        let mut entities = self.entities.iter();
        entities
            .find(|it| same_name(it.name(), name))
            .map(|it| &**it)
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
