//! Why an answer is refused.

/// Where in an answer a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    ActivityName,
    /// With the name of the activity.
    ActivityInput(String),
    ChildId,
    ChildName,
    /// With the name of the sub-orchestration.
    ChildInput(String),
    ChildOutput,
    ChildFailure,
    EventName,
    /// With the name of the event.
    EventData(String),
    /// With the id of the entity.
    EntityMessage(String),
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// An action lacks a field that it needs. A real host fails with a null reference.
    FieldMissing,
    /// An action of this kind. A real host does not support it either.
    Unsupported(&'static str),
    /// The custom status has this many UTF-16 units, more than [`Limits::longest_custom_status`].
    ///
    /// [`Limits::longest_custom_status`]: crate::options::Limits::longest_custom_status
    CustomStatusTooLong(usize),
    /// A timer beyond [`Limits::longest_timer`]. A real host delivers the turn again for ever.
    ///
    /// [`Limits::longest_timer`]: crate::options::Limits::longest_timer
    TimerTooFar,
    /// A signal that is scheduled further ahead than that.
    SignalTooFar,
    /// A sub-orchestration without an instance id. A real host cannot process the message.
    ChildWithoutId {
        /// The name of the sub-orchestration.
        name: String,
    },
    /// A sub-orchestration whose id begins with `@`. A real host would send the message to the entities.
    ChildWithEntityId {
        /// The id.
        id: String,
    },
    /// A sub-orchestration with the id of an instance that runs. On a real host the two overwrite each other.
    ChildIdTaken {
        /// The id.
        id: String,
    },
    /// A character that a storage queue refuses.
    Character {
        /// Where it is.
        place: Place,
        /// Its name, for example `U+FFFE`.
        character: &'static str,
    },
    /// A message that the entity could not read.
    EntityMessage {
        /// The id of the entity.
        target: String,
        /// What is wrong with it.
        why: String,
    },
    /// A completion with a status that is not an end.
    NotAnEnd {
        /// The name of the status, or its number.
        status: String,
    },
}

/// A refused answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong.
    pub refusal: Refusal,
    /// The bad action is behind a completion. A real host catches no exception there and delivers the turn
    /// again for ever.
    pub behind_completion: bool,
}
