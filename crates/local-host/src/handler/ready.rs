//! The readiness probe.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The pause between two attempts to connect.
const INTERVAL: Duration = Duration::from_millis(25);

/// Asks `GET /` every 25 ms until the handler accepts the connection.
///
/// As in a real host, any reaction counts as ready: an answer of any status, other bytes, a reset. The caller
/// sets a time limit.
pub(super) async fn wait_until_ready(port: u16) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    loop {
        if let Ok(mut connection) = TcpStream::connect(address).await {
            let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
            // A failure after the connect counts as ready, too.
            let _ = connection.write_all(request.as_bytes()).await;
            let _ = connection.read(&mut [0; 256]).await;
            return;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
