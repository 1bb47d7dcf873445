//! The app's state reaches orchestrators, activities and entities, wherever they run.
//!
//! - One set of functions serves a hub for tests, a custom handler and a worker (`worker/app_state.rs`).
//! - Each function takes the part of the state that it names.

use durable_functions::testing::TestHub;
use durable_functions::{
    Activity, ActivityContext, Entity, EntityContext, EntityFunction, FromRef, Functions,
    Operation, OrchestrationContext, Orchestrator, Result, State,
};

pub(crate) const TOTAL: Orchestrator<Vec<i64>, i64> = Orchestrator::new("total");
pub(crate) const SCALE: Activity<i64, i64> = Activity::new("scale");
pub(crate) const COUNTER: Entity<i64> = Entity::new("counter");
pub(crate) const ADD: Operation<i64, i64> = Operation::new("add");

#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) factor: Factor,
    pub(crate) limit: Limit,
}

#[derive(Clone)]
pub(crate) struct Factor(pub(crate) i64);

#[derive(Clone)]
pub(crate) struct Limit(pub(crate) i64);

impl FromRef<AppState> for Factor {
    fn from_ref(state: &AppState) -> Self {
        state.factor.clone()
    }
}

impl FromRef<AppState> for Limit {
    fn from_ref(state: &AppState) -> Self {
        state.limit.clone()
    }
}

async fn total(
    ctx: OrchestrationContext,
    State(limit): State<Limit>,
    numbers: Vec<i64>,
) -> Result<i64> {
    let counter = COUNTER.id("a");
    let mut total = 0;
    for number in numbers.into_iter().take(limit.0.try_into()?) {
        let scaled = ctx.call(SCALE, number).await?;
        total = ctx.call_entity(&counter, ADD, scaled).await?;
    }
    Ok(total)
}

async fn add(
    _: EntityContext,
    State(limit): State<Limit>,
    count: &mut i64,
    number: i64,
) -> Result<i64> {
    *count = (*count + number).min(10 * limit.0);
    Ok(*count)
}

pub(crate) fn functions() -> Functions<AppState> {
    Functions::new()
        .orchestrator_with_state(TOTAL, total)
        // The type of the input follows from the handle, also in a closure.
        .activity_with_state(
            SCALE,
            async |_: ActivityContext, State(factor): State<Factor>, number| Ok(number * factor.0),
        )
        .entity_with_state(EntityFunction::new(COUNTER).on_with_state(ADD, add))
}

pub(crate) fn state() -> AppState {
    AppState {
        factor: Factor(10),
        limit: Limit(2),
    }
}

#[tokio::test]
async fn functions_in_a_hub_get_the_state_of_the_test() {
    let run = async |state: AppState| {
        let mut hub = TestHub::new().functions(functions().with_state(state));
        hub.run(TOTAL, &vec![1, 1, 1]).await.unwrap()
    };
    assert_eq!(run(state()).await, 20);
    let limit = Limit(3);
    assert_eq!(run(AppState { limit, ..state() }).await, 30);
    let factor = Factor(17);
    // The entity stops at ten times the limit.
    assert_eq!(run(AppState { factor, ..state() }).await, 20);
}

#[tokio::test]
async fn a_function_of_the_test_takes_the_place_of_one_with_state() {
    let mut hub = TestHub::new()
        .functions(functions().with_state(state()))
        .activity(SCALE, async |_: ActivityContext, number| Ok(number));
    assert_eq!(hub.run(TOTAL, &vec![1, 1]).await.unwrap(), 2);
}

#[cfg(feature = "handler")]
mod handler {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use durable_functions::AppExt;
    use durable_protocol::messages::{
        EntityBatchRequest, EntityBatchResult, OperationRequest, ResultType,
    };
    use functions_handler::App;
    use prost::Message;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    /// The return value of an invocation whose trigger has this value.
    async fn invoke(app: App<AppState>, function: &str, trigger: &str) -> String {
        let body = json!({"Data": {"inputTrigger": json!(trigger).to_string()}});
        let request = Request::post(format!("/{function}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = app.into_router().oneshot(request).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answer["ReturnValue"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn functions_of_an_app_get_its_state() {
        let app = || App::with_state(state()).functions(functions());
        assert_eq!(
            invoke(app(), "scale", "7").await,
            r#"{"activityResult":70}"#
        );
        let batch = EntityBatchRequest {
            instance_id: "@counter@a".to_owned(),
            operations: vec![OperationRequest {
                operation: "add".to_owned(),
                input: Some("21".to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        };
        let batch = STANDARD.encode(batch.encode_to_vec());
        let answer = STANDARD
            .decode(invoke(app(), "counter", &batch).await)
            .unwrap();
        let answer = EntityBatchResult::decode(answer.as_slice()).unwrap();
        let Some(ResultType::Success(success)) = &answer.results[0].result_type else {
            panic!("{answer:?}");
        };
        assert_eq!(success.result.as_deref(), Some("20"));
    }

    #[tokio::test]
    async fn functions_registered_one_by_one_get_it_as_well() {
        let app = App::with_state(state()).activity_with_state(
            SCALE,
            async |_: ActivityContext, State(limit): State<Limit>, number| Ok(number - limit.0),
        );
        assert_eq!(invoke(app, "scale", "7").await, r#"{"activityResult":5}"#);
    }
}
