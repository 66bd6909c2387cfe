//! Whom a request comes from, and what is kept for those at this machine and in this network.
use authorizers::domain::account::set_up;
use reqwest::Method;
use url::Url;

use crate::services::haproxy::HaProxy;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::database::Kind;
use crate::support::page::Page;

const FORM: &str = "application/x-www-form-urlencoded";

/// A wrong password for an account of its own, with these header lines as they are.
async fn guess(client: &Client, number: usize, lines: &[(&str, &str)]) -> u16 {
    let page = client.get("/sign-in").await.expect(200);
    let token = page.attr("form#sign-in input[name=csrf]", "value").expect("a token");
    let email = format!("{number}@example.com");
    let fields = [("csrf", token.as_str()), ("email", &email), ("password", "wrong")];
    let body = serde_urlencoded::to_string(fields).expect("a form");
    let headers = [&[("content-type", FORM)], lines].concat();
    client.with(Method::POST, "/sign-in", &headers, &body).await.status
}

/// How many of fifty wrong passwords get through, each with a forged address of its own.
async fn guesses_let_through(client: &Client, header: &str, own_line: Option<&str>) -> usize {
    let mut let_through = 0;
    for number in 0..50 {
        let forged = match header {
            "forwarded" => format!("for=198.51.100.{number}"),
            _ => format!("198.51.100.{number}"),
        };
        let lines = [Some(forged.as_str()), own_line].into_iter().flatten();
        let lines: Vec<(&str, &str)> = lines.map(|line| (header, line)).collect();
        let_through += usize::from(guess(client, number, &lines).await == 422);
    }
    let_through
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_line_above_that_of_the_proxy_is_not_believed() {
    for (header, own_line) in
        [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7;proto=https")]
    {
        let app = TestApp::start_proxied(Kind::Sqlite).await;
        app.set_up().await;
        let let_through = guesses_let_through(&app.anonymous(), header, Some(own_line)).await;
        assert_eq!(let_through, 30, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_proxy_tells_the_caller_whatever_the_client_says() {
    let app = TestApp::start_proxied(Kind::Sqlite).await;
    app.set_up().await;
    let proxy = HaProxy::start(&app.base, "option forwardfor");
    let caller = Client::from_address(&proxy.base(), "127.0.0.9");
    caller.get("/sign-in").await.expect(200);
    let fields = [("email", "owner@example.com"), ("password", PASSWORD)];
    caller.submit("form#sign-in", &fields).await.expect(200);
    let seen = "SELECT MAX(address) AS value FROM sessions WHERE address <> '127.0.0.1'";
    assert_eq!(app.database.value(seen), "127.0.0.9");
    let stranger = Client::from_address(&proxy.base(), "127.0.0.10");
    assert_eq!(guesses_let_through(&stranger, "x-forwarded-for", None).await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_shows_the_address_that_the_proxy_saw() {
    let app = TestApp::start_proxied(Kind::Sqlite).await;
    app.set_up().await;
    let client = app.anonymous();
    let page = client.get("/sign-in").await.expect(200);
    let token = page.attr("form#sign-in input[name=csrf]", "value").expect("a token");
    let form = [("csrf", token.as_str()), ("email", "owner@example.com"), ("password", PASSWORD)];
    let body = serde_urlencoded::to_string(form).expect("a form");
    let headers = [
        ("content-type", FORM),
        ("origin", app.base.as_str()),
        ("x-forwarded-for", "66.66.66.66"),
        ("x-forwarded-for", "203.0.113.7:41022"),
    ];
    assert_eq!(client.with(Method::POST, "/sign-in", &headers, &body).await.status, 303);
    let seen = app
        .database
        .value("SELECT MAX(address) AS value FROM sessions WHERE address <> '127.0.0.1'");
    assert_eq!(seen, "203.0.113.7");
}

/// The page and the form as another host's name reaches them, and how they answer.
async fn set_up_as(app: &TestApp, host: &str, headers: &[(&str, &str)], code: &str) -> [Page; 2] {
    let client = app.anonymous();
    let mut all = vec![("host", host)];
    all.extend_from_slice(headers);
    let page = client.with(Method::GET, "/set-up", &all, "").await;
    let own = client.get("/set-up").await;
    let token = own.attr("input[name=csrf]", "value").expect("a token");
    let fields = [
        ("csrf", token.as_str()),
        ("name", "Eve"),
        ("email", "eve@example.com"),
        ("password", PASSWORD),
        ("code", code),
    ];
    let body = serde_urlencoded::to_string(fields).expect("a form");
    let origin = format!("http://{host}");
    all.push(("content-type", FORM));
    all.push(("origin", &origin));
    let sent = client.with(Method::POST, "/set-up", &all, &body).await;
    [page, sent]
}

with_app! {
    async fn a_page_of_another_name_needs_the_code_to_set_up(app: TestApp) {
        let port = Url::parse(&app.base).unwrap().port().unwrap();
        let evil = format!("evil.example:{port}");
        let own = format!("127.0.0.1:{port}");
        for (host, headers) in [
            (evil.as_str(), vec![]),
            ("authorizers.example.com", vec![]),
            (own.as_str(), vec![("x-forwarded-proto", "https")]),
            (own.as_str(), vec![("x-forwarded-host", "authorizers.example.com")]),
        ] {
            let [page, sent] = set_up_as(&app, host, &headers, "").await;
            assert!(page.expect(200).has("#code"), "{host} {headers:?}");
            assert!(sent.expect(422).has("#code[aria-invalid=true]"), "{host} {headers:?}");
        }
        assert_eq!(app.database.count("users"), 0);
        let code = set_up::find_or_make_code(&app.ctx).await.expect("a code").expect("nobody is there");
        let [_, sent] = set_up_as(&app, &evil, &[], code.expose()).await;
        assert_eq!(sent.status, 303, "{}", sent.shown());
    }

    async fn each_process_says_the_same_code_until_there_is_an_owner(app: TestApp) {
        let replica = app.replica().await;
        let (first, second) = tokio::join!(set_up::find_or_make_code(&app.ctx), set_up::find_or_make_code(&replica));
        let (first, second) = (first.unwrap().unwrap(), second.unwrap().unwrap());
        assert_eq!(first.expose(), second.expose());
        let again = set_up::find_or_make_code(&app.ctx).await.unwrap().unwrap();
        assert_eq!(first.expose(), again.expose());
        assert!(!app.database.contents()["facts"].join("\n").contains(first.expose()), "it is sealed");
        app.set_up().await;
        assert!(set_up::find_or_make_code(&replica).await.unwrap().is_none());
    }

    async fn figures_are_kept_from_pages_of_other_names(app: TestApp) {
        let machine = app.anonymous();
        machine.get("/metrics").await.expect(200);
        for headers in [
            [("host", "evil.example")],
            [("origin", "http://evil.example")],
            [("forwarded", "for=203.0.113.9")],
            [("x-real-ip", "203.0.113.9")],
        ] {
            machine.with(Method::GET, "/metrics", &headers, "").await.expect(404);
        }
    }
}

/// A proxy on this machine that adds nothing: the name that the browser asked for gives it away.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_silent_proxy_the_code_is_asked_for() {
    let app = TestApp::start(Kind::Sqlite).await;
    let proxy = HaProxy::start(&app.base, "no option http-server-close");
    let headers = [("host", "authorizers.example.com")];
    let page = Client::new(&proxy.base()).with(Method::GET, "/set-up", &headers, "").await;
    assert!(page.expect(200).has("#code"));
}
