//! Who owns a job, and whom the app believes about that.

use axum::http::HeaderName;

use super::{SettingError, reader::Reader};

const OWNER_HEADER: &str = "OwnerHeader";
const OWNER_HEADER_EXAMPLE: &str = "X-MS-CLIENT-PRINCIPAL";
const ADMIN_CLAIM: &str = "AdminClaim";
const ADMIN_CLAIM_EXAMPLE: &str = "roles=Jobs.Admin";

/// The settings of owners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerSettings {
    /// `OwnerHeader`: the header that says who calls. `None`: no header does, and no job has an owner.
    pub header: Option<OwnerHeader>,
}

/// A header that says who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerHeader {
    /// The client principal of Easy Auth or Static Web Apps.
    ClientPrincipal {
        /// `AdminClaim`: whoever has it sees and cancels the jobs of all. `None`: nobody.
        admin: Option<AdminClaim>,
    },
    /// Any other header, which holds the identity itself, as API Management has set it.
    Plain(HeaderName),
}

impl OwnerHeader {
    /// The name of the header with the client principal.
    pub(crate) const CLIENT_PRINCIPAL: &str = "x-ms-client-principal";

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.eq_ignore_ascii_case(Self::CLIENT_PRINCIPAL) {
            return Ok(Self::ClientPrincipal { admin: None });
        }
        let name = HeaderName::from_bytes(text.as_bytes());
        name.map(Self::Plain)
            .map_err(|_| "expected the name of a header")
    }
}

/// A claim: its type, and the value that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminClaim {
    kind: String,
    value: String,
}

impl AdminClaim {
    /// The type of the claim, such as `roles`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The value, such as `Jobs.Admin`.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (kind, value) = text.split_once('=').unwrap_or_default();
        let (kind, value) = (kind.trim(), value.trim());
        match kind.is_empty() || value.is_empty() {
            true => Err("expected the type of a claim, =, and its value"),
            false => Ok(Self {
                kind: kind.to_owned(),
                value: value.to_owned(),
            }),
        }
    }
}

impl OwnerSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Self {
        let errors = reader.errors.len();
        let header = reader.optional(OWNER_HEADER, OWNER_HEADER_EXAMPLE, OwnerHeader::parse);
        let is_malformed = reader.errors.len() > errors;
        let admin = reader.optional(ADMIN_CLAIM, ADMIN_CLAIM_EXAMPLE, AdminClaim::parse);
        match (header, admin) {
            (Some(OwnerHeader::ClientPrincipal { .. }), admin) => Self {
                header: Some(OwnerHeader::ClientPrincipal { admin }),
            },
            (header, None) => Self { header },
            (header, Some(_)) => {
                // A malformed header may have been meant to be the right one.
                if !is_malformed {
                    reader.errors.push(SettingError {
                        name: ADMIN_CLAIM,
                        problem: "expected OwnerHeader to be X-MS-CLIENT-PRINCIPAL, because no other header has claims"
                            .to_owned(),
                        example: ADMIN_CLAIM_EXAMPLE,
                    });
                }
                Self { header }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn owners(values: &[(&str, &str)]) -> Option<OwnerHeader> {
        Settings::for_test(values).owners.header
    }

    #[test]
    fn the_client_principal_is_known_in_any_case_and_every_other_header_is_plain() {
        assert_eq!(owners(&[]), None);
        for name in ["X-MS-CLIENT-PRINCIPAL", "x-ms-client-principal"] {
            let expected = OwnerHeader::ClientPrincipal { admin: None };
            assert_eq!(owners(&[("OwnerHeader", name)]), Some(expected));
        }
        for name in ["X-Owner", "X-MS-CLIENT-PRINCIPAL-ID"] {
            let expected = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let expected = Some(OwnerHeader::Plain(expected));
            assert_eq!(owners(&[("OwnerHeader", name)]), expected);
        }
        let text = Settings::problem_for_test("OwnerHeader", "X Owner");
        assert!(text.contains("OwnerHeader: expected the name of a header"));
    }

    #[test]
    fn an_admin_claim_has_a_type_and_a_value_which_may_hold_an_equals_sign() {
        let header = ("OwnerHeader", "X-MS-CLIENT-PRINCIPAL");
        for (text, kind, value) in [
            ("roles=Jobs.Admin", "roles", "Jobs.Admin"),
            (" groups = a=b ", "groups", "a=b"),
            ("http://x/y?z", "", ""),
        ] {
            if kind.is_empty() {
                let text = Settings::problem_for_test("AdminClaim", text);
                assert!(text.contains("AdminClaim: expected the type of a claim"));
                continue;
            }
            let Some(OwnerHeader::ClientPrincipal { admin: Some(admin) }) =
                owners(&[header, ("AdminClaim", text)])
            else {
                panic!("{text}");
            };
            assert_eq!((admin.kind(), admin.value()), (kind, value));
        }
        for text in ["=Jobs.Admin", "roles=", "roles", "= "] {
            let problem = Settings::problem_for_test("AdminClaim", text);
            assert!(problem.contains("AdminClaim: expected the type"), "{text}");
        }
    }

    #[test]
    fn an_admin_claim_without_claims_is_an_error_that_says_why() {
        for header in [None, Some("X-Owner")] {
            let read = Settings::read(|name| match name {
                "AuditStorage" => Some("UseDevelopmentStorage=true".to_owned()),
                "OwnerHeader" => header.map(str::to_owned),
                "AdminClaim" => Some("roles=Jobs.Admin".to_owned()),
                _ => None,
            });
            let text = read.unwrap_err().to_string();
            assert!(
                text.contains("AdminClaim: expected OwnerHeader to be X-MS-CLIENT-PRINCIPAL"),
                "{text}"
            );
        }
    }
}
