//! The app's own database: read-only, full, frozen, gone. Pages say so, and come back by themselves.
mod frozen;
mod full;
mod read_only;

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::client::{Client, http};
use crate::support::page::Page;

/// The app's own limit is two seconds; the rest is for a machine on which a whole suite runs.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// What a balancer hears, and how long it waited.
async fn ready(base: &str) -> (u16, String, Duration) {
    let asked = Instant::now();
    let answer = http().get(format!("{base}/health/ready")).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("its text"), asked.elapsed())
}

/// Polls until the balancer would send somebody here again.
async fn until_ready(base: &str) {
    let started = Instant::now();
    loop {
        let (status, said, _) = ready(base).await;
        if status == 200 {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it does not come back: {said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A form as it is sent by the page at `path`, without following where it leads.
async fn send(client: &Client, path: &str, form: &str, fields: &[(&str, &str)]) -> Page {
    client.get(path).await.expect(200);
    client.submit(form, fields).await
}

/// Signs in with the right password.
async fn try_sign_in(base: &str) -> Page {
    let client = Client::new(base);
    client.get("/sign-in").await.expect(200);
    let fields = [("email", "owner@example.com"), ("password", crate::support::app::PASSWORD)];
    client.submit("form#sign-in", &fields).await
}

/// Asks for a page as somebody who is signed in, and doesn't follow redirects.
async fn look(client: &Client, path: &str) -> Page {
    client.with(Method::GET, path, &[], "").await
}
