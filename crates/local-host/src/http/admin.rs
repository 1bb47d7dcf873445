//! The admin API. Locally every caller is Admin: no keys.

use super::app::{App, REASON};
use super::metadata::add_properties;
use super::response::ClientResponse;
use crate::binding_data::BindingData;
use crate::functions::Function;
use crate::handler::HOST_VERSION;
use crate::json::{Json, JsonObject, parse_document};
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

/// Runs a function in the background. The body is `{"input": "text"}`.
fn run(app: &Arc<App>, name: &str, content_type: Option<&str>, body: &[u8]) -> ClientResponse {
    let is_json = content_type
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return ClientResponse::empty(415);
    }
    let input = match parse_document(&String::from_utf8_lossy(body)) {
        Ok(Json::Object(object)) => match object.get_ignoring_case("input") {
            None | Some(Json::Null) => None,
            Some(Json::Array(_) | Json::Object(_)) => return ClientResponse::empty(400),
            Some(scalar) => Some(scalar.to_text_as_written()),
        },
        Ok(Json::Null) => None,
        _ => return ClientResponse::empty(400),
    };
    let Some(function) = find(app, name).cloned() else {
        return ClientResponse::empty(404);
    };
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let invocation = app.handler.begin(&function.name, REASON);
        let error = match arguments(&app, &function, input.as_deref()) {
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

/// `Data` and `Metadata` for a trigger that is fired by hand.
fn arguments(
    app: &App,
    function: &Function,
    input: Option<&str>,
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
            metadata.insert_system(&function.name);
            add_properties(input.unwrap_or_default(), &mut metadata);
            input.map_or(Json::Null, Json::from)
        }
    };
    let data = JsonObject::from_iter([(trigger.name.as_str(), value.double_encoded())]);
    Ok((data, metadata.into_metadata()))
}
