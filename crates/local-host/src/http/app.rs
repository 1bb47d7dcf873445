//! The app as HTTP sees it: the functions, the handler, and the source of their inputs.

use super::cors::Cors;
use super::envelope::{asks_for_authentication, trigger_data};
use super::hosts::Hosts;
use super::metadata::binding_data;
use super::query::Query;
use super::request::ClientRequest;
use super::response::{self, ClientResponse};
use super::upload::UploadLimits;
use crate::functions::{Function, Functions, Params};
use crate::handler::Handler;
use crate::hub::{ManagementReply, ManagementRequest};
use crate::json::{Json, JsonObject};
use crate::log::{LogLevel, Logger};
use crate::timers::Timers;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Instant;

/// The reason that the log gives for invocations over HTTP.
pub(super) const REASON: &str = "This function was programmatically called via the host APIs.";

/// Returns the value of a `durableClient` input, a JSON text, for its `taskHub` and `connectionName`.
pub type ClientBinding = Arc<dyn Fn(Option<&str>, Option<&str>) -> String + Send + Sync>;

/// Answers a request to the HTTP management API.
pub type Management =
    Arc<dyn Fn(ManagementRequest) -> BoxFuture<'static, ManagementReply> + Send + Sync>;

/// The parts of an app that HTTP needs.
pub struct App {
    /// The functions.
    pub functions: Functions,
    /// Calls the handler.
    pub handler: Handler,
    /// The task hub's client binding.
    pub client_binding: ClientBinding,
    /// The task hub's management API.
    pub management: Management,
    /// The timer triggers.
    pub timers: Timers,
    /// Headers added to every response that does not have them.
    pub custom_headers: Vec<(String, String)>,
    /// How large and how slow a request's body may be.
    pub upload: UploadLimits,
    /// The names that requests may address the host by.
    pub hosts: Hosts,
    /// The origins whose pages may call the app.
    pub cors: Option<Cors>,
    /// Whether the host adds to a request what the front end of Azure does: [`Cli::front_end`](crate::Cli).
    pub front_end: bool,
    /// Whether `/` has a home page; 204 without.
    pub home_page: bool,
    /// When the host started.
    pub started: Instant,
}

impl App {
    pub(crate) fn log(&self) -> &Logger {
        self.handler.log()
    }

    /// Runs an HTTP function. A disabled anonymous function is not found unless the request carries
    /// credentials. A disabled function of another level runs, because every local caller is Admin.
    pub(super) async fn invoke(
        &self,
        function: &Function,
        params: &Params,
        request: &ClientRequest,
    ) -> ClientResponse {
        let anonymous = function.route.as_ref().is_none_or(|route| route.anonymous);
        let query = Query::parse(request.query.as_deref().unwrap_or_default());
        if function.disabled && anonymous && !asks_for_authentication(request, &query) {
            return ClientResponse::empty(404);
        }
        let Some(trigger) = function.trigger() else {
            return ClientResponse::empty(404);
        };
        let mut data = JsonObject::new();
        data.insert(&trigger.name, trigger_data(request, params, anonymous));
        self.add_inputs(function, &mut data);
        let mut metadata = binding_data(request, params, &trigger.name);
        metadata.insert_system(&function.name);

        let invocation = self.handler.begin(&function.name, REASON);
        let outcome = match invocation
            .send_text(data, &metadata.into_metadata_text())
            .await
        {
            Ok(answer) => response::build(function, &answer),
            Err(error) => response::Outcome {
                response: Err(error.to_string()),
                warnings: Vec::new(),
            },
        };
        for warning in &outcome.warnings {
            self.log()
                .user(LogLevel::Warning, format!("{}: {warning}", function.name));
        }
        invocation.end(outcome.response.as_ref().err().map(String::as_str));
        outcome
            .response
            .unwrap_or_else(|_| ClientResponse::empty(500))
    }

    /// Adds the inputs beside the trigger. local-host provides `durableClient`; others are null.
    pub(crate) fn add_inputs(&self, function: &Function, data: &mut JsonObject) {
        for input in function.inputs() {
            let value = if input.is_durable_client() {
                Json::from((self.client_binding)(
                    input.text("taskHub"),
                    input.text("connectionName"),
                ))
            } else {
                Json::Null
            };
            data.insert(&input.name, value.double_encoded());
        }
    }
}
