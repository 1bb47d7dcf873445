//! TLS to a sidecar.
//!
//! The authority's key is gone; to renew the files, make a new one:
//! `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout … -out authority.pem`, then
//! sign `server.pem` for `localhost` with it.

use std::path::Path;
use std::process::Command;

use durable_functions::{Activity, DurableClient, Worker};
use tonic::transport::{Identity, ServerTlsConfig};

use super::fake::{Fake, serve};

const WORK: Activity<(), u32> = Activity::new("work");

/// Where the trusted certificates are, for the whole process.
const TRUSTED: &str = "SSL_CERT_FILE";

async fn sidecar() -> Fake {
    let identity = Identity::from_pem(include_str!("server.pem"), include_str!("server.key"));
    let tls = ServerTlsConfig::new().identity(identity);
    let mut sidecar = Fake::listen_with_tls(tls).await;
    sidecar.address = sidecar
        .address
        .replace("http://127.0.0.1", "https://localhost");
    sidecar
}

/// Runs itself once more, in a process that trusts the test's authority.
#[tokio::test]
async fn a_worker_serves_a_sidecar_over_tls_if_its_certificate_is_trusted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/worker/tls");
    let authority = folder.join("authority.pem");
    if std::env::var_os(TRUSTED).is_some_and(|file| file == authority) {
        return over_tls().await;
    }
    let sidecar = sidecar().await;
    let client = DurableClient::connect(&sidecar.address).unwrap();
    let error = client.status("i").await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let test = "worker::tls::a_worker_serves_a_sidecar_over_tls_if_its_certificate_is_trusted";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(TRUSTED, authority)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

async fn over_tls() {
    let mut sidecar = sidecar().await;
    let worker = Worker::new(&sidecar.address).activity(WORK, |_, ()| async { Ok(7) });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    assert_eq!(sidecar.activity().await.result.as_deref(), Some("7"));
    let client = DurableClient::connect(&sidecar.address).unwrap();
    let error = client.status("i").await.unwrap_err();
    assert!(error.to_string().contains("Unimplemented"), "{error}");
    serving.stop().await;
}
