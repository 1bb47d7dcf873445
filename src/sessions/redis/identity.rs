//! Tokens of the app's managed identity, which take the place of a password.
//!
//! The user of Redis is then the object id of the identity. A token ends after hours, and Redis closes a connection whose
//! token has ended. So a new one is taken in time, and the open connection authenticates again with it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::fault::Fault;

const RESOURCE: &str = "https://redis.azure.com";
const API_VERSION: &str = "2019-08-01";
/// For one request to the endpoint, which is on the same machine.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes. A token has a few kilobytes.
const MAX_ANSWER: usize = 64 * 1024;

/// A token is renewed when less than this is left of it. Redis asks for three minutes at least.
const RENEW_BEFORE: Duration = Duration::from_secs(10 * 60);
/// The wait after an endpoint failed, while the old token is still good.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// The endpoint of a managed identity on App Service, as the platform tells it to the app.
#[derive(Clone, PartialEq, Eq)]
pub struct ManagedIdentity {
    endpoint: Url,
    header: String,
    client_id: Option<String>,
}

impl ManagedIdentity {
    /// `endpoint` and `header` are the variables `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`; `client_id` chooses one of several
    /// identities that users have assigned.
    #[must_use]
    pub fn new(endpoint: Url, header: String, client_id: Option<String>) -> Self {
        Self {
            endpoint,
            header,
            client_id,
        }
    }

    /// A new token. The platform keeps tokens, so that this may be one from before.
    pub(super) async fn token(&self) -> Result<Token, Fault> {
        // It fails when a provider is installed already. That one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // The endpoint is on this machine.
            .no_proxy()
            .build()
            .map_err(|_| Fault::NoToken)?;
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("resource", RESOURCE)
            .append_pair("api-version", API_VERSION);
        if let Some(id) = &self.client_id {
            url.query_pairs_mut().append_pair("client_id", id);
        }
        let request = client.get(url).header("X-IDENTITY-HEADER", &self.header);
        let mut answer = request
            .send()
            .await
            .map_err(|_| Fault::NoIdentityEndpoint)?;
        let status = answer.status();
        if !status.is_success() {
            tracing::debug!(
                status = status.as_u16(),
                "the managed identity gave no token"
            );
            return Err(match status.as_u16() {
                408 | 410 | 429 | 500.. => Fault::NoIdentityEndpoint,
                _ => Fault::NoToken,
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|_| Fault::NoIdentityEndpoint)?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Fault::NoToken);
            }
            body.extend_from_slice(&chunk);
        }
        Token::parse(&body, SystemTime::now()).ok_or(Fault::NoToken)
    }
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagedIdentity(..)")
    }
}

/// A token, and when it is time for the next one.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: String,
    /// The claim `oid`: the object id of the identity.
    pub(super) object_id: Option<String>,
    expires: SystemTime,
    renew: SystemTime,
}

impl Token {
    fn parse(body: &[u8], now: SystemTime) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
            #[serde(deserialize_with = "seconds")]
            expires_on: u64,
        }
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(answer.expires_on))?;
        let left = expires.duration_since(now).unwrap_or_default();
        // A token of a few minutes is used for the first half of them.
        let renew = now + left.saturating_sub(RENEW_BEFORE).max(left / 2);
        Some(Self {
            object_id: object_id(&answer.access_token),
            text: answer.access_token,
            expires,
            renew,
        })
    }

    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        self.renew <= now
    }

    /// Whether it is good for a while, although there is no new one. The endpoint is then asked again later.
    pub(super) fn postpone(&mut self, now: SystemTime) -> bool {
        self.renew = now + RENEW_AGAIN;
        self.renew < self.expires
    }
}

/// The claim `oid` of a token. Its signature is for Redis to check.
fn object_id(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        oid: String,
    }
    let claims = token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD
        .decode(claims.trim_end_matches('='))
        .ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(claims.oid)
}

/// Seconds since 1970, which App Service writes as a text.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Text(String),
        Number(u64),
    }
    match Seconds::deserialize(deserializer)? {
        Seconds::Number(number) => Ok(number),
        Seconds::Text(text) => text
            .parse()
            .map_err(|_| D::Error::custom("expires_on is not a number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(left: u64) -> (Token, SystemTime) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"aud":"x","oid":"8e03978e"}"#);
        let expires = 1_000_000 + left;
        let body = format!(
            r#"{{"access_token":"e30.{claims}.c2ln","expires_on":"{expires}","resource":"x"}}"#
        );
        (Token::parse(body.as_bytes(), now).unwrap(), now)
    }

    #[test]
    fn the_user_is_the_object_id_in_the_token() {
        assert_eq!(token(3600).0.object_id.as_deref(), Some("8e03978e"));
        for other in ["", "a.b.c", "e30.e30.e30", "e30"] {
            assert_eq!(object_id(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        for (left, used) in [(3600, 3000), (600, 300), (60, 30)] {
            let (token, now) = token(left);
            assert!(!token.is_due(now + Duration::from_secs(used - 1)));
            assert!(token.is_due(now + Duration::from_secs(used)));
        }
        assert!(Token::parse(b"{}", SystemTime::now()).is_none());
    }

    #[test]
    fn without_a_new_token_the_old_one_is_used_to_its_end() {
        let (mut token, now) = token(3600);
        let late = now + Duration::from_secs(3500);
        assert!(token.is_due(late) && token.postpone(late) && !token.is_due(late));
        assert!(!token.postpone(now + Duration::from_secs(3590)));
    }
}
