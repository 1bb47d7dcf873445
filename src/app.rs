//! The wiring: the name of each function, and what it is given.

use std::sync::Arc;

use axum::{extract::FromRef, http::Method};
use durable_functions::AppExt;
use functions_handler::App;
use functions_handler::routing::{get, methods, put};

use crate::{
    api::routes,
    audit::{AuditTable, SliceLimits},
    counters,
    functions::{
        clear_activity::{CLEAR_ACTIVITY, clear_activity},
        expired_job::expired_job,
        get_events::get_events,
        get_health::get_health,
        get_latest_job::get_latest_job,
        get_openapi::get_openapi,
        get_operation::get_operation,
        get_session::get_session,
        get_status::get_status,
        merge_activity::{MERGE_ACTIVITY, merge_activity},
        poison_message::poison_message,
        process_submission::{PROCESS_SUBMISSION, process_submission},
        purge_jobs::purge_jobs,
        query_activity::{QUERY_ACTIVITY, query_activity},
        register_session::register_session,
        submit::submit,
        submit_event::submit_event,
        sweep_jobs::sweep_jobs,
    },
    scratch::Scratch,
    sessions::Sessions,
    settings::Settings,
    tables::OpenError,
};

/// What the functions share.
#[derive(Clone, Debug)]
pub struct AppState {
    settings: Arc<Settings>,
    sessions: Option<Sessions>,
}

impl FromRef<AppState> for Arc<Settings> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.settings)
    }
}

/// `None` when sessions are off.
impl FromRef<AppState> for Option<Sessions> {
    fn from_ref(state: &AppState) -> Self {
        state.sessions.clone()
    }
}

/// The function app with these settings. Nothing is connected to yet.
///
/// # Errors
/// When the table client cannot be set up.
pub fn app(settings: Settings) -> Result<App<AppState>, OpenError> {
    let table = AuditTable::open(&settings.storage, settings.query.clone())?;
    let scratch = Scratch::open(&settings.scratch, &settings.query)?;
    let (of_merge, of_clear) = (scratch.clone(), scratch.clone());
    let limits = SliceLimits::default();
    Ok(app_without_job(settings)?
        .orchestrator(PROCESS_SUBMISSION, process_submission)
        .activity(QUERY_ACTIVITY, move |context, input| {
            query_activity(context, (table.clone(), scratch.clone()), limits, input)
        })
        .activity(MERGE_ACTIVITY, move |context, input| {
            merge_activity(context, of_merge.clone(), input)
        })
        .activity(CLEAR_ACTIVITY, move |context, scope| {
            clear_activity(context, of_clear.clone(), scope)
        }))
}

/// The same without the orchestrator of a job and its activities, for a test that brings its own.
///
/// # Errors
/// When a table client cannot be set up.
pub fn app_without_job(settings: Settings) -> Result<App<AppState>, OpenError> {
    let sessions = Sessions::open(&settings)?;
    let scratch = Scratch::open(&settings.scratch, &settings.query)?;
    let heals = settings.jobs.sweep;
    Ok(
        app_with_sessions(settings, sessions).function("sweep-jobs", move |invocation| {
            sweep_jobs(invocation, scratch.clone(), heals)
        }),
    )
}

/// The same without the sweep and with these sessions, for a test that brings its own store.
pub fn app_with_sessions(settings: Settings, sessions: Option<Sessions>) -> App<AppState> {
    counters::started();
    let settings = Arc::new(settings);
    let purge = Arc::clone(&settings);
    let of_purge = sessions.clone();
    let (events, of_events) = (Arc::clone(&settings), sessions.clone());
    App::with_state(AppState { settings, sessions })
        .correlate()
        .http(
            "submit",
            methods([Method::GET, Method::POST], submit).with_route(routes::SUBMIT),
        )
        .http(
            "get-status",
            methods([Method::GET, Method::DELETE], get_status).with_route(routes::GET_STATUS),
        )
        .http("get-health", get(get_health).with_route(routes::GET_HEALTH))
        .http("get-events", get(get_events).with_route(routes::GET_EVENTS))
        .http(
            "get-operation",
            methods([Method::GET, Method::POST], get_operation).with_route(routes::GET_OPERATION),
        )
        .http(
            "get-session",
            get(get_session).with_route(routes::GET_SESSION),
        )
        .http(
            "get-latest-job",
            get(get_latest_job).with_route(routes::GET_LATEST_JOB),
        )
        .http(
            "register-session",
            put(register_session).with_route(routes::REGISTER_SESSION),
        )
        .http(
            "get-openapi",
            get(get_openapi).with_route(routes::GET_OPENAPI),
        )
        .function("purge-jobs", move |invocation| {
            purge_jobs(Arc::clone(&purge), of_purge.clone(), invocation)
        })
        .function("submit-event", move |invocation| {
            submit_event(Arc::clone(&events), of_events.clone(), invocation)
        })
        .entity(expired_job())
        .entity(poison_message())
}
