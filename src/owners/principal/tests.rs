use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::settings::{OwnerHeader, Settings};

const OID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const TID: &str = "http://schemas.microsoft.com/identity/claims/tenantid";
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
const ROLE_URI: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";

fn admin_claim(text: &str) -> Option<AdminClaim> {
    let header = ("OwnerHeader", "X-MS-CLIENT-PRINCIPAL");
    let settings = Settings::for_test(&[header, ("AdminClaim", text)]);
    match settings.owners.header {
        Some(OwnerHeader::ClientPrincipal { admin }) => admin,
        _ => None,
    }
}

fn read_text(text: &str, admin: Option<&AdminClaim>) -> Result<Caller, InvalidIdentity> {
    let value = BASE64_STANDARD.encode(text);
    read(&HeaderValue::try_from(value).unwrap(), admin)
}

fn easy_auth(provider: &str, claims: &[(&str, &str)]) -> Value {
    let claim = |(typ, val): &(&str, &str)| json!({ "typ": typ, "val": val });
    let claims: Vec<_> = claims.iter().map(claim).collect();
    json!({ "auth_typ": provider, "claims": claims, "name_typ": NAME, "role_typ": ROLE_URI })
}

fn caller(principal: &Value) -> Result<Caller, InvalidIdentity> {
    read_text(&principal.to_string(), None)
}

fn digest(principal: &Value) -> String {
    let caller = caller(principal).unwrap();
    caller.owner().unwrap().digest().to_owned()
}

#[test]
fn the_owner_of_an_identity_is_the_same_in_every_version() {
    // The first half of SHA-256 over `owner`, the provider, the kind of the id and the id, with zero bytes between.
    for (principal, expected) in [
        (
            easy_auth("aad", &[(OID, "object-1"), (TID, "tenant-1")]),
            "4062b058725b3722a54e16727d0bbfaf",
        ),
        (
            easy_auth("google", &[(NAME, "115")]),
            "220e807adcc9099503884c4de3189c4d",
        ),
        (
            json!({ "identityProvider": "github", "userId": "u1", "userDetails": "anna", "userRoles": ["anonymous"] }),
            "94e489b46c782f835d475a9850083434",
        ),
    ] {
        assert_eq!(digest(&principal), expected, "{principal}");
    }
}

#[test]
fn entra_ids_object_id_counts_in_every_spelling_whatever_else_changes() {
    let anna = digest(&easy_auth("aad", &[(OID, "object-1"), (TID, "tenant-1")]));
    for claims in [
        &[("tid", "tenant-1"), ("oid", "object-1")][..],
        &[(OID, "object-1"), ("oid", "object-1"), (TID, "tenant-1")],
        &[
            (NAME, "another for each app"),
            ("sub", "x"),
            ("name", "Anna"),
            ("oid", "object-1"),
            (TID, "tenant-1"),
        ],
    ] {
        for provider in ["aad", "AAD"] {
            assert_eq!(digest(&easy_auth(provider, claims)), anna, "{claims:?}");
        }
    }
    for other in [
        easy_auth("aad", &[(OID, "object-1"), (TID, "tenant-2")]),
        easy_auth("aad", &[(OID, "object-2"), (TID, "tenant-1")]),
        easy_auth("aad", &[(OID, "tenant-1"), (TID, "object-1")]),
        easy_auth("aad", &[("sub", "object-1")]),
        json!({ "identityProvider": "aad", "userId": "object-1" }),
    ] {
        assert_ne!(digest(&other), anna, "{other}");
    }
}

#[test]
fn nobody_gets_the_identity_of_entra_id_from_another_provider() {
    let anna = [(OID, "object-1"), (TID, "tenant-1")];
    // Its users may write their claims themselves, so those two do not count.
    assert!(caller(&easy_auth("my-provider", &anna)).is_err());
    let with_subject = [&anna[..], &[("sub", "ben")]].concat();
    assert_eq!(
        digest(&easy_auth("my-provider", &with_subject)),
        digest(&easy_auth("my-provider", &[("sub", "ben")]))
    );
}

#[test]
fn without_an_object_id_the_name_identifier_counts_and_then_the_subject() {
    for provider in ["aad", "google", "my-provider"] {
        let by_name = digest(&easy_auth(provider, &[(NAME, "a"), ("sub", "b")]));
        assert_eq!(by_name, digest(&easy_auth(provider, &[(NAME, "a")])));
        assert_eq!(by_name, digest(&easy_auth(provider, &[("sub", "a")])));
        assert_ne!(by_name, digest(&easy_auth(provider, &[("sub", "b")])));
    }
    let of = |provider| digest(&easy_auth(provider, &[(NAME, "a")]));
    assert_ne!(of("google"), of("facebook"));
}

#[test]
fn a_principal_without_one_lasting_identity_is_an_error() {
    let long = "x".repeat(257);
    for principal in [
        json!({}),
        json!([]),
        json!(null),
        json!("aad"),
        json!({ "auth_typ": "aad" }),
        json!({ "auth_typ": "aad", "claims": null }),
        json!({ "auth_typ": null, "claims": [{ "typ": "sub", "val": "a" }] }),
        json!({ "claims": [{ "typ": "sub", "val": "a" }] }),
        json!({ "auth_typ": "aad", "claims": [{ "typ": "sub", "val": 7 }] }),
        json!({ "auth_typ": "aad", "claims": [{ "typ": "sub" }] }),
        json!({ "auth_typ": "aad", "claims": { "sub": "a" } }),
        json!({ "auth_typ": "aad", "identityProvider": "aad", "userId": "a", "claims": [{ "typ": "sub", "val": "a" }] }),
        json!({ "identityProvider": "aad" }),
        json!({ "identityProvider": "aad", "userId": null }),
        json!({ "userId": "a" }),
        easy_auth("aad", &[]),
        easy_auth("aad", &[("name", "Anna"), ("email", "anna@example.com")]),
        easy_auth("aad", &[("oid", "a")]),
        easy_auth("aad", &[("tid", "a")]),
        easy_auth("", &[("sub", "a")]),
        easy_auth(" ", &[("sub", "a")]),
        easy_auth("a\0b", &[("sub", "a")]),
        easy_auth(&long, &[("sub", "a")]),
        easy_auth("aad", &[("sub", "")]),
        easy_auth("aad", &[("sub", "a\0b")]),
        easy_auth("aad", &[("sub", "a\nb")]),
        easy_auth("aad", &[("sub", &long)]),
        easy_auth("aad", &[("sub", "a"), ("sub", "b")]),
        easy_auth("aad", &[(NAME, "a"), (NAME, "b"), ("sub", "a")]),
        easy_auth("aad", &[(OID, "a"), ("oid", "b"), (TID, "t"), ("sub", "a")]),
        easy_auth("aad", &[(OID, "a"), (TID, "t"), (TID, "u"), ("sub", "a")]),
    ] {
        assert!(caller(&principal).is_err(), "{principal}");
    }
    let twice = r#"{"auth_typ":"aad","auth_typ":"aad","claims":[{"typ":"sub","val":"a"}]}"#;
    assert!(read_text(twice, None).is_err());
    let after = r#"{"auth_typ":"aad","claims":[{"typ":"sub","val":"a"}]} {}"#;
    assert!(read_text(after, None).is_err());
}

#[test]
fn base64_has_its_padding_or_none_and_a_bounded_length() {
    let json = easy_auth("aad", &[("sub", "a")]).to_string();
    for json in [json.clone(), format!("{json} "), format!("{json}  ")] {
        let value = BASE64_STANDARD.encode(json);
        for value in [&value, value.trim_end_matches('='), &format!(" {value} ")] {
            let value = HeaderValue::from_str(value).unwrap();
            assert!(read(&value, None).is_ok(), "{value:?}");
        }
    }
    // In the alphabet for URLs.
    let principal = easy_auth("a>?>?>?", &[("sub", "a")]).to_string();
    let url_safe = BASE64_STANDARD
        .encode(principal)
        .replace('/', "_")
        .replace('+', "-");
    assert!(url_safe.contains(['-', '_']));
    assert!(read(&HeaderValue::try_from(url_safe).unwrap(), None).is_err());
    let filled = |bytes: usize| {
        let principal = easy_auth("aad", &[("sub", "a"), ("x", &"x".repeat(bytes))]);
        caller(&principal)
    };
    assert!(filled(24_000).is_ok());
    assert_eq!(
        filled(25_000),
        Err(InvalidIdentity("expected at most 32 KiB"))
    );
}

#[test]
fn an_admin_has_the_claim_of_the_setting_in_any_of_its_spellings() {
    let is_admin = |admin: &str, principal: &Value| {
        let admin = admin_claim(admin).unwrap();
        let caller = read_text(&principal.to_string(), Some(&admin)).unwrap();
        caller.may_see(Some(&Owner::of("aad", "somebody else")))
    };
    let of = |typ: &str, val: &str| easy_auth("aad", &[("sub", "a"), ("x", "y"), (typ, val)]);
    let static_web_app = json!({ "identityProvider": "aad", "userId": "a", "userRoles": ["authenticated", "Jobs.Admin"] });
    for (admin, principal, expected) in [
        ("roles=Jobs.Admin", of("roles", "Jobs.Admin"), true),
        ("roles=Jobs.Admin", of(ROLE_URI, "Jobs.Admin"), true),
        (
            &format!("{ROLE_URI}=Jobs.Admin"),
            of("roles", "Jobs.Admin"),
            true,
        ),
        ("roles=Jobs.Admin", static_web_app.clone(), true),
        ("groups=g-1", of("groups", "g-1"), true),
        ("roles=Jobs.Admin", of("roles", "Jobs.Reader"), false),
        ("roles=Jobs.Admin", of("roles", "jobs.admin"), false),
        ("roles=Jobs.Admin", of("roles", "Jobs.Admin,x"), false),
        ("roles=Jobs.Admin", of("Roles", "Jobs.Admin"), false),
        ("roles=Jobs.Admin", of("groups", "Jobs.Admin"), false),
        ("groups=Jobs.Admin", of("roles", "Jobs.Admin"), false),
        ("groups=Jobs.Admin", static_web_app, false),
    ] {
        assert_eq!(is_admin(admin, &principal), expected, "{admin} {principal}");
        // Without the setting nobody is one.
        let caller = caller(&principal).unwrap();
        assert!(!caller.may_see(Some(&Owner::of("aad", "somebody else"))));
    }
}

proptest! {
    #[test]
    fn every_value_is_read_or_refused_without_a_word_of_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        prop_assert!(read(&value, None).is_err());
    }

    #[test]
    fn every_text_in_base64_is_read_or_refused(text in ".{0,200}", depth in 0..2_000_usize) {
        prop_assert!(read_text(&text, None).is_err());
        // Deep enough to end the stack of a reader without a limit.
        prop_assert!(read_text(&"[".repeat(depth), None).is_err());
        let deep = format!(r#"{{"auth_typ":{}"#, r#"{"a":"#.repeat(depth));
        prop_assert!(read_text(&deep, None).is_err());
    }

    /// The claims may come in any order, and with any others.
    #[test]
    fn two_identities_have_one_owner_exactly_if_they_are_the_same(
        first in ("[a-c]", "[a-c]", "[a-c]"),
        second in ("[a-c]", "[a-c]", "[a-c]"),
        others in prop::collection::vec(("[x-z]{1,5}", ".{0,10}"), 0..5),
        at in 0..5_usize,
    ) {
        let owner = |(tenant, object, subject): &(String, String, String), others: &[(String, String)]| {
            let mut claims: Vec<_> = others.iter().map(|(typ, val)| (typ.as_str(), val.as_str())).collect();
            let place = at.min(claims.len());
            claims.insert(place, ("tid", tenant));
            claims.insert(0, ("oid", object));
            claims.push(("sub", subject));
            digest(&easy_auth("aad", &claims))
        };
        let is_same = (&first.0, &first.1) == (&second.0, &second.1);
        prop_assert_eq!(owner(&first, &others) == owner(&second, &[]), is_same);
    }
}
