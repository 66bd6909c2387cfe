//! Grants that are being withdrawn at their service, and what became of those that were.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::activity::SubjectKind;
use crate::model::ids::{AuthorizerId, OAuthAppId, ServiceId, UserId, WithdrawalId};
use crate::model::revocation::{Requester, RevocationOutcome, Withdrawal, WithdrawalReason};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::withdrawals;
use super::types::{micros, moment, unknown};

/// How many are listed at once.
pub const ROUND: usize = 100;

#[derive(Queryable, Selectable)]
#[diesel(table_name = withdrawals)]
struct Row {
    id: String,
    service: String,
    auth: String,
    authorizer_id: Option<String>,
    oauth_app_id: Option<String>,
    subject_kind: String,
    subject: String,
    name: String,
    identity_key: String,
    reason: String,
    outcome: Option<String>,
    detail: Option<String>,
    tries: i32,
    next_try_at: Option<i64>,
    requested_by_id: Option<String>,
    requested_by_name: String,
    created_at: i64,
}

impl TryFrom<Row> for Withdrawal {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            service_id: ServiceId(row.service),
            auth_id: row.auth,
            authorizer_id: row.authorizer_id.map(AuthorizerId::from),
            oauth_app_id: row.oauth_app_id.map(OAuthAppId::from),
            subject_kind: SubjectKind::from_code(&row.subject_kind)
                .ok_or_else(|| unknown("kind of subject", &row.subject_kind))?,
            subject_id: row.subject,
            name: row.name,
            identity_key: row.identity_key,
            reason: WithdrawalReason::from_code(&row.reason)
                .ok_or_else(|| unknown("reason of a withdrawal", &row.reason))?,
            outcome: row.outcome.as_deref().map(read_outcome).transpose()?,
            detail: row.detail,
            tries: row.tries,
            next_try_at: moment(row.next_try_at),
            requester: row
                .requested_by_id
                .map(|id| Requester { id: UserId::from(id), name: row.requested_by_name }),
            created_at: Moment::from_micros(row.created_at),
        })
    }
}

/// Reads an outcome. Older versions wrote the service's own words behind the code, after a colon.
pub(super) fn read_outcome(code: &str) -> Result<RevocationOutcome, StoreError> {
    let code = code.split(':').next().unwrap_or(code);
    RevocationOutcome::from_code(code).ok_or_else(|| unknown("outcome of a revocation", code))
}

/// Stores a grant to be withdrawn, or with `finished_at` one of which is known at once what became of it.
pub fn insert(
    c: &mut AnyConnection,
    new: &Withdrawal,
    sealed: Option<&Sealed>,
    finished_at: Option<Moment>,
) -> Result<(), StoreError> {
    let requester = new.requester.as_ref();
    diesel::insert_into(withdrawals::table)
        .values((
            withdrawals::id.eq(new.id.as_str()),
            withdrawals::service.eq(new.service_id.as_str()),
            withdrawals::auth.eq(&new.auth_id),
            withdrawals::authorizer_id.eq(new.authorizer_id.as_ref().map(AuthorizerId::as_str)),
            withdrawals::oauth_app_id.eq(new.oauth_app_id.as_ref().map(OAuthAppId::as_str)),
            withdrawals::subject_kind.eq(new.subject_kind.code()),
            withdrawals::subject.eq(&new.subject_id),
            withdrawals::name.eq(&new.name),
            withdrawals::identity_key.eq(&new.identity_key),
            withdrawals::reason.eq(new.reason.code()),
            withdrawals::outcome.eq(new.outcome.map(RevocationOutcome::code)),
            withdrawals::detail.eq(new.detail.as_deref()),
            withdrawals::tries.eq(new.tries),
            withdrawals::next_try_at.eq(micros(new.next_try_at)),
            withdrawals::sealed.eq(sealed.map(|sealed| &sealed.bytes)),
            withdrawals::sealed_key.eq(sealed.map(|sealed| &sealed.key_id)),
            withdrawals::requested_by_id.eq(requester.map(|requester| requester.id.as_str())),
            withdrawals::requested_by_name
                .eq(requester.map_or("", |requester| requester.name.as_str())),
            withdrawals::created_at.eq(new.created_at.micros()),
            withdrawals::finished_at.eq(micros(finished_at)),
        ))
        .execute(c)?;
    Ok(())
}

/// Returns what it is withdrawn with; `None` once it is over.
pub fn find_sealed(c: &mut AnyConnection, id: &WithdrawalId) -> Result<Option<Sealed>, StoreError> {
    let row: Option<(Option<Vec<u8>>, Option<String>)> = withdrawals::table
        .find(id.as_str())
        .select((withdrawals::sealed, withdrawals::sealed_key))
        .first(c)
        .optional()?;
    Ok(match row {
        Some((Some(bytes), Some(key_id))) => Some(Sealed { bytes, key_id }),
        _ => None,
    })
}

/// Returns the newest one that *Revoke Token* made of this authorizer.
pub fn find_newest_revocation(
    c: &mut AnyConnection,
    authorizer: &AuthorizerId,
) -> Result<Option<Withdrawal>, StoreError> {
    let row = withdrawals::table
        .filter(withdrawals::authorizer_id.eq(authorizer.as_str()))
        .filter(withdrawals::reason.eq(WithdrawalReason::Revoked.code()))
        .order((withdrawals::created_at.desc(), withdrawals::id.desc()))
        .select(Row::as_select())
        .first(c)
        .optional()?;
    row.map(Withdrawal::try_from).transpose()
}

/// Lists those whose next try has come, the longest waiting first.
pub fn list_due(c: &mut AnyConnection, now: Moment) -> Result<Vec<Withdrawal>, StoreError> {
    let rows: Vec<Row> = withdrawals::table
        .filter(withdrawals::next_try_at.le(now.micros()))
        .order(withdrawals::next_try_at)
        .select(Row::as_select())
        .limit(ROUND as i64)
        .load(c)?;
    rows.into_iter().map(Withdrawal::try_from).collect()
}

/// Takes a try, until `until`: of several callers that saw `seen`, one makes it.
pub fn claim(c: &mut AnyConnection, seen: &Withdrawal, until: Moment) -> Result<bool, StoreError> {
    let Some(next_try_at) = seen.next_try_at else { return Ok(false) };
    let unchanged =
        withdrawals::id.eq(seen.id.as_str()).and(withdrawals::next_try_at.eq(next_try_at.micros()));
    Ok(diesel::update(withdrawals::table.filter(unchanged))
        .set(withdrawals::next_try_at.eq(until.micros()))
        .execute(c)?
        == 1)
}

/// Keeps what it is withdrawn with from now on: the token was renewed on the way.
pub fn update_sealed(
    c: &mut AnyConnection,
    id: &WithdrawalId,
    sealed: &Sealed,
) -> Result<(), StoreError> {
    let open = withdrawals::id.eq(id.as_str()).and(withdrawals::finished_at.is_null());
    diesel::update(withdrawals::table.filter(open))
        .set((withdrawals::sealed.eq(&sealed.bytes), withdrawals::sealed_key.eq(&sealed.key_id)))
        .execute(c)?;
    Ok(())
}

/// What a try came to.
#[derive(Clone, Debug)]
pub struct WithdrawalTry {
    pub outcome: RevocationOutcome,
    pub detail: Option<String>,
    pub tries: i32,
}

/// Leaves it to another try at `next_try_at`.
pub fn postpone(
    c: &mut AnyConnection,
    id: &WithdrawalId,
    tried: &WithdrawalTry,
    next_try_at: Moment,
) -> Result<(), StoreError> {
    let open = withdrawals::id.eq(id.as_str()).and(withdrawals::finished_at.is_null());
    diesel::update(withdrawals::table.filter(open))
        .set((
            withdrawals::outcome.eq(tried.outcome.code()),
            withdrawals::detail.eq(tried.detail.as_deref()),
            withdrawals::tries.eq(tried.tries),
            withdrawals::next_try_at.eq(next_try_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// Ends it and forgets what it was withdrawn with. False if somebody else has ended it.
pub fn finish(
    c: &mut AnyConnection,
    id: &WithdrawalId,
    tried: &WithdrawalTry,
    now: Moment,
) -> Result<bool, StoreError> {
    let open = withdrawals::id.eq(id.as_str()).and(withdrawals::finished_at.is_null());
    Ok(diesel::update(withdrawals::table.filter(open))
        .set((
            withdrawals::outcome.eq(tried.outcome.code()),
            withdrawals::detail.eq(tried.detail.as_deref()),
            withdrawals::tries.eq(tried.tries),
            withdrawals::next_try_at.eq(None::<i64>),
            withdrawals::sealed.eq(None::<Vec<u8>>),
            withdrawals::sealed_key.eq(None::<&str>),
            withdrawals::finished_at.eq(now.micros()),
        ))
        .execute(c)?
        == 1)
}

/// Forgets those that ended before `before`; activity says what became of them.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    let over = withdrawals::finished_at.lt(before.micros());
    Ok(diesel::delete(withdrawals::table.filter(over)).execute(c)?)
}
