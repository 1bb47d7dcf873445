//! The table endpoint, queried with the client library that the function app uses.

use azure_core::{BytesStream, HttpClient, Request, Response, RetryOptions, TransportOptions};
use azure_data_tables::clients::TableServiceClientBuilder;
use azure_data_tables::prelude::*;
use azure_storage::{CloudLocation, StorageCredentials};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local_host::table::{Store, sample, serve};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The library's transport over hyper.
#[derive(Debug)]
struct Transport(Client<HttpConnector, Full<Bytes>>);

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        let mut outgoing = http::Request::builder()
            .method(request.method().as_ref())
            .uri(request.url().as_str());
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        let body = match request.body() {
            azure_core::Body::Bytes(bytes) => bytes.clone(),
            azure_core::Body::SeekableStream(_) => panic!("no streams here"),
        };
        let response = self
            .0
            .request(outgoing.body(Full::from(body)).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let mut headers = azure_core::headers::Headers::new();
        for (name, value) in &head.headers {
            headers.insert(name.as_str().to_owned(), value.to_str().unwrap().to_owned());
        }
        let status = azure_core::StatusCode::try_from(head.status.as_u16()).unwrap();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Response::new(
            status,
            headers,
            Box::pin(BytesStream::new(body)),
        ))
    }
}

async fn endpoint(store: Store) -> (TableServiceClient, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, store));
    let location = CloudLocation::Emulator {
        address: "127.0.0.1".to_owned(),
        port,
    };
    let http = Client::builder(TokioExecutor::new()).build_http();
    let client = TableServiceClientBuilder::with_location(location, StorageCredentials::emulator())
        .transport(TransportOptions::new(Arc::new(Transport(http))))
        .retry(RetryOptions::none())
        .build();
    (client, port)
}

/// Pages of entities that pass a filter.
async fn pages(client: &TableServiceClient, filter: &str, select: &str) -> Vec<Vec<Value>> {
    let mut stream = client
        .table_client(sample::TABLE)
        .query()
        .filter(Filter::new(filter.to_owned()))
        .select(Select::new(select.to_owned()))
        .into_stream::<Value>();
    let mut pages = Vec::new();
    while let Some(page) = stream.next().await {
        pages.push(page.unwrap().entities);
    }
    pages
}

async fn distinct(client: &TableServiceClient, from: &str, to: &str) -> usize {
    let filter =
        format!("PartitionKey ge '{from}' and PartitionKey le '{to}' and CertNumber ne ''");
    let rows = pages(client, &filter, "identificationNumber")
        .await
        .concat();
    let people: HashSet<_> = rows
        .iter()
        .map(|row| row["identificationNumber"].as_str().unwrap())
        .collect();
    people.len()
}

#[tokio::test]
async fn the_documented_counts_are_found_over_all_pages() {
    let (client, _) = endpoint(Store::with_sample_data()).await;
    assert_eq!(
        distinct(&client, "2021-01-01", "2021-01-31").await,
        sample::JANUARY
    );
    assert_eq!(
        distinct(&client, "2021-01-01", "2021-01-01").await,
        sample::FIRST_DAY
    );
    assert_eq!(
        distinct(&client, "2021-01-01", "2021-01-07").await,
        sample::FIRST_WEEK
    );
    assert_eq!(
        distinct(&client, "2020-12-31", "2021-02-01").await,
        sample::WITH_NEIGHBOURS
    );
    assert_eq!(
        distinct(&client, "2022-01-01", "2022-12-31").await,
        sample::YEAR
    );
    assert_eq!(
        distinct(&client, "2022-01-01", "2022-01-01").await,
        sample::FIRST_DAY_OF_YEAR
    );
}

#[tokio::test]
async fn a_year_read_day_by_day_is_the_year_read_at_once() {
    let (client, _) = endpoint(Store::with_sample_data()).await;
    let select = "PartitionKey,RowKey";
    let year = "PartitionKey ge '2022-01-01' and PartitionKey lt '2023-01-01'";
    let at_once = pages(&client, year, select).await.concat();
    assert_eq!(at_once.len(), 14_600);
    let first = |row: &&Value| row["RowKey"] == "000000";
    let mut days: Vec<_> = at_once
        .iter()
        .filter(first)
        .map(|row| row["PartitionKey"].as_str().unwrap())
        .collect();
    assert_eq!(days.len(), 365);
    days.push("2023-01-01");
    let mut by_day = Vec::new();
    for pair in days.windows(2) {
        let filter = format!(
            "PartitionKey ge '{}' and PartitionKey lt '{}'",
            pair[0], pair[1]
        );
        by_day.extend(pages(&client, &filter, select).await.concat());
    }
    assert!(by_day == at_once);
}

#[tokio::test]
async fn a_page_holds_a_thousand_entities_and_none_is_lost_between_pages() {
    let (client, _) = endpoint(Store::with_sample_data()).await;
    let pages = pages(
        &client,
        "PartitionKey ge '2021-01-01' and PartitionKey lt '2021-02-01'",
        "PartitionKey,RowKey",
    )
    .await;
    let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1000, 1000, 1000, 1000, 1000, 1000, 200]);
    let keys: HashSet<_> = pages
        .concat()
        .iter()
        .map(|row| (row["PartitionKey"].to_string(), row["RowKey"].to_string()))
        .collect();
    assert_eq!(keys.len(), 6_200);
}

#[tokio::test]
async fn a_missing_table_is_named_by_its_code() {
    let (client, _) = endpoint(Store::empty()).await;
    let mut stream = client
        .table_client(sample::TABLE)
        .query()
        .into_stream::<Value>();
    let error = stream.next().await.unwrap().unwrap_err();
    let http = error.as_http_error().unwrap();
    assert_eq!(u16::from(http.status()), 404);
    assert_eq!(http.error_code(), Some("TableNotFound"));
}

#[tokio::test]
async fn tables_and_entities_can_be_created_read_back_and_deleted() {
    let (client, _) = endpoint(Store::empty()).await;
    let table = client.table_client("People");
    table.create().await.unwrap();
    assert!(table.create().await.is_err());
    let entity = json!({"PartitionKey": "a", "RowKey": "o'x", "n": 5, "big": "5000000000", "big@odata.type": "Edm.Int64"});
    table.insert::<_, Value>(&entity).unwrap().await.unwrap();
    assert!(table.insert::<_, Value>(&entity).unwrap().await.is_err());
    let mut stream = table
        .query()
        .filter(Filter::new("big gt 4999999999L and n eq 5".to_owned()))
        .into_stream::<Value>();
    let page = stream.next().await.unwrap().unwrap();
    assert_eq!(page.entities[0]["RowKey"], "o'x");
    let one = table.partition_key_client("a").entity_client("o'x");
    let read: Value = one.get().await.unwrap().entity;
    assert_eq!(read["big"], "5000000000");
    let other = IfMatchCondition::Etag("W/\"other\"".into());
    let refused = one.delete().if_match(other).await.unwrap_err();
    let http = refused.as_http_error().unwrap();
    assert_eq!(http.error_code(), Some("UpdateConditionNotSatisfied"));
    one.delete().await.unwrap();
    let gone = one.delete().await.unwrap_err();
    let http = gone.as_http_error().unwrap();
    assert_eq!(http.error_code(), Some("ResourceNotFound"));
}

/// The public key of every emulator.
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn get(port: u16, path: &str, authorized: bool) -> http::request::Builder {
    let mut request = http::Request::get(format!("http://127.0.0.1:{port}{path}"));
    if authorized {
        let date = "Sat, 28 Nov 2026 00:00:00 GMT";
        let path = path.split('?').next().unwrap();
        let key = azure_core::auth::Secret::new(KEY);
        let signed = format!("{date}\n/devstoreaccount1{path}");
        let signature = azure_core::hmac::hmac_sha256(&signed, &key).unwrap();
        request = request.header("x-ms-date", date).header(
            "Authorization",
            format!("SharedKeyLite devstoreaccount1:{signature}"),
        );
    }
    request
}

async fn status(port: u16, path: &str, authorized: bool) -> (u16, Value) {
    let request = get(port, path, authorized);
    let http: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = http
        .request(request.body(Full::default()).unwrap())
        .await
        .unwrap();
    for name in ["x-ms-request-id", "x-ms-version", "date", "server"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn bad_requests_are_answered_as_the_table_service_does() {
    let (_, port) = endpoint(Store::with_sample_data()).await;
    let code = |body: &Value| {
        body["odata.error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for (path, authorized, expected, expected_code) in [
        (
            "/devstoreaccount1/audit()",
            false,
            403,
            "AuthenticationFailed",
        ),
        (
            "/devstoreaccount1/audit()?$filter=a%20eq",
            true,
            400,
            "InvalidInput",
        ),
        (
            "/devstoreaccount1/audit()?$top=0",
            true,
            400,
            "InvalidInput",
        ),
        (
            "/devstoreaccount1/audit()?NextPartitionKey=x",
            true,
            400,
            "InvalidInput",
        ),
        ("/other/audit()", true, 404, "ResourceNotFound"),
        (
            "/devstoreaccount1/audit(PartitionKey='x',RowKey='y')",
            true,
            404,
            "ResourceNotFound",
        ),
    ] {
        let (status, body) = status(port, path, authorized).await;
        assert_eq!(
            (status, code(&body).as_str()),
            (expected, expected_code),
            "{path}"
        );
    }
    let (code, body) = status(
        port,
        "/devstoreaccount1/audit()?$top=2&$select=RowKey",
        true,
    )
    .await;
    assert_eq!(code, 200);
    assert_eq!(body["value"].as_array().unwrap().len(), 2);
    assert_eq!(body["value"][0]["RowKey"], "000000");
}

#[tokio::test]
async fn the_endpoint_accepts_hosts_and_origins_of_this_machine_only() {
    let (_, port) = endpoint(Store::with_sample_data()).await;
    let http: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    for (host, origin, status) in [
        ("127.0.0.1:10002", None, 200),
        ("localhost", Some("http://localhost:8080"), 200),
        ("evil.example:10002", None, 403),
        ("localhost", Some("http://evil.example"), 403),
        ("localhost", Some("null"), 403),
        ("not a host", None, 400),
    ] {
        let mut request = get(port, "/devstoreaccount1/Tables", true).header("Host", host);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        let request = request.body(Full::default()).unwrap();
        let response = http.request(request).await.unwrap();
        assert_eq!(response.status(), status, "{host} {origin:?}");
    }
}
