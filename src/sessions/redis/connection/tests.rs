use super::*;
use proptest::prelude::*;

fn parts(text: &str) -> (String, u16, bool, Option<String>, Option<String>, u16) {
    let it = RedisConnection::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    (it.host, it.port, it.tls, it.user, it.password, it.database)
}

fn expected(
    host: &str,
    port: u16,
    tls: bool,
    user: Option<&str>,
    password: Option<&str>,
    database: u16,
) -> (String, u16, bool, Option<String>, Option<String>, u16) {
    (
        host.into(),
        port,
        tls,
        user.map(Into::into),
        password.map(Into::into),
        database,
    )
}

#[test]
fn a_url_is_read() {
    for (text, parts_of_it) in [
        (
            "redis://localhost",
            expected("localhost", 6379, false, None, None, 0),
        ),
        (
            "rediss://:p%40ss%2F@cache.example:6380/2",
            expected("cache.example", 6380, true, None, Some("p@ss/"), 2),
        ),
        (
            "REDISS://app:secret@127.0.0.1/",
            expected("127.0.0.1", 6379, true, Some("app"), Some("secret"), 0),
        ),
        (
            "redis://[::1]:7000",
            expected("::1", 7000, false, None, None, 0),
        ),
        (
            "rediss://name.westeurope.redis.azure.net:10000",
            expected(
                "name.westeurope.redis.azure.net",
                10000,
                true,
                None,
                None,
                0,
            ),
        ),
    ] {
        assert_eq!(parts(text), parts_of_it, "{text}");
    }
}

#[test]
fn the_connection_string_of_the_portal_is_read() {
    for (text, parts_of_it) in [
        (
            "name.redis.cache.windows.net:6380,password=abc+/=,ssl=True,abortConnect=False",
            expected(
                "name.redis.cache.windows.net",
                6380,
                true,
                None,
                Some("abc+/="),
                0,
            ),
        ),
        (
            "name.redis.cache.windows.net, SSL=true, user = app, password=x, defaultDatabase=3,",
            expected(
                "name.redis.cache.windows.net",
                6380,
                true,
                Some("app"),
                Some("x"),
                3,
            ),
        ),
        (
            "name.westeurope.redis.azure.net:10000,password=x,ssl=True,abortConnect=False",
            expected(
                "name.westeurope.redis.azure.net",
                10000,
                true,
                None,
                Some("x"),
                0,
            ),
        ),
        (
            "password=x://y,localhost",
            expected("localhost", 6379, false, None, Some("x://y"), 0),
        ),
        ("[::1]", expected("::1", 6379, false, None, None, 0)),
        ("[::1]:7000", expected("::1", 7000, false, None, None, 0)),
    ] {
        assert_eq!(parts(text), parts_of_it, "{text}");
    }
}

#[test]
fn errors_name_the_part_and_show_no_value() {
    for (text, problem) in [
        (
            "http://s3cret",
            "the scheme of the URL is neither redis nor rediss",
        ),
        ("redis://", "the URL has no host"),
        ("redis://:s3cret@", "it is not a valid URL"),
        ("redis://:s3cret@host:port", "it is not a valid URL"),
        ("redis://:s3c?ret@host", "it is not a valid URL"),
        ("redis://host?s3cret", "the URL has a query or a fragment"),
        ("redis://host#s3cret", "the URL has a query or a fragment"),
        (
            "redis://host/s3cret",
            "the path of the URL is not the number",
        ),
        ("redis://host/+1", "the path of the URL is not the number"),
        (
            "redis://:s3cret%FF@host",
            "the password of the URL is not UTF-8",
        ),
        ("password=s3cret", "the host is missing"),
        ("host,s3cret", "part 2 is a second host"),
        ("host,password=s3c,ret=x", "part 3 has an unknown name"),
        ("host,password=", "password has no value"),
        (
            "host,password=s3cret,Password=s3cret",
            "password is given twice",
        ),
        ("host,ssl=s3cret", "ssl is neither true nor false"),
        ("host,sslHost=s3cret", "sslHost is not supported"),
        ("host:s3cret", "the port of the first part is not a number"),
        ("s3/cret", "the first part is not of the form host:port"),
        (
            "host,defaultDatabase=s3cret",
            "defaultDatabase is not the number",
        ),
    ] {
        let error = RedisConnection::parse(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
        assert!(!error.contains("s3c"), "{error}");
    }
}

#[test]
fn the_debug_text_shows_neither_host_nor_credentials() {
    let connection = RedisConnection::parse("rediss://s3user:s3cret@s3host/1").unwrap();
    let text = format!("{connection:?}");
    assert!(!text.contains("s3"), "{text}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(redis://|rediss://|password=|ssl=|user=|[a-z0-9,:@/%?#=\\[\\]]{1,3}){0,12}") {
        if let Ok(connection) = RedisConnection::parse(&text) {
            let _ = connection.address();
        }
    }
}
