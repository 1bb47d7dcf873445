//! Which runtime runs what, so that functions never hold up the server.
//!
//! A function can block every worker thread of the runtime that runs it. Then no task of that runtime
//! is polled, no timer fires and no socket is read. So the server has a thread with a runtime of its
//! own, and the functions stay on the runtime of the caller. The price is that an invocation changes
//! threads twice: once to its function, once back with the answer.
//!
//! Invariant: no code of the app runs on an [`OwnThread`]. Functions run on the runtime of the caller, and
//! [`Function::interrupted`](crate::Function::interrupted) on a thread for blocking work. The one exception
//! is the future `stop` of [`App::serve_on`](crate::App::serve_on).

use std::convert::Infallible;
use std::sync::OnceLock;
use std::{io, thread};

use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;

/// How many threads answer without functions that have been interrupted. Such an answer is short work, so
/// a few threads are enough for all invocations that a stop interrupts.
const BLOCKING_THREADS: usize = 4;

/// A thread with a tokio runtime of its own. Both end when this is dropped.
pub(crate) struct OwnThread {
    runtime: Handle,
    _end: oneshot::Sender<Infallible>,
}

impl OwnThread {
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<Infallible>();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // Nothing is ever sent: it ends when the sender is dropped.
                let _ = runtime.block_on(ended);
                // Dropping it would wait for its threads for blocking work.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            _end: end,
        })
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// The runtimes of one app.
pub(crate) enum Runtimes {
    /// The server runs on a thread of its own, functions on this runtime.
    Served { functions: Handle },
    /// The router runs in somebody's server or test, and functions run on the runtime that polls it.
    Router {
        /// `None` when its thread could not be started.
        deadlines: OnceLock<Option<OwnThread>>,
    },
}

impl Runtimes {
    pub(crate) fn served(functions: Handle) -> Self {
        Self::Served { functions }
    }

    pub(crate) fn of_a_router() -> Self {
        Self::Router {
            deadlines: OnceLock::new(),
        }
    }

    /// The runtime for a function.
    pub(crate) fn functions(&self) -> Handle {
        match self {
            Self::Served { functions } => functions.clone(),
            Self::Router { .. } => Handle::current(),
        }
    }

    /// The runtime for the deadline of a function that runs on `functions`; `None` is the runtime that
    /// polls the invocation.
    ///
    /// A router on a runtime with several threads needs one more thread. One of those threads waits for
    /// timers and sockets on behalf of all. When the function that it polls next blocks it, no other
    /// thread takes its place until a task is woken from outside of the runtime. The deadline does that.
    /// A runtime of one thread has no other thread to wake, and its clock may be the paused one of a test.
    pub(crate) fn deadlines(&self, functions: &Handle) -> Option<Handle> {
        let Self::Router { deadlines } = self else {
            return None;
        };
        if functions.runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        let start = || match OwnThread::start("handler-deadlines") {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::warn!(
                    "no thread for deadlines: {error}; an invocation whose function blocks its thread \
                     may be answered too late"
                );
                None
            }
        };
        let thread = deadlines.get_or_init(start).as_ref()?;
        Some(thread.runtime().clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_thread_and_its_tasks_end_when_their_owner_is_dropped() {
        let (running, runs) = mpsc::channel();
        let (held, dropped) = mpsc::channel::<()>();
        let own = OwnThread::start("test").unwrap();
        own.runtime().spawn(async move {
            let _held = held;
            let name = thread::current().name().map(str::to_owned);
            running.send(name).unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(runs.recv().unwrap().as_deref(), Some("test"));
        drop(own);
        assert!(dropped.recv().is_err(), "the task has been dropped");
    }

    #[test]
    fn only_a_router_on_several_threads_has_a_thread_for_deadlines() {
        let several = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let one = Builder::new_current_thread().build().unwrap();
        for (runtimes, runtime, expected) in [
            (Runtimes::of_a_router(), several.handle(), true),
            (Runtimes::of_a_router(), one.handle(), false),
            (
                Runtimes::served(several.handle().clone()),
                several.handle(),
                false,
            ),
        ] {
            assert_eq!(runtimes.deadlines(runtime).is_some(), expected);
        }
    }
}
