//! Servers that tests start: each in a folder of its own, on a free port, and gone when the tests are, however those end.
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running server. `tests/services/guard` holds it on a leash: our end of a pipe. When this process ends (or this
/// value is dropped), the pipe closes, the guard stops the server and removes its folder.
pub struct Server {
    pub guard: Child,
    pub address: SocketAddr,
    pub folder: PathBuf,
}

/// How a server is asked to stop. PostgreSQL wants `Int`: its `Term` waits for its clients.
#[derive(Clone, Copy)]
pub enum Signal {
    Term,
    Int,
}

impl Server {
    /// Runs `command` (output goes to `<folder>/log`) and waits until `address` takes connections.
    pub fn start(folder: PathBuf, address: SocketAddr, signal: Signal, command: &Command) -> Self {
        let log = std::fs::File::create(folder.join("log")).expect("a log file");
        // In a session of its own: who kills the whole group of the tests does not kill it.
        let mut guarded = Command::new("setsid");
        guarded.arg("bash").arg(root().join("tests/services/guard")).arg(&folder);
        guarded.arg(match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
        });
        guarded.arg(command.get_program()).args(command.get_args()).stdin(Stdio::piped());
        guarded.stdout(log.try_clone().expect("a second handle")).stderr(log);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        if let Some(place) = command.get_current_dir() {
            guarded.current_dir(place);
        }
        let guard = guarded.spawn().expect("bash starts the guard");
        let mut server = Self { guard, address, folder };
        server.wait_until_ready(command);
        server
    }

    fn wait_until_ready(&mut self, command: &Command) {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.guard.try_wait().expect("the guard is ours");
            let late = started.elapsed() > Duration::from_secs(60);
            assert!(
                ended.is_none() && !late,
                "{:?} did not start on {}:\n{}",
                command.get_program(),
                self.address,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().ok();
    }
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A new folder that the guard will remove.
pub fn folder(name: &str) -> PathBuf {
    tempfile::Builder::new()
        .prefix(&format!("authorizers-{name}-"))
        .tempdir()
        .expect("a temporary folder")
        .keep()
}

/// A port that nobody listens on. Not one of those that the system hands out by itself: until the
/// server listens on it, another test could be given it.
pub fn free_port(ip: IpAddr) -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const PORTS: std::ops::Range<u16> = 12_000..32_000;
    for _ in 0..100 {
        // Other runs on this machine begin elsewhere.
        let number = std::process::id() * 97 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + u16::try_from(number % 20_000).expect("below 20,000");
        if let Ok(listener) = TcpListener::bind((ip, port)) {
            return listener.local_addr().expect("its address");
        }
    }
    panic!("no free port between {} and {}", PORTS.start, PORTS.end);
}

/// A name that no other test of this run has: ports come again.
pub fn unused(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{word}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
