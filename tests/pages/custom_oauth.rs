//! *Custom OAuth 2.0 service*: any server, by what is typed into the form.
use authorizers::domain::housekeeping;
use authorizers::model::role::Role;
use serde_json::json;

use crate::services::oauth::{Answer, App};
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};
use crate::support::page::Page;

const FORM: &str = "form#authorizer";
const NEW: &str = "/authorizers/new/custom-oauth2";

/// What a person types for the tests' OAuth server.
pub fn fields(app: &TestApp, client: &App, client_auth: &str) -> Vec<(&'static str, String)> {
    let base = app.acme().base();
    let mut fields = vec![
        ("client_id", client.client_id.clone()),
        ("client_auth", client_auth.to_owned()),
        ("authorize_url", format!("{base}/auth?prompt=consent")),
        ("exchange_url", format!("{base}/token")),
        ("base_url", format!("{base}/api")),
        ("identity_url", format!("{base}/api/me")),
        ("revoke_url", format!("{base}/token/revocation")),
        ("issuer", base),
        ("scopes", "reports.read offline_access".to_owned()),
    ];
    if !client.client_secret.is_empty() {
        fields.push(("client_secret", client.client_secret.clone()));
    }
    fields
}

pub async fn submit(client: &Client, fields: &[(&str, String)]) -> Page {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.submit(FORM, &fields).await
}

/// Replaces one value.
pub fn with(
    fields: &[(&'static str, String)],
    name: &'static str,
    value: &str,
) -> Vec<(&'static str, String)> {
    let mut fields = fields.to_vec();
    fields.retain(|(other, _)| *other != name);
    fields.push((name, value.to_owned()));
    fields
}

pub async fn register(app: &TestApp, method: &str) -> App {
    app.acme().register_as(&app.ctx.site.redirect_uri(), method).await
}

/// Authorizes one; the path of its page.
pub async fn authorized(
    app: &TestApp,
    client: &Client,
    email: &str,
) -> (String, Vec<(&'static str, String)>) {
    let fields = fields(app, &register(app, "client_secret_basic").await, "basic");
    client.get(NEW).await.expect(200);
    let leaving = submit(client, &fields).await.expect(200);
    let page = acme::walk(app, client, &leaving, email, Answer::Allow).await.expect(200);
    page.shows(&["Connected"]);
    (page.path(), fields)
}

with_app! {
    async fn the_client_identifies_itself_as_it_was_chosen_and_revoking_really_revokes(app: TestApp) {
        let owner = app.set_up().await;
        for (method, chosen) in [("client_secret_basic", "basic"), ("client_secret_post", "body"), ("none", "none")] {
            let fields = fields(&app, &register(&app, method).await, chosen);
            owner.get(NEW).await.expect(200);
            let leaving = submit(&owner, &fields).await.expect(200);
            let email = format!("{chosen}@example.com");
            let page = acme::walk(&app, &owner, &leaving, &email, Answer::Allow).await.expect(200);
            page.shows(&["Connected", &email]);
            let id = authorizers::model::ids::AuthorizerId::from(page.path().rsplit('/').next().unwrap());
            let open = authorizers::domain::authorizers::account::open(&app.ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
            let token = open.account().value("access_token").unwrap().to_owned();
            assert_eq!(app.acme().me(&token).await, 200);
            owner.get(&format!("{}/revoke", page.path())).await.expect(200);
            owner.submit("form#revoke", &[]).await.expect(200).shows(&["Token revoked"]);
            assert_eq!(app.acme().me(&token).await, 401, "{method}: the token still works");
        }
    }

    async fn what_was_chosen_is_what_the_service_gets_and_addresses_are_used_as_typed(app: TestApp) {
        let owner = app.set_up().await;
        let fake = Fake::start().await;
        let typed = |client_auth: &str, pkce: &str, separator: &str| -> Vec<(&'static str, String)> {
            let text = |text: &str| text.to_owned();
            vec![
                ("client_id", text("cl:ient")), ("client_secret", text("s3cret")), ("client_auth", text(client_auth)),
                ("authorize_url", fake.url("/o/authorize/?prompt=consent")), ("exchange_url", fake.url("/o/token/")),
                ("base_url", fake.url("/api/")), ("identity_url", fake.url("/api/me/")), ("scopes", text("read write")),
                ("pkce", text(pkce)), ("scope_join", text(separator)),
            ]
        };
        for (client_auth, pkce, separator, scope) in [
            ("basic", "s256", "space", "scope=read%20write"), ("body", "off", "comma", "scope=read%2Cwrite"), ("none", "s256", "plus", "scope=read+write"),
        ] {
            owner.get(NEW).await.expect(200);
            let leaving = submit(&owner, &typed(client_auth, pkce, separator)).await.expect(200);
            let url = leaving.refresh().expect("a way out");
            assert_eq!((url.path(), url.as_str().contains("code_challenge=")), ("/o/authorize/", pkce == "s256"), "{url}");
            assert!(url.as_str().contains(scope) && url.as_str().contains("prompt=consent"), "{url}");
            let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
            fake.answers("/o/token/", Reply::json(200, &json!({ "access_token": "t0ken", "refresh_token": "r" })))
                .answers("/api/me/", Reply::json(200, &json!({ "id": client_auth, "email": "ann@example.com" })));
            let before = fake.seen().len();
            owner.get(&format!("/oauth/callback?code=c0de&state={state}")).await.expect(200).shows(&["Connected"]);
            let call = &fake.seen()[before];
            let form = call.form();
            let sent = (call.header("authorization").to_owned(), form.get("client_id").cloned(), form.get("client_secret").cloned());
            let (id, secret) = (Some("cl:ient".to_owned()), Some("s3cret".to_owned()));
            let wanted = match client_auth {
                "basic" => ("Basic Y2wlM0FpZW50OnMzY3JldA==".to_owned(), None, None),
                "body" => (String::new(), id, secret),
                _ => (String::new(), id, None),
            };
            assert_eq!(sent, wanted, "{client_auth}");
            assert_eq!(form.contains_key("code_verifier"), pkce == "s256");
        }
    }

    async fn a_client_that_identifies_itself_in_another_way_than_is_wanted_is_told_so(app: TestApp) {
        let owner = app.set_up().await;
        let fields = fields(&app, &register(&app, "client_secret_basic").await, "basic");
        owner.get(NEW).await.expect(200);
        let leaving = submit(&owner, &with(&fields, "client_secret", "another")).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        page.shows(&["identify itself in another way"]);
        owner.get(NEW).await.expect(200);
        let leaving = submit(&owner, &fields).await.expect(200);
        acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
    }

    async fn an_answer_of_another_issuer_is_refused_and_the_right_issuer_works(app: TestApp) {
        let owner = app.set_up().await;
        let right = fields(&app, &register(&app, "client_secret_basic").await, "basic");
        for wrong in ["https://attacker.example".to_owned(), format!("{}/", app.acme().base())] {
            owner.get(NEW).await.expect(200);
            let leaving = submit(&owner, &with(&right, "issuer", &wrong)).await.expect(200);
            let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
            page.shows(&["The answer did not come from", &wrong, &app.acme().base()]);
            assert_eq!(app.database.count("authorizers"), 0);
        }
        owner.get(NEW).await.expect(200);
        let leaving = submit(&owner, &right).await.expect(200);
        acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
    }

    async fn an_app_belongs_to_its_authorizer_and_an_attempt_leaves_none_behind(app: TestApp) {
        let owner = app.set_up().await;
        let fields = fields(&app, &register(&app, "client_secret_basic").await, "basic");
        let apps = || app.database.count("oauth_apps");
        for answer in [Some(Answer::Deny), None, Some(Answer::Deny)] {
            owner.get(NEW).await.expect(200);
            let leaving = submit(&owner, &fields).await.expect(200);
            if let Some(answer) = answer {
                acme::walk(&app, &owner, &leaving, "ann@example.com", answer).await.expect(200);
            }
        }
        assert_eq!(apps(), 0, "a denial or an abandoned attempt left a client secret behind");
        owner.get("/oauth-apps").await.expect(200);
        assert!(!owner.page().shown().contains("Custom OAuth"), "{}", owner.page().shown());
        // *Try again* still has everything that was typed.
        let page = {
            owner.get(NEW).await.expect(200);
            let leaving = submit(&owner, &fields).await.expect(200);
            acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Deny).await.expect(200);
            let leaving = owner.submit("form[action$='/again']", &[]).await.expect(200);
            acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200)
        };
        let path = page.path();
        assert_eq!(apps(), 1);
        owner.get("/oauth-apps").await.shows(&["Entered with the authorizer", "1 authorizer, each with its own client ID"]);
        assert!(!owner.page().body.contains(&fields[0].1), "its client ID crowds the page");
        let own: String = app.database.value("SELECT id AS value FROM oauth_apps");
        assert_eq!(owner.get(&format!("/oauth-apps/{own}")).await.expect(200).path(), path, "it is changed at its authorizer");

        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = owner.submit(FORM, &[]).await.expect(200);
        acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
        app.database.execute("UPDATE oauth_apps SET created_at = created_at - 7200000000");
        housekeeping::purge(&app.ctx).await.expect("purged");
        assert_eq!(apps(), 1, "a reauthorization leaves no second one");
        owner.get(&format!("{path}/delete")).await.shows(&["Withdraw the access"]);
        owner.submit("form#delete", &[]).await.expect(200);
        assert_eq!((apps(), app.database.count("authorizers")), (0, 0));
    }

    async fn apps_that_attempts_left_behind_before_are_purged_and_those_of_authorizers_and_services_are_not(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        authorized(&app, &owner, "ann@example.com").await;
        for number in 0..3 {
            app.database.execute(&format!(
                "INSERT INTO oauth_apps (id, service, client_id, is_shared, version, created_at, updated_at)
                 SELECT 'left-{number}', service, 'left', is_shared, 1, 1, 1 FROM oauth_apps WHERE service = 'custom-oauth2' AND client_id <> 'left'"
            ));
        }
        app.database.execute("UPDATE oauth_apps SET created_at = 1");
        assert_eq!(app.database.count("oauth_apps"), 5);
        housekeeping::purge(&app.ctx).await.expect("purged");
        assert_eq!(app.database.count("oauth_apps"), 2);
    }

    async fn without_a_revocation_address_the_page_says_that_the_access_lives_on(app: TestApp) {
        let owner = app.set_up().await;
        let fields = fields(&app, &register(&app, "client_secret_basic").await, "basic");
        owner.get(NEW).await.expect(200);
        let leaving = submit(&owner, &with(&fields, "revoke_url", "")).await.expect(200);
        let page = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200);
        let delete = owner.get(&format!("{}/delete", page.path())).await.expect(200);
        delete.shows(&["stays valid there until you remove our app"]);
        assert!(!delete.has("input[name=revoke]"), "{}", delete.shown());
    }

    async fn who_may_not_switch_accounts_cannot_let_a_reauthorization_lead_elsewhere(app: TestApp) {
        let owner = app.set_up().await;
        let (path, _) = authorized(&app, &owner, "ann@example.com").await;
        let elsewhere = crate::support::fake::Fake::start().await;
        let evil = |path: &str| elsewhere.url(path);
        let moved = [
            ("authorize_url", evil("/auth")), ("exchange_url", evil("/token")), ("base_url", evil("/api")),
            ("identity_url", evil("/api/me")), ("revoke_url", evil("/revoke")), ("issuer", evil("")), ("client_id", "other".to_owned()),
            ("identity_pointer", "/name".to_owned()),
        ];
        let authorizer = app.person(Role::Authorizer).await;
        let before = app.database.value("SELECT version || '' AS value FROM authorizers");
        for (name, value) in &moved {
            // The page locks them; a crafted form does not mind.
            for secret in ["", "typed-by-the-attacker"] {
                authorizer.get(&format!("{path}/reauthorize")).await.expect(200);
                let page = submit(&authorizer, &[(name, value.clone()), ("client_secret", secret.to_owned())]).await;
                assert!([409, 422].contains(&page.status), "{name}: {} {}", page.status, page.shown());
                assert!(page.refresh().is_none(), "{name} leads away");
                if page.status == 409 {
                    page.shows(&["This leads to another place", value, "Ask an admin"]);
                    assert!(!page.has("button[value=switch]"), "{name}");
                }
            }
            // Pressing a button that is not drawn is refused.
            let token = authorizer.page().attr("input[name=csrf]", "value").expect("a token");
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("csrf", token.as_str()), (name, value), ("client_secret", "typed"), ("action", "switch")]).finish();
            let refused = authorizer.post(&format!("{path}/reauthorize"), "application/x-www-form-urlencoded", &body).await;
            assert_eq!(refused.status, 403, "{name}: {}", refused.shown());
        }
        assert_eq!(app.database.value("SELECT version || '' AS value FROM authorizers"), before, "something was stored");
        assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
        // The same account at the same place still goes through.
        authorizer.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = authorizer.submit(FORM, &[]).await.expect(200);
        acme::walk(&app, &authorizer, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
    }

    async fn another_place_is_a_switch_with_a_comparison_and_a_line_of_its_own(app: TestApp) {
        let owner = app.set_up().await;
        let (path, fields) = authorized(&app, &owner, "ann@example.com").await;
        let base = app.acme().base();
        let moved = format!("{base}/api/me?as=other");
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let page = submit(&owner, &[("identity_url", moved.clone())]).await.expect(422);
        page.shows(&["Enter the client secret again. It was entered for another address."]);
        let secret = fields.iter().find(|(name, _)| *name == "client_secret").unwrap().1.clone();
        let page = submit(&owner, &[("identity_url", moved.clone()), ("client_secret", secret)]).await.expect(409);
        page.shows(&["This leads to another place", &moved, &format!("{base}/api/me")]);
        assert!(!page.body.contains(&fields.iter().find(|(name, _)| *name == "client_secret").unwrap().1), "the secret came back");
        let leaving = owner.submit(FORM, &[("action", "switch")]).await.expect(200);
        acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
        let page = owner.get("/activity").await.expect(200);
        page.shows(&["Switched to another account", "Address that says who signed in: was", &moved]);
    }
}
