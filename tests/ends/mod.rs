//! When things end: how an end is known, what warns of it, and what tells of what has been.
mod activity;
mod calendar;
mod forecast;
mod kinds;
mod rolling;
mod timeline;

use authorizers::model::authorizer::{Authorizer, EndKind, Health, Identity, Lifecycle};
use authorizers::model::ending::{EndReason, Ending};
use authorizers::model::ids::AuthorizerId;
use authorizers::model::time::{DAY, Moment};
use authorizers::store::{StoreError, authorizers as rows};

use crate::support::app::TestApp;

/// A working authorizer that ends in so many days (`None`: never), known from the consent.
async fn ending_in(app: &TestApp, name: &str, days: Option<i64>) -> AuthorizerId {
    let now = app.ctx.clock.now();
    let day = i64::try_from(DAY.as_micros()).unwrap();
    let at = days.map(|days| Moment::from_micros(now.micros() + days * day));
    let row = Authorizer {
        id: AuthorizerId::new(now, rand()),
        service_id: "linkedin-ads".into(),
        auth_id: "oauth".to_owned(),
        name: name.to_owned(),
        lifecycle: Lifecycle::Active,
        health: Health::Ok,
        cause: None,
        cause_fields: vec![],
        detail: None,
        identity: Identity { key: name.to_owned(), label: format!("{name}@example.com") },
        granted_scopes: vec![],
        missing_scopes: vec![],
        oauth_app_id: None,
        access_expires_at: None,
        ends_at: None,
        end_kind: EndKind::Unknown,
        first_failed_at: None,
        last_ok_at: Some(now),
        last_checked_at: Some(now),
        next_try_at: None,
        failure_count: 0,
        credential_version: 1,
        version: 1,
        revocation: None,
        created_by: None,
        created_at: now,
        updated_at: now,
        revoked_at: None,
    };
    let ending = Ending {
        at,
        kind: if at.is_some() { EndKind::Known } else { EndKind::Unknown },
        reason: at.map(|_| EndReason::Consent),
        consented_at: Some(now),
        idle_at: None,
    };
    let id = row.id.clone();
    let write = app.ctx.db.write(move |c| {
        rows::insert(c, &row, None)?;
        rows::update_ending(c, &row.id, &ending)?;
        Ok::<_, StoreError>(())
    });
    write.await.expect("a written row");
    id
}

fn rand() -> [u8; 10] {
    authorizers::crypto::token::ten()
}

/// A source or destination of an authorizer.
fn flow(app: &TestApp, table: &str, name: &str, authorizer: &AuthorizerId) {
    let folded = name.to_lowercase();
    app.database.execute(&format!(
        "INSERT INTO {table} (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
         VALUES ('flow-{table}-{folded}', '{name}', '{folded}', 'linkedin-ads', '{authorizer}', '{{}}', 1, 1, 1)"
    ));
}
