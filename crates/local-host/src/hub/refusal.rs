//! The failure of an instance whose answer the hub refused.

use task_hub::{Place, Refusal, Refused};

use super::failure::{Cause, HostFailure, NOT_SUPPORTED};
use super::functions::Functions;
use super::nonchars;

/// `name` is the orchestrator as the client spelled it.
pub(super) fn failure(functions: &Functions, name: &str, refused: &Refused) -> HostFailure {
    let exception = |cause: Cause| {
        if refused.behind_completion {
            // A real host reads the actions after a completion in a place where no exception is caught.
            return HostFailure::refused(
                name,
                &format!("a bad action behind the completion ({}).", cause.message),
                "the turn would be delivered again for ever, and all orchestrations of the task hub \
                 would slow down to one turn in ten seconds. Put the completion last, once.",
            );
        }
        let folder = functions
            .orchestrator(name)
            .map_or(name, |function| &function.folder);
        HostFailure::exception(name, folder, &cause)
    };
    let worse = |what: &str, real_host: &str| HostFailure::refused(name, what, real_host);
    match &refused.refusal {
        Refusal::FieldMissing => exception(Cause::new(
            "System.NullReferenceException",
            "Object reference not set to an instance of an object.",
        )),
        Refusal::Unsupported(kind) => exception(Cause::new(
            NOT_SUPPORTED,
            format!("Received unsupported action type '{kind}'."),
        )),
        Refusal::CustomStatusTooLong(length) => exception(Cause::new(
            "System.ArgumentException",
            format!(
                "CustomStatus is too large: limit = 16 KB (UTF-16), actual = {:.2} KB.",
                *length as f64 * 2.0 / 1024.0
            ),
        )),
        Refusal::TimerTooFar => worse(
            "it creates a timer more than seven days ahead.",
            "the Azure Storage provider cannot store such a timer: the turn would be delivered \
             again for ever, and all orchestrations of the task hub would slow down to one turn \
             in ten seconds. Split long timers into shorter ones.",
        ),
        Refusal::SignalTooFar => worse(
            "it schedules a signal more than seven days ahead.",
            "the Azure Storage provider cannot store such a message: the turn would be \
             delivered again for ever.",
        ),
        Refusal::ChildWithoutId { name: child } => worse(
            &format!("it starts sub-orchestration '{child}' without an instance id."),
            "the message could not be processed or removed: the parent would stay Running and \
             the task hub would slow down to one turn in ten seconds. Generate the id.",
        ),
        Refusal::ChildWithEntityId { id } => worse(
            &format!("the id '{id}' of a sub-orchestration begins with '@'."),
            "the message would go to the entities and could not be processed or removed.",
        ),
        Refusal::ChildIdTaken { id } => worse(
            &format!(
                "it starts a sub-orchestration with the id '{id}' of an instance that is running."
            ),
            "the two would overwrite each other: turns and activities repeat, results come late \
             or never.",
        ),
        Refusal::Character { place, character } => worse(
            &format!("{} holds {character}.", words(place)),
            nonchars::REPEATED_TURN,
        ),
        Refusal::EntityMessage { target, why } => worse(
            &format!("it sends an event to the entity '{target}', and {why}."),
            "the entity could not process the message, or would ignore it.",
        ),
        Refusal::NotAnEnd { status } => worse(
            &format!("it completes with status {status}, which is not an end."),
            "the instance would keep that status and never run again.",
        ),
        // A refusal that this program has no words for yet.
        other => worse(&format!("{other:?}."), "it is not known what happens."),
    }
}

/// The same for workers: one text, without what a real host does.
pub(super) fn for_workers(functions: &Functions, name: &str, refused: &Refused) -> String {
    let refused_for = |why: &str| format!("local-host refused an answer of '{name}': {why}.");
    match &refused.refusal {
        Refusal::FieldMissing => refused_for("an action lacks a field"),
        Refusal::Unsupported(kind) => refused_for(&format!("it has no action '{kind}'")),
        _ => failure(functions, name, refused).message(),
    }
}

fn words(place: &Place) -> String {
    match place {
        Place::ActivityName => "the name of an activity".to_owned(),
        Place::ActivityInput(name) => format!("the input of activity '{name}'"),
        Place::ChildId => "the id of a sub-orchestration".to_owned(),
        Place::ChildName => "the name of a sub-orchestration".to_owned(),
        Place::ChildInput(name) => format!("the input of sub-orchestration '{name}'"),
        Place::ChildOutput => "the output of a sub-orchestration".to_owned(),
        Place::ChildFailure => "the failure of a sub-orchestration".to_owned(),
        Place::EventName => "the name of an event".to_owned(),
        Place::EventData(name) => format!("the data of event '{name}'"),
        Place::EntityMessage(target) => format!("a message to the entity '{target}'"),
    }
}
