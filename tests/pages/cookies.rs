//! The session cookie and the headers that depend on how browsers reach the app.
use authorizers::domain::account::set_up::find_or_make_code;
use reqwest::Method;

use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::page::Page;

/// The attributes of the session cookie that an answer sets, in lower case.
fn attributes(page: &Page) -> Vec<String> {
    let lines = page.headers.get_all("set-cookie").into_iter();
    let mut lines = lines.map(|line| line.to_str().expect("plain text"));
    let line = lines.find(|line| line.starts_with("authorizers=")).expect("a session cookie");
    line.split(';').skip(1).map(|part| part.trim().to_lowercase()).collect()
}

async fn first_page(app: &TestApp) -> Page {
    Client::new(&app.base).with(Method::GET, "/set-up", &[], "").await.expect(200)
}

fn has(attributes: &[String], wanted: &[&str]) {
    for one in wanted {
        assert!(attributes.iter().any(|attribute| attribute == one), "{one}: {attributes:?}");
    }
}

const ALWAYS: [&str; 4] = ["httponly", "samesite=lax", "path=/", "max-age=2592000"];

with_app! {
    async fn over_http_the_cookie_is_sent_back_and_no_script_reads_it(app: TestApp) {
        let page = first_page(&app).await;
        let attributes = attributes(&page);
        has(&attributes, &ALWAYS);
        assert!(!attributes.contains(&"secure".to_owned()), "a browser would not send it back");
        assert_eq!(page.header("strict-transport-security"), None);
    }

    async fn the_cookie_tells_nothing_and_is_taken_as_it_was_given(app: TestApp) {
        let owner = app.set_up().await;
        let cookie = owner.cookie("authorizers").expect("a cookie");
        let session = app.database.value("SELECT id AS value FROM sessions");
        let token = owner.get("/account").await.attr("input[name=csrf]", "value").expect("a token");
        assert!(!cookie.contains(&session) && !cookie.contains(&token), "it is encrypted");
        let mut bent = cookie.clone().into_bytes();
        let middle = bent.len() / 2;
        bent[middle] = if bent[middle] == b'A' { b'B' } else { b'A' };
        let bent = format!("authorizers={}", String::from_utf8(bent).expect("text"));
        let page = app.anonymous().with(Method::GET, "/account", &[("cookie", &bent)], "").await;
        assert_eq!(page.header("location"), Some("/sign-in?back=%2Faccount"));
        let whole = format!("authorizers={cookie}");
        app.anonymous().with(Method::GET, "/account", &[("cookie", &whole)], "").await.expect(200);
    }
}

/// What every answer carries, whatever it is.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cache-control", "no-store"),
];

with_app! {
    async fn every_answer_carries_the_headers_that_protect(app: TestApp) {
        let owner = app.set_up().await;
        let stranger = app.anonymous();
        let css = owner.get("/").await.attr("link[rel=stylesheet]", "href").expect("a style sheet");
        let mut answers = Vec::new();
        for path in ["/authorizers", "/account", "/nothing-here", "/health/live", "/robots.txt", css.as_str()] {
            answers.push(owner.with(Method::GET, path, &[], "").await);
        }
        answers.push(stranger.with(Method::GET, "/authorizers", &[], "").await);
        answers.push(stranger.with(Method::POST, "/sign-out", &[], "csrf=x").await);
        answers.push(stranger.with(Method::PUT, "/authorizers", &[], "").await);
        let statuses: Vec<u16> = answers.iter().map(|page| page.status).collect();
        assert_eq!(statuses, [200, 200, 404, 200, 200, 200, 303, 403, 405]);
        for page in answers {
            for (name, wanted) in HEADERS {
                // A file never changes under its name, and is kept.
                if name == "cache-control" && page.url.path() == css {
                    assert!(page.header(name).is_some_and(|value| value.contains("immutable")));
                    continue;
                }
                assert_eq!(page.header(name), Some(wanted), "{} {name}", page.url);
            }
            assert!(page.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
        }
    }
}

with_app! { start_https;
    async fn over_https_the_cookie_is_never_sent_in_the_clear(app: TestApp) {
        let page = first_page(&app).await;
        has(&attributes(&page), &ALWAYS);
        has(&attributes(&page), &["secure"]);
        assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000"));
        // Answers without a page carry it, too.
        for path in ["/health/live", "/robots.txt", "/nothing-here"] {
            let page = app.anonymous().with(Method::GET, path, &[], "").await;
            assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000"), "{path}");
        }
        let code = find_or_make_code(&app.ctx).await.expect("an answer").expect("nobody is there");
        let owner = app.anonymous();
        owner.get("/set-up").await.expect(200);
        let fields = [("name", "Olga"), ("email", "olga@example.com"), ("password", PASSWORD), ("code", code.expose())];
        owner.submit("form#set-up", &fields).await.expect(200);
        let page = owner.with(Method::GET, "/account", &[], "").await.expect(200);
        if page.header("set-cookie").is_some() {
            has(&attributes(&page), &["secure"]);
        }
        owner.get("/account").await.expect(200);
        let left = owner.submit("form[action='/sign-out']", &[]).await;
        assert_eq!(left.expect(200).path(), "/sign-in");
    }
}
