//! Queries, purges and entities.

use std::time::{Duration, SystemTime};

use durable_functions::{
    ContinuationToken, Entity, EntityQuery, Operation, PurgeFilter, Query, RuntimeStatus,
};
use durable_protocol::messages::{
    CleanEntityStorageRequest, GetEntityRequest, OrchestrationStatus, PurgeInstancesRequest,
    PurgeInstancesResponse, PurgeTarget, QueryEntitiesRequest, QueryInstancesRequest,
    SignalEntityRequest,
};

use super::super::scripted::{Reply, Scripted};
use super::{Case, same};

const ADD: Operation<i64, ()> = Operation::new("add");
const COUNTER: Entity<i64> = Entity::new("counter");

#[tokio::test]
async fn a_query_goes_through_all_pages_and_gives_tokens_back_unchanged() {
    let case = Case::read("3.14", "grpc-query");
    let host = Scripted::listen().await;
    for n in [19, 20, 21] {
        case.answer(&host, n);
    }
    let query = Query::new()
        .with_id_prefix("grpc-query.")
        .with_page_size(2)
        .with_inputs_and_outputs();
    let client = host.client();
    let all = client.query(query.clone()).all().await.unwrap();
    let ids: Vec<&str> = all.iter().map(|it| it.instance_id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "grpc-query.0",
            "grpc-query.1",
            "grpc-query.2",
            "grpc-query.3",
            "grpc-query.4"
        ]
    );
    assert_eq!(all[4].runtime_status, RuntimeStatus::Failed);
    let expected: Vec<QueryInstancesRequest> = [19, 20, 21].map(|n| page_request(&case, n)).into();
    assert_eq!(
        host.requests::<QueryInstancesRequest>("QueryInstances"),
        expected
    );

    // A token that was kept as JSON goes on where it was taken; it ends with a blank.
    host.clear();
    case.answer(&host, 19);
    let page = client
        .query(query.clone())
        .next_page()
        .await
        .unwrap()
        .unwrap();
    let kept = serde_json::to_string(&page.continuation.unwrap()).unwrap();
    assert_eq!(kept, r#""Z3JwYy1xdWVyeS4y ""#);
    host.clear();
    case.answer(&host, 20);
    let token: ContinuationToken = serde_json::from_str(&kept).unwrap();
    let mut pages = client.query(query.with_continuation(token));
    assert_eq!(
        pages.next().await.unwrap().unwrap().instance_id,
        "grpc-query.2"
    );
    let sent = host.requests::<QueryInstancesRequest>("QueryInstances");
    assert_eq!(sent, [page_request(&case, 20)]);
}

/// The request for a page. The recorded client asked for payloads in the first one only.
fn page_request(case: &Case, n: u64) -> QueryInstancesRequest {
    let mut request: QueryInstancesRequest = case.request(n);
    request.query.as_mut().unwrap().fetch_inputs_and_outputs = true;
    request
}

#[tokio::test]
async fn filters_are_sent_as_the_host_reads_them() {
    let case = Case::read("3.14", "grpc-query");
    let host = Scripted::listen().await;
    let client = host.client();
    case.answer(&host, 22);
    let recorded: QueryInstancesRequest = case.request(22);
    let mut query = Query::new()
        .with_id_prefix("grpc-query.")
        .with_page_size(10);
    for number in &recorded.query.as_ref().unwrap().runtime_status {
        let status = OrchestrationStatus::try_from(*number).unwrap();
        query = query.with_status(status.into());
    }
    if recorded.query.as_ref().unwrap().fetch_inputs_and_outputs {
        query = query.with_inputs_and_outputs();
    }
    let failed = client.query(query).all().await.unwrap();
    assert_eq!(failed[0].instance_id, "grpc-query.4");
    same::<QueryInstancesRequest>(&host, &case, 22);
    host.clear();
    case.answer(&host, 23);
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(978_307_200);
    let before = Query::new().created_before(end).with_page_size(10);
    assert!(client.query(before).all().await.unwrap().is_empty());
    same::<QueryInstancesRequest>(&host, &case, 23);
    // A page for no instances has a token without end: the client never asks for one.
    host.clear();
    case.answer(&host, 26);
    let none = client.query(Query::new().with_page_size(0)).all().await;
    assert!(none.unwrap().is_empty());
    let [request] = host
        .requests::<QueryInstancesRequest>("QueryInstances")
        .try_into()
        .unwrap();
    assert_eq!(request.query.unwrap().max_instance_count, 1);
}

#[tokio::test]
async fn a_purge_by_filter_counts_and_spares_what_has_not_ended() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "purge-filter");
        let host = Scripted::listen().await;
        case.answer(&host, 20);
        let client = host.client();
        let purged = client.purge(PurgeFilter::new()).await.unwrap();
        assert_eq!((purged.count, purged.is_complete), (3, None));
        host.clear();
        case.answer(&host, 21);
        let everything = PurgeFilter::new().with_any_status();
        assert_eq!(client.purge(everything).await.unwrap().count, 2);
    }
    let host = Scripted::listen().await;
    host.answer(
        "PurgeInstances",
        Reply::ok(&PurgeInstancesResponse::default()),
    );
    let client = host.client();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for filter in [
        PurgeFilter::new(),
        PurgeFilter::new().with_any_status(),
        PurgeFilter::new()
            .with_status(RuntimeStatus::Failed)
            .created_after(at(1))
            .created_before(at(2))
            .with_timeout(Duration::from_secs(3)),
    ] {
        client.purge(filter).await.unwrap();
    }
    let filters = host
        .requests::<PurgeInstancesRequest>("PurgeInstances")
        .into_iter()
        .map(|request| {
            let Some(PurgeTarget::PurgeInstanceFilter(filter)) = request.request else {
                panic!("no filter");
            };
            let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds);
            let timeout = filter.timeout.map(|it| it.seconds);
            (
                filter.runtime_status,
                seconds(filter.created_time_from),
                seconds(filter.created_time_to),
                timeout,
            )
        });
    // The time is always there: extension 2.13 fails without it.
    let first = Some(-62_135_596_800);
    assert_eq!(
        filters.collect::<Vec<_>>(),
        [
            (vec![1, 3, 5, 4], first, None, None),
            (vec![], first, None, None),
            (vec![3], Some(1), Some(2), Some(3)),
        ]
    );
}

#[tokio::test]
async fn entities_are_signalled_read_and_listed() {
    for version in ["3.14", "3.19"] {
        let case = Case::read(version, "entity-signal");
        let host = Scripted::listen().await;
        let client = host.client();
        let counter = client.entity(COUNTER.id("entity-signal"));
        case.answer(&host, 1);
        case.answer(&host, 5);
        assert_eq!(counter.state::<i64>().await.unwrap(), None);
        assert_eq!(counter.state::<i64>().await.unwrap(), Some(5));
        let read = host.requests::<GetEntityRequest>("GetEntity");
        assert_eq!(read, [case.request(1), case.request(5)]);
        let status = counter.status().await.unwrap().unwrap();
        assert_eq!((status.backlog, status.locked_by.as_deref()), (0, None));
        let error = counter.state::<String>().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the state of entity '@counter@entity-signal' is not of type String: invalid type: \
             integer `5`, expected a string at line 1 column 1"
        );

        case.answer(&host, 3);
        counter.signal(ADD, &5).await.unwrap();
        let [sent] = host
            .requests::<SignalEntityRequest>("SignalEntity")
            .try_into()
            .unwrap();
        let recorded: SignalEntityRequest = case.request(3);
        let id: uuid::Uuid = sent.request_id.parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
        let request_id = recorded.request_id.clone();
        assert_eq!(SignalEntityRequest { request_id, ..sent }, recorded);

        case.answer(&host, 18);
        let query = EntityQuery::new()
            .with_name("Counter")
            .with_states()
            .with_page_size(2);
        let page = client.entities(query).next_page().await.unwrap().unwrap();
        assert_eq!(page.items.len(), 2);
        assert_eq!(page.items[0].state_as::<i64>().unwrap(), Some(1));
        let [sent] = host
            .requests::<QueryEntitiesRequest>("QueryEntities")
            .try_into()
            .unwrap();
        let mut sent = sent.query.unwrap();
        // The recorded one had no `@` behind the name, which also finds `@counter2@…`.
        assert_eq!(sent.instance_id_starts_with.as_deref(), Some("@counter@"));
        sent.instance_id_starts_with = Some("@counter".to_owned());
        assert_eq!(Some(sent), case.request::<QueryEntitiesRequest>(18).query);

        case.answer(&host, 27);
        let cleaned = client.clean_entities().await.unwrap();
        assert_eq!((cleaned.removed, cleaned.released_locks), (0, 0));
        same::<CleanEntityStorageRequest>(&host, &case, 27);
    }
}
