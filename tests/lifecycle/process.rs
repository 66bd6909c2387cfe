//! The program as a process of its own, beside the app of a test and on the same database.
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::{Client, http};
use crate::support::server::free_port;

pub struct Process {
    pub base: String,
    settings: Vec<(&'static str, String)>,
    child: Child,
}

impl Process {
    /// Serves the database of `app` with its keys, and these service files.
    pub async fn start(app: &TestApp, name: &str, services: &Path) -> Self {
        Self::start_on(app, name, services, &app.database.url).await
    }

    /// With the keys of `app` on another database.
    pub async fn start_on(app: &TestApp, name: &str, services: &Path, url: &str) -> Self {
        let address = free_port([127, 0, 0, 1].into());
        let settings = vec![
            ("AUTHORIZERS_BIND", address.to_string()),
            ("AUTHORIZERS_DATA_DIR", app.folder().join(name).display().to_string()),
            ("AUTHORIZERS_DATABASE_URL", url.to_owned()),
            ("AUTHORIZERS_KEYS_FILE", app.folder().join("data/keys").display().to_string()),
            ("AUTHORIZERS_SERVICES_DIR", services.display().to_string()),
            ("AUTHORIZERS_ALLOW_ADDRESSES", "127.0.0.0/8".to_owned()),
        ];
        let mut command = command(&settings);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let process = Self { base: format!("http://{address}"), settings, child };
        let started = Instant::now();
        while http().get(format!("{}/health/ready", process.base)).send().await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the program does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process
    }

    pub async fn sign_in(&self, email: &str) -> Client {
        let client = Client::new(&self.base);
        client.get("/sign-in").await.expect(200);
        client
            .submit("form#sign-in", &[("email", email), ("password", PASSWORD)])
            .await
            .expect(200);
        client
    }

    /// What `authorizers check` says of the same settings.
    pub fn check(&self) -> (i32, String) {
        let done = command(&self.settings).arg("check").output().expect("the program runs");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        (done.status.code().unwrap_or(-1), said)
    }

    /// Memory that it holds now, in kilobytes.
    pub fn resident(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// SIGTERM, as an operator stops it; waits until it has ended.
    pub async fn stop(mut self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(told.expect("it is told").success());
        let began = Instant::now();
        while self.child.try_wait().expect("a process").is_none() {
            assert!(began.elapsed() < Duration::from_secs(40), "it does not stop");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// SIGKILL: nothing is tidied up.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn command(settings: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authorizers"));
    command.env_clear().envs(settings.iter().map(|(name, value)| (*name, value)));
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
