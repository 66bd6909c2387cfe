//! A server for what a real one cannot be made to do: answers that are slow, endless, cut off, zipped or plainly wrong,
//! scripted by path and in order. It remembers what it was asked.
mod reply;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub use reply::{End, Reply};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The body as a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }
}

#[derive(Default)]
struct Memory {
    scripts: Mutex<HashMap<String, VecDeque<Reply>>>,
    otherwise: Mutex<Option<Reply>>,
    seen: Mutex<Vec<Seen>>,
    sent: AtomicUsize,
}

pub struct Fake {
    pub address: SocketAddr,
    memory: Arc<Memory>,
}

impl Fake {
    /// Listens on a free port of this machine until the test's runtime ends.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let memory = Arc::new(Memory::default());
        let kept = Arc::clone(&memory);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let memory = Arc::clone(&kept);
                // A client that hangs up early is what some tests are about.
                tokio::spawn(async move { serve(stream, &memory).await.ok() });
            }
        });
        Self { address, memory }
    }

    /// The address of a server that is gone: nobody listens there.
    pub async fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { address: listener.local_addr().expect("an address"), memory: Arc::default() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next answer of `path`. Without one it answers 418.
    pub fn answers(&self, path: &str, reply: Reply) -> &Self {
        self.memory
            .scripts
            .lock()
            .expect("scripts")
            .entry(path.to_owned())
            .or_default()
            .push_back(reply);
        self
    }

    /// What it answers where nothing is scripted, in place of 418.
    pub fn answers_otherwise(&self, reply: Reply) {
        *self.memory.otherwise.lock().expect("a reply") = Some(reply);
    }

    /// All requests so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.memory.seen.lock().expect("requests").clone()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().expect("a request")
    }

    /// Bytes of bodies that went out.
    pub fn sent(&self) -> usize {
        self.memory.sent.load(Ordering::Relaxed)
    }
}

async fn serve(mut stream: TcpStream, memory: &Memory) -> std::io::Result<()> {
    let seen = read(&mut stream).await?;
    let reply =
        memory.scripts.lock().expect("scripts").get_mut(&seen.path).and_then(VecDeque::pop_front);
    let reply = reply.or_else(|| memory.otherwise.lock().expect("a reply").clone());
    let reply = reply.unwrap_or_else(|| {
        Reply::new(418, "text/plain", format!("nothing is scripted for {}", seen.path))
    });
    memory.seen.lock().expect("requests").push(seen);
    tokio::time::sleep(reply.delay).await;
    if reply.end == End::Silent {
        return wait_for_hanging_up(&mut stream).await;
    }
    let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if reply.end != End::Endless {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    let half = &reply.body[..reply.body.len() / 2];
    match reply.end {
        End::Whole | End::Silent => put(&mut stream, memory, &reply.body).await?,
        End::CutOff => put(&mut stream, memory, half).await?,
        End::Endless => loop {
            put(&mut stream, memory, &reply.body).await?;
        },
        End::Stalls => {
            put(&mut stream, memory, half).await?;
            wait_for_hanging_up(&mut stream).await?;
        }
    }
    stream.shutdown().await
}

async fn put(stream: &mut TcpStream, memory: &Memory, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    memory.sent.fetch_add(bytes.len(), Ordering::Relaxed);
    Ok(())
}

async fn wait_for_hanging_up(stream: &mut TcpStream) -> std::io::Result<()> {
    let longest = Duration::from_secs(60);
    tokio::time::timeout(longest, stream.read(&mut [0; 16])).await.ok();
    Ok(())
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Seen> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let mut first = lines.next().unwrap_or_default().split(' ');
            let (method, target) =
                (first.next().unwrap_or_default(), first.next().unwrap_or_default());
            let headers: BTreeMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
                .collect();
            let length =
                headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let (method, path) = (method.to_owned(), path.to_owned());
                return Ok(Seen { method, path, query, headers, body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
