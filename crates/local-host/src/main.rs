//! The command line of the development host.

use clap::Parser;
use local_host::cli::Cli;
use local_host::output;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    functions_handler::open_files::raise_limit();
    let code = match local_host::run::run(Cli::parse()).await {
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
