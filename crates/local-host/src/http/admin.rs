//! The admin API. Locally every caller is Admin: no keys.

use super::app::{App, REASON};
use super::response::ClientResponse;
use crate::binding_data::BindingData;
use crate::functions::Function;
use crate::handler::HOST_VERSION;
use crate::json::{Json, JsonObject, parse_document};
use crate::messages;
use chrono::Utc;
use std::sync::Arc;
use uuid::Uuid;

/// Answers a request below `/admin/`.
pub(super) fn serve(
    app: &Arc<App>,
    method: &str,
    path: &str,
    content_type: Option<&str>,
    body: &[u8],
) -> ClientResponse {
    let lower = path.trim_end_matches('/').to_lowercase();
    let parts: Vec<&str> = lower.split('/').skip(2).collect();
    match (method, parts.as_slice()) {
        ("GET" | "POST", ["host", "ping"]) => ClientResponse {
            headers: vec![
                ("Cache-Control".to_owned(), "no-store,no-cache".to_owned()),
                ("Pragma".to_owned(), "no-cache".to_owned()),
            ],
            ..ClientResponse::empty(200)
        },
        ("GET", ["host", "status"]) => json(&status(app)),
        ("GET", ["functions", name, "status"]) => function_status(app, name),
        ("POST", ["functions", name]) => run(app, name, content_type, body),
        _ => ClientResponse::empty(404),
    }
}

fn json(object: &JsonObject) -> ClientResponse {
    ClientResponse {
        headers: vec![(
            "Content-Type".to_owned(),
            "application/json; charset=utf-8".to_owned(),
        )],
        body: Json::Object(object.clone()).to_compact().into_bytes(),
        ..ClientResponse::empty(200)
    }
}

fn status(app: &App) -> JsonObject {
    let uptime = app.started.elapsed().as_millis();
    let uptime = u64::try_from(uptime).unwrap_or(u64::MAX);
    let mut status = JsonObject::new();
    status.insert("id", "local-host");
    status.insert("state", "Running");
    status.insert("version", HOST_VERSION);
    status.insert(
        "versionDetails",
        concat!("local-host ", env!("CARGO_PKG_VERSION")),
    );
    status.insert("platformVersion", "");
    status.insert("instanceId", "");
    status.insert("computerName", "");
    status.insert("processUptime", uptime);
    status.insert("functionAppContentEditingState", "Unknown");
    status
}

fn function_status(app: &App, name: &str) -> ClientResponse {
    let failed = app
        .functions
        .errors
        .iter()
        .find(|failed| failed.function.eq_ignore_ascii_case(name));
    if let Some(failed) = failed {
        let errors = vec![Json::from(failed.error.as_str())];
        return json(&JsonObject::from_iter([("errors", errors)]));
    }
    match find(app, name) {
        Some(_) => json(&JsonObject::new()),
        None => ClientResponse::empty(404),
    }
}

fn find<'a>(app: &'a App, name: &str) -> Option<&'a Function> {
    app.functions
        .usable
        .iter()
        .find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Refuses a request with a text for people. A real host's answer would be empty.
fn bad_request(text: String) -> ClientResponse {
    ClientResponse {
        headers: vec![(
            "Content-Type".to_owned(),
            "text/plain; charset=utf-8".to_owned(),
        )],
        body: text.into_bytes(),
        ..ClientResponse::empty(400)
    }
}

/// Runs a function in the background. The body is `{"input": "text"}`, and for a function that gets messages
/// `{"input": "text", "metadata": {…}}` with properties of the message. A real host ignores `metadata`.
fn run(app: &Arc<App>, name: &str, content_type: Option<&str>, body: &[u8]) -> ClientResponse {
    let is_json = content_type
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return ClientResponse::empty(415);
    }
    let mut call = match parse_document(&String::from_utf8_lossy(body)) {
        Ok(Json::Object(call)) => call,
        Ok(Json::Null) => JsonObject::new(),
        _ => return ClientResponse::empty(400),
    };
    let input = match call.get_ignoring_case("input") {
        None | Some(Json::Null) => None,
        Some(Json::Array(_) | Json::Object(_)) => return ClientResponse::empty(400),
        Some(scalar) => Some(scalar.to_text_as_written()),
    };
    let Some(function) = find(app, name).cloned() else {
        return ClientResponse::empty(404);
    };
    let properties = match properties(&function, call.take_ignoring_case("metadata")) {
        Ok(properties) => properties,
        Err(problem) => return bad_request(problem),
    };
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let invocation = app.handler.begin(&function.name, REASON);
        let error = match arguments(&app, &function, input.as_deref(), properties) {
            Ok((mut data, metadata)) => {
                app.add_inputs(&function, &mut data);
                invocation
                    .send(data, metadata)
                    .await
                    .err()
                    .map(|error| error.to_string())
            }
            Err(error) => Some(error),
        };
        invocation.end(error.as_deref());
    });
    ClientResponse::empty(202)
}

/// The properties of the message that runs a function; none if its trigger gets no messages.
fn properties(function: &Function, metadata: Option<Json>) -> Result<BindingData, String> {
    let metadata = metadata.filter(|metadata| *metadata != Json::Null);
    let Some(kind) = function.trigger().and_then(messages::Kind::of) else {
        return match metadata {
            None => Ok(BindingData::new()),
            Some(_) => Err(format!(
                "metadata: expected for a function with a serviceBusTrigger or a queueTrigger only; {} has none.",
                function.name
            )),
        };
    };
    let mut properties = kind.by_hand(Utc::now());
    match metadata {
        None => {}
        Some(Json::Object(given)) => kind
            .replace(&given, &mut properties)
            .map_err(|error| error.to_string())?,
        Some(_) => {
            return Err(
                "metadata: expected an object with properties of the message, such as {\"DeliveryCount\": 2}."
                    .to_owned(),
            );
        }
    }
    Ok(properties)
}

/// `Data` and `Metadata` for a trigger that is fired by hand.
fn arguments(
    app: &App,
    function: &Function,
    input: Option<&str>,
    properties: BindingData,
) -> Result<(JsonObject, JsonObject), String> {
    let trigger = function.trigger().ok_or("The function has no trigger.")?;
    let unable = |why: &str| format!("Exception binding parameter '{}'. {why}", trigger.name);
    let mut metadata = BindingData::new();
    let value = match trigger.kind.to_lowercase().as_str() {
        "httptrigger" => return Err(unable("An HttpRequest is required")),
        "orchestrationtrigger" | "entitytrigger" => {
            return Err(unable(
                "Orchestrations and entities are started through their client.",
            ));
        }
        "timertrigger" => {
            metadata.insert_system(&function.name);
            let value = app.timers.trigger_value(&function.name);
            value.ok_or_else(|| unable("The schedule is not valid."))?
        }
        "activitytrigger" => {
            let input = input.filter(|text| parse_document(text).is_ok());
            let text = format!(
                "[{}]",
                input.ok_or_else(|| unable("The input is not JSON text."))?
            );
            metadata.insert("instanceId", Uuid::new_v4().to_string());
            metadata.insert(&trigger.name, input.unwrap_or_default());
            metadata.insert("data", text.as_str());
            metadata.insert_system(&function.name);
            Json::from(text)
        }
        _ => {
            let input = input.map(str::as_bytes);
            return Ok(messages::arguments(function, trigger, input, properties));
        }
    };
    let data = JsonObject::from_iter([(trigger.name.as_str(), value.double_encoded())]);
    Ok((data, metadata.into_metadata()))
}
