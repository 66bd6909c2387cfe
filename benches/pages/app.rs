//! The app itself, as it is shipped: its release build in a process of its own, with an owner who is signed in.
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::{client, postgres, seed, server};

const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "a long sentence for the benchmark";

pub struct App {
    pub database: String,
    pub count: u64,
    pub address: SocketAddr,
    /// From the first start on an empty database to its first page, and from a later start.
    pub first_start: Duration,
    pub start: Duration,
    child: Child,
    _folder: tempfile::TempDir,
}

impl App {
    pub fn start(database: &str, count: u64) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("authorizers-bench-")
            .tempdir()
            .expect("a temporary folder");
        let url = match database {
            "sqlite" => format!("sqlite://{}", folder.path().join("bench.sqlite").display()),
            "postgres" => fresh_schema(count),
            other => panic!("no such database: {other}"),
        };
        let address = server::free_port([127, 0, 0, 1].into());
        let (mut child, first_start) = run(folder.path(), &url, address);
        set_up(address);
        stop(&mut child);
        seed::fill(&url, count, authorizers::clock::Clock::System.now().micros());
        let (child, start) = run(folder.path(), &url, address);
        Self {
            database: database.to_owned(),
            count,
            address,
            first_start,
            start,
            child,
            _folder: folder,
        }
    }

    /// A browser that is signed in.
    pub fn browser(&self) -> Client {
        let mut browser = Client::new(self.address);
        let form = browser.get("/sign-in").text();
        let csrf = value_of(&form, "csrf").expect("the form's token");
        let answer =
            browser.post("/sign-in", &[("csrf", &csrf), ("email", EMAIL), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "signing in: {}", answer.text());
        browser
    }

    /// Resident memory now and at its highest, in MB.
    pub fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("its status");
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("memory");
            line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).expect("a number")
                / 1024.0
        };
        (of("VmRSS"), of("VmHWM"))
    }
}

impl Drop for App {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn fresh_schema(count: u64) -> String {
    let server = postgres::shared().url();
    let mut conn =
        authorizers::store::Place::parse(&server).expect("a URL").connect().expect("a connection");
    diesel::connection::SimpleConnection::batch_execute(
        &mut conn,
        &format!("CREATE SCHEMA bench_{count}"),
    )
    .expect("a schema");
    format!("{server}&options=-csearch_path%3Dbench_{count}")
}

fn command(folder: &Path, url: &str, address: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authorizers"));
    command
        .env("AUTHORIZERS_BIND", address.to_string())
        .env("AUTHORIZERS_PUBLIC_URL", format!("http://{address}"))
        .env("AUTHORIZERS_DATA_DIR", folder.join("data"))
        .env("AUTHORIZERS_DATABASE_URL", url)
        .stdout(Stdio::null())
        .stderr(
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join("log"))
                .expect("a log"),
        );
    command
}

/// Starts it and waits for its first page.
fn run(folder: &Path, url: &str, address: SocketAddr) -> (Child, Duration) {
    let began = Instant::now();
    let child =
        command(folder, url, address).arg("serve").stdin(Stdio::null()).spawn().expect("it starts");
    client::wait(address);
    let mut browser = Client::new(address);
    let mut page = browser.get("/sign-in");
    if page.status == 303 {
        page = browser.get("/set-up");
    }
    assert_eq!(page.status, 200, "{}", page.text());
    (child, began.elapsed())
}

/// By the page that a new installation shows.
fn set_up(address: SocketAddr) {
    let mut browser = Client::new(address);
    let form = browser.get("/set-up").text();
    let csrf = value_of(&form, "csrf").expect("the form's token");
    let answer = browser.post(
        "/set-up",
        &[("csrf", &csrf), ("name", "Owner"), ("email", EMAIL), ("password", PASSWORD)],
    );
    assert_eq!(answer.status, 303, "setting up: {}", answer.text());
}

fn stop(child: &mut Child) {
    Command::new("kill").arg(child.id().to_string()).status().ok();
    child.wait().ok();
}

/// The value of the hidden field of this name.
pub fn value_of(page: &str, name: &str) -> Option<String> {
    let tag = page.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\"")))?;
    Some(tag.split("value=\"").nth(1)?.split('"').next()?.to_owned())
}
