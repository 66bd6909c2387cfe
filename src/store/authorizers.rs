//! Authorizers: find, insert, delete. Lists are in `authorizers_list.rs`, changes in `authorizers_change.rs`, leases and
//! secrets in `vault.rs`; all are called by this room's name.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::authorizer::{Authorizer, EndKind, Health, Identity, Lifecycle};
use crate::model::cause::Cause;
use crate::model::flow::FlowKind;
use crate::model::ids::{AuthorizerId, OAuthAppId, ServiceId, UserId};
use crate::model::name::{Name, fold};
use crate::model::revocation::RevocationOutcome;
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{authorizers, destinations, oauth_apps, sources, vault};
use super::types::{NO_END, from_json, micros, moment, to_json, unknown};
use super::withdrawals::read_outcome;

pub use super::attention::{COUNT_CAP, count_attention};
pub use super::authorizers_change::{
    begin_revoking, find_revocation_detail, finish_revoking, lock, reactivate, update_health,
    update_identity, update_lifecycle, update_name, update_scopes, update_way,
};
pub use super::authorizers_due::{
    CLAIM, ROUND, Waiting, claim_try, hurry_app, list_renewals, list_stuck_revoking, list_tries,
};
pub use super::authorizers_list::{count, list, list_of_service, without_end};
pub use super::endings::{find as ending, mark_ended, update as update_ending};
pub use super::vault::{
    Lease, LeaseEnd, LeaseState, Vault, end_lease, find_lease, list_sealed_by,
    mark_refresh_started, release_lease, retry_locked, save_refreshed, save_rotated, sealed,
    take_lease, update_credentials, vault as open_vault, wipe_for_revocation,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = authorizers)]
struct Row {
    id: String,
    service: String,
    auth: String,
    name: String,
    lifecycle: String,
    health: String,
    cause: Option<String>,
    cause_fields: String,
    detail: Option<String>,
    identity_key: String,
    identity_label: String,
    granted_scopes: String,
    missing_scopes: String,
    oauth_app_id: Option<String>,
    access_expires_at: Option<i64>,
    ends_at: i64,
    end_kind: String,
    first_failed_at: Option<i64>,
    last_ok_at: Option<i64>,
    last_checked_at: i64,
    next_try_at: Option<i64>,
    failure_count: i32,
    credential_version: i64,
    version: i64,
    revocation: Option<String>,
    revoked_at: Option<i64>,
    created_by_id: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Authorizer {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            service_id: ServiceId(row.service),
            auth_id: row.auth,
            name: row.name,
            lifecycle: read_lifecycle(&row.lifecycle)?,
            health: read_health(&row.health)?,
            cause: read_cause(row.cause.as_deref())?,
            cause_fields: from_json(&row.cause_fields)?,
            detail: row.detail,
            identity: Identity { key: row.identity_key, label: row.identity_label },
            granted_scopes: from_json(&row.granted_scopes)?,
            missing_scopes: from_json(&row.missing_scopes)?,
            oauth_app_id: row.oauth_app_id.map(OAuthAppId::from),
            access_expires_at: moment(row.access_expires_at),
            ends_at: read_end(row.ends_at),
            end_kind: EndKind::from_code(&row.end_kind)
                .ok_or_else(|| unknown("kind of end", &row.end_kind))?,
            first_failed_at: moment(row.first_failed_at),
            last_ok_at: moment(row.last_ok_at),
            last_checked_at: read_checked(row.last_checked_at),
            next_try_at: moment(row.next_try_at),
            failure_count: row.failure_count,
            credential_version: row.credential_version,
            version: row.version,
            revocation: row.revocation.as_deref().map(read_outcome).transpose()?,
            created_by: row.created_by_id.map(UserId::from),
            created_at: Moment::from_micros(row.created_at),
            updated_at: Moment::from_micros(row.updated_at),
            revoked_at: moment(row.revoked_at),
        })
    }
}

pub(super) fn read_lifecycle(code: &str) -> Result<Lifecycle, StoreError> {
    Lifecycle::from_code(code).ok_or_else(|| unknown("lifecycle", code))
}

pub(super) fn read_health(code: &str) -> Result<Health, StoreError> {
    Health::from_code(code).ok_or_else(|| unknown("health", code))
}

pub(super) fn read_cause(code: Option<&str>) -> Result<Option<Cause>, StoreError> {
    code.map(|code| Cause::from_code(code).ok_or_else(|| unknown("cause", code))).transpose()
}

pub(super) fn read_end(ends_at: i64) -> Option<Moment> {
    moment(Some(ends_at).filter(|at| *at < NO_END))
}

pub(super) fn read_checked(last_checked_at: i64) -> Option<Moment> {
    moment(Some(last_checked_at).filter(|at| *at > 0))
}

/// The list's first sort key: what needs somebody comes first.
pub(super) fn attention(lifecycle: Lifecycle, health: Health) -> i32 {
    match (lifecycle, health) {
        (Lifecycle::Revoking | Lifecycle::Revoked, _) => 4,
        (_, Health::NeedsReauthorization | Health::Misconfigured | Health::Locked) => 0,
        (_, Health::Retrying) => 1,
        (_, Health::Unverified) => 2,
        (_, Health::Ok) => 3,
    }
}

/// What the search looks at. The service's id is read as words too: `google-ads google ads`.
pub(super) fn search_text(name: &str, identity_label: &str, service: &str) -> String {
    fold(&format!("{name}\n{identity_label}\n{service}\n{}", service.replace('-', " ")))
}

pub fn find(c: &mut AnyConnection, id: &AuthorizerId) -> Result<Option<Authorizer>, StoreError> {
    let row = authorizers::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(Authorizer::try_from).transpose()
}

/// Those of the ids that exist, in no special order.
pub fn find_all(
    c: &mut AnyConnection,
    ids: &[AuthorizerId],
) -> Result<Vec<Authorizer>, StoreError> {
    let ids: Vec<&str> = ids.iter().map(AuthorizerId::as_str).collect();
    let rows: Vec<Row> =
        authorizers::table.filter(authorizers::id.eq_any(ids)).select(Row::as_select()).load(c)?;
    rows.into_iter().map(Authorizer::try_from).collect()
}

/// The authorizer that has this name, whatever its case.
pub fn find_by_name(c: &mut AnyConnection, name: &Name) -> Result<Option<Authorizer>, StoreError> {
    let row = authorizers::table
        .filter(authorizers::name_folded.eq(name.folded()))
        .select(Row::as_select())
        .first(c)
        .optional()?;
    row.map(Authorizer::try_from).transpose()
}

/// Authorizers of the same service whose identity is the same account.
pub fn find_by_identity(
    c: &mut AnyConnection,
    service: &ServiceId,
    key: &str,
) -> Result<Vec<Authorizer>, StoreError> {
    let rows: Vec<Row> = authorizers::table
        .filter(authorizers::service.eq(service.as_str()).and(authorizers::identity_key.eq(key)))
        .order(authorizers::id)
        .limit(20)
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(Authorizer::try_from).collect()
}

/// Lists active authorizers of a service that were authorized by this client id, and if `identity_key` is not empty, of
/// this account. At most 50.
pub fn list_by_client(
    c: &mut AnyConnection,
    service: &ServiceId,
    client_id: &str,
    identity_key: &str,
) -> Result<Vec<Authorizer>, StoreError> {
    let apps = oauth_apps::table
        .filter(oauth_apps::client_id.eq(client_id))
        .select(oauth_apps::id.nullable());
    let mut query = authorizers::table
        .into_boxed()
        .filter(authorizers::service.eq(service.as_str()))
        .filter(authorizers::lifecycle.eq(Lifecycle::Active.code()))
        .filter(authorizers::oauth_app_id.eq_any(apps));
    if !identity_key.is_empty() {
        query = query.filter(authorizers::identity_key.eq(identity_key));
    }
    let rows: Vec<Row> = query.order(authorizers::id).limit(50).select(Row::as_select()).load(c)?;
    rows.into_iter().map(Authorizer::try_from).collect()
}

#[derive(Insertable)]
#[diesel(table_name = authorizers)]
struct NewRow<'a> {
    id: &'a str,
    service: &'a str,
    auth: &'a str,
    name: &'a str,
    name_folded: String,
    search_text: String,
    lifecycle: &'a str,
    health: &'a str,
    attention: i32,
    cause: Option<&'a str>,
    cause_fields: String,
    detail: Option<&'a str>,
    identity_key: &'a str,
    identity_label: &'a str,
    granted_scopes: String,
    missing_scopes: String,
    oauth_app_id: Option<&'a str>,
    access_expires_at: Option<i64>,
    ends_at: i64,
    end_kind: &'a str,
    first_failed_at: Option<i64>,
    last_ok_at: Option<i64>,
    last_checked_at: i64,
    next_try_at: Option<i64>,
    failure_count: i32,
    credential_version: i64,
    version: i64,
    revocation: Option<&'a str>,
    revoked_at: Option<i64>,
    created_by_id: Option<&'a str>,
    created_at: i64,
    updated_at: i64,
}

/// Stores a new authorizer as it is, with its credentials sealed. `Taken { column: "name" }` if the name is.
pub fn insert(
    c: &mut AnyConnection,
    new: &Authorizer,
    sealed: Option<&Sealed>,
) -> Result<(), StoreError> {
    let row = NewRow {
        id: new.id.as_str(),
        service: new.service_id.as_str(),
        auth: &new.auth_id,
        name: &new.name,
        name_folded: fold(&new.name),
        search_text: search_text(&new.name, &new.identity.label, new.service_id.as_str()),
        lifecycle: new.lifecycle.code(),
        health: new.health.code(),
        attention: attention(new.lifecycle, new.health),
        cause: new.cause.map(Cause::code),
        cause_fields: to_json(&new.cause_fields)?,
        detail: new.detail.as_deref(),
        identity_key: &new.identity.key,
        identity_label: &new.identity.label,
        granted_scopes: to_json(&new.granted_scopes)?,
        missing_scopes: to_json(&new.missing_scopes)?,
        oauth_app_id: new.oauth_app_id.as_ref().map(OAuthAppId::as_str),
        access_expires_at: micros(new.access_expires_at),
        ends_at: micros(new.ends_at).unwrap_or(NO_END),
        end_kind: new.end_kind.code(),
        first_failed_at: micros(new.first_failed_at),
        last_ok_at: micros(new.last_ok_at),
        last_checked_at: micros(new.last_checked_at).unwrap_or(0),
        next_try_at: micros(new.next_try_at),
        failure_count: new.failure_count,
        credential_version: new.credential_version,
        version: new.version,
        revocation: new.revocation.map(RevocationOutcome::code),
        revoked_at: micros(new.revoked_at),
        created_by_id: new.created_by.as_ref().map(UserId::as_str),
        created_at: new.created_at.micros(),
        updated_at: new.updated_at.micros(),
    };
    diesel::insert_into(authorizers::table).values(row).execute(c)?;
    if let Some(sealed) = sealed {
        diesel::update(vault::table.find(new.id.as_str()))
            .set((vault::sealed.eq(&sealed.bytes), vault::sealed_key.eq(&sealed.key_id)))
            .execute(c)?;
    }
    Ok(())
}

/// `InUse` while a source or a destination uses it: the database itself refuses. False: there is none.
pub fn delete(c: &mut AnyConnection, id: &AuthorizerId) -> Result<bool, StoreError> {
    Ok(diesel::delete(authorizers::table.find(id.as_str())).execute(c)? == 1)
}

/// Sources and destinations that use it, by name: kind, id, name.
pub fn used_by(
    c: &mut AnyConnection,
    id: &AuthorizerId,
) -> Result<Vec<(FlowKind, String, String)>, StoreError> {
    let sources: Vec<(String, String)> = sources::table
        .filter(sources::authorizer_id.eq(id.as_str()))
        .order((sources::name_folded, sources::id))
        .select((sources::id, sources::name))
        .load(c)?;
    let destinations: Vec<(String, String)> = destinations::table
        .filter(destinations::authorizer_id.eq(id.as_str()))
        .order((destinations::name_folded, destinations::id))
        .select((destinations::id, destinations::name))
        .load(c)?;
    let named = |kind: FlowKind| move |(id, name): (String, String)| (kind, id, name);
    Ok(sources
        .into_iter()
        .map(named(FlowKind::Source))
        .chain(destinations.into_iter().map(named(FlowKind::Destination)))
        .collect())
}
