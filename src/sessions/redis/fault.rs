//! What can go wrong with Redis, in texts for the log.
//!
//! Invariant: the texts are fixed. What Redis or the redis crate says may hold an address (`MOVED`), the name of a key
//! (`NOPERM`) or the user, so nothing of it is kept.

use std::{error::Error, io, sync::Arc};

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::sessions::StoreError;

/// Why a call did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot be reached: check the host, the port and TLS in RedisConnection")]
    Unreachable,
    #[error(
        "cannot be reached by TLS: does the port speak TLS, and is its certificate issued by a known authority for this \
         host?"
    )]
    Tls,
    #[error("did not answer in time")]
    Slow,
    #[error("closed the connection")]
    Broken,
    #[error("is starting, and still loads its data")]
    Loading,
    #[error("is busy with a script of somebody")]
    Busy,
    #[error("takes no more connections (maxclients)")]
    TooManyClients,
    #[error("is a replica, which takes no writes: RedisConnection must name the primary")]
    ReadOnly,
    #[error(
        "is a cluster that redirects its clients, which is not supported: choose a cluster policy with one endpoint"
    )]
    Cluster,
    #[error("is full (maxmemory) and takes no more entries")]
    Full,
    #[error("cannot save its data to disk, and therefore takes no writes")]
    NotSaving,
    #[error("refuses the user or the password in RedisConnection")]
    WrongPassword,
    #[error(
        "refuses the token of the managed identity: is the identity a user of the cache, under its object id?"
    )]
    TokenRefused,
    #[error("has ended the session of the managed identity")]
    LoggedOut,
    #[error(
        "cannot be used: the managed identity gave no token for Redis; is an identity assigned to the app?"
    )]
    NoToken,
    #[error("cannot be used: the endpoint of the managed identity does not answer")]
    NoIdentityEndpoint,
    #[error(
        "does not allow the user what is needed: EVAL with the commands of hashes and sorted sets, on keys that begin with \
         function-app:"
    )]
    NotAllowed,
    #[error("has no database of the number in RedisConnection")]
    NoDatabase,
    #[error("answered with an error that is not known here")]
    Unknown,
    #[error("holds an entry that is not one of this app")]
    ForeignEntry,
}

impl Fault {
    /// Whether the same call may succeed a little later. The repetition of each call is safe.
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Unreachable
            | Self::Slow
            | Self::Broken
            | Self::Loading
            | Self::Busy
            | Self::TooManyClients
            | Self::LoggedOut
            | Self::NoIdentityEndpoint
            // During a fail-over, until the name leads to the new primary.
            | Self::ReadOnly => true,
            Self::Tls
            | Self::Cluster
            | Self::Full
            | Self::NotSaving
            | Self::WrongPassword
            | Self::TokenRefused
            | Self::NoToken
            | Self::NotAllowed
            | Self::NoDatabase
            | Self::Unknown
            | Self::ForeignEntry => false,
        }
    }

    /// Whether the next attempt needs another connection: this one is broken, or leads to the wrong server.
    pub(super) fn ends_connection(self) -> bool {
        match self {
            Self::Loading
            | Self::Busy
            | Self::Full
            | Self::NotSaving
            | Self::NotAllowed
            | Self::Unknown
            | Self::ForeignEntry => false,
            Self::Unreachable
            | Self::Tls
            // Its answer may never come: behind a load balancer a connection can end without a word.
            | Self::Slow
            | Self::Broken
            | Self::TooManyClients
            | Self::ReadOnly
            | Self::Cluster
            | Self::WrongPassword
            | Self::TokenRefused
            | Self::LoggedOut
            | Self::NoToken
            | Self::NoIdentityEndpoint
            | Self::NoDatabase => true,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.to_string())
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => of_io(&error),
            ErrorKind::Server(kind) => match kind {
                ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown => Self::Loading,
                ServerErrorKind::ReadOnly => Self::ReadOnly,
                ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::CrossSlot => Self::Cluster,
                ServerErrorKind::NoPerm => Self::NotAllowed,
                _ => of_code("ERR", error.detail().unwrap_or_default()),
            },
            ErrorKind::Extension => of_code(
                error.code().unwrap_or_default(),
                error.detail().unwrap_or_default(),
            ),
            // A certificate that is not trusted, or a name that no certificate can have.
            ErrorKind::Client if is_tls(&error) => Self::Tls,
            // What answers does not speak the protocol of Redis.
            ErrorKind::Parse => Self::Broken,
            ErrorKind::UnexpectedReturnType => Self::ForeignEntry,
            // The name has no address.
            ErrorKind::InvalidClientConfig => Self::Unreachable,
            _ => Self::Unknown,
        }
    }
}

fn of_code(code: &str, detail: &str) -> Fault {
    match code {
        "OOM" => Fault::Full,
        "NOAUTH" | "WRONGPASS" => Fault::WrongPassword,
        "MISCONF" | "NOREPLICAS" => Fault::NotSaving,
        "BUSY" => Fault::Busy,
        "WRONGTYPE" => Fault::ForeignEntry,
        // Errors of commands inside a script keep their code in Redis 7. Redis 6 puts it into the text.
        "ERR" => [
            ("max number of clients", Fault::TooManyClients),
            // A password where none is set.
            ("AUTH", Fault::WrongPassword),
            ("DB index is out of range", Fault::NoDatabase),
            ("-OOM ", Fault::Full),
            ("-READONLY ", Fault::ReadOnly),
            ("-MISCONF ", Fault::NotSaving),
            ("-WRONGTYPE ", Fault::ForeignEntry),
            ("WRONGTYPE ", Fault::ForeignEntry),
            ("The user executing the script can't", Fault::NotAllowed),
        ]
        .into_iter()
        .find(|(words, _)| detail.contains(words))
        .map_or(Fault::Unknown, |(_, fault)| fault),
        _ => Fault::Unknown,
    }
}

fn of_io(error: &RedisError) -> Fault {
    if is_tls(error) {
        return Fault::Tls;
    }
    match cause(error).and_then(|it| it.downcast_ref::<io::Error>()) {
        Some(error) => match error.kind() {
            io::ErrorKind::TimedOut => Fault::Slow,
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof => Fault::Broken,
            _ => Fault::Unreachable,
        },
        // The redis crate's own error for a connection that has ended.
        None => Fault::Broken,
    }
}

fn is_tls(error: &RedisError) -> bool {
    let Some(cause) = cause(error) else {
        return false;
    };
    let in_io = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || in_io.is_some_and(|it| it.is::<rustls::Error>())
}

/// The error that the redis crate wraps. Its `source` is the pointer to that error, and the `source` of the pointer is
/// already the next one.
fn cause(error: &RedisError) -> Option<&(dyn Error + Send + Sync + 'static)> {
    let pointer = error
        .source()?
        .downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    Some(&**pointer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::make_extension_error;

    #[test]
    fn what_redis_says_is_told_without_its_words() {
        for (code, detail, expected) in [
            (
                "OOM",
                "command not allowed when used memory > 'maxmemory'.",
                Fault::Full,
            ),
            (
                "ERR",
                "Error running script (call to f_x): @user_script:1: @user_script: 1: -OOM command not allowed",
                Fault::Full,
            ),
            (
                "ERR",
                "Error running script: @user_script:1: The user executing the script can't access at least one of the keys",
                Fault::NotAllowed,
            ),
            ("NOAUTH", "Authentication required.", Fault::WrongPassword),
            (
                "WRONGPASS",
                "invalid username-password pair or user is disabled.",
                Fault::WrongPassword,
            ),
            (
                "MISCONF",
                "Redis is configured to save RDB snapshots, but it is currently unable to",
                Fault::NotSaving,
            ),
            ("BUSY", "Redis is busy running a script.", Fault::Busy),
            (
                "ERR",
                "max number of clients reached",
                Fault::TooManyClients,
            ),
            ("ERR", "DB index is out of range", Fault::NoDatabase),
            ("ERR", "s3cret", Fault::Unknown),
        ] {
            let error = make_extension_error(code.to_owned(), Some(detail.to_owned()));
            assert_eq!(Fault::from(error), expected, "{code} {detail}");
        }
        for (kind, expected) in [
            (ServerErrorKind::Moved, Fault::Cluster),
            (ServerErrorKind::BusyLoading, Fault::Loading),
            (ServerErrorKind::ReadOnly, Fault::ReadOnly),
            (ServerErrorKind::NoPerm, Fault::NotAllowed),
        ] {
            let error = RedisError::from((kind.into(), "s3cret", "1 s3cret:6379".to_owned()));
            assert_eq!(Fault::from(error), expected);
            assert!(!StoreError::from(expected).to_string().contains("s3cret"));
        }
    }

    #[test]
    fn an_end_of_the_connection_is_told_from_a_server_that_is_not_there() {
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, Fault::Unreachable),
            (io::ErrorKind::ConnectionReset, Fault::Broken),
            (io::ErrorKind::BrokenPipe, Fault::Broken),
            (io::ErrorKind::TimedOut, Fault::Slow),
        ] {
            let fault = Fault::from(RedisError::from(io::Error::from(kind)));
            assert_eq!(fault, expected);
            assert!(fault.is_transient() && fault.ends_connection());
        }
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert_eq!(Fault::from(RedisError::from(tls)), Fault::Tls);
    }
}
