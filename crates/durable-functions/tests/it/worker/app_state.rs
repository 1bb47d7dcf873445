//! The app's state in a worker.

use super::fake::{Fake, serve};
use crate::app_state::{SCALE, functions, state};

#[tokio::test]
async fn functions_of_a_worker_get_the_state_that_they_were_given() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar.worker().functions(functions().with_state(state()));
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    stream.call_with(SCALE, 1, Some("7".to_owned()));
    assert_eq!(sidecar.activity().await.result.as_deref(), Some("70"));
    serving.stop().await;
}
