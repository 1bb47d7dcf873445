//! What a function without an HTTP trigger is.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use crate::{Answer, Interruption, Invocation};

pub use futures::future::BoxFuture;

/// A function with any trigger but HTTP: one call per invocation.
///
/// Implemented for every `async fn(Invocation) -> Result<Answer, FunctionError>` and closure of
/// that shape.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function of a function app",
    note = "expected `async fn(Invocation) -> Result<Answer, FunctionError>`; \
            a function with an HTTP trigger is registered with `App::http`"
)]
pub trait Function: Send + Sync + 'static {
    /// Runs the function once.
    ///
    /// An error, like a panic, makes the invocation fail: it is logged with the invocation's id,
    /// and the host applies the trigger's own rules (a queue message is delivered again). The host
    /// throws the error's text away.
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>>;

    /// The answer for an invocation whose call was dropped before it ended, or that came in while
    /// the handler is stopping and was never called.
    ///
    /// By default it is an error: the invocation fails, with status 504 after a time-out and 503 at
    /// a stop, and the host applies the trigger's own rules. It must not block.
    ///
    /// # Errors
    /// As of [`call`](Self::call).
    fn interrupted(
        &self,
        invocation: &Invocation,
        why: Interruption,
    ) -> Result<Answer, FunctionError> {
        let _ = invocation;
        Err(why.into())
    }
}

impl<F, Fut> Function for F
where
    F: Fn(Invocation) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, FunctionError>> + Send + 'static,
{
    fn call(&self, invocation: Invocation) -> BoxFuture<'static, Result<Answer, FunctionError>> {
        Box::pin(self(invocation))
    }
}

/// Why an invocation failed. Any error converts into it with `?`.
///
/// Its text goes to the log, with the texts of its sources; never to a client.
pub struct FunctionError(Box<dyn StdError + Send + Sync>);

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for FunctionError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The error and its sources on one line, joined with `: `.
impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
