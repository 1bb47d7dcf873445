//! A small host: it keeps a history as the extension does and asks for turns.

pub(crate) mod entities;
pub(crate) mod rewound;
pub(crate) mod stored;

#[cfg(feature = "tracing-subscriber")]
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::worker::{KeptInstances, OrchestratorFunction, execute};
use durable_functions::{OrchestrationContext, Orchestrator, Result};
use durable_protocol::messages::{
    CompleteOrchestrationAction, EventRaisedEvent, EventType, ExecutionTerminatedEvent,
    HistoryEvent, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
    OrchestratorRequest, OrchestratorResponse, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceFailedEvent, TaskCompletedEvent, TaskFailedEvent, TaskFailureDetails,
    TimerFiredEvent,
};
use prost::Message;
#[cfg(feature = "tracing-subscriber")]
use tracing::{Dispatch, Subscriber, subscriber::NoSubscriber};

use stored::confirmation;
pub(crate) use stored::{START, event};

/// Runs `test` with this subscriber.
///
/// Two other subscribers stay. While a process has only one, `tracing` asks nobody but the current thread whether a line
/// is wanted, and remembers the answer for all threads. So a test without a subscriber could silence the lines of
/// another one.
#[cfg(feature = "tracing-subscriber")]
pub(crate) fn with_subscriber<T>(
    subscriber: impl Subscriber + Send + Sync + 'static,
    test: impl FnOnce() -> T,
) -> T {
    static STAYING: LazyLock<[Dispatch; 2]> =
        LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));
    LazyLock::force(&STAYING);
    tracing::subscriber::with_default(subscriber, test)
}

pub(crate) struct Host {
    function: OrchestratorFunction,
    pub(crate) past: Vec<HistoryEvent>,
    pub(crate) inbox: Vec<HistoryEvent>,
    /// Seconds since [`START`].
    pub(crate) clock: i64,
}

impl Host {
    pub(crate) fn new(function: OrchestratorFunction, input: Option<&str>) -> Self {
        let started = stored::execution_started(function.name(), input, "e1");
        Host {
            function,
            past: Vec::new(),
            inbox: vec![started],
            clock: 0,
        }
    }

    pub(crate) fn function(&self) -> &OrchestratorFunction {
        &self.function
    }

    /// The request of the next turn.
    pub(crate) fn request(&self) -> OrchestratorRequest {
        stored::request(&self.past, self.inbox.iter().cloned(), self.clock)
    }

    /// One turn: the answer, which then becomes history.
    pub(crate) fn turn(&mut self) -> OrchestratorResponse {
        let request = self.request();
        let answer = answer(&self.function, &request);
        self.store(request, &answer);
        answer
    }

    /// The same by an engine that keeps instances between their turns.
    pub(crate) fn kept_turn(&mut self, kept: &mut KeptInstances) -> OrchestratorResponse {
        let request = self.request();
        let text = STANDARD.encode(request.encode_to_vec());
        let answer = kept.run_turn(&self.function, &text, Instant::now());
        let answer = STANDARD.decode(answer).unwrap();
        let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
        self.store(request, &answer);
        answer
    }

    /// Stores a turn, as a host does once it has the answer.
    pub(crate) fn store(&mut self, request: OrchestratorRequest, answer: &OrchestratorResponse) {
        self.past.extend(request.new_events);
        self.inbox.clear();
        for action in &answer.actions {
            if let Some(kind) = confirmation(action) {
                self.past.push(event(action.id, kind, self.clock));
            }
        }
        self.end_turn();
    }

    fn end_turn(&mut self) {
        self.past.push(stored::turn_ended(self.clock));
        self.clock += 1;
    }

    /// A turn whose answer never arrives: the host fails the instance, and no action of it happens.
    pub(crate) fn cut(&mut self) -> &mut Self {
        let request = self.request();
        answer(&self.function, &request);
        self.past.extend(request.new_events);
        self.inbox.clear();
        self.ended(0);
        self.end_turn();
        self
    }

    fn ended(&mut self, id: i32) {
        self.past.push(stored::execution_failed(id, self.clock));
    }

    /// A turn that fails the instance. What came for it in the meantime is thrown away.
    pub(crate) fn fail(&mut self) -> OrchestratorResponse {
        let request = self.request();
        let answer = answer(&self.function, &request);
        failure(&answer);
        self.past.extend(request.new_events);
        self.inbox.clear();
        for action in &answer.actions {
            match confirmation(action) {
                Some(kind) => self.past.push(event(action.id, kind, self.clock)),
                None => self.ended(action.id),
            }
        }
        self.end_turn();
        answer
    }

    /// A client rewinds the failed instance.
    pub(crate) fn rewound(&mut self, reason: Option<&str>) -> &mut Self {
        let message = rewound::rewind(&mut self.past, reason);
        self.deliver(message)
    }

    /// The same for an instance that gets no message, because its failed child is rewound instead.
    pub(crate) fn rewound_silently(&mut self) -> &mut Self {
        rewound::rewind(&mut self.past, None);
        self
    }

    pub(crate) fn completed(&mut self, id: i32, result: &str) -> &mut Self {
        self.deliver(EventType::TaskCompleted(TaskCompletedEvent {
            task_scheduled_id: id,
            result: Some(result.to_owned()),
        }))
    }

    pub(crate) fn failed(&mut self, id: i32, error_type: &str, message: &str) -> &mut Self {
        self.deliver(EventType::TaskFailed(Box::new(TaskFailedEvent {
            task_scheduled_id: id,
            failure_details: Some(TaskFailureDetails {
                error_type: error_type.to_owned(),
                error_message: message.to_owned(),
                ..Default::default()
            }),
        })))
    }

    pub(crate) fn fired(&mut self, id: i32) -> &mut Self {
        self.deliver(EventType::TimerFired(TimerFiredEvent {
            timer_id: id,
            fire_at: None,
        }))
    }

    pub(crate) fn terminated(&mut self, reason: &str) -> &mut Self {
        self.deliver(EventType::ExecutionTerminated(ExecutionTerminatedEvent {
            input: Some(reason.to_owned()),
            recurse: false,
        }))
    }

    pub(crate) fn raised(&mut self, name: &str, payload: Option<&str>) -> &mut Self {
        self.deliver(EventType::EventRaised(EventRaisedEvent {
            name: name.to_owned(),
            input: payload.map(str::to_owned),
        }))
    }

    pub(crate) fn suspended(&mut self) -> &mut Self {
        self.deliver(EventType::ExecutionSuspended(Default::default()))
    }

    pub(crate) fn resumed(&mut self) -> &mut Self {
        self.deliver(EventType::ExecutionResumed(Default::default()))
    }

    pub(crate) fn child_completed(&mut self, id: i32, output: &str) -> &mut Self {
        self.deliver(EventType::SubOrchestrationInstanceCompleted(
            SubOrchestrationInstanceCompletedEvent {
                task_scheduled_id: id,
                result: Some(output.to_owned()),
            },
        ))
    }

    pub(crate) fn child_failed(
        &mut self,
        id: i32,
        details: Option<TaskFailureDetails>,
    ) -> &mut Self {
        self.deliver(EventType::SubOrchestrationInstanceFailed(Box::new(
            SubOrchestrationInstanceFailedEvent {
                task_scheduled_id: id,
                failure_details: details,
            },
        )))
    }

    pub(crate) fn deliver(&mut self, kind: EventType) -> &mut Self {
        let event = event(-1, kind, self.clock);
        self.inbox.push(event);
        self
    }
}

/// Runs one turn through the engine, twice: the same bytes must give the same answer.
pub(crate) fn answer(
    function: &OrchestratorFunction,
    request: &OrchestratorRequest,
) -> OrchestratorResponse {
    let request = request.encode_to_vec();
    let first = execute(function, request.clone()).unwrap();
    let second = execute(function, request).unwrap();
    assert_eq!(first, second, "the same request gave two answers");
    OrchestratorResponse::decode(first.as_slice()).unwrap()
}

/// The actions in short: `#0 echo("x")`, `#1 timer +2`, `#2 Completed("y")`.
pub(crate) fn actions(answer: &OrchestratorResponse) -> Vec<String> {
    answer.actions.iter().map(describe).collect()
}

fn describe(action: &OrchestratorAction) -> String {
    let id = action.id;
    match action.orchestrator_action_type.as_ref().unwrap() {
        OrchestratorActionType::ScheduleTask(task) => {
            format!(
                "#{id} {}({})",
                task.name,
                task.input.as_deref().unwrap_or("")
            )
        }
        OrchestratorActionType::CreateTimer(timer) => {
            format!("#{id} timer +{}", timer.fire_at.unwrap().seconds - START)
        }
        OrchestratorActionType::CreateSubOrchestration(child) => format!(
            "#{id} child {} {}({})",
            child.instance_id,
            child.name,
            child.input.as_deref().unwrap_or("")
        ),
        OrchestratorActionType::SendEvent(sent) => format!(
            "#{id} {} to {}: {}",
            sent.name,
            sent.instance.as_ref().unwrap().instance_id,
            sent.data.as_deref().unwrap_or("")
        ),
        OrchestratorActionType::CompleteOrchestration(end) => {
            format!("#{id} {}", describe_end(end))
        }
        other => format!("#{id} {other:?}"),
    }
}

fn describe_end(end: &CompleteOrchestrationAction) -> String {
    let status = OrchestrationStatus::try_from(end.orchestration_status).unwrap();
    match &end.failure_details {
        Some(failure) => format!(
            "{status:?} {}: {}",
            failure.error_type, failure.error_message
        ),
        None => {
            let carried: Vec<_> = end.carryover_events.iter().map(describe_carried).collect();
            let result = end.result.as_deref().unwrap_or("");
            format!("{status:?}({result}){}", carried.concat())
        }
    }
}

fn describe_carried(event: &HistoryEvent) -> String {
    match event.event_type.as_ref().unwrap() {
        EventType::EventRaised(raised) => {
            format!(
                " +{}={}",
                raised.name,
                raised.input.as_deref().unwrap_or("")
            )
        }
        other => panic!("only raised events are carried over: {other:?}"),
    }
}

/// The type and message of the failure that the answer ends the instance with.
pub(crate) fn failure(answer: &OrchestratorResponse) -> TaskFailureDetails {
    let last = answer
        .actions
        .last()
        .and_then(|action| action.orchestrator_action_type.as_ref());
    match last {
        Some(OrchestratorActionType::CompleteOrchestration(end)) => {
            end.failure_details.clone().unwrap()
        }
        other => panic!("no completion: {other:?}"),
    }
}

/// The handle of what [`orchestrator`] makes.
pub(crate) const fn this<I, O>() -> Orchestrator<I, O> {
    Orchestrator::new("orchestrator")
}

/// An orchestrator under the name `orchestrator`.
pub(crate) fn orchestrator<I, O, F, Fut>(function: F) -> OrchestratorFunction
where
    I: serde::de::DeserializeOwned + 'static,
    O: serde::Serialize + 'static,
    F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + 'static,
{
    OrchestratorFunction::new(this(), function)
}

pub(crate) fn at(clock: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(START + clock).unwrap())
}
