//! Runs the host: reads the app, starts the handler and the task hub, serves, and stops them.

mod app;
mod build;
mod checks;
mod endpoint;
mod environment;
mod hub;
mod ports;
mod signals;
mod table;
mod worker;

use crate::cli::Cli;
use crate::console;
use crate::handler::{
    Command, Handler, HandlerOptions, Supervisor, SupervisorOptions, missing_program,
};
use crate::http::{App, UploadLimits, serve};
use crate::hub::{Hub, OpenStorage, Storage};
use crate::log::{LogLevel, Logger};
use crate::output;
use crate::project::find_root;
use crate::queues::{QueueOutputs, Queues};
use crate::settings::{Environment, LocalSettings};
use crate::timers::Timers;
use anyhow::{Context, bail};
use app::{Loaded, load};
use endpoint::Endpoint;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The time between a function's time-out and the kill, as in a real host.
const GRACE: Duration = Duration::from_secs(2);
/// How long running requests may take once the host is asked to stop.
const DRAIN: Duration = Duration::from_secs(2);
/// The default limit of a request's body in bytes.
const BODY_LIMIT: u64 = 104_857_600;

/// Runs the host until Ctrl+C, SIGTERM, or until the handler fails too often. An error is printed.
pub async fn run(cli: Cli) -> ExitCode {
    let code = match start(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let red = anstyle::AnsiColor::Red.on_default();
            output::print_error(&format!("{red}{error:#}{red:#}\n"));
            ExitCode::FAILURE
        }
    };
    output::flush();
    code
}

/// # Errors
/// Whatever keeps the host from running: an app that cannot be read or built, a port in use, a
/// handler that cannot be started or keeps crashing.
async fn start(cli: Cli) -> anyhow::Result<()> {
    let log = Logger::stdout(cli.verbose);
    if cli.worker {
        output::print(&console::sidecar_banner());
        let stop = signals::stop()?;
        return worker::serve(&cli, &log, stop).await;
    }
    output::print(&console::banner());
    let root = find_root(cli.script_root.as_deref(), &std::env::current_dir()?)?;
    let settings = LocalSettings::read(&root)?;
    let endpoint = Endpoint::open(&cli, &settings, &log).await?;

    let environment = environment::of_app(&root, endpoint.port, &settings, &log);
    let app = load(root, environment, &cli.functions, &log)?;
    let stop = signals::stop()?;
    tokio::pin!(stop);
    let storage = hub::storage(&cli, &app.root);
    // A state that cannot be used ends the start before the build, which can take minutes.
    let open = hub::open(&app, &storage)?;
    tokio::select! {
        built = build::build(&app, cli.no_build, &log) => built?,
        () = &mut stop => return Ok(()),
    }
    table::start(&app.environment, !cli.no_sample_data, &log).await;
    let result = host(app, endpoint, (storage, open), cli.verbose, &log, stop).await;
    log.system(LogLevel::Info, "Stopped.");
    result
}

/// Starts the handler and the task hub, and serves.
async fn host(
    app: Loaded,
    endpoint: Endpoint,
    (storage, open): (Storage, OpenStorage),
    verbose: bool,
    log: &Logger,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let upload = UploadLimits::of_kestrel(body_limit(&app.environment)?);
    let Endpoint {
        listener,
        port,
        hosts,
        cors,
        front_end,
    } = endpoint;
    let supervisor = start_handler(&app, log)?;
    let options = HandlerOptions {
        function_timeout: app.host.function_timeout,
        grace: GRACE,
    };
    let outputs = QueueOutputs::of(&app.functions, &app.environment, app.host.queues, log);
    let handler = Handler::new(supervisor.clone(), options, log.clone()).with_outputs(outputs);
    let hub = match hub::start(&app, port, storage, open, &handler, log).await {
        Ok(hub) => hub,
        Err(error) => {
            supervisor.stop().await;
            return Err(error);
        }
    };
    output::print(&console::function_list(&app.functions, port, verbose));

    let bindings = hub.clone();
    let timers = Timers::of(&app.functions, &app.environment, log);
    let queues = Queues::of(&app.functions, &app.environment, app.host.queues, log);
    let served = App {
        timers,
        functions: app.functions,
        handler,
        client_binding: Arc::new(move |task_hub, connection| {
            bindings.client_binding(task_hub, connection)
        }),
        management: Arc::new({
            let hub = hub.clone();
            move |request| {
                let hub = hub.clone();
                Box::pin(async move { hub.manage(request).await })
            }
        }),
        custom_headers: app.host.custom_headers,
        upload,
        hosts,
        cors,
        front_end,
        home_page: !app
            .environment
            .get("AzureWebJobsDisableHomepage")
            .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        started: Instant::now(),
    };
    let (end, ended) = oneshot::channel::<()>();
    let served = Arc::new(served);
    let timers = served.timers.run(&served);
    let mut queues = queues.run(&served);
    let server = tokio::spawn(serve(listener, served, async { drop(ended.await) }));
    let failure = tokio::select! {
        () = stop => None,
        reason = supervisor.stopped() => reason,
    };
    drop(end);
    drop(timers);
    queues.stop();
    if failure.is_none() {
        log.user(LogLevel::Info, "Stopping.");
    }
    report_unfinished(&hub, log).await;
    let drain = async {
        // What is done so far is stored, whatever has ended the host.
        hub.stop().await;
        if failure.is_none() {
            drop(server.await);
            queues.ended().await;
        }
    };
    if tokio::time::timeout(DRAIN, drain).await.is_err() {
        log.warning("Requests that were still running have been given up.");
    }
    supervisor.stop().await;
    // With the handler, every function has ended. Their messages become visible, so that the next start gets them.
    if tokio::time::timeout(DRAIN, queues.ended()).await.is_err() {
        log.warning("Some messages of queues are visible again in a minute at the latest.");
    }
    match failure {
        Some(reason) => bail!(reason),
        None => Ok(()),
    }
}

/// Says what becomes of orchestrations that have not ended.
async fn report_unfinished(hub: &Hub, log: &Logger) {
    // A store that cannot be read has been logged.
    let count = hub.unfinished_instances().await.unwrap_or_default();
    let (what, are) = match count {
        0 => return,
        1 => ("One orchestration has not ended".to_owned(), "is"),
        more => (format!("{more} orchestrations have not ended"), "are"),
    };
    if matches!(hub.storage(), Storage::Memory { .. }) {
        log.warning(format!(
            "{what} and {are} lost, because --ephemeral keeps the task hub in memory. On a real host, orchestrations \
             go on after a restart."
        ));
    } else {
        log.user(
            LogLevel::Info,
            format!("{what} and {are} continued at the next start."),
        );
    }
}

fn start_handler(app: &Loaded, log: &Logger) -> anyhow::Result<Supervisor> {
    let port = ports::free()?;
    let environment = environment::of_handler(&app.environment, port, &app.root);
    let command = Command::new(&app.host.handler, &app.root, &environment);
    if let Some(reason) = missing_program(&command, &environment) {
        bail!(reason);
    }
    let options = SupervisorOptions {
        command,
        environment,
        stderr_is_error: app.host.handler.stderr_is_error,
        port,
        initialization_timeout: app.host.initialization_timeout,
    };
    Ok(Supervisor::start(options, log.clone()))
}

fn body_limit(environment: &Environment) -> anyhow::Result<u64> {
    let name = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT";
    match environment.get(name) {
        None | Some("") => Ok(BODY_LIMIT),
        Some(text) => text
            .parse()
            .with_context(|| format!("{name}: expected a number of bytes, got '{text}'.")),
    }
}
