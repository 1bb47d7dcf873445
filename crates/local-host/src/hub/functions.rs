//! The durable functions of the app. Names do not depend on case.

use std::collections::HashMap;

/// A function with an orchestration, activity or entity trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableFunction {
    /// The folder: the name under which the handler is called.
    pub folder: String,
    /// The durable name: `orchestration`, `activity` or `entityName` of the binding, else the folder.
    pub name: String,
    /// The kind of its trigger.
    pub kind: DurableKind,
    /// The name of the trigger binding: the member of `Data` that holds the input.
    pub binding: String,
}

/// The kinds of durable functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DurableKind {
    /// `orchestrationTrigger`.
    Orchestrator,
    /// `activityTrigger`.
    Activity,
    /// `entityTrigger`.
    Entity,
}

#[derive(Debug)]
pub(super) struct Functions {
    orchestrators: Table,
    activities: Table,
    entities: Table,
}

#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<String, DurableFunction>,
    /// In the order of the app, each in single quotes.
    names: Vec<String>,
}

impl Functions {
    /// # Errors
    /// Two functions of one kind have the same name.
    pub(super) fn new(functions: Vec<DurableFunction>) -> anyhow::Result<Self> {
        let mut orchestrators = Table::default();
        let mut activities = Table::default();
        let mut entities = Table::default();
        for function in functions {
            match function.kind {
                DurableKind::Orchestrator => orchestrators.add(function)?,
                DurableKind::Activity => activities.add(function)?,
                DurableKind::Entity => entities.add(function)?,
            }
        }
        Ok(Self {
            orchestrators,
            activities,
            entities,
        })
    }

    pub(super) fn orchestrator(&self, name: &str) -> Option<&DurableFunction> {
        self.orchestrators.get(name)
    }

    pub(super) fn activity(&self, name: &str) -> Option<&DurableFunction> {
        self.activities.get(name)
    }

    pub(super) fn entity(&self, name: &str) -> Option<&DurableFunction> {
        self.entities.get(name)
    }

    /// For messages.
    pub(super) fn entity_names(&self) -> String {
        self.entities.names.join(", ")
    }

    /// For messages.
    pub(super) fn orchestrator_names(&self) -> String {
        self.orchestrators.names.join(", ")
    }

    /// For messages.
    pub(super) fn activity_names(&self) -> String {
        self.activities.names.join(", ")
    }
}

impl Table {
    fn add(&mut self, function: DurableFunction) -> anyhow::Result<()> {
        let name = function.name.clone();
        let folder = function.folder.clone();
        if let Some(other) = self.by_name.insert(name.to_lowercase(), function) {
            anyhow::bail!(
                "the functions in '{}' and '{folder}' have the same name '{name}'; durable \
                 functions of one kind need distinct names, whatever their case",
                other.folder
            );
        }
        self.names.push(format!("'{name}'"));
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&DurableFunction> {
        self.by_name.get(&name.to_lowercase())
    }
}
