//! Forms that were sent a moment ago, and their answers, for all processes of one database.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::on_each::on_each;
use super::schema::submissions;

/// How far one is.
pub enum Progress {
    Unknown,
    Waiting {
        since: Moment,
    },
    Answered {
        at: Moment,
        /// `None`: there is nothing to repeat, each sender is answered alone.
        sealed: Option<Sealed>,
    },
}

/// When a submission may be claimed although there is a row of it.
#[derive(Clone, Copy)]
pub struct Claimable {
    pub now: Moment,
    /// One that began before this is dead: its process was stopped.
    pub began_before: Moment,
    /// One that was answered until then is another press of the same form.
    pub answered_until: Moment,
}

/// Takes a submission: of any number of callers at the same moment, exactly one gets true.
pub fn claim(c: &mut AnyConnection, id: &str, when: Claimable) -> Result<bool, StoreError> {
    let row = (submissions::id.eq(id), submissions::started_at.eq(when.now.micros()));
    let inserted = on_each!(c, |c| diesel::insert_into(submissions::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    if inserted == 1 {
        return Ok(true);
    }
    let is_dead = submissions::answered_at
        .is_null()
        .and(submissions::started_at.lt(when.began_before.micros()));
    let is_over = submissions::answered_at.is_not_null().and(
        submissions::answered_at
            .assume_not_null()
            .le(when.answered_until.micros())
            .or(submissions::sealed.is_null()),
    );
    let free = submissions::table
        .filter(submissions::id.eq(id))
        .filter(is_dead.assume_not_null().or(is_over));
    let taken = diesel::update(free)
        .set((
            submissions::started_at.eq(when.now.micros()),
            submissions::answered_at.eq(None::<i64>),
            submissions::sealed.eq(None::<Vec<u8>>),
            submissions::sealed_key.eq(None::<&str>),
        ))
        .execute(c)?;
    Ok(taken == 1)
}

/// Writes the answer that everybody gets who has sent the same.
pub fn answer(
    c: &mut AnyConnection,
    id: &str,
    sealed: Option<&Sealed>,
    now: Moment,
) -> Result<(), StoreError> {
    diesel::update(submissions::table.find(id))
        .set((
            submissions::answered_at.eq(now.micros()),
            submissions::sealed.eq(sealed.map(|sealed| &sealed.bytes)),
            submissions::sealed_key.eq(sealed.map(|sealed| &sealed.key_id)),
        ))
        .execute(c)?;
    Ok(())
}

pub fn find(c: &mut AnyConnection, id: &str) -> Result<Progress, StoreError> {
    type Row = (i64, Option<i64>, Option<Vec<u8>>, Option<String>);
    let row: Option<Row> = submissions::table
        .find(id)
        .select((
            submissions::started_at,
            submissions::answered_at,
            submissions::sealed,
            submissions::sealed_key,
        ))
        .first(c)
        .optional()?;
    Ok(match row {
        None => Progress::Unknown,
        Some((since, None, ..)) => Progress::Waiting { since: Moment::from_micros(since) },
        Some((_, Some(at), bytes, key)) => Progress::Answered {
            at: Moment::from_micros(at),
            sealed: bytes.zip(key).map(|(bytes, key_id)| Sealed { bytes, key_id }),
        },
    })
}

/// Forgets those that began before `before`. The number of those.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    Ok(diesel::delete(submissions::table.filter(submissions::started_at.lt(before.micros())))
        .execute(c)?)
}
