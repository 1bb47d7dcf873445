//! The sidecars that the scenarios run on, and their clients.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use durable_functions::worker::Worker;
use durable_functions::{
    DurableClient, Instance, Orchestrator, RuntimeStatus, Status as InstanceStatus,
};
use durable_protocol::messages::{
    HistoryChunk, HistoryEvent, PurgeInstancesRequest, PurgeInstancesResponse, PurgeTarget,
    RaiseEventRequest, RaiseEventResponse, RestartInstanceRequest, RestartInstanceResponse,
    ResumeRequest, ResumeResponse, RewindInstanceRequest, RewindInstanceResponse,
    StreamInstanceHistoryRequest, SuspendRequest, SuspendResponse, TerminateRequest,
    TerminateResponse,
};
use http::uri::PathAndQuery;
use local_host::hub::{Hub, Storage};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::serving::LIMIT;
use crate::oracle::python::environment;

/// A sidecar of its own for a test.
pub(super) struct Sidecar {
    pub(super) address: String,
    kind: Kind,
}

enum Kind {
    Peer(Process),
    LocalHost(Hub),
}

/// The in-memory backend of PyPI's durabletask.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Sidecar {
    /// The in-memory backend of PyPI's durabletask.
    pub(super) async fn peer() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/worker/backend.py");
        let mut child = Command::new(environment())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python interpreter of the test environment starts");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        Sidecar {
            address: format!("http://127.0.0.1:{}", port.trim()),
            kind: Kind::Peer(Process { child, output }),
        }
    }

    /// The task hub of local-host, as it serves workers.
    pub(super) async fn local_host() -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let hub = Hub::serve_workers(
            "TestHub".to_owned(),
            Storage::default(),
            any_port,
            Arc::new(|level, text| println!("{level:?}: {text}")),
        );
        let hub = hub.await.unwrap();
        Sidecar {
            address: format!("http://{}", hub.address()),
            kind: Kind::LocalHost(hub),
        }
    }

    /// Waits until the peer has noticed that a worker closed its stream. local-host needs no waiting: it gives
    /// the work of a closed stream to another worker, whenever it notices.
    pub(super) fn stream_ended(&mut self) {
        if let Kind::Peer(process) = &mut self.kind {
            let mut line = String::new();
            process.output.read_line(&mut line).unwrap();
            assert!(line.starts_with("closed "), "{line}");
        }
    }

    /// Ends the sidecar. How much work was delivered again after each stream that has ended since the last
    /// call of `stream_ended`; only the peer knows.
    pub(super) async fn end(self) -> Option<Vec<usize>> {
        match self.kind {
            Kind::Peer(mut process) => {
                process.child.kill().unwrap();
                let mut rest = String::new();
                process.output.read_to_string(&mut rest).unwrap();
                // The peer may have been killed in the middle of a line.
                let lines = rest
                    .split_inclusive('\n')
                    .filter_map(|line| line.strip_suffix('\n'));
                let counts = lines.map(|line| line.strip_prefix("closed "));
                Some(counts.map(|it| it.unwrap().parse().unwrap()).collect())
            }
            Kind::LocalHost(hub) => {
                hub.stop().await;
                None
            }
        }
    }

    pub(super) fn worker(&self) -> Worker {
        worker_at(&self.address)
    }

    pub(super) fn client(&self) -> DurableClient {
        DurableClient::connect(&self.address).unwrap()
    }

    /// Runs one instance to its end.
    pub(super) async fn run<I: Serialize, O: 'static>(
        &self,
        orchestrator: Orchestrator<I, O>,
        input: &I,
    ) -> InstanceStatus<O> {
        let instance = self.client().start(orchestrator, input).await.unwrap();
        ended(&instance).await
    }

    async fn grpc<Q>(&self, method: &str, message: Q) -> (Grpc<Channel>, Request<Q>, PathAndQuery) {
        let channel = Endpoint::from_shared(self.address.clone()).unwrap();
        let mut grpc = Grpc::new(channel.connect_lazy());
        grpc.ready().await.unwrap();
        let path = format!("/TaskHubSidecarService/{method}");
        (grpc, Request::new(message), path.parse().unwrap())
    }

    pub(super) async fn call<Q, A>(&self, method: &str, message: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let (mut grpc, request, path) = self.grpc(method, message).await;
        let answer = grpc.unary(request, path, ProstCodec::default()).await?;
        Ok(answer.into_inner())
    }

    pub(super) async fn history(&self, id: &str) -> Vec<HistoryEvent> {
        let request = StreamInstanceHistoryRequest {
            instance_id: id.to_owned(),
            ..Default::default()
        };
        let (mut grpc, request, path) = self.grpc("StreamInstanceHistory", request).await;
        let codec = ProstCodec::<StreamInstanceHistoryRequest, HistoryChunk>::default();
        let stream = grpc.server_streaming(request, path, codec).await.unwrap();
        let mut stream = stream.into_inner();
        let mut events = Vec::new();
        while let Some(chunk) = stream.message().await.unwrap() {
            events.extend(chunk.events);
        }
        events
    }

    /// Raises an event; the payload is JSON text.
    pub(super) async fn raise(&self, id: &str, event: &str, payload: &str) {
        let request = RaiseEventRequest {
            instance_id: id.to_owned(),
            name: event.to_owned(),
            input: Some(payload.to_owned()),
        };
        let _: RaiseEventResponse = self.call("RaiseEvent", request).await.unwrap();
    }

    pub(super) async fn suspend(&self, id: &str) {
        let request = SuspendRequest {
            instance_id: id.to_owned(),
            reason: None,
        };
        let _: SuspendResponse = self.call("SuspendInstance", request).await.unwrap();
        self.until(id, |status| {
            status.runtime_status == RuntimeStatus::Suspended
        })
        .await;
    }

    pub(super) async fn resume(&self, id: &str) {
        let request = ResumeRequest {
            instance_id: id.to_owned(),
            reason: None,
        };
        let _: ResumeResponse = self.call("ResumeInstance", request).await.unwrap();
    }

    /// Terminates an instance; the output is JSON text.
    pub(super) async fn terminate(&self, id: &str, output: &str, recursive: bool) {
        let request = TerminateRequest {
            instance_id: id.to_owned(),
            output: Some(output.to_owned()),
            recursive,
        };
        let _: TerminateResponse = self.call("TerminateInstance", request).await.unwrap();
    }

    /// Forgets an instance. How many there were.
    pub(super) async fn purge(&self, id: &str) -> i32 {
        let request = PurgeInstancesRequest {
            request: Some(PurgeTarget::InstanceId(id.to_owned())),
            ..Default::default()
        };
        let answer: PurgeInstancesResponse = self.call("PurgeInstances", request).await.unwrap();
        answer.deleted_instance_count
    }

    /// Runs an instance that has ended once more. The id of the new one.
    pub(super) async fn restart(&self, id: &str, with_new_id: bool) -> String {
        let request = RestartInstanceRequest {
            instance_id: id.to_owned(),
            restart_with_new_instance_id: with_new_id,
        };
        let answer: RestartInstanceResponse = self.call("RestartInstance", request).await.unwrap();
        answer.instance_id
    }

    pub(super) async fn rewind(&self, id: &str, reason: Option<&str>) -> Result<(), Status> {
        let request = RewindInstanceRequest {
            instance_id: id.to_owned(),
            reason: reason.map(str::to_owned),
        };
        let answer: Result<RewindInstanceResponse, _> = self.call("RewindInstance", request).await;
        answer.map(drop)
    }

    /// Waits until an instance has this status. Only for what no call of the protocol waits for.
    pub(super) async fn until(&self, id: &str, wanted: impl Fn(&InstanceStatus) -> bool) {
        let client = self.client();
        let poll = async {
            loop {
                let status = client.status(id).await.unwrap();
                if status.as_ref().is_some_and(&wanted) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, poll).await.unwrap();
    }

    /// Waits until the code of an instance has set the custom status `waiting`.
    pub(super) async fn until_waiting(&self, id: &str) {
        self.until(id, |status| {
            status.custom_status.as_deref() == Some("\"waiting\"")
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input ends the process; what waits inside it must not keep the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A worker that connects again quickly.
pub(super) fn worker_at(address: &str) -> Worker {
    Worker::new(address).reconnect_pauses(Duration::from_millis(5), Duration::from_millis(50))
}

pub(super) async fn ended<O>(instance: &Instance<O>) -> InstanceStatus<O> {
    instance.wait(LIMIT).await.unwrap()
}

/// The output of an instance that has completed.
pub(super) fn output<T: DeserializeOwned>(status: &InstanceStatus<impl Sized>) -> T {
    let status = status.clone().typed::<T>();
    status
        .output()
        .unwrap()
        .unwrap_or_else(|| panic!("{status:?}"))
}
