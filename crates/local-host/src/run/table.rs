//! Starts the embedded table endpoint.

use crate::log::{LogLevel, Logger};
use crate::settings::Environment;
use crate::table::{PORT, Store, sample, serve};
use std::net::Ipv4Addr;
use tokio::net::{TcpListener, TcpStream};

/// Serves the table endpoint if the app uses the storage emulator and no other program listens on its port.
pub(super) async fn start(environment: &Environment, with_sample: bool, log: &Logger) {
    if !uses_emulator(environment) {
        return;
    }
    let address = (Ipv4Addr::LOCALHOST, PORT);
    // A connect, because on some systems the bind succeeds although another program listens on 0.0.0.0.
    let listener = match TcpStream::connect(address).await {
        Ok(_) => None,
        Err(_) => TcpListener::bind(address).await.ok(),
    };
    let Some(listener) = listener else {
        log.user(
            LogLevel::Info,
            format!("Something already listens on 127.0.0.1:{PORT} (Azurite?): no table endpoint is served."),
        );
        return;
    };
    let (store, content) = if with_sample {
        let content = format!(
            "with sample data: table '{}', 2021-01-01 to 2021-01-31, {} distinct, and 2022-01-01 to 2022-12-31, \
             {} distinct",
            sample::TABLE,
            sample::JANUARY,
            sample::YEAR
        );
        (Store::with_sample_data(), content)
    } else {
        (Store::empty(), "without tables".to_owned())
    };
    log.user(
        LogLevel::Info,
        format!("Serving a table endpoint on 127.0.0.1:{PORT} {content}."),
    );
    tokio::spawn(serve(listener, store));
}

fn uses_emulator(environment: &Environment) -> bool {
    environment
        .iter()
        .any(|(_, value)| value.to_lowercase().contains("usedevelopmentstorage=true"))
}
