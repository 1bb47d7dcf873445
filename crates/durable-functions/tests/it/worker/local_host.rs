//! What only local-host can show.

use durable_functions::{Activity, Orchestrator};

use super::serving::serve;
use super::sidecar::{Sidecar, output};

const MIB: usize = 1024 * 1024;

/// The first turn asks for more than a message may hold, and the history of the last is longer than local-host
/// sends with a turn. The peer knows neither answers in parts nor histories that are fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_and_a_history_larger_than_a_message_arrive() {
    const ECHO: Activity<String, String> = Activity::new("echo");
    const FAN_OUT: Orchestrator<usize, usize> = Orchestrator::new("fan-out");
    let sidecar = Sidecar::local_host().await;
    let worker = sidecar
        .worker()
        .activity(ECHO, |_, text| async move { Ok(text) })
        .orchestrator(FAN_OUT, |ctx, count| async move {
            let calls: Vec<_> = (0..count)
                .map(|_| ctx.call(ECHO, "x".repeat(MIB)))
                .collect();
            let texts = ctx.join_all(calls).await?;
            Ok(texts.iter().map(String::len).sum())
        });
    let serving = serve(worker);
    assert_eq!(output::<usize>(&sidecar.run(FAN_OUT, &6).await), 6 * MIB);
    serving.stop().await;
    sidecar.end().await;
}
