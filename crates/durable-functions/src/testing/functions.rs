//! The functions under test, by name.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use durable_protocol::messages::{EntityBatchRequest, EntityBatchResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::EntityFunction;
use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::entity::run_batch;
use crate::name::same_name;

#[derive(Default)]
pub(super) struct Functions {
    pub(super) orchestrators: Vec<OrchestratorFunction>,
    pub(super) activities: Vec<ActivityFunction>,
    pub(super) entities: Vec<Arc<dyn AnyEntity>>,
}

type RunningBatch<'a> = Pin<Box<dyn Future<Output = EntityBatchResult> + 'a>>;

/// An entity function with the type of its state erased.
pub(super) trait AnyEntity {
    fn name(&self) -> &'static str;
    fn run(&self, request: EntityBatchRequest) -> RunningBatch<'_>;
}

impl<T> AnyEntity for EntityFunction<T>
where
    T: Default + Serialize + DeserializeOwned + 'static,
{
    fn name(&self) -> &'static str {
        EntityFunction::name(self)
    }

    fn run(&self, request: EntityBatchRequest) -> RunningBatch<'_> {
        Box::pin(run_batch(self, request))
    }
}

/// Adds a function. It takes the place of one with the same name, so that a test can replace what its set-up
/// registered.
pub(super) fn register<F>(functions: &mut Vec<F>, name: fn(&F) -> &'static str, function: F) {
    functions.retain(|other| !same_name(name(other), name(&function)));
    functions.push(function);
}

/// The function of this name, or the names that there are.
pub(super) fn find<'a, F>(
    functions: &'a [F],
    name: fn(&F) -> &'static str,
    wanted: &str,
) -> Result<&'a F, Vec<&'static str>> {
    let found = functions.iter().find(|it| same_name(name(it), wanted));
    found.ok_or_else(|| functions.iter().map(name).collect())
}
