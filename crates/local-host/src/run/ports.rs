//! Addresses and ports.

use anyhow::{Context, anyhow, bail};
use std::io::ErrorKind;
use std::iter;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use tokio::net::TcpListener;
use uuid::Uuid;

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

/// Ports below those that systems give to outgoing connections: from 32768 on Linux, from 49152 elsewhere.
const FOR_HANDLERS: RangeInclusive<u16> = 16_384..=32_767;

/// A free port for the handler, which stays the same for the life of the host.
///
/// Nothing listens on it until the handler does, and again after each crash. An outgoing connection of any process could
/// take it meanwhile if it were one of the ports that those get, and the handler could not start.
pub(super) fn free() -> anyhow::Result<u16> {
    const TRIES: usize = 64;
    let random = || {
        // 14 random bits.
        let (_, random, ..) = Uuid::new_v4().as_fields();
        FOR_HANDLERS.start() + (random >> 2)
    };
    let random = iter::repeat_with(random).take(TRIES);
    let bound = random
        .chain([0])
        .find_map(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let listener = bound.context("Cannot find a free port for the handler")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_outgoing_connection_gets_the_port_of_a_handler() {
        let port = free().unwrap();
        assert!(FOR_HANDLERS.contains(&port), "{port}");
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
