//! TLS to a sidecar. Certificate and key are made for each run: stored ones would expire.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use durable_functions::worker::Worker;
use durable_functions::{Activity, DurableClient};
use tonic::transport::{Identity, ServerTlsConfig};

use super::fake::{Fake, serve};

const WORK: Activity<(), u32> = Activity::new("work");

/// The file with the trusted certificates, for the whole process.
const TRUSTED: &str = "SSL_CERT_FILE";

/// Set in the process that trusts the certificate of the test.
const CHILD: &str = "DURABLE_FUNCTIONS_TLS_TEST";

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

fn make_certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join(CERTIFICATE), made.cert.pem()).unwrap();
    fs::write(folder.join(KEY), made.signing_key.serialize_pem()).unwrap();
}

/// A sidecar with the certificate in the folder.
async fn sidecar(folder: &Path) -> Fake {
    let read = |name| fs::read(folder.join(name)).unwrap();
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(read(CERTIFICATE), read(KEY)));
    let mut sidecar = Fake::listen_with_tls(tls).await;
    sidecar.address = sidecar
        .address
        .replace("http://127.0.0.1", "https://localhost");
    sidecar
}

/// Runs itself once more, in a process that trusts the certificate.
#[tokio::test]
async fn a_worker_serves_a_sidecar_over_tls_if_its_certificate_is_trusted() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return over_tls(&PathBuf::from(folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path());
    let sidecar = sidecar(folder.path()).await;
    let client = DurableClient::connect(&sidecar.address).unwrap();
    let error = client.status("i").await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let test = "worker::tls::a_worker_serves_a_sidecar_over_tls_if_its_certificate_is_trusted";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, folder.path())
        .env(TRUSTED, folder.path().join(CERTIFICATE))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

async fn over_tls(folder: &Path) {
    let mut sidecar = sidecar(folder).await;
    let worker = Worker::new(&sidecar.address).activity(WORK, |_, ()| async { Ok(7) });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call(WORK, 1);
    assert_eq!(sidecar.activity().await.result.as_deref(), Some("7"));
    let client = DurableClient::connect(&sidecar.address).unwrap();
    let error = client.status("i").await.unwrap_err();
    assert!(error.to_string().contains("does not support"), "{error}");
    serving.stop().await;
}
