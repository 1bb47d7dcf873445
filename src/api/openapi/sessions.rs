//! The operations of the functions `get-session`, `get-latest-job` and `register-session`.

use utoipa::openapi::{
    HttpMethod, ObjectBuilder, Paths, Required, Type,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
};

use super::{
    parts::{
        self, SESSIONS, errors, etag, if_none_match, json, location, not_modified, operation,
        prefer, query, retry_after, status_errors, string, until, wait,
    },
    status::{FAILED_AS_500, failure_is_500, view, views},
};

pub(super) fn add(paths: &mut Paths) {
    paths.add_path_operation("/sessions/{sessionId}", vec![HttpMethod::Get], list());
    paths.add_path_operation("/sessions/{sessionId}", vec![HttpMethod::Put], register());
    paths.add_path_operation(
        "/sessions/{sessionId}/latest",
        vec![HttpMethod::Get],
        latest(),
    );
}

fn list() -> OperationBuilder {
    let list = operation(
        SESSIONS,
        "getSession",
        "Get the jobs of a session",
        "The jobs that messages of the session started, newest first. Jobs that have not started yet and expired ones are \
         left out, so a page may be short or empty although a next one follows.",
    )
    .parameter(session_id())
    .parameter(query(
        "maxpagesize",
        "The most jobs in an answer; 20 without it.",
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(100)),
    ))
    .parameter(query(
        "after",
        "Where the page begins: a part of `nextLink`, which no client has to make by itself.",
        string().pattern(Some("^[A-Za-z0-9_-]+$")),
    ))
    .response("200", json("Jobs of the session.", "SessionJobs", None).build())
    .response(
        "202",
        json(NOT_STARTED, "SessionState", None)
            .header("Location", session_location())
            .header("Retry-After", retry_after())
            .build(),
    );
    errors(list, &gone_or_unknown())
}

fn latest() -> OperationBuilder {
    let latest = operation(
        SESSIONS,
        "getLatestJob",
        "Get the status of the newest job of a session",
        "The status of the newest job that has started, in one of several views. The tag changes with the job, and when \
         there is a newer one.",
    )
    .parameter(session_id())
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
        parts::response("The job has not ended, or none has started yet.")
            .content("application/json", parts::content("LatestJob"))
            .content(parts::TEXT, parts::content("Text"))
            .content(parts::HTML, parts::content("Page"))
            .header("ETag", etag())
            .header("Location", location())
            .header("Retry-After", retry_after())
            .build(),
    )
    .response("304", not_modified())
    .response("500", views(FAILED_AS_500).build());
    status_errors(latest, &gone_or_unknown())
}

fn register() -> OperationBuilder {
    let register = operation(
        SESSIONS,
        "registerSession",
        "Register a session",
        "Makes a session known before any message of it comes in. It belongs to the caller, if the service knows one, and \
         so do the jobs of its messages. To register a session again changes nothing.",
    )
    .parameter(session_id())
    .response(
        "200",
        json("The session was known.", "SessionState", None)
            .header("Location", session_location())
            .build(),
    )
    .response(
        "201",
        json("The session is new.", "SessionState", None)
            .header("Location", session_location())
            .build(),
    );
    errors(
        register,
        &[
            ("400", "What no session can be called."),
            ("404", "The session is somebody else's."),
            NOT_CONFIGURED,
            ("503", "The session cannot be read at the moment."),
        ],
    )
}

const NOT_STARTED: &str = "The session is known, and no job of it has started yet.";

const NOT_CONFIGURED: (&str, &str) = ("501", "The service keeps no sessions.");

fn gone_or_unknown() -> [(&'static str, &'static str); 5] {
    [
        ("400", "A parameter is not valid."),
        ("404", "The session was never seen, or is forgotten."),
        (
            "410",
            "All jobs of the session have ended too long ago, and are no longer kept.",
        ),
        NOT_CONFIGURED,
        ("503", "The session cannot be read at the moment."),
    ]
}

/// The id in the path of a session.
fn session_id() -> Parameter {
    ParameterBuilder::new()
        .name("sessionId")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(
            "The id of the session, which the web application has chosen. Whoever knows it may look its jobs up.",
        ))
        .schema(Some(
            string()
                .min_length(Some(1))
                .max_length(Some(128))
                .pattern(Some(SESSION_ID)),
        ))
        .build()
}

/// Visible ASCII characters without `/ \ ? # %`, and neither `.` nor `..`.
const SESSION_ID: &str = r#"^(\.{0,2}[!"$&-\-0->@-\[\]-~]|\.{3})[!"$&-.0->@-\[\]-~]*$"#;

fn session_location() -> utoipa::openapi::Header {
    parts::text_header("The address of the session.")
}
