//! The custom handler that the Functions host starts: reads the settings and serves the functions.

use std::process::ExitCode;
use std::thread::available_parallelism;
use std::{cmp, io};

use function_app::{app, logging, settings::Settings};
use functions_handler::host_json;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    match runtime() {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => {
            eprintln!("the threads of the handler cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A worker for each processor, and two on a machine with one: alone, a worker whose function blocks
/// it would hold up the deadlines of all others.
fn runtime() -> io::Result<Runtime> {
    let processors = available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cmp::max(processors, 2))
        .enable_all()
        .build()
}

async fn serve() -> ExitCode {
    if let Err(error) = logging::builder().init() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let app = match Settings::from_env() {
        Ok(settings) => {
            // `serve` reports a host.json that cannot be read.
            if let Ok(Some(timeout)) = host_json::function_timeout_of_this_process()
                && let Some(mistake) = settings.mistake_under(timeout)
            {
                tracing::warn!("{mistake}");
            }
            app(settings)
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let served = match app {
        Ok(app) => app.serve().await,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match served {
        // The host would not restart a handler that ended with 0.
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error}");
            error.exit()
        }
    }
}
