//! What may change in an authorizer. The search text and the list's first sort key follow in the same statement or the
//! next: nobody else writes them.
use diesel::prelude::*;

use crate::model::authorizer::{Health, Identity, Lifecycle, Verdict};
use crate::model::cause::Cause;
use crate::model::ending::Ending;
use crate::model::ids::{AuthorizerId, OAuthAppId};
use crate::model::name::Name;
use crate::model::revocation::RevocationOutcome;
use crate::model::time::Moment;

use super::authorizers::{attention, find, search_text};
use super::authorizers_due::CLAIM;
use super::conn::AnyConnection;
use super::schema::{authorizers, revocations};
use super::types::{micros, to_json};
use super::{StoreError, endings, notices};

/// Locks the row until the end of the transaction: whoever else locks it waits, and then reads what was written. False: it is
/// not there.
pub fn lock(c: &mut AnyConnection, id: &AuthorizerId) -> Result<bool, StoreError> {
    Ok(diesel::update(authorizers::table.find(id.as_str()))
        .set(authorizers::version.eq(authorizers::version))
        .execute(c)?
        == 1)
}

/// Renames, if nobody else has edited it since `version` was read.
pub fn update_name(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    name: &Name,
    version: i64,
    now: Moment,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        authorizers::table
            .filter(authorizers::id.eq(id.as_str()).and(authorizers::version.eq(version))),
    )
    .set((
        authorizers::name.eq(name.as_str()),
        authorizers::name_folded.eq(name.folded()),
        authorizers::version.eq(version + 1),
        authorizers::updated_at.eq(now.micros()),
    ))
    .execute(c)?;
    refresh_search_text(c, id)?;
    Ok(changed == 1)
}

pub fn update_identity(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    identity: &Identity,
) -> Result<(), StoreError> {
    diesel::update(authorizers::table.find(id.as_str()))
        .set((
            authorizers::identity_key.eq(&identity.key),
            authorizers::identity_label.eq(&identity.label),
        ))
        .execute(c)?;
    refresh_search_text(c, id)
}

fn refresh_search_text(c: &mut AnyConnection, id: &AuthorizerId) -> Result<(), StoreError> {
    let row: Option<(String, String, String)> = authorizers::table
        .find(id.as_str())
        .select((authorizers::name, authorizers::identity_label, authorizers::service))
        .first(c)
        .optional()?;
    if let Some((name, label, service)) = row {
        diesel::update(authorizers::table.find(id.as_str()))
            .set(authorizers::search_text.eq(search_text(&name, &label, &service)))
            .execute(c)?;
    }
    Ok(())
}

pub fn update_scopes(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    granted: &[String],
    missing: &[String],
) -> Result<(), StoreError> {
    diesel::update(authorizers::table.find(id.as_str()))
        .set((
            authorizers::granted_scopes.eq(to_json(granted)?),
            authorizers::missing_scopes.eq(to_json(missing)?),
        ))
        .execute(c)?;
    Ok(())
}

/// The way it was authorized: which of the service's alternatives, by which OAuth app.
pub fn update_way(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    auth_id: &str,
    app: Option<&OAuthAppId>,
) -> Result<(), StoreError> {
    diesel::update(authorizers::table.find(id.as_str()))
        .set((
            authorizers::auth.eq(auth_id),
            authorizers::oauth_app_id.eq(app.map(OAuthAppId::as_str)),
        ))
        .execute(c)?;
    Ok(())
}

/// Writes what a test or a use proved, and the notice that it is worth. With `credential_version`, only if the credentials are still those
/// that were tried. False if they are not, or there is no such authorizer.
pub fn update_health(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    credential_version: Option<i64>,
    verdict: &Verdict,
    now: Moment,
) -> Result<bool, StoreError> {
    // Locks the row, and only then reads it: of two processes that find it broken, one sees that it was not before.
    lock(c, id)?;
    let Some(old) = find(c, id)? else {
        return Ok(false);
    };
    if credential_version.is_some_and(|tried| tried != old.credential_version) {
        return Ok(false);
    }
    let is_ok = verdict.health == Health::Ok;
    let changed = diesel::update(
        authorizers::table.filter(
            authorizers::id
                .eq(id.as_str())
                .and(authorizers::credential_version.eq(old.credential_version)),
        ),
    )
    .set((
        authorizers::health.eq(verdict.health.code()),
        authorizers::attention.eq(attention(old.lifecycle, verdict.health)),
        authorizers::cause.eq(verdict.cause.map(Cause::code)),
        authorizers::cause_fields.eq(to_json(&verdict.fields)?),
        authorizers::detail.eq(verdict.detail.as_deref()),
        authorizers::next_try_at.eq(micros(verdict.next_try_at)),
        authorizers::last_checked_at.eq(now.micros()),
        authorizers::last_ok_at.eq(if is_ok { Some(now.micros()) } else { micros(old.last_ok_at) }),
        authorizers::first_failed_at.eq(if is_ok {
            None
        } else {
            micros(old.first_failed_at).or(Some(now.micros()))
        }),
        authorizers::failure_count.eq(if is_ok { 0 } else { old.failure_count.saturating_add(1) }),
    ))
    .execute(c)?;
    if changed == 1 {
        notices::note_health(c, &old, verdict, now)?;
    }
    Ok(changed == 1)
}

/// Draft, active …: without a word about its health. Revoking has verbs of its own.
pub fn update_lifecycle(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    lifecycle: Lifecycle,
    now: Moment,
) -> Result<(), StoreError> {
    let Some(old) = find(c, id)? else {
        return Ok(());
    };
    diesel::update(authorizers::table.find(id.as_str()))
        .set((
            authorizers::lifecycle.eq(lifecycle.code()),
            authorizers::attention.eq(attention(lifecycle, old.health)),
            authorizers::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// After new credentials: active, not tested, nothing held against it; what was revoked is no longer.
pub fn reactivate(c: &mut AnyConnection, id: &AuthorizerId, now: Moment) -> Result<(), StoreError> {
    diesel::update(authorizers::table.find(id.as_str()))
        .set((
            authorizers::lifecycle.eq(Lifecycle::Active.code()),
            authorizers::health.eq(Health::Unverified.code()),
            authorizers::attention.eq(attention(Lifecycle::Active, Health::Unverified)),
            authorizers::cause.eq(None::<&str>),
            authorizers::cause_fields.eq("[]"),
            authorizers::detail.eq(None::<&str>),
            authorizers::first_failed_at.eq(None::<i64>),
            authorizers::next_try_at.eq(None::<i64>),
            authorizers::failure_count.eq(0),
            authorizers::revocation.eq(None::<&str>),
            authorizers::revoked_at.eq(None::<i64>),
            authorizers::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    diesel::update(revocations::table.find(id.as_str()))
        .set(revocations::revocation_detail.eq(None::<&str>))
        .execute(c)?;
    Ok(())
}

/// Takes it for revoking. False if somebody else has, or it is revoked. No refresh begins any more; one that is under
/// way may still save: what it brings is revoked, too.
pub fn begin_revoking(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    now: Moment,
) -> Result<bool, StoreError> {
    let open = [Lifecycle::Active.code(), Lifecycle::Draft.code()];
    let changed = diesel::update(
        authorizers::table
            .filter(authorizers::id.eq(id.as_str()).and(authorizers::lifecycle.eq_any(open))),
    )
    .set((
        authorizers::lifecycle.eq(Lifecycle::Revoking.code()),
        authorizers::attention.eq(attention(Lifecycle::Revoking, Health::Ok)),
        authorizers::failure_count.eq(0),
        // Whoever began it is no longer there when this has come.
        authorizers::next_try_at.eq(now.plus(CLAIM).micros()),
        authorizers::revocation.eq(None::<&str>),
        authorizers::version.eq(authorizers::version + 1),
        authorizers::updated_at.eq(now.micros()),
    ))
    .execute(c)?;
    Ok(changed == 1)
}

/// Revoked for good, after its credentials were wiped. False if it is not being revoked.
pub fn finish_revoking(
    c: &mut AnyConnection,
    id: &AuthorizerId,
    outcome: RevocationOutcome,
    detail: Option<&str>,
    now: Moment,
) -> Result<bool, StoreError> {
    let revoking =
        authorizers::id.eq(id.as_str()).and(authorizers::lifecycle.eq(Lifecycle::Revoking.code()));
    let changed = diesel::update(authorizers::table.filter(revoking))
        .set((
            authorizers::lifecycle.eq(Lifecycle::Revoked.code()),
            authorizers::revocation.eq(outcome.code()),
            authorizers::revoked_at.eq(now.micros()),
            authorizers::access_expires_at.eq(None::<i64>),
            authorizers::next_try_at.eq(None::<i64>),
            authorizers::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    if changed == 1 {
        diesel::update(revocations::table.find(id.as_str()))
            .set(revocations::revocation_detail.eq(detail))
            .execute(c)?;
        endings::update(c, id, &Ending::unknown())?;
    }
    Ok(changed == 1)
}

/// Returns the service's own words to the last revocation.
pub fn find_revocation_detail(
    c: &mut AnyConnection,
    id: &AuthorizerId,
) -> Result<Option<String>, StoreError> {
    let detail: Option<Option<String>> = revocations::table
        .find(id.as_str())
        .select(revocations::revocation_detail)
        .first(c)
        .optional()?;
    Ok(detail.flatten())
}
