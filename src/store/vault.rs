//! What no page reads: an authorizer's sealed credentials, and the fenced lease under which they are refreshed.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::authorizer::{Health, Lifecycle};
use crate::model::ids::AuthorizerId;
use crate::model::secret_binding::SecretBinding;
use crate::model::time::Moment;

use super::StoreError;
use super::authorizers::{attention, read_lifecycle};
use super::authorizers_due::ROUND;
use super::bindings;
use super::conn::AnyConnection;
use super::schema::{authorizers, vault};
use super::types::{micros, moment};

/// The right to refresh, until it ends or somebody else changes the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Only the holder of the newest one may save.
    pub generation: i64,
    /// A refresh began then and its answer was never stored: the process died in between, and a token that
    /// rotates may be lost.
    pub unfinished_since: Option<Moment>,
    /// Refusals without a reason since the last refresh that succeeded.
    pub refusals: i32,
}

/// What a lease leaves behind that ends without new credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseEnd {
    /// When a refresh began whose answer was lost: it may have held the only new token.
    pub unfinished_since: Option<Moment>,
    pub refusals: i32,
}

/// The lease as others see it, who wait for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseState {
    pub credential_version: i64,
    pub is_held: bool,
    /// It has run out, and nobody gave it back: its process died.
    pub is_abandoned: bool,
    /// The refresh token may be spent: a refresh is on the wire, or its answer was lost.
    pub is_refresh_in_doubt: bool,
    pub lifecycle: Lifecycle,
}

/// Sealed credentials and which version of them it is.
pub struct Vault {
    pub sealed: Sealed,
    pub credential_version: i64,
    /// Where the service file let them go when they were typed; `None`: not recorded yet.
    pub binding: Option<SecretBinding>,
}

/// `None` when there is no such authorizer, or it holds no credentials (revoked).
pub fn vault(c: &mut AnyConnection, id: &AuthorizerId) -> Result<Option<Vault>, StoreError> {
    type Row = (Option<Vec<u8>>, Option<String>, i64, Option<String>, Option<String>);
    let row: Option<Row> = vault::table
        .find(id.as_str())
        .select((
            vault::sealed,
            vault::sealed_key,
            vault::credential_version,
            vault::bound_destinations,
            vault::bound_fields,
        ))
        .first(c)
        .optional()?;
    Ok(match row {
        Some((Some(bytes), Some(key_id), credential_version, destinations, fields)) => {
            let binding = bindings::read(destinations.as_deref(), fields.as_deref())?;
            Some(Vault { sealed: Sealed { bytes, key_id }, credential_version, binding })
        }
        _ => None,
    })
}

/// The ones whose secrets this key seals, after `after`, by id; cut short.
pub fn list_sealed_by(
    c: &mut AnyConnection,
    key_id: &str,
    after: &AuthorizerId,
) -> Result<Vec<AuthorizerId>, StoreError> {
    let ids: Vec<String> = vault::table
        .filter(vault::sealed_key.eq(key_id).and(vault::id.gt(after.as_str())))
        .order(vault::id)
        .select(vault::id)
        .limit(ROUND as i64)
        .load(c)?;
    Ok(ids.into_iter().map(AuthorizerId::from).collect())
}

/// Lets the locked ones that these keys seal be tried at `now`.
pub fn retry_locked(
    c: &mut AnyConnection,
    key_ids: &[String],
    now: Moment,
) -> Result<usize, StoreError> {
    let locked = vault::attention
        .eq(attention(Lifecycle::Active, Health::Locked))
        .and(vault::health.eq(Health::Locked.code()))
        .and(vault::sealed_key.eq_any(key_ids));
    Ok(diesel::update(vault::table.filter(locked))
        .set(vault::next_try_at.eq(now.micros()))
        .execute(c)?)
}

/// As [`vault`], in pieces: the sealed bytes and the version of the credentials.
pub fn sealed(
    c: &mut AnyConnection,
    id: &AuthorizerId,
) -> Result<Option<(Sealed, i64)>, StoreError> {
    Ok(vault(c, id)?.map(|vault| (vault.sealed, vault.credential_version)))
}

/// New credentials in place of those of `expected_version`. False if they have changed since, or are gone.
/// A refresh that is under way can no longer save.
pub fn update_credentials(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    expected_version: i64,
    sealed: &Sealed,
    access_expires_at: Option<Moment>,
    now: Moment,
) -> Result<bool, StoreError> {
    let unchanged =
        authorizers::id.eq(id.as_str()).and(authorizers::credential_version.eq(expected_version));
    let changed = diesel::update(authorizers::table.filter(unchanged))
        .set((
            authorizers::credential_version.eq(expected_version + 1),
            authorizers::access_expires_at.eq(micros(access_expires_at)),
            authorizers::version.eq(authorizers::version + 1),
            authorizers::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    if changed == 0 {
        return Ok(false);
    }
    store(c, id, Some(sealed))?;
    break_lease(c, id)?;
    Ok(true)
}

fn store(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    sealed: Option<&Sealed>,
) -> Result<(), StoreError> {
    diesel::update(vault::table.find(id.as_str()))
        .set((
            vault::sealed.eq(sealed.map(|sealed| &sealed.bytes)),
            vault::sealed_key.eq(sealed.map(|sealed| &sealed.key_id)),
        ))
        .execute(c)?;
    Ok(())
}

/// The lease, if nobody holds one that has not ended. What is being revoked, or was, is not refreshed.
pub fn take_lease(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    owner: &str,
    now: Moment,
    until: Moment,
) -> Result<Option<Lease>, StoreError> {
    let is_free = vault::lease_until.is_null().or(vault::lease_until.le(now.micros()));
    let is_over = [Lifecycle::Revoking.code(), Lifecycle::Revoked.code()];
    let theirs = vault::id.eq(id.as_str()).and(vault::lifecycle.ne_all(is_over));
    let row: Option<(i64, Option<i64>, i32)> =
        diesel::update(vault::table.filter(theirs).filter(is_free))
            .set((
                vault::lease_owner.eq(owner),
                vault::lease_generation.eq(vault::lease_generation + 1),
                vault::lease_until.eq(until.micros()),
            ))
            .returning((
                vault::lease_generation,
                vault::refresh_started_at,
                vault::refresh_refusals,
            ))
            .get_result(c)
            .optional()?;
    Ok(row.map(|(generation, started, refusals)| Lease {
        generation,
        unfinished_since: moment(started),
        refusals,
    }))
}

/// Returns how the lease stands at `now`; `None` when there is no such authorizer.
pub fn find_lease(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    now: Moment,
) -> Result<Option<LeaseState>, StoreError> {
    let row: Option<(i64, Option<i64>, Option<i64>, String)> = vault::table
        .find(id.as_str())
        .select((
            vault::credential_version,
            vault::lease_until,
            vault::refresh_started_at,
            vault::lifecycle,
        ))
        .first(c)
        .optional()?;
    row.map(|(credential_version, until, started_at, lifecycle)| {
        let is_held = until.is_some_and(|until| until > now.micros());
        Ok(LeaseState {
            credential_version,
            is_held,
            is_abandoned: until.is_some_and(|until| until <= now.micros()),
            is_refresh_in_doubt: is_held || started_at.is_some(),
            lifecycle: read_lifecycle(&lifecycle)?,
        })
    })
    .transpose()
}

/// Notes that the token call is about to be made. False if the lease is no longer ours.
pub fn mark_refresh_started(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    generation: i64,
    now: Moment,
) -> Result<bool, StoreError> {
    let ours = vault::id.eq(id.as_str()).and(vault::lease_generation.eq(generation));
    Ok(diesel::update(vault::table.filter(ours))
        .set(vault::refresh_started_at.eq(now.micros()))
        .execute(c)?
        == 1)
}

/// Stores refreshed credentials and gives the lease back. False, and nothing stored, if the lease is no longer ours.
pub fn save_refreshed(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    generation: i64,
    sealed: &Sealed,
    access_expires_at: Option<Moment>,
    now: Moment,
) -> Result<bool, StoreError> {
    if !release_lease(c, id, generation)? {
        return Ok(false);
    }
    store(c, id, Some(sealed))?;
    diesel::update(authorizers::table.find(id.as_str()))
        .set((
            authorizers::credential_version.eq(authorizers::credential_version + 1),
            authorizers::access_expires_at.eq(micros(access_expires_at)),
            authorizers::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(true)
}

/// Stores a new refresh token that came without an access token, and gives the lease back. The version of the
/// credentials stays: there is no new token to call with. False if the lease is no longer ours.
pub fn save_rotated(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    generation: i64,
    sealed: &Sealed,
) -> Result<bool, StoreError> {
    if !release_lease(c, id, generation)? {
        return Ok(false);
    }
    store(c, id, Some(sealed))?;
    Ok(true)
}

/// Gives the lease back: nothing is in doubt any more. False if it is no longer ours.
pub fn release_lease(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    generation: i64,
) -> Result<bool, StoreError> {
    end_lease(c, id, generation, &LeaseEnd { unfinished_since: None, refusals: 0 })
}

/// Gives the lease back with what it leaves behind. False if it is no longer ours.
pub fn end_lease(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    generation: i64,
    end: &LeaseEnd,
) -> Result<bool, StoreError> {
    let ours = vault::id.eq(id.as_str()).and(vault::lease_generation.eq(generation));
    let released = diesel::update(vault::table.filter(ours))
        .set((
            vault::lease_owner.eq(None::<&str>),
            vault::lease_until.eq(None::<i64>),
            vault::refresh_started_at.eq(micros(end.unfinished_since)),
            vault::refresh_refusals.eq(end.refusals),
        ))
        .execute(c)?;
    Ok(released == 1)
}

/// Ends the lease, whoever holds it.
pub(super) fn break_lease(c: &mut AnyConnection, id: &AuthorizerId) -> Result<(), StoreError> {
    diesel::update(vault::table.find(id.as_str()))
        .set((
            vault::lease_owner.eq(None::<&str>),
            vault::lease_generation.eq(vault::lease_generation + 1),
            vault::lease_until.eq(None::<i64>),
            vault::refresh_started_at.eq(None::<i64>),
            vault::refresh_refusals.eq(0),
        ))
        .execute(c)?;
    Ok(())
}

/// Forgets the credentials of one that is being revoked; `kept` are its typed values that are no secrets. False if
/// they have changed since `expected_version`, or a refresh of them is under way.
pub fn wipe_for_revocation(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    expected_version: i64,
    kept: Option<&Sealed>,
    now: Moment,
) -> Result<bool, StoreError> {
    let is_free = vault::lease_until.is_null().or(vault::lease_until.le(now.micros()));
    let unchanged = vault::id
        .eq(id.as_str())
        .and(vault::lifecycle.eq(Lifecycle::Revoking.code()))
        .and(vault::credential_version.eq(expected_version));
    let changed = diesel::update(vault::table.filter(unchanged).filter(is_free))
        .set((
            vault::credential_version.eq(expected_version + 1),
            vault::access_expires_at.eq(None::<i64>),
            vault::next_try_at.eq(None::<i64>),
        ))
        .execute(c)?;
    if changed == 0 {
        return Ok(false);
    }
    store(c, id, kept)?;
    break_lease(c, id)?;
    Ok(true)
}
