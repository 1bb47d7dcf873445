//! Entity functions: a state and its operations, with their types erased.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Entity, EntityContext, Operation};
use crate::name::same_name;
use crate::{Failure, Result, codec};

/// A started operation; yields its result as JSON text. Not `Send`: it lives on one thread.
type Running<'a> = Pin<Box<dyn Future<Output = Result<Option<String>, Failure>> + 'a>>;

type Run<S> =
    dyn for<'a> Fn(EntityContext, &'a mut S, Option<&'a str>) -> Running<'a> + Send + Sync;

/// An entity function: what each operation does with the entity's state of type `S`.
///
/// The state of a new entity is `S::default()`. An operation gets the state, and may be async: it may
/// do what an activity may. A batch of operations runs one by one; an operation that fails or panics
/// leaves the state as it was, unless host.json sets `rollbackEntityOperationsOnExceptions` to
/// `false`. An operation `delete` that deletes the state is always there, unless you register
/// your own.
///
/// Requests are delivered at least once: after a crash the host runs a batch again, with the state
/// from before it.
///
/// ```
/// use durable_functions::{Entity, EntityContext, EntityFunction, Operation, Result};
///
/// const COUNTER: Entity<i64> = Entity::new("counter");
/// const ADD: Operation<i64, i64> = Operation::new("add");
/// const GET: Operation<(), i64> = Operation::new("get");
///
/// async fn add(_: EntityContext, count: &mut i64, n: i64) -> Result<i64> {
///     *count += n;
///     Ok(*count)
/// }
///
/// let counter = EntityFunction::new(COUNTER)
///     .on(ADD, add)
///     .on(GET, async |_, count: &mut i64, ()| Ok(*count));
/// ```
pub struct EntityFunction<S> {
    pub(super) name: &'static str,
    pub(super) operations: Vec<Registered<S>>,
}

/// An operation behind its name.
pub(super) struct Registered<S> {
    pub(super) name: &'static str,
    pub(super) run: Arc<Run<S>>,
}

impl<S: 'static> EntityFunction<S> {
    /// An entity function without operations.
    pub const fn new(entity: Entity<S>) -> Self {
        EntityFunction {
            name: entity.name(),
            operations: Vec::new(),
        }
    }

    /// Adds an operation: an `async fn(EntityContext, &mut S, I) -> Result<O>` or a closure of that
    /// shape. It replaces one of the same name.
    #[must_use]
    pub fn on<I, O, F>(mut self, operation: Operation<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(EntityContext, &mut S, I) -> Result<O> + Send + Sync + 'static,
    {
        let name = operation.name();
        let function = Arc::new(function);
        let run = erased(move |context, state, input| {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let input = codec::or_null(input.map(str::as_bytes));
                let input = codec::read_input("operation", name, input)?;
                let output = function(context, state, input).await;
                let output = output.map_err(|error| error.to_failure())?;
                codec::write_output("operation", name, &output)
                    .map(codec::unless_null)
                    .map_err(Failure::non_retriable)
            })
        });
        self.operations.retain(|other| !same_name(other.name, name));
        self.operations.push(Registered { name, run });
        self
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn find(&self, operation: &str) -> Option<&Registered<S>> {
        let known = |known: &&Registered<S>| same_name(known.name, operation);
        self.operations.iter().find(known)
    }
}

/// Gives the closure the lifetimes that the compiler does not infer.
fn erased<S, F>(run: F) -> Arc<Run<S>>
where
    F: for<'a> Fn(EntityContext, &'a mut S, Option<&'a str>) -> Running<'a> + Send + Sync + 'static,
{
    Arc::new(run)
}

impl<S> fmt::Debug for EntityFunction<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: Vec<_> = self.operations.iter().map(|known| known.name).collect();
        f.debug_struct("EntityFunction")
            .field("name", &self.name)
            .field("operations", &operations)
            .finish()
    }
}
