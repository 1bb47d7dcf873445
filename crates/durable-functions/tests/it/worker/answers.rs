//! Answers that are larger than the messages that a sidecar takes.

use durable_functions::{
    Activity, Entity, EntityFunction, Operation, OrchestrationContext, Orchestrator, error_type,
};
use durable_protocol::messages::{OrchestrationStatus, ResultType};
use prost::Message;

use super::fake::{End, Fake, serve};
use super::items::{batch, end_of, first_turn, turn};

const TEXT: Activity<String, String> = Activity::new("text");
const FAN_OUT: Orchestrator<usize, ()> = Orchestrator::new("fan-out");
const LIMIT: usize = 2_000;

/// Calls so many activities, with inputs of `size` bytes.
async fn fan_out(
    ctx: OrchestrationContext,
    count: usize,
    size: usize,
) -> durable_functions::Result<()> {
    let calls: Vec<_> = (0..count)
        .map(|_| ctx.call(TEXT, "x".repeat(size)))
        .collect();
    ctx.join_all(calls).await?;
    Ok(())
}

#[tokio::test]
async fn a_large_answer_to_a_turn_is_sent_in_parts_which_arrive_in_order() {
    let mut sidecar = Fake::listen().await;
    let worker = sidecar
        .worker()
        .message_limit(LIMIT)
        .orchestrator(FAN_OUT, |ctx, count| fan_out(ctx, count, 600));
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    // A part that fails once is sent again before the next.
    sidecar.refuse(1);
    stream.send("t", turn(first_turn("fan-out")));
    let mut ids = Vec::new();
    for index in 0.. {
        let End::Turn(part) = sidecar.end().await else {
            panic!("no turn");
        };
        assert_eq!(part.chunk_index, Some(index));
        assert_eq!(part.completion_token, "t");
        assert!(part.encoded_len() <= LIMIT);
        ids.extend(part.actions.iter().map(|action| action.id));
        if !part.is_partial {
            break;
        }
    }
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    serving.stop().await;
}

#[tokio::test]
async fn what_cannot_be_sent_in_parts_is_a_failure_that_names_the_limit() {
    const COUNTER: Entity<u32> = Entity::new("counter");
    const DRAW: Operation<(), String> = Operation::new("draw");
    let mut sidecar = Fake::listen().await;
    let counter = EntityFunction::new(COUNTER).on(DRAW, async |_, count: &mut u32, ()| {
        *count += 1;
        Ok("x".repeat(LIMIT))
    });
    let worker = sidecar
        .worker()
        .message_limit(LIMIT)
        .orchestrator(FAN_OUT, |ctx, count| fan_out(ctx, count, LIMIT))
        .activity(TEXT, |_, text| async move { Ok(text.repeat(LIMIT)) })
        .entity(counter);
    let serving = serve(worker);
    let stream = sidecar.accept().await;

    stream.send("t", turn(first_turn("fan-out")));
    let (status, _, failure) = end_of(sidecar.end().await);
    assert_eq!(status, OrchestrationStatus::Failed);
    assert_eq!(failure.as_deref(), Some(error_type::ANSWER_TOO_LARGE));

    stream.call_with(TEXT, 1, Some("\"x\"".to_owned()));
    let details = sidecar.activity().await.failure_details.unwrap();
    assert_eq!(details.error_type, error_type::ANSWER_TOO_LARGE);
    assert!(details.error_message.contains("2000"), "{details:?}");

    stream.send("b", batch("@counter@a", "draw"));
    let End::Batch(answer) = sidecar.end().await else {
        panic!("no batch");
    };
    assert_eq!(answer.entity_state.as_deref(), Some("7"));
    let Some(ResultType::Failure(failure)) = &answer.results[0].result_type else {
        panic!("{answer:?}");
    };
    let details = failure.failure_details.as_ref().unwrap();
    assert_eq!(details.error_type, error_type::ANSWER_TOO_LARGE);
    serving.stop().await;
}
