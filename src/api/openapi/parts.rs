//! What several operations have alike: parameters, headers, errors.

use serde_json::Value;
use utoipa::openapi::{
    Content, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, Required, Response,
    ResponseBuilder, Schema, Type,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
};

/// The name of the security scheme, and the header that carries the key.
pub(super) const KEY: &str = "x-functions-key";

/// The tags.
pub(super) const JOBS: &str = "Jobs";
pub(super) const OPERATIONS: &str = "Operations";
pub(super) const SESSIONS: &str = "Sessions";
pub(super) const SERVICE: &str = "Service";

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
pub(super) const TEXT: &str = "text/plain";
pub(super) const HTML: &str = "text/html";

/// An operation with what every operation has. API Management takes `summary` for its name.
pub(super) fn operation(tag: &str, id: &str, summary: &str, description: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag(tag)
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(description))
        .response("401", response(unauthorized(tag)).build())
}

/// The service's own 401 depends on a setting, so its body and its code are in words only.
fn unauthorized(tag: &str) -> &'static str {
    if tag == SERVICE {
        return "The key is missing or wrong. The host answers this before the service is asked.";
    }
    "The key is missing or wrong: the host answers this, without a body, before the service is asked. Or the service is \
     set up to know who calls, and cannot read the identity: an error with the code `InvalidIdentity`."
}

/// Adds the errors with these codes, as `{"error":"…"}` or in the form that the request asks for.
pub(super) fn errors(operation: OperationBuilder, errors: &[(&str, &str)]) -> OperationBuilder {
    add_errors(operation, errors, &[(JSON, "Error"), (PROBLEM, "Problem")])
}

/// The same at `/status`, where an error of a view that is no JSON is none either.
pub(super) fn status_errors(
    operation: OperationBuilder,
    errors: &[(&str, &str)],
) -> OperationBuilder {
    let forms = [
        (JSON, "Error"),
        (PROBLEM, "Problem"),
        (TEXT, "Text"),
        (HTML, "Page"),
    ];
    add_errors(operation, errors, &forms)
}

/// The same at `/operations`, where they are objects.
pub(super) fn operation_errors(
    operation: OperationBuilder,
    errors: &[(&str, &str)],
) -> OperationBuilder {
    let forms = [(JSON, "ErrorObject"), (PROBLEM, "Problem")];
    add_errors(operation, errors, &forms)
}

fn add_errors(
    operation: OperationBuilder,
    errors: &[(&str, &str)],
    forms: &[(&str, &str)],
) -> OperationBuilder {
    errors.iter().fold(operation, |operation, (code, text)| {
        let mut response = response(*text).header("x-ms-error-code", error_code());
        for (media_type, schema) in forms {
            response = response.content(*media_type, content(schema));
        }
        if ["429", "503"].contains(code) {
            response = response.header("Retry-After", retry_after());
        }
        operation.response(*code, response.build())
    })
}

/// A response with this description.
pub(super) fn response(description: impl Into<String>) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

/// A response with a JSON body of this schema.
pub(super) fn json(description: &str, schema: &str, example: Option<Value>) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .example(example);
    response(description).content(JSON, content.build())
}

/// A body of this schema.
pub(super) fn content(schema: &str) -> Content {
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .build()
}

/// The id in the path of a job.
pub(super) fn id() -> Parameter {
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The id of the job."))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1)),
        ))
        .build()
}

/// A parameter of the query string that need not be there.
pub(super) fn query(name: &str, description: &str, schema: impl Into<Schema>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema)
}

/// A request header that need not be there.
pub(super) fn request_header(
    name: &str,
    description: &str,
    schema: impl Into<Schema>,
) -> Parameter {
    parameter(ParameterIn::Header, name, description, schema)
}

fn parameter(
    place: ParameterIn,
    name: &str,
    description: &str,
    schema: impl Into<Schema>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema.into()))
        .build()
}

pub(super) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// How long a request may wait.
pub(super) fn prefer() -> Parameter {
    request_header(
        "Prefer",
        "`wait=n` (RFC 7240) lets the request wait up to `n` seconds for the end of the job; \
         `Preference-Applied` says for how long it could.",
        string(),
    )
}

/// The same in the query string.
pub(super) fn wait() -> Parameter {
    query(
        "wait",
        "The same as `Prefer: wait=n`, for clients that cannot send headers: seconds.",
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0)),
    )
}

/// What a request that waits is answered at.
pub(super) fn until() -> Parameter {
    query(
        "until",
        "What a request that waits is answered at: the end of the job (`end`, the default), or a change of its status \
         or custom status as well (`change`).",
        string().enum_values(Some(["end", "change"])),
    )
}

/// The header `Retry-After`.
pub(super) fn retry_after() -> Header {
    HeaderBuilder::new()
        .description(Some("The seconds to wait before the next request."))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0)),
        ))
        .build()
}

/// A header whose value is a text.
pub(super) fn text_header(description: &str) -> Header {
    HeaderBuilder::new()
        .description(Some(description))
        .schema(Some(string()))
        .build()
}

pub(super) fn error_code() -> Header {
    text_header("The code of the error, one word.")
}

pub(super) fn location() -> Header {
    text_header("The address of the job's status.")
}

pub(super) fn operation_location() -> Header {
    text_header(
        "The address of the job's status monitor, as Azure's long-running operations have it.",
    )
}

pub(super) fn etag() -> Header {
    text_header("Changes with the state of the job. Send it back as `If-None-Match`.")
}

/// The answer to `If-None-Match` when nothing has changed.
pub(super) fn not_modified() -> Response {
    response("Nothing has changed since the answer with this `ETag`.")
        .header("ETag", etag())
        .header("Retry-After", retry_after())
        .build()
}

pub(super) fn if_none_match() -> Parameter {
    request_header(
        "If-None-Match",
        "The `ETag` of an earlier answer: 304 when nothing has changed since.",
        string(),
    )
}
