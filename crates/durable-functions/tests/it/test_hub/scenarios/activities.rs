//! Calls of activities, their inputs and results.

use durable_functions::{Activity, OrchestrationContext};
use serde::{Deserialize, Serialize};

use super::{asked_for, failure, hub, orchestrator};
use crate::test_hub::BREAK;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// Also s21: the input of the orchestrator is of the type that the function says.
#[tokio::test]
async fn s16_s17_s18_s21_a_call_has_name_and_input_and_its_typed_result_resumes_the_orchestrator() {
    let mut hub = hub(async |ctx: OrchestrationContext, order: Order| {
        let receipt = ctx.call(PAY, order).await?;
        Ok(format!("{} costs {:.2}", receipt.order_id, receipt.total))
    });
    let pay = hub.mock(PAY, |order| {
        Ok(Receipt {
            order_id: order.id,
            total: 12.5,
        })
    });
    let order = Order {
        id: 7,
        items: vec!["pen".to_owned(), "ink".to_owned()],
    };
    let handle = orchestrator::<Order, String>();
    let output = hub.run(handle, &order).with_id("a").await.unwrap();
    assert_eq!(output, "7 costs 12.50");
    assert_eq!(pay.calls(), [order]);
    assert_eq!(asked_for(&hub), ["#0 pay"]);
}

#[tokio::test]
async fn s21_an_input_of_another_type_fails_the_instance() {
    let mut hub = hub(async |_, order: Order| Ok(order.id));
    hub.start(orchestrator::<u32, u32>(), &7)
        .with_id("a")
        .await
        .unwrap();
    let failure = failure(&mut hub).await;
    assert!(failure.starts_with("InvalidInput: "), "{failure}");
}

#[tokio::test]
async fn s22_an_activitys_failure_that_nobody_handles_fails_the_instance_with_its_type() {
    let mut hub = hub(async |ctx: OrchestrationContext, n: u32| Ok(ctx.call(BREAK, n).await?));
    hub.start(orchestrator::<u32, u32>(), &7)
        .with_id("a")
        .await
        .unwrap();
    assert_eq!(
        failure(&mut hub).await,
        "Broken: activity 'break' (#0) failed: no luck with 7"
    );
}
