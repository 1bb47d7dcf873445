//! The server towards the host: port, start, stop.
//!
//! Invariant: it runs on a thread of its own, so nothing that a function does keeps it from answering,
//! nor, in [`Server::run_to_the_end_of_the_process`], from ending the process.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::logs;
use crate::runtimes::OwnThread;
use crate::signal::Signal;
use crate::stop::Stop;

/// How long invocations in flight may go on after a stop signal, unless the app says otherwise.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How long the answers may take to reach the host after the listener has closed.
const ANSWERS_SENT_WITHIN: Duration = Duration::from_millis(500);

/// How long the caller may take to notice that the server has ended.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
const OLD_PORT: &str = "FUNCTIONS_HTTPWORKER_PORT";

/// Why [`App::serve`](crate::App::serve) returned.
#[derive(Debug, thiserror::Error)]
#[must_use = "the host needs the right exit code: end `main` with `exit`"]
#[non_exhaustive]
pub enum ServeError {
    /// The host has not set the port.
    #[error(
        "{PORT} is not set. The Functions host sets it when it starts the handler: \
         start the app with `func start` or local-host, not the handler itself. \
         The handler has one command of its own: `functions [--write]` compares or writes the function.json files"
    )]
    MissingPort,
    /// The port is not a number from 1 to 65535.
    #[error("{variable} is `{value}`, expected a port number from 1 to 65535, such as 7072")]
    #[non_exhaustive]
    InvalidPort {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The port cannot be bound.
    #[error("cannot listen on 127.0.0.1:{port}: {error}")]
    #[non_exhaustive]
    Bind {
        /// The port.
        port: u16,
        /// The system's error.
        error: io::Error,
    },
    /// Two functions are registered under one name.
    #[error("the function `{name}` is registered twice")]
    #[non_exhaustive]
    DuplicateFunction {
        /// The name.
        name: String,
    },
    /// A function is registered under a name that no function can have on a Functions host.
    #[error(
        "`{name}` is not a valid function name: expected a letter, then up to 127 letters, \
         digits, `_` or `-`, and not `host`"
    )]
    #[non_exhaustive]
    FunctionName {
        /// The name.
        name: String,
    },
    /// The process was told to stop, and every invocation in flight has been answered, by its
    /// function or without it.
    #[error("stopped by {0}")]
    Stopped(Signal),
    /// The process was started for the command `functions`, which has ended: see
    /// [`App::serve`](crate::App::serve).
    #[error("the command has ended with exit code {code}")]
    #[non_exhaustive]
    Command {
        /// 0 when function.json files and registrations agree, 1 when they do not, 2 for wrong arguments.
        code: u8,
    },
    /// The server ended by itself, or could not be started.
    #[error("the server failed: {0}")]
    Server(io::Error),
}

impl ServeError {
    /// Logs the reason, and ends the process with [`exit_code`](Self::exit_code).
    ///
    /// A stop is logged at INFO, everything else at ERROR; without logging in this process it is a line on
    /// stderr. The process ends at once: it waits only until what has been logged is written, and not even
    /// for that when nobody reads it.
    ///
    /// Returning from `main` instead drops the runtime, which waits without a limit for every thread that
    /// a function still blocks.
    pub fn exit(&self) -> ! {
        match self {
            Self::Command { .. } => {}
            _ if !tracing::dispatcher::has_been_set() => {
                // A host that is gone leaves a closed pipe behind.
                let _ = writeln!(io::stderr(), "{self}");
            }
            Self::Stopped(_) => tracing::info!("{self}"),
            _ => tracing::error!("{self}"),
        }
        end_process(self.code())
    }

    /// The exit code with which the process should end. Never 0 for a handler: the host does not start a handler
    /// again that ended with 0, and answers every later request with an empty 500.
    ///
    /// 200 after a stop signal: the host starts a new handler at once and does not count it among
    /// the three crashes after which it gives up (the host itself never sends a signal but
    /// SIGKILL, so whoever sent one meant this process only). 1 for everything else.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Stopped(signal) => signal.exit_code(),
            Self::Command { code } => *code,
            _ => 1,
        }
    }
}

/// The port that the host gave.
pub(crate) fn port(variable: impl Fn(&str) -> Option<String>) -> Result<u16, ServeError> {
    let (name, value) = [PORT, OLD_PORT]
        .into_iter()
        .find_map(|name| Some((name, variable(name)?)))
        .ok_or(ServeError::MissingPort)?;
    match value.trim().parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(ServeError::InvalidPort {
            variable: name,
            value,
        }),
    }
}

/// The thread of the server. The server ends when this is dropped.
pub(crate) struct Server(OwnThread);

impl Server {
    pub(crate) fn start() -> Result<Self, ServeError> {
        OwnThread::start("handler-server")
            .map(Self)
            .map_err(ServeError::Server)
    }

    /// Binds the port that the host gave. Only 127.0.0.1: the host calls no other address.
    pub(crate) async fn bind(&self, port: u16) -> Result<std::net::TcpListener, ServeError> {
        let bound = async move {
            // tokio sets SO_REUSEADDR: a handler that is started again gets its old port.
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .await
                .and_then(TcpListener::into_std)
                .map_err(|error| ServeError::Bind { port, error })
        };
        let task = self.0.runtime().spawn(bound);
        task.await.unwrap_or_else(|error| Err(task_failed(error)))
    }

    /// Runs `serving` on the thread of the server.
    pub(crate) async fn run(
        self,
        serving: impl Future<Output = ServeError> + Send + 'static,
    ) -> ServeError {
        let task = self.0.runtime().spawn(serving);
        task.await.unwrap_or_else(task_failed)
    }

    /// The same, and ends the process when nobody takes the result: a function that blocks the thread
    /// of the caller must not keep the process alive after its stop.
    pub(crate) async fn run_to_the_end_of_the_process(
        self,
        serving: impl Future<Output = ServeError> + Send + 'static,
    ) -> ServeError {
        let (result, received) = oneshot::channel();
        let task = self.0.runtime().spawn(async move {
            let error = serving.await;
            let (code, text) = (error.code(), error.to_string());
            // Dropped by whoever takes the result.
            let (untaken, taken) = oneshot::channel::<Infallible>();
            let _ = result.send((error, untaken));
            if timeout(TAKEN_WITHIN, taken).await.is_err() {
                tracing::error!(
                    "{text}; functions block the thread that would end the process, so the server ends it"
                );
                end_process(code);
            }
        });
        match received.await {
            Ok((error, _)) => error,
            // The sender is gone without a result: the task has panicked.
            Err(_) => match task.await {
                Err(error) => task_failed(error),
                Ok(()) => ServeError::Server(io::Error::other("it ended without a result")),
            },
        }
    }
}

/// Writes what has been logged, if somebody reads it, and ends the process.
fn end_process(code: u8) -> ! {
    logs::flush();
    std::process::exit(i32::from(code))
}

/// A task of the server has panicked.
fn task_failed(error: JoinError) -> ServeError {
    ServeError::Server(io::Error::other(error))
}

/// Serves until the signal, then for at most `grace` and a second longer.
pub(crate) async fn run(
    listener: std::net::TcpListener,
    router: Router,
    stop: Stop,
    signal: impl Future<Output = Signal> + Send + 'static,
    grace: Duration,
) -> ServeError {
    // A listener belongs to the runtime that it is made on.
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return ServeError::Server(error),
    };
    let (stopping, mut stopped) = watch::channel(None);
    // Without it an answer of two small writes waits for the host's delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
    });
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let signal = signal.await;
        tracing::info!("stopping on {signal}");
        // Only afterwards does the listener close: see `Stop`.
        stop.run(grace).await;
        stopping.send_replace(Some(signal));
    });
    let mut signalled = stopped.clone();
    let hung_up = async {
        if signalled.wait_for(Option::is_some).await.is_err() {
            // The server is gone, and with it the reason to wait.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(ANSWERS_SENT_WITHIN).await;
    };
    let ended = tokio::select! {
        result = server => result,
        () = hung_up => Ok(()),
    };
    match (ended, *stopped.borrow_and_update()) {
        (Err(error), _) => ServeError::Server(error),
        (Ok(()), Some(signal)) => ServeError::Stopped(signal),
        (Ok(()), None) => ServeError::Server(io::Error::other("it ended without a signal")),
    }
}

#[cfg(test)]
mod tests;
