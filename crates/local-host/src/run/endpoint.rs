//! The address on which the host listens, and who may send requests.

use super::ports;
use crate::cli::Cli;
use crate::http::{Cors, Hosts};
use crate::log::Logger;
use crate::settings::LocalSettings;
use anyhow::Context;
use tokio::net::TcpListener;

/// An open port, and who may send requests to it.
pub(super) struct Endpoint {
    pub(super) listener: TcpListener,
    pub(super) port: u16,
    pub(super) hosts: Hosts,
    pub(super) cors: Option<Cors>,
    pub(super) front_end: bool,
}

impl Endpoint {
    /// Options of the command line replace those of `Host` in local.settings.json.
    ///
    /// # Errors
    /// No address, a port in use, or no list of origins.
    pub(super) async fn open(
        cli: &Cli,
        settings: &LocalSettings,
        log: &Logger,
    ) -> anyhow::Result<Self> {
        let cors = cors(cli, settings)?;
        let address = ports::address(cli.address, settings.address.as_deref())?;
        let listener = ports::listen(address, cli.port.or(settings.port).unwrap_or(7071)).await?;
        let port = listener.local_addr()?.port();
        if !address.is_loopback() {
            log.warning(format!(
                "Listening on {address}: whoever reaches this machine can call the functions and the admin API \
                 (/admin), which has no key here."
            ));
        }
        Ok(Self {
            listener,
            port,
            hosts: Hosts::listening_on(address, &cli.allow_host),
            cors,
            front_end: cli.front_end,
        })
    }
}

fn cors(cli: &Cli, settings: &LocalSettings) -> anyhow::Result<Option<Cors>> {
    let credentials = cli.cors_credentials || settings.cors_credentials;
    match (&cli.cors, &settings.cors) {
        (Some(list), _) => Cors::new(list, credentials).context("--cors"),
        (None, Some(list)) => {
            Cors::new(list, credentials).context("Host.CORS in local.settings.json")
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn read(settings: &str, arguments: &[&str]) -> Result<Option<Cors>, String> {
        let root = tempfile::tempdir().unwrap();
        let host =
            format!(r#"{{"IsEncrypted":false,"Host":{{"CORS":"{settings}"}},"Values":{{}}}}"#);
        std::fs::write(root.path().join("local.settings.json"), host).unwrap();
        let settings = LocalSettings::read(root.path()).unwrap();
        let cli = Cli::try_parse_from([&["local-host"], arguments].concat()).unwrap();
        cors(&cli, &settings).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn origins_of_the_command_line_replace_those_of_the_settings() {
        let only = |origin| Cors::new(origin, false).unwrap();
        assert_eq!(read("http://a", &[]).unwrap(), only("http://a"));
        let replaced = read("http://a", &["--cors", "http://b"]);
        assert_eq!(replaced.unwrap(), only("http://b"));
    }

    #[test]
    fn a_mistake_in_the_origins_is_named_with_its_place() {
        let error = read("nonsense", &[]).unwrap_err();
        assert!(
            error.starts_with("Host.CORS in local.settings.json: "),
            "{error}"
        );
        let error = read("", &["--cors", "nonsense"]).unwrap_err();
        assert!(error.starts_with("--cors: "), "{error}");
    }
}
