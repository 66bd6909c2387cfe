//! A way to a server that can be shut and opened again, or that swallows the answers.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub struct Gate {
    address: SocketAddr,
    to: SocketAddr,
    open: Option<JoinHandle<()>>,
    state: Arc<State>,
}

#[derive(Default)]
pub struct State {
    passed: AtomicUsize,
    /// Answers that were held back and then let through.
    answered: AtomicUsize,
    is_mute: AtomicBool,
    /// Milliseconds that answers are held back.
    late: AtomicU64,
    /// Bytes of answers that nobody got.
    swallowed: AtomicUsize,
}

impl State {
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

impl Gate {
    /// What passes, for a thread that watches it.
    pub fn watch(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    pub async fn open(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::default();
        Self { address, to, open: Some(forward(listener, to, Arc::clone(&state))), state }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections went through it.
    pub fn passed(&self) -> usize {
        self.state.passed.load(Ordering::SeqCst)
    }

    /// From now on requests get through and their answers do not.
    pub fn mute(&self) {
        self.state.is_mute.store(true, Ordering::SeqCst);
    }

    /// From now on answers come so much later.
    pub fn delay(&self, time: Duration) {
        self.state
            .late
            .store(u64::try_from(time.as_millis()).expect("a short time"), Ordering::SeqCst);
    }

    pub fn swallowed(&self) -> usize {
        self.state.swallowed.load(Ordering::SeqCst)
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
        self.open = Some(forward(listener, self.to, Arc::clone(&self.state)));
    }
}

fn forward(listener: TcpListener, to: SocketAddr, state: Arc<State>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut under_way = JoinSet::new();
        while let Ok((from, _)) = listener.accept().await {
            state.passed.fetch_add(1, Ordering::SeqCst);
            let state = Arc::clone(&state);
            under_way.spawn(async move { pass(from, to, &state).await.ok() });
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "the way to a server of the tests")]
async fn pass(mut from: TcpStream, to: SocketAddr, state: &State) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    let late = state.late.load(Ordering::SeqCst);
    if late > 0 {
        let ((mut asks, mut told), (mut answers, mut asked)) =
            (from.into_split(), server.into_split());
        let answering = async {
            answers.readable().await?;
            tokio::time::sleep(Duration::from_millis(late)).await;
            state.answered.fetch_add(1, Ordering::SeqCst);
            tokio::io::copy(&mut answers, &mut told).await
        };
        // Who no longer listens for the answer has asked all the same.
        let (asked_all, answered) = tokio::join!(tokio::io::copy(&mut asks, &mut asked), answering);
        return asked_all.and(answered).map(|_| ());
    }
    if !state.is_mute.load(Ordering::SeqCst) {
        copy_bidirectional(&mut from, &mut server).await?;
        return Ok(());
    }
    let ((mut asks, _kept), (mut answers, mut asked)) = (from.into_split(), server.into_split());
    let asking = async { tokio::io::copy(&mut asks, &mut asked).await };
    let swallowing = async {
        let mut bytes = [0; 1024];
        loop {
            match answers.read(&mut bytes).await? {
                0 => return std::future::pending::<std::io::Result<()>>().await,
                read => state.swallowed.fetch_add(read, Ordering::SeqCst),
            };
        }
    };
    tokio::select! {
        done = asking => done.map(|_| ())?,
        done = swallowing => done?,
    }
    asked.shutdown().await
}
