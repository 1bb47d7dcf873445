//! Sample entities of the audit table, and the expected count worked out from the rows themselves.

use std::collections::{BTreeMap, BTreeSet};

use azure_data_tables::prelude::TableServiceClient;
use serde_json::{Value, json};

/// The first and the last day of the sample.
pub(crate) const FIRST_DAY: &str = "2021-03-01";
pub(crate) const LAST_DAY: &str = "2021-03-10";

/// The identificationNumber of a row, by the type it is stored as.
#[derive(Clone, Debug)]
pub(crate) enum Id {
    Text(String),
    Int32(i32),
    Int64(i64),
    Absent,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) partition_key: String,
    pub(crate) id: Id,
    /// `None`: the row has no CertNumber.
    pub(crate) cert: Option<String>,
}

impl Row {
    pub(crate) fn new(partition_key: &str, id: &str, cert: &str) -> Self {
        Self {
            partition_key: partition_key.to_owned(),
            id: Id::Text(id.to_owned()),
            cert: Some(cert.to_owned()),
        }
    }

    fn entity(&self, row_key: usize) -> Value {
        let mut entity = json!({
            "PartitionKey": self.partition_key,
            "RowKey": format!("{row_key:08}"),
            "Operator": "sample",
        });
        match &self.id {
            Id::Text(text) => entity["identificationNumber"] = json!(text),
            Id::Int32(number) => entity["identificationNumber"] = json!(number),
            Id::Int64(number) => {
                entity["identificationNumber@odata.type"] = json!("Edm.Int64");
                entity["identificationNumber"] = json!(number.to_string());
            }
            Id::Absent => {}
        }
        if let Some(cert) = &self.cert {
            entity["CertNumber"] = json!(cert);
        }
        entity
    }
}

/// More than 6,000 rows over ten days: duplicates within and across days, CertNumber empty and absent,
/// identificationNumber absent and in several types, 1,500 rows in one partition, keys that are not plain days, and
/// rows before and after the sample with ids of their own.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for day in 1..=10_usize {
        let partition_key = format!("2021-03-{day:02}");
        let count = if day == 3 { 1_500 } else { 550 };
        for n in 0..count {
            // Ids repeat within a day and overlap with the days around.
            let number = 1_000 + day * 200 + (n * 7) % 400;
            let id = match n % 10 {
                0 => Id::Int64(number as i64 + 5_000_000_000),
                1 => Id::Int32(number as i32),
                2 if n % 4 == 0 => Id::Absent,
                3 => Id::Text(format!("O'Brien \"{number}\" é")),
                _ => Id::Text(number.to_string()),
            };
            let cert = match n % 11 {
                0 => Some(String::new()),
                1 => None,
                _ => Some(format!("C-{n}")),
            };
            rows.push(Row {
                partition_key: partition_key.clone(),
                id,
                cert,
            });
        }
        // Ids that would count only if the filter on CertNumber let them through.
        rows.push(Row::new(&partition_key, &format!("empty-cert-{day}"), ""));
        rows.push(Row {
            partition_key: partition_key.clone(),
            id: Id::Text(format!("no-cert-{day}")),
            cert: None,
        });
        rows.push(Row::new(&partition_key, "in-every-day", "C"));
    }
    for inside in ["2021-03-05T10:00:00", "2021-03-0x", "2021-03-1"] {
        rows.push(Row::new(inside, &format!("inside-{inside}"), "C"));
    }
    for outside in [
        "2021-02-28",
        "2021-02-28T23:59:59",
        "2021-03-10T00:00:00",
        "2021-03-11",
        "2021",
        "2022-03-05",
    ] {
        for n in 0..20 {
            rows.push(Row::new(outside, &format!("outside-{outside}-{n}"), "C"));
        }
    }
    rows
}

/// The expected count: the distinct ids, as text, of the rows within both bounds that have a CertNumber.
pub(crate) fn expected(rows: &[Row], first: &str, last: &str) -> u64 {
    let ids: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.partition_key.as_str() >= first && row.partition_key.as_str() <= last)
        .filter(|row| row.cert.as_deref().is_some_and(|cert| !cert.is_empty()))
        .filter_map(|row| match &row.id {
            Id::Text(text) => Some(text.clone()),
            Id::Int32(number) => Some(number.to_string()),
            Id::Int64(number) => Some(number.to_string()),
            Id::Absent => None,
        })
        .collect();
    ids.len() as u64
}

/// Creates the table and loads the rows, in batches of one partition each.
pub(crate) async fn load(service: &TableServiceClient, table: &str, rows: &[Row]) {
    let table = service.table_client(table);
    table.create().await.unwrap();
    let mut partitions: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (row_key, row) in rows.iter().enumerate() {
        partitions
            .entry(&row.partition_key)
            .or_default()
            .push(row.entity(row_key));
    }
    for (partition_key, entities) in partitions {
        for batch in entities.chunks(100) {
            let mut transaction = table.partition_key_client(partition_key).transaction();
            for entity in batch {
                transaction = transaction.insert(entity).unwrap();
            }
            let done = transaction.await.unwrap();
            // The SDK does not turn a refused operation into an error.
            assert_eq!(done.operation_responses.len(), batch.len());
            for operation in done.operation_responses {
                assert!(operation.status_code.is_success(), "{operation:?}");
            }
        }
    }
}
