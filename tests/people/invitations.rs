//! One-time links: shown once, used once, for seven days.
use std::time::Duration;

use authorizers::domain::account::Client as Where;
use authorizers::domain::account::accept::{Accept, accept};
use authorizers::model::credentials::Secret;
use authorizers::model::role::Role;
use authorizers::model::time::DAY;

use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::logs;

async fn invite(owner: &Client, email: &str, role: &str) -> String {
    owner.get("/members/new").await.expect(200);
    let page = owner.submit("form#member", &[("email", email), ("role", role)]).await.expect(200);
    page.attr("input#link", "value").expect("a link")
}

async fn join(visitor: &Client, link: &str) -> u16 {
    visitor.get(link).await;
    visitor.submit("form#invitation", &[("name", "Nina New"), ("password", PASSWORD)]).await.status
}

with_app! {
    async fn a_member_joins_by_a_link_that_opens_once(app: TestApp) {
        logs::keep();
        let owner = app.set_up().await;
        let link = invite(&owner, "nina@example.com", "editor").await;
        let member = owner.page().path();
        assert!(!owner.get(&member).await.expect(200).has("input#link"), "it is shown a second time");
        owner.get("/members").await.shows(&["nina", "nina@example.com", "Invited"]);

        let nina = app.anonymous();
        nina.get(&link).await.expect(200).shows(&["You sign in as nina@example.com."]);
        let short = nina.submit("form#invitation", &[("name", "Nina New"), ("password", "short")]).await.expect(422);
        assert_eq!(short.attr("input[name=name]", "value").as_deref(), Some("Nina New"), "what was typed is lost");
        nina.submit("form#invitation", &[("password", PASSWORD)]).await.expect(200).shows(&["Nina New", "Editor"]);
        app.sign_in("nina@example.com").await.get("/account").await.expect(200).shows(&["Nina New"]);

        app.anonymous().get(&link).await.expect(410).shows(&["This link has been used"]);
        app.anonymous().get("/invitations/nobody-made-this").await.expect(404).shows(&["This link is not known"]);
        let token = link.rsplit('/').next().unwrap();
        assert!(!logs::all().contains(token), "the log holds the token");
        let stored = app.database.contents().into_values().flatten().any(|line| line.contains(token));
        assert!(!stored, "the database holds the token");
    }

    async fn of_two_who_use_a_link_at_once_one_gets_in(app: TestApp) {
        let owner = app.set_up().await;
        let link = invite(&owner, "nina@example.com", "viewer").await;
        let token = link.rsplit('/').next().unwrap().to_owned();
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let (ctx, token) = (app.ctx.clone(), Secret::new(token.as_str()));
                let form = Accept { name: format!("Nina {number}"), password: Secret::new(PASSWORD) };
                tokio::spawn(async move { accept(&ctx, &token, form, Where::default()).await.is_ok() })
            })
            .collect();
        let mut got_in = 0;
        for task in tasks {
            got_in += usize::from(task.await.unwrap());
        }
        assert_eq!(got_in, 1);
    }

    async fn a_newer_link_closes_the_older_and_using_it_ends_the_sessions(app: TestApp) {
        let owner = app.set_up().await;
        let editor = app.person(Role::Editor).await;
        let mut links = Vec::new();
        for _ in 0..2 {
            owner.get("/members/user-editor").await;
            links.push(owner.submit("form#new-link", &[]).await.expect(200).attr("input#link", "value").expect("a link"));
        }
        app.anonymous().get(&links[0]).await.expect(410);
        // Until it is used nothing has changed.
        editor.get("/account").await.expect(200);
        assert_eq!(join(&app.anonymous(), &links[1]).await, 200);
        assert!(editor.get("/account").await.path().starts_with("/sign-in"));
    }

    async fn whoever_is_deactivated_is_out_at_once_and_comes_back_when_reactivated(app: TestApp) {
        let owner = app.set_up().await;
        let editor = app.person(Role::Editor).await;
        owner.get("/members/user-editor").await;
        let link = owner.submit("form#new-link", &[]).await.attr("input#link", "value").expect("a link");
        owner.get("/members/user-editor/deactivate").await.expect(200).shows(&["1 session ends at once"]);
        editor.get("/account").await.expect(200);
        owner.submit("form#deactivate", &[]).await.expect(200).shows(&["Deactivated"]);
        assert!(editor.get("/account").await.path().starts_with("/sign-in"));
        editor.get("/sign-in").await;
        editor.submit("form#sign-in", &[("email", "editor@example.com"), ("password", PASSWORD)]).await.expect(422);
        app.anonymous().get(&link).await.expect(410);
        owner.get("/members/user-editor").await;
        owner.submit("form#activate", &[]).await.expect(200);
        app.sign_in("editor@example.com").await;
    }

    async fn a_member_is_signed_out_everywhere_by_an_admin(app: TestApp) {
        app.set_up().await;
        let (first, second) = (app.person(Role::Editor).await, app.person(Role::Editor).await);
        let admin = app.person(Role::Admin).await;
        admin.get("/members/user-editor").await.shows(&["Signed in at 2 places."]);
        admin.submit("form#sign-out", &[]).await.expect(200).shows(&["Signed in nowhere."]);
        for client in [first, second] {
            assert!(client.get("/").await.path().starts_with("/sign-in"));
        }
        admin.get("/").await.expect(200);
    }
}

#[test]
fn a_link_opens_for_seven_days() {
    use crate::support::database::Kind;
    use authorizers::clock::Clock;
    use authorizers::model::time::Moment;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::fixed(Moment::from_micros(1_795_000_000_000_000));
        let app = TestApp::start_at(Kind::Sqlite, clock.clone()).await;
        let owner = app.set_up().await;
        let link = invite(&owner, "nina@example.com", "viewer").await;
        clock.advance(DAY.saturating_mul(7) - Duration::from_secs(1));
        app.anonymous().get(&link).await.expect(200);
        clock.advance(Duration::from_secs(1));
        app.anonymous().get(&link).await.expect(410).shows(&["This link has expired"]);
    });
}
