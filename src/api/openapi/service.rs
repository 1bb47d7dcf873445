//! The operations of the functions `get-openapi` and `get-health`.

use utoipa::openapi::{HttpMethod, Paths};

use super::parts::{SERVICE, json, operation};

pub(super) fn add(paths: &mut Paths) {
    let document = operation(
        SERVICE,
        "getOpenApi",
        "Get this document",
        "The OpenAPI document of this API.",
    )
    .response("200", json("The document.", "OpenApi", None).build());
    let health = operation(
        SERVICE,
        "getHealth",
        "Get the health of the service",
        "Whether the service can take jobs, and what the process that answers has done since its start.",
    )
    .response("200", json("The service is ready.", "Health", None).build())
    .response(
        "503",
        json("The service cannot take jobs at the moment.", "Health", None).build(),
    );
    paths.add_path_operation("/openapi.json", vec![HttpMethod::Get], document);
    paths.add_path_operation("/health", vec![HttpMethod::Get], health);
}
