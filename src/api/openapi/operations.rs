//! The operations of the function `get-operation`.

use utoipa::openapi::{HttpMethod, Paths};

use super::parts::{
    OPERATIONS, error_code, etag, id, if_none_match, json, not_modified, operation,
    operation_errors, prefer, retry_after, until, wait,
};

pub(super) fn add(paths: &mut Paths) {
    let get = operation(
        OPERATIONS,
        "getOperation",
        "Get the status monitor of a job",
        "Always 200, whether the job is running or has ended; see `status`.",
    )
    .parameter(id())
    .parameter(wait())
    .parameter(until())
    .parameter(prefer())
    .parameter(if_none_match())
    .response(
        "200",
        json("The state of the job.", "Operation", None)
            .header("ETag", etag())
            .header("Retry-After", retry_after())
            .build(),
    )
    .response("304", not_modified());
    let get = operation_errors(
        get,
        &[
            ("400", "A parameter is not valid."),
            ("404", "No job has this id."),
            (
                "410",
                "The job has ended too long ago, and is no longer kept.",
            ),
            ("503", "The status cannot be read at the moment."),
        ],
    );
    let cancel = operation(
        OPERATIONS,
        "cancelOperation",
        "Cancel a job by its status monitor",
        "Ends a job that is running. What it has done is not undone. A job that was cancelled already is answered the \
         same way again.",
    )
    .parameter(id())
    .response(
        "200",
        json("The job is cancelled, or will be.", "Operation", None)
            .header("Retry-After", retry_after())
            .build(),
    )
    .response(
        "409",
        json("The job had ended before.", "Operation", None)
            .header("x-ms-error-code", error_code())
            .build(),
    );
    let cancel = operation_errors(
        cancel,
        &[
            ("404", "No job has this id."),
            (
                "410",
                "The job has ended too long ago, and is no longer kept.",
            ),
            ("503", "The job cannot be cancelled at the moment."),
        ],
    );
    paths.add_path_operation("/operations/{id}", vec![HttpMethod::Get], get);
    paths.add_path_operation("/operations/{id}:cancel", vec![HttpMethod::Post], cancel);
}
