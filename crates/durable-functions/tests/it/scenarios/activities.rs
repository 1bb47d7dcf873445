//! Calls of activities.

use durable_functions::{Activity, OrchestrationContext};
use durable_protocol::messages::OrchestratorActionType;
use serde::{Deserialize, Serialize};

use crate::support::{Host, actions, orchestrator};

#[derive(Serialize, Deserialize)]
struct Order {
    id: u32,
    items: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    order_id: u32,
    total: f64,
}

const PAY: Activity<Order, Receipt> = Activity::new("pay");

fn checkout() -> durable_functions::worker::OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, order: Order| {
        let receipt = ctx.call(PAY, order).await?;
        Ok(format!("{} costs {:.2}", receipt.order_id, receipt.total))
    })
}

const ORDER: &str = r#"{"items":["pen","ink"],"id":7}"#;

#[test]
fn s16_a_call_is_one_action_with_name_and_json_input() {
    let mut host = Host::new(checkout(), Some(ORDER));
    let answer = host.turn();
    assert_eq!(
        actions(&answer),
        [r#"#0 pay({"id":7,"items":["pen","ink"]})"#]
    );
    let Some(OrchestratorActionType::ScheduleTask(task)) =
        &answer.actions[0].orchestrator_action_type
    else {
        panic!("{answer:?}");
    };
    // What an extension of generation 2.13 would drop is not sent.
    assert!(task.tags.is_empty() && task.version.is_none());
}

#[test]
fn s17_a_result_resumes_the_orchestrator() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, n: u32| {
            Ok(ctx.call(Activity::<u32, u32>::new("next"), n).await? + 1)
        }),
        Some("1"),
    );
    host.turn();
    assert_eq!(actions(&host.completed(0, "2").turn()), ["#1 Completed(3)"]);
}

#[test]
fn s18_a_result_is_of_the_type_that_the_handle_says() {
    let mut host = Host::new(checkout(), Some(ORDER));
    host.turn();
    let receipt = r#"{"orderId":7,"total":12.5,"unknown":null}"#;
    assert_eq!(
        actions(&host.completed(0, receipt).turn()),
        [r#"#1 Completed("7 costs 12.50")"#]
    );
}

#[test]
fn s21_the_input_of_an_orchestrator_is_of_the_type_that_the_function_says() {
    let function = orchestrator(async |_, order: Order| Ok(order.items.len()));
    let mut host = Host::new(function, Some(ORDER));
    assert_eq!(actions(&host.turn()), ["#0 Completed(2)"]);
}
