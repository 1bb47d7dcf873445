//! TLS to Redis. The certificate is made for each run: a stored one would expire.

use std::{fs, path::Path, process::Command};

use super::{super::*, problem, store};
use crate::support::redis::{PASSWORD, Redis};

/// The file with the trusted certificates, for the whole process.
const TRUSTED: &str = "SSL_CERT_FILE";

/// The connection, in the process that trusts the certificate of the test.
const CHILD: &str = "FUNCTION_APP_REDIS_TLS_TEST";

/// Runs itself once more, in a process that trusts the certificate.
#[tokio::test]
async fn redis_is_used_over_tls_if_its_certificate_is_trusted() {
    if let Ok(connection) = std::env::var(CHILD) {
        let (store, session) = (store(&connection), session());
        add(&store, &session, &job("a", 1), later()).await;
        assert_eq!(ids(&store, &session).await.unwrap(), ["a"]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let redis = Redis::start_with_tls(&certificate, &key);
    let address = format!("localhost:{}", redis.tls_port());
    // The form of the portal, whose default is TLS on another port.
    let portal = format!("{address},password={PASSWORD},ssl=True,abortConnect=False");
    let text = problem(store(&portal).page(&session(), None, 1).await);
    assert!(text.contains("cannot be reached by TLS"), "{text}");
    let with_other_name = portal.replace("localhost", "127.0.0.1");
    for (connection, succeeds) in [(&portal, true), (&with_other_name, false)] {
        assert_eq!(child(&certificate, connection), succeeds, "{connection}");
    }
    // The port without TLS.
    let plain = format!("rediss://localhost:{}", redis.port());
    let text = problem(store(&plain).page(&session(), None, 1).await);
    assert!(text.contains("check the host, the port and TLS"), "{text}");
    let without = format!("redis://{address}");
    let text = problem(store(&without).page(&session(), None, 1).await);
    assert!(text.contains("closed the connection"), "{text}");
}

fn child(certificate: &Path, connection: &str) -> bool {
    let test = "sessions::redis::tls::redis_is_used_over_tls_if_its_certificate_is_trusted";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, connection)
        .env(TRUSTED, certificate)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("1 passed") || said.contains("1 failed"),
        "{said}"
    );
    output.status.success()
}
