//! A connection to a sidecar that can be cut.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

pub(super) struct Proxy {
    pub(super) address: String,
    cut: broadcast::Sender<()>,
}

impl Proxy {
    /// Hands connections on to `target`.
    pub(super) async fn listen(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let target = target.strip_prefix("http://").unwrap().to_owned();
        let (cut, _) = broadcast::channel(1);
        let cuts = cut.clone();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(&target).await.unwrap();
                for side in [&near, &far] {
                    side.set_nodelay(true).unwrap();
                }
                let mut cut = cuts.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Proxy { address, cut }
    }

    /// Cuts all connections.
    pub(super) fn cut(&self) {
        // Fails if there is none.
        let _ = self.cut.send(());
    }
}
