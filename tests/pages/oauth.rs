//! Authorizing by OAuth against a certified server: what must not be a success, and the words for it.

use authorizers::domain::authorizers::account;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::role::Role;

use crate::lifecycle::processes::ended;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::page::Page;

/// The owner, with the OAuth app of Acme entered.
pub async fn ready(app: &TestApp) -> Client {
    let owner = app.set_up().await;
    acme::enter_app(app, &owner).await;
    owner
}

/// Leaves for Acme; nobody has signed in there yet.
pub async fn leave(client: &Client, name: &str) -> Page {
    client.get("/authorizers/new/acme-reports").await.expect(200);
    client.submit("form#authorizer", &[("name", name)]).await.expect(200)
}

/// Where the provider sent the browser back to.
pub fn callback(page: &Page) -> String {
    let all = page.hops.iter().map(|(_, url)| url).chain([&page.url]);
    let found = all.into_iter().find(|url| url.path() == "/oauth/callback");
    let url = found.unwrap_or_else(|| panic!("no callback among {:?}", page.hops));
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

pub fn count(app: &TestApp) -> usize {
    app.database.count("authorizers")
}

/// A different account for each app: they share the server.
fn email(app: &TestApp, name: &str) -> String {
    format!("{name}-{}@example.com", app.base.rsplit(':').next().unwrap())
}

with_app! {
    async fn a_grant_becomes_an_authorizer_with_identity_and_scopes(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads of Ann", "ann@example.com", Answer::Allow).await.expect(200);
        assert_eq!(page.text("h1"), "Ads of Ann");
        page.shows(&["Connected", "ann@example.com", "reports.read"]);
        owner.get("/authorizers").await.shows(&["Ads of Ann", "ann@example.com", "Connected"]);
        assert_eq!(count(&app), 1);
    }

    async fn a_denial_makes_nothing_and_trying_again_works(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Deny).await.expect(200);
        assert_eq!(count(&app), 0);
        assert!(page.has("form[action$='/again']"), "{}", page.shown());
        let leaving = owner.submit("form[action$='/again']", &[]).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        assert_eq!(page.text("h1"), "Ads", "the name that was typed before");
    }

    async fn a_grant_without_a_needed_scope_is_no_success(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Without("reports.read")).await.expect(200);
        page.shows(&["reports.read"]);
        assert_eq!(count(&app), 0);
    }

    async fn a_grant_without_the_expected_refresh_token_is_no_success(app: TestApp) {
        let owner = ready(&app).await;
        acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Without("offline_access")).await.expect(200);
        assert_eq!(count(&app), 0);
    }

    async fn who_comes_back_signed_out_signs_in_and_is_there_and_the_code_is_on_no_page(app: TestApp) {
        let owner = ready(&app).await;
        let leaving = leave(&owner, "Ads").await;
        app.database.execute("DELETE FROM sessions");
        let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        assert!(page.path().starts_with("/sign-in"), "{}", page.url);
        let came_back = callback(&page);
        let code = came_back.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code");
        assert!(!page.url.as_str().contains(code) && !page.body.contains(code), "the code is kept apart");
        let signed_in = [("email", "owner@example.com"), ("password", PASSWORD)];
        owner.submit("form#sign-in", &signed_in).await.expect(200).shows(&["Ads", "Connected"]);
        assert_eq!(count(&app), 1);
        let again = owner.get("/oauth/callback").await;
        assert_eq!(again.status, 409, "it was kept for once: {}", again.shown());
    }

    async fn a_callback_works_once(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200);
        let again = owner.get(&callback(&page)).await;
        assert_eq!(again.status, 409, "{}", again.shown());
        assert_eq!(count(&app), 1);
        owner.get("/authorizers").await.shows(&["Connected"]);
    }

    async fn a_callback_in_another_browser_is_refused_and_the_right_one_still_works(app: TestApp) {
        let owner = ready(&app).await;
        let leaving = leave(&owner, "Ads").await;
        // Somebody else walks through the provider's pages; the way back ends at our sign-in page.
        let elsewhere = app.anonymous();
        let url = leaving.refresh().unwrap();
        let page = app.acme().walk(&elsewhere, url.as_str(), "evil@example.com", Answer::Allow).await;
        let callback = callback(&page);
        let other = app.sign_in("owner@example.com").await;
        let in_other_browser = ["begun in another browser"];
        other.get(&callback).await.expect(409).shows(&in_other_browser);
        assert_eq!(count(&app), 0);
        app.person(Role::Admin).await.get(&callback).await.expect(409).shows(&in_other_browser);
        owner.get(&callback).await.expect(200);
        assert_eq!(count(&app), 1);
    }

    async fn a_callback_that_nobody_asked_for_is_refused(app: TestApp) {
        let owner = ready(&app).await;
        for query in ["", "?code=x", "?state=&code=x", "?state=made-up&code=x", "?state=%3Cscript%3E&error=%3Cscript%3E"] {
            let page = owner.get(&format!("/oauth/callback{query}")).await;
            assert_eq!(page.status, 409, "{query}: {}", page.shown());
            assert!(!page.body.contains("<script"), "{query}");
        }
        assert_eq!(count(&app), 0);
    }

    async fn a_callback_of_another_issuer_is_refused(app: TestApp) {
        let owner = ready(&app).await;
        let leaving = leave(&owner, "Ads").await;
        let elsewhere = app.anonymous();
        let page = app.acme().walk(&elsewhere, leaving.refresh().unwrap().as_str(), "ann@example.com", Answer::Allow).await;
        let forged = callback(&page).split('&').map(|pair| if pair.starts_with("iss=") { "iss=https%3A%2F%2Fevil.example" } else { pair }).collect::<Vec<_>>().join("&");
        assert!(forged.contains("evil.example"), "{forged}");
        owner.get(&forged).await.expect(200);
        assert_eq!(count(&app), 0);
    }

    async fn two_attempts_run_side_by_side_in_one_browser(app: TestApp) {
        let owner = ready(&app).await;
        let first = leave(&owner, "First").await;
        let tab = owner.tab();
        let second = leave(&tab, "Second").await;
        acme::walk(&app, &owner, &first, "first@example.com", Answer::Allow).await.expect(200);
        let page = acme::walk(&app, &tab, &second, "second@example.com", Answer::Allow).await.expect(200);
        page.shows(&["Second", "second@example.com"]);
        assert_eq!(count(&app), 2);
    }

    async fn reauthorizing_keeps_the_authorizer_and_another_account_is_not_swapped_in(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200);
        let path = page.path();
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        assert_eq!((page.path(), count(&app)), (path.clone(), 1));

        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "bob@example.com", Answer::Allow).await.expect(200);
        page.shows(&["This is another", "ann@example.com", "bob@example.com"]);
        owner.tab().get(&path).await.shows(&["ann@example.com"]);
        owner.submit("form#other", &[("do", "keep_both")]).await.expect(200);
        assert_eq!(count(&app), 2);
        owner.get(&path).await.shows(&["ann@example.com"]);
    }

    async fn revoking_ends_the_access_at_the_provider_and_wipes_the_secrets(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200);
        let path = page.path();
        let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
        let token = account::open(&app.ctx, &id).await.ok().unwrap().account().value("access_token").unwrap().to_owned();
        assert_eq!(app.acme().me(&token).await, 200);
        owner.get(&format!("{path}/revoke")).await.shows(&["Nothing"]);
        let receipt = owner.submit("form#revoke", &[]).await.expect(200);
        receipt.shows(&["Token revoked"]);
        assert_eq!(app.acme().me(&token).await, 401, "the token still works");
        assert!(account::open(&app.ctx, &id).await.is_err());
        assert_eq!(app.database.value("SELECT COUNT(sealed) || '' AS value FROM authorizers"), "0");
        owner.get(&path).await.shows(&["Revoked"]);
    }

    async fn an_authorizer_in_use_is_not_deleted(app: TestApp) {
        let owner = ready(&app).await;
        let path = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200).path();
        owner.get(&format!("{path}/delete")).await.expect(200);
        // Between the page and the button somebody makes a source of it.
        app.database.execute(
            "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
             SELECT 's', 'Clicks', 'clicks', service, id, '{}', 1, 1, 1 FROM authorizers",
        );
        let page = owner.submit("form#delete", &[]).await;
        assert_ne!(page.status, 500, "{}", page.shown());
        assert_eq!(count(&app), 1);
        let open = account::open(&app.ctx, &AuthorizerId::from(path.rsplit('/').next().unwrap())).await;
        assert!(open.is_ok(), "a refused deletion revokes nothing");
        app.database.execute("DELETE FROM sources");
        owner.get(&format!("{path}/delete")).await.expect(200);
        owner.submit("form#delete", &[]).await.expect(200);
        assert_eq!(count(&app), 0);
    }

    async fn a_grant_that_was_ended_at_the_provider_is_broken_after_a_test(app: TestApp) {
        let owner = ready(&app).await;
        let email = email(&app, "ended");
        let path = acme::authorize(&app, &owner, "Ads", &email, Answer::Allow).await.expect(200).path();
        app.acme().end_grants_of(&email).await;
        owner.submit("form[action$='/test']", &[]).await.expect(200);
        until(&owner, &path, "Broken").await;
        owner.get("/authorizers").await.shows(&["1 authorizer", "Broken"]);
    }
}

with_app! { start_apart;
    async fn answers_that_no_provider_should_give_have_words_and_trying_again_works(app: TestApp) {
        let owner = ready(&app).await;
        let huge = "x".repeat(3_000_000);
        let faults = [
            (500, "{}"), (200, "<html>maintenance</html>"), (200, "null"), (200, ""), (200, "[]"), (200, "{\"token_type\":\"bearer\"}"),
            (400, "{\"error\":\"invalid_grant\",\"error_description\":\"<b>no</b>\"}"), (401, "{\"error\":\"invalid_client\"}"),
            (302, ""), (429, "{}"), (200, huge.as_str()),
        ];
        for (status, body) in faults {
            app.acme().fail("/token", 1, status, body).await;
            let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await;
            let shown: String = body.chars().take(60).collect();
            assert_eq!(page.status, 200, "{status} {shown}: {}", page.shown());
            assert!(page.has("form[action$='/again']"), "{status} {shown}: {}", page.shown());
            assert!(!page.body.contains("<b>no</b>"), "the provider's text is shown as text");
            assert_eq!(count(&app), 0, "{status} {shown}");
        }
        let leaving = owner.submit("form[action$='/again']", &[]).await.expect(200);
        acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        assert_eq!(count(&app), 1);
    }

    async fn fifty_callers_of_two_replicas_refresh_once(app: TestApp) {
        let (_, id) = ended(&app).await;
        let before = app.acme().calls("/token").await;
        let replicas = [app.ctx.clone(), app.replica().await];
        let callers: Vec<_> = (0..50)
            .map(|number| {
                let (ctx, id) = (replicas[number % 2].clone(), id.clone());
                tokio::spawn(async move { account::open(&ctx, &id).await.map(|open| open.account().value("access_token").unwrap().to_owned()) })
            })
            .collect();
        let mut tokens = Vec::new();
        for caller in callers {
            tokens.push(caller.await.unwrap().unwrap_or_else(|error| panic!("a caller got {error:?}")));
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "all got the same new token");
        assert_eq!(app.acme().calls("/token").await - before, 1, "one refresh");
        assert_eq!(app.acme().me(&tokens[0]).await, 200);
    }

    async fn a_passing_fault_of_the_refresh_keeps_the_tokens(app: TestApp) {
        let (owner, id) = ended(&app).await;
        let path = format!("/authorizers/{id}");
        app.acme().fail("/token", 1, 503, "{}").await;
        assert!(account::open(&app.ctx, &id).await.is_err());
        let page = owner.get(&path).await;
        assert!(!page.text(".hero").contains("Broken"), "{}", page.shown());
        assert!(account::open(&app.ctx, &id).await.is_ok(), "the refresh token was kept");
    }
}

/// Draws the page until it shows the word: a test runs in the background.
async fn until(client: &Client, path: &str, word: &str) {
    let started = std::time::Instant::now();
    while !client.get(path).await.shown().contains(word) {
        assert!(
            started.elapsed().as_secs() < 20,
            "{path} never shows {word}: {}",
            client.page().shown()
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
