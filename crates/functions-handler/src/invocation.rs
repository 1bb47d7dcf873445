//! One invocation of a function as the host sent it. Owns the request body; every [`Value`] is a
//! range of it, so a body is held once however often the invocation is cloned.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::correlation::Correlation;
use crate::envelope;
use crate::lifetime::Lifetime;
use crate::value::Value;

/// One invocation of a function: its id, and the values of its trigger and input bindings.
///
/// Cheap to clone. In an HTTP function it is an axum extractor, and is in the request's
/// extensions, for bindings beside the HTTP trigger (such as `durableClient`).
#[derive(Clone)]
pub struct Invocation(Arc<Inner>);

struct Inner {
    function_name: String,
    id: String,
    // A `String`, not `Bytes`: UTF-8 is then checked once, not at every access to a value.
    body: String,
    members: OnceLock<Members>,
    deadline: Option<Instant>,
    cancellation: CancellationToken,
    /// `None` in an app that does not correlate.
    correlation: Option<Correlation>,
}

/// Where the values are in the body.
struct Members {
    data: Vec<Member>,
    /// Read at each access.
    metadata: Range<usize>,
}

struct Member {
    name: String,
    range: Range<usize>,
}

/// An invocation whose body has not been read yet. Reading a large one takes a while, so it is left to
/// the runtime of the functions. The server reads it only when it answers without the function.
#[derive(Clone)]
pub(crate) struct Unread(Arc<Inner>);

impl Unread {
    pub(crate) fn new(
        function_name: String,
        id: String,
        body: String,
        lifetime: &Lifetime,
        correlation: Option<Correlation>,
    ) -> Self {
        Self(Arc::new(Inner {
            function_name,
            id,
            body,
            members: OnceLock::new(),
            deadline: lifetime.deadline(),
            cancellation: lifetime.cancellation().clone(),
            correlation,
        }))
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn correlation(&self) -> Option<&Correlation> {
        self.0.correlation.as_ref()
    }

    /// Reads the body, `{"Data":…,"Metadata":…}`, unless that has been done.
    pub(crate) fn read(&self) -> Result<Invocation, serde_json::Error> {
        if self.0.members.get().is_none() {
            // Two that read at the same time find the same.
            let _ = self.0.members.set(Members::read(&self.0.body)?);
        }
        Ok(Invocation(self.0.clone()))
    }
}

impl Members {
    fn read(body: &str) -> Result<Self, serde_json::Error> {
        let envelope::Request { data, metadata } = serde_json::from_str(body)?;
        let member = |(name, value): (Cow<'_, str>, &RawValue)| Member {
            name: name.into_owned(),
            range: range_in(body, value),
        };
        Ok(Self {
            data: data.0.into_iter().map(member).collect(),
            metadata: metadata.map_or(0..0, |metadata| range_in(body, metadata.0)),
        })
    }
}

impl Invocation {
    /// The function's name, as its folder is spelled.
    pub fn function_name(&self) -> &str {
        &self.0.function_name
    }

    /// The invocation's id, the same as in the host's own log: from the header
    /// `X-Azure-Functions-InvocationId`, or a fresh UUID when that is missing.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn correlation(&self) -> Option<&Correlation> {
        self.0.correlation.as_ref()
    }

    /// The value of the trigger or input binding with this name (`name` in function.json).
    pub fn data(&self, binding: &str) -> Option<Value<'_>> {
        // Of a name that occurs twice the last counts, as everywhere in JSON.
        let mut members = self.members().iter().rev();
        let member = members.find(|member| member.name == binding)?;
        Some(self.value(member))
    }

    /// All values of `Data` in the host's order: the trigger first.
    pub fn data_iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.members()
            .iter()
            .map(|member| (member.name.as_str(), self.value(member)))
    }

    /// A value of `Metadata`, the trigger's binding data: `sys`, `instanceId`, `DequeueCount`,
    /// query and route parameters, the properties of a JSON body.
    ///
    /// Each call reads through `Metadata`, which a client's JSON body can make large.
    pub fn metadata<'a>(&'a self, name: &'a str) -> Option<Value<'a>> {
        let range = self.0.members.get()?.metadata.clone();
        let json = self.0.body.get(range)?;
        let value = envelope::member(json, name)?;
        Some(Value::new("Metadata", name, value.get()))
    }

    /// The values of `Metadata` with these names, in one pass.
    pub(crate) fn metadata_of<const N: usize>(&self, names: &[&str; N]) -> [Option<&RawValue>; N] {
        let range = self.0.members.get().map(|members| members.metadata.clone());
        let json = range.and_then(|range| self.0.body.get(range));
        json.map_or([None; N], |json| envelope::members(json, names))
    }

    /// When [`cancellation`](Self::cancellation) fires because the function has run too long, on
    /// tokio's clock; a while before the host's `functionTimeout`, see
    /// [`App::function_timeout`](crate::App::function_timeout). `None` when there is no limit.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// The time until [`deadline`](Self::deadline); zero after it.
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.0.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Fires when the function should come to an end: at the deadline, and when the handler is told
    /// to stop. The function then has a short while (half of the deadline's distance from
    /// `functionTimeout`, or 2 seconds at a stop) to answer by itself; after that it is dropped and
    /// answered for.
    ///
    /// It also fires when the function has been dropped, for work that it left on other threads.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.0.cancellation
    }

    fn members(&self) -> &[Member] {
        // Read before there is an `Invocation`.
        self.0.members.get().map_or(&[], |members| &members.data)
    }

    fn value<'a>(&'a self, member: &'a Member) -> Value<'a> {
        // The range was taken from this very body; `null` stands for the impossible.
        let raw = self.0.body.get(member.range.clone()).unwrap_or("null");
        Value::new("Data", &member.name, raw)
    }
}

/// Where in `body` a value of it stands.
fn range_in(body: &str, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - body.as_ptr().addr();
    start..start + value.get().len()
}

/// Shows function and id only: the body may hold keys and personal data.
impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("function_name", &self.0.function_name)
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

/// The rejection of the [`Invocation`] extractor: the request did not come through an
/// [`App`](crate::App).
#[derive(Debug, thiserror::Error)]
#[error("the request does not belong to an invocation; was the handler called without an App?")]
#[non_exhaustive]
pub struct NotAnInvocation;

impl IntoResponse for NotAnInvocation {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Invocation {
    type Rejection = NotAnInvocation;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get().cloned().ok_or(NotAnInvocation)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Invocation {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}
