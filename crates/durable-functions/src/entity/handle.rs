//! Names with types, for entities.

use std::fmt;
use std::marker::PhantomData;

use durable_protocol::EntityId;

use crate::handle::handle_traits;

/// An entity function: its name, and the type `S` of an entity's state.
///
/// ```
/// use durable_functions::{Entity, Operation};
///
/// const COUNTER: Entity<i64> = Entity::new("counter");
/// const ADD: Operation<i64, i64> = Operation::new("add");
///
/// assert_eq!(COUNTER.id("a").to_string(), "@counter@a");
/// ```
pub struct Entity<S> {
    name: &'static str,
    state: PhantomData<fn() -> S>,
}

impl<S> Entity<S> {
    /// The entity function in the function folder `name`.
    pub const fn new(name: &'static str) -> Self {
        Entity {
            name,
            state: PhantomData,
        }
    }

    /// The name of the function.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The entity with this key; see [`EntityId::new`] for what a key may be.
    pub fn id(&self, key: impl Into<String>) -> EntityId {
        EntityId::new(self.name, key)
    }
}

/// An operation of an entity: its name, its input `I` and its output `O`, both JSON.
///
/// The same constant is used by those who call the operation and by the entity function that has it,
/// so that the compiler checks both sides.
pub struct Operation<I, O> {
    name: &'static str,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Operation<I, O> {
    /// The operation with this name, whose letter case does not count.
    pub const fn new(name: &'static str) -> Self {
        Operation {
            name,
            types: PhantomData,
        }
    }

    /// The name of the operation.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

handle_traits!(Entity<S>);
handle_traits!(Operation<I, O>);
