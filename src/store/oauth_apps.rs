//! OAuth apps: the operator's client ids and sealed client secrets.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::ids::{AuthorizerId, OAuthAppId, ServiceId, UserId};
use crate::model::oauth_app::{OAuthApp, OAuthAppRow};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{attempts, authorizers, oauth_apps};

#[derive(Queryable, Selectable)]
#[diesel(table_name = oauth_apps)]
struct Row {
    id: String,
    service: String,
    client_id: String,
    secret_key: Option<String>,
    is_shared: bool,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl From<Row> for OAuthApp {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            service_id: ServiceId(row.service),
            client_id: row.client_id,
            is_shared: row.is_shared,
            has_secret: row.secret_key.is_some(),
            version: row.version,
            created_at: Moment::from_micros(row.created_at),
            updated_at: Moment::from_micros(row.updated_at),
        }
    }
}

pub fn find(c: &mut AnyConnection, id: &OAuthAppId) -> Result<Option<OAuthApp>, StoreError> {
    let row = oauth_apps::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    Ok(row.map(OAuthApp::from))
}

/// The app that new authorizers of this service use.
pub fn find_shared(
    c: &mut AnyConnection,
    service: &ServiceId,
) -> Result<Option<OAuthApp>, StoreError> {
    let row = oauth_apps::table
        .filter(oauth_apps::service.eq(service.as_str()).and(oauth_apps::is_shared))
        .select(Row::as_select())
        .first(c)
        .optional()?;
    Ok(row.map(OAuthApp::from))
}

/// The shared apps with how many authorizers use each, by service. There are few: one a service.
pub fn list(c: &mut AnyConnection) -> Result<Vec<OAuthAppRow>, StoreError> {
    let counted = authorizers::table
        .filter(authorizers::oauth_app_id.eq(oauth_apps::id.nullable()))
        .count()
        .single_value();
    let rows: Vec<(Row, Option<i64>)> = oauth_apps::table
        .filter(oauth_apps::is_shared)
        .order((oauth_apps::service, oauth_apps::id))
        .select((Row::as_select(), counted))
        .load(c)?;
    Ok(rows
        .into_iter()
        .map(|(row, count)| OAuthAppRow { app: row.into(), authorizer_count: count.unwrap_or(0) })
        .collect())
}

/// The authorizer that an app of its own belongs to.
pub fn find_owner(
    c: &mut AnyConnection,
    id: &OAuthAppId,
) -> Result<Option<AuthorizerId>, StoreError> {
    let owner: Option<String> = authorizers::table
        .inner_join(oauth_apps::table.on(authorizers::oauth_app_id.eq(oauth_apps::id.nullable())))
        .filter(oauth_apps::id.eq(id.as_str()).and(oauth_apps::is_shared.eq(false)))
        .select(authorizers::id)
        .first(c)
        .optional()?;
    Ok(owner.map(AuthorizerId::from))
}

/// How many authorizers use it.
pub fn count_authorizers(c: &mut AnyConnection, id: &OAuthAppId) -> Result<i64, StoreError> {
    Ok(authorizers::table
        .filter(authorizers::oauth_app_id.eq(id.as_str()))
        .count()
        .get_result(c)?)
}

/// `None` for a public client, and when there is no such app.
pub fn sealed_secret(c: &mut AnyConnection, id: &OAuthAppId) -> Result<Option<Sealed>, StoreError> {
    let row: Option<(Option<Vec<u8>>, Option<String>)> = oauth_apps::table
        .find(id.as_str())
        .select((oauth_apps::secret, oauth_apps::secret_key))
        .first(c)
        .optional()?;
    Ok(match row {
        Some((Some(bytes), Some(key_id))) => Some(Sealed { bytes, key_id }),
        _ => None,
    })
}

/// `Taken { column: "service" }` when the service has a shared app already.
pub fn insert(
    c: &mut AnyConnection,
    app: &OAuthApp,
    secret: Option<&Sealed>,
    created_by: Option<&UserId>,
) -> Result<(), StoreError> {
    diesel::insert_into(oauth_apps::table)
        .values((
            oauth_apps::id.eq(app.id.as_str()),
            oauth_apps::service.eq(app.service_id.as_str()),
            oauth_apps::client_id.eq(&app.client_id),
            oauth_apps::secret.eq(secret.map(|sealed| &sealed.bytes)),
            oauth_apps::secret_key.eq(secret.map(|sealed| &sealed.key_id)),
            oauth_apps::is_shared.eq(app.is_shared),
            oauth_apps::version.eq(app.version),
            oauth_apps::created_by_id.eq(created_by.map(UserId::as_str)),
            oauth_apps::created_at.eq(app.created_at.micros()),
            oauth_apps::updated_at.eq(app.updated_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// What becomes of the secret when the rest is edited.
pub enum SecretChange<'a> {
    Keep,
    Replace(&'a Sealed),
    /// A public client has none.
    Remove,
}

/// False if somebody else has edited it since `version` was read.
pub fn update(
    c: &mut AnyConnection,
    id: &OAuthAppId,
    version: i64,
    client_id: &str,
    secret: SecretChange<'_>,
    now: Moment,
) -> Result<bool, StoreError> {
    let unchanged = oauth_apps::id.eq(id.as_str()).and(oauth_apps::version.eq(version));
    let changed = diesel::update(oauth_apps::table.filter(unchanged))
        .set((
            oauth_apps::client_id.eq(client_id),
            oauth_apps::version.eq(version + 1),
            oauth_apps::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    let sealed = match secret {
        SecretChange::Keep => return Ok(changed == 1),
        SecretChange::Replace(sealed) => Some(sealed),
        SecretChange::Remove => None,
    };
    if changed == 1 {
        diesel::update(oauth_apps::table.find(id.as_str()))
            .set((
                oauth_apps::secret.eq(sealed.map(|s| &s.bytes)),
                oauth_apps::secret_key.eq(sealed.map(|s| &s.key_id)),
            ))
            .execute(c)?;
    }
    Ok(changed == 1)
}

/// How many authorizers have an app of their own, by service.
pub fn count_own(c: &mut AnyConnection) -> Result<Vec<(ServiceId, i64)>, StoreError> {
    let rows: Vec<(String, i64)> = authorizers::table
        .inner_join(oauth_apps::table.on(authorizers::oauth_app_id.eq(oauth_apps::id.nullable())))
        .filter(oauth_apps::is_shared.eq(false))
        .group_by(authorizers::service)
        .select((authorizers::service, diesel::dsl::count_star()))
        .order(authorizers::service)
        .load(c)?;
    Ok(rows.into_iter().map(|(service, count)| (ServiceId(service), count)).collect())
}

/// Deletes at most `rows` apps of one authorizer that no authorizer has, made before `before`, unless an attempt that
/// is newer still needs it. The number of those.
pub fn purge_own(c: &mut AnyConnection, before: Moment, rows: i64) -> Result<usize, StoreError> {
    let has_authorizer = diesel::dsl::exists(
        authorizers::table.filter(authorizers::oauth_app_id.eq(oauth_apps::id.nullable())),
    );
    let has_attempt = diesel::dsl::exists(
        attempts::table.filter(
            attempts::oauth_app_id
                .eq(oauth_apps::id.nullable())
                .and(attempts::expires_at.ge(before.micros())),
        ),
    );
    let ids: Vec<String> = oauth_apps::table
        .filter(oauth_apps::is_shared.eq(false).and(oauth_apps::created_at.lt(before.micros())))
        .filter(diesel::dsl::not(has_authorizer))
        .filter(diesel::dsl::not(has_attempt))
        .select(oauth_apps::id)
        .limit(rows)
        .load(c)?;
    Ok(diesel::delete(oauth_apps::table.filter(oauth_apps::id.eq_any(ids))).execute(c)?)
}

/// `InUse` while an authorizer was made with it. False: there is none.
pub fn delete(c: &mut AnyConnection, id: &OAuthAppId) -> Result<bool, StoreError> {
    Ok(diesel::delete(oauth_apps::table.find(id.as_str())).execute(c)? == 1)
}
