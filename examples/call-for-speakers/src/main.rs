//! The custom handler that the Functions host starts: reads the settings and serves the functions.

use std::process::ExitCode;

use call_for_speakers::{app, settings::Settings};
use durable_functions::is_replaying;
use functions_handler::logs;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = logs::Builder::new().silence_when(is_replaying).init() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    match Settings::from_env() {
        Ok(settings) => app(settings).serve().await.exit(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
