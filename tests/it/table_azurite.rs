//! The table endpoint of local-host and a real Azurite get the same requests and give the same answers.

use crate::support::azurite::{ACCOUNT_KEY, Azurite};
use std::time::SystemTime;

use local_host::table::{Store, serve};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const ACCOUNT: &str = "devstoreaccount1";

/// A table service and how to talk to it.
struct Service {
    endpoint: String,
    http: Client,
}

/// The status and the body of an answer.
type Answer = (u16, Value);

impl Service {
    async fn local_host() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(listener, Store::empty()));
        Self::at(format!("http://127.0.0.1:{port}/{ACCOUNT}"))
    }

    fn at(endpoint: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            endpoint,
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn call(&self, method: Method, path: &str, query: &[(&str, &str)], body: &str) -> Answer {
        self.call_with(ACCOUNT_KEY, "SharedKeyLite", method, path, query, body)
            .await
    }

    async fn call_with(
        &self,
        key: &str,
        scheme: &str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut url = url::Url::parse(&format!("{}{path}", self.endpoint)).unwrap();
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let resource = format!("/{ACCOUNT}{}", url.path());
        let content_type = "application/json";
        let signed = match scheme {
            "SharedKey" => format!("{method}\n\n{content_type}\n{date}\n{resource}"),
            _ => format!("{date}\n{resource}"),
        };
        let key = azure_core::auth::Secret::new(key.to_owned());
        let signature = azure_core::hmac::hmac_sha256(&signed, &key).unwrap();
        let answer = self
            .http
            .request(method, url)
            .header("x-ms-date", date)
            .header("x-ms-version", "2019-02-02")
            .header("Accept", "application/json;odata=nometadata")
            .header("Content-Type", content_type)
            .header("Authorization", format!("{scheme} {ACCOUNT}:{signature}"))
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let body: Value =
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        (status, body)
    }

    async fn insert(&self, entity: &Value) -> Answer {
        self.call(Method::POST, "/probe", &[], &entity.to_string())
            .await
    }

    /// The status, and the row keys of the entities that pass the filter.
    async fn query(&self, filter: &str) -> (u16, Vec<String>) {
        let (status, body) = self
            .call(Method::GET, "/probe()", &[("$filter", filter)], "")
            .await;
        let rows = body["value"].as_array().cloned().unwrap_or_default();
        let key = |row: &Value| row["RowKey"].as_str().unwrap().to_owned();
        let mut keys: Vec<_> = rows.iter().map(key).collect();
        keys.sort();
        (status, keys)
    }
}

/// Both services, each with the same entities in the table `probe`.
async fn both() -> (Azurite, Service, Service) {
    let azurite = Azurite::start();
    let (ours, theirs) = (Service::local_host().await, Service::at(azurite.endpoint()));
    for service in [&ours, &theirs] {
        let table = json!({"TableName": "probe"}).to_string();
        let (status, _) = service.call(Method::POST, "/Tables", &[], &table).await;
        assert_eq!(status, 201);
        for entity in entities() {
            assert_eq!(service.insert(&entity).await.0, 201, "{entity}");
        }
    }
    (azurite, ours, theirs)
}

fn entities() -> Vec<Value> {
    let double = |row: &str, value: Value| json!({"PartitionKey": "p", "RowKey": row, "x": value, "x@odata.type": "Edm.Double"});
    vec![
        json!({
            "PartitionKey": "p", "RowKey": "all",
            "b": "/wA=", "b@odata.type": "Edm.Binary",
            "d": "2021-01-01T00:00:00Z", "d@odata.type": "Edm.DateTime",
            "g": "c9da6455-213d-42c9-9a79-3e9149a57833", "g@odata.type": "Edm.Guid",
            "x": 1.5, "s": "t", "i": 5,
        }),
        json!({
            "PartitionKey": "p", "RowKey": "local",
            "d": "2021-01-01T00:00:00", "d@odata.type": "Edm.DateTime",
        }),
        double("nan", json!("NaN")),
        double("infinity", json!("Infinity")),
        double("minus", json!("-Infinity")),
    ]
}

#[tokio::test]
async fn filters_find_what_azurite_finds() {
    let (_azurite, ours, theirs) = both().await;
    let long = ["i eq 5"; 300].join(" or ");
    for filter in [
        "b eq X'ff00'",
        "b eq X'FF00'",
        "b eq x'ff00'",
        "b eq binary'ff00'",
        "b ne X'00'",
        "d eq datetime'2021-01-01T00:00:00Z'",
        "d eq datetime'2021-01-01T00:00:00'",
        "d eq datetime'2021-01-01'",
        "d ge datetime'2020-12-31'",
        "d lt datetime'2021-01-01'",
        "d eq datetime'2021-01-01T01:00:00+01:00'",
        "d eq datetime'2021-01-01T00:00:00.0000000Z'",
        "g eq guid'c9da6455-213d-42c9-9a79-3e9149a57833'",
        "x eq 1.5",
        "x gt 1",
        "x lt 1",
        "x ne 1.5",
        "s eq 't'",
        "i eq '5'",
        "i eq 5.0",
        "i eq -5",
        "i eq 5 or i eq 6 and i eq 7",
        "",
        &long,
        "s eq",
        "(i eq 5",
        "i eq 5)",
        "i eq 5 and",
        "foo(i) eq 5",
        "startswith(s,'t')",
        "s eq 't' eq true",
        "i add 1 eq 6",
    ] {
        let (ours, theirs) = (ours.query(filter).await, theirs.query(filter).await);
        assert_eq!(ours, theirs, "{filter}");
    }
}

/// The documentation of the service says that it refuses these. Azurite treats them as an absent value.
#[tokio::test]
async fn literals_that_are_none_are_refused_although_azurite_takes_them() {
    let (_azurite, ours, theirs) = both().await;
    for filter in [
        "s eq null",
        "null eq s",
        "s ne null",
        "d eq datetime'nonsense'",
        "d eq datetime'2021-13-01'",
        "g eq guid'nonsense'",
        "b eq X'zz'",
        "b eq X'f'",
    ] {
        assert_eq!(ours.query(filter).await, (400, Vec::new()), "{filter}");
        assert_eq!(
            theirs.query(filter).await.0,
            200,
            "{filter}: Azurite changed"
        );
    }
}

#[tokio::test]
async fn keys_are_taken_and_refused_as_by_azurite() {
    let (_azurite, ours, theirs) = both().await;
    let keys = [
        "a/b", "a\\b", "a#b", "a?b", "a\u{1}b", "a\tb", "a\u{7f}b", "a\u{85}b", "", " ", "a%b",
        "a+b", "a'b", "é",
    ];
    let long = [512, 513, 1024, 1025].map(|length| "k".repeat(length));
    let wide = "é".repeat(512);
    let keys = keys
        .into_iter()
        .chain(long.iter().map(String::as_str))
        .chain([wide.as_str()]);
    for key in keys {
        for entity in [
            json!({"PartitionKey": key, "RowKey": "x"}),
            json!({"PartitionKey": "keys", "RowKey": key}),
        ] {
            let code = |(status, body): Answer| (status, body["odata.error"]["code"].clone());
            assert_eq!(
                code(ours.insert(&entity).await),
                code(theirs.insert(&entity).await),
                "{entity}"
            );
        }
    }
}

#[tokio::test]
async fn numbers_that_json_does_not_have_are_written_as_by_azurite() {
    let (_azurite, ours, theirs) = both().await;
    for row in ["nan", "infinity", "minus"] {
        let path = format!("/probe(PartitionKey='p',RowKey='{row}')");
        let (status, body) = ours.call(Method::GET, &path, &[], "").await;
        let (_, expected) = theirs.call(Method::GET, &path, &[], "").await;
        assert_eq!((status, &body["x"]), (200, &expected["x"]), "{row}");
    }
    let entity =
        json!({"PartitionKey": "p", "RowKey": "no", "x": "abc", "x@odata.type": "Edm.Double"});
    assert_eq!(ours.insert(&entity).await.0, 400);
    assert_eq!(theirs.insert(&entity).await.0, 400);
}

#[tokio::test]
async fn a_type_that_does_not_exist_is_refused_as_by_azurite() {
    let (_azurite, ours, theirs) = both().await;
    let entity =
        json!({"PartitionKey": "p", "RowKey": "no", "n": 1, "n@odata.type": "Edm.Nonsense"});
    assert_eq!(ours.insert(&entity).await.0, 400);
    assert_eq!(theirs.insert(&entity).await.0, 400);
}

#[tokio::test]
async fn the_list_of_tables_is_filtered_as_by_azurite() {
    let (_azurite, ours, theirs) = both().await;
    for filter in [
        "TableName eq 'probe'",
        "TableName eq 'none'",
        "TableName ge 'p'",
        "TableName lt 'p'",
    ] {
        let query = [("$filter", filter)];
        let (status, body) = ours.call(Method::GET, "/Tables", &query, "").await;
        let (_, expected) = theirs.call(Method::GET, "/Tables", &query, "").await;
        assert_eq!(
            (status, &body["value"]),
            (200, &expected["value"]),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_as_by_azurite() {
    let (_azurite, ours, theirs) = both().await;
    for (key, scheme, expected) in [
        (ACCOUNT_KEY, "SharedKeyLite", 200),
        (ACCOUNT_KEY, "SharedKey", 200),
        ("d3Jvbmc=", "SharedKeyLite", 403),
        ("d3Jvbmc=", "SharedKey", 403),
        (ACCOUNT_KEY, "Other", 403),
    ] {
        for service in [&ours, &theirs] {
            let (status, _) = service
                .call_with(key, scheme, Method::GET, "/probe()", &[], "")
                .await;
            assert_eq!(status, expected, "{scheme} at {}", service.endpoint);
        }
    }
}
