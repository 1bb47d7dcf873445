//! The custom handler that the Functions host starts: reads the settings and serves the functions.

use std::{error::Error, process::ExitCode, sync::Arc};

use function_app::{app, logging, settings::Settings};
use functions_handler::{App, host_json};

#[tokio::main]
async fn main() -> ExitCode {
    match start() {
        Ok(app) => app.serve().await.exit(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<App<Arc<Settings>>, Box<dyn Error>> {
    logging::builder().init()?;
    let settings = Settings::from_env()?;
    // `serve` reports a host.json that cannot be read.
    if let Ok(Some(timeout)) = host_json::function_timeout_of_this_process()
        && let Some(mistake) = settings.mistake_under(timeout)
    {
        tracing::warn!("{mistake}");
    }
    Ok(app(settings)?)
}
