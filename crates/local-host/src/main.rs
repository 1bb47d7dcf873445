//! The command line of the development host.

use clap::Parser;
use local_host::Cli;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    functions_handler::open_files::raise_limit();
    local_host::run(Cli::parse()).await
}
