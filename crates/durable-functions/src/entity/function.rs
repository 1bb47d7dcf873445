//! Entity functions: a state and its operations, with their types erased.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
use axum::extract::{FromRef, State};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Entity, EntityContext, Operation};
use crate::name::same_name;
use crate::{Failure, Result, codec};

/// A started operation; yields its result as JSON text. Not `Send`: it lives on one thread.
type Running<'a> = Pin<Box<dyn Future<Output = Result<Option<String>, Failure>> + 'a>>;

type Run<S, A> =
    dyn for<'a> Fn(EntityContext, &A, &'a mut S, Option<&'a str>) -> Running<'a> + Send + Sync;

/// An entity function: what each operation does with the entity's state of type `S`.
///
/// `A` is the state of the app, which operations can take as well: see [`on_with_state`](Self::on_with_state).
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
/// let counter: EntityFunction<i64> = EntityFunction::new(COUNTER)
///     .on(ADD, add)
///     .on(GET, async |_, count: &mut i64, ()| Ok(*count));
/// ```
pub struct EntityFunction<S, A = ()> {
    pub(super) name: &'static str,
    pub(super) operations: Vec<Registered<S, A>>,
}

/// An operation behind its name.
pub(super) struct Registered<S, A> {
    pub(super) name: &'static str,
    pub(super) run: Arc<Run<S, A>>,
}

impl<S: 'static, A: 'static> EntityFunction<S, A> {
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
    pub fn on<I, O, F>(self, operation: Operation<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(EntityContext, &mut S, I) -> Result<O> + Send + Sync + 'static,
    {
        let name = operation.name();
        let function = Arc::new(function);
        let run = erased(move |context, _, state, input| {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let input = read_input(name, input)?;
                write_output(name, function(context, state, input).await)
            })
        });
        self.add(name, run)
    }

    /// Adds an operation that takes a part of the app's state: an
    /// `async fn(EntityContext, State<T>, &mut S, I) -> Result<O>` or a closure of that shape. It replaces one of
    /// the same name.
    ///
    /// The function is registered with `entity_with_state`.
    ///
    /// ```
    /// use durable_functions::{Entity, EntityContext, EntityFunction, Operation, Result, State};
    ///
    /// #[derive(Clone)]
    /// struct Limit(i64);
    ///
    /// const COUNTER: Entity<i64> = Entity::new("counter");
    /// const ADD: Operation<i64, i64> = Operation::new("add");
    ///
    /// async fn add(_: EntityContext, State(limit): State<Limit>, count: &mut i64, n: i64) -> Result<i64> {
    ///     *count = (*count + n).min(limit.0);
    ///     Ok(*count)
    /// }
    ///
    /// fn counter() -> EntityFunction<i64, Limit> {
    ///     EntityFunction::new(COUNTER).on_with_state(ADD, add)
    /// }
    /// ```
    #[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
    #[must_use]
    pub fn on_with_state<T, I, O, F>(self, operation: Operation<I, O>, function: F) -> Self
    where
        T: FromRef<A> + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(EntityContext, State<T>, &mut S, I) -> Result<O> + Send + Sync + 'static,
    {
        let name = operation.name();
        let function = Arc::new(function);
        let run = erased(move |context, app, state, input| {
            let function = Arc::clone(&function);
            let app = State(T::from_ref(app));
            Box::pin(async move {
                let input = read_input(name, input)?;
                write_output(name, function(context, app, state, input).await)
            })
        });
        self.add(name, run)
    }

    fn add(mut self, name: &'static str, run: Arc<Run<S, A>>) -> Self {
        self.operations.retain(|other| !same_name(other.name, name));
        self.operations.push(Registered { name, run });
        self
    }

    /// Gives the operations the app's state.
    #[cfg(any(feature = "handler", feature = "worker", feature = "testing"))]
    #[must_use]
    pub fn with_state(self, state: A) -> EntityFunction<S>
    where
        A: Send + Sync,
    {
        let state = Arc::new(state);
        let operations = self.operations.into_iter().map(|operation| {
            let (run, app) = (operation.run, Arc::clone(&state));
            Registered {
                name: operation.name,
                run: erased(move |context, (), state, input| run(context, &app, state, input)),
            }
        });
        EntityFunction {
            name: self.name,
            operations: operations.collect(),
        }
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn find(&self, operation: &str) -> Option<&Registered<S, A>> {
        let known = |known: &&Registered<S, A>| same_name(known.name, operation);
        self.operations.iter().find(known)
    }
}

/// Gives the closure the lifetimes that the compiler does not infer.
fn erased<S, A, F>(run: F) -> Arc<Run<S, A>>
where
    F: for<'a> Fn(EntityContext, &A, &'a mut S, Option<&'a str>) -> Running<'a>
        + Send
        + Sync
        + 'static,
{
    Arc::new(run)
}

fn read_input<I: DeserializeOwned>(operation: &str, input: Option<&str>) -> Result<I, Failure> {
    let input = codec::or_null(input.map(str::as_bytes));
    codec::read_input("operation", operation, input)
}

fn write_output<O: Serialize>(
    operation: &str,
    output: Result<O>,
) -> Result<Option<String>, Failure> {
    let output = output.map_err(|error| error.to_failure())?;
    codec::write_output("operation", operation, &output)
        .map(codec::unless_null)
        .map_err(Failure::non_retriable)
}

impl<S, A> fmt::Debug for EntityFunction<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: Vec<_> = self.operations.iter().map(|known| known.name).collect();
        f.debug_struct("EntityFunction")
            .field("name", &self.name)
            .field("operations", &operations)
            .finish()
    }
}
