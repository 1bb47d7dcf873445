//! Who asks, and how it is said in a header.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

const OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const TENANT_ID: &str = "http://schemas.microsoft.com/identity/claims/tenantid";
const ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";

pub(super) const PRINCIPAL: &str = "X-MS-CLIENT-PRINCIPAL";

/// What is in the principals and must stay there.
pub(super) const PERSONAL: [&str; 7] = [
    "f2e4c6a8-0000-4000-8000-00000000000a",
    "f2e4c6a8-0000-4000-8000-00000000000b",
    "f2e4c6a8-0000-4000-8000-00000000000c",
    "9a7b5c3d-1111-4111-8111-111111111111",
    "anna.lindqvist",
    "benjamin.okafor",
    "cecilia.fontaine",
];

/// A caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    Anna,
    Ben,
    /// She has the claim of `AdminClaim`.
    Admin,
}

impl Who {
    pub(super) const ALL: [Self; 4] = [Self::Nobody, Self::Anna, Self::Ben, Self::Admin];

    /// The headers that the platform adds to the request of this caller.
    pub(super) fn headers(self) -> Headers {
        let (object, name, role) = match self {
            Self::Nobody => return Vec::new(),
            Self::Anna => (PERSONAL[0], PERSONAL[4], "Jobs.Reader"),
            Self::Ben => (PERSONAL[1], PERSONAL[5], "Jobs.Reader"),
            Self::Admin => (PERSONAL[2], PERSONAL[6], "Jobs.Admin"),
        };
        vec![(PRINCIPAL, principal(object, name, role))]
    }
}

/// The headers of a request that say who asks.
pub(super) type Headers = Vec<(&'static str, String)>;

fn principal(object: &str, name: &str, role: &str) -> String {
    let claim = |typ: &str, val: &str| json!({ "typ": typ, "val": val });
    let principal = json!({
        "auth_typ": "aad",
        "claims": [
            claim("name", name),
            claim("preferred_username", &format!("{name}@example.com")),
            claim(OBJECT_ID, object),
            claim(TENANT_ID, PERSONAL[3]),
            claim(ROLE, role),
        ],
        "name_typ": "name",
        "role_typ": ROLE,
    });
    BASE64_STANDARD.encode(principal.to_string())
}

/// Headers that say nothing that could be believed.
pub(super) fn malformed() -> Vec<Headers> {
    let one = |value: &str| vec![(PRINCIPAL, value.to_owned())];
    let anna = Who::Anna.headers().remove(0).1;
    let without_id =
        json!({ "auth_typ": "aad", "claims": [{ "typ": "name", "val": PERSONAL[4] }] });
    vec![
        one(PERSONAL[4]),
        one(""),
        one(&BASE64_STANDARD.encode("{}")),
        one(&BASE64_STANDARD.encode(without_id.to_string())),
        one(anna.get(..anna.len() / 2).unwrap()),
        // What a client sends, and what the platform adds.
        vec![(PRINCIPAL, anna.clone()), (PRINCIPAL, anna.clone())],
        vec![
            (PRINCIPAL, anna),
            ("x-ms-client-principal", Who::Ben.headers().remove(0).1),
        ],
    ]
}
