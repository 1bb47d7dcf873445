//! Lock: an orchestration moves money between two account entities, and nobody sees half of it.
//!
//! ```console
//! $ cargo run -p local-host -- --script-root examples/transfer
//! $ curl http://localhost:7071/api/accounts/ada -H 'Content-Type: application/json' -d 100
//! deposited
//! $ curl http://localhost:7071/api/transfers -H 'Content-Type: application/json' -d '["ada","bob",30]'
//! ada has 70, bob has 30
//! $ curl http://localhost:7071/api/transfers -H 'Content-Type: application/json' -d '["ada","bob",99]'
//! refused: ada has 70
//! ```

use std::time::Duration;

use axum::Json;
use durable_functions::{
    AppExt, ClientError, DurableClient, Entity, EntityContext, EntityFunction, Operation,
    OrchestrationContext, Orchestrator, Result, is_replaying,
};
use functions_handler::routing::post;
use functions_handler::{App, Params, logs};

const MOVE_MONEY: Orchestrator<Transfer, String> = Orchestrator::new("move-money");
const ACCOUNT: Entity<i64> = Entity::new("account");
const ADD: Operation<i64, i64> = Operation::new("add");

/// From whom, to whom, how much.
type Transfer = (String, String, u32);

async fn move_money(ctx: OrchestrationContext, (from, to, amount): Transfer) -> Result<String> {
    let (source, target, amount) = (ACCOUNT.id(&from), ACCOUNT.id(&to), i64::from(amount));
    // Until it is dropped, at the end, the two accounts run operations of this orchestration only.
    let _lock = ctx.lock([&source, &target]).await?;
    let balance = ctx.call_entity(&source, ADD, 0).await?;
    if balance < amount {
        return Ok(format!("refused: {from} has {balance}"));
    }
    let left = ctx.call_entity(&source, ADD, -amount).await?;
    let received = ctx.call_entity(&target, ADD, amount).await?;
    Ok(format!("{from} has {left}, {to} has {received}"))
}

async fn add(_: EntityContext, balance: &mut i64, amount: i64) -> Result<i64> {
    *balance += amount;
    Ok(*balance)
}

/// `POST /api/accounts/{name}`
async fn deposit(
    client: DurableClient,
    Params(name): Params<String>,
    Json(amount): Json<u32>,
) -> Result<&'static str, ClientError> {
    let account = client.entity(ACCOUNT.id(name));
    account.signal(ADD, &i64::from(amount)).await?;
    Ok("deposited")
}

/// `POST /api/transfers`
async fn transfer(
    client: DurableClient,
    Json(transfer): Json<Transfer>,
) -> Result<String, ClientError> {
    let instance = client.start(MOVE_MONEY, &transfer).await?;
    instance.output(Duration::from_secs(30)).await
}

#[tokio::main]
async fn main() -> Result<()> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    App::new()
        .http("deposit", post(deposit).with_route("accounts/{name}"))
        .http("transfer", post(transfer).with_route("transfers"))
        .orchestrator(MOVE_MONEY, move_money)
        .entity(EntityFunction::new(ACCOUNT).on(ADD, add))
        .serve()
        .await
        .exit()
}
