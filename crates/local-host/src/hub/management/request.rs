//! A request in parts.

use durable_protocol::Timestamp;

use crate::http::{Query, decode_component};
use crate::hub::Inner;
use crate::table::read_moment;

/// A request to the management API.
#[derive(Clone, Debug, Default)]
pub struct ManagementRequest {
    /// The method, in upper case.
    pub method: String,
    /// The decoded path behind `/runtime/webhooks/durabletask`. It is decoded once more, as by a real host.
    pub path: String,
    /// The query, as sent.
    pub query: String,
    /// Scheme and authority of the request: the addresses in replies begin with it.
    pub origin: String,
    /// The whole address of the request.
    pub url: String,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `x-ms-continuation-token`.
    pub continuation_token: Option<String>,
    /// The body as text.
    pub body: String,
}

/// What the methods read.
pub(super) struct Parts<'a> {
    pub(super) request: &'a ManagementRequest,
    /// The segments behind the prefix.
    pub(super) path: Vec<String>,
    /// It names another task hub, in which there are no instances.
    pub(super) is_foreign: bool,
    query: Query,
}

impl<'a> Parts<'a> {
    pub(super) fn read(hub: &Inner, request: &'a ManagementRequest) -> Self {
        let query = Query::parse(&request.query);
        let is_foreign = query.value("taskHub").is_some_and(|name| {
            !name.is_empty() && !name.eq_ignore_ascii_case(&hub.options.task_hub_name)
        });
        let path = request.path.trim_matches('/').split('/');
        Self {
            request,
            path: path.map(decode_component).collect(),
            is_foreign,
            query,
        }
    }

    /// A parameter of the query.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query.value(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter, also those of a list with commas.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.query.values(name).iter();
        values.flat_map(|value| value.split(',')).map(str::trim)
    }

    /// A parameter that is `true` or `false`; what is neither is ignored.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        match self.text(name) {
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            _ => default,
        }
    }

    /// A time; what is none is ignored.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let moment = read_moment(self.text(name)?)?;
        Some(Timestamp::from(std::time::SystemTime::from(moment)))
    }

    /// A number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn is_json(&self) -> bool {
        let kind = self.request.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    }
}
