//! The header `X-MS-CLIENT-PRINCIPAL`: base64 over JSON, with which the platform tells an app who calls.
//!
//! The authentication of App Service ("Easy Auth") sends the claims of the token:
//!
//! ```json
//! {"auth_typ":"aad","claims":[{"typ":"…","val":"…"}],"name_typ":"…","role_typ":"…"}
//! ```
//!
//! Static Web Apps sends an id of its own:
//!
//! ```json
//! {"identityProvider":"github","userId":"…","userDetails":"…","userRoles":["anonymous","authenticated"]}
//! ```
//!
//! The identity is what stays the same for a person: never a name or an address, which can be given to somebody else.

use axum::http::HeaderValue;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;

use super::{
    Owner,
    caller::{Caller, InvalidIdentity, MAX_IDENTITY},
};
use crate::settings::AdminClaim;

/// The longest value in bytes: a host passes no more on, for all headers together.
const MAX_BYTES: usize = 32 * 1024;

/// Easy Auth pads; not everybody who stands in for it does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Entra ID as a provider of Easy Auth.
const ENTRA_ID: &str = "aad";

// The types of claims. Easy Auth renames those of tokens to the long ones, unless its mapping is switched off.
const OBJECT_ID: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
];
const TENANT_ID: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/tenantid",
    "tid",
];
const NAME_ID: [&str; 1] = ["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"];
const SUBJECT: [&str; 1] = ["sub"];
const ROLE: [&str; 2] = [
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    "roles",
];

/// Both forms. A member that is there twice is an error, so that no two readers of a header see different callers.
#[derive(Deserialize)]
struct Principal {
    auth_typ: Option<String>,
    claims: Option<Vec<Claim>>,
    #[serde(rename = "identityProvider")]
    identity_provider: Option<String>,
    #[serde(rename = "userId")]
    user_id: Option<String>,
    #[serde(rename = "userRoles")]
    user_roles: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Claim {
    typ: String,
    val: String,
}

/// The caller that the header names.
///
/// # Errors
/// It is not in one of the two forms, or has no id that stays the same.
pub(super) fn read(
    value: &HeaderValue,
    admin: Option<&AdminClaim>,
) -> Result<Caller, InvalidIdentity> {
    let text = value.as_bytes().trim_ascii();
    if text.len() > MAX_BYTES {
        return Err(InvalidIdentity("expected at most 32 KiB"));
    }
    let json = BASE64.decode(text);
    let json = json.map_err(|_| InvalidIdentity("expected base64"))?;
    let principal: Principal = serde_json::from_slice(&json)
        .map_err(|_| InvalidIdentity("expected a client principal as JSON"))?;
    let owner = principal.owner()?;
    let is_admin = admin.is_some_and(|admin| principal.has(admin));
    Ok(Caller::known(owner, is_admin))
}

impl Principal {
    fn owner(&self) -> Result<Owner, InvalidIdentity> {
        let (provider, id) = match (&self.auth_typ, &self.identity_provider, &self.user_id) {
            (Some(provider), None, _) => (provider, self.of_claims(provider)?),
            (None, Some(provider), Some(id)) => (provider, Identity::new("userId", [checked(id)?])),
            _ => {
                return Err(InvalidIdentity(
                    "expected auth_typ and claims, or identityProvider and userId",
                ));
            }
        };
        // The name of a provider has no case.
        let provider = checked(provider)?.to_ascii_lowercase();
        Ok(Owner::of(&provider, &id.0))
    }

    /// For Entra ID the object id in its tenant, which all apps of a company see alike. Only there: a provider of
    /// another kind may let its users write a claim of that name. For others, and where it is missing, the id that the
    /// provider gives a person for this app.
    fn of_claims(&self, provider: &str) -> Result<Identity, InvalidIdentity> {
        if provider.eq_ignore_ascii_case(ENTRA_ID) {
            let (tenant, object) = (self.only(&TENANT_ID)?, self.only(&OBJECT_ID)?);
            if let (Some(tenant), Some(object)) = (tenant, object) {
                return Ok(Identity::new("object", [tenant, object]));
            }
        }
        let subject = match self.only(&NAME_ID)? {
            Some(id) => Some(id),
            None => self.only(&SUBJECT)?,
        };
        let subject = subject.ok_or(InvalidIdentity(
            "expected a claim with the object id and the tenant, nameidentifier or sub",
        ))?;
        Ok(Identity::new("subject", [subject]))
    }

    /// The value of the claim of these types, which may be there in several ways if it says the same in all of them.
    fn only(&self, types: &[&str]) -> Result<Option<&str>, InvalidIdentity> {
        let claims = self.claims.as_deref().unwrap_or_default().iter();
        let mut values = claims.filter(|claim| types.contains(&claim.typ.as_str()));
        let Some(first) = values.next() else {
            return Ok(None);
        };
        match values.all(|other| other.val == first.val) {
            true => checked(&first.val).map(Some),
            false => Err(InvalidIdentity(
                "expected one value of each claim that is an identity",
            )),
        }
    }

    /// Whether it has the claim. A role of Static Web Apps is a claim of the type `roles`.
    fn has(&self, admin: &AdminClaim) -> bool {
        let is_role = ROLE.contains(&admin.kind());
        let claims = self.claims.as_deref().unwrap_or_default().iter();
        let is_kind = |kind: &str| kind == admin.kind() || (is_role && ROLE.contains(&kind));
        let mut of_kind = claims.filter(|claim| is_kind(&claim.typ));
        let mut roles = self.user_roles.as_deref().unwrap_or_default().iter();
        of_kind.any(|claim| claim.val == admin.value())
            || (is_role && roles.any(|role| role == admin.value()))
    }
}

/// What is unique for a provider: the kind of an id, and its parts. No part holds a zero byte, so no two of them are
/// the same text. It must never change: it would take everybody's jobs away.
struct Identity(String);

impl Identity {
    fn new<const N: usize>(kind: &str, parts: [&str; N]) -> Self {
        Self(
            parts
                .iter()
                .fold(kind.to_owned(), |id, part| id + "\0" + part),
        )
    }
}

/// A text that can be a part of an identity.
fn checked(text: &str) -> Result<&str, InvalidIdentity> {
    let is_long = text.chars().nth(MAX_IDENTITY).is_some();
    match !is_long && !text.trim().is_empty() && !text.chars().any(char::is_control) {
        true => Ok(text),
        false => Err(InvalidIdentity(
            "expected an identity of 1 to 256 characters without control characters",
        )),
    }
}

#[cfg(test)]
mod tests;
