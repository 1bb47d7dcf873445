//! Programs as orchestrators of this crate, written as a user would write them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{
    Activity, Entity, Event, Failure, Operation, OrchestrationContext, Orchestrator, Result,
    RetryPolicy, TaskError,
};
use futures::future::{join_all, select_all};
use serde_json::{Value, json};

use crate::oracle::program::{GENERATIONS, Op, Program, Retry, Step};

/// Of this entity, programs may only change the sum, because its value depends on what was first.
pub(crate) const COUNTER: Entity<i64> = Entity::new("counter");
pub(crate) const ADD: Operation<i64, ()> = Operation::new("add");

/// Its input is the number of the generation.
const PROGRAM: Orchestrator<u64, Vec<Value>> = Orchestrator::new("program");

type Running = Pin<Box<dyn Future<Output = Result<Value, TaskError>>>>;

/// The orchestrator that does what `program` says. Its input is the number of its generation.
pub(crate) fn orchestrator(program: &Program) -> OrchestratorFunction {
    let program = program.clone();
    OrchestratorFunction::new(PROGRAM, move |ctx, generation: u64| {
        let program = program.clone();
        async move {
            let mut run = Run {
                ctx,
                generation,
                log: Vec::new(),
                started: VecDeque::new(),
            };
            run.steps(&program.steps).await?;
            Ok(run.log)
        }
    })
}

struct Run {
    ctx: OrchestrationContext,
    generation: u64,
    log: Vec<Value>,
    started: VecDeque<Running>,
}

impl Run {
    fn steps<'a>(
        &'a mut self,
        steps: &'a [Step],
    ) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>> {
        Box::pin(async move {
            for step in steps {
                self.step(step).await?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Await { op } => {
                let outcome = start(&self.ctx, op).await?;
                self.log.push(outcome);
            }
            Step::Try { op } => {
                let outcome = match start(&self.ctx, op).await {
                    Ok(outcome) => outcome,
                    Err(error) => json!({ "failed": error.into_failure().to_string() }),
                };
                self.log.push(outcome);
            }
            Step::Start { op } => self.started.push_back(start(&self.ctx, op)),
            Step::Join => {
                if let Some(running) = self.started.pop_front() {
                    let outcome = running.await?;
                    self.log.push(outcome);
                }
            }
            Step::Status { value } => self.ctx.set_custom_status(value),
            Step::Send {
                target,
                event,
                payload,
            } => self
                .ctx
                .send_event(target, Event::new(event), payload.clone())?,
            Step::Now => {
                let now = self.ctx.now().duration_since(SystemTime::UNIX_EPOCH)?;
                self.log.push(json!(now.as_secs()));
            }
            Step::If { odd, even } => {
                let is_odd = self.log.last().map_or(0, number) % 2 != 0;
                self.steps(if is_odd { odd } else { even }).await?;
            }
            Step::Repeat { times, body } => {
                for _ in 0..*times {
                    self.steps(body).await?;
                }
            }
            Step::Fail { code } => {
                return Err(Failure::new("Stopped", format!("stopped with {code}")).into());
            }
            Step::ContinueAsNew { keep_events } => {
                if self.generation < GENERATIONS {
                    let next = self.ctx.continue_as_new(PROGRAM, self.generation + 1);
                    if *keep_events {
                        next.await?;
                    } else {
                        next.dropping_events().await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Starts `op`: what it calls is scheduled when this returns.
fn start(ctx: &OrchestrationContext, op: &Op) -> Running {
    match op {
        Op::Call { name, input, retry } => {
            let mut activity = Activity::<Value, Value>::new(name);
            if let Some(retry) = retry {
                activity = activity.with_retry(policy(retry));
            }
            Box::pin(ctx.call(activity, input.clone()))
        }
        Op::Child {
            name,
            id,
            input,
            retry,
        } => {
            let mut child = Orchestrator::<Value, Value>::new(name);
            if let Some(retry) = retry {
                child = child.with_retry(policy(retry));
            }
            Box::pin(match id {
                Some(id) => ctx.call_orchestrator(child, input.clone()).with_id(id),
                None => ctx.call_orchestrator(child, input.clone()),
            })
        }
        Op::Timer { seconds } => {
            let timer = ctx.sleep(Duration::from_secs(*seconds));
            Box::pin(async {
                timer.await;
                Ok(json!("fired"))
            })
        }
        Op::Add { key, amount } => {
            let called = ctx.call_entity(COUNTER.id(*key), ADD, *amount);
            Box::pin(async {
                called.await?;
                Ok(json!("added"))
            })
        }
        Op::Event { name } => Box::pin(ctx.wait_for(Event::<Value>::new(name))),
        Op::All { of } => Box::pin(all(of.iter().map(|op| start(ctx, op)).collect())),
        Op::Race { of } => {
            let running: Vec<_> = of.iter().map(|op| start(ctx, op)).collect();
            Box::pin(async {
                let (outcome, winner, _losers) = select_all(running).await;
                Ok(json!([winner, outcome?]))
            })
        }
        Op::Limited { seconds, of } => {
            let (ctx, running) = (ctx.clone(), start(ctx, of));
            let limit = Duration::from_secs(*seconds);
            Box::pin(async move {
                match ctx.timeout(limit, running).await {
                    Ok(outcome) => Ok(json!(["in time", outcome?])),
                    Err(_elapsed) => Ok(json!("elapsed")),
                }
            })
        }
    }
}

/// Waits for all, as the `when_all` of other SDKs does; of several failures the first in time counts.
async fn all(running: Vec<Running>) -> Result<Value, TaskError> {
    let first = Rc::new(RefCell::new(None));
    let watched = running.into_iter().map(|running| {
        let first = Rc::clone(&first);
        async move {
            running
                .await
                .map_err(|error| {
                    first.borrow_mut().get_or_insert(error);
                })
                .unwrap_or_default()
        }
    });
    let outcomes = join_all(watched).await;
    match first.take() {
        None => Ok(Value::Array(outcomes)),
        Some(error) => Err(error),
    }
}

fn policy(retry: &Retry) -> RetryPolicy {
    let policy = RetryPolicy::new(retry.attempts, Duration::from_secs(retry.first_interval))
        .backoff(retry.backoff);
    match retry.max_interval {
        Some(seconds) => policy.max_interval(Duration::from_secs(seconds)),
        None => policy,
    }
}

/// A number that both interpreters make of an outcome, to branch by.
fn number(outcome: &Value) -> i64 {
    match outcome {
        Value::Number(number) => number.as_i64().unwrap_or(0),
        Value::Array(outcomes) => outcomes.iter().map(number).sum(),
        Value::Object(_) => 1,
        _ => 0,
    }
}
