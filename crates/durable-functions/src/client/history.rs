//! The history of an instance.

use std::collections::VecDeque;
use std::fmt;

use durable_protocol::messages::{
    HistoryChunk, HistoryEvent as WireEvent, StreamInstanceHistoryRequest,
};
use tonic::{Code, Status as RpcStatus, Streaming};

use super::operation::not_found;
use super::{ClientError, Instance, error, rpc};
use crate::{History, HistoryEvent};

const METHOD: &str = "StreamInstanceHistory";

impl<O> Instance<O> {
    /// The history of the current execution: all events with their payloads, oldest first. It is empty when the
    /// instance has not begun.
    ///
    /// # Errors
    /// Those of [every method](Instance#errors); [`ClientError::NotFound`]; [`ClientError::Unsupported`] with extension
    /// 2.13.
    pub async fn history(&self) -> Result<History, ClientError> {
        let mut stream = self.history_stream().await?;
        let mut events = Vec::new();
        while let Some(event) = stream.next_event().await? {
            events.push(event);
        }
        Ok(History::of_events(self.id(), events))
    }

    /// The events of the current execution, one after the other. In this way a long history need not be in memory
    /// whole.
    ///
    /// ```no_run
    /// # use durable_functions::{ClientError, EventKind, Instance};
    /// # async fn example(instance: Instance) -> Result<(), ClientError> {
    /// let mut events = instance.history_stream().await?;
    /// while let Some(event) = events.next().await? {
    ///     if let EventKind::TaskScheduled { name, .. } = event.kind() {
    ///         println!("{name} was called");
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`history`](Self::history).
    pub async fn history_stream(&self) -> Result<HistoryStream, ClientError> {
        error::check(self.id())?;
        let request = StreamInstanceHistoryRequest {
            instance_id: self.id().to_owned(),
            ..StreamInstanceHistoryRequest::default()
        };
        let chunks = self.client().connection.stream(METHOD, request).await;
        let mut stream = HistoryStream {
            id: self.id().to_owned(),
            chunks: chunks.map_err(|status| failed(self.id(), &status))?,
            events: VecDeque::new(),
        };
        // Most refusals come with the first message.
        stream.fill().await?;
        Ok(stream)
    }
}

/// The events of an instance, as they arrive; see [`Instance::history_stream`].
pub struct HistoryStream {
    id: String,
    chunks: Streaming<HistoryChunk>,
    events: VecDeque<WireEvent>,
}

impl HistoryStream {
    /// The next event; `None` behind the last one.
    ///
    /// # Errors
    /// [`ClientError::Unavailable`] when the connection breaks; [`ClientError::Rpc`]. Nothing more comes then.
    pub async fn next(&mut self) -> Result<Option<HistoryEvent<'static>>, ClientError> {
        Ok(self.next_event().await?.map(HistoryEvent::owned))
    }

    async fn next_event(&mut self) -> Result<Option<WireEvent>, ClientError> {
        self.fill().await?;
        Ok(self.events.pop_front())
    }

    /// Reads until there is an event, or the end. A chunk can be empty.
    async fn fill(&mut self) -> Result<(), ClientError> {
        while self.events.is_empty() {
            match self.chunks.message().await {
                Ok(Some(chunk)) => self.events.extend(chunk.events),
                Ok(None) => break,
                Err(status) => return Err(failed(&self.id, &status)),
            }
        }
        Ok(())
    }
}

fn failed(id: &str, status: &RpcStatus) -> ClientError {
    match status.code() {
        Code::NotFound => not_found(id),
        _ => rpc::failed(METHOD, status),
    }
}

impl fmt::Debug for HistoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HistoryStream").field(&self.id).finish()
    }
}
