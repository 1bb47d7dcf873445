//! The HTTP management API: start, status, events, purges and the rest over HTTP, below
//! `/runtime/webhooks/durabletask`.
//!
//! It is a function from a request to a reply; the HTTP server is elsewhere. Statuses, headers, the order of members
//! and the texts of errors are those of the extension that the options name, with two differences: no key is needed,
//! because the host's other endpoints need none here either, and errors have no stack trace.
//!
//! - `request`: the request in parts; `reply`: the kinds of replies
//! - `instances`: start, restart, lists, purges; `operations`: what is done to one instance; `entities`
//! - `links`: the addresses that a start returns; `status`, `history`: the shape of an instance

mod entities;
mod history;
mod instances;
mod links;
mod operations;
mod reply;
mod request;
mod status;

use std::sync::Arc;

pub use reply::Reply as ManagementReply;
pub use request::ManagementRequest;

use super::{Hub, Inner};
use reply::Reply;
use request::Parts;

impl Hub {
    /// Answers a request to the HTTP management API.
    pub async fn manage(&self, request: ManagementRequest) -> ManagementReply {
        answer(&self.inner, &request).await
    }
}

async fn answer(hub: &Arc<Inner>, request: &ManagementRequest) -> Reply {
    let parts = Parts::read(hub, request);
    let path: Vec<&str> = parts.path.iter().map(String::as_str).collect();
    let mut keywords = [""; 4];
    let lower: Vec<String> = path.iter().map(|part| part.to_lowercase()).collect();
    for (keyword, part) in keywords.iter_mut().zip(&lower) {
        *keyword = part;
    }
    let [first, _, third, _] = keywords;
    match (request.method.as_str(), first, path.as_slice()) {
        ("POST", "orchestrators", [_, name]) => instances::start(hub, &parts, name, "").await,
        ("POST", "orchestrators", [_, name, id]) => instances::start(hub, &parts, name, id).await,
        ("GET", "instances", [_]) => instances::list(hub, &parts).await,
        ("DELETE", "instances", [_]) => instances::purge(hub, &parts).await,
        ("GET", "instances", [_, id]) => instances::status(hub, &parts, id).await,
        ("DELETE", "instances", [_, id]) => instances::purge_one(hub, &parts, id).await,
        ("POST", "instances", [_, id, _]) => match third {
            "terminate" => operations::terminate(hub, &parts, id).await,
            "suspend" => operations::suspend(hub, &parts, id).await,
            "resume" => operations::resume(hub, &parts, id).await,
            "rewind" => operations::rewind(hub, &parts, id).await,
            "restart" => instances::restart(hub, &parts, id).await,
            _ => Reply::empty(404),
        },
        ("POST", "instances", [_, id, _, name]) if third == "raiseevent" => {
            operations::raise(hub, &parts, id, name).await
        }
        ("GET", "entities", [_]) => entities::list(hub, &parts, None).await,
        ("GET", "entities", [_, name]) => entities::list(hub, &parts, Some(name)).await,
        ("GET", "entities", [_, name, key]) => entities::state(hub, &parts, name, key).await,
        ("POST", "entities", [_, name, key]) => entities::signal(hub, &parts, name, key).await,
        ("DELETE", "entities", [_, name, key]) => entities::delete(hub, &parts, name, key).await,
        ("POST", "makeprimary", [_]) => Reply::empty(200),
        _ => Reply::empty(404),
    }
}
