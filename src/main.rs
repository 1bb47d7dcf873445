//! The custom handler that the Functions host starts: reads the settings and serves the functions.

use std::process::ExitCode;

use function_app::{app, logging, settings::Settings};
use functions_handler::host_json;

#[tokio::main]
async fn main() -> ExitCode {
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
