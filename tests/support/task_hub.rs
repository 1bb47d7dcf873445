//! The task hub behind a host, over the gRPC service that the `durableClient` binding names: for what no client of the
//! function app can do, such as to suspend a job.

use axum::http::uri::PathAndQuery;
use durable_functions::DurableClient;
use durable_protocol::{
    messages::{
        CreateInstanceRequest, CreateInstanceResponse, RaiseEventRequest, RaiseEventResponse,
        ResumeRequest, ResumeResponse, SignalEntityRequest, SignalEntityResponse, SuspendRequest,
        SuspendResponse, TerminateRequest, TerminateResponse,
    },
    service,
};
use reqwest::Method;
use tonic::{
    Request, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{host::Host, http::Answer};

/// The task hub of a host whose handler gives its binding away, as those in tests/apps do.
pub(crate) struct TaskHub {
    client: DurableClient,
    channel: Channel,
}

impl TaskHub {
    pub(crate) async fn of(host: &Host) -> Self {
        let client = host.client();
        let url = client.url("/api/client-binding");
        let answer = client.request_unsearched(Method::GET, &url, None, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Self::open(&answer)
    }

    /// The same where the host or the handler may have died: `None` without an answer of the handler.
    pub(crate) async fn try_of(host: &Host) -> Option<Self> {
        let client = host.client();
        let url = client.url("/api/client-binding");
        let answer = client.try_request(Method::GET, &url, None, "").await.ok()?;
        (answer.status == 200).then(|| Self::open(&answer))
    }

    fn open(answer: &Answer) -> Self {
        let binding = answer.json();
        let address = binding["rpcBaseUrl"].as_str().unwrap().to_owned();
        Self {
            client: DurableClient::from_binding(&answer.body).unwrap(),
            channel: Endpoint::from_shared(address).unwrap().connect_lazy(),
        }
    }

    pub(crate) fn client(&self) -> &DurableClient {
        &self.client
    }

    /// Starts an instance that stays pending for an hour.
    pub(crate) async fn start_in_an_hour(&self, orchestrator: &str, id: &str, input: &str) {
        let in_an_hour = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        let request = CreateInstanceRequest {
            instance_id: id.to_owned(),
            name: orchestrator.to_owned(),
            input: Some(input.to_owned()),
            scheduled_start_timestamp: Some(in_an_hour.into()),
            ..CreateInstanceRequest::default()
        };
        let _: CreateInstanceResponse = self.call("StartInstance", request).await;
    }

    pub(crate) async fn suspend(&self, id: &str, reason: &str) {
        let request = SuspendRequest {
            instance_id: id.to_owned(),
            reason: Some(reason.to_owned()),
        };
        let _: SuspendResponse = self.call("SuspendInstance", request).await;
    }

    pub(crate) async fn resume(&self, id: &str) {
        let request = ResumeRequest {
            instance_id: id.to_owned(),
            reason: None,
        };
        let _: ResumeResponse = self.call("ResumeInstance", request).await;
    }

    pub(crate) async fn terminate(&self, id: &str, reason: &str) {
        let request = TerminateRequest {
            instance_id: id.to_owned(),
            output: Some(reason.to_owned()),
            recursive: false,
        };
        let _: TerminateResponse = self.call("TerminateInstance", request).await;
    }

    /// Raises an event. With `Ok` it has arrived.
    pub(crate) async fn raise(&self, id: &str, name: &str, input: &str) -> Result<(), Status> {
        let request = RaiseEventRequest {
            instance_id: id.to_owned(),
            name: name.to_owned(),
            input: Some(input.to_owned()),
        };
        let _: RaiseEventResponse = self.try_call("RaiseEvent", request).await?;
        Ok(())
    }

    /// Signals an entity. With `Ok` the signal has arrived.
    pub(crate) async fn signal(&self, id: &str, name: &str, input: &str) -> Result<(), Status> {
        let request = SignalEntityRequest {
            instance_id: id.to_owned(),
            name: name.to_owned(),
            input: Some(input.to_owned()),
            request_id: uuid::Uuid::new_v4().to_string(),
            ..SignalEntityRequest::default()
        };
        let _: SignalEntityResponse = self.try_call("SignalEntity", request).await?;
        Ok(())
    }

    async fn call<Q, A>(&self, method: &str, message: Q) -> A
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        self.try_call(method, message).await.unwrap()
    }

    async fn try_call<Q, A>(&self, method: &str, message: Q) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::try_from(format!("{}{method}", service::PATH)).unwrap();
        let call = grpc.unary(Request::new(message), path, ProstCodec::default());
        Ok(call.await?.into_inner())
    }
}
