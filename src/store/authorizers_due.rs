//! What the background duties look for: each list by an index, the longest waiting first, cut short.
use std::time::Duration;

use diesel::prelude::*;

use crate::model::authorizer::{Authorizer, Health, Lifecycle};
use crate::model::ids::{AuthorizerId, OAuthAppId};
use crate::model::time::Moment;

use super::StoreError;
use super::authorizers::{attention, find_all};
use super::conn::AnyConnection;
use super::schema::authorizers;

/// Longer than a test with two slow refreshes, or a revocation, takes: what was begun then is no longer under way.
pub const CLAIM: Duration = Duration::from_secs(180);
/// So many are listed at once.
pub const ROUND: usize = 200;

/// Those of these services whose access token ends before `soon`, after the one that the last round ended with.
pub fn list_renewals(
    c: &mut AnyConnection,
    services: &[String],
    soon: Moment,
    after: &(i64, String),
) -> Result<Vec<(AuthorizerId, i64)>, StoreError> {
    let healthy = [Health::Ok.code(), Health::Unverified.code()];
    let end = authorizers::access_expires_at.assume_not_null();
    let rows: Vec<(String, i64)> = authorizers::table
        .filter(
            authorizers::access_expires_at
                .le(soon.micros())
                .and(authorizers::access_expires_at.ge(after.0)),
        )
        .filter(authorizers::access_expires_at.gt(after.0).or(authorizers::id.gt(&after.1)))
        .filter(
            authorizers::lifecycle
                .eq(Lifecycle::Active.code())
                .and(authorizers::health.eq_any(healthy)),
        )
        .filter(authorizers::service.eq_any(services))
        .order((authorizers::access_expires_at, authorizers::id))
        .select((authorizers::id, end))
        .limit(ROUND as i64)
        .load(c)?;
    Ok(rows.into_iter().map(|(id, end)| (AuthorizerId::from(id), end)).collect())
}

/// One whose next try has come.
pub struct Waiting {
    pub id: AuthorizerId,
    pub next_try_at: Moment,
}

/// Those of these services whose next try has come. Working ones are among them where `with_working`.
pub fn list_tries(
    c: &mut AnyConnection,
    services: &[String],
    now: Moment,
    with_working: bool,
) -> Result<Vec<Waiting>, StoreError> {
    let mut query = authorizers::table
        .into_boxed()
        .filter(authorizers::next_try_at.le(now.micros()))
        .filter(authorizers::lifecycle.eq(Lifecycle::Active.code()))
        .filter(authorizers::service.eq_any(services));
    if !with_working {
        query = query.filter(authorizers::health.ne(Health::Ok.code()));
    }
    let rows: Vec<(String, i64)> = query
        .order(authorizers::next_try_at)
        .select((authorizers::id, authorizers::next_try_at.assume_not_null()))
        .limit(ROUND as i64)
        .load(c)?;
    Ok(rows
        .into_iter()
        .map(|(id, at)| Waiting { id: id.into(), next_try_at: Moment::from_micros(at) })
        .collect())
}

/// Takes a try, until `until`: of several processes, one makes it. A process that dies in it leaves it to the others.
pub fn claim_try(
    c: &mut AnyConnection,
    waiting: &Waiting,
    until: Moment,
) -> Result<bool, StoreError> {
    let seen = authorizers::id
        .eq(waiting.id.as_str())
        .and(authorizers::next_try_at.eq(waiting.next_try_at.micros()));
    Ok(diesel::update(authorizers::table.filter(seen))
        .set(authorizers::next_try_at.eq(until.micros()))
        .execute(c)?
        == 1)
}

/// Lets everything that waits for this OAuth app be tried at once: it was just changed.
pub fn hurry_app(
    c: &mut AnyConnection,
    app: &OAuthAppId,
    now: Moment,
) -> Result<usize, StoreError> {
    let waiting = authorizers::oauth_app_id
        .eq(app.as_str())
        .and(authorizers::health.eq(Health::Misconfigured.code()));
    Ok(diesel::update(authorizers::table.filter(waiting))
        .set(authorizers::next_try_at.eq(now.micros()))
        .execute(c)?)
}

/// Revocations that began, and whose process died before the grant was handed to those that are withdrawn. At most 100.
pub fn list_stuck_revoking(
    c: &mut AnyConnection,
    now: Moment,
) -> Result<Vec<Authorizer>, StoreError> {
    let ids: Vec<String> = authorizers::table
        .filter(authorizers::attention.eq(attention(Lifecycle::Revoking, Health::Ok)))
        .filter(authorizers::lifecycle.eq(Lifecycle::Revoking.code()))
        .filter(authorizers::next_try_at.le(now.micros()))
        .select(authorizers::id)
        .limit(100)
        .load(c)?;
    find_all(c, &ids.into_iter().map(AuthorizerId::from).collect::<Vec<_>>())
}
