//! One call of a client, with what its metadata says.

use durable_protocol::service;
use task_hub::StoreErrorKind;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::super::Inner;
use super::super::driver::Unavailable;

/// One call.
pub(super) struct Call<T> {
    pub(super) message: T,
    /// The task hub that the client named, when it is another one. A real host looks for it in storage;
    /// local-host has only one, which for workers has any name.
    pub(super) other_hub: Option<String>,
}

impl<T> Call<T> {
    pub(super) fn new(hub: &Inner, request: Request<T>) -> Self {
        Self {
            other_hub: named_hub(request.metadata()).filter(|name| {
                !hub.serves_workers() && !name.eq_ignore_ascii_case(&hub.options.task_hub_name)
            }),
            message: request.into_inner(),
        }
    }
}

impl<T> Call<T> {
    /// A call that did not come over gRPC.
    pub(super) fn local(message: T, is_foreign: bool) -> Self {
        Self {
            message,
            other_hub: is_foreign.then(String::new),
        }
    }
}

fn named_hub(metadata: &MetadataMap) -> Option<String> {
    let name = metadata.get(service::TASK_HUB)?.to_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The status of a call that the hub could not carry out.
pub(super) fn unavailable(error: Unavailable) -> Status {
    match error {
        Unavailable::Store(StoreErrorKind::Full) => Status::resource_exhausted(error.to_string()),
        Unavailable::Store(_) | Unavailable::Stopping => Status::unavailable(error.to_string()),
    }
}
