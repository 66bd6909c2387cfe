//! The app in a process of its own, with an owner who is signed in and an account of the hostile service.
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::client::{self, Client};
use crate::server;

const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "a long sentence for the benchmark";

pub struct App {
    pub address: SocketAddr,
    browser: Client,
    account: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl App {
    pub fn start(program: &Path, service: SocketAddr) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("authorizers-bench-")
            .tempdir()
            .expect("a temporary folder");
        let address = server::free_port([127, 0, 0, 1].into());
        let child = Command::new(program)
            .arg("serve")
            .env("AUTHORIZERS_BIND", address.to_string())
            .env("AUTHORIZERS_PUBLIC_URL", format!("http://{address}"))
            .env("AUTHORIZERS_DATA_DIR", folder.path().join("data"))
            .env("AUTHORIZERS_ALLOW_ADDRESSES", "127.0.0.0/8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        client::wait(address);
        let mut browser = Client::new(address);
        let answer = press(
            &mut browser,
            "/set-up",
            &[("name", "Owner"), ("email", EMAIL), ("password", PASSWORD)],
        );
        assert_eq!(answer.status, 303, "setting up: {}", answer.text());
        let form = "/authorizers/new/custom-http";
        let base = format!("http://{service}");
        let fields = [
            ("name", "Hostile"),
            ("base_url", base.as_str()),
            ("test_path", "/me"),
            ("method", "none"),
            ("action", "test"),
        ];
        let answer = press(&mut browser, form, &fields);
        assert_eq!(answer.status, 303, "adding the account: {}", answer.text());
        let path = answer.header("location").expect("a location").to_owned();
        let account = path.split(['/', '?']).nth(2).expect("an id").to_owned();
        Self { address, browser, account, child, _folder: folder }
    }

    /// Another connection of the owner.
    pub fn browser(&self) -> Client {
        self.browser.another()
    }

    /// *Test data* of a path of the service.
    pub fn preview(&self, browser: &mut Client, csrf: &str, path: &str) -> client::Answer {
        browser.post(
            "/sources/new/custom-http",
            &[
                ("csrf", csrf),
                ("name", "Hostile"),
                ("authorizer", &self.account),
                ("s.dataset", "custom"),
                ("s.path", path),
                ("action", "test"),
            ],
        )
    }

    /// The token that forms carry.
    pub fn csrf(&self) -> String {
        let page = self.browser().get("/sources/new/custom-http").text();
        value_of(&page, "csrf").expect("the form's token")
    }

    /// Resident memory now and at its highest since `forget_peak`, in MB.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("its status");
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("memory");
            line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).expect("a number")
                / 1024.0
        };
        Memory { now: of("VmRSS"), peak: of("VmHWM") }
    }

    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("it is ours");
    }
}

pub struct Memory {
    pub now: f64,
    pub peak: f64,
}

impl Drop for App {
    fn drop(&mut self) {
        Command::new("kill").arg(self.child.id().to_string()).status().ok();
        self.child.wait().ok();
    }
}

/// Fills the form of a page and sends it.
fn press(browser: &mut Client, path: &str, fields: &[(&str, &str)]) -> client::Answer {
    let form = browser.get(path).text();
    let csrf = value_of(&form, "csrf").expect("the form's token");
    let fields: Vec<(&str, &str)> =
        [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
    browser.post(path, &fields)
}

/// The value of the hidden field of this name.
fn value_of(page: &str, name: &str) -> Option<String> {
    let tag = page.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\"")))?;
    Some(tag.split("value=\"").nth(1)?.split('"').next()?.to_owned())
}
