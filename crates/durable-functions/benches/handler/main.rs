//! What a turn costs through the whole custom-handler path: the HTTP body that the host sends in, the
//! HTTP body of the answer out; everything but the socket.
//!
//! Run with `cargo bench -p durable-functions --bench handler`. The floor is that of the benchmark
//! `replay`: a program without an engine and without HTTP.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/floor.rs"]
mod floor;
#[path = "../common/histories.rs"]
mod histories;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/orchestrators.rs"]
mod orchestrators;

use std::hint::black_box;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use durable_functions::{AppExt, Orchestrator};
use functions_handler::App;
use futures::future::join_all;
use histories::History;
use orchestrators::{chain, fan_out};
use tower::ServiceExt;

/// The body of an invocation, as a host writes it.
fn body(request: &str) -> Bytes {
    let metadata = r#"{"sys":{"MethodName":"f","UtcNow":"2026-11-21T06:24:35.1058794Z","RandGuid":"6b5a1d44-d8b7-4fa1-aa99-78cb9d08acc3"}}"#;
    format!(r#"{{"Data":{{"context":"\"{request}\""}},"Metadata":{metadata}}}"#).into()
}

async fn post(router: &Router, function: &str, body: Bytes) -> Bytes {
    let request = Request::post(format!("/{function}"))
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "x-azure-functions-invocationid",
            "48535ede-2292-42ac-ab8f-55aefce23f26",
        )
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap()
}

/// The last turns of many instances at the same time: what an invocation costs when nothing waits for
/// a sleeping thread.
fn at_once(runtime: &tokio::runtime::Runtime, router: &Router) {
    const INSTANCES: usize = 64;
    println!("\n{INSTANCES} instances at once, per invocation\n");
    println!("shape    |     n |  floor µs | handler µs | ratio");
    println!("-------- | ----: | --------: | ---------: | ----:");
    for n in [3, 30, 300, 3000] {
        let history = History::chain(n);
        let last = history.turns() - 1;
        let requests: Vec<_> = (0..INSTANCES)
            .map(|instance| history.request_of(&format!("chain-{instance}"), last))
            .collect();
        let bodies: Vec<_> = requests.iter().map(|request| body(request)).collect();
        let [floor_us, handler_us] =
            measure::interleaved([&mut || floor::answer_all(&requests), &mut || {
                let posts = bodies
                    .iter()
                    .map(|body| post(router, "chain", body.clone()));
                drop(black_box(runtime.block_on(join_all(posts))));
            }]);
        println!(
            "chain    | {n:5} | {:9.1} | {:10.1} | {:5.2}",
            floor_us / INSTANCES as f64,
            handler_us / INSTANCES as f64,
            handler_us / floor_us,
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let router = App::new()
        .orchestrator(Orchestrator::new("chain"), chain)
        .orchestrator(Orchestrator::new("fan-out"), fan_out)
        .into_router();
    let post =
        |function: &str, body: &Bytes| runtime.block_on(post(&router, function, body.clone()));

    println!(
        "the last turn with its whole history, HTTP body in, HTTP body out; best of several rounds\n"
    );
    println!("shape    |     n | body KiB |  floor µs | handler µs | per task | ratio");
    println!("-------- | ----: | -------: | --------: | ---------: | -------: | ----:");
    type Shape = (&'static str, fn(u32) -> History);
    let shapes: [Shape; 2] = [("chain", History::chain), ("fan-out", History::fan_out)];
    for (shape, history) in shapes {
        for n in [3, 30, 300, 3000, 10_000] {
            let history = history(n);
            let request = history.request(history.turns() - 1);
            let body = body(&request);
            let answer = String::from_utf8(post(shape, &body).to_vec()).unwrap();
            assert!(answer.contains(&floor::answer(&request)), "{answer}");
            let [floor_us, handler_us] = measure::interleaved([
                &mut || drop(black_box(floor::answer(&request))),
                &mut || drop(black_box(post(shape, &body))),
            ]);
            println!(
                "{shape:8} | {n:5} | {:8.1} | {floor_us:9.1} | {handler_us:10.1} | {:8.3} | {:5.2}",
                body.len() as f64 / 1024.0,
                handler_us / f64::from(n),
                handler_us / floor_us,
            );
        }
    }

    at_once(&runtime, &router);

    let history = History::chain(300);
    let requests: Vec<_> = (0..history.turns())
        .map(|turn| history.request(turn))
        .collect();
    let bodies: Vec<_> = requests.iter().map(|request| body(request)).collect();
    let [floor_us, handler_us] =
        measure::interleaved([&mut || floor::answer_all(&requests), &mut || {
            bodies
                .iter()
                .for_each(|body| drop(black_box(post("chain", body))))
        }]);
    println!(
        "\nchain of 300, all {} turns, instances kept: floors {floor_us:.0} µs, handler {handler_us:.0} µs \
         ({:.2})",
        requests.len(),
        handler_us / floor_us,
    );
}
