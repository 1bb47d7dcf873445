//! A function of the app and the route of its HTTP trigger.

use super::binding::{Binding, Direction};
use super::template::Template;

/// The triggers that fire by what local-host itself serves or keeps, in lower case.
const LOCAL_TRIGGERS: &[&str] = &[
    "httptrigger",
    "orchestrationtrigger",
    "activitytrigger",
    "entitytrigger",
    "timertrigger",
];

/// A function of the app.
#[derive(Clone, Debug)]
pub struct Function {
    /// The folder's name as spelled in the file system: the function's name.
    pub name: String,
    /// The bindings in the order of `function.json`.
    pub bindings: Vec<Binding>,
    /// The route of an HTTP trigger.
    pub route: Option<Route>,
    /// Switched off by an app setting.
    pub disabled: bool,
    /// Whether `function.json` has a `retry` section.
    pub has_retry: bool,
}

/// Where an HTTP function is served.
#[derive(Clone, Debug)]
pub struct Route {
    /// Prefix and route as written.
    pub text: String,
    /// The parsed text.
    pub(crate) template: Template,
    /// The methods as written; `None` = all.
    pub methods: Option<Vec<String>>,
    /// Whether the function's `authLevel` is `anonymous`.
    pub anonymous: bool,
}

impl Route {
    /// Whether the function takes this method; case does not matter.
    #[must_use]
    pub fn allows(&self, method: &str) -> bool {
        self.methods
            .as_ref()
            .is_none_or(|methods| methods.iter().any(|m| m.eq_ignore_ascii_case(method)))
    }
}

/// The functions that run and those that do not.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    /// Usable functions, sorted by name without case.
    pub usable: Vec<Function>,
    /// The functions that were skipped, sorted by name without case.
    pub errors: Vec<FunctionError>,
}

/// Why a function was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// The folder.
    pub function: String,
    /// The message of a real host.
    pub error: String,
    /// What a real host does not say: the file, with line and column where they are known, and what to write
    /// instead.
    pub help: String,
}

impl Function {
    /// The trigger's binding.
    #[must_use]
    pub fn trigger(&self) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.is_trigger())
    }

    /// Whether the trigger is of a service outside, so that it may be necessary to run the function by hand.
    #[must_use]
    pub(crate) fn is_fired_from_outside(&self) -> bool {
        self.trigger()
            .is_some_and(|trigger| !LOCAL_TRIGGERS.contains(&trigger.kind.to_lowercase().as_str()))
    }

    /// The command that runs the function by hand.
    #[must_use]
    pub(crate) fn command(&self, port: u16) -> String {
        format!(
            "curl -i http://localhost:{port}/admin/functions/{} -H 'Content-Type: application/json' -d '{{\"input\":\"text\"}}'",
            self.name
        )
    }

    /// The inputs beside the trigger, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Binding> {
        self.bindings
            .iter()
            .filter(|binding| !binding.is_trigger() && binding.direction != Direction::Out)
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &Binding> {
        self.bindings
            .iter()
            .filter(|binding| !binding.is_trigger() && binding.direction != Direction::In)
    }
}
