//! The addresses in answers to clients that reach the app directly.

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
};

const SUBMIT: &str = "submit/query?s=2021-01-01&e=2021-01-31";

async fn app() -> (AppFolder, FakeTable) {
    let table = FakeTable::start(vec![Step::page(&["1"])]).await;
    (AppFolder::product(&table.connection_string()), table)
}

#[tokio::test]
async fn row_62_a_host_that_is_not_allowed_gets_into_no_address() {
    let (app, _table) = app().await;
    let host = app
        .setting("AllowedHosts", "api.example.com,127.0.0.1")
        .launch()
        .allow_host("api.example.com")
        .allow_host("evil.example")
        .start()
        .await;
    let client = host.client();
    let url = client.url(&format!("/api/{SUBMIT}"));
    for (asked, origin) in [
        ("api.example.com", "http://api.example.com"),
        ("evil.example", ""),
        ("evil.example:443", ""),
    ] {
        let answer = client.get_with(&url, &[("Host", asked)]).await;
        let body = answer.json();
        let id = body["id"].as_str().unwrap();
        let expected = format!("{origin}/api/status/{id}");
        assert_eq!(answer.header("Location"), expected);
        assert_eq!(body["statusUri"], expected);
        assert!(!format!("{answer:?}").contains("evil"), "{answer:?}");
    }
}

#[tokio::test]
async fn row_62_the_route_prefix_of_the_host_is_in_every_address() {
    for prefix in ["jobs/v1", ""] {
        let (app, _table) = app().await;
        let host = app.route_prefix(prefix).start().await;
        let client = host.client();
        let base = match prefix {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        let answer = client.get(&format!("{base}/{SUBMIT}")).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let location = answer.header("Location");
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(location, client.url(&format!("{base}/status/{id}")));
        assert_eq!(client.poll(location).await.status, 200);
    }
}
