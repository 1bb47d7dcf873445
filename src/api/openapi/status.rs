//! The operations of the functions `get-status` and `get-events`.

use utoipa::openapi::{
    Content, HttpMethod, ObjectBuilder, Paths, ResponseBuilder, Type, path::Parameter,
};

use super::parts::{
    HTML, JOBS, TEXT, content, error_code, errors, etag, id, if_none_match, json, location,
    not_modified, operation, prefer, query, request_header, response, retry_after, status_errors,
    string, until, wait,
};

pub(super) fn add(paths: &mut Paths) {
    let get = operation(
        JOBS,
        "getJob",
        "Get the status of a job",
        "The state of a job, in one of several views.",
    )
    .parameter(id())
    .parameter(view())
    .parameter(failure_is_500())
    .parameter(wait())
    .parameter(until())
    .parameter(prefer())
    .parameter(if_none_match())
    .response(
        "200",
        views("The job has ended.").header("ETag", etag()).build(),
    )
    .response(
        "202",
        views("The job has not ended.")
            .header("ETag", etag())
            .header("Location", location())
            .header("Retry-After", retry_after())
            .build(),
    )
    .response("304", not_modified())
    .response("500", views(FAILED_AS_500).build());
    let get = status_errors(
        get,
        &gone_or_unknown("The status cannot be read at the moment."),
    );

    let delete = operation(
        JOBS,
        "cancelJob",
        "Cancel a job",
        "Ends a job that is running. What it has done is not undone. A job that was cancelled already is answered the \
         same way again.",
    )
    .parameter(id())
    .parameter(view())
    .parameter(failure_is_500())
    .response("200", views("The job is cancelled.").build())
    .response(
        "202",
        views("The job is being cancelled.")
            .header("Location", location())
            .header("Retry-After", retry_after())
            .build(),
    )
    .response(
        "409",
        views("The job had ended before.")
            .header("x-ms-error-code", error_code())
            .build(),
    );
    let delete = status_errors(
        delete,
        &gone_or_unknown("The job cannot be cancelled at the moment."),
    );

    let events = operation(
        JOBS,
        "getJobEvents",
        "Get the changes of a job as events",
        "Server-sent events for `EventSource` and its like. A host sends an answer when it is complete, so each answer \
         ends with the first change, or after the wait without one, and the client connects again.",
    )
    .parameter(id())
    .parameter(wait())
    .parameter(prefer())
    .parameter(request_header(
        "Last-Event-ID",
        "The id of the last event that the client has seen.",
        string(),
    ))
    .response(
        "200",
        response("An event with the job as its data, or a comment when nothing has changed.")
            // OpenAPI 3.1 has no schema for a stream of events: readers take one for the schema of each event.
            .content("text/event-stream", Content::default())
            .build(),
    )
    .response(
        "204",
        response("The job has ended, and the client has seen its end: it need not connect again.").build(),
    );
    let events = errors(
        events,
        &gone_or_unknown("The status cannot be read at the moment."),
    );
    paths.add_path_operation("/status/{id}", vec![HttpMethod::Get], get);
    paths.add_path_operation("/status/{id}", vec![HttpMethod::Delete], delete);
    paths.add_path_operation("/status/{id}/events", vec![HttpMethod::Get], events);
}

pub(super) const FAILED_AS_500: &str = "The job has failed, and the request asked for this code.";

pub(super) fn view() -> Parameter {
    query(
        "view",
        "`job` (the default), `minimal` (five members, without the result), or `text` (one sentence). Without it, \
         `Accept: text/html` gives a page for people.",
        string().enum_values(Some(["job", "minimal", "text"])),
    )
}

pub(super) fn failure_is_500() -> Parameter {
    query(
        "returnInternalServerErrorOnFailure",
        "Whether a failed job is answered with 500, for clients that look at nothing but the code.",
        ObjectBuilder::new().schema_type(Type::Boolean),
    )
}

/// A job in all its views.
pub(super) fn views(description: &str) -> ResponseBuilder {
    json(description, "StatusView", None)
        .content(TEXT, content("Text"))
        .content(HTML, content("Page"))
}

fn gone_or_unknown(unavailable: &'static str) -> [(&'static str, &'static str); 4] {
    [
        ("400", "A parameter is not valid."),
        ("404", "No job has this id."),
        (
            "410",
            "The job has ended too long ago, and is no longer kept.",
        ),
        ("503", unavailable),
    ]
}
