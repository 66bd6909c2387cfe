//! What surrounds every page: errors, limits, static files, health, figures.
use std::io::{Read, Write};
use std::net::TcpStream;

use authorizers::model::role::Role;
use reqwest::Method;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;

const FORM: &str = "application/x-www-form-urlencoded";

async fn token(client: &Client) -> String {
    client
        .get("/authorizers")
        .await
        .attr("input[name=csrf]", "value")
        .expect("a form with its token")
}

with_app! {
    async fn an_address_that_does_not_exist_is_a_page_with_a_request_id(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        for client in [&owner, &app.anonymous()] {
            let page = client.get("/nothing-here").await.expect(404);
            let id = page.header("x-request-id").expect("an id").to_owned();
            page.shows(&["Page not found", &id, "Go to Authorizers"]);
            assert_eq!(page.header("connection"), None, "the next request needs no new connection");
        }
        assert!(owner.get("/nothing-here").await.has("nav[aria-label=Main]"));
    }

    async fn a_method_that_an_address_does_not_take_is_refused_with_a_page(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        owner.with(Method::GET, "/sign-out", &[], "").await.expect(405).shows(&["This is not a page"]);
        owner.with(Method::PUT, "/authorizers", &[], "").await.expect(405);
    }

    async fn a_form_of_another_site_is_refused_though_its_token_is_right(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let body = format!("csrf={}", token(&owner).await);
        for header in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
            let page = owner.with(Method::POST, "/sign-out", &[("content-type", FORM), header], &body).await.expect(403);
            page.shows(&["This form was not accepted"]);
        }
        // An old browser says nothing of where it comes from; the token alone decides.
        let page = owner.with(Method::POST, "/sign-out", &[("content-type", FORM)], &body).await;
        assert_eq!(page.status, 303);
    }

    async fn bodies_that_are_too_large_or_no_form_are_refused_with_a_page(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let token = token(&owner).await;
        let large = format!("csrf={token}&name={}", "x".repeat(1 << 20));
        owner.post("/oauth-apps/new/acme-reports", FORM, &large).await.expect(413).shows(&["This is too large"]);
        let nul = format!("csrf={token}&client_id=a%00b");
        owner.post("/oauth-apps/new/acme-reports", FORM, &nul).await.expect(400);
        owner.post("/oauth-apps/new/acme-reports", "multipart/form-data; boundary=x", "no parts").await.expect(400);
    }

    async fn files_never_change_under_their_name_and_come_packed(app: TestApp) {
        let page = app.anonymous().get("/").await;
        let css = page.attr("link[rel=stylesheet]", "href").expect("a style sheet");
        let plain = app.anonymous().with(Method::GET, &css, &[], "").await.expect(200);
        assert!(plain.header("cache-control").is_some_and(|value| value.contains("immutable")));
        for coding in ["br", "gzip"] {
            let head = head(&app.base, &css, coding);
            assert!(head.contains(&format!("content-encoding: {coding}")), "{head}");
        }
        let fonts = plain.body.split("url(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let fonts: Vec<String> = fonts.map(|name| format!("/static/{name}")).collect();
        assert_eq!(fonts.len(), 2);
        for font in fonts {
            app.anonymous().with(Method::GET, &font, &[], "").await.expect(200);
        }
        app.anonymous().get("/favicon.ico").await.expect(200);
        app.anonymous().get("/robots.txt").await.expect(200);
    }

    async fn health_and_figures_are_for_the_machines_around(app: TestApp) {
        let machine = app.anonymous();
        machine.get("/health/live").await.expect(200);
        machine.get("/health/ready").await.expect(200);
        machine.get("/sign-in").await;
        let figures = machine.get("/metrics").await.expect(200);
        assert!(figures.body.contains("authorizers_http_requests_total{method=\"GET\",route=\"/sign-in\",status=\"303\"}"));
        machine.with(Method::GET, "/metrics", &[("x-forwarded-for", "203.0.113.9")], "").await.expect(404);
    }

    async fn pages_come_packed(app: TestApp) {
        let head = head(&app.base, "/set-up", "gzip");
        assert!(head.contains("content-encoding: gzip"), "{head}");
    }
}

/// The head of an answer as it crosses the wire: the client of the tests unpacks bodies and hides that they were packed.
fn head(base: &str, path: &str, coding: &str) -> String {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("the app listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {coding}\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).split("\r\n\r\n").next().unwrap_or_default().to_lowercase()
}
