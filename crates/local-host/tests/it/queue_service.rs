//! A queue service for one test: queues in memory, which can be away for a while.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::http_answer;

/// The state, and a way to wait for it.
#[derive(Clone)]
pub struct QueueService {
    port: u16,
    state: Arc<watch::Sender<State>>,
}

#[derive(Default)]
pub struct State {
    pub queues: HashMap<String, Vec<Message>>,
    /// Method and path of each request, those without an answer included.
    pub requests: Vec<String>,
    /// Whether connections end without an answer.
    pub away: bool,
    /// The method of the request after which it goes away.
    pub leaves_after: Option<&'static str>,
    receipts: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: String,
    /// As it is in the queue.
    pub text: String,
    pub dequeue_count: u64,
    pub receipt: String,
    /// Until it is made visible. No time passes here, so a test that sees a message twice knows why.
    pub hidden: bool,
    pub renewals: u64,
}

impl QueueService {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(watch::channel(State::default()).0),
        };
        let serving = service.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        service
    }

    pub fn connection_string(&self) -> String {
        format!(
            "AccountName=a;AccountKey=aw==;QueueEndpoint=http://127.0.0.1:{}/a",
            self.port
        )
    }

    /// Puts a message into a queue, which need not be there.
    pub fn put(&self, queue: &str, id: &str, text: &str) {
        self.state.send_modify(|state| {
            let messages = state.queues.entry(queue.to_owned()).or_default();
            messages.push(Message {
                id: id.to_owned(),
                text: text.to_owned(),
                dequeue_count: 0,
                receipt: String::new(),
                hidden: false,
                renewals: 0,
            });
        });
    }

    /// The same with the text in base64.
    pub fn put_encoded(&self, queue: &str, id: &str, text: &str) {
        self.put(queue, id, &STANDARD.encode(text));
    }

    /// Goes away as soon as it has given a message (`GET`), or got one (`POST`).
    pub fn leave_after(&self, method: &'static str) {
        self.state
            .send_modify(|state| state.leaves_after = Some(method));
    }

    /// Is there again.
    pub fn come_back(&self) {
        self.state.send_modify(|state| {
            state.away = false;
            state.leaves_after = None;
        });
    }

    /// Ends each connection without an answer from now on.
    pub fn go_away(&self) {
        self.state.send_modify(|state| state.away = true);
    }

    /// Waits for a state.
    pub async fn until(&self, wanted: impl Fn(&State) -> bool) {
        let mut state = self.state.subscribe();
        let seen = state.wait_for(wanted);
        let seen = tokio::time::timeout(std::time::Duration::from_secs(60), seen).await;
        assert!(seen.is_ok(), "{:?}", self.state.borrow().queues);
    }

    /// The texts in a queue.
    pub fn texts(&self, queue: &str) -> Vec<String> {
        let state = self.state.borrow();
        let messages = state.queues.get(queue).into_iter().flatten();
        messages.map(|message| message.text.clone()).collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let head = loop {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                break head.to_owned();
            }
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        while bytes.len() < head.len() + 4 + length {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        let body = String::from_utf8(bytes.split_off(head.len() + 4)).unwrap();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let mut answer = None;
        self.state.send_modify(|state| {
            state.requests.push(format!("{method} {target}"));
            if !state.away {
                answer = Some(state.answer(method, target, &body));
            }
        });
        if let Some(answer) = answer {
            let _ = stream.write_all(&answer).await;
        }
        let _ = stream.shutdown().await;
    }
}

impl State {
    fn answer(&mut self, method: &str, target: &str, body: &str) -> Vec<u8> {
        let url = url::Url::parse(&format!("http://h{target}")).unwrap();
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let path: Vec<&str> = url.path_segments().unwrap().collect();
        let queue = path[1].to_owned();
        if path.len() == 2 {
            self.queues.entry(queue).or_default();
            return http_answer(201, &[], b"");
        }
        let refused = |status, code| http_answer(status, &[("x-ms-error-code", code)], b"");
        let Some(messages) = self.queues.get_mut(&queue) else {
            return refused(404, "QueueNotFound");
        };
        let visible = query.get("visibilitytimeout").map(String::as_str) == Some("0");
        match (method, path.get(3)) {
            ("GET", None) => {
                let most = query["numofmessages"].parse().unwrap();
                let mut xml = String::from("<QueueMessagesList>");
                for message in messages.iter_mut().filter(|it| !it.hidden).take(most) {
                    self.receipts += 1;
                    message.receipt = format!("r+{}=", self.receipts);
                    message.hidden = true;
                    message.dequeue_count += 1;
                    xml += &format!(
                        "<QueueMessage><MessageId>{}</MessageId><InsertionTime>Mon, 27 Jun 2022 13:38:48 GMT</InsertionTime>\
                         <ExpirationTime>Mon, 04 Jul 2022 13:38:48 GMT</ExpirationTime><PopReceipt>{}</PopReceipt>\
                         <TimeNextVisible>Mon, 27 Jun 2022 13:39:48 GMT</TimeNextVisible><DequeueCount>{}</DequeueCount>\
                         <MessageText>{}</MessageText></QueueMessage>",
                        message.id, message.receipt, message.dequeue_count, message.text
                    );
                }
                self.away = self.leaves_after == Some("GET") && xml.contains("QueueMessage>");
                xml += "</QueueMessagesList>";
                http_answer(200, &[], xml.as_bytes())
            }
            ("POST", None) => {
                self.away = self.leaves_after == Some("POST");
                let (_, rest) = body.split_once("<MessageText>").unwrap();
                let (text, _) = rest.split_once("</MessageText>").unwrap();
                messages.push(Message {
                    id: "copy".to_owned(),
                    text: text.to_owned(),
                    dequeue_count: 0,
                    receipt: String::new(),
                    hidden: false,
                    renewals: 0,
                });
                http_answer(201, &[], b"")
            }
            (method, Some(id)) => {
                let Some(at) = messages.iter().position(|message| message.id == *id) else {
                    return refused(404, "MessageNotFound");
                };
                if messages[at].receipt != query["popreceipt"] {
                    return refused(400, "PopReceiptMismatch");
                }
                if method == "DELETE" {
                    messages.remove(at);
                    return http_answer(204, &[], b"");
                }
                self.receipts += 1;
                let message = &mut messages[at];
                message.receipt = format!("r+{}=", self.receipts);
                message.hidden = !visible;
                message.renewals += u64::from(!visible);
                http_answer(204, &[("x-ms-popreceipt", &message.receipt)], b"")
            }
            other => panic!("{other:?}"),
        }
    }
}
