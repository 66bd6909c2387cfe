//! What a request may bring: so many bytes, so many fields, in so much time.
use std::time::{Duration, Instant};

use authorizers::model::role::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::database::Kind;
use crate::support::program::Program;

const FORM: &str = "application/x-www-form-urlencoded";

/// Bytes of a form in one field.
fn body(token: &str, length: usize) -> String {
    let start = format!("csrf={token}&email=");
    format!("{start}{}", "x".repeat(length - start.len()))
}

/// With the token of this visitor's own page.
async fn token(client: &Client, path: &str) -> String {
    client.get(path).await.expect(200).attr("input[name=csrf]", "value").expect("a token")
}

with_app! {
    async fn strangers_send_little_and_members_a_megabyte(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let stranger = app.anonymous();
        let own = token(&stranger, "/sign-in").await;
        stranger.post("/sign-in", FORM, &body(&own, 64 << 10)).await.expect(422);
        let page = stranger.post("/sign-in", FORM, &body(&own, (64 << 10) + 1)).await.expect(413);
        page.shows(&["This is too large", "up to 64 KB", "Sign in first to send more"]);
        let own = token(&owner, "/webhooks/new").await;
        owner.post("/webhooks/new", FORM, &body(&own, 1 << 20)).await.expect(422);
        let page = owner.post("/webhooks/new", FORM, &body(&own, (1 << 20) + 1)).await.expect(413);
        page.shows(&["up to 1 MB"]);
        stranger.get("/sign-in").await.expect(200);
    }

    async fn a_form_of_too_many_fields_is_refused_in_every_shape(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let own = token(&owner, "/webhooks/new").await;
        let plain = |fields: usize| format!("csrf={own}{}", "&a=b".repeat(fields - 1));
        owner.post("/webhooks/new", FORM, &plain(1_000)).await.expect(422);
        owner.post("/webhooks/new", FORM, &plain(1_001)).await.expect(400);
        let part = |name: &str, value: &str| {
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts = |fields: usize| format!("{}{}--cut--\r\n", part("csrf", &own), part("a", "b").repeat(fields - 1));
        let kind = "multipart/form-data; boundary=cut";
        owner.post("/webhooks/new", kind, &parts(1_000)).await.expect(422);
        owner.post("/webhooks/new", kind, &parts(1_001)).await.expect(400);
        // A form that is carried through the sign-in page is a field of that page's form.
        let stranger = app.anonymous();
        let own = token(&stranger, "/sign-in").await;
        let carried = "a%3Db%26".repeat(2_000);
        let form = format!("csrf={own}&email=x&password=x&again_to=%2Fwebhooks%2Fnew&again_fields={carried}");
        let page = stranger.post("/sign-in", FORM, &form).await.expect(422);
        assert!(!page.has("input[name=again_fields]"));
    }
}

/// Opens a connection and sends the head of a form, and this much of its body.
async fn begin(base: &str, from: &str, announced: usize, sent: usize) -> tokio::net::TcpStream {
    let to: std::net::SocketAddr = base.trim_start_matches("http://").parse().expect("an address");
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("an own address");
    let mut stream = socket.connect(to).await.expect("a connection");
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {to}\r\nOrigin: {base}\r\nContent-Type: {FORM}\r\n\
         Content-Length: {announced}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(&vec![b'x'; sent]).await.expect("a part of the body");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_cut_off_after_half_a_minute() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.set_up().await;
    let mut slow = begin(&app.base, "127.0.0.1", 60_000, 1).await;
    let started = Instant::now();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        tokio::select! {
            read = slow.read(&mut piece) => match read {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&piece[..read]),
            },
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                slow.write_all(b"x").await.ok();
            }
        }
        assert!(started.elapsed() < Duration::from_secs(45), "the connection is still open");
    }
    assert!(started.elapsed() > Duration::from_secs(28));
    let said = String::from_utf8_lossy(&answer);
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    assert!(said.contains("connection: close"), "{said}");
    app.anonymous().get("/sign-in").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.set_up().await;
    let mut large = begin(&app.base, "127.0.0.1", 1_000_000, 0).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), large.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open");
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

/// Sign-ins and unfinished bodies from hundreds of addresses: what they took is used again.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_make_the_process_grow() {
    let program = Program::new().with("LOG", "error");
    let serving = program.serve().await;
    serving.set_up().await;
    let base = program.base();
    let before = serving.resident_mb();
    let slow: Vec<_> =
        futures_util::future::join_all((0..100).map(|number| begin_from(base.clone(), number)))
            .await;
    let email = format!("{}@example.com", "e".repeat(50_000));
    let tries = (0..100).map(|number| sign_in_wrongly(&base, number, &email));
    use futures_util::StreamExt;
    let tried: Vec<u16> = futures_util::stream::iter(tries).buffer_unordered(6).collect().await;
    assert!(tried.iter().all(|status| *status == 422), "{tried:?}");
    let after = serving.resident_mb();
    assert!(after < before + 48, "{before} MB before, {after} MB with 100 unfinished bodies");
    drop(slow);
}

async fn begin_from(base: String, number: usize) -> tokio::net::TcpStream {
    begin(&base, &format!("127.1.0.{number}"), 64 << 10, (64 << 10) - 1).await
}

async fn sign_in_wrongly(base: &str, number: usize, email: &str) -> u16 {
    let stranger = Client::from_address(base, &format!("127.1.1.{number}"));
    stranger.get("/sign-in").await.expect(200);
    stranger
        .submit("form#sign-in", &[("email", email), ("password", "wrong password")])
        .await
        .status
}
