//! What an attempt to authorize has got is finished, kept for another try, or withdrawn; never forgotten.
use std::time::Duration;

use authorizers::domain::authorizers::account;
use authorizers::model::ids::AuthorizerId;
use serde_json::json;

use super::process::Process;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::line::Said;
use crate::support::scripted::{SCRIPTED, leave, next_round, tells, until};

const NEW: &str = "/authorizers/new/scripted";

async fn owner(app: &TestApp) -> Client {
    app.sign_in("owner@example.com").await
}

fn living(app: &TestApp, account: &str) -> usize {
    app.scripted().provider().living(account).len()
}

fn consents(app: &TestApp) -> usize {
    let provider = app.scripted().provider();
    let refreshes = provider.count("/token", "refresh-");
    provider.count("/token", "") - refreshes
}

with_app! { start_scripted;
    async fn the_grant_of_a_declined_account_is_withdrawn(app: TestApp) {
        let client = owner(&app).await;
        let path = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        app.scripted().reauthorize(&client, &path, "bob").await.shows(&["This is another"]);
        assert_eq!((living(&app, "ann"), living(&app, "bob")), (2, 2), "nothing happens before the choice");
        client.submit("form#other", &[("do", "cancel")]).await.expect(200).shows(&["forgotten", "its access revoked"]);
        assert_eq!((living(&app, "ann"), living(&app, "bob")), (2, 0));
        tells(&client, "declined_grant_revoked", &["bob", "the old token no longer works"]).await;
        client.get(&path).await.shows(&["Connected", "ann"]);
    }

    async fn a_declined_account_whose_service_is_away_is_withdrawn_later(app: TestApp) {
        let client = owner(&app).await;
        let path = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        app.scripted().reauthorize(&client, &path, "bob").await;
        app.scripted().provider().answers("/revoke", Said::Json(503, json!({})));
        client.submit("form#other", &[("do", "cancel")]).await.expect(200).shows(&["still being revoked"]);
        assert_eq!(living(&app, "bob"), 2);
        next_round(&app).await;
        assert_eq!((living(&app, "ann"), living(&app, "bob")), (2, 0));
        tells(&client, "declined_grant_revoked", &["Olga Owner"]).await;
    }

    async fn a_declined_account_that_is_in_use_elsewhere_is_left_alone_and_told(app: TestApp) {
        let client = owner(&app).await;
        app.scripted().authorize(&client, SCRIPTED, "bob").await.expect(200);
        let path = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        app.scripted().reauthorize(&client, &path, "bob").await;
        client.submit("form#other", &[("do", "cancel")]).await.expect(200).shows(&["may still be active"]);
        assert_eq!(app.scripted().provider().count("/revoke", ""), 0);
        tells(&client, "declined_grant_left", &["would end access that is in use", "Manage access at Scripted"]).await;
    }

    async fn a_choice_that_nobody_makes_ends_with_the_grant_withdrawn(app: TestApp) {
        let client = owner(&app).await;
        let path = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        let other = app.scripted().reauthorize(&client, &path, "bob").await.path();
        next_round(&app).await;
        until("its end", async || living(&app, "bob") == 0).await;
        assert_eq!(living(&app, "ann"), 2);
        assert_eq!(client.get(&other).await.status, 409, "there is nothing to choose any more");
        tells(&client, "declined_grant_revoked", &["bob"]).await;
    }

    async fn a_failed_identity_call_keeps_the_grant_and_trying_again_needs_no_sign_in(app: TestApp) {
        let client = owner(&app).await;
        for said in [Said::Json(500, json!({})), Said::Json(429, json!({})), Said::Json(401, json!({})), Said::Raw(String::new())] {
            let before = (consents(&app), app.database.count("authorizers"));
            app.scripted().provider().answers("/me", said);
            let page = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
            page.shows(&["your sign-in at Scripted is kept"]);
            assert!(!page.shown().contains("Nothing to do"), "{}", page.shown());
            assert_eq!(app.database.count("authorizers"), before.1);
            client.submit("form[action$='/again']", &[]).await.expect(200).shows(&["Connected", "ann"]);
            assert_eq!(consents(&app), before.0 + 1, "nobody signed in twice");
            assert_eq!(app.database.count("authorizers"), before.1 + 1);
        }
        assert_eq!(app.scripted().provider().count("/revoke", ""), 0);
    }

    async fn pressing_try_again_twice_makes_one_authorizer(app: TestApp) {
        let client = owner(&app).await;
        app.scripted().provider().answers("/me", Said::Json(500, json!({})));
        app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
        let tabs = [client.tab(), client.tab(), client.tab()];
        let pressed = tabs.map(|tab| tokio::spawn(async move { tab.submit("form[action$='/again']", &[]).await.status }));
        for press in pressed {
            assert_eq!(press.await.unwrap(), 200);
        }
        assert_eq!(app.database.count("authorizers"), 1);
    }

    async fn a_grant_that_is_kept_and_not_finished_is_withdrawn_in_the_end(app: TestApp) {
        let client = owner(&app).await;
        app.scripted().provider().answers("/me", Said::Json(500, json!({})));
        let attempt = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        assert_eq!(living(&app, "ann"), 2);
        next_round(&app).await;
        until("its end", async || living(&app, "ann") == 0).await;
        tells(&client, "unfinished_grant_revoked", &["Scripted"]).await;
        client.get(&attempt).await.shows(&["Nothing was stored. Try again."]);
        // What was typed is still there; now somebody signs in once more.
        let leaving = client.submit("form[action$='/again']", &[]).await.expect(200);
        let back = crate::support::scripted::back(&leaving, "ann");
        client.get(&back).await.expect(200).shows(&["Connected"]);
    }

    async fn an_answer_that_never_comes_is_told_in_activity(app: TestApp) {
        let client = owner(&app).await;
        app.scripted().provider().answers("/token", Said::Raw("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"access_tok".to_owned()));
        let page = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
        page.shows(&["Nothing was stored. Try again."]);
        tells(&client, "unfinished_grant_left", &["never reached us", "Manage access at Scripted"]).await;
        app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).shows(&["Connected"]);
    }

    async fn a_grant_without_a_required_permission_is_withdrawn(app: TestApp) {
        let client = owner(&app).await;
        let less = json!({ "access_token": "access-ann-less", "refresh_token": "refresh-ann-less", "expires_in": 3600, "scope": "other" });
        app.scripted().provider().answers("/token", Said::Json(200, less));
        for token in ["access-ann-less", "refresh-ann-less"] {
            app.scripted().provider().live.insert(token.to_owned(), "ann".to_owned());
        }
        app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).shows(&["A permission was not given"]);
        until("its end", async || living(&app, "ann") == 0).await;
        tells(&client, "unfinished_grant_revoked", &["ann"]).await;
        assert_eq!(app.database.count("attempts WHERE grant_until IS NOT NULL"), 0);
    }

    async fn a_reauthorization_without_a_permission_spares_the_grant_in_use(app: TestApp) {
        let client = owner(&app).await;
        let path = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        let less = json!({ "access_token": "access-ann-less", "refresh_token": "refresh-ann-less", "expires_in": 3600, "scope": "other" });
        app.scripted().provider().answers("/token", Said::Json(200, less));
        app.scripted().provider().live.insert("access-ann-less".to_owned(), "ann".to_owned());
        app.scripted().reauthorize(&client, &path, "ann").await.expect(200).shows(&["A permission was not given"]);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(app.scripted().provider().count("/revoke", ""), 0, "it would end the grant that is used");
        tells(&client, "unfinished_grant_left", &["would end access that is in use"]).await;
        client.get(&path).await.shows(&["Connected"]);
    }

    async fn a_slow_token_address_does_not_lose_the_grant(app: TestApp) {
        let client = owner(&app).await;
        let late = json!({ "access_token": "access-ann-late", "refresh_token": "refresh-ann-late", "expires_in": 3600 });
        app.scripted().provider().answers("/token", Said::Late(Duration::from_secs(11), late));
        for token in ["access-ann-late", "refresh-ann-late"] {
            app.scripted().provider().live.insert(token.to_owned(), "ann".to_owned());
        }
        let began = std::time::Instant::now();
        let page = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
        assert!(began.elapsed() < Duration::from_millis(10_500), "{:?}", began.elapsed());
        page.shows(&["Finishing the authorization"]);
        let follow = page.refresh().expect("it follows");
        until("the authorizer", async || app.database.count("authorizers") == 1).await;
        client.get(follow.as_str()).await.expect(200).shows(&["ann", "Connected"]);
    }

    async fn a_process_that_is_killed_in_the_middle_leaves_no_grant_behind(app: TestApp) {
        let client = owner(&app).await;
        let process = Process::start(&app, "victim", &app.folder().join("services")).await;
        let victim = process.sign_in("owner@example.com").await;
        app.scripted().provider().answers("/me", Said::Silence(Duration::from_secs(60)));
        let back = leave(&victim, NEW, "ann").await;
        let attempt = app.database.value("SELECT id AS value FROM attempts");
        let tab = victim.tab();
        let coming = tokio::spawn(async move { tab.get(&back).await });
        until("the identity call", async || app.scripted().provider().count("/me", "access-ann-1") == 1).await;
        process.kill();
        coming.abort();
        assert_eq!(living(&app, "ann"), 2);
        client.get(&format!("/oauth/attempts/{attempt}")).await.shows(&["Finishing the authorization"]);
        // Two minutes later nobody is at it any more, and the person may go on with the same grant …
        app.database.execute("UPDATE attempts SET taken_at = 1");
        client.get(&format!("/oauth/attempts/{attempt}")).await.shows(&["The authorization was interrupted", "is kept"]);
        assert_eq!(app.database.count("withdrawals"), 0);
        // … or it is withdrawn when its time is over.
        next_round(&app).await;
        until("its end", async || living(&app, "ann") == 0).await;
        tells(&client, "unfinished_grant_revoked", &["Scripted"]).await;
    }

    async fn an_interrupted_attempt_is_finished_with_the_grant_that_it_kept(app: TestApp) {
        let client = owner(&app).await;
        app.scripted().provider().answers("/me", Said::Json(500, json!({})));
        let path = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200).path();
        app.database.execute("UPDATE attempts SET state = 'taken', taken_at = 1");
        client.get(&path).await.shows(&["The authorization was interrupted"]);
        client.submit("form[action$='/again']", &[]).await.expect(200).shows(&["Connected"]);
        let id = AuthorizerId::from(client.page().path().rsplit('/').next().unwrap());
        let open = account::open_as_is(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(open.account().value("refresh_token"), Some("refresh-ann-1"));
    }

    async fn an_attempt_that_a_dead_process_held_without_a_grant_is_told(app: TestApp) {
        let client = owner(&app).await;
        leave(&client, NEW, "ann").await;
        app.database.execute("UPDATE attempts SET state = 'taken', taken_at = 1");
        next_round(&app).await;
        tells(&client, "unfinished_grant_left", &["never reached us"]).await;
        assert_eq!(app.database.value("SELECT state AS value FROM attempts"), "failed");
        next_round(&app).await;
        assert_eq!(app.database.count("withdrawals"), 1, "it is told once");
    }

    async fn words_of_an_attempt_promise_nothing_that_nobody_does(app: TestApp) {
        let client = owner(&app).await;
        for (said, shows) in [
            (Said::Json(500, json!({})), "Nothing was stored. Try again."),
            (Said::Json(503, json!({ "error": "server_error" })), "Nothing was stored. Try again."),
            (Said::Json(429, json!({})), "Nothing was stored. Try again."),
            (Said::Json(400, json!({ "error": "invalid_grant" })), "did not accept the sign-in"),
        ] {
            app.scripted().provider().answers("/token", said);
            let page = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
            page.shows(&[shows, "Nothing was stored. Try again."]);
            for untrue in ["Nothing to do", "by ourselves", "password was changed", "withdrawn"] {
                assert!(!page.shown().contains(untrue), "{untrue}: {}", page.shown());
            }
        }
    }
}
