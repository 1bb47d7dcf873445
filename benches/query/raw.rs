//! The yardstick: what plain requests can do. A query for each day, sixteen at once, as little metadata as there is, and a
//! set of strings. It repeats nothing, checks nothing and reports nothing.

use std::{collections::HashSet, sync::Arc, sync::Mutex};

use futures::StreamExt;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use url::Url;

use crate::{case::Case, process};

const AT_ONCE: usize = 16;

#[derive(Deserialize)]
struct Page {
    value: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "identificationNumber")]
    number: String,
}

/// Counts for each line of the input.
pub(crate) async fn role(connection: &str, case: &Case) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let (_, endpoint) = connection.split_once("TableEndpoint=").unwrap();
    let address = Url::parse(&format!("{endpoint}/audit()")).unwrap();
    process::serve(async || {
        let values = Arc::new(Mutex::new(HashSet::new()));
        let days = case.all_days().into_iter();
        let of_days = futures::stream::iter(days)
            .map(|day| {
                tokio::spawn(count(
                    client.clone(),
                    address.clone(),
                    day,
                    Arc::clone(&values),
                ))
            })
            .buffer_unordered(AT_ONCE);
        let rows = of_days.map(Result::unwrap).collect::<Vec<u64>>().await;
        let values = values.lock().unwrap().len() as u64;
        (values, rows.iter().sum())
    })
    .await;
}

/// The rows of a day, whose values are added to the set.
async fn count(
    client: reqwest::Client,
    address: Url,
    day: String,
    values: Arc<Mutex<HashSet<String>>>,
) -> u64 {
    let mut rows = 0;
    let mut next: Option<(String, String)> = None;
    loop {
        let url = page(&address, &day, next.as_ref());
        let request = client
            .get(url)
            .header(ACCEPT, "application/json;odata=nometadata");
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        next = header("x-ms-continuation-NextPartitionKey")
            .zip(header("x-ms-continuation-NextRowKey"));
        let content: Page = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        rows += content.value.len() as u64;
        let mut values = values.lock().unwrap();
        values.extend(content.value.into_iter().map(|row| row.number));
        if next.is_none() {
            return rows;
        }
    }
}

fn page(address: &Url, day: &str, next: Option<&(String, String)>) -> Url {
    let mut url = address.clone();
    let filter = format!("PartitionKey eq '{day}' and CertNumber ne ''");
    url.query_pairs_mut()
        .append_pair("$filter", &filter)
        .append_pair("$select", "identificationNumber");
    if let Some((partition, row)) = next {
        url.query_pairs_mut()
            .append_pair("NextPartitionKey", partition)
            .append_pair("NextRowKey", row);
    }
    url
}
