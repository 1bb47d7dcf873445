//! The log of a worker holds no credentials, whoever wrote them.

use std::sync::{Arc, Mutex};

use durable_functions::{Activity, Failure};
use tonic::Status;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::fake::{Fake, serve};

const WORK: Activity<(), u32> = Activity::new("work");

/// The messages of all events.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut lines = self.0.lock().unwrap();
        lines.push_str(&format!("{field}={value:?}\n"));
    }
}

#[tokio::test]
async fn what_a_sidecar_or_an_activity_says_is_logged_without_credentials() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    // The runtime of this test has one thread.
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut sidecar = Fake::listen().await;
    let worker = sidecar
        .worker()
        .metadata("authorization", "Bearer SECRET")
        .activity(WORK, |_, ()| async {
            Err(Failure::new("NoMoney", "https://host/x?sig=SECRET").into())
        });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.fail(Status::unavailable("the key: AccountKey=SECRET"));
    let stream = sidecar.accept().await;
    // One attempt to send the end fails.
    sidecar.refuse(1);
    stream.call(WORK, 1);
    let details = sidecar.activity().await.failure_details.unwrap();
    assert_eq!(details.error_message, "https://host/x?sig=SECRET");
    serving.stop().await;
    let lines = lines.0.lock().unwrap();
    for logged in [
        "the key: [Hidden Credential]",
        "refused; [Hidden Credential]",
        "NoMoney: https://host/x[Hidden Credential]",
    ] {
        assert!(lines.contains(logged), "{logged}\n{lines}");
    }
    assert!(!lines.contains("SECRET"), "{lines}");
}
