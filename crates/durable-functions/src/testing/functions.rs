//! The functions under test, by name.

use std::sync::Arc;

use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::entity::AnyEntity;
use crate::functions::Registered;
use crate::name::same_name;

#[derive(Default)]
pub(super) struct Functions {
    pub(super) orchestrators: Vec<OrchestratorFunction>,
    pub(super) activities: Vec<ActivityFunction>,
    pub(super) entities: Vec<Arc<dyn AnyEntity>>,
}

impl Functions {
    /// Adds a function. It takes the place of one with the same name, so that a test can replace what its set-up
    /// registered.
    pub(super) fn add(&mut self, function: Registered) {
        match function {
            Registered::Orchestrator(it) => {
                replace(&mut self.orchestrators, OrchestratorFunction::name, it);
            }
            Registered::Activity(it) => replace(&mut self.activities, ActivityFunction::name, it),
            Registered::Entity(it) => replace(&mut self.entities, |it| it.name(), it),
        }
    }
}

fn replace<F>(functions: &mut Vec<F>, name: fn(&F) -> &'static str, function: F) {
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
