//! **Add New Account** by OAuth: the form waits on the server while its owner is away.
use authorizers::model::role::Role;

use super::{FORM, count, value};
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::page::Page;

const NEW: &str = "/sources/new/acme-reports";

/// Types into the form and leaves for Acme.
async fn leave(client: &Client) -> Page {
    client.get(NEW).await.expect(200);
    client.submit(FORM, &[("name", "Clicks"), ("action", "add_account")]).await.expect(200)
}

with_app! {
    async fn the_form_comes_back_filled_after_a_denial_and_after_a_grant(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let leaving = leave(&owner).await;
        let page = acme::walk(&app, &owner, &leaving, "trip@example.com", Answer::Deny).await.expect(200);
        assert!(page.path().starts_with(&format!("{NEW}?draft=")), "{}", page.path());
        assert_eq!(value(&page, "name"), "Clicks");
        page.shows(&["Everything you typed is still here."]);

        let leaving = owner.submit(FORM, &[("action", "add")]).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "trip@example.com", Answer::Without("reports.read")).await.expect(200);
        page.shows(&["reports.read"]);
        assert_eq!((value(&page, "name"), count(&app, "authorizers")), ("Clicks".into(), 0));

        let leaving = owner.submit(FORM, &[("action", "add")]).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "trip@example.com", Answer::Allow).await.expect(200);
        assert_eq!(value(&page, "name"), "Clicks");
        assert_eq!(value(&page, "authorizer"), app.database.value("SELECT id AS value FROM authorizers"));
        owner.submit(FORM, &[("s.client", "south"), ("action", "test")]).await.expect(200).shows(&["2026-11-01", "<b>bold</b>"]);
        owner.submit(FORM, &[("action", "create")]).await.expect(200).shows(&["Clicks", "trip@example.com"]);
        assert_eq!((count(&app, "sources"), count(&app, "drafts")), (1, 0));
    }

    async fn who_lost_the_session_on_the_way_goes_on_where_he_left(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        leave(&owner).await;
        let again = app.sign_in("owner@example.com").await;
        again.get("/sources").await.shows(&["Continue where you left", "Clicks"]);
        let path = again.page().attr("a[href*='draft=']", "href").unwrap();
        let page = again.get(&path).await.expect(200);
        assert_eq!(value(&page, "name"), "Clicks");
        again.get("/sources").await;
        again.submit("form[action$='/discard']", &[]).await.expect(200);
        assert_eq!(count(&app, "drafts"), 0);
        again.get(&path).await.expect(200).shows(&["no longer there"]);
    }

    async fn a_draft_is_its_owners_alone(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        leave(&owner).await;
        let path = owner.get("/sources").await.attr("a[href*='draft=']", "href").unwrap();
        let admin = app.person(Role::Admin).await;
        assert!(!admin.get("/sources").await.shown().contains("Clicks"));
        let page = admin.get(&path).await.expect(200);
        assert!(!page.body.contains("Clicks"), "{}", page.shown());
        // What the other one types with that draft's id is a draft of its own.
        let draft = path.split_once("draft=").unwrap().1.to_owned();
        let token = page.attr("input[name=csrf]", "value").unwrap();
        let body = format!("csrf={token}&name=Mine&draft={draft}&action=add_account");
        admin.post(NEW, "application/x-www-form-urlencoded", &body).await.expect(200);
        admin.post(&format!("/sources/drafts/{draft}/discard"), "application/x-www-form-urlencoded", &format!("csrf={token}")).await;
        assert_eq!(value(&owner.get(&path).await, "name"), "Clicks");
    }

    async fn a_draft_opens_only_in_its_own_form(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        leave(&owner).await;
        let path = owner.get("/sources").await.attr("a[href*='draft=']", "href").unwrap();
        let query = path.split_once('?').unwrap().1;
        for form in ["/sources/new/postgresql", "/destinations/new/postgresql"] {
            let page = owner.get(&format!("{form}?{query}")).await.expect(200);
            assert_eq!(value(&page, "name"), "", "{form}");
        }
    }

    async fn an_account_for_a_source_that_is_edited_comes_back_to_the_edit(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let leaving = leave(&owner).await;
        acme::walk(&app, &owner, &leaving, "one@example.com", Answer::Allow).await.expect(200);
        let path = owner.submit(FORM, &[("s.client", "south"), ("action", "create")]).await.expect(200).path();
        owner.get(&format!("{path}/edit")).await.expect(200);
        let leaving = owner.submit(FORM, &[("name", "Clicks of two"), ("action", "add_account")]).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "two@example.com", Answer::Allow).await.expect(200);
        assert!(page.path().starts_with(&format!("{path}/edit?draft=")), "{}", page.path());
        assert_eq!((value(&page, "name"), value(&page, "s.client")), ("Clicks of two".into(), "south".into()));
        owner.submit(FORM, &[("action", "save")]).await.expect(200).shows(&["Clicks of two", "two@example.com"]);
    }

    async fn without_an_oauth_app_the_form_says_whom_to_ask_and_is_kept(app: TestApp) {
        let owner = app.set_up().await;
        owner.get(NEW).await.expect(200);
        let page = owner.submit(FORM, &[("name", "Clicks"), ("action", "add_account")]).await.expect(422);
        page.shows(&["Acme Reports has no OAuth app yet"]);
        assert!(page.has("a[href='/oauth-apps/new/acme-reports']"), "{}", page.shown());
        assert_eq!(value(&page, "name"), "Clicks");
        owner.get("/sources").await.shows(&["Continue where you left", "Clicks"]);
    }
}
