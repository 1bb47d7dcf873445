//! `submit-event`: starts a job for each message of a queue, and notes it for the session in the message.
//!
//! The text is `{"sessionId":"…","start":"2021-01-01","end":"2021-01-31"}`. The trigger in function.json is of Service Bus, or
//! of a storage queue.
//!
//! The steps of a start, in this order: the message is checked, its session gets the job, the job is started. So no job
//! runs that its session does not know. Each step can be repeated without effect on what is there. Whatever goes wrong
//! between two of them, the invocation fails, the service delivers the message again, and all steps are done once more.
//!
//! Invariants: a message starts one job, however often it is delivered. A message that starts none is not completed, unless
//! it is recorded. Neither a session id nor anything of a text gets into a log.

mod identity;
mod report;
mod submission;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use durable_functions::{ClientError, DurableClient};
use functions_handler::{Answer, FunctionError, Invocation, Message};

use crate::{
    counters::STARTS_IN_FLIGHT,
    functions::{
        poison_message::{MAX_TEXT, PoisonMessage},
        process_submission::JobInput,
    },
    jobs::{
        expired,
        poison::record,
        start::{Found, create, find},
    },
    sessions::{Expiry, SessionJob, Sessions, StoreError},
    settings::{MalformedMessages, Settings},
};
use report::Report;
use submission::Submission;

/// The name of the trigger in function.json, for either kind.
const TRIGGER: &str = "message";

/// Why a message did not start a job.
enum Refused {
    /// It never will.
    Malformed(String),
    /// A later delivery may.
    NotNow(String),
}

impl From<ClientError> for Refused {
    fn from(error: ClientError) -> Self {
        Self::NotNow(error.to_string())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::NotNow(error.to_string())
    }
}

/// Takes one message.
///
/// # Errors
/// When the message started no job and was not recorded: then the service delivers it again.
pub async fn submit_event(
    settings: Arc<Settings>,
    sessions: Option<Sessions>,
    invocation: Invocation,
) -> Result<Answer, FunctionError> {
    let message = Message::of(&invocation, TRIGGER)?;
    let client = DurableClient::from_invocation(&invocation)?;
    let id = identity::instance_id(&message, invocation.id());
    let report = Report::of(&message, &id, &settings.messages);
    let refused = match take(&settings, sessions, &client, &message, &id, &report).await {
        Ok(()) => return Ok(Answer::new()),
        Err(refused) => refused,
    };
    let refused = match (refused, settings.messages.malformed) {
        (Refused::Malformed(reason), MalformedMessages::Record) => {
            match PoisonMessage::new(&message, reason.clone()) {
                None => Refused::Malformed(format!(
                    "{reason}; not recorded: expected at most {MAX_TEXT} bytes"
                )),
                Some(poison) => match record(&client, &id, poison).await {
                    Ok(key) => {
                        report.recorded(&reason, &key);
                        return Ok(Answer::new());
                    }
                    Err(error) => Refused::NotNow(format!("{reason}; not recorded: {error}")),
                },
            }
        }
        (refused, _) => refused,
    };
    match refused {
        Refused::Malformed(reason) => report.refused(&reason),
        Refused::NotNow(reason) => {
            report.refused(&reason);
            let wait = wait_before_failing(message.delivery_count().unwrap_or_default());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = invocation.cancellation().cancelled() => {}
            }
        }
    }
    Err("the message was not taken; another line says why".into())
}

/// How long an invocation waits before it fails for a reason that can pass.
///
/// A service delivers a message again as soon as the invocation has failed. Without a wait, a store that is away for a second
/// would use up all deliveries of a message, and send it to the dead-letter queue. With it, ten deliveries take three
/// and a half minutes, and five take one.
fn wait_before_failing(delivery: u64) -> Duration {
    const MOST: Duration = Duration::from_secs(30);
    match u32::try_from(delivery) {
        // By hand: nobody delivers it again.
        Ok(0) => Duration::ZERO,
        Ok(delivery) => 2_u64
            .checked_pow(delivery)
            .map_or(MOST, |seconds| MOST.min(Duration::from_secs(seconds))),
        Err(_) => MOST,
    }
}

/// Starts the job of a message, if it was not started before.
async fn take(
    settings: &Settings,
    sessions: Option<Sessions>,
    client: &DurableClient,
    message: &Message,
    id: &str,
    report: &Report<'_>,
) -> Result<(), Refused> {
    let Submission { session, range } =
        submission::read(message, &settings.into()).map_err(Refused::Malformed)?;
    let sessions = sessions.ok_or_else(|| {
        Refused::NotNow("SessionStore: expected a store, sessions are off".to_owned())
    })?;
    let _place = STARTS_IN_FLIGHT.enter();
    let session = session.key();
    let mut input = JobInput::new(range, settings.jobs.timeout);
    input.session = Some(session.clone());
    // Before the session gets the job: with another message under the same id, it would get that of a stranger.
    let existing = find(client, id, &input).await?;
    if existing == Some(Found::Other) {
        return Err(id_reused());
    }
    // A tombstone is stored before its job is purged, so it is looked for after the job.
    if existing.is_none() && expired::is_tombstone(client, id).await? {
        report.after_the_end();
        return Ok(());
    }
    let now = SystemTime::now();
    let job = SessionJob::new(id, created(message).unwrap_or(now));
    let expiry = Expiry::of_new(&settings.jobs, job.created, now);
    // Also for a job that was started before: its session may have been lost with a store since.
    let registration = sessions.store().add(&session, &job, expiry).await?;
    if existing.is_some() {
        report.again();
        return Ok(());
    }
    input.owner = registration.owner;
    match create(client, id, &input).await? {
        Some(Found::Other) => Err(id_reused()),
        Some(Found::Same) => {
            report.again();
            Ok(())
        }
        None => {
            report.taken();
            Ok(())
        }
    }
}

fn id_reused() -> Refused {
    let reason =
        "message id: expected a new one for each message, this one had another content before";
    Refused::Malformed(reason.to_owned())
}

/// When a message was sent, the same for all its deliveries.
///
/// The host drops the fraction of the second. Sequence numbers stand in for it: they grow by 1, so messages of the same
/// second keep their order but for one pair in a thousand.
fn created(message: &Message) -> Option<SystemTime> {
    let fraction = message.sequence_number().unwrap_or_default() % 1000;
    message
        .enqueued_at()?
        .checked_add(Duration::from_millis(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_a_message_that_cannot_be_taken_now_last_for_minutes() {
        let waits = |count| (1..=count).map(wait_before_failing).sum::<Duration>();
        assert_eq!(waits(10).as_secs(), 210);
        assert_eq!(waits(5).as_secs(), 60);
        assert_eq!(wait_before_failing(0), Duration::ZERO);
        assert_eq!(wait_before_failing(u64::MAX).as_secs(), 30);
    }
}
