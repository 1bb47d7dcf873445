//! The schemas of the bodies.
//!
//! Those of JSON answers come from the types that are serialised. The types here stand for what has no type of its own.

use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        Components, ComponentsBuilder, RefOr, Schema,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use job_api::error::{ObjectBody, Problem, TextBody};

use super::parts::KEY;
use crate::{
    api::views::{
        job::JobView,
        minimal::MinimalView,
        operation::OperationView,
        session::{SessionView, StateView},
    },
    functions::{get_health::Health, submit::Accepted},
};

pub(super) fn components() -> Components {
    let mut schemas = Vec::new();
    add::<Range>(&mut schemas);
    add::<Accepted>(&mut schemas);
    add::<StatusView>(&mut schemas);
    add::<OperationView>(&mut schemas);
    add::<SessionView>(&mut schemas);
    add::<StateView>(&mut schemas);
    add::<LatestJob>(&mut schemas);
    add::<Error>(&mut schemas);
    add::<Problem>(&mut schemas);
    add::<Health>(&mut schemas);
    add::<OpenApi>(&mut schemas);
    add::<Text>(&mut schemas);
    add::<Page>(&mut schemas);
    let key = ApiKeyValue::with_description(
        KEY,
        "A function key or a host key of the function app. A host on a developer's machine asks for none.",
    );
    ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(KEY, SecurityScheme::ApiKey(ApiKey::Header(key)))
        .build()
}

/// Adds a schema, and those that it refers to.
fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// The days of a job.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is read, not the values")]
struct Range {
    /// The first day.
    #[schema(format = Date, example = "2021-01-01")]
    start: String,
    /// The last day, which is included.
    #[schema(format = Date, example = "2021-01-31")]
    end: String,
}

/// A job, in the view that the request asks for.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema is read, not the values")]
enum StatusView {
    Job(JobView),
    Minimal(MinimalView),
}

/// The newest job of a session, in the view that the request asks for, or that none has started yet.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema is read, not the values")]
enum LatestJob {
    Job(JobView),
    Minimal(MinimalView),
    State(StateView),
}

/// Why a request is not done. The second form comes with `Accept: application/json;error=object`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema is read, not the values")]
enum Error {
    Text(TextBody),
    Object(ObjectBody),
}

/// An OpenAPI document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema is read, not the values")]
#[schema(value_type = Object)]
struct OpenApi(Value);

/// One sentence.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema is read, not the values")]
struct Text(String);

/// A page for people.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema is read, not the values")]
struct Page(String);
