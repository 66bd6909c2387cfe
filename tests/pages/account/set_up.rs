//! The first page of a new installation.
use reqwest::Method;

use crate::support::app::{PASSWORD, TestApp, with_app};

const FORM: &str = "application/x-www-form-urlencoded";

fn body(token: &str, code: &str) -> String {
    let fields = [
        ("csrf", token),
        ("name", "Olga"),
        ("email", "olga@example.com"),
        ("password", PASSWORD),
        ("code", code),
    ];
    serde_urlencoded::to_string(fields).expect("a form")
}

with_app! {
    async fn every_page_leads_to_set_up_until_there_is_an_owner(app: TestApp) {
        let stranger = app.anonymous();
        for path in ["/", "/authorizers", "/oauth-apps", "/sign-in"] {
            assert_eq!(stranger.get(path).await.path(), "/set-up", "{path}");
        }
        app.set_up().await;
        assert_eq!(stranger.get("/set-up").await.path(), "/sign-in");
    }

    async fn what_is_wrong_is_said_at_once_and_the_password_is_not_drawn_again(app: TestApp) {
        let stranger = app.anonymous();
        stranger.get("/set-up").await;
        let page = stranger.submit("#set-up", &[("name", "Olga"), ("email", "olga"), ("password", "short-one")]).await.expect(422);
        assert_eq!(page.attr("#name", "value").as_deref(), Some("Olga"));
        assert_eq!(page.count("[aria-invalid=true]"), 2);
        assert!(page.text("title").starts_with("2 errors:"));
        assert!(!page.body.contains("short-one"));
    }

    async fn from_another_machine_the_code_of_the_console_is_asked_for(app: TestApp) {
        let stranger = app.anonymous();
        let token = stranger.get("/set-up").await.attr("input[name=csrf]", "value").expect("a token");
        let headers = [("content-type", FORM), ("x-forwarded-for", "203.0.113.9"), ("origin", app.base.as_str())];
        let page = stranger.with(Method::POST, "/set-up", &headers, &body(&token, "")).await.expect(422);
        assert!(page.has("#code[aria-invalid=true]"));
        let wrong = stranger.with(Method::POST, "/set-up", &headers, &body(&token, "wrong")).await;
        assert_eq!(wrong.status, 422);
        let code = authorizers::domain::account::set_up::find_or_make_code(&app.ctx).await.expect("a code").expect("nobody is there");
        let right = stranger.with(Method::POST, "/set-up", &headers, &body(&token, code.expose())).await;
        assert_eq!(right.status, 303, "{}", right.shown());
    }

    async fn it_happens_once(app: TestApp) {
        let late = app.anonymous();
        late.get("/set-up").await;
        app.set_up().await;
        let page = late.submit("#set-up", &[("name", "Eve"), ("email", "eve@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(page.path(), "/sign-in");
        assert_eq!(app.database.count("users"), 1);
    }
}
