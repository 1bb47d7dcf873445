//! Invocations through the whole handler, one after the other or all at once.

use std::hint::black_box;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures::future::join_all;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::{floor, measure};

/// What the handler is asked for. The figures are the best of all measurements.
pub(crate) struct Load {
    pub(crate) shape: &'static str,
    pub(crate) n: u32,
    requests: Vec<String>,
    bodies: Vec<Bytes>,
    at_once: bool,
    /// The times of the floor and the handler, for all invocations together.
    best_us: [f64; 2],
}

impl Load {
    pub(crate) fn new(shape: &'static str, n: u32, requests: Vec<String>) -> Self {
        let bodies = requests.iter().map(|request| body(request)).collect();
        Load {
            shape,
            n,
            requests,
            bodies,
            at_once: false,
            best_us: [f64::INFINITY; 2],
        }
    }

    pub(crate) fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    pub(crate) fn measure(&mut self, runtime: &Runtime, router: &Router) {
        let posts = || {
            let bodies = self.bodies.iter();
            bodies.map(|body| post(router, self.shape, body.clone()))
        };
        let measured = measure::interleaved([
            &mut || floor::answer_all(&self.requests),
            &mut || match self.at_once {
                true => drop(black_box(runtime.block_on(join_all(posts())))),
                false => posts().for_each(|post| drop(black_box(runtime.block_on(post)))),
            },
        ]);
        for (best, measured) in self.best_us.iter_mut().zip(measured) {
            *best = best.min(measured);
        }
    }

    /// The handler must come to the same answer as the floor.
    pub(crate) fn check(&self, runtime: &Runtime, router: &Router) {
        for (request, body) in self.requests.iter().zip(&self.bodies) {
            let answer = runtime.block_on(post(router, self.shape, body.clone()));
            let answer = String::from_utf8(answer.to_vec()).unwrap();
            assert!(answer.contains(&floor::answer(request)), "{answer}");
        }
    }

    pub(crate) fn invocations(&self) -> usize {
        self.requests.len()
    }

    /// The size of one body in KiB.
    pub(crate) fn body_kib(&self) -> f64 {
        self.bodies[0].len() as f64 / 1024.0
    }

    /// What the floor and the handler took for one invocation, in microseconds.
    pub(crate) fn each_us(&self) -> [f64; 2] {
        self.best_us.map(|us| us / self.invocations() as f64)
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.best_us[1] / self.best_us[0]
    }
}

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
