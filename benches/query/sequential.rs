//! A plain loop over the pages of `azure_data_tables`, over connections that are kept.

use std::collections::HashSet;

use azure_data_tables::prelude::{Filter, Select};
use futures::StreamExt;
use serde::Deserialize;

use crate::{case::Case, process, sdk_transport};

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "identificationNumber")]
    number: String,
}

/// Counts for each line of the input.
pub(crate) async fn role(connection: &str, case: &Case) {
    let (_, endpoint) = connection.split_once("TableEndpoint=").unwrap();
    let table = sdk_transport::service(endpoint).table_client("audit");
    let (from, to) = case.range();
    let filter =
        format!("PartitionKey ge '{from}' and PartitionKey le '{to}' and CertNumber ne ''");
    process::serve(async || {
        let mut values = HashSet::new();
        let mut rows = 0;
        let query = table.query().filter(Filter::new(filter.clone()));
        let query = query.select(Select::new("identificationNumber"));
        let mut pages = query.into_stream::<Row>();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            rows += page.entities.len() as u64;
            values.extend(page.entities.into_iter().map(|row| row.number));
        }
        (values.len() as u64, rows)
    })
    .await;
}
