//! The calls of recorded clients, over gRPC and over HTTP: codes, texts, headers and every member of a reply must be
//! those of the real host.
//!
//! The order of calls and work is the recorded one. A turn waits for the calls that were recorded before it, and a call
//! for the states that the turns before it lead to. Times, ids that a host makes up, the key and stack traces are not
//! compared.

mod calls;
mod fixture;
mod handler;
mod normal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use local_host::http::Management;
use local_host::hub::{Extension, Hub, HubOptions};
use serde_json::{Value, json};

use self::fixture::{Fixture, GrpcCall, HttpCall, Step, load};
use self::handler::{Recorded, is_made_up};
use super::support::{Client, Log, options};
use crate::support::{Host, Options};

/// Replies that differ from the recorded ones: case, number of the exchange, reason.
const DIFFERENT: &[(&str, u32, &str)] = &[
    ("entity-signal", 16, ENTITIES),
    ("entity-signal", 17, ENTITIES),
    ("entity-signal", 18, ENTITIES),
    (
        "entity-signal",
        27,
        "the entity without a function and the one without a state are cleaned at once",
    ),
    (
        "grpc-query",
        24,
        "a query for no rows would be answered with an empty page and a token for ever",
    ),
    (
        "http-api",
        73,
        "the start of an id that begins with @ slows down a real task hub, so it is refused",
    ),
    ("version", 31, VERSION),
    ("version", 33, VERSION),
    ("version", 34, VERSION),
    ("version", 35, VERSION),
];

/// States that only our host leads to: case, number of the exchange, instance, state. The fixture has no wait for
/// them, and without one a reply differs only if the turn is faster than the call.
const OUR_STATES: &[(&str, u32, &str, &str)] = &[("version", 31, "version.higher", "Failed")];

const VERSION: &str = "a real host leaves an instance of a higher version Pending for ever";
const ENTITIES: &str = "the real task hub had entities of other cases";

macro_rules! cases {
    ($($test:ident: $case:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                replay($case).await;
            }
        )*
    };
}

cases! {
    chain: "chain",
    duplicate_id: "duplicate-id",
    entity_signal: "entity-signal",
    event: "event",
    grpc_hello: "grpc-hello",
    grpc_history: "grpc-history",
    grpc_manage: "grpc-manage",
    grpc_query: "grpc-query",
    grpc_start: "grpc-start",
    grpc_wait: "grpc-wait",
    http_api: "http-api",
    http_host: "http-host",
    http_list: "http-list",
    inputs: "inputs",
    inputs_grpc: "inputs-grpc",
    instance_id_odd: "instance-id-odd",
    instance_id_plus: "instance-id-plus",
    purge: "purge",
    purge_filter: "purge-filter",
    restart: "restart",
    reuse_policy: "reuse-policy",
    rewind: "rewind",
    rewind_own_failure: "rewind-own-failure",
    rewind_sub: "rewind-sub",
    scheduled_start: "scheduled-start",
    sub: "sub",
    sub_fails: "sub-fails",
    suspend_resume: "suspend-resume",
    suspend_terminate: "suspend-terminate",
    tags: "tags",
    terminate_idle: "terminate-idle",
    terminate_no_reason: "terminate-no-reason",
    terminate_pending: "terminate-pending",
    terminate_recursive: "terminate-recursive",
    timer: "timer",
    version: "version",
}

async fn replay(case: &str) {
    let fixture = load(case);
    let player = Player::start(&fixture).await;
    let mut differences = Vec::new();
    let mut tokens = HashMap::new();
    for step in &fixture.exchanges {
        let (n, after) = match step {
            Step::Http(call) => (call.n, &call.after),
            Step::Grpc(call) => (call.n, &call.after),
            Step::Turn { .. } | Step::Activity { .. } | Step::Batch { .. } => continue,
        };
        for (id, state) in after {
            player.settle(case, id, state).await;
        }
        for (_, _, id, state) in OUR_STATES.iter().filter(|it| (it.0, it.1) == (case, n)) {
            player.settle(case, id, state).await;
        }
        let (ours, theirs) = match step {
            Step::Http(call) => player.http(call, &mut tokens).await,
            Step::Grpc(call) => player.grpc(call, &mut tokens).await,
            _ => continue,
        };
        player.handler.done(n);
        let is_listed = DIFFERENT.iter().any(|it| (it.0, it.1) == (case, n));
        if (ours != theirs) != is_listed {
            let same = ours
                .bytes()
                .zip(theirs.bytes())
                .take_while(|it| it.0 == it.1);
            let from = same.count().saturating_sub(60);
            let part = |text: &str| {
                let part = text.as_bytes().get(from..).unwrap_or_default();
                String::from_utf8_lossy(part)
                    .chars()
                    .take(400)
                    .collect::<String>()
            };
            let (ours, theirs) = (part(&ours), part(&theirs));
            differences.push(format!("{n}:\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    player.hub.stop().await;
    assert!(differences.is_empty(), "{case}\n{}", differences.join("\n"));
}

struct Player {
    hub: Hub,
    client: Client,
    host: Host,
    handler: Recorded,
}

impl Player {
    async fn start(fixture: &Fixture) -> Self {
        let handler = Recorded::new(fixture);
        let options = HubOptions {
            default_version: fixture.default_version.clone(),
            // What 3.14.1 was recorded with is the same with 3.19.0, unless it was recorded again.
            extension: Extension::V3_19,
            ..options()
        };
        let invoke = Arc::new(handler.clone());
        let log = Log::default().sink();
        let hub = Hub::start(options, fixture.functions(), invoke, log)
            .await
            .unwrap();
        let managed = hub.clone();
        let management: Management = Arc::new(move |request| {
            let hub = managed.clone();
            Box::pin(async move { hub.manage(request).await })
        });
        let host = Host::start_options(Options {
            management: Some(management),
            ..Options::default()
        })
        .await;
        Self {
            client: Client::connect(&hub).await,
            hub,
            host,
            handler,
        }
    }

    /// Waits until the turns before a call have taken effect.
    async fn settle(&self, case: &str, id: &str, state: &str) {
        let id = &self.handler.with_our_ids(id);
        let limit = Duration::from_secs(30);
        let settled = if let Some(state) = state.strip_prefix("state") {
            let state = state.strip_prefix(':').map(str::to_owned);
            let waiting = self
                .hub
                .wait_for_entity(id, move |seen| seen.serialized_state == state);
            tokio::time::timeout(limit, waiting).await.is_ok()
        } else {
            let state = state.to_owned();
            let waiting = self.hub.wait_for(id, move |seen| {
                format!("{:?}", seen.orchestration_status()) == state
            });
            tokio::time::timeout(limit, waiting).await.is_ok()
        };
        assert!(settled, "{case}: '{id}' did not become {state}");
    }

    async fn http(
        &self,
        call: &HttpCall,
        tokens: &mut HashMap<String, String>,
    ) -> (String, String) {
        // It waits for turns that were recorded behind it.
        if call.target.contains("timeout=") {
            self.handler.done(call.n);
        }
        let body = call.body.clone().unwrap_or_default();
        let mut headers = call.headers.clone();
        for (name, value) in &mut headers {
            if name == "x-ms-continuation-token"
                && let Some(ours) = tokens.get(value)
            {
                value.clone_from(ours);
            }
        }
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
        let request = json!({
            "method": call.method,
            "target": format!("/runtime/webhooks/durabletask{}", self.handler.with_our_ids(&call.target)),
            "headers": headers,
            "body": body,
        });
        let reply = self.host.send(&request).await;
        let token = "x-ms-continuation-token";
        let recorded = call.reply_headers.iter().find(|(name, _)| name == token);
        if let (Some((_, theirs)), Some(ours)) = (recorded, reply.header(token)) {
            tokens.insert(theirs.clone(), ours.to_owned());
        }
        if let (Some(ours), Some(theirs)) = (id_of(reply.text()), id_of(&call.reply)) {
            self.handler.learn(&ours, &theirs);
        }
        let shown = |name: &str, value: &str| match name {
            "x-ms-continuation-token" => format!("{name}: …"),
            _ => format!("{name}: {value}"),
        };
        let named = |name: &str| {
            ["content-type", "location", "retry-after", token]
                .contains(&name.to_lowercase().as_str())
        };
        let mut ours: Vec<String> = reply
            .headers()
            .iter()
            .filter(|(name, _)| named(name))
            .map(|(name, value)| shown(name, value))
            .collect();
        let mut theirs: Vec<String> = call
            .reply_headers
            .iter()
            .filter(|(name, _)| named(name))
            .map(|(name, value)| shown(&name.to_lowercase(), value))
            .collect();
        ours.sort();
        theirs.sort();
        let key = self.key();
        let mut body = normal::body(&reply.text().replace(&key, "SYSTEM_KEY"));
        // Of several starts only the first was recorded to its end.
        let recorded = match call.reply.strip_suffix(",…") {
            None => normal::body(&call.reply),
            Some(start) => {
                let start = normal::text(start);
                body.truncate(start.len().min(body.len()));
                start
            }
        };
        let ours = format!("{} {ours:?} {body}", reply.status).replace(&key, "SYSTEM_KEY");
        let theirs = format!("{} {theirs:?} {recorded}", call.status);
        (normal::text(&ours), normal::text(&theirs))
    }

    fn key(&self) -> String {
        let binding: Value = serde_json::from_str(&self.hub.client_binding(None, None)).unwrap();
        let query = binding["requiredQueryStringParameters"].as_str().unwrap();
        query.trim_start_matches("code=").to_owned()
    }

    async fn grpc(
        &self,
        call: &GrpcCall,
        tokens: &mut HashMap<String, String>,
    ) -> (String, String) {
        let (ours, theirs) = calls::replay(&self.client, call, tokens).await;
        (normal::text(&ours), normal::text(&theirs))
    }
}

/// The id in the answer to a start, if the host made it up.
fn id_of(reply: &str) -> Option<String> {
    let rest = reply.strip_prefix("{\"id\":\"")?;
    let (id, _) = rest.split_once('"')?;
    is_made_up(id).then(|| id.to_owned())
}
