//! *Test data*: the page says how much of the data it shows, and why nothing can be shown.
use authorizers::domain::authorizers::enter_credentials::{Entered, NewCredentials, enter};
use authorizers::model::credentials::Secret;
use authorizers::model::role::Role;

use super::FORM;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{End, Fake, Reply};
use crate::support::house;
use crate::support::page::Page;

/// The owner at the form of a source of `fake`, whose requests begin with `/v1`.
async fn at_form(app: &TestApp, fake: &Fake) -> Client {
    let owner = app.person(Role::Owner).await;
    let values = [("base_url", fake.url("/v1")), ("method", "none".to_owned())];
    let new = NewCredentials {
        service_id: "custom-http".into(),
        auth_id: "key".to_owned(),
        name: "Numbers".to_owned(),
        values: values
            .into_iter()
            .chain([("test_path", "/me".to_owned())])
            .map(|(key, value)| (key.to_owned(), Secret::new(value)))
            .collect(),
        is_tested: false,
    };
    let Ok(Entered::Saved { id, .. }) = enter(&app.ctx, &house::owner(app), new).await else {
        panic!("the account is saved")
    };
    owner.get("/sources/new/custom-http").await.expect(200);
    let fields = [("name", "Figures"), ("authorizer", id.as_str()), ("action", "load")];
    owner.submit(FORM, &fields).await.expect(200);
    owner
}

async fn test(owner: &Client, path: &str) -> Page {
    let fields = [("s.dataset", "custom"), ("s.path", path), ("action", "test")];
    owner.submit(FORM, &fields).await
}

with_app! {
    async fn a_preview_says_what_it_left_out(app: TestApp) {
        let fake = Fake::start().await;
        let owner = at_form(&app, &fake).await;
        let keys: Vec<String> = (0..40_000).map(|n| format!("\"k{n}\":{n}")).collect();
        let row = format!("{{{}}}", keys.join(","));
        for (body, says, columns) in [
            (format!("[{row}]"), "1 row. 500 of 40,000 columns shown.", 500),
            ("[{\"a\":1},{\"b\":2}]".to_owned(), "2 rows.", 2),
            (format!("[{}1]", "1,".repeat(30)), "First 20 rows, and there are more.", 1),
            ("[]".to_owned(), "No rows.", 0),
        ] {
            fake.answers("/v1/rows", Reply::new(200, "application/json", body));
            let page = test(&owner, "/rows").await.expect(200);
            assert_eq!(page.text(".section-head .note"), says);
            assert_eq!(page.count("table.data th"), columns, "{says}");
        }
        assert!(owner.page().body.len() < 200_000);
    }

    async fn an_answer_that_is_larger_than_we_read_is_told_as_that(app: TestApp) {
        let fake = Fake::start().await;
        let owner = at_form(&app, &fake).await;
        let endless = Reply::new(200, "application/json", vec![b' '; 1 << 16]).ending(End::Endless);
        fake.answers("/v1/rows", endless);
        let page = test(&owner, "/rows").await.expect(422);
        page.shows(&["Custom HTTP API sent more than we read", "larger than we read (8 MB)"]);
        fake.answers("/v1/rows", Reply::new(200, "application/json", "[{\"a\":1}]"));
        test(&owner, "/rows").await.expect(200).shows(&["1 row."]);
    }

    async fn a_path_that_leaves_what_requests_begin_with_is_marked_and_not_called(app: TestApp) {
        let fake = Fake::start().await;
        let owner = at_form(&app, &fake).await;
        for path in ["/../admin", "/%2e%2e/admin", "/a/..%2F..%2fadmin", "/./x"] {
            let page = test(&owner, path).await.expect(422);
            assert!(page.has(".field-error #s-path"), "{path}: {}", page.shown());
            page.shows(&["A path can't contain . or .. between slashes."]);
            let fields = [("s.path", path), ("action", "create")];
            assert!(owner.submit(FORM, &fields).await.expect(422).has(".field-error #s-path"));
        }
        assert!(fake.seen().is_empty(), "{:?}", fake.seen());
        fake.answers("/v1/rows", Reply::new(200, "application/json", "[]"));
        test(&owner, "/rows").await.expect(200);
    }
}
