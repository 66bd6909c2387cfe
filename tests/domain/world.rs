//! An installation with something of every kind, and a person of each role.
use std::collections::BTreeMap;

use authorizers::crypto::cipher::Place;
use authorizers::domain::authorizers::enter_credentials::{Entered, NewCredentials, enter};
use authorizers::domain::oauth_apps::save::{self, AppForm};
use authorizers::domain::requests::ask::ask;
use authorizers::domain::swaps::check;
use authorizers::domain::{Actor, Ctx};
use authorizers::model::credentials::{Credentials, Secret};
use authorizers::model::ids::{
    AccountRequestId, AttemptId, AuthorizerId, OAuthAppId, SwapId, TestId, UserId, WebhookId,
};
use authorizers::model::role::Role;
use authorizers::store::authorizers as rows;

use crate::services::oauth::Answer;
use crate::store::make;
use crate::support::acme;
use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::house;

/// What the functions are called with.
pub struct World {
    pub app: TestApp,
    pub ids: Ids,
}

pub struct Ids {
    /// Refuses connections at once, and is used by a source and a destination.
    pub local: AuthorizerId,
    /// The account that a swap puts in the place of `local`.
    pub spare: AuthorizerId,
    /// Used by nothing.
    pub unused: AuthorizerId,
    /// Authorized by OAuth.
    pub granted: AuthorizerId,
    /// Authorized by OAuth with an app of its own, at addresses that were typed.
    pub custom: AuthorizerId,
    pub shared_app: OAuthAppId,
    pub unused_app: OAuthAppId,
    /// Reauthorizing ended at another account: a person must choose.
    pub other_account: AttemptId,
    /// Failed long ago, and what was typed is no longer kept.
    pub failed_attempt: AttemptId,
    pub request: AccountRequestId,
    pub test: TestId,
    pub swap: SwapId,
    pub webhook: WebhookId,
    pub viewer: UserId,
    pub deactivated: UserId,
    pub second_owner: UserId,
}

impl World {
    pub async fn start() -> Self {
        Self::on(Kind::Sqlite).await
    }

    pub async fn on(kind: Kind) -> Self {
        let app = TestApp::start(kind).await;
        house::furnish(&app).await;
        for role in Role::ALL {
            app.add_person(role);
        }
        for (id, role, is_active) in [
            ("user-quiet", "viewer", "TRUE"),
            ("user-gone", "viewer", "FALSE"),
            ("user-owner-2", "owner", "TRUE"),
        ] {
            app.database.execute(&format!(
                "INSERT INTO users (id, email, email_folded, name, name_folded, role, password_hash,
                   is_active, session_epoch, theme, version, created_at, updated_at)
                 SELECT '{id}', '{id}@example.com', '{id}@example.com', '{id}', '{id}', '{role}',
                   password_hash,
                   {is_active}, 1, theme, 1, created_at, updated_at
                 FROM users WHERE id = 'user-viewer'"
            ));
        }
        let ids = ids(&app).await;
        Self { app, ids }
    }

    pub fn ctx(&self) -> &Ctx {
        &self.app.ctx
    }

    /// The person with this role. The owner is another one than who set the app up.
    pub fn actor(&self, role: Role) -> Actor {
        let code = role.code();
        let user_id = match role {
            Role::Owner => self.ids.second_owner.clone(),
            Role::Admin | Role::Editor | Role::Authorizer | Role::Viewer => {
                UserId::from(format!("user-{code}"))
            }
        };
        Actor {
            user_id,
            session_id: "none".into(),
            name: format!("Uma {code}"),
            email: format!("{code}@example.com"),
            role,
            theme: Default::default(),
        }
    }

    /// Attempts and requests belong to this person from now on.
    pub fn give_to(&self, actor: &Actor) {
        for (table, column) in [("attempts", "user_id"), ("account_requests", "requested_by_id")] {
            self.app
                .database
                .execute(&format!("UPDATE {table} SET {column} = '{}'", actor.user_id));
        }
    }
}

async fn ids(app: &TestApp) -> Ids {
    let ctx = &app.ctx;
    let owner = house::owner(app);
    let local = unreachable_postgres(ctx, &owner, "Local").await;
    let spare = unreachable_postgres(ctx, &owner, "Spare").await;
    let unused = unreachable_postgres(ctx, &owner, "Unused").await;
    for (table, id) in [("sources", "local-source"), ("destinations", "local-destination")] {
        app.database.execute(&format!(
            "INSERT INTO {table} (id, name, name_folded, service, authorizer_id, settings, version,
               created_by_id, created_at, updated_at)
             SELECT '{id}', '{id}', '{id}', service, id,
               '{{\"mode\":\"table\",\"schema\":\"public\",\"table\":\"orders\"}}', 1,
               created_by_id, created_at, updated_at
             FROM authorizers WHERE id = '{local}'"
        ));
    }
    let (granted, other_account) = attempts(app).await;
    let custom = custom(app);
    let failed_attempt = AttemptId::from("attempt-failed");
    app.database.execute(&format!(
        "INSERT INTO attempts (id, state_hash, browser_hash, user_id, service, auth, oauth_app_id,
           name, state, cause, missing_scopes, created_at, expires_at)
         SELECT '{failed_attempt}', 'none', browser_hash, user_id, service, auth, oauth_app_id,
           'Again', 'failed', 'user_denied', '[]', created_at, expires_at
         FROM attempts WHERE id = '{other_account}'"
    ));
    let editor = Actor { user_id: "user-editor".into(), role: Role::Editor, ..house::owner(app) };
    let request = ask(ctx, &editor, "postgresql", "The shop").await.expect("a request");
    let form = AppForm { client_id: "unused".to_owned(), client_secret: Secret::new("secret") };
    let unused_app = save::create(ctx, &owner, &"google-ads".into(), form).await.expect("an app");
    let swap = check::start(ctx, &owner, &local, Some(spare.clone())).await.expect("a swap");
    let ids = Ids {
        shared_app: app
            .database
            .value("SELECT id AS value FROM oauth_apps WHERE service = 'acme-reports'")
            .as_str()
            .into(),
        webhook: app.database.value("SELECT id AS value FROM webhooks").as_str().into(),
        local,
        spare,
        unused,
        granted,
        custom,
        unused_app,
        other_account,
        failed_attempt,
        request,
        test: "looked-1".into(),
        swap,
        viewer: "user-quiet".into(),
        deactivated: "user-gone".into(),
        second_owner: "user-owner-2".into(),
    };
    until_checked(app, &ids.swap).await;
    ids
}

/// What is typed for an authorizer of the custom OAuth service.
pub fn custom_values() -> BTreeMap<String, Secret> {
    let values = [
        ("client_id", "theirs"),
        ("client_secret", "hush"),
        ("client_auth", "basic"),
        ("authorize_url", "https://login.example.com/authorize"),
        ("exchange_url", "https://login.example.com/token"),
        ("base_url", "https://api.example.com/"),
        ("identity_url", "https://api.example.com/me"),
        ("scope_join", "space"),
        ("pkce", "s256"),
        ("identity_pointer", "/id"),
        ("label_pointer", "/email"),
    ];
    values.map(|(key, value)| (key.to_owned(), Secret::new(value))).into()
}

fn custom(app: &TestApp) -> AuthorizerId {
    let mut row = make::authorizer("custom", "Custom");
    row.service_id = "custom-oauth2".into();
    let credentials = Credentials { values: custom_values(), ..Credentials::default() };
    let place = Place { table: "authorizers", column: "sealed", id: row.id.as_str() };
    let sealed = app.ctx.cipher.seal(place, &credentials.to_sealable()).expect("sealed");
    app.database.with(|c| rows::insert(c, &row, Some(&sealed)));
    row.id
}

/// The checks run in the background: what they write must not look like a change by somebody else.
async fn until_checked(app: &TestApp, swap: &SwapId) {
    let state = format!("SELECT state AS value FROM swaps WHERE id = '{swap}'");
    for _ in 0..600 {
        if app.database.value(&state) == "checked" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the checks of the swap do not end");
}

/// Nobody listens on port 1: whatever calls it fails at once, without a name to be resolved.
async fn unreachable_postgres(ctx: &Ctx, actor: &Actor, name: &str) -> AuthorizerId {
    let values = [
        ("host", "127.0.0.1"),
        ("port", "1"),
        ("database", "shop"),
        ("user", "etl"),
        ("password", "hush"),
        ("tls", "require"),
        ("ssh", "off"),
    ];
    let new = NewCredentials {
        service_id: "postgresql".into(),
        auth_id: "password".to_owned(),
        name: name.to_owned(),
        values: values.map(|(key, value)| (key.to_owned(), Secret::new(value))).into(),
        is_tested: false,
    };
    match enter(ctx, actor, new).await {
        Ok(Entered::Saved { id, .. }) => id,
        Ok(Entered::TestFailed { report }) => panic!("{name}: {report:?}"),
        Err(error) => panic!("{name} was not saved: {error:?}"),
    }
}

/// An account of Acme that was reauthorized as somebody else.
async fn attempts(app: &TestApp) -> (AuthorizerId, AttemptId) {
    let owner = app.sign_in("owner@example.com").await;
    acme::enter_app(app, &owner).await;
    let page = acme::authorize(app, &owner, "Ads", "ann@example.com", Answer::Allow).await;
    let path = page.expect(200).path();
    owner.get(&format!("{path}/reauthorize")).await.expect(200);
    let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
    let page = acme::walk(app, &owner, &leaving, "bob@example.com", Answer::Allow).await;
    page.expect(200).shows(&["This is another"]);
    let attempt =
        app.database.value("SELECT id AS value FROM attempts WHERE state = 'other_account'");
    (path.rsplit('/').next().expect("an id").into(), attempt.as_str().into())
}
