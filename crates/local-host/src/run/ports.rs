//! Addresses and ports.

use anyhow::{Context, anyhow, bail};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use tokio::net::TcpListener;

/// The address to listen on.
pub(super) fn address(given: Option<IpAddr>, setting: Option<&str>) -> anyhow::Result<IpAddr> {
    match (given, setting) {
        (Some(given), _) => Ok(given),
        (None, Some(text)) => text.parse().with_context(|| {
            format!("Host.LocalHttpAddress in local.settings.json: expected an IP address, got '{text}'.")
        }),
        (None, None) => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}

/// Opens the port. This comes before all else, so that a port in use is reported at once.
pub(super) async fn listen(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind((address, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(unavailable(port)),
        Err(error) => bail!("Cannot listen on {address}:{port}: {error}"),
    }
}

/// The text of `func start` for a port in use.
pub(super) fn unavailable(port: u16) -> anyhow::Error {
    anyhow!(
        "Port {port} is unavailable. Close the process using that port, or specify another port using --port [-p]."
    )
}

/// A free port for the handler, which stays the same for the life of the host.
pub(super) fn free() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .context("Cannot find a free port for the handler")?;
    Ok(listener.local_addr()?.port())
}
