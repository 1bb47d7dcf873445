//! The operations of the function `submit`.

use serde_json::json;
use utoipa::openapi::{
    HttpMethod, KnownFormat, ObjectBuilder, Paths, Required, SchemaFormat, Type,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
};

use super::parts::{
    self, JOBS, content, errors, location, operation, operation_location, prefer, request_header,
    retry_after, string, wait,
};

pub(super) fn add(paths: &mut Paths) {
    let body = RequestBodyBuilder::new()
        .description(Some("At most 64 KiB. Unknown members are refused."))
        .content("application/json", content("Range"))
        .required(Some(Required::True))
        .build();
    let with_body = common(operation(
        JOBS,
        "submitJob",
        "Submit a job",
        "Starts a job for the range of days in the body.",
    ));
    let with_body = errors(
        with_body.request_body(Some(body)),
        &[("413", "The body has more than 64 KiB.")],
    );
    let query = |id, summary, description| {
        common(operation(JOBS, id, summary, description))
            .parameter(day(
                "s",
                "The first day, `YYYY-MM-DD`. Of an RFC 3339 time, its day in UTC counts.",
            ))
            .parameter(day("e", "The last day, which is included, `YYYY-MM-DD`."))
    };
    let get = query(
        "submitJobByQueryWithGet",
        "Submit a job by its address",
        "The same with GET, for clients that can do nothing else. GET is not safe here: whoever makes a browser or a \
         crawler follow this address starts a job. It can be switched off.",
    );
    let get = get.response(
        "405",
        parts::json("Jobs are not started by GET.", "Error", None)
            .header("Allow", parts::text_header("The methods that are there."))
            .header("x-ms-error-code", parts::error_code())
            .build(),
    );
    let post = query(
        "submitJobByQuery",
        "Submit a job by query",
        "Starts a job for the range of days in the query string. A body is ignored.",
    );
    let post = errors(post, &[("413", "The body has more than 64 KiB.")]);
    paths.add_path_operation("/submit", vec![HttpMethod::Post], with_body);
    paths.add_path_operation("/submit/query", vec![HttpMethod::Get], get);
    paths.add_path_operation("/submit/query", vec![HttpMethod::Post], post);
}

fn common(operation: OperationBuilder) -> OperationBuilder {
    let id = "00000000000000000000000000000000";
    let accepted = parts::json(
        "The job is accepted, or a request with the same `Idempotency-Key` has started it before.",
        "Accepted",
        Some(json!({ "id": id, "statusUri": format!("https://api.example.com/api/status/{id}") })),
    )
    .header("Location", location())
    .header("Operation-Location", operation_location())
    .header("Retry-After", retry_after());
    let ended = parts::json(
        "The request waited (`Prefer: wait=n`), and the job has ended.",
        "Job",
        None,
    )
    .header("Operation-Location", operation_location());
    let operation = operation
        .parameter(prefer())
        .parameter(wait())
        .parameter(request_header(
            "Idempotency-Key",
            "Requests with the same key and the same range start one job. 1 to 255 visible characters, or a string in \
             quotation marks as RFC 8941 has it.",
            string().pattern(Some(r#"^("[ !#-\[\]-~]{1,255}"|[!#-+\--:<-\[\]-~]{1,255})$"#)),
        ))
        .parameter(request_header(
            "Operation-Id",
            "The same, as Azure's long-running operations have it: the text becomes the id of the job. Not together \
             with `Idempotency-Key`.",
            string().pattern(Some(r"^([A-Za-z0-9_~-]|\.[A-Za-z0-9._~-]*[A-Za-z0-9_~-])[A-Za-z0-9._~-]{0,99}$")).max_length(Some(100)),
        ))
        .response("200", ended.build())
        .response("202", accepted.build());
    errors(
        operation,
        &[
            ("400", "The request is refused; nothing was started."),
            (
                "403",
                "A browser sent this for a page of another site; nothing was started.",
            ),
            ("415", "The body is not JSON, or not text."),
            (
                "422",
                "The `Idempotency-Key` was used for another range; nothing was started.",
            ),
            (
                "500",
                "It is not known whether the job was started. If it was, it is at `Location`.",
            ),
            (
                "429",
                "Too many submissions are in flight; nothing was started.",
            ),
            ("503", "The job could not be started."),
        ],
    )
}

fn day(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))),
        ))
        .build()
}
