//! Invocations: sending them, limiting them, logging them.

use super::answer;
use super::client::Client;
use super::supervise::{State, Supervisor};
use crate::dotnet_time::format_span;
use crate::invoke::{InvocationAnswer, Invoke, InvokeError};
use crate::json::{Json, JsonObject};
use crate::log::{LogLevel, Logger};
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
            log,
        }
    }

    /// Begins an invocation: logs it and gives it an id. It must be ended with
    /// [`Invocation::end`].
    #[must_use]
    pub fn begin(&self, function: &str, reason: &str) -> Invocation {
        let id = Uuid::new_v4().to_string();
        self.log.user(
            LogLevel::Info,
            format!("Executing 'Functions.{function}' (Reason='{reason}', Id={id})"),
        );
        Invocation {
            handler: self.clone(),
            function: function.to_owned(),
            id,
            started: Instant::now(),
        }
    }

    /// Where the messages go.
    #[must_use]
    pub fn log(&self) -> &Logger {
        &self.log
    }
}

/// One invocation of a function.
pub struct Invocation {
    handler: Handler,
    function: String,
    id: String,
    started: Instant,
}

impl Invocation {
    /// Sends the members of `Data` and `Metadata` once the handler is ready, prints the answer's
    /// `Logs` and returns it.
    ///
    /// # Errors
    /// [`InvokeError`] for everything that fails the invocation in a real host.
    pub async fn send(
        &self,
        data: JsonObject,
        metadata: JsonObject,
    ) -> Result<InvocationAnswer, InvokeError> {
        let life = match self.handler.supervisor.settled().await {
            State::Ready(life) => life,
            State::Exited => {
                return Err(InvokeError::Connection(
                    "the handler has exited with code 0 and is not started again".to_owned(),
                ));
            }
            State::Starting | State::Stopped(_) => return Err(InvokeError::Stopping),
        };
        let body = JsonObject::from_iter([("Data", data), ("Metadata", metadata)]);
        let call =
            self.handler
                .client
                .post(&self.function, &self.id, Json::Object(body).to_compact());
        let raw = match self.handler.options.function_timeout {
            None => call.await?,
            Some(limit) => {
                tokio::pin!(call);
                match tokio::time::timeout(limit, &mut call).await {
                    Ok(raw) => raw?,
                    Err(_) => return Err(self.time_out(limit, life).await),
                }
            }
        };
        let (answer, logs) = answer::read(&raw)?;
        for line in &logs {
            self.handler.log.user(LogLevel::Info, line);
        }
        Ok(answer)
    }

    /// Kills and restarts the handler after the grace period; an answer within it is lost, as in a
    /// real host.
    async fn time_out(&self, limit: Duration, life: u64) -> InvokeError {
        let timeout = format_span(limit);
        self.handler.log.error(format!(
            "Timeout value of {timeout} exceeded by function 'Functions.{}' (Id: '{}'). Initiating cancellation.",
            self.function, self.id
        ));
        tokio::time::sleep(self.handler.options.grace).await;
        self.handler.log.error(format!(
            "A function timeout has occurred. Restarting worker process executing invocationId '{}'.",
            self.id
        ));
        self.handler.supervisor.restart(life);
        InvokeError::Timeout {
            timeout,
            function: self.function.clone(),
        }
    }

    /// Ends the invocation: logs how it went.
    pub fn end(self, error: Option<&str>) {
        let Self {
            handler,
            function,
            id,
            started,
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
