//! What only the peer can show.

use std::time::Duration;

use durable_functions::{Activity, Orchestrator};
use tokio::sync::mpsc::unbounded_channel;

use super::proxy::Proxy;
use super::scenarios::{lifetime, rewinds};
use super::serving::serve;
use super::sidecar::{Sidecar, ended, output, worker_at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_timer_is_split() {
    lifetime::a_long_timer_is_split(&mut Sidecar::peer().await).await;
}

/// local-host does not start a purged child again: its parent waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewind_runs_a_child_that_was_purged_anew() {
    rewinds::a_rewind_runs_a_child_that_was_purged_anew(&mut Sidecar::peer().await).await;
}

/// The peer never pings, and answers a stream only when it has the first item.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_of_the_peer_stays_open() {
    const SLOW: Activity<u32, u32> = Activity::new("slow");
    const RUN: Orchestrator<u32, u32> = Orchestrator::new("run");
    let mut sidecar = Sidecar::peer().await;
    let worker = sidecar
        .worker()
        .silence_limit(Duration::from_millis(10))
        .activity(SLOW, |_, number| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(number)
        })
        .orchestrator(RUN, |ctx, number| async move {
            Ok(ctx.call(SLOW, number).await?)
        });
    let serving = serve(worker);
    // The stream is silent before the first item, and while the activity runs.
    for _ in 0..100 {
        assert_eq!(sidecar.client().status("nobody").await.unwrap(), None);
    }
    assert_eq!(output::<u32>(&sidecar.run(RUN, &3).await), 3);
    serving.stop().await;
    sidecar.stream_ended();
    assert_eq!(sidecar.end().await, Some(Vec::new()));
}

/// What the tests in which workers are lost rely on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_lost_stream_is_delivered_again() {
    const HANG: Activity<u32, u32> = Activity::new("hang");
    const RUN: Orchestrator<u32, u32> = Orchestrator::new("run");
    let sidecar = Sidecar::peer().await;
    let proxy = Proxy::listen(&sidecar.address).await;
    let (begun, mut first) = unbounded_channel();
    let worker = worker_at(&proxy.address)
        .grace(Duration::from_millis(10))
        .activity(HANG, move |_, number| {
            let is_first = begun.send(()).is_ok();
            async move {
                match is_first {
                    true => std::future::pending().await,
                    false => Ok(number),
                }
            }
        })
        .orchestrator(RUN, |ctx, number| async move {
            Ok(ctx.call(HANG, number).await?)
        });
    let serving = serve(worker);
    let instance = sidecar.client().start(RUN, &3).await.unwrap();
    first.recv().await.unwrap();
    drop(first);
    proxy.cut();
    assert_eq!(output::<u32>(&ended(&instance).await), 3);
    serving.stop().await;
    let again = sidecar.end().await.unwrap();
    assert_eq!(again.iter().sum::<usize>(), 1, "{again:?}");
}
