//! Chromium, driven by its own driver, with the scripts of pages switched off.
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use thirtyfour::components::SelectElement;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::server::{Server, Signal, folder, free_port};

/// How many windows are open at a time: more only make each other slow.
static WINDOWS: Semaphore = Semaphore::const_new(2);

/// How long a page may take to show what is looked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A person's browser: a window and cookies of its own.
pub struct Browser {
    pub window: WebDriver,
    base: String,
    _permit: SemaphorePermit<'static>,
}

/// Whether the checks that are scripts themselves (axe-core) may run. Pages have none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    Off,
    On,
}

fn driver() -> &'static str {
    static DRIVER: OnceLock<(Server, String)> = OnceLock::new();
    let (_, url) = DRIVER.get_or_init(|| {
        let address = free_port(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let folder = folder("browser");
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={}", address.port()))
            .env("TMPDIR", &folder)
            .env("HOME", &folder);
        let server = Server::start(folder, address, Signal::Term, &command);
        (server, format!("http://{address}"))
    });
    url
}

impl Browser {
    pub async fn open(base: &str, scripts: Scripts) -> Self {
        let permit = WINDOWS.acquire().await.expect("never closed");
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut wanted = ChromeCapabilities::new();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ] {
            wanted.add_arg(argument).expect("an argument");
        }
        if scripts == Scripts::Off {
            let off =
                serde_json::json!({ "profile.managed_default_content_settings.javascript": 2 });
            wanted.add_experimental_option("prefs", off).expect("an option");
        }
        let window = WebDriver::new(driver(), wanted).await.expect("Chromium starts");
        Self { window, base: base.to_owned(), _permit: permit }
    }

    pub async fn go(&self, path: &str) {
        self.window.goto(format!("{}{path}", self.base)).await.expect("the page opens");
    }

    /// Path and query of the page that is shown.
    pub async fn path(&self) -> String {
        let url = self.window.current_url().await.expect("an address");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Does it until it is done. A page may go away between finding something on it and touching it: nothing was done then.
    async fn until_done<T>(&self, what: &str, act: impl AsyncFn() -> WebDriverResult<T>) -> T {
        let started = Instant::now();
        loop {
            match act().await {
                Ok(done) => return done,
                Err(error) if started.elapsed() > PATIENCE => {
                    panic!("{what} on {}: {error}\n{}", self.path().await, self.shown().await)
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub async fn find(&self, css: &str) -> WebElement {
        self.until_done(css, async || self.window.find(By::Css(css)).await).await
    }

    pub async fn has(&self, css: &str) -> bool {
        !self.window.find_all(By::Css(css)).await.expect("the page is there").is_empty()
    }

    /// Clears the field and types.
    pub async fn fill(&self, name: &str, text: &str) {
        let css = format!("[name='{name}']");
        self.until_done(&css, async || {
            let field = self.window.find(By::Css(&css)).await?;
            field.clear().await?;
            field.send_keys(text).await
        })
        .await;
    }

    pub async fn value(&self, name: &str) -> String {
        let css = format!("[name='{name}']");
        self.until_done(&css, async || self.window.find(By::Css(&css)).await?.value().await)
            .await
            .unwrap_or_default()
    }

    pub async fn choose(&self, name: &str, option: &str) {
        let css = format!("select[name='{name}']");
        self.until_done(&css, async || {
            let list = self.window.find(By::Css(&css)).await?;
            SelectElement::new(&list).await?.select_by_exact_text(option).await
        })
        .await;
    }

    pub async fn click(&self, css: &str) {
        self.until_done(css, async || self.window.find(By::Css(css)).await?.click().await).await;
    }

    /// Presses the button or link with these words on it.
    pub async fn press(&self, words: &str) {
        let css = "main button, main a, main summary, form button, a.btn";
        self.until_done(words, async || {
            let shown = self
                .window
                .query(By::Css(css))
                .with_text(words.to_owned())
                .nowait()
                .first()
                .await?;
            shown.click().await
        })
        .await;
    }

    /// Everything that a person sees.
    pub async fn shown(&self) -> String {
        self.window.find(By::Css("body")).await.expect("a page").text().await.expect("its text")
    }

    /// Waits until these words are to be seen.
    pub async fn sees(&self, words: &str) {
        for _ in 0..200 {
            if let Ok(body) = self.window.find(By::Css("body")).await
                && body.text().await.is_ok_and(|text| text.contains(words))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} does not show {words:?}:\n{}", self.path().await, self.shown().await);
    }

    pub async fn close(self) {
        self.window.quit().await.ok();
    }
}
