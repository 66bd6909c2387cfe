//! When authorizers end: written with their tokens, read for the page that says it and by the duty that acts on it.
use diesel::prelude::*;

use crate::model::authorizer::{EndKind, Health, Lifecycle};
use crate::model::cause::Cause;
use crate::model::ending::{EndReason, Ending};
use crate::model::ids::AuthorizerId;
use crate::model::time::Moment;

use super::authorizers::{attention, find_all, read_end};
use super::conn::AnyConnection;
use super::schema::endings;
use super::types::{NO_END, micros, moment, unknown};
use super::{StoreError, notices};

/// So many are seen to in one round.
const ROUND: i64 = 200;

pub(super) fn read_kind(code: &str) -> Result<EndKind, StoreError> {
    EndKind::from_code(code).ok_or_else(|| unknown("kind of end", code))
}

pub(super) fn read_reason(code: Option<&str>) -> Result<Option<EndReason>, StoreError> {
    code.map(|code| EndReason::from_code(code).ok_or_else(|| unknown("reason of an end", code)))
        .transpose()
}

pub fn find(c: &mut AnyConnection, id: &AuthorizerId) -> Result<Option<Ending>, StoreError> {
    type Row = (i64, String, Option<String>, Option<i64>, Option<i64>);
    let row: Option<Row> = endings::table
        .find(id.as_str())
        .select((
            endings::ends_at,
            endings::end_kind,
            endings::end_reason,
            endings::consented_at,
            endings::idle_ends_at,
        ))
        .first(c)
        .optional()?;
    row.map(|(at, kind, reason, consented_at, idle_at)| {
        Ok(Ending {
            at: read_end(at),
            kind: read_kind(&kind)?,
            reason: read_reason(reason.as_deref())?,
            consented_at: moment(consented_at),
            idle_at: moment(idle_at),
        })
    })
    .transpose()
}

pub fn update(c: &mut AnyConnection, id: &AuthorizerId, ending: &Ending) -> Result<(), StoreError> {
    diesel::update(endings::table.find(id.as_str()))
        .set((
            endings::ends_at.eq(micros(ending.at).unwrap_or(NO_END)),
            endings::end_kind.eq(ending.kind.code()),
            endings::end_reason.eq(ending.reason.map(EndReason::code)),
            endings::consented_at.eq(micros(ending.consented_at)),
            endings::idle_ends_at.eq(micros(ending.idle_at)),
        ))
        .execute(c)?;
    Ok(())
}

/// Marks working ones whose end has come: they need somebody now. Returns those; at most 200.
pub fn mark_ended(c: &mut AnyConnection, now: Moment) -> Result<Vec<EndedAuthorizer>, StoreError> {
    let ended = list_ended(c, now)?;
    let (doubtful, sure): (Vec<_>, Vec<_>) = ended.into_iter().partition(|row| row.is_doubtful);
    let ids = |rows: &[Ended]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    // A passed estimate or certificate proves nothing: it is tried at once, and what comes of that is the truth.
    diesel::update(endings::table.filter(endings::id.eq_any(ids(&doubtful))))
        .set((
            endings::health.eq(Health::Retrying.code()),
            endings::attention.eq(attention(Lifecycle::Active, Health::Retrying)),
            endings::next_try_at.eq(now.micros()),
            endings::ends_at.eq(NO_END),
            endings::end_kind.eq(EndKind::Unknown.code()),
            endings::end_reason.eq(None::<&str>),
        ))
        .execute(c)?;
    let before = find_all(
        c,
        &sure.iter().map(|row| AuthorizerId::from(row.id.clone())).collect::<Vec<_>>(),
    )?;
    diesel::update(endings::table.filter(endings::id.eq_any(ids(&sure))))
        .set((
            endings::health.eq(Health::NeedsReauthorization.code()),
            endings::attention.eq(attention(Lifecycle::Active, Health::NeedsReauthorization)),
            endings::cause.eq(Cause::PeriodEnded.code()),
            endings::first_failed_at.eq(now.micros()),
        ))
        .execute(c)?;
    // Only of a token that nothing renews is it true that there is none to renew it with.
    let (tokens, _): (Vec<_>, Vec<_>) = sure.iter().partition(|row| row.is_token);
    diesel::update(
        endings::table.filter(endings::id.eq_any(tokens.iter().map(|row| row.id.as_str()))),
    )
    .set(endings::cause.eq(Cause::TokenExpired.code()))
    .execute(c)?;
    for authorizer in &before {
        let is_token = tokens.iter().any(|row| row.id == authorizer.id.as_str());
        let cause = if is_token { Cause::TokenExpired } else { Cause::PeriodEnded };
        notices::note_broken(c, authorizer, Some(cause), now)?;
    }
    Ok(sure.into_iter().map(EndedAuthorizer::from).collect())
}

/// One that is broken from now on.
pub struct EndedAuthorizer {
    pub id: AuthorizerId,
    pub name: String,
    pub cause: Cause,
}

impl From<Ended> for EndedAuthorizer {
    fn from(row: Ended) -> Self {
        let cause = if row.is_token { Cause::TokenExpired } else { Cause::PeriodEnded };
        Self { id: AuthorizerId::from(row.id), name: row.name, cause }
    }
}

struct Ended {
    id: String,
    name: String,
    is_doubtful: bool,
    /// It is an access token that nothing renews.
    is_token: bool,
}

fn list_ended(c: &mut AnyConnection, now: Moment) -> Result<Vec<Ended>, StoreError> {
    let rows: Vec<(String, String, String, Option<String>)> = endings::table
        .filter(endings::attention.eq(attention(Lifecycle::Active, Health::Ok)))
        .filter(endings::ends_at.le(now.micros()))
        .order((endings::ends_at, endings::id))
        .limit(ROUND)
        .select((endings::id, endings::name, endings::end_kind, endings::end_reason))
        .load(c)?;
    let ended = |(id, name, kind, reason): (String, String, String, Option<String>)| Ended {
        is_doubtful: kind != EndKind::Known.code()
            || reason.as_deref() == Some(EndReason::Certificate.code()),
        is_token: reason.as_deref() == Some(EndReason::Token.code()),
        id,
        name,
    };
    Ok(rows.into_iter().map(ended).collect())
}
