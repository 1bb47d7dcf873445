//! The gRPC service of the task hub: `TaskHubSidecarService` over cleartext HTTP/2.
//!
//! There is one file for each group of methods; each method reads a `call`, and `server` has the paths.
//! Status codes and texts are those of the extension that the options name. Some of 3.14.1 do not show the reason
//! (UNKNOWN for suspend and resume), so the log does.

mod call;
mod entity;
mod history;
mod lists;
mod manage;
mod purge;
mod query;
mod server;
mod start;
mod token;
mod tree;
mod wait;
mod work;

use std::sync::Arc;

use durable_protocol::messages::{
    PurgeInstancesRequest, PurgeInstancesResponse, QueryEntitiesRequest, QueryEntitiesResponse,
    QueryInstancesRequest, QueryInstancesResponse,
};
use tonic::Status;

use super::Inner;
use call::Call;
pub(super) use server::serve;

// What the management API over HTTP has in common with the service. `is_foreign`: the client means another task hub.

pub(super) async fn query_instances(
    hub: &Arc<Inner>,
    request: QueryInstancesRequest,
    is_foreign: bool,
) -> Result<QueryInstancesResponse, Status> {
    lists::query_instances(Arc::clone(hub), Call::local(request, is_foreign)).await
}

pub(super) async fn query_entities(
    hub: &Arc<Inner>,
    request: QueryEntitiesRequest,
    is_foreign: bool,
) -> Result<QueryEntitiesResponse, Status> {
    lists::query_entities(Arc::clone(hub), Call::local(request, is_foreign)).await
}

pub(super) async fn purge_instances(
    hub: &Arc<Inner>,
    request: PurgeInstancesRequest,
    is_foreign: bool,
) -> Result<PurgeInstancesResponse, Status> {
    purge::purge_instances(Arc::clone(hub), Call::local(request, is_foreign)).await
}
