//! Entity functions of every type of state.

use std::pin::Pin;

use durable_protocol::messages::{EntityBatchRequest, EntityBatchResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::EntityFunction;
use crate::time_limit::TimeLimit;

/// A batch that runs. Not `Send`: operations borrow the state of the entity.
type RunningBatch<'a> = Pin<Box<dyn Future<Output = EntityBatchResult> + 'a>>;

/// An entity function with the type of the entity's state erased.
pub(crate) trait AnyEntity: Send + Sync {
    fn name(&self) -> &'static str;
    fn run(&self, request: EntityBatchRequest, time_limit: TimeLimit) -> RunningBatch<'_>;
}

impl<T> AnyEntity for EntityFunction<T>
where
    T: Default + Serialize + DeserializeOwned + 'static,
{
    fn name(&self) -> &'static str {
        EntityFunction::name(self)
    }

    fn run(&self, request: EntityBatchRequest, time_limit: TimeLimit) -> RunningBatch<'_> {
        Box::pin(self.run_batch_within(request, time_limit))
    }
}
