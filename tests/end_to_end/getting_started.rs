//! The app in the README of durable-functions works as the README says. Its files are taken from there; the
//! program is built from `examples/getting-started`, which `tests/it/readme.rs` compares with them.

use serde_json::{Value, json};

use super::support::{app_folder::AppFolder, host::Host};

/// Places an order. Its state when it has ended, which it does soon after this line in the log.
async fn placed(host: &Host, order: &str, last_line: &str) -> Value {
    let accepted = host.client().post("/api/orders", order).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let location = accepted.header("location");
    let address = location.split_once("/api/").unwrap().1;
    host.logged(last_line, 1).await;
    loop {
        let answer = host.client().get(&format!("/api/{address}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let state = answer.json();
        if state["status"] != "Running" {
            return state;
        }
    }
}

#[tokio::test]
async fn the_app_of_the_readme_runs_and_causes_no_warning() {
    let host = AppFolder::getting_started().start().await;
    assert_eq!(
        placed(&host, r#"{"item":"lamp","count":2}"#, "order placed").await,
        json!({ "status": "Completed", "result": "2 x lamp: reservation 4711" })
    );
    let log = host.log();
    assert_eq!(
        log.matches("order placed").count(),
        1,
        "a replay logged it again"
    );
    assert!(!log.to_lowercase().contains("warn"), "{log}");

    assert_eq!(
        placed(
            &host,
            r#"{"item":"lamp","count":0}"#,
            "Functions.reserve-stock' (Failed"
        )
        .await,
        json!({ "status": "Failed", "result": null })
    );
    assert!(host.log().contains("EmptyOrder: nothing is ordered"));
    let unknown = host.client().get("/api/orders/unknown").await;
    assert_eq!(unknown.status, 404);
}
