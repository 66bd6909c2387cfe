//! Authorization attempts: each is taken by one callback, once.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::cause::Cause;
use crate::model::ids::{AttemptId, AuthorizerId, DraftId, OAuthAppId, ServiceId};
use crate::model::time::Moment;

use super::StoreError;
use super::authorizers::read_cause;
use super::conn::AnyConnection;
use super::schema::attempts;
use super::types::{from_json, micros, moment, to_json, unknown};

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct Row {
    id: String,
    user_id: String,
    service: String,
    auth: String,
    authorizer_id: Option<String>,
    oauth_app_id: Option<String>,
    draft_id: Option<String>,
    name: String,
    state: String,
    cause: Option<String>,
    detail: Option<String>,
    missing_scopes: String,
    result_authorizer_id: Option<String>,
    created_at: i64,
    expires_at: i64,
    taken_at: Option<i64>,
    grant_until: Option<i64>,
}

impl TryFrom<Row> for Attempt {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            service_id: ServiceId(row.service),
            auth_id: row.auth,
            authorizer_id: row.authorizer_id.map(AuthorizerId::from),
            oauth_app_id: row.oauth_app_id.map(OAuthAppId::from),
            draft_id: row.draft_id.map(DraftId::from),
            name: row.name,
            state: AttemptState::from_code(&row.state)
                .ok_or_else(|| unknown("state of an attempt", &row.state))?,
            cause: read_cause(row.cause.as_deref())?,
            detail: row.detail,
            missing_scopes: from_json(&row.missing_scopes)?,
            result_authorizer_id: row.result_authorizer_id.map(AuthorizerId::from),
            created_at: Moment::from_micros(row.created_at),
            expires_at: Moment::from_micros(row.expires_at),
            taken_at: moment(row.taken_at),
            grant_until: moment(row.grant_until),
        })
    }
}

/// An attempt with what a callback needs beside it.
pub struct Held {
    pub attempt: Attempt,
    /// SHA-256 of the cookie of the browser that began it.
    pub browser_hash: String,
    /// `None` once it is over.
    pub sealed: Option<Sealed>,
}

type HeldRow = (Row, String, Option<Vec<u8>>, Option<String>);

fn held((row, browser_hash, bytes, key): HeldRow) -> Result<Held, StoreError> {
    let sealed = bytes.zip(key).map(|(bytes, key_id)| Sealed { bytes, key_id });
    Ok(Held { attempt: row.try_into()?, browser_hash, sealed })
}

/// `state_hash` and `browser_hash` are SHA-256 of the state parameter and of the browser's cookie.
pub fn insert(
    c: &mut AnyConnection,
    attempt: &Attempt,
    state_hash: &str,
    browser_hash: &str,
    sealed: &Sealed,
) -> Result<(), StoreError> {
    diesel::insert_into(attempts::table)
        .values((
            attempts::id.eq(attempt.id.as_str()),
            attempts::state_hash.eq(state_hash),
            attempts::browser_hash.eq(browser_hash),
            attempts::user_id.eq(attempt.user_id.as_str()),
            attempts::service.eq(attempt.service_id.as_str()),
            attempts::auth.eq(&attempt.auth_id),
            attempts::authorizer_id.eq(attempt.authorizer_id.as_ref().map(AuthorizerId::as_str)),
            attempts::oauth_app_id.eq(attempt.oauth_app_id.as_ref().map(OAuthAppId::as_str)),
            attempts::draft_id.eq(attempt.draft_id.as_ref().map(DraftId::as_str)),
            attempts::name.eq(&attempt.name),
            attempts::sealed.eq(&sealed.bytes),
            attempts::sealed_key.eq(&sealed.key_id),
            attempts::state.eq(attempt.state.code()),
            attempts::cause.eq(attempt.cause.map(Cause::code)),
            attempts::detail.eq(attempt.detail.as_deref()),
            attempts::missing_scopes.eq(to_json(&attempt.missing_scopes)?),
            attempts::created_at.eq(attempt.created_at.micros()),
            attempts::expires_at.eq(attempt.expires_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

pub fn find(c: &mut AnyConnection, id: &AttemptId) -> Result<Option<Attempt>, StoreError> {
    let row = attempts::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(Attempt::try_from).transpose()
}

/// The attempt, the browser's hash and the sealed part, without taking it.
pub fn find_held(c: &mut AnyConnection, id: &AttemptId) -> Result<Option<Held>, StoreError> {
    let row: Option<HeldRow> = attempts::table
        .find(id.as_str())
        .select((Row::as_select(), attempts::browser_hash, attempts::sealed, attempts::sealed_key))
        .first(c)
        .optional()?;
    row.map(held).transpose()
}

/// The attempt that this state belongs to, whatever became of it: to say why it cannot be taken.
pub fn find_by_state(c: &mut AnyConnection, state_hash: &str) -> Result<Option<Held>, StoreError> {
    let row: Option<HeldRow> = attempts::table
        .filter(attempts::state_hash.eq(state_hash))
        .select((Row::as_select(), attempts::browser_hash, attempts::sealed, attempts::sealed_key))
        .first(c)
        .optional()?;
    row.map(held).transpose()
}

/// Takes a waiting attempt; of any number of callers, exactly one gets it. `None`: taken before, over, expired or unknown.
pub fn take(
    c: &mut AnyConnection,
    state_hash: &str,
    now: Moment,
) -> Result<Option<Held>, StoreError> {
    let waiting = attempts::state_hash
        .eq(state_hash)
        .and(attempts::state.eq(AttemptState::Pending.code()))
        .and(attempts::expires_at.gt(now.micros()));
    let taken = diesel::update(attempts::table.filter(waiting))
        .set((attempts::state.eq(AttemptState::Taken.code()), attempts::taken_at.eq(now.micros())))
        .execute(c)?;
    if taken == 1 { find_by_state(c, state_hash) } else { Ok(None) }
}

/// Takes an attempt out of this state, to be finished; of any number of callers, exactly one succeeds.
pub fn take_from(
    c: &mut AnyConnection,
    id: &AttemptId,
    from: AttemptState,
    now: Moment,
) -> Result<bool, StoreError> {
    let expected = attempts::id.eq(id.as_str()).and(attempts::state.eq(from.code()));
    Ok(diesel::update(attempts::table.filter(expected))
        .set((attempts::state.eq(AttemptState::Taken.code()), attempts::taken_at.eq(now.micros())))
        .execute(c)?
        == 1)
}

/// What an attempt keeps sealed, and until when, if a grant is part of it.
pub struct SealedPart<'a> {
    pub sealed: &'a Sealed,
    pub grant_until: Option<Moment>,
}

/// Replaces what is sealed; the state stays.
pub fn update_sealed(
    c: &mut AnyConnection,
    id: &AttemptId,
    kept: &SealedPart<'_>,
) -> Result<(), StoreError> {
    diesel::update(attempts::table.find(id.as_str()))
        .set((
            attempts::sealed.eq(&kept.sealed.bytes),
            attempts::sealed_key.eq(&kept.sealed.key_id),
            attempts::grant_until.eq(micros(kept.grant_until)),
        ))
        .execute(c)?;
    Ok(())
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Ending {
    pub state: AttemptState,
    pub cause: Option<Cause>,
    pub detail: Option<String>,
    pub missing_scopes: Vec<String>,
    pub result: Option<AuthorizerId>,
}

/// Writes the end and forgets the sealed part, unless `keep` replaces it: what was typed, and a grant that waits.
pub fn finish(
    c: &mut AnyConnection,
    id: &AttemptId,
    ending: &Ending,
    keep: Option<&SealedPart<'_>>,
) -> Result<(), StoreError> {
    diesel::update(attempts::table.find(id.as_str()))
        .set((
            attempts::state.eq(ending.state.code()),
            attempts::cause.eq(ending.cause.map(Cause::code)),
            attempts::detail.eq(ending.detail.as_deref()),
            attempts::missing_scopes.eq(to_json(&ending.missing_scopes)?),
            attempts::result_authorizer_id.eq(ending.result.as_ref().map(AuthorizerId::as_str)),
            attempts::sealed.eq(keep.map(|kept| &kept.sealed.bytes)),
            attempts::sealed_key.eq(keep.map(|kept| &kept.sealed.key_id)),
            attempts::grant_until.eq(keep.and_then(|kept| micros(kept.grant_until))),
        ))
        .execute(c)?;
    Ok(())
}

/// Lists those that keep a grant which was not finished in time, and those that a callback took before `before` and
/// nobody has finished.
pub fn list_given_up(
    c: &mut AnyConnection,
    now: Moment,
    before: Moment,
) -> Result<Vec<Attempt>, StoreError> {
    let is_late = attempts::grant_until.le(now.micros());
    let is_stuck = attempts::state
        .eq(AttemptState::Taken.code())
        .and(attempts::taken_at.le(before.micros()))
        .and(attempts::grant_until.is_null());
    let rows: Vec<Row> = attempts::table
        .filter(is_late.assume_not_null().or(is_stuck.assume_not_null()))
        .order(attempts::id)
        .limit(100)
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(Attempt::try_from).collect()
}

/// Forgets attempts that expired before `before`, but for those that keep a grant. The number of those.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    let over = attempts::expires_at.lt(before.micros()).and(attempts::grant_until.is_null());
    Ok(diesel::delete(attempts::table.filter(over)).execute(c)?)
}
