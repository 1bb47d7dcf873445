//! `StreamInstanceHistory`.

use std::sync::Arc;

use durable_protocol::messages::{HistoryChunk, HistoryEvent, StreamInstanceHistoryRequest};
use futures::stream::{self, BoxStream, StreamExt as _};
use prost::Message as _;
use prost::bytes::Bytes;
use task_hub::Store as _;
use tonic::Status;

use super::super::Inner;
use super::super::driver::TaskHub;
use super::call::{Call, unavailable};

/// A chunk is not longer than this, as on a real host, unless it has one event only.
const LONGEST_CHUNK: usize = 2 * 1024 * 1024;

/// The history of the current execution.
pub(super) async fn stream(
    hub: Arc<Inner>,
    call: Call<StreamInstanceHistoryRequest>,
) -> Result<BoxStream<'static, Result<HistoryChunk, Status>>, Status> {
    let id = call.message.instance_id;
    let execution = call.message.execution_id.filter(|it| !it.is_empty());
    let not_found = match &execution {
        None => format!("Orchestration instance with ID {id} was not found."),
        Some(execution) => {
            format!(
                "Orchestration instance with ID {id} and execution ID {execution} was not found."
            )
        }
    };
    let read = move |hub: &TaskHub| match hub.instance(&id)? {
        Some(instance) if execution.is_none_or(|it| it == instance.execution) => {
            hub.store().history(&id).map(Some)
        }
        // Only the current execution has a history.
        _ => Ok(None),
    };
    let events = match call.other_hub {
        Some(_) => None,
        None => hub.driver.read(read).await.map_err(unavailable)?,
    };
    let events = events.ok_or_else(|| Status::not_found(not_found))?;
    Ok(stream::iter(chunks(events)).map(decode).boxed())
}

fn chunks(events: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let mut chunks: Vec<Vec<Bytes>> = Vec::new();
    let mut length = 0;
    for event in events {
        length += event.len();
        match chunks.last_mut() {
            Some(chunk) if length <= LONGEST_CHUNK => chunk.push(event),
            _ => {
                length = event.len();
                chunks.push(vec![event]);
            }
        }
    }
    chunks
}

fn decode(chunk: Vec<Bytes>) -> Result<HistoryChunk, Status> {
    let events = chunk.into_iter().map(HistoryEvent::decode);
    let events = events.collect::<Result<_, _>>();
    events
        .map(|events| HistoryChunk { events })
        .map_err(|_| Status::internal("The history of the instance is damaged."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_short_or_have_one_event() {
        let event = |length: usize| Bytes::from(vec![0; length]);
        let events = [1, LONGEST_CHUNK - 1, 1, LONGEST_CHUNK + 1, 2, 3];
        let chunks = chunks(events.map(event).into());
        let lengths: Vec<Vec<usize>> = chunks
            .iter()
            .map(|chunk| chunk.iter().map(Bytes::len).collect())
            .collect();
        assert_eq!(
            lengths,
            [
                vec![1, LONGEST_CHUNK - 1],
                vec![1],
                vec![LONGEST_CHUNK + 1],
                vec![2, 3]
            ]
        );
    }
}
