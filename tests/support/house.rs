//! A house with something in every corner: authorizers in every state, sources and destinations that use them.
use authorizers::domain::Actor;
use authorizers::domain::authorizers::enter_credentials::{Entered, NewCredentials, enter};
use authorizers::domain::webhooks::save::{WebhookForm, create};
use authorizers::model::authorizer::{Health, Identity, Verdict};
use authorizers::model::cause::Cause;
use authorizers::model::credentials::Secret;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::name::Name;
use authorizers::model::notice::Topic;
use authorizers::model::revocation::RevocationOutcome;
use authorizers::model::role::Role;
use authorizers::model::time::DAY;
use authorizers::store::{StoreError, authorizers as rows};
use authorizers::worker::notify;

use super::app::TestApp;

/// Fills the house; the owner is there afterwards.
pub async fn furnish(app: &TestApp) {
    app.person(Role::Owner).await;
    let actor = owner(app);
    for (name, verdict) in states() {
        let id = postgres(app, &actor, name).await;
        let now = app.ctx.clock.now();
        app.ctx
            .db
            .write(move |c| -> Result<(), StoreError> {
                rows::update_identity(
                    c,
                    &id,
                    &Identity {
                        key: name.to_owned(),
                        label: format!("etl@{name}.example.com/shop"),
                    },
                )?;
                if let Some(verdict) = verdict {
                    rows::update_health(c, &id, None, &verdict, now)?;
                }
                Ok(())
            })
            .await
            .expect("a written row");
    }
    revoke(app).await;
    flows(app);
    // Far enough to be no trouble, near enough to stand in the forecast.
    let end = app.ctx.clock.now().plus(DAY * 60).micros();
    app.database.execute(&format!(
        "UPDATE authorizers SET ends_at = {end}, end_kind = 'known', end_reason = 'certificate' WHERE name IN ('Working', 'Wrong password')"
    ));
    // What was noticed is addressed now, not by the worker in the middle of a test.
    notify::run_once(&app.ctx).await.expect("a round of the duty");
    webhook(app, &actor).await;
    swap(app);
    looked(app);
}

/// A test that found a permission missing, one that is there and one of which nothing is known.
fn looked(app: &TestApp) {
    let at = app.ctx.clock.now().micros() - 1_800_000_000;
    let needs = r#"[{"flow":null,"needs":[{"what":"CONNECT on database shop","standing":"granted","cure":null,"why":null}]},
        {"flow":["source","flow-sources-orders"],"needs":[
          {"what":"SELECT on public.orders","standing":"missing","cure":"GRANT SELECT ON public.orders TO etl;","why":null},
          {"what":"USAGE on schema public","standing":"unknown","cure":null,"why":"There is no schema public."}]}]"#;
    let step = r#"[{"kind":"sign_in","what":"etl","verdict":"passed","millis":3,"cause":null,"fields":[],"detail":null,"cure":null}]"#;
    app.database.execute(&format!(
        "INSERT INTO tests (id, authorizer_id, started_by_id, started_by_name, state, steps, needs, started_at, finished_at)
         SELECT 'looked-1', id, NULL, 'Olga Owner', 'passed', '{step}', '{needs}', {at}, {at} FROM authorizers WHERE name = 'Working'"
    ));
}

/// An account that has taken the place of another one where it works: an hour ago, so that it can still be undone.
fn swap(app: &TestApp) {
    let at = app.ctx.clock.now().micros() - 3_600_000_000;
    app.database.execute(&format!(
        "INSERT INTO swaps (id, service, from_authorizer_id, from_name, to_authorizer_id, to_name, to_version, state, started_by_name,
           started_at, replaced_at)
         SELECT 'swap-1', w.service, w.id, w.name, n.id, n.name, n.version, 'replaced', 'Olga Owner', {at}, {at}
         FROM authorizers w, authorizers n WHERE w.name = 'Wrong password' AND n.name = 'Working'"
    ));
    let step = r#"{"kind":"read","what":"20 rows","verdict":"passed","millis":12,"cause":null,"fields":[],"detail":null,"cure":null}"#;
    let refused = r#"{"kind":"read","what":"","verdict":"failed","millis":12,"cause":"forbidden","fields":[],"detail":"no","cure":"GRANT SELECT ON shop.orders TO etl;"}"#;
    for (flow, name, state, steps, version) in [
        ("flow-sources-orders", "Orders", "passed", step, "1"),
        ("flow-sources-stopped-orders", "Stopped orders", "failed", refused, "NULL"),
    ] {
        app.database.execute(&format!(
            "INSERT INTO swap_flows (id, swap_id, kind, flow, name, version, state, steps, replaced_version)
             VALUES ('swap-1/{flow}', 'swap-1', 'source', '{flow}', '{name}', 1, '{state}', '[{steps}]', {version})"
        ));
    }
}

/// A webhook with a log: of deliveries that arrived, that wait, and that were given up.
async fn webhook(app: &TestApp, actor: &Actor) {
    let form = WebhookForm {
        name: "Team chat".to_owned(),
        url: "https://chat.example.com/hooks/1".to_owned(),
        topics: Topic::ALL.to_vec(),
        is_active: true,
    };
    let (id, _) = create(&app.ctx, actor, form)
        .await
        .unwrap_or_else(|error| panic!("no webhook was made: {error:?}"));
    let log =
        [("sent", "200", "NULL"), ("waiting", "503", "NULL"), ("failed", "NULL", "'timeout'")];
    for (at, (state, status, said)) in log.into_iter().enumerate() {
        let to = if at < 2 {
            format!("NULL, '{id}'")
        } else {
            "(SELECT MIN(id) FROM users), NULL".to_owned()
        };
        app.database.execute(&format!(
            "INSERT INTO deliveries (id, notice_id, user_id, webhook_id, state, tries, next_try_at, tried_at, status, said, created_at)
             SELECT '0199{at:04}-0000-7000-8000-000000000000', id, {to}, '{state}', {at} + 1, 9000000000000000, created_at, {status}, {said},
                    created_at
             FROM notices ORDER BY id LIMIT 1 OFFSET {at} % 2"
        ));
    }
}

fn states() -> Vec<(&'static str, Option<Verdict>)> {
    let failed = |cause, field: &str| {
        Some(Verdict::failed(cause, vec![field.to_owned()], Some("FATAL: <b>no</b>".to_owned())))
    };
    vec![
        ("Working", Some(Verdict::ok())),
        ("Not tested", None),
        ("Wrong password", failed(Cause::LoginRejected, "password")),
        ("Unreachable", failed(Cause::Timeout, "host")),
        (
            "Locked",
            Some(Verdict {
                health: Health::Locked,
                ..failed(Cause::KeyMissing, "password").expect("a verdict")
            }),
        ),
        ("Revoked", Some(Verdict::ok())),
    ]
}

pub fn owner(app: &TestApp) -> Actor {
    let id = app
        .database
        .value("SELECT id AS value FROM users WHERE role = 'owner' ORDER BY created_at LIMIT 1");
    Actor {
        user_id: id.as_str().into(),
        session_id: "none".into(),
        name: "Olga Owner".to_owned(),
        email: "owner@example.com".to_owned(),
        role: Role::Owner,
        theme: Default::default(),
    }
}

/// An authorizer of PostgreSQL that was saved without a test.
pub async fn postgres(app: &TestApp, actor: &Actor, name: &str) -> AuthorizerId {
    let values = [
        ("host", "db.example.com"),
        ("port", "5432"),
        ("database", "shop"),
        ("user", "etl"),
        ("password", "hush"),
        ("tls", "require"),
        ("ssh", "off"),
    ];
    authorize(app, actor, name, (&values, false)).await
}

/// An account of the real server, tested. `port` is the server's own, or that of a way to it.
pub async fn real_postgres(
    app: &TestApp,
    name: &str,
    port: u16,
    (database, user, password): (&str, &str, &str),
) -> AuthorizerId {
    let port = port.to_string();
    let values = [
        ("host", "127.0.0.1"),
        ("port", &port),
        ("database", database),
        ("user", user),
        ("password", password),
        ("tls", "require"),
        ("ssh", "off"),
    ];
    authorize(app, &owner(app), name, (&values, true)).await
}

async fn authorize(
    app: &TestApp,
    actor: &Actor,
    name: &str,
    (values, is_tested): (&[(&str, &str)], bool),
) -> AuthorizerId {
    let new = NewCredentials {
        service_id: "postgresql".into(),
        auth_id: "password".to_owned(),
        name: name.to_owned(),
        values: values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Secret::new(*value)))
            .collect(),
        is_tested,
    };
    match enter(&app.ctx, actor, new).await {
        Ok(Entered::Saved { id, .. }) => id,
        Ok(Entered::TestFailed { report }) => panic!("{name}: {report:?}"),
        Err(error) => panic!("{name} was not saved: {error:?}"),
    }
}

async fn revoke(app: &TestApp) {
    let now = app.ctx.clock.now();
    let write = app.ctx.db.write(move |c| -> Result<(), StoreError> {
        let all = rows::find_by_name(c, &Name::parse("Revoked").expect("a name"))?.expect("a row");
        rows::begin_revoking(c, &all.id, now)?;
        rows::wipe_for_revocation(c, &all.id, all.credential_version, None, now)?;
        rows::finish_revoking(c, &all.id, RevocationOutcome::Proved, None, now)?;
        Ok(())
    });
    write.await.expect("a written row");
}

fn flows(app: &TestApp) {
    for (table, names) in
        [("sources", ["Orders", "Stopped orders"]), ("destinations", ["Lake", "Stopped lake"])]
    {
        for (name, authorizer) in names.into_iter().zip(["Working", "Wrong password"]) {
            let folded = name.to_lowercase();
            app.database.execute(&format!(
                "INSERT INTO {table} (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
                 SELECT 'flow-{table}-{}', '{name}', '{folded}', service, id, '{{\"mode\":\"table\",\"schema\":\"public\",\"table\":\"orders\"}}', 1,
                        created_by_id, created_at, updated_at
                 FROM authorizers WHERE name = '{authorizer}'",
                folded.replace(' ', "-")
            ));
        }
    }
}
