//! Takes the messages of one queue and runs the function of each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::LEASE;
use super::client::{QueueClient, QueueError};
use super::message::Message;
use crate::functions::Function;
use crate::host_json::QueueOptions;
use crate::http::App;
use crate::json::JsonObject;
use crate::log::{LogLevel, Logger};
use crate::messages;

/// The first pause after a poll that brought nothing; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause while the service cannot be used.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// The pause before a request about a message is made again.
const AGAIN: Duration = Duration::from_millis(250);
/// The name of a queue's poison queue ends so; it has none itself.
const POISON: &str = "-poison";

/// A function and its queue.
#[derive(Debug)]
pub(super) struct Listener {
    function: Function,
    queue: QueueClient,
    poison: Option<QueueClient>,
    options: QueueOptions,
    /// For how long a message is hidden when it is taken.
    pub(super) lease: Duration,
    /// What the log has said last about the queue as a whole; `None` before the first answer.
    said: Mutex<Option<Said>>,
    /// How many messages are done and could not be deleted or made visible yet.
    unsettled: watch::Sender<usize>,
}

#[derive(Debug)]
enum Said {
    Reading,
    Problem(QueueError),
}

impl Said {
    /// An emulator that goes away refuses requests in more than one way.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reading, Self::Reading) => true,
            (Self::Problem(one), Self::Problem(other)) => {
                one == other || (one.is_away() && other.is_away())
            }
            _ => false,
        }
    }
}

/// How a delivery ended.
enum Outcome {
    Done,
    Failed,
}

/// What becomes of a message after its delivery.
enum Fate<'a> {
    Deleted,
    VisibleIn(Duration),
    /// Copied to the poison queue, then deleted.
    Poisoned(&'a QueueClient),
}

impl Listener {
    pub(super) fn new(function: &Function, queue: QueueClient, options: QueueOptions) -> Self {
        let name = queue.name();
        let poison = (!name.ends_with(POISON)).then(|| queue.sibling(format!("{name}{POISON}")));
        Self {
            function: function.clone(),
            queue,
            poison,
            options,
            lease: LEASE,
            said: Mutex::new(None),
            unsettled: watch::channel(0).0,
        }
    }

    /// Takes messages; the queue is created when it is not there.
    async fn take(&self) -> Result<Vec<Message>, QueueError> {
        let count = self.options.batch_size;
        match self.queue.take(count, self.lease).await {
            Err(QueueError::Status { code, .. }) if code == "QueueNotFound" => {
                self.queue.create().await?;
                Ok(Vec::new())
            }
            taken => taken,
        }
    }

    /// Tells of the queue, once for each change.
    fn tell(&self, now: Said, log: &Logger) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref().is_some_and(|said| said.is_same(&now)) {
            return;
        }
        let (function, queue) = (&self.function.name, self.queue.name());
        match &now {
            Said::Reading => log.user(
                LogLevel::Info,
                format!(
                    "{function}: reading the queue '{queue}' at {}.",
                    self.queue.address()
                ),
            ),
            Said::Problem(problem) => {
                let help = if problem.is_away() {
                    "Start the storage emulator (npx azurite), or run the function with the command in the list of \
                     functions. The queue is read as soon as the emulator is there."
                } else {
                    "Look at the setting that the trigger names as its connection. local-host goes on trying."
                };
                log.warning(format!(
                    "{function}: the queue '{queue}' cannot be read: {problem}. {help}"
                ));
            }
        }
        *said = Some(now);
    }

    /// One delivery of a message, to its end.
    async fn deliver(
        self: Arc<Self>,
        mut message: Message,
        app: Arc<App>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let log = app.log();
        let most = self.options.max_dequeue_count;
        let fate = match &self.poison {
            // Taken by a request that was already under way.
            _ if *stopping.borrow() => Fate::VisibleIn(Duration::ZERO),
            // The last delivery ended without a word, for example with the machine.
            Some(poison) if message.dequeue_count > most => Fate::Poisoned(poison),
            poison => match (self.attempt(&mut message, &app).await, poison) {
                (Outcome::Done, _) => Fate::Deleted,
                // It may have failed because of the end, so it is no reason to give up the message.
                (Outcome::Failed, _) if *stopping.borrow() => Fate::VisibleIn(Duration::ZERO),
                (Outcome::Failed, Some(poison)) if message.dequeue_count >= most => {
                    Fate::Poisoned(poison)
                }
                (Outcome::Failed, _) => Fate::VisibleIn(self.options.visibility_timeout),
            },
        };
        if let Fate::Poisoned(poison) = &fate {
            log.warning(format!(
                "Message has reached MaxDequeueCount of {most}. Moving message to queue '{}'. MessageId: {}",
                poison.name(),
                message.id
            ));
        }
        self.settle(&mut message, fate, &mut stopping, log).await;
    }

    /// Runs the function, and keeps the message hidden meanwhile.
    async fn attempt(&self, message: &mut Message, app: &Arc<App>) -> Outcome {
        let log = app.log();
        let details = message.details();
        let Some(body) = message.body(self.options.base64) else {
            log.error(format!(
                "{}: a message of the queue '{}' is not base64. Encode it, or set extensions.queues.messageEncoding to \
                 none in host.json. {details}",
                self.function.name,
                self.queue.name()
            ));
            return Outcome::Failed;
        };
        log.user(
            LogLevel::Info,
            format!("{}: Trigger Details: {details}", self.function.name),
        );
        let invocation = invoke(
            Arc::clone(app),
            self.function.clone(),
            self.queue.name().to_owned(),
            body,
            message.clone(),
        );
        // A task of its own, so that it goes on while the message is renewed.
        let mut invocation = tokio::spawn(invocation);
        let mut renewal = Instant::now() + self.lease / 2;
        loop {
            tokio::select! {
                outcome = &mut invocation => return outcome.unwrap_or(Outcome::Failed),
                () = tokio::time::sleep_until(renewal) => {}
            }
            renewal = Instant::now()
                + match self.queue.hide(message, self.lease).await {
                    Ok(()) => self.lease / 2,
                    // It is visible again, and what follows finds that out.
                    Err(error) if error.is_gone() => self.lease,
                    Err(_) => AWAY_PAUSE,
                };
        }
    }

    /// Deletes the message or makes it visible. While the emulator is away it tries again until the end of
    /// local-host; no other message is taken meanwhile, so that a message that is done is not delivered again.
    async fn settle(
        &self,
        message: &mut Message,
        mut fate: Fate<'_>,
        stopping: &mut watch::Receiver<bool>,
        log: &Logger,
    ) {
        let mut waits = None;
        loop {
            let done = match fate {
                Fate::Deleted => self.queue.delete(message).await,
                Fate::VisibleIn(pause) => self.queue.hide(message, pause).await,
                Fate::Poisoned(poison) => poison.put_or_create(&message.text).await,
            };
            let error = match done {
                // A copy is made once.
                Ok(()) if matches!(fate, Fate::Poisoned(_)) => {
                    fate = Fate::Deleted;
                    continue;
                }
                Ok(()) => return,
                Err(error) => error,
            };
            let last = *stopping.borrow();
            if error.is_gone() || last || !error.is_away() {
                let what = match fate {
                    Fate::Deleted => "be deleted",
                    Fate::VisibleIn(_) => "be made visible",
                    Fate::Poisoned(_) => "be moved to the poison queue",
                };
                log.warning(format!(
                    "{}: a message of the queue '{}' could not {what}: {error}. It is delivered again if it is still \
                     there. MessageId: {}",
                    self.function.name,
                    self.queue.name(),
                    message.id
                ));
                return;
            }
            waits.get_or_insert_with(|| Unsettled::new(&self.unsettled));
            self.tell(Said::Problem(error), log);
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        }
    }
}

/// Counts a message that is done and not settled, until it is dropped.
struct Unsettled<'a>(&'a watch::Sender<usize>);

impl<'a> Unsettled<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Takes messages until the end is asked for, and then waits for those that are under way.
pub(super) async fn run(
    listener: Arc<Listener>,
    app: Arc<App>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut deliveries = JoinSet::new();
    let mut pause = Duration::ZERO;
    let mut settled = listener.unsettled.subscribe();
    let room = listener.options.new_batch_threshold;
    'polls: loop {
        loop {
            let has_room = deliveries.len() <= room;
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => break 'polls,
                Some(_) = deliveries.join_next() => {}
                () = tokio::time::sleep(pause), if has_room => break,
            }
        }
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break 'polls,
            _ = settled.wait_for(|count| *count == 0) => {}
        }
        // It is not given up halfway: messages that have been taken would be hidden until their lease ends.
        let taken = listener.take().await;
        let log = app.log();
        pause = match taken {
            Ok(messages) => {
                listener.tell(Said::Reading, log);
                let longest = listener.options.max_polling_interval;
                let next = if messages.is_empty() {
                    (pause * 2).clamp(FIRST_PAUSE, longest)
                } else {
                    Duration::ZERO
                };
                for message in messages {
                    deliveries.spawn(Arc::clone(&listener).deliver(
                        message,
                        Arc::clone(&app),
                        stopping.clone(),
                    ));
                }
                next
            }
            Err(problem) => {
                listener.tell(Said::Problem(problem), log);
                (pause * 2).clamp(FIRST_PAUSE, AWAY_PAUSE)
            }
        };
    }
    while deliveries.join_next().await.is_some() {}
}

/// Runs the function with a message.
async fn invoke(
    app: Arc<App>,
    function: Function,
    queue: String,
    body: Vec<u8>,
    message: Message,
) -> Outcome {
    let Some(trigger) = function.trigger() else {
        return Outcome::Failed;
    };
    let (mut data, metadata): (JsonObject, JsonObject) =
        messages::arguments(&function, trigger, Some(&body), message.properties());
    app.add_inputs(&function, &mut data);
    let reason = format!("New queue message detected on '{queue}'.");
    let invocation = app.handler.begin(&function.name, &reason);
    let error = invocation.send(data, metadata).await.err();
    let error = error.map(|error| error.to_string());
    invocation.end(error.as_deref());
    match error {
        None => Outcome::Done,
        Some(_) => Outcome::Failed,
    }
}
