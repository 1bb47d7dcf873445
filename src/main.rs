//! The custom handler that the Functions host starts: reads the settings and serves the functions.

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use function_app::{
    AppState,
    api::openapi,
    app,
    command::{self, Command},
    logging,
    settings::{HttpSettings, Settings},
};
use functions_handler::{App, host_json};

#[tokio::main]
async fn main() -> ExitCode {
    match Command::of(std::env::args_os().skip(1)) {
        Ok(Command::Serve) => serve().await,
        Ok(Command::OpenApi) => match print_openapi() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        Ok(Command::Help) => {
            println!("{}", command::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Needs no other setting: it runs where the app is built.
fn print_openapi() -> Result<(), Box<dyn Error>> {
    let base = HttpSettings::from_env()?.public_base_url;
    let document = openapi::document(base.as_deref().unwrap_or(openapi::DEFAULT_BASE));
    io::stdout().write_all(document.as_bytes())?;
    Ok(())
}

async fn serve() -> ExitCode {
    match start() {
        Ok(app) => app.serve().await.exit(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<App<AppState>, Box<dyn Error>> {
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
