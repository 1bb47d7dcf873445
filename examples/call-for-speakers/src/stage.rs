//! The stages of a submission, and what is decided in each.

use durable_functions::Event;
use serde::{Deserialize, Serialize};

/// A stage. Its name is the custom status while it lasts, and that of the event that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Is it a talk at all?
    Moderation,
    /// Is it among the best?
    Shortlisting,
    /// Is it in the programme?
    Selection,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 3] = [Self::Moderation, Self::Shortlisting, Self::Selection];

    /// The name of the stage, which clients see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moderation => "Moderation",
            Self::Shortlisting => "Shortlisting",
            Self::Selection => "Selection",
        }
    }

    /// The external event that brings the decision of people.
    #[must_use]
    pub const fn event(self) -> Event<Decision> {
        Event::new(self.name())
    }

    /// The stage with this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// What was decided in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether the submission goes on.
    pub approved: bool,
    /// Why not, for the speaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
