//! Requests that do not reach the app: malformed ones, foreign hosts and origins, slow uploads.

use crate::support::{Host, Options, Reply};
use local_host::http::{Cors, UploadLimits};
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

const OK: &str = r#"{"Outputs":{"res":{"statusCode":200,"body":"ok"}}}"#;

async fn host_with(cors: Option<Cors>) -> Host {
    Host::start_options(Options {
        upload: UploadLimits::of_kestrel(1_000),
        cors,
        ..Options::default()
    })
    .await
}

async fn ask(host: &Host, line: &str, headers: &str) -> Reply {
    let request = format!("{line} HTTP/1.1\r\n{headers}\r\n");
    host.send_bytes(request.as_bytes()).await
}

fn said(host: &Host, text: &str) -> bool {
    host.log
        .messages()
        .iter()
        .any(|(_, message)| message.contains(text))
}

#[tokio::test]
async fn request_lines_and_headers_have_the_limits_of_kestrel() {
    let host = Host::start().await;
    let around = "GET  HTTP/1.1\r\n".len();
    let line = |length: usize| format!("GET /{}", "x".repeat(length - around - 1));
    let localhost = "Host: localhost\r\n";
    for (length, status) in [(8_192, 404), (8_193, 414), (60_000, 414), (80_000, 414)] {
        let reply = ask(&host, &line(length), localhost).await;
        assert_eq!(reply.status, status, "{length}");
    }
    // The query counts, too.
    let query = format!("GET /?{}", "a=1&".repeat(4_000));
    assert_eq!(ask(&host, &query, localhost).await.status, 414);
    let headers = format!("{localhost}X-A: {}\r\n", "x".repeat(33_000));
    assert_eq!(ask(&host, "GET /", &headers).await.status, 431);
    let headers = localhost.to_owned() + &"X-A: 1\r\n".repeat(200);
    assert_eq!(ask(&host, "GET /", &headers).await.status, 431);
}

#[tokio::test]
async fn a_host_header_that_is_missing_empty_double_or_no_host_is_a_400() {
    let host = Host::start().await;
    for headers in [
        "",
        "Host:\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: local host\r\n",
        "Host: localhost:x\r\n",
        "Host: user@localhost\r\n",
        "Host: http://localhost\r\n",
    ] {
        let reply = ask(&host, "GET /api/reply", headers).await;
        assert_eq!(reply.status, 400, "{headers:?}");
        assert_eq!(reply.header("Connection"), Some("close"), "{headers:?}");
    }
    assert!(host.handler.take_received().is_empty());
    assert!(said(&host, "the request has several Host headers"));
}

#[tokio::test]
async fn functions_and_the_admin_api_accept_host_names_of_this_machine_only() {
    let host = Host::start().await;
    let run = "POST /admin/functions/act";
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for line in ["GET /api/reply", "GET /admin/host/status", "GET /"] {
        let reply = ask(&host, line, "Host: evil.example:7071\r\n").await;
        assert_eq!(reply.status, 403, "{line}");
        assert!(reply.text().contains("--allow-host evil.example"));
        host.handler.answer_json(OK);
        for own in [
            "localhost:7071",
            "127.0.0.1",
            "[::1]:7071",
            "API.example.com",
        ] {
            host.handler.answer_json(OK);
            let reply = ask(&host, line, &format!("Host: {own}\r\n")).await;
            assert_eq!(reply.status, 200, "{line} {own}");
        }
        host.handler.take_received();
    }
    let request = format!("{run} HTTP/1.1\r\nHost: evil.example\r\n{body}");
    assert_eq!(host.send_bytes(request.as_bytes()).await.status, 403);
    assert!(host.handler.take_received().is_empty());
    assert!(said(
        &host,
        "start local-host with --allow-host evil.example"
    ));
}

#[tokio::test]
async fn the_admin_api_is_not_for_pages_of_other_sites() {
    let listed = Cors::new("http://portal.example,http://b.example", false).unwrap();
    let any = Cors::new("*", false).unwrap();
    for (cors, origin, status) in [
        (None, "http://evil.example", 403),
        (None, "null", 403),
        (None, "http://localhost:5173", 200),
        (listed.clone(), "http://portal.example", 200),
        (listed, "http://evil.example", 403),
        (any, "http://evil.example", 403),
    ] {
        let host = host_with(cors).await;
        let headers = format!("Host: localhost\r\nOrigin: {origin}\r\n");
        for line in [
            "GET /admin/host/status",
            "GET /ADMIN/host/status",
            "GET /%61dmin/host/status",
            "GET /x/../admin/host/status",
        ] {
            assert_eq!(ask(&host, line, &headers).await.status, status, "{origin}");
        }
        // The management API is not there, which only the pages that may call it are told.
        let management = ask(&host, "GET /runtime/webhooks/durabletask", &headers).await;
        let expected = if status == 200 { 202 } else { status };
        assert_eq!(management.status, expected, "{origin}");
        assert_eq!(
            said(&host, "list its origin in --cors or Host.CORS"),
            status == 403,
            "{origin}"
        );
        // Not a path of the host, only one that begins with the same letters.
        assert_eq!(ask(&host, "GET /adminx", &headers).await.status, 404);
        // Functions are not protected, as on a real host.
        host.handler.answer_json(OK);
        assert_eq!(ask(&host, "GET /api/reply", &headers).await.status, 200);
    }
}

/// The CORS headers of a response.
fn cors_headers(reply: &Reply) -> Vec<(String, String)> {
    let mut headers = reply.headers();
    headers.retain(|(name, _)| name.starts_with("access-control-") || name == "vary");
    headers
}

#[tokio::test]
async fn cross_origin_requests_are_answered_as_under_func_start() {
    let one = || Cors::new("http://a", false).unwrap();
    let two = || Cors::new("http://a,http://b", true).unwrap();
    let any = || Cors::new("*", false).unwrap();
    let origin = "access-control-allow-origin";
    let credentials = ("access-control-allow-credentials", "true");
    let preflight = [
        ("access-control-allow-headers", "x-one,x-two"),
        ("access-control-allow-methods", "PUT"),
    ];
    for (cors, from, simple) in [
        (None, "http://a", vec![]),
        (one(), "http://a", vec![(origin, "http://a")]),
        (one(), "http://b", vec![]),
        (any(), "http://c", vec![(origin, "*")]),
        (
            two(),
            "http://b",
            vec![credentials, (origin, "http://b"), ("vary", "Origin")],
        ),
        (two(), "http://c", vec![]),
    ] {
        let label = format!("{cors:?} {from}");
        let is_on = cors.is_some();
        let host = host_with(cors).await;
        let headers = format!("Host: localhost\r\nOrigin: {from}\r\n");
        host.handler.answer_json(OK);
        let reply = ask(&host, "GET /api/reply", &headers).await;
        let expect = |list: &[(&str, &str)]| {
            let mut list: Vec<_> = list
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            list.sort();
            list
        };
        assert_eq!(reply.status, 200, "{label}");
        assert_eq!(cors_headers(&reply), expect(&simple), "{label}");
        // Errors have them, too, so that a page can read the reason.
        let reply = ask(&host, "GET /api/nosuch", &headers).await;
        assert_eq!(reply.status, 404, "{label}");
        assert_eq!(cors_headers(&reply), expect(&simple), "{label}");

        let wanted = "Access-Control-Request-Method: PUT\r\n\
                      Access-Control-Request-Headers: x-one,x-two\r\n";
        let reply = ask(&host, "OPTIONS /api/nosuch", &format!("{headers}{wanted}")).await;
        let mut all = simple.clone();
        if !simple.is_empty() {
            all.extend(preflight);
        }
        if is_on {
            assert_eq!(reply.status, 204, "{label}");
            assert_eq!(cors_headers(&reply), expect(&all), "{label}");
            assert_eq!(reply.header("X-Custom-Default"), None);
        } else {
            assert_eq!(reply.status, 404, "{label}");
        }
        // Without the method or the origin it is no preflight, and neither is a GET.
        let without_origin = format!("Host: localhost\r\n{wanted}");
        for (line, headers) in [
            ("OPTIONS /api/nosuch", &headers),
            ("OPTIONS /api/nosuch", &without_origin),
            ("GET /api/nosuch", &format!("{headers}{wanted}")),
        ] {
            let reply = ask(&host, line, headers).await;
            assert_eq!(reply.status, 404, "{label} {line} {headers}");
        }
    }
}

#[tokio::test]
async fn the_headers_of_cors_replace_those_of_a_function_and_vary_is_added() {
    let host = host_with(Cors::new("http://a,http://b", false).unwrap()).await;
    host.handler.answer_json(
        r#"{"Outputs":{"res":{"body":"x","headers":{"Vary":"Accept","Access-Control-Allow-Origin":"*"}}}}"#,
    );
    let reply = ask(
        &host,
        "GET /api/reply",
        "Host: localhost\r\nOrigin: http://a\r\n",
    )
    .await;
    let pairs: Vec<_> = cors_headers(&reply);
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("access-control-allow-origin", "http://a"),
            ("vary", "Accept"),
            ("vary", "Origin")
        ]
    );
}

/// Sends bytes and closes the client's side, all before the host sees the connection.
fn half_closed(host: &Host, bytes: &[u8]) -> tokio::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(host.address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

#[tokio::test]
async fn a_client_that_has_closed_its_side_still_gets_its_answer() {
    let host = Host::start().await;
    host.handler.answer_json(OK);
    let mut stream = half_closed(&host, b"GET /api/reply HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let reply = Reply::read(&mut stream, false).await;
    assert_eq!((reply.status, reply.text()), (200, "ok"));
}

#[tokio::test]
async fn an_upload_that_is_cut_off_is_a_400_with_the_reason() {
    let host = Host::start().await;
    for (rest, words) in [
        (
            "Content-Length: 10\r\n\r\n12345",
            "broke off after 5 of 10 bytes",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n12",
            "broke off after 7 bytes",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "broke off after 0 bytes",
        ),
    ] {
        let request = format!("POST /api/echo HTTP/1.1\r\nHost: localhost\r\n{rest}");
        let mut stream = half_closed(&host, request.as_bytes());
        let reply = Reply::read(&mut stream, false).await;
        assert_eq!(reply.status, 400, "{rest}");
        assert!(reply.text().contains(words), "{}", reply.text());
        assert!(said(&host, words));
    }
    assert!(host.handler.take_received().is_empty());
}

#[tokio::test]
async fn an_upload_that_is_too_slow_is_a_408_with_the_reason() {
    let host = Host::start_options(Options {
        upload: UploadLimits {
            bytes: 1_000,
            grace: Duration::from_millis(50),
            bytes_per_second: 1_000_000,
        },
        ..Options::default()
    })
    .await;
    let request = "POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345";
    let reply = host.send_bytes(request.as_bytes()).await;
    assert_eq!(reply.status, 408);
    assert!(
        reply
            .text()
            .contains("Reading the request body timed out: 5 bytes came in"),
        "{}",
        reply.text()
    );
    assert!(host.handler.take_received().is_empty());
}

#[tokio::test]
async fn the_address_of_a_client_is_appended_by_a_front_end_only() {
    for front_end in [false, true] {
        let host = Host::start_options(Options {
            front_end,
            ..Options::default()
        })
        .await;
        host.handler.answer_json(OK);
        let headers = "Host: localhost\r\nX-Forwarded-For: 10.0.0.1\r\n";
        assert_eq!(ask(&host, "GET /api/reply", headers).await.status, 200);
        let received = host.handler.take_received();
        let headers = received[0].json()["Data"]["req"]["Headers"].clone();
        let mut headers = headers.as_object().unwrap().iter();
        let seen = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
        let seen = seen.unwrap().1.as_array().unwrap();
        assert_eq!(seen.len(), 1);
        match front_end {
            false => assert_eq!(seen[0], "10.0.0.1"),
            true => {
                let text = seen[0].as_str().unwrap();
                let peer = text.strip_prefix("10.0.0.1, 127.0.0.1:").unwrap();
                assert!(peer.parse::<u16>().is_ok(), "{text}");
            }
        }
    }
}
