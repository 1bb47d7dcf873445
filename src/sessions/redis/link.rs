//! The connection to Redis, shared by all calls.
//!
//! It is opened by the first call that needs it, and again after it has broken or did not answer. Each call has a time
//! limit, within which it is repeated after what passes by itself: all calls of the store may be repeated. The redis
//! crate's own `ConnectionManager` keeps a connection that does not answer, and repeats nothing.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use redis::{AsyncConnectionConfig, Client, Cmd, Value, aio::MultiplexedConnection};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout, timeout_at},
};

use super::{
    RedisConnection,
    fault::Fault,
    identity::{ManagedIdentity, Token},
};

/// Time limits of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For a connection, with TLS.
    pub(super) connect: Duration,
    /// For an answer, also to a login.
    pub(super) answer: Duration,
    /// For the call with all its attempts.
    pub(super) call: Duration,
    /// Before the second attempt; it doubles with each further one.
    pub(super) first_delay: Duration,
    pub(super) max_delay: Duration,
}

impl Default for Limits {
    /// A message is delivered again after a failure, and a client that looks a session up asks again. So a call bridges a
    /// restart, and does not wait for more.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(2),
            call: Duration::from_secs(5),
            first_delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(1),
        }
    }
}

/// The way to one Redis server.
pub(super) struct Link {
    connection: RedisConnection,
    identity: Option<ManagedIdentity>,
    limits: Limits,
    state: Mutex<State>,
}

/// The user, if there is one, and the password. `None`: no login.
type Login<'a> = Option<(Option<&'a str>, &'a str)>;

#[derive(Default)]
struct State {
    open: Option<Open>,
    token: Option<Token>,
    /// Whether no connection has logged in with the token yet. A call that ends early leaves that to the next one.
    has_new_token: bool,
    opened: u64,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// Tells it from the ones before.
    number: u64,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("connection", &self.connection)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(
        connection: RedisConnection,
        identity: Option<ManagedIdentity>,
        limits: Limits,
    ) -> Self {
        Self {
            connection,
            identity,
            limits,
            state: Mutex::default(),
        }
    }

    /// The answer to a command that may be repeated.
    pub(super) async fn call(&self, command: &Cmd) -> Result<Value, Fault> {
        let deadline = Instant::now() + self.limits.call;
        let mut delay = self.limits.first_delay;
        let mut last = Fault::Slow;
        loop {
            match timeout_at(deadline, self.attempt(command)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(fault)) if fault.is_transient() => last = fault,
                Ok(Err(fault)) => return Err(fault),
                Err(_) => return Err(last),
            }
            if Instant::now() + delay >= deadline {
                return Err(last);
            }
            tracing::debug!("the session store {last}; it is asked again");
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(self.limits.max_delay);
        }
    }

    async fn attempt(&self, command: &Cmd) -> Result<Value, Fault> {
        let mut open = self.open().await?;
        let fault = match self.send(command, &mut open.connection).await {
            Ok(answer) => return Ok(answer),
            // Its token has ended, while nobody used the connection.
            Err(Fault::WrongPassword) if self.identity.is_some() => Fault::LoggedOut,
            Err(fault) => fault,
        };
        if fault.ends_connection() {
            let mut state = self.state.lock().await;
            // Another call may have opened a new one already.
            state.open.take_if(|it| it.number == open.number);
        }
        Err(fault)
    }

    /// The open connection, or a new one. Only one call at a time opens one; the others wait for it.
    async fn open(&self) -> Result<Open, Fault> {
        let mut state = self.state.lock().await;
        self.renew_token(&mut state).await?;
        let State {
            open,
            token,
            has_new_token,
            opened,
        } = &mut *state;
        let login = match token {
            Some(token) => Some((Some(self.user_of(token)?), token.text.as_str())),
            None => self
                .connection
                .password()
                .map(|password| (self.connection.user(), password)),
        };
        if let Some(open) = open.as_mut() {
            if !*has_new_token {
                return Ok(open.clone());
            }
            // A connection that cannot be logged in again is of no use any more.
            if self.log_in(&mut open.connection, login).await.is_ok() {
                *has_new_token = false;
                return Ok(open.clone());
            }
        }
        *open = None;
        let connection = match self.connect(login).await {
            Ok(connection) => connection,
            Err(Fault::WrongPassword) if self.identity.is_some() => {
                *token = None;
                return Err(match *has_new_token {
                    true => Fault::TokenRefused,
                    // One that was kept may have been withdrawn. The next attempt takes another.
                    false => Fault::LoggedOut,
                });
            }
            Err(fault) => return Err(fault),
        };
        *has_new_token = false;
        *opened += 1;
        let new = Open {
            connection,
            number: *opened,
        };
        *open = Some(new.clone());
        Ok(new)
    }

    async fn connect(&self, login: Login<'_>) -> Result<MultiplexedConnection, Fault> {
        // TLS of the redis crate panics without a provider. This fails when one is installed already, which is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(self.connection.address()?)?;
        // The limits are here, so that they include the wait for a place in the connection's queue.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connected = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(self.limits.connect, connected)
            .await
            .map_err(|_| Fault::Unreachable)??;
        self.log_in(&mut connection, login).await?;
        if self.connection.database() != 0 {
            let mut command = redis::cmd("SELECT");
            command.arg(self.connection.database());
            self.send(&command, &mut connection).await?;
        }
        Ok(connection)
    }

    async fn log_in(
        &self,
        connection: &mut MultiplexedConnection,
        login: Login<'_>,
    ) -> Result<(), Fault> {
        let Some((user, password)) = login else {
            return Ok(());
        };
        let mut command = redis::cmd("AUTH");
        if let Some(user) = user {
            command.arg(user);
        }
        command.arg(password);
        self.send(&command, connection).await?;
        Ok(())
    }

    async fn send(
        &self,
        command: &Cmd,
        connection: &mut MultiplexedConnection,
    ) -> Result<Value, Fault> {
        let answer = command.query_async(connection);
        match timeout(self.limits.answer, answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Fault::Slow),
        }
    }

    /// Takes a new token when it is time.
    async fn renew_token(&self, state: &mut State) -> Result<(), Fault> {
        let Some(identity) = &self.identity else {
            return Ok(());
        };
        let now = SystemTime::now();
        if state.token.as_ref().is_some_and(|it| !it.is_due(now)) {
            return Ok(());
        }
        match identity.token().await {
            Ok(token) => {
                state.token = Some(token);
                state.has_new_token = true;
                Ok(())
            }
            Err(fault) => {
                let is_good = state.token.as_mut().is_some_and(|it| it.postpone(now));
                if !is_good {
                    return Err(fault);
                }
                tracing::warn!("the token for Redis cannot be renewed yet: the store {fault}");
                Ok(())
            }
        }
    }

    /// The user in `RedisConnection` wins over the object id in the token.
    fn user_of<'a>(&'a self, token: &'a Token) -> Result<&'a str, Fault> {
        let user = self.connection.user();
        user.or(token.object_id.as_deref()).ok_or(Fault::NoToken)
    }
}
