//! What stands at the points: a proxy in front of the store, and a server that the handler asks when it has started a
//! job.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::points::{Point, Points};

/// A server of the test, which ends when this is dropped.
pub(super) struct Between {
    pub(super) port: u16,
    server: JoinHandle<()>,
}

impl Between {
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A proxy in front of the store at this port.
pub(super) async fn store_proxy(store: u16, points: &Points) -> Between {
    let points = points.clone();
    serve(move |mut client| {
        let points = points.clone();
        async move {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", store)).await else {
                return;
            };
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            // The connection ends as soon as one of both sides closes it.
            tokio::select! {
                () = pass_on(from_client, to_server, &points, Point::StoreRequest) => {}
                () = pass_on(from_server, to_client, &points, Point::StoreAnswer) => {}
            }
        }
    })
    .await
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    points: &Points,
    point: Point,
) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let is_lost = points.pass(point).await;
        if is_lost || to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

/// A server that lets the handler go on, for each job that it has started.
pub(super) async fn starts(points: &Points) -> Between {
    let points = points.clone();
    serve(move |mut handler| {
        let points = points.clone();
        async move {
            points.pass(Point::Started).await;
            // It may be dead.
            let _ = handler.write_all(b"\n").await;
        }
    })
    .await
}

async fn serve<F>(connection: impl Fn(TcpStream) -> F + Send + 'static) -> Between
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(connection(stream));
        }
    });
    Between { port, server }
}
