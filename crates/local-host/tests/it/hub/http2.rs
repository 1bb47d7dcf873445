//! Just enough HTTP/2 (RFC 9113) to write many gRPC calls in one go.

use prost::Message;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// SETTINGS with INITIAL_WINDOW_SIZE, and WINDOW_UPDATE of the connection: the host may write 1 GiB.
pub(crate) const WIDE_WINDOWS: [u8; 28] = [
    0,
    0,
    6,
    SETTINGS,
    0,
    0,
    0,
    0,
    0,
    0,
    4,
    0x40,
    0,
    0,
    0, //
    0,
    0,
    4,
    WINDOW_UPDATE,
    0,
    0,
    0,
    0,
    0,
    0x3F,
    0,
    0,
    0,
];

const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
pub(crate) const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The frames of a unary call: headers, the message in frames of one byte each, and the end.
pub(crate) fn call(path: &str, message: &impl Message, stream: u32) -> Vec<u8> {
    // Static table (RFC 7541): 3 is `:method: POST`, 6 `:scheme: http`. The names 1, 4 and 31 are `:authority`,
    // `:path` and `content-type`, with literal values.
    let mut headers = vec![0x83, 0x86, 0x01];
    text(&mut headers, "localhost");
    headers.push(0x04);
    text(&mut headers, path);
    headers.extend([0x0F, 31 - 15]);
    text(&mut headers, "application/grpc");
    headers.push(0x00);
    text(&mut headers, "te");
    text(&mut headers, "trailers");

    let message = message.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);

    let mut frames = frame(HEADERS, END_HEADERS, stream, &headers);
    for byte in body {
        frames.extend(frame(DATA, 0, stream, &[byte]));
    }
    frames.extend(frame(DATA, END_STREAM, stream, &[]));
    frames
}

fn text(block: &mut Vec<u8>, text: &str) {
    block.push(u8::try_from(text.len()).unwrap());
    block.extend(text.as_bytes());
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) struct Frame {
    pub(crate) kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }

    pub(crate) fn text(&self) -> String {
        self.payload.escape_ascii().to_string()
    }
}

/// The next frame that the host sends.
pub(crate) async fn read(connection: &mut TcpStream) -> Frame {
    let mut head = [0; 9];
    connection.read_exact(&mut head).await.unwrap();
    let [a, b, c, kind, flags, ..] = head;
    let length = u32::from_be_bytes([0, a, b, c]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    connection.read_exact(&mut payload).await.unwrap();
    Frame {
        kind,
        flags,
        payload,
    }
}
