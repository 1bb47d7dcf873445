//! Activity functions behind their handles.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ActivityContext, envelope, report};
use crate::panic::{caught, guarded};
use crate::{Activity, Failure, Result, codec};

type Running = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send>>;
type Run = dyn Fn(ActivityContext, Option<&str>) -> Result<Running, Failure> + Send + Sync;

/// An activity function behind its handle, ready to be run. Cheap to clone.
#[derive(Clone)]
pub struct ActivityFunction {
    name: &'static str,
    run: Arc<Run>,
}

impl ActivityFunction {
    /// Binds `function` to its handle.
    pub fn new<I, O, F, Fut>(handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let name = handle.name();
        let run = move |context: ActivityContext, input: Option<&str>| {
            let input = input.unwrap_or("null").as_bytes();
            let input = codec::read_input("activity", name, input)?;
            let running = function(context, input);
            Ok(Box::pin(async move {
                let output = running.await.map_err(|error| error.to_failure())?;
                codec::write_output("activity", name, &output).map_err(Failure::non_retriable)
            }) as Running)
        };
        ActivityFunction {
            name,
            run: Arc::new(run),
        }
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The text to answer the host with for a failure, as the body of an answer with status 200 and
    /// type `text/plain; charset=utf-8`: the host fails the invocation, and an orchestrator of this
    /// crate gets the failure back, with its type, its flag and its causes.
    pub fn report(failure: &Failure) -> String {
        report::of(failure)
    }

    /// Runs the activity on an input that is JSON text (`None` when there is none) and gives the
    /// text to return to the host: the result, in the form that the host does not change.
    ///
    /// # Errors
    /// The failure of the activity, to be answered with its [report](Self::report); an input that
    /// is not of its type; an output that cannot be written as JSON. A panic is a failure of type
    /// [`Panic`](crate::error_type::PANIC); it does not leave this function.
    pub async fn call(
        &self,
        context: ActivityContext,
        input: Option<&str>,
    ) -> Result<String, Failure> {
        let json = self.run(context, input).await?;
        Ok(envelope::encode_result(&json))
    }

    /// The same for a sidecar, which does not change results: the output as JSON text.
    #[cfg(feature = "worker")]
    pub(crate) async fn call_plain(
        &self,
        context: ActivityContext,
        input: Option<&str>,
    ) -> Result<String, Failure> {
        let json = self.run(context, input).await?;
        Ok(envelope::plain_result(json))
    }

    async fn run(&self, context: ActivityContext, input: Option<&str>) -> Result<String, Failure> {
        let running = guarded("activity", || (self.run)(context, input))?;
        caught("activity", running).await
    }
}

impl fmt::Debug for ActivityFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActivityFunction").field(&self.name).finish()
    }
}
