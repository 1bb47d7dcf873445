//! The functions of a function app, by name. Built once at start; afterwards read only, so that
//! invocations share no lock.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::app_folder::{self, Command, Kind};
use crate::dispatch::{self, Running};
use crate::function::Function;
use crate::host_json;
use crate::host_process::HostProcess;
use crate::logs;
use crate::open_files;
use crate::registry::{Functions, HttpHandler, Registered, is_function_name};
use crate::routing::{HttpFunction, IntoHttpFunction};
use crate::runtimes::Runtimes;
use crate::serve::{self, ServeError, Server};
use crate::signal::{self, Signal};
use crate::stop::Stop;
use crate::time_limit::TimeLimit;

/// The functions of a function app.
///
/// Each name is the name of the function's folder, spelled alike. `S` is the state for axum's
/// [`State`](axum::extract::State) extractor in HTTP functions.
pub struct App<S = ()> {
    state: S,
    functions: Functions,
    kinds: BTreeMap<String, Kind>,
    /// Set by the app; otherwise `serve` reads the host's own settings.
    function_timeout: Option<Option<Duration>>,
    stop_grace: Duration,
    correlates: bool,
    problem: Option<ServeError>,
}

impl App<()> {
    /// An app without state.
    pub fn new() -> Self {
        Self::with_state(())
    }
}

impl Default for App<()> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> App<S> {
    /// An app whose functions share `state`, which each gets as a clone.
    pub fn with_state(state: S) -> Self {
        Self {
            state,
            functions: Functions::new(),
            kinds: BTreeMap::new(),
            function_timeout: None,
            stop_grace: serve::GRACE,
            correlates: false,
            problem: None,
        }
    }

    /// The state of the app, for crates that register functions of another kind.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Adds a function with an HTTP trigger: an ordinary axum handler.
    ///
    /// The handler sees the client's request: method, path and query, headers, body. Beside axum's
    /// own extractors there are [`Params`](crate::Params) (axum's `Path` knows nothing of the
    /// host's routes), [`OriginalUrl`](crate::OriginalUrl) and [`Invocation`](crate::Invocation).
    /// The http output binding must be named `res`, not `$return`.
    ///
    /// axum's 2 MB limit on bodies is off, because the host has a limit of its own and the body is
    /// in memory already; `handler.layer(DefaultBodyLimit::max(bytes))` sets one.
    ///
    /// [`routing`](crate::routing) says which route and which methods the function has.
    pub fn http<F, T>(self, name: &str, function: F) -> Self
    where
        F: IntoHttpFunction<T, S>,
    {
        let HttpFunction { handler, trigger } = function.into_http_function();
        let handler = handler.layer(DefaultBodyLimit::disable());
        let (state, methods) = (self.state.clone(), trigger.methods.clone());
        let handler: HttpHandler = Arc::new(move |request: Request| match &methods {
            Some(methods) if !allows(methods, request.method()) => {
                Box::pin(ready(method_not_allowed(methods)))
            }
            _ => Box::pin(handler.clone().call(request, state.clone())),
        });
        let kind = Kind::http::<F::Arguments>(trigger);
        self.register(name, Registered::Http(handler), kind)
    }

    /// Adds a function with any other trigger.
    pub fn function(self, name: &str, function: impl Function) -> Self {
        let kind = Kind::Other {
            trigger_type: function.trigger_type(),
        };
        self.register(name, Registered::Other(Arc::new(function)), kind)
    }

    /// Sets the time that the host gives an invocation; `None` is no limit.
    ///
    /// When a function overruns `functionTimeout`, a real host kills the handler, and with it every
    /// other invocation in flight. So no invocation gets that far: a function has a
    /// [deadline](crate::Invocation::deadline) before it, at which its
    /// [cancellation token](crate::Invocation::cancellation) fires; a little later it is dropped and
    /// the invocation answered without it (an HTTP function: 504 to its client; an activity: a
    /// failure that can be retried; any other: the invocation fails).
    ///
    /// The deadline lies a tenth of the timeout before its end, at least 1 second and at most 30, but
    /// never more than a third: 2 s for 3 s, 54 s for a minute, 29 min 30 s for half an hour. Half of
    /// that later the function is dropped. Time counts from the arrival of the request.
    ///
    /// A function that blocks its thread cannot be dropped. Its invocation is answered in time, but the
    /// function runs on, and no other function gets that thread. While functions block every worker
    /// thread of the runtime, other functions wait, and are answered at the end of their own time. Work
    /// that blocks belongs in `tokio::task::spawn_blocking`, and should look at the token.
    ///
    /// By default [`serve`](Self::serve) takes what the host takes: the app setting
    /// `AzureFunctionsJobHost__functionTimeout`, else `functionTimeout` in the `host.json` in
    /// `FUNCTIONS_APP_ROOT_PATH` (without it, in the working directory), else 30 minutes, or 5 on the
    /// Consumption plan (`WEBSITE_SKU` is `Dynamic`). It is `"HH:MM:SS"`, with days `"d.HH:MM:SS"`,
    /// or -1 for no limit; [`HostJson::function_timeout`](crate::host_json::HostJson::function_timeout)
    /// has the other forms. A value that cannot be read is logged as a warning and the default taken.
    /// [`serve_on`](Self::serve_on) and [`into_router`](Self::into_router) have no limit but the one
    /// that is set here.
    pub fn function_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.function_timeout = Some(timeout.into());
        self
    }

    /// Sets how long invocations in flight may go on after SIGTERM or Ctrl+C: 2 seconds by default.
    ///
    /// Whoever sent the signal kills the process some time later (Docker after 10 seconds,
    /// Kubernetes after 30): the grace must be a second shorter than that.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace;
        self
    }

    /// Ties each request of a client, its answer and the lines of the log together.
    ///
    /// Every answer of an HTTP function, also one that this crate gives in its place, has these headers unless the
    /// function has set them: `x-ms-request-id`, the id of the invocation; `traceparent`, which continues the W3C
    /// trace of the client, or begins one; `x-ms-client-request-id`, as the client has sent it, up to 128 letters,
    /// digits, `-`, `_` and `.`. The id of the trace is on each line of the log, as `trace_id`.
    pub fn correlate(mut self) -> Self {
        self.correlates = true;
        self
    }

    /// The app as an axum router, for tests with `tower::ServiceExt::oneshot`.
    ///
    /// Functions run on the runtime that polls the router. In a server of your own, sockets are read by
    /// that runtime, too: a function that blocks the last of its threads holds up all of them.
    ///
    /// A wrong registration (see [`serve`](Self::serve)) is only logged; of two functions with one
    /// name the first stays.
    pub fn into_router(self) -> Router {
        let running = self.running(Stop::default(), Runtimes::of_a_router());
        routes(move |request| dispatch::dispatch(running.clone(), request))
    }

    fn running(self, stop: Stop, runtimes: Runtimes) -> Arc<Running> {
        if let Some(problem) = &self.problem {
            tracing::error!("{problem}");
        }
        Arc::new(Running {
            limit: self.limit(),
            correlates: self.correlates,
            functions: self.functions,
            stop,
            runtimes,
        })
    }

    /// Serves the functions to the host: on 127.0.0.1, at the port that the host gives in
    /// `FUNCTIONS_CUSTOMHANDLER_PORT` (older hosts: `FUNCTIONS_HTTPWORKER_PORT`).
    ///
    /// It runs until the process is to end, and returns why. There is no success: after exit code 0 the
    /// host never starts the handler again. So `main` ends with [`ServeError::exit`]:
    ///
    /// ```no_run
    /// use functions_handler::{App, logs};
    ///
    /// #[tokio::main]
    /// async fn main() -> Result<(), logs::InitError> {
    ///     logs::init()?;
    ///     App::new().http("hello", async || "Hello!").serve().await.exit()
    /// }
    /// ```
    ///
    /// The server has a thread and a runtime of its own: it reads requests, watches over deadlines and
    /// signals, and answers. The functions run on the runtime that calls this, whose threads they may
    /// block without stopping the server. Dropping the future ends the server at once.
    ///
    /// The functions are compared with the folders of the app (in `FUNCTIONS_APP_ROOT_PATH`, without
    /// it in the working directory). A folder without a function, a function without a folder, a
    /// binding that is missing or differs and an unknown key in host.json's `customHandler` cost a warning with
    /// the text to write instead, which is on stderr when the process has no logging.
    ///
    /// # The command `functions`
    ///
    /// When the first argument of the process is `functions`, nothing is served. The function.json files of the
    /// app are compared with the registrations, and what would change is printed; `functions --write` changes it.
    /// A missing folder is made. In a file that differs, other bindings, other properties and comments stay. A
    /// further argument names the folder of the app. [`ServeError::exit`] ends with 0 when everything agrees,
    /// else with 1.
    ///
    /// ```sh
    /// cargo run -- functions --write
    /// ```
    ///
    /// The soft limit of open files is raised to the hard one: see [`open_files`](crate::open_files).
    ///
    /// # Stopping
    ///
    /// On SIGTERM or Ctrl+C every invocation in flight sees its
    /// [cancellation token](crate::Invocation::cancellation) fire, and has 2 seconds
    /// ([`stop_grace`](Self::stop_grace)) to end. What is running then is answered without its function
    /// ([`Function::interrupted`]): an HTTP function with 503 to its client, an orchestrator with the
    /// request to deliver the turn again, an activity or any other by failing the invocation, upon which
    /// a host that is stopping, too, delivers it again. What comes in meanwhile is answered in the same
    /// way: an HTTP function at once, all others at the end of the stop, so that a host that lives on
    /// does not send its whole queue into it. As soon as nothing is in flight this returns
    /// [`ServeError::Stopped`].
    ///
    /// Every answer after the signal has the header `X-Handler-Stopping`. local-host holds invocations
    /// back from the first one on; a real host does not know it, and there the few that it sends
    /// between the last answer and the exit are lost.
    ///
    /// When functions block the thread that waits for this future, it cannot return. After a second the
    /// server then ends the process itself, with [`ServeError::exit_code`].
    ///
    /// A handler whose parent has ended stops in the same way: a host that is killed leaves its handler
    /// behind. `FUNCTIONS_HANDLER_STOP_WITH_PARENT=false` switches that off.
    ///
    /// # What it returns
    /// Two functions with one name, a name that no function can have, a missing or malformed port,
    /// a port that cannot be bound, and the stop by a signal or with the host.
    pub async fn serve(self) -> ServeError {
        match self.serve_the_host().await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn serve_the_host(mut self) -> Result<Infallible, ServeError> {
        self.check()?;
        let environment = host_json::Environment::of_the_process();
        if let Some(command) = Command::of(std::env::args_os().skip(1)) {
            let code = command.run(environment.app_folder(), &self.kinds, &mut io::stdout());
            return Err(ServeError::Command { code });
        }
        let files = open_files::raise_limit();
        tracing::debug!(files, "the limit of open files");
        let host = HostProcess::of(&environment, self.stop_grace);
        for mistake in app_folder::mistakes(&environment, &self.kinds) {
            logs::warn_at_the_start(&mistake);
        }
        let port = serve::port(|name| std::env::var(name).ok())?;
        let server = Server::start()?;
        let listener = server.bind(port).await?;
        if self.function_timeout.is_none() {
            self.function_timeout = Some(host_json::function_timeout(&environment));
        }
        match self.limit() {
            Some(limit) => tracing::info!(
                "functionTimeout is {:?}: functions have {:?}",
                limit.timeout(),
                limit.deadline()
            ),
            None => tracing::info!("functionTimeout is not limited"),
        }
        let serving = self.serving(listener, host.or(signal::received()));
        Err(server.run_to_the_end_of_the_process(serving).await)
    }

    /// Serves the functions on a listener of one's own until `stop` completes, and then stops as
    /// [`serve`](Self::serve) does on a signal. Reads no environment, and never ends the process; for
    /// tests over a real connection.
    ///
    /// `stop` is polled by the server, in the context of the runtime that calls this. It must not block.
    ///
    /// It returns a wrong registration, or the stop.
    pub async fn serve_on(
        self,
        listener: TcpListener,
        stop: impl Future<Output = Signal> + Send + 'static,
    ) -> ServeError {
        match self.serve_the_listener(listener, stop).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn serve_the_listener(
        mut self,
        listener: TcpListener,
        stop: impl Future<Output = Signal> + Send + 'static,
    ) -> Result<Infallible, ServeError> {
        self.check()?;
        let listener = listener.into_std().map_err(ServeError::Server)?;
        let stop = TokioContext::new(stop, Handle::current());
        let serving = self.serving(listener, stop);
        Err(Server::start()?.run(serving).await)
    }

    /// What the server does, for functions on the runtime that calls this.
    fn serving(
        self,
        listener: std::net::TcpListener,
        signal: impl Future<Output = Signal> + Send + 'static,
    ) -> impl Future<Output = ServeError> + Send + 'static {
        let grace = self.stop_grace;
        let stop = Stop::default();
        let running = self.running(stop.clone(), Runtimes::served(Handle::current()));
        // A subscriber of the caller's thread only, as tests have, goes along to the server's thread.
        let subscriber = tracing::dispatcher::get_default(Dispatch::clone);
        let router = routes(move |request| {
            dispatch::dispatch(running.clone(), request).with_subscriber(subscriber.clone())
        });
        serve::run(listener, router, stop, signal, grace).with_current_subscriber()
    }

    fn check(&mut self) -> Result<(), ServeError> {
        self.problem.take().map_or(Ok(()), Err)
    }

    fn limit(&self) -> Option<TimeLimit> {
        self.function_timeout.flatten().map(TimeLimit::new)
    }

    fn register(mut self, name: &str, function: Registered, kind: Kind) -> Self {
        let problem = if !is_function_name(name) {
            Some(ServeError::FunctionName {
                name: name.to_owned(),
            })
        } else if self.functions.contains_key(name) {
            Some(ServeError::DuplicateFunction {
                name: name.to_owned(),
            })
        } else {
            self.functions.insert(name.to_owned(), function);
            self.kinds.insert(name.to_owned(), kind);
            None
        };
        self.problem = self.problem.or(problem);
        self
    }
}

/// Whether the host's methods, which have no case, include this one.
fn allows(methods: &[Method], method: &Method) -> bool {
    methods
        .iter()
        .any(|it| it.as_str().eq_ignore_ascii_case(method.as_str()))
}

/// HTTP asks for `Allow` in this answer.
fn method_not_allowed(methods: &[Method]) -> Response {
    let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
    let allowed = [(header::ALLOW, methods.join(", "))];
    let body = Json(json!({ "error": "Method not allowed." }));
    (StatusCode::METHOD_NOT_ALLOWED, allowed, body).into_response()
}

/// The readiness probe of the host, and its calls of functions.
fn routes<F>(dispatch: impl Fn(Request) -> F + Clone + Send + Sync + 'static) -> Router
where
    F: Future<Output = Response> + Send + 'static,
{
    Router::new()
        .route("/", any(async || ()))
        .fallback(dispatch)
}

impl<S> std::fmt::Debug for App<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("functions", &self.functions.keys())
            .finish_non_exhaustive()
    }
}
