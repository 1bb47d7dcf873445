//! A real Azurite queue service for one test, on a port of its own. It keeps its messages when it is stopped.

use std::{net::TcpListener, process::Child};

use azure_storage_queues::QueueClient;
use base64::{Engine, prelude::BASE64_STANDARD};
use tempfile::TempDir;

use super::{
    azurite::{ACCOUNT, ACCOUNT_KEY, install, listening},
    host::send_signal,
    sdk_transport,
};

/// A queue service, running or stopped; it ends when this is dropped.
pub(crate) struct Queues {
    process: Option<Child>,
    port: u16,
    folder: TempDir,
}

/// A message that can be taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    pub(crate) text: String,
    pub(crate) dequeue_count: u64,
}

impl Queues {
    pub(crate) fn start() -> Self {
        for _ in 0..5 {
            let mut queues = Self::stopped();
            queues.process = queues.listen();
            if queues.process.is_some() {
                return queues;
            }
        }
        panic!(
            "Azurite ended before it listened, five times: is Node.js 20 or later installed (`node --version`)?"
        );
    }

    /// One that has not been started yet.
    pub(crate) fn stopped() -> Self {
        // Should another process take the port meanwhile, the start fails.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            process: None,
            port: listener.local_addr().unwrap().port(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts it again on the same port with the messages that it had.
    pub(crate) fn start_again(&mut self) {
        self.process = self.listen();
        assert!(self.process.is_some(), "Azurite does not start");
    }

    /// Stops it, so that it stores its messages first.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            send_signal(process.id(), "TERM");
            process.wait().unwrap();
        }
    }

    fn listen(&self) -> Option<Child> {
        let port = self.port.to_string();
        let folder = self.folder.path().to_str().unwrap();
        listening(
            &install("azurite-queue"),
            &[
                "--location",
                folder,
                "--queueHost",
                "127.0.0.1",
                "--queuePort",
                &port,
            ],
        )
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    pub(crate) fn connection_string(&self) -> String {
        format!(
            "AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};QueueEndpoint={}",
            self.endpoint()
        )
    }

    fn queue(&self, name: &str) -> QueueClient {
        sdk_transport::queues(&self.endpoint()).queue_client(name)
    }

    /// Puts a message into a queue, which must be there.
    pub(crate) async fn put(&self, queue: &str, text: &str) {
        let text = BASE64_STANDARD.encode(text);
        self.queue(queue).put_message(text).await.unwrap();
    }

    /// The messages of a queue that can be taken now.
    pub(crate) async fn visible(&self, queue: &str) -> Vec<Visible> {
        let peeked = self.queue(queue).peek_messages().number_of_messages(32);
        let messages = peeked.await.unwrap().messages.into_iter();
        messages
            .map(|message| Visible {
                text: String::from_utf8(BASE64_STANDARD.decode(message.message_text).unwrap())
                    .unwrap(),
                dequeue_count: message.dequeue_count,
            })
            .collect()
    }

    /// How many messages a queue has, hidden ones included.
    pub(crate) async fn count(&self, queue: &str) -> usize {
        let metadata = self.queue(queue).get_metadata().await.unwrap();
        metadata.approximate_messages_count
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
