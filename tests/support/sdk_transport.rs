//! A plain transport for the SDK, so that tests use tables and queues through it and not through our own clients.

use std::{collections::HashMap, sync::Arc};

use azure_core::{
    Body, HttpClient, Request, Response, StatusCode,
    error::{Error, ErrorKind},
    headers::{HeaderName, HeaderValue, Headers},
};
use azure_data_tables::{clients::TableServiceClientBuilder, prelude::TableServiceClient};
use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_queues::{QueueServiceClient, QueueServiceClientBuilder};
use bytes::Bytes;
use futures::stream;

#[derive(Debug)]
struct Plain(reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for Plain {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        let io = |error: reqwest::Error| Error::new(ErrorKind::Io, error);
        let Body::Bytes(body) = request.body().clone() else {
            unreachable!("the SDK sends bytes only");
        };
        let method = request.method().as_ref().parse().unwrap();
        let mut builder = self.0.request(method, request.url().clone()).body(body);
        for (name, value) in request.headers().iter() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let answer = builder.send().await.map_err(io)?;
        let status = StatusCode::try_from(answer.status().as_u16()).unwrap();
        let headers: HashMap<_, _> = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = value.to_str().unwrap().to_owned();
                (
                    HeaderName::from(name.as_str().to_owned()),
                    HeaderValue::from(value),
                )
            })
            .collect();
        let body: Bytes = answer.bytes().await.map_err(io)?;
        Ok(Response::new(
            status,
            Headers::from(headers),
            Box::pin(stream::iter([Ok(body)])),
        ))
    }
}

/// The SDK's client of tables for the emulator account at this endpoint.
pub(crate) fn service(endpoint: &str) -> TableServiceClient {
    TableServiceClientBuilder::with_location(location(endpoint), StorageCredentials::emulator())
        .retry(azure_core::RetryOptions::none())
        .transport(transport())
        .build()
}

/// The SDK's client of queues for the emulator account at this endpoint.
pub(crate) fn queues(endpoint: &str) -> QueueServiceClient {
    QueueServiceClientBuilder::with_location(location(endpoint), StorageCredentials::emulator())
        .retry(azure_core::RetryOptions::none())
        .transport(transport())
        .build()
}

fn location(endpoint: &str) -> CloudLocation {
    CloudLocation::Custom {
        account: "devstoreaccount1".to_owned(),
        uri: endpoint.to_owned(),
    }
}

fn transport() -> azure_core::TransportOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    azure_core::TransportOptions::new(Arc::new(Plain(client)))
}
