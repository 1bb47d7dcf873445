//! The failure that an error becomes.

use anyhow::Context;
use durable_functions::worker::{ActivityFunction, run_batch};
use durable_functions::{
    Activity, ActivityContext, Entity, EntityContext, EntityFunction, Error, Failure, Operation,
    OrchestrationContext, Result, TaskError,
};
use durable_protocol::messages::{EntityBatchRequest, OperationRequest, ResultType};
use futures::executor::block_on;

use crate::support::{Host, failure, orchestrator};

#[test]
fn a_failure_keeps_its_type_and_flag_under_every_context_that_is_put_around_it() {
    let lost = Failure::new("Lost", "no such town").non_retriable();
    assert_eq!(Error::from(lost.clone()).to_failure(), lost);
    let wrapped: Result<(), Failure> = Err(lost);
    let wrapped = wrapped.context("by train").context("to Oslo");
    let failure = Error::from(wrapped.unwrap_err()).to_failure();
    assert_eq!(failure.error_type(), "Lost");
    assert_eq!(failure.message(), "to Oslo: by train: no such town");
    assert!(failure.is_non_retriable());
}

#[test]
fn any_other_error_keeps_its_texts() {
    let error: Result<u8, _> = "x".parse::<u8>();
    let failure = Error::from(error.context("the day").unwrap_err()).to_failure();
    assert_eq!(failure.error_type(), "Error");
    assert_eq!(failure.message(), "the day");
    let cause = failure.cause().unwrap();
    assert_eq!(cause.message(), "invalid digit found in string");
}

#[test]
fn an_error_of_a_task_becomes_the_failure_of_the_task() {
    let busy = Failure::new("Busy", "try later").non_retriable();
    let failed = TaskError::Failed {
        task: "activity 'copy' (#3)".to_owned(),
        failure: busy.clone(),
    };
    assert_eq!(failed.clone().into_failure(), busy);
    let failure = Error::from(failed).to_failure();
    assert_eq!(failure.error_type(), "Busy");
    assert_eq!(failure.message(), "activity 'copy' (#3) failed: try later");
    assert!(failure.is_non_retriable());

    let unread = TaskError::Decode {
        task: "event 'go'".to_owned(),
        expected: "u8",
        detail: "invalid type".to_owned(),
    };
    let failure = Error::from(unread.clone()).to_failure();
    assert_eq!(failure, unread.into_failure());
    assert_eq!(failure.error_type(), "UnexpectedResult");
    assert!(failure.message().contains("event 'go'"), "{failure}");
    assert!(failure.is_non_retriable());
}

/// One line, and the same one, in all kinds of functions.
#[test]
fn a_failure_ends_orchestrators_activities_and_operations_in_one_line() {
    async fn activity(_: ActivityContext, (): ()) -> Result<u32> {
        Failure::new("Refused", "no").non_retriable().fail()
    }
    async fn operation(_: EntityContext, _: &mut u32, (): ()) -> Result<u32> {
        Failure::new("Refused", "no").non_retriable().fail()
    }
    async fn refusing(_: OrchestrationContext, (): ()) -> Result<u32> {
        Failure::new("Refused", "no").non_retriable().fail()
    }
    let ended = failure(&Host::new(orchestrator(refusing), None).turn());
    let failed = ActivityFunction::new(Activity::new("a"), activity);
    let failed = block_on(failed.call(ActivityContext::new("a", "1"), None)).unwrap_err();
    let entity = EntityFunction::new(Entity::new("e")).on(Operation::new("o"), operation);
    let request = EntityBatchRequest {
        instance_id: "@e@k".to_owned(),
        operations: vec![OperationRequest {
            operation: "o".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let answered = block_on(run_batch(&entity, request));
    let Some(ResultType::Failure(refused)) = &answered.results[0].result_type else {
        panic!("{answered:?}");
    };
    let refused = refused.failure_details.clone().unwrap();
    for details in [ended, refused] {
        let shown = (details.error_type.as_str(), details.error_message.as_str());
        assert_eq!((shown, details.is_non_retriable), (("Refused", "no"), true));
    }
    assert_eq!(failed, Failure::new("Refused", "no").non_retriable());
}
