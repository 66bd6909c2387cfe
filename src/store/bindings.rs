//! What stored secrets are bound to: where their service file let them go when they were typed.
use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use crate::model::ids::{AuthorizerId, OAuthAppId, ServiceId};
use crate::model::secret_binding::SecretBinding;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{oauth_apps, vault};
use super::types::{from_json, to_json};

/// An authorizer's way to authorize, and what its secrets are bound to.
pub struct Bound {
    pub auth_id: String,
    /// `None`: not recorded yet, or nothing is stored.
    pub binding: Option<SecretBinding>,
}

/// Reads the two columns.
pub(super) fn read(
    destinations: Option<&str>,
    fields: Option<&str>,
) -> Result<Option<SecretBinding>, StoreError> {
    let Some(destinations) = destinations else { return Ok(None) };
    Ok(Some(SecretBinding {
        destinations: from_json(destinations)?,
        fields: fields.map(from_json).transpose()?.unwrap_or_default(),
    }))
}

/// Records what the secrets that are stored in the same transaction are bound to.
pub fn update(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    binding: &SecretBinding,
) -> Result<(), StoreError> {
    diesel::update(vault::table.find(id.as_str()))
        .set((
            vault::bound_destinations.eq(to_json(&binding.destinations)?),
            vault::bound_fields.eq(to_json(&binding.fields)?),
        ))
        .execute(c)?;
    Ok(())
}

/// Records it where nothing is recorded yet.
pub fn fill_in(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    binding: &SecretBinding,
) -> Result<(), StoreError> {
    let unbound = vault::id.eq(id.as_str()).and(vault::bound_destinations.is_null());
    diesel::update(vault::table.filter(unbound))
        .set((
            vault::bound_destinations.eq(to_json(&binding.destinations)?),
            vault::bound_fields.eq(to_json(&binding.fields)?),
        ))
        .execute(c)?;
    Ok(())
}

/// Lists at most `rows` authorizers after `after` with secrets whose binding is not recorded.
pub fn list_unbound(
    c: &mut AnyConnection,
    after: &AuthorizerId,
    rows: i64,
) -> Result<Vec<AuthorizerId>, StoreError> {
    let ids: Vec<String> = vault::table
        .filter(vault::bound_destinations.is_null().and(vault::sealed.is_not_null()))
        .filter(vault::id.gt(after.as_str()))
        .order(vault::id)
        .select(vault::id)
        .limit(rows)
        .load(c)?;
    Ok(ids.into_iter().map(AuthorizerId::from).collect())
}

/// Finds the bindings of these authorizers.
pub fn find_all(
    c: &mut AnyConnection,
    ids: &[AuthorizerId],
) -> Result<BTreeMap<AuthorizerId, Bound>, StoreError> {
    let ids: Vec<&str> = ids.iter().map(AuthorizerId::as_str).collect();
    type Row = (String, String, Option<String>, Option<String>);
    let rows: Vec<Row> = vault::table
        .filter(vault::id.eq_any(ids))
        .select((vault::id, vault::auth, vault::bound_destinations, vault::bound_fields))
        .load(c)?;
    let read = |(id, auth_id, destinations, fields): Row| {
        let binding = read(destinations.as_deref(), fields.as_deref())?;
        Ok((AuthorizerId::from(id), Bound { auth_id, binding }))
    };
    rows.into_iter().map(read).collect()
}

/// How many authorizers of one way have secrets that are bound to the same places.
pub struct BoundGroup {
    pub service_id: ServiceId,
    pub auth_id: String,
    pub destinations: BTreeSet<String>,
    /// Of any one of them: which fields have a value is a matter of the file.
    pub fields: BTreeSet<String>,
    pub count: i64,
}

/// Counts authorizers by service, way and places. Reads the whole table: for a page that is seldom opened.
pub fn count_groups(c: &mut AnyConnection) -> Result<Vec<BoundGroup>, StoreError> {
    type Row = (String, String, Option<String>, Option<String>, i64);
    let rows: Vec<Row> = vault::table
        .filter(vault::bound_destinations.is_not_null().and(vault::sealed.is_not_null()))
        .group_by((vault::service, vault::auth, vault::bound_destinations, vault::bound_fields))
        .select((
            vault::service,
            vault::auth,
            vault::bound_destinations,
            vault::bound_fields,
            diesel::dsl::count_star(),
        ))
        .load(c)?;
    let mut groups = Vec::new();
    for (service, auth_id, destinations, fields, count) in rows {
        let Some(binding) = read(destinations.as_deref(), fields.as_deref())? else { continue };
        groups.push(BoundGroup {
            service_id: ServiceId(service),
            auth_id,
            destinations: binding.destinations,
            fields: binding.fields,
            count,
        });
    }
    Ok(groups)
}

/// Lets the secrets of a service's authorizers go where the file says now. The number of those.
pub fn confirm(
    c: &mut AnyConnection,
    service: &ServiceId,
    auth_id: &str,
    destinations: &BTreeSet<String>,
) -> Result<usize, StoreError> {
    let places = to_json(destinations)?;
    let of_way = vault::service.eq(service.as_str()).and(vault::auth.eq(auth_id));
    let bound_elsewhere =
        vault::bound_destinations.is_not_null().and(vault::bound_destinations.ne(&places));
    Ok(diesel::update(vault::table.filter(of_way).filter(bound_elsewhere))
        .set(vault::bound_destinations.eq(&places))
        .execute(c)?)
}

/// Where the client secret of an OAuth app may go; `None`: not recorded yet.
pub fn find_app(
    c: &mut AnyConnection,
    id: &OAuthAppId,
) -> Result<Option<BTreeSet<String>>, StoreError> {
    let places: Option<Option<String>> = oauth_apps::table
        .find(id.as_str())
        .select(oauth_apps::bound_destinations)
        .first(c)
        .optional()?;
    places.flatten().map(|places| from_json(&places)).transpose()
}

/// Records where the client secret that was typed just now may go.
pub fn update_app(
    c: &mut AnyConnection,
    id: &OAuthAppId,
    destinations: &BTreeSet<String>,
) -> Result<(), StoreError> {
    diesel::update(oauth_apps::table.find(id.as_str()))
        .set(oauth_apps::bound_destinations.eq(to_json(destinations)?))
        .execute(c)?;
    Ok(())
}

/// Lists the services whose shared app is not recorded yet.
pub fn list_unbound_apps(c: &mut AnyConnection) -> Result<Vec<ServiceId>, StoreError> {
    let services: Vec<String> = oauth_apps::table
        .filter(oauth_apps::is_shared.and(oauth_apps::bound_destinations.is_null()))
        .select(oauth_apps::service)
        .load(c)?;
    Ok(services.into_iter().map(ServiceId).collect())
}

/// Records it for the shared app of a service where nothing is recorded yet.
pub fn fill_in_app(
    c: &mut AnyConnection,
    service: &ServiceId,
    destinations: &BTreeSet<String>,
) -> Result<usize, StoreError> {
    let unbound = oauth_apps::service
        .eq(service.as_str())
        .and(oauth_apps::is_shared)
        .and(oauth_apps::bound_destinations.is_null());
    Ok(diesel::update(oauth_apps::table.filter(unbound))
        .set(oauth_apps::bound_destinations.eq(to_json(destinations)?))
        .execute(c)?)
}

/// Lets the client secret of a service's shared app go where the file says now. False: it might already.
pub fn confirm_app(
    c: &mut AnyConnection,
    service: &ServiceId,
    destinations: &BTreeSet<String>,
) -> Result<bool, StoreError> {
    let places = to_json(destinations)?;
    let shared = oauth_apps::service.eq(service.as_str()).and(oauth_apps::is_shared);
    let bound_elsewhere = oauth_apps::bound_destinations
        .is_not_null()
        .and(oauth_apps::bound_destinations.ne(&places));
    Ok(diesel::update(oauth_apps::table.filter(shared).filter(bound_elsewhere))
        .set(oauth_apps::bound_destinations.eq(&places))
        .execute(c)?
        == 1)
}
