//! Invocations: sending them, limiting them, logging them.

use super::answer;
use super::client::{CallError, Client, RawAnswer};
use super::echoes::Listening;
use super::runner::State;
use super::supervise::Supervisor;
use crate::invoke::{Disconnect, InvocationAnswer, Invoke, InvokeError};
use crate::json::{Json, JsonObject, parse_prefix};
use crate::log::{LogLevel, Logger};
use crate::queues::QueueOutputs;
use bytes::Bytes;
use durable_protocol::http_activity::time_span;
use futures::future::BoxFuture;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The reason that the log gives for invocations of the task hub.
const NO_REASON: &str = "(null)";

/// Limits of invocations.
#[derive(Clone, Copy, Debug)]
pub struct HandlerOptions {
    /// `functionTimeout`; `None` = no limit.
    pub function_timeout: Option<Duration>,
    /// How long after a time-out the handler is killed: 2 seconds in a real host.
    pub grace: Duration,
}

/// Sends invocations to the handler; cheap to clone.
#[derive(Clone)]
pub struct Handler {
    supervisor: Supervisor,
    client: Client,
    options: HandlerOptions,
    outputs: QueueOutputs,
    log: Logger,
}

impl Handler {
    /// A handler that `supervisor` keeps running.
    #[must_use]
    pub fn new(supervisor: Supervisor, options: HandlerOptions, log: Logger) -> Self {
        Self {
            client: Client::new(supervisor.port()),
            supervisor,
            options,
            outputs: QueueOutputs::default(),
            log,
        }
    }

    /// Writes the values of these outputs of all functions.
    #[must_use]
    pub fn with_outputs(self, outputs: QueueOutputs) -> Self {
        Self { outputs, ..self }
    }

    /// Begins an invocation: logs it and gives it an id. It must be ended with
    /// [`Invocation::end`].
    #[must_use]
    pub(crate) fn begin(&self, function: &str, reason: &str) -> Invocation {
        let id = Uuid::new_v4().to_string();
        // Users need the line about the end; the one about the beginning is printed with `--verbose` only.
        self.log.system(
            LogLevel::Info,
            format!("Executing 'Functions.{function}' (Reason='{reason}', Id={id})"),
        );
        Invocation {
            handler: self.clone(),
            listening: self.supervisor.echoes().listen(&id),
            function: function.to_owned(),
            id,
            started: Instant::now(),
        }
    }

    /// Where the messages go.
    #[must_use]
    pub(crate) fn log(&self) -> &Logger {
        &self.log
    }
}

/// One invocation of a function.
pub(crate) struct Invocation {
    handler: Handler,
    function: String,
    id: String,
    started: Instant,
    listening: Listening,
}

impl Invocation {
    /// Sends the members of `Data` and `Metadata` once the handler is ready, prints the answer's
    /// `Logs` and returns it.
    ///
    /// An invocation that finds no handler waits for the next run of the process and is sent then. A real
    /// host does the same once it has noticed the exit; invocations of the few milliseconds before fail
    /// there.
    ///
    /// # Errors
    /// [`InvokeError`] for everything that fails the invocation in a real host.
    pub(crate) async fn send(
        &self,
        data: JsonObject,
        metadata: JsonObject,
    ) -> Result<InvocationAnswer, InvokeError> {
        let metadata = Json::Object(metadata).to_compact();
        self.send_text(data, &metadata).await
    }

    /// The same with `Metadata` as JSON text: a client can make it so large that building it twice would cost
    /// much memory.
    ///
    /// # Errors Those of [`send`](Self::send).
    pub(crate) async fn send_text(
        &self,
        data: JsonObject,
        metadata: &str,
    ) -> Result<InvocationAnswer, InvokeError> {
        let mut body = String::from("{\"Data\":");
        data.write_compact(&mut body);
        drop(data);
        body.push_str(",\"Metadata\":");
        body.push_str(metadata);
        body.push('}');
        let raw = self.until_sent(&Bytes::from(body)).await?;
        let (answer, logs) = answer::read(&raw).inspect_err(|_| self.repeat(&raw))?;
        for line in self.listening.missing_on_console(logs).await {
            self.handler.log.handler(LogLevel::Info, line);
        }
        self.handler.outputs.write(&self.function, &answer).await?;
        Ok(answer)
    }

    /// Prints the message of a handler that answers with a client error. A real host drops it, so that `404
    /// (Not Found)` is all that it shows for a function that is not registered.
    fn repeat(&self, raw: &RawAnswer) {
        if !raw.status.is_client_error() {
            return;
        }
        let Ok(Json::Object(body)) = parse_prefix(&String::from_utf8_lossy(&raw.body)) else {
            return;
        };
        if let Some(said) = body.get("error").and_then(Json::as_text) {
            self.handler
                .log
                .warning(format!("{}: the handler says: {said}", self.function));
        }
    }

    async fn until_sent(&self, body: &Bytes) -> Result<RawAnswer, InvokeError> {
        let supervisor = &self.handler.supervisor;
        let port = supervisor.port();
        let mut waits_since = None;
        loop {
            let run = match supervisor.settled().await {
                State::Ready(run) => run,
                State::Exited => return Err(Disconnect::Exited { port }.into()),
                State::Starting | State::Stopping(_) | State::HostStopped(_) => {
                    return Err(InvokeError::Stopping);
                }
            };
            let why = match self.once(body.clone(), run).await? {
                Ok(raw) => return Ok(raw),
                Err(CallError::Broken(how)) => return Err(how.into()),
                Err(CallError::NotSent(why)) => why,
            };
            let waits_since = waits_since.get_or_insert_with(|| {
                self.handler.log.system(
                    LogLevel::Info,
                    format!(
                        "Invocation '{}' of '{}' is held back until the handler takes it: {why}. Nothing of it has been sent.",
                        self.id, self.function
                    ),
                );
                Instant::now()
            });
            if waits_since.elapsed() >= supervisor.hold_limit() {
                return Err(Disconnect::Refused { port, why }.into());
            }
            supervisor.end_or_pause(run).await;
        }
    }

    /// Sends the request once. `functionTimeout` counts from here on.
    async fn once(
        &self,
        body: Bytes,
        run: u64,
    ) -> Result<Result<RawAnswer, CallError>, InvokeError> {
        let call = self.handler.client.post(&self.function, &self.id, body);
        let outcome = match self.handler.options.function_timeout {
            None => call.await,
            Some(limit) => match tokio::time::timeout(limit, call).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(self.time_out(limit, run).await),
            },
        };
        if let Ok(raw) = &outcome
            && raw.says_stopping()
        {
            self.handler.supervisor.mark_stopping(run);
        }
        Ok(outcome)
    }

    /// Kills and restarts the handler after the grace period. An answer within that time is lost, as in a
    /// real host.
    async fn time_out(&self, limit: Duration, run: u64) -> InvokeError {
        let timeout = time_span(limit);
        self.handler.log.error(format!(
            "Timeout value of {timeout} exceeded by function 'Functions.{}' (Id: '{}'). Initiating cancellation.",
            self.function, self.id
        ));
        tokio::time::sleep(self.handler.options.grace).await;
        self.handler.log.error(format!(
            "A function timeout has occurred. Restarting worker process executing invocationId '{}'.",
            self.id
        ));
        self.handler.supervisor.restart(run);
        InvokeError::Timeout {
            timeout,
            function: self.function.clone(),
        }
    }

    /// Ends the invocation: logs how it went.
    pub(crate) fn end(self, error: Option<&str>) {
        let Self {
            handler,
            function,
            id,
            started,
            ..
        } = self;
        let duration = started.elapsed().as_millis();
        match error {
            None => handler.log.user(
                LogLevel::Info,
                format!(
                    "Executed 'Functions.{function}' (Succeeded, Id={id}, Duration={duration}ms)"
                ),
            ),
            Some(error) => handler.log.error(format!(
                "Executed 'Functions.{function}' (Failed, Id={id}, Duration={duration}ms)\n\
                 Exception while executing function: Functions.{function}. {error}"
            )),
        }
    }
}

impl Invoke for Handler {
    fn invoke(
        &self,
        function: &str,
        data: JsonObject,
        metadata: JsonObject,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>> {
        let invocation = self.begin(function, NO_REASON);
        Box::pin(async move {
            let result = invocation.send(data, metadata).await;
            let error = result.as_ref().err().map(ToString::to_string);
            invocation.end(error.as_deref());
            result
        })
    }
}
