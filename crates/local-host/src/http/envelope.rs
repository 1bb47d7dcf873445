//! `Data` of an HTTP invocation: the request as the handler gets it.

use super::query::Query;
use super::request::ClientRequest;
use crate::functions::Params;
use crate::json::{Json, JsonObject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// The member of `Data` for the HTTP trigger.
#[must_use]
pub(super) fn trigger_data(
    request: &ClientRequest,
    params: &Params,
    anonymous: bool,
) -> JsonObject {
    let query = Query::parse(request.query.as_deref().unwrap_or_default());
    let headers: JsonObject = request
        .headers
        .iter()
        .map(|(name, values)| {
            let values: Vec<Json> = values.iter().map(|value| value.as_str().into()).collect();
            (name.as_str(), Json::Array(values))
        })
        .collect();
    let params: JsonObject = params
        .iter()
        .map(|(name, value)| {
            let value = value.as_deref().map_or(Json::Null, Json::from);
            (name.as_str(), value)
        })
        .collect();
    let authenticated = !anonymous || asks_for_authentication(request, &query);
    let mut data = JsonObject::new();
    data.insert("Url", request.url());
    data.insert("Method", request.method.as_str());
    data.insert("Query", query.joined());
    data.insert("Headers", headers);
    data.insert("Params", params);
    data.insert("Identities", vec![identity(authenticated).into()]);
    if let Some(body) = &request.body {
        data.insert("Body", body_text(body, request.header("Content-Type")));
    }
    data
}

/// The body as one string: base64 for `application/octet-stream` and `multipart/*`, otherwise text.
fn body_text(body: &[u8], content_type: Option<&str>) -> String {
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if media_type == "application/octet-stream" || media_type.starts_with("multipart/") {
        STANDARD.encode(body)
    } else {
        decode_text(body).into_owned()
    }
}

/// Decodes UTF-8, or what a byte order mark names. As in a real host, the charset of the content type is
/// ignored, which damages text in other encodings.
pub(super) fn decode_text(body: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks(2)
            .map(|pair| match pair {
                [first, second] => unit([*first, *second]),
                _ => 0xfffd,
            })
            .collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(body),
    }
}

/// Whether the request carries credentials. Under `func start` every authentication succeeds as Admin; for an
/// anonymous function it runs only when there are credentials.
pub(super) fn asks_for_authentication(request: &ClientRequest, query: &Query) -> bool {
    query.contains("code")
        || request.header("x-functions-key").is_some()
        || request.header("x-ms-client-principal").is_some()
}

fn identity(authenticated: bool) -> JsonObject {
    const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
    const ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
    let (kind, claims) = if authenticated {
        (Json::from("WebJobsAuthLevel"), vec![admin_claim().into()])
    } else {
        (Json::Null, Vec::new())
    };
    let mut identity = JsonObject::new();
    identity.insert("AuthenticationType", kind);
    identity.insert("IsAuthenticated", authenticated);
    identity.insert("Actor", Json::Null);
    identity.insert("BootstrapContext", Json::Null);
    identity.insert("Claims", claims);
    identity.insert("Label", Json::Null);
    identity.insert("Name", Json::Null);
    identity.insert("NameClaimType", NAME);
    identity.insert("RoleClaimType", ROLE);
    identity
}

fn admin_claim() -> JsonObject {
    let mut claim = JsonObject::new();
    claim.insert("Issuer", "LOCAL AUTHORITY");
    claim.insert("OriginalIssuer", "LOCAL AUTHORITY");
    claim.insert("Properties", JsonObject::new());
    claim.insert(
        "Type",
        "http://schemas.microsoft.com/2017/07/functions/claims/authlevel",
    );
    claim.insert("Value", "Admin");
    claim.insert("ValueType", "http://www.w3.org/2001/XMLSchema#string");
    claim
}
