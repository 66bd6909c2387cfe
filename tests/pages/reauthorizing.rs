//! After *Revoke Token* each service can be reauthorized: what is no secret is still there, and nothing that cannot be changed
//! is asked for in a field that cannot be typed into.
use std::collections::BTreeMap;
use std::sync::Arc;

use authorizers::catalog::field::FieldSpec;
use authorizers::catalog::{Catalog, Service};
use authorizers::crypto::cipher::Place;
use authorizers::domain::Ctx;
use authorizers::domain::authorizers::revoke::finish_stuck;
use authorizers::model::authorizer::Health;
use authorizers::model::credentials::{Credentials, Secret, Tokens};
use authorizers::model::ids::{AuthorizerId, OAuthAppId};
use authorizers::model::oauth_app::OAuthApp;
use authorizers::store::{authorizers as rows, oauth_apps};

use crate::store::make;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::scripted::revoke;
use crate::support::server::root;

/// A value that this field of one of our services takes.
fn value(field: &FieldSpec) -> String {
    let chosen = field.options.first().map(|option| option.value.clone());
    if let Some(known) = chosen.or_else(|| field.default.clone()) {
        return known;
    }
    match field.key.as_str() {
        "client_id" => "their-client",
        "client_secret" => "hush-their-secret",
        "developer_token" => "hush-token-of-22-signs",
        "scopes" => "read",
        "login_customer_id" => "1234567890",
        "issuer" => "https://127.0.0.9",
        key if key.ends_with("_url") => "https://127.0.0.9/api/",
        _ => "acme",
    }
    .to_owned()
}

/// An authorizer of `service` by its first way, as it is after a sign-in.
async fn insert(app: &TestApp, service: &Service) -> AuthorizerId {
    let auth = &service.auths[0];
    let oauth2 = auth.oauth2.as_ref().expect("an OAuth service");
    let mut values: BTreeMap<String, Secret> = BTreeMap::new();
    for field in auth.fields.iter().filter(|field| !field.is_note()) {
        values.insert(field.key.clone(), Secret::new(value(field)));
    }
    let now = app.ctx.clock.now();
    let app_id = OAuthAppId::from(format!("app-{}", service.id()).as_str());
    let client_id = if oauth2.own_app { "their-client" } else { "client" }.to_owned();
    let place = Place { table: "oauth_apps", column: "secret", id: app_id.as_str() };
    let secret = app.ctx.cipher.seal(place, b"hush-their-secret").expect("sealed");
    let registered = OAuthApp {
        id: app_id.clone(),
        service_id: service.id().clone(),
        client_id,
        is_shared: !oauth2.own_app,
        has_secret: true,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let credentials = Credentials {
        values,
        tokens: Some(Tokens {
            access: Secret::new("hush-access"),
            refresh: Some(Secret::new("hush-refresh")),
            expires_at: None,
            refresh_expires_at: None,
            issued_at: now,
            scopes: Vec::new(),
        }),
        ..Credentials::default()
    };
    let id = AuthorizerId::from(format!("authorizer-{}", service.id()).as_str());
    let mut row = make::authorizer(id.as_str(), &format!("Mine at {}", service.id()));
    row.service_id = service.id().clone();
    row.auth_id.clone_from(&auth.id);
    row.health = Health::Ok;
    row.oauth_app_id = Some(app_id);
    let place = Place { table: "authorizers", column: "sealed", id: id.as_str() };
    let sealed = app.ctx.cipher.seal(place, &credentials.to_sealable()).expect("sealed");
    app.database.with(|c| {
        oauth_apps::insert(c, &registered, Some(&secret), None)?;
        rows::insert(c, &row, Some(&sealed))
    });
    id
}

/// The service by its file, without its revocation.
fn silent(service: &Service) -> Catalog {
    let file = root().join(format!("src/catalog/services/{}.toml", service.id()));
    let text = std::fs::read_to_string(file).expect("a service of ours");
    let mut is_left_out = false;
    let lines = text.lines().filter(|line| {
        if line.starts_with('[') {
            is_left_out = *line == "[auth.oauth2.revoke]";
        }
        !is_left_out
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    Catalog::of(&[(&format!("{}.toml", service.id()), &text)], false)
}

/// Types what has to be typed after the token was revoked; nothing else is missing, and it leads to the provider.
async fn reauthorizes(
    client: &Client,
    path: &str,
    is_typed: impl Fn(&FieldSpec) -> bool,
    service: &Service,
) {
    let fields = service.auths[0].fields.iter().filter(|field| !field.is_note() && is_typed(field));
    let typed: Vec<(&str, String)> =
        fields.map(|field| (field.key.as_str(), value(field))).collect();
    let typed: Vec<(&str, &str)> = typed.iter().map(|(key, text)| (*key, text.as_str())).collect();
    client.get(&format!("{path}/reauthorize")).await.expect(200);
    let leaving = client.submit("form#authorizer", &typed).await.expect(200);
    assert!(leaving.refresh().is_some_and(|url| url.query().is_some()), "{}", leaving.shown());
}

with_app! {
    async fn each_service_with_fields_can_be_reauthorized_after_its_token_was_revoked(app: TestApp) {
        let owner = app.set_up().await;
        let services: Vec<Service> = app
            .ctx
            .catalog
            .all()
            .iter()
            .filter(|service| service.auths[0].oauth2.is_some() && !service.auths[0].fields.is_empty())
            .cloned()
            .collect();
        assert!(services.len() >= 5, "{}", services.len());
        for service in &services {
            let id = insert(&app, service).await;
            let path = format!("/authorizers/{id}");
            // Nobody is called: in this catalogue no service can be asked.
            app.database.execute(&format!("UPDATE authorizers SET lifecycle = 'revoking', attention = 4, next_try_at = 1 WHERE id = '{id}'"));
            let catalog = Arc::new(silent(service));
            finish_stuck(&Ctx { catalog, ..app.ctx.clone() }).await.unwrap();
            owner.get(&path).await.expect(200).shows(&["Removed here only"]);
            let page = owner.get(&format!("{path}/reauthorize")).await.expect(200);
            for field in service.auths[0].fields.iter().filter(|field| !field.secret && field.required && !field.is_note()) {
                let named = format!("form#authorizer [name='{}']", field.key);
                let filled = page
                    .attr(&format!("{named} option[selected]"), "value")
                    .or_else(|| page.attr(&format!("{named}[checked]"), "value"))
                    .or_else(|| page.attr(&named, "value"));
                assert!(filled.is_some_and(|value| !value.is_empty()), "{}: {} is empty", service.id(), field.key);
            }
            assert!(!page.body.contains("hush-"), "{}: a secret is drawn", service.id());
            reauthorizes(&owner, &path, |field| field.secret && field.required, service).await;
        }
        // The client secret of the authorizer's own OAuth app was kept with the app, and went along.
        assert_eq!(app.database.count("oauth_apps WHERE service = 'custom-oauth2' AND secret IS NULL"), 0);
        let custom = services.iter().find(|service| service.id().as_str() == "custom-oauth2").expect("it is one of them");
        // Rows that an older version wiped: nothing is stored, so everything is typed again.
        let path = format!("/authorizers/authorizer-{}", custom.id());
        app.database.execute("UPDATE authorizers SET sealed = NULL, sealed_key = NULL");
        let page = owner.get(&format!("{path}/reauthorize")).await.expect(200);
        assert!(!page.has("input[readonly]"), "nothing that is empty is locked");
        reauthorizes(&owner, &path, |_| true, custom).await;
    }
}

with_app! { start_scripted;
    async fn revoking_keeps_no_secret(app: TestApp) {
        let owner = app.sign_in("owner@example.com").await;
        let path = app.scripted().authorize(&owner, "scripted", "ann").await.expect(200).path();
        revoke(&owner, &path).await.shows(&["Token revoked"]);
        assert_eq!(app.database.count("authorizers WHERE sealed IS NOT NULL"), 0);
        assert_eq!(app.database.count("withdrawals WHERE sealed IS NOT NULL"), 0);
    }
}
