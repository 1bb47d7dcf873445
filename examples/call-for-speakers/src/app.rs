//! The wiring: the name of each function, and what it is given.

use std::sync::Arc;

use axum::http::Method;
use durable_functions::{AppExt, Functions};
use functions_handler::App;
use functions_handler::routing::{methods, post};

use crate::functions::{
    close_stage::{CLOSE_STAGE, close_stage},
    get_status::{self, get_status},
    moderate::{MODERATE, moderate},
    process_submission::{PROCESS_SUBMISSION, process_submission},
    record_decision::{RECORD_DECISION, record_decision},
    select::{SELECT, select},
    shortlist::{SHORTLIST, shortlist},
    submit::{self, submit},
    submit_decision::{self, submit_decision},
};
use crate::settings::Settings;

/// The function app with these settings.
pub fn app(settings: Settings) -> App<Arc<Settings>> {
    App::with_state(Arc::new(settings))
        .correlate()
        .http("submit", post(submit).with_route(submit::ROUTE))
        .http(
            "get-status",
            methods([Method::GET, Method::DELETE], get_status).with_route(get_status::ROUTE),
        )
        .http(
            "submit-decision",
            post(submit_decision).with_route(submit_decision::ROUTE),
        )
        .functions(orchestrations())
}

/// The functions without HTTP, which a test can run in a task hub of its own.
pub fn orchestrations() -> Functions<Arc<Settings>> {
    Functions::new()
        .orchestrator(PROCESS_SUBMISSION, process_submission)
        .orchestrator(RECORD_DECISION, record_decision)
        .activity(CLOSE_STAGE, close_stage)
        .activity_with_state(MODERATE, moderate)
        .activity_with_state(SHORTLIST, shortlist)
        .activity_with_state(SELECT, select)
}
