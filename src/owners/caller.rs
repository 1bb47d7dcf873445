//! Who sends a request, as far as the setting `OwnerHeader` lets it be believed.
//!
//! Invariants: without the setting no header is read, whatever a client sends. With it, a header that is there and
//! cannot be read is an error and never an anonymous caller: what an owner starts would then belong to nobody.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{Owner, principal};
use crate::settings::{OwnerHeader, OwnerSettings};

/// The header in which Easy Auth and Static Web Apps tell an app who calls.
const CLIENT_PRINCIPAL: HeaderName = HeaderName::from_static(OwnerHeader::CLIENT_PRINCIPAL);

/// The provider in the digest of an identity that API Management vouches for. The name of the header is no part of it,
/// so that the header can be renamed.
const PLAIN: &str = "header";

/// The longest identity, name of a provider or claim that is an identity, in characters.
pub(super) const MAX_IDENTITY: usize = 256;

/// Who sends a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    owner: Option<Owner>,
    is_admin: bool,
}

impl Caller {
    /// Nobody in particular: whoever knows an id.
    pub(crate) fn anonymous() -> Self {
        Self::default()
    }

    /// Somebody, who may have the admin claim.
    pub(crate) fn known(owner: Owner, is_admin: bool) -> Self {
        Self {
            owner: Some(owner),
            is_admin,
        }
    }

    /// The caller of a request with these headers.
    ///
    /// # Errors
    /// The header of the setting is there more than once, or cannot be read.
    pub(crate) fn of(
        settings: &OwnerSettings,
        headers: &HeaderMap,
    ) -> Result<Self, InvalidIdentity> {
        let Some(header) = &settings.header else {
            return Ok(Self::anonymous());
        };
        let name = match header {
            OwnerHeader::ClientPrincipal { .. } => &CLIENT_PRINCIPAL,
            OwnerHeader::Plain(name) => name,
        };
        let Some(value) = only(headers, name)? else {
            return Ok(Self::anonymous());
        };
        match header {
            OwnerHeader::ClientPrincipal { admin } => principal::read(value, admin.as_ref()),
            OwnerHeader::Plain(_) => plain(value),
        }
    }

    /// The owner of what this caller starts.
    pub(crate) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Whether what belongs to `owner` exists for this caller. What belongs to nobody exists for everybody.
    pub(crate) fn may_see(&self, owner: Option<&Owner>) -> bool {
        owner.is_none() || self.is_admin || owner == self.owner.as_ref()
    }
}

/// The identity in a request cannot be read. The text is for the log: it says what was expected, and nothing of what
/// was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidIdentity(pub(super) &'static str);

/// The value of a header that may be there once.
fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, InvalidIdentity> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        // One of them may be the client's own, and nothing tells which.
        _ => Err(InvalidIdentity("expected the header once")),
    }
}

/// A header that holds the identity itself.
fn plain(value: &HeaderValue) -> Result<Caller, InvalidIdentity> {
    let id = value.as_bytes().trim_ascii();
    // A comma stands between two values of the header, which a proxy or the host may have joined.
    let allowed = |byte: &u8| byte.is_ascii_graphic() && *byte != b',';
    let id = Some(id).filter(|id| (1..=MAX_IDENTITY).contains(&id.len()) && id.iter().all(allowed));
    let id = id.and_then(|id| std::str::from_utf8(id).ok());
    let id = id.ok_or(InvalidIdentity(
        "expected 1 to 256 visible ASCII characters without a comma",
    ))?;
    Ok(Caller::known(Owner::of(PLAIN, id), false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn settings(values: &[(&str, &str)]) -> OwnerSettings {
        Settings::for_test(values).owners
    }

    fn headers(values: &[(&str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn of_header(value: &[u8]) -> Result<Caller, InvalidIdentity> {
        let settings = settings(&[("OwnerHeader", "X-Owner")]);
        Caller::of(&settings, &headers(&[("x-owner", value)]))
    }

    #[test]
    fn what_has_an_owner_exists_for_the_owner_and_for_admins() {
        let (anna, ben) = (Owner::of("aad", "anna"), Owner::of("aad", "ben"));
        for (caller, sees_hers) in [
            (Caller::known(anna.clone(), false), true),
            (Caller::known(ben.clone(), false), false),
            (Caller::known(ben, true), true),
            (Caller::anonymous(), false),
        ] {
            assert_eq!(caller.may_see(Some(&anna)), sees_hers, "{caller:?}");
            assert!(caller.may_see(None), "{caller:?}");
        }
    }

    #[test]
    fn without_the_setting_no_header_is_believed_or_even_read() {
        let sent = headers(&[
            ("x-ms-client-principal", b"e30="),
            ("x-ms-client-principal", b"\xff"),
            ("x-owner", b"anna"),
        ]);
        assert_eq!(Caller::of(&settings(&[]), &sent), Ok(Caller::anonymous()));
        // Nor is another header than that of the setting.
        let plain = settings(&[("OwnerHeader", "X-Other")]);
        assert_eq!(Caller::of(&plain, &sent), Ok(Caller::anonymous()));
    }

    #[test]
    fn a_plain_header_is_the_identity_and_its_owner_never_changes() {
        let anna = of_header(b" anna@example.com ").unwrap();
        assert_eq!(anna, of_header(b"anna@example.com").unwrap());
        assert_ne!(anna, of_header(b"Anna@example.com").unwrap());
        assert!(!anna.may_see(of_header(b"ben").unwrap().owner()));
        // The first half of SHA-256 over `owner`, a zero byte, `header`, a zero byte and the identity.
        let digest = anna.owner().unwrap().digest();
        assert_eq!(digest, "c38dfccfcb5feeac6fa5b5767fffe3e4");
        assert!(of_header(&[b'x'; 256]).is_ok());
    }

    #[test]
    fn a_plain_header_that_is_no_identity_is_an_error_and_no_anonymous_caller() {
        for value in [
            &b""[..],
            b"  ",
            b"anna ben",
            b"anna,ben",
            b"anna\tben",
            "\u{e4}nna".as_bytes(),
            b"\xff",
            &[b'x'; 257],
        ] {
            assert!(of_header(value).is_err(), "{value:?}");
        }
        let settings = settings(&[("OwnerHeader", "X-Owner")]);
        let twice = headers(&[("x-owner", b"anna"), ("x-owner", b"anna")]);
        assert!(Caller::of(&settings, &twice).is_err());
    }
}
