//! What happens when nobody asks for it: tokens are renewed in time, faults that pass are tried again, what a stopped
//! process left half done is ended.
use authorizers::domain::authorizers::account;
use authorizers::model::ids::AuthorizerId;
use authorizers::store::authorizers as rows;
use authorizers::worker::upkeep;

use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;

/// An authorizer of Acme whose access token has ended; later ones live for an hour.
async fn ended(app: &TestApp) -> (Client, String, AuthorizerId) {
    let owner = app.set_up().await;
    acme::enter_app(app, &owner).await;
    let path = acme::authorize(app, &owner, "Ads", "ann@example.com", Answer::Allow)
        .await
        .expect(200)
        .path();
    let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
    acme::end_access_token(app, &id).await;
    (owner, path, id)
}

async fn access_token(app: &TestApp, id: &AuthorizerId) -> String {
    let open = account::open_as_is(&app.ctx, id).await.unwrap_or_else(|error| panic!("{error}"));
    open.account().value("access_token").unwrap().to_owned()
}

with_app! { start_apart;
    async fn a_token_is_renewed_before_anybody_asks_for_it_and_no_sooner(app: TestApp) {
        let (owner, path, id) = ended(&app).await;
        let before = app.acme().calls("/token").await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().calls("/token").await - before, 1);
        assert_eq!(app.acme().me(&access_token(&app, &id).await).await, 200, "the new one is stored");
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().calls("/token").await - before, 1, "it has an hour");
        owner.get(&path).await.shows(&["Connected"]);
    }

    async fn a_fault_that_passes_is_tried_again_when_its_time_has_come_and_not_before(app: TestApp) {
        let (owner, path, _) = ended(&app).await;
        app.acme().fail("/token", 1, 503, "{}").await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&path).await.shows(&["Retrying"]);
        let before = app.acme().calls("/token").await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().calls("/token").await, before, "its time has not come");
        app.database.execute("UPDATE authorizers SET next_try_at = 1");
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&path).await.shows(&["Connected"]);
    }

    async fn a_grant_that_was_ended_over_there_is_found_out_without_a_click(app: TestApp) {
        let (owner, path, _) = ended(&app).await;
        app.acme().fail("/token", 1, 400, r#"{"error":"invalid_grant"}"#).await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&path).await.shows(&["Broken", "Reauthorize"]);
        let before = app.acme().calls("/token").await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().calls("/token").await, before, "nobody asks for what is dead");
    }

    async fn a_service_that_does_not_answer_is_asked_to_revoke_again_and_in_the_end_what_is_stored_goes_anyway(app: TestApp) {
        let (owner, path, id) = ended(&app).await;
        account::open(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        let token = access_token(&app, &id).await;
        app.acme().fail("/token/revocation", 2, 503, "{}").await;
        owner.get(&format!("{path}/revoke")).await.expect(200);
        owner.submit("form[action$='/revoke']", &[]).await.expect(200).shows(&["Token is being revoked", "1 of 6"]);
        owner.get(&format!("{path}/test")).await;
        assert!(account::open(&app.ctx, &id).await.is_err(), "nothing uses it");
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&format!("{path}/receipt")).await.shows(&["1 of 6"]);
        for tries in ["2 of 6", "Token revoked"] {
            app.database.execute("UPDATE withdrawals SET next_try_at = 1");
            upkeep::run_once(&app.ctx, &|| false).await.unwrap();
            owner.get(&format!("{path}/receipt")).await.shows(&[tries]);
        }
        assert_eq!(app.acme().me(&token).await, 401);
        owner.get(&format!("{path}/receipt")).await.shows(&["the old token no longer works"]);
    }

    async fn after_six_tries_the_receipt_says_that_it_was_not_withdrawn(app: TestApp) {
        let (owner, path, id) = ended(&app).await;
        account::open(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        app.acme().fail("/token/revocation", 6, 503, "{}").await;
        owner.get(&format!("{path}/revoke")).await.expect(200);
        owner.submit("form#revoke", &[]).await.expect(200).shows(&["has not confirmed yet", "1 of 6"]);
        for _ in 0..5 {
            app.database.execute("UPDATE withdrawals SET next_try_at = 1");
            upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        }
        owner.get(&format!("{path}/receipt")).await.shows(&["Removed here only", "did not confirm", "Wiped"]);
        assert_eq!(app.acme().calls("/token/revocation").await, 6);
        let open = account::open_as_is(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(open.account().value("access_token").is_none(), "the secrets are wiped");
    }

    async fn a_revocation_whose_process_stopped_is_ended(app: TestApp) {
        let (owner, path, id) = ended(&app).await;
        account::open(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        let token = access_token(&app, &id).await;
        let (wanted, now) = (id.clone(), app.ctx.clock.now());
        let begin = app.ctx.db.write(move |c| rows::begin_revoking(c, &wanted, now));
        assert!(begin.await.unwrap());
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().me(&token).await, 200, "whoever began it may still be at it");

        app.database.execute("UPDATE authorizers SET next_try_at = 1");
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().me(&token).await, 401, "it is over at the provider, too");
        owner.get(&path).await.shows(&["Revoked"]);
        owner.get("/activity?verb=revoked").await.shows(&["Ads"]);
        let open = account::open_as_is(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(open.account().value("access_token").is_none(), "the secrets are wiped");
    }
}
