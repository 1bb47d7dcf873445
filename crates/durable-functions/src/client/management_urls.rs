//! The URLs of the extension's HTTP management API, as it shows them to clients.
//!
//! Invariant: they hold a key, so nothing here shows them unless it is asked for them.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::binding::Binding;
use super::{ClientError, Instance};

/// What RFC 3986 reserves, and everything that is not ASCII.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where the management API is, from a `durableClient` binding.
#[derive(Clone)]
pub(super) struct ManagementApi(Arc<Parts>);

struct Parts {
    /// `http://localhost:7071/runtime/webhooks/durabletask`
    base: String,
    /// `taskHub=MyHub&code=…`
    query: String,
}

impl ManagementApi {
    pub(super) fn of(binding: &Binding) -> Option<Self> {
        let named = [
            ("taskHub", &binding.task_hub),
            ("connection", &binding.connection),
        ];
        let named = named.into_iter().filter_map(|(name, value)| {
            let value = utf8_percent_encode(value.as_deref()?, ENCODED);
            Some(format!("{name}={value}"))
        });
        let query: Vec<String> = named.chain(binding.query.clone()).collect();
        Some(ManagementApi(Arc::new(Parts {
            base: binding.http_base_url.clone()?,
            query: query.join("&"),
        })))
    }

    fn urls(&self, id: &str, origin: Option<&str>) -> ManagementUrls {
        let Parts { base, query } = &*self.0;
        let base = match origin.filter(|origin| !origin.is_empty()) {
            Some(origin) => format!("{}{}", origin.trim_end_matches('/'), path_of(base)),
            None => base.clone(),
        };
        let instance = format!(
            "{}/instances/{}",
            base.trim_end_matches('/'),
            utf8_percent_encode(id, ENCODED)
        );
        let url = |operation: &str, parameter: &str| {
            let parameters = [parameter, query.as_str()];
            let parameters = parameters.into_iter().filter(|it| !it.is_empty());
            match parameters.collect::<Vec<_>>().join("&") {
                none if none.is_empty() => format!("{instance}{operation}"),
                parameters => format!("{instance}{operation}?{parameters}"),
            }
        };
        const REASON: &str = "reason={text}";
        ManagementUrls {
            id: id.to_owned(),
            status_query_get_uri: url("", ""),
            send_event_post_uri: url("/raiseEvent/{eventName}", ""),
            terminate_post_uri: url("/terminate", REASON),
            purge_history_delete_uri: url("", ""),
            restart_post_uri: url("/restart", ""),
            suspend_post_uri: url("/suspend", REASON),
            resume_post_uri: url("/resume", REASON),
            rewind_post_uri: url("/rewind", REASON),
        }
    }
}

/// The path of an absolute URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .and_then(|start| rest.get(start..))
        .unwrap_or("")
}

/// The URLs of the extension's HTTP management API for one instance; see [`Instance::management_urls`].
///
/// **They hold the system key of the extension (`code=`).** Who has them can read, terminate and purge every instance of
/// the task hub, and start new ones. Its `Debug` shows the id only.
///
/// It serialises to the payload that the extension answers a start with: `id`, `statusQueryGetUri`, `sendEventPostUri`,
/// `terminatePostUri`, `purgeHistoryDeleteUri`, `restartPostUri`, `suspendPostUri`, `resumePostUri`, and
/// `rewindPostUri`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ManagementUrls {
    /// The id of the instance.
    pub id: String,
    /// GET: the status.
    pub status_query_get_uri: String,
    /// POST: raises an event. `{eventName}` stands for its name.
    pub send_event_post_uri: String,
    /// POST: terminates the instance. `{text}` stands for the reason, here and in the other URLs.
    pub terminate_post_uri: String,
    /// DELETE: removes the instance.
    pub purge_history_delete_uri: String,
    /// POST: starts it again.
    pub restart_post_uri: String,
    /// POST: suspends it.
    pub suspend_post_uri: String,
    /// POST: resumes it.
    pub resume_post_uri: String,
    /// POST: rewinds it.
    pub rewind_post_uri: String,
}

impl fmt::Debug for ManagementUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementUrls")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<O> Instance<O> {
    /// The URLs of the extension's HTTP management API for this instance, at `origin` (scheme, host and port, such as
    /// `https://app.example.com`), or where the binding says that the host is.
    ///
    /// **They hold a key**, see [`ManagementUrls`].
    ///
    /// # Errors
    /// [`ClientError::InvalidId`]; [`ClientError::InvalidBinding`] when the client is not one of a binding, or the
    /// binding has no `httpBaseUrl`.
    pub fn management_urls(&self, origin: Option<&str>) -> Result<ManagementUrls, ClientError> {
        super::error::check(self.id())?;
        let api = self.client().management.as_ref();
        let api = api.ok_or(ClientError::InvalidBinding {
            reason: "it has no httpBaseUrl",
        })?;
        Ok(api.urls(self.id(), origin))
    }
}
