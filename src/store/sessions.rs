//! Where people are signed in.
use diesel::prelude::*;

use crate::model::ids::{SessionId, UserId};
use crate::model::time::Moment;
use crate::model::user::{Session, User};

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{sessions, users};
use super::users::Row as UserRow;

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct Row {
    id: String,
    user_id: String,
    address: String,
    user_agent: String,
    created_at: i64,
    last_seen_at: i64,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            created_at: Moment::from_micros(row.created_at),
            last_seen_at: Moment::from_micros(row.last_seen_at),
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

/// A living session with its person: begun in the present epoch, of somebody active, seen since `alive_since`.
pub fn find_living(
    c: &mut AnyConnection,
    id: &SessionId,
    alive_since: Moment,
) -> Result<Option<(Session, User)>, StoreError> {
    let row: Option<(Row, UserRow)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(id.as_str()).and(sessions::epoch.eq(users::session_epoch)))
        .filter(users::is_active.and(sessions::last_seen_at.gt(alive_since.micros())))
        .select((Row::as_select(), UserRow::as_select()))
        .first(c)
        .optional()?;
    row.map(|(session, user)| Ok((session.into(), user.try_into()?))).transpose()
}

pub fn insert(c: &mut AnyConnection, session: &Session) -> Result<(), StoreError> {
    let epoch = super::users::session_epoch(c, &session.user_id)?.unwrap_or_default();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(session.id.as_str()),
            sessions::user_id.eq(session.user_id.as_str()),
            sessions::epoch.eq(epoch),
            sessions::address.eq(&session.address),
            sessions::user_agent.eq(&session.user_agent),
            sessions::created_at.eq(session.created_at.micros()),
            sessions::last_seen_at.eq(session.last_seen_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// Living ones of a person, the last seen first.
pub fn list(
    c: &mut AnyConnection,
    user: &UserId,
    alive_since: Moment,
) -> Result<Vec<Session>, StoreError> {
    let rows: Vec<Row> = sessions::table
        .inner_join(users::table)
        .filter(sessions::user_id.eq(user.as_str()).and(sessions::epoch.eq(users::session_epoch)))
        .filter(sessions::last_seen_at.gt(alive_since.micros()))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .select(Row::as_select())
        .load(c)?;
    Ok(rows.into_iter().map(Session::from).collect())
}

pub fn update_last_seen(
    c: &mut AnyConnection,
    id: &SessionId,
    now: Moment,
) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(id.as_str()))
        .set(sessions::last_seen_at.eq(now.micros()))
        .execute(c)?;
    Ok(())
}

pub fn delete(c: &mut AnyConnection, user: &UserId, id: &SessionId) -> Result<bool, StoreError> {
    let own = sessions::id.eq(id.as_str()).and(sessions::user_id.eq(user.as_str()));
    Ok(diesel::delete(sessions::table.filter(own)).execute(c)? == 1)
}

/// All of a person but one.
pub fn delete_others(
    c: &mut AnyConnection,
    user: &UserId,
    keep: &SessionId,
) -> Result<usize, StoreError> {
    let others = sessions::user_id.eq(user.as_str()).and(sessions::id.ne(keep.as_str()));
    Ok(diesel::delete(sessions::table.filter(others)).execute(c)?)
}

pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    Ok(diesel::delete(sessions::table.filter(sessions::last_seen_at.lt(before.micros())))
        .execute(c)?)
}
