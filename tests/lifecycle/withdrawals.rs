//! Grants that nobody keeps are taken away at their service, and pages say what was seen, and never more.
use std::time::Duration;

use authorizers::domain::authorizers::account;
use authorizers::model::ids::AuthorizerId;
use serde_json::json;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::line::Said;
use crate::support::scripted::{
    ALONE, ENDLESS, Revoking, SCRIPTED, next_round, reseal, revoke, tells, until,
};

/// An account of one of the scripted services; the path of its page.
async fn connected(app: &TestApp, service: &str) -> (Client, String) {
    let client = app.sign_in("owner@example.com").await;
    if service != SCRIPTED {
        app.scripted().enter_app(&client, service).await;
    }
    let page = app.scripted().authorize(&client, service, "ann").await.expect(200);
    page.shows(&["Connected"]);
    let path = page.path();
    (client, path)
}

fn id(path: &str) -> AuthorizerId {
    path.rsplit('/').next().unwrap().into()
}

/// The page of an authorizer and its receipt say the same, and one leads to the other.
async fn say_both(client: &Client, path: &str, words: &[&str]) {
    client.get(&format!("{path}/receipt")).await.expect(200).shows(words);
    let page = client.get(path).await.expect(200);
    page.shows(words);
    assert!(page.has(&format!("a[href='{path}/receipt']")), "{}", page.shown());
}

fn unavailable() -> Said {
    Said::Json(503, json!({}))
}

with_app! { start_scripted;
    async fn a_yes_that_is_not_true_is_told_looked_at_again_and_asked_again(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        app.scripted().provider().revoking = Revoking::OnlySaysYes;
        revoke(&client, &path).await.shows(&["Token is being revoked", "the old token still works", "1 of 6"]);
        say_both(&client, &path, &["Token is being revoked", "the old token still works"]).await;
        client.page().shows(&["Revoking"]);
        client.get("/authorizers?status=revoking").await.shows(&["is being asked to revoke"]);
        // A renewal that succeeds shows that the grant lives: what it brought is what has to be revoked.
        assert_eq!(app.scripted().provider().count("/token", "refresh-ann-1"), 1);
        app.scripted().provider().revoking = Revoking::EndsAll;
        next_round(&app).await;
        say_both(&client, &path, &["Token revoked", "the old token no longer works"]).await;
        client.page().shows(&["Revoked"]);
        assert!(app.scripted().provider().living("ann").is_empty());
        assert_eq!(app.scripted().provider().count("/revoke", "refresh-ann-2"), 1);
        tells(&client, "revoked", &["the old token no longer works"]).await;
    }

    async fn after_six_tries_the_page_says_that_the_token_still_works(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        app.scripted().provider().revoking = Revoking::OnlySaysYes;
        revoke(&client, &path).await;
        for _ in 0..5 {
            next_round(&app).await;
        }
        say_both(&client, &path, &["The token still works", "Remove the access at Scripted"]).await;
        client.page().shows(&["Disconnected"]);
        assert!(!client.page().shown().contains("Token revoked"));
        tells(&client, "removed", &["but the old token still works"]).await;
        assert!(client.page().has("a[href='https://example.com/connected']"), "it leads to where it can be removed");
        let before = app.scripted().provider().calls.len();
        next_round(&app).await;
        assert_eq!(app.scripted().provider().calls.len(), before, "it is over");
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
    }

    async fn an_access_token_that_outlives_its_grant_is_told_apart_by_the_refresh_token(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        {
            let mut provider = app.scripted().provider();
            provider.revoking = Revoking::LeavesAccess;
            provider.is_mute = true;
        }
        revoke(&client, &path).await.shows(&["Token revoked", "works until it expires"]);
        say_both(&client, &path, &["Token revoked", "works until it expires"]).await;
        assert_eq!(app.scripted().provider().living("ann"), ["access-ann-1"]);
    }

    async fn junk_in_place_of_a_revocation_is_no_proof(app: TestApp) {
        for junk in [json!({ "error": "nope" }), json!([]), json!("maintenance")] {
            let (client, path) = connected(&app, SCRIPTED).await;
            app.scripted().provider().answers("/revoke", Said::Json(200, junk));
            revoke(&client, &path).await.shows(&["Token is being revoked", "the old token still works"]);
            next_round(&app).await;
            say_both(&client, &path, &["Token revoked", "the old token no longer works"]).await;
        }
    }

    async fn a_refusal_is_told_on_the_page_and_on_the_receipt(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        app.scripted().provider().answers("/revoke", Said::Json(400, json!({ "error": "unsupported_token_type" })));
        revoke(&client, &path).await.shows(&["Removed here only", "did not revoke the access", "unsupported_token_type"]);
        say_both(&client, &path, &["Removed here only", "did not revoke the access"]).await;
        client.page().shows(&["Disconnected"]);
        assert!(!client.page().shown().contains("taken away"));
        client.get("/authorizers?status=disconnected").await.shows(&["May still be active at Scripted"]);
        client.get("/authorizers?status=revoked").await.shows(&["Nothing matches"]);
        assert_eq!(app.database.value("SELECT revocation AS value FROM authorizers"), "failed");
    }

    async fn where_the_service_cannot_be_asked_nothing_else_is_claimed(app: TestApp) {
        let (client, path) = connected(&app, ENDLESS).await;
        revoke(&client, &path).await.shows(&["Removed here only", "cannot be asked from here"]);
        say_both(&client, &path, &["Removed here only", "cannot be asked from here"]).await;
        client.page().shows(&["Disconnected", "Manage access at Scripted"]);
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
        // Deleting says it, too.
        client.get(&format!("{path}/delete")).await.expect(200);
        client.submit("form#delete", &[]).await.expect(200).shows(&["stays active at the service"]);
        tells(&client, "deleted_grant_left", &["offers no way to revoke it", "Manage access at Scripted"]).await;
    }

    async fn a_pending_revocation_survives_a_reauthorization(app: TestApp) {
        let (client, path) = connected(&app, ALONE).await;
        let old = app.scripted().provider().living("ann");
        app.scripted().provider().answers("/revoke", unavailable());
        revoke(&client, &path).await.shows(&["Token is being revoked"]);
        // The new grant belongs to the same account, and ends alone at this service.
        app.scripted().provider().live.retain(|token, _| old.contains(token));
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
        let new: Vec<String> = app.scripted().provider().living("ann").into_iter().filter(|token| !old.contains(token)).collect();
        app.scripted().provider().answers("/revoke", Said::Json(200, json!({})));
        // The service ends the old one.
        for token in &old {
            app.scripted().provider().live.remove(token);
        }
        next_round(&app).await;
        assert_eq!(app.scripted().provider().count("/revoke", "refresh-ann-1"), 2, "it was asked again");
        client.get(&path).await.shows(&["Connected", "Revoked by Olga Owner"]);
        assert_eq!(app.scripted().provider().living("ann"), new);
        assert_eq!(app.database.count("withdrawals WHERE next_try_at IS NOT NULL"), 0);
    }

    async fn a_pending_revocation_that_would_end_the_new_grant_is_dropped_and_told(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        app.scripted().provider().answers("/revoke", unavailable());
        revoke(&client, &path).await.shows(&["Token is being revoked"]);
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
        next_round(&app).await;
        assert_eq!(app.scripted().provider().count("/revoke", ""), 1, "it would end what is in use");
        client.get(&path).await.shows(&["Connected", "would end access that is in use", "Manage access at Scripted"]);
    }

    async fn revoking_during_a_refresh_revokes_what_the_refresh_brings(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        expire(&app, &path).await;
        app.scripted().provider().late = Duration::from_secs(3);
        let (ctx, wanted) = (app.ctx.clone(), id(&path));
        let refresh = tokio::spawn(async move { account::open(&ctx, &wanted).await.map(|_| ()) });
        until("the call", async || app.scripted().provider().count("/token", "refresh-ann-1") == 1).await;
        revoke(&client, &path).await.shows(&["Token revoked", "the old token no longer works"]);
        refresh.await.unwrap().ok();
        let provider = app.scripted().provider();
        assert_eq!(provider.count("/token", "refresh-"), 1, "no refresh token is sent twice");
        assert_eq!(provider.count("/revoke", "refresh-ann-2"), 1, "the new one is revoked");
        assert!(provider.living("ann").is_empty());
    }

    async fn deleting_during_a_refresh_revokes_what_the_refresh_brings(app: TestApp) {
        for late in [3, 11] {
            let (client, path) = connected(&app, SCRIPTED).await;
            expire(&app, &path).await;
            app.scripted().provider().late = Duration::from_secs(late);
            let (ctx, wanted) = (app.ctx.clone(), id(&path));
            tokio::spawn(async move { account::open(&ctx, &wanted).await.map(|_| ()) });
            let before = app.scripted().provider().count("/token", "refresh-");
            until("the call", async || app.scripted().provider().count("/token", "refresh-") > before).await;
            app.scripted().provider().late = Duration::ZERO;
            client.get(&format!("{path}/delete")).await.expect(200);
            client.submit("form#delete", &[("revoke", "true")]).await.expect(200).shows(&["Deleted."]);
            until("the end of its tokens", async || app.scripted().provider().living("ann").is_empty()).await;
            assert_eq!(app.database.count("authorizers"), 0);
            assert_eq!(app.scripted().provider().count("/token", "refresh-") - before, 1, "no refresh token is sent twice");
        }
    }

    async fn reauthorizing_during_a_refresh_keeps_the_new_grant_and_withdraws_what_the_refresh_brings(app: TestApp) {
        let (client, path) = connected(&app, ALONE).await;
        expire(&app, &path).await;
        app.scripted().provider().late = Duration::from_secs(3);
        let (ctx, wanted) = (app.ctx.clone(), id(&path));
        let refresh = tokio::spawn(async move { account::open(&ctx, &wanted).await.map(|_| ()) });
        until("the call", async || app.scripted().provider().count("/token", "refresh-ann-1") == 1).await;
        // The old grant is that of the same account: at this service each ends alone, by its own token.
        app.scripted().provider().revoking = Revoking::OnlySaysYes;
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
        refresh.await.unwrap().ok();
        until("its withdrawal", async || app.scripted().provider().count("/revoke", "refresh-ann-2") > 0).await;
        let open = account::open_as_is(&app.ctx, &id(&path)).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(open.account().value("refresh_token"), Some("refresh-ann-3"), "the new grant is kept");
        // That of the old token, and that of what the refresh brought.
        until("both tries", async || app.database.count("withdrawals WHERE outcome IS NOT NULL") == 2).await;
        let provider = app.scripted().provider();
        assert_eq!(provider.count("/revoke", "refresh-ann-3"), 0);
        assert_eq!(provider.count("/token", "refresh-ann-1"), 1, "no refresh token is sent twice");
        assert!(provider.living("ann").contains(&"refresh-ann-3".to_owned()), "the new grant lives");
    }

    async fn a_refresh_token_that_may_be_spent_proves_no_revocation(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        expire(&app, &path).await;
        {
            // The service rotated the token, and its answer got lost on the way.
            let mut provider = app.scripted().provider();
            provider.answers("/token", Said::Raw("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{".to_owned()));
            provider.end("ann");
            provider.live.insert("refresh-lost".to_owned(), "ann".to_owned());
        }
        assert!(account::open(&app.ctx, &id(&path)).await.is_err());
        revoke(&client, &path).await.shows(&["Token revoked", "could not be proved"]);
        say_both(&client, &path, &["could not be proved"]).await;
        assert_eq!(app.scripted().provider().count("/token", "refresh-ann-1"), 1);
        assert_eq!(app.scripted().provider().living("ann"), ["refresh-lost"]);
    }

    async fn a_deleted_authorizers_access_is_asked_for_until_it_is_gone(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        app.scripted().provider().answers("/revoke", unavailable());
        client.get(&format!("{path}/delete")).await.expect(200);
        client.submit("form#delete", &[("revoke", "true")]).await.expect(200).shows(&["Deleted.", "has not confirmed yet"]);
        assert_eq!(app.database.count("authorizers"), 0);
        assert!(!app.scripted().provider().living("ann").is_empty());
        next_round(&app).await;
        assert!(app.scripted().provider().living("ann").is_empty());
        tells(&client, "deleted_grant_revoked", &["ann", "the old token no longer works", "Olga Owner"]).await;
        assert_eq!(app.database.count("withdrawals WHERE sealed IS NOT NULL"), 0, "nothing secret is left");
    }

    async fn deleting_without_revoking_says_that_the_access_lives_on(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        client.get(&format!("{path}/delete")).await.expect(200);
        client.submit_without("form#delete", "revoke", "true").await.expect(200).shows(&["stays active at the service"]);
        assert_eq!(app.scripted().provider().count("/revoke", ""), 0);
        tells(&client, "deleted_grant_left", &["was not asked", "Manage access at Scripted"]).await;
    }

    async fn a_service_that_gives_the_same_token_again_is_not_asked_to_revoke_it(app: TestApp) {
        app.scripted().provider().repeats_tokens = true;
        let (client, path) = connected(&app, ALONE).await;
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(app.scripted().provider().count("/revoke", ""), 0);
        assert_eq!(app.scripted().provider().living("ann").len(), 2);
        client.submit("form[action$='/test']", &[]).await.expect(200);
        until("a test that passes", async || client.get(&path).await.shown().contains("Passed")).await;
    }

    async fn an_access_token_that_had_run_out_proves_no_revocation(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        expire(&app, &path).await;
        {
            // It is refused because it has run out, and the grant lives.
            let mut provider = app.scripted().provider();
            provider.live.remove("access-ann-1");
            provider.revoking = Revoking::OnlySaysYes;
        }
        revoke(&client, &path).await.shows(&["Token is being revoked", "the old token still works"]);
        app.scripted().provider().revoking = Revoking::EndsAll;
        next_round(&app).await;
        say_both(&client, &path, &["Token revoked", "the old token no longer works"]).await;
        assert!(app.scripted().provider().living("ann").is_empty());
        // Where the refresh token is refused, too, it is proved at once.
        app.scripted().reauthorize(&client, &path, "ann").await.shows(&["Connected"]);
        expire(&app, &path).await;
        revoke(&client, &path).await.shows(&["Token revoked", "the old token no longer works"]);
    }

    async fn a_restored_copy_withdraws_nothing(app: TestApp) {
        let (client, path) = connected(&app, SCRIPTED).await;
        let backup = app.database.with(authorizers::store::standing::find).expect("a sign of life");
        app.scripted().provider().answers("/revoke", unavailable());
        revoke(&client, &path).await.shows(&["Token is being revoked"]);
        app.look().await;
        let now = app.ctx.clock.now();
        app.database.with(|c| authorizers::store::standing::put(c, &backup, now));
        assert!(app.look().await.is_some());
        let before = app.scripted().provider().calls.len();
        app.database.execute("UPDATE withdrawals SET next_try_at = 1");
        authorizers::domain::withdrawals::run_due(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.scripted().provider().calls.len(), before);
        assert!(!app.scripted().provider().living("ann").is_empty());
    }
}

/// The stored access token has ended.
async fn expire(app: &TestApp, path: &str) {
    let past = app.ctx.clock.now().minus(Duration::from_secs(1));
    let end = |credentials: &mut authorizers::model::credentials::Credentials| {
        credentials.tokens.as_mut().unwrap().expires_at = Some(past);
    };
    reseal(app, &id(path), end).await;
}
