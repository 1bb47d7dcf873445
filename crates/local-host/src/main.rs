//! The command line of the development host.

use clap::Parser;
use local_host::cli::Cli;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match local_host::run::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let red = anstyle::AnsiColor::Red.on_default();
            anstream::eprintln!("{red}{error:#}{red:#}");
            ExitCode::FAILURE
        }
    }
}
