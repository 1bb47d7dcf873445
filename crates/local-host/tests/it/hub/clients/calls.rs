//! Calls of the gRPC service, each with the types of its method.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_protocol::messages::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, CreateInstanceRequest,
    CreateInstanceResponse, GetEntityRequest, GetEntityResponse, GetInstanceRequest,
    GetInstanceResponse, HistoryChunk, PurgeInstancesRequest, PurgeInstancesResponse,
    QueryEntitiesRequest, QueryEntitiesResponse, QueryInstancesRequest, QueryInstancesResponse,
    RaiseEventRequest, RaiseEventResponse, RestartInstanceRequest, RestartInstanceResponse,
    ResumeRequest, ResumeResponse, RewindInstanceRequest, RewindInstanceResponse,
    SignalEntityRequest, SignalEntityResponse, StreamInstanceHistoryRequest, SuspendRequest,
    SuspendResponse, TerminateRequest, TerminateResponse,
};
use prost::Message;
use tonic::{Request, Status};

use super::super::support::Client;
use super::fixture::GrpcCall;

/// How long a call that was recorded until its deadline is waited for here.
const DEADLINE: Duration = Duration::from_millis(200);

/// Recorded continuation tokens and ours.
type Tokens = HashMap<String, String>;

/// Makes a recorded call. Our outcome and the recorded one as texts.
pub(super) async fn replay(
    client: &Client,
    call: &GrpcCall,
    tokens: &mut Tokens,
) -> (String, String) {
    match call.method.as_str() {
        "StartInstance" => {
            let soon = |request: &mut CreateInstanceRequest| {
                if let Some(time) = &mut request.scheduled_start_timestamp {
                    *time = (SystemTime::now() + Duration::from_millis(50)).into();
                }
            };
            unary::<CreateInstanceRequest, CreateInstanceResponse>(client, call, soon).await
        }
        "GetInstance" | "WaitForInstanceStart" | "WaitForInstanceCompletion" => {
            unary::<GetInstanceRequest, GetInstanceResponse>(client, call, |_| {}).await
        }
        "RaiseEvent" => unary::<RaiseEventRequest, RaiseEventResponse>(client, call, |_| {}).await,
        "TerminateInstance" => {
            unary::<TerminateRequest, TerminateResponse>(client, call, |_| {}).await
        }
        "SuspendInstance" => unary::<SuspendRequest, SuspendResponse>(client, call, |_| {}).await,
        "ResumeInstance" => unary::<ResumeRequest, ResumeResponse>(client, call, |_| {}).await,
        "RewindInstance" => {
            unary::<RewindInstanceRequest, RewindInstanceResponse>(client, call, |_| {}).await
        }
        "RestartInstance" => {
            unary::<RestartInstanceRequest, RestartInstanceResponse>(client, call, |_| {}).await
        }
        "PurgeInstances" => {
            unary::<PurgeInstancesRequest, PurgeInstancesResponse>(client, call, |_| {}).await
        }
        "SignalEntity" => {
            unary::<SignalEntityRequest, SignalEntityResponse>(client, call, |_| {}).await
        }
        "GetEntity" => unary::<GetEntityRequest, GetEntityResponse>(client, call, |_| {}).await,
        "CleanEntityStorage" => {
            unary::<CleanEntityStorageRequest, CleanEntityStorageResponse>(client, call, |_| {})
                .await
        }
        "QueryInstances" => {
            let known = tokens.clone();
            let page = |request: &mut QueryInstancesRequest| {
                if let Some(query) = &mut request.query {
                    replace(&mut query.continuation_token, &known);
                }
            };
            let (ours, theirs) =
                outcomes::<QueryInstancesRequest, QueryInstancesResponse>(client, call, page).await;
            let token = |it: &mut QueryInstancesResponse| it.continuation_token.take();
            paged(ours, theirs, token, tokens)
        }
        "QueryEntities" => {
            let (ours, theirs) =
                outcomes::<QueryEntitiesRequest, QueryEntitiesResponse>(client, call, |_| {}).await;
            let token = |it: &mut QueryEntitiesResponse| it.continuation_token.take();
            paged(ours, theirs, token, tokens)
        }
        "StreamInstanceHistory" => history(client, call).await,
        // Messages that are empty or not read.
        _ => unary::<(), ()>(client, call, |()| {}).await,
    }
}

fn replace(token: &mut Option<String>, known: &Tokens) {
    if let Some(text) = token
        && let Some(ours) = known.get(text)
    {
        text.clone_from(ours);
    }
}

/// The tokens are compared by what they lead to.
fn paged<T: Debug>(
    mut ours: Outcome<T>,
    mut theirs: Outcome<T>,
    token: fn(&mut T) -> Option<String>,
    tokens: &mut Tokens,
) -> (String, String) {
    let our_token = ours.as_mut().ok().and_then(token);
    let their_token = theirs.as_mut().ok().and_then(token);
    let flags = (our_token.is_some(), their_token.is_some());
    if let (Some(ours), Some(theirs)) = (our_token, their_token) {
        tokens.insert(theirs, ours);
    }
    (
        format!("{ours:?} token: {}", flags.0),
        format!("{theirs:?} token: {}", flags.1),
    )
}

/// The reply, or code and text.
type Outcome<T> = Result<T, String>;

async fn unary<Req, Res>(
    client: &Client,
    call: &GrpcCall,
    change: impl FnOnce(&mut Req),
) -> (String, String)
where
    Req: Message + Default + 'static,
    Res: Message + Default + Debug + 'static,
{
    let (ours, theirs) = outcomes::<Req, Res>(client, call, change).await;
    (format!("{ours:?}"), format!("{theirs:?}"))
}

async fn outcomes<Req, Res>(
    client: &Client,
    call: &GrpcCall,
    change: impl FnOnce(&mut Req),
) -> (Outcome<Res>, Outcome<Res>)
where
    Req: Message + Default + 'static,
    Res: Message + Default + 'static,
{
    let answer = client.call::<Req, Res>(&call.method, request(call, change));
    let ours = if call.code == "DEADLINE_EXCEEDED" {
        match tokio::time::timeout(DEADLINE, answer).await {
            Err(_) => Err("DEADLINE_EXCEEDED".to_owned()),
            Ok(answer) => answer.map_err(|status| refusal(&status)),
        }
    } else {
        answer.await.map_err(|status| refusal(&status))
    };
    let theirs = recorded(call, || decode(call.replies.first()));
    (ours, theirs)
}

async fn history(client: &Client, call: &GrpcCall) -> (String, String) {
    let message: StreamInstanceHistoryRequest = decode(Some(&call.request));
    let ours = match client.streaming("StreamInstanceHistory", message).await {
        Err(status) => Err(refusal(&status)),
        Ok(mut chunks) => {
            let mut events = Vec::new();
            while let Some(chunk) = chunks.message().await.unwrap() {
                let chunk: HistoryChunk = chunk;
                events.extend(chunk.events);
            }
            Ok(events)
        }
    };
    let theirs = recorded(call, || {
        let chunks = call.replies.iter();
        let chunks = chunks.map(|chunk| decode::<HistoryChunk>(Some(chunk)).events);
        chunks.flatten().collect::<Vec<_>>()
    });
    (format!("{ours:#?}"), format!("{theirs:#?}"))
}

fn request<Req: Message + Default>(call: &GrpcCall, change: impl FnOnce(&mut Req)) -> Request<Req> {
    let mut message = decode(Some(&call.request));
    change(&mut message);
    let mut request = Request::new(message);
    if let Some(hub) = &call.hub {
        let metadata = request.metadata_mut();
        metadata.insert("durable-taskhub", hub.parse().unwrap());
    }
    request
}

fn recorded<T>(call: &GrpcCall, reply: impl FnOnce() -> T) -> Outcome<T> {
    match call.code.as_str() {
        "OK" => Ok(reply()),
        // The client's own text.
        "DEADLINE_EXCEEDED" => Err(call.code.clone()),
        // A real host says nothing more.
        "UNIMPLEMENTED" => Err(call.code.clone()),
        code => {
            let details = call.details.clone().unwrap_or_default();
            Err(format!("{code}: {details}"))
        }
    }
}

fn refusal(status: &Status) -> String {
    let words = format!("{:?}", status.code());
    let mut code = String::new();
    for letter in words.chars() {
        if letter.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(letter.to_ascii_uppercase());
    }
    match code.as_str() {
        "UNIMPLEMENTED" => code,
        _ => format!("{code}: {}", status.message()),
    }
}

fn decode<T: Message + Default>(text: Option<&String>) -> T {
    let bytes = text.map(|text| STANDARD.decode(text).unwrap());
    T::decode(&*bytes.unwrap_or_default()).unwrap()
}
