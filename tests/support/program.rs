//! The program as an operator runs it: a process of its own, with settings, a log, and an end.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::app::{PASSWORD, TestApp};
use super::client::{Client, http};
use super::server::free_port;

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    /// Standard output and standard error.
    pub text: String,
}

impl Said {
    #[track_caller]
    pub fn has(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.text.contains(word), "{word:?} is not in:\n{}", self.text);
        }
        self
    }

    #[track_caller]
    pub fn failed(&self) -> &Self {
        assert!(self.code != 0, "it ended well:\n{}", self.text);
        self
    }

    #[track_caller]
    pub fn passed(&self) -> &Self {
        assert!(self.code == 0, "it failed:\n{}", self.text);
        self
    }
}

/// A place to run it in: a folder, an address, and the settings it gets.
pub struct Program {
    folder: TempDir,
    address: SocketAddr,
    settings: Vec<(String, String)>,
    /// A shell script that ends by `exec "$@"`, if limits have to be set first.
    wrapper: Option<String>,
}

impl Program {
    /// With an SQLite file and a key file in its data folder, as without any settings.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("authorizers-program-").tempdir();
        Self {
            folder: folder.expect("a temporary folder"),
            address: free_port(Ipv4Addr::LOCALHOST.into()),
            settings: Vec::new(),
            wrapper: None,
        }
    }

    /// On the database of `app`, with its service files, and a data folder of its own.
    pub fn beside(app: &TestApp) -> Self {
        Self::new()
            .with("DATABASE_URL", &app.database.url)
            .with("SERVICES_DIR", &app.folder().join("services").display().to_string())
            .with("ALLOW_ADDRESSES", "127.0.0.0/8")
    }

    /// A setting, without the prefix of its name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn wrapped(mut self, script: &str) -> Self {
        self.wrapper = Some(script.to_owned());
        self
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn keys(&self) -> PathBuf {
        self.data().join("keys")
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn command(&self, args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_authorizers");
        let mut command = match &self.wrapper {
            Some(script) => {
                let mut shell = Command::new("bash");
                shell.args(["-c", script, "bash", program]);
                shell
            }
            None => Command::new(program),
        };
        command.args(args).env_clear().env("PATH", "/usr/bin:/bin").current_dir(&self.folder);
        command.env("AUTHORIZERS_BIND", self.address.to_string());
        command.env("AUTHORIZERS_DATA_DIR", self.data());
        for (name, value) in &self.settings {
            command.env(format!("AUTHORIZERS_{name}"), value);
        }
        command
    }

    /// Runs a command to its end. One that serves is ended after a while, and fails the test.
    pub fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Said {
        let out = self.folder.path().join("said");
        let file = std::fs::File::create(&out).expect("a file");
        let mut command = self.command(args);
        command.envs(environment.iter().copied()).stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        let mut child = command.spawn().expect("the program starts");
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                break Some(status);
            }
            if started.elapsed() > Duration::from_secs(60) {
                child.kill().ok();
                child.wait().ok();
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        let status = status.unwrap_or_else(|| panic!("{args:?} did not end:\n{text}"));
        Said { code: status.code().unwrap_or(-1), text }
    }

    /// Serves, and takes requests.
    pub async fn serve(&self) -> Serving<'_> {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a file");
        let mut command = self.command(&["serve"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        let child = command.spawn().expect("the program starts");
        let mut serving = Serving { program: self, child };
        let started = Instant::now();
        let live = format!("{}/health/live", self.base());
        while http().get(&live).send().await.is_err() {
            let ended = serving.child.try_wait().expect("it is ours");
            let is_late = started.elapsed() > Duration::from_secs(60);
            assert!(ended.is_none() && !is_late, "it does not serve:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        serving
    }
}

/// While it serves. SIGKILL when it is dropped.
pub struct Serving<'a> {
    program: &'a Program,
    child: Child,
}

impl Serving<'_> {
    pub fn visitor(&self) -> Client {
        Client::new(&self.program.base())
    }

    /// The owner, signed in: `owner@example.com`.
    pub async fn set_up(&self) -> Client {
        let client = self.visitor();
        client.get("/set-up").await.expect(200);
        let fields =
            [("name", "Olga Owner"), ("email", "owner@example.com"), ("password", PASSWORD)];
        client.submit("form#set-up", &fields).await.expect(200);
        client
    }

    pub async fn sign_in(&self, email: &str) -> Client {
        let client = self.visitor();
        client.get("/sign-in").await.expect(200);
        let fields = [("email", email), ("password", PASSWORD)];
        client.submit("form#sign-in", &fields).await.expect(200);
        client
    }

    /// Memory that it holds now, in megabytes.
    pub fn resident_mb(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").arg(id).status().expect("kill runs");
        self.child.wait().ok();
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The id of the key that writes in a key file.
pub fn key_id(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("a key file");
    let line = text.lines().find(|line| line.starts_with("k-")).expect("a key");
    line.split(':').next().expect("an id").to_owned()
}
