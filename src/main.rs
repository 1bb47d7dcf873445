//! The custom handler that the Functions host starts: reads the settings and serves the functions.

use std::process::ExitCode;

use function_app::{app, logging, settings::Settings};

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = logging::builder().init() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let app = match Settings::from_env() {
        Ok(settings) => app(settings),
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
        // The host does not start a handler again that ended with 0.
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error}");
            error.exit()
        }
    }
}
