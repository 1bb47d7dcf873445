//! The endpoint over HTTP.

use super::ACCOUNT;
use super::authorization::is_authorized;
use super::entity::Entity;
use super::entity::Object;
use super::odata::{self, Metadata};
use super::page::{self, Options};
use super::store::{Keys, Store, StoreError};
use crate::http::{HostError, Hosts, Query, decode_component};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, HOST, IF_MATCH, ORIGIN, SERVER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;
use uuid::Uuid;

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const NEXT_PARTITION: HeaderName = HeaderName::from_static("x-ms-continuation-nextpartitionkey");
const NEXT_ROW: HeaderName = HeaderName::from_static("x-ms-continuation-nextrowkey");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const VERSION: HeaderName = HeaderName::from_static("x-ms-version");
/// The table service's limit for a request.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Serves the store until the future is dropped.
///
/// # Errors
/// None while the listener works.
pub async fn serve(listener: TcpListener, store: Store) -> std::io::Result<()> {
    let app = axum::Router::new().fallback(answer).with_state(store);
    axum::serve(listener, app).await
}

async fn answer(State(store): State<Store>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if let Some(refusal) = refuse_foreign(&head.headers) {
        return refusal.into_response();
    }
    let version = head.headers.get(VERSION).cloned();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let call = Call {
        store,
        base: format!(
            "http://{}",
            head.headers
                .get(HOST)
                .and_then(|h| h.to_str().ok())
                .unwrap_or("127.0.0.1:10002")
        ),
        metadata: Metadata::of(accept(&head.headers)),
        authorized: is_authorized(&head, query.contains("sig")),
        query,
        preference: head.headers.get("prefer").cloned(),
        if_match: head.headers.get(IF_MATCH).cloned(),
    };
    // In a path, `+` is not a blank.
    let path = decode_component(&head.uri.path().replace('+', "%2B"));
    let mut response = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => call
            .run(&head.method, &path, body.to_bytes())
            .unwrap_or_else(Failure::into_response),
        Err(_) => Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestBodyTooLarge",
            "The request body is too large.",
        )
        .into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(
        VERSION,
        version.unwrap_or(HeaderValue::from_static("2019-02-02")),
    );
    headers.insert(SERVER, HeaderValue::from_static("local-host-table/1.0"));
    response
}

/// Refuses requests of pages of other sites, which a browser on this machine may have open.
fn refuse_foreign(headers: &HeaderMap) -> Option<Failure> {
    let hosts = Hosts::loopback();
    let why = match hosts.check(headers) {
        Err(error @ HostError::Foreign(_)) => error.to_string(),
        Err(error) => {
            return Some(Failure::new(
                StatusCode::BAD_REQUEST,
                "InvalidHeaderValue",
                &format!("{error}."),
            ));
        }
        Ok(()) => {
            let origin = headers.get(ORIGIN)?;
            if hosts.is_own_origin(origin) {
                return None;
            }
            "the Origin header names a page of another site".to_owned()
        }
    };
    let text = format!("local-host's table endpoint is for this machine only: {why}.");
    Some(Failure::new(
        StatusCode::FORBIDDEN,
        "AuthorizationFailure",
        &text,
    ))
}

fn accept(headers: &HeaderMap) -> &str {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// One request.
struct Call {
    store: Store,
    base: String,
    query: Query,
    metadata: Metadata,
    authorized: bool,
    preference: Option<HeaderValue>,
    if_match: Option<HeaderValue>,
}

/// What the path names.
enum Resource {
    Tables,
    Entities(String),
    Entity(String, Keys),
}

impl Call {
    fn run(&self, method: &Method, path: &str, body: Bytes) -> Result<Response, Failure> {
        if !self.authorized {
            return Err(Failure::new(
                StatusCode::FORBIDDEN,
                "AuthenticationFailed",
                "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
                 correctly including the signature.",
            ));
        }
        let resource = resource(path)?;
        match (method, resource) {
            (&Method::GET, Resource::Tables) => self.list_tables(),
            (&Method::POST, Resource::Tables) => self.create_table(&body),
            (&Method::GET, Resource::Entities(table)) => self.query(&table),
            (&Method::POST, Resource::Entities(table)) => self.insert(&table, &body),
            (&Method::GET, Resource::Entity(table, keys)) => self.get(&table, &keys),
            (&Method::DELETE, Resource::Entity(table, keys)) => self.delete(&table, &keys),
            _ => Err(Failure::new(
                StatusCode::NOT_IMPLEMENTED,
                "NotImplemented",
                "local-host's table endpoint does not have this operation. Use Azurite for it.",
            )),
        }
    }

    fn json(&self, status: StatusCode, value: &impl Serialize) -> Response {
        let content_type = [(CONTENT_TYPE, self.metadata.content_type())];
        // Names and JSON values always serialise.
        let body = serde_json::to_string(value).unwrap_or_default();
        (status, content_type, body).into_response()
    }

    fn list_tables(&self) -> Result<Response, Failure> {
        let options = self.options()?;
        let values = self
            .store
            .names()
            .into_iter()
            .filter(|name| options.passes(&Entity::of_table(name)))
            .take(options.limit)
            .map(|name| odata::table(&self.base, self.metadata, &name))
            .collect();
        let page = odata::page(&self.base, "Tables", self.metadata, values);
        Ok(self.json(StatusCode::OK, &page))
    }

    fn options(&self) -> Result<Options, Failure> {
        let values = self.query.last();
        let get = |name: &str| {
            values
                .get(name)
                .and_then(|v| v.as_text())
                .map(str::to_owned)
        };
        Options::read(get).map_err(|error| Failure::input(&error))
    }

    fn create_table(&self, body: &[u8]) -> Result<Response, Failure> {
        let body = parse(body)?;
        let name = body
            .get("TableName")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let valid = (3..=63).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        if !valid {
            return Err(Failure::input(
                "TableName: expected 3 to 63 letters and digits, a letter first.",
            ));
        }
        self.store.create(name)?;
        let table = odata::table(&self.base, self.metadata, name);
        Ok(self.json(
            StatusCode::CREATED,
            &odata::single(&self.base, "Tables", self.metadata, table),
        ))
    }

    fn query(&self, table: &str) -> Result<Response, Failure> {
        let options = self.options()?;
        let (entities, next) = self.store.page(
            table,
            &options.start,
            options.end.as_deref(),
            options.limit,
            |entity| options.passes(entity),
        )?;
        let values = entities
            .iter()
            .map(|entity| odata::entity(&self.base, table, self.metadata, entity, &options.select))
            .collect();
        let page = odata::page(&self.base, table, self.metadata, values);
        let mut response = self.json(StatusCode::OK, &page);
        if let Some((partition, row)) = next {
            for (name, key) in [(NEXT_PARTITION, partition), (NEXT_ROW, row)] {
                if let Ok(value) = HeaderValue::from_str(&page::encode(&key)) {
                    response.headers_mut().insert(name, value);
                }
            }
        }
        Ok(response)
    }

    fn get(&self, table: &str, keys: &Keys) -> Result<Response, Failure> {
        let entity = self.store.get(table, keys)?;
        let entity = entity.ok_or(StoreError::EntityNotFound)?;
        Ok(self.entity(StatusCode::OK, table, &entity))
    }

    fn delete(&self, table: &str, keys: &Keys) -> Result<Response, Failure> {
        let Some(wanted) = &self.if_match else {
            return Err(Failure::new(
                StatusCode::BAD_REQUEST,
                "MissingRequiredHeader",
                "An HTTP header that's mandatory for this request is not specified: If-Match.",
            ));
        };
        self.store.delete(table, keys, |entity| {
            wanted == "*" || *wanted == odata::etag(entity)
        })?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn insert(&self, table: &str, body: &[u8]) -> Result<Response, Failure> {
        let now = OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default();
        let entity =
            Entity::from_json(&parse(body)?, now).map_err(|error| Failure::input(&error))?;
        self.store.insert(table, entity.clone())?;
        let mut response = if self
            .preference
            .as_ref()
            .is_some_and(|wish| wish == "return-no-content")
        {
            with_etag(StatusCode::NO_CONTENT.into_response(), &entity)
        } else {
            self.entity(StatusCode::CREATED, table, &entity)
        };
        if let Some(wish) = &self.preference {
            response
                .headers_mut()
                .insert(PREFERENCE_APPLIED, wish.clone());
        }
        Ok(response)
    }

    fn entity(&self, status: StatusCode, table: &str, entity: &Entity) -> Response {
        let value = odata::entity(&self.base, table, self.metadata, entity, &HashSet::new());
        let value = odata::single(&self.base, table, self.metadata, value);
        with_etag(self.json(status, &value), entity)
    }
}

fn with_etag(mut response: Response, entity: &Entity) -> Response {
    if let Ok(etag) = HeaderValue::from_str(&odata::etag(entity)) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

fn parse(body: &[u8]) -> Result<Object, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::input(&format!("The body is not a JSON object: {error}")))
}

/// Reads `/devstoreaccount1/Tables`, `/devstoreaccount1/name()` and
/// `/devstoreaccount1/name(PartitionKey='…',RowKey='…')`.
fn resource(path: &str) -> Result<Resource, Failure> {
    let not_found = || {
        Failure::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "The specified resource does not exist.",
        )
    };
    let rest = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(ACCOUNT))
        .and_then(|path| path.strip_prefix('/'))
        .ok_or_else(not_found)?;
    let (name, keys) = match rest.split_once('(') {
        Some((name, keys)) => (name, keys.strip_suffix(')').ok_or_else(not_found)?),
        None => (rest, ""),
    };
    if name.is_empty() || name.contains(['/', '$']) {
        return Err(not_found());
    }
    if keys.is_empty() {
        return Ok(match name {
            "Tables" => Resource::Tables,
            _ => Resource::Entities(name.to_owned()),
        });
    }
    let keys = keys
        .strip_prefix("PartitionKey='")
        .and_then(|keys| keys.strip_suffix('\''))
        .and_then(|keys| keys.split_once("',RowKey='"))
        .ok_or_else(not_found)?;
    let plain = |key: &str| key.replace("''", "'");
    Ok(Resource::Entity(
        name.to_owned(),
        (plain(keys.0), plain(keys.1)),
    ))
}

/// An error of the table service.
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
        }
    }

    fn input(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidInput", message)
    }

    fn into_response(self) -> Response {
        let body = odata::error(self.code, &self.message).to_string();
        let headers = [
            (CONTENT_TYPE, Metadata::Minimal.content_type()),
            (ERROR_CODE, self.code),
        ];
        (self.status, headers, body).into_response()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TableNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "TableNotFound",
                "The table specified does not exist.",
            ),
            StoreError::TableAlreadyExists => Self::new(
                StatusCode::CONFLICT,
                "TableAlreadyExists",
                "The table specified already exists.",
            ),
            StoreError::EntityNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "ResourceNotFound",
                "The specified resource does not exist.",
            ),
            StoreError::Changed => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "UpdateConditionNotSatisfied",
                "The update condition specified in the request was not satisfied.",
            ),
            StoreError::EntityAlreadyExists => Self::new(
                StatusCode::CONFLICT,
                "EntityAlreadyExists",
                "The specified entity already exists.",
            ),
        }
    }
}
