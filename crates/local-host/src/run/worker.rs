//! The host for workers: a task hub without an app.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{hub, ports, report_unfinished};
use crate::cli::Cli;
use crate::console;
use crate::hub::Hub;
use crate::log::{LogLevel, Logger};
use crate::output;

/// Where workers look for a sidecar when nobody tells them.
const DEFAULT_PORT: u16 = 4001;

/// The name of the task hub, and of the file with its state: another one than that of an app in the same folder.
const TASK_HUB: &str = "default";

/// Serves workers until it is asked to stop.
///
/// # Errors
/// The address cannot be listened on, or the state cannot be used.
pub(super) async fn serve(
    cli: &Cli,
    log: &Logger,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let root = match &cli.script_root {
        Some(root) => root.clone(),
        None => std::env::current_dir()?,
    };
    let address = SocketAddr::new(
        cli.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        cli.port.unwrap_or(DEFAULT_PORT),
    );
    if !address.ip().is_loopback() {
        log.warning(
            "The task hub has no keys: whoever reaches this address can start and stop everything.",
        );
    }
    let storage = hub::storage(cli, &root);
    let messages = log.clone();
    let hub = Hub::serve_workers(
        TASK_HUB.to_owned(),
        storage,
        address,
        // There is no handler that says what happens.
        Arc::new(move |level, message| messages.user(level, message)),
    )
    .await
    .map_err(|error| match error.downcast_ref::<io::Error>() {
        Some(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            ports::unavailable(address.port())
        }
        _ => error,
    })?;
    hub::report_state(&hub, log);
    output::print(&console::worker_banner(hub.address()));
    stop.await;
    log.user(LogLevel::Info, "Stopping.");
    report_unfinished(&hub, log).await;
    hub.stop().await;
    Ok(())
}
