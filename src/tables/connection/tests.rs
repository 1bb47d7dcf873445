use super::*;
use proptest::prelude::*;

const KEY: &str = "c2VjcmV0LWtleS1vZi10aGUtdGVzdA==";

fn endpoint(text: &str) -> String {
    match Connection::parse(text).unwrap().location() {
        CloudLocation::Custom { uri, .. } => uri,
        other => panic!("{other:?}"),
    }
}

fn problem(text: &str) -> String {
    Connection::parse(text).unwrap_err().to_string()
}

#[test]
fn the_emulator_is_at_its_usual_address() {
    for text in [
        "UseDevelopmentStorage=true",
        " usedevelopmentstorage = True ;",
        "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://127.0.0.1",
    ] {
        assert_eq!(
            endpoint(text),
            "http://127.0.0.1:10002/devstoreaccount1",
            "{text}"
        );
    }
}

#[test]
fn account_and_key_give_the_endpoint_of_the_cloud() {
    let endpoint = |more: &str| endpoint(&format!("AccountName=myaccount;AccountKey={KEY}{more}"));
    assert_eq!(endpoint(""), "https://myaccount.table.core.windows.net");
    assert_eq!(
        endpoint(";EndpointSuffix=core.usgovcloudapi.net"),
        "https://myaccount.table.core.usgovcloudapi.net"
    );
    assert_eq!(
        endpoint(";DefaultEndpointsProtocol=http;BlobEndpoint=https://x.example"),
        "http://myaccount.table.core.windows.net"
    );
    assert_eq!(
        endpoint(";TableEndpoint=http://localhost:10002/myaccount/"),
        "http://localhost:10002/myaccount"
    );
}

#[test]
fn a_signature_needs_no_account_when_the_endpoint_is_given() {
    let text =
        "TableEndpoint=https://tables.example;SharedAccessSignature=?sv=2022-11-02&sig=a%2Bb%3D";
    let connection = Connection::parse(text).unwrap();
    assert!(connection.credentials().is_ok());
    assert_eq!(endpoint(text), "https://tables.example");
}

#[test]
fn errors_name_the_part() {
    for (text, expected) in [
        ("", "AccountKey or SharedAccessSignature is missing"),
        (
            "AccountName=myaccount",
            "AccountKey or SharedAccessSignature is missing",
        ),
        ("AccountKey=YWJj", "AccountName is missing"),
        (
            "AccountName=myaccount;AccountKey=not base64",
            "AccountKey is not base64",
        ),
        (
            "AccountName=My_Account;AccountKey=YWJj",
            "AccountName is not the name of a storage account (3 to 24 lower-case letters and digits)",
        ),
        (
            "AccountName=myaccount;AccountKey=YWJj;SharedAccessSignature=sig=x",
            "AccountKey and SharedAccessSignature are both given; give one",
        ),
        (
            "AccountName=myaccount;AccountName=myaccount",
            "AccountName is given twice",
        ),
        ("AccountName=", "AccountName has no value"),
        ("AccountName", "part 1 is not of the form Name=Value"),
        (
            "AccountName=myaccount;AcountKey=YWJj",
            "part 2 has an unknown name",
        ),
        (
            "AccountName=myaccount;AccountKey=YWJj;DefaultEndpointsProtocol=ftp",
            "DefaultEndpointsProtocol is neither https nor http",
        ),
        (
            "AccountName=myaccount;AccountKey=YWJj;EndpointSuffix=a/b",
            "EndpointSuffix is not a host name",
        ),
        (
            "AccountName=myaccount;AccountKey=YWJj;TableEndpoint=tables",
            "TableEndpoint is not an http or https URL",
        ),
        (
            "AccountName=myaccount;AccountKey=YWJj;TableEndpoint=https://tables.example?sig=x",
            "TableEndpoint holds more than a scheme, a host, a port and a path; a signature belongs in SharedAccessSignature",
        ),
        (
            "AccountName=myaccount;SharedAccessSignature=sv=1",
            "SharedAccessSignature is not a query string with a sig parameter",
        ),
        (
            "UseDevelopmentStorage=yes",
            "UseDevelopmentStorage can only be true; leave it out otherwise",
        ),
    ] {
        assert_eq!(problem(text), expected, "{text}");
    }
}

#[test]
fn no_error_or_debug_text_holds_a_value() {
    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=";
    for text in [
        key.to_owned(),
        format!("{key}=x"),
        format!("AccountName=myaccount;Key={key}"),
        format!("AccountName=myaccount;AccountKey={key}!"),
        format!("AccountName=myaccount;SharedAccessSignature={key}"),
        format!("AccountName=myaccount;AccountKey={key};TableEndpoint=https://x?sig={key}"),
    ] {
        assert!(!problem(&text).contains("QUJD"), "{text}");
    }
    let connection = Connection::parse(&format!("AccountName=myaccount;AccountKey={key}")).unwrap();
    assert!(!format!("{connection:?}").contains("QUJD"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(AccountName|AccountKey|TableEndpoint|UseDevelopmentStorage|=|;|http://|[a-z?/@:]{1,3}){0,12}") {
        if let Ok(connection) = Connection::parse(&text) {
            let _ = connection.credentials();
            let _ = connection.location();
        }
    }
}
