//! Rows to begin with.
use authorizers::crypto::Sealed;
use authorizers::model::authorizer::{Authorizer, EndKind, Health, Identity, Lifecycle};
use authorizers::model::ids::AuthorizerId;
use authorizers::model::time::Moment;
use authorizers::store::{AnyConnection, StoreError};
use diesel::RunQueryDsl;

pub const NOW: Moment = Moment::from_micros(1_800_000_000_000_000);

pub fn sealed(text: &str) -> Sealed {
    Sealed { bytes: text.as_bytes().to_vec(), key_id: "k1".to_owned() }
}

/// A working authorizer with this id and name.
pub fn authorizer(id: &str, name: &str) -> Authorizer {
    Authorizer {
        id: AuthorizerId::from(id),
        service_id: "google-ads".into(),
        auth_id: "oauth".to_owned(),
        name: name.to_owned(),
        lifecycle: Lifecycle::Active,
        health: Health::Ok,
        cause: None,
        cause_fields: vec![],
        detail: None,
        identity: Identity { key: format!("key-{id}"), label: format!("{id}@example.com") },
        granted_scopes: vec!["read".to_owned()],
        missing_scopes: vec![],
        oauth_app_id: None,
        access_expires_at: None,
        ends_at: None,
        end_kind: EndKind::Unknown,
        first_failed_at: None,
        last_ok_at: Some(NOW),
        last_checked_at: Some(NOW),
        next_try_at: None,
        failure_count: 0,
        credential_version: 1,
        version: 1,
        revocation: None,
        created_by: None,
        created_at: NOW,
        updated_at: NOW,
        revoked_at: None,
    }
}

/// A source that uses an authorizer.
pub fn source(c: &mut AnyConnection, id: &str, authorizer: &str) -> Result<(), StoreError> {
    flow(c, "sources", id, authorizer)
}

pub fn destination(c: &mut AnyConnection, id: &str, authorizer: &str) -> Result<(), StoreError> {
    flow(c, "destinations", id, authorizer)
}

fn flow(c: &mut AnyConnection, table: &str, id: &str, authorizer: &str) -> Result<(), StoreError> {
    let row = format!(
        "INSERT INTO {table} (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
         VALUES ('{id}', '{id}', '{id}', 'google-ads', '{authorizer}', '{{}}', 1, 1, 1)"
    );
    diesel::sql_query(row).execute(c)?;
    Ok(())
}

/// A person.
pub fn user(c: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    let row = format!(
        "INSERT INTO users (id, email, email_folded, name, name_folded, role, is_active, session_epoch, theme, version, created_at, updated_at)
         VALUES ('{id}', '{id}', '{id}', '{id}', '{id}', 'owner', TRUE, 1, 'system', 1, 1, 1)"
    );
    diesel::sql_query(row).execute(c)?;
    Ok(())
}
