//! What is done to one instance: events, terminate, suspend, resume, rewind.

use task_hub::{Error, Moment};

use super::reply::Reply;
use super::request::Parts;
use crate::hub::driver::{OperationError, TaskHub};
use crate::hub::{Inner, nonchars};
use crate::json::{Json, parse_payload};

/// The body must be JSON, and the header must say so, also for an event without data.
pub(super) async fn raise(hub: &Inner, parts: &Parts<'_>, id: &str, name: &str) -> Reply {
    if let Err(reply) = is_running(hub, parts, id).await {
        return reply;
    }
    if !parts.is_json() {
        return Reply::message(400, "Only application/json request content is supported");
    }
    let data = match parse_payload(&parts.request.body) {
        Ok(data) => data.with_dates_as_written().to_compact(),
        Err(error) => return Reply::invalid_json(&error),
    };
    if nonchars::refused(hub, "the name of an event", Some(name))
        || nonchars::refused(hub, "the data of an event", Some(&data))
    {
        return storage_error();
    }
    let (id, name) = (id.to_owned(), name.to_owned());
    operate(hub, move |hub, at| hub.raise(at, &id, name, Some(data))).await
}

pub(super) async fn terminate(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    change(hub, parts, id, |hub, at, id, reason| {
        hub.terminate(at, id, reason)
    })
    .await
}

pub(super) async fn suspend(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    change(hub, parts, id, |hub, at, id, reason| {
        hub.suspend(at, id, reason)
    })
    .await
}

pub(super) async fn resume(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    change(hub, parts, id, |hub, at, id, reason| {
        hub.resume(at, id, reason)
    })
    .await
}

/// The dollar sign in the text is the real host's.
pub(super) async fn rewind(hub: &Inner, parts: &Parts<'_>, id: &str) -> Reply {
    let reason = parts.text("reason").map(str::to_owned);
    let not_found = || {
        let text = format!("No orchestration with instance ID \"${id}\" found.");
        Reply::text(404, text)
    };
    if parts.is_foreign {
        return not_found();
    }
    let target = id.to_owned();
    let rewound = hub
        .driver
        .operate(move |hub, at| hub.rewind(at, &target, reason));
    match rewound.await {
        Ok(()) => Reply::empty(202),
        Err(OperationError::Refused(Error::NotFound(_) | Error::Missing(_))) => not_found(),
        Err(OperationError::Refused(Error::WrongStatus { status, .. })) => Reply::text(
            412,
            format!(
                "This orchestration has status {}, but only orchestrations in the \"Failed\" state can be rewound.",
                status.as_str()
            ),
        ),
        Err(error) => error.into(),
    }
}

/// An operation with a reason.
async fn change(
    hub: &Inner,
    parts: &Parts<'_>,
    id: &str,
    run: fn(&mut TaskHub, &mut Moment<'_>, &str, Option<String>) -> Result<(), Error>,
) -> Reply {
    if let Err(reply) = is_running(hub, parts, id).await {
        return reply;
    }
    let reason = parts.text("reason").map(str::to_owned);
    if nonchars::refused(hub, "the reason of an operation", reason.as_deref()) {
        return storage_error();
    }
    let id = id.to_owned();
    operate(hub, move |hub, at| run(hub, at, &id, reason)).await
}

async fn operate(
    hub: &Inner,
    run: impl FnOnce(&mut TaskHub, &mut Moment<'_>) -> Result<(), Error> + Send + 'static,
) -> Reply {
    match hub.driver.operate(run).await {
        Ok(()) => Reply::empty(202),
        Err(error) => error.into(),
    }
}

/// # Errors
/// 404 for an unknown instance, 410 for one that has ended.
async fn is_running(hub: &Inner, parts: &Parts<'_>, id: &str) -> Result<(), Reply> {
    if parts.is_foreign {
        return Err(Reply::empty(404));
    }
    let id = id.to_owned();
    let instance = hub.driver.read(move |hub| hub.instance(&id)).await?;
    match instance {
        None => Err(Reply::empty(404)),
        Some(instance) if instance.status.is_terminal() => Err(Reply::empty(410)),
        Some(_) => Ok(()),
    }
}

/// The storage queue refuses the message.
pub(super) fn storage_error() -> Reply {
    let mut body = crate::json::JsonObject::new();
    body.insert(
        "Message",
        "Something went wrong while processing your request",
    );
    body.insert("ExceptionMessage", nonchars::STORAGE_ERROR);
    Reply::json(500, &Json::Object(body))
}
