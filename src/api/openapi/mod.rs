//! The OpenAPI 3.1 document of the HTTP functions: `GET /api/openapi.json`, and `handler openapi` at build time.
//!
//! It describes the answers under the default settings. The schemas of bodies are derived from the types that are
//! serialised. Tests compare its paths with the function.json files, and its schemas with answers.
//!
//! Invariant: Azure API Management imports it
//! (<https://learn.microsoft.com/azure/api-management/api-management-api-import-restrictions>). So every body is a
//! reference to a named schema, no schema contains itself, the parameters of a path and its query have different
//! names, and `components` holds nothing but schemas and the security scheme.

mod operations;
mod parts;
mod schemas;
mod service;
mod sessions;
mod status;
mod submit;

use utoipa::openapi::{
    Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, SecurityRequirement, Server,
    tag::{Tag, TagBuilder},
};

use parts::{JOBS, KEY, OPERATIONS, SERVICE, SESSIONS};

/// Where the API is for a document that nobody has requested: the route prefix that a host has by default.
pub const DEFAULT_BASE: &str = "/api";

/// The document of the API below `base`, which is an absolute URL or a path, as JSON.
pub fn document(base: &str) -> String {
    // What is in it has no map with other keys than strings, which is all that can fail.
    let mut text = open_api(base).to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn open_api(base: &str) -> OpenApi {
    let mut paths = Paths::new();
    submit::add(&mut paths);
    status::add(&mut paths);
    operations::add(&mut paths);
    sessions::add(&mut paths);
    service::add(&mut paths);
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([Server::new(base)]))
        .tags(Some([
            tag(JOBS, "Start jobs, watch them, cancel them."),
            tag(
                OPERATIONS,
                "The same jobs in the form of Azure's long-running operations.",
            ),
            tag(
                SESSIONS,
                "The jobs that messages of a web application started, by the session that the messages name.",
            ),
            tag(SERVICE, "The service itself."),
        ]))
        .paths(paths)
        .components(Some(schemas::components()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], _>(KEY, [])]))
        .build()
}

fn info() -> Info {
    InfoBuilder::new()
        .title("Count of distinct values as an asynchronous job")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Counts the distinct values of a column of a table over a range of days. A count takes minutes, so it is \
             a job: a submission is answered at once with the address of the job's status. Each answer has a header \
             `x-ms-request-id`; the log of the service has the same id.",
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT")
                .identifier(Some("MIT"))
                .build(),
        ))
        .build()
}

fn tag(name: &str, description: &str) -> Tag {
    TagBuilder::new()
        .name(name)
        .description(Some(description))
        .build()
}
