//! A proxy before a task hub that breaks its connection.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Takes one connection to the server at `to`, and breaks it instead of passing the request with this number on, from 1. No
/// further connection can be made. Returns the address.
pub(crate) async fn breaks_at_request(number: usize, to: &str) -> String {
    // As HTTP/2 has them: the preface, the head of a frame, and the type of the frame that a request begins with.
    const PREFACE: usize = 24;
    const HEAD: usize = 9;
    const HEADERS: u8 = 1;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = TcpStream::connect(to).await.unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        drop(listener);
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let pass_on = async {
            let mut preface = [0; PREFACE];
            from_client.read_exact(&mut preface).await.unwrap();
            to_server.write_all(&preface).await.unwrap();
            let mut requests = 0;
            loop {
                let mut head = [0; HEAD];
                from_client.read_exact(&mut head).await.unwrap();
                requests += usize::from(head[3] == HEADERS);
                if requests == number {
                    return;
                }
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; usize::try_from(length).unwrap()];
                from_client.read_exact(&mut payload).await.unwrap();
                to_server.write_all(&head).await.unwrap();
                to_server.write_all(&payload).await.unwrap();
            }
        };
        tokio::select! {
            () = pass_on => {}
            _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        }
    });
    address.to_string()
}
