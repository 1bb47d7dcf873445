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
    /// The inputs beside the trigger. Only activities get them.
    pub inputs: Vec<Input>,
}

/// An input beside the trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name of the binding: the member of `Data` that holds its value.
    pub name: String,
    /// What its value is.
    pub source: InputSource,
}

/// What the value of an input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// The durable client.
    DurableClient {
        /// `taskHub` of the binding.
        task_hub: Option<String>,
        /// `connectionName` of the binding.
        connection: Option<String>,
    },
    /// Something that local-host does not provide: null.
    Unknown,
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

impl DurableKind {
    fn trigger_type(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrationTrigger",
            Self::Activity => "activityTrigger",
            Self::Entity => "entityTrigger",
        }
    }
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

    /// For messages: the names of all functions of a kind.
    pub(super) fn names(&self, kind: DurableKind) -> String {
        self.table(kind).names.join(", ")
    }

    /// For the log: why there is no function `name` of this kind, where function.json shows it.
    pub(super) fn help(&self, name: &str, kind: DurableKind) -> Option<String> {
        let kinds = [
            DurableKind::Orchestrator,
            DurableKind::Activity,
            DurableKind::Entity,
        ];
        let other = kinds
            .into_iter()
            .find_map(|other| self.table(other).get(name));
        if let Some(other) = other {
            return Some(format!(
                "{}/function.json has the trigger {}, not {}.",
                other.folder,
                other.kind.trigger_type(),
                kind.trigger_type()
            ));
        }
        self.table(kind)
            .names
            .is_empty()
            .then(|| format!("No function.json has the trigger {}.", kind.trigger_type()))
    }

    fn table(&self, kind: DurableKind) -> &Table {
        match kind {
            DurableKind::Orchestrator => &self.orchestrators,
            DurableKind::Activity => &self.activities,
            DurableKind::Entity => &self.entities,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_function_is_explained_by_the_trigger_that_its_folder_has() {
        let function = |folder: &str, kind| DurableFunction {
            folder: folder.to_owned(),
            name: folder.to_owned(),
            kind,
            binding: "input".to_owned(),
            inputs: Vec::new(),
        };
        let functions = Functions::new(vec![
            function("run", DurableKind::Orchestrator),
            function("count", DurableKind::Orchestrator),
        ])
        .unwrap();
        let help = |name, kind| functions.help(name, kind);
        assert_eq!(
            help("Count", DurableKind::Activity).as_deref(),
            Some("count/function.json has the trigger orchestrationTrigger, not activityTrigger.")
        );
        assert_eq!(
            help("other", DurableKind::Activity).as_deref(),
            Some("No function.json has the trigger activityTrigger.")
        );
        assert_eq!(help("other", DurableKind::Orchestrator), None);
    }
}
