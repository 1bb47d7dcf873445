//! The command line.

use clap::Parser;
use std::net::IpAddr;
use std::path::PathBuf;

/// Runs a function app with a custom handler on this machine, as `func start` does.
///
/// Reads host.json, local.settings.json and the function folders, builds the handler with cargo,
/// starts it, and serves its HTTP functions and its Durable Functions orchestrations. Ctrl+C stops
/// everything.
#[derive(Clone, Debug, Parser)]
#[command(name = "local-host", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Port to listen on [default: Host.LocalHttpPort of local.settings.json, else 7071].
    #[arg(short, long)]
    pub port: Option<u16>,

    /// IP address to listen on [default: Host.LocalHttpAddress of local.settings.json, else
    /// 127.0.0.1].
    #[arg(long, value_parser = parse_address)]
    pub address: Option<IpAddr>,

    /// Origins whose pages may call the app from a browser, separated by commas, or * for all
    /// [default: Host.CORS of local.settings.json, else none].
    #[arg(long, value_name = "ORIGINS")]
    pub cors: Option<String>,

    /// Let these pages send cookies, too [default: Host.CORSCredentials of local.settings.json].
    #[arg(long)]
    pub cors_credentials: bool,

    /// Answer requests for this host name, too. Without it the name in the Host header must be one
    /// of this machine's own: localhost, 127.0.0.1, and the value of --address.
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,

    /// Append the address of each client to X-Forwarded-For, as the front end of Azure does. Without it that header
    /// is what the client has sent, as under `func start`.
    #[arg(long)]
    pub front_end: bool,

    /// Directory of the app [default: the nearest directory upward with host.json or
    /// local.settings.json].
    #[arg(long, visible_alias = "app", value_name = "DIR")]
    pub script_root: Option<PathBuf>,

    /// Start the handler as it is, without `cargo build`.
    #[arg(long)]
    pub no_build: bool,

    /// Load these functions only.
    #[arg(long, num_args = 1.., value_name = "NAME")]
    pub functions: Vec<String>,

    /// Print the host's own messages, too.
    #[arg(long)]
    pub verbose: bool,

    /// Serve workers of the Durable Task protocol instead of an app: those of the Durable Task SDKs, in any language.
    /// They bring the functions; there is no app, handler or HTTP server. Workers and clients connect by gRPC to
    /// --address and --port [default port: 4001]. The state is in .local-host in the current directory, unless --state
    /// or --ephemeral is given.
    #[arg(long, conflicts_with_all = ["cors", "cors_credentials", "allow_host", "front_end", "no_build", "functions", "no_sample_data"])]
    pub worker: bool,

    /// Folder for the state of the task hub; orchestrations in it go on at the next start [default:
    /// .local-host in the directory of the app].
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    pub state: Option<PathBuf>,

    /// Keep the state of the task hub in memory: orchestrations are lost when local-host ends.
    #[arg(long)]
    pub ephemeral: bool,

    /// Leave the embedded table endpoint empty: no table `audit`.
    #[arg(long)]
    pub no_sample_data: bool,
}

const AFTER_HELP: &str = "\
Every value of host.json can be replaced by a variable, in the environment or in the Values of \
local.settings.json: AzureFunctionsJobHost__customHandler__description__defaultExecutablePath=target/release/handler.

When a setting says UseDevelopmentStorage=true and nothing listens on 127.0.0.1:10002 (Azurite), an embedded table \
endpoint with sample data is served there.

Exit code: 0 after Ctrl+C or SIGTERM, 1 when something fails.";

fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        format!("Invalid --address value '{text}'. Expected an IP address, for example 127.0.0.1 or 0.0.0.0.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::path::Path;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_are_those_of_func_start() {
        let cli = Cli::parse_from([
            "local-host",
            "-p",
            "7072",
            "--address",
            "0.0.0.0",
            "--functions",
            "submit",
            "get-status",
            "--no-build",
            "--cors",
            "http://a,http://b",
            "--cors-credentials",
            "--allow-host",
            "box",
            "--state",
            "elsewhere",
        ]);
        assert_eq!(cli.port, Some(7072));
        assert_eq!(cli.functions, ["submit", "get-status"]);
        assert!(cli.no_build && !cli.verbose);
        assert_eq!(cli.cors.as_deref(), Some("http://a,http://b"));
        assert!(cli.cors_credentials);
        assert_eq!(cli.allow_host, ["box"]);
        assert_eq!(cli.state.as_deref(), Some(Path::new("elsewhere")));
        assert_eq!(cli.script_root, None);
        let both = Cli::try_parse_from(["local-host", "--state", "x", "--ephemeral"]);
        assert!(both.unwrap_err().to_string().contains("--ephemeral"));
        let error = Cli::try_parse_from(["local-host", "--address", "x"]).unwrap_err();
        assert!(error.to_string().contains("Expected an IP address"));
    }

    #[test]
    fn app_is_another_name_of_script_root() {
        for name in ["--script-root", "--app"] {
            let cli = Cli::parse_from(["local-host", name, "examples/chain"]);
            assert_eq!(
                cli.script_root.as_deref(),
                Some(Path::new("examples/chain"))
            );
        }
    }
}
