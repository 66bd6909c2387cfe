//! A way to a server that can be shut and opened again.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct Gate {
    address: SocketAddr,
    to: SocketAddr,
    open: Option<JoinHandle<()>>,
    passed: Arc<AtomicUsize>,
}

impl Gate {
    pub async fn open(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let passed = Arc::default();
        Self { address, to, open: Some(forward(listener, to, Arc::clone(&passed))), passed }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections went through it.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// Nobody listens any more.
    pub async fn shut(&mut self) {
        if let Some(task) = self.open.take() {
            task.abort();
            task.await.ok();
        }
    }

    pub async fn reopen(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the same port");
        self.open = Some(forward(listener, self.to, Arc::clone(&self.passed)));
    }
}

fn forward(listener: TcpListener, to: SocketAddr, passed: Arc<AtomicUsize>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut under_way = tokio::task::JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            passed.fetch_add(1, Ordering::SeqCst);
            under_way.spawn(async move {
                let mut server = TcpStream::connect(to).await?;
                copy_bidirectional(&mut from, &mut server).await
            });
        }
    })
}
