//! Every invocation is answered before the host's time limit. On tokio's paused clock, through the router.

use std::future::pending;
use std::panic::panic_any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Bomb, data, get, invoke};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use functions_handler::{
    Answer, App, BoxFuture, CancellationToken, Function, FunctionError, Interruption, Invocation,
};
use serde_json::json;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(3);

async fn hang(_: Invocation) -> Result<Answer, FunctionError> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn an_http_function_that_overruns_is_dropped_and_its_client_gets_504() {
    let router = App::new()
        .function_timeout(LIMIT)
        .http("f", async || pending::<&'static str>().await)
        .into_router();
    let begin = Instant::now();
    let reply = invoke(&router, "f", get()).await;
    assert_eq!(begin.elapsed(), Duration::from_millis(2_500));
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.res()["statusCode"], 504);
    assert_eq!(reply.res()["headers"]["content-type"], "application/json");
    assert_eq!(
        reply.res()["body"],
        r#"{"error":"The function did not finish in time.","id":"4711-id"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_response_body_that_does_not_end_overruns_like_its_function() {
    let endless =
        async || Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let router = App::new()
        .function_timeout(LIMIT)
        .http("f", endless)
        .into_router();
    let reply = invoke(&router, "f", get()).await;
    assert_eq!(reply.res()["statusCode"], 504);
}

#[tokio::test(start_paused = true)]
async fn another_function_that_overruns_fails_its_invocation() {
    let router = App::new()
        .function_timeout(LIMIT)
        .function("f", hang)
        .into_router();
    let reply = invoke(&router, "f", data(json!({}))).await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        reply.body,
        json!({
            "error": "the function did not end within 2.5s; the host's functionTimeout is 3s",
            "id": "4711-id",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_function_knows_its_deadline_and_can_answer_when_its_token_fires() {
    let watch = async |invocation: Invocation| {
        assert_eq!(invocation.remaining(), Some(Duration::from_secs(2)));
        invocation.cancellation().cancelled().await;
        assert_eq!(invocation.deadline(), Some(Instant::now()));
        sleep(Duration::from_millis(499)).await;
        assert_eq!(invocation.remaining(), Some(Duration::ZERO));
        "half of it"
    };
    let router = App::new()
        .function_timeout(LIMIT)
        .http("f", watch)
        .into_router();
    let reply = invoke(&router, "f", get()).await;
    assert_eq!(reply.res()["statusCode"], 200);
    assert_eq!(reply.res()["body"], "half of it");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_ends_in_time_leaves_its_token_alone() {
    let token = Arc::new(Mutex::new(None::<CancellationToken>));
    let kept = token.clone();
    let keep = async move |invocation: Invocation| {
        *kept.lock().unwrap() = Some(invocation.cancellation().clone());
        "done"
    };
    let router = App::new()
        .function_timeout(LIMIT)
        .http("f", keep)
        .into_router();
    invoke(&router, "f", get()).await;
    sleep(LIMIT * 2).await;
    assert!(!token.lock().unwrap().take().unwrap().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_is_dropped() {
    let slow = async |invocation: Invocation| {
        assert_eq!(invocation.deadline(), None);
        sleep(Duration::from_secs(86_400)).await;
        "done"
    };
    for app in [App::new(), App::new().function_timeout(None)] {
        let reply = invoke(&app.http("f", slow).into_router(), "f", get()).await;
        assert_eq!(reply.res()["body"], "done");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_beyond_the_end_of_the_clock_is_none() {
    let router = App::new()
        .function_timeout(Duration::MAX)
        .http("f", async |invocation: Invocation| {
            format!("{:?}", invocation.remaining())
        })
        .into_router();
    let reply = invoke(&router, "f", get()).await;
    assert_eq!(reply.res()["body"], "None");
}

#[tokio::test(start_paused = true)]
async fn an_invocation_whose_caller_is_gone_fires_its_token() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let send = Mutex::new(Some(send));
    let tell = move |invocation: Invocation| {
        let send = send.lock().unwrap().take().unwrap();
        send.send(invocation.cancellation().clone()).unwrap();
        hang(invocation)
    };
    let router = App::new().function("f", tell).into_router();
    let caller = tokio::spawn(async move { invoke(&router, "f", data(json!({}))).await.status });
    let token = receive.await.unwrap();
    assert!(!token.is_cancelled());
    caller.abort();
    token.cancelled().await;
}

/// A function with an answer of its own for invocations that were dropped.
struct Own(fn(Interruption) -> Result<Answer, FunctionError>);

impl Function for Own {
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        Box::pin(hang(invocation))
    }

    fn interrupted(
        &self,
        invocation: &Invocation,
        why: Interruption,
    ) -> Result<Answer, FunctionError> {
        assert_eq!(invocation.function_name(), "f");
        self.0(why)
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_decides_what_its_dropped_invocations_answer() {
    let invoke_own = async |own| {
        let app = App::new().function_timeout(LIMIT).function("f", Own(own));
        invoke(&app.into_router(), "f", data(json!({}))).await
    };
    let reply = invoke_own(|why| {
        assert!(matches!(
            why,
            Interruption::Timeout {
                function_timeout: LIMIT,
                ..
            }
        ));
        Ok(Answer::new().return_value("later")?)
    })
    .await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.body["ReturnValue"], "later");

    let reply = invoke_own(|why| Err(FunctionError::from(why).with_report("too long"))).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.body, json!("too long"));

    let reply = invoke_own(|_| panic_any(Bomb)).await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    let reply = invoke_own(|_| panic!("password=3")).await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(
        !reply.body.to_string().contains("password"),
        "{}",
        reply.body
    );
}
