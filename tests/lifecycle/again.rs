//! Reauthorizing: what it asks for, what it leaves behind, and what another account would take away.
use std::time::Duration;

use authorizers::domain::authorizers::account;
use authorizers::model::ids::AuthorizerId;
use serde_json::json;

use crate::services::html;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::page::Page;

async fn ready(app: &TestApp, name: &str, email: &str) -> (Client, String) {
    let owner = app.set_up().await;
    acme::enter_app(app, &owner).await;
    let path = acme::authorize(app, &owner, name, email, Answer::Allow).await.expect(200).path();
    (owner, path)
}

/// The page that leads to Acme.
async fn leave(client: &Client, path: &str) -> Page {
    client.get(&format!("{path}/reauthorize")).await.expect(200);
    client.submit("form#authorizer", &[]).await.expect(200)
}

async fn again(app: &TestApp, client: &Client, path: &str, email: &str) -> Page {
    let leaving = leave(client, path).await;
    acme::walk(app, client, &leaving, email, Answer::Allow).await.expect(200)
}

fn asked(leaving: &Page) -> String {
    let url = leaving.refresh().expect("it leads to Acme");
    url.query_pairs()
        .find(|(name, _)| name == "scope")
        .map(|(_, scopes)| scopes.into_owned())
        .unwrap_or_default()
}

/// Its access token and its refresh token.
async fn tokens(app: &TestApp, path: &str) -> (String, String) {
    let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
    let open = account::open(&app.ctx, &id).await.expect("it opens");
    let tokens = open.credentials.tokens.expect("tokens");
    let refresh = tokens.refresh.expect("a refresh token");
    (tokens.access.expose().to_owned(), refresh.expose().to_owned())
}

async fn access(app: &TestApp, path: &str) -> String {
    let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
    account::open(&app.ctx, &id)
        .await
        .ok()
        .unwrap()
        .account()
        .value("access_token")
        .unwrap()
        .to_owned()
}

/// Until Acme says so of the token; it is told in the background.
async fn ends(app: &TestApp, token: &str) {
    for _ in 0..100 {
        if app.acme().me(token).await == 401 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the old grant lives on");
}

fn source(app: &TestApp, name: &str) {
    app.database.execute(&format!(
        "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
         SELECT '{name}', '{name}', '{}', service, id, '{{\"dataset\":\"reports\",\"client\":\"1\"}}', 1, created_by_id, created_at, updated_at
         FROM authorizers WHERE name = 'Ads'",
        name.to_lowercase()
    ));
}

with_app! { start_generous;
    async fn the_old_grant_is_revoked_where_that_ends_it_alone(app: TestApp) {
        let (owner, path) = ready(&app, "Ads", "ann@example.com").await;
        let old = access(&app, &path).await;
        again(&app, &owner, &path, "ann@example.com").await.shows(&["Connected"]);
        ends(&app, &old).await;
        let new = access(&app, &path).await;
        assert_ne!(old, new);
        assert_eq!(app.acme().me(&new).await, 200, "the new grant works");
        for _ in 0..50 {
            if owner.get(&path).await.shown().contains("Revoked the previous access") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        owner.page().shows(&["Revoked the previous access by", "Connected"]);

        // Acme is away while the old one is to be revoked: the new one is not worse for it.
        app.acme().fail("/token/revocation", 9, 503, "{}").await;
        again(&app, &owner, &path, "ann@example.com").await.shows(&["Connected"]);
        let newer = access(&app, &path).await;
        assert_eq!(app.acme().me(&newer).await, 200);
    }

    async fn a_grant_whose_tokens_the_service_gives_again_is_not_revoked(app: TestApp) {
        let (owner, path) = ready(&app, "Ads", "ann@example.com").await;
        let (old, kept) = tokens(&app, &path).await;
        let sibling = acme::authorize(&app, &owner, "Sibling", "ann@example.com", Answer::Allow).await.expect(200);
        let (another, _) = tokens(&app, &sibling.path()).await;
        let calls = app.acme().calls("/token/revocation").await;
        // The same pair again, and then the same refresh token beside another access token.
        for access in [&old, &another] {
            let leaving = leave(&owner, &path).await;
            let answer = json!({
                "access_token": access, "refresh_token": kept, "token_type": "Bearer", "expires_in": 3600,
                "scope": "reports.read offline_access reports.write",
            });
            app.acme().fail("/token", 1, 200, &answer.to_string()).await;
            acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(app.acme().calls("/token/revocation").await, calls);
        assert_eq!(app.acme().me(&another).await, 200, "what is used now was not revoked");
        // One that brings tokens of its own leaves the one before it behind.
        again(&app, &owner, &path, "ann@example.com").await.shows(&["Connected"]);
        for _ in 0..100 {
            if app.acme().calls("/token/revocation").await > calls {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the grant before it lives on");
    }

    async fn only_what_is_missing_is_asked_for_while_the_grant_lives(app: TestApp) {
        let (owner, path) = ready(&app, "Ads", "ann@example.com").await;
        let all = "reports.read offline_access reports.write";
        assert_eq!(asked(&leave(&owner, &path).await), all, "nothing is missing");
        app.database.execute("UPDATE authorizers SET granted_scopes = '[\"reports.read\"]'");
        let leaving = leave(&owner, &path).await;
        assert_eq!(asked(&leaving), "offline_access reports.write");
        // This server forgets what it granted before: whoever comes back with less is asked for all of it.
        let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        page.shows(&["reports.read"]);
        let leaving = owner.submit("form[action$='/again']", &[]).await.expect(200);
        assert_eq!(asked(&leaving), all);
        acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
        // A grant that is dead is asked for as a whole.
        app.database.execute(
            "UPDATE authorizers SET granted_scopes = '[\"reports.read\"]', health = 'needs_reauthorization', attention = 0, cause = 'grant_revoked'",
        );
        assert_eq!(asked(&leave(&owner, &path).await), all);
    }
}

with_app! { start_apart;
    async fn a_grant_that_others_may_live_by_is_left_alone(app: TestApp) {
        let (owner, path) = ready(&app, "Ads", "ann@example.com").await;
        let old = access(&app, &path).await;
        let calls = app.acme().calls("/token/revocation").await;
        again(&app, &owner, &path, "ann@example.com").await.shows(&["Connected"]);
        // A sibling of the same account: it may hang on the same grant.
        acme::authorize(&app, &owner, "Sibling", "ann@example.com", Answer::Allow).await.expect(200);
        again(&app, &owner, &path, "bob@example.com").await;
        owner.submit("form#other", &[("do", "switch")]).await.expect(200).shows(&["Switched"]);
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(app.acme().calls("/token/revocation").await, calls);
        assert_eq!(app.acme().me(&old).await, 200);
    }

    async fn switching_says_what_would_be_lost_and_ends_the_grant_of_the_account_before(app: TestApp) {
        let (owner, path) = ready(&app, "Ads", "ann@example.com").await;
        source(&app, "Clicks");
        app.database.execute("UPDATE authorizers SET granted_scopes = '[\"reports.read\",\"offline_access\",\"reports.write\"]'");
        let old = access(&app, &path).await;
        let page = again(&app, &owner, &path, "bob@example.com").await;
        page.shows(&["This is another", "If you switch", "1 source", "Clicks", "The other account did not grant: reports.write"]);
        assert!(!page.shown().contains("lose what they need"), "it has what the source needs");
        assert_eq!(html::faults([(&"another account".to_owned(), page.body.as_str())].into_iter()), Vec::<String>::new());
        assert_eq!(app.acme().me(&old).await, 200, "nothing happens before the choice");
        let page = owner.submit("form#other", &[("do", "switch")]).await.expect(200);
        page.shows(&["Switched to the other account", "bob@example.com"]);
        ends(&app, &old).await;
        assert_eq!(app.acme().me(&access(&app, &path).await).await, 200);
    }
}
