//! Entity functions: one result for each operation, and a complete state, whatever happens.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use durable_functions::worker::run_batch;
use durable_functions::{
    Entity, EntityContext, EntityFunction, EntityId, Failure, Operation, Orchestrator, Result,
};
use durable_protocol::messages::{
    EntityBatchRequest, EntityBatchResult, OperationActionType, OperationRequest, ResultType,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const COUNTER: Entity<i64> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");
const GET: Operation<(), i64> = Operation::new("get");
const FAIL: Operation<i64, ()> = Operation::new("fail");
const PANIC: Operation<i64, ()> = Operation::new("panic");
const SEND: Operation<String, String> = Operation::new("send");
const HELLO: Orchestrator<String, ()> = Orchestrator::new("hello").with_version("2");

async fn add(_: EntityContext, count: &mut i64, n: i64) -> Result<i64> {
    *count += n;
    Ok(*count)
}

fn counter() -> EntityFunction<i64> {
    EntityFunction::new(COUNTER)
        .on(ADD, add)
        .on(GET, async |_, count: &mut i64, ()| Ok(*count))
        .on(FAIL, async |ctx: EntityContext, count: &mut i64, n| {
            *count += n;
            ctx.signal(COUNTER.id("other"), ADD, n)?;
            Err(Failure::new("Refused", "no").non_retriable().into())
        })
        .on(PANIC, async |ctx: EntityContext, count: &mut i64, n| {
            *count += n;
            ctx.start(HELLO, "x".to_owned())?;
            panic!("broken")
        })
        .on(SEND, async |ctx: EntityContext, _: &mut i64, id: String| {
            ctx.signal(COUNTER.id("b"), ADD, 1)?;
            ctx.signal_at(
                COUNTER.id("b"),
                GET,
                (),
                SystemTime::UNIX_EPOCH + Duration::from_secs(9),
            )?;
            ctx.start_with_id(HELLO, id, "y".to_owned())?;
            Ok(ctx.start(HELLO, "z".to_owned())?)
        })
}

/// A batch for `@counter@a`; the `index`-th request has the id `r<index>`.
fn batch(state: Option<&str>, operations: &[(&str, Option<&str>)]) -> EntityBatchRequest {
    let operations = operations.iter().enumerate();
    EntityBatchRequest {
        instance_id: "@counter@a".to_owned(),
        entity_state: state.map(str::to_owned),
        operations: operations
            .map(|(index, (operation, input))| OperationRequest {
                operation: (*operation).to_owned(),
                request_id: format!("r{index}"),
                input: input.map(str::to_owned),
                trace_context: None,
            })
            .collect(),
        ..Default::default()
    }
}

fn without_rollback(mut request: EntityBatchRequest) -> EntityBatchRequest {
    let value = prost_types::Value {
        kind: Some(prost_types::value::Kind::BoolValue(false)),
    };
    let name = "RollbackEntityOperationsOnExceptions".to_owned();
    request.properties.insert(name, value);
    request
}

fn run<S>(function: &EntityFunction<S>, request: EntityBatchRequest) -> EntityBatchResult
where
    S: Default + Serialize + serde::de::DeserializeOwned + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let asked = request.operations.len();
    let result = runtime.block_on(run_batch(function, request));
    assert_eq!(result.results.len(), asked, "one result for each operation");
    assert_eq!(result.failure_details, None);
    result
}

/// The results in short: the JSON text, or `Type: message`.
fn results(result: &EntityBatchResult) -> Vec<String> {
    let results = result.results.iter();
    results
        .map(|result| match result.result_type.as_ref().unwrap() {
            ResultType::Success(success) => success.result.clone().unwrap_or_default(),
            ResultType::Failure(failure) => {
                let details = failure.failure_details.as_ref().unwrap();
                format!("{}: {}", details.error_type, details.error_message)
            }
        })
        .collect()
}

fn types(result: &EntityBatchResult) -> Vec<String> {
    let results = results(result);
    let first = |text: &String| text.split(':').next().unwrap().to_owned();
    results.iter().map(first).collect()
}

#[test]
fn operations_of_a_batch_run_in_order_on_one_state() {
    let request = batch(
        None,
        &[("add", Some("5")), ("ADD", Some("2")), ("get", None)],
    );
    let result = run(&counter(), request);
    assert_eq!(results(&result), ["5", "7", "7"]);
    assert_eq!(result.entity_state.as_deref(), Some("7"));
    assert!(result.actions.is_empty());
    let later = run(&counter(), batch(Some("7"), &[("get", Some(""))]));
    assert_eq!(results(&later), ["7"]);
}

#[test]
fn an_operation_that_fails_or_panics_changes_nothing_and_stops_no_other() {
    let operations = [
        ("add", Some("1")),
        ("fail", Some("10")),
        ("panic", Some("100")),
        ("add", Some("2")),
    ];
    let result = run(&counter(), batch(Some("0"), &operations));
    assert_eq!(
        results(&result),
        [
            "1",
            "Refused: no",
            "Panic: the operation panicked: broken",
            "3"
        ]
    );
    assert_eq!(result.entity_state.as_deref(), Some("3"));
    assert!(result.actions.is_empty());
    let fails = run(&counter(), batch(None, &[("fail", Some("1"))]));
    assert_eq!(fails.entity_state, None, "a new entity stays new");
}

#[test]
fn without_roll_back_what_a_failed_operation_did_stays() {
    let operations = [("fail", Some("10")), ("panic", Some("100")), ("get", None)];
    let result = run(&counter(), without_rollback(batch(None, &operations)));
    assert_eq!(types(&result), ["Refused", "Panic", "110"]);
    assert_eq!(result.entity_state.as_deref(), Some("110"));
    assert_eq!(result.actions.len(), 2);
}

#[test]
fn an_operation_that_does_not_exist_is_a_failure_that_names_the_others() {
    let result = run(&counter(), batch(Some("4"), &[("noSuch", None)]));
    assert_eq!(
        results(&result),
        [
            "OperationNotFound: entity function 'counter' has no operation 'noSuch', only: add, get, \
             fail, panic, send, delete"
        ]
    );
    assert_eq!(result.entity_state.as_deref(), Some("4"));
}

#[test]
fn an_input_of_another_type_is_a_failure_and_the_operation_does_not_run() {
    let result = run(
        &counter(),
        batch(Some("4"), &[("add", Some("\"8\"")), ("add", None)]),
    );
    assert_eq!(types(&result), ["InvalidInput", "InvalidInput"]);
    assert_eq!(result.entity_state.as_deref(), Some("4"));
}

#[test]
fn a_state_that_cannot_be_read_stays_and_can_only_be_deleted() {
    let bad = Some("\"128\"");
    let result = run(&counter(), batch(bad, &[("get", None), ("add", Some("1"))]));
    assert_eq!(types(&result), ["InvalidState", "InvalidState"]);
    assert_eq!(result.entity_state.as_deref(), bad);
    let result = run(
        &counter(),
        batch(bad, &[("Delete", Some("\"\"")), ("add", Some("1"))]),
    );
    assert_eq!(results(&result), ["", "1"]);
    assert_eq!(result.entity_state.as_deref(), Some("1"));
}

#[test]
fn a_deleted_entity_begins_with_the_initial_state() {
    let finish: Operation<(), i64> = Operation::new("finish");
    let function = counter().on(finish, async |ctx: EntityContext, count: &mut i64, ()| {
        ctx.delete_state();
        *count += 1;
        Ok(*count)
    });
    let result = run(&function, batch(Some("4"), &[("finish", None)]));
    assert_eq!(
        (results(&result), result.entity_state),
        (vec!["5".to_owned()], None)
    );
    let operations = [
        ("finish", None),
        ("add", Some("1")),
        ("delete", None),
        ("get", None),
    ];
    let result = run(&function, batch(Some("4"), &operations));
    assert_eq!(results(&result), ["5", "1", "", "0"]);
    assert_eq!(result.entity_state.as_deref(), Some("0"));
}

#[test]
fn an_own_operation_delete_replaces_the_one_that_is_always_there() {
    let delete: Operation<(), &str> = Operation::new("Delete");
    let function = counter().on(delete, async |_, _: &mut i64, ()| Ok("kept"));
    let result = run(&function, batch(Some("4"), &[("delete", None)]));
    assert_eq!(results(&result), ["\"kept\""]);
    assert_eq!(result.entity_state.as_deref(), Some("4"));
}

#[test]
fn signals_and_starts_of_an_operation_go_out_with_the_batch() {
    let operations = [("send", Some("\"i1\"")), ("send", Some("\"i2\""))];
    let result = run(&counter(), batch(None, &operations));
    let actions: Vec<_> = result
        .actions
        .iter()
        .map(
            |action| match action.operation_action_type.as_ref().unwrap() {
                OperationActionType::SendSignal(signal) => format!(
                    "#{} signal {} {}({:?}) at {:?}",
                    action.id,
                    signal.instance_id,
                    signal.name,
                    signal.input,
                    signal.scheduled_time.map(|time| time.seconds)
                ),
                OperationActionType::StartNewOrchestration(start) => format!(
                    "#{} start {} {} {:?} {:?}",
                    action.id,
                    start.instance_id.len(),
                    start.name,
                    start.version,
                    start.input
                ),
            },
        )
        .collect();
    assert_eq!(
        actions[..4],
        [
            r#"#0 signal @counter@b add(Some("1")) at None"#,
            r#"#1 signal @counter@b get(None) at Some(9)"#,
            r#"#2 start 2 hello Some("2") Some("\"y\"")"#,
            r#"#3 start 32 hello Some("2") Some("\"z\"")"#,
        ]
    );
    assert_eq!(actions.len(), 8);
    assert!(actions[7].starts_with("#7 start"));
    let id: String = serde_json::from_str(&results(&result)[0]).unwrap();
    match result.actions[3].operation_action_type.as_ref().unwrap() {
        OperationActionType::StartNewOrchestration(start) => assert_eq!(start.instance_id, id),
        other => panic!("{other:?}"),
    }
}

/// A start under such an id would make the host repeat a message without end.
#[test]
fn ids_that_the_host_cannot_handle_fail_the_operation() {
    let to: Operation<EntityId, ()> = Operation::new("to");
    let function = counter().on(to, async |ctx: EntityContext, _: &mut i64, id: EntityId| {
        Ok(ctx.signal(id, GET, ())?)
    });
    for (operation, input, error_type) in [
        ("send", "\"@counter@b\"", "InvalidInstanceId"),
        ("send", "\"\"", "InvalidInstanceId"),
        ("to", r#"{"name":"a@b","key":"k"}"#, "InvalidEntityId"),
        ("to", r#"{"name":"a","key":""}"#, "InvalidEntityId"),
    ] {
        let result = run(&function, batch(None, &[(operation, Some(input))]));
        assert_eq!(types(&result), [error_type], "{input}");
        assert!(result.actions.is_empty());
    }
}

#[test]
fn an_operation_may_wait_and_hold_what_cannot_leave_its_thread() {
    let wait: Operation<i64, i64> = Operation::new("wait");
    let function = counter().on(wait, async |_, count: &mut i64, n| {
        let held = Rc::new(n);
        let elsewhere = tokio::spawn(async { 1 }).await?;
        *count += *held + elsewhere;
        Ok(*count)
    });
    let result = run(&function, batch(Some("1"), &[("wait", Some("5"))]));
    assert_eq!(results(&result), ["7"]);
}

#[test]
fn an_operation_knows_its_entity_and_its_request() {
    let who: Operation<(), String> = Operation::new("who");
    let function = counter().on(who, async |ctx: EntityContext, _: &mut i64, ()| {
        Ok(format!(
            "{} {} {}",
            ctx.id(),
            ctx.operation(),
            ctx.request_id()
        ))
    });
    let result = run(&function, batch(None, &[("get", None), ("WHO", None)]));
    assert_eq!(results(&result)[1], "\"@counter@a WHO r1\"");
}

/// A state whose code can fail or panic everywhere.
#[derive(Debug, PartialEq)]
struct Fragile(i64);

impl Default for Fragile {
    fn default() -> Self {
        panic!("no default")
    }
}

impl Serialize for Fragile {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            1 => Err(serde::ser::Error::custom("cannot be written")),
            2 => panic!("writing"),
            n => serializer.serialize_i64(n),
        }
    }
}

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            3 => panic!("reading"),
            n => Ok(Fragile(n)),
        }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert_ne!(self.0, 4, "dropping");
    }
}

#[test]
fn code_of_the_state_that_fails_or_panics_fails_its_operation_only() {
    let set: Operation<i64, ()> = Operation::new("set");
    let result_of_1: Operation<(), Fragile> = Operation::new("bad-result");
    let function = || {
        EntityFunction::new(Entity::<Fragile>::new("fragile"))
            .on(set, async |_, state: &mut Fragile, n| {
                state.0 = n;
                Ok(())
            })
            .on(result_of_1, async |_, _: &mut Fragile, ()| Ok(Fragile(1)))
    };
    let new = run(&function(), batch(None, &[("set", Some("9"))]));
    assert_eq!(types(&new), ["Panic"]);
    let unreadable = run(&function(), batch(Some("3"), &[("set", Some("9"))]));
    assert_eq!(types(&unreadable), ["Panic"]);
    assert_eq!(unreadable.entity_state.as_deref(), Some("3"));
    let operations = [
        ("set", Some("1")),
        ("set", Some("2")),
        ("bad-result", None),
        ("set", Some("4")),
    ];
    let result = run(&function(), batch(Some("9"), &operations));
    assert_eq!(
        types(&result),
        ["InvalidState", "Panic", "InvalidOutput", ""]
    );
    assert_eq!(result.entity_state.as_deref(), Some("4"));
}

#[derive(Debug, Clone)]
enum Step {
    Add(i8),
    Fail(i8),
    Panic(i8),
    Delete,
    Unknown,
    BadInput,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<i8>().prop_map(Step::Add),
        any::<i8>().prop_map(Step::Fail),
        any::<i8>().prop_map(Step::Panic),
        Just(Step::Delete),
        Just(Step::Unknown),
        Just(Step::BadInput),
    ]
}

proptest! {
    #[test]
    fn every_batch_gives_one_result_each_and_the_state_of_those_that_succeeded(
        steps in proptest::collection::vec(step(), 0..20),
        start in proptest::option::of(any::<i8>()),
        rollback: bool,
    ) {
        let text: Vec<_> = steps
            .iter()
            .map(|step| match step {
                Step::Add(n) => ("add", Some(n.to_string())),
                Step::Fail(n) => ("fail", Some(n.to_string())),
                Step::Panic(n) => ("panic", Some(n.to_string())),
                Step::Delete => ("delete", None),
                Step::Unknown => ("unknown", None),
                Step::BadInput => ("add", Some("{".to_owned())),
            })
            .collect();
        let operations: Vec<_> = text
            .iter()
            .map(|(name, input)| (*name, input.as_deref()))
            .collect();
        let state = start.map(|n| n.to_string());
        let mut request = batch(state.as_deref(), &operations);
        if !rollback {
            request = without_rollback(request);
        }
        let result = run(&counter(), request);

        let mut model = start.map(i64::from);
        for (step, result) in steps.iter().zip(&result.results) {
            let succeeded = matches!(result.result_type, Some(ResultType::Success(_)));
            prop_assert_eq!(succeeded, matches!(step, Step::Add(_) | Step::Delete));
            match step {
                Step::Add(n) => model = Some(model.unwrap_or(0) + i64::from(*n)),
                Step::Fail(n) | Step::Panic(n) if !rollback => {
                    model = Some(model.unwrap_or(0) + i64::from(*n));
                }
                Step::Delete => model = None,
                // Without roll-back, decoding the state of a new entity creates it.
                Step::BadInput if !rollback => model = Some(model.unwrap_or(0)),
                _ => {}
            }
        }
        prop_assert_eq!(result.entity_state, model.map(|n| n.to_string()));
    }
}
