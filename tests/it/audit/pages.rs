//! The pages of a scan: what is requested, where the scan ends, and what is counted.

use function_app::audit::AuditError;

use super::{count, day, open, parameter};
use crate::support::fake_table::{FakeTable, Step};

#[tokio::test]
async fn the_request_asks_for_the_range_one_column_and_little_metadata() {
    let (outcome, requests) = count(vec![Step::page(&["1"])]).await;
    assert_eq!(outcome, Ok(1));
    let head = &requests[0];
    assert!(head.starts_with("GET /fake/audit()?"), "{head}");
    assert_eq!(
        parameter(head, "$filter").as_deref(),
        Some("PartitionKey ge '2021-01-31' and PartitionKey le '2021-01-31' and CertNumber ne ''")
    );
    assert_eq!(
        parameter(head, "$select").as_deref(),
        Some("identificationNumber")
    );
    let head = head.to_lowercase();
    assert!(
        head.contains("\r\naccept: application/json;odata=minimalmetadata\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nauthorization: sharedkey fake:"),
        "{head}"
    );
}

#[tokio::test]
async fn pages_are_followed_to_the_end_even_when_empty_over_one_connection() {
    let server = FakeTable::start(vec![
        Step::page_then(&["1", "2"], "p1", Some("r1")),
        Step::page_then(&[], "p2", None),
        Step::page_then(&[], "p 3+/=", Some("r'3")),
        Step::page(&["2", "3"]),
    ])
    .await;
    assert_eq!(
        open(&server.connection_string())
            .count_distinct(day())
            .await,
        Ok(3)
    );

    let requests = server.requests();
    let tokens: Vec<_> = requests
        .iter()
        .map(|head| {
            (
                parameter(head, "NextPartitionKey"),
                parameter(head, "NextRowKey"),
            )
        })
        .collect();
    let token = |partition_key: &str, row_key: Option<&str>| {
        (Some(partition_key.to_owned()), row_key.map(str::to_owned))
    };
    assert_eq!(
        tokens,
        [
            (None, None),
            token("p1", Some("r1")),
            token("p2", None),
            token("p 3+/=", Some("r'3"))
        ]
    );
    let filters: Vec<_> = requests
        .iter()
        .map(|head| parameter(head, "$filter"))
        .collect();
    assert!(filters.iter().all(|filter| *filter == filters[0]));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn tokens_that_repeat_end_the_scan_with_an_error_at_their_first_repetition() {
    for tokens in [
        &["p1"][..],
        &["p1", "p2"],
        &["p0", "p1", "p2", "p3"],
        &["p0", "p0"],
    ] {
        let pages = tokens
            .iter()
            .map(|token| Step::page_then(&["1"], token, Some("r")));
        // The steps are listed twice, because the server takes them by the number of the request.
        let steps: Vec<_> = pages.clone().chain(pages).collect();
        let (outcome, requests) = count(steps).await;
        assert_eq!(outcome, Err(AuditError::UnexpectedAnswer), "{tokens:?}");
        let distinct: std::collections::HashSet<_> = tokens.iter().collect();
        assert_eq!(requests.len(), distinct.len() + 1, "{tokens:?}");
    }
}

#[tokio::test]
async fn a_token_with_the_same_partition_and_another_row_is_no_repetition() {
    let (outcome, _) = count(vec![
        Step::page_then(&["1"], "p", Some("r1")),
        Step::page_then(&["2"], "p", Some("r2")),
        Step::page_then(&["3"], "p", None),
        Step::page(&["4"]),
    ])
    .await;
    assert_eq!(outcome, Ok(4));
}

#[tokio::test]
async fn an_empty_row_key_is_left_out_of_the_next_request_and_an_empty_partition_key_is_the_end() {
    let (outcome, requests) = count(vec![
        Step::page_then(&["1"], "p1", Some("")),
        Step::page_then(&["2"], "", Some("")),
    ])
    .await;
    assert_eq!(outcome, Ok(2));
    assert_eq!(requests.len(), 2);
    assert_eq!(
        parameter(&requests[1], "NextPartitionKey").as_deref(),
        Some("p1")
    );
    assert_eq!(parameter(&requests[1], "NextRowKey"), None);
}

/// Each of these could be taken for the last page. The count would then be that of a part.
#[tokio::test]
async fn an_answer_that_may_be_a_part_of_the_table_is_never_counted_as_the_whole() {
    const PARTITION: &str = "x-ms-continuation-NextPartitionKey";
    const PAGE: &str = r#"{"odata.metadata":"m","value":[]}"#;
    for part in [
        Step::Raw(200, b"x-ms-continuation-NextPartitionKey: p\xff1\r\n"),
        Step::Raw(
            200,
            b"x-ms-continuation-NextPartitionKey: p1\r\nx-ms-continuation-NextRowKey: r\xc3\xa9\r\n",
        ),
        Step::Raw(200, b"x-ms-continuation-NextRowKey: r1\r\n"),
        Step::Raw(
            200,
            b"x-ms-continuation-NextPartitionKey: \r\nx-ms-continuation-NextRowKey: r1\r\n",
        ),
        Step::Raw(
            200,
            b"x-ms-continuation-NextPartitionKey: p1\r\nx-ms-continuation-NextPartitionKey: p2\r\n",
        ),
        Step::Raw(206, b""),
        Step::Raw(203, b""),
        Step::Status(200, vec![], r#"{"odata.metadata":"m"}"#),
        // Only the page's own `value` holds its entities.
        Step::Status(200, vec![], r#"{"odata.metadata":"m","x":"value"}"#),
        Step::Status(200, vec![], r#"{"odata.metadata":"m","x":[{"value":[]}]}"#),
        Step::Status(
            200,
            vec![],
            r#"{"odata.metadata":"m","odata.error":{"code":"X","message":{"value":"y"}}}"#,
        ),
        // An array would be taken for the members in order.
        Step::Status(200, vec![], r#"["m"]"#),
        Step::Status(200, vec![], r#"["m",[{"identificationNumber":"1"}]]"#),
        Step::Status(201, vec![(PARTITION, "p1")], PAGE),
    ] {
        let (outcome, requests) = count(vec![part.clone()]).await;
        assert_eq!(outcome, Err(AuditError::UnexpectedAnswer), "{part:?}");
        assert_eq!(requests.len(), 1, "{part:?}");
    }
}

#[tokio::test]
async fn the_members_of_a_page_may_come_in_any_order_and_spelling() {
    for body in [
        r#"{"odata.metadata":"m","value":[{"identificationNumber":"1"}]}"#,
        r#"{"value":[{"identificationNumber":"1"}],"odata.metadata":"m"}"#,
        r#"{"odata.metadata":"m","x":{"y":[1]},"\u0076alue":[{"identificationNumber":"1"}]}"#,
        " {\"odata.metadata\":\"m\",\"value\":[{\"identificationNumber\":\"1\"}]}\r\n",
    ] {
        let (outcome, _) = count(vec![Step::Status(200, vec![], body)]).await;
        assert_eq!(outcome, Ok(1), "{body}");
    }
}

#[tokio::test]
async fn a_page_without_an_end_is_given_up() {
    let (outcome, requests) = count(vec![Step::Endless]).await;
    assert_eq!(outcome, Err(AuditError::UnexpectedAnswer));
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_body_is_not_one_of_a_table_service() {
    for answer in [
        Step::Status(200, vec![], ""),
        Step::Status(200, vec![], "\r\n"),
        Step::Status(204, vec![], ""),
        Step::Status(200, vec![], "<!doctype html><title>Welcome</title>"),
    ] {
        let (outcome, requests) = count(vec![answer.clone()]).await;
        assert_eq!(outcome, Err(AuditError::UnexpectedAnswer), "{answer:?}");
        assert_eq!(requests.len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn values_with_quotes_escapes_and_other_alphabets_are_counted_exactly() {
    let entities = [
        r#"{"identificationNumber":"O'Brien"}"#,
        r#"{"identificationNumber":"O\u0027Brien"}"#,
        r#"{"identificationNumber":"\"quoted\""}"#,
        r#"{"identificationNumber":"ключ"}"#,
        r#"{"identificationNumber":"\u043a\u043b\u044e\u0447"}"#,
        r#"{"identificationNumber":null}"#,
        r#"{}"#,
        r#"{"identificationNumber":17}"#,
        r#"{"identificationNumber@odata.type":"Edm.Int64","identificationNumber":"17"}"#,
    ];
    let page = Step::Page {
        entities: entities.map(str::to_owned).to_vec(),
        next: None,
    };
    assert_eq!(count(vec![page]).await.0, Ok(4));
}

#[tokio::test]
async fn a_shared_access_signature_is_sent_with_every_page() {
    let server = FakeTable::start(vec![
        Step::page_then(&["1"], "p1", None),
        Step::page(&["2"]),
    ])
    .await;
    let endpoint = server
        .connection_string()
        .split_once("TableEndpoint=")
        .unwrap()
        .1
        .to_owned();
    let text = format!(
        "TableEndpoint={endpoint};SharedAccessSignature=sv=2022-11-02&tn=audit&sp=r&sig=a%2Bb%2F%3D"
    );
    assert_eq!(open(&text).count_distinct(day()).await, Ok(2));
    for head in server.requests() {
        assert_eq!(parameter(&head, "sig").as_deref(), Some("a+b/="));
        assert!(
            !head.to_lowercase().contains("\r\nauthorization:"),
            "{head}"
        );
    }
}
